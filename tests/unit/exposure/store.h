/* Shared by the tests of exposures: each finds both databases migrated and empty, brings advisories in, and compares
 * lists of exposures as text. */
#ifndef REFORGE_TEST_EXPOSURE_STORE_H
#define REFORGE_TEST_EXPOSURE_STORE_H

#include "engines.h"

#include "base/fs.h"
#include "advisory/feed.h"
#include "exposure/exposure.h"
#include "ledger/ledger.h"

#define TRT "pkg:generic/nvidia/tensorrt"
#define ORT "pkg:generic/microsoft/onnxruntime"

struct fixture {
	char folder[256];
	struct database *db;
};

/* PostgreSQL keeps what the last test left: away with it. */
static inline int empty(struct transaction *tx, void *data)
{
	(void)data;
	int rc = tx_exec(tx, "DROP SCHEMA public CASCADE", NULL, 0, NULL);
	return rc ? rc : tx_exec(tx, "CREATE SCHEMA public", NULL, 0, NULL);
}

/* No engine: the fixture is NULL, and begin() skips. */
static inline int setup(void **state)
{
	const struct engine *e = *state;
	struct err err = ERR_INIT;
	const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS, &ADVISORY_MIGRATIONS, &FEED_MIGRATIONS,
						     &INVENTORY_MIGRATIONS, &EXPOSURE_MIGRATIONS };
	*state = NULL;
	if (!e->url[0])
		return 0;
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	assert_ok(fs_temporary_dir("reforge-exposure", f->folder, sizeof f->folder, &err), &err);
	bool sqlite = !strcmp(e->kind, "sqlite");
	assert_ok(database_open(sqlite ? "test.db" : e->url, f->folder, &f->db, &err), &err);
	if (!sqlite) {
		assert_ok(database_transact(f->db, DB_WRITE, empty, NULL, &err), &err);
		database_close(f->db);
		assert_ok(database_open(e->url, f->folder, &f->db, &err), &err);
	}
	assert_ok(database_migrate(f->db, sets, RF_COUNT(sets), &err), &err);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	if (!f)
		return 0;
	database_close(f->db);
	int rc = fs_remove_tree(f->folder, &err);
	free(f);
	return rc;
}

static inline struct fixture *begin(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static const struct advisory_import options = { .feed = "file", .actor = "user:test@host" };

#define OSV(id, modified, rest)                                                                                    \
	"{\"id\":\"" id "\",\"modified\":\"" modified "\",\"schema_version\":\"1.6.0\",\"summary\":\"title of " id \
	"\"," rest "}"
#define PYPI(name, fixed)                                                     \
	"\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"" name \
	"\"},\"ranges\":[{\"type\":\"ECOSYSTEM\","                            \
	"\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"" fixed "\"}]}]}]"

static inline void import(struct fixture *f, const char *text)
{
	struct err err = ERR_INIT;
	assert_ok(advisory_import_bytes(f->db, span_of(text), "memory", &options, NULL, &err), &err);
}

static inline struct exposure_changes refresh(struct fixture *f)
{
	struct err err = ERR_INIT;
	struct exposure_changes c = { 0 };
	assert_ok(exposure_refresh(f->db, "user:test@host", &c, &err), &err);
	return c;
}

struct listing {
	struct exposure_filter filter;
	struct str lines;
};

static inline int take_row(const struct exposure_row *row, void *data)
{
	struct listing *l = data;
	str_addf(&l->lines, "%.*s %.*s %s %.*s %s %s%s%.*s\n", SPAN_ARG(row->advisory), SPAN_ARG(row->path),
		 carrier_name(row->carrier), SPAN_ARG(row->version.n ? row->version : SPAN("?")),
		 finding_kind_name(row->kind), finding_cause_name(row->cause),
		 row->cleared_at == USEC_NONE ? "" : " cleared ", SPAN_ARG(row->cleared_reason));
	return 0;
}

static inline int list(struct transaction *tx, void *data)
{
	struct listing *l = data;
	str_reset(&l->lines);
	return exposure_list(tx, &l->filter, take_row, l);
}

static inline void assert_list(struct fixture *f, struct exposure_filter filter, const char *want)
{
	struct err err = ERR_INIT;
	struct listing l = { filter, STR_INIT(64 * KIB) };
	assert_ok(database_transact(f->db, DB_READ, list, &l, &err), &err);
	assert_string_equal(str_text(&l.lines), want);
	str_release(&l.lines);
}

#endif
