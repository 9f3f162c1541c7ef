/*
 * Reviews: what is read out of them, what passes, what an update may do, what an operator is told.
 */
#include "testing.h"

#include "base/fs.h"
#include "gate/review_int.h"

#define DIGEST "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define POD_SPEC(image) "{\"containers\":[{\"name\":\"c\",\"image\":\"" image "\"}]}"
#define POD_META(image, meta)                                                                           \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"" meta \
	"},\"spec\":" POD_SPEC(image) "}"
#define POD(image) POD_META(image, "")
#define DEBUG(name, image) "{\"name\":\"" name "\",\"image\":\"" image "\"}"
#define EPHEMERAL(list)                                                                                                \
	"{\"apiVersion\":\"v1\",\"kind\":\"EphemeralContainers\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},"             \
	"\"ephemeralContainers\":[" list "]}"
#define DEPLOYMENT(image, replicas)                                                                             \
	"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\",\"namespace\":\"n\"," \
	"\"labels\":{\"app.kubernetes.io/name\":\"asr\"}},\"spec\":{\"replicas\":" replicas                     \
	",\"template\":{\"spec\":" POD_SPEC(image) "}}}"

#define SERVICE(predictor)                                                                                          \
	"{\"apiVersion\":\"serving.kserve.io/v1beta1\",\"kind\":\"InferenceService\",\"metadata\":{\"name\":\"i\"," \
	"\"namespace\":\"n\"},\"spec\":{\"predictor\":{" predictor "}}}"

/* The review of one object; %s places: operation, kind, object, more members of the request. */
static struct span review_of(struct str *to, const char *operation, const char *kind, const char *object,
			     const char *more)
{
	str_reset(to);
	str_addf(to,
		 "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/"
		 "v1\",\"request\":{\"uid\":\"u-1\",\"operation\":\"%s\","
		 "\"kind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"%s\"},\"namespace\":\"n\",\"name\":\"x\","
		 "\"userInfo\":{\"username\":"
		 "\"system:admin\"},\"object\":%s%s}}",
		 operation, kind, object, more);
	return str_span(to);
}

static void show(const struct review *r, struct str *to)
{
	str_reset(to);
	if (r->passed)
		str_addf(to, "passed: %s", r->passed);
	if (r->unreadable)
		str_addf(to, "unreadable: %s", r->unreadable);
	for (size_t i = 0; i < r->subjects_n; i++) {
		const struct review_subject *s = &r->subjects[i];
		str_addf(to, "%s%s %s=%s%s%s", i ? "; " : "", s->kind == GATE_IMAGE ? "image" : "model", s->where,
			 s->name, s->carried ? " carried" : "", s->only_if_known ? " if known" : "");
	}
}

static struct review_reader *reader;

static int begin(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	return review_reader_new(&reader, &err);
}

static int end(void **state)
{
	(void)state;
	review_reader_free(reader);
	return 0;
}

static void test_subjects(void **state)
{
	static const struct {
		const char *operation, *kind, *object, *more, *want;
	} rows[] = {
		{ "CREATE", "Pod", POD("a:1"), "", "image container c=a:1" },
		{ "UPDATE", "Pod", POD("a:1"), "", "image container c=a:1" }, /* without an old object all is new */
		{ "UPDATE", "Pod", POD("a:1"), ",\"oldObject\":" POD("a:1"), "image container c=a:1 carried" },
		{ "UPDATE", "Pod", POD("a:2"), ",\"oldObject\":" POD("a:1"), "image container c=a:2" },
		{ "UPDATE", "Pod", POD("a:2"), ",\"oldObject\":7", "image container c=a:2" },
		{ "UPDATE", "Pod", POD("a:2"), ",\"oldObject\":{\"kind\":\"Pod\"}", "image container c=a:2" },
		{ "UPDATE", "Deployment", DEPLOYMENT("a:1", "3"), ",\"oldObject\":" DEPLOYMENT("a:1", "1"),
		  "image container c=a:1 carried" },
		{ "CREATE", "Pod", POD("r.example/a@sha256:" DIGEST), "",
		  "image container c=r.example/a@sha256:" DIGEST },
		/* all container kinds, an image as a volume, KServe's modelcar */
		{ "CREATE", "Pod",
		  "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"spec\":{"
		  "\"initContainers\":[{\"name\":"
		  "\"i\",\"image\":\"init:1\"}],\"containers\":[{\"name\":\"c\",\"image\":\"a:1\",\"volumeMounts\":[{"
		  "\"name\":\"v\",\"mountPath\":"
		  "\"/"
		  "v\"}]}],\"ephemeralContainers\":[{\"name\":\"e\",\"image\":\"debug:1\"}],\"volumes\":[{\"name\":"
		  "\"v\",\"image\":{\"reference\":"
		  "\"models:1\"}}]}}",
		  "",
		  "image container c=a:1; image init container i=init:1; image ephemeral container e=debug:1; image "
		  "volume v=models:1" },
		/* a digest that the status claims is not what the object asks for */
		{ "CREATE", "Pod",
		  "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},"
		  "\"spec\":" POD_SPEC(
			  "a:1") ",\"status\":{\"containerStatuses\":[{\"name\":\"c\",\"imageID\":\"a@sha256:" DIGEST
				 "\"}]}}",
		  "", "image container c=a:1" },
		/* models: by URI, by paths on a claim (two mounts, the deeper one counts), on a host path, in the image
		 */
		{ "CREATE", "Pod",
		  "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\","
		  "\"annotations\":{\"x/model\":"
		  "\"s3://b/"
		  "m\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"a:1\",\"args\":[\"--model-repository=/"
		  "models/./x/../asr/\","
		  "\"--engine\",\"/host/e.plan\",\"--model-dir=/"
		  "inside\"],\"env\":[{\"name\":\"MODEL_DIR\",\"value\":\"/models/deep/a\"},{\"name\":"
		  "\"MODEL_URI\",\"value\":\"pvc://claim/x/../y\"}],\"volumeMounts\":[{\"name\":\"m\",\"mountPath\":\"/"
		  "models\",\"subPath\":"
		  "\"prod\"},{\"name\":\"d\",\"mountPath\":\"/models/deep/\"},{\"name\":\"h\",\"mountPath\":\"/"
		  "host\"},{\"name\":\"n\",\"mountPath\":"
		  "\"/nfs\"},{\"name\":\"t\",\"mountPath\":\"/"
		  "tmp\"}]}],\"volumes\":[{\"name\":\"m\",\"persistentVolumeClaim\":{\"claimName\":"
		  "\"models\"}},{\"name\":\"d\",\"persistentVolumeClaim\":{\"claimName\":\"deep\"}},{\"name\":\"h\","
		  "\"hostPath\":{\"path\":"
		  "\"/srv/engines/\"}},{\"name\":\"n\",\"nfs\":{\"server\":\"filer\",\"path\":\"/"
		  "export\"}},{\"name\":\"t\",\"emptyDir\":{}}]}}",
		  "",
		  "image container c=a:1; model env MODEL_DIR=pvc://deep/a; model env MODEL_URI=pvc://claim/y; "
		  "model argument --model-repository=pvc://models/prod/asr; model argument "
		  "--engine=/srv/engines/e.plan; "
		  "model annotation x/model=s3://b/m; model volume m=pvc://models/prod if known; model volume "
		  "d=pvc://deep if known; "
		  "model volume h=/srv/engines if known; model volume n=nfs://filer/export if known" },
		{ "CREATE", "InferenceService",
		  SERVICE("\"model\":{\"storageUri\":\"oci://r.example/m:1\"}"), "", "image storageUri=r.example/m:1" },
		{ "CREATE", "InferenceService", SERVICE("\"model\":{\"storageUri\":\"oci+native://r.example/m:1\"}"), "",
		  "image storageUri=r.example/m:1" },
		/* the model server's own container, and claims as KServe mounts them */
		{ "CREATE", "InferenceService",
		  SERVICE("\"model\":{\"image\":\"a:1\",\"runtime\":\"triton\",\"storageUri\":\"pvc://models/det/1\",\"args\":["
			  "\"--model-repository=/srv/models\"],\"env\":[{\"name\":\"MODEL_DIR\",\"value\":\"s3://b/m\"}],"
			  "\"volumeMounts\":[{\"name\":\"v\",\"mountPath\":\"/srv\"}]},\"volumes\":[{\"name\":\"v\",\"hostPath\":"
			  "{\"path\":\"/engines\"}}]"),
		  "",
		  "image container predictor=a:1; model storageUri=pvc://models/det/1; model env MODEL_DIR=s3://b/m; model argument "
		  "--model-repository=/engines/models; model volume v=/engines if known" },
		{ "CREATE", "InferenceService",
		  SERVICE("\"onnx\":{\"storage\":{\"key\":\"minio\",\"path\":\"m/det\"}},\"storageUris\":[{\"uri\":\"hf://x/base\"},"
			  "{\"uri\":\"pvc://c/a\",\"mountPath\":\"/a\"}],\"workerSpec\":{\"containers\":[{\"name\":\"w\",\"image\":"
			  "\"w:1\",\"args\":[\"--model=s3://b/w\"]}]},\"annotations\":{\"x/model\":\"s3://b/x\"}"),
		  "",
		  "image container w=w:1; model storageUri=storage://minio/m/det; model storageUri=hf://x/base; model "
		  "storageUri=pvc://c/a; model argument --model=s3://b/w; model annotation x/model=s3://b/x; model volume "
		  "model-storage=pvc://c if known" },
		{ "CREATE", "TrainedModel",
		  "{\"apiVersion\":\"serving.kserve.io/v1alpha1\",\"kind\":\"TrainedModel\",\"metadata\":{\"name\":\"m\","
		  "\"namespace\":\"n\"},\"spec\":{\"model\":{\"storageUri\":\"gs://b/m\"}}}",
		  "", "model storageUri=gs://b/m" },
		{ "CREATE", "LLMInferenceService",
		  "{\"apiVersion\":\"serving.kserve.io/v1alpha1\",\"kind\":\"LLMInferenceService\",\"metadata\":{\"name\":\"l\","
		  "\"namespace\":\"n\"},\"spec\":{\"model\":{\"uri\":\"hf://x/y\"},\"template\":{\"containers\":[{\"name\":\"main\","
		  "\"image\":\"v:1\"}]},\"prefill\":{\"template\":{\"containers\":[{\"name\":\"main\",\"image\":\"v:2\"}]}}}}",
		  "", "image container main=v:1; image container prefill=v:2; model storageUri=hf://x/y" },
		/* what KServe's webhook is told by a pod, and tells its init container */
		{ "CREATE", "Pod",
		  "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"annotations\":{"
		  "\"internal.serving.kserve.io/storage-initializer-sourceuri\":\"<scheme-placeholder>://m/det\"}},\"spec\":{"
		  "\"initContainers\":[{\"name\":\"storage-initializer\",\"image\":\"s:1\",\"args\":[\"s3://b/m\",\"/mnt/models\","
		  "\"gs://b/n\",\"/mnt/n\"]}],\"containers\":[{\"name\":\"c\",\"image\":\"a:1\"}]}}",
		  "",
		  "image container c=a:1; image init container storage-initializer=s:1; model argument of storage-initializer=s3://b/m; "
		  "model argument of storage-initializer=gs://b/n; model annotation "
		  "internal.serving.kserve.io/storage-initializer-sourceuri=<scheme-placeholder>://m/det" },
		{ "CREATE", "CronJob",
		  "{\"apiVersion\":\"batch/"
		  "v1\",\"kind\":\"CronJob\",\"metadata\":{\"name\":\"j\",\"namespace\":\"n\"},\"spec\":{"
		  "\"jobTemplate\":{"
		  "\"spec\":{\"template\":{\"spec\":" POD_SPEC("a:1") "}}}}}",
		  "", "image container c=a:1" },
		/* what passes */
		{ "DELETE", "Pod", "null", "", "passed: operation" },
		{ "CONNECT", "PodExecOptions", "{\"kind\":\"PodExecOptions\"}", ",\"subResource\":\"exec\"",
		  "passed: operation" },
		{ "UPDATE", "Scale", "{\"kind\":\"Scale\"}", ",\"subResource\":\"scale\"", "passed: subresource" },
		{ "UPDATE", "Pod", POD("a:1"), ",\"subResource\":\"status\"", "passed: subresource" },
		{ "UPDATE", "Pod", POD("a:1"), ",\"subResource\":\"ephemeralcontainers\"", "image container c=a:1" },
		/* what that subresource took up to Kubernetes 1.21 */
		{ "UPDATE", "EphemeralContainers", EPHEMERAL(DEBUG("d", "a:1") "," DEBUG("e", "a:2")),
		  ",\"subResource\":\"ephemeralcontainers\",\"oldObject\":" EPHEMERAL(DEBUG("d", "a:1")),
		  "image ephemeral container d=a:1 carried; image ephemeral container e=a:2" },
		/* whose volumes stand in the pod */
		{ "UPDATE", "EphemeralContainers",
		  EPHEMERAL("{\"name\":\"d\",\"image\":\"a:1\",\"args\":[\"--engine=/m/a.plan\"],\"volumeMounts\":[{\"name\":\"v\","
			    "\"mountPath\":\"/m\"}]}"),
		  ",\"subResource\":\"ephemeralcontainers\"",
		  "image ephemeral container d=a:1; model argument --engine=volume://v/a.plan" },
		{ "CREATE", "ConfigMap", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"m\"}}",
		  "", "passed: kind" },
		{ "CREATE", "Deployment",
		  "{\"apiVersion\":\"example.org/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"m\"}}", "",
		  "passed: kind" },
		{ "UPDATE", "Pod", POD_META("a:2", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""), "",
		  "passed: ending" },
		{ "CREATE", "Pod", POD_META("a:2", ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\""), "",
		  "image container c=a:2" },
		{ "UPDATE", "Pod",
		  "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{},\"status\":{"
		  "\"phase\":\"Failed\"}}",
		  "", "passed: ending" },
		/* what hides */
		{ "CREATE", "Pod",
		  "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{},\"status\":{"
		  "\"phase\":\"Failed\"}}",
		  "", "unreadable: a new pod whose status says that it is over" },
		{ "CREATE", "Pod", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}", "",
		  "unreadable: request.object is not of the kind that request.kind names" },
		{ "CREATE", "Pod", "7", "", "unreadable: request.object is not of the kind that request.kind names" },
		{ "CREATE", "PodList",
		  "{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[" POD("a:1") "," POD("b:1") "]}", "",
		  "unreadable: a list: a review is about one object" },
		{ "CREATE", "Pod", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{}}", "",
		  "unreadable: a Pod without metadata.name" },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(str) text = STR_INIT(MIB);
		RF_AUTO(str) got = STR_INIT(MIB);
		struct review r;
		struct err err = ERR_INIT;
		assert_ok(review_read(reader, &(struct review_rules){ 0 },
				      review_of(&text, rows[i].operation, rows[i].kind, rows[i].object, rows[i].more),
				      &r, &err),
			  &err);
		show(&r, &got);
		if (strcmp(str_text(&got), rows[i].want) != 0)
			fail_msg("row %zu:\n got  %s\n want %s", i, str_text(&got), rows[i].want);
		assert_true(span_eq_text(r.uid, "u-1"));
		review_reader_rest(reader);
	}
}

static void test_rules(void **state)
{
	static const char *const exempt[] = { "reforge", "n" };
	static const struct review_rules all = { 0 },
					 some = { .exempt = exempt, .exempt_n = 2, .service_label = { "site/service", 12 } };
	RF_AUTO(str) text = STR_INIT(MIB);
	struct review r;
	struct err err = ERR_INIT;
	(void)state;
	assert_ok(review_read(reader, &some, review_of(&text, "CREATE", "Pod", POD("a:1"), ""), &r, &err), &err);
	assert_string_equal(r.passed, REVIEW_PASSED_NAMESPACE);
	assert_ok(review_read(reader, &all,
			      review_of(&text, "CREATE", "Pod", POD("a:1"), ",\"namespace\":\"later, so not read\""),
			      &r, &err),
		  &err);
	assert_null(r.passed);
	assert_ok(review_read(reader, &all,
			      review_of(&text, "CREATE", "Deployment", DEPLOYMENT("a:1", "1"), ",\"dryRun\":true"), &r,
			      &err),
		  &err);
	assert_string_equal(r.service, "asr");
	assert_true(r.dry_run);
	assert_true(span_eq_text(r.user, "system:admin"));
	/* another label, another service */
	static const struct review_rules other = { .service_label = { "site/service", 12 } };
	assert_ok(review_read(reader, &other, review_of(&text, "CREATE", "Deployment", DEPLOYMENT("a:1", "1"), ""), &r,
			      &err),
		  &err);
	assert_string_equal(r.service, "");
}

static void test_malformed(void **state)
{
	static const struct {
		const char *text;
		int rc;
		const char *field;
	} rows[] = {
		{ "", RF_EFORMAT, "" },
		{ "{", RF_EFORMAT, "" },
		{ "[]", RF_EFORMAT, "kind, apiVersion" },
		{ "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/"
		  "v1beta1\",\"request\":{\"uid\":\"u\"}}",
		  RF_EFORMAT, "kind, apiVersion" },
		{ "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\"}", RF_EFORMAT, "request.uid" },
		{ "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":\"\"}}",
		  RF_EFORMAT, "request.uid" },
		{ "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{\"uid\":7}}",
		  RF_EFORMAT, "request.uid" },
		{ "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/"
		  "v1\",\"request\":{\"uid\":\"u\",\"operation\":\"PATCH\"}}",
		  RF_EFORMAT, "request.operation" },
		{ "{\"kind\":\"AdmissionReview\"} x", RF_EFORMAT, "" },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct review r;
		struct err err = ERR_INIT;
		int rc = review_read(reader, &(struct review_rules){ 0 }, span_of(rows[i].text), &r, &err);
		if (rc != rows[i].rc || strcmp(err.field, rows[i].field) != 0)
			fail_msg("row %zu: %s, field %s", i, rf_error_name(rc), err.field);
	}
	RF_AUTO(str) big = STR_INIT(4 * MIB);
	while (big.n <= REVIEW_MAX_BYTES)
		str_add_text(&big, "                                                                                ");
	struct review r;
	assert_int_equal(review_read(reader, &(struct review_rules){ 0 }, str_span(&big), &r, NULL), RF_ETOOBIG);
}

/* More than the limits: unreadable, whatever stands within. */
static void test_limits(void **state)
{
	static const struct {
		const char *list, *one;
		size_t n;
		const char *want;
	} rows[] = {
		{ "containers", "{\"name\":\"c%zu\",\"image\":\"a:%zu\"}", 64, NULL },
		{ "containers", "{\"name\":\"c%zu\",\"image\":\"a:%zu\"}", 65, "more than 64 containers" },
		{ "containers", "{\"name\":\"c\",\"env\":[{\"name\":\"MODEL_%zu\",\"value\":\"s3://b/%zu\"}]}", 64,
		  NULL },
		{ "containers", "{\"name\":\"c\",\"env\":[{\"name\":\"MODEL_%zu\",\"value\":\"s3://b/%zu\"}]}", 65,
		  "more than 64 models" },
		{ "volumes", "{\"name\":\"v%zu\",\"secret\":{\"secretName\":\"s%zu\"}}", 256, NULL },
		{ "volumes", "{\"name\":\"v%zu\",\"secret\":{\"secretName\":\"s%zu\"}}", 257, "more than 256 volumes" },
		{ "containers\":[{\"volumeMounts", "{\"name\":\"v%zu\",\"mountPath\":\"/%zu\"}", 1025,
		  "more than 1024 mounts" },
		{ "containers\":[{\"volumeMounts", "{\"name\":\"v%zu\",\"mountPath\":\"/%zu\"}", 14000,
		  "more than 1024 mounts" },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(str) object = STR_INIT(2 * MIB);
		RF_AUTO(str) text = STR_INIT(2 * MIB);
		struct review r;
		struct err err = ERR_INIT;
		str_addf(&object,
			 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"%s\":[",
			 rows[i].list);
		for (size_t k = 0; k < rows[i].n; k++) {
			str_add_text(&object, k ? "," : "");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			str_addf(&object, rows[i].one, k, k);
#pragma GCC diagnostic pop
		}
		str_add_text(&object, strstr(rows[i].list, "[{") ? "]}]}}" : "]}}");
		assert_ok(review_read(reader, &(struct review_rules){ 0 },
				      review_of(&text, "CREATE", "Pod", str_text(&object), ""), &r, &err),
			  &err);
		if (rows[i].want)
			assert_non_null(strstr(r.unreadable ? r.unreadable : "", rows[i].want));
		else
			assert_int_equal(r.subjects_n, strcmp(rows[i].list, "volumes") == 0 ? 0 : rows[i].n);
	}
}

/* ── Verdicts ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* bad:1 holds an engine with code for the host inside, clean:1 nothing; models are below the claim `models`. */
static struct gate_snapshot *knowledge(void)
{
	struct err err = ERR_INIT;
	struct gate_snapshot *s = gate_snapshot_new(16 * MIB);
	struct gate_artifact engine = {
		.set = GATE_NONE, .main = GATE_NONE, .finding = ARTIFACT_CONFLICT, .flags = GATE_ARTIFACT_IS_ENGINE
	};
	struct gate_artifact image = { .main = GATE_NONE, .finding = ARTIFACT_CLEAR, .flags = GATE_ARTIFACT_IS_IMAGE };
	uint32_t number, where, set;
	assert_ok(gate_snapshot_head(
			  s,
			  &(struct gate_head){ .site = SPAN("test"), .created = 1, .as_of = 1, .expires = USEC_NONE },
			  &err),
		  &err);
	assert_ok(gate_snapshot_text(s, SPAN("host_code"), &engine.cause, &err), &err);
	digest_of(SPAN("engine"), &engine.digest);
	assert_ok(gate_snapshot_artifact(s, &engine, SPAN(ARTIFACT_TENSORRT_PLAN), &number, &err), &err);
	assert_ok(gate_snapshot_model(s, SPAN("pvc://models/asr/1/model.plan"), number, &err), &err);
	assert_ok(gate_snapshot_text(s, SPAN("opt/models/asr.plan"), &where, &err), &err);
	assert_ok(gate_snapshot_set(s,
				    &(struct gate_part){ .component = GATE_NONE, .artifact = number, .where = where },
				    1, &set, &err),
		  &err);
	image.set = set;
	digest_of(SPAN("bad"), &image.digest);
	assert_ok(gate_snapshot_artifact(s, &image, SPAN("container-image"), &number, &err), &err);
	assert_ok(gate_snapshot_image(s, SPAN("registry.example/bad:1"), number, &err), &err);
	image.set = GATE_NONE;
	digest_of(SPAN("clean"), &image.digest);
	assert_ok(gate_snapshot_artifact(s, &image, SPAN("container-image"), &number, &err), &err);
	assert_ok(gate_snapshot_image(s, SPAN("registry.example/clean:1"), number, &err), &err);
	assert_ok(gate_snapshot_ready(s, &err), &err);
	return s;
}

/* Judges and writes; the answer parsed back. */
static struct json answer(struct json_doc *doc, const struct review_context *context, struct span text, struct str *out)
{
	struct review r;
	struct review_verdict v;
	struct err err = ERR_INIT;
	struct json root;
	assert_ok(review_read(reader, &(struct review_rules){ 0 }, text, &r, &err), &err);
	assert_ok(review_judge(reader, &r, context, &v, &err), &err);
	str_reset(out);
	review_write(&r, &v, out);
	assert_ok(json_parse(doc, str_span(out), &root, &err), &err);
	assert_true(span_eq_text(json_string(json_get(root, "kind")), "AdmissionReview"));
	assert_true(span_eq_text(json_string(json_path(root, "response", "uid", NULL)), "u-1"));
	for (struct json_each it = json_each(json_path(root, "response", "warnings", NULL)); json_next(&it);)
		assert_true(json_string(it.value).n <= REVIEW_MAX_WARNING);
	return json_get(root, "response");
}

#define VOLUME_POD                                                                                             \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"spec\":{" \
	"\"containers\":[{\"name\":"                                                                           \
	"\"c\",\"image\":\"registry.example/clean:1\",\"volumeMounts\":[{\"name\":\"m\",\"mountPath\":\"/"     \
	"m\"}]}],\"volumes\":[{\"name\":"                                                                      \
	"\"m\",\"persistentVolumeClaim\":{\"claimName\":\"%s\"}}]}}"

static void test_verdicts(void **state)
{
	static const struct {
		const char *operation, *object, *more;
		bool audit, none; /* no snapshot yet */
		bool allowed;
		const char *message, *warning, *decision, *judged;
	} rows[] = {
		{ "CREATE", POD("registry.example/clean:1"), "", false, false, true, NULL, NULL, "allow", NULL },
		{ "CREATE", POD("registry.example/bad:1"), "", false, false, false,
		  "container c (registry.example/bad:1): native code for a CPU is inside: loading it runs that code in opt/models/asr.plan", NULL, "deny", NULL },
		{ "CREATE", POD("registry.example/bad:1"), "", true, false, true, NULL,
		  "reforge, audit: container c: host_code", "warn", "deny" },
		{ "UPDATE", POD("registry.example/bad:1"), ",\"oldObject\":" POD("registry.example/bad:1"), false,
		  false, true, NULL, "reforge, runs already: container c: host_code", "warn", "deny" },
		{ "UPDATE", POD("registry.example/bad:1"), ",\"oldObject\":" POD("registry.example/clean:1"), false,
		  false, false, "Pod n/x must not run", NULL, "deny", NULL },
		{ "CREATE", POD("registry.example/clean:1"), "", false, true, false, "no snapshot yet", NULL, "deny",
		  NULL },
		{ "CREATE", POD("registry.example/clean:1"), "", true, true, true, NULL, "unreadable", "warn", "deny" },
		{ "CREATE", "7", "", false, false, false, "not of the kind", NULL, "deny", NULL },
		{ "CREATE", POD("no reference!"), "", false, false, true, NULL, "reforge: container c: unknown_subject",
		  "warn", NULL },
		{ "DELETE", "null", "", false, true, true, NULL, NULL, NULL, NULL },
	};
	(void)state;
	RF_AUTO_PTR(gate_snapshot) s = knowledge();
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) out = STR_INIT(MIB);
	RF_AUTO(str) text = STR_INIT(MIB);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		const struct review_context context = { .snapshot = rows[i].none ? NULL : s,
							.environment = SPAN("production"),
							.now = 1000 * USEC_PER_SEC,
							.audit = rows[i].audit };
		struct json a = answer(doc, &context,
				       review_of(&text, rows[i].operation, "Pod", rows[i].object, rows[i].more), &out);
		bool allowed;
		assert_true(json_bool(json_get(a, "allowed"), &allowed));
		struct span message = json_string(json_path(a, "status", "message", NULL));
		bool good = allowed == rows[i].allowed &&
			    (!rows[i].message || span_find(message, span_of(rows[i].message)) != SIZE_MAX) &&
			    (!rows[i].warning || span_find(str_span(&out), span_of(rows[i].warning)) != SIZE_MAX);
		struct span decision = json_string(json_path(a, "auditAnnotations", "decision", NULL));
		struct span judged = json_string(json_path(a, "auditAnnotations", "judged", NULL));
		good &= span_eq(decision, span_of(rows[i].decision)) && span_eq(judged, span_of(rows[i].judged));
		if (!good)
			fail_msg("row %zu: %s", i, str_text(&out));
	}
}

/* A claim that holds a known model counts, whether or not a path names it; an unknown one says nothing. */
static void test_volumes(void **state)
{
	static const struct {
		const char *claim;
		bool allowed;
	} rows[] = { { "models", false }, { "other", true } };
	(void)state;
	RF_AUTO_PTR(gate_snapshot) s = knowledge();
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) out = STR_INIT(MIB);
	RF_AUTO(str) text = STR_INIT(MIB);
	RF_AUTO(str) pod = STR_INIT(MIB);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		const struct review_context context = { .snapshot = s, .now = 1000 * USEC_PER_SEC };
		bool allowed;
		str_reset(&pod);
		str_addf(&pod, VOLUME_POD, rows[i].claim);
		struct json a = answer(doc, &context, review_of(&text, "CREATE", "Pod", str_text(&pod), ""), &out);
		assert_true(json_bool(json_get(a, "allowed"), &allowed));
		if (allowed != rows[i].allowed)
			fail_msg("%s: %s", rows[i].claim, str_text(&out));
	}
}

/* Memory that an object makes the gate need is the object's: named, denied, never an error of the gate. */
static void test_memory(void **state)
{
	static const struct {
		const char *before, *one, *after; /* of the object; @one again and again */
		size_t n;
		const char *want;
	} rows[] = {
		{ "\"containers\":[{\"name\":\"c\",\"args\":[\"--model=/m/"
		  "a\"],\"volumeMounts\":[{\"name\":\"m\",\"mountPath\":\"/m\","
		  "\"subPath\":\"",
		  "a/", "\"}]}],\"volumes\":[{\"name\":\"m\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]", 600000,
		  "volume m: a path of more than 4096 bytes" },
		{ "\"containers\":[{\"name\":\"c\",\"volumeMounts\":[{\"name\":\"m\",\"mountPath\":\"/", "a/",
		  "\"}]}],\"volumes\":[{\"name\":\"m\",\"emptyDir\":{}}]", 600000,
		  "volume m: a path of more than 4096 bytes" },
		{ "\"containers\":[{\"name\":\"c\",\"volumeMounts\":[{\"name\":\"m\",\"mountPath\":\"/"
		  "m\"}]}],\"volumes\":[{\"name\":"
		  "\"m\",\"hostPath\":{\"path\":\"/",
		  "a/", "\"}}]", 2100, "volume m: a path of more than 4096 bytes" },
		/* ever the same model: no memory for the second */
		{ "\"containers\":[{\"name\":\"c\",\"args\":[\"x\"", ",\"a.onnx\"", "]}]", 200000, NULL },
		/* each time a text of its own in the arena */
		{ "\"containers\":[{\"name\":\"c\",\"args\":[\"x\"", ",\"--modelmodelmodelmodelmodelmodelmodel=/a\"",
		  "]}]", 30000, NULL },
	};
	(void)state;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) out = STR_INIT(MIB);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(str) object = STR_INIT(4 * MIB);
		RF_AUTO(str) text = STR_INIT(4 * MIB);
		struct review r;
		struct err err = ERR_INIT;
		str_addf(&object, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{%s",
			 rows[i].before);
		for (size_t k = 0; k < rows[i].n; k++)
			str_add_text(&object, rows[i].one);
		str_addf(&object, "%s}}", rows[i].after);
		assert_ok(review_read(reader, &(struct review_rules){ 0 },
				      review_of(&text, "CREATE", "Pod", str_text(&object), ""), &r, &err),
			  &err);
		if (rows[i].want ? !strstr(r.unreadable ? r.unreadable : "", rows[i].want) : r.unreadable != NULL)
			fail_msg("row %zu: %s", i, r.unreadable ? r.unreadable : "readable");
		review_reader_rest(reader);
	}
	/* the arena's own limit, made small */
	RF_AUTO(str) text = STR_INIT(MIB);
	const struct review_context context = { .now = 1000 * USEC_PER_SEC };
	size_t limit = reader->new_.arena.limit_bytes;
	bool allowed;
	reader->new_.arena.limit_bytes = 50;
	struct json a = answer(doc, &context, review_of(&text, "CREATE", "Pod", POD("a:1"), ""), &out);
	reader->new_.arena.limit_bytes = limit;
	assert_true(json_bool(json_get(a, "allowed"), &allowed));
	assert_false(allowed);
	assert_true(span_find(str_span(&out), SPAN("more memory than a review may have")) != SIZE_MAX);
}

#define MOUNT(more) "\"volumeMounts\":[{\"name\":\"m\",\"mountPath\":\"/m\"" more "}]"

/* What the texts of an object do not settle: the known model on what is mounted counts all the same. */
static void test_decoys(void **state)
{
	static const char *const containers[] = {
		/* a clean path named, another loaded by a shell, by a variable */
		"{\"name\":\"c\",\"image\":\"registry.example/clean:1\",\"args\":[\"--model=/m/clean\",\"x --load "
		"/m/asr\"]," MOUNT("") "}",
		"{\"name\":\"c\",\"image\":\"registry.example/clean:1\",\"args\":[\"--model=/m/"
		"clean\",\"--load=$(X)\"]," MOUNT("") "}",
		/* a folder that a variable names */
		"{\"name\":\"c\",\"image\":\"registry.example/clean:1\",\"args\":[\"--model=/m/clean\"]," MOUNT(
			",\"subPathExpr\":\"$(X)\"") "}",
		/* the path lies deeper in another container, on a volume without models */
		"{\"name\":\"c\",\"image\":\"registry.example/clean:1\",\"args\":[\"--model=/m/asr\"]," MOUNT(
			"") "},{\"name\":\"o\",\"image\":\"registry.example/"
			    "clean:1\",\"volumeMounts\":[{\"name\":\"e\",\"mountPath\":"
			    "\"/m/asr\"}]}",
	};
	(void)state;
	RF_AUTO_PTR(gate_snapshot) s = knowledge();
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) out = STR_INIT(MIB);
	RF_AUTO(str) text = STR_INIT(MIB);
	RF_AUTO(str) pod = STR_INIT(MIB);
	for (size_t i = 0; i < RF_COUNT(containers); i++) {
		const struct review_context context = { .snapshot = s, .now = 1000 * USEC_PER_SEC };
		bool allowed;
		str_reset(&pod);
		str_addf(&pod,
			 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},"
			 "\"spec\":{"
			 "\"containers\":[%s],\"volumes\":[{\"name\":\"m\",\"persistentVolumeClaim\":{\"claimName\":"
			 "\"models\"}},"
			 "{\"name\":\"e\",\"emptyDir\":{}}]}}",
			 containers[i]);
		struct json a = answer(doc, &context, review_of(&text, "CREATE", "Pod", str_text(&pod), ""), &out);
		assert_true(json_bool(json_get(a, "allowed"), &allowed));
		if (allowed || span_find(str_span(&out), SPAN("volume m")) == SIZE_MAX)
			fail_msg("row %zu: %s", i, str_text(&out));
	}
}

/* A turn's answers are kept for that turn and that moment: the snapshot in force is what judges. */
static void test_memo(void **state)
{
	static const struct {
		bool knows; /* the snapshot of this review */
		uint64_t turn;
		usec_t now;
		bool allowed;
	} rows[] = {
		{ true, 1, 1000, false }, { true, 1, 1000, false }, { false, 2, 1000, true }, { false, 2, 1000, true },
		{ true, 3, 1000, false }, { true, 3, 2000, false }, { false, 0, 2000, true }, { true, 0, 2000, false },
		{ false, 0, 2000, true }, { true, 4, 2000, false },
	};
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) out = STR_INIT(MIB);
	RF_AUTO(str) text = STR_INIT(MIB);
	struct gate_snapshot *s = NULL;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		if (i == 0 || rows[i].knows != rows[i - 1].knows) {
			gate_snapshot_free(s); /* the next may have its address */
			s = rows[i].knows ? knowledge() : gate_snapshot_new(16 * MIB);
			if (!rows[i].knows)
				assert_ok(gate_snapshot_ready(s, &err), &err);
		}
		const struct review_context context = { .snapshot = s,
							.turn = rows[i].turn,
							.environment = SPAN("production"),
							.now = rows[i].now * USEC_PER_SEC };
		bool allowed;
		struct json a = answer(doc, &context,
				       review_of(&text, "CREATE", "Pod", POD("registry.example/bad:1"), ""), &out);
		assert_true(json_bool(json_get(a, "allowed"), &allowed));
		if (allowed != rows[i].allowed)
			fail_msg("row %zu: %s", i, str_text(&out));
	}
	gate_snapshot_free(s);
}

/* More answers than are kept, and names longer than are: each is judged as ever. */
static void test_memo_full(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO_PTR(gate_snapshot) s = knowledge();
	struct gate_memo *m = gate_memo_new();
	RF_AUTO(arena) a = ARENA_INIT(256 * MIB);
	const struct gate_question q = { .snapshot = s, .environment = SPAN("production"), .now = 1000 * USEC_PER_SEC };
	static char long_name[3000];
	memset(long_name, 'a', sizeof long_name - 1);
	assert_non_null(m);
	gate_memo_begin(m, s, 1, q.now);
	for (unsigned i = 0; i < 2 * GATE_MEMO_ANSWERS + 8; i++) {
		const struct gate_answer *kept;
		struct gate_answer want;
		struct gate_subject subject = { .kind = i % 3 ? GATE_IMAGE : GATE_MODEL };
		subject.name = span_of(i % 100 == 7 ? long_name :
				       i % 5 == 0   ? "registry.example/bad:1" :
						      arena_printf(&a, "registry.example/other-%u:1", i));
		int wanted = gate_judge(&a, &q, &subject, &want, &err);
		assert_int_equal(gate_memo_judge(m, &a, &q, &subject, false, &kept, &err), wanted);
		if (wanted)
			continue;
		assert_int_equal(kept->decision, want.decision);
		assert_true(span_eq(kept->why, want.why));
		const struct gate_subject place = { .kind = GATE_MODEL, .name = SPAN("pvc://nobody") };
		assert_ok(gate_memo_judge(m, &a, &q, &place, true, &kept, &err), &err);
		assert_null(kept);
	}
	gate_memo_free(m);
}

/* /srv/m/a.plan is bad on gpu-01 and clean on gpu-02; gpu-03 was scanned and has neither. Of claims each namespace has its
 * own. */
static struct gate_snapshot *hosts(void)
{
	static const struct {
		const char *place, *holder;
		bool bad;
	} rows[] = { { "/srv/m/a.plan", "gpu-01", true },	 { "/srv/m/a.plan", "gpu-02.example", false },
		     { "/srv/other/b.plan", "gpu-03", false },	 { "pvc://ours", "k8s:c/n", true },
		     { "pvc://theirs", "k8s:c/other", true },	 { "pvc://both", "k8s:c/other", true },
		     { "pvc://both", "k8s:c/n", false } };
	struct err err = ERR_INIT;
	struct gate_snapshot *s = gate_snapshot_new(16 * MIB);
	struct gate_artifact bad = { .set = GATE_NONE, .main = GATE_NONE, .finding = ARTIFACT_CONFLICT },
			     clean = { .set = GATE_NONE, .main = GATE_NONE, .finding = ARTIFACT_CLEAR };
	uint32_t numbers[2];
	assert_ok(gate_snapshot_head(s, &(struct gate_head){ .site = SPAN("test"), .created = 1, .as_of = 1, .expires = USEC_NONE }, &err),
		  &err);
	assert_ok(gate_snapshot_text(s, SPAN("host_code"), &bad.cause, &err), &err);
	digest_of(SPAN("bad"), &bad.digest);
	digest_of(SPAN("clean"), &clean.digest);
	assert_ok(gate_snapshot_artifact(s, &clean, SPAN(ARTIFACT_ONNX), &numbers[0], &err), &err);
	assert_ok(gate_snapshot_artifact(s, &bad, SPAN(ARTIFACT_TENSORRT_PLAN), &numbers[1], &err), &err);
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		assert_ok(gate_snapshot_model_of(s, span_of(rows[i].place), span_of(rows[i].holder), numbers[rows[i].bad], &err), &err);
	assert_ok(gate_snapshot_ready(s, &err), &err);
	return s;
}

static void test_hosts(void **state)
{
#define ON_HOST "\"hostPath\":{\"path\":\"/srv/m\"}"
#define ON_CLAIM(name) "\"persistentVolumeClaim\":{\"claimName\":\"" name "\"}"
	static const struct {
		const char *volume, *node;
		bool named, allowed;
		const char *words; /* in the answer; NULL: no warning either */
	} rows[] = {
		{ ON_HOST, "", true, false, "in its place on gpu-01" },
		{ ON_HOST, "", false, false, "in /srv/m/a.plan on gpu-01" },
		{ ON_HOST, "\"nodeName\":\"gpu-01\",", true, false, "on gpu-01" },
		{ ON_HOST, "\"nodeSelector\":{\"kubernetes.io/hostname\":\"gpu-01.example\"},", true, false, "on gpu-01" },
		{ ON_HOST, "\"nodeName\":\"gpu-02\",", true, true, NULL },
		{ ON_HOST, "\"nodeName\":\"gpu-02.example\",", false, true, NULL },
		{ ON_HOST, "\"nodeName\":\"gpu-03\",", true, true, "unknown_subject" },
		{ ON_HOST, "\"nodeName\":\"gpu-03\",", false, true, NULL },
		{ ON_HOST, "\"nodeName\":\"gpu-99\",", true, false, "on gpu-01" },
		{ ON_CLAIM("ours"), "", true, false, "in its place in k8s:c/n" },
		{ ON_CLAIM("ours"), "", false, false, "in its place in k8s:c/n" },
		{ ON_CLAIM("theirs"), "", true, true, "unknown_subject" },
		{ ON_CLAIM("theirs"), "", false, true, NULL },
		{ ON_CLAIM("both"), "", true, true, NULL },
	};
	(void)state;
	RF_AUTO_PTR(gate_snapshot) s = hosts();
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	RF_AUTO(str) out = STR_INIT(MIB);
	RF_AUTO(str) text = STR_INIT(MIB);
	RF_AUTO(str) pod = STR_INIT(MIB);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		const struct review_context context = { .snapshot = s, .now = 1000 * USEC_PER_SEC };
		bool allowed, on_host = strcmp(rows[i].volume, ON_HOST) == 0;
		str_reset(&pod);
		str_addf(&pod,
			 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},\"spec\":{%s"
			 "\"containers\":[{\"name\":\"c\"%s,\"volumeMounts\":[{\"name\":\"m\",\"mountPath\":\"/m\"}]}],"
			 "\"volumes\":[{\"name\":\"m\",%s}]}}",
			 rows[i].node,
			 !rows[i].named ? "" :
			 on_host	? ",\"args\":[\"--engine=/m/a.plan\"]" :
					  ",\"args\":[\"--model-repository=/m\"]",
			 rows[i].volume);
		struct json a = answer(doc, &context, review_of(&text, "CREATE", "Pod", str_text(&pod), ""), &out);
		assert_true(json_bool(json_get(a, "allowed"), &allowed));
		bool silent = json_kind(json_get(a, "warnings")) != JSON_ARRAY;
		if (allowed != rows[i].allowed || (rows[i].words ? !strstr(str_text(&out), rows[i].words) : !silent))
			fail_msg("row %zu: %s", i, str_text(&out));
	}
}

/* Every way in which a pod names a model: a table (tests/data/gate/pods.txt). */
static void test_pods(void **state)
{
	RF_AUTO(str) table = STR_INIT(MIB);
	RF_AUTO(str) object = STR_INIT(MIB);
	RF_AUTO(str) text = STR_INIT(MIB);
	RF_AUTO(str) got = STR_INIT(MIB);
	struct err err = ERR_INIT;
	size_t rows = 0, failed = 0;
	(void)state;
	assert_ok(fs_read("tests/data/gate/pods.txt", &table, &err), &err);
	for (struct span rest = str_span(&table), line; span_line(&rest, &line);) {
		struct review r;
		if (span_starts(line, "pod ")) {
			str_reset(&object);
			str_addf(&object,
				 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\",\"namespace\":\"n\"},"
				 "\"spec\":{%.*s}}",
				 SPAN_ARG(span_from(line, 4)));
			assert_ok(review_read(reader, &(struct review_rules){ 0 },
					      review_of(&text, "CREATE", "Pod", str_text(&object), ""), &r, &err),
				  &err);
			if (r.subjects_n && r.subjects[0].kind == GATE_IMAGE) /* of an image volume, which is not in the table */
				r.subjects++, r.subjects_n--;
			show(&r, &got);
		} else if (span_starts(line, "want ")) {
			struct span want = span_eq_text(line, "want -") ? SPAN("") : span_from(line, 5);
			rows++;
			if (span_eq(str_span(&got), want))
				continue;
			failed++;
			print_error("%s\n got  %s\n want %.*s\n", str_text(&object), str_text(&got), SPAN_ARG(want));
		}
	}
	assert_int_equal(failed, 0);
	assert_true(rows >= 40);
	review_reader_rest(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subjects), cmocka_unit_test(test_rules),    cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_limits),   cmocka_unit_test(test_verdicts), cmocka_unit_test(test_volumes),
		cmocka_unit_test(test_memory),   cmocka_unit_test(test_decoys),
		cmocka_unit_test(test_memo),     cmocka_unit_test(test_memo_full),
		cmocka_unit_test(test_pods),     cmocka_unit_test(test_hosts),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
