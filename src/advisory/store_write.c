/*
 * How documents get into the tables: many at a time, few statements.
 *
 *   find() what is known of them ──► decide() which count ──► retire() what they replace ──► put() their rows ──► merge
 *
 * A new advisory with one record gets its row as it is; the others are merged from the tables (store_merge()). Within
 * one segment no digest and no identity stands twice, so that what is decided about one document does not depend on
 * rows of another that are still on their way.
 */
#include "advisory/store_int.h"

/* Keys of one question; the last is repeated to fill it, so that the statement stays prepared. */
#define LOOKUP_KEYS 64

struct segment {
	struct transaction *tx;
	struct store_document *documents;
	size_t count;
	struct arena a;
	struct map by_digest, by_identity;
	struct map advisories; /* ids in the segment: &known, &single or &several */
	struct map merges;     /* ids to merge at the end */
	struct map signals;    /* keys of signals in the segment: the last one counts */
	struct span *ids;      /* of merges, in order */
	size_t id_count, id_capacity;
	int64_t next_document, next_record;
	struct store_rows *rows;
};
static int known, single, several; /* marks of segment.advisories: only their addresses count */

static int no_memory(struct segment *s)
{
	return err_set(tx_err(s->tx), RF_ENOMEM, "documents on their way to the database");
}

/* ── What is known ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* Asks @sql, whose list has LOOKUP_KEYS parameters, for all of @keys; @take gets each row. */
static int look_up(struct segment *s, const char *head, const struct span *keys, size_t n,
		   int (*take)(struct segment *s, struct db_rows *row))
{
	RF_AUTO(str) sql = STR_INIT(4 * KIB);
	struct db_value values[LOOKUP_KEYS];
	int rc = 0;
	str_add_text(&sql, head);
	for (size_t i = 0; i < LOOKUP_KEYS; i++)
		str_addf(&sql, "%s$%zu", i ? ", " : "", i + 1);
	str_add_byte(&sql, ')');
	for (size_t done = 0; !rc && done < n; done += LOOKUP_KEYS) {
		struct db_rows *rows = NULL;
		for (size_t i = 0; i < LOOKUP_KEYS; i++)
			values[i] = DB_S(keys[RF_MIN(done + i, n - 1)]);
		rc = tx_query(s->tx, str_text(&sql), values, LOOKUP_KEYS, &rows);
		while (!rc && (rc = rows_next(rows)) == 1)
			rc = take(s, rows);
		rows_close(rows);
	}
	return rc;
}

static int take_known(struct segment *s, struct db_rows *row)
{
	struct store_document *d = map_get(&s->by_digest, rows_text(row, 0));
	if (!d)
		return 0;
	d->known = true;
	d->id = rows_i64(row, 1);
	d->current = rows_i64(row, 2);
	d->read = rows_i64(row, 3) == ADVISORY_READER_VERSION;
	return 0;
}

static int take_other(struct segment *s, struct db_rows *row)
{
	struct store_document *d = map_get(&s->by_identity, rows_text(row, 0));
	if (!d || span_eq_text(rows_text(row, 2), d->digest))
		return 0;
	d->other = rows_i64(row, 1);
	d->other_modified = rows_i64(row, 3);
	d->has_other_signals = rows_i64(row, 4) > 0;
	return 0;
}

static int find(struct segment *s)
{
	struct span *keys = arena_array(&s->a, s->count + 1, sizeof *keys);
	if (!keys)
		return no_memory(s);
	for (size_t i = 0; i < s->count; i++)
		keys[i] = span_of(s->documents[i].digest);
	int rc = look_up(s, "SELECT digest, id, current, reader FROM advisory_document WHERE digest IN (", keys,
			 s->count, take_known);
	if (rc)
		return rc;
	for (size_t i = 0; i < s->count; i++)
		keys[i] = s->documents[i].identity;
	return look_up(s,
		       "SELECT identity, id, digest, modified, signals FROM advisory_document WHERE current = 1"
		       " AND identity IN (",
		       keys, s->count, take_other);
}

/* Which of two documents of one identity counts: the one modified later, and of the same date the one that came later.
 * One that is known comes back only when it is dated later, so that a folder with both does not change at each import.
 */
static void decide(struct store_document *d)
{
	d->change = NULL;
	d->counts = d->current || !d->other ||
		    (d->known ? d->modified > d->other_modified : d->modified >= d->other_modified);
	if (d->known && ((d->current && d->read) || !d->counts))
		return;
	if (!d->known)
		d->change = !d->counts ? "older" : d->other ? "changed" : "new";
	else
		d->change = d->current ? "read again" : "back again";
}

/* ── What goes ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int want_merge(struct segment *s, struct span id)
{
	if (map_get(&s->merges, id))
		return 0;
	if (s->id_count == s->id_capacity) {
		size_t capacity = s->id_capacity ? 2 * s->id_capacity : 64;
		struct span *more = arena_array(&s->a, capacity, sizeof *more);
		if (!more)
			return no_memory(s);
		if (s->id_count)
			memcpy(more, s->ids, s->id_count * sizeof *more);
		s->ids = more;
		s->id_capacity = capacity;
	}
	struct span own = arena_span(&s->a, id);
	s->ids[s->id_count++] = own;
	return own.p && !map_set(&s->merges, own, s) ? 0 : no_memory(s);
}

/* Ids that the document @id named before: they are merged anew when what replaces it drops them. */
static int merge_former(struct segment *s, int64_t id)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(s->tx, &rows, "SELECT DISTINCT advisory FROM advisory_record WHERE document = $1", DB_I(id));
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = want_merge(s, rows_text(rows, 0));
	return rc;
}

static int forget(struct segment *s, int64_t document)
{
	int rc = TX_RUN(
		s->tx,
		"DELETE FROM advisory_statement WHERE record IN (SELECT id FROM advisory_record WHERE document = $1)",
		DB_I(document));
	if (!rc)
		rc = TX_RUN(s->tx, "DELETE FROM advisory_record WHERE document = $1", DB_I(document));
	return rc ? rc : TX_RUN(s->tx, "DELETE FROM advisory_signal WHERE document = $1", DB_I(document));
}

static int retire(struct segment *s, struct store_document *d)
{
	int rc = 0;
	if (d->counts && d->other) {
		rc = merge_former(s, d->other);
		if (!rc)
			rc = TX_RUN(s->tx, "UPDATE advisory_document SET current = 0 WHERE id = $1", DB_I(d->other));
		if (!rc && d->has_other_signals)
			rc = TX_RUN(s->tx, "DELETE FROM advisory_signal WHERE document = $1", DB_I(d->other));
	}
	if (rc || !d->known)
		return rc;
	rc = merge_former(s, d->id);
	if (!rc)
		rc = forget(s, d->id);
	return rc ? rc
		  : TX_RUN(s->tx,
			   "UPDATE advisory_document SET current = 1, reader = $1, identity = $2, signals = $3 WHERE "
			   "id = $4",
			   DB_I(ADVISORY_READER_VERSION), DB_S(d->identity), DB_I(d->parsed.signal_count), DB_I(d->id));
}

/* ── What comes ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static int take_advisory(struct segment *s, struct db_rows *row)
{
	struct span own = arena_span(&s->a, rows_text(row, 0));
	return own.p && !map_set(&s->advisories, own, &known) ? 0 : no_memory(s);
}

/* Marks each id of the segment: in the tables already, in one record of the segment, or in several. */
static int mark_advisories(struct segment *s)
{
	size_t n = 0, total = 0;
	for (size_t i = 0; i < s->count; i++)
		total += s->documents[i].change ? s->documents[i].parsed.count : 0;
	struct span *keys = arena_array(&s->a, total + 1, sizeof *keys);
	if (!keys)
		return no_memory(s);
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; s->documents[i].change && k < s->documents[i].parsed.count; k++) {
			struct span id = s->documents[i].parsed.advisories[k].id;
			bool seen = map_get(&s->advisories, id) != NULL;
			if (map_set(&s->advisories, id, seen ? &several : &single))
				return no_memory(s);
			if (!seen)
				keys[n++] = id;
		}
	return look_up(s, "SELECT id FROM advisory WHERE id IN (", keys, n, take_advisory);
}

static int begin_rows(struct segment *s, const char *head, const char *tail, size_t columns)
{
	int rc = store_rows_flush(s->rows);
	s->rows->head = head;
	s->rows->tail = tail;
	s->rows->columns = columns;
	return rc;
}

/* The order of ids is the order of documents; what takes them is one transaction at a time. */
static int number(struct segment *s)
{
	int rc = TX_I64(s->tx, &s->next_document,
			"SELECT COALESCE(max(id), 0) + 1 FROM advisory_document WHERE id > $1", DB_I(0));
	if (!rc)
		rc = TX_I64(s->tx, &s->next_record,
			    "SELECT COALESCE(max(id), 0) + 1 FROM advisory_record WHERE id > $1", DB_I(0));
	for (size_t i = 0; !rc && i < s->count; i++)
		if (s->documents[i].change && !s->documents[i].known)
			s->documents[i].id = s->next_document++;
	return rc;
}

static int put_document(struct segment *s, const struct store_document *d)
{
	int rc;
	struct db_value *row = store_rows_next(s->rows, &rc);
	if (!row)
		return rc;
	const struct db_value values[] = {
		DB_I(d->id),
		DB_T(d->feed),
		DB_T(d->parsed.format->name),
		DB_T(d->name),
		store_text(d->parsed.publisher),
		store_text(d->parsed.id),
		store_text(d->parsed.title),
		DB_T(d->digest),
		DB_B(d->bytes),
		DB_S(d->warnings),
		DB_I(ADVISORY_READER_VERSION),
		DB_I(d->modified),
		DB_TIME(tx_now(s->tx)),
		DB_I(d->counts),
		DB_S(d->identity),
		DB_I(d->parsed.signal_count),
	};
	memcpy(row, values, sizeof values);
	return 0;
}

static int put_documents(struct segment *s)
{
	int rc = begin_rows(
		s,
		"INSERT INTO advisory_document (id, feed, format, name, publisher, document_id, title, digest, content,"
		" warnings, reader, modified, imported_at, current, identity, signals) VALUES",
		"", 16);
	for (size_t i = 0; !rc && i < s->count; i++)
		if (s->documents[i].change && !s->documents[i].known)
			rc = put_document(s, &s->documents[i]);
	return rc;
}

/* A new advisory's row; first_seen is the database's clock, and stays. */
static int put_advisory(struct segment *s, const struct store_document *d, const struct advisory *v,
			const struct store_record *r)
{
	int rc;
	struct db_value *row = store_rows_next(s->rows, &rc);
	if (!row)
		return rc;
	bool whole = map_get(&s->advisories, v->id) == &single && d->counts;
	const struct db_value values[] = {
		DB_S(v->id),
		whole ? store_text(v->title) : DB_T(""),
		DB_T(advisory_state_name(v->state)),
		DB_I(v->is_drill),
		DB_I(v->tlp),
		DB_TIME(v->published),
		DB_I(v->published_has_time),
		DB_TIME(v->modified),
		DB_R(whole ? r->score : -1),
		DB_TIME(tx_now(s->tx)),
		DB_I(whole ? (int64_t)v->statement_count : 0),
		DB_I(whole ? r->review : 0),
	};
	memcpy(row, values, sizeof values);
	return 0;
}

static int put_advisories(struct segment *s)
{
	int rc = begin_rows(
		s,
		"INSERT INTO advisory (id, title, state, is_drill, tlp, published, published_has_time, modified, score,"
		" first_seen, statements, review) VALUES",
		"ON CONFLICT (id) DO NOTHING", 12);
	for (size_t i = 0; !rc && i < s->count; i++) {
		const struct store_document *d = &s->documents[i];
		for (size_t k = 0; !rc && d->change && k < d->parsed.count; k++) {
			const struct advisory *v = &d->parsed.advisories[k];
			const void *mark = map_get(&s->advisories, v->id);
			if (mark != &known)
				rc = put_advisory(s, d, v, &d->records[k]);
			if (!rc && (mark != &single || !d->counts))
				rc = want_merge(s, v->id);
		}
	}
	return rc;
}

static int put_aliases(struct segment *s)
{
	int rc = begin_rows(s, "INSERT INTO advisory_alias (alias, advisory) VALUES", "ON CONFLICT DO NOTHING", 2);
	for (size_t i = 0; !rc && i < s->count; i++)
		for (size_t k = 0; s->documents[i].change && k < s->documents[i].parsed.count; k++) {
			const struct advisory *v = &s->documents[i].parsed.advisories[k];
			for (size_t n = 0; !rc && n < v->alias_count; n++) {
				struct db_value *row = store_rows_next(s->rows, &rc);
				if (!row)
					return rc;
				row[0] = DB_S(v->aliases[n]);
				row[1] = DB_S(v->id);
			}
		}
	return rc;
}

static int put_record(struct segment *s, const struct store_document *d, const struct advisory *v,
		      const struct store_record *r)
{
	int rc;
	struct db_value *row = store_rows_next(s->rows, &rc);
	if (!row)
		return rc;
	const struct db_value values[] = {
		DB_I(s->next_record++),
		DB_I(d->id),
		DB_S(v->id),
		store_text(v->record_id),
		store_text(v->title),
		store_text(v->summary),
		store_text(v->url),
		DB_T(advisory_state_name(v->state)),
		store_text(v->state_reason),
		store_text(v->assigner),
		DB_I(v->tlp),
		DB_TIME(v->published),
		DB_I(v->published_has_time),
		DB_TIME(v->modified),
		store_text(v->cwe),
		DB_S(r->severities),
		DB_S(r->aliases),
		DB_R(r->score),
		DB_I(r->authority),
		DB_I(v->statement_count),
		DB_I(r->review),
		DB_S(r->foreign),
	};
	memcpy(row, values, sizeof values);
	return 0;
}

static int put_records(struct segment *s)
{
	int rc = begin_rows(
		s,
		"INSERT INTO advisory_record (id, document, advisory, record_id, title, summary, url, state, "
		"state_reason,"
		" assigner, tlp, published, published_has_time, modified, cwe, severities, aliases, score, authority,"
		" statements, review, foreign_statements) VALUES",
		"", 22);
	for (size_t i = 0; !rc && i < s->count; i++) {
		const struct store_document *d = &s->documents[i];
		for (size_t k = 0; !rc && d->change && k < d->parsed.count; k++)
			rc = put_record(s, d, &d->parsed.advisories[k], &d->records[k]);
	}
	return rc;
}

static int put_statement(struct segment *s, int64_t record, const struct advisory *v, const struct store_record *r,
			 size_t at)
{
	int rc;
	const struct advisory_statement *from = &v->statements[r->kept[at]];
	struct db_value *row = store_rows_next(s->rows, &rc);
	if (!row)
		return rc;
	const struct db_value values[] = {
		DB_I(record),
		DB_I(r->kept[at]),
		DB_I(from->status),
		DB_T(from->product->purl),
		store_text(from->product_name),
		store_text(from->platform),
		store_text(from->affected_text),
		store_text(from->fixed_text),
		DB_S(r->ranges[at]),
		DB_S(r->fixed[at]),
		store_text(from->rule),
		DB_I(from->review),
		DB_I(from->authoritative),
		store_text(from->source),
		store_text(from->purl),
		store_text(from->contradiction),
		store_text(from->justification),
		store_text(from->remedy),
		DB_I(from->stated),
	};
	memcpy(row, values, sizeof values);
	return 0;
}

/* Numbers of records run on as put_records() gave them. */
static int put_statements(struct segment *s, int64_t first_record)
{
	int64_t record = first_record;
	int rc = begin_rows(
		s,
		"INSERT INTO advisory_statement (record, position, status, purl, product_name, platform, affected_text,"
		" fixed_text, affected_range, fixed, rule, review, authoritative, source, given_purl, contradiction,"
		" justification, remedy, stated) VALUES",
		"", 19);
	for (size_t i = 0; !rc && i < s->count; i++) {
		const struct store_document *d = &s->documents[i];
		for (size_t k = 0; !rc && d->change && k < d->parsed.count; k++, record++)
			for (size_t n = 0; !rc && n < d->records[k].kept_count; n++)
				rc = put_statement(s, record, &d->parsed.advisories[k], &d->records[k], n);
	}
	return rc;
}

static int put_signal(struct segment *s, const struct store_document *d, size_t at)
{
	const struct advisory_signal *from = &d->parsed.signals[at];
	const char *key = arena_printf(&s->a, "%.*s %s %.*s", SPAN_ARG(from->cve), advisory_signal_name(from->kind),
				       SPAN_ARG(from->source));
	if (!key)
		return no_memory(s);
	/* one INSERT must not name a key twice: of two, the first stands */
	if (map_get(&s->signals, span_of(key)))
		return 0;
	if (map_set(&s->signals, span_of(key), s))
		return no_memory(s);
	int rc;
	struct db_value *row = store_rows_next(s->rows, &rc);
	if (!row)
		return rc;
	row[0] = DB_S(from->cve);
	row[1] = DB_T(advisory_signal_name(from->kind));
	row[2] = store_text(from->source);
	row[3] = DB_I(d->id);
	row[4] = DB_TIME(from->date);
	row[5] = DB_S(d->signals[at]);
	return 0;
}

static int put_signals(struct segment *s)
{
	int rc = begin_rows(
		s, "INSERT INTO advisory_signal (cve, kind, source, document, date, value) VALUES",
		"ON CONFLICT (cve, kind, source) DO UPDATE SET document = excluded.document, date = excluded.date,"
		" value = excluded.value",
		6);
	for (size_t i = 0; !rc && i < s->count; i++) {
		const struct store_document *d = &s->documents[i];
		for (size_t k = 0; !rc && d->change && d->counts && k < d->parsed.signal_count; k++)
			rc = put_signal(s, d, k);
	}
	return rc;
}

static int put(struct segment *s)
{
	int rc = mark_advisories(s);
	if (!rc)
		rc = number(s);
	int64_t first_record = s->next_record;
	if (!rc)
		rc = put_documents(s);
	if (!rc)
		rc = put_advisories(s);
	if (!rc)
		rc = put_aliases(s);
	if (!rc)
		rc = put_records(s);
	if (!rc)
		rc = put_statements(s, first_record);
	if (!rc)
		rc = put_signals(s);
	return rc ? rc : store_rows_flush(s->rows);
}

/* ── A segment ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static int write_segment(struct segment *s)
{
	bool changed = false;
	int rc = find(s);
	for (size_t i = 0; !rc && i < s->count; i++) {
		decide(&s->documents[i]);
		changed |= s->documents[i].change != NULL;
		if (s->documents[i].change)
			rc = retire(s, &s->documents[i]);
	}
	if (!rc && changed)
		rc = put(s);
	for (size_t i = 0; !rc && i < s->id_count; i++)
		rc = store_merge(s->tx, s->ids[i]);
	return rc;
}

/* How many documents from the first on are different by digest and by identity. */
static int cut_segment(struct segment *s, size_t left, size_t *ret)
{
	size_t n = 0;
	for (; n < left; n++) {
		struct store_document *d = &s->documents[n];
		d->known = d->current = d->read = d->has_other_signals = false;
		d->id = d->other = 0;
		if (map_get(&s->by_digest, span_of(d->digest)) || map_get(&s->by_identity, d->identity))
			break;
		if (map_set(&s->by_digest, span_of(d->digest), d) || map_set(&s->by_identity, d->identity, d))
			return no_memory(s);
	}
	*ret = n;
	return 0;
}

static void release(struct segment *s)
{
	map_release(&s->by_digest);
	map_release(&s->by_identity);
	map_release(&s->advisories);
	map_release(&s->merges);
	map_release(&s->signals);
	arena_release(&s->a);
}

int store_write(struct transaction *tx, struct store_document *documents, size_t count)
{
	RF_AUTO_FREE struct store_rows *rows = rf_alloc(sizeof *rows);
	int rc = 0;
	if (!rows)
		return err_set(tx_err(tx), RF_ENOMEM, "documents on their way to the database");
	rows->tx = tx;
	for (size_t done = 0; !rc && done < count;) {
		struct segment s = {
			.tx = tx, .documents = documents + done, .a = ARENA_INIT(512 * MIB), .rows = rows
		};
		rc = cut_segment(&s, count - done, &s.count);
		if (!rc)
			rc = write_segment(&s);
		done += s.count;
		release(&s);
	}
	return rc;
}
