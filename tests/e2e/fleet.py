"""A fleet for end-to-end tests and benches: a workspace whose toolchain is the copying stand-in of tests/bench.

Models are ONNX files of one node; engines in service are the same files with the stamp of version 1.20.1, so that scan, plan,
build, prove and publish run for real; only the compiler is missing.
"""
import hashlib, json, os, pathlib, struct, subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRILL = "DRILL-2026-0100"
TARGET = "linux-x86_64/stand-in"

def field(number, payload):
    """A length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload

def varint(v):
    out = bytearray()
    while True:
        out.append(v & 0x7F | (0x80 if v > 0x7F else 0))
        v >>= 7
        if not v:
            return bytes(out)

def number(n, v):
    return varint(n << 3) + varint(v)

def value_info(name):
    dim = field(1, number(1, 4))                                 # TensorShapeProto with one dimension of 4
    return field(1, name.encode()) + field(2, field(1, number(1, 1) + field(2, dim)))

def model(seed):
    """ModelProto: ir_version 8, opset 13, y = Identity(x); the seed makes each file another."""
    node = field(1, b"x") + field(2, b"y") + field(3, b"n%d" % seed) + field(4, b"Identity")
    graph = field(1, node) + field(2, b"g%d" % seed) + field(11, value_info("x")) + field(12, value_info("y"))
    return number(1, 8) + field(2, b"fleet.py") + field(7, graph) + field(8, number(2, 13))

def stamped(source, **stamps):
    entries = b"".join(field(14, field(1, k.encode()) + field(2, v.encode())) for k, v in stamps.items())
    return source + entries

def npy(values):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d,), }" % len(values)
    head += " " * (64 - (10 + len(head) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode("latin1") + struct.pack("<%df" % len(values), *values)

def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())

def make(folder, reforge, build, engines, services=1, performance=True):
    """Makes the workspace and returns its path. @engines in all, spread over @services."""
    site = pathlib.Path(folder)
    subprocess.run([reforge, "init", str(site), "--site", "fleet"], check=True, stdout=subprocess.DEVNULL)
    driver = pathlib.Path(build) / "tests/bench/reforge-stand-in-copy-driver"
    put(site / "golden/inputs.json", json.dumps({"format": 1, "inputs": ["x"], "note": "one vector"}))
    put(site / "golden/a/0.npy", npy([1.0, 2.0, 3.0, 4.0]))
    text = ["site: fleet", "toolchains:", "  onnxruntime:", f"    driver: {driver}", "    versions:"]
    for version in ("1.20.1", "1.21.1", "1.22.0"):
        put(site / f"toolchains/{version}", f"{version}\ntarget {TARGET}\n")
        text.append(f'      "{version}": {{library: toolchains/{version}}}')
    text += ["environments:", "  production: {}", "services:"]
    for s in range(services):
        text += [f"  service{s}:", "    owner: {name: owner, contact: '#owner'}", "    reach: internal", "    criticality: normal",
                 "    environments: [production]", "    runtime: onnxruntime@1.20.1", f"    roots: [fleet/service{s}]"]
    put(site / "reforge.yaml", "\n".join(text) + "\n")
    perf = "  performance: {p50: +1000%, samples: 20..20}\n" if performance else ""
    for i in range(engines):
        source, name = model(i), f"m{i:05d}"
        put(site / f"models/{name}.onnx", source)
        put(site / f"recipes/{name}.yaml",
            f"model: {name}\nowner: {{name: owner, contact: '#owner'}}\n"
            f"source: {{path: models/{name}.onnx, sha256: {hashlib.sha256(source).hexdigest()}}}\n"
            f"toolchain: onnxruntime\ntargets: [{TARGET}]\nbuild: {{timeout: 1m, memory: 64MiB}}\n"
            f"prove:\n  inputs: golden\n  outputs: {{'*': {{atol: 0, rtol: 0}}}}\n{perf}")
        put(site / f"fleet/service{i % services}/{name}/1/model.onnx",
            stamped(source, **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.20.1", "reforge.target": TARGET,
                               "reforge.recipe": name}))
    put(site / "drill.json", json.dumps(
        {"schema_version": "1.6.0", "id": DRILL, "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z",
         "summary": "DRILL: ONNX Runtime before 1.21.0",
         "affected": [{"package": {"ecosystem": "npm", "name": "onnxruntime-node", "purl": "pkg:generic/microsoft/onnxruntime"},
                       "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.21.0"}]}]}]}))
    run(reforge, site, "scan", "--quiet")
    run(reforge, site, "feed", "import", "drill.json")
    return site

def run(reforge, site, *args, ok=(0, 1, 3)):
    p = subprocess.run([reforge, "-C", str(site), *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=site)
    if p.returncode not in ok:
        raise RuntimeError(f"reforge {' '.join(args)} ended with {p.returncode}: {p.stderr.decode(errors='replace')}")
    return p.stdout
