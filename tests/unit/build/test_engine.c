/* engine: a rebuild with the stand-in, and every way in which its claims can be wrong. */
#include "helper.h"

static struct recipe recipe_of(const char *source)
{
	static const char *const targets[] = { "linux-x86_64/cpu-test" };
	struct err e = ERR_INIT;
	struct digest d;
	char hex[DIGEST_HEX];
	assert_ok(digest_file(source, &d, NULL, &e), &e);
	struct recipe r = { .model = "m", .owner = { "team", "#team", "" }, .toolchain = "onnxruntime", .targets = targets, .targets_n = 1,
			    .build_timeout_usec = 60 * USEC_PER_SEC, .file = "recipes/m.yaml" };
	r.source.path = "m.onnx";
	r.source.sha256 = arena_text(&arena, span_of(digest_hex(&d, hex)));
	memset(r.build_digest, 'a', 64);
	return r;
}

static void test_spec(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct recipe r = recipe_of(put_model("m.onnx"));
	struct build_spec s;
	assert_ok(build_spec_make(&r, "1.21.1", "linux-x86_64/cpu-test", &arena, &s, &e), &e);
	RF_AUTO(str) json = STR_INIT(64 * KIB);
	assert_ok(build_spec_json(&s, &json, &e), &e);
	assert_non_null(strstr(str_text(&json), "\"version\":\"1.21.1\""));
	assert_int_equal(build_spec_make(&r, "1.21.1", "linux-x86_64/sm_86", &arena, &s, &e), RF_EINVALID);
	assert_string_equal(e.file, "recipes/m.yaml");
	struct recipe_step step = { .run = "quantize-static" };
	r.transform = &step;
	r.transform_n = 1;
	assert_int_equal(build_spec_make(&r, "1.21.1", "linux-x86_64/cpu-test", &arena, &s, &e), RF_EUNSUPPORTED);
	r.transform_n = 0;
	r.toolchain = "gcc";
	assert_int_equal(build_spec_make(&r, "1.21.1", "linux-x86_64/cpu-test", &arena, &s, &e), RF_EINVALID);
}

static const struct row {
	const char *library;
	int rc;
	const char *words[2];
} rows[] = {
	{ "1.21.1\ntarget linux-x86_64/cpu-test\n", 0, { "", "" } },
	{ "1.21.1\ntarget linux-x86_64/cpu-test\nlie-version 1.20.1\n", RF_ECONFLICT, { "\"1.20.1\"", "\"1.21.1\"" } },
	{ "1.21.1\ntarget linux-x86_64/cpu-other\n", RF_ECONFLICT, { "cpu-other", "cpu-test" } },
	{ "1.21.1\ntarget linux-x86_64/cpu-test\nengine-link\n", RF_ECONFLICT, { "no regular file", "" } },
	{ "1.21.1\ndie\n", RF_EPROCESS, { "", "" } },
};

static void test_build(void **state)
{
	(void)state;
	const char *source = put_model("m.onnx");
	struct recipe r = recipe_of(source);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct err e = ERR_INIT;
		struct build_spec spec;
		assert_ok(build_spec_make(&r, "1.21.1", "linux-x86_64/cpu-test", &arena, &spec, &e), &e);
		struct toolchain t = stand_in("1.21.1", rows[i].library);
		struct build_job job = { &spec, &t, source, in_folder("task"), TOOLCHAIN_ISOLATION_BEST };
		/* what a killed build left must not disturb */
		assert_ok(fs_make_dirs(in_folder("task/out/left/over"), 0700, &e), &e);
		struct build_evidence evidence = { 0 };
		int rc = build_engine(&job, &arena, &evidence, &e);
		if (rc != rows[i].rc || (rc != 0 && (!strstr(e.text, rows[i].words[0]) || !strstr(e.text, rows[i].words[1]))))
			fail_msg("row %zu: %d %s", i, rc, e.text);
		if (rc != 0) {
			assert_false(fs_exists(in_folder("task/out/model.onnx")));
			continue;
		}
		assert_string_equal(evidence.engine_path, in_folder("task/out/model.onnx"));
		assert_string_equal(evidence.kind, "onnxruntime-optimised");
		assert_string_equal(evidence.claimed_version, "1.21.1");
		assert_string_equal(evidence.claimed_target, "linux-x86_64/cpu-test");
		assert_true(fs_exists(evidence.log_path));
		assert_true(evidence.process_usec > 0);
		RF_AUTO(str) json = STR_INIT(64 * KIB);
		assert_ok(build_evidence_json(&evidence, &json, &e), &e);
		assert_non_null(strstr(str_text(&json), "\"isolation\":\""));
	}
}

static void test_source_differs(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	const char *source = put_model("m.onnx");
	struct recipe r = recipe_of(source);
	struct build_spec spec;
	assert_ok(build_spec_make(&r, "1.21.1", "linux-x86_64/cpu-test", &arena, &spec, &e), &e);
	struct toolchain t = stand_in("1.21.1", "1.21.1\n");
	put_file("m.onnx", SPAN("something else"), 0644);
	struct build_job job = { &spec, &t, source, in_folder("task"), TOOLCHAIN_ISOLATION_BEST };
	struct build_evidence evidence = { 0 };
	assert_int_equal(build_engine(&job, &arena, &evidence, &e), RF_EVERIFY);
	assert_string_equal(e.file, source);
	unlink(source);
	assert_int_equal(build_engine(&job, &arena, &evidence, &e), RF_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_spec, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_build, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_source_differs, folder_setup, folder_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
