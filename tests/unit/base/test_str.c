/* str: limits, escaping for terminals and HTML, hex */
#include "testing.h"

#include "base/str.h"

static void the_limit_is_an_error_never_a_cut(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(10);
	str_add_text(&s, "12345");
	str_add_text(&s, "678901");
	struct err err = ERR_INIT;
	assert_int_equal(str_check(&s, "report", &err), RF_ETOOBIG);
	assert_string_equal(str_text(&s), "12345");
	str_reset(&s);
	str_addf(&s, "%s", "1234567890");
	assert_int_equal(str_check(&s, "report", &err), 0);
	assert_int_equal(s.n, 10);
}

static void long_formats_are_whole(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(4 * KIB);
	str_addf(&s, "%01000d|", 7);
	assert_int_equal(s.n, 1001);
	assert_int_equal(s.p[1000], '|');
}

static void visible(void **state)
{
	(void)state;
	static const struct { const char *in; size_t n; const char *out; } cases[] = {
		{ "plain", 5, "plain" }, { "a\nb\tc", 5, "a\\nb\\tc" }, { "\x1b[31m", 5, "\\x1b[31m" }, { "\xff", 1, "\\xff" },
		{ "\xe6\xbc\x8f", 3, "\xe6\xbc\x8f" }, { "\xe2\x80\xae" "x", 4, "\\u{202e}x" }, { "a\0b", 3, "a\\x00b" }, { "\xc2\x9b", 2, "\\x9b" },
		{ "\xd8\x9c" "a", 3, "\\u{061c}a" },
		/* what a CI would take for a command, and what it would not */
		{ "::error::x", 10, "\\x3a:error::x" }, { "  ::add-mask::", 14, "  \\x3a:add-mask::" }, { "a::error::x", 11, "a::error::x" },
		{ "::1", 3, "::1" }, { "::", 2, "::" }, { ":", 1, ":" }, { "[::]:443", 8, "[::]:443" },
		{ "a##[error]x", 11, "a#\\x23[error]x" }, { "##vso[task.x]", 13, "#\\x23vso[task.x]" }, { "###[x", 5, "##\\x23[x" },
		{ "## [1.2]", 8, "## [1.2]" }, { "a#[b", 4, "a#[b" }, { "##", 2, "##" }, { "##Title", 7, "##Title" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(str) s = STR_INIT(1 * KIB);
		str_add_visible(&s, span_bytes(cases[i].in, cases[i].n));
		assert_string_equal(str_text(&s), cases[i].out);
	}
}

static void html(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(1 * KIB);
	str_add_html(&s, SPAN("<a href=\"x\">'&'</a>\x01"));
	assert_string_equal(str_text(&s), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;\xef\xbf\xbd");
}

static void hex_and_sizes(void **state)
{
	(void)state;
	unsigned char b[3];
	assert_true(hex_read(SPAN("0aFf10"), b, 3) && b[0] == 10 && b[1] == 255 && b[2] == 16);
	assert_false(hex_read(SPAN("0aFf1"), b, 3));
	assert_false(hex_read(SPAN("0aFf1g"), b, 3));
	RF_AUTO(str) s = STR_INIT(64);
	str_add_hex(&s, b, 3);
	assert_string_equal(str_text(&s), "0aff10");
	char t[32];
	assert_string_equal(text_bytes(512, t), "512 B");
	assert_string_equal(text_bytes(1536, t), "1.5 KiB");
	assert_string_equal(text_bytes(UINT64_MAX, t), "16.0 EiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_is_an_error_never_a_cut), cmocka_unit_test(long_formats_are_whole), cmocka_unit_test(visible),
		cmocka_unit_test(html), cmocka_unit_test(hex_and_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
