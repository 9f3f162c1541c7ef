/* The body of an archive, item by item: real ones to their last byte, and every length that lies, wherever it stands. */
#include "reading.h"

#include "base/fs.h"
#include "base/str.h"

/* The name of each real file. */
static void each_real(void (*visit)(const char *name, const struct str *bytes, void *data), void *data)
{
	const char *folder = testing_shared_data();
	RF_AUTO(str) table = STR_INIT(MIB);
	struct err err = ERR_INIT;
	char path[FS_PATH_MAX], name[256];
	struct span rest, line, column;
	snprintf(path, sizeof path, "%s/engines/expected.csv", folder);
	assert_ok(fs_read(path, &table, &err), &err);
	rest = str_span(&table);
	assert_true(span_line(&rest, &line));
	while (span_line(&rest, &line) && line.n) {
		RF_AUTO(str) bytes = STR_INIT(8 * MIB);
		assert_true(span_split(&line, ',', &column));
		snprintf(name, sizeof name, "%.*s", SPAN_ARG(column));
		snprintf(path, sizeof path, "%s/engines/%s", folder, name);
		assert_ok(fs_read(path, &bytes, &err), &err);
		visit(name, &bytes, data);
	}
}


/* Every item of every real archive has a form that is known: the walk ends with the archive. */
static void walked(const char *name, const struct str *bytes, void *data)
{
	size_t *archives = data;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct artifact_facts f = facts_of(bytes->p, bytes->n, name, &a);
	for (size_t i = 0; i < f.evidence_count; i++) {
		unsigned long long at, end;
		if (strcmp(f.evidence[i].what, "items of the archive") != 0)
			continue;
		assert_int_equal(sscanf(f.evidence[i].value, "read up to offset %llu of %llu", &at, &end), 2);
		if (at != end)
			fail_msg("%s: %s", name, f.evidence[i].value);
		++*archives;
	}
}

static void test_real(void **state)
{
	(void)state;
	size_t archives = 0;
	if (!testing_shared_data())
		skip();
	each_real(walked, &archives);
	assert_int_equal(archives, 35); /* of 36: the flatbuffer of 5.x is none */
}

/* Cut anywhere behind its headers, a real file is cut, and nothing else. */
static void cut(const char *name, const struct str *bytes, void *data)
{
	size_t *cuts = data;
	for (size_t part = 1; part < 8; part++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		size_t n = bytes->n * part / 8;
		struct artifact_facts whole = facts_of(bytes->p, bytes->n, name, &a), f = facts_of(bytes->p, n, name, &a);
		if (span_starts(span_of(whole.layout), "flatbuffer"))
			return; /* its tables lie anywhere */
		if (f.finding != ARTIFACT_CONFLICT || f.rule_count != 1 || !has_rule(&f, "truncated"))
			fail_msg("%s, %zu of %zu: first rule %s", name, n, bytes->n, f.rule_count ? f.rules[0] : "none");
		assert_string_equal(f.version, whole.version);
		++*cuts;
	}
}

static void test_cut(void **state)
{
	(void)state;
	size_t cuts = 0;
	if (!testing_shared_data())
		skip();
	each_real(cut, &cuts);
	assert_int_equal(cuts, 35 * 7);
}

/* ── A changed word at 0x144, the place of a public proof of concept ────────────────────────────────────────────── */

/* What stands there, by file; "" the bytes of weights, of a text or of a key, which may be any. */
static const struct {
	const char *name, *rule;
} at_144[] = {
	{ "04-10.15.1.29-model.engine", "length_past_end" }, /* a run of bytes */
	{ "22-8.5.1.7-example.engine", "length_past_end" },  /* the engine's name */
	{ "34-6.0.1.10-det2.engine", "length_past_end" },    /* an array */
	{ "40-8.0.1.6-model.plan", "length_past_end" },      /* the engine's name */
	{ "09-10.0.1.6-model-Dim1.plan", "item_malformed" }, /* the type of a number */
	{ "30-8.6.1.6-model.plan", "item_malformed" },
	{ "21-7.1.3.4-model.plan", "item_malformed" },
	{ "00-7.1.3.0-det2.engine", "checksum_mismatch" }, /* a number */
	{ "29-8.0.1.6-det3.engine", "checksum_mismatch" }, /* weights */
	{ "08-10.5.0.18-sampleMNIST.engine", "" },         /* weights, from here on */
	{ "14-8.2.1.9-model_light.engine", "" },
	{ "27-10.0.1.6-mnist.engine", "" },
	{ "44-8.6.1.6-model.trt", "" },
	{ "42-5.0.2.6-model.plan", "" }, /* a layer's name */
	{ "43-none-timing.cache", "" },
};

static void poked(const char *name, const struct str *bytes, void *data)
{
	size_t *seen = data;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	for (size_t i = 0; i < RF_COUNT(at_144); i++) {
		if (strcmp(at_144[i].name, name) != 0)
			continue;
		put_le32((unsigned char *)bytes->p + 0x144, 0x41414141);
		struct artifact_facts f = facts_of(bytes->p, bytes->n, name, &a);
		if (at_144[i].rule[0] ? !has_rule(&f, at_144[i].rule) : f.rule_count > 0)
			fail_msg("%s: first rule %s, not %s", name, f.rule_count ? f.rules[0] : "none", at_144[i].rule);
		++*seen;
	}
}

static void test_at_144(void **state)
{
	(void)state;
	size_t seen = 0;
	if (!testing_shared_data())
		skip();
	each_real(poked, &seen);
	assert_int_equal(seen, RF_COUNT(at_144));
}

/* ── Every text ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static const unsigned char text_forms[][6] = {
	{ 0x01, 0x80, 0x0c, 0x80, 0x01, 0x00 }, /* P3, P4 */
	{ 0x01, 0x00, 0x0c, 0x00, 0x01, 0x00 }, /* P2 */
	{ 0x01, 0x00, 0x0d, 0x00, 0x01, 0x00 }, /* P1 */
};

static bool is_text(const unsigned char *p)
{
	for (size_t i = 0; i < RF_COUNT(text_forms); i++)
		if (memcmp(p, text_forms[i], sizeof text_forms[i]) == 0)
			return true;
	return false;
}

static void lengths_poked(const char *name, const struct str *bytes, void *data)
{
	static const uint64_t values[] = { UINT64_MAX, (uint64_t)1 << 63, (uint64_t)1 << 40 };
	size_t *texts = data;
	unsigned char *p = (unsigned char *)bytes->p;
	size_t n = 0;
	for (size_t at = 0; at + 14 < bytes->n; at++) {
		/* the first ones, and some of those that follow */
		if (!is_text(p + at) || (n++ >= 8 && n % 97 != 0))
			continue;
		uint64_t was = le64(p + at + 6);
		for (size_t i = 0; i < RF_COUNT(values); i++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			struct err err = ERR_INIT;
			struct artifact_facts f;
			struct artifact_source src = artifact_source_bytes(str_span(bytes));
			put_le64(p + at + 6, values[i]);
			assert_ok(artifact_read(&src, span_of(name), 0, &a, &f, &err), &err);
			if (!has_rule(&f, "length_past_end"))
				fail_msg("%s: a length at %zu of %llx is not refused", name, at + 6,
					 (unsigned long long)values[i]);
		}
		put_le64(p + at + 6, was);
		++*texts;
	}
}

static void test_every_text(void **state)
{
	(void)state;
	size_t texts = 0;
	if (!testing_shared_data())
		skip();
	each_real(lengths_poked, &texts);
	assert_true(texts > 250);
}

/* ── Timing caches ───────────────────────────────────────────────────────────────────────────────────────────────── */

static size_t put_cache(unsigned char *p)
{
	static const unsigned char body[] = "\x18\x80\x01\0\x06\0\0\0\0\0\0\0\x01\x80\x0c\x80\x01\0\x06\0\0\0\0\0\0\0"
					    "format"
					    "\x01\x80\x03\x80\x01\0\x04\0\0\0\0\0\0\0"
					    "abcd"
					    "\x07\x80\x01\0\x01\0\0";
	memset(p, 0, 24);
	memcpy(p, "ptrt", 4);
	put_le32(p + 8, 236);
	put_le64(p + 16, sizeof body);
	memcpy(p + 24, body, sizeof body);
	return 24 + sizeof body;
}

static void test_caches(void **state)
{
	(void)state;
	static const struct {
		size_t at;
		uint64_t value;
		const char *rule;
	} lies[] = {
		{ 16, 1000, "truncated" },
		{ 16, 8, "size_mismatch" },
		{ 16, UINT64_MAX, "size_impossible" },
		{ 24 + 4, UINT64_MAX, "length_past_end" },
		{ 24 + 4, 7, "length_mismatch" },
		{ 24 + 18, 1 << 20, "length_past_end" },
		{ 24 + 32 + 6, (uint64_t)1 << 63, "length_past_end" },
	};
	for (size_t i = 0; i <= RF_COUNT(lies); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		unsigned char cache[256];
		size_t n = put_cache(cache);
		if (i < RF_COUNT(lies))
			put_le64(cache + lies[i].at, lies[i].value);
		struct artifact_facts f = facts_of(cache, n, "x.cache", &a);
		assert_string_equal(f.kind, ARTIFACT_TENSORRT_TIMING_CACHE);
		if (i < RF_COUNT(lies) ? !has_rule(&f, lies[i].rule) : f.rule_count != 0)
			fail_msg("row %zu: first rule %s", i, f.rule_count ? f.rules[0] : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_at_144),
		cmocka_unit_test(test_every_text),
		cmocka_unit_test(test_caches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
