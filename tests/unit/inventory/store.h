/* Shared by the tests of the store: each finds both databases migrated and empty. */
#ifndef REFORGE_TEST_STORE_H
#define REFORGE_TEST_STORE_H

#include "engines.h"
#include "inventory/inventory.h"

struct fixture {
	struct database *db; /* NULL: no such engine here */
};

static inline int empty(struct transaction *tx, void *data)
{
	static const char *const tables[] = { "placement", "use",       "inside", "artifact_component",
					      "artifact",  "component", "group",  "service",
					      "path",      "host",      "unseen", "known" };
	char sql[128];
	(void)data;
	for (size_t i = 0; i < RF_COUNT(tables); i++) {
		snprintf(sql, sizeof sql, "DELETE FROM inventory_%s", tables[i]);
		int rc = tx_exec(tx, sql, NULL, 0, NULL);
		if (rc)
			return rc;
	}
	return 0;
}

/* The engine's database is one for all tests: each finds it empty. */
static inline int open_store(void **state)
{
	const struct engine *e = *state;
	struct fixture *x = calloc(1, sizeof *x);
	struct err err = ERR_INIT;
	const struct migration_set *sets[] = { &INVENTORY_MIGRATIONS };
	*state = x;
	if (!e->url[0])
		return 0;
	assert_ok(database_open(e->url, NULL, &x->db, &err), &err);
	assert_ok(database_migrate(x->db, sets, 1, &err), &err);
	assert_ok(database_transact(x->db, DB_WRITE, empty, NULL, &err), &err);
	return 0;
}

static inline int close_store(void **state)
{
	struct fixture *x = *state;
	database_close(x->db);
	free(x);
	return 0;
}

static inline struct fixture *fixture(void **state)
{
	struct fixture *x = *state;
	if (!x->db)
		skip();
	return x;
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)

#endif
