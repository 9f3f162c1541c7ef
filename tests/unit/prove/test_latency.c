/* latency: a burst that hits one measurement is not the engine's fault; an engine that is slower is slower again. The copying
 * stand-in says how long its runs took. */
#include "../build/helper.h"

#include "format/npy.h"
#include "prove/prove.h"

#include <math.h>

#define SAMPLES 100

static const struct recipe_output OUTPUTS[] = { { .name = "*", .atol = 0, .rtol = 0, .min_cosine = (double)NAN, .top1 = (double)NAN } };
static const struct recipe RECIPE = { .model = "m", .outputs = OUTPUTS, .outputs_n = 1, .build_memory_bytes = 64 * MIB,
	.performance = { .given = true, .p50 = 0.05, .p99 = (double)NAN, .throughput = 0.05, .samples_min = SAMPLES, .samples_max = SAMPLES } };

static void put_golden(void)
{
	static const float values[] = { 1, 2, 3, 4 };
	struct npy t = { .type = NPY_F32, .ndim = 1, .shape = { 4 }, .data = span_bytes(values, sizeof values) };
	RF_AUTO(str) bytes = STR_INIT(4 * KIB);
	struct err e = ERR_INIT;
	assert_ok(npy_write(&bytes, &t, &e), &e);
	assert_ok(fs_make_dirs(in_folder("golden/case"), 0755, &e), &e);
	put_file("golden/case/0.npy", str_span(&bytes), 0644);
	put_file("golden/inputs.json", SPAN("{\"format\": 1, \"inputs\": [\"x\"]}"), 0644);
}

static enum judgement performance_with(const char *new_library)
{
	struct err e = ERR_INIT;
	struct toolchain old_toolchain = stand_in("1.20.1", "1.20.1\n");
	const char *library = put_file("new-library", span_of(new_library), 0644);
	struct toolchain new_toolchain = old_toolchain;
	assert_ok(toolchain_load(old_toolchain.kind, "1.21.1", library, old_toolchain.driver, NULL, &arena, &new_toolchain, &e), &e);
	const char *engine = put_model("engine.onnx"), *task = in_folder("task");
	assert_ok(fs_make_dirs(task, 0755, &e), &e);
	struct prove_job job = { .recipe = &RECIPE, .inputs = in_folder("golden"), .task_folder = task, .target = "linux-x86_64/stand-in", .seed = 7,
		                 .isolation = TOOLCHAIN_ISOLATION_BEST, .deadline_usec = 60 * USEC_PER_SEC,
		                 .old_side = { .engine = engine, .toolchain = &old_toolchain },
		                 .new_side = { .engine = engine, .toolchain = &new_toolchain } };
	assert_ok(digest_file(engine, &job.old_side.engine_digest, NULL, &e), &e);
	job.new_side.engine_digest = job.old_side.engine_digest;
	struct prove_result r;
	assert_ok(prove_engine(&job, &arena, &r, &e), &e);
	print_message("%s\n", r.performance_text);
	assert_int_equal(r.numeric, JUDGEMENT_PASS);
	return r.performance;
}

static void a_burst_is_measured_again(void **state)
{
	(void)state;
	put_golden();
	assert_int_equal(performance_with("1.21.1\n"), JUDGEMENT_PASS);
	assert_int_equal(performance_with("1.21.1\nslow-first 105\n"), JUDGEMENT_INCONCLUSIVE);
	assert_int_equal(performance_with("1.21.1\nslow-first 1000000\n"), JUDGEMENT_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_burst_is_measured_again) };
	return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
