/* A pod's specification: containers of all kinds, volumes with who may write them, models it is told to load. */
#include "inventory/kubernetes_int.h"

/* Of a driver's or a flexible volume's attributes. */
#define MAX_ATTRIBUTES 64
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

int kube_model_put(struct kube_set *s, struct kube_workload *w, const struct kube_model *like, struct span uri, struct err *err)
{
	if (w->models_n == KUBE_MAX_MODELS || uri.n > MAX_URI || !span_is_utf8(uri) || span_find_byte(uri, '\0') != SIZE_MAX) {
		w->models_left_out++;
		return 0;
	}
	struct kube_model m = *like;
	m.uri = uri_text(s, uri);
	if (!m.where || !m.uri || !m.container)
		return kube_no_memory(err);
	/* a path is another one in another container */
	bool is_address = span_find(span_of(m.uri), SPAN("://")) != SIZE_MAX;
	for (size_t i = 0; i < w->models_n; i++) {
		const struct kube_model *have = &w->models[i];
		if (strcmp(have->uri, m.uri) == 0 && (is_address || (have->pod == m.pod && strcmp(have->container, m.container) == 0)))
			return 0;
	}
	struct kube_model *more = one_more(s, w->models, w->models_n, sizeof *more);
	if (!more)
		return kube_no_memory(err);
	w->models = more;
	more[w->models_n++] = m;
	return 0;
}

int kube_model_add(struct kube_set *s, struct kube_workload *w, const char *where, struct span uri, struct err *err)
{
	const struct kube_model m = { .where = where, .container = "" };
	return kube_model_put(s, w, &m, uri, err);
}

/* ── Volumes ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The kinds of volume, each with the members that say which it is; a kind that is not here is told by its name alone. */
static const struct volume_kind {
	const char *kind, *identity[3];
	bool read_only; /* by its nature */
	bool is_own;    /* filled by the pod's own containers, or by the cluster with texts and tokens */
} volume_kinds[] = {
	{ "emptyDir", { NULL }, false, true }, /* first: what a volume of no kind is */
	{ "persistentVolumeClaim", { "claimName" }, false, false },
	{ "hostPath", { "path" }, false, false },
	{ "nfs", { "server", "path" }, false, false },
	{ "image", { "reference" }, true, false },
	{ "configMap", { "name" }, true, true },
	{ "csi", { "driver" }, false, false },
	{ "ephemeral", { NULL }, false, true },
	{ "downwardAPI", { NULL }, true, true },
	{ "projected", { NULL }, true, false },
	{ "secret", { "secretName" }, true, false },
	{ "azureFile", { "shareName" }, false, false },
	{ "azureDisk", { "diskURI" }, false, false },
	{ "awsElasticBlockStore", { "volumeID" }, false, false },
	{ "gcePersistentDisk", { "pdName" }, false, false },
	{ "cephfs", { "path" }, false, false },
	{ "cinder", { "volumeID" }, false, false },
	{ "flexVolume", { "driver" }, false, false },
	{ "gitRepo", { "repository", "revision" }, true, false },
	{ "glusterfs", { "endpoints", "path" }, false, false },
	{ "iscsi", { "targetPortal", "iqn" }, false, false },
	{ "portworxVolume", { "volumeID" }, false, false },
	{ "rbd", { "pool", "image" }, false, false },
	{ "vsphereVolume", { "volumePath" }, false, false },
};

struct attribute {
	struct span key, value;
};

static int by_key(const void *a, const void *b)
{
	return span_compare(((const struct attribute *)a)->key, ((const struct attribute *)b)->key);
}

/* Which volume of a driver it is stands in its attributes, among what may be a secret: their digest, whatever their order.
 * "" for none. */
static int attributes_digest(struct kube_set *s, struct json attributes, const char **ret, struct err *err)
{
	struct attribute list[MAX_ATTRIBUTES];
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	struct digest digest;
	char hex[DIGEST_HEX];
	size_t n = 0;
	for (struct json_each it = json_each(attributes); json_next(&it); n++) {
		if (n == MAX_ATTRIBUTES)
			return err_set(err, RF_ETOOMANY, "more than %d attributes of a volume", MAX_ATTRIBUTES);
		list[n] = (struct attribute){ it.key, json_string(it.value) };
	}
	*ret = "";
	if (n == 0)
		return 0;
	qsort(list, n, sizeof *list, by_key);
	for (size_t i = 0; i < n; i++)
		str_addf(&text, "%zu:%.*s%zu:%.*s", list[i].key.n, SPAN_ARG(list[i].key), list[i].value.n, SPAN_ARG(list[i].value));
	int rc = str_check(&text, "attributes of a volume", err);
	digest_of(str_span(&text), &digest);
	*ret = arena_printf(&s->arena, ":%.12s", digest_hex(&digest, hex));
	return rc || *ret ? rc : kube_no_memory(err);
}

static int volume_identity(struct kube_set *s, const struct volume_kind *k, struct json source, const char **ret, struct err *err)
{
	struct span first = json_string(json_get(source, k->identity[0] ? k->identity[0] : ""));
	struct span more = k->identity[1] ? json_string(json_get(source, k->identity[1])) : SPAN("");
	struct json attributes = json_get(source, strcmp(k->kind, "csi") == 0 ? "volumeAttributes" : "options");
	bool driven = k->identity[0] && strcmp(k->identity[0], "driver") == 0;
	const char *which = "";
	*ret = "";
	if (!first.n)
		return 0;
	first = span_of(uri_text(s, first)); /* of a repository it may hold a password */
	if (!first.p)
		return kube_no_memory(err);
	int rc = driven ? attributes_digest(s, attributes, &which, err) : 0;
	if (rc)
		return rc;
	*ret = arena_printf(&s->arena, "%s:%.*s%s%.*s%s", k->kind, SPAN_ARG(first), more.n ? ":" : "", SPAN_ARG(more), which);
	return *ret ? 0 : kube_no_memory(err);
}

/* Tokens, certificates of authorities and texts, which the cluster puts together. */
static bool is_projected_own(struct json source)
{
	static const char *const own[] = { "serviceAccountToken", "configMap", "downwardAPI", "clusterTrustBundle" };
	size_t n = 0;
	for (struct json_each it = json_each(json_get(source, "sources")); json_next(&it); n++) {
		bool found = false;
		for (size_t i = 0; i < RF_COUNT(own); i++)
			found |= json_kind(json_get(it.value, own[i])) == JSON_OBJECT;
		if (!found || json_count(it.value) != 1)
			return false;
	}
	return n > 0;
}

/* A volume that is made with the pod begins empty, unless it is a copy of something. */
static bool is_ephemeral_own(struct json source)
{
	struct json claim = json_path(source, "volumeClaimTemplate", "spec", NULL);
	return json_kind(json_get(claim, "dataSource")) != JSON_OBJECT && json_kind(json_get(claim, "dataSourceRef")) != JSON_OBJECT;
}

static bool is_own(const struct volume_kind *k, struct json source)
{
	if (strcmp(k->kind, "projected") == 0)
		return is_projected_own(source);
	return strcmp(k->kind, "ephemeral") == 0 ? is_ephemeral_own(source) : k->is_own;
}

int kube_volume_add(struct kube_set *s, struct kube_workload *w, const struct kube_volume *v, struct err *err)
{
	if (w->volumes_n == KUBE_MAX_MOUNTS)
		return err_set(err, RF_ETOOMANY, "more than %d mounted volumes", KUBE_MAX_MOUNTS);
	struct kube_volume *more = one_more(s, w->volumes, w->volumes_n, sizeof *more);
	if (!more || !v->name || !v->identity || !v->mounted_at || !v->sub_path)
		return kube_no_memory(err);
	if (strlen(v->identity) > MAX_URI || strlen(v->mounted_at) > MAX_URI || strlen(v->sub_path) > MAX_URI)
		return err_set(err, RF_ETOOBIG, "volume %.200s: a path of more than %d bytes", v->name, MAX_URI);
	w->volumes = more;
	struct kube_volume *to = &more[w->volumes_n++];
	*to = *v;
	to->container = v->container ? v->container : "";
	to->node = v->node ? v->node : "";
	return 0;
}

/* ── A pod ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct pod {
	struct kube_set *s;
	struct kube_workload *w;
	unsigned number;
	struct kube_mount *mounts; /* of all containers, one container's behind another's */
	size_t mounts_n;
	const char *node;
	struct err *err;
};

/* The node that the pod can be on only; "" the scheduler chooses, or has not yet. */
static const char *node_of(struct kube_set *s, struct json spec)
{
	struct json name = json_get(spec, "nodeName");
	return kube_text(s, json_string(name).n ? name : json_path(spec, "nodeSelector", "kubernetes.io/hostname", NULL));
}

bool kube_sees(const struct kube_model *m, const struct kube_volume *v)
{
	return !m->container[0] || !v->container[0] || (m->pod == v->pod && strcmp(m->container, v->container) == 0);
}

bool kube_is_mounted(const struct kube_mounted *m, struct span folder)
{
	for (size_t i = 0; i < m->n; i++) {
		struct span at = span_of(m->list[i].at);
		while (at.n && at.p[at.n - 1] == '/')
			at.n--;
		if (span_starts(folder, "/") && folder.n >= at.n && (at.n == 0 || memcmp(folder.p, at.p, at.n) == 0))
			return true;
	}
	return m->n && (span_find(folder, SPAN("/.")) != SIZE_MAX || span_find(folder, SPAN("//")) != SIZE_MAX);
}

/* One entry of volumeMounts, or of volumeDevices: a disk without a file system is read at a path as well. */
static int mount_read(struct pod *p, struct kube_variables *variables, const char *container, struct json entry, bool is_device)
{
	struct json path = json_get(entry, "subPathExpr");
	struct span sub_path;
	struct kube_mount m = { .volume = json_string(json_get(entry, "name")), .container = container };
	if (p->mounts_n == KUBE_MAX_MOUNTS)
		return err_set(p->err, RF_ETOOMANY, "more than %d mounts", KUBE_MAX_MOUNTS);
	(void)json_bool(json_get(entry, "readOnly"), &m.read_only);
	int rc = kube_expand(p->s, variables, json_string(path), false, &sub_path, &m.is_open, p->err);
	if (rc)
		return rc;
	m.sub_path = sub_path.n ? arena_text(&p->s->arena, sub_path) : kube_text(p->s, json_get(entry, "subPath"));
	m.at = kube_text(p->s, json_get(entry, is_device ? "devicePath" : "mountPath"));
	struct kube_mount *more = one_more(p->s, p->mounts, p->mounts_n, sizeof *more);
	if (!more || !m.sub_path || !m.at)
		return kube_no_memory(p->err);
	p->mounts = more;
	more[p->mounts_n++] = m;
	return 0;
}

/* Mounts of a container, and the models that its texts name. */
static int container_read(struct pod *p, struct json container, const char *name)
{
	struct kube_variables variables = { .env = json_get(container, "env") };
	size_t from = p->mounts_n;
	int rc = name ? 0 : kube_no_memory(p->err);
	for (struct json_each m = json_each(json_get(container, "volumeMounts")); rc == 0 && json_next(&m);)
		rc = mount_read(p, &variables, name, m.value, false);
	for (struct json_each m = json_each(json_get(container, "volumeDevices")); rc == 0 && json_next(&m);)
		rc = mount_read(p, &variables, name, m.value, true);
	const struct kube_mounted in = { name, p->number, p->mounts ? p->mounts + from : NULL, p->mounts_n - from };
	return rc ? rc : kube_texts_read(p->s, p->w, container, &in, &variables, p->err);
}

/* Every mount of one volume; a volume that is not mounted is nobody's. */
static int volume_mounts(struct pod *p, struct kube_volume v)
{
	bool writable = v.writable;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < p->mounts_n; i++) {
		struct kube_mount *m = &p->mounts[i];
		if (!span_eq_text(m->volume, v.name))
			continue;
		m->is_found = true;
		v.writable = writable && !m->read_only;
		v.mounted_at = m->at;
		v.sub_path = m->sub_path;
		v.container = m->container;
		v.is_open = m->is_open;
		rc = kube_volume_add(p->s, p->w, &v, p->err);
	}
	return rc;
}

/* The member beside its name says of what kind the volume is. None, and it is an emptyDir. */
static const struct volume_kind *kind_of(struct json volume, struct volume_kind *other, struct json *ret_source, struct kube_set *s)
{
	*ret_source = (struct json){ 0 };
	for (struct json_each it = json_each(volume); json_next(&it);) {
		if (json_kind(it.value) != JSON_OBJECT)
			continue;
		*ret_source = it.value;
		for (size_t i = 0; i < RF_COUNT(volume_kinds); i++)
			if (span_eq_text(it.key, volume_kinds[i].kind))
				return &volume_kinds[i];
		*other = (struct volume_kind){ .kind = arena_text(&s->arena, span_sub(it.key, 0, 64)) };
		return other->kind ? other : NULL;
	}
	return &volume_kinds[0];
}

static int volume(struct pod *p, struct json one)
{
	struct json source;
	struct volume_kind other;
	const struct volume_kind *k = kind_of(one, &other, &source, p->s);
	bool read_only = false;
	if (!k)
		return kube_no_memory(p->err);
	(void)json_bool(json_get(source, "readOnly"), &read_only);
	struct kube_volume v = { .name = kube_text(p->s, json_get(one, "name")),
				 .kind = k->kind,
				 .identity = "",
				 .mounted_at = "",
				 .sub_path = "",
				 .container = "",
				 .pod = p->number,
				 .node = strcmp(k->kind, "hostPath") == 0 ? p->node : "",
				 .writable = !k->read_only && !read_only,
				 .is_own = is_own(k, source) };
	int rc = v.name ? volume_identity(p->s, k, source, &v.identity, p->err) : kube_no_memory(p->err);
	if (rc == 0)
		rc = volume_mounts(p, v);
	/* an OCI image whose files are mounted: models come so */
	if (rc == 0 && strcmp(v.kind, "image") == 0)
		rc = kube_container_add(p->s, p->w, v.name, KUBE_VOLUME, json_get(source, "reference"), p->err);
	return rc;
}

static int volumes(struct pod *p, struct json spec)
{
	size_t n = 0;
	int rc = 0;
	for (struct json_each it = json_each(json_get(spec, "volumes")); rc == 0 && json_next(&it); n++)
		rc = n == KUBE_MAX_VOLUMES ? err_set(p->err, RF_ETOOMANY, "more than %d volumes", KUBE_MAX_VOLUMES) : volume(p, it.value);
	return rc;
}

/* A mount whose volume stands in another object. */
static int volumes_elsewhere(struct pod *p)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < p->mounts_n; i++) {
		const struct kube_mount *m = &p->mounts[i];
		const struct kube_volume v = { .name = arena_text(&p->s->arena, m->volume), .kind = "volume", .identity = "",
					       .mounted_at = m->at, .sub_path = m->sub_path, .container = m->container, .pod = p->number,
					       .writable = !m->read_only, .is_open = m->is_open };
		rc = m->is_found ? 0 : kube_volume_add(p->s, p->w, &v, p->err);
	}
	return rc;
}

/* ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────── */

static int container(struct pod *p, struct json one, const char *name, enum kube_role role)
{
	int rc = kube_container_add(p->s, p->w, name, role, json_get(one, "image"), p->err);
	if (rc == 0 && strcmp(name, "storage-initializer") == 0)
		rc = kube_fetched_models(p->s, json_get(one, "args"), p->w, p->err);
	return rc ? rc : container_read(p, one, name);
}

static int containers(struct pod *p, struct json list, enum kube_role role)
{
	int rc = 0;
	for (struct json_each it = json_each(list); rc == 0 && json_next(&it);)
		rc = container(p, it.value, kube_text(p->s, json_get(it.value, "name")), role);
	return rc;
}

int kube_pod_read(struct kube_set *s, const struct kube_pod *pod, struct kube_workload *w, struct err *err)
{
	struct pod p = { .s = s, .w = w, .number = ++w->pods, .node = node_of(s, pod->spec), .err = err };
	int rc = p.node ? containers(&p, json_get(pod->spec, "containers"), KUBE_CONTAINER) : kube_no_memory(err);
	for (size_t i = 0; rc == 0 && i < pod->beside_n; i++)
		rc = container(&p, pod->beside[i], pod->beside_name, KUBE_CONTAINER);
	if (rc == 0)
		rc = containers(&p, json_get(pod->spec, "initContainers"), KUBE_INIT);
	if (rc == 0)
		rc = containers(&p, json_get(pod->spec, "ephemeralContainers"), KUBE_EPHEMERAL);
	if (rc == 0)
		rc = volumes(&p, pod->spec);
	return rc == 0 && pod->has_no_volumes ? volumes_elsewhere(&p) : rc;
}
