/* Reading advisories back: one with all its sources, lists, documents. */
#include "advisory/advisory_range.h"
#include "advisory/store_int.h"

static const char *const current_records = " FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
					   " WHERE r.advisory = $1 AND d.current = 1";

struct foreign {
	size_t source;
	struct advisory_statement statement;
};

struct loading {
	struct transaction *tx;
	struct arena *a;
	struct json_doc *doc;
	struct stored_advisory *to;
	int64_t *records;        /* ids of the sources, same order */
	struct foreign *foreign; /* statements about products without a row, of all sources in their order */
	size_t foreign_count, foreign_capacity;
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

/* Exact words first: they have an index each. Other spellings look at every row. */
static const char *const id_questions[] = {
	"SELECT id FROM advisory WHERE id = $1",
	"SELECT advisory FROM advisory_alias WHERE alias = $1 ORDER BY 1 LIMIT 1",
	("SELECT id, 0 FROM advisory WHERE upper(id) = $1 UNION ALL"
	 " SELECT advisory, 1 FROM advisory_alias WHERE upper(alias) = $1 ORDER BY 2, 1 LIMIT 1"),
};

static int ask_id(struct transaction *tx, struct arena *a, const char *sql, struct span id, struct span *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, sql, DB_S(id));
	if (!rc)
		rc = rows_next(rows);
	if (rc != 1)
		return rc;
	*ret = arena_span(a, rows_text(rows, 0));
	return ret->p ? 1 : err_set(tx_err(tx), RF_ENOMEM, "advisory id");
}

int store_find_id(struct transaction *tx, struct arena *a, struct span id, struct span *ret)
{
	char upper[ADVISORY_MAX_ID];
	if (!id.n || id.n > sizeof upper)
		return err_set(tx_err(tx), RF_ENOTFOUND, "no advisory has this id");
	for (size_t i = 0; i < id.n; i++)
		upper[i] = id.p[i] >= 'a' && id.p[i] <= 'z' ? (char)(id.p[i] - 'a' + 'A') : id.p[i];
	struct span as_upper = { upper, id.n };
	int rc = ask_id(tx, a, id_questions[0], as_upper, ret);
	for (size_t i = 0; !rc && i < RF_COUNT(id_questions); i++)
		rc = ask_id(tx, a, id_questions[i], i == 2 ? as_upper : id, ret);
	if (!rc)
		return err_set(tx_err(tx), RF_ENOTFOUND, "no advisory at hand has the id or alias %.*s", SPAN_ARG(id));
	return rc < 0 ? rc : 0;
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

static struct foreign *add_foreign(struct loading *l)
{
	if (l->foreign_count == l->foreign_capacity) {
		size_t capacity = l->foreign_capacity ? 2 * l->foreign_capacity : 16;
		struct foreign *more = arena_array(l->a, capacity, sizeof *more);
		if (!more)
			return NULL;
		if (l->foreign_count)
			memcpy(more, l->foreign, l->foreign_count * sizeof *more);
		l->foreign = more;
		l->foreign_capacity = capacity;
	}
	return &l->foreign[l->foreign_count++];
}

/* What store_prepare.c wrote: a list of [name, purl, platform, affected, fixed, status, review, source]. */
static int take_foreign(struct loading *l, struct span text, size_t source)
{
	struct json root;
	int rc = text.n > 2 ? json_parse(l->doc, text, &root, tx_err(l->tx)) : 0;
	if (rc || text.n <= 2)
		return rc;
	for (struct json_each it = json_each(root); json_next(&it);) {
		struct foreign *to = add_foreign(l);
		struct json part[8] = { { NULL, 0 } };
		size_t n = 0;
		for (struct json_each in = json_each(it.value); n < RF_COUNT(part) && json_next(&in);)
			part[n++] = in.value;
		if (!to)
			return err_set(tx_err(l->tx), RF_ENOMEM, "statements of an advisory");
		int64_t status = 0;
		bool review = false;
		(void)json_i64(part[5], &status);
		(void)json_bool(part[6], &review);
		*to = (struct foreign){ source,
					{ .status = (enum statement_status)status,
					  .product_name = keep(l, json_string(part[0])),
					  .purl = keep(l, json_string(part[1])),
					  .platform = keep(l, json_string(part[2])),
					  .affected_text = keep(l, json_string(part[3])),
					  .fixed_text = keep(l, json_string(part[4])),
					  .source = keep(l, json_string(part[7])),
					  .rule = SPAN("no product row has this name"),
					  .review = review } };
	}
	return l->failed;
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
					      .record_state = v->state,
					      .authority = (enum advisory_authority)rows_i64(rows, 21) };
	const struct advisory_format *format = advisory_format_find(rows_text(rows, 23));
	s->origin.format = format ? span_of(format->name) : SPAN_NONE;
	s->publisher = column(l, rows, 20);
	if (!rc)
		rc = take_foreign(l, rows_text(rows, 22), l->to->source_count);
	return rc ? rc : l->failed;
}

/* Published ones first, then by authority, the newest first: the first gives the merged advisory what is a source's
 * own. */
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
		 " d.imported_at, d.publisher, r.authority, r.foreign_statements, d.format%s"
		 " ORDER BY CASE WHEN r.state = 'published' THEN 0 ELSE 1 END, r.authority DESC, COALESCE(r.modified, "
		 "0) DESC, r.id DESC",
		 current_records);
	rc = TX_QUERY(l->tx, &rows, sql, DB_S(to->advisory.id));
	while (!rc && to->source_count < (size_t)n && (rc = rows_next(rows)) == 1) {
		l->records[to->source_count] = rows_i64(rows, 0);
		rc = load_source(l, rows, &to->sources[to->source_count]);
		to->source_count++;
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
	s->purl = column(l, rows, 13);
	s->contradiction = column(l, rows, 14);
	s->justification = column(l, rows, 15);
	s->remedy = column(l, rows, 16);
	s->stated = rows_i64(rows, 17);
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
	v->statements = arena_array(l->a, (size_t)n + l->foreign_count + 1, sizeof *v->statements);
	to->origins = arena_array(l->a, (size_t)n + l->foreign_count + 1, sizeof *to->origins);
	if (!v->statements || !to->origins)
		return err_set(tx_err(l->tx), RF_ENOMEM, "statements of an advisory");
	size_t own_count = 0;
	for (size_t i = 0; !rc && i < to->source_count; i++) {
		struct advisory_source *source = &to->sources[i];
		RF_AUTO_ROWS rows = NULL;
		source->record.statements = v->statements + v->statement_count;
		rc = TX_QUERY(
			l->tx, &rows,
			"SELECT position, status, purl, product_name, platform, affected_text, fixed_text, "
			"affected_range,"
			" fixed, rule, review, authoritative, source, given_purl, contradiction, justification, remedy, "
			"stated"
			" FROM advisory_statement WHERE record = $1 ORDER BY position",
			DB_I(l->records[i]));
		while (!rc && own_count < (size_t)n && (rc = rows_next(rows)) == 1) {
			own_count++;
			struct advisory_statement *s = &v->statements[v->statement_count];
			to->origins[v->statement_count++] = source->origin;
			source->record.statement_count++;
			s->source = source->publisher;
			rc = load_statement(l, rows, s);
			struct span own = rows_text(rows, 12);
			if (!rc && own.n && !span_eq(own, s->source))
				s->source = keep(l, own);
		}
		for (size_t k = 0; !rc && k < l->foreign_count; k++) {
			if (l->foreign[k].source != i)
				continue;
			struct advisory_statement *s = &v->statements[v->statement_count];
			to->origins[v->statement_count++] = source->origin;
			source->record.statement_count++;
			*s = l->foreign[k].statement;
			if (!s->source.n)
				s->source = source->publisher;
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

/* Every source's scores, in the order of authority: none speaks for the others. */
static int join_severities(struct loading *l)
{
	struct advisory *v = &l->to->advisory;
	size_t n = 0;
	for (size_t i = 0; i < l->to->source_count; i++)
		n += l->to->sources[i].record.severity_count;
	v->severities = arena_array(l->a, n + 1, sizeof *v->severities);
	if (!v->severities)
		return err_set(tx_err(l->tx), RF_ENOMEM, "severities");
	for (size_t i = 0; i < l->to->source_count; i++) {
		const struct advisory *r = &l->to->sources[i].record;
		if (r->severity_count)
			memcpy(v->severities + v->severity_count, r->severities,
			       r->severity_count * sizeof *r->severities);
		v->severity_count += r->severity_count;
	}
	return 0;
}

/* Each decision's newest row of its kind, product and service; ranges are read as they were typed. */
static int load_decision(struct loading *l, const struct db_rows *rows, struct advisory_decision *to)
{
	struct span purl = rows_text(rows, 1);
	*to = (struct advisory_decision){ .kind = span_eq_text(rows_text(rows, 0), "range") ? DECISION_RANGE
											    : DECISION_APPLIES,
					  .product = purl.n ? product_by_purl(purl) : NULL,
					  .service = column(l, rows, 2),
					  .owner = column(l, rows, 4),
					  .who = column(l, rows, 5),
					  .why = column(l, rows, 6),
					  .at = rows_time(rows, 7) };
	if (to->kind == DECISION_APPLIES) {
		to->applies = span_eq_text(rows_text(rows, 3), "yes");
		return l->failed;
	}
	to->text = column(l, rows, 3);
	if (l->failed || !to->text.n || !to->product)
		return l->failed;
	int rc = store_read_range(l->a, to->product, to->text, &to->range, tx_err(l->tx));
	return rc == RF_EUNREADABLE ? 0 : rc;
}

static int load_decisions(struct loading *l)
{
	struct advisory_policy *p = &l->to->policy;
	int64_t n = 0;
	static const char newest[] =
		"FROM advisory_decision d WHERE advisory = $1 AND NOT EXISTS (SELECT 1 FROM advisory_decision n"
		" WHERE n.advisory = d.advisory AND n.kind = d.kind AND n.purl = d.purl AND n.service = d.service"
		" AND n.id > d.id)";
	RF_AUTO(str) sql = STR_INIT(2 * KIB);
	str_addf(&sql, "SELECT count(*) %s", newest);
	int rc = TX_I64(l->tx, &n, str_text(&sql), DB_S(l->to->advisory.id));
	if (rc || !n)
		return rc;
	p->decisions = arena_array(l->a, (size_t)n, sizeof *p->decisions);
	if (!p->decisions)
		return err_set(tx_err(l->tx), RF_ENOMEM, "decisions");
	str_reset(&sql);
	str_addf(&sql, "SELECT kind, purl, service, value, owner, who, why, at %s ORDER BY id", newest);
	RF_AUTO_ROWS rows = NULL;
	rc = TX_QUERY(l->tx, &rows, str_text(&sql), DB_S(l->to->advisory.id));
	while (!rc && p->decision_count < (size_t)n && (rc = rows_next(rows)) == 1)
		rc = load_decision(l, rows, &p->decisions[p->decision_count++]);
	return rc < 0 ? rc : 0;
}

/* Signals about the advisory's id, of every source, and about its aliases. */
static int load_signals(struct loading *l)
{
	static const char from[] =
		"FROM advisory_signal WHERE cve = $1 OR cve IN (SELECT alias FROM advisory_alias WHERE advisory = $1)";
	int64_t n = 0;
	RF_AUTO(str) sql = STR_INIT(1 * KIB);
	str_addf(&sql, "SELECT count(*) %s", from);
	int rc = TX_I64(l->tx, &n, str_text(&sql), DB_S(l->to->advisory.id));
	if (rc || !n)
		return rc;
	l->to->signals = arena_array(l->a, (size_t)n, sizeof *l->to->signals);
	if (!l->to->signals)
		return err_set(tx_err(l->tx), RF_ENOMEM, "signals");
	str_reset(&sql);
	str_addf(&sql, "SELECT cve, kind, source, date, value %s ORDER BY kind, cve, source", from);
	RF_AUTO_ROWS rows = NULL;
	rc = TX_QUERY(l->tx, &rows, str_text(&sql), DB_S(l->to->advisory.id));
	while (!rc && l->to->signal_count < (size_t)n && (rc = rows_next(rows)) == 1) {
		struct advisory_signal *to = &l->to->signals[l->to->signal_count++];
		enum advisory_signal_kind kind = SIGNAL_KEV;
		while (kind < SIGNAL_SSVC && !span_eq_text(rows_text(rows, 1), advisory_signal_name(kind)))
			kind++;
		rc = store_signal_read(l->a, l->doc, kind, rows_text(rows, 4), to, tx_err(l->tx));
		to->cve = column(l, rows, 0);
		to->source = column(l, rows, 2);
		to->date = rows_time(rows, 3);
		rc = rc ? rc : l->failed;
	}
	return rc < 0 ? rc : 0;
}

static int load(struct loading *l, struct span id)
{
	struct span own;
	int rc = store_find_id(l->tx, l->a, id, &own);
	if (!rc)
		rc = load_head(l, own);
	if (!rc)
		rc = load_sources(l);
	if (!rc)
		rc = load_statements(l);
	if (!rc)
		rc = load_policy(l);
	if (!rc)
		rc = load_decisions(l);
	if (!rc)
		rc = load_signals(l);
	if (rc || l->failed || !l->to->source_count)
		return rc ? rc : l->failed;
	const struct advisory *first = &l->to->sources[0].record;
	struct advisory *v = &l->to->advisory;
	v->record_id = first->record_id;
	v->summary = first->summary;
	v->url = first->url;
	v->cwe = first->cwe;
	v->aliases = first->aliases;
	v->alias_count = first->alias_count;
	rc = join_severities(l);
	if (rc)
		return rc;
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

static int list_rows(struct db_rows *rows, int (*visit)(const struct advisory_row *, void *), void *data)
{
	int rc;
	while ((rc = rows_next(rows)) == 1) {
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
		if (rc)
			return rc;
	}
	return rc;
}

int advisory_list(struct transaction *tx, const struct advisory_filter *filter,
		  int (*visit)(const struct advisory_row *, void *), void *data)
{
	struct arena a = ARENA_INIT(128 * KIB);
	struct span pattern = like_pattern(&a, span_sub(filter->text, 0, 1000));
	struct db_value values[6] = { DB_S(filter->after.n ? filter->after : SPAN("")), DB_I(filter->with_unpublished),
				      DB_I(filter->drills_only), DB_I(filter->limit > 0 ? filter->limit : 1000) };
	size_t n = 4;
	RF_AUTO(str) sql = STR_INIT(2 * KIB);
	struct db_rows *rows = NULL;
	/* what is not asked for is left out: a condition that holds for all rows still costs each of them */
	str_add_text(
		&sql,
		"SELECT v.id, v.title, v.state, v.is_drill, v.published_has_time, v.tlp, v.published, v.first_seen, "
		"v.modified,"
		" v.score, v.statements, v.review FROM advisory v WHERE v.id > $1 AND ($2 = 1 OR v.state = 'published')"
		" AND ($3 = 0 OR v.is_drill = 1)");
	if (filter->text.n) {
		str_addf(&sql, " AND (lower(v.id) LIKE $%zu ESCAPE '!' OR lower(v.title) LIKE $%zu ESCAPE '!')", n + 1,
			 n + 1);
		values[n++] = DB_S(pattern);
	}
	if (filter->purl.n) {
		str_addf(&sql,
			 " AND (v.id IN (SELECT r.advisory FROM advisory_statement s JOIN advisory_record r ON r.id = s.record"
			 " JOIN advisory_document d ON d.id = r.document WHERE d.current = 1 AND s.purl = $%zu)"
			 " OR v.id IN (SELECT advisory FROM advisory_decision WHERE kind = 'range' AND purl = $%zu))",
			 n + 1, n + 1);
		values[n++] = DB_S(filter->purl);
	}
	if (filter->for_review)
		str_add_text(&sql, " AND v.review > 0");
	str_add_text(&sql, " ORDER BY v.id LIMIT $4");
	int rc = str_check(&sql, "question for advisories", tx_err(tx));
	if (!rc)
		rc = tx_query(tx, str_text(&sql), values, n, &rows);
	if (!rc)
		rc = list_rows(rows, visit, data);
	rows_close(rows);
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
	if (!rows_blob(rows, 0).n)
		return err_set(tx_err(tx), RF_ENOTFOUND,
			       "only the digest of the document is kept: it is about no product of ours");
	str_add(ret, rows_blob(rows, 0));
	return str_check(ret, "document", tx_err(tx));
}

int advisory_any_known(struct transaction *tx, usec_t at, bool *ret)
{
	int64_t n = 0;
	int rc = TX_I64(tx, &n,
			"SELECT COUNT(*) FROM (SELECT 1 AS one FROM advisory_statement t JOIN advisory_record r ON r.id = t.record"
			" JOIN advisory v ON v.id = r.advisory WHERE v.state = 'published' AND v.is_drill = 0"
			" AND ($1 = 0 OR v.first_seen <= $1) LIMIT 1) k",
			DB_I(at));
	*ret = n > 0;
	return rc;
}
