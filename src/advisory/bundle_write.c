/* bundle_write - what this site knows, into one signed file; all of it from one snapshot of the database. */
#include "advisory/bundle.h"

#include "advisory/store_int.h"

/* Lists of signals made into documents: one a feed and date. */
#define MAX_MADE 1024

struct made {
	struct digest digest;
	struct span bytes;
};

struct writer {
	const struct bundle_writing *how;
	struct bundle_written *to;
	struct arena a;
	struct bundle_manifest m;
	size_t capacity;
	struct made made[MAX_MADE];
	size_t made_count;
	struct str text;
	struct json_doc *doc;
	struct transaction *tx;
	struct bundle_file file;
	struct err *err;
};

/* What reforge.yaml says of the feed counts beside what its records say: a signal has no mark of its own. */
static enum tlp feed_mark(const struct writer *w, struct span feed)
{
	const struct workspace_feed *f = workspace_feed(w->how->workspace, feed);
	enum tlp mark = TLP_CLEAR;
	if (f)
		(void)tlp_read(span_of(f->tlp), &mark);
	return mark;
}

static int add_entry(struct writer *w, const struct bundle_entry *from)
{
	struct bundle_manifest *m = &w->m;
	if (from->tlp > w->how->highest) {
		w->to->withheld++;
		return 0;
	}
	if (m->count == BUNDLE_MAX_DOCUMENTS)
		return err_set(w->err, RF_ETOOMANY, "more than %d documents", BUNDLE_MAX_DOCUMENTS);
	if (m->count == w->capacity) {
		size_t capacity = w->capacity ? 2 * w->capacity : 1024;
		struct bundle_entry *more = rf_realloc_array(m->entries, capacity, sizeof *more);
		if (!more)
			return err_set(w->err, RF_ENOMEM, "documents of a bundle");
		m->entries = more;
		w->capacity = capacity;
	}
	struct bundle_entry *e = &m->entries[m->count];
	*e = *from;
	e->feed = arena_span(&w->a, from->feed);
	e->source = arena_span(&w->a, span_sub(from->source, 0, 4096));
	if (!e->feed.p || !e->source.p)
		return err_set(w->err, RF_ENOMEM, "documents of a bundle");
	m->count++;
	return 0;
}

/* Drills stay: elsewhere they would be taken for real. */
static int list_documents(struct writer *w)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(w->tx, &rows,
			  "SELECT d.digest, d.feed, d.name, d.imported_at, length(d.content),"
			  " (SELECT max(r.tlp) FROM advisory_record r WHERE r.document = d.id)"
			  " FROM advisory_document d WHERE d.current = 1 AND length(d.content) > 0 AND d.format NOT IN"
			  " ('kev', 'epss') AND NOT EXISTS (SELECT 1 FROM advisory_record r JOIN advisory a ON a.id = r.advisory"
			  " WHERE r.document = d.id AND a.is_drill = 1)");
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct bundle_entry e = { .feed = rows_text(rows, 1), .source = rows_text(rows, 2),
					  .imported = rows_time(rows, 3), .bytes = (uint64_t)rows_i64(rows, 4) };
		rc = digest_read(rows_text(rows, 0), &e.digest, w->err);
		e.tlp = RF_MAX((enum tlp)rows_i64(rows, 5), feed_mark(w, e.feed));
		if (!rc)
			rc = add_entry(w, &e);
	}
	return rc;
}

/* ---------------------------------------------------------------- signals */

static int add_made(struct writer *w, struct span feed, const char *what)
{
	struct bundle_entry e = { .feed = feed, .source = span_of(what), .imported = USEC_NONE, .bytes = w->text.n,
				  .tlp = feed_mark(w, feed) };
	int rc = str_check(&w->text, what, w->err);
	if (rc)
		return rc;
	if (w->made_count == MAX_MADE)
		return err_set(w->err, RF_ETOOMANY, "more than %d lists of signals", MAX_MADE);
	struct made *made = &w->made[w->made_count++];
	made->bytes = arena_span(&w->a, str_span(&w->text));
	digest_of(made->bytes, &made->digest);
	e.digest = made->digest;
	return made->bytes.p ? add_entry(w, &e) : err_set(w->err, RF_ENOMEM, "signals of a bundle");
}

static void put_kev(struct json_out *o, struct span cve, usec_t added, const struct advisory_signal *s)
{
	char text[TIME_TEXT_BYTES];
	json_object(o);
	json_member_span(o, "cveID", cve);
	json_member_span(o, "vulnerabilityName", s->kev.name);
	if (added != USEC_NONE)
		json_member(o, "dateAdded", time_text_date(added, text));
	if (s->kev.due != USEC_NONE)
		json_member(o, "dueDate", time_text_date(s->kev.due, text));
	json_member_span(o, "requiredAction", s->kev.action);
	json_member(o, "knownRansomwareCampaignUse", s->kev.ransomware ? "Known" : "Unknown");
	json_object_end(o);
}

static int list_kev(struct writer *w, struct span feed, usec_t released)
{
	RF_AUTO_ROWS rows = NULL;
	struct arena a = ARENA_INIT(MIB);
	char text[TIME_TEXT_BYTES];
	str_reset(&w->text);
	struct json_out o = json_out(&w->text, false);
	json_object(&o);
	json_member(&o, "title", "Known exploited vulnerabilities");
	json_member(&o, "catalogVersion", time_text_date(released, text));
	json_member(&o, "dateReleased", time_text(released, text));
	json_key(&o, "vulnerabilities");
	json_array(&o);
	int rc = TX_QUERY(w->tx, &rows, "SELECT s.cve, s.date, s.value FROM advisory_signal s JOIN advisory_document d"
			  " ON d.id = s.document WHERE s.kind = 'kev' AND d.feed = $1 ORDER BY s.cve", DB_S(feed));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct advisory_signal s;
		arena_reset(&a);
		rc = store_signal_read(&a, w->doc, SIGNAL_KEV, rows_text(rows, 2), &s, w->err);
		if (!rc)
			put_kev(&o, rows_text(rows, 0), rows_time(rows, 1), &s);
	}
	arena_release(&a);
	json_array_end(&o);
	json_object_end(&o);
	return rc ? rc : add_made(w, feed, "kev.json");
}

static int list_epss(struct writer *w, struct span feed, usec_t date)
{
	RF_AUTO_ROWS rows = NULL;
	char text[TIME_TEXT_BYTES];
	str_reset(&w->text);
	if (date != USEC_NONE)
		str_addf(&w->text, "#model_version:reforge,score_date:%s\n", time_text(date, text));
	str_add_text(&w->text, "cve,epss,percentile\n");
	int rc = TX_QUERY(w->tx, &rows, "SELECT s.cve, s.value FROM advisory_signal s JOIN advisory_document d"
			  " ON d.id = s.document WHERE s.kind = 'epss' AND d.feed = $1 AND coalesce(s.date, 0) = $2"
			  " ORDER BY s.cve", DB_S(feed), DB_I(date == USEC_NONE ? 0 : date));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct advisory_signal s;
		struct arena a = ARENA_INIT(MIB);
		rc = store_signal_read(&a, w->doc, SIGNAL_EPSS, rows_text(rows, 1), &s, w->err);
		if (!rc)
			str_addf(&w->text, "%.*s,%.9g,%.9g\n", SPAN_ARG(rows_text(rows, 0)), s.epss.score, s.epss.percentile);
		arena_release(&a);
	}
	return rc ? rc : add_made(w, feed, "epss.csv");
}

static int list_signals(struct writer *w)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(w->tx, &rows,
			  "SELECT DISTINCT s.kind, d.feed, CASE WHEN s.kind = 'kev' THEN d.modified ELSE s.date END"
			  " FROM advisory_signal s JOIN advisory_document d ON d.id = s.document WHERE s.kind IN"
			  " ('epss', 'kev') AND d.current = 1");
	while (!rc && (rc = rows_next(rows)) == 1)
		rc = span_eq_text(rows_text(rows, 0), "kev") ? list_kev(w, rows_text(rows, 1), rows_time(rows, 2))
							     : list_epss(w, rows_text(rows, 1), rows_time(rows, 2));
	return rc;
}

/* ---------------------------------------------------------------- how old it is */

static bool counts(const struct writer *w, struct span feed)
{
	if (workspace_feed(w->how->workspace, feed))
		return feed_mark(w, feed) <= w->how->highest;
	for (size_t i = 0; i < w->m.count; i++)
		if (span_eq(w->m.entries[i].feed, feed))
			return true;
	return false;
}

/* The oldest of its feeds; of files given by hand alone, the newest of them. */
static int find_age(struct writer *w)
{
	RF_AUTO_ROWS rows = NULL;
	usec_t newest = USEC_NONE, oldest = 0;
	bool any = false;
	for (size_t i = 0; i < w->m.count; i++)
		newest = RF_MAX(newest, w->m.entries[i].imported);
	int rc = TX_QUERY(w->tx, &rows, "SELECT name, succeeded FROM feed");
	while (!rc && (rc = rows_next(rows)) == 1) {
		rc = 0;
		if (!counts(w, rows_text(rows, 0)))
			continue;
		usec_t at = rows_time(rows, 1); /* USEC_NONE, never, is the oldest */
		oldest = any ? RF_MIN(oldest, at) : at;
		any = true;
	}
	w->m.as_of = any ? oldest : newest;
	return rc;
}

/* ---------------------------------------------------------------- the file */

static int put_document(struct writer *w, const struct bundle_entry *e)
{
	char name[BUNDLE_NAME_BYTES], hex[DIGEST_HEX];
	struct digest digest;
	for (size_t i = 0; i < w->made_count; i++)
		if (digest_eq(&w->made[i].digest, &e->digest))
			return bundle_put(&w->file, bundle_entry_name(e, name), w->made[i].bytes, w->err);
	str_reset(&w->text);
	int rc = advisory_document_bytes(w->tx, span_of(digest_hex(&e->digest, hex)), &w->text);
	if (!rc)
		rc = str_check(&w->text, "document", w->err);
	digest_of(str_span(&w->text), &digest);
	if (!rc && (!digest_eq(&digest, &e->digest) || w->text.n != e->bytes))
		rc = err_set(w->err, RF_EVERIFY, "document %s is not what was imported: the database was changed", hex);
	return rc ? rc : bundle_put(&w->file, bundle_entry_name(e, name), str_span(&w->text), w->err);
}

static int put_manifest(struct writer *w)
{
	RF_AUTO(str) manifest = STR_INIT(BUNDLE_MAX_MANIFEST);
	bundle_manifest_write(&w->m, w->how->highest, &manifest);
	int rc = str_check(&manifest, "manifest of the bundle", w->err);
	return rc ? rc : bundle_put_manifest(&w->file, w->how->key, BUNDLE_PAYLOAD_TYPE, str_span(&manifest), w->err);
}

static int by_digest(const void *a, const void *b)
{
	const struct bundle_entry *x = a, *y = b;
	return memcmp(x->digest.bytes, y->digest.bytes, DIGEST_BYTES);
}

/* Two feeds whose lists of signals are the same bytes; the looser mark is one that was allowed too. */
static void drop_doubles(struct bundle_manifest *m)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->count; i++)
		if (!kept || !digest_eq(&m->entries[kept - 1].digest, &m->entries[i].digest))
			m->entries[kept++] = m->entries[i];
	m->count = kept;
}

/* May run again from the start. */
static int write_all(struct transaction *tx, void *data)
{
	struct writer *w = data;
	w->tx = tx;
	w->m.count = w->made_count = 0;
	w->to->withheld = 0;
	arena_reset(&w->a);
	w->err = tx_err(tx);
	int rc = bundle_file_again(&w->file, w->err);
	if (!rc)
		rc = list_documents(w);
	if (!rc)
		rc = list_signals(w);
	if (!rc)
		rc = find_age(w);
	if (rc)
		return rc;
	if (w->m.count)
		qsort(w->m.entries, w->m.count, sizeof *w->m.entries, by_digest);
	drop_doubles(&w->m);
	rc = put_manifest(w);
	for (size_t i = 0; !rc && i < w->m.count; i++)
		rc = put_document(w, &w->m.entries[i]);
	return rc ? rc : bundle_put_end(&w->file, w->err);
}

static int write_file(struct database *db, struct writer *w, const char *path, struct err *err)
{
	int rc = bundle_file_begin(path, &w->file, err);
	return rc ? rc : bundle_file_end(&w->file, database_transact(db, DB_READ, write_all, w, err), &w->to->bytes, err);
}

int bundle_write(struct database *db, const char *path, const struct bundle_writing *how, struct bundle_written *ret,
		 struct err *err)
{
	struct err own = ERR_INIT;
	struct writer *w = rf_alloc(sizeof *w);
	if (!w)
		return err_set(err, RF_ENOMEM, "bundle");
	*ret = (struct bundle_written){ 0 };
	*w = (struct writer){ .how = how, .to = ret, .a = ARENA_INIT(1024 * MIB), .text = STR_INIT(ADVISORY_MAX_BYTES),
			      .doc = json_doc_new() };
	w->m.site = span_of(how->workspace->site);
	w->m.created = now_usec();
	w->m.expires = w->m.created + how->valid_usec;
	int rc = w->doc ? write_file(db, w, path, err ? err : &own) : err_set(err, RF_ENOMEM, "bundle");
	ret->documents = (int64_t)w->m.count;
	ret->created = w->m.created;
	ret->expires = w->m.expires;
	ret->as_of = w->m.as_of;
	rf_free(w->m.entries);
	arena_release(&w->a);
	str_release(&w->text);
	json_doc_free(w->doc);
	rf_free(w);
	return rc;
}
