#!/usr/bin/env python3
"""Packages, bills of materials in and out, Dockerfiles: what they hold is found, recorded, given back; hostile ones are answered."""
import csv, hashlib, io, json, os, pathlib, shutil, sqlite3, struct, tarfile, zipfile
from tap import *
import fleet

PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE
TRT = "pkg:generic/nvidia/tensorrt"

def scan(*args, **more):
    return run("scan", *args, program=PROGRAM, **more)

def write(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path

def rpm_header(name, version, release):
    data = index = b""
    for tag, text in ((1000, name), (1001, version), (1002, release)):
        index += struct.pack(">IIII", tag, 6, len(data), 1)
        data += text.encode() + b"\0"
    return struct.pack(">II", 3, len(data)) + index + data

def machine():
    """A root file system in small: every database holds TensorRT, in its own words."""
    root = folder() / "root"
    write(root / "var/lib/dpkg/status", "Package: libnvinfer10\nStatus: install ok installed\nVersion: 10.13.3.9-1+cuda12.9\n\n"
          "Package: libnvinfer8\nStatus: deinstall ok config-files\nVersion: 8.6.1.6-1+cuda12.0\n")
    write(root / "lib/apk/db/installed", "P:onnxruntime\nV:1.20.1-r2\n\n")
    write(root / "venv/site-packages/tensorrt_cu12-10.13.3.9.dist-info/METADATA", "Metadata-Version: 2.1\nName: tensorrt_cu12\nVersion: 10.13.3.9\n")
    write(root / "srv/node_modules/ort/package.json", '{"name":"onnxruntime-node","version":"1.20.1"}')
    write(root / "opt/TensorRT-10.13.3.9/include/NvInferVersion.h", "#define NV_TENSORRT_MAJOR 10\n#define NV_TENSORRT_MINOR 13\n#define NV_TENSORRT_PATCH 3\n#define NV_TENSORRT_BUILD 9\n")
    write(root / "etc/nv_tegra_release", "# R36 (release), REVISION: 4.4, GCID: 1, BOARD: generic\n")
    db = sqlite3.connect(root / "var/lib/rpmdb.sqlite")
    db.execute("CREATE TABLE Packages(hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    for i in range(500):
        db.execute("INSERT INTO Packages(blob) VALUES(?)", (rpm_header(f"package-{i}", "1", "2") + b"",))
    db.execute("INSERT INTO Packages(blob) VALUES(?)", (rpm_header("libnvinfer10", "10.13.3.9", "1.cuda12.9"),))
    db.commit()
    db.close()
    return root

def packages():
    result = scan("--json", machine())
    files = {f["path"].split("/root/")[1]: f for f in result.lines()}
    found = {p: sorted((c["product"], c["version"]) for c in f.get("components", [])) for p, f in files.items()}
    for path in ("var/lib/dpkg/status", "venv/site-packages/tensorrt_cu12-10.13.3.9.dist-info/METADATA", "opt/TensorRT-10.13.3.9/include/NvInferVersion.h"):
        ok(found.get(path) == [(TRT, "10.13.3.9")], f"{path}: TensorRT 10.13.3.9", found.get(path), result)
    ok((TRT, "10.13.3.9") in found.get("var/lib/rpmdb.sqlite", []) and len(found["var/lib/rpmdb.sqlite"]) == 501, "rpm's database: 501 packages", files.get("var/lib/rpmdb.sqlite"))
    ok(found.get("lib/apk/db/installed") == found.get("srv/node_modules/ort/package.json") == [("pkg:generic/microsoft/onnxruntime", "1.20.1")],
       "apk and npm: ONNX Runtime 1.20.1", found)
    ok(found.get("etc/nv_tegra_release") == [("pkg:generic/nvidia/jetson-linux", "36.4.4")], "nv_tegra_release: Jetson Linux 36.4.4", found)
    ok(result.status == 0, "nothing of it is unknown", result)

def packed():
    """The same root inside a tar and a tar in a zip; an rpm database larger than what a member may take of memory as a rule."""
    root = folder() / "root"
    db = sqlite3.connect(root / "var/lib/rpmdb.sqlite")
    for i in range(300):
        db.execute("INSERT INTO Packages(blob) VALUES(?)", (rpm_header(f"large-{i}", "1", "2") + b"",))
    db.execute("CREATE TABLE padding(x)")
    db.execute("INSERT INTO padding VALUES(zeroblob(12000000))")
    db.execute("INSERT INTO Packages(blob) VALUES(?)", (rpm_header("last", "1", "2"),))
    db.commit()
    db.close()
    want = {f["path"].split("/root/")[1]: f.get("components") for f in scan("--json", root).lines() if f.get("components")}
    with tarfile.open(folder() / "root.tar.gz", "w:gz") as t:
        t.add(root, arcname=".")
    with zipfile.ZipFile(folder() / "outer.zip", "w") as z:
        z.write(folder() / "root.tar.gz", "deep/root.tar.gz")
    for outer, mark in ((folder() / "root.tar.gz", "root.tar.gz!/"), (folder() / "outer.zip", "root.tar.gz!/")):
        result = scan("--json", outer)
        got = {f["path"].split(mark)[1]: f.get("components") for f in result.lines() if f.get("components")}
        ok(want and got == want, f"{outer.name}: every package is found inside as outside", set(want) ^ set(got), [p for p in want if want[p] != got.get(p)], result.err)

def image():
    """Packages inside of an image, recorded, and given out again: also those that are no product of ours."""
    where = folder() / "layout"
    (where / "blobs/sha256").mkdir(parents=True)
    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        (where / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as t:
        for name, text in (("var/lib/dpkg/status.d/libnvinfer10", "Package: libnvinfer10\nVersion: 10.13.3.9-1+cuda12.9\n"),
                           ("usr/lib/python3/dist-packages/numpy-1.26.4.dist-info/METADATA", "Metadata-Version: 2.1\nName: numpy\nVersion: 1.26.4\n"),
                           ("opt/app/Dockerfile", "FROM x\n")):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            t.addfile(info, io.BytesIO(text.encode()))
    layer = blob(raw.getvalue(), "layer.v1.tar")
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode(), "config.v1+json")
    manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [layer]}).encode(), "manifest.v1+json")
    write(where / "index.json", json.dumps({"schemaVersion": 2, "manifests": [{**manifest, "platform": {"os": "linux", "architecture": "amd64"}}]}))
    write(where / "oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    site = folder() / "image-site"
    site.mkdir()
    run("init", site=site, program=PROGRAM)
    result = run("scan", "--json", f"oci:{where}", site=site, program=PROGRAM)
    got = sorted((c["product"], c["version"]) for f in result.lines() for c in f.get("components", []))
    ok(result.status == 0 and got == [(TRT, "10.13.3.9"), ("pkg:pypi/numpy", "1.26.4")], "packages of an image, scanned and recorded", result)
    bill = run("inventory", "export", site=site, program=PROGRAM).json()
    needs = {d["ref"]: d["dependsOn"] for d in bill["dependencies"]}
    inner = [r for r in needs[manifest["digest"]] if r.startswith("sha256:")]
    ok(needs["fleet"] == [manifest["digest"]] and len(inner) == 2 and sorted(needs[i][0] for i in inner) == [f"{TRT}@10.13.3.9", "pkg:pypi/numpy@1.26.4"],
       "the image, what is inside, and its packages are in the bill", needs)

BILL = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"type": "application", "name": "app", "version": "1"}},
        "components": [{"type": "library", "name": "a", "purl": "pkg:deb/ubuntu/libnvinfer10@10.13.3.9-1%2Bcuda12.9",
                        "components": [{"type": "library", "name": "b"}]},
                       {"type": "machine-learning-model", "bom-ref": "m", "name": "m", "version": "1", "hashes": [{"alg": "SHA-256", "content": "ab" * 32}]}]}

def bills():
    path = write(folder() / "app.cdx.json", json.dumps(BILL))
    result = scan("--json", path)
    got = [(c["product"], c["version"]) for c in result.json()["components"]]
    ok(got == [(TRT, "10.13.3.9"), ("pkg:generic/b", None), ("pkg:generic/m", "1")], "a bill's components, nested ones too", result)
    ok(result.json()["kind"] == "bill-of-materials" and result.json()["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest(), "its kind and digest", result)
    site = folder() / "site"
    site.mkdir()
    run("init", site=site, program=PROGRAM)
    result = run("inventory", "import", "--json", path, site=site, program=PROGRAM)
    ok(result.status == 0 and result.json()["added"] == 1 and result.json()["components"] == 3, "imported", result)
    result = run("inventory", "import", "--json", path, site=site, program=PROGRAM)
    ok(result.json()["unchanged"] == 1 and result.json()["added"] == 0, "imported again: unchanged", result)
    changed = json.loads(json.dumps(BILL))
    changed["components"] = changed["components"][1:]
    path.write_text(json.dumps(changed))
    result = run("inventory", "import", "--json", path, site=site, program=PROGRAM)
    ok(result.json()["replaced"] == 1, "a newer bill takes its place", result)
    result = run("inventory", "import", write(folder() / "no.json", '{"a":1}'), site=site, program=PROGRAM)
    ok(result.status == 2 and "CycloneDX" in result.err and "no.json" in result.err, "what is no bill is refused with what is read", result)
    result = run("inventory", "import", "--service", "nobody", path, site=site, program=PROGRAM)
    ok(result.status == 2 and "no such service" in result.err, "an unknown service is refused", result)

def hostile():
    cases = {
        "deep": ('{"bomFormat":"CycloneDX","specVersion":"1.6","components":[' + '{"name":"a","components":[' * 3000 + "]}" * 3000 + "]}", "deep"),
        "cut": ('{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a"}', "does not end"),
        "version": ('{"bomFormat":"CycloneDX","specVersion":"9"}', "1.4, 1.5 and 1.6"),
        "twice": ('{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],"components":[]}', "given twice"),
    }
    for name, (text, rule) in cases.items():
        result = scan(write(folder() / f"{name}.cdx.json", text))
        ok(result.status == 2 and rule in result.err and f"{name}.cdx.json" in result.err, f"a bill that is {name}: file and rule are named", result)

def told_apart():
    """A bill is one by what it says, wherever it says so and however it is called."""
    entry = '"components":[{"name":"onnxruntime","version":"1.20.1","purl":"pkg:pypi/onnxruntime@1.20.1"}]'
    spdx = "SPDXVersion: SPDX-2.3\nPackageName: onnxruntime\nPackageVersion: 1.20.1\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/onnxruntime@1.20.1\n"
    for name, text in (("late.json", '{%s,"x-notes":"%s","specVersion":"1.6","bomFormat":"CycloneDX"}' % (entry, "n" * 200000)), ("bom.cyclonedx", '{"bomFormat":"CycloneDX","specVersion":"1.6",%s}' % entry),
                       ("commented.spdx", "# made by hand\n\n" + spdx), ("long.spdx", "# a line of a comment\n" * 5000 + spdx)):
        result = scan("--json", write(folder() / "apart" / name, text))
        ok(result.status == 0 and result.json()["kind"] == "bill-of-materials" and [c["version"] for c in result.json()["components"]] == ["1.20.1"], f"{name} is a bill", result)
    for name, text in (("bom.xml", '<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>'), ("three.json", '{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}')):
        result = scan(write(folder() / "apart" / name, text))
        ok(result.status == 2 and "SPDX" in result.err and "read" in result.err and name in result.err, f"{name}: a form that is not read is said", result)
    for name, text in (("attested.json", '{"predicateType":"https://cyclonedx.org/bom","predicate":{"bomFormat":"CycloneDX"}}'), ("pom.xml", '<project xmlns="http://maven.apache.org/POM/4.0.0"/>')):
        result = scan("--json", write(folder() / "apart" / name, text))
        ok(result.status == 0 and result.json()["kind"] == "other", f"{name} is none", result)

def dockerfiles():
    where = folder() / "docker"
    write(where / "Dockerfile", "ARG TAG=25.08\nFROM nvcr.io/nvidia/tritonserver:${TAG}-trtllm-python-py3 AS base\nFROM base\n")
    result = scan("--json", where / "Dockerfile")
    got = {c["product"]: c["version"] for c in result.json()["components"]}
    ok(result.status == 0 and got.get(TRT) == "10.11.0.33", "a proven tag", result)
    named = result.lines()[0]
    write(where / "tree/app/Containerfile", (where / "Dockerfile").read_text())
    write(where / "tree/Dockerfile.j2", "FROM {{ base }}\n")
    write(where / "tree/app/text", "FROM x\n")
    result = scan("--json", where / "tree")
    got = {os.path.relpath(f["path"], where / "tree"): f for f in result.lines()}
    ok({p: f["kind"] for p, f in got.items()} == {"app/Containerfile": "dockerfile", "Dockerfile.j2": "other", "app/text": "other"}
       and got["app/Containerfile"]["components"] == named["components"] and result.status == 0, "Dockerfiles of a folder are met by name and content", result)
    write(where / "Dockerfile.site", "FROM registry.example:5000/base:7\n")
    result = scan("--json", where / "Dockerfile.site")
    ok(result.status == 3 and result.json()["rules"] == ["image_unproven"], "a tag that nothing proves is unknown", result)
    write(where / "map.csv", "image,tag,onnxruntime\nregistry.example:5000/base,7,1.20.1\n")
    result = scan("--json", "--image-map", where / "map.csv", where / "Dockerfile.site")
    ok(result.status == 0 and result.json()["components"][0]["version"] == "1.20.1", "until the site's own map does", result)
    write(where / "bad.csv", "image,tag,tensorflow\n")
    result = scan("--image-map", where / "bad.csv", where / "Dockerfile.site")
    ok(result.status == 2 and "bad.csv:1" in result.err, "a map with an unknown product is refused by file and line", result)

def given_out():
    """A response for real (with the stand-in compiler), its engines in service, the fleet as ML-BOM and CSV."""
    driver = pathlib.Path(BUILD) / "tests/bench/reforge-stand-in-copy-driver"
    if not driver.exists():
        return skip("the fleet as a bill of materials", "the stand-in toolchain is not built")
    site = fleet.make(folder() / "fleet", PROGRAM, BUILD, 2)
    run("respond", fleet.DRILL, "--yes", "--quiet", site=site, program=PROGRAM, timeout=300)
    built = sorted((site / "depot/releases").rglob("1/model.onnx"))
    ok(len(built) == 2, "two engines are rebuilt and published", built)
    shutil.copy(built[0], site / f"fleet/service0/{built[0].parent.parent.name}/1/model.onnx")
    run("scan", "--quiet", site=site, program=PROGRAM)
    result = run("inventory", "export", site=site, program=PROGRAM)
    bill = result.json()
    models = {c["hashes"][0]["content"]: c for c in bill["components"] if c["type"] == "machine-learning-model"}
    new, name = hashlib.sha256(built[0].read_bytes()).hexdigest(), built[0].parent.parent.name
    source = hashlib.sha256((site / f"models/{name}.onnx").read_bytes()).hexdigest()
    ok(len(models) == 2 and new in models, "both engines in service are models of the bill", result)
    told = {p["name"]: p["value"] for p in models[new]["properties"]}
    ok(told.get("reforge:provenance_status") == "verified" and told.get("reforge:builder_version") == "1.21.1" and len(told.get("reforge:build", "")) == 64,
       "the rebuilt one: provenance verified, its toolchain, its build digest", told)
    ok([a["hashes"][0]["content"] for a in models[new]["pedigree"]["ancestors"]] == [source], "its ancestor is the source model", models[new])
    flows = [w for f in bill["formulation"] for w in f["workflows"]]
    ok(len(flows) == 1 and flows[0]["outputs"][0]["resource"]["ref"] == f"sha256:{new}" and flows[0]["timeStart"] <= flows[0]["timeEnd"], "its build is a workflow", flows)
    old = next(c for h, c in models.items() if h != new)
    ok({p["name"]: p["value"] for p in old["properties"]}.get("reforge:provenance_status") == "unknown", "the other's provenance is unknown", old)
    needs = {d["ref"]: d["dependsOn"] for d in bill["dependencies"]}
    ok(needs[f"sha256:{new}"] == ["pkg:generic/microsoft/onnxruntime@1.21.1"] and f"sha256:{new}" in needs["service:service0/production"],
       "engine to toolchain, service to engine", needs)
    ok(needs["fleet"] == ["service:service0/production"], "the fleet to its services", needs["fleet"])
    refs = ["fleet"] + [c["bom-ref"] for c in bill["components"]] + [s["bom-ref"] for s in bill["services"]]
    ok(len(refs) == len(set(refs)) and all(r in refs for d in bill["dependencies"] for r in [d["ref"], *d["dependsOn"]]) and
       all(len(d["dependsOn"]) == len(set(d["dependsOn"])) for d in bill["dependencies"]), "every reference is there, once", bill["dependencies"])
    path = write(folder() / "fleet.cdx.json", result.raw)
    back = scan("--json", path).json()
    want = {(c["purl"].split("@")[0] if "version" in c else c["purl"], c.get("version")) for c in bill["components"] if "purl" in c}
    got = {(c["product"], c["version"]) for c in back["components"] if c["product"].startswith("pkg:generic/microsoft") or c["product"].startswith("pkg:generic/nvidia")}
    ok(back["finding"] is None and want == got, "our own reader finds the same products in it", want, got)
    edge = {"bomFormat": "CycloneDX", "specVersion": "1.5", "metadata": {"component": {"type": "application", "name": "edge", "version": "2"}},
            "components": [{"type": "library", "name": "o", "purl": "pkg:pypi/onnxruntime@1.18.0"}]}
    imported = run("inventory", "import", "--json", write(folder() / "edge.json", json.dumps(edge)), site=site, program=PROGRAM)
    ok(imported.json()["exposures_new"] == 1, "a bill that lists an affected version is an exposure", imported)
    edge["components"][0]["purl"] = "pkg:pypi/onnxruntime@1.21.1"
    imported = run("inventory", "import", "--json", write(folder() / "edge.json", json.dumps(edge)), site=site, program=PROGRAM)
    ok(imported.json()["exposures_cleared"] == 1 and imported.json()["replaced"] == 1, "which a newer bill clears", imported)
    rows = list(csv.DictReader(io.StringIO(run("inventory", "export", "--format", "csv", site=site, program=PROGRAM).out)))
    row = next(r for r in rows if r["sha256"] == new)
    ok(len(rows) == 3 and (row["recipe"], row["version"], row["source_sha256"], row["provenance_status"]) == (name, "1.21.1", source, "verified"), "CSV says the same", rows)
    before = run("inventory", "export", "--format", "csv", "--at", "2020-01-01", site=site, program=PROGRAM)
    ok(before.status == 0 and len(before.out.splitlines()) == 1, "--at a time before: a header and no rows", before)
    ok(fleet.DRILL not in result.out and "#owner" not in result.out, "no advisory, no contact in it", result.out[:500])

for part in (packages, packed, image, bills, hostile, told_apart, dockerfiles, given_out):
    try:
        part()
    except Exception:
        ok(False, part.__name__, traceback.format_exc())
done()
