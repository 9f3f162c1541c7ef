/* Names of images: distribution/reference, "grammar". */
#include "format/image_reference.h"

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_word(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* [a-z0-9]+ parted by one '.', one or two '_', or any number of '-'. */
static bool is_component(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (is_lower(s.p[i]))
			continue;
		size_t from = i;
		while (i < s.n && s.p[i] == s.p[from])
			i++;
		size_t n = i - from;
		char c = s.p[from];
		if (from == 0 || i == s.n || !is_lower(s.p[i]) || !(c == '-' || (c == '.' && n == 1) || (c == '_' && n <= 2)))
			return false;
	}
	return s.n > 0;
}

static bool is_tag(struct span s)
{
	if (s.n == 0 || s.n > 128 || !is_word(s.p[0]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_word(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
			return false;
	return true;
}

static bool is_digest(struct span s)
{
	static const struct {
		const char *algorithm;
		size_t digits;
	} rows[] = { { "sha256:", 64 }, { "sha384:", 96 }, { "sha512:", 128 } };
	size_t k = 0;
	while (k < RF_COUNT(rows) && !(span_starts(s, rows[k].algorithm) && s.n == 7 + rows[k].digits))
		k++;
	if (k == RF_COUNT(rows))
		return false;
	for (size_t i = 7; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
			return false;
	return true;
}

/* A host name or [address], and a port of digits. */
static bool is_host(struct span s)
{
	size_t end = 0;
	if (span_starts(s, "[")) {
		end = span_find_byte(s, ']');
		if (end == SIZE_MAX)
			return false;
		for (size_t i = 1; i < end; i++)
			if (!(is_lower(s.p[i]) || (s.p[i] >= 'A' && s.p[i] <= 'F') || s.p[i] == ':'))
				return false;
		end++;
	} else {
		while (end < s.n && (is_lower(s.p[end]) || (s.p[end] >= 'A' && s.p[end] <= 'Z') || s.p[end] == '-' || s.p[end] == '.'))
			end++;
	}
	struct span port = span_from(s, end);
	return end > 0 && (port.n == 0 || (port.p[0] == ':' && port.n <= 6 && span_is_digits(span_from(port, 1))));
}

static bool names_host(struct span first)
{
	return span_find_byte(first, '.') != SIZE_MAX || span_find_byte(first, ':') != SIZE_MAX || span_eq_text(first, "localhost");
}

static int wrong(struct span text, const char *what, struct err *err)
{
	return err_set(err, RF_EINVALID, "\"%.*s\" is no reference to an image: %s", SPAN_ARG(text), what);
}

/* Cuts tag and digest off *rest. */
static int versions_read(struct span text, struct span *rest, struct image_reference *r, struct err *err)
{
	size_t at = span_find_byte(*rest, '@');
	if (at != SIZE_MAX) {
		r->digest = span_from(*rest, at + 1);
		*rest = span_sub(*rest, 0, at);
		if (!is_digest(r->digest))
			return wrong(text, "behind '@' stands sha256:, sha384: or sha512: and all of its lower case hex digits", err);
	}
	size_t colon = span_rfind_byte(*rest, ':'), slash = span_rfind_byte(*rest, '/');
	if (colon != SIZE_MAX && (slash == SIZE_MAX || colon > slash)) {
		r->tag = span_from(*rest, colon + 1);
		*rest = span_sub(*rest, 0, colon);
		if (!is_tag(r->tag))
			return wrong(text, "a tag is up to 128 letters, digits, '_', '.', '-'", err);
	}
	return 0;
}

int image_reference_read(struct span text, struct image_reference *ret, struct err *err)
{
	struct image_reference r = { .registry = SPAN(IMAGE_DOCKER_HUB) };
	struct span rest = text, part;
	if (text.n >= IMAGE_REFERENCE_MAX)
		return err_set(err, RF_EINVALID, "a reference to an image has less than %d bytes", IMAGE_REFERENCE_MAX);
	size_t slash = span_find_byte(rest, '/');
	if (slash != SIZE_MAX && names_host(span_sub(rest, 0, slash))) {
		r.registry = span_sub(rest, 0, slash);
		r.has_host = true;
		rest = span_from(rest, slash + 1);
		if (!is_host(r.registry))
			return wrong(text, "in front of the first '/' stands a host, with or without a port", err);
	}
	int rc = versions_read(text, &rest, &r, err);
	if (rc)
		return rc;
	r.has_version = r.tag.n || r.digest.n;
	r.repository = rest;
	if (rest.n == 0 || rest.n > IMAGE_REFERENCE_MAX_NAME)
		return wrong(text, "a name has 1 to 255 bytes", err);
	while (span_split(&rest, '/', &part))
		if (!is_component(part))
			return wrong(text, "a name is lower case letters and digits, parted by '/', '.', '_', '-'", err);
	if (span_eq_text(r.registry, "index.docker.io"))
		r.registry = SPAN(IMAGE_DOCKER_HUB);
	if (span_eq_text(r.registry, IMAGE_DOCKER_HUB) && span_find_byte(r.repository, '/') == SIZE_MAX)
		r.folder = SPAN("library");
	/* as it is written whole: what is taken can be written back */
	if (r.folder.n && r.folder.n + 1 + r.repository.n > IMAGE_REFERENCE_MAX_NAME)
		return wrong(text, "a name has at most 255 bytes, Docker Hub's \"library/\" included", err);
	if (!r.has_version)
		r.tag = SPAN("latest");
	*ret = r;
	return 0;
}

const char *image_reference_text(const struct image_reference *r, char *buffer)
{
	(void)snprintf(buffer, IMAGE_REFERENCE_MAX, "%.*s/%.*s%s%.*s%s%.*s%s%.*s", SPAN_ARG(r->registry), SPAN_ARG(r->folder),
		       r->folder.n ? "/" : "", SPAN_ARG(r->repository), r->tag.n ? ":" : "", SPAN_ARG(r->tag), r->digest.n ? "@" : "",
		       SPAN_ARG(r->digest));
	return buffer;
}

bool image_registry_is_loopback(struct span registry)
{
	struct span host = span_starts(registry, "[") ? registry : span_sub(registry, 0, span_find_byte(registry, ':'));
	if (span_starts(host, "[::1]") || span_eq_nocase(host, SPAN("localhost")))
		return true;
	struct span rest = host, part;
	size_t parts = 0;
	while (span_split(&rest, '.', &part)) { /* "127.example.org" is no address */
		uint64_t v;
		if (!span_u64(part, &v) || v > 255 || (parts == 0 && v != 127))
			return false;
		parts++;
	}
	return parts == 4;
}
