/* A field of a protobuf message, for all who read models. See onnx_wire.h. */
#include "inventory/onnx_wire.h"

size_t onnx_varint(const unsigned char *p, size_t n, uint64_t *ret)
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

/* What is left of a varint that does not end: it is cut, or longer than any. */
static int no_varint(size_t n)
{
	return n < 10 ? 0 : -1;
}

int onnx_field_decode(const unsigned char *p, size_t n, uint64_t at, uint64_t end, struct onnx_field *ret)
{
	uint64_t key, value = 0;
	n = (size_t)RF_MIN((uint64_t)n, end - at);
	size_t used = onnx_varint(p, n, &key), more;
	if (!used)
		return no_varint(n);
	if (key >> 3 == 0 || key >> 32)
		return -1;
	*ret = (struct onnx_field){ .number = (uint32_t)(key >> 3), .wire = (uint32_t)(key & 7), .start = at };
	ret->at = at + used;
	switch (ret->wire) {
	case WIRE_VARINT:
	case WIRE_BYTES:
		more = onnx_varint(p + used, n - used, &value);
		if (!more)
			return no_varint(n - used);
		ret->value = value;
		ret->next = ret->at + more;
		if (ret->wire == WIRE_VARINT)
			return 1;
		ret->at = ret->next;
		ret->next = value > end - ret->at ? UINT64_MAX : ret->at + value;
		return ret->next != UINT64_MAX;
	case WIRE_FIXED64:
		ret->next = ret->at + 8;
		break;
	case WIRE_FIXED32:
		ret->next = ret->at + 4;
		break;
	default:
		return -1;
	}
	return ret->next <= end ? 1 : 0;
}
