/*
 * The tables inside an .ort: graphs, nodes, attributes, tensors. Source: onnxruntime/core/flatbuffers/schema/ort.fbs,
 * whose field numbers stand below.
 *
 * A flatbuffer may point at one table or string from many places, so that a small file means a large walk: a real one
 * does so for names. The walk is bounded by the bytes that it looks at, against the bytes that there are.
 */
#include "inventory/model_int.h"

enum { GRAPH_INITIALIZERS = 0, GRAPH_NODES = 2, GRAPH_INPUTS = 5, GRAPH_OUTPUTS = 6, GRAPH_SPARSE = 7 };
enum { NODE_DOMAIN = 2, NODE_OP = 5, NODE_INPUTS = 8, NODE_OUTPUTS = 9, NODE_ATTRIBUTES = 10 };
enum {
	ATTRIBUTE_NAME = 0,
	ATTRIBUTE_S = 5,
	ATTRIBUTE_T = 6,
	ATTRIBUTE_G = 7,
	ATTRIBUTE_TENSORS = 11,
	ATTRIBUTE_GRAPHS = 12
};
enum { TENSOR_NAME = 0, TENSOR_DIMS = 2, TENSOR_TYPE = 3, TENSOR_RAW = 4, TENSOR_STRINGS = 5, TENSOR_EXTERNAL = 6 };
enum { SPARSE_VALUES = 0, SPARSE_INDICES = 1, SPARSE_DIMS = 2 };

/* Names are shared: each is met where it is defined, used, typed. */
#define WORK_TIMES 16
#define WORK_FREE_BYTES MIB

/* Takes @bytes of the work that this file may ask for. */
static bool work_take(struct model *m, uint64_t at, uint64_t bytes)
{
	m->work += bytes;
	if (m->full || m->r->failed)
		return false;
	if (m->work / WORK_TIMES <= m->r->src->size + WORK_FREE_BYTES / WORK_TIMES)
		return true;
	m->full = true;
	model_object(m, MODEL_MALFORMED, at, "its tables point at the same places again and again");
	return false;
}

static void outside(struct model *m, uint64_t at, const char *what)
{
	if (m->r->failed || m->full)
		return;
	if (m->r->reads > ARTIFACT_MAX_READS)
		model_object(m, MODEL_OVER_LIMIT, at, "too many pieces to read");
	else
		model_object(m, MODEL_MALFORMED, at, "%s lies outside the file", what);
	m->full = true; /* what it holds would be missed */
}

/* The string that the offset at @at leads to; 0 when it is empty. */
static uint32_t string_at(struct model *m, uint64_t at)
{
	const unsigned char *p = artifact_at(m->r, at, 4);
	uint64_t string = p ? at + le32(p) : 0;
	p = p ? artifact_at(m->r, string, 4) : NULL;
	if (!p || le32(p) > m->r->src->size - string - 4) {
		outside(m, at, "a string");
		return 0;
	}
	uint32_t n = le32(p);
	return work_take(m, at, 8 + (uint64_t)n) ? model_name_at(m, string + 4, n) : 0;
}

static uint32_t string_of(struct model *m, const struct flat_table *t, unsigned field)
{
	uint64_t at = flat_field(m->r, t, field);
	return at ? string_at(m, at) : 0;
}

/* A vector's elements of @bytes each; false when the field is absent. */
static bool vector_of(struct model *m, const struct flat_table *t, unsigned field, unsigned bytes, uint64_t *ret_first,
		      uint32_t *ret_count)
{
	uint64_t at = flat_field(m->r, t, field);
	const unsigned char *p = at ? artifact_at(m->r, at, 4) : NULL;
	if (!at)
		return false;
	uint64_t vector = p ? at + le32(p) : 0;
	p = p ? artifact_at(m->r, vector, 4) : NULL;
	if (!p || le32(p) > (m->r->src->size - vector - 4) / bytes) {
		outside(m, at, "a vector");
		return false;
	}
	*ret_first = vector + 4;
	*ret_count = le32(p);
	return true;
}

static bool table_of(struct model *m, uint64_t first, uint32_t i, struct flat_table *ret)
{
	if (!work_take(m, first, 16))
		return false;
	if (flat_element(m->r, first, i, ret))
		return true;
	outside(m, first + 4 * (uint64_t)i, "a table");
	return false;
}

/* A table that may be absent. */
static bool child_of(struct model *m, const struct flat_table *t, unsigned field, struct flat_table *ret)
{
	uint64_t at = flat_field(m->r, t, field);
	if (!at || !work_take(m, at, 16))
		return false;
	if (flat_child(m->r, t, field, ret))
		return true;
	outside(m, at, "a table");
	return false;
}

/* ── Tensors ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void dims_of(struct model *m, const struct flat_table *t, unsigned field, struct model_tensor *ret)
{
	uint64_t first;
	uint32_t count;
	if (!vector_of(m, t, field, 8, &first, &count))
		return;
	for (uint32_t i = 0; i < count && ret->rank <= MODEL_MAX_RANK; i++) {
		const unsigned char *p = artifact_at(m->r, first + 8 * (uint64_t)i, 8);
		if (p)
			model_dim_add(m, ret, (int64_t)le64(p));
	}
}

static void tensor_read(struct model *m, const struct flat_table *t, struct model_tensor *ret)
{
	uint32_t type = 0, count = 0;
	uint64_t first = 0;
	memset(ret, 0, sizeof *ret);
	ret->at = t->at;
	ret->any = true;
	ret->name = string_of(m, t, TENSOR_NAME);
	dims_of(m, t, TENSOR_DIMS, ret);
	if (flat_u32(m->r, t, TENSOR_TYPE, 0, &type))
		ret->type = (int32_t)type;
	if (vector_of(m, t, TENSOR_RAW, 1, &first, &count)) {
		ret->has_raw = true;
		ret->raw_at = first;
		ret->raw_bytes = count;
	}
	if (vector_of(m, t, TENSOR_STRINGS, 4, &first, &count))
		ret->counts[MODEL_DATA_STRING] = count;
	/* weights in a file that whoever loads the model must name: their size is not told here */
	if (!flat_field(m->r, t, TENSOR_EXTERNAL) && !m->full && !m->r->failed)
		model_tensor_judge(m, ret);
}

static uint32_t sparse_read(struct model *m, const struct flat_table *t)
{
	struct flat_table values_table, indices_table;
	struct model_tensor values, indices, whole;
	memset(&whole, 0, sizeof whole);
	if (!child_of(m, t, SPARSE_VALUES, &values_table) || !child_of(m, t, SPARSE_INDICES, &indices_table))
		return 0;
	tensor_read(m, &values_table, &values);
	tensor_read(m, &indices_table, &indices);
	dims_of(m, t, SPARSE_DIMS, &whole);
	if (!m->full && !m->r->failed)
		model_sparse_judge(m, &values, &indices, whole.dims, whole.rank, t->at);
	return values.name;
}

/* ── Graphs ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void graph_read(struct model *m, const struct flat_table *t, uint32_t graph);

static void inner_graph(struct model *m, const struct flat_table *t, uint32_t graph, uint32_t node)
{
	uint32_t inner = model_graph_add(m, graph, node, t->at);
	if (inner)
		graph_read(m, t, inner);
}

static void attribute_text(struct model *m, const struct flat_table *t)
{
	uint64_t first;
	uint32_t count;
	size_t n;
	/* a string is a vector of bytes, but for the NUL behind it */
	if (!vector_of(m, t, ATTRIBUTE_S, 1, &first, &count) || count > 1024 || !work_take(m, first, count))
		return;
	const unsigned char *p = artifact_upto(m->r, first, count, &n);
	if (p)
		model_text_judge(m, span_bytes(p, n), first);
}

static void attribute_read(struct model *m, const struct flat_table *t, uint32_t graph, uint32_t node)
{
	struct flat_table child;
	struct model_tensor tensor;
	uint64_t first;
	uint32_t count;
	(void)string_of(m, t, ATTRIBUTE_NAME);
	attribute_text(m, t);
	if (child_of(m, t, ATTRIBUTE_T, &child))
		tensor_read(m, &child, &tensor);
	if (child_of(m, t, ATTRIBUTE_G, &child))
		inner_graph(m, &child, graph, node);
	if (vector_of(m, t, ATTRIBUTE_TENSORS, 4, &first, &count))
		for (uint32_t i = 0; i < count && table_of(m, first, i, &child); i++)
			tensor_read(m, &child, &tensor);
	if (vector_of(m, t, ATTRIBUTE_GRAPHS, 4, &first, &count))
		for (uint32_t i = 0; i < count && table_of(m, first, i, &child); i++)
			inner_graph(m, &child, graph, node);
}

static void node_read(struct model *m, const struct flat_table *t, uint32_t graph)
{
	struct flat_table attribute;
	uint64_t first;
	uint32_t count, node;
	if (!model_node_add(m, graph, 0, t->at, &node))
		return;
	if (vector_of(m, t, NODE_INPUTS, 4, &first, &count))
		for (uint32_t i = 0; i < count && !m->full; i++)
			model_use(m, graph, string_at(m, first + 4 * (uint64_t)i), node, t->at);
	if (vector_of(m, t, NODE_OUTPUTS, 4, &first, &count))
		for (uint32_t i = 0; i < count && !m->full; i++)
			model_define(m, graph, MODEL_DEF_NODE, string_at(m, first + 4 * (uint64_t)i), node, t->at);
	uint32_t domain = string_of(m, t, NODE_DOMAIN);
	model_call_add(m, 0, domain, string_of(m, t, NODE_OP), 0, t->at);
	if (vector_of(m, t, NODE_ATTRIBUTES, 4, &first, &count))
		for (uint32_t i = 0; i < count && table_of(m, first, i, &attribute); i++)
			attribute_read(m, &attribute, graph, node);
}

/* Values that come in, or go out. */
static void values_read(struct model *m, const struct flat_table *t, uint32_t graph, unsigned field)
{
	uint64_t first;
	uint32_t count;
	if (!vector_of(m, t, field, 4, &first, &count))
		return;
	for (uint32_t i = 0; i < count && !m->full && !m->r->failed; i++) {
		uint64_t at = first + 4 * (uint64_t)i;
		uint32_t name = string_at(m, at);
		if (field == GRAPH_INPUTS)
			model_define(m, graph, MODEL_DEF_INPUT, name, 0, at);
		else
			model_use(m, graph, name, MODEL_GRAPH_OUTPUT, at);
	}
}

static void graph_read(struct model *m, const struct flat_table *t, uint32_t graph)
{
	struct flat_table child;
	struct model_tensor tensor;
	uint64_t first;
	uint32_t count;
	values_read(m, t, graph, GRAPH_INPUTS);
	if (vector_of(m, t, GRAPH_INITIALIZERS, 4, &first, &count))
		for (uint32_t i = 0; i < count && table_of(m, first, i, &child); i++) {
			tensor_read(m, &child, &tensor);
			model_define(m, graph, MODEL_DEF_INITIALIZER, tensor.name, 0, child.at);
		}
	if (vector_of(m, t, GRAPH_SPARSE, 4, &first, &count))
		for (uint32_t i = 0; i < count && table_of(m, first, i, &child); i++)
			model_define(m, graph, MODEL_DEF_INITIALIZER, sparse_read(m, &child), 0, child.at);
	if (vector_of(m, t, GRAPH_NODES, 4, &first, &count))
		for (uint32_t i = 0; i < count && table_of(m, first, i, &child); i++)
			node_read(m, &child, graph);
	values_read(m, t, graph, GRAPH_OUTPUTS);
}

void ort_graph(struct model *m, const struct flat_table *t)
{
	m->any_order = true; /* nodes stand by their index */
	m->r->backward = true;
	uint32_t graph = model_graph_add(m, 0, 0, t->at);
	if (graph)
		graph_read(m, t, graph);
}
