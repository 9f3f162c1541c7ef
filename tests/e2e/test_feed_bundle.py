#!/usr/bin/env python3
"""Packed files by hand; the signed bundle for sites without internet: export, import, hostile ones. TAP."""
import base64, gzip, hashlib, io, json, sqlite3, subprocess, tarfile, zipfile

import fleet
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


def members(path):
    with tarfile.open(path, "r:") as t:
        return [(m.name, t.extractfile(m).read()) for m in t]


def header(name, size, kind=b"0"):
    h = bytearray(512)
    for at, text in ((0, name.encode()), (100, b"0000644"), (108, b"0000000"), (116, b"0000000"), (124, b"%011o" % size),
                     (136, b"00000000000"), (148, b" " * 8), (156, kind), (257, b"ustar"), (263, b"00")):
        h[at:at + len(text)] = text
    h[148:156] = b"%06o\0 " % sum(h)
    return bytes(h)


def pack(parts, end=1024):
    out = b""
    for name, data, *kind in parts:
        out += header(name, len(data), *kind) + data + bytes(-len(data) % 512)
    return out + bytes(end)


def pae(kind, body):
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def resigned(private, parts, change):
    """The bundle with its manifest changed and signed again, with openssl: what a site whose key leaked could make."""
    manifest = json.loads(parts[0][1])
    change(manifest)
    text, kind = json.dumps(manifest).encode(), json.loads(parts[1][1])["payloadType"]
    message, signature = folder() / "message", folder() / "signature"
    message.write_bytes(pae(kind.encode(), text))
    subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", message, "-out", signature], check=True)
    envelope = {"payloadType": kind, "payload": base64.b64encode(text).decode(),
                "signatures": [{"keyid": "", "sig": base64.b64encode(signature.read_bytes()).decode()}]}
    return [("manifest.json", text), ("manifest.dsse", json.dumps(envelope).encode()), *parts[2:]]


def rows(site, sql):
    db = sqlite3.connect(f"file:{site}/reforge.db?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def signals(site):
    return sorted(rows(site, "SELECT kind, cve, source, date, value FROM advisory_signal"))


def advisories(site):
    return {i: more for i, *more in rows(site, "SELECT id, title, state, tlp, statements, score FROM advisory")}


def answers(site):
    keep = ("product", "version", "verdict", "state", "advisories", "advisory", "id", "affected", "fixed")
    return [{k: v for k, v in a.items() if k in keep} for a in
            run("check", "pkg:pypi/onnxruntime@1.20.1", "pkg:pypi/onnxruntime@1.22.0", "--json", site=site).lines()]


def carried():
    docs = folder() / "docs"
    docs.mkdir()
    for i in range(1, 8):
        (docs / f"a{i}.json").write_text(json.dumps(osv(f"CVE-2026-9000{i}", "1.22.0")))
    (docs / "drill.json").write_text(json.dumps({**osv("DRILL-2026-1", "1.22.0")}))
    secret = folder() / "secret"
    secret.mkdir()
    (secret / "s.json").write_text(json.dumps(osv("CVE-2026-90050", "1.23.0")))
    (folder() / "kev.json").write_text(json.dumps(KEV))
    (folder() / "epss.csv").write_text(EPSS)
    a = site("outside", open={"path": str(docs)}, secret={"path": str(secret), "tlp": "amber"},
             kev={"path": str(folder() / "kev.json")}, epss={"path": str(folder() / "epss.csv")})
    run("feed", "sync", site=a)
    out, key = folder() / "know.bundle", a / "keys/release.pub.pem"
    r = run("feed", "bundle", out, "--json", site=a)
    ok(r.status == 0 and r.json()["documents"] == 9 and r.json()["withheld"] == 1, "feed bundle: documents and signals, the amber one stays", r)
    parts = members(out)
    manifest = json.loads(parts[0][1])
    ok([n for n, _ in parts[:2]] == ["manifest.json", "manifest.dsse"] and
       all(hashlib.sha256(d).hexdigest() == e["sha256"] and n == e["name"] and len(d) == e["bytes"]
           for (n, d), e in zip(parts[2:], manifest["documents"], strict=True)), "tar reads it, every digest is right")
    ok(b"90050" not in out.read_bytes() and b"DRILL" not in out.read_bytes(), "neither the amber one nor the drill is in it")
    envelope = json.loads(parts[1][1])
    (folder() / "m").write_bytes(pae(envelope["payloadType"].encode(), parts[0][1]))
    (folder() / "s").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    p = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", folder() / "m", "-sigfile", folder() / "s"],
                       capture_output=True, text=True)
    ok(p.returncode == 0 and base64.b64decode(envelope["payload"]) == parts[0][1], "openssl verifies the signature", p.stdout + p.stderr)
    r = run("feed", "bundle", folder() / "amber.bundle", "--tlp", "amber", "--json", site=a)
    ok(r.json()["documents"] == 10 and r.json()["withheld"] == 0, "--tlp amber lets it out", r)

    b = site("inside", outside={"kind": "bundle", "path": str(out), "key": str(key)})
    r = run("feed", "sync", "--json", site=b)
    ok(r.status == 0 and r.json()["feeds"][0]["records"] == 9, "kind bundle syncs", r)
    want = {k: v for k, v in advisories(a).items() if k not in ("CVE-2026-90050", "DRILL-2026-1")}
    ok(want and advisories(b) == want, "the same advisories on both sides", want, advisories(b))
    ok(signals(a) and signals(a) == signals(b), "the same signals on both sides", signals(a), signals(b))
    c = site("by-hand")
    r = run("feed", "import", out, "--key", key, "--json", site=c)
    ok(r.status == 0 and r.json()["documents"] == 9 and advisories(c) == want, "feed import --key takes it in", r)
    ok(answers(b) and answers(b) == answers(c), "check answers the same by sync and by hand", answers(b), answers(c))
    r = run("feed", "import", out, "--key", key, "--json", site=c)
    ok(r.status == 0 and r.json()["documents"] == 0, "again: nothing new", r)
    d = site("amber-inside")
    run("feed", "import", folder() / "amber.bundle", "--key", key, site=d)
    ok(advisories(d)["CVE-2026-90050"][2] == 2, "the mark of a feed goes along", advisories(d))
    exposed(a, b)
    age(a, b, key, parts)
    hostile(a, out, key, parts)


def exposed(a, b):
    """The same fleet on both sides is exposed to the same; what stayed outside exposes nothing inside."""
    for s in a, b:
        text = (s / "reforge.yaml").read_text()
        (s / "reforge.yaml").write_text(text + "environments: {production: {}}\nservices:\n  voice:\n    owner: {name: v, contact: '#v'}\n    reach: internal\n"
                                        "    criticality: normal\n    environments: [production]\n    runtime: onnxruntime@1.21.0\n    roots: [fleet/voice]\n"
                                        "toolchains: {onnxruntime: {versions: {}}}\n")
        for i, version in enumerate(("1.20.1", "1.22.0", "1.23.0")):
            fleet.put(s / f"fleet/voice/m{i}/1/model.onnx",
                      fleet.stamped(fleet.model(i), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": version, "reforge.target": fleet.TARGET,
                                                       "reforge.recipe": f"m{i}"}))
        r = run("scan", "--quiet", site=s)
        ok(r.status in (0, 1, 3), "three engines are scanned", r)
    def found(s):
        keys = ("advisory", "carrier", "product", "version", "service", "model", "finding", "cause", "fixed")
        return sorted(json.dumps([e.get(k) for k in keys]) + " " + str(e["opened_at"] is not None)
                      for i in range(3) for e in run("explain", f"fleet/voice/m{i}/1/model.onnx", "--json", site=s, cwd=s).json())
    outside, inside = found(a), found(b)
    ok(len(inside) > 20 and inside == [e for e in outside if "CVE-2026-90050" not in e and "DRILL-2026-1" not in e],
       "the same exposures on both sides, but for what stayed outside", outside, inside)
    counts = [run("status", "--json", site=s).json()["exposures"] for s in (a, b)]
    ok(counts[1]["affected"] and counts[0]["affected"] > counts[1]["affected"], "status counts what is open", counts)


def age(a, b, key, parts):
    status = run("feed", "status", "outside", "--json", site=b).json()["feeds"][0]
    as_of = json.loads(parts[0][1])["as_of"]
    ok(status["last_success"][:19] == as_of[:19] and not status["stale"], "the feed is as old as what the bundle holds", status, as_of)
    private, path = a / "keys/release.pem", folder() / "know.bundle"
    whole = path.read_bytes()
    path.write_bytes(pack(resigned(private, parts, lambda m: m.update(as_of="2026-01-02T00:00:00Z"))))
    r = run("feed", "sync", site=b)
    status = run("feed", "status", "outside", "--json", site=b).json()["feeds"][0]
    ok(r.status == 3 and status["stale"] and status["last_success"].startswith("2026-01-02T00:00:00"), "an old one is stale, however new its arrival", r, status)
    path.write_bytes(pack(resigned(private, parts, lambda m: m.update(expires_at="2026-01-02T00:00:00Z"))))
    r = run("feed", "sync", site=b)
    status = run("feed", "status", "outside", "--json", site=b).json()["feeds"][0]
    ok(r.status == 3 and status["stale"] and any(x["alarm"] == "stalled" and "expired" in x["text"] for x in status["alarms"]), "an expired one raises an alarm", r, status)
    e = site("late")
    r = run("feed", "import", path, "--key", key, site=e)
    ok(r.status == 3 and "expired" in r.err and len(advisories(e)) >= 7, "by hand an expired one is taken in, and told", r)
    path.write_bytes(whole)
    r = run("feed", "sync", site=b)
    ok(r.status == 0, "a fresh one ends the alarm", r)


def hostile(a, out, key, parts):
    whole, private = out.read_bytes(), a / "keys/release.pem"
    run("init", folder() / "stranger", "--site", "stranger")
    docs = parts[2:]
    at = whole.index(docs[0][1])
    altered = whole[:at + 5] + bytes([whole[at + 5] ^ 1]) + whole[at + 6:]
    swapped = json.loads(parts[0][1])
    swapped["expires_at"] = "2099-01-01T00:00:00Z"
    again = lambda change: pack(resigned(private, parts, change))
    def first(**members):
        return again(lambda m: m["documents"][0].update(members))
    cases = {
        "an altered document": (altered, "digest"),
        "an altered manifest": (pack([("manifest.json", json.dumps(swapped).encode()), *parts[1:]]), "not what was signed"),
        "cut off": (whole[:len(whole) // 2], "cut off"),
        "bytes behind the end": (whole + b"x" * 512, "behind its end"),
        "a member too few": (pack(parts[:-1]), "another member"),
        "a member twice": (pack([*parts[:3], parts[2], *parts[3:]]), "another member"),
        "a member more": (pack([*parts, ("documents/more", b"{}")]), ""),
        "a link": (pack([*parts[:2], (docs[0][0], docs[0][1], b"2"), *docs[1:]]), "another member"),
        "a path that climbs": (pack([*parts[:2], ("../../etc/passwd", docs[0][1]), *docs[1:]]), "another member"),
        "no signature": (pack([parts[0], ("manifest.dsse", b"{}"), *docs]), "the envelope holds"),
        "gzip around it": (gzip.compress(whole), "another member"),
        "signed: a name that climbs": (first(name="../../x"), "the name is not"),
        "signed: a document twice": (again(lambda m: m["documents"].insert(0, m["documents"][0])), "ascending"),
        "signed: a size of 2^60": (first(bytes=2**60), "at most"),
        "signed: a size of 0": (first(bytes=0), "no size"),
        "signed: a later format": (again(lambda m: m.update(reforge_bundle=2)), "format 2"),
        "signed: no mark": (first(tlp="pink"), "TLP"),
    }
    for name, (data, words) in cases.items():
        s = site("h" + hashlib.sha256(name.encode()).hexdigest()[:8])
        (folder() / "bad.bundle").write_bytes(data)
        r = run("feed", "import", folder() / "bad.bundle", "--key", key, site=s)
        ok(r.status not in (0, 3) and words in r.err and "Sanitizer" not in r.err and not advisories(s), f"refused, nothing imported: {name}", r)
    s = site("wrong-key")
    r = run("feed", "import", out, "--key", folder() / "stranger/keys/release.pub.pem", site=s)
    ok(r.status not in (0, 3) and not advisories(s), "refused: another site's key", r)
    r = run("feed", "import", out, site=s)
    ok(r.status not in (0, 3) and "--key" in r.err and not advisories(s), "refused: without a key", r)


if __name__ == "__main__":
    packed()
    guarded(carried)
    done()
