/* protobuf.h: the wire format, one field at a time. https://protobuf.dev/programming-guides/encoding/ */
#include "format/protobuf.h"

#define TEN_BYTES 10
#define MAX_NUMBER ((UINT32_C(1) << 29) - 1)

struct protobuf_reader protobuf_reader(struct span message, uint64_t base)
{
	return (struct protobuf_reader){ .message = message, .base = base };
}

struct protobuf_reader protobuf_enter(const struct protobuf_field *field)
{
	return protobuf_reader(field->bytes, field->end - field->bytes.n);
}

static int refuse(struct err *err, uint64_t offset, const char *rule)
{
	(void)err_set(err, RF_EFORMAT, "protobuf: %s", rule);
	(void)err_at_offset(err, offset);
	return RF_EFORMAT;
}

/* Reads a varint at *at and moves behind it. */
static int varint(const struct protobuf_reader *r, size_t *at, uint64_t *ret, struct err *err)
{
	uint64_t value = 0;
	for (size_t i = 0; i < TEN_BYTES; i++) {
		if (*at + i >= r->message.n)
			return refuse(err, r->base + r->message.n, "a varint ends with the message");
		uint64_t byte = (unsigned char)r->message.p[*at + i];
		if (i == TEN_BYTES - 1 && byte > 1)
			break;
		value |= (byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*at += i + 1;
			*ret = value;
			return 0;
		}
	}
	return refuse(err, r->base + *at, "a varint is longer than 64 bits in ten bytes");
}

static int fixed(const struct protobuf_reader *r, size_t *at, size_t n, uint64_t *ret, struct err *err)
{
	if (r->message.n - *at < n)
		return refuse(err, r->base + *at,
			      n == 8 ? "a 64-bit value ends behind the message"
				     : "a 32-bit value ends behind the message");
	*ret = n == 8 ? le64(r->message.p + *at) : le32(r->message.p + *at);
	*at += n;
	return 0;
}

static int delimited(const struct protobuf_reader *r, size_t *at, struct span *ret, struct err *err)
{
	uint64_t n;
	size_t length_at = *at;
	int rc = varint(r, at, &n, err);
	if (rc)
		return rc;
	if (n > r->message.n - *at) {
		(void)err_set(err, RF_EFORMAT, "protobuf: a length of %llu, but %zu bytes are left in the message",
			      (unsigned long long)n, r->message.n - *at);
		(void)err_at_offset(err, r->base + length_at);
		return RF_EFORMAT;
	}
	*ret = (struct span){ r->message.p + *at, (size_t)n };
	*at += (size_t)n;
	return 0;
}

int protobuf_next(struct protobuf_reader *r, struct protobuf_field *ret, struct err *err)
{
	if (r->at >= r->message.n)
		return 0;
	size_t at = r->at;
	uint64_t tag;
	int rc = varint(r, &at, &tag, err);
	if (rc)
		return rc;
	if (tag >> 3 == 0 || tag >> 3 > MAX_NUMBER)
		return refuse(err, r->base + r->at, "a field number outside 1..536870911");
	struct protobuf_field f = { .number = (uint32_t)(tag >> 3), .start = r->base + r->at };
	switch (tag & 7) {
	case PROTOBUF_VARINT:
		rc = varint(r, &at, &f.value, err);
		break;
	case PROTOBUF_I64:
		rc = fixed(r, &at, 8, &f.value, err);
		break;
	case PROTOBUF_I32:
		rc = fixed(r, &at, 4, &f.value, err);
		break;
	case PROTOBUF_LEN:
		rc = delimited(r, &at, &f.bytes, err);
		break;
	default:
		return refuse(err, f.start,
			      (tag & 7) < 5 ? "a group (wire type 3 or 4)" : "wire type 6 or 7, which does not exist");
	}
	if (rc)
		return rc;
	f.type = (enum protobuf_type)(tag & 7);
	f.end = r->base + at;
	r->at = at;
	*ret = f;
	return 1;
}

int protobuf_next_varint(struct protobuf_reader *r, uint64_t *ret, struct err *err)
{
	if (r->at >= r->message.n)
		return 0;
	int rc = varint(r, &r->at, ret, err);
	return rc ? rc : 1;
}

int protobuf_find(struct span message, uint64_t base, uint32_t number, enum protobuf_type type,
		  struct protobuf_field *ret, struct err *err)
{
	struct protobuf_reader r = protobuf_reader(message, base);
	struct protobuf_field f;
	int rc, found = 0;
	while ((rc = protobuf_next(&r, &f, err)) == 1) {
		if (f.number != number)
			continue;
		if (f.type != type)
			return refuse(err, f.start, "a known field with another wire type");
		*ret = f;
		found = 1;
	}
	return rc < 0 ? rc : found;
}

int64_t protobuf_sint(uint64_t value)
{
	return (int64_t)((value >> 1) ^ (~(value & 1) + 1));
}

int32_t protobuf_int32(uint64_t value)
{
	return (int32_t)(uint32_t)value;
}

void protobuf_put_raw_varint(struct str *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		str_add_byte(to, (char)(unsigned char)((value & 0x7f) | 0x80));
	str_add_byte(to, (char)value);
}

size_t protobuf_varint_size(uint64_t value)
{
	size_t n = 1;
	for (; value >= 0x80; value >>= 7)
		n++;
	return n;
}

static void put_tag(struct str *to, uint32_t number, enum protobuf_type type)
{
	protobuf_put_raw_varint(to, (uint64_t)number << 3 | type);
}

void protobuf_put_varint(struct str *to, uint32_t number, uint64_t value)
{
	put_tag(to, number, PROTOBUF_VARINT);
	protobuf_put_raw_varint(to, value);
}

void protobuf_put_bytes(struct str *to, uint32_t number, struct span bytes)
{
	put_tag(to, number, PROTOBUF_LEN);
	protobuf_put_raw_varint(to, bytes.n);
	str_add(to, bytes);
}
