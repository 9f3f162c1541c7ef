/* fix_path: which version cures, and what the way to it asks. */
#include "testing.h"

#include "build/fix_path.h"
#include "version/range.h"
#include "version/scheme.h"

static struct arena a;

static int setup(void **state)
{
	(void)state;
	a = ARENA_INIT(4 * MIB);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_release(&a);
	return 0;
}

static const struct toolchain_kind *kind(const char *name)
{
	const struct toolchain_kind *k = toolchain_kind_find(span_of(name));
	assert_non_null(k);
	return k;
}

/* "< fixed" of a product's scheme, "?" for one that cannot be read. */
static struct fix_advisory advisory(const char *id, const struct toolchain_kind *k, const char *fixed)
{
	struct err e = ERR_INIT;
	struct range *r = range_new(&a, scheme_find(span_of(k->scheme)), "test");
	struct span *f = arena_array(&a, 1, sizeof *f);
	*f = span_of(fixed);
	struct range_interval i = { .high = *f };
	assert_ok(range_add(&a, r, &i, &e), &e);
	if (fixed[0] == '?') {
		r->readable = false;
		return (struct fix_advisory){ id, r, NULL, 0 };
	}
	return (struct fix_advisory){ id, r, f, 1 };
}

static const struct row {
	const char *kind, *from, *at_hand, *fixes;   /* lists with blanks */
	const char *to, *needed;                     /* NULL: none */
	bool at_hand_result, major_jump;
} rows[] = {
	{ "onnxruntime", "1.20.1", "1.18.0 1.20.1 1.21.1 1.30.0", "1.21.0", "1.21.1", "1.21.0", true, false },
	{ "onnxruntime", "1.18.0", "1.30.0 1.21.1 1.18.0", "1.21.0", "1.21.1", "1.21.0", true, false },
	{ "onnxruntime", "1.20.1", "1.18.0 1.20.1", "1.21.0", "1.21.0", "1.21.0", false, false },
	{ "onnxruntime", "1.20.1", "1.21.1 1.22.0 1.30.0", "1.21.0 1.22.0", "1.22.0", "1.22.0", true, false },
	{ "onnxruntime", "1.20.1", "1.21.1 1.30.0", "?", NULL, NULL, false, false },
	{ "onnxruntime", "1.20.1", "", "1.21.0", "1.21.0", "1.21.0", false, false },
	/* never below the engine's own builder */
	{ "onnxruntime", "1.22.0", "1.21.1 1.23.0", "1.21.0", "1.23.0", NULL, true, false },
	{ "tensorrt", "10.13.3.9", "", "10.16.1", "10.16.1", "10.16.1", false, false },
	{ "tensorrt", "10.13.3.9", "", "10.16.1 11.0", "11.0", "11.0", false, true },
	{ "tensorrt", "8.6.1.6", "10.16.1.11 11.0.0.114", "10.16.1 11.0", "11.0.0.114", "11.0", true, true },
	{ "tensorrt", "8.6.1.6", "10.16.1.11 11.0.0.114", "10.16.1", "10.16.1.11", "10.16.1", true, true },
};

static size_t split(const char *text, struct span *ret)
{
	struct span rest = span_of(text), part;
	size_t n = 0;
	while (text[0] && span_split(&rest, ' ', &part))
		ret[n++] = part;
	return n;
}

static void test_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		const struct row *r = &rows[i];
		struct span versions[8], fixes[8];
		struct fix_advisory advisories[8];
		struct fix_version v;
		struct err e = ERR_INIT;
		size_t n = split(r->at_hand, versions), m = split(r->fixes, fixes);
		static const char *const ids[] = { "DRILL-A", "DRILL-B", "DRILL-C" };
		for (size_t j = 0; j < m; j++)
			advisories[j] = advisory(ids[j], kind(r->kind), arena_text(&a, fixes[j]));
		assert_ok(fix_path_version(kind(r->kind), span_of(r->from), versions, n, advisories, m, &a, &v, &e), &e);
		if ((v.to == NULL) != (r->to == NULL) || (v.to && strcmp(v.to, r->to) != 0) || v.at_hand != r->at_hand_result ||
		    v.major_jump != r->major_jump || (v.needed == NULL) != (r->needed == NULL) ||
		    (v.needed && strcmp(v.needed, r->needed) != 0))
			fail_msg("row %zu: to %s needed %s at hand %d jump %d: %s", i, v.to ? v.to : "-", v.needed ? v.needed : "-", v.at_hand,
				 v.major_jump, v.why);
		assert_true(strlen(v.why) > 10);
	}
}

static void test_words(void **state)
{
	(void)state;
	struct span versions[] = { SPAN("1.18.0"), SPAN("1.20.1"), SPAN("1.21.1"), SPAN("1.30.0") };
	struct fix_advisory drill = advisory("DRILL-2026-ORT", kind("onnxruntime"), "1.21.0");
	struct fix_version v;
	struct err e = ERR_INIT;
	assert_ok(fix_path_version(kind("onnxruntime"), SPAN("1.20.1"), versions, 4, &drill, 1, &a, &v, &e), &e);
	assert_string_equal(v.why, "1.21.1 is the smallest version at hand that DRILL-2026-ORT does not affect; passed over: 1.20.1 "
				   "(affected by DRILL-2026-ORT)");
	assert_int_equal(fix_path_version(kind("onnxruntime"), SPAN("not a version"), versions, 4, &drill, 1, &a, &v, &e), RF_EINVALID);
}

static const struct judgement_row {
	const char *from, *to, *target, *args;
	enum fix_mark mark;
	const char *word;    /* in the first reason */
} judgements[] = {
	{ "10.13.3.9", "10.16.1.11", "linux-x86_64/sm_86", "--fp16", FIX_AS_IS, NULL },
	{ "10.13.3.9", "11.0.0.114", "linux-x86_64/sm_86", "--shapes=x:1x3", FIX_AS_IS, NULL },
	{ "10.13.3.9", "11.0.0.114", "linux-x86_64/sm_86", "--fp16", FIX_TRANSFORM_NEEDED, "AutoCast" },
	{ "10.13.3.9", "11.0.0.114", "linux-x86_64/sm_86", "--int8 --calib=c.bin --plugins=p.so", FIX_PLUGIN_REBUILD, "p.so" },
	{ "8.6.1.6", "10.16.1.11", "linux-x86_64/sm_86", "--uff=m.uff --fp16", FIX_CODE_CHANGE, "UFF" },
	{ "8.6.1.6", "11.0.0.114", "linux-x86_64/sm_86", "--maxBatch=8 --fp16", FIX_CODE_CHANGE, "implicit batch" },
	{ "10.3.0.30", "11.0.0.114", "linux-aarch64/sm_87", "", FIX_NO_PATH, "JetPack" },
	{ "10.3.0.30", "11.4.1.1", "linux-aarch64/sm_87", "", FIX_CODE_CHANGE, "JetPack 7.2.2" },
	{ "10.3.0.30", "10.16.1.11", "linux-aarch64/sm_87", "--useDLACore=0", FIX_NO_PATH, "10.7" },
	{ "10.3.0.30", "10.16.1.11", "linux-aarch64/sm_87", "", FIX_AS_IS, NULL },
};

static void test_judgement(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(judgements); i++) {
		const struct judgement_row *r = &judgements[i];
		struct span parts[8];
		const char *args[8];
		size_t n = split(r->args, parts);
		for (size_t j = 0; j < n; j++)
			args[j] = arena_text(&a, parts[j]);
		struct fix_recipe recipe = { args, n, span_of(r->target) };
		struct fix_judgement g;
		struct err e = ERR_INIT;
		assert_ok(fix_path_judge(kind("tensorrt"), span_of(r->from), span_of(r->to), &recipe, &a, &g, &e), &e);
		if (g.mark != r->mark || (r->word && (g.reason_count == 0 || !strstr(g.reasons[0], r->word))))
			fail_msg("row %zu: %s, %s", i, fix_mark_name(g.mark), g.reason_count ? g.reasons[0] : "no reason");
	}
	assert_string_equal(fix_mark_name(FIX_NO_PATH), "no path on this platform");
}

static void test_kinds(void **state)
{
	(void)state;
	const char *ort[] = { "--optimization=all", "--format=ort" };
	assert_string_equal(toolchain_kind_engine_file(kind("onnxruntime"), ort, 2), "model.ort");
	assert_string_equal(toolchain_kind_engine_file(kind("onnxruntime"), ort, 1), "model.onnx");
	assert_string_equal(toolchain_kind_engine_file(kind("tensorrt"), NULL, 0), "model.plan");
	assert_ptr_equal(toolchain_kind_of_product(SPAN("pkg:generic/nvidia/tensorrt")), kind("tensorrt"));
	assert_null(toolchain_kind_of_product(SPAN("pkg:generic/nvidia/tensorrt-llm")));
	assert_null(toolchain_kind_find(SPAN("tensor")));
	for (size_t i = 0; toolchain_kind_at(i); i++)
		assert_non_null(scheme_find(span_of(toolchain_kind_at(i)->scheme)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_version, setup, teardown),
		cmocka_unit_test_setup_teardown(test_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judgement, setup, teardown),
		cmocka_unit_test(test_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
