/* http_server_int - what the files of the server share. Private to network/. */
#ifndef REFORGE_NETWORK_HTTP_SERVER_INT_H
#define REFORGE_NETWORK_HTTP_SERVER_INT_H

#include "network/http_libmicrohttpd.h"
#include "network/http_server.h"

#include <pthread.h>
#include <stdatomic.h>

/* ── Certificates ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* One reading of the three files. Held by the server while it is the newest, and by each connection that began with it.
 */
struct tls_credentials {
	gnutls_certificate_credentials_t handle;
	atomic_uint holders;
	usec_t expires;
};

struct tls_files { /* what the files looked like when they were read last */
	struct {
		int64_t seconds, nanoseconds, bytes;
		uint64_t inode;
	} seen[3];
};

/* RF_EINVALID and errors of fs_read(); the key's bytes are wiped. */
RF_MUST_CHECK int tls_credentials_read(const struct http_server_settings *s, struct tls_credentials **ret,
				       struct err *err);
void tls_credentials_drop(struct tls_credentials *c); /* NULL is fine */
void tls_files_look(const struct http_server_settings *s, struct tls_files *ret);

/* ── Connections ─────────────────────────────────────────────────────────────────────────────────────────────────── */

enum connection_state {
	CONNECTION_NEW,    /* has asked nothing yet, its handshake included */
	CONNECTION_ACTIVE, /* a request is under way */
	CONNECTION_IDLE
};

#define RECEIVE_BYTES (32 * KIB) /* nearly two records of the largest size */
#define KEPT_BODY_BYTES (64 * KIB)
/* A head of ours as a TLS record; a longer one is sent by itself. */
#define CONNECTION_HEAD_BYTES 512

struct connection {
	struct connection *previous, *next; /* under http_server.mutex; the newest first */
	struct http_server *server;
	struct tls_credentials *credentials;
	int fd;
	bool verified, closing;
	_Atomic(enum connection_state) state;
	_Atomic int64_t since_usec; /* of @state */
	/* the request under way */
	const struct http_route *route;
	int refused; /* status to answer with once the body has been swallowed; 0: none */
	const char *refusal;
	char *body;
	size_t body_n, body_room, swallowed;
	bool begun, answered, is_head;
	/* http_server_transport.c */
	bool holds;                     /* the next record is the head of an answer whose body follows at once */
	char held[CONNECTION_HEAD_BYTES]; /* that record */
	size_t held_n;
	char *ahead; /* what was received of the next record, when another connection came between */
	size_t ahead_from, ahead_n;
};

struct http_server {
	struct http_server_settings settings;
	struct MHD_Daemon *daemon;
	int listen_fd;
	uint16_t port;
	pthread_key_t worker_key;
	pthread_key_t memory_key; /* struct thread_memory */
	bool has_worker_key, has_memory_key, has_keeper;
	pthread_t keeper;      /* the thread of time limits and certificates */
	pthread_mutex_t mutex; /* connections, credentials: taken when connections come and go, never by a request */
	pthread_cond_t wake;
	struct connection *connections;
	size_t open;
	struct tls_credentials *credentials;
	struct tls_files files;
	bool stopping, reload_wanted;
	atomic_bool draining;
	atomic_size_t bodies_bytes;
	_Atomic uint64_t active, accepted, requests, refused, idle_closed, slow_closed, displaced, certificates_refused,
		reloads, reload_failures;
};

/* What a serving thread keeps from one request to the next. */
struct thread_memory {
	/* received last, of that connection: [from, received_n) is not read yet; http_server_transport.c */
	struct connection *of;
	size_t from, received_n;
	char received[RECEIVE_BYTES];
	/* of a body that has been answered, for the next one: NULL, or at most KEPT_BODY_BYTES */
	char *body;
	size_t body_room;
};
/* NULL: out of memory. */
struct thread_memory *thread_memory_of(struct http_server *s);
void thread_memory_free(void *m);

/* Called by libmicrohttpd when a connection comes and goes. */
void connection_notified(void *server, struct MHD_Connection *handle, void **context,
			 enum MHD_ConnectionNotificationCode code);
void connection_state_set(struct connection *c, enum connection_state state);
/* One request's memory given back. */
void connection_forget_body(struct connection *c);
/* Sends and receives for @session of @c in place of GnuTLS's own functions. */
void transport_set(struct connection *c, gnutls_session_t session);
/* Forgets what was received of @c and not read yet; its thread, or any once the threads are gone. */
void transport_release(struct connection *c);
/* Closes what is over its time; @all: everything. Under server->mutex. */
void connections_check(struct http_server *s, bool all);
/* Gives a new TLS session the newest certificate and the way clients are verified. Under server->mutex. */
void tls_session_prepare(struct http_server *s, struct connection *c, gnutls_session_t session);

#endif
