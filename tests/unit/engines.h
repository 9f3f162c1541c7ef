/*
 * Both engines for a table of tests: ENGINES_RUN(tests) runs it on a new SQLite file, then on a real PostgreSQL of its own
 * (skipped when none is installed). A test takes engine_open(state), which skips when there is no engine.
 */
#ifndef REFORGE_TESTS_ENGINES_H
#define REFORGE_TESTS_ENGINES_H

#include "testing.h"
#include "postgresql.h"

#include "database/database.h"

struct engine {
	const char *kind;
	char folder[256];
	char url[512];                  /* "" when there is no engine */
	struct postgresql *server;
};

static inline int engine_setup_sqlite(void **state)
{
	static struct engine e;
	struct err err = ERR_INIT;
	e = (struct engine){ .kind = "sqlite" };
	if (fs_temporary_dir("reforge-db", e.folder, sizeof e.folder, &err) != 0)
		return -1;
	(void)snprintf(e.url, sizeof e.url, "sqlite:%s/test.db", e.folder);
	*state = &e;
	return 0;
}

static inline int engine_setup_postgresql(void **state)
{
	static struct engine e;
	struct err err = ERR_INIT;
	e = (struct engine){ .kind = "postgresql", .server = postgresql_start() };
	if (e.server)
		(void)snprintf(e.url, sizeof e.url, "%s", e.server->url);
	*state = &e;
	return fs_temporary_dir("reforge-db", e.folder, sizeof e.folder, &err);
}

static inline int engine_teardown(void **state)
{
	struct engine *e = *state;
	struct err err = ERR_INIT;
	postgresql_stop(e->server);
	return fs_remove_tree(e->folder, &err);
}

static inline struct database *engine_open(void **state)
{
	const struct engine *e = *state;
	struct database *db = NULL;
	struct err err = ERR_INIT;
	if (!e->url[0])
		skip();
	assert_ok(database_open(e->url, NULL, &db, &err), &err);
	assert_string_equal(database_kind(db), e->kind);
	return db;
}

#define ENGINES_RUN(tests) \
	(cmocka_run_group_tests_name("sqlite", (tests), engine_setup_sqlite, engine_teardown) + \
	 cmocka_run_group_tests_name("postgresql", (tests), engine_setup_postgresql, engine_teardown))

#endif
