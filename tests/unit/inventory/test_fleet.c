/* A workspace's services to placements: layouts, overrides, environments, what is absent, what is unchanged. */
#include "reading.h"

#include "base/fs.h"
#include "inventory/fleet.h"
#include "inventory/fleet_store.h"

#include <unistd.h>

struct fixture {
	char folder[FS_PATH_MAX];
	struct database *db;
	struct workspace *workspace;
	struct err err;
};

static const char yaml[] = "site: test\n"
			   "environments: {production: {}, staging: {}}\n"
			   "services:\n"
			   "  voice:\n"
			   "    owner: {name: voice, contact: \"#voice\"}\n"
			   "    reach: internal\n"
			   "    criticality: normal\n"
			   "    environments: [production, staging]\n"
			   "    runtime: tensorrt@10.3.0.26\n"
			   "    roots: [engines/voice]\n"
			   "  reading:\n"
			   "    owner: {name: reading, contact: \"#reading\"}\n"
			   "    reach: public\n"
			   "    criticality: high\n"
			   "    environments: [production]\n"
			   "    roots: [engines/reading, engines/not-there]\n"
			   "    engines: [{path: engines/reading/odd.bin, recipe: odd}]\n";

static void put(struct fixture *x, const char *name, unsigned major, unsigned minor)
{
	char path[FS_PATH_MAX], parent[FS_PATH_MAX];
	struct specimen s = { .version = { major, minor, 0, 1 }, .cc_major = 8, .cc_minor = 6 };
	assert_ok(fs_join(path, sizeof path, x->folder, name, &x->err), &x->err);
	memcpy(parent, path, sizeof parent);
	*strrchr(parent, '/') = '\0';
	assert_ok(fs_make_dirs(parent, 0755, &x->err), &x->err);
	assert_ok(specimen_write(&s, path, &x->err), &x->err);
}

static int open_fleet(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	char path[FS_PATH_MAX];
	const struct migration_set *sets[] = { &INVENTORY_MIGRATIONS, &FLEET_MIGRATIONS };
	x->err = ERR_INIT;
	assert_ok(fs_temporary_dir("fleet", x->folder, sizeof x->folder, &x->err), &x->err);
	assert_ok(fs_join(path, sizeof path, x->folder, WORKSPACE_FILE, &x->err), &x->err);
	assert_ok(fs_write_atomic(path, span_of(yaml), 0644, &x->err), &x->err);
	put(x, "engines/voice/alexa/1/model.plan", 10, 1);
	put(x, "engines/voice/timer.engine", 8, 6);
	put(x, "engines/reading/odd.bin", 10, 13);
	assert_ok(workspace_open(x->folder, &x->workspace, &x->err), &x->err);
	assert_ok(database_open("reforge.db", x->folder, &x->db, &x->err), &x->err);
	assert_ok(database_migrate(x->db, sets, 2, &x->err), &x->err);
	*state = x;
	return 0;
}

static int close_fleet(void **state)
{
	struct fixture *x = *state;
	workspace_free(x->workspace);
	database_close(x->db);
	assert_ok(fs_remove_tree(x->folder, &x->err), &x->err);
	free(x);
	return 0;
}

static int on_placement(const struct inventory_placement *p, void *data)
{
	str_addf(data, "%.*s/%.*s %.*s %.*s on %.*s %s\n", SPAN_ARG(p->service), SPAN_ARG(p->environment),
		 SPAN_ARG(p->model), SPAN_ARG(p->artifact.version), SPAN_ARG(p->runtime_version),
		 p->gone_at == USEC_NONE ? "open" : "gone");
	return 0;
}

static int list(struct transaction *tx, void *data)
{
	struct inventory_filter f = { .with_gone = true };
	str_reset(data);
	return inventory_each_placement(tx, &f, on_placement, data);
}

static struct fleet_result scan(struct fixture *x, const char *expected)
{
	struct fleet_result result;
	struct fleet_scan o = { .host = "h1" };
	RF_AUTO(str) lines = STR_INIT(64 * KIB);
	assert_ok(fleet_scan(x->db, x->workspace, &o, &result, &x->err), &x->err);
	assert_ok(database_transact(x->db, DB_READ, list, &lines, &x->err), &x->err);
	assert_string_equal(str_text(&lines), expected);
	return result;
}

static void test_fleet(void **state)
{
	struct fixture *x = *state;
	static const char first[] =
		"reading/production odd 10.13.0.1 on  open\n"
		"voice/production alexa 10.1.0.1 on 10.3.0.26 open\nvoice/production timer 8.6.0.1 on 10.3.0.26 open\n"
		"voice/staging alexa 10.1.0.1 on 10.3.0.26 open\nvoice/staging timer 8.6.0.1 on 10.3.0.26 open\n";
	struct fleet_result r = scan(x, first);
	assert_int_equal(r.changes.added, 5);
	assert_int_equal(r.roots_absent, 1);
	usleep(1100 * 1000); /* what changed within a second is not remembered */
	scan(x, first);
	r = scan(x, first);
	assert_int_equal(r.changes.unchanged, 5);
	assert_int_equal(r.totals.bytes_hashed, 0);
	assert_int_equal(r.totals.cached, 3);

	put(x, "engines/voice/timer.engine", 10, 16);
	r = scan(x,
		 "reading/production odd 10.13.0.1 on  open\n"
		 "voice/production alexa 10.1.0.1 on 10.3.0.26 open\nvoice/production timer 8.6.0.1 on 10.3.0.26 gone\n"
		 "voice/production timer 10.16.0.1 on 10.3.0.26 open\n"
		 "voice/staging alexa 10.1.0.1 on 10.3.0.26 open\nvoice/staging timer 8.6.0.1 on 10.3.0.26 gone\n"
		 "voice/staging timer 10.16.0.1 on 10.3.0.26 open\n");
	assert_int_equal(r.changes.replaced, 2);
}

static void rewrite(struct fixture *x, const char *services)
{
	char path[FS_PATH_MAX];
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	str_addf(&text, "site: test\nenvironments: {production: {}, staging: {}}\n%s", services);
	assert_ok(fs_join(path, sizeof path, x->folder, WORKSPACE_FILE, &x->err), &x->err);
	assert_ok(fs_write_atomic(path, str_span(&text), 0644, &x->err), &x->err);
	workspace_free(x->workspace);
	x->workspace = NULL;
	assert_ok(workspace_open(x->folder, &x->workspace, &x->err), &x->err);
}

#define OWNED "owner: {name: a, contact: a}, reach: internal, criticality: normal"

/* Placements follow what reforge.yaml says: renamed services, moved roots, dropped environments leave no ghosts; a root
 * that is named and not there leaves everything. */
static void test_configuration_changes(void **state)
{
	struct fixture *x = *state;
	struct fleet_scan first = { .host = "h1" };
	assert_ok(fleet_scan(x->db, x->workspace, &first, NULL, &x->err), &x->err);
	rewrite(x, "services:\n"
		   "  speech: {" OWNED ", environments: [production], roots: [engines/voice]}\n"
		   "  reading: {" OWNED ", environments: [production], roots: [engines/not-there]}\n");
	struct fleet_result r = scan(x, "reading/production odd 10.13.0.1 on  gone\n"
					"speech/production alexa 10.1.0.1 on  open\n"
					"speech/production timer 8.6.0.1 on  open\n"
					"voice/production alexa 10.1.0.1 on 10.3.0.26 gone\n"
					"voice/production timer 8.6.0.1 on 10.3.0.26 gone\n"
					"voice/staging alexa 10.1.0.1 on 10.3.0.26 gone\n"
					"voice/staging timer 8.6.0.1 on 10.3.0.26 gone\n");
	assert_int_equal(r.changes.vanished, 5);
	assert_int_equal(r.changes.added, 2);
	/* another machine's are not this one's to close; a folder that is away for a while takes nothing with it */
	char from[FS_PATH_MAX], to[FS_PATH_MAX];
	assert_ok(fs_join(from, sizeof from, x->folder, "engines", &x->err), &x->err);
	assert_ok(fs_join(to, sizeof to, x->folder, "away", &x->err), &x->err);
	assert_int_equal(rename(from, to), 0);
	struct fleet_scan other = { .host = "h2" };
	assert_ok(fleet_scan(x->db, x->workspace, &other, &r, &x->err), &x->err);
	assert_int_equal(r.changes.vanished, 0);
	struct fleet_scan own = { .host = "h1" };
	assert_ok(fleet_scan(x->db, x->workspace, &own, &r, &x->err), &x->err);
	assert_int_equal(r.changes.vanished, 0);
	assert_int_equal(r.roots_absent, 2);
}

/* A machine that reports is scanned, too: its next report is not taken for the one at hand. */
static int put_host(struct transaction *tx, void *data)
{
	return fleet_host_put(tx, &(struct fleet_host){ .host = data, .source = FLEET_SOURCE_HOST, .machine = "m", .key_id = "k",
							.digest = "d", .taken = 7 });
}

static int show_host(const struct fleet_host *h, void *data)
{
	str_addf(data, "%s %s/%s/%s/%lld\n", h->host, h->machine, h->key_id, h->digest, (long long)h->taken);
	return 0;
}

static int show_hosts(struct transaction *tx, void *data)
{
	str_reset(data);
	return fleet_each_host(tx, FLEET_SOURCE_HOST, "", show_host, data);
}

static void test_reporting_host(void **state)
{
	struct fixture *x = *state;
	struct fleet_scan o = { .host = "h1" };
	RF_AUTO(str) got = STR_INIT(4 * KIB);
	assert_ok(database_transact(x->db, DB_WRITE, put_host, (char[]){ "h1" }, &x->err), &x->err);
	assert_ok(database_transact(x->db, DB_WRITE, put_host, (char[]){ "h2" }, &x->err), &x->err);
	assert_ok(fleet_scan(x->db, x->workspace, &o, NULL, &x->err), &x->err);
	assert_ok(database_transact(x->db, DB_READ, show_hosts, &got, &x->err), &x->err);
	assert_string_equal(str_text(&got), "h1 m/k//7\nh2 m/k/d/7\n");
}

/* The database under an engine's name: seen, not read, and its locks hold. */
static void test_database_in_a_root(void **state)
{
	struct fixture *x = *state;
	char db[FS_PATH_MAX], link_path[FS_PATH_MAX];
	assert_ok(fs_join(db, sizeof db, x->folder, "reforge.db", &x->err), &x->err);
	assert_ok(fs_join(link_path, sizeof link_path, x->folder, "engines/voice/evil.plan", &x->err), &x->err);
	assert_int_equal(link(db, link_path), 0);
	struct fleet_result r = { 0 };
	struct fleet_scan fo = { .host = "h1" };
	assert_ok(fleet_scan(x->db, x->workspace, &fo, &r, &x->err), &x->err);
	assert_int_equal(r.totals.unknowns, 1);
	assert_int_equal(r.changes.added, 5);
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, open_fleet, close_fleet)

int main(void)
{
	const struct CMUnitTest tests[] = { EACH(test_fleet), EACH(test_configuration_changes), EACH(test_reporting_host),
					    EACH(test_database_in_a_root) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
