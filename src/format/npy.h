/*
 * npy - tensors as NumPy files: a short header, then raw little-endian values in C order.
 *
 * Pure. May use base/ only. The way tensors cross between reforge, its drivers and people's own tools.
 * Read: format 1.0 and 2.0, little-endian, C order. Written: 1.0, header padded so that data starts at a multiple
 * of 64. Source: numpy.lib.format, "Format Version 1.0" (numpy/lib/format.py). Errors name the rule that was broken.
 */
#ifndef REFORGE_FORMAT_NPY_H
#define REFORGE_FORMAT_NPY_H

#include "base/err.h"
#include "base/span.h"
#include "base/str.h"

/* NumPy itself stops at 32 (64 from 2.0 on); no network of this field goes past 8. */
#define NPY_MAX_DIMS 16
/* The widest header we write is below 512; NumPy caps what it evaluates at 10,000. */
#define NPY_MAX_HEADER_BYTES 10000

enum npy_type {
	NPY_NONE = 0,
	NPY_F16,
	NPY_F32,
	NPY_F64,
	NPY_I8,
	NPY_I16,
	NPY_I32,
	NPY_I64,
	NPY_U8,
	NPY_U16,
	NPY_U32,
	NPY_U64,
	NPY_BOOL
};
#define NPY_TYPES 13 /* for tables indexed by enum npy_type */

struct npy {
	enum npy_type type;
	unsigned ndim; /* 0: a scalar, one value */
	uint64_t shape[NPY_MAX_DIMS];
	struct span data; /* values, unaligned; count × size bytes exactly. Points into what was read */
};

/* @ret points into @bytes, which must outlive it. RF_EFORMAT with offset (magic, version, dictionary, order, dtype),
 * RF_ETRUNCATED (fewer bytes than the shape wants), RF_EFORMAT (more), RF_ETOOBIG (shape × size past 2^63, too many
 * dimensions, header past the limit), RF_EUNSUPPORTED (Fortran order, big-endian, a dtype not of the list). */
RF_MUST_CHECK int npy_read(struct span bytes, struct npy *ret, struct err *err);
/* The header alone, for files too large to hold: @bytes is the beginning (at least the header); ret->data is
 * SPAN_NONE, *ret_data_offset where values start. RF_ETRUNCATED when the header is not whole. Else as npy_read. */
RF_MUST_CHECK int npy_read_header(struct span bytes, struct npy *ret, size_t *ret_data_offset, struct err *err);
/* Appends header and t->data to @to (see str_check); data.n must be npy_bytes(t), else RF_EINVALID. A data span with
 * p == NULL writes the header only: the caller streams the values. */
RF_MUST_CHECK int npy_write(struct str *to, const struct npy *t, struct err *err);

/* Number of values; UINT64_MAX when the product overflows. */
uint64_t npy_count(const struct npy *t);
/* Bytes of the values; UINT64_MAX on overflow. */
uint64_t npy_bytes(const struct npy *t);
bool npy_same_shape(const struct npy *a, const struct npy *b); /* shape only, not type */
/* Value i as a double (half floats widened exactly; 64-bit integers rounded as C does); i < npy_count. */
double npy_at(const struct npy *t, uint64_t i);

size_t npy_type_size(enum npy_type type); /* bytes of one value; 0 for NPY_NONE */
/* "float32", "int64", "bool", …: the names of the driver protocol and of reports. Static. "none" for NPY_NONE. */
const char *npy_type_name(enum npy_type type);
enum npy_type npy_type_of(struct span name); /* the reverse; NPY_NONE for others */
/* "<f4" … */
const char *npy_type_code(enum npy_type type);
/* "[1,76,32]"; @buffer of NPY_SHAPE_TEXT_BYTES. Returns @buffer. */
#define NPY_SHAPE_TEXT_BYTES (NPY_MAX_DIMS * 21 + 3)
const char *npy_shape_text(const struct npy *t, char buffer[NPY_SHAPE_TEXT_BYTES]);
/* IEEE 754 binary16 in @bits to float, exactly. */
float npy_half(uint16_t bits);

#endif
