#!/usr/bin/env python3
"""scan: engines of the data folder as expected.csv says; every kind of bad input: a finding or an error that names file and rule."""
import csv, json, os, pathlib, socket, struct, subprocess
from tap import *

PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE   # the sanitizers look on
def scan(*args, **more):
    return run("scan", *args, program=PROGRAM, **more)

def real_engines():
    data = ROOT.parent / "shared/data/engines"
    if not (data / "expected.csv").exists():
        return skip("engines as expected.csv says", "no data folder beside the repository")
    result = scan("--json", data)
    by_name = {pathlib.Path(f["path"]).name: f for f in result.lines()}
    rows = list(csv.DictReader(open(data / "expected.csv")))
    wrong = []
    for row in rows:
        f = by_name.get(row["file"], {})
        got = (f.get("kind"), f.get("version") or "", f.get("compute_capability") or "", f.get("sha256"))
        want = (row["kind"], row["version"] if row["version"] not in ("none",) else "", row["compute_capability"], row["sha256"])
        if got != want:
            wrong.append(f"{row['file']}: {got}, expected {want}")
    ok(len(rows) > 30 and not wrong, f"{len(rows)} real engines: kind, version, compute capability, digest", *wrong)
    ok(result.status in (0, 3), "their scan ends with 0 or 3", result)
    light = {pathlib.Path(f["path"]).name: f for f in scan("--json", "--no-digest", data).lines()}
    keys = ("kind", "version", "compute_capability", "target", "size")
    differ = [n for n, f in by_name.items() if any(light.get(n, {}).get(k) != f[k] for k in keys)]
    told = [n for n, f in by_name.items() if f.get("cubins")]
    ok(len(told) == 17 and all(by_name[n]["components"] and by_name[n]["cubins"]["sm"] for n in told) and
       all(f["rules"] == [] for f in by_name.values()), "17 of them hold kernels: SMs and CUDA toolkits are told; no rule objects to any", told)
    by_the_schema(list(by_name.values()))
    ok(not differ and all(f["sha256"] is None for f in light.values()), "--no-digest reads the same from the headers, hashes nothing", differ)

def varint(v):
    out = bytearray()
    while True:
        out.append(v & 0x7F | (0x80 if v > 0x7F else 0)); v >>= 7
        if not v: return bytes(out)
def field(n, b): return varint(n << 3 | 2) + varint(len(b)) + b

def specimen(path, *args):
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    subprocess.run([maker, *args, str(path)], check=True)
    return path.read_bytes()

def hostile_files():
    d = folder() / "hostile"; d.mkdir()
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    if not os.access(maker, os.X_OK):
        return skip("hostile plans", "the specimen maker is not built")
    plan = specimen(d / "good.plan", "--version", "10.13.3.9", "--cc", "8.6")
    prefixed = specimen(d / "prefixed.engine", "--version", "10.9.0.34", "--cc", "8.6", "--prefix", '{"task": "segment"}')
    put = lambda name, data: (d / name).write_bytes(data)
    put("empty.plan", b"")
    put("one.engine", b"f")
    for n in (4, 8, 15, 16, 24, 31, 32, 33, 63, 64, 100):
        put(f"cut{n}.plan", plan[:n])
    put("cut-tail.plan", plan[:-1])
    put("half.plan", plan[:len(plan) // 2])
    for at in range(4, 120, 4):                       # every early word claims 2^63, 2^64-1, 0
        for name, value in (("big", 1 << 63), ("all", (1 << 64) - 1), ("zero", 0)):
            b = bytearray(plan); b[at:at + 8] = struct.pack("<Q", value)
            put(f"{name}{at}.plan", bytes(b[:len(plan)]))
    put("prefix-lies-long.engine", struct.pack("<I", 0x7FFFFFFF) + b"{" + prefixed[5:])
    put("prefix-lies-short.engine", struct.pack("<I", 3) + prefixed[4:])
    put("prefix-only.engine", struct.pack("<I", 16) + b'{"task": "x"}   ')
    put("prefix-not-json.engine", struct.pack("<I", 16) + b"\xff" * 16 + plan)
    deep = b""
    for _ in range(4000): deep = struct.pack("<I", 4) + deep[:64]
    put("deep.engine", struct.pack("<I", 16) + b"ptrt" + deep)
    put("deep.ort", struct.pack("<I", 16) + b"ORTM" + struct.pack("<i", 4) * 4000)
    put("loop.ort", struct.pack("<I", 8) + b"ORTM" + struct.pack("<i", -8) * 100)
    nested = b""
    for _ in range(2000): nested = field(7, nested)
    put("deep.onnx", varint(8) + varint(8) + nested)
    put("endless-length.onnx", b"\x08\x08\x3a" + b"\xff" * 9 + b"\x01")
    put("overlong-varint.onnx", b"\x08" + b"\xff" * 64)
    put("named-only.trt", b"MZ this is no engine")
    put("lfs.plan", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 99999999999999999999\n")
    with open(d / "sparse.plan", "wb") as f:          # 1 TiB by its size, a header's worth by its content
        f.write(plan); f.truncate(1 << 40)
    with open(d / "sparse-zero.engine", "wb") as f:
        f.truncate(1 << 34)
    r = scan("--json", "--no-digest", d, timeout=60)
    files = {pathlib.Path(f["path"]).name: f for f in r.lines()}
    check(r, 3, "a folder of hostile files is scanned to its end, status 3")
    ok(len(files) == len(list(d.iterdir())), "each of them is reported", len(files), len(list(d.iterdir())))
    doubtful = lambda f: f["finding"] in ("conflict", "unknown") and f["cause"] and f["notes"]
    noted = lambda f: any("truncated" in n for n in f["notes"])
    cut = [n for n in files if n.startswith(("cut", "half"))]
    ok(len(cut) > 10 and all(doubtful(files[n]) or noted(files[n]) for n in cut), "truncation is noted, whatever can still be read",
       *[json.dumps(files[n]) for n in cut if not doubtful(files[n]) and not noted(files[n])])
    lying = ["empty.plan", "sparse.plan", "sparse-zero.engine", "prefix-lies-long.engine", "prefix-lies-short.engine", "prefix-only.engine",
             "prefix-not-json.engine", "deep.engine"]
    ok(all(doubtful(files[n]) for n in lying), "what is empty, oversized or lies is conflict or unknown with its cause and a note",
       *[json.dumps(files[n]) for n in lying if not doubtful(files[n])])
    ok(all(files[n]["notes"] and files[n]["kind"] == "other" for n in ("named-only.trt", "one.engine")), "what is only named like an engine is told so")
    ok(files["good.plan"]["finding"] in (None, "") and files["good.plan"]["version"] == "10.13.3.9" and
       files["prefixed.engine"]["version"] == "10.9.0.34", "good ones beside them are read as ever", files["good.plan"], files["prefixed.engine"])
    for n in ("sparse.plan", "sparse-zero.engine"): (d / n).unlink()
    r = scan("--json", d, timeout=60)
    ok(r.status == 3 and all(f["sha256"] for f in r.lines()), "the full scan hashes all that has content", r)
    for n in ("sparse.plan",):
        with open(d / n, "wb") as f:
            f.write(plan); f.truncate(64 << 20)
    r = scan("--json", d / "sparse.plan")
    f = r.lines()[0]
    ok(f["finding"] == "conflict" and f["size"] == 64 << 20, "more bytes than the header declares: conflict", f)

def by_the_schema(files):
    """Every member is one that the published schema has, and those that it requires are there."""
    schema = json.load(open(ROOT / "docs/schema/scan.schema.json"))
    wrong = [f"{f['path']}: {sorted(set(f) ^ set(schema['required']))}" for f in files
             if not set(schema["required"]) <= set(f) <= set(schema["properties"])]
    ok(files and not wrong, "every member of the JSON is in its schema", *wrong[:5])

def inspected():
    """One changed field, one rule; and libraries by what they say themselves."""
    d = folder() / "inspected"; d.mkdir()
    if not os.access(os.path.join(BUILD, "demo/specimen/reforge-specimen"), os.X_OK):
        return skip("engines by rule", "the specimen maker is not built")
    one = specimen(d / "good.plan", "--version", "10.3.0.26", "--size", "20000")
    two = specimen(d / "good-two.plan", "--version", "10.13.3.9", "--size", "20000")
    library = specimen(d / "libmine.so", "--library", "libmine.so", "--needed", "libnvinfer.so.10")
    specimen(d / "libnvinfer.so.10.13.3", "--library", "libnvinfer.so.10", "--version", "10.13.3.9")
    specimen(d / "libnvinfer.so.11.0.0", "--library", "libnvinfer.so.10", "--version", "10.13.3.9")
    specimen(d / "libcreators.so", "--library", "libcreators.so", "--export", "getPluginCreators")
    def changed(plan, at, value, form="<Q"):
        b = bytearray(plan); struct.pack_into(form, b, at, value); return bytes(b)
    inside = lambda plan, at, what: plan[:at] + what + plan[at + len(what):]
    pe = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(0x80 - 64) + b"PE\0\0\x64\x86"
    cases = [
        ("container_version_unknown", "unknown", changed(one, 4, 7, "<I")), ("size_mismatch", "conflict", changed(one, 16, 100)),
        ("truncated", "conflict", changed(changed(changed(one, 0x10, 1 << 40), 0x30, (1 << 40) - 0x3c), 0x48, (1 << 40) - 0x3c - 24)),
        ("truncated", "conflict", one[:len(one) // 2]),
        ("size_impossible", "conflict", changed(one, 16, 1 << 63)), ("section_count_impossible", "conflict", changed(one, 8, 1 << 40)),
        ("section_past_end", "conflict", changed(one, 0x2C, 0x41414141, "<I")), ("section_past_end", "conflict", changed(one, 0x34, 0x41414141, "<I")),
        ("section_in_table", "conflict", changed(one, 40, 8)), ("section_overlap", "conflict", changed(two, 64, 100)),
        ("second_engine_section", "unknown", inside(two, 56, b"NGNE")), ("engine_section_absent", "unknown", inside(one, 32, b"XXXX")),
        ("archive_size_mismatch", "conflict", changed(one, 72, 5)), ("archive_unreadable", "unknown", inside(one, 80, b"\x77" * 4)),
        ("version_mismatch", "conflict", inside(one, 24, b"\x0b")), ("host_code_elf", "conflict", inside(one, 9000, library)),
        ("host_code_pe", "conflict", inside(one, 9000, pe)),
    ]
    for i, (rule, _, data) in enumerate(cases):
        (d / f"{i:02d}-{rule}.engine").write_bytes(data)
    r = scan("--json", d)
    files = {pathlib.Path(f["path"]).name: f for f in r.lines()}
    wrong = []
    for i, (rule, finding, _) in enumerate(cases):
        f = files.get(f"{i:02d}-{rule}.engine", {})
        if f.get("finding") != finding or rule not in f.get("rules", []):
            wrong.append(json.dumps(f))
    ok(not wrong, f"{len(cases)} crafted engines: each refused by its rule's name", *wrong)
    ok(all(files[n]["finding"] is None and files[n]["rules"] == [] for n in ("good.plan", "good-two.plan")), "the engines they were made from are not")
    code = [f for n, f in files.items() if "host_code" in n]
    ok(len(code) == 2 and all(f["cause"] == "host_code" and f["kind"] == "tensorrt-plan" for f in code), "code for a CPU is a finding of its own cause", *code)
    f = files["libnvinfer.so.10.13.3"]
    ok((f["kind"], f["product"], f["version"], f["version_source"], f["finding"]) ==
       ("runtime-library", "pkg:generic/nvidia/tensorrt", "10.13.3.9", "package", None), "TensorRT says its version itself", f)
    ok(files["libnvinfer.so.11.0.0"]["rules"] == ["version_mismatch"] and files["libnvinfer.so.11.0.0"]["version"] == "10.13.3.9",
       "under another name it still does, and the two disagree", files["libnvinfer.so.11.0.0"])
    mine, creators = files["libmine.so"], files["libcreators.so"]
    ok(mine["kind"] == creators["kind"] == "tensorrt-plugin-library" and
       mine["components"] == [{"product": "pkg:generic/nvidia/tensorrt", "version": "10.x", "role": "runtime", "source": "needed", "where": "libnvinfer.so.10"}],
       "what links TensorRT is a plugin library, TensorRT 10 a component of it", mine, creators)
    by_the_schema(list(files.values()))

def parts_are_judged():
    """check: a lean runtime inside a clean plan, and the TensorRT that a plugin library links, are judged too."""
    if not os.access(os.path.join(BUILD, "demo/specimen/reforge-specimen"), os.X_OK):
        return skip("parts of files", "the specimen maker is not built")
    d = folder() / "parts"; d.mkdir()
    run("init", d, program=PROGRAM)
    run("feed", "import", *sorted((ROOT / "demo/advisories").glob("nvidia-*.json")), cwd=d, program=PROGRAM)
    clean = specimen(d / "clean.plan", "--version", "11.4.0.106", "--size", "20000")
    lean = specimen(d / "lean.so", "--library", "libnvinfer_lean.so.10", "--version", "10.13.3.9", "--export", "createLeanRuntime")
    specimen(d / "libmine.so", "--library", "libmine.so", "--needed", "libnvinfer.so.10")
    at = struct.unpack_from("<Q", clean, 64)[0]
    (d / "lean.plan").write_bytes(clean[:56] + b"NAEL" + clean[60:at] + lean + clean[at + len(lean):])
    checked = lambda name: run("check", "--json", name, cwd=d, program=PROGRAM)
    r = checked("clean.plan")
    ok(r.status == 0 and r.lines()[0]["decision"] == "allow", "an engine of 11.4 is not affected", r)
    r = checked("lean.plan")
    found = [f for f in r.lines()[0]["findings"] if f["finding"] == "affected"]
    ok(r.status == 1 and found and all((f["carrier"], f["version"]) == ("runtime", "10.13.3.9") for f in found),
       "with a lean runtime of 10.13 inside, its runtime is", r)
    r = checked("libmine.so")
    ok(r.status in (1, 3) and r.lines()[0]["decision"] != "allow" and all(f["version"] == "10.x" for f in r.lines()[0]["findings"]),
       "what links TensorRT 10 is no pass", r)

def odd_entries():
    d = folder() / "odd"; (d / "sub").mkdir(parents=True)
    names = ["new\nline.plan", "quote'\".engine", "tab\t.trt", "esc\x1b[31mred.plan", "sp ace.plan", "-dash.plan", "ünïcode-模型.plan"]
    for n in names: (d / "sub" / n).write_bytes(b"not an engine")
    raw = os.fsencode(d) + b"/sub/\xff\xfe.plan"
    with open(raw, "wb") as f: f.write(b"x")
    os.symlink("..", d / "sub" / "up"); os.symlink("loop", d / "loop"); os.symlink("nowhere", d / "dangling.plan")
    os.mkfifo(d / "fifo.plan")
    s = socket.socket(socket.AF_UNIX); s.bind(str(d / "socket.engine")); s.close()
    r = scan("--json", d, timeout=30)
    paths = [f["path"] for f in r.lines()]
    ok(r.status == 3 and all(any(p.endswith("/" + n) for p in paths) for n in names), "names with newlines, quotes, escapes stand exactly in JSON", r)
    ok(any("\ufffd" in p or "\udcff" in p or "\\xff" in p or "�" in p for p in paths) or len(paths) >= len(names) + 1,
       "a name that is no UTF-8 is reported and keeps the JSON valid", paths)
    ok(sum(p.endswith("sp ace.plan") for p in paths) == 1, "symbolic links that loop are not followed twice", paths)
    w = scan(d, timeout=30)
    ok("\x1b" not in w.out and "new\nline" not in w.out, "the table cannot be driven by a file's name", w)
    for target, words in ((d / "fifo.plan", "fifo"), (d / "socket.engine", "socket"), ("/dev/zero", "device"), (d / "loop", "loop"), (d / "dangling.plan", "dangling")):
        r = scan("--json", target, timeout=20)
        check(r, 2 if not r.out else 3, f"{words} named on the command line: ends at once, not 0", str(target))
    r = scan("--json", d / "absent.plan")
    check(r, 2, "a path that is not there: 2, the path is named", "absent.plan")
    (d / "dash").mkdir(); (d / "dash" / "-x.plan").write_bytes(b"")
    r = scan("--json", "./-x.plan", cwd=d / "dash")
    ok(r.lines() and r.lines()[0]["path"].endswith("-x.plan"), "a name that begins with a dash", r)

def unreadable():
    if not as_root():
        return skip("unreadable folders and files", "needs root to become somebody else")
    d = folder() / "closed"; (d / "dir").mkdir(parents=True); (d / "dir/in.plan").write_bytes(b"x"); (d / "file.plan").write_bytes(b"x")
    (d / "open.plan").write_bytes(b"x")
    (d / "dir").chmod(0o700); (d / "file.plan").chmod(0o600); d.chmod(0o755); (d / "open.plan").chmod(0o644); folder().chmod(0o755)
    r = scan("--json", d, user=65534)
    errors = [f for f in r.lines() if f["cause"] == "unreadable"]
    ok(r.status == 3 and {pathlib.Path(f["path"]).name for f in errors} == {"dir", "file.plan"} and
       all("ermission denied" in f["notes"][0] for f in errors), "an unreadable folder and file: named, status 3, the rest is read", r)
    ok(any(f["path"].endswith("open.plan") and f["cause"] is None for f in r.lines()), "what can be read is", r)

def kernels_own():
    """A folder in which the kernel shows something of its own: named, not entered, and the rest is read."""
    d = folder() / "kernel"; (d / "proc").mkdir(parents=True); (d / "z.plan").write_bytes(b"\0" * 100)
    mount = ["unshare", "--mount", "sh", "-c", f"mount -t proc proc {d}/proc && exec \"$@\"", "sh"]
    if subprocess.run(mount + ["true"], stderr=subprocess.DEVNULL).returncode:
        return skip("a kernel's file system inside of what is scanned", "nothing may be mounted here")
    p = subprocess.run(mount + [str(PROGRAM), "scan", "--json", str(d)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, timeout=60)
    files = {f["path"][len(str(d)) + 1:]: f for f in map(json.loads, p.stdout.splitlines())}
    ok(set(files) == {"proc", "z.plan"} and files["proc"]["finding"] is None and "left out" in files["proc"]["notes"][0], "proc is left out, and said", sorted(files)[:20], p.stderr)
    r = scan("--json", "/proc/self")
    ok(r.status == 3 and len(r.lines()) == 1 and r.lines()[0]["finding"] == "unknown", "asked for by name it is unknown", r)

for group in (real_engines, hostile_files, inspected, parts_are_judged, odd_entries, unreadable, kernels_own):
    guarded(group)
done()
