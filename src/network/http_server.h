/*
 * http_server - HTTP/1.1 over TLS for a fixed table of routes: whole requests in, whole answers out.
 *
 * May use base/ only. libmicrohttpd and GnuTLS do the work (http_libmicrohttpd.h says how they come in); nobody outside
 * of network/ sees them. A thread per processor serves connections from its own epoll set; a route's handle() is called
 * on it once a request is complete, and must not block: no disk, no database, no lock that waits for either.
 *
 *   request ─► route (404, 405) ─► certificate (403) ─► body, bounded (413, 503) ─► handle() ─► answer
 *
 * Held in every case:
 *   - TLS 1.3 and 1.2 with AEAD ciphers and forward secrecy; without a certificate on loopback addresses only.
 *   - Connections: a cap. At the cap a new one takes the place of the one that has been idle for longest; those that
 * have never asked anything go first, one with a request under way never goes. So idle connections, however many, shut
 *     nobody out.
 *   - Time: a request must be complete (first byte of a new connection, TLS included, to last byte of the body, to the
 * answer taken) within @request_usec; a connection may be idle for @idle_usec. No trickle of bytes extends either.
 *   - Memory: HTTP_SERVER_POOL_BYTES a connection and some 14 KiB of TLS; 32 KiB a thread for what is received ahead, and
 *     as much of a connection whose next records came with the one that is read; bodies up to the route's limit while
 *     they are being read, @max_bodies_bytes of all connections together.
 *   - Certificate, key and authorities are read again when their files change: new connections get them, others are not
 *     touched. Files that do not fit each other leave the old ones in force, and notice() says so.
 *   - HTTP/1.1 and 1.0; a chunked body is bounded as any other; no upgrade, no pipelining side effects, no compression.
 */
#ifndef REFORGE_NETWORK_HTTP_SERVER_H
#define REFORGE_NETWORK_HTTP_SERVER_H

#include "base/err.h"
#include "base/span.h"
#include "base/time.h"

#define HTTP_SERVER_MAX_THREADS 64
#define HTTP_SERVER_MAX_CONNECTIONS 16384
#define HTTP_SERVER_CONNECTIONS 1024
#define HTTP_SERVER_BODIES_BYTES (32 * MIB)
#define HTTP_SERVER_IDLE_USEC (120 * USEC_PER_SEC)
#define HTTP_SERVER_REQUEST_USEC (10 * USEC_PER_SEC)
/* Request line, headers and what of a body comes with them. Longer ones are answered with 431 or 414 by the library. */
#define HTTP_SERVER_POOL_BYTES (8 * KIB)
/* What is read and thrown away of a body over the limit, so that the sender sees 413 instead of a broken connection. */
#define HTTP_SERVER_SWALLOW_BYTES (16 * MIB)

struct http_server;

struct http_call {
	struct span method, path;   /* "GET" for HEAD too; the path without query, not decoded */
	struct span content_type;   /* as sent; empty when absent */
	struct span body;           /* whole; lives until handle() returns */
	bool verified;              /* the client's certificate holds and has one of the names */
	void *worker;               /* of this thread: worker_new()'s */
	struct http_server *server; /* that serves it: for http_server_count() */
};

struct http_answer { /* zeroed, but for status 200, when handle() is called */
	int status;
	const char *content_type; /* static; NULL: "text/plain; charset=utf-8" */
	struct span body;         /* copied when handle() returns */
};

struct http_route {
	const char *method, *path; /* "GET" (serves HEAD as well) or "POST"; the whole path, "/healthz" */
	size_t max_body_bytes;     /* 0: no body is taken */
	bool certificate;          /* only for clients with a certificate, when the server asks for one */
	void (*handle)(const struct http_call *call, struct http_answer *answer, void *data);
};

struct http_server_settings {                    /* everything in it must live until the server is freed */
	const char *address;                     /* numeric; "::" takes IPv4 too */
	uint16_t port;                           /* 0: any free one, http_server_port() tells */
	const char *certificate_file, *key_file; /* PEM, the chain with the leaf first; both, or none for plain HTTP */
	const char *client_ca_file; /* PEM: whose clients are verified; NULL: no client is asked for a certificate */
	const char *const
		*client_names; /* common name or DNS name a client's certificate must have one of; none: any */
	size_t client_names_n;
	unsigned threads;                /* 0: thread_cpus() */
	unsigned max_connections;        /* 0: HTTP_SERVER_CONNECTIONS */
	int64_t idle_usec, request_usec; /* 0: the defaults above */
	size_t max_bodies_bytes;         /* 0: HTTP_SERVER_BODIES_BYTES */
	const struct http_route *routes;
	size_t routes_n;
	void *(*worker_new)(void *data); /* once a serving thread; NULL answer: that thread answers 503. May be NULL */
	void (*worker_free)(void *worker); /* when the thread ends */
	void (*notice)(bool trouble, const char *text,
		       void *data); /* certificate exchanged, or not; any thread. May be NULL */
	void *data;                 /* for the functions above and handle() */
};

struct http_server_counts { /* since the start, but for @open, @active, @bodies_bytes */
	uint64_t open, active, bodies_bytes;
	uint64_t accepted, requests;
	uint64_t refused; /* requests answered by the server itself: 403, 404, 405, 413, 503 */
	uint64_t idle_closed, slow_closed, displaced;
	uint64_t certificates_refused; /* of clients, during the handshake */
	uint64_t reloads, reload_failures;
	usec_t certificate_expires; /* of the leaf; USEC_NONE without TLS */
};

/* Listens and serves when it returns 0. RF_EUNSUPPORTED when libmicrohttpd or GnuTLS is not installed; RF_EINVALID
 * settings, a certificate and key that do not fit; errors of fs_read() for their files; RF_EIO when the address cannot
 * be had. */
RF_MUST_CHECK int http_server_new(const struct http_server_settings *settings, struct http_server **ret,
				  struct err *err);
/* Ends graceful stop: waits up to request_usec for requests under way, then closes what is left. NULL is fine. */
void http_server_free(struct http_server *s);

uint16_t http_server_port(const struct http_server *s);
/* Begins a graceful stop: the port is closed, every answer from now on also closes its connection. */
void http_server_drain(struct http_server *s);
/* The files are read again at once, changed or not. */
void http_server_reload(struct http_server *s);
void http_server_count(struct http_server *s, struct http_server_counts *ret);

#endif
