/* proof - proof.json, written and read. Canonical (members sorted, no blanks), so that its digest is a property of what was
 * found; a figure that does not exist is null. */
#include "format/json.h"
#include "prove/prove_int.h"

#include <math.h>

#define FORMAT "reforge-proof/1"

/* ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void put_digest(struct json_out *o, const char *key, const struct digest *d)
{
	char hex[DIGEST_HEX];
	json_member(o, key, digest_hex(d, hex));
}

static void put_side(struct json_out *o, const char *key, const struct prove_side *side, const struct runner *r)
{
	json_key(o, key);
	json_object(o);
	json_key(o, "engine");
	if (side->engine) {
		char hex[DIGEST_HEX];
		json_put_text(o, digest_hex(&side->engine_digest, hex));
	} else {
		json_put_null(o);
	}
	if (side->toolchain) {
		json_member(o, "toolchain", side->toolchain->kind->name);
		json_member(o, "version", side->toolchain->version);
		put_digest(o, "library", &side->toolchain->library_digest);
	}
	json_member(o, "isolation", r->isolation);
	json_member_i64(o, "load_usec", r->load_usec);
	json_object_end(o);
}

static void put_rule(struct json_out *o, const struct numeric_rule *rule)
{
	json_key(o, "rule");
	json_object(o);
	json_member_double(o, "atol", rule->atol);
	json_member_double(o, "rtol", rule->rtol);
	json_member_double(o, "max_outliers", rule->max_outliers);
	json_member_double(o, "min_cosine", rule->min_cosine);
	json_member_double(o, "min_top1", rule->min_top1);
	json_object_end(o);
}

/* Counters of struct numeric by name: one table to write and to read. */
static const struct { const char *key; size_t at; } COUNTERS[] = {
#define COUNTER(name) { #name, offsetof(struct numeric, name) }
	COUNTER(inputs), COUNTER(type_mismatches), COUNTER(shape_mismatches), COUNTER(elements), COUNTER(identical), COUNTER(outliers),
	COUNTER(nan_both), COUNTER(nan_differs), COUNTER(inf_both), COUNTER(inf_differs), COUNTER(rel_elements), COUNTER(cosine_tensors),
	COUNTER(near_zero_tensors), COUNTER(rows), COUNTER(rows_agree), COUNTER(rows_tied),
};
static const struct { const char *key; size_t at; } FIGURES[] = {
#define FIGURE(name) { #name, offsetof(struct numeric, name) }
	FIGURE(max_abs), FIGURE(max_rel), FIGURE(min_cosine), FIGURE(dot), FIGURE(norm_a), FIGURE(norm_b),
};

static void put_output(struct json_out *o, const struct prove_output *out)
{
	const struct numeric *n = &out->numeric;
	json_object(o);
	json_member(o, "name", out->name);
	json_member(o, "judgement", judgement_name(out->judgement));
	json_member(o, "cause", numeric_cause_name(out->cause));
	json_member(o, "text", out->text);
	json_member(o, "type", npy_type_name(n->type));
	put_rule(o, &n->rule);
	for (size_t i = 0; i < RF_COUNT(COUNTERS); i++) {
		uint64_t v;
		memcpy(&v, (const char *)n + COUNTERS[i].at, sizeof v);
		json_member_u64(o, COUNTERS[i].key, v);
	}
	for (size_t i = 0; i < RF_COUNT(FIGURES); i++) {
		double v;
		memcpy(&v, (const char *)n + FIGURES[i].at, sizeof v);
		json_member_double(o, FIGURES[i].key, v);
	}
	json_member_double(o, "cosine", numeric_cosine(n));
	json_member_double(o, "top1", numeric_top1(n));
	if (n->first_bad_input != UINT64_MAX)
		json_member_u64(o, "first_bad_input", n->first_bad_input);
	if (n->first_bad_element != UINT64_MAX)
		json_member_u64(o, "first_bad_element", n->first_bad_element);
	json_object_end(o);
}

static void put_interval(struct json_out *o, const char *key, const struct performance_interval *i)
{
	json_key(o, key);
	json_object(o);
	json_member_bool(o, "asked", i->asked);
	json_member_double(o, "ratio", i->ratio);
	json_member_double(o, "low", i->low);
	json_member_double(o, "high", i->high);
	json_member_double(o, "limit", i->limit);
	json_member(o, "judgement", judgement_name(i->judgement));
	json_object_end(o);
}

static void put_latency(struct json_out *o, const char *key, const struct prove_latency *l)
{
	json_key(o, key);
	json_object(o);
	json_member_u64(o, "samples", l->samples);
	json_member_double(o, "mean_ns", l->mean_ns);
	json_member_u64(o, "p50_ns", l->p50_ns);
	json_member_u64(o, "p99_ns", l->p99_ns);
	json_key(o, "quantiles_ns");
	json_array(o);
	for (size_t i = 0; i < PROVE_QUANTILES; i++)
		json_put_u64(o, l->quantiles_ns[i]);
	json_array_end(o);
	json_object_end(o);
}

static void put_performance(struct json_out *o, const struct prove_job *job, const struct prove_result *r)
{
	struct performance_rule rule = prove_performance_rule(&job->recipe->performance);
	json_key(o, "performance");
	json_object(o);
	json_member(o, "judgement", judgement_name(r->performance));
	json_member_bool(o, "asked", r->performance_asked);
	json_member(o, "text", r->performance_text);
	json_member(o, "cannot_tell", doubt_policy_name(rule.doubt));
	json_member_u64(o, "pairs", r->timing.pairs);
	json_member(o, "worst", r->timing.worst ? r->timing.worst : "none");
	json_member_double(o, "confidence", PERFORMANCE_CONFIDENCE);
	json_member_u64(o, "resamples", PERFORMANCE_RESAMPLES);
	put_interval(o, "p50", &r->timing.p50);
	put_interval(o, "p99", &r->timing.p99);
	put_interval(o, "throughput", &r->timing.throughput);
	put_latency(o, "old", &r->old_latency);
	put_latency(o, "new", &r->new_latency);
	json_object_end(o);
}

static void put_inputs(struct json_out *o, const struct golden *g, const struct prove_result *r)
{
	json_key(o, "inputs");
	json_object(o);
	put_digest(o, "digest", &g->digest);
	json_member_u64(o, "cases", g->cases_n);
	json_member_u64(o, "cases_run", r->cases);
	json_object_end(o);
}

static void put_all(struct json_out *o, const struct prove_job *job, const struct golden *g, const struct runner *old_runner,
                    const struct runner *new_runner, const struct prove_result *r)
{
	json_object(o);
	json_member(o, "format", FORMAT);
	json_member(o, "model", job->recipe->model);
	json_member(o, "target", job->target);
	json_member(o, "proof_digest", job->recipe->proof_digest);
	json_member(o, "build_digest", job->recipe->build_digest);
	/* as text: a 64-bit seed is no JSON number everywhere */
	json_key(o, "seed");
	json_putf(o, "%llu", (unsigned long long)job->seed);
	put_inputs(o, g, r);
	put_side(o, "old", &job->old_side, old_runner);
	put_side(o, "new", &job->new_side, new_runner);
	json_member_bool(o, "baseline_stored", r->baseline_stored);
	json_key(o, "numeric");
	json_object(o);
	json_member(o, "judgement", judgement_name(r->numeric));
	json_key(o, "outputs");
	json_array(o);
	for (size_t i = 0; i < r->outputs_n; i++)
		put_output(o, &r->outputs[i]);
	json_array_end(o);
	json_object_end(o);
	put_performance(o, job, r);
	json_member(o, "isolation", r->isolation);
	json_member_bool(o, "hold", r->hold);
	json_member(o, "reason", r->reason);
	json_object_end(o);
}

int proof_write(const struct prove_job *job, const struct golden *g, const struct runner *old_runner, const struct runner *new_runner,
                const struct prove_result *result, struct str *ret, struct err *err)
{
	RF_AUTO(str) plain = STR_INIT(PROVE_MAX_PROOF_BYTES);
	struct json_out o = json_out(&plain, false);
	put_all(&o, job, g, old_runner, new_runner, result);
	int rc = str_check(&plain, PROVE_FILE, err);
	if (rc)
		return rc;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	if (!doc)
		return err_set(err, RF_ENOMEM, "out of memory");
	rc = json_parse(doc, str_span(&plain), &root, err);
	return rc ? rc : json_canonical(root, ret, err);
}

/* ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reading { struct arena *a; struct err *err; int rc; };

static void bad(struct reading *r, const char *key, const char *what)
{
	if (r->rc)
		return;
	r->rc = err_set(r->err, RF_EFORMAT, "%s", what);
	(void)err_in_field(r->err, "%s", key);
}

static const char *text_of(struct reading *r, struct json v, const char *key)
{
	struct span s = json_string(json_get(v, key));
	if (!s.p) {
		bad(r, key, "must be a text");
		return "";
	}
	const char *text = arena_text(r->a, s);
	if (!text && !r->rc)
		r->rc = err_set(r->err, RF_ENOMEM, "out of memory");
	return text ? text : "";
}

static enum judgement judgement_of(struct reading *r, struct json v)
{
	struct span s = json_string(json_get(v, "judgement"));
	for (int j = JUDGEMENT_PASS; j <= JUDGEMENT_INCONCLUSIVE; j++)
		if (span_eq_text(s, judgement_name((enum judgement)j)))
			return (enum judgement)j;
	bad(r, "judgement", "must be pass, fail or inconclusive");
	return JUDGEMENT_INCONCLUSIVE;
}

static uint64_t count_of(struct reading *r, struct json v, const char *key)
{
	uint64_t n = 0;
	if (!json_u64(json_get(v, key), &n))
		bad(r, key, "must be a whole number, 0 or more");
	return n;
}

/* null is NAN. */
static double figure_of(struct reading *r, struct json v, const char *key)
{
	double d = (double)NAN;
	struct json member = json_get(v, key);
	if (json_kind(member) != JSON_NULL && !json_double(member, &d))
		bad(r, key, "must be a number or null");
	return d;
}

static bool flag_of(struct reading *r, struct json v, const char *key)
{
	bool b = false;
	if (!json_bool(json_get(v, key), &b))
		bad(r, key, "must be true or false");
	return b;
}

static void read_output(struct reading *r, struct json v, struct prove_output *o)
{
	struct numeric *n = &o->numeric;
	*o = (struct prove_output){ .name = text_of(r, v, "name"), .judgement = judgement_of(r, v), .text = text_of(r, v, "text") };
	struct span cause = json_string(json_get(v, "cause"));
	while (o->cause <= NUMERIC_TOP1 && !span_eq_text(cause, numeric_cause_name(o->cause)))
		o->cause++;
	if (o->cause > NUMERIC_TOP1) {
		bad(r, "cause", "is no cause of this version");
		o->cause = NUMERIC_NO_DATA;
	}
	struct json rule = json_get(v, "rule");
	n->rule = (struct numeric_rule){ figure_of(r, rule, "atol"), figure_of(r, rule, "rtol"), figure_of(r, rule, "max_outliers"),
		                         figure_of(r, rule, "min_cosine"), figure_of(r, rule, "min_top1") };
	n->type = npy_type_of(json_string(json_get(v, "type")));
	for (size_t i = 0; i < RF_COUNT(COUNTERS); i++) {
		uint64_t c = count_of(r, v, COUNTERS[i].key);
		memcpy((char *)n + COUNTERS[i].at, &c, sizeof c);
	}
	for (size_t i = 0; i < RF_COUNT(FIGURES); i++) {
		double d = figure_of(r, v, FIGURES[i].key);
		memcpy((char *)n + FIGURES[i].at, &d, sizeof d);
	}
	n->first_bad_input = n->first_bad_element = UINT64_MAX;
	(void)json_u64(json_get(v, "first_bad_input"), &n->first_bad_input);
	(void)json_u64(json_get(v, "first_bad_element"), &n->first_bad_element);
}

static void read_outputs(struct reading *r, struct json numeric, struct prove_result *result)
{
	struct json list = json_get(numeric, "outputs");
	size_t n = json_count(list), i = 0;
	if (json_kind(list) != JSON_ARRAY || n > 2 * PROVE_MAX_OUTPUTS) {
		bad(r, "numeric.outputs", "must be a list of at most 512");
		return;
	}
	struct prove_output *outputs = arena_array(r->a, n + 1, sizeof *outputs);
	if (!outputs) {
		r->rc = r->rc ? r->rc : err_set(r->err, RF_ENOMEM, "out of memory");
		return;
	}
	for (struct json_each it = json_each(list); json_next(&it); i++)
		read_output(r, it.value, &outputs[i]);
	result->numeric = judgement_of(r, numeric);
	result->outputs = outputs;
	result->outputs_n = n;
}

static void read_interval(struct reading *r, struct json v, struct performance_interval *i)
{
	*i = (struct performance_interval){ figure_of(r, v, "ratio"), figure_of(r, v, "low"), figure_of(r, v, "high"), figure_of(r, v, "limit"),
		                            judgement_of(r, v), flag_of(r, v, "asked") };
	if (json_kind(v) != JSON_OBJECT)
		bad(r, "performance", "must have p50, p99 and throughput");
}

static void read_latency(struct reading *r, struct json v, struct prove_latency *l)
{
	*l = (struct prove_latency){ .samples = (size_t)count_of(r, v, "samples"), .mean_ns = figure_of(r, v, "mean_ns"),
		                     .p50_ns = count_of(r, v, "p50_ns"), .p99_ns = count_of(r, v, "p99_ns") };
	struct json list = json_get(v, "quantiles_ns");
	if (json_kind(list) != JSON_ARRAY || json_count(list) != PROVE_QUANTILES) {
		bad(r, "quantiles_ns", "must be a list of 21");
		return;
	}
	size_t i = 0;
	for (struct json_each it = json_each(list); json_next(&it); i++)
		if (!json_u64(it.value, &l->quantiles_ns[i]))
			bad(r, "quantiles_ns", "must be whole numbers");
}

static const char *WORST[] = { "p50", "p99", "throughput", "samples", "none" };

static void read_performance(struct reading *r, struct json v, struct prove_result *result)
{
	struct performance_result *t = &result->timing;
	result->performance = judgement_of(r, v);
	result->performance_asked = flag_of(r, v, "asked");
	result->performance_text = text_of(r, v, "text");
	read_interval(r, json_get(v, "p50"), &t->p50);
	read_interval(r, json_get(v, "p99"), &t->p99);
	read_interval(r, json_get(v, "throughput"), &t->throughput);
	read_latency(r, json_get(v, "old"), &result->old_latency);
	read_latency(r, json_get(v, "new"), &result->new_latency);
	t->pairs = (size_t)count_of(r, v, "pairs");
	t->old_samples = result->old_latency.samples;
	t->new_samples = result->new_latency.samples;
	t->judgement = result->performance;
	t->worst = "none";
	for (size_t i = 0; i < RF_COUNT(WORST); i++)
		if (span_eq_text(json_string(json_get(v, "worst")), WORST[i]))
			t->worst = WORST[i];
}

static void read_all(struct reading *r, struct json root, struct prove_result *result)
{
	if (!span_eq_text(json_string(json_get(root, "format")), FORMAT)) {
		bad(r, "format", "must be \"" FORMAT "\"");
		return;
	}
	read_outputs(r, json_get(root, "numeric"), result);
	read_performance(r, json_get(root, "performance"), result);
	struct json inputs = json_get(root, "inputs");
	result->cases = (size_t)count_of(r, inputs, "cases_run");
	result->baseline_stored = flag_of(r, root, "baseline_stored");
	result->isolation = text_of(r, root, "isolation");
	result->hold = flag_of(r, root, "hold");
	result->reason = text_of(r, root, "reason");
	if (!r->rc && digest_read(json_string(json_get(inputs, "digest")), &result->inputs_digest, r->err))
		r->rc = err_in_field(r->err, "inputs.digest");
}

int prove_read(struct arena *a, struct span json, const struct digest *proof, struct prove_result *ret, struct err *err)
{
	struct prove_result result = { 0 };
	digest_of(json, &result.proof);
	if (json.n > PROVE_MAX_PROOF_BYTES)
		return err_set(err, RF_ETOOBIG, "a proof has at most %zu bytes", (size_t)PROVE_MAX_PROOF_BYTES);
	if (proof && !digest_eq(proof, &result.proof))
		return err_set(err, RF_EVERIFY, "the proof is not the one that was recorded: its sha256 differs");
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	if (!doc)
		return err_set(err, RF_ENOMEM, "out of memory");
	int rc = json_parse(doc, json, &root, err);
	struct reading r = { .a = a, .err = err };
	if (!rc)
		read_all(&r, root, &result);
	rc = rc ? rc : r.rc;
	if (!rc)
		*ret = result;
	return rc;
}
