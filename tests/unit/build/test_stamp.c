/* stamp: the ONNX Runtime driver's way to say what built a file; options: trtexec's table. */
#include "testing.h"

#include "format/protobuf.h"
#include "onnxruntime/stamp.h"
#include "tensorrt/options.h"

static void put_entry(struct str *model, const char *key, const char *value)
{
	RF_AUTO(str) entry = STR_INIT(4 * KIB);
	protobuf_put_bytes(&entry, 1, span_of(key));
	protobuf_put_bytes(&entry, 2, span_of(value));
	protobuf_put_bytes(model, 14, str_span(&entry));
}

static void test_replaces_old_stamps(void **state)
{
	(void)state;
	RF_AUTO(str) model = STR_INIT(64 * KIB);
	RF_AUTO(str) expected = STR_INIT(64 * KIB);
	RF_AUTO(str) got = STR_INIT(64 * KIB);
	protobuf_put_varint(&model, 1, 8);
	put_entry(&model, "reforge.toolchain.version", "1.18.0");
	put_entry(&model, "author", "someone");
	protobuf_put_bytes(&model, 7, SPAN("graph"));
	put_entry(&model, "reforge.source", "old");
	protobuf_put_varint(&expected, 1, 8);
	put_entry(&expected, "author", "someone");
	protobuf_put_bytes(&expected, 7, SPAN("graph"));
	put_entry(&expected, "reforge.toolchain.version", "1.21.1");
	struct stamp s = { SPAN("reforge.toolchain.version"), SPAN("1.21.1") };
	struct err e = ERR_INIT;
	assert_ok(stamp_model(str_span(&model), &s, 1, &got, &e), &e);
	assert_true(span_eq(str_span(&got), str_span(&expected)));
}

static void test_bad_models(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	RF_AUTO(str) got = STR_INIT(64 * KIB);
	RF_AUTO(str) model = STR_INIT(64 * KIB);
	assert_int_equal(stamp_model(SPAN_NONE, NULL, 0, &got, &e), RF_ETRUNCATED);
	assert_int_equal(stamp_model(SPAN("version https://git-lfs.github.com/spec/v1\n"), NULL, 0, &got, &e), RF_EFORMAT);
	protobuf_put_varint(&model, 1, 8);
	assert_int_equal(stamp_model(str_span(&model), NULL, 0, &got, &e), RF_EFORMAT);   /* no graph */
	protobuf_put_bytes(&model, 7, SPAN("a graph of some length"));
	for (size_t n = 3; n < model.n; n++)                                             /* every cut is found */
		assert_int_equal(stamp_model(span_sub(str_span(&model), 0, n), NULL, 0, &got, &e), RF_EFORMAT);
	assert_int_equal(e.offset >= 2, 1);
	struct stamp foreign = { SPAN("author"), SPAN("me") };
	str_reset(&got);
	assert_int_equal(stamp_model(str_span(&model), &foreign, 1, &got, &e), RF_EINVALID);
	RF_AUTO(str) small = STR_INIT(8);
	assert_int_equal(stamp_model(str_span(&model), NULL, 0, &small, &e), RF_ETOOBIG);
}

static const struct banner {
	const char *text, *version;    /* NULL: none to be read */
	bool served;
} banners[] = {
	{ "&&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --help", "8.6.1", true },
	{ "&&&& RUNNING TensorRT.trtexec [TensorRT v8502] # trtexec", "8.5.2", true },
	{ "noise\n&&&& RUNNING TensorRT.trtexec [TensorRT v101602] [b10] # /usr/src/tensorrt/bin/trtexec", "10.16.2.10", true },
	{ "&&&& RUNNING TensorRT.trtexec [TensorRT v100001] # trtexec", "10.0.1", true },
	{ "&&&& RUNNING TensorRT.trtexec [TensorRT v110000] [b114] # trtexec", "11.0.0.114", true },
	{ "&&&& RUNNING TensorRT.trtexec [TensorRT v7103] # trtexec", "7.1.3", false },
	{ "&&&& RUNNING TensorRT.trtexec # trtexec", NULL, false },
	{ "[TensorRT v99999999999]", NULL, false },
	{ "[TensorRT v", NULL, false },
};

static void test_banner(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(banners); i++) {
		struct trtexec_version v;
		char text[32];
		bool known = trtexec_version_read(span_of(banners[i].text), &v);
		assert_int_equal(known, banners[i].version != NULL);
		if (known) {
			assert_string_equal(trtexec_version_text(&v, text), banners[i].version);
			assert_int_equal(trtexec_version_is_served(&v), banners[i].served);
		}
	}
}

static const struct option_row {
	unsigned major, minor;
	const char *arg, *result;     /* NULL result: refused; "": dropped */
	int rc;
	const char *word;             /* of the refusal */
} options[] = {
	{ 8, 6, "--fp16", "--fp16", 0, NULL },
	{ 10, 16, "--fp16", "--fp16", 0, NULL },
	{ 11, 0, "--fp16", NULL, RF_EUNSUPPORTED, "transform needed" },
	{ 11, 0, "--calib=cache.bin", NULL, RF_EUNSUPPORTED, "calibration caches" },
	{ 8, 6, "--workspace=4096", "--workspace=4096", 0, NULL },
	{ 10, 0, "--workspace=4096", "--memPoolSize=workspace:4096", 0, NULL },
	{ 11, 0, "--workspace=4096", "--memPoolSize=workspace:4096", 0, NULL },
	{ 10, 0, "--minTiming=1", "", 0, NULL },
	{ 8, 6, "--minTiming=1", "--minTiming=1", 0, NULL },
	{ 10, 0, "--uff=m.uff", NULL, RF_EUNSUPPORTED, "code change" },
	{ 10, 0, "--stronglyTyped", "--stronglyTyped", 0, NULL },
	{ 11, 0, "--stronglyTyped", "", 0, NULL },
	{ 11, 2, "--newOption=7", "--newOption=7", 0, NULL },
	{ 11, 2, "--saveEngine=/etc/passwd", NULL, RF_EINVALID, "the driver names" },
	{ 11, 2, "model.onnx", NULL, RF_EINVALID, "no trtexec option" },
};

static void test_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(options); i++) {
		const struct option_row *r = &options[i];
		struct trtexec_version v = { r->major, r->minor, 0, 0 };
		struct arena a = ARENA_INIT(1 * MIB);
		struct err e = ERR_INIT;
		RF_AUTO(str) log = STR_INIT(64 * KIB);
		const char *made[OPTIONS_MAX + 1] = { NULL };
		struct span arg = span_of(r->arg);
		int rc = options_make(&v, "/s.onnx", "/e.plan", &arg, 1, &a, made, &log, &e);
		assert_int_equal(rc, r->rc);
		if (rc == 0) {
			assert_string_equal(made[0], "--onnx=/s.onnx");
			assert_string_equal(made[1], "--saveEngine=/e.plan");
			assert_string_equal(made[2], "--skipInference");
			if (r->result[0])
				assert_string_equal(made[3], r->result);
			else
				assert_null(made[3]);
		} else if (!strstr(e.text, r->word))
			fail_msg("%s: %s", r->arg, e.text);
		arena_release(&a);
	}
	struct trtexec_version old = { 8, 5, 2, 0 };
	struct arena a = ARENA_INIT(1 * MIB);
	struct err e = ERR_INIT;
	RF_AUTO(str) log = STR_INIT(64 * KIB);
	const char *made[OPTIONS_MAX + 1];
	assert_ok(options_make(&old, "/s", "/e", NULL, 0, &a, made, &log, &e), &e);
	assert_string_equal(made[2], "--buildOnly");
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replaces_old_stamps),
		cmocka_unit_test(test_bad_models),
		cmocka_unit_test(test_banner),
		cmocka_unit_test(test_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
