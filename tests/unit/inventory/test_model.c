/*
 * Hostile models, one per rule at least, made here; each must be refused by its rule's name, and a model that has
 * nothing wrong with it must pass.
 */
#include "model_maker.h"
#include "reading.h"

#include "inventory/model.h"

#define GRAPH struct str graph = STR_INIT(MAKER_BYTES)
static const int64_t four[] = { 4 };

/* ── What lies beside the model ──────────────────────────────────────────────────────────────────────────────────── */

static struct artifact_beside beside(void *data, const char *name)
{
	(void)data;
	if (strcmp(name, "weights.bin") == 0 || strcmp(name, "folder/weights.bin") == 0)
		return (struct artifact_beside){ ARTIFACT_BESIDE_FILE, 4096, 1 };
	if (strcmp(name, "twice.bin") == 0)
		return (struct artifact_beside){ ARTIFACT_BESIDE_FILE, 4096, 2 };
	if (strcmp(name, "link.bin") == 0)
		return (struct artifact_beside){ ARTIFACT_BESIDE_LINK, 0, 0 };
	if (strcmp(name, "folder") == 0)
		return (struct artifact_beside){ ARTIFACT_BESIDE_OTHER, 0, 0 };
	return (struct artifact_beside){ ARTIFACT_BESIDE_ABSENT, 0, 0 };
}

/* As a scan reads: the head at hand, the rest by pieces. @n: bytes from the start that there are. */
struct file {
	const char *p;
	size_t n;
};

static int file_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	const struct file *f = data;
	*ret_n = offset < f->n ? RF_MIN(n, f->n - (size_t)offset) : 0;
	memcpy(buffer, f->p + offset, *ret_n);
	return 0;
}

static struct artifact_facts facts_read(const struct str *s, const char *name, bool pieces, struct arena *a)
{
	struct err err = ERR_INIT;
	struct artifact_facts f;
	char *copy = malloc(s->n ? s->n : 1);
	memcpy(copy, s->p, s->n);
	struct file file = { copy, s->n };
	struct artifact_source src = { .pread = pieces ? file_pread : NULL,
				       .data = &file,
				       .size = s->n,
				       .head = span_bytes(copy,
							  pieces ? RF_MIN(s->n, (size_t)ARTIFACT_HEAD_BYTES) : s->n),
				       .beside = beside };
	assert_ok(artifact_read(&src, span_of(name), 0, a, &f, &err), &err);
	free(copy);
	return f;
}

/* ── The cases ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static void outside(struct str *s, const char *location, const char *offset, const char *length)
{
	GRAPH;
	graph_plain(&graph);
	external(&graph, "w", 4, location, offset, length);
	model_of(s, &graph);
}

static void escapes_up(struct str *s)
{
	outside(s, "../../etc/passwd", NULL, NULL);
}

static void escapes_nested(struct str *s)
{
	outside(s, "folder/../../weights.bin", NULL, NULL);
}

static void escapes_absolute(struct str *s)
{
	outside(s, "/etc/passwd", "0", "16");
}

static void escapes_windows(struct str *s)
{
	outside(s, "folder\\..\\..\\weights.bin", NULL, NULL);
}

static void escapes_drive(struct str *s)
{
	outside(s, "C:weights.bin", NULL, NULL);
}

static void escapes_url(struct str *s)
{
	outside(s, "file://host/weights.bin", NULL, NULL);
}

static void escapes_nowhere(struct str *s)
{
	outside(s, NULL, NULL, NULL);
}

/* An engine's context is looked for beside the model too. */
static void escapes_folder(struct str *s)
{
	outside(s, ".", NULL, NULL);
}

static void escapes_folder_below(struct str *s)
{
	outside(s, "weights/", NULL, NULL);
}

static void escapes_context(struct str *s)
{
	GRAPH;
	struct str attributes = STR_INIT(MAKER_BYTES);
	number_attribute(&attributes, "embed_mode", 0);
	text_attribute(&attributes, "ep_cache_context", "../engine.ctx");
	input(&graph, "x");
	put_node(&graph, 1, "EPContext", "com.microsoft", "x", "y", &attributes);
	output(&graph, "y");
	model_of(s, &graph);
}

/* A sparse tensor's values are data like any others: where a loader forgot to look. */
static void escapes_sparse(struct str *s)
{
	GRAPH;
	struct str sparse = STR_INIT(MAKER_BYTES), values = STR_INIT(MAKER_BYTES), indices = STR_INIT(MAKER_BYTES);
	static const int64_t two[] = { 2 };
	graph_plain(&graph);
	tensor_head(&values, "w", 1, two, 1);
	entry(&values, "location", "../secret");
	protobuf_put_varint(&values, 14, 1);
	tensor_head(&indices, "", 7, two, 1);
	put_zeros(&indices, 9, 16);
	put_inner(&sparse, 1, &values);
	put_inner(&sparse, 2, &indices);
	put_dims(&sparse, 3, four, 1);
	put_inner(&graph, 15, &sparse);
	model_of(s, &graph);
}

static void address(struct str *s)
{
	outside(s, "*/_ORT_MEM_ADDR_/*", "4096", "16");
}

static void link(struct str *s)
{
	outside(s, "link.bin", NULL, NULL);
}

static void bounds_offset(struct str *s)
{
	outside(s, "weights.bin", "4096", NULL);
}

static void bounds_wrap(struct str *s)
{
	outside(s, "weights.bin", "18446744073709551608", "16");
}

static void bounds_text(struct str *s)
{
	outside(s, "weights.bin", "-1", NULL);
}

static void bounds_length(struct str *s)
{
	outside(s, "weights.bin", "0", "12");
}

static void missing(struct str *s)
{
	outside(s, "absent.bin", NULL, NULL);
}

static void hardlink(struct str *s)
{
	outside(s, "twice.bin", NULL, NULL);
}

static void key(struct str *s, const char *first, const char *second)
{
	GRAPH;
	struct str t = STR_INIT(MAKER_BYTES);
	graph_plain(&graph);
	tensor_head(&t, "w", 1, four, 1);
	entry(&t, "location", "weights.bin");
	entry(&t, first, "x");
	if (second)
		entry(&t, second, "y");
	protobuf_put_varint(&t, 14, 1);
	put_inner(&graph, 5, &t);
	model_of(s, &graph);
}

static void key_object(struct str *s)
{
	key(s, "__class__", NULL);
}

static void key_twice(struct str *s)
{
	key(s, "checksum", "location");
}

static void tensor(struct str *s, int64_t type, const int64_t *dims, size_t rank, size_t raw)
{
	GRAPH;
	graph_plain(&graph);
	initializer(&graph, "w", type, dims, rank, raw);
	model_of(s, &graph);
}

static void size_short(struct str *s)
{
	tensor(s, 1, four, 1, 12);
}

static void size_long(struct str *s)
{
	tensor(s, 1, four, 1, 17);
}

static void size_none(struct str *s)
{
	static const int64_t big[] = { 1000, 1000 };
	tensor(s, 1, big, 2, 0);
}

/* dims times type is 16 once more than 2^64: who multiplies in 64 bits sees a tensor that fits. */
static void size_wraps(struct str *s)
{
	static const int64_t dims[] = { INT64_C(1) << 31, INT64_C(1) << 31, 4 };
	tensor(s, 1, dims, 3, 16);
}

static void size_wraps_bytes(struct str *s)
{
	static const int64_t dims[] = { (INT64_C(1) << 61) + 1 };
	tensor(s, 11, dims, 1, 8);
}

static void size_typed(struct str *s)
{
	GRAPH;
	struct str t = STR_INIT(MAKER_BYTES);
	graph_plain(&graph);
	tensor_head(&t, "w", 7, four, 1);
	protobuf_put_bytes(&t, 7, SPAN("\1\2\3"));
	put_inner(&graph, 5, &t);
	model_of(s, &graph);
}

static void size_attribute(struct str *s)
{
	GRAPH;
	struct str attributes = STR_INIT(MAKER_BYTES), t = STR_INIT(MAKER_BYTES);
	tensor_head(&t, "", 10, four, 1);
	put_zeros(&t, 9, 4);
	attribute(&attributes, "value", 5, &t);
	put_node(&graph, 1, "Constant", "", "", "y", &attributes);
	output(&graph, "y");
	model_of(s, &graph);
}

static void ambiguous(struct str *s, int64_t type, uint32_t field, struct span data, size_t raw)
{
	GRAPH;
	struct str t = STR_INIT(MAKER_BYTES);
	graph_plain(&graph);
	tensor_head(&t, "w", type, four, 1);
	protobuf_put_bytes(&t, field, data);
	if (raw)
		put_zeros(&t, 9, raw);
	put_inner(&graph, 5, &t);
	model_of(s, &graph);
}

static void ambiguous_twice(struct str *s)
{
	ambiguous(s, 7, 7, SPAN("\1\2\3\4"), 32);
}

static void ambiguous_field(struct str *s)
{
	ambiguous(s, 1, 7, SPAN("\1\2\3\4"), 0);
}

static void ambiguous_strings(struct str *s)
{
	ambiguous(s, 8, 9, SPAN("abcd"), 0);
}

/* An attribute that states the type @type, with an integer and, when @text, a string. */
static void attribute_of(struct str *s, uint64_t type, bool text)
{
	GRAPH;
	struct str a = STR_INIT(MAKER_BYTES), attributes = STR_INIT(MAKER_BYTES);
	put_text(&a, 1, "axis");
	protobuf_put_varint(&a, 3, 1);
	if (text)
		put_text(&a, 4, "one");
	protobuf_put_varint(&a, 20, type);
	put_inner(&attributes, 5, &a);
	input(&graph, "x");
	put_node(&graph, 1, "Softmax", "", "x", "y", &attributes);
	output(&graph, "y");
	model_of(s, &graph);
}

static void attribute_type(struct str *s)
{
	attribute_of(s, 5, false);
}

static void attribute_values(struct str *s)
{
	attribute_of(s, 2, true);
}

/* A dimension that ends behind its shape. */
static void shape_out(struct str *s)
{
	GRAPH;
	struct str v = STR_INIT(MAKER_BYTES), type = STR_INIT(MAKER_BYTES), tensor_type = STR_INIT(MAKER_BYTES);
	graph_plain(&graph);
	put_text(&v, 1, "z");
	protobuf_put_varint(&tensor_type, 1, 1);
	protobuf_put_bytes(&tensor_type, 2, SPAN("\x0a\x09\x08\x01"));
	put_inner(&type, 1, &tensor_type);
	put_inner(&v, 2, &type);
	put_inner(&graph, 11, &v);
	model_of(s, &graph);
}

static void negative(struct str *s)
{
	static const int64_t dims[] = { -1, -4 };
	tensor(s, 1, dims, 2, 16);
}

static void type_unknown(struct str *s)
{
	tensor(s, 99, four, 1, 16);
}

static void type_none(struct str *s)
{
	tensor(s, 0, four, 1, 16);
}

static void type_negative(struct str *s)
{
	tensor(s, -1, four, 1, 16);
}

/* @indices: of values.dims[0] in 3 x 5, @columns in a row. */
static void sparse(struct str *s, const int64_t *indices, int64_t count, int64_t columns)
{
	GRAPH;
	static const int64_t shape[] = { 3, 5 };
	struct str t = STR_INIT(MAKER_BYTES), values = STR_INIT(MAKER_BYTES), places = STR_INIT(MAKER_BYTES);
	const int64_t dims[] = { count, columns };
	unsigned char raw[128];
	graph_plain(&graph);
	tensor_head(&values, "w", 1, dims, 1);
	put_zeros(&values, 9, (size_t)count * 4);
	tensor_head(&places, "", 7, dims, columns ? 2 : 1);
	size_t n = (size_t)(count * (columns ? columns : 1));
	for (size_t i = 0; i < n; i++)
		put_le64(raw + 8 * i, (uint64_t)indices[i]);
	protobuf_put_bytes(&places, 9, span_bytes(raw, 8 * n));
	put_inner(&t, 1, &values);
	put_inner(&t, 2, &places);
	put_dims(&t, 3, shape, 2);
	put_inner(&graph, 15, &t);
	model_of(s, &graph);
}

static void sparse_linear(struct str *s)
{
	static const int64_t at[] = { 0, 15 };
	sparse(s, at, 2, 0);
}

static void sparse_rows(struct str *s)
{
	static const int64_t at[] = { 0, 4, 3, 0 };
	sparse(s, at, 2, 2);
}

static void sparse_negative(struct str *s)
{
	static const int64_t at[] = { -1, 2 };
	sparse(s, at, 2, 0);
}

static void sparse_shape(struct str *s)
{
	static const int64_t at[] = { 0, 0, 0, 0, 0, 0 };
	sparse(s, at, 2, 3);
}

static void twice_initializer(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	initializer(&graph, "w", 1, four, 1, 16);
	initializer(&graph, "w", 1, four, 1, 16);
	model_of(s, &graph);
}

static void twice_output(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	node(&graph, "Sigmoid", "x", "y");
	model_of(s, &graph);
}

static void twice_input(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	input(&graph, "x");
	model_of(s, &graph);
}

static void twice_over_input(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	node(&graph, "Sigmoid", "y", "x");
	model_of(s, &graph);
}

static void function_twice(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	model_of(s, &graph);
	function(s, "f", "");
	function(s, "f", "");
}

static void undefined(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	node(&graph, "Add", "y nothing", "z");
	model_of(s, &graph);
}

/* What an inner graph defines is not seen outside of it. */
static void undefined_inner(struct str *s)
{
	GRAPH;
	struct str inner = STR_INIT(MAKER_BYTES), attributes = STR_INIT(MAKER_BYTES);
	node(&inner, "Relu", "x", "inside");
	output(&inner, "inside");
	attribute(&attributes, "then_branch", 6, &inner);
	input(&graph, "x");
	put_node(&graph, 1, "If", "", "x", "y", &attributes);
	node(&graph, "Relu", "inside", "z");
	output(&graph, "z");
	model_of(s, &graph);
}

static void undefined_result(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	output(&graph, "nothing");
	model_of(s, &graph);
}

static void cycle_two(struct str *s)
{
	GRAPH;
	input(&graph, "x");
	node(&graph, "Add", "x b", "a");
	node(&graph, "Relu", "a", "b");
	output(&graph, "b");
	model_of(s, &graph);
}

static void cycle_self(struct str *s)
{
	GRAPH;
	input(&graph, "x");
	node(&graph, "Add", "x a", "a");
	output(&graph, "a");
	model_of(s, &graph);
}

/* Through an inner graph that takes what its own node gives. */
static void cycle_inner(struct str *s)
{
	GRAPH;
	struct str inner = STR_INIT(MAKER_BYTES), attributes = STR_INIT(MAKER_BYTES);
	node(&inner, "Relu", "y", "inside");
	output(&inner, "inside");
	attribute(&attributes, "then_branch", 6, &inner);
	input(&graph, "x");
	put_node(&graph, 1, "If", "", "x", "y", &attributes);
	output(&graph, "y");
	model_of(s, &graph);
}

static void recursion(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	model_of(s, &graph);
	function(s, "f", "f");
}

static void recursion_far(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	model_of(s, &graph);
	function(s, "f", "g");
	function(s, "g", "h");
	function(s, "h", "f");
}

/* Thirty functions that each call the next twice. */
static void expansion(struct str *s)
{
	GRAPH;
	input(&graph, "x");
	put_node(&graph, 1, "f0", "local", "x", "y", NULL);
	output(&graph, "y");
	model_of(s, &graph);
	for (int i = 0; i < 30; i++) {
		char name[8], calls[24];
		snprintf(name, sizeof name, "f%d", i);
		snprintf(calls, sizeof calls, "f%d f%d", i + 1, i + 1);
		function(s, name, i < 29 ? calls : "");
	}
}

static void graphs_deep(struct str *s)
{
	GRAPH;
	for (int i = 0; i < MODEL_MAX_SUBGRAPH_DEPTH; i++) {
		struct str attributes = STR_INIT(MAKER_BYTES), outer = STR_INIT(MAKER_BYTES);
		output(&graph, "x");
		attribute(&attributes, "then_branch", 6, &graph);
		put_node(&outer, 1, "If", "", "x", "", &attributes);
		graph = outer;
	}
	input(&graph, "x");
	model_of(s, &graph);
}

static void types_deep(struct str *s)
{
	GRAPH;
	struct str type = STR_INIT(MAKER_BYTES), v = STR_INIT(MAKER_BYTES);
	for (int i = 0; i < 60; i++) { /* sequences of sequences */
		struct str outer = STR_INIT(MAKER_BYTES), sequence = STR_INIT(MAKER_BYTES);
		put_inner(&sequence, 1, &type);
		put_inner(&outer, 4, &sequence);
		type = outer;
	}
	graph_plain(&graph);
	put_text(&v, 1, "z");
	put_inner(&v, 2, &type);
	put_inner(&graph, 11, &v);
	model_of(s, &graph);
}

static void name_long(struct str *s)
{
	GRAPH;
	char *name = calloc(1, MODEL_MAX_NAME_BYTES + 2);
	memset(name, 'n', MODEL_MAX_NAME_BYTES + 1);
	graph_plain(&graph);
	node(&graph, "Relu", "y", name);
	free(name);
	model_of(s, &graph);
}

static void graph_absent(struct str *s)
{
	protobuf_put_varint(s, 1, 8);
	put_text(s, 2, "reforge-tests");
	opset_of(s, 8, "", 17);
}

static void graph_twice(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	model_of(s, &graph);
	graph_plain(&graph);
	put_inner(s, 7, &graph);
}

static void attribute_twice(struct str *s)
{
	GRAPH;
	struct str attributes = STR_INIT(MAKER_BYTES), a = STR_INIT(MAKER_BYTES), inner = STR_INIT(MAKER_BYTES);
	put_text(&a, 1, "body");
	for (int i = 0; i < 2; i++) {
		output(&inner, "x");
		put_inner(&a, 6, &inner);
	}
	put_inner(&attributes, 5, &a);
	input(&graph, "x");
	put_node(&graph, 1, "Loop", "", "x", "y", &attributes);
	output(&graph, "y");
	model_of(s, &graph);
}

/* A length that leads out of its message, into the next. */
static void length_out(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	str_add(&graph, SPAN("\x0a\x7f\x0a\x01"));
	model_of(s, &graph);
}

static void wire_wrong(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	protobuf_put_varint(&graph, 1, 5);
	model_of(s, &graph);
}

static void group(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	str_add(&graph, SPAN("\x0b\x0c"));
	model_of(s, &graph);
}

static void cut(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	model_of(s, &graph);
	s->n -= 20;
}

static void latin(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	node(&graph, "Relu", "y", "caf\xe9");
	model_of(s, &graph);
}

static void metadata(struct str *s, const char *key, size_t words, const char *end)
{
	GRAPH;
	struct str pair = STR_INIT(MAKER_BYTES), value = STR_INIT(MAKER_BYTES);
	graph_plain(&graph);
	model_of(s, &graph);
	for (size_t i = 0; i < words; i++)
		str_add(&value, SPAN("d\xc3\xa9j\xc3\xa0 ")); /* characters across pieces */
	str_add(&value, span_of(end));
	put_text(&pair, 1, key);
	put_inner(&pair, 2, &value);
	put_inner(s, 14, &pair);
}

static void metadata_key(struct str *s)
{
	metadata(s, "caf\xe9", 0, "");
}

static void metadata_value(struct str *s)
{
	metadata(s, "note", 3001, "\xff");
}

static void metadata_long(struct str *s)
{
	metadata(s, "note", 3001, "");
}

static void opset_absent(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	protobuf_put_varint(s, 1, 8);
	put_inner(s, 7, &graph);
}

static void with_ir(struct str *s, uint64_t version)
{
	GRAPH;
	graph_plain(&graph);
	protobuf_put_varint(s, 1, version);
	put_inner(s, 7, &graph);
	opset_of(s, 8, "", 17);
}

static void ir_negative(struct str *s)
{
	with_ir(s, (uint64_t)-1);
}

static void ir_none(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	put_inner(s, 7, &graph);
	opset_of(s, 8, "", 17);
}

static void ir_newer(struct str *s)
{
	with_ir(s, MODEL_NEWEST_IR_VERSION + 1);
}

static void opset_negative(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	model_of(s, &graph);
	opset_of(s, 8, "ai.onnx.ml", (uint64_t)-3);
}

static void opset_huge(struct str *s)
{
	GRAPH;
	graph_plain(&graph);
	model_of(s, &graph);
	opset_of(s, 8, "ai.onnx", INT64_C(1) << 40);
}

static void unsorted(struct str *s)
{
	GRAPH;
	input(&graph, "x");
	node(&graph, "Relu", "a", "b");
	node(&graph, "Relu", "x", "a");
	output(&graph, "b");
	model_of(s, &graph);
}

static void domain(struct str *s)
{
	GRAPH;
	input(&graph, "x");
	put_node(&graph, 1, "Frobnicate", "org.example.custom", "x", "y", NULL);
	output(&graph, "y");
	model_of(s, &graph);
}

static void library(struct str *s)
{
	GRAPH;
	struct str attributes = STR_INIT(MAKER_BYTES);
	text_attribute(&attributes, "library", "/opt/plugins/libnms.so.1");
	input(&graph, "x");
	put_node(&graph, 1, "Custom", "com.microsoft", "x", "y", &attributes);
	output(&graph, "y");
	model_of(s, &graph);
}

static void shadow(struct str *s)
{
	GRAPH;
	struct str inner = STR_INIT(MAKER_BYTES), attributes = STR_INIT(MAKER_BYTES);
	node(&inner, "Relu", "x", "a");
	output(&inner, "a");
	attribute(&attributes, "then_branch", 6, &inner);
	input(&graph, "x");
	node(&graph, "Relu", "x", "a");
	put_node(&graph, 1, "If", "", "a", "y", &attributes);
	output(&graph, "y");
	model_of(s, &graph);
}

#define CASE(rule, make)          \
	{                         \
		rule, make, #make \
	}
static const struct {
	const char *rule;
	void (*make)(struct str *s);
	const char *name;
} cases[] = {
	CASE("external_data_escapes", escapes_up),
	CASE("external_data_escapes", escapes_nested),
	CASE("external_data_escapes", escapes_absolute),
	CASE("external_data_escapes", escapes_windows),
	CASE("external_data_escapes", escapes_drive),
	CASE("external_data_escapes", escapes_url),
	CASE("external_data_escapes", escapes_nowhere),
	CASE("external_data_escapes", escapes_folder),
	CASE("external_data_escapes", escapes_folder_below),
	CASE("external_data_escapes", escapes_context),
	CASE("external_data_escapes", escapes_sparse),
	CASE("external_data_address", address),
	CASE("external_data_link", link),
	CASE("external_data_bounds", bounds_offset),
	CASE("external_data_bounds", bounds_wrap),
	CASE("external_data_bounds", bounds_text),
	CASE("tensor_size_mismatch", bounds_length),
	CASE("external_data_missing", missing),
	CASE("external_data_key", key_object),
	CASE("external_data_key", key_twice),
	CASE("external_data_hardlink", hardlink),
	CASE("tensor_size_mismatch", size_short),
	CASE("tensor_size_mismatch", size_long),
	CASE("tensor_size_mismatch", size_none),
	CASE("tensor_size_mismatch", size_typed),
	CASE("tensor_size_mismatch", size_attribute),
	CASE("tensor_size_overflow", size_wraps),
	CASE("tensor_size_overflow", size_wraps_bytes),
	CASE("tensor_data_ambiguous", ambiguous_twice),
	CASE("tensor_data_ambiguous", ambiguous_field),
	CASE("tensor_data_ambiguous", ambiguous_strings),
	CASE("attribute_ambiguous", attribute_type),
	CASE("attribute_ambiguous", attribute_values),
	CASE("malformed", shape_out),
	CASE("negative_dimension", negative),
	CASE("unknown_data_type", type_unknown),
	CASE("unknown_data_type", type_none),
	CASE("unknown_data_type", type_negative),
	CASE("sparse_index_out_of_range", sparse_linear),
	CASE("sparse_index_out_of_range", sparse_rows),
	CASE("sparse_index_out_of_range", sparse_negative),
	CASE("sparse_shape_mismatch", sparse_shape),
	CASE("duplicate_name", twice_initializer),
	CASE("duplicate_name", twice_output),
	CASE("duplicate_name", twice_input),
	CASE("duplicate_name", twice_over_input),
	CASE("duplicate_function", function_twice),
	CASE("undefined_input", undefined),
	CASE("undefined_input", undefined_inner),
	CASE("undefined_output", undefined_result),
	CASE("cycle", cycle_two),
	CASE("cycle", cycle_self),
	CASE("cycle", cycle_inner),
	CASE("function_recursion", recursion),
	CASE("function_recursion", recursion_far),
	CASE("function_expansion", expansion),
	CASE("nested_too_deep", graphs_deep),
	CASE("nested_too_deep", types_deep),
	CASE("over_limit", name_long),
	CASE("missing_graph", graph_absent),
	CASE("repeated_field", graph_twice),
	CASE("repeated_field", attribute_twice),
	CASE("malformed", length_out),
	CASE("malformed", wire_wrong),
	CASE("malformed", group),
	CASE("truncated", cut),
	CASE("not_utf8", latin),
	CASE("not_utf8", metadata_key),
	CASE("not_utf8", metadata_value),
	CASE("ir_version", ir_negative),
	CASE("ir_version", ir_none),
	CASE("opset_version", opset_negative),
	CASE("opset_version", opset_huge),
	CASE("not_sorted", unsorted),
	CASE("unknown_domain", domain),
	CASE("native_library", library),
	CASE("shadowed_name", shadow),
	CASE("missing_opset", opset_absent),
	CASE("newer_version", ir_newer),
};

/* The rule is named, first of those that keep the model back, and says what it found; noted rules keep nothing back. */
static void test_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		RF_AUTO(str) s = STR_INIT(MAKER_BYTES);
		cases[i].make(&s);
		assert_int_equal(s.failed, 0);
		const struct model_rule *rule = model_rule_find(cases[i].rule);
		assert_non_null(rule);
		struct artifact_facts f = facts_read(&s, "x.onnx", false, &a);
		const char *kept = model_quarantine(&f);
		if (!has_rule(&f, rule->name) || !has_note(&f, rule->name) || f.finding != rule->finding ||
		    strcmp(f.cause, rule->cause) != 0 ||
		    (rule->finding == ARTIFACT_CLEAR ? kept != NULL : !kept || strcmp(kept, rule->name) != 0))
			fail_msg("%s: kept back by %s, cause %s, %s", cases[i].name, kept ? kept : "nothing", f.cause,
				 f.note_count ? f.notes[0] : "no note");
	}
}

/* By pieces everything is found too: the same rules, in the same words. */
static void test_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		RF_AUTO(str) s = STR_INIT(MAKER_BYTES), big = STR_INIT(MAKER_BYTES);
		cases[i].make(&s);
		/* a property of 40,000 bytes in front moves everything behind the head and over the pieces' ends */
		if (s.p[0] == 8) {
			size_t head = strcmp(cases[i].rule, "ir_version") == 0 ? 11 : 2;
			str_add(&big, span_bytes(s.p, head));
			put_zeros(&big, 6, 40000);
			str_add(&big, span_from(str_span(&s), head));
		} else {
			put_zeros(&big, 6, 40000);
			str_add(&big, str_span(&s));
		}
		struct artifact_facts whole = facts_read(&big, "x.onnx", false, &a);
		struct artifact_facts pieces = facts_read(&big, "x.onnx", true, &a);
		assert_true(has_rule(&pieces, cases[i].rule));
		assert_int_equal(whole.note_count, pieces.note_count);
		for (size_t n = 0; n < whole.note_count; n++)
			assert_string_equal(whole.notes[n], pieces.notes[n]);
	}
}

/* A rule without a case here is a rule that nobody has seen at work. */
static void test_table(void **state)
{
	(void)state;
	for (size_t r = 0; r < MODEL_RULE_COUNT; r++) {
		const struct model_rule *rule = &model_rules[r];
		bool found = r == MODEL_EXTERNAL_DATA_UNSEEN; /* test_unseen() */
		assert_non_null(rule->name);
		assert_ptr_equal(model_rule_find(rule->name), rule);
		assert_int_equal(rule->finding == ARTIFACT_CLEAR, rule->cause[0] == '\0');
		assert_true(rule->what[0] && rule->next[0]);
		for (size_t i = 0; i < RF_COUNT(cases); i++)
			found |= strcmp(cases[i].rule, rule->name) == 0;
		if (!found)
			fail_msg("no case for %s", rule->name);
	}
	assert_null(model_rule_find("no_such_rule"));
}

/* ── What passes ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static void typed(struct str *graph, const char *name, int64_t type, int64_t elements, uint32_t field, struct span data)
{
	struct str t = STR_INIT(MAKER_BYTES);
	tensor_head(&t, name, type, &elements, 1);
	protobuf_put_bytes(&t, field, data);
	put_inner(graph, 5, &t);
}

/* Of everything that a model may have, something that is right. */
static void everything(struct str *s)
{
	GRAPH;
	struct str inner = STR_INIT(MAKER_BYTES), attributes = STR_INIT(MAKER_BYTES);
	static const int64_t none[] = { 0, 5 }, odd[] = { 3 }, huge_but_empty[] = { INT64_MAX, INT64_MAX, 0 };
	input(&graph, "x");
	input(&graph, "w"); /* an initialiser may be an input's default */
	node(&graph, "Relu", "x", "a");
	node(&inner, "Add", "a w", "inside"); /* from around it */
	output(&inner, "inside");
	attribute(&attributes, "then_branch", 6, &inner);
	output(&inner, "a"); /* given on as it is */
	attribute(&attributes, "else_branch", 6, &inner);
	put_node(&graph, 1, "If", "", "a", "b", &attributes);
	put_node(&graph, 1, "f", "local", "b", "c", NULL);
	node(&graph, "Clip", "c  empty", "d "); /* optional ones are left out */
	initializer(&graph, "w", 1, four, 1, 16);
	initializer(&graph, "empty", 1, none, 2, 0);
	initializer(&graph, "huge", 1, huge_but_empty, 3, 0);
	initializer(&graph, "scalar", 11, NULL, 0, 8);
	initializer(&graph, "int4", 22, odd, 1, 2);
	typed(&graph, "int64", 7, 3, 7, SPAN("\1\x80\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"));
	typed(&graph, "half", 10, 2, 5, SPAN("\x80\x78\0"));
	typed(&graph, "packed int4", 22, 3, 5, SPAN("\1\2"));
	typed(&graph, "complex", 14, 1, 4, SPAN("\0\0\0\0\0\0\0\0"));
	typed(&graph, "text", 8, 1, 6, SPAN(""));
	external(&graph, "outside", 1024, "weights.bin", NULL, NULL);
	external(&graph, "outside too", 4, "./folder/weights.bin", "4080", "16");
	output(&graph, "d");
	output(&graph, "w");
	model_of(s, &graph);
	opset_of(s, 8, "local", 0); /* a domain of one's own needs no version */
	function(s, "f", "g");
	function(s, "g", "");
}

static struct artifact_beside beside_plain(void *data, const char *name)
{
	return beside(data, strcmp(name, "./folder/weights.bin") == 0 ? "folder/weights.bin" : name);
}

static void test_passes(void **state)
{
	(void)state;
	static const int64_t inside[] = { 0, 14 }, rows[] = { 0, 4, 2, 0 };
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(MAKER_BYTES), one = STR_INIT(MAKER_BYTES), two = STR_INIT(MAKER_BYTES);
	struct err err = ERR_INIT;
	struct artifact_facts f;
	everything(&s);
	struct artifact_source src = artifact_source_bytes(str_span(&s));
	src.beside = beside_plain;
	assert_ok(artifact_read(&src, SPAN("x.onnx"), 0, &a, &f, &err), &err);
	if (f.rule_count)
		fail_msg("%s: %s", f.rules[0], f.notes[0]);
	assert_int_equal(f.finding, ARTIFACT_CLEAR);
	assert_null(model_quarantine(&f));
	sparse(&one, inside, 2, 0);
	f = facts_read(&one, "x.onnx", true, &a);
	assert_int_equal(f.rule_count, 0);
	sparse(&two, rows, 2, 2);
	f = facts_read(&two, "x.onnx", true, &a);
	assert_int_equal(f.rule_count, 0);
	str_reset(&two);
	metadata_long(&two);
	f = facts_read(&two, "x.onnx", true, &a);
	assert_int_equal(f.rule_count, 0);
}

/* Where nothing can be seen beside a model, that is said, and keeps nothing back: whoever builds has the file. */
static void test_unseen(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(MAKER_BYTES);
	missing(&s);
	struct artifact_facts f = facts_of(s.p, s.n, "x.onnx", &a);
	assert_true(has_rule(&f, "external_data_unseen"));
	assert_int_equal(f.finding, ARTIFACT_CLEAR);
	assert_null(model_quarantine(&f));
}

/* A file that is cut anywhere, or has any byte changed, is never read behind its end, and never passes when it is cut
 * inside the graph. */
static void test_cut_and_changed(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(MAKER_BYTES);
	everything(&s);
	for (size_t n = 0; n < s.n; n++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct str part = { .p = s.p, .n = n };
		struct artifact_facts f = facts_read(&part, "x.onnx", false, &a);
		if (f.truncated)
			assert_non_null(model_quarantine(&f));
	}
	for (size_t at = 0; at < s.n; at++) {
		static const char changes[] = { 0, 1, 0x7f, (char)0x80, (char)0xff };
		for (size_t i = 0; i < sizeof changes; i++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			char was = s.p[at];
			s.p[at] = changes[i];
			struct artifact_facts f = facts_read(&s, "x.onnx", false, &a);
			s.p[at] = was;
			assert_int_equal(f.finding == ARTIFACT_CLEAR, f.cause[0] == '\0');
		}
	}
}

/* Functions may be called in a chain as long as the limit allows, without the machine's stack. */
static void test_long_chain(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(MAKER_BYTES);
	GRAPH;
	graph_plain(&graph);
	model_of(&s, &graph);
	for (int i = 0; i < 40000; i++) {
		char name[16], next[16];
		snprintf(name, sizeof name, "f%d", i);
		snprintf(next, sizeof next, "f%d", i + 1);
		function(&s, name, i < 39999 ? next : "f20000");
	}
	struct artifact_facts f = facts_read(&s, "x.onnx", true, &a);
	assert_string_equal(model_quarantine(&f), "function_recursion");
}

/* 36 MB of uses of one name: what they would take is refused at the limit, and said. */
static void test_memory(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(2 * MAKER_BYTES);
	GRAPH;
	struct str uses = STR_INIT(MAKER_BYTES);
	for (int i = 0; i < 12000000; i++)
		str_add(&uses, SPAN("\x0a\x01x"));
	put_inner(&graph, 1, &uses);
	input(&graph, "x");
	model_of(&s, &graph);
	assert_int_equal(s.failed, 0);
	struct artifact_facts f = facts_read(&s, "x.onnx", true, &a);
	assert_string_equal(model_quarantine(&f), "over_limit");
	assert_true(has_note(&f, "MiB of memory"));
	assert_string_equal(f.cause, ARTIFACT_CAUSE_INCOMPLETE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),       cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_table),      cmocka_unit_test(test_passes),
		cmocka_unit_test(test_unseen),     cmocka_unit_test(test_cut_and_changed),
		cmocka_unit_test(test_long_chain),  cmocka_unit_test(test_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
