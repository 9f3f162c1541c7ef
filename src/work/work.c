/* work - see the header. */
#include "work/work.h"

#include "base/str.h"

#define MAX_KIND 64
#define MAX_KINDS 16
#define MAX_REASON 1000
#define DEFAULT_ATTEMPTS 5

/* work_item.state. The indexes below say 2 and 1 as numbers: a partial index needs a constant. */
enum state { WAITING = 0, LEASED = 1, DONE = 2, FAILED = 3 };

/* `due` is not_before while waiting, the lease's end while leased: what is due can be claimed, in either state. */
static const char *const steps[] = {
	"CREATE TABLE work_item("
	"id {id},"
	"kind {text} NOT NULL,"
	"key {text} NOT NULL UNIQUE,"
	"payload {text} NOT NULL,"
	"digest {blob} NOT NULL,"
	"priority {int64} NOT NULL,"
	"state {int64} NOT NULL,"
	"due {int64} NOT NULL,"
	"owner {text},"
	"fence {int64} NOT NULL DEFAULT 0,"
	"attempt {int64} NOT NULL DEFAULT 1,"
	"max_attempts {int64} NOT NULL,"
	"lost {int64} NOT NULL DEFAULT 0,"
	"reason {text},"
	"created_at {int64} NOT NULL,"
	"ended_at {int64});\n"
	/* unfinished items only: however long the history, a claim walks down one small tree */
	"CREATE INDEX work_item_due ON work_item(kind, priority, due, id) WHERE state < 2;\n"
	"CREATE INDEX work_item_owner ON work_item(owner) WHERE state = 1",
};
const struct migration_set WORK_MIGRATIONS = { "work", steps, RF_COUNT(steps) };

/* ---------------------------------------------------------------- enqueue */

static int check_request(struct transaction *tx, const struct work_request *r)
{
	size_t kind = r->kind ? strlen(r->kind) : 0, key = r->key ? strlen(r->key) : 0;
	if (kind == 0 || kind > MAX_KIND || key == 0 || key > WORK_MAX_KEY)
		return err_set(tx_err(tx), RF_EINVALID, "work item: a kind has 1 to %d bytes, a key 1 to %d; these have %zu and %zu",
		               MAX_KIND, WORK_MAX_KEY, kind, key);
	if (r->payload.n > WORK_MAX_PAYLOAD)
		return err_set(tx_err(tx), RF_ETOOBIG, "work item %s: the payload has %zu bytes, allowed are %zu", r->key, r->payload.n,
		               WORK_MAX_PAYLOAD);
	if (r->max_attempts < 0)
		return err_set(tx_err(tx), RF_EINVALID, "work item %s: %d attempts", r->key, r->max_attempts);
	return 0;
}

/* The key is there: *ret_id, or RF_ECONFLICT when it stands for other work. */
static int find_same(struct transaction *tx, const struct work_request *r, const struct digest *digest, int64_t *ret_id)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT id, kind, digest FROM work_item WHERE key = $1", DB_T(r->key));
	if (rc != 0)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_EINTERNAL, "work item %s: neither new nor there", r->key);
	if (!span_eq_text(rows_text(rows, 1), r->kind) || !span_eq(rows_blob(rows, 2), span_bytes(digest->bytes, DIGEST_BYTES)))
		return err_set(tx_err(tx), RF_ECONFLICT, "work item %s: the key was used before, for another input", r->key);
	*ret_id = rows_i64(rows, 0);
	return 0;
}

int work_enqueue(struct transaction *tx, const struct work_request *request, int64_t *ret_id, bool *ret_new)
{
	int rc = check_request(tx, request);
	if (rc != 0)
		return rc;
	struct digest digest;
	digest_of(request->payload, &digest);
	usec_t now = tx_now(tx);
	int64_t id = 0;
	rc = TX_I64(tx, &id,
	            "INSERT INTO work_item(kind, key, payload, digest, priority, state, due, max_attempts, created_at)"
	            " VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8) ON CONFLICT (key) DO NOTHING RETURNING id",
	            DB_T(request->kind), DB_T(request->key), DB_S(request->payload.p ? request->payload : SPAN("")),
	            DB_B(span_bytes(digest.bytes, DIGEST_BYTES)), DB_I(request->priority),
	            DB_I(request->not_before == USEC_NONE ? now : request->not_before),
	            DB_I(request->max_attempts ? request->max_attempts : DEFAULT_ATTEMPTS), DB_TIME(now));
	bool is_new = rc == 0;
	if (rc == RF_ENOTFOUND)
		rc = find_same(tx, request, &digest, &id);
	else if (rc == 0)
		rc = tx_notify(tx, "work");
	if (rc != 0)
		return rc;
	if (ret_id)
		*ret_id = id;
	if (ret_new)
		*ret_new = is_new;
	return 0;
}

/* ---------------------------------------------------------------- claim */

/* The head of one kind's queue at one priority. */
struct head {
	bool there;
	int64_t priority, due, id;
};

#define BEFORE_ALL INT64_MIN

/* The first unfinished item of the first priority behind @after: when it is not due, nothing of that priority is. */
static int look_at_head(struct transaction *tx, const char *kind, int64_t after, struct head *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
	                  "SELECT priority, due, id FROM work_item WHERE state < 2 AND kind = $1 AND priority > $2"
	                  " ORDER BY priority, due, id LIMIT 1",
	                  DB_T(kind), DB_I(after));
	if (rc != 0)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	*ret = (struct head){ .there = rc == 1 };
	if (rc == 1)
		*ret = (struct head){ true, rows_i64(rows, 0), rows_i64(rows, 1), rows_i64(rows, 2) };
	return 0;
}

/* The first head that is due, behind the priority @after. */
static int look_at_due(struct transaction *tx, const char *kind, int64_t after, struct head *ret)
{
	do {
		int rc = look_at_head(tx, kind, after, ret);
		if (rc != 0)
			return rc;
		after = ret->priority;
	} while (ret->there && ret->due > tx_now(tx));
	return 0;
}

static bool comes_first(const struct head *a, const struct head *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	return a->due != b->due ? a->due < b->due : a->id < b->id;
}

/* Locks the first due item of (kind, priority) that nobody else is about to take. *ret_id 0: all are being taken. */
static int lock_first(struct transaction *tx, const char *kind, int64_t priority, int64_t *ret_id)
{
	char sql[256];
	(void)snprintf(sql, sizeof sql,
	               "SELECT id FROM work_item WHERE state < 2 AND kind = $1 AND priority = $2 AND due <= $3"
	               " ORDER BY due, id LIMIT 1%s",
	               tx_skip_locked(tx));
	int rc = TX_I64(tx, ret_id, sql, DB_T(kind), DB_I(priority), DB_TIME(tx_now(tx)));
	if (rc == RF_ENOTFOUND) {
		*ret_id = 0;
		return 0;
	}
	return rc;
}

struct claim {
	const char *owner;
	const char *const *kinds;
	size_t kind_count;
	int64_t lease_usec;
	struct arena *arena;
	struct work_item *ret;
};

static int take(struct transaction *tx, const struct claim *c, int64_t id)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
	                  "UPDATE work_item SET state = 1, due = $2, owner = $3, fence = fence + 1,"
	                  " lost = lost + CASE WHEN state = 1 THEN 1 ELSE 0 END"
	                  " WHERE id = $1 RETURNING fence, attempt, max_attempts, lost, kind, key, payload",
	                  DB_I(id), DB_I(tx_now(tx) + c->lease_usec), DB_T(c->owner));
	if (rc != 0)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_EINTERNAL, "work item %lld vanished while it was locked", (long long)id);
	*c->ret = (struct work_item){
		.id = id,
		.fence = rows_i64(rows, 0),
		.attempt = (int)rows_i64(rows, 1),
		.max_attempts = (int)rows_i64(rows, 2),
		.lost = (int)rows_i64(rows, 3),
		.kind = arena_text(c->arena, rows_text(rows, 4)),
		.key = arena_text(c->arena, rows_text(rows, 5)),
		.payload = arena_span(c->arena, rows_text(rows, 6)),
	};
	if (!c->ret->kind || !c->ret->key || !c->ret->payload.p)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for a work item");
	return 0;
}

#define NOTHING_DUE 1

static int claim(struct transaction *tx, void *data)
{
	const struct claim *c = data;
	struct head heads[MAX_KINDS];
	for (size_t i = 0; i < c->kind_count; i++) {
		int rc = look_at_due(tx, c->kinds[i], BEFORE_ALL, &heads[i]);
		if (rc != 0)
			return rc;
	}
	for (;;) {
		size_t first = c->kind_count;
		for (size_t i = 0; i < c->kind_count; i++) {
			if (heads[i].there && (first == c->kind_count || comes_first(&heads[i], &heads[first])))
				first = i;
		}
		if (first == c->kind_count)
			return NOTHING_DUE;
		int64_t id = 0;
		int rc = lock_first(tx, c->kinds[first], heads[first].priority, &id);
		if (rc == 0 && id != 0)
			return take(tx, c, id);
		if (rc == 0)
			rc = look_at_due(tx, c->kinds[first], heads[first].priority, &heads[first]);
		if (rc != 0)
			return rc;
	}
}

int work_claim(struct database *db, const char *owner, const char *const *kinds, size_t kind_count, int64_t lease_usec,
               struct arena *a, struct work_item *ret, struct err *err)
{
	if (kind_count == 0 || kind_count > MAX_KINDS || lease_usec <= 0)
		return err_set(err, RF_EINTERNAL, "claim: 1 to %d kinds and a lease are needed", MAX_KINDS);
	struct work_item item = { 0 };
	struct claim c = { owner, kinds, kind_count, lease_usec, a, &item };
	int rc = database_transact(db, DB_CLAIM, claim, &c, err);
	if (rc == NOTHING_DUE)
		return 0;
	if (rc != 0)
		return rc;
	*ret = item;
	return 1;
}

/* ---------------------------------------------------------------- outcomes */

static int fenced(struct transaction *tx, const struct work_item *item)
{
	return err_set(tx_err(tx), RF_EFENCED, "work item %s: claim %lld is no longer the last one, or has its outcome", item->key,
	               (long long)item->fence);
}

struct renewal {
	const struct work_item *item;
	int64_t lease_usec;
};

static int renew(struct transaction *tx, void *data)
{
	const struct renewal *r = data;
	int64_t changed = 0;
	const struct db_value params[] = { DB_I(r->item->id), DB_I(r->item->fence), DB_I(tx_now(tx) + r->lease_usec) };
	int rc = tx_exec(tx, "UPDATE work_item SET due = $3 WHERE id = $1 AND fence = $2 AND state = 1", params, RF_COUNT(params),
	                 &changed);
	return rc == 0 && changed == 0 ? fenced(tx, r->item) : rc;
}

int work_renew(struct database *db, const struct work_item *item, int64_t lease_usec, struct err *err)
{
	struct renewal r = { item, lease_usec };
	return database_transact(db, DB_CLAIM, renew, &r, err);
}

static int end(struct transaction *tx, const struct work_item *item, enum state state, const char *reason)
{
	int64_t changed = 0;
	const struct db_value params[] = { DB_I(item->id), DB_I(item->fence), DB_I(state), DB_T(reason), DB_TIME(tx_now(tx)) };
	int rc = tx_exec(tx,
	                 "UPDATE work_item SET state = $3, owner = NULL, reason = $4, ended_at = $5"
	                 " WHERE id = $1 AND fence = $2 AND state = 1",
	                 params, RF_COUNT(params), &changed);
	return rc == 0 && changed == 0 ? fenced(tx, item) : rc;
}

int work_done(struct transaction *tx, const struct work_item *item)
{
	return end(tx, item, DONE, NULL);
}

/* At most MAX_REASON bytes that any database takes. */
static const char *short_reason(struct str *to, const char *reason)
{
	str_add_visible(to, span_sub(span_of(reason), 0, MAX_REASON));
	size_t n = RF_MIN(to->n, (size_t)MAX_REASON);
	if (n < to->n) {
		while (n > 0 && ((unsigned char)to->p[n] & 0xc0) == 0x80)
			n--;                    /* not inside a character */
		to->p[n] = '\0';
	}
	return str_text(to);
}

int work_retry(struct transaction *tx, const struct work_item *item, usec_t not_before, const char *reason, bool *ret_failed)
{
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	usec_t now = tx_now(tx);
	int64_t state = WAITING;
	int rc = TX_I64(tx, &state,
	                "UPDATE work_item SET owner = NULL, due = $3, reason = $4,"
	                " state = CASE WHEN attempt < max_attempts THEN 0 ELSE 3 END,"
	                " attempt = CASE WHEN attempt < max_attempts THEN attempt + 1 ELSE attempt END,"
	                " ended_at = CASE WHEN attempt < max_attempts THEN NULL ELSE $5 END"
	                " WHERE id = $1 AND fence = $2 AND state = 1 RETURNING state",
	                DB_I(item->id), DB_I(item->fence), DB_I(not_before == USEC_NONE ? now : not_before),
	                DB_T(short_reason(&text, reason)), DB_TIME(now));
	if (rc == RF_ENOTFOUND)
		return fenced(tx, item);
	if (rc == 0 && state == WAITING)
		rc = tx_notify(tx, "work");
	if (rc == 0 && ret_failed)
		*ret_failed = state == FAILED;
	return rc;
}

int work_rest(struct transaction *tx, const struct work_item *item, const char *why, usec_t until)
{
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	int64_t changed = 0;
	const struct db_value params[] = { DB_I(item->id), DB_I(item->fence), DB_I(until), DB_T(short_reason(&text, why)) };
	int rc = tx_exec(tx, "UPDATE work_item SET state = 0, owner = NULL, due = $3, reason = $4 WHERE id = $1 AND fence = $2 AND state = 1",
	                 params, RF_COUNT(params), &changed);
	return rc == 0 && changed == 0 ? fenced(tx, item) : rc;
}

int work_wake(struct transaction *tx, const char *why)
{
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	int64_t changed = 0;
	const struct db_value params[] = { DB_T(short_reason(&text, why)), DB_TIME(tx_now(tx)) };
	int rc = tx_exec(tx, "UPDATE work_item SET due = $2, reason = NULL WHERE state < 2 AND state = 0 AND due > $2 AND reason = $1",
	                 params, RF_COUNT(params), &changed);
	return rc == 0 && changed ? tx_notify(tx, "work") : rc;
}

int work_give_up(struct transaction *tx, const struct work_item *item, const char *reason)
{
	RF_AUTO(str) text = STR_INIT(16 * KIB);
	return end(tx, item, FAILED, short_reason(&text, reason));
}

/* ---------------------------------------------------------------- the dead */

static int release_dead(struct transaction *tx, void *data)
{
	int64_t *freed = data;
	RF_AUTO(str) owner = STR_INIT(4 * KIB);
	*freed = 0;
	for (;;) {
		RF_AUTO_ROWS rows = NULL;
		int rc = TX_QUERY(tx, &rows,
		                  "SELECT owner FROM work_item WHERE state = 1 AND owner > $1 ORDER BY owner LIMIT 1",
		                  DB_T(str_text(&owner)));
		if (rc == 0)
			rc = rows_next(rows);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		str_reset(&owner);
		str_add(&owner, rows_text(rows, 0));
		rows_close(rows);
		rows = NULL;
		if (!work_owner_is_dead(str_text(&owner)))
			continue;
		int64_t changed = 0;
		const struct db_value params[] = { DB_T(str_text(&owner)), DB_TIME(tx_now(tx)) };
		rc = tx_exec(tx, "UPDATE work_item SET state = 0, owner = NULL, due = $2, lost = lost + 1 WHERE state = 1 AND owner = $1",
		             params, RF_COUNT(params), &changed);
		if (rc != 0)
			return rc;
		*freed += changed;
	}
	return *freed ? tx_notify(tx, "work") : 0;
}

int work_release_dead(struct database *db, int64_t *ret_freed, struct err *err)
{
	int64_t freed = 0;
	int rc = database_transact(db, DB_WRITE, release_dead, &freed, err);
	if (rc == 0 && ret_freed)
		*ret_freed = freed;
	return rc;
}

/* ---------------------------------------------------------------- looking */

int work_count(struct transaction *tx, const char *kind, struct work_counts *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = kind ? TX_QUERY(tx, &rows, "SELECT state, COUNT(*) FROM work_item WHERE kind = $1 GROUP BY state", DB_T(kind))
	              : TX_QUERY(tx, &rows, "SELECT state, COUNT(*) FROM work_item GROUP BY state");
	if (rc != 0)
		return rc;
	struct work_counts counts = { 0 };
	int64_t *const by_state[] = { &counts.waiting, &counts.leased, &counts.done, &counts.failed };
	while ((rc = rows_next(rows)) == 1) {
		int64_t state = rows_i64(rows, 0);
		if (state >= 0 && state < (int64_t)RF_COUNT(by_state))
			*by_state[state] = rows_i64(rows, 1);
	}
	if (rc == 0)
		*ret = counts;
	return rc;
}

int work_next_due(struct transaction *tx, const char *const *kinds, size_t kind_count, usec_t *ret)
{
	usec_t soonest = USEC_NONE;
	for (size_t i = 0; i < kind_count; i++) {
		struct head head = { .there = true, .priority = BEFORE_ALL };
		while (head.there) {
			int rc = look_at_head(tx, kinds[i], head.priority, &head);
			if (rc != 0)
				return rc;
			if (head.there && (soonest == USEC_NONE || head.due < soonest))
				soonest = head.due;
		}
	}
	*ret = soonest;
	return 0;
}
