/* database: the contract, the same tests on SQLite and on a real PostgreSQL */
#include "engines.h"

#include "base/arena.h"

#include <math.h>
#include <pthread.h>

/* ---------------------------------------------------------------- help */

static void migrate_one(struct database *db, const char *room, const char *step)
{
	const struct migration_set set = { room, &step, 1 };
	const struct migration_set *const sets[] = { &set };
	struct err err = ERR_INIT;
	assert_ok(database_migrate(db, sets, 1, &err), &err);
}

static int run(struct database *db, enum db_mode mode, int (*fn)(struct transaction *, void *), void *data, struct err *err)
{
	*err = ERR_INIT;
	return database_transact(db, mode, fn, data, err);
}

/* ---------------------------------------------------------------- values */

static const unsigned char every_byte[] = { 0, 1, '\\', 'x', '\'', 0xff, 0x80, '\n' };

static int put_values(struct transaction *tx, void *data)
{
	(void)data;
	static const int64_t ints[] = { 0, -1, INT64_MAX, INT64_MIN };
	static const double reals[] = { 0.0, -0.1, 1e-300, 1.7976931348623157e308 };
	static const char *const texts[] = { "", "it's \"quoted\" $1", "中文 \xf0\x9f\x9a\x80\n", "\\x41" };
	for (int i = 0; i < 4; i++) {
		struct span blob = span_bytes(every_byte, i == 0 ? 0 : sizeof every_byte);
		/* $4 stands first on purpose: numbers bind, not the order of appearance */
		int rc = TX_RUN(tx, "INSERT INTO v(b, i, r, t, n) VALUES ($4, $1, $2, $3, $5)", DB_I(ints[i]), DB_R(reals[i]),
		                DB_T(texts[i]), DB_B(blob), i % 2 ? DB_NONE : DB_T(NULL));
		if (rc != 0)
			return rc;
	}
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT i, r, t, b, n FROM v ORDER BY id");
	if (rc != 0)
		return rc;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(rows_next(rows), 1);
		assert_true(rows_i64(rows, 0) == ints[i]);
		assert_true(rows_real(rows, 1) == reals[i]);
		assert_true(span_eq_text(rows_text(rows, 2), texts[i]));
		struct span blob = rows_blob(rows, 3);
		assert_int_equal(blob.n, i == 0 ? 0 : sizeof every_byte);
		assert_non_null(blob.p);
		assert_memory_equal(blob.p, every_byte, blob.n);
		assert_false(rows_is_null(rows, 2));
		assert_true(rows_is_null(rows, 4));
		assert_null(rows_text(rows, 4).p);
		assert_int_equal(rows_i64(rows, 4), 0);
		assert_true(rows_time(rows, 4) == USEC_NONE);
	}
	assert_int_equal(rows_next(rows), 0);
	assert_int_equal(rows_next(rows), 0);
	return 0;
}

static void values_come_back_as_they_went_in(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	migrate_one(db, "values", "CREATE TABLE v(id {id}, i {int64}, r {real}, t {text}, b {blob}, n {text} DEFAULT '{}', f {bool})");
	assert_ok(run(db, DB_WRITE, put_values, NULL, &err), &err);
}

static int look_at_types(struct transaction *tx, void *data)
{
	(void)data;
	int64_t v = 0;
	int rc = TX_RUN(tx, "INSERT INTO s(a, x) VALUES ($1, $2), (2, NULL), (NULL, 0.5)", DB_I(40), DB_R(NAN));
	if (rc != 0)
		return rc;
	rc = TX_I64(tx, &v, "SELECT SUM(a) FROM s");       /* numeric in PostgreSQL */
	assert_true(rc != 0 || v == 42);
	if (rc == 0)
		rc = TX_I64(tx, &v, "SELECT COUNT(*) FROM s WHERE x IS NULL");
	assert_true(rc != 0 || v == 2);                    /* NaN is stored as NULL by both */
	if (rc == 0)
		rc = TX_I64(tx, &v, "SELECT COUNT(*) FROM s WHERE a > $1 LIMIT $2", DB_I(2), DB_I(10));
	assert_true(rc != 0 || v == 1);
	if (rc == 0)
		rc = TX_I64(tx, &v, "SELECT CASE WHEN $1 IS NULL THEN 7 ELSE 8 END", DB_T(NULL));
	assert_true(rc != 0 || v == 7);
	RF_AUTO_ROWS rows = NULL;
	if (rc == 0)
		rc = TX_QUERY(tx, &rows, "UPDATE s SET a = a + $1 WHERE a IS NOT NULL RETURNING a", DB_I(1));
	if (rc != 0)
		return rc;
	int64_t sum = 0;
	while (rows_next(rows) == 1)
		sum += rows_i64(rows, 0);
	assert_int_equal(sum, 44);
	return 0;
}

static void numbers_meet_the_types_of_the_sql(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	migrate_one(db, "types", "CREATE TABLE s(a {int64}, x {real})");
	assert_ok(run(db, DB_WRITE, look_at_types, NULL, &err), &err);
}

static int order_texts(struct transaction *tx, void *data)
{
	char *seen = data;
	seen[0] = '\0';
	int rc = TX_RUN(tx, "INSERT INTO o(t) VALUES ('b'), ('B'), ('_'), ('a'), ('A/'), ('A0')");
	RF_AUTO_ROWS rows = NULL;
	if (rc == 0)
		rc = TX_QUERY(tx, &rows, "SELECT t FROM o ORDER BY t");
	if (rc != 0)
		return rc;
	while (rows_next(rows) == 1) {
		struct span t = rows_text(rows, 0);
		(void)snprintf(seen + strlen(seen), 64 - strlen(seen), "%.*s ", SPAN_ARG(t));
	}
	return 0;
}

static void text_is_ordered_by_bytes(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	char seen[64];
	migrate_one(db, "order", "CREATE TABLE o(t {text})");
	assert_ok(run(db, DB_WRITE, order_texts, seen, &err), &err);
	assert_string_equal(seen, "A/ A0 B _ a b ");
}

/* ---------------------------------------------------------------- failures */

struct wrong {
	const char *sql;
	struct db_value params[2];
	size_t n;
	int code;
	const char *says;
};

static int run_wrong(struct transaction *tx, void *data)
{
	const struct wrong *w = data;
	int rc = TX_RUN(tx, "INSERT INTO e(k, o) VALUES ('first', 1)");
	if (rc != 0)
		return rc;
	assert_int_equal(tx_exec(tx, w->sql, w->params, w->n, NULL), w->code);
	/* the transaction is lost: the next statement and a callback that says "fine" get the same error */
	int64_t one = 0;
	assert_int_equal(TX_I64(tx, &one, "SELECT 1"), w->code);
	return 0;
}

static int count_e(struct transaction *tx, void *data)
{
	return TX_I64(tx, (int64_t *)data, "SELECT COUNT(*) FROM e");
}

static void a_failed_statement_loses_the_transaction(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	migrate_one(db, "errors", "CREATE TABLE e(k {text} PRIMARY KEY, o {int64} NOT NULL CHECK (o > 0))");
	const struct wrong cases[] = {
		{ "INSERT INTO e(k, o) VALUES ($1, $2)", { DB_T("first"), DB_I(2) }, 2, RF_EEXISTS, "INSERT INTO e(k, o)" },
		{ "INSERT INTO e(k, o) VALUES ($1, $2)", { DB_T("secret-value"), DB_I(-77) }, 2, RF_EDATABASE, "INSERT INTO e(k, o)" },
		{ "INSERT INTO e(k, o) VALUES ($1, $2)", { DB_T("secret-value"), DB_NONE }, 2, RF_EDATABASE, "INSERT INTO e(k, o)" },
		{ "SELEC 1", { DB_NONE }, 0, RF_EDATABASE, "SELEC" },
		{ "SELECT no_such FROM e", { DB_NONE }, 0, RF_EDATABASE, "no_such" },
		{ "SELECT 1 FROM e WHERE k = $1", { DB_S(SPAN("bad \xff secret-value")) }, 1, RF_EINVALID, "UTF-8" },
		{ "SELECT 1 FROM e WHERE k = $1", { DB_S(SPAN("nul \0 secret-value")) }, 1, RF_EINVALID, "NUL" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct err err;
		char text[2048];
		int rc = run(db, DB_WRITE, run_wrong, (void *)(uintptr_t)&cases[i], &err);
		(void)err_render(&err, text, sizeof text);
		if (rc != cases[i].code || !strstr(text, cases[i].says) || strstr(text, "secret") || strstr(text, "-77"))
			fail_msg("case %zu: %s: %s", i, rf_error_name(rc), text);
		assert_int_equal(err.code, rc);
		int64_t n = -1;
		assert_ok(run(db, DB_READ, count_e, &n, &err), &err);
		assert_int_equal(n, 0);
	}
}

static int wrong_params(struct transaction *tx, void *data)
{
	return tx_exec(tx, data, (struct db_value[]){ DB_I(1) }, 1, NULL);
}

static void parameters_are_counted(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	static char too_few[] = "SELECT CAST($1 AS BIGINT) + CAST($2 AS BIGINT)";
	static char gap[] = "SELECT CAST($2 AS BIGINT)";
	static char two[] = "SELECT CAST($1 AS BIGINT); SELECT 2";
	char *const cases[] = { too_few, gap, two };
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct err err;
		assert_true(run(db, DB_READ, wrong_params, cases[i], &err) < 0);
	}
}

static int write_in_reader(struct transaction *tx, void *data)
{
	(void)data;
	return TX_RUN(tx, "INSERT INTO ro(k) VALUES (1)");
}

static void a_reader_cannot_write(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	migrate_one(db, "reader", "CREATE TABLE ro(k {int64})");
	assert_int_equal(run(db, DB_READ, write_in_reader, NULL, &err), RF_EPERM);
	assert_ok(run(db, DB_WRITE, write_in_reader, NULL, &err), &err);
}

static int nested_inner(struct transaction *tx, void *data)
{
	(void)tx;
	(void)data;
	return 0;
}

static int nested_outer(struct transaction *tx, void *data)
{
	return database_transact(data, DB_READ, nested_inner, NULL, tx_err(tx));
}

static int asks_for_nothing(struct transaction *tx, void *data)
{
	(void)data;
	int64_t v = 0;
	int rc = TX_I64(tx, &v, "SELECT 1 WHERE 1 = 0");
	return rc == RF_ENOTFOUND ? 77 : rc;
}

static void the_callback_decides(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	assert_int_equal(run(db, DB_WRITE, nested_outer, db, &err), RF_EINTERNAL);
	assert_int_equal(run(db, DB_READ, asks_for_nothing, NULL, &err), 77);
	assert_ok(run(db, DB_READ, nested_inner, NULL, &err), &err);
	assert_int_equal(err.code, 0);
}

/* ---------------------------------------------------------------- cursors, many rows */

#define MANY 10007

static int fill_many(struct transaction *tx, void *data)
{
	(void)data;
	struct db_value *values = rf_realloc_array(NULL, MANY * 3, sizeof *values);
	assert_non_null(values);
	for (int64_t i = 0; i < MANY; i++) {
		values[i * 3] = DB_I(i);
		values[i * 3 + 1] = i % 3 ? DB_T("text") : DB_NONE;
		values[i * 3 + 2] = i % 5 ? DB_NONE : DB_R(0.5);
	}
	int rc = tx_insert_many(tx, "INSERT INTO m(k, t, r) VALUES", "ON CONFLICT (k) DO NOTHING", values, 3, MANY);
	rf_free(values);
	return rc;
}

static int walk_many(struct transaction *tx, void *data)
{
	(void)data;
	static const char sql[] = "SELECT k FROM m WHERE k >= $1 ORDER BY k LIMIT 3";
	RF_AUTO_ROWS outer = NULL;
	int rc = TX_QUERY(tx, &outer, "SELECT k, t, r FROM m ORDER BY k");
	if (rc != 0)
		return rc;
	int64_t n = 0;
	for (; rows_next(outer) == 1; n++) {
		assert_int_equal(rows_i64(outer, 0), n);
		assert_true(rows_is_null(outer, 1) == (n % 3 == 0));
		assert_true(rows_is_null(outer, 2) == (n % 5 != 0));
		if (n % 1000 != 0)
			continue;
		/* two cursors of one text inside a third */
		RF_AUTO_ROWS a = NULL;
		RF_AUTO_ROWS b = NULL;
		rc = TX_QUERY(tx, &a, sql, DB_I(n));
		if (rc == 0)
			rc = TX_QUERY(tx, &b, sql, DB_I(n + 1));
		if (rc != 0)
			return rc;
		assert_int_equal(rows_next(a), 1);
		assert_int_equal(rows_next(b), 1);
		assert_int_equal(rows_i64(a, 0), n);
		assert_int_equal(rows_i64(b, 0), n + 1);
	}
	assert_int_equal(n, MANY);
	int64_t changed = 0;
	return tx_exec(tx, "SELECT k FROM m", NULL, 0, &changed) || changed != 0;
}

static int delete_some(struct transaction *tx, void *data)
{
	return tx_exec(tx, "DELETE FROM m WHERE k < $1", (struct db_value[]){ DB_I(7) }, 1, data);
}

static int many_statements(struct transaction *tx, void *data)
{
	(void)data;
	/* more texts than are kept prepared, twice over */
	for (int i = 0; i < 800; i++) {
		char sql[96];
		int64_t v = 0;
		(void)snprintf(sql, sizeof sql, "SELECT CAST($1 AS BIGINT) + %d", i % 400);
		int rc = TX_I64(tx, &v, sql, DB_I(1));
		if (rc != 0)
			return rc;
		assert_int_equal(v, 1 + i % 400);
	}
	return 0;
}

static void many_rows_and_cursors(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	migrate_one(db, "many", "CREATE TABLE m(k {int64} PRIMARY KEY, t {text}, r {real})");
	assert_ok(run(db, DB_WRITE, fill_many, NULL, &err), &err);
	assert_ok(run(db, DB_WRITE, fill_many, NULL, &err), &err);      /* all conflict, nothing happens */
	assert_ok(run(db, DB_READ, walk_many, NULL, &err), &err);
	int64_t changed = 0;
	assert_ok(run(db, DB_WRITE, delete_some, &changed, &err), &err);
	assert_int_equal(changed, 7);
	assert_ok(run(db, DB_READ, many_statements, NULL, &err), &err);
}

/* ---------------------------------------------------------------- migrations */

static int count_steps(struct transaction *tx, void *data)
{
	return TX_I64(tx, (int64_t *)data, "SELECT COUNT(*) FROM database_migration WHERE room = 'grow'");
}

static void migrations_are_applied_once_and_never_backwards(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err = ERR_INIT;
	static const char *const steps[] = { "CREATE TABLE grow(id {id}, a {text});\nCREATE INDEX grow_a ON grow(a)",
		                             "ALTER TABLE grow ADD COLUMN b {int64} NOT NULL DEFAULT 0",
		                             "CREATE TABLE grow2(x {blob});\nTHIS IS NOT SQL" };
	for (size_t n = 1; n <= 2; n++) {
		const struct migration_set set = { "grow", steps, n };
		const struct migration_set *const sets[] = { &set };
		assert_ok(database_migrate(db, sets, 1, &err), &err);
		assert_ok(database_migrate(db, sets, 1, &err), &err);
	}
	const struct migration_set newer = { "grow", steps, 1 }, broken = { "grow", steps, 3 };
	const struct migration_set *const older_program[] = { &newer }, *const bad[] = { &broken };
	assert_int_equal(database_migrate(db, older_program, 1, &err), RF_ESTATE);
	assert_int_equal(database_migrate(db, bad, 1, &err), RF_EDATABASE);
	assert_true(span_starts(span_of(err.text), "migration grow 3: "));
	int64_t n = 0;
	assert_ok(run(db, DB_READ, count_steps, &n, &err), &err);
	assert_int_equal(n, 2);
}

static int add_row(struct transaction *tx, void *data)
{
	return tx_one_i64(tx, data, "INSERT INTO moved(a) VALUES('new') RETURNING id", NULL, 0);
}

/* A table that is made anew keeps its rows' ids, and counts on behind them. */
static void copied_rows_keep_their_ids(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err = ERR_INIT;
	int64_t id = 0;
	migrate_one(db, "moved", "CREATE TABLE moved_1(id {id}, a {text});\nINSERT INTO moved_1(id, a) VALUES(3, 'x'), (7, 'y');\n"
				 "CREATE TABLE moved(id {id}, a {text});\nINSERT INTO moved(id, a) SELECT id, a FROM moved_1;\n"
				 "{ids moved};\nDROP TABLE moved_1");
	assert_ok(run(db, DB_WRITE, add_row, &id, &err), &err);
	assert_int_equal(id, 8);
	migrate_one(db, "empty", "CREATE TABLE empty(id {id});\n{ids empty};\nINSERT INTO empty(id) VALUES(1)");
}

static void *migrate_thread(void *data)
{
	static const char *const steps[] = { "CREATE TABLE together(id {id})" };
	static const struct migration_set set = { "together", steps, 1 };
	const struct migration_set *const sets[] = { &set };
	struct database *db = NULL;
	struct err err = ERR_INIT;
	intptr_t rc = database_open(data, NULL, &db, &err);
	if (rc == 0)
		rc = database_migrate(db, sets, 1, &err);
	database_close(db);
	return (void *)rc;
}

static void programs_started_together_migrate_once(void **state)
{
	struct engine *e = *state;
	database_close(engine_open(state));
	pthread_t threads[4];
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, migrate_thread, e->url), 0);
	for (size_t i = 0; i < 4; i++) {
		void *rc = NULL;
		(void)pthread_join(threads[i], &rc);
		assert_null(rc);
	}
}

/* ---------------------------------------------------------------- side by side */

#define ADDERS 4
#define ADDS 40

/* Reads, then writes what it computed: only serialisable transactions keep the sum right. */
static int add_one(struct transaction *tx, void *data)
{
	(void)data;
	int64_t v = 0;
	int rc = TX_I64(tx, &v, "SELECT v FROM adder WHERE k = 1");
	if (rc == 0)
		rc = TX_RUN(tx, "UPDATE adder SET v = $1 WHERE k = 1", DB_I(v + 1));
	return rc;
}

/* Write skew: each reads both rows and lowers one; the sum must not fall below zero. */
static int withdraw(struct transaction *tx, void *data)
{
	int64_t sum = 0;
	int rc = TX_I64(tx, &sum, "SELECT SUM(v) FROM adder WHERE k IN (2, 3)");
	if (rc == 0 && sum > 0)
		rc = TX_RUN(tx, "UPDATE adder SET v = v - 1 WHERE k = $1", DB_I(*(int64_t *)data));
	return rc;
}

static struct database *shared;

static void *adder(void *data)
{
	struct err err = ERR_INIT;
	int64_t own = 2 + (intptr_t)data % 2;
	intptr_t rc = 0;
	for (int i = 0; rc == 0 && i < ADDS; i++) {
		rc = database_transact(shared, DB_WRITE, add_one, NULL, &err);
		if (rc == 0)
			rc = database_transact(shared, DB_WRITE, withdraw, &own, &err);
	}
	return (void *)rc;
}

static int put_adder(struct transaction *tx, void *data)
{
	(void)data;
	return TX_RUN(tx, "INSERT INTO adder(k, v) VALUES (1, 0), (2, 30), (3, 30)");
}

static int read_adder(struct transaction *tx, void *data)
{
	int64_t *v = data;
	int rc = TX_I64(tx, &v[0], "SELECT v FROM adder WHERE k = 1");
	if (rc == 0)
		rc = TX_I64(tx, &v[1], "SELECT SUM(v) FROM adder WHERE k IN (2, 3)");
	return rc;
}

static void writers_are_serialised(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	migrate_one(db, "adders", "CREATE TABLE adder(k {int64} PRIMARY KEY, v {int64} NOT NULL)");
	assert_ok(run(db, DB_WRITE, put_adder, NULL, &err), &err);
	shared = db;
	pthread_t threads[ADDERS];
	for (intptr_t i = 0; i < ADDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, adder, (void *)i), 0);
	for (int i = 0; i < ADDERS; i++) {
		void *rc = NULL;
		(void)pthread_join(threads[i], &rc);
		assert_null(rc);
	}
	int64_t v[2] = { 0 };
	assert_ok(run(db, DB_READ, read_adder, v, &err), &err);
	assert_int_equal(v[0], ADDERS * ADDS);
	assert_int_equal(v[1], 0);
}

static int set_snapshot(struct transaction *tx, void *data)
{
	return TX_RUN(tx, "UPDATE snap SET v = $1", DB_I(*(int64_t *)data));
}

static void *set_snapshot_thread(void *data)
{
	struct err err = ERR_INIT;
	return (void *)(intptr_t)database_transact(shared, DB_WRITE, set_snapshot, data, &err);
}

static int look_twice(struct transaction *tx, void *data)
{
	int64_t *v = data;
	int rc = TX_I64(tx, &v[0], "SELECT v FROM snap");
	int64_t next = v[0] + 1;
	pthread_t thread;
	void *other = NULL;
	assert_int_equal(pthread_create(&thread, NULL, set_snapshot_thread, &next), 0);
	(void)pthread_join(thread, &other);
	assert_null(other);
	if (rc == 0)
		rc = TX_I64(tx, &v[1], "SELECT v FROM snap");
	return rc;
}

static int put_snapshot(struct transaction *tx, void *data)
{
	(void)data;
	return TX_RUN(tx, "INSERT INTO snap(v) VALUES (1)");
}

static void a_reader_sees_one_moment_and_blocks_nobody(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	int64_t v[2] = { 0 };
	migrate_one(db, "snapshot", "CREATE TABLE snap(v {int64})");
	assert_ok(run(db, DB_WRITE, put_snapshot, NULL, &err), &err);
	shared = db;
	assert_ok(run(db, DB_READ, look_twice, v, &err), &err);
	assert_int_equal(v[0], 1);
	assert_int_equal(v[1], 1);
	assert_ok(run(db, DB_READ, look_twice, v, &err), &err);
	assert_int_equal(v[0], 2);
}

static int read_clock(struct transaction *tx, void *data)
{
	usec_t *t = data;
	t[0] = tx_now(tx);
	struct timespec nap = { .tv_nsec = 2000000 };
	(void)nanosleep(&nap, NULL);
	t[1] = tx_now(tx);
	return 0;
}

static void the_clock_is_read_once(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err;
	usec_t t[2];
	assert_ok(run(db, DB_READ, read_clock, t, &err), &err);
	assert_true(t[0] == t[1]);
	int64_t off = t[0] - now_usec();
	assert_true(off < 5 * USEC_PER_SEC && off > -5 * USEC_PER_SEC);
}

/* ---------------------------------------------------------------- waiting */

static int only_notify(struct transaction *tx, void *data)
{
	(void)data;
	return tx_notify(tx, "news");
}

static int notify_and_fail(struct transaction *tx, void *data)
{
	int rc = only_notify(tx, data);
	return rc ? rc : 9;
}

static void *notify_later(void *data)
{
	struct err err = ERR_INIT;
	struct timespec nap = { .tv_nsec = 50000000 };
	(void)nanosleep(&nap, NULL);
	/* a handle of its own: as another process would */
	struct database *db = NULL;
	intptr_t rc = database_open(data, NULL, &db, &err);
	if (rc == 0)
		rc = database_transact(db, DB_WRITE, only_notify, NULL, &err);
	database_close(db);
	return (void *)rc;
}

static void waiting_ends_with_a_notification(void **state)
{
	struct engine *e = *state;
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err = ERR_INIT;
	assert_int_equal(database_wait(db, "news", 0, &err), 1);         /* the first: come and look */
	assert_int_equal(database_wait(db, "news", 60 * USEC_PER_MS, &err), 0);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, notify_later, e->url), 0);
	mono_t begin = mono_usec();
	assert_int_equal(database_wait(db, "news", 20 * USEC_PER_SEC, &err), 1);
	assert_true(mono_usec() - begin < 10 * USEC_PER_SEC);
	(void)pthread_join(thread, NULL);
	/* what came between two waits is not lost, what was rolled back never came */
	while (database_wait(db, "news", 100 * USEC_PER_MS, &err) == 1)
		;
	assert_ok(run(db, DB_WRITE, only_notify, NULL, &err), &err);
	assert_int_equal(database_wait(db, "news", 5 * USEC_PER_SEC, &err), 1);
	assert_int_equal(run(db, DB_WRITE, notify_and_fail, NULL, &err), 9);
	assert_int_equal(database_wait(db, "news", 60 * USEC_PER_MS, &err), 0);
	assert_true(database_wait(db, "no such; --", 0, &err) < 0);
}

/* ---------------------------------------------------------------- death */

static int put_pair(struct transaction *tx, void *data)
{
	int64_t n = *(int64_t *)data;
	int rc = TX_RUN(tx, "INSERT INTO pair(n, half) VALUES ($1, 1)", DB_I(n));
	if (rc == 0)
		rc = TX_RUN(tx, "INSERT INTO pair(n, half) VALUES ($1, 2)", DB_I(n));
	return rc;
}

static void write_until_killed(const char *url, int acknowledged, int64_t from)
{
	struct database *db = NULL;
	struct err err = ERR_INIT;
	if (database_open(url, NULL, &db, &err) != 0)
		_exit(1);
	for (int64_t n = from;; n++) {
		if (database_transact(db, DB_WRITE, put_pair, &n, &err) != 0 || write(acknowledged, &n, sizeof n) != sizeof n)
			_exit(1);
	}
}

struct pairs {
	int64_t halves, whole, last;
};

static int read_pairs(struct transaction *tx, void *data)
{
	struct pairs *p = data;
	int rc = TX_I64(tx, &p->halves, "SELECT COUNT(*) FROM pair");
	if (rc == 0)
		rc = TX_I64(tx, &p->whole, "SELECT COUNT(*) FROM (SELECT n FROM pair GROUP BY n HAVING COUNT(*) = 2) AS w");
	if (rc == 0)
		rc = TX_I64(tx, &p->last, "SELECT COALESCE(MAX(n), 0) FROM pair");
	return rc;
}

static void killed_writers_leave_whole_transactions(void **state)
{
	struct engine *e = *state;
	struct err err;
	{
		RF_AUTO_PTR(database) db = engine_open(state);
		migrate_one(db, "pairs", "CREATE TABLE pair(n {int64}, half {int64}, PRIMARY KEY(n, half))");
	}
	int64_t next = 1, acknowledged = 0;
	for (int round = 0; round < 8; round++) {
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		pid_t pid = fork();
		if (pid == 0)
			write_until_killed(e->url, ends[1], next);
		(void)close(ends[1]);
		int64_t n = 0;
		for (int i = 0; i < 3 + round && read(ends[0], &n, sizeof n) == sizeof n; i++)
			acknowledged++;
		(void)usleep((useconds_t)(round * 700));
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		while (read(ends[0], &n, sizeof n) == sizeof n)
			acknowledged++;
		(void)close(ends[0]);
		RF_AUTO_PTR(database) db = engine_open(state);
		struct pairs p = { 0 };
		assert_ok(run(db, DB_READ, read_pairs, &p, &err), &err);
		assert_int_equal(p.halves, 2 * p.whole);                /* both halves or none */
		assert_true(p.last >= n && p.whole >= acknowledged);    /* what was acknowledged is there */
		/* a PostgreSQL server may still be committing what the dead client sent */
		next = RF_MAX(p.last, n) + 10;
	}
	assert_true(acknowledged > 8 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_as_they_went_in),
		cmocka_unit_test(numbers_meet_the_types_of_the_sql),
		cmocka_unit_test(text_is_ordered_by_bytes),
		cmocka_unit_test(a_failed_statement_loses_the_transaction),
		cmocka_unit_test(parameters_are_counted),
		cmocka_unit_test(a_reader_cannot_write),
		cmocka_unit_test(the_callback_decides),
		cmocka_unit_test(many_rows_and_cursors),
		cmocka_unit_test(migrations_are_applied_once_and_never_backwards),
		cmocka_unit_test(copied_rows_keep_their_ids),
		cmocka_unit_test(programs_started_together_migrate_once),
		cmocka_unit_test(writers_are_serialised),
		cmocka_unit_test(a_reader_sees_one_moment_and_blocks_nobody),
		cmocka_unit_test(the_clock_is_read_once),
		cmocka_unit_test(waiting_ends_with_a_notification),
		cmocka_unit_test(killed_writers_leave_whole_transactions),
	};
	return ENGINES_RUN(tests);
}
