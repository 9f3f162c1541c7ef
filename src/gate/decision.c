/* The rules of decision.h, one function for each, and the sentences that say which one it was. */
#include "gate/decision.h"

#include "base/time.h"
#include "inventory/artifact.h"

static const char *const decision_names[] = { "allow", "warn", "deny" };

const char *gate_decision_name(enum gate_decision d)
{
	return (size_t)d < RF_COUNT(decision_names) ? decision_names[d] : "deny";
}

static const struct cause_row {
	const char *name;
	enum gate_rule rule;
	enum finding_kind kind;
	bool is_covered;
	const char *words, *next;
} causes[] = {
#define X(name, text, rule, kind, covered, words, next) [name] = { text, rule, kind, covered, words, next },
	GATE_CAUSES(X)
#undef X
};

const char *gate_cause_name(enum gate_cause c)
{
	return (size_t)c < RF_COUNT(causes) ? causes[c].name : "unknown_subject";
}

const char *gate_cause_words(enum gate_cause c)
{
	return (size_t)c < RF_COUNT(causes) ? causes[c].words : "";
}

enum finding_kind gate_cause_kind(enum gate_cause c)
{
	return (size_t)c < RF_COUNT(causes) ? causes[c].kind : FINDING_UNKNOWN;
}

static const struct cause_row *cause_row(const char *name)
{
	for (size_t i = 0; i < RF_COUNT(causes); i++)
		if (strcmp(causes[i].name, name) == 0)
			return &causes[i];
	return NULL;
}

static const char *const use_names[] = { "policy", "fail_on", "grace", "drill", "waiver", "vex", "baseline" };

const char *gate_use_name(enum gate_use u)
{
	return (size_t)u < RF_COUNT(use_names) ? use_names[u] : "policy";
}

/* ── covers ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_waivers(const void *x, const void *y)
{
	const struct waiver *a = x, *b = y;
	int c = span_compare(a->advisories[0], b->advisories[0]);
	return c ? c : (a->id > b->id) - (a->id < b->id);
}

static int compare_statements(const void *x, const void *y)
{
	const struct vex_statement *a = x, *b = y;
	int c = span_compare(a->advisory, b->advisory);
	if (!c)
		c = (a->timestamp > b->timestamp) - (a->timestamp < b->timestamp);
	return c ? c : span_compare(a->document_digest, b->document_digest);
}

void gate_covers_sort(struct gate_covers *c)
{
	if (c->waiver_count)
		qsort(c->waivers, c->waiver_count, sizeof *c->waivers, compare_waivers);
	if (c->vex_count)
		qsort(c->vex, c->vex_count, sizeof *c->vex, compare_statements);
}

/* The entries about @advisory, of @count with an id each. */
struct run {
	size_t from, count;
};

static struct run run_of(const struct gate_covers *c, size_t count, struct span (*id)(const struct gate_covers *, size_t),
			 struct span advisory)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (span_compare(id(c, middle), advisory) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	struct run r = { low, 0 };
	while (low + r.count < count && span_eq(id(c, low + r.count), advisory))
		r.count++;
	return r;
}

static struct span waiver_id(const struct gate_covers *c, size_t i)
{
	return c->waivers[i].advisories[0];
}

static struct span statement_id(const struct gate_covers *c, size_t i)
{
	return c->vex[i].advisory;
}

static void end_later(struct gate_finding *f, enum gate_use by, usec_t until)
{
	bool first = f->by == GATE_BY_POLICY;
	if (!first && (f->until == USEC_NONE || until <= f->until))
		return;
	f->by = by;
	f->until = until;
}

/* Fills what covers the fact; by stays GATE_BY_POLICY when nothing does. */
static void cover(const struct gate_deciding *d, struct gate_finding *f)
{
	const struct gate_fact *fact = &f->fact;
	const struct gate_covers *c = d->covers;
	char digest[DIGEST_HEX], outer[DIGEST_HEX];
	struct found found = { .advisory = fact->advisory,
			       .cause = span_of(fact->cause),
			       .carrier = fact->carrier,
			       .kind = fact->kind,
			       .severity = fact->severity,
			       .kev = fact->kev != USEC_NONE,
			       .service = d->service,
			       .environment = d->environment,
			       .purl = fact->purl,
			       .version = fact->version };
	if (!digest_is_zero(&fact->artifact))
		found.digest = span_of(digest_hex(&fact->artifact, digest));
	if (!digest_is_zero(&fact->outer))
		found.outer = span_of(digest_hex(&fact->outer, outer));
	if (fact->advisory.n && c->vex_count) {
		struct run r = run_of(c, c->vex_count, statement_id, fact->advisory);
		f->vex = vex_find(&c->vex_policy, c->vex + r.from, r.count, &found, d->now);
		if (f->vex)
			end_later(f, GATE_BY_VEX, vex_expires(&c->vex_policy, f->vex));
	}
	if (fact->advisory.n && c->waiver_count) {
		struct run r = run_of(c, c->waiver_count, waiver_id, fact->advisory);
		f->waiver = waiver_find(c->waivers + r.from, r.count, &found, d->now);
		if (f->waiver)
			end_later(f, GATE_BY_WAIVER,
				  f->waiver->revoked == USEC_NONE ? f->waiver->expires
								  : RF_MIN(f->waiver->expires, f->waiver->revoked));
	}
	if (c->baseline && fact->has_carrier) {
		f->baseline = baseline_judge(c->baseline, &found, d->now, &f->debt);
		if (f->baseline == BASELINE_COVERED)
			end_later(f, GATE_BY_BASELINE, f->debt.due);
	}
}

/* ── the rules ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int severity_of(const struct gate_fact *fact)
{
	return fact->severity < 0 ? 100 : fact->severity;
}

static enum gate_decision by_severity(const struct gate_policy *p, const struct gate_fact *fact)
{
	if (fact->kev != USEC_NONE)
		return GATE_DENY;
	int severity = severity_of(fact);
	return severity >= p->deny_from ? GATE_DENY : severity >= p->warn_from ? GATE_WARN : GATE_ALLOW;
}

static enum gate_decision by_kind(const struct gate_policy *p, const struct gate_fact *fact)
{
	switch (fact->kind) {
	case FINDING_NOT_AFFECTED:
		return GATE_ALLOW;
	case FINDING_UNKNOWN:
		return p->unknown;
	case FINDING_CONFLICT:
		return p->conflict;
	case FINDING_AFFECTED:
		return by_severity(p, fact);
	}
	return GATE_DENY;
}

static enum gate_decision by_rule(const struct gate_policy *p, enum gate_rule rule, const struct gate_fact *fact)
{
	switch (rule) {
	case GATE_RULE_KIND:
		return by_kind(p, fact);
	case GATE_RULE_DENY:
		return GATE_DENY;
	case GATE_RULE_CONFLICT:
		return p->conflict;
	case GATE_RULE_UNKNOWN:
		return p->unknown;
	case GATE_RULE_UNKNOWN_SUBJECT:
		return p->unknown_subject;
	case GATE_RULE_STALE:
		return p->stale;
	case GATE_RULE_EXPIRED:
		return p->expired;
	case GATE_RULE_UNSIGNED:
		return p->unsigned_;
	}
	return GATE_DENY;
}

static bool is_for_fail_on(enum gate_rule rule)
{
	return rule == GATE_RULE_KIND || rule == GATE_RULE_UNKNOWN || rule == GATE_RULE_UNKNOWN_SUBJECT ||
	       rule == GATE_RULE_STALE;
}

/* An advisory's first days: from its publication, as far as that is known. */
static bool is_in_grace(const struct gate_deciding *d, const struct gate_fact *fact, usec_t *ret_until)
{
	if (!d->policy->grace_usec || !fact->advisory.n || fact->kev != USEC_NONE || fact->published == USEC_NONE)
		return false;
	usec_t until;
	if (__builtin_add_overflow(fact->published, d->policy->grace_usec, &until) || d->now >= until)
		return false;
	*ret_until = until;
	return true;
}

static void decide_fact(const struct gate_deciding *d, struct gate_finding *f)
{
	const struct gate_fact *fact = &f->fact;
	const struct cause_row *row = fact->advisory.n ? NULL : cause_row(fact->cause);
	enum gate_rule rule = row ? row->rule : GATE_RULE_KIND;
	f->until = USEC_NONE;
	f->decision = GATE_ALLOW;
	if (fact->is_drill) {
		f->by = GATE_BY_DRILL;
		return;
	}
	/* what is not affected needs no excuse */
	if (d->covers && fact->kind != FINDING_NOT_AFFECTED && (!row || row->is_covered))
		cover(d, f);
	if (f->by != GATE_BY_POLICY)
		return;
	if (d->fail_on && is_for_fail_on(rule)) {
		f->by = GATE_BY_FAIL_ON;
		f->decision = fact->kind == FINDING_NOT_AFFECTED ? GATE_ALLOW
			      : d->fail_on->deny[fact->kind]     ? GATE_DENY
								 : GATE_WARN;
		return;
	}
	f->decision = by_rule(d->policy, rule, fact);
	if (f->decision == GATE_DENY && is_in_grace(d, fact, &f->until)) {
		f->by = GATE_BY_GRACE;
		f->decision = GATE_WARN;
	}
}

/* ── the order ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_findings(const void *x, const void *y)
{
	const struct gate_finding *a = x, *b = y;
	const struct gate_fact *f = &a->fact, *g = &b->fact;
	if (a->decision != b->decision)
		return a->decision > b->decision ? -1 : 1;
	if ((f->kind == FINDING_NOT_AFFECTED) != (g->kind == FINDING_NOT_AFFECTED))
		return f->kind == FINDING_NOT_AFFECTED ? 1 : -1;
	if (f->is_drill != g->is_drill)
		return f->is_drill ? 1 : -1;
	/* what the subject itself is comes before what is known of its parts */
	if ((f->advisory.n != 0) != (g->advisory.n != 0))
		return f->advisory.n ? 1 : -1;
	if (f->kind != g->kind)
		return f->kind > g->kind ? -1 : 1;
	if ((f->kev != USEC_NONE) != (g->kev != USEC_NONE))
		return f->kev != USEC_NONE ? -1 : 1;
	if (f->severity != g->severity)
		return severity_of(f) > severity_of(g) ? -1 : 1;
	int c = span_compare(f->advisory, g->advisory);
	c = c ? c : strcmp(f->cause, g->cause);
	c = c ? c : (int)f->carrier - (int)g->carrier;
	c = c ? c : span_compare(f->where, g->where);
	c = c ? c : span_compare(f->purl, g->purl);
	return c ? c : span_compare(f->version, g->version);
}

/* ── the sentences ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* "pkg:generic/nvidia/tensorrt" is tensorrt to people. */
static struct span short_name(struct span purl)
{
	size_t slash = span_rfind_byte(purl, '/');
	return slash == SIZE_MAX ? purl : span_from(purl, slash + 1);
}

static const char *what_words(struct arena *a, const struct gate_fact *f)
{
	static const char *const verbs[] = { "does not affect", "may affect", "is contradicted about", "affects" };
	static const char *const carriers[CARRIER_COUNT] = { " (what built it)", " (what runs it)", " (in the image)" };
	const char *in = f->where.n ? " in " : "";
	if (!f->advisory.n)
		return arena_printf(a, "%.*s%s%.*s", SPAN_ARG(f->reason), in, SPAN_ARG(f->where));
	struct span name = f->purl.n ? short_name(f->purl) : SPAN("something unknown");
	return arena_printf(a, "%.*s %s %.*s %.*s%s%s%.*s", SPAN_ARG(f->advisory), verbs[f->kind & 3], SPAN_ARG(name),
			    SPAN_ARG(f->version.n ? f->version : SPAN("of an unknown version")),
			    f->has_carrier ? carriers[f->carrier] : "", in, SPAN_ARG(f->where));
}

static const char *action_words(enum gate_decision d)
{
	return d == GATE_DENY ? "denies" : d == GATE_WARN ? "warns of" : "allows";
}

static const char *severity_words(struct arena *a, const struct gate_policy *p, const struct gate_finding *f)
{
	char date[TIME_TEXT_BYTES];
	const struct gate_fact *fact = &f->fact;
	if (fact->kev != USEC_NONE)
		return arena_printf(a, "it is exploited (KEV, %s), which is denied whatever its score",
				    time_text_date(fact->kev, date));
	const char *score = fact->severity < 0 ? "no score is known, which counts as the highest"
					       : arena_printf(a, "CVSS %d.%d", fact->severity / 10, fact->severity % 10);
	int from = f->decision == GATE_DENY || f->by == GATE_BY_GRACE ? p->deny_from : p->warn_from;
	if (!score)
		return NULL;
	if (f->decision == GATE_ALLOW)
		return arena_printf(a, "%s: policy %.*s allows it below %d.%d", score, SPAN_ARG(p->name), from / 10,
				    from % 10);
	return arena_printf(a, "%s: policy %.*s %s it from %d.%d on", score, SPAN_ARG(p->name),
			    action_words(f->by == GATE_BY_GRACE ? GATE_DENY : f->decision), from / 10, from % 10);
}

static const char *policy_words(struct arena *a, const struct gate_deciding *d, const struct gate_finding *f)
{
	static const char *const keys[] = { NULL, NULL, "what is in conflict", "what is unknown", "unknown subjects",
					    "answers out of stale feeds", "answers out of a bundle that has ended",
					    "what is not signed as required" };
	const struct gate_fact *fact = &f->fact;
	const struct cause_row *row = fact->advisory.n ? NULL : cause_row(fact->cause);
	enum gate_rule rule = row ? row->rule : GATE_RULE_KIND;
	if (rule == GATE_RULE_DENY)
		return "always denied";
	if (rule == GATE_RULE_KIND && fact->kind == FINDING_NOT_AFFECTED)
		return "allowed";
	if (rule == GATE_RULE_KIND && fact->kind == FINDING_AFFECTED)
		return severity_words(a, d->policy, f);
	if (rule == GATE_RULE_KIND)
		rule = fact->kind == FINDING_CONFLICT ? GATE_RULE_CONFLICT : GATE_RULE_UNKNOWN;
	return arena_printf(a, "policy %.*s %s %s", SPAN_ARG(d->policy->name),
			    action_words(f->by == GATE_BY_GRACE ? GATE_DENY : f->decision), keys[rule]);
}

/* What a debt that covers no more says: people looked at it before. */
static const char *debt_words(struct arena *a, const struct gate_finding *f)
{
	char due[TIME_TEXT_BYTES];
	RF_AUTO(str) words = STR_INIT(KIB);
	if (f->baseline == BASELINE_DUE)
		return arena_printf(a, "; its debt of the baseline was due on %s", time_text_date(f->debt.due, due));
	if (f->baseline != BASELINE_WORSE || !baseline_worse(f->debt.item, &(struct found){ .advisory = f->fact.advisory,
											    .kind = f->fact.kind,
											    .severity = f->fact.severity,
											    .kev = f->fact.kev != USEC_NONE },
							     &words))
		return "";
	return arena_printf(a, "; worse than the baseline: it %s", str_text(&words));
}

static const char *cover_words(struct arena *a, const struct gate_deciding *d, const struct gate_finding *f)
{
	RF_AUTO(str) words = STR_INIT(16 * KIB);
	if (f->by == GATE_BY_WAIVER)
		waiver_words(f->waiver, &words);
	else if (f->by == GATE_BY_VEX)
		vex_words(&d->covers->vex_policy, f->vex, &words);
	else
		baseline_words(&f->debt, &words);
	return words.failed ? NULL
			    : arena_printf(a, "%s%s", f->by == GATE_BY_BASELINE ? "debt of the baseline, " : "", str_text(&words));
}

static const char *rule_words(struct arena *a, const struct gate_deciding *d, const struct gate_finding *f)
{
	char until[TIME_TEXT_BYTES];
	const char *words;
	switch (f->by) {
	case GATE_BY_DRILL:
		return "an exercise decides nothing";
	case GATE_BY_WAIVER:
	case GATE_BY_VEX:
	case GATE_BY_BASELINE:
		return cover_words(a, d, f);
	case GATE_BY_FAIL_ON:
		return arena_printf(a, "--fail-on %s %s", f->decision == GATE_DENY ? "names" : "does not name",
				    finding_kind_name(f->fact.kind));
	case GATE_BY_GRACE:
		words = policy_words(a, d, f);
		return words ? arena_printf(a, "%s, with grace until %s", words, time_text(f->until, until)) : NULL;
	case GATE_BY_POLICY:
		break;
	}
	return policy_words(a, d, f);
}

static const char *cure_words(struct arena *a, const struct gate_fact *f)
{
	struct span name = short_name(f->purl), fixed = f->fix.n ? f->fix : SPAN("a version that is not affected");
	switch (f->carrier) {
	case CARRIER_BUILDER:
		return arena_printf(a, "rebuild the engine with %.*s %.*s or newer: reforge respond %.*s", SPAN_ARG(name),
				    SPAN_ARG(fixed), SPAN_ARG(f->advisory));
	case CARRIER_RUNTIME:
		return arena_printf(a, "load it with %.*s %.*s or newer (engines are rebuilt first: newer ones do not load in "
				    "older runtimes)", SPAN_ARG(name), SPAN_ARG(fixed));
	case CARRIER_IMAGE:
		return arena_printf(a, "run an image that holds %.*s %.*s or newer", SPAN_ARG(name), SPAN_ARG(fixed));
	case CARRIER_COUNT:
		break;
	}
	return NULL;
}

/* What to do about an image of which it is not known what it holds; NULL: it is none, or something else is wrong with it. */
static const char *image_words(const struct gate_fact *f)
{
	if (!f->has_carrier || f->carrier != CARRIER_IMAGE || f->kind != FINDING_UNKNOWN)
		return NULL;
	if (strcmp(f->cause, gate_cause_name(GATE_CAUSE_UNKNOWN_FORMAT)) == 0)
		return "check the image that the service runs; a model that is mounted into it is checked where it lies";
	if (strcmp(f->cause, ARTIFACT_CAUSE_CONTENT_ABSENT) == 0)
		return "scan the image: reforge scan IMAGE";
	return strcmp(f->cause, ARTIFACT_CAUSE_UNREADABLE) == 0 ? "put right what could not be read, and check it again" : NULL;
}

static const char *next_words(struct arena *a, const struct gate_fact *f)
{
	const struct cause_row *row = f->advisory.n ? NULL : cause_row(f->cause);
	const char *image = f->advisory.n ? NULL : image_words(f);
	if (image)
		return image;
	if (row)
		return row->next;
	if (f->kind == FINDING_NOT_AFFECTED)
		return "";
	if (f->kind == FINDING_AFFECTED)
		return f->has_carrier ? cure_words(a, f) : "";
	if (f->advisory.n)
		return arena_printf(a, "read the sources' words (reforge explain %.*s) and decide: reforge advisory decide %.*s",
				    SPAN_ARG(f->advisory), SPAN_ARG(f->advisory));
	return "find out what built it, or rebuild it from its model: reforge explain shows what was read";
}

static int say(struct arena *a, const struct gate_deciding *d, struct gate_finding *f)
{
	const char *what = what_words(a, &f->fact), *rule = rule_words(a, d, f);
	const char *next = f->fact.next.n ? NULL : next_words(a, &f->fact), *debt = debt_words(a, f);
	const char *why = what && rule && debt ? arena_printf(a, "%s: %s%s", what, rule, debt) : NULL;
	if (!why || (!next && !f->fact.next.n))
		return RF_ENOMEM;
	f->why = span_of(why);
	f->next = f->by == GATE_BY_DRILL || f->fact.kind == FINDING_NOT_AFFECTED ? SPAN_NONE
		  : next                                                        ? span_of(next)
										 : f->fact.next;
	return 0;
}

/* ── the answer ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static void count(struct gate_answer *to, const struct gate_finding *f)
{
	to->kinds[f->fact.kind & 3]++;
	to->judged = RF_MAX(to->judged, f->decision);
	bool open = f->fact.kind == FINDING_CONFLICT || f->fact.kind == FINDING_UNKNOWN;
	to->uncertain |= open && f->decision != GATE_ALLOW;
	if (f->until != USEC_NONE && (to->until == USEC_NONE || f->until < to->until))
		to->until = f->until;
}

int gate_decide(struct arena *a, const struct gate_deciding *d, const struct gate_fact *facts, size_t n,
		struct gate_answer *ret, struct err *err)
{
	struct gate_answer answer = { .policy = d->policy->name,
				      .audit = d->policy->audit && !d->fail_on,
				      .until = USEC_NONE,
				      .why = SPAN("nothing was found that speaks against it") };
	if (n && !(answer.findings = arena_array(a, n, sizeof *answer.findings)))
		return err_set(err, RF_ENOMEM, "findings about one subject");
	for (size_t i = 0; i < n; i++) {
		answer.findings[i].fact = facts[i];
		decide_fact(d, &answer.findings[i]);
		count(&answer, &answer.findings[i]);
	}
	if (n > 1)
		qsort(answer.findings, n, sizeof *answer.findings, compare_findings);
	answer.count = RF_MIN(n, (size_t)GATE_MAX_FINDINGS);
	answer.left_out = n - answer.count;
	for (size_t i = 0; i < answer.count; i++)
		if (say(a, d, &answer.findings[i]))
			return err_set(err, RF_ENOMEM, "reasons of a decision");
	answer.decision = answer.audit ? RF_MIN(answer.judged, GATE_WARN) : answer.judged;
	if (answer.count && (answer.judged != GATE_ALLOW || answer.findings[0].fact.kind != FINDING_NOT_AFFECTED)) {
		answer.why = answer.findings[0].why;
		answer.next = answer.findings[0].next;
	}
	*ret = answer;
	return 0;
}

int gate_answer_exit_status(const struct gate_answer *answer)
{
	return answer->decision == GATE_DENY ? 1 : answer->uncertain && !answer->audit ? 3 : 0;
}

int gate_worse_status(int a, int b)
{
	static const int order[] = { 2, 1, 3, 0 };
	for (size_t i = 0; i < RF_COUNT(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return 2;
}
