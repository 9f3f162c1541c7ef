#!/usr/bin/env python3
"""`reforge scan k8s:` against a real API server, with no more rights than the observe profile gives."""
import json, os, re, time
from cluster import Cluster, wait_for
from tap import *

OBSERVE = ROOT / "deploy/kubernetes/observe"
A, B = "a" * 64, "b" * 64
KINDS = {"pods", "replicationcontrollers", "deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs",
         "inferenceservices", "llminferenceservices", "trainedmodels", "servingruntimes", "clusterservingruntimes"}
PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE   # the sanitizers look on

def template(image, labels, claim=None, init=None, **spec):
    server = {"name": "server", "image": image, "env": [{"name": "MODEL_PATH", "value": "/models/asr.plan"}, {"name": "PASSWORD", "value": "geheim"}]}
    if claim:
        server["volumeMounts"] = [{"name": "models", "mountPath": "/models"}]
        spec["volumes"] = [{"name": "models", "persistentVolumeClaim": {"claimName": claim}}]
    if init:
        spec["initContainers"] = [{"name": "fetch", "image": init}]
    return {"metadata": {"labels": labels}, "spec": {"containers": [server], **spec}}

def workload(kind, name, namespace, image, labels=None, api="apps/v1", **more):
    own = {"app": name}
    spec = {"selector": {"matchLabels": own}, "template": template(image, own, more.pop("claim", None), more.pop("init", None)), **more}
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, "spec": spec}

OWNED = {"app.kubernetes.io/name": "voice", "team": "speech"}
OBJECTS = [
    *[{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": n}} for n in ("speech", "lab")],
    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "models", "namespace": "lab"},
     "spec": {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "lab"}, "stringData": {"password": "geheim"}},
    workload("Deployment", "asr", "speech", f"registry.example/asr@sha256:{A}", OWNED, replicas=3),
    workload("StatefulSet", "tts", "speech", "registry.example/tts:1", {"app.kubernetes.io/name": "read", "team": "reading"}, replicas=1, serviceName="tts"),
    workload("DaemonSet", "agent", "lab", f"registry.example/agent@sha256:{B}"),
    workload("Deployment", "stable", "lab", "registry.example/det:1", claim="models", init="registry.example/fetch:1", replicas=0),
    workload("Deployment", "canary", "lab", "registry.example/det:2", claim="models", replicas=0),
    {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "calibrate", "namespace": "lab"},
     "spec": {"template": template("registry.example/calibrate:1", {}, restartPolicy="Never")}},
    {"apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"name": "night", "namespace": "lab"},
     "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template("registry.example/night:1", {}, restartPolicy="Never")}}}},
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone", "namespace": "lab"}, "spec": template("registry.example/alone:1", {})["spec"]},
]
SERVING = [
    {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ClusterServingRuntime", "metadata": {"name": "triton"},
     "spec": {"supportedModelFormats": [{"name": "tensorrt", "version": "8"}], "containers": [{"name": "kserve-container", "image": "nvcr.io/nvidia/tritonserver:24.05-py3"}]}},
    {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "ocr", "namespace": "speech", "labels": {"app.kubernetes.io/name": "ocr", "team": "vision"}},
     "spec": {"predictor": {"model": {"modelFormat": {"name": "tensorrt"}, "runtime": "triton", "storageUri": "s3://models/ocr/3?token=geheim"}}}},
    {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "detect", "namespace": "lab", "labels": {"app.kubernetes.io/name": "det"}},
     "spec": {"predictor": {"model": {"modelFormat": {"name": "onnx"}, "storageUri": "pvc://weights/det/1"}},
              "transformer": {"containers": [{"name": "kserve-container", "image": f"registry.example/resize@sha256:{B}"}]}}},
    {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "LLMInferenceService", "metadata": {"name": "chat", "namespace": "speech"},
     "spec": {"model": {"uri": "hf://maker/chat", "name": "chat"}, "replicas": 2, "template": {"containers": [{"name": "main", "image": "registry.example/vllm:1"}]}}},
    {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "TrainedModel", "metadata": {"name": "street", "namespace": "speech"},
     "spec": {"inferenceService": "ocr", "model": {"framework": "triton", "storageUri": "s3://models/street/1", "memory": "1Gi"}}},
]
def runtime(name, image):
    return {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ClusterServingRuntime", "metadata": {"name": name},
            "spec": {"supportedModelFormats": [{"name": "onnx", "version": "1", "autoSelect": True}], "protocolVersions": ["v1", "v2"],
                     "containers": [{"name": "kserve-container", "image": image}]}}

def site_of(name):
    site = folder() / name
    run("init", site, program=PROGRAM)
    (site / "reforge.yaml").write_text("site: test\nenvironments: {production: {}, staging: {}}\n"
                                       "kubernetes: {owner_label: team, namespaces: {speech: production, lab: staging}}\n")
    return site

def scan(config, *args, site=None, timeout=300):
    return run("scan", "--json", *args, site=site, env={"KUBECONFIG": str(config)}, program=PROGRAM, timeout=timeout)

def placements(site, *args):
    return {p["path"]: p for p in run("inventory", "list", "--all", "--json", *args, site=site, program=PROGRAM).lines()}

cluster = Cluster(nodes=2)

def profile():
    """The observe profile on the real server: taken as it stands, and what its account may do."""
    global account
    cluster.kubectl("apply", "-f", OBSERVE.parent / "namespace.yaml")
    rendered = cluster.kubectl("kustomize", OBSERVE)
    # the server is of 1.20, which serves CronJob as v1beta1 with the same fields
    old = re.sub(r"apiVersion: batch/v1\nkind: CronJob", "apiVersion: batch/v1beta1\nkind: CronJob", rendered.out)
    a = cluster.kubectl("apply", "--validate=true", "-f", "-", stdin=old)
    ok(rendered.status == 0 and a.status == 0 and a.out.count("created") == 6, "observe: the server takes every object of the profile, by its schema", rendered.err, a)
    token = cluster.account_token("reforge", "reforge-observe")
    account = cluster.kubeconfig("observe", token)
    status, review = cluster.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                                  {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": "lab"}}, token=token)
    # every account may ask what it may do, and read where the API is served
    own = [r for r in review["status"]["resourceRules"] if "authorization.k8s.io" not in r["apiGroups"]]
    ok(status == 201 and {v for r in own for v in r["verbs"]} == {"get", "list"} and {k for r in own for k in r["resources"]} == KINDS,
       "observe: its account may get and list the kinds that are read, and nothing else", own)
    refused = [cluster.call("GET", p, token=token)[0] for p in ("/api/v1/secrets", "/api/v1/namespaces/lab/secrets/s", "/api/v1/configmaps", "/api/v1/nodes")]
    refused.append(cluster.call("DELETE", "/apis/apps/v1/namespaces/speech/deployments/asr", token=token)[0])
    refused.append(cluster.call("POST", "/api/v1/namespaces/lab/pods", OBJECTS[-1], token=token)[0])
    refused.append(cluster.call("GET", "/api/v1/namespaces/lab/pods?watch=true", token=token)[0])
    refused.append(cluster.call("GET", "/api/v1/namespaces/lab/pods/alone/log", token=token)[0])
    ok(set(refused) == {403}, "observe: Secrets, ConfigMaps, logs, watches and every write are refused", refused)

def whole():
    """All kinds, before and after KServe is there."""
    cluster.apply(*OBJECTS)
    cluster.wait_nodes()
    wait_for(lambda: len([p for p in cluster.call("GET", "/api/v1/namespaces/speech/pods")[1]["items"] if p["status"]["phase"] == "Running"]) == 4,
             120, "the pods of namespace speech run", 0.5)
    site = site_of("whole")
    r = scan(account, "k8s:observe", site=site)
    have = placements(site)
    ok(r.status == 3 and set(have) == {"Deployment/asr/container/server", "Deployment/stable/init/fetch", "StatefulSet/tts/container/server", "DaemonSet/agent/container/server",
                     "Deployment/stable/container/server", "Deployment/canary/container/server", "Job/calibrate/container/server",
                     "CronJob/night/container/server", "Pod/alone/container/server", "CronJob/reforge-observe/init/workspace", "CronJob/reforge-observe/container/scan"},
       "each workload once, whatever its controllers made; without KServe too", r, sorted(have))
    asr = have["Deployment/asr/container/server"]
    ok(asr["host"] == "k8s:test/speech" and asr["service"] == "voice" and asr["environment"] == "production" and asr["sha256"] == A,
       "service and owner by label, environment by namespace, content by digest", asr)
    told = next(l for l in r.lines() if l.get("path") == "Deployment/asr/container/server")["workload"]
    ok(told["replicas"] == 3 and told["owner"] == "speech" and {"where": "env MODEL_PATH", "uri": "/models/asr.plan", "container": "server"} in told["models"], "replicas, owner, and the model that an env names", told)
    shared = [l for l in r.lines() if l["kind"] == "finding"]
    ok([f["rule"] for f in shared] == ["shared_writable_volume"] and shared[0]["subject"] == "persistentVolumeClaim:models", "two releases on one writable claim are told", shared)
    ok("geheim" not in r.out, "no Secret and no password of an env is told")
    services = (site / "services/kubernetes-test.yaml").read_text()
    ok('"voice"' in services and '"reading"' in services, "services with owners by label are written for the workspace", services)
    a = cluster.kubectl("apply", "-f", ROOT / "tests/kubernetes/kserve.yaml")
    wait_for(lambda: cluster.call("GET", "/apis/serving.kserve.io/v1beta1/inferenceservices")[0] == 200, 30, "KServe's kinds are served")
    for kind in ("clusterservingruntimes", "llminferenceservices", "trainedmodels"):
        wait_for(lambda: cluster.call("GET", f"/apis/serving.kserve.io/v1alpha1/{kind}")[0] == 200, 30, f"KServe's {kind} are served")
    cluster.apply(*SERVING, runtime("first", "registry.example/triton:23.05"))
    time.sleep(1.1)                 # the server's clock of creation counts seconds
    cluster.apply(runtime("second", "registry.example/triton:24.05"))
    r = scan(account, "k8s:observe", site=site)
    have = placements(site)
    model = have.get("InferenceService/ocr/model/0", {})
    shown = run("inventory", "show", "--json", "InferenceService/ocr/model/0", site=site, program=PROGRAM)
    ok(model.get("service") == "ocr" and model.get("model") == "ocr" and "ClusterServingRuntime/triton/container/kserve-container" in have and
       "s3://models/ocr/3" in shown.out and "geheim" not in r.out + shown.out,
       "KServe: the service's model by its address, without what stands behind it, and the runtime that serves it", a, shown, sorted(have))
    told = {l["path"]: l["workload"] for l in r.lines() if l.get("path")}
    images = {p: told.get(f"{p}", {}).get("image") for p in ("InferenceService/ocr/container/predictor", "InferenceService/detect/container/predictor",
                                                              "InferenceService/detect/container/transformer", "LLMInferenceService/chat/container/main")}
    ok(list(images.values()) == ["nvcr.io/nvidia/tritonserver:24.05-py3", "registry.example/triton:24.05", f"registry.example/resize@sha256:{B}", "registry.example/vllm:1"],
       "KServe: each server's image, by the runtime that is named, or the youngest that is chosen for its format, or its own", images, sorted(told))
    detect = told.get("InferenceService/detect/container/predictor", {})
    ok([(v["volume"], v["mounted_at"], v["writable"]) for v in detect.get("volumes", [])] == [("persistentVolumeClaim:weights", "/mnt/models", False)] and
       {"InferenceService/detect/model/0", "LLMInferenceService/chat/model/0", "TrainedModel/street/model/0"} <= set(have),
       "KServe: a claim that a model lies on is a volume; models of an LLM service and a trained model are placements", detect, sorted(have))
    server = next((l for l in r.lines() if l.get("path") == "InferenceService/ocr/container/predictor"), {})
    ok(server.get("service") == "ocr" and server["workload"]["image"] == "nvcr.io/nvidia/tritonserver:24.05-py3" and server["workload"]["owner"] == "vision" and
       have["InferenceService/ocr/container/predictor"]["environment"] == "production", "its server is its runtime's, with the service and its owner", server)

def history():
    site = folder() / "whole"
    time.sleep(1.1)
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    cluster.kubectl("-n", "lab", "delete", "deployment", "canary", "--wait=false")
    wait_for(lambda: cluster.call("GET", "/apis/apps/v1/namespaces/lab/deployments/canary")[0] == 404, 30, "the deployment is gone")
    r = scan(account, "k8s:observe", site=site)
    now, then = placements(site), placements(site, "--at", before)
    ok("Deployment/canary/container/server" not in now and "Deployment/canary/container/server" in then, "what is deleted is gone, and was there before", r, sorted(then))
    r = run("inventory", "findings", "--json", "--gone", site=site, program=PROGRAM)
    ok(r.status == 0 and r.lines() and r.lines()[0]["gone_at"], "its finding is closed with it", r)

def pages():
    """More objects than a page holds."""
    c = cluster.connection()
    cluster.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "many"}}, connection=c)
    for i in range(620):
        o = workload("ReplicaSet", f"r{i:03}", "many", f"registry.example/many:{i % 7}", replicas=0)
        status, body = cluster.call("POST", "/apis/apps/v1/namespaces/many/replicasets", o, connection=c)
        if status != 201:
            raise RuntimeError(body)
    c.close()
    r = scan(account, "k8s:observe", "--namespace", "many")
    pages_ = [e["requestURI"] for e in cluster.audited("system:serviceaccount:reforge:reforge-observe") if "replicasets" in e["requestURI"] and "continue=" in e["requestURI"]]
    there = [l for l in r.lines() if l["host"] == "k8s:test/many"]
    ok(len(there) == 620 and pages_, "620 workloads in two pages of the server's", r.status, len(there), pages_)
    cluster.kubectl("delete", "namespace", "many", "--wait=false")

def partial_rights():
    """A kind that may not be listed is told, and what is known of it stays."""
    site = folder() / "whole"
    role = json.loads(cluster.kubectl("get", "clusterrole", "reforge-observe", "-o", "json").out)
    for r in role["rules"]:
        r["resources"] = [k for k in r["resources"] if k != "daemonsets"]
    cluster.call("PUT", "/apis/rbac.authorization.k8s.io/v1/clusterroles/reforge-observe", role)
    token = json.loads(account.read_text())["users"][0]["user"]["token"]
    wait_for(lambda: cluster.call("GET", "/apis/apps/v1/daemonsets", token=token)[0] == 403, 30, "the right is taken away")
    r = scan(account, "k8s:observe", site=site)
    ok(r.status == 3 and "DaemonSet" in r.err and "DaemonSet/agent/container/server" in placements(site), "what was not seen is not gone", r)
    none = cluster.kubeconfig("nobody", "no-such-token")
    r = scan(none, "k8s:nobody", site=site)
    ok(r.status == 2 and "DaemonSet/agent/container/server" in placements(site), "a token that the server does not know changes nothing", r)
    cluster.kubectl("apply", "-f", OBSERVE / "rbac.yaml")

def manifests():
    """The same objects as files that kubectl wrote."""
    out = folder() / "manifests"; out.mkdir()
    for kind in ("deployments", "statefulsets", "daemonsets", "jobs", "cronjobs", "pods", "replicasets", "inferenceservices", "llminferenceservices", "trainedmodels", "clusterservingruntimes"):
        (out / f"{kind}.yaml").write_text(cluster.kubectl("get", kind, "--all-namespaces", "-o", "yaml").out)
    wait_for(lambda: cluster.call("GET", "/apis/apps/v1/daemonsets", token=json.loads(account.read_text())["users"][0]["user"]["token"])[0] == 200, 30, "the right is back")
    wait_for(lambda: cluster.call("GET", "/api/v1/namespaces/many")[0] == 404, 120, "namespace many is gone", 0.5)
    for kind in ("replicasets",):
        (out / f"{kind}.yaml").write_text(cluster.kubectl("get", kind, "--all-namespaces", "-o", "yaml").out)
    key = lambda r: sorted((l["host"].split(":", 1)[1].split("/", 1)[1], l["path"], l["sha256"] or "", l["workload"]["replicas"]) for l in r.lines() if l.get("path"))
    live, files = scan(account, "k8s:observe"), scan(account, f"k8s:{out}")
    ok(key(live) == key(files) and len(key(live)) > 9, "what kubectl wrote to files is read as the same workloads", key(live), key(files))

def adopted():
    """Whose the engines on a claim are, told by the cluster itself."""
    mounted = folder() / "mounted"; mounted.mkdir()
    r = run("adopt", "--json", "--dry-run", "k8s:observe", "--volume", f"lab/models={mounted}", site=folder() / "whole", env={"KUBECONFIG": str(account)}, program=PROGRAM)
    asked = {e["workload"]: e for e in r.json()["elsewhere"]}
    ok(r.status == 3 and asked["Deployment/asr"]["owner"] == "speech" and "Deployment/stable" not in asked and asked["InferenceService/ocr"]["loads"] == "s3://models/ocr/3",
       "adopt asks about what lies elsewhere, and not about the volume given", r)

def asked():
    """The server's own record of what was asked of it."""
    events = cluster.audited("system:serviceaccount:reforge:reforge-observe")
    scans = [e for e in events if e.get("userAgent", "").startswith("reforge/")]
    verbs, kinds = {e["verb"] for e in scans if "objectRef" in e}, {e["objectRef"]["resource"] for e in scans if "objectRef" in e}
    others = {e["requestURI"] for e in scans if "objectRef" not in e}
    ok(scans and verbs == {"list"} and kinds == KINDS and others <= {"/version"}, "audit log: lists of the kinds that are read and the server's version, nothing else", verbs, kinds, others)

for group in (profile, whole, history, pages, partial_rights, manifests, adopted, asked):
    guarded(group)
cluster.end()
done()
