/*
 * SemVer 2.0.0, https://semver.org (clauses 9 to 11), with a "v" in front and short forms (OSV's "0", "1.16") allowed
 * as long as no pre-release follows: "1.0-2" could be a list.
 */
#include "version/scheme_int.h"

/* A pre-release's end sorts below any further identifier (11.4.4), numbers below words (11.4.3). */
enum { SEMVER_END = -3, SEMVER_NUMBER = -2, SEMVER_WORD = -1 };

static bool is_identifier(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'))
			return false;
	}
	return s.n > 0;
}

static bool read_identifier(struct span s, struct version_key *key)
{
	if (!is_identifier(s) || key->tag_count + 1 >= VERSION_MAX_TAGS)
		return false;
	struct version_tag tag = { .rank = SEMVER_WORD, .word = s };
	if (span_is_digits(s)) {
		if (s.n > 1 && s.p[0] == '0')
			return false; /* clause 9: no leading zeroes */
		tag = (struct version_tag){ .rank = SEMVER_NUMBER };
		if (!span_u64(s, &tag.number))
			return false;
	}
	key->tags[key->tag_count++] = tag;
	return true;
}

bool scheme_semver_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, false);
	if (!scheme_read_numbers(&rest, 3, ret))
		return false;
	size_t plus = span_find_byte(rest, '+');
	if (plus != SIZE_MAX) { /* clause 10: build metadata does not count */
		struct span build = span_from(rest, plus + 1), part;
		while (span_split(&build, '.', &part))
			if (!is_identifier(part))
				return false;
		rest = span_sub(rest, 0, plus);
	}
	if (!rest.n)
		return true;
	if (rest.p[0] != '-' || ret->part_count != 3)
		return false;
	struct span ids = span_from(rest, 1), id;
	while (span_split(&ids, '.', &id))
		if (!read_identifier(id, ret))
			return false;
	ret->tags[ret->tag_count++] = (struct version_tag){ .rank = SEMVER_END };
	return true;
}
