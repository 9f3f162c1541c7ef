/*
 * EPContext nodes of ONNX models. See carve.h; fields by onnx.proto3.
 *
 *   ModelProto   7 graph, 25 functions     GraphProto  1 node     FunctionProto  7 node
 *   NodeProto    4 op_type, 5 attribute    AttributeProto  1 name, 3 i, 4 s, 6 g, 11 graphs
 *
 * Everything else is stepped over. Protobuf allows fields in any order, and a source that only goes forward does not
 * come back: an engine is told when it is met, whatever its node turns out to be called.
 */
#include "inventory/carve.h"

#define WIRE_VARINT 0
#define WIRE_FIXED64 1
#define WIRE_BYTES 2
#define WIRE_FIXED32 5

#define NAME_MAX_BYTES 1024

struct field {
	uint32_t number, wire;
	uint64_t value; /* varint; length for WIRE_BYTES */
	uint64_t at;    /* of the value's bytes */
	uint64_t next;
};

static size_t varint_read(const unsigned char *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n && i < 10; i++) {
		if (i == 9 && p[i] > 1)
			return 0;
		v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (!(p[i] & 0x80)) {
			*ret = v;
			return i + 1;
		}
	}
	return 0;
}

static int damaged(struct carve_cursor *k, int code, const char *what, uint64_t at)
{
	if (k->failed)
		return k->failed;
	(void)err_set(k->err, code, "%s", what);
	return k->err ? err_at_offset(k->err, at) : code;
}

/* 1: read; 0: the message ends here; negative: damaged. */
static int field_read(struct carve_cursor *k, uint64_t at, uint64_t end, struct field *ret)
{
	size_t n;
	uint64_t key;
	if (at >= end)
		return 0;
	const unsigned char *p = carve_peek(k, at, 20, &n);
	if (!p || (!n && end == k->src->size))
		return k->failed; /* a source whose size was not known ends */
	n = (size_t)RF_MIN((uint64_t)n, end - at);
	size_t used = varint_read(p, n, &key), more = 0;
	if (!used || key >> 3 == 0 || key >> 32)
		return damaged(k, n < 10 && !used ? RF_ETRUNCATED : RF_EFORMAT, "no field of a message begins here",
			       at);
	*ret = (struct field){ .number = (uint32_t)(key >> 3), .wire = (uint32_t)(key & 7), .at = at + used };
	ret->next = ret->at;
	switch (ret->wire) {
	case WIRE_VARINT:
	case WIRE_BYTES:
		more = varint_read(p + used, n - used, &ret->value);
		if (!more)
			return damaged(k, n - used < 10 ? RF_ETRUNCATED : RF_EFORMAT, "a field's number has no end",
				       at);
		ret->at += more;
		if (ret->wire == WIRE_BYTES && ret->at <= end && ret->value > end - ret->at) {
			/* what is there of it is looked at */
			k->cut_at = k->cut ? k->cut_at : at;
			k->cut = true;
			ret->value = end - ret->at;
		}
		ret->next = ret->at + (ret->wire == WIRE_BYTES ? ret->value : 0);
		return 1;
	case WIRE_FIXED64:
		ret->next += 8;
		break;
	case WIRE_FIXED32:
		ret->next += 4;
		break;
	default:
		return damaged(k, RF_EFORMAT, "a field of a wire type that protobuf 3 does not have", at);
	}
	return ret->next <= end ? 1 : damaged(k, RF_ETRUNCATED, "a field ends behind the message that holds it", at);
}

/* Up to NAME_MAX_BYTES of a text field. */
struct name {
	char bytes[NAME_MAX_BYTES];
	size_t n;
};

static void name_take(struct carve_cursor *k, const struct field *f, struct name *ret)
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

static int graph_walk(struct carve_cursor *k, const struct field *graph, uint32_t node_field, unsigned depth);

/* AttributeProto. */
static int attribute_walk(struct carve_cursor *k, const struct field *attribute, struct node *node, unsigned depth)
{
	struct field f;
	int64_t number = 1;
	struct name value = { .n = 0 };
	int rc;
	node->attribute.n = 0;
	for (uint64_t at = attribute->at; (rc = field_read(k, at, attribute->next, &f)) == 1; at = f.next) {
		rc = 0;
		if (f.number == 1 && f.wire == WIRE_BYTES) {
			name_take(k, &f, &node->attribute);
		} else if (f.number == 3 && f.wire == WIRE_VARINT) {
			number = (int64_t)f.value;
		} else if (f.number == 4 && f.wire == WIRE_BYTES) {
			name_take(k, &f, &value);
			rc = carve_value(k, f.at, f.value, true, "ep_cache_context", NULL);
		} else if ((f.number == 6 || f.number == 11) && f.wire == WIRE_BYTES) {
			rc = graph_walk(k, &f, 1, depth + 1);
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

static int node_walk(struct carve_cursor *k, const struct field *field, struct node *node, unsigned depth)
{
	struct field f;
	int rc;
	node->op_type.n = node->context.n = 0;
	node->embedded = true;
	for (uint64_t at = field->at; (rc = field_read(k, at, field->next, &f)) == 1; at = f.next) {
		if (f.number == 4 && f.wire == WIRE_BYTES)
			name_take(k, &f, &node->op_type);
		if (f.number == 5 && f.wire == WIRE_BYTES && (rc = attribute_walk(k, &f, node, depth)) != 0)
			return rc;
	}
	if (rc == 0 && name_is(&node->op_type, "EPContext") && !node->embedded && node->context.n && k->c->reference)
		rc = k->c->reference(span_bytes(node->context.bytes, node->context.n), k->c->data);
	return rc;
}

/* GraphProto, or FunctionProto: their nodes. */
static int graph_walk(struct carve_cursor *k, const struct field *graph, uint32_t node_field, unsigned depth)
{
	struct field f;
	int rc;
	if (depth > CARVE_MAX_GRAPHS)
		return damaged(k, RF_ETOOMANY, "graphs nested deeper than 16", graph->at);
	RF_AUTO_FREE struct node *node = rf_alloc(sizeof *node);
	if (!node)
		return err_set(k->err, RF_ENOMEM, "no memory to read a graph");
	for (uint64_t at = graph->at; (rc = field_read(k, at, graph->next, &f)) == 1; at = f.next)
		if (f.number == node_field && f.wire == WIRE_BYTES && (rc = node_walk(k, &f, node, depth)) != 0)
			return rc;
	return rc;
}

int carve_onnx(const struct artifact_source *src, const struct carve *c, struct err *err)
{
	RF_AUTO_FREE struct carve_cursor *k = rf_alloc(sizeof *k);
	struct field f;
	int rc;
	if (!k)
		return err_set(err, RF_ENOMEM, "no memory to read a model");
	k->src = src;
	k->c = c;
	k->err = err;
	for (uint64_t at = 0; (rc = field_read(k, at, src->size, &f)) == 1; at = f.next) {
		rc = 0;
		if (f.number == 7 && f.wire == WIRE_BYTES)
			rc = graph_walk(k, &f, 1, 0);
		else if (f.number == 25 && f.wire == WIRE_BYTES)
			rc = graph_walk(k, &f, 7, 0);
		if (rc)
			return rc;
	}
	if (rc == 0 && k->cut)
		rc = damaged(k, RF_ETRUNCATED, "a field ends behind the message that holds it", k->cut_at);
	return rc;
}
