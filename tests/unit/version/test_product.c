/* Products: whole identity only; purls. */
#include "testing.h"

#include "base/fs.h"
#include "version/product.h"

static struct span field(struct span *line)
{
	size_t at = span_find(*line, SPAN(" |"));
	struct span f = span_trim(span_sub(*line, 0, at));
	*line = at == SIZE_MAX ? SPAN_NONE : span_from(*line, at + 2);
	return f;
}

static void purls(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/version/purls.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	while (span_line(&rest, &line)) {
		if (!line.n || line.p[0] == '#')
			continue;
		struct arena a = ARENA_INIT(64 * KIB);
		struct span purl = field(&line), want = field(&line), version = span_trim(line);
		struct component c = { 0 };
		int rc = component_read(&a, purl, &c, &err);
		if ((rc == RF_EFORMAT) != span_eq_text(want, "!"))
			fail_msg("%.*s: rc %d", SPAN_ARG(purl), rc);
		if (!rc) {
			struct span got = c.product ? span_of(c.product->purl) : SPAN("-");
			if (!span_eq(got, want) || !span_eq(c.version, version))
				fail_msg("%.*s: %.*s @ %.*s", SPAN_ARG(purl), SPAN_ARG(got), SPAN_ARG(c.version));
		}
		arena_release(&a);
	}
	struct arena small = ARENA_INIT(10);
	assert_int_equal(component_read(&small, SPAN("pkg:generic/nvidia/tensorrt@10"), &(struct component){ 0 }, &err),
			 RF_ENOMEM);
	arena_release(&small);
}

static void written(void **state)
{
	(void)state;
	static const struct {
		struct purl parts;
		const char *text;
	} cases[] = {
		{ { .type = { "npm", 3 }, .namespace_ = { "@scope", 6 }, .name = { "a b", 3 }, .version = { "1.0+x", 5 } },
		  "pkg:npm/%40scope/a%20b@1.0%2Bx" },
		{ { .type = { "deb", 3 }, .namespace_ = { "ubuntu", 6 }, .name = { "g++", 3 }, .version = { "4:1~2", 5 } },
		  "pkg:deb/ubuntu/g%2B%2B@4:1~2" },
		{ { .type = { "golang", 6 }, .namespace_ = { "github.com/NVIDIA", 17 }, .name = { "x/y", 3 } },
		  "pkg:golang/github.com/NVIDIA/x%2Fy" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct arena a = ARENA_INIT(64 * KIB);
		struct str s = STR_INIT(1024);
		struct purl back;
		struct err err = ERR_INIT;
		purl_write(&s, &cases[i].parts);
		purl_write_version(&s, cases[i].parts.version);
		assert_string_equal(str_text(&s), cases[i].text);
		assert_ok(purl_read(&a, str_span(&s), &back, &err), &err);
		assert_true(span_eq(back.name, cases[i].parts.name));
		assert_true(span_eq(back.namespace_, cases[i].parts.namespace_));
		assert_true(span_eq(back.version, cases[i].parts.version));
		str_release(&s);
		arena_release(&a);
	}
}

static void rows_are_sound(void **state)
{
	(void)state;
	assert_true(product_count() > 15);
	for (size_t i = 0; i < product_count(); i++) {
		const struct product *p = product_at(i);
		assert_non_null(scheme_find(span_of(p->scheme_name)));
		assert_ptr_equal(product_by_purl(span_of(p->purl)), p);
		assert_ptr_equal(product_by_any(span_of(p->name)), p);
	}
}

static void names_match_whole(void **state)
{
	(void)state;
	const struct product *trt = product_by_purl(SPAN("pkg:generic/nvidia/tensorrt"));
	assert_non_null(trt);
	assert_ptr_equal(product_by_csaf_name(SPAN("TensorRT")), trt);
	assert_ptr_equal(product_by_csaf_name(SPAN(" nvidia  tensorrt\t")), trt);
	assert_null(product_by_csaf_name(SPAN("TensorRT Something")));
	assert_null(product_by_csaf_name(SPAN("")));
	assert_null(product_by_csaf_name(SPAN("   ")));
	const struct product *llm = product_by_csaf_name(SPAN("NVIDIA TensorRT-LLM"));
	assert_non_null(llm);
	assert_ptr_not_equal(llm, trt);
	assert_ptr_equal(product_by_osv(SPAN("PyPI"), SPAN("TensorRT_LLM")), llm);
	assert_ptr_equal(product_by_osv(SPAN("PyPI:3"), SPAN("tensorrt")), trt);
	assert_null(product_by_osv(SPAN("npm"), SPAN("tensorrt")));
	assert_null(product_by_osv(SPAN("npm"), SPAN("ONNXRuntime-node")));
	assert_non_null(product_by_osv(SPAN("Maven"), SPAN("com.microsoft.onnxruntime:onnxruntime")));
	assert_null(product_by_any(SPAN("tensor")));
	assert_ptr_equal(product_by_cpe(SPAN("nvidia"), SPAN("nvidia_nemo_framework")),
			 product_by_csaf_name(SPAN("NeMo")));
	assert_string_equal(product_by_csaf_name(SPAN("GeForce"))->scheme_name, "driver");
	assert_non_null(product_resembling(SPAN("NeMo 2 Framework")));
	assert_null(product_resembling(SPAN("an anemometer")));
	assert_non_null(product_resembling(SPAN("TensorRT OSS")));
	assert_non_null(product_resembling(SPAN("my-onnxruntime-fork")));
	assert_null(product_resembling(SPAN("wordpress")));
	assert_null(product_resembling(SPAN("")));
}

static void defaults_follow_the_law(void **state)
{
	(void)state;
	assert_int_equal(product_by_any(SPAN("NVIDIA TensorRT"))->engine_affecting, ENGINE_AFFECTING_YES);
	assert_int_equal(product_by_any(SPAN("ONNX Runtime"))->engine_affecting, ENGINE_AFFECTING_YES);
	assert_int_equal(product_by_any(SPAN("TensorRT-LLM"))->engine_affecting, ENGINE_AFFECTING_YES);
	assert_int_equal(product_by_any(SPAN("NVIDIA Container Toolkit"))->engine_affecting, ENGINE_AFFECTING_NO);
	assert_int_equal(product_by_any(SPAN("CUDA Toolkit"))->engine_affecting, ENGINE_AFFECTING_UNKNOWN);
	enum engine_affecting e;
	assert_true(engine_affecting_read(SPAN("no"), &e) && e == ENGINE_AFFECTING_NO);
	assert_false(engine_affecting_read(SPAN("maybe"), &e));
}

/* A line counts where the product is numbered apart on it. */
static void lines_of_products(void **state)
{
	static const struct {
		const char *purl;
		enum platform_line line;
	} rows[] = {
		{ "pkg:generic/nvidia/tensorrt@10.14.2?platform=driveos", PLATFORM_DRIVEOS },
		{ "pkg:pypi/tensorrt-cu12@10.3.0?os=jetpack-6", PLATFORM_JETPACK },
		{ "pkg:generic/nvidia/tensorrt@10.14.2?platform=linux", PLATFORM_ANY },
		{ "pkg:generic/nvidia/tensorrt@10.14.2", PLATFORM_ANY },
		{ "pkg:npm/onnxruntime-node@1.20.1?platform=jetpack", PLATFORM_ANY },
		{ "pkg:npm/of-nobody@1?platform=driveos", PLATFORM_ANY },
	};
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	struct err err = ERR_INIT;
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct component c;
		assert_ok(component_read(&a, span_of(rows[i].purl), &c, &err), &err);
		if (c.line != rows[i].line)
			fail_msg("%s: %s", rows[i].purl, platform_line_name(c.line));
	}
	assert_true(platform_is_every(SPAN(" All ")) && platform_is_every(SPAN("all platforms")));
	assert_false(platform_is_every(SPAN("")) || platform_is_every(SPAN("All Linux")) || platform_is_every(SPAN("All, DriveOS")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_products),
		cmocka_unit_test(purls),
		cmocka_unit_test(written),
		cmocka_unit_test(rows_are_sound),
		cmocka_unit_test(names_match_whole),
		cmocka_unit_test(defaults_follow_the_law),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
