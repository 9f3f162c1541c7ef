/* database - opening, the pool, transactions and their retries. What the dialects differ in is in the drivers. */
#include "database/database_int.h"

#include "base/arena.h"
#include "base/random.h"

#include <stdarg.h>

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct database *open_list;
static uint64_t open_count;

/* The transaction this thread is in: a second one would wait for the first one's connection for ever. */
static _Thread_local struct transaction *current;

/* ---------------------------------------------------------------- values */

struct db_value db_value_span(struct span s)
{
	if (!s.p)
		return (struct db_value){ .kind = DB_NULL, .i = DB_TEXT };
	return (struct db_value){ .kind = DB_TEXT, .s = s };
}

struct db_value db_value_text(const char *s)
{
	if (!s)
		return (struct db_value){ .kind = DB_NULL, .i = DB_TEXT };
	return (struct db_value){ .kind = DB_TEXT, .s = span_of(s) };
}

struct db_value db_value_time(usec_t t)
{
	if (t == USEC_NONE)
		return (struct db_value){ .kind = DB_NULL, .i = DB_INT };
	return DB_I(t);
}

enum db_kind db_value_type(const struct db_value *v)
{
	if (v->kind != DB_NULL)
		return v->kind;
	return v->i > DB_NULL && v->i <= DB_BLOB ? (enum db_kind)v->i : DB_NULL;
}

/* ---------------------------------------------------------------- opening */

static const struct database_driver *driver_of(const char *url)
{
	struct span s = span_of(url);
	if (span_starts(s, "postgresql://") || span_starts(s, "postgres://"))
		return &database_postgresql;
	return &database_sqlite;
}

static int init_locks(struct database *db)
{
	pthread_condattr_t monotonic;
	if (pthread_condattr_init(&monotonic) != 0)
		return RF_ENOMEM;
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	int rc = pthread_mutex_init(&db->lock, NULL);
	rc |= pthread_cond_init(&db->given, NULL);
	rc |= pthread_cond_init(&db->woken, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return rc == 0 ? 0 : RF_ENOMEM;
}

static void list_add(struct database *db)
{
	(void)pthread_mutex_lock(&open_lock);
	db->identity = ++open_count;
	db->next = open_list;
	open_list = db;
	(void)pthread_mutex_unlock(&open_lock);
}

static void list_remove(struct database *db)
{
	(void)pthread_mutex_lock(&open_lock);
	for (struct database **at = &open_list; *at; at = &(*at)->next) {
		if (*at == db) {
			*at = db->next;
			break;
		}
	}
	(void)pthread_mutex_unlock(&open_lock);
}

int database_open(const char *url, const char *folder, struct database **ret, struct err *err)
{
	RF_AUTO_PTR(database) db = rf_alloc(sizeof *db);
	if (!db)
		return err_set(err, RF_ENOMEM, "no memory for a database handle");
	if (init_locks(db) != 0) {
		rf_free(db);
		db = NULL;
		return err_set(err, RF_ENOMEM, "no memory for a database handle");
	}
	db->driver = driver_of(url);
	db->url = rf_text(url);
	db->folder = rf_text(folder ? folder : ".");
	db->write.limit = db->driver->writers;
	db->read.limit = db->driver->readers;
	list_add(db);
	if (!db->url || !db->folder)
		return err_set(err, RF_ENOMEM, "no memory for a database handle");
	int rc = db->driver->open(db, err);
	if (rc != 0)
		return rc;
	struct connection *c = NULL;
	rc = db->driver->connect(db, true, &c, err);
	if (rc != 0)
		return rc;
	db->write.opened = 1;
	db->write.idle = c;
	*ret = db;
	db = NULL;
	return 0;
}

static void pool_close(const struct database_driver *driver, struct pool *pool)
{
	while (pool->idle) {
		struct connection *c = pool->idle;
		pool->idle = c->next;
		driver->disconnect(c);
	}
}

void database_close(struct database *db)
{
	if (!db)
		return;
	list_remove(db);
	/* readers first: the last connection out folds SQLite's WAL into the file, and only a writer may */
	pool_close(db->driver, &db->read);
	db->driver->close(db);
	pool_close(db->driver, &db->write);
	(void)pthread_cond_destroy(&db->woken);
	(void)pthread_cond_destroy(&db->given);
	(void)pthread_mutex_destroy(&db->lock);
	rf_free(db->url);
	rf_free(db->folder);
	rf_free(db);
}

void database_freep(struct database **db)
{
	database_close(*db);
	*db = NULL;
}

const char *database_kind(const struct database *db)
{
	return db->driver->kind;
}

bool database_holds(uint64_t device, uint64_t inode)
{
	bool found = false;
	(void)pthread_mutex_lock(&open_lock);
	for (const struct database *db = open_list; db && !found; db = db->next)
		found = db->driver == &database_sqlite && database_sqlite_holds(db, device, inode);
	(void)pthread_mutex_unlock(&open_lock);
	return found;
}

/* ---------------------------------------------------------------- the pool */

static struct pool *pool_of(struct database *db, enum db_mode mode)
{
	return mode == DB_READ && db->read.limit ? &db->read : &db->write;
}

static int pool_take(struct database *db, enum db_mode mode, struct connection **ret, struct err *err)
{
	struct pool *pool = pool_of(db, mode);
	(void)pthread_mutex_lock(&db->lock);
	uint64_t ticket = pool->next_ticket++;
	while (ticket != pool->serving || (!pool->idle && pool->opened >= pool->limit))
		(void)pthread_cond_wait(&db->given, &db->lock);
	pool->serving++;
	struct connection *c = pool->idle;
	if (c)
		pool->idle = c->next;
	else
		pool->opened++;
	(void)pthread_cond_broadcast(&db->given);
	(void)pthread_mutex_unlock(&db->lock);
	if (c) {
		*ret = c;
		return 0;
	}
	int rc = db->driver->connect(db, pool == &db->write, ret, err);
	if (rc != 0) {
		(void)pthread_mutex_lock(&db->lock);
		pool->opened--;
		(void)pthread_cond_broadcast(&db->given);
		(void)pthread_mutex_unlock(&db->lock);
	}
	return rc;
}

static void pool_give(struct database *db, enum db_mode mode, struct connection *c)
{
	struct pool *pool = pool_of(db, mode);
	bool keep = !c->broken;
	if (!keep)
		db->driver->disconnect(c);
	(void)pthread_mutex_lock(&db->lock);
	if (keep) {
		c->next = pool->idle;
		pool->idle = c;
	} else {
		pool->opened--;
	}
	(void)pthread_cond_broadcast(&db->given);
	(void)pthread_mutex_unlock(&db->lock);
}

/* ---------------------------------------------------------------- failures */

const char *sql_first_words(const char *sql, char buffer[96])
{
	size_t n = 0;
	bool blank = true;
	for (const char *p = sql; *p && n < 60; p++) {
		bool is_blank = *p == ' ' || *p == '\t' || *p == '\n' || *p == '\r';
		if (!is_blank)
			buffer[n++] = *p;
		else if (!blank)
			buffer[n++] = ' ';
		blank = is_blank;
	}
	buffer[n] = '\0';
	return buffer;
}

int tx_fail(struct transaction *tx, int code, const char *sql, const char *format, ...)
{
	char text[768];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	char words[96];
	if (sql)
		(void)err_set(&tx->err, code, "%s (SQL: %s)", text, sql_first_words(sql, words));
	else
		(void)err_set(&tx->err, code, "%s", text);
	tx->failed = true;
	return err_in_file(&tx->err, tx->db->name);
}

/* ---------------------------------------------------------------- transactions */

static int run_once(struct transaction *tx, int (*fn)(struct transaction *, void *), void *data)
{
	const struct database_driver *driver = tx->db->driver;
	int rc = driver->begin(tx);
	if (rc != 0) {
		driver->rollback(tx);
		return rc;
	}
	current = tx;
	rc = fn(tx, data);
	current = NULL;
	if (rc == 0 && tx->failed)
		rc = tx->err.code;
	if (rc == 0)
		rc = driver->commit(tx);
	else
		driver->rollback(tx);
	return rc;
}

/* 1 ms, 2 ms ... 32 ms, each somewhere between half and all of it, so that two that met do not meet again */
static void back_off(unsigned attempt)
{
	struct random_stream stream = { .state = (uint64_t)mono_usec() ^ (uint64_t)(uintptr_t)&stream };
	int64_t most = (int64_t)1000 << RF_MIN(attempt, 5u);
	int64_t wait = most / 2 + (int64_t)random_below(&stream, (uint64_t)(most / 2));
	struct timespec t = { .tv_sec = 0, .tv_nsec = wait * 1000 };
	(void)nanosleep(&t, NULL);
}

static void wake(struct database *db)
{
	(void)pthread_mutex_lock(&db->lock);
	(void)pthread_cond_broadcast(&db->woken);
	(void)pthread_mutex_unlock(&db->lock);
}

int database_transact(struct database *db, enum db_mode mode, int (*fn)(struct transaction *tx, void *data), void *data,
                      struct err *err)
{
	if (current)
		return err_set(err, RF_EINTERNAL, "a transaction was begun inside another one");
	mono_t deadline = mono_usec() + DATABASE_PATIENCE_USEC;
	for (unsigned attempt = 0;; attempt++) {
		struct transaction tx = { .db = db, .mode = mode, .err = ERR_INIT, .now = USEC_NONE };
		int rc = pool_take(db, mode, &tx.connection, err);
		if (rc != 0)
			return rc;
		rc = run_once(&tx, fn, data);
		pool_give(db, mode, tx.connection);
		if (rc == 0 && tx.notified)
			wake(db);
		if (tx.retry && mono_usec() < deadline) {
			back_off(attempt);
			continue;
		}
		if (rc != 0 && err && tx.err.code != 0)
			*err = tx.err;
		return rc;
	}
}

struct err *tx_err(struct transaction *tx)
{
	return &tx->err;
}

usec_t tx_now(struct transaction *tx)
{
	/* on failure the machine's clock: the transaction is lost anyhow, and callers need not check */
	if (tx->now == USEC_NONE && (tx->failed || tx->db->driver->now(tx, &tx->now) != 0))
		tx->now = now_usec();
	return tx->now;
}

const char *tx_skip_locked(struct transaction *tx)
{
	return tx->db->driver->skip_locked;
}

/* ---------------------------------------------------------------- statements */

static int check_params(struct transaction *tx, const char *sql, const struct db_value *params, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (params[i].kind != DB_TEXT)
			continue;
		if (span_find_byte(params[i].s, '\0') != SIZE_MAX || !span_is_utf8(params[i].s))
			return tx_fail(tx, RF_EINVALID, sql, "text parameter $%zu is not UTF-8, or has a NUL", i + 1);
	}
	return 0;
}

static int run_query(struct transaction *tx, const char *sql, const struct db_value *params, size_t n,
                     struct db_rows **ret)
{
	if (tx->failed)
		return tx->err.code;
	int rc = check_params(tx, sql, params, n);
	if (rc != 0)
		return rc;
	return tx->db->driver->query(tx, sql, params, n, ret);
}

int tx_query(struct transaction *tx, const char *sql, const struct db_value *params, size_t n, struct db_rows **ret)
{
	if (n > DATABASE_MAX_PARAMS)
		return tx_fail(tx, RF_EINTERNAL, sql, "%zu parameters, the most is %d", n, DATABASE_MAX_PARAMS);
	return run_query(tx, sql, params, n, ret);
}

static int run_to_end(struct transaction *tx, const char *sql, const struct db_value *params, size_t n, int64_t *ret_changed)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = run_query(tx, sql, params, n, &rows);
	if (rc != 0)
		return rc;
	do
		rc = rows_next(rows);
	while (rc > 0);
	if (rc == 0 && ret_changed)
		*ret_changed = rows->changed;
	return rc;
}

int tx_exec(struct transaction *tx, const char *sql, const struct db_value *params, size_t n, int64_t *ret_changed)
{
	if (n > DATABASE_MAX_PARAMS)
		return tx_fail(tx, RF_EINTERNAL, sql, "%zu parameters, the most is %d", n, DATABASE_MAX_PARAMS);
	return run_to_end(tx, sql, params, n, ret_changed);
}

int tx_one_i64(struct transaction *tx, int64_t *ret, const char *sql, const struct db_value *params, size_t n)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx, sql, params, n, &rows);
	if (rc != 0)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	char words[96];
	/* not tx_fail(): the caller may go on from here */
	if (rc == 0)
		return err_set(&tx->err, RF_ENOTFOUND, "no row (SQL: %s)", sql_first_words(sql, words));
	*ret = rows_i64(rows, 0);
	return 0;
}

/* Steps of fixed sizes keep the number of different statements, each prepared once, small. */
static size_t insert_step(const struct database_driver *driver, size_t columns, size_t left)
{
	static const size_t steps[] = { 200, 40, 8, 1 };
	for (size_t i = 0; i < RF_COUNT(steps); i++) {
		if (steps[i] <= left && (steps[i] * columns <= driver->max_params || steps[i] == 1))
			return steps[i];
	}
	return 1;
}

static int insert_sql(struct transaction *tx, const char *head, const char *tail, size_t columns, size_t rows, struct str *sql)
{
	str_reset(sql);
	str_add_text(sql, head);
	size_t number = 1;
	for (size_t r = 0; r < rows; r++) {
		for (size_t c = 0; c < columns; c++)
			str_addf(sql, "%s%c%zu", c ? "," : r ? ",(" : " (", tx->db->driver->placeholder, number++);
		str_add_byte(sql, ')');
	}
	str_add_byte(sql, ' ');
	str_add_text(sql, tail);
	int rc = str_check(sql, "statement", &tx->err);
	tx->failed |= rc != 0;
	return rc;
}

/* An untyped NULL takes the type of its column: else each pattern of NULLs would be a statement of its own to a typed
 * dialect. *ret stays NULL when there is none; to be freed. */
static int type_nulls(struct transaction *tx, const struct db_value *values, size_t columns, size_t rows, struct db_value **ret)
{
	enum db_kind kinds[DATABASE_MAX_PARAMS] = { DB_NULL };
	bool any = false;
	for (size_t i = 0; i < rows * columns; i++) {
		enum db_kind kind = db_value_type(&values[i]);
		any |= kind == DB_NULL;
		if (kind != DB_NULL)
			kinds[i % columns] = kind;
	}
	if (!any)
		return 0;
	struct db_value *typed = rf_realloc_array(NULL, rows * columns, sizeof *typed);
	if (!typed)
		return tx_fail(tx, RF_ENOMEM, NULL, "no memory for %zu rows", rows);
	for (size_t i = 0; i < rows * columns; i++) {
		typed[i] = values[i];
		if (db_value_type(&values[i]) == DB_NULL)
			typed[i].i = kinds[i % columns];
	}
	*ret = typed;
	return 0;
}

int tx_insert_many(struct transaction *tx, const char *sql_head, const char *sql_tail, const struct db_value *values,
                   size_t columns, size_t rows)
{
	RF_AUTO(str) sql = STR_INIT(256 * KIB);
	size_t made_for = 0;
	if (columns == 0 || columns > DATABASE_MAX_PARAMS)
		return tx_fail(tx, RF_EINTERNAL, sql_head, "%zu columns, allowed are 1 to %d", columns, DATABASE_MAX_PARAMS);
	RF_AUTO_FREE struct db_value *typed = NULL;
	int typing = type_nulls(tx, values, columns, rows, &typed);
	if (typing != 0)
		return typing;
	values = typed ? typed : values;
	for (size_t done = 0; done < rows;) {
		size_t step = insert_step(tx->db->driver, columns, rows - done);
		int rc = 0;
		if (step != made_for)
			rc = insert_sql(tx, sql_head, sql_tail, columns, step, &sql);
		if (rc == 0)
			rc = run_to_end(tx, str_text(&sql), values + done * columns, step * columns, NULL);
		if (rc != 0)
			return rc;
		made_for = step;
		done += step;
	}
	return 0;
}

/* ---------------------------------------------------------------- rows */

int rows_next(struct db_rows *rows)
{
	return rows->tx->failed ? rows->tx->err.code : rows->tx->db->driver->next(rows);
}

bool rows_is_null(const struct db_rows *rows, int column)
{
	return rows->tx->db->driver->is_null(rows, column);
}

int64_t rows_i64(const struct db_rows *rows, int column)
{
	return rows->tx->db->driver->i64(rows, column);
}

double rows_real(const struct db_rows *rows, int column)
{
	return rows->tx->db->driver->real(rows, column);
}

struct span rows_text(const struct db_rows *rows, int column)
{
	return rows->tx->db->driver->text(rows, column);
}

struct span rows_blob(const struct db_rows *rows, int column)
{
	/* the driver may decode into memory of the cursor: not a change that a reader sees */
	return rows->tx->db->driver->blob((struct db_rows *)(uintptr_t)rows, column);
}

usec_t rows_time(const struct db_rows *rows, int column)
{
	return rows_is_null(rows, column) ? USEC_NONE : rows_i64(rows, column);
}

void rows_close(struct db_rows *rows)
{
	if (rows)
		rows->tx->db->driver->close_rows(rows);
}

void rows_freep(struct db_rows **rows)
{
	rows_close(*rows);
	*rows = NULL;
}

/* ---------------------------------------------------------------- waiting */

static bool is_channel(const char *channel)
{
	size_t n = 0;
	for (; channel[n]; n++) {
		if (channel[n] != '_' && (channel[n] < 'a' || channel[n] > 'z'))
			return false;
	}
	return n > 0 && n < DATABASE_CHANNEL_BYTES;
}

int tx_notify(struct transaction *tx, const char *channel)
{
	if (tx->failed)
		return tx->err.code;
	if (!is_channel(channel) || tx->mode == DB_READ)
		return tx_fail(tx, RF_EINTERNAL, NULL, "notify: not a channel, or a reader");
	int rc = tx->db->driver->notify(tx, channel);
	tx->notified |= rc == 0;
	return rc;
}

/* How far this thread has seen each channel. A slot taken over by another channel costs one spurious wake-up. */
struct wait_cursor {
	uint64_t database;
	char channel[DATABASE_CHANNEL_BYTES];
	uint64_t seen;
};
static _Thread_local struct wait_cursor cursors[8];
static _Thread_local unsigned cursor_turn;

static struct wait_cursor *wait_cursor(const struct database *db, const char *channel)
{
	for (size_t i = 0; i < RF_COUNT(cursors); i++) {
		if (cursors[i].database == db->identity && span_eq_text(span_of(cursors[i].channel), channel))
			return &cursors[i];
	}
	struct wait_cursor *c = &cursors[cursor_turn++ % RF_COUNT(cursors)];
	*c = (struct wait_cursor){ .database = db->identity };
	(void)snprintf(c->channel, sizeof c->channel, "%s", channel);
	return c;
}

int database_wait(struct database *db, const char *channel, int64_t wait_usec, struct err *err)
{
	if (!is_channel(channel) || current)
		return err_set(err, RF_EINTERNAL, "wait: not a channel, or inside a transaction");
	struct wait_cursor *c = wait_cursor(db, channel);
	return db->driver->wait(db, channel, &c->seen, wait_usec, err);
}
