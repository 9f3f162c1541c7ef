#!/usr/bin/env python3
"""Invalid reforge.yaml, recipes and inputs: file, line, the rule, the accepted values, what was probably meant; exit status 2."""
import hashlib, json, os, subprocess
from tap import *
import fleet

SERVICE = """site: x
environments: {production: {}}
services:
  voice:
    owner: {name: n, contact: c}
    reach: internal
    environments: [production]
    runtime: onnxruntime@1.20.1
    roots: [fleet]
"""
WORKSPACES = [  # name, text, what the error says beside file:line
    ("empty", "", ["reforge.yaml:1", "site"]),
    ("not YAML", "site: [a\n", ["reforge.yaml:2", "YAML"]),
    ("unknown key", "site: x\nsevices: {}\n", [":2", "sevices", 'did you mean "services"', "accepted:"]),
    ("owner without contact", SERVICE.replace(", contact: c", ""), [":5", "services.voice.owner", "contact"]),
    ("no owner", SERVICE.replace("    owner: {name: n, contact: c}\n", ""), [":5", "services.voice", "owner"]),
    ("word not accepted", SERVICE.replace("internal", "intrenal"), [":6", "services.voice.reach", 'did you mean "internal"', "isolated"]),
    ("unknown environment", SERVICE.replace("[production]", "[prodution]"), [":7", "prodution"]),
    ("wrong type", "site: x\nbuild: {jobs: many}\n", [":2", "build.jobs", "number"]),
    ("list for a mapping", "- a\n", [":1", "mapping"]),
    ("key twice", "site: x\nsite: y\n", [":2", "twice"]),
    ("aliases (a bomb)", "a: &a [x, x]\nb: [*a, *a]\n", [":1", "alias"]),
    ("no UTF-8", b"site: \xff\xfe\n", [":1", "UTF-8"]),
    ("no duration", "site: x\nenvironments: {p: {clocks: {confirm: soon}}}\n", [":2", "clocks.confirm", "30m"]),
    ("unknown toolchain", "site: x\ntoolchains: {tensort: {}}\n", [":2", 'did you mean "tensorrt"']),
    ("two documents", "site: x\n---\nsite: y\n", [":2", "document"]),
    ("unknown feed format", "site: x\nfeeds: {a: {format: ovs, path: p}}\n", [":2", "feeds.a.format", "accepted:", "osv"]),
    ("deep nesting", "site: " + "[" * 5000 + "]" * 5000 + "\n", ["reforge.yaml"]),
    ("too big", "site: x\n#" + "x" * (64 << 20) + "\n", ["reforge.yaml"]),
]
def workspaces():
    site = folder() / "ws"
    check(run("init", site), 0, "init makes a workspace", "workspace:")
    ok((site / "reforge.yaml").stat().st_mode & 0o022 == 0, "nobody else may write reforge.yaml")
    ok(all((site / "keys" / k).stat().st_mode & 0o077 == 0 for k in ("release.pem", "ledger.pem")), "private keys are mode 0600")
    before = (site / "keys/release.pem").read_bytes(), (site / "reforge.yaml").read_bytes()
    check(run("init", site), 2, "init never touches one that is there", "reforge.yaml", "already")
    ok(before == ((site / "keys/release.pem").read_bytes(), (site / "reforge.yaml").read_bytes()), "nor its keys")
    check(run("status", site=site), 3, "the template is valid as it is; without advisories nothing passes", "no data")
    for name, text, says in WORKSPACES:
        (site / "reforge.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        check(run("status", site=site), 2, f"reforge.yaml: {name}", "reforge.yaml", *says)
    (site / "reforge.yaml").unlink()
    check(run("status", site=site), 2, "a folder that is no workspace", "reforge.yaml")
    check(run("status", cwd="/"), 2, "no workspace at or above the working folder", "reforge init")

RECIPE = """model: wake
owner: {name: voice, contact: "#voice"}
source: {path: models/wake.onnx, sha256: SHA}
toolchain: onnxruntime
targets: [linux-x86_64/cpu-avx512]
prove:
  inputs: golden
  outputs: {"*": {atol: 0.01}}
"""
RECIPES = [
    ("unknown key", RECIPE + "buidl: {}\n", [":9", 'did you mean "build"']),
    ("no owner", RECIPE.replace('owner: {name: voice, contact: "#voice"}\n', ""), ["owner"]),
    ("digest too short", RECIPE.replace("SHA", "abc"), [":3", "sha256"]),
    ("negative tolerance", RECIPE.replace("0.01", "-1"), [":8", "atol"]),
    ("tolerance is no number", RECIPE.replace("0.01", "nan"), [":8", "atol"]),
    ("unknown toolchain", RECIPE.replace("toolchain: onnxruntime", "toolchain: onnx"), [":4", "onnxruntime", "tensorrt", "command"]),
    ("target of no form", RECIPE.replace("linux-x86_64/cpu-avx512", "my box"), [":5", "targets"]),
    ("no targets", RECIPE.replace("[linux-x86_64/cpu-avx512]", "[]"), [":5", "targets"]),
    ("model name leaves the folder", RECIPE.replace("model: wake", "model: ../../wake"), [":1", "model"]),
    ("file and model disagree", RECIPE.replace("model: wake", "model: other"), [":1", "wake"]),
    ("impossible samples", RECIPE + "  performance: {p50: +5%, samples: 100..2}\n", [":9", "samples"]),
]
def recipes():
    site = folder() / "recipes-ws"
    run("init", site)
    good = RECIPE.replace("SHA", hashlib.sha256(b"").hexdigest())
    (site / "recipes/wake.yaml").write_text(good)
    check(run("recipe", "list", site=site), 0, "a good recipe is listed", "wake", "onnxruntime")
    for name, text, says in RECIPES:
        (site / "recipes/wake.yaml").write_text(text.replace("SHA", hashlib.sha256(b"").hexdigest()))
        check(run("recipe", "show", "wake", site=site), 2, f"recipe: {name}", "recipes/wake.yaml", *says)
    r = run("recipe", "list", "--json", site=site)
    ok(r.status == 1 and "wake.yaml" in r.json()[0]["error"], "recipe list names the broken one, status 1", r)
    check(run("recipe", "show", "absent", site=site), 2, "a recipe that is not there", "absent")
    check(run("recipe", "show", "../../etc/passwd", site=site), 2, "a recipe's name is no path")

ADVISORIES = [
    ("empty", b"", "empty"), ("truncated", b'{"schema_version": "1.6.0", "id": "X', "trunc"), ("not JSON", b"<html>", "html"),
    ("no advisory", b'{"a": 1}', "other"), ("list of nothing", b"[]", "list"), ("deep", b'{"affected":' + b"[" * 100000, "deep"),
    ("binary", bytes(range(256)) * 10, "binary"),
]
def advisories():
    site = folder() / "feed-ws"
    run("init", site)
    d = folder() / "advisories"; d.mkdir()
    for name, data, file in ADVISORIES:
        path = d / f"{file}.json"; path.write_bytes(data)
        r = run("feed", "import", path, site=site)
        check(r, r.status if r.status in (2, 3) else 2, f"advisory file: {name}: refused, file named", f"{file}.json")
    check(run("feed", "import", folder() / "nothing.json", site=site), 2, "an advisory file that is not there", "nothing.json")
    good = {"schema_version": "1.6.0", "id": "DRILL-1", "modified": "2026-01-01T00:00:00Z", "summary": "DRILL", "affected": []}
    (d / "good.json").write_text(json.dumps(good))
    r = run("feed", "import", d, site=site)
    check(r, 3, "a folder with one good file: imported, the others refused, status 3", "1 new", "refused")
    check(run("advisory", "list", site=site), 0, "what was good is there", "DRILL-1")
    check(run("ledger", "verify", site=site), 0, "and the ledger is whole")
    os.mkfifo(d / "fifo.json")
    r = run("feed", "import", d / "fifo.json", site=site, timeout=20)
    ok(r.status in (2, 3) and "fifo.json" in r.err, "a FIFO is not waited for", r)

def database():
    site = folder() / "db-ws"
    run("init", site)
    (site / "reforge.db").write_bytes(b"this is no database" * 100)
    check(run("status", site=site), 2, "a database file that is none", "reforge.db")
    (site / "reforge.db").unlink(); (site / "reforge.db").mkdir()
    check(run("status", site=site), 2, "a folder in the database's place", "reforge.db")
    text = (site / "reforge.yaml").read_text()
    (site / "reforge.yaml").write_text(text.replace("database: reforge.db", "database: postgresql://nobody@127.0.0.1:1/none"))
    check(run("status", site=site, timeout=60), 2, "a PostgreSQL that does not answer", "127.0.0.1")
    (site / "reforge.yaml").write_text(text.replace("database: reforge.db", "database: mysql://x"))
    check(run("status", site=site), 2, "a database of no kind", "reforge.yaml")

for group in (workspaces, recipes, advisories, database):
    guarded(group)
done()
