/*
 * database_int - what database.c and its drivers share. Private to this room.
 *
 * A driver is one const table. database.c owns the pool, the retries, the state of a transaction and the checks that
 * make both dialects answer alike; a driver owns one connection at a time and never sees two threads in it.
 *
 *   database_transact ──► pool_take ──► driver.begin ──► callback ──► driver.commit ──► pool_give
 *                              ▲                            │ tx->retry
 *                              └──── back off, again ◄── driver.rollback
 */
#ifndef REFORGE_DATABASE_INT_H
#define REFORGE_DATABASE_INT_H

#include "database/database.h"
#include "base/fs.h"
#include "base/str.h"

#include <pthread.h>

/* How long busy and serialisation failures are waited out before RF_EBUSY: longer than any transaction of ours, short
 * enough that a person sees the error. */
#define DATABASE_PATIENCE_USEC (30 * USEC_PER_SEC)
/* Statements kept prepared on a connection; the program has about a hundred. The least recently used one goes. */
#define DATABASE_STATEMENTS 160
/* $1..$99, as the contract says. Only tx_insert_many() goes beyond. */
#define DATABASE_MAX_PARAMS 99
#define DATABASE_CHANNEL_BYTES 32

struct connection {                     /* head of each driver's own struct */
	struct database *db;
	struct connection *next;        /* in the idle list */
	bool broken;                    /* not to be used again: closed instead of kept */
};

struct db_rows {                        /* head of each driver's own struct */
	struct transaction *tx;
	int64_t changed;                /* rows touched, known once the statement has run */
};

struct transaction {
	struct database *db;
	struct connection *connection;
	enum db_mode mode;
	struct err err;
	usec_t now;                     /* USEC_NONE until asked */
	bool failed;                    /* a statement failed: nothing more runs, no commit */
	bool retry;                     /* ... for a reason that another run may not meet */
	bool notified;                  /* SQLite: subscribers wait for this commit */
};

struct pool {
	unsigned limit, opened;
	struct connection *idle;
	uint64_t next_ticket, serving;  /* first come, first served: nobody starves behind a busy thread */
};

struct database_driver {
	const char *kind;
	const char *types[6];           /* in the order of DATABASE_TYPE_WORDS */
	const char *ids;                /* what {ids TABLE} stands for; '@' stands for the table */
	unsigned writers, readers;      /* most connections; readers 0: the writers serve both */
	size_t max_params;              /* of one statement */
	char placeholder;               /* '$' or '?': before a parameter number in tx_insert_many() */
	const char *skip_locked;

	int (*open)(struct database *db, struct err *err);       /* checks and makes the target; sets db->target */
	void (*close)(struct database *db);                      /* db->target may be NULL */
	int (*connect)(struct database *db, bool writer, struct connection **ret, struct err *err);
	void (*disconnect)(struct connection *c);

	/* All of these write to tx->err and set tx->failed, tx->retry. */
	int (*begin)(struct transaction *tx);
	int (*commit)(struct transaction *tx);                   /* after a failure the transaction is rolled back */
	void (*rollback)(struct transaction *tx);
	int (*lock_schema)(struct transaction *tx);              /* one migration at a time */
	int (*now)(struct transaction *tx, usec_t *ret);
	int (*script)(struct transaction *tx, const char *sql);  /* statements without parameters */
	/* Has run when it returns; a statement that changes rows has changed them all. */
	int (*query)(struct transaction *tx, const char *sql, const struct db_value *params, size_t n, struct db_rows **ret);
	int (*notify)(struct transaction *tx, const char *channel);
	/* 1 when @channel moved past *seen (which it updates; 0 at first), else 0 after @wait_usec. */
	int (*wait)(struct database *db, const char *channel, uint64_t *seen, int64_t wait_usec, struct err *err);

	int (*next)(struct db_rows *rows);
	bool (*is_null)(const struct db_rows *rows, int column);
	int64_t (*i64)(const struct db_rows *rows, int column);
	double (*real)(const struct db_rows *rows, int column);
	struct span (*text)(const struct db_rows *rows, int column);
	struct span (*blob)(struct db_rows *rows, int column);
	void (*close_rows)(struct db_rows *rows);
};
#define DATABASE_TYPE_WORDS { "int64", "real", "text", "blob", "bool", "id" }

struct database {
	const struct database_driver *driver;
	char *url;                      /* may hold a password: never in messages */
	char *folder;
	char name[FS_PATH_MAX];          /* for messages: the file, or the URL without user, password and options */
	uint64_t identity;              /* differs for each database_open() of the process */
	pthread_mutex_t lock;           /* guards the pools and the wake counters */
	pthread_cond_t given;           /* a connection came back */
	pthread_cond_t woken;           /* a commit with tx_notify(), on CLOCK_MONOTONIC */
	struct pool write, read;
	void *target;                   /* the driver's own */
	struct database *next;          /* in the list of open ones */
};

extern const struct database_driver database_sqlite, database_postgresql;

/* Marks the transaction failed, with the place and the first words of the SQL behind the text; returns @code. */
int tx_fail(struct transaction *tx, int code, const char *sql, const char *format, ...) RF_PRINTF(4, 5);
/* "INSERT INTO work_item(kind, key": the first words, on one line. Parameters are numbers there, never values. */
const char *sql_first_words(const char *sql, char buffer[96]);
/* The type the value has for a typed dialect: a NULL made by DB_T, DB_S, DB_TIME keeps its own. */
enum db_kind db_value_type(const struct db_value *v);

/* SQLite only: is this (device, inode) one of the files of @db? */
bool database_sqlite_holds(const struct database *db, uint64_t device, uint64_t inode);

#endif
