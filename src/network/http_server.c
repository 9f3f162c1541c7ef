/* http_server - see the header. The life of a server and the way of a request through it. */
#include "network/http_server_int.h"

#include "base/arena.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Connections that are being closed still count at libmicrohttpd; each thread may have some. */
#define SLACK_PER_THREAD 32
#define FIRST_BODY_BYTES (64 * KIB)
#define KEEPER_MS 200
#define FILES_EVERY 5 /* rounds of the keeper */
#define PRIORITIES                                                                                                     \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-KX-ALL:" \
	"+ECDHE-ECDSA:+ECDHE-RSA:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"

/* ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static enum MHD_Result answer(struct connection *c, struct MHD_Connection *handle, const struct http_answer *a)
{
	struct MHD_Response *r = libmicrohttpd.MHD_create_response_from_buffer(a->body.n, (void *)(uintptr_t)a->body.p,
									       MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	bool ok = libmicrohttpd.MHD_add_response_header(
		r, "Content-Type", a->content_type ? a->content_type : "text/plain; charset=utf-8");
	if (a->status == 405)
		ok &= libmicrohttpd.MHD_add_response_header(r, "Allow", c->route->method);
	if (a->status == 503)
		ok &= libmicrohttpd.MHD_add_response_header(r, "Retry-After", "1");
	if (atomic_load_explicit(&c->server->draining, memory_order_relaxed))
		ok &= libmicrohttpd.MHD_add_response_header(r, "Connection", "close");
	c->holds = a->body.n > 0 && !c->is_head;
	enum MHD_Result queued = ok ? libmicrohttpd.MHD_queue_response(handle, (unsigned)a->status, r) : MHD_NO;
	libmicrohttpd.MHD_destroy_response(r);
	c->answered = true;
	return queued;
}

static enum MHD_Result answer_refused(struct connection *c, struct MHD_Connection *handle)
{
	atomic_fetch_add_explicit(&c->server->refused, 1, memory_order_relaxed);
	return answer(c, handle, &(struct http_answer){ .status = c->refused, .body = span_of(c->refusal) });
}

static void refuse(struct connection *c, int status, const char *why)
{
	connection_forget_body(c);
	c->refused = status;
	c->refusal = why;
}

static enum MHD_Result serve(struct connection *c, struct MHD_Connection *handle)
{
	struct http_server *s = c->server;
	void *worker = NULL;
	if (s->has_worker_key && !(worker = pthread_getspecific(s->worker_key))) {
		worker = s->settings.worker_new(s->settings.data);
		if (worker && pthread_setspecific(s->worker_key, worker) != 0) {
			s->settings.worker_free(worker);
			worker = NULL;
		}
		if (!worker) {
			refuse(c, 503, "out of memory\n");
			return answer_refused(c, handle);
		}
	}
	const char *type = libmicrohttpd.MHD_lookup_connection_value(handle, MHD_HEADER_KIND, "Content-Type");
	struct http_call call = { .method = span_of(c->route->method),
				  .path = span_of(c->route->path),
				  .content_type = span_of(type),
				  .body = span_bytes(c->body, c->body_n),
				  .verified = c->verified,
				  .worker = worker,
				  .server = s };
	struct http_answer a = { .status = 200 };
	c->route->handle(&call, &a, s->settings.data);
	enum MHD_Result queued = answer(c, handle, &a);
	connection_forget_body(c);
	return queued;
}

/* ── Requests ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void route_find(struct connection *c, const char *path, const char *method)
{
	const struct http_server_settings *s = &c->server->settings;
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	c->route = NULL;
	for (size_t i = 0; i < s->routes_n; i++) {
		if (strcmp(s->routes[i].path, path) != 0)
			continue;
		c->route = &s->routes[i];
		if (strcmp(wanted, s->routes[i].method) == 0)
			return;
	}
	if (c->route)
		refuse(c, 405, "this path takes another method\n");
	else
		refuse(c, 404, "no such path\n");
}

/* What can be told before a byte of the body is read. */
static void head_check(struct connection *c, struct MHD_Connection *handle)
{
	const char *length = libmicrohttpd.MHD_lookup_connection_value(handle, MHD_HEADER_KIND, "Content-Length");
	uint64_t n = 0;
	if (length && !span_u64(span_of(length), &n))
		n = UINT64_MAX;
	if (!c->refused && c->route->certificate && c->server->settings.client_ca_file && !c->verified)
		refuse(c, 403, "this path is for clients with a certificate\n");
	if (!c->refused && n > c->route->max_body_bytes)
		refuse(c, 413, "the body is over this path's limit\n");
	if (!c->refused && n > 0 && n <= FIRST_BODY_BYTES)
		c->body_room = (size_t)n;
}

static bool body_grow(struct connection *c, size_t n)
{
	struct thread_memory *m = c->body ? NULL : thread_memory_of(c->server);
	size_t before = c->body ? c->body_room : 0;
	size_t room = c->body ? 2 * c->body_room : RF_MAX(c->body_room, RF_MIN((size_t)4096, c->route->max_body_bytes));
	room = RF_MIN(RF_MAX(room, c->body_n + n), c->route->max_body_bytes);
	bool again = m && m->body && m->body_room >= room;
	room = again ? m->body_room : room;
	size_t all = atomic_fetch_add_explicit(&c->server->bodies_bytes, room - before, memory_order_relaxed) + room -
		     before;
	bool fits = all <= c->server->settings.max_bodies_bytes;
	char *more = !fits ? NULL : again ? m->body : rf_realloc_array(c->body, room, 1);
	if (!more) {
		atomic_fetch_sub_explicit(&c->server->bodies_bytes, room - before, memory_order_relaxed);
		c->body_room = before;
		return false;
	}
	if (again)
		m->body = NULL;
	c->body = more;
	c->body_room = room;
	return true;
}

/* A piece of the body: kept, or thrown away when the request is refused. */
static enum MHD_Result body_take(struct connection *c, const char *piece, size_t n)
{
	if (!c->refused && n > c->route->max_body_bytes - c->body_n)
		refuse(c, 413, "the body is over this path's limit\n");
	if (!c->refused && (!c->body || c->body_room - c->body_n < n) && !body_grow(c, n))
		refuse(c, 503, "too many large bodies at once\n");
	if (c->refused) {
		c->swallowed += n;
		return c->swallowed > HTTP_SERVER_SWALLOW_BYTES ? MHD_NO : MHD_YES;
	}
	memcpy(c->body + c->body_n, piece, n);
	c->body_n += n;
	return MHD_YES;
}

/* libmicrohttpd calls it with the headers, with each piece of the body, and once behind it. */
static enum MHD_Result handle_access(void *server, struct MHD_Connection *handle, const char *path, const char *method,
				     const char *version, const char *piece, size_t *piece_n, void **context)
{
	struct connection *c = *context;
	(void)server;
	(void)version;
	if (!c)
		return MHD_NO;
	if (!c->begun) {
		c->begun = true;
		c->is_head = strcmp(method, "HEAD") == 0;
		atomic_fetch_add_explicit(&c->server->requests, 1, memory_order_relaxed);
		route_find(c, path, method);
		head_check(c, handle);
		return MHD_YES;
	}
	if (*piece_n) {
		size_t n = *piece_n;
		*piece_n = 0;
		return body_take(c, piece, n);
	}
	if (c->answered)
		return MHD_YES;
	return c->refused ? answer_refused(c, handle) : serve(c, handle);
}

static struct connection *connection_of(struct MHD_Connection *handle)
{
	return libmicrohttpd.MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Once the request line is there. */
static void *handle_begin(void *server, const char *uri, struct MHD_Connection *handle)
{
	struct connection *c = connection_of(handle);
	(void)server;
	(void)uri;
	if (!c)
		return NULL;
	/* a new connection's time runs from its first byte */
	if (atomic_load_explicit(&c->state, memory_order_relaxed) == CONNECTION_NEW) {
		int64_t since = atomic_load_explicit(&c->since_usec, memory_order_relaxed);
		connection_state_set(c, CONNECTION_ACTIVE);
		atomic_store_explicit(&c->since_usec, since, memory_order_relaxed);
	} else {
		connection_state_set(c, CONNECTION_ACTIVE);
	}
	c->begun = c->answered = false;
	c->refused = 0;
	c->swallowed = 0;
	return c;
}

static void handle_end(void *server, struct MHD_Connection *handle, void **context,
		       enum MHD_RequestTerminationCode code)
{
	struct connection *c = connection_of(handle);
	(void)server;
	(void)code;
	*context = NULL;
	if (!c)
		return;
	connection_forget_body(c);
	connection_state_set(c, CONNECTION_IDLE);
}

/* ── The keeper: time limits and certificates ────────────────────────────────────────────────────────────────────── */

static void notice(struct http_server *s, bool trouble, const char *text)
{
	if (s->settings.notice)
		s->settings.notice(trouble, text, s->settings.data);
}

static void certificates_exchange(struct http_server *s, const struct tls_files *files)
{
	struct tls_credentials *fresh = NULL, *old;
	struct err err = ERR_INIT;
	char line[2048], text[2200];
	int rc = tls_credentials_read(&s->settings, &fresh, &err);
	s->files = *files; /* tried once a change: what is broken is said once */
	if (rc) {
		atomic_fetch_add_explicit(&s->reload_failures, 1, memory_order_relaxed);
		(void)snprintf(text, sizeof text, "the certificate in force stays: %s",
			       err_render(&err, line, sizeof line));
		notice(s, true, text);
		return;
	}
	(void)pthread_mutex_lock(&s->mutex);
	old = s->credentials;
	s->credentials = fresh;
	(void)pthread_mutex_unlock(&s->mutex);
	tls_credentials_drop(old);
	atomic_fetch_add_explicit(&s->reloads, 1, memory_order_relaxed);
	char until[TIME_TEXT_BYTES];
	(void)snprintf(text, sizeof text, "new certificate in force, valid until %s", time_text(fresh->expires, until));
	notice(s, false, text);
}

static void certificates_check(struct http_server *s, bool wanted)
{
	struct tls_files now;
	if (!s->settings.certificate_file)
		return;
	tls_files_look(&s->settings, &now);
	if (wanted || memcmp(&now, &s->files, sizeof now) != 0)
		certificates_exchange(s, &now);
}

static void *keeper(void *p)
{
	struct http_server *s = p;
	(void)pthread_mutex_lock(&s->mutex);
	for (unsigned round = 0; !s->stopping; round++) {
		struct timespec until;
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += KEEPER_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		(void)pthread_cond_timedwait(&s->wake, &s->mutex, &until);
		connections_check(s, false);
		bool wanted = s->reload_wanted;
		s->reload_wanted = false;
		if (!wanted && round % FILES_EVERY != 0)
			continue;
		(void)pthread_mutex_unlock(&s->mutex);
		certificates_check(s, wanted);
		(void)pthread_mutex_lock(&s->mutex);
	}
	(void)pthread_mutex_unlock(&s->mutex);
	return NULL;
}

/* ── Start and stop ──────────────────────────────────────────────────────────────────────────────────────────────── */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Returns the length, 0 for what is no address. */
static socklen_t address_read(const char *text, uint16_t port, union address *ret)
{
	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, text, &ret->v4.sin_addr) == 1) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons(port);
		return sizeof ret->v4;
	}
	if (inet_pton(AF_INET6, text, &ret->v6.sin6_addr) == 1) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		return sizeof ret->v6;
	}
	return 0;
}

static bool is_loopback(const union address *a)
{
	return a->any.sa_family == AF_INET ? ntohl(a->v4.sin_addr.s_addr) >> 24 == 127
					   : IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

static int listen_on(struct http_server *s, struct err *err)
{
	union address a;
	socklen_t n = address_read(s->settings.address, s->settings.port, &a);
	int on = 1, off = 0;
	if (n == 0)
		return err_set(err, RF_EINVALID, "\"%.64s\" is no address; numbers are wanted: 0.0.0.0, ::, 10.1.2.3",
			       s->settings.address);
	if (!s->settings.certificate_file && !is_loopback(&a))
		return err_set(err, RF_EINVALID, "without a certificate only loopback addresses are served, %s is none",
			       s->settings.address);
	s->listen_fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen_fd < 0)
		return err_set_errno(err, errno, "socket");
	(void)setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (a.any.sa_family == AF_INET6)
		(void)setsockopt(s->listen_fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(s->listen_fd, &a.any, n) != 0 || listen(s->listen_fd, SOMAXCONN) != 0 ||
	    getsockname(s->listen_fd, &a.any, &(socklen_t){ sizeof a }) != 0)
		return err_set_errno(err, errno, "listen on %s port %u", s->settings.address, s->settings.port);
	s->port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	return 0;
}

/* Every session is given credentials of its own before its handshake (tls_session_prepare()). */
static int no_common_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int authorities_n,
				 const gnutls_pk_algorithm_t *algorithms, int algorithms_n,
				 gnutls_pcert_st **certificates, unsigned *certificates_n, gnutls_privkey_t *key)
{
	(void)session;
	(void)authorities;
	(void)authorities_n;
	(void)algorithms;
	(void)algorithms_n;
	(void)certificates;
	(void)certificates_n;
	(void)key;
	return -1;
}

static int daemon_start(struct http_server *s, struct err *err)
{
	unsigned threads = s->settings.threads;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC;
	struct MHD_OptionItem options[] = {
		{ MHD_OPTION_LISTEN_SOCKET, s->listen_fd, NULL },
		{ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)(s->settings.max_connections + threads * SLACK_PER_THREAD),
		  NULL },
		{ MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_SERVER_POOL_BYTES, NULL },
		{ threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)threads, NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)PRIORITIES },
		{ MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)no_common_certificate },
		{ MHD_OPTION_END, 0, NULL },
	};
	if (s->settings.certificate_file)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	s->daemon = libmicrohttpd.MHD_start_daemon(
		flags, s->port, NULL, NULL, handle_access, s, MHD_OPTION_NOTIFY_CONNECTION, connection_notified, s,
		MHD_OPTION_NOTIFY_COMPLETED, handle_end, s, MHD_OPTION_URI_LOG_CALLBACK, handle_begin, s,
		MHD_OPTION_ARRAY, options, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (!s->daemon)
		return err_set(err, RF_EIO, "libmicrohttpd could not start on %s port %u", s->settings.address,
			       s->port);
	s->listen_fd = -1; /* the daemon's now */
	return 0;
}

static int settings_check(struct http_server_settings *s, struct err *err)
{
	if (!s->certificate_file != !s->key_file || (s->client_ca_file && !s->certificate_file) || !s->routes_n)
		return err_set(err, RF_EINVALID, "a server needs routes, and a certificate together with its key");
	s->threads = s->threads ? s->threads : RF_MIN(thread_cpus(), (unsigned)HTTP_SERVER_MAX_THREADS);
	s->max_connections = s->max_connections ? s->max_connections : HTTP_SERVER_CONNECTIONS;
	s->idle_usec = s->idle_usec ? s->idle_usec : HTTP_SERVER_IDLE_USEC;
	s->request_usec = s->request_usec ? s->request_usec : HTTP_SERVER_REQUEST_USEC;
	s->max_bodies_bytes = s->max_bodies_bytes ? s->max_bodies_bytes : HTTP_SERVER_BODIES_BYTES;
	if (s->threads > HTTP_SERVER_MAX_THREADS || s->max_connections > HTTP_SERVER_MAX_CONNECTIONS)
		return err_set(err, RF_EINVALID, "at most %d threads and %d connections", HTTP_SERVER_MAX_THREADS,
			       HTTP_SERVER_MAX_CONNECTIONS);
	return 0;
}

static int start(struct http_server *s, struct err *err)
{
	pthread_condattr_t monotonic;
	s->listen_fd = -1;
	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->wake, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	int rc = settings_check(&s->settings, err);
	if (rc == 0 && s->settings.worker_new) {
		if (pthread_key_create(&s->worker_key, s->settings.worker_free) != 0)
			return err_set(err, RF_ENOMEM, "no key for the threads' memory");
		s->has_worker_key = true;
	}
	if (rc == 0) {
		if (pthread_key_create(&s->memory_key, thread_memory_free) != 0)
			return err_set(err, RF_ENOMEM, "no key for the threads' memory");
		s->has_memory_key = true;
	}
	if (rc == 0 && s->settings.certificate_file) {
		tls_files_look(&s->settings, &s->files);
		rc = tls_credentials_read(&s->settings, &s->credentials, err);
	}
	if (rc == 0)
		rc = listen_on(s, err);
	if (rc == 0)
		rc = daemon_start(s, err);
	if (rc)
		return rc;
	if (pthread_create(&s->keeper, NULL, keeper, s) != 0)
		return err_set(err, RF_ENOMEM, "no thread for time limits");
	s->has_keeper = true;
	return 0;
}

int http_server_new(const struct http_server_settings *settings, struct http_server **ret, struct err *err)
{
	if (!libmicrohttpd_load())
		return err_set(err, RF_EUNSUPPORTED,
			       "libmicrohttpd.so.12 and libgnutls.so.30 are needed to serve: "
			       "install libmicrohttpd12 (Debian, Ubuntu)");
	struct http_server *s = rf_alloc(sizeof *s);
	if (!s)
		return err_set(err, RF_ENOMEM, "no memory for a server");
	s->settings = *settings;
	int rc = start(s, err);
	if (rc)
		http_server_free(s);
	else
		*ret = s;
	return rc;
}

uint16_t http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_drain(struct http_server *s)
{
	if (atomic_exchange(&s->draining, true))
		return;
	MHD_socket fd = libmicrohttpd.MHD_quiesce_daemon(s->daemon);
	if (fd != MHD_INVALID_SOCKET)
		(void)close(fd);
}

void http_server_reload(struct http_server *s)
{
	(void)pthread_mutex_lock(&s->mutex);
	s->reload_wanted = true;
	(void)pthread_cond_signal(&s->wake);
	(void)pthread_mutex_unlock(&s->mutex);
}

static void keeper_stop(struct http_server *s)
{
	if (!s->has_keeper)
		return;
	(void)pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	(void)pthread_cond_signal(&s->wake);
	(void)pthread_mutex_unlock(&s->mutex);
	(void)pthread_join(s->keeper, NULL);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	if (s->daemon) {
		http_server_drain(s);
		/* the keeper still ends what takes too long, so this does */
		while (s->has_keeper && atomic_load_explicit(&s->active, memory_order_relaxed) > 0)
			(void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	keeper_stop(s);
	if (s->daemon)
		libmicrohttpd.MHD_stop_daemon(s->daemon);
	if (s->listen_fd >= 0)
		(void)close(s->listen_fd);
	if (s->has_worker_key)
		(void)pthread_key_delete(s->worker_key);
	if (s->has_memory_key)
		(void)pthread_key_delete(s->memory_key);
	tls_credentials_drop(s->credentials);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->mutex);
	rf_free(s);
}

void http_server_count(struct http_server *s, struct http_server_counts *ret)
{
	*ret = (struct http_server_counts){
		.active = s->active,
		.bodies_bytes = s->bodies_bytes,
		.accepted = s->accepted,
		.requests = s->requests,
		.refused = s->refused,
		.idle_closed = s->idle_closed,
		.slow_closed = s->slow_closed,
		.displaced = s->displaced,
		.certificates_refused = s->certificates_refused,
		.reloads = s->reloads,
		.reload_failures = s->reload_failures,
	};
	(void)pthread_mutex_lock(&s->mutex);
	ret->open = s->open;
	ret->certificate_expires = s->credentials ? s->credentials->expires : USEC_NONE;
	(void)pthread_mutex_unlock(&s->mutex);
}
