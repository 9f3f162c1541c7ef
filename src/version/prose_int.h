/*
 * prose_int - the words of a vendor's statement, for the grammar in range_prose.c. Private to version/.
 *
 * What the words do not depend on is gone here: HTML tags and entities, blanks of every kind, quotes, trade marks.
 * Tokens keep the place they came from, so that a reader can be shown what was not understood.
 */
#ifndef REFORGE_VERSION_PROSE_INT_H
#define REFORGE_VERSION_PROSE_INT_H

#include "base/arena.h"
#include "version/scheme.h"

/* The longest statement in 181 bulletins has 41 words; more than this is not read. */
#define PROSE_MAX_TOKENS 160

enum token_kind {
	TOKEN_WORD,
	TOKEN_OPEN,  /* ( or [ */
	TOKEN_CLOSE, /* ) or ] */
	TOKEN_SIGN,  /* , ; | & - < <= > >= = + : in one spelling each */
};

struct token {
	enum token_kind kind;
	struct span text; /* signs in their one spelling, static; words as in the statement */
	size_t offset;    /* in the statement, bytes */
	size_t bytes;     /* of the statement that it stands for */
};

struct prose {
	struct arena *a; /* for bounds that the statement does not spell: "25.02.3xxx" begins at 25.02.3000 */
	const struct scheme *scheme;
	struct span text;
	struct span product; /* whose words say nothing; empty: those of PROSE_PRODUCTS do */
	struct token tokens[PROSE_MAX_TOKENS];
	size_t count;
	bool too_many;
};

/* Fills tokens from @p->text. */
void prose_tokenise(struct prose *p);
bool token_is(const struct token *t, const char *word); /* without case */
/* One of "a/b/c". */
bool token_is_one_of(const struct token *t, const char *words);
bool token_is_among(const struct token *t, struct span words);
/* A word that says nothing about the set: "versions", "driver", "NVIDIA", the product's own name. */
bool token_is_noise(const struct prose *p, size_t at);

/* A version as the words give it. */
struct bound_text {
	struct span text; /* readable; or "6.15.x", a family (range.h) */
	struct span last; /* "25.02.3xxx": the largest one, else empty */
};
/* The longest version that begins at token @at ("12.9 Update 1", "1.3.0 rc14"); 0 tokens when none does. */
size_t prose_version_at(const struct prose *p, size_t at, struct bound_text *ret);
/* "0", "0.0", "v0": from the beginning, whatever the scheme thinks of it. */
bool prose_is_zero(struct span s);

#endif
