/* recipe: every key, the two digests, and each refusal with its line, key path and advice. */
#include "testing.h"

#include "base/fs.h"
#include "base/str.h"
#include "format/json.h"
#include "workspace/recipe.h"

#include <math.h>

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena = ARENA_INIT(64 * MIB);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static const struct recipe *parsed(const char *yaml)
{
	const struct recipe *r = NULL;
	struct err err = ERR_INIT;
	assert_ok(recipe_read(&arena, span_of(yaml), "r.yaml", NULL, &r, &err), &err);
	return r;
}

#define SHA "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define OWNER "owner: {name: a, contact: b}\n"
#define SOURCE "source: {path: m.onnx, sha256: " SHA "}\n"
#define TOOL "toolchain: onnxruntime\ntargets: [linux-x86_64/cpu-avx512]\n"
#define PROVE "prove: {inputs: golden, outputs: {y: {atol: 1e-4, rtol: 1e-3}}}\n"
#define MINIMAL "model: m\n" OWNER SOURCE TOOL PROVE

static void reads_every_key(void **state)
{
	(void)state;
	RF_AUTO(str) yaml = STR_INIT(RECIPE_MAX_BYTES);
	struct err err = ERR_INIT;
	const struct recipe *r = NULL;
	assert_ok(fs_read("tests/data/workspace/recipe_full.yaml", &yaml, &err), &err);
	assert_ok(recipe_read(&arena, str_span(&yaml), "reading-det.yaml", "reading-det", &r, &err), &err);
	assert_string_equal(r->owner.deputy, "platform");
	assert_string_equal(r->source.path, "models/det.onnx");
	assert_int_equal(r->targets_n, 2);
	assert_string_equal(r->targets[0], "linux-aarch64/cpu-neon");
	assert_true(recipe_has_target(r, "linux-x86_64/cpu-avx512") && !recipe_has_target(r, "linux-x86_64"));
	assert_int_equal(r->transform_n, 2);
	assert_string_equal(r->transform[0].args[0], "--per-channel");
	assert_int_equal(r->transform[0].calibration_samples, 256);
	assert_string_equal(r->transform[0].calibration.path, "calib/det");
	assert_null(r->transform[1].calibration.path);
	assert_int_equal(r->build_timeout_usec, 45 * (int64_t)60000000);
	assert_true(r->build_memory_bytes == (uint64_t)2 << 30);
	assert_true(recipe_output(r, SPAN("sigmoid_0"))->min_cosine == 0.999);
	assert_true(recipe_output(r, SPAN("other"))->atol == 0.01 && recipe_output(r, SPAN("other"))->rtol == 0);
	assert_true(isnan(recipe_output(r, SPAN("other"))->top1));
	assert_true(r->performance.given && r->performance.p50 == 0.05 && r->performance.p99 == 0.25 &&
		    r->performance.throughput == 0.05);
	assert_true(r->performance.samples_min == 100 && r->performance.samples_max == 200);
	assert_string_equal(r->external_run, "eval-map");
	assert_string_equal(r->external_min[0].name, "mAP");
	assert_true(r->external_min[0].min == 0.41);
}

static void sets_defaults(void **state)
{
	(void)state;
	const struct recipe *r = parsed(MINIMAL);
	assert_int_equal(r->build_timeout_usec, RECIPE_DEFAULT_TIMEOUT_USEC);
	assert_true(r->build_memory_bytes == RECIPE_DEFAULT_MEMORY_BYTES);
	assert_int_equal(r->performance.samples_min, RECIPE_DEFAULT_SAMPLES_MIN);
	assert_int_equal(r->performance.samples_max, RECIPE_DEFAULT_SAMPLES_MAX);
	assert_false(r->performance.given);
	assert_string_equal(r->owner.deputy, "");
	assert_null(r->external_run);
	assert_null(recipe_output(r, SPAN("z")));
	assert_string_equal(r->file, "r.yaml");
}

static void digests_cover_what_they_say(void **state)
{
	(void)state;
	const struct recipe *base = parsed(MINIMAL);
	static const struct {
		const char *yaml;
		bool build, proof;
	} cases[] = {
		/* layout, order, comments, owner, defaults written down: the same recipe */
		{ "# c\n" PROVE TOOL "owner:\n  contact: z\n  name: y\n" SOURCE "model: m # c\n", true, true },
		{ MINIMAL "build: {timeout: 30m, memory: 4GiB, args: []}\ntransform: []\n", true, true },
		{ "model: m\n" OWNER SOURCE TOOL "prove: {outputs: {y: {rtol: 0.001, atol: 0.0001}}, inputs: golden, "
						 "performance: {samples: 500..5000}}\n",
		  true, true },
		{ "model: m\n" OWNER SOURCE "toolchain: onnxruntime\ntargets:\n  - \"linux-x86_64/cpu-avx512\"\n" PROVE,
		  true, true },
		/* something else */
		{ MINIMAL "build: {timeout: 31m}\n", false, true },
		{ MINIMAL "build: {args: [x]}\n", false, true },
		{ MINIMAL "transform: [{run: cast}]\n", false, true },
		{ "model: m\n" OWNER SOURCE "toolchain: command\ntargets: [linux-x86_64/cpu-avx512]\n" PROVE, false,
		  true },
		{ "model: m\n" OWNER SOURCE "toolchain: onnxruntime\ntargets: [linux-x86_64/sm_86]\n" PROVE, false,
		  true },
		{ "model: m\n" OWNER SOURCE TOOL "prove: {inputs: golden, outputs: {y: {atol: 1e-5, rtol: 1e-3}}}\n",
		  true, false },
		{ "model: m\n" OWNER SOURCE TOOL "prove: {inputs: gold, outputs: {y: {atol: 1e-4, rtol: 1e-3}}}\n",
		  true, false },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct recipe *r = parsed(cases[i].yaml);
		if ((strcmp(r->build_digest, base->build_digest) == 0) != cases[i].build ||
		    (strcmp(r->proof_digest, base->proof_digest) == 0) != cases[i].proof)
			fail_msg("case %zu: %s", i, cases[i].yaml);
	}
	assert_string_equal(parsed("model: m\n" OWNER SOURCE TOOL "prove: {inputs: g, outputs: {y: {atol: -0e-4, rtol: 1}}}\n")->proof_digest,
			    parsed("model: m\n" OWNER SOURCE TOOL "prove: {inputs: g, outputs: {y: {atol: 0, rtol: 1}}}\n")->proof_digest);
	const struct recipe *one =
		parsed("model: m\n" OWNER SOURCE "toolchain: command\ntargets: [linux-x86_64/a, linux-x86_64/b]\n"
		       "prove: {inputs: g, outputs: {a: {atol: 1}, b: {atol: 2}}}\n");
	const struct recipe *two =
		parsed("model: m\n" OWNER SOURCE "toolchain: command\ntargets: [linux-x86_64/b, linux-x86_64/a]\n"
		       "prove: {inputs: g, outputs: {b: {atol: 2}, a: {atol: 1}}}\n");
	assert_string_equal(one->build_digest, two->build_digest);
	assert_string_equal(one->proof_digest, two->proof_digest);
}

/* The hand-ordered forms are what json_canonical() makes of them. */
static void forms_are_canonical(void **state)
{
	(void)state;
	RF_AUTO(str) yaml = STR_INIT(RECIPE_MAX_BYTES);
	struct err err = ERR_INIT;
	const struct recipe *r = NULL;
	assert_ok(fs_read("tests/data/workspace/recipe_full.yaml", &yaml, &err), &err);
	assert_ok(recipe_read(&arena, str_span(&yaml), "f", NULL, &r, &err), &err);
	for (int i = 0; i < 2; i++) {
		RF_AUTO(str) form = STR_INIT(MIB);
		RF_AUTO(str) canonical = STR_INIT(MIB);
		RF_AUTO_PTR(json_doc) doc = json_doc_new();
		struct json v;
		(i ? recipe_proof_json : recipe_build_json)(r, &form);
		assert_ok(json_parse(doc, str_span(&form), &v, &err), &err);
		assert_ok(json_canonical(v, &canonical, &err), &err);
		assert_string_equal(str_text(&form), str_text(&canonical));
	}
}

static void refuses_with_advice(void **state)
{
	(void)state;
	static const struct {
		const char *yaml;
		int64_t line;
		const char *field, *words;
	} cases[] = {
		{ "", 1, "", "\"model\" is missing" },
		{ "- a\n", 1, "", "a list stands here, a mapping is wanted" },
		{ "model: m\n" SOURCE TOOL PROVE, 1, "", "\"owner\" is missing" },
		{ "model: m\nowner: {contact: x}\n" SOURCE TOOL PROVE, 2, "owner", "\"name\" is missing" },
		{ "model: m\nowner:\n" SOURCE TOOL PROVE, 2, "owner", "\"name\" is missing" },
		{ "model: m\nowner: team\n" SOURCE TOOL PROVE, 2, "owner",
		  "a single value stands here, a mapping is wanted" },
		{ "model: m\nowner: {name: [a], contact: x}\n" SOURCE TOOL PROVE, 2, "owner.name",
		  "a list stands here, a text" },
		{ "model: m\nowner: {name: , contact: x}\n" SOURCE TOOL PROVE, 2, "owner.name", "nothing stands here" },
		{ MINIMAL "biuld: {}\n", 7, "", "did you mean \"build\"? accepted: model, owner, source" },
		{ MINIMAL "build: {timeuot: 3m}\n", 7, "build",
		  "did you mean \"timeout\"? accepted: args, timeout, memory" },
		{ MINIMAL "build: {timeout: soon}\n", 7, "build.timeout", "\"soon\" is not a duration" },
		{ MINIMAL "build: {timeout: 0s}\n", 7, "build.timeout", "not a duration" },
		{ MINIMAL "build: {memory: lots}\n", 7, "build.memory", "not a size" },
		{ MINIMAL "build: {args: {a: b}}\n", 7, "build.args", "a mapping stands here, a list is wanted" },
		{ MINIMAL "build: {args: [a, [b]]}\n", 7, "build.args[1]", "a list stands here" },
		{ MINIMAL "transform: [{run: a}, {run: b, calibration: {path: c, samples: -1}}]\n", 7,
		  "transform[1].calibration.samples", "not a number from 0" },
		{ MINIMAL "transform: [{run: a, calibration: {samples: 1}}]\n", 7, "transform[0].calibration",
		  "\"path\" is missing" },
		{ "model: m\n" OWNER "source: {path: m, sha256: abc}\n" TOOL PROVE, 3, "source.sha256",
		  "64 lower-case hex" },
		{ "model: m\n" OWNER SOURCE "toolchain: onnxruntim\ntargets: [linux-x86_64/a]\n" PROVE, 4, "toolchain",
		  "did you mean \"onnxruntime\"? accepted: onnxruntime, tensorrt, command" },
		{ "model: m\n" OWNER SOURCE "toolchain: command\ntargets: []\n" PROVE, 5, "targets", "at least one" },
		{ "model: m\n" OWNER SOURCE "toolchain: command\ntargets: [linux]\n" PROVE, 5, "targets[0]",
		  "os-arch/accelerator" },
		{ "model: m\n" OWNER SOURCE "toolchain: command\ntargets: [linux-x/a, linux-x/a]\n" PROVE, 5, "targets",
		  "twice" },
		{ "model: ../m\n" OWNER SOURCE TOOL PROVE, 1, "model", "not a name" },
		{ "model: m\n" OWNER SOURCE TOOL "prove:\n  inputs: g\n  outputs:\n    y: {atol: -1}\n", 9,
		  "prove.outputs.y.atol", "from 0" },
		{ "model: m\n" OWNER SOURCE TOOL "prove:\n  inputs: g\n  outputs:\n    y: {atol: \"1\"}\n", 9,
		  "prove.outputs.y.atol", "quoted" },
		{ "model: m\n" OWNER SOURCE TOOL "prove:\n  inputs: g\n  outputs:\n    y: {min_cosine: 1.5}\n", 9,
		  "prove.outputs.y.min_cosine", "from -1 to 1" },
		{ "model: m\n" OWNER SOURCE TOOL "prove:\n  inputs: g\n  outputs:\n    y: {}\n", 9, "prove.outputs.y",
		  "asks for nothing" },
		{ "model: m\n" OWNER SOURCE TOOL "prove:\n  inputs: g\n  outputs:\n    y: {atol: nan}\n", 9,
		  "prove.outputs.y.atol", "number" },
		{ "model: m\n" OWNER SOURCE TOOL
		  "prove: {inputs: g, outputs: {y: {atol: 1}}, performance: {p50: 5%}}\n",
		  6, "prove.performance.p50", "+5%" },
		{ "model: m\n" OWNER SOURCE TOOL
		  "prove: {inputs: g, outputs: {y: {atol: 1}}, performance: {throughput: +5%}}\n",
		  6, "prove.performance.throughput", "-5%" },
		{ "model: m\n" OWNER SOURCE TOOL
		  "prove: {inputs: g, outputs: {y: {atol: 1}}, performance: {samples: 9..5}}\n",
		  6, "prove.performance.samples", "LOW..HIGH" },
		{ "model: m\n" OWNER SOURCE TOOL "prove: {inputs: g, outputs: {y: {atol: 1}}, external: {run: e}}\n", 6,
		  "prove.external", "\"min\" is missing" },
		{ MINIMAL "model: n\n", 7, "model", "twice" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct recipe *r = NULL;
		struct err err = ERR_INIT;
		int rc = recipe_read(&arena, span_of(cases[i].yaml), "r.yaml", NULL, &r, &err);
		if (rc != RF_EFORMAT || err.line != cases[i].line || strcmp(err.field, cases[i].field) != 0 ||
		    !strstr(err.text, cases[i].words) || strcmp(err.file, "r.yaml") != 0)
			fail_msg("case %zu: %s:%lld: %s: %s", i, err.file, (long long)err.line, err.field, err.text);
		assert_null(r);
	}
	const struct recipe *r = NULL;
	struct err err = ERR_INIT;
	assert_int_equal(recipe_read(&arena, span_of(MINIMAL), "r.yaml", "other", &r, &err), RF_EFORMAT);
	assert_non_null(strstr(err.text, "other.yaml"));
	assert_int_equal(recipe_read(&arena, (struct span){ "", RECIPE_MAX_BYTES + 1 }, "r.yaml", NULL, &r, &err),
			 RF_ETOOBIG);
}

static void survives_lack_of_memory(void **state)
{
	(void)state;
	for (long n = 1; n < 2000; n++) {
		const struct recipe *r = NULL;
		struct err err = ERR_INIT;
		rf_alloc_fail_after(n);
		int rc = recipe_read(&arena, span_of(MINIMAL), "r.yaml", "m", &r, &err);
		rf_alloc_fail_after(0);
		if (rc == 0)
			return;
		assert_int_equal(rc, RF_ENOMEM);
	}
	fail_msg("never succeeds");
}

static void names(void **state)
{
	(void)state;
	assert_true(recipe_name_is_valid(SPAN("alexa_v0.1")) && recipe_name_is_valid(SPAN("_x")));
	static const char *const bad[] = { "", ".", "..", "-x", "a/b", "a b", "a\n", "\xc3\xa9" };
	for (size_t i = 0; i < RF_COUNT(bad); i++)
		assert_false(recipe_name_is_valid(span_of(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_key),
		cmocka_unit_test(sets_defaults),
		cmocka_unit_test(digests_cover_what_they_say),
		cmocka_unit_test(forms_are_canonical),
		cmocka_unit_test(refuses_with_advice),
		cmocka_unit_test(survives_lack_of_memory),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
