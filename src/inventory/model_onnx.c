/*
 * The messages inside a ModelProto: graphs, nodes, attributes, tensors, functions. Source: onnx.proto3 (onnx 1.20); field
 * numbers that others read too stand in onnx_wire.h. Each message is walked once, forward; lengths bound it, MODEL_MAX_NESTING its depth.
 *
 * What protobuf's readers would step over (a known field of another wire type) or merge (a message that may stand once
 * and stands twice) is refused: two readers must not see two models.
 */
#include "inventory/model_int.h"

enum {
	TENSOR_DIMS = 1,
	TENSOR_TYPE = 2,
	TENSOR_FLOAT = 4,
	TENSOR_INT32 = 5,
	TENSOR_STRING = 6,
	TENSOR_INT64 = 7,
	TENSOR_NAME = 8,
	TENSOR_RAW = 9,
	TENSOR_DOUBLE = 10,
	TENSOR_UINT64 = 11,
	TENSOR_EXTERNAL = 13,
	TENSOR_LOCATION = 14
};
enum { SPARSE_VALUES = 1, SPARSE_INDICES = 2, SPARSE_DIMS = 3 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2 };
enum { TYPE_TENSOR = 1, TYPE_SEQUENCE = 4, TYPE_MAP = 5, TYPE_SPARSE = 8, TYPE_OPTIONAL = 9 };
enum { TRAINING_INITIALIZATION = 1, TRAINING_ALGORITHM = 2 };
enum { LOCATION_EXTERNAL = 1 };

/* Where a walk stands. */
struct place {
	uint32_t graph;
	uint32_t owner; /* function; 0: none */
	unsigned nesting;
};

/* ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

int onnx_field_read(struct artifact_reading *r, uint64_t at, uint64_t end, struct onnx_field *ret)
{
	size_t n;
	const unsigned char *p = artifact_upto(r, at, (size_t)RF_MIN((uint64_t)ONNX_FIELD_BYTES, end - at), &n);
	return p ? onnx_field_decode(p, n, at, end, ret) : n < 10 && !r->failed ? 0 : -1;
}

/* A walk over one message. */
struct walk {
	uint64_t at, end;
};

static struct walk walk_into(const struct onnx_field *f)
{
	return (struct walk){ f->at, f->next };
}

/* The next field; false at the end, and where the message cannot be read on, which is said. */
static bool walk_next(struct model *m, struct walk *w, struct onnx_field *f)
{
	if (w->at >= w->end || m->full || m->r->failed)
		return false;
	int got = onnx_field_read(m->r, w->at, w->end, f);
	if (got == 1) {
		w->at = f->next;
		return true;
	}
	if (!m->r->failed && m->r->reads > ARTIFACT_MAX_READS)
		model_object(m, MODEL_OVER_LIMIT, w->at, "too many pieces to read");
	else if (!m->r->failed)
		model_object(m, MODEL_MALFORMED, w->at, "%s",
			     got == 0 ? "a field ends behind its message"
				      : "no field of a message: a number, a wire type or a varint that cannot be");
	w->at = w->end;
	return false;
}

/* A known field must have its wire type: readers would take it for an unknown one. */
static bool is_wire(struct model *m, const struct onnx_field *f, uint32_t wire, const char *message)
{
	if (f->wire == wire)
		return true;
	model_object(m, MODEL_MALFORMED, f->start, "field %u of %s has the wire type %u", f->number, message, f->wire);
	return false;
}

static uint32_t name_of(struct model *m, const struct onnx_field *f, const char *message)
{
	return is_wire(m, f, WIRE_BYTES, message) ? model_name_at(m, f->at, f->value) : 0;
}

/* A name that nothing refers to, as a node's own: kept by nobody. */
static void text_check(struct model *m, const struct onnx_field *f, const char *message)
{
	if (!is_wire(m, f, WIRE_BYTES, message) || f->value == 0)
		return;
	if (f->value > MODEL_MAX_NAME_BYTES) {
		model_object(m, MODEL_OVER_LIMIT, f->at, "a name of %llu bytes", (unsigned long long)f->value);
		return;
	}
	const unsigned char *p = artifact_at(m->r, f->at, (size_t)f->value);
	if (p)
		model_utf8_judge(m, span_bytes(p, (size_t)f->value), f->at);
}

/* Counts a field that may stand once. */
static bool is_first(struct model *m, unsigned *count, const struct onnx_field *f, const char *message)
{
	if ((*count)++ == 0)
		return true;
	model_object(m, MODEL_REPEATED_FIELD, f->start, "field %u of %s", f->number, message);
	return false;
}

static bool may_enter(struct model *m, unsigned nesting, uint64_t at)
{
	if (nesting <= MODEL_MAX_NESTING)
		return true;
	model_object(m, MODEL_NESTED_TOO_DEEP, at, "more than %d messages within each other", MODEL_MAX_NESTING);
	return false;
}

/* ── Tensors ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Varints in a packed run: each ends with a byte below 0x80. */
static uint64_t varints_count(struct model *m, const struct onnx_field *f)
{
	uint64_t count = 0;
	unsigned char last = 0;
	for (uint64_t at = f->at; at < f->next;) {
		size_t n;
		const unsigned char *p =
			artifact_upto(m->r, at, (size_t)RF_MIN((uint64_t)ARTIFACT_PIECE_BYTES, f->next - at), &n);
		if (!p)
			return 0;
		for (size_t i = 0; i < n; i++)
			count += p[i] < 0x80;
		last = p[n - 1];
		at += n;
	}
	if (last >= 0x80)
		model_object(m, MODEL_MALFORMED, f->start, "a packed run ends inside a number");
	return count;
}

static uint64_t fixed_count(struct model *m, const struct onnx_field *f, unsigned bytes)
{
	if (f->value % bytes)
		model_object(m, MODEL_MALFORMED, f->start, "a packed run of %llu bytes, %u each",
			     (unsigned long long)f->value, bytes);
	return f->value / bytes;
}

/* A repeated number: one at a time, or packed. */
static uint64_t numbers_count(struct model *m, const struct onnx_field *f, uint32_t wire, unsigned bytes)
{
	if (f->wire == WIRE_BYTES)
		return bytes ? fixed_count(m, f, bytes) : varints_count(m, f);
	return is_wire(m, f, wire, "a tensor");
}

static void dims_read(struct model *m, const struct onnx_field *f, struct model_tensor *t)
{
	if (f->wire == WIRE_VARINT) {
		model_dim_add(m, t, (int64_t)f->value);
		return;
	}
	if (!is_wire(m, f, WIRE_BYTES, "a tensor"))
		return;
	for (uint64_t at = f->at; at < f->next && t->rank <= MODEL_MAX_RANK;) {
		size_t n;
		uint64_t dim;
		const unsigned char *p = artifact_upto(m->r, at, (size_t)RF_MIN((uint64_t)10, f->next - at), &n);
		size_t used = p ? onnx_varint(p, n, &dim) : 0;
		if (!used) {
			model_object(m, MODEL_MALFORMED, at, "a packed run ends inside a number");
			return;
		}
		model_dim_add(m, t, (int64_t)dim);
		at += used;
	}
}

/* "4096" into @ret; what is no number is said. */
static bool decimal_read(struct model *m, const struct onnx_field *f, uint64_t *ret)
{
	size_t n;
	const unsigned char *p = artifact_upto(m->r, f->at, (size_t)RF_MIN(f->value, (uint64_t)24), &n);
	if (p && n == f->value && span_u64(span_bytes(p, n), ret))
		return true;
	model_object(m, MODEL_EXTERNAL_DATA_BOUNDS, f->at, "an offset or a length that is no number");
	return false;
}

/* What else is written there in the open: a digest, a folder that some writers name, ONNX Runtime's packed weights. */
static bool is_other_key(const struct model *m, uint32_t key)
{
	struct span s = key ? span_bytes(m->names.list[key].p, m->names.list[key].n) : SPAN_NONE;
	return span_eq_text(s, "checksum") || span_eq_text(s, "basepath") || span_starts(s, "prepacked");
}

/* StringStringEntryProto: 1 key, 2 value. */
static void external_entry(struct model *m, const struct onnx_field *entry, struct model_external *e)
{
	struct walk w = walk_into(entry);
	struct onnx_field f, value = { 0 };
	uint32_t key = 0;
	bool again = false;
	while (walk_next(m, &w, &f)) {
		if (f.number == 1)
			key = name_of(m, &f, "external data");
		else if (f.number == 2 && is_wire(m, &f, WIRE_BYTES, "external data"))
			value = f;
	}
	if (model_name_is(m, key, "location")) {
		again = e->location != 0;
		e->location = model_name_at(m, value.at, value.value);
	} else if (model_name_is(m, key, "offset")) {
		again = e->has_offset;
		e->has_offset = decimal_read(m, &value, &e->offset);
	} else if (model_name_is(m, key, "length")) {
		again = e->has_length;
		e->has_length = decimal_read(m, &value, &e->length);
	} else if (!is_other_key(m, key)) {
		model_object(m, MODEL_EXTERNAL_DATA_KEY, entry->start, "%s", model_show_name(m, key));
	}
	if (again)
		model_object(m, MODEL_EXTERNAL_DATA_KEY, entry->start, "%s stands twice", model_show_name(m, key));
}

static void tensor_data(struct model *m, const struct onnx_field *f, struct model_tensor *t)
{
	switch (f->number) {
	case TENSOR_FLOAT:
		t->counts[MODEL_DATA_FLOAT] += numbers_count(m, f, WIRE_FIXED32, 4);
		break;
	case TENSOR_DOUBLE:
		t->counts[MODEL_DATA_DOUBLE] += numbers_count(m, f, WIRE_FIXED64, 8);
		break;
	case TENSOR_INT32:
		t->counts[MODEL_DATA_INT32] += numbers_count(m, f, WIRE_VARINT, 0);
		break;
	case TENSOR_UINT64:
		t->counts[MODEL_DATA_UINT64] += numbers_count(m, f, WIRE_VARINT, 0);
		break;
	case TENSOR_STRING:
		t->counts[MODEL_DATA_STRING] += is_wire(m, f, WIRE_BYTES, "a tensor");
		break;
	case TENSOR_INT64:
		t->counts[MODEL_DATA_INT64] += numbers_count(m, f, WIRE_VARINT, 0);
		t->packed_runs += f->wire == WIRE_BYTES ? 1 : 2;
		t->packed_at = f->at;
		t->packed_bytes = f->wire == WIRE_BYTES ? f->value : 0;
		break;
	case TENSOR_RAW:
		if (!is_wire(m, f, WIRE_BYTES, "a tensor"))
			break;
		if (t->has_raw)
			model_object(m, MODEL_REPEATED_FIELD, f->start, "raw_data of a tensor");
		t->has_raw = true;
		t->raw_at = f->at;
		t->raw_bytes = f->value;
		break;
	default:
		break;
	}
}

static void tensor_read(struct model *m, const struct onnx_field *field, struct model_tensor *t)
{
	struct walk w = walk_into(field);
	struct onnx_field f;
	memset(t, 0, sizeof *t);
	t->at = field->at;
	while (walk_next(m, &w, &f)) {
		t->any = true;
		switch (f.number) {
		case TENSOR_DIMS:
			dims_read(m, &f, t);
			break;
		case TENSOR_TYPE:
			if (is_wire(m, &f, WIRE_VARINT, "a tensor"))
				t->type = (int64_t)f.value;
			break;
		case TENSOR_NAME:
			t->name = name_of(m, &f, "a tensor");
			break;
		case TENSOR_EXTERNAL:
			if (is_wire(m, &f, WIRE_BYTES, "a tensor"))
				external_entry(m, &f, &t->external);
			break;
		case TENSOR_LOCATION:
			t->external.wanted = f.value == LOCATION_EXTERNAL;
			break;
		default:
			tensor_data(m, &f, t);
			break;
		}
	}
	if (!m->full && !m->r->failed)
		model_tensor_judge(m, t);
}

static uint32_t tensor_field(struct model *m, const struct onnx_field *f, const char *message)
{
	struct model_tensor t;
	if (!is_wire(m, f, WIRE_BYTES, message))
		return 0;
	tensor_read(m, f, &t);
	return t.name;
}

/* Returns the name of the values, which is the whole tensor's. */
static uint32_t sparse_read(struct model *m, const struct onnx_field *field, const char *message)
{
	struct model_tensor values, indices, whole;
	struct onnx_field f;
	memset(&values, 0, sizeof values);
	memset(&indices, 0, sizeof indices);
	memset(&whole, 0, sizeof whole);
	whole.at = field->at;
	if (!is_wire(m, field, WIRE_BYTES, message))
		return 0;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		if (f.number == SPARSE_DIMS)
			dims_read(m, &f, &whole);
		else if ((f.number == SPARSE_VALUES || f.number == SPARSE_INDICES) &&
			 is_wire(m, &f, WIRE_BYTES, "a sparse tensor"))
			tensor_read(m, &f, f.number == SPARSE_VALUES ? &values : &indices);
	}
	if (!m->full && !m->r->failed)
		model_sparse_judge(m, &values, &indices, whole.dims, whole.rank, field->at);
	return values.name;
}

/* ── Types ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* TensorShapeProto: 1 dim {1 value, 2 parameter, 3 denotation}. A shape is a hint: what has another wire type is an
 * unknown field to every reader, and of no consequence. */
static void shape_read(struct model *m, const struct onnx_field *field)
{
	struct onnx_field f, part;
	if (!is_wire(m, field, WIRE_BYTES, "a type"))
		return;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		if (f.number != 1 || f.wire != WIRE_BYTES)
			continue;
		for (struct walk v = walk_into(&f); walk_next(m, &v, &part);)
			if ((part.number == 2 || part.number == 3) && part.wire == WIRE_BYTES)
				text_check(m, &part, "a dimension");
	}
}

/* TypeProto: how deep it goes, and whether it can be read; what a shape claims is the toolchain's to check. */
static void type_read(struct model *m, const struct onnx_field *field, unsigned nesting)
{
	struct onnx_field f, inner;
	if (!is_wire(m, field, WIRE_BYTES, "a type") || !may_enter(m, nesting, field->at))
		return;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		bool tensor = f.number == TYPE_TENSOR || f.number == TYPE_SPARSE;
		bool nested = f.number == TYPE_SEQUENCE || f.number == TYPE_MAP || f.number == TYPE_OPTIONAL;
		if ((!tensor && !nested) || !is_wire(m, &f, WIRE_BYTES, "a type"))
			continue;
		for (struct walk v = walk_into(&f); walk_next(m, &v, &inner);)
			if (tensor && inner.number == 2)
				shape_read(m, &inner);
			else if (nested && inner.number == (f.number == TYPE_MAP ? 2 : 1))
				type_read(m, &inner, nesting + 2);
	}
}

/* ValueInfoProto. Returns its name. */
static uint32_t value_read(struct model *m, const struct onnx_field *field, unsigned nesting)
{
	struct onnx_field f;
	uint32_t name = 0;
	if (!is_wire(m, field, WIRE_BYTES, "a graph"))
		return 0;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		if (f.number == VALUE_NAME)
			name = name_of(m, &f, "a value");
		else if (f.number == VALUE_TYPE)
			type_read(m, &f, nesting + 1);
	}
	return name;
}

/* ── Nodes ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void graph_read(struct model *m, const struct onnx_field *field, struct place p);

/* A node as far as it is met; EPContext's attributes say where ONNX Runtime finds a compiled engine. */
struct node {
	uint32_t id;
	uint32_t op, domain, overload;
	bool embedded; /* ep_cache_context is the engine itself */
	struct onnx_field context;
};

static void inner_graph(struct model *m, const struct onnx_field *f, struct place p, const struct node *n)
{
	if (!is_wire(m, f, WIRE_BYTES, "an attribute") || !may_enter(m, p.nesting + 1, f->at))
		return;
	p.graph = model_graph_add(m, p.graph, n->id, f->at);
	p.nesting++;
	if (p.graph)
		graph_read(m, f, p);
}

static void attribute_text(struct model *m, const struct onnx_field *f)
{
	size_t n;
	if (f->value > 1024)
		return;
	const unsigned char *p = artifact_upto(m->r, f->at, (size_t)f->value, &n);
	if (p)
		model_text_judge(m, span_bytes(p, n), f->at);
}

/* Which type an attribute has when a field of it is there (AttributeProto.AttributeType); 0: no value. */
static unsigned attribute_type(uint32_t number)
{
	static const unsigned char types[] = {
		[2] = 1, [3] = 2,  [4] = 3,   [5] = 4,   [6] = 5,   [7] = 6,   [8] = 7,
		[9] = 8, [10] = 9, [11] = 10, [14] = 13, [15] = 14, [22] = 11, [23] = 12
	};
	return number < sizeof types ? types[number] : 0;
}

/* One value, and of the type that it says: readers go by either. */
static void attribute_judge(struct model *m, uint32_t name, unsigned found, uint64_t stated, uint64_t at)
{
	bool several = (found & (found - 1)) != 0;
	if (several || (found && stated && (stated > 31 || found != 1u << stated)))
		model_object(m, MODEL_ATTRIBUTE_AMBIGUOUS, at,
			     several ? "%s has more than one value" : "%s says another type than it has",
			     model_show_name(m, name));
}

static void attribute_read(struct model *m, const struct onnx_field *field, struct place p, struct node *n)
{
	struct onnx_field f, text = { 0 };
	uint32_t name = 0;
	uint64_t number = 0, stated = 0;
	unsigned tensors = 0, graphs = 0, found = 0;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		unsigned type = attribute_type(f.number);
		found |= type ? 1u << type : 0;
		switch (f.number) {
		case ONNX_ATTRIBUTE_TYPE:
			stated = f.value;
			break;
		case ONNX_ATTRIBUTE_NAME:
			name = name_of(m, &f, "an attribute");
			break;
		case ONNX_ATTRIBUTE_REF:
			text_check(m, &f, "an attribute");
			break;
		case ONNX_ATTRIBUTE_I:
			number = f.value;
			break;
		case ONNX_ATTRIBUTE_S:
			if (is_wire(m, &f, WIRE_BYTES, "an attribute"))
				text = f;
			break;
		case ONNX_ATTRIBUTE_T:
			if (is_first(m, &tensors, &f, "an attribute"))
				(void)tensor_field(m, &f, "an attribute");
			break;
		case ONNX_ATTRIBUTE_TENSORS:
			(void)tensor_field(m, &f, "an attribute");
			break;
		case ONNX_ATTRIBUTE_G:
			if (is_first(m, &graphs, &f, "an attribute"))
				inner_graph(m, &f, p, n);
			break;
		case ONNX_ATTRIBUTE_GRAPHS:
			inner_graph(m, &f, p, n);
			break;
		case ONNX_ATTRIBUTE_SPARSE:
		case ONNX_ATTRIBUTE_SPARSES:
			(void)sparse_read(m, &f, "an attribute");
			break;
		case ONNX_ATTRIBUTE_TYPE_PROTO:
		case ONNX_ATTRIBUTE_TYPE_PROTOS:
			type_read(m, &f, p.nesting + 1);
			break;
		default:
			break;
		}
	}
	attribute_judge(m, name, found, stated, field->at);
	if (model_name_is(m, name, "embed_mode"))
		n->embedded = number != 0;
	else if (model_name_is(m, name, "ep_cache_context"))
		n->context = text;
	else if (text.value)
		attribute_text(m, &text);
}

/* An EPContext node that does not embed its engine names the file: another kind of external data. */
static void context_judge(struct model *m, const struct node *n)
{
	struct model_external e = { .wanted = true };
	if (!n->context.value || n->embedded || !model_name_is(m, n->op, "EPContext"))
		return;
	e.location = model_name_at(m, n->context.at, n->context.value);
	if (e.location)
		model_external_judge(m, &e, UINT64_MAX, n->context.at);
}

static void node_read(struct model *m, const struct onnx_field *field, struct place p)
{
	struct node n = { .embedded = true };
	struct onnx_field f;
	if (!is_wire(m, field, WIRE_BYTES, "a graph") || !model_node_add(m, p.graph, p.owner, field->at, &n.id))
		return;
	p.nesting++;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		switch (f.number) {
		case ONNX_NODE_INPUT:
			model_use(m, p.graph, name_of(m, &f, "a node"), n.id, f.at);
			break;
		case ONNX_NODE_OUTPUT:
			model_define(m, p.graph, MODEL_DEF_NODE, name_of(m, &f, "a node"), n.id, f.at);
			break;
		case ONNX_NODE_NAME:
			text_check(m, &f, "a node");
			break;
		case ONNX_NODE_OP:
			n.op = name_of(m, &f, "a node");
			break;
		case ONNX_NODE_DOMAIN:
			n.domain = name_of(m, &f, "a node");
			break;
		case ONNX_NODE_OVERLOAD:
			n.overload = name_of(m, &f, "a node");
			break;
		case ONNX_NODE_ATTRIBUTE:
			if (is_wire(m, &f, WIRE_BYTES, "a node"))
				attribute_read(m, &f, (struct place){ p.graph, p.owner, p.nesting + 1 }, &n);
			break;
		default:
			break;
		}
	}
	model_call_add(m, p.owner, n.domain, n.op, n.overload, field->at);
	context_judge(m, &n);
}

/* ── Graphs, functions ───────────────────────────────────────────────────────────────────────────────────────────── */

static void graph_read(struct model *m, const struct onnx_field *field, struct place p)
{
	struct onnx_field f;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		switch (f.number) {
		case ONNX_GRAPH_NODE:
			node_read(m, &f, p);
			break;
		case ONNX_GRAPH_NAME:
			text_check(m, &f, "a graph");
			break;
		case ONNX_GRAPH_INITIALIZER:
			model_define(m, p.graph, MODEL_DEF_INITIALIZER, tensor_field(m, &f, "a graph"), 0, f.at);
			break;
		case ONNX_GRAPH_SPARSE:
			model_define(m, p.graph, MODEL_DEF_INITIALIZER, sparse_read(m, &f, "a graph"), 0, f.at);
			break;
		case ONNX_GRAPH_INPUT:
			model_define(m, p.graph, MODEL_DEF_INPUT, value_read(m, &f, p.nesting + 1), 0, f.at);
			break;
		case ONNX_GRAPH_OUTPUT:
			model_use(m, p.graph, value_read(m, &f, p.nesting + 1), MODEL_GRAPH_OUTPUT, f.at);
			break;
		case ONNX_GRAPH_VALUE_INFO:
			(void)value_read(m, &f, p.nesting + 1);
			break;
		default:
			break;
		}
	}
}

void onnx_main_graph(struct model *m, const struct onnx_field *f)
{
	struct place p = { .nesting = 1 };
	if (m->graph_count && m->graphs[1].at)
		model_object(m, MODEL_REPEATED_FIELD, f->start, "the model's graph");
	else if (m->graph_count)
		p.graph = 1; /* training came first, and takes its values from here */
	else
		p.graph = model_graph_add(m, 0, 0, f->at);
	if (!p.graph)
		return;
	m->graphs[p.graph].at = f->at;
	graph_read(m, f, p);
}

void onnx_training(struct model *m, const struct onnx_field *field)
{
	struct onnx_field f;
	if (!m->graph_count && !model_graph_add(m, 0, 0, 0))
		return;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		if ((f.number != TRAINING_INITIALIZATION && f.number != TRAINING_ALGORITHM) ||
		    !is_wire(m, &f, WIRE_BYTES, "training information"))
			continue;
		/* behind all nodes of the model's own */
		uint32_t graph = model_graph_add(m, 1, MODEL_GRAPH_OUTPUT, f.at);
		if (graph)
			graph_read(m, &f, (struct place){ .graph = graph, .nesting = 2 });
	}
}

static void function_opset(struct model *m, const struct onnx_field *field)
{
	struct onnx_field f;
	uint32_t domain = 0;
	int64_t version = 0;
	for (struct walk w = walk_into(field); walk_next(m, &w, &f);) {
		if (f.number == 1)
			domain = name_of(m, &f, "an operator set");
		else if (f.number == 2)
			version = (int64_t)f.value;
	}
	const struct model_name *n = domain ? &m->names.list[domain] : NULL;
	model_opset_judge(m, n ? span_bytes(n->p, n->n) : SPAN_NONE, version, field->at);
}

static void function_field(struct model *m, const struct onnx_field *f, struct place p, uint32_t id)
{
	struct model_function *x = &m->functions[id];
	struct node none = { 0 };
	switch (f->number) {
	case ONNX_FUNCTION_NAME:
		x->name = name_of(m, f, "a function");
		break;
	case ONNX_FUNCTION_DOMAIN:
		x->domain = name_of(m, f, "a function");
		break;
	case ONNX_FUNCTION_OVERLOAD:
		x->overload = name_of(m, f, "a function");
		break;
	case ONNX_FUNCTION_INPUT:
		model_define(m, p.graph, MODEL_DEF_INPUT, name_of(m, f, "a function"), 0, f->at);
		break;
	case ONNX_FUNCTION_OUTPUT:
		model_use(m, p.graph, name_of(m, f, "a function"), MODEL_GRAPH_OUTPUT, f->at);
		break;
	case ONNX_FUNCTION_NODE:
		node_read(m, f, p);
		break;
	case ONNX_FUNCTION_ATTRIBUTE:
		if (is_wire(m, f, WIRE_BYTES, "a function"))
			attribute_read(m, f, p, &none);
		break;
	case ONNX_FUNCTION_VALUE_INFO:
		(void)value_read(m, f, p.nesting + 1);
		break;
	case ONNX_FUNCTION_OPSET:
		if (is_wire(m, f, WIRE_BYTES, "a function"))
			function_opset(m, f);
		break;
	default:
		break;
	}
}

void onnx_function(struct model *m, const struct onnx_field *field)
{
	struct onnx_field f;
	/* the first graph is the model's, even when it comes later */
	if (!m->graph_count && !model_graph_add(m, 0, 0, 0))
		return;
	uint32_t id = model_function_add(m, field->at);
	struct place p = { .graph = id ? model_graph_add(m, 0, 0, field->at) : 0, .owner = id, .nesting = 1 };
	for (struct walk w = walk_into(field); p.graph && walk_next(m, &w, &f);)
		function_field(m, &f, p, id);
}
