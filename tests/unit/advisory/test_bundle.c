/* A bundle's manifest and headers; whole bundles are tests/e2e/test_feed_bundle.py's. */
#include "testing.h"

#include "advisory/bundle.h"

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B64 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEAD(format) "{\"reforge_bundle\":" format ",\"site\":\"s\",\"created_at\":\"2026-07-20T00:00:00Z\"," \
	"\"expires_at\":\"2026-07-27T00:00:00Z\",\"as_of\":null,\"documents\":["
#define ENTRY(name, digest, bytes, feed, tlp) "{\"name\":\"" name "\",\"sha256\":\"" digest "\",\"bytes\":" bytes \
	",\"feed\":\"" feed "\",\"source\":\"x\",\"tlp\":\"" tlp "\",\"imported_at\":null}"
#define A ENTRY("documents/" A64, A64, "1", "nvd", "clear")
#define B ENTRY("documents/" B64, B64, "33554432", "nvd", "red")

static void manifests(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int rc;
		size_t count;
	} CASES[] = {
		{ HEAD("1") "]}", 0, 0 },
		{ HEAD("1") A "," B "]}", 0, 2 },
		{ "{}", RF_EFORMAT, 0 },
		{ "[]", RF_EFORMAT, 0 },
		{ HEAD("2") "]}", RF_EUNSUPPORTED, 0 },
		{ HEAD("1") A "," A "]}", RF_EFORMAT, 0 },
		{ HEAD("1") B "," A "]}", RF_EFORMAT, 0 },
		{ HEAD("1") "7]}", RF_EFORMAT, 0 },
		{ HEAD("1") ENTRY("../" A64, A64, "1", "nvd", "clear") "]}", RF_EFORMAT, 0 },
		{ HEAD("1") ENTRY("documents/" B64, A64, "1", "nvd", "clear") "]}", RF_EFORMAT, 0 },
		{ HEAD("1") ENTRY("documents/" A64, A64, "0", "nvd", "clear") "]}", RF_EFORMAT, 0 },
		{ HEAD("1") ENTRY("documents/" A64, A64, "-1", "nvd", "clear") "]}", RF_EFORMAT, 0 },
		{ HEAD("1") ENTRY("documents/" A64, A64, "33554433", "nvd", "clear") "]}", RF_ETOOBIG, 0 },
		{ HEAD("1") ENTRY("documents/" A64, A64, "1", "n\\u001b", "clear") "]}", RF_EFORMAT, 0 },
		{ HEAD("1") ENTRY("documents/" A64, A64, "1", "nvd", "pink") "]}", RF_EFORMAT, 0 },
	};
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	for (size_t i = 0; i < RF_COUNT(CASES); i++) {
		struct arena a = ARENA_INIT(MIB);
		struct bundle_manifest m;
		struct json root;
		assert_int_equal(json_parse(doc, span_of(CASES[i].text), &root, NULL), 0);
		int rc = bundle_manifest_read(&a, root, &m, NULL);
		if (rc != CASES[i].rc || (!rc && m.count != CASES[i].count))
			fail_msg("case %zu: %d", i, rc);
		arena_release(&a);
	}
}

static void written_and_read(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(MIB);
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) text = STR_INIT(MIB);
	struct bundle_entry e = { .bytes = 5, .feed = SPAN("nvd"), .source = SPAN("a \"b\""), .tlp = TLP_AMBER_STRICT, .imported = 7 };
	struct bundle_manifest m = { .site = SPAN("s"), .created = 1, .expires = 2, .as_of = USEC_NONE, .entries = &e, .count = 1 };
	struct bundle_manifest back;
	struct json root;
	digest_of(SPAN("hello"), &e.digest);
	bundle_manifest_write(&m, TLP_RED, &text);
	assert_int_equal(json_parse(doc, str_span(&text), &root, NULL), 0);
	assert_int_equal(bundle_manifest_read(&a, root, &back, NULL), 0);
	assert_true(back.created == 1 && back.expires == 2 && back.as_of == USEC_NONE && back.count == 1);
	assert_true(digest_eq(&back.entries[0].digest, &e.digest) && back.entries[0].bytes == 5 && back.entries[0].imported == 7);
	assert_true(back.entries[0].tlp == TLP_AMBER_STRICT && span_eq(back.entries[0].source, e.source));
	arena_release(&a);
}

/* The sum of a header as tar programs take it: all bytes, its own field as blanks. */
static void headers(void **state)
{
	(void)state;
	unsigned char h[BUNDLE_BLOCK];
	unsigned sum = 0;
	bundle_header("manifest.json", 0777, h);
	for (size_t i = 0; i < sizeof h; i++)
		sum += i >= 148 && i < 156 ? ' ' : h[i];
	assert_string_equal((char *)h, "manifest.json");
	assert_string_equal((char *)h + 124, "00000000777");
	assert_int_equal(strtoul((char *)h + 148, NULL, 8), sum);
	assert_true(!memcmp(h + 257, "ustar\00000", 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifests),
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(headers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
