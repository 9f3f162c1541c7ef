/* ledger - appending and reading. Sealing and verifying have files of their own. */
#include "ledger/ledger_int.h"

#include "base/arena.h"
#include "format/json.h"

/* ledger_chain has one row: the head, which is also the lock of the sealer. It is made by the first seal. */
static const char *const steps[] = {
	"CREATE TABLE ledger_waiting("
	"id {id},"
	"at {int64} NOT NULL,"
	"kind {text} NOT NULL,"
	"subject {text} NOT NULL,"
	"actor {text} NOT NULL,"
	"body {text} NOT NULL);\n"
	"CREATE TABLE ledger_record("
	"sequence {int64} PRIMARY KEY,"
	"id {int64} NOT NULL,"
	"at {int64} NOT NULL,"
	"kind {text} NOT NULL,"
	"subject {text} NOT NULL,"
	"actor {text} NOT NULL,"
	"body {text} NOT NULL,"
	"hash {blob} NOT NULL);\n"
	"CREATE INDEX ledger_record_subject ON ledger_record(subject, sequence);\n"
	"CREATE TABLE ledger_chain("
	"one {int64} PRIMARY KEY CHECK (one = 1),"
	"size {int64} NOT NULL,"
	"head {blob} NOT NULL,"
	"at {int64} NOT NULL);\n"
	"CREATE TABLE ledger_checkpoint("
	"id {id},"
	"size {int64} NOT NULL,"
	"head {blob} NOT NULL,"
	"at {int64} NOT NULL,"
	"envelope {text} NOT NULL);\n"
	"CREATE INDEX ledger_checkpoint_size ON ledger_checkpoint(size)",
};
const struct migration_set LEDGER_MIGRATIONS = { "ledger", steps, RF_COUNT(steps) };

/* ---------------------------------------------------------------- the chain's arithmetic */

void ledger_hash_site(const char *site, struct digest *ret)
{
	digest_of(span_of(site), ret);
}

int ledger_hash_record(const struct digest *previous, const struct ledger_record *record, struct str *scratch, struct digest *ret,
                       struct err *err)
{
	str_reset(scratch);
	str_add(scratch, SPAN("reforge-ledger-1\n"));
	str_add(scratch, span_bytes(previous->bytes, DIGEST_BYTES));
	/* members in the order of their bytes, so that this is json_canonical()'s form without another parse */
	struct json_out o = json_out(scratch, false);
	json_object(&o);
	json_member_span(&o, "actor", record->actor);
	json_member_time(&o, "at", record->at);
	json_key(&o, "body");
	json_put_raw(&o, record->body);
	json_member_span(&o, "kind", record->kind);
	json_member_i64(&o, "sequence", record->sequence);
	json_member_span(&o, "subject", record->subject);
	json_object_end(&o);
	int rc = str_check(scratch, "ledger record", err);
	if (rc == 0)
		digest_of(str_span(scratch), ret);
	return rc;
}

void ledger_checkpoint_payload(const char *site, const struct ledger_head *head, struct str *ret)
{
	char hex[DIGEST_HEX];
	struct json_out o = json_out(ret, false);
	json_object(&o);
	json_member_time(&o, "at", head->at);
	json_member(&o, "head", digest_hex(&head->head, hex));
	json_member(&o, "site", site);
	json_member_i64(&o, "size", head->size);
	json_object_end(&o);
}

/* ---------------------------------------------------------------- append */

static int canonical_body(struct transaction *tx, struct span body, struct str *ret)
{
	struct err *err = tx_err(tx);
	if (body.n == 0) {
		str_add_text(ret, "{}");
		return 0;
	}
	struct json_doc *doc __attribute__((cleanup(json_doc_freep))) = json_doc_new();
	if (!doc)
		return err_set(err, RF_ENOMEM, "no memory for a ledger record");
	struct json root;
	int rc = json_parse(doc, body, &root, err);
	if (rc == 0 && json_kind(root) != JSON_OBJECT)
		rc = err_set(err, RF_EINVALID, "a ledger record's body is a JSON object");
	if (rc == 0)
		rc = json_canonical(root, ret, err);
	if (rc == RF_EFORMAT)           /* the caller's mistake, not a file's */
		rc = err->code = RF_EINVALID;
	return rc == 0 ? str_check(ret, "ledger record's body", err) : rc;
}

static int check_entry(struct transaction *tx, const struct ledger_entry *entry)
{
	const char *const texts[] = { entry->kind, entry->subject, entry->actor };
	static const char *const names[] = { "kind", "subject", "actor" };
	for (size_t i = 0; i < RF_COUNT(texts); i++) {
		size_t n = texts[i] ? strlen(texts[i]) : 0;
		if (n == 0 || n > LEDGER_MAX_TEXT)
			return err_set(tx_err(tx), RF_EINVALID, "ledger record: its %s has %zu bytes, allowed are 1 to %d", names[i], n,
			               LEDGER_MAX_TEXT);
	}
	if (entry->body.n > LEDGER_MAX_BODY)
		return err_set(tx_err(tx), RF_ETOOBIG, "ledger record %s: the body has %zu bytes, allowed are %zu", entry->kind,
		               entry->body.n, LEDGER_MAX_BODY);
	return 0;
}

int ledger_append(struct transaction *tx, const struct ledger_entry *entry)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	int rc = check_entry(tx, entry);
	if (rc == 0)
		rc = canonical_body(tx, entry->body, &body);
	if (rc != 0)
		return rc;
	return TX_RUN(tx, "INSERT INTO ledger_waiting(at, kind, subject, actor, body) VALUES ($1, $2, $3, $4, $5)",
	              DB_TIME(tx_now(tx)), DB_T(entry->kind), DB_T(entry->subject), DB_T(entry->actor), DB_S(str_span(&body)));
}

/* ---------------------------------------------------------------- read */

int ledger_head(struct transaction *tx, struct ledger_head *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT size, head, at FROM ledger_chain WHERE one = 1");
	if (rc != 0)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	struct ledger_head head = { .at = USEC_NONE };
	if (rc == 1) {
		struct span hash = rows_blob(rows, 1);
		if (hash.n != DIGEST_BYTES)
			return err_set(tx_err(tx), RF_EFORMAT, "ledger_chain: the head has %zu bytes, not %d", hash.n, DIGEST_BYTES);
		head = (struct ledger_head){ .size = rows_i64(rows, 0), .at = rows_time(rows, 2) };
		memcpy(head.head.bytes, hash.p, DIGEST_BYTES);
	}
	*ret = head;
	return 0;
}

/* "a/" as the half-open range of texts that begin with it: 'a/' <= s < 'a0', since '0' follows '/'. An exact subject is a
 * range too: s <= x < s + NUL would be, but a NUL is no text; so the upper end is told apart by @ret_exact. */
struct filter {
	struct db_value low, high;
	bool all, exact;
	char high_text[LEDGER_MAX_TEXT + 1];
};

static int make_filter(struct transaction *tx, const char *subject, struct filter *f)
{
	f->all = subject == NULL;
	if (f->all)
		return 0;
	size_t n = strlen(subject);
	if (n == 0 || n > LEDGER_MAX_TEXT)
		return err_set(tx_err(tx), RF_EINVALID, "a subject has 1 to %d bytes", LEDGER_MAX_TEXT);
	f->exact = subject[n - 1] != '/';
	memcpy(f->high_text, subject, n + 1);
	if (!f->exact)
		f->high_text[n - 1] = '/' + 1;
	f->low = DB_T(subject);
	f->high = DB_T(f->high_text);
	return 0;
}

#define SEALED "SELECT sequence, id, at, kind, subject, actor, body, hash FROM ledger_record WHERE sequence > $1"
#define WAITING "SELECT 0, id, at, kind, subject, actor, body, NULL FROM ledger_waiting WHERE id > $1"
#define EXACT " AND subject = $3"
#define BELOW " AND subject >= $3 AND subject < $4"
#define BY_SEQUENCE " ORDER BY sequence LIMIT $2"
#define BY_ID " ORDER BY id LIMIT $2"

static int query_page(struct transaction *tx, bool waiting, const struct filter *f, int64_t after, int64_t limit,
                      struct db_rows **ret)
{
	if (f->all)
		return TX_QUERY(tx, ret, waiting ? WAITING BY_ID : SEALED BY_SEQUENCE, DB_I(after), DB_I(limit));
	if (f->exact)
		return TX_QUERY(tx, ret, waiting ? WAITING EXACT BY_ID : SEALED EXACT BY_SEQUENCE, DB_I(after), DB_I(limit), f->low);
	return TX_QUERY(tx, ret, waiting ? WAITING BELOW BY_ID : SEALED BELOW BY_SEQUENCE, DB_I(after), DB_I(limit), f->low, f->high);
}

static void read_record(const struct db_rows *rows, struct ledger_record *ret)
{
	*ret = (struct ledger_record){
		.sequence = rows_i64(rows, 0),
		.id = rows_i64(rows, 1),
		.at = rows_time(rows, 2),
		.kind = rows_text(rows, 3),
		.subject = rows_text(rows, 4),
		.actor = rows_text(rows, 5),
		.body = rows_text(rows, 6),
	};
	struct span hash = rows_blob(rows, 7);
	if (hash.n == DIGEST_BYTES)
		hex_write(hash.p, DIGEST_BYTES, ret->hash);
}

/* Small pages, because PostgreSQL holds each whole in memory. */
#define PAGE 500

int ledger_each(struct transaction *tx, int64_t after, const char *subject, int64_t limit,
                int (*visit)(const struct ledger_record *, void *), void *data)
{
	struct filter f;
	int rc = make_filter(tx, subject, &f);
	int64_t left = limit > 0 ? limit : INT64_MAX;
	for (int waiting = 0; rc == 0 && waiting <= 1; waiting++) {
		int64_t last = waiting ? INT64_MIN : after, read = 0, page = PAGE;
		while (rc == 0 && left > 0 && (read == 0 || read == page)) {
			RF_AUTO_ROWS rows = NULL;
			page = RF_MIN(left, PAGE);
			rc = query_page(tx, waiting != 0, &f, last, page, &rows);
			for (read = 0; rc == 0 && (rc = rows_next(rows)) == 1; read++, left--) {
				struct ledger_record record;
				read_record(rows, &record);
				last = waiting ? record.id : record.sequence;
				rc = visit(&record, data);
			}
			if (read == 0)
				break;
		}
	}
	return rc;
}
