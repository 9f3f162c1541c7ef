/*
 * http_challenge - what a server says that it wants to be told: WWW-Authenticate (RFC 9110, 11.6.1; RFC 6750, 3).
 *
 * Pure. May use base/ only.
 */
#ifndef REFORGE_NETWORK_HTTP_CHALLENGE_H
#define REFORGE_NETWORK_HTTP_CHALLENGE_H

#include "base/err.h"
#include "base/span.h"

#define HTTP_CHALLENGE_VALUE 1024
enum http_challenge_scheme { HTTP_CHALLENGE_NONE = 0, HTTP_CHALLENGE_BASIC, HTTP_CHALLENGE_BEARER };
struct http_challenge {
	enum http_challenge_scheme scheme;
	char realm[HTTP_CHALLENGE_VALUE]; /* Bearer at registries: the address that gives tokens. "" when not said */
	char service[HTTP_CHALLENGE_VALUE];
	char scope[HTTP_CHALLENGE_VALUE];
};
/* Takes the best of the challenges in @header: Bearer, else Basic. Other schemes are passed over: NONE. RF_EFORMAT: no list of
 * challenges; RF_ETOOBIG: a value of HTTP_CHALLENGE_VALUE bytes or more. */
RF_MUST_CHECK int http_challenge_read(struct span header, struct http_challenge *ret, struct err *err);

#endif
