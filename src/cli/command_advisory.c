/* advisory - look at advisories, in the order of work too, and decide about them. */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"
#include "cli/work.h"

#include "advisory/store.h"
#include "exposure/exposure.h"

struct stale_question {
	const struct workspace *w;
	struct arena a;
	struct exposure_stale *stale;
	size_t count;
};

/* ── list ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct advisory_listing {
	struct advisory_filter filter;
	struct table table;
	struct str line;
	char last[ADVISORY_MAX_ID + 1]; /* id of the last one listed */
	size_t count;                   /* of this page */
	bool json;
	struct err *err;
};
/* More than a person reads; JSON goes on page after page. */
#define LIST_PAGE 1000

static void row_json(const struct advisory_row *r, struct json_out *o)
{
	json_object(o);
	json_member_span(o, "id", r->id);
	json_member_span(o, "title", r->title);
	json_member(o, "state", advisory_state_name(r->state));
	json_member_bool(o, "drill", r->is_drill);
	json_member_time(o, "published", r->published);
	json_member_time(o, "first_seen", r->first_seen);
	json_key(o, "score");
	if (r->score >= 0)
		json_put_double(o, r->score);
	else
		json_put_null(o);
	json_member_i64(o, "statements", r->statements);
	json_member_i64(o, "review", r->review);
	json_object_end(o);
}

static int take_advisory(const struct advisory_row *r, void *data)
{
	struct advisory_listing *l = data;
	char date[TIME_TEXT_BYTES];
	snprintf(l->last, sizeof l->last, "%.*s", SPAN_ARG(r->id));
	l->count++;
	if (l->json) {
		str_reset(&l->line);
		struct json_out o = json_out(&l->line, false);
		row_json(r, &o);
		return out_json(&l->line, l->err);
	}
	table_cell(&l->table, r->is_drill ? COLOUR_BLUE : COLOUR_NONE, r->id);
	table_text(&l->table, advisory_state_name(r->state));
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
	l->count = 0;
	return advisory_list(tx, &l->filter, take_advisory, l);
}

/* A list that is short because a feed fell silent must not look complete. On a terminal and in a pipe; JSON has one object
 * a line and nothing beside it: there `status --json` says so. */
static int read_stale(struct transaction *tx, void *data)
{
	struct stale_question *q = data;
	arena_reset(&q->a);
	return exposure_stale_feeds(tx, &q->a, q->w, &q->stale, &q->count);
}

static int print_stale(const struct site *site, struct err *err)
{
	struct stale_question q = { .w = site->workspace, .a = ARENA_INIT(16 * MIB) };
	int rc = database_transact(site->db, DB_READ, read_stale, &q, err);
	if (rc == 0)
		out_stale(q.stale, q.count, "");
	arena_release(&q.a);
	return rc;
}

static int print_list(const struct invocation *in, const struct site *site, struct err *err)
{
	struct advisory_listing l = { .line = STR_INIT(1 * MIB), .json = in->json, .err = err };
	const char *product = option_text(in, "product", NULL);
	const struct product *known = product ? product_by_any(span_of(product)) : NULL;
	l.filter.with_unpublished = option_flag(in, "all");
	l.filter.for_review = option_flag(in, "review");
	l.filter.purl = span_of(known ? known->purl : product);
	l.filter.text = span_of(in->argument_count ? in->arguments[0] : NULL);
	table_init(&l.table, "id", "state", "published", "score", "review", "title", NULL);
	l.filter.limit = LIST_PAGE;
	int rc = database_transact(site->db, DB_READ, list_advisories, &l, err);
	while (rc == 0 && in->json && l.count == LIST_PAGE) {
		char after[sizeof l.last];
		memcpy(after, l.last, sizeof after);
		l.filter.after = span_of(after);
		rc = database_transact(site->db, DB_READ, list_advisories, &l, err);
	}
	if (rc == 0 && !in->json)
		rc = table_print(&l.table, err);
	if (rc == 0 && !in->json && l.count == LIST_PAGE)
		out("the first %d; --product PURL or a word of the title narrows, --json has them all\n", LIST_PAGE);
	table_release(&l.table);
	str_release(&l.line);
	return rc;
}

/* ── list --by-priority ─────────────────────────────────────────────────────────────────────────────────────────── */

struct work_question {
	const struct workspace *w;
	struct arena a;
	struct exposure_work_filter filter;
	struct exposure_work *list;
	size_t count;
};

static int ask_work(struct transaction *tx, void *data)
{
	struct work_question *q = data;
	arena_reset(&q->a);
	return exposure_order_work(tx, &q->a, q->w, &q->filter, &q->list, &q->count);
}

static int print_work(const struct work_question *q, const struct invocation *in, struct err *err)
{
	RF_AUTO(str) line = STR_INIT(4 * MIB);
	struct span text = span_of(in->argument_count ? in->arguments[0] : NULL);
	struct table t;
	int rc = 0;
	work_table_init(&t);
	for (size_t i = 0; rc == 0 && i < q->count; i++) {
		if (text.n && span_find(q->list[i].advisory, text) == SIZE_MAX &&
		    span_find(q->list[i].title, text) == SIZE_MAX)
			continue;
		if (!in->json) {
			work_table_row(&t, &q->list[i]);
			continue;
		}
		str_reset(&line);
		struct json_out o = json_out(&line, false);
		exposure_work_json(&q->list[i], &o);
		rc = out_json(&line, err);
	}
	if (rc == 0 && !in->json)
		rc = table_print(&t, err);
	table_release(&t);
	return rc;
}

static int print_by_priority(const struct invocation *in, const struct site *site, struct err *err)
{
	struct work_question q = { .w = site->workspace,
				   .a = ARENA_INIT(1024 * MIB),
				   .filter = { .with_drills = option_flag(in, "all"), .with_unexposed = true } };
	int rc = database_transact(site->db, DB_READ, ask_work, &q, err);
	if (rc == 0)
		rc = print_work(&q, in, err);
	arena_release(&q.a);
	return rc;
}

static int run_advisory_list(const struct invocation *in, struct err *err)
{
	struct site site;
	int rc = site_open(in, SITE_DATABASE, &site, err);
	if (rc == 0)
		rc = option_flag(in, "by-priority") ? print_by_priority(in, &site, err) : print_list(in, &site, err);
	if (rc == 0 && !in->json)
		rc = print_stale(&site, err);
	site_release(&site);
	return rc;
}

/* ── show ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct story_query {
	struct arena arena;
	const struct workspace *w;
	struct span id;
	struct exposure_story story;
};

static int read_story(struct transaction *tx, void *data)
{
	struct story_query *q = data;
	arena_reset(&q->arena);
	return exposure_explain_advisory(tx, &q->arena, q->w, q->id, &q->story);
}

static int run_advisory_show(const struct invocation *in, struct err *err)
{
	struct site site;
	struct story_query q = { .arena = ARENA_INIT(64 * MIB), .id = span_of(in->arguments[0]) };
	RF_AUTO(str) text = STR_INIT(64 * MIB);
	int rc = site_open(in, SITE_DATABASE, &site, err);
	q.w = site.workspace;
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

/* ── decide ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct decision {
	const char *id, *actor, *why;
	bool sets_engine_affecting, sets_applies, sets_range;
	enum engine_affecting engine_affecting;
	struct advisory_decision_made made; /* scope and owner of both kinds */
	struct exposure_changes changes;
};

/* The one product of ours that the advisory's sources speak of. */
static int only_product(struct transaction *tx, const char *id, const struct product **ret)
{
	struct arena a = ARENA_INIT(256 * MIB);
	struct stored_advisory v;
	const struct product *only = NULL;
	bool several = false;
	int rc = advisory_get(tx, &a, span_of(id), &v);
	for (size_t i = 0; rc == 0 && i < v.advisory.statement_count; i++) {
		const struct product *p = v.advisory.statements[i].product;
		several |= p && only && p != only;
		only = p ? p : only;
	}
	arena_release(&a);
	if (rc != 0)
		return rc;
	if (several || !only)
		return err_set(tx_err(tx), RF_EUSAGE, "%s: name it with --product PURL",
			       several ? "the advisory is about several products"
				       : "the advisory is about no product of ours");
	*ret = only;
	return 0;
}

static int decide(struct transaction *tx, void *data)
{
	struct decision *d = data;
	struct advisory_decision_made made = d->made;
	int rc = 0;
	if (d->sets_engine_affecting)
		rc = advisory_decide(tx, span_of(d->id), d->engine_affecting, d->actor, d->why);
	if (rc == 0 && d->sets_applies) {
		made.kind = DECISION_APPLIES;
		rc = advisory_decide_scope(tx, span_of(d->id), &made, d->actor, d->why);
	}
	if (rc == 0 && d->sets_range) {
		made = d->made;
		made.kind = DECISION_RANGE;
		if (!made.product)
			rc = only_product(tx, d->id, &made.product);
		if (rc == 0)
			rc = advisory_decide_scope(tx, span_of(d->id), &made, d->actor, d->why);
	}
	return rc != 0 ? rc : exposure_refresh_tx(tx, d->actor, &d->changes);
}

static int read_scope(const struct invocation *in, struct decision *d, struct err *err)
{
	const char *product = option_text(in, "product", NULL), *range = option_text(in, "range", NULL);
	d->made.owner = option_text(in, "owner", NULL);
	d->made.service = option_text(in, "service", NULL);
	d->sets_range = range != NULL;
	d->sets_applies = option_flag(in, "not-applicable") || option_flag(in, "applicable");
	d->made.applies = option_flag(in, "applicable");
	d->made.range = range && strcmp(range, "sources") != 0 ? span_of(range) : SPAN_NONE;
	if (d->sets_applies && option_flag(in, "applicable") && option_flag(in, "not-applicable"))
		return err_set(err, RF_EUSAGE, "--applicable and --not-applicable contradict each other");
	if (product) {
		d->made.product = product_by_any(span_of(product));
		if (!d->made.product)
			return err_set(err, RF_EUSAGE,
				       "no product is called \"%s\": a package URL such as pkg:generic/nvidia/tensorrt",
				       product);
	}
	if (d->sets_range && d->made.service)
		return err_set(err, RF_EUSAGE,
			       "--range is of a product, not of a service: versions are the same everywhere");
	return 0;
}

static int read_decision(const struct invocation *in, struct decision *d, struct err *err)
{
	d->id = in->arguments[0];
	d->why = option_text(in, "reason", "");
	d->sets_engine_affecting = option(in, "engine-affecting")->given;
	int rc = read_scope(in, d, err);
	if (rc != 0)
		return rc;
	if (!d->why[0])
		return err_set(err, RF_EUSAGE, "a decision needs --reason TEXT: it stands in the ledger");
	if (d->sets_engine_affecting &&
	    !engine_affecting_read(span_of(option_text(in, "engine-affecting", "")), &d->engine_affecting))
		return err_set(err, RF_EUSAGE,
			       "--engine-affecting yes, no or unknown: does the flaw live on in engines that the "
			       "product built?");
	if (!d->sets_engine_affecting && !d->sets_applies && !d->sets_range)
		return err_set(err, RF_EUSAGE,
			       "what is decided? --engine-affecting, --not-applicable, --applicable or --range");
	return 0;
}

static int check_service(const struct workspace *w, const char *name, struct err *err)
{
	RF_AUTO(str) names = STR_INIT(64 * KIB);
	for (size_t i = 0; name && i < w->services_n; i++) {
		if (strcmp(w->services[i].name, name) == 0)
			return 0;
		str_addf(&names, "%s%s", i ? ", " : "", w->services[i].name);
	}
	return name ? err_set(err, RF_EUSAGE, "no service is called \"%s\": %s", name, str_text(&names)) : 0;
}

static int print_decision(const struct invocation *in, const struct decision *d, struct err *err)
{
	if (!in->json) {
		out("decided\nexposures: %lld open, %lld new, %lld cleared\n", (long long)d->changes.open,
		    (long long)d->changes.opened, (long long)d->changes.cleared);
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "advisory", d->id);
	if (d->sets_engine_affecting)
		json_member(&o, "engine_affecting", engine_affecting_name(d->engine_affecting));
	if (d->sets_applies)
		json_member_bool(&o, "applies", d->made.applies);
	if (d->sets_range)
		json_member_span(&o, "range", d->made.range);
	if (d->made.product)
		json_member(&o, "product", d->made.product->purl);
	if (d->made.service)
		json_member(&o, "service", d->made.service);
	json_member(&o, "reason", d->why);
	json_member(&o, "owner", d->made.owner ? d->made.owner : d->actor);
	json_member(&o, "who", d->actor);
	json_member_i64(&o, "exposures_open", d->changes.open);
	json_member_i64(&o, "exposures_opened", d->changes.opened);
	json_member_i64(&o, "exposures_cleared", d->changes.cleared);
	json_object_end(&o);
	return out_json(&text, err);
}

static int run_decide(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct decision d = { 0 };
	int rc = read_decision(in, &d, err);
	if (rc != 0)
		return rc;
	rc = site_open(in, SITE_DATABASE | SITE_LEDGER_KEY, &site, err);
	d.actor = site.actor;
	if (rc == 0)
		rc = check_service(site.workspace, d.made.service, err);
	if (rc == 0)
		rc = database_transact(site.db, DB_WRITE, decide, &d, err);
	if (rc == RF_EUNREADABLE)
		rc = RF_EUSAGE; /* the range as typed: nothing was decided */
	if (rc == 0)
		rc = site_seal(&site, err);
	if (rc == 0)
		rc = print_decision(in, &d, err);
	site_release(&site);
	return rc;
}

static const struct option_row advisory_list_options[] = {
	{ "all", 'a', OPTION_FLAG, NULL, "withdrawn and rejected records too; with --by-priority: drills too", NULL },
	{ "review", 0, OPTION_FLAG, NULL, "those with statements that a person must read (advisory show says which and why)", NULL },
	{ "by-priority", 0, OPTION_FLAG, NULL, "the order of work: what is exposed, by service, first things first",
	  NULL },
	{ "product", 'p', OPTION_TEXT, "PURL", "about this product only", NULL },
	{ 0 }
};
static const struct option_row decide_options[] = {
	{ "engine-affecting", 0, OPTION_TEXT, "ANSWER", "does the flaw live on in engines that were built?",
	  "yes no unknown" },
	{ "not-applicable", 0, OPTION_FLAG, NULL, "it does not apply to --product, --service, or at all", NULL },
	{ "applicable", 0, OPTION_FLAG, NULL, "it applies there after all", NULL },
	{ "range", 0, OPTION_TEXT, "RANGE",
	  "which versions are affected: vers:generic/<11.0, \"prior to 11.0\"; sources: theirs again", NULL },
	{ "product", 'p', OPTION_TEXT, "PURL", "of this product (default: the one it is about)", NULL },
	{ "service", 0, OPTION_TEXT, "NAME", "in this service only", NULL },
	{ "owner", 0, OPTION_TEXT, "NAME", "who answers for it (default: you)", NULL },
	{ "reason", 0, OPTION_TEXT, "TEXT", "why; recorded with your name", NULL },
	{ 0 }
};
const struct command command_advisory = {
	"advisory",
	"look at advisories and decide about them",
	(const struct verb[]){
		{ "list", "[TEXT]", "advisories at hand", 0, 1, advisory_list_options, run_advisory_list, NULL },
		{ "show", "ID", "one advisory: sources, ranges, contradictions, policy, what it hits", 1, 1, NULL,
		  run_advisory_show, NULL },
		{ "decide", "ID", "the operator's decision, above all sources", 1, 1, decide_options, run_decide,
		  "A decision stands above what every source says until the next of its kind and scope; explain shows "
		  "it, the ledger\n"
		  "keeps it, and exposures follow at once." },
		{ 0 } },
};
