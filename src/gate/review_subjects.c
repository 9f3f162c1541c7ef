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
		if (list[i].kind == s->kind && strcmp(list[i].name, s->name) == 0) {
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

/* The volume as a reference, with what is mounted of it and @rest behind; NULL in *ret when it is no place where models
 * stay: what a pod has for itself, or what the cluster writes. */
static int volume_reference(struct arena *a, const struct kube_volume *v, struct span rest, const char **ret,
			    struct err *err)
{
	static const struct {
		const char *kind, *scheme;
	} kinds[] = {
		{ "persistentVolumeClaim", "pvc://" }, { "hostPath", "" }, { "nfs", "nfs://" }, { "csi", "csi://" }
	};
	*ret = NULL;
	for (size_t i = 0; v->identity[0] && i < RF_COUNT(kinds); i++) {
		if (strcmp(v->kind, kinds[i].kind) != 0)
			continue;
		/* "KIND:NAME", "nfs:SERVER:/EXPORT" */
		struct span whole = span_from(span_of(v->identity), strlen(v->kind) + 1), server = SPAN("");
		size_t colon = span_find_byte(whole, ':');
		if (strcmp(v->kind, "nfs") == 0 && colon != SIZE_MAX) {
			server = span_sub(whole, 0, colon);
			whole = span_from(whole, colon + 1);
		}
		const char *path = arena_printf(a, "%.*s/%s/%.*s", SPAN_ARG(whole), v->sub_path, SPAN_ARG(rest));
		char *clean = path ? clean_path(a, span_of(path)) : NULL;
		if (!clean)
			return no_memory(err);
		/* a claim's and a driver's name has no slash in front of it */
		bool rooted = strcmp(v->kind, "hostPath") == 0 || server.n;
		*ret = arena_printf(a, "%s%.*s%s", kinds[i].scheme, SPAN_ARG(server), clean + (!rooted && clean[0]));
		return *ret ? 0 : no_memory(err);
	}
	return 0;
}

/* ── Models ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The volume that a path inside of the containers lies on: the one mounted deepest. */
static int path_subject(struct arena *a, const struct kube_workload *w, const struct kube_model *m, const char *path,
			struct review_subject *list, size_t *n, struct err *err)
{
	const struct kube_volume *deepest = NULL;
	struct span rest = SPAN("");
	size_t depth = 0;
	for (size_t i = 0; i < w->volumes_n; i++) {
		const char *at = w->volumes[i].mounted_at[0] ? clean_path(a, span_of(w->volumes[i].mounted_at)) : NULL;
		struct span behind = at ? below(path, at) : SPAN_NONE;
		if (!behind.p || (deepest && strlen(at) <= depth))
			continue;
		deepest = &w->volumes[i];
		rest = behind;
		depth = strlen(at);
	}
	if (!deepest)
		return 0;
	struct review_subject s = { .kind = GATE_MODEL, .where = m->where };
	int rc = volume_reference(a, deepest, rest, &s.name, err);
	return rc || !s.name ? rc : add(list, n, &s, err);
}

static int model_subject(struct arena *a, const struct kube_workload *w, const struct kube_model *m,
			 struct review_subject *list, size_t *n, struct err *err)
{
	struct span uri = span_of(m->uri);
	bool is_claim = span_starts_nocase(uri, "pvc://");
	if (span_starts_nocase(uri, "file://"))
		uri = span_from(uri, 7);
	char *clean = is_claim ? clean_path(a, span_from(uri, 6)) : clean_path(a, uri);
	if (!clean)
		return no_memory(err);
	if (!is_claim && span_starts(uri, "/"))
		return path_subject(a, w, m, clean, list, n, err);
	struct review_subject s = { .kind = GATE_MODEL, .where = m->where };
	if (span_starts_nocase(uri, "oci://")) { /* KServe's modelcars: an image */
		s.kind = GATE_IMAGE;
		s.name = arena_text(a, span_from(uri, 6));
	} else {
		s.name = is_claim ? arena_printf(a, "pvc:/%s", clean) : m->uri;
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
		struct review_subject s = { .kind = GATE_IMAGE, .name = c->images[0].reference };
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

int review_subjects(struct arena *a, const struct kube_workload *w, struct review_subject *list, size_t *n,
		    struct err *err)
{
	if (w->models_left_out)
		return err_set(err, RF_ETOOMANY, "more than %d models, or one with a name over 4 KiB", KUBE_MAX_MODELS);
	int rc = image_subjects(a, w, list, n, err);
	for (size_t i = 0; rc == 0 && i < w->models_n; i++)
		rc = model_subject(a, w, &w->models[i], list, n, err);
	for (size_t i = 0; rc == 0 && i < w->volumes_n; i++) {
		/* also where a path is named: what else reads the volume is not in the object */
		struct review_subject s = { .kind = GATE_MODEL, .only_if_known = true };
		rc = volume_reference(a, &w->volumes[i], SPAN(""), &s.name, err);
		if (rc || !s.name)
			continue;
		s.where = arena_printf(a, "volume %s", w->volumes[i].name);
		rc = add(list, n, &s, err);
	}
	return rc;
}
