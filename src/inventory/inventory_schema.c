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
	/* A fleet of a million placements: texts that repeat stand once (hosts, paths, services), and what is used for
	 * what stands once in inventory_use, so that it is judged and counted once and not per placement. A placement
	 * is seven numbers. seen_last NULL: as of the group's last report. placements: how many are open. */
	"ALTER TABLE inventory_placement RENAME TO inventory_placement_1;\n"
	"ALTER TABLE inventory_artifact_component RENAME TO inventory_artifact_component_1;\n"
	"ALTER TABLE inventory_artifact RENAME TO inventory_artifact_1;\n"
	"CREATE TABLE inventory_host(id {id}, name {text} NOT NULL UNIQUE);\n"
	"CREATE TABLE inventory_path(id {id}, path {blob} NOT NULL UNIQUE);\n"
	"CREATE TABLE inventory_service(id {id}, service {text} NOT NULL, environment {text} NOT NULL,\n"
	"  UNIQUE(service, environment));\n"
	"CREATE TABLE inventory_group(id {id}, host_id {int64} NOT NULL REFERENCES inventory_host(id),\n"
	"  service_id {int64} NOT NULL REFERENCES inventory_service(id), seen_last {int64} NOT NULL, report {text} NOT "
	"NULL,\n"
	"  UNIQUE(host_id, service_id));\n"
	"CREATE INDEX inventory_group_by_service ON inventory_group(service_id);\n"
	"CREATE TABLE inventory_artifact(\n"
	"  id {id}, digest {text} NOT NULL UNIQUE, size {int64} NOT NULL, kind {text} NOT NULL, layout {text} NOT "
	"NULL,\n"
	"  product {text}, version {text} NOT NULL, version_source {text} NOT NULL, target {text} NOT NULL,\n"
	"  compute_capability {text} NOT NULL, finding {text} NOT NULL, cause {text} NOT NULL, notes {text} NOT NULL,\n"
	"  evidence {text} NOT NULL, reader {int64} NOT NULL, first_seen {int64} NOT NULL,\n"
	"  component_id {int64} REFERENCES inventory_component(id), role {text} NOT NULL,\n"
	/* counts up whenever what it holds, or what is inside of it, is told anew */
	"  revision {int64} NOT NULL DEFAULT 0);\n"
	"CREATE TABLE inventory_artifact_component(\n"
	"  artifact_id {int64} NOT NULL REFERENCES inventory_artifact(id),\n"
	"  component_id {int64} NOT NULL REFERENCES inventory_component(id),\n"
	"  role {text} NOT NULL, source {text} NOT NULL, location {text} NOT NULL,\n"
	"  PRIMARY KEY(artifact_id, component_id, role, source, location));\n"
	"CREATE TABLE inventory_inside(\n"
	"  outer_id {int64} NOT NULL REFERENCES inventory_artifact(id), path {blob} NOT NULL,\n"
	"  inner_id {int64} NOT NULL REFERENCES inventory_artifact(id), PRIMARY KEY(outer_id, path));\n"
	"CREATE INDEX inventory_inside_by_inner ON inventory_inside(inner_id);\n"
	/* runtime_id 0: what loads it is not known */
	"CREATE TABLE inventory_use(\n"
	"  id {id}, artifact_id {int64} NOT NULL REFERENCES inventory_artifact(id),\n"
	"  service_id {int64} NOT NULL REFERENCES inventory_service(id), model {text} NOT NULL, runtime_id {int64} NOT "
	"NULL,\n"
	"  placements {int64} NOT NULL, UNIQUE(artifact_id, service_id, model, runtime_id));\n"
	"CREATE INDEX inventory_use_by_service ON inventory_use(service_id);\n"
	"CREATE INDEX inventory_use_by_runtime ON inventory_use(runtime_id);\n"
	"CREATE TABLE inventory_placement(\n"
	"  id {id}, group_id {int64} NOT NULL REFERENCES inventory_group(id),\n"
	"  path_id {int64} NOT NULL REFERENCES inventory_path(id), use_id {int64} NOT NULL REFERENCES "
	"inventory_use(id),\n"
	"  seen_from {int64} NOT NULL, gone_at {int64}, seen_last {int64});\n"
	"INSERT INTO inventory_host(name) SELECT DISTINCT host FROM inventory_placement_1 ORDER BY host;\n"
	"INSERT INTO inventory_path(path) SELECT DISTINCT path FROM inventory_placement_1 ORDER BY path;\n"
	"INSERT INTO inventory_service(service, environment)\n"
	"  SELECT DISTINCT service, environment FROM inventory_placement_1 ORDER BY service, environment;\n"
	"INSERT INTO inventory_group(host_id, service_id, seen_last, report)\n"
	"  SELECT h.id, s.id, MAX(p.seen_last), '' FROM inventory_placement_1 p JOIN inventory_host h ON h.name = "
	"p.host\n"
	"  JOIN inventory_service s ON s.service = p.service AND s.environment = p.environment GROUP BY h.id, s.id\n"
	"  ORDER BY h.id, s.id;\n"
	"INSERT INTO inventory_artifact(digest, size, kind, layout, product, version, version_source, target,\n"
	"  compute_capability, finding, cause, notes, evidence, reader, first_seen, component_id, role)\n"
	"  SELECT a.digest, a.size, a.kind, a.layout, a.product, a.version, a.version_source, a.target,\n"
	"  a.compute_capability, a.finding, a.cause, a.notes, a.evidence, a.reader, a.first_seen, l.component_id,\n"
	"  COALESCE(l.role, '') FROM inventory_artifact_1 a LEFT JOIN inventory_artifact_component_1 l ON l.digest = "
	"a.digest\n"
	"  ORDER BY a.first_seen, a.digest;\n"
	"INSERT INTO inventory_artifact_component(artifact_id, component_id, role, source, location)\n"
	"  SELECT a.id, l.component_id, l.role, a.version_source, '' FROM inventory_artifact_component_1 l\n"
	"  JOIN inventory_artifact a ON a.digest = l.digest;\n"
	"INSERT INTO inventory_use(artifact_id, service_id, model, runtime_id, placements)\n"
	"  SELECT a.id, s.id, p.model, COALESCE(p.runtime_id, 0), SUM(CASE WHEN p.gone_at IS NULL THEN 1 ELSE 0 END)\n"
	"  FROM inventory_placement_1 p JOIN inventory_artifact a ON a.digest = p.digest\n"
	"  JOIN inventory_service s ON s.service = p.service AND s.environment = p.environment\n"
	"  GROUP BY a.id, s.id, p.model, COALESCE(p.runtime_id, 0) ORDER BY a.id, s.id;\n"
	"INSERT INTO inventory_placement(group_id, path_id, use_id, seen_from, gone_at, seen_last)\n"
	"  SELECT g.id, x.id, u.id, p.seen_from, p.gone_at, p.seen_last FROM inventory_placement_1 p\n"
	"  JOIN inventory_host h ON h.name = p.host\n"
	"  JOIN inventory_service s ON s.service = p.service AND s.environment = p.environment\n"
	"  JOIN inventory_group g ON g.host_id = h.id AND g.service_id = s.id\n"
	"  JOIN inventory_path x ON x.path = p.path JOIN inventory_artifact a ON a.digest = p.digest\n"
	"  JOIN inventory_use u ON u.artifact_id = a.id AND u.service_id = s.id AND u.model = p.model\n"
	"  AND u.runtime_id = COALESCE(p.runtime_id, 0) ORDER BY p.id;\n"
	"DROP TABLE inventory_placement_1;\n"
	"DROP TABLE inventory_artifact_component_1;\n"
	"DROP TABLE inventory_artifact_1;\n"
	"CREATE INDEX inventory_artifact_component_by_component ON inventory_artifact_component(component_id);\n"
	"CREATE UNIQUE INDEX inventory_placement_open ON inventory_placement(group_id, path_id) WHERE gone_at IS "
	"NULL;\n"
	"CREATE INDEX inventory_placement_by_group ON inventory_placement(group_id);\n"
	"CREATE INDEX inventory_placement_by_use ON inventory_placement(use_id);\n"
	"CREATE INDEX inventory_placement_by_path ON inventory_placement(path_id);\n",
	/* what lies inside of a container that need not be read again */
	"ALTER TABLE inventory_known ADD COLUMN members {blob};\n",
	/* what lists of a use's placements need stands in its index: the rows of a use lie all over the table */
	"DROP INDEX inventory_placement_by_use;\n"
	"CREATE INDEX inventory_placement_by_use ON inventory_placement(use_id, gone_at, group_id, path_id, "
	"seen_from);\n",
	/* Since when the content is there without a gap, under whatever service, model and runtime: what is asked of an
	 * engine begins there and not with the runtime's upgrade. */
	"ALTER TABLE inventory_placement ADD COLUMN content_from {int64} NOT NULL DEFAULT 0;\n"
	"CREATE TABLE inventory_content_1(id {int64} PRIMARY KEY, content_from {int64} NOT NULL);\n"
	"INSERT INTO inventory_content_1(id, content_from) SELECT i.id, MIN(i.seen_from) OVER (PARTITION BY i.host_id,"
	" i.path_id, i.artifact_id, i.island) FROM (SELECT o.*, SUM(CASE WHEN o.before_gone >= o.seen_from THEN 0 ELSE 1 END)"
	" OVER (PARTITION BY o.host_id, o.path_id, o.artifact_id ORDER BY o.seen_from, o.id) AS island FROM (SELECT p.id,"
	" g.host_id, p.path_id, u.artifact_id, p.seen_from, LAG(COALESCE(p.gone_at, p.seen_from)) OVER (PARTITION BY"
	" g.host_id, p.path_id, u.artifact_id ORDER BY p.seen_from, p.id) AS before_gone FROM inventory_placement p"
	" JOIN inventory_group g ON g.id = p.group_id JOIN inventory_use u ON u.id = p.use_id) o) i;\n"
	"UPDATE inventory_placement SET content_from = (SELECT c.content_from FROM inventory_content_1 c WHERE c.id ="
	" inventory_placement.id);\n"
	"DROP TABLE inventory_content_1;\n"
	"DROP INDEX inventory_placement_by_use;\n"
	"CREATE INDEX inventory_placement_by_use ON inventory_placement(use_id, gone_at, group_id, path_id, "
	"seen_from, content_from);\n",
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
