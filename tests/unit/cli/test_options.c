/* options: what people type, and what they are told when it is wrong */
#include "testing.h"

#include "base/span.h"
#include "cli/cli.h"

static struct invocation in;
static struct err err;

static int read_words(const char *const *words)
{
	static char storage[20][256];
	static char *argv[21];
	int argc = 0;
	argv[argc++] = (char *)(uintptr_t) "reforge";
	for (; words[argc - 1]; argc++) {
		snprintf(storage[argc], sizeof storage[argc], "%s", words[argc - 1]);
		argv[argc] = storage[argc];
	}
	argv[argc] = NULL;
	err = ERR_INIT;
	return invocation_read(argc, argv, &in, &err);
}
#define READ(...) read_words((const char *const[]){ __VA_ARGS__, NULL })

static void good_lines(void **state)
{
	(void)state;
	assert_ok(READ("-C", "/x", "respond", "CVE-1", "--until", "plan", "CVE-2", "--json"), &err);
	assert_string_equal(in.command->name, "respond");
	assert_string_equal(in.workspace, "/x");
	assert_true(in.json);
	assert_int_equal(in.argument_count, 2);
	assert_string_equal(in.arguments[0], "CVE-1");
	assert_string_equal(in.arguments[1], "CVE-2");
	assert_string_equal(option_text(&in, "until", NULL), "plan");
	assert_false(option_flag(&in, "retry"));

	assert_ok(READ("scan", "--no-digest", "a", "b", "--threads=3", "-q"), &err);
	assert_true(option_flag(&in, "no-digest") && in.quiet);
	assert_int_equal(option(&in, "threads")->number, 3);

	assert_ok(READ("ledger", "show", "-n", "5"), &err);
	assert_string_equal(in.verb->name, "show");
	assert_int_equal(option(&in, "limit")->number, 5);

	/* behind "--" stand arguments, not nothing: a scan without a path is another command */
	assert_ok(READ("scan", "a", "--json", "--", "--not-an-option", "-x.plan"), &err);
	assert_int_equal(in.argument_count, 3);
	assert_string_equal(in.arguments[0], "a");
	assert_string_equal(in.arguments[1], "--not-an-option");
	assert_string_equal(in.arguments[2], "-x.plan");
	assert_null(in.wrapped);

	assert_ok(READ("--version"), &err);
	assert_string_equal(in.command->name, "version");
}

static void bad_lines_say_what_is_accepted(void **state)
{
	(void)state;
	static const struct { const char *words[6]; const char *says; } cases[] = {
		{ { "respnd" }, "did you mean 'respond'" },
		{ { "zzzzzz" }, "'reforge help' lists them" },
		{ { "respond" }, "too few arguments" },
		{ { "respond", "CVE-1", "--unti", "plan" }, "did you mean --until" },
		{ { "respond", "CVE-1", "--until", "later" }, "none of: confirm plan build prove publish" },
		{ { "respond", "CVE-1", "--until" }, "--until needs STEP" },
		{ { "respond", "CVE-1", "--retry=yes" }, "takes no value" },
		{ { "scan", "--threads", "many" }, "no whole number" },
		{ { "ledger" }, "needs a verb" },
		{ { "ledger", "burn" }, "has no verb 'burn'" },
		{ { "ledger", "verify", "extra" }, "too many arguments" },
		{ { "scan", "-xy" }, "one letter an option" },
		{ { "-C" }, "-C needs" },
		{ { "--what" }, "in front of a command" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		assert_int_equal(read_words(cases[i].words), RF_EUSAGE);
		if (!strstr(err.text, cases[i].says))
			fail_msg("case %zu: '%s' does not say '%s'", i, err.text, cases[i].says);
	}
}

static void every_row_is_whole(void **state)
{
	(void)state;
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct command *c = cli_commands[i];
		assert_true(c->name[0] && c->summary[0]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(c->name, cli_commands[k]->name);
		assert_non_null(c->verbs[0].name);
		for (const struct verb *v = c->verbs; v->name; v++) {
			assert_non_null(v->run);
			assert_true(v->summary[0] && v->least <= v->most);
			size_t count = 0;
			for (const struct option_row *o = v->options; o && o->name; o++, count++)
				assert_true((o->kind == OPTION_FLAG) == (o->argument == NULL) && o->help[0]);
			assert_true(count <= COMMAND_MAX_OPTIONS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines), cmocka_unit_test(bad_lines_say_what_is_accepted), cmocka_unit_test(every_row_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
