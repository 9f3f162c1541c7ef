/* triton_repository - see the header. */
#include "inventory/triton_repository.h"

#include "base/fs.h"
#include "base/hash.h"

#include <dirent.h>

#define MAX_FOLDERS 20000
#define MAX_VERSIONS 10000
/* A configuration of 60 KB takes some 200 KB; most take 2. */
#define ARENA_BYTES (512 * MIB)
/* MODEL/N/model.savedmodel/variables/x: files that belong to a version lie no deeper than this below it. */
#define MAX_BELOW 6

struct model {
	const char *folder, *name;
	bool has_config, told;    /* told: the configuration could be read, and fits its folder */
	bool refused;             /* readable, but a server would not load the model */
	const char *problem;      /* why not told or refused */
	struct triton_config config;
	bool listed;              /* versions[] is filled */
	int64_t *versions;        /* ascending */
	size_t versions_n;
};

struct triton_repositories {
	struct triton_source source;
	struct arena arena;
	struct map models;        /* folder -> struct model; one without config.pbtxt as well */
};

/* ── The disk ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int disk_read(void *data, const char *path, struct str *to, struct err *err)
{
	(void)data;
	return fs_read(path, to, err);
}

static bool is_folder(DIR *parent, const struct dirent *e)
{
	struct stat st;
	if (e->d_type == DT_DIR)
		return true;
	return (e->d_type == DT_LNK || e->d_type == DT_UNKNOWN) && fstatat(dirfd(parent), e->d_name, &st, 0) == 0 &&
	       S_ISDIR(st.st_mode);
}

static int disk_folders(void *data, const char *folder, int (*visit)(struct span name, void *visit_data), void *visit_data)
{
	int rc = 0;
	DIR *d = opendir(folder);
	(void)data;
	if (!d)
		return RF_ENOTFOUND;
	for (struct dirent *e; rc == 0 && (e = readdir(d));)
		if (is_folder(d, e))
			rc = visit(span_of(e->d_name), visit_data);
	(void)closedir(d);
	return rc;
}

static const struct triton_source disk = { disk_read, disk_folders, NULL };

/* ── Repositories ────────────────────────────────────────────────────────────────────────────────────────────────── */

struct triton_repositories *triton_repositories_new(void)
{
	return triton_repositories_new_in(&disk);
}

struct triton_repositories *triton_repositories_new_in(const struct triton_source *source)
{
	struct triton_repositories *t = rf_alloc(sizeof *t);
	if (!t)
		return NULL;
	t->source = *source;
	t->arena = ARENA_INIT(ARENA_BYTES);
	return t;
}

void triton_repositories_free(struct triton_repositories *t)
{
	if (!t)
		return;
	map_release(&t->models);
	arena_release(&t->arena);
	rf_free(t);
}

void triton_repositories_freep(struct triton_repositories **t)
{
	triton_repositories_free(*t);
	*t = NULL;
}

/* A version folder's name: digits that do not start with 0. */
static bool version_of(struct span name, int64_t *ret)
{
	return name.n > 0 && name.p[0] != '0' && span_is_digits(name) && span_i64(name, ret);
}

/* ── A model's folder ────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_versions(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

struct listing {
	int64_t *found;
	size_t n;
};

#define ENOUGH 1

static int version_take(struct span name, void *data)
{
	struct listing *l = data;
	l->n += version_of(name, &l->found[l->n]);
	return l->n == MAX_VERSIONS ? ENOUGH : 0;
}

/* Numbered folders; a folder that cannot be listed has none, which problem tells. */
static int versions_read(struct triton_repositories *t, struct model *m)
{
	RF_AUTO_FREE int64_t *found = rf_realloc_array(NULL, MAX_VERSIONS, sizeof *found);
	struct listing l = { found, 0 };
	m->listed = true;
	if (!found)
		return RF_ENOMEM;
	int rc = t->source.folders(t->source.data, m->folder, version_take, &l);
	if (rc != 0 && rc != ENOUGH) {
		m->told = false;
		m->problem = "the model's folder cannot be listed";
		return rc == RF_ENOMEM ? rc : 0;
	}
	if (l.n)
		qsort(found, l.n, sizeof *found, compare_versions);
	m->versions = arena_array(&t->arena, l.n + 1, sizeof *found);
	if (m->versions && l.n)
		memcpy(m->versions, found, l.n * sizeof *found);
	m->versions_n = l.n;
	return m->versions ? 0 : RF_ENOMEM;
}

/* 0 also when it cannot be read: the problem says so. */
static int config_read(struct triton_repositories *t, const char *file, struct model *m)
{
	RF_AUTO(str) text = STR_INIT(TRITON_CONFIG_MAX_BYTES);
	struct err why = ERR_INIT;
	char line[2048];
	int rc = t->source.read(t->source.data, file, &text, &why);
	m->has_config = rc != RF_ENOTFOUND;
	if (rc == RF_ENOTFOUND) {
		m->config = triton_config_default();
		m->told = true;
		return 0;
	}
	if (rc == 0)
		rc = triton_config_read(str_span(&text), "config.pbtxt", &t->arena, &m->config, &why);
	m->told = rc == 0;
	if (rc == 0)
		return 0;
	m->problem = arena_text(&t->arena, span_of(err_render(&why, line, sizeof line)));
	return m->problem && rc != RF_ENOMEM ? 0 : RF_ENOMEM;
}

static int model_load(struct triton_repositories *t, struct span folder, struct model **ret)
{
	char *path = arena_text(&t->arena, folder), *file = arena_printf(&t->arena, "%.*s/config.pbtxt", SPAN_ARG(folder));
	struct model *m = arena_alloc(&t->arena, sizeof *m);
	if (!path || !file || !m)
		return RF_ENOMEM;
	m->folder = path;
	m->name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	int rc = config_read(t, file, m);
	if (rc == 0 && m->told && m->config.name[0] && strcmp(m->config.name, m->name) != 0) {
		m->refused = true;
		m->problem = arena_printf(&t->arena, "config.pbtxt names the model \"%s\": a server refuses a folder of another name",
					  m->config.name);
		rc = m->problem ? 0 : RF_ENOMEM;
	}
	if (rc || map_set(&t->models, span_of(path), m))
		return RF_ENOMEM;
	*ret = m;
	return 0;
}

static int model_of(struct triton_repositories *t, struct span folder, struct model **ret)
{
	*ret = map_get(&t->models, folder);
	return *ret ? 0 : model_load(t, folder, ret);
}

/* ── The verdict ─────────────────────────────────────────────────────────────────────────────────────────────────── */

struct look {
	struct triton_repositories *t;
	struct triton_verdict *v;
	const struct model *m;
	struct span file; /* below the version folder, or the model's */
};

static int say(struct look *l, enum triton_load load, const char *words)
{
	l->v->load = load;
	l->v->words = words;
	return words ? 0 : RF_ENOMEM;
}

/* "newest 2", "all", "1, 3" */
static const char *policy_words(struct look *l)
{
	const struct triton_config *c = &l->m->config;
	RF_AUTO(str) s = STR_INIT(4 * KIB);
	if (c->policy == TRITON_LATEST)
		str_addf(&s, "latest %lld", (long long)c->latest_n);
	for (size_t i = 0; c->policy == TRITON_SPECIFIC && i < RF_MIN(c->versions_n, (size_t)16); i++)
		str_addf(&s, "%s%lld", i ? ", " : "specific ", (long long)c->versions[i]);
	return arena_text(&l->t->arena, str_span(&s));
}

/* The keys of cc_model_filenames that name the file: "8.6, 8.9". */
static const char *capabilities_of(struct look *l)
{
	const struct triton_config *c = &l->m->config;
	RF_AUTO(str) s = STR_INIT(4 * KIB);
	for (size_t i = 0; i < c->cc_files_n; i++)
		if (span_eq_text(l->file, c->cc_files[i].value))
			str_addf(&s, "%s%s", s.n ? ", " : "", c->cc_files[i].key);
	return s.n ? arena_text(&l->t->arena, str_span(&s)) : "";
}

/* The file is @name, or lies in a folder of that name. */
static bool is_or_below(struct span file, const char *name)
{
	size_t n = strlen(name);
	return n > 0 && span_starts(file, name) && (file.n == n || file.p[n] == '/');
}

static bool is_library(const struct look *l)
{
	const struct triton_config *c = &l->m->config;
	for (size_t i = 0; i < c->op_libraries_n; i++)
		if (span_eq_text(l->file, c->op_libraries[i]))
			return true;
	return false;
}

/* A parameter names the file or a folder above it: how TensorRT-LLM and other backends are told. */
static bool is_parameter(const struct look *l, const char *path)
{
	const struct triton_config *c = &l->m->config;
	for (size_t i = 0; i < c->parameters_n; i++)
		if (c->parameters[i].value[0] == '/' && is_or_below(span_of(path), c->parameters[i].value))
			return true;
	return false;
}

/* In a version folder that is served: which rule loads it? */
static int served_file(struct look *l, const char *path)
{
	const struct triton_config *c = &l->m->config;
	const char *backend = triton_backend(c);
	if (!backend[0] && triton_backend_of_file(l->file))
		backend = triton_backend_of_file(l->file); /* completed by the server */
	const char *name = c->default_model_filename[0] ? c->default_model_filename : triton_default_file(backend);
	const char *capabilities = capabilities_of(l);
	if (!capabilities)
		return RF_ENOMEM;
	if (is_library(l))
		return say(l, TRITON_LOADED, "a library that model_operations names");
	if (is_parameter(l, path))
		return say(l, TRITON_LOADED, "a parameter of config.pbtxt names it");
	if (capabilities[0])
		return say(l, TRITON_LOADED,
			   arena_printf(&l->t->arena, "on GPUs of compute capability %s", capabilities));
	if (name && is_or_below(l->file, name))
		return say(l, TRITON_LOADED,
			   !c->cc_files_n ? "the version's model file" :
					    "on GPUs of every compute capability that cc_model_filenames does not name");
	if (strcmp(backend, "ensemble") == 0)
		return say(l, TRITON_NEVER, "an ensemble loads no files");
	if (!name)
		return say(l, TRITON_UNTOLD,
			   backend[0] ? arena_printf(&l->t->arena, "backend %s chooses its files by itself", backend) :
					"config.pbtxt names no backend and no file");
	return say(l, TRITON_NEVER, arena_printf(&l->t->arena, "the version's model file is %s", name));
}

static int judge(struct look *l, const char *path)
{
	const struct model *m = l->m;
	struct triton_verdict *v = l->v;
	v->model = m->name;
	v->config = m->told && m->has_config ? &m->config : NULL;
	if (!m->told)
		return say(l, TRITON_UNTOLD, m->problem);
	if (m->refused)
		return say(l, TRITON_NEVER, m->problem);
	if (v->version < 0)
		return is_library(l) || is_parameter(l, path) ? say(l, TRITON_LOADED, "config.pbtxt names it") :
								say(l, TRITON_NEVER, "in no version folder");
	if (triton_serves(&m->config, v->version, m->versions, m->versions_n))
		return served_file(l, path);
	const char *policy = policy_words(l);
	return !policy ? RF_ENOMEM :
			 say(l, TRITON_NOT_SERVED,
			     arena_printf(&l->t->arena, "version %lld; the policy serves %s of the %zu that are there",
					  (long long)v->version, policy, m->versions_n));
}

/* Cuts the last part off; false at the top. */
static bool parent(struct span *path, struct span *ret_name)
{
	size_t slash = span_rfind_byte(*path, '/');
	if (slash == SIZE_MAX || slash == 0)
		return false;
	*ret_name = span_from(*path, slash + 1);
	path->n = slash;
	return true;
}

/* A model's folder at @folder? @file is what lies below it or its version folder. */
static int try_folder(struct look *l, struct span folder, int64_t version, struct span file, bool *ret_found)
{
	struct model *m;
	int rc = model_of(l->t, folder, &m);
	struct span first = span_sub(file, 0, RF_MIN(span_find_byte(file, '/'), file.n));
	*ret_found = rc == 0 && (m->has_config || (version > 0 && triton_backend_of_file(first)));
	if (!*ret_found)
		return rc;
	if (!m->listed)
		rc = versions_read(l->t, m);
	l->m = m;
	l->file = file;
	l->v->version = version;
	return rc;
}

/* Looks upwards for a version folder in a model's folder, and for a model's folder itself. */
static int find(struct look *l, const char *path, bool *ret_found)
{
	struct span whole = span_of(path), folder = whole, name;
	*ret_found = false;
	if (!parent(&folder, &name))
		return 0;
	for (unsigned i = 0; i < MAX_BELOW; i++) {
		struct span above = folder, file = span_from(whole, folder.n + 1);
		int64_t version = -1;
		bool numbered = parent(&above, &name) && version_of(name, &version);
		int rc = numbered ? try_folder(l, above, version, file, ret_found) : 0;
		if (rc == 0 && !*ret_found)
			rc = try_folder(l, folder, -1, file, ret_found);
		if (rc || *ret_found || !parent(&folder, &name))
			return rc;
	}
	return 0;
}

int triton_look(struct triton_repositories *t, const char *path, struct triton_verdict *ret, struct err *err)
{
	struct triton_verdict v = { .version = -1 };
	struct look l = { .t = t, .v = &v };
	bool found;
	if (t->models.count > MAX_FOLDERS) {
		map_release(&t->models);
		arena_reset(&t->arena);
	}
	int rc = find(&l, path, &found);
	if (rc == 0 && found)
		rc = judge(&l, path);
	if (rc)
		return err_set(err, rc, "no memory for the model repositories of a scan");
	*ret = v;
	return 0;
}
