/*
 * The client against a server of our own (tests/support/http_faults.py): conditional requests, gzip, limits, retries,
 * redirects, secrets.
 */
#include "testing.h"

#include "network/http_client.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t server;
static char origin[64];
static struct http_client *client;

/* The server prints its port on its first line. */
static int begin(void **state)
{
	int out[2];
	(void)state;
	if (pipe2(out, O_CLOEXEC))
		return -1;
	server = fork();
	if (server == 0) {
		dup2(out[1], 1);
		execlp("python3", "python3", "tests/support/http_faults.py", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	char port[16] = "";
	ssize_t n = read(out[0], port, sizeof port - 1);
	close(out[0]);
	uint64_t number;
	if (n <= 0 || !span_u64(span_trim(span_bytes(port, (size_t)n)), &number))
		return -1;
	snprintf(origin, sizeof origin, "http://127.0.0.1:%llu", (unsigned long long)number);
	struct err err = ERR_INIT;
	return http_client_new(&(struct http_settings){ 0 }, &client, &err);
}

static int end(void **state)
{
	(void)state;
	http_client_freep(&client);
	if (server > 0) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	return 0;
}

struct answer {
	struct http_response response;
	struct str body;
	struct err err;
	int rc;
};

static void get(struct answer *a, const char *path, struct http_request q)
{
	char url[256];
	snprintf(url, sizeof url, "%s%s", origin, path);
	*a = (struct answer){ .body = STR_INIT(1 * MIB), .err = ERR_INIT };
	q.url = url;
	q.body = &a->body;
	q.deadline_usec = q.deadline_usec ? q.deadline_usec : 10 * USEC_PER_SEC;
	q.max_bytes = q.max_bytes ? q.max_bytes : 1 * MIB;
	if (q.retry.attempts)
		q.retry.first_usec = 10 * USEC_PER_MS;
	a->rc = http_get(client, &q, &a->response, &a->err);
}

static void plain_and_gzip(void **state)
{
	struct answer a;
	(void)state;
	get(&a, "/plain", (struct http_request){ 0 });
	assert_ok(a.rc, &a.err);
	assert_string_equal(str_text(&a.body), "hello");
	assert_int_equal(a.response.requests, 1);
	str_release(&a.body);
	get(&a, "/gzip", (struct http_request){ 0 });
	assert_ok(a.rc, &a.err);
	assert_int_equal(a.body.n, 50000);
	str_release(&a.body);
	/* the limit is of what comes out, not of what is sent */
	get(&a, "/gzip", (struct http_request){ .max_bytes = 40000 });
	assert_int_equal(a.rc, RF_ETOOBIG);
	str_release(&a.body);
}

static void conditional(void **state)
{
	struct answer a, b;
	(void)state;
	get(&a, "/etag", (struct http_request){ 0 });
	assert_ok(a.rc, &a.err);
	assert_string_equal(a.response.etag, "\"v1\"");
	get(&b, "/etag", (struct http_request){ .etag = a.response.etag, .last_modified = a.response.last_modified });
	assert_ok(b.rc, &b.err);
	assert_int_equal(b.response.status, 304);
	assert_int_equal(b.body.n, 0);
	str_release(&a.body);
	str_release(&b.body);
}

static const struct {
	const char *path;
	unsigned attempts;
	bool forbidden_too;
	int rc;
	unsigned requests;
} FAULTS[] = {
	{ "/fail/503/2", 4, false, 0, 3 },         { "/fail/503/9", 3, false, RF_EBUSY, 3 },
	{ "/fail/429/1", 2, false, 0, 2 },         { "/fail/403/1", 4, false, RF_EPERM, 1 },
	{ "/fail/403b/1", 4, true, 0, 2 },         { "/fail/404/9", 4, false, RF_ENOTFOUND, 1 },
	{ "/fail/500/1", 4, false, 0, 2 },         { "/fail/cut/2", 4, false, 0, 3 },
	{ "/fail/cut/9", 2, false, RF_ETRUNCATED, 2 }, { "/fail/drop/1", 3, false, 0, 2 },
	{ "/fail/after/1", 2, false, 0, 2 },
};

static void retries(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(FAULTS); i++) {
		struct answer a;
		get(&a, FAULTS[i].path, (struct http_request){ .retry = { .attempts = FAULTS[i].attempts, .forbidden_too = FAULTS[i].forbidden_too } });
		if (a.rc != FAULTS[i].rc || a.response.requests != FAULTS[i].requests || (!a.rc && strcmp(str_text(&a.body), "recovered") != 0))
			fail_msg("%s: %d after %u requests: \"%s\" (%s)", FAULTS[i].path, a.rc, a.response.requests, str_text(&a.body), a.err.text);
		str_release(&a.body);
	}
}

static void retry_after_is_kept(void **state)
{
	struct answer a;
	(void)state;
	mono_t before = mono_usec();
	get(&a, "/fail/after1s/1", (struct http_request){ .retry = { .attempts = 2 } });
	assert_ok(a.rc, &a.err);
	assert_true(mono_usec() - before >= USEC_PER_SEC);
	str_release(&a.body);
	/* longer than we are ready to wait: told at once, with how long */
	get(&a, "/fail/after1s-2/1", (struct http_request){ .retry = { .attempts = 2, .most_usec = 100 * USEC_PER_MS } });
	assert_int_equal(a.rc, RF_EBUSY);
	assert_int_equal(a.response.retry_after_usec, USEC_PER_SEC);
	str_release(&a.body);
}

static void redirects(void **state)
{
	struct answer a;
	(void)state;
	const struct http_header key = { "apiKey", "hunter2", true };
	get(&a, "/redirect/plain", (struct http_request){ .headers = &key, .header_count = 1 });
	assert_ok(a.rc, &a.err);
	assert_string_equal(str_text(&a.body), "hello");
	assert_int_equal(a.response.requests, 2);
	str_release(&a.body);
	get(&a, "/redirect/loop", (struct http_request){ 0 });
	assert_int_equal(a.rc, RF_ETOOMANY);
	str_release(&a.body);
	get(&a, "/redirect/file", (struct http_request){ 0 });
	assert_int_equal(a.rc, RF_EINVALID);
	str_release(&a.body);
}

/* /key answers with the key it was sent; /redirect/elsewhere leads to it under another host name. */
static void secrets_stay_with_their_origin(void **state)
{
	struct answer a;
	(void)state;
	const struct http_header key = { "apiKey", "hunter2", true };
	get(&a, "/key", (struct http_request){ .headers = &key, .header_count = 1 });
	assert_string_equal(str_text(&a.body), "hunter2");
	str_release(&a.body);
	get(&a, "/redirect/elsewhere", (struct http_request){ .headers = &key, .header_count = 1 });
	assert_ok(a.rc, &a.err);
	assert_string_equal(str_text(&a.body), "none");
	str_release(&a.body);
	get(&a, "/fail/500b/9?token=hunter2", (struct http_request){ .headers = &key, .header_count = 1 });
	assert_int_equal(a.rc, RF_EIO);
	assert_null(strstr(a.err.text, "hunter2"));
	str_release(&a.body);
	const struct http_header split = { "X", "a\r\nHost: b", false };
	get(&a, "/plain", (struct http_request){ .headers = &split, .header_count = 1 });
	assert_int_equal(a.rc, RF_EINVALID);
	str_release(&a.body);
}

static void deadline(void **state)
{
	struct answer a;
	(void)state;
	mono_t before = mono_usec();
	get(&a, "/slow", (struct http_request){ .deadline_usec = 300 * USEC_PER_MS });
	assert_int_equal(a.rc, RF_ETIMEOUT);
	assert_true(mono_usec() - before < 3 * USEC_PER_SEC);
	str_release(&a.body);
}

static void nobody_there(void **state)
{
	struct http_response r;
	struct str body = STR_INIT(100);
	struct err err = ERR_INIT;
	(void)state;
	int rc = http_get(client, &(struct http_request){ .url = "http://127.0.0.1:1/", .body = &body, .max_bytes = 100,
	                                                  .deadline_usec = USEC_PER_SEC }, &r, &err);
	assert_int_equal(rc, RF_EIO);
	rc = http_get(client, &(struct http_request){ .url = "file:///etc/passwd", .body = &body, .max_bytes = 100,
	                                              .deadline_usec = USEC_PER_SEC }, &r, &err);
	assert_int_equal(rc, RF_EINVALID);
	assert_int_equal(r.requests, 0);
}

static void posts(void **state)
{
	static const struct http_header type = { "Content-Type", "application/json", false };
	char url[256];
	struct http_response r;
	RF_AUTO(str) body = STR_INIT(1 * KIB);
	struct err err = ERR_INIT;
	struct http_request q = { .url = url, .headers = &type, .header_count = 1, .body = &body, .max_bytes = 1 * KIB,
		                  .content = SPAN("{\"a\":1}"), .deadline_usec = 10 * USEC_PER_SEC,
		                  .retry = { .attempts = 2, .first_usec = 10 * USEC_PER_MS } };
	(void)state;
	snprintf(url, sizeof url, "%s/echo", origin);
	assert_ok(http_post(client, &q, &r, &err), &err);
	assert_string_equal(str_text(&body), "application/json {\"a\":1}");
	q.content = SPAN_NONE;
	assert_ok(http_post(client, &q, &r, &err), &err);
	assert_string_equal(str_text(&body), "application/json ");
	snprintf(url, sizeof url, "%s/busy", origin);
	assert_ok(http_post(client, &q, &r, &err), &err);
	assert_int_equal(r.status, 204);
	assert_int_equal(r.requests, 2);
	/* what is sent is for the address given: it is not handed on */
	snprintf(url, sizeof url, "%s/redirect", origin);
	assert_int_equal(http_post(client, &q, &r, &err), RF_EIO);
	assert_int_equal(r.status, 307);
	snprintf(url, sizeof url, "%s/plain", origin);
	assert_ok(http_get(client, &q, &r, &err), &err);
	assert_string_equal(str_text(&body), "hello");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_and_gzip), cmocka_unit_test(conditional),        cmocka_unit_test(retries),
		cmocka_unit_test(retry_after_is_kept), cmocka_unit_test(redirects),     cmocka_unit_test(secrets_stay_with_their_origin),
		cmocka_unit_test(deadline),       cmocka_unit_test(nobody_there),   cmocka_unit_test(posts),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
