/*
 * Import from memory: documents are parsed outside of transactions, then written in batches; what is known is not
 * parsed again. Files come in by store_files.c, which parses on several threads.
 */
#include "advisory/advisory_nvd.h"
#include "advisory/store_batch.h"

#include "format/json.h"
#include "ledger/ledger.h"

/* Documents named one by one in a batch's ledger record (64 KiB at 400 bytes each); the digest over all holds the rest.
 */
#define LEDGER_NAMED 100

/* ── A batch ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A name for tables and terminals: paths are bytes. */
static char *visible_name(struct arena *a, const char *path)
{
	struct str text = STR_INIT(64 * KIB);
	str_add_visible(&text, span_of(path));
	char *name = text.failed ? NULL : arena_text(a, str_span(&text));
	str_release(&text);
	return name;
}

static int room(struct store_batch *b, struct err *err)
{
	if (b->count < b->capacity)
		return 0;
	size_t capacity = b->capacity ? 2 * b->capacity : 128;
	struct store_document *more = rf_realloc_array(b->documents, capacity, sizeof *more);
	if (!more)
		return err_set(err, RF_ENOMEM, "documents of an import");
	b->documents = more;
	b->capacity = capacity;
	return 0;
}

static int take_one(struct store_batch *b, const struct store_reading *how, struct json_doc *json, struct span bytes,
		    const struct digest *digest, const char *name, struct err *err)
{
	int rc = room(b, err);
	if (rc)
		return rc;
	struct store_document *d = &b->documents[b->count];
	*d = (struct store_document){ .feed = how->feed };
	digest_hex(digest, d->digest);
	struct advisory_reading reading = {
		.json = json, .format = how->format, .mapping = how->mapping, .tlp = how->tlp
	};
	rc = advisory_read(&b->a, &reading, bytes, &d->parsed, err);
	if (rc)
		return rc;
	d->name = visible_name(&b->a, name);
	if (!d->name)
		return err_set(err, RF_ENOMEM, "name of a document");
	rc = store_prepare(&b->a, d, bytes, err);
	b->count += !rc;
	return rc;
}

/* A page of NVD's API is how it was asked for, not what it says: each of its records is a document of its own, which
 * the next page with it replaces. */
struct page_split {
	struct store_batch *b;
	const struct store_reading *how;
	struct json_doc *json;
	const char *name;
	struct err *err;
};

static int take_record(struct span id, struct span record, void *data)
{
	struct page_split *p = data;
	struct digest digest;
	const char *name = arena_printf(&p->b->a, "%s#%.*s", p->name, SPAN_ARG(id));
	if (!name)
		return err_set(p->err, RF_ENOMEM, "name of a document");
	digest_of(record, &digest);
	return take_one(p->b, p->how, p->json, record, &digest, name, p->err);
}

static int split_page(struct store_batch *b, const struct store_reading *how, struct store_json *json,
		      struct span bytes, const char *name, struct err *err)
{
	struct page_split p = { b, how, json->second, name, err };
	struct str buffer = STR_INIT(ADVISORY_MAX_BYTES);
	struct json root;
	size_t before = b->count;
	int rc = json_parse(json->first, bytes, &root, err);
	if (!rc)
		rc = advisory_nvd_each(root, &buffer, take_record, &p, err);
	if (rc)
		b->count = before; /* all of a page or nothing */
	str_release(&buffer);
	return rc;
}

/* Where pages say what they are: in their first members. */
#define PAGE_HEAD_BYTES 512

int batch_take(struct store_batch *b, const struct store_reading *how, struct store_json *json, struct span bytes,
	       const struct digest *digest, const char *name, struct err *err)
{
	if (span_find(span_sub(bytes, 0, PAGE_HEAD_BYTES), SPAN("\"NVD_CVE\"")) != SIZE_MAX)
		return split_page(b, how, json, bytes, name, err);
	return take_one(b, how, json->first, bytes, digest, name, err);
}

int store_json_init(struct store_json *j, struct err *err)
{
	j->first = json_doc_new();
	j->second = json_doc_new();
	return j->first && j->second ? 0 : err_set(err, RF_ENOMEM, "JSON parser");
}

void store_json_release(struct store_json *j)
{
	json_doc_free(j->first);
	json_doc_free(j->second);
	*j = (struct store_json){ NULL, NULL };
}

void batch_reset(struct store_batch *b)
{
	b->count = 0;
	arena_reset(&b->a);
}

void batch_release(struct store_batch *b)
{
	rf_free(b->documents);
	arena_release(&b->a);
	*b = (struct store_batch){ .a = ARENA_INIT(b->a.limit_bytes) };
}

static void write_change(const struct store_document *d, struct json_out *o)
{
	json_object(o);
	json_member(o, "sha256", d->digest);
	json_member_span(o, "id", span_sub(d->parsed.id, 0, 80));
	json_member_span(o, "publisher", advisory_cut(d->parsed.publisher, 80));
	json_member(o, "change", d->change);
	json_member_u64(o, "advisories", d->parsed.count);
	json_member_i64(o, "review", d->review);
	json_object_end(o);
}

/* SHA-256 over a line "digest change" for each changed document, in their order: what is not named is pinned all the
 * same. */
static int digest_changes(const struct store_batch *b, char hex[DIGEST_HEX], struct err *err)
{
	struct digest_stream *s = digest_stream_new();
	struct digest digest;
	if (!s)
		return err_set(err, RF_ENOMEM, "digest");
	for (size_t i = 0; i < b->count; i++) {
		const struct store_document *d = &b->documents[i];
		if (!d->change)
			continue;
		digest_stream_add(s, d->digest, DIGEST_HEX - 1);
		digest_stream_add(s, " ", 1);
		digest_stream_add(s, d->change, strlen(d->change));
		digest_stream_add(s, "\n", 1);
	}
	digest_stream_end(s, &digest);
	digest_stream_free(s);
	digest_hex(&digest, hex);
	return 0;
}

static int write_ledger(struct transaction *tx, const struct store_batch *b, const struct store_reading *how,
			size_t changed)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	char hex[DIGEST_HEX];
	size_t named = 0;
	int rc = digest_changes(b, hex, tx_err(tx));
	if (rc)
		return rc;
	json_object(&o);
	json_member(&o, "feed", how->feed);
	json_member_u64(&o, "changed", changed);
	json_member(&o, "changes_sha256", hex);
	json_key(&o, "documents");
	json_array(&o);
	/* those about products of ours first: they are what anybody will ask about */
	for (int ours = 1; ours >= 0; ours--)
		for (size_t i = 0; i < b->count && named < LEDGER_NAMED; i++)
			if (b->documents[i].change && (b->documents[i].bytes.n > 0) == ours) {
				write_change(&b->documents[i], &o);
				named++;
			}
	json_array_end(&o);
	json_object_end(&o);
	rc = str_check(&body, "ledger record of an import", tx_err(tx));
	if (rc)
		return rc;
	char subject[160];
	snprintf(subject, sizeof subject, "feed/%.100s", how->feed);
	return ledger_append(tx, &(struct ledger_entry){ "advisory.imported", subject, how->actor, str_span(&body) });
}

int batch_write(struct transaction *tx, struct store_batch *b, const struct store_reading *how)
{
	size_t changed = 0;
	int rc = b->count ? store_write(tx, b->documents, b->count) : 0;
	for (size_t i = 0; i < b->count && !rc; i++)
		changed += b->documents[i].change != NULL;
	if (!rc && changed)
		rc = write_ledger(tx, b, how, changed);
	return !rc && changed ? tx_notify(tx, "advisory") : rc;
}

void batch_count(const struct store_batch *b, struct advisory_import_result *to)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct store_document *d = &b->documents[i];
		to->documents += d->change != NULL;
		to->unchanged += d->change == NULL;
		to->advisories += d->change ? (int64_t)d->parsed.count : 0;
		to->review += d->change ? d->review : 0;
	}
}

int reading_init(struct store_reading *r, const struct advisory_import *options, struct err *err)
{
	*r = (struct store_reading){
		.feed = options->feed, .actor = options->actor, .mapping = options->mapping, .tlp = options->tlp
	};
	if (!options->format)
		return 0;
	r->format = advisory_format_find(span_of(options->format));
	if (r->format)
		return 0;
	RF_AUTO(str) names = STR_INIT(1 * KIB);
	for (const struct advisory_format *f = ADVISORY_FORMATS; f->name; f++)
		str_addf(&names, "%s%s", f == ADVISORY_FORMATS ? "" : ", ", f->name);
	return err_set(err, RF_EINVALID, "no advisory format is called \"%s\": %s", options->format, str_text(&names));
}

/* ── From memory ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Documents and bytes of one transaction: large enough that a commit costs little, small enough to be redone. */
#define BATCH_DOCUMENTS 500
#define BATCH_BYTES (16 * MIB)

struct advisory_importer {
	struct database *db;
	struct store_reading how;
	struct advisory_import options;
	struct advisory_import_result result;
	struct store_batch batch;
	struct store_json json;
	struct err err;
};

static int write_importer(struct transaction *tx, void *data)
{
	struct advisory_importer *m = data;
	return batch_write(tx, &m->batch, &m->how);
}

int advisory_importer_new(struct database *db, const struct advisory_import *options, struct advisory_importer **ret,
			  struct err *err)
{
	struct advisory_importer *m = rf_alloc(sizeof *m);
	if (!m)
		return err_set(err, RF_ENOMEM, "import");
	m->db = db;
	m->options = *options;
	m->batch.a = ARENA_INIT(ADVISORY_ARENA_BYTES + BATCH_BYTES);
	int rc = store_json_init(&m->json, err);
	if (!rc)
		rc = reading_init(&m->how, &m->options, err);
	if (!rc)
		*ret = m;
	else
		advisory_importer_free(m);
	return rc;
}

int advisory_importer_flush(struct advisory_importer *m, struct err *err)
{
	int rc = m->batch.count ? database_transact(m->db, DB_WRITE, write_importer, m, err) : 0;
	if (!rc)
		batch_count(&m->batch, &m->result);
	batch_reset(&m->batch);
	return rc;
}

struct known_question {
	const char *digest;
	bool known;
};

static int ask_known(struct transaction *tx, void *data)
{
	struct known_question *q = data;
	RF_AUTO_ROWS rows = NULL;
	int rc =
		TX_QUERY(tx, &rows, "SELECT 1 FROM advisory_document WHERE digest = $1 AND current = 1 AND reader = $2",
			 DB_T(q->digest), DB_I(ADVISORY_READER_VERSION));
	if (!rc)
		rc = rows_next(rows);
	q->known = rc == 1;
	return rc < 0 ? rc : 0;
}

/* *ret_refused: the document is at fault; negative: the import is over. */
static int take_bytes(struct advisory_importer *m, struct span bytes, const char *name, int *ret_refused,
		      struct err *err)
{
	struct digest digest;
	char hex[DIGEST_HEX];
	*ret_refused = 0;
	digest_of(bytes, &digest);
	struct known_question q = { .digest = digest_hex(&digest, hex) };
	int rc = database_transact(m->db, DB_READ, ask_known, &q, err);
	if (rc)
		return rc;
	m->result.unchanged += q.known;
	if (q.known)
		return 0;
	rc = batch_take(&m->batch, &m->how, &m->json, bytes, &digest, name, err);
	if (rc && rc != RF_ENOMEM)
		*ret_refused = rc;
	if (rc)
		return err_in_file(err, name), rc == RF_ENOMEM ? rc : 0;
	return m->batch.count >= BATCH_DOCUMENTS || m->batch.a.used_bytes > BATCH_BYTES
		       ? advisory_importer_flush(m, err)
		       : 0;
}

int advisory_importer_add(struct advisory_importer *m, struct span bytes, const char *name, int *ret_refused,
			  struct err *err)
{
	m->err = ERR_INIT;
	int rc = take_bytes(m, bytes, name, ret_refused, &m->err);
	if ((rc || *ret_refused) && err)
		*err = m->err;
	m->result.files += !rc;
	m->result.problems += !rc && *ret_refused;
	return rc;
}

void advisory_importer_result(const struct advisory_importer *m, struct advisory_import_result *ret)
{
	*ret = m->result;
}

void advisory_importer_free(struct advisory_importer *m)
{
	if (!m)
		return;
	batch_release(&m->batch);
	store_json_release(&m->json);
	rf_free(m);
}

void advisory_importer_freep(struct advisory_importer **m)
{
	advisory_importer_free(*m);
	*m = NULL;
}

int advisory_import_bytes(struct database *db, struct span bytes, const char *name,
			  const struct advisory_import *options, bool *ret_changed, struct err *err)
{
	__attribute__((cleanup(advisory_importer_freep))) struct advisory_importer *m = NULL;
	int refused = 0;
	int rc = advisory_importer_new(db, options, &m, err);
	if (!rc)
		rc = advisory_importer_add(m, bytes, name, &refused, err);
	if (!rc)
		rc = refused;
	if (!rc)
		rc = advisory_importer_flush(m, err);
	if (!rc && ret_changed)
		*ret_changed = m->result.documents > 0;
	return rc;
}
