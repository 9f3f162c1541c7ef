/*
 * Commits. Nothing in two hashes tells which came first, so they are equal or not comparable. A hash of 7 digits or
 * more names every longer one that it begins (git's own default length); other texts (a branch, "March 11, 2026") equal
 * only themselves.
 */
#include "version/scheme_int.h"

#define GIT_MIN_DIGITS 7
#define GIT_MAX_DIGITS 64

static bool is_hash(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);
		if (!scheme_is_digit(s.p[i]) && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return s.n >= GIT_MIN_DIGITS && s.n <= GIT_MAX_DIGITS;
}

bool scheme_git_read(struct span text, struct version_key *ret)
{
	return scheme_plain_read(text, ret);
}

enum version_order scheme_git_compare(const struct version_key *a, const struct version_key *b)
{
	struct span x = a->text, y = b->text;
	if (is_hash(x) && is_hash(y)) {
		size_t n = RF_MIN(x.n, y.n);
		x = span_sub(x, 0, n);
		y = span_sub(y, 0, n);
	}
	return span_eq_nocase(x, y) ? VERSION_EQUAL : VERSION_INCOMPARABLE;
}
