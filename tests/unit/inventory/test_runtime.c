/* Runtime libraries and what links TensorRT: specimens that state versions as the real ones do; the real ONNX Runtime.
 */
#include "reading.h"

#include "base/fs.h"
#include "base/str.h"
#include "specimen_elf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORT ARTIFACT_PRODUCT_ONNXRUNTIME
#define TRT ARTIFACT_PRODUCT_TENSORRT
#define CUDA ARTIFACT_PRODUCT_CUDA

/* @stated "" : the library states nothing. @name: of the file. */
static const struct {
	const char *soname, *stated, *name;
	const char *product, *version;
	enum artifact_version_source source;
	enum artifact_finding finding;
	const char *rule;
} libraries[] = {
	{ "libonnxruntime.so.1", "1.20.1.0", "x.so", ORT, "1.20.1", ARTIFACT_VERSION_PACKAGE, ARTIFACT_CLEAR, "" },
	{ "libonnxruntime.so.1", "1.20.1.0", "libonnxruntime.so.1.20.1", ORT, "1.20.1", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CLEAR, "" },
	{ "libonnxruntime.so.1", "1.20.1.0", "libonnxruntime.so.1.27.0", ORT, "1.20.1", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CONFLICT, "version_mismatch" },
	{ "libonnxruntime.so.2", "1.20.1.0", "x.so", ORT, "1.20.1", ARTIFACT_VERSION_PACKAGE, ARTIFACT_CONFLICT,
	  "version_mismatch" },
	{ "libnvinfer.so.10", "10.13.3.9", "libnvinfer.so.10.13.3", TRT, "10.13.3.9", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CLEAR, "" },
	{ "libnvinfer.so.11", "11.4.0.106", "libnvinfer.so.11", TRT, "11.4.0.106", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CLEAR, "" },
	{ "libnvinfer.so.10", "10.13.3.9", "libnvinfer.so.11.0.0", TRT, "10.13.3.9", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CONFLICT, "version_mismatch" },
	{ "libnvinfer.so.11", "10.13.3.9", "libnvinfer.so", TRT, "10.13.3.9", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CONFLICT, "version_mismatch" },
	{ "libnvinfer.so.8", "8.6.1.6", "libnvinfer.so.8", TRT, "8.6.1.6", ARTIFACT_VERSION_PACKAGE, ARTIFACT_CLEAR,
	  "" },
	{ "libnvinfer_lean.so.10", "10.0.1.6", "a", TRT, "10.0.1.6", ARTIFACT_VERSION_PACKAGE, ARTIFACT_CLEAR, "" },
	{ "libnvinfer_dispatch.so.10", "10.9.0.34", "a", TRT, "10.9.0.34", ARTIFACT_VERSION_PACKAGE, ARTIFACT_CLEAR,
	  "" },
	{ "libnvinfer.so.10", "", "libnvinfer.so.10.3.0", TRT, "10.3.0", ARTIFACT_VERSION_NAME, ARTIFACT_CLEAR, "" },
	{ "libnvinfer.so.10", "", "libnvinfer.so.10", TRT, "", ARTIFACT_VERSION_UNKNOWN, ARTIFACT_UNKNOWN,
	  "version_not_stated" },
	{ "libnvonnxparser.so.10", "", "libnvonnxparser.so.10.3.0", TRT, "10.3.0", ARTIFACT_VERSION_NAME,
	  ARTIFACT_CLEAR, "" },
	{ "libnvinfer_vc_plugin.so.11", "", "libnvinfer_vc_plugin.so.11", TRT, "", ARTIFACT_VERSION_UNKNOWN,
	  ARTIFACT_UNKNOWN, "version_not_stated" },
	{ "libcudart.so.12", "12.4.0.0", "libcudart.so.12", CUDA, "12.4", ARTIFACT_VERSION_PACKAGE, ARTIFACT_CLEAR,
	  "" },
	{ "libcudart.so.12", "12.4.0.0", "libcudart.so.12.4.127", CUDA, "12.4", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CLEAR, "" },
	{ "libcudart.so.11.0", "11.8.0.0", "libcudart.so.11.0", CUDA, "11.8", ARTIFACT_VERSION_PACKAGE, ARTIFACT_CLEAR,
	  "" },
	{ "libcudart.so.12", "12.4.0.0", "libcudart.so.12.6.77", CUDA, "12.4", ARTIFACT_VERSION_PACKAGE,
	  ARTIFACT_CONFLICT, "version_mismatch" },
	{ "libcudart.so.12", "", "libcudart.so.12.6.77", CUDA, "12.6", ARTIFACT_VERSION_NAME, ARTIFACT_CLEAR, "" },
	{ "libcudnn_ops.so.9", "9.28.0.0", "libcudnn_ops.so.9", "pkg:generic/nvidia/cudnn", "9.28.0",
	  ARTIFACT_VERSION_PACKAGE, ARTIFACT_CLEAR, "" },
	{ "libcublas.so.12", "", "libcublas.so.12.4.5.8", "pkg:generic/nvidia/cublas", "12.4.5.8",
	  ARTIFACT_VERSION_NAME, ARTIFACT_CLEAR, "" },
	{ "libtritonserver.so", "", "libtritonserver.so", "pkg:generic/nvidia/triton-inference-server", "",
	  ARTIFACT_VERSION_UNKNOWN, ARTIFACT_UNKNOWN, "version_not_stated" },
	{ "libtensorrt_llm.so", "", "libtensorrt_llm.so", "pkg:generic/nvidia/tensorrt-llm", "",
	  ARTIFACT_VERSION_UNKNOWN, ARTIFACT_UNKNOWN, "version_not_stated" },
};

static struct artifact_facts read_elf(const struct specimen_elf *s, const char *name, struct arena *a)
{
	static unsigned char bytes[SPECIMEN_ELF_BYTES];
	struct err err = ERR_INIT;
	size_t n;
	assert_ok(specimen_elf_make(s, bytes, sizeof bytes, &n, &err), &err);
	return facts_of(bytes, n, name, a);
}

static void check_library(size_t i, uint16_t machine)
{
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct err err = ERR_INIT;
	struct specimen_elf s = { .machine = machine, .soname = libraries[i].soname, .needed = { "libc.so.6" } };
	unsigned version[4];
	if (libraries[i].stated[0]) {
		assert_ok(specimen_version_read(libraries[i].stated, version, &err), &err);
		specimen_elf_states(&s, version);
	}
	struct artifact_facts f = read_elf(&s, libraries[i].name, &a);
	assert_string_equal(f.kind, ARTIFACT_RUNTIME_LIBRARY);
	assert_string_equal(f.product, libraries[i].product);
	if (strcmp(f.version, libraries[i].version) != 0 || f.version_source != libraries[i].source ||
	    f.finding != libraries[i].finding || (libraries[i].rule[0] && !has_rule(&f, libraries[i].rule)))
		fail_msg("row %zu, %s as %s: \"%s\" (%s), finding \"%s\": %s", i, libraries[i].soname,
			 libraries[i].name, f.version, artifact_version_source_text(f.version_source),
			 artifact_finding_text(f.finding), f.note_count ? f.notes[0] : "");
}

static void test_libraries(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(libraries); i++) {
		check_library(i, 62);
		/* the code of cudart's specimen is x86's */
		if (!strstr(libraries[i].soname, "cudart"))
			check_library(i, 183);
	}
}

/* The parser is a product of its own beside TensorRT's. */
static void test_parser(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct specimen_elf s = { .soname = "libnvonnxparser.so.10", .needed = { "libnvinfer.so.10" } };
	struct artifact_facts f = read_elf(&s, "libnvonnxparser.so.10.3.0", &a);
	assert_int_equal(f.component_count, 1);
	assert_true(span_eq_text(f.components[0].product, "pkg:generic/onnx/onnx-tensorrt"));
	assert_true(span_eq_text(f.components[0].version, "10.3.0"));
	assert_string_equal(f.components[0].role, ARTIFACT_ROLE_RUNTIME);
}

/* ── What links TensorRT ─────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	const char *soname, *needed, *exports[2];
	bool program;
	const char *kind, *version, *source;
} linking[] = {
	{ "libmyplugins.so", "libnvinfer.so.10", { NULL, NULL }, false, ARTIFACT_TENSORRT_PLUGIN, "10.x", "needed" },
	{ NULL, "libnvinfer.so.8", { NULL, NULL }, false, ARTIFACT_TENSORRT_PLUGIN, "8.x", "needed" },
	{ "libp.so",
	  "libnvinfer_plugin.so.8",
	  { "initLibNvInferPlugins", NULL },
	  false,
	  ARTIFACT_TENSORRT_PLUGIN,
	  "8.x",
	  "needed" },
	{ "libp.so", "libnvinfer.so", { "getPluginCreators", NULL }, false, ARTIFACT_TENSORRT_PLUGIN, "", "needed" },
	{ "libp.so", NULL, { "getPluginCreators", NULL }, false, ARTIFACT_TENSORRT_PLUGIN, "", "plugin-symbols" },
	{ "libp.so",
	  NULL,
	  { "getCreators", "setLoggerFinder" },
	  false,
	  ARTIFACT_TENSORRT_PLUGIN,
	  "",
	  "plugin-symbols" },
	{ "libp.so", NULL, { "getCreators", NULL }, false, ARTIFACT_OTHER, NULL, NULL },
	{ "libz.so.1", "libc.so.6", { NULL, NULL }, false, ARTIFACT_OTHER, NULL, NULL },
	{ "libp.so", "libnvinfer_not.so.1", { NULL, NULL }, false, ARTIFACT_OTHER, NULL, NULL },
	{ NULL, "libnvinfer.so.10", { NULL, NULL }, true, ARTIFACT_OTHER, NULL, NULL },
};

static void test_linking(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(linking); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen_elf s = { .soname = linking[i].soname,
					  .needed = { linking[i].needed },
					  .interpreter = linking[i].program };
		for (size_t k = 0; k < 2 && linking[i].exports[k]; k++)
			specimen_elf_returns(&s, linking[i].exports[k], 0);
		struct artifact_facts f = read_elf(&s, "libp.so", &a);
		assert_string_equal(f.kind, linking[i].kind);
		assert_int_equal(f.finding, ARTIFACT_CLEAR);
		assert_int_equal(f.component_count, linking[i].version ? 1 : 0);
		if (!linking[i].version)
			continue;
		assert_true(span_eq_text(f.components[0].product, TRT));
		assert_string_equal(f.components[0].source, linking[i].source);
		if (!span_eq_text(f.components[0].version, linking[i].version))
			fail_msg("row %zu: %.*s", i, SPAN_ARG(f.components[0].version));
	}
}

/* ONNX Runtime linked whole into something else. */
static void test_inside(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct specimen_elf s = { .soname = "libspeech.so", .defines = { "VERS_1.18.0" } };
	specimen_elf_returns(&s, "OrtGetApiBase", 1);
	struct artifact_facts f = read_elf(&s, "libspeech.so", &a);
	assert_string_equal(f.kind, ARTIFACT_RUNTIME_LIBRARY);
	assert_string_equal(f.product, ORT);
	assert_string_equal(f.version, "1.18.0");
	assert_true(has_note(&f, "it exports OrtGetApiBase"));
}

/* ── Damage ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Cut or changed anywhere: never another version without a finding, never harm. */
static void test_damage(void **state)
{
	(void)state;
	static unsigned char whole[SPECIMEN_ELF_BYTES], bytes[SPECIMEN_ELF_BYTES];
	struct err err = ERR_INIT;
	struct specimen_elf s = { .soname = "libnvinfer.so.10", .needed = { "libcudart.so.12" } };
	static const unsigned version[] = { 10, 13, 3, 9 };
	size_t n;
	specimen_elf_states(&s, version);
	assert_ok(specimen_elf_make(&s, whole, sizeof whole, &n, &err), &err);
	for (size_t cut = 0; cut < n; cut++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct artifact_facts f = facts_of(whole, cut, "libnvinfer.so.10", &a);
		assert_true(cut < 64 || f.finding == ARTIFACT_UNKNOWN || strcmp(f.version, "10.13.3.9") == 0);
		if (cut >= 64 && cut < n / 2) {
			assert_string_equal(f.kind, ARTIFACT_RUNTIME_LIBRARY);
			assert_true(has_rule(&f, "elf_malformed"));
		}
	}
	for (size_t bit = 0; bit < 8 * n; bit++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		memcpy(bytes, whole, n);
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		struct artifact_facts f = facts_of(bytes, n, "libnvinfer.so.10", &a);
		assert_true((f.version[0] == '\0') == (f.version_source == ARTIFACT_VERSION_UNKNOWN));
		assert_true((f.finding == ARTIFACT_CLEAR) == (f.cause[0] == '\0'));
	}
}

/* ── Real ones ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int file_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	return fs_pread(*(int *)data, buffer, n, offset, ret_n, NULL);
}

/* The ONNX Runtimes that the project is set up with: what the folder is called, the library says. */
static void test_real_onnxruntime(void **state)
{
	(void)state;
	static const char *const versions[] = { "1.18.0", "1.20.1", "1.21.1", "1.30.0" };
	size_t found = 0;
	for (size_t i = 0; i < RF_COUNT(versions); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct err err = ERR_INIT;
		struct artifact_facts f;
		char path[256];
		snprintf(path, sizeof path, "third_party/onnxruntime/%s/libonnxruntime.so.%s", versions[i],
			 strcmp(versions[i], "1.18.0") == 0 ? versions[i] : "1");
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		struct stat st;
		assert_int_equal(fstat(fd, &st), 0);
		struct artifact_source src = { .pread = file_pread, .data = &fd, .size = (uint64_t)st.st_size };
		assert_ok(artifact_read(&src, SPAN("library"), ARTIFACT_WITH_EVIDENCE, &a, &f, &err), &err);
		close(fd);
		assert_string_equal(f.kind, ARTIFACT_RUNTIME_LIBRARY);
		assert_string_equal(f.version, versions[i]);
		assert_int_equal(f.finding, ARTIFACT_CLEAR);
		found++;
	}
	if (!found)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_libraries), cmocka_unit_test(test_parser),
		cmocka_unit_test(test_linking),   cmocka_unit_test(test_inside),
		cmocka_unit_test(test_damage),    cmocka_unit_test(test_real_onnxruntime),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
