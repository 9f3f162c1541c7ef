/* Tables of the inventory. Only ever append steps. See inventory.h. */
#include "inventory/inventory_int.h"

#include <sys/utsname.h>

static const char *const steps[] = {
	"CREATE TABLE inventory_component(id {id}, product {text} NOT NULL, version {text} NOT NULL, UNIQUE(product, "
	"version));\n"
	"CREATE TABLE inventory_artifact(\n"
	"  digest {text} PRIMARY KEY, size {int64} NOT NULL, kind {text} NOT NULL, layout {text} NOT NULL, product "
	"{text},\n"
	"  version {text} NOT NULL, version_source {text} NOT NULL, target {text} NOT NULL, compute_capability {text} "
	"NOT NULL,\n"
	"  finding {text} NOT NULL, cause {text} NOT NULL, notes {text} NOT NULL, evidence {text} NOT NULL,\n"
	"  reader {int64} NOT NULL, first_seen {int64} NOT NULL);\n"
	"CREATE TABLE inventory_artifact_component(\n"
	"  digest {text} NOT NULL REFERENCES inventory_artifact(digest),\n"
	"  component_id {int64} NOT NULL REFERENCES inventory_component(id), role {text} NOT NULL,\n"
	"  PRIMARY KEY(digest, role, component_id));\n"
	"CREATE INDEX inventory_artifact_component_by_component ON inventory_artifact_component(component_id);\n"
	/* paths are bytes: no encoding may be asked of them */
	"CREATE TABLE inventory_placement(\n"
	"  id {id}, host {text} NOT NULL, path {blob} NOT NULL, service {text} NOT NULL, environment {text} NOT NULL,\n"
	"  model {text} NOT NULL, digest {text} NOT NULL REFERENCES inventory_artifact(digest),\n"
	"  runtime_id {int64} REFERENCES inventory_component(id),\n"
	"  seen_from {int64} NOT NULL, seen_last {int64} NOT NULL, gone_at {int64});\n"
	"CREATE UNIQUE INDEX inventory_placement_open ON inventory_placement(host, service, environment, path)\n"
	"  WHERE gone_at IS NULL;\n"
	"CREATE INDEX inventory_placement_by_digest ON inventory_placement(digest);\n"
	"CREATE INDEX inventory_placement_by_runtime ON inventory_placement(runtime_id);\n"
	"CREATE TABLE inventory_unseen(\n"
	"  host {text} NOT NULL, service {text} NOT NULL, environment {text} NOT NULL, path {blob} NOT NULL, reason "
	"{text} NOT NULL,\n"
	"  since {int64} NOT NULL, last {int64} NOT NULL, PRIMARY KEY(host, service, environment, path));\n"
	"CREATE TABLE inventory_known(\n"
	"  machine {text} NOT NULL, device {int64} NOT NULL, inode {int64} NOT NULL, size {int64} NOT NULL,\n"
	"  mtime_ns {int64} NOT NULL, ctime_ns {int64} NOT NULL, digest {text} NOT NULL, second_look {text} NOT NULL,\n"
	"  reader {int64} NOT NULL, hashed_at {int64} NOT NULL, PRIMARY KEY(machine, device, inode));\n",
};

const struct migration_set INVENTORY_MIGRATIONS = { .room = "inventory",
						    .steps = steps,
						    .step_count = RF_COUNT(steps) };

const char *inventory_machine(char buffer[65])
{
	struct utsname names;
	snprintf(buffer, 65, "%s", uname(&names) == 0 ? names.nodename : "localhost");
	return buffer;
}
