/* KServe: services with their models, volumes and servers; which runtime is chosen; what it made, joined to its service. */
#include "testing.h"

#include "inventory/kubernetes.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define SERVICE(name, spec) \
	"apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: " name ", namespace: n}\nspec: {" spec "}\n---\n"
#define PREDICTOR(model) SERVICE("i", "predictor: {" model "}")
#define LLM(spec) \
	"apiVersion: serving.kserve.io/v1alpha1\nkind: LLMInferenceService\nmetadata: {name: l, namespace: n}\nspec: {" spec "}\n---\n"
#define RUNTIME_META(kind, meta, spec, image)                                                       \
	"apiVersion: serving.kserve.io/v1alpha1\nkind: " kind "\nmetadata: {" meta "}\nspec: {" spec \
	", containers: [{name: kserve-container, image: '" image "', args: [--port=8080]}]}\n---\n"
#define OWN(name, spec, image) RUNTIME_META("ServingRuntime", "name: " name ", namespace: n", spec, image)
#define CLUSTERS(name, spec, image) RUNTIME_META("ClusterServingRuntime", "name: " name, spec, image)
#define FORMAT(more) "supportedModelFormats: [{name: onnx, version: '1', autoSelect: true" more "}]"

static const struct kube_labels labels = { "app.kubernetes.io/name", "team", "team/contact" };

static void read_all(struct kube_set *s, const char *text)
{
	struct err err = ERR_INIT;
	assert_ok(kube_set_init(s, &labels, "default", &err), &err);
	assert_ok(kube_read(s, span_of(text), "manifest", &err), &err);
	assert_ok(kube_set_join(s, &err), &err);
}

/* "InferenceService/i x1 by NAME: container predictor=ref@digest4(pods) ... [where uri] {volume at mount:path rw}" of
 * services of KServe, and of whatever else counts but runtimes. */
static void show(const struct kube_set *s, struct str *to)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct kube_workload *w = &s->workloads[i];
		if (w->owned || strstr(w->kind, "ServingRuntime"))
			continue;
		str_addf(to, "%s/%s x%lld", w->kind, w->name, (long long)w->replicas);
		if (w->runtime[0])
			str_addf(to, " by %s", w->runtime);
		str_add_text(to, ":");
		for (size_t c = 0; c < w->containers_n; c++)
			for (size_t k = 0; k < w->containers[c].images_n; k++) {
				const struct kube_image *m = &w->containers[c].images[k];
				str_addf(to, " %s%s=%s", w->containers[c].role == KUBE_INIT ? "init " : "", w->containers[c].name, m->reference);
				if (m->digest[0])
					str_addf(to, "@%.4s(%lld)", m->digest, (long long)m->pods);
			}
		for (size_t m = 0; m < w->models_n; m++)
			str_addf(to, " [%s %s]", w->models[m].where, w->models[m].uri);
		for (size_t v = 0; v < w->volumes_n; v++)
			str_addf(to, " {%s at %s:%s%s}", w->volumes[v].identity, w->volumes[v].mounted_at, w->volumes[v].sub_path,
				 w->volumes[v].writable ? " rw" : "");
		str_add_text(to, "\n");
	}
}

struct row {
	const char *text, *want;
};

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct kube_set s;
		RF_AUTO(str) got = STR_INIT(64 * KIB);
		read_all(&s, rows[i].text);
		show(&s, &got);
		if (strcmp(str_text(&got), rows[i].want) != 0)
			fail_msg("row %zu:\n%swanted:\n%s", i, str_text(&got), rows[i].want);
		kube_set_release(&s);
	}
}

static void services(void **state)
{
	static const struct row rows[] = {
		{ PREDICTOR("minReplicas: 2, model: {modelFormat: {name: tensorrt}, image: 'triton:1', "
			    "storageUri: 's3://user:pw@bucket/det?X-Amz-Signature=abc'}"),
		  "InferenceService/i x2: predictor=triton:1 [storageUri s3://bucket/det]\n" },
		/* the older spelling */
		{ PREDICTOR("triton: {storageUri: gs://b/m, image: 'nvcr.io/nvidia/tritonserver:23.05-py3'}"),
		  "InferenceService/i x1: predictor=nvcr.io/nvidia/tritonserver:23.05-py3 [storageUri gs://b/m]\n" },
		/* a claim is mounted, for reading unless somebody says otherwise */
		{ PREDICTOR("model: {image: 'a:1', storageUri: 'pvc://models/det/1'}"),
		  "InferenceService/i x1: predictor=a:1 [storageUri pvc://models/det/1] {persistentVolumeClaim:models at "
		  "/mnt/models:det/1}\n" },
		{ PREDICTOR("annotations: {storage.kserve.io/readonly: 'false'}, model: {image: 'a:1', storageUri: 'pvc://models'}"),
		  "InferenceService/i x1: predictor=a:1 [storageUri pvc://models] {persistentVolumeClaim:models at /mnt/models: rw}\n" },
		{ PREDICTOR("model: {image: 'a:1'}, storageUris: [{uri: 'hf://meta/base'}, {uri: 'pvc://adapters/a', mountPath: /mnt/a}]"),
		  "InferenceService/i x1: predictor=a:1 [storageUri hf://meta/base] [storageUri pvc://adapters/a] "
		  "{persistentVolumeClaim:adapters at /mnt/a:}\n" },
		/* a store by parameters, or by the key of a Secret */
		{ PREDICTOR("model: {image: 'a:1', storage: {key: k, path: /m/det, parameters: {type: s3, bucket: b}}}"),
		  "InferenceService/i x1: predictor=a:1 [storageUri s3://b/m/det]\n" },
		{ PREDICTOR("model: {image: 'a:1', storage: {path: det, parameters: {type: pvc, name: models}}}"),
		  "InferenceService/i x1: predictor=a:1 [storageUri pvc://models/det] {persistentVolumeClaim:models at /mnt/models:det}\n" },
		{ PREDICTOR("model: {image: 'a:1', storage: {key: minio, path: m/det}}"),
		  "InferenceService/i x1: predictor=a:1 [storageUri storage://minio/m/det]\n" },
		/* the server's own environment, arguments and mounts */
		{ PREDICTOR("model: {image: 'a:1', args: [--model-repository=/srv/models], env: [{name: MODEL_DIR, value: 's3://b/m'}], "
			    "volumeMounts: [{name: v, mountPath: /srv/models}]}, volumes: [{name: v, hostPath: {path: /engines}}]"),
		  "InferenceService/i x1: predictor=a:1 [env MODEL_DIR s3://b/m] [argument --model-repository /srv/models] "
		  "{hostPath:/engines at /srv/models: rw}\n" },
		/* all parts, and workers of several nodes */
		{ SERVICE("i", "predictor: {model: {image: 'a:1', storageUri: 's3://b/m'}, workerSpec: {containers: [{name: worker-container, "
			       "image: 'w:1', args: [--model=s3://b/w]}]}}, transformer: {containers: [{name: mine, image: 't:1', env: [{name: "
			       "STORAGE_URI, value: 's3://b/t'}]}]}, explainer: {alibi: {image: 'e:1', storageUri: 's3://b/e'}}"),
		  "InferenceService/i x1: predictor=a:1 worker-container=w:1 transformer=t:1 explainer=e:1 [storageUri s3://b/m] [argument "
		  "--model s3://b/w] [env STORAGE_URI s3://b/t] [storageUri s3://b/e]\n" },
		{ SERVICE("i", "predictor: {containers: [{name: kserve-container, image: 'a:1'}, {name: agent, image: 'g:1'}]}, "
			       "explainer: {art: {type: SquareAttack}}"),
		  "InferenceService/i x1: predictor=a:1 agent=g:1 explainer=(image by KServe's own configuration)\n" },
		{ "apiVersion: serving.kserve.io/v1alpha1\nkind: TrainedModel\nmetadata: {name: m, namespace: n}\n"
		  "spec: {inferenceService: i, model: {framework: onnx, storageUri: 'gs://b/m'}}\n",
		  "TrainedModel/m x0: [storageUri gs://b/m]\n" },
		/* large language models */
		{ LLM("replicas: 3, model: {uri: 'pvc://models/llama', lora: {adapters: [{name: a, uri: 'hf://x/a'}]}}, template: {containers: "
		      "[{name: main, image: 'v:1'}]}, worker: {containers: [{name: main, image: 'v:2'}]}, prefill: {template: {containers: "
		      "[{name: main, image: 'v:3', args: [--model=/mnt/models]}]}}"),
		  "LLMInferenceService/l x3: main=v:1 worker=v:2 prefill=v:3 [storageUri pvc://models/llama] [storageUri hf://x/a] "
		  "[argument --model /mnt/models] {persistentVolumeClaim:models at /mnt/models:llama}\n" },
		{ LLM("model: {uri: 'hf://x/y'}, baseRefs: [{name: gpu}, {name: fast}]"),
		  "LLMInferenceService/l x1: main=(image by LLMInferenceServiceConfig gpu, fast, or by KServe's own configuration) "
		  "[storageUri hf://x/y]\n" },
		{ LLM("model: {uri: 'hf://x/y'}, runtime: vllm") CLUSTERS("vllm", "disabled: false", "vllm:1"),
		  "LLMInferenceService/l x1 by vllm: main=vllm:1 [storageUri hf://x/y]\n" },
	};
	(void)state;
	check_rows(rows, RF_COUNT(rows));
}

static void runtimes(void **state)
{
#define ASKS "model: {modelFormat: {name: onnx}}"
	static const struct row rows[] = {
		/* by name: the namespace's before the cluster's */
		{ PREDICTOR("model: {modelFormat: {name: onnx}, runtime: r}") CLUSTERS("r", FORMAT(""), "c:1") OWN("r", FORMAT(""), "n:1"),
		  "InferenceService/i x1 by r: predictor=n:1\n" },
		{ PREDICTOR("model: {modelFormat: {name: onnx}, runtime: r}") CLUSTERS("r", FORMAT(""), "c:1"),
		  "InferenceService/i x1 by r: predictor=c:1\n" },
		{ PREDICTOR("model: {modelFormat: {name: onnx}, runtime: r}"),
		  "InferenceService/i x1 by r: predictor=(image of runtime r, which was not read)\n" },
		{ PREDICTOR("model: {modelFormat: {name: onnx}, runtime: r}") CLUSTERS("r", "disabled: true, " FORMAT(""), "c:1"),
		  "InferenceService/i x1 by r: predictor=(image of ClusterServingRuntime r, which is disabled)\n" },
		/* its other containers, volumes and models come along; an image of the service's own stays */
		{ PREDICTOR("model: {image: 'own:1', runtime: r}")
			  "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata: {name: r, namespace: n}\nspec: {containers: "
			  "[{name: kserve-container, image: 'r:1', args: [--model-repository=/models], volumeMounts: [{name: v, mountPath: "
			  "/models}]}, {name: puller, image: 'p:1'}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}], workerSpec: "
			  "{containers: [{name: worker-container, image: 'w:1'}]}}\n",
		  "InferenceService/i x1 by r: predictor=own:1 puller=p:1 [argument --model-repository /models] {persistentVolumeClaim:c at "
		  "/models: rw}\n" },
		{ PREDICTOR("model: {runtime: r}, workerSpec: {pipelineParallelSize: 2}")
			  "apiVersion: serving.kserve.io/v1alpha1\nkind: ServingRuntime\nmetadata: {name: r, namespace: n}\nspec: {containers: "
			  "[{name: kserve-container, image: 'r:1'}], workerSpec: {containers: [{name: worker-container, image: 'w:1'}]}}\n",
		  "InferenceService/i x1 by r: predictor=r:1 worker-container=w:1\n" },
		/* a version in the tag's place */
		{ PREDICTOR("model: {runtime: r, runtimeVersion: 24.05-py3}") CLUSTERS("r", FORMAT(""), "reg:5000/triton:23.05-py3"),
		  "InferenceService/i x1 by r: predictor=reg:5000/triton:24.05-py3\n" },
		{ PREDICTOR("model: {runtime: r, runtimeVersion: '2'}") CLUSTERS("r", FORMAT(""), "reg:5000/triton"),
		  "InferenceService/i x1 by r: predictor=reg:5000/triton:2\n" },
		{ PREDICTOR("model: {runtime: r, runtimeVersion: '2'}") CLUSTERS("r", FORMAT(""), "t@sha256:" DIGEST_A),
		  "InferenceService/i x1 by r: predictor=(image of t@sha256:" DIGEST_A " in version 2)\n" },
		{ PREDICTOR("model: {runtime: r}") CLUSTERS("r", FORMAT(""), "t@sha256:" DIGEST_A),
		  "InferenceService/i x1 by r: predictor=t@sha256:" DIGEST_A "@aaaa(0)\n" },
		/* by format: the only one; the namespace's first; the higher priority; the lower protocol */
		{ PREDICTOR(ASKS) CLUSTERS("r", FORMAT(""), "c:1"), "InferenceService/i x1 by r: predictor=c:1\n" },
		{ PREDICTOR("onnx: {storageUri: 's3://b/m'}") CLUSTERS("r", "protocolVersions: [v2, grpc-v2], " FORMAT(""), "c:1"),
		  "InferenceService/i x1 by r: predictor=c:1 [storageUri s3://b/m]\n" },
		{ PREDICTOR(ASKS) CLUSTERS("r", FORMAT(", priority: 9"), "c:1") OWN("o", FORMAT(""), "n:1"),
		  "InferenceService/i x1 by o: predictor=n:1\n" },
		{ PREDICTOR(ASKS) CLUSTERS("a", FORMAT(""), "a:1") CLUSTERS("b", FORMAT(", priority: 1"), "b:1")
			  CLUSTERS("c", FORMAT(", priority: 2"), "c:1"),
		  "InferenceService/i x1 by c: predictor=c:1\n" },
		{ PREDICTOR("model: {modelFormat: {name: onnx}, protocolVersion: v2}") CLUSTERS("a", "protocolVersions: [v2], " FORMAT(""), "a:1")
			  CLUSTERS("b", "protocolVersions: [grpc-v2, v1, v2], " FORMAT(""), "b:1"),
		  "InferenceService/i x1 by b: predictor=b:1\n" },
		/* the youngest, which only a cluster tells */
		{ PREDICTOR(ASKS) RUNTIME_META("ClusterServingRuntime", "name: old, creationTimestamp: '2026-01-01T00:00:00Z'", FORMAT(""), "o:1")
			  RUNTIME_META("ClusterServingRuntime", "name: young, creationTimestamp: '2026-02-01T00:00:00Z'", FORMAT(""), "y:1"),
		  "InferenceService/i x1 by young: predictor=y:1\n" },
		{ PREDICTOR(ASKS) CLUSTERS("a", FORMAT(""), "a:1") CLUSTERS("b", FORMAT(""), "b:1") CLUSTERS("z", "disabled: true, " FORMAT(""), "z:1"),
		  "InferenceService/i x1: predictor=(image of a runtime for onnx: ClusterServingRuntime b, ClusterServingRuntime a come first "
		  "alike)\n" },
		/* what does not take the model by itself: other versions, protocols, no autoSelect, disabled, many models, many nodes */
		{ PREDICTOR("model: {modelFormat: {name: onnx, version: '2'}}") CLUSTERS("a", FORMAT(""), "a:1"),
		  "InferenceService/i x1: predictor=(image of a runtime for onnx 2 over v1: none takes it by itself of ClusterServingRuntime a)\n" },
		{ PREDICTOR("model: {modelFormat: {name: onnx, version: '1'}}") CLUSTERS("a", FORMAT(""), "a:1"),
		  "InferenceService/i x1 by a: predictor=a:1\n" },
		{ PREDICTOR(ASKS) CLUSTERS("a", "supportedModelFormats: [{name: onnx}]", "a:1") OWN("b", "disabled: true, " FORMAT(""), "b:1")
			  OWN("c", "multiModel: true, " FORMAT(""), "c:1") OWN("d", "workerSpec: {containers: []}, " FORMAT(""), "d:1")
				  OWN("e", "protocolVersions: [v2], " FORMAT(""), "e:1"),
		  "InferenceService/i x1: predictor=(image of a runtime for onnx over v1: none takes it by itself of ServingRuntime e, "
		  "ServingRuntime d, ServingRuntime c, ServingRuntime b, ClusterServingRuntime a)\n" },
		{ PREDICTOR("model: {modelFormat: {name: tensorrt}}") CLUSTERS("a", FORMAT(""), "a:1"),
		  "InferenceService/i x1: predictor=(image of a runtime for tensorrt: none was read)\n" },
		{ "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: i, namespace: n, annotations: "
		  "{serving.kserve.io/deploymentMode: ModelMesh}}\nspec: {predictor: {" ASKS "}}\n---\n" OWN("c", "multiModel: true, " FORMAT(""), "c:1"),
		  "InferenceService/i x1 by c: predictor=c:1\n" },
	};
	(void)state;
	check_rows(rows, RF_COUNT(rows));
}

#define MADE(kind, api, name, owner_kind, owner, service, part, container, image, status)                                                 \
	"apiVersion: " api "\nkind: " kind "\nmetadata: {name: " name ", namespace: n, labels: {serving.kserve.io/inferenceservice: " service \
	", component: " part "}, ownerReferences: [{controller: true, kind: " owner_kind ", name: " owner "}]}\n" container "[{name: "     \
	"kserve-container, image: '" image "'}]" status "\n---\n"
#define POD(name, owner_kind, owner, service, part, image, digest)                                                                \
	MADE("Pod", "v1", name, owner_kind, owner, service, part, "spec: {containers: ", image,                                    \
	     "}\nstatus: {containerStatuses: [{name: kserve-container, imageID: 'r@sha256:" digest "'}]}")
#define REPLICAS(name, owner, service, part, image)                                                                                 \
	MADE("Deployment", "apps/v1", name, "Revision", owner, service, part, "spec: {template: {spec: {containers: ", image, "}}}")

/* Knative's revision stands between a service and what runs; predictor and transformer have containers of one name. */
static void made(void **state)
{
	static const struct row rows[] = {
		{ SERVICE("i", "predictor: {model: {modelFormat: {name: onnx}}}, transformer: {containers: [{image: 't:1'}]}")
			  CLUSTERS("r", FORMAT(""), "newer:2") REPLICAS("i-p-dep", "i-p", "i", "predictor", "older:1")
				  POD("i-p-1", "Revision", "i-p", "i", "predictor", "older:1", DIGEST_A)
					  POD("i-t-1", "Revision", "i-t", "i", "transformer", "t:1", DIGEST_B),
		  "InferenceService/i x2: transformer=t:1@bbbb(1) predictor=older:1@aaaa(1)\n" },
		/* a service that is not there */
		{ POD("i-p-1", "Revision", "i-p", "gone", "predictor", "a:1", DIGEST_A), "Revision/i-p x1: kserve-container=a:1@aaaa(1)\n" },
		/* what its pods mount and load beside what it says */
		{ SERVICE("i", "predictor: {model: {storageUri: 'pvc://models/a'}}")
			  "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, labels: {serving.kserve.io/inferenceservice: i, component: "
			  "predictor}, annotations: {internal.serving.kserve.io/storage-initializer-sourceuri: 'pvc://models/a'}}\nspec: {containers: "
			  "[{name: kserve-container, image: 'a:1', volumeMounts: [{name: s, mountPath: /mnt/models, subPath: a, readOnly: true}, "
			  "{name: h, mountPath: /cache}]}], initContainers: [{name: storage-initializer, image: 's:1', args: ['s3://b/x', /mnt/x]}], "
			  "volumes: [{name: s, persistentVolumeClaim: {claimName: models}}, {name: h, hostPath: {path: /cache}}]}\n",
		  "InferenceService/i x1: predictor=a:1 init storage-initializer=s:1 [storageUri pvc://models/a] [argument of "
		  "storage-initializer s3://b/x] {persistentVolumeClaim:models at /mnt/models:a} {hostPath:/cache at /cache: rw}\n" },
		/* what its pod has as it says itself is there once */
		{ SERVICE("i", "predictor: {containers: [{name: kserve-container, image: 'a:1', args: [--model=/m/x], volumeMounts: [{name: v, "
			       "mountPath: /m}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}")
			  "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, labels: {serving.kserve.io/inferenceservice: i, component: "
			  "predictor}}\nspec: {containers: [{name: kserve-container, image: 'a:1', args: [--model=/m/x], volumeMounts: [{name: v, "
			  "mountPath: /m}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}\n",
		  "InferenceService/i x1: predictor=a:1 [argument --model /m/x] {persistentVolumeClaim:c at /m: rw}\n" },
		{ LLM("model: {uri: 'hf://x/y'}")
			  "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n, labels: {app.kubernetes.io/part-of: llminferenceservice, "
			  "app.kubernetes.io/name: l, app.kubernetes.io/component: llminferenceservice-workload-prefill}}\nspec: {containers: [{name: "
			  "main, image: 'v:1'}]}\n",
		  "LLMInferenceService/l x1: prefill=v:1 main=(image by KServe's own configuration) [storageUri hf://x/y]\n" },
	};
	(void)state;
	check_rows(rows, RF_COUNT(rows));
	struct kube_set s;
	read_all(&s, rows[0].text);
	assert_int_equal(s.findings_n, 0);
	kube_set_release(&s);
}

/* As many models as a workload may have, again with each of its pods: none is left out. */
static void many_models(void **state)
{
	RF_AUTO(str) text = STR_INIT(256 * KIB);
	struct kube_set s;
	(void)state;
	str_add_text(&text, "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: i, namespace: n}\nspec: {predictor: "
			    "{storageUris: [");
	for (int i = 0; i < KUBE_MAX_MODELS; i++)
		str_addf(&text, "%s{uri: 's3://b/%d'}", i ? ", " : "", i);
	str_add_text(&text, "]}}\n---\n");
	for (int i = 0; i < 3; i++)
		str_addf(&text, "apiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: n, labels: {serving.kserve.io/inferenceservice: i}, "
				"annotations: {internal.serving.kserve.io/storage-initializer-sourceuri: 's3://b/7'}}\n---\n", i);
	read_all(&s, str_text(&text));
	assert_int_equal(s.workloads[0].models_n, KUBE_MAX_MODELS);
	assert_int_equal(s.workloads[0].models_left_out, 0);
	kube_set_release(&s);
}

static void shared_claims(void **state)
{
#define WRITES "annotations: {storage.kserve.io/readonly: 'false'}, "
#define ON(uri) "model: {image: 'a:1', storageUri: '" uri "'}"
	static const struct {
		const char *text;
		const char *subject; /* NULL: no finding */
	} rows[] = {
		{ SERVICE("a", "predictor: {" WRITES ON("pvc://c/m") "}") SERVICE("b", "predictor: {" ON("pvc://c/m/1") "}"),
		  "persistentVolumeClaim:c" },
		{ SERVICE("a", "predictor: {" WRITES ON("pvc://c/m") "}") SERVICE("b", "predictor: {" ON("pvc://c/x") "}"), NULL },
		{ SERVICE("a", "predictor: {" ON("pvc://c/m") "}") SERVICE("b", "predictor: {" ON("pvc://c/m") "}"), NULL },
		{ SERVICE("a", "predictor: {" ON("pvc://c/m") "}")
			  "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n}\nspec: {template: {spec: {containers: [{name: c, "
			  "image: 'b:1', volumeMounts: [{name: v, mountPath: /out}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]}}}\n",
		  "persistentVolumeClaim:c" },
		{ SERVICE("a", "predictor: {" WRITES "model: {image: 'a:1'}, storageUris: [{uri: 'pvc://c/x', mountPath: /x}]}")
			  SERVICE("b", "predictor: {" ON("pvc://c/y") "}"),
		  "persistentVolumeClaim:c" },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct kube_set s;
		read_all(&s, rows[i].text);
		if ((s.findings_n == 1) != (rows[i].subject != NULL) ||
		    (rows[i].subject && (strcmp(s.findings[0].subject, rows[i].subject) != 0 ||
					 strcmp(s.findings[0].rule, "shared_writable_volume") != 0)))
			fail_msg("row %zu: %zu findings", i, s.findings_n);
		kube_set_release(&s);
	}
}

/* Whose image it is that writes and reads: of the container that has the claim, not of the one that is written first. */
static void who_shares(void **state)
{
	struct kube_set s;
	(void)state;
	read_all(&s, SERVICE("a", "transformer: {containers: [{name: t, image: 'other:1'}]}, predictor: {" WRITES ON("pvc://c/m") "}")
			     "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n}\nspec: {template: {spec: {containers: [{name: "
			     "side, image: 'side:1'}, {name: c, image: 'b:1', volumeMounts: [{name: v, mountPath: /in, readOnly: true}]}], volumes: "
			     "[{name: v, persistentVolumeClaim: {claimName: c}}]}}}\n");
	assert_int_equal(s.findings_n, 1);
	assert_non_null(strstr(s.findings[0].text, "InferenceService/a (a:1) can write to it, Deployment/d (b:1) reads it"));
	kube_set_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services), cmocka_unit_test(runtimes), cmocka_unit_test(made), cmocka_unit_test(many_models),
		cmocka_unit_test(shared_claims), cmocka_unit_test(who_shares),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
