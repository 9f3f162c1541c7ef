/* workspace.h: the tables of reforge.yaml, reading it, look-ups. */
#include "workspace/workspace.h"

#include "base/fs.h"
#include "format/yaml.h"
#include "workspace/tables.h"
#include "workspace/workspace_int.h"

/* A yaml document at its limit gives less; recipes are 20,000 times a few kilobytes. */
#define ARENA_BYTES (1 * GIB)

static const struct option clock_rows[] = {
	{ "confirm", OPTION_DURATION, offsetof(struct workspace_clocks, confirm_usec), .otherwise = "30m",
	  .help = "is it ours?" },
	{ "environment", OPTION_DURATION, offsetof(struct workspace_clocks, environment_usec), .otherwise = "1h",
	  .help = "the build environment with the fixed toolchain stands" },
	{ "rebuild", OPTION_DURATION, offsetof(struct workspace_clocks, rebuild_usec), .otherwise = "4h",
	  .help = "rebuilt and tested" },
	{ "canary", OPTION_DURATION, offsetof(struct workspace_clocks, canary_usec), .otherwise = "8h",
	  .help = "first traffic" },
	{ "fleet", OPTION_DURATION, offsetof(struct workspace_clocks, fleet_usec), .otherwise = "24h",
	  .help = "the whole fleet" },
};
static const struct options clock_options =
	OPTIONS(clock_rows, "response limits, counted from the advisory; each at least the one before");

static const struct option environment_rows[] = {
	{ "clocks", OPTION_GROUP, offsetof(struct workspace_environment, clocks), .group = &clock_options },
};
static const struct options environment_options = OPTIONS(environment_rows, "an environment");
static const struct option_items environment_items = { .bytes = sizeof(struct workspace_environment),
						       .max = 64,
						       .key_at = offsetof(struct workspace_environment, name),
						       .key_is_name = true,
						       .group = &environment_options };

static const struct option version_rows[] = {
	{ "library", OPTION_PATH, offsetof(struct workspace_toolchain_version, library), .required = true,
	  .help = "the shared library that the driver loads" },
	{ "sha256", OPTION_SHA256, offsetof(struct workspace_toolchain_version, sha256),
	  .help = "its digest; checked before use" },
	{ "released", OPTION_DATE, offsetof(struct workspace_toolchain_version, released),
	  .help = "the day the vendor released it" },
};
static const struct options version_options = OPTIONS(version_rows, "one version in the cache");
static const struct option_items version_items = { .bytes = sizeof(struct workspace_toolchain_version),
						   .max = 256,
						   .key_at = offsetof(struct workspace_toolchain_version, version),
						   .key_is_name = true,
						   .group = &version_options };

static const struct option toolchain_rows[] = {
	{ "driver", OPTION_PATH, offsetof(struct workspace_toolchain, driver),
	  .help = "driver program; left out: the one beside reforge" },
	{ "versions", OPTION_MAP, offsetof(struct workspace_toolchain, versions), .items = &version_items,
	  .count_at = offsetof(struct workspace_toolchain, versions_n),
	  .help = "versions in the cache, by version number" },
};
static const struct options toolchain_options = OPTIONS(toolchain_rows, "a toolchain");
static const struct option_items toolchain_items = { .bytes = sizeof(struct workspace_toolchain),
						     .max = 64,
						     .key_at = offsetof(struct workspace_toolchain, name),
						     .key_choices = toolchain_names,
						     .group = &toolchain_options };

/* An environment of this file, by name. Environments are read before services. */
static int read_environment(struct options_reader *r, struct span text, void *target)
{
	const struct workspace_environment *e = workspace_environment(r->root, text);
	if (!e)
		return options_refuse(r, RF_EFORMAT,
				      "no environment \"%.*s\" in this file; write it under environments:",
				      (int)RF_MIN(text.n, (size_t)80), text.p);
	*(const struct workspace_environment **)target = e;
	return 0;
}

#define RUNTIME_ACCEPTS "TOOLCHAIN@VERSION (for example onnxruntime@1.20.1)"

/* Fills runtime_toolchain and runtime_version, which stand side by side. */
static int read_runtime(struct options_reader *r, struct span text, void *target)
{
	size_t at = span_find_byte(text, '@');
	struct span name = span_sub(text, 0, at), version = span_from(text, at + 1);
	if (at == SIZE_MAX || !recipe_name_is_valid(name) || version.n == 0)
		return options_refuse(r, RF_EFORMAT, "\"%.*s\" is not %s", (int)RF_MIN(text.n, (size_t)80), text.p,
				      RUNTIME_ACCEPTS);
	const char **runtime = target;
	runtime[0] = arena_text(r->arena, name);
	runtime[1] = arena_text(r->arena, version);
	return runtime[0] && runtime[1] ? 0 : options_refuse(r, RF_ENOMEM, "out of memory");
}
_Static_assert(offsetof(struct workspace_service, runtime_version) ==
		       offsetof(struct workspace_service, runtime_toolchain) + sizeof(char *),
	       "read_runtime() writes both");

static int read_database(struct options_reader *r, struct span text, void *target)
{
	static const struct option path = { .key = "database", .kind = OPTION_PATH };
	bool postgresql = span_starts(text, "postgresql://") || span_starts(text, "postgres://");
	if (!postgresql && span_find(text, SPAN("://")) != SIZE_MAX)
		return options_refuse(r, RF_EINVALID,
				      "\"%.*s\" is no database that is known; accepted: the path of an SQLite file, postgresql://...",
				      SPAN_ARG(text));
	if (!postgresql)
		return options_scalar(OPTION_PATH)->read(r, &path, text, target);
	*(const char **)target = arena_text(r->arena, text);
	return *(const char **)target ? 0 : options_refuse(r, RF_ENOMEM, "out of memory");
}

static const struct option engine_rows[] = {
	{ "path", OPTION_PATH, offsetof(struct workspace_engine, path), .required = true, .help = "the engine file" },
	{ "recipe", OPTION_NAME, offsetof(struct workspace_engine, recipe), .required = true,
	  .help = "what rebuilds it" },
};
static const struct options engine_options = OPTIONS(engine_rows, "an engine whose place does not tell its recipe");
static const struct option_items engine_items = { .bytes = sizeof(struct workspace_engine),
						  .max = 100000,
						  .group = &engine_options };

static const struct option service_namespace_item = { .key = "", .kind = OPTION_TEXT };
static const struct option_items service_namespace_items = { .bytes = sizeof(char *),
							     .max = 1000,
							     .scalar = &service_namespace_item };
static const struct option root_item = { .key = "", .kind = OPTION_PATH };
static const struct option_items root_items = { .bytes = sizeof(char *), .max = 1000, .scalar = &root_item };
static const struct option environment_item = { .key = "",
						.kind = OPTION_CUSTOM,
						.custom = read_environment,
						.accepts = "the name of an environment of this file",
						.pattern = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$" };
static const struct option_items environment_reference_items = { .bytes = sizeof(void *),
								 .max = 64,
								 .scalar = &environment_item };

static const char *const reaches[] = { [WORKSPACE_REACH_ISOLATED] = "isolated",
				       [WORKSPACE_REACH_INTERNAL] = "internal",
				       [WORKSPACE_REACH_PARTNER] = "partner",
				       [WORKSPACE_REACH_PUBLIC] = "public",
				       NULL };
static const char *const criticalities[] = { [WORKSPACE_LOW] = "low",
					     [WORKSPACE_NORMAL] = "normal",
					     [WORKSPACE_HIGH] = "high",
					     [WORKSPACE_CRITICAL] = "critical",
					     NULL };

static const struct option service_rows[] = {
	{ "owner", OPTION_GROUP, offsetof(struct workspace_service, owner), .required = true, .group = &owner_options,
	  .help = "who answers for the service" },
	{ "reach", OPTION_ENUM, offsetof(struct workspace_service, reach), .choices = reaches, .otherwise = "internal",
	  .help = "who can send it requests" },
	{ "criticality", OPTION_ENUM, offsetof(struct workspace_service, criticality), .choices = criticalities,
	  .otherwise = "normal", .help = "what its failure costs" },
	{ "environments", OPTION_LIST, offsetof(struct workspace_service, environments), .required = true,
	  .items = &environment_reference_items, .count_at = offsetof(struct workspace_service, environments_n),
	  .help = "where it runs" },
	{ "runtime", OPTION_CUSTOM, offsetof(struct workspace_service, runtime_toolchain), .custom = read_runtime,
	  .accepts = RUNTIME_ACCEPTS, .pattern = "^[A-Za-z0-9_][A-Za-z0-9._-]*@.+$",
	  .help = "what loads its engines: " RUNTIME_ACCEPTS },
	{ "roots", OPTION_LIST, offsetof(struct workspace_service, roots), .items = &root_items,
	  .count_at = offsetof(struct workspace_service, roots_n),
	  .help = "folders of engines, laid out MODEL/N/FILE (Triton) or MODEL.EXT" },
	{ "namespaces", OPTION_LIST, offsetof(struct workspace_service, namespaces), .items = &service_namespace_items,
	  .count_at = offsetof(struct workspace_service, namespaces_n),
	  .help = "NAMESPACE or CLUSTER/NAMESPACE of Kubernetes where a label may name it; left out: where the first scan met it" },
	{ "engines", OPTION_LIST, offsetof(struct workspace_service, engines), .items = &engine_items,
	  .count_at = offsetof(struct workspace_service, engines_n),
	  .help = "engines whose place does not tell their recipe" },
};
static const struct options service_options = OPTIONS(service_rows, "a service");
static const struct option_items service_items = { .bytes = sizeof(struct workspace_service),
						   .max = WORKSPACE_MAX_SERVICES,
						   .key_at = offsetof(struct workspace_service, name),
						   .key_is_name = true,
						   .group = &service_options };

static const struct option namespace_item = { .key = "",
					      .kind = OPTION_CUSTOM,
					      .at = offsetof(struct workspace_namespace, environment),
					      .custom = read_environment,
					      .accepts = "the name of an environment of this file",
					      .pattern = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$" };
static const struct option_items namespace_items = { .bytes = sizeof(struct workspace_namespace),
						     .max = 20000,
						     .key_at = offsetof(struct workspace_namespace, name),
						     .scalar = &namespace_item };
static const char *const label_holds[] = { [WORKSPACE_LABEL_AT_HOME] = "at-home",
					   [WORKSPACE_LABEL_ANYWHERE] = "anywhere",
					   NULL };
static const struct option kubernetes_rows[] = {
	{ "service_label", OPTION_TEXT, offsetof(struct workspace_kubernetes, service_label),
	  .otherwise = "app.kubernetes.io/name", .help = "label whose value names the service of a workload" },
	{ "service_label_holds", OPTION_ENUM, offsetof(struct workspace_kubernetes, label_holds), .choices = label_holds,
	  .otherwise = "at-home",
	  .help = "where the gate believes it: in namespaces of the service, or wherever someone wrote it" },
	{ "owner_label", OPTION_TEXT, offsetof(struct workspace_kubernetes, owner_label),
	  .help = "label or annotation that names its owner" },
	{ "contact_label", OPTION_TEXT, offsetof(struct workspace_kubernetes, contact_label),
	  .help = "label or annotation that says how the owner is reached" },
	{ "namespaces", OPTION_MAP, offsetof(struct workspace_kubernetes, namespaces), .items = &namespace_items,
	  .count_at = offsetof(struct workspace_kubernetes, namespaces_n),
	  .help = "NAMESPACE or CLUSTER/NAMESPACE: the environment its workloads are in" },
};
static const struct options kubernetes_options = OPTIONS(kubernetes_rows, "how workloads of Kubernetes are read");

/* services/NAME.yaml */
struct services_file {
	const struct workspace_service *services;
	size_t services_n;
};
static const struct option services_file_rows[] = {
	{ "services", OPTION_MAP, offsetof(struct services_file, services), .items = &service_items,
	  .count_at = offsetof(struct services_file, services_n), .help = "services with owner, reach and engines" },
};
static const struct options services_file_options = OPTIONS(services_file_rows, "more services");

static const struct option build_rows[] = {
	{ "jobs", OPTION_COUNT, offsetof(struct workspace, build_jobs), .low = 0, .high = 1024, .otherwise = "0",
	  .help = "builds at a time; 0: as many as processors" },
	{ "memory", OPTION_BYTES, offsetof(struct workspace, build_memory_bytes),
	  .help = "for all builds together; left out: what the machine has free" },
};
static const struct options build_options = OPTIONS(build_rows, "what rebuilds on this machine may use");

static const struct option workspace_rows[] = {
	{ "site", OPTION_NAME, offsetof(struct workspace, site), .required = true,
	  .help = "name of this site; stands in its ledger" },
	{ "database", OPTION_CUSTOM, offsetof(struct workspace, database), .custom = read_database,
	  .otherwise = "reforge.db", .accepts = "a path, or postgresql://...",
	  .help = "an SQLite file, or postgresql://..." },
	{ "depot", OPTION_PATH, offsetof(struct workspace, depot), .otherwise = "depot",
	  .help = "folder of engines and releases" },
	{ "build", OPTION_GROUP, 0, .group = &build_options },
	{ "network", OPTION_GROUP, 0, .group = &network_options },
	{ "feeds", OPTION_MAP, offsetof(struct workspace, feeds), .items = &feed_items,
	  .count_at = offsetof(struct workspace, feeds_n), .help = "sources of advisories" },
	{ "registries", OPTION_MAP, offsetof(struct workspace, registries), .items = &registry_items,
	  .count_at = offsetof(struct workspace, registries_n),
	  .help = "registries of images that need more than https, the system's authorities and the usual login: HOST or HOST:PORT" },
	{ "toolchains", OPTION_MAP, offsetof(struct workspace, toolchains), .items = &toolchain_items,
	  .count_at = offsetof(struct workspace, toolchains_n), .help = "what builds engines, and where it is cached" },
	{ "environments", OPTION_MAP, offsetof(struct workspace, environments), .items = &environment_items,
	  .count_at = offsetof(struct workspace, environments_n), .help = "environments with their clocks" },
	{ "services", OPTION_MAP, offsetof(struct workspace, services), .items = &service_items,
	  .count_at = offsetof(struct workspace, services_n), .help = "services with owner, reach and engines" },
	{ "kubernetes", OPTION_GROUP, offsetof(struct workspace, kubernetes), .group = &kubernetes_options },
	{ "policies", OPTION_MAP, offsetof(struct workspace, policies), .items = &policy_items,
	  .count_at = offsetof(struct workspace, policies_n),
	  .help = "what the gate does about what it finds; each key counts from the narrowest policy that states it" },
	{ "waivers", OPTION_GROUP, 0, .group = &waivers_options },
	{ "vex", OPTION_GROUP, offsetof(struct workspace, vex), .group = &vex_options },
};
const struct options workspace_options = OPTIONS(workspace_rows, "The fleet of one site: reforge.yaml.");

static int check_clocks(struct options_reader *r, const struct workspace *w, const struct yaml_node *root)
{
	for (size_t i = 0; i < w->environments_n; i++) {
		const struct workspace_clocks *c = &w->environments[i].clocks;
		if (c->confirm_usec <= c->environment_usec && c->environment_usec <= c->rebuild_usec &&
		    c->rebuild_usec <= c->canary_usec && c->canary_usec <= c->fleet_usec)
			continue;
		r->line = yaml_line(yaml_key_at(yaml_get(root, "environments"), i));
		(void)snprintf(r->path, sizeof r->path, "environments.%s.clocks", w->environments[i].name);
		return options_refuse(
			r, RF_EFORMAT,
			"each must be at least the one before: confirm, environment, rebuild, canary, fleet");
	}
	return 0;
}

static int index_path(struct options_reader *r, struct map *map, const char *path, const char *what, size_t i,
		      const struct workspace_service *s, void *value)
{
	if (map_get(map, span_of(path))) {
		r->line = s->line;
		(void)snprintf(r->path, sizeof r->path, "services.%s.%s[%zu]", s->name, what, i);
		return options_refuse(r, RF_EFORMAT, "%s is given twice; a place belongs to one service", path);
	}
	return map_set(map, span_of(path), value) ? options_refuse(r, RF_ENOMEM, "out of memory") : 0;
}

static int index_service(struct options_reader *r, struct workspace_private *p, struct workspace_service *s)
{
	int rc = map_set(&p->services, span_of(s->name), s) ? options_refuse(r, RF_ENOMEM, "out of memory") : 0;
	for (size_t i = 0; rc == 0 && i < s->roots_n; i++)
		rc = index_path(r, &p->roots, s->roots[i], "roots", i, s, s);
	for (size_t i = 0; rc == 0 && i < s->engines_n; i++) {
		struct workspace_override *o = arena_alloc(&p->arena, sizeof *o);
		if (!o)
			return options_refuse(r, RF_ENOMEM, "out of memory");
		*o = (struct workspace_override){ s, &s->engines[i] };
		rc = index_path(r, &p->overrides, s->engines[i].path, "engines", i, s, o);
	}
	return rc;
}

/* Where each of them stands, and what may be left out. */
static void finish_services(const struct options_reader *r, const struct workspace_service *list, size_t n,
			    const struct yaml_node *root)
{
	const struct yaml_node *services = yaml_get(root, "services");
	for (size_t i = 0; i < n; i++) {
		/* the array is ours, const only for those who read the workspace */
		struct workspace_service *s = (struct workspace_service *)(uintptr_t)&list[i];
		s->file = r->file;
		s->line = yaml_line(yaml_key_at(services, i));
		s->owner.deputy = s->owner.deputy ? s->owner.deputy : "";
	}
}

/* The services of one more file behind those that are there, but for names that are. */
static int add_services(struct options_reader *r, struct workspace *w, const struct services_file *more)
{
	RF_AUTO(map) names = MAP_INIT;
	struct workspace_service *all =
		arena_array(&w->private_->arena, w->services_n + more->services_n, sizeof *all);
	int rc = all || !more->services_n ? 0 : options_refuse(r, RF_ENOMEM, "out of memory");
	size_t n = rc || !all ? 0 : w->services_n;
	for (size_t i = 0; i < n; i++) {
		all[i] = w->services[i];
		if (map_set(&names, span_of(all[i].name), &all[i]))
			rc = options_refuse(r, RF_ENOMEM, "out of memory");
	}
	for (size_t i = 0; rc == 0 && i < more->services_n; i++)
		if (!map_get(&names, span_of(more->services[i].name)))
			all[n++] = more->services[i];
	if (rc || !all)
		return rc;
	if (n > WORKSPACE_MAX_SERVICES)
		return options_refuse(r, RF_ETOOMANY, "more than %d services together", WORKSPACE_MAX_SERVICES);
	w->services = all;
	w->services_n = n;
	return 0;
}

static int read_services(struct workspace *w, const struct workspace_file *file, struct err *err)
{
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	struct services_file more = { 0 };
	struct options_reader r = { .arena = &w->private_->arena, .folder = w->folder, .root = w, .err = err, .line = 1 };
	r.file = arena_text(r.arena, span_of(file->path));
	int rc = r.file ? yaml_parse(file->yaml, file->path, &doc, err) : options_refuse(&r, RF_ENOMEM, "out of memory");
	if (rc == 0)
		rc = options_read(&r, &services_file_options, yaml_root(doc), &more);
	if (rc)
		return rc;
	finish_services(&r, more.services, more.services_n, yaml_root(doc));
	return add_services(&r, w, &more);
}

static int index_services(struct options_reader *r, struct workspace *w)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->services_n; i++) {
		struct workspace_service *s = (struct workspace_service *)(uintptr_t)&w->services[i];
		r->file = s->file;
		rc = index_service(r, w->private_, s);
	}
	return rc;
}

static int set_folders(struct workspace *w, const char *folder, const char *file)
{
	struct arena *a = &w->private_->arena;
	w->folder = arena_text(a, span_of(folder));
	w->file = arena_text(a, span_of(file));
	w->recipes = arena_printf(a, "%s/recipes", folder);
	w->keys = arena_printf(a, "%s/keys", folder);
	w->ledger = arena_printf(a, "%s/ledger", folder);
	w->reports = arena_printf(a, "%s/reports", folder);
	w->work = arena_printf(a, "%s/work", folder);
	return w->folder && w->file && w->recipes && w->keys && w->ledger && w->reports && w->work ? 0 : RF_ENOMEM;
}

static struct workspace *workspace_new(void)
{
	struct workspace_private *p = rf_alloc(sizeof *p);
	if (!p)
		return NULL;
	p->arena = ARENA_INIT(ARENA_BYTES);
	p->recipe_arena = ARENA_INIT(ARENA_BYTES);
	struct workspace *w = arena_alloc(&p->arena, sizeof *w);
	if (!w || pthread_mutex_init(&p->lock, NULL) != 0) {
		arena_release(&p->arena);
		rf_free(p);
		return NULL;
	}
	w->private_ = p;
	return w;
}

void workspace_free(struct workspace *w)
{
	if (!w)
		return;
	struct workspace_private *p = w->private_;
	map_release(&p->services);
	map_release(&p->roots);
	map_release(&p->overrides);
	map_release(&p->recipes);
	(void)pthread_mutex_destroy(&p->lock);
	arena_release(&p->recipe_arena);
	arena_release(&p->arena); /* w lies in it */
	rf_free(p);
}

void workspace_freep(struct workspace **w)
{
	workspace_free(*w);
	*w = NULL;
}

static int read_into(struct workspace *w, const struct yaml_node *root, const struct workspace_file *extra, size_t extra_n,
		     struct err *err)
{
	struct options_reader r = {
		.arena = &w->private_->arena, .file = w->file, .folder = w->folder, .root = w, .err = err, .line = 1
	};
	int rc = options_read(&r, &workspace_options, root, w);
	r.path[0] = '\0';
	if (rc == 0)
		rc = check_clocks(&r, w, root);
	if (rc == 0)
		rc = check_feeds(&r, w, root);
	if (rc == 0)
		rc = check_registries(&r, w, root);
	if (rc == 0)
		rc = check_policies(&r, w, root);
	w->kubernetes.owner_label = w->kubernetes.owner_label ? w->kubernetes.owner_label : "";
	w->kubernetes.contact_label = w->kubernetes.contact_label ? w->kubernetes.contact_label : "";
	finish_services(&r, w->services, w->services_n, root);
	for (size_t i = 0; rc == 0 && i < extra_n; i++)
		rc = read_services(w, &extra[i], err);
	return rc ? rc : index_services(&r, w);
}

int workspace_read(struct span yaml, const char *file, const char *folder, struct workspace **ret, struct err *err)
{
	return workspace_read_with(yaml, file, folder, NULL, 0, ret, err);
}

int workspace_read_with(struct span yaml, const char *file, const char *folder, const struct workspace_file *extra,
			size_t extra_n, struct workspace **ret, struct err *err)
{
	RF_AUTO_PTR(yaml_doc) doc = NULL;
	int rc = yaml_parse(yaml, file, &doc, err);
	if (rc)
		return rc;
	struct workspace *w = workspace_new();
	if (!w || set_folders(w, folder, file)) {
		workspace_free(w);
		return err_set(err, RF_ENOMEM, "out of memory for %s", file);
	}
	rc = read_into(w, yaml_root(doc), extra, extra_n, err);
	if (rc)
		workspace_free(w);
	else
		*ret = w;
	return rc;
}

const struct workspace_service *workspace_service(const struct workspace *w, struct span name)
{
	return map_get(&w->private_->services, name);
}

/* The few that are looked up by walking. */
#define FIND(array, count, member, name)                      \
	for (size_t i_ = 0; i_ < (count); i_++)               \
		if (span_eq_text((name), (array)[i_].member)) \
			return &(array)[i_];                  \
	return NULL

const struct workspace_environment *workspace_environment(const struct workspace *w, struct span name)
{
	FIND(w->environments, w->environments_n, name, name);
}

const struct workspace_toolchain *workspace_toolchain(const struct workspace *w, struct span name)
{
	FIND(w->toolchains, w->toolchains_n, name, name);
}

const struct workspace_toolchain_version *workspace_toolchain_version(const struct workspace *w, struct span toolchain,
								      struct span version)
{
	const struct workspace_toolchain *t = workspace_toolchain(w, toolchain);
	if (!t)
		return NULL;
	FIND(t->versions, t->versions_n, version, version);
}

const struct workspace_feed *workspace_feed(const struct workspace *w, struct span name)
{
	FIND(w->feeds, w->feeds_n, name, name);
}

const struct workspace_environment *workspace_namespace(const struct workspace *w, struct span cluster,
							struct span namespace_)
{
	const struct workspace_environment *found = NULL;
	for (size_t i = 0; i < w->kubernetes.namespaces_n; i++) {
		const struct workspace_namespace *n = &w->kubernetes.namespaces[i];
		struct span name = span_of(n->name);
		size_t slash = span_rfind_byte(name, '/');
		if (slash == SIZE_MAX && span_eq(name, namespace_) && !found)
			found = n->environment;
		else if (slash != SIZE_MAX && span_eq(span_sub(name, 0, slash), cluster) &&
			 span_eq(span_from(name, slash + 1), namespace_))
			return n->environment;
	}
	return found;
}

const char *workspace_reach_name(enum workspace_reach r)
{
	return reaches[r];
}

const char *workspace_criticality_name(enum workspace_criticality c)
{
	return criticalities[c];
}

int workspace_path(const struct workspace *w, const char *path, char *buffer, size_t size, struct err *err)
{
	if (path_normal(w->folder, span_of(path), buffer, size))
		return 0;
	(void)err_set(err, RF_ETOOBIG, "a path longer than %zu bytes", size - 1);
	return err_in_file(err, path);
}

/* "MODEL/N/FILE" and "MODEL.EXT" below a root name MODEL; anything else nothing. */
static struct span model_of(struct span below)
{
	struct span rest = below, model, version, file;
	(void)span_split(&rest, '/', &model);
	if (rest.p == NULL) {
		size_t dot = span_rfind_byte(model, '.');
		return dot == SIZE_MAX || dot == 0 || dot + 1 == model.n ? SPAN_NONE : span_sub(model, 0, dot);
	}
	bool triton = span_split(&rest, '/', &version) && span_is_digits(version) && span_split(&rest, '/', &file) &&
		      file.n > 0 && rest.p == NULL;
	return triton ? model : SPAN_NONE;
}

/* The longest root above @path, by cutting parts off its end. */
static const struct workspace_service *root_above(const struct workspace *w, const char *path, struct span *ret_root)
{
	struct span above = span_of(path);
	for (size_t slash; (slash = span_rfind_byte(above, '/')) != SIZE_MAX && slash > 0;) {
		above.n = slash;
		const struct workspace_service *s = map_get(&w->private_->roots, above);
		if (s) {
			*ret_root = above;
			return s;
		}
	}
	*ret_root = SPAN_NONE;
	return NULL;
}

static void set_recipe(struct workspace_place *place, struct span name)
{
	place->recipe[0] = '\0';
	if (recipe_name_is_valid(name))
		(void)snprintf(place->recipe, sizeof place->recipe, "%.*s", SPAN_ARG(name));
}

int workspace_locate(const struct workspace *w, const char *path, struct workspace_place *ret, struct err *err)
{
	char normal[FS_PATH_MAX];
	int rc = workspace_path(w, path, normal, sizeof normal, err);
	if (rc)
		return rc;
	struct workspace_place place = { 0 };
	struct span root;
	place.service = root_above(w, normal, &root);
	for (size_t i = 0; place.service && i < place.service->roots_n; i++)
		if (span_eq_text(root, place.service->roots[i]))
			place.root = place.service->roots[i];
	if (place.service)
		set_recipe(&place, model_of(span_from(span_of(normal), root.n + 1)));
	const struct workspace_override *o = map_get(&w->private_->overrides, span_of(normal));
	if (o) {
		if (o->service != place.service)
			place.root = NULL;
		place.service = o->service;
		set_recipe(&place, span_of(o->engine->recipe));
	}
	*ret = place;
	return 0;
}
