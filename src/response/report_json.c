/* A report as JSON, "reforge.report/1" (docs/response.md). Pure. */
#include "response/report_text.h"

#include "format/json.h"

static void put_clocks(struct json_out *o, const struct report *r)
{
	json_key(o, "environments");
	json_array(o);
	for (size_t i = 0; i < r->incident.environment_count; i++) {
		const struct incident_environment *e = &r->incident.environments[i];
		json_object(o);
		json_member_span(o, "environment", e->environment);
		json_member_i64(o, "tasks", e->tasks);
		json_member_i64(o, "proven", e->proven);
		json_member_i64(o, "failed", e->failed);
		json_member_i64(o, "blocked", e->blocked);
		json_member_i64(o, "releases", e->releases);
		json_member_i64(o, "published", e->published);
		json_key(o, "clocks");
		json_array(o);
		for (int s = 0; s < CLOCK_STAGES; s++) {
			const struct clock_row *c = &r->clocks[i][s];
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
		json_array_end(o);
		json_object_end(o);
	}
	json_array_end(o);
}

static void put_advisories(struct json_out *o, const struct report *r)
{
	json_key(o, "advisories");
	json_array(o);
	for (size_t i = 0; i < r->advisory_count; i++) {
		const struct report_advisory *a = &r->advisories[i];
		json_object(o);
		json_member(o, "id", a->id);
		json_member(o, "title", a->title);
		json_member(o, "severity", a->severity);
		json_member(o, "source", a->source);
		json_member(o, "url", a->url);
		json_member_time(o, "published_at", a->published_at);
		json_member_bool(o, "drill", a->is_drill);
		json_member(o, "affected", a->affected_text);
		json_member(o, "fixed", a->fixed_text);
		json_object_end(o);
	}
	json_array_end(o);
}

static void put_latency(struct json_out *o, const char *key, const struct prove_latency *l)
{
	json_key(o, key);
	if (l->samples == 0) {
		json_put_null(o);
		return;
	}
	json_object(o);
	json_member_u64(o, "samples", l->samples);
	json_member_double(o, "mean_ns", l->mean_ns);
	json_member_u64(o, "p50_ns", (uint64_t)l->p50_ns);
	json_member_u64(o, "p99_ns", (uint64_t)l->p99_ns);
	json_key(o, "quantiles_ns");
	json_array(o);
	for (int q = 0; q < PROVE_QUANTILES; q++)
		json_put_u64(o, (uint64_t)l->quantiles_ns[q]);
	json_array_end(o);
	json_object_end(o);
}

static void put_proof(struct json_out *o, const struct report_engine *e)
{
	char hex[DIGEST_HEX];
	json_key(o, "proof");
	if (!e->has_proof) {
		json_put_null(o);
		return;
	}
	const struct prove_result *p = &e->proof;
	json_object(o);
	json_member(o, "numeric", judgement_name(p->numeric));
	json_member(o, "performance", judgement_name(p->performance));
	json_member(o, "reason", p->reason);
	json_member(o, "performance_text", p->performance_text);
	json_member_u64(o, "cases", p->cases);
	json_member(o, "inputs_sha256", digest_hex(&p->inputs_digest, hex));
	json_member(o, "proof_sha256", digest_hex(&p->proof, hex));
	json_member(o, "isolation", p->isolation);
	json_key(o, "outputs");
	json_array(o);
	for (size_t i = 0; i < p->outputs_n; i++) {
		const struct prove_output *out = &p->outputs[i];
		json_object(o);
		json_member(o, "name", out->name);
		json_member(o, "judgement", judgement_name(out->judgement));
		json_member(o, "text", out->text);
		json_member_double(o, "max_abs", out->numeric.max_abs);
		json_member_double(o, "max_rel", out->numeric.max_rel);
		json_member_double(o, "min_cosine", out->numeric.min_cosine);
		json_member_u64(o, "elements", out->numeric.elements);
		json_member_u64(o, "identical", out->numeric.identical);
		json_object_end(o);
	}
	json_array_end(o);
	put_latency(o, "latency_old", &p->old_latency);
	put_latency(o, "latency_new", &p->new_latency);
	json_object_end(o);
}

static void put_engine(struct json_out *o, const struct report_engine *e)
{
	const struct task *t = &e->task;
	json_object(o);
	json_member_i64(o, "task", t->id);
	json_member_i64(o, "attempt", t->attempt);
	json_member_span(o, "service", t->service);
	json_member_span(o, "environment", t->environment);
	json_member_span(o, "model", t->model);
	json_member_span(o, "target", t->target);
	json_member(o, "state", task_state_name(t->state));
	json_member_span(o, "reason", t->reason);
	json_member_span(o, "owner", t->owner);
	json_member_bool(o, "drill", t->is_drill);
	json_member_span(o, "toolchain", t->toolchain);
	json_member_span(o, "from_version", t->from_version);
	json_member_span(o, "to_version", t->to_version);
	json_member_span(o, "path", t->engine_path);
	json_member_span(o, "old_sha256", t->engine_digest);
	json_member_i64(o, "old_bytes", t->engine_bytes);
	json_member_span(o, "new_sha256", t->new_digest);
	json_member_i64(o, "new_bytes", t->new_bytes);
	json_member_span(o, "recipe_build_sha256", t->build_digest);
	json_member_span(o, "recipe_proof_sha256", t->proof_digest);
	json_member(o, "library_sha256", e->library_digest);
	json_member(o, "log_sha256", e->log_digest);
	json_member(o, "build_isolation", e->build_isolation);
	json_member(o, "release_path", e->release_path);
	json_member_time(o, "built_at", t->built_at);
	json_member_time(o, "proven_at", t->proven_at);
	json_member_i64(o, "build_usec", t->build_usec);
	json_member_i64(o, "prove_usec", t->prove_usec);
	put_proof(o, e);
	json_object_end(o);
}

static void put_left(struct json_out *o, const struct report *r)
{
	json_key(o, "releases");
	json_array(o);
	for (size_t i = 0; i < r->release_count; i++) {
		const struct release_plan *p = &r->releases[i];
		json_object(o);
		json_member_span(o, "service", p->service);
		json_member_span(o, "environment", p->environment);
		json_member_span(o, "release", p->release);
		json_member_span(o, "parent", p->parent);
		json_member_bool(o, "drill", p->is_drill);
		json_member_time(o, "published_at", p->published_at);
		json_member_span(o, "held_reason", p->held_reason);
		json_member_i64(o, "tasks", p->tasks);
		json_member_i64(o, "proven", p->proven);
		json_object_end(o);
	}
	json_array_end(o);
	json_key(o, "runtimes_exposed");
	json_array(o);
	for (size_t i = 0; i < r->rest_count; i++) {
		const struct plan_rest *p = &r->rests[i];
		json_object(o);
		json_member(o, "service", p->service);
		json_member(o, "environment", p->environment);
		json_member(o, "component", p->component);
		json_member(o, "advisory", p->advisory);
		json_member(o, "text", p->text);
		json_member(o, "owner", p->owner);
		json_object_end(o);
	}
	json_array_end(o);
	json_key(o, "events");
	json_array(o);
	for (size_t i = 0; i < r->event_count; i++) {
		const struct report_event *e = &r->events[i];
		json_object(o);
		json_member_time(o, "at", e->at);
		json_member(o, "kind", e->kind);
		json_member(o, "subject", e->subject);
		json_member(o, "actor", e->actor);
		json_member(o, "text", e->text);
		json_object_end(o);
	}
	json_array_end(o);
}

int report_json(const struct report *r, struct str *to)
{
	struct json_out o = json_out(to, true);
	const struct incident *i = &r->incident;
	char hex[DIGEST_HEX];
	json_object(&o);
	json_member(&o, "format", "reforge.report/1");
	json_member(&o, "site", r->site);
	json_member_time(&o, "generated_at", r->generated_at);
	json_member(&o, "generated_by", r->generated_by);
	json_member_i64(&o, "incident", i->id);
	json_member_span(&o, "name", i->name);
	json_member_bool(&o, "drill", i->is_drill);
	json_member_bool(&o, "backlog", i->is_backlog);
	json_member(&o, "state", incident_state_name(i->state));
	json_member(&o, "stage", clock_stage_name(r->stage));
	json_member_time(&o, "t0", i->t0);
	json_member_span(&o, "t0_source", i->t0_source);
	json_member_time(&o, "published_at", i->published_at);
	json_member_time(&o, "opened_at", i->opened_at);
	json_member_span(&o, "opened_by", i->opened_by);
	put_advisories(&o, r);
	exposure_stale_json(r->stale, r->stale_count, &o);
	json_key(&o, "waivers");
	json_array(&o);
	for (size_t k = 0; k < r->waiver_count; k++)
		waiver_json(&r->waivers[k], r->generated_at, &o);
	json_array_end(&o);
	put_clocks(&o, r);
	json_key(&o, "engines");
	json_array(&o);
	for (size_t k = 0; k < r->engine_count; k++)
		put_engine(&o, &r->engines[k]);
	json_array_end(&o);
	put_left(&o, r);
	json_key(&o, "ledger");
	json_object(&o);
	json_member_i64(&o, "size", r->ledger.size);
	json_member(&o, "head", digest_hex(&r->ledger.head, hex));
	json_object_end(&o);
	json_member(&o, "release_key", r->key_id);
	json_object_end(&o);
	str_add_byte(to, '\n');
	return 0;
}
