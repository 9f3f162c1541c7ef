/*
 * Findings: each component judged once by each advisory about its product, when the advisory changed or the component
 * is new; what a stored mark says was judged already is not even read.
 *
 *   advisories about products ──► mark (records, policy, decisions) ── as stored ──► new components only
 *                                                                  └─ another ────► all components of its products
 *
 * Only what exposes is stored: affected, conflict, unknown. A finding ends when the verdict changes; newer grounds of
 * the same verdict are another row that goes on (since). Findings of a service that a decision names are its own from
 * then on.
 */
#include "exposure/exposure_int.h"

#include "crypto/digest.h"

/* Components times advisories about their products are looked through in memory. */
#define MAX_PAIRS 2000000

struct about {
	struct span advisory;
	const struct product *product;
	bool published;
};

struct mark {
	struct span advisory, now, stored;
	struct mark *next;
};

struct judging {
	struct refreshing *r;
	struct arena chain; /* one judgement's reasons */
	struct map marks;   /* advisory -> struct mark */
	struct mark *mark_list;
	struct about *pairs; /* by advisory */
	size_t pair_count, pair_capacity;
};

/* One advisory's current findings and scopes. */
struct verdict {
	int64_t key_subject;
	struct span service;
	int64_t id;
	enum finding_kind kind;
	enum finding_cause cause;
	usec_t since;
	struct span inputs;
};
struct scope {
	struct span service; /* empty: all that have none of their own */
	bool is_new;
};
struct case_ {
	struct judging *j;
	const struct stored_advisory *advisory;
	struct span id;
	char inputs[DIGEST_HEX];
	struct map current; /* "subject service" -> struct verdict */
	struct scope *scopes;
	size_t scope_count;
};

static int out_of_memory(struct refreshing *r)
{
	return err_set(tx_err(r->tx), RF_ENOMEM, "findings");
}

static struct span text_or_empty(struct span s)
{
	return s.n ? s : SPAN("");
}

/* ── Marks ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct mark *mark_of(struct judging *j, struct span advisory)
{
	struct mark *m = map_get(&j->marks, advisory);
	if (m)
		return m;
	m = arena_alloc(&j->r->a, sizeof *m);
	if (!m || !(m->advisory = arena_span(&j->r->a, advisory)).p || map_set(&j->marks, m->advisory, m))
		return NULL;
	m->next = j->mark_list;
	return j->mark_list = m;
}

/* Ids count up and never come again: how many records, the last and their sum say which they are. */
static const char select_marks[] =
	"SELECT n.advisory, n.text FROM (SELECT o.advisory AS advisory, 1 AS part,"
	" COUNT(*) || ' ' || MAX(r.id) || ' ' || SUM(r.id) AS text"
	" FROM (SELECT DISTINCT r.advisory FROM advisory_statement s JOIN advisory_record r ON r.id = s.record"
	"  WHERE s.purl <> '' UNION SELECT advisory FROM advisory_decision) o"
	" JOIN advisory_record r ON r.advisory = o.advisory JOIN advisory_document d ON d.id = r.document"
	" WHERE d.current = 1 GROUP BY o.advisory"
	" UNION ALL SELECT advisory, 2, ' p' || MAX(id) FROM advisory_policy GROUP BY advisory"
	" UNION ALL SELECT advisory, 3, ' d' || MAX(id) FROM advisory_decision GROUP BY advisory) n"
	" ORDER BY n.advisory, n.part";

static int marks_now(struct judging *j)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(j->r->tx, select_marks, NULL, 0, &rows);
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct mark *m = mark_of(j, rows_text(rows, 0));
		struct span more = rows_text(rows, 1);
		rc = 0;
		if (m)
			m->now = span_of(arena_printf(&j->r->a, "%.*s%.*s", SPAN_ARG(m->now), SPAN_ARG(more)));
		if (!m || !m->now.p)
			return out_of_memory(j->r);
	}
	return rc;
}

static int marks_stored(struct judging *j)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(j->r->tx, "SELECT advisory, mark FROM exposure_judged", NULL, 0, &rows);
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct mark *m = mark_of(j, rows_text(rows, 0));
		rc = 0;
		if (!m || !(m->stored = arena_span(&j->r->a, rows_text(rows, 1))).p)
			return out_of_memory(j->r);
	}
	return rc;
}

static int mark_write(struct judging *j, const struct mark *m)
{
	if (!m->now.n)
		return TX_RUN(j->r->tx, "DELETE FROM exposure_judged WHERE advisory = $1", DB_S(m->advisory));
	return TX_RUN(j->r->tx,
		      "INSERT INTO exposure_judged (advisory, mark) VALUES ($1, $2)"
		      " ON CONFLICT (advisory) DO UPDATE SET mark = excluded.mark",
		      DB_S(m->advisory), DB_S(m->now));
}

/* ── Which advisory is about what ────────────────────────────────────────────────────────────────────────────────── */

static const char select_pairs[] =
	"SELECT DISTINCT n.advisory, n.purl, v.state FROM (SELECT r.advisory AS advisory, s.purl AS purl"
	" FROM advisory_statement s JOIN advisory_record r ON r.id = s.record JOIN advisory_document d ON d.id = "
	"r.document"
	" WHERE d.current = 1 AND s.purl <> '' UNION SELECT advisory, purl FROM advisory_decision WHERE kind = "
	"'range') n"
	" JOIN advisory v ON v.id = n.advisory ORDER BY n.advisory, n.purl";

static int pairs_load(struct judging *j)
{
	struct refreshing *r = j->r;
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(r->tx, select_pairs, NULL, 0, &rows);
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		const struct product *product = product_by_purl(rows_text(rows, 1));
		struct mark *m = product ? mark_of(j, rows_text(rows, 0)) : NULL;
		rc = 0;
		if (!product)
			continue;
		if (!m)
			return out_of_memory(r);
		if (j->pair_count == MAX_PAIRS)
			return err_set(tx_err(r->tx), RF_ETOOMANY, "more than %d products of advisories", MAX_PAIRS);
		if (j->pair_count == j->pair_capacity) {
			size_t capacity = j->pair_capacity ? 2 * j->pair_capacity : 1024;
			struct about *more = rf_realloc_array(j->pairs, capacity, sizeof *more);
			if (!more)
				return out_of_memory(r);
			j->pairs = more;
			j->pair_capacity = capacity;
		}
		enum advisory_state state = ADVISORY_PUBLISHED;
		(void)advisory_state_read(rows_text(rows, 2), &state);
		j->pairs[j->pair_count++] = (struct about){ m->advisory, product, state == ADVISORY_PUBLISHED };
	}
	return rc;
}

static size_t first_pair(const struct judging *j, struct span advisory)
{
	size_t low = 0, high = j->pair_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (span_compare(j->pairs[middle].advisory, advisory) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Those about its product, rejected and withdrawn ones included; of an unknown builder, or an image that nobody looked
 * into, those about every product that compiles engines. */
static bool concerns(const struct judging *j, size_t first, const struct finding_subject *s)
{
	for (size_t i = first; i < j->pair_count && span_eq(j->pairs[i].advisory, j->pairs[first].advisory); i++) {
		const struct about *p = &j->pairs[i];
		if (s->component.product ? s->component.product == p->product
					 : s->carrier != CARRIER_RUNTIME && p->published &&
						   p->product->engine_affecting == ENGINE_AFFECTING_YES)
			return true;
	}
	return false;
}

/* ── One advisory ────────────────────────────────────────────────────────────────────────────────────────────────── */

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

static struct span verdict_key(struct arena *a, int64_t subject, struct span service)
{
	const char *key = arena_printf(a, "%lld %.*s", (long long)subject, SPAN_ARG(service));
	return key ? span_of(key) : SPAN_NONE;
}

static const struct verdict *current_of(struct case_ *c, int64_t subject, struct span service)
{
	char key[256];
	int n = snprintf(key, sizeof key, "%lld %.*s", (long long)subject, SPAN_ARG(service));
	return n > 0 && (size_t)n < sizeof key ? map_get(&c->current, span_bytes(key, (size_t)n)) : NULL;
}

static int current_load(struct case_ *c)
{
	struct refreshing *r = c->j->r;
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(r->tx, &rows,
			  "SELECT id, subject, service, kind, cause, since, inputs FROM exposure_finding"
			  " WHERE advisory = $1 AND valid_to IS NULL",
			  DB_S(c->id));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		struct verdict *v = arena_alloc(&r->one, sizeof *v);
		rc = 0;
		if (!v)
			return out_of_memory(r);
		struct span service = rows_text(rows, 2);
		*v = (struct verdict){ .id = rows_i64(rows, 0),
				       .key_subject = rows_i64(rows, 1),
				       .service = service.n ? arena_span(&r->one, service) : SPAN_NONE,
				       .kind = (enum finding_kind)rows_i64(rows, 3),
				       .cause = CAUSE_COUNT,
				       .since = rows_time(rows, 5),
				       .inputs = arena_span(&r->one, text_or_empty(rows_text(rows, 6))) };
		(void)finding_cause_read(rows_text(rows, 4), &v->cause);
		struct span key = verdict_key(&r->one, v->key_subject, v->service);
		if (!key.p || map_set(&c->current, key, v))
			return out_of_memory(r);
	}
	return rc;
}

static bool has_scope(const struct case_ *c, struct span service)
{
	for (size_t i = 1; i < c->scope_count; i++)
		if (span_eq(c->scopes[i].service, service))
			return true;
	return false;
}

static int scopes_load(struct case_ *c)
{
	struct refreshing *r = c->j->r;
	const struct advisory_policy *p = &c->advisory->policy;
	RF_AUTO_ROWS rows = NULL;
	int64_t stored = 0;
	int rc = TX_I64(r->tx, &stored, "SELECT count(*) FROM exposure_scope WHERE advisory = $1", DB_S(c->id));
	c->scopes = rc ? NULL : arena_array(&r->one, 1 + (size_t)stored + p->decision_count, sizeof *c->scopes);
	if (!c->scopes)
		return rc ? rc : out_of_memory(r);
	c->scopes[c->scope_count++] = (struct scope){ .service = SPAN_NONE };
	rc = TX_QUERY(r->tx, &rows, "SELECT service FROM exposure_scope WHERE advisory = $1 ORDER BY service",
		      DB_S(c->id));
	while (rc == 0 && (rc = rows_next(rows)) == 1 && c->scope_count <= (size_t)stored) {
		struct scope *s = &c->scopes[c->scope_count++];
		*s = (struct scope){ .service = arena_span(&r->one, rows_text(rows, 0)) };
		if (!s->service.p)
			return out_of_memory(r);
		rc = 0;
	}
	for (size_t i = 0; !rc && i < p->decision_count; i++) {
		if (!p->decisions[i].service.n || has_scope(c, p->decisions[i].service))
			continue;
		c->scopes[c->scope_count++] = (struct scope){ p->decisions[i].service, true };
		rc = TX_RUN(r->tx, "INSERT INTO exposure_scope (advisory, service, since) VALUES ($1, $2, $3)",
			    DB_S(c->id), DB_S(p->decisions[i].service), DB_TIME(tx_now(r->tx)));
	}
	return rc;
}

/* Open placements that carry @s and fall under the scope. */
static int placements_of(struct case_ *c, struct refresh_subject *s, const struct scope *scope, int64_t *ret)
{
	struct transaction *tx = c->j->r->tx;
	if (scope->service.n)
		return TX_I64(
			tx, ret,
			"SELECT CAST(COALESCE(SUM(u.placements), 0) AS BIGINT) FROM exposure_link l JOIN inventory_use "
			"u "
			"ON u.id = l.use_id"
			" JOIN inventory_service s ON s.id = u.service_id WHERE l.subject = $1 AND l.valid_to IS NULL"
			" AND s.service = $2",
			DB_I(s->id), DB_S(scope->service));
	if (c->scope_count > 1)
		return TX_I64(
			tx, ret,
			"SELECT CAST(COALESCE(SUM(u.placements), 0) AS BIGINT) FROM exposure_link l JOIN inventory_use "
			"u "
			"ON u.id = l.use_id"
			" JOIN inventory_service s ON s.id = u.service_id WHERE l.subject = $1 AND l.valid_to IS NULL"
			" AND s.service NOT IN (SELECT service FROM exposure_scope WHERE advisory = $2)",
			DB_I(s->id), DB_S(c->id));
	int rc =
		s->placements >= 0
			? 0
			: TX_I64(tx, &s->placements,
				 "SELECT CAST(COALESCE(SUM(u.placements), 0) AS BIGINT) FROM exposure_link l"
				 " JOIN inventory_use u ON u.id = l.use_id WHERE l.subject = $1 AND l.valid_to IS NULL",
				 DB_I(s->id));
	*ret = s->placements;
	return rc;
}

/* ── The difference ──────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *end_reason(const struct finding *f)
{
	if (f->cause == CAUSE_WITHDRAWN_RECORD)
		return "advisory_withdrawn";
	if (f->cause == CAUSE_REJECTED_RECORD)
		return "advisory_rejected";
	return f->kind == FINDING_NOT_AFFECTED ? "not_affected" : "finding_changed";
}

static int finding_end(struct case_ *c, const struct verdict *v, const char *reason)
{
	struct transaction *tx = c->j->r->tx;
	return TX_RUN(tx, "UPDATE exposure_finding SET valid_to = $1, ended = $2 WHERE id = $3", DB_TIME(tx_now(tx)),
		      DB_T(reason), DB_I(v->id));
}

static int finding_add(struct case_ *c, const struct refresh_subject *s, struct span service, const struct finding *f,
		       usec_t since)
{
	struct transaction *tx = c->j->r->tx;
	RF_AUTO(str) reason = STR_INIT(4 * MIB);
	struct json_out o = json_out(&reason, false);
	reason_json(&f->reason, &o);
	int rc = str_check(&reason, "chain of reasons", tx_err(tx));
	return rc ? rc
		  : TX_RUN(tx,
			   "INSERT INTO exposure_finding (subject, advisory, service, inputs, kind, cause, reason, "
			   "since,"
			   " valid_from, ended) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '')",
			   DB_I(s->id), DB_S(c->id), DB_S(text_or_empty(service)), DB_T(c->inputs), DB_I(f->kind),
			   DB_T(finding_cause_name(f->cause)), DB_S(str_span(&reason)), DB_TIME(since),
			   DB_TIME(tx_now(tx)));
}

/* @before: what stood until now for these placements: their own, or everybody's where the scope is new. */
static int verdict_write(struct case_ *c, struct refresh_subject *s, const struct scope *scope, const struct finding *f)
{
	struct refreshing *r = c->j->r;
	const struct verdict *own = current_of(c, s->id, scope->service);
	const struct verdict *before = own || !scope->is_new ? own : current_of(c, s->id, SPAN_NONE);
	bool exposes = f->kind != FINDING_NOT_AFFECTED;
	bool same = before && exposes && before->kind == f->kind && before->cause == f->cause;
	if (!before && !exposes)
		return 0;
	if (same && own && span_eq_text(own->inputs, c->inputs))
		return 0;
	int64_t n = 0;
	int rc = own ? finding_end(c, own, same ? "continued" : end_reason(f)) : 0;
	if (!rc && exposes)
		rc = finding_add(c, s, scope->service, f, same ? before->since : tx_now(r->tx));
	if (rc || same)
		return rc;
	rc = placements_of(c, s, scope, &n);
	return rc ? rc : exposure_refresh_count(r, c->id, exposes ? n : 0, before ? n : 0);
}

static int judge_subject(struct case_ *c, struct refresh_subject *s)
{
	struct refreshing *r = c->j->r;
	int rc = 0;
	for (size_t i = 0; !rc && i < c->scope_count; i++) {
		struct finding_subject subject = s->s;
		struct finding f;
		subject.service = c->scopes[i].service;
		arena_reset(&c->j->chain);
		rc = finding_judge(&c->j->chain, &subject, c->advisory, &f, tx_err(r->tx));
		if (!rc)
			rc = verdict_write(c, s, &c->scopes[i], &f);
		r->changes.components += !rc;
	}
	return rc;
}

/* An advisory that no product of ours is in any more: nothing is exposed to it. */
static int forget_advisory(struct case_ *c)
{
	static const struct finding nothing = { .kind = FINDING_NOT_AFFECTED, .cause = CAUSE_OTHER_PRODUCT };
	struct span key;
	void *value;
	int rc = 0;
	for (size_t at = 0; !rc && map_next(&c->current, &at, &key, &value);) {
		const struct verdict *v = value;
		struct refresh_subject of = { .id = v->key_subject, .placements = -1 };
		const struct scope scope = { .service = v->service };
		rc = verdict_write(c, &of, &scope, &nothing);
	}
	return rc;
}

static bool has_any(struct case_ *c, int64_t subject)
{
	for (size_t i = 0; i < c->scope_count; i++)
		if (current_of(c, subject, c->scopes[i].service))
			return true;
	return false;
}

static int judge_advisory(struct judging *j, const struct mark *m, bool only_new)
{
	struct refreshing *r = j->r;
	struct stored_advisory v;
	struct case_ c = { .j = j, .advisory = &v, .id = m->advisory };
	size_t first = first_pair(j, m->advisory);
	arena_reset(&r->one);
	int rc = current_load(&c);
	if (!rc && !m->now.n) {
		rc = forget_advisory(&c);
		map_release(&c.current);
		return rc;
	}
	if (!rc)
		rc = advisory_get(r->tx, &r->one, m->advisory, &v);
	if (!rc)
		rc = scopes_load(&c);
	if (!rc)
		inputs_of(&v, c.inputs);
	for (size_t i = 0; !rc && i < r->subject_count; i++) {
		struct refresh_subject *s = r->subject_list[i];
		if (only_new && !s->is_new)
			continue;
		if (concerns(j, first, &s->s) || (!only_new && has_any(&c, s->id)))
			rc = judge_subject(&c, s);
	}
	map_release(&c.current);
	return rc;
}

/* New components stand behind those that were there. */
static bool concerns_new(const struct judging *j, const struct mark *m)
{
	const struct refreshing *r = j->r;
	size_t first = first_pair(j, m->advisory);
	for (size_t i = r->subject_count; i-- > 0 && r->subject_list[i]->is_new;)
		if (concerns(j, first, &r->subject_list[i]->s))
			return true;
	return false;
}

static int judge_all(struct judging *j)
{
	int rc = 0;
	for (const struct mark *m = j->mark_list; m && !rc; m = m->next) {
		bool changed = j->r->everything || !span_eq(m->now, m->stored);
		if (!changed && !concerns_new(j, m))
			continue;
		rc = judge_advisory(j, m, !changed);
		if (!rc && changed)
			rc = mark_write(j, m);
	}
	return rc;
}

int exposure_refresh_findings(struct refreshing *r)
{
	struct judging j = { .r = r, .chain = ARENA_INIT(ADVISORY_ARENA_BYTES) };
	int rc = marks_now(&j);
	if (!rc)
		rc = marks_stored(&j);
	if (!rc)
		rc = pairs_load(&j);
	if (!rc)
		rc = judge_all(&j);
	map_release(&j.marks);
	arena_release(&j.chain);
	rf_free(j.pairs);
	return rc;
}
