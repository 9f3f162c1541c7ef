/*
 * The server, from outside: routes and limits over plain sockets on loopback; certificates of both sides, their
 * exchange and their loss through the client of this room.
 */
#include "testing.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/thread.h"
#include "network/http_client.h"
#include "network/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ── A server ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static atomic_int workers, notices, troubles;

static void *worker_new(void *data)
{
	(void)data;
	workers++;
	return rf_alloc(1);
}

static void worker_free(void *worker)
{
	workers--;
	rf_free(worker);
}

static void notice(bool trouble, const char *text, void *data)
{
	(void)text;
	(void)data;
	*(trouble ? &troubles : &notices) += 1;
}

static void hello(const struct http_call *call, struct http_answer *a, void *data)
{
	(void)data;
	a->body = call->verified ? SPAN("verified\n") : SPAN("hello\n");
}

static void echo(const struct http_call *call, struct http_answer *a, void *data)
{
	(void)data;
	assert_non_null(call->worker);
	a->content_type = "application/octet-stream";
	a->body = call->body;
}

static void slow(const struct http_call *call, struct http_answer *a, void *data)
{
	(void)call;
	(void)data;
	usleep(300 * 1000);
	a->body = SPAN("done\n");
}

#define MAX_BODY 100000
static const struct http_route routes[] = {
	{ "GET", "/hello", 0, false, hello },
	{ "POST", "/echo", MAX_BODY, false, echo },
	{ "GET", "/inner", 0, true, hello },
	{ "GET", "/slow", 0, false, slow },
};

static struct http_server *begin(struct http_server_settings s)
{
	struct http_server *server = NULL;
	struct err err = ERR_INIT;
	s.address = "127.0.0.1";
	s.threads = 2;
	s.routes = routes;
	s.routes_n = RF_COUNT(routes);
	s.worker_new = worker_new;
	s.worker_free = worker_free;
	s.notice = notice;
	if (http_server_new(&s, &server, &err))
		fail_msg("%s", err.text);
	return server;
}

/* ── A plain client ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int reach(const struct http_server *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(http_server_port(s)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static void say(int fd, struct span text)
{
	while (text.n) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		text = span_from(text, (size_t)n);
	}
}

/* One answer: head and as much body as Content-Length says. False when the connection ends before. */
static bool hear(int fd, struct str *ret)
{
	char buffer[4096];
	str_reset(ret);
	for (;;) {
		size_t head = span_find(str_span(ret), SPAN("\r\n\r\n"));
		if (head != SIZE_MAX) {
			size_t at = span_find(str_span(ret), SPAN("Content-Length: "));
			uint64_t n = 0;
			struct span rest = at == SIZE_MAX ? SPAN("") : span_from(str_span(ret), at + 16), line;
			if (at != SIZE_MAX && span_line(&rest, &line))
				assert_true(span_u64(line, &n));
			if (ret->n >= head + 4 + n)
				return true;
		}
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n = poll(&p, 1, 5000) == 1 ? recv(fd, buffer, sizeof buffer, 0) : -1;
		if (n <= 0)
			return false;
		str_add(ret, span_bytes(buffer, (size_t)n));
	}
}

/* Waits until the other side has closed; its milliseconds, -1 after five seconds. */
static int closed_after_ms(int fd)
{
	char byte;
	mono_t from = mono_usec();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (mono_usec() - from < 5 * USEC_PER_SEC) {
		if (poll(&p, 1, 100) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
			return (int)((mono_usec() - from) / 1000);
		if (p.revents & (POLLHUP | POLLERR))
			return (int)((mono_usec() - from) / 1000);
	}
	return -1;
}

static void expect(int fd, const char *request, const char *status, const char *body)
{
	RF_AUTO(str) text = STR_INIT(MIB);
	say(fd, span_of(request));
	if (!hear(fd, &text) || !span_starts(str_span(&text), status) || !span_ends(str_span(&text), body))
		fail_msg("%s\n-> %s\nwanted %s ... %s", request, str_text(&text), status, body);
}

/* Waits until the server counts so; what it counted last in *ret. */
static bool counts(struct http_server *s, size_t offset, uint64_t least, uint64_t most, struct http_server_counts *ret)
{
	for (unsigned i = 0; i < 500; i++) {
		uint64_t n;
		http_server_count(s, ret);
		memcpy(&n, (const char *)ret + offset, sizeof n);
		if (n >= least && n <= most)
			return true;
		usleep(10 * 1000);
	}
	return false;
}
#define COUNTS(s, member, least, most, ret) \
	assert_true(counts(s, offsetof(struct http_server_counts, member), least, most, ret))

/* ── Tests ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void test_routes(void **state)
{
	static const struct {
		const char *request, *status, *body;
	} rows[] = {
		{ "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n" },
		{ "GET /hello?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n" },
		{ "GET /inner HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n" }, /* no authority is set */
		{ "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "no such path\n" },
		{ "GET /hello/ HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", "no such path\n" },
		{ "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 ", "another method\n" },
		{ "DELETE /echo HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ", "another method\n" },
		{ "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde", "HTTP/1.1 200 ",
		  "\r\n\r\nabcde" },
		{ "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 ", "\r\n\r\n" },
		{ "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
		  "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		  "HTTP/1.1 200 ", "\r\n\r\nabcde" },
		{ "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 413 ", "limit\n" },
		{ "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ",
		  "hello\n" }, /* the connection still stands */
	};
	(void)state;
	struct http_server *s = begin((struct http_server_settings){ 0 });
	int fd = reach(s);
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		expect(fd, rows[i].request, rows[i].status, rows[i].body);
	struct http_server_counts n;
	COUNTS(s, bodies_bytes, 0, 0, &n);
	assert_int_equal(n.requests, RF_COUNT(rows));
	assert_int_equal(n.accepted, 1);
	assert_int_equal(n.open, 1);
	assert_int_equal(n.refused, 5);
	close(fd);
	http_server_free(s);
	assert_int_equal(workers, 0);
}

/* Bodies of all sizes around the limit and the first pieces, one behind the other on one connection. */
static void test_bodies(void **state)
{
	static const size_t sizes[] = { 1,        4095,         4096,         4097, 65535, 65537, MAX_BODY - 1,
					MAX_BODY, MAX_BODY + 1, 4 * MAX_BODY, 10 };
	(void)state;
	struct http_server *s = begin((struct http_server_settings){ 0 });
	RF_AUTO(str) request = STR_INIT(MIB);
	RF_AUTO(str) reply = STR_INIT(MIB);
	int fd = reach(s);
	for (unsigned chunked = 0; chunked < 2; chunked++)
		for (size_t i = 0; i < RF_COUNT(sizes); i++) {
			str_reset(&request);
			str_addf(&request, "POST /echo HTTP/1.1\r\nHost: a\r\n");
			if (chunked)
				str_addf(&request, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", sizes[i]);
			else
				str_addf(&request, "Content-Length: %zu\r\n\r\n", sizes[i]);
			size_t from = request.n;
			for (size_t k = 0; k < sizes[i]; k++)
				str_add_byte(&request, (char)('a' + k % 23));
			size_t end = request.n;
			if (chunked)
				str_add_text(&request, "\r\n0\r\n\r\n");
			say(fd, str_span(&request));
			assert_true(hear(fd, &reply));
			bool fits = sizes[i] <= MAX_BODY;
			assert_true(span_starts(str_span(&reply), fits ? "HTTP/1.1 200 " : "HTTP/1.1 413 "));
			struct span body = span_sub(str_span(&request), from, end - from);
			if (fits)
				assert_true(reply.n > body.n &&
					    memcmp(reply.p + reply.n - body.n, body.p, body.n) == 0);
		}
	close(fd);
	http_server_free(s);
}

static void test_bodies_together(void **state)
{
	(void)state;
	struct http_server *s = begin((struct http_server_settings){ .max_bodies_bytes = 70000 });
	RF_AUTO(str) half = STR_INIT(MIB);
	RF_AUTO(str) reply = STR_INIT(MIB);
	int first = reach(s), second = reach(s);
	str_addf(&half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n");
	size_t head = half.n;
	while (half.n < head + 49999)
		str_add_byte(&half, 'x');
	struct http_server_counts n;
	say(first, str_span(&half));
	COUNTS(s, bodies_bytes, 50000, 50000, &n);
	say(second, str_span(&half));
	say(second, SPAN("x"));
	assert_true(hear(second, &reply));
	assert_true(span_starts(str_span(&reply), "HTTP/1.1 503 "));
	assert_true(span_find(str_span(&reply), SPAN("Retry-After: ")) != SIZE_MAX);
	say(first, SPAN("x"));
	assert_true(hear(first, &reply));
	assert_true(span_starts(str_span(&reply), "HTTP/1.1 200 "));
	close(first);
	close(second);
	http_server_free(s);
}

/* One byte every 50 ms is alive, but no request. */
/* What is announced and never comes counts for nothing: the next body has all the room. */
static void test_bodies_announced(void **state)
{
	(void)state;
	struct http_server_counts n;
	struct http_server *s = begin((struct http_server_settings){ .max_bodies_bytes = MAX_BODY });
	for (unsigned i = 0; i < 8; i++) {
		int fd = reach(s);
		say(fd, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"));
		assert_true(counts(s, offsetof(struct http_server_counts, active), 1, 1, &n));
		close(fd);
		assert_true(counts(s, offsetof(struct http_server_counts, open), 0, 0, &n));
		assert_int_equal(n.bodies_bytes, 0);
	}
	int fd = reach(s);
	for (unsigned i = 0; i < 4; i++)
		expect(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200", "hello");
	close(fd);
	http_server_free(s);
}

static void trickle(int fd, const char *text)
{
	for (; *text; text++) {
		say(fd, span_bytes(text, 1));
		usleep(50 * 1000);
	}
}

static void test_time(void **state)
{
	static const char long_header[] = "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	(void)state;
	struct http_server *s =
		begin((struct http_server_settings){ .idle_usec = 600 * USEC_PER_MS, .request_usec = USEC_PER_SEC });
	int silent = reach(s), header = reach(s), body = reach(s), idle = reach(s);
	expect(idle, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n");
	say(body, SPAN("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"));
	say(header, SPAN("GET /hello HTTP/1.1\r\n"));
	for (unsigned i = 0; i < 14; i++) { /* 0.7 s; the trickle goes on meanwhile */
		say(body, SPAN("x"));
		say(header, span_bytes(long_header + i, 1));
		usleep(50 * 1000);
	}
	int after = closed_after_ms(idle);
	assert_true(after >= 0 && after < 1500);
	trickle(body, "xxxxxxxxxx");
	after = closed_after_ms(body);
	assert_true(after >= 0 && after < 1500);
	assert_true(closed_after_ms(header) >= 0);
	assert_true(closed_after_ms(silent) >= 0);
	struct http_server_counts n;
	COUNTS(s, slow_closed, 3, 3, &n);
	assert_int_equal(n.idle_closed, 1);
	COUNTS(s, active, 0, 0, &n);
	close(silent);
	close(header);
	close(body);
	close(idle);
	http_server_free(s);
}

/* At the cap the silent ones give way, not the one that works, and the new one is served. */
static void test_cap(void **state)
{
	enum { CAP = 8, MANY = 40 };
	int fds[MANY];
	(void)state;
	struct http_server *s = begin((struct http_server_settings){ .max_connections = CAP });
	int worker = reach(s);
	expect(worker, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n");
	for (size_t i = 0; i < MANY; i++) {
		fds[i] = reach(s);
		usleep(2000);
	}
	expect(worker, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n");
	int last = reach(s);
	expect(last, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n");
	assert_true(closed_after_ms(fds[0]) >= 0);
	struct http_server_counts n;
	COUNTS(s, open, 0, CAP, &n);
	assert_true(n.displaced >= MANY - CAP);
	for (size_t i = 0; i < MANY; i++)
		close(fds[i]);
	close(worker);
	close(last);
	http_server_free(s);
}

static void test_drain(void **state)
{
	(void)state;
	struct http_server *s = begin((struct http_server_settings){ 0 });
	RF_AUTO(str) reply = STR_INIT(MIB);
	int fd = reach(s), other = reach(s);
	expect(other, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", "hello\n");
	struct http_server_counts n;
	say(fd, SPAN("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"));
	COUNTS(s, active, 1, 1, &n);
	http_server_drain(s);
	say(other, SPAN("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_true(hear(other, &reply)); /* a connection that stands is still served, once */
	assert_true(span_find(str_span(&reply), SPAN("Connection: close")) != SIZE_MAX);
	http_server_free(s); /* waits for the slow one */
	assert_true(hear(fd, &reply));
	assert_true(span_ends(str_span(&reply), "done\n"));
	close(fd);
	close(other);
}

static void test_settings(void **state)
{
	static const struct {
		struct http_server_settings s;
		int rc;
	} rows[] = {
		{ { .address = "0.0.0.0", .routes = routes, .routes_n = 1 }, RF_EINVALID }, /* plain, for all to see */
		{ { .address = "localhost", .routes = routes, .routes_n = 1 }, RF_EINVALID }, /* a name */
		{ { .address = "127.0.0.1", .routes = routes, .routes_n = 0 }, RF_EINVALID },
		{ { .address = "127.0.0.1", .routes = routes, .routes_n = 1, .certificate_file = "/none" },
		  RF_EINVALID },
		{ { .address = "127.0.0.1",
		    .routes = routes,
		    .routes_n = 1,
		    .certificate_file = "/none",
		    .key_file = "/none" },
		  RF_ENOTFOUND },
		{ { .address = "127.0.0.1", .routes = routes, .routes_n = 1, .max_connections = 1000000 },
		  RF_EINVALID },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct http_server *s = NULL;
		struct err err = ERR_INIT;
		assert_int_equal(http_server_new(&rows[i].s, &s, &err), rows[i].rc);
		assert_null(s);
	}
}

/* ── TLS ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static char folder[256];

static const char make_certificates[] = "set -e; cd \"$1\"\n"
					"ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
					"-keyout $1.key -out $1.pem -days 2 -subj /CN=$1; }\n"
					"leaf() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
					"-keyout $1.key -out $1.csr -subj /CN=$3\n"
					"  printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=%s\\n' $4 >$1.ext\n"
					"  openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days "
					"2 -extfile $1.ext -out $1.pem; }\n"
					"ca one; ca other\n"
					"leaf server one gate serverAuth; leaf second one gate serverAuth\n"
					"leaf good one kube-apiserver clientAuth; leaf named one somebody clientAuth; "
					"leaf foreign other kube-apiserver clientAuth\n"
					"leaf wrong one kube-apiserver serverAuth\n"
					"cp server.pem tls.pem; cp server.key tls.key\n";

static int tls_begin(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	if (fs_temporary_dir("http-server", folder, sizeof folder, &err))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(126);
		execlp("sh", "sh", "-c", make_certificates, "sh", folder, (char *)NULL);
		_exit(127);
	}
	int status;
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int tls_end(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	return fs_remove_tree(folder, &err);
}

/* Lives as long as the test: a server's settings point to it. */
static const char *file(const char *name)
{
	static char paths[32][512];
	static size_t count;
	char path[512];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	for (size_t i = 0; i < count; i++)
		if (strcmp(paths[i], path) == 0)
			return paths[i];
	assert_true(count < RF_COUNT(paths));
	memcpy(paths[count], path, sizeof path);
	return paths[count++];
}

static void file_copy(const char *from, const char *to)
{
	RF_AUTO(str) bytes = STR_INIT(MIB);
	struct err err = ERR_INIT;
	assert_int_equal(fs_read(file(from), &bytes, &err), 0);
	assert_int_equal(fs_write_atomic(file(to), str_span(&bytes), 0600, &err), 0);
}

/* GET through a client of its own with the certificate @who ("" none): its status, or the error. */
static int get(const struct http_server *s, const char *path, const char *who, struct str *body)
{
	RF_AUTO(str) pem = STR_INIT(MIB);
	RF_AUTO(str) key = STR_INIT(MIB);
	struct err err = ERR_INIT;
	struct http_response r = { 0 };
	RF_AUTO_PTR(http_client) client = NULL;
	char url[128], name[64];
	if (who[0]) {
		snprintf(name, sizeof name, "%s.pem", who);
		assert_int_equal(fs_read(file(name), &pem, &err), 0);
		snprintf(name, sizeof name, "%s.key", who);
		assert_int_equal(fs_read(file(name), &key, &err), 0);
	}
	assert_int_equal(http_client_new(&(struct http_settings){ .ca_file = file("one.pem"),
								  .certificate_pem = str_span(&pem),
								  .key_pem = str_span(&key) },
					 &client, &err),
			 0);
	snprintf(url, sizeof url, "https://127.0.0.1:%u%s", http_server_port(s), path);
	int rc = http_get(
		client,
		&(struct http_request){ .url = url, .deadline_usec = 5 * USEC_PER_SEC, .max_bytes = MIB, .body = body },
		&r, &err);
	return r.status ? r.status : rc;
}

static void test_clients(void **state)
{
	static const char *const names[] = { "kube-apiserver" };
	static const struct {
		const char *path, *who;
		int status; /* 0: any error, the handshake fails */
		const char *body;
	} rows[] = {
		{ "/hello", "", 200, "hello\n" }, /* a probe has no certificate */
		{ "/inner", "", 403, NULL },
		{ "/inner", "good", 200, "verified\n" },
		{ "/inner", "foreign", 0, NULL }, /* another authority's */
		{ "/hello", "foreign", 0, NULL },
		{ "/inner", "named", 0, NULL }, /* of the authority, but another name */
		{ "/inner", "wrong", 0, NULL }, /* a certificate for servers */
		{ "/inner", "good", 200, "verified\n" },
	};
	(void)state;
	struct http_server *s = begin((struct http_server_settings){ .certificate_file = file("tls.pem"),
								     .key_file = file("tls.key"),
								     .client_ca_file = file("one.pem"),
								     .client_names = names,
								     .client_names_n = 1 });
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(str) body = STR_INIT(MIB);
		int status = get(s, rows[i].path, rows[i].who, &body);
		if (rows[i].status ? status != rows[i].status : status >= 0)
			fail_msg("row %zu: %d", i, status);
		if (rows[i].body)
			assert_string_equal(str_text(&body), rows[i].body);
	}
	struct http_server_counts n;
	http_server_count(s, &n);
	assert_int_equal(n.certificates_refused, 4);
	http_server_free(s);
}

static bool comes(atomic_int *what, int n)
{
	for (unsigned i = 0; i < 100 && *what < n; i++)
		usleep(50 * 1000);
	return *what == n;
}

static void test_exchange(void **state)
{
	(void)state;
	struct http_server_counts before, n;
	RF_AUTO(str) body = STR_INIT(MIB);
	notices = troubles = 0;
	struct http_server *s = begin(
		(struct http_server_settings){ .certificate_file = file("tls.pem"), .key_file = file("tls.key") });
	http_server_count(s, &before);
	assert_true(before.certificate_expires > now_usec());
	assert_int_equal(get(s, "/hello", "", &body), 200);
	file_copy("second.pem", "tls.pem"); /* for a moment the key is another's */
	assert_true(comes(&troubles, 1));
	assert_int_equal(get(s, "/hello", "", &body), 200);
	file_copy("second.key", "tls.key");
	assert_true(comes(&notices, 1));
	assert_int_equal(get(s, "/hello", "", &body), 200);
	assert_int_equal(unlink(file("tls.pem")), 0);
	assert_true(comes(&troubles, 2));
	assert_int_equal(get(s, "/hello", "", &body), 200);
	file_copy("server.pem", "tls.pem");
	assert_true(comes(&troubles, 3));
	file_copy("server.key", "tls.key");
	assert_true(comes(&notices, 2));
	http_server_reload(s);
	assert_true(comes(&notices, 3));
	assert_int_equal(get(s, "/hello", "", &body), 200);
	http_server_count(s, &n);
	assert_int_equal(n.reloads, 3);
	assert_int_equal(n.reload_failures, 3);
	http_server_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_bodies_together),
		cmocka_unit_test(test_bodies_announced),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_settings),
		cmocka_unit_test_setup_teardown(test_clients, tls_begin, tls_end),
		cmocka_unit_test_setup_teardown(test_exchange, tls_begin, tls_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
