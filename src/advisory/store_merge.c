/* The advisory's row out of the records of all current documents: merged.h says whose word counts. */
#include "advisory/store_int.h"

struct head {
	bool any, published, rejected;
	int64_t tlp, statements, review;
	double score;
	usec_t published_at, modified;
	bool has_time;
	struct str title;
};

/* Rows come in the order of authority: the first gives title and dates; what it does not say, the next does. */
static void take(struct head *h, const struct db_rows *row)
{
	struct span state = rows_text(row, 0);
	if (!h->any || !h->title.n)
		str_add(&h->title, rows_text(row, 1));
	h->published |= span_eq_text(state, advisory_state_name(ADVISORY_PUBLISHED));
	h->rejected |= span_eq_text(state, advisory_state_name(ADVISORY_REJECTED));
	if (h->published_at == USEC_NONE) {
		h->published_at = rows_time(row, 2);
		h->has_time = rows_i64(row, 3);
	}
	h->modified = RF_MAX(h->modified, rows_time(row, 4));
	if (h->score < 0)
		h->score = rows_real(row, 5);
	h->tlp = RF_MAX(h->tlp, rows_i64(row, 6));
	h->statements += rows_i64(row, 7);
	h->review += rows_i64(row, 8);
	h->any = true;
}

static int update(struct transaction *tx, struct span id, const struct head *h)
{
	/* no source names it any more: its newest document dropped it */
	if (!h->any)
		return TX_RUN(tx, "UPDATE advisory SET state = 'withdrawn', statements = 0, review = 0 WHERE id = $1",
			      DB_S(id));
	enum advisory_state state = h->rejected    ? ADVISORY_REJECTED
				    : h->published ? ADVISORY_PUBLISHED
						   : ADVISORY_WITHDRAWN;
	return TX_RUN(tx,
		      "UPDATE advisory SET title = $1, state = $2, tlp = $3, published = $4, published_has_time = $5, "
		      "modified = $6,"
		      " score = $7, statements = $8, review = $9 WHERE id = $10",
		      store_text(str_span(&h->title)), DB_T(advisory_state_name(state)), DB_I(h->tlp),
		      DB_TIME(h->published_at), DB_I(h->has_time), DB_TIME(h->modified), DB_R(h->score),
		      DB_I(h->statements), DB_I(h->review), DB_S(id));
}

int store_merge(struct transaction *tx, struct span id)
{
	struct head h = { .score = -1, .published_at = USEC_NONE, .modified = USEC_NONE, .title = STR_INIT(1 * MIB) };
	struct db_rows *rows = NULL;
	int rc = TX_QUERY(
		tx, &rows,
		"SELECT r.state, r.title, r.published, r.published_has_time, r.modified, r.score, r.tlp,"
		" r.statements, r.review FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
		" WHERE r.advisory = $1 AND d.current = 1 ORDER BY CASE WHEN r.state = 'published' THEN 0 ELSE 1 END,"
		" r.authority DESC, COALESCE(r.modified, 0) DESC, r.id DESC",
		DB_S(id));
	while (!rc && (rc = rows_next(rows)) == 1) {
		take(&h, rows);
		rc = 0;
	}
	rows_close(rows);
	if (!rc)
		rc = str_check(&h.title, "title of an advisory", tx_err(tx));
	if (!rc)
		rc = update(tx, id, &h);
	str_release(&h.title);
	return rc;
}
