/*
 * vers: the package-url project's notation of ranges, "vers:pypi/>=1.0|<1.4|!=1.2", and what CISA's documents make of
 * it: "vers:all/<V7.0.3", "vers:all/All versions < V4.33".
 *
 * Source: package-url/vers-spec, VERSION-RANGE-SPEC. Constraints are sorted by version and read as there: "=" and "!="
 * apart, then each lower bound opens an interval that the next upper bound closes. The specification drops redundant
 * constraints; dropping keeps the wider of two, and so does this.
 */
#include "version/range_int.h"

#include "version/scheme_int.h"

/* The longest list in the corpora has 211. */
#define VERS_MAX_CONSTRAINTS 1024

enum vers_sign { VERS_EQUAL, VERS_NOT, VERS_LESS, VERS_LESS_EQUAL, VERS_GREATER, VERS_GREATER_EQUAL };

struct constraint {
	enum vers_sign sign;
	struct span version;
};

static const struct {
	const char *text;
	enum vers_sign sign;
} signs[] = {
	{ ">=", VERS_GREATER_EQUAL }, { "<=", VERS_LESS_EQUAL }, { "!=", VERS_NOT },
	{ "<", VERS_LESS },           { ">", VERS_GREATER },     { "=", VERS_EQUAL },
};

static int hex(char c)
{
	return scheme_is_digit(c) ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* Versions are percent-encoded; a percent sign without two digits stands for itself. */
static struct span decode(struct arena *a, struct span s)
{
	if (span_find_byte(s, '%') == SIZE_MAX)
		return s;
	char *to = arena_text(a, s);
	size_t n = 0;
	if (!to)
		return SPAN_NONE;
	for (size_t i = 0; i < s.n; i++) {
		bool coded = s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0;
		to[n++] = coded ? (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])) : s.p[i];
		i += coded ? 2 : 0;
	}
	return (struct span){ to, n };
}

struct vers {
	struct arena *a;
	struct range *r;
	struct constraint *list;
	size_t count;
	struct err *err;
};

static int unread(struct vers *v, struct span text)
{
	v->r->readable = false;
	return err_set(v->err, RF_EUNREADABLE, "no version of scheme %s in \"%.*s\"", v->r->scheme->name,
		       SPAN_ARG(text));
}

/* Each constraint in its place: by version, upwards. */
static int insert(struct vers *v, struct span text, enum vers_sign sign, struct span version)
{
	version = decode(v->a, span_trim(version));
	if (!version_is_readable(v->r->scheme, version) && !range_is_family(v->r->scheme, version))
		return unread(v, text);
	if (v->count == VERS_MAX_CONSTRAINTS)
		return err_set(v->err, RF_ETOOMANY, "more than %d constraints in one vers", VERS_MAX_CONSTRAINTS);
	size_t at = v->count++;
	bool family;
	struct span own = range_bound_version(v->r->scheme, version, &family);
	for (; at > 0; at--) {
		struct span before = range_bound_version(v->r->scheme, v->list[at - 1].version, &family);
		enum version_order o = version_compare(v->r->scheme, before, own);
		if (o == VERSION_INCOMPARABLE)
			return unread(v, text);
		if (o != VERSION_GREATER)
			break;
		v->list[at] = v->list[at - 1];
	}
	v->list[at] = (struct constraint){ sign, version };
	return 0;
}

static int read_constraints(struct vers *v, struct span text)
{
	struct span rest = text, one;
	int rc = 0;
	while (!rc && span_split(&rest, '|', &one)) {
		enum vers_sign sign = VERS_EQUAL;
		one = span_trim(one);
		if (!one.n)
			continue;
		for (size_t i = 0; i < RF_COUNT(signs); i++)
			if (span_starts(one, signs[i].text)) {
				sign = signs[i].sign;
				one = span_from(one, strlen(signs[i].text));
				break;
			}
		rc = insert(v, text, sign, one);
	}
	return rc;
}

static int add(struct vers *v, struct range_interval interval)
{
	if (prose_is_zero(interval.low) && !interval.low_exclusive && !interval.exact)
		interval.low = SPAN_NONE;
	return range_add(v->a, v->r, &interval, v->err);
}

static int build(struct vers *v)
{
	struct range_interval open = { 0 };
	bool opened = false, any = false;
	int rc = 0;
	for (size_t i = 0; i < v->count && !rc; i++) {
		const struct constraint *c = &v->list[i];
		any |= c->sign != VERS_NOT;
		if (c->sign == VERS_EQUAL) {
			rc = add(v, (struct range_interval){ .low = c->version,
							     .high = c->version,
							     .high_inclusive = true,
							     .exact = true });
		} else if (c->sign == VERS_LESS || c->sign == VERS_LESS_EQUAL) {
			open.high = c->version;
			open.high_inclusive = c->sign == VERS_LESS_EQUAL;
			rc = add(v, open);
			open = (struct range_interval){ 0 };
			opened = false;
		} else if (c->sign != VERS_NOT && !opened) {
			open = (struct range_interval){ .low = c->version, .low_exclusive = c->sign == VERS_GREATER };
			opened = true;
		}
	}
	if (!rc && (opened || !any))
		rc = add(v, open); /* only "!=": everything else */
	return rc;
}

/* "!=1.2" cuts the intervals that hold 1.2 in two. */
static int exclude(struct vers *v, struct span version)
{
	size_t count = v->r->count;
	for (size_t i = 0; i < count; i++) {
		struct range one = *v->r;
		one.intervals = &v->r->intervals[i];
		one.count = 1;
		if (range_contains(&one, version) != RANGE_IN || one.intervals->exact)
			continue;
		struct range_interval above = *one.intervals;
		above.low = version;
		above.low_exclusive = true;
		one.intervals->high = version;
		one.intervals->high_inclusive = false;
		int rc = range_add(v->a, v->r, &above, v->err);
		if (rc)
			return rc;
	}
	return 0;
}

int range_read_vers(struct arena *a, const struct scheme *scheme, struct span text, struct range **ret, struct err *err)
{
	text = span_trim(text);
	if (!span_starts_nocase(text, "vers:"))
		return err_set(err, RF_EFORMAT, "vers: the text begins with \"vers:\"");
	struct span rest = span_from(text, 5), type = span_sub(rest, 0, span_find_byte(rest, '/'));
	struct span list = span_trim(span_from(rest, RF_MIN(type.n + 1, rest.n)));
	const struct scheme *own = scheme_of_type(type);
	if (own && (!scheme || !strcmp(scheme->name, "generic") || !strcmp(scheme->name, "plain")))
		scheme = own;
	if (!scheme)
		scheme = scheme_find(SPAN("generic"));
	struct range *r = range_new(a, scheme, "vers");
	struct vers v = { .a = a, .r = r, .err = err };
	RF_AUTO_FREE struct constraint *list_memory = rf_alloc(VERS_MAX_CONSTRAINTS * sizeof *list_memory);
	v.list = list_memory;
	if (!r || !v.list)
		return err_set(err, RF_ENOMEM, "version range");
	*ret = r;
	if (span_eq_text(type, "none") || text.n > RANGE_MAX_TEXT * 16 || !list.n)
		return span_eq_text(type, "none") ? 0 : unread(&v, text);
	if (span_eq_text(list, "*"))
		return add(&v, (struct range_interval){ 0 });
	int rc = read_constraints(&v, list);
	if (rc == RF_EUNREADABLE) /* CISA puts prose behind "vers:all/" */
		return range_read(a, scheme, list, SPAN_NONE, ret, err);
	if (!rc)
		rc = build(&v);
	for (size_t i = 0; i < v.count && !rc; i++)
		if (v.list[i].sign == VERS_NOT)
			rc = exclude(&v, v.list[i].version);
	if (!rc && !r->readable)
		rc = unread(&v, text);
	return rc;
}

/* ── Out ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void write_version(struct span version, struct str *to)
{
	for (size_t i = 0; i < version.n; i++) {
		char c = version.p[i];
		if (scheme_is_digit(c) || scheme_is_letter(c) || c == '.' || c == '-' || c == '_' || c == '~' ||
		    c == ':')
			str_add_byte(to, c);
		else
			str_addf(to, "%%%02X", (unsigned char)c);
	}
}

static void write_bounds(const struct range_bounds *b, struct str *to)
{
	if (b->low.n && b->high.n && span_eq(b->low, b->high)) {
		write_version(b->low, to);
		return;
	}
	if (b->low.n) {
		str_add_text(to, b->low_inclusive ? ">=" : ">");
		write_version(b->low, to);
	}
	if (b->low.n && b->high.n)
		str_add_byte(to, '|');
	if (b->high.n) {
		str_add_text(to, b->high_inclusive ? "<=" : "<");
		write_version(b->high, to);
	}
	if (!b->low.n && !b->high.n)
		str_add_byte(to, '*');
}

int range_write_vers(struct arena *a, const struct range *r, struct str *to, struct err *err)
{
	struct range_bounds *list = NULL;
	size_t count = 0;
	int rc = range_disjoint(a, r, &list, &count, err);
	if (rc)
		return rc;
	if (!count) {
		str_add_text(to, "vers:none/*");
		return 0;
	}
	str_addf(to, "vers:%s/", r->scheme->vers ? r->scheme->vers : "generic");
	for (size_t i = 0; i < count; i++) {
		if (i)
			str_add_byte(to, '|');
		write_bounds(&list[i], to);
	}
	return 0;
}
