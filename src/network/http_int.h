/*
 * http_int - what the files of the HTTP client share. Private to network/.
 */
#ifndef REFORGE_NETWORK_HTTP_INT_H
#define REFORGE_NETWORK_HTTP_INT_H

#include "base/span.h"

/* Parts of an address; all point into it. */
struct http_url {
	bool https;
	struct span user;      /* "name:password" */
	struct span host;      /* with port */
	struct span path;      /* from the first '/'; may be empty */
	struct span query;     /* with its '?' */
};
/* False when it is no http(s) address, longer than HTTP_MAX_URL, or holds blanks, control characters or backslashes. */
bool http_url_split(struct span url, struct http_url *ret);
/* Scheme, host and port as written ("https://h" and "https://h:443" differ: stricter is fine here). */
bool http_same_origin(const char *a, const char *b);

#endif
