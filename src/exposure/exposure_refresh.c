/*
 * Refresh: what should be open is worked out whole, compared with what is open, and the difference written.
 *
 *   placements ──► subjects (each distinct one once) ──► findings by advisory ──► wanted rows ─┐
 *   open rows ───────────────────────────────────────────────────────────────────────────────┴─► opened, cleared
 *
 * All of it happens in one transaction, so a scan or an import in between shows at the next refresh, never half.
 */
#include "exposure/exposure_int.h"

#include "base/hash.h"
#include "crypto/digest.h"
#include "ledger/ledger.h"

/* Texts of placements and subjects: 500 bytes each at EXPOSURE_MAX_OPEN / 40 placements. */
#define REFRESH_ARENA_BYTES (512 * MIB)
#define REFRESH_MAX_PLACEMENTS 1000000
/* Rows of one INSERT batch; 20 values each. */
#define INSERT_ROWS 500
#define INSERT_COLUMNS 20

struct subject {
	struct finding_subject s;
	struct exposure_ids advisories;
	struct span key;
};

struct place {
	struct inventory_placement p; /* texts in the arena; notes and evidence left out */
	size_t subjects[2];           /* index + 1; 0: none */
};

/* A row as wanted or as open, compared by (placement, advisory, carrier). */
struct row {
	int64_t placement;
	size_t advisory; /* index into names */
	unsigned carrier;
	int64_t id; /* of an open one */
	int64_t finding;
	enum finding_kind kind;
	enum finding_cause cause;
	size_t place; /* of a wanted one */
};
struct rows {
	struct row *row;
	size_t count, capacity;
};

struct name {
	struct span id, title;
	enum advisory_state state;
	bool is_drill, loaded;
	int64_t opened, cleared;
};

struct refreshing {
	struct transaction *tx;
	struct arena a;
	struct arena judged; /* one advisory and its findings */
	struct subject *subjects;
	size_t subject_count, subject_capacity;
	struct map subject_by_key;
	struct place *places;
	size_t place_count, place_capacity;
	struct map place_by_id; /* key: the bytes of the id in the place */
	struct name *names;
	size_t name_count, name_capacity;
	struct map name_by_id;
	struct map decided_services; /* services that a decision names: findings there are their own */
	struct map products;         /* canonical purl -> the ids of its advisories, asked once */
	struct rows wanted, open;
	struct exposure_changes changes;
};

/* Room for one more in a heap array; RF_ETOOMANY past @limit. */
static int room(struct refreshing *r, void **items, size_t count, size_t *capacity, size_t size, size_t limit,
		const char *what)
{
	if (count == limit)
		return err_set(tx_err(r->tx), RF_ETOOMANY, "more than %zu %s", limit, what);
	if (count < *capacity)
		return 0;
	size_t more = *capacity ? 2 * *capacity : 256;
	void *to = rf_realloc_array(*items, more, size);
	if (!to)
		return err_set(tx_err(r->tx), RF_ENOMEM, "%zu %s", more, what);
	*items = to;
	*capacity = more;
	return 0;
}

static struct span keep(struct refreshing *r, struct span s)
{
	return s.n ? arena_span(&r->a, s) : SPAN_NONE;
}

/* ── Placements and subjects ────────────────────────────────────────────────────────────────────────────────────────
 */

/* Findings do not depend on the service but where a decision is about it. */
static struct span deciding_service(const struct refreshing *r, struct span service)
{
	return service.n && map_get(&r->decided_services, service) ? service : SPAN_NONE;
}

static int subject_index(struct refreshing *r, const struct finding_subject *s, size_t *ret)
{
	char text[1024];
	struct span service = deciding_service(r, s->service);
	int n = snprintf(text, sizeof text, "%d\x1f%.*s\x1f%.*s\x1f%d\x1f%.*s\x1f%.*s", (int)s->carrier,
			 SPAN_ARG(s->component.purl), SPAN_ARG(s->component.version), (int)s->claim,
			 SPAN_ARG(s->claim_cause), SPAN_ARG(service));
	if (n < 0 || (size_t)n >= sizeof text)
		return err_set(tx_err(r->tx), RF_ETOOBIG, "a component's name and version have more than %zu bytes",
			       sizeof text);
	struct span key = { text, (size_t)n };
	void *known = map_get(&r->subject_by_key, key);
	if (known) {
		*ret = (size_t)(uintptr_t)known;
		return 0;
	}
	void *items = r->subjects;
	int rc = room(r, &items, r->subject_count, &r->subject_capacity, sizeof *r->subjects, REFRESH_MAX_PLACEMENTS,
		      "components");
	r->subjects = items;
	if (rc)
		return rc;
	struct subject *to = &r->subjects[r->subject_count++];
	*to = (struct subject){ .s = *s, .key = keep(r, key), .advisories = { .a = &r->a } };
	to->s.component.purl = keep(r, s->component.purl);
	to->s.component.version = keep(r, s->component.version);
	to->s.claim_cause = keep(r, s->claim_cause);
	to->s.service = keep(r, service);
	if (!to->key.p || map_set(&r->subject_by_key, to->key, (void *)(uintptr_t)r->subject_count))
		return err_set(tx_err(r->tx), RF_ENOMEM, "components");
	*ret = r->subject_count;
	return 0;
}

static int take_placement(const struct inventory_placement *p, void *data)
{
	struct refreshing *r = data;
	struct finding_subject subjects[2];
	size_t n = exposure_subjects(p, subjects);
	if (!n)
		return 0;
	void *items = r->places;
	int rc = room(r, &items, r->place_count, &r->place_capacity, sizeof *r->places, REFRESH_MAX_PLACEMENTS,
		      "placements");
	r->places = items;
	if (rc)
		return rc;
	struct place *to = &r->places[r->place_count];
	*to = (struct place){ .subjects = { 0, 0 } };
	struct inventory_placement copy = *p;
	copy.artifact.notes_json = copy.artifact.evidence_json = SPAN_NONE;
	if (inventory_placement_copy(&copy, &r->a, &to->p))
		return err_set(tx_err(r->tx), RF_ENOMEM, "placements");
	for (size_t i = 0; i < n && !rc; i++)
		rc = subject_index(r, &subjects[i], &to->subjects[i]);
	r->place_count += !rc;
	return rc;
}

static int take_service(struct span service, void *data)
{
	struct refreshing *r = data;
	struct span own = keep(r, service);
	return own.p && !map_set(&r->decided_services, own, r) ? 0 : err_set(tx_err(r->tx), RF_ENOMEM, "services");
}

static int collect_placements(struct refreshing *r)
{
	int rc = advisory_decided_services(r->tx, take_service, r);
	if (!rc)
		rc = inventory_each_placement(r->tx, &(struct inventory_filter){ .with_gone = false }, take_placement,
					      r);
	for (size_t i = 0; !rc && i < r->place_count; i++)
		if (map_set(&r->place_by_id, span_bytes(&r->places[i].p.id, sizeof(int64_t)), &r->places[i]))
			rc = err_set(tx_err(r->tx), RF_ENOMEM, "placements");
	return rc;
}

/* ── Findings ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int name_index(struct refreshing *r, struct span id, size_t *ret)
{
	void *known = map_get(&r->name_by_id, id);
	if (known) {
		*ret = (size_t)(uintptr_t)known - 1;
		return 0;
	}
	void *items = r->names;
	int rc = room(r, &items, r->name_count, &r->name_capacity, sizeof *r->names, EXPOSURE_MAX_ADVISORIES,
		      "advisories");
	r->names = items;
	if (rc)
		return rc;
	struct name *to = &r->names[r->name_count++];
	*to = (struct name){ .id = keep(r, id) };
	if (!to->id.p || map_set(&r->name_by_id, to->id, (void *)(uintptr_t)r->name_count))
		return err_set(tx_err(r->tx), RF_ENOMEM, "advisories");
	*ret = r->name_count - 1;
	return 0;
}

/* What a finding depends on: the judge, the documents, what was read out of them, the policy. */
static void inputs_of(const struct stored_advisory *v, char hex[DIGEST_HEX])
{
	struct str text = STR_INIT(64 * MIB);
	str_addf(&text, "judge %d, %s\n", FINDING_JUDGE_VERSION, advisory_state_name(v->advisory.state));
	if (v->policy.decided)
		str_addf(&text, "policy %s %.*s %lld\n", engine_affecting_name(v->policy.engine_affecting),
			 SPAN_ARG(v->policy.who), (long long)v->policy.at);
	for (size_t i = 0; i < v->policy.decision_count; i++) {
		const struct advisory_decision *d = &v->policy.decisions[i];
		str_addf(&text, "decision %s %s %.*s %d %.*s %.*s %lld\n", decision_kind_name(d->kind),
			 d->product ? d->product->purl : "-", SPAN_ARG(d->service), (int)d->applies, SPAN_ARG(d->text),
			 SPAN_ARG(d->who), (long long)d->at);
	}
	for (size_t i = 0; i < v->source_count; i++)
		str_addf(&text, "%.*s %s\n", SPAN_ARG(v->sources[i].origin.document_digest),
			 advisory_state_name(v->sources[i].record.state));
	for (size_t i = 0; i < v->advisory.statement_count; i++) {
		const struct advisory_statement *s = &v->advisory.statements[i];
		if (!s->range || !s->product)
			continue;
		str_addf(&text, "%s %s %d %d ", s->product->purl, s->range->scheme->name, (int)s->status,
			 (int)s->authoritative);
		range_words(s->range, &text);
		str_addf(&text, " %.*s\n", SPAN_ARG(s->contradiction));
	}
	struct digest digest;
	digest_of(str_span(&text), &digest);
	digest_hex(&digest, hex);
	str_release(&text);
}

struct stored_finding {
	int64_t id;
	enum finding_kind kind;
	enum finding_cause cause;
};

/* The current finding of this subject and advisory, when it came of the same inputs; id 0 else. */
static int find_stored(struct refreshing *r, const struct finding_subject *s, struct span advisory, const char *inputs,
		       struct stored_finding *ret)
{
	RF_AUTO_ROWS rows = NULL;
	*ret = (struct stored_finding){ 0 };
	int rc = TX_QUERY(
		r->tx, &rows,
		"SELECT id, kind, cause FROM exposure_finding WHERE advisory = $1 AND current = 1 AND inputs = $2"
		" AND purl = $3 AND version = $4 AND carrier = $5 AND claim = $6 AND claim_cause = $7 AND service = $8",
		DB_S(advisory), DB_T(inputs), DB_S(s->component.purl.n ? s->component.purl : SPAN("")),
		DB_S(s->component.version.n ? s->component.version : SPAN("")), DB_I(s->carrier), DB_I(s->claim),
		DB_S(s->claim_cause.n ? s->claim_cause : SPAN("")), DB_S(s->service.n ? s->service : SPAN("")));
	if (!rc)
		rc = rows_next(rows);
	if (rc == 1) {
		*ret = (struct stored_finding){ .id = rows_i64(rows, 0), .kind = (enum finding_kind)rows_i64(rows, 1) };
		if (!finding_cause_read(rows_text(rows, 2), &ret->cause))
			ret->id = 0;
	}
	return rc < 0 ? rc : 0;
}

static int store_finding(struct refreshing *r, const struct finding_subject *s, struct span advisory,
			 const char *inputs, const struct finding *f, int64_t *ret_id)
{
	struct span purl = s->component.purl.n ? s->component.purl : SPAN(""),
		    cause = s->claim_cause.n ? s->claim_cause : SPAN("");
	struct span version = s->component.version.n ? s->component.version : SPAN("");
	struct span service = s->service.n ? s->service : SPAN("");
	RF_AUTO(str) reason = STR_INIT(4 * MIB);
	struct json_out o = json_out(&reason, false);
	reason_json(&f->reason, &o);
	int rc = str_check(&reason, "chain of reasons", tx_err(r->tx));
	if (!rc)
		rc = TX_RUN(r->tx,
			    "UPDATE exposure_finding SET current = 0 WHERE advisory = $1 AND current = 1 AND purl = $2 "
			    "AND version = $3"
			    " AND carrier = $4 AND claim = $5 AND claim_cause = $6 AND service = $7",
			    DB_S(advisory), DB_S(purl), DB_S(version), DB_I(s->carrier), DB_I(s->claim), DB_S(cause),
			    DB_S(service));
	return rc ? rc
		  : TX_I64(r->tx, ret_id,
			   "INSERT INTO exposure_finding (purl, version, carrier, claim, claim_cause, advisory, "
			   "inputs, kind,"
			   " cause, reason, judged_at, current, service) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
			   "$10, "
			   "$11, 1, $12) RETURNING id",
			   DB_S(purl), DB_S(version), DB_I(s->carrier), DB_I(s->claim), DB_S(cause), DB_S(advisory),
			   DB_T(inputs), DB_I(f->kind), DB_T(finding_cause_name(f->cause)), DB_S(str_span(&reason)),
			   DB_TIME(tx_now(r->tx)), DB_S(service));
}

static int judge_subject(struct refreshing *r, const struct subject *s, const struct stored_advisory *v,
			 const char *inputs, struct stored_finding *ret)
{
	int rc = find_stored(r, &s->s, v->advisory.id, inputs, ret);
	if (rc || ret->id)
		return rc;
	struct finding f;
	rc = finding_judge(&r->judged, &s->s, v, &f, tx_err(r->tx));
	if (rc)
		return rc;
	r->changes.components++;
	*ret = (struct stored_finding){ 0, f.kind, f.cause };
	return store_finding(r, &s->s, v->advisory.id, inputs, &f, &ret->id);
}

/* ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int add_row(struct refreshing *r, struct rows *to, const struct row *row)
{
	void *items = to->row;
	int rc = room(r, &items, to->count, &to->capacity, sizeof *row, EXPOSURE_MAX_OPEN, "open exposures");
	to->row = items;
	if (!rc)
		to->row[to->count++] = *row;
	return rc;
}

static int row_compare(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	if (a->placement != b->placement)
		return a->placement < b->placement ? -1 : 1;
	if (a->advisory != b->advisory)
		return a->advisory < b->advisory ? -1 : 1;
	return a->carrier < b->carrier ? -1 : a->carrier > b->carrier;
}

/* Verdicts of one advisory by subject index; kind NOT_AFFECTED opens nothing. */
static int want_rows(struct refreshing *r, size_t name, const struct stored_finding *verdicts)
{
	for (size_t i = 0; i < r->place_count; i++)
		for (size_t k = 0; k < 2 && r->places[i].subjects[k]; k++) {
			size_t subject = r->places[i].subjects[k] - 1;
			const struct stored_finding *f = &verdicts[subject];
			if (!f->id || f->kind == FINDING_NOT_AFFECTED)
				continue;
			int rc = add_row(r, &r->wanted,
					 &(struct row){ .placement = r->places[i].p.id,
							.advisory = name,
							.carrier = r->subjects[subject].s.carrier,
							.finding = f->id,
							.kind = f->kind,
							.cause = f->cause,
							.place = i });
			if (rc)
				return rc;
		}
	return 0;
}

static bool concerns(const struct subject *s, struct span id)
{
	for (size_t i = 0; i < s->advisories.count; i++)
		if (span_eq(s->advisories.ids[i], id))
			return true;
	return false;
}

/* A title for lists; UTF-8 is cut between characters. */
static struct span title_cut(struct span title)
{
	size_t n = RF_MIN(title.n, (size_t)300);
	while (n < title.n && n > 0 && ((unsigned char)title.p[n] & 0xC0) == 0x80)
		n--;
	return span_sub(title, 0, n);
}

static int load_name(struct refreshing *r, size_t name, struct stored_advisory *ret)
{
	arena_reset(&r->judged);
	int rc = advisory_get(r->tx, &r->judged, r->names[name].id, ret);
	if (rc)
		return rc;
	struct name *n = &r->names[name];
	n->title = keep(r, title_cut(ret->advisory.title));
	n->state = ret->advisory.state;
	n->is_drill = ret->advisory.is_drill;
	n->loaded = true;
	return 0;
}

static int judge_advisory(struct refreshing *r, size_t name, struct stored_finding *verdicts)
{
	struct stored_advisory v;
	char inputs[DIGEST_HEX];
	int rc = load_name(r, name, &v);
	if (rc)
		return rc;
	inputs_of(&v, inputs);
	for (size_t i = 0; !rc && i < r->subject_count; i++) {
		verdicts[i] = (struct stored_finding){ 0 };
		if (concerns(&r->subjects[i], r->names[name].id))
			rc = judge_subject(r, &r->subjects[i], &v, inputs, &verdicts[i]);
	}
	return rc ? rc : want_rows(r, name, verdicts);
}

/* The advisories of a subject: by product and carrier, of which there are few. */
static int advisories_of(struct refreshing *r, struct subject *s)
{
	const char *key = arena_printf(&r->a, "%d %s", s->s.component.product ? 0 : 1 + (int)s->s.carrier,
				       s->s.component.product ? s->s.component.product->purl : "");
	if (!key)
		return err_set(tx_err(r->tx), RF_ENOMEM, "advisories");
	const struct exposure_ids *known = map_get(&r->products, span_of(key));
	if (known) {
		s->advisories = *known;
		return 0;
	}
	int rc = exposure_advisories_of(r->tx, &s->s, &s->advisories);
	struct exposure_ids *copy = rc ? NULL : arena_alloc(&r->a, sizeof *copy);
	if (rc)
		return rc;
	if (!copy || map_set(&r->products, span_of(key), copy))
		return err_set(tx_err(r->tx), RF_ENOMEM, "advisories");
	*copy = s->advisories;
	return 0;
}

static int judge_all(struct refreshing *r)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < r->subject_count; i++) {
		struct subject *s = &r->subjects[i];
		rc = advisories_of(r, s);
		size_t unused;
		for (size_t k = 0; !rc && k < s->advisories.count; k++)
			rc = name_index(r, s->advisories.ids[k], &unused);
	}
	if (rc)
		return rc;
	struct stored_finding *verdicts = rf_realloc_array(NULL, r->subject_count + 1, sizeof *verdicts);
	if (!verdicts)
		return err_set(tx_err(r->tx), RF_ENOMEM, "findings");
	for (size_t i = 0; !rc && i < r->name_count; i++)
		rc = judge_advisory(r, i, verdicts);
	rf_free(verdicts);
	return rc;
}

static int load_open(struct refreshing *r)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT id, placement, advisory, carrier, finding, kind, cause FROM exposure"
			  " WHERE cleared_at IS NULL AND id > $1",
			  DB_I(0));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct row row = { .id = rows_i64(rows, 0),
				   .placement = rows_i64(rows, 1),
				   .carrier = (unsigned)rows_i64(rows, 3),
				   .finding = rows_i64(rows, 4),
				   .kind = (enum finding_kind)rows_i64(rows, 5),
				   .cause = CAUSE_COUNT };
		(void)finding_cause_read(rows_text(rows, 6), &row.cause);
		rc = name_index(r, rows_text(rows, 2), &row.advisory);
		if (!rc)
			rc = add_row(r, &r->open, &row);
	}
	return rc;
}

/* ── The difference ─────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *clear_reason(struct refreshing *r, const struct row *row)
{
	if (!map_get(&r->place_by_id, span_bytes(&row->placement, sizeof row->placement)))
		return "gone";
	const struct name *n = &r->names[row->advisory];
	if (n->loaded && n->state == ADVISORY_WITHDRAWN)
		return "advisory_withdrawn";
	return n->loaded && n->state == ADVISORY_REJECTED ? "advisory_rejected" : "not_affected";
}

static int clear_row(struct refreshing *r, const struct row *row, const char *reason)
{
	r->changes.cleared++;
	r->names[row->advisory].cleared++;
	return TX_RUN(r->tx, "UPDATE exposure SET cleared_at = $1, cleared_reason = $2 WHERE id = $3",
		      DB_TIME(tx_now(r->tx)), DB_T(reason), DB_I(row->id));
}

struct inserting {
	struct db_value *values;
	size_t rows;
};

static int insert_flush(struct refreshing *r, struct inserting *w)
{
	int rc = w->rows ? tx_insert_many(r->tx,
					  "INSERT INTO exposure (placement, advisory, carrier, finding, kind, cause, "
					  "purl, version,"
					  " is_drill, title, host, path, service, environment, model, digest, "
					  "artifact_kind, target,"
					  " opened_at, cleared_reason) VALUES",
					  "", w->values, INSERT_COLUMNS, w->rows)
			 : 0;
	w->rows = 0;
	return rc;
}

static struct db_value text_or_empty(struct span s)
{
	return DB_S(s.n ? s : SPAN(""));
}

static int open_row(struct refreshing *r, struct inserting *w, const struct row *row)
{
	const struct place *place = &r->places[row->place];
	const struct inventory_placement *p = &place->p;
	size_t k = place->subjects[0] && r->subjects[place->subjects[0] - 1].s.carrier == row->carrier ? 0 : 1;
	const struct component *c = &r->subjects[place->subjects[k] - 1].s.component;
	struct name *n = &r->names[row->advisory];
	const struct db_value values[INSERT_COLUMNS] = { DB_I(row->placement),
							 DB_S(n->id),
							 DB_I(row->carrier),
							 DB_I(row->finding),
							 DB_I(row->kind),
							 DB_T(finding_cause_name(row->cause)),
							 text_or_empty(c->purl),
							 text_or_empty(c->version),
							 DB_I(n->is_drill),
							 text_or_empty(n->title),
							 text_or_empty(p->host),
							 DB_B(p->path),
							 text_or_empty(p->service),
							 text_or_empty(p->environment),
							 text_or_empty(p->model),
							 DB_T(p->artifact.digest),
							 text_or_empty(p->artifact.kind),
							 text_or_empty(p->artifact.target),
							 DB_TIME(tx_now(r->tx)),
							 DB_T("") };
	memcpy(w->values + w->rows++ * INSERT_COLUMNS, values, sizeof values);
	n->opened++;
	r->changes.opened++;
	return w->rows == INSERT_ROWS ? insert_flush(r, w) : 0;
}

/* Both lists sorted: one pass. A row whose verdict is the same keeps its opening; its finding is the newest. */
static int write_difference(struct refreshing *r, struct inserting *w)
{
	size_t i = 0, k = 0;
	int rc = 0;
	/* clear before opening: the unique index allows one open row of a key */
	struct rows fresh = { 0 };
	while (!rc && (i < r->wanted.count || k < r->open.count)) {
		const struct row *want = i < r->wanted.count ? &r->wanted.row[i] : NULL;
		const struct row *have = k < r->open.count ? &r->open.row[k] : NULL;
		int c = !want ? 1 : !have ? -1 : row_compare(want, have);
		if (c > 0) {
			rc = clear_row(r, have, clear_reason(r, have));
		} else if (c < 0) {
			rc = add_row(r, &fresh, want);
		} else if (want->kind != have->kind || want->cause != have->cause) {
			rc = clear_row(r, have, "finding_changed");
			if (!rc)
				rc = add_row(r, &fresh, want);
		} else if (want->finding != have->finding) {
			rc = TX_RUN(r->tx, "UPDATE exposure SET finding = $1 WHERE id = $2", DB_I(want->finding),
				    DB_I(have->id));
		}
		i += c <= 0;
		k += c >= 0;
	}
	for (size_t n = 0; !rc && n < fresh.count; n++)
		rc = open_row(r, w, &fresh.row[n]);
	rf_free(fresh.row);
	return rc ? rc : insert_flush(r, w);
}

static int write_rows(struct refreshing *r)
{
	struct inserting w = { .values =
				       rf_realloc_array(NULL, INSERT_ROWS * INSERT_COLUMNS, sizeof(struct db_value)) };
	if (!w.values)
		return err_set(tx_err(r->tx), RF_ENOMEM, "exposures");
	if (r->wanted.count)
		qsort(r->wanted.row, r->wanted.count, sizeof(struct row), row_compare);
	if (r->open.count)
		qsort(r->open.row, r->open.count, sizeof(struct row), row_compare);
	int rc = write_difference(r, &w);
	rf_free(w.values);
	r->changes.open = (int64_t)r->wanted.count;
	return rc;
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
	for (size_t i = 0; i < r->name_count && named < LEDGER_MAX_NAMES; i++) {
		const struct name *n = &r->names[i];
		if (!n->opened && !n->cleared)
			continue;
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

static int refresh(struct refreshing *r, const char *actor)
{
	int rc = collect_placements(r);
	if (!rc)
		rc = judge_all(r);
	if (!rc)
		rc = load_open(r);
	if (!rc)
		rc = write_rows(r);
	if (rc || (!r->changes.opened && !r->changes.cleared))
		return rc;
	rc = write_ledger(r, actor);
	return rc ? rc : tx_notify(r->tx, "exposure");
}

static void refreshing_release(struct refreshing *r)
{
	arena_release(&r->a);
	arena_release(&r->judged);
	map_release(&r->subject_by_key);
	map_release(&r->place_by_id);
	map_release(&r->name_by_id);
	map_release(&r->decided_services);
	map_release(&r->products);
	rf_free(r->subjects);
	rf_free(r->places);
	rf_free(r->names);
	rf_free(r->wanted.row);
	rf_free(r->open.row);
}

int exposure_refresh_tx(struct transaction *tx, const char *actor, struct exposure_changes *ret)
{
	struct refreshing r = { .tx = tx,
				.a = ARENA_INIT(REFRESH_ARENA_BYTES),
				.judged = ARENA_INIT(ADVISORY_ARENA_BYTES) };
	int rc = refresh(&r, actor);
	if (!rc && ret)
		*ret = r.changes;
	refreshing_release(&r);
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
