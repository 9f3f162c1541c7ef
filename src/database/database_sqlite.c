/*
 * database_sqlite - SQLite 3 in WAL mode behind the contract.
 *
 * One connection writes (BEGIN IMMEDIATE: whoever has begun will not be turned away later), several read. Durable:
 * synchronous=FULL syncs the WAL at each commit (https://sqlite.org/pragma.html#pragma_synchronous).
 *
 * POSIX drops a process's locks on a file when *any* descriptor of it is closed: nothing here opens the database's files
 * but SQLite itself, once they exist. See database_holds().
 */
#include "database/database_int.h"

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

/* data_version is asked this often: a look costs 2 us, and 20 ms are not felt by a person. */
#define WATCH_USEC (20 * USEC_PER_MS)

struct file_id {
	uint64_t device, inode;
};

struct target {
	char path[FS_PATH_MAX];
	struct file_id files[3];        /* itself, -wal, -shm; guarded by lock */
	pthread_mutex_t lock;
	sqlite3 *watch;                 /* a connection of its own: data_version tells of changes made by others only */
	sqlite3_stmt *watch_stmt;
	int64_t version;
	uint64_t counter;               /* grows when version moves; from 1, so that a first wait returns at once */
};

struct rows {
	struct db_rows base;
	sqlite3_stmt *stmt;
	uint64_t hash;                  /* of the SQL text */
	uint64_t used;                  /* turn of its last use */
	struct rows *next_open;
	int params;
	bool cached, open;
	bool numbered;                  /* ?N (tx_insert_many): N is SQLite's own index */
	bool row_ready;                 /* stepped at tx_query(); rows_next() gives that row first */
	bool ended;
	int changes_before;
	unsigned char index[DATABASE_MAX_PARAMS + 1];   /* $N to SQLite's index, which goes by first appearance */
};

struct sqlite_connection {
	struct connection base;
	sqlite3 *handle;
	mono_t deadline;
	int changes_at_begin;
	uint64_t turn;
	struct rows *open;
	struct rows *cache[DATABASE_STATEMENTS];
	size_t cached;
};

static struct sqlite_connection *connection_of(const struct transaction *tx)
{
	return (struct sqlite_connection *)tx->connection;
}

/* ---------------------------------------------------------------- failures */

static int code_of(sqlite3 *handle, int rc)
{
	int system_errno = handle ? sqlite3_system_errno(handle) : 0;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return RF_EBUSY;
	case SQLITE_FULL:
		return RF_EFULL;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return RF_EPERM;
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		/* the WAL's index could not grow: SQLite keeps no errno of that, and a full disk is why */
		if (rc == SQLITE_IOERR_SHMSIZE)
			return RF_EFULL;
		if (system_errno == ENOSPC || system_errno == EDQUOT)
			return RF_EFULL;
		return system_errno == EACCES || system_errno == EPERM || system_errno == EROFS ? RF_EPERM : RF_EIO;
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return RF_EFORMAT;
	case SQLITE_NOMEM:
		return RF_ENOMEM;
	case SQLITE_TOOBIG:
		return RF_ETOOBIG;
	case SQLITE_CONSTRAINT:
		return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_ROWID
		               ? RF_EEXISTS
		               : RF_EDATABASE;
	default:
		return RF_EDATABASE;
	}
}

static const char *words_of(sqlite3 *handle, int rc)
{
	if (code_of(handle, rc) == RF_EFULL)
		return "the database cannot grow: no space left";
	return handle && sqlite3_errcode(handle) != SQLITE_OK ? sqlite3_errmsg(handle) : sqlite3_errstr(rc);
}

static int fail(struct transaction *tx, int rc, const char *sql)
{
	sqlite3 *handle = connection_of(tx)->handle;
	int code = code_of(handle, rc);
	if (code == RF_EBUSY) {
		tx->retry = true;
		return tx_fail(tx, code, sql, "another process has held the database for %d s",
		               (int)(DATABASE_PATIENCE_USEC / USEC_PER_SEC));
	}
	return tx_fail(tx, code, sql, "%s", words_of(handle, rc));
}

static int fail_open(struct database *db, sqlite3 *handle, int rc, struct err *err)
{
	(void)err_set(err, code_of(handle, rc), "%s", words_of(handle, rc));
	return err_in_file(err, db->name);
}

/* ---------------------------------------------------------------- opening */

static int make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0) {
		(void)err_set_errno(err, errno, "the database cannot be made");
		return err_in_file(err, path);
	}
	(void)close(fd);
	char folder[FS_PATH_MAX];
	(void)snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder ? 1 : 0] = '\0';
	return fs_sync_dir(slash ? folder : ".", err);
}

static int sqlite_open(struct database *db, struct err *err)
{
	struct target *t = rf_alloc(sizeof *t);
	if (!t)
		return err_set(err, RF_ENOMEM, "no memory for a database handle");
	t->counter = 1;
	(void)pthread_mutex_init(&t->lock, NULL);
	db->target = t;
	const char *name = span_starts(span_of(db->url), "sqlite:") ? db->url + strlen("sqlite:") : db->url;
	if (!*name)
		return err_set(err, RF_EINVALID, "the database URL names no file");
	int rc = fs_join(t->path, sizeof t->path, db->folder, name, err);
	if (rc != 0)
		return rc;
	(void)snprintf(db->name, sizeof db->name, "%s", t->path);
	struct stat st;
	if (stat(t->path, &st) != 0)
		return make_file(t->path, err);
	if (!S_ISREG(st.st_mode)) {
		(void)err_set(err, RF_EINVALID, "not a regular file, so not a database");
		return err_in_file(err, t->path);
	}
	return 0;
}

static void remember_files(struct target *t)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	char path[FS_PATH_MAX + 8];
	(void)pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < RF_COUNT(endings); i++) {
		struct stat st;
		(void)snprintf(path, sizeof path, "%s%s", t->path, endings[i]);
		if (stat(path, &st) == 0)
			t->files[i] = (struct file_id){ (uint64_t)st.st_dev, (uint64_t)st.st_ino };
	}
	(void)pthread_mutex_unlock(&t->lock);
}

bool database_sqlite_holds(const struct database *db, uint64_t device, uint64_t inode)
{
	struct target *t = db->target;
	bool found = false;
	if (!t)
		return false;
	(void)pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < RF_COUNT(t->files); i++)
		found |= t->files[i].device == device && t->files[i].inode == inode && inode != 0;
	(void)pthread_mutex_unlock(&t->lock);
	return found;
}

/* SQLite's own busy handler sleeps the same steps in every process; these are short at first, and spread. */
static int busy(void *data, int count)
{
	const struct sqlite_connection *c = data;
	mono_t now = mono_usec();
	if (now >= c->deadline)
		return 0;
	struct random_stream stream = { .state = (uint64_t)now ^ (uint64_t)(uintptr_t)c };
	uint64_t most = (uint64_t)200 << RF_MIN(count, 6);
	struct timespec t = { .tv_nsec = (long)(most / 2 + random_below(&stream, most / 2)) * 1000 };
	(void)nanosleep(&t, NULL);
	return 1;
}

static int set_up(struct sqlite_connection *c, bool writer)
{
	/* the switch to WAL does not ask the busy handler when two processes make the same new database */
	int rc;
	unsigned tries = 0;
	while ((rc = sqlite3_exec(c->handle, "PRAGMA journal_mode=WAL", NULL, NULL, NULL)) == SQLITE_BUSY) {
		if (!busy(c, (int)tries++))
			return rc;
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->handle,
		                  "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
		                  "PRAGMA cache_size=-16384; PRAGMA journal_size_limit=67108864; PRAGMA trusted_schema=OFF;"
		                  "SELECT 1 FROM sqlite_master LIMIT 1",
		                  NULL, NULL, NULL);
	/* Bulk imports meet the pages of an index by digest at random: the writer keeps them (64 MiB at most, as needed), and
	 * lets the log grow to its limit, so that a page changed by many transactions is copied back once. Measured with
	 * 340,000 advisories: 27 % less written, the same time a record as with 34,000 (1.28 times before). */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(c->handle,
		                  writer ? "PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=16384" : "PRAGMA query_only=ON", NULL, NULL, NULL);
	return rc;
}

static void sqlite_disconnect(struct connection *base)
{
	struct sqlite_connection *c = (struct sqlite_connection *)base;
	for (size_t i = 0; i < c->cached; i++) {
		(void)sqlite3_finalize(c->cache[i]->stmt);
		rf_free(c->cache[i]);
	}
	(void)sqlite3_close(c->handle);
	rf_free(c);
}

static int sqlite_connect(struct database *db, bool writer, struct connection **ret, struct err *err)
{
	struct target *t = db->target;
	struct sqlite_connection *c = rf_alloc(sizeof *c);
	if (!c)
		return err_set(err, RF_ENOMEM, "no memory for a database connection");
	c->base.db = db;
	c->deadline = mono_usec() + DATABASE_PATIENCE_USEC;
	int rc = sqlite3_open_v2(t->path, &c->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		(void)sqlite3_extended_result_codes(c->handle, 1);
		(void)sqlite3_busy_handler(c->handle, busy, c);
		rc = set_up(c, writer);
	}
	if (rc != SQLITE_OK) {
		(void)fail_open(db, c->handle, rc, err);
		int code = code_of(c->handle, rc);
		sqlite_disconnect(&c->base);
		return code;
	}
	remember_files(t);
	*ret = &c->base;
	return 0;
}

static void sqlite_close(struct database *db)
{
	struct target *t = db->target;
	if (!t)
		return;
	(void)sqlite3_finalize(t->watch_stmt);
	(void)sqlite3_close(t->watch);
	(void)pthread_mutex_destroy(&t->lock);
	rf_free(t);
	db->target = NULL;
}

/* ---------------------------------------------------------------- statements */

/* Learns which of SQLite's indexes each $N has, and refuses what PostgreSQL would: gaps. */
static bool map_params(struct rows *r)
{
	r->params = sqlite3_bind_parameter_count(r->stmt);
	for (int i = 1; i <= r->params; i++) {
		const char *name = sqlite3_bind_parameter_name(r->stmt, i);
		uint64_t number = 0;
		if (!name || !span_u64(span_of(name + 1), &number))
			return false;
		if (name[0] == '?') {
			r->numbered = true;
			continue;
		}
		if (name[0] != '$' || number == 0 || number > (uint64_t)r->params || number > DATABASE_MAX_PARAMS)
			return false;
		r->index[number] = (unsigned char)i;
	}
	return true;
}

static int prepare(struct transaction *tx, const char *sql, bool keep, struct rows **ret)
{
	struct sqlite_connection *c = connection_of(tx);
	struct rows *r = rf_alloc(sizeof *r);
	if (!r)
		return tx_fail(tx, RF_ENOMEM, sql, "no memory for a statement");
	const char *tail = NULL;
	int rc = sqlite3_prepare_v3(c->handle, sql, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, &r->stmt, &tail);
	if (rc != SQLITE_OK) {
		rf_free(r);
		return fail(tx, rc, sql);
	}
	const char *wrong = NULL;
	if (!r->stmt || (tail && span_trim(span_of(tail)).n))
		wrong = "not exactly one statement";
	else if (!map_params(r))
		wrong = "parameters must be $1 to $n without gaps";
	if (wrong) {
		(void)sqlite3_finalize(r->stmt);
		rf_free(r);
		return tx_fail(tx, RF_EINTERNAL, sql, "%s", wrong);
	}
	r->cached = keep;
	*ret = r;
	return 0;
}

/* The slot for a new statement: a free one, else that of the least recently used; NULL when all are open. */
static struct rows **cache_slot(struct sqlite_connection *c)
{
	if (c->cached < DATABASE_STATEMENTS)
		return &c->cache[c->cached++];
	struct rows **oldest = NULL;
	for (size_t i = 0; i < c->cached; i++) {
		if (!c->cache[i]->open && (!oldest || c->cache[i]->used < (*oldest)->used))
			oldest = &c->cache[i];
	}
	if (oldest) {
		(void)sqlite3_finalize((*oldest)->stmt);
		rf_free(*oldest);
	}
	return oldest;
}

static int statement_of(struct transaction *tx, const char *sql, struct rows **ret)
{
	struct sqlite_connection *c = connection_of(tx);
	uint64_t hash = hash_bytes(sql, strlen(sql));
	bool keep = true;
	for (size_t i = 0; i < c->cached; i++) {
		struct rows *r = c->cache[i];
		if (r->hash != hash || strcmp(sqlite3_sql(r->stmt), sql) != 0)
			continue;
		if (!r->open) {
			*ret = r;
			return 0;
		}
		keep = false;           /* its cursor is open: a second one, for this use only */
	}
	struct rows *r = NULL;
	int rc = prepare(tx, sql, keep, &r);
	if (rc != 0)
		return rc;
	r->hash = hash;
	if (keep) {
		struct rows **slot = cache_slot(c);
		if (slot)
			*slot = r;
		else
			r->cached = false;
	}
	*ret = r;
	return 0;
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct db_value *v)
{
	/* copied: the caller's bytes are borrowed for tx_query() only, the cursor runs on */
	switch (v->kind) {
	case DB_INT:
		return sqlite3_bind_int64(stmt, at, v->i);
	case DB_REAL:
		return sqlite3_bind_double(stmt, at, v->r);
	case DB_TEXT:
		return sqlite3_bind_text64(stmt, at, v->s.p ? v->s.p : "", v->s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	case DB_BLOB:
		if (v->s.n == 0)
			return sqlite3_bind_zeroblob(stmt, at, 0);
		return sqlite3_bind_blob64(stmt, at, v->s.p, v->s.n, SQLITE_TRANSIENT);
	case DB_NULL:
	default:
		return sqlite3_bind_null(stmt, at);
	}
}

static int step(struct rows *r)
{
	int rc = sqlite3_step(r->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	r->ended = true;
	sqlite3 *handle = sqlite3_db_handle(r->stmt);
	if (rc != SQLITE_DONE)
		return fail(r->base.tx, rc, sqlite3_sql(r->stmt));
	r->base.changed = sqlite3_total_changes(handle) != r->changes_before ? sqlite3_changes(handle) : 0;
	return 0;
}

static void sqlite_close_rows(struct db_rows *base)
{
	struct rows *r = (struct rows *)base;
	struct sqlite_connection *c = connection_of(base->tx);
	if (!r->open)
		return;
	for (struct rows **at = &c->open; *at; at = &(*at)->next_open) {
		if (*at == r) {
			*at = r->next_open;
			break;
		}
	}
	r->open = false;
	if (!r->cached) {
		(void)sqlite3_finalize(r->stmt);
		rf_free(r);
		return;
	}
	(void)sqlite3_reset(r->stmt);
	(void)sqlite3_clear_bindings(r->stmt);
}

static int sqlite_query(struct transaction *tx, const char *sql, const struct db_value *params, size_t n, struct db_rows **ret)
{
	struct sqlite_connection *c = connection_of(tx);
	struct rows *r = NULL;
	int rc = statement_of(tx, sql, &r);
	if (rc != 0)
		return rc;
	r->base = (struct db_rows){ .tx = tx };
	r->used = ++c->turn;
	r->ended = false;
	r->open = true;
	r->next_open = c->open;
	c->open = r;
	if ((size_t)r->params != n)
		rc = tx_fail(tx, RF_EINTERNAL, sql, "%zu parameters given, %d in the statement", n, r->params);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		int bound = bind_one(r->stmt, r->numbered ? (int)i + 1 : r->index[i + 1], &params[i]);
		if (bound != SQLITE_OK)
			rc = fail(tx, bound, sql);
	}
	if (rc == 0) {
		r->changes_before = sqlite3_total_changes(c->handle);
		rc = step(r);
		r->row_ready = rc == 1;
	}
	if (rc < 0) {
		sqlite_close_rows(&r->base);
		return rc;
	}
	*ret = &r->base;
	return 0;
}

static int sqlite_next(struct db_rows *base)
{
	struct rows *r = (struct rows *)base;
	if (r->row_ready) {
		r->row_ready = false;
		return 1;
	}
	return r->ended ? 0 : step(r);
}

static bool sqlite_is_null(const struct db_rows *rows, int column)
{
	return sqlite3_column_type(((const struct rows *)rows)->stmt, column) == SQLITE_NULL;
}

static int64_t sqlite_i64(const struct db_rows *rows, int column)
{
	return sqlite3_column_int64(((const struct rows *)rows)->stmt, column);
}

static double sqlite_real(const struct db_rows *rows, int column)
{
	return sqlite3_column_double(((const struct rows *)rows)->stmt, column);
}

static struct span sqlite_text(const struct db_rows *rows, int column)
{
	sqlite3_stmt *stmt = ((const struct rows *)rows)->stmt;
	const unsigned char *p = sqlite3_column_text(stmt, column);
	return p ? span_bytes(p, (size_t)sqlite3_column_bytes(stmt, column)) : SPAN_NONE;
}

static struct span sqlite_blob(struct db_rows *rows, int column)
{
	sqlite3_stmt *stmt = ((struct rows *)rows)->stmt;
	const void *p = sqlite3_column_blob(stmt, column);
	if (p)
		return span_bytes(p, (size_t)sqlite3_column_bytes(stmt, column));
	return sqlite3_column_type(stmt, column) == SQLITE_NULL ? SPAN_NONE : SPAN("");
}

/* ---------------------------------------------------------------- transactions */

static int run_text(struct transaction *tx, const char *sql)
{
	struct db_rows *rows = NULL;
	int rc = sqlite_query(tx, sql, NULL, 0, &rows);
	if (rc == 0)
		sqlite_close_rows(rows);
	return rc;
}

static int sqlite_begin(struct transaction *tx)
{
	struct sqlite_connection *c = connection_of(tx);
	c->deadline = mono_usec() + DATABASE_PATIENCE_USEC;
	c->changes_at_begin = sqlite3_total_changes(c->handle);
	return run_text(tx, tx->mode == DB_READ ? "BEGIN" : "BEGIN IMMEDIATE");
}

static void close_open_rows(struct transaction *tx)
{
	struct sqlite_connection *c = connection_of(tx);
	while (c->open)
		sqlite_close_rows(&c->open->base);
}

static void sqlite_rollback(struct transaction *tx)
{
	struct sqlite_connection *c = connection_of(tx);
	close_open_rows(tx);
	/* a full disk makes SQLite roll back by itself */
	if (!sqlite3_get_autocommit(c->handle) && sqlite3_exec(c->handle, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
		c->base.broken = true;
}

/* A commit that changed no page does not move data_version: a number in the header that nobody else uses does. */
static int touch(struct transaction *tx)
{
	struct db_rows *rows = NULL;
	int rc = sqlite_query(tx, "PRAGMA user_version", NULL, 0, &rows);
	if (rc != 0)
		return rc;
	int64_t version = sqlite_i64(rows, 0);
	sqlite_close_rows(rows);
	char sql[64];
	(void)snprintf(sql, sizeof sql, "PRAGMA user_version=%d", (int)((version + 1) & 0x7fffffff));
	rc = sqlite3_exec(connection_of(tx)->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(tx, rc, sql);
}

static int sqlite_commit(struct transaction *tx)
{
	struct sqlite_connection *c = connection_of(tx);
	close_open_rows(tx);
	int rc = 0;
	if (tx->notified && sqlite3_total_changes(c->handle) == c->changes_at_begin)
		rc = touch(tx);
	if (rc == 0)
		rc = run_text(tx, "COMMIT");
	if (rc != 0)
		sqlite_rollback(tx);
	return rc;
}

static int sqlite_lock_schema(struct transaction *tx)
{
	(void)tx;                       /* BEGIN IMMEDIATE is the lock */
	return 0;
}

static int sqlite_now(struct transaction *tx, usec_t *ret)
{
	(void)tx;                       /* the file's users share this machine's clock */
	*ret = now_usec();
	return 0;
}

static int sqlite_script(struct transaction *tx, const char *sql)
{
	int rc = sqlite3_exec(connection_of(tx)->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : fail(tx, rc, sql);
}

/* ---------------------------------------------------------------- waiting */

static int sqlite_notify(struct transaction *tx, const char *channel)
{
	(void)tx;
	(void)channel;                  /* any commit moves data_version */
	return 0;
}

static int watch_open(struct database *db, struct target *t, struct err *err)
{
	int rc = sqlite3_open_v2(t->path, &t->watch, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK)
		(void)sqlite3_busy_timeout(t->watch, (int)(WATCH_USEC / USEC_PER_MS));
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(t->watch, "PRAGMA data_version", -1, &t->watch_stmt, NULL);
	if (rc == SQLITE_OK)
		return 0;
	(void)fail_open(db, t->watch, rc, err);
	int code = code_of(t->watch, rc);
	(void)sqlite3_close(t->watch);
	t->watch = NULL;
	return code;
}

static int watch_look(struct database *db, struct target *t, uint64_t *ret, struct err *err)
{
	(void)pthread_mutex_lock(&t->lock);
	int rc = t->watch ? 0 : watch_open(db, t, err);
	if (rc == 0) {
		int stepped = sqlite3_step(t->watch_stmt);
		int64_t version = stepped == SQLITE_ROW ? sqlite3_column_int64(t->watch_stmt, 0) : t->version;
		(void)sqlite3_reset(t->watch_stmt);
		if (stepped != SQLITE_ROW && (stepped & 0xff) != SQLITE_BUSY)
			rc = fail_open(db, t->watch, stepped, err);
		if (version != t->version)
			t->counter++;
		t->version = version;
		*ret = t->counter;
	}
	(void)pthread_mutex_unlock(&t->lock);
	return rc;
}

static int sqlite_wait(struct database *db, const char *channel, uint64_t *seen, int64_t wait_usec, struct err *err)
{
	(void)channel;
	mono_t deadline = mono_usec() + wait_usec;
	for (;;) {
		uint64_t counter = *seen;
		int rc = watch_look(db, db->target, &counter, err);
		if (rc != 0)
			return rc;
		if (counter != *seen) {
			*seen = counter;
			return 1;
		}
		int64_t left = deadline - mono_usec();
		if (left <= 0)
			return 0;
		mono_t until = mono_usec() + RF_MIN(left, WATCH_USEC);
		struct timespec t = { .tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000 };
		(void)pthread_mutex_lock(&db->lock);
		(void)pthread_cond_timedwait(&db->woken, &db->lock, &t);
		(void)pthread_mutex_unlock(&db->lock);
	}
}

const struct database_driver database_sqlite = {
	.kind = "sqlite",
	.types = { "INTEGER", "REAL", "TEXT", "BLOB", "INTEGER", "INTEGER PRIMARY KEY AUTOINCREMENT" },
	.ids = "SELECT 1", /* AUTOINCREMENT minds the ids that are given */
	.writers = 1,
	.readers = 8,
	.max_params = 32766,            /* SQLITE_MAX_VARIABLE_NUMBER since 3.32 */
	.placeholder = '?',
	.skip_locked = "",
	.open = sqlite_open,
	.close = sqlite_close,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.lock_schema = sqlite_lock_schema,
	.now = sqlite_now,
	.script = sqlite_script,
	.query = sqlite_query,
	.notify = sqlite_notify,
	.wait = sqlite_wait,
	.next = sqlite_next,
	.is_null = sqlite_is_null,
	.i64 = sqlite_i64,
	.real = sqlite_real,
	.text = sqlite_text,
	.blob = sqlite_blob,
	.close_rows = sqlite_close_rows,
};
