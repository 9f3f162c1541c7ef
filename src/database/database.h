/*
 * database - one contract, SQLite and PostgreSQL behind it (design 6.10).
 *
 * May use base/ only. A handle is a pool: usable from any thread. Work is done in transactions only:
 *
 *   database_transact(db, DB_WRITE, callback, data, err)
 *
 * The callback may run again from its start (SQLITE_BUSY, serialisation failure, a connection that broke): it has no
 * side effects but through @tx, and resets what it writes to @data. Non-zero from it rolls back and is returned. A
 * DB_WRITE that returned 0 is durable (fsynced). DB_READ sees one consistent snapshot. A transaction inside a callback
 * is refused (RF_EINTERNAL).
 *
 * After a statement has failed the transaction is lost: further statements fail alike, and a callback that returns 0 all
 * the same gets the statement's error. (PostgreSQL works so; SQLite is held to it.)
 *
 * SQL is one text for both: parameters $1..$99 (each used, none left out), RETURNING, ON CONFLICT, LIMIT; in migrations
 * the types {int64}, {real}, {text}, {blob}, {bool} (0/1 in an int64) and {id} ("an int64 primary key that counts up and
 * never comes again"). A step that copied rows with their ids says {ids TABLE} behind it: later ones are counted on from
 * them. Booleans are int64 0/1: write "flag = 1". Moments are int64 microseconds UTC. Text is ordered by
 * bytes on both. Text is valid UTF-8 without NUL: anything else is RF_EINVALID on both (store bytes that others choose,
 * such as file names, as blob or escaped).
 *
 * Errors: RF_EDATABASE with the server's words and the first words of the SQL, never a parameter's value; and where a
 * caller can act on it RF_EEXISTS (a unique key is taken), RF_EFULL, RF_EPERM (read-only), RF_EBUSY (others held it for
 * 30 s), RF_EFORMAT (not a database, or a damaged one), RF_EIO, RF_ENOMEM.
 */
#ifndef REFORGE_DATABASE_DATABASE_H
#define REFORGE_DATABASE_DATABASE_H

#include "base/err.h"
#include "base/span.h"
#include "base/time.h"

struct database;
struct transaction;

enum db_kind { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };
struct db_value {
	enum db_kind kind;
	int64_t i;                 /* of a DB_NULL: the kind it would have had, which PostgreSQL wants to know */
	double r;
	struct span s;             /* borrowed until the call returns */
};
#define DB_I(v) ((struct db_value){ .kind = DB_INT, .i = (int64_t)(v) })
#define DB_R(v) ((struct db_value){ .kind = DB_REAL, .r = (v) })
#define DB_S(span_) db_value_span((span_))                 /* text; NULL pointer gives NULL */
#define DB_T(text_) db_value_text((text_))                 /* text; NULL gives NULL */
#define DB_B(span_) ((struct db_value){ .kind = DB_BLOB, .s = (span_) })
#define DB_TIME(usec_) db_value_time((usec_))              /* USEC_NONE gives NULL */
#define DB_NONE ((struct db_value){ .kind = DB_NULL })     /* of the type its place in the SQL has */
struct db_value db_value_span(struct span s);
struct db_value db_value_text(const char *s);
struct db_value db_value_time(usec_t t);

/* "reforge.db", "sqlite:PATH" (relative to @folder; NULL: the working folder) or "postgresql://...".
 * A new SQLite file gets mode 0600, WAL, synchronous=FULL, foreign keys. One connection is made at once, so that a wrong
 * address is told here; more come as threads need them (SQLite: 1 that writes, 8 that read; PostgreSQL: 16).
 * libpq is loaded here and only for postgresql:// (linked, it costs each start of the program 4 ms); RF_EUNSUPPORTED
 * when it is not installed. */
RF_MUST_CHECK int database_open(const char *url, const char *folder, struct database **ret, struct err *err);
void database_close(struct database *db);                  /* NULL is fine; no transaction may be running */
void database_freep(struct database **db);
const char *database_kind(const struct database *db);      /* "sqlite", "postgresql" */
/* True for the files of an SQLite database open in this process (itself, -wal, -shm). Who opens files of any name must
 * ask first: POSIX drops all locks a process has on a file when it closes *any* descriptor of it, and with SQLite's
 * locks gone another process may write at the same time. */
bool database_holds(uint64_t device, uint64_t inode);

/* A room's tables. Steps are applied in order, once, and remembered by (room, number from 1): only ever append. */
struct migration_set {
	const char *room;
	const char *const *steps;      /* each one or more statements separated by ';' at line ends */
	size_t step_count;
};
/* All sets in one transaction under a lock. A database newer than the program is RF_ESTATE. */
RF_MUST_CHECK int database_migrate(struct database *db, const struct migration_set *const *sets, size_t n, struct err *err);

/* DB_WRITE is serialisable: as if no other transaction ran meanwhile. DB_CLAIM writes too, but on PostgreSQL reads
 * committed rows statement by statement: for short transactions that lock each row (tx_skip_locked()) before they judge
 * it, so that workers who claim side by side do not make each other start again. */
enum db_mode { DB_READ, DB_WRITE, DB_CLAIM };
RF_MUST_CHECK int database_transact(struct database *db, enum db_mode mode, int (*fn)(struct transaction *tx, void *data),
                                    void *data, struct err *err);
/* Inside the callback: where failures are written, so that helpers need no second argument. Never NULL. */
struct err *tx_err(struct transaction *tx);
usec_t tx_now(struct transaction *tx);                     /* the database's clock, one reading per transaction */

/* Runs a statement. @ret_changed (may be NULL): rows touched. */
RF_MUST_CHECK int tx_exec(struct transaction *tx, const char *sql, const struct db_value *params, size_t n,
                          int64_t *ret_changed);
#define TX_RUN(tx, sql, ...) \
	tx_exec((tx), (sql), (const struct db_value[]){ __VA_ARGS__ }, \
	        sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value), NULL)

/* A cursor; a statement that changes rows has changed them all when tx_query() returns. Rows' spans live until the next
 * step. Close it before the callback returns. PostgreSQL holds the result whole in memory: page with LIMIT where a result
 * can grow past some 10,000 rows. */
struct db_rows;
RF_MUST_CHECK int tx_query(struct transaction *tx, const char *sql, const struct db_value *params, size_t n,
                           struct db_rows **ret);
#define TX_QUERY(tx, ret, sql, ...) \
	tx_query((tx), (sql), (const struct db_value[]){ __VA_ARGS__ }, \
	         sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value), (ret))
int rows_next(struct db_rows *rows);                       /* 1: a row; 0: the end; negative: RF_E*, in tx_err() */
bool rows_is_null(const struct db_rows *rows, int column);
int64_t rows_i64(const struct db_rows *rows, int column);  /* 0 for NULL */
double rows_real(const struct db_rows *rows, int column);
struct span rows_text(const struct db_rows *rows, int column);
struct span rows_blob(const struct db_rows *rows, int column);
usec_t rows_time(const struct db_rows *rows, int column);  /* USEC_NONE for NULL */
void rows_close(struct db_rows *rows);                     /* NULL is fine */
void rows_freep(struct db_rows **rows);
#define RF_AUTO_ROWS __attribute__((cleanup(rows_freep))) struct db_rows *
/* One row with one int64: RF_ENOTFOUND when there is none. */
#define TX_I64(tx, ret, sql, ...) \
	tx_one_i64((tx), (ret), (sql), (const struct db_value[]){ __VA_ARGS__ }, \
	           sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value))
RF_MUST_CHECK int tx_one_i64(struct transaction *tx, int64_t *ret, const char *sql, const struct db_value *params, size_t n);

/* Many rows of @columns values each (row after row in @values) in few statements; @sql_head is
 * "INSERT INTO t(a, b) VALUES", @sql_tail e.g. "ON CONFLICT DO NOTHING" or "". No parameters in either. */
RF_MUST_CHECK int tx_insert_many(struct transaction *tx, const char *sql_head, const char *sql_tail,
                                 const struct db_value *values, size_t columns, size_t rows);
/* " FOR UPDATE SKIP LOCKED" on PostgreSQL, "" on SQLite (whose write transactions are BEGIN IMMEDIATE): to append to
 * the SELECT that claims work. */
const char *tx_skip_locked(struct transaction *tx);

/* Wakes subscribers of @channel ([a-z_]+) when this transaction commits. */
RF_MUST_CHECK int tx_notify(struct transaction *tx, const char *channel);
/* Waits until a notification on @channel that came after this thread's last wait for it, or @wait_usec.
 * 1: something may have changed; 0: time ran out; negative: RF_E*. The first wait of a thread returns 1 at once, so
 * "look, wait, look again" misses nothing. Spurious wake-ups happen: on SQLite any commit wakes all channels
 * (data_version polled at 20 ms; at once within the process); PostgreSQL uses LISTEN on a connection of its own. */
int database_wait(struct database *db, const char *channel, int64_t wait_usec, struct err *err);

#endif
