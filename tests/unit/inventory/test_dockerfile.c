/* Dockerfiles and the map of images: what tags prove, and what they do not. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/dockerfile.h"

#define MAX_IMAGES 8

static const struct dockerfile_case {
	const char *label, *text;
	const char *rule; /* part of the error; NULL: read */
	struct {
		const char *reference, *stage, *missing;
		enum dockerfile_use use;
		bool no_image;
	} images[MAX_IMAGES];
} cases[] = {
	{ "plain", "FROM ubuntu:22.04\n", NULL, { { "ubuntu:22.04", "0", "" } } },
	{ "stages", "FROM a:1 AS build\nFROM --platform=$BUILDPLATFORM b:2 as run\nCOPY --from=build /x /x\nFROM build\nfrom scratch\n", NULL,
	  { { "a:1", "build", "" }, { "b:2", "run", "" }, { "build", "2", "", DOCKERFILE_FROM, true }, { "scratch", "3", "", DOCKERFILE_FROM, true } } },
	{ "arguments", "ARG TAG=25.07\nARG IMAGE=nvcr.io/nvidia/tensorrt:${TAG}-py3 X\nFROM ${IMAGE}\nFROM r/$TAG-x\nFROM \"q\":${TAG:-1}\n", NULL,
	  { { "nvcr.io/nvidia/tensorrt:25.07-py3", "0", "" }, { "r/25.07-x", "1", "" }, { "q:25.07", "2", "" } } },
	{ "defaults", "ARG A\nARG B=\nFROM a:${A:-1}\nFROM a:${B:-2}\nFROM a:${B-3}x\nFROM a${B:+no}${C:+no}:4\nFROM a:${D:-${E:-5}}\n", NULL,
	  { { "a:1", "0", "" }, { "a:2", "1", "" }, { "a:x", "2", "" }, { "a:4", "3", "" }, { "a:5", "4", "" } } },
	{ "missing", "ARG TAG\nFROM a:$TAG\nFROM b:${OTHER}\n", NULL, { { "a:$TAG", "0", "TAG" }, { "b:${OTHER}", "1", "OTHER" } } },
	{ "continued, commented", "# syntax=docker/dockerfile:1\n\nFROM \\\n  # in between\n\n  a:1 \\\n  AS b\nRUN echo \\\nFROM c\n", NULL,
	  { { "a:1", "b", "" } } },
	{ "escape", "# escape=`\nFROM `\na:1\nRUN dir C:\\\nFROM b\n", NULL, { { "a:1", "0", "" }, { "b", "1", "" } } },
	{ "here-documents", "FROM a\nRUN <<EOF\nFROM evil\nEOF\nCOPY <<-\"ONE\" <<TWO /x\nFROM evil\nONE\nFROM evil\nTWO\nFROM b\n", NULL,
	  { { "a", "0", "" }, { "b", "1", "" } } },
	{ "no here-documents", "FROM a\nRUN echo $((1<<x))\nFROM b:1\nRUN grep \"<<EOF\" f && cat <<A <<B\nFROM evil\nA\nFROM c\nRUN <<'END'\nFROM d\n", NULL,
	  { { "a", "0", "" }, { "b:1", "1", "" }, { "c", "2", "" }, { "d", "3", "" } } },
	{ "copied and mounted", "FROM a AS x\nCOPY --chown=1 --from=n/m:1 /a /b\nRUN --mount=type=bind,from=k:2,target=/k --mount=type=cache,target=/c make\n"
				 "COPY --from=x /c /d\nCOPY --from=0 /c /d\n", NULL,
	  { { "a", "x", "" }, { "n/m:1", "x", "", DOCKERFILE_COPY }, { "k:2", "x", "", DOCKERFILE_MOUNT } } },
	{ "windows line ends", "FROM a:1\r\nFROM b:2\r\n", NULL, { { "a:1", "0", "" }, { "b:2", "1", "" } } },
	{ "no FROM", "ARG A=1\n", "has a FROM", { { 0 } } },
	{ "before FROM", "RUN x\nFROM a\n", "nothing but ARG", { { 0 } } },
	{ "bare FROM", "FROM\n", "FROM [--platform", { { 0 } } },
	{ "too much", "FROM a AS b c\n", "FROM [--platform", { { 0 } } },
	{ "open brace", "FROM a:${TAG\n", "an expansion is", { { 0 } } },
	{ "another expansion", "ARG A=1\nFROM a:${A#x}\n", "an expansion is", { { 0 } } },
	{ "deep", "FROM a:${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-${A:-1}}}}}}}}}}\n", "more than eight", { { 0 } } },
	{ "a billion laughs",
	  "ARG A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
	  "ARG B=$A$A$A$A$A$A$A$A\nARG C=$B$B$B$B$B$B$B$B\nFROM $C\n", "4,096", { { 0 } } },
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct dockerfile_case *t = &cases[i];
		RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
		struct dockerfile f = { 0 };
		struct err err = ERR_INIT;
		int rc = dockerfile_read(span_of(t->text), &a, &f, &err);
		if ((rc == 0) != !t->rule || (t->rule && !strstr(err.text, t->rule)))
			fail_msg("%s: %d, %s", t->label, rc, err.text);
		size_t n = 0;
		for (; n < MAX_IMAGES && t->images[n].reference; n++) {
			if (n >= f.count)
				fail_msg("%s: %zu images", t->label, f.count);
			const struct dockerfile_image *g = &f.images[n];
			if (!span_eq_text(g->reference, t->images[n].reference) || !span_eq_text(g->stage, t->images[n].stage) ||
			    !span_eq_text(g->missing, t->images[n].missing) || g->use != t->images[n].use ||
			    (g->scratch || g->of_stage) != t->images[n].no_image)
				fail_msg("%s: image %zu is %.*s, stage %.*s, missing %.*s", t->label, n, SPAN_ARG(g->reference),
					 SPAN_ARG(g->stage), SPAN_ARG(g->missing));
		}
		assert_int_equal(f.count, n);
	}
}

/* Each is looked for to the end of the file: their number is limited. */
static void test_open_here_documents(void **state)
{
	(void)state;
	for (size_t n = DOCKERFILE_MAX_OPEN; n <= DOCKERFILE_MAX_OPEN + 1; n++) {
		RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
		RF_AUTO(str) s = STR_INIT(MIB);
		struct dockerfile f = { 0 };
		struct err err = ERR_INIT;
		str_add_text(&s, "FROM a\nRUN x");
		for (size_t i = 0; i < n; i++)
			str_add_text(&s, " <<x");
		int rc = dockerfile_read(str_span(&s), &a, &f, &err);
		if (n > DOCKERFILE_MAX_OPEN)
			assert_true(rc == RF_EFORMAT && strstr(err.text, "do not end"));
		else
			assert_ok(rc, &err);
	}
}

static const char map_text[] = "# a site's own\nimage,tag,tensorrt,onnxruntime,pkg:generic/nvidia/cuda-toolkit,source\n"
			       "registry.example:5000/base,1.2,10.3.0.26,1.20.1,,wiki\n"
			       "registry.example:5000/twice,1,10.3.0,,,notes\nregistry.example:5000/twice,1,10.3.0.26,,,somebody\n"
			       "nvcr.io/nvidia/tensorrt,24.08-py3,10.3.0.26,,12.5.1,notes\n"
			       "nvcr.io/nvidia/tensorrt,24.09-py3,10.4.0.26,,,notes\n";

static const struct fact_case {
	const char *text;
	enum artifact_finding finding;
	const char *rule, *note; /* a part of one */
	const char *components[4]; /* "product version" */
} facts[] = {
	{ "FROM registry.example:5000/base:1.2\n", ARTIFACT_CLEAR, NULL, NULL,
	  { "pkg:generic/nvidia/tensorrt 10.3.0.26", "pkg:generic/microsoft/onnxruntime 1.20.1" } },
	{ "FROM nvcr.io/nvidia/tensorrt:24.08-py3\n", ARTIFACT_CLEAR, NULL, NULL,
	  { "pkg:generic/nvidia/tensorrt 10.3.0.26", "pkg:generic/nvidia/cuda-toolkit 12.5.1" } },
	{ "FROM nvcr.io/nvidia/tensorrt:24.08-py3-igpu\n", ARTIFACT_UNKNOWN, "image_unproven", "candidates: NVIDIA TensorRT 10.3.0 (tritonserver:24.08-trtllm-python-py3) or 10.3.0.26 (tensorrt:24.08-py3)", { 0 } },
	{ "FROM nvcr.io/nvidia/tensorrt:24.08-py3@sha256:0123456789012345678901234567890123456789012345678901234567890123\n", ARTIFACT_UNKNOWN,
	  "image_unproven", "not told by a digest", { 0 } },
	{ "FROM nvcr.io/nvidia/tritonserver:24.09-py3\n", ARTIFACT_UNKNOWN, "image_unproven", "10.4.0.26 (tensorrt:24.09-py3)",
	  { "pkg:generic/nvidia/triton-inference-server 24.09" } },
	{ "FROM nvidia/cuda:12.9.1-cudnn-runtime-ubuntu22.04\n", ARTIFACT_UNKNOWN, "image_unproven", "scan the image",
	  { "pkg:generic/nvidia/cuda-toolkit 12.9.1" } },
	/* what is told of TensorRT elsewhere in the month; where nothing is, in the nearest months */
	{ "FROM nvcr.io/nvidia/tensorrt:21.07-py3\n", ARTIFACT_UNKNOWN, "image_unproven", "NVIDIA TensorRT 8.0.1 (tensorrt:21.07-*) or 8.0.1.6 (tritonserver:21.07-py3)", { 0 } },
	{ "FROM nvcr.io/nvidia/tensorrt:22.08-py3\n", ARTIFACT_UNKNOWN, "image_unproven",
	  "in the months around it: NVIDIA TensorRT 8.2.5 (mxnet:22.05-py3) or 8.2.5.1 (paddlepaddle:22.05-py3) or 8.5.0.12 (paddlepaddle:22.10-py3)", { 0 } },
	{ "FROM nvcr.io/nvidia/tensorrt:99.01-py3\n", ARTIFACT_UNKNOWN, "image_unproven", "scan the image", { 0 } },
	{ "FROM nvcr.io/nvidia/tensorrt:99.99-py3\n", ARTIFACT_UNKNOWN, "image_unproven", "scan the image", { 0 } },
	/* named, and TensorRT is not told of it */
	{ "FROM nvcr.io/nvidia/tritonserver:22.05-py3\n", ARTIFACT_UNKNOWN, "image_unproven", "not all that nvcr.io/nvidia/tritonserver:22.05-py3 holds is told by its tag",
	  { "pkg:generic/nvidia/triton-inference-server 22.05", "pkg:generic/nvidia/cuda-toolkit 11.7" } },
	{ "FROM nvcr.io/nvidia/tritonserver:21.08-py3\n", ARTIFACT_CLEAR, NULL, NULL,
	  { "pkg:generic/nvidia/triton-inference-server 21.08", "pkg:generic/nvidia/tensorrt 8.0.1.6", "pkg:generic/nvidia/cuda-toolkit 11.4.1" } },
	/* two statements that contradict each other, and two that do not */
	{ "FROM nvcr.io/nvidia/tritonserver:21.11-py3\n", ARTIFACT_UNKNOWN, "image_unproven",
	  "NVIDIA TensorRT 8.0.3.4 (tritonserver:21.11-py3) or 8.0.2.2 (tritonserver:21.11-py3)",
	  { "pkg:generic/nvidia/triton-inference-server 21.11", "pkg:generic/nvidia/cuda-toolkit 11.5.0" } },
	{ "FROM registry.example:5000/twice:1\n", ARTIFACT_CLEAR, NULL, NULL, { "pkg:generic/nvidia/tensorrt 10.3.0.26" } },
	{ "FROM nvcr.io/nvidia/l4t-tensorrt:r8.5.2.2-devel\n", ARTIFACT_UNKNOWN, "image_unproven", "scan the image", { "pkg:generic/nvidia/tensorrt 8.5.2.2" } },
	{ "FROM nvcr.io/nvidia/l4t-tensorrt:runtime\n", ARTIFACT_UNKNOWN, "image_unproven", "scan the image", { 0 } },
	{ "FROM ubuntu\n", ARTIFACT_UNKNOWN, "image_unproven", "scan the image", { 0 } },
	{ "ARG TAG\nFROM nvcr.io/nvidia/tensorrt:$TAG\n", ARTIFACT_UNKNOWN, "image_argument_missing", "TAG is given at build time", { 0 } },
	{ "FROM a:b:c\n", ARTIFACT_UNKNOWN, "image_reference_malformed", "line 1", { 0 } },
	{ "FROM scratch\n", ARTIFACT_CLEAR, NULL, NULL, { 0 } },
	{ "RUN x\n", ARTIFACT_UNKNOWN, "dockerfile_malformed", "line 1", { 0 } },
};

static void test_facts(void **state)
{
	(void)state;
	RF_AUTO(arena) map_arena = ARENA_INIT(4 * MIB);
	struct image_map m = { 0 };
	struct err err = ERR_INIT;
	assert_ok(image_map_builtin(&m, &map_arena, &err), &err);
	assert_true(m.count > 40);
	assert_ok(image_map_read(&m, SPAN(map_text), &map_arena, &err), &err);
	for (size_t i = 0; i < RF_COUNT(facts); i++) {
		const struct fact_case *t = &facts[i];
		RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
		struct artifact_facts f;
		assert_ok(dockerfile_facts(span_of(t->text), &m, &a, &f, &err), &err);
		if (f.finding != t->finding || (t->rule && (!f.rule_count || strcmp(f.rules[0], t->rule) != 0)) ||
		    (t->note && (!f.note_count || !strstr(f.notes[0], t->note))))
			fail_msg("%s: %s, %s, %s", t->text, artifact_finding_text(f.finding), f.rule_count ? f.rules[0] : "",
				 f.note_count ? f.notes[0] : "");
		size_t n = 0;
		for (; n < 4 && t->components[n]; n++) {
			char got[200] = "";
			if (n < f.component_count)
				snprintf(got, sizeof got, "%.*s %.*s", SPAN_ARG(f.components[n].product), SPAN_ARG(f.components[n].version));
			if (strcmp(got, t->components[n]) != 0)
				fail_msg("%s: component %zu is %s", t->text, n, got);
		}
		if (f.component_count != n)
			fail_msg("%s: %zu components", t->text, f.component_count);
	}
}

/* As many images as a Dockerfile may have: each has its line, and its candidates. */
static void test_many_images(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct image_map m = { 0 };
	struct artifact_facts f;
	struct err err = ERR_INIT;
	assert_ok(image_map_builtin(&m, &a, &err), &err);
	for (int i = 0; i < 133; i++)
		str_addf(&text, "FROM nvcr.io/nvidia/tritonserver:23.04-py3 AS s%d\n", i);
	assert_ok(dockerfile_facts(str_span(&text), &m, &a, &f, &err), &err);
	assert_int_equal(f.notes_dropped, 0);
	assert_int_equal(f.note_count, ARTIFACT_MAX_NOTES);
	for (int i = 1; i <= 133; i++) {
		const char *note = f.notes[RF_MIN(i, ARTIFACT_MAX_NOTES) - 1];
		const char *line = strstr(note, arena_printf(&a, "line %d: ", i));
		if (!line || !strstr(line, "NVIDIA TensorRT 8.5.3 ("))
			fail_msg("line %d: %s", i, note);
	}
}

static void test_maps(void **state)
{
	(void)state;
	static const struct {
		const char *text, *rule;
		int64_t line;
	} bad[] = {
		{ "image,tensorrt\n", "image and tag", 1 },
		{ "image,tag,tensorflow\n", "a product of this program", 1 },
		{ "# x\nimage,tag,tensorrt\na,b\n", "2 fields", 3 },
		{ "image,tag,tensorrt\na b,1,2\n", "", 2 },
	};
	for (size_t i = 0; i < RF_COUNT(bad); i++) {
		RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
		struct image_map m = { 0 };
		struct err err = ERR_INIT;
		assert_true(image_map_read(&m, span_of(bad[i].text), &a, &err) < 0);
		if (!strstr(err.text, bad[i].rule) || err.line != bad[i].line)
			fail_msg("%s: %s, line %lld", bad[i].text, err.text, (long long)err.line);
	}
}

/* The map that others keep, in the form that a site would write. */
static void test_real_map(void **state)
{
	(void)state;
	const char *data = testing_shared_data();
	if (!data)
		skip();
	char path[512];
	RF_AUTO(str) text = STR_INIT(8 * MIB);
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct image_map m = { 0 };
	struct artifact_facts f;
	struct err err = ERR_INIT;
	snprintf(path, sizeof path, "%s/maps/ngc-image-to-tensorrt.csv", data);
	assert_ok(fs_read(path, &text, &err), &err);
	assert_ok(image_map_read(&m, str_span(&text), &a, &err), &err);
	assert_true(m.count > 150);
	assert_ok(dockerfile_facts(SPAN("FROM nvcr.io/nvidia/tensorrt:22.07-py3\n"), &m, &a, &f, &err), &err);
	assert_int_equal(f.finding, ARTIFACT_CLEAR);
	assert_true(span_eq_text(f.components[0].version, "8.4.1.5"));
	/* every row of the map is found by a FROM of its own tag */
	for (const struct image_fact *i = m.first; i; i = i->next) {
		struct image_reference ref;
		struct image_contents c;
		char *from = arena_printf(&a, "%.*s:%.*s", SPAN_ARG(i->image), SPAN_ARG(i->tag));
		assert_ok(image_reference_read(span_of(from), &ref, &err), &err);
		image_contents(&m, &ref, &c);
		bool found = false, engine = false;
		for (size_t k = 0; k < c.fact_count; k++) {
			found |= c.facts[k] == i;
			engine |= c.facts[k]->product->engine_affecting == ENGINE_AFFECTING_YES;
		}
		assert_true(found && c.proven == engine);
	}
}

/* The first three numbers: the sources of both maps give a fourth, or do not. */
static struct span three_numbers(struct span version)
{
	size_t n = 0, dots = 0;
	for (; n < version.n; n++) {
		dots += version.p[n] == '.';
		if (dots == 3 || version.p[n] == ' ')
			break;
	}
	return span_sub(version, 0, n);
}

/* What is built in against what others keep: nothing that is proven here is another version there, and what is not has candidates. */
static void test_builtin_map(void **state)
{
	(void)state;
	const char *data = testing_shared_data();
	if (!data)
		skip();
	char path[512];
	RF_AUTO(str) text = STR_INIT(8 * MIB);
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct image_map own = { 0 }, others = { 0 };
	struct err err = ERR_INIT;
	unsigned proven = 0, candidates = 0, matching = 0, nothing = 0;
	snprintf(path, sizeof path, "%s/maps/ngc-image-to-tensorrt.csv", data);
	assert_ok(fs_read(path, &text, &err), &err);
	assert_ok(image_map_builtin(&own, &a, &err), &err);
	assert_ok(image_map_read(&others, str_span(&text), &a, &err), &err);
	for (const struct image_fact *i = others.first; i; i = i->next) {
		struct image_reference ref;
		struct image_contents c;
		bool told = false, candidate = false, match = false;
		char *from = arena_printf(&a, "%.*s:%.*s", SPAN_ARG(i->image), SPAN_ARG(i->tag));
		if (strcmp(i->product->purl, ARTIFACT_PRODUCT_TENSORRT) != 0 || !span_starts(i->image, "nvcr.io/"))
			continue;
		assert_ok(image_reference_read(span_of(from), &ref, &err), &err);
		image_contents(&own, &ref, &c);
		for (size_t k = 0; k < c.fact_count; k++) {
			told |= c.facts[k]->product == i->product;
			if (c.facts[k]->product == i->product && !span_eq(three_numbers(c.versions[k]), three_numbers(i->version)))
				fail_msg("%s: %.*s here, %.*s there", from, SPAN_ARG(c.versions[k]), SPAN_ARG(i->version));
		}
		for (size_t k = 0; k < c.candidate_count; k++) {
			candidate |= c.candidates[k]->product == i->product;
			match |= c.candidates[k]->product == i->product &&
				 span_eq(three_numbers(c.candidates[k]->version), three_numbers(i->version));
		}
		proven += told;
		candidates += !told && candidate;
		matching += !told && match;
		nothing += !told && !candidate;
		if (!told && !candidate)
			print_message("%s: neither a version nor candidates\n", from);
	}
	print_message("of %u rows: %u proven, %u with candidates (%u with the other's version among them), %u with nothing\n",
		      proven + candidates + nothing, proven, candidates, matching, nothing);
	assert_int_equal(nothing, 0);
}

/* Among the files of a folder. */
static void test_is(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text;
		bool is;
	} rows[] = {
		{ "Dockerfile", "# syntax=docker/dockerfile:1\n\nARG A\nFROM a\n", true },
		{ "Dockerfile.gpu", "\xef\xbb\xbf" "from a AS b\nRUN x\nFROM a b c\n", true },
		{ "Dockerfile", "FROM {{ base }}\n", true }, /* called so and nothing more: it is said that it cannot be read */
		{ "Containerfile", "ARG A=${A#x}\n", true },
		{ "Dockerfile.j2", "FROM {{ base }}\n", false },
		{ "Dockerfile.md", "# Images\n\nFrom here on they are built.\n", false },
		{ "Dockerfile.dockerignore", "*.plan\n", false },
		{ "Dockerfile.sh", "#!/bin/sh\ndocker build .\n", false },
		{ "Dockerfile.args", "ARG A=1\n", false },
		{ "Dockerfile", "all: x\n\tcc x\n", false },
		{ "Dockerfile", "", false },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (dockerfile_is(span_of(rows[i].name), span_of(rows[i].text)) != rows[i].is)
			fail_msg("%s: %s", rows[i].name, rows[i].text);
}

static void test_names(void **state)
{
	(void)state;
	static const char *const yes[] = { "Dockerfile", "dockerfile", "Containerfile", "Dockerfile.gpu", "server.Dockerfile" };
	static const char *const no[] = { "Dockerfiles", "my-Dockerfile", "Docker", "" };
	for (size_t i = 0; i < RF_COUNT(yes); i++)
		assert_true(dockerfile_named(span_of(yes[i])));
	for (size_t i = 0; i < RF_COUNT(no); i++)
		assert_false(dockerfile_named(span_of(no[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_open_here_documents), cmocka_unit_test(test_facts), cmocka_unit_test(test_many_images), cmocka_unit_test(test_maps),
					    cmocka_unit_test(test_real_map), cmocka_unit_test(test_builtin_map), cmocka_unit_test(test_is), cmocka_unit_test(test_names) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
