/* Facts, and the judgement of components: out of the snapshot's verdicts, or by finding_judge() now. */
#include "gate/judge_int.h"

int gate_fact_add(struct gate_judging *j, const struct gate_fact *fact)
{
	if (j->count == j->room) {
		size_t room = j->room ? 2 * j->room : 8;
		struct gate_fact *more = arena_array(j->a, room, sizeof *more);
		if (!more)
			return err_set(j->err, RF_ENOMEM, "facts about one subject");
		if (j->count)
			memcpy(more, j->facts, j->count * sizeof *more);
		j->facts = more;
		j->room = room;
	}
	struct gate_fact *to = &j->facts[j->count++];
	*to = *fact;
	to->artifact = j->artifact;
	to->outer = j->outer;
	to->where = j->where;
	return 0;
}

int gate_fact_own(struct gate_judging *j, enum gate_cause cause, const char *words)
{
	const struct gate_fact fact = { .kind = gate_cause_kind(cause),
					.cause = gate_cause_name(cause),
					.severity = -1,
					.published = USEC_NONE,
					.kev = USEC_NONE,
					.reason = span_of(words ? words : gate_cause_words(cause)) };
	return gate_fact_add(j, &fact);
}

int gate_fact_of(struct gate_judging *j, enum gate_cause cause, const struct gate_content *c, const char *words)
{
	int rc = gate_fact_own(j, cause, words);
	if (rc)
		return rc;
	struct gate_fact *fact = &j->facts[j->count - 1];
	fact->has_carrier = true;
	fact->carrier = c->carrier;
	fact->purl = c->main.purl;
	fact->version = c->main.version;
	return 0;
}

/* ── components ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A release that is hit is denied by that name: its rows were safe when it was published. */
static int add_verdict(struct gate_judging *j, const struct gate_asked *asked, const struct gate_advisory *v,
		       struct gate_fact fact)
{
	fact.advisory = v->stored->advisory.id;
	fact.title = v->stored->advisory.title;
	fact.has_carrier = true;
	fact.carrier = asked->carrier;
	fact.purl = asked->component.purl;
	fact.version = asked->component.version;
	fact.severity = v->severity;
	fact.published = v->published;
	fact.kev = v->kev;
	fact.is_drill = v->stored->advisory.is_drill;
	if (j->release && fact.kind == FINDING_AFFECTED) {
		const char *words = arena_printf(j->a, "%s%.*s", j->release, SPAN_ARG(fact.reason));
		if (!words)
			return err_set(j->err, RF_ENOMEM, "facts about a release");
		fact.cause = gate_cause_name(GATE_CAUSE_RELEASE_HIT);
		fact.reason = span_of(words);
	}
	return gate_fact_add(j, &fact);
}

static struct span last_words(const struct finding *f)
{
	return f->reason.count ? span_of(f->reason.steps[f->reason.count - 1].words) : SPAN_NONE;
}

static int judge_now(struct gate_judging *j, const struct gate_asked *asked, enum finding_claim claim,
		     const struct gate_advisory *v, struct finding **ret)
{
	const struct finding_subject subject = { .component = asked->component,
						 .carrier = asked->carrier,
						 .claim = claim,
						 .claim_cause = claim == CLAIM_CLEAR ? SPAN_NONE : asked->claim_cause,
						 .service = j->service };
	struct finding *f = arena_alloc(j->a, sizeof *f);
	if (!f)
		return err_set(j->err, RF_ENOMEM, "judgement of a component");
	*ret = f;
	return finding_judge(j->a, &subject, v->stored, f, j->err);
}

/*
 * What the file says is judged as if it were true; where the file contradicts itself, an advisory that hits what it
 * says is in conflict, as exposures have it. Advisories that do not are left out: the contradiction is a fact of its own.
 */
static int advisory_now(struct gate_judging *j, const struct gate_asked *asked, const struct gate_advisory *v)
{
	struct finding *f = NULL;
	int rc = judge_now(j, asked, CLAIM_CLEAR, v, &f);
	if (rc || (f->kind == FINDING_NOT_AFFECTED && !j->q->explain))
		return rc;
	if (f->kind != FINDING_NOT_AFFECTED && asked->claim == CLAIM_CONFLICT)
		rc = judge_now(j, asked, CLAIM_CONFLICT, v, &f);
	if (rc)
		return rc;
	struct gate_fact fact = { .kind = f->kind,
				  .cause = finding_cause_name(f->cause),
				  .reason = last_words(f),
				  .fix = gate_nearest_fix(&asked->component, f->fixed, f->fixed_count) };
	if (j->q->explain) {
		fact.fixed = f->fixed;
		fact.fixed_count = f->fixed_count;
		fact.finding = f;
		fact.record = v->stored;
	}
	return add_verdict(j, asked, v, fact);
}

static int take_hit(struct gate_judging *j, const struct gate_asked *asked, const struct gate_hit *hit)
{
	const struct gate_advisory *v = &j->s->advisories[hit->advisory];
	if ((v->has_scopes && j->service.n) || asked->claim == CLAIM_CONFLICT)
		return advisory_now(j, asked, v);
	if (hit->kind == FINDING_NOT_AFFECTED)
		return 0;
	return add_verdict(j, asked, v,
			   (struct gate_fact){ .kind = hit->kind,
					       .cause = finding_cause_name(hit->cause),
					       .reason = gate_snapshot_text_at(j->s, hit->reason),
					       .fix = gate_snapshot_text_at(j->s, hit->fixed) });
}

/* Where it will run; on another line than the snapshot's it is judged now. */
static struct gate_asked on_the_line(const struct gate_judging *j, const struct gate_asked *asked)
{
	struct gate_asked on = *asked;
	if (j->line == PLATFORM_ANY)
		return on;
	component_on(&on.component, j->line);
	if (on.component.line != asked->component.line)
		on.index = GATE_NONE;
	return on;
}

int gate_judge_component(struct gate_judging *j, const struct gate_asked *given)
{
	const struct gate_asked there = on_the_line(j, given), *asked = &there;
	int rc = 0;
	j->by_advisories = true;
	if (asked->index != GATE_NONE && !j->q->explain) {
		const struct gate_component *c = &j->s->components[asked->index];
		for (uint32_t i = 0; i < c->hit_count && !rc; i++)
			rc = take_hit(j, asked, &j->s->hits[c->hit_from + i]);
		return rc;
	}
	const uint32_t *about;
	size_t n = gate_snapshot_about(j->s, asked->component.product, &about);
	for (size_t i = 0; i < n && !rc; i++)
		rc = advisory_now(j, asked, &j->s->advisories[about[i]]);
	return rc;
}
