/* Kubernetes: manifests of every form, owners, digests of running pods, shared volumes, kubeconfigs. */
#include "testing.h"

#include "base/fs.h"
#include "inventory/kubernetes.h"
#include "inventory/kubernetes_config.h"
#include "inventory/kubernetes_detail.h"

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct kube_labels labels = { "app.kubernetes.io/name", "team", "team/contact" };

static void read_all(struct kube_set *s, const char *text)
{
	struct err err = ERR_INIT;
	assert_ok(kube_set_init(s, &labels, "default", &err), &err);
	assert_ok(kube_read(s, span_of(text), "manifest", &err), &err);
	assert_ok(kube_set_join(s, &err), &err);
}

/* "Deployment/ns/name x2: container c=ref@digest12(pods) ...", those that count, one a line */
static void show(const struct kube_set *s, struct str *to)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct kube_workload *w = &s->workloads[i];
		if (w->owned)
			continue;
		str_addf(to, "%s/%s/%s x%lld:", w->kind, w->namespace_, w->name, (long long)w->replicas);
		for (size_t c = 0; c < w->containers_n; c++)
			for (size_t k = 0; k < w->containers[c].images_n; k++) {
				const struct kube_image *m = &w->containers[c].images[k];
				str_addf(to, " %s %s=%s", kube_role_text(w->containers[c].role), w->containers[c].name, m->reference);
				if (m->digest[0])
					str_addf(to, "@%.4s(%lld)", m->digest, (long long)m->pods);
			}
		for (size_t m = 0; m < w->models_n; m++)
			str_addf(to, " [%s %s]", w->models[m].where, w->models[m].uri);
		str_add_text(to, "\n");
	}
}

static void manifests(void **state)
{
	static const struct {
		const char *text, *want;
		size_t skipped;
	} rows[] = {
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: a:1}]}\n",
		  "Pod/default/p x1: container c=a:1\n", 0 },
		{ "# head\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n}\nspec:\n  replicas: 3\n"
		  "  template:\n    spec:\n      initContainers: [{name: i, image: init:1}]\n      containers:\n      - name: c\n"
		  "        image: a@sha256:" DIGEST_A "\n        args: [--model-repository=/models, --verbose]\n"
		  "        env: [{name: MODEL_PATH, value: /models/det}, {name: TOKEN, value: geheim}, {name: MODEL_KEY, valueFrom: "
		  "{secretKeyRef: {name: s, key: k}}}]\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
		  "stringData: {model: /models/x}\n---\n",
		  "Deployment/n/d x3: container c=a@sha256:" DIGEST_A "@aaaa(0) init i=init:1 [env MODEL_PATH /models/det] "
		  "[argument --model-repository /models]\n",
		  1 },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"batch/v1\",\"kind\":\"CronJob\",\"metadata\":"
		  "{\"name\":\"j\",\"namespace\":\"n\"},\"spec\":{\"jobTemplate\":{\"spec\":{\"template\":{\"spec\":{\"containers\":[{"
		  "\"name\":\"c\",\"image\":\"a:1\"}]}}}}}},{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"x\"}}]}",
		  "CronJob/n/j x0: container c=a:1\n", 1 },
		{ "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSetList\",\"items\":[{\"metadata\":{\"name\":\"d\"},\"spec\":{\"template\":"
		  "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"a\"}]}}},\"status\":{\"desiredNumberScheduled\":7}}]}",
		  "DaemonSet/default/d x7: container c=a\n", 0 },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: a:1, volumeMounts: [{name: m, "
		  "mountPath: /models}]}]\n  volumes: [{name: m, image: {reference: 'reg/models:1', pullPolicy: Always}}]\n",
		  "Pod/default/p x1: container c=a:1 volume m=reg/models:1\n", 0 },
		{ "{\"kind\":\"Service\",\"apiVersion\":\"v1\"}\n---\n{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"},"
		  "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"a:1\"}]}}\n",
		  "Pod/default/p x1: container c=a:1\n", 1 },
		/* done, so it runs nothing */
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: a:1}]}\nstatus: {phase: "
		  "Succeeded}\n",
		  "", 0 },
		/* an annotation of the object, and of its pods */
		{ "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, annotations: {site/model-uri: 's3://b/m', note: models}}\n"
		  "spec: {template: {metadata: {annotations: {site/engine: /models/a.plan}}, spec: {containers: [{name: c, image: a:1}]}}}\n",
		  "Deployment/default/d x1: container c=a:1 [annotation site/model-uri s3://b/m] [annotation site/engine /models/a.plan]\n",
		  0 },
		/* of another group: not Kubernetes' own */
		{ "apiVersion: example.org/v1\nkind: Deployment\nmetadata: {name: d}\n", "", 1 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct kube_set s;
		RF_AUTO(str) got = STR_INIT(64 * KIB);
		read_all(&s, rows[i].text);
		show(&s, &got);
		assert_string_equal(str_text(&got), rows[i].want);
		assert_int_equal(s.skipped, rows[i].skipped);
		kube_set_release(&s);
	}
}

/* One set for one object after another. */
static void again(void **state)
{
	static const char pod[] = "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":"
				  "[{\"name\":\"c\",\"image\":\"a:1\"}]}}";
	struct kube_set s;
	struct err err = ERR_INIT;
	(void)state;
	assert_ok(kube_set_init(&s, &labels, "default", &err), &err);
	for (unsigned i = 0; i < 3; i++) {
		RF_AUTO(str) got = STR_INIT(64 * KIB);
		assert_ok(kube_set_reset(&s, SPAN("other"), &err), &err);
		assert_ok(kube_read(&s, span_of(pod), "pod.json", &err), &err);
		show(&s, &got);
		assert_string_equal(str_text(&got), "Pod/other/p x1: container c=a:1\n");
	}
	kube_set_release(&s);
}

static void refusals(void **state)
{
	static const struct {
		const char *text;
		int64_t line;
	} rows[] = {
		{ "{\"kind\":", 0 },
		{ "apiVersion: v1\nkind: [", 3 },
		{ "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n---\nno object\n", 4 },
		{ "kind: Pod\napiVersion: v1\n", 1 },
		{ "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: a/b}\n", 1 },
		{ "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: \"a\\nb\"}\n", 1 },
		{ "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: -a}\n", 1 },
		{ "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: a.b}\n", 1 },
		{ "kind: Pod\napiVersion: v1\nmetadata: {name: p, namespace: a123456789012345678901234567890123456789012345678901234567890123}\n",
		  1 },
		{ "a: &x 1\nb: *x\n", 1 },
		{ "{{ if .Values.x }}\nkind: Pod\n{{ end }}\n", 1 },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct kube_set s;
		struct err err = ERR_INIT;
		assert_ok(kube_set_init(&s, &labels, "default", &err), &err);
		int rc = kube_read(&s, span_of(rows[i].text), "bad.yaml", &err);
		if (rc != RF_EFORMAT || (rows[i].line && err.line != rows[i].line) || strcmp(err.file, "bad.yaml") != 0 || s.count)
			fail_msg("%s: %s, line %lld, file %s", rows[i].text, rf_error_name(rc), (long long)err.line, err.file);
		kube_set_release(&s);
	}
}

/* A Deployment, its ReplicaSets, their pods; a pod of a Rollout that is not read; a lone pod. */
static void owners(void **state)
{
#define POD(name, owner_kind, owner, id)                                                                                    \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: n, ownerReferences: [{controller: true, kind: " owner_kind \
	", name: " owner "}]}\nspec: {containers: [{name: c, image: 'a:1'}]}\nstatus: {containerStatuses: [{name: c, imageID: '" id  \
	"'}]}\n---\n"
	static const char text[] =
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: n, labels: {app.kubernetes.io/name: voice, team: "
		"speech}, annotations: {team/contact: '#speech'}}\nspec: {replicas: 3, template: {spec: {containers: [{name: c, image: "
		"'a:1'}]}}}\n---\n"
		"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: d-1, namespace: n, ownerReferences: [{controller: true, kind: "
		"Deployment, name: d}]}\nspec: {template: {spec: {containers: [{name: c, image: 'a:1'}]}}}\n---\n"
		POD("d-1-x", "ReplicaSet", "d-1", "docker-pullable://a@sha256:" DIGEST_A)
		POD("d-1-y", "ReplicaSet", "d-1", "reg/a@sha256:" DIGEST_B)
		POD("d-1-z", "ReplicaSet", "d-1", "reg/a@sha256:" DIGEST_B)
		POD("d-1-w", "ReplicaSet", "d-1", "sha256:" DIGEST_A)
		POD("r-1", "Rollout", "r", "a@sha256:" DIGEST_A)
		POD("r-2", "Rollout", "r", "a@sha256:" DIGEST_A);
	struct kube_set s;
	RF_AUTO(str) got = STR_INIT(64 * KIB);
	(void)state;
	read_all(&s, text);
	show(&s, &got);
	assert_string_equal(str_text(&got), "Deployment/n/d x3: container c=a:1@bbbb(2) container c=a:1@aaaa(1)\n"
					    "Rollout/n/r x2: container c=a:1@aaaa(2)\n");
	assert_string_equal(s.workloads[0].service, "voice");
	assert_string_equal(s.workloads[0].service_owner, "speech");
	assert_string_equal(s.workloads[0].contact, "#speech");
	assert_int_equal(s.findings_n, 1);
	assert_string_equal(s.findings[0].rule, "two_releases_run");
	assert_string_equal(s.findings[0].subject, "Deployment/d/container/c");
	kube_set_release(&s);
}

/* Who owns each other must not vanish; who stands twice is told. */
static void odd_owners(void **state)
{
#define OWNED(name, owner)                                                                                                      \
	"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: " name ", ownerReferences: [{controller: true, kind: ReplicaSet, "  \
	"name: " owner "}]}\nspec: {template: {spec: {containers: [{name: c, image: 'a:1'}]}}}\n---\n"
	static const char *const texts[] = { OWNED("a", "a"), OWNED("a", "b") OWNED("b", "a"),
					     OWNED("a", "b") OWNED("b", "c") OWNED("c", "a") };
	(void)state;
	for (size_t i = 0; i < RF_COUNT(texts); i++) {
		struct kube_set s;
		size_t counted = 0;
		read_all(&s, texts[i]);
		for (size_t k = 0; k < s.count; k++)
			counted += !s.workloads[k].owned;
		assert_true(counted > 0);
		kube_set_release(&s);
	}
	struct kube_set s;
	read_all(&s, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: a:1}]}\n---\n"
		     "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: a:2}]}\n");
	assert_int_equal(s.findings_n, 1);
	assert_string_equal(s.findings[0].rule, "defined_twice");
	kube_set_release(&s);
}

static void shared_volumes(void **state)
{
#define SHARE(kind, name, image, mount, volume)                                                                              \
	"apiVersion: apps/v1\nkind: " kind "\nmetadata: {name: " name "}\nspec: {template: {spec: {containers: [{name: c, image: '" image \
	"', volumeMounts: [{name: models, mountPath: /models" mount "}]}], volumes: [{name: models, " volume "}]}}}\n---\n"
#define CLAIM "persistentVolumeClaim: {claimName: models}"
	static const struct {
		const char *text;
		const char *subject; /* NULL: no finding */
	} rows[] = {
		{ SHARE("Deployment", "stable", "a:1", "", CLAIM) SHARE("Deployment", "canary", "a:2", ", readOnly: true", CLAIM),
		  "persistentVolumeClaim:models" },
		{ SHARE("Deployment", "stable", "a:1", ", readOnly: true", CLAIM)
			  SHARE("Deployment", "canary", "a:2", ", readOnly: true", CLAIM),
		  NULL },
		{ SHARE("Deployment", "stable", "a:1", ", subPath: stable", CLAIM)
			  SHARE("Deployment", "canary", "a:2", ", subPath: canary", CLAIM),
		  NULL },
		{ SHARE("Deployment", "stable", "a:1", ", subPath: det", CLAIM) SHARE("Deployment", "canary", "a:2", "", CLAIM),
		  "persistentVolumeClaim:models" },
		{ SHARE("Deployment", "one", "a:1", "", CLAIM), NULL },
		{ SHARE("Deployment", "a", "a:1", "", "nfs: {server: s, path: /x}") SHARE("StatefulSet", "b", "a:1", "", "nfs: {server: "
														    "s, path: /x}"),
		  "nfs:s:/x" },
		{ SHARE("Deployment", "a", "a:1", "", "emptyDir: {}") SHARE("Deployment", "b", "a:2", "", "emptyDir: {}"), NULL },
		{ SHARE("Deployment", "a", "a:1", "", "persistentVolumeClaim: {claimName: models, readOnly: true}")
			  SHARE("Deployment", "b", "a:2", "", "persistentVolumeClaim: {claimName: models, readOnly: true}"),
		  NULL },
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

static void names_of_models(void **state)
{
	static const struct {
		const char *holder, *value;
		bool is;
	} rows[] = {
		{ "MODEL_PATH", "/models/det", true },      { "--model-repository", "s3://b/m", true },
		{ "MODEL_NAME", "det", false },             { "", "/opt/engines/det.plan", true },
		{ "", "det.engine", true },                 { "PASSWORD", "/abc", false },
		{ "STORAGE_URI", "oci+native://r/m:1", true },
		{ "STORAGE_URI", "pvc://models/x", true },  { "", "https://host/x.onnx?sig=1", true },
		{ "DATABASE_URL", "https://host/", false }, { "ENGINE_DIR", "/e", true },
		{ "MODEL", "", false },                     { "MODEL", "/", false },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (kube_names_model(span_of(rows[i].holder), span_of(rows[i].value)) != rows[i].is)
			fail_msg("%s %s", rows[i].holder, rows[i].value);
}

static void image_ids(void **state)
{
	static const struct {
		const char *id;
		bool has;
	} rows[] = {
		{ "docker-pullable://nginx@sha256:" DIGEST_A, true }, { "docker.io/library/nginx@sha256:" DIGEST_A, true },
		{ "sha256:" DIGEST_A, false },                        { "", false },
		{ "a@sha256:abc", false },                            { "a@sha256:AAAA" DIGEST_A, false },
		{ "a@md5:" DIGEST_A, false },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		assert_int_equal(kube_image_id_digest(span_of(rows[i].id)).n == 64, rows[i].has);
}

/* ── kubeconfig ──────────────────────────────────────────────────────────────────────────────────────────────────── */

#define CONFIG(cluster, user)                                                                                              \
	"apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: k, user: u, namespace: ns}}]\n" \
	"clusters:\n- name: k\n  cluster: {" cluster "}\nusers:\n- name: u\n  user: {" user "}\n"
#define HTTPS "server: 'https://10.0.0.1:6443/'"

static void kubeconfigs(void **state)
{
	static const struct {
		const char *text, *context;
		int code;
		const char *field;
	} rows[] = {
		{ CONFIG(HTTPS ", certificate-authority-data: 'cGVt'", "token: abc"), NULL, 0, NULL },
		{ CONFIG("server: 'http://127.0.0.1:8001'", ""), "c", 0, NULL },
		{ CONFIG("server: 'http://10.0.0.1:8001'", ""), NULL, RF_EVERIFY, "server" },
		{ CONFIG("server: 'http://127.0.0.1.example.org'", ""), NULL, RF_EVERIFY, "server" },
		{ CONFIG(HTTPS ", insecure-skip-tls-verify: true", "token: abc"), NULL, RF_EVERIFY, "insecure-skip-tls-verify" },
		{ CONFIG(HTTPS ", tls-server-name: x", "token: abc"), NULL, RF_EUNSUPPORTED, "tls-server-name" },
		{ CONFIG(HTTPS, "exec: {command: aws}"), NULL, RF_EUNSUPPORTED, "exec" },
		{ CONFIG(HTTPS, "username: a, password: b"), NULL, RF_EUNSUPPORTED, "username" },
		{ CONFIG(HTTPS, "client-key-data: 'cGVt'"), NULL, RF_EFORMAT, "client-certificate" },
		{ CONFIG(HTTPS ", certificate-authority-data: '!'", ""), NULL, RF_EFORMAT, "certificate-authority-data" },
		{ CONFIG("server: ftp://x", ""), NULL, RF_EFORMAT, "server" },
		{ CONFIG("", ""), NULL, RF_EFORMAT, "server" },
		{ CONFIG(HTTPS, ""), "other", RF_ENOTFOUND, "contexts" },
		{ CONFIG(HTTPS, "tokenFile: not-there"), NULL, RF_ENOTFOUND, NULL },
		{ "kind: Config\n", NULL, RF_ENOTFOUND, "current-context" },
	};
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
		struct err err = ERR_INIT;
		struct kube_access access;
		int rc = kube_config_read(span_of(rows[i].text), "config", "/nowhere", rows[i].context, &a, &access, &err);
		if (rc != rows[i].code || (rows[i].field && strcmp(err.field, rows[i].field) != 0))
			fail_msg("row %zu: %s, %s: %s", i, rf_error_name(rc), err.field, err.text);
		if (rc == 0)
			assert_string_equal(access.namespace_, "ns");
		if (i == 0) {
			assert_string_equal(access.server, "https://10.0.0.1:6443");
			assert_string_equal(access.token, "abc");
			assert_true(span_eq_text(access.ca, "pem"));
		}
	}
}

static void keys_of_others(void **state)
{
	char folder[FS_PATH_MAX], path[FS_PATH_MAX];
	struct err err = ERR_INIT;
	struct kube_access access;
	RF_AUTO(arena) a = ARENA_INIT(1 * MIB);
	(void)state;
	assert_ok(fs_temporary_dir("kube", folder, sizeof folder, &err), &err);
	assert_ok(fs_join(path, sizeof path, folder, "token", &err), &err);
	assert_ok(fs_write_atomic(path, SPAN("abc\n"), 0644, &err), &err);
	static const char text[] = CONFIG(HTTPS, "tokenFile: token");
	assert_int_equal(kube_config_read(SPAN(text), "config", folder, NULL, &a, &access, &err), RF_EPERM);
	assert_ok(fs_write_atomic(path, SPAN("abc\n"), 0600, &err), &err);
	assert_ok(kube_config_read(SPAN(text), "config", folder, NULL, &a, &access, &err), &err);
	assert_string_equal(access.token, "abc");
	assert_ok(fs_remove_tree(folder, &err), &err);
}

/* What is written of a container is read as the same workload, and written as the same again. */
static void details(void **state)
{
	(void)state;
	struct kube_set s;
	read_all(&s, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: asr, namespace: n, labels: {team: speech}}\nspec:\n  replicas: 3\n"
		     "  template:\n    spec:\n      initContainers: [{name: f, image: 'r/f:1'}]\n      containers:\n      - name: c\n        image: 'r/a:1'\n"
		     "        volumeMounts: [{name: m, mountPath: /models, subPath: asr}]\n        env: [{name: MODEL_PATH, value: /models/a.plan}]\n"
		     "      volumes: [{name: m, persistentVolumeClaim: {claimName: models}}]\n");
	for (size_t i = 0; i < s.workloads[0].containers_n; i++) {
		struct kube_workload w;
		struct err err = ERR_INIT;
		RF_AUTO(str) first = STR_INIT(64 * KIB);
		RF_AUTO(str) second = STR_INIT(64 * KIB);
		struct json_out o = json_out(&first, false);
		kube_detail_json(&o, &s.workloads[0], &s.workloads[0].containers[i], 0, NULL);
		struct json root;
		assert_ok(json_parse(s.doc, str_span(&first), &root, &err), &err);
		assert_ok(kube_detail_read(root, &s.arena, &w, &err), &err);
		assert_int_equal(w.replicas, 3);
		assert_string_equal(w.volumes[0].identity, "persistentVolumeClaim:models");
		o = json_out(&second, false);
		kube_detail_json(&o, &w, w.containers, 0, NULL);
		assert_string_equal(str_text(&first), str_text(&second));
		assert_ok(json_parse(s.doc, SPAN("{\"source\":\"process\"}"), &root, &err), &err);
		assert_int_equal(kube_detail_read(root, &s.arena, &w, &err), RF_EFORMAT);
	}
	kube_set_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(manifests),      cmocka_unit_test(refusals),
					    cmocka_unit_test(again),
					    cmocka_unit_test(owners),         cmocka_unit_test(odd_owners),
					    cmocka_unit_test(shared_volumes), cmocka_unit_test(names_of_models),
					    cmocka_unit_test(image_ids),      cmocka_unit_test(kubeconfigs),
					    cmocka_unit_test(keys_of_others), cmocka_unit_test(details) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
