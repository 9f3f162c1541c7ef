/* recipe.h: the tables of a recipe, reading, and the two digests. */
#include "workspace/recipe.h"

#include "crypto/digest.h"
#include "format/json.h"
#include "format/yaml.h"
#include "workspace/tables.h"

#include <math.h>

/* A digest of the canonical JSON form 1; another form would be another number. */
#define CANONICAL_FORM 1

static const struct option owner_rows[] = {
	{ "name", OPTION_TEXT, offsetof(struct owner, name), .required = true,
	  .help = "team or person who answers for it" },
	{ "contact", OPTION_TEXT, offsetof(struct owner, contact), .required = true, .help = "channel, mail or pager" },
	{ "deputy", OPTION_TEXT, offsetof(struct owner, deputy), .help = "who answers when the owner does not" },
};
const struct options owner_options = OPTIONS(owner_rows, "who answers for it");

static const struct option source_rows[] = {
	{ "path", OPTION_PATH, offsetof(struct recipe_source, path), .required = true,
	  .help = "the model, relative to the workspace" },
	{ "sha256", OPTION_SHA256, offsetof(struct recipe_source, sha256), .required = true, .help = "its digest" },
};
static const struct options source_options = OPTIONS(source_rows, "the model that the engine is built from");

static const struct option text_item = { .key = "", .kind = OPTION_TEXT };
static const struct option_items text_items = { .bytes = sizeof(char *), .max = 1000, .scalar = &text_item };

/* In a step, where path and digest of the calibration set stand beside the number of samples. */
static const struct option calibration_rows[] = {
	{ "path", OPTION_PATH, offsetof(struct recipe_step, calibration.path), .required = true,
	  .help = "folder of the calibration set" },
	{ "sha256", OPTION_SHA256, offsetof(struct recipe_step, calibration.sha256), .help = "Merkle root of the set" },
	{ "samples", OPTION_COUNT, offsetof(struct recipe_step, calibration_samples), .low = 0, .high = 10000000,
	  .otherwise = "0", .help = "how many of it; 0 is all" },
};
static const struct options calibration_options = OPTIONS(calibration_rows, "what the step calibrates with");

static const struct option step_rows[] = {
	{ "run", OPTION_NAME, offsetof(struct recipe_step, run), .required = true, .help = "name of the step" },
	{ "args", OPTION_LIST, offsetof(struct recipe_step, args), .items = &text_items,
	  .count_at = offsetof(struct recipe_step, args_n), .help = "its arguments, in order" },
	{ "calibration", OPTION_GROUP, 0, .group = &calibration_options },
};
static const struct options step_options = OPTIONS(step_rows, "a step before the build, in a sandbox of its own");
static const struct option_items step_items = { .bytes = sizeof(struct recipe_step),
						.max = 64,
						.group = &step_options };

static const struct option target_item = { .key = "", .kind = OPTION_TARGET };
static const struct option_items target_items = { .bytes = sizeof(char *), .max = 256, .scalar = &target_item };

static const struct option build_rows[] = {
	{ "args", OPTION_LIST, offsetof(struct recipe, build_args), .items = &text_items,
	  .count_at = offsetof(struct recipe, build_args_n), .help = "to the toolchain, in order" },
	{ "timeout", OPTION_DURATION, offsetof(struct recipe, build_timeout_usec), .otherwise = "30m",
	  .help = "longest build" },
	{ "memory", OPTION_BYTES, offsetof(struct recipe, build_memory_bytes), .otherwise = "4GiB",
	  .help = "most memory of a build" },
};
static const struct options build_options = OPTIONS(build_rows, "how the toolchain builds");

static const struct option output_rows[] = {
	{ "atol", OPTION_NUMBER, offsetof(struct recipe_output, atol), .low = 0, .high = 1e30,
	  .help = "absolute tolerance of every value: |new - old| <= atol + rtol * |old|" },
	{ "rtol", OPTION_NUMBER, offsetof(struct recipe_output, rtol), .low = 0, .high = 1e30,
	  .help = "relative tolerance" },
	{ "min_cosine", OPTION_NUMBER, offsetof(struct recipe_output, min_cosine), .low = -1, .high = 1,
	  .help = "least cosine similarity of the whole output" },
	{ "top1", OPTION_NUMBER, offsetof(struct recipe_output, top1), .low = 0, .high = 1,
	  .help = "least share of equal arg-max along the last axis" },
};
static const struct options output_options =
	OPTIONS(output_rows, "how near the output must stay; at least one of these");
static const struct option_items output_items = { .bytes = sizeof(struct recipe_output),
						  .max = 4096,
						  .group = &output_options,
						  .key_at = offsetof(struct recipe_output, name) };

static const char *const cannot_tell_choices[] = { "accept", "hold", NULL }; /* RECIPE_CANNOT_TELL_* */
static const struct option performance_rows[] = {
	{ "p50", OPTION_GROWTH, offsetof(struct recipe_performance, p50), .help = "most growth of the median latency" },
	{ "p99", OPTION_GROWTH, offsetof(struct recipe_performance, p99),
	  .help = "most growth of the 99th percentile" },
	{ "throughput", OPTION_LOSS, offsetof(struct recipe_performance, throughput),
	  .help = "most loss of throughput" },
	{ "samples", OPTION_SAMPLES, offsetof(struct recipe_performance, samples_min), .otherwise = "500..5000",
	  .help = "pairs of runs: at least, at most" },
	{ "cannot_tell", OPTION_ENUM, offsetof(struct recipe_performance, cannot_tell), .choices = cannot_tell_choices,
	  .otherwise = "accept",
	  .help = "when noise hides the answer after the most samples: accept with a warning, or hold the release" },
};
_Static_assert(offsetof(struct recipe_performance, samples_max) == offsetof(struct recipe_performance, samples_min) + 4,
	       "OPTION_SAMPLES writes both");
static const struct options performance_options = OPTIONS(performance_rows, "how much slower the new engine may be");

static const struct option metric_item = {
	.key = "", .kind = OPTION_NUMBER, .at = offsetof(struct recipe_metric, min), .low = -1e30, .high = 1e30
};
static const struct option_items metric_items = { .bytes = sizeof(struct recipe_metric),
						  .max = 64,
						  .scalar = &metric_item,
						  .key_at = offsetof(struct recipe_metric, name) };
static const struct option external_rows[] = {
	{ "run", OPTION_NAME, offsetof(struct recipe, external_run), .required = true,
	  .help = "name of the judgement" },
	{ "min", OPTION_MAP, offsetof(struct recipe, external_min), .required = true, .items = &metric_items,
	  .count_at = offsetof(struct recipe, external_min_n), .help = "least value of each metric" },
};
static const struct options external_options =
	OPTIONS(external_rows, "a judgement of the task itself, imported or run, signed");

static const struct option prove_rows[] = {
	{ "inputs", OPTION_PATH, offsetof(struct recipe, inputs), .required = true, .help = "folder of golden inputs" },
	{ "outputs", OPTION_MAP, offsetof(struct recipe, outputs), .required = true, .items = &output_items,
	  .count_at = offsetof(struct recipe, outputs_n),
	  .help = "by the output's name; \"*\" stands for all that are not named" },
	{ "performance", OPTION_GROUP, offsetof(struct recipe, performance), .group = &performance_options },
	{ "external", OPTION_GROUP, 0, .group = &external_options },
};
static const struct options prove_options = OPTIONS(prove_rows, "how the new engine is judged against the old one");

const char *const toolchain_names[] = { "onnxruntime", "tensorrt", "command", NULL };

static const struct option recipe_rows[] = {
	{ "model", OPTION_NAME, offsetof(struct recipe, model), .required = true,
	  .help = "name of the model, and of this file" },
	{ "owner", OPTION_GROUP, offsetof(struct recipe, owner), .required = true, .group = &owner_options,
	  .help = "who answers for the engine" },
	{ "source", OPTION_GROUP, offsetof(struct recipe, source), .required = true, .group = &source_options,
	  .help = "the model that the engine is built from" },
	{ "toolchain", OPTION_CHOICE, offsetof(struct recipe, toolchain), .required = true, .choices = toolchain_names,
	  .help = "what builds the engine" },
	{ "targets", OPTION_LIST, offsetof(struct recipe, targets), .required = true, .items = &target_items,
	  .count_at = offsetof(struct recipe, targets_n), .help = "what it is built for" },
	{ "transform", OPTION_LIST, offsetof(struct recipe, transform), .items = &step_items,
	  .count_at = offsetof(struct recipe, transform_n), .help = "steps before the build, in order" },
	{ "build", OPTION_GROUP, 0, .group = &build_options },
	{ "prove", OPTION_GROUP, 0, .required = true, .group = &prove_options, .help = "how the new engine is judged" },
};
const struct options recipe_options = OPTIONS(recipe_rows, "How one engine is rebuilt and proven: recipes/NAME.yaml.");

bool recipe_name_is_valid(struct span name)
{
	if (name.n == 0 || name.n > RECIPE_NAME_MAX || name.p[0] == '.' || name.p[0] == '-')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		      c == '_' || c == '-'))
			return false;
	}
	return true;
}

static void put_texts(struct json_out *o, const char *key, const char *const *texts, size_t n)
{
	json_key(o, key);
	json_array(o);
	for (size_t i = 0; i < n; i++)
		json_put_text(o, texts[i]);
	json_array_end(o);
}

static void put_step(struct json_out *o, const struct recipe_step *step)
{
	json_object(o);
	put_texts(o, "args", step->args, step->args_n);
	json_key(o, "calibration");
	if (step->calibration.path) {
		json_object(o);
		json_member(o, "path", step->calibration.path);
		json_member_u64(o, "samples", step->calibration_samples);
		json_member(o, "sha256", step->calibration.sha256);
		json_object_end(o);
	} else {
		json_put_null(o);
	}
	json_member(o, "run", step->run);
	json_object_end(o);
}

/* Keys stand in the order of their bytes, as json_canonical() would put them (a test holds both together). */
void recipe_build_json(const struct recipe *r, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_object(&o);
	json_key(&o, "build");
	json_object(&o);
	put_texts(&o, "args", r->build_args, r->build_args_n);
	json_member_u64(&o, "memory_bytes", r->build_memory_bytes);
	json_member_i64(&o, "timeout_usec", r->build_timeout_usec);
	json_object_end(&o);
	json_member_i64(&o, "form", CANONICAL_FORM);
	json_key(&o, "source");
	json_object(&o);
	json_member(&o, "path", r->source.path);
	json_member(&o, "sha256", r->source.sha256);
	json_object_end(&o);
	put_texts(&o, "targets", r->targets, r->targets_n);
	json_member(&o, "toolchain", r->toolchain);
	json_key(&o, "transform");
	json_array(&o);
	for (size_t i = 0; i < r->transform_n; i++)
		put_step(&o, &r->transform[i]);
	json_array_end(&o);
	json_object_end(&o);
}

static void put_outputs(struct json_out *o, const struct recipe *r)
{
	json_key(o, "outputs");
	json_object(o);
	for (size_t i = 0; i < r->outputs_n; i++) {
		json_key(o, r->outputs[i].name);
		json_object(o);
		json_member_double(o, "atol", r->outputs[i].atol);
		json_member_double(o, "min_cosine", r->outputs[i].min_cosine);
		json_member_double(o, "rtol", r->outputs[i].rtol);
		json_member_double(o, "top1", r->outputs[i].top1);
		json_object_end(o);
	}
	json_object_end(o);
}

static void put_external(struct json_out *o, const struct recipe *r)
{
	json_key(o, "external");
	if (!r->external_run) {
		json_put_null(o);
		return;
	}
	json_object(o);
	json_key(o, "min");
	json_object(o);
	for (size_t i = 0; i < r->external_min_n; i++)
		json_member_double(o, r->external_min[i].name, r->external_min[i].min);
	json_object_end(o);
	json_member(o, "run", r->external_run);
	json_object_end(o);
}

void recipe_proof_json(const struct recipe *r, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_object(&o);
	put_external(&o, r);
	json_member_i64(&o, "form", CANONICAL_FORM);
	json_member(&o, "inputs", r->inputs);
	put_outputs(&o, r);
	json_key(&o, "performance");
	json_object(&o);
	json_member(&o, "cannot_tell", cannot_tell_choices[r->performance.cannot_tell]);
	json_member_double(&o, "p50", r->performance.p50);
	json_member_double(&o, "p99", r->performance.p99);
	json_member_u64(&o, "samples_max", r->performance.samples_max);
	json_member_u64(&o, "samples_min", r->performance.samples_min);
	json_member_double(&o, "throughput", r->performance.throughput);
	json_object_end(&o);
	json_object_end(&o);
}

static int set_digest(void (*form)(const struct recipe *, struct str *), const struct recipe *r, char *ret,
		      struct err *err)
{
	RF_AUTO(str) json = STR_INIT(4 * RECIPE_MAX_BYTES);
	struct digest digest;
	form(r, &json);
	int rc = str_check(&json, "recipe's canonical form", err);
	if (rc)
		return rc;
	digest_of(str_span(&json), &digest);
	(void)digest_hex(&digest, ret);
	return 0;
}

/* Order in the file means nothing for targets, outputs and metrics: sorted, they give one digest. All three arrays are
 * ours (fresh in the arena), const only for those who read the recipe. */
static int by_text(const void *a, const void *b)
{
	return span_compare(span_of(*(const char *const *)a), span_of(*(const char *const *)b));
}

static int check_outputs(struct options_reader *reader, struct recipe *r, const struct yaml_node *prove)
{
	const struct yaml_node *outputs = yaml_get(prove, "outputs");
	for (size_t i = 0; i < r->outputs_n; i++) {
		struct recipe_output *o = (struct recipe_output *)(uintptr_t)&r->outputs[i];
		if (isnan(o->atol) && isnan(o->rtol) && isnan(o->min_cosine) && isnan(o->top1)) {
			reader->line = yaml_line(yaml_key_at(outputs, i));
			(void)snprintf(reader->path, sizeof reader->path, "prove.outputs.%s", o->name);
			return options_refuse(
				reader, RF_EFORMAT,
				"asks for nothing; at least one of atol, rtol, min_cosine, top1 is wanted");
		}
		if (isnan(o->atol) != isnan(o->rtol))
			*(isnan(o->atol) ? &o->atol : &o->rtol) = 0;
	}
	return 0;
}

static int check_targets(struct options_reader *reader, const struct recipe *r, const struct yaml_node *root)
{
	qsort((void *)(uintptr_t)r->targets, r->targets_n, sizeof *r->targets, by_text);
	for (size_t i = 1; i < r->targets_n; i++) {
		if (strcmp(r->targets[i - 1], r->targets[i]) != 0)
			continue;
		reader->line = yaml_line(yaml_get(root, "targets"));
		(void)snprintf(reader->path, sizeof reader->path, "targets");
		return options_refuse(reader, RF_EFORMAT, "%s is given twice", r->targets[i]);
	}
	return 0;
}

/* What one row cannot tell. */
static int check_whole(struct options_reader *reader, struct recipe *r, const struct yaml_node *root, const char *name)
{
	reader->path[0] = '\0';
	if (name && strcmp(r->model, name) != 0) {
		reader->line = yaml_line(yaml_get(root, "model"));
		(void)snprintf(reader->path, sizeof reader->path, "model");
		return options_refuse(reader, RF_EFORMAT, "\"%s\", but the file is named %s.yaml; both must agree",
				      r->model, name);
	}
	int rc = check_targets(reader, r, root);
	if (rc == 0)
		rc = check_outputs(reader, r, yaml_get(root, "prove"));
	if (rc)
		return rc;
	/* the name is the first member of both */
	qsort((void *)(uintptr_t)r->outputs, r->outputs_n, sizeof *r->outputs, by_text);
	if (r->external_min_n > 0)
		qsort((void *)(uintptr_t)r->external_min, r->external_min_n, sizeof *r->external_min, by_text);
	r->performance.given =
		!isnan(r->performance.p50) || !isnan(r->performance.p99) || !isnan(r->performance.throughput);
	r->owner.deputy = r->owner.deputy ? r->owner.deputy : "";
	return 0;
}
_Static_assert(offsetof(struct recipe_output, name) == 0 && offsetof(struct recipe_metric, name) == 0,
	       "sorted by_text");

int recipe_read(struct arena *a, struct span yaml, const char *file, const char *name, const struct recipe **ret,
		struct err *err)
{
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	if (yaml.n > RECIPE_MAX_BYTES) {
		(void)err_set(err, RF_ETOOBIG, "a recipe of %zu bytes; at most %zu are accepted", yaml.n,
			      (size_t)RECIPE_MAX_BYTES);
		(void)err_in_file(err, file);
		return RF_ETOOBIG;
	}
	int rc = yaml_parse(yaml, file, &doc, err);
	if (rc)
		return rc;
	struct options_reader reader = { .arena = a, .file = file, .err = err, .line = 1 };
	struct recipe *r = arena_alloc(a, sizeof *r);
	if (!r || !(r->file = arena_text(a, span_of(file))))
		return err_set(err, RF_ENOMEM, "out of memory for a recipe");
	rc = options_read(&reader, &recipe_options, yaml_root(doc), r);
	if (rc == 0)
		rc = check_whole(&reader, r, yaml_root(doc), name);
	if (rc == 0)
		rc = set_digest(recipe_build_json, r, r->build_digest, err);
	if (rc == 0)
		rc = set_digest(recipe_proof_json, r, r->proof_digest, err);
	if (rc == 0)
		*ret = r;
	return rc;
}

const struct recipe_output *recipe_output(const struct recipe *r, struct span name)
{
	const struct recipe_output *rest = NULL;
	for (size_t i = 0; i < r->outputs_n; i++) {
		if (span_eq_text(name, r->outputs[i].name))
			return &r->outputs[i];
		if (strcmp(r->outputs[i].name, "*") == 0)
			rest = &r->outputs[i];
	}
	return rest;
}

bool recipe_has_target(const struct recipe *r, const char *target)
{
	for (size_t i = 0; i < r->targets_n; i++)
		if (strcmp(r->targets[i], target) == 0)
			return true;
	return false;
}
