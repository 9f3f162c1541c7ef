/*
 * flatbuffer: a specimen made by hand reads right; each of its bytes changed to anything never reads outside.
 *
 * 0 root=20 | 4 "TEST" | 8 vtable {12, 28, f0 u8 @4, f1 string @8, f2 table @12, f3 vector @16} | 20 table ...
 */
#include "testing.h"

#include "base/fs.h"
#include "format/flatbuffer.h"

static unsigned char specimen[96];

static void put(size_t at, uint32_t v)
{
	put_le32(specimen + at, v);
}

static struct span make(void)
{
	memset(specimen, 0, sizeof specimen);
	put(0, 24);
	memcpy(specimen + 4, "TEST", 4);
	static const uint16_t vtable[] = { 14, 28, 4, 8, 12, 16, 20 };
	for (size_t i = 0; i < RF_COUNT(vtable); i++)
		put_le16(specimen + 8 + 2 * i, vtable[i]);
	put(24, 24 - 8);                             /* table: back to its vtable */
	specimen[28] = 7;                            /* f0 */
	put(32, 52 - 32);                            /* f1: string */
	put(36, 64 - 36);                            /* f2: table with the same vtable shape, a shorter one at 60 */
	put(40, 72 - 40);                            /* f3: vector of 2 u32 */
	put_le64(specimen + 44, 0x1122334455667788); /* f4: u64 */
	put(52, 3);
	memcpy(specimen + 56, "abc", 4);
	put_le16(specimen + 60, 4); /* vtable without fields */
	put_le16(specimen + 62, 4);
	put(64, 4); /* table */
	put(72, 2); /* vector: offsets of two strings */
	put(76, 84 - 76);
	put(80, 52 + 0x100000000 - 80); /* goes back: refused when read */
	put(84, 1);
	memcpy(specimen + 88, "z", 2);
	return span_bytes(specimen, sizeof specimen);
}

static void reads_the_specimen(void **state)
{
	(void)state;
	struct flatbuffer_table root, table;
	struct flatbuffer_vector v;
	struct err err = ERR_INIT;
	struct span s;
	uint8_t u8;
	uint32_t u32;
	uint64_t u64;
	assert_int_equal(flatbuffer_root(make(), 8, "TEST", &root, &err), 1);
	assert_int_equal(flatbuffer_u8(&root, 0, 0, &u8, &err), 1);
	assert_int_equal(u8, 7);
	assert_int_equal(flatbuffer_string(&root, 1, &s, &err), 1);
	assert_true(span_eq_text(s, "abc"));
	assert_int_equal(flatbuffer_table(&root, 2, &table, &err), 1);
	assert_int_equal(flatbuffer_u32(&table, 0, 42, &u32, &err), 0);
	assert_int_equal(u32, 42);
	assert_int_equal(flatbuffer_u64(&root, 4, 0, &u64, &err), 1);
	assert_true(u64 == 0x1122334455667788);
	assert_int_equal(flatbuffer_string(&root, 99, &s, &err), 0);
	assert_int_equal(flatbuffer_vector(&root, 3, 4, &v, &err), 1);
	assert_int_equal(v.count, 2);
	assert_int_equal(flatbuffer_vector_string(&v, 0, &s, &err), 1);
	assert_true(span_eq_text(s, "z"));
	assert_int_equal(flatbuffer_vector_string(&v, 1, &s, &err), RF_EFORMAT);
	assert_int_equal(err.offset, 88);
	assert_int_equal(flatbuffer_vector_string(&v, 2, &s, &err), RF_EINVALID);
	assert_int_equal(flatbuffer_bytes(&root, 3, &s, &err), 1);
	assert_int_equal(s.n, 2);
}

static void refuses_by_the_rule(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint32_t value;
		const char *words;
	} cases[] = {
		{ 0, 0, "points at itself" },
		{ 0, 1000, "behind the buffer" },
		{ 0, 0xffffffff, "behind the buffer" },
		{ 4, 0x41414141, "identifier" },
		{ 24, 0x80000000, "vtable lies outside" },
		{ 24, 0x7fffffff, "vtable lies outside" },
		{ 8, 28u << 16 | 13, "odd" },
		{ 8, 28u << 16 | 2, "odd or below 4" },
		{ 8, 28u << 16 | 4000, "vtable ends" },
		{ 8, 4000u << 16 | 14, "table's size" },
		{ 8, 3u << 16 | 14, "table's size" },
		{ 12, 8u << 16 | 2, "outside its table" },
		{ 12, 8u << 16 | 28, "outside its table" },
		{ 32, 0, "points at itself" },
		{ 32, 5000, "behind the buffer" },
		{ 52, 0xffffffff, "string ends" },
		{ 52, 2, "no NUL" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct flatbuffer_table root;
		struct span bytes = make(), s;
		struct err err = ERR_INIT;
		uint8_t u8;
		put(cases[i].at, cases[i].value);
		int rc = flatbuffer_root(bytes, 0, "TEST", &root, &err);
		if (rc == 1)
			rc = flatbuffer_u8(&root, 0, 0, &u8, &err);
		if (rc == 1)
			rc = flatbuffer_string(&root, 1, &s, &err);
		if (rc != RF_EFORMAT || !strstr(err.text, cases[i].words))
			fail_msg("case %zu: %d: %s", i, rc, err.text);
	}
	struct flatbuffer_table root;
	struct flatbuffer_vector v;
	struct err err = ERR_INIT;
	assert_int_equal(flatbuffer_root(SPAN("abc"), 0, NULL, &root, &err), RF_ETRUNCATED);
	assert_int_equal(flatbuffer_root((struct span){ "", FLATBUFFER_MAX_BYTES + 1 }, 0, NULL, &root, &err),
			 RF_ETOOBIG);
	struct span bytes = make();
	put(72, 0x40000001);
	assert_int_equal(flatbuffer_root(bytes, 0, NULL, &root, &err), 1);
	assert_int_equal(flatbuffer_vector(&root, 3, 4, &v, &err), RF_EFORMAT);
}

/* Under the address sanitizer: no byte, whatever its value, leads outside. */
static void never_reads_outside(void **state)
{
	(void)state;
	struct span whole = make();
	for (size_t at = 0; at < whole.n; at++) {
		for (unsigned value = 0; value < 256; value++) {
			(void)make();
			specimen[at] = (unsigned char)value;
			for (size_t n = whole.n; n > 80; n -= 8) {
				struct flatbuffer_table root, table;
				struct flatbuffer_vector v;
				struct span s;
				char *copy = malloc(n);
				memcpy(copy, specimen, n);
				if (flatbuffer_root(span_bytes(copy, n), 0, NULL, &root, NULL) == 1) {
					(void)!flatbuffer_string(&root, 1, &s, NULL);
					(void)!flatbuffer_table(&root, 2, &table, NULL);
					if (flatbuffer_vector(&root, 3, 4, &v, NULL) == 1)
						(void)!flatbuffer_vector_table(&v, 0, &table, NULL);
				}
				free(copy);
			}
		}
	}
}

/* A real TensorRT 5.0.2.6 plan: u64 size, then the flatbuffer; root field 1 the version, field 2 the device. */
static void reads_a_real_plan(void **state)
{
	(void)state;
	const char *data = testing_shared_data();
	if (!data)
		skip();
	char path[FS_PATH_MAX];
	RF_AUTO(str) file = STR_INIT(64 * MIB);
	struct flatbuffer_table root, version, device;
	struct span name;
	struct err err = ERR_INIT;
	uint32_t part;
	assert_ok(fs_join(path, sizeof path, data, "engines/42-5.0.2.6-model.plan", &err), &err);
	assert_ok(fs_read(path, &file, &err), &err);
	assert_int_equal(flatbuffer_root(span_from(str_span(&file), 8), 8, NULL, &root, &err), 1);
	assert_int_equal(flatbuffer_table(&root, 1, &version, &err), 1);
	static const uint32_t wanted[] = { 5, 0, 2, 6 };
	for (unsigned i = 0; i < 4; i++) {
		assert_true(flatbuffer_u32(&version, i, 0, &part, &err) >= 0);
		assert_int_equal(part, wanted[i]);
	}
	assert_int_equal(flatbuffer_table(&root, 2, &device, &err), 1);
	assert_int_equal(flatbuffer_string(&device, 0, &name, &err), 1);
	assert_true(span_find(name, SPAN("TITAN V")) != SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_the_specimen), cmocka_unit_test(refuses_by_the_rule),
					    cmocka_unit_test(never_reads_outside),
					    cmocka_unit_test(reads_a_real_plan) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
