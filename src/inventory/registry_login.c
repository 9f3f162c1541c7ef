/* Logins in a Docker config.json. See registry.h. */
#include "inventory/registry.h"

#include "crypto/sign.h"
#include "format/json.h"

/* "https://index.docker.io/v1/" and "docker.io" are one; a scheme, an API version and a last '/' say nothing. */
static struct span plain_key(struct span key)
{
	if (span_starts(key, "https://") || span_starts(key, "http://"))
		key = span_from(key, span_find(key, SPAN("://")) + 3);
	while (span_ends(key, "/"))
		key.n--;
	if (span_ends(key, "/v1") || span_ends(key, "/v2"))
		key.n -= 3;
	if (span_eq_text(key, "index.docker.io") || span_eq_text(key, "registry-1.docker.io"))
		return SPAN(IMAGE_DOCKER_HUB);
	return key;
}

/* How much of host and repository the key covers; 0: it is another's. */
static size_t covers(struct span key, struct span host, struct span repository)
{
	key = plain_key(key);
	if (span_eq_nocase(key, host))
		return key.n;
	struct span folder = span_from(key, host.n + 1);
	if (key.n <= host.n + 1 || !span_eq_nocase(span_sub(key, 0, host.n), host) || key.p[host.n] != '/')
		return 0;
	bool fits = repository.n >= folder.n && span_eq(span_sub(repository, 0, folder.n), folder) &&
		    (repository.n == folder.n || repository.p[folder.n] == '/');
	return fits ? key.n : 0;
}

static int keep(char *to, size_t size, struct span s, const char *what, struct err *err)
{
	if (s.n >= size)
		return err_set(err, RF_ETOOBIG, "a %s of %zu bytes or more", what, size);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
			return err_set(err, RF_EFORMAT, "a %s with control characters", what);
	if (s.n)
		memcpy(to, s.p, s.n);
	to[s.n] = '\0';
	return 0;
}

static int entry_read(struct json v, struct registry_login *ret, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(2 * REGISTRY_MAX_SECRET);
	struct span user = json_string(json_get(v, "username")), password = json_string(json_get(v, "password"));
	struct span packed = json_string(json_get(v, "auth"));
	if (packed.n) {
		if (base64_read(packed, &text, NULL) < 0)
			return err_set(err, RF_EFORMAT, "its auth is no base64 of user:password");
		size_t colon = span_find_byte(str_span(&text), ':');
		if (colon == SIZE_MAX)
			return err_set(err, RF_EFORMAT, "its auth is no base64 of user:password");
		user = span_sub(str_span(&text), 0, colon);
		password = span_from(str_span(&text), colon + 1);
		while (password.n && password.p[password.n - 1] == '\0') /* some writers pad */
			password.n--;
	}
	if (json_string(json_get(v, "identitytoken")).n)
		return err_set(err, RF_EUNSUPPORTED, "its login is an identity token, which is not read: make one of user and password");
	if (!user.n)
		return err_set(err, RF_ENOTFOUND, "no user and password");
	int rc = keep(ret->user, sizeof ret->user, user, "user name", err);
	return rc ? rc : keep(ret->password, sizeof ret->password, password, "password", err);
}

int registry_login_read(struct span bytes, struct span host, struct span repository, struct registry_login *ret, struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root, best = { 0 };
	size_t covered = 0;
	if (!doc)
		return err_set(err, RF_ENOMEM, "credentials");
	int rc = json_parse(doc, bytes, &root, err);
	if (rc) /* never with the text */
		return err_set(err, RF_EFORMAT, "is no JSON: a Docker config.json is wanted");
	for (struct json_each it = json_each(json_get(root, "auths")); json_next(&it);) {
		size_t n = covers(it.key, host, repository);
		if (n > covered) {
			covered = n;
			best = it.value;
		}
	}
	*ret = (struct registry_login){ .user = "" };
	if (covered && (rc = entry_read(best, ret, err)) != RF_ENOTFOUND)
		return rc;
	bool helper = json_string(json_get(root, "credsStore")).n > 0;
	for (struct json_each it = json_each(json_get(root, "credHelpers")); json_next(&it);)
		helper = helper || covers(it.key, host, repository);
	if (helper)
		return err_set(err, RF_EUNSUPPORTED, "a credential helper holds the login for %.*s; helpers are not run: set "
						     "REFORGE_REGISTRY_USER and REFORGE_REGISTRY_PASSWORD", SPAN_ARG(host));
	return err_set(err, RF_ENOTFOUND, "no login for %.*s", SPAN_ARG(host));
}
