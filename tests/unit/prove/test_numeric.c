#include "testing.h"

#include "base/random.h"
#include "base/time.h"
#include "base/arena.h"
#include "prove/numeric.h"

#include <math.h>

static struct npy tensor(enum npy_type type, const void *data, uint64_t rows, uint64_t columns)
{
	struct npy t = { .type = type, .ndim = 2, .shape = { rows, columns } };
	t.data = span_bytes(data, (size_t)(rows * columns) * npy_type_size(type));
	return t;
}

#define NO ((double)NAN)
#define TIGHT_RULE { 1e-4, 1e-3, 0, NO, NO }
static const struct numeric_rule TIGHT = TIGHT_RULE;

/* One pair of four float32 values under a rule. */
struct row {
	const char *what;
	float b[4], a[4];
	struct numeric_rule rule;
	enum judgement judgement;
	enum numeric_cause cause;
};

static const struct row ROWS[] = {
	{ "same", { 1, 2, 3, 4 }, { 1, 2, 3, 4 }, { 0, 0, 0, 1, 1 }, JUDGEMENT_PASS, NUMERIC_OK },
	{ "within atol", { 0, 0, 0, 1 }, { 0.00009f, 0, 0, 1 }, { 1e-4, 0, 0, NO, NO }, JUDGEMENT_PASS, NUMERIC_OK },
	{ "beyond atol", { 0, 0, 0, 1 }, { 0.00011f, 0, 0, 1 }, { 1e-4, 0, 0, NO, NO }, JUDGEMENT_FAIL, NUMERIC_TOLERANCE },
	{ "within rtol of the baseline", { 1000, 0, 0, 1 }, { 1000.9f, 0, 0, 1 }, TIGHT_RULE, JUDGEMENT_PASS, NUMERIC_OK },
	{ "beyond rtol", { 1000, 0, 0, 1 }, { 1001.2f, 0, 0, 1 }, TIGHT_RULE, JUDGEMENT_FAIL, NUMERIC_TOLERANCE },
	{ "rtol is of b, not of a", { 1, 1, 1, 1 }, { 2.1f, 1, 1, 1 }, { 0, 1, 0, NO, NO }, JUDGEMENT_FAIL, NUMERIC_TOLERANCE },
	{ "one outlier of four allowed", { 1, 1, 1, 1 }, { 2, 1, 1, 1 }, { 1e-4, 0, 0.25, NO, NO }, JUDGEMENT_PASS, NUMERIC_OK },
	{ "two are too many", { 1, 1, 1, 1 }, { 2, 2, 1, 1 }, { 1e-4, 0, 0.25, NO, NO }, JUDGEMENT_FAIL, NUMERIC_TOLERANCE },
	{ "NaN at the same place", { NAN, 1, 1, 1 }, { NAN, 1, 1, 1 }, TIGHT_RULE, JUDGEMENT_PASS, NUMERIC_OK },
	{ "NaN appears", { 1, 1, 1, 1 }, { NAN, 1, 1, 1 }, TIGHT_RULE, JUDGEMENT_FAIL, NUMERIC_NAN },
	{ "NaN disappears", { NAN, 1, 1, 1 }, { 1, 1, 1, 1 }, TIGHT_RULE, JUDGEMENT_FAIL, NUMERIC_NAN },
	{ "NaN against infinity", { INFINITY, 1, 1, 1 }, { NAN, 1, 1, 1 }, TIGHT_RULE, JUDGEMENT_FAIL, NUMERIC_NAN },
	{ "infinity at the same place", { -INFINITY, 1, 1, 1 }, { -INFINITY, 1, 1, 1 }, TIGHT_RULE, JUDGEMENT_PASS, NUMERIC_OK },
	{ "infinity of the other sign", { -INFINITY, 1, 1, 1 }, { INFINITY, 1, 1, 1 }, TIGHT_RULE, JUDGEMENT_FAIL, NUMERIC_INF },
	{ "infinity appears", { 1, 1, 1, 1 }, { INFINITY, 1, 1, 1 }, TIGHT_RULE, JUDGEMENT_FAIL, NUMERIC_INF },
	{ "nothing finite is no data", { NAN, NAN, NAN, NAN }, { NAN, NAN, NAN, NAN }, TIGHT_RULE, JUDGEMENT_INCONCLUSIVE, NUMERIC_NO_DATA },
	{ "cosine breaks where a loose tolerance does not", { 1, 0, 1, 0 }, { 0, 1, 0, 1 }, { 2, 0, 0, 0.9, NO }, JUDGEMENT_PASS, NUMERIC_OK },
	{ "cosine of a large vector", { 10, 0, 10, 0 }, { 9, 2, 9, 2 }, { 2, 0, 0, 0.99, NO }, JUDGEMENT_FAIL, NUMERIC_COSINE },
	{ "a vector that became zero", { 10, 10, 10, 10 }, { 0, 0, 0, 0 }, { NO, NO, 0, 0.9, NO }, JUDGEMENT_FAIL, NUMERIC_COSINE },
	{ "near zero: cosine is silent", { 1e-7f, 2e-7f, 0, 0 }, { 2e-7f, 1e-7f, 1e-7f, 0 }, { 1e-4, 1e-3, 0, 0.999, NO }, JUDGEMENT_PASS, NUMERIC_OK },
	{ "near zero and only cosine asked", { 1e-9f, 0, 0, 0 }, { 0, 1e-9f, 0, 0 }, { NO, NO, 0, 0.999, NO }, JUDGEMENT_INCONCLUSIVE, NUMERIC_NO_DATA },
	{ "all zero, cosine asked", { 0, 0, 0, 0 }, { 0, 0, 0, 0 }, { 1e-4, 1e-3, 0, 0.999, NO }, JUDGEMENT_PASS, NUMERIC_OK },
	{ "top-1 moves", { 1, 2, 9, 3 }, { 1, 9, 2, 3 }, { NO, NO, 0, NO, 1 }, JUDGEMENT_FAIL, NUMERIC_TOP1 },
	{ "top-1 between equals", { 1, 5, 5, 3 }, { 1, 4.99999f, 5, 3 }, { 1e-3, 0, 0, NO, 1 }, JUDGEMENT_PASS, NUMERIC_OK },
	{ "top-1 not excused by a loose tolerance", { 0, 0.6f, 0.4f, 0 }, { 0, 0.4f, 0.6f, 0 }, { 0.5, 0, 0, NO, 0.9 }, JUDGEMENT_FAIL, NUMERIC_TOP1 },
	{ "top-1 leaves NaN out", { NAN, 1, 2, 0 }, { NAN, 1, 2, 0 }, { 1e-4, 0, 0, NO, 1 }, JUDGEMENT_PASS, NUMERIC_OK },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(ROWS); i++) {
		const struct row *r = &ROWS[i];
		struct numeric n;
		numeric_start(&n, &r->rule);
		struct npy b = tensor(NPY_F32, r->b, 1, 4), a = tensor(NPY_F32, r->a, 1, 4);
		numeric_add(&n, &b, &a);
		enum numeric_cause cause;
		char text[256];
		enum judgement j = numeric_judge(&n, &cause, text, sizeof text);
		if (j != r->judgement || cause != r->cause)
			fail_msg("%s: %s, %s (%s)", r->what, judgement_name(j), numeric_cause_name(cause), text);
		if (j == JUDGEMENT_FAIL ? n.first_bad_input != 0 : !n.outliers && n.first_bad_input != UINT64_MAX)
			fail_msg("%s: first bad input %llu", r->what, (unsigned long long)n.first_bad_input);
	}
}

/* The same two values in every type. */
static void types(void **state)
{
	(void)state;
	static const struct {
		enum npy_type type;
		unsigned char b[16], a[16];
		struct numeric_rule rule;
		enum judgement judgement;
	} rows[] = {
		{ NPY_BOOL, { 1, 0 }, { 1, 0 }, { 5, 5, 0, NO, NO }, JUDGEMENT_PASS },
		{ NPY_BOOL, { 1, 0 }, { 1, 1 }, { 5, 5, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_BOOL, { 1, 0 }, { 7, 0 }, { 0, 0, 0, NO, NO }, JUDGEMENT_PASS },
		{ NPY_I8, { 0xff, 3 }, { 0xfe, 3 }, { 1, 0, 0, NO, NO }, JUDGEMENT_PASS },
		{ NPY_I8, { 0x80, 3 }, { 0x7f, 3 }, { 1, 1, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_U8, { 200, 3 }, { 201, 3 }, { 0.5, 0.9, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_I16, { 0, 0x80, 1, 0 }, { 0, 0x80, 1, 0 }, { 0, 0, 0, 1, NO }, JUDGEMENT_PASS },
		{ NPY_U16, { 0xff, 0xff, 1, 0 }, { 0xff, 0xff, 2, 0 }, { 0, 0, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_I32, { 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0 }, { 0, 0, 0, 0, 1, 0, 0, 0 }, { 1, 0, 0, NO, NO }, JUDGEMENT_PASS },
		{ NPY_U32, { 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0 }, { 0, 0, 0, 0, 1, 0, 0, 0 }, { 1, 1, 0, NO, NO }, JUDGEMENT_FAIL },
		/* 2^62 and 2^62 + 1 are one double */
		{ NPY_I64, { 0, 0, 0, 0, 0, 0, 0, 0x40, 5 }, { 1, 0, 0, 0, 0, 0, 0, 0x40, 5 }, { 0, 1, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_I64, { 0, 0, 0, 0, 0, 0, 0, 0x40, 5 }, { 1, 0, 0, 0, 0, 0, 0, 0x40, 5 }, { 1, 0, 0, NO, NO }, JUDGEMENT_PASS },
		{ NPY_I64, { 0, 0, 0, 0, 0, 0, 0, 0x80, 5 }, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 5 }, { 1e18, 1, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_U64, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, { 0, 0, 0, NO, NO }, JUDGEMENT_FAIL },
		/* 1.0 and 1 + 2^-10 in half precision; NaN */
		{ NPY_F16, { 0, 0x3c, 0, 0 }, { 1, 0x3c, 0, 0 }, { 0, 1e-3, 0, NO, NO }, JUDGEMENT_PASS },
		{ NPY_F16, { 0, 0x3c, 0, 0 }, { 1, 0x3c, 0, 0 }, { 0, 9e-4, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_F16, { 0, 0x3c, 0, 0x7e }, { 0, 0x3c, 0, 0x7e }, { 0, 0, 0, NO, NO }, JUDGEMENT_PASS },
		{ NPY_F64, { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f }, { 1, 0, 0, 0, 0, 0, 0xf0, 0x3f }, { 0, 0, 0, NO, NO }, JUDGEMENT_FAIL },
		{ NPY_F64, { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f }, { 1, 0, 0, 0, 0, 0, 0xf0, 0x3f }, { 0, 1e-15, 0, NO, NO }, JUDGEMENT_PASS },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct numeric n;
		numeric_start(&n, &rows[i].rule);
		struct npy b = tensor(rows[i].type, rows[i].b, 1, 2), a = tensor(rows[i].type, rows[i].a, 1, 2);
		numeric_add(&n, &b, &a);
		char text[256];
		if (numeric_judge(&n, NULL, text, sizeof text) != rows[i].judgement)
			fail_msg("row %zu, %s: %s", i, npy_type_name(rows[i].type), text);
	}
}

static void mismatches_and_no_data(void **state)
{
	(void)state;
	static const float v[4] = { 1, 2, 3, 4 };
	struct numeric n;
	enum numeric_cause cause;
	numeric_start(&n, &TIGHT);
	assert_int_equal(numeric_judge(&n, &cause, NULL, 0), JUDGEMENT_INCONCLUSIVE);
	assert_int_equal(cause, NUMERIC_NO_DATA);
	struct npy wide = tensor(NPY_F32, v, 1, 4), tall = tensor(NPY_F32, v, 4, 1), ints = tensor(NPY_I32, v, 1, 4), empty = tensor(NPY_F32, v, 0, 4);
	numeric_add(&n, &empty, &empty);
	assert_int_equal(numeric_judge(&n, &cause, NULL, 0), JUDGEMENT_INCONCLUSIVE);
	numeric_add(&n, &wide, &wide);
	assert_int_equal(numeric_judge(&n, &cause, NULL, 0), JUDGEMENT_PASS);
	numeric_add(&n, &wide, &tall);
	assert_int_equal(numeric_judge(&n, &cause, NULL, 0), JUDGEMENT_FAIL);
	assert_int_equal(cause, NUMERIC_SHAPE);
	assert_int_equal(n.first_bad_input, 2);
	numeric_add(&n, &wide, &ints);
	assert_int_equal(numeric_judge(&n, &cause, NULL, 0), JUDGEMENT_FAIL);
	assert_int_equal(cause, NUMERIC_TYPE);
}

/* A one-element output (a wake word's probability) has no direction of its own; over many inputs it has. */
static void scalars_are_pooled(void **state)
{
	(void)state;
	static const float b[4] = { 0.9f, 0.1f, 0.8f, 0.02f }, good[4] = { 0.9f, 0.1f, 0.8f, 0.02f }, bad[4] = { 0.1f, 0.9f, 0.02f, 0.8f };
	struct numeric_rule rule = { 1, 0, 0, 0.99, NO };
	rule.atol = 1e-3;
	struct numeric n, m;
	numeric_start(&n, &rule);
	rule = (struct numeric_rule){ NO, NO, 0, 0.99, NO };
	numeric_start(&m, &rule);
	for (size_t i = 0; i < 4; i++) {
		struct npy x = tensor(NPY_F32, &b[i], 1, 1), y = tensor(NPY_F32, &good[i], 1, 1), z = tensor(NPY_F32, &bad[i], 1, 1);
		numeric_add(&n, &x, &y);
		numeric_add(&m, &x, &z);
	}
	assert_int_equal(n.cosine_tensors, 0);
	assert_int_equal(numeric_judge(&n, NULL, NULL, 0), JUDGEMENT_PASS);
	assert_true(fabs(numeric_cosine(&n) - 1) < 1e-12);
	enum numeric_cause cause;
	assert_int_equal(numeric_judge(&m, &cause, NULL, 0), JUDGEMENT_FAIL);
	assert_int_equal(cause, NUMERIC_COSINE);
}

/* Figures over more than one chunk, against a plain loop; the outlier and the NaN sit in a later chunk. */
static void figures(void **state)
{
	(void)state;
	enum { N = 10007 };
	float *a = rf_alloc(N * sizeof *a), *b = rf_alloc(N * sizeof *b);
	struct random_stream random = { 7 };
	double max_abs = 0, dot = 0;
	for (size_t i = 0; i < N; i++) {
		b[i] = (float)(random_unit(&random) - 0.5);
		a[i] = b[i] + (float)(random_unit(&random) * 1e-6);
	}
	b[5000] = a[5000] = NAN;
	a[9001] = b[9001] + 1;
	for (size_t i = 0; i < N; i++)
		if (i != 5000) {
			max_abs = fmax(max_abs, fabs((double)a[i] - (double)b[i]));
			dot += (double)a[i] * (double)b[i];
		}
	struct npy x = tensor(NPY_F32, b, 1, N), y = tensor(NPY_F32, a, 1, N);
	struct numeric n;
	numeric_start(&n, &TIGHT);
	numeric_add(&n, &x, &y);
	assert_int_equal(n.elements, N - 1);
	assert_int_equal(n.nan_both, 1);
	assert_int_equal(n.outliers, 1);
	assert_int_equal(n.first_bad_element, 9001);
	assert_true(n.max_abs == max_abs);
	assert_true(fabs(n.dot - dot) < 1e-9 * fabs(dot));
	rf_free(a);
	rf_free(b);
}

/* Every half-precision value against npy's own reading: each as a pair with itself, widened. */
static void halves(void **state)
{
	(void)state;
	for (uint32_t bits = 0; bits < 65536; bits++) {
		uint16_t v = (uint16_t)bits;
		float want = npy_half(v);
		struct npy b = tensor(NPY_F16, &v, 1, 1);
		struct numeric n;
		numeric_start(&n, &TIGHT);
		numeric_add(&n, &b, &b);
		if (isnan(want))
			assert_int_equal(n.nan_both, 1);
		else if (isinf(want))
			assert_int_equal(n.inf_both, 1);
		else if (n.norm_b != (double)want * (double)want || n.identical != 1)
			fail_msg("%04x", bits);
	}
}

/* The case of components.md: a detector on noise answers with 1e-7, two versions differ by 1.5e-7, relative error 14.9. */
static void near_zero_is_no_alarm(void **state)
{
	(void)state;
	enum { N = 102400 };
	float *a = rf_alloc(N * sizeof *a), *b = rf_alloc(N * sizeof *b);
	struct random_stream random = { 11 };
	for (size_t i = 0; i < N; i++) {
		b[i] = (float)(random_unit(&random) * 1e-7);
		a[i] = b[i] + (i % 470 == 0 ? 1.5e-7f : 0);
	}
	struct npy x = tensor(NPY_F32, b, 320, 320), y = tensor(NPY_F32, a, 320, 320);
	struct numeric_rule rule = { 1e-4, 1e-3, 0, 0.9999, NO };
	struct numeric n;
	numeric_start(&n, &rule);
	numeric_add(&n, &x, &y);
	assert_int_equal(numeric_judge(&n, NULL, NULL, 0), JUDGEMENT_PASS);
	assert_int_equal(n.near_zero_tensors, 1);
	assert_true(n.max_rel == 0);
	rf_free(a);
	rf_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(types), cmocka_unit_test(mismatches_and_no_data),
		cmocka_unit_test(scalars_are_pooled), cmocka_unit_test(figures), cmocka_unit_test(halves), cmocka_unit_test(near_zero_is_no_alarm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
