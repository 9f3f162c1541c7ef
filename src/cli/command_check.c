/*
 * check - is a component affected, may a file be opened? The gate's question for package URLs, engines and models
 * (design 6.1).
 *
 * The decision is plain here: kinds of findings that --fail-on names are denied, other kinds that are not clear warn.
 */
#include "cli/command.h"
#include "cli/output.h"
#include "cli/site.h"
#include "cli/work.h"

#include "build/quarantine.h"
#include "exposure/exposure.h"
#include "inventory/model.h"
#include "inventory/scan.h"
#include "inventory/scan_member.h"

enum decision { DECISION_ALLOW = 0, DECISION_WARN, DECISION_DENY };
static const char *const decision_names[] = { "allow", "warn", "deny" };

/* A component of a file, beside its product. */
struct part {
	const char *purl;
	enum carrier carrier;
};

/* One subject's answer. */
struct checking {
	struct arena a;
	const char *subject;
	const char *purl;             /* component that is asked about; NULL: a file that no product stands behind */
	struct part *parts;           /* what else the file holds: a lean runtime, the toolkit of its kernels */
	size_t part_count;
	struct artifact_facts *facts; /* of a file; NULL: the subject is a package URL */
	struct digest digest;         /* of the file */
	const char *rule;             /* keeps the file in quarantine; NULL: none */
	const struct workspace *w;
	bool deny[4]; /* by finding kind */
	struct component component;
	struct exposure_explanation *list;
	size_t count;
	int64_t advisories; /* at hand, about anything */
	enum decision decision, worst; /* worst: of all subjects so far */
	size_t inside;                 /* judged inside of the container at hand */
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

/* Adds what is known of @purl. @only: of its two carriers the one; of a package URL both. */
static int ask_of(struct transaction *tx, struct checking *c, const char *purl, const enum carrier *only)
{
	struct exposure_explanation *list;
	size_t n;
	int rc = exposure_explain_purl(tx, &c->a, c->w, span_of(purl), SPAN_NONE, &list, &n);
	if (rc != 0 || n == 0)
		return rc;
	struct exposure_explanation *all = arena_array(&c->a, c->count + n, sizeof *all);
	if (!all)
		return RF_ENOMEM;
	if (c->count)
		memcpy(all, c->list, c->count * sizeof *all);
	for (size_t i = 0; i < n; i++)
		if (!only || list[i].subject.carrier == *only)
			all[c->count++] = list[i];
	c->list = all;
	return 0;
}

static int ask(struct transaction *tx, void *data)
{
	struct checking *c = data;
	/* what built an engine reaches a service as the builder; a library is what runs */
	enum carrier carrier = c->facts && artifact_kind_is_engine(span_of(c->facts->kind)) ? CARRIER_BUILDER
											    : CARRIER_RUNTIME;
	c->count = 0; /* a transaction may run again */
	int rc = c->purl ? component_read(&c->a, span_of(c->purl), &c->component, tx_err(tx)) : 0;
	if (rc == 0)
		rc = count_advisories(tx, c);
	if (rc == 0)
		rc = exposure_stale_feeds(tx, &c->a, c->w, &c->stale, &c->stale_count);
	if (rc == 0 && c->purl)
		rc = ask_of(tx, c, c->purl, c->facts ? &carrier : NULL);
	for (size_t i = 0; rc == 0 && i < c->part_count; i++)
		rc = ask_of(tx, c, c->parts[i].purl, &c->parts[i].carrier);
	return rc;
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
	if (c->rule)
		c->decision = DECISION_DENY; /* no toolchain opens it: no option allows that */
	else if (c->facts && c->facts->finding != ARTIFACT_CLEAR)
		weigh(c, c->facts->finding == ARTIFACT_CONFLICT ? FINDING_CONFLICT : FINDING_UNKNOWN);
	if (c->facts && strcmp(c->facts->kind, ARTIFACT_OTHER) == 0) {
		c->unknown_cause = "unknown_format";
		c->why_unknown = "no model, engine or library in a format that is read here";
	} else if (c->facts && !c->inside && scan_only_holds(c->facts)) {
		c->unknown_cause = "unknown_format";
		c->why_unknown = "nothing inside is a model, engine or library in a format that is read here";
	} else if (!c->purl && !c->part_count) {
		return;
	} else if (!c->advisories) {
		c->unknown_cause = "no_data";
		c->why_unknown = "no advisory is at hand: import or sync a feed";
	} else if (c->purl && !c->component.product) {
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
	json_member_span(o, "product", e->subject.component.purl);
	json_member_span(o, "version", e->subject.component.version);
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

/* What @rule found in the file. */
static void rule_json(const struct checking *c, const char *name, struct json_out *o)
{
	const struct artifact_facts *f = c->facts;
	const struct model_rule *rule = model_kind(f->kind) ? model_rule_find(name) : NULL;
	const char *finding = artifact_finding_text(rule ? rule->finding : f->finding), *cause = rule ? rule->cause : f->cause;
	json_object(o);
	json_member(o, "advisory", NULL);
	json_member(o, "carrier", NULL);
	json_member(o, "finding", finding[0] ? finding : NULL); /* a rule may only note */
	json_member(o, "cause", cause && cause[0] ? cause : NULL);
	json_member(o, "rule", name);
	json_member(o, "reason", quarantine_found(f, name));
	json_member(o, "next", rule ? rule->next : NULL);
	json_member(o, "provokes", rule ? rule->provokes : NULL);
	json_key(o, "evidence");
	json_array(o);
	json_array_end(o);
	json_object_end(o);
}

static void check_json(struct checking *c, struct json_out *o)
{
	char hex[DIGEST_HEX];
	json_object(o);
	json_member(o, "subject", c->subject);
	json_member_span(o, "product", c->purl ? c->component.purl : SPAN(""));
	json_member_span(o, "version", c->purl ? c->component.version : SPAN(""));
	if (c->facts) {
		json_member(o, "kind", c->facts->kind);
		json_member(o, "sha256", digest_is_zero(&c->digest) ? NULL : digest_hex(&c->digest, hex));
		json_member(o, "quarantine", c->rule);
	}
	json_member(o, "decision", decision_names[c->decision]);
	json_key(o, "findings");
	json_array(o);
	for (size_t i = 0; c->facts && i < c->facts->rule_count; i++)
		rule_json(c, c->facts->rules[i], o);
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
static void print_finding(const struct exposure_explanation *e, const struct checking *c, bool both, bool all)
{
	const struct finding *f = &e->finding;
	const struct component *part = &e->subject.component;
	bool main = c->purl && span_eq(part->purl, c->component.purl) && span_eq(part->version, c->component.version);
	out_colour(colour_of(finding_kind_name(f->kind)), "  %-12s", finding_kind_name(f->kind));
	out_colour(e->advisory.advisory.is_drill ? COLOUR_BLUE : COLOUR_NONE, " %.*s",
		   SPAN_ARG(e->advisory.advisory.id));
	out("  %s: %s  ", both ? "builder, runtime" : carrier_name(e->subject.carrier), finding_cause_words(f->cause));
	if (!main)
		out("%.*s %.*s inside: ", SPAN_ARG(part->purl), SPAN_ARG(part->version.n ? part->version : SPAN("?")));
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
	       span_eq(a->subject.component.purl, b->subject.component.purl) &&
	       span_eq(a->subject.component.version, b->subject.component.version) &&
	       span_eq(a->advisory.advisory.id, b->advisory.advisory.id);
}

static void print_rule(const struct checking *c, const char *name)
{
	const struct artifact_facts *f = c->facts;
	const struct model_rule *rule = model_kind(f->kind) ? model_rule_find(name) : NULL;
	const char *finding = artifact_finding_text(rule ? rule->finding : f->finding);
	out_colour(colour_of(finding), "  %-12s", finding[0] ? finding : "noted");
	out(" %s  ", name);
	out_visible(span_of(quarantine_found(f, name)));
	out("\n");
	if (rule)
		out("    %s: %s\n    next: %s\n", rule->finding == ARTIFACT_CLEAR ? "wanted" : "must be", rule->what, rule->next);
	if (rule && rule->provokes)
		out("    leads into: %s\n", rule->provokes);
}

static void print_file(const struct checking *c)
{
	out("  %s", c->facts->kind);
	if (c->facts->version[0])
		out(" of version %s", c->facts->version);
	if (c->rule)
		out_colour(COLOUR_RED, ", in quarantine by the rule %s: no toolchain is shown it", c->rule);
	out("\n");
	for (size_t i = 0; i < c->facts->rule_count; i++)
		print_rule(c, c->facts->rules[i]);
}

static void print_check(const struct checking *c, bool all)
{
	size_t clear = 0, shown = 0;
	out_visible(span_of(c->subject));
	out("  ");
	out_colour(colour_of(decision_names[c->decision]), "%s\n", decision_names[c->decision]);
	if (c->facts)
		print_file(c);
	if (c->why_unknown)
		out("  unknown: %s\n", c->why_unknown);
	out_stale(c->stale, c->stale_count, "  unknown: ");
	for (size_t i = 0; i < c->count; i++) {
		const struct finding *f = &c->list[i].finding;
		bool both = i + 1 < c->count && is_same(&c->list[i], &c->list[i + 1]);
		/* what is clear in spite of a contradiction is shown: someone will meet the other bound elsewhere */
		if (all || f->kind != FINDING_NOT_AFFECTED || f->contradiction || f->source_conflict) {
			print_finding(&c->list[i], c, both, all);
			shown++;
		} else {
			clear++;
		}
		i += both;
	}
	if (clear)
		out("  %zu advisor%s more: not affected (--all shows %s)\n", clear, clear == 1 ? "y" : "ies", clear == 1 ? "it" : "them");
	else if (!c->count && !c->why_unknown && c->purl)
		out("  no advisory at hand speaks of this product\n");
	if (shown && !all && c->purl) {
		out("  every source's words: reforge explain \"");
		out_visible(span_of(c->subject));
		out("\"\n");
	}
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

/* Is @part an entry of a package database that stands for a product of ours, and not the file's own, which is asked
 * already? Other entries are the inventory's business. */
static bool is_entry(const struct checking *c, const struct artifact_component *part)
{
	const struct artifact_facts *f = c->facts;
	bool own = c->purl && span_eq_text(part->product, f->product) && span_eq_text(part->version, f->version);
	return strcmp(part->role, ARTIFACT_ROLE_PACKAGE) == 0 && part->where.n && !own;
}

static const char *part_purl(struct checking *c, const struct artifact_component *part)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	str_add(&text, part->product);
	purl_write_version(&text, part->version); /* of a package it is anybody's words */
	return text.failed ? NULL : arena_text(&c->a, str_span(&text));
}

static int read_parts(struct checking *c, struct err *err)
{
	const struct artifact_facts *f = c->facts;
	c->parts = arena_array(&c->a, f->component_count + 1, sizeof *c->parts);
	if (!c->parts)
		return err_set(err, RF_ENOMEM, "no memory for the components of one file");
	for (size_t i = 0; i < f->component_count; i++) {
		const struct artifact_component *part = &f->components[i];
		bool builder = strcmp(part->role, ARTIFACT_ROLE_BUILDER) == 0;
		if (!builder && strcmp(part->role, ARTIFACT_ROLE_RUNTIME) != 0 && !is_entry(c, part))
			continue;
		const char *purl = part_purl(c, part);
		if (!purl)
			return err_set(err, RF_ENOMEM, "no memory for the components of one file");
		c->parts[c->part_count++] = (struct part){ purl, builder ? CARRIER_BUILDER : CARRIER_RUNTIME };
	}
	return 0;
}

/* What the facts say is to be asked. */
static int facts_take(struct checking *c, struct err *err)
{
	const struct artifact_facts *f = c->facts;
	c->rule = quarantine_rule(NULL, f);
	c->purl = NULL;
	if (f->product && f->version[0]) {
		c->purl = arena_printf(&c->a, "%s@%s", f->product, f->version);
		if (!c->purl)
			return err_set(err, RF_ENOMEM, "no memory for the facts of one file");
	}
	return read_parts(c, err);
}

static int read_file(struct checking *c, struct err *err)
{
	struct scan_options options = { .threads = 1 };
	c->facts = arena_alloc(&c->a, sizeof *c->facts);
	if (!c->facts)
		return err_set(err, RF_ENOMEM, "no memory for the facts of one file");
	int rc = scan_one(c->subject, &options, &c->a, c->facts, &c->digest, err);
	return rc ? rc : facts_take(c, err);
}

/* A model can be asked about anywhere; what is known of components is in a workspace. */
static int judge(const struct invocation *in, struct site *site, struct checking *c, struct err *err)
{
	bool known = c->purl || c->part_count;
	int rc = known && !site->db ? site_open(in, SITE_DATABASE, site, err) : 0;
	c->w = site->workspace;
	if (rc == 0 && known)
		rc = database_transact(site->db, DB_READ, ask, c, err);
	if (rc != 0)
		return rc;
	c->decision = DECISION_ALLOW;
	decide(c);
	c->worst = RF_MAX(c->worst, c->decision);
	if (!in->json) {
		print_check(c, option_flag(in, "all"));
		return 0;
	}
	RF_AUTO(str) text = STR_INIT(256 * MIB);
	struct json_out o = json_out(&text, in->argument_count == 1 && out_is_terminal());
	check_json(c, &o);
	return out_json(&text, err);
}

static void subject_begin(struct checking *c, const char *subject)
{
	arena_reset(&c->a);
	c->subject = subject;
	c->facts = NULL;
	c->purl = c->rule = c->why_unknown = NULL;
	c->count = c->stale_count = c->part_count = 0;
}

struct inside_check {
	const struct invocation *in;
	struct site *site;
	struct checking *c;
	struct err *err;
};

/* Everything inside of a container that is read here is a subject of its own, and so is the container. */
static int take_inside(const struct scan_file *f, void *data)
{
	struct inside_check *k = data;
	struct artifact_facts facts = *f->facts;
	if (f->outer && strcmp(facts.kind, ARTIFACT_OTHER) == 0 && facts.finding == ARTIFACT_CLEAR)
		return 0;
	subject_begin(k->c, f->path);
	k->c->facts = &facts;
	k->c->digest = f->digest;
	k->c->inside += f->outer && !scan_only_holds(&facts);
	int rc = facts_take(k->c, k->err);
	return rc ? rc : judge(k->in, k->site, k->c, k->err);
}

static int check_one(const struct invocation *in, struct site *site, struct checking *c, const char *subject,
		     struct err *err)
{
	subject_begin(c, subject);
	c->inside = 0;
	if (span_starts(span_of(subject), "pkg:")) {
		c->purl = subject;
		return judge(in, site, c, err);
	}
	int rc = read_file(c, err);
	if (rc != 0 || !scan_may_hold(c->facts))
		return rc ? rc : judge(in, site, c, err);
	struct scan_options options = { .threads = 1 };
	struct inside_check k = { in, site, c, err };
	return scan_files(&subject, 1, &options, take_inside, &k, NULL, err);
}

static int run_check(const struct invocation *in, struct err *err)
{
	struct site site = { 0 };
	struct checking c = { .a = ARENA_INIT(512 * MIB) };
	int rc = read_fail_on(option_text(in, "fail-on", "affected"), c.deny, err);
	for (size_t i = 0; rc == 0 && i < in->argument_count; i++)
		rc = check_one(in, &site, &c, in->arguments[i], err);
	arena_release(&c.a);
	site_release(&site);
	return rc != 0 ? rc : c.worst == DECISION_DENY ? 1 : c.worst == DECISION_WARN ? 3 : 0;
}

static const struct option_row check_options[] = {
	{ "fail-on", 0, OPTION_TEXT, "KINDS", "findings that are denied: affected,conflict,unknown (default: affected)",
	  NULL },
	{ "all", 'a', OPTION_FLAG, NULL, "show what is not affected too", NULL },
	{ 0 }
};
const struct command command_check = {
	"check",
	"is it affected, may it be opened? the gate's question for package URLs, engines and models",
	(const struct verb[]){ { "", "PURL|FILE...",
				 "is it affected, may it be opened? the gate's question for package URLs, engines and models", 1, 10000,
				 check_options, run_check,
				 "PURL: pkg:generic/nvidia/tensorrt@10.16.1.11, any product and version. FILE: a model is "
				 "looked through, an\n"
				 "engine judged by what built it and by what else is in it; a model that breaks a rule is in quarantine, and denied. "
				 "Exit: 1 denied, 3\n"
				 "something is in conflict or unknown, 0 allowed. --json: one object a subject, a line each." },
			       { 0 } },
};
