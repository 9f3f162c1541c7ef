"""What a pod can have mounted, and what the gate says: for `reforge gate pod` (test_gate_pod.py) and for reforge-gate on each architecture
(tests/gate/static).

    for case in cases(site, folder): case.name, case.args (behind "pod"), case.status, case.decision, case.holds
"""
import base64, json, os, pathlib, shutil
import fleet, gate_site

class Case:
    def __init__(self, name, args, status, decision, holds=(), lacks=(), subjects=None):
        self.name, self.args, self.status, self.decision = name, [str(a) for a in args], status, decision
        self.holds, self.lacks, self.subjects = holds, lacks, subjects

def plan(version=(10, 13, 3, 9)):
    """An engine plan's outer header with nothing behind it: truncated, and named like an engine."""
    return b"ftrt" + bytes(28) + bytes(version)

def cases(site, where):
    by = ["--bundle", site.bundle, "--key", site.key]
    place = ["--service", "service0", "--environment", "production"]

    def release(name):
        return gate_site.mounted(site, where / name)
    def engines(folder):
        return sorted(folder.rglob("model.onnx"))

    clean = release("clean")
    yield Case("a signed release", [clean, *by, *place], 0, "allow", subjects=len(engines(clean)))
    target = engines(clean)[0].parents[2]
    yield Case("its target's folder alone, as a model repository", [target, *by, *place], 0, "allow")
    yield Case("one engine by its path", [engines(clean)[0], *by, *place], 0, "allow", subjects=1)

    old = where / "old/m00000/1"
    old.mkdir(parents=True)
    shutil.copy(site.engine, old)
    yield Case("an engine that the advisory hits", [where / "old", *by, *place], 1, "deny", [gate_site.CVE, "in_range"])
    yield Case("the same, for no service", [where / "old", *by], 1, "deny", [gate_site.CVE])
    yield Case("the same beside a clean release", [clean, where / "old", *by, *place], 1, "deny", [gate_site.CVE])

    swapped = release("swapped")
    shutil.copy(site.engine, engines(swapped)[0])
    yield Case("an engine exchanged within a release", [swapped, *by, *place], 1, "deny", ["foreign_attestation"])
    if len(engines(clean)) > 1:
        foreign = release("foreign")
        a, b = (e.parents[1] for e in engines(foreign)[:2])
        shutil.copy(f"{a}.provenance.dsse", f"{b}.provenance.dsse")
        yield Case("somebody else's attestation", [foreign, *by, *place], 1, "deny", ["foreign_attestation"])
    forged = release("forged")
    paper = pathlib.Path(f"{engines(forged)[0].parents[1]}.provenance.dsse")
    envelope = json.loads(paper.read_text())
    payload = base64.b64decode(envelope["payload"]).replace(b"1.21.1", b"1.29.1")
    envelope["payload"] = base64.b64encode(payload).decode()
    paper.write_text(json.dumps(envelope))
    yield Case("an attestation that was edited", [forged, *by, *place], 1, "deny", ["bad_signature"])
    rows = release("rows")
    text = (rows / "release.json").read_text()
    (rows / "release.json").write_text(text.replace('"drill": false', '"drill": true'))
    yield Case("a release.json that was edited", [rows, *by, *place], 1, "deny", ["bad_signature"])
    junk = release("junk")
    (junk / "release.dsse").write_text("{}")
    yield Case("a release.dsse that is none", [junk, *by, *place], 1, "deny", ["bad_signature"])
    bare = release("bare")
    for p in bare.rglob("*.dsse"):
        p.unlink()
    (bare / "release.json").unlink()
    yield Case("engines without their papers, known by digest", [bare, *by, *place], 0, "allow")

    new = where / "new/m9/1"
    new.mkdir(parents=True)
    fleet.put(new / "model.onnx", fleet.stamped(fleet.model(9), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.20.0"}))
    yield Case("an engine that was never seen, by its stamp", [where / "new", *by, *place], 1, "deny", [gate_site.CVE])
    broken = where / "broken"
    fleet.put(broken / "a.plan", plan())
    yield Case("a plan cut short", [broken, *by, *place], 1, "deny", ["header_mismatch"])
    odd = where / "odd"
    odd.mkdir()
    os.mkfifo(odd / "pipe.plan")
    (odd / "gone.engine").symlink_to("nowhere")
    fleet.put(odd / "notes.txt", "no engine")
    yield Case("FIFO and dangling link named like engines", [odd, *by, *place, "--quiet"], 3, "warn", ["unreadable"], subjects=2)
    yield Case("the same, where a warning is no reason to wait", [odd, *by, *place, "--allow-warnings"], 0, "warn")
    yield Case("the same, where unknown is denied", [odd, *by, *place, "--fail-on", "unknown"], 1, "deny")
    hollow = where / "hollow"
    hollow.mkdir()
    for name in ("a.plan", "b.onnx"):
        with open(hollow / name, "wb") as f:
            f.write(plan())
            f.truncate(1 << 40)
    yield Case("a terabyte that nobody stored", [hollow, *by, *place], 3, "warn", ["1024 GiB, nearly all of them holes"], subjects=2)
    long = where / "long"
    fleet.put(long / ("n" * 250 + ".onnx"), engines(clean)[0].read_bytes())
    yield Case("a name so long that no paper can lie beside it", [long, *by, *place], 0, "allow", subjects=1)
    fleet.put(where / "waiting/model.onnx", engines(clean)[0].read_bytes())
    os.mkfifo(where / "waiting/model.onnx.provenance.dsse")
    yield Case("a FIFO for a paper", [where / "waiting", *by, *place], 1, "deny", ["bad_signature"], subjects=1)
    projected = where / "projected"
    fleet.put(projected / "..2026_07/model.onnx", fleet.stamped(fleet.model(11), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.22.0"}))
    (projected / "..data").symlink_to("..2026_07")
    (projected / "model.onnx").symlink_to("..data/model.onnx")
    yield Case("a projected volume: the file, and the link that is named like an engine", [projected, *by, *place], 0, None, subjects=2)
    (where / "empty").mkdir()
    yield Case("an empty volume is no clean one", [where / "empty", *by, *place], 3, None, subjects=0)
    yield Case("a folder that is not there", [where / "absent", *by, *place], 2, None)

    yield Case("a bundle that has ended", [clean, *by, *place, "--at", "2036-01-01"], 1, "deny", ["bundle_expired"])
    yield Case("a service that the bundle does not know", [clean, *by, "--service", "servise0"], 2, None)
    yield Case("an environment that it does not know", [clean, *by, "--service", "service0", "--environment", "prod"], 2, None)
    yield Case("another key", [clean, "--bundle", site.bundle, "--key", site.folder / "keys/ledger.pub.pem"], 1, None)
    cut = where / "cut.bundle"
    cut.write_bytes(site.bundle.read_bytes()[:-100])
    yield Case("a bundle cut short", [clean, "--bundle", cut, "--key", site.key], 2, None)
    yield Case("no bundle", [clean], 2, None)

    libraries = sorted((gate_site.fleet.ROOT / "third_party/onnxruntime").glob("1.2[01].1/libonnxruntime.so*"))
    for library in libraries:
        version = library.parent.name
        root = where / f"root-{version}"
        lib = root / "opt/onnxruntime/lib"
        lib.mkdir(parents=True)
        os.symlink(library, lib / "elsewhere.so")     # leads out of the image: means nothing in it
        shutil.copy(library, lib / f"libonnxruntime.so.{version}")
        os.symlink(f"libonnxruntime.so.{version}", lib / "libonnxruntime.so")
        hit = version == "1.20.1"
        yield Case(f"the image's runtime {version}", [clean, "--root", root, *by, *place], 1 if hit else 0, "deny" if hit else "allow",
                   [gate_site.CVE, "runtime"] if hit else [], subjects=len(engines(clean)) + 1)
        for kind, target in (("relative", "../../opt/ort.bin"), ("absolute", "/opt/ort.bin"), ("through folders", "/lib64/../also/ort.bin"),
                             ("out of the image", library)):
            hidden = where / f"hidden-{version}-{kind.replace(' ', '-')}"
            (hidden / "usr/lib").mkdir(parents=True)
            (hidden / "opt").mkdir()
            shutil.copy(library, hidden / "opt/ort.bin")
            (hidden / "lib64").symlink_to("/usr/lib")
            (hidden / "usr/also").symlink_to("../../../../opt")     # above the root is the root
            os.symlink(target, hidden / "usr/lib/libonnxruntime.so.1")
            met = kind != "out of the image"
            yield Case(f"runtime {version} under another name, a {kind} link to it", [clean, "--root", hidden, *by, *place],
                       1 if hit and met else 0, "deny" if hit and met else "allow", [gate_site.CVE] if hit and met else [],
                       subjects=len(engines(clean)) + met)
