/* Package URLs, https://github.com/package-url/purl-spec: read from the right as "How to parse" there says. */
#include "version/product.h"

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static int percent_decode(struct arena *a, struct span s, struct span whole, struct span *ret, struct err *err)
{
	char *to = arena_alloc(a, s.n + 1);
	if (!to)
		return err_set(err, RF_ENOMEM, "package URL");
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '%') {
			int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1,
			    low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
			if (high < 0 || low < 0 || (high == 0 && low == 0)) {
				(void)err_set(err, RF_EFORMAT,
					      "purl: two hex digits that are not 00 follow a percent sign");
				return err ? err_at_offset(err, (uint64_t)(s.p + i - whole.p)) : RF_EFORMAT;
			}
			c = (char)(high * 16 + low);
			i += 2;
		}
		to[n++] = c;
	}
	*ret = (struct span){ to, n };
	return 0;
}

static int bad(struct span whole, struct err *err, const char *rule)
{
	return err_set(err, RF_EFORMAT, "\"%.*s\" is no package URL: %s", SPAN_ARG(span_sub(whole, 0, 200)), rule);
}

/* Letters, digits, '.', '+', '-', beginning with a letter. */
static bool type_is_valid(struct span type)
{
	for (size_t i = 0; i < type.n; i++) {
		char c = type.p[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && (!i || !((c >= '0' && c <= '9') || c == '.' || c == '+' || c == '-')))
			return false;
	}
	return type.n > 0;
}

static struct span strip_slashes(struct span s)
{
	while (s.n && s.p[0] == '/')
		s = span_from(s, 1);
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

/* Cuts what stands behind the first @c off @s. */
static struct span cut_behind(struct span *s, char c)
{
	size_t at = span_find_byte(*s, c);
	if (at == SIZE_MAX)
		return SPAN_NONE;
	struct span behind = span_from(*s, at + 1);
	s->n = at;
	return behind;
}

static int lower_type(struct arena *a, struct span type, struct span *ret, struct err *err)
{
	char *text = arena_text(a, type);
	if (!text)
		return err_set(err, RF_ENOMEM, "package URL");
	for (char *c = text; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	*ret = (struct span){ text, type.n };
	return 0;
}

int purl_read(struct arena *a, struct span text, struct purl *ret, struct err *err)
{
	struct span whole = span_trim(text), rest = whole;
	if (rest.n > PURL_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "a package URL has at most %d bytes", PURL_MAX_BYTES);
	if (!span_starts_nocase(rest, "pkg:"))
		return bad(whole, err, "it begins with \"pkg:\"");
	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || rest.p[i] == 0x7f)
			return bad(whole, err, "blanks and control characters are percent-encoded");
	rest = strip_slashes(span_from(rest, 4));
	struct purl p = { .subpath = cut_behind(&rest, '#'), .qualifiers = cut_behind(&rest, '?') };
	/* the version stands behind the last '@' of the last part: npm's namespaces begin with one (written %40, or
	 * not) */
	size_t at = span_rfind_byte(rest, '@'), slash = span_rfind_byte(rest, '/');
	struct span version = SPAN_NONE;
	if (at != SIZE_MAX && (slash == SIZE_MAX || at > slash)) {
		version = span_from(rest, at + 1);
		rest.n = at;
	}
	rest = strip_slashes(rest);
	slash = span_find_byte(rest, '/');
	if (slash == SIZE_MAX || !type_is_valid(span_sub(rest, 0, slash)))
		return bad(whole, err, "a type (letters, digits, . + -) and a name stand behind \"pkg:\"");
	struct span type = span_sub(rest, 0, slash), path = strip_slashes(span_from(rest, slash));
	slash = span_rfind_byte(path, '/');
	struct span name = slash == SIZE_MAX ? path : span_from(path, slash + 1);
	struct span namespace_ = slash == SIZE_MAX ? SPAN_NONE : strip_slashes(span_sub(path, 0, slash));
	if (!name.n)
		return bad(whole, err, "the name is missing");
	int rc = lower_type(a, type, &p.type, err);
	if (!rc)
		rc = percent_decode(a, namespace_, whole, &p.namespace_, err);
	if (!rc)
		rc = percent_decode(a, name, whole, &p.name, err);
	if (!rc)
		rc = percent_decode(a, version, whole, &p.version, err);
	if (!rc)
		*ret = p;
	return rc;
}

/* What stays as it is: unreserved characters, and the colon. */
static void percent_encode(struct str *to, struct span s, bool slashes)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
			     c == '-' || c == '_' || c == '~' || c == ':' || (slashes && c == '/');
		if (plain)
			str_add_byte(to, c);
		else
			str_addf(to, "%%%02X", (unsigned)(unsigned char)c);
	}
}

void purl_write(struct str *to, const struct purl *p)
{
	str_add_text(to, "pkg:");
	str_add(to, p->type);
	str_add_byte(to, '/');
	percent_encode(to, p->namespace_, true);
	if (p->namespace_.n)
		str_add_byte(to, '/');
	percent_encode(to, p->name, false);
}

void purl_write_version(struct str *to, struct span version)
{
	if (version.n)
		str_add_byte(to, '@');
	percent_encode(to, version, false);
}
