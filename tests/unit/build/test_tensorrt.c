/* The TensorRT driver with a STAND-IN for trtexec: a shell script that prints NVIDIA's banner and copies a specimen plan. */
#include "helper.h"

#include "specimen.h"

static struct toolchain driver_with(const char *trtexec, const char *version)
{
	struct err e = ERR_INIT;
	struct toolchain t = { 0 };
	assert_ok(toolchain_load(toolchain_kind_find(SPAN("tensorrt")), version, trtexec, NULL, NULL, &arena, &t, &e), &e);
	return t;
}

/* @number as in the banner. The plan it "builds" is the specimen of @plan_version beside it. */
static const char *put_stand_in(const char *number, const char *rest)
{
	return put_file("trt/stand-in-trtexec", span_of(arena_printf(&arena,
		"#!/bin/sh\n# a stand-in for trtexec, written by a test\n"
		"echo \"&&&& RUNNING TensorRT.trtexec [TensorRT v%s] # $0 $*\"\n"
		"for o in \"$@\"; do case $o in --saveEngine=*) e=${o#--saveEngine=};; --help) exit 0;; esac; done\n"
		"%s\n", number, rest)), 0755);
}

#define COPIES "cp \"$(dirname \"$0\")/specimen.plan\" \"$e\""

static void put_specimen(unsigned major, unsigned minor, unsigned patch, unsigned build)
{
	struct err e = ERR_INIT;
	struct specimen s = { .version = { major, minor, patch, build }, .cc_major = 8, .cc_minor = 6 };
	assert_ok(fs_make_dirs(in_folder("trt"), 0700, &e), &e);
	assert_ok(specimen_write(&s, in_folder("trt/specimen.plan"), &e), &e);
}

static void test_probe(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct toolchain_probe p;
	put_specimen(10, 16, 1, 11);
	struct toolchain t = driver_with(put_stand_in("101601] [b11", COPIES), "10.16.1");
	assert_ok(toolchain_probe(&t, &LIMITS, &arena, &p, &e), &e);
	assert_string_equal(p.version, "10.16.1.11");
	assert_false(p.sessions);
	if (!fs_exists("/dev/nvidiactl") && !fs_exists("/proc/device-tree/compatible")) {
		assert_false(p.usable);
		assert_non_null(strstr(p.missing[0], "/dev/nvidiactl"));
	}
	t = driver_with("", "11.0.0");
	assert_ok(toolchain_probe(&t, &LIMITS, &arena, &p, &e), &e);
	if (!p.usable)
		assert_true(p.missing_count > 0);
	t = driver_with(put_stand_in("7103", COPIES), "7.1.3");
	assert_ok(toolchain_probe(&t, &LIMITS, &arena, &p, &e), &e);
	assert_false(p.usable);
	assert_non_null(strstr(p.missing[p.missing_count - 1], "8, 10 and 11"));
}

struct case_row {
	const char *banner, *version;
	unsigned plan[4];
	const char *arg, *script;
	int rc;
	const char *word;
};
static const struct case_row cases[] = {
	{ "101601] [b11", "10.16.1", { 10, 16, 1, 11 }, "--fp16", COPIES, 0, "" },
	{ "8601", "8.6.1", { 8, 6, 1, 6 }, "--fp16", COPIES, 0, "" },
	{ "110000] [b114", "11.0.0", { 11, 0, 0, 114 }, "--memPoolSize=workspace:1024", COPIES, 0, "" },
	{ "110000] [b114", "11.0.0", { 11, 0, 0, 114 }, "--fp16", COPIES, RF_EUNSUPPORTED, "transform needed" },
	/* the plan claims another version than the program that wrote it */
	{ "110000] [b114", "11.0.0", { 10, 16, 1, 11 }, "--verbose", COPIES, RF_ECONFLICT, "10.16.1.11" },
	{ "101601] [b11", "11.0.0", { 10, 16, 1, 11 }, "--verbose", COPIES, RF_ECONFLICT, "not 11.0.0" },
	{ "110000] [b114", "11.0.0", { 11, 0, 0, 114 }, "--verbose", "echo '[E] out of memory' >&2; exit 1", RF_EPROCESS, "exit status 1" },
	{ "110000] [b114", "11.0.0", { 11, 0, 0, 114 }, "--verbose", "true", RF_ENOTFOUND, "wrote no engine" },
	{ "110000] [b114", "11.0.0", { 11, 0, 0, 114 }, "--verbose", ": > \"$e\"", RF_ETRUNCATED, "empty engine" },
};

static void test_build(void **state)
{
	(void)state;
	if (fs_exists("/dev/nvidiactl"))
		skip();   /* with a GPU the driver would compare the target with it */
	static const char *const targets[] = { "linux-x86_64/sm_86" };
	const char *source = put_model("m.onnx");
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct case_row *c = &cases[i];
		struct err e = ERR_INIT;
		struct digest d;
		char hex[DIGEST_HEX];
		assert_ok(digest_file(source, &d, NULL, &e), &e);
		struct recipe r = { .model = "m", .toolchain = "tensorrt", .targets = targets, .targets_n = 1, .build_args = &c->arg,
				    .build_args_n = 1, .build_timeout_usec = 60 * USEC_PER_SEC, .file = "recipes/m.yaml" };
		r.source.path = "m.onnx";
		r.source.sha256 = digest_hex(&d, hex);
		memset(r.build_digest, 'b', 64);
		put_specimen(c->plan[0], c->plan[1], c->plan[2], c->plan[3]);
		struct toolchain t = driver_with(put_stand_in(c->banner, c->script), c->version);
		struct build_spec spec;
		assert_ok(build_spec_make(&r, c->version, targets[0], &arena, &spec, &e), &e);
		struct build_job job = { &spec, &t, source, in_folder("task"), TOOLCHAIN_ISOLATION_BEST };
		struct build_evidence evidence = { 0 };
		int rc = build_engine(&job, &arena, &evidence, &e);
		if (rc != c->rc || (rc != 0 && !strstr(e.text, c->word)))
			fail_msg("case %zu: %s %s", i, rf_error_name(rc), e.text);
		RF_AUTO(str) log = STR_INIT(1 * MIB);
		assert_ok(fs_read(evidence.log_path, &log, &e), &e);
		if (rc == RF_EPROCESS)
			assert_non_null(strstr(str_text(&log), "[E] out of memory"));
		if (rc == 0) {
			assert_string_equal(evidence.kind, "tensorrt-plan");
			assert_string_equal(evidence.claimed_target, "sm_86");
		}
	}
}

static void test_no_sessions(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct toolchain t = driver_with("", "11.0.0");
	struct toolchain_session_options options = { .engine = put_model("m.plan"), .limits = LIMITS };
	struct toolchain_session *s = NULL;
	struct toolchain_inspection i;
	assert_int_equal(toolchain_session_open(&t, &options, &s, &e), RF_EUNSUPPORTED);
	assert_int_equal(toolchain_inspect(&t, options.engine, &LIMITS, &arena, &i, &e), RF_EUNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_probe, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_build, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_no_sessions, folder_setup, folder_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
