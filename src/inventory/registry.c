/* A registry's client. Specs: OCI distribution-spec 1.1; distribution's "Token Authentication Specification". */
#include "inventory/registry.h"

#include "base/fs.h"
#include "crypto/sign.h"
#include "format/json.h"
#include "network/http_challenge.h"
#include "network/http_client.h"

#define USER_VARIABLE "REFORGE_REGISTRY_USER"
#define PASSWORD_VARIABLE "REFORGE_REGISTRY_PASSWORD"
#define DOCUMENT_USEC (60 * USEC_PER_SEC)
#define BLOB_USEC (6 * 3600 * USEC_PER_SEC)
#define MANIFEST_BYTES (8 * MIB)
#define TOKEN_BYTES (64 * KIB)
#define ATTEMPTS 3
#define ACCEPT                                                                                             \
	"application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "             \
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"

struct registry {
	struct http_client *client;
	char base[IMAGE_REFERENCE_MAX * 2];   /* "https://host/v2/site/app/" */
	char scope[IMAGE_REFERENCE_MAX];      /* "repository:site/app:pull" */
	char host[IMAGE_REFERENCE_MAX];
	bool https;
	struct registry_login login;
	struct str authorization; /* the header's value; empty: none yet */
};

struct registry_settings registry_defaults(struct span host)
{
	return (struct registry_settings){ .plain_http = image_registry_is_loopback(host) };
}

/* ── Login ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int login_file(struct registry *r, const struct image_reference *ref, const char *path, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(4 * MIB);
	char repository[IMAGE_REFERENCE_MAX];
	(void)snprintf(repository, sizeof repository, "%.*s%s%.*s", SPAN_ARG(ref->folder), ref->folder.n ? "/" : "",
		       SPAN_ARG(ref->repository));
	int rc = fs_read(path, &bytes, err);
	if (rc == 0)
		rc = registry_login_read(str_span(&bytes), ref->registry, span_of(repository), &r->login, err);
	if (bytes.p)
		explicit_bzero(bytes.p, bytes.n);
	return rc && err ? err_in_file(err, path) : rc;
}

/* The first of the usual places that is there. False: none. */
static bool usual_file(char *path, size_t size)
{
	const char *file = getenv("REGISTRY_AUTH_FILE"), *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
	if (file && file[0])
		return snprintf(path, size, "%s", file) < (int)size && fs_exists(path);
	if (folder && folder[0])
		return snprintf(path, size, "%s/config.json", folder) < (int)size && fs_exists(path);
	return home && home[0] && snprintf(path, size, "%s/.docker/config.json", home) < (int)size && fs_exists(path);
}

static int login_find(struct registry *r, const struct image_reference *ref, const struct registry_settings *s, struct err *err)
{
	char path[FS_PATH_MAX];
	struct err own = ERR_INIT;
	const char *user = getenv(USER_VARIABLE), *password = getenv(PASSWORD_VARIABLE);
	if (user && user[0]) {
		bool fits = snprintf(r->login.user, sizeof r->login.user, "%s", user) < (int)sizeof r->login.user &&
			    snprintf(r->login.password, sizeof r->login.password, "%s", password ? password : "") <
				    (int)sizeof r->login.password;
		return fits ? 0 : err_set(err, RF_ETOOBIG, USER_VARIABLE " or " PASSWORD_VARIABLE " is too long");
	}
	if (!s->credentials && !usual_file(path, sizeof path))
		return 0;
	int rc = login_file(r, ref, s->credentials ? s->credentials : path, &own);
	/* what a login in the usual place lacks may not be needed: told when the registry asks for one */
	if (rc == RF_ENOTFOUND || (rc == RF_EUNSUPPORTED && !s->credentials))
		return 0;
	if (rc && err)
		*err = own;
	return rc;
}

static void basic(struct registry *r)
{
	RF_AUTO(str) pair = STR_INIT(sizeof r->login + 1);
	str_addf(&pair, "%s:%s", r->login.user, r->login.password);
	str_reset(&r->authorization);
	str_add_text(&r->authorization, "Basic ");
	base64_write(str_span(&pair), &r->authorization);
	if (pair.p)
		explicit_bzero(pair.p, pair.n);
}

/* ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────── */

int registry_open(const struct image_reference *ref, const struct registry_settings *given, struct registry **ret, struct err *err)
{
	struct registry_settings s = given ? *given : registry_defaults(ref->registry);
	struct registry *r = rf_alloc(sizeof *r);
	if (!r)
		return err_set(err, RF_ENOMEM, "a registry's client");
	struct span host = span_eq_text(ref->registry, IMAGE_DOCKER_HUB) ? SPAN("registry-1.docker.io") : ref->registry;
	r->authorization = STR_INIT(TOKEN_BYTES);
	r->https = !s.plain_http;
	(void)snprintf(r->host, sizeof r->host, "%.*s", SPAN_ARG(ref->registry));
	(void)snprintf(r->base, sizeof r->base, "http%s://%.*s/v2/%.*s%s%.*s/", r->https ? "s" : "", SPAN_ARG(host), SPAN_ARG(ref->folder),
		       ref->folder.n ? "/" : "", SPAN_ARG(ref->repository));
	(void)snprintf(r->scope, sizeof r->scope, "repository:%.*s%s%.*s:pull", SPAN_ARG(ref->folder), ref->folder.n ? "/" : "",
		       SPAN_ARG(ref->repository));
	struct http_settings http = { .proxy = s.proxy, .ca_file = s.ca_file };
	int rc = http_client_new(&http, &r->client, err);
	if (rc == 0)
		rc = login_find(r, ref, &s, err);
	if (rc) {
		registry_close(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	http_client_free(r->client);
	if (r->authorization.p)
		explicit_bzero(r->authorization.p, r->authorization.capacity);
	str_release(&r->authorization);
	explicit_bzero(&r->login, sizeof r->login);
	rf_free(r);
}

/* The address that gives tokens: asked for pulling this repository and no more. */
static int token_address(struct registry *r, const struct http_challenge *c, struct str *url, struct err *err)
{
	if (!http_url_is_valid(c->realm))
		return err_set(err, RF_EFORMAT, "%s names no address that gives tokens", r->host);
	/* over plain http the login could be read on its way: only a registry that is spoken to so may send it there */
	if (r->https && !span_starts_nocase(span_of(c->realm), "https://"))
		return err_set(err, RF_EINVALID, "%s wants its tokens fetched over plain http: refused", r->host);
	str_add_text(url, c->realm);
	str_add_text(url, strchr(c->realm, '?') ? "&" : "?");
	if (c->service[0]) {
		str_add_text(url, "service=");
		http_query_add(url, span_of(c->service));
		str_add_byte(url, '&');
	}
	str_add_text(url, "scope=");
	http_query_add(url, span_of(r->scope));
	return str_check(url, "the address that gives tokens", err);
}

static int token_take(struct registry *r, struct span body, struct err *err)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	if (!doc)
		return err_set(err, RF_ENOMEM, "a token");
	if (json_parse(doc, body, &root, NULL) < 0)
		return err_set(err, RF_EFORMAT, "what gives tokens for %s does not answer with JSON", r->host);
	struct span token = json_string(json_get(root, "token"));
	if (!token.n)
		token = json_string(json_get(root, "access_token"));
	for (size_t i = 0; i < token.n; i++)
		if ((unsigned char)token.p[i] <= ' ' || (unsigned char)token.p[i] > 126)
			token.n = 0;
	if (!token.n)
		return err_set(err, RF_EFORMAT, "what gives tokens for %s answers with none", r->host);
	str_reset(&r->authorization);
	str_addf(&r->authorization, "Bearer %.*s", SPAN_ARG(token));
	return str_check(&r->authorization, "a token", err);
}

static int token_fetch(struct registry *r, const struct http_challenge *c, struct err *err)
{
	RF_AUTO(str) url = STR_INIT(HTTP_MAX_URL - 1);
	RF_AUTO(str) body = STR_INIT(TOKEN_BYTES);
	int rc = token_address(r, c, &url, err);
	if (rc)
		return rc;
	str_reset(&r->authorization);
	if (r->login.user[0])
		basic(r);
	struct http_header login = { "Authorization", str_text(&r->authorization), true };
	struct http_request q = { .url = str_text(&url), .headers = &login, .header_count = r->login.user[0] ? 1 : 0,
				  .deadline_usec = DOCUMENT_USEC, .max_bytes = TOKEN_BYTES, .retry = { .attempts = ATTEMPTS }, .body = &body };
	struct http_response *answer = rf_alloc(sizeof *answer);
	rc = answer ? http_get(r->client, &q, answer, err) : err_set(err, RF_ENOMEM, "a token");
	rf_free(answer);
	if (rc == RF_EPERM)
		return err_prefix(err, "the login for %s %s: ", r->host, r->login.user[0] ? "is refused" : "is missing");
	if (rc == 0)
		rc = token_take(r, str_span(&body), err);
	if (body.p)
		explicit_bzero(body.p, body.capacity);
	return rc;
}

/* What a 401 asks for. @err: what it said, replaced when there is more to say. */
static int authorize(struct registry *r, const char *header, struct err *err)
{
	struct http_challenge *c = rf_alloc(sizeof *c);
	if (!c)
		return err_set(err, RF_ENOMEM, "a registry's challenge");
	int rc = http_challenge_read(span_of(header), c, err);
	if (rc == 0 && c->scheme == HTTP_CHALLENGE_BEARER) {
		rc = token_fetch(r, c, err);
	} else if (rc == 0 && c->scheme == HTTP_CHALLENGE_BASIC && r->login.user[0]) {
		basic(r);
		rc = str_check(&r->authorization, "a login", err);
	} else if (rc == 0) {
		rc = err_set(err, RF_EPERM,
			     c->scheme == HTTP_CHALLENGE_BASIC
				     ? "%s wants a login: `docker login` there, or set " USER_VARIABLE " and " PASSWORD_VARIABLE
				     : "%s answers 401 and does not say how to log in",
			     r->host);
	}
	rf_free(c);
	return rc;
}

/* One GET below the repository; a 401 is answered once, an expired token too. */
static int get(struct registry *r, const char *path, struct http_request *q, struct http_response *answer, struct err *err)
{
	RF_AUTO(str) url = STR_INIT(HTTP_MAX_URL - 1);
	struct http_header headers[2] = { { "Accept", ACCEPT, false } };
	str_addf(&url, "%s%s", r->base, path);
	int rc = str_check(&url, "an address", err);
	q->url = str_text(&url);
	q->headers = headers;
	for (int tries = 0; rc == 0; tries++) {
		headers[1] = (struct http_header){ "Authorization", str_text(&r->authorization), true };
		q->header_count = r->authorization.n ? 2 : 1;
		rc = http_get(r->client, q, answer, err);
		if (rc != RF_EPERM || answer->status != 401 || tries)
			return rc;
		rc = authorize(r, answer->authenticate, err);
	}
	return rc;
}

int registry_manifest(struct registry *r, struct span version, struct str *ret, char *media_type, struct err *err)
{
	char path[256];
	struct http_request q = { .deadline_usec = DOCUMENT_USEC, .max_bytes = MANIFEST_BYTES, .retry = { .attempts = ATTEMPTS }, .body = ret };
	struct http_response *answer = rf_alloc(sizeof *answer);
	if (!answer)
		return err_set(err, RF_ENOMEM, "a manifest");
	(void)snprintf(path, sizeof path, "manifests/%.*s", SPAN_ARG(version));
	int rc = get(r, path, &q, answer, err);
	if (rc == 0)
		(void)snprintf(media_type, REGISTRY_MEDIA_TYPE, "%s", answer->content_type);
	rf_free(answer);
	return rc;
}

struct blob {
	int (*sink)(struct span piece, void *data);
	void *data;
	uint64_t bytes;
};

static int on_piece(struct span piece, void *data)
{
	struct blob *b = data;
	b->bytes += piece.n;
	return b->sink(piece, b->data);
}

int registry_blob(struct registry *r, struct span digest, uint64_t max_bytes, int (*sink)(struct span piece, void *data), void *data,
		  struct err *err)
{
	char path[256];
	struct blob b = { sink, data, 0 };
	struct http_request q = { .deadline_usec = BLOB_USEC, .max_bytes = (size_t)max_bytes + 1, .sink = on_piece, .data = &b,
				  .as_stored = true };
	struct http_response *answer = rf_alloc(sizeof *answer);
	if (!answer)
		return err_set(err, RF_ENOMEM, "a blob");
	(void)snprintf(path, sizeof path, "blobs/%.*s", SPAN_ARG(digest));
	int rc = 0;
	for (unsigned n = 1; n <= ATTEMPTS; n++) {
		rc = get(r, path, &q, answer, err);
		bool again = rc == RF_EIO || rc == RF_EBUSY || rc == RF_ETRUNCATED || rc == RF_ETIMEOUT;
		if (!again || b.bytes || n == ATTEMPTS)
			break;
		int stopped = http_wait((int64_t)n * USEC_PER_SEC, err);
		if (stopped) {
			rc = stopped;
			break;
		}
	}
	rf_free(answer);
	return rc;
}
