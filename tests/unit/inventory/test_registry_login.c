/* Logins in a Docker config.json: which entry is whose, what cannot be used, and that no text of it gets into an error. */
#include "testing.h"

#include "inventory/registry.h"

/* base64 of "u:p", "robot$x:a:b", "long:secret" */
#define UP "dTpw"
#define ROBOT "cm9ib3QkeDphOmI="

static const struct {
	const char *what, *json, *host, *repository;
	int rc;
	const char *user, *password;
} rows[] = {
	{ "a host", "{\"auths\":{\"registry.example\":{\"auth\":\"" UP "\"}}}", "registry.example", "a/b", 0, "u", "p" },
	{ "a colon in the password", "{\"auths\":{\"registry.example:5000\":{\"auth\":\"" ROBOT "\"}}}", "registry.example:5000", "a", 0, "robot$x", "a:b" },
	{ "user and password in words", "{\"auths\":{\"registry.example\":{\"username\":\"u\",\"password\":\"p\"}}}", "registry.example", "a", 0, "u", "p" },
	{ "Docker Hub's key", "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"" UP "\"}}}", "docker.io", "library/ubuntu", 0, "u", "p" },
	{ "an address for a key", "{\"auths\":{\"https://registry.example/v2/\":{\"auth\":\"" UP "\"}}}", "registry.example", "a", 0, "u", "p" },
	{ "the longest folder", "{\"auths\":{\"registry.example\":{\"auth\":\"" ROBOT "\"},\"registry.example/site\":{\"auth\":\"" UP "\"}}}", "registry.example",
	  "site/app", 0, "u", "p" },
	{ "a folder is no prefix of a name", "{\"auths\":{\"registry.example/si\":{\"auth\":\"" UP "\"}}}", "registry.example", "site/app", RF_ENOTFOUND, "", "" },
	{ "another port", "{\"auths\":{\"registry.example\":{\"auth\":\"" UP "\"}}}", "registry.example:5000", "a", RF_ENOTFOUND, "", "" },
	{ "another host with the same end", "{\"auths\":{\"evil-registry.example\":{\"auth\":\"" UP "\"}}}", "registry.example", "a", RF_ENOTFOUND, "", "" },
	{ "another host with the same start", "{\"auths\":{\"registry.example\":{\"auth\":\"" UP "\"}}}", "registry.example.org", "a", RF_ENOTFOUND, "", "" },
	{ "nothing", "{}", "registry.example", "a", RF_ENOTFOUND, "", "" },
	{ "no entries", "{\"auths\":[]}", "registry.example", "a", RF_ENOTFOUND, "", "" },
	{ "a store of credentials", "{\"auths\":{\"registry.example\":{}},\"credsStore\":\"desktop\"}", "registry.example", "a", RF_EUNSUPPORTED, "", "" },
	{ "a helper for another host", "{\"credHelpers\":{\"other.example\":\"x\"}}", "registry.example", "a", RF_ENOTFOUND, "", "" },
	{ "a helper", "{\"credHelpers\":{\"registry.example\":\"x\"}}", "registry.example", "a", RF_EUNSUPPORTED, "", "" },
	{ "an identity token", "{\"auths\":{\"registry.example\":{\"auth\":\"" UP "\",\"identitytoken\":\"secret\"}}}", "registry.example", "a", RF_EUNSUPPORTED, "", "" },
	{ "no base64", "{\"auths\":{\"registry.example\":{\"auth\":\"?secret?\"}}}", "registry.example", "a", RF_EFORMAT, "", "" },
	{ "base64 of no pair", "{\"auths\":{\"registry.example\":{\"auth\":\"c2VjcmV0\"}}}", "registry.example", "a", RF_EFORMAT, "", "" },
	{ "a line break in a user", "{\"auths\":{\"registry.example\":{\"username\":\"a\\r\\nX-Evil: secret\",\"password\":\"p\"}}}", "registry.example", "a", RF_EFORMAT,
	  "", "" },
	{ "no JSON", "{\"auths\": secret", "registry.example", "a", RF_EFORMAT, "", "" },
};

static void reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct registry_login login = { .user = "" };
		struct err err = ERR_INIT;
		char text[2048];
		int rc = registry_login_read(span_of(rows[i].json), span_of(rows[i].host), span_of(rows[i].repository), &login, &err);
		if (rc != rows[i].rc || (rc == 0 && (strcmp(login.user, rows[i].user) || strcmp(login.password, rows[i].password))))
			fail_msg("%s: %s, \"%s\" \"%s\", %s", rows[i].what, rf_error_name(rc), login.user, login.password, err.text);
		assert_null(strstr(err_render(&err, text, sizeof text), "secret"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
