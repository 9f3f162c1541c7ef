"""A small real workspace: ONNX Runtime of third_party, real models, engines in service built by the real driver.

Two services: voice (hey_rhasspy; timer, whose output is named by a JSON string) and strict (det with a tolerance of nothing);
a third, specimen, has a TensorRT plan made by the specimen maker, whose rebuild needs a GPU.
"""
import hashlib, json, os, pathlib, subprocess
from fleet import npy, put, ROOT
import struct

DRILL = "DRILL-2026-0200"
PARTS = ROOT / "third_party"
OCR, WAKE = PARTS / "models/ppocr", PARTS / "models/openwakeword"
MODELS = {"hey_rhasspy": (WAKE / "hey_rhasspy_v0.1.onnx", "onnx::Flatten_0", (1, 16, 96), "voice"),
          "timer": (WAKE / "timer_v0.1.onnx", "onnx::Flatten_0", (1, 34, 96), "voice"),
          "det": (OCR / "ch_PP-OCRv4_det_infer.onnx", "x", (1, 3, 64, 64), "strict")}

def library(version):
    found = sorted((PARTS / "onnxruntime" / version).glob("libonnxruntime.so*"))
    return found[0] if found else None

def missing(build):
    """What keeps this from running, in words; None: nothing."""
    for v in ("1.20.1", "1.21.1", "1.30.0"):
        if not library(v): return f"ONNX Runtime {v} is not fetched (setup/fetch demo)"
    for path, *_ in MODELS.values():
        if not path.exists(): return f"{path.name} is not fetched (setup/fetch demo)"
    for program in ("toolchains/onnxruntime/reforge-toolchain-onnxruntime", "demo/specimen/reforge-specimen"):
        if not (pathlib.Path(build) / program).exists(): return f"{program} is not built"
    return None

def tensor(shape, seed):
    n, state, values = 1, seed, []
    for d in shape: n *= d
    for _ in range(n):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        values.append(state / 0x7FFFFFFF * 2 - 1)
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }" % (shape,)
    head += " " * (64 - (10 + len(head) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode("latin1") + struct.pack("<%df" % n, *values)

def driver(build, version, *requests):
    text = "".join(json.dumps(r) + "\n" for r in ({"protocol": 1, "library": str(library(version))}, *requests))
    p = subprocess.run([pathlib.Path(build) / "toolchains/onnxruntime/reforge-toolchain-onnxruntime"], input=text.encode(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    answers = [json.loads(l) for l in p.stdout.splitlines()]
    for a in answers:
        if not a.get("ok"): raise RuntimeError(f"driver: {a}")
    return answers[1:]

def make(folder, reforge, build):
    site = pathlib.Path(folder)
    subprocess.run([reforge, "init", str(site), "--site", "line"], check=True, stdout=subprocess.DEVNULL)
    target = driver(build, "1.20.1", {"op": "probe"})[0]["target"]
    text = ["site: line", "feeds: {ours: {format: osv, path: advisories, max_age: 365d}}", "toolchains:", "  onnxruntime:", "    versions:"]
    for v in ("1.20.1", "1.21.1", "1.30.0"):
        digest = hashlib.sha256(library(v).read_bytes()).hexdigest()
        text.append(f"      {v}: {{library: {library(v)}, sha256: {digest}}}")
    text += ["  tensorrt:", "environments: {production: {}}", "services:"]
    for service, runtime in (("voice", "onnxruntime@1.20.1"), ("strict", "onnxruntime@1.20.1"), ("specimen", "tensorrt@10.13.3.9")):
        text += [f"  {service}:", f"    owner: {{name: {service}-team, contact: '#{service}', deputy: platform}}", "    reach: internal",
                 "    criticality: high", "    environments: [production]", f"    runtime: {runtime}", f"    roots: [fleet/{service}]"]
    put(site / "reforge.yaml", "\n".join(text) + "\n")
    requests = []
    for name, (source, tensor_name, shape, service) in MODELS.items():
        put(site / f"models/{name}.onnx", source.read_bytes())
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        put(site / f"golden/{name}/inputs.json", json.dumps({"format": 1, "model": name, "inputs": [tensor_name]}))
        for case in (1, 2): put(site / f"golden/{name}/case{case}/0.npy", tensor(shape, case))
        tolerance = "{atol: 0, rtol: 0}" if service == "strict" else "{atol: 1e-4, rtol: 1e-3}"
        put(site / f"recipes/{name}.yaml",
            f"model: {name}\nowner: {{name: {service}-team, contact: '#{service}'}}\nsource: {{path: models/{name}.onnx, sha256: {digest}}}\n"
            f"toolchain: onnxruntime\ntargets: [{target}]\nbuild: {{args: [--optimization=all], timeout: 5m, memory: 2GiB}}\n"
            f"prove:\n  inputs: golden/{name}\n  outputs: {{'*': {tolerance}}}\n  performance: {{p50: +500%, samples: 20..40}}\n")
        engine = site / f"fleet/{service}/{name}/1/model.onnx"
        engine.parent.mkdir(parents=True)
        requests.append({"op": "build", "source": str(site / f"models/{name}.onnx"), "engine": str(engine), "target": target, "args": [],
                         "stamps": {"reforge.recipe": name, "reforge.source": digest}})
    driver(build, "1.20.1", *requests)
    (site / "fleet/specimen/lane/1").mkdir(parents=True)
    subprocess.run([pathlib.Path(build) / "demo/specimen/reforge-specimen", "--version", "10.13.3.9", "--cc", "8.6",
                    str(site / "fleet/specimen/lane/1/model.plan")], check=True)
    put(site / "recipes/lane.yaml", "model: lane\nowner: {name: specimen-team, contact: '#specimen'}\n"
        f"source: {{path: models/lane.onnx, sha256: {hashlib.sha256(b'lane').hexdigest()}}}\ntoolchain: tensorrt\ntargets: [linux-x86_64/sm_86]\n"
        "prove:\n  inputs: golden/lane\n  outputs: {'*': {atol: 0.01}}\n")
    def advisory(id, summary, purl, fixed):
        put(site / f"advisories/{id}.json", json.dumps(
            {"schema_version": "1.6.0", "id": id, "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": summary,
             "affected": [{"package": {"ecosystem": "npm", "name": "onnxruntime-node", "purl": purl},
                           "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}))
    advisory(DRILL, "DRILL: ONNX Runtime before 1.21.0", "pkg:generic/microsoft/onnxruntime", "1.21.0")
    return site, target
