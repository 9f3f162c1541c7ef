/*
 * flatbuffer.h: every place is checked before it is read. Arithmetic is 64 bits wide, buffers below 2^31, so that no
 * sum of offsets wraps. https://flatbuffers.dev/internals/
 */
#include "format/flatbuffer.h"

#define OFFSET_BYTES 4
#define VTABLE_HEAD_BYTES 4

static int refuse(const struct flatbuffer *b, uint64_t at, struct err *err, const char *rule)
{
	(void)err_set(err, RF_EFORMAT, "flatbuffer: %s", rule);
	(void)err_at_offset(err, b->base + at);
	return RF_EFORMAT;
}

static bool inside(const struct flatbuffer *b, uint64_t at, uint64_t n)
{
	return at <= b->bytes.n && n <= b->bytes.n - at;
}

/* Checks the table at @at with its vtable. */
static int table_at(const struct flatbuffer *b, uint64_t at, struct flatbuffer_table *ret, struct err *err)
{
	if (!inside(b, at, OFFSET_BYTES))
		return refuse(b, at, err, "a table begins behind the buffer");
	int64_t vtable = (int64_t)at - (int32_t)le32(b->bytes.p + at);
	if (vtable < 0 || !inside(b, (uint64_t)vtable, VTABLE_HEAD_BYTES))
		return refuse(b, at, err, "a table's vtable lies outside the buffer");
	uint16_t vtable_bytes = le16(b->bytes.p + vtable);
	uint16_t table_bytes = le16(b->bytes.p + vtable + 2);
	if (vtable_bytes < VTABLE_HEAD_BYTES || vtable_bytes % 2 != 0)
		return refuse(b, (uint64_t)vtable, err, "a vtable's size is odd or below 4");
	if (!inside(b, (uint64_t)vtable, vtable_bytes))
		return refuse(b, (uint64_t)vtable, err, "a vtable ends behind the buffer");
	if (table_bytes < OFFSET_BYTES || !inside(b, at, table_bytes))
		return refuse(b, (uint64_t)vtable + 2, err, "a table's size is below 4 or ends behind the buffer");
	*ret = (struct flatbuffer_table){ .buffer = *b,
					  .at = (uint32_t)at,
					  .vtable = (uint32_t)vtable,
					  .vtable_bytes = vtable_bytes,
					  .table_bytes = table_bytes };
	return 1;
}

int flatbuffer_root(struct span bytes, uint64_t base, const char *identifier, struct flatbuffer_table *ret,
		    struct err *err)
{
	struct flatbuffer b = { bytes, base };
	if (bytes.n > FLATBUFFER_MAX_BYTES)
		return err_set(err, RF_ETOOBIG, "flatbuffer: %zu bytes, the format ends at 2^31 - 1", bytes.n);
	if (bytes.n < (identifier ? 8 : OFFSET_BYTES))
		return err_set(err, RF_ETRUNCATED, "flatbuffer: %zu bytes hold no root offset%s", bytes.n,
			       identifier ? " and identifier" : "");
	if (identifier && memcmp(bytes.p + 4, identifier, 4) != 0)
		return refuse(&b, 4, err, "the file identifier is another one");
	uint32_t root = le32(bytes.p);
	if (root < OFFSET_BYTES)
		return refuse(&b, 0, err, "the root offset points at itself");
	return table_at(&b, root, ret, err);
}

/* Where the field's @n bytes lie; 0 when absent. */
static int field_at(const struct flatbuffer_table *t, unsigned field, uint32_t n, uint64_t *ret, struct err *err)
{
	uint64_t slot = VTABLE_HEAD_BYTES + 2 * (uint64_t)field;
	if (slot + 2 > t->vtable_bytes)
		return 0;
	uint16_t place = le16(t->buffer.bytes.p + t->vtable + slot);
	if (place == 0)
		return 0;
	if (place < OFFSET_BYTES || (uint32_t)place + n > t->table_bytes)
		return refuse(&t->buffer, t->vtable + slot, err, "a field lies outside its table");
	*ret = (uint64_t)t->at + place;
	return 1;
}

#define SCALAR(name, type, read)                                                                           \
	int flatbuffer_##name(const struct flatbuffer_table *t, unsigned field, type otherwise, type *ret, \
			      struct err *err)                                                             \
	{                                                                                                  \
		uint64_t at;                                                                               \
		int rc = field_at(t, field, sizeof(type), &at, err);                                       \
		if (rc >= 0)                                                                               \
			*ret = rc ? read(t->buffer.bytes.p + at) : otherwise;                              \
		return rc;                                                                                 \
	}

static uint8_t byte(const char *p)
{
	return (uint8_t)*p;
}

SCALAR(u8, uint8_t, byte)
SCALAR(u16, uint16_t, le16)
SCALAR(u32, uint32_t, le32)
SCALAR(u64, uint64_t, le64)

/* Follows the offset at @at, which is inside. Offsets are unsigned and relative: they only go forward. */
static int follow(const struct flatbuffer *b, uint64_t at, uint64_t *ret, struct err *err)
{
	uint32_t distance = le32(b->bytes.p + at);
	if (distance < OFFSET_BYTES || !inside(b, at + distance, OFFSET_BYTES))
		return refuse(b, at, err, "an offset points at itself or behind the buffer");
	*ret = at + distance;
	return 1;
}

static int string_at(const struct flatbuffer *b, uint64_t at, struct span *ret, struct err *err)
{
	uint32_t n = le32(b->bytes.p + at);
	if (!inside(b, at + OFFSET_BYTES, (uint64_t)n + 1))
		return refuse(b, at, err, "a string ends behind the buffer");
	const char *p = b->bytes.p + at + OFFSET_BYTES;
	if (p[n] != '\0')
		return refuse(b, at + OFFSET_BYTES + n, err, "no NUL behind a string");
	*ret = (struct span){ p, n };
	return 1;
}

/* Where the thing that @field's offset names begins. */
static int target_at(const struct flatbuffer_table *t, unsigned field, uint64_t *ret, struct err *err)
{
	uint64_t at = 0;
	int rc = field_at(t, field, OFFSET_BYTES, &at, err);
	return rc == 1 ? follow(&t->buffer, at, ret, err) : rc;
}

int flatbuffer_string(const struct flatbuffer_table *t, unsigned field, struct span *ret, struct err *err)
{
	uint64_t at = 0;
	int rc = target_at(t, field, &at, err);
	return rc == 1 ? string_at(&t->buffer, at, ret, err) : rc;
}

int flatbuffer_table(const struct flatbuffer_table *t, unsigned field, struct flatbuffer_table *ret, struct err *err)
{
	uint64_t at = 0;
	int rc = target_at(t, field, &at, err);
	return rc == 1 ? table_at(&t->buffer, at, ret, err) : rc;
}

int flatbuffer_vector(const struct flatbuffer_table *t, unsigned field, uint32_t element_bytes,
		      struct flatbuffer_vector *ret, struct err *err)
{
	uint64_t at = 0;
	int rc = target_at(t, field, &at, err);
	if (rc != 1)
		return rc;
	uint32_t count = le32(t->buffer.bytes.p + at);
	if (!inside(&t->buffer, at + OFFSET_BYTES, (uint64_t)count * element_bytes))
		return refuse(&t->buffer, at, err, "a vector ends behind the buffer");
	*ret = (struct flatbuffer_vector){
		.buffer = t->buffer, .at = (uint32_t)at + OFFSET_BYTES, .count = count, .element_bytes = element_bytes
	};
	return 1;
}

int flatbuffer_bytes(const struct flatbuffer_table *t, unsigned field, struct span *ret, struct err *err)
{
	struct flatbuffer_vector v;
	int rc = flatbuffer_vector(t, field, 1, &v, err);
	if (rc == 1)
		*ret = (struct span){ v.buffer.bytes.p + v.at, v.count };
	return rc;
}

static int element_at(const struct flatbuffer_vector *v, uint32_t i, uint32_t bytes, uint64_t *ret, struct err *err)
{
	if (i >= v->count || v->element_bytes != bytes)
		return err_set(err, RF_EINVALID, "flatbuffer: element %u of %u, of %u bytes each", i, v->count,
			       v->element_bytes);
	*ret = v->at + (uint64_t)i * bytes;
	return 1;
}

int flatbuffer_vector_table(const struct flatbuffer_vector *v, uint32_t i, struct flatbuffer_table *ret,
			    struct err *err)
{
	uint64_t at = 0;
	int rc = element_at(v, i, OFFSET_BYTES, &at, err);
	if (rc == 1)
		rc = follow(&v->buffer, at, &at, err);
	return rc == 1 ? table_at(&v->buffer, at, ret, err) : rc;
}

int flatbuffer_vector_string(const struct flatbuffer_vector *v, uint32_t i, struct span *ret, struct err *err)
{
	uint64_t at = 0;
	int rc = element_at(v, i, OFFSET_BYTES, &at, err);
	if (rc == 1)
		rc = follow(&v->buffer, at, &at, err);
	return rc == 1 ? string_at(&v->buffer, at, ret, err) : rc;
}

int flatbuffer_vector_u64(const struct flatbuffer_vector *v, uint32_t i, uint64_t *ret, struct err *err)
{
	uint64_t at = 0;
	int rc = element_at(v, i, 8, &at, err);
	if (rc == 1)
		*ret = le64(v->buffer.bytes.p + at);
	return rc;
}
