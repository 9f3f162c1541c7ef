/*
 * config.json of a TensorRT-LLM engine folder. Source: NVIDIA/TensorRT-LLM tensorrt_llm/builder.py, EngineConfig: an
 * object of version (TensorRT-LLM's), pretrained_config (mapping.world_size: one engine a rank), build_config. Before
 * 0.8: builder_config and plugin_config, without a version.
 *
 * The engines beside it are plans of their own; the folder is reported as a set (scan_set.c).
 */
#include "format/json.h"
#include "inventory/artifact_int.h"

/* Real ones have some 5 KiB; quantisation lists layers. */
#define CONFIG_MAX_BYTES (1 * MIB)
#define RANKS_MAX 4096

static bool llm_sniff(const struct artifact_reading *r)
{
	struct span head = span_trim(span_sub(r->head, 0, 64));
	return span_eq_text(r->name, "config.json") && span_starts(head, "{") && r->src->size <= CONFIG_MAX_BYTES;
}

static bool text_read(struct artifact_reading *r, struct str *ret)
{
	for (uint64_t at = 0; at < r->src->size;) {
		size_t n;
		const unsigned char *p = artifact_upto(r, at, ARTIFACT_PIECE_BYTES, &n);
		if (!p || !n)
			return false;
		str_add(ret, span_bytes(p, n));
		at += n;
	}
	return !ret->failed;
}

static void version_take(struct artifact_reading *r, struct span version)
{
	struct artifact_facts *f = r->facts;
	bool plain = version.n && version.n < sizeof f->version;
	for (size_t i = 0; i < version.n && plain; i++)
		plain = version.p[i] > ' ' && version.p[i] < 0x7f;
	if (!plain) {
		artifact_note(r, "states no version of TensorRT-LLM");
		return;
	}
	memcpy(f->version, version.p, version.n);
	f->version_source = ARTIFACT_VERSION_HEADER;
}

/* What built the engines beside it: no other file of the folder says so, and a part of an image may be all that there is
 * of it. */
static int builder_add(struct artifact_reading *r)
{
	struct artifact_component c = { .product = SPAN(ARTIFACT_PRODUCT_TENSORRT_LLM),
					.version = span_of(r->facts->version),
					.role = ARTIFACT_ROLE_BUILDER,
					.source = "config.json",
					.where = SPAN("version") };
	if (artifact_component_add(r->facts, r->a, &c) < 0)
		r->failed = RF_ENOMEM;
	return r->failed;
}

static int llm_read(struct artifact_reading *r)
{
	struct artifact_facts *f = r->facts;
	RF_AUTO(str) text = STR_INIT(CONFIG_MAX_BYTES);
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	if (!doc)
		r->failed = RF_ENOMEM;
	if (!doc || !text_read(r, &text) || json_parse(doc, str_span(&text), &root, NULL) < 0)
		return RF_EUNREADABLE;
	struct json pretrained = json_get(root, "pretrained_config");
	bool now = json_kind(pretrained) == JSON_OBJECT && json_kind(json_get(root, "build_config")) == JSON_OBJECT;
	bool before = json_kind(json_get(root, "builder_config")) == JSON_OBJECT &&
		      json_kind(json_get(root, "plugin_config")) == JSON_OBJECT;
	uint64_t ranks = 0;
	if (!now && !before)
		return RF_EUNREADABLE;
	f->kind = ARTIFACT_TENSORRT_LLM_CONFIG;
	f->layout = "json";
	f->product = ARTIFACT_PRODUCT_TENSORRT_LLM;
	version_take(r, json_string(json_get(root, "version")));
	if (builder_add(r) < 0)
		return RF_ENOMEM;
	if ((json_u64(json_path(pretrained, "mapping", "world_size", NULL), &ranks) ||
	     json_u64(json_path(root, "builder_config", "tensor_parallel", NULL), &ranks)) &&
	    ranks <= RANKS_MAX)
		f->ranks = (unsigned)ranks;
	return 0;
}

const struct artifact_format artifact_format_llm = {
	.name = "llm",
	.sniff = llm_sniff,
	.read = llm_read,
};
