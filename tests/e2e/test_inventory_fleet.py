#!/usr/bin/env python3
"""Fleets: clusters by manifests and by their API (a stand-in), hosts by reports with real processes."""
import atexit, csv, hashlib, hmac, http.server, json, os, pathlib, shutil, socket, subprocess, sys, threading, time
from tap import *

PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE   # the sanitizers look on
def go(*args, **more):
    return run(*args, program=PROGRAM, **more)

def background(*command):
    """A program that runs until it is killed, at the latest at our end; it keeps none of our pipes open."""
    p = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    atexit.register(p.kill)
    return p

A, B = "a" * 64, "b" * 64
def template(image, mount=None, **spec):
    c = {"name": "server", "image": image}
    if mount: c["volumeMounts"] = [{"name": "models", "mountPath": "/models"}]
    pod = {"containers": [c], **spec}
    if mount: pod["volumes"] = [{"name": "models", "persistentVolumeClaim": {"claimName": mount}}]
    return {"spec": pod}
def workload(kind, name, image, namespace="speech", labels=None, mount=None, api="apps/v1", **spec):
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
            "spec": {"template": template(image, mount), **spec}}
def pod(name, owner, image_id, namespace="speech"):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "ownerReferences": [{"controller": True, "kind": owner[0], "name": owner[1]}]},
            "spec": template("r/asr:1")["spec"], "status": {"phase": "Running", "containerStatuses": [{"name": "server", "imageID": image_id}]}}

OBJECTS = [
    workload("Deployment", "asr", "r/asr:1", labels={"app.kubernetes.io/name": "voice", "team": "speech"}, replicas=3),
    {**workload("ReplicaSet", "asr-1", "r/asr:1"), "metadata": {"name": "asr-1", "namespace": "speech", "ownerReferences": [
        {"controller": True, "kind": "Deployment", "name": "asr"}]}},
    *[pod(f"asr-1-{i}", ("ReplicaSet", "asr-1"), f"r/asr@sha256:{A}") for i in range(3)],
    workload("Deployment", "stable", "r/tts:1", "lab", mount="models"), workload("Deployment", "canary", "r/tts:2", "lab", mount="models"),
    workload("DaemonSet", "agent", f"r/agent@sha256:{B}", "lab"),
    {"apiVersion": "batch/v1beta1", "kind": "CronJob", "metadata": {"name": "night", "namespace": "lab"},
     "spec": {"jobTemplate": {"spec": {"template": template("r/job:1")}}}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "lab"}, "data": {"password": "Z2VoZWlt"}},
]

def workspace(name):
    site = folder() / name
    go("init", site)
    yaml = (site / "reforge.yaml").read_text()
    (site / "reforge.yaml").write_text("""site: test
environments: {production: {}, staging: {}}
services:
  voice: {owner: {name: voice, contact: "#voice"}, environments: [production]}
kubernetes: {owner_label: team, namespaces: {speech: production, lab: staging}}
""")
    return site

def placements(site, *args):
    return {(p["host"], p["path"]): p for p in go("inventory", "list", "--all", "--json", *args, site=site).lines()}

def manifests():
    d = folder() / "manifests"; d.mkdir()
    # one object a file, in all the ways that people keep them
    (d / "list.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": OBJECTS[:3]}))
    (d / "many.yaml").write_text("# rendered\n---\n" + "\n---\n".join(json.dumps(o) for o in OBJECTS[3:]) + "\n---\n")
    (d / "notes.txt").write_text("no manifest")
    empty = folder() / "empty"; empty.mkdir()
    r = go("scan", "--json", f"k8s:{d}", cwd=empty)
    lines = r.lines()
    paths = sorted(o["path"] for o in lines if o["kind"] == "container-image")
    ok(r.status == 3 and paths == ["CronJob/night/container/server", "DaemonSet/agent/container/server", "Deployment/asr/container/server",
                                   "Deployment/canary/container/server", "Deployment/stable/container/server"],
       "a folder of manifests: each workload once, whatever its controllers made", r)
    asr = next(o for o in lines if o.get("path", "").startswith("Deployment/asr"))
    ok(asr["sha256"] == A and asr["workload"]["digest_source"] == "status" and asr["workload"]["pods"] == 3 and asr["finding"] == "unknown",
       "the digest is the one that its pods run; an image that was never scanned is unknown", asr)
    ok([o["rule"] for o in lines if o["kind"] == "finding"] == ["shared_writable_volume"], "two releases on one writable volume are told", r)
    ok("geheim" not in r.out and "Z2VoZWlt" not in r.out, "nothing of a Secret is told", r)
    site = workspace("site-manifests")
    go("scan", f"k8s:{d}", "--cluster", "eu", "--complete", site=site)
    have = placements(site)
    ok(len(have) == 5 and have[("k8s:eu/speech", "Deployment/asr/container/server")]["service"] == "voice" and
       have[("k8s:eu/speech", "Deployment/asr/container/server")]["environment"] == "production", "inside a workspace they are recorded", have)
    (d / "broken.yaml").write_text("kind: [")
    r = go("scan", "--json", f"k8s:{d}", "--cluster", "eu", "--complete", site=site)
    (d / "many.yaml").unlink()
    r2 = go("scan", f"k8s:{d}", "--cluster", "eu", "--complete", site=site)
    ok(r.status == 3 and "broken.yaml" in r.out and len(placements(site)) == 5, "a file that is no manifest is told, and nothing goes by it", r, r2)
    (d / "broken.yaml").unlink()
    go("scan", f"k8s:{d}", "--cluster", "eu", "--complete", site=site)
    ok([k for k in placements(site)] == [("k8s:eu/speech", "Deployment/asr/container/server")], "what is not there any more is gone", placements(site))
    r = go("inventory", "findings", "--json", "--gone", site=site)
    ok(r.status == 0 and r.lines()[0]["gone_at"], "a finding that holds no more is closed", r)

def some_manifests():
    """Folders that are some of a cluster, or no workload at all."""
    site = workspace("site-some")
    for name, space in (("app1", "speech"), ("app2", "speech"), ("app3", "lab")):
        (site / name).mkdir(); (site / name / "d.json").write_text(json.dumps(workload("Deployment", name, f"r/{name}:1", space)))
    (site / "other").mkdir(); (site / "other/n.yaml").write_text("kind: ConfigMap\napiVersion: v1\nmetadata: {name: n}\n")
    names = lambda: sorted(p.split("/")[1] for _, p in placements(site))
    for name in ("app1", "app2", "app3"): r = go("scan", f"k8s:{name}", site=site, cwd=site)
    ok(names() == ["app1", "app2", "app3"] and "--complete" in r.err and "0 gone" in r.err, "manifests close nothing, and it is said", r, names())
    r = go("scan", "k8s:app1", "--cluster", "manifests", site=site, cwd=site)
    ok(names() == ["app1", "app2", "app3"] and "--complete" in r.err, "to name the cluster does not make them all of it", r, names())
    both = site / "both"; both.mkdir()
    for name, space in (("app2", "speech"), ("app4", "lab")):
        (both / f"{name}.json").write_text(json.dumps(workload("Deployment", name, f"r/{name}:1", space)))
    r = go("scan", "k8s:both", "--complete", "--namespace", "speech", site=site, cwd=site)
    ok(names() == ["app2", "app3"], "all of a namespace close nothing of others", r, names())
    r = go("scan", "k8s:app2", "--complete", site=site, cwd=site)
    ok(names() == ["app2"] and "--complete" not in r.err, "when they are said to be all, the rest is gone", r, names())
    r = go("scan", "k8s:other", "--complete", site=site, cwd=site)
    ok(names() == ["app2"] and "no manifest here is a workload" in r.err, "a folder without a workload closes nothing, and it is said", r, names())
    (site / "app1/d.json").write_text(json.dumps(workload("Deployment", "x", "r/x:1", "a\nb")))
    r = go("scan", "--json", "k8s:app1", "--complete", site=site, cwd=site)
    ok(r.status == 3 and "the namespace" in r.out and names() == ["app2"], "a namespace that is none is refused with its file", r)

def certificates(d):
    d.mkdir()
    c = lambda *a: subprocess.run(["openssl", *a], check=True, capture_output=True, cwd=d)
    c("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test ca")
    c("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=api")
    (d / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
    c("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "certificate.pem", "-days", "2", "-extfile", "ext")

def api(d, *options, objects=OBJECTS):
    (d / "objects.json").write_text(json.dumps(objects))
    p = background(sys.executable, ROOT / "tests/support/kubernetes_api.py", d, d / "objects.json", *options)
    return p, int(p.stdout.readline())

def kubeconfig(d, port, cluster="", user="token: let-me-in"):
    path = d / "config"
    path.write_text(f"""apiVersion: v1
kind: Config
current-context: eu
contexts: [{{name: eu, context: {{cluster: prod-eu, user: reforge}}}}]
clusters:
- name: prod-eu
  cluster: {{server: "https://127.0.0.1:{port}", certificate-authority: ca.pem{cluster}}}
users:
- name: reforge
  user: {{{user}}}
""")
    return {**os.environ, "KUBECONFIG": str(path), "NO_COLOR": "1"}

def live():
    d = folder() / "api"
    certificates(d)
    site = workspace("site-live")
    server, port = api(d, "--expire-once")
    env = kubeconfig(d, port)
    r = go("scan", "--json", "k8s:eu", site=site, env=env)
    have = placements(site)
    ok(r.status == 3 and len(have) == 5 and have[("k8s:prod-eu/speech", "Deployment/asr/container/server")]["sha256"] == A,
       "a cluster's API (stand-in): every kind, page by page, an expired page token too", r, have)
    log = (d / "requests.log").read_text()
    ok("secrets" not in log and all(l.startswith("GET ") for l in log.splitlines()) and "continue=2" in log, "only lists of workloads are read, no Secret", log)
    r = go("scan", "k8s:", site=site, env=env)
    ok(r.status == 3 and "5 unchanged" in r.err, "k8s: alone is the current context; nothing changed", r)
    check(go("scan", "k8s:elsewhere", site=site, env=env), 2, "a context that is not there: those that are, are named", "there are: eu")
    check(go("scan", "k8s:eu", site=site, env=kubeconfig(d, port, user="token: wrong")), 2, "a token that is not accepted", "401")
    check(go("scan", "k8s:eu", site=site, env=kubeconfig(d, port, user="exec: {command: aws}")), 2, "no program is started for a credential", "service account")
    check(go("scan", "k8s:eu", site=site, env=kubeconfig(d, port, cluster=", insecure-skip-tls-verify: true")), 1, "certificates are verified, always", "always verified")
    (d / "other").mkdir(); certificates(d / "other" / "x")
    shutil.copy(d / "ca.pem", d / "real-ca.pem"); shutil.copy(d / "other/x/ca.pem", d / "ca.pem")
    check(go("scan", "k8s:eu", site=site, env=kubeconfig(d, port)), 1, "a server of another authority is refused", "certificate")
    shutil.copy(d / "real-ca.pem", d / "ca.pem")
    server.kill()
    server, port = api(d, "--forbid", "Deployment,DaemonSet", objects=[o for o in OBJECTS if o["kind"] not in ("CronJob", "Deployment", "DaemonSet", "ReplicaSet", "Pod")])
    r = go("scan", "k8s:eu", site=site, env=kubeconfig(d, port))
    have = placements(site)
    ok(r.status == 3 and len(have) == 4 and not any("CronJob" in p for _, p in have) and "Deployment could not be listed" in r.err,
       "what may not be listed stays, what is gone goes", r, have)
    server.kill()
    server, port = api(d, "--forbid", "Deployment,DaemonSet,StatefulSet,ReplicaSet,ReplicationController,Job,CronJob,InferenceService,Pod")
    r = go("scan", "k8s:eu", site=site, env=kubeconfig(d, port))
    ok(len(placements(site)) == 4, "an account without rights changes nothing", r)
    server.kill()

RUNTIME = ROOT / "third_party/onnxruntime/1.20.1/libonnxruntime.so.1"
HOLD = """import ctypes, mmap, sys, time
ctypes.CDLL(sys.argv[1])
with open(sys.argv[2], "rb") as file: engine = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print("loaded", flush=True); time.sleep(600)"""

def isvc(name, predictor, **more):
    return {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
            "metadata": {"name": name, "namespace": "speech", "labels": {"app.kubernetes.io/name": name, "team": "vision"}, **more}, "spec": {"predictor": predictor}}
def runtime(name, image, made):
    return {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ClusterServingRuntime", "metadata": {"name": name, **({"creationTimestamp": made} if made else {})},
            "spec": {"supportedModelFormats": [{"name": n, "version": "1", "autoSelect": True} for n in ("onnx", "triton")], "protocolVersions": ["v1", "v2"],
                     "containers": [{"name": "kserve-container", "image": image}]}}
def serving(made):
    return [runtime("old", "r/triton:23.05", made and "2025-01-01T00:00:00Z"), runtime("young", "r/triton:24.05", made and "2026-01-01T00:00:00Z"),
            isvc("named", {"model": {"modelFormat": {"name": "onnx"}, "runtime": "old", "storageUri": "pvc://models/a"}}),
            isvc("chosen", {"model": {"modelFormat": {"name": "onnx"}, "storageUri": "pvc://models/a/1"}}, annotations={"storage.kserve.io/readonly": "false"}),
            isvc("before", {"triton": {"storageUri": "s3://b/m", "runtimeVersion": "24.07"}}),
            isvc("custom", {"containers": [{"name": "mine", "image": "r/mine:1", "env": [{"name": "STORAGE_URI", "value": "gs://b/c"}]}]}),
            isvc("running", {"model": {"modelFormat": {"name": "onnx"}, "runtime": "old"}}),
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "running-1", "namespace": "speech", "labels": {"serving.kserve.io/inferenceservice": "running", "component": "predictor"},
                                                             "ownerReferences": [{"controller": True, "kind": "Revision", "name": "running-00001"}]},
             "spec": {"containers": [{"name": "kserve-container", "image": "r/triton:22.01"}, {"name": "queue-proxy", "image": "q:1"}]},
             "status": {"phase": "Running", "containerStatuses": [{"name": "kserve-container", "imageID": f"r/triton@sha256:{A}"}]}}]

def kserve():
    """One line a server, with its image, service and owner, or why there is none."""
    d = folder() / "serving"; d.mkdir()
    (d / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": serving(False)}))
    site = workspace("site-serving")
    r = go("scan", "--json", f"k8s:{d}", "--complete", site=site)
    lines = {l["path"].split("/")[1]: l for l in r.lines() if l.get("path", "").startswith("InferenceService/") and "queue-proxy" not in l["path"]}
    images = {name: l["workload"]["image"] for name, l in lines.items()}
    tie = "(image of a runtime for %s: ClusterServingRuntime young, ClusterServingRuntime old come first alike)"
    ok(r.status == 3 and images == {"named": "r/triton:23.05", "chosen": tie % "onnx", "before": tie % "triton", "custom": "r/mine:1", "running": "r/triton:22.01"},
       "manifests: by name, by format as far as they tell, by a pod", images)
    ok(all(l["service"] == name and l["workload"]["owner"] == "vision" and l["finding"] == "unknown" and l["path"].endswith("/container/predictor") for name, l in lines.items()) and
       lines["running"]["sha256"] == A and lines["named"]["workload"]["serving_runtime"] == "old" and "serving_runtime" not in lines["chosen"]["workload"],
       "each with service and owner", lines)
    ok([(l["rule"], l["subject"]) for l in r.lines() if l["kind"] == "finding"] == [("shared_writable_volume", "persistentVolumeClaim:models")],
       "two services on one claim that one can write are told", r)
    have = placements(site)
    ok({p.split("/", 1)[1] for _, p in have if p.startswith("InferenceService/")} == {f"{n}/container/predictor" for n in images} |
       {"running/container/queue-proxy", "named/model/0", "chosen/model/0", "before/model/0"} and
       all(p["environment"] == "production" and p["service"] for (_, path), p in have.items() if path.startswith("InferenceService/")),
       "they are placements, with the models that KServe fetches", sorted(have))
    ok("vision" in (site / "services/kubernetes-manifests.yaml").read_text(), "and services with owners")
    d = folder() / "serving-api"
    certificates(d)
    server, port = api(d, objects=serving(True))
    r = go("scan", "--json", "k8s:eu", "--namespace", "speech", env=kubeconfig(d, port), cwd=d)
    images = {l["path"].split("/")[1]: l["workload"]["image"] for l in r.lines() if l.get("path", "").endswith("/container/predictor")}
    ok(images == {"named": "r/triton:23.05", "chosen": "r/triton:24.05", "before": "r/triton:24.07", "custom": "r/mine:1", "running": "r/triton:22.01"},
       "a cluster tells which runtime is the youngest", r)
    server.kill()

def hosts():
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    if not RUNTIME.exists() or not os.access(maker, os.X_OK):
        return skip("hosts", "ONNX Runtime or the specimen maker is not there")
    d = folder() / "host"; (d / "models/det/1").mkdir(parents=True); (d / "models/det/2").mkdir()
    for n in "12": subprocess.run([maker, "--version", "10.3.0.26", "--cc", "8.6", d / f"models/det/{n}/model.plan"], check=True)
    (d / "models/det/config.pbtxt").write_text('backend: "tensorrt"')
    library = d / "libonnxruntime.so.1"
    shutil.copy(RUNTIME, library)
    (d / "elsewhere").mkdir(); served = d / "elsewhere/served.plan"      # under no folder that the scan is given
    subprocess.run([maker, "--version", "8.6.1.6", "--cc", "8.6", served], check=True)
    holder = background(sys.executable, "-c", HOLD, library, served, "--password=geheim", f"--model-repository={d}/models")
    holder.stdout.readline()
    site = workspace("site-hosts")
    go("key", "create", site=site)
    report = d / "report.json"
    r = go("scan", "--host", "--name", "gpu-17", "--output", report, "--key", site / "keys/release.pem", d / "models", "--quiet")
    text = report.read_text()
    ok(r.status in (0, 3) and text.count("\n") == 3 and "geheim" not in text and f"{d}/models" in text, "a host's report: signed, no secret of a command line", r)
    r = go("scan", "--host", "--name", "gpu-17", "--output", d / "told.json", d / "models")
    ok(r.status in (0, 3) and "1 processes" not in r.err and ("run as root" in r.err) <= (os.geteuid() != 0), "root is not told to be root", r)
    jobs = json.loads(text.splitlines()[1])["processes"]
    ok(any({str(library), str(served)} <= set(p["mapped"]) and f"{d}/models" in p["arguments"] for p in jobs),
       "a process, the runtime and the engine it has mapped, where its models lie", jobs)
    key = site / "keys/release.pub.pem"
    r = go("inventory", "import", "--json", report, "--key", key, site=site)
    ok(r.status == 0 and r.json()["added"] >= 3 and r.json()["refused"] == 0, "it is imported", r)
    have = placements(site)
    ok(have[("gpu-17", f"{d}/models/det/1/model.plan")]["version"] == "10.3.0.26" and have[("gpu-17", str(library))]["version"] == "1.20.1",
       "engines and the library in memory have placements", have)
    ok(have.get(("gpu-17", str(served)), {}).get("version") == "8.6.1.6", "an engine that a process has mapped has one, wherever it lies", have)
    r = go("inventory", "show", "--json", f"{d}/models/det/1/model.plan", site=site)
    ok(r.json()[0]["detail"]["triton"]["load"] == "not_served", "what a Triton server would not load is told of its placement", r)
    r = go("scan", "--json", d / "models")
    ok({f["triton"]["load"] for f in r.lines() if f["kind"] == "tensorrt-plan"} == {"loaded", "not_served"}, "a plain scan tells it, too", r)
    library.unlink()                                       # replaced on the disk; the process still runs the old one
    go("scan", "--host", "--name", "gpu-17", "--output", report, "--key", site / "keys/release.pem", d / "models", "--quiet")
    r = go("inventory", "import", "--json", report, "--key", key, site=site)
    f = go("inventory", "findings", "--json", site=site)
    if os.geteuid() == 0 and "(deleted)" in report.read_text():
        ok(f.status == 3 and f.lines()[0]["rule"] == "deleted_library_mapped" and "1.20.1" in f.lines()[0]["text"] and
           ("gpu-17", f"{library} (deleted)") in placements(site), "a library that was deleted and still runs is a finding, its version known", r, f)
    else:
        skip("a library that was deleted and still runs", "the kernel lets only root look")
    holder.kill(); holder.wait()
    again = [d / "a.json", d / "b.json"]
    for path in again: go("scan", "--host", "--name", "gpu-18", "--output", path, d / "models", "--quiet")
    r = go("inventory", "import", "--json", again[1], again[0], site=site)
    ok(r.status == 1 and r.json()["added"] == 2 and r.json()["refused"] == 1 and "is at hand" in r.err,
       "an older report is refused, the other comes in", r)
    check(go("inventory", "import", again[1], site=site), 0, "the same report again changes nothing", "gpu-18: unchanged")
    data = bytearray(again[1].read_bytes()); data[-20] ^= 1; (d / "bad.json").write_bytes(data)
    check(go("inventory", "import", d / "bad.json", site=site), 1, "one bit changed: refused", "changed")
    check(go("inventory", "import", again[1], "--key", key, site=site), 1, "unsigned where a key is wanted: refused", "not signed")

def own_host():
    """The machine that the workspace scans reports, too."""
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    if not os.access(maker, os.X_OK):
        return skip("a machine that is scanned and reports", "the specimen maker is not there")
    site, me = workspace("site-own"), socket.gethostname()
    yaml = (site / "reforge.yaml").read_text()
    (site / "reforge.yaml").write_text(yaml.replace("environments: [production]}", "environments: [production], roots: [fleet]}"))
    (site / "fleet").mkdir(); (site / "other").mkdir()
    subprocess.run([maker, "--version", "8.6.1.6", "--cc", "8.6", site / "fleet/a.plan"], check=True)
    subprocess.run([maker, "--version", "10.3.0.26", "--cc", "8.6", site / "other/b.plan"], check=True)
    open_ = lambda: sorted(os.path.basename(p) for h, p in placements(site) if h == me and p.endswith(".plan"))
    go("scan", site=site)
    report = site / "report.json"
    go("scan", "--host", "--output", report, site / "other", "--quiet")
    r = go("inventory", "import", report, site=site)
    ok(r.status == 1 and f"this workspace scans {me} itself" in r.err and open_() == ["a.plan"], "a report under the name of a machine that is scanned closes nothing", r)
    r = go("inventory", "import", "--replace", report, site=site)
    ok(r.status == 0 and open_() == ["b.plan"], "with --replace the machine reports from now on", r, open_())
    check(go("inventory", "import", report, site=site), 0, "the report at hand", "unchanged")
    go("scan", site=site)
    r = go("inventory", "import", report, site=site)
    ok(r.status == 0 and open_() == ["b.plan"], "after a scan the same report is taken in whole: nothing stays lost", r, open_())

def report_of(path, host, files):
    """A report that nobody signed, saying what it likes."""
    text = json.dumps({"system": {}, "roots": [], "files": files, "unread": [], "processes": []}).encode()
    head = {"type": "reforge.host-report", "version": 1, "host": host, "machine": hashlib.sha256(host.encode()).hexdigest(),
            "taken": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "program": "x", "content_bytes": len(text),
            "content_sha256": hashlib.sha256(text).hexdigest()}
    path.write_bytes(json.dumps(head, separators=(",", ":")).encode() + b"\n" + text + b"\n")

def claims():
    """What a report or a bill says of a content never stands against what was read here."""
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    if not os.access(maker, os.X_OK):
        return skip("claims", "the specimen maker is not there")
    d = folder() / "claims"; d.mkdir()
    for name, more in (("old", ["--version", "8.6.1.6"]), ("forged", ["--version", "10.13.3.9", "--inner-version", "8.6.1.6"]), ("torn", ["--version", "8.6.1.6"])):
        subprocess.run([maker, *more, d / f"{name}.plan"], check=True)
    torn = d / "torn.plan"
    torn.write_bytes(bytes(64) + torn.read_bytes()[64:])
    said = [{"path": f"/x/{p.name}", "sha256": hashlib.sha256(p.read_bytes()).hexdigest(), "size": p.stat().st_size, "kind": "tensorrt-plan",
             "product": "pkg:generic/nvidia/tensorrt", "version": "10.13.3.9", "version_source": "header", "finding": None} for p in sorted(d.glob("*.plan"))]
    report_of(d / "report", "gpu-9", said)
    report_of(d / "later", "gpu-9", [f for f in said if not f["path"].endswith("old.plan")])   # of another version than the one read: refused as a whole
    (d / "bill.json").write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": [
        {"type": "file", "bom-ref": f["path"], "name": f["path"], "hashes": [{"alg": "SHA-256", "content": f["sha256"]}]} for f in said]}))
    told = {}
    for order in ("scan", "report scan", "scan later", "bill scan", "scan later scan"):
        site = workspace("site-claims-" + order.replace(" ", "-"))
        (site / "engines").mkdir()
        for p in d.glob("*.plan"): shutil.copy(p, site / "engines")
        (site / "reforge.yaml").write_text((site / "reforge.yaml").read_text().replace("environments: [production]}", "environments: [production], roots: [engines]}"))
        for step in order.split():
            r = {"scan": lambda: go("scan", site=site), "report": lambda: go("inventory", "import", d / "report", site=site),
                 "later": lambda: go("inventory", "import", d / "later", site=site), "bill": lambda: go("inventory", "import", d / "bill.json", site=site)}[step]()
            if step != "scan" and r.status: told[order + ": " + step] = r.err
        told[order] = {os.path.basename(path): (p["version"], p["finding"]) for (_, path), p in placements(site).items() if "/site-claims-" in path}
    want = {"old.plan": ("8.6.1.6", ""), "forged.plan": ("10.13.3.9", "conflict"), "torn.plan": ("", "unknown")}
    ok(all(t == want for t in told.values()), "what a scan reads stands, whatever a report or a bill claims before or later", told)

CMDB = """columns: {host: fqdn, ci: sys_id, service: svc, owner: team, contact: mail, environment: env, criticality: tier}
values: {environment: {PROD: production, LAB: null}, criticality: {"1": critical}}
host: {strip_domain: true, lower_case: true}
"""
ADVISORY = {"schema_version": "1.6.0", "id": "CVE-2026-7", "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": "x",
            "affected": [{"package": {"ecosystem": "PyPI", "name": "tensorrt"}, "ranges": [{"type": "ECOSYSTEM", "events": [
                {"introduced": "0"}, {"fixed": "10.9.0"}]}]}]}

class Receiver(http.server.BaseHTTPRequestHandler):
    taken, busy = [], 0
    def log_message(self, *args): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Receiver.busy:
            Receiver.busy -= 1
            status = 503
        else:
            stamp = self.headers["X-Reforge-Timestamp"]
            mac = hmac.new(b"0123456789abcdef-shared", stamp.encode() + b"." + body, "sha256").hexdigest()
            good = hmac.compare_digest("sha256=" + mac, self.headers["X-Reforge-Signature"]) and abs(time.time() - int(stamp)) < 300
            status = 204 if good else 401
            if good: Receiver.taken.append((self.headers["X-Reforge-Delivery"], json.loads(body)))
        self.send_response(status); self.send_header("Content-Length", "0"); self.end_headers()

def cmdb():
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    if not os.access(maker, os.X_OK):
        return skip("a CMDB", "the specimen maker is not there")
    d = folder() / "cmdb"; (d / "models").mkdir(parents=True)
    subprocess.run([maker, "--version", "10.3.0.26", "--cc", "8.6", d / "models/a.plan"], check=True)
    site = workspace("site-cmdb")
    go("scan", "--host", "--name", "gpu-17", "--output", d / "r.json", d / "models", "--quiet")
    go("inventory", "import", d / "r.json", site=site)
    (d / "advisory.json").write_text(json.dumps(ADVISORY))
    go("feed", "import", d / "advisory.json", site=site)
    (d / "map.yaml").write_text(CMDB)
    head = "fqdn,sys_id,svc,team,mail,env,tier\n"
    (d / "hosts.csv").write_text(head + "GPU-17.corp.example,CI0017,reading,vision,#vision,PROD,1\nlab-1,CI9,toys,x,y,LAB,\n")
    r = go("inventory", "import", d / "hosts.csv", "--mapping", d / "map.yaml", site=site)
    p = placements(site)[("gpu-17", f"{d}/models/a.plan")]
    ok(r.status == 0 and (p["service"], p["environment"]) == ("reading", "production"), "a host of a report gets its service by the CMDB", r, p)
    order = go("advisory", "list", "--by-priority", "--json", site=site)
    ok("reading" in order.out and "critical" in order.out or "essential" in order.out or "mission" in order.out, "the service's criticality counts in the order of work", order)
    (d / "bad.csv").write_text(head + "gpu-18,c,reading,vision,#vision,MOON,1\n")
    check(go("inventory", "import", d / "bad.csv", "--mapping", d / "map.yaml", site=site), 2, "an environment that is not ours is refused with its line",
          "bad.csv:2", "MOON")
    r = go("inventory", "export", "--cmdb", d / "back.csv", site=site)
    rows = list(csv.DictReader(open(d / "back.csv", newline="")))
    ok(r.status == 0 and rows and rows[0]["ci"] == "CI0017" and rows[0]["advisory"] == "CVE-2026-7" and rows[0]["owner"] == "vision",
       "what is open on the host is written back", r, rows)
    go("inventory", "export", "--cmdb", d / "back.json", site=site)
    ok(json.loads((d / "back.json").read_text())[0]["ci"] == "CI0017", "as JSON, too")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url, key = f"http://127.0.0.1:{server.server_address[1]}/hook", d / "hook.key"
    key.write_text("0123456789abcdef-shared\n"); key.chmod(0o644)
    send = lambda *more: go("inventory", "export", "--webhook", more[0] if more else url, "--webhook-key", key, "--json", site=site)
    r = send()
    ok(r.status == 2 and "chmod 600" in r.err and not Receiver.taken, "a key that others may read is not used", r)
    key.chmod(0o600)
    check(send("http://cmdb.example/hook"), 2, "findings leave over https only", "https")
    site2 = workspace("site-cmdb-2")
    for args in (("inventory", "import", d / "r.json"), ("feed", "import", d / "advisory.json"), ("inventory", "import", d / "hosts.csv", "--mapping", d / "map.yaml")):
        go(*args, site=site2)
    site = site2
    Receiver.busy = 1
    r = send()
    ok(r.status == 2 and "503" in r.err and not Receiver.taken, "a receiver that is busy: it waits in the queue", r)
    go("scan", "--host", "--name", "gpu-18", "--output", d / "r2.json", d / "models", "--quiet")
    go("inventory", "import", d / "r2.json", site=site)
    r = send()
    ok(r.status == 0 and len(Receiver.taken) == 1 and Receiver.taken[0][1]["findings"], "a signed message is taken; the signature is HMAC-SHA256 of what was sent", r, Receiver.taken)
    send()
    ok(len({t[0] for t in Receiver.taken}) == 2, "each export is a delivery of its own", Receiver.taken)
    server.shutdown()

if __name__ == "__main__":
    for part in (manifests, some_manifests, live, kserve, hosts, own_host, claims, cmdb):
        guarded(part)
    done()
