/* check as JSON: one object a subject (docs/cli.md, check). Several are NDJSON. */
#include "cli/check_report.h"

#include "build/quarantine.h"
#include "inventory/model.h"

static void no_evidence(struct json_out *o)
{
	json_key(o, "evidence");
	json_array(o);
	json_array_end(o);
}

/* What @name, a rule, found in the file. */
static void rule_json(const struct artifact_facts *f, const char *name, struct json_out *o)
{
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
	no_evidence(o);
	json_object_end(o);
}

/* The last step is the result, the ones before it what led there. */
static void judged_json(const struct finding *f, struct json_out *o)
{
	json_member_bool(o, "source_conflict", f->source_conflict);
	json_member_bool(o, "contradiction", f->contradiction);
	json_member_bool(o, "cautious_reading", f->conservative);
	json_key(o, "evidence");
	reason_json(&f->reason, o);
}

static void cover_json(const struct gate_finding *f, struct json_out *o)
{
	struct check_cover c;
	char id[24];
	if (!check_finding_cover(f, id, &c))
		return;
	json_key(o, "cover");
	json_object(o);
	json_member(o, "kind", c.kind);
	json_member(o, "id", c.id);
	json_member_span(o, "owner", c.owner);
	json_member_span(o, "reason", c.reason);
	json_member_time(o, "until", c.until);
	json_object_end(o);
}

static void component_json(const struct gate_fact *t, struct json_out *o)
{
	if (t->purl.n) {
		json_member_span(o, "product", t->purl);
		json_member_span(o, "version", t->version);
	}
	if (t->where.n)
		json_member_span(o, "where", t->where);
	json_key(o, "fixed");
	json_array(o);
	for (size_t i = 0; i < t->fixed_count; i++)
		json_put_span(o, t->fixed[i]);
	json_array_end(o);
}

static void advisory_json(const struct gate_fact *t, struct json_out *o)
{
	json_member_span(o, "title", t->title);
	json_member_bool(o, "drill", t->is_drill);
	json_member_bool(o, "exploited", t->kev != USEC_NONE);
	if (t->severity >= 0)
		json_member_double(o, "score", t->severity / 10.0);
}

static void finding_json(const struct gate_finding *f, struct json_out *o)
{
	const struct gate_fact *t = &f->fact;
	json_object(o);
	json_key(o, "advisory");
	if (t->advisory.n)
		json_put_span(o, t->advisory);
	else
		json_put_null(o);
	json_member(o, "carrier", t->has_carrier ? carrier_name(t->carrier) : NULL);
	json_member(o, "finding", finding_kind_name(t->kind));
	json_member(o, "cause", t->cause);
	json_member_span(o, "reason", t->reason);
	json_member(o, "decision", gate_decision_name(f->decision));
	json_member(o, "decided_by", gate_use_name(f->by));
	json_member_span(o, "why", f->why);
	json_member_time(o, "until", f->until);
	if (f->next.n)
		json_member_span(o, "next", f->next);
	cover_json(f, o);
	component_json(t, o);
	if (t->advisory.n)
		advisory_json(t, o);
	if (t->finding)
		judged_json(t->finding, o);
	else
		no_evidence(o);
	json_object_end(o);
}

static void answer_json(const struct gate_answer *a, struct json_out *o)
{
	json_member(o, "decision", gate_decision_name(a->decision));
	json_member(o, "judged", gate_decision_name(a->judged));
	json_member_span(o, "policy", a->policy);
	json_member_span(o, "why", a->why);
	json_member_time(o, "until", a->until);
}

static void subject(struct check_sink *s, const struct check_subject *c)
{
	const struct gate_answer *a = c->answer;
	struct json_out o = json_out(&s->text, s->pretty);
	json_object(&o);
	json_member(&o, "subject", c->name);
	json_member_span(&o, "product", c->has_component ? c->product : SPAN(""));
	json_member_span(&o, "version", c->has_component ? c->version : SPAN(""));
	if (c->line)
		json_member_u64(&o, "line", c->line);
	if (c->kind) {
		json_member(&o, "kind", c->kind);
		json_member(&o, "sha256", c->sha256);
		json_member(&o, "quarantine", c->quarantine);
	}
	answer_json(a, &o);
	json_key(&o, "findings");
	json_array(&o);
	for (size_t i = 0; c->facts && i < c->facts->rule_count; i++)
		rule_json(c->facts, c->facts->rules[i], &o);
	for (size_t i = 0; i < a->count; i++)
		finding_json(&a->findings[i], &o);
	json_array_end(&o);
	json_member_u64(&o, "left_out", a->left_out);
	json_object_end(&o);
	str_add_byte(&s->text, '\n');
}

const struct check_format check_format_json = { "json", "one object a subject, a line each", NULL, subject, NULL, NULL };
