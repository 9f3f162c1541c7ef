#!/usr/bin/env python3
"""The line that a vendor numbers apart, from a machine's report, an image or a root to the verdict: DriveOS's TensorRT 10.14.4
has what the others' 10.14.4 has not."""
import hashlib, json, os, pathlib, subprocess
from tap import *

MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")
CVE, LINES = "CVE-2026-91002", {
    "drive": ("etc/nvidia/version-ubuntu-rootfs.txt", "7.0.5.0-43328940\n"),
    "jetson": ("etc/nv_tegra_release", "# R36 (release), REVISION: 4.4, GCID: 1, BOARD: generic\n"),
    "server": None,
}

def bulletin():
    def row(platform, affected, fixed, mark):
        return {"category": "architecture", "name": platform, "branches": [
            {"category": "product_version", "name": "TensorRT", "product": {"name": name, "product_id": mark + part}}
            for part, name in (("a", affected), ("f", fixed))]}
    return {"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "TensorRT",
                         "publisher": {"category": "vendor", "name": "NVIDIA Product Security", "namespace": "https://www.nvidia.com"},
                         "tracking": {"id": "9101", "status": "final", "version": "1", "current_release_date": "2026-08-11T00:00:00.000Z",
                                      "initial_release_date": "2026-08-11T00:00:00.000Z",
                                      "revision_history": [{"number": "1", "date": "2026-08-11T00:00:00.000Z", "summary": "x"}]}},
            "product_tree": {"branches": [{"category": "vendor", "name": "NVIDIA", "branches": [
                row("Linux", "v0 - v10.17.0", "v11.1", "l"), row("DriveOS 7.0", "v0 - v10.14.3", "v10.14.4", "d")]}]},
            "vulnerabilities": [{"cve": CVE, "title": "made up", "product_status": {"known_affected": ["la", "da"], "fixed": ["lf", "df"]}}]}

def root(name):
    """A machine's files: an engine of 10.14.4, a header of the same, and what says of which line it is."""
    where = folder() / name
    (where / "opt/models").mkdir(parents=True)
    subprocess.run([MAKER, "--version", "10.14.4.1", "--cc", "8.7", str(where / "opt/models/lane.plan")], check=True)
    header = where / "usr/include/NvInferVersion.h"
    header.parent.mkdir(parents=True)
    header.write_text("".join(f"#define NV_TENSORRT_{n} {v}\n" for n, v in zip(("MAJOR", "MINOR", "PATCH", "BUILD"), (10, 14, 4, 1))))
    if LINES[name]:
        path = where / LINES[name][0]
        path.parent.mkdir(parents=True)
        path.write_text(LINES[name][1])
    return where

def report(site, name, only=lambda path: True):
    """As `scan --host` writes it there: the same facts, by paths from the machine's own root."""
    where = folder() / name
    files = []
    for f in run("scan", "--json", where).lines():
        path = f["path"].removeprefix(str(where))
        if path and only(path):
            files.append({**f, "path": path})
    content = json.dumps({"system": {}, "roots": ["/"], "files": files, "unread": [], "processes": []}).encode()
    report.taken += 1
    header = {"type": "reforge.host-report", "version": 1, "host": name, "machine": hashlib.sha256(name.encode()).hexdigest(), "program": "test",
              "taken": f"2026-01-01T00:{report.taken:02}:00.000000Z", "content_bytes": len(content), "content_sha256": hashlib.sha256(content).hexdigest()}
    path = folder() / f"{name}.report"
    path.write_bytes(json.dumps(header, separators=(",", ":")).encode() + b"\n" + content + b"\n")
    return run("inventory", "import", path, site=site)
report.taken = 0

def explained(site, host, path):
    there = {p["id"] for p in run("inventory", "list", "--all", "--json", site=site).lines() if p["host"] == host and p["path"] == path}
    found = run("explain", path, "--json", site=site)
    return {(e["finding"], e["platform"]) for e in found.json() if e["advisory"] == CVE and e["placement"] in there}, found

def judged():
    site = folder() / "site"
    run("init", site)
    (site / "csaf.json").write_text(json.dumps(bulletin()))
    check(run("feed", "import", site / "csaf.json", site=site), 0, "the bulletin is imported")
    for name in LINES:
        root(name)
        r = report(site, name)
        ok(r.status == 0, f"{name} reports", r)
    for name, finding, platform in ("drive", "not_affected", "DriveOS"), ("jetson", "affected", "JetPack"), ("server", "affected", None):
        got, r = explained(site, name, "/opt/models/lane.plan")
        ok(got == {(finding, platform)}, f"the engine on {name}: {finding} on {platform}", got, r)
    got, r = explained(site, "drive", "/usr/include/NvInferVersion.h")
    ok(got == {("not_affected", "DriveOS")}, "and what that machine has of TensorRT besides", got, r)
    words = run("explain", "/opt/models/lane.plan", site=site)
    ok("its host is of DriveOS" in words.out and "on JetPack" in words.out, "in words", words)
    return site

def moved(site):
    """A machine that is set up anew as another is another's, whatever else stayed."""
    r = report(site, "drive", lambda path: "version-ubuntu-rootfs" not in path)
    ok(r.status == 0, "the machine reports without its release", r)
    got, r = explained(site, "drive", "/opt/models/lane.plan")
    ok(got == {("affected", None)}, "the same engine is judged as anywhere", got, r)
    report(site, "drive")
    got, r = explained(site, "drive", "/opt/models/lane.plan")
    ok(got == {("not_affected", "DriveOS")}, "and with it as before", got, r)

def asked(site):
    """check, the bundle and `gate pod` say the same."""
    for name, status in ("drive", 0), ("jetson", 1), ("server", 1):
        r = run("check", f"rootfs:{folder() / name}", "--json", site=site)
        ok(r.status == status, f"check of a root filesystem of {name}", r)
    bundle, key = folder() / "gate.bundle", site / "keys/release.pub.pem"
    check(run("gate", "bundle", bundle, site=site), 0, "a bundle")
    for name, status in ("drive", 0), ("jetson", 1), ("server", 1):
        where = folder() / name
        r = run("gate", "pod", where / "opt/models", "--root", where, "--bundle", bundle, "--key", key, "--json")
        ok(r.status == status, f"gate pod with the root of {name}", r)

def alone():
    """By its digest, when every host that has it is of one line: what the snapshot knows of it."""
    site = folder() / "alone"
    run("init", site)
    (site / "csaf.json").write_text(json.dumps(bulletin()))
    run("feed", "import", site / "csaf.json", site=site)
    digest = hashlib.sha256((folder() / "drive/opt/models/lane.plan").read_bytes()).hexdigest()
    report(site, "drive")
    ok(run("check", f"sha256:{digest}", site=site).status == 0, "on DriveOS alone: not affected", run("check", f"sha256:{digest}", site=site))
    report(site, "server")
    ok(run("check", f"sha256:{digest}", site=site).status == 1, "on others as well: by what is said of any", run("check", f"sha256:{digest}", site=site))

def main():
    if not os.access(MAKER, os.X_OK):
        return skip("lines", "the specimen maker is not built")
    site = judged()
    moved(site)
    asked(site)
    alone()

main()
done()
