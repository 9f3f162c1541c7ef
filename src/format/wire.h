/*
 * wire - tables in one message of the Protocol Buffers wire format: rows are packed numbers, texts are kept once each.
 *
 * Pure. May use base/ and format/protobuf. What gates carry is written so (advisory/carried.h, gate/snapshot_bytes.h):
 * compact, readable by `protoc --decode_raw`, and read by the one bounded reader of protobuf.h.
 *
 *   1  the format, a varint          A row is a field of its own, or several rows stand behind each other in one.
 *   2  text, any number              Numbers: varints. A text: its number, 1 the first, 0 "". Moments: microseconds,
 *   3… rows                          zig-zag. Scores: the bits of an IEEE 754 double. Fields ascend by number.
 *
 * Both sides keep the first failure: a row is read or written without looking, and asked about at its end.
 */
#ifndef REFORGE_FORMAT_WIRE_H
#define REFORGE_FORMAT_WIRE_H

#include "base/hash.h"
#include "base/time.h"
#include "format/protobuf.h"

#define WIRE_FORMAT 1
#define WIRE_TEXT 2

/* ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct wire_out {
	struct map numbers; /* text -> its number */
	size_t text_count;
	struct str texts, rows; /* finished fields */
	struct str row;   /* at hand */
	int failed;       /* RF_ENOMEM, RF_ETOOBIG */
};
struct wire_out wire_out(size_t limit_bytes); /* of texts, and of rows */
void wire_out_release(struct wire_out *w);
void wire_put_number(struct wire_out *w, uint64_t value);
void wire_put_moment(struct wire_out *w, usec_t t);
void wire_put_real(struct wire_out *w, double value);
void wire_put_bytes(struct wire_out *w, struct span bytes); /* raw: the reader knows how many */
/* @s must live until wire_out_release(). */
void wire_put_text(struct wire_out *w, struct span s);
/* The row at hand becomes a field; an empty one too. */
void wire_put_end(struct wire_out *w, uint32_t field);
/* Appends the whole message to @to. RF_ENOMEM, RF_ETOOBIG with @what. */
RF_MUST_CHECK int wire_write(const struct wire_out *w, uint64_t format, struct str *to, const char *what, struct err *err);

/* ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What a field may be, in a table by its number; @name NULL: there is no such field. */
struct wire_field {
	const char *name;
	size_t most;
	enum protobuf_type type;
};
/*
 * Walks the message once: every field is one of the @n of @fields, of its type, ascending by number, as often as it may be; the
 * format comes first and is @format. ret_counts[number], @n of them: how often. RF_EFORMAT, RF_ETOOMANY with the offset;
 * RF_EUNSUPPORTED for a later format.
 */
RF_MUST_CHECK int wire_count(struct span message, const struct wire_field *fields, size_t n, uint64_t format,
			     size_t *ret_counts, struct err *err);

struct wire_in {
	struct protobuf_reader row;
	const struct span *texts;
	size_t text_count;
	int failed; /* RF_EFORMAT, RF_ENOMEM (by the caller): everything gives zeros from then on */
	struct err *err; /* not NULL */
};
/* @what names the number in the message of the error. */
uint64_t wire_number(struct wire_in *in, uint64_t highest, const char *what);
bool wire_flag(struct wire_in *in, const char *what);
usec_t wire_moment(struct wire_in *in, const char *what);
double wire_real(struct wire_in *in, const char *what); /* finite */
struct span wire_text(struct wire_in *in, const char *what);
struct span wire_bytes(struct wire_in *in, size_t n, const char *what); /* SPAN_NONE when failed */
/* More rows in this field? */
bool wire_more(const struct wire_in *in);
/* The row must be over. */
void wire_end(struct wire_in *in);
/* Refuses what was read last: "@what @rule". */
void wire_refuse(struct wire_in *in, const char *what, const char *rule);

#endif
