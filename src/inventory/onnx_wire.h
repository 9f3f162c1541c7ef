/*
 * onnx_wire - one field of a protobuf message, decoded from the bytes at hand; the field numbers of an ONNX model.
 *
 * Pure. May use base/ only. A model is walked in two ways: looked through (model_onnx.c), by pieces that may be asked for again,
 * and for the engines in it (carve_onnx.c), out of a stream that only goes forward. What a field is, where it ends, and what
 * is no field is said here, once for both.
 *
 * Sources: protobuf.dev "Encoding"; onnx.proto3 (onnx 1.20).
 */
#ifndef REFORGE_INVENTORY_ONNX_WIRE_H
#define REFORGE_INVENTORY_ONNX_WIRE_H

#include "base/span.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
struct onnx_field {
	uint32_t number;
	uint32_t wire;
	uint64_t value; /* varint; length for WIRE_BYTES */
	uint64_t start; /* of its tag */
	uint64_t at;    /* of the value, or of the first byte */
	uint64_t next;  /* behind it; UINT64_MAX when a length leads behind @end */
};
/* A tag and a length, or a number, of ten bytes each at most. */
#define ONNX_FIELD_BYTES 20
/* The field at @at of a message that ends at @end, at <= end. @p, @n: its first ONNX_FIELD_BYTES bytes, fewer only where there are
 * no more. 1: read; 0: the message ends inside it, and when its length is what leads behind the end, all but next is told;
 * -1: no field: a number, a wire type or a varint that cannot be. */
int onnx_field_decode(const unsigned char *p, size_t n, uint64_t at, uint64_t end, struct onnx_field *ret);
/* Reads a varint of at most @n bytes; returns its length, 0: none. */
size_t onnx_varint(const unsigned char *p, size_t n, uint64_t *ret);

/* ── onnx.proto3 ─────────────────────────────────────────────────────────────────────────────────────────────────── */

enum {
	ONNX_IR_VERSION = 1,
	ONNX_PRODUCER_NAME = 2,
	ONNX_PRODUCER_VERSION = 3,
	ONNX_DOMAIN = 4,
	ONNX_VERSION = 5,
	ONNX_DOC = 6,
	ONNX_GRAPH = 7,
	ONNX_OPSET = 8,
	ONNX_METADATA = 14,
	ONNX_TRAINING = 20,
	ONNX_FUNCTIONS = 25,
	ONNX_CONFIGURATION = 26
};
enum {
	ONNX_GRAPH_NODE = 1,
	ONNX_GRAPH_NAME = 2,
	ONNX_GRAPH_INITIALIZER = 5,
	ONNX_GRAPH_INPUT = 11,
	ONNX_GRAPH_OUTPUT = 12,
	ONNX_GRAPH_VALUE_INFO = 13,
	ONNX_GRAPH_SPARSE = 15
};
enum {
	ONNX_NODE_INPUT = 1,
	ONNX_NODE_OUTPUT = 2,
	ONNX_NODE_NAME = 3,
	ONNX_NODE_OP = 4,
	ONNX_NODE_ATTRIBUTE = 5,
	ONNX_NODE_DOMAIN = 7,
	ONNX_NODE_OVERLOAD = 8
};
enum {
	ONNX_ATTRIBUTE_NAME = 1,
	ONNX_ATTRIBUTE_I = 3,
	ONNX_ATTRIBUTE_S = 4,
	ONNX_ATTRIBUTE_T = 5,
	ONNX_ATTRIBUTE_G = 6,
	ONNX_ATTRIBUTE_TENSORS = 10,
	ONNX_ATTRIBUTE_GRAPHS = 11,
	ONNX_ATTRIBUTE_TYPE_PROTO = 14,
	ONNX_ATTRIBUTE_TYPE_PROTOS = 15,
	ONNX_ATTRIBUTE_TYPE = 20,
	ONNX_ATTRIBUTE_REF = 21,
	ONNX_ATTRIBUTE_SPARSE = 22,
	ONNX_ATTRIBUTE_SPARSES = 23
};
enum {
	ONNX_FUNCTION_NAME = 1,
	ONNX_FUNCTION_INPUT = 4,
	ONNX_FUNCTION_OUTPUT = 5,
	ONNX_FUNCTION_NODE = 7,
	ONNX_FUNCTION_OPSET = 9,
	ONNX_FUNCTION_DOMAIN = 10,
	ONNX_FUNCTION_ATTRIBUTE = 11,
	ONNX_FUNCTION_VALUE_INFO = 12,
	ONNX_FUNCTION_OVERLOAD = 13
};

#endif
