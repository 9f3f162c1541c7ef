/*
 * npy.h: NumPy's file format (numpy/lib/format.py).
 *
 *   "\x93NUMPY", u8 major, u8 minor, u16 (1.0) or u32 (2.0) header length, header:
 *   a Python dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (1, 76, 32), }, blanks, newline
 *
 * The dictionary is read by a scanner for exactly its three keys, in any order: what NumPy writes, not Python.
 */
#include "format/npy.h"

#include <inttypes.h>
#include <math.h>

static const struct {
	const char *code, *name;
	size_t size;
} types[NPY_TYPES] = {
	[NPY_NONE] = { "", "none", 0 },      [NPY_F16] = { "<f2", "float16", 2 }, [NPY_F32] = { "<f4", "float32", 4 },
	[NPY_F64] = { "<f8", "float64", 8 }, [NPY_I8] = { "|i1", "int8", 1 },     [NPY_I16] = { "<i2", "int16", 2 },
	[NPY_I32] = { "<i4", "int32", 4 },   [NPY_I64] = { "<i8", "int64", 8 },   [NPY_U8] = { "|u1", "uint8", 1 },
	[NPY_U16] = { "<u2", "uint16", 2 },  [NPY_U32] = { "<u4", "uint32", 4 },  [NPY_U64] = { "<u8", "uint64", 8 },
	[NPY_BOOL] = { "|b1", "bool", 1 },
};
#define MAGIC_BYTES 6
#define DATA_ALIGNMENT 64

size_t npy_type_size(enum npy_type type)
{
	return types[type].size;
}

const char *npy_type_name(enum npy_type type)
{
	return types[type].name;
}

const char *npy_type_code(enum npy_type type)
{
	return types[type].code;
}

enum npy_type npy_type_of(struct span name)
{
	for (int t = NPY_NONE + 1; t < NPY_TYPES; t++)
		if (span_eq_text(name, types[t].name))
			return (enum npy_type)t;
	return NPY_NONE;
}

uint64_t npy_count(const struct npy *t)
{
	uint64_t n = 1;
	for (unsigned i = 0; i < t->ndim; i++)
		if (__builtin_mul_overflow(n, t->shape[i], &n))
			return UINT64_MAX;
	return n;
}

uint64_t npy_bytes(const struct npy *t)
{
	uint64_t n = npy_count(t);
	return n == UINT64_MAX || __builtin_mul_overflow(n, types[t->type].size, &n) ? UINT64_MAX : n;
}

bool npy_same_shape(const struct npy *a, const struct npy *b)
{
	return a->ndim == b->ndim && memcmp(a->shape, b->shape, a->ndim * sizeof a->shape[0]) == 0;
}

const char *npy_shape_text(const struct npy *t, char buffer[NPY_SHAPE_TEXT_BYTES])
{
	size_t n = 0;
	buffer[n++] = '[';
	for (unsigned i = 0; i < t->ndim; i++)
		n += (size_t)snprintf(buffer + n, NPY_SHAPE_TEXT_BYTES - n, "%s%" PRIu64, i ? "," : "", t->shape[i]);
	(void)snprintf(buffer + n, NPY_SHAPE_TEXT_BYTES - n, "]");
	return buffer;
}

float npy_half(uint16_t bits)
{
	uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, fraction = bits & 1023;
	if (exponent == 0) {
		float magnitude = (float)fraction * 0x1p-24f;
		return sign ? -magnitude : magnitude;
	}
	uint32_t wide = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
	float f;
	memcpy(&f, &wide, sizeof f);
	return f;
}

static double float_bits(uint32_t bits)
{
	float f;
	memcpy(&f, &bits, sizeof f);
	return (double)f;
}

static double double_bits(uint64_t bits)
{
	double d;
	memcpy(&d, &bits, sizeof d);
	return d;
}

double npy_at(const struct npy *t, uint64_t i)
{
	const char *p = t->data.p + i * types[t->type].size;
	switch (t->type) {
	case NPY_F16:
		return (double)npy_half(le16(p));
	case NPY_F32:
		return float_bits(le32(p));
	case NPY_F64:
		return double_bits(le64(p));
	case NPY_I8:
		return (double)(int8_t)*p;
	case NPY_I16:
		return (double)(int16_t)le16(p);
	case NPY_I32:
		return (double)(int32_t)le32(p);
	case NPY_I64:
		return (double)(int64_t)le64(p);
	case NPY_U8:
	case NPY_BOOL:
		return (double)(uint8_t)*p;
	case NPY_U16:
		return (double)le16(p);
	case NPY_U32:
		return (double)le32(p);
	case NPY_U64:
		return (double)le64(p);
	case NPY_NONE:
		break;
	}
	return (double)NAN;
}

/* The dictionary's scanner. */
struct dictionary {
	struct span s;
	size_t at;
	size_t base; /* offset of s in the file */
};

static int refuse(const struct dictionary *d, struct err *err, int code, const char *rule)
{
	(void)err_set(err, code, "npy: %s", rule);
	(void)err_at_offset(err, d->base + d->at);
	return code;
}

static void blanks(struct dictionary *d)
{
	while (d->at < d->s.n && (d->s.p[d->at] == ' ' || d->s.p[d->at] == '\n'))
		d->at++;
}

static bool take(struct dictionary *d, const char *token)
{
	blanks(d);
	size_t n = strlen(token);
	if (!span_starts(span_from(d->s, d->at), token))
		return false;
	d->at += n;
	return true;
}

static bool quoted(struct dictionary *d, struct span *ret)
{
	blanks(d);
	if (d->at >= d->s.n || (d->s.p[d->at] != '\'' && d->s.p[d->at] != '"'))
		return false;
	struct span rest = span_from(d->s, d->at + 1);
	size_t n = span_find_byte(rest, d->s.p[d->at]);
	if (n == SIZE_MAX)
		return false;
	*ret = span_sub(rest, 0, n);
	d->at += n + 2;
	return true;
}

static int read_descr(struct dictionary *d, struct npy *ret, struct err *err)
{
	struct span code;
	size_t start = d->at;
	if (!quoted(d, &code))
		return refuse(d, err, RF_EUNSUPPORTED, "descr is no plain type");
	/* For one byte the order means nothing: '<i1', '|i1' and '=i1' are the same. */
	bool any_order = code.n == 3 && code.p[2] == '1';
	for (int t = NPY_NONE + 1; t < NPY_TYPES; t++)
		if (span_eq_text(code, types[t].code) ||
		    (any_order && types[t].size == 1 && code.p[1] == types[t].code[1] && strchr("<>|=", code.p[0]))) {
			ret->type = (enum npy_type)t;
			return 0;
		}
	d->at = start;
	return refuse(d, err, RF_EUNSUPPORTED, "descr is none of <f2 <f4 <f8 |i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8 |b1");
}

static int read_shape(struct dictionary *d, struct npy *ret, struct err *err)
{
	if (!take(d, "("))
		return refuse(d, err, RF_EFORMAT, "shape is no tuple");
	bool comma = true;
	while (!take(d, ")")) {
		blanks(d);
		size_t n = 0;
		struct span rest = span_from(d->s, d->at);
		while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
			n++;
		if (!comma || n == 0)
			return refuse(d, err, RF_EFORMAT, "shape is no tuple of whole numbers");
		if (ret->ndim == NPY_MAX_DIMS)
			return refuse(d, err, RF_ETOOBIG, "more than 16 dimensions");
		if (!span_u64(span_sub(rest, 0, n), &ret->shape[ret->ndim]))
			return refuse(d, err, RF_ETOOBIG, "a dimension past 64 bits");
		ret->ndim++;
		d->at += n;
		comma = take(d, ",");
	}
	/* (5) is a number in Python, not a tuple */
	if (ret->ndim == 1 && !comma)
		return refuse(d, err, RF_EFORMAT, "shape is no tuple: a comma is missing");
	return 0;
}

enum { GOT_DESCR = 1, GOT_ORDER = 2, GOT_SHAPE = 4, GOT_ALL = 7 };

static int read_member(struct dictionary *d, struct npy *ret, unsigned *got, struct err *err)
{
	struct span key;
	if (!quoted(d, &key) || !take(d, ":"))
		return refuse(d, err, RF_EFORMAT, "the header is no dictionary of quoted keys");
	unsigned which = span_eq_text(key, "descr")           ? GOT_DESCR
			 : span_eq_text(key, "fortran_order") ? GOT_ORDER
			 : span_eq_text(key, "shape")         ? GOT_SHAPE
							      : 0;
	if (which == 0 || (*got & which))
		return refuse(d, err, RF_EFORMAT,
			      "the header's keys are not descr, fortran_order and shape, each once");
	*got |= which;
	if (which == GOT_DESCR)
		return read_descr(d, ret, err);
	if (which == GOT_SHAPE)
		return read_shape(d, ret, err);
	if (take(d, "False"))
		return 0;
	return refuse(d, err, take(d, "True") ? RF_EUNSUPPORTED : RF_EFORMAT, "fortran_order is not False");
}

static int read_dictionary(struct dictionary *d, struct npy *ret, struct err *err)
{
	unsigned got = 0;
	if (!take(d, "{"))
		return refuse(d, err, RF_EFORMAT, "the header is no dictionary");
	while (!take(d, "}")) {
		int rc = read_member(d, ret, &got, err);
		if (rc)
			return rc;
		if (!take(d, ",")) {
			if (!take(d, "}"))
				return refuse(d, err, RF_EFORMAT, "the header's dictionary does not end");
			break;
		}
	}
	blanks(d);
	if (d->at != d->s.n)
		return refuse(d, err, RF_EFORMAT, "bytes behind the header's dictionary");
	if (got != GOT_ALL)
		return refuse(d, err, RF_EFORMAT, "the header lacks descr, fortran_order or shape");
	return 0;
}

int npy_read_header(struct span bytes, struct npy *ret, size_t *ret_data_offset, struct err *err)
{
	struct npy t = { 0 };
	struct dictionary d = { 0 };
	size_t start = MAGIC_BYTES + 4;
	if (memcmp(bytes.p ? bytes.p : "", "\x93NUMPY", RF_MIN(bytes.n, (size_t)MAGIC_BYTES)) != 0)
		return refuse(&d, err, RF_EFORMAT, "does not begin with \\x93NUMPY");
	if (bytes.n < start)
		return refuse(&d, err, RF_ETRUNCATED, "ends in its first ten bytes");
	char major = bytes.p[MAGIC_BYTES];
	if ((major != 1 && major != 2) || bytes.p[MAGIC_BYTES + 1] != 0) {
		d.at = MAGIC_BYTES;
		return refuse(&d, err, RF_EUNSUPPORTED, "format version is neither 1.0 nor 2.0");
	}
	uint32_t n = le16(bytes.p + MAGIC_BYTES + 2);
	if (major == 2) {
		start += 2;
		if (bytes.n < start)
			return refuse(&d, err, RF_ETRUNCATED, "ends in its first twelve bytes");
		n = le32(bytes.p + MAGIC_BYTES + 2);
	}
	d.at = MAGIC_BYTES + 2;
	if (n > NPY_MAX_HEADER_BYTES)
		return refuse(&d, err, RF_ETOOBIG, "header is over 10000 bytes");
	if (n > bytes.n - start)
		return refuse(&d, err, RF_ETRUNCATED, "ends in its header");
	d = (struct dictionary){ .s = span_sub(bytes, start, n), .base = start };
	int rc = read_dictionary(&d, &t, err);
	if (rc)
		return rc;
	if (npy_bytes(&t) > INT64_MAX)
		return refuse(&d, err, RF_ETOOBIG, "shape times size is over 2^63 bytes");
	*ret = t;
	*ret_data_offset = start + n;
	return 0;
}

int npy_read(struct span bytes, struct npy *ret, struct err *err)
{
	struct npy t;
	size_t start;
	int rc = npy_read_header(bytes, &t, &start, err);
	if (rc)
		return rc;
	uint64_t wanted = npy_bytes(&t), there = bytes.n - start;
	if (wanted != there) {
		char shape[NPY_SHAPE_TEXT_BYTES];
		rc = there < wanted ? RF_ETRUNCATED : RF_EFORMAT;
		(void)err_set(err, rc, "npy: %" PRIu64 " bytes of values, but %s of %s are %" PRIu64, there,
			      npy_shape_text(&t, shape), npy_type_name(t.type), wanted);
		(void)err_at_offset(err, start);
		return rc;
	}
	t.data = span_from(bytes, start);
	*ret = t;
	return 0;
}

int npy_write(struct str *to, const struct npy *t, struct err *err)
{
	if (t->type == NPY_NONE || t->type >= NPY_TYPES || t->ndim > NPY_MAX_DIMS)
		return err_set(err, RF_EINVALID, "npy: no type, or more than %d dimensions", NPY_MAX_DIMS);
	if (t->data.p && t->data.n != npy_bytes(t))
		return err_set(err, RF_EINVALID, "npy: %zu bytes of values for a shape of %" PRIu64, t->data.n,
			       npy_bytes(t));
	char header[512];
	size_t n = (size_t)snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
				    types[t->type].code);
	for (unsigned i = 0; i < t->ndim; i++)
		n += (size_t)snprintf(header + n, sizeof header - n, "%s%" PRIu64, i ? ", " : "", t->shape[i]);
	n += (size_t)snprintf(header + n, sizeof header - n, "%s), }", t->ndim == 1 ? "," : "");
	size_t whole = MAGIC_BYTES + 4 + n + 1;
	size_t padding = (DATA_ALIGNMENT - whole % DATA_ALIGNMENT) % DATA_ALIGNMENT;
	char length[2];
	put_le16(length, (uint16_t)(n + padding + 1));
	str_add_text(to, "\x93NUMPY\x01");
	str_add_byte(to, '\0');
	str_add(to, span_bytes(length, sizeof length));
	str_add(to, span_bytes(header, n));
	for (size_t i = 0; i < padding; i++)
		str_add_byte(to, ' ');
	str_add_byte(to, '\n');
	str_add(to, t->data);
	return str_check(to, "npy file", err);
}
