/*
 * KServe's kinds: services with their models and where these are fetched from, runtimes with what they serve.
 *
 * serving.kserve.io/v1beta1 (InferenceService), v1alpha1 and v1alpha2 (LLMInferenceService), v1alpha1 (TrainedModel and
 * the runtimes): kserve.github.io/website/docs/reference/crd-api. What its webhook and controllers make of a storage
 * address: a claim is mounted, anything else is fetched by an init container.
 */
#include "inventory/kubernetes_int.h"

#define MODEL_FOLDER "/mnt/models" /* where models are mounted when nothing else is said */
#define SERVER_CONTAINER "kserve-container"
#define READ_ONLY_ANNOTATION "storage.kserve.io/readonly"
#define MODE_ANNOTATION "serving.kserve.io/deploymentMode"

/* ── Where models are ────────────────────────────────────────────────────────────────────────────────────────────── */

/* What is mounted of a claim, for "pvc://CLAIM/PATH". */
static int claim_mount(struct kube_set *s, struct span uri, const struct kube_volume *like, struct kube_workload *w,
		       struct err *err)
{
	if (!span_starts_nocase(uri, "pvc://"))
		return 0;
	struct span rest = span_from(uri, strlen("pvc://"));
	size_t slash = span_find_byte(rest, '/');
	struct span claim = span_sub(rest, 0, slash), path = slash == SIZE_MAX ? SPAN("") : span_from(rest, slash + 1);
	if (!claim.n || span_find_byte(rest, '\0') != SIZE_MAX)
		return 0;
	struct kube_volume v = *like;
	v.kind = "persistentVolumeClaim";
	v.identity = arena_printf(&s->arena, "persistentVolumeClaim:%.*s", SPAN_ARG(claim));
	/* of several addresses each has its claim mounted whole */
	v.sub_path = like->sub_path ? like->sub_path : path.n ? arena_text(&s->arena, path) : "";
	return kube_volume_add(s, w, &v, err);
}

static int fetched(struct kube_set *s, struct span uri, bool writable, struct kube_workload *w, struct err *err)
{
	const struct kube_volume v = { .name = "kserve-pvc-source", .mounted_at = MODEL_FOLDER, .writable = writable };
	int rc = uri.n ? kube_model_add(s, w, "storageUri", uri, err) : 0;
	return rc || !uri.n ? rc : claim_mount(s, uri, &v, w, err);
}

int kube_fetched_models(struct kube_set *s, struct json args, struct kube_workload *w, struct err *err)
{
	int rc = 0;
	size_t n = 0;
	for (struct json_each it = json_each(args); rc == 0 && json_next(&it); n++)
		if (n % 2 == 0 && json_string(it.value).n)
			rc = kube_model_add(s, w, "argument of storage-initializer", json_string(it.value), err);
	return rc;
}

/* `storage`: a path, and which store it is in by parameters or by the key of a Secret, which is not looked into. */
static const char *storage_uri(struct kube_set *s, struct json storage)
{
	struct span path = json_string(json_get(storage, "path")), key = json_string(json_get(storage, "key"));
	struct json parameters = json_get(storage, "parameters");
	struct span type = json_string(json_get(parameters, "type")),
		    bucket = json_string(json_get(parameters, "bucket"));
	while (span_starts(path, "/"))
		path = span_from(path, 1);
	if (span_eq_text(type, "pvc"))
		bucket = json_string(json_get(parameters, "name"));
	if (!path.n && !bucket.n)
		return "";
	if (type.n && bucket.n)
		return arena_printf(&s->arena, "%.*s://%.*s/%.*s", SPAN_ARG(type), SPAN_ARG(bucket), SPAN_ARG(path));
	key = key.n ? key : SPAN("default");
	return arena_printf(&s->arena, "storage://%.*s/%.*s", SPAN_ARG(key), SPAN_ARG(path));
}

/* storageUri and storage of a model. */
static int model_addresses(struct kube_set *s, struct json model, bool writable, struct kube_workload *w,
			   struct err *err)
{
	const char *stored = storage_uri(s, json_get(model, "storage"));
	int rc =
		stored ? fetched(s, json_string(json_get(model, "storageUri")), writable, w, err) : kube_no_memory(err);
	return rc ? rc : fetched(s, span_of(stored), writable, w, err);
}

static int part_addresses(struct kube_set *s, struct json part, bool writable, struct kube_workload *w, struct err *err)
{
	int rc = 0;
	for (struct json_each it = json_each(json_get(part, "storageUris")); rc == 0 && json_next(&it);) {
		struct span uri = json_string(json_get(it.value, "uri"));
		const char *at = kube_text(s, json_get(it.value, "mountPath"));
		const struct kube_volume v = { .name = "model-storage",
					       .mounted_at = at && at[0] ? at : MODEL_FOLDER,
					       .sub_path = "",
					       .writable = writable };
		if (!at)
			return kube_no_memory(err);
		rc = uri.n ? kube_model_add(s, w, "storageUri", uri, err) : 0;
		if (rc == 0)
			rc = claim_mount(s, uri, &v, w, err);
	}
	return rc;
}

/* Claims are mounted for reading unless an annotation of the service or the part says otherwise. */
static bool is_writable(struct json object, struct json part)
{
	const struct json places[] = { json_path(object, "metadata", "annotations", NULL),
				       json_get(part, "annotations") };
	for (size_t i = 0; i < RF_COUNT(places); i++)
		if (span_eq_text(json_string(json_get(places[i], READ_ONLY_ANNOTATION)), "false"))
			return true;
	return false;
}

/* ── Services ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* The model servers of a part, by the name of what they serve; `model` is the newer spelling, which names the format
 * itself. Those that speak v2 unless something else is said. */
static const struct {
	const char *name;
	bool v2;
} servers[] = {
	{ "model", false },      { "triton", true },    { "onnx", true },     { "huggingface", true },
	{ "tensorflow", false }, { "tensorrt", true },  { "pytorch", false }, { "sklearn", false },
	{ "xgboost", false },    { "lightgbm", false }, { "pmml", false },    { "paddle", false },
	{ "mlflow", false },     { "alibi", false },    { "art", false },     { "aix", false },
};

/* The container that KServe calls kserve-container goes by its part: each part has one. Of the pod read last, whose
 * containers are those from @from on; @only: it has but one, which KServe renames. */
static void main_name(struct kube_workload *w, size_t from, const char *part, const char *own, bool only)
{
	for (size_t i = from; i < w->containers_n; i++)
		if (w->containers[i].role == KUBE_CONTAINER && (only || strcmp(w->containers[i].name, own) == 0)) {
			own = w->containers[i].name;
			w->containers[i].name = part;
		}
	for (size_t i = 0; i < w->volumes_n; i++)
		if (w->volumes[i].pod == w->pods && strcmp(w->volumes[i].container, own) == 0)
			w->volumes[i].container = part;
	for (size_t i = 0; i < w->models_n; i++)
		if (w->models[i].pod == w->pods && strcmp(w->models[i].container, own) == 0)
			w->models[i].container = part;
}

static struct kube_serving *serving_of(struct kube_set *s, struct kube_workload *w)
{
	if (!w->serving)
		w->serving = arena_alloc(&s->arena, sizeof *w->serving);
	return w->serving;
}

static int ask_add(struct kube_set *s, struct kube_workload *w, const struct kube_ask *ask, struct err *err)
{
	struct kube_serving *v = serving_of(s, w);
	if (!v || !ask->runtime || !ask->format || !ask->version || !ask->protocol || !ask->runtime_version ||
	    !ask->otherwise)
		return kube_no_memory(err);
	if (v->asks_n < KUBE_MAX_ASKS)
		v->asks[v->asks_n++] = *ask;
	return 0;
}

/* What a predictor's server is to come from. */
static int server_ask(struct kube_set *s, struct json object, struct json model, const char *server, bool v2,
		      struct kube_workload *w, struct err *err)
{
	bool is_new = strcmp(server, "model") == 0;
	struct kube_ask ask = { .part = "predictor", .otherwise = "" };
	ask.multi_node = json_kind(json_path(object, "spec", "predictor", "workerSpec", NULL)) == JSON_OBJECT;
	ask.multi_model =
		span_eq_text(json_string(json_get(json_path(object, "metadata", "annotations", NULL), MODE_ANNOTATION)),
			     "ModelMesh");
	ask.runtime = is_new ? kube_text(s, json_get(model, "runtime")) : "";
	ask.format = is_new ? kube_text(s, json_path(model, "modelFormat", "name", NULL)) : server;
	ask.version = is_new ? kube_text(s, json_path(model, "modelFormat", "version", NULL)) : "";
	ask.protocol = kube_text(s, json_get(model, "protocolVersion"));
	ask.runtime_version = kube_text(s, json_get(model, "runtimeVersion"));
	if (ask.protocol && !ask.protocol[0])
		ask.protocol = v2 || (ask.format && strcmp(ask.format, "triton") == 0) ? "v2" : "v1";
	if (ask.runtime)
		w->runtime = ask.runtime;
	return ask_add(s, w, &ask, err);
}

/* A server whose image KServe's own configuration names. */
static int ask_configured(struct kube_set *s, const char *part, struct kube_workload *w, struct err *err)
{
	const struct kube_ask ask = { .part = part,
				      .runtime = "",
				      .format = "",
				      .version = "",
				      .protocol = "",
				      .runtime_version = "",
				      .otherwise = "" };
	return ask_add(s, w, &ask, err);
}

/* Predictor, transformer or explainer: a pod's spec with a model server beside its containers. */
static int part_read(struct kube_set *s, struct json object, struct json part, const char *name,
		     struct kube_workload *w, struct err *err)
{
	struct json beside[RF_COUNT(servers)] = { { 0 } };
	bool writable = is_writable(object, part), is_predictor = strcmp(name, "predictor") == 0;
	struct kube_pod pod = { .spec = part, .beside = beside, .beside_name = name };
	size_t from = w->containers_n;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < RF_COUNT(servers); i++) {
		struct json model = json_get(part, servers[i].name);
		if (json_kind(model) != JSON_OBJECT)
			continue;
		if (!pod.beside_n)
			rc = is_predictor ? server_ask(s, object, model, servers[i].name, servers[i].v2, w, err)
					  : ask_configured(s, name, w, err);
		beside[pod.beside_n++] = model;
		if (rc == 0)
			rc = model_addresses(s, model, writable, w, err);
	}
	if (rc == 0)
		rc = part_addresses(s, part, writable, w, err);
	if (rc == 0)
		rc = kube_pod_read(s, &pod, w, err);
	if (rc == 0)
		main_name(w, from, name, SERVER_CONTAINER,
			  !pod.beside_n && json_count(json_get(part, "containers")) == 1);
	if (rc == 0)
		rc = kube_pod_read(s, &(struct kube_pod){ .spec = json_get(part, "workerSpec") }, w, err);
	return rc ? rc : kube_annotation_models(s, json_get(part, "annotations"), w, err);
}

int kube_read_inference_service(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err)
{
	static const char *const parts[] = { "predictor", "transformer", "explainer" };
	int64_t n;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < RF_COUNT(parts); i++)
		rc = part_read(s, object, json_path(object, "spec", parts[i], NULL), parts[i], w, err);
	if (json_i64(json_path(object, "spec", "predictor", "minReplicas", NULL), &n) && n >= 0)
		w->replicas = n;
	return rc;
}

/* The pods of an LLMInferenceService, whose servers all are called "main". */
static const struct {
	const char *name, *path[3];
	bool served; /* by a model server */
} llm_pods[] = {
	{ "main", { "template", NULL }, true },
	{ "worker", { "worker", NULL }, true },
	{ "prefill", { "prefill", "template", NULL }, true },
	{ "prefill-worker", { "prefill", "worker", NULL }, true },
	{ "scheduler", { "router", "scheduler", "template" }, false },
};

/* Configurations that the service is completed from, which are not read. */
static const char *references(struct kube_set *s, struct json list)
{
	const char *text = "";
	size_t n = 0;
	for (struct json_each it = json_each(list); text && n < 8 && json_next(&it); n++)
		text = arena_printf(&s->arena, "%s%s%.*s", text, n ? ", " : "LLMInferenceServiceConfig ",
				    SPAN_ARG(span_sub(json_string(json_get(it.value, "name")), 0, 253)));
	return text;
}

static int llm_model(struct kube_set *s, struct json spec, struct kube_workload *w, struct err *err)
{
	struct json model = json_get(spec, "model");
	int rc = fetched(s, json_string(json_get(model, "uri")), false, w, err);
	for (struct json_each it = json_each(json_path(model, "lora", "adapters", NULL)); rc == 0 && json_next(&it);) {
		struct span uri = json_string(json_get(it.value, "uri"));
		rc = uri.n ? kube_model_add(s, w, "storageUri", uri, err) : 0;
		if (rc == 0)
			rc = claim_mount(s, uri,
					 &(struct kube_volume){
						 .name = "model-adapters", .mounted_at = "/mnt/lora", .sub_path = "" },
					 w, err);
	}
	return rc;
}

/* One of the pods, and what its server is to come from. */
static int llm_pod(struct kube_set *s, struct json spec, size_t i, struct kube_ask *ask, struct kube_workload *w,
		   struct err *err)
{
	struct kube_pod pod = { .spec = spec };
	size_t from = w->containers_n;
	for (size_t k = 0; k < RF_COUNT(llm_pods[i].path) && llm_pods[i].path[k]; k++)
		pod.spec = json_get(pod.spec, llm_pods[i].path[k]);
	int rc = kube_pod_read(s, &pod, w, err);
	main_name(w, from, llm_pods[i].name, "main", false);
	ask->part = llm_pods[i].name;
	if (rc == 0 && llm_pods[i].served && (i == 0 || json_kind(pod.spec) == JSON_OBJECT))
		rc = ask_add(s, w, ask, err);
	return rc;
}

int kube_read_llm_service(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err)
{
	struct json spec = json_get(object, "spec");
	struct kube_ask ask = { .runtime = kube_text(s, json_get(spec, "runtime")),
				.format = "",
				.version = "",
				.protocol = "",
				.runtime_version = "",
				.otherwise = references(s, json_get(spec, "baseRefs")) };
	int rc = llm_model(s, spec, w, err);
	w->runtime = ask.runtime ? ask.runtime : "";
	for (size_t i = 0; rc == 0 && i < RF_COUNT(llm_pods); i++)
		rc = llm_pod(s, spec, i, &ask, w, err);
	if (rc == 0)
		rc = kube_annotation_models(s, json_get(spec, "annotations"), w, err);
	return rc ? rc : kube_annotation_models(s, json_path(spec, "prefill", "annotations", NULL), w, err);
}

/* A further model of a service that serves several. */
int kube_read_trained_model(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err)
{
	return model_addresses(s, json_path(object, "spec", "model", NULL), false, w, err);
}

/* A container of a part has the part's name for its own where KServe's is meant. */
const char *kube_served_container(const struct kube_workload *made, const char *name)
{
	static const char *const parts[] = { "predictor", "transformer", "explainer" };
	struct span component = span_of(made->component);
	if (strcmp(made->served_kind, "LLMInferenceService") == 0 && strcmp(name, "main") == 0) {
		bool prefill = span_find(component, SPAN("prefill")) != SIZE_MAX,
		     worker = span_find(component, SPAN("worker")) != SIZE_MAX;
		return prefill ? (worker ? "prefill-worker" : "prefill") : worker ? "worker" : name;
	}
	for (size_t i = 0; strcmp(name, SERVER_CONTAINER) == 0 && i < RF_COUNT(parts); i++)
		if (span_eq_text(component, parts[i]))
			return parts[i];
	return name;
}

/* ── Runtimes ────────────────────────────────────────────────────────────────────────────────────────────────────── */

unsigned kube_protocol(struct span name)
{
	static const char *const names[] = { "v1", "v2", "grpc-v1", "grpc-v2" };
	for (unsigned i = 0; i < RF_COUNT(names); i++)
		if (span_eq_text(name, names[i]))
			return i + 1;
	return RF_COUNT(names) + 1;
}

static int formats_read(struct kube_set *s, struct json list, struct kube_offer *o, struct err *err)
{
	size_t n = json_count(list);
	n = n < KUBE_MAX_FORMATS ? n : KUBE_MAX_FORMATS;
	o->formats = arena_array(&s->arena, n + 1, sizeof *o->formats);
	if (!o->formats)
		return kube_no_memory(err);
	for (struct json_each it = json_each(list); o->formats_n < n && json_next(&it);) {
		struct kube_format *f = &o->formats[o->formats_n++];
		*f = (struct kube_format){ .name = kube_text(s, json_get(it.value, "name")),
					   .version = kube_text(s, json_get(it.value, "version")),
					   .priority = -1 };
		(void)json_bool(json_get(it.value, "autoSelect"), &f->auto_select);
		(void)json_i64(json_get(it.value, "priority"), &f->priority);
		if (!f->name || !f->version)
			return kube_no_memory(err);
	}
	return 0;
}

static int offer_read(struct kube_set *s, struct json object, struct kube_offer **ret, struct err *err)
{
	struct json spec = json_get(object, "spec");
	struct kube_offer *o = arena_alloc(&s->arena, sizeof *o);
	if (!o)
		return kube_no_memory(err);
	*ret = o;
	(void)json_bool(json_get(spec, "disabled"), &o->disabled);
	(void)json_bool(json_get(spec, "multiModel"), &o->multi_model);
	o->multi_node = json_kind(json_get(spec, "workerSpec")) == JSON_OBJECT;
	for (struct json_each it = json_each(json_get(spec, "protocolVersions")); json_next(&it);)
		o->protocols |= 1U << kube_protocol(json_string(it.value));
	if (time_read(json_string(json_path(object, "metadata", "creationTimestamp", NULL)), &o->created, NULL, NULL))
		o->created = USEC_NONE;
	return formats_read(s, json_get(spec, "supportedModelFormats"), o, err);
}

int kube_read_serving_runtime(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err)
{
	struct json spec = json_get(object, "spec");
	struct kube_serving *v = serving_of(s, w);
	int rc = v ? offer_read(s, object, &v->offer, err) : kube_no_memory(err);
	if (rc == 0)
		rc = kube_pod_read(s, &(struct kube_pod){ .spec = spec }, w, err);
	if (rc == 0) {
		v->offer->workers_from = w->containers_n;
		rc = kube_pod_read(s, &(struct kube_pod){ .spec = json_get(spec, "workerSpec") }, w, err);
	}
	return rc ? rc : kube_annotation_models(s, json_get(spec, "annotations"), w, err);
}
