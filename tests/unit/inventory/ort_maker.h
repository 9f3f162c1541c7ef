/* .ort files made by hand for the tests: tables in the order of their offsets, which only point forward. Source: ort.fbs. */
#ifndef REFORGE_TEST_ORT_MAKER_H
#define REFORGE_TEST_ORT_MAKER_H

#include "testing.h"

#include "base/str.h"

#define ORT_FIELDS 13
#define ORT_BYTES (16 * MIB)

struct ort_table {
	size_t at;
	size_t slots[ORT_FIELDS]; /* where a field's bytes are; 0: absent */
};

static inline void ort_u16(struct str *s, size_t v)
{
	unsigned char b[2];
	put_le16(b, (uint16_t)v);
	str_add(s, span_bytes(b, 2));
}

static inline void ort_u32(struct str *s, size_t v)
{
	unsigned char b[4];
	put_le32(b, (uint32_t)v);
	str_add(s, span_bytes(b, 4));
}

/* What is written next is what the offset at @slot leads to. */
static inline void ort_link(struct str *s, size_t slot)
{
	while (s->n % 4)
		str_add_byte(s, 0);
	put_le32(s->p + slot, (uint32_t)(s->n - slot));
}

/* A table of the fields in @present, of @wide ones of 8 bytes, others of 4; behind its vtable. */
static inline struct ort_table ort_table(struct str *s, size_t slot, unsigned present, unsigned wide)
{
	struct ort_table t = { 0 };
	size_t place = 4, vtable = 4 + 2 * ORT_FIELDS, sizes[ORT_FIELDS] = { 0 };
	while (s->n % 4)
		str_add_byte(s, 0);
	size_t start = s->n;
	for (unsigned i = 0; i < ORT_FIELDS; i++) {
		if (!(present >> i & 1))
			continue;
		sizes[i] = place;
		place += wide >> i & 1 ? 8 : 4;
	}
	ort_u16(s, vtable);
	ort_u16(s, place);
	for (unsigned i = 0; i < ORT_FIELDS; i++)
		ort_u16(s, sizes[i]);
	ort_u16(s, 0); /* so that the table is aligned */
	ort_link(s, slot);
	t.at = s->n;
	ort_u32(s, t.at - start);
	for (size_t i = 4; i < place; i++)
		str_add_byte(s, 0);
	for (unsigned i = 0; i < ORT_FIELDS; i++)
		t.slots[i] = sizes[i] ? t.at + sizes[i] : 0;
	return t;
}

static inline void ort_string(struct str *s, size_t slot, struct span text)
{
	ort_link(s, slot);
	ort_u32(s, text.n);
	str_add(s, text);
	str_add_byte(s, 0);
}

/* A vector of @count offsets; returns where the first stands. */
static inline size_t ort_vector(struct str *s, size_t slot, size_t count)
{
	ort_link(s, slot);
	ort_u32(s, count);
	size_t first = s->n;
	for (size_t i = 0; i < count; i++)
		ort_u32(s, 0);
	return first;
}

/* Names separated by blanks. */
static inline void ort_names(struct str *s, size_t slot, const char *names)
{
	struct span rest = span_of(names), part;
	size_t count = 1;
	for (const char *p = names; *p; p++)
		count += *p == ' ';
	size_t first = ort_vector(s, slot, names[0] ? count : 0);
	for (size_t i = 0; names[0] && span_split(&rest, ' ', &part); i++)
		ort_string(s, first + 4 * i, part);
}

/* Node: domain 2, op_type 5, inputs 8, outputs 9; attributes 10 when @attributes is given, which gets their slot. */
static inline void ort_node(struct str *s, size_t slot, const char *op, const char *inputs, const char *outputs, size_t *attributes)
{
	struct ort_table t = ort_table(s, slot, 1u << 2 | 1u << 5 | 1u << 8 | 1u << 9 | (attributes ? 1u << 10 : 0), 0);
	const char *colon = strchr(op, ':');
	ort_string(s, t.slots[2], colon ? span_bytes(op, (size_t)(colon - op)) : SPAN(""));
	ort_string(s, t.slots[5], span_of(colon ? colon + 1 : op));
	ort_names(s, t.slots[8], inputs);
	ort_names(s, t.slots[9], outputs);
	if (attributes)
		*attributes = t.slots[10];
}

/* Tensor: name 0, dims 2, data_type 3, raw_data 4. */
static inline void ort_tensor(struct str *s, size_t slot, const char *name, int32_t type, const int64_t *dims, size_t rank, size_t raw)
{
	struct ort_table t = ort_table(s, slot, 1u | 1u << 2 | 1u << 3 | 1u << 4, 0);
	unsigned char b[8];
	ort_string(s, t.slots[0], span_of(name));
	put_le32(s->p + t.slots[3], (uint32_t)type);
	ort_link(s, t.slots[2]);
	ort_u32(s, rank);
	for (size_t i = 0; i < rank; i++) {
		put_le64(b, (uint64_t)dims[i]);
		str_add(s, span_bytes(b, 8));
	}
	ort_link(s, t.slots[4]);
	ort_u32(s, raw);
	for (size_t i = 0; i < raw; i++)
		str_add_byte(s, 0);
}

/* Session, model, and the graph's table: initialisers 0, nodes 2, inputs 5, outputs 6. */
static inline struct ort_table ort_begin(struct str *s)
{
	ort_u32(s, 0);
	str_add(s, SPAN("ORTM"));
	struct ort_table session = ort_table(s, 0, 1u | 1u << 1, 0);
	ort_string(s, session.slots[0], SPAN("6"));
	struct ort_table model = ort_table(s, session.slots[1], 1u | 1u << 7, 1);
	put_le64(s->p + model.slots[0], 8);
	return ort_table(s, model.slots[7], 1u | 1u << 2 | 1u << 5 | 1u << 6, 0);
}

#endif
