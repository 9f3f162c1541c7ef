/* err: what people read when something went wrong */
#include "testing.h"

#include "base/span.h"

#include <errno.h>

static void renders_place_and_rule(void **state)
{
	(void)state;
	static const struct {
		const char *file, *field;
		int64_t line, offset;
		const char *text, *expected;
	} cases[] = {
		{ "", "", 0, -1, "no such thing", "no such thing" },
		{ "a.plan", "", 0, 44, "section 1 ends at 99, the file at 40", "a.plan: section 1 ends at 99, the file at 40 (offset 44)" },
		{ "reforge.yaml", "services.voice.owner", 12, -1, "missing", "reforge.yaml:12: services.voice.owner: missing" },
		{ "new\nline \"quote\".onnx", "", 0, -1, "empty", "new\\nline \"quote\".onnx: empty" },
		{ "esc\x1b[2J", "", 0, -1, "empty", "esc\\x1b[2J: empty" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(err_set(&err, RF_EFORMAT, "%s", cases[i].text), RF_EFORMAT);
		if (cases[i].file[0])
			(void)err_in_file(&err, cases[i].file);
		if (cases[i].field[0])
			(void)err_in_field(&err, "%s", cases[i].field);
		if (cases[i].line)
			(void)err_at_line(&err, (uint64_t)cases[i].line);
		if (cases[i].offset >= 0)
			(void)err_at_offset(&err, (uint64_t)cases[i].offset);
		char text[2048];
		assert_string_equal(err_render(&err, text, sizeof text), cases[i].expected);
	}
}

static void the_innermost_place_is_kept(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	(void)err_set(&err, RF_EIO, "cannot read");
	(void)err_in_file(&err, "inner");
	(void)err_in_file(&err, "outer");
	assert_string_equal(err.file, "inner");
	(void)err_prefix(&err, "recipe %s: ", "alexa");
	assert_string_equal(err.text, "recipe alexa: cannot read");
	(void)err_set(&err, RF_EIO, "again: %s", err.text);
	assert_string_equal(err.text, "again: recipe alexa: cannot read");
	assert_string_equal(err.file, "");
}

static void long_texts_keep_head_and_tail(void **state)
{
	(void)state;
	char path[2000];
	memset(path, 'x', sizeof path);
	memcpy(path, "/head", 5);
	memcpy(path + sizeof path - 6, "/tail", 6);
	struct err err = ERR_INIT;
	(void)err_set(&err, RF_EIO, "%s", path);
	(void)err_in_file(&err, path);
	assert_true(strlen(err.file) < sizeof err.file);
	assert_non_null(strstr(err.file, "/head"));
	assert_non_null(strstr(err.file, "..."));
	assert_non_null(strstr(err.file, "/tail"));
}

static void errno_gives_the_code_people_act_on(void **state)
{
	(void)state;
	static const struct { int number, code; } cases[] = {
		{ ENOSPC, RF_EFULL }, { EACCES, RF_EPERM }, { ENOENT, RF_ENOTFOUND }, { EEXIST, RF_EEXISTS }, { EIO, RF_EIO }, { EROFS, RF_EPERM },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(err_set_errno(&err, cases[i].number, "write"), cases[i].code);
		assert_non_null(strstr(err.text, strerror(cases[i].number)));
		assert_int_equal(err_set_errno(NULL, cases[i].number, "write"), cases[i].code);
	}
}

static void exit_status_follows_the_contract(void **state)
{
	(void)state;
	assert_int_equal(rf_error_exit_status(0), 0);
	assert_int_equal(rf_error_exit_status(RF_EDENIED), 1);
	assert_int_equal(rf_error_exit_status(RF_ECONFLICT), 3);
	assert_int_equal(rf_error_exit_status(RF_EIO), 2);
	assert_int_equal(rf_error_exit_status(-999), 2);
	assert_string_equal(rf_error_name(RF_EFULL), "RF_EFULL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_place_and_rule),
		cmocka_unit_test(the_innermost_place_is_kept),
		cmocka_unit_test(long_texts_keep_head_and_tail),
		cmocka_unit_test(errno_gives_the_code_people_act_on),
		cmocka_unit_test(exit_status_follows_the_contract),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
