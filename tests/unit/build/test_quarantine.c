/* quarantine: what breaks a rule is shown to no driver, by whichever call. */
#include "helper.h"

#include "build/lane.h"
#include "build/quarantine.h"
#include "specimen.h"

/* A model whose one initialiser lies at @location. */
static const char *put_external(const char *name, const char *location)
{
	RF_AUTO(str) model = STR_INIT(4 * KIB), graph = STR_INIT(4 * KIB), tensor = STR_INIT(4 * KIB), entry = STR_INIT(KIB);
	protobuf_put_varint(&tensor, 1, 4);
	protobuf_put_varint(&tensor, 2, 1);
	protobuf_put_bytes(&tensor, 8, SPAN("w"));
	protobuf_put_bytes(&entry, 1, SPAN("location"));
	protobuf_put_bytes(&entry, 2, span_of(location));
	protobuf_put_bytes(&tensor, 13, str_span(&entry));
	protobuf_put_varint(&tensor, 14, 1);
	protobuf_put_bytes(&graph, 5, str_span(&tensor));
	protobuf_put_varint(&model, 1, 8);
	protobuf_put_bytes(&model, 7, str_span(&graph));
	return put_file(name, str_span(&model), 0644);
}

/* @inner: what the archive inside of it says, when that is not what its header does. */
static const char *put_plan(const char *name, unsigned inner)
{
	struct err e = ERR_INIT;
	struct specimen s = { .version = { 10, 13, 3, 9 }, .cc_major = 8, .cc_minor = 6 };
	s.inner_version[0] = inner;
	const char *path = in_folder(name);
	assert_ok(specimen_write(&s, path, &e), &e);
	return path;
}

static const struct row {
	const char *location; /* of external data */
	int rc;
	const char *rule, *next;
} rows[] = {
	{ "../secret", RF_EDENIED, "external_data_escapes", "who made it" },
	{ "absent.bin", RF_EDENIED, "external_data_missing", "beside the model" },
	{ "link.bin", RF_EDENIED, "external_data_link", "put the file itself" },
	{ "short.bin", RF_EDENIED, "external_data_bounds", "exported again" },
	{ "weights.bin", 0, "", "" },
	{ "folder/weights.bin", 0, "", "" },
	{ "linked/weights.bin", RF_EDENIED, "external_data_link", "" },
	{ "folder", RF_EDENIED, "external_data_missing", "no regular file" },
};

static void put_neighbours(void)
{
	struct err e = ERR_INIT;
	put_file("weights.bin", SPAN("0123456789abcdef"), 0644);
	put_file("short.bin", SPAN("0123"), 0644);
	assert_ok(fs_make_dirs(in_folder("folder"), 0700, &e), &e);
	put_file("folder/weights.bin", SPAN("0123456789abcdef"), 0644);
	assert_int_equal(symlink("weights.bin", in_folder("link.bin")), 0);
	assert_int_equal(symlink("folder", in_folder("linked")), 0);
}

/* The rule, what was found, what to do, and the file. */
static void test_rules(void **state)
{
	(void)state;
	put_neighbours();
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct err e = ERR_INIT;
		const char *path = put_external("model.onnx", rows[i].location);
		int rc = quarantine_check(toolchain_kind_find(SPAN("onnxruntime")), path, &e);
		if (rc != rows[i].rc || (rc && (!strstr(e.text, rows[i].rule) || !strstr(e.text, rows[i].next))))
			fail_msg("%s: %d, %s", rows[i].location, rc, e.text);
		if (rc)
			assert_string_equal(e.file, path);
	}
}

/* A timing cache whose header declares @body bytes; eight are there. */
static const char *put_cache(const char *name, uint64_t body)
{
	unsigned char cache[32] = "ptrt";
	put_le32(cache + 8, 236);
	put_le64(cache + 16, body);
	memcpy(cache + 24, "\x18\x80\x01\0\x01\0\0", 8);
	return put_file(name, span_bytes(cache, sizeof cache), 0644);
}

/* Builders are given timing caches. */
static void test_caches(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_ok(quarantine_check(NULL, put_cache("sound.cache", 8), &e), &e);
	assert_int_equal(quarantine_check(NULL, put_cache("cut.cache", 1000), &e), RF_EDENIED);
	assert_non_null(strstr(e.text, "truncated"));
	assert_int_equal(quarantine_check(NULL, put_cache("huge.cache", UINT64_MAX), &e), RF_EDENIED);
	assert_non_null(strstr(e.text, "size_impossible"));
}

/* What each toolchain opens. */
static void test_kinds(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	const char *model = put_model("plain.onnx"), *text = put_file("notes.txt", SPAN("no model at all"), 0644);
	const char *plan = put_plan("engine.plan", 0), *forged = put_plan("forged.plan", 9);
	static const char *const names[] = { "onnxruntime", "tensorrt", "command" };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		const struct toolchain_kind *kind = toolchain_kind_find(span_of(names[i]));
		assert_ok(quarantine_check(kind, model, &e), &e);
		assert_ok(quarantine_check(kind, plan, &e), &e);
		assert_int_equal(quarantine_check(kind, forged, &e), RF_EDENIED);
		assert_int_equal(quarantine_check(kind, text, &e), i < 2 ? RF_EDENIED : 0);
	}
	assert_ok(quarantine_check(NULL, text, &e), &e);
	assert_int_equal(quarantine_check(NULL, in_folder("absent.onnx"), &e), RF_ENOTFOUND);
	assert_int_equal(quarantine_check(NULL, put_external("a.onnx", "/etc/passwd"), &e), RF_EDENIED);
}

/* A driver that cannot even be started shows that none was. */
static void test_doors(void **state)
{
	(void)state;
	struct toolchain t = stand_in("1.21.1", "1.21.1\n");
	const char *bad = put_external("bad.onnx", "../secret"), *good = put_model("good.onnx");
	t.driver = in_folder("no-such-program");
	for (int door = 0; door < 3; door++) {
		for (int hostile = 0; hostile < 2; hostile++) {
			struct err e = ERR_INIT;
			const char *model = hostile ? bad : good;
			struct toolchain_build request = { .source = model, .engine = in_folder("out.onnx"), .target = "x" };
			struct toolchain_built built = { 0 };
			struct toolchain_inspection inspection;
			struct toolchain_session_options options = { .engine = model, .limits = LIMITS };
			struct toolchain_session *session = NULL;
			int rc = door == 0   ? toolchain_build(&t, &request, &LIMITS, &arena, &built, &e)
				 : door == 1 ? toolchain_inspect(&t, model, &LIMITS, &arena, &inspection, &e)
					     : toolchain_session_open(&t, &options, &session, &e);
			assert_int_equal(rc == RF_EDENIED, hostile);
			assert_int_not_equal(rc, 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_caches, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_kinds, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_doors, folder_setup, folder_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
