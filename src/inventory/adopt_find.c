/* What lies on a disk for adopt: engines, models, logs, golden inputs, and whose they are. adopt.h is the manual. */
#include "inventory/adopt_int.h"

#include "base/fs.h"
#include "base/hash.h"
#include "format/csv.h"
#include "inventory/scan.h"
#include "inventory/triton_repository.h"
#include "workspace/workspace.h"

#include <errno.h>
#include <unistd.h>

#define MAX_THINGS 1000000

/* ── who owns what ───────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *const COLUMNS[] = { "folder", "service", "environment", "owner", "contact", "deputy", "platform", "runtime" };

static const char **column_of(struct adopt_assignment *r, size_t column)
{
	const char **const all[] = { &r->folder, &r->service, &r->environment, &r->owner, &r->contact, &r->deputy, &r->platform, &r->runtime };
	return all[column];
}

static int read_header(struct csv *c, const char *file, size_t *map, struct err *err)
{
	bool folder = false;
	int rc = csv_next(c, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 1 && i < c->count; i++) {
		map[i] = SIZE_MAX;
		for (size_t k = 0; k < RF_COUNT(COLUMNS); k++)
			if (span_eq_nocase(span_trim(c->fields[i]), span_of(COLUMNS[k])))
				map[i] = k;
		folder |= map[i] == 0;
		if (map[i] == SIZE_MAX) {
			rc = err_set(err, RF_EFORMAT,
				     "line 1: no column is called \"%.*s\"; known: folder, service, environment, owner, contact, "
				     "deputy, platform, runtime",
				     SPAN_ARG(span_sub(c->fields[i], 0, 60)));
			(void)err_in_file(err, file);
			return rc;
		}
	}
	if (folder)
		return 0;
	rc = err_set(err, RF_EFORMAT, "line 1: the column \"folder\" is missing");
	(void)err_in_file(err, file);
	return rc;
}

static int read_row(struct arena *a, const struct csv *c, const size_t *map, const char *base, struct adopt_assignment *r, struct err *err)
{
	char path[FS_PATH_MAX];
	*r = (struct adopt_assignment){ "", "", "", "", "", "", "", "" };
	for (size_t i = 0; i < c->count; i++) {
		char *text = arena_text(a, span_trim(c->fields[i]));
		if (!text)
			return err_set(err, RF_ENOMEM, "no memory for assignments");
		*column_of(r, map[i]) = text;
	}
	int rc = fs_join(path, sizeof path, base, r->folder, err);
	for (size_t n = strlen(path); rc == 0 && n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	if (rc == 0 && !(r->folder = arena_text(a, span_of(path))))
		rc = err_set(err, RF_ENOMEM, "no memory for assignments");
	return rc;
}

int adopt_assignments_read(struct arena *a, struct span csv, const char *file, const char *base, struct adopt_assignment **ret,
			   size_t *ret_count, struct err *err)
{
	size_t map[CSV_MAX_FIELDS], count = 0, room = 0;
	struct adopt_assignment *list = NULL;
	struct csv c __attribute__((cleanup(csv_end))) = csv_begin(csv, csv_guess_delimiter(csv));
	int rc = read_header(&c, file, map, err);
	size_t columns = c.count;
	while (rc == 0 && (rc = csv_next(&c, err)) == 1) {
		rc = 0;
		if (c.count != columns)
			rc = err_set(err, RF_EFORMAT, "line %llu: %zu fields, the header has %zu", (unsigned long long)c.line, c.count, columns);
		else if (count == ADOPT_MAX_ASSIGNMENTS)
			rc = err_set(err, RF_ETOOMANY, "more than %d rows", ADOPT_MAX_ASSIGNMENTS);
		if (rc == 0 && count == room) {
			size_t more = room ? room * 2 : 64;
			struct adopt_assignment *bigger = arena_array(a, more, sizeof *bigger);
			if (bigger && count)
				memcpy(bigger, list, count * sizeof *list);
			list = bigger;
			room = more;
			rc = list ? 0 : err_set(err, RF_ENOMEM, "no memory for assignments");
		}
		if (rc == 0)
			rc = read_row(a, &c, map, base, &list[count], err);
		count += rc == 0;
	}
	if (rc < 0) {
		(void)err_in_file(err, file);
		return rc;
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

/* ── collecting ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A growing array in the arena. */
struct pile {
	void *list;
	size_t count, room, size;
};

struct search {
	const struct workspace *w;
	const struct adopt_options *o;
	struct arena *a;
	struct adopt_found *found;
	struct pile engines, models, golden, services, news;
	struct adopt_commands commands;
	struct triton_repositories *triton;
	struct map services_by_name;
	struct map names; /* service name -> its root, for names that the folders give */
	struct err *err;
};

static int no_memory(struct search *f)
{
	return err_set(f->err, RF_ENOMEM, "no memory for what is to be adopted");
}

static void *pile_add(struct search *f, struct pile *p)
{
	if (p->count == MAX_THINGS)
		return NULL;
	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		void *list = arena_array(f->a, room, p->size);
		if (!list)
			return NULL;
		if (p->count)
			memcpy(list, p->list, p->count * p->size);
		p->list = list;
		p->room = room;
	}
	return (char *)p->list + p->size * p->count++;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0' || (n && folder[n - 1] == '/'));
}

static const struct adopt_assignment *assignment_of(const struct search *f, const char *path)
{
	const struct adopt_assignment *best = NULL;
	for (size_t i = 0; i < f->o->assignments_n; i++) {
		const struct adopt_assignment *r = &f->o->assignments[i];
		if (is_below(path, r->folder) && (!best || strlen(r->folder) > strlen(best->folder)))
			best = r;
	}
	return best;
}

/* The folder directly below the path given that holds @path; the path given when it is the file's own folder, or a
 * Triton repository of which @path is a model's version. */
static struct span service_root(const struct search *f, const char *path)
{
	struct span file = span_of(path), root = SPAN_NONE;
	for (size_t i = 0; i < f->o->paths_n; i++)
		if (is_below(path, f->o->paths[i]) && strlen(f->o->paths[i]) > root.n)
			root = span_of(f->o->paths[i]);
	while (root.n > 1 && root.p[root.n - 1] == '/')
		root.n--;
	struct span rest = span_from(file, RF_MIN(root.n + 1, file.n)), first, second, third;
	bool has_first = span_split(&rest, '/', &first);
	if (!has_first || !rest.p || !span_split(&rest, '/', &second))
		return root; /* the file lies in it */
	bool is_repository = rest.p && span_split(&rest, '/', &third) && !rest.p && span_is_digits(second);
	return is_repository ? root : (struct span){ file.p, root.n + 1 + first.n };
}

/* The name of a service of that root: the folder's; a second folder of the name gets "-2". */
static const char *name_service(struct search *f, struct span root)
{
	size_t slash = span_rfind_byte(root, '/');
	char *base = adopt_plain_name(f->a, slash == SIZE_MAX ? root : span_from(root, slash + 1)), *key = arena_text(f->a, root);
	const char *name = base && base[0] ? base : "fleet";
	for (int i = 2; base && key && name; i++) {
		const char *there = map_get(&f->names, span_of(name));
		if (there && strcmp(there, key) == 0)
			return name;
		if (!there && !workspace_service(f->w, span_of(name)))
			return map_set(&f->names, span_of(name), key) == 0 ? name : NULL;
		name = arena_printf(f->a, "%s-%d", base, i);
	}
	return NULL;
}

/* Owner of a service that adopt itself wrote without knowing one. */
#define UNASSIGNED "unassigned"

static int add_known_service(struct search *f, const struct workspace_service *s, const struct adopt_assignment *r)
{
	if (map_get(&f->services_by_name, span_of(s->name)))
		return 0;
	struct adopt_service *new = pile_add(f, &f->services);
	if (!new || map_set(&f->services_by_name, span_of(s->name), (void *)(uintptr_t)s->name) != 0)
		return no_memory(f);
	bool owned = strcmp(s->owner.name, UNASSIGNED) != 0;
	*new = (struct adopt_service){ s->name, owned ? s->owner.name : "", owned ? s->owner.contact : "",
				       owned ? s->owner.deputy : "", r ? r->platform : "" };
	return 0;
}

static int add_new_service(struct search *f, const char *name, const char *root, const struct adopt_assignment *r)
{
	if (map_get(&f->services_by_name, span_of(name)))
		return 0;
	struct adopt_service *s = pile_add(f, &f->services);
	struct adopt_new_service *n = pile_add(f, &f->news);
	if (!s || !n || map_set(&f->services_by_name, span_of(name), (void *)(uintptr_t)name) != 0)
		return no_memory(f);
	*s = (struct adopt_service){ name, r ? r->owner : "", r ? r->contact : "", r ? r->deputy : "", r ? r->platform : "" };
	*n = (struct adopt_new_service){ *s, root, r && r->environment[0] ? r->environment : f->o->environment,
					 r ? r->runtime : "" };
	return 0;
}

/* Whose @path is; makes the service known. */
static int service_of(struct search *f, const char *path, const struct workspace_place *located, const char **ret)
{
	const struct adopt_assignment *r = assignment_of(f, path);
	if (located->service) {
		*ret = located->service->name;
		return add_known_service(f, located->service, r);
	}
	bool named = r && r->service[0];
	struct span folder = named ? span_of(r->folder) : service_root(f, path);
	const char *root = arena_text(f->a, folder), *name = named ? r->service : root ? name_service(f, folder) : NULL;
	if (!root || !name)
		return no_memory(f);
	*ret = name;
	return add_new_service(f, name, root, r);
}

/* ── one file ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct span file_name(const char *path)
{
	size_t slash = span_rfind_byte(span_of(path), '/');
	return span_from(span_of(path), slash == SIZE_MAX ? 0 : slash + 1);
}

/* MODEL/N/FILE gives MODEL, else what stands before the first dot of the file's name. */
static const char *model_of(struct search *f, const char *path)
{
	struct span rest = span_of(path), name = file_name(path);
	size_t slash = span_rfind_byte(rest, '/');
	struct span folder = slash == SIZE_MAX ? SPAN_NONE : span_sub(rest, 0, slash);
	struct span version = span_from(folder, RF_MIN(span_rfind_byte(folder, '/') + 1, folder.n));
	if (span_is_digits(version) && version.n < folder.n) {
		struct span above = span_sub(folder, 0, folder.n - version.n - 1);
		struct span model = span_from(above, RF_MIN(span_rfind_byte(above, '/') + 1, above.n));
		if (model.n)
			return arena_text(f->a, model);
	}
	size_t dot = span_find_byte(name, '.');
	struct span stem = dot == SIZE_MAX || dot == 0 ? name : span_sub(name, 0, dot);
	return arena_text(f->a, stem.n ? stem : SPAN("engine"));
}

/* "8.6" is sm_86. */
static const char *gpu_of(struct search *f, const char *capability)
{
	const char *dot = strchr(capability, '.');
	return dot ? arena_printf(f->a, "sm_%.*s%s", (int)(dot - capability), capability, dot + 1) : "";
}

/* What a build needs so that the engine takes what config.pbtxt promises: one profile over all batch sizes. "" when a
 * dimension is open, or there is no batch. */
static const char *shapes_of(struct search *f, const struct triton_config *c)
{
	RF_AUTO(str) least = STR_INIT(8 * KIB);
	RF_AUTO(str) most = STR_INIT(8 * KIB);
	if (c->max_batch_size < 1 || !c->inputs_n)
		return "";
	for (size_t i = 0; i < c->inputs_n; i++) {
		const struct triton_tensor *t = &c->inputs[i];
		str_addf(&least, "%s%s:1", i ? "," : "", t->name);
		str_addf(&most, "%s%s:%lld", i ? "," : "", t->name, (long long)c->max_batch_size);
		for (size_t k = 0; k < t->dims_n; k++) {
			if (t->dims[k] < 1)
				return "";
			str_addf(&least, "x%lld", (long long)t->dims[k]);
			str_addf(&most, "x%lld", (long long)t->dims[k]);
		}
	}
	if (least.failed || most.failed)
		return "";
	return arena_printf(f->a, "--minShapes=%s --optShapes=%s --maxShapes=%s", str_text(&least), str_text(&most), str_text(&most));
}

/* The nearest folder above @path that is called so; empty: none. */
static struct span folder_called(const char *path, const char *name)
{
	struct span rest = span_of(path);
	for (size_t slash; (slash = span_rfind_byte(rest, '/')) != SIZE_MAX;) {
		rest.n = slash;
		size_t above = span_rfind_byte(rest, '/');
		if (span_eq_text(span_from(rest, above == SIZE_MAX ? 0 : above + 1), name))
			return rest;
	}
	return SPAN_NONE;
}

/* What the model's config.pbtxt adds to what the file says of itself. */
static int look_at_triton(struct search *f, struct adopt_engine *e, bool named)
{
	struct triton_verdict v;
	int rc = triton_look(f->triton, e->path, &v, f->err);
	if (rc != 0 || v.load == TRITON_OUTSIDE || !v.model)
		return rc;
	if (!named)
		e->model = arena_text(f->a, span_of(v.model));
	e->folder = arena_text(f->a, folder_called(e->path, v.model));
	if (!v.config)
		return e->model && e->folder ? 0 : no_memory(f);
	e->config = arena_printf(f->a, "%s/config.pbtxt", e->folder);
	const char *backend = triton_backend(v.config);
	if (strcmp(backend, "tensorrt") == 0 || strcmp(backend, "onnxruntime") == 0)
		e->config_backend = arena_text(f->a, span_of(backend));
	for (size_t i = 0; i < v.config->cc_files_n; i++)
		if (span_eq_text(file_name(e->path), v.config->cc_files[i].value))
			e->config_target = gpu_of(f, v.config->cc_files[i].key);
	e->shapes = shapes_of(f, v.config);
	return e->model && e->folder && e->config && e->config_backend && e->config_target && e->shapes ? 0 : no_memory(f);
}

static bool has_recipe(const struct search *f, const char *name)
{
	char path[FS_PATH_MAX], file[RECIPE_NAME_MAX + 8];
	struct err ignored = ERR_INIT;
	(void)snprintf(file, sizeof file, "%s.yaml", name);
	return name[0] && fs_join(path, sizeof path, f->w->recipes, file, &ignored) == 0 && fs_exists(path);
}

static int take_engine(struct search *f, const struct scan_file *file)
{
	const struct artifact_facts *facts = file->facts;
	struct workspace_place located;
	char hex[DIGEST_HEX], capability[32] = "";
	int rc = workspace_locate(f->w, file->path, &located, f->err);
	if (rc == 0 && located.service && has_recipe(f, located.recipe)) {
		f->found->recorded++;
		return 0;
	}
	struct adopt_engine *e = rc == 0 ? pile_add(f, &f->engines) : NULL;
	if (!e)
		return rc ? rc : no_memory(f);
	if (facts->cc_major >= 0)
		(void)snprintf(capability, sizeof capability, "%d.%d", facts->cc_major, facts->cc_minor);
	*e = (struct adopt_engine){
		.path = arena_text(f->a, span_of(file->path)),
		.model = located.service && located.recipe[0] ? arena_text(f->a, span_of(located.recipe)) : model_of(f, file->path),
		.kind = facts->kind,
		.product = facts->product,
		.version = arena_text(f->a, span_of(facts->version)),
		.target = arena_text(f->a, span_of(facts->target)),
		.compute_capability = arena_text(f->a, span_of(capability)),
		.digest = arena_text(f->a, span_of(file->has_digest ? digest_hex(&file->digest, hex) : "")),
		.source_digest = arena_text(f->a, facts->stamp.source),
		.folder = "",
		.config = "",
		.config_target = "",
		.config_backend = "",
		.shapes = "",
		.conflict = facts->finding == ARTIFACT_CONFLICT,
		.cause = facts->finding == ARTIFACT_CONFLICT ? facts->cause : "",
		.rule = facts->finding == ARTIFACT_CONFLICT && facts->rule_count ? facts->rules[0] : "",
	};
	if (!e->path || !e->model || !e->version || !e->target || !e->compute_capability || !e->digest || !e->source_digest)
		return no_memory(f);
	rc = look_at_triton(f, e, located.service && located.recipe[0]);
	return rc ? rc : service_of(f, e->path, &located, &e->service);
}

static int take_model(struct search *f, const struct scan_file *file)
{
	struct adopt_model *m = pile_add(f, &f->models);
	char hex[DIGEST_HEX];
	if (!m)
		return no_memory(f);
	*m = (struct adopt_model){ .path = arena_text(f->a, span_of(file->path)),
				   .digest = arena_text(f->a, span_of(digest_hex(&file->digest, hex))),
				   .refused = file->facts->finding == ARTIFACT_CONFLICT };
	return m->path && m->digest ? 0 : no_memory(f);
}

/* inputs.json beside the cases (docs/prove.md): {"format": 1, "model": "det", ...}. */
static int take_golden(struct search *f, const char *path, struct span text)
{
	__attribute__((cleanup(json_doc_freep))) struct json_doc *doc = json_doc_new();
	struct json root;
	if (!doc)
		return no_memory(f);
	if (json_parse(doc, text, &root, NULL) != 0)
		return 0;
	struct span model = json_string(json_get(root, "model")), name = file_name(path);
	if (!model.n)
		return 0;
	struct adopt_golden *g = pile_add(f, &f->golden);
	if (!g)
		return no_memory(f);
	*g = (struct adopt_golden){ arena_text(f->a, model), arena_text(f->a, (struct span){ path, strlen(path) - name.n - 1 }) };
	return g->model && g->path ? 0 : no_memory(f);
}

/* Where a build may be written down: logs, scripts, pipelines. */
static bool may_speak_of_builds(struct span name)
{
	static const char *const ENDS[] = { ".log", ".txt", ".out", ".err", ".sh", ".bash", ".yml", ".yaml", ".mk", ".md", ".ci", ".groovy", ".jenkinsfile" };
	static const char *const STARTS[] = { "Dockerfile", "Jenkinsfile", "Makefile", "build.log", "trtexec" };
	for (size_t i = 0; i < RF_COUNT(ENDS); i++)
		if (span_ends(name, ENDS[i]))
			return true;
	for (size_t i = 0; i < RF_COUNT(STARTS); i++)
		if (span_starts(name, STARTS[i]))
			return true;
	return false;
}

static int take_text(struct search *f, const struct scan_file *file, bool golden)
{
	RF_AUTO(str) text = STR_INIT(ADOPT_MAX_LOG_BYTES);
	struct err reason = ERR_INIT;
	int rc = fs_read(file->path, &text, &reason);
	if (rc == RF_ENOMEM)
		return no_memory(f);
	if (rc != 0) {
		f->found->unread++;
		return 0;
	}
	if (golden)
		return take_golden(f, file->path, str_span(&text));
	if (span_find(str_span(&text), SPAN("trtexec")) == SIZE_MAX)
		return 0;
	f->found->logs++;
	const char *path = arena_text(f->a, span_of(file->path));
	return path ? adopt_log_read(&f->commands, str_span(&text), path, f->err) : no_memory(f);
}

static int take_file(const struct scan_file *file, void *data)
{
	struct search *f = data;
	struct span name = file_name(file->path);
	if (file->outer) {
		f->found->packed += artifact_kind_is_engine(span_of(file->facts->kind));
		return 0;
	}
	if (file->error) {
		f->found->unread++;
		return 0;
	}
	if (artifact_kind_is_engine(span_of(file->facts->kind)) ||
	    (file->facts->finding == ARTIFACT_UNKNOWN && artifact_named_like_engine(name)))
		return take_engine(f, file);
	if (strcmp(file->facts->kind, ARTIFACT_ONNX) == 0)
		return take_model(f, file);
	if (span_eq_text(name, "inputs.json"))
		return take_text(f, file, true);
	return may_speak_of_builds(name) ? take_text(f, file, false) : 0;
}

/* ── all ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct adopt_new_service *)a)->service.name, ((const struct adopt_new_service *)b)->service.name);
}

int adopt_find(const struct workspace *w, const struct adopt_options *o, struct arena *a, struct adopt_found *ret, struct err *err)
{
	*ret = (struct adopt_found){ .logs = 0 };
	struct search f = { .w = w, .o = o, .a = a, .found = ret, .commands = { .a = a }, .err = err };
	f.engines.size = sizeof(struct adopt_engine);
	f.models.size = sizeof(struct adopt_model);
	f.golden.size = sizeof(struct adopt_golden);
	f.services.size = sizeof(struct adopt_service);
	f.news.size = sizeof(struct adopt_new_service);
	struct scan_options options = { .progress = o->progress, .progress_data = o->data };
	f.triton = triton_repositories_new();
	int rc = !f.triton ? no_memory(&f) : scan_files(o->paths, o->paths_n, &options, take_file, &f, NULL, err);
	const char *const *taken = NULL;
	size_t taken_n = 0;
	if (rc == 0)
		rc = workspace_recipe_names(w, a, &taken, &taken_n, err);
	triton_repositories_free(f.triton);
	map_release(&f.services_by_name);
	map_release(&f.names);
	if (rc != 0)
		return rc;
	ret->facts = (struct adopt_facts){
		.engines = f.engines.list, .engines_n = f.engines.count, .models = f.models.list, .models_n = f.models.count,
		.commands = f.commands.list, .commands_n = f.commands.count, .services = f.services.list, .services_n = f.services.count,
		.golden = f.golden.list, .golden_n = f.golden.count, .taken = taken, .taken_n = taken_n,
	};
	ret->new_services = f.news.list;
	ret->new_services_n = f.news.count;
	if (f.news.count)
		qsort(f.news.list, f.news.count, f.news.size, by_name);
	return 0;
}
