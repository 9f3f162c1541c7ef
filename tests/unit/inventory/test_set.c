/* Files that are one thing together: engines of TensorRT-LLM, plans beside libraries, EPContext models and their engines. */
#include "reading.h"

#include "inventory/scan_member_int.h"
#include "inventory/scan_set.h"

/*
 * Files: one a line, "KIND PATH [VERSION]", in any order:
 *   p  plan    l  plugin library    r  runtime library    m  EPContext model; VERSION: the engine that it names
 *   cN TensorRT-LLM's config.json of N ranks              o  another file
 */
static const struct {
	const char *what, *files;
	bool packed; /* members of "x.tar" */
	const char *want; /* "PATH KIND VERSION FINDING RULES NAMES", a line each */
} rows[] = {
	{ "nothing belongs together", "p a/x.plan 10.3.0.26\nl b/y.so\no a/config.json\n", false, "" },
	{ "ranks", "c2 llm/config.json 0.16.0\np llm/rank0.engine 10.3.0.26\np llm/rank1.engine 10.3.0.26\n", false,
	  "llm tensorrt-llm-engine 0.16.0   3\n" },
	{ "ranks in an archive's top", "c1 config.json 0.16.0\np rank0.engine 10.3.0.26\n", true, "x.tar!/. tensorrt-llm-engine 0.16.0   2\n" },
	{ "a library of plugins belongs to them", "c1 llm/config.json 0.16.0\np llm/rank0.engine 10.3.0.26\nl llm/libplugin.so\n", false,
	  "llm tensorrt-llm-engine 0.16.0   3\n" },
	{ "another plan beside ranks does not", "c1 llm/config.json 0.16.0\np llm/rank0.engine 10.3.0.26\np llm/x.plan 8.6.1.6\n", false,
	  "llm tensorrt-llm-engine 0.16.0   2\n" },
	{ "names of releases before 0.8", "c2 llm/config.json\np llm/llama_float16_tp2_rank0.engine 9.2.0.5\np llm/llama_float16_tp2_rank1.engine 9.2.0.5\n", false,
	  "llm tensorrt-llm-engine  unknown version_not_stated 3\n" },
	{ "engines that were renamed", "c1 llm/config.json 0.16.0\np llm/model.plan 10.3.0.26\n", false, "llm tensorrt-llm-engine 0.16.0   2\n" },
	{ "renamed, and one is missing", "c2 llm/config.json 0.16.0\np llm/model.engine 10.3.0.26\n", false,
	  "llm tensorrt-llm-engine 0.16.0 unknown set_incomplete 2\n" },
	{ "names that are no ranks'", "c2 llm/config.json 0.16.0\np llm/frank0.engine 10.3.0.26\np llm/rank.engine 10.3.0.26\n", false,
	  "llm tensorrt-llm-engine 0.16.0   3\n" },
	{ "versions differ", "c2 llm/config.json 0.16.0\np llm/rank0.engine 10.3.0.26\np llm/rank1.engine 8.6.1.6\n", false,
	  "llm tensorrt-llm-engine 0.16.0 conflict set_versions_differ 3\n" },
	{ "a configuration alone", "c2 llm/config.json 0.16.0\n", false, "" },
	{ "a plan and its plugins", "p m/1/model.plan 10.3.0.26\nl m/1/libplugin.so\n", false, "m/1 engine-set    2\n" },
	{ "a plan and a runtime", "p m/1/model.plan 10.3.0.26\nr m/1/libnvinfer_lean.so.10\n", true, "x.tar!/m/1 engine-set    2\n" },
	{ "libraries of another folder", "p m/1/model.plan 10.3.0.26\nl m/libplugin.so\n", false, "" },
	{ "an EPContext model", "m m/ctx.onnx sub/e.engine\np m/sub/e.engine 10.3.0.26\n", true, "x.tar!/m/ctx.onnx!set engine-set    2\n" },
	{ "an EPContext model without its engine", "m m/ctx.onnx e.engine\n", true, "x.tar!/m/ctx.onnx!set engine-set  unknown context_engine_absent 1 no digest\n" },
};

static void add(struct scan_sets *s, struct span line, bool packed)
{
	struct span kind = SPAN_NONE, path = SPAN_NONE;
	char full[200];
	struct scan_inside inside = { 0 };
	struct artifact_facts facts = { .layout = "", .cause = "", .size = 100 };
	struct scan_file f = { .path = full, .has_digest = true, .facts = &facts };
	(void)span_split(&line, ' ', &kind);
	(void)span_split(&line, ' ', &path);
	snprintf(full, sizeof full, "%s%.*s", packed ? "x.tar!/" : "", SPAN_ARG(path));
	digest_of(path, &f.digest);
	if (kind.p[0] == 'm') {
		scan_inside_beside_add(&inside, line);
		f.inside = &inside;
	} else if (line.n) {
		memcpy(facts.version, line.p, line.n);
	}
	facts.ranks = kind.p[0] == 'c' ? (unsigned)(kind.p[1] - '0') : 0;
	facts.kind = kind.p[0] == 'p'   ? ARTIFACT_TENSORRT_PLAN
		     : kind.p[0] == 'l' ? ARTIFACT_TENSORRT_PLUGIN
		     : kind.p[0] == 'r' ? ARTIFACT_RUNTIME_LIBRARY
		     : kind.p[0] == 'm' ? ARTIFACT_ONNX
		     : kind.p[0] == 'c' ? ARTIFACT_TENSORRT_LLM_CONFIG
					: ARTIFACT_OTHER;
	assert_int_equal(scan_sets_add(s, &f), 0);
}

static int on_set(const struct scan_file *f, void *data)
{
	struct str *to = data;
	unsigned parts = 0;
	assert_int_equal(sscanf(f->facts->notes[f->facts->note_count - 1], "a set of %u files", &parts), 1);
	str_addf(to, "%s %s %s %s ", f->path, f->facts->kind, f->facts->version, artifact_finding_text(f->facts->finding));
	for (size_t i = 0; i < f->facts->rule_count; i++)
		str_addf(to, "%s%s", i ? "," : "", f->facts->rules[i]);
	str_addf(to, " %u%s\n", parts, f->has_digest ? "" : " no digest");
	return 0;
}

static void sets(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct scan_container c = { .path = "x.tar" };
		struct scan_totals totals = { 0 };
		struct scan_sets s;
		RF_AUTO(str) got = STR_INIT(16 * KIB);
		struct span rest = span_of(rows[i].files), line;
		scan_sets_init(&s);
		while (span_line(&rest, &line))
			add(&s, line, rows[i].packed);
		assert_int_equal(scan_sets_report(&s, "", rows[i].packed ? &c : NULL, on_set, &got, &totals), 0);
		scan_sets_release(&s);
		if (strcmp(str_text(&got), rows[i].want) != 0)
			fail_msg("%s: \"%s\", expected \"%s\"", rows[i].what, str_text(&got), rows[i].want);
		assert_int_equal(totals.files, 0); /* its files are counted as such */
	}
}

/* What built a folder's engines is told by its configuration, whether the engines are at hand or not. */
static void builder(void **state)
{
	(void)state;
	static const struct {
		const char *text, *version;
	} configs[] = {
		{ "{\"version\":\"0.16.0\",\"pretrained_config\":{},\"build_config\":{}}", "0.16.0" },
		{ "{\"builder_config\":{},\"plugin_config\":{}}", "" },
	};
	for (size_t i = 0; i < RF_COUNT(configs); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		struct artifact_facts f = facts_of(configs[i].text, strlen(configs[i].text), "llm/config.json", &a);
		assert_string_equal(f.kind, ARTIFACT_TENSORRT_LLM_CONFIG);
		assert_int_equal(f.component_count, 1);
		assert_true(span_eq_text(f.components[0].product, ARTIFACT_PRODUCT_TENSORRT_LLM));
		assert_true(span_eq_text(f.components[0].version, configs[i].version));
		assert_string_equal(f.components[0].role, ARTIFACT_ROLE_BUILDER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sets), cmocka_unit_test(builder) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
