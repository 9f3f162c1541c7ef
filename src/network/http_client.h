/*
 * http_client - GET over HTTP and HTTPS, for feeds, registries and clusters; POST, for webhooks.
 *
 * May use base/ only. libcurl does the work; it is loaded on first use (http_libcurl.h says why). One client is one
 * connection cache with its settings, used by one thread at a time; several clients are fine.
 *
 *   request {url, headers, etag} ──http_get()──► response {status, etag, Retry-After} + body into a str or a sink
 *
 * Held in every case: certificates and host names are verified (there is no switch); only http and https, redirects from
 * https to https only, at most HTTP_MAX_REDIRECTS; headers marked secret go to the first origin only; no cookies, no
 * .netrc, no proxy from the environment (the configuration alone says what is reached). Errors name the address without
 * user, password and query, and never a header.
 */
#ifndef REFORGE_NETWORK_HTTP_CLIENT_H
#define REFORGE_NETWORK_HTTP_CLIENT_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#define HTTP_MAX_REDIRECTS 5
#define HTTP_MAX_URL 4096
/* Headers of one answer; NVD and the code hosts stay below 8 KiB. */
#define HTTP_MAX_HEADER_BYTES (64 * KIB)
#define HTTP_MAX_REQUEST_HEADERS 16

struct http_settings {
	const char *proxy;            /* "http://proxy:3128", "socks5h://..."; NULL: none */
	const char *ca_file;          /* PEM; NULL: the system's authorities */
	struct span ca_pem;           /* the same as bytes, which wins over ca_file; empty: none */
	struct span certificate_pem, key_pem; /* of this client, for TLS; both or none */
	int64_t connect_usec;         /* to connect, TLS included; 0: 20 s */
};

/* Retries: connections that fail or break, bodies cut short, 408, 425, 429, 500, 502, 503, 504 and what @statuses adds. */
struct http_retry {
	unsigned attempts;            /* all together; 0: 1 */
	int64_t first_usec;           /* before the second attempt; doubles, plus up to a quarter at random; 0: 1 s */
	int64_t most_usec;            /* longest wait; a Retry-After beyond it ends the attempts; 0: 2 min */
	bool forbidden_too;           /* 403: NVD answers so to more requests than it allows */
};

struct http_header {
	const char *name, *value;     /* no control characters (RF_EINVALID) */
	bool secret;                  /* dropped when a redirect leaves the origin */
};

struct http_request {
	const char *url;
	const struct http_header *headers;
	size_t header_count;
	const char *etag;             /* If-None-Match; NULL or "": none */
	const char *last_modified;    /* If-Modified-Since; NULL or "": none */
	int64_t deadline_usec;        /* one attempt with its redirects; mandatory, > 0 */
	size_t max_bytes;             /* of the body, decompressed; mandatory, > 0; more is RF_ETOOBIG */
	struct span content;          /* http_post(): what is sent */
	bool as_stored;               /* the body's bytes as the server has them: no compression is asked for or taken off */
	struct http_retry retry;
	struct str *body;             /* reset before each attempt; NULL: @sink */
	int (*start)(void *data, struct err *err);     /* before each attempt: forget what an earlier one gave; NULL: nothing */
	int (*sink)(struct span piece, void *data);     /* pieces of a 2xx body, decompressed; non-zero ends and is returned */
	void *data;
	/* Called before each request that is sent, redirects too: waits for a rate limit. Non-zero ends and is returned. */
	int (*before)(void *data, struct err *err);
	void *before_data;
};

struct http_response {
	int status;                   /* 200, 304, 404, ...; the last one */
	char etag[256];               /* "" when absent or longer */
	char last_modified[64];
	char content_type[128];
	char message[256];            /* the header "message", in which NVD explains an error; made visible */
	char authenticate[2048];      /* WWW-Authenticate, several joined by ", " (http_challenge.h); "" when absent or longer */
	char url[HTTP_MAX_URL];       /* where it came from in the end, without user and password */
	int64_t retry_after_usec;     /* -1: not said */
	uint64_t body_bytes;          /* decompressed */
	unsigned requests;            /* sent, retries and redirects included */
};

struct http_client;
/* @settings are copied. RF_EUNSUPPORTED when libcurl is not installed, RF_EINVALID (proxy), RF_ENOMEM. */
RF_MUST_CHECK int http_client_new(const struct http_settings *settings, struct http_client **ret, struct err *err);
void http_client_free(struct http_client *c);          /* NULL is fine */
void http_client_freep(struct http_client **c);

/*
 * One GET, tried again as @request->retry says. Returns 0 for any complete answer of 2xx or 304 -- @ret->status tells --
 * and for none else:
 * RF_ENOTFOUND 404, 410; RF_EPERM 401, 403, 407; RF_EBUSY 429, 503; RF_EIO other statuses, no connection, names that do not
 * resolve; RF_EVERIFY a certificate that does not hold; RF_ETRUNCATED a body cut short; RF_ETOOBIG; RF_ETIMEOUT;
 * RF_ECANCELLED (thread_stop_wanted()); RF_EINVALID an address that is none of http or https, a redirect elsewhere.
 * @ret is set in every case, as far as the answer went.
 */
RF_MUST_CHECK int http_get(struct http_client *c, const struct http_request *request, struct http_response *ret, struct err *err);

/* The same with POST of request->content; its headers name the content type. A redirect is not followed (RF_EIO): what
 * is sent is for this address. */
RF_MUST_CHECK int http_post(struct http_client *c, const struct http_request *request, struct http_response *ret, struct err *err);

/* "https://host/path" of @url: no user, password, query or fragment; what is no address becomes "(no address)". For
 * messages, logs and lists of addresses. Returns @buffer. */
const char *http_url_visible(const char *url, char *buffer, size_t size);
/* True for http:// and https:// with a host. */
bool http_url_is_valid(const char *url);
/* @reference against @base as RFC 3986, 5.2, for http(s); "../x", "/x", "//h/x", "https://..." alike. RF_EINVALID when the
 * result is no http(s) address, RF_ETOOBIG. */
RF_MUST_CHECK int http_url_join(const char *base, struct span reference, char *ret, size_t size, struct err *err);
/* Appends @text percent-encoded (RFC 3986, 2.3: unreserved bytes stay). */
void http_query_add(struct str *to, struct span text);
/* Waits, in steps of at most 50 ms; RF_ECANCELLED when a stop is wanted. */
RF_MUST_CHECK int http_wait(int64_t usec, struct err *err);

#endif
