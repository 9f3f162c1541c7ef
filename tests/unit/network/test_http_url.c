/* Addresses: RFC 3986, section 5.4, and what must not be shown or accepted. */
#include "testing.h"

#include "network/http_client.h"

static const struct {
	const char *base, *reference, *expected; /* NULL: refused */
} JOINS[] = {
	{ "http://a/b/c/d;p?q", "g", "http://a/b/c/g" },
	{ "http://a/b/c/d;p?q", "./g", "http://a/b/c/g" },
	{ "http://a/b/c/d;p?q", "g/", "http://a/b/c/g/" },
	{ "http://a/b/c/d;p?q", "/g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "//g", "http://g" },
	{ "http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y" },
	{ "http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y" },
	{ "http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q" },
	{ "http://a/b/c/d;p?q", ".", "http://a/b/c/" },
	{ "http://a/b/c/d;p?q", "..", "http://a/b/" },
	{ "http://a/b/c/d;p?q", "../g", "http://a/b/g" },
	{ "http://a/b/c/d;p?q", "../../../g", "http://a/g" },
	{ "http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y" },
	{ "http://a", "g", "http://a/g" },
	{ "https://h:8443/x/", "https://other/y", "https://other/y" },
	{ "https://h/x", "file:///etc/passwd", NULL },
	{ "https://h/x", "javascript:alert(1)", NULL },
	{ "https://h/x", "a b", NULL },
	{ "https://h/x", "a\nHost: b", NULL },
	{ "ftp://h/x", "y", NULL },
};

static void joins(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(JOINS); i++) {
		char result[HTTP_MAX_URL] = "";
		int rc = http_url_join(JOINS[i].base, span_of(JOINS[i].reference), result, sizeof result, NULL);
		if (JOINS[i].expected ? rc || strcmp(result, JOINS[i].expected) != 0 : rc != RF_EINVALID)
			fail_msg("%s against %s: %d \"%s\"", JOINS[i].reference, JOINS[i].base, rc, result);
	}
}

static void secrets_are_not_shown(void **state)
{
	char text[512];
	(void)state;
	assert_string_equal(http_url_visible("https://me:hunter2@h:1/p?token=abc#f", text, sizeof text), "https://h:1/p?…");
	assert_string_equal(http_url_visible("https://h/p", text, sizeof text), "https://h/p");
	assert_string_equal(http_url_visible("hunter2", text, sizeof text), "(no address)");
	assert_string_equal(http_url_visible("http://a@b@h/", text, sizeof text), "http://h/");
}

static void accepted(void **state)
{
	(void)state;
	static const char *const good[] = { "http://h", "HTTPS://h/x", "http://[::1]:80/", "http://u@h" };
	static const char *const bad[] = { "", "h", "http://", "http:///x", "http://:80", "ftp://h", "http://h/a b", "http://h\\@i/" };
	for (size_t i = 0; i < RF_COUNT(good); i++)
		assert_true(http_url_is_valid(good[i]));
	for (size_t i = 0; i < RF_COUNT(bad); i++)
		assert_false(http_url_is_valid(bad[i]));
}

static void queries(void **state)
{
	RF_AUTO(str) s = STR_INIT(100);
	(void)state;
	http_query_add(&s, SPAN("cpe:2.3:a:x/y~_ \xc3\xa9"));
	assert_string_equal(str_text(&s), "cpe%3A2.3%3Aa%3Ax%2Fy~_%20%C3%A9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins),
		cmocka_unit_test(secrets_are_not_shown),
		cmocka_unit_test(accepted),
		cmocka_unit_test(queries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
