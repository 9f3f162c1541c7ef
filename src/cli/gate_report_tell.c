/* gate report - how it is told: tables for people, one object for programs (docs/cli.md). */
#include "cli/gate_report.h"
#include "cli/output.h"

#define JSON_BYTES (1 * GIB)

static const struct standing_group *group_of(const struct gate_reporting *r, const struct drain_step *s)
{
	return &r->report.groups[s->group];
}

/* "k8s:prod/speech Deployment/asr", "gpu-17" */
static void place_add(struct str *to, const struct standing_group *g)
{
	str_add(to, g->host);
	if (!span_eq(g->host, g->drain.name))
		str_addf(to, " %.*s", SPAN_ARG(g->drain.name));
}

static bool is_shown(const struct gate_reporting *r, const struct standing_subject *s)
{
	return s->verdict->judged == GATE_DENY || (option_flag(r->in, "all") && s->verdict->judged == GATE_WARN);
}

/* ── For people ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void service_cells(struct table *t, const struct standing_group *g, const char *sep)
{
	table_f(t, COLOUR_NONE, "%.*s%s%.*s", SPAN_ARG(g->drain.service.n ? g->drain.service : SPAN("(none)")), sep,
		SPAN_ARG(g->drain.environment));
	RF_AUTO(str) place = STR_INIT(64 * KIB);
	place_add(&place, g);
	table_cell(t, COLOUR_NONE, str_span(&place));
}

static int subjects_print(const struct gate_reporting *r, struct err *err)
{
	struct table t;
	table_init(&t, "service", "where", "what", "decision", "why", "next", NULL);
	for (size_t i = 0; i < r->report.groups_n; i++) {
		const struct standing_group *g = &r->report.groups[i];
		for (size_t k = 0; k < g->subjects_n; k++) {
			const struct standing_subject *s = &g->subjects[k];
			if (!is_shown(r, s))
				continue;
			service_cells(&t, g, g->drain.environment.n ? "/" : "");
			table_cell(&t, COLOUR_NONE, s->name);
			table_cell(&t, colour_of(gate_decision_name(s->verdict->judged)), span_of(gate_decision_name(s->verdict->judged)));
			table_cell(&t, COLOUR_NONE, s->verdict->why);
			table_cell(&t, COLOUR_NONE, s->verdict->next);
		}
		if (g->left_out) {
			service_cells(&t, g, g->drain.environment.n ? "/" : "");
			table_f(&t, COLOUR_DIM, "and %zu more", g->left_out);
			for (int k = 0; k < 3; k++)
				table_text(&t, "");
		}
	}
	int rc = t.count ? table_print(&t, err) : 0;
	table_release(&t);
	return rc;
}

static void step_words(const struct standing_group *g, const struct drain_step *s, struct str *to)
{
	switch (s->action) {
	case DRAIN_STOP:
		str_add_text(to, "stop it, or do not start it again: it serves nobody");
		break;
	case DRAIN_REPLACE:
		str_addf(to, "replace by %s: %lld %s, %lld at a time%s", g->replacement, (long long)s->replicas,
			 s->replicas == 1 ? "replica" : "replicas", (long long)s->at_once, s->surge ? ", one added first" : "");
		break;
	case DRAIN_REMOVE:
		str_addf(to, "take %lld %s out: the others carry the service", (long long)s->replicas,
			 s->replicas == 1 ? "replica" : "replicas");
		break;
	case DRAIN_HOLD:
		str_addf(to, "%lld %s: %s", (long long)s->replicas, s->replicas == 1 ? "stays" : "stay", drain_hold_words(s->hold));
		break;
	}
}

static int plan_print(const struct gate_reporting *r, struct err *err)
{
	struct table t;
	table_init(&t, "service", "where", "step", "serve", "after", NULL);
	for (size_t i = 0; i < r->report.steps_n; i++) {
		const struct drain_step *s = &r->report.steps[i];
		RF_AUTO(str) words = STR_INIT(64 * KIB);
		service_cells(&t, group_of(r, s), group_of(r, s)->drain.environment.n ? "/" : "");
		step_words(group_of(r, s), s, &words);
		table_cell(&t, s->action == DRAIN_HOLD ? COLOUR_YELLOW : COLOUR_NONE, str_span(&words));
		table_f(&t, COLOUR_NONE, "%lld", (long long)s->serving);
		table_f(&t, COLOUR_NONE, "%lld", (long long)s->serving_after);
	}
	int rc = 0;
	if (t.count) {
		out("\nThe plan, which keeps %lld serving (or as many as do now):\n", (long long)r->keep);
		rc = table_print(&t, err);
	}
	table_release(&t);
	return rc;
}

static int words_print(const struct gate_reporting *r, struct err *err)
{
	int rc = subjects_print(r, err);
	if (rc == 0)
		rc = plan_print(r, err);
	if (rc)
		return rc;
	out("%s%llu placements, %llu questions to the gate (%zu different): ", r->report.denied ? "\n" : "",
	    (unsigned long long)r->placements, (unsigned long long)r->report.subjects, r->report.judged);
	out_colour(r->report.denied ? COLOUR_RED : COLOUR_GREEN, "%llu would be denied", (unsigned long long)r->report.denied);
	out(", %llu warned about\n", (unsigned long long)r->report.warned);
	if (r->unreadable)
		out_colour(COLOUR_YELLOW, "%zu workloads have no record that can be read: scan the cluster again\n", r->unreadable);
	return 0;
}

/* ── For programs ────────────────────────────────────────────────────────────────────────────────────────────────── */

static void subject_json(struct json_out *o, const struct standing_subject *s)
{
	const struct standing_verdict *v = s->verdict;
	json_object(o);
	json_member(o, "kind", gate_subject_kind_name(s->kind));
	json_member_span(o, "subject", s->name);
	json_member_span(o, "where", s->where);
	json_member(o, "decision", gate_decision_name(v->judged));
	json_member(o, "answer", gate_decision_name(v->decision));
	json_member_span(o, "policy", v->policy);
	json_member(o, "advisories", v->advisories);
	json_member_span(o, "why", v->why);
	json_member_span(o, "next", v->next);
	json_member_time(o, "until", v->until);
	json_object_end(o);
}

static void group_json(const struct gate_reporting *r, struct json_out *o, const struct standing_group *g)
{
	const struct gate_service *owner = gate_snapshot_service_find(r->snapshot, g->drain.service);
	json_object(o);
	json_member_span(o, "service", g->drain.service);
	json_member_span(o, "environment", g->drain.environment);
	json_member_span(o, "owner", owner ? owner->owner : SPAN(""));
	json_member_span(o, "contact", owner ? owner->contact : SPAN(""));
	json_member_span(o, "host", g->host);
	json_member_span(o, "name", g->drain.name);
	json_member_i64(o, "replicas", g->drain.replicas);
	json_member_bool(o, "denied", g->drain.denied);
	json_member(o, "replacement", g->replacement);
	json_key(o, "subjects");
	json_array(o);
	for (size_t i = 0; i < g->subjects_n; i++)
		if (is_shown(r, &g->subjects[i]))
			subject_json(o, &g->subjects[i]);
	json_array_end(o);
	json_member_u64(o, "left_out", g->left_out);
	json_object_end(o);
}

static void step_json(const struct gate_reporting *r, struct json_out *o, const struct drain_step *s)
{
	const struct standing_group *g = group_of(r, s);
	json_object(o);
	json_member_span(o, "service", g->drain.service);
	json_member_span(o, "environment", g->drain.environment);
	json_member_span(o, "host", g->host);
	json_member_span(o, "name", g->drain.name);
	json_member(o, "action", drain_action_name(s->action));
	json_member_i64(o, "replicas", s->replicas);
	json_member_i64(o, "at_once", s->at_once);
	json_member_i64(o, "surge", s->surge);
	json_member_i64(o, "serving", s->serving);
	json_member_i64(o, "serving_after", s->serving_after);
	json_member(o, "hold", s->hold ? drain_hold_name(s->hold) : NULL);
	json_member(o, "replacement", s->action == DRAIN_REPLACE ? g->replacement : NULL);
	json_object_end(o);
}

static int json_print(const struct gate_reporting *r, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(JSON_BYTES);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member_time(&o, "generated", r->now);
	json_member_time(&o, "as_of", r->snapshot->head.as_of);
	json_member_i64(&o, "keep", r->keep);
	json_member_u64(&o, "placements", r->placements);
	json_member_u64(&o, "unreadable", r->unreadable);
	json_member_u64(&o, "asked", r->report.subjects);
	json_member_u64(&o, "denied", r->report.denied);
	json_member_u64(&o, "warned", r->report.warned);
	json_member_u64(&o, "uncertain", r->report.uncertain);
	json_key(&o, "groups");
	json_array(&o);
	for (size_t i = 0; i < r->report.groups_n; i++)
		if (r->report.groups[i].drain.denied || (option_flag(r->in, "all") && r->report.groups[i].subjects_n))
			group_json(r, &o, &r->report.groups[i]);
	json_array_end(&o);
	json_key(&o, "plan");
	json_array(&o);
	for (size_t i = 0; i < r->report.steps_n; i++)
		step_json(r, &o, &r->report.steps[i]);
	json_array_end(&o);
	json_object_end(&o);
	return out_json(&text, err);
}

int gate_report_tell(const struct gate_reporting *r, struct err *err)
{
	return r->in->json ? json_print(r, err) : words_print(r, err);
}
