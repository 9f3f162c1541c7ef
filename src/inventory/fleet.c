/* fleet - see fleet.h */
#include "inventory/fleet.h"

#include "base/fs.h"
#include "inventory/scan_member.h"

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
	const struct workspace_service *service;
	const char *host;
	struct scan_totals totals;
	struct err *err;
};

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

static int take(const struct scan_file *file, void *data)
{
	struct fleet *f = data;
	struct workspace_place located;
	int rc = workspace_locate(f->workspace, file->outer ? file->outer : file->path, &located, f->err);
	/* a root inside another service's root: the nearer one scans it */
	if (rc != 0 || (located.service && located.service != f->service))
		return rc;
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

int fleet_scan(struct database *db, const struct workspace *w, const struct fleet_scan *options,
	       struct fleet_result *ret, struct err *err)
{
	char host[65] = "localhost";
	struct fleet_result result = { 0 };
	struct inventory_known *known = NULL;
	if (!options->host && gethostname(host, sizeof host - 1) != 0)
		memcpy(host, "localhost", sizeof "localhost");
	struct fleet f = {
		.workspace = w, .options = options, .host = options->host ? options->host : host, .err = err
	};
	f.batch = inventory_batch_new();
	int rc = f.batch ? inventory_known_load(db, &known, err) : err_set(err, RF_ENOMEM, "out of memory");
	if (rc == 0)
		rc = inventory_batch_whole_host(f.batch, f.host, is_named, &f, err);
	for (size_t i = 0; rc == 0 && i < w->services_n; i++) {
		f.service = &w->services[i];
		rc = scan_service(&f, known, &result);
	}
	if (rc == 0)
		rc = inventory_record(db, f.batch, &result.changes, err);
	result.totals = f.totals;
	if (rc == 0 && ret)
		*ret = result;
	inventory_known_free(known);
	inventory_batch_free(f.batch);
	return rc;
}
