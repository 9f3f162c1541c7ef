/* database: what is PostgreSQL's own - connections that break, failures that another run does not meet */
#include "engines.h"

#include <pthread.h>

static struct database *shared;

static int nothing(struct transaction *tx, void *data)
{
	(void)tx;
	(void)data;
	return 0;
}

static int terminate_others(struct transaction *tx, void *data)
{
	(void)data;
	return TX_RUN(tx, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	                  " WHERE pid <> pg_backend_pid() AND application_name = 'reforge'");
}

static int put_row(struct transaction *tx, void *data)
{
	int *runs = data;
	int rc = TX_RUN(tx, "INSERT INTO broken(a) VALUES ($1)", DB_I(++*runs));
	if (rc != 0 || *runs > 1)
		return rc;
	/* the first run loses its session half way */
	return TX_RUN(tx, "SELECT pg_terminate_backend(pg_backend_pid())");
}

static int count_rows(struct transaction *tx, void *data)
{
	return TX_I64(tx, (int64_t *)data, "SELECT COUNT(*) FROM broken");
}

static void a_broken_connection_is_replaced(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	RF_AUTO_PTR(database) other = engine_open(state);
	struct err err = ERR_INIT;
	static const char *const steps[] = { "CREATE TABLE broken(a {int64})" };
	static const struct migration_set set = { "broken", steps, 1 };
	const struct migration_set *const sets[] = { &set };
	assert_ok(database_migrate(db, sets, 1, &err), &err);
	int runs = 0;
	int64_t n = 0;
	assert_ok(database_transact(db, DB_WRITE, put_row, &runs, &err), &err);
	assert_int_equal(runs, 2);
	assert_ok(database_transact(db, DB_READ, count_rows, &n, &err), &err);
	assert_int_equal(n, 1);
	/* idle ones, and the one that listens */
	assert_int_equal(database_wait(db, "news", 0, &err), 1);
	while (database_wait(db, "news", 50 * USEC_PER_MS, &err) == 1)
		;
	assert_ok(database_transact(other, DB_WRITE, terminate_others, NULL, &err), &err);
	(void)usleep(50000);
	assert_int_equal(database_wait(db, "news", USEC_PER_SEC, &err), 1);      /* come and look: something may be lost */
	assert_ok(database_transact(db, DB_READ, count_rows, &n, &err), &err);
	assert_int_equal(n, 1);
}

/* The callback's own snapshot is made stale by another transaction the first time it runs. */
static int bump_by_other(struct transaction *tx, void *data)
{
	(void)data;
	return TX_RUN(tx, "UPDATE stale SET v = v + 1");
}

static void *bumper(void *data)
{
	struct err err = ERR_INIT;
	return (void *)(intptr_t)database_transact(data, DB_WRITE, bump_by_other, NULL, &err);
}

static int stale_run(struct transaction *tx, void *data)
{
	int *runs = data;
	int64_t v = 0;
	int rc = TX_I64(tx, &v, "SELECT v FROM stale");
	if (rc == 0 && ++*runs == 1) {
		pthread_t thread;
		void *other = NULL;
		assert_int_equal(pthread_create(&thread, NULL, bumper, shared), 0);
		(void)pthread_join(thread, &other);
		assert_null(other);
	}
	return rc == 0 ? TX_RUN(tx, "UPDATE stale SET v = $1", DB_I(v * 10)) : rc;
}

static int read_stale(struct transaction *tx, void *data)
{
	return TX_I64(tx, (int64_t *)data, "SELECT v FROM stale");
}

static void a_serialisation_failure_runs_the_callback_again(void **state)
{
	RF_AUTO_PTR(database) db = engine_open(state);
	RF_AUTO_PTR(database) other = engine_open(state);
	struct err err = ERR_INIT;
	static const char *const steps[] = { "CREATE TABLE stale(v {int64});\nINSERT INTO stale(v) VALUES (1)" };
	static const struct migration_set set = { "stale", steps, 1 };
	const struct migration_set *const sets[] = { &set };
	assert_ok(database_migrate(db, sets, 1, &err), &err);
	shared = other;
	int runs = 0;
	int64_t v = 0;
	assert_ok(database_transact(db, DB_WRITE, stale_run, &runs, &err), &err);
	assert_int_equal(runs, 2);
	assert_ok(database_transact(db, DB_READ, read_stale, &v, &err), &err);
	assert_int_equal(v, 20);                /* (1 + 1) * 10: as if one had run after the other */
	assert_int_equal(err.code, 0);
}

static void a_stopped_server_is_an_error(void **state)
{
	struct engine *e = *state;
	RF_AUTO_PTR(database) db = engine_open(state);
	struct err err = ERR_INIT;
	postgresql_stop(e->server);
	assert_int_equal(database_transact(db, DB_READ, nothing, NULL, &err), RF_EDATABASE);
	struct database *none = NULL;
	assert_true(database_open(e->url, NULL, &none, &err) < 0);
	assert_true(database_wait(db, "news", 0, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_broken_connection_is_replaced),
		cmocka_unit_test(a_serialisation_failure_runs_the_callback_again),
		cmocka_unit_test(a_stopped_server_is_an_error),
	};
	return cmocka_run_group_tests_name("postgresql", tests, engine_setup_postgresql, engine_teardown);
}
