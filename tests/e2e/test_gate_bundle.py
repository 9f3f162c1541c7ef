#!/usr/bin/env python3
"""What the gate knows as one signed file: written, shown, judged by without the site; of another key, expired, altered, a part. TAP."""
import base64, hashlib, json, subprocess, tarfile, time

import fleet
from tap import *


def osv(cve, package, fixed):
    return {"schema_version": "1.6.0", "id": cve, "modified": "2026-07-15T00:00:00Z", "published": "2026-07-14T00:00:00Z",
            "summary": "overflow in the engine loader", "affected": [{
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}


def engine(seed, version):
    return fleet.stamped(fleet.model(seed), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": version,
                                               "reforge.target": "linux-x86_64/cpu-avx512"})


def site(name):
    path = folder() / name
    run("init", path, "--site", name)
    (path / "reforge.yaml").write_text(f"""site: {name}
feeds: {{nvidia: {{kind: folder, path: feeds/nvidia, tlp: red}}}}
environments: {{production: {{}}}}
policies: {{production: {{environments: [production], unknown: warn}}}}
services:
  voice:
    owner: {{name: voice-team, contact: "#voice", deputy: ops}}
    environments: [production]
    runtime: onnxruntime@1.22.0
    roots: [engines/voice]
""")
    fleet.put(path / "engines/voice/old/1/model.onnx", engine(1, "1.20.1"))
    fleet.put(path / "engines/voice/new/1/model.onnx", engine(2, "1.22.0"))
    fleet.put(path / "a.json", json.dumps(osv("CVE-2026-90001", "onnxruntime", "1.21.0")))
    fleet.put(path / "feeds/nvidia/b.json", json.dumps(osv("CVE-2026-90002", "onnxruntime", "1.19.0")))
    for command in (("feed", "import", path / "a.json"), ("feed", "sync"), ("scan",)):
        r = run(*command, site=path)
        if r.status not in (0, 1, 3):
            raise SystemExit(f"{command}: {r.err}")
    return path


def written(s):
    b = folder() / "know.bundle"
    r = run("gate", "bundle", b, "--json", site=s)
    d = r.json()
    ok(r.status == 0 and d["site"] == "west" and d["contents"] == 2 and d["models"] == 2 and d["policies"] == 1,
       "the bundle is written: contents, places, policies", r)
    ok(d["advisories"] == 1 and d["withheld"] == 1 and d["tlp"] == "TLP:AMBER+STRICT", "what is marked red stays, and is counted", r)
    with tarfile.open(b, "r:") as t:
        parts = {m.name: t.extractfile(m).read() for m in t}
    ok(list(parts) == ["manifest.json", "manifest.dsse", "snapshot"], "tar reads it", list(parts))
    manifest, envelope = json.loads(parts["manifest.json"]), json.loads(parts["manifest.dsse"])
    ok(manifest["snapshot"]["sha256"] == hashlib.sha256(parts["snapshot"]).hexdigest() == d["sha256"], "the digest is the snapshot's")
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    (folder() / "m").write_bytes(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
    (folder() / "s").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    p = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", s / "keys/release.pub.pem", "-rawin", "-in", folder() / "m",
                        "-sigfile", folder() / "s"], capture_output=True, text=True)
    ok(p.returncode == 0 and payload == parts["manifest.json"], "openssl verifies the signature", p.stdout + p.stderr)
    return b


def shown(s, b):
    key = s / "keys/release.pub.pem"
    r = run("gate", "bundle", b, "--show", "--key", key, "--json")
    ok(r.status == 0 and r.json()["site"] == "west" and not r.json()["expired"], "shown with the public key alone", r)
    ok([f["feed"] for f in r.json()["stale_feeds"]] == ["withheld"], "what was withheld proves nothing", r)
    r = run("gate", "bundle", b, "--show", site=s)
    ok(r.status == 0 and "of site west" in r.out and "1 withheld" in r.out, "shown for people, with the site's own key", r)
    r = run("gate", "bundle", b, "--show", "--key", s / "keys/ledger.pub.pem")
    ok(r.status == 1 and "signed with key" in r.err, "another key: refused by name", r)
    whole = b.read_bytes()
    (folder() / "altered").write_bytes(whole[:-2000] + bytes([whole[-2000] ^ 1]) + whole[-1999:])
    r = run("gate", "bundle", folder() / "altered", "--show", "--key", key)
    ok(r.status == 1 and "digest" in r.err, "an altered snapshot: refused by name", r)
    (folder() / "cut").write_bytes(whole[:len(whole) // 2])
    r = run("gate", "bundle", folder() / "cut", "--show", "--key", key)
    ok(r.status not in (0, 3) and "cut off" in r.err, "one that is cut off", r)


def judged(s, b):
    """By the bundle alone: no workspace, no database."""
    key = s / "keys/release.pub.pem"
    away = folder() / "away"
    fleet.put(away / "unseen/1/model.onnx", engine(3, "1.20.0"))
    for name, path, status in (("an engine that is known", s / "engines/voice/old", 1), ("a clean one", s / "engines/voice/new", 3),
                               ("one that nobody has seen", away, 1)):
        r = run("gate", "pod", path, "--bundle", b, "--key", key, "--service", "voice", "--environment", "production", "--format", "json")
        ok(r.status == status and ("CVE-2026-90001" in r.out) == (status == 1), f"judged offline: {name}", r)


def expired(s):
    b = folder() / "short.bundle"
    run("gate", "bundle", b, "--valid", "1s", site=s)
    time.sleep(1.2)
    key = s / "keys/release.pub.pem"
    r = run("gate", "bundle", b, "--show", "--key", key, "--json")
    ok(r.status == 3 and r.json()["expired"], "an expired one is shown as such", r)
    r = run("gate", "pod", s / "engines/voice/new", "--bundle", b, "--key", key, "--format", "json")
    ok(r.status == 1 and "bundle_expired" in r.out, "and denies by name", r)


def part(s):
    b = folder() / "part.bundle"
    r = run("gate", "bundle", b, "--only", s / "engines/voice/old", "--tlp", "red", "--json", site=s)
    ok(r.status == 0 and r.json()["contents"] == 1 and r.json()["withheld"] == 0 and r.json()["advisories"] == 2,
       "only what a folder holds, with all advisories about it", r)
    ok(r.json()["only"] == [str(s / "engines/voice/old")], "what it is a part of", r)
    r = run("gate", "bundle", b, "--show", site=s)
    ok("covers only " + str(s / "engines/voice/old") in r.out, "it says so to whoever asks", r)
    digest = hashlib.sha256((s / "engines/voice/new/1/model.onnx").read_bytes()).hexdigest()
    r = run("gate", "bundle", b, "--only", f"sha256:{digest}", "--only", "pkg:pypi/tensorrt@10.8", "--json", site=s)
    ok(r.status == 0 and r.json()["contents"] == 1, "only what a digest names", r)


def usage(s):
    for words in (("--valid", "0s"), ("--valid", "soon"), ("--tlp", "pink"), ("--key", "x"), ("--show", "--valid", "1d")):
        r = run("gate", "bundle", folder() / "x", *words, site=s)
        ok(r.status == 2 and not (folder() / "x").exists(), f"usage: {' '.join(words)}", r)
    r = run("gate", "bundle", folder() / "no/such/folder", site=s)
    ok(r.status == 2, "a folder that is not there", r)


s = site("west")
b = written(s)
shown(s, b)
judged(s, b)
expired(s)
part(s)
usage(s)
done()
