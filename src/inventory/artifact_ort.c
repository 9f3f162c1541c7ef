/*
 * ONNX Runtime's own format: a flatbuffer with the identifier ORTM. Source:
 * onnxruntime/core/flatbuffers/schema/ort.fbs. Root InferenceSession {0 ort_version, 1 model}; Model {0 ir_version, 1
 * opset_import, 2 producer_name, 3 producer_version, 7 graph, 9 metadata_props}; StringStringEntry {0 key, 1 value}.
 * Its ort_version is the version of the format ("6"), never ONNX Runtime's.
 */
#include "inventory/model_int.h"

#define SESSION_FORMAT 0
#define SESSION_MODEL 1
#define MODEL_IR_VERSION 0
#define MODEL_OPSETS 1
#define MODEL_PRODUCER_NAME 2
#define MODEL_PRODUCER_VERSION 3
#define MODEL_GRAPH 7
#define MODEL_METADATA 9

/* Exporters write a few pairs; object detectors carry their class names in one. */
#define MAX_METADATA 1024

static bool ort_sniff(const struct artifact_reading *r)
{
	return r->head.n >= 8 && memcmp(r->head.p + 4, "ORTM", 4) == 0;
}

static void metadata_read(struct artifact_reading *r, const struct flat_table *model)
{
	uint64_t first;
	uint32_t count;
	if (!flat_field(r, model, MODEL_METADATA))
		return;
	if (!flat_vector(r, model, MODEL_METADATA, &first, &count)) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "metadata_out_of_bounds",
				"metadata_props lie outside the file");
		return;
	}
	if (count > MAX_METADATA)
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "too_many_metadata",
				"%u metadata_props: only the first %d were looked at", count, MAX_METADATA);
	for (uint32_t i = 0; i < count && i < MAX_METADATA; i++) {
		struct flat_table pair;
		if (!flat_element(r, first, i, &pair)) {
			artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "metadata_out_of_bounds",
					"metadata_props[%u] lies outside the file", i);
			return;
		}
		struct span key = flat_string(r, &pair, 0, 64);
		if (span_starts(key, "reforge."))
			artifact_stamp_add(r, key, flat_string(r, &pair, 1, ARTIFACT_STAMP_VALUE_BYTES + 1), pair.at);
	}
}

static void opsets_read(struct model *m, const struct flat_table *model)
{
	uint64_t first;
	uint32_t count;
	struct artifact_reading *r = m->r;
	if (!flat_vector(r, model, MODEL_OPSETS, &first, &count))
		return;
	for (uint32_t i = 0; i < count && i < MAX_METADATA; i++) {
		struct flat_table opset;
		if (!flat_element(r, first, i, &opset)) {
			model_object(m, MODEL_MALFORMED, first, "an operator set's table lies outside the file");
			return;
		}
		uint64_t at = flat_field(r, &opset, 1);
		const unsigned char *p = at ? artifact_at(r, at, 8) : NULL;
		int64_t version = p ? (int64_t)le64(p) : 0;
		model_opset_judge(m, flat_string(r, &opset, 0, 64), version, opset.at);
	}
}

/* What is inside: the rules of model.h. */
static void graph_read(struct artifact_reading *r, const struct flat_table *table)
{
	struct model m;
	struct flat_table graph;
	model_begin(&m, r);
	opsets_read(&m, table);
	if (flat_child(r, table, MODEL_GRAPH, &graph)) {
		model_version_judge(&m, r->facts->ir_version);
		ort_graph(&m, &graph);
		model_end(&m);
	} else if (!r->failed) {
		model_object(&m, flat_field(r, table, MODEL_GRAPH) ? MODEL_MALFORMED : MODEL_MISSING_GRAPH, table->at,
			     "the model's table leads to no graph");
	}
	model_release(&m);
}

static void model_read(struct artifact_reading *r, const struct flat_table *root)
{
	struct artifact_facts *f = r->facts;
	struct flat_table model;
	if (!flat_child(r, root, SESSION_MODEL, &model)) {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "table_out_of_bounds",
				"the model's table lies outside the file: truncated or damaged");
		return;
	}
	uint64_t ir = flat_field(r, &model, MODEL_IR_VERSION);
	const unsigned char *p = ir ? artifact_at(r, ir, 8) : NULL;
	if (p)
		f->ir_version = (int64_t)le64(p);
	f->producer_name = flat_string(r, &model, MODEL_PRODUCER_NAME, 128);
	f->producer_version = flat_string(r, &model, MODEL_PRODUCER_VERSION, 128);
	metadata_read(r, &model);
	graph_read(r, &model);
}

static int ort_read(struct artifact_reading *r)
{
	struct artifact_facts *f = r->facts;
	struct flat_table root;
	artifact_hold(r); /* names are shared, and stand in no order */
	f->kind = ARTIFACT_ONNXRUNTIME_ORT;
	f->product = ARTIFACT_PRODUCT_ONNXRUNTIME;
	f->layout = "ORTM";
	artifact_evidence(r, "flatbuffer identifier", 4, r->head.p + 4, 4, "ORTM");
	if (flat_root(r, 0, &root)) {
		struct span format = flat_string(r, &root, SESSION_FORMAT, 16);
		if (format.n) {
			uint64_t field = flat_field(r, &root, SESSION_FORMAT);
			artifact_evidence(r, "ort_version (the format's, not ONNX Runtime's)", field,
					  artifact_at(r, field, 4), 4, "%.*s", SPAN_ARG(format));
			artifact_note(r, "ORT format version %.*s, which is not ONNX Runtime's version",
				      SPAN_ARG(format));
		}
		model_read(r, &root);
	} else {
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "table_out_of_bounds",
				"the root table lies outside the file: truncated or damaged");
	}
	artifact_stamp_apply(r);
	if (!f->product)
		f->product = ARTIFACT_PRODUCT_ONNXRUNTIME;
	if (!f->version[0])
		artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
				"ONNX Runtime does not record its version in its files, and no stamp states it");
	return 0;
}

const struct artifact_format artifact_format_ort = {
	.name = "ort",
	.sniff = ort_sniff,
	.read = ort_read,
};
