/* The status as JSON (docs/response.md). Pure. */
#include "response/status.h"

static void put_carrier(struct json_out *o, const char *key, const struct status_carrier *c)
{
	json_key(o, key);
	json_object(o);
	json_member_i64(o, "placements", c->placements);
	json_member_i64(o, "affected", c->affected);
	json_member_i64(o, "conflict", c->conflict);
	json_member_i64(o, "unknown", c->unknown);
	json_member_i64(o, "not_affected", c->not_affected);
	json_object_end(o);
}

static void put_texts(struct json_out *o, const char *key, const char *const *list, size_t n)
{
	json_key(o, key);
	json_array(o);
	for (size_t i = 0; i < n; i++)
		json_put_text(o, list[i]);
	json_array_end(o);
}

static void put_service(struct json_out *o, const struct status_service *s)
{
	json_object(o);
	json_member(o, "service", s->service);
	json_member(o, "environment", s->environment);
	json_member(o, "owner", s->owner);
	put_carrier(o, "runtime", &s->runtime);
	put_carrier(o, "builder", &s->builder);
	put_carrier(o, "image", &s->image);
	json_member_i64(o, "runtime_drill", s->runtime_drill);
	json_member_i64(o, "builder_drill", s->builder_drill);
	json_member_i64(o, "image_drill", s->image_drill);
	json_member_bool(o, "runtime_clean_engine_vulnerable", s->runtime_clean_engine_vulnerable);
	json_member(o, "stable", s->stable);
	json_member(o, "candidate", s->candidate);
	put_texts(o, "advisories", s->advisories, s->advisory_count);
	json_object_end(o);
}

static void put_release(struct json_out *o, const struct status_release *r)
{
	json_object(o);
	json_member(o, "service", r->service);
	json_member(o, "environment", r->environment);
	json_member(o, "name", r->name);
	json_member(o, "rollout", r->rollout_state);
	json_member_bool(o, "drill", r->is_drill);
	json_member_bool(o, "secure", r->secure);
	json_key(o, "rows");
	json_array(o);
	for (size_t i = 0; i < r->row_count; i++) {
		const struct status_release_row *row = &r->rows[i];
		json_object(o);
		json_member(o, "model", row->model);
		json_member(o, "target", row->target);
		json_member(o, "toolchain", row->toolchain);
		json_member(o, "version", row->version);
		json_member(o, "sha256", row->digest);
		json_member_bool(o, "carried_over", row->carried_over);
		json_member(o, "finding", row->finding);
		put_texts(o, "advisories", row->advisories, row->advisory_count);
		json_object_end(o);
	}
	json_array_end(o);
	json_object_end(o);
}

static void put_clock(struct json_out *o, const struct clock_row *c)
{
	json_object(o);
	json_member(o, "stage", clock_stage_name(c->stage));
	json_member(o, "result", clock_result_name(c->result));
	json_member_time(o, "due_at", c->due_at);
	json_member_time(o, "reached_at", c->reached_at);
	json_member_i64(o, "elapsed_usec", c->elapsed_usec);
	json_member_i64(o, "limit_usec", c->limit_usec);
	json_member_i64(o, "n", c->n);
	json_member_i64(o, "m", c->m);
	json_object_end(o);
}

static void put_environment(struct json_out *o, const struct incident_environment *e,
			    const struct clock_row clocks[CLOCK_STAGES])
{
	json_object(o);
	json_member_span(o, "environment", e->environment);
	json_member_i64(o, "tasks", e->tasks);
	json_member_i64(o, "planned", e->planned);
	json_member_i64(o, "building", e->building);
	json_member_i64(o, "built", e->built);
	json_member_i64(o, "proven", e->proven);
	json_member_i64(o, "failed", e->failed);
	json_member_i64(o, "blocked", e->blocked);
	json_member_i64(o, "releases", e->releases);
	json_member_i64(o, "published", e->published);
	json_key(o, "clocks");
	json_array(o);
	for (int s = 0; s < CLOCK_STAGES; s++)
		put_clock(o, &clocks[s]);
	json_array_end(o);
	json_object_end(o);
}

static void put_waiting(struct json_out *o, const struct task *t)
{
	json_object(o);
	json_member_i64(o, "task", t->id);
	json_member_span(o, "service", t->service);
	json_member_span(o, "environment", t->environment);
	json_member_span(o, "model", t->model);
	json_member_span(o, "target", t->target);
	json_member(o, "state", task_state_name(t->state));
	json_member_span(o, "reason", t->reason);
	json_member_span(o, "owner", t->owner);
	json_object_end(o);
}

static void put_incident(struct json_out *o, const struct status_incident *s)
{
	const struct incident *i = &s->incident;
	json_object(o);
	json_member_i64(o, "incident", i->id);
	json_member_span(o, "name", i->name);
	json_member(o, "state", incident_state_name(i->state));
	json_member_bool(o, "drill", i->is_drill);
	json_member_bool(o, "backlog", i->is_backlog);
	json_member(o, "stage", clock_stage_name(incident_stage(i)));
	json_member_time(o, "t0", i->t0);
	json_member_span(o, "t0_source", i->t0_source);
	json_key(o, "advisories");
	json_array(o);
	for (size_t k = 0; k < i->advisory_count; k++)
		json_put_span(o, i->advisories[k]);
	json_array_end(o);
	json_key(o, "environments");
	json_array(o);
	for (size_t k = 0; k < i->environment_count; k++)
		put_environment(o, &i->environments[k], s->clocks[k]);
	json_array_end(o);
	json_key(o, "waiting");
	json_array(o);
	for (size_t k = 0; k < s->blocked_count; k++)
		put_waiting(o, &s->blocked[k]);
	json_array_end(o);
	json_object_end(o);
}

void status_json(struct json_out *o, const struct status *s)
{
	json_object(o);
	json_member(o, "site", s->site);
	json_member_time(o, "at", s->at);
	json_member_bool(o, "no_data", s->no_data);
	json_key(o, "exposures");
	json_object(o);
	json_member_i64(o, "affected", s->exposures_affected);
	json_member_i64(o, "conflict", s->exposures_conflict);
	json_member_i64(o, "unknown", s->exposures_unknown);
	json_object_end(o);
	if (excuse_counts_any(&s->excused)) {
		json_key(o, "excused");
		excuse_counts_json(&s->excused, o);
	}
	exposure_stale_json(s->stale, s->stale_count, o);
	json_key(o, "work");
	json_array(o);
	for (size_t i = 0; i < s->work_count; i++)
		exposure_work_json(&s->work[i], o);
	json_array_end(o);
	json_key(o, "services");
	json_array(o);
	for (size_t i = 0; i < s->service_count; i++)
		put_service(o, &s->services[i]);
	json_array_end(o);
	json_key(o, "incidents");
	json_array(o);
	for (size_t i = 0; i < s->incident_count; i++)
		put_incident(o, &s->incidents[i]);
	json_array_end(o);
	json_key(o, "releases");
	json_array(o);
	for (size_t i = 0; i < s->release_count; i++)
		put_release(o, &s->releases[i]);
	json_array_end(o);
	json_object_end(o);
}
