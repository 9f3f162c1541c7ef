/* The ONNX Runtime driver with real libraries and real models: every version builds, opens and runs every model. Skipped where
 * set-up has not fetched them. */
#include "helper.h"

static const char *const versions[] = { "1.18.0", "1.20.1", "1.21.1", "1.30.0" };

/* File, and the sizes that its free dimensions get, in order of inputs. */
static const struct model {
	const char *path;
	int64_t free[8];
} models[] = {
	{ "openwakeword/melspectrogram.onnx", { 1, 1280 } },
	{ "openwakeword/embedding_model.onnx", { 1 } },
	{ "openwakeword/alexa_v0.1.onnx", { 1 } },
	{ "openwakeword/hey_jarvis_v0.1.onnx", { 1 } },
	{ "openwakeword/hey_mycroft_v0.1.onnx", { 1 } },
	{ "openwakeword/hey_rhasspy_v0.1.onnx", { 1 } },
	{ "openwakeword/timer_v0.1.onnx", { 1 } },
	{ "openwakeword/weather_v0.1.onnx", { 1 } },
	{ "openwakeword/silero_vad.onnx", { 1, 512, 1, 1 } },
	{ "ppocr/ch_PP-OCRv4_det_infer.onnx", { 1, 64, 64 } },
	{ "ppocr/ch_PP-OCRv4_rec_infer.onnx", { 1, 160 } },
	{ "ppocr/ch_ppocr_mobile_v2.0_cls_infer.onnx", { 1, 48, 192 } },
};

static bool present(void)
{
	for (size_t i = 0; i < RF_COUNT(versions); i++)
		if (!onnxruntime_library(versions[i]))
			return false;
	return fs_exists("third_party/models/ppocr/ch_PP-OCRv4_det_infer.onnx");
}

static struct toolchain load(const char *version)
{
	struct err e = ERR_INIT;
	struct toolchain t = { 0 };
	assert_ok(toolchain_load(toolchain_kind_find(SPAN("onnxruntime")), version, onnxruntime_library(version), NULL, NULL, &arena, &t, &e), &e);
	return t;
}

static const char *absolute(const char *path)
{
	char real[PATH_MAX];
	assert_non_null(realpath(path, real));
	return arena_text(&arena, span_of(real));
}

static const char *machine(const struct toolchain *t)
{
	struct err e = ERR_INIT;
	struct toolchain_probe p;
	assert_ok(toolchain_probe(t, &LIMITS, &arena, &p, &e), &e);
	assert_true(p.usable);
	assert_string_equal(p.version, t->version);
	return p.target;
}

static int build(const struct toolchain *t, const char *target, const char *source, const char *engine, const char *arg,
		 struct toolchain_built *ret, struct err *e)
{
	struct toolchain_stamp stamps[] = { { "reforge.recipe", "m" }, { "reforge.build", "b" } };
	struct toolchain_build request = { .source = source, .engine = engine, .target = target, .args = &arg, .arg_count = arg ? 1 : 0,
					   .stamps = stamps, .stamp_count = 2 };
	return toolchain_build(t, &request, &LIMITS, &arena, ret, e);
}

static struct toolchain_tensor_file make_input(const struct tensor_info *t, size_t index, const int64_t **free)
{
	struct err e = ERR_INIT;
	struct npy n = { .type = t->type, .ndim = t->rank };
	for (unsigned d = 0; d < t->rank; d++)
		n.shape[d] = (uint64_t)(t->shape[d] < 0 ? *(*free)++ : t->shape[d]);
	size_t bytes = (size_t)npy_bytes(&n);
	char *values = arena_alloc(&arena, bytes + 8);
	for (size_t i = 0; t->type == NPY_F32 && i < bytes / 4; i++) {
		float v = (float)((i * 7919) % 1000) / 1000.0F - 0.5F;
		memcpy(values + 4 * i, &v, 4);
	}
	if (t->type == NPY_I64)
		put_le64(values, 16000);
	n.data = span_bytes(values, bytes);
	RF_AUTO(str) file = STR_INIT(16 * MIB);
	assert_ok(npy_write(&file, &n, &e), &e);
	return (struct toolchain_tensor_file){ t->name, put_file(arena_printf(&arena, "in/%zu.npy", index), str_span(&file), 0644) };
}

static void run(const struct toolchain *t, const char *engine, const struct model *m, struct str *ret_output)
{
	struct err e = ERR_INIT;
	const char *reads[] = { in_folder("in"), NULL };
	struct toolchain_session_options options = { .engine = engine, .read_folders = reads, .write_folder = in_folder("out"),
						     .deterministic = true, .limits = LIMITS };
	struct toolchain_session *s = NULL;
	assert_ok(toolchain_session_open(t, &options, &s, &e), &e);
	const struct toolchain_inspection *i = toolchain_session_inspection(s);
	struct toolchain_tensor_file inputs[8];
	const int64_t *free = m->free;
	assert_true(i->input_count <= 8);
	for (size_t n = 0; n < i->input_count; n++)
		inputs[n] = make_input(&i->inputs[n], n, &free);
	struct toolchain_iterate request = { inputs, i->input_count, 1, 3, in_folder("out/o-") };
	struct toolchain_iteration it;
	assert_ok(toolchain_session_iterate(s, &request, &arena, &it, &e), &e);
	assert_int_equal(it.output_count, i->output_count);
	assert_true(it.latency_ns[0] > 0);
	assert_ok(fs_read(in_folder("out/o-0.npy"), ret_output, &e), &e);
	struct npy out;
	assert_ok(npy_read(str_span(ret_output), &out, &e), &e);
	assert_true(npy_count(&out) > 0);
	toolchain_session_close(s, NULL, NULL);
}

static void test_all_models(void **state)
{
	(void)state;
	if (!present())
		skip();
	struct err e = ERR_INIT;
	assert_ok(fs_make_dirs(in_folder("in"), 0700, &e), &e);
	for (size_t v = 0; v < RF_COUNT(versions); v++) {
		assert_ok(fs_remove_tree(in_folder("out"), &e), &e);
		assert_ok(fs_make_dirs(in_folder("out"), 0700, &e), &e);
		struct toolchain t = load(versions[v]);
		const char *target = machine(&t);
		for (size_t i = 0; i < RF_COUNT(models); i++) {
			struct toolchain_built built = { 0 };
			RF_AUTO(str) output = STR_INIT(64 * MIB);
			const char *source = absolute(arena_printf(&arena, "third_party/models/%s", models[i].path));
			const char *engine = arena_printf(&arena, "%s/out/%zu", folder, i);
			/* half of them as .ort: what a file is does not hang on its name */
			assert_ok(build(&t, target, source, engine, i % 2 ? "--format=ort" : "--format=onnx", &built, &e), &e);
			run(&t, engine, &models[i], &output);
		}
	}
}

/* The wake-word model whose output is named as a JSON string, and the stamp, over two versions. */
static void test_inspect(void **state)
{
	(void)state;
	if (!present())
		skip();
	struct err e = ERR_INIT;
	struct toolchain old = load("1.18.0"), new = load("1.21.1");
	struct toolchain_built built = { 0 };
	struct toolchain_inspection i;
	assert_ok(fs_make_dirs(in_folder("out"), 0700, &e), &e);
	const char *engine = in_folder("out/model.onnx");
	const char *target = machine(&old), *source = absolute("third_party/models/openwakeword/timer_v0.1.onnx");
	assert_ok(build(&old, target, source, engine, NULL, &built, &e), &e);
	assert_ok(toolchain_inspect(&new, engine, &LIMITS, &arena, &i, &e), &e);
	assert_true(span_starts(i.outputs[0].name, "{\"1\": \"1_minute_timer\""));
	assert_string_equal(i.producer, "pytorch");
	assert_string_equal(i.version, "1.21.1");
	bool stamped = false;
	for (size_t n = 0; n < i.stamp_count; n++)
		stamped = stamped || (strcmp(i.stamps[n].key, "reforge.toolchain.version") == 0 && strcmp(i.stamps[n].value, "1.18.0") == 0);
	assert_true(stamped);
	/* built again of its own result by another version: one stamp, the new one */
	const char *again = in_folder("out/again.onnx");
	assert_ok(build(&new, target, engine, again, NULL, &built, &e), &e);
	assert_ok(toolchain_inspect(&new, again, &LIMITS, &arena, &i, &e), &e);
	for (size_t n = 0; n < i.stamp_count; n++)
		if (strcmp(i.stamps[n].key, "reforge.toolchain.version") == 0)
			assert_string_equal(i.stamps[n].value, "1.21.1");
}

static void test_errors(void **state)
{
	(void)state;
	if (!present())
		skip();
	struct err e = ERR_INIT;
	struct toolchain t = load("1.21.1");
	struct toolchain_built built = { 0 };
	RF_AUTO(str) model = STR_INIT(64 * MIB);
	const char *source = absolute("third_party/models/openwakeword/alexa_v0.1.onnx"), *target = machine(&t);
	assert_ok(fs_make_dirs(in_folder("out"), 0700, &e), &e);
	const char *engine = in_folder("out/model.onnx");
	assert_ok(fs_read(source, &model, &e), &e);
	assert_int_equal(build(&t, "linux-x86_64/sm_86", source, engine, NULL, &built, &e), RF_ECONFLICT);
	assert_int_equal(build(&t, target, source, engine, "--fp16", &built, &e), RF_EINVALID);
	assert_string_equal(e.field, "args[0]");
	const char *cut = put_file("cut.onnx", span_sub(str_span(&model), 0, model.n / 2), 0644);
	/* a driver is not shown it */
	assert_int_equal(build(&t, target, cut, engine, NULL, &built, &e), RF_EDENIED);
	assert_string_equal(e.file, cut);
	/* a model of an operator set that this runtime does not have yet: its own words come through */
	RF_AUTO(str) opset = STR_INIT(64);
	protobuf_put_varint(&opset, 2, 99);
	protobuf_put_bytes(&model, 8, str_span(&opset));
	int rc = build(&t, target, put_file("new.onnx", str_span(&model), 0644), engine, NULL, &built, &e);
	assert_true(rc == RF_EPROCESS || rc == RF_EUNSUPPORTED || rc == RF_EFORMAT);
	assert_non_null(strstr(e.text, "ONNX Runtime 1.21.1: "));
	assert_non_null(strstr(e.text, "opset"));
	assert_false(fs_exists(engine));
	/* not a library; a library of something else */
	struct toolchain_probe p;
	t.library = cut;
	assert_ok(toolchain_probe(&t, &LIMITS, &arena, &p, &e), &e);
	assert_false(p.usable);
	assert_non_null(strstr(p.missing[0], "does not load"));
	const char *other = "/lib/x86_64-linux-gnu/libm.so.6";
	if (fs_exists(other)) {
		t.library = other;
		assert_ok(toolchain_probe(&t, &LIMITS, &arena, &p, &e), &e);
		assert_non_null(strstr(p.missing[0], "is no ONNX Runtime"));
	}
}

/* A file system of 256 KiB, made by bubblewrap around the driver. */
static void test_full_disk(void **state)
{
	(void)state;
	char text[256];
	if (!present() || !process_isolation_available(text, sizeof text))
		skip();
	struct err e = ERR_INIT;
	struct toolchain t = load("1.21.1");
	const char *formats[] = { "onnx", "ort" };
	for (size_t i = 0; i < RF_COUNT(formats); i++) {
		const char *argv[] = { "bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--size", "262144", "--tmpfs", "/mnt", "--",
				       t.driver, "--library", t.library, NULL };
		char *input = arena_printf(&arena, "{\"protocol\":1}\n{\"op\":\"build\",\"source\":\"%s\",\"engine\":\"/mnt/e\",\"target\":\"%s\",\"args\":"
					   "[\"--format=%s\"]}\n{\"op\":\"probe\"}\n", absolute("third_party/models/openwakeword/alexa_v0.1.onnx"),
					   machine(&t), formats[i]);
		struct process_options o = { .argv = argv, .input = span_of(input), .deadline_usec = 60 * USEC_PER_SEC,
					     .output_limit_bytes = 1 * MIB };
		struct process_result r = { 0 };
		assert_ok(process_run(&o, &r, &e), &e);
		if (r.error_output.n && strstr(str_text(&r.error_output), "--size"))
			skip();   /* bubblewrap before 0.7 */
		if (!strstr(str_text(&r.output), "\"code\":\"RF_EFULL\"") || !strstr(str_text(&r.output), "\"usable\":true"))
			fail_msg("%s\n%s", str_text(&r.output), str_text(&r.error_output));
		assert_int_equal(r.exit_status, 0);
		process_result_release(&r);
	}
}

static const char *const bad_lines[] = { "", "nonsense", "[]", "7", "{\"op\":7}", "{\"op\":\"x\"}", "{\"op\":\"run\"}", "{\"op\":\"run-close\"}",
					 "{\"op\":\"build\"}", "{\"op\":\"inspect\",\"engine\":\"relative\"}", "{\"op\":\"inspect\",\"engine\":\"/a\\u0000b\"}",
					 "{\"op\":\"run-open\",\"engine\":\"/dev/zero\",\"threads\":99999}", "{\"op\":\"run-open\",\"engine\":\"/dev/zero\"}",
					 "\xff\xfe", "{\"op\":\"inspect\",\"engine\":\"/proc/self/mem\"}" };

/* Whatever comes, each line is answered and the process lives. */
static void test_bad_messages(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	RF_AUTO(str) input = STR_INIT(16 * MIB);
	str_add_text(&input, "{\"protocol\":1}\n");
	for (size_t i = 0; i < RF_COUNT(bad_lines); i++) {
		str_add_text(&input, bad_lines[i]);
		str_add_byte(&input, '\n');
	}
	str_add_text(&input, "{\"op\":\"");
	for (size_t i = 0; i < 5 * MIB; i++)
		str_add_byte(&input, 'x');
	str_add_text(&input, "\"}\n{\"op\":\"probe\",\"id\":42}");   /* the last line without its newline */
	const char *driver = built_program("toolchains/onnxruntime/reforge-toolchain-onnxruntime");
	const char *argv[] = { driver, NULL };
	struct process_options o = { .argv = argv, .input = str_span(&input), .deadline_usec = 60 * USEC_PER_SEC, .output_limit_bytes = 1 * MIB };
	struct process_result r = { 0 };
	assert_ok(process_run(&o, &r, &e), &e);
	assert_int_equal(r.exit_status, 0);
	struct span rest = str_span(&r.output), line;
	size_t lines = 0;
	while (span_line(&rest, &line)) {
		bool good = lines == 0 || lines == RF_COUNT(bad_lines) + 2;
		assert_true(span_starts(line, good ? "{" : "{\"ok\":false,\"error\":"));
		lines++;
	}
	assert_int_equal(lines, RF_COUNT(bad_lines) + 3);
	assert_non_null(strstr(str_text(&r.output), "{\"id\":42,\"ok\":true"));
	process_result_release(&r);
	/* no handshake: refused, exit 2 */
	o.input = SPAN("{\"op\":\"probe\"}\n");
	assert_ok(process_run(&o, &r, &e), &e);
	assert_int_equal(r.exit_status, 2);
	process_result_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bad_messages, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_all_models, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_inspect, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_errors, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, folder_setup, folder_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
