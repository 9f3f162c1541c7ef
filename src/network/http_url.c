/*
 * http_url - addresses: taking them apart, joining, showing them without secrets (RFC 3986, for http and https only).
 */
#include "network/http_client.h"
#include "network/http_int.h"

bool http_url_split(struct span url, struct http_url *ret)
{
	*ret = (struct http_url){ 0 };
	if (url.n >= HTTP_MAX_URL)
		return false;
	for (size_t i = 0; i < url.n; i++)
		if ((unsigned char)url.p[i] <= ' ' || (unsigned char)url.p[i] == 127 || url.p[i] == '\\')
			return false;
	size_t scheme = span_starts_nocase(url, "https://") ? 8 : span_starts_nocase(url, "http://") ? 7 : 0;
	if (!scheme)
		return false;
	ret->https = scheme == 8;
	struct span rest = span_from(url, scheme);
	size_t end = 0;
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?' && rest.p[end] != '#')
		end++;
	struct span authority = span_sub(rest, 0, end);
	size_t at = span_rfind_byte(authority, '@');
	ret->user = at == SIZE_MAX ? SPAN_NONE : span_sub(authority, 0, at);
	ret->host = at == SIZE_MAX ? authority : span_from(authority, at + 1);
	rest = span_from(rest, end);
	ret->path = span_sub(rest, 0, RF_MIN(span_find_byte(rest, '?'), span_find_byte(rest, '#')));
	rest = span_from(rest, ret->path.n);
	ret->query = span_starts(rest, "?") ? span_sub(rest, 0, span_find_byte(rest, '#')) : SPAN_NONE;
	return ret->host.n > 0 && ret->host.p[0] != ':';
}

bool http_url_is_valid(const char *url)
{
	struct http_url u;
	return http_url_split(span_of(url), &u);
}

const char *http_url_visible(const char *url, char *buffer, size_t size)
{
	struct http_url u;
	if (!http_url_split(span_of(url), &u)) {
		(void)snprintf(buffer, size, "(no address)");
		return buffer;
	}
	RF_AUTO(str) text = STR_INIT(4 * HTTP_MAX_URL);
	str_add_visible(&text, u.host);
	str_add_visible(&text, u.path);
	(void)snprintf(buffer, size, "http%s://%s%s", u.https ? "s" : "", str_text(&text), u.query.n ? "?…" : "");
	return buffer;
}

/* RFC 3986, 5.2.4: "a/./b" and "a/x/../b" are "a/b". @path starts with '/'. */
static void add_without_dots(struct str *to, struct span path)
{
	size_t root = to->n;
	struct span rest = span_from(path, 1), part;
	while (span_split(&rest, '/', &part)) {
		bool last = rest.p == NULL;
		if (span_eq_text(part, "..")) {
			while (to->n > root && to->p[--to->n] != '/')
				;
		}
		if (!span_eq_text(part, ".") && !span_eq_text(part, "..")) {
			str_add_byte(to, '/');
			str_add(to, part);
		} else if (last) {
			str_add_byte(to, '/');
		}
	}
}

static void add_origin(struct str *to, const struct http_url *u)
{
	str_add_text(to, u->https ? "https://" : "http://");
	if (u->user.n) {
		str_add(to, u->user);
		str_add_byte(to, '@');
	}
	str_add(to, u->host);
}

/* A reference with a scheme of its own: letters, then ':' before any '/', '?' or '#'. */
static bool has_scheme(struct span reference)
{
	for (size_t i = 0; i < reference.n; i++) {
		char c = reference.p[i];
		if (c == ':')
			return i > 0;
		if (c == '/' || c == '?' || c == '#')
			return false;
	}
	return false;
}

static void join(struct str *to, const struct http_url *base, struct span reference)
{
	struct span path = span_sub(reference, 0, RF_MIN(span_find_byte(reference, '?'), span_find_byte(reference, '#')));
	struct span query = span_from(reference, path.n);
	query = span_sub(query, 0, span_find_byte(query, '#'));
	RF_AUTO(str) whole = STR_INIT(2 * HTTP_MAX_URL);
	if (span_starts(reference, "//")) {
		str_add_text(to, base->https ? "https:" : "http:");
		str_add(to, reference);
		return;
	}
	add_origin(to, base);
	if (!path.n) {
		str_add(to, base->path);
		str_add(to, query.n ? query : base->query);
		return;
	}
	if (path.p[0] != '/') {
		size_t folder = span_rfind_byte(base->path, '/');
		str_add(&whole, folder == SIZE_MAX ? SPAN("/") : span_sub(base->path, 0, folder + 1));
	}
	str_add(&whole, path);
	add_without_dots(to, str_span(&whole));
	str_add(to, query);
}

int http_url_join(const char *base, struct span reference, char *ret, size_t size, struct err *err)
{
	struct http_url b, result;
	RF_AUTO(str) to = STR_INIT(2 * HTTP_MAX_URL);
	if (!http_url_split(span_of(base), &b))
		return err_set(err, RF_EINVALID, "the address it is relative to is none of http or https");
	if (reference.n >= HTTP_MAX_URL)
		return err_set(err, RF_ETOOBIG, "an address of %zu bytes; %d are accepted", reference.n, HTTP_MAX_URL);
	if (has_scheme(reference))
		str_add(&to, reference);
	else
		join(&to, &b, reference);
	if (to.failed || to.n >= size)
		return err_set(err, RF_ETOOBIG, "an address of more than %zu bytes", size - 1);
	if (!http_url_split(str_span(&to), &result))
		return err_set(err, RF_EINVALID, "not an address of http or https");
	memcpy(ret, str_text(&to), to.n + 1);
	return 0;
}

void http_query_add(struct str *to, struct span text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' ||
		    c == '~') {
			str_add_byte(to, (char)c);
			continue;
		}
		str_add_byte(to, '%');
		str_add_byte(to, digits[c >> 4]);
		str_add_byte(to, digits[c & 15]);
	}
}

bool http_same_origin(const char *a, const char *b)
{
	struct http_url x, y;
	return http_url_split(span_of(a), &x) && http_url_split(span_of(b), &y) && x.https == y.https &&
	       span_eq_nocase(x.host, y.host);
}
