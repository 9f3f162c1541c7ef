/*
 * What belongs to whom: a controller and what it made become one workload, pods say which digests run, volumes that two
 * workloads share are looked at.
 */
#include "inventory/kubernetes_int.h"

#define MAX_OWNERS 8          /* CronJob, Job, Pod: three; operators add some */
#define MAX_IMAGES 16         /* digests that one container runs at a time; further ones are not told apart */
#define MAX_MOUNTS 1000       /* of one volume that are compared with each other */
#define MAX_FINDING_TEXT (8 * KIB)

struct join {
	struct kube_set *s;
	struct map by_uid, by_name;   /* -> index + 1 of the workload, as a pointer */
	struct err *err;
};

struct span kube_name_key(struct kube_set *s, const char *namespace_, const char *kind, const char *name)
{
	const char *key = arena_printf(&s->arena, "%s\n%s\n%s", namespace_, kind, name);
	return key ? span_of(key) : SPAN_NONE;
}

static void *index_value(size_t i)
{
	return (void *)(uintptr_t)(i + 1);
}

static int finding(struct join *j, const char *ns, const char *rule, const char *subject, const struct str *text)
{
	struct kube_set *s = j->s;
	if (s->findings_n == s->findings_room) {
		size_t room = s->findings_room ? 2 * s->findings_room : 16;
		struct kube_finding *more = rf_realloc_array(s->findings, room, sizeof *more);
		if (!more)
			return kube_no_memory(j->err);
		s->findings = more;
		s->findings_room = room;
	}
	struct kube_finding *f = &s->findings[s->findings_n++];
	*f = (struct kube_finding){ .namespace_ = ns, .rule = rule };
	f->subject = arena_text(&s->arena, span_of(subject));
	f->text = arena_text(&s->arena, str_span(text));
	return f->subject && f->text && text->failed != RF_ENOMEM ? 0 : kube_no_memory(j->err);
}

/* Two objects of one kind and name cannot run in one cluster: these are manifests of two. */
static int defined_twice(struct join *j, size_t i)
{
	struct kube_workload *w = &j->s->workloads[i];
	RF_AUTO(str) subject = STR_INIT(MAX_FINDING_TEXT), text = STR_INIT(MAX_FINDING_TEXT);
	w->owned = true;
	str_addf(&subject, "%s/%s", w->kind, w->name);
	str_add_text(&text, "stands twice in what was given; only the first is looked at: scan the clusters one by one");
	return finding(j, w->namespace_, "defined_twice", str_text(&subject), &text);
}

static int index_add(struct join *j, size_t i)
{
	const struct kube_workload *w = &j->s->workloads[i];
	struct span key = kube_name_key(j->s, w->namespace_, w->kind, w->name);
	if (!key.p)
		return kube_no_memory(j->err);
	if (map_get(&j->by_name, key))
		return defined_twice(j, i);
	if (map_set(&j->by_name, key, index_value(i)))
		return kube_no_memory(j->err);
	return w->uid[0] && map_set(&j->by_uid, span_of(w->uid), index_value(i)) ? kube_no_memory(j->err) : 0;
}

/* The workload that made @w; -1: none in the set. */
static int owner_of(struct join *j, const struct kube_workload *w, int64_t *ret)
{
	*ret = -1;
	if (!w->owner_name[0])
		return 0;
	struct span key = kube_name_key(j->s, w->namespace_, w->owner_kind, w->owner_name);
	if (!key.p)
		return kube_no_memory(j->err);
	void *found = w->owner_uid[0] ? map_get(&j->by_uid, span_of(w->owner_uid)) : NULL;
	found = found ? found : map_get(&j->by_name, key);
	*ret = found ? (int64_t)(uintptr_t)found - 1 : -1;
	return 0;
}

/* A controller of a kind that is not read (Rollout, RayCluster, ...), known by what it made. */
static int owner_make(struct join *j, size_t child)
{
	struct kube_workload *made = kube_new(j->s);
	if (!made)
		return kube_no_memory(j->err);
	const struct kube_workload *w = &j->s->workloads[child];
	made->kind = w->owner_kind;
	made->name = w->owner_name;
	made->uid = w->owner_uid;
	made->namespace_ = w->namespace_;
	return index_add(j, j->s->count - 1);
}

/* What KServe made belongs to its service, when the set has that, past owners that are not read. */
static int served_find(struct join *j, struct kube_workload *w)
{
	if (!w->served_name[0] || strcmp(w->kind, w->served_kind) == 0)
		return 0;
	struct span key = kube_name_key(j->s, w->namespace_, w->served_kind, w->served_name);
	if (!key.p)
		return kube_no_memory(j->err);
	if (!map_get(&j->by_name, key))
		return 0;
	w->owner_kind = w->served_kind;
	w->owner_name = w->served_name;
	w->owner_uid = "";
	return 0;
}

static int owners_complete(struct join *j)
{
	for (size_t i = 0, n = j->s->count; i < n; i++) {
		int64_t owner;
		int rc = owner_of(j, &j->s->workloads[i], &owner);
		if (rc == 0 && owner < 0)
			rc = served_find(j, &j->s->workloads[i]);
		if (rc == 0 && owner < 0)
			rc = owner_of(j, &j->s->workloads[i], &owner);
		if (rc == 0 && owner < 0 && j->s->workloads[i].owner_name[0])
			rc = owner_make(j, i);
		if (rc)
			return rc;
	}
	return 0;
}

/* ── One workload out of several objects ─────────────────────────────────────────────────────────────────────────── */

static struct kube_container *container_of(const struct kube_workload *w, const struct kube_container *like)
{
	for (size_t i = 0; i < w->containers_n; i++)
		if (w->containers[i].role == like->role && strcmp(w->containers[i].name, like->name) == 0)
			return &w->containers[i];
	return NULL;
}

static int image_add(struct join *j, struct kube_container *c, const struct kube_image *image)
{
	struct kube_image *at = NULL;
	for (size_t i = 0; i < c->images_n && !at; i++)
		if (strcmp(c->images[i].digest, image->digest) == 0)
			at = &c->images[i];
	if (!at && c->images_n && !c->images[0].digest[0]) {
		at = &c->images[0]; /* the template's reference gets the digest that its pods run */
		at->digest = image->digest;
		at->source = image->source;
	}
	if (at) {
		at->pods++;
		return 0;
	}
	if (c->images_n == MAX_IMAGES)
		return 0;
	struct kube_image *more = arena_array(&j->s->arena, c->images_n + 1, sizeof *more);
	if (!more)
		return kube_no_memory(j->err);
	if (c->images_n)
		memcpy(more, c->images, c->images_n * sizeof *more);
	c->images = more;
	c->images[c->images_n] = *image;
	c->images[c->images_n++].pods = 1;
	return 0;
}

static int container_take(struct join *j, struct kube_workload *to, const struct kube_container *from, bool is_pod)
{
	struct kube_container *c = container_of(to, from);
	if (!c && to->containers_n < KUBE_MAX_CONTAINERS) {
		struct kube_container *more = arena_array(&j->s->arena, to->containers_n + 1, sizeof *more);
		struct kube_image *image = arena_alloc(&j->s->arena, sizeof *image);
		if (!more || !image)
			return kube_no_memory(j->err);
		if (to->containers_n)
			memcpy(more, to->containers, to->containers_n * sizeof *more);
		to->containers = more;
		c = &more[to->containers_n++];
		*c = *from;
		c->images = image;
		c->images_n = 1;
		*image = from->images[0];
		image->pods = is_pod;
		return 0;
	}
	return c && is_pod && from->images[0].digest[0] ? image_add(j, c, &from->images[0]) : 0;
}

/* Counted are running pods where the controller does not say how many it wants. */
static bool counts_itself(const struct kube_workload *w)
{
	static const char *const kinds[] = { "Deployment", "StatefulSet", "DaemonSet",   "ReplicaSet",
					     "Job",        "CronJob",     "ReplicationController", "Pod" };
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		if (strcmp(w->kind, kinds[i]) == 0)
			return true;
	return false;
}

/* The name that the service has for a container of what was made for it. */
static const char *container_taken(const struct kube_workload *to, const struct kube_workload *from, const char *name)
{
	return strcmp(to->kind, from->served_kind) == 0 ? kube_served_container(from, name) : name;
}

/* Whichever of its pods has the container; an address is the same in all. */
static bool has_model(const struct kube_workload *w, const struct kube_model *m)
{
	bool is_address = strstr(m->uri, "://") != NULL;
	for (size_t i = 0; i < w->models_n; i++) {
		const struct kube_model *have = &w->models[i];
		if (strcmp(have->uri, m->uri) == 0 && (is_address || !have->container[0] || strcmp(have->container, m->container) == 0))
			return true;
	}
	return false;
}

/* What the same volume is: mounted alike it is one. */
static struct kube_volume *volume_like(const struct kube_workload *w, const struct kube_volume *v)
{
	for (size_t i = 0; i < w->volumes_n; i++)
		if (strcmp(w->volumes[i].kind, v->kind) == 0 && strcmp(w->volumes[i].identity, v->identity) == 0 &&
		    strcmp(w->volumes[i].mounted_at, v->mounted_at) == 0 && strcmp(w->volumes[i].sub_path, v->sub_path) == 0 &&
		    (!w->volumes[i].container[0] || strcmp(w->volumes[i].container, v->container) == 0))
			return &w->volumes[i];
	return NULL;
}

int kube_volumes_take(struct kube_set *s, struct kube_workload *to, const struct kube_workload *from, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < from->volumes_n; i++) {
		struct kube_volume v = from->volumes[i];
		v.container = container_taken(to, from, v.container);
		struct kube_volume *same = volume_like(to, &v);
		if (same)
			same->writable |= v.writable;
		else if (to->volumes_n < KUBE_MAX_MOUNTS)
			rc = kube_volume_add(s, to, &v, err);
	}
	return rc;
}

int kube_models_take(struct kube_set *s, struct kube_workload *to, const struct kube_workload *from, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < from->models_n; i++) {
		struct kube_model m = from->models[i];
		m.container = container_taken(to, from, m.container);
		if (!has_model(to, &m))
			rc = kube_model_put(s, to, &m, span_of(m.uri), err);
	}
	return rc;
}

/* What the controller does not say itself is taken from what it made: an InferenceService has its containers from a
 * runtime, a controller of a kind that is not read has nothing of its own. */
static int take(struct join *j, size_t top, size_t child)
{
	struct kube_workload *to = &j->s->workloads[top];
	const struct kube_workload *from = &j->s->workloads[child];
	bool is_pod = strcmp(from->kind, "Pod") == 0, templated = counts_itself(to);
	int rc = 0;
	to->made = true;
	for (size_t i = 0; rc == 0 && i < from->containers_n; i++) {
		struct kube_container c = from->containers[i];
		c.name = container_taken(to, from, c.name);
		rc = container_take(j, to, &c, is_pod);
	}
	/* the template of a kind that has one says all of them, once */
	if (rc == 0 && (!templated || !to->volumes_n))
		rc = kube_volumes_take(j->s, to, from, j->err);
	if (rc == 0 && (!templated || !to->models_n))
		rc = kube_models_take(j->s, to, from, j->err);
	if (!to->service[0])
		to->service = from->service;
	if (!to->service_owner[0])
		to->service_owner = from->service_owner, to->contact = from->contact;
	return rc;
}

/* The topmost controller of @i; @i itself when it has none, and when they own each other: nothing may be lost by that. */
static int top_of(struct join *j, size_t i, size_t *ret)
{
	size_t top = i;
	*ret = i;
	for (unsigned n = 0; n < MAX_OWNERS; n++) {
		int64_t owner;
		int rc = owner_of(j, &j->s->workloads[top], &owner);
		if (rc || owner < 0) {
			*ret = top;
			return rc;
		}
		top = (size_t)owner;
	}
	return 0;
}

static int owned_take(struct join *j)
{
	size_t n = j->s->count;
	int64_t *pods = rf_alloc(n * sizeof *pods);
	int rc = pods ? 0 : kube_no_memory(j->err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		size_t top;
		rc = top_of(j, i, &top);
		if (rc || top == i)
			continue;
		j->s->workloads[i].owned = true;
		pods[top] += strcmp(j->s->workloads[i].kind, "Pod") == 0;
		rc = take(j, top, i);
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (pods[i] && !counts_itself(&j->s->workloads[i]))
			j->s->workloads[i].replicas = pods[i];
	rf_free(pods);
	return rc;
}

/* ── Findings ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_images(const void *a, const void *b)
{
	const struct kube_image *x = a, *y = b;
	if (x->pods != y->pods)
		return x->pods < y->pods ? 1 : -1;
	return strcmp(x->digest, y->digest);
}

static int images_judge(struct join *j, const struct kube_workload *w)
{
	for (size_t i = 0; i < w->containers_n; i++) {
		struct kube_container *c = &w->containers[i];
		RF_AUTO(str) subject = STR_INIT(MAX_FINDING_TEXT), text = STR_INIT(MAX_FINDING_TEXT);
		if (c->images_n > 1)
			qsort(c->images, c->images_n, sizeof *c->images, compare_images);
		if (c->images_n < 2 || !c->images[1].pods)
			continue;
		str_addf(&subject, "%s/%s/%s/%s", w->kind, w->name, kube_role_text(c->role), c->name);
		str_addf(&text, "its pods run %zu different images:", c->images_n);
		for (size_t k = 0; k < c->images_n; k++)
			str_addf(&text, "%s sha256:%.12s as %lld", k ? "," : "", c->images[k].digest,
				 (long long)c->images[k].pods);
		int rc = finding(j, w->namespace_, "two_releases_run", str_text(&subject), &text);
		if (rc)
			return rc;
	}
	return 0;
}

/* A mount of a volume that another workload may have, too. */
struct mount {
	const struct kube_workload *w;
	const struct kube_volume *v;
	struct mount *next;
	unsigned n; /* how many there are from here on */
};

bool kube_serves(const char *kind)
{
	static const char *const kinds[] = { "Job", "CronJob", "TrainedModel", "ServingRuntime", "ClusterServingRuntime" };
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return false;
	return true;
}

static bool lies_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	return n && strcmp(folder, "/") != 0 && strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/' || folder[n - 1] == '/');
}

/* Models lie on it: by its names, or because the workload is told to load one from there. */
static bool keeps_models(const struct mount *m)
{
	static const char *const words[] = { "model", "engine", "triton" };
	const char *const names[] = { m->v->name, m->v->identity, m->v->mounted_at };
	for (size_t i = 0; i < RF_COUNT(names); i++)
		for (size_t k = 0; k < RF_COUNT(words); k++)
			if (strcasestr(names[i], words[k]))
				return true;
	for (size_t i = 0; i < m->w->models_n; i++)
		if (lies_below(m->w->models[i].uri, m->v->mounted_at))
			return true;
	return false;
}

static bool overlap(const char *a, const char *b)
{
	return !a[0] || !b[0] || lies_below(a, b) || lies_below(b, a);
}

/* Of the container that mounts @v. */
static const char *image_text(const struct kube_workload *w, const struct kube_volume *v)
{
	for (size_t i = 0; i < w->containers_n; i++)
		if (strcmp(w->containers[i].name, v->container) == 0)
			return w->containers[i].images[0].reference;
	return w->containers_n ? w->containers[0].images[0].reference : "no image";
}

/* A writer and somebody else on the same part of the volume. */
static int volume_judge(struct join *j, const struct mount *list)
{
	RF_AUTO(str) text = STR_INIT(MAX_FINDING_TEXT);
	const struct mount *writer = NULL, *other = NULL;
	bool models = false;
	for (const struct mount *m = list; m; m = m->next)
		models |= keeps_models(m);
	for (const struct mount *m = list; models && m && !writer; m = m->next)
		for (const struct mount *o = list; m->v->writable && o && !writer; o = o->next)
			if (o->w != m->w && overlap(o->v->sub_path, m->v->sub_path))
				writer = m, other = o;
	if (!writer)
		return 0;
	str_addf(&text, "%s/%s (%s) can write to it, %s/%s (%s) %s: an engine that one release puts there is loaded by the other",
		 writer->w->kind, writer->w->name, image_text(writer->w, writer->v), other->w->kind, other->w->name,
		 image_text(other->w, other->v),
		 other->v->writable ? "as well" : "reads it");
	return finding(j, writer->w->namespace_, "shared_writable_volume", writer->v->identity, &text);
}

static int volumes_index(struct join *j, struct map *by_volume)
{
	for (size_t i = 0; i < j->s->count; i++) {
		const struct kube_workload *w = &j->s->workloads[i];
		/* Jobs fill volumes before others read them; templates run nowhere */
		for (size_t k = 0; !w->owned && kube_serves(w->kind) && k < w->volumes_n; k++) {
			const struct kube_volume *v = &w->volumes[k];
			bool local = strcmp(v->kind, "nfs") != 0;
			if (!v->identity[0] || strcmp(v->kind, "configMap") == 0 || strcmp(v->kind, "csi") == 0)
				continue;
			struct mount *m = arena_alloc(&j->s->arena, sizeof *m);
			char *key = arena_printf(&j->s->arena, "%s\n%s", local ? w->namespace_ : "", v->identity);
			if (!m || !key)
				return kube_no_memory(j->err);
			*m = (struct mount){ .w = w, .v = v, .next = map_get(by_volume, span_of(key)) };
			m->n = m->next ? m->next->n + 1 : 1;
			if (m->n <= MAX_MOUNTS && map_set(by_volume, span_of(key), m))
				return kube_no_memory(j->err);
		}
	}
	return 0;
}

static int volumes_judge(struct join *j)
{
	RF_AUTO(map) by_volume = MAP_INIT;
	struct span key;
	void *list;
	int rc = volumes_index(j, &by_volume);
	for (size_t i = 0; rc == 0 && map_next(&by_volume, &i, &key, &list);)
		rc = volume_judge(j, list);
	return rc;
}

static int compare_findings(const void *a, const void *b)
{
	const struct kube_finding *x = a, *y = b;
	int c = strcmp(x->namespace_, y->namespace_);
	c = c ? c : strcmp(x->rule, y->rule);
	return c ? c : strcmp(x->subject, y->subject);
}

int kube_set_join(struct kube_set *s, struct err *err)
{
	struct join j = { .s = s, .err = err };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		rc = index_add(&j, i);
	if (rc == 0)
		rc = owners_complete(&j);
	if (rc == 0)
		rc = owned_take(&j);
	if (rc == 0)
		rc = kube_runtimes_resolve(s, &j.by_name, err);
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		if (!s->workloads[i].owned)
			rc = images_judge(&j, &s->workloads[i]);
	if (rc == 0)
		rc = volumes_judge(&j);
	if (s->findings_n)
		qsort(s->findings, s->findings_n, sizeof *s->findings, compare_findings);
	map_release(&j.by_uid);
	map_release(&j.by_name);
	return rc;
}
