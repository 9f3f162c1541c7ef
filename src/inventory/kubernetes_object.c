/* One object of a cluster: which kind has its pods where, whose it is, how many there are. */
#include "inventory/kubernetes_int.h"

int kube_no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the objects of a cluster");
}

const char *kube_text(struct kube_set *s, struct json v)
{
	struct span text = json_string(v);
	if (span_find_byte(text, '\0') != SIZE_MAX)
		text.n = span_find_byte(text, '\0');
	return text.n ? arena_text(&s->arena, text) : "";
}

struct kube_workload *kube_new(struct kube_set *s)
{
	if (s->count == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		struct kube_workload *more = rf_realloc_array(s->workloads, room, sizeof *more);
		if (!more)
			return NULL;
		s->workloads = more;
		s->room = room;
	}
	struct kube_workload *w = &s->workloads[s->count++];
	*w = (struct kube_workload){ .kind = "", .name = "", .namespace_ = "", .uid = "", .owner_kind = "", .owner_name = "",
				     .owner_uid = "", .served_kind = "", .served_name = "", .component = "", .service = "",
				     .service_owner = "", .contact = "", .runtime = "" };
	return w;
}

int kube_set_init(struct kube_set *s, const struct kube_labels *labels, const char *default_namespace, struct err *err)
{
	*s = (struct kube_set){ .arena = ARENA_INIT(1 * GIB), .labels = *labels };
	s->default_namespace = arena_text(&s->arena, span_of(default_namespace));
	return s->default_namespace ? 0 : kube_no_memory(err);
}

int kube_parse(struct kube_set *s, struct span text, struct json *ret, struct err *err)
{
	s->doc = s->doc ? s->doc : json_doc_new();
	return s->doc ? json_parse(s->doc, text, ret, err) : kube_no_memory(err);
}

int kube_set_reset(struct kube_set *s, struct span default_namespace, struct err *err)
{
	arena_reset(&s->arena);
	s->count = s->skipped = s->findings_n = 0;
	s->default_namespace = arena_text(&s->arena, default_namespace);
	return s->default_namespace ? 0 : kube_no_memory(err);
}

void kube_set_release(struct kube_set *s)
{
	rf_free(s->workloads);
	rf_free(s->findings);
	json_doc_free(s->doc);
	arena_release(&s->arena);
	*s = (struct kube_set){ 0 };
}

/* ── Whose it is ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A label or annotation; the workload's own, else its pods'. */
static struct json marked(struct json object, struct json template, const char *key)
{
	static const char *const places[] = { "labels", "annotations" };
	struct json none = { 0 };
	for (size_t i = 0; key && key[0] && i < 4; i++) {
		struct json v = json_get(json_path(i < 2 ? object : template, "metadata", places[i % 2], NULL), key);
		if (json_string(v).n)
			return v;
	}
	return none;
}

/* KServe marks what it makes for a service, also where kinds that are not read (Knative's Revision, LeaderWorkerSet) stand
 * between the two. */
static bool served(struct kube_set *s, struct json object, struct json template, struct kube_workload *w)
{
	bool is_pod = template.at == object.at;
	for (size_t i = is_pod; i < 2; i++) {
		struct json labels = json_path(i ? template : object, "metadata", "labels", NULL);
		struct json service = json_get(labels, "serving.kserve.io/inferenceservice");
		bool llm = !json_string(service).n &&
			   span_eq_text(json_string(json_get(labels, "app.kubernetes.io/part-of")), "llminferenceservice");
		if (llm)
			service = json_get(labels, "app.kubernetes.io/name");
		if (!json_string(service).n)
			continue;
		w->served_kind = llm ? "LLMInferenceService" : "InferenceService";
		w->served_name = kube_text(s, service);
		w->component = kube_text(s, json_get(labels, llm ? "app.kubernetes.io/component" : "component"));
		return w->served_name && w->component;
	}
	return true;
}

static bool identify(struct kube_set *s, struct json object, struct json template, struct kube_workload *w)
{
	struct json meta = json_get(object, "metadata");
	w->name = kube_text(s, json_get(meta, "name"));
	if (w->name && !w->name[0])
		w->name = kube_text(s, json_get(meta, "generateName"));
	w->namespace_ = kube_text(s, json_get(meta, "namespace"));
	w->uid = kube_text(s, json_get(meta, "uid"));
	for (struct json_each it = json_each(json_get(meta, "ownerReferences")); json_next(&it);) {
		bool controller = false;
		if (!json_bool(json_get(it.value, "controller"), &controller) || !controller)
			continue;
		w->owner_kind = kube_text(s, json_get(it.value, "kind"));
		w->owner_name = kube_text(s, json_get(it.value, "name"));
		w->owner_uid = kube_text(s, json_get(it.value, "uid"));
	}
	w->service = kube_text(s, marked(object, template, s->labels.service));
	w->service_owner = kube_text(s, marked(object, template, s->labels.owner));
	w->contact = kube_text(s, marked(object, template, s->labels.contact));
	return w->name && w->namespace_ && w->uid && w->owner_kind && w->owner_name && w->owner_uid && w->service &&
	       w->service_owner && w->contact && served(s, object, template, w);
}

/* ── Kinds ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct kind {
	const char *kind, *group; /* group: what stands before the '/' of apiVersion; "" the core */
	bool cluster_wide;
	/* Where the pod template lies; its spec hangs below. NULL: the object is the pod itself. */
	const char *template[4];
	const char *wanted, *running;  /* members of spec and status that count */
	int64_t otherwise;             /* when neither is there */
	int (*read)(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err); /* instead */
};

static int read_ephemeral_containers(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err);

static const struct kind kinds[] = {
	{ "Pod", "", false, { NULL }, NULL, NULL, 1, NULL },
	{ "EphemeralContainers", "", false, { NULL }, NULL, NULL, 0, read_ephemeral_containers },
	{ "ReplicationController", "", false, { "spec", "template" }, "replicas", "replicas", 1, NULL },
	{ "Deployment", "apps", false, { "spec", "template" }, "replicas", "replicas", 1, NULL },
	{ "StatefulSet", "apps", false, { "spec", "template" }, "replicas", "replicas", 1, NULL },
	{ "ReplicaSet", "apps", false, { "spec", "template" }, "replicas", "replicas", 1, NULL },
	{ "DaemonSet", "apps", false, { "spec", "template" }, NULL, "desiredNumberScheduled", 1, NULL },
	{ "Job", "batch", false, { "spec", "template" }, "parallelism", "active", 1, NULL },
	{ "CronJob", "batch", false, { "spec", "jobTemplate", "spec", "template" }, NULL, NULL, 0, NULL },
	{ "InferenceService", "serving.kserve.io", false, { NULL }, NULL, NULL, 1, kube_read_inference_service },
	{ "LLMInferenceService", "serving.kserve.io", false, { NULL }, "replicas", NULL, 1, kube_read_llm_service },
	{ "TrainedModel", "serving.kserve.io", false, { NULL }, NULL, NULL, 0, kube_read_trained_model },
	{ "ServingRuntime", "serving.kserve.io", false, { NULL }, NULL, NULL, 0, kube_read_serving_runtime },
	{ "ClusterServingRuntime", "serving.kserve.io", true, { NULL }, NULL, NULL, 0, kube_read_serving_runtime },
};

static const struct kind *kind_of(struct span kind, struct span api)
{
	size_t slash = span_find_byte(api, '/');
	struct span group = slash == SIZE_MAX ? SPAN("") : span_sub(api, 0, slash);
	for (size_t i = 0; i < RF_COUNT(kinds); i++)
		if (span_eq_text(kind, kinds[i].kind) && span_eq_text(group, kinds[i].group))
			return &kinds[i];
	return NULL;
}

static int64_t count_of(const struct kind *k, struct json object)
{
	int64_t n;
	if (k->running && json_i64(json_path(object, "status", k->running, NULL), &n) && n >= 0)
		return n;
	if (k->wanted && json_i64(json_path(object, "spec", k->wanted, NULL), &n) && n >= 0)
		return n;
	return k->otherwise;
}

/* What the subresource of that name took up to Kubernetes 1.21; since then it takes the pod. The list stands where a pod's
 * specification would. */
static int read_ephemeral_containers(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err)
{
	return kube_pod_read(s, &(struct kube_pod){ .spec = object, .has_no_volumes = true }, w, err);
}

/* Operators and injected containers are told so. What KServe's own says is fetched, whatever it looks like. */
int kube_annotation_models(struct kube_set *s, struct json annotations, struct kube_workload *w, struct err *err)
{
	int rc = 0;
	for (struct json_each it = json_each(annotations); rc == 0 && json_next(&it);) {
		struct span value = json_string(it.value);
		if (kube_names_model(it.key, value) || (value.n && span_eq_text(it.key, KUBE_SOURCE_URI)))
			rc = kube_model_add(s, w, arena_printf(&s->arena, "annotation %.*s", SPAN_ARG(span_sub(it.key, 0, 200))),
					    value, err);
	}
	return rc;
}

/* ── What runs, by a pod's status ────────────────────────────────────────────────────────────────────────────────── */

static int status_images(struct kube_set *s, struct json object, struct kube_workload *w)
{
	static const char *const lists[] = { "containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses" };
	for (size_t i = 0; i < RF_COUNT(lists); i++)
		for (struct json_each it = json_each(json_path(object, "status", lists[i], NULL)); json_next(&it);) {
			struct span name = json_string(json_get(it.value, "name"));
			struct span digest = kube_image_id_digest(json_string(json_get(it.value, "imageID")));
			for (size_t c = 0; digest.n && c < w->containers_n; c++) {
				struct kube_container *to = &w->containers[c];
				if (!span_eq_text(name, to->name) || (size_t)to->role != i || !to->images_n)
					continue;
				to->images[0].digest = arena_text(&s->arena, digest);
				to->images[0].source = "status";
				if (!to->images[0].digest)
					return RF_ENOMEM;
			}
		}
	return 0;
}

static bool is_over(struct json pod)
{
	struct span phase = json_string(json_path(pod, "status", "phase", NULL));
	return span_eq_text(phase, "Succeeded") || span_eq_text(phase, "Failed");
}

/* A DNS label, as Kubernetes has it: what else would stand in names of hosts, and one namespace could pass for another. */
static bool is_namespace(const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < n; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
		    (name[i] != '-' || i == 0 || i == n - 1))
			return false;
	return n >= 1 && n <= 63;
}

static int add_known(struct kube_set *s, const struct kind *k, struct json object, struct err *err)
{
	struct json template = object;
	if (s->count == KUBE_MAX_OBJECTS)
		return err_set(err, RF_ETOOMANY, "more than %d workloads in one cluster", KUBE_MAX_OBJECTS);
	if (strcmp(k->kind, "Pod") == 0 && is_over(object))
		return 0; /* it runs no more */
	for (size_t i = 0; i < RF_COUNT(k->template) && k->template[i]; i++)
		template = json_get(template, k->template[i]);
	struct kube_workload *w = kube_new(s);
	if (!w || !identify(s, object, template, w))
		return kube_no_memory(err);
	if (!w->name[0])
		return err_set(err, RF_EFORMAT, "a %s without metadata.name", k->kind);
	w->kind = k->kind;
	w->replicas = count_of(k, object);
	if (k->cluster_wide)
		w->namespace_ = "";
	else if (!w->namespace_[0])
		w->namespace_ = s->default_namespace;
	if (!k->cluster_wide && !is_namespace(w->namespace_))
		return err_set(err, RF_EFORMAT, "%s %s: the namespace \"%.80s\" is none: a-z, 0-9 and - within, at most 63", k->kind,
			       w->name, w->namespace_);
	const struct kube_pod pod = { .spec = json_get(template, "spec") };
	int rc = k->read ? k->read(s, object, w, err) : kube_pod_read(s, &pod, w, err);
	if (rc == 0)
		rc = kube_annotation_models(s, json_path(object, "metadata", "annotations", NULL), w, err);
	if (rc == 0 && k->template[0])
		rc = kube_annotation_models(s, json_path(template, "metadata", "annotations", NULL), w, err);
	if (rc == 0 && strcmp(k->kind, "Pod") == 0 && status_images(s, object, w))
		rc = kube_no_memory(err);
	return rc ? err_prefix(err, "%s %s/%s: ", k->kind, w->namespace_, w->name) : 0;
}

static int add(struct kube_set *s, struct json object, struct span kind, struct span api, unsigned depth, struct err *err);

/* "PodList" and the untyped "List". */
static int add_list(struct kube_set *s, struct json list, struct span kind, struct span api, unsigned depth,
		    struct err *err)
{
	struct span item_kind = span_sub(kind, 0, kind.n - 4);
	int rc = 0;
	if (depth > 4)
		return err_set(err, RF_ETOOBIG, "lists within lists, more than 4 deep");
	for (struct json_each it = json_each(json_get(list, "items")); rc == 0 && json_next(&it);) {
		struct span own = json_string(json_get(it.value, "kind")), version = json_string(json_get(it.value, "apiVersion"));
		rc = add(s, it.value, own.n ? own : item_kind, version.n ? version : api, depth + 1, err);
	}
	return rc;
}

static int add(struct kube_set *s, struct json object, struct span kind, struct span api, unsigned depth, struct err *err)
{
	const struct kind *k = kind_of(kind, api);
	if (k)
		return add_known(s, k, object, err);
	if (span_ends(kind, "List") && json_kind(json_get(object, "items")) == JSON_ARRAY)
		return add_list(s, object, kind, api, depth, err);
	s->skipped++;
	return 0;
}

int kube_add(struct kube_set *s, struct json object, struct err *err)
{
	struct span kind = json_string(json_get(object, "kind"));
	if (json_kind(object) != JSON_OBJECT || !kind.n)
		return err_set(err, RF_EFORMAT, "no object of a cluster: it states no kind");
	return add(s, object, kind, json_string(json_get(object, "apiVersion")), 0, err);
}
