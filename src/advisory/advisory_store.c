/*
 * The tables, and how a document gets into them.
 *
 * A document is kept with its bytes. Its records and statements are derived from it and are written anew when the
 * reader learned something; documents, policies and the moment an advisory was first seen are never changed or removed.
 */
#include "advisory/advisory_range.h"
#include "advisory/store_int.h"

static const char *const steps[] = {
	"CREATE TABLE advisory_document (id {id}, feed {text} NOT NULL, format {text} NOT NULL, name {text} NOT NULL,"
	" publisher {text} NOT NULL, document_id {text} NOT NULL, title {text} NOT NULL, digest {text} NOT NULL UNIQUE,"
	" content {blob} NOT NULL, warnings {text} NOT NULL, reader {int64} NOT NULL, modified {int64} NOT NULL,"
	" imported_at {int64} NOT NULL, current {bool} NOT NULL);\n"
	"CREATE INDEX advisory_document_identity ON advisory_document (publisher, document_id);\n"
	"CREATE TABLE advisory (id {text} PRIMARY KEY, title {text} NOT NULL, state {text} NOT NULL, is_drill {bool} "
	"NOT NULL,"
	" tlp {int64} NOT NULL, published {int64}, published_has_time {bool} NOT NULL, modified {int64}, score {real} "
	"NOT NULL,"
	" first_seen {int64} NOT NULL);\n"
	"CREATE TABLE advisory_record (id {id}, document {int64} NOT NULL REFERENCES advisory_document (id),"
	" advisory {text} NOT NULL REFERENCES advisory (id), record_id {text} NOT NULL, title {text} NOT NULL, summary "
	"{text} NOT NULL,"
	" url {text} NOT NULL, state {text} NOT NULL, state_reason {text} NOT NULL, assigner {text} NOT NULL, tlp "
	"{int64} NOT NULL,"
	" published {int64}, published_has_time {bool} NOT NULL, modified {int64}, cwe {text} NOT NULL, severities "
	"{text} NOT NULL,"
	" aliases {text} NOT NULL, score {real} NOT NULL);\n"
	"CREATE INDEX advisory_record_advisory ON advisory_record (advisory);\n"
	"CREATE INDEX advisory_record_document ON advisory_record (document);\n"
	"CREATE TABLE advisory_statement (record {int64} NOT NULL REFERENCES advisory_record (id), position {int64} "
	"NOT NULL,"
	" status {int64} NOT NULL, purl {text} NOT NULL, product_name {text} NOT NULL, platform {text} NOT NULL,"
	" affected_text {text} NOT NULL, fixed_text {text} NOT NULL, affected_range {text} NOT NULL, fixed {text} NOT "
	"NULL,"
	" rule {text} NOT NULL, review {bool} NOT NULL, authoritative {bool} NOT NULL, PRIMARY KEY (record, "
	"position));\n"
	"CREATE INDEX advisory_statement_purl ON advisory_statement (purl);\n"
	"CREATE TABLE advisory_alias (alias {text} NOT NULL, advisory {text} NOT NULL REFERENCES advisory (id),"
	" PRIMARY KEY (alias, advisory));\n"
	"CREATE TABLE advisory_policy (id {id}, advisory {text} NOT NULL REFERENCES advisory (id), engine_affecting "
	"{text} NOT NULL,"
	" who {text} NOT NULL, why {text} NOT NULL, at {int64} NOT NULL);\n"
	"CREATE INDEX advisory_policy_advisory ON advisory_policy (advisory);\n",
};
const struct migration_set ADVISORY_MIGRATIONS = { "advisory", steps, RF_COUNT(steps) };

/* NOT NULL columns hold "" for what a source does not say. */
static struct db_value text_or_empty(struct span s)
{
	return DB_S(s.n ? s : SPAN(""));
}

static double highest_score(const struct advisory *v)
{
	double best = -1;
	for (size_t i = 0; i < v->severity_count; i++)
		best = RF_MAX(best, v->severities[i].score);
	return best;
}

#define STATEMENT_COLUMNS 13

static int write_statements(struct transaction *tx, int64_t record, const struct advisory *v)
{
	if (!v->statement_count)
		return 0;
	struct db_value *values = rf_realloc_array(NULL, v->statement_count, STATEMENT_COLUMNS * sizeof *values);
	/* ranges and fixes end to end, so that one buffer holds them; offsets, since it moves while it grows */
	size_t *ends = rf_realloc_array(NULL, v->statement_count, 2 * sizeof *ends);
	struct str text = STR_INIT(256 * MIB);
	int rc = values && ends ? 0 : err_set(tx_err(tx), RF_ENOMEM, "statements");
	for (size_t i = 0; !rc && i < v->statement_count; i++) {
		advisory_range_write(v->statements[i].range, &text);
		ends[2 * i] = text.n;
		advisory_texts_write(v->statements[i].fixed, v->statements[i].fixed_count, &text);
		ends[2 * i + 1] = text.n;
	}
	if (!rc)
		rc = str_check(&text, "statements of an advisory", tx_err(tx));
	for (size_t i = 0; !rc && i < v->statement_count; i++) {
		const struct advisory_statement *s = &v->statements[i];
		size_t from = i ? ends[2 * i - 1] : 0;
		const struct db_value row[STATEMENT_COLUMNS] = {
			DB_I(record),
			DB_I(i),
			DB_I(s->status),
			DB_T(s->product ? s->product->purl : ""),
			text_or_empty(s->product_name),
			text_or_empty(s->platform),
			text_or_empty(s->affected_text),
			text_or_empty(s->fixed_text),
			DB_S(span_sub(str_span(&text), from, ends[2 * i] - from)),
			DB_S(span_sub(str_span(&text), ends[2 * i], ends[2 * i + 1] - ends[2 * i])),
			text_or_empty(s->rule),
			DB_I(s->review),
			DB_I(s->authoritative)
		};
		memcpy(values + i * STATEMENT_COLUMNS, row, sizeof row);
	}
	if (!rc)
		rc = tx_insert_many(
			tx,
			"INSERT INTO advisory_statement (record, position, status, purl, product_name, platform,"
			" affected_text, fixed_text, affected_range, fixed, rule, review, authoritative) VALUES",
			"", values, STATEMENT_COLUMNS, v->statement_count);
	rf_free(values);
	rf_free(ends);
	str_release(&text);
	return rc;
}

static int write_record(struct transaction *tx, int64_t document, const struct advisory *v)
{
	RF_AUTO(str) severities = STR_INIT(1 * MIB);
	RF_AUTO(str) aliases = STR_INIT(1 * MIB);
	advisory_severities_write(v->severities, v->severity_count, &severities);
	advisory_texts_write(v->aliases, v->alias_count, &aliases);
	int rc = str_check(&severities, "severities", tx_err(tx));
	if (!rc)
		rc = str_check(&aliases, "aliases", tx_err(tx));
	if (rc)
		return rc;
	int64_t record = 0;
	rc = TX_I64(
		tx, &record,
		"INSERT INTO advisory_record (document, advisory, record_id, title, summary, url, state, state_reason,"
		" assigner, tlp, published, published_has_time, modified, cwe, severities, aliases, score)"
		" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING id",
		DB_I(document), DB_S(v->id), DB_S(v->record_id), text_or_empty(v->title), text_or_empty(v->summary),
		text_or_empty(v->url), DB_T(advisory_state_name(v->state)), text_or_empty(v->state_reason),
		text_or_empty(v->assigner), DB_I(v->tlp), DB_TIME(v->published), DB_I(v->published_has_time),
		DB_TIME(v->modified), text_or_empty(v->cwe), DB_S(str_span(&severities)), DB_S(str_span(&aliases)),
		DB_R(highest_score(v)));
	return rc ? rc : write_statements(tx, record, v);
}

/* The advisory's row and aliases; merge() fills it. first_seen is the database's clock, and stays. */
static int ensure_advisory(struct transaction *tx, const struct advisory *v)
{
	int rc = TX_RUN(tx,
			"INSERT INTO advisory (id, title, state, is_drill, tlp, published_has_time, score, first_seen)"
			" VALUES ($1, '', 'published', $2, 0, 0, -1, $3) ON CONFLICT (id) DO NOTHING",
			DB_S(v->id), DB_I(v->is_drill), DB_TIME(tx_now(tx)));
	for (size_t i = 0; !rc && i < v->alias_count; i++)
		rc = TX_RUN(tx, "INSERT INTO advisory_alias (alias, advisory) VALUES ($1, $2) ON CONFLICT DO NOTHING",
			    DB_S(v->aliases[i]), DB_S(v->id));
	return rc;
}

/* Scalars from the newest published record, else from the newest of all; the state as merged.h says; the strictest TLP
 * mark. */
static int merge(struct transaction *tx, struct span id)
{
	static const char newest[] = "(SELECT r.id FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
				     " WHERE r.advisory = $1 AND d.current = 1"
				     " ORDER BY CASE WHEN r.state = 'published' THEN 0 ELSE 1 END, "
				     "COALESCE(r.modified, 0) DESC, r.id DESC LIMIT 1)";
	int64_t rejected = 0, published = 0, tlp = 0, record = 0;
	int rc = TX_I64(tx, &rejected,
			"SELECT count(*) FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
			" WHERE r.advisory = $1 AND d.current = 1 AND r.state = 'rejected'",
			DB_S(id));
	if (!rc)
		rc = TX_I64(tx, &published,
			    "SELECT count(*) FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
			    " WHERE r.advisory = $1 AND d.current = 1 AND r.state = 'published'",
			    DB_S(id));
	if (!rc)
		rc = TX_I64(tx, &tlp,
			    "SELECT COALESCE(max(r.tlp), 0) FROM advisory_record r JOIN advisory_document d ON d.id = "
			    "r.document"
			    " WHERE r.advisory = $1 AND d.current = 1",
			    DB_S(id));
	if (rc)
		return rc;
	char sql[1024];
	snprintf(sql, sizeof sql, "SELECT r.id FROM advisory_record r WHERE r.id = %s", newest);
	rc = TX_I64(tx, &record, sql, DB_S(id));
	if (rc == RF_ENOTFOUND) /* no source names it any more: its newest document dropped it */
		return TX_RUN(tx, "UPDATE advisory SET state = 'withdrawn' WHERE id = $1", DB_S(id));
	const char *state = rejected ? "rejected" : published ? "published" : "withdrawn";
	return rc ? rc
		  : TX_RUN(tx,
			   "UPDATE advisory SET (title, published, published_has_time, modified, score) ="
			   " (SELECT r.title, r.published, r.published_has_time, r.modified, r.score FROM "
			   "advisory_record r WHERE r.id = $1),"
			   " state = $2, tlp = $3 WHERE id = $4",
			   DB_I(record), DB_T(state), DB_I(tlp), DB_S(id));
}

/* Ids that documents of this identity named before: they are merged anew when the new one drops them. */
static int merge_former(struct transaction *tx, const struct store_document *d)
{
	struct str ids = STR_INIT(4 * MIB);
	struct db_rows *rows = NULL;
	int rc = TX_QUERY(
		tx, &rows,
		"SELECT DISTINCT r.advisory FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
		" WHERE d.publisher = $1 AND d.document_id = $2",
		DB_S(d->parsed.publisher), DB_S(d->parsed.id));
	while (!rc && (rc = rows_next(rows)) == 1) {
		str_add(&ids, rows_text(rows, 0));
		str_add_byte(&ids, '\n');
		rc = 0;
	}
	rows_close(rows);
	if (!rc)
		rc = str_check(&ids, "ids of a document", tx_err(tx));
	struct span rest = str_span(&ids), id;
	while (!rc && span_line(&rest, &id))
		rc = merge(tx, id);
	str_release(&ids);
	return rc;
}

static int forget_records(struct transaction *tx, int64_t document)
{
	int rc = TX_RUN(
		tx,
		"DELETE FROM advisory_statement WHERE record IN (SELECT id FROM advisory_record WHERE document = $1)",
		DB_I(document));
	return rc ? rc : TX_RUN(tx, "DELETE FROM advisory_record WHERE document = $1", DB_I(document));
}

/* Finds the document by its digest. *ret_id 0: not known. */
static int find_document(struct transaction *tx, const char *digest, int64_t *ret_id, bool *ret_current, bool *ret_read)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT id, current, reader FROM advisory_document WHERE digest = $1",
			  DB_T(digest));
	if (!rc)
		rc = rows_next(rows);
	*ret_id = rc == 1 ? rows_i64(rows, 0) : 0;
	*ret_current = rc == 1 && rows_i64(rows, 1);
	*ret_read = rc == 1 && rows_i64(rows, 2) == ADVISORY_READER_VERSION;
	return rc < 0 ? rc : 0;
}

/* The newest of its records; 0 when none is dated. */
static usec_t document_modified(const struct store_document *d)
{
	usec_t newest = 0;
	for (size_t i = 0; i < d->parsed.count; i++)
		newest = RF_MAX(newest, d->parsed.advisories[i].modified);
	return newest;
}

static int insert_document(struct transaction *tx, const struct store_document *d, bool current, int64_t *ret_id)
{
	RF_AUTO(str) warnings = STR_INIT(1 * MIB);
	advisory_texts_write(d->parsed.warnings, d->parsed.warning_count, &warnings);
	int rc = str_check(&warnings, "warnings", tx_err(tx));
	if (rc)
		return rc;
	return TX_I64(
		tx, ret_id,
		"INSERT INTO advisory_document (feed, format, name, publisher, document_id, title, digest, content,"
		" warnings, reader, modified, imported_at, current) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
		"$11, $12, $13)"
		" RETURNING id",
		DB_T(d->feed), DB_T(d->parsed.format->name), DB_T(d->name), DB_S(d->parsed.publisher),
		DB_S(d->parsed.id), text_or_empty(d->parsed.title), DB_T(d->digest), DB_B(d->bytes),
		DB_S(str_span(&warnings)), DB_I(ADVISORY_READER_VERSION), DB_I(document_modified(d)),
		DB_TIME(tx_now(tx)), DB_I(current));
}

/* Which of two documents of one identity counts: the one modified later, and of the same date the one that came later.
 * One that is known comes back only when it is dated later, so that a folder with both does not change at each import.
 */
static int decide(struct transaction *tx, struct store_document *d, bool known, bool current, bool *ret_counts)
{
	int64_t others = 0, newest = 0;
	int rc = TX_I64(
		tx, &others,
		"SELECT count(*) FROM advisory_document WHERE publisher = $1 AND document_id = $2 AND current = 1"
		" AND digest <> $3",
		DB_S(d->parsed.publisher), DB_S(d->parsed.id), DB_T(d->digest));
	if (!rc)
		rc = TX_I64(tx, &newest,
			    "SELECT COALESCE(max(modified), 0) FROM advisory_document WHERE publisher = $1 AND "
			    "document_id = $2"
			    " AND current = 1 AND digest <> $3",
			    DB_S(d->parsed.publisher), DB_S(d->parsed.id), DB_T(d->digest));
	usec_t own = document_modified(d);
	*ret_counts = current || !others || (known ? own > newest : own >= newest);
	d->change = !known    ? !*ret_counts ? "older"
				: others     ? "changed"
					     : "new"
		    : current ? "read again"
			      : "back again";
	return rc;
}

int store_document_write(struct transaction *tx, struct store_document *d)
{
	int64_t id = 0;
	bool current, read, counts = false;
	d->change = NULL;
	int rc = find_document(tx, d->digest, &id, &current, &read);
	if (rc || (id && current && read))
		return rc;
	rc = decide(tx, d, id != 0, current, &counts);
	if (!rc && id && !counts) {
		d->change = NULL;
		return 0;
	}
	if (!rc && counts)
		rc = TX_RUN(tx,
			    "UPDATE advisory_document SET current = 0 WHERE publisher = $1 AND document_id = $2 AND "
			    "current = 1",
			    DB_S(d->parsed.publisher), DB_S(d->parsed.id));
	if (rc)
		return rc;
	if (!id)
		rc = insert_document(tx, d, counts, &id);
	else
		rc = TX_RUN(tx, "UPDATE advisory_document SET current = 1, reader = $1 WHERE id = $2",
			    DB_I(ADVISORY_READER_VERSION), DB_I(id));
	if (!rc)
		rc = forget_records(tx, id);
	for (size_t i = 0; !rc && i < d->parsed.count; i++) {
		rc = ensure_advisory(tx, &d->parsed.advisories[i]);
		if (!rc)
			rc = write_record(tx, id, &d->parsed.advisories[i]);
	}
	return rc ? rc : merge_former(tx, d);
}
