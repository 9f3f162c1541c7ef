/* What adopt found becomes files, services and as-found releases. adopt.h is the manual. */
#include "inventory/adopt_int.h"

#include "base/fs.h"
#include "base/hash.h"
#include "depot/channel.h"
#include "workspace/workspace.h"

#include <errno.h>
#include <unistd.h>

/* ── reforge.yaml ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Does the place of an engine below @root name that recipe by itself (workspace_locate())? */
static bool layout_names(const char *root, const char *path, const char *recipe)
{
	size_t n = strlen(root), m = strlen(recipe);
	const char *rest = path + n;
	if (strncmp(path, root, n) != 0 || *rest != '/' || strncmp(++rest, recipe, m) != 0)
		return false;
	rest += m;
	if (*rest == '.')
		return !strchr(rest, '/') && !strchr(rest + 1, '.');
	const char *slash = *rest == '/' ? strchr(rest + 1, '/') : NULL;
	return slash && span_is_digits((struct span){ rest + 1, (size_t)(slash - rest - 1) }) && !strchr(slash + 1, '/');
}

static void write_engines(const struct adopt_new_service *n, const struct adopt_draft *drafts, size_t count, struct str *to)
{
	bool any = false;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < drafts[i].engines_n; k++) {
			const struct adopt_engine *e = drafts[i].engines[k];
			if (strcmp(e->service, n->service.name) != 0 || layout_names(n->root, e->path, drafts[i].name))
				continue;
			str_add_text(to, any ? "" : "    engines:\n");
			any = true;
			str_add_text(to, "      - {path: ");
			adopt_quoted(to, e->path);
			str_add_text(to, ", recipe: ");
			adopt_quoted(to, drafts[i].name);
			str_add_text(to, "}\n");
		}
}

static void write_service(const struct adopt_new_service *n, const struct adopt_draft *drafts, size_t count, struct str *to)
{
	const struct adopt_service *s = &n->service;
	str_add_text(to, "  ");
	adopt_quoted(to, s->name);
	str_add_text(to, ":\n    owner: {name: ");
	adopt_quoted(to, s->owner[0] ? s->owner : "unassigned");
	str_add_text(to, ", contact: ");
	adopt_quoted(to, s->contact[0] ? s->contact : "unassigned: see adopt/questions.md");
	if (s->deputy[0]) {
		str_add_text(to, ", deputy: ");
		adopt_quoted(to, s->deputy);
	}
	str_add_text(to, "}\n    # adopt was not told these two: taken for the worse\n    reach: public\n    criticality: high\n    environments: [");
	adopt_quoted(to, n->environment);
	str_add_text(to, "]\n");
	if (n->runtime[0]) {
		str_add_text(to, "    runtime: ");
		adopt_quoted(to, n->runtime);
		str_add_byte(to, '\n');
	}
	str_add_text(to, "    roots: [");
	adopt_quoted(to, n->root);
	str_add_text(to, "]\n");
	write_engines(n, drafts, count, to);
}

static void write_services(const struct adopt_found *found, const struct adopt_draft *drafts, size_t count, struct str *to)
{
	str_add_text(to, "  # Adopted: written by `reforge adopt`; yours to edit.\n");
	for (size_t i = 0; i < found->new_services_n; i++)
		write_service(&found->new_services[i], drafts, count, to);
}

/* What stands behind "services:", its comment left out. */
static struct span value_behind(struct span line)
{
	struct span v = span_from(line, strlen("services:"));
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '#' && (i == 0 || v.p[i - 1] == ' ' || v.p[i - 1] == '\t'))
			v.n = i;
	return span_trim(v);
}

int adopt_services_yaml(const struct adopt_found *found, const struct adopt_draft *drafts, size_t count, struct span yaml,
			struct str *ret, struct err *err)
{
	struct span rest = yaml, line;
	bool done = found->new_services_n == 0;
	for (struct span before = rest; span_line(&rest, &line); before = rest) {
		size_t whole = rest.p ? (size_t)(rest.p - before.p) : before.n;
		if (done || !span_starts(line, "services:")) {
			str_add(ret, span_sub(before, 0, whole));
			continue;
		}
		struct span value = value_behind(line);
		if (value.n && !span_eq_text(value, "{}") && !span_eq_text(value, "~"))
			return err_set(err, RF_EUNSUPPORTED,
				       "`services` is written in one line ({...}): write each service on lines of its own, then "
				       "adopt can add others");
		str_add_text(ret, "services:\n");
		write_services(found, drafts, count, ret);
		done = true;
	}
	if (!done) {
		str_add_text(ret, yaml.n && yaml.p[yaml.n - 1] != '\n' ? "\n\nservices:\n" : "\nservices:\n");
		write_services(found, drafts, count, ret);
	}
	return str_check(ret, WORKSPACE_FILE, err);
}

/* ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int make_path(char path[FS_PATH_MAX], const char *folder, const char *name, const char *suffix, struct err *err)
{
	char file[RECIPE_NAME_MAX + 32];
	(void)snprintf(file, sizeof file, "%s%s", name, suffix);
	return fs_join(path, FS_PATH_MAX, folder, file, err);
}

/* A draft that became a recipe is a draft no more. */
static int drop_draft(const char *folder, const char *name, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = make_path(path, folder, name, ".yaml", err);
	if (rc == 0 && unlink(path) != 0 && errno != ENOENT) {
		rc = err_set_errno(err, errno, "cannot remove a draft");
		(void)err_in_file(err, path);
	}
	return rc;
}

static int write_draft(const struct workspace *w, const char *drafts, const struct adopt_draft *d, struct adopt_written *ret, struct err *err)
{
	RF_AUTO(str) yaml = STR_INIT(RECIPE_MAX_BYTES);
	char path[FS_PATH_MAX];
	adopt_recipe_yaml(d, &yaml);
	int rc = str_check(&yaml, "a draft", err);
	if (rc == 0)
		rc = make_path(path, d->state == ADOPT_READY ? w->recipes : drafts, d->name, ".yaml", err);
	if (rc != 0)
		return rc;
	if (d->state != ADOPT_READY) {
		ret->drafts++;
		return fs_write_atomic(path, str_span(&yaml), 0644, err);
	}
	rc = fs_write_new(path, str_span(&yaml), 0644, err);
	if (rc == RF_EEXISTS) /* an earlier run was killed behind it, or somebody was faster */
		rc = 0;
	ret->recipes += rc == 0;
	return rc ? rc : drop_draft(drafts, d->name, err);
}

static int write_questions(const struct workspace *w, const struct adopt_draft *drafts, size_t count, struct err *err)
{
	RF_AUTO(str) text = STR_INIT(256 * MIB);
	char folder[FS_PATH_MAX], path[FS_PATH_MAX];
	int rc = fs_join(folder, sizeof folder, w->folder, "adopt", err);
	if (rc == 0)
		rc = fs_make_dirs(folder, 0777, err);
	if (rc == 0)
		rc = fs_join(path, sizeof path, folder, "questions.md", err);
	adopt_questions_markdown(drafts, count, &text);
	if (rc == 0)
		rc = str_check(&text, "the questions", err);
	return rc ? rc : fs_write_atomic(path, str_span(&text), 0644, err);
}

static int write_workspace(const struct workspace *w, const struct adopt_found *found, const struct adopt_draft *drafts, size_t count,
			   struct err *err)
{
	RF_AUTO(str) old = STR_INIT(WORKSPACE_MAX_BYTES);
	RF_AUTO(str) new = STR_INIT(WORKSPACE_MAX_BYTES);
	struct workspace *check = NULL;
	if (!found->new_services_n)
		return 0;
	int rc = fs_read(w->file, &old, err);
	if (rc == 0)
		rc = adopt_services_yaml(found, drafts, count, str_span(&old), &new, err);
	/* never a reforge.yaml that nobody can read, or that has lost a service */
	if (rc == 0)
		rc = workspace_read(str_span(&new), w->file, w->folder, &check, err);
	if (rc == 0 && check->services_n != w->services_n + found->new_services_n)
		rc = err_set(err, RF_EINTERNAL, "%s would hold %zu services, not %zu", w->file, check->services_n,
			     w->services_n + found->new_services_n);
	workspace_free(check);
	return rc ? rc : fs_write_atomic(w->file, str_span(&new), 0644, err);
}

int adopt_write(const struct workspace *w, const struct adopt_found *found, const struct adopt_draft *drafts, size_t count,
		struct adopt_written *ret, struct err *err)
{
	char folder[FS_PATH_MAX];
	int rc = fs_join(folder, sizeof folder, w->recipes, "drafts", err);
	if (rc == 0)
		rc = fs_make_dirs(folder, 0777, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = write_draft(w, folder, &drafts[i], ret, err);
	if (rc == 0)
		rc = write_questions(w, drafts, count, err);
	return rc ? rc : write_workspace(w, found, drafts, count, err);
}

/* ── as found ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The engines of one service. */
struct gathering {
	const struct workspace_service *service;
	struct arena a;
	struct release_row *rows;
	size_t count;
	struct map keys; /* target and model */
	struct depot *depot;
	uint64_t bytes;
	struct err *err;
};

static void gathering_release(struct gathering *g)
{
	map_release(&g->keys);
	arena_release(&g->a);
}

static int no_memory(struct gathering *g)
{
	return err_set(g->err, RF_ENOMEM, "no memory for an as-found release");
}

static char *word(struct gathering *g, const char *text)
{
	char *w = arena_text(&g->a, span_sub(span_of(text), 0, RELEASE_NAME_MAX - 8));
	for (char *c = w; c && *c; c++)
		if (!release_name_ok((struct span){ c, 1 }) && (c == w || *c != '.'))
			*c = '-';
	return w;
}

/* Unique in the release: a second engine of that model and target gets "-2". */
static int choose_model(struct gathering *g, struct release_row *row, const char *name)
{
	for (int i = 1;; i++) {
		row->model = i == 1 ? word(g, name) : arena_printf(&g->a, "%s-%d", word(g, name), i);
		char *key = row->model ? arena_printf(&g->a, "%s\n%s", row->target, row->model) : NULL;
		if (!key)
			return no_memory(g);
		if (!map_get(&g->keys, span_of(key)))
			return map_set(&g->keys, span_of(key), key) == 0 ? 0 : no_memory(g);
	}
}

/* What the engine claims, nothing more. */
static int add_row(struct gathering *g, const struct adopt_draft *d, const struct adopt_engine *e)
{
	struct release_row *row = &g->rows[g->count];
	struct digest expected;
	const char *slash = strrchr(e->path, '/'), *toolchain = d->toolchain.value;
	*row = (struct release_row){ .version = 1, .carried_over = true, .file = word(g, slash ? slash + 1 : e->path) };
	row->target = strchr(e->target, '/') ? e->target
		      : e->target[0]         ? arena_printf(&g->a, "unknown/%s", e->target)
					     : "unknown/unknown";
	if (e->product && toolchain[0] && release_name_ok(span_of(e->version)))
		row->builder = (struct release_toolchain){ .name = toolchain, .version = e->version };
	if (g->service->runtime_toolchain)
		row->runtime = (struct release_toolchain){ .name = g->service->runtime_toolchain, .version = g->service->runtime_version };
	if (!row->file || !row->target)
		return no_memory(g);
	int rc = choose_model(g, row, d->name);
	if (rc == 0)
		rc = digest_read(span_of(e->digest), &expected, g->err);
	if (rc == 0)
		rc = depot_put_file(g->depot, e->path, &expected, &row->engine, &row->engine_bytes, g->err);
	g->bytes += row->engine_bytes;
	g->count += rc == 0;
	return rc;
}

static int gather(struct gathering *g, const struct adopt_draft *drafts, size_t count)
{
	size_t most = 0;
	for (size_t i = 0; i < count; i++)
		most += drafts[i].engines_n;
	g->rows = arena_array(&g->a, most + 1, sizeof *g->rows);
	if (!g->rows)
		return no_memory(g);
	int rc = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; rc == 0 && k < drafts[i].engines_n; k++)
			if (strcmp(drafts[i].engines[k]->service, g->service->name) == 0)
				rc = add_row(g, &drafts[i], drafts[i].engines[k]);
	return rc;
}

/* One release on its way into the database. */
struct recording {
	struct release release;
	struct release_published published;
	const char *actor;
	char name[RELEASE_NAME_MAX + 1];
	bool has_stable;
};

static int prepare(struct transaction *tx, void *data)
{
	struct recording *r = data;
	struct channel stable;
	int rc = channel_get(tx, r->release.service, r->release.environment, "stable", &stable);
	r->has_stable = rc == 0 && stable.release[0];
	return rc ? rc : release_name_free(tx, r->release.service, r->release.created_at, "as-found", r->name);
}

static int record(struct transaction *tx, void *data)
{
	struct recording *r = data;
	int rc = release_record(tx, &r->release, &r->published, r->actor);
	return rc ? rc : channel_set(tx, r->release.service, r->release.environment, "stable", r->release.name, CHANNEL_ANY_GENERATION, r->actor, NULL);
}

static int release_one(struct gathering *g, struct database *db, const char *environment, const char *actor, int64_t now, struct adopt_written *ret)
{
	struct recording r = { .release = { .service = g->service->name, .environment = environment, .name = "", .as_found = true,
					    .created_at = now, .created_by = actor, .rows = g->rows, .row_count = g->count },
			       .actor = actor };
	int rc = database_transact(db, DB_READ, prepare, &r, g->err);
	if (rc != 0 || r.has_stable)
		return rc;
	r.release.name = r.name;
	rc = release_publish(g->depot, NULL, &r.release, &r.published, g->err);
	if (rc == 0)
		rc = database_transact(db, DB_WRITE, record, &r, g->err);
	if (rc != 0)
		return rc;
	ret->releases++;
	ret->engines += g->count;
	return 0;
}

int adopt_release(const struct workspace *w, struct database *db, struct depot *depot, const struct adopt_draft *drafts, size_t count,
		  const char *actor, int64_t now_usec, struct adopt_written *ret, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->services_n; i++) {
		RF_AUTO(gathering) g = { .service = &w->services[i], .a = ARENA_INIT(256 * MIB), .depot = depot, .err = err };
		rc = gather(&g, drafts, count);
		for (size_t k = 0; rc == 0 && g.count && k < g.service->environments_n; k++)
			rc = release_one(&g, db, g.service->environments[k]->name, actor, now_usec, ret);
		if (rc == 0)
			ret->bytes += g.bytes;
	}
	return rc ? rc : channel_project(depot, db, NULL, err);
}
