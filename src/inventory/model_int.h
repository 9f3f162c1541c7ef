/*
 * model_int - shared by the files that read models; nobody else includes it.
 *
 * Pure. The walks (model_onnx.c, model_ort.c) hand over what they meet, in the order of the file: names, definitions,
 * uses, tensors, calls. What can be judged at once is; what needs the whole graph (a value may be defined behind its
 * use in the file) is judged by model_end().
 */
#ifndef REFORGE_INVENTORY_MODEL_INT_H
#define REFORGE_INVENTORY_MODEL_INT_H

#include "base/hash.h"
#include "inventory/artifact_int.h"
#include "inventory/model.h"
#include "inventory/onnx_wire.h"

/* ── Protobuf by pieces ──────────────────────────────────────────────────────────────────────────────────────────── */

/* The field at @at inside [.., end). 1: read; 0: the message ends inside it; -1: no protobuf, or r->failed. */
int onnx_field_read(struct artifact_reading *r, uint64_t at, uint64_t end, struct onnx_field *ret);

/* ── One model ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Indexes are from 1; 0 is none. */
struct model_name {
	const char *p;
	uint32_t n;
	uint32_t hash;
	uint32_t bound; /* definition that is visible now */
};
struct model_names {
	struct model_name *list; /* [0] is the empty name */
	size_t count, room;
	uint64_t *slots; /* hash in the upper half, index below: other names are told apart without a look at them */
	size_t slot_count;
};

enum model_def_kind { MODEL_DEF_INPUT, MODEL_DEF_INITIALIZER, MODEL_DEF_NODE };
struct model_def {
	uint32_t name, graph, next;
	uint32_t node;   /* MODEL_DEF_NODE: which */
	uint32_t hidden; /* definition of an outer graph that it stands before */
	enum model_def_kind kind;
	uint64_t at;
};
#define MODEL_GRAPH_OUTPUT UINT32_MAX
struct model_use {
	uint32_t name, next;
	uint32_t node; /* or MODEL_GRAPH_OUTPUT */
	uint32_t from; /* once resolved: an edge, from this node */
	uint64_t at;
};
struct model_graph {
	uint32_t parent, parent_node; /* parent 0: a model's graph, or a function */
	uint32_t first_child, last_child, next_sibling;
	uint32_t first_def, last_def, first_use, last_use, first_edge;
	uint32_t nodes;
	unsigned depth; /* 1: no graph around it */
	bool unsorted;  /* a use stands before its definition */
	uint64_t at;
};
/* Who calls what, and how often. */
struct model_call {
	uint32_t owner; /* function whose body it is; 0: the model */
	uint32_t domain, op, overload;
	uint32_t count, next;
	uint64_t at;
};
struct model_function {
	uint32_t domain, name, overload;
	uint32_t nodes; /* of its body, inner graphs included */
	uint32_t first_call;
	int mark; /* 0 not visited, 1 on the way, 2 done */
	uint64_t expanded;
	uint64_t at;
};

struct model {
	struct artifact_reading *r;
	struct arena texts;
	size_t memory;  /* of the lists below and of the texts */
	bool full;      /* a limit was met and said: nothing more is taken in */
	bool any_order; /* the format does not ask for nodes in order */
	uint64_t work;  /* bytes looked at, where a format lets a file point at the same ones again and again */
	uint32_t nodes;
	unsigned said[MODEL_RULE_COUNT];
	struct model_names names;
	struct model_graph *graphs; /* lists: [0] unused */
	size_t graph_count, graph_room;
	struct model_def *defs;
	size_t def_count, def_room;
	struct model_use *uses;
	size_t use_count, use_room;
	struct model_call *calls;
	size_t call_count, call_room;
	uint32_t *call_slots;
	size_t call_slot_count;
	uint32_t first_call; /* of the model's own graphs */
	struct model_function *functions;
	size_t function_count, function_room;
	struct map files; /* external files: location to struct artifact_beside */
};
void model_begin(struct model *m, struct artifact_reading *r);
/* Judges what needs the whole: values, order, functions, domains. */
void model_end(struct model *m);
void model_release(struct model *m);

/* Says that a rule is broken at @at. Of each rule the first two are told, the rest is counted: a hostile file has any
 * number of them, and then not even the words are made. */
#define MODEL_SAID_OF_EACH 2
#define model_object(m, rule, ...)                           \
	do {                                                 \
		if ((m)->said[rule]++ < MODEL_SAID_OF_EACH)  \
			model_say((m), (rule), __VA_ARGS__); \
	} while (0)
void model_say(struct model *m, enum model_rule_id rule, uint64_t at, const char *format, ...) RF_PRINTF(4, 5);
/* A name for a note: visible, short, in a buffer that the next three calls do not touch. */
const char *model_show(struct span name);
const char *model_show_name(const struct model *m, uint32_t name);
/* Room for one more element (zeroed) in a list; false when the limit of memory is met, which is said. @list: where the
 * pointer to it is; it counts from 1. */
bool model_grow(struct model *m, void *list, size_t count, size_t *room, size_t element);

/* Index of a name; 0 for the empty one and when a limit is met. Says so when it is no UTF-8. @at: for what is said. */
uint32_t model_name(struct model *m, struct span text, uint64_t at);
uint32_t model_name_at(struct model *m, uint64_t at, uint64_t n);
void model_utf8_judge(struct model *m, struct span text, uint64_t at);
bool model_name_is(const struct model *m, uint32_t name, const char *text);

/* A new graph; 0 when one of the limits is met. @parent 0: none around it. */
uint32_t model_graph_add(struct model *m, uint32_t parent, uint32_t parent_node, uint64_t at);
/* A new node of @graph, in *ret; false when a limit is met. */
bool model_node_add(struct model *m, uint32_t graph, uint32_t owner, uint64_t at, uint32_t *ret);
void model_define(struct model *m, uint32_t graph, enum model_def_kind kind, uint32_t name, uint32_t node, uint64_t at);
void model_use(struct model *m, uint32_t graph, uint32_t name, uint32_t node, uint64_t at);
void model_graphs_judge(struct model *m);

void model_call_add(struct model *m, uint32_t owner, uint32_t domain, uint32_t op, uint32_t overload, uint64_t at);
/* Index of a new function: what is met in its body is added with it as the owner. */
uint32_t model_function_add(struct model *m, uint64_t at);
void model_functions_judge(struct model *m);

/* ── Tensors ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum model_data {
	MODEL_DATA_FLOAT,
	MODEL_DATA_INT32,
	MODEL_DATA_STRING,
	MODEL_DATA_INT64,
	MODEL_DATA_DOUBLE,
	MODEL_DATA_UINT64,
	MODEL_DATA_KINDS
};
struct model_external {
	bool wanted;       /* data_location is EXTERNAL */
	uint32_t location; /* a name */
	bool has_offset, has_length;
	uint64_t offset, length;
};
struct model_tensor {
	uint64_t at;
	bool any; /* a field at all: an absent tensor is not judged */
	uint32_t name;
	unsigned rank;
	int64_t dims[MODEL_MAX_RANK];
	int64_t type;
	bool has_raw;
	uint64_t raw_at, raw_bytes;
	uint64_t counts[MODEL_DATA_KINDS]; /* elements in the typed fields */
	uint64_t packed_at, packed_bytes;  /* int64_data, when it is one run */
	unsigned packed_runs;
	struct model_external external;
};
void model_dim_add(struct model *m, struct model_tensor *t, int64_t dim);
/* Elements; false when dimensions are negative or too many, which is said. */
bool model_elements(struct model *m, const struct model_tensor *t, uint64_t *ret);
void model_tensor_judge(struct model *m, const struct model_tensor *t);
/* @dims, @rank: of the whole; both parts were judged by themselves. */
void model_sparse_judge(struct model *m, const struct model_tensor *values, const struct model_tensor *indices,
			const int64_t *dims, unsigned rank, uint64_t at);
/* Where data of @bytes lie outside (UINT64_MAX: as many as there are). */
void model_external_judge(struct model *m, const struct model_external *e, uint64_t bytes, uint64_t at);
/* A string attribute or property: does it name a native library? */
void model_text_judge(struct model *m, struct span text, uint64_t at);
void model_version_judge(struct model *m, int64_t ir_version);
void model_opset_judge(struct model *m, struct span domain, int64_t version, uint64_t at);

/* ── The walks ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* ModelProto's fields 7 (graph), 20 (training_info), 25 (functions). */
void onnx_main_graph(struct model *m, const struct onnx_field *f);
void onnx_training(struct model *m, const struct onnx_field *f);
void onnx_function(struct model *m, const struct onnx_field *f);
/* The Graph table of an .ort. */
void ort_graph(struct model *m, const struct flat_table *graph);

#endif
