/* workspace.h: the part that touches the disk: opening, making, recipes by name. */
#include "base/fs.h"
#include "base/hash.h"
#include "workspace/options.h"
#include "workspace/workspace.h"
#include "workspace/workspace_int.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#define RECIPE_SUFFIX ".yaml"
#define RECIPES_MAX 200000

/* Absolute and normal; links are not resolved, so that messages show the path as the user knows it. */
static int absolute(const char *folder, char *buffer, size_t size, struct err *err)
{
	char here[FS_PATH_MAX];
	if (!getcwd(here, sizeof here))
		return err_set_errno(err, errno, "the current folder cannot be told");
	if (!path_normal(here, span_of(folder), buffer, size))
		return err_set(err, RF_ETOOBIG, "a path longer than %zu bytes", size - 1);
	return 0;
}

/* ── services/ ───────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Programs write one file each. */
#define MAX_SERVICE_FILES 64

struct service_files {
	struct workspace_file list[MAX_SERVICE_FILES];
	size_t n;
	struct arena arena;
	struct err *err;
};

static int take_service_file(const struct fs_entry *e, void *data)
{
	struct service_files *f = data;
	RF_AUTO(str) text = STR_INIT(WORKSPACE_MAX_BYTES);
	if (e->depth != 1 || e->kind != FS_FILE || !span_ends(span_of(e->name), ".yaml"))
		return 0;
	if (f->n == MAX_SERVICE_FILES)
		return err_set(f->err, RF_ETOOMANY, "more than %d files of services", MAX_SERVICE_FILES);
	int rc = fs_read(e->path, &text, f->err);
	struct workspace_file *to = &f->list[f->n];
	if (rc)
		return rc;
	to->path = arena_text(&f->arena, span_of(e->path));
	to->yaml = arena_span(&f->arena, str_span(&text));
	f->n++;
	return to->path && to->yaml.p ? 0 : err_set(f->err, RF_ENOMEM, "out of memory for %s", e->path);
}

/* reforge.yaml and the files of services/, but for the one called @but when it is not NULL, which @instead stands for. */
static int open_services(struct span yaml, const char *file, const char *folder, const char *but,
			 const struct workspace_file *instead, struct workspace **ret, struct err *err)
{
	char path[FS_PATH_MAX];
	RF_AUTO_FREE struct service_files *f = rf_alloc(sizeof *f);
	if (!f)
		return err_set(err, RF_ENOMEM, "out of memory for %s", file);
	f->arena = ARENA_INIT(2 * WORKSPACE_MAX_BYTES);
	f->err = err;
	int rc = fs_join(path, sizeof path, folder, "services", err);
	if (rc == 0 && fs_is_dir(path))
		rc = fs_walk(path, take_service_file, f, err);
	for (size_t i = 0; rc == 0 && i < f->n && but; i++)
		if (strcmp(f->list[i].path, but) == 0)
			f->list[i--] = f->list[--f->n];
	if (rc == 0 && instead && f->n < MAX_SERVICE_FILES)
		f->list[f->n++] = *instead;
	if (rc == 0)
		rc = workspace_read_with(yaml, file, folder, f->list, f->n, ret, err);
	arena_release(&f->arena);
	return rc;
}

int workspace_services_write(const struct workspace *w, const char *name, struct span services, struct err *err)
{
	char folder[FS_PATH_MAX], path[FS_PATH_MAX], file[RECIPE_NAME_MAX + 8];
	RF_AUTO(str) yaml = STR_INIT(WORKSPACE_MAX_BYTES), text = STR_INIT(WORKSPACE_MAX_BYTES);
	RF_AUTO_PTR(workspace) check = NULL;
	if (!recipe_name_is_valid(span_of(name)))
		return err_set(err, RF_EINVALID, "\"%s\" is no name for a file of services", name);
	(void)snprintf(file, sizeof file, "%s.yaml", name);
	int rc = fs_join(folder, sizeof folder, w->folder, "services", err);
	if (rc == 0)
		rc = fs_join(path, sizeof path, folder, file, err);
	if (rc)
		return rc;
	if (span_eq_text(services, "{}"))
		return unlink(path) == 0 || errno == ENOENT ? 0 : err_set_errno(err, errno, "%s cannot be removed", path);
	str_addf(&text, "# Written by `reforge inventory import`; the next import replaces it. reforge.yaml wins.\n");
	str_addf(&text, "services: %.*s\n", SPAN_ARG(services));
	rc = str_check(&text, path, err);
	if (rc == 0)
		rc = fs_read(w->file, &yaml, err);
	struct workspace_file instead = { .path = path, .yaml = str_span(&text) };
	if (rc == 0)
		rc = open_services(str_span(&yaml), w->file, w->folder, path, &instead, &check, err);
	if (rc == 0)
		rc = fs_make_dirs(folder, 0755, err);
	return rc ? rc : fs_write_atomic(path, str_span(&text), 0644, err);
}

int workspace_open(const char *folder, struct workspace **ret, struct err *err)
{
	char path[FS_PATH_MAX], file[FS_PATH_MAX];
	int rc = absolute(folder, path, sizeof path, err);
	if (rc == 0)
		rc = fs_join(file, sizeof file, path, WORKSPACE_FILE, err);
	if (rc)
		return rc;
	RF_AUTO(str) yaml = STR_INIT(WORKSPACE_MAX_BYTES);
	rc = fs_read(file, &yaml, err);
	if (rc == RF_ENOTFOUND) {
		(void)err_set(err, rc,
			      "no workspace here: no " WORKSPACE_FILE
			      "; make one with `reforge init`, or name one with -C DIR");
		return err_in_file(err, path);
	}
	return rc ? rc : open_services(str_span(&yaml), file, path, NULL, NULL, ret, err);
}

int workspace_find(const char *start, char *buffer, size_t size, struct err *err)
{
	char path[FS_PATH_MAX], file[FS_PATH_MAX];
	int rc = absolute(start, path, sizeof path, err);
	if (rc)
		return rc;
	for (struct span at = span_of(path); at.n > 0; at.n = RF_MIN(span_rfind_byte(at, '/'), at.n)) {
		path[at.n] = '\0';
		rc = fs_join(file, sizeof file, path, WORKSPACE_FILE, err);
		if (rc)
			return rc;
		if (!fs_exists(file))
			continue;
		if (at.n >= size)
			return err_set(err, RF_ETOOBIG, "a path longer than %zu bytes", size - 1);
		memcpy(buffer, path, at.n + 1);
		return 0;
	}
	(void)err_set(err, RF_ENOTFOUND,
		      "no workspace here or above: no " WORKSPACE_FILE
		      "; make one with `reforge init`, or name one with -C DIR");
	return err_in_file(err, start);
}

/* What `reforge init` writes; %s is the site. Every key of the schema is named, most in comments. */
static const char template[] =
	"# The fleet of one site. Schema: docs/schema/reforge.schema.json. Paths are relative to this folder.\n"
	"\n"
	"# Names this site in its ledger; never change it.\n"
	"site: %s\n"
	"\n"
	"# State: an SQLite file, or postgresql://user@host/database where machines share it.\n"
	"database: reforge.db\n"
	"\n"
	"# Engines and releases, by content.\n"
	"depot: depot\n"
	"\n"
	"# What rebuilds may use of this machine. Left out: all processors, the memory that is free.\n"
	"# build: {jobs: 4, memory: 16GiB}\n"
	"\n"
	"# Sources of advisories. format: osv or csaf; tlp: clear, green, amber, amber+strict, red.\n"
	"feeds: {}\n"
	"#   nvidia: {kind: git, url: \"https://github.com/NVIDIA/product-security.git\"}\n"
	"#   nvd: {kind: nvd, keywords: [tensorrt], api_key_file: keys/nvd-api-key}\n"
	"#   ours: {path: feeds/ours, tlp: amber, max_age: 7d}      more in docs/feeds.md\n"
	"\n"
	"# What builds engines (onnxruntime, tensorrt, command), and where each version is cached.\n"
	"toolchains: {}\n"
	"#   onnxruntime:\n"
	"#     versions:\n"
	"#       1.20.1: {library: toolchains/onnxruntime/1.20.1/libonnxruntime.so, released: 2024-11-21}\n"
	"#       1.21.1: {library: toolchains/onnxruntime/1.21.1/libonnxruntime.so}\n"
	"\n"
	"# Environments and their clocks, counted from the advisory.\n"
	"environments:\n"
	"  production:\n"
	"    clocks: {confirm: 30m, environment: 1h, rebuild: 4h, canary: 8h, fleet: 24h}\n"
	"\n"
	"# What the gate does about what it finds. Without: affected and conflict are denied, unknown warns.\n"
	"# policies:\n"
	"#   production:\n"
	"#     environments: [production]\n"
	"#     severity: {warn: 4.0, deny: 7.0}\n"
	"#     grace: 7d\n"
	"#     unknown_subject: deny\n"
	"\n"
	"# Services: who answers, who can reach them, what loads their engines, where the engines are.\n"
	"# reach: isolated, internal, partner, public. criticality: low, normal, high, critical.\n"
	"# Under a root, MODEL/N/FILE (Triton's layout) and MODEL.EXT belong to recipes/MODEL.yaml.\n"
	"services: {}\n"
	"#   voice:\n"
	"#     owner: {name: voice-platform, contact: \"#voice-oncall\", deputy: platform-oncall}\n"
	"#     reach: public\n"
	"#     criticality: high\n"
	"#     environments: [production]\n"
	"#     runtime: onnxruntime@1.20.1\n"
	"#     roots: [fleet/voice]\n"
	"#     engines:\n"
	"#       - {path: /opt/legacy/wake.engine, recipe: wake-word}\n";

int workspace_init(const char *folder, const char *site, struct err *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {
		{ "recipes", 0777 }, { "keys", 0700 },    { "depot", 0777 },
		{ "ledger", 0777 },  { "reports", 0777 }, { "work", 0700 },
	};
	char path[FS_PATH_MAX];
	if (!recipe_name_is_valid(span_of(site)))
		return err_set(err, RF_EINVALID,
			       "\"%s\" cannot name a site: 1 to 128 of A-Z a-z 0-9 . _ -, not beginning with . or -",
			       site);
	int rc = fs_join(path, sizeof path, folder, WORKSPACE_FILE, err);
	if (rc)
		return rc;
	if (fs_exists(path)) {
		(void)err_set(err, RF_EEXISTS, "there is a workspace already");
		return err_in_file(err, path);
	}
	rc = fs_make_dirs(folder, 0777, err);
	for (size_t i = 0; rc == 0 && i < RF_COUNT(folders); i++) {
		char sub[FS_PATH_MAX];
		rc = fs_join(sub, sizeof sub, folder, folders[i].name, err);
		if (rc == 0)
			rc = fs_make_dirs(sub, folders[i].mode, err);
	}
	if (rc)
		return rc;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	str_addf(&text, template, site);
	rc = str_check(&text, WORKSPACE_FILE, err);
	/* last: a folder without it is no workspace, and init may run again */
	return rc ? rc : fs_write_new(path, str_span(&text), 0644, err);
}

static int load_recipe(const struct workspace *w, const char *name, const struct recipe **ret, struct err *err)
{
	char path[FS_PATH_MAX], file[RECIPE_NAME_MAX + sizeof RECIPE_SUFFIX];
	(void)snprintf(file, sizeof file, "%s" RECIPE_SUFFIX, name);
	int rc = fs_join(path, sizeof path, w->recipes, file, err);
	if (rc)
		return rc;
	RF_AUTO(str) yaml = STR_INIT(RECIPE_MAX_BYTES);
	rc = fs_read(path, &yaml, err);
	if (rc == RF_ENOTFOUND) {
		(void)err_set(err, rc, "no recipe \"%s\": write %s", name, path);
		return rc;
	}
	return rc ? rc : recipe_read(&w->private_->recipe_arena, str_span(&yaml), path, name, ret, err);
}

int workspace_recipe(const struct workspace *w, const char *name, const struct recipe **ret, struct err *err)
{
	struct workspace_private *p = w->private_;
	if (!recipe_name_is_valid(span_of(name)))
		return err_set(err, RF_EINVALID,
			       "\"%s\" cannot name a recipe: 1 to 128 of A-Z a-z 0-9 . _ -, not beginning with . or -",
			       name);
	/* Reading under the lock: a recipe is a millisecond, and is read once. */
	(void)pthread_mutex_lock(&p->lock);
	const struct recipe *r = map_get(&p->recipes, span_of(name));
	int rc = 0;
	if (!r) {
		rc = load_recipe(w, name, &r, err);
		if (rc == 0 && map_set(&p->recipes, span_of(r->model), (void *)(uintptr_t)r) != 0)
			rc = err_set(err, RF_ENOMEM, "out of memory for a recipe");
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (rc == 0)
		*ret = r;
	return rc;
}

struct names {
	const char **items;
	size_t n, capacity;
};

static int add_name(struct names *names, struct arena *a, const char *file)
{
	struct span name = span_of(file);
	if (!span_ends(name, RECIPE_SUFFIX))
		return 0;
	name.n -= sizeof RECIPE_SUFFIX - 1;
	if (!recipe_name_is_valid(name))
		return 0;
	if (names->n == RECIPES_MAX)
		return RF_ETOOMANY;
	if (names->n == names->capacity) {
		size_t capacity = names->capacity ? 2 * names->capacity : 64;
		const char **grown = rf_realloc_array((void *)names->items, capacity, sizeof *grown);
		if (!grown)
			return RF_ENOMEM;
		names->items = grown;
		names->capacity = capacity;
	}
	const char *copy = arena_text(a, name);
	if (!copy)
		return RF_ENOMEM;
	names->items[names->n++] = copy;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int list_names(const struct workspace *w, struct arena *a, struct names *names, struct err *err)
{
	DIR *dir = opendir(w->recipes);
	if (!dir) {
		(void)err_set_errno(err, errno, "recipes cannot be listed");
		return err_in_file(err, w->recipes);
	}
	int rc = 0;
	struct dirent *entry = NULL;
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		rc = add_name(names, a, entry->d_name);
	(void)closedir(dir);
	if (rc == 0)
		return 0;
	(void)err_set(err, rc, rc == RF_ETOOMANY ? "more than 200000 recipes" : "out of memory");
	return err_in_file(err, w->recipes);
}

int workspace_recipe_names(const struct workspace *w, struct arena *a, const char *const **ret, size_t *ret_n,
			   struct err *err)
{
	struct names names = { 0 };
	int rc = list_names(w, a, &names, err);
	const char **copy = rc == 0 ? arena_array(a, names.n + 1, sizeof *copy) : NULL;
	if (rc == 0 && !copy)
		rc = err_set(err, RF_ENOMEM, "out of memory");
	if (rc == 0) {
		if (names.n > 0)
			memcpy((void *)copy, (const void *)names.items, names.n * sizeof *copy);
		qsort((void *)copy, names.n, sizeof *copy, by_name);
		*ret = copy;
		*ret_n = names.n;
	}
	rf_free((void *)names.items);
	return rc;
}
