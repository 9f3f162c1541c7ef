/* Rows of releases and channels, and the links that follow them. */
#include "depot_fixture.h"

struct work {
	const struct release *release;
	const struct release_published *published;
	const char *channel, *to, *parent;
	int64_t expected;
	struct channel state;
	char name[RELEASE_NAME_MAX + 1];
};

static int record(struct transaction *tx, void *data)
{
	struct work *w = data;

	return release_record(tx, w->release, w->published, "user:op@lab");
}

static int set(struct transaction *tx, void *data)
{
	struct work *w = data;

	return channel_set(tx, "voice", "production", w->channel, w->to, w->expected, "user:op@lab", &w->state);
}

static int get(struct transaction *tx, void *data)
{
	struct work *w = data;

	return channel_get(tx, "voice", "production", w->channel, &w->state);
}

static int check_parent(struct transaction *tx, void *data)
{
	struct work *w = data;

	return release_check_parent(tx, "voice", "production", w->parent);
}

static int name_free(struct transaction *tx, void *data)
{
	struct work *w = data;

	return release_name_free(tx, "voice", 1784000000000000, "CVE-2026-24268", w->name);
}

static int64_t ledger_kind_count;
static int count_ledger(const struct ledger_record *r, void *data)
{
	if (span_eq_text(r->kind, data))
		ledger_kind_count++;
	return 0;
}

static int read_ledger(struct transaction *tx, void *data)
{
	ledger_kind_count = 0;
	return ledger_each(tx, 0, NULL, 0, count_ledger, data);
}

static int64_t ledger_count(const char *kind)
{
	assert_ok(database_transact(db, DB_READ, read_ledger, (void *)kind, &err), &err);
	return ledger_kind_count;
}

static struct release_row row;
static struct release first, second;
static struct release_published published_first, published_second;

static void records(void **state)
{
	(void)state;
	struct work w = { .parent = NULL };

	row = make_row("alexa", "engine");
	first = make_release("2026-07-14-CVE-2026-24268", &row, 1);
	assert_ok(database_transact(db, DB_READ, name_free, &w, &err), &err);
	assert_string_equal(w.name, first.name);
	assert_ok(database_transact(db, DB_READ, check_parent, &w, &err), &err);
	assert_ok(release_publish(depot, key, &first, &published_first, &err), &err);
	w = (struct work){ .release = &first, .published = &published_first };
	assert_ok(database_transact(db, DB_WRITE, record, &w, &err), &err);
	assert_ok(database_transact(db, DB_WRITE, record, &w, &err), &err); /* again: nothing is added */
	assert_int_equal(ledger_count("release.published"), 1);
	assert_ok(database_transact(db, DB_READ, name_free, &w, &err), &err);
	assert_string_equal(w.name, "2026-07-14-CVE-2026-24268-2");
	published_second = published_first;
	published_second.content.bytes[0] ^= 1;
	w.published = &published_second;
	assert_int_equal(database_transact(db, DB_WRITE, record, &w, &err), RF_ECONFLICT);
}

static void moves(void **state)
{
	(void)state;
	struct work w = { .channel = "stable", .to = first.name, .expected = 0 };
	char target[512];
	ssize_t n;
	size_t changed = 0;

	assert_ok(database_transact(db, DB_READ, get, &w, &err), &err);
	assert_int_equal(w.state.generation, 0);
	assert_string_equal(w.state.release, "");
	w.to = "no-such-release";
	assert_int_equal(database_transact(db, DB_WRITE, set, &w, &err), RF_ENOTFOUND);
	w.to = first.name;
	assert_ok(database_transact(db, DB_WRITE, set, &w, &err), &err);
	assert_int_equal(w.state.generation, 1);
	assert_int_equal(database_transact(db, DB_WRITE, set, &w, &err), RF_ESTATE); /* another moved it meanwhile */
	w.expected = 1;
	assert_ok(database_transact(db, DB_WRITE, set, &w, &err), &err); /* says so already */
	assert_int_equal(w.state.generation, 1);
	assert_int_equal(ledger_count("channel.moved"), 1);
	assert_ok(channel_project(depot, db, &changed, &err), &err);
	assert_int_equal(changed, 1);
	n = readlink(in_dir("depot/channels/voice/production/stable"), target, sizeof target - 1);
	target[n > 0 ? n : 0] = '\0';
	assert_string_equal(target, "../../../releases/voice/2026-07-14-CVE-2026-24268");
	assert_true(fs_is_dir(in_dir("depot/channels/voice/production/stable/linux-x86_64")));
}

static void a_parent_that_is_no_longer_stable(void **state)
{
	(void)state;
	struct work w = { .parent = NULL };
	struct release_row other = make_row("alexa", "engine, again");

	assert_int_equal(database_transact(db, DB_READ, check_parent, &w, &err), RF_ESTATE);
	assert_non_null(strstr(err.text, first.name));
	second = make_release("second", &other, 1);
	assert_ok(release_publish(depot, key, &second, &published_second, &err), &err);
	w = (struct work){ .release = &second, .published = &published_second };
	assert_int_equal(database_transact(db, DB_WRITE, record, &w, &err), RF_ESTATE);
	second.name = "third";
	second.parent = first.name;
	assert_ok(release_publish(depot, key, &second, &published_second, &err), &err);
	assert_ok(database_transact(db, DB_WRITE, record, &w, &err), &err);
	w = (struct work){ .channel = "stable", .to = "third", .expected = 1 };
	assert_ok(database_transact(db, DB_WRITE, set, &w, &err), &err);
	assert_int_equal(w.state.generation, 2);
	/* recorded already: still 0, whatever stable says by now */
	w = (struct work){ .release = &second, .published = &published_second };
	assert_ok(database_transact(db, DB_WRITE, record, &w, &err), &err);
}

static void links_follow_the_rows(void **state)
{
	(void)state;
	size_t changed = 0;
	struct work w = { .channel = "candidate", .to = "third", .expected = CHANNEL_ANY_GENERATION };
	struct depot_verify_report report;
	struct faults faults = { .n = 0 };

	assert_ok(database_transact(db, DB_WRITE, set, &w, &err), &err);
	assert_ok(channel_project(depot, db, &changed, &err), &err);
	assert_int_equal(changed, 2); /* stable moved, candidate is new */
	assert_ok(channel_project(depot, db, &changed, &err), &err);
	assert_int_equal(changed, 0);
	assert_int_equal(unlink(in_dir("depot/channels/voice/production/stable")), 0);
	assert_int_equal(symlink("../../../releases/voice/gone", in_dir("depot/channels/voice/production/stable")), 0);
	assert_int_equal(symlink("x", in_dir("depot/channels/voice/production/unknown")), 0);
	assert_int_equal(symlink("x", in_dir("depot/channels/voice/production/.0123456789ab")), 0);
	assert_ok(depot_verify(depot, public_key, NULL, note_fault, &faults, &report, &err), &err);
	assert_int_equal(report.faults, 2); /* two links that lead nowhere */
	assert_ok(channel_project(depot, db, &changed, &err), &err);
	assert_int_equal(changed, 3);
	assert_ok(depot_verify(depot, public_key, NULL, note_fault, &faults, &report, &err), &err);
	assert_int_equal(report.faults, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(records), cmocka_unit_test(moves),
					    cmocka_unit_test(a_parent_that_is_no_longer_stable),
					    cmocka_unit_test(links_follow_the_rows) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
