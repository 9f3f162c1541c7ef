/*
 * Debian: [epoch:]upstream[-revision], deb-version(7). Letters sort before other signs, and "~" before everything, the
 * end too; runs of digits compare as numbers. The revision begins at the last "-".
 */
#include "version/scheme_int.h"

struct deb {
	uint64_t epoch;
	struct span upstream, revision;
};

static struct deb split(struct span text)
{
	struct deb d = { 0 };
	size_t colon = span_find_byte(text, ':');
	if (colon != SIZE_MAX) {
		(void)span_u64(span_sub(text, 0, colon), &d.epoch);
		text = span_from(text, colon + 1);
	}
	size_t dash = span_rfind_byte(text, '-');
	d.upstream = span_sub(text, 0, dash);
	d.revision = dash == SIZE_MAX ? SPAN_NONE : span_from(text, dash + 1);
	return d;
}

bool scheme_deb_read(struct span text, struct version_key *ret)
{
	size_t colon = span_find_byte(text, ':');
	uint64_t epoch;
	if (colon != SIZE_MAX && (!span_u64(span_sub(text, 0, colon), &epoch) || epoch > INT64_MAX))
		return false;
	struct deb d = split(text);
	if (!d.upstream.n || !scheme_is_digit(d.upstream.p[0]) || span_ends(text, "-"))
		return false;
	for (size_t i = colon == SIZE_MAX ? 0 : colon + 1; i < text.n; i++) {
		char c = text.p[i];
		bool ok = scheme_is_digit(c) || scheme_is_letter(c) || c == '.' || c == '+' || c == '-' || c == '~' ||
			  (c == ':' && colon != SIZE_MAX);
		if (!ok)
			return false;
	}
	ret->part_count = 1;
	return true;
}

static int weight(struct span s, size_t i)
{
	if (i >= s.n || scheme_is_digit(s.p[i]))
		return 0;
	if (s.p[i] == '~')
		return -1;
	return scheme_is_letter(s.p[i]) ? s.p[i] : s.p[i] + 256;
}

/* Numbers of any length, without reading them: leading zeroes off, then the longer one is larger. */
static int digits_compare(struct span a, size_t *i, struct span b, size_t *j)
{
	while (*i < a.n && a.p[*i] == '0')
		++*i;
	while (*j < b.n && b.p[*j] == '0')
		++*j;
	int first = 0;
	while (*i < a.n && scheme_is_digit(a.p[*i]) && *j < b.n && scheme_is_digit(b.p[*j])) {
		if (!first)
			first = a.p[*i] - b.p[*j];
		++*i;
		++*j;
	}
	if (*i < a.n && scheme_is_digit(a.p[*i]))
		return 1;
	if (*j < b.n && scheme_is_digit(b.p[*j]))
		return -1;
	return first;
}

static int part_compare(struct span a, struct span b)
{
	size_t i = 0, j = 0;
	while (i < a.n || j < b.n) {
		while ((i < a.n && !scheme_is_digit(a.p[i])) || (j < b.n && !scheme_is_digit(b.p[j]))) {
			int c = weight(a, i) - weight(b, j);
			if (c)
				return c;
			i++;
			j++;
		}
		int c = digits_compare(a, &i, b, &j);
		if (c)
			return c;
	}
	return 0;
}

enum version_order scheme_deb_compare(const struct version_key *a, const struct version_key *b)
{
	struct deb da = split(a->text), db = split(b->text);
	int c = da.epoch < db.epoch ? -1 : da.epoch > db.epoch;
	if (!c)
		c = part_compare(da.upstream, db.upstream);
	if (!c)
		c = part_compare(da.revision, db.revision);
	return c < 0 ? VERSION_LESS : c > 0 ? VERSION_GREATER : VERSION_EQUAL;
}
