/* review_subjects - what a workload runs and loads, in the names under which the gate knows such things. */
#include "gate/review_int.h"

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for a review");
}

static int add(struct review_subject *list, size_t *n, const struct review_subject *s, struct err *err)
{
	if (!s->name || !s->where)
		return no_memory(err);
	for (size_t i = 0; i < *n; i++)
		if (list[i].kind == s->kind && strcmp(list[i].name, s->name) == 0 && strcmp(list[i].node, s->node) == 0) {
			list[i].only_if_known &= s->only_if_known;
			return 0;
		}
	if (*n == REVIEW_MAX_SUBJECTS)
		return err_set(err, RF_ETOOMANY, "more than %d images and models in one object", REVIEW_MAX_SUBJECTS);
	list[(*n)++] = *s;
	return 0;
}

/* ── Paths ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "/a//b/./x/../c/" as "/a/b/c": by the text alone, as a loader would go. "" for the root. NULL: out of memory. */
static char *clean_path(struct arena *a, struct span path)
{
	char *to = arena_alloc(a, path.n + 2);
	size_t n = 0;
	struct span rest = path, part;
	if (!to)
		return NULL;
	while (span_split(&rest, '/', &part)) {
		if (part.n == 0 || span_eq_text(part, "."))
			continue;
		if (span_eq_text(part, "..")) {
			while (n > 0 && to[--n] != '/')
				;
			continue;
		}
		to[n++] = '/';
		memcpy(to + n, part.p, part.n);
		n += part.n;
	}
	to[n] = '\0';
	return to;
}

/* What lies behind @folder in @path, both clean; p NULL when it lies elsewhere. */
static struct span below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	if (strncmp(path, folder, n) != 0 || (path[n] != '/' && path[n] != '\0'))
		return SPAN_NONE;
	return span_of(path + n);
}

/* Volumes on which models that the gate knows can lie, and how it names them. */
static const struct {
	const char *kind, *scheme;
} known_kinds[] = { { "persistentVolumeClaim", "pvc://" }, { "hostPath", "" }, { "nfs", "nfs://" }, { "csi", "csi://" } };

static const char *known_scheme(const struct kube_volume *v)
{
	for (size_t i = 0; v->identity[0] && i < RF_COUNT(known_kinds); i++)
		if (strcmp(v->kind, known_kinds[i].kind) == 0)
			return known_kinds[i].scheme;
	return NULL;
}

/* Models may lie on it that the object does not tell of. An image that is mounted is a subject itself. */
static bool is_foreign(const struct kube_volume *v)
{
	return !v->is_own && strcmp(v->kind, "image") != 0;
}

/* The volume as a reference, with @sub_path of it and @rest behind. */
static int volume_reference(struct arena *a, const struct kube_volume *v, struct span sub_path, struct span rest,
			    const char **ret, struct err *err)
{
	const char *scheme = known_scheme(v);
	/* "KIND:NAME", "nfs:SERVER:/EXPORT"; a volume that has no name elsewhere goes by its name here */
	struct span whole = v->identity[0] ? span_from(span_of(v->identity), strlen(v->kind) + 1) : span_of(v->name), server = SPAN("");
	size_t colon = span_find_byte(whole, ':');
	if (strcmp(v->kind, "nfs") == 0 && colon != SIZE_MAX) {
		server = span_sub(whole, 0, colon);
		whole = span_from(whole, colon + 1);
	}
	if (!scheme)
		scheme = arena_printf(a, "%s://", v->kind);
	const char *path = arena_printf(a, "%.*s/%.*s/%.*s", SPAN_ARG(whole), SPAN_ARG(sub_path), SPAN_ARG(rest));
	char *clean = path ? clean_path(a, span_of(path)) : NULL;
	if (!clean || !scheme)
		return no_memory(err);
	/* a claim's and a driver's name has no slash in front of it */
	bool rooted = strcmp(v->kind, "hostPath") == 0 || server.n;
	*ret = arena_printf(a, "%s%.*s%s", scheme, SPAN_ARG(server), clean + (!rooted && clean[0]));
	return *ret ? 0 : no_memory(err);
}

/* ── Mounts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct mounted {
	const struct kube_volume *volume;
	char *at; /* clean */
	size_t depth;
	size_t scope; /* number of the container that sees it, from 1; 0: all see it */
};
/* All mounts of a workload: each container sees its own. */
struct mounts {
	struct mounted *list; /* the deepest first */
	size_t n;
	size_t scopes;
};

static int by_container(const void *x, const void *y)
{
	const struct kube_volume *a = ((const struct mounted *)x)->volume, *b = ((const struct mounted *)y)->volume;
	return a->pod != b->pod ? (a->pod < b->pod ? -1 : 1) : strcmp(a->container, b->container);
}

static int by_depth(const void *x, const void *y)
{
	const struct mounted *a = x, *b = y;
	if (a->depth != b->depth)
		return a->depth > b->depth ? -1 : 1;
	return a->volume < b->volume ? -1 : a->volume > b->volume;
}

static int mounts_make(struct arena *a, const struct kube_workload *w, struct mounts *ret, struct err *err)
{
	struct mounts m = { .list = arena_array(a, w->volumes_n + 1, sizeof *m.list) };
	if (!m.list)
		return no_memory(err);
	for (size_t i = 0; i < w->volumes_n; i++) {
		const struct kube_volume *v = &w->volumes[i];
		if (!v->mounted_at[0])
			continue;
		struct mounted *to = &m.list[m.n++];
		*to = (struct mounted){ .volume = v, .at = clean_path(a, span_of(v->mounted_at)) };
		if (!to->at)
			return no_memory(err);
		to->depth = strlen(to->at);
	}
	if (m.n > 1)
		qsort(m.list, m.n, sizeof *m.list, by_container);
	for (size_t i = 0; i < m.n; i++) {
		if (!m.list[i].volume->container[0])
			continue;
		m.scopes += !m.scopes || by_container(&m.list[i - 1], &m.list[i]) != 0;
		m.list[i].scope = m.scopes;
	}
	if (m.n > 1)
		qsort(m.list, m.n, sizeof *m.list, by_depth);
	*ret = m;
	return 0;
}

static bool sees_foreign(const struct mounts *mounts, const struct kube_model *m)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (is_foreign(mounts->list[i].volume) && kube_sees(m, mounts->list[i].volume))
			return true;
	return false;
}

/* ── Models ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* On a volume of secrets: keys and certificates, which a server of models is told of, too. */
static bool is_secret(const struct kube_volume *v, const struct kube_model *m, struct span path)
{
	static const char *const holders[] = { "key", "cert", "token", "secret", "password", "credential", "tls", "auth", "ca_", "ca-" };
	static const char *const ends[] = { ".crt", ".key", ".pem", ".cert", ".p12", ".jks", ".token" };
	size_t slash = span_rfind_byte(path, '/');
	if ((strcmp(v->kind, "secret") != 0 && strcmp(v->kind, "projected") != 0) ||
	    artifact_named_like_engine(slash == SIZE_MAX ? path : span_from(path, slash + 1)))
		return false;
	bool is = false;
	for (size_t i = 0; i < RF_COUNT(holders); i++)
		is |= strcasestr(m->where, holders[i]) != NULL;
	for (size_t i = 0; i < RF_COUNT(ends); i++)
		is |= span_ends(path, ends[i]);
	return is;
}

static int mounted_subject(struct arena *a, const struct kube_model *m, const struct kube_volume *v, struct span rest,
			   struct review_subject *list, size_t *n, struct err *err)
{
	struct review_subject s = { .kind = GATE_MODEL, .where = m->where, .node = v->node };
	if (!is_foreign(v) || is_secret(v, m, rest))
		return 0;
	/* a part of the volume that nobody can tell has a name that nothing has */
	int rc = volume_reference(a, v, span_of(v->sub_path), rest, &s.name, err);
	return rc ? rc : add(list, n, &s, err);
}

/* What a path inside of a container is: on the volume that is mounted deepest of those it lies below; and all volumes that
 * are mounted below it. The rest is inside of the image. */
static int path_subjects(struct arena *a, const struct mounts *mounts, const struct kube_model *m, const char *path,
			 struct review_subject *list, size_t *n, struct err *err)
{
	bool *covered = arena_array(a, mounts->scopes + 1, sizeof *covered);
	int rc = covered ? 0 : no_memory(err);
	for (size_t i = 0; rc == 0 && i < mounts->n; i++) {
		const struct mounted *on = &mounts->list[i];
		struct span rest = below(path, on->at);
		bool *is_covered = &covered[m->container[0] ? 0 : on->scope];
		if (!kube_sees(m, on->volume))
			continue;
		if (rest.p && !*is_covered) {
			*is_covered = true;
			rc = mounted_subject(a, m, on->volume, rest, list, n, err);
		} else if (!rest.p && below(on->at, path).p) {
			rc = mounted_subject(a, m, on->volume, SPAN(""), list, n, err);
		}
	}
	return rc;
}

static int model_subject(struct arena *a, const struct mounts *mounts, const struct kube_model *m, struct review_subject *list,
			 size_t *n, struct err *err)
{
	struct span uri = span_of(m->uri);
	bool is_claim = span_starts_nocase(uri, "pvc://");
	if (span_starts_nocase(uri, "file://"))
		uri = span_from(uri, 7);
	bool is_path = span_starts(uri, "/"), is_relative = !is_path && !m->is_open && span_find(uri, SPAN("://")) == SIZE_MAX;
	char *clean = is_claim ? clean_path(a, span_from(uri, 6)) : clean_path(a, uri);
	if (!clean)
		return no_memory(err);
	/* where no volume is that the pod did not fill itself, both lie in the image */
	if (m->container[0] && (is_relative || (is_path && m->is_open)) && !sees_foreign(mounts, m))
		return 0;
	if (is_path && !m->is_open)
		return path_subjects(a, mounts, m, clean, list, n, err);
	struct review_subject s = { .kind = GATE_MODEL, .where = m->where, .node = "" };
	bool is_image = span_starts_nocase(uri, "oci://") || span_starts_nocase(uri, "oci+native://") || span_starts_nocase(uri, "docker://");
	if (is_image && !m->is_open) { /* KServe's modelcars, and its image volumes: an image */
		s.kind = GATE_IMAGE;
		s.name = arena_text(a, span_from(uri, span_find(uri, SPAN("://")) + 3));
	} else {
		s.name = is_claim && !m->is_open ? arena_printf(a, "pvc:/%s", clean) : m->uri;
	}
	return add(list, n, &s, err);
}

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int image_subjects(struct arena *a, const struct kube_workload *w, struct review_subject *list, size_t *n,
			  struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->containers_n; i++) {
		const struct kube_container *c = &w->containers[i];
		/* what the object asks for; a digest in its status is what somebody wrote there */
		struct review_subject s = { .kind = GATE_IMAGE, .name = c->images[0].reference, .node = "" };
		s.where = arena_printf(a, "%s %s",
				       c->role == KUBE_INIT        ? "init container"
				       : c->role == KUBE_EPHEMERAL ? "ephemeral container"
				       : c->role == KUBE_VOLUME    ? "volume"
								   : "container",
				       c->name);
		rc = add(list, n, &s, err);
	}
	return rc;
}

/* What of a volume is mounted for certain: of "logs/$(POD)" that is "logs". */
static struct span mounted_part(const struct kube_volume *v)
{
	struct span part = span_of(v->sub_path);
	if (v->is_open)
		part = span_sub(part, 0, span_find_byte(part, '$'));
	size_t slash = v->is_open ? span_rfind_byte(part, '/') : part.n;
	return span_sub(part, 0, slash == SIZE_MAX ? 0 : slash);
}

/* Also where a path is named: what else reads the volume is not in the object. */
static int volume_subject(struct arena *a, const struct kube_volume *v, struct review_subject *list, size_t *n, struct err *err)
{
	struct review_subject s = { .kind = GATE_MODEL, .node = v->node, .only_if_known = true };
	if (!known_scheme(v))
		return 0;
	int rc = volume_reference(a, v, mounted_part(v), SPAN(""), &s.name, err);
	s.where = arena_printf(a, "volume %s", v->name);
	return rc ? rc : add(list, n, &s, err);
}

int review_subjects(struct arena *a, const struct kube_workload *w, struct review_subject *list, size_t *n,
		    struct err *err)
{
	struct mounts mounts = { 0 };
	if (w->models_left_out)
		return err_set(err, RF_ETOOMANY, "more than %d models, or one with a name over 4 KiB", KUBE_MAX_MODELS);
	int rc = image_subjects(a, w, list, n, err);
	if (rc == 0 && w->models_n)
		rc = mounts_make(a, w, &mounts, err);
	for (size_t i = 0; rc == 0 && i < w->models_n; i++)
		rc = model_subject(a, &mounts, &w->models[i], list, n, err);
	for (size_t i = 0; rc == 0 && i < w->volumes_n; i++)
		rc = volume_subject(a, &w->volumes[i], list, n, err);
	return rc;
}
