#!/usr/bin/env python3
"""check: every kind of subject, every form of report, --fail-on, --at, a command behind it; systemd units. TAP."""
import json, os, pathlib, re, shutil, signal, socket, subprocess, sys, threading, time
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from images import *
from registry_server import Registry
from tap import *

MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")
TRT = "pkg:generic/nvidia/tensorrt"
CVE = "CVE-2026-91001"

def advisory(id, fixed, product=TRT, score="CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"):
    return {"schema_version": "1.6.0", "id": id, "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": f"made up {id}",
            "severity": [{"type": "CVSS_V3", "score": score}],
            "affected": [{"package": {"ecosystem": "GIT", "name": "t", "purl": product},
                          "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}

def specimen(path, version, *more):
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([MAKER, "--version", version, "--cc", "8.6", *more, str(path)], check=True)
    return path

site = old = new = None
def workspace():
    global site, old, new
    site = folder() / "site"
    run("init", site)
    (site / "a.json").write_text(json.dumps(advisory(CVE, "10.17.0")))
    check(run("feed", "import", site / "a.json", site=site), 0, "an advisory", "1 new or changed")
    old = specimen(folder() / "models/asr/1/model.plan", "10.13.3.9")
    new = specimen(folder() / "models/ocr/1/model.plan", "10.17.0.4")

def check_(*args, **more):
    return run("check", *args, site=site, **more)
def answers(*args, **more):
    r = check_("--json", *args, **more)
    return r, r.lines()

# ── Subjects ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def subjects():
    r, a = answers(TRT + "@10.13.3.9", TRT + "@11.0.0", TRT, old, new)
    ok(r.status == 1 and [x["decision"] for x in a] == ["deny", "allow", "warn", "deny", "allow"], "package URLs and files, in their order", r)
    ok(a[2]["version"] == "" and {f["finding"] for f in a[2]["findings"]} == {"unknown"}, "a package URL without a version is unknown, not allowed", a[2])
    ok(check_(TRT).status == 3, "and says so with its status")
    f = [f for f in a[3]["findings"] if f["advisory"] == CVE]
    ok([(x["carrier"], x["finding"], x["cause"], x["decision"]) for x in f] == [("builder", "affected", "in_range", "deny")] and f[0]["evidence"] and f[0]["why"]
       and f[0]["score"] == 9.8, "an engine: by its builder, with reasons", a[3])
    r, a = answers(folder() / "models")
    ok(r.status == 1 and {(pathlib.Path(x["subject"]).parts[-3], x["decision"]) for x in a} == {("asr", "deny"), ("ocr", "allow")}, "a folder: each engine in it", r)
    (folder() / "empty").mkdir()
    (folder() / "empty/notes.txt").write_text("nothing")
    check(check_(folder() / "empty"), 3, "a folder of nothing that is read here is unknown", "warn", "unknown_format")
    check(check_(folder() / "models", folder() / "absent"), 2, "a path that is not there: nothing more is said", "absent")
    check(check_("sha256:" + "0" * 64), 3, "a digest that nobody knows", "unknown_subject")
    check(check_("sha256:12"), 2, "a digest that is none", "64")
    check(check_("release:voice/2026-01-01-none"), 3, "a release that nobody knows", "unknown_subject")

def refused():
    """What a rule of inspection refuses needs no workspace; a version that was edited saves nothing, whatever the policy."""
    d = folder() / "refused"; d.mkdir()
    whole = specimen(d / "whole.plan", "10.17.0.4").read_bytes()
    def put(name, data):
        (d / name).write_bytes(data); return d / name
    cut = put("cut.plan", whole[:len(whole) // 2])
    past = put("past.plan", whole[:0x2C] + b"AAAA" + whole[0x30:])
    new_head = put("new-head.plan", old.read_bytes()[:24] + bytes((11, 4, 0, 106)) + old.read_bytes()[28:])
    alike = bytearray(old.read_bytes())
    alike[24:28] = alike[104:120:5] = bytes((11, 4, 0, 106))  # both statements; the tag stays
    alike = put("alike.plan", bytes(alike))
    for path, rule in ((cut, "truncated"), (past, "section_past_end"), (new_head, "version_mismatch"), (alike, "version_mismatch")):
        r = run("check", "--json", path, cwd=d); a = r.lines()
        ok(r.status == 1 and a and a[0]["decision"] == "deny" and a[0]["quarantine"] == rule and "advisories were not asked" in r.err and
           any(f["cause"] == "no_data" for f in a[0]["findings"]), f"without a workspace, refused by the rule {rule}", r)
    r = run("check", "--json", d / "whole.plan", cwd=d)
    ok(r.status == 2 and not r.lines() and "no workspace" in r.err, "one that passes needs a workspace", r)
    r = run("check", "--json", cut, d / "whole.plan", cwd=d)
    ok(r.status == 2 and [a["decision"] for a in r.lines()] == ["deny"] and "no workspace" in r.err, "beside it, what is refused is said", r)
    odd = put("odd.plan", whole[:4] + b"\x07" + whole[5:])
    r = run("check", "--json", cut, odd, cwd=d)
    ok(r.status == 2 and [a["decision"] for a in r.lines()] == ["deny"] and "no workspace" in r.err, "what a rule calls unknown is not refused by it: advisories would have to be asked", r)
    r, a = answers(new_head)
    f = a[0]["findings"]
    ok(r.status == 1 and a[0]["version"] == "11.4.0.106" and a[0]["why"].endswith("always denied") and
       [x["version"] for x in f if x["advisory"] == CVE and x["finding"] != "not_affected"] == ["10.13.3.9"], "a clean version in the header, an affected one inside: both are judged", r)
    r, a = answers(alike)
    ok(r.status == 1 and a[0]["version"] == "11.4.0.106" and a[0]["why"].endswith("always denied"), "edited alike in both places: the format is of another version", r)
    new_inside = put("new-inside.plan", new.read_bytes()[:24] + bytes((10, 13, 3, 9)) + new.read_bytes()[28:])
    r, a = answers(new_inside)
    ok(r.status == 1 and [x["version"] for x in a[0]["findings"] if x["advisory"] == CVE and x["finding"] != "not_affected"] == ["10.13.3.9"] and
       any(x["cause"] == "version_mismatch" and x.get("decision") == "deny" for x in a[0]["findings"]), "and the other way round", r)
    r, a = answers("--fail-on", "none", new_head)
    ok(r.status == 1 and a[0]["why"].endswith("always denied"), "--fail-on none denies it all the same", r)

def containers():
    tar = folder() / "both.tar"
    subprocess.run(["tar", "-cf", tar, "-C", folder(), "models", "empty"], check=True)
    r, a = answers(tar)
    ok(r.status == 1 and sorted(x["subject"].partition("!/")[2] for x in a) == ["", "models/asr/1/model.plan", "models/ocr/1/model.plan"]
       and [x["decision"] for x in a if "asr" in x["subject"]] == ["deny"], "an archive: what lies in it, and itself", r)
    empty = folder() / "empty.tar"
    subprocess.run(["tar", "-cf", empty, "-C", folder(), "empty"], check=True)
    check(check_(empty), 3, "an archive of nothing that is read here", "unknown_format")

def images():
    write_oci(folder() / "image", {"1": Image([Layer(tar_of([Folder("opt"), ("opt/a.plan", old.read_bytes()), ("opt/b.plan", new.read_bytes()), ("etc/x", b"x")]))])})
    r, a = answers(f"oci:{folder() / 'image'}")
    ok(r.status == 1 and {x["subject"].partition("!/")[2]: x["decision"] for x in a}.get("opt/a.plan") == "deny", "an image: what its layers hold", r)
    ok({x["subject"].partition("!/")[2]: x["decision"] for x in a}.get("opt/b.plan") == "allow", "and what of it is clear", a)
    ok(all("etc/x" not in x["subject"] for x in a), "what is nothing of ours is not asked about", a)
    packages = "P:musl\nV:1.2.5-r0\nA:x86_64\n\n".encode()
    rows = [("nothing", [("etc/motd", b"hello")], 3, ["warn"]), ("an empty archive", [("a.tar", tar_of([]))], 3, ["warn"]),
            ("packages", [("etc/motd", b"hello"), ("lib/apk/db/installed", packages)], 0, ["allow"])]
    for name, members, status, decisions in rows:
        write_oci(folder() / name, {"1": Image([Layer(tar_of(members))])})
        r, a = answers(f"oci:{folder() / name}")
        ok(r.status == status and [x["decision"] for x in a if "!/" not in x["subject"]] == decisions, f"an image with {name} in it", r)
    check(check_(f"oci:{folder() / 'nothing'}"), 3, "its words are those of an image", "in the image: unknown_format", "next: check the image that the service runs")
    ok(check_(f"oci:{folder() / 'nothing'}", "--fail-on", "unknown").status == 1, "an image in which nothing is read: the policy's answer for what is unknown")

def registries():
    """Read now, and by where it comes from; the same tag of another day says nothing."""
    image = lambda plan: Image([Layer(tar_of([Folder("opt"), ("opt/a.plan", plan.read_bytes())]))])
    r = Registry({"site/app": {"1": image(old), "2": image(new)}}, None)
    bad, good = f"{r.host}/site/app:1", f"{r.host}/site/app:2"
    c, a = answers(bad, good)
    ok(c.status == 1 and [(x["subject"].partition("!/")[2], x["decision"]) for x in a] == [("opt/a.plan", "deny"), ("", "allow"), ("opt/a.plan", "allow"), ("", "allow")],
       "images of a registry", c)
    w = folder() / "strict"
    run("init", w)
    with open(w / "reforge.yaml", "a") as f: f.write("policies: {fleet: {registries: [registry.example/site]}}\n")
    run("feed", "import", site / "a.json", site=w)
    check(run("check", good, site=w), 1, "a registry that the policy does not allow", "registry_not_allowed", "fleet")
    check(check_(f"{r.host}/site/none:1"), 2, "an image that is not there could not be checked", "none")

def dockerfile():
    f = folder() / "Dockerfile"
    f.write_text("ARG BASE\nFROM nvcr.io/nvidia/tritonserver:25.06-trtllm-python-py3 AS build\nRUN true\nFROM ${BASE}\nFROM scratch\nCOPY --from=build /a /a\n")
    r, a = answers(f)
    ok([(x["subject"], x["line"]) for x in a] == [("nvcr.io/nvidia/tritonserver:25.06-trtllm-python-py3", 2), ("${BASE}", 4)], "a Dockerfile: its images with their lines", a)
    ok(a[0]["decision"] == "deny" and CVE in json.dumps(a[0]), "what a tag proves is judged", a[0])
    ok(a[1]["decision"] == "warn" and "build time" in json.dumps(a[1]), "an argument of the build is unknown", a[1])
    check(check_(f), 1, "its words are those of an image", "in the image: content_absent", "what the image holds is not known", "next: scan the image")
    where = folder() / "sources"
    (where / "web").mkdir(parents=True, exist_ok=True)
    (where / "web" / "gpu.Dockerfile").write_text(f.read_text())
    (where / "Dockerfile").write_text("FROM a b c\n")
    (where / "Dockerfile.md").write_text("# Images\n\nFrom here on they are built.\n")
    (where / "Dockerfile.big").write_text("FROM x\n" + "#" * (1 << 20))
    r, found = answers(where)
    told = [{k: x.get(k) for k in ("subject", "line", "decision")} for x in found if "/sources/" not in x["subject"]]
    ok(told == [{k: x.get(k) for k in ("subject", "line", "decision")} for x in a] and r.status == 1, "a folder: the images of the Dockerfiles in it, as when they are named", r)
    ok({os.path.basename(x["subject"]): x["decision"] for x in found if "/sources/" in x["subject"]} == {"Dockerfile": "warn", "Dockerfile.big": "warn"},
       "one that cannot be read is unknown, what is only called so is nothing", r)
    f.write_text("RUN before\nFROM x\n")
    check(check_(f), 3, "a Dockerfile that is none is unknown", "line 1")

def bills():
    import hashlib
    digest = hashlib.sha256(old.read_bytes()).hexdigest()
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [
        {"type": "library", "name": "tensorrt", "version": "10.13.3.9", "purl": "pkg:pypi/tensorrt@10.13.3.9"},
        {"type": "file", "name": "engine", "hashes": [{"alg": "SHA-256", "content": digest}]},
        {"type": "file", "name": "unheard-of", "hashes": [{"alg": "SHA-256", "content": "1" * 64}]}]}
    f = folder() / "app.cdx.json"
    f.write_text(json.dumps(bill))
    r, a = answers(f)
    ok(r.status == 1 and len(a) == 1 and a[0]["decision"] == "deny", "a bill of materials: its components", r)

# ── What decides ──────────────────────────────────────────────────────────────────────────────────────────────────────

def fail_on():
    rows = [("affected", 1), ("none", 0), ("unknown", 0), ("affected,unknown,conflict", 1)]
    got = [(k, check_(TRT + "@10.13.3.9", "--fail-on", k).status) for k, _ in rows]
    ok(got == rows, "--fail-on: affected findings", got)
    rows = [("affected", 3), ("none", 3), ("unknown", 1)]
    got = [(k, check_(TRT, "--fail-on", k).status) for k, _ in rows]
    ok(got == rows, "--fail-on: unknown findings", got)
    check(check_(TRT, "--fail-on", "not_affected"), 2, "a kind that is none", "affected, conflict, unknown")
    check(check_(TRT, "--service", "nobody"), 2, "a service that nobody knows is no default policy", "nobody")
    check(check_(TRT, "--environment", "nowhere"), 2, "nor an environment", "nowhere")
    check(check_(TRT + "@11.0.0", "--at", "2099-01-01"), 0, "--at: also what is to come")
    check(check_(TRT + "@11.0.0", "--at", "soon"), 2, "--at: a moment", "no moment")

def by_bundle():
    """Offline, the same answers as by the workspace; where there is no workspace."""
    b, key, away = folder() / "gate.bundle", site / "keys/release.pub.pem", folder() / "away"
    away.mkdir()
    check(run("gate", "bundle", b, site=site), 0, "a bundle")
    subjects = [TRT + "@10.13.3.9", TRT + "@11.0.0", TRT, old, new, folder() / "Dockerfile", "sha256:" + "0" * 64, f"oci:{folder() / 'image'}"]
    here, there = check_("--json", *subjects), run("check", "--json", *subjects, "--bundle", b, "--key", key, cwd=away)
    told = lambda r: [(x["subject"], x["decision"], sorted((str(f["advisory"]), str(f["carrier"]), f["finding"], f["cause"], f.get("why")) for f in x["findings"])) for x in r.lines()]
    ok(here.status == there.status == 1 and told(here) == told(there), "word for word what the workspace says", here, there)
    r = run("check", "registry.example/site/app:1", "--bundle", b, "--key", key, cwd=away)
    check(r, 3, "an image of a registry is not fetched: what the bundle knows", "never scanned under this tag")
    check(run("check", TRT, "--bundle", b, cwd=away), 2, "a bundle without the key it must be signed with", "--key")
    other = folder() / "other"
    run("init", other)
    check(run("check", TRT, "--bundle", b, "--key", other / "keys/release.pub.pem", cwd=away), 1, "one that another key signed", "gate.bundle")
    check(run("check", TRT, "--bundle", b, "--key", other / "keys/release.pub.pem", "--", "true", cwd=away), 125, "and nothing is started by it")
    check(run("check", new, "--bundle", b, "--key", key, "--at", "30d", cwd=away), 0, "--at before it was made: no clock is behind")
    check(run("check", new, "--bundle", b, "--key", key, "--at", "2099-01-01", cwd=away), 1, "after its end", "bundle_expired")
    check(run("check", new, "--bundle", b, "--key", key, "--", "echo", "runs", cwd=away), 0, "in front of a command", "runs")

def policies():
    """By service and environment; what excuses is shown, and ends by itself."""
    w = folder() / "fleet"
    run("init", w)
    (w / "reforge.yaml").write_text(f"""site: fleet
database: reforge.db
depot: depot
environments: {{production: {{}}, test: {{}}}}
services:
  voice: {{owner: {{name: v, contact: "#v"}}, reach: internal, criticality: high, environments: [production, test], roots: [models]}}
policies:
  lenient: {{environments: [test], severity: {{deny: never}}}}
""")
    shutil.copytree(folder() / "models", w / "models")
    run("feed", "import", site / "a.json", site=w)
    run("scan", site=w)
    r = lambda *a, **more: run("check", *a, site=w, cwd=w, **more)
    asr = "models/asr/1/model.plan"
    check(r(asr, "--service", "voice", "--environment", "production"), 1, "production denies", "deny", "explain")
    c = r(asr, "--service", "voice", "--environment", "test", "--json")
    ok(c.json()["decision"] == "warn" and c.json()["policy"] == "lenient", "test warns, by its own policy", c)
    check(r(asr, "--environment", "prodcution"), 2, "a typing mistake is no default policy", "production, test")
    check(r(TRT + "@10.13.3.9"), 1, "the hint is given for what explain finds", f'explain "{TRT}@10.13.3.9"')
    shutil.copy(w / asr, folder() / "elsewhere.plan")
    check(r(folder() / "elsewhere.plan"), 1, "and not for a file that was never placed", absent=("reforge explain",))
    check(run("waive", CVE, "--service", "voice", "--until", "20d", "--owner", "ann", "--reason", "until the delivery", site=w), 0, "a waiver")
    report = w / "r.sarif"
    c = r(asr, "--service", "voice", "--environment", "production", "--json", "--format", f"sarif={report}")
    f = [x for x in c.json()["findings"] if x["advisory"] == CVE][0]
    ok(c.status == 0 and (f["decision"], f["decided_by"], f["cover"]["kind"], f["cover"]["owner"]) == ("allow", "waiver", "waiver", "ann") and f["until"] and c.json()["until"] == f["until"],
       "a waiver lets it pass, and is shown", c)
    result = json.loads(report.read_text())["runs"][0]["results"][0]
    ok(result["level"] == "error" and [x["status"] for x in result["suppressions"]] == ["accepted"] and "ann" in result["suppressions"][0]["justification"], "SARIF: a suppression", result)
    check(r(asr, "--service", "voice", "--environment", "production"), 0, "words tell of it", "waiver", "ann")
    check(r(asr, "--service", "voice", "--environment", "production", "--at", (time.strftime("%Y-%m-%d", time.gmtime(time.time() + 25 * 86400)))), 1, "--at: when it has ended")
    check(r(asr), 1, "it is the service's only")

# ── Forms ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

def forms():
    d = folder() / "reports"
    d.mkdir()
    hostile = folder() / "models/a<b>&'\"\n::error::x,y.plan"
    shutil.copy(old, hostile)
    names = {"sarif": d / "r.sarif", "junit": d / "r.xml", "gitlab": d / "r.gitlab.json", "github": d / "r.github", "json": d / "r.json", "people": d / "r.txt"}
    options = [x for n, p in names.items() for x in ("--format", f"{n}={p}")]
    r = check_("models", TRT + "@11.0.0", TRT, *options, cwd=folder())
    check(r, 1, "six reports and the screen", "model.plan", "deny")
    sarif = json.loads(names["sarif"].read_text())
    results = sarif["runs"][0]["results"]
    ok(sarif["version"] == "2.1.0" and {x["ruleId"] for x in results} >= {CVE}, "SARIF: results", sarif)
    uris = {x["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for x in results if x["ruleId"] == CVE}
    ok({"models/asr/1/model.plan"} < uris and all("\n" not in u and '"' not in u for u in uris), "SARIF: paths are below the folder it was run in", uris)
    ok(len({x["partialFingerprints"]["subjectAndCause/v1"] for x in results}) == len(results), "SARIF: fingerprints tell results apart", results)
    tree = xml.parse(names["junit"]).getroot()
    cases = tree.findall("testsuite/testcase")
    ok(len(cases) == 5 and tree.get("failures") == "2" and len(tree.findall("testsuite/testcase/failure")) == 2, "JUnit: a case a subject", names["junit"].read_text())
    quality = json.loads(names["gitlab"].read_text())
    ok(len({x["fingerprint"] for x in quality}) == len(quality) >= 2 and {x["severity"] for x in quality} <= {"info", "minor", "major", "critical", "blocker"},
       "GitLab: fingerprints and severities", quality)
    lines = names["github"].read_text().splitlines()
    ok(len(lines) == 4 and all(re.match("::(error|warning|notice) ", x) for x in lines), "GitHub: no name begins a command of its own", lines)
    rows = [json.loads(x) for x in names["json"].read_text().splitlines()]
    ok(len(rows) == 5 and rows == check_("models", TRT + "@11.0.0", TRT, "--json", cwd=folder()).lines(), "JSON: the same as --json", rows)
    ok("\x1b" not in names["people"].read_text(), "words in a file have no colours")
    again = json.loads((check_("models", TRT, "--format", "sarif", cwd=folder())).out)["runs"][0]["results"]
    ok({x["partialFingerprints"]["subjectAndCause/v1"] for x in again} <= {x["partialFingerprints"]["subjectAndCause/v1"] for x in results}, "fingerprints stay the same", again)
    os.unlink(hostile)

def hostile_names():
    """A change under review brings files of any name into the folder that its own CI checks."""
    d = folder() / "names"
    d.mkdir()
    names = [b"::error::a.plan", b"  ::add-mask::b.plan", b"\r\n::stop-commands::c.plan", b"x##[error]d.plan", b"##vso[task.complete]e.plan", b"\x1b[2Kf.plan", b"\xff\xfeg.plan",
             "\u202eh.plan".encode(), "模型/语音.plan".encode(), b"]]>&i.plan", b"%0A::error::j.plan", b"n" * 250 + b".plan"]
    for n in names:
        os.makedirs(os.path.dirname(os.fsencode(d) + b"/" + n), exist_ok=True)
        shutil.copy(old, os.fsencode(d) + b"/" + n)
    command = re.compile(r"^\s*::[a-z]|##[a-z]*\[|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", re.M)
    def forms(*subjects):
        reports = {n: d.parent / f"names.{n}" for n in ("sarif", "junit", "gitlab", "github", "json", "people")}
        r = check_(*subjects, *(x for n, p in reports.items() for x in ("--format", f"{n}={p}")), cwd=d)
        return r, {n: p.read_bytes().decode() for n, p in reports.items()}       # each of them is UTF-8
    r, told = forms(*sorted(os.listdir(os.fsencode(d))))
    ok(r.status == 1 and not command.search(told["people"]) and not command.search(r.out + r.err) and "模型/语音.plan" in told["people"], "words: no name is a command to the CI whose log they stand in", r)
    lines = told["github"].splitlines()
    ok(len(lines) == len(names) + 1 and all(re.match(r"::(error|notice) [^:]*::[^:]", x) for x in lines) and not re.search("[\x00-\x1f\x7f]", "".join(lines)) and
       any("file=%FF%FEg.plan," in x for x in lines) and any("file=模型/语音.plan," in x for x in lines), "GitHub: a line a subject, the name is all theirs", lines)
    cases = [c.get("name") for c in xml.fromstring(told["junit"]).iter("testcase")]
    uris = {x["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for x in json.loads(told["sarif"])["runs"][0]["results"]}
    quality = json.loads(told["gitlab"])
    ok(not any(command.search(t) for t in cases + [x["description"] for x in quality]) and r"\xff\xfeg.plan" in cases and r"\r\n::stop-commands::c.plan" in cases,
       "JUnit, GitLab: a name is shown as it is", cases)
    ok(len(set(cases)) == len(names) and "模型/语音.plan" in cases and len(uris) == len(names) and "%FF%FEg.plan" in uris and
       len(quality) >= len(names), "JUnit, SARIF, GitLab: each by its name", cases, uris)
    absent = forms("::error::absent.plan")[0]
    ok(absent.status == 2 and not command.search(absent.out + absent.err), "nor is the name of what is not there", absent)

def forms_of_failure():
    """A report of an earlier run must not be mistaken for this one's."""
    d = folder() / "reports"
    r = check_(TRT + "@10.13.3.9", "absent.plan", "--format", f"sarif={d / 'f.sarif'}", "--format", f"junit={d / 'f.xml'}", "--format", f"gitlab={d / 'f.json'}",
               "--format", f"github={d / 'f.github'}")
    check(r, 2, "what could not be finished", "absent.plan")
    run_ = json.loads((d / "f.sarif").read_text())["runs"][0]
    ok(run_["invocations"][0]["executionSuccessful"] is False and "absent.plan" in json.dumps(run_["invocations"]), "SARIF says so", run_)
    ok("absent.plan" in xml.parse(d / "f.xml").find("testsuite/testcase/error").get("message"), "JUnit says so")
    ok(any("absent.plan" in x["description"] and x["severity"] == "blocker" for x in json.loads((d / "f.json").read_text())), "GitLab says so")
    ok("could not run::" in (d / "f.github").read_text(), "GitHub says so")
    for bad, text in (("xml", "sarif"), ("sarif=", "file"), ("sarif", "standard output")):
        check(check_(TRT, "--format", bad, *(["--json"] if bad == "sarif" else [])), 2, f"--format {bad}", text)
    check(check_(TRT + "@11.0.0", "--format", "junit=/nowhere/x.xml"), 2, "a file that cannot be written", "/nowhere")

# ── A command behind it ───────────────────────────────────────────────────────────────────────────────────────────────

def behind(*command, subject=None, **more):
    return check_(subject or TRT + "@11.0.0", "--", *command, **more)

def wrapped():
    check(behind("sh", "-c", "exit 7"), 7, "the status is the command's own")
    check(behind("true", subject=TRT + "@10.13.3.9"), 126, "denied: 126, and not started", "deny", "true is not started")
    check(behind("touch", folder() / "started", subject=old), 126, "an engine that is denied", CVE)
    ok(not (folder() / "started").exists(), "nothing was started")
    check(behind("true", subject=TRT), 0, "a warning lets it start", "warn")
    check(behind("no-such-command"), 125, "a command that is not there: 125", "no-such-command")
    check(behind("/dev/null"), 125, "one that cannot be executed: 125", "/dev/null")
    check(behind("true", subject="absent.plan"), 125, "a subject that is not there: 125", "absent.plan")
    check(check_("--", "true"), 125, "no subject: 125", "too few")
    check(check_(TRT, "--no-such", "--", "true"), 125, "a wrong option: 125", "--no-such")
    check(check_(TRT + "@11.0.0", "--"), 125, "no command: 125", "which command")
    check(run("check", TRT + "@11.0.0", "--", "true", cwd="/"), 125, "no workspace where one is needed: 125")
    r = behind("sh", "-c", "echo mine; echo \"$1\"; pwd; echo $VALUE", "a", "b  c", env={"VALUE": "kept"}, cwd=folder() / "models")
    ok(r.status == 0 and r.out.splitlines()[:1] == ["mine"] and "b  c" in r.out and str(folder() / "models") in r.out and "kept" in r.out,
       "arguments, working folder and environment are kept; standard output is the command's", r)
    r = check_(TRT + "@11.0.0", "--json", "--", "true")
    ok(r.out == "" and json.loads(r.err)["decision"] == "allow", "--json goes beside it", r)

def process():
    """It is the same process: descriptors, signals, id."""
    ours, theirs = socket.socketpair()
    p = subprocess.Popen([REFORGE, "-C", str(site), "check", TRT + "@11.0.0", "--", "sh", "-c",
                          f"ls /proc/self/fd; grep -E '^Sig(Ign|Cgt|Blk)' /proc/self/status; echo pid $$; echo sent >&{theirs.fileno()}; kill -TERM $$"],
                         pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=ENV, restore_signals=True)
    out = p.communicate(timeout=60)[0].decode()
    fds = {int(x) for x in out.splitlines() if x.isdigit()}
    ok(ours.recv(10) == b"sent\n", "a socket that it was handed is the command's", out)
    ok(len(fds - {0, 1, 2, theirs.fileno()}) == 1, "nothing of ours is left open: the one more is the folder that ls reads", out)
    ok(f"pid {p.pid}" in out and p.returncode == -signal.SIGTERM, "the same process: a signal ends it as it would the command", (out, p.returncode))
    masks = {m[0]: int(m[1], 16) for m in re.findall(r"(Sig\w+):\s*(\w+)", out)}
    ok(masks["SigIgn"] & 1 << signal.SIGPIPE - 1 == 0 and masks["SigBlk"] == 0, "a broken pipe ends the command as ever", out)

def swapped():
    """A file changed after it was judged, while others still are."""
    victim = folder() / "swap/model.plan"
    specimen(victim, "10.17.0.4")
    large = folder() / "swap/large.bin"
    with open(large, "wb") as f: f.truncate(4 << 30)
    p = subprocess.Popen([REFORGE, "-C", str(site), "check", str(victim), str(large), "--fail-on", "none", "--", "touch", str(folder() / "swap/started")],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    until, seen = time.time() + 60, False
    while p.poll() is None and not seen and time.time() < until:
        for fd in pathlib.Path(f"/proc/{p.pid}/fd").glob("*"):
            try: seen |= os.readlink(fd) == str(large)
            except OSError: pass
    victim.write_bytes(old.read_bytes())
    err = p.communicate(timeout=120)[1].decode()
    ok(seen and p.returncode == 126 and "changed after it was judged" in err and not (folder() / "swap/started").exists(), "126, and the command is not started", seen, p.returncode, err)
    shutil.rmtree(folder() / "swap")

# ── systemd ───────────────────────────────────────────────────────────────────────────────────────────────────────────

def units():
    if not shutil.which("systemd-analyze"): return skip("deploy/systemd", "no systemd-analyze")
    d = folder() / "units"
    shutil.copytree(ROOT / "deploy/systemd", d)
    for name in ("reforge", "tritonserver"): shutil.copy("/bin/true", d / name)
    for f in [*d.glob("*.service"), *d.glob("*/*.conf")]:
        f.write_text(f.read_text().replace("/usr/bin/reforge", f"{d}/reforge").replace("/opt/tritonserver/bin/tritonserver", f"{d}/tritonserver"))
    p = subprocess.run(["systemd-analyze", "verify", "--man=no", d / "tritonserver.service"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       env={**ENV, "SYSTEMD_UNIT_PATH": f"{d}:"})
    ok(p.returncode == 0 and not p.stdout, "systemd-analyze: unit and drop-in", p.stdout.decode())
    for text in [f.read_text() for f in (ROOT / "deploy/systemd").rglob("*.*") if f.is_file()]:
        for command in re.findall(r"(?:ExecStartPre|ExecStart)=\S+ (check .*?) -- ", text):
            given = [w.replace("${REFORGE_SERVICE}", "voice").replace("${REFORGE_ENVIRONMENT}", "production") for w in command.split()]
            r = run(*given, "--help")
            ok(r.status == 0 and all(o in r.out for o in given if o.startswith("--")), "its options are check's", r)

if not os.access(MAKER, os.X_OK):
    skip("check", "the maker of specimens is not built")
else:
    workspace()
    for part in (subjects, refused, containers, images, registries, dockerfile, bills, fail_on, by_bundle, policies, forms, hostile_names, forms_of_failure, wrapped, process, swapped): guarded(part)
guarded(units)
done()
