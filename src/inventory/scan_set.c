/* scan_set - see scan_set.h */
#include "inventory/scan_set.h"

#include "base/fs.h"
#include "inventory/scan_member_int.h"

#define FACTS_ARENA_BYTES (1 * MIB)

enum set_role { PART_PLAN, PART_LIBRARY, PART_CONFIG };

struct set_part {
	struct span path, name;
	struct digest digest;
	uint64_t size;
	enum set_role role;
	const char *version; /* of the product that made it; "" unknown */
	struct set_part *next;
};

struct set_folder {
	struct span path;
	struct set_part *parts;
	size_t plans, libraries, count;
	struct set_part *config;
	unsigned ranks; /* as the config says; 0: it does not */
	struct set_folder *next;
};

/* A model whose engines are files beside it. */
struct set_model {
	struct set_part self;
	struct span folder;
	struct span *names;
	size_t name_count;
	struct set_model *next;
};

void scan_sets_init(struct scan_sets *s)
{
	*s = (struct scan_sets){ .arena = ARENA_INIT(SCAN_SET_BYTES) };
	s->end = &s->first;
}

void scan_sets_release(struct scan_sets *s)
{
	map_release(&s->folders);
	map_release(&s->parts);
	arena_release(&s->arena);
}

/* ── Collecting ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool role_of(const struct artifact_facts *f, enum set_role *ret)
{
	static const struct {
		const char *kind;
		enum set_role role;
	} roles[] = {
		{ ARTIFACT_TENSORRT_PLAN, PART_PLAN },
		{ ARTIFACT_TENSORRT_PLUGIN, PART_LIBRARY },
		{ ARTIFACT_RUNTIME_LIBRARY, PART_LIBRARY },
		{ ARTIFACT_TENSORRT_LLM_CONFIG, PART_CONFIG },
	};
	for (size_t i = 0; i < RF_COUNT(roles); i++)
		if (strcmp(f->kind, roles[i].kind) == 0) {
			*ret = roles[i].role;
			return true;
		}
	return false;
}

static bool part_fill(struct scan_sets *s, const struct scan_file *f, struct set_part *ret)
{
	ret->path = arena_span(&s->arena, span_of(f->path));
	size_t slash = span_rfind_byte(ret->path, '/');
	ret->name = span_from(ret->path, slash == SIZE_MAX ? 0 : slash + 1);
	ret->digest = f->digest;
	ret->size = f->facts->size;
	ret->version = arena_text(&s->arena, span_of(f->facts->version));
	return ret->path.p && ret->version;
}

/* "a/b" of "a/b/c.plan"; of "x.tar!/c.plan" the container's inside. */
static struct span folder_of(const struct set_part *p)
{
	size_t n = p->path.n - p->name.n;
	return span_sub(p->path, 0, n ? n - 1 : 0);
}

static struct set_folder *folder_get(struct scan_sets *s, struct span path)
{
	struct set_folder *folder = map_get(&s->folders, path);
	if (folder)
		return folder;
	folder = arena_alloc(&s->arena, sizeof *folder);
	if (!folder || map_set(&s->folders, path, folder) < 0)
		return NULL;
	folder->path = path;
	*s->end = folder;
	s->end = &folder->next;
	return folder;
}

static bool part_add(struct scan_sets *s, const struct scan_file *f, enum set_role role)
{
	struct set_part *p = arena_alloc(&s->arena, sizeof *p);
	if (!p || !part_fill(s, f, p))
		return false;
	struct set_folder *folder = folder_get(s, folder_of(p));
	if (!folder || map_set(&s->parts, p->path, p) < 0)
		return false;
	p->role = role;
	p->next = folder->parts;
	folder->parts = p;
	folder->count++;
	folder->plans += role == PART_PLAN;
	folder->libraries += role == PART_LIBRARY;
	if (role == PART_CONFIG) {
		folder->config = p;
		folder->ranks = f->facts->ranks;
	}
	return true;
}

static bool model_add(struct scan_sets *s, const struct scan_file *f)
{
	struct set_model *m = arena_alloc(&s->arena, sizeof *m);
	if (!m || !part_fill(s, f, &m->self))
		return false;
	m->folder = folder_of(&m->self);
	size_t n = RF_MIN(f->inside->beside_count, (size_t)SCAN_INSIDE_MAX_BESIDE);
	m->names = arena_array(&s->arena, n, sizeof *m->names);
	for (size_t i = 0; m->names && i < n; i++) {
		struct span name = span_of(f->inside->beside[i]);
		while (span_starts(name, "./"))
			name = span_from(name, 2);
		if (!fs_is_plain_relative(name))
			continue; /* said on the model */
		m->names[m->name_count] = arena_span(&s->arena, name);
		if (!m->names[m->name_count++].p)
			return false;
	}
	if (m->name_count) {
		m->next = s->models;
		s->models = m;
	}
	return m->names != NULL;
}

int scan_sets_add(struct scan_sets *s, const struct scan_file *f)
{
	enum set_role role;
	bool kept = true;
	if (!f->has_digest)
		return 0;
	if (role_of(f->facts, &role))
		kept = part_add(s, f, role);
	else if (f->inside && f->inside->beside_count)
		kept = model_add(s, f);
	/* full is not out of memory: there are too many of them to be sets */
	return kept || s->arena.used_bytes + 64 * KIB > s->arena.limit_bytes ? 0 : RF_ENOMEM;
}

/* ── Reporting ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reporting {
	struct scan_sets *sets;
	const char *root;
	const struct scan_container *container;
	int (*report)(const struct scan_file *, void *);
	void *data;
	struct scan_totals *totals;
	struct arena arena; /* facts of one set */
};

struct set {
	const char *path;
	const struct set_part *parts[SCAN_SET_MAX_PARTS];
	size_t count;
	struct artifact_facts facts;
};

static int by_path(const void *a, const void *b)
{
	return span_compare((*(const struct set_part *const *)a)->path, (*(const struct set_part *const *)b)->path);
}

static void set_facts(struct set *set, const char *kind)
{
	struct artifact_facts *f = &set->facts;
	memset(f, 0, sizeof *f);
	f->kind = kind;
	f->layout = "set";
	f->cause = "";
	f->cc_major = f->cc_minor = -1;
	for (size_t i = 0; i < set->count; i++)
		f->size += set->parts[i]->size;
}

/* "a set of 3 files: config.json, rank0.engine, ..." */
static int parts_note(struct reporting *r, struct set *set)
{
	char text[300];
	size_t n = 0;
	for (size_t i = 0; i < set->count && n + 40 < sizeof text; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? ", " : "",
				      (int)RF_MIN(set->parts[i]->name.n, sizeof text - n - 3), set->parts[i]->name.p);
	return scan_note(&set->facts, &r->arena, "a set of %zu files: %s%s", set->count, text,
			 n + 40 < sizeof text ? "" : ", ...");
}

static int set_report(struct reporting *r, struct set *set, bool whole)
{
	struct digest leaves[SCAN_SET_MAX_PARTS];
	struct scan_file file = { .path = set->path, .root = r->root, .facts = &set->facts };
	file.identity.size = set->facts.size;
	qsort(set->parts, set->count, sizeof set->parts[0], by_path);
	for (size_t i = 0; i < set->count; i++)
		leaves[i] = set->parts[i]->digest;
	digest_merkle(leaves, set->count, &file.digest);
	file.has_digest = whole;
	if (r->container) {
		file.outer = r->container->path;
		file.outer_digest = r->container->digest;
		file.inner = set->path + RF_MIN(strlen(set->path), strlen(file.outer) + strlen(SCAN_MEMBER_MARK));
	}
	if (parts_note(r, set) < 0)
		return RF_ENOMEM;
	r->totals->conflicts += set->facts.finding == ARTIFACT_CONFLICT;
	r->totals->unknowns += set->facts.finding == ARTIFACT_UNKNOWN;
	int rc = r->report(&file, r->data);
	arena_reset(&r->arena);
	return rc;
}

/* "rank3.engine"; before 0.8 "llama_float16_tp4_rank3.engine". */
static bool is_rank(struct span name)
{
	if (!span_ends(name, ".engine"))
		return false;
	name = span_sub(name, 0, name.n - strlen(".engine"));
	size_t at = name.n;
	while (at && name.p[at - 1] >= '0' && name.p[at - 1] <= '9')
		at--;
	struct span word = span_sub(name, 0, at);
	return at < name.n && span_ends(word, "rank") && (word.n == 4 || word.p[word.n - 5] == '_');
}

static int llm_judge(struct reporting *r, const struct set_folder *folder, struct set *set, size_t ranks)
{
	struct artifact_facts *f = &set->facts;
	const char *version = NULL;
	int rc = 0;
	for (size_t i = 0; i < set->count && rc == 0; i++) {
		const struct set_part *p = set->parts[i];
		if (p->role != PART_PLAN)
			continue;
		if (version && strcmp(version, p->version) != 0)
			rc = scan_object(f, &r->arena, ARTIFACT_CONFLICT, ARTIFACT_CAUSE_HEADER_MISMATCH,
					 "set_versions_differ",
					 "engines of one folder were built by TensorRT %s and %s", version, p->version);
		version = p->version;
	}
	if (rc == 0 && folder->ranks && folder->ranks != ranks)
		rc = scan_object(f, &r->arena, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_INCOMPLETE, "set_incomplete",
				 "config.json is for %u ranks, engines of %zu are there", folder->ranks, ranks);
	if (rc == 0 && !f->version[0])
		rc = scan_object(f, &r->arena, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
				 "config.json states no version of TensorRT-LLM");
	return rc;
}

static int llm_report(struct reporting *r, const struct set_folder *folder, struct set *set)
{
	size_t named = 0, ranks = 0;
	for (const struct set_part *p = folder->parts; p; p = p->next)
		named += p->role == PART_PLAN && is_rank(p->name);
	set->count = 0;
	/* where no engine has a rank's name, they were renamed: each of them may be one */
	for (const struct set_part *p = folder->parts; p; p = p->next) {
		bool rank = p->role == PART_PLAN && (!named || is_rank(p->name));
		ranks += rank;
		if (rank || p->role != PART_PLAN)
			set->parts[set->count++] = p;
	}
	set_facts(set, ARTIFACT_TENSORRT_LLM);
	struct artifact_facts *f = &set->facts;
	f->product = ARTIFACT_PRODUCT_TENSORRT_LLM;
	size_t n = strlen(folder->config->version);
	memcpy(f->version, folder->config->version, RF_MIN(n, sizeof f->version - 1));
	f->version_source = n ? ARTIFACT_VERSION_HEADER : ARTIFACT_VERSION_UNKNOWN;
	struct artifact_component c = { .product = SPAN(ARTIFACT_PRODUCT_TENSORRT_LLM),
					.version = span_of(f->version),
					.role = ARTIFACT_ROLE_BUILDER,
					.source = "config.json",
					.where = SPAN("config.json") };
	if (artifact_component_add(f, &r->arena, &c) < 0 || llm_judge(r, folder, set, ranks) < 0)
		return RF_ENOMEM;
	return set_report(r, set, true);
}

static int folder_report(struct reporting *r, const struct set_folder *folder, struct set *set)
{
	/* what lies in a container itself, in no folder there, is a set at its "." */
	bool top = r->container && span_ends(folder->path, "!");
	char *path = top ? arena_printf(&r->arena, "%.*s/.", SPAN_ARG(folder->path))
			 : arena_text(&r->arena, folder->path.n ? folder->path : SPAN("."));
	if (!path)
		return RF_ENOMEM;
	set->path = path;
	if (folder->count > SCAN_SET_MAX_PARTS)
		return 0;
	if (folder->config && folder->plans)
		return llm_report(r, folder, set);
	if (!folder->plans || !folder->libraries)
		return 0;
	set->count = 0;
	for (const struct set_part *p = folder->parts; p; p = p->next)
		set->parts[set->count++] = p;
	set_facts(set, ARTIFACT_ENGINE_SET);
	return set_report(r, set, true);
}

static int model_report(struct reporting *r, const struct set_model *m, struct set *set)
{
	bool whole = true;
	set->path = arena_printf(&r->arena, "%.*s" SCAN_SET_MARK, SPAN_ARG(m->self.path));
	set->count = 0;
	set->parts[set->count++] = &m->self;
	struct span missing = SPAN_NONE;
	for (size_t i = 0; i < m->name_count; i++) {
		const char *path =
			m->folder.n ? arena_printf(&r->arena, "%.*s/%.*s", SPAN_ARG(m->folder), SPAN_ARG(m->names[i]))
				    : arena_text(&r->arena, m->names[i]);
		const struct set_part *p = path ? map_get(&r->sets->parts, span_of(path)) : NULL;
		if (!path)
			return RF_ENOMEM;
		if (!p && !r->container && fs_exists(path))
			return 0; /* it is there, and was not a part of the scan */
		if (!p) {
			whole = false;
			missing = m->names[i];
		} else if (set->parts[set->count - 1] != p) {
			set->parts[set->count++] = p;
		}
	}
	if (!set->path)
		return RF_ENOMEM;
	set_facts(set, ARTIFACT_ENGINE_SET);
	if (!whole &&
	    scan_object(&set->facts, &r->arena, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_CONTENT_ABSENT,
			"context_engine_absent", "%.*s, the engine that the model names, was not found beside it",
			SPAN_ARG(missing)) < 0)
		return RF_ENOMEM;
	return set_report(r, set, whole);
}

int scan_sets_report(struct scan_sets *s, const char *root, const struct scan_container *container,
		     int (*report)(const struct scan_file *, void *), void *data, struct scan_totals *totals)
{
	struct reporting r = { .sets = s,
			       .root = root,
			       .container = container,
			       .report = report,
			       .data = data,
			       .totals = totals,
			       .arena = ARENA_INIT(FACTS_ARENA_BYTES) };
	int rc = 0;
	if (s->first || s->models) {
		RF_AUTO_FREE struct set *set = rf_alloc(sizeof *set);
		rc = set ? 0 : RF_ENOMEM;
		for (const struct set_folder *f = s->first; f && rc == 0; f = f->next)
			rc = folder_report(&r, f, set);
		for (const struct set_model *m = s->models; m && rc == 0; m = m->next)
			rc = model_report(&r, m, set);
	}
	arena_release(&r.arena);
	scan_sets_release(s);
	scan_sets_init(s);
	return rc;
}
