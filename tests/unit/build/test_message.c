/* message: what a driver may say, and what is refused. */
#include "testing.h"

#include "build/message.h"

static struct arena a;
static struct json_doc *doc;

static int setup(void **state)
{
	(void)state;
	a = ARENA_INIT(4 * MIB);
	doc = json_doc_new();
	return doc ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_doc_freep(&doc);
	arena_release(&a);
	return 0;
}

static void test_errors(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct json m;
	const char *log;
	assert_int_equal(message_read(doc, SPAN("{\"ok\":false,\"error\":{\"code\":\"RF_EFULL\",\"text\":\"no \\u001b[2J room\",\"file\":\"/x\"},"
						"\"log\":\"l1\\n\"}"), &a, &m, &log, &e), RF_EFULL);
	assert_string_equal(e.file, "/x");
	assert_null(strchr(e.text, '\033'));
	assert_string_equal(log, "l1\n");
	assert_int_equal(message_read(doc, SPAN("{\"ok\":false,\"error\":{\"code\":\"SOMETHING\",\"text\":\"t\"}}"), &a, &m, &log, &e), RF_EPROCESS);
	assert_int_equal(message_read(doc, SPAN("{\"ok\":false}"), &a, &m, &log, &e), RF_EFORMAT);
	assert_int_equal(message_read(doc, SPAN("{}"), &a, &m, &log, &e), RF_EFORMAT);
	assert_int_equal(message_read(doc, SPAN("nonsense"), &a, &m, &log, &e), RF_EFORMAT);
	assert_int_equal(message_read(doc, SPAN("{\"ok\":true} x"), &a, &m, &log, &e), RF_EFORMAT);
}

static struct json parse(const char *text)
{
	struct err e = ERR_INIT;
	struct json m;
	assert_ok(message_read(doc, span_of(text), &a, &m, NULL, &e), &e);
	return m;
}

static void test_hello(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct message_greeting g;
	assert_ok(message_read_hello(parse("{\"ok\":true,\"protocol\":1,\"driver\":\"x\",\"sessions\":false}"), &a, &g, &e), &e);
	assert_int_equal(message_read_hello(parse("{\"ok\":true,\"protocol\":2,\"driver\":\"x\",\"sessions\":false}"), &a, &g, &e), RF_EUNSUPPORTED);
	assert_int_equal(message_read_hello(parse("{\"ok\":true,\"driver\":\"x\"}"), &a, &g, &e), RF_EFORMAT);
}

static void test_inspection(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct toolchain_inspection i = { 0 };
	assert_ok(message_read_inspection(parse("{\"ok\":true,\"version\":\"1.21.1\",\"inputs\":[{\"name\":\"{\\\"1\\\": \\\"x\\\"}\",\"type\":"
						"\"float32\",\"shape\":[-1,3]}],\"outputs\":[{\"name\":\"s\",\"type\":\"string\",\"shape\":[]}]}"),
					  &a, &i, &e), &e);
	assert_true(span_eq_text(i.inputs[0].name, "{\"1\": \"x\"}"));
	assert_int_equal(i.inputs[0].type, NPY_F32);
	assert_int_equal(i.inputs[0].shape[0], -1);
	assert_int_equal(i.outputs[0].type, NPY_NONE);
	assert_string_equal(i.outputs[0].type_text, "string");
	static const char *const bad[] = {
		"{\"ok\":true,\"version\":\"1\",\"inputs\":[{\"name\":\"x\",\"type\":\"float32\",\"shape\":[-2]}],\"outputs\":[]}",
		"{\"ok\":true,\"version\":\"1\",\"inputs\":[{\"name\":\"x\",\"type\":\"float32\",\"shape\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}],\"outputs\":[]}",
		"{\"ok\":true,\"version\":\"1\",\"inputs\":[{\"name\":7,\"type\":\"float32\",\"shape\":[]}],\"outputs\":[]}",
		"{\"ok\":true,\"version\":\"1\",\"inputs\":{},\"outputs\":[]}",
		"{\"ok\":true,\"inputs\":[],\"outputs\":[]}",
		"{\"ok\":true,\"version\":\"1\",\"inputs\":[],\"outputs\":[],\"stamps\":[]}",
	};
	for (size_t n = 0; n < RF_COUNT(bad); n++)
		assert_int_equal(message_read_inspection(parse(bad[n]), &a, &i, &e), RF_EFORMAT);
}

static void test_iterate(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct tensor_info inputs[] = { { .name = SPAN("a") }, { .name = SPAN("b\"c") } };
	struct toolchain_inspection i = { .inputs = inputs, .input_count = 2 };
	struct toolchain_tensor_file files[] = { { SPAN("b\"c"), "/t/b.npy" } };
	struct toolchain_iterate request = { files, 1, 2, 3, "/o/c-" };
	RF_AUTO(str) line = STR_INIT(64 * KIB);
	assert_ok(message_iterate(&request, &i, &line, &e), &e);
	assert_string_equal(str_text(&line), "{\"op\":\"run\",\"inputs\":[{\"index\":1,\"path\":\"/t/b.npy\"}],\"warmup\":2,\"iterations\":3,"
					     "\"output_prefix\":\"/o/c-\"}");
	files[0].name = SPAN("zz");
	str_reset(&line);
	assert_int_equal(message_iterate(&request, &i, &line, &e), RF_EINVALID);

	struct toolchain_iteration it = { 0 };
	assert_ok(message_read_iteration(parse("{\"ok\":true,\"latency_ns\":[1,2,3],\"outputs\":[{\"name\":\"y\",\"type\":\"int64\",\"shape\":[0],"
					       "\"path\":\"/o/c-0.npy\"}]}"), &request, &a, &it, &e), &e);
	assert_int_equal(it.latency_ns[2], 3);
	assert_int_equal(it.outputs[0].type, NPY_I64);
	/* too few figures; a path that was not asked for; a negative dimension of a result */
	assert_int_equal(message_read_iteration(parse("{\"ok\":true,\"latency_ns\":[1,2],\"outputs\":[]}"), &request, &a, &it, &e), RF_EFORMAT);
	assert_int_equal(message_read_iteration(parse("{\"ok\":true,\"latency_ns\":[1,2,3],\"outputs\":[{\"name\":\"y\",\"type\":\"int64\",\"shape\":[],"
						      "\"path\":\"/etc/passwd\"}]}"), &request, &a, &it, &e), RF_EFORMAT);
	assert_int_equal(message_read_iteration(parse("{\"ok\":true,\"latency_ns\":[1,2,3],\"outputs\":[{\"name\":\"y\",\"type\":\"int64\",\"shape\":[-1]}]}"),
						&request, &a, &it, &e), RF_EFORMAT);
}

static void test_probe_and_build(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct toolchain_probe p = { 0 };
	struct toolchain_built b = { 0 };
	assert_ok(message_read_probe(parse("{\"ok\":true,\"version\":\"\",\"target\":\"\",\"usable\":false,\"sessions\":false,\"missing\":[\"a\",\"b\"]}"),
				     &a, &p, &e), &e);
	assert_int_equal(p.missing_count, 2);
	assert_string_equal(p.missing[1], "b");
	assert_int_equal(message_read_probe(parse("{\"ok\":true,\"version\":\"\",\"target\":\"\",\"usable\":false,\"sessions\":false,\"missing\":[1]}"), &a,
					    &p, &e), RF_EFORMAT);
	assert_int_equal(message_read_build(parse("{\"ok\":true,\"sha256\":\"zz\",\"bytes\":1,\"build_usec\":1,\"version\":\"1\"}"), &a, &b, &e), RF_EFORMAT);
	assert_int_equal(message_read_build(parse("{\"ok\":true,\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"bytes\":1,"
						  "\"build_usec\":-1,\"version\":\"1\"}"), &a, &b, &e), RF_EFORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inspection, setup, teardown),
		cmocka_unit_test_setup_teardown(test_iterate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_probe_and_build, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
