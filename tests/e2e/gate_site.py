"""A site with a published, signed release, an advisory that hits the engines it replaced, and the bundle that the gate's offline
fronts judge by. What pods mount is copied out of it.

    site = make(folder)
    site.release     folder of the signed release (release.json, engines, attestations)
    site.engine      an engine that the advisory hits
    site.bundle, site.key
"""
import pathlib, shutil, subprocess
import fleet
from tap import BUILD, REFORGE, run

CVE = "CVE-2026-5"

class Site:
    pass

def record(fixed):
    return {"schema_version": "1.6.0", "id": CVE, "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z",
            "summary": "ONNX Runtime: a flaw that lives on in what it compiled",
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
            "affected": [{"package": {"ecosystem": "npm", "name": "onnxruntime-node", "purl": "pkg:generic/microsoft/onnxruntime"},
                          "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}

def make(where, engines=2):
    import json
    s = Site()
    s.folder = fleet.make(where / "site", REFORGE, BUILD, engines)
    fleet.put(s.folder / "advisory.json", json.dumps(record("1.21.0")))
    for args in (("feed", "import", s.folder / "advisory.json"), ("scan",), ("respond", CVE, "--yes")):
        r = run(*args, site=s.folder, timeout=600)
        assert r.status in (0, 3), r
    releases = sorted(p.parent for p in (s.folder / "depot/releases").rglob("release.json"))
    s.release = next(p for p in releases if (p / "release.dsse").exists())
    s.engine = s.folder / "fleet/service0/m00000/1/model.onnx"
    s.bundle, s.key = where / "gate.bundle", s.folder / "keys/release.pub.pem"
    r = run("gate", "bundle", s.bundle, site=s.folder)
    assert r.status == 0, r
    return s

def mounted(site, where):
    """A copy of the release as a pod mounts it."""
    shutil.copytree(site.release, where, symlinks=True)
    for p in where.rglob("*"):
        p.chmod(0o755 if p.is_dir() else 0o644)
    return where
