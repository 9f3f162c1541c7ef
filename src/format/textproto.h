/*
 * textproto - protocol buffers in their text format (protobuf.dev/reference/protobuf/textformat-spec), without a
 * schema: what Triton's config.pbtxt is written in.
 *
 * Pure. May use base/ only. A document is a list of fields in the order of the text; a message's fields hang below it.
 * "a: [1, 2]" gives two fields a, as "a: 1 a: 2" does: the format means the same by both.
 *
 * Input is hostile: at most TEXTPROTO_MAX_BYTES, _DEPTH, _FIELDS. Read: comments, { } and < >, ';' and ',' between fields,
 * lists, adjacent strings, all escapes, extension and Any names in brackets. Refused: everything else, by line.
 */
#ifndef REFORGE_FORMAT_TEXTPROTO_H
#define REFORGE_FORMAT_TEXTPROTO_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define TEXTPROTO_MAX_BYTES (16 * MIB)
#define TEXTPROTO_MAX_DEPTH 32
#define TEXTPROTO_MAX_FIELDS 200000

enum textproto_kind {
	TEXTPROTO_STRING, /* text: the bytes meant, escapes undone; may hold NUL */
	TEXTPROTO_TOKEN,  /* text: a number or an identifier as written, with its sign: -1.5e3, 0x1F, KIND_GPU, true */
	TEXTPROTO_MESSAGE /* fields */
};
struct textproto {
	struct span name; /* "[domain/ext]" with its brackets */
	uint64_t line;    /* from 1 */
	enum textproto_kind kind;
	struct span text;
	const struct textproto *fields; /* first of a message's; NULL: empty */
	const struct textproto *next;   /* in the same message */
};

/* @bytes may be freed after; fields live in @a. *ret is NULL for a text without fields. @file for messages, may be NULL.
 * RF_EFORMAT with line and rule, RF_ETRUNCATED (ends inside a message, list or string), RF_ETOOBIG, RF_ETOOMANY,
 * RF_ENOMEM. */
RF_MUST_CHECK int textproto_parse(struct span bytes, const char *file, struct arena *a, const struct textproto **ret,
				  struct err *err);

/* The first field of that name from @list on; NULL. for (f = textproto_get(l, "x"); f; f = textproto_get(f->next, "x")) */
const struct textproto *textproto_get(const struct textproto *list, const char *name);
/* An integer token: decimal, 0x hexadecimal, 0 octal, with a sign. False for others and past 64 bits. */
bool textproto_i64(const struct textproto *f, int64_t *ret);
/* true, True, t, 1 and their opposites. False when it is none. */
bool textproto_bool(const struct textproto *f, bool *ret);

#endif
