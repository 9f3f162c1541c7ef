/* toolchain: conversations with drivers, well-behaved and not. */
#include "helper.h"

static const struct toolchain_kind *onnxruntime(void)
{
	return toolchain_kind_find(SPAN("onnxruntime"));
}

static void test_load(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct toolchain t;
	struct digest wrong = { { 1 } };
	const char *library = put_file("lib", SPAN("1.21.1\n"), 0644), *driver = built_program("tests/bench/reforge-stand-in-copy-driver");
	assert_int_equal(toolchain_load(onnxruntime(), "1.21.1", in_folder("absent"), driver, NULL, &arena, &t, &e), RF_ENOTFOUND);
	assert_int_equal(toolchain_load(onnxruntime(), "1.21.1", library, in_folder("absent"), NULL, &arena, &t, &e), RF_ENOTFOUND);
	assert_int_equal(toolchain_load(onnxruntime(), "1.21.1", library, library, NULL, &arena, &t, &e), RF_EPERM);
	assert_int_equal(toolchain_load(onnxruntime(), "1.21.1", folder, driver, NULL, &arena, &t, &e), RF_EINVALID);
	assert_int_equal(toolchain_load(onnxruntime(), "1.21.1", "", driver, NULL, &arena, &t, &e), RF_ENOTFOUND);
	assert_int_equal(toolchain_load(onnxruntime(), "1.21.1", library, driver, &wrong, &arena, &t, &e), RF_EVERIFY);
	assert_non_null(strstr(e.text, "reforge.yaml says 01000000"));
	assert_ok(toolchain_load(onnxruntime(), "1.21.1", library, driver, NULL, &arena, &t, &e), &e);
	assert_int_equal(t.library_bytes, 7);
	/* the build tree's own driver is found without a path */
	assert_ok(toolchain_load(onnxruntime(), "1.21.1", library, NULL, NULL, &arena, &t, &e), &e);
	assert_non_null(strstr(t.driver, "toolchains/onnxruntime/reforge-toolchain-onnxruntime"));
	assert_int_equal(toolchain_load(toolchain_kind_find(SPAN("command")), "1", "", NULL, NULL, &arena, &t, &e), RF_ENOTFOUND);
}

static void test_probe(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct toolchain t = stand_in("1.21.1", "1.21.1\ntarget linux-x86_64/cpu-test\n");
	struct toolchain_probe p;
	assert_ok(toolchain_probe(&t, &LIMITS, &arena, &p, &e), &e);
	assert_string_equal(p.version, "1.21.1");
	assert_string_equal(p.target, "linux-x86_64/cpu-test");
	assert_true(p.usable);
	assert_true(p.run.isolation[0] != '\0');
	t = stand_in("1.20.1", "1.21.1\n");
	assert_int_equal(toolchain_probe(&t, &LIMITS, &arena, &p, &e), RF_ECONFLICT);
	assert_non_null(strstr(e.text, "\"1.21.1\", not 1.20.1"));
}

static int build_with(struct toolchain *t, const char *engine, int64_t deadline_usec, struct toolchain_built *ret, struct err *e)
{
	struct toolchain_stamp stamp = { "reforge.recipe", "m" };
	struct toolchain_build request = { .source = put_model("m.onnx"), .engine = engine, .target = "x", .stamps = &stamp, .stamp_count = 1 };
	struct toolchain_limits limits = LIMITS;
	limits.deadline_usec = deadline_usec;
	return toolchain_build(t, &request, &limits, &arena, ret, e);
}

static const struct row {
	const char *library;
	int rc;
	const char *word;
} misbehaviours[] = {
	{ "1.21.1\n", 0, NULL },
	{ "1.20.1\n", RF_ECONFLICT, "1.20.1" },
	{ "1.21.1\nhang\n", RF_ETIMEOUT, "" },
	{ "1.21.1\ndie\n", RF_EPROCESS, "" },
	{ "1.21.1\ngarbage\n", RF_EFORMAT, "no JSON" },
};

static void test_build(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(misbehaviours); i++) {
		struct err e = ERR_INIT;
		struct toolchain_built built = { 0 };
		struct toolchain t = stand_in("1.21.1", misbehaviours[i].library);
		assert_ok(fs_make_dirs(in_folder("out"), 0700, &e), &e);
		int rc = build_with(&t, arena_printf(&arena, "%s/out/m%zu.onnx", folder, i), i == 2 ? USEC_PER_SEC : 60 * USEC_PER_SEC, &built, &e);
		if (rc != misbehaviours[i].rc || (rc != 0 && !strstr(e.text, misbehaviours[i].word)))
			fail_msg("%s: %d, %s", misbehaviours[i].library, rc, e.text);
		if (rc == 0) {
			struct digest d;
			assert_ok(digest_file(in_folder("out/m0.onnx"), &d, NULL, &e), &e);
			assert_true(digest_eq(&d, &built.engine_digest));
			assert_string_equal(built.log, "stand-in: copied\n");
		}
	}
}

static const char *put_tensor(const char *name, float value)
{
	struct err e = ERR_INIT;
	RF_AUTO(str) file = STR_INIT(4 * KIB);
	struct npy t = { .type = NPY_F32, .ndim = 1, .shape = { 1 }, .data = span_bytes(&value, sizeof value) };
	assert_ok(npy_write(&file, &t, &e), &e);
	return put_file(name, str_span(&file), 0644);
}

static void test_session(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct toolchain t = stand_in("1.21.1", "1.21.1\n");
	assert_ok(fs_make_dirs(in_folder("in"), 0700, &e), &e);
	assert_ok(fs_make_dirs(in_folder("out"), 0700, &e), &e);
	const char *reads[] = { in_folder("in"), NULL };
	struct toolchain_session_options options = { .engine = put_model("m.onnx"), .read_folders = reads, .write_folder = in_folder("out"),
						     .limits = LIMITS };
	struct toolchain_session *s = NULL;
	assert_ok(toolchain_session_open(&t, &options, &s, &e), &e);
	assert_int_equal(toolchain_session_inspection(s)->input_count, 1);
	struct toolchain_tensor_file input = { SPAN("x"), put_tensor("in/0.npy", 2.5F) };
	struct toolchain_iterate request = { &input, 1, 0, 5, in_folder("out/c-") };
	struct toolchain_iteration it;
	assert_ok(toolchain_session_iterate(s, &request, &arena, &it, &e), &e);
	assert_int_equal(it.latency_count, 5);
	assert_string_equal(it.outputs[0].path, in_folder("out/c-0.npy"));
	assert_true(fs_exists(it.outputs[0].path));
	/* an error in between leaves the session usable */
	input.path = in_folder("in/absent.npy");
	assert_int_equal(toolchain_session_iterate(s, &request, &arena, &it, &e), RF_ENOTFOUND);
	input.path = in_folder("in/0.npy");
	assert_ok(toolchain_session_iterate(s, &request, &arena, &it, &e), &e);
	input.name = SPAN("nope");
	assert_int_equal(toolchain_session_iterate(s, &request, &arena, &it, &e), RF_EINVALID);
	struct toolchain_run run;
	toolchain_session_close(s, &arena, &run);
	assert_true(run.duration_usec > 0);
	toolchain_session_close(NULL, NULL, NULL);
	options.engine = in_folder("absent.onnx");
	assert_true(toolchain_session_open(&t, &options, &s, &e) < 0);
}

/* Inside the sandbox nothing but the request's paths can be written. */
static void test_isolation(void **state)
{
	(void)state;
	char text[256];
	if (!process_isolation_available(text, sizeof text))
		skip();
	struct err e = ERR_INIT;
	struct toolchain t = stand_in("1.21.1", "1.21.1\n");
	struct toolchain_built built = { 0 };
	assert_ok(fs_make_dirs(in_folder("out"), 0700, &e), &e);
	assert_ok(fs_make_dirs(in_folder("in"), 0700, &e), &e);
	struct toolchain_limits limits = LIMITS;
	limits.isolation = TOOLCHAIN_ISOLATION_REQUIRED;
	const char *reads[] = { in_folder("in"), NULL };
	struct toolchain_session_options options = { .engine = put_model("m.onnx"), .read_folders = reads, .write_folder = in_folder("out"),
						     .limits = limits };
	struct toolchain_session *s = NULL;
	assert_ok(toolchain_session_open(&t, &options, &s, &e), &e);
	struct toolchain_tensor_file input = { SPAN("x"), put_tensor("in/0.npy", 1.0F) };
	struct toolchain_iterate request = { &input, 1, 0, 1, in_folder("in/c-") };
	struct toolchain_iteration it;
	assert_true(toolchain_session_iterate(s, &request, &arena, &it, &e) < 0);
	assert_false(fs_exists(in_folder("in/c-0.npy")));
	struct toolchain_run run;
	toolchain_session_close(s, &arena, &run);
	assert_non_null(strstr(run.isolation, "bubblewrap"));
	assert_int_equal(build_with(&t, in_folder("out/e.onnx"), 60 * USEC_PER_SEC, &built, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_load, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_probe, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_build, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_session, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_isolation, folder_setup, folder_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
