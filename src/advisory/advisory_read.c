/* Reading advisories back: one with all its sources, lists, documents; and the operator's decisions. */
#include "advisory/advisory_range.h"
#include "advisory/store_int.h"

#include "ledger/ledger.h"

static const char *const current_records = " FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
					   " WHERE r.advisory = $1 AND d.current = 1";

struct loading {
	struct transaction *tx;
	struct arena *a;
	struct json_doc *doc;
	struct stored_advisory *to;
	int64_t *records; /* ids of the sources, same order */
	int failed;
};

static struct span keep(struct loading *l, struct span s)
{
	if (!s.n)
		return SPAN_NONE;
	struct span copy = arena_span(l->a, s);
	if (!copy.p)
		l->failed = err_set(tx_err(l->tx), RF_ENOMEM, "an advisory's texts");
	return copy;
}

static struct span column(struct loading *l, const struct db_rows *rows, int i)
{
	return keep(l, rows_text(rows, i));
}

/* The advisory that @id names: itself, or what carries it as an alias (the first by id). */
static int find_id(struct transaction *tx, struct arena *a, struct span id, struct span *ret)
{
	char upper[ADVISORY_MAX_ID];
	if (!id.n || id.n > sizeof upper)
		return err_set(tx_err(tx), RF_ENOTFOUND, "no advisory has this id");
	for (size_t i = 0; i < id.n; i++)
		upper[i] = id.p[i] >= 'a' && id.p[i] <= 'z' ? (char)(id.p[i] - 'a' + 'A') : id.p[i];
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
			  "SELECT id, 0 FROM advisory WHERE upper(id) = $1 UNION ALL"
			  " SELECT advisory, 1 FROM advisory_alias WHERE upper(alias) = $1 ORDER BY 2, 1 LIMIT 1",
			  DB_S(((struct span){ upper, id.n })));
	if (!rc)
		rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (!rc)
		return err_set(tx_err(tx), RF_ENOTFOUND, "no advisory at hand has the id or alias %.*s", SPAN_ARG(id));
	*ret = arena_span(a, rows_text(rows, 0));
	return ret->p ? 0 : err_set(tx_err(tx), RF_ENOMEM, "advisory id");
}

static int load_head(struct loading *l, struct span id)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(l->tx, &rows,
			  "SELECT title, state, is_drill, tlp, published, published_has_time, modified, first_seen"
			  " FROM advisory WHERE id = $1",
			  DB_S(id));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc < 0 ? rc : err_set(tx_err(l->tx), RF_ENOTFOUND, "no advisory %.*s", SPAN_ARG(id));
	struct advisory *v = &l->to->advisory;
	v->id = id;
	v->title = column(l, rows, 0);
	(void)advisory_state_read(rows_text(rows, 1), &v->state);
	v->is_drill = rows_i64(rows, 2);
	v->tlp = (enum tlp)rows_i64(rows, 3);
	v->published = rows_time(rows, 4);
	v->published_has_time = rows_i64(rows, 5);
	v->modified = rows_time(rows, 6);
	l->to->first_seen = rows_time(rows, 7);
	return 0;
}

static int load_source(struct loading *l, const struct db_rows *rows, struct advisory_source *s)
{
	struct advisory *v = &s->record;
	struct err *err = tx_err(l->tx);
	v->id = l->to->advisory.id;
	v->is_drill = l->to->advisory.is_drill;
	v->record_id = column(l, rows, 1);
	v->title = column(l, rows, 2);
	v->summary = column(l, rows, 3);
	v->url = column(l, rows, 4);
	(void)advisory_state_read(rows_text(rows, 5), &v->state);
	v->state_reason = column(l, rows, 6);
	v->assigner = column(l, rows, 7);
	v->tlp = (enum tlp)rows_i64(rows, 8);
	v->published = rows_time(rows, 9);
	v->published_has_time = rows_i64(rows, 10);
	v->modified = rows_time(rows, 11);
	v->cwe = column(l, rows, 12);
	int rc = advisory_severities_read(l->a, l->doc, rows_text(rows, 13), &v->severities, &v->severity_count, err);
	if (!rc)
		rc = advisory_texts_read(l->a, l->doc, rows_text(rows, 14), &v->aliases, &v->alias_count, err);
	s->origin = (struct advisory_origin){ .document_digest = column(l, rows, 15),
					      .document_name = column(l, rows, 16),
					      .document_id = column(l, rows, 17),
					      .feed = column(l, rows, 18),
					      .imported_at = rows_time(rows, 19),
					      .record_modified = v->modified,
					      .record_state = v->state };
	s->publisher = column(l, rows, 20);
	return rc ? rc : l->failed;
}

/* Published ones first, the newest first: the first gives the merged advisory what is a source's own. */
static int load_sources(struct loading *l)
{
	struct stored_advisory *to = l->to;
	int64_t n = 0;
	char sql[1024];
	snprintf(sql, sizeof sql, "SELECT count(*)%s", current_records);
	int rc = TX_I64(l->tx, &n, sql, DB_S(to->advisory.id));
	if (rc)
		return rc;
	to->sources = arena_array(l->a, (size_t)n + 1, sizeof *to->sources);
	l->records = arena_array(l->a, (size_t)n + 1, sizeof *l->records);
	if (!to->sources || !l->records)
		return err_set(tx_err(l->tx), RF_ENOMEM, "sources of an advisory");
	RF_AUTO_ROWS rows = NULL;
	snprintf(sql, sizeof sql,
		 "SELECT r.id, r.record_id, r.title, r.summary, r.url, r.state, r.state_reason, r.assigner, r.tlp,"
		 " r.published, r.published_has_time, r.modified, r.cwe, r.severities, r.aliases, d.digest, d.name, "
		 "d.document_id, d.feed,"
		 " d.imported_at, d.publisher%s ORDER BY CASE WHEN r.state = 'published' THEN 0 ELSE 1 END,"
		 " COALESCE(r.modified, 0) DESC, r.id DESC",
		 current_records);
	rc = TX_QUERY(l->tx, &rows, sql, DB_S(to->advisory.id));
	while (!rc && to->source_count < (size_t)n && (rc = rows_next(rows)) == 1) {
		l->records[to->source_count] = rows_i64(rows, 0);
		rc = load_source(l, rows, &to->sources[to->source_count++]);
	}
	return rc;
}

static int load_statement(struct loading *l, const struct db_rows *rows, struct advisory_statement *s)
{
	struct err *err = tx_err(l->tx);
	s->status = (enum statement_status)rows_i64(rows, 1);
	struct span purl = rows_text(rows, 2);
	s->product = purl.n ? product_by_purl(purl) : NULL;
	s->product_name = column(l, rows, 3);
	s->platform = column(l, rows, 4);
	s->affected_text = column(l, rows, 5);
	s->fixed_text = column(l, rows, 6);
	s->rule = column(l, rows, 9);
	s->review = rows_i64(rows, 10);
	s->authoritative = rows_i64(rows, 11);
	const struct scheme *scheme = s->product ? product_scheme(s->product) : scheme_find(SPAN("plain"));
	int rc = advisory_range_read(l->a, l->doc, scheme, rows_text(rows, 7), &s->range, err);
	if (!rc)
		rc = advisory_texts_read(l->a, l->doc, rows_text(rows, 8), &s->fixed, &s->fixed_count, err);
	if (!s->product)
		s->range = NULL;
	return rc ? rc : l->failed;
}

/* Of all sources into one array, a source's statements together and in its order. */
static int load_statements(struct loading *l)
{
	struct stored_advisory *to = l->to;
	int64_t n = 0;
	char sql[512];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM advisory_statement WHERE record IN (SELECT r.id%s)",
		 current_records);
	int rc = TX_I64(l->tx, &n, sql, DB_S(to->advisory.id));
	if (rc)
		return rc;
	struct advisory *v = &to->advisory;
	v->statements = arena_array(l->a, (size_t)n + 1, sizeof *v->statements);
	to->origins = arena_array(l->a, (size_t)n + 1, sizeof *to->origins);
	if (!v->statements || !to->origins)
		return err_set(tx_err(l->tx), RF_ENOMEM, "statements of an advisory");
	for (size_t i = 0; !rc && i < to->source_count; i++) {
		struct advisory_source *source = &to->sources[i];
		RF_AUTO_ROWS rows = NULL;
		source->record.statements = v->statements + v->statement_count;
		rc = TX_QUERY(l->tx, &rows,
			      "SELECT position, status, purl, product_name, platform, affected_text, fixed_text, "
			      "affected_range,"
			      " fixed, rule, review, authoritative FROM advisory_statement WHERE record = $1 ORDER BY "
			      "position",
			      DB_I(l->records[i]));
		while (!rc && v->statement_count < (size_t)n && (rc = rows_next(rows)) == 1) {
			struct advisory_statement *s = &v->statements[v->statement_count];
			to->origins[v->statement_count++] = source->origin;
			source->record.statement_count++;
			s->source = source->publisher;
			rc = load_statement(l, rows, s);
		}
	}
	return rc;
}

static int load_policy(struct loading *l)
{
	RF_AUTO_ROWS rows = NULL;
	struct advisory_policy *p = &l->to->policy;
	p->at = USEC_NONE;
	int rc = TX_QUERY(l->tx, &rows,
			  "SELECT engine_affecting, who, why, at FROM advisory_policy WHERE advisory = $1"
			  " ORDER BY id DESC LIMIT 1",
			  DB_S(l->to->advisory.id));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc;
	p->decided = engine_affecting_read(rows_text(rows, 0), &p->engine_affecting);
	p->who = column(l, rows, 1);
	p->why = column(l, rows, 2);
	p->at = rows_time(rows, 3);
	return l->failed;
}

static int load(struct loading *l, struct span id)
{
	struct span own;
	int rc = find_id(l->tx, l->a, id, &own);
	if (!rc)
		rc = load_head(l, own);
	if (!rc)
		rc = load_sources(l);
	if (!rc)
		rc = load_statements(l);
	if (!rc)
		rc = load_policy(l);
	if (rc || l->failed || !l->to->source_count)
		return rc ? rc : l->failed;
	const struct advisory *first = &l->to->sources[0].record;
	struct advisory *v = &l->to->advisory;
	v->record_id = first->record_id;
	v->summary = first->summary;
	v->url = first->url;
	v->cwe = first->cwe;
	v->severities = first->severities;
	v->severity_count = first->severity_count;
	v->aliases = first->aliases;
	v->alias_count = first->alias_count;
	/* the reason and the assigner come from whoever states them: the record that rejects, above all */
	for (size_t i = 0; i < l->to->source_count; i++) {
		const struct advisory *r = &l->to->sources[i].record;
		if (r->state == v->state && !v->state_reason.n)
			v->state_reason = r->state_reason;
		if (!v->assigner.n)
			v->assigner = r->assigner;
	}
	return 0;
}

int advisory_get(struct transaction *tx, struct arena *a, struct span id, struct stored_advisory *ret)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct stored_advisory to = { .first_seen = USEC_NONE };
	struct loading l = { .tx = tx, .a = a, .doc = doc, .to = &to };
	if (!doc)
		return err_set(tx_err(tx), RF_ENOMEM, "JSON parser");
	int rc = load(&l, id);
	if (!rc)
		*ret = to;
	return rc;
}

/* '%' and '_' of @text taken by their word; lower case, ASCII. */
static struct span like_pattern(struct arena *a, struct span text)
{
	char *to = arena_alloc(a, 2 * text.n + 3);
	size_t n = 0;
	if (!to)
		return SPAN_NONE;
	to[n++] = '%';
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '%' || c == '_' || c == '!')
			to[n++] = '!';
		to[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	to[n++] = '%';
	return (struct span){ to, n };
}

int advisory_list(struct transaction *tx, const struct advisory_filter *filter,
		  int (*visit)(const struct advisory_row *, void *), void *data)
{
	struct arena a = ARENA_INIT(128 * KIB);
	struct span pattern = like_pattern(&a, span_sub(filter->text, 0, 1000));
	struct db_rows *rows = NULL;
	int rc = TX_QUERY(
		tx, &rows,
		"SELECT v.id, v.title, v.state, v.is_drill, v.published_has_time, v.tlp, v.published, v.first_seen, "
		"v.modified, v.score,"
		" (SELECT count(*) FROM advisory_statement s JOIN advisory_record r ON r.id = s.record"
		"  JOIN advisory_document d ON d.id = r.document WHERE r.advisory = v.id AND d.current = 1),"
		" (SELECT count(*) FROM advisory_statement s JOIN advisory_record r ON r.id = s.record"
		"  JOIN advisory_document d ON d.id = r.document WHERE r.advisory = v.id AND d.current = 1 AND "
		"s.review = 1)"
		" FROM advisory v WHERE v.id > $1 AND (lower(v.id) LIKE $2 ESCAPE '!' OR lower(v.title) LIKE $2 ESCAPE "
		"'!')"
		" AND ($3 = 1 OR v.state = 'published') AND ($4 = 0 OR v.is_drill = 1)"
		" AND ($5 = '' OR EXISTS (SELECT 1 FROM advisory_statement s JOIN advisory_record r ON r.id = s.record"
		"  JOIN advisory_document d ON d.id = r.document WHERE r.advisory = v.id AND d.current = 1 AND s.purl "
		"= $5))"
		" ORDER BY v.id LIMIT $6",
		DB_S(filter->after.n ? filter->after : SPAN("")), DB_S(pattern), DB_I(filter->with_unpublished),
		DB_I(filter->drills_only), DB_S(filter->purl.n ? filter->purl : SPAN("")),
		DB_I(filter->limit > 0 ? filter->limit : 1000));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct advisory_row row = { .id = rows_text(rows, 0),
					    .title = rows_text(rows, 1),
					    .is_drill = rows_i64(rows, 3),
					    .published_has_time = rows_i64(rows, 4),
					    .tlp = (enum tlp)rows_i64(rows, 5),
					    .published = rows_time(rows, 6),
					    .first_seen = rows_time(rows, 7),
					    .modified = rows_time(rows, 8),
					    .score = rows_real(rows, 9),
					    .statements = rows_i64(rows, 10),
					    .review = rows_i64(rows, 11) };
		(void)advisory_state_read(rows_text(rows, 2), &row.state);
		rc = visit(&row, data);
	}
	rows_close(rows);
	arena_release(&a);
	return rc;
}

static int record_decision(struct transaction *tx, struct span id, enum engine_affecting value, const char *who,
			   const char *why)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member(&o, "engine_affecting", engine_affecting_name(value));
	json_member(&o, "why", why);
	json_object_end(&o);
	int rc = str_check(&body, "why", tx_err(tx));
	if (rc)
		return rc;
	char subject[ADVISORY_MAX_ID + 16];
	snprintf(subject, sizeof subject, "advisory/%.*s", SPAN_ARG(id));
	return ledger_append(tx, &(struct ledger_entry){ "advisory.decided", subject, who, str_span(&body) });
}

int advisory_decide(struct transaction *tx, struct span id, enum engine_affecting value, const char *who,
		    const char *why)
{
	struct arena a = ARENA_INIT(64 * KIB);
	struct span own;
	if (!why || !span_trim(span_of(why)).n)
		return err_set(tx_err(tx), RF_EINVALID, "a decision names its reason");
	int rc = find_id(tx, &a, id, &own);
	if (!rc)
		rc = TX_RUN(tx,
			    "INSERT INTO advisory_policy (advisory, engine_affecting, who, why, at) VALUES ($1, $2, "
			    "$3, $4, $5)",
			    DB_S(own), DB_T(engine_affecting_name(value)), DB_T(who), DB_T(why), DB_TIME(tx_now(tx)));
	if (!rc)
		rc = record_decision(tx, own, value, who, why);
	if (!rc)
		rc = tx_notify(tx, "advisory");
	arena_release(&a);
	return rc;
}

int advisory_document_bytes(struct transaction *tx, struct span digest, struct str *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT content FROM advisory_document WHERE digest = $1", DB_S(digest));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc < 0 ? rc
			      : err_set(tx_err(tx), RF_ENOTFOUND, "no document has the digest %.*s",
					SPAN_ARG(span_sub(digest, 0, 64)));
	str_add(ret, rows_blob(rows, 0));
	return str_check(ret, "document", tx_err(tx));
}
