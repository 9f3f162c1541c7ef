/* Waivers in the database. See waiver_store.h. */
#include "exposure/waiver_store.h"

#include "advisory/store.h"
#include "ledger/ledger.h"

/* ── Making and revoking ─────────────────────────────────────────────────────────────────────────────────────────── */

static struct span text(struct span s)
{
	return s.n ? s : SPAN("");
}

static int write_record(struct transaction *tx, const char *kind, const struct waiver *w, struct span actor)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	char subject[64], who[256];
	waiver_json(w, tx_now(tx), &o);
	snprintf(subject, sizeof subject, "waiver/%lld", (long long)w->id);
	snprintf(who, sizeof who, "%.*s", SPAN_ARG(actor));
	int rc = str_check(&body, "ledger record", tx_err(tx));
	return rc ? rc : ledger_append(tx, &(struct ledger_entry){ kind, subject, who, str_span(&body) });
}

/* The ids as the merged advisories have them. */
static int resolve(struct transaction *tx, struct arena *a, const struct waiver *w, struct span *ret)
{
	struct arena one = ARENA_INIT(ADVISORY_ARENA_BYTES);
	int rc = 0;
	for (size_t i = 0; !rc && i < w->advisory_count; i++) {
		struct stored_advisory v;
		arena_reset(&one);
		rc = advisory_get(tx, &one, w->advisories[i], &v);
		if (!rc && !(ret[i] = arena_span(a, v.advisory.id)).p)
			rc = err_set(tx_err(tx), RF_ENOMEM, "waiver");
	}
	arena_release(&one);
	return rc;
}

static int insert(struct transaction *tx, struct waiver *w)
{
	const struct waiver_scope *s = &w->scope;
	int rc = TX_I64(
		tx, &w->id,
		"INSERT INTO exposure_waiver (kind, service, environment, product, version, digest, owner, reason,"
		" created_by, created, expires, revoked_by, revoked_why)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, '', '') RETURNING id",
		DB_I(w->kind), DB_S(text(s->service)), DB_S(text(s->environment)), DB_S(text(s->product)),
		DB_S(text(s->version)), DB_S(text(s->digest)), DB_S(w->owner), DB_S(w->reason), DB_S(w->created_by),
		DB_TIME(w->created), DB_TIME(w->expires));
	for (size_t i = 0; !rc && i < w->advisory_count; i++)
		rc = TX_RUN(tx, "INSERT INTO exposure_waiver_advisory (waiver, position, advisory) VALUES ($1, $2, $3)",
			    DB_I(w->id), DB_I(i), DB_S(w->advisories[i]));
	return rc;
}

int waiver_make(struct transaction *tx, const struct waiver *given, int64_t longest, int64_t *ret_id)
{
	struct waiver w = *given;
	struct span ids[WAIVER_MAX_ADVISORIES];
	struct arena a = ARENA_INIT(1 * MIB);
	w.created = tx_now(tx);
	w.revoked = USEC_NONE;
	int rc = waiver_check(&w, longest, tx_err(tx));
	if (!rc)
		rc = resolve(tx, &a, &w, ids);
	w.advisories = ids;
	if (!rc)
		rc = insert(tx, &w);
	if (!rc)
		rc = write_record(tx, "waiver.made", &w, w.created_by);
	if (!rc)
		rc = tx_notify(tx, "exposure");
	if (!rc)
		*ret_id = w.id;
	arena_release(&a);
	return rc;
}

static int revoke(struct transaction *tx, struct arena *a, int64_t id, const char *who, const char *why)
{
	struct waiver w;
	int rc = waiver_get(tx, a, id, &w);
	if (rc)
		return rc;
	if (waiver_state_at(&w, tx_now(tx)) != WAIVER_IN_FORCE)
		return err_set(tx_err(tx), RF_ESTATE, "waiver %lld has ended already: %s", (long long)id,
			       waiver_state_name(waiver_state_at(&w, tx_now(tx))));
	w.revoked = tx_now(tx);
	w.revoked_by = span_of(who);
	w.revoked_why = span_of(why);
	rc = TX_RUN(tx, "UPDATE exposure_waiver SET revoked = $1, revoked_by = $2, revoked_why = $3 WHERE id = $4",
		    DB_TIME(w.revoked), DB_T(who), DB_T(why), DB_I(id));
	if (!rc)
		rc = write_record(tx, "waiver.revoked", &w, w.revoked_by);
	return rc ? rc : tx_notify(tx, "exposure");
}

int waiver_revoke(struct transaction *tx, int64_t id, const char *who, const char *why)
{
	struct arena a = ARENA_INIT(1 * MIB);
	if (!span_trim(span_of(why)).n)
		return err_set(tx_err(tx), RF_EINVALID, "a waiver is not revoked without a reason");
	int rc = revoke(tx, &a, id, who, why);
	arena_release(&a);
	return rc;
}

/* ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reading {
	struct transaction *tx;
	struct arena *a;
	struct waiver *list;
	size_t count, room;
};

static int out_of_memory(struct reading *r)
{
	return err_set(tx_err(r->tx), RF_ENOMEM, "waivers");
}

static struct span keep(struct reading *r, struct span s)
{
	return s.n ? arena_span(r->a, s) : SPAN_NONE;
}

/* One row an advisory; those of a waiver together. */
#define COLUMNS                                                                                              \
	"SELECT w.id, w.kind, w.service, w.environment, w.product, w.version, w.digest, w.owner, w.reason, " \
	"w.created_by,"                                                                                      \
	" w.created, w.expires, w.revoked, w.revoked_by, w.revoked_why, v.advisory, (SELECT COUNT(*) FROM"   \
	" exposure_waiver_advisory c WHERE c.waiver = w.id) FROM exposure_waiver w"                          \
	" JOIN exposure_waiver_advisory v ON v.waiver = w.id"
#define ORDER " ORDER BY w.id, v.position"

static int begin_waiver(struct reading *r, const struct db_rows *rows)
{
	if (r->count == WAIVER_MAX)
		return err_set(tx_err(r->tx), RF_ETOOMANY, "more than %d waivers", WAIVER_MAX);
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		struct waiver *more = arena_array(r->a, room, sizeof *more);
		if (!more)
			return out_of_memory(r);
		if (r->count)
			memcpy(more, r->list, r->count * sizeof *more);
		r->list = more;
		r->room = room;
	}
	struct span *ids = arena_array(r->a, (size_t)rows_i64(rows, 16), sizeof *ids);
	r->list[r->count++] = (struct waiver){ .id = rows_i64(rows, 0),
					       .kind = (enum waiver_kind)rows_i64(rows, 1),
					       .advisories = ids,
					       .scope = { .service = keep(r, rows_text(rows, 2)),
							  .environment = keep(r, rows_text(rows, 3)),
							  .product = keep(r, rows_text(rows, 4)),
							  .version = keep(r, rows_text(rows, 5)),
							  .digest = keep(r, rows_text(rows, 6)) },
					       .owner = keep(r, rows_text(rows, 7)),
					       .reason = keep(r, rows_text(rows, 8)),
					       .created_by = keep(r, rows_text(rows, 9)),
					       .created = rows_time(rows, 10),
					       .expires = rows_time(rows, 11),
					       .revoked = rows_time(rows, 12),
					       .revoked_by = keep(r, rows_text(rows, 13)),
					       .revoked_why = keep(r, rows_text(rows, 14)) };
	return ids ? 0 : out_of_memory(r);
}

static int take_row(struct reading *r, const struct db_rows *rows)
{
	struct waiver *w = r->count ? &r->list[r->count - 1] : NULL;
	if (!w || w->id != rows_i64(rows, 0)) {
		int rc = begin_waiver(r, rows);
		if (rc)
			return rc;
		w = &r->list[r->count - 1];
	}
	struct span id = keep(r, rows_text(rows, 15)), *ids = (struct span *)(uintptr_t)w->advisories;
	ids[w->advisory_count++] = id;
	return id.p ? 0 : out_of_memory(r);
}

static int read_rows(struct reading *r, struct db_rows *rows)
{
	int rc;
	while ((rc = rows_next(rows)) == 1) {
		rc = take_row(r, rows);
		if (rc)
			return rc;
	}
	return rc;
}

int waiver_get(struct transaction *tx, struct arena *a, int64_t id, struct waiver *ret)
{
	struct reading r = { .tx = tx, .a = a };
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, COLUMNS " WHERE w.id = $1" ORDER, DB_I(id));
	if (!rc)
		rc = read_rows(&r, rows);
	if (rc)
		return rc;
	if (!r.count)
		return err_set(tx_err(tx), RF_ENOTFOUND, "there is no waiver %lld: reforge waive list --all",
			       (long long)id);
	*ret = r.list[0];
	return 0;
}

int waiver_list(struct transaction *tx, struct arena *a, usec_t at, bool all, struct waiver **ret, size_t *ret_count)
{
	struct reading r = { .tx = tx, .a = a };
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
			  COLUMNS " WHERE w.created <= $1 AND ($2 = 1 OR (w.expires > $1 AND (w.revoked IS NULL OR"
				  " w.revoked > $1)))" ORDER,
			  DB_TIME(at ? at : tx_now(tx)), DB_I(all));
	if (!rc)
		rc = read_rows(&r, rows);
	if (rc)
		return rc;
	*ret = r.list;
	*ret_count = r.count;
	return 0;
}
