/*
 * prose_reader - walking over a statement's tokens, for the grammar in range_prose.c. Private to version/.
 *
 * Every function takes what it names from where the reader stands, or takes nothing and says false. The furthest token
 * that stopped one of them is what a person is shown when nothing reads the statement.
 */
#ifndef REFORGE_VERSION_PROSE_READER_H
#define REFORGE_VERSION_PROSE_READER_H

#include "version/range_int.h"

struct reader {
	struct prose *p;
	size_t at;
	size_t furthest; /* token that no rule got past */
};

bool reader_at_end(const struct reader *r);
/* The token at the reader; at the end one that is no word. */
const struct token *reader_peek(const struct reader *r);
/* Goes back to @at and notes how far it came; false. */
bool reader_back(struct reader *r, size_t at);
/* One token of "a/b/c". */
bool reader_take(struct reader *r, const char *words);
/* "up to ,? but? not including/inclusive": all of the words, "?" marks those that may be missing. */
bool reader_phrase(struct reader *r, const char *phrase);
/* Words that say nothing (token_is_noise). */
void reader_skip_noise(struct reader *r);

enum op { OP_BELOW, OP_UP_TO_INCLUDING, OP_UP_TO, OP_FROM, OP_ABOVE, OP_BETWEEN };
/* An operator of the table; @first: one that may begin a clause ("to B" may not). */
bool reader_op(struct reader *r, bool first, enum op *ret);
bool op_is_upper(enum op op);
bool op_is_lower(enum op op);
enum bound_kind op_bound(enum op op);

/* "CUDA Toolkit 12.8", "JP5.x: 35.6.2", "release 25.07": noise and a label in front do not count. */
bool reader_version(struct reader *r, struct bound_text *ret);
/* "and earlier", "or all prior versions", "(and older)", "and later", "+", "onwards": what is said of the version in
 * front. Below it (OP_BELOW, OP_UP_TO) only Chinese says so. */
bool reader_postfix(struct reader *r, enum op *ret);
/* "inclusive", "(not including)": how the bound in front was meant; *kind stays when nothing is said. */
void reader_tail(struct reader *r, enum bound_kind *kind);
/* False when the clause is full. */
bool clause_add(struct clause *c, const struct bound_text *v);
/* More versions behind commas and "and". One that has an operator of its own, or a postfix where @postfix_ends_list,
 * belongs to another clause. False when the clause is full. */
bool reader_list(struct reader *r, struct clause *c, bool postfix_ends_list);

#endif
