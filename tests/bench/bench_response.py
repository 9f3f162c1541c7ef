"""response: what a rebuild costs around the toolchain: a driver that only copies, isolated, every transition durable."""
import hashlib, json, os, pathlib, subprocess
import bench

SMALL, LARGE = 2_000, 20_000
PER_SERVICE = 500

def varint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80]); n >>= 7
    return out + bytes([n])

def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload

def model():
    """A small ONNX model: ir_version 8, an empty graph with a name, opset 13."""
    return b"\x08\x08" + field(7, field(2, b"bench")) + field(8, b"\x10\x0d")

def stamped(source, **stamps):
    return source + b"".join(field(14, field(1, k.replace("_", ".").encode()) + field(2, v.encode())) for k, v in stamps.items())

def npy(shape, values):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s,), }" % ", ".join(map(str, shape))
    header = header.ljust(64 * ((len(header) + 10) // 64 + 1) - 11) + "\n"
    import struct
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack(f"<{len(values)}f", *values)

def site(where, engines):
    """A workspace of @engines engines, 500 to a service, all built by "1.20.1"; the copying stand-in is their toolchain."""
    w = pathlib.Path(where)
    subprocess.run([bench.program("reforge"), "init", where, "--site", "bench"], check=True, stdout=subprocess.DEVNULL)
    probe = subprocess.run([bench.program("toolchains/onnxruntime/reforge-toolchain-onnxruntime")], capture_output=True, text=True, input="")
    for version in ("1.20.1", "1.21.1"):
        (w / f"stand-in-{version}").write_text(version + "\n")
    source = model()
    (w / "models").mkdir(exist_ok=True)
    (w / "models/bench.onnx").write_bytes(source)
    digest = hashlib.sha256(source).hexdigest()
    golden = w / "golden/bench/case"
    golden.mkdir(parents=True)
    (w / "golden/bench/inputs.json").write_text('{"format": 1, "model": "bench", "inputs": ["x"]}\n')
    (golden / "0.npy").write_bytes(npy([4], [1, 2, 3, 4]))
    target = machine_target()
    services = []
    for i in range(engines):
        service, name = f"s{i // PER_SERVICE:03d}", f"m{i:05d}"
        if i % PER_SERVICE == 0:
            services.append(service)
        (w / f"recipes/{name}.yaml").write_text(
            f"model: {name}\nowner: {{name: bench, contact: bench}}\nsource: {{path: models/bench.onnx, sha256: {digest}}}\n"
            f"toolchain: onnxruntime\ntargets: [{target}]\nbuild: {{timeout: 5m, memory: 64MiB}}\n"
            f"prove:\n  inputs: golden/bench\n  outputs: {{\"*\": {{atol: 0, rtol: 0}}}}\n  performance: {{samples: 1..1}}\n")
        folder = w / f"fleet/{service}/{name}/1"
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(stamped(source, reforge_toolchain="onnxruntime", reforge_toolchain_version="1.20.1",
                                                    reforge_target=target, reforge_recipe=name))
    driver = bench.program("tests/bench/reforge-stand-in-copy-driver")
    text = ["site: bench", "toolchains:", "  onnxruntime:", f"    driver: {driver}", "    versions:"]
    text += [f"      {v}: {{library: stand-in-{v}}}" for v in ("1.20.1", "1.21.1")]
    text += ["environments:", "  production: {}", "services:"]
    for s in services:
        text += [f"  {s}:", "    owner: {name: bench, contact: bench}", "    environments: [production]", "    runtime: onnxruntime@1.20.1",
                 f"    roots: [fleet/{s}]"]
    (w / "reforge.yaml").write_text("\n".join(text) + "\n")
    return services

def machine_target():
    library = bench.program("tests/bench/stand-in-version")
    pathlib.Path(library).write_text("1.20.1\n")
    talk = json.dumps({"protocol": 1, "library": library}) + "\n" + json.dumps({"op": "probe"}) + "\n"
    out = subprocess.run([bench.program("tests/bench/reforge-stand-in-copy-driver")], input=talk, capture_output=True, text=True).stdout
    for line in out.splitlines():
        answer = json.loads(line)
        if answer.get("target"):
            return answer["target"]
    raise RuntimeError("the stand-in driver names no target: " + out)

def respond(engines):
    """Seconds per engine of the whole respond, and its peak memory."""
    where = bench.folder("response")
    try:
        services = site(where, engines)
        reforge = [bench.program("reforge"), "-C", where, "-q"]
        subprocess.run(reforge + ["scan"], stdout=subprocess.DEVNULL)
        subprocess.run(reforge + ["feed", "import", "demo/advisories/DRILL-2026-0001-ONNXRUNTIME.osv.json"], check=True, stdout=subprocess.DEVNULL)
        out = open(os.path.join(where, "outcome.json"), "w+")
        run = bench.Run(reforge + ["respond", "DRILL-2026-0001-ONNXRUNTIME", "--yes", "--json"], stdout=out)
        out.seek(0)
        outcome = json.load(out)
        if outcome["proven"] != engines or outcome["published"] != len(services):
            raise RuntimeError(f"the response did not end right: {outcome}")
        return run.wall / engines, run.peak
    finally:
        bench.remove(where)

def bwrap():
    argv = ["bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]
    return bench.median([bench.Run(argv).wall for _ in range(100)])

def response_engine():
    """a response over 2,000 and 20,000 engines with a driver that only copies (a stand-in)"""
    start = bwrap()
    small, peak = respond(SMALL)
    start = bench.median([start, bwrap()])
    limit = 4 * start + 0.008
    yield bench.at_most("response, per engine of 2,000", small * 1000, "ms", round(limit * 1000, 2), f"4 x bwrap true ({start * 1000:.2f} ms) + 8 ms")
    large, peak = respond(LARGE)
    yield bench.at_most("response, per engine, 20,000 against 2,000", large / small, "x", 1.3, f"2,000: {small * 1000:.2f} ms")
    yield bench.at_most("response over 20,000 engines, peak memory", peak / 2**20, "MiB", 512, "512 MiB")
