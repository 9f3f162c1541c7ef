/*
 * EPContext nodes of ONNX models. See carve.h.
 *
 * A walk of its own beside the one that looks through models (model_onnx.c), over the same fields (onnx_wire.h): an engine of
 * gigabytes is handed on while its model streams by, in another thread than the one that reads facts, and it is handed on
 * out of damaged models too, which the other gives up. What is wrong with the model is the other's to say.
 *
 * Steps over all but nodes and their attributes. Protobuf allows fields in any order, and a source that only goes forward
 * does not come back: an engine is told when it is met, whatever its node turns out to be called.
 */
#include "inventory/carve.h"
#include "inventory/model.h"
#include "inventory/onnx_wire.h"

#define NAME_MAX_BYTES 1024

static int damaged(struct carve_cursor *k, int code, const char *what, uint64_t at)
{
	if (k->failed)
		return k->failed;
	(void)err_set(k->err, code, "%s", what);
	return k->err ? err_at_offset(k->err, at) : code;
}

/* 1: read; 0: the message ends here; negative: damaged. A value that goes on behind the end is cut off there. */
static int field_next(struct carve_cursor *k, uint64_t at, uint64_t end, struct onnx_field *ret)
{
	size_t n;
	if (at >= end)
		return 0;
	const unsigned char *p = carve_peek(k, at, ONNX_FIELD_BYTES, &n);
	if (!p || (!n && end == k->src->size))
		return k->failed; /* a source whose size was not known ends */
	ret->next = 0;
	int got = onnx_field_decode(p, n, at, end, ret);
	if (got == 1)
		return 1;
	if (got < 0)
		return damaged(k, RF_EFORMAT, "no field of a message: a number, a wire type or a varint that cannot be", at);
	if (ret->next != UINT64_MAX)
		return damaged(k, RF_ETRUNCATED, "a field ends behind the message that holds it", at);
	/* what is there of it is looked at */
	k->cut_at = k->cut ? k->cut_at : at;
	k->cut = true;
	ret->value = end - ret->at;
	ret->next = end;
	return 1;
}

/* Up to NAME_MAX_BYTES of a text field. */
struct name {
	char bytes[NAME_MAX_BYTES];
	size_t n;
};

static void name_take(struct carve_cursor *k, const struct onnx_field *f, struct name *ret)
{
	size_t n;
	const unsigned char *p = carve_peek(k, f->at, (size_t)RF_MIN(f->value, (uint64_t)NAME_MAX_BYTES), &n);
	ret->n = p && f->value <= NAME_MAX_BYTES ? n : 0;
	if (ret->n)
		memcpy(ret->bytes, p, n);
}

static bool name_is(const struct name *n, const char *text)
{
	return span_eq_text(span_bytes(n->bytes, n->n), text);
}

struct node {
	struct name op_type, context, attribute;
	bool embedded; /* embed_mode; 1 is the default */
};

static int graph_walk(struct carve_cursor *k, const struct onnx_field *graph, uint32_t node_field, unsigned depth);

/* AttributeProto. */
static int attribute_walk(struct carve_cursor *k, const struct onnx_field *attribute, struct node *node, unsigned depth)
{
	struct onnx_field f;
	int64_t number = 1;
	struct name value = { .n = 0 };
	int rc;
	node->attribute.n = 0;
	for (uint64_t at = attribute->at; (rc = field_next(k, at, attribute->next, &f)) == 1; at = f.next) {
		rc = 0;
		if (f.number == ONNX_ATTRIBUTE_NAME && f.wire == WIRE_BYTES) {
			name_take(k, &f, &node->attribute);
		} else if (f.number == ONNX_ATTRIBUTE_I && f.wire == WIRE_VARINT) {
			number = (int64_t)f.value;
		} else if (f.number == ONNX_ATTRIBUTE_S && f.wire == WIRE_BYTES) {
			name_take(k, &f, &value);
			rc = carve_value(k, f.at, f.value, true, "ep_cache_context", NULL);
		} else if ((f.number == ONNX_ATTRIBUTE_G || f.number == ONNX_ATTRIBUTE_GRAPHS) && f.wire == WIRE_BYTES) {
			rc = graph_walk(k, &f, ONNX_GRAPH_NODE, depth + 1);
		}
		if (rc)
			return rc;
	}
	if (name_is(&node->attribute, "ep_cache_context"))
		node->context = value;
	else if (name_is(&node->attribute, "embed_mode"))
		node->embedded = number != 0;
	return rc;
}

static int node_walk(struct carve_cursor *k, const struct onnx_field *field, struct node *node, unsigned depth)
{
	struct onnx_field f;
	int rc;
	node->op_type.n = node->context.n = 0;
	node->embedded = true;
	for (uint64_t at = field->at; (rc = field_next(k, at, field->next, &f)) == 1; at = f.next) {
		if (f.number == ONNX_NODE_OP && f.wire == WIRE_BYTES)
			name_take(k, &f, &node->op_type);
		if (f.number == ONNX_NODE_ATTRIBUTE && f.wire == WIRE_BYTES && (rc = attribute_walk(k, &f, node, depth)) != 0)
			return rc;
	}
	if (rc == 0 && name_is(&node->op_type, "EPContext") && !node->embedded && node->context.n && k->c->reference)
		rc = k->c->reference(span_bytes(node->context.bytes, node->context.n), k->c->data);
	return rc;
}

/* GraphProto, or FunctionProto: their nodes. */
static int graph_walk(struct carve_cursor *k, const struct onnx_field *graph, uint32_t node_field, unsigned depth)
{
	struct onnx_field f;
	int rc;
	if (depth > MODEL_MAX_SUBGRAPH_DEPTH)
		return damaged(k, RF_ETOOMANY, "graphs nested too deep", graph->at);
	RF_AUTO_FREE struct node *node = rf_alloc(sizeof *node);
	if (!node)
		return err_set(k->err, RF_ENOMEM, "no memory to read a graph");
	for (uint64_t at = graph->at; (rc = field_next(k, at, graph->next, &f)) == 1; at = f.next)
		if (f.number == node_field && f.wire == WIRE_BYTES && (rc = node_walk(k, &f, node, depth)) != 0)
			return rc;
	return rc;
}

int carve_onnx(const struct artifact_source *src, const struct carve *c, struct err *err)
{
	RF_AUTO_FREE struct carve_cursor *k = rf_alloc(sizeof *k);
	struct onnx_field f;
	int rc;
	if (!k)
		return err_set(err, RF_ENOMEM, "no memory to read a model");
	k->src = src;
	k->c = c;
	k->err = err;
	for (uint64_t at = 0; (rc = field_next(k, at, src->size, &f)) == 1; at = f.next) {
		rc = 0;
		if (f.number == ONNX_GRAPH && f.wire == WIRE_BYTES)
			rc = graph_walk(k, &f, ONNX_GRAPH_NODE, 0);
		else if (f.number == ONNX_FUNCTIONS && f.wire == WIRE_BYTES)
			rc = graph_walk(k, &f, ONNX_FUNCTION_NODE, 0);
		if (rc)
			return rc;
	}
	if (rc == 0 && k->cut)
		rc = damaged(k, RF_ETRUNCATED, "a field ends behind the message that holds it", k->cut_at);
	return rc;
}
