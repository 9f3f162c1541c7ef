/*
 * database_postgresql - PostgreSQL 12 and later behind the contract, through libpq.
 *
 * DB_WRITE is SERIALIZABLE, DB_READ is REPEATABLE READ READ ONLY, DB_CLAIM is READ COMMITTED. 40001 and 40P01 run the
 * callback again (https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html).
 *
 * Parameters go out typed: int64 as int8, double as float8 and blobs as bytea in binary, text as text; so a prepared
 * statement belongs to its SQL *and* the kinds of its parameters. Results come back as text: one reader then serves int8,
 * the numeric that SUM gives, and float8, which PostgreSQL prints so that it reads back the same.
 */
#include "database/database_int.h"
#include "database/database_libpq.h"

#include "base/arena.h"
#include "base/hash.h"

#include <math.h>
#include <poll.h>

/* catalog/pg_type.dat */
#define OID_BYTEA 17u
#define OID_INT8 20u
#define OID_TEXT 25u
#define OID_FLOAT8 701u

#define WATCHED_CHANNELS 16
/* Another thread may have read the notification that this one polls for: it looks again this often. */
#define WATCH_LOOK_MS 50

struct statement {
	uint64_t hash;
	char *key;                      /* kinds of the parameters, a blank, the SQL */
	uint64_t used;
	char name[24];
};

struct postgresql_connection {
	struct connection base;
	PGconn *handle;
	struct arena scratch;           /* of one statement's parameters */
	uint64_t turn;
	struct statement cache[DATABASE_STATEMENTS];
	size_t cached;
};

struct rows {
	struct db_rows base;
	PGresult *result;
	int row, count;
	struct arena decoded;           /* blobs of this row */
};

struct watched {
	char channel[DATABASE_CHANNEL_BYTES];
	uint64_t counter;               /* from 1, so that a first wait returns at once */
};

struct target {
	pthread_mutex_t lock;
	PGconn *watch;
	struct watched channels[WATCHED_CHANNELS];
	size_t watched;
};

static const struct libpq *const pq = &libpq_functions;

static struct postgresql_connection *connection_of(const struct transaction *tx)
{
	return (struct postgresql_connection *)tx->connection;
}

/* ---------------------------------------------------------------- failures */

static int code_of(const char *state)
{
	static const struct {
		const char *prefix;
		int code;
	} codes[] = {
		{ "40001", RF_EBUSY },     { "40P01", RF_EBUSY },  { "55P03", RF_EBUSY },   { "23505", RF_EEXISTS },
		{ "53100", RF_EFULL },     { "53200", RF_ENOMEM }, { "25006", RF_EPERM },   { "42501", RF_EPERM },
		{ "28", RF_EPERM },        { "54", RF_ETOOBIG },   { "58030", RF_EIO },     { "XX001", RF_EFORMAT },
		{ "3D000", RF_ENOTFOUND },
	};
	for (size_t i = 0; i < RF_COUNT(codes); i++) {
		if (span_starts(span_of(state), codes[i].prefix))
			return codes[i].code;
	}
	return RF_EDATABASE;
}

/* The server's first line. Data exceptions (class 22) quote the value behind their words: that is cut off. */
static struct span words_of(const PGresult *result, PGconn *handle, const char *state)
{
	const char *primary = result ? pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	struct span words = span_of(primary ? primary : pq->PQerrorMessage(handle));
	if (span_starts(span_of(state), "22"))
		words = span_sub(words, 0, span_find_byte(words, '"'));
	return span_trim(words);
}

static int fail(struct transaction *tx, const PGresult *result, const char *sql)
{
	struct postgresql_connection *c = connection_of(tx);
	const char *state = result ? pq->PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	state = state ? state : "";
	int code = code_of(state);
	tx->retry = code == RF_EBUSY;
	if (pq->PQstatus(c->handle) == CONNECTION_BAD) {
		c->base.broken = true;
		tx->retry = true;
	}
	struct span words = words_of(result, c->handle, state);
	return tx_fail(tx, code, sql, "%.*s%s%s", SPAN_ARG(span_sub(words, 0, 500)), *state ? ", SQLSTATE " : "", state);
}

static int run_text(struct transaction *tx, const char *sql)
{
	PGresult *result = pq->PQexec(connection_of(tx)->handle, sql);
	ExecStatusType status = pq->PQresultStatus(result);
	int rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : fail(tx, result, sql);
	pq->PQclear(result);
	return rc;
}

/* ---------------------------------------------------------------- opening */

/* "postgresql://host/name": what may be shown of the URL */
static void set_name(struct database *db)
{
	struct span url = span_of(db->url);
	url = span_sub(url, 0, span_find_byte(url, '?'));
	size_t at = span_rfind_byte(url, '@');
	if (at == SIZE_MAX)
		(void)snprintf(db->name, sizeof db->name, "%.*s", SPAN_ARG(url));
	else
		(void)snprintf(db->name, sizeof db->name, "postgresql://%.*s", SPAN_ARG(span_from(url, at + 1)));
}

static int postgresql_open(struct database *db, struct err *err)
{
	set_name(db);
	if (!libpq_load())
		return err_set(err, RF_EUNSUPPORTED, "the PostgreSQL client library libpq.so.5 is not installed (Debian: libpq5)");
	struct target *t = rf_alloc(sizeof *t);
	if (!t)
		return err_set(err, RF_ENOMEM, "no memory for a database handle");
	(void)pthread_mutex_init(&t->lock, NULL);
	db->target = t;
	return 0;
}

static void postgresql_close(struct database *db)
{
	struct target *t = db->target;
	if (!t)
		return;
	if (t->watch)
		pq->PQfinish(t->watch);
	(void)pthread_mutex_destroy(&t->lock);
	rf_free(t);
	db->target = NULL;
}

static void no_notices(void *data, const char *message)
{
	(void)data;
	(void)message;
}

static int fail_connect(struct database *db, PGconn *handle, struct err *err)
{
	/* libpq's words name host and user, never the password; several lines when there are several addresses */
	struct span words = span_trim(span_of(handle ? pq->PQerrorMessage(handle) : "no memory"));
	char text[512];
	size_t n = 0;
	for (size_t i = 0; i < words.n && n + 1 < sizeof text; i++)
		text[n++] = words.p[i] == '\n' ? ' ' : words.p[i];
	text[n] = '\0';
	int code = strstr(text, "does not exist") ? RF_ENOTFOUND : strstr(text, "authentication") ? RF_EPERM : RF_EDATABASE;
	(void)err_set(err, code, "%s", text);
	(void)err_in_file(err, db->name);
	return code;
}

static int connect_handle(struct database *db, PGconn **ret, struct err *err)
{
	/* what stands behind dbname wins over the URL, what stands before it is a default */
	static const char *const names[] = { "connect_timeout", "fallback_application_name", "dbname", "client_encoding", NULL };
	const char *const values[] = { "10", "reforge", db->url, "UTF8", NULL };
	PGconn *handle = pq->PQconnectdbParams(names, values, 1);
	if (!handle || pq->PQstatus(handle) != CONNECTION_OK) {
		int rc = fail_connect(db, handle, err);
		pq->PQfinish(handle);
		return rc;
	}
	(void)pq->PQsetNoticeProcessor(handle, no_notices, NULL);
	if (pq->PQserverVersion(handle) < 120000) {
		pq->PQfinish(handle);
		(void)err_set(err, RF_EUNSUPPORTED, "PostgreSQL 12 or later is needed");
		(void)err_in_file(err, db->name);
		return RF_EUNSUPPORTED;
	}
	/* a server may be set to answer before the commit is on disk: not to us */
	PGresult *result = pq->PQexec(handle, "SET lock_timeout = '30s'; SET standard_conforming_strings = on;"
	                                      "SET bytea_output = hex; SET extra_float_digits = 1;"
	                                      "SELECT set_config('synchronous_commit', 'on', false)"
	                                      " WHERE current_setting('synchronous_commit') = 'off'");
	int rc = pq->PQresultStatus(result) == PGRES_TUPLES_OK ? 0 : fail_connect(db, handle, err);
	pq->PQclear(result);
	if (rc != 0) {
		pq->PQfinish(handle);
		return rc;
	}
	*ret = handle;
	return 0;
}

static int postgresql_connect(struct database *db, bool writer, struct connection **ret, struct err *err)
{
	(void)writer;
	struct postgresql_connection *c = rf_alloc(sizeof *c);
	if (!c)
		return err_set(err, RF_ENOMEM, "no memory for a database connection");
	c->base.db = db;
	c->scratch = ARENA_INIT(64 * MIB);
	int rc = connect_handle(db, &c->handle, err);
	if (rc != 0) {
		rf_free(c);
		return rc;
	}
	*ret = &c->base;
	return 0;
}

static void postgresql_disconnect(struct connection *base)
{
	struct postgresql_connection *c = (struct postgresql_connection *)base;
	for (size_t i = 0; i < c->cached; i++)
		rf_free(c->cache[i].key);
	arena_release(&c->scratch);
	pq->PQfinish(c->handle);
	rf_free(c);
}

/* ---------------------------------------------------------------- statements */

struct bound {                          /* a statement's parameters as libpq takes them */
	Oid *types;
	const char **values;
	int *lengths;
	int *formats;
	struct eight { unsigned char bytes[8]; } *numbers;
};

/* Network byte order, as the binary format has it. */
static void put_be64(unsigned char *to, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		to[i] = (unsigned char)(v & 0xff);
}

static void bind_one(struct bound *b, size_t i, const struct db_value *v)
{
	static const Oid types[] = { [DB_NULL] = 0, [DB_INT] = OID_INT8, [DB_REAL] = OID_FLOAT8, [DB_TEXT] = OID_TEXT,
		                     [DB_BLOB] = OID_BYTEA };
	b->types[i] = types[db_value_type(v)];
	uint64_t bits = (uint64_t)v->i;
	switch (v->kind) {
	case DB_REAL:
		if (isnan(v->r))
			return;         /* NULL, as SQLite does */
		memcpy(&bits, &v->r, sizeof bits);
		__attribute__((fallthrough));
	case DB_INT:
		put_be64(b->numbers[i].bytes, bits);
		b->values[i] = (const char *)b->numbers[i].bytes;
		b->lengths[i] = 8;
		b->formats[i] = 1;
		return;
	case DB_TEXT:
	case DB_BLOB:
		b->values[i] = v->s.n ? v->s.p : "";
		b->lengths[i] = (int)v->s.n;
		b->formats[i] = 1;      /* of text too: its binary form is its bytes, without a NUL behind */
		return;
	case DB_NULL:
	default:
		return;
	}
}

static int bind_all(struct transaction *tx, const char *sql, const struct db_value *params, size_t n, struct bound *b)
{
	struct arena *a = &connection_of(tx)->scratch;
	arena_reset(a);
	b->types = arena_array(a, n + 1, sizeof *b->types);
	b->values = arena_array(a, n + 1, sizeof *b->values);
	b->lengths = arena_array(a, n + 1, sizeof *b->lengths);
	b->formats = arena_array(a, n + 1, sizeof *b->formats);
	b->numbers = arena_array(a, n + 1, sizeof *b->numbers);
	if (!b->types || !b->values || !b->lengths || !b->formats || !b->numbers)
		return tx_fail(tx, RF_ENOMEM, sql, "no memory for %zu parameters", n);
	for (size_t i = 0; i < n; i++) {
		if (params[i].s.n > INT32_MAX)
			return tx_fail(tx, RF_ETOOBIG, sql, "parameter $%zu is over 2 GiB", i + 1);
		bind_one(b, i, &params[i]);
	}
	return 0;
}

static struct statement *cache_slot(struct postgresql_connection *c)
{
	if (c->cached < DATABASE_STATEMENTS) {
		struct statement *s = &c->cache[c->cached];
		(void)snprintf(s->name, sizeof s->name, "reforge_%zu", c->cached++);
		return s;
	}
	struct statement *oldest = &c->cache[0];
	for (size_t i = 1; i < c->cached; i++) {
		if (c->cache[i].used < oldest->used)
			oldest = &c->cache[i];
	}
	return oldest;
}

/* Empties the slot: on the server too, where the name would be taken. */
static int cache_forget(struct transaction *tx, struct statement *s)
{
	if (!s->key)
		return 0;
	rf_free(s->key);
	s->key = NULL;
	s->hash = 0;
	char sql[64];
	(void)snprintf(sql, sizeof sql, "DEALLOCATE %s", s->name);
	return run_text(tx, sql);
}

static int prepare(struct transaction *tx, const char *sql, const struct bound *b, size_t n, struct statement *s)
{
	PGconn *handle = connection_of(tx)->handle;
	PGresult *result = pq->PQprepare(handle, s->name, sql, (int)n, b->types);
	int rc = pq->PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : fail(tx, result, sql);
	pq->PQclear(result);
	return rc;
}

static int statement_of(struct transaction *tx, const char *sql, const struct db_value *params, const struct bound *b, size_t n,
                        struct statement **ret)
{
	struct postgresql_connection *c = connection_of(tx);
	size_t bytes = n + 1 + strlen(sql) + 1;
	char *key = arena_alloc(&c->scratch, bytes);
	if (!key)
		return tx_fail(tx, RF_ENOMEM, sql, "no memory for a statement");
	for (size_t i = 0; i < n; i++)
		key[i] = (char)('0' + (int)db_value_type(&params[i]));
	key[n] = ' ';
	memcpy(key + n + 1, sql, strlen(sql));
	uint64_t hash = hash_bytes(key, bytes - 1);
	for (size_t i = 0; i < c->cached; i++) {
		struct statement *s = &c->cache[i];
		if (s->hash == hash && s->key && strcmp(s->key, key) == 0) {
			s->used = ++c->turn;
			*ret = s;
			return 0;
		}
	}
	struct statement *s = cache_slot(c);
	int rc = cache_forget(tx, s);
	if (rc == 0)
		rc = prepare(tx, sql, b, n, s);
	if (rc != 0)
		return rc;
	s->key = rf_text(key);
	if (!s->key) {
		c->base.broken = true;          /* the server holds a name that the cache does not know */
		return tx_fail(tx, RF_ENOMEM, sql, "no memory for a statement");
	}
	s->hash = hash;
	s->used = ++c->turn;
	*ret = s;
	return 0;
}

static int64_t number_of(const char *text)
{
	int64_t v = 0;
	double d = 0;
	struct span s = span_of(text);
	if (span_i64(s, &v))
		return v;
	if (span_double(s, &d) && d > -9.2e18 && d < 9.2e18)
		return (int64_t)d;              /* numeric with a point, float8: cut towards zero, as SQLite does */
	return text[0] == 't' ? 1 : 0;
}

static int postgresql_query(struct transaction *tx, const char *sql, const struct db_value *params, size_t n,
                            struct db_rows **ret)
{
	struct postgresql_connection *c = connection_of(tx);
	struct bound b = { 0 };
	struct statement *s = NULL;
	int rc = bind_all(tx, sql, params, n, &b);
	if (rc == 0)
		rc = statement_of(tx, sql, params, &b, n, &s);
	if (rc != 0)
		return rc;
	PGresult *result = pq->PQexecPrepared(c->handle, s->name, (int)n, b.values, b.lengths, b.formats, 0);
	ExecStatusType status = pq->PQresultStatus(result);
	struct rows *r = NULL;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		rc = fail(tx, result, sql);
	else if (!(r = rf_alloc(sizeof *r)))
		rc = tx_fail(tx, RF_ENOMEM, sql, "no memory for a cursor");
	if (!r) {
		pq->PQclear(result);
		return rc;
	}
	r->base = (struct db_rows){ .tx = tx };
	r->result = result;
	r->row = -1;
	r->count = pq->PQntuples(result);
	r->decoded = ARENA_INIT(1 * GIB);       /* PostgreSQL's own limit of a value */
	const char *command = pq->PQcmdStatus(result);
	if (!span_starts(span_of(command), "SELECT"))
		r->base.changed = number_of(pq->PQcmdTuples(result));
	*ret = &r->base;
	return 0;
}

static int postgresql_next(struct db_rows *base)
{
	struct rows *r = (struct rows *)base;
	if (r->decoded.used_bytes)
		arena_reset(&r->decoded);
	if (r->row + 1 >= r->count)
		return 0;
	r->row++;
	return 1;
}

static bool postgresql_is_null(const struct db_rows *base, int column)
{
	const struct rows *r = (const struct rows *)base;
	return pq->PQgetisnull(r->result, r->row, column) != 0;
}

static int64_t postgresql_i64(const struct db_rows *base, int column)
{
	const struct rows *r = (const struct rows *)base;
	return number_of(pq->PQgetvalue(r->result, r->row, column));
}

static double postgresql_real(const struct db_rows *base, int column)
{
	const struct rows *r = (const struct rows *)base;
	const char *text = pq->PQgetvalue(r->result, r->row, column);
	double d = 0;
	if (span_double(span_of(text), &d))
		return d;
	return strcmp(text, "Infinity") == 0 ? INFINITY : strcmp(text, "-Infinity") == 0 ? -INFINITY : 0;
}

static struct span postgresql_text(const struct db_rows *base, int column)
{
	const struct rows *r = (const struct rows *)base;
	if (postgresql_is_null(base, column))
		return SPAN_NONE;
	return span_bytes(pq->PQgetvalue(r->result, r->row, column), (size_t)pq->PQgetlength(r->result, r->row, column));
}

static struct span postgresql_blob(struct db_rows *base, int column)
{
	struct rows *r = (struct rows *)base;
	struct span text = postgresql_text(base, column);
	if (!text.p || pq->PQftype(r->result, column) != OID_BYTEA)
		return text;
	size_t n = text.n >= 2 ? (text.n - 2) / 2 : 0;
	char *bytes = arena_alloc(&r->decoded, n + 1);
	if (!bytes || !hex_read(span_from(text, 2), bytes, n)) {
		(void)tx_fail(base->tx, RF_ENOMEM, NULL, "no memory for a blob of %zu bytes", n);
		return SPAN_NONE;
	}
	return span_bytes(bytes, n);
}

static void postgresql_close_rows(struct db_rows *base)
{
	struct rows *r = (struct rows *)base;
	pq->PQclear(r->result);
	arena_release(&r->decoded);
	rf_free(r);
}

/* ---------------------------------------------------------------- transactions */

static int postgresql_begin(struct transaction *tx)
{
	static const char *const begin[] = {
		[DB_READ] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
		[DB_WRITE] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
		[DB_CLAIM] = "BEGIN ISOLATION LEVEL READ COMMITTED",
	};
	return run_text(tx, begin[tx->mode]);
}

static void postgresql_rollback(struct transaction *tx)
{
	struct postgresql_connection *c = connection_of(tx);
	PGresult *result = c->base.broken ? NULL : pq->PQexec(c->handle, "ROLLBACK");
	if (pq->PQresultStatus(result) != PGRES_COMMAND_OK)
		c->base.broken = true;
	pq->PQclear(result);
}

static int postgresql_commit(struct transaction *tx)
{
	struct postgresql_connection *c = connection_of(tx);
	PGresult *result = pq->PQexec(c->handle, "COMMIT");
	int rc = 0;
	if (pq->PQresultStatus(result) != PGRES_COMMAND_OK) {
		rc = fail(tx, result, "COMMIT");
		if (c->base.broken) {
			/* not again by itself: it may have been carried out */
			tx->retry = false;
			(void)err_prefix(&tx->err, "the connection broke while committing, which may or may not have happened: ");
		}
	} else if (strcmp(pq->PQcmdStatus(result), "COMMIT") != 0) {
		rc = tx_fail(tx, RF_EDATABASE, NULL, "the server rolled the transaction back");
	}
	pq->PQclear(result);
	return rc;
}

static int postgresql_lock_schema(struct transaction *tx)
{
	/* any number that no other program uses: "reforge" in ASCII */
	return run_text(tx, "SELECT pg_advisory_xact_lock(32199637975852901)");
}

static int postgresql_now(struct transaction *tx, usec_t *ret)
{
	return TX_I64(tx, ret, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8");
}

/* ---------------------------------------------------------------- waiting */

static int postgresql_notify(struct transaction *tx, const char *channel)
{
	return TX_RUN(tx, "SELECT pg_notify($1, '')", DB_T(channel));
}

static int listen_to(struct database *db, struct target *t, const char *channel, struct err *err)
{
	char sql[64];
	(void)snprintf(sql, sizeof sql, "LISTEN %s", channel);
	PGresult *result = pq->PQexec(t->watch, sql);
	int rc = pq->PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : fail_connect(db, t->watch, err);
	pq->PQclear(result);
	return rc;
}

/* Everything may have changed while nobody listened. */
static void watch_lost(struct target *t)
{
	if (t->watch)
		pq->PQfinish(t->watch);
	t->watch = NULL;
	for (size_t i = 0; i < t->watched; i++)
		t->channels[i].counter++;
}

static int watch_connect(struct database *db, struct target *t, struct err *err)
{
	int rc = connect_handle(db, &t->watch, err);
	for (size_t i = 0; rc == 0 && i < t->watched; i++)
		rc = listen_to(db, t, t->channels[i].channel, err);
	if (rc != 0)
		watch_lost(t);
	return rc;
}

static struct watched *watched_of(struct target *t, const char *channel)
{
	for (size_t i = 0; i < t->watched; i++) {
		if (strcmp(t->channels[i].channel, channel) == 0)
			return &t->channels[i];
	}
	return NULL;
}

static int watch_channel(struct database *db, struct target *t, const char *channel, struct watched **ret, struct err *err)
{
	int rc = t->watch ? 0 : watch_connect(db, t, err);
	*ret = watched_of(t, channel);
	if (rc != 0 || *ret)
		return rc;
	if (t->watched == WATCHED_CHANNELS)
		return err_set(err, RF_ETOOMANY, "over %d channels are waited for", WATCHED_CHANNELS);
	rc = listen_to(db, t, channel, err);
	if (rc != 0)
		return rc;
	struct watched *w = &t->channels[t->watched++];
	*w = (struct watched){ .counter = 1 };
	(void)snprintf(w->channel, sizeof w->channel, "%s", channel);
	*ret = w;
	return 0;
}

static void watch_drain(struct target *t)
{
	if (!pq->PQconsumeInput(t->watch)) {
		watch_lost(t);
		return;
	}
	PGnotify *n;
	while ((n = pq->PQnotifies(t->watch))) {
		struct watched *w = watched_of(t, n->relname);
		if (w)
			w->counter++;
		pq->PQfreemem(n);
	}
}

static int postgresql_wait(struct database *db, const char *channel, uint64_t *seen, int64_t wait_usec, struct err *err)
{
	struct target *t = db->target;
	mono_t deadline = mono_usec() + wait_usec;
	for (;;) {
		struct watched *w = NULL;
		uint64_t counter = *seen;
		int fd = -1;
		(void)pthread_mutex_lock(&t->lock);
		int rc = watch_channel(db, t, channel, &w, err);
		if (rc == 0) {
			watch_drain(t);
			counter = w->counter;
			fd = t->watch ? pq->PQsocket(t->watch) : -1;
		}
		(void)pthread_mutex_unlock(&t->lock);
		if (rc != 0)
			return rc;
		if (counter != *seen) {
			*seen = counter;
			return 1;
		}
		int64_t left_ms = (deadline - mono_usec() + 999) / 1000;
		if (left_ms <= 0)
			return 0;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		(void)poll(&p, 1, (int)RF_MIN(left_ms, WATCH_LOOK_MS));
	}
}

const struct database_driver database_postgresql = {
	.kind = "postgresql",
	.types = { "BIGINT", "DOUBLE PRECISION", "TEXT COLLATE \"C\"", "BYTEA", "BIGINT",
	           "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY" },
	.ids = "SELECT setval(pg_get_serial_sequence('@', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM @), false)",
	.writers = 16,
	.readers = 0,
	.max_params = 65535,            /* a 16-bit count in the protocol's Bind */
	.placeholder = '$',
	.skip_locked = " FOR UPDATE SKIP LOCKED",
	.open = postgresql_open,
	.close = postgresql_close,
	.connect = postgresql_connect,
	.disconnect = postgresql_disconnect,
	.begin = postgresql_begin,
	.commit = postgresql_commit,
	.rollback = postgresql_rollback,
	.lock_schema = postgresql_lock_schema,
	.now = postgresql_now,
	.script = run_text,
	.query = postgresql_query,
	.notify = postgresql_notify,
	.wait = postgresql_wait,
	.next = postgresql_next,
	.is_null = postgresql_is_null,
	.i64 = postgresql_i64,
	.real = postgresql_real,
	.text = postgresql_text,
	.blob = postgresql_blob,
	.close_rows = postgresql_close_rows,
};
