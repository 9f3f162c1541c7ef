/* http_server_connections - who is connected, for how long, and who has to go. */
#include "network/http_server_int.h"

#include "base/arena.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

void connection_state_set(struct connection *c, enum connection_state state)
{
	enum connection_state before = atomic_exchange_explicit(&c->state, state, memory_order_relaxed);
	atomic_store_explicit(&c->since_usec, mono_usec(), memory_order_relaxed);
	if ((before == CONNECTION_ACTIVE) != (state == CONNECTION_ACTIVE))
		atomic_fetch_add_explicit(&c->server->active, state == CONNECTION_ACTIVE ? 1 : UINT64_MAX,
					  memory_order_relaxed);
}

void connection_forget_body(struct connection *c)
{
	if (c->body) /* without one its room is a wish */
		atomic_fetch_sub_explicit(&c->server->bodies_bytes, c->body_room, memory_order_relaxed);
	/* the thread's, if it is one that serves: the next body has it */
	struct thread_memory *m =
		c->body && c->body_room <= KEPT_BODY_BYTES ? pthread_getspecific(c->server->memory_key) : NULL;
	if (m && (!m->body || m->body_room < c->body_room)) {
		char *smaller = m->body;
		m->body = c->body;
		m->body_room = c->body_room;
		c->body = smaller;
	}
	rf_free(c->body);
	c->body = NULL;
	c->body_n = c->body_room = 0;
}

/* Its thread sees the end of the stream and closes it: a descriptor is nobody else's to close. The mutex keeps the
 * number from being another connection's meanwhile: libmicrohttpd closes it behind connection_notified(). */
static void end(struct connection *c)
{
	c->closing = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* At the cap: whoever never asked anything first, then who has been idle for longest. */
static void make_room(struct http_server *s)
{
	struct connection *victim = NULL;
	enum connection_state worst = CONNECTION_IDLE;
	int64_t oldest = INT64_MAX;
	for (struct connection *c = s->connections; c; c = c->next) {
		enum connection_state state = atomic_load_explicit(&c->state, memory_order_relaxed);
		int64_t since = atomic_load_explicit(&c->since_usec, memory_order_relaxed);
		if (c->closing || state == CONNECTION_ACTIVE)
			continue;
		if (!victim || (state == CONNECTION_NEW && worst != CONNECTION_NEW) ||
		    (state == worst && since < oldest)) {
			victim = c;
			worst = state;
			oldest = since;
		}
	}
	if (!victim)
		return; /* all are at work: libmicrohttpd takes no more until one is done */
	s->displaced++;
	end(victim);
}

static void come(struct http_server *s, struct MHD_Connection *handle, void **context)
{
	struct connection *c = rf_alloc(sizeof *c);
	const union MHD_ConnectionInfo *fd =
		libmicrohttpd.MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
	*context = c;
	if (!c) {
		(void)shutdown(fd->connect_fd, SHUT_RDWR);
		return;
	}
	int on = 1;
	/* a handshake is several small writes: each would wait for the client's delayed acknowledgement of the one before */
	(void)setsockopt(fd->connect_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c->server = s;
	c->fd = fd->connect_fd;
	atomic_init(&c->state, CONNECTION_NEW);
	atomic_init(&c->since_usec, mono_usec());
	atomic_fetch_add_explicit(&s->accepted, 1, memory_order_relaxed);
	(void)pthread_mutex_lock(&s->mutex);
	if (s->settings.certificate_file)
		tls_session_prepare(
			s, c,
			libmicrohttpd.MHD_get_connection_info(handle, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session);
	if (s->open >= s->settings.max_connections)
		make_room(s);
	c->next = s->connections;
	if (c->next)
		c->next->previous = c;
	s->connections = c;
	s->open++;
	(void)pthread_mutex_unlock(&s->mutex);
}

static void go(struct http_server *s, struct connection *c)
{
	if (!c)
		return;
	connection_state_set(c, CONNECTION_IDLE);
	connection_forget_body(c);
	(void)pthread_mutex_lock(&s->mutex);
	if (c->previous)
		c->previous->next = c->next;
	else
		s->connections = c->next;
	if (c->next)
		c->next->previous = c->previous;
	s->open--;
	(void)pthread_mutex_unlock(&s->mutex);
	tls_credentials_drop(c->credentials);
	transport_release(c);
	rf_free(c);
}

void connection_notified(void *server, struct MHD_Connection *handle, void **context,
			 enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		come(server, handle, context);
	else
		go(server, *context);
}

void connections_check(struct http_server *s, bool all)
{
	int64_t now = mono_usec();
	for (struct connection *c = s->connections; c; c = c->next) {
		bool idle = atomic_load_explicit(&c->state, memory_order_relaxed) == CONNECTION_IDLE;
		int64_t for_usec = now - atomic_load_explicit(&c->since_usec, memory_order_relaxed);
		if (c->closing || (!all && for_usec <= (idle ? s->settings.idle_usec : s->settings.request_usec)))
			continue;
		if (!all)
			atomic_fetch_add_explicit(idle ? &s->idle_closed : &s->slow_closed, 1, memory_order_relaxed);
		end(c);
	}
}
