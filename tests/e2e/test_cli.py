#!/usr/bin/env python3
"""Every command: its JSON against the tables of docs/cli.md, help, man page, completion, colours, usage errors."""
import json, os, pathlib, pty, re, shutil, subprocess
from tap import *
import fleet

PAGE = (ROOT / "docs/cli.md").read_text()
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
def shapes():
    """{marker: {path: (type, optional)}}"""
    found, current = {}, None
    for line in PAGE.splitlines():
        m = re.match(r"<!-- json: (\S+) -->", line)
        if m: current = found.setdefault(m.group(1), {}); continue
        if current is not None and line.startswith("| `"):
            keys, kind = [c.strip() for c in line.split("|")[1:3]]
            for key in re.findall(r"`([^`]+)`", keys): current[key] = (kind.replace(", optional", ""), ", optional" in kind)
        elif current is not None and line and not line.startswith("|"):
            current = None
    return found
SHAPES = shapes()
BASIC = {"text": lambda v: isinstance(v, str), "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
         "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool), "boolean": lambda v: isinstance(v, bool),
         "list": lambda v: isinstance(v, list), "object": lambda v: isinstance(v, dict), "any": lambda v: True,
         "time": lambda v: isinstance(v, str) and bool(TIME.match(v)), "list of reasons": lambda v: isinstance(v, list)}
def compare(value, shape, path, wrong):
    def typed(v, p):
        kind, _ = shape[p]
        if v is None and kind.endswith(" or null"): return
        kind = kind.replace(" or null", "")
        if not BASIC[kind](v): wrong.append(f"{p} is no {kind}: {v!r}")
        if kind == "any": return
        if kind == "list of reasons":
            for step in v: compare(step, SHAPES["reason"], "", wrong)
            return
        if isinstance(v, dict): compare(v, shape, p, wrong)
        if isinstance(v, list):
            for x in v:
                if isinstance(x, dict): compare(x, shape, p + "[]", wrong)
                elif p + "[]" in shape: typed(x, p + "[]")
                else: wrong.append(f"{p}[] is not documented: {x!r}")
    prefix = path + "." if path else ""
    for key, v in value.items():
        if prefix + key in shape: typed(v, prefix + key)
        else: wrong.append(f"{prefix + key} is not documented: {v!r}")
    for p, (kind, optional) in shape.items():
        if p.startswith(prefix) and "." not in p[len(prefix):] and not p.endswith("[]") and not optional and p[len(prefix):] not in value:
            wrong.append(f"{p} is missing")
checked = set()
def documented(marker, result, lines=False):
    checked.add(marker)
    wrong = []
    try:
        documents = result.lines() if lines else [result.json()]
        for d in documents:
            for item in d if isinstance(d, list) else [d]: compare(item, SHAPES[marker], "", wrong)
        ok(documents and result.status in (0, 1, 3) and not wrong, f"{marker}: --json is as docs/cli.md says", *sorted(set(wrong))[:20], result if not documents else "")
    except (ValueError, KeyError) as e:
        ok(False, f"{marker}: --json can be read", repr(e), result)

def json_shapes():
    if not (pathlib.Path(BUILD) / "tests/bench/reforge-stand-in-copy-driver").exists():
        return skip("JSON of every command", "the stand-in toolchain is not built")
    site = folder() / "new"
    documented("init", run("init", site, "--json"))
    documented("key", run("key", "list", "--json", site=site))
    documented("key", run("key", "create", "--json", site=site))
    site = fleet.make(folder() / "fleet", REFORGE, BUILD, 5, services=2)
    (site / "recipes/m00004.yaml").unlink()
    with open(site / "toolchains/1.21.1", "a") as f: f.write("skew m00003\n")
    other = {"schema_version": "1.6.0", "id": "CVE-2026-5", "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": "x",
             "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}], "aliases": ["GHSA-x"],
             "affected": [{"package": {"ecosystem": "npm", "name": "onnxruntime-node", "purl": "pkg:generic/microsoft/onnxruntime"},
                           "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.22.0"}]}]}]}
    (site / "other.json").write_text(json.dumps(other))
    r = lambda *a: run(*a, "--json", site=site)
    documented("feed", r("feed", "import", site / "other.json"))
    (site / "reforge.yaml").write_text((site / "reforge.yaml").read_text() + "feeds: {ours: {path: other.json}, gone: {path: gone}}\n")
    documented("feed", r("feed", "sync"))
    documented("feed-export", r("feed", "export", "--output", site / "osv"))
    documented("feed-export", r("feed", "export", "--format", "openvex", "--output", site / "vex"))
    documented("feed-bundle", r("feed", "bundle", site / "know.bundle"))
    documented("gate-report", r("gate", "report", "--all"))
    documented("gate-bundle", r("gate", "bundle", site / "gate.bundle"))
    documented("gate-bundle-show", r("gate", "bundle", site / "gate.bundle", "--show"))
    documented("feed-status", r("feed", "status"))
    documented("feed-accept", r("feed", "accept", "gone", "--reason", "it comes tomorrow"))
    documented("plan", r("plan", fleet.DRILL))
    documented("respond", r("respond", fleet.DRILL, "--yes"))
    documented("respond", r("build", "CVE-2026-5", "--yes"))
    documented("status", r("status"))
    documented("waive", r("waive", "CVE-2026-5", "--service", "service1", "--until", "30d", "--owner", "ann", "--reason", "later"))
    documented("waive", r("waive", "CVE-2026-5", "--product", "pkg:generic/microsoft/onnxruntime@1.20.1", "--environment", "production", "--digest", "0" * 64,
                          "--until", "30d", "--owner", "ann", "--reason", "later", "--defer"))
    documented("waive", r("waive", "revoke", "2", "--reason", "done"))
    documented("waive", r("waive", "list", "--all"))
    documented("baseline-freeze", r("baseline", "freeze"))
    documented("baseline-show", r("baseline", "show"))
    documented("baseline-list", r("baseline", "list"), lines=True)
    documented("baseline-burndown", r("baseline", "burndown"))
    documented("baseline-burndown", r("baseline", "burndown", "--by", "owner"))
    documented("status", r("status"))
    run("waive", fleet.DRILL, "--service", "service1", "--until", "30d", "--owner", "ann", "--reason", "an exercise", site=site)
    documented("report", r("report", fleet.DRILL))
    text = run("report", fleet.DRILL, "--format", "markdown", "--stdout", site=site)
    ok("**Accepted for a time**: waiver 3 until" in text.out and "service service1; in force" in text.out, "the report has the waivers of its advisories", text)
    documented("advisory-list", r("advisory", "list", "--all"), lines=True)
    documented("advisory-decide", r("advisory", "decide", "CVE-2026-5", "--engine-affecting", "unknown", "--reason", "to be looked at"))
    documented("advisory-decide", r("advisory", "decide", "CVE-2026-5", "--not-applicable", "--service", "service1", "--owner", "ann", "--reason", "not there"))
    documented("advisory-decide", r("advisory", "decide", "CVE-2026-5", "--range", "prior to 1.22.0", "--reason", "as the vendor says"))
    documented("work", r("advisory", "list", "--by-priority", "--all"), lines=True)
    hostile = site / "hostile.onnx"
    fleet.put(hostile, fleet.model(1) + fleet.field(7, b""))
    documented("check", r("check", "pkg:generic/microsoft/onnxruntime@1.20.1", "pkg:npm/of-nobody@1", "pkg:pypi/onnxruntime",
                          site / "models/m00000.onnx", site / "fleet/service0/m00000/1/model.onnx", site / "reforge.yaml", hostile), lines=True)
    documented("story", r("advisory", "show", "CVE-2026-5"))
    documented("story", r("explain", fleet.DRILL))
    run("feed", "import", ROOT / "demo/advisories", site=site)
    documented("story", r("explain", "CVE-2023-46721"))
    documented("explain", r("explain", site / "fleet/service0/m00000/1/model.onnx"))
    documented("explain", r("explain", site / "fleet/service1/m00001/1/model.onnx"))
    documented("explain", r("explain", "pkg:pypi/tensorrt@10.13.3.9"))
    documented("scan", run("scan", "--json", "--evidence", site / "fleet", "/dev/null"), lines=True)
    documented("scan", r("scan"), lines=True)
    if (ROOT.parent / "shared/data/engines").exists():
        documented("scan", run("scan", "--json", "--evidence", "--no-digest", ROOT.parent / "shared/data/engines"), lines=True)
    manifest = site / "manifest.yaml"
    manifest.write_text("\n---\n".join(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": n}, "spec": {"template": {"spec": {
        "containers": [{"name": "c", "image": f"r/a:{n}", "volumeMounts": [{"name": "models", "mountPath": "/models"}]}],
        "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "models"}}]}}}}) for n in ("stable", "canary")))
    documented("scan-kubernetes", r("scan", f"k8s:{manifest}"), lines=True)
    documented("inventory-writeback", r("inventory", "export", "--cmdb", site / "back.csv"))
    documented("inventory-findings", r("inventory", "findings"), lines=True)
    documented("adopt", r("adopt", site / "fleet", site / "models", "--dry-run"))
    documented("inventory-list", r("inventory", "list", "--all", "--gone"), lines=True)
    documented("inventory-history", r("inventory", "list", "--all", "--history"), lines=True)
    documented("inventory-show", r("inventory", "show", site / "fleet/service0/m00000/1/model.onnx"))
    documented("explain", r("explain", site / "fleet/service0/m00000/1/model.onnx", "--at", "0s"))
    documented("status", r("status", "--at", "0s"))
    documented("ready", r("ready"))
    (site / "recipes/broken.yaml").write_text("model: 7\n")
    documented("recipe-list", r("recipe", "list"))
    documented("recipe-show", r("recipe", "show", "m00000"))
    documented("recipe-diff", r("recipe", "diff", "m00000", "m00001"))
    documented("incident", r("incident", "list", "--all"))
    documented("incident", r("incident", "show", "1"))
    documented("incident-change", r("incident", "dismiss", "2", "--reason", "test"))
    documented("depot-verify", r("depot", "verify"))
    next((site / "depot/releases").rglob("model.onnx")).unlink()
    documented("depot-verify", r("depot", "verify"))
    documented("depot-gc", r("depot", "gc"))
    documented("ledger-show", r("ledger", "show"), lines=True)
    documented("ledger-verify", r("ledger", "verify"))
    documented("network", r("network"))
    documented("database", r("database", "migrate"))
    documented("version", r("version"))
    documented("help", r("help"))
    for s in ("reforge", "recipe"):
        text = run("schema", s)
        ok(text.status == 0 and text.json() == json.loads((ROOT / f"docs/schema/{s}.schema.json").read_text()), f"schema {s} is docs/schema/{s}.schema.json")
    ok(checked | {"reason"} >= set(SHAPES), "every table of docs/cli.md was compared", set(SHAPES) - checked)

def help_and_man():
    tables = run("help", "--json").json()
    headings = re.findall(r"^## (.+)$", PAGE, re.M)
    named = {w for h in headings for w in h.split(", ")}
    absent = {t["command"] for t in tables} - named
    ok(not absent, "docs/cli.md has a section for every command", absent)
    page = run("help")
    for c in sorted({t["command"] for t in tables}):
        h = run(c, "--help")
        ok(h.status == 0 and "Everywhere" in h.out and c in page.out and not h.err, f"{c} --help", h)
    for t in tables:
        if t["verb"]:
            h = run(t["command"], t["verb"], "--help")
            ok(h.status == 0 and t["summary"] in h.out and all(f"--{o['name']}" in h.out for o in t["options"]), f"{t['command']} {t['verb']} --help tells every option", h)
    man = run("help", "--man")
    ok(man.raw == (ROOT / "docs/man/reforge.1").read_bytes(), "docs/man/reforge.1 is what 'reforge help --man' prints (make it again: reforge help --man > docs/man/reforge.1)")
    for t in tables:
        examples = re.findall(rf"^reforge {t['command']}\b.*$", PAGE, re.M)
        ok(examples or t["command"] in ("version", "help", "completion", "prove", "publish"), f"{t['command']}: an example in docs/cli.md") if not t["verb"] or t is tables[0] else None

def completion():
    bash = run("completion", "bash")
    p = subprocess.run(["bash", "-n"], input=bash.raw, stderr=subprocess.PIPE)
    ok(p.returncode == 0, "the bash completion is valid bash", p.stderr)
    script = bash.out + '\nCOMP_WORDS=(reforge re); COMP_CWORD=1; _reforge; echo "${COMPREPLY[@]}"; COMP_WORDS=(reforge respond --u); COMP_CWORD=2; _reforge; echo "${COMPREPLY[@]}"'
    p = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    words = p.stdout.decode().splitlines()
    ok(len(words) == 2 and {"ready", "recipe", "respond", "report"} <= set(words[0].split()) and words[1] == "--until", "and completes commands and options", p)
    for shell in ("zsh", "fish"):
        r = run("completion", shell)
        ok(r.status == 0 and "respond" in r.out, f"a completion for {shell}")
        if shutil.which(shell):
            p = subprocess.run([shell, "-n"], input=r.raw, stderr=subprocess.PIPE)
            ok(p.returncode == 0, f"it is valid {shell}", p.stderr)
    check(run("completion", "tcsh"), 2, "another shell: 2, the known ones are told", "bash zsh fish")

def usage():
    check(run(), 2, "no command: usage, 2", "which command?")
    check(run("statsu"), 2, "an unknown command: the nearest is offered", "did you mean 'status'?")
    check(run("scan", "--evidnce"), 2, "an unknown option: the nearest is offered", "did you mean --evidence?")
    check(run("respond"), 2, "too few arguments: usage", "usage: reforge respond CVE...|INCIDENT")
    check(run("status", "x"), 2, "too many arguments: usage", "usage: reforge status")
    check(run("respond", "CVE-1", "--until", "soon"), 2, "a word that is not accepted", "confirm plan build prove publish")
    check(run("scan", "--threads", "many", "/"), 2, "a number that is none", "--threads")
    check(run("feed"), 2, "a verb is missing", "reforge feed --help")
    check(run("incident", "shwo", "1"), 2, "an unknown verb", "shwo")
    check(run("-C", folder() / "nowhere", "status"), 2, "a workspace that is not there", "nowhere")
    check(run("--version"), 0, "--version", "reforge ")
    full = subprocess.run([REFORGE, "help"], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE)
    ok(full.returncode == 2 and full.stderr, "what cannot be written to stdout is no success", full)

def colours():
    def on_terminal(env, *args):
        """stdout and stderr are one terminal."""
        master, slave = pty.openpty()
        p = subprocess.Popen([REFORGE, *args], stdout=slave, stderr=slave, stdin=slave, env={k: v for k, v in {**os.environ, **env}.items() if v is not None})
        os.close(slave)
        out = b""
        while True:
            try: piece = os.read(master, 65536)
            except OSError: break
            if not piece: break
            out += piece
        p.wait(); os.close(master)
        return out.decode(errors="replace")
    ok("\x1b[1m" in on_terminal({"TERM": "xterm", "NO_COLOR": None}, "help"), "colours on a terminal")
    ok("\x1b[" not in on_terminal({"TERM": "xterm", "NO_COLOR": "1"}, "help"), "none with NO_COLOR")
    ok("\x1b[" not in on_terminal({"TERM": "dumb", "NO_COLOR": None}, "help"), "none on a dumb terminal")
    ok("\x1b" not in run("help", env={"NO_COLOR": ""}).out, "none in a pipe")
    r = run("scan", "--json", ROOT / "docs")
    ok(not r.err, "no progress when stderr is no terminal", r.err)

for group in (json_shapes, help_and_man, completion, usage, colours):
    guarded(group)
done()
