/* fleet - see fleet.h */
#include "inventory/fleet.h"

#include "base/fs.h"
#include "inventory/fleet_store.h"
#include "inventory/line.h"
#include "inventory/scan_member.h"
#include "inventory/triton_repository.h"

#include <unistd.h>

/* Toolchain names of reforge.yaml and the products they are. */
static const char *product_of(const char *toolchain)
{
	static const struct {
		const char *name, *product;
	} rows[] = {
		{ "onnxruntime", ARTIFACT_PRODUCT_ONNXRUNTIME },
		{ "tensorrt", ARTIFACT_PRODUCT_TENSORRT },
	};
	for (size_t i = 0; toolchain && i < RF_COUNT(rows); i++)
		if (strcmp(rows[i].name, toolchain) == 0)
			return rows[i].product;
	return NULL;
}

struct fleet {
	const struct workspace *workspace;
	const struct fleet_scan *options;
	struct inventory_batch *batch;
	struct inventory_changes changes;
	const struct workspace_service *service;
	const char *host;
	struct scan_totals totals;
	struct triton_repositories *triton;
	struct fleet_detail *details; /* what a Triton server makes of the files */
	size_t details_n, details_room;
	struct arena arena;           /* theirs */
	struct err *err;
};
/* Of 250,000 files, each with a sentence. */
#define DETAIL_BYTES (256 * MIB)

static struct inventory_place place_of(const struct fleet *f, const struct workspace_environment *environment,
				       const char *model)
{
	return (struct inventory_place){
		.host = f->host,
		.service = f->service->name,
		.environment = environment->name,
		.model = model,
		.runtime_product = product_of(f->service->runtime_toolchain),
		.runtime_version = f->service->runtime_version,
	};
}

static int detail_add(struct fleet *f, const char *path, const struct triton_verdict *v)
{
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	struct json_out o = json_out(&text, false);
	json_object(&o);
	json_member(&o, "source", "scan");
	triton_verdict_json(&o, v);
	json_object_end(&o);
	if (f->details_n == f->details_room) {
		size_t room = f->details_room ? 2 * f->details_room : 256;
		struct fleet_detail *more = rf_realloc_array(f->details, room, sizeof *more);
		if (!more)
			return err_set(f->err, RF_ENOMEM, "no memory for model repositories");
		f->details = more;
		f->details_room = room;
	}
	struct fleet_detail *d = &f->details[f->details_n++];
	*d = (struct fleet_detail){ .path = arena_span(&f->arena, span_of(path)), .json = arena_span(&f->arena, str_span(&text)) };
	return d->path.p && d->json.p && !text.failed ? 0 : err_set(f->err, RF_ENOMEM, "no memory for model repositories");
}

/* The model that a Triton server knows the file by, where its place told none. */
static int triton_take(struct fleet *f, const struct scan_file *file, struct workspace_place *located)
{
	struct triton_verdict v;
	if (file->outer || file->error || (strcmp(file->facts->kind, ARTIFACT_OTHER) == 0 && file->facts->finding == ARTIFACT_CLEAR))
		return 0;
	int rc = triton_look(f->triton, file->path, &v, f->err);
	if (rc || v.load == TRITON_OUTSIDE)
		return rc;
	if (!located->recipe[0] && recipe_name_is_valid(span_of(v.model)))
		(void)snprintf(located->recipe, sizeof located->recipe, "%s", v.model);
	return detail_add(f, file->path, &v);
}

static int take(const struct scan_file *file, void *data)
{
	struct fleet *f = data;
	struct workspace_place located;
	int rc = workspace_locate(f->workspace, file->outer ? file->outer : file->path, &located, f->err);
	/* a root inside another service's root: the nearer one scans it */
	if (rc != 0 || (located.service && located.service != f->service))
		return rc;
	rc = triton_take(f, file, &located);
	for (size_t i = 0; rc == 0 && i < f->service->environments_n; i++) {
		struct inventory_place place = place_of(f, f->service->environments[i], located.recipe);
		rc = inventory_batch_add(f->batch, file, &place, f->err);
		if (rc == 0 && f->options->report)
			rc = f->options->report(file, &place, f->options->data);
	}
	return rc;
}

/* Does reforge.yaml still give @path to that service and environment? What it cannot place is left as it is. */
static bool is_named(const char *path, struct span service, struct span environment, void *data)
{
	const struct fleet *f = data;
	struct workspace_place located;
	/* what is inside of a container is where the container is */
	size_t inside = span_find(span_of(path), SPAN(SCAN_MEMBER_MARK));
	RF_AUTO_FREE char *outer = rf_text_span(span_sub(span_of(path), 0, inside));
	if (!outer || workspace_locate(f->workspace, outer, &located, NULL) != 0)
		return true;
	if (!located.service || !span_eq_text(service, located.service->name))
		return false;
	for (size_t i = 0; i < located.service->environments_n; i++)
		if (span_eq_text(environment, located.service->environments[i]->name))
			return true;
	return false;
}

static int scan_root(struct fleet *f, const char *root, const struct inventory_known *known,
		     struct fleet_result *result)
{
	result->roots++;
	if (access(root, F_OK) != 0) {
		result->roots_absent++;
		return 0;
	}
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < f->service->environments_n; i++) {
		struct inventory_place place = place_of(f, f->service->environments[i], "");
		rc = inventory_batch_root(f->batch, root, &place, f->err);
	}
	struct scan_options options = {
		.evidence = true,
		.threads = f->options->threads,
		.known = inventory_known_find,
		.known_data = (void *)(uintptr_t)known,
		.progress = f->options->progress,
		.progress_data = f->options->data,
	};
	struct scan_totals totals;
	if (rc == 0)
		rc = scan_files(&root, 1, &options, take, f, &totals, f->err);
	if (rc == 0)
		scan_totals_add(&f->totals, &totals);
	return rc;
}

static int scan_service(struct fleet *f, const struct inventory_known *known, struct fleet_result *result)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < f->service->roots_n; i++)
		rc = scan_root(f, f->service->roots[i], known, result);
	for (size_t i = 0; rc == 0 && i < f->service->engines_n; i++) {
		struct workspace_place located;
		rc = workspace_locate(f->workspace, f->service->engines[i].path, &located, f->err);
		if (rc == 0 && !located.root)
			rc = scan_root(f, f->service->engines[i].path, known, result);
	}
	return rc;
}

static int write_all(struct transaction *tx, void *data)
{
	struct fleet *f = data;
	int rc = inventory_record_tx(tx, f->batch, &f->changes);
	if (rc == 0)
		rc = fleet_details_put(tx, f->host, f->details, f->details_n);
	return rc ? rc : fleet_host_overwritten(tx, f->host);
}

int fleet_scan(struct database *db, const struct workspace *w, const struct fleet_scan *options,
	       struct fleet_result *ret, struct err *err)
{
	char host[65] = "localhost";
	enum platform_line line = PLATFORM_ANY;
	struct fleet_result result = { 0 };
	struct inventory_known *known = NULL;
	if (!options->host && gethostname(host, sizeof host - 1) != 0)
		memcpy(host, "localhost", sizeof "localhost");
	struct fleet f = {
		.workspace = w, .options = options, .host = options->host ? options->host : host, .err = err
	};
	f.batch = inventory_batch_new();
	f.triton = triton_repositories_new();
	f.arena = ARENA_INIT(DETAIL_BYTES);
	int rc = f.batch && f.triton ? inventory_known_load(db, &known, err) : err_set(err, RF_ENOMEM, "out of memory");
	if (rc == 0)
		rc = inventory_batch_whole_host(f.batch, f.host, is_named, &f, err);
	if (rc == 0)
		rc = line_of_root("/", &line, err);
	if (rc == 0)
		rc = inventory_batch_line(f.batch, f.host, line, err);
	for (size_t i = 0; rc == 0 && i < w->services_n; i++) {
		f.service = &w->services[i];
		rc = scan_service(&f, known, &result);
	}
	if (rc == 0)
		rc = database_transact(db, DB_WRITE, write_all, &f, err);
	result.changes = f.changes;
	result.totals = f.totals;
	if (rc == 0 && ret)
		*ret = result;
	inventory_known_free(known);
	inventory_batch_free(f.batch);
	triton_repositories_free(f.triton);
	rf_free(f.details);
	arena_release(&f.arena);
	return rc;
}
