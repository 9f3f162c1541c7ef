/*
 * flatbuffer - FlatBuffers without a schema: a bounded reader that copies nothing and checks every offset.
 *
 * Pure. May use base/ only. For TensorRT 5.x plans and ONNX Runtime's .ort files. Callers name fields by their index
 * (the id of the schema). Source: flatbuffers.dev "Internals"; google/flatbuffers, verifier.h.
 *
 *   buffer: u32 offset of the root table [, 4 bytes of file identifier]
 *   table:  i32 distance back to its vtable, then its fields
 *   vtable: u16 its own size, u16 the table's size, u16 per field: place in the table, 0 = absent (the default holds)
 *   string: u32 length, bytes, NUL        vector: u32 count, elements        both reached by a u32 offset forward
 *
 * A function returns 1 (found), 0 (the field is absent: the schema's default holds) or RF_EFORMAT with the offset (base
 * included) and the rule broken. Offsets of tables, strings and vectors only point forward, so no chain of them can
 * loop; vtables may be shared. Depth is the caller's limit. Alignment is not asked for: reads do not need it.
 */
#ifndef REFORGE_FORMAT_FLATBUFFER_H
#define REFORGE_FORMAT_FLATBUFFER_H

#include "base/err.h"
#include "base/span.h"

/* Offsets are 32 bits, signed in vtable distances: FLATBUFFERS_MAX_BUFFER_SIZE of verifier.h. */
#define FLATBUFFER_MAX_BYTES ((size_t)0x7fffffff)

struct flatbuffer {
	struct span bytes;
	uint64_t base; /* added to every offset told: where the buffer begins in its file */
};
struct flatbuffer_table {
	struct flatbuffer buffer;
	uint32_t at;
	uint32_t vtable;
	uint16_t vtable_bytes;
	uint16_t table_bytes;
};
struct flatbuffer_vector {
	struct flatbuffer buffer;
	uint32_t at; /* first element */
	uint32_t count;
	uint32_t element_bytes;
};

/* @identifier: four characters that must stand at byte 4, or NULL. Returns 1 or an error: RF_ETRUNCATED for a buffer
 * too small to hold a root, RF_ETOOBIG past FLATBUFFER_MAX_BYTES, RF_EFORMAT. */
RF_MUST_CHECK int flatbuffer_root(struct span bytes, uint64_t base, const char *identifier,
				  struct flatbuffer_table *ret, struct err *err);

/* Scalars; *ret is set to @otherwise when absent, left alone on errors. */
RF_MUST_CHECK int flatbuffer_u8(const struct flatbuffer_table *t, unsigned field, uint8_t otherwise, uint8_t *ret,
				struct err *err);
RF_MUST_CHECK int flatbuffer_u16(const struct flatbuffer_table *t, unsigned field, uint16_t otherwise, uint16_t *ret,
				 struct err *err);
RF_MUST_CHECK int flatbuffer_u32(const struct flatbuffer_table *t, unsigned field, uint32_t otherwise, uint32_t *ret,
				 struct err *err);
RF_MUST_CHECK int flatbuffer_u64(const struct flatbuffer_table *t, unsigned field, uint64_t otherwise, uint64_t *ret,
				 struct err *err);
/* *ret is left alone when absent. The NUL behind a string is checked, UTF-8 is not. */
RF_MUST_CHECK int flatbuffer_string(const struct flatbuffer_table *t, unsigned field, struct span *ret,
				    struct err *err);
RF_MUST_CHECK int flatbuffer_table(const struct flatbuffer_table *t, unsigned field, struct flatbuffer_table *ret,
				   struct err *err);
/* @element_bytes: 1, 2, 4 or 8 for scalars; 4 for tables and strings. The whole vector lies in the buffer. */
RF_MUST_CHECK int flatbuffer_vector(const struct flatbuffer_table *t, unsigned field, uint32_t element_bytes,
				    struct flatbuffer_vector *ret, struct err *err);
/* A vector of bytes. */
RF_MUST_CHECK int flatbuffer_bytes(const struct flatbuffer_table *t, unsigned field, struct span *ret, struct err *err);

/* Elements; @i past the end is RF_EINVALID. Return 1 or an error. */
RF_MUST_CHECK int flatbuffer_vector_table(const struct flatbuffer_vector *v, uint32_t i, struct flatbuffer_table *ret,
					  struct err *err);
RF_MUST_CHECK int flatbuffer_vector_string(const struct flatbuffer_vector *v, uint32_t i, struct span *ret,
					   struct err *err);
RF_MUST_CHECK int flatbuffer_vector_u64(const struct flatbuffer_vector *v, uint32_t i, uint64_t *ret, struct err *err);

#endif
