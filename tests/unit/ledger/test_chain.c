/* ledger: sealing, reading, and what tampering leaves behind; on both engines */
#include "engines.h"

#include "ledger/ledger.h"

#include <pthread.h>

#define SITE "plant-7"
#define RECORDS 30

static char private_path[300], public_path[300], file_path[300];
static struct signing_key *key;
static struct verify_key *verify_with;

/* ---------------------------------------------------------------- help */

static int make_keys(void **state)
{
	const struct engine *e = *state;
	struct err err = ERR_INIT;
	(void)snprintf(private_path, sizeof private_path, "%s/ledger.pem", e->folder);
	(void)snprintf(public_path, sizeof public_path, "%s/ledger.pub.pem", e->folder);
	(void)snprintf(file_path, sizeof file_path, "%s/ledger/checkpoints.jsonl", e->folder);
	int rc = fs_exists(private_path) ? 0 : key_generate(private_path, public_path, &err);
	if (rc == 0)
		rc = signing_key_load(private_path, &key, &err);
	return rc == 0 ? verify_key_load(public_path, &verify_with, &err) : rc;
}

static int drop_keys(void **state)
{
	(void)state;
	signing_key_freep(&key);
	verify_key_freep(&verify_with);
	return 0;
}

static int run_sql(struct transaction *tx, void *data)
{
	const char *const *sql = data;
	int rc = 0;
	for (; rc == 0 && *sql; sql++)
		rc = tx_exec(tx, *sql, NULL, 0, NULL);
	return rc;
}

static void tamper(struct database *db, const char *const *sql)
{
	struct err err = ERR_INIT;
	assert_ok(database_transact(db, DB_WRITE, run_sql, (void *)(uintptr_t)sql, &err), &err);
}

static struct database *open_empty(void **state)
{
	static const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS };
	static const char *const wipe[] = { "DELETE FROM ledger_waiting", "DELETE FROM ledger_record", "DELETE FROM ledger_chain",
		                            "DELETE FROM ledger_checkpoint", NULL };
	struct database *db = engine_open(state);
	struct err err = ERR_INIT;
	assert_ok(database_migrate(db, sets, 1, &err), &err);
	tamper(db, wipe);
	(void)unlink(file_path);
	return db;
}

struct some {
	int from, count;
	const char *word;
};

static int append_some(struct transaction *tx, void *data)
{
	const struct some *s = data;
	int rc = 0;
	for (int i = s->from; rc == 0 && i < s->from + s->count; i++) {
		char body[128], subject[64];
		(void)snprintf(body, sizeof body, "{ \"word\": \"%s\", \"n\": %d, \"figure\": 0.10 }", s->word, i);
		(void)snprintf(subject, sizeof subject, "task/%d", i);
		rc = ledger_append(tx, &(struct ledger_entry){ "task.proven", subject, "user:root@host", span_of(body) });
	}
	return rc;
}

static void append(struct database *db, int from, int count, const char *word)
{
	struct err err = ERR_INIT;
	struct some s = { from, count, word };
	assert_ok(database_transact(db, DB_WRITE, append_some, &s, &err), &err);
}

static struct ledger_head seal(struct database *db, const char *file, bool always)
{
	struct err err = ERR_INIT;
	struct ledger_head head = { 0 };
	assert_ok(ledger_seal(db, SITE, key, file, always, &head, &err), &err);
	return head;
}

static void verify(struct database *db, const char *file, struct ledger_report *ret)
{
	struct err err = ERR_INIT;
	assert_ok(ledger_verify(db, SITE, verify_with, file, ret, &err), &err);
}

/* 30 records, checkpoints at 10, 20 and 30 in the database and in the file. */
static void make_ledger(struct database *db, const char *word, const char *file)
{
	for (int i = 1; i <= RECORDS; i += 10) {
		append(db, i, 10, word);
		assert_int_equal(seal(db, file, false).size, i + 9);
	}
}

/* ---------------------------------------------------------------- reading */

struct collected {
	int64_t sequences[64];
	int count, stop_at;
};

static int collect(const struct ledger_record *r, void *data)
{
	struct collected *c = data;
	assert_true(c->count < 64);
	c->sequences[c->count++] = r->sequence;
	assert_int_equal(strlen(r->hash), r->sequence ? 64 : 0);
	assert_true(span_eq_text(r->kind, "task.proven"));
	return c->count == c->stop_at ? 42 : 0;
}

struct reading {
	int64_t after;
	const char *subject;
	int64_t limit;
	struct collected seen;
};

static int read_some(struct transaction *tx, void *data)
{
	struct reading *r = data;
	r->seen.count = 0;
	return ledger_each(tx, r->after, r->subject, r->limit, collect, &r->seen);
}

static void records_are_read_in_order(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct err err = ERR_INIT;
	make_ledger(db, "word", NULL);
	append(db, 31, 2, "word");
	append(db, 1, 1, "again");
	const struct {
		int64_t after;
		const char *subject;
		int64_t limit;
		int stop_at, count, rc;
		int64_t first, last;
	} cases[] = {
		{ 0, NULL, 0, 0, 33, 0, 1, 0 },       { 28, NULL, 0, 0, 5, 0, 29, 0 },  { 0, NULL, 3, 0, 3, 0, 1, 3 },
		{ 0, NULL, 31, 0, 31, 0, 1, 0 },      { 0, "task/", 0, 0, 33, 0, 1, 0 }, { 0, "task/1", 0, 0, 2, 0, 1, 0 },
		{ 1, "task/1", 0, 0, 1, 0, 0, 0 },    { 0, "task", 0, 0, 0, 0, 0, 0 },   { 0, "tas/", 0, 0, 0, 0, 0, 0 },
		{ 0, "task/31", 0, 0, 1, 0, 0, 0 },   { 0, NULL, 0, 4, 4, 42, 1, 4 },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct reading r = { cases[i].after, cases[i].subject, cases[i].limit, { .stop_at = cases[i].stop_at } };
		assert_int_equal(database_transact(db, DB_READ, read_some, &r, &err), cases[i].rc);
		assert_int_equal(r.seen.count, cases[i].count);
		if (r.seen.count) {
			assert_int_equal(r.seen.sequences[0], cases[i].first);
			assert_int_equal(r.seen.sequences[r.seen.count - 1], cases[i].last);
		}
	}
}

/* The documented form, spelt out: what an outsider would hash. */
static int check_form(const struct ledger_record *r, void *data)
{
	struct digest *previous = data;
	char text[1024], at[TIME_TEXT_BYTES], hex[DIGEST_HEX];
	memcpy(text, "reforge-ledger-1\n", 17);
	memcpy(text + 17, previous->bytes, 32);
	int n = snprintf(text + 49, sizeof text - 49,
	                 "{\"actor\":\"user:root@host\",\"at\":\"%s\",\"body\":{\"figure\":0.1,\"n\":%d,\"word\":\"form\"},"
	                 "\"kind\":\"task.proven\",\"sequence\":%d,\"subject\":\"task/%d\"}",
	                 time_text_usec(r->at, at), (int)r->sequence, (int)r->sequence, (int)r->sequence);
	digest_of(span_bytes(text, 49 + (size_t)n), previous);
	assert_string_equal(digest_hex(previous, hex), r->hash);
	return 0;
}

static int check_forms(struct transaction *tx, void *data)
{
	digest_of(SPAN(SITE), data);
	return ledger_each(tx, 0, NULL, 0, check_form, data);
}

static void hashes_are_as_documented(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct err err = ERR_INIT;
	struct digest last;
	append(db, 1, 3, "form");
	struct ledger_head head = seal(db, NULL, false);
	assert_ok(database_transact(db, DB_READ, check_forms, &last, &err), &err);
	assert_true(digest_eq(&last, &head.head));
}

/* ---------------------------------------------------------------- bad entries */

static int append_one(struct transaction *tx, void *data)
{
	return ledger_append(tx, data);
}

static void bad_entries_are_refused(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	static char big[LEDGER_MAX_BODY + 1], long_text[1100];
	memset(big, ' ', sizeof big);
	memset(long_text, 'x', sizeof long_text - 1);
	const struct {
		struct ledger_entry entry;
		int code;
	} cases[] = {
		{ { "a.b", "s", "user:x", SPAN("{}") }, 0 },
		{ { "a.b", "s", "user:x", SPAN_NONE }, 0 },
		{ { "a.b", "s", NULL, SPAN("{}") }, RF_EINVALID },
		{ { "", "s", "user:x", SPAN("{}") }, RF_EINVALID },
		{ { "a.b", long_text, "user:x", SPAN("{}") }, RF_EINVALID },
		{ { "a.b", "s\xff", "user:x", SPAN("{}") }, RF_EINVALID },
		{ { "a.b", "s", "user:x", SPAN("[]") }, RF_EINVALID },
		{ { "a.b", "s", "user:x", SPAN("{\"a\":") }, RF_EINVALID },
		{ { "a.b", "s", "user:x", SPAN("{\"a\":1,\"a\":2}") }, RF_EINVALID },
		{ { "a.b", "s", "user:x", span_bytes(big, sizeof big) }, RF_ETOOBIG },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct err err = ERR_INIT;
		int rc = database_transact(db, DB_WRITE, append_one, (void *)(uintptr_t)&cases[i].entry, &err);
		if (rc != cases[i].code)
			fail_msg("case %zu: %s: %s", i, rf_error_name(rc), err.text);
	}
	struct ledger_report report;
	assert_int_equal(seal(db, NULL, false).size, 2);
	verify(db, NULL, &report);
	assert_int_equal(report.fault_count, 0);
}

/* ---------------------------------------------------------------- sealing */

static void sealing_is_repeatable(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct ledger_report report;
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count + (size_t)report.records + (size_t)report.checkpoints, 0);
	assert_int_equal(seal(db, file_path, false).size, 0);
	assert_false(fs_exists(file_path));
	assert_int_equal(seal(db, file_path, true).size, 0);            /* a checkpoint over nothing */
	append(db, 1, 2500, "many");
	struct ledger_head a = seal(db, file_path, false), b = seal(db, file_path, false);
	assert_int_equal(a.size, 2500);
	assert_true(digest_eq(&a.head, &b.head));
	append(db, 2501, 1, "waits");
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 0);
	assert_int_equal(report.records, 2500);
	assert_int_equal(report.waiting, 1);
	assert_int_equal(report.covered, report.records);
	assert_int_equal(report.checkpoints, 4);                        /* two in the database, two in the file */
	(void)seal(db, NULL, true);
	(void)seal(db, NULL, true);
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 0);
	assert_int_equal(report.checkpoints, 6);
}

static struct database *shared;
static int append_and_seal_failures;

static void *append_thread(void *data)
{
	(void)data;
	for (int i = 0; i < 25; i++) {
		struct err err = ERR_INIT;
		struct some s = { i * 3 + 1, 3, "thread" };
		if (database_transact(shared, DB_WRITE, append_some, &s, &err) != 0)
			__atomic_add_fetch(&append_and_seal_failures, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void *seal_thread(void *data)
{
	(void)data;
	for (int i = 0; i < 10; i++) {
		struct err err = ERR_INIT;
		if (ledger_seal(shared, SITE, key, file_path, false, NULL, &err) != 0)
			__atomic_add_fetch(&append_and_seal_failures, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void sealers_take_turns_beside_appends(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct ledger_report report;
	pthread_t threads[6];
	shared = db;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i < 4 ? append_thread : seal_thread, NULL), 0);
	for (size_t i = 0; i < 6; i++)
		(void)pthread_join(threads[i], NULL);
	assert_int_equal(append_and_seal_failures, 0);
	assert_int_equal(seal(db, file_path, false).size, 4 * 25 * 3);
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 0);
	assert_int_equal(report.waiting, 0);
}

static void append_and_seal_until_killed(const char *url)
{
	struct database *db = NULL;
	struct err err = ERR_INIT;
	if (database_open(url, NULL, &db, &err) != 0)
		_exit(1);
	for (int i = 1;; i++) {
		struct some s = { i, 2, "killed" };
		if (database_transact(db, DB_WRITE, append_some, &s, &err) != 0 ||
		    ledger_seal(db, SITE, key, file_path, false, NULL, &err) != 0)
			_exit(1);
	}
}

static void a_killed_sealer_leaves_a_whole_chain(void **state)
{
	const struct engine *e = *state;
	struct ledger_report report;
	database_close(open_empty(state));
	for (int round = 0; round < 15; round++) {
		pid_t pid = fork();
		if (pid == 0)
			append_and_seal_until_killed(e->url);
		(void)usleep((useconds_t)(40000 + round * 1777));
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		RF_AUTO_PTR(database) db = engine_open(state);
		verify(db, file_path, &report);
		if (report.fault_count)
			fail_msg("round %d: %s", round, report.faults[0].what);
	}
	assert_true(report.records > 0);
}

/* ---------------------------------------------------------------- tampering */

struct tampering {
	const char *name;
	const char *const sql[6];
	int64_t sequence;               /* of the first fault */
	const char *words;
	bool without_file;
};

#define MOVE_DOWN "UPDATE ledger_record SET sequence = -sequence WHERE sequence < 0"
#define CUT "DELETE FROM ledger_record WHERE sequence > 25"
#define CUT_HEAD "UPDATE ledger_chain SET size = 25, head = (SELECT hash FROM ledger_record WHERE sequence = 25)"

static const struct tampering tamperings[] = {
	{ "body changed", { "UPDATE ledger_record SET body = '{\"n\":8}' WHERE sequence = 7" }, 7, "changed", true },
	{ "body spaced", { "UPDATE ledger_record SET body = body || ' ' WHERE sequence = 7" }, 7, "changed", true },
	{ "kind changed", { "UPDATE ledger_record SET kind = 'task.failed' WHERE sequence = 30" }, 30, "changed", true },
	{ "subject changed", { "UPDATE ledger_record SET subject = 'task/8' WHERE sequence = 7" }, 7, "changed", true },
	{ "actor changed", { "UPDATE ledger_record SET actor = 'user:someone' WHERE sequence = 1" }, 1, "changed", true },
	{ "time changed", { "UPDATE ledger_record SET at = at - 1 WHERE sequence = 7" }, 7, "changed", true },
	{ "hash changed", { "UPDATE ledger_record SET hash = (SELECT hash FROM ledger_record WHERE sequence = 3) WHERE sequence = 7" },
	  7, "changed", true },
	{ "one dropped", { "DELETE FROM ledger_record WHERE sequence = 12" }, 12, "record 12 is missing: dropped", true },
	{ "some dropped", { "DELETE FROM ledger_record WHERE sequence IN (12, 13, 14)" }, 12, "records 12 to 14 are missing", true },
	{ "first dropped", { "DELETE FROM ledger_record WHERE sequence = 1" }, 1, "record 1 is missing: dropped", true },
	{ "dropped, renumbered",
	  { "DELETE FROM ledger_record WHERE sequence = 12",
	    "UPDATE ledger_record SET sequence = -(sequence - 1) WHERE sequence > 12", MOVE_DOWN,
	    "UPDATE ledger_chain SET size = 29" },
	  12, "changed or reordered", true },
	{ "reordered",
	  { "UPDATE ledger_record SET sequence = -(11 - sequence) WHERE sequence IN (5, 6)", MOVE_DOWN }, 5, "reordered", true },
	{ "record inserted",
	  { "INSERT INTO ledger_record(sequence, id, at, kind, subject, actor, body, hash)"
	    " SELECT 31, 31, at, kind, subject, actor, body, hash FROM ledger_record WHERE sequence = 30",
	    "UPDATE ledger_chain SET size = 31" },
	  31, "changed", true },
	{ "tail cut", { CUT }, 26, "tail cut", true },
	{ "tail and head cut", { CUT, CUT_HEAD }, 26, "tail cut", true },
	{ "tail, head and checkpoints cut", { CUT, CUT_HEAD, "DELETE FROM ledger_checkpoint WHERE size > 25" }, 26, "tail cut", false },
	{ "all cut",
	  { "DELETE FROM ledger_record", "DELETE FROM ledger_chain", "DELETE FROM ledger_checkpoint" }, 1, "tail cut", false },
	{ "checkpoint moved", { "UPDATE ledger_checkpoint SET size = 5 WHERE size = 10" }, 5, "changed", true },
	{ "checkpoint forged", { "UPDATE ledger_checkpoint SET envelope = replace(envelope, 'eyJ', 'eyK') WHERE size = 10" }, 10, "", true },
	{ "head changed", { "UPDATE ledger_chain SET size = 29" }, 30, "the head says 29", true },
};

static void tampering_is_found(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct ledger_report report;
	for (size_t i = 0; i < RF_COUNT(tamperings); i++) {
		const struct tampering *t = &tamperings[i];
		database_close(open_empty(state));
		make_ledger(db, "word", file_path);
		verify(db, file_path, &report);
		assert_int_equal(report.fault_count, 0);
		tamper(db, t->sql);
		verify(db, t->without_file ? NULL : file_path, &report);
		if (report.fault_count == 0)
			fail_msg("%s: not found", t->name);
		if (report.faults[0].sequence != t->sequence && report.faults[report.fault_count - 1].sequence != t->sequence)
			fail_msg("%s: found at %lld: %s", t->name, (long long)report.faults[0].sequence, report.faults[0].what);
		bool said = false;
		for (size_t f = 0; f < RF_MIN(report.fault_count, RF_COUNT(report.faults)); f++)
			said |= strstr(report.faults[f].what, t->words) != NULL;
		if (!said)
			fail_msg("%s: %s", t->name, report.faults[0].what);
	}
}

static void a_change_is_one_fault(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct ledger_report report;
	static const char *const many[] = { "UPDATE ledger_record SET actor = 'nobody'", NULL };
	make_ledger(db, "word", NULL);
	tamper(db, tamperings[0].sql);
	verify(db, NULL, &report);
	assert_int_equal(report.fault_count, 1);
	append(db, 31, RECORDS, "more");
	(void)seal(db, NULL, false);
	tamper(db, many);
	verify(db, NULL, &report);
	assert_int_equal(report.fault_count, 2 * RECORDS);      /* more than are kept by name */
}

/* Someone with the database but not the key writes another history; the file, kept elsewhere, does not agree. */
static void another_history_is_found_by_the_file(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct ledger_report report;
	static const char *const wipe[] = { "DELETE FROM ledger_record", "DELETE FROM ledger_chain", NULL };
	static const char *const forget[] = { "DELETE FROM ledger_checkpoint", NULL };
	make_ledger(db, "true", file_path);
	tamper(db, wipe);
	tamper(db, forget);
	make_ledger(db, "false", NULL);
	tamper(db, forget);
	verify(db, NULL, &report);
	assert_int_equal(report.fault_count, 0);
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 3);
	assert_non_null(strstr(report.faults[0].what, "rewritten"));
	assert_non_null(strstr(report.faults[0].what, "checkpoint file line 1"));
}

static void write_file(struct span bytes)
{
	struct err err = ERR_INIT;
	assert_ok(fs_write_atomic(file_path, bytes, 0644, &err), &err);
}

static void the_checkpoint_file_is_checked(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(str) bytes = STR_INIT(MIB);
	RF_AUTO(str) torn = STR_INIT(MIB);
	struct ledger_report report;
	struct err err = ERR_INIT;
	make_ledger(db, "word", file_path);
	assert_ok(fs_read(file_path, &bytes, &err), &err);
	/* torn by a kill: ignored, and cut off by the next seal */
	str_add(&torn, str_span(&bytes));
	str_add_text(&torn, "{\"payloadType\":\"appl");
	write_file(str_span(&torn));
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 0);
	(void)seal(db, file_path, true);
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 0);
	assert_int_equal(report.checkpoints, 8);
	/* spoilt, of another site, gone */
	str_reset(&torn);
	str_add_text(&torn, "{\"payloadType\":\"application/json\"}\nnot json\n");
	write_file(str_span(&torn));
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 2);
	(void)unlink(file_path);
	verify(db, file_path, &report);
	assert_int_equal(report.fault_count, 1);
	write_file(str_span(&bytes));
	assert_ok(ledger_verify(db, "elsewhere", verify_with, file_path, &report, &err), &err);
	assert_true(report.fault_count > 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_keys, drop_keys)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_are_read_in_order),
		TEST(hashes_are_as_documented),
		TEST(bad_entries_are_refused),
		TEST(sealing_is_repeatable),
		TEST(sealers_take_turns_beside_appends),
		TEST(a_killed_sealer_leaves_a_whole_chain),
		TEST(tampering_is_found),
		TEST(a_change_is_one_fault),
		TEST(another_history_is_found_by_the_file),
		TEST(the_checkpoint_file_is_checked),
	};
	return ENGINES_RUN(tests);
}
