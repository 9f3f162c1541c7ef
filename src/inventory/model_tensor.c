/*
 * Tensors: dimensions times type against the data that are there. Source: onnx.proto3, TensorProto (which typed field
 * holds which type, "stored as their bit patterns", two 4-bit elements in a byte); SparseTensorProto.
 */
#include "inventory/model_int.h"

enum { TYPE_STRING = 8, TYPE_INT64 = 7 };

static const struct {
	const char *name;
	unsigned bits;         /* of an element; 0: a string */
	enum model_data field; /* typed field that holds it */
	unsigned each;         /* values of that field for an element */
} types[MODEL_NEWEST_DATA_TYPE + 1] = {
	[1] = { "float", 32, MODEL_DATA_FLOAT, 1 },         [2] = { "uint8", 8, MODEL_DATA_INT32, 1 },
	[3] = { "int8", 8, MODEL_DATA_INT32, 1 },           [4] = { "uint16", 16, MODEL_DATA_INT32, 1 },
	[5] = { "int16", 16, MODEL_DATA_INT32, 1 },         [6] = { "int32", 32, MODEL_DATA_INT32, 1 },
	[7] = { "int64", 64, MODEL_DATA_INT64, 1 },         [8] = { "string", 0, MODEL_DATA_STRING, 1 },
	[9] = { "bool", 8, MODEL_DATA_INT32, 1 },           [10] = { "float16", 16, MODEL_DATA_INT32, 1 },
	[11] = { "double", 64, MODEL_DATA_DOUBLE, 1 },      [12] = { "uint32", 32, MODEL_DATA_UINT64, 1 },
	[13] = { "uint64", 64, MODEL_DATA_UINT64, 1 },      [14] = { "complex64", 64, MODEL_DATA_FLOAT, 2 },
	[15] = { "complex128", 128, MODEL_DATA_DOUBLE, 2 }, [16] = { "bfloat16", 16, MODEL_DATA_INT32, 1 },
	[17] = { "float8e4m3fn", 8, MODEL_DATA_INT32, 1 },  [18] = { "float8e4m3fnuz", 8, MODEL_DATA_INT32, 1 },
	[19] = { "float8e5m2", 8, MODEL_DATA_INT32, 1 },    [20] = { "float8e5m2fnuz", 8, MODEL_DATA_INT32, 1 },
	[21] = { "uint4", 4, MODEL_DATA_INT32, 1 },         [22] = { "int4", 4, MODEL_DATA_INT32, 1 },
	[23] = { "float4e2m1", 4, MODEL_DATA_INT32, 1 },    [24] = { "float8e8m0", 8, MODEL_DATA_INT32, 1 },
	[25] = { "uint2", 2, MODEL_DATA_INT32, 1 },         [26] = { "int2", 2, MODEL_DATA_INT32, 1 },
};
static const char *const fields[MODEL_DATA_KINDS] = {
	"float_data", "int32_data", "string_data", "int64_data", "double_data", "uint64_data",
};

void model_dim_add(struct model *m, struct model_tensor *t, int64_t dim)
{
	if (t->rank < MODEL_MAX_RANK)
		t->dims[t->rank] = dim;
	else if (t->rank == MODEL_MAX_RANK)
		model_object(m, MODEL_OVER_LIMIT, t->at, "a tensor of more than %d dimensions", MODEL_MAX_RANK);
	t->rank += t->rank <= MODEL_MAX_RANK;
}

static bool count_elements(struct model *m, const int64_t *dims, unsigned rank, uint64_t at, uint64_t *ret)
{
	uint64_t n = 1;
	bool overflow = false, empty = false;
	for (unsigned i = 0; i < rank; i++) {
		if (dims[i] < 0) {
			model_object(m, MODEL_NEGATIVE_DIMENSION, at, "dimension %u is %lld", i, (long long)dims[i]);
			return false;
		}
		empty |= dims[i] == 0;
		overflow |= __builtin_mul_overflow(n, (uint64_t)dims[i], &n) || n > INT64_MAX;
	}
	if (overflow && !empty) {
		model_object(m, MODEL_TENSOR_SIZE_OVERFLOW, at, "%u dimensions whose product is over 2^63", rank);
		return false;
	}
	*ret = empty ? 0 : n;
	return true;
}

bool model_elements(struct model *m, const struct model_tensor *t, uint64_t *ret)
{
	return t->rank <= MODEL_MAX_RANK && count_elements(m, t->dims, t->rank, t->at, ret);
}

/* Bytes of @elements, packed as the format packs small types; false past 2^63. */
static bool bytes_of(uint64_t elements, unsigned bits, uint64_t *ret)
{
	uint64_t all;
	if (__builtin_mul_overflow(elements, (uint64_t)bits, &all)) {
		uint64_t bytes = bits / 8;
		return bits >= 8 && !__builtin_mul_overflow(elements, bytes, ret) && *ret <= INT64_MAX;
	}
	*ret = all / 8 + (all % 8 != 0);
	return true;
}

static bool type_known(struct model *m, const struct model_tensor *t)
{
	if (t->type > 0 && t->type <= MODEL_NEWEST_DATA_TYPE)
		return true;
	/* a newer IR may bring newer types */
	bool newer = t->type > 0 && m->r->facts->ir_version > MODEL_NEWEST_IR_VERSION;
	model_object(m, newer ? MODEL_NEWER_VERSION : MODEL_UNKNOWN_DATA_TYPE, t->at, "%s is of the type %lld",
		     model_show_name(m, t->name), (long long)t->type);
	return false;
}

/* One place for the data, and the right one. */
static bool place_judge(struct model *m, const struct model_tensor *t)
{
	unsigned places = (unsigned)(t->raw_bytes > 0) + t->external.wanted;
	for (size_t i = 0; i < MODEL_DATA_KINDS; i++) {
		places += t->counts[i] > 0;
		if (t->counts[i] > 0 && types[t->type].field != i) {
			model_object(m, MODEL_TENSOR_DATA_AMBIGUOUS, t->at, "%s is of the type %s and has %s",
				     model_show_name(m, t->name), types[t->type].name, fields[i]);
			return false;
		}
	}
	if (places > 1 || (t->type == TYPE_STRING && (t->raw_bytes > 0 || t->external.wanted))) {
		model_object(m, MODEL_TENSOR_DATA_AMBIGUOUS, t->at,
			     places > 1 ? "%s has data in more than one place"
					: "%s holds strings, and its data are raw bytes",
			     model_show_name(m, t->name));
		return false;
	}
	return true;
}

static void size_judge(struct model *m, const struct model_tensor *t, uint64_t elements)
{
	unsigned bits = types[t->type].bits;
	uint64_t bytes = 0;
	if (!bytes_of(elements, bits, &bytes)) {
		model_object(m, MODEL_TENSOR_SIZE_OVERFLOW, t->at, "%s has %llu elements of %u bits",
			     model_show_name(m, t->name), (unsigned long long)elements, bits);
		return;
	}
	if (t->external.wanted) {
		model_external_judge(m, &t->external, bytes, t->at);
		return;
	}
	bool raw = t->raw_bytes > 0;
	uint64_t wanted = raw ? bytes : bits && bits < 8 ? bytes : elements * types[t->type].each;
	uint64_t found = raw ? t->raw_bytes : t->counts[types[t->type].field];
	if (found != wanted)
		model_object(m, MODEL_TENSOR_SIZE_MISMATCH, t->at, "%s has %llu elements of %s: %llu %s, not %llu",
			     model_show_name(m, t->name), (unsigned long long)elements, types[t->type].name,
			     (unsigned long long)wanted, raw ? "bytes" : "values", (unsigned long long)found);
}

void model_tensor_judge(struct model *m, const struct model_tensor *t)
{
	uint64_t elements;
	if (t->any && model_elements(m, t, &elements) && type_known(m, t) && place_judge(m, t))
		size_judge(m, t, elements);
}

/* ── Sparse tensors ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* Indices in order: of raw bytes, or of one packed run. */
struct indices {
	const struct model_tensor *t;
	uint64_t at, end;
};

static bool index_next(struct model *m, struct indices *i, int64_t *ret)
{
	size_t n;
	uint64_t value = 0;
	const unsigned char *p =
		i->at < i->end ? artifact_upto(m->r, i->at, (size_t)RF_MIN((uint64_t)10, i->end - i->at), &n) : NULL;
	if (!p || (i->t->raw_bytes && n < 8))
		return false;
	size_t used = i->t->raw_bytes ? 8 : onnx_varint(p, n, &value);
	*ret = (int64_t)(i->t->raw_bytes ? le64(p) : value);
	i->at += used;
	return used > 0;
}

/* @columns 0: each index counts through the whole tensor; else rows of one index for each dimension. */
static void indices_judge(struct model *m, const struct model_tensor *t, const int64_t *dims, unsigned columns,
			  uint64_t elements)
{
	struct indices i = { t, t->raw_bytes ? t->raw_at : t->packed_at, 0 };
	i.end = i.at + (t->raw_bytes ? t->raw_bytes : t->packed_bytes);
	int64_t index;
	for (uint64_t n = 0; index_next(m, &i, &index); n++) {
		uint64_t limit = columns ? (uint64_t)dims[n % columns] : elements;
		if (index >= 0 && (uint64_t)index < limit)
			continue;
		model_object(m, MODEL_SPARSE_INDEX, i.at, "index %lld of %llu", (long long)index,
			     (unsigned long long)limit);
		return;
	}
}

void model_sparse_judge(struct model *m, const struct model_tensor *values, const struct model_tensor *indices,
			const int64_t *dims, unsigned rank, uint64_t at)
{
	uint64_t elements;
	if (rank > MODEL_MAX_RANK || !count_elements(m, dims, rank, at, &elements))
		return;
	bool linear = indices->rank == 1, rows = indices->rank == 2;
	int64_t count = values->rank == 1 ? values->dims[0] : -1;
	if (count == 0 && !indices->any)
		return;
	if (count < 0 || !(linear || rows) || indices->dims[0] != count || indices->type != TYPE_INT64 ||
	    (rows && indices->dims[1] != (int64_t)rank) || (uint64_t)count > elements) {
		model_object(m, MODEL_SPARSE_SHAPE, at, "%s: values of rank %u, indices of rank %u and type %lld",
			     model_show_name(m, values->name), values->rank, indices->rank, (long long)indices->type);
		return;
	}
	if (indices->external.wanted || (!indices->raw_bytes && indices->packed_runs > 1)) {
		model_object(m, MODEL_SPARSE_SHAPE, at, "%s: its indices are not in one piece in the model",
			     model_show_name(m, values->name));
		return;
	}
	indices_judge(m, indices, dims, rows ? rank : 0, elements);
}
