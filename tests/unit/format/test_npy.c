/* npy: NumPy's own header reads, ours reads back, everything else is refused by name. */
#include "testing.h"

#include "format/npy.h"

#include <math.h>

#define V1 "\x93NUMPY\x01\x00"

/* A file of version 1.0 around a header text. */
static struct span file(struct str *s, const char *header, size_t data_bytes)
{
	str_reset(s);
	char length[2];
	put_le16(length, (uint16_t)strlen(header));
	str_add(s, SPAN(V1));
	str_add(s, span_bytes(length, 2));
	str_add_text(s, header);
	for (size_t i = 0; i < data_bytes; i++)
		str_add_byte(s, (char)i);
	return str_span(s);
}

static void reads_numpys_header(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(KIB);
	struct npy t;
	struct err err = ERR_INIT;
	char text[NPY_SHAPE_TEXT_BYTES];
	assert_ok(npy_read(file(&s, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 2), }      \n", 24), &t,
			   &err),
		  &err);
	assert_int_equal(t.type, NPY_F32);
	assert_string_equal(npy_shape_text(&t, text), "[1,3,2]");
	assert_int_equal(t.data.n, 24);
	assert_ok(npy_read(file(&s, "{'shape': (), 'fortran_order': False, 'descr': '|b1'}\n", 1), &t, &err), &err);
	assert_int_equal(t.ndim, 0);
	assert_int_equal(npy_count(&t), 1);
	assert_ok(npy_read(file(&s, "{\"descr\":\"<i8\",\"fortran_order\":False,\"shape\":(2,),}", 16), &t, &err),
		  &err);
	assert_string_equal(npy_shape_text(&t, text), "[2]");
	assert_ok(npy_read(file(&s, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5), }\n", 0), &t, &err),
		  &err);
	assert_int_equal(npy_bytes(&t), 0);
	assert_ok(npy_read(file(&s, "{'descr': '<u1', 'fortran_order': False, 'shape': (1, ), }\n", 1), &t, &err),
		  &err);
	assert_int_equal(t.type, NPY_U8);
}

static void refuses_by_the_rule(void **state)
{
	(void)state;
#define H(descr, order, shape) "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"
	static const struct {
		const char *header;
		size_t data;
		int code;
		const char *words;
	} cases[] = {
		{ H("'<f4'", "False", "(2, 2)"), 15, RF_ETRUNCATED, "15 bytes" },
		{ H("'<f4'", "False", "(2, 2)"), 17, RF_EFORMAT, "17 bytes" },
		{ H("'>f4'", "False", "(1,)"), 4, RF_EUNSUPPORTED, "descr" },
		{ H("'<c8'", "False", "(1,)"), 8, RF_EUNSUPPORTED, "descr" },
		{ H("'|O'", "False", "(1,)"), 8, RF_EUNSUPPORTED, "descr" },
		{ H("[('a', '<f4')]", "False", "(1,)"), 4, RF_EUNSUPPORTED, "descr" },
		{ H("'<f4'", "True", "(1,)"), 4, RF_EUNSUPPORTED, "fortran_order" },
		{ H("'<f4'", "0", "(1,)"), 4, RF_EFORMAT, "fortran_order" },
		{ H("'<f4'", "False", "(1)"), 4, RF_EFORMAT, "comma" },
		{ H("'<f4'", "False", "(-1,)"), 4, RF_EFORMAT, "whole numbers" },
		{ H("'<f4'", "False", "(1 1,)"), 4, RF_EFORMAT, "whole numbers" },
		{ H("'<f4'", "False", "(99999999999999999999,)"), 4, RF_ETOOBIG, "64 bits" },
		{ H("'<f8'", "False", "(4294967296, 4294967296)"), 4, RF_ETOOBIG, "2^63" },
		{ H("'<f8'", "False", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)"), 8, RF_ETOOBIG, "16 dimensions" },
		{ "{'descr': '<f4', 'shape': (1,)}", 4, RF_EFORMAT, "lacks" },
		{ "{'descr': '<f4', 'descr': '<f4'}", 4, RF_EFORMAT, "each once" },
		{ "{'descr': '<f4', 'evil': 1}", 4, RF_EFORMAT, "keys are not" },
		{ "{'descr': '<f4'", 4, RF_EFORMAT, "does not end" },
		{ "{} x", 4, RF_EFORMAT, "behind" },
		{ "", 0, RF_EFORMAT, "no dictionary" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(str) s = STR_INIT(KIB);
		struct npy t;
		struct err err = ERR_INIT;
		int rc = npy_read(file(&s, cases[i].header, cases[i].data), &t, &err);
		if (rc != cases[i].code || !strstr(err.text, cases[i].words))
			fail_msg("%s: %s: %s", cases[i].header, rf_error_name(rc), err.text);
	}
	struct npy t;
	struct err err = ERR_INIT;
	assert_int_equal(npy_read(SPAN_NONE, &t, &err), RF_ETRUNCATED);
	assert_int_equal(npy_read(SPAN("\x93NUM"), &t, &err), RF_ETRUNCATED);
	assert_int_equal(npy_read(SPAN("PK\x03\x04 a zip file"), &t, &err), RF_EFORMAT);
	assert_int_equal(npy_read(SPAN("\x93NUMPY\x03\x00\x01\x00{"), &t, &err), RF_EUNSUPPORTED);
	assert_int_equal(npy_read(SPAN(V1 "\xff\xff{"), &t, &err), RF_ETOOBIG);
	assert_int_equal(npy_read(SPAN(V1 "\x10\x00{"), &t, &err), RF_ETRUNCATED);
	assert_int_equal(npy_read(SPAN("\x93NUMPY\x02\x00\x10\x00"), &t, &err), RF_ETRUNCATED);
}

static void writes_what_it_reads(void **state)
{
	(void)state;
	static const char data[48] = { 1, 2, 3 };
	for (int type = NPY_NONE + 1; type < NPY_TYPES; type++) {
		RF_AUTO(str) s = STR_INIT(KIB);
		struct npy t = { .type = (enum npy_type)type, .ndim = 2, .shape = { 2, 3 } }, back;
		t.data = span_bytes(data, npy_bytes(&t));
		struct err err = ERR_INIT;
		assert_ok(npy_write(&s, &t, &err), &err);
		assert_int_equal((s.n - t.data.n) % 64, 0);
		assert_ok(npy_read(str_span(&s), &back, &err), &err);
		assert_int_equal(back.type, type);
		assert_true(npy_same_shape(&t, &back) && span_eq(t.data, back.data));
		assert_int_equal(npy_type_of(span_of(npy_type_name((enum npy_type)type))), type);
	}
	RF_AUTO(str) s = STR_INIT(KIB);
	struct npy t = { .type = NPY_F32, .ndim = 1, .shape = { 1 }, .data = SPAN("abc") };
	struct err err = ERR_INIT;
	assert_int_equal(npy_write(&s, &t, &err), RF_EINVALID);
	t.type = NPY_NONE;
	assert_int_equal(npy_write(&s, &t, &err), RF_EINVALID);
	/* the header alone */
	size_t start;
	t = (struct npy){ .type = NPY_I64, .ndim = 1, .shape = { 1 } };
	assert_ok(npy_write(&s, &t, &err), &err);
	assert_ok(npy_read_header(str_span(&s), &t, &start, &err), &err);
	assert_int_equal(start, s.n);
}

static void widens_values(void **state)
{
	(void)state;
	struct npy half = { .type = NPY_F16,
			    .ndim = 1,
			    .shape = { 8 },
			    .data = SPAN("\x00\x3c\x00\xc0\x01\x00\xff\x7b\x00\x7c\x01\x7e\x00\x80\xff\x03") };
	assert_true(npy_at(&half, 0) == 1 && npy_at(&half, 1) == -2);
	assert_true(npy_at(&half, 2) == 0x1p-24 && npy_at(&half, 3) == 65504);
	assert_true(isinf(npy_at(&half, 4)) && isnan(npy_at(&half, 5)));
	assert_true(npy_at(&half, 6) == 0 && signbit(npy_at(&half, 6)) && npy_at(&half, 7) == 1023 * 0x1p-24);
	struct npy small = { .type = NPY_I8, .ndim = 1, .shape = { 1 }, .data = SPAN("\xff") };
	assert_true(npy_at(&small, 0) == -1);
	struct npy wide = {
		.type = NPY_I64, .ndim = 1, .shape = { 1 }, .data = SPAN("\xfe\xff\xff\xff\xff\xff\xff\xff")
	};
	assert_true(npy_at(&wide, 0) == -2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_numpys_header),
					    cmocka_unit_test(refuses_by_the_rule),
					    cmocka_unit_test(writes_what_it_reads), cmocka_unit_test(widens_values) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
