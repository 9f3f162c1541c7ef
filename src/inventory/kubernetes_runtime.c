/*
 * Which runtime serves a model of KServe, and what it brings.
 *
 * As KServe chooses (kserve.github.io/website/docs/concepts/resources/servingruntime): a runtime by name is the
 * namespace's, else the cluster's. Without a name, of the runtimes of the namespace, else of the cluster's, that choose
 * the model's format by themselves, speak its protocol, are not disabled and serve one model at a time: the one of the
 * highest priority, the lowest protocol, the youngest, the first by name. Which is the youngest only a live cluster
 * tells.
 */
#include "inventory/kubernetes_int.h"

#define MAX_RUNTIMES 100 /* of one namespace for one format; with more nothing is chosen */
#define MAX_NAMED 8       /* candidates that are told by name */
#define NO_PROTOCOL 6     /* behind all that kube_protocol() knows */

/* A runtime that serves a format. */
struct candidate {
	const struct kube_workload *runtime;
	const struct candidate *next;
	size_t n; /* how many there are from here on */
};

struct choosing {
	struct kube_set *s;
	const struct map *by_name;
	struct map by_format; /* "namespace\nformat" -> struct candidate */
	struct err *err;
};

static const struct candidate *of_format(struct choosing *c, const char *namespace_, const char *format,
					 struct span *ret_key)
{
	const char *key = arena_printf(&c->s->arena, "%s\n%s", namespace_, format);
	*ret_key = key ? span_of(key) : SPAN_NONE;
	return key ? map_get(&c->by_format, *ret_key) : NULL;
}

static int index_runtime(struct choosing *c, const struct kube_workload *w)
{
	const struct kube_offer *o = w->serving->offer;
	for (size_t i = 0; i < o->formats_n; i++) {
		struct span key;
		const struct candidate *head = of_format(c, w->namespace_, o->formats[i].name, &key);
		if (head && head->runtime == w)
			continue; /* another version of it */
		struct candidate *one = arena_alloc(&c->s->arena, sizeof *one);
		if (!key.p || !one)
			return kube_no_memory(c->err);
		*one = (struct candidate){ w, head, head ? head->n + 1 : 1 };
		if (map_set(&c->by_format, key, one))
			return kube_no_memory(c->err);
	}
	return 0;
}

/* ── The choice ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The runtime would be chosen for the model; one by name need not. */
static bool suits(const struct kube_offer *o, const struct kube_ask *ask)
{
	bool format = false;
	for (size_t i = 0; i < o->formats_n; i++)
		format |= o->formats[i].auto_select && strcmp(o->formats[i].name, ask->format) == 0 &&
			  (!ask->version[0] || strcmp(o->formats[i].version, ask->version) == 0);
	return format && !o->disabled && o->multi_model == ask->multi_model && o->multi_node == ask->multi_node &&
	       (!o->protocols || o->protocols >> kube_protocol(span_of(ask->protocol)) & 1);
}

static int64_t priority(const struct kube_offer *o, const char *format)
{
	for (size_t i = 0; i < o->formats_n; i++)
		if (strcmp(o->formats[i].name, format) == 0)
			return o->formats[i].priority;
	return -1;
}

static unsigned lowest_protocol(const struct kube_offer *o)
{
	for (unsigned i = 1; i < NO_PROTOCOL; i++)
		if (o->protocols >> i & 1)
			return i;
	return NO_PROTOCOL;
}

/* Less than 0: @a is taken before @b. 0: what is at hand does not tell. */
static int compare(const struct kube_workload *a, const struct kube_workload *b, const char *format)
{
	const struct kube_offer *x = a->serving->offer, *y = b->serving->offer;
	int64_t p = priority(x, format), q = priority(y, format);
	if (p != q)
		return p > q ? -1 : 1;
	if (lowest_protocol(x) != lowest_protocol(y))
		return lowest_protocol(x) < lowest_protocol(y) ? -1 : 1;
	if (x->created == USEC_NONE || y->created == USEC_NONE)
		return 0;
	if (x->created != y->created)
		return x->created > y->created ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* The first of those that suit; *ret_tie: another may be taken before it. */
static const struct kube_workload *first_of(const struct candidate *list, const struct kube_ask *ask, bool *ret_tie)
{
	const struct kube_workload *best = NULL;
	*ret_tie = false;
	for (const struct candidate *one = list; one; one = one->next) {
		int order = best ? compare(one->runtime, best, ask->format) : -1;
		if (!suits(one->runtime->serving->offer, ask) || order > 0)
			continue;
		*ret_tie = order == 0;
		best = order < 0 ? one->runtime : best;
	}
	return best;
}

static const char *names(struct choosing *c, const struct candidate *list, const struct kube_ask *ask, bool all)
{
	const char *text = "";
	size_t n = 0;
	for (const struct candidate *one = list; text && one; one = one->next)
		if ((all || suits(one->runtime->serving->offer, ask)) && n++ < MAX_NAMED)
			text = arena_printf(&c->s->arena, "%s%s%s %.253s", text, n > 1 ? ", " : "", one->runtime->kind,
					    one->runtime->name);
	if (text && n > MAX_NAMED)
		text = arena_printf(&c->s->arena, "%s and %zu more", text, n - MAX_NAMED);
	return text;
}

/* What is known of an image that nothing names: a text in parentheses, which no reference is. */
static const char *untold(struct choosing *c, const struct kube_ask *ask, const struct candidate *own,
			  const struct candidate *clusters, bool tie)
{
	struct arena *a = &c->s->arena;
	if (!ask->format[0])
		return ask->otherwise[0]
			       ? arena_printf(a, "(image by %s, or by KServe's own configuration)", ask->otherwise)
			       : arena_text(a, SPAN("(image by KServe's own configuration)"));
	const char *version = ask->version[0] ? " " : "";
	if (tie)
		return arena_printf(a, "(image of a runtime for %.253s%s%.64s: %s come first alike)", ask->format,
				    version, ask->version, names(c, own ? own : clusters, ask, false));
	const char *mine = names(c, own, ask, true), *others = names(c, clusters, ask, true);
	if (!mine || !others)
		return NULL;
	if (!mine[0] && !others[0])
		return arena_printf(a, "(image of a runtime for %.253s%s%.64s: none was read)", ask->format, version,
				    ask->version);
	return arena_printf(a, "(image of a runtime for %.253s%s%.64s over %.64s: none takes it by itself of %s%s%s)",
			    ask->format, version, ask->version, ask->protocol, mine, mine[0] && others[0] ? ", " : "",
			    others);
}

static int choose_by_name(struct choosing *c, const struct kube_workload *w, const struct kube_ask *ask,
			  const struct kube_workload **ret, const char **ret_why)
{
	const char *const kinds[] = { "ServingRuntime", "ClusterServingRuntime" };
	for (size_t i = 0; i < RF_COUNT(kinds); i++) {
		struct span key = kube_name_key(c->s, i ? "" : w->namespace_, kinds[i], ask->runtime);
		if (!key.p)
			return kube_no_memory(c->err);
		void *found = map_get(c->by_name, key);
		if (!found)
			continue;
		const struct kube_workload *runtime = &c->s->workloads[(uintptr_t)found - 1];
		if (!runtime->serving || !runtime->serving->offer)
			continue; /* of this kind by an owner's word alone */
		*ret = runtime->serving->offer->disabled ? NULL : runtime;
		*ret_why =
			arena_printf(&c->s->arena, "(image of %s %.253s, which is disabled)", kinds[i], ask->runtime);
		return *ret_why ? 0 : kube_no_memory(c->err);
	}
	*ret_why = arena_printf(&c->s->arena, "(image of runtime %.253s, which was not read)", ask->runtime);
	return *ret_why ? 0 : kube_no_memory(c->err);
}

/* The runtime in *ret, or NULL and why in *ret_why. */
static int choose(struct choosing *c, const struct kube_workload *w, const struct kube_ask *ask,
		  const struct kube_workload **ret, const char **ret_why)
{
	struct span key, cluster_key;
	bool tie = false;
	*ret = NULL;
	if (ask->runtime[0])
		return choose_by_name(c, w, ask, ret, ret_why);
	const struct candidate *own = of_format(c, w->namespace_, ask->format, &key);
	const struct candidate *clusters = of_format(c, "", ask->format, &cluster_key);
	if (!key.p || !cluster_key.p)
		return kube_no_memory(c->err);
	const struct candidate *from = own;
	bool few = (!own || own->n <= MAX_RUNTIMES) && (!clusters || clusters->n <= MAX_RUNTIMES);
	const struct kube_workload *best = few ? first_of(own, ask, &tie) : NULL;
	if (few && !best) {
		from = clusters;
		best = first_of(clusters, ask, &tie);
	}
	*ret = tie ? NULL : best;
	if (*ret)
		return 0;
	if (!few)
		*ret_why = arena_printf(&c->s->arena, "(image of a runtime for %.253s: more than %d serve it)",
					ask->format, MAX_RUNTIMES);
	else
		*ret_why = untold(c, ask, tie && from == clusters ? NULL : own, clusters, tie);
	return *ret_why ? 0 : kube_no_memory(c->err);
}

/* ── What it brings ──────────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_container(const struct kube_workload *w, enum kube_role role, const char *name)
{
	for (size_t i = 0; i < w->containers_n; i++)
		if (w->containers[i].role == role && strcmp(w->containers[i].name, name) == 0)
			return true;
	return false;
}

/* A version that a service asks for stands in the tag's place. */
static const char *versioned(struct kube_set *s, const char *reference, const char *version)
{
	struct span text = span_of(reference);
	size_t colon = span_rfind_byte(text, ':'), slash = span_rfind_byte(text, '/');
	if (!version[0])
		return reference;
	if (span_find_byte(text, '@') != SIZE_MAX)
		return arena_printf(&s->arena, "(image of %s in version %s)", reference, version);
	if (colon != SIZE_MAX && (slash == SIZE_MAX || colon > slash))
		text = span_sub(text, 0, colon);
	return arena_printf(&s->arena, "%.*s:%s", SPAN_ARG(text), version);
}

/* One more container; no room is no error, as where pods bring them. */
static int container_put(struct kube_set *s, struct kube_workload *w, const char *name, enum kube_role role,
			 const char *reference, const struct kube_image *like, struct err *err)
{
	if (w->containers_n == KUBE_MAX_CONTAINERS || has_container(w, role, name))
		return 0;
	struct kube_container *more = arena_array(&s->arena, w->containers_n + 1, sizeof *more);
	struct kube_image *image = arena_alloc(&s->arena, sizeof *image);
	if (!more || !image || !reference)
		return kube_no_memory(err);
	if (w->containers_n)
		memcpy(more, w->containers, w->containers_n * sizeof *more);
	*image = (struct kube_image){ .reference = reference, .digest = "", .source = "" };
	if (like && like->reference == reference)
		*image = *like;
	more[w->containers_n++] = (struct kube_container){ .name = name, .role = role, .images = image, .images_n = 1 };
	w->containers = more;
	return 0;
}

static int runtime_take(struct choosing *c, struct kube_workload *w, const struct kube_ask *ask,
			const struct kube_workload *runtime)
{
	const struct kube_offer *o = runtime->serving->offer;
	int rc = 0;
	w->runtime = runtime->name;
	for (size_t i = 0; rc == 0 && i < runtime->containers_n; i++) {
		const struct kube_container *from = &runtime->containers[i];
		bool server = from->role == KUBE_CONTAINER && strcmp(from->name, "kserve-container") == 0;
		if (i >= o->workers_from && !ask->multi_node)
			continue;
		const char *reference = server ? versioned(c->s, from->images[0].reference, ask->runtime_version)
					       : from->images[0].reference;
		rc = container_put(c->s, w, server ? ask->part : from->name, from->role, reference, &from->images[0],
				   c->err);
	}
	if (rc == 0)
		rc = kube_volumes_take(c->s, w, runtime, c->err);
	return rc ? rc : kube_models_take(c->s, w, runtime, c->err);
}

/* What runs by itself says more than a runtime, which may have changed since. */
static int ask_answer(struct choosing *c, struct kube_workload *w, const struct kube_ask *ask)
{
	const struct kube_workload *runtime = NULL;
	const char *why = "";
	if (w->made && has_container(w, KUBE_CONTAINER, ask->part))
		return 0;
	int rc = choose(c, w, ask, &runtime, &why);
	if (rc == 0 && runtime)
		rc = runtime_take(c, w, ask, runtime);
	return rc ? rc : container_put(c->s, w, ask->part, KUBE_CONTAINER, why, NULL, c->err);
}

int kube_runtimes_resolve(struct kube_set *s, const struct map *by_name, struct err *err)
{
	struct choosing c = { .s = s, .by_name = by_name, .err = err };
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < s->count; i++)
		if (s->workloads[i].serving && s->workloads[i].serving->offer && !s->workloads[i].owned)
			rc = index_runtime(&c, &s->workloads[i]);
	for (size_t i = 0; rc == 0 && i < s->count; i++) {
		struct kube_workload *w = &s->workloads[i];
		for (size_t k = 0; rc == 0 && w->serving && !w->owned && k < w->serving->asks_n; k++)
			rc = ask_answer(&c, w, &w->serving->asks[k]);
	}
	map_release(&c.by_format);
	return rc;
}
