/*
 * What vendors write when no rule of theirs is known: numbers parted by . - _ and words behind them with a meaning of
 * their own (rc1 before, SP2 and "build 571848" behind; LTS, GA say nothing). A single letter behind the numbers is a
 * later patch (10.24.09a, 1.0.2k). Any other word makes the text unread: a guess here would be a wrong "not affected".
 */
#include "version/scheme_int.h"

static const struct {
	const char *word;
	int rank; /* 0: says nothing about the order */
} words[] = {
	{ "dev", TAG_DEV },
	{ "snapshot", TAG_DEV },
	{ "alpha", TAG_ALPHA },
	{ "beta", TAG_BETA },
	{ "ea", TAG_EARLY },
	{ "dp", TAG_EARLY },
	{ "preview", TAG_CANDIDATE },
	{ "pre", TAG_CANDIDATE },
	{ "rc", TAG_CANDIDATE },
	{ "post", TAG_POST },
	{ "rev", TAG_POST },
	{ "r", TAG_POST },
	{ "sp", TAG_POST },
	{ "ssp", TAG_POST },
	{ "update", TAG_POST },
	{ "upd", TAG_POST },
	{ "u", TAG_POST },
	{ "patch", TAG_POST },
	{ "p", TAG_POST },
	{ "hotfix", TAG_POST },
	{ "hf", TAG_POST },
	{ "build", TAG_POST },
	{ "fix", TAG_POST },
	{ "cu", TAG_POST },
	{ "sr", TAG_POST },
	{ "mr", TAG_POST },
	{ "fp", TAG_POST },
	{ "ga", 0 },
	{ "lts", 0 },
	{ "final", 0 },
	{ "release", 0 },
	{ "stable", 0 },
};

static bool is_separator(char c)
{
	return c == '.' || c == '-' || c == '_' || c == '+';
}

/* NUMBER([.-_]NUMBER)*; a blank ends the numbers. */
static bool read_numbers(struct span *rest, struct version_key *key)
{
	for (;;) {
		if (key->part_count == VERSION_MAX_PARTS || !scheme_read_number(rest, &key->parts[key->part_count]))
			return false;
		key->part_count++;
		if (rest->n < 2 || !is_separator(rest->p[0]) || !scheme_is_digit(rest->p[1]))
			return true;
		*rest = span_from(*rest, 1);
	}
}

static struct span skip_between(struct span s)
{
	if (s.n && is_separator(s.p[0]))
		return span_from(s, 1);
	for (size_t n; (n = scheme_blank_at(s)) > 0;)
		s = span_from(s, n);
	return s;
}

static bool read_letter(struct span word, struct span behind, struct version_tag *ret)
{
	if (word.n != 1 || (behind.n && scheme_is_digit(behind.p[0])))
		return false;
	*ret = (struct version_tag){ .rank = TAG_LETTER, .word = word };
	return true;
}

static bool rank_of(struct span word, int *ret)
{
	for (size_t i = 0; i < RF_COUNT(words); i++)
		if (span_eq_nocase(word, span_of(words[i].word))) {
			*ret = words[i].rank;
			return true;
		}
	/* "a1" and "b2" are alpha and beta where a number follows */
	if (word.n == 1 && (word.p[0] == 'a' || word.p[0] == 'b')) {
		*ret = word.p[0] == 'a' ? TAG_ALPHA : TAG_BETA;
		return true;
	}
	return false;
}

static bool read_word(struct span *rest, struct version_key *key)
{
	struct span s = skip_between(*rest);
	bool joined = s.p == rest->p;
	size_t n = 0;
	while (n < s.n && scheme_is_letter(s.p[n]))
		n++;
	struct span word = span_sub(s, 0, n), behind = span_from(s, n);
	struct version_tag tag = { 0 };
	if (joined && read_letter(word, behind, &tag)) {
		s = behind;
	} else {
		if (!n || !rank_of(word, &tag.rank))
			return false;
		s = behind;
		struct span number = skip_between(behind);
		while (number.n && scheme_is_digit(number.p[0])) { /* "build 1.2.3": the words' numbers go on */
			s = number;
			if (key->tag_count == VERSION_MAX_TAGS || !scheme_read_number(&s, &tag.number))
				return false;
			if (s.n < 2 || s.p[0] != '.' || !scheme_is_digit(s.p[1]))
				break;
			key->tags[key->tag_count++] = tag;
			number = span_from(s, 1);
		}
	}
	if (tag.rank) {
		if (key->tag_count == VERSION_MAX_TAGS)
			return false;
		key->tags[key->tag_count++] = tag;
	}
	*rest = s;
	return true;
}

/* "xx.35.4030": the first number is each device's own. Such versions compare with each other only. */
enum { GENERIC_DEVICE = 1 };

bool scheme_generic_read(struct span text, struct version_key *ret)
{
	struct span rest = scheme_skip_prefix(text, true);
	if (span_starts_nocase(rest, "xx.")) {
		rest = span_from(rest, 3);
		ret->line = GENERIC_DEVICE;
		ret->part_count = 1;
	}
	if (!read_numbers(&rest, ret))
		return false;
	while (rest.n)
		if (!read_word(&rest, ret))
			return false;
	return true;
}
