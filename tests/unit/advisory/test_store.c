/* Import into a database: merging over sources, superseding, skipping, decisions. */
#include "engines.h"

#include "advisory/store.h"
#include "base/fs.h"
#include "crypto/digest.h"
#include "ledger/ledger.h"

#include <unistd.h>

struct fixture {
	char folder[256];
	struct database *db;
};

/* PostgreSQL keeps what the last test left: away with it. */
static int empty(struct transaction *tx, void *data)
{
	(void)data;
	int rc = tx_exec(tx, "DROP SCHEMA public CASCADE", NULL, 0, NULL);
	return rc ? rc : tx_exec(tx, "CREATE SCHEMA public", NULL, 0, NULL);
}

/* No engine: the fixture is NULL, and begin() skips. */
static int setup(void **state)
{
	const struct engine *e = *state;
	struct err err = ERR_INIT;
	const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS, &ADVISORY_MIGRATIONS };
	*state = NULL;
	if (!e->url[0])
		return 0;
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	assert_ok(fs_temporary_dir("reforge-advisory", f->folder, sizeof f->folder, &err), &err);
	bool sqlite = !strcmp(e->kind, "sqlite");
	assert_ok(database_open(sqlite ? "test.db" : e->url, f->folder, &f->db, &err), &err);
	if (!sqlite) {
		assert_ok(database_transact(f->db, DB_WRITE, empty, NULL, &err), &err);
		database_close(f->db);
		assert_ok(database_open(e->url, f->folder, &f->db, &err), &err);
	}
	assert_ok(database_migrate(f->db, sets, RF_COUNT(sets), &err), &err);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	if (!f)
		return 0;
	database_close(f->db);
	int rc = fs_remove_tree(f->folder, &err);
	free(f);
	return rc;
}

static struct fixture *begin(void **state)
{
	if (!*state)
		skip();
	return *state;
}

static const struct advisory_import options = { .feed = "file", .actor = "user:test@host" };

static bool import_text(struct fixture *f, const char *text)
{
	struct err err = ERR_INIT;
	bool changed = false;
	assert_ok(advisory_import_bytes(f->db, span_of(text), "memory", &options, &changed, &err), &err);
	return changed;
}

struct getting {
	struct arena a;
	const char *id;
	struct stored_advisory got;
};

static int get(struct transaction *tx, void *data)
{
	struct getting *g = data;
	arena_reset(&g->a);
	return advisory_get(tx, &g->a, span_of(g->id), &g->got);
}

static int try_get(struct fixture *f, struct getting *g, const char *id)
{
	struct err err = ERR_INIT;
	*g = (struct getting){ .a = ARENA_INIT(16 * MIB), .id = id };
	return database_transact(f->db, DB_READ, get, g, &err);
}

static int64_t count(struct fixture *f, const char *sql);

struct counting {
	const char *sql;
	int64_t n;
};

static int run_count(struct transaction *tx, void *data)
{
	struct counting *c = data;
	return tx_one_i64(tx, &c->n, c->sql, NULL, 0);
}

static int64_t count(struct fixture *f, const char *sql)
{
	struct err err = ERR_INIT;
	struct counting c = { sql, 0 };
	assert_ok(database_transact(f->db, DB_READ, run_count, &c, &err), &err);
	return c.n;
}

static void folder_is_imported_once(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct advisory_import_result r;
	assert_ok(advisory_import_path(f->db, "tests/data/advisory", &options, &r, &err), &err);
	assert_int_equal(r.files, 6);
	assert_int_equal(r.documents, 6);
	assert_int_equal(r.advisories, 12);
	assert_true(r.review > 5);
	assert_int_equal(r.problems, 0);
	assert_int_equal(count(f, "SELECT count(*) FROM ledger_waiting"), 1);
	assert_ok(advisory_import_path(f->db, "tests/data/advisory", &options, &r, &err), &err);
	assert_int_equal(r.documents, 0);
	assert_int_equal(r.unchanged, 6);
	assert_int_equal(count(f, "SELECT count(*) FROM ledger_waiting"), 1);
}

static void what_was_read_comes_back(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct getting g;
	assert_ok(advisory_import_path(f->db, "tests/data/advisory/csaf-vendor.json", &options, NULL, &err), &err);
	assert_ok(advisory_import_path(f->db, "tests/data/advisory/osv-shapes.json", &options, NULL, &err), &err);
	assert_int_equal(try_get(f, &g, "cve-2099-20001"), 0);
	const struct advisory *v = &g.got.advisory;
	assert_int_equal(v->statement_count, 1);
	const struct advisory_statement *s = &v->statements[0];
	assert_string_equal(s->product->purl, "pkg:generic/nvidia/tensorrt");
	assert_true(s->authoritative && !s->review);
	assert_true(span_eq_text(s->affected_text, "v0 - v10.16.1"));
	assert_string_equal(range_rule(s->range), "A to B");
	assert_int_equal(range_contains(s->range, SPAN("10.16.1.11")), RANGE_IN);
	assert_int_equal(range_contains(s->range, SPAN("11.0.0")), RANGE_OUT);
	assert_int_equal(s->fixed_count, 1);
	assert_int_equal(g.got.origins[0].document_digest.n, 64);
	assert_true(span_eq_text(g.got.origins[0].document_id, "9001"));
	assert_int_equal(v->severity_count, 1);
	assert_true(v->severities[0].score > 7.7 && v->severities[0].score < 7.9);
	assert_false(v->published_has_time);
	assert_true(g.got.first_seen != USEC_NONE);
	arena_release(&g.a);
	assert_int_equal(try_get(f, &g, "pysec-2099-1"), 0); /* an alias */
	assert_true(span_eq_text(g.got.advisory.id, "CVE-2099-10001"));
	assert_int_equal(range_contains(g.got.advisory.statements[2].range, SPAN("0.38")), RANGE_UNSURE);
	arena_release(&g.a);
	assert_int_equal(try_get(f, &g, "CVE-1999-0001"), RF_ENOTFOUND);
	arena_release(&g.a);
}

#define OSV(id, modified, rest) \
	"{\"id\":\"" id "\",\"modified\":\"" modified "\",\"schema_version\":\"1.6.0\"," rest "}"
#define ONNX(fixed)                                                                                                  \
	"\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"onnx\"},\"ranges\":[{\"type\":\"ECOSYSTEM\"," \
	"\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"" fixed "\"}]}]}]"

static void sources_merge_by_cve(void **state)
{
	struct fixture *f = begin(state);
	struct getting g;
	assert_true(import_text(f, OSV("GHSA-1", "2026-01-01T00:00:00Z",
				       "\"summary\":\"one\",\"aliases\":[\"CVE-2099-4001\"]," ONNX("1.2"))));
	assert_true(import_text(f, OSV("PYSEC-1", "2026-01-02T00:00:00Z",
				       "\"summary\":\"two\",\"aliases\":[\"CVE-2099-4001\"]," ONNX("1.3"))));
	assert_int_equal(try_get(f, &g, "CVE-2099-4001"), 0);
	assert_int_equal(g.got.source_count, 2);
	assert_int_equal(g.got.advisory.statement_count, 2);
	assert_true(span_eq_text(g.got.advisory.title, "two"));
	assert_true(span_eq_text(g.got.advisory.statements[0].source, "OSV/PYSEC"));
	assert_true(span_eq_text(g.got.advisory.statements[1].source, "OSV/GHSA"));
	arena_release(&g.a);
}

static void newer_documents_supersede(void **state)
{
	struct fixture *f = begin(state);
	struct getting g;
	const char *first = OSV("CVE-2099-4002", "2026-01-01T00:00:00Z", "\"summary\":\"one\"," ONNX("1.2"));
	const char *second = OSV("CVE-2099-4002", "2026-01-05T00:00:00Z", "\"summary\":\"two\"," ONNX("1.3"));
	assert_true(import_text(f, first));
	assert_int_equal(try_get(f, &g, "CVE-2099-4002"), 0);
	usec_t first_seen = g.got.first_seen;
	arena_release(&g.a);
	assert_true(import_text(f, second));
	assert_false(import_text(f, second));
	assert_false(import_text(f, first)); /* the older one does not come back */
	assert_true(import_text(f, OSV("CVE-2099-4002", "2025-12-01T00:00:00Z", "\"summary\":\"zero\"," ONNX("1.1"))));
	assert_int_equal(try_get(f, &g, "CVE-2099-4002"), 0);
	assert_int_equal(g.got.source_count, 1);
	assert_true(span_eq_text(g.got.advisory.title, "two"));
	assert_int_equal(g.got.first_seen, first_seen);
	assert_int_equal(range_contains(g.got.advisory.statements[0].range, SPAN("1.2")), RANGE_IN);
	arena_release(&g.a);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_document"), 3); /* evidence stays */
	assert_true(import_text(f, OSV("CVE-2099-4002", "2026-02-01T00:00:00Z",
				       "\"withdrawn\":\"2026-02-01T00:00:00Z\"," ONNX("1.3"))));
	assert_int_equal(try_get(f, &g, "CVE-2099-4002"), 0);
	assert_int_equal(g.got.advisory.state, ADVISORY_WITHDRAWN);
	arena_release(&g.a);
}

static void rejection_is_the_numbering_authoritys_word(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct getting g;
	assert_ok(advisory_import_path(f->db, "tests/data/advisory/osv-rejected.json", &options, NULL, &err), &err);
	assert_true(import_text(f, OSV("GHSA-2", "2026-03-01T00:00:00Z",
				       "\"aliases\":[\"CVE-2023-46721\"],\"summary\":\"an article\"," ONNX("1.2"))));
	assert_int_equal(try_get(f, &g, "CVE-2023-46721"), 0);
	assert_int_equal(g.got.advisory.state, ADVISORY_REJECTED);
	assert_true(span_eq_text(g.got.advisory.assigner, "fortinet"));
	assert_true(span_eq_text(g.got.advisory.state_reason, "Not used"));
	assert_int_equal(g.got.source_count, 2);
	arena_release(&g.a);
}

struct deciding {
	const char *why;
	enum engine_affecting value;
};

static int decide(struct transaction *tx, void *data)
{
	struct deciding *d = data;
	return advisory_decide(tx, SPAN("CVE-2099-20001"), d->value, "user:ann@host", d->why);
}

static void decisions_are_appended(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct getting g;
	assert_ok(advisory_import_path(f->db, "tests/data/advisory/csaf-vendor.json", &options, NULL, &err), &err);
	struct deciding d = { "parser only", ENGINE_AFFECTING_NO };
	assert_ok(database_transact(f->db, DB_WRITE, decide, &d, &err), &err);
	d = (struct deciding){ "it is in the runtime kernels too", ENGINE_AFFECTING_YES };
	assert_ok(database_transact(f->db, DB_WRITE, decide, &d, &err), &err);
	d.why = "  ";
	assert_int_equal(database_transact(f->db, DB_WRITE, decide, &d, &err), RF_EINVALID);
	assert_int_equal(try_get(f, &g, "CVE-2099-20001"), 0);
	assert_true(g.got.policy.decided);
	assert_int_equal(g.got.policy.engine_affecting, ENGINE_AFFECTING_YES);
	assert_true(span_eq_text(g.got.policy.who, "user:ann@host"));
	assert_int_equal(advisory_engine_affecting(&g.got.policy, NULL), ENGINE_AFFECTING_YES);
	arena_release(&g.a);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_policy"), 2);
	assert_int_equal(count(f, "SELECT count(*) FROM ledger_waiting"), 3);
}

struct listing {
	struct advisory_filter filter;
	size_t rows;
	char last[64];
};

static int take_row(const struct advisory_row *row, void *data)
{
	struct listing *l = data;
	l->rows++;
	snprintf(l->last, sizeof l->last, "%.*s", SPAN_ARG(row->id));
	return 0;
}

static int list(struct transaction *tx, void *data)
{
	struct listing *l = data;
	l->rows = 0;
	return advisory_list(tx, &l->filter, take_row, l);
}

static void lists_are_filtered(void **state)
{
	static const struct {
		struct advisory_filter filter;
		size_t rows;
	} cases[] = {
		{ { .limit = 0 }, 10 },
		{ { .with_unpublished = true }, 12 },
		{ { .drills_only = true }, 1 },
		{ { .purl = { "pkg:generic/nvidia/tensorrt", 27 } }, 6 },
		{ { .text = { "cve-2099-2", 10 } }, 4 },
		{ { .text = { "100%_", 5 } }, 0 },
		{ { .limit = 2 }, 2 },
		{ { .after = { "CVE-2099-20002", 14 }, .with_unpublished = true }, 7 },
	};
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	assert_ok(advisory_import_path(f->db, "tests/data/advisory", &options, NULL, &err), &err);
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct listing l = { .filter = cases[i].filter };
		assert_ok(database_transact(f->db, DB_READ, list, &l, &err), &err);
		if (l.rows != cases[i].rows)
			fail_msg("case %zu: %zu rows", i, l.rows);
	}
}

static size_t problems;

static void note_problem(const char *path, const struct err *err, void *data)
{
	(void)data;
	assert_non_null(strstr(path, "bad"));
	assert_true(err->text[0] && err->file[0]);
	problems++;
}

static void bad_files_are_told(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	char path[512];
	struct advisory_import_result r;
	struct advisory_import with_problem = options;
	with_problem.problem = note_problem;
	problems = 0;
	assert_int_equal(advisory_import_path(f->db, "tests/data/nothing", &options, &r, &err), RF_ENOTFOUND);
	assert_non_null(strstr(err.file, "nothing"));
	snprintf(path, sizeof path, "%s/feed", f->folder);
	assert_ok(fs_make_dirs(path, 0700, &err), &err);
	snprintf(path, sizeof path, "%s/feed/bad.json", f->folder);
	assert_ok(fs_write_new(path, SPAN("{"), 0600, &err), &err);
	assert_int_equal(advisory_import_path(f->db, path, &options, &r, &err), RF_EFORMAT);
	snprintf(path, sizeof path, "%s/feed/other.json", f->folder);
	assert_ok(fs_write_new(path, SPAN("{\"a\":1}"), 0600, &err), &err);
	assert_int_equal(advisory_import_path(f->db, path, &options, &r, &err), RF_EUNSUPPORTED);
	snprintf(path, sizeof path, "%s/feed/good\n.json", f->folder);
	assert_ok(fs_write_new(path, SPAN(OSV("CVE-2099-4009", "2026-01-01T00:00:00Z", ONNX("1.2"))), 0600, &err),
		  &err);
	snprintf(path, sizeof path, "%s/feed", f->folder);
	assert_ok(advisory_import_path(f->db, path, &with_problem, &r, &err), &err);
	assert_int_equal(problems, 1);
	assert_int_equal(r.problems, 1);
	assert_int_equal(r.documents, 1);
}

static void many_from_memory(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct advisory_importer *m = NULL;
	struct advisory_import_result r;
	int refused = 0;
	assert_ok(advisory_importer_new(f->db, &options, &m, &err), &err);
	for (int i = 0; i < 600; i++) {
		char text[512];
		snprintf(text, sizeof text, OSV("SITE-2026-%04d", "2026-01-02", "\"summary\":\"s\""), i);
		assert_ok(advisory_importer_add(m, span_of(text), "memory", &refused, &err), &err);
		assert_int_equal(refused, 0);
	}
	assert_ok(advisory_importer_add(m, SPAN("{\"cut\": "), "memory/cut", &refused, &err), &err);
	assert_int_equal(refused, RF_EFORMAT);
	assert_string_equal(err.file, "memory/cut");
	assert_ok(advisory_importer_add(m, SPAN("{}"), "memory/other", &refused, &err), &err);
	assert_int_equal(refused, RF_EUNSUPPORTED);
	/* one batch is written; what stands behind them only when flushed */
	assert_int_equal(count(f, "SELECT count(*) FROM advisory"), 500);
	assert_ok(advisory_importer_flush(m, &err), &err);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory"), 600);
	advisory_importer_result(m, &r);
	assert_true(r.files == 602 && r.documents == 600 && r.problems == 2 && r.advisories == 600);
	advisory_importer_free(m);
}

/* ── Archives ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* One member of a tar (POSIX ustar), appended; the end of the archive is two empty blocks. */
static void add_member(struct str *tar, const char *name, const char *text)
{
	char head[512] = { 0 };
	unsigned sum = 0;
	size_t n = strlen(text);
	snprintf(head, 100, "%s", name);
	memcpy(head + 100, "0000600", 8);
	memcpy(head + 108, "0000000", 8);
	memcpy(head + 116, "0000000", 8);
	snprintf(head + 124, 12, "%011o", (unsigned)n);
	memcpy(head + 136, "00000000000", 12);
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof head; i++)
		sum += (unsigned char)head[i];
	snprintf(head + 148, 8, "%06o", sum);
	str_add(tar, (struct span){ head, sizeof head });
	str_add_text(tar, text);
	for (; tar->n % 512;)
		str_add_byte(tar, 0);
}

static void end_tar(struct str *tar)
{
	for (int i = 0; i < 1024; i++)
		str_add_byte(tar, 0);
}

/* One stored block of deflate (RFC 1951, 3.2.4) in gzip's frame (RFC 1952). */
static void add_gzip(struct str *to, const char *text)
{
	uint32_t n = (uint32_t)strlen(text), crc = UINT32_MAX;
	const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
	for (size_t i = 0; i < n; i++) {
		crc ^= (unsigned char)text[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	crc = ~crc;
	str_add(to, span_bytes(head, sizeof head));
	str_add_byte(to, 1);
	for (int k = 0; k < 4; k++)
		str_add_byte(to, (char)((k < 2 ? n : ~n) >> (8 * (k % 2))));
	str_add_text(to, text);
	for (int k = 0; k < 4; k++)
		str_add_byte(to, (char)(crc >> (8 * k)));
	for (int k = 0; k < 4; k++)
		str_add_byte(to, (char)(n >> (8 * k)));
}

static void write_bytes(const char *folder, const char *name, struct span bytes)
{
	char path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	snprintf(path, sizeof path, "%.*s/%s", 1000, folder, name);
	assert_ok(fs_write_atomic(path, bytes, 0600, &err), &err);
}

/* What is packed is told by the content: a name only says where to look first. */
static void packed_files(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct advisory_import_result r;
	struct advisory_import with_problem = options;
	RF_AUTO(str) tar = STR_INIT(MIB);
	RF_AUTO(str) gzip = STR_INIT(MIB);
	char folder[512], path[600];
	with_problem.problem = note_problem;
	problems = 0;
	snprintf(folder, sizeof folder, "%s/packed", f->folder);
	assert_ok(fs_make_dirs(folder, 0700, &err), &err);
	add_member(&tar, "a.json", OSV("CVE-2099-6001", "2026-01-01T00:00:00Z", ONNX("1.2")));
	add_member(&tar, "README.md", "not asked for");
	add_member(&tar, "index.json", "{\"a\":1}");
	add_member(&tar, "sub/bad.json", "{");
	add_member(&tar, "sub/b.json", OSV("CVE-2099-6002", "2026-01-01T00:00:00Z", ONNX("1.2")));
	size_t whole = tar.n;
	end_tar(&tar);
	add_gzip(&gzip, OSV("CVE-2099-6003", "2026-01-01T00:00:00Z", ONNX("1.2")));
	write_bytes(folder, "all.tar", str_span(&tar));
	write_bytes(folder, "served.json", str_span(&gzip));
	write_bytes(folder, "plain.zip", SPAN(OSV("CVE-2099-6004", "2026-01-01T00:00:00Z", ONNX("1.2"))));
	assert_ok(advisory_import_path(f->db, folder, &with_problem, &r, &err), &err);
	assert_int_equal(r.documents, 4);
	assert_int_equal(r.advisories, 4);
	assert_int_equal(problems, 1);
	assert_int_equal(r.problems, 1);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_document WHERE name LIKE '%/all.tar!/sub/b.json'"), 1);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_document WHERE name LIKE '%/served.json'"), 1);
	assert_ok(advisory_import_path(f->db, folder, &with_problem, &r, &err), &err);
	assert_int_equal(r.documents, 0);
	assert_int_equal(r.unchanged, 4);
	/* by hand, whatever it is called; a compressed file that is refused is the answer */
	snprintf(path, sizeof path, "%s/served.json", folder);
	assert_ok(advisory_import_path(f->db, path, &options, &r, &err), &err);
	assert_int_equal(r.unchanged, 1);
	str_reset(&gzip);
	add_gzip(&gzip, "{\"a\":1}");
	write_bytes(folder, "served.json", str_span(&gzip));
	assert_int_equal(advisory_import_path(f->db, path, &options, &r, &err), RF_EUNSUPPORTED);
	/* cut short: told, and what came before stays */
	str_reset(&tar);
	add_member(&tar, "c.json", OSV("CVE-2099-6005", "2026-01-01T00:00:00Z", ONNX("1.2")));
	add_member(&tar, "d.json", OSV("CVE-2099-6006", "2026-01-01T00:00:00Z", ONNX("1.2")));
	assert_true(tar.n < whole);
	write_bytes(folder, "bad.tar", span_sub(str_span(&tar), 0, tar.n - 700));
	snprintf(path, sizeof path, "%s/bad.tar", folder);
	err = ERR_INIT;
	assert_int_equal(advisory_import_path(f->db, path, &options, NULL, &err), RF_EFORMAT);
	assert_non_null(strstr(err.file, "bad.tar"));
	assert_int_equal(count(f, "SELECT count(*) FROM advisory WHERE id = 'CVE-2099-6005'"), 1);
	problems = 0;
	assert_ok(advisory_import_path(f->db, folder, &with_problem, &r, &err), &err);
	assert_int_equal(problems, 2);
}

/* ── Bulk ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void write_record(const char *folder, int i, const char *modified)
{
	char path[FS_PATH_MAX], text[512];
	struct err err = ERR_INIT;
	snprintf(path, sizeof path, "%.*s/%05d.json", 1000, folder, i);
	snprintf(text, sizeof text, OSV("CVE-2099-%d", "%s", "\"summary\":\"s\"," ONNX("1.2")), 100000 + i, modified);
	assert_ok(fs_write_atomic(path, span_of(text), 0600, &err), &err);
}

/* Several chunks: read on several threads, written in order; what is as it was is not opened. */
static void many_files(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct advisory_import_result r;
	char folder[512];
	snprintf(folder, sizeof folder, "%s/many", f->folder);
	assert_ok(fs_make_dirs(folder, 0700, &err), &err);
	for (int i = 0; i < 2600; i++)
		write_record(folder, i, "2026-01-01T00:00:00Z");
	usleep(50000); /* out of the clock tick in which the last was written */
	assert_ok(advisory_import_path(f->db, folder, &options, &r, &err), &err);
	assert_true(r.files == 2600 && r.documents == 2600 && r.advisories == 2600 && !r.unchanged && !r.problems);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory WHERE statements = 1"), 2600);
	assert_int_equal(count(f, "SELECT count(*) FROM ledger_waiting"), 3);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_record r JOIN advisory_document d ON d.id = r.document"
				  " WHERE d.document_id <> r.advisory"),
			 0);
	assert_ok(advisory_import_path(f->db, folder, &options, &r, &err), &err);
	assert_true(r.files == 2600 && !r.documents && r.unchanged == 2600);
	write_record(folder, 7, "2026-01-02T00:00:00Z");
	write_record(folder, 2000, "2026-01-02T00:00:00Z");
	assert_ok(advisory_import_path(f->db, folder, &options, &r, &err), &err);
	assert_true(r.documents == 2 && r.unchanged == 2598);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_document WHERE current = 1"), 2600);
	/* the same bytes under other names: known by their digest */
	char other[600];
	snprintf(other, sizeof other, "%s/again", f->folder);
	assert_int_equal(rename(folder, other), 0);
	assert_ok(advisory_import_path(f->db, other, &options, &r, &err), &err);
	assert_true(!r.documents && r.unchanged == 2600);
}

#define CVE_RECORD(id, product, less)                                                                                  \
	"{\"id\":\"" id "\",\"sourceIdentifier\":\"nvd@nist.gov\",\"published\":\"2026-01-01T10:00:00.000\","          \
	"\"lastModified\":\"2026-01-02T10:00:00.000\",\"vulnStatus\":\"Analyzed\",\"descriptions\":[{\"lang\":\"en\"," \
	"\"value\":\"x\"}],\"configurations\":[{\"nodes\":[{\"operator\":\"OR\",\"negate\":false,\"cpeMatch\":[{"      \
	"\"vulnerable\":true,\"criteria\":\"cpe:2.3:a:nvidia:" product                                                 \
	":*:*:*:*:*:*:*:*\",\"versionEndExcluding\":\"" less "\","                                                     \
	"\"matchCriteriaId\":\"x\"}]}]}]}"
#define NVD_PAGE(records)                                                                                       \
	"{\"resultsPerPage\":2,\"startIndex\":0,\"totalResults\":2,\"format\":\"NVD_CVE\",\"version\":\"2.0\"," \
	"\"timestamp\":\"2026-01-03T00:00:00.000\",\"vulnerabilities\":[" records "]}"

/* The same records on other pages are the same documents. */
static void pages_are_cut_into_records(void **state)
{
	struct fixture *f = begin(state);
	struct getting g;
	assert_true(import_text(
		f, NVD_PAGE("{\"cve\":" CVE_RECORD("CVE-2099-5001", "tensorrt", "11.0") "},{\"cve\":" CVE_RECORD(
			   "CVE-2099-5002", "of_others", "1.0") "}")));
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_document"), 2);
	assert_false(import_text(
		f, NVD_PAGE("{\"cve\":" CVE_RECORD("CVE-2099-5002", "of_others", "1.0") "},{\"cve\":" CVE_RECORD(
			   "CVE-2099-5001", "tensorrt", "11.0") "}")));
	assert_true(import_text(f, NVD_PAGE("{\"cve\":" CVE_RECORD("CVE-2099-5001", "tensorrt", "11.1") "}")));
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_document WHERE current = 1"), 2);
	assert_int_equal(try_get(f, &g, "CVE-2099-5001"), 0);
	assert_int_equal(g.got.source_count, 1);
	assert_int_equal(g.got.sources[0].origin.authority, AUTHORITY_NVD);
	assert_int_equal(range_contains(g.got.advisory.statements[0].range, SPAN("11.0")), RANGE_IN);
	arena_release(&g.a);
	/* of others' products the words are kept, not the bytes */
	assert_int_equal(try_get(f, &g, "CVE-2099-5002"), 0);
	assert_int_equal(g.got.advisory.statement_count, 1);
	assert_null(g.got.advisory.statements[0].product);
	assert_true(g.got.advisory.statements[0].product_name.n > 0);
	arena_release(&g.a);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_document WHERE length(content) > 0"), 2);
	assert_int_equal(count(f, "SELECT count(*) FROM advisory_statement"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(folder_is_imported_once, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_read_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(sources_merge_by_cve, setup, teardown),
		cmocka_unit_test_setup_teardown(newer_documents_supersede, setup, teardown),
		cmocka_unit_test_setup_teardown(rejection_is_the_numbering_authoritys_word, setup, teardown),
		cmocka_unit_test_setup_teardown(decisions_are_appended, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_are_filtered, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_files_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(many_from_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(packed_files, setup, teardown),
		cmocka_unit_test_setup_teardown(many_files, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_are_cut_into_records, setup, teardown),
	};
	return ENGINES_RUN(tests);
}
