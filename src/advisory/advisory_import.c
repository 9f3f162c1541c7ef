/*
 * Import: files are read and parsed outside of transactions, then written in batches; what is known is not parsed
 * again.
 */
#include "advisory/store_int.h"

#include "base/fs.h"
#include "base/hash.h"
#include "format/json.h"
#include "ledger/ledger.h"

/* A batch is one transaction and one ledger record (64 KiB at 400 bytes a document). */
#define BATCH_DOCUMENTS 100
#define BATCH_BYTES (64 * MIB)
/* Digests known before, to skip without a query: 200,000 CVE records at 100 bytes. */
#define KNOWN_MAX 1000000

struct importing {
	struct database *db;
	const struct advisory_import *options;
	const struct advisory_format *format;
	struct advisory_import_result *result;
	struct arena known_texts;
	struct map known;
	struct arena a; /* the batch's documents */
	struct store_document batch[BATCH_DOCUMENTS];
	size_t count;
	bool folder;
	bool failed; /* a batch could not be written: not the fault of the file at hand */
	struct err *err;
};

static int load_known(struct transaction *tx, void *data)
{
	struct importing *m = data;
	RF_AUTO_ROWS rows = NULL;
	arena_reset(&m->known_texts);
	map_release(&m->known);
	int rc = TX_QUERY(tx, &rows, "SELECT digest FROM advisory_document WHERE current = 1 AND reader = $1",
			  DB_I(ADVISORY_READER_VERSION));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct span digest = arena_span(&m->known_texts, rows_text(rows, 0));
		rc = digest.p ? map_set(&m->known, digest, m) : RF_ENOMEM;
		if (rc)
			return err_set(tx_err(tx), rc, "digests of known advisories");
	}
	return rc;
}

static int write_ledger(struct transaction *tx, const struct importing *m)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member(&o, "feed", m->options->feed);
	json_key(&o, "documents");
	json_array(&o);
	for (size_t i = 0; i < m->count; i++) {
		const struct store_document *d = &m->batch[i];
		if (!d->change)
			continue;
		json_object(&o);
		json_member(&o, "sha256", d->digest);
		json_member_span(&o, "id", d->parsed.id);
		json_member_span(&o, "publisher", span_sub(d->parsed.publisher, 0, 80));
		json_member(&o, "change", d->change);
		json_member_u64(&o, "advisories", d->parsed.count);
		json_member_i64(&o, "review", d->review);
		json_object_end(&o);
	}
	json_array_end(&o);
	json_object_end(&o);
	int rc = str_check(&body, "ledger record of an import", tx_err(tx));
	if (rc)
		return rc;
	char subject[160];
	snprintf(subject, sizeof subject, "feed/%.100s", m->options->feed);
	return ledger_append(
		tx, &(struct ledger_entry){ "advisory.imported", subject, m->options->actor, str_span(&body) });
}

static int write_batch(struct transaction *tx, void *data)
{
	struct importing *m = data;
	bool changed = false;
	int rc = 0;
	for (size_t i = 0; i < m->count && !rc; i++) {
		rc = store_document_write(tx, &m->batch[i]);
		changed |= m->batch[i].change != NULL;
		if (rc)
			(void)err_in_file(tx_err(tx), m->batch[i].name);
	}
	if (!rc && changed)
		rc = write_ledger(tx, m);
	return !rc && changed ? tx_notify(tx, "advisory") : rc;
}

static int flush(struct importing *m)
{
	if (!m->count)
		return 0;
	int rc = database_transact(m->db, DB_WRITE, write_batch, m, m->err);
	for (size_t i = 0; i < m->count && !rc; i++) {
		const struct store_document *d = &m->batch[i];
		m->result->documents += d->change != NULL;
		m->result->unchanged += d->change == NULL;
		m->result->advisories += d->change ? (int64_t)d->parsed.count : 0;
		m->result->review += d->change ? d->review : 0;
	}
	m->failed = rc != 0;
	m->count = 0;
	arena_reset(&m->a);
	return rc;
}

/* A name for tables and terminals: paths are bytes. */
static char *visible_name(struct arena *a, const char *path)
{
	struct str text = STR_INIT(64 * KIB);
	str_add_visible(&text, span_of(path));
	char *name = text.failed ? NULL : arena_text(a, str_span(&text));
	str_release(&text);
	return name;
}

static int take_bytes(struct importing *m, struct span bytes, const char *name)
{
	struct digest digest;
	struct store_document *d = &m->batch[m->count];
	*d = (struct store_document){ .feed = m->options->feed };
	digest_of(bytes, &digest);
	digest_hex(&digest, d->digest);
	if (map_get(&m->known, span_of(d->digest))) {
		m->result->unchanged++;
		return 0;
	}
	int rc = advisory_parse(&m->a, m->format, bytes, &d->parsed, m->err);
	if (rc)
		return rc;
	d->bytes = arena_span(&m->a, bytes);
	d->name = visible_name(&m->a, name);
	if (!d->bytes.p || !d->name)
		return err_set(m->err, RF_ENOMEM, "document of %zu bytes", bytes.n);
	for (size_t i = 0; i < d->parsed.count; i++)
		for (size_t k = 0; k < d->parsed.advisories[i].statement_count; k++)
			d->review += d->parsed.advisories[i].statements[k].review;
	m->count++;
	return m->count == BATCH_DOCUMENTS || m->a.used_bytes > BATCH_BYTES ? flush(m) : 0;
}

/* A refused file of a folder is told and passed over; the database's failures end the import. */
static int refuse(struct importing *m, const char *path, int rc)
{
	(void)err_in_file(m->err, path);
	if (!m->folder || rc == RF_ENOMEM || rc == RF_EDATABASE || rc == RF_EFULL || rc == RF_EBUSY)
		return rc;
	if (rc == RF_EUNSUPPORTED)
		return 0; /* indexes, schemas and other formats lie beside the advisories */
	m->result->problems++;
	if (m->options->problem)
		m->options->problem(path, m->err, m->options->data);
	*m->err = ERR_INIT;
	return 0;
}

static int take_file(const struct fs_entry *e, void *data)
{
	struct importing *m = data;
	if (e->kind == FS_UNREADABLE) {
		(void)err_set(m->err, RF_EIO, "%s", e->error_text ? e->error_text : "unreadable");
		return refuse(m, e->path, RF_EIO);
	}
	if (m->folder && (e->kind != FS_FILE || !span_ends(span_of(e->name), ".json")))
		return 0;
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	m->result->files++;
	int rc = fs_read(e->path, &bytes, m->err);
	if (!rc)
		rc = take_bytes(m, str_span(&bytes), e->path);
	return rc && !m->failed ? refuse(m, e->path, rc) : rc;
}

static int begin(struct importing *m, struct database *db, const struct advisory_import *options,
		 struct advisory_import_result *ret, struct err *err)
{
	*m = (struct importing){ .db = db,
				 .options = options,
				 .result = ret,
				 .known_texts = ARENA_INIT(KNOWN_MAX * 100),
				 .a = ARENA_INIT(ADVISORY_ARENA_BYTES + BATCH_BYTES),
				 .err = err };
	if (options->format) {
		m->format = advisory_format_find(span_of(options->format));
		if (!m->format)
			return err_set(err, RF_EINVALID, "no advisory format is called \"%s\": osv, csaf",
				       options->format);
	}
	return database_transact(db, DB_READ, load_known, m, err);
}

static void end(struct importing *m)
{
	arena_release(&m->known_texts);
	arena_release(&m->a);
	map_release(&m->known);
}

int advisory_import_path(struct database *db, const char *path, const struct advisory_import *options,
			 struct advisory_import_result *ret, struct err *err)
{
	struct err own = ERR_INIT;
	struct advisory_import_result result = { 0 };
	struct importing *m = rf_alloc(sizeof *m);
	if (!m)
		return err_set(err, RF_ENOMEM, "import");
	int rc = begin(m, db, options, &result, err ? err : &own);
	if (!rc) {
		m->folder = fs_is_dir(path);
		rc = m->folder ? fs_walk(path, take_file, m, m->err)
			       : take_file(&(struct fs_entry){ .path = path, .name = path, .kind = FS_FILE }, m);
	}
	if (!rc)
		rc = flush(m);
	end(m);
	rf_free(m);
	if (!rc && ret)
		*ret = result;
	return rc;
}

int advisory_import_bytes(struct database *db, struct span bytes, const char *name,
			  const struct advisory_import *options, bool *ret_changed, struct err *err)
{
	struct err own = ERR_INIT;
	struct advisory_import_result result = { 0 };
	struct importing *m = rf_alloc(sizeof *m);
	if (!m)
		return err_set(err, RF_ENOMEM, "import");
	int rc = begin(m, db, options, &result, err ? err : &own);
	if (!rc)
		rc = take_bytes(m, bytes, name);
	if (rc && !m->failed)
		(void)err_in_file(m->err, name);
	if (!rc)
		rc = flush(m);
	end(m);
	rf_free(m);
	if (!rc && ret_changed)
		*ret_changed = result.documents > 0;
	return rc;
}

struct advisory_importer {
	struct importing importing;
	struct advisory_import options;
	struct advisory_import_result result;
	struct err err;            /* what a batch failed with is written where its importer lives */
};

int advisory_importer_new(struct database *db, const struct advisory_import *options, struct advisory_importer **ret,
                          struct err *err)
{
	struct advisory_importer *m = rf_alloc(sizeof *m);
	if (!m)
		return err_set(err, RF_ENOMEM, "import");
	m->options = *options;
	m->err = ERR_INIT;
	int rc = begin(&m->importing, db, &m->options, &m->result, &m->err);
	if (!rc) {
		*ret = m;
		return 0;
	}
	if (err)
		*err = m->err;
	advisory_importer_free(m);
	return rc;
}

int advisory_importer_add(struct advisory_importer *m, struct span bytes, const char *name, int *ret_refused, struct err *err)
{
	*ret_refused = 0;
	int rc = take_bytes(&m->importing, bytes, name);
	if (!rc) {
		m->result.files++;
		return 0;
	}
	bool fatal = m->importing.failed || rc == RF_ENOMEM;
	if (!m->importing.failed)
		(void)err_in_file(&m->err, name);
	if (err)
		*err = m->err;
	m->err = ERR_INIT;
	if (fatal)
		return rc;
	m->result.files++;
	m->result.problems++;
	*ret_refused = rc;
	return 0;
}

int advisory_importer_flush(struct advisory_importer *m, struct err *err)
{
	int rc = flush(&m->importing);
	if (rc && err)
		*err = m->err;
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
	end(&m->importing);
	rf_free(m);
}

void advisory_importer_freep(struct advisory_importer **m)
{
	advisory_importer_free(*m);
	*m = NULL;
}
