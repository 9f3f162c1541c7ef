/*
 * Import of files: read, digested and parsed on several threads, written by one.
 *
 *   walk ──► plan (files that are not as they were) ──► chunks ──► readers ──► batches, in order ──► writer
 *
 * A file whose size, times and inode are those of its last reading is not opened. Chunks are written in the order of
 * the walk, so that an import does the same whatever thread was faster; a chunk is one transaction: killed in between,
 * the next import goes on. Memory: chunks on their way (readers + 2), each at most CHUNK_BYTES of documents or one
 * document.
 */
#include "advisory/store_batch.h"
#include "advisory/store_packed.h"

#include "base/fs.h"
#include "base/thread.h"
#include "format/archive.h"

#include <fcntl.h>
#include <pthread.h>

#define CHUNK_FILES 1024
#define CHUNK_BYTES (8 * MIB)
#define MAX_READERS 16
/* Files below one folder: all of NVD is 340,000. */
#define MAX_FILES 4000000
/* Archives in one folder: a zip an ecosystem of OSV, 40. */
#define MAX_ARCHIVES 1000
#define PLAN_ARENA_BYTES (2048 * MIB)
/* A file changed within the clock tick in which it was read could change again without a trace: not remembered. */
#define RACY_NSEC 20000000

struct source_file {
	const char *path;
	int64_t size, modified_nsec, changed_nsec, inode;
};

struct chunk {
	size_t first, count;
};

struct refusal {
	const char *path;
	int rc;
	struct err err;
};

/* A chunk's documents, read. */
struct reading_batch {
	struct store_batch b;
	size_t chunk;
	struct refusal *refusals;
	size_t refusal_count, refusal_capacity;
	const struct source_file **remember; /* heap; files whose state is worth keeping */
	size_t remember_count;
	const struct source_file **packed; /* heap; files that turned out to be archives */
	size_t packed_count;
	int64_t known; /* files whose bytes are known */
	int failed;    /* the import is over */
	struct err err;
};

struct files_import {
	struct database *db;
	const struct advisory_import *options;
	struct store_reading how;
	char reading[160]; /* what a remembered file was read as */
	struct advisory_import_result *result;
	struct err *err;
	bool folder;
	struct arena plan;
	struct source_file *files;
	size_t file_count, file_capacity;
	struct source_file archives[MAX_ARCHIVES];
	size_t archive_count;
	struct chunk *chunks;
	size_t chunk_count;
	struct map unchanged; /* path -> its remembered source_file */
	struct map digests;   /* of documents that are current and read: 32 bytes -> any */
	/* readers and writer */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t next_chunk;
	struct reading_batch *batches[MAX_READERS + 2];
	struct reading_batch *idle[MAX_READERS + 2], *ready[MAX_READERS + 2];
	size_t batch_count, idle_count, ready_count;
	bool stop;
};

/* ── What is known ──────────────────────────────────────────────────────────────────────────────────────────────── */

struct root_question {
	struct files_import *m;
	struct span root;
};

static int load_files(struct transaction *tx, void *data)
{
	struct root_question *q = data;
	struct files_import *m = q->m;
	RF_AUTO_ROWS rows = NULL;
	RF_AUTO(str) low = STR_INIT(FS_PATH_MAX + 2);
	RF_AUTO(str) high = STR_INIT(FS_PATH_MAX + 2);
	map_release(&m->unchanged);
	/* what lies below "root/": from there to the byte behind the slash */
	str_addf(&low, "%.*s/", SPAN_ARG(q->root));
	str_addf(&high, "%.*s0", SPAN_ARG(q->root));
	int rc = TX_QUERY(tx, &rows,
			  "SELECT path, size, modified_nsec, changed_nsec, inode FROM advisory_file WHERE reading = $1"
			  " AND path >= $2 AND path < $3",
			  DB_T(m->reading), DB_B(str_span(&low)), DB_B(str_span(&high)));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct source_file *f = arena_alloc(&m->plan, sizeof *f);
		struct span path = arena_span(&m->plan, rows_blob(rows, 0));
		if (!f || !path.p || map_set(&m->unchanged, path, f))
			return err_set(tx_err(tx), RF_ENOMEM, "files that were imported before");
		*f = (struct source_file){ path.p, rows_i64(rows, 1), rows_i64(rows, 2), rows_i64(rows, 3),
					   rows_i64(rows, 4) };
		rc = 0;
	}
	return rc;
}

static int load_digests(struct transaction *tx, void *data)
{
	struct files_import *m = data;
	RF_AUTO_ROWS rows = NULL;
	map_release(&m->digests);
	int rc = TX_QUERY(tx, &rows, "SELECT digest FROM advisory_document WHERE current = 1 AND reader = $1",
			  DB_I(ADVISORY_READER_VERSION));
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct digest digest;
		rc = digest_read(rows_text(rows, 0), &digest, tx_err(tx));
		struct span key = rc ? SPAN_NONE : arena_span(&m->plan, span_bytes(digest.bytes, DIGEST_BYTES));
		if (!rc && (!key.p || map_set(&m->digests, key, m)))
			rc = err_set(tx_err(tx), RF_ENOMEM, "digests of known advisories");
		if (rc)
			return rc;
	}
	return rc;
}

/* ── The plan ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_candidate(struct span name)
{
	return packed_is_document(name) || packed_is_candidate(name);
}

static int64_t nsec_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool is_as_it_was(const struct files_import *m, const struct source_file *f)
{
	const struct source_file *was = map_get(&m->unchanged, span_of(f->path));
	return was && was->size == f->size && was->modified_nsec == f->modified_nsec &&
	       was->changed_nsec == f->changed_nsec && was->inode == f->inode;
}

/* Archives wait apart: they are unpacked one after the other, not read whole. */
static int plan_archive(struct files_import *m, const struct source_file *f)
{
	if (m->archive_count == RF_COUNT(m->archives))
		return err_set(m->err, RF_ETOOMANY, "more than %zu archives to import at once", RF_COUNT(m->archives));
	m->archives[m->archive_count++] = *f;
	return 0;
}

static int plan_document(struct files_import *m, const struct source_file *f)
{
	if (m->file_count == MAX_FILES)
		return err_set(m->err, RF_ETOOMANY, "more than %d files to import", MAX_FILES);
	if (m->file_count == m->file_capacity) {
		size_t capacity = m->file_capacity ? 2 * m->file_capacity : 1024;
		struct source_file *more = rf_realloc_array(m->files, capacity, sizeof *more);
		if (!more)
			return err_set(m->err, RF_ENOMEM, "files to import");
		m->files = more;
		m->file_capacity = capacity;
	}
	m->files[m->file_count++] = *f;
	return 0;
}

/* The content tells what is packed. A folder has too many documents to open each twice: one that no format reads is
 * looked at then (read_file()). */
static int plan_add(struct files_import *m, struct source_file f)
{
	bool packed = (!m->folder || packed_is_candidate(span_of(f.path))) && packed_is(f.path);
	f.path = arena_text(&m->plan, span_of(f.path));
	if (!f.path)
		return err_set(m->err, RF_ENOMEM, "files to import");
	return packed ? plan_archive(m, &f) : plan_document(m, &f);
}

static int tell_refusal(struct files_import *m, const struct refusal *r)
{
	if (r->rc == RF_EUNSUPPORTED)
		return 0; /* indexes, schemas and other formats lie beside the advisories */
	m->result->problems++;
	if (m->options->problem)
		m->options->problem(r->path, &r->err, m->options->data);
	return 0;
}

static int plan_file(const struct fs_entry *e, void *data)
{
	struct files_import *m = data;
	struct stat st;
	if (e->kind == FS_UNREADABLE || (e->kind == FS_FILE && is_candidate(span_of(e->name)) &&
					 fstatat(e->dir_fd, e->name, &st, AT_SYMLINK_NOFOLLOW))) {
		struct refusal r = { .path = e->path, .rc = RF_EIO, .err = ERR_INIT };
		(void)err_set(&r.err, RF_EIO, "%s", e->error_text ? e->error_text : "unreadable");
		(void)err_in_file(&r.err, e->path);
		return tell_refusal(m, &r);
	}
	if (e->kind != FS_FILE || !is_candidate(span_of(e->name)))
		return 0;
	struct source_file f = { e->path, st.st_size, nsec_of(st.st_mtim), nsec_of(st.st_ctim), (int64_t)st.st_ino };
	m->result->files++;
	if (!is_as_it_was(m, &f))
		return plan_add(m, f);
	m->result->unchanged++;
	return 0;
}

static int plan_chunks(struct files_import *m)
{
	m->chunks = arena_array(&m->plan, m->file_count + 1, sizeof *m->chunks);
	if (!m->chunks)
		return err_set(m->err, RF_ENOMEM, "files to import");
	int64_t bytes = 0;
	for (size_t i = 0; i < m->file_count; i++) {
		struct chunk *c = m->chunk_count ? &m->chunks[m->chunk_count - 1] : NULL;
		if (!c || c->count == CHUNK_FILES || bytes + m->files[i].size > (int64_t)CHUNK_BYTES) {
			c = &m->chunks[m->chunk_count++];
			*c = (struct chunk){ .first = i };
			bytes = 0;
		}
		c->count++;
		bytes += m->files[i].size;
	}
	return 0;
}

static int plan(struct files_import *m, const char *path)
{
	RF_AUTO_FREE char *root = rf_text(path);
	if (!root)
		return err_set(m->err, RF_ENOMEM, "files to import");
	for (size_t n = strlen(root); n > 1 && root[n - 1] == '/'; n--)
		root[n - 1] = 0;
	struct root_question q = { m, span_of(root) };
	int rc = 0;
	if (m->folder) {
		rc = database_transact(m->db, DB_READ, load_files, &q, m->err);
		if (!rc)
			rc = fs_walk(root, plan_file, m, m->err);
	} else {
		m->result->files++;
		rc = plan_add(m, (struct source_file){ .path = path });
	}
	if (!rc && m->file_count)
		rc = database_transact(m->db, DB_READ, load_digests, m, m->err);
	return rc ? rc : plan_chunks(m);
}

/* ── Readers ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reader {
	struct store_json json;
	struct str bytes;
};

static void reader_release(struct reader *r)
{
	store_json_release(&r->json);
	str_release(&r->bytes);
}

static int note_refusal(struct reading_batch *to, const struct source_file *f, int rc)
{
	if (to->refusal_count == to->refusal_capacity) {
		size_t capacity = to->refusal_capacity ? 2 * to->refusal_capacity : 8;
		struct refusal *more = rf_realloc_array(to->refusals, capacity, sizeof *more);
		if (!more)
			return err_set(&to->err, RF_ENOMEM, "refused files");
		to->refusals = more;
		to->refusal_capacity = capacity;
	}
	(void)err_in_file(&to->err, f->path);
	to->refusals[to->refusal_count++] = (struct refusal){ f->path, rc, to->err };
	to->err = ERR_INIT;
	return 0;
}

/* 0 also for a file that is refused. */
static int read_file(const struct files_import *m, struct reader *r, const struct source_file *f,
		     struct reading_batch *to)
{
	struct digest digest;
	int64_t begun_nsec = now_usec() * 1000;
	str_reset(&r->bytes);
	int rc = fs_read(f->path, &r->bytes, &to->err);
	if (!rc) {
		digest_of(str_span(&r->bytes), &digest);
		if (map_get(&m->digests, span_bytes(digest.bytes, DIGEST_BYTES)))
			to->known++;
		else
			rc = batch_take(&to->b, &m->how, &r->json, str_span(&r->bytes), &digest, f->path, &to->err);
	}
	if (rc == RF_ENOMEM)
		return err_in_file(&to->err, f->path);
	if (rc && archive_sniff(str_span(&r->bytes))) {
		to->packed[to->packed_count++] = f;
		to->err = ERR_INIT;
		return 0;
	}
	if ((!rc || rc == RF_EUNSUPPORTED) && m->folder && !m->how.mapping && f->changed_nsec + RACY_NSEC < begun_nsec)
		to->remember[to->remember_count++] = f;
	return rc ? note_refusal(to, f, rc) : 0;
}

static void read_chunk(const struct files_import *m, struct reader *r, struct reading_batch *to)
{
	const struct chunk *c = &m->chunks[to->chunk];
	batch_reset(&to->b);
	to->refusal_count = to->remember_count = to->packed_count = 0;
	to->known = 0;
	to->failed = 0;
	to->err = ERR_INIT;
	for (size_t i = 0; i < c->count && !to->failed; i++)
		to->failed = read_file(m, r, &m->files[c->first + i], to);
}

/* Takes a batch first and a chunk then: the lowest chunk that is not written always has a batch. */
static struct reading_batch *reader_next(struct files_import *m)
{
	struct reading_batch *to = NULL;
	pthread_mutex_lock(&m->lock);
	while (!m->idle_count && !m->stop && m->next_chunk < m->chunk_count)
		pthread_cond_wait(&m->changed, &m->lock);
	if (m->idle_count && !m->stop && m->next_chunk < m->chunk_count) {
		to = m->idle[--m->idle_count];
		to->chunk = m->next_chunk++;
	}
	pthread_mutex_unlock(&m->lock);
	return to;
}

static void reader_done(struct files_import *m, struct reading_batch *b)
{
	pthread_mutex_lock(&m->lock);
	m->ready[m->ready_count++] = b;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

static void *run_reader(void *data)
{
	struct files_import *m = data;
	struct reader r = { .bytes = STR_INIT(ADVISORY_MAX_BYTES) };
	struct err err = ERR_INIT;
	int rc = store_json_init(&r.json, &err);
	for (struct reading_batch *b; (b = reader_next(m));) {
		if (!rc)
			read_chunk(m, &r, b);
		b->failed = rc ? rc : b->failed;
		if (rc)
			b->err = err;
		reader_done(m, b);
	}
	reader_release(&r);
	return NULL;
}

/* ── The writer ─────────────────────────────────────────────────────────────────────────────────────────────────── */

struct writing {
	struct files_import *m;
	struct reading_batch *b;
};

static int remember_files(struct transaction *tx, const struct files_import *m, const struct reading_batch *b)
{
	RF_AUTO_FREE struct store_rows *rows = rf_alloc(sizeof *rows);
	int rc = 0;
	if (!rows)
		return err_set(tx_err(tx), RF_ENOMEM, "files that were imported");
	rows->tx = tx;
	rows->head = "INSERT INTO advisory_file (path, reading, size, modified_nsec, changed_nsec, inode) VALUES";
	rows->tail = "ON CONFLICT (path, reading) DO UPDATE SET size = excluded.size, modified_nsec = "
		     "excluded.modified_nsec,"
		     " changed_nsec = excluded.changed_nsec, inode = excluded.inode";
	rows->columns = 6;
	for (size_t i = 0; !rc && i < b->remember_count; i++) {
		const struct source_file *f = b->remember[i];
		struct db_value *row = store_rows_next(rows, &rc);
		if (!row)
			return rc;
		const struct db_value values[] = { DB_B(span_of(f->path)), DB_T(m->reading),      DB_I(f->size),
						   DB_I(f->modified_nsec), DB_I(f->changed_nsec), DB_I(f->inode) };
		memcpy(row, values, sizeof values);
	}
	return rc ? rc : store_rows_flush(rows);
}

static int write_chunk(struct transaction *tx, void *data)
{
	struct writing *w = data;
	int rc = batch_write(tx, &w->b->b, &w->m->how);
	return rc ? rc : remember_files(tx, w->m, w->b);
}

/* What a chunk's reading came to; a named file that is refused is the import's error. */
static int take_chunk(struct files_import *m, struct reading_batch *b)
{
	struct writing w = { m, b };
	if (b->failed) {
		*m->err = b->err;
		return b->failed;
	}
	for (size_t i = 0; i < b->refusal_count; i++) {
		if (!m->folder) {
			*m->err = b->refusals[i].err;
			return b->refusals[i].rc;
		}
		(void)tell_refusal(m, &b->refusals[i]);
	}
	for (size_t i = 0; i < b->packed_count; i++) {
		int rc = plan_archive(m, b->packed[i]);
		if (rc)
			return rc;
	}
	if (thread_stop_wanted())
		return err_set(m->err, RF_ECANCELLED,
			       "import stopped; what was written stays, the next import goes on");
	int rc = b->b.count || b->remember_count ? database_transact(m->db, DB_WRITE, write_chunk, &w, m->err) : 0;
	if (!rc) {
		batch_count(&b->b, m->result);
		m->result->unchanged += b->known;
	}
	return rc;
}

/* The batch of @chunk, once it is read. */
static struct reading_batch *writer_next(struct files_import *m, size_t chunk)
{
	struct reading_batch *found = NULL;
	pthread_mutex_lock(&m->lock);
	for (;;) {
		for (size_t i = 0; i < m->ready_count; i++)
			if (m->ready[i]->chunk == chunk) {
				found = m->ready[i];
				m->ready[i] = m->ready[--m->ready_count];
				break;
			}
		if (found)
			break;
		pthread_cond_wait(&m->changed, &m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	return found;
}

static void writer_done(struct files_import *m, struct reading_batch *b, bool stop)
{
	pthread_mutex_lock(&m->lock);
	m->idle[m->idle_count++] = b;
	m->stop |= stop;
	pthread_cond_broadcast(&m->changed);
	pthread_mutex_unlock(&m->lock);
}

static int make_batches(struct files_import *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct reading_batch *b = rf_alloc(sizeof *b);
		m->batches[i] = b;
		if (!b)
			return err_set(m->err, RF_ENOMEM, "import");
		m->batch_count++;
		b->b.a = ARENA_INIT(ADVISORY_ARENA_BYTES);
		b->remember = rf_realloc_array(NULL, CHUNK_FILES, sizeof(struct source_file *));
		b->packed = rf_realloc_array(NULL, CHUNK_FILES, sizeof(struct source_file *));
		if (!b->remember || !b->packed)
			return err_set(m->err, RF_ENOMEM, "import");
		m->idle[m->idle_count++] = b;
	}
	return 0;
}

static void free_batches(struct files_import *m)
{
	for (size_t i = 0; i < m->batch_count; i++) {
		batch_release(&m->batches[i]->b);
		rf_free(m->batches[i]->refusals);
		rf_free(m->batches[i]->remember);
		rf_free(m->batches[i]->packed);
		rf_free(m->batches[i]);
	}
}

/* Alone: where one chunk is all there is, or no thread can be made. */
static int run_alone(struct files_import *m)
{
	struct reader r = { .bytes = STR_INIT(ADVISORY_MAX_BYTES) };
	int rc = store_json_init(&r.json, m->err);
	for (size_t i = 0; !rc && i < m->chunk_count; i++) {
		m->batches[0]->chunk = i;
		read_chunk(m, &r, m->batches[0]);
		rc = take_chunk(m, m->batches[0]);
	}
	reader_release(&r);
	return rc;
}

static int run_threads(struct files_import *m, size_t readers)
{
	pthread_t ids[MAX_READERS];
	size_t started = 0;
	int rc = 0;
	while (started < readers && pthread_create(&ids[started], NULL, run_reader, m) == 0)
		started++;
	if (!started)
		return run_alone(m);
	for (size_t i = 0; !rc && i < m->chunk_count; i++) {
		struct reading_batch *b = writer_next(m, i);
		rc = take_chunk(m, b);
		writer_done(m, b, rc != 0);
	}
	while (started > 0)
		pthread_join(ids[--started], NULL);
	return rc;
}

static int run(struct files_import *m)
{
	size_t readers = RF_MIN(RF_MIN((size_t)thread_cpus(), (size_t)MAX_READERS), m->chunk_count);
	if (!m->chunk_count)
		return 0;
	int rc = make_batches(m, m->chunk_count == 1 ? 1 : readers + 2);
	if (!rc)
		rc = m->chunk_count == 1 ? run_alone(m) : run_threads(m, readers);
	return rc;
}

/* ── Archives ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int remember_archive(struct transaction *tx, void *data)
{
	struct writing *w = data;
	return remember_files(tx, w->m, w->b);
}

static int take_archive(struct files_import *m, const struct source_file *f)
{
	struct reading_batch b = { .remember = &(const struct source_file *){ f }, .remember_count = 1 };
	struct writing w = { m, &b };
	int64_t problems = 0, begun_nsec = now_usec() * 1000;
	m->result->files--; /* its members count */
	int rc = store_packed_import(m->db, m->options, f->path, m->result, &problems, m->err);
	if (rc && m->folder && (rc == RF_EFORMAT || rc == RF_ETOOBIG || rc == RF_ETOOMANY || rc == RF_EUNSUPPORTED)) {
		struct refusal r = { f->path, rc, *m->err };
		*m->err = ERR_INIT;
		return tell_refusal(m, &r);
	}
	bool keeps = m->folder && !problems && !m->how.mapping && f->changed_nsec + RACY_NSEC < begun_nsec;
	return rc || !keeps ? rc : database_transact(m->db, DB_WRITE, remember_archive, &w, m->err);
}

static int import(struct files_import *m, const char *path)
{
	int rc = reading_init(&m->how, m->options, m->err);
	if (rc)
		return rc;
	snprintf(m->reading, sizeof m->reading, "%d %s %d %.100s", ADVISORY_READER_VERSION,
		 m->how.format ? m->how.format->name : "-", (int)m->how.tlp, m->how.feed);
	m->folder = fs_is_dir(path);
	rc = plan(m, path);
	if (!rc)
		rc = run(m);
	for (size_t i = 0; !rc && i < m->archive_count; i++)
		rc = take_archive(m, &m->archives[i]);
	return rc;
}

int advisory_import_path(struct database *db, const char *path, const struct advisory_import *options,
			 struct advisory_import_result *ret, struct err *err)
{
	struct err own = ERR_INIT;
	struct advisory_import_result result = { 0 };
	struct files_import *m = rf_alloc(sizeof *m);
	if (!m)
		return err_set(err, RF_ENOMEM, "import");
	*m = (struct files_import){ .db = db,
				    .options = options,
				    .result = &result,
				    .err = err ? err : &own,
				    .plan = ARENA_INIT(PLAN_ARENA_BYTES) };
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	int rc = import(m, path);
	free_batches(m);
	map_release(&m->unchanged);
	map_release(&m->digests);
	arena_release(&m->plan);
	rf_free(m->files);
	pthread_mutex_destroy(&m->lock);
	pthread_cond_destroy(&m->changed);
	rf_free(m);
	if (!rc && ret)
		*ret = result;
	return rc;
}
