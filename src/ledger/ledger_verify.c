/*
 * ledger_verify - walks the chain beside its checkpoints.
 *
 * One fault is told once: after it the walk goes on from what the record itself says its hash is, so that a changed record
 * does not make all that follow look changed.
 */
#include "ledger/ledger_int.h"

#include "base/arena.h"
#include "base/fs.h"
#include "format/json.h"

#include <stdarg.h>

/* A seal every second for eleven days; 80 bytes each. */
#define MAX_CHECKPOINTS 1000000
#define MAX_CHECKPOINT_FILE (256 * MIB)
#define PAGE 500

struct mark {                           /* what a verified checkpoint says */
	int64_t size;
	struct digest head;
	int64_t line;                   /* in the file; 0: from the database */
};

struct walk {
	const char *site;
	const struct verify_key *key;
	struct span file;               /* the checkpoint file's bytes */
	bool file_wanted, file_there;
	struct ledger_report *report;
	struct json_doc *envelope, *payload;
	struct str text;
	struct mark *marks;
	size_t mark_count, mark_room;
	size_t next_mark;               /* first one not passed yet */
	int64_t last;                   /* sequence of the last record walked */
	struct digest previous;         /* its hash */
};

static void fault(struct walk *w, int64_t sequence, const char *format, ...) RF_PRINTF(3, 4);
static void fault(struct walk *w, int64_t sequence, const char *format, ...)
{
	struct ledger_report *r = w->report;
	if (r->fault_count < RF_COUNT(r->faults)) {
		struct ledger_fault *f = &r->faults[r->fault_count];
		f->sequence = sequence;
		va_list args;
		va_start(args, format);
		(void)vsnprintf(f->what, sizeof f->what, format, args);
		va_end(args);
	}
	r->fault_count++;
}

/* ---------------------------------------------------------------- checkpoints */

static const char *mark_name(int64_t line, int64_t size, char buffer[80])
{
	if (line)
		(void)snprintf(buffer, 80, "checkpoint file line %lld", (long long)line);
	else
		(void)snprintf(buffer, 80, "stored checkpoint of %lld records", (long long)size);
	return buffer;
}

static int add_mark(struct walk *w, const struct mark *mark, struct err *err)
{
	if (w->mark_count == MAX_CHECKPOINTS)
		return err_set(err, RF_ETOOMANY, "over %d checkpoints", MAX_CHECKPOINTS);
	if (w->mark_count == w->mark_room) {
		size_t room = w->mark_room ? w->mark_room * 2 : 64;
		struct mark *marks = rf_realloc_array(w->marks, room, sizeof *marks);
		if (!marks)
			return err_set(err, RF_ENOMEM, "no memory for %zu checkpoints", room);
		w->marks = marks;
		w->mark_room = room;
	}
	w->marks[w->mark_count++] = *mark;
	return 0;
}

/* What is wrong with an envelope, or NULL with the mark it makes. @text must be valid JSON of ours to the letter. */
static const char *read_envelope(struct walk *w, struct span text, struct mark *ret)
{
	struct err err = ERR_INIT;
	struct json root, payload;
	str_reset(&w->text);
	if (json_parse(w->envelope, text, &root, &err) != 0)
		return "not JSON";
	struct json_each signatures = json_each(json_get(root, "signatures"));
	if (!json_next(&signatures))
		return "not signed";
	struct span type = json_string(json_get(root, "payloadType"));
	if (!span_eq_text(type, LEDGER_CHECKPOINT_TYPE))
		return "not a ledger checkpoint";
	if (dsse_verify(w->key, type, json_string(json_get(root, "payload")), json_string(json_get(signatures.value, "sig")),
	                &w->text, &err) != 0)
		return "its signature does not verify with this key";
	if (json_parse(w->payload, str_span(&w->text), &payload, &err) != 0 ||
	    !json_i64(json_get(payload, "size"), &ret->size) ||
	    digest_read(json_string(json_get(payload, "head")), &ret->head, &err) != 0)
		return "its payload cannot be read";
	if (!span_eq_text(json_string(json_get(payload, "site")), w->site))
		return "it is of another site";
	return NULL;
}

static int read_stored(struct walk *w, struct transaction *tx, int64_t *ret_count)
{
	int64_t after = INT64_MIN, read = PAGE;
	while (read == PAGE) {
		RF_AUTO_ROWS rows = NULL;
		int rc = TX_QUERY(tx, &rows,
		                  "SELECT id, size, head, envelope FROM ledger_checkpoint WHERE id > $1 ORDER BY id LIMIT $2",
		                  DB_I(after), DB_I(PAGE));
		for (read = 0; rc == 0 && (rc = rows_next(rows)) == 1; read++, (*ret_count)++) {
			struct mark mark = { 0 };
			char name[80];
			int64_t size = rows_i64(rows, 1);
			after = rows_i64(rows, 0);
			const char *wrong = read_envelope(w, rows_text(rows, 3), &mark);
			if (!wrong && (mark.size != size || !span_eq(rows_blob(rows, 2), span_bytes(mark.head.bytes, DIGEST_BYTES))))
				wrong = "its row does not say what was signed: changed";
			rc = 0;
			if (wrong)
				fault(w, size, "%s: %s", mark_name(0, size, name), wrong);
			else
				rc = add_mark(w, &mark, tx_err(tx));
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int read_file_lines(struct walk *w, struct err *err)
{
	struct span rest = w->file;
	for (int64_t line = 1; rest.n > 0; line++) {
		size_t end = span_find_byte(rest, '\n');
		if (end == SIZE_MAX)
			break;          /* torn: a write that was killed */
		struct mark mark = { .line = line };
		char name[80];
		const char *wrong = read_envelope(w, span_sub(rest, 0, end), &mark);
		int rc = 0;
		if (wrong)
			fault(w, 0, "%s: %s", mark_name(line, 0, name), wrong);
		else
			rc = add_mark(w, &mark, err);
		if (rc != 0)
			return rc;
		rest = span_from(rest, end + 1);
	}
	return 0;
}

static int by_size(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;
	return x->size < y->size ? -1 : x->size > y->size;
}

static int collect_marks(struct walk *w, struct transaction *tx)
{
	int64_t stored = 0;
	w->mark_count = 0;
	int rc = read_stored(w, tx, &stored);
	if (rc == 0 && w->file_wanted && span_find_byte(w->file, '\n') == SIZE_MAX && stored > 0)
		fault(w, 0, "the checkpoint file is %s, while %lld checkpoints are stored", w->file_there ? "empty" : "missing",
		      (long long)stored);
	if (rc == 0)
		rc = read_file_lines(w, tx_err(tx));
	if (rc == 0 && w->mark_count > 1)
		qsort(w->marks, w->mark_count, sizeof *w->marks, by_size);
	return rc;
}

/* Checkpoints of exactly @sequence records, whose last one has the hash at hand. */
static void pass_marks(struct walk *w, int64_t sequence)
{
	char name[80];
	for (; w->next_mark < w->mark_count && w->marks[w->next_mark].size <= sequence; w->next_mark++) {
		const struct mark *m = &w->marks[w->next_mark];
		if (m->size < sequence)
			continue;       /* of a record that is missing, which was told */
		if (digest_eq(&m->head, &w->previous)) {
			w->report->checkpoints++;
			w->report->covered = m->size;
		} else {
			fault(w, sequence, "record %lld is not what the %s was signed over: rewritten", (long long)sequence,
			      mark_name(m->line, m->size, name));
		}
	}
}

/* ---------------------------------------------------------------- records */

static void check_number(struct walk *w, int64_t sequence)
{
	int64_t expected = w->last + 1;
	if (sequence < expected)
		fault(w, sequence, "record %lld: its number was given before", (long long)sequence);
	else if (sequence == expected + 1)
		fault(w, expected, "record %lld is missing: dropped", (long long)expected);
	else if (sequence > expected)
		fault(w, expected, "records %lld to %lld are missing: dropped", (long long)expected, (long long)(sequence - 1));
}

static int check_record(struct walk *w, const struct db_rows *rows, struct err *err)
{
	struct ledger_record r = {
		.sequence = rows_i64(rows, 0),
		.at = rows_time(rows, 1),
		.kind = rows_text(rows, 2),
		.subject = rows_text(rows, 3),
		.actor = rows_text(rows, 4),
		.body = rows_text(rows, 5),
	};
	struct span stored = rows_blob(rows, 6);
	struct digest hash;
	check_number(w, r.sequence);
	int rc = ledger_hash_record(&w->previous, &r, &w->text, &hash, err);
	if (rc == RF_ENOMEM)
		return rc;
	/* the writer replaces bad bytes, so two texts could give one hash; ours have none */
	bool utf8 = span_is_utf8(r.kind) && span_is_utf8(r.subject) && span_is_utf8(r.actor);
	/* behind a gap the hash before is not known: that it cannot be checked is part of the gap's fault */
	bool follows = r.sequence == w->last + 1;
	if (follows && (rc != 0 || !utf8 || !span_eq(stored, span_bytes(hash.bytes, DIGEST_BYTES))))
		fault(w, r.sequence, "record %lld does not hash to what was sealed: changed or reordered", (long long)r.sequence);
	if (stored.n == DIGEST_BYTES)
		memcpy(w->previous.bytes, stored.p, DIGEST_BYTES);
	w->last = RF_MAX(r.sequence, w->last);
	w->report->records++;
	pass_marks(w, r.sequence);
	return 0;
}

static int walk_records(struct walk *w, struct transaction *tx)
{
	int64_t after = INT64_MIN, read = PAGE;
	while (read == PAGE) {
		RF_AUTO_ROWS rows = NULL;
		int rc = TX_QUERY(tx, &rows,
		                  "SELECT sequence, at, kind, subject, actor, body, hash FROM ledger_record WHERE sequence > $1"
		                  " ORDER BY sequence LIMIT $2",
		                  DB_I(after), DB_I(PAGE));
		for (read = 0; rc == 0 && (rc = rows_next(rows)) == 1; read++) {
			after = rows_i64(rows, 0);
			rc = check_record(w, rows, tx_err(tx));
		}
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int check_end(struct walk *w, struct transaction *tx)
{
	struct ledger_head head;
	char name[80];
	for (; w->next_mark < w->mark_count; w->next_mark++) {
		const struct mark *m = &w->marks[w->next_mark];
		fault(w, w->last + 1, "the %s was signed over %lld records, the ledger ends with %lld: tail cut",
		      mark_name(m->line, m->size, name), (long long)m->size, (long long)w->last);
	}
	int rc = ledger_head(tx, &head);
	if (rc != 0)
		return rc;
	if (head.size != w->last)
		fault(w, RF_MIN(head.size, w->last) + 1, "the head says %lld records, the ledger ends with %lld", (long long)head.size,
		      (long long)w->last);
	else if (head.size > 0 && !digest_eq(&head.head, &w->previous))
		fault(w, head.size, "the head's hash is not that of record %lld", (long long)head.size);
	return TX_I64(tx, &w->report->waiting, "SELECT COUNT(*) FROM ledger_waiting");
}

static int verify(struct transaction *tx, void *data)
{
	struct walk *w = data;
	*w->report = (struct ledger_report){ 0 };
	w->next_mark = 0;
	w->last = 0;
	ledger_hash_site(w->site, &w->previous);
	int rc = collect_marks(w, tx);
	if (rc == 0)
		pass_marks(w, 0);       /* a checkpoint signed over nothing yet */
	if (rc == 0)
		rc = walk_records(w, tx);
	return rc == 0 ? check_end(w, tx) : rc;
}

int ledger_verify(struct database *db, const char *site, const struct verify_key *key, const char *checkpoint_file,
                  struct ledger_report *ret, struct err *err)
{
	RF_AUTO(str) file = STR_INIT(MAX_CHECKPOINT_FILE);
	RF_AUTO_FREE struct ledger_report *report = rf_alloc(sizeof *report);
	struct walk w = { .site = site, .key = key, .report = report, .file_wanted = checkpoint_file != NULL,
		          .text = STR_INIT(LEDGER_MAX_RECORD + 64 * KIB) };
	w.file_there = checkpoint_file && fs_exists(checkpoint_file);
	int rc = w.file_there ? fs_read(checkpoint_file, &file, err) : 0;
	w.file = str_span(&file);
	w.envelope = json_doc_new();
	w.payload = json_doc_new();
	if (rc == 0 && (!report || !w.envelope || !w.payload))
		rc = err_set(err, RF_ENOMEM, "no memory to verify the ledger");
	if (rc == 0)
		rc = database_transact(db, DB_READ, verify, &w, err);
	if (rc == 0)
		*ret = *report;
	json_doc_free(w.envelope);
	json_doc_free(w.payload);
	rf_free(w.marks);
	str_release(&w.text);
	return rc;
}
