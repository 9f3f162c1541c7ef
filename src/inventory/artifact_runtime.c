/*
 * Runtime libraries, and libraries that link TensorRT: ELF shared objects by SONAME, needed libraries and exported
 * symbols. What is known of each library stands in a table; how it tells its version in artifact_library.c.
 */
#include "inventory/artifact_int.h"

#define PRODUCT_TENSORRT_LLM "pkg:generic/nvidia/tensorrt-llm"
#define PRODUCT_ONNX_TENSORRT "pkg:generic/onnx/onnx-tensorrt"
#define PRODUCT_TRITON "pkg:generic/nvidia/triton-inference-server"
#define PRODUCT_CUDNN "pkg:generic/nvidia/cudnn"
#define PRODUCT_CUBLAS "pkg:generic/nvidia/cublas"

/* Asked in this order. @stem: the SONAME in front of ".so"; ending in '*', its beginning. */
static const struct library_row rows[] = {
	{ "libonnxruntime", ARTIFACT_PRODUCT_ONNXRUNTIME, LIBRARY_SYMBOL_VERSION, "VERS_", 0, NULL },
	{ "libnvinfer_plugin_tensorrt_llm", PRODUCT_TENSORRT_LLM, LIBRARY_BY_NAME, NULL, 0, NULL },
	{ "libtensorrt_llm*", PRODUCT_TENSORRT_LLM, LIBRARY_BY_NAME, NULL, 0, NULL },
	{ "libnvinfer", ARTIFACT_PRODUCT_TENSORRT, LIBRARY_TENSORRT, NULL, 0, NULL },
	{ "libnvinfer_*", ARTIFACT_PRODUCT_TENSORRT, LIBRARY_TENSORRT, NULL, 0, NULL },
	{ "libnvonnxparser", ARTIFACT_PRODUCT_TENSORRT, LIBRARY_TENSORRT, NULL, 0, PRODUCT_ONNX_TENSORRT },
	{ "libnvparsers", ARTIFACT_PRODUCT_TENSORRT, LIBRARY_TENSORRT, NULL, 0, NULL },
	{ "libnvcaffe_parser", ARTIFACT_PRODUCT_TENSORRT, LIBRARY_TENSORRT, NULL, 0, NULL },
	{ "libcudart", ARTIFACT_PRODUCT_CUDA, LIBRARY_FUNCTION, "cudaRuntimeGetVersion", 2, NULL },
	{ "libcudnn", PRODUCT_CUDNN, LIBRARY_FUNCTION, "cudnnGetVersion", 0, NULL },
	{ "libcudnn_graph", PRODUCT_CUDNN, LIBRARY_VARIABLE, "cudnn_graph_version", 0, NULL },
	{ "libcudnn_ops*", PRODUCT_CUDNN, LIBRARY_VARIABLE, "cudnn_ops_infer_version", 0, NULL },
	{ "libcudnn_adv*", PRODUCT_CUDNN, LIBRARY_VARIABLE, "cudnn_adv_infer_version", 0, NULL },
	{ "libcublasLt", PRODUCT_CUBLAS, LIBRARY_FUNCTION, "cublasLtGetVersion", 0, NULL },
	{ "libcublas", PRODUCT_CUBLAS, LIBRARY_BY_NAME, NULL, 0, NULL },
	{ "libtritonserver", PRODUCT_TRITON, LIBRARY_BY_NAME, NULL, 0, NULL },
};

/* Linked into another library whole: what it exports gives it away. */
static const struct {
	const char *symbol;
	struct library_row row;
} inside[] = {
	{ "OrtGetApiBase", { "ONNX Runtime", ARTIFACT_PRODUCT_ONNXRUNTIME, LIBRARY_SYMBOL_VERSION, "VERS_", 0, NULL } },
	{ "createInferRuntime_INTERNAL", { "TensorRT", ARTIFACT_PRODUCT_TENSORRT, LIBRARY_TENSORRT, NULL, 0, NULL } },
};

/* Needing one of these is linking TensorRT. */
static const char *const tensorrt_libraries[] = { "libnvinfer.so", "libnvinfer_lean.so", "libnvinfer_dispatch.so",
						  "libnvinfer_plugin.so" };

/* "libX" of "libX.so.1"; empty when it is no such name. */
static struct span stem_of(struct span name)
{
	size_t at = span_find(name, SPAN(".so"));
	if (at == SIZE_MAX || !(name.n == at + 3 || name.p[at + 3] == '.'))
		return SPAN_NONE;
	return span_sub(name, 0, at);
}

const struct library_row *library_row_of(struct span name)
{
	struct span stem = stem_of(name);
	for (size_t i = 0; stem.n && i < RF_COUNT(rows); i++) {
		struct span want = span_of(rows[i].stem);
		if (want.p[want.n - 1] == '*' ? span_eq(span_sub(stem, 0, want.n - 1), span_sub(want, 0, want.n - 1))
					      : span_eq(stem, want))
			return &rows[i];
	}
	return NULL;
}

static bool runtime_sniff(const struct artifact_reading *r)
{
	const unsigned char *p = (const unsigned char *)r->head.p;
	/* little-endian ET_DYN for the machines that engines run on */
	if (r->head.n < 52 || memcmp(p, "\177ELF", 4) != 0 || p[5] != 1 || le16(p + 16) != ELF_TYPE_SHARED)
		return false;
	unsigned machine = le16(p + 18);
	return machine == ELF_X86_64 || machine == ELF_AARCH64 || machine == ELF_X86 || machine == ELF_ARM;
}

/* ── A library of the table ──────────────────────────────────────────────────────────────────────────────────────── */

static void component_note(struct artifact_reading *r, const char *product, struct span version, const char *source,
			   struct span where)
{
	struct artifact_component c = { .product = span_of(product),
					.version = version,
					.role = ARTIFACT_ROLE_RUNTIME,
					.source = source,
					.where = where };
	if (artifact_component_add(r->facts, r->a, &c) < 0)
		r->failed = RF_ENOMEM;
}

static void library_facts(struct artifact_reading *r, const struct library *l)
{
	struct artifact_facts *f = r->facts;
	f->kind = ARTIFACT_RUNTIME_LIBRARY;
	f->product = l->row->product;
	memcpy(f->version, l->version, sizeof l->version);
	f->version_source = l->version[0] == '\0' ? ARTIFACT_VERSION_UNKNOWN
			    : l->by_name          ? ARTIFACT_VERSION_NAME
						  : ARTIFACT_VERSION_PACKAGE;
	if (!f->version[0])
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
				"a runtime library (%.*s) that does not state its version%s%s", SPAN_ARG(l->soname),
				l->major[0] ? "; its SONAME gives no more than the major: " : "", l->major);
	if (l->disagree[0])
		artifact_object(r, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH, "version_mismatch", "%s",
				l->disagree);
	if (l->row->also)
		component_note(r, l->row->also, span_of(f->version), f->version[0] ? l->source : "soname", l->soname);
}

/* ── What links TensorRT ─────────────────────────────────────────────────────────────────────────────────────────── */

/* "10.x" of "libnvinfer.so.10": the minor is decided where it is loaded. */
static struct span family_of(struct span needed, char buffer[32])
{
	struct span number = span_from(needed, stem_of(needed).n + 3);
	if (number.n < 2 || number.n > 20)
		return SPAN_NONE;
	for (size_t i = 1; i < number.n; i++)
		if (number.p[i] != '.' && (number.p[i] < '0' || number.p[i] > '9'))
			return SPAN_NONE;
	int n = snprintf(buffer, 32, "%.*s.x", SPAN_ARG(span_from(number, 1)));
	return span_bytes(buffer, (size_t)n);
}

static bool needs_tensorrt(struct artifact_reading *r, const struct elf *e)
{
	for (size_t i = 0; i < e->needed_count; i++)
		for (size_t k = 0; k < RF_COUNT(tensorrt_libraries); k++) {
			char buffer[32];
			if (!span_starts(e->needed[i], tensorrt_libraries[k]) || !stem_of(e->needed[i]).n)
				continue;
			struct span version = family_of(e->needed[i], buffer);
			component_note(r, ARTIFACT_PRODUCT_TENSORRT, version, "needed", e->needed[i]);
			artifact_note(r, "links %.*s: TensorRT %.*s, whose minor version is decided where it is loaded",
				      SPAN_ARG(e->needed[i]),
				      SPAN_ARG(version.n ? version : SPAN("of no stated version")));
			return true;
		}
	return false;
}

/* What TensorRT's plugin registry asks a library for (NvInferRuntime.h: loadLibrary(); NvInferPlugin.h). */
static const char *exports_creators(struct elf *e)
{
	static const char *const alone[] = { "getPluginCreators", "initLibNvInferPlugins" };
	struct elf_symbol s;
	for (size_t i = 0; i < RF_COUNT(alone); i++)
		if (elf_symbol_find(e, alone[i], &s, NULL) == 0)
			return alone[i];
	/* a plain word: together with the other entry point only */
	return elf_symbol_find(e, "getCreators", &s, NULL) == 0 && elf_symbol_find(e, "setLoggerFinder", &s, NULL) == 0
		       ? "getCreators"
		       : NULL;
}

static int plugin_read(struct artifact_reading *r, struct elf *e)
{
	struct artifact_facts *f = r->facts;
	if (e->has_interpreter) /* a program, which loads engines; its TensorRT is found as a file of its own */
		return RF_EUNREADABLE;
	bool needs = needs_tensorrt(r, e);
	const char *creators = exports_creators(e);
	if (!needs && !creators)
		return RF_EUNREADABLE;
	f->kind = ARTIFACT_TENSORRT_PLUGIN;
	f->layout = "ELF";
	if (creators)
		artifact_note(r, "exports %s: hands plugins to TensorRT's registry", creators);
	if (!needs) {
		component_note(r, ARTIFACT_PRODUCT_TENSORRT, SPAN_NONE, "plugin-symbols", span_of(creators));
		artifact_note(r, "needs no TensorRT library by name: which version it was made for is not stated");
	}
	return 0;
}

/* ── The row ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Named like a library of the table, and no loader would load it. */
static int damaged(struct artifact_reading *r, const struct err *err)
{
	char text[512];
	const struct library_row *row = library_row_of(r->name);
	if (!row)
		return RF_EUNREADABLE;
	r->facts->kind = ARTIFACT_RUNTIME_LIBRARY;
	r->facts->layout = "ELF";
	r->facts->product = row->product;
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "elf_malformed",
			"named like a runtime library, but damaged: %s", err_render(err, text, sizeof text));
	return 0;
}

static int runtime_read(struct artifact_reading *r)
{
	struct err err = ERR_INIT;
	struct elf e;
	struct elf_window_source source;
	int rc = library_open(r, 0, r->src->size, &source, &e, &err);
	if (rc == RF_EFORMAT || rc == RF_EUNSUPPORTED)
		return damaged(r, &err);
	if (rc < 0)
		return rc;
	struct library l = { .row = library_row_of(e.soname), .soname = e.soname };
	struct elf_symbol s;
	for (size_t i = 0; !l.row && i < RF_COUNT(inside); i++)
		if (elf_symbol_find(&e, inside[i].symbol, &s, NULL) == 0) {
			l.row = &inside[i].row;
			artifact_note(r, "holds %s whole: it exports %s", l.row->stem, inside[i].symbol);
		}
	if (!l.row)
		return plugin_read(r, &e);
	r->facts->layout = "ELF";
	artifact_evidence(r, "SONAME", e.strings_at, e.soname.p, e.soname.n, "%.*s", SPAN_ARG(e.soname));
	library_version(r, &e, &l);
	library_facts(r, &l);
	if (strcmp(l.row->product, ARTIFACT_PRODUCT_TENSORRT) != 0)
		(void)needs_tensorrt(r, &e);
	return r->failed;
}

const struct artifact_format artifact_format_runtime = {
	.name = "runtime",
	.sniff = runtime_sniff,
	.read = runtime_read,
};
