/*
 * protobuf - the Protocol Buffers wire format: a bounded reader that copies nothing, and enough writing to append a
 * field.
 *
 * Pure. May use base/ only. Knows no schema: callers name field numbers. Nesting is the caller's loop and the caller's
 * limit: a message inside is the span of its field. Source: protobuf.dev "Encoding".
 *
 * Every refusal is RF_EFORMAT with the offset in the span given to protobuf_reader() (plus its base) and the rule.
 */
#ifndef REFORGE_FORMAT_PROTOBUF_H
#define REFORGE_FORMAT_PROTOBUF_H

#include "base/err.h"
#include "base/span.h"
#include "base/str.h"

/* protobuf's own limit of a message is 2 GiB; larger models keep their weights outside. */
#define PROTOBUF_MAX_BYTES (2 * GIB)

enum protobuf_type { PROTOBUF_VARINT = 0, PROTOBUF_I64 = 1, PROTOBUF_LEN = 2, PROTOBUF_I32 = 5 };

struct protobuf_field {
	uint32_t number;         /* 1..2^29-1 */
	enum protobuf_type type; /* groups (3, 4) are refused: no format of this field uses them */
	uint64_t value;          /* varint, fixed 64 and fixed 32; 0 for PROTOBUF_LEN */
	struct span bytes;       /* PROTOBUF_LEN: what it holds; else SPAN_NONE */
	uint64_t start;          /* offset of its tag in the message; with the base */
	uint64_t end;            /* offset behind it: start..end is the whole field as it is encoded */
};

struct protobuf_reader {
	struct span message;
	size_t at;
	uint64_t base; /* added to every offset told */
};
/* @base: where @message begins in the file, for errors. */
struct protobuf_reader protobuf_reader(struct span message, uint64_t base);
/* The reader of a PROTOBUF_LEN field's message, with offsets of the same file. */
struct protobuf_reader protobuf_enter(const struct protobuf_field *field);

/* 1: *ret is the next field; 0: the end; RF_EFORMAT: tag or varint truncated or longer than ten bytes or over 64 bits,
 * number 0, wire type 3, 4, 6 or 7, a length past the end. After an error the reader stays where it is. */
RF_MUST_CHECK int protobuf_next(struct protobuf_reader *r, struct protobuf_field *ret, struct err *err);
/* The next number of a packed field, whose reader protobuf_enter() gives: 1, 0 at its end, RF_EFORMAT as above. */
RF_MUST_CHECK int protobuf_next_varint(struct protobuf_reader *r, uint64_t *ret, struct err *err);
/* The last field of that number (the one that counts for scalars) and type: 1 found, 0 absent, RF_EFORMAT as above or
 * when a field of that number has another type. Reads from the beginning. */
RF_MUST_CHECK int protobuf_find(struct span message, uint64_t base, uint32_t number, enum protobuf_type type,
				struct protobuf_field *ret, struct err *err);

/* Zig-zag and two's complement readings of a varint. */
int64_t protobuf_sint(uint64_t value);
int32_t protobuf_int32(uint64_t value);

/* Writing: appended to @to; str_check() says whether all fitted. A field may be appended behind a finished message:
 * repeated fields grow by it, scalar ones are replaced by it. @number 1..2^29-1. */
void protobuf_put_varint(struct str *to, uint32_t number, uint64_t value);
void protobuf_put_bytes(struct str *to, uint32_t number, struct span bytes);
/* The bare varint, and its size: for messages whose length must be known first. */
void protobuf_put_raw_varint(struct str *to, uint64_t value);
size_t protobuf_varint_size(uint64_t value);

#endif
