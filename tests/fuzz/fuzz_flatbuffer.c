/* Flatbuffers: whatever the offsets, every span handed out lies in the buffer. Each field is read as everything. */
#include "format/flatbuffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DEPTH 4
#define FIELDS 12
#define ELEMENTS 4

static void inside(struct span whole, struct span part)
{
	volatile char sum = 0;
	if (part.p < whole.p || part.p + part.n > whole.p + whole.n)
		abort();
	for (size_t i = 0; i < RF_MIN(part.n, (size_t)64); i++)
		sum = (char)(sum ^ part.p[i]);
}

static void walk(const struct flatbuffer_table *t, unsigned depth)
{
	struct flatbuffer_table table;
	struct flatbuffer_vector v;
	struct span s;
	uint64_t u64;
	uint8_t u8;
	for (unsigned field = 0; field < FIELDS; field++) {
		(void)!flatbuffer_u64(t, field, 0, &u64, NULL);
		(void)!flatbuffer_u8(t, field, 0, &u8, NULL);
		if (flatbuffer_string(t, field, &s, NULL) == 1)
			inside(t->buffer.bytes, s);
		if (flatbuffer_bytes(t, field, &s, NULL) == 1)
			inside(t->buffer.bytes, s);
		if (depth < DEPTH && flatbuffer_table(t, field, &table, NULL) == 1)
			walk(&table, depth + 1);
		if (flatbuffer_vector(t, field, 4, &v, NULL) == 1)
			for (uint32_t i = 0; i < RF_MIN(v.count, (uint32_t)ELEMENTS); i++) {
				if (flatbuffer_vector_string(&v, i, &s, NULL) == 1)
					inside(t->buffer.bytes, s);
				if (depth < DEPTH && flatbuffer_vector_table(&v, i, &table, NULL) == 1)
					walk(&table, depth + 1);
			}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flatbuffer_table root;
	struct err err = ERR_INIT;
	if (size <= 4096 && flatbuffer_root(span_bytes(data, size), 0, NULL, &root, &err) == 1)
		walk(&root, 0);
	return 0;
}
