/* inputs.json, the folder of golden inputs, proof.json there and back. */
#include "testing.h"

#include "base/fs.h"
#include "prove/prove_int.h"

#include <math.h>
#include <unistd.h>

static void inputs_json(void **state)
{
	(void)state;
	static const struct { const char *json; int rc; const char *field; size_t inputs, outputs; } rows[] = {
		{ "{\"format\":1,\"inputs\":[\"x\"]}", 0, "", 1, 0 },
		{ "{\"format\":1,\"model\":\"vad\",\"inputs\":[\"input\",\"sr\",\"h\",\"c\"],\"outputs\":[\"output\"],\"note\":[1]}", 0, "", 4, 1 },
		{ "{\"format\":1,\"inputs\":[\"{\\\"a\\\": 1}\"]}", 0, "", 1, 0 },
		{ "{\"format\":1,\"inputs\":[]}", 0, "", 0, 0 },
		{ "{\"format\":2,\"inputs\":[\"x\"]}", RF_EFORMAT, "format", 0, 0 },
		{ "{\"inputs\":[\"x\"]}", RF_EFORMAT, "format", 0, 0 },
		{ "[]", RF_EFORMAT, "format", 0, 0 },
		{ "{\"format\":1}", RF_EFORMAT, "inputs", 0, 0 },
		{ "{\"format\":1,\"inputs\":\"x\"}", RF_EFORMAT, "inputs", 0, 0 },
		{ "{\"format\":1,\"inputs\":[\"x\",7]}", RF_EFORMAT, "inputs[1]", 0, 0 },
		{ "{\"format\":1,\"inputs\":[\"x\",\"x\"]}", RF_EFORMAT, "inputs[1]", 0, 0 },
		{ "{\"format\":1,\"inputs\":[\"a\\u0000b\"]}", RF_EFORMAT, "inputs[0]", 0, 0 },
		{ "{\"format\":1,\"inputs\":[\"x\"],\"input\":1}", RF_EFORMAT, "input", 0, 0 },
		{ "{\"format\":1,\"inputs\":[\"x\"]", RF_EFORMAT, "", 0, 0 },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct arena a = ARENA_INIT(64 * KIB);
		struct prove_inputs in;
		struct err err = ERR_INIT;
		int rc = prove_inputs_read(&a, span_of(rows[i].json), "inputs.json", &in, &err);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].json, rf_error_name(rc));
		if (rc) {
			assert_string_equal(err.file, "inputs.json");
			assert_string_equal(err.field, rows[i].field);
		} else {
			assert_int_equal(in.inputs_n, rows[i].inputs);
			assert_int_equal(in.outputs_n, rows[i].outputs);
		}
		arena_release(&a);
	}
}

static void put(const char *folder, const char *name, struct span bytes)
{
	char path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	assert_ok(fs_join(path, sizeof path, folder, name, &err), &err);
	char *slash = strrchr(path, '/');
	*slash = 0;
	assert_ok(fs_make_dirs(path, 0700, &err), &err);
	*slash = '/';
	assert_ok(fs_write_atomic(path, bytes, 0600, &err), &err);
}

static void put_tensor(const char *folder, const char *name, float value)
{
	struct npy t = { .type = NPY_F32, .ndim = 1, .shape = { 1 }, .data = span_bytes(&value, sizeof value) };
	RF_AUTO(str) bytes = STR_INIT(4096);
	struct err err = ERR_INIT;
	assert_ok(npy_write(&bytes, &t, &err), &err);
	put(folder, name, str_span(&bytes));
}

static int open_golden(const char *folder, struct golden *ret, struct err *err)
{
	static struct arena a = ARENA_INIT(4 * MIB);
	arena_reset(&a);
	*err = ERR_INIT;
	return golden_open(&a, folder, ret, err);
}

static void golden_folder(void **state)
{
	(void)state;
	char folder[FS_PATH_MAX], path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	struct golden g;
	assert_ok(fs_temporary_dir("golden", folder, sizeof folder, &err), &err);
	assert_int_equal(open_golden(folder, &g, &err), RF_ENOTFOUND);
	put(folder, "inputs.json", SPAN("{\"format\":1,\"inputs\":[\"x\"],\"outputs\":[\"y\"]}"));
	assert_int_equal(open_golden(folder, &g, &err), RF_ENOTFOUND);        /* no case: no data is no pass */
	put_tensor(folder, "b/0.npy", 1);
	put_tensor(folder, "a/0.npy", 2);
	put(folder, "README", SPAN("not a case"));
	assert_ok(open_golden(folder, &g, &err), &err);
	assert_int_equal(g.cases_n, 2);
	assert_string_equal(g.cases[0].name, "a");
	assert_false(g.all_stored);
	struct digest before = g.digest;
	put_tensor(folder, "a/expect/0.npy", 2);
	put_tensor(folder, "b/expect/0.npy", 2);
	assert_ok(open_golden(folder, &g, &err), &err);
	assert_true(g.all_stored);
	assert_false(digest_eq(&before, &g.digest));
	put(folder, "b/0.npy", SPAN("\x93NUMPY\x01"));
	assert_true(open_golden(folder, &g, &err) < 0);
	assert_non_null(strstr(err.file, "b/0.npy"));
	assert_ok(fs_join(path, sizeof path, folder, "b/0.npy", &err), &err);
	(void)unlink(path);
	assert_int_equal(open_golden(folder, &g, &err), RF_ENOTFOUND);
	put_tensor(folder, "b/0.npy", 1);
	put_tensor(folder, "c d/0.npy", 1);
	assert_int_equal(open_golden(folder, &g, &err), RF_EFORMAT);
	assert_ok(fs_remove_tree(folder, &err), &err);
}

/* A result with every kind of figure. */
static void fill(struct prove_result *r, struct prove_output *o)
{
	static const float b[4] = { 1, 2, NAN, 4 }, a[4] = { 1, 2.5f, NAN, 4 };
	struct numeric_rule rule = { 1e-4, 1e-3, 0, 0.999, (double)NAN };
	*o = (struct prove_output){ .name = "{\"odd\": \"name\"}", .judgement = JUDGEMENT_FAIL, .cause = NUMERIC_TOLERANCE, .text = "moved" };
	numeric_start(&o->numeric, &rule);
	struct npy x = { NPY_F32, 1, { 4 }, span_bytes(b, sizeof b) }, y = { NPY_F32, 1, { 4 }, span_bytes(a, sizeof a) };
	numeric_add(&o->numeric, &x, &y);
	*r = (struct prove_result){ .numeric = JUDGEMENT_FAIL, .performance = JUDGEMENT_INCONCLUSIVE, .performance_asked = true, .hold = true,
		.reason = "output moved", .performance_text = "cannot tell", .outputs = o, .outputs_n = 1, .cases = 1, .isolation = "none" };
	r->timing.p50 = (struct performance_interval){ 1.01, 0.99, 1.07, 1.05, JUDGEMENT_INCONCLUSIVE, true };
	r->timing.p99 = r->timing.throughput = (struct performance_interval){ (double)NAN, (double)NAN, (double)NAN, (double)NAN, JUDGEMENT_PASS, false };
	r->timing.worst = "p50";
	r->timing.pairs = 20;
	r->old_latency.samples = 500;
	for (size_t i = 0; i < PROVE_QUANTILES; i++)
		r->old_latency.quantiles_ns[i] = 1000 + i;
}

static void proof_there_and_back(void **state)
{
	(void)state;
	struct prove_result r, back;
	struct prove_output o;
	fill(&r, &o);
	struct recipe recipe = { .model = "odd" };
	struct prove_job job = { .recipe = &recipe, .target = "linux-x86_64/cpu-avx512", .seed = UINT64_MAX };
	struct golden g = { .cases_n = 1 };
	struct runner runner = { 0 };
	struct err err = ERR_INIT;
	RF_AUTO(str) json = STR_INIT(PROVE_MAX_PROOF_BYTES), again = STR_INIT(PROVE_MAX_PROOF_BYTES);
	assert_ok(proof_write(&job, &g, &runner, &runner, &r, &json, &err), &err);
	struct arena a = ARENA_INIT(4 * MIB);
	struct digest digest, other = { { 1 } };
	digest_of(str_span(&json), &digest);
	assert_ok(prove_read(&a, str_span(&json), &digest, &back, &err), &err);
	assert_int_equal(prove_read(&a, str_span(&json), &other, &back, &err), RF_EVERIFY);
	assert_string_equal(back.outputs[0].name, o.name);
	assert_int_equal(back.outputs[0].numeric.outliers, 1);
	assert_int_equal(back.outputs[0].numeric.nan_both, 1);
	assert_true(back.outputs[0].numeric.max_abs == o.numeric.max_abs && isnan(back.outputs[0].numeric.rule.min_top1));
	assert_true(isnan(back.timing.p99.ratio) && back.timing.p50.high == 1.07);
	assert_int_equal(back.old_latency.quantiles_ns[20], 1020);
	assert_ok(proof_write(&job, &g, &runner, &runner, &back, &again, &err), &err);
	assert_string_equal(str_text(&json), str_text(&again));
	/* every cut is an error, none a half result */
	for (size_t n = 0; n < json.n; n += 37)
		assert_true(prove_read(&a, (struct span){ json.p, n }, NULL, &back, &err) < 0);
	assert_int_equal(prove_read(&a, SPAN("{\"format\":\"reforge-proof/1\"}"), NULL, &back, &err), RF_EFORMAT);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inputs_json), cmocka_unit_test(golden_folder), cmocka_unit_test(proof_there_and_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
