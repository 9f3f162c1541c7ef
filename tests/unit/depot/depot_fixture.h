/* A depot in a private folder, with a key, a database and a release to publish. */
#ifndef REFORGE_DEPOT_FIXTURE_H
#define REFORGE_DEPOT_FIXTURE_H

#include "testing.h"

#include "base/arena.h"
#include "base/fs.h"
#include "depot/depot_int.h"
#include "ledger/ledger.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[FS_PATH_MAX];
static struct depot *depot;
static struct signing_key *key;
static struct verify_key *public_key;
static struct database *db;
static struct err err = ERR_INIT;

static RF_UNUSED RF_PRINTF(1, 2) const char *in_dir(const char *format, ...)
{
	static char paths[8][FS_PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 8];
	int n = snprintf(path, FS_PATH_MAX, "%s/", dir);
	va_list args;

	va_start(args, format);
	vsnprintf(path + n, FS_PATH_MAX - (size_t)n, format, args);
	va_end(args);
	return path;
}

static RF_UNUSED int setup(void **state)
{
	const struct migration_set *sets[] = { &LEDGER_MIGRATIONS, &DEPOT_MIGRATIONS };

	(void)state;
	err = ERR_INIT;
	assert_ok(fs_temporary_dir("depot", dir, sizeof dir, &err), &err);
	assert_ok(depot_open(in_dir("depot"), &depot, &err), &err);
	assert_ok(key_generate(in_dir("key.pem"), in_dir("key.pub.pem"), &err), &err);
	assert_ok(signing_key_load(in_dir("key.pem"), &key, &err), &err);
	assert_ok(verify_key_load(in_dir("key.pub.pem"), &public_key, &err), &err);
	assert_ok(database_open("reforge.db", dir, &db, &err), &err);
	assert_ok(database_migrate(db, sets, 2, &err), &err);
	return 0;
}

static RF_UNUSED int teardown(void **state)
{
	(void)state;
	depot_freep(&depot);
	signing_key_freep(&key);
	verify_key_freep(&public_key);
	database_freep(&db);
	return fs_remove_tree(dir, &err);
}

/* An engine of that text, with provenance and proof, as a row. */
static RF_UNUSED struct release_row make_row(const char *model, const char *bytes)
{
	static struct digest proof_digest;
	struct release_row row = { .model = model,
				   .target = "linux-x86_64/cpu-avx512",
				   .version = 1,
				   .file = "model.onnx",
				   .engine_bytes = strlen(bytes),
				   .builder = { "onnxruntime", "1.21.1", { { 0 } } },
				   .runtime = { "onnxruntime", "1.21.1", { { 0 } } } };
	RF_AUTO(str) statement = STR_INIT(STATEMENT_MAX_BYTES);
	RF_AUTO(str) proof = STR_INIT(STATEMENT_MAX_BYTES);

	digest_of(SPAN("library"), &row.builder.library);
	row.runtime.library = row.builder.library;
	digest_of(SPAN("recipe"), &row.build);
	digest_of(SPAN("proof"), &proof_digest);
	row.proof = proof_digest;
	assert_ok(depot_put_bytes(depot, span_of(bytes), NULL, &row.engine, &err), &err);
	struct statement_material materials[] = { { "source model", "models/x.onnx", row.build } };
	struct provenance p = { .subject = { model, row.target, row.file, row.engine },
				.recipe = SPAN("{\"model\": \"x\"}"),
				.build = row.build,
				.toolchain = "onnxruntime",
				.toolchain_version = "1.21.1",
				.materials = materials,
				.material_count = 1,
				.builder_id = "reforge://lab/host",
				.invocation_id = "task/1/1",
				.started_at = 1000000,
				.finished_at = 2000000 };
	struct proof_statement q = { .subject = p.subject,
				     .proof = row.proof,
				     .verdict = "pass",
				     .evidence = SPAN("{\"cosine\": 1.0}"),
				     .prover_id = "reforge://lab/host",
				     .invocation_id = "task/1/1",
				     .started_at = 2000000,
				     .finished_at = 3000000 };
	assert_ok(statement_provenance(&p, &statement, &err), &err);
	assert_ok(statement_proof(&q, &proof, &err), &err);
	assert_ok(attestation_put(depot, key, str_span(&statement), &row.provenance, &err), &err);
	assert_ok(attestation_put(depot, key, str_span(&proof), &row.proof_statement, &err), &err);
	return row;
}

static const char *const ADVISORIES[] = { "DRILL-2026-0001" };

static RF_UNUSED struct release make_release(const char *name, const struct release_row *rows, size_t n)
{
	return (struct release){ .service = "voice",
				 .environment = "production",
				 .name = name,
				 .drill = true,
				 .advisories = ADVISORIES,
				 .advisory_count = 1,
				 .created_at = 1784000000000000,
				 .created_by = "user:op@lab",
				 .rows = rows,
				 .row_count = n };
}

struct faults {
	char text[8192];
	size_t n;
};
static RF_UNUSED void note_fault(const struct depot_fault *f, void *data)
{
	struct faults *all = data;
	size_t used = strlen(all->text);

	all->n++;
	snprintf(all->text + used, sizeof all->text - used, "%s %s: %s\n", depot_fault_kind_name(f->kind), f->path,
		 f->text);
}

#endif
