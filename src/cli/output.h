/*
 * output - what commands print: words, colours, tables, JSON, and the one progress line.
 *
 * Words for people and JSON go to stdout, progress and warnings to stderr. Colours and progress only on a terminal, never with
 * NO_COLOR (no-color.org) or TERM=dumb; progress also needs no --quiet. Everything that came from outside (names, texts) is
 * printed through out_visible()/cells, which escape what could move the cursor.
 */
#ifndef REFORGE_CLI_OUTPUT_H
#define REFORGE_CLI_OUTPUT_H

#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "format/json.h"

enum colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BLUE };

void out(const char *format, ...) RF_PRINTF(1, 2);                  /* ours: words, numbers */
void out_colour(enum colour colour, const char *format, ...) RF_PRINTF(2, 3);
void out_visible(struct span text);                                 /* theirs */
void out_str(const struct str *text);                               /* finished and escaped already */
/* The colour of a finding or decision word: affected, deny red; conflict, unknown, warn yellow; not_affected, allow green. */
enum colour colour_of(const char *word);
bool out_is_terminal(void);                                         /* stdout */
bool out_is_coloured(void);                                         /* stdout takes colours */
/* The same into a text that is printed later: with the colour when @on. */
void str_add_colour(struct str *to, bool on, enum colour colour, const char *format, ...) RF_PRINTF(4, 5);

/* Flushes stdout; RF_EIO or RF_EFULL when something printed was lost: `reforge … >/dev/full` is no success. */
RF_MUST_CHECK int out_end(struct err *err);

/* One JSON document onto stdout (pretty on a terminal) or, with @line, one line of NDJSON. Checks @text. */
RF_MUST_CHECK int out_json(const struct str *text, struct err *err);
/* One JSON object of texts: out_members(err, "key", "value", ..., NULL). */
RF_MUST_CHECK int out_members(struct err *err, ...) __attribute__((sentinel));

/* A table: columns as wide as their cells (display width: CJK counts two), header in bold. */
#define TABLE_MAX_COLUMNS 12
struct table {
	const char *headers[TABLE_MAX_COLUMNS];
	size_t columns;
	char **cells;            /* row by row, escaped; owned */
	unsigned char *colours;
	size_t count, capacity;  /* cells */
	bool failed;
};
/* table_init(&t, "engine", "finding", NULL) */
void table_init(struct table *t, ...) __attribute__((sentinel));
void table_cell(struct table *t, enum colour colour, struct span text);
void table_text(struct table *t, const char *text);
void table_f(struct table *t, enum colour colour, const char *format, ...) RF_PRINTF(3, 4);
RF_MUST_CHECK int table_print(struct table *t, struct err *err);
void table_clear(struct table *t);          /* takes the rows out, keeps the headers: a transaction that runs again */
void table_release(struct table *t);

/* One line at the bottom: "build  [#####.....] 7/13  54 %  0:12 left  reading/det". Redrawn in place; nothing when stderr is no
 * terminal (design 6.1). */
struct progress {
	bool enabled, drawn;
	mono_t started, last_drawn;
	char step[32];
};
void progress_begin(struct progress *p, const struct invocation *in);
/* @left_usec -1: not known. @what may be NULL. */
void progress_show(struct progress *p, const char *step, int64_t done, int64_t total, int64_t left_usec, const char *what);
void progress_end(struct progress *p);      /* clears the line */

/* "Publish now? [y/N]" on a terminal; true with --yes; false when there is no terminal. */
bool ask_yes(const struct invocation *in, const char *question);

#endif
