/* Logs and scripts to builds, builds and files to drafts, drafts to recipes: tables, then the text that a person reads. */
#include "testing.h"

#include "inventory/adopt.h"
#include "inventory/artifact.h"
#include "workspace/recipe.h"

static struct arena arena = ARENA_INIT(64 * MIB);
static struct err err = ERR_INIT;

static int tear_down(void **state)
{
	(void)state;
	arena_release(&arena);
	arena = ARENA_INIT(64 * MIB);
	return 0;
}

/* ── logs ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "model engine version capability args... [calib] {unresolved} passed" */
static const char *describe(const struct adopt_command *c)
{
	static char text[2048];
	int n = snprintf(text, sizeof text, "%s > %s", c->model, c->engine);
	for (size_t i = 0; i < c->args_n; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, " %s", c->args[i]);
	snprintf(text + n, sizeof text - (size_t)n, " |%s|%s|%s%s%s%s%s%s%s line %llu", c->version, c->compute_capability,
		 c->calibration[0] ? " calib " : "", c->calibration, c->plugins[0] ? " plugins " : "", c->plugins,
		 c->unresolved ? " ? " : "", c->unresolved ? c->unresolved : "", c->passed ? " passed" : c->failed ? " failed" : "",
		 (unsigned long long)c->line);
	return text;
}

static const struct {
	const char *name, *text;
	const char *builds[3];
} LOGS[] = {
	{ "a log of 8.6",
	  "&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=det.onnx --saveEngine=det.plan --fp16 --warmUp=100\n"
	  "[08/23/2025-12:00:00] [I] === Device Information ===\n[08/23/2025-12:00:00] [I] Selected Device: NVIDIA A10\n"
	  "[08/23/2025-12:00:00] [I] Compute Capability: 8.6\n&&&& PASSED TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=det.onnx\n",
	  { "det.onnx > det.plan --fp16 |8.6.1|8.6| passed line 1" } },
	{ "six digits from 10.0 on",
	  "&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9] # /usr/src/tensorrt/bin/trtexec --onnx=/m/a.onnx --saveEngine=/e/a.engine "
	  "--minShapes=x:1x3x64x64 --optShapes=x:8x3x64x64 --maxShapes=x:32x3x64x64\n",
	  { "/m/a.onnx > /e/a.engine --minShapes=x:1x3x64x64 --optShapes=x:8x3x64x64 --maxShapes=x:32x3x64x64 |10.13.3|| line 1" } },
	{ "a failed build",
	  "&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # trtexec --onnx=b.onnx --saveEngine=b.plan\n&&&& FAILED TensorRT.trtexec [TensorRT v8502] # x\n",
	  { "b.onnx > b.plan |8.5.2|| failed line 1" } },
	{ "a run that only loads", "&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --loadEngine=det.plan --fp16\n", { NULL } },
	{ "a script over several lines",
	  "#!/bin/sh\nset -e\ntrtexec --onnx=rec.onnx \\\n  --saveEngine='my rec.plan' \\\n  --int8 --calib=\"rec.cache\" > build.txt 2>&1\necho --fp16\n",
	  { "rec.onnx > my rec.plan --int8 ||| calib rec.cache line 3" } },
	{ "a pipeline's step", "build:\n  script:\n    - /usr/src/tensorrt/bin/trtexec --onnx=cls.onnx --saveEngine=cls.plan --best && ls\n",
	  { "cls.onnx > cls.plan --best ||| line 3" } },
	{ "a variable that only the run knew", "for m in a b; do trtexec --onnx=$m.onnx --saveEngine=${m}.plan --fp16; done\n",
	  { "$m.onnx > ${m}.plan --fp16 ||| ? $m.onnx line 1" } },
	{ "plugins", "trtexec --onnx=v.onnx --saveEngine=v.plan --staticPlugins=libyolo.so\n",
	  { "v.onnx > v.plan --staticPlugins=libyolo.so ||| plugins libyolo.so line 1" } },
	{ "a comment is no build", "# trtexec --onnx=old.onnx --saveEngine=old.plan\n", { NULL } },
	{ "a word that holds it", "mytrtexec --onnx=a.onnx --saveEngine=a.plan\ntrtexecutor --onnx=a.onnx --saveEngine=a.plan\n", { NULL } },
	{ "prose", "We use trtexec to build. See --onnx and --saveEngine in its help.\n", { NULL } },
	{ "two builds",
	  "trtexec --onnx=a.onnx --saveEngine=a.plan\ntrtexec --onnx=b.onnx --saveEngine=b.plan\r\n",
	  { "a.onnx > a.plan ||| line 1", "b.onnx > b.plan ||| line 2" } },
	{ "a continuous integration's time in front of each line",
	  "2025-08-23T12:00:00.1Z &&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=a.onnx --saveEngine=a.plan\n"
	  "2025-08-23T12:00:01.2Z [I] Compute Capability: 7.5\n",
	  { "a.onnx > a.plan |8.6.1|7.5| line 1" } },
	{ "a quote that never closes", "trtexec --onnx=\"a.onnx --saveEngine=a.plan\n", { "a.onnx --saveEngine=a.plan >  ||| line 1" } },
	{ "nothing", "", { NULL } },
};

static void logs(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(LOGS); i++) {
		struct adopt_commands found = { .a = &arena };
		assert_ok(adopt_log_read(&found, span_of(LOGS[i].text), "build.log", &err), &err);
		size_t want = 0;
		while (want < RF_COUNT(LOGS[i].builds) && LOGS[i].builds[want])
			want++;
		if (found.count != want)
			fail_msg("%s: %zu builds, not %zu", LOGS[i].name, found.count, want);
		for (size_t k = 0; k < want; k++)
			if (strncmp(describe(&found.list[k]), LOGS[i].builds[k], 2000) != 0)
				fail_msg("%s: '%s', not '%s'", LOGS[i].name, describe(&found.list[k]), LOGS[i].builds[k]);
	}
}

/* ── drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C64 "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define TRT ARTIFACT_PRODUCT_TENSORRT
#define ORT ARTIFACT_PRODUCT_ONNXRUNTIME

static const struct adopt_service SERVICES[] = {
	{ "vision", "vision-team", "#vision", "", "linux-x86_64" },
	{ "orphan", "", "", "", "" },
};
static const struct adopt_model MODELS[] = {
	{ "/m/det.onnx", A64, false }, { "/m/rec.onnx", B64, false }, { "/old/rec.onnx", C64, false }, { "/m/bad.onnx", C64, true },
};
static const char *ARGS_DET[] = { "--fp16" };
static const char *ARGS_INT8[] = { "--int8" };
static const struct adopt_command COMMANDS[] = {
	{ .model = "det.onnx", .engine = "out/det.plan", .calibration = "", .plugins = "", .args = ARGS_DET, .args_n = 1, .half = true,
	  .version = "8.6.1", .compute_capability = "8.6", .device = "", .from_log = true, .passed = true, .file = "b.log", .line = 3 },
	{ .model = "q.onnx", .engine = "quant.plan", .calibration = "q.cache", .plugins = "", .args = ARGS_INT8, .args_n = 1, .int8 = true, .device = "",
	  .file = "q.sh", .line = 1 },
};
static const struct adopt_golden GOLDEN[] = { { "det", "/golden/det" } };

static struct adopt_engine engine(const char *path, const char *model, const char *version, const char *target, const char *capability)
{
	return (struct adopt_engine){ .path = path, .service = "vision", .model = model, .kind = ARTIFACT_TENSORRT_PLAN, .product = TRT,
				      .version = version, .target = target, .compute_capability = capability, .digest = A64, .source_digest = "", .folder = "", .config = "", .config_target = "",
				      .config_backend = "", .shapes = "", .cause = "", .rule = "" };
}

static struct adopt_draft *drafts;
static size_t count;
static void draft(const struct adopt_engine *engines, size_t n)
{
	static const char *const taken[] = { "taken" };
	struct adopt_facts facts = { .engines = engines, .engines_n = n, .models = MODELS, .models_n = RF_COUNT(MODELS), .commands = COMMANDS,
				     .commands_n = RF_COUNT(COMMANDS), .services = SERVICES, .services_n = RF_COUNT(SERVICES),
				     .golden = GOLDEN, .golden_n = 1, .taken = taken, .taken_n = 1 };
	assert_ok(adopt_draft(&arena, &facts, &drafts, &count, &err), &err);
}

static const struct adopt_question *question(const struct adopt_draft *d, const char *what)
{
	for (size_t i = 0; i < d->questions_n; i++)
		if (strcmp(d->questions[i].what, what) == 0)
			return &d->questions[i];
	return NULL;
}

/* One engine each: what becomes of it, which source, what is asked. */
static void one_engine(void **state)
{
	(void)state;
	struct {
		const char *name;
		struct adopt_engine e;
		enum adopt_state state;
		const char *source; /* "" unknown */
		const char *target;
		const char *asked[4];
	} cases[] = {
		{ "a log tells all", engine("/srv/out/det.plan", "det", "8.6.1.6", "sm_86", "8.6"), ADOPT_READY, "/m/det.onnx", "linux-x86_64/sm_86", { NULL } },
		{ "the log is of another version", engine("/srv/out/det.plan", "det", "8.5.3.1", "sm_86", "8.6"), ADOPT_ASKS, "", "linux-x86_64/sm_86", { "source", "arguments" } },
		{ "the log is of another GPU", engine("/srv/out/det.plan", "det", "8.6.1.6", "sm_75", "7.5"), ADOPT_ASKS, "", "linux-x86_64/sm_75", { "source", "arguments" } },
		{ "a Jetson's GPU tells the platform", engine("/srv/out/det.plan", "det", "8.6.1.6", "sm_87", "8.7"), ADOPT_ASKS, "", "linux-aarch64/sm_87", { "arguments" } },
		{ "a name is a guess", engine("/srv/rec.plan", "rec", "8.6.1.6", "sm_86", "8.6"), ADOPT_ASKS, "", "linux-x86_64/sm_86", { "source", "arguments", "inputs" } },
		{ "nobody knows the model", engine("/srv/lost.plan", "lost", "8.6.1.6", "sm_86", "8.6"), ADOPT_NOT_REBUILDABLE, "", "linux-x86_64/sm_86", { "source", "arguments", "inputs" } },
		{ "DeepStream writes the model into the name", engine("/srv/det.onnx_b1_gpu0_fp16.engine", "det", "8.6.1.6", "sm_86", "8.6"), ADOPT_ASKS, "/m/det.onnx", "linux-x86_64/sm_86", { "arguments" } },
		{ "a model that inspection refused", engine("/srv/bad.onnx_b1_gpu0_fp32.engine", "bad", "8.6.1.6", "sm_86", "8.6"), ADOPT_ASKS, "/m/bad.onnx", "linux-x86_64/sm_86", { "source" } },
		{ "INT8 asks for its data, and the log's model is gone", engine("/srv/quant.plan", "quant", "8.6.1.6", "sm_86", "8.6"), ADOPT_NOT_REBUILDABLE, "", "linux-x86_64/sm_86", { "source", "calibration" } },
		{ "no target", engine("/srv/out/det.plan", "det", "8.6.1.6", "", ""), ADOPT_ASKS, "/m/det.onnx", "", { "target" } },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		draft(&cases[i].e, 1);
		const struct adopt_draft *d = drafts;
		if (count != 1 || d->state != cases[i].state || strcmp(d->source_path.value, cases[i].source) != 0 ||
		    strcmp(d->targets_n ? d->targets[0].value : "", cases[i].target) != 0)
			fail_msg("%s: %s, source '%s', target '%s'", cases[i].name, adopt_state_name(d->state), d->source_path.value,
				 d->targets_n ? d->targets[0].value : "");
		for (size_t k = 0; k < RF_COUNT(cases[i].asked) && cases[i].asked[k]; k++)
			if (!question(d, cases[i].asked[k]))
				fail_msg("%s: '%s' is not asked", cases[i].name, cases[i].asked[k]);
	}
}

static void who_and_what_built_it(void **state)
{
	(void)state;
	struct adopt_engine e = engine("/srv/out/det.plan", "det", "8.6.1.6", "sm_86", "8.6");
	e.service = "orphan";
	draft(&e, 1);
	assert_non_null(question(drafts, "owner"));
	assert_non_null(question(drafts, "target"));
	assert_int_equal(drafts->state, ADOPT_ASKS);
	e = engine("/srv/out/det.plan", "det", "8.6.1.6", "sm_86", "8.6");
	/* what breaks a rule: the rule is named, nothing of the file is taken over, it shares no draft */
	struct adopt_engine odd[] = { e, e };
	odd[1].path = "/srv/two/det.plan";
	odd[1].digest = B64;
	odd[1].conflict = true;
	odd[1].cause = ARTIFACT_CAUSE_HOST_CODE;
	odd[1].rule = "host_code_elf";
	odd[1].source_digest = A64;
	odd[1].target = "linux-x86_64/sm_86";
	draft(&odd[1], 1);
	assert_int_equal(drafts->state, ADOPT_ASKS);
	assert_int_equal(drafts->targets_n, 0);
	assert_true(strcmp(drafts->source_digest.source, "the engine's own stamp") != 0);
	assert_non_null(strstr(question(drafts, "toolchain")->text, "native code (host_code_elf)"));
	draft(odd, 2);
	assert_int_equal(count, 2);
	odd[1].cause = "header_mismatch";
	odd[1].rule = "version_mismatch";
	draft(&odd[1], 1);
	assert_non_null(strstr(question(drafts, "toolchain")->text, "contradicts itself (version_mismatch;"));
	e = engine("/srv/x.bin", "x", "", "", "");
	e.product = NULL;
	draft(&e, 1);
	assert_non_null(question(drafts, "toolchain"));
	/* Triton's configuration: which GPU loads the file, what loads it, what lies beside it */
	e.service = "vision";
	e.folder = "/m";
	e.config = "/m/config.pbtxt";
	e.config_target = "sm_75";
	e.config_backend = "tensorrt";
	e.shapes = "--minShapes=x:1x3 --optShapes=x:8x3 --maxShapes=x:8x3";
	draft(&e, 1);
	assert_string_equal(drafts->targets[0].value, "linux-x86_64/sm_75");
	assert_string_equal(drafts->toolchain.value, "tensorrt");
	assert_int_equal(question(drafts, "source")->candidates_n, 3);
	assert_string_equal(question(drafts, "arguments")->candidates[0], e.shapes);
	assert_int_equal(drafts->state, ADOPT_ASKS);
	/* our own stamp: sure, when the model is here, and not otherwise */
	e = engine("/srv/y.onnx", "y", "1.20.1", "linux-x86_64/cpu-avx2", "");
	e.product = ORT;
	e.source_digest = B64;
	draft(&e, 1);
	assert_int_equal(drafts->state, ADOPT_READY);
	assert_string_equal(drafts->source_path.value, "/m/rec.onnx");
	e.source_digest = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
	draft(&e, 1);
	assert_int_equal(drafts->state, ADOPT_NOT_REBUILDABLE);
}

static void engines_share_a_recipe(void **state)
{
	(void)state;
	struct adopt_engine two[] = { engine("/srv/det/1/a.onnx", "det", "1.20.1", "linux-x86_64/cpu-avx2", ""),
				      engine("/srv/det/1/b.onnx", "det", "1.20.1", "linux-x86_64/cpu-avx512", ""),
				      engine("/else/det.onnx", "det", "1.20.1", "linux-x86_64/cpu-avx2", "") };
	for (size_t i = 0; i < 3; i++) {
		two[i].product = ORT;
		two[i].source_digest = i == 2 ? B64 : A64;
	}
	draft(two, 3);
	assert_int_equal(count, 2);
	assert_string_equal(drafts[0].name, "det");
	assert_int_equal(drafts[0].engines_n, 2);
	assert_int_equal(drafts[0].targets_n, 2);
	assert_string_equal(drafts[1].name, "vision-det"); /* the name is taken by now */
	two[0].model = "taken";
	draft(two, 1);
	assert_string_equal(drafts[0].name, "vision-taken");
	two[0].model = "..bad name/";
	draft(two, 1);
	assert_string_equal(drafts[0].name, "_.bad_name_");
}

/* ── texts ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What is ready is a recipe that the reader of recipes takes, and says where each value is from. */
static void a_ready_draft_is_a_recipe(void **state)
{
	(void)state;
	struct adopt_engine e = engine("/srv/out/det.plan", "det", "8.6.1.6", "sm_86", "8.6");
	RF_AUTO(str) yaml = STR_INIT(1 * MIB);
	const struct recipe *r;
	draft(&e, 1);
	adopt_recipe_yaml(drafts, &yaml);
	assert_ok(recipe_read(&arena, str_span(&yaml), "det.yaml", "det", &r, &err), &err);
	assert_string_equal(r->source.path, "/m/det.onnx");
	assert_string_equal(r->source.sha256, A64);
	assert_string_equal(r->targets[0], "linux-x86_64/sm_86");
	assert_int_equal(r->build_args_n, 1);
	assert_string_equal(r->inputs, "/golden/det");
	assert_non_null(strstr(str_text(&yaml), "# b.log, line 3"));
	assert_non_null(strstr(str_text(&yaml), "proposed, to be confirmed"));
}

/* Names that would be YAML or Markdown stay text. */
static void hostile_names(void **state)
{
	(void)state;
	struct adopt_engine e = engine("/srv/a\n  - evil: [x]\n# b.plan", "a: {b}\n\"c\"", "8.6.1.6", "sm_86", "8.6");
	RF_AUTO(str) yaml = STR_INIT(1 * MIB);
	RF_AUTO(str) words = STR_INIT(1 * MIB);
	draft(&e, 1);
	adopt_recipe_yaml(drafts, &yaml);
	assert_null(strstr(str_text(&yaml), "\n  - evil"));
	adopt_questions_markdown(drafts, count, &words);
	assert_null(strstr(str_text(&words), "\n  - evil"));
	assert_non_null(strstr(str_text(&words), "## vision-team (\\#vision)"));
	assert_non_null(strstr(str_text(&words), "- [ ] source: "));
}

static void services_in_reforge_yaml(void **state)
{
	(void)state;
	static const struct {
		const char *name, *yaml, *want; /* want NULL: refused */
	} cases[] = {
		{ "none yet", "site: x\nservices: {}   # none\n# end\n", "site: x\nservices:\n  # Adopted" },
		{ "others", "services:\n  a:\n    roots: [x]\nsite: x\n", "  a:\n    roots: [x]\nsite: x\n" },
		{ "no such key", "site: x", "site: x\n\nservices:\n  # Adopted" },
		{ "in one line", "services: {a: {}}\n", NULL },
	};
	struct adopt_engine e = engine("/srv/vision/odd/place.plan", "place", "8.6.1.6", "sm_86", "8.6");
	struct adopt_new_service new = { { "vision", "", "", "", "" }, "/srv/vision", "production", "" };
	struct adopt_found found = { .new_services = &new, .new_services_n = 1 };
	draft(&e, 1);
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(str) to = STR_INIT(1 * MIB);
		int rc = adopt_services_yaml(&found, drafts, count, span_of(cases[i].yaml), &to, &err);
		if (!cases[i].want) {
			assert_int_equal(rc, RF_EUNSUPPORTED);
			continue;
		}
		if (rc != 0 || !strstr(str_text(&to), cases[i].want))
			fail_msg("%s: %s", cases[i].name, str_text(&to));
		assert_non_null(strstr(str_text(&to), "\"unassigned\""));
		assert_non_null(strstr(str_text(&to), "- {path: \"/srv/vision/odd/place.plan\", recipe: \"place\"}"));
	}
}

static void whose_folders(void **state)
{
	(void)state;
	struct adopt_assignment *list;
	size_t n;
	const char *good = "owner;folder;contact\nvision-team;vision/;\"#vision; day\"\nx;/abs;c\n";
	assert_ok(adopt_assignments_read(&arena, span_of(good), "own.csv", "/srv", &list, &n, &err), &err);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].folder, "/srv/vision");
	assert_string_equal(list[0].contact, "#vision; day");
	assert_string_equal(list[0].platform, "");
	assert_string_equal(list[1].folder, "/abs");
	static const struct {
		const char *csv, *says;
	} bad[] = { { "owner\nx\n", "\"folder\" is missing" }, { "folder,boss\na,b\n", "boss" }, { "folder,owner\na\n", "1 fields" }, { "", "missing" } };
	for (size_t i = 0; i < RF_COUNT(bad); i++) {
		assert_int_equal(adopt_assignments_read(&arena, span_of(bad[i].csv), "own.csv", "/srv", &list, &n, &err), RF_EFORMAT);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s' is not in '%s'", bad[i].says, err.text);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = { TEST(logs),           TEST(one_engine),    TEST(who_and_what_built_it),    TEST(engines_share_a_recipe),
					    TEST(a_ready_draft_is_a_recipe), TEST(hostile_names), TEST(services_in_reforge_yaml), TEST(whose_folders) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
