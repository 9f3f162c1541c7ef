/* Models made by hand for the tests: a few words for ONNX's messages, so that a case is a few lines. Source:
 * onnx.proto3. */
#ifndef REFORGE_TEST_MODEL_MAKER_H
#define REFORGE_TEST_MODEL_MAKER_H

#include "testing.h"

#include "base/str.h"
#include "format/protobuf.h"

#define MAKER_BYTES (64 * MIB)

/* Appends @inner as field @number of @outer and empties it. */
static inline void put_inner(struct str *outer, uint32_t number, struct str *inner)
{
	protobuf_put_bytes(outer, number, str_span(inner));
	str_release(inner);
	*inner = STR_INIT(MAKER_BYTES);
}

static inline void put_text(struct str *s, uint32_t number, const char *text)
{
	protobuf_put_bytes(s, number, span_of(text));
}

/* A node of @graph: names separated by blanks; "" for none. @attributes: encoded NodeProto fields, may be NULL. */
static inline void put_node(struct str *graph, uint32_t field, const char *op, const char *domain, const char *inputs,
			    const char *outputs, struct str *attributes)
{
	struct str n = STR_INIT(MAKER_BYTES);
	struct span rest = span_of(inputs), part;
	while (inputs[0] && span_split(&rest, ' ', &part))
		protobuf_put_bytes(&n, 1, part);
	rest = span_of(outputs);
	while (outputs[0] && span_split(&rest, ' ', &part))
		protobuf_put_bytes(&n, 2, part);
	put_text(&n, 4, op);
	if (attributes) {
		str_add(&n, str_span(attributes));
		str_release(attributes);
		*attributes = STR_INIT(MAKER_BYTES);
	}
	if (domain[0])
		put_text(&n, 7, domain);
	put_inner(graph, field, &n);
}

static inline void node(struct str *graph, const char *op, const char *inputs, const char *outputs)
{
	put_node(graph, 1, op, "", inputs, outputs, NULL);
}

static inline void value(struct str *graph, uint32_t field, const char *name)
{
	struct str v = STR_INIT(MAKER_BYTES);
	put_text(&v, 1, name);
	put_inner(graph, field, &v);
}

static inline void input(struct str *graph, const char *name)
{
	value(graph, 11, name);
}

static inline void output(struct str *graph, const char *name)
{
	value(graph, 12, name);
}

static inline void put_dims(struct str *s, uint32_t field, const int64_t *dims, size_t rank)
{
	for (size_t i = 0; i < rank; i++)
		protobuf_put_varint(s, field, (uint64_t)dims[i]);
}

/* TensorProto's head: dims, type, name. */
static inline void tensor_head(struct str *t, const char *name, int64_t type, const int64_t *dims, size_t rank)
{
	put_dims(t, 1, dims, rank);
	protobuf_put_varint(t, 2, (uint64_t)type);
	put_text(t, 8, name);
}

static inline void put_zeros(struct str *t, uint32_t field, size_t n)
{
	char *zeros = calloc(n ? n : 1, 1);
	protobuf_put_bytes(t, field, span_bytes(zeros, n));
	free(zeros);
}

/* A tensor of @rank dimensions with @raw bytes of zeros. */
static inline void initializer(struct str *graph, const char *name, int64_t type, const int64_t *dims, size_t rank,
			       size_t raw)
{
	struct str t = STR_INIT(MAKER_BYTES);
	tensor_head(&t, name, type, dims, rank);
	put_zeros(&t, 9, raw);
	put_inner(graph, 5, &t);
}

static inline void entry(struct str *t, const char *key, const char *text)
{
	struct str e = STR_INIT(MAKER_BYTES);
	put_text(&e, 1, key);
	put_text(&e, 2, text);
	put_inner(t, 13, &e);
}

/* External data; NULL for what is left out. */
static inline void external(struct str *graph, const char *name, int64_t elements, const char *location,
			    const char *offset, const char *length)
{
	struct str t = STR_INIT(MAKER_BYTES);
	tensor_head(&t, name, 1, &elements, 1);
	if (location)
		entry(&t, "location", location);
	if (offset)
		entry(&t, "offset", offset);
	if (length)
		entry(&t, "length", length);
	protobuf_put_varint(&t, 14, 1);
	put_inner(graph, 5, &t);
}

/* NodeProto's attribute of @field (5 t, 6 g, ...). */
static inline void attribute(struct str *attributes, const char *name, uint32_t field, struct str *what)
{
	struct str a = STR_INIT(MAKER_BYTES);
	put_text(&a, 1, name);
	put_inner(&a, field, what);
	put_inner(attributes, 5, &a);
}

static inline void text_attribute(struct str *attributes, const char *name, const char *text)
{
	struct str a = STR_INIT(MAKER_BYTES);
	put_text(&a, 1, name);
	put_text(&a, 4, text);
	put_inner(attributes, 5, &a);
}

static inline void number_attribute(struct str *attributes, const char *name, uint64_t number)
{
	struct str a = STR_INIT(MAKER_BYTES);
	put_text(&a, 1, name);
	protobuf_put_varint(&a, 3, number);
	put_inner(attributes, 5, &a);
}

static inline void opset_of(struct str *s, uint32_t field, const char *domain, uint64_t version)
{
	struct str o = STR_INIT(MAKER_BYTES);
	if (domain[0])
		put_text(&o, 1, domain);
	protobuf_put_varint(&o, 2, version);
	put_inner(s, field, &o);
}

/* ModelProto around a graph, whose memory it takes. */
static inline void model_of(struct str *s, struct str *graph)
{
	protobuf_put_varint(s, 1, 8);
	put_text(s, 2, "reforge-tests");
	put_inner(s, 7, graph);
	opset_of(s, 8, "", 17);
}

/* A graph that nothing can be said against: one node from x to y. */
static inline void graph_plain(struct str *graph)
{
	input(graph, "x");
	node(graph, "Relu", "x", "y");
	output(graph, "y");
}

/* FunctionProto: @calls, as a node of the domain "local" each. */
static inline void function(struct str *s, const char *name, const char *calls)
{
	struct str f = STR_INIT(MAKER_BYTES);
	struct span rest = span_of(calls), part;
	char before[32] = "a", after[32];
	put_text(&f, 1, name);
	put_text(&f, 4, "a");
	for (unsigned i = 0; calls[0] && span_split(&rest, ' ', &part); i++) {
		char *op = strndup(part.p, part.n);
		snprintf(after, sizeof after, "v%u", i);
		put_node(&f, 7, op, "local", before, after, NULL);
		memcpy(before, after, sizeof before);
		free(op);
	}
	put_node(&f, 7, "Relu", "", before, "b", NULL);
	put_text(&f, 5, "b");
	put_text(&f, 10, "local");
	put_inner(s, 25, &f);
}

#endif
