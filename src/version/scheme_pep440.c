/*
 * PEP 440 to the letter: [N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local], with the spellings that the PEP normalises. The
 * epoch is the first part of the key, so part_count is one more than the numbers written.
 */
#include "version/scheme_int.h"

static void read_epoch(struct span *rest, struct version_key *key)
{
	struct span at = *rest;
	uint64_t epoch = 0;
	if (scheme_read_number(&at, &epoch) && at.n && at.p[0] == '!')
		*rest = span_from(at, 1);
	else
		epoch = 0;
	key->parts[key->part_count++] = epoch;
}

/* "+cu118", "+ubuntu.1": counts, by its segments; numbers above words. */
static bool read_local(struct span s, struct version_key *key)
{
	while (s.n) {
		size_t n = 0;
		while (n < s.n && (scheme_is_digit(s.p[n]) || scheme_is_letter(s.p[n])))
			n++;
		struct version_tag tag = { .rank = TAG_LOCAL_WORD, .word = span_sub(s, 0, n) };
		if (!n || key->tag_count == VERSION_MAX_TAGS)
			return false;
		if (span_is_digits(tag.word)) {
			tag.rank = TAG_LOCAL_NUMBER;
			if (!span_u64(tag.word, &tag.number))
				return false;
			tag.word = SPAN_NONE;
		}
		key->tags[key->tag_count++] = tag;
		s = span_from(s, n);
		if (s.n && s.p[0] != '.' && s.p[0] != '-' && s.p[0] != '_')
			return false;
		if (s.n == 1)
			return false;
		s = span_from(s, 1);
	}
	return true;
}

/* The three suffixes in their order, each at most once. */
enum { STEP_PRE = 1, STEP_POST, STEP_DEV };
static const struct {
	const char *word;
	int step, rank;
} suffixes[] = {
	{ "alpha", STEP_PRE, TAG_ALPHA },   { "beta", STEP_PRE, TAG_BETA },    { "preview", STEP_PRE, TAG_CANDIDATE },
	{ "pre", STEP_PRE, TAG_CANDIDATE }, { "rc", STEP_PRE, TAG_CANDIDATE }, { "a", STEP_PRE, TAG_ALPHA },
	{ "b", STEP_PRE, TAG_BETA },        { "c", STEP_PRE, TAG_CANDIDATE },  { "post", STEP_POST, TAG_POST },
	{ "rev", STEP_POST, TAG_POST },     { "r", STEP_POST, TAG_POST },      { "dev", STEP_DEV, TAG_DEV },
};

static struct span skip_separator(struct span s)
{
	return s.n && (s.p[0] == '.' || s.p[0] == '-' || s.p[0] == '_') ? span_from(s, 1) : s;
}

/* One suffix from the front; its step, 0 for none. */
static int read_suffix(struct span *rest, struct version_tag *ret)
{
	struct span s = skip_separator(*rest);
	size_t n = 0;
	while (n < s.n && scheme_is_letter(s.p[n]))
		n++;
	for (size_t i = 0; i < RF_COUNT(suffixes); i++) {
		if (!span_eq_nocase(span_sub(s, 0, n), span_of(suffixes[i].word)))
			continue;
		*ret = (struct version_tag){ .rank = suffixes[i].rank };
		*rest = span_from(s, n);
		struct span number = skip_separator(*rest);
		if (number.n && scheme_is_digit(number.p[0])) {
			*rest = number;
			if (!scheme_read_number(rest, &ret->number))
				return 0;
		}
		return suffixes[i].step;
	}
	return 0;
}

static bool read_suffixes(struct span *rest, struct version_key *key)
{
	for (int before = 0; rest->n && rest->p[0] != '+';) {
		struct version_tag tag = { .rank = TAG_POST };
		int step = STEP_POST;
		if (rest->n > 1 && rest->p[0] == '-' &&
		    scheme_is_digit(rest->p[1])) { /* "1.0-1": an implicit post release */
			*rest = span_from(*rest, 1);
			if (!scheme_read_number(rest, &tag.number))
				return false;
		} else {
			step = read_suffix(rest, &tag);
		}
		if (step <= before)
			return false;
		before = step;
		key->tags[key->tag_count++] = tag;
	}
	return true;
}

bool scheme_pep440_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, false);
	read_epoch(&rest, ret);
	if (!scheme_read_numbers(&rest, VERSION_MAX_PARTS, ret))
		return false;
	if (!read_suffixes(&rest, ret))
		return false;
	return !rest.n || (rest.n > 1 && read_local(span_from(rest, 1), ret));
}
