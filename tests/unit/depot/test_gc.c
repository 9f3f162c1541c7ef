/* What is collected and what stays. */
#include "depot_fixture.h"

static int record(struct transaction *tx, void *data)
{
	const struct release *r = data;
	struct release_published p = { .existed = false };
	int rc = release_content_digest(r, &p.content, tx_err(tx));

	return rc ? rc : release_record(tx, r, &p, "user:op@lab");
}

static char visited[8192];
static void visit(const char *path, uint64_t bytes, void *data)
{
	size_t n = strlen(visited);

	(void)data;
	snprintf(visited + n, sizeof visited - n, "%s %d\n", path, (int)bytes);
}

static void collects(void **state)
{
	(void)state;
	struct release_row rows[] = { make_row("alexa", "engine one"), make_row("silero", "engine two") };
	struct release kept = make_release("kept", rows, 1), refused = make_release("refused", rows + 1, 1);
	struct release_published p;
	struct digest loose, task;
	struct depot_gc_report report;
	struct depot_gc_options o = {
		.keep = &task, .keep_count = 1, .min_age_usec = USEC_PER_HOUR, .database = db, .visit = visit
	};

	assert_ok(release_publish(depot, key, &kept, &p, &err), &err);
	assert_ok(database_transact(db, DB_WRITE, record, &kept, &err), &err);
	assert_ok(release_publish(depot, key, &refused, &p, &err), &err);
	assert_ok(depot_put_bytes(depot, SPAN("loose"), NULL, &loose, &err), &err);
	assert_ok(depot_put_bytes(depot, SPAN("of a task"), NULL, &task, &err), &err);
	assert_ok(fs_write_new(in_dir("depot/temporary/0123456789ab"), SPAN("left"), 0600, &err), &err);
	assert_int_equal(mkdir(in_dir("depot/releases/voice/" PUBLISHING_PREFIX "x-0123456789ab"), 0755), 0);

	assert_ok(depot_gc(depot, &o, &report, &err), &err); /* all is young */
	assert_int_equal(report.blobs_removed + report.temporary_removed + report.releases_removed, 0);
	assert_int_equal(report.blobs_kept, 8);

	usleep(2000);
	o.min_age_usec = 1;
	o.dry_run = true;
	assert_ok(depot_gc(depot, &o, &report, &err), &err);
	assert_int_equal(report.blobs_removed, 4); /* loose, and three of the refused release */
	assert_int_equal(report.releases_removed, 1);
	assert_int_equal(report.temporary_removed, 2);
	assert_non_null(strstr(visited, "releases/voice/refused "));
	assert_true(depot_has(depot, &loose) && depot_has(depot, &rows[1].engine));

	o.dry_run = false;
	assert_ok(depot_gc(depot, &o, &report, &err), &err);
	assert_int_equal(report.blobs_removed, 4);
	assert_int_equal(report.blobs_kept, 4);
	assert_int_equal(report.bytes_removed > 15, 1);
	assert_false(depot_has(depot, &loose) || depot_has(depot, &rows[1].engine));
	assert_true(depot_has(depot, &task) && depot_has(depot, &rows[0].engine));
	assert_false(fs_exists(in_dir("depot/releases/voice/refused")));
	assert_false(fs_exists(in_dir("depot/temporary/0123456789ab")));
	uint64_t faults = 0;
	assert_ok(release_verify(depot, "voice", "kept", public_key, NULL, NULL, &faults, &err), &err);
	assert_int_equal(faults, 0);
}

static void without_a_database_releases_stay(void **state)
{
	(void)state;
	struct release_row row = make_row("alexa", "engine x");
	struct release r = make_release("unrecorded", &row, 1);
	struct release_published p;
	struct depot_gc_report report;
	struct depot_gc_options o = { .min_age_usec = 0 };

	assert_ok(release_publish(depot, key, &r, &p, &err), &err);
	usleep(2000);
	assert_ok(depot_gc(depot, &o, &report, &err), &err);
	assert_int_equal(report.releases_removed, 0);
	assert_true(depot_has(depot, &row.engine));
}

/* What a release names is not known: then nothing may go. */
static void an_unreadable_release_stops_it(void **state)
{
	(void)state;
	struct digest loose;
	struct depot_gc_report report;
	struct depot_gc_options o = { .min_age_usec = 0, .database = db };
	const char *path = in_dir("depot/releases/voice/kept/release.json");

	assert_ok(depot_put_bytes(depot, SPAN("loose again"), NULL, &loose, &err), &err);
	usleep(2000);
	assert_int_equal(rename(path, in_dir("aside")), 0);
	assert_ok(fs_write_new(path, SPAN("{}"), 0444, &err), &err);
	assert_int_equal(depot_gc(depot, &o, &report, &err), RF_EFORMAT);
	assert_non_null(strstr(err.text, "nothing was removed"));
	assert_true(depot_has(depot, &loose));
	assert_true(fs_exists(in_dir("depot/releases/voice/unrecorded")));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(collects),
					    cmocka_unit_test(without_a_database_releases_stay),
					    cmocka_unit_test(an_unreadable_release_stops_it) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
