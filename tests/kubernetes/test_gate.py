#!/usr/bin/env python3
"""The gate as an admission webhook of a real API server: what it denies, admits and warns about; rollouts; a gate that is
down, by both failure policies; certificates and knowledge exchanged under load; the standing report."""
import atexit, base64, json, os, socket, ssl, subprocess, sys, threading, time
from cluster import Cluster, authority, certificate, free_ports, wait_for
from tap import *

sys.path.insert(0, str(ROOT / "tests/support"))
from images import Image, Layer, tar_of
from registry_server import Registry

DEPLOY = ROOT / "deploy/kubernetes"
PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE   # the sanitizers look on
MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")
ADVISORY = "CVE-2099-7001"

def go(*args, **more):
    return run(*args, program=PROGRAM, **more)

# ── A site that knows three images ────────────────────────────────────────────────────────────────────────────────────

def plan(version):
    path = folder() / "specimen.plan"
    subprocess.run([MAKER, "--version", version, "--cc", "8.6", str(path)], check=True)
    return path.read_bytes()

def advisory(name, before):
    return json.dumps({"schema_version": "1.6.0", "id": name, "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z",
        "summary": "an engine's parser", "affected": [{"package": {"ecosystem": "PyPI", "name": "tensorrt", "purl": "pkg:generic/nvidia/tensorrt"},
                                                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": before}]}]}]})

def make_site():
    global registry, site, BAD, GOOD, LATER, NEVER
    registry = Registry({"site/asr": {tag: Image([Layer(tar_of([("opt/models/asr.plan", plan(version))]))])
                                      for tag, version in (("1.18", "10.3.0.26"), ("1.23", "10.13.3.9"), ("1.22", "10.9.0.34"))}}, None)
    BAD, GOOD, LATER, NEVER = (f"{registry.host}/site/asr:{t}" for t in ("1.18", "1.23", "1.22", "9.9"))
    site = folder() / "site"
    go("init", site)
    (site / "reforge.yaml").write_text("""site: test
environments: {production: {}, staging: {}}
services:
  asr: {owner: {name: speech, contact: "#speech"}, environments: [production, staging]}
kubernetes: {namespaces: {speech: production, trial: staging}}
policies:
  fleet: {unknown_subject: deny, stale_feeds: allow}
  trial: {environments: [staging], severity: {warn: 0.0, deny: never}, unknown_subject: warn}
""")
    (site / "first.json").write_text(advisory(ADVISORY, "10.8.0"))
    check(go("feed", "import", site / "first.json", site=site), 0, "the site has an advisory")
    for image in (BAD, GOOD, LATER):
        check(go("scan", image, site=site), 0, f"and has looked into {image.rsplit('/', 1)[1]}")

# ── The gate ──────────────────────────────────────────────────────────────────────────────────────────────────────────

class Gate:
    def __init__(self, *options):
        self.log = folder() / "gate.log"
        with open(self.log, "ab") as out:
            self.program = subprocess.Popen([PROGRAM, "-C", str(site), "gate", "serve", "--listen", f"127.0.0.1:{gate_port}", "--certificate", str(tls / "gate.pem"),
                "--certificate-key", str(tls / "gate.key"), "--every", "1s", "--exempt", "reforge", "--drain", "1s", *options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        atexit.register(self.program.kill)
        wait_for(lambda: self.program.poll() is None and self.ready(), 60, f"the gate is ready: {self.log.read_text()[-2000:]}")
    def ready(self):
        try:
            return b" 200 " in self.get("/readyz")
        except OSError:
            return False
    def get(self, path):
        with self.connect() as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n".encode())
            data = b""
            while more := s.recv(65536):
                data += more
        return data
    def connect(self):
        raw = socket.create_connection(("127.0.0.1", gate_port), timeout=10)
        return ssl.create_default_context(cafile=str(tls / "ca.pem")).wrap_socket(raw, server_hostname="127.0.0.1")
    def serial(self):
        with self.connect() as s:
            return s.getpeercert()["serialNumber"]
    def stop(self):
        self.program.terminate()
        self.program.wait(30)

def webhook(holds, **changes):
    """deploy/kubernetes/webhook.yaml, but that the gate is a process of this machine. The API server reads its webhooks from a
    cache: waits until @holds()."""
    config = json.loads(cluster.kubectl("create", "--dry-run=client", "-o", "json", "-f", DEPLOY / "webhook.yaml").out)
    hook = config["webhooks"][0]
    hook["clientConfig"] = {"url": f"https://127.0.0.1:{gate_port}/admission", "caBundle": base64.b64encode((tls / "ca.pem").read_bytes()).decode()}
    hook.update(changes)
    cluster.apply(config)
    wait_for(holds, 60, "the webhook holds", 0.3)

def pod(name, image, namespace="speech"):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": "asr"}},
            "spec": {"containers": [{"name": "server", "image": image}]}}

def workload(kind, name, image, api="apps/v1", namespace="speech", replicas=None):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "server", "image": image}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    if replicas is not None and kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "ReplicationController":
        spec["selector"] = {"app": name}
    if kind == "Job":
        spec = {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}
    if kind == "CronJob":
        spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}}}
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": "asr"}}, "spec": spec}

def create(o, *options):
    return cluster.kubectl("create", *options, "-f", "-", stdin=json.dumps(o))

def is_refused(o):
    return create(o, "--dry-run=server").status != 0

def patch(kind, name, o, how="strategic"):
    return cluster.kubectl("-n", "speech", "patch", kind, name, "--type", how, "--patch", json.dumps({"spec": o["spec"]}))

def gone(path):
    return cluster.call("GET", path)[0] == 404

def pods_of(name, namespace="speech"):
    items = cluster.call("GET", f"/api/v1/namespaces/{namespace}/pods?labelSelector=app%3D{name}")[1]["items"]
    return {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in items
            if p["status"]["phase"] == "Running" and "deletionTimestamp" not in p["metadata"]}

def shipped():
    """deploy/kubernetes/gate: taken by the server's schemas, and what its pod may do."""
    cluster.kubectl("apply", "-f", DEPLOY / "namespace.yaml")
    rendered = cluster.kubectl("kustomize", DEPLOY / "gate")
    # the server is of 1.20, which serves PodDisruptionBudget as v1beta1 with the same fields
    a = cluster.kubectl("apply", "--validate=true", "-f", "-", stdin=rendered.out.replace("apiVersion: policy/v1\n", "apiVersion: policy/v1beta1\n"))
    ok(rendered.status == 0 and a.status == 0 and a.out.count("created") == 7, "deploy/kubernetes/gate: the server takes every object, by its schema", rendered.err, a)
    made = cluster.call("GET", "/apis/apps/v1/namespaces/reforge/deployments/reforge-gate")[1]["spec"]
    of, container = made["template"]["spec"], made["template"]["spec"]["containers"][0]
    ok(made["replicas"] >= 2 and of["securityContext"]["runAsNonRoot"] and container["securityContext"]["readOnlyRootFilesystem"] and
       container["securityContext"]["capabilities"] == {"drop": ["ALL"]} and of["automountServiceAccountToken"] is False,
       "two replicas at least, not root, nothing writable, no token of the API", made)
    known = run("gate", "serve", "--help", program=PROGRAM).out
    unknown = [o for o in container["args"] if o.startswith("--") and o not in known]
    ok(not unknown, "its arguments are the program's", unknown)
    cluster.kubectl("-n", "reforge", "delete", "deployment", "reforge-gate", "--wait=false")
    files = [f for f in sorted(DEPLOY.rglob("*.yaml")) if f.name not in ("kustomization.yaml", "enforce.yaml")]
    newer = {"apiVersion: policy/v1\n": "apiVersion: policy/v1beta1\n", "apiVersion: batch/v1\nkind: CronJob": "apiVersion: batch/v1beta1\nkind: CronJob"}
    def dry(file):
        text = file.read_text()
        for now, then in newer.items():
            text = text.replace(now, then)
        return cluster.kubectl("apply", "--server-side", "--dry-run=server", "--force-conflicts", "--validate=true", "-f", "-", stdin=text)
    taken = {f.name: dry(f) for f in files}
    ok(len(files) >= 5 and all(a.status == 0 and "(server dry run)" in a.out for a in taken.values()), "deploy/kubernetes: every file by itself, server side, as a dry run",
       *(f"{n}: {a}" for n, a in taken.items() if a.status))

# ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────────────

def before_the_gate():
    """A fleet that is red on day one: two deployments, one with the vulnerable image; and the standing report of it."""
    for name in ("speech", "trial", "open"):
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {} if name == "open" else {"reforge.gate": "on"}}})
    cluster.apply(workload("Deployment", "old", BAD, replicas=2), workload("Deployment", "asr", GOOD, replicas=2))
    cluster.wait_nodes()
    wait_for(lambda: len(pods_of("old")) == 2 and len(pods_of("asr")) == 2, 120, "both run", 0.5)
    check(go("scan", "k8s:admin", site=site, env={"KUBECONFIG": str(cluster.admin)}), 3, "the cluster is scanned")
    r = go("gate", "report", "--json", site=site)
    report = r.json() if r.out.startswith("{") else {}
    group = next((g for g in report.get("groups", []) if g["name"] == "Deployment/old"), {})
    ok(r.status == 1 and group.get("replicas") == 2 and group["subjects"][0]["decision"] == "deny" and ADVISORY in group["subjects"][0]["advisories"] and
       group["owner"] == "speech" and len([g for g in report["groups"] if g["host"] == "k8s:test/speech"]) == 1,
       "report: what runs and would be denied today, whose it is, and nothing else", r)
    ok([(s["name"], s["action"], s["replicas"], s["replacement"]) for s in report["plan"] if s["host"] == "k8s:test/speech"] ==
       [("Deployment/old", "replace", 2, f"image {GOOD}")] and report["plan"][0]["serving"] >= 2,
       "report: a drain that keeps two serving, by the tag of the same image that may run", report.get("plan"))
    check(go("gate", "report", site=site), 1, "report: for people", "Deployment/old", ADVISORY, GOOD, "would be denied")

def decisions():
    webhook(lambda: is_refused(pod("bad", BAD)))
    denied = create(pod("bad", BAD))
    ok(denied.status != 0 and 'admission webhook "gate.reforge.example" denied the request' in denied.err and ADVISORY in denied.err and BAD in denied.err and
       gone("/api/v1/namespaces/speech/pods/bad"), "a pod with a vulnerable engine is denied: by whom, which image, which advisory", denied)
    print("# " + denied.err.strip())
    good = create(pod("good", GOOD))
    ok(good.status == 0 and "Warning" not in good.err, "a clean one is admitted in silence", good)
    by_digest = create(pod("by-digest", f"elsewhere.example/x@{registry.tags['site/asr', '1.18']}"))
    ok(by_digest.status != 0 and ADVISORY in by_digest.err, "by its digest it is known under any name", by_digest)
    never = create(pod("never", NEVER))
    ok(never.status != 0 and "denied the request" in never.err and NEVER in never.err, "an image that nobody has looked into, where the policy says so", never)
    ok(create(pod("bad", BAD, "open"), ).status == 0, "a namespace without the label is not asked about")
    warned = create(pod("bad", BAD, "trial"))
    ok(warned.status == 0 and "Warning:" in warned.err and ADVISORY in warned.err, "warn: admitted, and kubectl shows the warning", warned)
    print("# " + warned.err.strip())
    dry = create(pod("dry", BAD), "--dry-run=server")
    dry_good = create(pod("dry", GOOD), "--dry-run=server")
    ok(dry.status != 0 and ADVISORY in dry.err and dry_good.status == 0 and gone("/api/v1/namespaces/speech/pods/dry"), "dry-run: the same answer, nothing is made", dry, dry_good)

def kinds():
    """Each kind is denied with the vulnerable image, when it is made and when it is changed, and admitted with a clean one."""
    for kind, api in (("Deployment", "apps/v1"), ("StatefulSet", "apps/v1"), ("DaemonSet", "apps/v1"), ("ReplicaSet", "apps/v1"), ("Job", "batch/v1"), ("CronJob", "batch/v1beta1"),
                      ("ReplicationController", "v1")):
        denied, admitted = create(workload(kind, "k", BAD, api)), create(workload(kind, "k", GOOD, api, replicas=0))
        changed = None if kind == "Job" else patch(kind, "k", workload(kind, "k", BAD, api))   # a job's template cannot be changed
        ok(denied.status != 0 and ADVISORY in denied.err and kind in denied.err and admitted.status == 0 and "Warning" not in admitted.err and
           (changed is None or changed.status != 0 and ADVISORY in changed.err), f"{kind}: denied when it is made or changed, not first its pods; a clean one is admitted", denied, admitted, changed)
        cluster.kubectl("-n", "speech", "delete", kind, "k", "--wait=false")
    init = pod("init", GOOD); init["spec"]["initContainers"] = [{"name": "fetch", "image": BAD}]
    a = create(init)
    ok(a.status != 0 and "init container fetch" in a.err, "init containers count", a)

def ephemeral():
    """kubectl debug: a container that is put into a pod which runs."""
    name = next(iter(pods_of("asr")))
    denied = cluster.kubectl("-n", "speech", "debug", name, "--image", BAD, "--container", "look")
    admitted = cluster.kubectl("-n", "speech", "debug", name, "--image", GOOD, "--container", "look")
    more = cluster.kubectl("-n", "speech", "debug", name, "--image", BAD, "--container", "again")
    there = cluster.call("GET", f"/api/v1/namespaces/speech/pods/{name}")[1]["spec"].get("ephemeralContainers", [])
    ok(all(a.status != 0 and ADVISORY in a.err and "ephemeral container" in a.err for a in (denied, more)) and admitted.status == 0 and [c["image"] for c in there] == [GOOD],
       "kubectl debug with a vulnerable image is denied, with a clean one admitted", denied, admitted, more, there)
    print("# " + denied.err.strip())

def inference():
    """KServe's service by its own kind, of a definition that knows no field of it."""
    cluster.kubectl("apply", "-f", ROOT / "tests/kubernetes/kserve.yaml")
    wait_for(lambda: cluster.call("GET", "/apis/serving.kserve.io/v1beta1/inferenceservices")[0] == 200, 30, "KServe's kinds are served")
    def service(**predictor):
        return {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "ocr", "namespace": "speech", "labels": {"app.kubernetes.io/name": "asr"}},
                "spec": {"predictor": predictor}}
    def model(uri):
        return service(model={"modelFormat": {"name": "tensorrt"}, "storageUri": uri})
    def server(image):
        return service(containers=[{"name": "kserve-container", "image": image}])
    unknown = create(model("s3://models/ocr/3"))
    ok(unknown.status != 0 and "s3://models/ocr/3" in unknown.err, "an InferenceService with a model that nobody knows is denied", unknown)
    denied = [create(o) for o in (model(f"oci://{BAD}"), server(BAD))]
    ok(all(a.status != 0 and ADVISORY in a.err and "InferenceService speech/ocr" in a.err for a in denied), "so is one with a vulnerable model, or with one in its own server's image", *denied)
    admitted = create(model(f"oci://{GOOD}"))
    ok(admitted.status == 0 and "Warning" not in admitted.err, "one with a clean model is admitted", admitted)
    def other(kind, spec):
        return {"apiVersion": "serving.kserve.io/v1alpha1", "kind": kind, "metadata": {"name": "more", "namespace": "speech", "labels": {"app.kubernetes.io/name": "asr"}}, "spec": spec}
    def runtime(image):
        return other("ServingRuntime", {"supportedModelFormats": [{"name": "tensorrt"}], "containers": [{"name": "kserve-container", "image": image}]})
    def trained(uri):
        return other("TrainedModel", {"inferenceService": "ocr", "model": {"framework": "triton", "storageUri": uri}})
    def llm(uri, image):
        return other("LLMInferenceService", {"model": {"uri": uri}, "template": {"containers": [{"name": "main", "image": image}]}})
    bad, good = f"oci://{BAD}", f"oci://{GOOD}"
    for kind in ("servingruntimes", "trainedmodels", "llminferenceservices"):
        wait_for(lambda: cluster.call("GET", f"/apis/serving.kserve.io/v1alpha1/{kind}")[0] == 200, 30, f"KServe's {kind} are served")
    denied = [create(o) for o in (runtime(BAD), trained(bad), llm(bad, GOOD), llm(good, BAD))]
    passed = [create(o) for o in (runtime(GOOD), trained(good), llm(good, GOOD))]
    ok(all(a.status != 0 and ADVISORY in a.err for a in denied) and all(a.status == 0 and "Warning" not in a.err for a in passed),
       "so are a serving runtime, a trained model and an LLM service", *denied, *passed)
    changed = patch("inferenceservice", "ocr", model(f"oci://{BAD}"), "merge")
    labelled = cluster.kubectl("-n", "speech", "label", "inferenceservice", "ocr", "seen=yes")
    ok(changed.status != 0 and ADVISORY in changed.err and labelled.status == 0, "and cannot be changed to the other", changed, labelled)
    cluster.kubectl("-n", "speech", "delete", "inferenceservice/ocr", "servingruntime/more", "trainedmodel/more", "llminferenceservice/more")

def rollout():
    """The update is refused; where only pods are reviewed the rollout is held, and the old pods stay."""
    before = pods_of("asr")
    a = cluster.kubectl("-n", "speech", "set", "image", "deployment/asr", f"server={BAD}")
    ok(a.status != 0 and ADVISORY in a.err and pods_of("asr") == before, "a rollout to a vulnerable image is refused at the deployment", a)
    webhook(lambda: not is_refused(workload("Deployment", "k", BAD)) and is_refused(pod("bad", BAD)), rules=[{"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "scope": "*"}])
    a = cluster.kubectl("-n", "speech", "set", "image", "deployment/asr", f"server={BAD}")
    def failed():
        events = cluster.call("GET", "/api/v1/namespaces/speech/events")[1]["items"]
        return [e["message"] for e in events if e["reason"] == "FailedCreate" and ADVISORY in e["message"]]
    told = wait_for(failed, 60, "the replica set is told why")
    time.sleep(3)
    ok(a.status == 0 and pods_of("asr") == before, "where only pods are reviewed: no new pod, the old ones stay", a, pods_of("asr"), before)
    print("# " + told[0])
    a = cluster.kubectl("-n", "speech", "set", "image", "deployment/asr", f"server={LATER}")
    status = cluster.kubectl("-n", "speech", "rollout", "status", "deployment/asr", "--timeout=90s")
    ok(status.status == 0 and set(pods_of("asr").values()) == {LATER}, "and one to a clean image goes through", a, status)
    webhook(lambda: is_refused(workload("Deployment", "k", BAD)))

def what_ran_before():
    """What is vulnerable already can be scaled down, labelled and taken away, and brings no new pod."""
    a = cluster.kubectl("-n", "speech", "label", "deployment/old", "seen=yes")
    b = cluster.kubectl("-n", "speech", "scale", "deployment/old", "--replicas=1")
    wait_for(lambda: len(pods_of("old")) == 1, 60, "one replica is left", 0.5)
    c = cluster.kubectl("-n", "speech", "scale", "deployment/old", "--replicas=3")
    time.sleep(3)
    ok(a.status == 0 and b.status == 0 and c.status == 0 and "Warning:" in a.err and ADVISORY in a.err and len(pods_of("old")) == 1,
       "a vulnerable deployment of before: labelled with a warning, scaled down; scaled up it gets no new pod", a, b, c, pods_of("old"))
    cluster.kubectl("-n", "speech", "scale", "deployment/old", "--replicas=1")
    forward = cluster.kubectl("-n", "speech", "set", "image", "deployment/old", f"server={GOOD}")
    status = cluster.kubectl("-n", "speech", "rollout", "status", "deployment/old", "--timeout=90s")
    back = cluster.kubectl("-n", "speech", "rollout", "undo", "deployment/old")
    ok(forward.status == 0 and status.status == 0 and back.status != 0 and ADVISORY in back.err and set(pods_of("old").values()) == {GOOD},
       "once it is replaced there is no way back: rollout undo is denied", forward, status, back, pods_of("old"))
    again = cluster.kubectl("-n", "speech", "rollout", "restart", "deployment/old")
    ok(again.status == 0 and "Warning" not in again.err, "and a restart of the clean one is not", again)

def under_load(change):
    """Reviews of clean pods by four clients while @change works: how many, those that failed, the slowest in ms."""
    stop, count, failed, slowest = threading.Event(), [0], [], [0.0]
    def client(i):
        c = cluster.connection()
        while not stop.is_set():
            began = time.monotonic()
            status, body = cluster.call("POST", "/api/v1/namespaces/speech/pods?dryRun=All", pod(f"load-{i}", GOOD), connection=c)
            slowest[0] = max(slowest[0], 1000 * (time.monotonic() - began))
            count[0] += 1
            if status != 201:
                failed.append((status, body))
        c.close()
    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    for t in threads: t.start()
    try:
        time.sleep(0.5)
        change()
        time.sleep(0.5)
    finally:
        stop.set()
        for t in threads: t.join()
    return count[0], failed, slowest[0]

def exchanged():
    first = gate.serial()
    def rotate():
        for i in range(3):
            certificate(tls, "next", "IP:127.0.0.1")
            os.rename(tls / "next.key", tls / "gate.key")
            os.rename(tls / "next.pem", tls / "gate.pem")
            wanted = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", str(tls / "gate.pem")], capture_output=True, text=True).stdout.strip().split("=")[1]
            wait_for(lambda: gate.serial() == wanted, 20, "the new certificate is shown")
    n, failed, slowest = under_load(rotate)
    ok(not failed and gate.serial() != first and n > 20, f"certificate rotated three times under load: {n} reviews, none failed", failed[:2], n)
    print(f"# slowest review through the API server {slowest:.0f} ms")
    (site / "second.json").write_text(advisory("CVE-2099-7002", "10.10.0"))
    ok(create(pod("later", LATER), "--dry-run=server").status == 0, "an image that is clean today")
    def learn():
        r = go("feed", "import", site / "second.json", site=site)
        wait_for(lambda: create(pod("later", LATER), "--dry-run=server").status != 0, 60, f"the new advisory holds: {r}")
    n, failed, _ = under_load(learn)
    ok(not failed, f"a new advisory holds without a restart, under load: {n} reviews of others, none failed", failed[:2])

def down():
    """The gate is stopped. Ignore: everything goes on. Fail: nothing starts but where the cluster would lock itself out."""
    gate.stop()
    ok(create(pod("while-down", BAD)).status == 0, "gate down, failurePolicy Ignore: pods start unasked")
    for name in ("kube-system", "kube-public", "kube-node-lease"):
        cluster.kubectl("label", "namespace", name, f"kubernetes.io/metadata.name={name}")   # a cluster does it itself from 1.21 on
    cluster.kubectl("apply", "-f", DEPLOY / "namespace.yaml")
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apart", "labels": {"reforge.gate": "off"}}})
    a = cluster.kubectl("patch", "validatingwebhookconfiguration", "reforge-gate", "--patch", (DEPLOY / "enforce.yaml").read_text())
    hook = cluster.call("GET", "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/reforge-gate")[1]["webhooks"][0]
    wait_for(lambda: is_refused(pod("fail", GOOD, "open")), 60, "the patch holds", 0.3)
    ok(a.status == 0 and hook["failurePolicy"] == "Fail" and "matchLabels" not in hook["namespaceSelector"], "deploy/kubernetes/enforce.yaml patches it", a, hook)
    refused = {n: create(pod("fail", GOOD, n)) for n in ("speech", "open")}
    ok(all(r.status != 0 and "failed calling webhook" in r.err for r in refused.values()), "gate down, failurePolicy Fail: nothing starts, a namespace without a label neither", *refused.values())
    free = {n: create(pod("fail", NEVER, n)).status for n in ("kube-system", "kube-public", "kube-node-lease", "reforge", "apart")}
    ok(set(free.values()) == {0}, "the cluster's own namespaces, the gate's and those left out cannot lock themselves out", free)
    a, b = cluster.kubectl("-n", "speech", "delete", "pod", "while-down", "--wait=false"), cluster.kubectl("-n", "speech", "get", "pods")
    ok(a.status == 0 and b.status == 0, "and pods can be taken away", a)
    cluster.wait_nodes()

def audit():
    global gate
    gate = Gate("--audit")
    bad = wait_for(lambda: (lambda a: a if "failed calling" not in a.err else None)(create(pod("audited", BAD))), 30, "the API server finds the gate again", 0.5)
    good = create(pod("back", GOOD))
    ok(bad.status == 0 and "Warning:" in bad.err and ADVISORY in bad.err and good.status == 0, "the gate is back; audit: admitted with a warning of what would be denied", bad, good)
    text = gate.get("/metrics").decode()
    ok("\n# TYPE " in text, "its metrics are told", text[:300])
    exempt = create(pod("own", BAD, "kube-system"))
    ok(exempt.status == 0 and "Warning" not in exempt.err, "kube-system is not judged even when it is asked about", exempt)
    gate.stop()
    r = go("ledger", "show", "--json", site=site)
    ok(ADVISORY in r.out and "gate" in r.out, "decisions are in the ledger", r)
    check(go("ledger", "verify", site=site), 0, "which verifies")

if not os.access(MAKER, os.X_OK):
    ok(False, f"the specimen maker {MAKER} is built")
    done()
tls = folder() / "tls"; tls.mkdir()
authority(tls)
certificate(tls, "gate", "IP:127.0.0.1")
gate_port, = free_ports(1)
make_site()
cluster = Cluster(nodes=2)
guarded(before_the_gate)
gate = Gate()
for group in (shipped, decisions, kinds, ephemeral, inference, rollout, what_ran_before, exchanged, down, audit):
    guarded(group)
cluster.end()
registry.close()
done()
