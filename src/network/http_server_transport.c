/*
 * http_server_transport - TLS records to and from the socket, in as few system calls as they need.
 *
 * GnuTLS reads five bytes to learn a record's length and then the record; libmicrohttpd sends an answer's head and its
 * body as two records. Here what a socket holds is received at once, and the record of a head waits in memory for the
 * record of the body behind it.
 *
 * Nothing is lost by either: libmicrohttpd takes a connection as readable until it is told EAGAIN, which happens only
 * when what was received ahead is used up and the socket is empty; and a head is held only when a body follows in the
 * same answer, so that the next record, whichever it is, takes it along.
 */
#include "network/http_server_int.h"

#include "base/arena.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define RECEIVE_BYTES (32 * KIB) /* nearly two records of the largest size */
#define MAX_VECTORS 32

/* ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool hold(struct connection *c, const giovec_t *v, size_t n)
{
	size_t bytes = 0;
	for (size_t i = 0; i < n; i++)
		bytes += v[i].iov_len;
	if (!c->holds || c->held_n || bytes > sizeof c->held)
		return false;
	for (size_t i = 0; i < n; i++) {
		memcpy(c->held + c->held_n, v[i].iov_base, v[i].iov_len);
		c->held_n += v[i].iov_len;
	}
	return true;
}

/* -1 with errno EAGAIN as well when no more than a part of what was held could be sent: nothing of @v is. */
static ssize_t push(gnutls_transport_ptr_t p, const giovec_t *v, int n)
{
	struct connection *c = p;
	struct iovec all[1 + MAX_VECTORS];
	size_t count = 0, given = n > 0 ? RF_MIN((size_t)n, (size_t)MAX_VECTORS) : 0;
	bool held = hold(c, v, given);
	c->holds = false;
	if (held)
		return (ssize_t)c->held_n;
	if (c->held_n)
		all[count++] = (struct iovec){ .iov_base = c->held, .iov_len = c->held_n };
	for (size_t i = 0; i < given; i++)
		all[count++] = (struct iovec){ .iov_base = v[i].iov_base, .iov_len = v[i].iov_len };
	ssize_t sent = sendmsg(c->fd, &(struct msghdr){ .msg_iov = all, .msg_iovlen = count }, MSG_NOSIGNAL);
	if (sent < 0 || c->held_n == 0)
		return sent;
	size_t of_held = RF_MIN((size_t)sent, c->held_n);
	c->held_n -= of_held;
	memmove(c->held, c->held + of_held, c->held_n);
	if ((size_t)sent > of_held)
		return sent - (ssize_t)of_held;
	errno = EAGAIN;
	return -1;
}

/* ── Receiving ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A thread's, with what it received last and of whom. */
struct received {
	struct connection *of;
	size_t from, n;
	char bytes[RECEIVE_BYTES];
};

static struct received *received_of(struct connection *c)
{
	struct http_server *s = c->server;
	struct received *r = pthread_getspecific(s->received_key);
	if (r || !(r = rf_alloc(sizeof *r)))
		return r;
	if (pthread_setspecific(s->received_key, r) == 0)
		return r;
	rf_free(r);
	return NULL;
}

/* Another connection needs the memory: what is left goes to its own. */
static void put_aside(struct received *r)
{
	struct connection *of = r->of;
	size_t n = r->n - r->from;
	r->of = NULL;
	if (!of || n == 0)
		return;
	of->ahead = rf_alloc(n);
	if (!of->ahead) {
		/* a hole in the stream, which no record behind it survives */
		(void)shutdown(of->fd, SHUT_RDWR);
		return;
	}
	memcpy(of->ahead, r->bytes + r->from, n);
	of->ahead_from = 0;
	of->ahead_n = n;
}

static ssize_t take(void *to, size_t room, const char *bytes, size_t *from, size_t n)
{
	size_t taken = RF_MIN(room, n - *from);
	memcpy(to, bytes + *from, taken);
	*from += taken;
	return (ssize_t)taken;
}

static ssize_t pull(gnutls_transport_ptr_t p, void *to, size_t room)
{
	struct connection *c = p;
	if (c->ahead) {
		ssize_t taken = take(to, room, c->ahead, &c->ahead_from, c->ahead_n);
		if (c->ahead_from == c->ahead_n)
			transport_release(c);
		return taken;
	}
	struct received *r = received_of(c);
	if (!r)
		return recv(c->fd, to, room, 0);
	if (r->of != c || r->from == r->n) {
		put_aside(r);
		ssize_t n = recv(c->fd, r->bytes, sizeof r->bytes, 0);
		if (n <= 0)
			return n;
		r->of = c;
		r->from = 0;
		r->n = (size_t)n;
	}
	return take(to, room, r->bytes, &r->from, r->n);
}

/* GnuTLS asks only where a handshake has a time limit of its own, which ours have not; it wants a function all the same. */
static int pull_waits(gnutls_transport_ptr_t p, unsigned ms)
{
	struct connection *c = p;
	const struct received *r = received_of(c);
	if (c->ahead || (r && r->of == c && r->from < r->n))
		return 1;
	return poll(&(struct pollfd){ .fd = c->fd, .events = POLLIN }, 1, ms == GNUTLS_INDEFINITE_TIMEOUT ? -1 : (int)ms);
}

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────── */

void transport_set(struct connection *c, gnutls_session_t session)
{
	libmicrohttpd.gnutls_transport_set_ptr(session, c);
	libmicrohttpd.gnutls_transport_set_vec_push_function(session, push);
	libmicrohttpd.gnutls_transport_set_pull_function(session, pull);
	libmicrohttpd.gnutls_transport_set_pull_timeout_function(session, pull_waits);
}

void transport_release(struct connection *c)
{
	struct received *r = pthread_getspecific(c->server->received_key);
	if (r && r->of == c)
		r->of = NULL;
	rf_free(c->ahead);
	c->ahead = NULL;
}
