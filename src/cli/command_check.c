/*
 * check - is a component affected? The gate's question for package URLs (design 6.1).
 *
 * The decision is plain here: kinds of findings that --fail-on names are denied, other kinds that are not clear warn.
 */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"
#include "cli/work.h"

#include "exposure/exposure.h"

enum decision { DECISION_ALLOW = 0, DECISION_WARN, DECISION_DENY };
static const char *const decision_names[] = { "allow", "warn", "deny" };

/* One subject's answer. */
struct checking {
	struct arena a;
	const char *subject;
	const struct workspace *w;
	bool deny[4]; /* by finding kind */
	struct component component;
	struct exposure_explanation *list;
	size_t count;
	int64_t advisories; /* at hand, about anything */
	enum decision decision;
	const char *why_unknown; /* what keeps the answer from being known, beside findings; NULL: nothing */
	const char *unknown_cause;
	struct exposure_stale *stale;
	size_t stale_count;
};

static int count_advisories(struct transaction *tx, struct checking *c)
{
	return TX_I64(tx, &c->advisories,
		      "SELECT count(*) FROM (SELECT id FROM advisory WHERE state = $1 LIMIT 1) AS x",
		      DB_T("published"));
}

static int ask(struct transaction *tx, void *data)
{
	struct checking *c = data;
	arena_reset(&c->a);
	int rc = component_read(&c->a, span_of(c->subject), &c->component, tx_err(tx));
	if (rc == 0)
		rc = count_advisories(tx, c);
	if (rc == 0)
		rc = exposure_stale_feeds(tx, &c->a, c->w, &c->stale, &c->stale_count);
	return rc != 0 ? rc : exposure_explain_purl(tx, &c->a, c->w, span_of(c->subject), SPAN_NONE, &c->list, &c->count);
}

/* An exercise is shown, and decides nothing. */
static bool counts(const struct exposure_explanation *e)
{
	return !e->advisory.advisory.is_drill;
}

static void weigh(struct checking *c, enum finding_kind kind)
{
	enum decision d = kind == FINDING_NOT_AFFECTED ? DECISION_ALLOW : c->deny[kind] ? DECISION_DENY : DECISION_WARN;
	c->decision = RF_MAX(c->decision, d);
}

/* No data is no pass (design, law 2). */
static void decide(struct checking *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (counts(&c->list[i]))
			weigh(c, c->list[i].finding.kind);
	if (!c->advisories) {
		c->unknown_cause = "no_data";
		c->why_unknown = "no advisory is at hand: import or sync a feed";
	} else if (!c->component.product) {
		c->unknown_cause = "unknown_product";
		c->why_unknown = "no row of the product table has this package: ranges about it are not read";
	}
	if (c->why_unknown || c->stale_count)
		weigh(c, FINDING_UNKNOWN);
}

/* ── JSON ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The last step is the result, the one before it what led there. */
static void finding_json(const struct exposure_explanation *e, struct json_out *o)
{
	const struct finding *f = &e->finding;
	json_object(o);
	json_member_span(o, "advisory", e->advisory.advisory.id);
	json_member(o, "carrier", carrier_name(e->subject.carrier));
	json_member(o, "finding", finding_kind_name(f->kind));
	json_member(o, "cause", finding_cause_name(f->cause));
	json_member(o, "reason", f->reason.count ? f->reason.steps[f->reason.count - 1].words : "");
	json_member_span(o, "title", e->advisory.advisory.title);
	json_member_bool(o, "drill", e->advisory.advisory.is_drill);
	json_member_bool(o, "source_conflict", f->source_conflict);
	json_member_bool(o, "contradiction", f->contradiction);
	json_member_bool(o, "cautious_reading", f->conservative);
	json_key(o, "fixed");
	json_array(o);
	for (size_t i = 0; i < f->fixed_count; i++)
		json_put_span(o, f->fixed[i]);
	json_array_end(o);
	json_key(o, "evidence");
	reason_json(&f->reason, o);
	json_object_end(o);
}

/* A finding about the answer as a whole. */
static void whole_json(const char *cause, const char *reason, struct json_out *o)
{
	json_object(o);
	json_member(o, "advisory", NULL);
	json_member(o, "carrier", NULL);
	json_member(o, "finding", finding_kind_name(FINDING_UNKNOWN));
	json_member(o, "cause", cause);
	json_member(o, "reason", reason);
	json_key(o, "evidence");
	json_array(o);
	json_array_end(o);
	json_object_end(o);
}

static void check_json(struct checking *c, struct json_out *o)
{
	json_object(o);
	json_member(o, "subject", c->subject);
	json_member_span(o, "product", c->component.purl);
	json_member_span(o, "version", c->component.version);
	json_member(o, "decision", decision_names[c->decision]);
	json_key(o, "findings");
	json_array(o);
	if (c->why_unknown)
		whole_json(c->unknown_cause, c->why_unknown, o);
	for (size_t i = 0; i < c->stale_count; i++) {
		const char *words = arena_printf(&c->a, "feed %.*s is %.*s", SPAN_ARG(c->stale[i].feed),
						 SPAN_ARG(c->stale[i].words));
		whole_json("stale_feed", words ? words : "a feed is stale", o);
	}
	for (size_t i = 0; i < c->count; i++)
		finding_json(&c->list[i], o);
	json_array_end(o);
	json_object_end(o);
}

/* ── Words ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_fact(const struct reason_step *s, const char *key)
{
	for (size_t i = 0; i < s->fact_count; i++)
		if (strcmp(s->facts[i].key, key) == 0)
			return true;
	return false;
}

static bool said_before(const struct reason *r, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(r->steps[i].words, r->steps[at].words) == 0)
			return true;
	return false;
}

/* The steps that say why: contradictions and decisions always, the comparison that led there, and the sources' words
 * where they are what a person must read. */
static void print_steps(const struct finding *f, bool all)
{
	bool compared = false, read = f->kind == FINDING_UNKNOWN || f->kind == FINDING_CONFLICT;
	for (size_t i = 1; i < f->reason.count; i++) {
		const struct reason_step *s = &f->reason.steps[i];
		bool wanted = all || s->kind == REASON_CLAIM || s->kind == REASON_RECORD || has_fact(s, "decision") ||
			      (s->kind == REASON_SOURCE && read) ||
			      (s->kind == REASON_COMPARISON && (read || !compared));
		if (s->kind == REASON_RESULT || !wanted || said_before(&f->reason, i))
			continue;
		compared |= s->kind == REASON_COMPARISON;
		out("    ");
		out_visible(span_of(s->words));
		out("\n");
	}
}

/* @e's carrier, and the other's where it came to the same. */
static void print_finding(const struct exposure_explanation *e, bool both, bool all)
{
	const struct finding *f = &e->finding;
	out_colour(colour_of(finding_kind_name(f->kind)), "  %-12s", finding_kind_name(f->kind));
	out_colour(e->advisory.advisory.is_drill ? COLOUR_BLUE : COLOUR_NONE, " %.*s",
		   SPAN_ARG(e->advisory.advisory.id));
	out("  %s: %s  ", both ? "builder, runtime" : carrier_name(e->subject.carrier), finding_cause_words(f->cause));
	out_visible(e->advisory.advisory.title);
	out("\n");
	print_steps(f, all);
	for (size_t i = 0; i < f->fixed_count; i++) {
		out(i ? ", " : "    fixed in ");
		out_visible(f->fixed[i]);
	}
	if (f->fixed_count)
		out("\n");
}

static bool is_same(const struct exposure_explanation *a, const struct exposure_explanation *b)
{
	return a->finding.kind == b->finding.kind && a->finding.cause == b->finding.cause &&
	       span_eq(a->advisory.advisory.id, b->advisory.advisory.id);
}

static void print_check(const struct checking *c, bool all)
{
	size_t clear = 0;
	out_visible(span_of(c->subject));
	out("  ");
	out_colour(colour_of(decision_names[c->decision]), "%s\n", decision_names[c->decision]);
	if (c->why_unknown)
		out("  unknown: %s\n", c->why_unknown);
	out_stale(c->stale, c->stale_count, "  unknown: ");
	for (size_t i = 0; i < c->count; i++) {
		const struct finding *f = &c->list[i].finding;
		bool both = i + 1 < c->count && is_same(&c->list[i], &c->list[i + 1]);
		/* what is clear in spite of a contradiction is shown: someone will meet the other bound elsewhere */
		if (all || f->kind != FINDING_NOT_AFFECTED || f->contradiction || f->source_conflict)
			print_finding(&c->list[i], both, all);
		else
			clear++;
		i += both;
	}
	if (clear)
		out("  %zu advisories more: not affected (--all shows them)\n", clear);
	else if (!c->count && !c->why_unknown)
		out("  no advisory at hand speaks of this product\n");
}

/* ── The command ────────────────────────────────────────────────────────────────────────────────────────────────── */

static int read_fail_on(const char *text, bool deny[4], struct err *err)
{
	struct span rest = span_of(text), word;
	while (span_split(&rest, ',', &word)) {
		enum finding_kind kind;
		if (!finding_kind_read(span_trim(word), &kind) || kind == FINDING_NOT_AFFECTED)
			return err_set(err, RF_EUSAGE,
				       "--fail-on \"%.*s\": affected, conflict, unknown, separated by commas",
				       SPAN_ARG(word));
		deny[kind] = true;
	}
	return 0;
}

static int check_one(const struct invocation *in, const struct site *site, struct checking *c, struct err *err)
{
	int rc = database_transact(site->db, DB_READ, ask, c, err);
	if (rc != 0)
		return rc;
	c->decision = DECISION_ALLOW;
	c->why_unknown = NULL;
	decide(c);
	if (!in->json) {
		print_check(c, option_flag(in, "all"));
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(256 * MIB);
	struct json_out o = json_out(&text, in->argument_count == 1 && out_is_terminal());
	check_json(c, &o);
	return out_json(&text, err);
}

static int run_check(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct checking c = { .a = ARENA_INIT(512 * MIB) };
	enum decision worst = DECISION_ALLOW;
	int rc = read_fail_on(option_text(in, "fail-on", "affected"), c.deny, err);
	for (size_t i = 0; rc == 0 && i < in->argument_count; i++)
		if (!span_starts(span_of(in->arguments[i]), "pkg:"))
			rc = err_set(
				err, RF_EUSAGE,
				"\"%s\" is no package URL: pkg:generic/nvidia/tensorrt@10.13.3.9; files: reforge scan",
				in->arguments[i]);
	if (rc != 0)
		return rc;
	rc = site_open(in, SITE_DATABASE, &site, err);
	c.w = site.workspace;
	for (size_t i = 0; rc == 0 && i < in->argument_count; i++) {
		c.subject = in->arguments[i];
		rc = check_one(in, &site, &c, err);
		worst = RF_MAX(worst, c.decision);
	}
	arena_release(&c.a);
	site_release(&site);
	return rc != 0 ? rc : worst == DECISION_DENY ? 1 : worst == DECISION_WARN ? 3 : 0;
}

static const struct option_row check_options[] = {
	{ "fail-on", 0, OPTION_TEXT, "KINDS", "findings that are denied: affected,conflict,unknown (default: affected)",
	  NULL },
	{ "all", 'a', OPTION_FLAG, NULL, "show what is not affected too", NULL },
	{ 0 }
};
const struct command command_check = {
	"check",
	"is it affected? the gate's question for a package URL",
	(const struct verb[]){ { "", "PURL...", "is it affected? the gate's question for a package URL", 1, 10000,
				 check_options, run_check,
				 "PURL: pkg:generic/nvidia/tensorrt@10.16.1.11, any product and version. Exit: 1 "
				 "denied, 3 something is in\n"
				 "conflict or unknown, 0 allowed. --json: one object a subject, a line each." },
			       { 0 } },
};
