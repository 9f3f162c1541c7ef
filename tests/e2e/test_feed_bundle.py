#!/usr/bin/env python3
"""Packed files by hand; the signed bundle for sites without internet: export, import, hostile ones. TAP."""
import base64, gzip, hashlib, io, json, pathlib, subprocess, sys, tarfile, time, zipfile

from tap import *

EPSS = "#model_version:v2025.03.14,score_date:2026-07-20T00:00:00+0000\ncve,epss,percentile\nCVE-2026-90001,0.61,0.98\n"
KEV = {"title": "KEV", "catalogVersion": "2026.07.20", "dateReleased": "2026-07-20T12:00:00Z", "count": 1, "vulnerabilities": [
    {"cveID": "CVE-2026-90001", "vendorProject": "NVIDIA", "product": "TensorRT", "vulnerabilityName": "TensorRT overflow",
     "dateAdded": "2026-07-19", "dueDate": "2026-08-09", "requiredAction": "Apply the update.", "knownRansomwareCampaignUse": "Known"}]}


def osv(cve, fixed):
    return {"schema_version": "1.6.0", "id": cve, "modified": "2026-07-15T00:00:00Z", "published": "2026-07-14T00:00:00Z",
            "summary": "overflow in the engine loader", "affected": [{
                "package": {"ecosystem": "PyPI", "name": "onnxruntime"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}


def site(name, **feeds):
    path = folder() / name
    run("init", path, "--site", name)
    (path / "reforge.yaml").write_text(f"site: {name}\nfeeds: {json.dumps(feeds)}\n")
    return path


def packed():
    s = site("packed")
    files = folder() / "files"
    files.mkdir()
    (files / "epss.csv.gz").write_bytes(gzip.compress(EPSS.encode()))
    (files / "kev.json.gz").write_bytes(gzip.compress(json.dumps(KEV).encode()))
    with zipfile.ZipFile(files / "all.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(300):
            z.writestr(f"CVE-2026-9{i:04d}.json", json.dumps(osv(f"CVE-2026-9{i:04d}", "1.22.0")))
        z.writestr("broken.json", "{")
        z.writestr("README.txt", "not looked at")
    r = run("feed", "import", files / "epss.csv.gz", files / "kev.json.gz", "--json", site=s)
    ok(r.status == 0 and r.json()["documents"] == 2, "EPSS and KEV as gzip are imported", r)
    r = run("feed", "import", files / "all.zip", "--json", site=s)
    ok(r.status == 3 and r.json()["documents"] == 300 and r.json()["problems"] == 1 and "broken.json" in r.err,
       "an ecosystem of OSV as zip is imported, its broken member told", r)
    r = run("feed", "import", files / "all.zip", "--json", site=s)
    ok(r.json()["documents"] == 0 and r.json()["unchanged"] == 300, "the same again: unchanged", r)
    (files / "cut.gz").write_bytes((files / "kev.json.gz").read_bytes()[:-12])
    (files / "junk.gz").write_bytes(gzip.compress(b"no advisory"))
    (files / "bomb.gz").write_bytes(gzip.compress(b"[" + b" " * (600 << 20), 1))
    for name in ("cut.gz", "junk.gz", "bomb.gz"):
        r = run("feed", "import", files / name, site=s)
        ok(r.status not in (0, 3) and name in r.err, f"{name}: refused", r)


if __name__ == "__main__":
    packed()
    done()
