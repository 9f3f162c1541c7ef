/* scan - what files say about themselves. */
#include "cli/command.h"
#include "cli/scan.h"
#include "cli/site.h"

#include "base/log.h"
#include "exposure/exposure.h"
#include "inventory/fleet.h"

static int take_placed(const struct scan_file *f, const struct inventory_place *place, void *data)
{
	(void)place;
	return scanning_take(f, data);
}

static void print_totals(const struct scan_totals *t)
{
	char size[32];
	out("\n%llu files, %llu engines; %s hashed, %llu unchanged", (unsigned long long)t->files, (unsigned long long)t->engines,
	    text_bytes(t->bytes_hashed, size), (unsigned long long)t->cached);
	if (t->conflicts)
		out_colour(COLOUR_YELLOW, "; %llu in conflict with themselves", (unsigned long long)t->conflicts);
	if (t->unknowns)
		out_colour(COLOUR_YELLOW, "; %llu unknown", (unsigned long long)t->unknowns);
	if (t->errors)
		out_colour(COLOUR_RED, "; %llu unreadable", (unsigned long long)t->errors);
	out("\n");
}

static int scan_fleet(const struct invocation *in, struct scanning *s, struct scan_totals *totals, struct err *err)
{
	struct site site;
	struct fleet_scan options = { .progress = scanning_progress, .report = take_placed, .data = s };
	struct fleet_result result;
	struct exposure_changes exposures = { 0 };
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	if (rc == 0)
		rc = fleet_scan(site.db, site.workspace, &options, &result, err);
	if (rc == 0)
		rc = exposure_refresh(site.db, site.actor, &exposures, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	site_release(&site);
	if (rc != 0)
		return rc;
	*totals = result.totals;
	s->roots_absent = result.roots_absent;
	progress_end(&s->progress);
	if (!s->json) {
		const struct inventory_changes *c = &result.changes;
		rc = table_print(&s->table, err);
		table_clear(&s->table);
		out("\nplacements: %llu new, %llu replaced, %llu gone, %llu unchanged; exposures: %lld open, %lld new, %lld cleared\n",
		    (unsigned long long)c->added, (unsigned long long)c->replaced, (unsigned long long)c->vanished, (unsigned long long)c->unchanged,
		    (long long)exposures.open, (long long)exposures.opened, (long long)exposures.cleared);
	}
	if (result.roots_absent) /* stdout has one object a file and nothing else with --json */
		log_warn("%zu of %zu roots are not there: nothing is claimed about them", result.roots_absent, result.roots);
	return rc;
}

static int run_scan(const struct invocation *in, struct err *err)
{
	struct scanning s = { .line = STR_INIT(SCANNING_LINE_MAX), .json = in->json, .all = option_flag(in, "all"), .err = err };
	struct scan_totals totals = { 0 };
	if (option_flag(in, "host"))
		return scan_host(in, err);
	if (in->argument_count == 0 && option_flag(in, "no-digest"))
		return err_set(err, RF_EUSAGE, "--no-digest reports only; it needs a PATH");
	table_init(&s.table, "path", "kind", "version", "from", "target", "finding", "note", NULL);
	progress_begin(&s.progress, in);
	int rc = in->argument_count ? scan_arguments(in, &s, &totals, err) : scan_fleet(in, &s, &totals, err);
	progress_end(&s.progress);
	if (rc == 0 && !in->json) {
		if (s.table.count)
			rc = table_print(&s.table, err);
		print_totals(&totals);
	}
	triton_repositories_free(s.triton);
	table_release(&s.table);
	str_release(&s.line);
	if (rc != 0)
		return rc;
	/* not to have looked is no pass */
	return totals.conflicts || totals.unknowns || totals.errors || s.roots_absent ? 3 : 0;
}

static const struct option_row scan_options_[] = {
	{ "no-digest", 0, OPTION_FLAG, NULL, "headers only: report-only, content is not hashed or searched", NULL },
	{ "evidence", 0, OPTION_FLAG, NULL, "with --json: the bytes that each fact was read from", NULL },
	{ "all", 'a', OPTION_FLAG, NULL, "list files of other kinds as well", NULL },
	{ "platform", 0, OPTION_TEXT, "OS/ARCH", "of images for several: linux/arm64, ...; all (default: this machine's, or the only one)", NULL },
	{ "threads", 0, OPTION_NUMBER, "N", "workers (default: one per processor)", NULL },
	{ "image-map", 0, OPTION_TEXT, "FILE", "a CSV of what the tags of images hold, beside NVIDIA's (image,tag,PRODUCT...,source)", NULL },
	{ "cluster", 0, OPTION_TEXT, "NAME", "k8s: name of the cluster (default: the context's; of manifests: manifests)", NULL },
	{ "complete", 0, OPTION_FLAG, NULL, "k8s: these manifests are all of the cluster (with --namespace: of the namespace): what they do not tell of is gone", NULL },
	{ "namespace", 0, OPTION_TEXT, "NAME", "k8s: this namespace only", NULL },
	{ "host", 0, OPTION_FLAG, NULL, "a report of this machine: files below the PATHs, processes, what they have mapped", NULL },
	{ "output", 'o', OPTION_TEXT, "FILE", "--host: where the report goes (default: stdout)", NULL },
	{ "name", 0, OPTION_TEXT, "HOST", "--host: name of this machine (default: its own)", NULL },
	{ "key", 0, OPTION_TEXT, "FILE", "--host: private key (Ed25519, PEM, 0600) that signs the report", NULL },
	{ 0 } };
const struct command command_scan = {
	"scan", "what engines say about themselves: kind, version, target, conflicts",
	(const struct verb[]){ { "", "[PATH|IMAGE|k8s:CONTEXT|k8s:FILE...]", "what engines say about themselves: kind, version, target, conflicts", 0, 10000, scan_options_, run_scan,
	                         "Without PATH: scans the roots of every service in reforge.yaml, records placements and brings the exposures up to date.\n"
	                         "With PATH: reports files, folders and what lies inside of archives, pickles and models (OUTER!/inner); records nothing, needs no "
	                         "workspace. --json prints one object a line.\n"
	                         "With IMAGE: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG], registry:HOST/NAME:TAG or that reference alone, "
	                         "rootfs:DIR: streams the layers and reports what the image's file system holds in the end; inside a workspace it is recorded.\n"
	                         "With a bill of materials (CycloneDX, SPDX) or a Dockerfile: the components that it lists, or that the tags of its images prove. Dockerfiles in a folder too.\n"
	                         "k8s:CONTEXT lists the workloads of a cluster (of a kubeconfig, or in-cluster), k8s:FILE or k8s:FOLDER reads manifests; inside a "
	                         "workspace they are recorded.\n"
	                         "--host makes a report for `reforge inventory import`, on a machine that needs no workspace." },
	                       { 0 } },
};
