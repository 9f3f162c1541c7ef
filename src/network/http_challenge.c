/* WWW-Authenticate: scheme, then key="value" or key=value, parted by commas; the next word without '=' is the next scheme. */
#include "network/http_challenge.h"

struct reading {
	struct span rest;
	struct err *err;
};

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip(struct reading *r, const char *bytes)
{
	while (r->rest.n && strchr(bytes, r->rest.p[0]) && r->rest.p[0])
		r->rest = span_from(r->rest, 1);
}

static struct span token(struct reading *r)
{
	size_t n = 0;
	while (n < r->rest.n && is_token(r->rest.p[n]))
		n++;
	struct span s = span_sub(r->rest, 0, n);
	r->rest = span_from(r->rest, n);
	return s;
}

static int malformed(struct reading *r)
{
	return err_set(r->err, RF_EFORMAT, "the server's WWW-Authenticate is no list of challenges (RFC 9110, 11.6.1)");
}

/* A quoted or a plain value into @to; NULL: passed over. */
static int value(struct reading *r, char *to)
{
	size_t n = 0;
	bool quoted = r->rest.n && r->rest.p[0] == '"';
	if (quoted)
		r->rest = span_from(r->rest, 1);
	for (; r->rest.n; r->rest = span_from(r->rest, 1)) {
		char c = r->rest.p[0];
		if (quoted ? c == '"' : c == ',' || c == ' ' || c == '\t')
			break;
		if (quoted && c == '\\' && r->rest.n > 1) {
			r->rest = span_from(r->rest, 1);
			c = r->rest.p[0];
		}
		if ((unsigned char)c < ' ' || c == 127)
			return malformed(r);
		if (!to)
			continue;
		if (n + 1 >= HTTP_CHALLENGE_VALUE)
			return err_set(r->err, RF_ETOOBIG, "a value of the server's WWW-Authenticate has %d bytes or more", HTTP_CHALLENGE_VALUE);
		to[n++] = c;
	}
	if (quoted && !r->rest.n)
		return malformed(r);
	if (quoted)
		r->rest = span_from(r->rest, 1);
	if (to)
		to[n] = '\0';
	return 0;
}

static char *place_of(struct http_challenge *c, struct span key)
{
	if (span_eq_nocase(key, SPAN("realm")))
		return c->realm;
	if (span_eq_nocase(key, SPAN("service")))
		return c->service;
	return span_eq_nocase(key, SPAN("scope")) ? c->scope : NULL;
}

static enum http_challenge_scheme scheme_of(struct span s)
{
	if (span_eq_nocase(s, SPAN("bearer")))
		return HTTP_CHALLENGE_BEARER;
	return span_eq_nocase(s, SPAN("basic")) ? HTTP_CHALLENGE_BASIC : HTTP_CHALLENGE_NONE;
}

/* The parameters of one challenge; stops in front of the next scheme. */
static int parameters(struct reading *r, struct http_challenge *c)
{
	for (;;) {
		skip(r, " \t,");
		struct reading ahead = *r;
		struct span key = token(&ahead);
		skip(&ahead, " \t");
		if (key.n == 0 || !ahead.rest.n || ahead.rest.p[0] != '=')
			return 0;
		ahead.rest = span_from(ahead.rest, 1);
		skip(&ahead, " \t");
		int rc = value(&ahead, place_of(c, key));
		if (rc)
			return rc;
		r->rest = ahead.rest;
	}
}

int http_challenge_read(struct span header, struct http_challenge *ret, struct err *err)
{
	struct reading r = { header, err };
	struct http_challenge best = { .scheme = HTTP_CHALLENGE_NONE };
	for (;;) {
		skip(&r, " \t,");
		if (!r.rest.n)
			break;
		struct span scheme = token(&r);
		struct http_challenge c = { .scheme = scheme_of(scheme) };
		if (!scheme.n || (r.rest.n && !strchr(" \t,", r.rest.p[0])))
			return malformed(&r);
		int rc = parameters(&r, &c);
		if (rc)
			return rc;
		if (c.scheme > best.scheme)
			best = c;
	}
	*ret = best;
	return 0;
}
