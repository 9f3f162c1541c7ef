/* Flatbuffers by pieces (flatbuffers.dev, "internals"): a table may lie behind gigabytes of weights. See
 * artifact_int.h. */
#include "inventory/artifact_int.h"

static bool table_at(struct artifact_reading *r, uint64_t at, struct flat_table *ret)
{
	const unsigned char *p = artifact_at(r, at, 4);
	if (!p)
		return false;
	int64_t back = (int32_t)le32(p); /* the vtable lies at table - back; may be negative */
	int64_t vtable = (int64_t)at - back;
	if (at > INT64_MAX || vtable < 0)
		return false;
	p = artifact_at(r, (uint64_t)vtable, 4);
	if (!p || le16(p) < 4 || le16(p) % 2 || le16(p + 2) < 4)
		return false;
	*ret = (struct flat_table){
		.at = at, .vtable = (uint64_t)vtable, .vtable_bytes = le16(p), .table_bytes = le16(p + 2)
	};
	return true;
}

static bool follow(struct artifact_reading *r, uint64_t at, uint64_t *ret)
{
	const unsigned char *p = artifact_at(r, at, 4);
	if (!p || le32(p) == 0)
		return false;
	*ret = at + le32(p);
	return *ret < r->src->size;
}

bool flat_root(struct artifact_reading *r, uint64_t base, struct flat_table *ret)
{
	uint64_t at;
	return follow(r, base, &at) && table_at(r, at, ret);
}

uint64_t flat_field(struct artifact_reading *r, const struct flat_table *t, unsigned index)
{
	size_t slot = 4 + 2 * (size_t)index;
	if (slot + 2 > t->vtable_bytes)
		return 0;
	const unsigned char *p = artifact_at(r, t->vtable + slot, 2);
	if (!p || le16(p) == 0 || le16(p) >= t->table_bytes)
		return 0;
	return t->at + le16(p);
}

bool flat_u32(struct artifact_reading *r, const struct flat_table *t, unsigned index, uint32_t absent, uint32_t *ret)
{
	uint64_t at = flat_field(r, t, index);
	if (!at) {
		*ret = absent;
		return true;
	}
	const unsigned char *p = artifact_at(r, at, 4);
	if (!p)
		return false;
	*ret = le32(p);
	return true;
}

bool flat_child(struct artifact_reading *r, const struct flat_table *t, unsigned index, struct flat_table *ret)
{
	uint64_t field = flat_field(r, t, index), at;
	return field && follow(r, field, &at) && table_at(r, at, ret);
}

struct span flat_string(struct artifact_reading *r, const struct flat_table *t, unsigned index, size_t max)
{
	uint64_t field = flat_field(r, t, index), at;
	if (!field || !follow(r, field, &at))
		return SPAN_NONE;
	const unsigned char *p = artifact_at(r, at, 4);
	if (!p)
		return SPAN_NONE;
	size_t n = RF_MIN((size_t)le32(p), RF_MIN(max, (size_t)ARTIFACT_PIECE_BYTES));
	p = artifact_at(r, at + 4, n);
	if (!p)
		return SPAN_NONE;
	struct span copy = arena_span(r->a, span_bytes(p, n));
	if (!copy.p)
		r->failed = RF_ENOMEM;
	return copy;
}

bool flat_vector(struct artifact_reading *r, const struct flat_table *t, unsigned index, uint64_t *ret_first,
		 uint32_t *ret_count)
{
	uint64_t field = flat_field(r, t, index), at;
	if (!field || !follow(r, field, &at))
		return false;
	const unsigned char *p = artifact_at(r, at, 4);
	if (!p || le32(p) > (r->src->size - at - 4) / 4)
		return false;
	*ret_first = at + 4;
	*ret_count = le32(p);
	return true;
}

bool flat_element(struct artifact_reading *r, uint64_t first, uint32_t i, struct flat_table *ret)
{
	uint64_t at;
	return follow(r, first + 4 * (uint64_t)i, &at) && table_at(r, at, ret);
}
