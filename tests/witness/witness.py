"""The peers' questions; see run. TAP on stdout."""
import base64, hashlib, importlib, json, os, pathlib, re, shutil, sqlite3, subprocess, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from tap import *
import line

def peer(*modules):
    """Imported modules, or None with a skipped check."""
    try:
        return [importlib.import_module(m) for m in modules]
    except ImportError as e:
        skip(f"{modules[0]} (PyPI)", f"not installed: {e}")
def tool(name):
    if shutil.which(name): return True
    skip(name, "not installed (setup/packages witness)")
def command(*args, **more):
    return subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)

site = None
def workspace():
    global site
    why = line.missing(BUILD)
    if why: return skip("a published release to look at", why)
    site, _ = line.make(folder() / "site", REFORGE, BUILD)
    (site / "recipes/det.yaml").write_text((site / "recipes/det.yaml").read_text().replace("{atol: 0, rtol: 0}", "{atol: 1e-3, rtol: 1e-3}"))
    run("scan", site=site); run("feed", "sync", site=site)
    r = run("respond", line.DRILL, "--yes", "--json", site=site, timeout=300)
    ok(r.status == 0 and r.json()["published"] == 2, "a response on real models, published", r)
def envelopes():
    return sorted((site / "depot/releases").rglob("*.dsse"))

def openssl():
    if not all(tool(t) for t in ("openssl", "jq", "sha256sum")): return
    p = command(ROOT / "tests/e2e/verify_release.sh", site / "depot", site / "keys/release.pub.pem")
    ok(p.returncode == 0 and p.stdout.count(b"good:") == 2, "openssl: every signature of every release, by docs/verify.md", p.stdout.decode())
    count, wrong = 0, []
    for text in (site / "ledger/checkpoints.jsonl").read_text().splitlines():
        e = json.loads(text); payload = base64.b64decode(e["payload"]); count += 1
        pae = b"DSSEv1 %d %s %d %s" % (len(e["payloadType"]), e["payloadType"].encode(), len(payload), payload)
        (folder() / "pae").write_bytes(pae); (folder() / "sig").write_bytes(base64.b64decode(e["signatures"][0]["sig"]))
        p = command("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", site / "keys/ledger.pub.pem", "-rawin", "-in", folder() / "pae", "-sigfile", folder() / "sig")
        if p.returncode: wrong.append(p.stdout)
    ok(count > 0 and not wrong, f"openssl: {count} checkpoints of the ledger", *wrong)
    for name in ("release", "ledger"):
        p = command("openssl", "pkey", "-in", site / f"keys/{name}.pem", "-noout", "-text")
        ok(p.returncode == 0 and b"ED25519" in p.stdout.upper(), f"openssl: {name}.pem is an Ed25519 key", p.stdout)
    blobs = [b for b in (site / "depot/blobs").rglob("*") if b.is_file() and len(b.name) == 64]
    p = command("sha256sum", "--check", "--quiet", "--strict", input="".join(f"{b.name}  {b}\n" for b in blobs).encode())
    ok(blobs and p.returncode == 0, f"sha256sum: {len(blobs)} blobs are what their names say", p.stdout)

def ledger():
    """Recomputed by another JSON writer and another SHA-256."""
    records = run("ledger", "show", "--json", site=site).lines()
    previous, wrong = hashlib.sha256(b"line").digest(), []
    for r in records:
        text = json.dumps({k: r[k] for k in ("actor", "at", "body", "kind", "sequence", "subject")}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(b"reforge-ledger-1\n" + previous + text.encode()).digest()
        if previous.hex() != r["hash"]: wrong.append(f"record {r['sequence']}: {previous.hex()} != {r['hash']}")
    ok(len(records) > 10 and not wrong, f"Python's json and hashlib: the chain of {len(records)} records", *wrong[:3])
    db = sqlite3.connect(f"file:{site / 'reforge.db'}?mode=ro", uri=True)
    ok(db.execute("PRAGMA integrity_check").fetchone() == ("ok",), "sqlite: integrity_check")
    ok(not db.execute("PRAGMA foreign_key_check").fetchall(), "sqlite: foreign_key_check")

def dsse():
    m = peer("securesystemslib.dsse", "securesystemslib.signer", "cryptography.hazmat.primitives.serialization")
    if not m: return
    key = m[2].load_pem_public_key((site / "keys/release.pub.pem").read_bytes())
    wrong = []
    for path in envelopes():
        e = json.loads(path.read_text())
        keyid = e["signatures"][0]["keyid"]                # from_dict() takes its argument apart
        try:
            m[0].Envelope.from_dict(e).verify([m[1].SSlibKey.from_crypto(key, keyid=keyid)], 1)
        except Exception as x: wrong.append(f"{path.name}: {x!r}")
    ok(envelopes() and not wrong, f"securesystemslib: {len(envelopes())} DSSE envelopes", *wrong)

def statements():
    m = peer("in_toto_attestation.v1.statement", "in_toto_attestation.v1.statement_pb2", "in_toto_attestation.predicates.provenance.v1.provenance_pb2",
             "google.protobuf.json_format")
    if not m: return
    wrong, provenances, count = [], 0, 0
    for path in envelopes():
        e = json.loads(path.read_text())
        if e["payloadType"] != "application/vnd.in-toto+json": continue
        count += 1
        try:
            text = base64.b64decode(e["payload"])
            m[0].Statement.copy_from_pb(m[3].Parse(text, m[1].Statement())).validate()
            s = json.loads(text)
            if s["predicateType"] == "https://slsa.dev/provenance/v1":
                p = m[3].ParseDict(s["predicate"], m[2].Provenance())      # refuses what the specification has no member for
                if not (p.build_definition.build_type and p.run_details.builder.id and p.build_definition.resolved_dependencies):
                    raise ValueError("a required member is empty")
                provenances += 1
        except Exception as x: wrong.append(f"{path}: {x!r}")
    ok(count and not wrong, f"in-toto-attestation: {count} statements are in-toto v1", *wrong)
    ok(provenances == 3 and not wrong, f"in-toto-attestation: {provenances} predicates are SLSA provenance v1", *wrong)

RECIPE = "model: m\nowner: {name: n, contact: c}\nsource: {path: m.onnx, sha256: " + "ab" * 32 + "}\ntoolchain: onnxruntime\ntargets: [linux-x86_64/cpu-avx512]\n" \
         "prove: {inputs: golden, outputs: {'*': {atol: 0.1}}}\n"
SITE = "site: x\nenvironments: {production: {}}\nservices:\n  v:\n    owner: {name: n, contact: c}\n    reach: internal\n    environments: [production]\n" \
       "    runtime: onnxruntime@1.20.1\n    roots: [fleet]\n"
def replaced(text, *pairs):
    return [(old, new, text.replace(old, new)) for old, new in pairs]
def schemas():
    m = peer("jsonschema", "ruamel.yaml")                 # YAML 1.2, as reforge reads it: PyYAML's 1.1 takes 1e-4 for a text
    if not m: return
    load = m[1].YAML(typ="safe", pure=True).load
    validators = {}
    for name in ("reforge", "recipe"):
        schema = json.loads((ROOT / f"docs/schema/{name}.schema.json").read_text())
        m[0].Draft202012Validator.check_schema(schema)
        validators[name] = m[0].Draft202012Validator(schema)
    ok(True, "jsonschema: both schemas are JSON Schema 2020-12")
    # rules between keys (a feed of a kind needs its own keys; an environment must be named) are reforge's alone: not asked here
    def agrees(name, text, words):
        empty = folder() / "schema"
        if not empty.exists(): run("init", empty)
        target = empty / ("reforge.yaml" if name == "reforge" else "recipes/m.yaml")
        before = target.read_text() if target.exists() else None
        target.write_text(text)
        ours = run("status" if name == "reforge" else "recipe", *(() if name == "reforge" else ("show", "m")), site=empty)
        theirs = [e.message for e in validators[name].iter_errors(load(text))]
        ok((ours.status == 0) == (not theirs), f"jsonschema and reforge agree: {words}", f"ours: {ours}", f"theirs: {theirs}")
        target.write_text(before) if before is not None else target.unlink()
    if site:
        for path in [site / "reforge.yaml", *sorted((site / "recipes").glob("*.yaml"))]:
            errors = [e.message for e in validators["reforge" if path.name == "reforge.yaml" else "recipe"].iter_errors(load(path.read_text()))]
            ok(not errors, f"jsonschema: {path.name} of the demonstration's kind is valid", *errors)
    full = (ROOT / "tests/data/workspace/recipe_full.yaml").read_text()
    errors = [e.message for e in validators["recipe"].iter_errors(load(full))]
    ok(not errors, "jsonschema: the recipe with every key", *errors)
    agrees("reforge", SITE, "a site"), agrees("recipe", RECIPE, "a recipe")
    for old, new, text in replaced(SITE, ("reach: internal", "reach: inside"), ("site: x", "site: 'a b'"), ("site: x\n", ""), ("{name: n, contact: c}", "{name: n}"),
                                   ("roots: [fleet]", "roots: fleet"), ("production: {}", "production: {clocks: {confirm: soon}}"), ("site: x", "site: x\nsiet: y"),
                                   ("site: x", "site: x\nbuild: {jobs: -1}"), ("site: x", "site: x\nbuild: {memory: lots}"),
                                   ("site: x", "site: x\nfeeds: {a: {format: ovs, path: p}}"), ("site: x", "site: x\ntoolchains: {onnx: {}}"), ("onnxruntime@1.20.1", "onnxruntime"),
                       ("production: {}", "production: {clocks: {confirm: 30m}}")):
        agrees("reforge", text, f"{old!r} as {new!r}")
    for old, new, text in replaced(RECIPE, ("atol: 0.1", "atol: -1"), ("atol: 0.1", "atol: small"), ("ab" * 32, "ab" * 31), ("toolchain: onnxruntime", "toolchain: tvm"),
                                   ("[linux-x86_64/cpu-avx512]", "[]"), ("[linux-x86_64/cpu-avx512]", "[here]"), ("{name: n, contact: c}", "{}"),
                                   ("model: m\n", "model: m\nextra: 1\n"), ("atol: 0.1", "min_cosine: 2"), ("atol: 0.1", "top1: 0.5"),
                                   ("'*': {atol: 0.1}}}", "'*': {atol: 0.1}}, performance: {p50: +5%, samples: 10..20}}"),
                                   ("'*': {atol: 0.1}}}", "'*': {atol: 0.1}}, performance: {p50: fast}}")):
        agrees("recipe", text, f"{old!r} as {new!r}")

def engines():
    m = peer("onnx", "numpy")
    if not m: return
    for path in sorted((site / "depot/releases").rglob("model.onnx")):
        model = m[0].load(str(path))
        props = {p.key: p.value for p in model.metadata_props}
        name = path.parent.parent.name
        row = next(r for r in json.loads((next(p for p in path.parents if (p / "release.json").exists()) / "release.json").read_text())["engines"] if r["model"] == name)
        ok(props.get("reforge.toolchain.version") == "1.21.1" and props.get("reforge.recipe") == name and props.get("reforge.build") == row["build"],
           f"onnx: {name}: the stamp is metadata_props", props)
        # built by ONNX Runtime, its operators are not all of the standard: the checker passes those domains over
        try:
            m[0].checker.check_model(model)
            ok(True, f"onnx: {name}: check_model")
        except m[0].checker.ValidationError as e:
            ours = m[0].load(str(site / f"fleet/{'strict' if name == 'det' else 'voice'}/{name}/1/model.onnx"))
            try: m[0].checker.check_model(ours); same = False
            except m[0].checker.ValidationError: same = True
            ok(same, f"onnx: {name}: check_model objects to ONNX Runtime's own output of 1.20.1 as well: {str(e).splitlines()[0][:120]}", e)
    source, name = site / "golden/timer/case1/0.npy", "timer"
    engine = next((site / "depot/releases").rglob("timer/1/model.onnx"))
    line.driver(BUILD, "1.21.1", {"op": "run-open", "engine": str(engine)},
                {"op": "run", "inputs": [{"index": 0, "path": str(source)}], "iterations": 1, "output_prefix": str(folder() / "out-")})
    out = m[1].load(folder() / "out-0.npy")
    ok(out.shape == (1, 7) and out.dtype == "float32" and abs(float(out.sum()) - 1) < 1e-3, "numpy: a tensor that the driver wrote (probabilities of 7 timers)", out)

def pages():
    for lang in ("en", "zh-CN"):
        path = pathlib.Path(run("report", line.DRILL, "--lang", lang, site=site).out.strip())
        if tool("tidy"):
            p = command("tidy", "-quiet", "-errors", "-utf8", path)
            ok(p.returncode == 0, f"tidy: the {lang} report is valid HTML", p.stdout.decode())
    if tool("xmllint"):
        p = command("xmllint", "--noout", "-", input="\n".join(re.findall(r"<svg.*?</svg>", path.read_text(), re.S)[:1]).encode())
        ok(p.returncode == 0, "xmllint: its plots are well-formed SVG", p.stdout.decode())
    j = command("jq", "-e", ".format", input=run("report", line.DRILL, "--json", site=site).raw) if tool("jq") else None
    if j: ok(j.returncode == 0, "jq: the JSON report", j.stdout)

def manual():
    page = ROOT / "docs/man/reforge.1"
    if tool("mandoc"):
        p = command("mandoc", "-T", "lint", "-W", "warning", page)
        ok(p.returncode == 0, "mandoc: lint of the man page", p.stdout.decode())
    if tool("man"):
        p = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**ENV, "MANROFFSEQ": ""})
        ok(p.returncode == 0 and not p.stderr, "man --warnings: the man page", p.stderr.decode())
    for shell in ("bash", "zsh", "fish"):
        if tool(shell):
            script = folder() / f"completion.{shell}"; script.write_bytes(run("completion", shell).raw)
            p = command(shell, "-n", script)
            ok(p.returncode == 0, f"{shell} -n: the completion", p.stdout.decode())

def given_back():
    """What feed export writes, by OSV's own schema and by another reader of OpenVEX."""
    where = folder() / "given"
    run("init", where)
    sources = [ROOT / "tests/data/advisory", ROOT / "tests/data/advisory-formats"]
    shared = pathlib.Path(os.environ.get("REFORGE_DATA", ROOT.parent / "shared/data")) / "advisories/nvidia-csaf.tar.xz"
    if shared.exists(): sources.append(shared)
    r = run("feed", "import", *sources, site=where, timeout=300)
    ok(r.status in (0, 3), "advisories of every format are imported", r)
    run("feed", "export", "--output", where / "osv", site=where, timeout=300)
    vex = run("feed", "export", "--format", "openvex", "--tlp", "amber", site=where, timeout=300)
    records = sorted((where / "osv").glob("*.json"))
    m, v = peer("jsonschema"), peer("vexipy")
    schema = next(pathlib.Path(sys.prefix).glob("lib/python*/site-packages/osv/osv-schema/validation/schema.json"), None)
    if not schema: skip("OSV's schema (PyPI: osv)", "not installed")
    elif m:
        validator, wrong = m[0].Draft202012Validator(json.loads(schema.read_text())), []
        for path in records:
            for e in validator.iter_errors(json.loads(path.read_text())):
                # the specification has "x_" for databases that are not aggregated; the schema lists the aggregated ones alone
                if not (list(e.path) == ["id"] and str(e.instance).startswith("x_")): wrong.append(f"{path.name}: {list(e.path)}: {e.message[:300]}")
        ok(len(records) > 5 and not wrong, f"jsonschema: {len(records)} OSV records are as OSV's schema wants them", *wrong[:5])
    if v:
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")                # it would rather have a justification than a statement of impact; OpenVEX takes either
            try: doc = v[0].Document.from_json(vex.out)
            except Exception as x: return ok(False, "vexipy reads the OpenVEX", repr(x)[:2000])
        want = json.loads(vex.out)["statements"]
        ok(len(doc.statements) == len(want) > 5 and {str(s.status.value if hasattr(s.status, "value") else s.status) for s in doc.statements} == {s["status"] for s in want},
           f"vexipy: {len(want)} OpenVEX statements", len(doc.statements))

def bills():
    """The fleet as CycloneDX, by CycloneDX's own schema and model."""
    m = peer("cyclonedx.validation.json", "cyclonedx.schema", "cyclonedx.model.bom")
    if not m: return
    for path in sorted((site / "depot/releases").rglob("1/model.onnx")):         # built here, and in service: with its provenance
        for place in (site / "fleet").rglob(f"{path.parent.parent.name}/1/model.onnx"): shutil.copy(path, place)
    run("scan", site=site)
    text = run("inventory", "export", site=site).out
    error = m[0].JsonStrictValidator(m[1].SchemaVersion.V1_6).validate_str(text)
    ok(error is None, "cyclonedx-python-lib: the fleet's bill is valid by the schema of 1.6, strictly", repr(error)[:2000])
    bom = m[2].Bom.from_json(json.loads(text))
    ok(len(bom.components) == len(json.loads(text)["components"]) > 2 and bom.validate() is not False, "cyclonedx-python-lib reads every component", len(bom.components))
    ok("verified" in text and "formulation" in text, "with how the engines were built", text[:500])

def images():
    """What skopeo writes is read; what is left of an image's layers is what umoci unpacks."""
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    if not (tool("skopeo") and tool("umoci")) or not os.access(maker, os.X_OK): return
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
    from images import Folder, Hard, Image, Layer, Link, tar_of, write_oci
    where, plans = folder() / "images", []
    where.mkdir()
    for v in ("10.13.3.9", "8.6.1.6", "10.9.0.34"):
        command(maker, "--version", v, where / "plan", check=True); plans.append((where / "plan").read_bytes())
    a, b, c = plans
    layers = [[Folder("opt"), ("opt/a.plan", a), ("opt/b.plan", b), ("opt/gone/x.plan", b), ("opt/all/x.plan", b), ("opt/all/y/z.plan", c), Hard("opt/hard.plan", "opt/a.plan"),
               Link("srv", "opt"), Link("opt/link.plan", "/opt/a.plan"), ("etc/readme", b"text"), ("opt/was-file", a), ("opt/was-folder/x.plan", a)],
              [("opt/.wh.b.plan", b""), ("opt/.wh.gone", b""), Folder("opt/all"), ("opt/all/.wh..wh..opq", b""), ("opt/all/new.plan", c), ("opt/a.plan", c),
               Folder("opt/was-file"), ("opt/was-file/y.plan", b), ("opt/was-folder", c)],
              [("opt/b.plan", c), Link("opt/last.plan", "all/new.plan"), Hard("opt/hard2.plan", "opt/b.plan")]]
    write_oci(where / "ours", {"1": Image([Layer(tar_of(l), p) for l, p in zip(layers, ("gzip", "", "gzip"))])})
    copies = {"an OCI layout": f"oci:{where}/layout:2", "an OCI archive": f"oci-archive:{where}/oci.tar:site/app:2", "a docker-archive": f"docker-archive:{where}/saved.tar:site/app:2"}
    want = None
    for what, ref in copies.items():
        p = command("skopeo", "copy", "--insecure-policy", f"oci:{where}/ours:1", ref)
        if not ok(p.returncode == 0, f"skopeo takes our test's image to {what}", p.stdout.decode()): return
        r = run("scan", "--json", ref.removesuffix(":site/app:2") if "archive" in ref else ref)
        got = {f["path"].partition("!/")[2]: (f["sha256"], f["kind"], f["version"]) for f in r.lines() if "!/" in f["path"]}
        want = want or got
        ok(r.status == 0 and len(got) > 8 and got == want, f"{what} of skopeo's: the same {len(got)} files", got, r)
    p = command("umoci", "unpack", "--rootless", "--image", f"{where}/layout:2", where / "bundle")
    ok(p.returncode == 0, "umoci unpacks it", p.stdout.decode())
    disk = run("scan", "--json", f"rootfs:{where}/bundle/rootfs")
    unpacked = {f["path"].partition("!/")[2]: (f["sha256"], f["kind"], f["version"]) for f in disk.lines() if "!/" in f["path"]}
    ok(unpacked == want, f"umoci: the {len(unpacked)} files of interest that it unpacks are those that the layers give", unpacked, want)
    sums = {str(f.relative_to(where / "bundle/rootfs")): hashlib.sha256(f.read_bytes()).hexdigest() for f in (where / "bundle/rootfs").rglob("*.plan") if not f.is_symlink()}
    ok(sums and all(want.get(n, ("",))[0] == s for n, s in sums.items()), "hashlib: their digests", sums)

def reports():
    """check's reports: problems, a waived one, names that want to break out, a run that could not be finished."""
    w, trt = folder() / "gate", "pkg:generic/nvidia/tensorrt"
    run("init", w)
    (w / "a.json").write_text(json.dumps({"schema_version": "1.6.0", "id": "CVE-2026-91001", "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z",
        "summary": "made up", "affected": [{"package": {"ecosystem": "GIT", "name": "t", "purl": trt}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "10.17.0"}]}]}]}))
    run("feed", "import", w / "a.json", site=w)
    (w / "Dockerfile").write_text("FROM nvcr.io/nvidia/tritonserver:25.06-trtllm-python-py3\nFROM a<b>&'\"::error::x\n")
    files = {n: w / f"r.{n}" for n in ("sarif", "junit")}
    def written(*subjects):
        r = run("check", *subjects, *[x for n, f in files.items() for x in ("--format", f"{n}={f}")], site=w, cwd=w)
        return r, {n: f.read_text() for n, f in files.items()}
    runs = [written("Dockerfile", trt + "@10.13.3.9", trt + "@11.0.0", trt), written(trt + "@11.0.0"), written(trt + "@10.13.3.9", "absent")]
    ok([r.status for r, _ in runs] == [1, 0, 2], "check: reports of three runs", *[r for r, _ in runs])
    schema = ROOT / "third_party/sarif/sarif-2.1.0-rtm.5.json"
    m = peer("jsonschema")
    if m and not schema.exists(): skip("SARIF's schema (npm)", "not fetched: setup/fetch witness")
    elif m:
        v = m[0].Draft7Validator(json.loads(schema.read_text()), format_checker=m[0].FormatChecker())
        wrong = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}"[:300] for _, t in runs for e in v.iter_errors(json.loads(t["sarif"]))]
        ok(not wrong, "jsonschema: check's SARIF by OASIS' schema", *wrong)
    m = peer("junitparser")
    if m:
        suites = [m[0].JUnitXml.fromstring(t["junit"].encode()) for _, t in runs]
        ok([(s.tests, s.failures, s.errors) for s in suites] == [(5, 2, 0), (1, 0, 0), (2, 1, 1)], "junitparser: tests, failures, errors", *[t["junit"] for _, t in runs])
    if tool("xmllint"):
        p = [command("xmllint", "--noout", "--nonet", "-", input=t["junit"].encode()) for _, t in runs]
        ok(all(x.returncode == 0 for x in p), "xmllint: JUnit is XML", *[x.stdout.decode() for x in p])

guarded(workspace)
for group in (openssl, ledger, dsse, statements, engines, pages, bills):
    guarded(group) if site else skip(group.__name__, "no published release to look at")
for group in (schemas, given_back, images, manual, reports):
    guarded(group)
done()
