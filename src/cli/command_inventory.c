/* inventory - what is known to run where. */
#include "cli/command.h"
#include "cli/inventory.h"
#include "cli/output.h"

#include "exposure/exposure.h"

/* ── import ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct inventory_import *const inventory_imports[] = { &inventory_import_host, &inventory_import_sbom, NULL };

static const struct inventory_import *import_of(struct span bytes)
{
	for (size_t i = 0; inventory_imports[i]; i++)
		if (inventory_imports[i]->is(bytes))
			return inventory_imports[i];
	return NULL;
}

static int import_file(struct importing *i, const char *path, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(INVENTORY_IMPORT_MAX_BYTES);
	int rc = fs_read(path, &bytes, err);
	if (rc < 0)
		return rc;
	if (option_text(i->in, "mapping", NULL))
		return inventory_import_cmdb(i, path, str_span(&bytes), err);
	const struct inventory_import *form = import_of(str_span(&bytes));
	if (!form) {
		(void)err_set(err, RF_EUNSUPPORTED, "not a form that is read: CycloneDX 1.4 to 1.6 (JSON), SPDX 2.3 (JSON, tag-value), a report of scan --host");
		return err_in_file(err, path);
	}
	rc = form->run(i, path, str_span(&bytes), err);
	return rc < 0 ? err_in_file(err, path) : rc;
}

static int import_report(const struct importing *i, const struct exposure_changes *e, struct err *err)
{
	const struct inventory_changes *c = &i->changes;
	if (!i->in->json) {
		out("placements: %llu new, %llu replaced, %llu gone, %llu unchanged; exposures: %lld open, %lld new, %lld cleared\n",
		    (unsigned long long)c->added, (unsigned long long)c->replaced, (unsigned long long)c->vanished,
		    (unsigned long long)c->unchanged, (long long)e->open, (long long)e->opened, (long long)e->cleared);
		return 0;
	}
	RF_AUTO(str) s = STR_INIT(64 * KIB);
	struct json_out o = json_out(&s, false);
	json_object(&o);
	json_member_u64(&o, "files", i->in->argument_count);
	json_member_u64(&o, "components", i->components);
	json_member_u64(&o, "added", c->added);
	json_member_u64(&o, "replaced", c->replaced);
	json_member_u64(&o, "vanished", c->vanished);
	json_member_u64(&o, "unchanged", c->unchanged);
	json_member_u64(&o, "refused", i->refused);
	json_member_i64(&o, "exposures_open", e->open);
	json_member_i64(&o, "exposures_new", e->opened);
	json_member_i64(&o, "exposures_cleared", e->cleared);
	json_object_end(&o);
	return out_json(&s, err);
}

static int place_check(const struct importing *i, struct err *err)
{
	if (i->service[0] && !workspace_service(i->site->workspace, span_of(i->service)))
		return err_set(err, RF_EUSAGE, "--service %s: reforge.yaml has no such service", i->service);
	if (i->environment[0] && !workspace_environment(i->site->workspace, span_of(i->environment)))
		return err_set(err, RF_EUSAGE, "--environment %s: reforge.yaml has no such environment", i->environment);
	return 0;
}

static int run_import(const struct invocation *in, struct err *err)
{
	struct site site;
	struct exposure_changes exposures = { 0 };
	struct importing i = { .in = in, .site = &site, .service = option_text(in, "service", ""), .environment = option_text(in, "environment", "") };
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	if (rc == 0)
		rc = place_check(&i, err);
	for (size_t n = 0; n < in->argument_count && rc == 0; n++)
		rc = import_file(&i, in->arguments[n], err);
	if (rc == 0)
		rc = exposure_refresh(site.db, site.actor, &exposures, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	site_release(&site);
	if (rc == 0)
		rc = import_report(&i, &exposures, err);
	if (rc)
		return rc;
	return i.refused ? 1 : i.findings ? 3 : 0; /* what could not be told is no pass */
}

static const struct option_row import_options[] = {
	{ "service", 's', OPTION_TEXT, "NAME", "the service that it belongs to (default: none)", NULL },
	{ "environment", 'e', OPTION_TEXT, "NAME", "the environment (default: none)", NULL },
	{ "image-map", 0, OPTION_TEXT, "FILE", "a CSV of what the tags of images hold, as of scan", NULL },
	{ "key", 0, OPTION_LIST, "FILE", "public key that a host's report must be signed with; may be given again", NULL },
	{ "mapping", 0, OPTION_TEXT, "FILE", "FILE... are a CMDB's (CSV, JSON): what their columns mean", NULL },
	{ "cmdb", 0, OPTION_TEXT, "NAME", "--mapping: name of the CMDB, whose earlier import this replaces (default: cmdb)", NULL },
	{ "replace", 0, OPTION_FLAG, NULL, "a host's name now belongs to the machine, or the key, of this report", NULL },
	{ 0 } };
const struct command command_inventory = {
	"inventory", "what is known to run where",
	(const struct verb[]){
		{ "list", "", "placements: engine, service, builder, runtime, since when", 0, 0, inventory_list_options, inventory_list,
		  "With --at: the placements of that moment. With --history: when each came, was replaced, moved (the same content at another path or\n"
		  "host within a day) or went." },
		{ "show", "PATH|DIGEST", "what is there: components, what is inside, what happened to it", 1, 1, inventory_show_options, inventory_show,
		  "An image shows what is inside of it." },
		{ "export", "", "what runs where, as CycloneDX 1.6 (ML-BOM) or CSV", 0, 0, inventory_export_options, inventory_export,
		  "Writes to stdout. cyclonedx: engines and models with how and from what they were built, toolchains, packages, services; csv: one line a\n"
		  "placement. No advisory, no option of a recipe and no contact of a person is in it." },
		{ "import", "FILE...", "records what others know: bills of materials (CycloneDX, SPDX), reports of hosts (scan --host), a CMDB", 1, 10000, import_options, run_import,
		  "Records each file in the workspace and brings the exposures up to date. What a file is, its content says: CycloneDX 1.4 to 1.6 in\n"
		  "JSON, SPDX 2.3 in JSON or as tag-value. Its host is sbom:NAME@VERSION of what it is a bill of; a newer bill of the same takes its place.\n"
		  "A host's report comes in whole or not at all; what it does not tell of is gone from that host. Older ones, those of another machine\n"
		  "under the same name and those that contradict what is known are refused; the others still come in.\n"
		  "With --mapping the files say whose hosts are: service, environment, owner, reach, criticality." },
		{ "findings", "", "what was found on hosts and in clusters beside the content of files", 0, 0, inventory_findings_options,
		  inventory_findings, NULL },
		{ 0 } },
};
