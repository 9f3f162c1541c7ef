/* The vendors' own documents, where they are at hand: all are read, and the rows of this stack say what they must. */
#include "testing.h"

#include "advisory/advisory.h"
#include "base/fs.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static char folder[256];

static int unpack(const char *archive)
{
	char path[512];
	pid_t pid;
	int status = 0;
	snprintf(path, sizeof path, "%s/advisories/%s", testing_shared_data(), archive);
	const char *argv[] = { "tar", "xf", path, "-C", folder, NULL };
	if (posix_spawnp(&pid, "tar", NULL, NULL, (char **)(uintptr_t)argv, environ) || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static int setup(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	if (!testing_shared_data())
		return 0;
	assert_ok(fs_temporary_dir("reforge-advisory", folder, sizeof folder, &err), &err);
	return unpack("nvidia-csaf.tar.xz") || unpack("format-samples.tar.xz");
}

static int teardown(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	return folder[0] ? fs_remove_tree(folder, &err) : 0;
}

/* False when the file is JSON of another format: the samples hold schemas, feeds and others' inputs too. */
static bool parse_file(struct arena *a, const char *path, struct advisory_document *d)
{
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	struct err err = ERR_INIT;
	assert_ok(fs_read(path, &bytes, &err), &err);
	int rc = advisory_parse(a, NULL, str_span(&bytes), d, &err);
	(void)err_in_file(&err, path);
	if (rc != RF_EUNSUPPORTED)
		assert_ok(rc, &err);
	return !rc;
}

struct totals {
	size_t documents, others, advisories, statements, ours, ours_unread;
};

static int visit(const struct fs_entry *e, void *data)
{
	struct totals *t = data;
	struct span name = span_of(e->name);
	/* CVE-*.json beside the bulletins are CVE 5 drafts: another format */
	if (e->kind != FS_FILE || !span_ends(name, ".json") || span_starts(name, "CVE-"))
		return 0;
	struct arena a = ARENA_INIT(ADVISORY_ARENA_BYTES);
	struct advisory_document d;
	if (!parse_file(&a, e->path, &d)) {
		t->others++;
		arena_release(&a);
		return 0;
	}
	t->documents++;
	t->advisories += d.count;
	for (size_t i = 0; i < d.count; i++)
		for (size_t k = 0; k < d.advisories[i].statement_count; k++) {
			const struct advisory_statement *s = &d.advisories[i].statements[k];
			t->statements++;
			if (!s->product)
				continue;
			t->ours++;
			assert_non_null(s->range);
			if (!s->range->readable) {
				t->ours_unread++;
				print_message("unread: %.*s \"%.*s\" -> \"%.*s\": %.*s\n", SPAN_ARG(s->product_name),
					      SPAN_ARG(s->affected_text), SPAN_ARG(s->fixed_text), SPAN_ARG(s->rule));
			}
		}
	arena_release(&a);
	return 0;
}

static void all_of_nvidia(void **state)
{
	(void)state;
	if (!folder[0])
		skip();
	char path[512];
	struct err err = ERR_INIT;
	struct totals t = { 0 };
	snprintf(path, sizeof path, "%s/nvidia-csaf", folder);
	assert_ok(fs_walk(path, visit, &t, &err), &err);
	print_message("%zu documents, %zu advisories, %zu statements, %zu of our products, %zu of these unread\n",
		      t.documents, t.advisories, t.statements, t.ours, t.ours_unread);
	assert_int_equal(t.others, 0);
	assert_true(t.documents >= 133);
	assert_true(t.advisories >= 493);
	/* all rows of this stack's products are of the few classes of the grammar, but for nvJPEG2000's "v0.7.x" */
	assert_true(t.ours_unread <= 1);
}

static void all_osv_samples(void **state)
{
	(void)state;
	if (!folder[0])
		skip();
	char path[512];
	struct err err = ERR_INIT;
	struct totals t = { 0 };
	snprintf(path, sizeof path, "%s/format-samples/osv", folder);
	assert_ok(fs_walk(path, visit, &t, &err), &err);
	assert_true(t.documents >= 11);
	assert_true(t.advisories >= t.documents);
}

static void oasis_examples(void **state)
{
	(void)state;
	if (!folder[0])
		skip();
	char path[512];
	struct err err = ERR_INIT;
	struct totals t = { 0 };
	snprintf(path, sizeof path, "%s/format-samples/csaf/oasis-examples", folder);
	assert_ok(fs_walk(path, visit, &t, &err), &err);
	assert_true(t.documents > 0);
}

static const struct advisory *find(const struct advisory_document *d, const char *id)
{
	for (size_t i = 0; i < d->count; i++)
		if (span_eq_text(d->advisories[i].id, id))
			return &d->advisories[i];
	fail_msg("%s is not in the document", id);
	return NULL;
}

static void tensorrt_rows(void **state)
{
	(void)state;
	static const struct {
		const char *bulletin, *id, *version;
		enum range_answer answer;
	} cases[] = {
		{ "5855", "CVE-2026-24268", "10.13.3.9", RANGE_IN },
		{ "5855", "CVE-2026-24268", "10.16.1.11", RANGE_IN },
		{ "5855", "CVE-2026-24268", "11.0.0", RANGE_OUT },
		{ "5855", "CVE-2026-24268", "11.4.0.106", RANGE_OUT },
		{ "5855", "CVE-2026-24272", "5.0.2.6", RANGE_IN },
		{ "5855", "CVE-2026-24238", "8.6.1.6", RANGE_IN },
		{ "5855", "CVE-2026-24227", "10.16.1.11", RANGE_IN },
		{ "5836", "CVE-2026-24188", "10.16.1.11", RANGE_OUT },
		{ "5836", "CVE-2026-24188", "10.13.3.9", RANGE_IN },
		{ "5836", "CVE-2026-24188", "11.0.0", RANGE_OUT },
	};
	if (!folder[0])
		skip();
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct arena a = ARENA_INIT(ADVISORY_ARENA_BYTES);
		struct advisory_document d;
		char path[512];
		snprintf(path, sizeof path, "%s/nvidia-csaf/2026/%s/%s.json", folder, cases[i].bulletin,
			 cases[i].bulletin);
		assert_true(parse_file(&a, path, &d));
		const struct advisory *v = find(&d, cases[i].id);
		assert_int_equal(v->statement_count, 1);
		assert_string_equal(v->statements[0].product->purl, "pkg:generic/nvidia/tensorrt");
		assert_true(v->statements[0].authoritative);
		if (range_contains(v->statements[0].range, span_of(cases[i].version)) != cases[i].answer)
			fail_msg("%s of %s", cases[i].version, cases[i].id);
		arena_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_nvidia),
		cmocka_unit_test(all_osv_samples),
		cmocka_unit_test(oasis_examples),
		cmocka_unit_test(tensorrt_rows),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
