/*
 * ledger_seal - numbers, chains and checkpoints.
 *
 * One batch is one transaction: it locks the chain's head row, moves waiting rows behind it and writes the new head. The
 * signature and the file stand outside transactions, the file before the row: killed between them, the file knows a
 * checkpoint that the database does not, which verifies; the other way round a cut tail could hide.
 */
#include "ledger/ledger_int.h"

#include "base/arena.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define BATCH 1000
/* A batch of large bodies ends earlier: this bounds memory and the length of the transaction. */
#define BATCH_BYTES (4 * MIB)
#define COLUMNS 8

struct batch {
	const char *site;
	struct ledger_head head;
	struct arena arena;
	size_t count;
	bool more;
	int64_t first_id, last_id, first_sequence;
	struct digest hashes[BATCH];
	struct db_value values[BATCH * COLUMNS];
};

static int lock_head(struct transaction *tx, struct batch *b)
{
	struct digest start;
	ledger_hash_site(b->site, &start);
	int rc = TX_RUN(tx, "INSERT INTO ledger_chain(one, size, head, at) VALUES (1, 0, $1, $2) ON CONFLICT (one) DO NOTHING",
	                DB_B(span_bytes(start.bytes, DIGEST_BYTES)), DB_TIME(tx_now(tx)));
	if (rc == 0)
		rc = TX_RUN(tx, "UPDATE ledger_chain SET at = $1 WHERE one = 1", DB_TIME(tx_now(tx)));
	return rc == 0 ? ledger_head(tx, &b->head) : rc;
}

static int add_row(struct transaction *tx, struct batch *b, const struct db_rows *rows, struct str *scratch)
{
	struct arena *a = &b->arena;
	struct ledger_record r = {
		.sequence = b->head.size + 1,
		.id = rows_i64(rows, 0),
		.at = rows_time(rows, 1),
		.kind = arena_span(a, rows_text(rows, 2)),
		.subject = arena_span(a, rows_text(rows, 3)),
		.actor = arena_span(a, rows_text(rows, 4)),
		.body = arena_span(a, rows_text(rows, 5)),
	};
	if (!r.kind.p || !r.subject.p || !r.actor.p || !r.body.p)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for a batch of ledger records");
	struct digest *hash = &b->hashes[b->count];
	int rc = ledger_hash_record(&b->head.head, &r, scratch, hash, tx_err(tx));
	if (rc != 0)
		return rc;
	const struct db_value row[COLUMNS] = { DB_I(r.sequence), DB_I(r.id), DB_TIME(r.at), DB_S(r.kind), DB_S(r.subject),
		                               DB_S(r.actor), DB_S(r.body), DB_B(span_bytes(hash->bytes, DIGEST_BYTES)) };
	memcpy(&b->values[b->count * COLUMNS], row, sizeof row);
	if (b->count == 0) {
		b->first_id = r.id;
		b->first_sequence = r.sequence;
	}
	b->last_id = r.id;
	b->head.size = r.sequence;
	b->head.head = *hash;
	b->count++;
	return 0;
}

static int read_batch(struct transaction *tx, struct batch *b)
{
	RF_AUTO(str) scratch = STR_INIT(LEDGER_MAX_RECORD);
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT id, at, kind, subject, actor, body FROM ledger_waiting ORDER BY id LIMIT $1",
	                  DB_I(BATCH));
	while (rc == 0 && (rc = rows_next(rows)) == 1) {
		rc = add_row(tx, b, rows, &scratch);
		b->more = b->count == BATCH || b->arena.used_bytes > BATCH_BYTES;
		if (b->more)
			break;
	}
	return rc;
}

static int seal_batch(struct transaction *tx, void *data)
{
	struct batch *b = data;
	b->count = 0;
	b->more = false;
	arena_reset(&b->arena);
	int64_t any = 0;
	/* asked first, so that sealing nothing writes nothing */
	int rc = TX_I64(tx, &any, "SELECT 1 FROM ledger_waiting LIMIT 1");
	if (rc == RF_ENOTFOUND)
		return 0;
	if (rc == 0)
		rc = lock_head(tx, b);
	if (rc == 0)
		rc = read_batch(tx, b);
	if (rc != 0 || b->count == 0)
		return rc;
	rc = tx_insert_many(tx, "INSERT INTO ledger_record(sequence, id, at, kind, subject, actor, body, hash) VALUES", "", b->values,
	                    COLUMNS, b->count);
	/* not simply the ids between: on PostgreSQL a row with an id among them may have been committed since */
	if (rc == 0)
		rc = TX_RUN(tx,
		            "DELETE FROM ledger_waiting WHERE id >= $1 AND id <= $2"
		            " AND id IN (SELECT id FROM ledger_record WHERE sequence >= $3)",
		            DB_I(b->first_id), DB_I(b->last_id), DB_I(b->first_sequence));
	if (rc == 0)
		rc = TX_RUN(tx, "UPDATE ledger_chain SET size = $1, head = $2 WHERE one = 1", DB_I(b->head.size),
		            DB_B(span_bytes(b->head.head.bytes, DIGEST_BYTES)));
	return rc;
}

static int seal_all(struct database *db, const char *site, struct err *err)
{
	RF_AUTO_FREE struct batch *b = rf_alloc(sizeof *b);
	if (!b)
		return err_set(err, RF_ENOMEM, "no memory for a batch of ledger records");
	b->site = site;
	b->arena = ARENA_INIT(BATCH_BYTES + MIB);
	int rc;
	do
		/* DB_CLAIM: the locked head row is what makes sealers take turns, and appends go on beside */
		rc = database_transact(db, DB_CLAIM, seal_batch, b, err);
	while (rc == 0 && b->more);
	arena_release(&b->arena);
	return rc;
}

/* ---------------------------------------------------------------- checkpoints */

struct due {
	const char *site;
	struct ledger_head head;
	int64_t last_checkpoint;        /* -1: none */
};

static int look_at_head(struct transaction *tx, void *data)
{
	struct due *d = data;
	int rc = ledger_head(tx, &d->head);
	if (rc == 0 && d->head.size == 0)
		ledger_hash_site(d->site, &d->head.head);
	if (rc == 0)
		rc = TX_I64(tx, &d->last_checkpoint, "SELECT COALESCE(MAX(size), -1) FROM ledger_checkpoint");
	return rc;
}

/* A last line without its end is a write that was killed: it is cut off, so that the next line stands alone. */
static int cut_torn_end(int fd, const char *path, struct err *err)
{
	char tail[16 * 1024];
	struct stat st;
	if (fstat(fd, &st) != 0)
		return err_set_errno(err, errno, "the checkpoint file cannot be read");
	if (st.st_size == 0)
		return 0;
	uint64_t from = (uint64_t)st.st_size > sizeof tail ? (uint64_t)st.st_size - sizeof tail : 0;
	size_t n = 0;
	int rc = fs_pread(fd, tail, (size_t)((uint64_t)st.st_size - from), from, &n, err);
	if (rc != 0)
		return rc;
	size_t end = span_rfind_byte(span_bytes(tail, n), '\n');
	if (end == SIZE_MAX && from > 0)
		return err_set(err, RF_EFORMAT, "%s: no line ends in its last %zu bytes: not a checkpoint file", path, sizeof tail);
	uint64_t keep = end == SIZE_MAX ? 0 : from + end + 1;
	if (keep < (uint64_t)st.st_size && ftruncate(fd, (off_t)keep) != 0)
		return err_set_errno(err, errno, "the torn end of the checkpoint file cannot be cut");
	return 0;
}

static int append_locked(int fd, const char *path, struct span line, struct err *err)
{
	while (flock(fd, LOCK_EX) != 0) {
		if (errno != EINTR)
			return err_set_errno(err, errno, "the checkpoint file cannot be locked");
	}
	int rc = cut_torn_end(fd, path, err);
	if (rc == 0)
		rc = fs_write_all(fd, line.p, line.n, err);
	if (rc == 0 && fsync(fd) != 0)
		rc = err_set_errno(err, errno, "the checkpoint file cannot be synced");
	return rc;
}

static int append_line(const char *path, struct span line, struct err *err)
{
	char folder[FS_PATH_MAX];
	(void)snprintf(folder, sizeof folder, "%s", path);
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder ? 1 : 0] = '\0';
	const char *parent = slash ? folder : ".";
	int rc = fs_make_dirs(parent, 0755, err);
	if (rc != 0)
		return rc;
	bool is_new = !fs_exists(path);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644);
	if (fd < 0) {
		rc = err_set_errno(err, errno, "the checkpoint file cannot be opened");
		return err ? err_in_file(err, path) : rc;
	}
	rc = append_locked(fd, path, line, err);
	(void)close(fd);
	if (rc == 0 && is_new)
		rc = fs_sync_dir(parent, err);
	if (rc != 0 && err)
		(void)err_in_file(err, path);
	return rc;
}

struct stored {
	const struct ledger_head *head;
	struct span envelope;
};

static int store_checkpoint(struct transaction *tx, void *data)
{
	const struct stored *s = data;
	return TX_RUN(tx, "INSERT INTO ledger_checkpoint(size, head, at, envelope) VALUES ($1, $2, $3, $4)", DB_I(s->head->size),
	              DB_B(span_bytes(s->head->head.bytes, DIGEST_BYTES)), DB_TIME(s->head->at), DB_S(s->envelope));
}

static int checkpoint(struct database *db, const char *site, const struct signing_key *key, const char *file,
                      const struct ledger_head *head, struct err *err)
{
	RF_AUTO(str) payload = STR_INIT(16 * KIB);
	RF_AUTO(str) envelope = STR_INIT(64 * KIB);
	struct ledger_head now = *head;
	now.at = now_usec();
	ledger_checkpoint_payload(site, &now, &payload);
	int rc = str_check(&payload, "checkpoint", err);
	if (rc == 0)
		rc = dsse_sign(key, LEDGER_CHECKPOINT_TYPE, str_span(&payload), &envelope, err);
	struct span line = span_trim(str_span(&envelope));
	if (rc == 0 && file) {
		RF_AUTO(str) with_end = STR_INIT(64 * KIB);
		str_add(&with_end, line);
		str_add_byte(&with_end, '\n');
		rc = str_check(&with_end, "checkpoint", err);
		if (rc == 0)
			rc = append_line(file, str_span(&with_end), err);
	}
	if (rc != 0)
		return rc;
	struct stored s = { &now, line };
	return database_transact(db, DB_WRITE, store_checkpoint, &s, err);
}

int ledger_seal(struct database *db, const char *site, const struct signing_key *key, const char *checkpoint_file, bool always,
                struct ledger_head *ret, struct err *err)
{
	struct due due = { .site = site };
	int rc = seal_all(db, site, err);
	if (rc == 0)
		rc = database_transact(db, DB_READ, look_at_head, &due, err);
	if (rc == 0 && (always || due.head.size > RF_MAX(due.last_checkpoint, 0)))
		rc = checkpoint(db, site, key, checkpoint_file, &due.head, err);
	if (rc == 0 && ret)
		*ret = due.head;
	return rc;
}
