#!/usr/bin/env python3
"""adopt k8s:… - whose the engines on a cluster's volumes are; what lies elsewhere is asked."""
import json, os, subprocess
from tap import *

PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE   # the sanitizers look on
MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")

def adopt(site, *args):
    return run("adopt", "--json", *args, site=site, program=PROGRAM)

def deployment(name, image, path, labels, claim=None, sub="", namespace="speech"):
    c = {"name": "server", "image": image, "env": [{"name": "MODEL_PATH", "value": path}]}
    spec = {"containers": [c]}
    if claim:
        c["volumeMounts"] = [{"name": "m", "mountPath": "/models", **({"subPath": sub} if sub else {})}]
        spec["volumes"] = [{"name": "m", **claim}]
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace, "labels": labels}, "spec": {"template": {"spec": spec}}}

CLAIM = {"persistentVolumeClaim": {"claimName": "models"}}
OBJECTS = [
    deployment("asr", "r.example/asr:1", "/models/asr.plan", {"app.kubernetes.io/name": "voice", "team": "speech-team"}, CLAIM, "asr"),
    deployment("tts", "r.example/tts:1", "/models/tts/1/model.plan", {"team": "reading-team"}, CLAIM, "tts"),
    deployment("twin", "r.example/twin:1", "/models/asr.plan", {"team": "twin-team"}, CLAIM, "asr"),
    deployment("soon", "r.example/soon:1", "/models/new.plan", {"team": "vision"}, CLAIM, "not/yet"),
    deployment("out", "r.example/out:1", "/models/new.plan", {"team": "vision"}, CLAIM, "../elsewhere"),
    deployment("inside", "r.example/inside:7", "/opt/models/a.plan", {"team": "vision"}),
    deployment("share", "r.example/share:1", "/models/x.plan", {"team": "vision"}, {"nfs": {"server": "nas", "path": "/export"}}),
    {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "metadata": {"name": "ocr", "namespace": "speech", "labels": {"team": "vision"}},
     "spec": {"predictor": {"model": {"modelFormat": {"name": "tensorrt"}, "storageUri": "s3://models/ocr/3?token=geheim"}}}},
]

def make(name):
    site, mounted = folder() / name, folder() / (name + "-models")
    run("init", site, program=PROGRAM)
    (site / "reforge.yaml").write_text("site: test\nenvironments: {production: {}, staging: {}}\nkubernetes: {owner_label: team, namespaces: {speech: staging}}\n")
    for path, version in (("asr/asr.plan", "10.3.0.26"), ("tts/tts/1/model.plan", "10.9.0.34")):
        (mounted / path).parent.mkdir(parents=True)
        subprocess.run([MAKER, "--version", version, "--cc", "8.6", str(mounted / path)], check=True)
    (folder() / "elsewhere").mkdir(exist_ok=True)
    manifest = folder() / f"{name}.json"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": OBJECTS}))
    return site, mounted, f"k8s:{manifest}"

def whole():
    site, mounted, cluster = make("whole")
    dry = adopt(site, cluster, "--volume", f"speech/models={mounted}", "--dry-run")
    ok(dry.status == 3 and not (site / "adopt").exists() and len(dry.json()["drafts"]) == 2, "--dry-run says it and writes nothing", dry)
    r = adopt(site, cluster, "--volume", f"speech/models={mounted}")
    found = r.json()
    ok(r.status == 3 and {(d["service"], d["owner"], len(d["engines"])) for d in found["drafts"]} == {("voice", "speech-team", 1), ("tts", "reading-team", 1)},
       "engines on a claim are their workload's: service and owner by label, else the workload's name", r)
    yaml = (site / "reforge.yaml").read_text()
    voice = yaml.split('"voice":')[-1]
    ok('environments: ["staging"]' in voice and str(mounted / "asr") in voice and '"tts":' in yaml, "services come into reforge.yaml with root and environment", yaml)
    asked = {e["workload"]: e for e in found["elsewhere"]}
    ok(set(asked) == {"Deployment/twin", "Deployment/soon", "Deployment/out", "Deployment/inside", "Deployment/share", "InferenceService/ocr"}, "what is not at hand is asked, each once", found["elsewhere"])
    ok("service voice" in asked["Deployment/twin"]["text"] and asked["Deployment/twin"]["owner"] == "twin-team", "a folder of two services is asked about", asked["Deployment/twin"])
    ok("r.example/inside:7" in asked["Deployment/inside"]["text"] and "--volume nfs:nas:/export=FOLDER" in asked["Deployment/share"]["text"] and
       asked["InferenceService/ocr"]["loads"] == "s3://models/ocr/3" and "geheim" not in r.out, "in an image, on another volume, in a store: where, and what to do", asked)
    ok("its volume has no not/yet here" in asked["Deployment/soon"]["text"] and "its volume has no ../elsewhere here" in asked["Deployment/out"]["text"],
       "so is a folder that its volume has not, and one that leads out of it", asked)
    people = run("adopt", cluster, "--volume", f"speech/models={mounted}", "--dry-run", site=site, program=PROGRAM)
    check(people, 3, "and for people", "speech/Deployment/inside", "nothing was written")
    check(run("inventory", "list", "--service", "voice", site=site, program=PROGRAM), 0, "the engines are in the inventory", "asr.plan")

def without():
    site, mounted, cluster = make("without")
    r = adopt(site, cluster)
    ok(r.status == 3 and not r.json()["drafts"] and len(r.json()["elsewhere"]) == 8 and any("--volume speech/models=FOLDER" in e["text"] for e in r.json()["elsewhere"]),
       "without a volume everything is a question, and it is said how to answer", r)
    r = adopt(site, cluster, mounted / "asr", "--service", "mine", "--owner", "me")
    ok([(d["service"], d["owner"]) for d in r.json()["drafts"]] == [("mine", "me")], "a folder beside it is adopted as always", r)
    check(run("adopt", cluster, "--volume", "speech/models", site=site, program=PROGRAM), 2, "a volume without a folder", "VOLUME=FOLDER")
    check(run("adopt", cluster, "--volume", "speech/models=/no/such/folder", site=site, program=PROGRAM), 2, "a folder that is not there", "/no/such/folder")
    check(run("adopt", mounted, "--volume", f"speech/models={mounted}", site=site, program=PROGRAM), 2, "a volume without a cluster", "k8s:")
    check(run("adopt", cluster, cluster, site=site, program=PROGRAM), 2, "two clusters", "one cluster at a time")
    check(run("adopt", "k8s:no-such-context", site=site, env={"KUBECONFIG": "/nonexistent"}, program=PROGRAM), 2, "a context that is not there")
    broken = folder() / "broken"; broken.mkdir()
    (broken / "a.yaml").write_text("kind: [")
    check(run("adopt", f"k8s:{broken}", site=site, program=PROGRAM), 3, "a file that is no manifest is told", "a.yaml is no manifest")

if not os.access(MAKER, os.X_OK):
    skip("adopt of a cluster", "the specimen maker is not built")
else:
    for group in (whole, without):
        guarded(group)
done()
