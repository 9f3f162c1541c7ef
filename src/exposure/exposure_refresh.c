/*
 * Refresh: what changed in the inventory and in the advisories since the last one, and nothing else, is worked out.
 *
 *   uses new or told anew ──► links ──► components new ─┐
 *   advisories changed ─────────────────────────────────┴─► findings ──► state, ledger
 *
 * Nothing is written per placement: an exposure is derived wherever it is asked for (exposure_list.c). What opened and
 * what cleared is counted by the numbers of open placements that uses have. All of it happens in one transaction.
 */
#include "exposure/baseline_int.h"

#include "crypto/digest.h"
#include "ledger/ledger.h"

/* Components, links and names of one refresh. */
#define REFRESH_ARENA_BYTES (512 * MIB)
#define REFRESH_MAX_SUBJECTS 1000000

/* ── Components ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int out_of_memory(struct refreshing *r)
{
	return err_set(tx_err(r->tx), RF_ENOMEM, "components");
}

static struct span text_or_empty(struct span s)
{
	return s.n ? s : SPAN("");
}

static struct span subject_key(struct arena *a, const struct finding_subject *s)
{
	const char *key =
		arena_printf(a, "%d\x1f%.*s\x1f%.*s\x1f%d\x1f%d\x1f%.*s", (int)s->carrier, SPAN_ARG(s->component.purl),
			     SPAN_ARG(s->component.version), (int)s->component.line, (int)s->claim,
			     SPAN_ARG(s->claim_cause));
	return key ? span_of(key) : SPAN_NONE;
}

static struct span keep(struct refreshing *r, struct span s)
{
	return s.n ? arena_span(&r->a, s) : SPAN_NONE;
}

/* Takes @s into the list; its texts are copied. */
static int subject_add(struct refreshing *r, int64_t id, const struct finding_subject *s, bool is_new,
		       struct refresh_subject **ret)
{
	if (r->subject_count == REFRESH_MAX_SUBJECTS)
		return err_set(tx_err(r->tx), RF_ETOOMANY, "more than %d components", REFRESH_MAX_SUBJECTS);
	if (r->subject_count == r->subject_capacity) {
		size_t capacity = r->subject_capacity ? 2 * r->subject_capacity : 256;
		struct refresh_subject **more =
			rf_realloc_array(r->subject_list, capacity, sizeof(struct refresh_subject *));
		if (!more)
			return out_of_memory(r);
		r->subject_list = more;
		r->subject_capacity = capacity;
	}
	struct refresh_subject *to = arena_alloc(&r->a, sizeof *to);
	struct span key = subject_key(&r->a, s);
	if (!to || !key.p)
		return out_of_memory(r);
	*to = (struct refresh_subject){ .id = id, .s = *s, .is_new = is_new, .placements = -1 };
	to->s.component.purl = keep(r, s->component.purl);
	to->s.component.version = keep(r, s->component.version);
	to->s.claim_cause = keep(r, s->claim_cause);
	to->s.service = SPAN_NONE;
	if (map_set(&r->subjects, key, to))
		return out_of_memory(r);
	r->subject_list[r->subject_count++] = to;
	*ret = to;
	return 0;
}

int exposure_refresh_subject(struct refreshing *r, const struct finding_subject *s, struct refresh_subject **ret)
{
	struct span key = subject_key(&r->one, s);
	int64_t id;
	if (!key.p)
		return out_of_memory(r);
	*ret = map_get(&r->subjects, key);
	if (*ret)
		return 0;
	int rc = TX_I64(
		r->tx, &id,
		"INSERT INTO exposure_subject (purl, version, line, carrier, claim, claim_cause) VALUES ($1, $2, $3, "
		"$4, $5, $6) RETURNING id",
		DB_S(text_or_empty(s->component.purl)), DB_S(text_or_empty(s->component.version)),
		DB_I(s->component.line), DB_I(s->carrier), DB_I(s->claim), DB_S(text_or_empty(s->claim_cause)));
	return rc ? rc : subject_add(r, id, s, true, ret);
}

static int subjects_load(struct refreshing *r)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(r->tx,
			  "SELECT id, purl, version, carrier, claim, claim_cause, line FROM exposure_subject ORDER BY id",
			  NULL, 0, &rows);
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct span purl = rows_text(rows, 1);
		struct refresh_subject *unused;
		rc = subject_add(
			r, rows_i64(rows, 0),
			&(struct finding_subject){ .component = { .product = purl.n ? product_by_purl(purl) : NULL,
								  .purl = purl,
								  .version = rows_text(rows, 2),
								  .line = (enum platform_line)rows_i64(rows, 6) },
						   .carrier = (enum carrier)rows_i64(rows, 3),
						   .claim = (enum finding_claim)rows_i64(rows, 4),
						   .claim_cause = rows_text(rows, 5) },
			false, &unused);
	}
	return rc;
}

/* ── Counts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

int exposure_refresh_count(struct refreshing *r, struct span advisory, int64_t opened, int64_t cleared)
{
	if (!opened && !cleared)
		return 0;
	struct refresh_name *n = map_get(&r->names, advisory);
	if (!n) {
		n = arena_alloc(&r->a, sizeof *n);
		if (!n || !(n->id = keep(r, advisory)).p || map_set(&r->names, n->id, n))
			return out_of_memory(r);
		n->next = r->name_list;
		r->name_list = n;
	}
	n->opened += opened;
	n->cleared += cleared;
	r->changes.opened += opened;
	r->changes.cleared += cleared;
	return 0;
}

/* Advisories named in one ledger record; the sums hold all. */
#define LEDGER_MAX_NAMES 200

static int write_ledger(struct refreshing *r, const char *actor)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member_i64(&o, "opened", r->changes.opened);
	json_member_i64(&o, "cleared", r->changes.cleared);
	json_member_i64(&o, "open", r->changes.open);
	json_key(&o, "advisories");
	json_object(&o);
	size_t named = 0;
	for (const struct refresh_name *n = r->name_list; n && named < LEDGER_MAX_NAMES; n = n->next) {
		named++;
		json_key_span(&o, n->id);
		json_object(&o);
		json_member_i64(&o, "opened", n->opened);
		json_member_i64(&o, "cleared", n->cleared);
		json_object_end(&o);
	}
	json_object_end(&o);
	json_object_end(&o);
	int rc = str_check(&body, "ledger record", tx_err(r->tx));
	return rc ? rc
		  : ledger_append(r->tx,
				  &(struct ledger_entry){ "exposure.refreshed", "exposure", actor, str_span(&body) });
}

/* ── State ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The judge and the products it knows: when either is another, everything is judged anew. */
static void stand_now(char hex[DIGEST_HEX])
{
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	str_addf(&text, "judge %d\n", FINDING_JUDGE_VERSION);
	for (size_t i = 0; i < product_count(); i++)
		str_addf(&text, "%s %s %d %u\n", product_at(i)->purl, product_at(i)->scheme_name,
			 (int)product_at(i)->engine_affecting, product_at(i)->lines);
	struct digest digest;
	digest_of(str_span(&text), &digest);
	digest_hex(&digest, hex);
}

static int state_load(struct refreshing *r, const char *stand)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(r->tx, "SELECT stand, open FROM exposure_state WHERE id = 1", NULL, 0, &rows);
	if (!rc)
		rc = rows_next(rows);
	if (rc == 1) {
		r->everything = !span_eq_text(rows_text(rows, 0), stand);
		r->open = rows_i64(rows, 1);
	}
	return rc < 0 ? rc : 0;
}

static int state_write(struct refreshing *r, const char *stand)
{
	r->changes.open = r->open + r->changes.opened - r->changes.cleared;
	return TX_RUN(r->tx,
		      "INSERT INTO exposure_state (id, stand, open) VALUES (1, $1, $2)"
		      " ON CONFLICT (id) DO UPDATE SET stand = excluded.stand, open = excluded.open",
		      DB_T(stand), DB_I(r->changes.open));
}

static int refresh(struct refreshing *r, const char *actor)
{
	char stand[DIGEST_HEX];
	stand_now(stand);
	int rc = state_load(r, stand);
	if (!rc)
		rc = subjects_load(r);
	if (!rc)
		rc = exposure_refresh_links(r);
	if (!rc)
		rc = exposure_refresh_findings(r);
	if (!rc)
		rc = state_write(r, stand);
	if (!rc && (r->changes.cleared || r->emptied || r->everything))
		rc = baseline_settle(r->tx, actor);
	if (rc || (!r->changes.opened && !r->changes.cleared))
		return rc;
	rc = write_ledger(r, actor);
	return rc ? rc : tx_notify(r->tx, "exposure");
}

int exposure_refresh_tx(struct transaction *tx, const char *actor, struct exposure_changes *ret)
{
	struct refreshing r = { .tx = tx,
				.a = ARENA_INIT(REFRESH_ARENA_BYTES),
				.one = ARENA_INIT(ADVISORY_ARENA_BYTES) };
	int rc = refresh(&r, actor);
	if (!rc && ret)
		*ret = r.changes;
	arena_release(&r.a);
	arena_release(&r.one);
	map_release(&r.subjects);
	map_release(&r.names);
	map_release(&r.artifacts);
	map_release(&r.hits);
	rf_free(r.subject_list);
	return rc;
}

struct refresh_call {
	const char *actor;
	struct exposure_changes *ret;
};

static int run_refresh(struct transaction *tx, void *data)
{
	struct refresh_call *c = data;
	return exposure_refresh_tx(tx, c->actor, c->ret);
}

int exposure_refresh(struct database *db, const char *actor, struct exposure_changes *ret, struct err *err)
{
	struct refresh_call c = { actor, ret };
	return database_transact(db, DB_WRITE, run_refresh, &c, err);
}
