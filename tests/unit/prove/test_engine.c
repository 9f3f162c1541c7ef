/* prove_engine() with the real driver and two real ONNX Runtime versions on a real model; skipped where setup/fetch has not
 * brought them. */
#include "testing.h"

#include "base/fs.h"
#include "base/random.h"
#include "prove/prove_int.h"

#include <limits.h>
#include <math.h>

#define MODELS "third_party/models/openwakeword/"
#define RUNTIMES "third_party/onnxruntime/"
#define CASES 4

static struct arena arena = ARENA_INIT(64 * MIB);
static struct toolchain old_toolchain, new_toolchain;
static char folder[FS_PATH_MAX];
static bool ready;

static void path_of(char *ret, const char *name)
{
	struct err err = ERR_INIT;
	assert_ok(fs_join(ret, FS_PATH_MAX, folder, name, &err), &err);
}

static void put_golden(size_t k, struct random_stream *r)
{
	float v[16 * 96];
	for (size_t i = 0; i < RF_COUNT(v); i++)
		v[i] = (float)(random_unit(r) * 40 - 20);
	struct npy t = { .type = NPY_F32, .ndim = 3, .shape = { 1, 16, 96 }, .data = span_bytes(v, sizeof v) };
	RF_AUTO(str) bytes = STR_INIT(1 * MIB);
	struct err err = ERR_INIT;
	char name[64], path[FS_PATH_MAX];
	snprintf(name, sizeof name, "golden/case%zu", k);
	path_of(path, name);
	assert_ok(fs_make_dirs(path, 0700, &err), &err);
	snprintf(path + strlen(path), sizeof path - strlen(path), "/0.npy");
	assert_ok(npy_write(&bytes, &t, &err), &err);
	assert_ok(fs_write_atomic(path, str_span(&bytes), 0600, &err), &err);
}

static void put_inputs_json(const struct toolchain *t, const char *engine)
{
	struct toolchain_inspection io;
	struct toolchain_limits limits = { .isolation = TOOLCHAIN_ISOLATION_BEST };
	struct err err = ERR_INIT;
	char path[FS_PATH_MAX];
	assert_ok(toolchain_inspect(t, engine, &limits, &arena, &io, &err), &err);
	RF_AUTO(str) json = STR_INIT(4096);
	str_addf(&json, "{\"format\":1,\"inputs\":[\"%.*s\"]}", SPAN_ARG(io.inputs[0].name));
	path_of(path, "golden/inputs.json");
	assert_ok(fs_write_atomic(path, str_span(&json), 0600, &err), &err);
}

static void build(const struct toolchain *t, const char *model, const char *name)
{
	struct err err = ERR_INIT;
	struct toolchain_limits limits = { .isolation = TOOLCHAIN_ISOLATION_BEST };
	struct toolchain_probe probe;
	struct toolchain_built built = { 0 };
	char source[PATH_MAX], engine[FS_PATH_MAX], relative[256];
	snprintf(relative, sizeof relative, MODELS "%s", model);
	assert_non_null(realpath(relative, source));
	snprintf(relative, sizeof relative, "%s/model.onnx", name);
	path_of(engine, name);
	assert_ok(fs_make_dirs(engine, 0700, &err), &err);
	path_of(engine, relative);
	assert_ok(toolchain_probe(t, &limits, &arena, &probe, &err), &err);
	struct toolchain_build request = { .source = source, .engine = engine, .target = probe.target };
	assert_ok(toolchain_build(t, &request, &limits, &arena, &built, &err), &err);
}

static int setup(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	const struct toolchain_kind *kind = toolchain_kind_find(SPAN("onnxruntime"));
	if (!fs_exists(MODELS "alexa_v0.1.onnx") || !fs_exists(RUNTIMES "1.20.1") || !fs_exists(RUNTIMES "1.21.1") ||
	    toolchain_load(kind, "1.20.1", RUNTIMES "1.20.1/libonnxruntime.so.1", NULL, NULL, &arena, &old_toolchain, &err))
		return 0;
	assert_ok(toolchain_load(kind, "1.21.1", RUNTIMES "1.21.1/libonnxruntime.so.1", NULL, NULL, &arena, &new_toolchain, &err), &err);
	assert_ok(fs_temporary_dir("prove", folder, sizeof folder, &err), &err);
	struct random_stream r = { 3 };
	for (size_t k = 0; k < CASES; k++)
		put_golden(k, &r);
	build(&old_toolchain, "alexa_v0.1.onnx", "old");
	build(&new_toolchain, "alexa_v0.1.onnx", "new");
	build(&new_toolchain, "hey_mycroft_v0.1.onnx", "other");
	char engine[FS_PATH_MAX];
	path_of(engine, "old/model.onnx");
	put_inputs_json(&old_toolchain, engine);
	ready = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	if (ready)
		assert_ok(fs_remove_tree(folder, &err), &err);
	arena_release(&arena);
	return 0;
}

static const struct recipe_output OUTPUTS[] = { { .name = "*", .atol = 1e-4, .rtol = 1e-3, .min_cosine = 0.999, .top1 = (double)NAN } };
static const struct recipe RECIPE = { .model = "alexa", .outputs = OUTPUTS, .outputs_n = 1,
	.performance = { .given = true, .p50 = 0.5, .p99 = (double)NAN, .throughput = 0.5, .samples_min = 200, .samples_max = 800 } };

/* @new_name: folder of the new engine. @old_here: whether the old toolchain is at hand. */
static void prove(const struct recipe *recipe, const char *new_name, bool old_here, struct prove_result *ret)
{
	struct err err = ERR_INIT;
	static char inputs[FS_PATH_MAX], task[FS_PATH_MAX], old_engine[FS_PATH_MAX], new_engine[FS_PATH_MAX];
	char name[256];
	path_of(inputs, "golden");
	path_of(task, "task");
	path_of(old_engine, "old/model.onnx");
	snprintf(name, sizeof name, "%s/model.onnx", new_name);
	path_of(new_engine, name);
	assert_ok(fs_make_dirs(task, 0700, &err), &err);
	struct prove_job job = { .recipe = recipe, .inputs = inputs, .task_folder = task, .target = "linux-x86_64/cpu", .seed = 7,
		                 .isolation = TOOLCHAIN_ISOLATION_BEST, .deadline_usec = 120 * USEC_PER_SEC,
		                 .old_side = { .engine = old_engine, .toolchain = old_here ? &old_toolchain : NULL },
		                 .new_side = { .engine = new_engine, .toolchain = &new_toolchain } };
	assert_ok(digest_file(old_engine, &job.old_side.engine_digest, NULL, &err), &err);
	assert_ok(digest_file(new_engine, &job.new_side.engine_digest, NULL, &err), &err);
	assert_ok(prove_engine(&job, &arena, ret, &err), &err);
	RF_AUTO(str) json = STR_INIT(PROVE_MAX_PROOF_BYTES);
	struct prove_result back;
	assert_ok(fs_read(ret->proof_path, &json, &err), &err);
	assert_ok(prove_read(&arena, str_span(&json), &ret->proof, &back, &err), &err);
	assert_int_equal(back.numeric, ret->numeric);
	assert_string_equal(back.reason, ret->reason);
	print_message("%s\n%s\n", ret->reason, ret->performance_text);
}

static void same_model_passes(void **state)
{
	(void)state;
	if (!ready)
		skip();
	struct prove_result r;
	prove(&RECIPE, "new", true, &r);
	assert_int_equal(r.numeric, JUDGEMENT_PASS);
	assert_int_equal(r.cases, CASES);
	assert_int_equal(r.outputs[0].numeric.inputs, CASES);
	assert_true(r.old_latency.samples >= 200 && r.new_latency.p50_ns > 0);
	assert_true(r.performance != JUDGEMENT_FAIL && !r.hold);
	char kept[FS_PATH_MAX];
	path_of(kept, "task/outputs/new/case0-0.npy");
	assert_false(fs_exists(kept));
}

static void another_model_fails(void **state)
{
	(void)state;
	if (!ready)
		skip();
	struct prove_result r;
	prove(&RECIPE, "other", true, &r);
	assert_int_equal(r.numeric, JUDGEMENT_FAIL);
	assert_true(r.hold);
}

static void no_baseline_is_no_pass(void **state)
{
	(void)state;
	if (!ready)
		skip();
	struct prove_result r;
	prove(&RECIPE, "new", false, &r);
	assert_int_equal(r.numeric, JUDGEMENT_INCONCLUSIVE);
	assert_true(r.hold);
	assert_non_null(strstr(r.reason, "baseline missing"));
}

static void rule_for_an_absent_output_is_no_pass(void **state)
{
	(void)state;
	if (!ready)
		skip();
	struct recipe_output outputs[] = { OUTPUTS[0], { .name = "sigmoid_0", .atol = 1e-4, .rtol = 0, .min_cosine = (double)NAN, .top1 = (double)NAN } };
	struct recipe recipe = RECIPE;
	recipe.outputs = outputs;
	recipe.outputs_n = 2;
	struct prove_result r;
	prove(&recipe, "new", true, &r);
	assert_int_equal(r.numeric, JUDGEMENT_INCONCLUSIVE);
	assert_true(r.hold);
}

static void broken_engine_is_a_judgement(void **state)
{
	(void)state;
	if (!ready)
		skip();
	struct err err = ERR_INIT;
	char path[FS_PATH_MAX];
	path_of(path, "broken");
	assert_ok(fs_make_dirs(path, 0700, &err), &err);
	path_of(path, "broken/model.onnx");
	assert_ok(fs_write_atomic(path, SPAN("\x08\x07 not a model"), 0600, &err), &err);
	struct prove_result r;
	prove(&RECIPE, "broken", true, &r);
	assert_int_equal(r.numeric, JUDGEMENT_FAIL);
	assert_non_null(strstr(r.reason, "does not load"));
}

/* The same driver, said to have no sessions: opened for each block, never two at a time. */
static void a_driver_without_sessions_alternates_whole_blocks(void **state)
{
	(void)state;
	if (!ready)
		skip();
	struct toolchain_kind kind = *old_toolchain.kind;
	kind.sessions = false;
	struct toolchain before[2] = { old_toolchain, new_toolchain };
	old_toolchain.kind = new_toolchain.kind = &kind;
	struct recipe recipe = RECIPE;
	recipe.performance.samples_min = recipe.performance.samples_max = 40;
	struct prove_result r;
	prove(&recipe, "new", true, &r);
	old_toolchain = before[0];
	new_toolchain = before[1];
	assert_int_equal(r.numeric, JUDGEMENT_PASS);
	assert_true(r.old_latency.samples >= 40);
}

/* Answers kept beside the golden inputs stand in for an engine whose toolchain is gone. */
static void stored_answers_stand_in(void **state)
{
	(void)state;
	if (!ready)
		skip();
	struct err err = ERR_INIT;
	char path[FS_PATH_MAX], engine[FS_PATH_MAX];
	struct toolchain_session *session;
	path_of(path, "golden");
	path_of(engine, "old/model.onnx");
	const char *const folders[] = { path, NULL };
	struct toolchain_session_options o = { .engine = engine, .read_folders = folders, .write_folder = path,
		                               .limits = { .isolation = TOOLCHAIN_ISOLATION_BEST } };
	assert_ok(toolchain_session_open(&old_toolchain, &o, &session, &err), &err);
	RF_AUTO(str) json = STR_INIT(4096);
	for (size_t k = 0; k < CASES; k++) {
		char input[FS_PATH_MAX], prefix[FS_PATH_MAX], name[64], target[FS_PATH_MAX];
		snprintf(name, sizeof name, "golden/case%zu/0.npy", k);
		path_of(input, name);
		path_of(prefix, "golden/answer-");
		struct toolchain_tensor_file file = { toolchain_session_inspection(session)->inputs[0].name, input };
		struct toolchain_iterate request = { .inputs = &file, .input_count = 1, .iterations = 1, .output_prefix = prefix };
		struct toolchain_iteration it;
		assert_ok(toolchain_session_iterate(session, &request, &arena, &it, &err), &err);
		snprintf(name, sizeof name, "golden/case%zu/expect", k);
		path_of(target, name);
		assert_ok(fs_make_dirs(target, 0700, &err), &err);
		snprintf(target + strlen(target), sizeof target - strlen(target), "/0.npy");
		assert_int_equal(rename(it.outputs[0].path, target), 0);
		if (k == 0)
			str_addf(&json, "{\"format\":1,\"inputs\":[\"%.*s\"],\"outputs\":[\"%.*s\"]}", SPAN_ARG(file.name), SPAN_ARG(it.outputs[0].name));
	}
	toolchain_session_close(session, &arena, NULL);
	path_of(path, "golden/inputs.json");
	assert_ok(fs_write_atomic(path, str_span(&json), 0600, &err), &err);
	struct prove_result r;
	prove(&RECIPE, "new", false, &r);
	assert_int_equal(r.numeric, JUDGEMENT_PASS);
	assert_true(r.baseline_stored);
	assert_int_equal(r.performance, JUDGEMENT_INCONCLUSIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_model_passes), cmocka_unit_test(another_model_fails), cmocka_unit_test(no_baseline_is_no_pass),
		cmocka_unit_test(rule_for_an_absent_output_is_no_pass), cmocka_unit_test(broken_engine_is_a_judgement),
		cmocka_unit_test(a_driver_without_sessions_alternates_whole_blocks), cmocka_unit_test(stored_answers_stand_in),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
