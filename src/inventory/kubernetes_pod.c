/* A pod's specification: containers of all kinds, volumes with who may write them, models it is told to load. */
#include "inventory/kubernetes_int.h"

#define MAX_MOUNTS 1024
/* An argument or value longer than this names no model, and no system opens such a path. */
#define MAX_URI 4096

static const char *const role_texts[] = { "container", "init", "ephemeral", "volume" };

const char *kube_role_text(enum kube_role r)
{
	return role_texts[r];
}

/* Room for one more at the end of an array in the arena, which doubles at powers of two. */
static void *one_more(struct kube_set *s, void *items, size_t n, size_t bytes)
{
	if (n & (n - 1) || (n == 0 && items))
		return items;
	char *more = arena_array(&s->arena, n ? 2 * n : 1, bytes);
	if (more && n)
		memcpy(more, items, n * bytes);
	return more;
}

int kube_container_add(struct kube_set *s, struct kube_workload *w, const char *name, enum kube_role role,
		       struct json image, struct err *err)
{
	if (w->containers_n == KUBE_MAX_CONTAINERS)
		return err_set(err, RF_ETOOMANY, "more than %d containers", KUBE_MAX_CONTAINERS);
	struct kube_container *more = one_more(s, w->containers, w->containers_n, sizeof *more);
	struct kube_image *i = arena_alloc(&s->arena, sizeof *i);
	if (!more || !i)
		return kube_no_memory(err);
	w->containers = more;
	struct span digest = kube_reference_digest(json_string(image));
	i->reference = kube_text(s, image);
	i->digest = digest.n ? arena_text(&s->arena, digest) : "";
	i->source = digest.n ? "reference" : "";
	more[w->containers_n] = (struct kube_container){ .name = name, .role = role, .images = i, .images_n = 1 };
	if (!i->reference || !i->digest || !name)
		return kube_no_memory(err);
	/* no image: the cluster fills it in (a KServe container that overrides its runtime's) */
	w->containers_n += i->reference[0] != '\0';
	return 0;
}

/* ── Models ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A copy without user, password and query: they may hold secrets. */
static const char *uri_text(struct kube_set *s, struct span uri)
{
	size_t scheme = span_find(uri, SPAN("://")), query = span_find_byte(uri, '?');
	if (scheme == SIZE_MAX)
		return arena_text(&s->arena, uri);
	uri = span_sub(uri, 0, query);
	struct span head = span_sub(uri, 0, scheme + 3), rest = span_from(uri, scheme + 3);
	size_t slash = span_find_byte(rest, '/'), at = span_rfind_byte(span_sub(rest, 0, slash), '@');
	if (at != SIZE_MAX)
		rest = span_from(rest, at + 1);
	return arena_printf(&s->arena, "%.*s%.*s", SPAN_ARG(head), SPAN_ARG(rest));
}

int kube_model_add(struct kube_set *s, struct kube_workload *w, const char *where, struct span uri, struct err *err)
{
	if (w->models_n == KUBE_MAX_MODELS || uri.n > MAX_URI || !span_is_utf8(uri) || span_find_byte(uri, '\0') != SIZE_MAX) {
		w->models_left_out++;
		return 0;
	}
	struct kube_model m = { .where = where, .uri = uri_text(s, uri) };
	if (!m.where || !m.uri)
		return kube_no_memory(err);
	for (size_t i = 0; i < w->models_n; i++)
		if (strcmp(w->models[i].uri, m.uri) == 0)
			return 0;
	struct kube_model *more = one_more(s, w->models, w->models_n, sizeof *more);
	if (!more)
		return kube_no_memory(err);
	w->models = more;
	more[w->models_n++] = m;
	return 0;
}

static int env_models(struct kube_set *s, struct json container, struct kube_workload *w, struct err *err)
{
	int rc = 0;
	for (struct json_each it = json_each(json_get(container, "env")); rc == 0 && json_next(&it);) {
		/* valueFrom is a reference, perhaps to a Secret: not followed */
		struct span name = json_string(json_get(it.value, "name")), value = json_string(json_get(it.value, "value"));
		if (kube_names_model(name, value))
			rc = kube_model_add(s, w, arena_printf(&s->arena, "env %.*s", SPAN_ARG(span_sub(name, 0, 200))), value,
					    err);
	}
	return rc;
}

/* "--model-repository=/models", or the value in the argument behind. */
static int argument_models(struct kube_set *s, struct json list, struct kube_workload *w, struct err *err)
{
	struct span before = SPAN("");
	int rc = 0;
	for (struct json_each it = json_each(list); rc == 0 && json_next(&it);) {
		struct span text = json_string(it.value), holder = before, value = text;
		size_t equals = span_find_byte(text, '=');
		if (span_starts(text, "-") && equals != SIZE_MAX)
			holder = span_sub(text, 0, equals), value = span_from(text, equals + 1);
		if (kube_names_model(holder, value))
			rc = kube_model_add(s, w,
					    holder.n ? arena_printf(&s->arena, "argument %.*s",
								    SPAN_ARG(span_sub(holder, 0, 200))) :
						       "argument",
					    value, err);
		before = span_starts(text, "-") && equals == SIZE_MAX ? text : SPAN("");
	}
	return rc;
}

/* ── Volumes ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The kinds of volume that keep a model or bring one; each with the members that say which it is. */
static const struct {
	const char *kind, *identity, *more;
	bool read_only; /* by its nature */
} volume_kinds[] = {
	{ "persistentVolumeClaim", "claimName", NULL, false },
	{ "hostPath", "path", NULL, false },
	{ "nfs", "server", "path", false },
	{ "image", "reference", NULL, true },
	{ "configMap", "name", NULL, true },
	{ "csi", "driver", NULL, false },
	{ "ephemeral", NULL, NULL, false },
	{ "emptyDir", NULL, NULL, false },
};

/* What is the same volume in another workload; "" for those that each pod has for itself. */
static const char *volume_identity(struct kube_set *s, size_t kind, struct json source)
{
	struct span first = json_string(json_get(source, volume_kinds[kind].identity ? volume_kinds[kind].identity : ""));
	struct span more = volume_kinds[kind].more ? json_string(json_get(source, volume_kinds[kind].more)) : SPAN("");
	if (!first.n)
		return "";
	return arena_printf(&s->arena, "%s:%.*s%s%.*s", volume_kinds[kind].kind, SPAN_ARG(first), more.n ? ":" : "",
			    SPAN_ARG(more));
}

int kube_volume_add(struct kube_set *s, struct kube_workload *w, const struct kube_volume *v, struct err *err)
{
	if (w->volumes_n == KUBE_MAX_VOLUMES)
		return err_set(err, RF_ETOOMANY, "more than %d mounted volumes", KUBE_MAX_VOLUMES);
	struct kube_volume *more = one_more(s, w->volumes, w->volumes_n, sizeof *more);
	if (!more || !v->name || !v->identity || !v->mounted_at || !v->sub_path)
		return kube_no_memory(err);
	if (strlen(v->identity) > MAX_URI || strlen(v->mounted_at) > MAX_URI || strlen(v->sub_path) > MAX_URI)
		return err_set(err, RF_ETOOBIG, "volume %.200s: a path of more than %d bytes", v->name, MAX_URI);
	w->volumes = more;
	more[w->volumes_n++] = *v;
	return 0;
}

/* One entry of a container's volumeMounts. */
struct mount {
	struct span volume;
	struct json entry;
};

static int container_mounts(struct kube_set *s, struct json container, struct mount **list, size_t *n, struct err *err)
{
	for (struct json_each m = json_each(json_get(container, "volumeMounts")); json_next(&m);) {
		if (*n == MAX_MOUNTS)
			return err_set(err, RF_ETOOMANY, "more than %d mounts", MAX_MOUNTS);
		struct mount *more = one_more(s, *list, *n, sizeof *more);
		if (!more)
			return kube_no_memory(err);
		*list = more;
		more[(*n)++] = (struct mount){ json_string(json_get(m.value, "name")), m.value };
	}
	return 0;
}

/* All mounts of the pod, looked up once: a volume is then found by comparing names alone. */
static int mounts_read(struct kube_set *s, const struct kube_pod *pod, struct mount **ret, size_t *ret_n, struct err *err)
{
	static const char *const lists[] = { "containers", "initContainers", "ephemeralContainers" };
	int rc = 0;
	*ret = NULL;
	*ret_n = 0;
	for (size_t i = 0; i < RF_COUNT(lists); i++)
		for (struct json_each c = json_each(json_get(pod->spec, lists[i])); rc == 0 && json_next(&c);)
			rc = container_mounts(s, c.value, ret, ret_n, err);
	for (size_t i = 0; rc == 0 && i < pod->beside_n; i++)
		rc = container_mounts(s, pod->beside[i], ret, ret_n, err);
	return rc;
}

/* Every mount of one volume; a volume that is not mounted is nobody's. */
static int volume_mounts(struct kube_set *s, const struct mount *mounts, size_t mounts_n, struct kube_volume v,
			 struct kube_workload *w, struct err *err)
{
	bool writable = v.writable;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < mounts_n; i++) {
		bool read_only = false;
		if (!span_eq_text(mounts[i].volume, v.name))
			continue;
		(void)json_bool(json_get(mounts[i].entry, "readOnly"), &read_only);
		v.writable = writable && !read_only;
		v.mounted_at = kube_text(s, json_get(mounts[i].entry, "mountPath"));
		v.sub_path = kube_text(s, json_get(mounts[i].entry, "subPath"));
		rc = kube_volume_add(s, w, &v, err);
	}
	return rc;
}

static int volume(struct kube_set *s, const struct mount *mounts, size_t mounts_n, struct json one, struct kube_workload *w,
		  struct err *err)
{
	for (size_t i = 0; i < RF_COUNT(volume_kinds); i++) {
		struct json source = json_get(one, volume_kinds[i].kind);
		bool read_only = false;
		if (json_kind(source) != JSON_OBJECT)
			continue;
		(void)json_bool(json_get(source, "readOnly"), &read_only);
		struct kube_volume v = { .name = kube_text(s, json_get(one, "name")),
					 .kind = volume_kinds[i].kind,
					 .identity = volume_identity(s, i, source),
					 .mounted_at = "",
					 .sub_path = "",
					 .writable = !volume_kinds[i].read_only && !read_only };
		int rc = v.name ? volume_mounts(s, mounts, mounts_n, v, w, err) : kube_no_memory(err);
		/* an OCI image whose files are mounted: models come so */
		if (rc == 0 && strcmp(v.kind, "image") == 0)
			rc = kube_container_add(s, w, v.name, KUBE_VOLUME, json_get(source, "reference"), err);
		return rc;
	}
	return 0;
}

static int volumes(struct kube_set *s, const struct kube_pod *pod, struct kube_workload *w, struct err *err)
{
	struct mount *mounts;
	size_t mounts_n, n = 0;
	int rc = mounts_read(s, pod, &mounts, &mounts_n, err);
	for (struct json_each it = json_each(json_get(pod->spec, "volumes")); rc == 0 && json_next(&it); n++)
		rc = n == KUBE_MAX_VOLUMES ? err_set(err, RF_ETOOMANY, "more than %d volumes", KUBE_MAX_VOLUMES) :
					volume(s, mounts, mounts_n, it.value, w, err);
	return rc;
}

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int container(struct kube_set *s, struct json one, const char *name, enum kube_role role, struct kube_workload *w,
		     struct err *err)
{
	int rc = kube_container_add(s, w, name, role, json_get(one, "image"), err);
	if (rc == 0)
		rc = env_models(s, one, w, err);
	if (rc == 0)
		rc = argument_models(s, json_get(one, "command"), w, err);
	if (rc == 0 && strcmp(name, "storage-initializer") == 0)
		rc = kube_fetched_models(s, json_get(one, "args"), w, err);
	return rc ? rc : argument_models(s, json_get(one, "args"), w, err);
}

static int containers(struct kube_set *s, struct json list, enum kube_role role, struct kube_workload *w, struct err *err)
{
	int rc = 0;
	for (struct json_each it = json_each(list); rc == 0 && json_next(&it);)
		rc = container(s, it.value, kube_text(s, json_get(it.value, "name")), role, w, err);
	return rc;
}

int kube_pod_read(struct kube_set *s, const struct kube_pod *pod, struct kube_workload *w, struct err *err)
{
	int rc = containers(s, json_get(pod->spec, "containers"), KUBE_CONTAINER, w, err);
	for (size_t i = 0; rc == 0 && i < pod->beside_n; i++)
		rc = container(s, pod->beside[i], pod->beside_name, KUBE_CONTAINER, w, err);
	if (rc == 0)
		rc = containers(s, json_get(pod->spec, "initContainers"), KUBE_INIT, w, err);
	if (rc == 0)
		rc = containers(s, json_get(pod->spec, "ephemeralContainers"), KUBE_EPHEMERAL, w, err);
	return rc ? rc : volumes(s, pod, w, err);
}
