/* inputs - reading inputs.json, and the rules of a recipe as this room's. */
#include "format/json.h"
#include "prove/prove.h"

#include <math.h>

#define MAX_NAME_BYTES 4096

static int read_names(struct arena *a, struct json list, const char *key, size_t limit, const char *const **ret, size_t *ret_n,
                      struct err *err)
{
	if (json_kind(list) != JSON_ARRAY) {
		(void)err_set(err, RF_EFORMAT, "must be a list of names");
		return err_in_field(err, "%s", key);
	}
	size_t n = json_count(list), i = 0;
	if (n > limit) {
		(void)err_set(err, RF_ETOOMANY, "%zu names, at most %zu", n, limit);
		return err_in_field(err, "%s", key);
	}
	const char **names = arena_array(a, n + 1, sizeof *names);
	if (!names)
		return err_set(err, RF_ENOMEM, "out of memory");
	for (struct json_each it = json_each(list); json_next(&it); i++) {
		struct span name = json_string(it.value);
		if (!name.p || name.n > MAX_NAME_BYTES || memchr(name.p, 0, name.n)) {
			(void)err_set(err, RF_EFORMAT, "must be a text of at most %d bytes without NUL", MAX_NAME_BYTES);
			return err_in_field(err, "%s[%zu]", key, i);
		}
		for (size_t k = 0; k < i; k++)
			if (span_eq_text(name, names[k])) {
				(void)err_set(err, RF_EFORMAT, "the name stands there twice");
				return err_in_field(err, "%s[%zu]", key, i);
			}
		if (!(names[i] = arena_text(a, name)))
			return err_set(err, RF_ENOMEM, "out of memory");
	}
	*ret = names;
	*ret_n = n;
	return 0;
}

static int read_members(struct arena *a, struct json root, struct prove_inputs *in, struct err *err)
{
	int64_t format = 0;
	if (json_kind(root) != JSON_OBJECT || !json_i64(json_get(root, "format"), &format) || format != 1) {
		(void)err_set(err, RF_EFORMAT, "must be an object with \"format\": 1");
		return err_in_field(err, "format");
	}
	for (struct json_each it = json_each(root); json_next(&it);)
		if (!span_eq_text(it.key, "format") && !span_eq_text(it.key, "model") && !span_eq_text(it.key, "inputs") &&
		    !span_eq_text(it.key, "outputs") && !span_eq_text(it.key, "note")) {
			(void)err_set(err, RF_EFORMAT, "unknown key; known are format, model, inputs, outputs, note");
			return err_in_field(err, "%.*s", SPAN_ARG(it.key));
		}
	struct span model = json_string(json_get(root, "model"));
	in->model = arena_text(a, model.p ? model : SPAN(""));
	if (!in->model)
		return err_set(err, RF_ENOMEM, "out of memory");
	int rc = read_names(a, json_get(root, "inputs"), "inputs", PROVE_MAX_INPUTS, &in->inputs, &in->inputs_n, err);
	if (!rc && json_kind(json_get(root, "outputs")) != JSON_ABSENT)
		rc = read_names(a, json_get(root, "outputs"), "outputs", PROVE_MAX_OUTPUTS, &in->outputs, &in->outputs_n, err);
	return rc;
}

int prove_inputs_read(struct arena *a, struct span json, const char *file, struct prove_inputs *ret, struct err *err)
{
	struct json_doc *doc = json_doc_new();
	if (!doc)
		return err_set(err, RF_ENOMEM, "out of memory");
	struct json root;
	struct prove_inputs in = { 0 };
	int rc = json_parse(doc, json, &root, err);
	if (!rc)
		rc = read_members(a, root, &in, err);
	json_doc_free(doc);
	if (rc)
		return err_in_file(err, file), rc;
	*ret = in;
	return 0;
}

struct numeric_rule prove_numeric_rule(const struct recipe_output *output)
{
	if (!output)
		return NUMERIC_DEFAULT_RULE;
	return (struct numeric_rule){ .atol = output->atol, .rtol = output->rtol, .max_outliers = 0, .min_cosine = output->min_cosine,
		                      .min_top1 = output->top1 };
}

struct performance_rule prove_performance_rule(const struct recipe_performance *performance)
{
	struct performance_rule rule = PERFORMANCE_DEFAULT_RULE;
	if (!performance || !performance->given) {
		rule.p50_growth = rule.p99_growth = rule.throughput_loss = (double)NAN;
		return rule;
	}
	rule.p50_growth = performance->p50;
	rule.p99_growth = performance->p99;
	rule.throughput_loss = performance->throughput;
	rule.samples_min = performance->samples_min;
	rule.doubt = performance->cannot_tell == RECIPE_CANNOT_TELL_HOLD ? DOUBT_HOLD : DOUBT_ACCEPT;
	rule.samples_max = RF_MIN(performance->samples_max, (uint32_t)PERFORMANCE_MAX_SAMPLES);
	return rule;
}
