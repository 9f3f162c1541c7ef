/* Which of a vendor's lines a platform's words are about. */
#include "version/platform.h"

#include "version/scheme_int.h"

static const struct {
	const char *word; /* what a word of the item begins with, without case */
	enum platform_line line;
} words_of[] = {
	{ "driveos", PLATFORM_DRIVEOS }, { "drive os", PLATFORM_DRIVEOS },   { "drive agx", PLATFORM_DRIVEOS },
	{ "jetpack", PLATFORM_JETPACK }, { "jetson", PLATFORM_JETPACK },     { "l4t", PLATFORM_JETPACK },
	{ "tegra", PLATFORM_JETPACK },   { "linux for tegra", PLATFORM_JETPACK },
};

static bool is_word_byte(char c)
{
	return scheme_is_digit(c) || scheme_is_letter(c);
}

static enum platform_line line_of_item(struct span item)
{
	for (size_t i = 0; i < item.n; i++) {
		if (i && is_word_byte(item.p[i - 1]))
			continue;
		for (size_t k = 0; k < RF_COUNT(words_of); k++)
			if (span_starts_nocase(span_from(item, i), words_of[k].word))
				return words_of[k].line;
	}
	return PLATFORM_ANY;
}

enum platform_line platform_line_of(struct span words)
{
	enum platform_line found = PLATFORM_ANY;
	struct span item;
	bool first = true;
	while (words.n && span_split(&words, ',', &item)) {
		item = span_trim(item);
		if (!item.n)
			continue;
		enum platform_line line = line_of_item(item);
		if (line == PLATFORM_ANY || (!first && line != found))
			return PLATFORM_ANY;
		found = line;
		first = false;
	}
	return found;
}

bool platform_is_every(struct span words)
{
	static const char *const every[] = { "all", "all platforms", "all supported platforms", "any", "any platform" };
	words = span_trim(words);
	for (size_t i = 0; i < RF_COUNT(every); i++)
		if (span_eq_nocase(words, span_of(every[i])))
			return true;
	return false;
}

const char *platform_line_name(enum platform_line line)
{
	static const char *const names[] = { "any platform", "DriveOS", "JetPack" };
	return (size_t)line < RF_COUNT(names) ? names[line] : names[0];
}
