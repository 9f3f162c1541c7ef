/* WWW-Authenticate as registries write it, and as they must not. */
#include "testing.h"

#include "network/http_challenge.h"

static const struct {
	const char *header;
	int rc;
	enum http_challenge_scheme scheme;
	const char *realm, *service, *scope;
} rows[] = {
	{ "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",scope=\"repository:a/b:pull\"", 0, HTTP_CHALLENGE_BEARER,
	  "https://auth.example/token", "registry.example", "repository:a/b:pull" },
	{ "bearer Realm = \"https://auth.example/token\" , SERVICE=x", 0, HTTP_CHALLENGE_BEARER, "https://auth.example/token", "x", "" },
	{ "Basic realm=\"Registry \\\"R\\\"\"", 0, HTTP_CHALLENGE_BASIC, "Registry \"R\"", "", "" },
	{ "Basic realm=\"r\", Bearer realm=\"https://a\",service=\"s\"", 0, HTTP_CHALLENGE_BEARER, "https://a", "s", "" },
	{ "Bearer realm=\"https://a\", Basic realm=\"r\"", 0, HTTP_CHALLENGE_BEARER, "https://a", "", "" },
	{ "Negotiate, Basic realm=\"r\"", 0, HTTP_CHALLENGE_BASIC, "r", "", "" },
	{ "Digest qop=\"auth\", nonce=\"x,y\"", 0, HTTP_CHALLENGE_NONE, "", "", "" },
	{ "Bearer error=\"invalid_token\", realm=\"https://a\"", 0, HTTP_CHALLENGE_BEARER, "https://a", "", "" },
	{ "", 0, HTTP_CHALLENGE_NONE, "", "", "" },
	{ "Bearer realm=\"https://a", RF_EFORMAT, 0, "", "", "" },
	{ "Bearer realm=\"a\x01\"", RF_EFORMAT, 0, "", "", "" },
	{ "=\"x\"", RF_EFORMAT, 0, "", "", "" },
	{ "\"Bearer\"", RF_EFORMAT, 0, "", "", "" },
};

static void reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct http_challenge c = { 0 };
		struct err err = ERR_INIT;
		int rc = http_challenge_read(span_of(rows[i].header), &c, &err);
		if (rc != rows[i].rc || (rc == 0 && (c.scheme != rows[i].scheme || strcmp(c.realm, rows[i].realm) || strcmp(c.service, rows[i].service) ||
						     strcmp(c.scope, rows[i].scope))))
			fail_msg("%s: %d, %d, \"%s\" \"%s\" \"%s\"", rows[i].header, rc, (int)c.scheme, c.realm, c.service, c.scope);
	}
}

static void too_long(void **state)
{
	(void)state;
	char text[2000];
	struct http_challenge c;
	memset(text, 'a', sizeof text);
	memcpy(text, "Bearer realm=\"", 14);
	text[sizeof text - 2] = '"';
	text[sizeof text - 1] = 0;
	assert_int_equal(http_challenge_read(span_of(text), &c, NULL), RF_ETOOBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(too_long) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
