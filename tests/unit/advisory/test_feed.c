/* Feeds: what is pure of them. Listings, pages, hashes, health. tests/e2e/test_feed_sync.py has the rest. */
#include "testing.h"

#include "advisory/feed_int.h"
#include "advisory/sync_folder.h"
#include "advisory/sync_index.h"
#include "advisory/sync_nvd.h"

/* ---------------------------------------------------------------- NVD's pages */

static const struct {
	const char *page;
	int64_t start, asked;
	int rc;
} PAGES[] = {
	{ "2,0,2,[{\"cve\":{\"id\":\"A\"}},{\"cve\":{\"id\":\"B\"}}]", 0, 100, 0 },
	{ "2000,0,2,[{\"cve\":{\"id\":\"A\"}},{\"cve\":{\"id\":\"B\"}}]", 0, 2000, 0 },
	{ "0,0,0,[]", 0, 100, 0 },
	{ "0,5,5,[]", 5, 100, 0 },                                                  /* behind the end */
	{ "1,0,9,[{\"cve\":{\"id\":\"A\"}}]", 0, 100, 0 },                          /* a server that gives less, and says so */
	{ "2,0,9,[{\"cve\":{\"id\":\"A\"}},{\"cve\":{\"id\":\"B\"}}]", 0, 1, 0 },   /* or more */
	{ "2,0,2,[{\"cve\":{\"id\":\"A\"}}]", 0, 100, RF_ETRUNCATED },
	{ "2000,0,9,[{\"cve\":{\"id\":\"A\"}}]", 0, 2000, RF_ETRUNCATED },
	{ "0,0,9,[]", 0, 100, RF_ETRUNCATED },
	{ "2,0,1,[{\"cve\":{\"id\":\"A\"}},{\"cve\":{\"id\":\"B\"}}]", 0, 100, RF_ETRUNCATED },
	{ "1,3,9,[{\"cve\":{\"id\":\"A\"}}]", 4, 1, RF_ECONFLICT },
	{ "1,0,1,[{\"cve\":{}}]", 0, 100, RF_EFORMAT },
	{ "1,0,1,{}", 0, 100, RF_EFORMAT },
	{ "1,-1,1,[]", 0, 100, RF_EFORMAT },
};

static void pages(void **state)
{
	(void)state;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	for (size_t i = 0; i < RF_COUNT(PAGES); i++) {
		RF_AUTO(str) text = STR_INIT(4 * KIB);
		struct span rest = span_of(PAGES[i].page), per_page, start, total;
		struct json root;
		struct nvd_page page;
		span_split(&rest, ',', &per_page);
		span_split(&rest, ',', &start);
		span_split(&rest, ',', &total);
		str_addf(&text, "{\"resultsPerPage\":%.*s,\"startIndex\":%.*s,\"totalResults\":%.*s,\"vulnerabilities\":%.*s}", SPAN_ARG(per_page),
		         SPAN_ARG(start), SPAN_ARG(total), SPAN_ARG(rest));
		assert_int_equal(json_parse(doc, str_span(&text), &root, NULL), 0);
		int rc = nvd_page_read(root, &page, NULL);
		if (!rc)
			rc = nvd_page_check(&page, PAGES[i].start, PAGES[i].asked, NULL);
		if (rc != PAGES[i].rc)
			fail_msg("%s: %s", PAGES[i].page, rf_error_name(rc));
	}
}

/* ---------------------------------------------------------------- listings */

static void listings(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(1 * MIB);
	struct csaf_listing l;
	struct err err = ERR_INIT;
	assert_ok(csaf_index_read(&a, SPAN("2024/a.json\r\n\n2023/b,c.json"), &l, &err), &err);
	assert_int_equal(l.count, 2);
	assert_ok(csaf_changes_read(SPAN("2023/b,c.json,2023-05-05T00:00:00Z\n\"2024/a.json\",\"2024-07-01T00:00:00Z\"\n"
	                                 "\"2024/a.json\",\"2020-01-01T00:00:00Z\"\nother.json,x\n"), &l, &err), &err);
	assert_true(span_eq_text(l.entries[0].version, "2024-07-01T00:00:00Z"));
	assert_true(span_eq_text(l.entries[1].version, "2023-05-05T00:00:00Z"));
	static const char *const bad[] = { "/etc/passwd", "a/../../b.json", "..", "a\x01.json" };
	for (size_t i = 0; i < RF_COUNT(bad); i++) {
		RF_AUTO(str) text = STR_INIT(100);
		str_addf(&text, "good.json\n%s\n", bad[i]);
		assert_int_equal(csaf_index_read(&a, str_span(&text), &l, &err), RF_EFORMAT);
		assert_int_equal(err.line, 2);
	}
	arena_release(&a);
}

static void providers(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(1 * MIB);
	struct err err = ERR_INIT;
	struct csaf_provider p;
	struct json root;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	assert_ok(json_parse(doc, SPAN("{\"metadata_version\":\"2.0\",\"distributions\":[{\"directory_url\":\"https://h/d/\"},{\"rolie\":{\"feeds\":["
	                               "{\"url\":\"https://h/w.json\"},{\"url\":\"https://h/g.json\"},{\"tlp_label\":\"RED\"}]}}]}"), &root, &err), &err);
	assert_ok(csaf_provider_read(&a, root, &p, &err), &err);
	assert_int_equal(p.count, 3);
	assert_true(p.distributions[0].rolie && p.distributions[1].rolie && !p.distributions[2].rolie);
	assert_true(span_eq_text(p.distributions[2].url, "https://h/d/"));
	assert_ok(json_parse(doc, SPAN("{\"document\":{}}"), &root, &err), &err);
	assert_int_equal(csaf_provider_read(&a, root, &p, &err), RF_EFORMAT);
	assert_true(span_eq_text(csaf_security_txt(SPAN("# x\nCSAF: http://h/a\ncsaf:  https://h/b \n")), "https://h/b"));
	assert_int_equal(csaf_security_txt(SPAN("Contact: CSAF: https://h/b")).n, 0);
	arena_release(&a);
}

static void hash_files(void **state)
{
	(void)state;
	char actual[136];
#define ABC256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC512 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
	assert_true(span_eq_text(sync_hash_of(SPAN(ABC256)), ABC256));
	assert_true(span_eq_text(sync_hash_of(SPAN(ABC512 "  a.json\n")), ABC512));
	assert_int_equal(sync_hash_of(SPAN("<html>")).n, 0);
	assert_int_equal(sync_hash_of(SPAN(ABC256 "0")).n, 0);
	assert_int_equal(sync_hash_of(SPAN("")).n, 0);
	assert_true(feed_hash_matches(SPAN(ABC256), SPAN("abc"), actual));
	assert_true(feed_hash_matches(SPAN(ABC512), SPAN("abc"), actual));
	assert_false(feed_hash_matches(SPAN(ABC256), SPAN("abd"), actual));
	assert_false(feed_hash_matches(SPAN(""), SPAN("abc"), actual));
	assert_string_equal(actual, ABC256);
}

/* ---------------------------------------------------------------- health */

#define A(kind) (1u << FEED_ALARM_##kind)
static const struct {
	int failed;
	int64_t expected, records, looked_at, refused, wrong, age_h;
	unsigned raised;
} RUNS[] = {
	{ 0, -1, 10, 10, 0, 0, -1, 0 },
	{ 0, 10, 10, 0, 0, 0, 1, 0 },
	{ 0, 10, 11, 1, 0, 0, 1, 0 },
	{ 0, 10, 9, 0, 0, 0, 1, A(SHRUNK) },
	{ 0, 10, 0, 0, 0, 0, 1, A(EMPTY) },
	{ 0, -1, 0, 0, 0, 0, -1, A(EMPTY) },
	{ 0, 10, 10, 10, 0, 2, 1, A(HASH) },
	{ 0, 100, 100, 3, 2, 0, 1, 0 },                 /* two of a hundred */
	{ 0, 100, 100, 3, 3, 0, 1, A(UNREADABLE) },
	{ RF_EIO, 10, -1, 0, 0, 0, 1, A(FAILED) },
	{ RF_EIO, 10, -1, 0, 0, 0, 25, A(FAILED) | A(STALLED) },
	{ RF_EIO, -1, -1, 0, 0, 0, -1, A(FAILED) | A(STALLED) },
};

static void health(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(RUNS); i++) {
		struct feed_verdict v;
		struct drift d = { .count = 0 };
		const struct feed_report r = { .failed = RUNS[i].failed, .records = RUNS[i].records, .looked_at = RUNS[i].looked_at,
			.refused = RUNS[i].refused, .wrong_hashes = RUNS[i].wrong };
		unsigned raised = 0;
		int64_t age = RUNS[i].age_h < 0 ? -1 : RUNS[i].age_h * USEC_PER_HOUR;
		feed_judge(&r, &d, RUNS[i].expected, age, 24 * USEC_PER_HOUR, &v);
		for (int k = 0; k < FEED_ALARM_KINDS; k++) {
			raised |= v.raised[k] ? 1u << k : 0;
			assert_true(!v.raised[k] || v.text[k][0]);
		}
		if (raised != RUNS[i].raised)
			fail_msg("run %zu: alarms %x", i, raised);
	}
}

static void formats_move_on(void **state)
{
	(void)state;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct drift d = { .count = 0 };
	struct feed_verdict v;
	struct json root;
	assert_int_equal(json_parse(doc, SPAN("{\"document\":{},\"newcomer\":1,\"vulnerabilities\":[],\"newcomer\":2}"), &root, NULL), 0);
	drift_look(&d, "csaf", root);
	assert_int_equal(d.count, 1);
	const struct feed_report r = { .records = 1 };
	feed_judge(&r, &d, -1, -1, 1, &v);
	assert_true(v.raised[FEED_ALARM_KEYS] && strstr(v.text[FEED_ALARM_KEYS], "newcomer"));
	assert_false(feed_alarm_taints(FEED_ALARM_KEYS));
}

static void age_of_a_bundle(void **state)
{
	(void)state;
	static const struct {
		struct feed_report report;
		bool stalled;
	} AGES[] = {
		{ { .records = 1, .source_age_usec = USEC_PER_HOUR }, false },
		{ { .records = 1, .source_age_usec = 25 * USEC_PER_HOUR }, true },
		{ { .records = 1, .source_age_usec = INT64_MAX }, true },
		{ { .records = 1, .expired = true }, true },
	};
	const struct drift d = { .count = 0 };
	for (size_t i = 0; i < RF_COUNT(AGES); i++) {
		struct feed_verdict v;
		feed_judge(&AGES[i].report, &d, 1, 0, 24 * USEC_PER_HOUR, &v);
		assert_true(v.raised[FEED_ALARM_STALLED] == AGES[i].stalled);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),      cmocka_unit_test(listings), cmocka_unit_test(providers),
		cmocka_unit_test(hash_files), cmocka_unit_test(health),   cmocka_unit_test(formats_move_on),
		cmocka_unit_test(age_of_a_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
