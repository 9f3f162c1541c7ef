/* adopt - a cluster: whose the engines on its volumes are, and what lies elsewhere. adopt.h is the manual. */
#include "inventory/adopt.h"

#include "inventory/kubernetes.h"
#include "workspace/workspace.h"

#include <limits.h>

struct cluster {
	struct arena *a;
	const struct workspace *w;
	const char *name;
	const struct adopt_volume *volumes;
	size_t volumes_n;
	struct adopt_assignment *assignments;
	size_t assignments_n, assignments_room;
	struct adopt_elsewhere *elsewhere;
	size_t elsewhere_n, elsewhere_room;
	struct err *err;
};

static int no_memory(struct cluster *c)
{
	return err_set(c->err, RF_ENOMEM, "no memory for what a cluster runs");
}

/* @list with room for one more. NULL: out of memory. */
static void *room_for(struct cluster *c, void *list, size_t n, size_t *room, size_t element)
{
	if (n < *room)
		return list;
	size_t more = *room ? 2 * *room : 32;
	void *bigger = arena_array(c->a, more, element);
	if (bigger && n)
		memcpy(bigger, list, n * element);
	if (bigger)
		*room = more;
	return bigger;
}

static const char *service_of(const struct kube_workload *w)
{
	if (w->service[0] && recipe_name_is_valid(span_of(w->service)))
		return w->service;
	return recipe_name_is_valid(span_of(w->name)) ? w->name : "";
}

static int ask(struct cluster *c, const struct kube_workload *w, const char *what, const char *text)
{
	const char *workload = arena_printf(c->a, "%s/%s", w->kind, w->name);
	struct adopt_elsewhere *list = room_for(c, c->elsewhere, c->elsewhere_n, &c->elsewhere_room, sizeof *list);
	if (!workload || !text || !list)
		return no_memory(c);
	c->elsewhere = list;
	for (size_t i = 0; i < c->elsewhere_n; i++)
		if (strcmp(list[i].namespace_, w->namespace_) == 0 && strcmp(list[i].workload, workload) == 0 &&
		    strcmp(list[i].what, what) == 0)
			return 0;
	list[c->elsewhere_n++] = (struct adopt_elsewhere){ .namespace_ = w->namespace_, .workload = workload, .service = service_of(w),
							   .owner = w->service_owner, .contact = w->contact, .what = what, .text = text };
	return 0;
}

/* ── Volumes ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "persistentVolumeClaim:models" of namespace lab is "lab/models"; another volume goes by its identity. */
static const struct adopt_volume *given(const struct cluster *c, const struct kube_workload *w, const struct kube_volume *v)
{
	static const char claim[] = "persistentVolumeClaim:";
	bool is_claim = strncmp(v->identity, claim, sizeof claim - 1) == 0;
	struct span name = span_of(v->identity + (is_claim ? sizeof claim - 1 : 0)), ns = span_of(w->namespace_);
	for (size_t i = 0; v->identity[0] && i < c->volumes_n; i++) {
		struct span text = span_of(c->volumes[i].volume);
		if (!is_claim && span_eq(text, name))
			return &c->volumes[i];
		if (is_claim && text.n == ns.n + 1 + name.n && span_starts(text, w->namespace_) && text.p[ns.n] == '/' &&
		    span_eq(span_from(text, ns.n + 1), name))
			return &c->volumes[i];
	}
	return NULL;
}

/* Where it really is: a sub path with "..", and a link on the volume, lead to what is nobody's here. */
static bool lies_within(const char *base, const char *folder)
{
	char outer[PATH_MAX], inner[PATH_MAX];
	if (!realpath(base, outer) || !realpath(folder, inner))
		return false;
	size_t n = strcmp(outer, "/") == 0 ? 0 : strlen(outer);
	return strncmp(inner, outer, n) == 0 && (inner[n] == '/' || inner[n] == '\0');
}

static int assign(struct cluster *c, const struct kube_workload *w, const struct kube_volume *v, const char *base)
{
	const struct workspace_environment *e = workspace_namespace(c->w, span_of(c->name), span_of(w->namespace_));
	const char *folder = v->sub_path[0] ? arena_printf(c->a, "%s/%s", base, v->sub_path) : base;
	struct adopt_assignment *list = room_for(c, c->assignments, c->assignments_n, &c->assignments_room, sizeof *list);
	if (!folder || !list)
		return no_memory(c);
	if (v->sub_path[0] && !lies_within(base, folder))
		return ask(c, w, folder, arena_printf(c->a, "its volume has no %s here: look whether --volume says the right one",
						      v->sub_path));
	c->assignments = list;
	for (size_t i = 0; i < c->assignments_n; i++) {
		if (strcmp(list[i].folder, folder) != 0)
			continue;
		if (strcmp(list[i].service, service_of(w)) == 0)
			return 0;
		return ask(c, w, folder,
			   arena_printf(c->a, "its volume is also service %s's, whose the engines are taken to be: say it with --services if not",
					list[i].service));
	}
	list[c->assignments_n++] = (struct adopt_assignment){ .folder = folder, .service = service_of(w), .environment = e ? e->name : "",
							      .owner = w->service_owner, .contact = w->contact, .deputy = "", .platform = "",
							      .runtime = "" };
	return 0;
}

/* ── Models ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool lies_on(const char *path, const struct kube_volume *v)
{
	size_t n = strlen(v->mounted_at);
	while (n > 1 && v->mounted_at[n - 1] == '/')
		n--;
	return n && strncmp(path, v->mounted_at, n) == 0 && (path[n] == '/' || path[n] == '\0' || n == 1);
}

/* The volume that a model lies on: of those that its container sees the one mounted deepest. NULL: the image, or what is
 * made anew. */
static const struct kube_volume *volume_of(const struct kube_workload *w, const struct kube_model *m)
{
	const struct kube_volume *deepest = NULL;
	for (size_t i = 0; i < w->volumes_n; i++)
		if (kube_sees(m, &w->volumes[i]) && lies_on(m->uri, &w->volumes[i]) &&
		    (!deepest || strlen(w->volumes[i].mounted_at) > strlen(deepest->mounted_at)))
			deepest = &w->volumes[i];
	return deepest;
}

static int model_ask(struct cluster *c, const struct kube_workload *w, const struct kube_model *m)
{
	if (m->is_open)
		return ask(c, w, m->uri, arena_printf(c->a, "%s names it by what the manifest does not hold: adopt the folder that it is", m->where));
	if (m->uri[0] != '/')
		return ask(c, w, m->uri, arena_printf(c->a, "%s names it: fetch it to a folder, and adopt that", m->where));
	const struct kube_volume *v = volume_of(w, m);
	if (v && v->identity[0] && given(c, w, v))
		return 0;
	if (v && strcmp(v->kind, "persistentVolumeClaim") == 0)
		return ask(c, w, m->uri, arena_printf(c->a, "%s names it, on the claim %s: say where it is mounted here, --volume %s/%s=FOLDER",
						      m->where, strchr(v->identity, ':') + 1, w->namespace_, strchr(v->identity, ':') + 1));
	if (v && v->identity[0])
		return ask(c, w, m->uri, arena_printf(c->a, "%s names it, on the volume %s: say where it is here, --volume %s=FOLDER", m->where,
						      v->identity, v->identity));
	const char *image = w->containers_n ? w->containers[0].images[0].reference : "";
	return ask(c, w, m->uri, arena_printf(c->a, "%s names it, which lies in the image %s: adopt the folder that the image is made from",
					      m->where, image));
}

static int workload_take(struct cluster *c, const struct kube_workload *w)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < w->volumes_n; i++) {
		const struct adopt_volume *v = given(c, w, &w->volumes[i]);
		if (v && w->volumes[i].mounted_at[0])
			rc = assign(c, w, &w->volumes[i], v->folder);
	}
	for (size_t i = 0; rc == 0 && i < w->models_n; i++)
		rc = model_ask(c, w, &w->models[i]);
	return rc;
}

int adopt_cluster(struct arena *a, const struct kube_set *set, const struct workspace *w, const char *cluster,
		  const struct adopt_volume *volumes, size_t volumes_n, struct adopt_assignment **ret, size_t *ret_count,
		  struct adopt_elsewhere **ret_elsewhere, size_t *ret_elsewhere_count, struct err *err)
{
	struct cluster c = { .a = a, .w = w, .name = cluster, .volumes = volumes, .volumes_n = volumes_n, .err = err };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < set->count; i++)
		if (!set->workloads[i].owned)
			rc = workload_take(&c, &set->workloads[i]);
	*ret = c.assignments;
	*ret_count = c.assignments_n;
	*ret_elsewhere = c.elsewhere;
	*ret_elsewhere_count = c.elsewhere_n;
	return rc;
}
