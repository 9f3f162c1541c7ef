/*
 * The corpora of others, where they are at hand: every document is read or known to be none, counts are those that were
 * measured when the corpora were made, and what is of this stack says what it must.
 */
#include "testing.h"

#include "corpus.h"

#include "advisory/advisory.h"
#include "advisory/advisory_nvd.h"
#include "base/fs.h"

struct totals {
	struct json_doc *json;
	struct arena a;
	const char *suffix;
	size_t files, documents, others, advisories, rejected, statements, signals, kev, ssvc, ours, unread,
		contradictions, disagree;
	/* the last document of a walk over one file */
	void (*look)(const struct advisory_document *d, struct totals *t);
};

static void count(struct totals *t, const struct advisory_document *d)
{
	t->documents++;
	t->advisories += d->count;
	t->signals += d->signal_count;
	for (size_t i = 0; i < d->signal_count; i++) {
		t->kev += d->signals[i].kind == SIGNAL_KEV;
		t->ssvc += d->signals[i].kind == SIGNAL_SSVC;
		assert_true(advisory_is_cve(d->signals[i].cve));
	}
	for (size_t i = 0; i < d->count; i++) {
		const struct advisory *v = &d->advisories[i];
		t->rejected += v->state == ADVISORY_REJECTED;
		t->statements += v->statement_count;
		for (size_t k = 0; k < v->severity_count; k++)
			t->disagree += advisory_severity_disagrees(&v->severities[k]);
		for (size_t k = 0; k < v->statement_count; k++) {
			const struct advisory_statement *s = &v->statements[k];
			assert_true(!s->product == !s->range);
			assert_true(!s->range || s->range->readable || s->review);
			t->ours += s->product != NULL;
			t->unread += s->range && !s->range->readable;
			t->contradictions += s->contradiction.n > 0;
		}
	}
}

static int visit(const struct fs_entry *e, void *data)
{
	struct totals *t = data;
	if (e->kind != FS_FILE || !span_ends(span_of(e->name), t->suffix))
		return 0;
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	struct err err = ERR_INIT;
	struct advisory_document d;
	struct advisory_reading how = { .json = t->json };
	assert_ok(fs_read(e->path, &bytes, &err), &err);
	t->files++;
	int rc = advisory_read(&t->a, &how, str_span(&bytes), &d, &err);
	(void)err_in_file(&err, e->path);
	if (rc == RF_EUNSUPPORTED) {
		t->others++;
	} else {
		assert_ok(rc, &err);
		count(t, &d);
		if (t->look)
			t->look(&d, t);
	}
	arena_reset(&t->a);
	return 0;
}

static struct totals walk(const char *folder, const char *suffix,
			  void (*look)(const struct advisory_document *, struct totals *))
{
	struct totals t = {
		.json = json_doc_new(), .a = ARENA_INIT(ADVISORY_ARENA_BYTES), .suffix = suffix, .look = look
	};
	struct err err = ERR_INIT;
	assert_non_null(t.json);
	assert_ok(fs_walk(folder, visit, &t, &err), &err);
	json_doc_free(t.json);
	arena_release(&t.a);
	print_message("%s: %zu documents, %zu others, %zu advisories, %zu rejected, %zu statements, %zu signals, %zu "
		      "of our products, %zu of "
		      "these unread, %zu contradictions, %zu scores that their vectors do not give\n",
		      suffix, t.documents, t.others, t.advisories, t.rejected, t.statements, t.signals, t.ours,
		      t.unread, t.contradictions, t.disagree);
	return t;
}

static void clean(const char *folder)
{
	struct err err = ERR_INIT;
	assert_ok(fs_remove_tree(folder, &err), &err);
}

static void vulnrichment(void **state)
{
	(void)state;
	char folder[256];
	if (!testing_unpack_shared("corpora/vulnrichment.tar.xz", folder, sizeof folder))
		skip();
	struct totals t = walk(folder, ".json", NULL);
	clean(folder);
	assert_int_equal(t.documents, 44130);
	assert_int_equal(t.rejected, 104);
	assert_int_equal(t.kev, 224);
	assert_int_equal(t.ssvc, 44028);
	assert_true(t.ours >= 32);
	assert_true(t.unread <= 5); /* "september2023" as a bound, and the like */
}

static void osv_bitnami(void **state)
{
	(void)state;
	char folder[256];
	if (!testing_unpack_shared("corpora/osv-bitnami.tar.xz", folder, sizeof folder))
		skip();
	struct totals t = walk(folder, ".json", NULL);
	clean(folder);
	assert_int_equal(t.documents, 7444);
}

static void csaf_cisa(void **state)
{
	(void)state;
	char folder[256];
	if (!testing_unpack_shared("corpora/csaf-cisa.tar.xz", folder, sizeof folder))
		skip();
	struct totals t = walk(folder, ".json", NULL);
	clean(folder);
	assert_int_equal(t.documents, 2383);
	assert_int_equal(t.advisories, 7916);
	assert_int_equal(t.others, 2); /* ROLIE */
}

static void kev_and_openvex(void **state)
{
	(void)state;
	char folder[256];
	if (!testing_unpack_shared("corpora/kev-and-openvex.tar.xz", folder, sizeof folder))
		skip();
	struct totals t = walk(folder, ".json", NULL), csv = walk(folder, ".csv", NULL);
	clean(folder);
	assert_int_equal(t.kev, 1404);
	assert_int_equal(csv.kev, 1404);
	assert_int_equal(t.documents, 60);
	assert_true(t.statements >= 15304);
}

static void nvd_overrides(void **state)
{
	(void)state;
	char folder[256];
	if (!testing_unpack_shared("corpora/nvd-overrides.tar.xz", folder, sizeof folder))
		skip();
	struct totals t = walk(folder, ".json", NULL);
	clean(folder);
	assert_true(t.documents >= 32000);
	assert_true(t.ours >= 100);
	assert_true(t.unread <= 4); /* commits as versions */
}

/* The four of July 2026: a bound pasted from TensorRT-LLM, words that the vendor also has. */
static void look_at_tensorrt(const struct advisory_document *d, struct totals *t)
{
	static const char *const ids[] = { "CVE-2026-24227", "CVE-2026-24238", "CVE-2026-24268", "CVE-2026-24272" };
	(void)t;
	for (size_t i = 0; i < d->count; i++)
		for (size_t k = 0; k < RF_COUNT(ids); k++) {
			const struct advisory *v = &d->advisories[i];
			if (!span_eq_text(v->id, ids[k]))
				continue;
			assert_int_equal(v->statement_count, 1);
			assert_string_equal(v->statements[0].product->purl, "pkg:generic/nvidia/tensorrt");
			assert_true(v->statements[0].contradiction.n > 0);
			assert_true(v->statements[0].review);
			assert_int_equal(range_contains(v->statements[0].range, SPAN("10.13.3.9")), RANGE_IN);
			assert_int_equal(range_contains(v->statements[0].range, SPAN("10.16.1.11")), RANGE_IN);
			assert_int_equal(range_contains(v->statements[0].range, SPAN("11.0.0")), RANGE_OUT);
		}
}

static int one_record(struct span id, struct span record, void *data)
{
	size_t *n = data;
	struct arena a = ARENA_INIT(16 * MIB);
	struct advisory_document d;
	struct err err = ERR_INIT;
	assert_ok(advisory_parse(&a, NULL, record, &d, &err), &err);
	assert_string_equal(d.format->name, "nvd");
	assert_true(span_eq(d.id, id));
	assert_int_equal(d.count, 1);
	arena_release(&a);
	(*n)++;
	return 0;
}

static void format_samples(void **state)
{
	(void)state;
	char folder[256], path[512];
	if (!testing_unpack_shared("advisories/format-samples.tar.xz", folder, sizeof folder))
		skip();
	snprintf(path, sizeof path, "%s/format-samples/nvd", folder);
	struct totals nvd = walk(path, ".json", look_at_tensorrt);
	assert_int_equal(nvd.others, 0);
	assert_true(nvd.contradictions >= 8);
	assert_true(nvd.rejected >= 3);
	snprintf(path, sizeof path, "%s/format-samples/cve5", folder);
	struct totals cve = walk(path, ".json", NULL);
	assert_true(cve.documents >= 4);
	assert_int_equal(cve.rejected, 1);
	snprintf(path, sizeof path, "%s/format-samples/osv", folder);
	struct totals yaml = walk(path, ".yaml", NULL);
	assert_int_equal(yaml.ours, 1);
	snprintf(path, sizeof path, "%s/format-samples/epss", folder);
	struct totals epss = walk(path, ".csv", NULL);
	assert_true(epss.signals > 20);
	snprintf(path, sizeof path, "%s/format-samples/openvex", folder);
	assert_int_equal(walk(path, ".json", NULL).others, 0);
	snprintf(path, sizeof path, "%s/format-samples/nvd/page_wrapped_trt.json", folder);
	RF_AUTO(str) bytes = STR_INIT(MIB);
	RF_AUTO(str) record = STR_INIT(MIB);
	struct err err = ERR_INIT;
	struct json_doc *doc = json_doc_new();
	struct json root;
	size_t records = 0;
	assert_ok(fs_read(path, &bytes, &err), &err);
	assert_ok(json_parse(doc, str_span(&bytes), &root, &err), &err);
	assert_ok(advisory_nvd_each(root, &record, one_record, &records, &err), &err);
	assert_int_equal(records, 13);
	json_doc_free(doc);
	clean(folder);
}

/* NVIDIA's own drafts of CVE records lie beside its bulletins and say the same. */
static void nvidia_drafts(void **state)
{
	(void)state;
	char folder[256];
	if (!testing_unpack_shared("advisories/nvidia-csaf.tar.xz", folder, sizeof folder))
		skip();
	struct totals t = walk(folder, ".json", NULL);
	clean(folder);
	assert_int_equal(t.others, 0);
	assert_true(t.documents >= 626);
	assert_true(t.unread <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_samples), cmocka_unit_test(nvidia_drafts), cmocka_unit_test(kev_and_openvex),
		cmocka_unit_test(osv_bitnami),    cmocka_unit_test(csaf_cisa),     cmocka_unit_test(nvd_overrides),
		cmocka_unit_test(vulnrichment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
