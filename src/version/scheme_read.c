/* Numbers and the words behind them, as most schemes write them. */
#include "version/scheme_int.h"

bool scheme_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool scheme_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct span scheme_skip_prefix(struct span text, bool with_r)
{
	if (text.n < 2 || !scheme_is_digit(text.p[1]))
		return text;
	char c = text.p[0];
	bool prefix = c == 'v' || c == 'V' || (with_r && (c == 'r' || c == 'R'));
	return prefix ? span_from(text, 1) : text;
}

bool scheme_read_number(struct span *rest, uint64_t *ret)
{
	size_t n = 0;
	while (n < rest->n && scheme_is_digit(rest->p[n]))
		n++;
	if (!n || !span_u64(span_sub(*rest, 0, n), ret) || *ret > INT64_MAX)
		return false;
	*rest = span_from(*rest, n);
	return true;
}

bool scheme_read_numbers(struct span *rest, size_t max_parts, struct version_key *key)
{
	for (;;) {
		if (key->part_count == max_parts || !scheme_read_number(rest, &key->parts[key->part_count]))
			return false;
		key->part_count++;
		if (rest->n < 2 || rest->p[0] != '.' || !scheme_is_digit(rest->p[1]))
			return true;
		*rest = span_from(*rest, 1);
	}
}

/* Longer words first where one begins another. "GA" says that nothing follows, so it makes no tag. */
static const struct {
	const char *word;
	int rank;
} tag_words[] = {
	{ "alpha", TAG_ALPHA },
	{ "beta", TAG_BETA },
	{ "preview", TAG_CANDIDATE },
	{ "pre", TAG_CANDIDATE },
	{ "post", TAG_POST },
	{ "rev", TAG_POST },
	{ "dev", TAG_DEV },
	{ "rc", TAG_CANDIDATE },
	{ "ea", TAG_EARLY },
	{ "dp", TAG_EARLY },
	{ "ga", 0 },
	{ "a", TAG_ALPHA },
	{ "b", TAG_BETA },
	{ "c", TAG_CANDIDATE },
};

static bool is_separator(char c)
{
	return c == '.' || c == '-' || c == '_' || c == ' ';
}

size_t scheme_blank_at(struct span s)
{
	if (!s.n)
		return 0;
	if (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\n' || s.p[0] == '\r')
		return 1;
	return s.n >= 2 && (unsigned char)s.p[0] == 0xC2 && (unsigned char)s.p[1] == 0xA0 ? 2 : 0;
}

/* One separator, or a run of blanks: vendors' text has "1.3.0  rc14". */
static struct span skip_separator(struct span s)
{
	if (s.n && is_separator(s.p[0]) && s.p[0] != ' ')
		return span_from(s, 1);
	for (size_t n; (n = scheme_blank_at(s)) > 0;)
		s = span_from(s, n);
	return s;
}

static bool read_tag(struct span *rest, struct version_key *key)
{
	struct span s = skip_separator(*rest);
	size_t n = 0;
	while (n < s.n && scheme_is_letter(s.p[n]))
		n++;
	struct span word = span_sub(s, 0, n);
	for (size_t i = 0; i < RF_COUNT(tag_words); i++) {
		if (!span_eq_nocase(word, span_of(tag_words[i].word)))
			continue;
		struct version_tag tag = { .rank = tag_words[i].rank };
		s = span_from(s, n);
		struct span behind = skip_separator(s);
		/* without digits the number is 0, and the separator belongs to what follows */
		if (behind.n && scheme_is_digit(behind.p[0])) {
			s = behind;
			if (!scheme_read_number(&s, &tag.number))
				return false;
		}
		if (tag.rank) {
			if (key->tag_count == VERSION_MAX_TAGS)
				return false;
			key->tags[key->tag_count++] = tag;
		}
		*rest = s;
		return true;
	}
	return false;
}

static bool is_local(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!scheme_is_digit(s.p[i]) && !scheme_is_letter(s.p[i]) && !is_separator(s.p[i]))
			return false;
	return s.n > 0 && span_find_byte(s, ' ') == SIZE_MAX;
}

bool scheme_read_tag_run(struct span *rest, struct version_key *key)
{
	while (rest->n && rest->p[0] != '+')
		if (!read_tag(rest, key))
			return false;
	return true;
}

bool scheme_read_tags(struct span rest, struct version_key *key)
{
	if (!scheme_read_tag_run(&rest, key))
		return false;
	return !rest.n || is_local(span_from(rest, 1));
}
