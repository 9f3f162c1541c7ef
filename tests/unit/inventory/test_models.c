/* ONNX, what ONNX Runtime wrote, .ort, LFS pointers, runtime libraries: files made here, byte by byte. */
#include "reading.h"

#include "base/fs.h"
#include "base/str.h"

/* A span as a static initialiser. */
#define TEXT(s)                    \
	{                          \
		(s), sizeof(s) - 1 \
	}

/* ── ONNX ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void varint(struct str *s, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		str_add_byte(s, (char)(v | 0x80));
	str_add_byte(s, (char)v);
}

static void bytes_field(struct str *s, unsigned number, struct span value)
{
	varint(s, number << 3 | 2);
	varint(s, value.n);
	str_add(s, value);
}

static void opset(struct str *s, const char *domain, unsigned version)
{
	struct str o = STR_INIT(1024);
	if (domain[0])
		bytes_field(&o, 1, span_of(domain));
	varint(&o, 2 << 3);
	varint(&o, version);
	bytes_field(s, 8, str_span(&o));
	str_release(&o);
}

static void property(struct str *s, const char *key, struct span value)
{
	struct str p = STR_INIT(MIB);
	bytes_field(&p, 1, span_of(key));
	bytes_field(&p, 2, value);
	bytes_field(s, 14, str_span(&p));
	str_release(&p);
}

/* A model whose graph is a text of @graph_bytes. */
static void model(struct str *s, size_t graph_bytes)
{
	struct str graph = STR_INIT(8 * MIB), text = STR_INIT(8 * MIB);
	for (size_t i = 0; i < graph_bytes; i++)
		str_add_byte(&text, ' ');
	bytes_field(&graph, 10, str_span(&text));
	str_release(&text);
	varint(s, 1 << 3);
	varint(s, 8);
	bytes_field(s, 2, SPAN("tf2onnx"));
	bytes_field(s, 3, SPAN("1.12.1 b6d590"));
	bytes_field(s, 7, str_span(&graph));
	opset(s, "", 17);
	str_release(&graph);
}

static void stamp(struct str *s, const char *toolchain, const char *version)
{
	property(s, ARTIFACT_STAMP_TOOLCHAIN, span_of(toolchain));
	property(s, ARTIFACT_STAMP_VERSION, span_of(version));
	property(s, ARTIFACT_STAMP_TARGET, SPAN("linux-x86_64/cpu-avx512"));
	property(s, ARTIFACT_STAMP_RECIPE, SPAN("reading-det"));
}

static struct artifact_facts facts(const struct str *s, const char *name, struct arena *a)
{
	return facts_of(s->p, s->n, name, a);
}

static void test_plain_model(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(16 * MIB);
	model(&s, 2 * MIB);
	opset(&s, "com.microsoft", 1); /* exporters import it too: no evidence of optimisation */
	struct artifact_facts f = facts(&s, "x.onnx", &a);
	assert_string_equal(f.kind, ARTIFACT_ONNX);
	assert_null(f.product);
	assert_string_equal(f.version, ""); /* 1.12.1 is the exporter's */
	assert_int_equal(f.finding, ARTIFACT_CLEAR);
	assert_int_equal(f.ir_version, 8);
	assert_true(span_eq_text(f.producer_name, "tf2onnx"));
}

static void test_optimised(void **state)
{
	(void)state;
	static const char *const domains[] = { "com.microsoft.nchwc", "com.ms.internal.nhwc" };
	for (size_t i = 0; i < RF_COUNT(domains); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		RF_AUTO(str) s = STR_INIT(16 * MIB);
		model(&s, 100);
		opset(&s, domains[i], 1);
		struct artifact_facts f = facts(&s, "x.onnx", &a);
		assert_string_equal(f.kind, ARTIFACT_ONNXRUNTIME_OPTIMISED);
		assert_string_equal(f.product, ARTIFACT_PRODUCT_ONNXRUNTIME);
		assert_string_equal(f.version, "");
		assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
		assert_string_equal(f.cause, ARTIFACT_CAUSE_UNKNOWN_BUILDER);
	}
}

static void test_stamp(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(16 * MIB);
	model(&s, 10000);
	property(&s, "names", SPAN("{0: 'person'}"));
	stamp(&s, "onnxruntime", "1.20.1");
	struct artifact_facts f = facts(&s, "x.onnx", &a);
	assert_string_equal(f.kind, ARTIFACT_ONNXRUNTIME_OPTIMISED);
	assert_string_equal(f.version, "1.20.1");
	assert_int_equal(f.version_source, ARTIFACT_VERSION_PROVENANCE);
	assert_string_equal(f.target, "linux-x86_64/cpu-avx512");
	assert_true(span_eq_text(f.stamp.recipe, "reading-det"));
	assert_int_equal(f.finding, ARTIFACT_CLEAR);

	stamp(&s, "onnxruntime", "1.21.1"); /* a second one that differs */
	f = facts(&s, "x.onnx", &a);
	assert_int_equal(f.finding, ARTIFACT_CONFLICT);
	assert_true(has_note(&f, "stated twice: 1.20.1 and 1.21.1"));
}

static void test_strange_stamps(void **state)
{
	(void)state;
	static const struct {
		const char *toolchain, *version;
		enum artifact_finding finding;
	} rows[] = {
		{ "onnxruntime", "", ARTIFACT_CONFLICT },
		{ "onnxruntime", "1.2 0", ARTIFACT_CONFLICT },
		{ "tvm", "0.1", ARTIFACT_UNKNOWN },
		{ "onnxruntime", "1.20.1\x1b[2J", ARTIFACT_CONFLICT },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		RF_AUTO(str) s = STR_INIT(MIB);
		model(&s, 10);
		stamp(&s, rows[i].toolchain, rows[i].version);
		struct artifact_facts f = facts(&s, "x.onnx", &a);
		assert_string_equal(f.kind, ARTIFACT_ONNXRUNTIME_OPTIMISED);
		assert_string_equal(f.version, "");
		assert_int_equal(f.finding, rows[i].finding);
	}
	/* a value of 300 KiB is no stamp */
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(MIB), big = STR_INIT(MIB);
	for (size_t i = 0; i < 300 * KIB; i++)
		str_add_byte(&big, '1');
	model(&s, 10);
	property(&s, ARTIFACT_STAMP_VERSION, str_span(&big));
	struct artifact_facts f = facts(&s, "x.onnx", &a);
	assert_int_equal(f.finding, ARTIFACT_CONFLICT);
}

/* Cut anywhere: never a clean plain model once the graph is cut, never a crash. Other files with a like start are not
 * ONNX. */
static void test_onnx_cut(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(MIB);
	model(&s, 300);
	stamp(&s, "onnxruntime", "1.20.1");
	for (size_t n = 0; n < s.n; n++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct artifact_facts f = facts_of(s.p, n, "x.onnx", &a);
		if (strcmp(f.kind, ARTIFACT_ONNX) == 0 && f.truncated)
			assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
	}
	static const struct span others[] = { TEXT("\x08\x08\x12\x7f"
						   "abc"),
					      TEXT("\x08\x01 plain text follows"),
					      TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") };
	for (size_t i = 0; i < RF_COUNT(others); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		assert_string_equal(facts_of(others[i].p, others[i].n, "x.bin", &a).kind, ARTIFACT_OTHER);
	}
}

/* Any number of fields, of entries' fields, of reasons for a note: read within the arena of one file, and never silent
 * about what was not looked at. The rest of a scan must not die of one file. */
static void test_onnx_crowds(void **state)
{
	(void)state;
	enum { PRODUCERS, OPSETS, DOMAINS, KEYS, STAMPS, FIELDS, ENTRY };
	for (int crowd = PRODUCERS; crowd <= ENTRY; crowd++) {
		RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
		RF_AUTO(str) s = STR_INIT(16 * MIB), entry = STR_INIT(8 * MIB);
		char text[65];
		model(&s, 10);
		for (int i = 0; i < (crowd == FIELDS ? 60000 : 20000); i++) {
			snprintf(text, sizeof text, "%0*d", crowd == KEYS ? 60 : 20, i);
			if (crowd == PRODUCERS)
				bytes_field(&s, 2, span_of(text));
			else if (crowd == OPSETS)
				opset(&s, "a.domain.of.some.length", 1);
			else if (crowd == DOMAINS)
				bytes_field(&entry, 1, SPAN("com.microsoft.nchwc"));
			else if (crowd == STAMPS)
				property(&s, ARTIFACT_STAMP_VERSION, span_of(text));
			else if (crowd == ENTRY)
				bytes_field(&entry, 3, SPAN_NONE);
			else
				property(&s, text, SPAN("value"));
		}
		if (crowd == DOMAINS || crowd == ENTRY)
			bytes_field(&s, crowd == DOMAINS ? 8 : 14, str_span(&entry));
		struct artifact_facts f = facts(&s, "x.bin", &a);
		assert_string_not_equal(f.kind, ARTIFACT_OTHER);
		if (crowd == PRODUCERS)
			assert_true(span_eq_text(f.producer_name, "00000000000000019999"));
		if (crowd >= STAMPS)
			assert_int_not_equal(f.finding, ARTIFACT_CLEAR);
	}
}

/* Behind version and graph, what other readers step over or refuse: still a model, and what follows is not known. */
static void test_onnx_strange_tail(void **state)
{
	(void)state;
	static const struct span tails[] = { TEXT("\xfb\x3f\xfc\x3f"),
					     TEXT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
					     TEXT("\0\0\0\0") };
	for (size_t i = 0; i < RF_COUNT(tails); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		RF_AUTO(str) s = STR_INIT(MIB);
		model(&s, 10);
		str_add(&s, tails[i]);
		stamp(&s, "onnxruntime", "1.20.1");
		struct artifact_facts f = facts(&s, "x.bin", &a);
		assert_string_equal(f.kind, ARTIFACT_ONNX);
		assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
	}
}

/* ── .ort ────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void u16s(struct str *s, const uint16_t *v, size_t n)
{
	unsigned char b[2];
	for (size_t i = 0; i < n; i++) {
		put_le16(b, v[i]);
		str_add(s, span_bytes(b, 2));
	}
}

static void u32(struct str *s, uint32_t v)
{
	unsigned char b[4];
	put_le32(b, v);
	str_add(s, span_bytes(b, 4));
}

/* Offsets point forward from where they stand. */
static void link_to_end(struct str *s, size_t at)
{
	put_le32(s->p + at, (uint32_t)(s->n - at));
}

static void flat_string_add(struct str *s, const char *text)
{
	u32(s, (uint32_t)strlen(text));
	str_add(s, span_bytes(text, strlen(text) + 1));
	while (s->n % 4)
		str_add_byte(s, 0);
}

/* Session, model, metadata pairs, each table behind its vtable. */
static void ort(struct str *s, const char *const (*pairs)[2], uint32_t n)
{
	static const uint16_t session[] = { 8, 12, 4, 8 }, empty[] = { 4, 4 };
	static const uint16_t model_table[] = { 24, 24, 16, 0, 4, 0, 0, 0, 0, 12, 0, 8 };
	u32(s, 16);
	str_add(s, SPAN("ORTM"));
	u16s(s, session, RF_COUNT(session)); /* 8 */
	u32(s, 8);
	u32(s, 0);
	u32(s, 0);                                   /* 16 */
	u16s(s, model_table, RF_COUNT(model_table)); /* 28 */
	link_to_end(s, 24);
	u32(s, 24);
	for (int i = 0; i < 3; i++)
		u32(s, 0); /* 52 */
	u32(s, 8);         /* IR version */
	u32(s, 0);
	u16s(s, session, RF_COUNT(session)); /* 76: of the pairs */
	u16s(s, empty, RF_COUNT(empty));     /* 84: of the graph */
	link_to_end(s, 64);
	u32(s, 4);
	link_to_end(s, 20);
	flat_string_add(s, "6");
	link_to_end(s, 56);
	flat_string_add(s, "tf2onnx");
	link_to_end(s, 60);
	u32(s, n);
	size_t vector = s->n;
	for (uint32_t i = 0; i < n; i++)
		u32(s, 0);
	for (uint32_t i = 0; i < n; i++) {
		link_to_end(s, vector + 4 * i);
		size_t at = s->n;
		u32(s, (uint32_t)(at - 76));
		u32(s, 0);
		u32(s, 0);
		link_to_end(s, at + 4);
		flat_string_add(s, pairs[i][0]);
		link_to_end(s, at + 8);
		flat_string_add(s, pairs[i][1]);
	}
}

static const char *const stamped[][2] = {
	{ "names", "{}" },
	{ ARTIFACT_STAMP_TOOLCHAIN, "onnxruntime" },
	{ ARTIFACT_STAMP_VERSION, "1.18.0" },
	{ ARTIFACT_STAMP_TARGET, "linux-x86_64/cpu-avx2" },
};

static void test_ort(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(MIB), bare = STR_INIT(MIB);
	ort(&s, stamped, RF_COUNT(stamped));
	struct artifact_facts f = facts(&s, "x.ort", &a);
	assert_string_equal(f.kind, ARTIFACT_ONNXRUNTIME_ORT);
	assert_string_equal(f.version, "1.18.0");
	assert_int_equal(f.version_source, ARTIFACT_VERSION_PROVENANCE);
	assert_string_equal(f.target, "linux-x86_64/cpu-avx2");
	assert_int_equal(f.finding, ARTIFACT_CLEAR);
	assert_true(has_note(&f, "ORT format version 6"));
	ort(&bare, stamped, 1);
	f = facts(&bare, "x.ort", &a);
	assert_string_equal(f.product, ARTIFACT_PRODUCT_ONNXRUNTIME);
	assert_string_equal(f.version, ""); /* never the format's 6 */
	assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
}

static void test_ort_damage(void **state)
{
	(void)state;
	RF_AUTO(str) s = STR_INIT(MIB);
	ort(&s, stamped, RF_COUNT(stamped));
	for (size_t n = 8; n < s.n; n++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct artifact_facts f = facts_of(s.p, n, "x.ort", &a);
		assert_string_equal(f.kind, ARTIFACT_ONNXRUNTIME_ORT);
	}
	for (size_t at = 0; at + 4 <= s.n; at++) {
		static const uint32_t lies[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
		for (size_t i = 0; i < RF_COUNT(lies); i++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			uint32_t was = le32(s.p + at);
			put_le32(s.p + at, lies[i]);
			struct artifact_facts f = facts_of(s.p, s.n, "x.ort", &a);
			put_le32(s.p + at, was);
			assert_true((f.version[0] == '\0') == (f.version_source == ARTIFACT_VERSION_UNKNOWN));
		}
	}
}

/* ── LFS, names, libraries ───────────────────────────────────────────────────────────────────────────────────────── */

#define OID "oid sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"

static void test_lfs(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name;
		enum artifact_finding finding;
		uint64_t size;
	} rows[] = {
		{ "version https://git-lfs.github.com/spec/v1\n" OID "size 12345\n", "model.plan", ARTIFACT_UNKNOWN,
		  12345 },
		{ "version https://git-lfs.github.com/spec/v1\n" OID "size 12345\n", "photo.png", ARTIFACT_CLEAR,
		  12345 },
		{ "version https://git-lfs.github.com/spec/v1\next-0-x sha256:00\n" OID "size 1\n", "photo.png",
		  ARTIFACT_CLEAR, 1 },
		{ "version https://git-lfs.github.com/spec/v1\n" OID, "photo.png", ARTIFACT_UNKNOWN, 0 },
		{ "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 1\n", "photo.png", ARTIFACT_UNKNOWN,
		  1 },
		{ "version https://git-lfs.github.com/spec/v1\n" OID "size 99999999999999999999999\n", "a",
		  ARTIFACT_UNKNOWN, 0 },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct artifact_facts f = facts_of(rows[i].text, strlen(rows[i].text), rows[i].name, &a);
		assert_string_equal(f.kind, ARTIFACT_LFS_POINTER);
		assert_int_equal(f.finding, rows[i].finding);
		assert_int_equal(f.declared_size, rows[i].size);
	}
}

static void test_names(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool engine;
	} rows[] = {
		{ "a.plan", true },        { "A.ENGINE", true }, { "a.trt", true }, { "model.plan.rank0", true },
		{ "rank12.engine", true }, { ".plan", false },   { "plan", false }, { "a.plan.bak", false },
		{ "a.rankx", false },      { "", false },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		assert_int_equal(artifact_named_like_engine(span_of(rows[i].name)), rows[i].engine);
}

static void test_merely_named(void **state)
{
	(void)state;
	static const struct {
		struct span bytes;
		enum artifact_finding finding;
	} rows[] = {
		{ TEXT("%syntax-version=1.0.0\n%project=flipr\n"), ARTIFACT_CLEAR },
		{ TEXT("{\"fileType\": \"Plan\", \"mission\": {}}"), ARTIFACT_CLEAR },
		{ TEXT("GAME\x01\x02\x03\x04\x05"), ARTIFACT_UNKNOWN },
		{ TEXT(""), ARTIFACT_UNKNOWN },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct artifact_facts f = facts_of(rows[i].bytes.p, rows[i].bytes.n, "x.plan", &a);
		assert_string_equal(f.kind, ARTIFACT_OTHER);
		assert_int_equal(f.finding, rows[i].finding);
		assert_true(f.note_count > 0);
	}
}

/* A shared object of one variable, made by the linker with the SONAME and symbol versions of ONNX Runtime's. */
static void test_runtime_library(void **state)
{
	(void)state;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) s = STR_INIT(MIB);
	struct err err = ERR_INIT;
	assert_ok(fs_read("tests/fuzz/seeds/artifact_runtime/libonnxruntime.so.1", &s, &err), &err);
	struct artifact_facts f = facts(&s, "libonnxruntime.so.1", &a);
	assert_string_equal(f.kind, ARTIFACT_RUNTIME_LIBRARY);
	assert_string_equal(f.product, ARTIFACT_PRODUCT_ONNXRUNTIME);
	assert_string_equal(f.version, "1.20.1");
	assert_int_equal(f.version_source, ARTIFACT_VERSION_PACKAGE);
	for (size_t n = 0; n < s.n; n++) {
		struct arena cut = ARENA_INIT(MIB);
		(void)facts_of(s.p, n, "libonnxruntime.so.1", &cut);
		arena_release(&cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_model),
		cmocka_unit_test(test_optimised),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_strange_stamps),
		cmocka_unit_test(test_onnx_cut),
		cmocka_unit_test(test_onnx_crowds),
		cmocka_unit_test(test_onnx_strange_tail),
		cmocka_unit_test(test_ort),
		cmocka_unit_test(test_ort_damage),
		cmocka_unit_test(test_lfs),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_merely_named),
		cmocka_unit_test(test_runtime_library),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
