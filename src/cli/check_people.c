/* check for people: what is wrong first, why, what would cure it, what to do next. */
#include "cli/check_report.h"

#include "build/quarantine.h"
#include "inventory/model.h"

static void words(struct check_sink *s, const char *before, struct span text, const char *behind)
{
	str_add_text(&s->text, before);
	str_add_visible(&s->text, text);
	str_add_text(&s->text, behind);
}

/* ── The file ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static void rule_row(struct check_sink *s, const struct artifact_facts *f, const char *name)
{
	const struct model_rule *rule = model_kind(f->kind) ? model_rule_find(name) : NULL;
	const char *finding = artifact_finding_text(rule ? rule->finding : f->finding);
	str_add_colour(&s->text, s->coloured, colour_of(finding), "  %-12s", finding[0] ? finding : "noted");
	str_addf(&s->text, " %s", name);
	words(s, "  ", span_of(quarantine_found(f, name)), "\n");
	if (rule)
		str_addf(&s->text, "    %s: %s\n    next: %s\n", rule->finding == ARTIFACT_CLEAR ? "wanted" : "must be", rule->what,
			 rule->next);
	if (rule && rule->provokes)
		str_addf(&s->text, "    leads into: %s\n", rule->provokes);
}

static void file_rows(struct check_sink *s, const struct check_subject *c)
{
	const struct artifact_facts *f = c->facts;
	str_addf(&s->text, "  %s", c->kind);
	if (f && f->version[0])
		words(s, " of version ", span_of(f->version), "");
	if (c->quarantine)
		str_add_colour(&s->text, s->coloured, COLOUR_RED, ", in quarantine by the rule %s: no toolchain is shown it",
			       c->quarantine);
	str_add_text(&s->text, "\n");
	for (size_t i = 0; f && i < f->rule_count; i++)
		rule_row(s, f, f->rules[i]);
}

/* ── Findings ───────────────────────────────────────────────────────────────────────────────────────────────────── */

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
static void steps(struct check_sink *s, const struct finding *f)
{
	bool compared = false, read = f->kind == FINDING_UNKNOWN || f->kind == FINDING_CONFLICT;
	for (size_t i = 1; i < f->reason.count; i++) {
		const struct reason_step *step = &f->reason.steps[i];
		bool wanted = s->all || step->kind == REASON_CLAIM || step->kind == REASON_RECORD || has_fact(step, "decision") ||
			      (step->kind == REASON_SOURCE && read) ||
			      (step->kind == REASON_COMPARISON && (read || !compared));
		if (step->kind == REASON_RESULT || !wanted || said_before(&f->reason, i))
			continue;
		compared |= step->kind == REASON_COMPARISON;
		words(s, "    ", span_of(step->words), "\n");
	}
}

/* The other carrier, where it came to the same: one row for both. */
static bool is_same(const struct gate_finding *a, const struct gate_finding *b)
{
	const struct gate_fact *x = &a->fact, *y = &b->fact;
	return x->has_carrier && y->has_carrier && x->carrier != y->carrier && x->kind == y->kind && a->decision == b->decision &&
	       strcmp(x->cause, y->cause) == 0 && span_eq(x->purl, y->purl) && span_eq(x->version, y->version) &&
	       span_eq(x->advisory, y->advisory) && span_eq(x->where, y->where);
}

static void inside(struct check_sink *s, const struct check_subject *c, const struct gate_fact *t)
{
	bool own = c->has_component && span_eq(t->purl, c->product) && span_eq(t->version, c->version);
	if (t->purl.n && !own) {
		words(s, "", t->purl, " ");
		words(s, "", t->version.n ? t->version : SPAN("?"), t->where.n ? " in " : " inside: ");
	}
	if (t->where.n)
		words(s, "", t->where, ": ");
}

/* What was found stands in front of it already. */
static struct span only_why(const struct gate_finding *f)
{
	struct span why = f->why, said = f->fact.reason;
	bool repeats = said.n && why.n > said.n + 2 && span_eq(span_sub(why, 0, said.n), said) && why.p[said.n] == ':';
	return repeats && !f->fact.title.n ? span_from(why, said.n + 2) : why;
}

static void decided(struct check_sink *s, const struct gate_finding *f)
{
	const char *name = gate_decision_name(f->decision);
	if (!f->why.n || (f->decision == GATE_ALLOW && f->by == GATE_BY_POLICY))
		return;
	str_add_text(&s->text, "    ");
	str_add_colour(&s->text, s->coloured, colour_of(name), "%s", name);
	words(s, ": ", only_why(f), "\n");
	if (f->next.n && f->decision != GATE_ALLOW)
		words(s, "    next: ", f->next, "\n");
}

static void finding_row(struct check_sink *s, const struct check_subject *c, const struct gate_finding *f, bool both)
{
	const struct gate_fact *t = &f->fact;
	const char *kind = finding_kind_name(t->kind);
	enum finding_cause cause;
	str_add_colour(&s->text, s->coloured, colour_of(kind), "  %-12s", kind);
	str_add_text(&s->text, " ");
	if (t->advisory.n)
		str_add_colour(&s->text, s->coloured, t->is_drill ? COLOUR_BLUE : COLOUR_NONE, "%.*s  ", SPAN_ARG(t->advisory));
	if (t->has_carrier)
		str_addf(&s->text, "%s: ", both ? "builder, runtime" : t->carrier == CARRIER_IMAGE ? "in the image" : carrier_name(t->carrier));
	if (t->advisory.n && finding_cause_read(span_of(t->cause), &cause))
		str_addf(&s->text, "%s  ", finding_cause_words(cause));
	else
		str_addf(&s->text, "%s  ", t->cause);
	inside(s, c, t);
	words(s, "", t->title.n ? t->title : t->reason, "\n");
	if (t->finding)
		steps(s, t->finding);
	for (size_t i = 0; i < t->fixed_count; i++)
		words(s, i ? ", " : "    fixed in ", t->fixed[i], "");
	if (t->fixed_count)
		str_add_text(&s->text, "\n");
	decided(s, f);
}

/* What is clear in spite of a contradiction is shown: someone will meet the other bound elsewhere. */
static bool is_shown(const struct check_sink *s, const struct gate_finding *f)
{
	const struct finding *full = f->fact.finding;
	return s->all || check_finding_counts(f) || (full && (full->contradiction || full->source_conflict));
}

/* ── The subject ────────────────────────────────────────────────────────────────────────────────────────────────── */

static void rest(struct check_sink *s, const struct check_subject *c, size_t clear, size_t shown)
{
	const struct gate_answer *a = c->answer;
	if (a->left_out)
		str_addf(&s->text, "  %zu more findings are left out; they are decided all the same\n", a->left_out);
	if (clear)
		str_addf(&s->text, "  %zu advisor%s more: not affected (--all shows %s)\n", clear, clear == 1 ? "y" : "ies",
			 clear == 1 ? "it" : "them");
	else if (!a->count && c->has_component)
		str_add_text(&s->text, "  no advisory at hand speaks of this product\n");
	if (shown && !s->all && c->explain)
		words(s, "  every source's words: reforge explain \"", span_of(c->explain), "\"\n");
}

static void subject(struct check_sink *s, const struct check_subject *c)
{
	const struct gate_answer *a = c->answer;
	const char *name = gate_decision_name(a->decision);
	size_t clear = 0, shown = 0;
	words(s, "", span_of(c->name), "  ");
	str_add_colour(&s->text, s->coloured, colour_of(name), "%s", name);
	if (a->audit && a->judged != a->decision)
		words(s, "  (audit: the policy ", a->policy, " would deny)");
	str_add_text(&s->text, "\n");
	if (c->kind)
		file_rows(s, c);
	for (size_t i = 0; i < a->count; i++) {
		const struct gate_finding *f = &a->findings[i];
		bool both = i + 1 < a->count && is_same(f, &a->findings[i + 1]);
		if (is_shown(s, f)) {
			finding_row(s, c, f, both);
			shown += f->fact.advisory.n != 0;
		} else {
			clear++;
		}
		i += both;
	}
	rest(s, c, clear, shown);
}

const struct check_format check_format_people = { "people", "words", NULL, subject, NULL, NULL };
