/*
 * RPM: [epoch:]version[-release], rpm-version(7). Runs of digits and of letters are segments, other signs only part
 * them; numbers above letters, more segments above fewer, "~" below the end, "^" above the end and below any segment.
 * A text without a release compares with one that has it by epoch and version alone, as rpm's dependencies do: not an
 * order over all texts (1.0-1 < 1.0-2, 1.0 equal to both), so the release counts as empty here, and 1.0 < 1.0-1.
 */
#include "version/scheme_int.h"

struct rpm {
	uint64_t epoch;
	struct span version, release;
};

static struct rpm split(struct span text)
{
	struct rpm r = { 0 };
	size_t colon = span_find_byte(text, ':');
	if (colon != SIZE_MAX) {
		(void)span_u64(span_sub(text, 0, colon), &r.epoch);
		text = span_from(text, colon + 1);
	}
	size_t dash = span_rfind_byte(text, '-');
	r.version = span_sub(text, 0, dash);
	r.release = dash == SIZE_MAX ? SPAN_NONE : span_from(text, dash + 1);
	return r;
}

bool scheme_rpm_read(struct span text, struct version_key *ret)
{
	size_t colon = span_find_byte(text, ':');
	uint64_t epoch;
	if (colon != SIZE_MAX && (!span_u64(span_sub(text, 0, colon), &epoch) || epoch > INT64_MAX))
		return false;
	struct rpm r = split(text);
	if (!r.version.n || !(scheme_is_digit(r.version.p[0]) || scheme_is_letter(r.version.p[0])) ||
	    span_ends(text, "-") || span_find_byte(r.version, '-') != SIZE_MAX)
		return false;
	bool digit = false;
	for (size_t i = colon == SIZE_MAX ? 0 : colon + 1; i < text.n; i++) {
		char c = text.p[i];
		digit |= scheme_is_digit(c);
		if (!scheme_is_digit(c) && !scheme_is_letter(c) && c != '.' && c != '_' && c != '+' && c != '~' &&
		    c != '^' && c != '-')
			return false;
	}
	ret->part_count = 1;
	return digit;
}

static bool is_sign(char c)
{
	return !scheme_is_digit(c) && !scheme_is_letter(c) && c != '~' && c != '^';
}

static struct span skip_signs(struct span s)
{
	while (s.n && is_sign(s.p[0]))
		s = span_from(s, 1);
	return s;
}

/* Cuts the next run of digits, or of letters, off the front. */
static struct span segment(struct span *s, bool digits)
{
	size_t n = 0;
	while (n < s->n && (digits ? scheme_is_digit(s->p[n]) : scheme_is_letter(s->p[n])))
		n++;
	struct span run = span_sub(*s, 0, n);
	*s = span_from(*s, n);
	return run;
}

static int numbers_compare(struct span a, struct span b)
{
	while (a.n && a.p[0] == '0')
		a = span_from(a, 1);
	while (b.n && b.p[0] == '0')
		b = span_from(b, 1);
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return a.n ? memcmp(a.p, b.p, a.n) : 0;
}

/* True when @c is at the front of either; *ret says which side has it alone, and both are moved behind it when they
 * share it. */
static bool marked(struct span *a, struct span *b, char c, int *ret)
{
	bool in_a = a->n && a->p[0] == c, in_b = b->n && b->p[0] == c;
	*ret = in_a == in_b ? 0 : in_a ? -1 : 1;
	if (in_a && in_b) {
		*a = span_from(*a, 1);
		*b = span_from(*b, 1);
	}
	return in_a || in_b;
}

static int part_compare(struct span a, struct span b)
{
	while (a.n || b.n) {
		int c;
		a = skip_signs(a);
		b = skip_signs(b);
		if (marked(&a, &b, '~', &c)) {
			if (c)
				return c;
			continue;
		}
		if (marked(&a, &b, '^', &c)) {
			if (c) /* above the end, below a segment */
				return c < 0 ? (b.n ? -1 : 1) : (a.n ? 1 : -1);
			continue;
		}
		if (!a.n || !b.n)
			break;
		bool digits = scheme_is_digit(a.p[0]);
		struct span sa = segment(&a, digits), sb = segment(&b, digits);
		if (!sb.n)
			return digits ? 1 : -1;
		c = digits ? numbers_compare(sa, sb) : span_compare(sa, sb);
		if (c)
			return c;
	}
	return a.n ? 1 : b.n ? -1 : 0;
}

enum version_order scheme_rpm_compare(const struct version_key *a, const struct version_key *b)
{
	struct rpm ra = split(a->text), rb = split(b->text);
	int c = ra.epoch < rb.epoch ? -1 : ra.epoch > rb.epoch;
	if (!c)
		c = part_compare(ra.version, rb.version);
	if (!c)
		c = part_compare(ra.release, rb.release);
	return c < 0 ? VERSION_LESS : c > 0 ? VERSION_GREATER : VERSION_EQUAL;
}
