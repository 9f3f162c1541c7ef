/* fleet_store - see the header. */
#include "inventory/fleet_store.h"

#include "base/hash.h"
#include "base/str.h"

static const char *const steps[] = {
	"CREATE TABLE fleet_host(\n"
	"  host {text} PRIMARY KEY, source {text} NOT NULL, machine {text} NOT NULL, key_id {text} NOT NULL, digest {text} "
	"NOT NULL,\n"
	"  taken {int64} NOT NULL, recorded {int64} NOT NULL, seen {int64} NOT NULL);\n"
	"CREATE TABLE fleet_detail(\n"
	"  host {text} NOT NULL, path {blob} NOT NULL, detail {text} NOT NULL, PRIMARY KEY(host, path));\n"
	"CREATE TABLE fleet_finding(\n"
	"  id {id}, host {text} NOT NULL, rule {text} NOT NULL, subject {text} NOT NULL, text {text} NOT NULL,\n"
	"  since {int64} NOT NULL, gone_at {int64});\n"
	"CREATE UNIQUE INDEX fleet_finding_open ON fleet_finding(host, rule, subject) WHERE gone_at IS NULL;\n"
	"CREATE TABLE fleet_join(\n"
	"  host {text} PRIMARY KEY, service {text} NOT NULL, environment {text} NOT NULL, ci {text} NOT NULL, source "
	"{text} NOT NULL);\n",
	/* which line a host is of is told by its report: the next one is read, whatever it says */
	"UPDATE fleet_host SET digest = '';\n",
};

const struct migration_set FLEET_MIGRATIONS = { .room = "fleet", .steps = steps, .step_count = RF_COUNT(steps) };

static int no_memory(struct transaction *tx)
{
	return err_set(tx_err(tx), RF_ENOMEM, "no memory for the fleet's tables");
}

/* Column @i as a terminated text in @a; NULL: out of memory, and *failed is set. */
static const char *text(const struct db_rows *rows, int i, struct arena *a, bool *failed)
{
	const char *s = arena_text(a, rows_text(rows, i));
	*failed |= !s;
	return s;
}

/* ── Who reports ─────────────────────────────────────────────────────────────────────────────────────────────────── */

#define HOST_COLUMNS "host, source, machine, key_id, digest, taken, recorded, seen"

static int host_take(struct transaction *tx, const struct db_rows *rows, struct arena *a, struct fleet_host *ret)
{
	bool failed = false;
	*ret = (struct fleet_host){ .host = text(rows, 0, a, &failed),
				    .source = text(rows, 1, a, &failed),
				    .machine = text(rows, 2, a, &failed),
				    .key_id = text(rows, 3, a, &failed),
				    .digest = text(rows, 4, a, &failed),
				    .taken = rows_time(rows, 5),
				    .recorded = rows_time(rows, 6),
				    .seen = rows_time(rows, 7) };
	return failed ? no_memory(tx) : 0;
}

int fleet_host_get(struct transaction *tx, const char *host, struct arena *a, struct fleet_host *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT " HOST_COLUMNS " FROM fleet_host WHERE host = $1", DB_T(host));
	rc = rc ? rc : rows_next(rows);
	if (rc == 1)
		return host_take(tx, rows, a, ret);
	return rc ? rc : RF_ENOTFOUND;
}

int fleet_host_put(struct transaction *tx, const struct fleet_host *h)
{
	return TX_RUN(tx,
		      "INSERT INTO fleet_host(" HOST_COLUMNS ") VALUES($1, $2, $3, $4, $5, $6, $7, $8)"
		      " ON CONFLICT(host) DO UPDATE SET source = excluded.source, machine = excluded.machine, key_id = "
		      "excluded.key_id, digest = excluded.digest, taken = excluded.taken, recorded = excluded.recorded, seen = "
		      "excluded.seen",
		      DB_T(h->host), DB_T(h->source), DB_T(h->machine), DB_T(h->key_id), DB_T(h->digest), DB_TIME(h->taken),
		      DB_TIME(tx_now(tx)), DB_TIME(tx_now(tx)));
}

int fleet_host_seen(struct transaction *tx, const char *host, usec_t taken)
{
	int rc = TX_RUN(tx, "UPDATE fleet_host SET taken = $1, seen = $2 WHERE host = $3", DB_TIME(taken),
			DB_TIME(tx_now(tx)), DB_T(host));
	return rc ? rc :
		    TX_RUN(tx,
			   "UPDATE inventory_group SET seen_last = $1 WHERE host_id = (SELECT id FROM inventory_host WHERE "
			   "name = $2)",
			   DB_TIME(tx_now(tx)), DB_T(host));
}

int fleet_host_overwritten(struct transaction *tx, const char *host)
{
	return TX_RUN(tx, "UPDATE fleet_host SET digest = '' WHERE host = $1", DB_T(host));
}

int fleet_each_host(struct transaction *tx, const char *source, const char *prefix,
		    int (*visit)(const struct fleet_host *, void *), void *data)
{
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT " HOST_COLUMNS " FROM fleet_host WHERE source = $1 ORDER BY host", DB_T(source));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct fleet_host h;
		arena_reset(&a);
		rc = host_take(tx, rows, &a, &h);
		if (rc == 0 && strncmp(h.host, prefix, strlen(prefix)) == 0)
			rc = visit(&h, data);
	}
	return rc;
}

int fleet_host_remove(struct transaction *tx, const char *host)
{
	return TX_RUN(tx, "DELETE FROM fleet_host WHERE host = $1", DB_T(host));
}

/* ── Details ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int details_insert(struct transaction *tx, const char *host, const struct fleet_detail *list, size_t n)
{
	if (n == 0)
		return 0;
	RF_AUTO_FREE struct db_value *values = rf_realloc_array(NULL, 3 * n, sizeof *values);
	if (!values)
		return no_memory(tx);
	for (size_t i = 0; i < n; i++) {
		values[3 * i] = DB_T(host);
		values[3 * i + 1] = DB_B(list[i].path);
		values[3 * i + 2] = DB_S(list[i].json);
	}
	/* one path told twice: the first counts, as with placements */
	return tx_insert_many(tx, "INSERT INTO fleet_detail(host, path, detail) VALUES", "ON CONFLICT DO NOTHING", values, 3, n);
}

int fleet_details_put(struct transaction *tx, const char *host, const struct fleet_detail *list, size_t n)
{
	int rc = TX_RUN(tx, "DELETE FROM fleet_detail WHERE host = $1", DB_T(host));
	return rc ? rc : details_insert(tx, host, list, n);
}

int fleet_details_add(struct transaction *tx, const char *host, const struct fleet_detail *list, size_t n)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = TX_RUN(tx, "DELETE FROM fleet_detail WHERE host = $1 AND path = $2", DB_T(host), DB_B(list[i].path));
	return rc ? rc : details_insert(tx, host, list, n);
}

int fleet_detail_get(struct transaction *tx, struct span host, struct span path, struct arena *a, struct span *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT detail FROM fleet_detail WHERE host = $1 AND path = $2", DB_S(host), DB_B(path));
	rc = rc ? rc : rows_next(rows);
	if (rc != 1)
		return rc ? rc : RF_ENOTFOUND;
	*ret = arena_span(a, rows_text(rows, 0));
	return ret->p ? 0 : no_memory(tx);
}

/* ── Findings ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "rule\nsubject" */
static int finding_key(struct str *key, struct span rule, struct span subject)
{
	str_reset(key);
	str_add(key, rule);
	str_add_byte(key, '\n');
	str_add(key, subject);
	return key->failed;
}

struct open_finding {
	int64_t id;
	struct span key;
	struct open_finding *next;
};

static int open_findings(struct transaction *tx, const char *host, struct arena *a, struct map *by_key,
			 struct open_finding **ret)
{
	RF_AUTO(str) key = STR_INIT(64 * KIB);
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT id, rule, subject FROM fleet_finding WHERE host = $1 AND gone_at IS NULL",
			  DB_T(host));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct open_finding *f = arena_alloc(a, sizeof *f);
		if (!f || finding_key(&key, rows_text(rows, 1), rows_text(rows, 2)))
			return no_memory(tx);
		*f = (struct open_finding){ .id = rows_i64(rows, 0), .key = arena_span(a, str_span(&key)), .next = *ret };
		*ret = f;
		rc = f->key.p && map_set(by_key, f->key, f) == 0 ? 0 : no_memory(tx);
	}
	return rc;
}

/* Opens what is new; what holds still loses its place in @by_key's list by id 0. */
static int findings_open(struct transaction *tx, const char *host, const struct fleet_finding *list, size_t n,
			 struct map *by_key, struct arena *a)
{
	RF_AUTO(str) key = STR_INIT(64 * KIB);
	for (size_t i = 0; i < n; i++) {
		if (finding_key(&key, list[i].rule, list[i].subject))
			return no_memory(tx);
		struct open_finding *f = map_get(by_key, str_span(&key));
		if (f) {
			f->id = 0;
			continue;
		}
		f = arena_alloc(a, sizeof *f);
		struct span own = arena_span(a, str_span(&key));
		if (!f || !own.p || map_set(by_key, own, f))
			return no_memory(tx);
		int rc = TX_RUN(tx, "INSERT INTO fleet_finding(host, rule, subject, text, since) VALUES($1, $2, $3, $4, $5)",
				DB_T(host), DB_S(list[i].rule), DB_S(list[i].subject), DB_S(list[i].text),
				DB_TIME(tx_now(tx)));
		if (rc)
			return rc;
	}
	return 0;
}

static int findings_write(struct transaction *tx, const char *host, const struct fleet_finding *list, size_t n, bool all)
{
	RF_AUTO(arena) a = ARENA_INIT(256 * MIB);
	RF_AUTO(map) by_key = MAP_INIT;
	struct open_finding *old = NULL;
	int rc = open_findings(tx, host, &a, &by_key, &old);
	if (rc == 0)
		rc = findings_open(tx, host, list, n, &by_key, &a);
	for (; rc == 0 && all && old; old = old->next)
		if (old->id)
			rc = TX_RUN(tx, "UPDATE fleet_finding SET gone_at = $1 WHERE id = $2", DB_TIME(tx_now(tx)),
				    DB_I(old->id));
	return rc;
}

int fleet_findings_put(struct transaction *tx, const char *host, const struct fleet_finding *list, size_t n)
{
	return findings_write(tx, host, list, n, true);
}

int fleet_findings_add(struct transaction *tx, const char *host, const struct fleet_finding *list, size_t n)
{
	return findings_write(tx, host, list, n, false);
}

int fleet_each_finding(struct transaction *tx, struct span host, bool with_gone,
		       int (*visit)(const struct fleet_finding *, void *), void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
			  "SELECT id, host, rule, subject, text, since, gone_at FROM fleet_finding"
			  " WHERE ($1 = '' OR host = $1) AND ($2 = 1 OR gone_at IS NULL) ORDER BY host, rule, subject, id",
			  DB_S(host.n ? host : SPAN("")), DB_I(with_gone));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct fleet_finding f = { .id = rows_i64(rows, 0),
					   .host = rows_text(rows, 1),
					   .rule = rows_text(rows, 2),
					   .subject = rows_text(rows, 3),
					   .text = rows_text(rows, 4),
					   .since = rows_time(rows, 5),
					   .gone_at = rows_time(rows, 6) };
		rc = visit(&f, data);
	}
	return rc;
}

/* ── Whose a host is ─────────────────────────────────────────────────────────────────────────────────────────────── */

#define JOIN_COLUMNS "host, service, environment, ci, source"

static int join_take(struct transaction *tx, const struct db_rows *rows, struct arena *a, struct fleet_join *ret)
{
	bool failed = false;
	*ret = (struct fleet_join){ .host = text(rows, 0, a, &failed),
				    .service = text(rows, 1, a, &failed),
				    .environment = text(rows, 2, a, &failed),
				    .ci = text(rows, 3, a, &failed),
				    .source = text(rows, 4, a, &failed) };
	return failed ? no_memory(tx) : 0;
}

int fleet_join_get(struct transaction *tx, struct span host, struct arena *a, struct fleet_join *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT " JOIN_COLUMNS " FROM fleet_join WHERE host = $1", DB_S(host));
	rc = rc ? rc : rows_next(rows);
	if (rc == 1)
		return join_take(tx, rows, a, ret);
	return rc ? rc : RF_ENOTFOUND;
}

int fleet_join_put(struct transaction *tx, const struct fleet_join *j, bool *ret_changed)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * KIB);
	struct fleet_join old;
	int rc = fleet_join_get(tx, span_of(j->host), &a, &old);
	if (rc && rc != RF_ENOTFOUND)
		return rc;
	if (ret_changed)
		*ret_changed = rc == RF_ENOTFOUND || strcmp(old.service, j->service) != 0 ||
			       strcmp(old.environment, j->environment) != 0;
	return TX_RUN(tx,
		      "INSERT INTO fleet_join(" JOIN_COLUMNS ") VALUES($1, $2, $3, $4, $5) ON CONFLICT(host) DO UPDATE SET service "
		      "= excluded.service, environment = excluded.environment, ci = excluded.ci, source = excluded.source",
		      DB_T(j->host), DB_T(j->service), DB_T(j->environment), DB_T(j->ci), DB_T(j->source));
}

int fleet_each_join(struct transaction *tx, const char *source, int (*visit)(const struct fleet_join *, void *), void *data)
{
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT " JOIN_COLUMNS " FROM fleet_join WHERE ($1 = '' OR source = $1) ORDER BY host",
			  DB_T(source ? source : ""));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct fleet_join j;
		arena_reset(&a);
		rc = join_take(tx, rows, &a, &j);
		if (rc == 0)
			rc = visit(&j, data);
	}
	return rc;
}

int fleet_join_remove(struct transaction *tx, const char *host)
{
	return TX_RUN(tx, "DELETE FROM fleet_join WHERE host = $1", DB_T(host));
}
