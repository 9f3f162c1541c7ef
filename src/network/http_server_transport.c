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

struct thread_memory *thread_memory_of(struct http_server *s)
{
	struct thread_memory *m = pthread_getspecific(s->memory_key);
	if (m || !(m = rf_alloc(sizeof *m)))
		return m;
	if (pthread_setspecific(s->memory_key, m) == 0)
		return m;
	rf_free(m);
	return NULL;
}

void thread_memory_free(void *p)
{
	struct thread_memory *m = p;
	rf_free(m->body);
	rf_free(m);
}

/* Another connection needs the memory: what is left goes to its own. */
static void put_aside(struct thread_memory *m)
{
	struct connection *of = m->of;
	size_t n = m->received_n - m->from;
	m->of = NULL;
	if (!of || n == 0)
		return;
	of->ahead = rf_alloc(n);
	if (!of->ahead) {
		/* a hole in the stream, which no record behind it survives */
		(void)shutdown(of->fd, SHUT_RDWR);
		return;
	}
	memcpy(of->ahead, m->received + m->from, n);
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
	struct thread_memory *m = thread_memory_of(c->server);
	if (!m)
		return recv(c->fd, to, room, 0);
	if (m->of != c || m->from == m->received_n) {
		put_aside(m);
		ssize_t n = recv(c->fd, m->received, sizeof m->received, 0);
		if (n <= 0)
			return n;
		m->of = c;
		m->from = 0;
		m->received_n = (size_t)n;
	}
	return take(to, room, m->received, &m->from, m->received_n);
}

/* GnuTLS asks only where a handshake has a time limit of its own, which ours have not; it wants a function all the same. */
static int pull_waits(gnutls_transport_ptr_t p, unsigned ms)
{
	struct connection *c = p;
	const struct thread_memory *m = thread_memory_of(c->server);
	if (c->ahead || (m && m->of == c && m->from < m->received_n))
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
	struct thread_memory *m = pthread_getspecific(c->server->memory_key);
	if (m && m->of == c)
		m->of = NULL;
	rf_free(c->ahead);
	c->ahead = NULL;
}
