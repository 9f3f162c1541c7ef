/* The rules of models in .ort files: the same names, from a flatbuffer. */
#include "ort_maker.h"
#include "reading.h"

#include "inventory/model.h"

static const int64_t four[] = { 4 };

/* x -> Relu -> y, with room for @nodes nodes and @tensors initialisers more; returns their first slots. */
struct slots {
	size_t nodes, tensors;
};
static struct slots plain(struct str *s, const char *inputs, const char *outputs, size_t nodes, size_t tensors)
{
	struct slots ret;
	struct ort_table g = ort_begin(s);
	ort_names(s, g.slots[5], inputs);
	ort_names(s, g.slots[6], outputs);
	ret.tensors = ort_vector(s, g.slots[0], tensors);
	ret.nodes = ort_vector(s, g.slots[2], nodes + 1);
	ort_node(s, ret.nodes, "Relu", "x", "y", NULL);
	ret.nodes += 4;
	return ret;
}

static void good(struct str *s)
{
	struct slots t = plain(s, "x w", "z", 1, 2);
	ort_tensor(s, t.tensors, "w", 1, four, 1, 16);
	ort_tensor(s, t.tensors + 4, "half", 10, four, 1, 8);
	ort_node(s, t.nodes, "com.microsoft.nchwc:Conv", "y w half", "z", NULL);
}

static void one_tensor(struct str *s, int32_t type, int64_t dim, size_t raw)
{
	struct slots t = plain(s, "x", "y", 0, 1);
	ort_tensor(s, t.tensors, "w", type, &dim, 1, raw);
}

static void size_short(struct str *s)
{
	one_tensor(s, 1, 4, 12);
}

static void size_huge(struct str *s)
{
	one_tensor(s, 11, INT64_MAX / 4, 8);
}

static void negative(struct str *s)
{
	one_tensor(s, 1, -4, 16);
}

static void type_unknown(struct str *s)
{
	one_tensor(s, 77, 4, 16);
}

static void type_overlong_strings(struct str *s)
{
	one_tensor(s, 8, 4, 16);
}

static void twice(struct str *s)
{
	struct slots t = plain(s, "x", "y", 1, 0);
	ort_node(s, t.nodes, "Sigmoid", "x", "y", NULL);
}

static void undefined(struct str *s)
{
	struct slots t = plain(s, "x", "y", 1, 0);
	ort_node(s, t.nodes, "Add", "y nothing", "z", NULL);
}

static void undefined_result(struct str *s)
{
	(void)plain(s, "x", "nothing", 0, 0);
}

static void cycle(struct str *s)
{
	struct slots t = plain(s, "x", "a", 2, 0);
	ort_node(s, t.nodes, "Add", "y b", "a", NULL);
	ort_node(s, t.nodes + 4, "Relu", "a", "b", NULL);
}

static void domain(struct str *s)
{
	struct slots t = plain(s, "x", "z", 1, 0);
	ort_node(s, t.nodes, "org.example:Frobnicate", "y", "z", NULL);
}

static void not_text(struct str *s)
{
	struct slots t = plain(s, "x", "y", 1, 0);
	ort_node(s, t.nodes, "Relu", "y", "caf\xe9", NULL);
}

static void graph_absent(struct str *s)
{
	ort_u32(s, 0);
	str_add(s, SPAN("ORTM"));
	struct ort_table session = ort_table(s, 0, 1u << 1, 0);
	struct ort_table model = ort_table(s, session.slots[1], 1u, 1);
	put_le64(s->p + model.slots[0], 8);
}

static void offset_out(struct str *s)
{
	struct slots t = plain(s, "x", "y", 1, 0);
	put_le32(s->p + t.nodes, 0x7ffffff0);
}

static void string_out(struct str *s)
{
	struct slots t = plain(s, "x", "y", 1, 0);
	ort_node(s, t.nodes, "Relu", "y", "z", NULL);
	s->n -= 4; /* the last string ends behind the file */
}

/* A graph in an attribute of a node of a graph ... */
static void deep(struct str *s)
{
	struct ort_table g = ort_begin(s);
	for (int i = 0; i <= MODEL_MAX_SUBGRAPH_DEPTH; i++) {
		size_t attributes, nodes = ort_vector(s, g.slots[2], 1);
		ort_names(s, g.slots[5], i ? "" : "x");
		ort_names(s, g.slots[6], "x");
		ort_vector(s, g.slots[0], 0);
		ort_node(s, nodes, "If", "x", "", &attributes);
		size_t attribute = ort_vector(s, attributes, 1);
		struct ort_table a = ort_table(s, attribute, 1u << 7, 0);
		g = ort_table(s, a.slots[7], 1u | 1u << 2 | 1u << 5 | 1u << 6, 0);
	}
}

/* 3,000 nodes that all are the same table, with 3,000 attributes that all are the same one: nine million in 40 KB. */
static void shared(struct str *s)
{
	struct ort_table g = ort_begin(s);
	enum { TIMES = 3000 };
	ort_names(s, g.slots[5], "x");
	ort_names(s, g.slots[6], "x");
	ort_vector(s, g.slots[0], 0);
	size_t nodes = ort_vector(s, g.slots[2], TIMES), attributes;
	ort_node(s, nodes, "Relu", "x", "", &attributes);
	size_t node = nodes + le32(s->p + nodes);
	for (size_t i = 1; i < TIMES; i++)
		put_le32(s->p + nodes + 4 * i, (uint32_t)(node - (nodes + 4 * i)));
	size_t first = ort_vector(s, attributes, TIMES);
	struct ort_table a = ort_table(s, first, 1u, 0);
	ort_string(s, a.slots[0], SPAN("axis"));
	for (size_t i = 1; i < TIMES; i++)
		put_le32(s->p + first + 4 * i, (uint32_t)(a.at - (first + 4 * i)));
}

static const struct {
	void (*make)(struct str *s);
	const char *name, *rule; /* NULL: passes */
} cases[] = {
	{ good, "good", NULL },
	{ size_short, "size_short", "tensor_size_mismatch" },
	{ size_huge, "size_huge", "tensor_size_overflow" },
	{ negative, "negative", "negative_dimension" },
	{ type_unknown, "type_unknown", "unknown_data_type" },
	{ type_overlong_strings, "type_overlong_strings", "tensor_data_ambiguous" },
	{ twice, "twice", "duplicate_name" },
	{ undefined, "undefined", "undefined_input" },
	{ undefined_result, "undefined_result", "undefined_output" },
	{ cycle, "cycle", "cycle" },
	{ domain, "domain", "unknown_domain" },
	{ not_text, "not_text", "not_utf8" },
	{ graph_absent, "graph_absent", "missing_graph" },
	{ offset_out, "offset_out", "malformed" },
	{ string_out, "string_out", "malformed" },
	{ deep, "deep", "nested_too_deep" },
	{ shared, "shared", "malformed" },
};

static void test_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		RF_AUTO(str) s = STR_INIT(ORT_BYTES);
		cases[i].make(&s);
		struct artifact_facts f = facts_of(s.p, s.n, "x.ort", &a);
		const struct model_rule *rule = cases[i].rule ? model_rule_find(cases[i].rule) : NULL;
		const char *kept = model_quarantine(&f), *wanted = rule && rule->finding ? rule->name : NULL;
		bool named = !rule;
		assert_string_equal(f.kind, ARTIFACT_ONNXRUNTIME_ORT);
		for (size_t r = 0; r < f.rule_count && rule; r++)
			named |= strcmp(f.rules[r], rule->name) == 0;
		if (!named || (kept && !wanted) || (!kept && wanted) || (kept && strcmp(kept, wanted) != 0))
			fail_msg("%s: kept back by %s, not %s; %s", cases[i].name, kept ? kept : "nothing",
				 wanted ? wanted : "nothing", f.note_count > 1 ? f.notes[1] : "");
	}
}

static int span_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct span part = span_sub(*(const struct span *)data, (size_t)offset, n);
	if (part.n)
		memcpy(buffer, part.p, part.n);
	*ret_n = part.n;
	return 0;
}

/* From a file, of which a head is at hand, it is the same. */
static void test_from_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		RF_AUTO(str) s = STR_INIT(ORT_BYTES);
		struct err err = ERR_INIT;
		struct artifact_facts f;
		cases[i].make(&s);
		struct span all = str_span(&s);
		struct artifact_source src = { .pread = span_pread, .data = &all, .size = all.n, .head = span_sub(all, 0, 64) };
		assert_ok(artifact_read(&src, SPAN("x.ort"), 0, &a, &f, &err), &err);
		struct artifact_facts memory = facts_of(s.p, s.n, "x.ort", &a);
		assert_int_equal(f.note_count, memory.note_count);
		for (size_t n = 0; n < f.note_count; n++)
			assert_string_equal(f.notes[n], memory.notes[n]);
	}
}

/* Any byte, any offset changed: nothing is read that is not there, and it comes to an end. */
static void test_changed(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(ORT_BYTES);
	good(&s);
	for (size_t n = 8; n < s.n; n++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		assert_non_null(facts_of(s.p, n, "x.ort", &a).kind);
	}
	for (size_t at = 0; at + 4 <= s.n; at++) {
		static const uint32_t lies[] = { 0, 1, 4, 0x7fffffff, 0x80000000, 0xffffffff };
		for (size_t i = 0; i < RF_COUNT(lies); i++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			uint32_t was = le32(s.p + at);
			put_le32(s.p + at, lies[i]);
			struct artifact_facts f = facts_of(s.p, s.n, "x.ort", &a);
			put_le32(s.p + at, was);
			assert_int_equal(f.finding == ARTIFACT_CLEAR, f.cause[0] == '\0');
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_each), cmocka_unit_test(test_from_file),
					     cmocka_unit_test(test_changed) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
