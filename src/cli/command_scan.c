/* scan - what files say about themselves; inventory - what is known to run where. */
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
	struct scanning s = { .line = STR_INIT(4 * MIB), .json = in->json, .all = option_flag(in, "all"), .err = err };
	struct scan_totals totals = { 0 };
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
	{ 0 } };
const struct command command_scan = {
	"scan", "what engines say about themselves: kind, version, target, conflicts",
	(const struct verb[]){ { "", "[PATH|IMAGE...]", "what engines say about themselves: kind, version, target, conflicts", 0, 10000, scan_options_, run_scan,
	                         "Without PATH: scans the roots of every service in reforge.yaml, records placements and brings the exposures up to date.\n"
	                         "With PATH: reports files and folders, records nothing, needs no workspace. --json prints one object a line.\n"
	                         "With IMAGE: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG], registry:HOST/NAME:TAG or that reference alone, "
	                         "rootfs:DIR: streams the layers and reports what the image's file system holds in the end; inside a workspace it is recorded." },
	                       { 0 } },
};

struct listing {
	struct table *table;
	struct str *line;
	struct err *err;
	bool json;
};

static void placement_json(struct json_out *o, const struct inventory_placement *p)
{
	json_object(o);
	json_member_i64(o, "id", p->id);
	json_member_span(o, "host", p->host);
	json_member_span(o, "path", p->path);
	json_member_span(o, "service", p->service);
	json_member_span(o, "environment", p->environment);
	json_member_span(o, "model", p->model);
	json_member(o, "sha256", p->artifact.digest);
	json_member_u64(o, "size", p->artifact.size);
	json_member_span(o, "kind", p->artifact.kind);
	json_member_span(o, "product", p->artifact.product);
	json_member_span(o, "version", p->artifact.version);
	json_member_span(o, "target", p->artifact.target);
	json_member_span(o, "finding", p->artifact.finding);
	json_member_span(o, "runtime_product", p->runtime_product);
	json_member_span(o, "runtime_version", p->runtime_version);
	json_member_time(o, "seen_from", p->seen_from);
	json_member_time(o, "seen_last", p->seen_last);
	json_member_time(o, "gone_at", p->gone_at);
	json_object_end(o);
}

static int take_placement(const struct inventory_placement *p, void *data)
{
	struct listing *l = data;
	if (l->json) {
		str_reset(l->line);
		struct json_out o = json_out(l->line, false);
		placement_json(&o, p);
		return out_json(l->line, l->err);
	}
	char since[TIME_TEXT_BYTES];
	table_cell(l->table, COLOUR_NONE, p->service);
	table_cell(l->table, COLOUR_NONE, p->environment);
	table_cell(l->table, COLOUR_NONE, p->model);
	table_cell(l->table, COLOUR_NONE, p->artifact.kind);
	table_cell(l->table, COLOUR_NONE, p->artifact.version);
	table_cell(l->table, COLOUR_NONE, p->runtime_version);
	table_text(l->table, time_text(p->gone_at != USEC_NONE ? p->gone_at : p->seen_from, since));
	table_cell(l->table, p->gone_at != USEC_NONE ? COLOUR_DIM : COLOUR_NONE, p->path);
	return 0;
}

struct inventory_query {
	struct inventory_filter filter;
	struct listing listing;
};

static int list_placements(struct transaction *tx, void *data)
{
	struct inventory_query *q = data;
	table_clear(q->listing.table);
	return inventory_each_placement(tx, &q->filter, take_placement, &q->listing);
}

static int run_inventory(const struct invocation *in, struct err *err)
{
	struct site site;
	struct table table;
	struct str line = STR_INIT(1 * MIB);
	struct inventory_query q = { .listing = { &table, &line, err, in->json } };
	q.filter.service = span_of(option_text(in, "service", NULL));
	q.filter.environment = span_of(option_text(in, "environment", NULL));
	q.filter.engines_only = !option_flag(in, "all");
	q.filter.with_gone = option_flag(in, "gone");
	table_init(&table, "service", "environment", "model", "kind", "built by", "runtime", q.filter.with_gone ? "since / gone" : "since", "path", NULL);
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, list_placements, &q, err);
	if (rc == 0 && !in->json)
		rc = table_print(&table, err);
	table_release(&table);
	str_release(&line);
	site_release(&site);
	return rc;
}

static const struct option_row inventory_options[] = {
	{ "service", 's', OPTION_TEXT, "NAME", "of this service only", NULL },
	{ "environment", 'e', OPTION_TEXT, "NAME", "of this environment only", NULL },
	{ "all", 'a', OPTION_FLAG, NULL, "models, timing caches, pointers as well", NULL },
	{ "gone", 0, OPTION_FLAG, NULL, "placements that are no more, too", NULL },
	{ 0 } };
const struct command command_inventory = {
	"inventory", "what is known to run where",
	(const struct verb[]){ { "list", "", "placements: engine, service, builder, runtime, since when", 0, 0, inventory_options, run_inventory, NULL }, { 0 } },
};
