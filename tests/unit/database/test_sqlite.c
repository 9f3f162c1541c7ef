/* database: what is SQLite's own - files, modes, full and damaged databases, other processes */
#include "testing.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/time.h"
#include "database/database.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[256];

static int setup(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	return fs_temporary_dir("reforge-sqlite", folder, sizeof folder, &err);
}

static int teardown(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	return fs_remove_tree(folder, &err);
}

static const char *path_of(const char *name)
{
	static char path[400];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int run_all(struct transaction *tx, void *data)
{
	int rc = 0;
	for (const char *const *sql = data; rc == 0 && *sql; sql++)
		rc = tx_exec(tx, *sql, NULL, 0, NULL);
	return rc;
}

static int run(struct database *db, enum db_mode mode, const char *const *sql, struct err *err)
{
	*err = ERR_INIT;
	return database_transact(db, mode, run_all, (void *)(uintptr_t)sql, err);
}
#define RUN(db, mode, err, ...) run((db), (mode), (const char *const[]){ __VA_ARGS__, NULL }, (err))

static struct database *open_new(const char *name)
{
	struct database *db = NULL;
	struct err err = ERR_INIT;
	assert_ok(database_open(name, folder, &db, &err), &err);
	return db;
}

/* ---------------------------------------------------------------- files */

static int one_pragma(struct transaction *tx, void *data)
{
	RF_AUTO_ROWS rows = NULL;
	char *text = data;
	char sql[64];
	(void)snprintf(sql, sizeof sql, "PRAGMA %s", text);
	int rc = tx_query(tx, sql, NULL, 0, &rows);
	if (rc == 0 && (rc = rows_next(rows)) == 1)
		rc = snprintf(text, 32, "%.*s", SPAN_ARG(rows_text(rows, 0))) < 0;
	return rc;
}

static void a_new_database_is_private_and_durable(void **state)
{
	(void)state;
	RF_AUTO_PTR(database) db = open_new("new.db");
	struct err err = ERR_INIT;
	assert_int_equal(RUN(db, DB_WRITE, &err, "CREATE TABLE t(a INTEGER)"), 0);
	static const char *const names[] = { "new.db", "new.db-wal", "new.db-shm" };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		struct stat st;
		assert_int_equal(stat(path_of(names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_true(database_holds((uint64_t)st.st_dev, (uint64_t)st.st_ino));
		assert_false(database_holds((uint64_t)st.st_dev + 1, (uint64_t)st.st_ino));
	}
	const struct {
		const char *pragma, *value;
	} expected[] = { { "journal_mode", "wal" }, { "synchronous", "2" }, { "foreign_keys", "1" } };
	for (size_t i = 0; i < RF_COUNT(expected); i++) {
		char text[32];
		(void)snprintf(text, sizeof text, "%s", expected[i].pragma);
		assert_ok(database_transact(db, DB_WRITE, one_pragma, text, &err), &err);
		assert_string_equal(text, expected[i].value);
	}
}

static void a_closed_database_is_one_file(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct stat st;
	struct database *db = open_new("closed.db");
	assert_int_equal(RUN(db, DB_WRITE, &err, "CREATE TABLE t(a INTEGER)"), 0);
	assert_int_equal(RUN(db, DB_READ, &err, "SELECT a FROM t"), 0);
	(void)database_wait(db, "news", 0, &err);
	assert_int_equal(stat(path_of("closed.db"), &st), 0);
	database_close(db);
	assert_false(database_holds((uint64_t)st.st_dev, (uint64_t)st.st_ino));
	assert_false(fs_exists(path_of("closed.db-wal")));
	assert_false(fs_exists(path_of("closed.db-shm")));
}

static void what_is_no_database_is_refused(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) bytes = STR_INIT(64 * KIB);
	for (int i = 0; i < 2000; i++)
		str_addf(&bytes, "this is not a database %d\n", i);
	assert_ok(fs_write_new(path_of("text.db"), str_span(&bytes), 0600, &err), &err);
	assert_int_equal(mkfifo(path_of("fifo.db"), 0600), 0);
	assert_int_equal(mkdir(path_of("folder.db"), 0700), 0);
	const struct {
		const char *url;
		int code;
	} cases[] = {
		{ "text.db", RF_EFORMAT },   { "sqlite:text.db", RF_EFORMAT },   { "fifo.db", RF_EINVALID },
		{ "folder.db", RF_EINVALID }, { "no/such/folder.db", RF_ENOTFOUND }, { "sqlite:", RF_EINVALID },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct database *db = NULL;
		err = ERR_INIT;
		int rc = database_open(cases[i].url, folder, &db, &err);
		if (rc != cases[i].code)
			fail_msg("%s: %s: %s", cases[i].url, rf_error_name(rc), err.text);
		assert_null(db);
		assert_int_equal(err.code, rc);
		assert_int_equal(database_open(cases[i].url, folder, &db, NULL) < 0, 1);
	}
	/* it was not touched */
	struct stat st;
	assert_int_equal(stat(path_of("text.db"), &st), 0);
	assert_int_equal((size_t)st.st_size, bytes.n);
}

static void an_address_names_the_server_without_its_password(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct database *db = NULL;
	char text[2048];
	int rc = database_open("postgresql://me:secret@/none?host=/nonexistent-folder&connect_timeout=2", NULL, &db, &err);
	assert_true(rc < 0);
	(void)err_render(&err, text, sizeof text);
	assert_null(strstr(text, "secret"));
	assert_true(rc == RF_EUNSUPPORTED || strstr(text, "/nonexistent-folder"));
}

/* ---------------------------------------------------------------- full, read-only, damaged */

static void a_full_database_says_so_and_goes_on(void **state)
{
	(void)state;
	RF_AUTO_PTR(database) db = open_new("full.db");
	struct err err = ERR_INIT;
	char text[2048];
	assert_int_equal(RUN(db, DB_WRITE, &err, "CREATE TABLE t(a BLOB)", "PRAGMA max_page_count=12"), 0);
	assert_int_equal(RUN(db, DB_WRITE, &err, "INSERT INTO t(a) VALUES (zeroblob(100000))"), RF_EFULL);
	(void)err_render(&err, text, sizeof text);
	assert_non_null(strstr(text, "full.db"));
	assert_non_null(strstr(text, "INSERT INTO t(a)"));
	assert_int_equal(RUN(db, DB_WRITE, &err, "INSERT INTO t(a) VALUES (zeroblob(10))"), 0);
}

/* A file system of 300 KiB: the real thing, where the test may mount one. */
static void a_full_disk_says_so_and_goes_on(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char small[400];
	(void)snprintf(small, sizeof small, "%s", path_of("small"));
	assert_int_equal(mkdir(small, 0700), 0);
	pid_t pid = fork();
	if (pid == 0) {
		execlp("mount", "mount", "-t", "tmpfs", "-o", "size=300k", "none", small, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	(void)waitpid(pid, &status, 0);
	if (status != 0)
		skip();
	struct database *db = open_new("small/disk.db");
	int rc = RUN(db, DB_WRITE, &err, "CREATE TABLE t(a BLOB)");
	int full = RUN(db, DB_WRITE, &err, "INSERT INTO t(a) VALUES (zeroblob(1000000))");
	int after = RUN(db, DB_WRITE, &err, "INSERT INTO t(a) VALUES (zeroblob(10))");
	database_close(db);
	pid = fork();
	if (pid == 0) {
		execlp("umount", "umount", small, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, &status, 0);
	assert_int_equal(rc, 0);
	assert_int_equal(full, RF_EFULL);
	assert_int_equal(after, 0);
}

static void a_read_only_database_says_so(void **state)
{
	(void)state;
	RF_AUTO_PTR(database) db = open_new("ro.db");
	struct err err = ERR_INIT;
	assert_int_equal(RUN(db, DB_WRITE, &err, "CREATE TABLE t(a INTEGER)"), 0);
	assert_int_equal(RUN(db, DB_READ, &err, "INSERT INTO t(a) VALUES (1)"), RF_EPERM);
	if (geteuid() == 0)
		return;         /* root writes everywhere */
	RF_AUTO_PTR(database) other = NULL;
	assert_int_equal(chmod(folder, 0500), 0);
	int rc = database_open("other.db", folder, &other, &err);
	assert_int_equal(chmod(folder, 0700), 0);
	assert_int_equal(rc, RF_EPERM);
}

static void a_damaged_database_is_an_error(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct database *db = open_new("damaged.db");
	assert_int_equal(RUN(db, DB_WRITE, &err, "CREATE TABLE t(a TEXT)",
	                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
	                     " INSERT INTO t SELECT 'row ' || i FROM n"),
	                 0);
	database_close(db);
	int fd = open(path_of("damaged.db"), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	char junk[4096];
	memset(junk, 0xa5, sizeof junk);
	for (int page = 1; page < 20; page++)
		assert_int_equal(pwrite(fd, junk, sizeof junk, page * 4096), sizeof junk);
	(void)close(fd);
	RF_AUTO_PTR(database) again = open_new("damaged.db");
	assert_int_equal(RUN(again, DB_READ, &err, "SELECT a FROM t"), RF_EFORMAT);
}

/* ---------------------------------------------------------------- other processes */

static int add_one(struct transaction *tx, void *data)
{
	(void)data;
	int64_t v = 0;
	int rc = TX_I64(tx, &v, "SELECT a FROM counter");
	return rc == 0 ? TX_RUN(tx, "UPDATE counter SET a = $1", DB_I(v + 1)) : rc;
}

static int read_one(struct transaction *tx, void *data)
{
	return TX_I64(tx, (int64_t *)data, "SELECT a FROM counter");
}

static void processes_take_turns(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	{
		RF_AUTO_PTR(database) db = open_new("turns.db");
		assert_int_equal(RUN(db, DB_WRITE, &err, "CREATE TABLE counter(a INTEGER)", "INSERT INTO counter(a) VALUES (0)"), 0);
	}
	pid_t pids[4];
	for (size_t i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		struct database *db = NULL;
		int rc = database_open("turns.db", folder, &db, &err);
		for (int n = 0; rc == 0 && n < 100; n++)
			rc = database_transact(db, DB_WRITE, add_one, NULL, &err);
		_exit(rc != 0);
	}
	for (size_t i = 0; i < 4; i++) {
		int status = -1;
		(void)waitpid(pids[i], &status, 0);
		assert_int_equal(status, 0);
	}
	RF_AUTO_PTR(database) db = open_new("turns.db");
	int64_t v = 0;
	assert_ok(database_transact(db, DB_READ, read_one, &v, &err), &err);
	assert_int_equal(v, 400);
}

/* Killed with a large transaction half written into the WAL. */
static int fill(struct transaction *tx, void *data)
{
	for (int i = 0;; i++) {
		int rc = TX_RUN(tx, "UPDATE counter SET a = a + 1");
		if (rc == 0)
			rc = TX_RUN(tx, "INSERT INTO ballast(b) VALUES (zeroblob(200000))");
		if (rc != 0)
			return rc;
		if (i == 600 && write(*(int *)data, "x", 1) != 1)
			return RF_EIO;
	}
}

static void a_transaction_killed_half_way_never_happened(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct database *db = open_new("half.db");
	assert_int_equal(RUN(db, DB_WRITE, &err, "CREATE TABLE counter(a INTEGER)", "CREATE TABLE ballast(b BLOB)",
	                     "INSERT INTO counter(a) VALUES (41)"),
	                 0);
	database_close(db);
	int ends[2];
	char x;
	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		(void)alarm(60);
		if (database_open("half.db", folder, &db, &err) == 0)
			_exit(database_transact(db, DB_WRITE, fill, &ends[1], &err) != 0);
		_exit(1);
	}
	assert_int_equal(read(ends[0], &x, 1), 1);      /* 120 MB: far past what the page cache holds back */
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(ends[0]);
	(void)close(ends[1]);
	struct stat st;
	assert_int_equal(stat(path_of("half.db-wal"), &st), 0);
	assert_true(st.st_size > 1000000);
	RF_AUTO_PTR(database) again = open_new("half.db");
	int64_t v = 0;
	assert_ok(database_transact(again, DB_READ, read_one, &v, &err), &err);
	assert_int_equal(v, 41);
	assert_ok(database_transact(again, DB_WRITE, add_one, NULL, &err), &err);
}

/* Every allocation of ours fails in turn: an error each time, never a crash, and the next try works. */
static void memory_may_run_out(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	bool done = false;
	for (long n = 1; !done && n < 200; n++) {
		struct database *db = NULL;
		rf_alloc_fail_after(n);
		int rc = database_open("memory.db", folder, &db, &err);
		if (rc == 0)
			rc = RUN(db, DB_WRITE, &err, "CREATE TABLE IF NOT EXISTS t(a INTEGER)", "INSERT INTO t(a) VALUES (1)");
		done = rc == 0;
		rf_alloc_fail_after(0);
		assert_true(rc == 0 || rc == RF_ENOMEM);
		database_close(db);
	}
	assert_true(done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_database_is_private_and_durable),
		cmocka_unit_test(a_closed_database_is_one_file),
		cmocka_unit_test(what_is_no_database_is_refused),
		cmocka_unit_test(an_address_names_the_server_without_its_password),
		cmocka_unit_test(a_full_database_says_so_and_goes_on),
		cmocka_unit_test(a_full_disk_says_so_and_goes_on),
		cmocka_unit_test(a_read_only_database_says_so),
		cmocka_unit_test(a_damaged_database_is_an_error),
		cmocka_unit_test(processes_take_turns),
		cmocka_unit_test(a_transaction_killed_half_way_never_happened),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
