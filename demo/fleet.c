/*
 * reforge-demo-fleet - the engines that are in service before the bulletin: built by the real driver from the recipes of the
 * workspace, published as the release 2026-05-04-initial of each service, put on the channel stable, and laid out where the
 * services load them.
 *
 * Uses the same functions as `respond`; what it makes is a real release with provenance and signature. Only its date is
 * pretended. Run again it does what is missing.
 */
#include "files.h"

#include "base/fs.h"
#include "build/engine.h"
#include "cli/site.h"
#include "depot/channel.h"
#include "depot/release.h"
#include "depot/statement.h"

#include <limits.h>
#include <unistd.h>

#define RELEASE "2026-05-04-initial"
#define CREATED ((usec_t)1777885200 * USEC_PER_SEC)        /* 2026-05-04T09:00:00Z */
#define MAX_ROWS 16

/* Two generations, as fleets have them: what was rebuilt last year and what was not. */
struct engine { const char *service, *model, *version; };
static const struct engine ENGINES[] = {
	{ "voice", "melspectrogram", "1.20.1" }, { "voice", "embedding_model", "1.20.1" }, { "voice", "alexa_v0.1", "1.18.0" },
	{ "voice", "hey_jarvis_v0.1", "1.20.1" }, { "voice", "hey_mycroft_v0.1", "1.18.0" }, { "voice", "timer_v0.1", "1.20.1" },
	{ "voice", "silero_vad", "1.20.1" }, { "reading", "reading-det", "1.20.1" }, { "reading", "reading-rec", "1.18.0" },
	{ "reading", "reading-cls", "1.20.1" },
};

struct fleet {
	struct site site;
	struct arena arena;
	struct toolchain toolchains[4];
	size_t toolchain_count;
};

static int toolchain_of(struct fleet *f, const char *version, const struct toolchain **ret, struct err *err)
{
	for (size_t i = 0; i < f->toolchain_count; i++)
		if (strcmp(f->toolchains[i].version, version) == 0)
			return *ret = &f->toolchains[i], 0;
	const struct workspace *w = f->site.workspace;
	const struct workspace_toolchain *t = workspace_toolchain(w, SPAN("onnxruntime"));
	const struct workspace_toolchain_version *v = workspace_toolchain_version(w, SPAN("onnxruntime"), span_of(version));
	if (!t || !v || f->toolchain_count == RF_COUNT(f->toolchains))
		return err_set(err, RF_ENOTFOUND, "onnxruntime %s is not in reforge.yaml", version);
	struct toolchain *to = &f->toolchains[f->toolchain_count];
	int rc = toolchain_load(toolchain_kind_find(SPAN("onnxruntime")), version, v->library, t->driver, NULL, &f->arena, to, err);
	if (rc == 0) {
		f->toolchain_count++;
		*ret = to;
	}
	return rc;
}

/* The provenance of one engine, signed, in the depot. */
static int attest(struct fleet *f, const struct build_spec *spec, const struct recipe *recipe, const struct build_evidence *e,
                  usec_t started, struct release_row *row, struct err *err)
{
	RF_AUTO(str) recipe_json = STR_INIT(1 * MIB), statement = STR_INIT(STATEMENT_MAX_BYTES);
	recipe_build_json(recipe, &recipe_json);
	struct statement_material materials[] = { { "source model", spec->source, spec->source_digest },
		                                  { "toolchain library", NULL, e->library_digest } };
	struct provenance p = {
		.subject = { spec->model, spec->target, spec->engine_file, e->engine_digest }, .recipe = str_span(&recipe_json),
		.build = spec->build_digest, .toolchain = spec->kind->name, .toolchain_version = spec->version, .materials = materials,
		.material_count = RF_COUNT(materials), .builder_id = "reforge://demo/fleet", .invocation_id = RELEASE, .started_at = started,
		.finished_at = now_usec(),
	};
	int rc = str_check(&recipe_json, "recipe", err);
	if (rc == 0)
		rc = statement_provenance(&p, &statement, err);
	return rc ? rc : attestation_put(f->site.depot, f->site.release_key, str_span(&statement), &row->provenance, err);
}

static int build_one(struct fleet *f, const struct engine *e, struct release_row *row, struct err *err)
{
	const struct workspace *w = f->site.workspace;
	const struct recipe *recipe;
	const struct toolchain *toolchain = NULL;
	struct build_spec spec = { 0 };
	struct build_evidence evidence = { 0 };
	char *folder = arena_printf(&f->arena, "%s/demo-%s", w->work, e->model), *source = arena_alloc(&f->arena, FS_PATH_MAX), real[PATH_MAX];
	int rc = folder && source ? workspace_recipe(w, e->model, &recipe, err) : err_set(err, RF_ENOMEM, "out of memory");
	if (rc == 0)
		rc = toolchain_of(f, e->version, &toolchain, err);
	if (rc == 0)
		rc = build_spec_make(recipe, e->version, recipe->targets[0], &f->arena, &spec, err);
	if (rc == 0)
		rc = workspace_path(w, recipe->source.path, source, FS_PATH_MAX, err);
	if (rc == 0)
		rc = fs_make_dirs(folder, 0755, err);
	struct build_job job = { &spec, toolchain, rc == 0 && realpath(source, real) ? real : source, folder, TOOLCHAIN_ISOLATION_BEST };
	usec_t started = now_usec();
	if (rc == 0)
		rc = build_engine(&job, &f->arena, &evidence, err);
	if (rc)
		return err_prefix(err, "%s with %s: ", e->model, e->version), rc;
	*row = (struct release_row){ .model = e->model, .target = spec.target, .version = 1, .file = spec.engine_file, .build = spec.build_digest,
		.builder = { "onnxruntime", e->version, toolchain->library_digest } };
	rc = depot_put_file(f->site.depot, evidence.engine_path, &evidence.engine_digest, &row->engine, &row->engine_bytes, err);
	if (rc == 0)
		rc = attest(f, &spec, recipe, &evidence, started, row, err);
	return rc ? rc : fs_remove_tree(folder, err);
}

struct publishing {
	const struct release *release;
	const struct release_published *published;
	const char *actor;
};

static int record(struct transaction *tx, void *data)
{
	const struct publishing *p = data;
	const struct release *r = p->release;
	int rc = release_record(tx, r, p->published, p->actor);
	return rc ? rc : channel_set(tx, r->service, r->environment, "stable", r->name, 0, p->actor, NULL);
}

static int publish(struct fleet *f, const struct workspace_service *s, struct release_row *rows, size_t n, struct err *err)
{
	const struct toolchain *runtime;
	int rc = toolchain_of(f, s->runtime_version, &runtime, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rows[i].runtime = (struct release_toolchain){ "onnxruntime", s->runtime_version, runtime->library_digest };
	struct release r = { .service = s->name, .environment = s->environments[0]->name, .name = RELEASE, .created_at = CREATED,
		             .created_by = f->site.actor, .rows = rows, .row_count = n };
	struct release_published published;
	if (rc == 0)
		rc = release_publish(f->site.depot, f->site.release_key, &r, &published, err);
	struct publishing p = { &r, &published, f->site.actor };
	return rc ? rc : database_transact(f->site.db, DB_WRITE, record, &p, err);
}

static int build_service(struct fleet *f, const struct workspace_service *s, struct err *err)
{
	struct release_row rows[MAX_ROWS];
	size_t n = 0;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < RF_COUNT(ENGINES); i++) {
		if (strcmp(ENGINES[i].service, s->name) != 0)
			continue;
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r\033[K  %s/%s with ONNX Runtime %s", s->name, ENGINES[i].model, ENGINES[i].version);
		rc = build_one(f, &ENGINES[i], &rows[n], err);
		n += rc == 0;
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	return rc ? rc : publish(f, s, rows, n, err);
}

struct asking { const struct workspace_service *service; struct channel stable; };

static int ask_stable(struct transaction *tx, void *data)
{
	struct asking *a = data;
	return channel_get(tx, a->service->name, a->service->environments[0]->name, "stable", &a->stable);
}

/* <root>/<model>/<version>/<file>, as Triton and the services want it. */
static int lay_out(struct fleet *f, const struct workspace_service *s, const char *name, struct err *err)
{
	struct release r;
	int rc = release_read(f->site.depot, &f->arena, s->name, name, &r, err);
	for (size_t i = 0; rc == 0 && i < r.row_count; i++) {
		const struct release_row *row = &r.rows[i];
		char *folder = arena_printf(&f->arena, "%s/%s/%u", s->roots[0], row->model, (unsigned)row->version);
		char *path = folder ? arena_printf(&f->arena, "%s/%s", folder, row->file) : NULL;
		RF_AUTO(str) bytes = STR_INIT(GIB);
		struct digest there;
		struct err ignored = ERR_INIT;
		if (!path)
			return err_set(err, RF_ENOMEM, "out of memory");
		if (digest_file(path, &there, NULL, &ignored) == 0 && digest_eq(&there, &row->engine))
			continue;
		rc = depot_read_blob(f->site.depot, &row->engine, &bytes, err);
		if (rc == 0)
			rc = fs_make_dirs(folder, 0755, err);
		if (rc == 0)
			rc = fs_write_atomic(path, str_span(&bytes), 0644, err);
	}
	return rc;
}

static int one_service(struct fleet *f, const struct workspace_service *s, struct err *err)
{
	struct asking a = { .service = s };
	bool built = false;
	for (size_t i = 0; i < RF_COUNT(ENGINES); i++)
		built = built || strcmp(ENGINES[i].service, s->name) == 0;
	if (!built)
		return 0;
	int rc = database_transact(f->site.db, DB_READ, ask_stable, &a, err);
	if (rc == 0 && !a.stable.generation) {
		rc = build_service(f, s, err);
		if (rc == 0)
			rc = database_transact(f->site.db, DB_READ, ask_stable, &a, err);
	}
	return rc ? rc : lay_out(f, s, a.stable.release, err);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "Usage: reforge-demo-fleet WORKSPACE\nBuilds and publishes what is in service before the bulletin.\n");
		return 2;
	}
	struct err err = ERR_INIT;
	struct fleet f = { .arena = ARENA_INIT(256 * MIB) };
	struct invocation in = { .workspace = argv[1] };
	int rc = site_open(&in, SITE_ALL, &f.site, &err);
	for (size_t i = 0; rc == 0 && i < f.site.workspace->services_n; i++)
		rc = one_service(&f, &f.site.workspace->services[i], &err);
	if (rc == 0)
		rc = channel_project(f.site.depot, f.site.db, NULL, &err);
	if (rc == 0)
		rc = site_seal(&f.site, &err);
	site_release(&f.site);
	arena_release(&f.arena);
	return files_fail("reforge-demo-fleet", rc, &err);
}
