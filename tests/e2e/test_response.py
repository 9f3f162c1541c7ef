#!/usr/bin/env python3
"""Responses over the stand-in toolchain: what fails, what is blocked, what goes on; hostile texts in the report; tampering; a full disk."""
import hashlib, html.parser, json, os, pathlib, re, shutil, sqlite3, subprocess
from tap import *
import fleet

def make(name, *args, **more):
    return fleet.make(folder() / name, REFORGE, BUILD, *args, **more)
def respond(site, *more, **how):
    return run("respond", fleet.DRILL, "--yes", "--json", *more, site=site, **how)
def edit(path, old, new):
    text = path.read_text(); assert old in text, (path, old); path.write_text(text.replace(old, new))
def releases(site, service):
    d = site / "depot/releases" / service
    return sorted(p.name for p in d.iterdir()) if d.exists() else []
def tasks(site):
    return {t["model"]: t for t in run("report", fleet.DRILL, "--json", site=site).json()["engines"]}

def failed_engine():
    """One engine that cannot pass stops its own release and nothing else."""
    site = make("failed", 6, services=3)
    library = site / "toolchains/1.21.1"
    text = library.read_text(); library.write_text(text + "skew m00001\n")        # another answer than the old engine's
    r = respond(site)
    good = ok(r.status == 1, "an engine whose proof fails: status 1", r)
    o = r.json()
    ok(o["failed"] == 1 and o["proven"] == 5 and o["published"] == 2 and o["releases"] == 3, "five proven, one failed, two of three releases published", o)
    ok(not releases(site, "service1") and releases(site, "service0") and releases(site, "service2"), "its own release is not there, the others are")
    t = tasks(site)["m00001"]
    ok(t["state"] == "failed" and "y" in t["reason"] and t["owner"], "the report says which engine, why, whose", t)
    check(run("respond", fleet.DRILL, "--yes", site=site), 1, "run again without a change: told again, tried no more", "not published", "m00001")
    ok(tasks(site)["m00001"]["attempt"] == 1, "and it still is the first attempt")
    edit(site / "recipes/m00001.yaml", "atol: 0,", "atol: 1000,")
    r = respond(site)
    ok(r.status == 0 and r.json()["published"] == 3 and r.json()["failed"] == 0, "the recipe's tolerance changed: another attempt, and its release is published", r)
    ok(run("depot", "verify", site=site).status == 0 and run("ledger", "verify", site=site).status == 0, "depot and ledger are whole")
    return good

def carried(site, name, seed):
    """An engine in service that the drill does not touch: built by 1.22.0."""
    fleet.put(site / "fleet/service0" / name, fleet.stamped(fleet.model(seed), **{
        "reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.22.0", "reforge.target": fleet.TARGET}))

def carried_over():
    """Unaffected engines go on in the release, whatever their files are called; none is lost without a word."""
    site = make("carried", 1)
    carried(site, "odd name \u6f0f.onnx", 900)
    carried(site, "m9/1/model.onnx", 901)
    maker = os.path.join(BUILD, "demo/specimen/reforge-specimen")
    plans = 1 if os.access(maker, os.X_OK) else 0
    if plans:
        (site / "fleet/service0/det/1").mkdir(parents=True)
        subprocess.run([maker, "--version", "10.13.3.9", "--cc", "8.6", str(site / "fleet/service0/det/1/model.plan")], check=True)
    run("scan", site=site)
    r = respond(site)
    good = ok(r.status == 0 and r.json()["published"] == 1, "an odd file name does not hold the release", r, run("status", site=site))
    names = [n for n in releases(site, "service0") if not n.startswith(".")]
    rows = json.loads((site / "depot/releases/service0" / names[0] / "release.json").read_text())["engines"] if names else []
    ok(len(rows) == 3 + plans and sum(row["carried_over"] for row in rows) == 2 + plans, "one engine rebuilt, the others carried over", rows)
    if plans:
        ok([row["target"] for row in rows if row["model"] == "det"] == ["unknown/sm_86"], "what a plan does not say of its target is not made up", rows)
    site = make("twins", 1)
    carried(site, "m9/1/model.onnx", 902)
    carried(site, "m9/2/model.onnx", 903)
    run("scan", site=site)
    r = respond(site)
    ok(r.status == 1 and r.json()["published"] == 0, "two engines of one name and target: nothing is published", r)
    check(run("respond", fleet.DRILL, "--yes", site=site), 1, "and what to do", "two different engines", "reforge.yaml")
    return good

def hostile_driver():
    """A driver whose answers are links to somebody else's."""
    site = make("links", 1)
    library = site / "toolchains/1.21.1"
    library.write_text(library.read_text() + f"output-link {site}/golden/a/0.npy\n")        # what the old engine answers
    r = respond(site)
    ok(r.status == 1 and r.json()["published"] == 0, "an answer that is a link proves nothing", r)
    return ok("no regular file" in tasks(site)["m00000"]["reason"], "and the reason says so", tasks(site)["m00000"])

def blocked():
    """Each thing that is missing is a reason with an owner; the rest goes on."""
    site = make("blocked", 8, services=1)
    (site / "models/m00000.onnx").write_bytes(fleet.model(99))                     # another source than the recipe's digest
    (site / "models/m00001.onnx").unlink()
    (site / "recipes/m00002.yaml").unlink()
    (site / "recipes/m00003.yaml").write_text("model: m00003\nowner: {}\n")
    edit(site / "recipes/m00004.yaml", fleet.TARGET, "linux-aarch64/sm_87")
    edit(site / "recipes/m00005.yaml", "inputs: golden", "inputs: absent")
    service = site / "reforge.yaml"
    text = service.read_text()
    # a second service whose engines are all good
    for m in ("m00006", "m00007"):
        shutil.move(site / f"fleet/service0/{m}", site / f"fleet/other/{m}")
    service.write_text(text + text[text.index("  service0:"):].replace("service0", "other"))
    run("scan", "--quiet", site=site)
    p = run("plan", fleet.DRILL, "--json", site=site)
    ok(p.status == 3 and p.json()["blocked"] == 6 and p.json()["planned"] == 2, "plan: six blocked, two to rebuild, status 3", p)
    ready = run("ready", "--json", site=site)
    ok(ready.status == 3 and ready.json()["open"] == 2, "ready says the same beforehand", ready)
    r = respond(site)
    ok(r.status == 3, "respond ends with 3: nothing failed, something is blocked", r)
    t = tasks(site)
    def blocked_by(model, *words):
        k = t.get(model, {})
        ok(k.get("state") == "blocked" and k.get("owner") and all(w in k["reason"] for w in words), f"blocked with reason and owner: {' '.join(words)}", k)
    blocked_by("m00000", "m00000.onnx", "sha256")
    blocked_by("m00001", "m00001.onnx")
    blocked_by("m00002", "recipe")
    blocked_by("m00003", "m00003.yaml")
    blocked_by("m00004", "target", fleet.TARGET)
    blocked_by("m00005", "absent")
    ok(releases(site, "other") and not releases(site, "service0"), "the service without gaps is published, the other waits")
    s = run("status", site=site)
    check(s, s.status, "status names the blocked engines and their owners", "m00004", "#owner", "blocked")
    (site / "models/m00000.onnx").write_bytes(fleet.model(0)); (site / "models/m00001.onnx").write_bytes(fleet.model(1))
    r = respond(site)
    ok(r.status == 3 and r.json()["blocked"] == 4 and r.json()["proven"] == 4, "two gaps closed: those two go on", r)

def toolchain():
    site = make("toolchain", 2)
    library = site / "toolchains/1.21.1"
    text = library.read_bytes(); library.unlink()
    r = respond(site)
    t = tasks(site)
    ok(r.status == 3 and r.json()["blocked"] == 2 and all("toolchains/1.21.1" in k["reason"] and k["owner"] for k in t.values()),
       "a library of reforge.yaml is missing: blocked, the file is named", r, t)
    library.write_bytes(text)
    r = respond(site)
    ok(r.status == 0 and r.json()["published"] == 1, "the library is back: the same command goes on", r)

    site = make("digest", 2)
    edit(site / "reforge.yaml", '"1.21.1": {library: toolchains/1.21.1}', '"1.21.1": {library: toolchains/1.21.1, sha256: ' + "0" * 64 + "}")
    r = respond(site)
    t = tasks(site)
    ok(all(k["to_version"] == "1.22.0" or k["state"] == "blocked" for k in t.values()), "a library with another digest than reforge.yaml states is not used", r, t)

    for words, line, reason in (("lies about its version", "lie-version 9.9.9", "9.9.9"), ("dies in a build", "die", ""), ("answers garbage", "garbage", "")):
        site = make("driver-" + line.split()[0], 2)
        with open(site / "toolchains/1.21.1", "a") as f: f.write(line + "\n")
        r = respond(site)
        t = tasks(site)
        ok(r.status == 1 and r.json()["failed"] == 2 and not releases(site, "service0") and all(reason in k["reason"] for k in t.values()),
           f"a toolchain that {words}: failed with the reason, nothing published", r, {m: k["reason"] for m, k in t.items()})
    site = make("driver-hang", 1)
    edit(site / "recipes/m00000.yaml", "timeout: 1m", "timeout: 500ms")
    with open(site / "toolchains/1.21.1", "a") as f: f.write("hang\n")
    r = respond(site, timeout=60)
    ok(r.status == 1 and re.search(r"within [0-9]+ ms", tasks(site)["m00000"]["reason"]), "a build that hangs is ended at the recipe's time", r, tasks(site)["m00000"]["reason"])

def again():
    site = make("again", 4, services=2)
    r = respond(site)
    ok(r.status == 0 and r.json()["published"] == 2, "a whole response: status 0", r)
    before = sorted((str(p.relative_to(site)), p.stat().st_mtime_ns) for p in (site / "depot").rglob("*") if p.is_file())
    seals = run("ledger", "verify", "--json", site=site).json()["records"]
    r = respond(site)
    after = sorted((str(p.relative_to(site)), p.stat().st_mtime_ns) for p in (site / "depot").rglob("*") if p.is_file())
    ok(r.status == 0 and r.json()["opened"] is False and before == after, "the same again changes nothing in the depot", r)
    ok(run("ledger", "verify", "--json", site=site).json()["records"] == seals, "and records nothing")
    r = run("respond", "1", "--yes", "--json", site=site)
    ok(r.status == 0 and r.json()["incident"] == 1, "by the incident's number too", r)
    check(run("incident", "dismiss", "1", site=site), 2, "dismissing needs a reason", "reason")
    check(run("incident", "close", "1", site=site), 0, "an incident can be closed", "closed")
    check(run("incident", "reopen", "1", "--reason", "test", site=site), 0, "and reopened", "reopened")

    # one byte of a published engine
    engine = next((site / "depot/releases/service0").rglob("model.onnx"))
    blob = bytearray(engine.read_bytes()); mode = engine.stat().st_mode
    engine.chmod(0o644); blob[-1] ^= 1; engine.write_bytes(blob); engine.chmod(mode)
    check(run("depot", "verify", site=site), 1, "one changed bit of a published engine: depot verify names it, status 1", "model.onnx")

def hostile_text():
    evil = '<script>alert(1)</script>"\'><img src=x onerror=alert(2)>\x1b[2J{{`--></style>'
    site = make("hostile", 1)
    d = json.loads((site / "drill.json").read_text())
    d.update(id="DRILL-2026-0666", summary=evil, details=evil, published="2026-01-02T00:00:00Z",
             references=[{"type": "WEB", "url": "javascript:alert(3)"}], aliases=["CVE-2026-0001", 'X"><script>4</script>'])
    d["affected"][0]["ranges"][0]["events"] = [{"introduced": "0"}, {"fixed": "1.21.0"}]
    d["affected"][0]["package"]["name"] = "onnxruntime-node"
    (site / "evil.json").write_text(json.dumps(d))
    owner = site / "reforge.yaml"
    edit(owner, "owner: {name: owner, contact: '#owner'}", "owner: {name: '<script>o</script>', contact: '\"><b>'}")
    i = run("feed", "import", "evil.json", cwd=site, site=site)
    check(i, i.status if i.status in (0, 3) else 0, "a hostile advisory is imported", "1 new")
    r = run("respond", "DRILL-2026-0666", "--yes", site=site)
    ok(r.status in (0, 3) and "\x1b" not in r.out, "and answered; it cannot move the cursor", r)
    for lang in ("en", "zh-CN"):
        page = run("report", "DRILL-2026-0666", "--stdout", "--lang", lang, site=site)
        class Parser(html.parser.HTMLParser):
            bad = []
            def handle_starttag(self, tag, attrs):
                for k, v in attrs:
                    if k.startswith("on") or (v or "").strip().lower().startswith("javascript:") or (k in ("src", "href") and (v or "").startswith("http") and tag != "a"):
                        self.bad.append((tag, k, v))
                if tag in ("script", "img", "iframe", "object", "b") and any(a in (v or "") for _, v in attrs for a in ("alert", "x")):
                    self.bad.append((tag, attrs))
                if tag == "script": self.bad.append(tag)
        parser = Parser(); parser.bad = []; parser.feed(page.out)
        ok(page.status == 0 and "<script" not in page.out.lower() and not parser.bad and "&lt;script&gt;o" in page.out,
           f"the HTML report ({lang}) shows hostile texts as texts, runs nothing, loads nothing", parser.bad, page.err)
    md = run("report", "DRILL-2026-0666", "--stdout", "--format", "markdown", site=site)
    ok(md.status == 0 and "<script" not in md.out and "<img" not in md.out, "the Markdown report too", md.out[:1500])
    js = run("report", "DRILL-2026-0666", "--json", site=site)
    ok(js.status == 0 and js.json()["advisories"][0]["id"] == "DRILL-2026-0666", "and the JSON report is valid", js.err)
    for c in (("status",), ("advisory", "list"), ("advisory", "show", "DRILL-2026-0666"), ("explain", "DRILL-2026-0666"), ("incident", "list"), ("plan", "DRILL-2026-0666")):
        r = run(*c, site=site)
        ok("\x1b" not in r.out + r.err and r.status in (0, 1, 3), f"{' '.join(c)} prints no escape of it", r)

def odd_places():
    """A workspace and models whose names are hostile, and three responses at once."""
    site = make('sp ace/it\'s "q"', 4, services=2)
    stray = fleet.stamped(fleet.model(77), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.20.1", "reforge.target": fleet.TARGET})
    names = ["<script>alert(9)<\x1b>", "new\nline", "$(touch owned)"]
    for n in names: fleet.put(site / "fleet/service1" / n / "1/model.onnx", stray)
    s = run("scan", site=site)
    ok(s.status in (0, 3) and "3 new" in s.out and "\x1b" not in s.out, "models in folders with hostile names are placed", s)
    command = [REFORGE, "-C", str(site), "respond", fleet.DRILL, "--yes", "--json"]
    at_once = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV) for _ in range(3)]
    results = [(p.communicate(timeout=120), p.returncode) for p in at_once]
    ok(all(code == 3 and json.loads(o)["proven"] == 4 for (o, e), code in results), "three responses at once share the work: 4 proven, 3 blocked", *results)
    ok(len(releases(site, "service0")) == 2 and len(run("incident", "list", "--json", site=site).json()) == 1, "one incident, one release (and its lock)", releases(site, "service0"))
    ok(run("ledger", "verify", site=site).status == 0 and run("depot", "verify", site=site).status == 0, "ledger and depot are whole")
    page = run("report", "1", "--stdout", site=site)
    md = run("report", "1", "--stdout", "--format", "md", site=site)
    ok("<script" not in page.out + md.out and "\x1b" not in page.out + md.out and "&lt;script&gt;alert(9)" in page.out, "their names in the reports are text")
    s = run("status", site=site)
    ok(s.status == 3 and "\x1b" not in s.out and not list(site.rglob("owned")), "and in status", s)
    check(run("explain", site / "fleet/service1/new\nline/1/model.onnx", site=site), 1, "explain finds a path with a newline", "new\\nline")

def keys():
    site = make("keys", 1)
    (site / "keys/release.pem").chmod(0o644)
    check(run("respond", fleet.DRILL, "--yes", site=site), 2, "a private key that others can read is refused", "release.pem", "0600")
    (site / "keys/release.pem").chmod(0o600)
    kept = (site / "keys/release.pem").read_bytes(); (site / "keys/release.pem").unlink()
    check(run("respond", fleet.DRILL, "--yes", site=site), 2, "a private key that is gone: the file is named", "release.pem")
    check(run("key", "create", site=site), 2, "no new pair over the public key that old releases need", "release.pub.pem", "restore")
    check(run("status", site=site), 3, "reading needs no private key; an exercise is no knowledge", "no data")
    (site / "keys/release.pem").write_bytes(kept); (site / "keys/release.pem").chmod(0o600)
    check(run("respond", fleet.DRILL, "--yes", site=site), 0, "restored: it goes on")

def two_advisories():
    """The cure of one may not be what the other affects."""
    site = make("two", 2)
    d = json.loads((site / "drill.json").read_text())
    d.update(id="CVE-2026-777", summary="fixed later"); d["affected"][0]["ranges"][0]["events"][1]["fixed"] = "1.22.0"
    (site / "two.json").write_text(json.dumps(d))
    run("feed", "import", site / "two.json", site=site)
    p = run("plan", fleet.DRILL, "--json", site=site).json()
    ok(all(t["to_version"] == "1.22.0" and "1.21.1" in t["fix"] and "CVE-2026-777" in t["fix"] for t in p["tasks"]),
       "the smallest version that this advisory does not affect is affected by another: passed over, and told", p)
    check(run("respond", fleet.DRILL, "CVE-2026-777", "--yes", site=site), 2, "a drill and a real one are not answered together", "drill")
    r = run("respond", "CVE-2026-777", "--yes", "--json", site=site)
    ok(r.status == 0 and r.json()["published"] == 1 and r.json()["drill"] is False, "the real one alone", r)
    s = run("status", "--json", site=site).json()
    ok(len(s["releases"]) == 1 and s["releases"][0]["secure"], "its release is clean", s["releases"])
    d.update(withdrawn="2026-02-01T00:00:00Z", modified="2026-02-01T00:00:00Z")
    (site / "two.json").write_text(json.dumps(d))
    r = run("feed", "import", site / "two.json", "--json", site=site)
    ok(r.json()["exposures_cleared"] == 4, "withdrawn: its exposures are cleared", r)
    check(run("respond", "CVE-2026-777", "--yes", site=site), 2, "nothing to respond to", "withdrawn")
    check(run("explain", "CVE-2026-777", site=site), 0, "and explain says so", "WITHDRAWN")

def tampering():
    site = make("tamper", 3)
    respond(site)
    run("advisory", "decide", fleet.DRILL, "--engine-affecting", "yes", "--reason", "test", site=site)
    check(run("ledger", "verify", site=site), 0, "the ledger is whole", "whole")
    original = (site / "reforge.db").read_bytes()
    points = (site / "ledger/checkpoints.jsonl").read_bytes()
    def tampered(name, *sql, says=(), checkpoints=None, argument=()):
        db = sqlite3.connect(site / "reforge.db")
        for s in sql: db.execute(s)
        db.commit(); db.close()
        if checkpoints is not None: (site / "ledger/checkpoints.jsonl").write_bytes(checkpoints)
        r = run("ledger", "verify", *argument, site=site)
        check(r, 1, f"ledger: {name}", "fault", *says)
        j = run("ledger", "verify", "--json", *argument, site=site)
        ok(j.status == 1 and j.json()["fault_count"] > 0 and j.json()["faults"], f"ledger: {name}: in JSON", j)
        for f in site.glob("reforge.db*"): f.unlink()
        (site / "reforge.db").write_bytes(original); (site / "ledger/checkpoints.jsonl").write_bytes(points)
    tampered("a changed body", "UPDATE ledger_record SET body = replace(body, '1.21.1', '1.22.0') WHERE sequence = 5", says=("record 5",))
    tampered("a changed actor", "UPDATE ledger_record SET actor = 'user:else@where' WHERE sequence = 4", says=("record 4",))
    tampered("a changed time", "UPDATE ledger_record SET at = at + 1 WHERE sequence = 6", says=("record 6",))
    tampered("a changed hash", "UPDATE ledger_record SET hash = zeroblob(32) WHERE sequence = 6", says=("record 6",))
    tampered("a dropped record", "DELETE FROM ledger_record WHERE sequence = 7", says=("7",))
    tampered("a dropped record, the rest renumbered", "DELETE FROM ledger_record WHERE sequence = 7",
             "UPDATE ledger_record SET sequence = -sequence WHERE sequence > 7", "UPDATE ledger_record SET sequence = -sequence - 1 WHERE sequence < 0")
    tampered("two records reordered", "UPDATE ledger_record SET sequence = -1 WHERE sequence = 8", "UPDATE ledger_record SET sequence = 8 WHERE sequence = 9",
             "UPDATE ledger_record SET sequence = 9 WHERE sequence = -1")
    tampered("an inserted record", "INSERT INTO ledger_record SELECT (SELECT max(sequence) + 1 FROM ledger_record), id, at, kind, subject, actor, body, hash FROM ledger_record WHERE sequence = 1")
    db = sqlite3.connect(site / "reforge.db")
    size, head = db.execute("SELECT size, head FROM ledger_chain").fetchone()
    cut = size - 2
    head_at = db.execute("SELECT hash FROM ledger_record WHERE sequence = ?", (cut,)).fetchone()[0].hex()
    db.close()
    cut_sql = [f"DELETE FROM ledger_record WHERE sequence > {cut}", f"UPDATE ledger_chain SET size = {cut}, head = x'{head_at}'",
               f"DELETE FROM ledger_checkpoint WHERE size > {cut}"]
    tampered("a tail cut, all of the database made to agree: the checkpoint file tells", *cut_sql)
    elsewhere = folder() / "kept.jsonl"; elsewhere.write_bytes(points)
    lines = b"".join(l for l in points.splitlines(True) if True)[:0]
    tampered("the checkpoint file cut as well: the copy kept elsewhere tells", *cut_sql, checkpoints=lines, argument=("--checkpoints", str(elsewhere)))
    tampered("a checkpoint that the key did not sign", checkpoints=points.replace(b'"sig":"', b'"sig":"AAAA', 1))
    tampered("the checkpoint file is empty", checkpoints=b"")
    (site / "ledger/checkpoints.jsonl").unlink()
    check(run("ledger", "verify", site=site), 1, "ledger: the checkpoint file is gone", "missing")
    check(run("ledger", "verify", "--checkpoints", "no-such-file", site=site), 2, "ledger: a file asked for that is not there", "no-such-file")
    db = sqlite3.connect(site / "reforge.db"); db.execute("DELETE FROM ledger_checkpoint"); db.commit(); db.close()
    check(run("ledger", "verify", site=site), 3, "ledger: without any checkpoint nobody can tell", "no signed checkpoint")
    for f in site.glob("reforge.db*"): f.unlink()
    (site / "reforge.db").write_bytes(original); (site / "ledger/checkpoints.jsonl").write_bytes(points)
    check(run("ledger", "verify", site=site), 0, "put back as it was: whole again")

def full_disk():
    name = "a full disk in the middle of a response"
    if os.geteuid() != 0:
        return skip(name, "needs root to mount a small filesystem")
    small = folder() / "small"; small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], stderr=subprocess.DEVNULL).returncode:
        return skip(name, "this machine may not mount a tmpfs")
    try:
        site = fleet.make(small / "ws", REFORGE, BUILD, 12, services=3)
        filler = small / "filler"
        statuses, published = [], set()
        for left in (8192, 40960, 90112, 180224, 300000):
            free = shutil.disk_usage(small).free
            with open(filler, "wb") as f:
                f.write(b"\0" * max(0, free - left))
            r = respond(site)
            statuses.append(r.status)
            if r.status == 2:
                ok("space" in r.err or "full" in r.err, f"{left} bytes left: the error says that the disk is full", r)
            for s in ("service0", "service1", "service2"):
                for rel in releases(site, s):
                    d = site / "depot/releases" / s / rel
                    ok((d / "release.dsse").exists() and (d / "release.json").exists(), f"{left} bytes left: {s}/{rel} is whole or not there")
            filler.unlink()
            v = run("depot", "verify", site=site)
            ok(v.status == 0, f"{left} bytes left: nothing half published: depot verify finds nothing", v, r)
            l = run("ledger", "verify", site=site)
            ok(l.status == 0, f"{left} bytes left: the ledger is whole", l)
        ok(any(s in (1, 2) for s in statuses), "the disk was full in at least one of the runs", statuses)
        r = respond(site)
        ok(r.status == 0 and r.json()["published"] == 3 and r.json()["proven"] == 12, "room again: the same command goes on to the end, by itself", r, statuses,
           run("status", site=site))
        ok(run("depot", "verify", site=site).status == 0 and run("ledger", "verify", site=site).status == 0, "depot and ledger are whole at the end")
        check(run("status", env={"X": "1"}, site=site), 3, "status is as after any response to an exercise", "no data, DRILL")
    finally:
        subprocess.run(["umount", "-l", str(small)])

driver = pathlib.Path(BUILD) / "tests/bench/reforge-stand-in-copy-driver"
if driver.exists():
    for group in (failed_engine, carried_over, hostile_driver, blocked, toolchain, again, hostile_text, odd_places, keys, two_advisories, tampering, full_disk):
        guarded(group)
else:
    skip("responses over the stand-in toolchain", f"{driver} is not built")
done()
