"""A brownfield of 400 engines as a customer has it: mixed versions, some logs, lost models, folders that nobody owns."""
import hashlib, json, os, pathlib, subprocess
from fleet import DRILL, TARGET, model, npy, put, stamped
from tap import *

MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")
DRIVER = pathlib.Path(BUILD) / "tests/bench/reforge-stand-in-copy-driver"
PLANS = [("8.6.1.6", "8.6"), ("8.5.3.1", "7.5"), ("10.3.0.26", "8.6"), ("7.1.3.4", "6.1")]

def plan(n):
    """Four contents, made once: TensorRT specimens."""
    if n not in plan.made:
        version, cc = PLANS[n]
        path = folder() / f"specimen{n}.plan"
        subprocess.run([MAKER, "--version", version, "--cc", cc, str(path)], check=True)
        plan.made[n] = path.read_bytes()
    return plan.made[n]
plan.made = {}

def log(onnx, engine, n, *args):
    version, cc = PLANS[n]
    a = version.split(".")
    number = "%d" % (int(a[0]) * (10000 if int(a[0]) >= 10 else 1000) + int(a[1]) * 100 + int(a[2]))
    command = f"trtexec --onnx={onnx} --saveEngine={engine} {' '.join(args)}"
    return (f"&&&& RUNNING TensorRT.trtexec [TensorRT v{number}] # {command}\n[08/23/2025-12:00:00] [I] Compute Capability: {cc}\n"
            f"&&&& PASSED TensorRT.trtexec [TensorRT v{number}] # {command}\n")

def grow(tree):
    """Returns what each engine must become, by path: ready, asks, not rebuildable."""
    want, seed = {}, 0
    def onnx(where, name):
        nonlocal seed
        seed += 1
        put(tree / where / f"{name}.onnx", model(seed))
    def engine(path, data, state):
        put(tree / path, data)
        want[str(tree / path)] = state
    for i in range(80):                                        # Triton, with a log and the model: all is told
        name, n = f"told{i:03}", i % 2 * 2                     # both sm_86
        onnx("models", name)
        engine(f"vision{i % 4}/{name}/1/model{i}.plan", plan(n), "ready")
        put(tree / f"ci/{name}.log", log(f"/build/{name}.onnx", f"/out/{name}/1/model{i}.plan", n, "--fp16"))
    for i in range(60):                                        # the model is there, nobody wrote down how
        name = f"silent{i:03}"
        onnx("models", name)
        engine(f"vision{i % 4}/{name}.plan", plan(1), "asks")
    for i in range(60):                                        # neither
        engine(f"legacy/lost{i:03}/1/model.plan", plan(3), "not rebuildable")
    for i in range(40):                                        # DeepStream's names
        name = f"stream{i:03}"
        onnx("models", name)
        engine(f"cameras/{name}.onnx_b1_gpu0_fp16.engine", plan(0), "asks")
    for i in range(160):                                       # ONNX Runtime with our stamp; of a quarter the model is gone
        name = f"speech{i:03}"
        seed += 1
        source = model(seed)
        if i % 4:
            put(tree / f"models/{name}.onnx", source)
            put(tree / f"golden/{name}/inputs.json", json.dumps({"format": 1, "model": name, "inputs": ["x"]}))
            put(tree / f"golden/{name}/a/0.npy", npy([1.0, 2.0, 3.0, 4.0]))
        engine(f"speech/{name}/1/model.onnx", stamped(source, **{
            "reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.20.1", "reforge.target": TARGET, "reforge.recipe": name,
            "reforge.source": hashlib.sha256(source).hexdigest()}), "ready" if i % 4 else "not rebuildable")
    put(tree / "legacy/lost000/config.pbtxt", 'name: "lost000"\nplatform: "tensorrt_plan"\nmax_batch_size: 8\ninput [ { name: "x" data_type: TYPE_FP32 dims: [ 3, 64, 64 ] } ]\n')
    put(tree / "README.md", "We build with trtexec, see ci/.\n")
    put(tree / "own.csv", "folder,service,owner,contact,platform,runtime\n" +
        "".join(f"vision{i},vision{i},vision-team,#vision,linux-x86_64,tensorrt@10.3.0\n" for i in range(4)) +
        "cameras,,camera-team,#cameras,linux-x86_64,tensorrt@8.6.1\nspeech,,speech-team,#speech,linux-x86_64,onnxruntime@1.20.1\n")
    return want

def site_of(name):
    site = folder() / name
    subprocess.run([REFORGE, "init", str(site), "--site", name], check=True, stdout=subprocess.DEVNULL)
    text = ["site: " + name, "toolchains:", "  onnxruntime:", f"    driver: {DRIVER}", "    versions:"]
    for version in ("1.20.1", "1.21.1"):
        put(site / f"toolchains/{version}", f"{version}\ntarget {TARGET}\n")
        text.append(f'      "{version}": {{library: toolchains/{version}}}')
    put(site / "reforge.yaml", "\n".join(text + ["kubernetes: {service_label_holds: anywhere}   # all who may write pods are ours",
                                                     "environments:", "  production: {}   # ours", "services: {}  # none yet", "# the end", ""]))
    put(site / "drill.json", json.dumps(
        {"schema_version": "1.6.0", "id": DRILL, "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": "DRILL: ONNX Runtime before 1.21.0",
         "affected": [{"package": {"ecosystem": "npm", "name": "onnxruntime-node", "purl": "pkg:generic/microsoft/onnxruntime"},
                       "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.21.0"}]}]}]}))
    return site
