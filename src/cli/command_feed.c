/* feed - bring advisories in; advisory - look at them, decide about them. */
#include "cli/command.h"
#include "cli/feed.h"
#include "cli/output.h"
#include "cli/site.h"

#include "advisory/store.h"
#include "exposure/exposure.h"

struct importing {
	struct advisory_import_result sum;
	bool json;
};

static void show_problem(const char *path, const struct err *problem, void *data)
{
	char text[4096];
	(void)data;
	fprintf(stderr, "reforge feed: not imported: %s\n", err_render(problem, text, sizeof text));
	(void)path;
}

static int import_one(struct site *site, const char *path, const char *feed, const char *format, struct importing *i, struct err *err)
{
	struct advisory_import_result r = { 0 };
	struct advisory_import options = { .feed = feed, .actor = site->actor, .format = format, .problem = show_problem };
	int rc = advisory_import_path(site->db, path, &options, &r, err);
	i->sum.files += r.files;
	i->sum.documents += r.documents;
	i->sum.unchanged += r.unchanged;
	i->sum.advisories += r.advisories;
	i->sum.review += r.review;
	i->sum.problems += r.problems;
	return rc;
}

static int print_import(const struct importing *i, const struct exposure_changes *e, struct err *err)
{
	const struct advisory_import_result *s = &i->sum;
	if (!i->json) {
		out("%lld files: %lld new or changed, %lld unchanged, %lld refused; %lld advisories", (long long)s->files, (long long)s->documents,
		    (long long)s->unchanged, (long long)s->problems, (long long)s->advisories);
		if (s->review)
			out_colour(COLOUR_YELLOW, "; %lld statements need review (no rule reads them)", (long long)s->review);
		out("\nexposures: %lld open, %lld new, %lld cleared\n", (long long)e->open, (long long)e->opened, (long long)e->cleared);
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member_i64(&o, "files", s->files);
	json_member_i64(&o, "documents", s->documents);
	json_member_i64(&o, "unchanged", s->unchanged);
	json_member_i64(&o, "advisories", s->advisories);
	json_member_i64(&o, "review", s->review);
	json_member_i64(&o, "problems", s->problems);
	json_member_i64(&o, "exposures_open", e->open);
	json_member_i64(&o, "exposures_opened", e->opened);
	json_member_i64(&o, "exposures_cleared", e->cleared);
	json_object_end(&o);
	return out_json(&text, err);
}

static int finish_import(struct site *site, struct importing *i, struct err *err)
{
	struct exposure_changes changes = { 0 };
	int rc = exposure_refresh(site->db, site->actor, &changes, err);
	if (rc == 0)
		rc = site_seal(site, err);
	if (rc == 0)
		rc = print_import(i, &changes, err);
	return rc != 0 ? rc : i->sum.problems ? 3 : 0;
}

static int run_import(const struct invocation *in, struct err *err)
{
	struct site site;
	struct importing i = { .json = in->json };
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	for (size_t k = 0; rc == 0 && k < in->argument_count; k++)
		rc = import_one(&site, in->arguments[k], option_text(in, "feed", "file"), option_text(in, "format", NULL), &i, err);
	if (rc == 0)
		rc = finish_import(&site, &i, err);
	site_release(&site);
	return rc;
}

static const struct option_row import_options[] = {
	{ "feed", 0, OPTION_TEXT, "NAME", "name of the feed they belong to (default: file)", NULL },
	{ "format", 0, OPTION_TEXT, "FORMAT", "default: told from the content", "osv csaf" },
	{ 0 } };
const struct command command_feed = {
	"feed", "bring security advisories in",
	(const struct verb[]){
		{ "import", "FILE...", "import advisories from files or folders (OSV, CSAF 2.0)", 1, 10000, import_options, run_import, NULL },
		{ "sync", "[NAME...]", "fetch the feeds of reforge.yaml and take in what is new", 0, 64, NULL, run_feed_sync, NULL },
		{ "status", "[NAME...]", "how the feeds stand: age against limit, records, alarms, wrong hashes", 0, 64, NULL, run_feed_status, NULL },
		{ "accept", "NAME", "the open alarms of a feed are right so", 1, 1, feed_accept_options, run_feed_accept, NULL },
		{ 0 } },
};

struct advisory_listing {
	struct advisory_filter filter;
	struct table table;
	struct str line;
	bool json;
	struct err *err;
};

static int take_advisory(const struct advisory_row *r, void *data)
{
	struct advisory_listing *l = data;
	char date[TIME_TEXT_BYTES];
	const char *state = advisory_state_name(r->state);
	if (l->json) {
		str_reset(&l->line);
		struct json_out o = json_out(&l->line, false);
		json_object(&o);
		json_member_span(&o, "id", r->id);
		json_member_span(&o, "title", r->title);
		json_member(&o, "state", state);
		json_member_bool(&o, "drill", r->is_drill);
		json_member_time(&o, "published", r->published);
		json_member_time(&o, "first_seen", r->first_seen);
		json_key(&o, "score");
		if (r->score >= 0)
			json_put_double(&o, r->score);
		else
			json_put_null(&o);
		json_member_i64(&o, "statements", r->statements);
		json_member_i64(&o, "review", r->review);
		json_object_end(&o);
		return out_json(&l->line, l->err);
	}
	table_cell(&l->table, r->is_drill ? COLOUR_BLUE : COLOUR_NONE, r->id);
	table_text(&l->table, state);
	table_text(&l->table, time_text_date(r->published, date));
	if (r->score >= 0)
		table_f(&l->table, COLOUR_NONE, "%.1f", r->score);
	else
		table_text(&l->table, "-");
	table_f(&l->table, r->review ? COLOUR_YELLOW : COLOUR_NONE, "%lld", (long long)r->review);
	table_cell(&l->table, COLOUR_NONE, r->title);
	return 0;
}

static int list_advisories(struct transaction *tx, void *data)
{
	struct advisory_listing *l = data;
	table_clear(&l->table);
	return advisory_list(tx, &l->filter, take_advisory, l);
}

static int run_advisory_list(const struct invocation *in, struct err *err)
{
	struct site site;
	struct advisory_listing l = { .line = STR_INIT(1 * MIB), .json = in->json, .err = err };
	l.filter.with_unpublished = option_flag(in, "all");
	l.filter.purl = span_of(option_text(in, "product", NULL));
	l.filter.text = span_of(in->argument_count ? in->arguments[0] : NULL);
	table_init(&l.table, "id", "state", "published", "score", "review", "title", NULL);
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, list_advisories, &l, err);
	if (rc == 0 && !in->json)
		rc = table_print(&l.table, err);
	table_release(&l.table);
	str_release(&l.line);
	site_release(&site);
	return rc;
}

struct story_query {
	struct arena arena;
	struct span id;
	struct exposure_story story;
};

static int read_story(struct transaction *tx, void *data)
{
	struct story_query *q = data;
	arena_reset(&q->arena);
	return exposure_explain_advisory(tx, &q->arena, q->id, &q->story);
}

static int run_advisory_show(const struct invocation *in, struct err *err)
{
	struct site site;
	struct story_query q = { .arena = ARENA_INIT(64 * MIB), .id = span_of(in->arguments[0]) };
	RF_AUTO(str) text = STR_INIT(64 * MIB);
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_READ, read_story, &q, err);
	if (rc == 0 && in->json) {
		struct json_out o = json_out(&text, out_is_terminal());
		exposure_story_json(&q.story, &o);
		rc = out_json(&text, err);
	} else if (rc == 0) {
		exposure_story_words(&q.story, &text);
		rc = str_check(&text, "advisory", err);
		if (rc == 0)
			out_str(&text);
	}
	arena_release(&q.arena);
	site_release(&site);
	return rc;
}

struct decision {
	const char *id, *actor, *why;
	enum engine_affecting value;
};

static int decide(struct transaction *tx, void *data)
{
	const struct decision *d = data;
	int rc = advisory_decide(tx, span_of(d->id), d->value, d->actor, d->why);
	return rc != 0 ? rc : exposure_refresh_tx(tx, d->actor, NULL);
}

static int run_decide(const struct invocation *in, struct err *err)
{
	struct site site;
	struct decision d = { .id = in->arguments[0], .why = option_text(in, "reason", "") };
	if (!d.why[0])
		return err_set(err, RF_EUSAGE, "a decision needs --reason TEXT: it stands in the ledger");
	if (!option(in, "engine-affecting")->given || !engine_affecting_read(span_of(option_text(in, "engine-affecting", "")), &d.value))
		return err_set(err, RF_EUSAGE, "--engine-affecting yes, no or unknown: does the flaw live on in engines that the product built?");
	int rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	d.actor = site.actor;
	if (rc == 0)
		rc = database_transact(site.db, DB_WRITE, decide, &d, err);
	if (rc == 0)
		rc = site_seal(&site, err);
	if (rc == 0 && in->json)
		rc = out_members(err, "advisory", d.id, "engine_affecting", option_text(in, "engine-affecting", ""), "reason", d.why, "who", d.actor, NULL);
	else if (rc == 0)
		out("decided\n");
	site_release(&site);
	return rc;
}

static const struct option_row advisory_list_options[] = {
	{ "all", 'a', OPTION_FLAG, NULL, "withdrawn and rejected records too", NULL },
	{ "product", 'p', OPTION_TEXT, "PURL", "about this product only", NULL },
	{ 0 } };
static const struct option_row decide_options[] = {
	{ "engine-affecting", 0, OPTION_TEXT, "ANSWER", "does the flaw live on in engines that were built?", "yes no unknown" },
	{ "reason", 0, OPTION_TEXT, "TEXT", "why; recorded with your name", NULL },
	{ 0 } };
const struct command command_advisory = {
	"advisory", "look at advisories and decide about them",
	(const struct verb[]){
		{ "list", "[TEXT]", "advisories at hand", 0, 1, advisory_list_options, run_advisory_list, NULL },
		{ "show", "ID", "one advisory: sources, ranges, policy, what it hits", 1, 1, NULL, run_advisory_show, NULL },
		{ "decide", "ID", "the operator's answer for one CVE", 1, 1, decide_options, run_decide, NULL },
		{ 0 } },
};
