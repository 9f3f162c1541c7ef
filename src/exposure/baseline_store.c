/* The baseline: freezing it, and what is still owed. See baseline_store.h. */
#include "exposure/baseline_int.h"

#include "ledger/ledger.h"

/* ── Freezing ────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define FREEZE_ROWS 200
#define HOLDER_COLUMNS 6
#define ITEM_COLUMNS 6

struct freezing {
	struct transaction *tx;
	const struct baseline_freezing *f;
	struct baseline_now now;
	struct arena a, one; /* of all of it; of one advisory */
	struct map sets;     /* items as bytes -> id */
	struct rate {
		int severity;
		bool kev, known;
	} * rates; /* of the view's advisories */
	struct db_value rows[FREEZE_ROWS * HOLDER_COLUMNS];
	size_t row_count;
	int64_t unowned;
};

static int out_of_memory(struct freezing *z)
{
	return err_set(tx_err(z->tx), RF_ENOMEM, "baseline");
}

static int rate_of(struct freezing *z, size_t advisory, const struct rate **ret)
{
	struct rate *r = &z->rates[advisory];
	struct stored_advisory v;
	*ret = r;
	if (r->known)
		return 0;
	arena_reset(&z->one);
	int rc = advisory_get(z->tx, &z->one, z->now.v.advisories[advisory].id, &v);
	if (!rc)
		found_rate(&v, &r->severity, &r->kev);
	r->known = true;
	return rc;
}

static int items_write(struct freezing *z, int64_t set, const struct baseline_now_holder *h)
{
	struct db_value rows[FREEZE_ROWS * ITEM_COLUMNS];
	int rc = 0;
	for (size_t i = 0, n = 0; !rc && i < h->count; i++) {
		size_t advisory = BASELINE_CODE_ADVISORY(h->items[i]);
		const struct rate none = { .severity = -1 }, *rate = &none;
		struct db_value *to = rows + n++ * ITEM_COLUMNS;
		if (advisory)
			rc = rate_of(z, advisory - 1, &rate);
		to[0] = DB_I(set);
		to[1] = DB_S(advisory ? z->now.v.advisories[advisory - 1].id : SPAN(""));
		to[2] = DB_T(advisory ? "" : baseline_causes[BASELINE_CODE_CAUSE(h->items[i])]);
		to[3] = DB_I(BASELINE_CODE_KIND(h->items[i]));
		to[4] = DB_I(rate->severity);
		to[5] = DB_I(rate->kev);
		if (rc || (n < FREEZE_ROWS && i + 1 < h->count))
			continue;
		rc = tx_insert_many(
			z->tx, "INSERT INTO exposure_debt_item (set_id, advisory, cause, kind, severity, kev) VALUES",
			"", rows, ITEM_COLUMNS, n);
		n = 0;
	}
	return rc;
}

static int set_of(struct freezing *z, const struct baseline_now_holder *h, int64_t *ret)
{
	struct span key = span_bytes(h->items, h->count * sizeof *h->items);
	int64_t *known = map_get(&z->sets, key);
	if (known) {
		*ret = *known;
		return 0;
	}
	if (h->count > BASELINE_MAX_ITEMS)
		return err_set(tx_err(z->tx), RF_ETOOMANY, "more than %d advisories about one component",
			       BASELINE_MAX_ITEMS);
	int rc = TX_I64(z->tx, ret, "INSERT INTO exposure_debt_set (items) VALUES ($1) RETURNING id", DB_I(h->count));
	if (!rc)
		rc = items_write(z, *ret, h);
	if (rc)
		return rc;
	known = arena_alloc(&z->a, sizeof *known);
	if (!known || map_set(&z->sets, key, known))
		return out_of_memory(z);
	*known = *ret;
	return 0;
}

static struct span owner_of(struct freezing *z, struct span service)
{
	const struct workspace_service *s = z->f->owners && service.n ? workspace_service(z->f->owners, service) : NULL;
	const char *owner = s && s->owner.name && s->owner.name[0] ? s->owner.name : z->f->otherwise;
	z->unowned += !owner;
	return owner ? span_of(owner) : SPAN("");
}

static int holders_flush(struct freezing *z)
{
	size_t n = z->row_count;
	z->row_count = 0;
	return n ? tx_insert_many(
			   z->tx,
			   "INSERT INTO exposure_debt_holder (service_id, carrier, artifact_id, subject_id, set_id,"
			   " owner) VALUES",
			   "", z->rows, HOLDER_COLUMNS, n)
		 : 0;
}

static int holder_write(struct freezing *z, const struct baseline_now_holder *h)
{
	const struct view_service *service = &z->now.v.services[h->service];
	int64_t set = 0;
	int rc = set_of(z, h, &set);
	struct db_value *to = z->rows + z->row_count++ * HOLDER_COLUMNS;
	to[0] = DB_I(service->id);
	to[1] = DB_I(h->carrier);
	to[2] = DB_I(h->artifact);
	to[3] = DB_I(h->subject);
	to[4] = DB_I(set);
	to[5] = DB_S(owner_of(z, service->service));
	return rc ? rc : z->row_count == FREEZE_ROWS ? holders_flush(z) : 0;
}

/* What was frozen, so that the ledger can show that nothing was added to it. */
static int digest_frozen(struct freezing *z, char hex[DIGEST_HEX])
{
	struct baseline b;
	struct digest digest;
	RF_AUTO(str) line = STR_INIT(16 * MIB);
	struct digest_stream *s = digest_stream_new();
	int rc = s ? baseline_load(z->tx, &z->a, &b) : out_of_memory(z);
	for (size_t i = 0; !rc && i < b.holder_count; i++) {
		const struct baseline_holder *h = &b.holders[i];
		str_reset(&line);
		str_addf(&line, "%.*s\x1f%.*s\x1f%s\x1f%.*s\x1f%.*s\x1f%.*s", SPAN_ARG(h->service),
			 SPAN_ARG(h->environment), carrier_name(h->carrier), SPAN_ARG(h->digest), SPAN_ARG(h->purl),
			 SPAN_ARG(h->version));
		for (size_t k = 0; k < b.sets[h->set].count; k++) {
			const struct baseline_item *item = &b.sets[h->set].items[k];
			str_addf(&line, "\x1f%.*s\x1e%.*s\x1e%d", SPAN_ARG(item->advisory), SPAN_ARG(item->cause),
				 (int)item->kind);
		}
		str_add_byte(&line, '\n');
		rc = str_check(&line, "what is frozen", tx_err(z->tx));
		digest_stream_add(s, line.p, line.n);
	}
	if (!rc) {
		digest_stream_end(s, &digest);
		digest_hex(&digest, hex);
	}
	digest_stream_free(s);
	return rc;
}

static int head_write(struct freezing *z, usec_t due, struct baseline_head *ret)
{
	char hex[DIGEST_HEX] = "";
	*ret = (struct baseline_head){ .since = tx_now(z->tx),
				       .due = due,
				       .actor = span_of(z->f->actor),
				       .holders = (int64_t)z->now.count,
				       .debts = z->now.items,
				       .unowned = z->unowned };
	int rc = TX_RUN(
		z->tx,
		"INSERT INTO exposure_baseline (id, since, due, actor, holders, debts, digest) VALUES (1, $1, $2, $3,"
		" $4, $5, '')",
		DB_TIME(ret->since), DB_TIME(due), DB_T(z->f->actor), DB_I(ret->holders), DB_I(ret->debts));
	if (!rc)
		rc = digest_frozen(z, hex);
	if (!rc)
		rc = TX_RUN(z->tx, "UPDATE exposure_baseline SET digest = $1 WHERE id = 1", DB_T(hex));
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member_time(&o, "due", due);
	json_member_i64(&o, "holders", ret->holders);
	json_member_i64(&o, "debts", ret->debts);
	json_member_i64(&o, "unowned", ret->unowned);
	json_member(&o, "sha256", hex);
	json_object_end(&o);
	if (!rc)
		rc = str_check(&body, "ledger record", tx_err(z->tx));
	return rc ? rc
		  : ledger_append(z->tx, &(struct ledger_entry){ "baseline.frozen", "baseline", z->f->actor,
								 str_span(&body) });
}

static int freeze(struct freezing *z, usec_t due, struct baseline_head *ret)
{
	int rc = baseline_now_load(z->tx, &z->now);
	if (!rc && !(z->rates = arena_array(&z->a, z->now.v.advisory_count + 1, sizeof *z->rates)))
		rc = out_of_memory(z);
	if (!rc && !z->now.count)
		rc = err_set(tx_err(z->tx), RF_ESTATE,
			     "nothing is exposed, so that there is nothing to freeze: bring in the fleet and the feeds "
			     "first "
			     "(reforge adopt, reforge scan, reforge feed sync)");
	for (size_t i = 0; !rc && i < z->now.count; i++)
		rc = holder_write(z, &z->now.holders[i]);
	if (!rc)
		rc = holders_flush(z);
	if (!rc)
		rc = head_write(z, due, ret);
	return rc ? rc : tx_notify(z->tx, "exposure");
}

static int refuse_again(struct transaction *tx)
{
	char since[TIME_TEXT_BYTES], due[TIME_TEXT_BYTES];
	struct arena a = ARENA_INIT(64 * KIB);
	struct baseline_head head = { 0 };
	int rc = baseline_head(tx, &a, &head);
	arena_release(&a);
	return rc ? rc
		  : err_set(tx_err(tx), RF_ESTATE,
			    "a baseline was frozen on %s and is due on %s; it shrinks and never grows or lasts longer. "
			    "What is "
			    "new is cured (reforge respond) or accepted by name (reforge waive CVE --service S --until "
			    "DATE)",
			    time_text_date(head.since, since), time_text_date(head.due, due));
}

static int check_due(struct transaction *tx, usec_t due)
{
	if (due <= tx_now(tx))
		return err_set(tx_err(tx), RF_EINVALID, "a baseline is due on a day that is still to come");
	if (due - tx_now(tx) > BASELINE_LONGEST_USEC)
		return err_set(tx_err(tx), RF_EINVALID, "a baseline is due within a year: debt without an end is none");
	return 0;
}

int baseline_freeze(struct transaction *tx, const struct baseline_freezing *f, struct baseline_head *ret)
{
	usec_t due = f->due == USEC_NONE ? tx_now(tx) + BASELINE_USEC : f->due;
	int64_t there = 0;
	int rc = TX_I64(tx, &there, "SELECT COUNT(*) FROM exposure_baseline WHERE id = $1", DB_I(1));
	if (!rc)
		rc = there ? refuse_again(tx) : check_due(tx, due);
	if (!rc)
		rc = exposure_refresh_tx(tx, f->actor, NULL);
	if (rc)
		return rc;
	struct freezing *z = rf_alloc(sizeof *z);
	if (!z)
		return err_set(tx_err(tx), RF_ENOMEM, "baseline");
	*z = (struct freezing){
		.tx = tx, .f = f, .a = ARENA_INIT(1024 * MIB), .one = ARENA_INIT(ADVISORY_ARENA_BYTES)
	};
	rc = freeze(z, due, ret);
	baseline_now_release(&z->now);
	arena_release(&z->a);
	arena_release(&z->one);
	map_release(&z->sets);
	rf_free(z);
	return rc;
}

/* ── What is owed ────────────────────────────────────────────────────────────────────────────────────────────────── */

int baseline_head(struct transaction *tx, struct arena *a, struct baseline_head *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(tx,
			  "SELECT since, due, actor, holders, debts, (SELECT COUNT(*) FROM exposure_debt_holder h WHERE"
			  " h.owner = '') FROM exposure_baseline WHERE id = 1",
			  NULL, 0, &rows);
	if (!rc)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "nothing was frozen: reforge baseline freeze --until DATE");
	*ret = (struct baseline_head){ .since = rows_time(rows, 0),
				       .due = rows_time(rows, 1),
				       .actor = arena_span(a, rows_text(rows, 2)),
				       .holders = rows_i64(rows, 3),
				       .debts = rows_i64(rows, 4),
				       .unowned = rows_i64(rows, 5) };
	return ret->actor.p ? 0 : err_set(tx_err(tx), RF_ENOMEM, "baseline");
}

struct loading {
	struct transaction *tx;
	struct arena *a;
	struct baseline *to;
	struct map sets;  /* id -> index + 1 */
	struct map texts; /* the same text once */
	int64_t *ids;     /* of the holders */
	size_t set_room, holder_room;
	struct baseline_set *set_list;
	struct baseline_holder *holder_list;
	size_t id_room;
};

static int no_memory(struct loading *l)
{
	return err_set(tx_err(l->tx), RF_ENOMEM, "baseline");
}

static int intern(struct loading *l, struct span s, struct span *ret)
{
	struct span *known = s.n ? map_get(&l->texts, s) : NULL;
	*ret = SPAN_NONE;
	if (!s.n)
		return 0;
	if (!known) {
		known = arena_alloc(l->a, sizeof *known);
		if (!known || !(*known = arena_span(l->a, s)).p || map_set(&l->texts, *known, known))
			return no_memory(l);
	}
	*ret = *known;
	return 0;
}

static int set_add(struct loading *l, size_t items, size_t *ret)
{
	int rc = baseline_grow(l->tx, &l->set_list, l->to->set_count, &l->set_room, sizeof *l->set_list,
			       BASELINE_MAX_HOLDERS);
	if (rc)
		return rc;
	struct baseline_set *set = &l->set_list[l->to->set_count];
	*set = (struct baseline_set){ .items = arena_array(l->a, items + 1, sizeof *set->items) };
	*ret = l->to->set_count++;
	return set->items ? 0 : no_memory(l);
}

static int take_item(struct loading *l, const struct db_rows *rows)
{
	int64_t *own, id = rows_i64(rows, 0);
	size_t at = (size_t)(uintptr_t)map_get(&l->sets, span_bytes(&id, sizeof id)) - 1;
	int rc = 0;
	if (at == SIZE_MAX) {
		rc = set_add(l, (size_t)rows_i64(rows, 6), &at);
		own = arena_alloc(l->a, sizeof *own);
		if (rc || !own)
			return rc ? rc : no_memory(l);
		*own = id;
		if (map_set(&l->sets, span_bytes(own, sizeof *own), (void *)(uintptr_t)(at + 1)))
			return no_memory(l);
	}
	struct baseline_set *set = &l->set_list[at];
	struct baseline_item *item = &set->items[set->count++];
	item->kind = (enum finding_kind)rows_i64(rows, 3);
	item->severity = (int)rows_i64(rows, 4);
	item->kev = rows_i64(rows, 5);
	rc = intern(l, rows_text(rows, 1), &item->advisory);
	return rc ? rc : intern(l, rows_text(rows, 2), &item->cause);
}

static int sets_load(struct loading *l)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(
		l->tx,
		"SELECT i.set_id, i.advisory, i.cause, i.kind, i.severity, i.kev, s.items FROM exposure_debt_item i"
		" JOIN exposure_debt_set s ON s.id = i.set_id ORDER BY i.set_id, i.advisory, i.cause",
		NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = take_item(l, rows);
	return rc;
}

static int take_holder(struct loading *l, const struct db_rows *rows)
{
	int64_t set = rows_i64(rows, 8);
	int rc = baseline_grow(l->tx, &l->holder_list, l->to->holder_count, &l->holder_room, sizeof *l->holder_list,
			       BASELINE_MAX_HOLDERS);
	if (!rc)
		rc = baseline_grow(l->tx, &l->ids, l->to->holder_count, &l->id_room, sizeof *l->ids,
				   BASELINE_MAX_HOLDERS);
	if (rc)
		return rc;
	struct baseline_holder *h = &l->holder_list[l->to->holder_count];
	l->ids[l->to->holder_count++] = rows_i64(rows, 0);
	*h = (struct baseline_holder){ .carrier = (enum carrier)rows_i64(rows, 3),
				       .set = (uint32_t)(uintptr_t)map_get(&l->sets, span_bytes(&set, sizeof set)) -
					      1 };
	const struct {
		int column;
		struct span *to;
	} texts[] = {
		{ 1, &h->service }, { 2, &h->environment }, { 5, &h->purl }, { 6, &h->version }, { 7, &h->owner }
	};
	for (size_t i = 0; !rc && i < RF_COUNT(texts); i++)
		rc = intern(l, rows_text(rows, texts[i].column), texts[i].to);
	if (rc || h->carrier != CARRIER_BUILDER)
		return rc;
	h->digest = arena_span(l->a, rows_text(rows, 4));
	return h->digest.p ? 0 : no_memory(l);
}

/* A page of the result: PostgreSQL holds it in memory. */
#define LOAD_PAGE 10000

static int holders_load(struct loading *l)
{
	int64_t after = 0;
	for (size_t before = 0;; before = l->to->holder_count) {
		RF_AUTO_ROWS rows = NULL;
		int rc = TX_QUERY(l->tx, &rows,
				  "SELECT h.id, s.service, s.environment, h.carrier, COALESCE(a.digest, ''),"
				  " COALESCE(k.purl, ''), COALESCE(k.version, ''), h.owner, h.set_id FROM"
				  " exposure_debt_holder h JOIN inventory_service s ON s.id = h.service_id"
				  " LEFT JOIN inventory_artifact a ON a.id = h.artifact_id"
				  " LEFT JOIN exposure_subject k ON k.id = h.subject_id"
				  " WHERE h.id > $1 AND h.gone_at IS NULL ORDER BY h.id LIMIT $2",
				  DB_I(after), DB_I(LOAD_PAGE));
		while (!rc && (rc = rows_next(rows)) == 1) {
			after = rows_i64(rows, 0);
			rc = take_holder(l, rows);
		}
		if (rc || l->to->holder_count - before < LOAD_PAGE)
			return rc;
	}
}

/* A holder of which a part is gone has a set of its own. */
static int part_gone(struct loading *l, struct baseline_holder *h, struct span advisory, struct span cause,
		     bool is_first)
{
	size_t own = h->set;
	if (is_first) {
		int rc = set_add(l, l->set_list[h->set].count, &own);
		if (rc)
			return rc;
		const struct baseline_set *from = &l->set_list[h->set];
		memcpy(l->set_list[own].items, from->items, from->count * sizeof *from->items);
		l->set_list[own].count = from->count;
		h->set = (uint32_t)own;
	}
	struct baseline_set *set = &l->set_list[own];
	for (size_t i = 0; i < set->count; i++)
		if (span_eq(set->items[i].advisory, advisory) && span_eq(set->items[i].cause, cause)) {
			memmove(&set->items[i], &set->items[i + 1], (set->count - i - 1) * sizeof *set->items);
			set->count--;
			break;
		}
	return 0;
}

static int compare_ids(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return a < b ? -1 : a > b;
}

static int gone_load(struct loading *l)
{
	RF_AUTO_ROWS rows = NULL;
	int64_t last = 0;
	int rc =
		tx_query(l->tx,
			 "SELECT g.holder_id, g.advisory, g.cause FROM exposure_debt_gone g JOIN exposure_debt_holder h"
			 " ON h.id = g.holder_id WHERE h.gone_at IS NULL ORDER BY g.holder_id",
			 NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		int64_t id = rows_i64(rows, 0);
		const int64_t *at =
			l->to->holder_count ? bsearch(&id, l->ids, l->to->holder_count, sizeof id, compare_ids) : NULL;
		rc = at ? part_gone(l, &l->holder_list[at - l->ids], rows_text(rows, 1), rows_text(rows, 2), id != last)
			: 0;
		last = id;
	}
	return rc;
}

/* What grew on the heap, into the arena. */
static int keep(struct loading *l)
{
	struct baseline *b = l->to;
	b->sets = arena_array(l->a, b->set_count + 1, sizeof *b->sets);
	b->holders = arena_array(l->a, b->holder_count + 1, sizeof *b->holders);
	if (!b->sets || !b->holders)
		return no_memory(l);
	if (b->set_count)
		memcpy(b->sets, l->set_list, b->set_count * sizeof *b->sets);
	if (b->holder_count)
		memcpy(b->holders, l->holder_list, b->holder_count * sizeof *b->holders);
	baseline_sort(b);
	return 0;
}

int baseline_load(struct transaction *tx, struct arena *a, struct baseline *ret)
{
	struct loading l = { .tx = tx, .a = a, .to = ret };
	struct baseline_head head;
	*ret = (struct baseline){ .since = USEC_NONE, .due = USEC_NONE };
	int rc = baseline_head(tx, a, &head);
	if (rc)
		return rc == RF_ENOTFOUND ? 0 : rc;
	ret->since = head.since;
	ret->due = head.due;
	rc = sets_load(&l);
	if (!rc)
		rc = holders_load(&l);
	if (!rc)
		rc = gone_load(&l);
	if (!rc)
		rc = keep(&l);
	map_release(&l.sets);
	map_release(&l.texts);
	rf_free(l.ids);
	rf_free(l.set_list);
	rf_free(l.holder_list);
	return rc;
}
