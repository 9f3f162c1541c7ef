/*
 * Settling: debts that are not exposed any more are gone, from the refresh on that saw it. What comes back later is
 * new, since nothing takes a gone_at away.
 */
#include "exposure/baseline_int.h"

#include "ledger/ledger.h"

/* A holder that is owed still, as stored. */
struct owed {
	int64_t id, set;
	const struct baseline_now_holder *now; /* NULL: it is not there any more */
};
struct item {
	size_t advisory; /* as in a code: index + 1; 0: the content; SIZE_MAX: nothing has it any more */
	size_t cause;
	struct span advisory_id, cause_name;
	bool is_last; /* of its set */
};
struct settling {
	struct transaction *tx;
	struct baseline_now now;
	struct arena a;
	struct map holders; /* key -> now */
	struct map sets;    /* id -> first item */
	struct owed *list;
	size_t count, room;
	struct map gone; /* "holder advisory cause" */
	int64_t holders_gone, debts_gone;
};

static int out_of_memory(struct settling *s)
{
	return err_set(tx_err(s->tx), RF_ENOMEM, "baseline");
}

/* The same for what is there and what is stored. */
static struct span key_of(struct settling *s, int64_t service, int64_t carrier, int64_t artifact, struct span purl,
			  struct span version)
{
	const char *key = carrier == CARRIER_BUILDER
				  ? arena_printf(&s->a, "%lld %lld", (long long)service, (long long)artifact)
				  : arena_printf(&s->a, "%lld c%lld %.*s\x1f%.*s", (long long)service,
						 (long long)carrier, SPAN_ARG(purl), SPAN_ARG(version));
	return key ? span_of(key) : SPAN_NONE;
}

static int index_now(struct settling *s)
{
	int rc = baseline_now_load(s->tx, &s->now);
	for (size_t i = 0; !rc && i < s->now.count; i++) {
		struct baseline_now_holder *h = &s->now.holders[i];
		struct span key =
			key_of(s, s->now.v.services[h->service].id, h->carrier, h->artifact, h->purl, h->version);
		if (!key.p || map_set(&s->holders, key, h))
			rc = out_of_memory(s);
	}
	return rc;
}

/* ── What is stored ──────────────────────────────────────────────────────────────────────────────────────────────── */

static int sets_load(struct settling *s)
{
	RF_AUTO_ROWS rows = NULL;
	struct item *last = NULL;
	int64_t set = 0;
	int rc = tx_query(
		s->tx,
		"SELECT i.set_id, i.advisory, i.cause, s.items FROM exposure_debt_item i JOIN exposure_debt_set s"
		" ON s.id = i.set_id ORDER BY i.set_id",
		NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		rc = 0;
		if (rows_i64(rows, 0) != set || !last) {
			int64_t *id = arena_alloc(&s->a, sizeof *id);
			last = arena_array(&s->a, (size_t)rows_i64(rows, 3), sizeof *last);
			if (!id || !last)
				return out_of_memory(s);
			set = *id = rows_i64(rows, 0);
			if (map_set(&s->sets, span_bytes(id, sizeof *id), last))
				return out_of_memory(s);
		} else {
			last->is_last = false;
			last++;
		}
		struct span advisory = rows_text(rows, 1);
		*last = (struct item){ .is_last = true,
				       .advisory_id = advisory.n ? arena_span(&s->a, advisory) : SPAN(""),
				       .cause_name = rows_text(rows, 2).n ? arena_span(&s->a, rows_text(rows, 2))
									  : SPAN("") };
		if (advisory.n) {
			last->advisory = (size_t)(uintptr_t)map_get(&s->now.v.advisory_by_id, advisory);
			last->advisory = last->advisory ? last->advisory : SIZE_MAX;
		}
		while (!advisory.n && baseline_causes[last->cause] &&
		       !span_eq_text(last->cause_name, baseline_causes[last->cause]))
			last->cause++;
	}
	return rc;
}

static int owed_load(struct settling *s)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(s->tx,
			  "SELECT h.id, h.service_id, h.carrier, h.artifact_id, h.set_id, COALESCE(k.purl, ''),"
			  " COALESCE(k.version, '') FROM exposure_debt_holder h LEFT JOIN exposure_subject k"
			  " ON k.id = h.subject_id WHERE h.gone_at IS NULL ORDER BY h.id",
			  NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct span key = key_of(s, rows_i64(rows, 1), rows_i64(rows, 2), rows_i64(rows, 3), rows_text(rows, 5),
					 rows_text(rows, 6));
		rc = baseline_grow(s->tx, &s->list, s->count, &s->room, sizeof *s->list, BASELINE_MAX_HOLDERS);
		if (!rc && !key.p)
			rc = out_of_memory(s);
		if (!rc)
			s->list[s->count++] =
				(struct owed){ rows_i64(rows, 0), rows_i64(rows, 4), map_get(&s->holders, key) };
	}
	return rc;
}

static struct span gone_key(struct settling *s, int64_t holder, struct span advisory, struct span cause)
{
	const char *key =
		arena_printf(&s->a, "%lld %.*s\x1f%.*s", (long long)holder, SPAN_ARG(advisory), SPAN_ARG(cause));
	return key ? span_of(key) : SPAN_NONE;
}

static int gone_load(struct settling *s)
{
	RF_AUTO_ROWS rows = NULL;
	int rc =
		tx_query(s->tx,
			 "SELECT g.holder_id, g.advisory, g.cause FROM exposure_debt_gone g JOIN exposure_debt_holder h"
			 " ON h.id = g.holder_id WHERE h.gone_at IS NULL",
			 NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct span key = gone_key(s, rows_i64(rows, 0), rows_text(rows, 1), rows_text(rows, 2));
		rc = key.p && !map_set(&s->gone, key, s) ? 0 : out_of_memory(s);
	}
	return rc;
}

/* ── Comparing ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_open(const struct baseline_now_holder *h, const struct item *item)
{
	size_t low = 0, high = h->count;
	const uint64_t wanted = BASELINE_CODE(item->advisory, item->cause, 0) >> 8;
	if (item->advisory == SIZE_MAX)
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (h->items[middle] >> 8 == wanted)
			return true;
		if (h->items[middle] >> 8 < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int item_gone(struct settling *s, const struct owed *o, const struct item *item)
{
	s->debts_gone++;
	return TX_RUN(s->tx,
		      "INSERT INTO exposure_debt_gone (holder_id, advisory, cause, gone_at) VALUES ($1, $2, $3, $4)",
		      DB_I(o->id), DB_S(item->advisory_id), DB_S(item->cause_name), DB_TIME(tx_now(s->tx)));
}

static int holder_gone(struct settling *s, const struct owed *o, int64_t debts)
{
	s->holders_gone++;
	s->debts_gone += debts;
	return TX_RUN(s->tx, "UPDATE exposure_debt_holder SET gone_at = $1 WHERE id = $2", DB_TIME(tx_now(s->tx)),
		      DB_I(o->id));
}

static int settle_one(struct settling *s, const struct owed *o)
{
	const struct item *first = map_get(&s->sets, span_bytes(&o->set, sizeof o->set));
	int64_t open = 0, closed = 0;
	int rc = 0;
	for (int pass = 0; first && pass < 2 && !rc; pass++) {
		for (const struct item *i = first; !rc; i++) {
			struct span key = s->gone.count ? gone_key(s, o->id, i->advisory_id, i->cause_name) : SPAN_NONE;
			if (s->gone.count && !key.p)
				return out_of_memory(s);
			bool was_gone = key.p && map_get(&s->gone, key), is_gone = !o->now || !is_open(o->now, i);
			if (pass == 0) {
				open += !was_gone && !is_gone;
				closed += !was_gone && is_gone;
			} else if (!was_gone && is_gone) {
				rc = item_gone(s, o, i);
			}
			if (i->is_last)
				break;
		}
		if (pass == 0 && (!open || !closed))
			return open ? 0 : holder_gone(s, o, closed);
	}
	return rc;
}

static int write_ledger(struct settling *s, const char *actor)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member_i64(&o, "holders", s->holders_gone);
	json_member_i64(&o, "debts", s->debts_gone);
	json_object_end(&o);
	int rc = str_check(&body, "ledger record", tx_err(s->tx));
	return rc ? rc
		  : ledger_append(s->tx,
				  &(struct ledger_entry){ "baseline.settled", "baseline", actor, str_span(&body) });
}

static int settle(struct settling *s, const char *actor)
{
	int rc = index_now(s);
	if (!rc)
		rc = sets_load(s);
	if (!rc)
		rc = owed_load(s);
	if (!rc)
		rc = gone_load(s);
	for (size_t i = 0; !rc && i < s->count; i++)
		rc = settle_one(s, &s->list[i]);
	return rc || !s->debts_gone ? rc : write_ledger(s, actor);
}

int baseline_settle(struct transaction *tx, const char *actor)
{
	int64_t there = 0;
	int rc = TX_I64(tx, &there, "SELECT COUNT(*) FROM exposure_baseline WHERE id = $1", DB_I(1));
	if (rc || !there)
		return rc;
	struct settling s = { .tx = tx, .a = ARENA_INIT(1024 * MIB) };
	rc = settle(&s, actor);
	baseline_now_release(&s.now);
	map_release(&s.holders);
	map_release(&s.sets);
	map_release(&s.gone);
	arena_release(&s.a);
	rf_free(s.list);
	return rc;
}
