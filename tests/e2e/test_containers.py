#!/usr/bin/env python3
"""scan: engines inside of containers, found with the facts that they have alone; bombs, damage, names that lead out; sets."""
import csv, gzip, hashlib, io, json, lzma, os, re, struct, subprocess, sys, tarfile, time, zipfile
from containers import *
from tap import *

PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE   # the sanitizers look on
MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")
def scan(*args, **more):
    return run("scan", "--json", *args, program=PROGRAM, **more)

def specimen(name, *args):
    path = folder() / name
    subprocess.run([MAKER, *args, str(path)], check=True)
    return path.read_bytes()

def facts(line):
    return {k: v for k, v in line.items() if k not in ("path", "path_hex")}

def put_all(where, files):
    for name, data in files.items():
        if data is None:
            continue
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_bytes(data)

def found_again(engines, label):
    alone = folder() / f"alone-{label}"; alone.mkdir()
    put_all(alone, engines)
    expected = {f["sha256"]: facts(f) for f in scan(alone).lines()}
    wrapped = folder() / f"wrapped-{label}"; wrapped.mkdir()
    made, times = wrappings(engines)
    put_all(wrapped, made)
    result = scan(wrapped, timeout=900)
    seen, differ = {}, []
    for line in result.lines():
        if "!/" not in line["path"] or line["sha256"] not in expected:
            continue
        outer = os.path.relpath(line["path"].split("!/")[0], wrapped)
        seen.setdefault(outer, []).append(line["sha256"])
        named = lambda f: {k: v for k, v in f.items() if k not in ("notes",)}
        if named(facts(line)) != named(expected[line["sha256"]]):
            differ.append(f"{line['path']}: {facts(line)}, alone {expected[line['sha256']]}")
    for name, data in made.items():
        if data is None:
            skip(f"{label}: {name}", "no program here makes it")
            continue
        got = seen.get(name, [])
        ok(set(got) == set(expected) and len(got) == len(engines) * times.get(name, 1), f"{label}: every engine inside of {name}",
           f"{len(got)} of {len(engines) * times.get(name, 1)}", result.err[-2000:])
    ok(not differ, f"{label}: inside of a container the facts are what they are alone", *differ[:5])
    return result

def real_engines():
    data = ROOT.parent / "shared/data/engines"
    if not (data / "expected.csv").exists():
        return skip("real engines in every wrapping", "no data folder beside the repository")
    rows = list(csv.DictReader(open(data / "expected.csv")))
    found_again({r["file"]: (data / r["file"]).read_bytes() for r in rows}, f"{len(rows)} real ones")

def specimens():
    if not os.access(MAKER, os.X_OK):
        return skip("specimens in every wrapping", "the specimen maker is not built")
    engines = {"new.plan": specimen("new", "--version", "10.13.3.9", "--cc", "8.6"),
               "old.engine": specimen("old", "--version", "7.1.3.4", "--cc", "7.2"),
               "five.plan": specimen("five", "--version", "5.0.6.3", "--cc", "6.2"),
               "yolo.engine": specimen("yolo", "--version", "10.9.0.34", "--cc", "8.6", "--prefix", '{"task": "segment"}'),
               "large.plan": specimen("large", "--version", "10.3.0.26", "--cc", "8.9", "--size", str(9 << 20))}   # more than is held whole; zeros, so that a larger one would be taken for a bomb
    found_again(engines, "specimens")

def hostile():
    if not os.access(MAKER, os.X_OK):
        return skip("hostile containers", "the specimen maker is not built")
    plan = specimen("p", "--version", "10.3.0.26", "--cc", "8.6")
    d = folder() / "hostile"; d.mkdir()
    three = {f"{n}.plan": plan for n in "abc"}
    plain = tar(three)
    put = lambda name, data: (d / name).write_bytes(data)
    put("cut.tar", plain[:1024 + 512 + 100])
    put("cut.tar.gz", gzip.compress(tar({f"{i}.bin": os.urandom(40000) for i in range(3)}))[:60000])
    put("cut.zip", zipped(three)[:200])
    put("flipped.zip", (lambda b: b[:90] + bytes([b[90] ^ 0x55]) + b[91:])(zipped(three)))
    put("no.zip", b"PK\3\4" + b"\xff" * 400)
    deep = plan
    for i in range(12):
        deep = zipped({"a.plan" if i == 0 else "in.zip": deep}, zipfile.ZIP_STORED)
    put("deep.zip", deep)
    line = b"0123456789abcdef" * 65536
    with gzip.open(d / "bomb.gz", "wb", 9) as z:
        for _ in range(320): z.write(line)
    with lzma.open(d / "bomb.xz", "wb", preset=0) as z:
        for _ in range(320): z.write(line)
    sparse = d / "sparse"
    with open(sparse, "wb") as f: f.truncate(1 << 40)
    if subprocess.run(["tar", "-C", str(d), "-S", "-cf", str(d / "sparse.tar"), "sparse"], capture_output=True).returncode != 0:
        put("sparse.tar", (d / "bomb.gz").read_bytes())
    sparse.unlink()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        def add(name, kind=tarfile.REGTYPE, link=""):
            i = tarfile.TarInfo(name); i.type = kind; i.linkname = link; i.size = len(plan) if kind == tarfile.REGTYPE else 0
            t.addfile(i, io.BytesIO(plan) if kind == tarfile.REGTYPE else None)
        add("../../up.plan"); add("/abs.plan"); add("in.plan", tarfile.SYMTYPE, "abs.plan"); add("out.plan", tarfile.SYMTYPE, "/etc/passwd")
        add("hard.plan", tarfile.LNKTYPE, "abs.plan"); add("fifo", tarfile.FIFOTYPE); add("n" * 5000 + ".plan")
    put("names.tar", out.getvalue())
    locked = bytearray(zipped(three))
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        found = -1
        while (found := locked.find(mark, found + 1)) >= 0: locked[found + at] |= 1
    put("locked.zip", bytes(locked))
    put("cut.pkl", b"\x80\x05\x8e" + struct.pack("<Q", 1 << 63) + plan)
    put("cut.onnx", context_model([plan, plan])[:len(plan) + 300])
    put("out.onnx", context_model([b"../../x.engine"], 0))
    result = scan(d, timeout=300)
    by = {f["path"][len(str(d)) + 1:]: f for f in result.lines()}
    def has(path, *rules):
        f = by.get(path, {})
        return ok(f.get("finding") in ("unknown", "conflict") and all(r in f["rules"] for r in rules), f"hostile: {path[-60:]}: {', '.join(rules)}", f)
    ok(result.status == 3 and "Sanitizer" not in result.err, "hostile: the scan ends, with findings", result.status, result.err[-2000:])
    has("cut.tar", "container_damaged"); has("cut.tar.gz", "container_damaged"); has("cut.zip", "container_damaged")
    has("flipped.zip", "container_damaged"); has("no.zip", "container_damaged")
    ok(by.get("flipped.zip!/a.plan", {}).get("kind") or by.get("cut.tar!/a.plan"), "hostile: what was read before the damage is reported", sorted(by))
    ok("offset" in by["cut.tar"]["notes"][-1] and "member_cut" in by["cut.tar!/b.plan"]["rules"], "hostile: damage says where", by["cut.tar"])
    has("deep.zip" + "!/in.zip" * 5, "nested_too_deep")
    has("bomb.gz", "bomb_ratio"); has("bomb.xz", "bomb_ratio"); has("sparse.tar", "bomb_ratio")
    has("names.tar!/../../up.plan", "member_name_leaves"); has("names.tar!/out.plan", "link_leaves")
    ok(by["names.tar!/abs.plan"]["version"] == "10.3.0.26" and "absolute" in " ".join(by["names.tar!/abs.plan"]["notes"]), "hostile: an absolute name is said", by["names.tar!/abs.plan"])
    ok(not by["names.tar!/in.plan"]["finding"] and "not followed" in by["names.tar!/in.plan"]["notes"][0], "hostile: a link inside is reported, not followed", by["names.tar!/in.plan"])
    ok(any("member_damaged" in f["rules"] for p, f in by.items() if "nnnn" in p), "hostile: a name without end is cut and said")
    has("locked.zip", "members_unread"); has("locked.zip!/a.plan", "member_encrypted")
    has("cut.pkl", "container_truncated"); ok(by.get("cut.pkl!/bytes@11", {}).get("version") == "10.3.0.26", "hostile: the engine of a cut pickle is found", sorted(by))
    has("cut.onnx", "container_truncated"); has("out.onnx", "context_name_leaves")

def memory():
    """What a release build needs, whatever the sizes: unlimited members, archives in archives."""
    if not os.access(MAKER, os.X_OK) or not os.access(REFORGE, os.X_OK) or REFORGE == PROGRAM:
        return skip("memory of a scan into containers", "no release build, or no specimen maker")
    big = specimen("big", "--version", "10.13.3.9", "--cc", "8.6", "--size", str(64 << 20))
    noise = os.urandom(32 << 20)
    d = folder() / "memory"; d.mkdir()
    inner = tar({"a.plan": big, "noise.bin": noise, "b.plan": big})
    (d / "m.tar.gz").write_bytes(gzip.compress(tar({"in.tar": inner, "in.tar.gz": gzip.compress(inner, 1), "again.zip": zipped({"in.tar": inner})}), 1))
    # a child's peak begins with what its parent holds: a small process stands between
    between = ("import resource, subprocess, sys; p = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE); sys.stdout.buffer.write(p.stdout);"
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    p = subprocess.run([sys.executable, "-c", between, REFORGE, "scan", "--json", str(d)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    *out, peak = p.stdout.splitlines()
    plans = [json.loads(l) for l in out if b'"tensorrt-plan"' in l]
    ok(len(plans) == 6 and all(f["version"] == "10.13.3.9" and not f["finding"] for f in plans), "memory: six engines, three deep", [f["path"] for f in plans], p.stderr)
    digest = hashlib.sha256((d / "m.tar.gz").read_bytes()).hexdigest()
    ok(json.loads(out[-1])["sha256"] == digest, "memory: the archive's own digest, taken beside", out[-1][:300], digest)
    ok(int(peak) <= 128 * 1024, f"memory: {int(peak) // 1024} MiB at most", peak)

def sets():
    if not os.access(MAKER, os.X_OK):
        return skip("sets of files", "the specimen maker is not built")
    ten, eight = specimen("s10", "--version", "10.3.0.26", "--cc", "8.6"), specimen("s8", "--version", "8.6.1.6", "--cc", "8.6")
    config = lambda ranks: json.dumps({"version": "0.16.0", "pretrained_config": {"mapping": {"world_size": ranks}}, "build_config": {}}).encode()
    tree = {"llm/config.json": config(2), "llm/rank0.engine": ten, "llm/rank1.engine": ten,
            "odd/config.json": config(4), "odd/rank0.engine": ten, "odd/rank1.engine": eight,
            "ep/ctx.onnx": context_model([b"./sub/e.engine"], 0), "ep/sub/e.engine": ten,
            "ep/absent.onnx": context_model([b"none.engine"], 0), "plain/config.json": b'{"a": 1}', "plain/x.plan": ten}
    d = folder() / "sets"; d.mkdir()
    put_all(d, tree); (d / "all.tar.gz").write_bytes(gzip.compress(tar(tree)))
    by = {os.path.relpath(f["path"], d): f for f in scan(d).lines()}
    for outer in ("", "all.tar.gz!/"):
        where = "in an archive" if outer else "on the disk"
        llm = by.get(outer + "llm", {})
        ok(llm.get("kind") == "tensorrt-llm-engine" and llm["version"] == "0.16.0" and not llm["finding"] and llm["sha256"] and
           llm["components"][0]["product"] == "pkg:generic/nvidia/tensorrt-llm", f"sets: a TensorRT-LLM folder {where}", llm)
        ok({"set_versions_differ", "set_incomplete"} <= set(by.get(outer + "odd", {}).get("rules", [])), f"sets: one that does not fit together {where}", by.get(outer + "odd"))
        ok(by.get(outer + "ep/ctx.onnx!set", {}).get("kind") == "engine-set" and not by[outer + "ep/ctx.onnx!set"]["finding"], f"sets: an EPContext model and its engine {where}", sorted(by))
        ok("context_engine_absent" in by.get(outer + "ep/absent.onnx!set", {}).get("rules", []), f"sets: an engine that is not there {where}", by.get(outer + "ep/absent.onnx!set"))
        ok(by[outer + "plain/config.json"]["kind"] == "other" and outer + "plain" not in by, f"sets: another config.json is none {where}")
    ok(by["llm"]["sha256"] == by["all.tar.gz!/llm"]["sha256"] != by["odd"]["sha256"], "sets: the digest is of the files, wherever they lie")

def names():
    if not os.access(MAKER, os.X_OK):
        return skip("names", "the specimen maker is not built")
    ten = specimen("n10", "--version", "10.3.0.26", "--cc", "8.6")
    d = folder() / "names"; d.mkdir()
    put_all(d, {"resnet.onnx_b4_gpu0_fp16.engine": ten, "net.1.1.8201.GPU.FP16.engine": ten, "net.1.1.100300.GPU.INT8.engine": ten,
                "TensorrtExecutionProvider_TRTKernel_graph_g_1_0_0_fp16_sm80+.engine": ten,
                "TensorrtExecutionProvider_TRTKernel_graph_g_1_0_0_fp16_sm86.encrypted": b"\x00\x01" * 99,
                "TensorrtExecutionProvider_TRTKernel_graph_g_1_0_0_fp16_sm86.profile": b"\x00\x01" * 99})
    by = {os.path.basename(f["path"]): f for f in scan(d).lines()}
    note = lambda name: " ".join(by[name]["notes"])
    ok("DeepStream does: batch 4, gpu0, fp16" in note("resnet.onnx_b4_gpu0_fp16.engine"), "names: DeepStream's", by)
    ok("the name says TensorRT 8.2.1, the content 10.3.0.26" in note("net.1.1.8201.GPU.FP16.engine") and by["net.1.1.8201.GPU.FP16.engine"]["version"] == "10.3.0.26",
       "names: the content counts, not the name", by["net.1.1.8201.GPU.FP16.engine"])
    ok("the name says" not in note("net.1.1.100300.GPU.INT8.engine") and "jetson-inference does" in note("net.1.1.100300.GPU.INT8.engine"), "names: jetson-inference's")
    ok("runs on Ampere and later" in note("TensorrtExecutionProvider_TRTKernel_graph_g_1_0_0_fp16_sm80+.engine"), "names: ONNX Runtime's cache")
    ok(by["TensorrtExecutionProvider_TRTKernel_graph_g_1_0_0_fp16_sm86.encrypted"]["rules"] == ["engine_encrypted"], "names: an encrypted engine is unknown")
    ok(not by["TensorrtExecutionProvider_TRTKernel_graph_g_1_0_0_fp16_sm86.profile"]["finding"], "names: a profile is no engine")

def objected():
    """A workspace remembers what it looked into, and says again what was objected to inside."""
    if not os.access(MAKER, os.X_OK):
        return skip("objections inside of containers", "the specimen maker is not built")
    site = folder() / "objected"
    run("init", site)
    put_all(site, {"reforge.yaml": re.sub(rb"(?m)^(environments|services):.*\n(?:[ #].*\n)*", b"", (site / "reforge.yaml").read_bytes()) + b"""
environments: {production: {}}
services:
  s: {owner: {name: o, contact: '#o'}, reach: internal, criticality: normal, environments: [production], runtime: onnxruntime@1.20.1, roots: [fleet]}
""", "fleet/evil.zip": zipped({"m.onnx": context_model([b"../../x"], 0)}), "fleet/lost.zip": zipped({"TensorrtExecutionProvider_TRTKernel_graph_g_1_0_0_fp16_sm86.encrypted": b"\0\1" * 99}),
      "fleet/good.zip": zipped({"m.plan": specimen("o", "--version", "10.3.0.26", "--cc", "8.6")})})
    time.sleep(1.2)   # what changed a moment ago is not remembered
    first, again = (scan(site=site) for _ in range(2))
    said = lambda r: sorted((f["path"].split("/fleet/")[-1], f["finding"], f["rules"]) for f in r.lines() if f["finding"])
    ok([f[1] for f in said(again)] == ["conflict", "unknown"] and said(first) == said(again) and first.status == again.status == 3,
       "objected: the second scan of a workspace says it again", said(first), said(again), again)
    ok(any("good.zip!/" in f["path"] for f in first.lines()) and not any("good.zip!/" in f["path"] for f in again.lines()), "objected: what is clear is not read again", again)

def gate():
    """check: what lies inside is asked about like a file of its own; a container that says nothing is no pass."""
    if not os.access(MAKER, os.X_OK):
        return skip("check of containers", "the specimen maker is not built")
    plan = specimen("g", "--version", "10.3.0.26", "--cc", "8.6")
    site = folder() / "gate"
    run("init", site)
    put_all(site, {"a.tar.gz": gzip.compress(tar({"m/a.plan": plan, "readme.txt": b"x"})), "texts.zip": zipped({"readme.txt": b"x"}),
                   "evil.zip": zipped({"m.onnx": context_model([b"../../x"], 0)}), "ctx.onnx": context_model([plan])})
    check = lambda name: run("check", "--json", site / name, site=site, program=PROGRAM)
    subjects = lambda r: [l["subject"][len(str(site)) + 1:] for l in r.lines()]
    packed, texts, evil, context = check("a.tar.gz"), check("texts.zip"), check("evil.zip"), check("ctx.onnx")
    ok(subjects(packed) == ["a.tar.gz!/m/a.plan", "a.tar.gz"] and packed.lines()[0]["version"] == "10.3.0.26" and packed.status == 3, "check: the engine in an archive is asked about", packed)
    ok(texts.status == 3 and "nothing inside" in texts.out, "check: an archive in which nothing is read is no pass", texts)
    ok(evil.status == 1, "check: a model in quarantine is denied in an archive too", evil)
    ok(any("ctx.onnx!/ep_cache_context@" in s for s in subjects(context)), "check: the engine in an EPContext model", context)

for group in (real_engines, specimens, hostile, memory, sets, names, objected, gate):
    guarded(group)
done()
