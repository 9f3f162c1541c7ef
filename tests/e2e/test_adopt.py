#!/usr/bin/env python3
"""adopt: a brownfield of 400 engines as a customer has it (mixed versions, some logs, lost models, folders that nobody owns): one
command makes drafts, questions by owner and as-found releases; what the facts suffice for is rebuilt by the next response."""
import json, os, subprocess
from brownfield import DRIVER, MAKER, grow, plan, site_of
from fleet import DRILL, model, put
from tap import *

def brownfield():
    if not os.access(MAKER, os.X_OK) or not DRIVER.exists():
        return skip("a brownfield", "specimen maker or stand-in driver is not built")
    tree, site = folder() / "tree", site_of("brown")
    want = grow(tree)
    r = run("adopt", tree, "--services", tree / "own.csv", "--dry-run", "--json", site=site)
    ok(r.status == 3 and r.json()["dry_run"] and not (site / "recipes/drafts").exists(), "a dry run writes nothing", r)
    r = run("adopt", tree, "--services", tree / "own.csv", "--json", site=site)
    j = r.json() if r.status == 3 else {"drafts": []}
    got = {e["path"]: d["state"] for d in j["drafts"] for e in d["engines"]}
    wrong = [f"{p}: {got.get(p)}, not {s}" for p, s in want.items() if got.get(p) != s]
    ok(r.status == 3 and len(got) == 400 and not wrong, "400 engines, each what the facts make of it", r if r.status != 3 else "", *wrong[:20])
    ready = sum(s == "ready" for s in want.values())
    ok(j.get("recipes") == ready and j.get("drafts_written") == len(j["drafts"]) - ready, f"{ready} recipes, the rest drafts", {k: v for k, v in j.items() if k != "drafts"})
    ok(j.get("released_engines") == 400 and j.get("releases") == 7, "one as-found release a service, with all engines", j.get("releases"))
    bad = [d["name"] for d in j["drafts"] if d["state"] != "ready" and not [q for q in d["questions"] if q["blocks"]]]
    ok(not bad, "what is not ready has a question that says why", bad[:5])
    told = next(d for d in j["drafts"] if d["name"] == "told000")
    ok(told["fields"]["args"] == ["--fp16"] and "told000.log" in told["fields"]["args_source"], "options come from the log, with its line", told)
    lost = next(d for d in j["drafts"] if d["name"] == "lost000")
    ok(any("--maxShapes=x:8x3x64x64" in c for q in lost["questions"] for c in q["candidates"]), "config.pbtxt tells which shapes it must take", lost)
    check(run("recipe", "list", site=site), 0, "every recipe is read", "told000", "speech001")
    text = (site / "adopt/questions.md").read_text()
    ok(all(h in text for h in ("## camera-team (\\#cameras)", "## vision-team", "## Nobody yet", "### legacy")), "questions stand by owner", text[:2000])
    yaml = (site / "reforge.yaml").read_text()
    ok("production: {}   # ours" in yaml and "# the end" in yaml and '"legacy":' in yaml, "reforge.yaml keeps its own bytes", yaml[:1500])
    check(run("depot", "verify", site=site), 0, "the depot is whole, as-found releases included", "all good")
    check(run("ledger", "verify", site=site), 0, "so is the ledger")
    f = json.load(open(next((site / "depot/releases/speech").glob("*-as-found/release.json"))))
    ok(f["as_found"] and all(e["carried_over"] and e["attestations"]["provenance"] is None for e in f["engines"]), "nothing is claimed of how they were made", f["engines"][0])
    ok(os.readlink(site / "depot/channels/speech/production/stable").endswith("-as-found"), "stable is what was found")

    before = sorted((str(p.relative_to(site)), p.stat().st_mtime_ns) for p in (site / "recipes").glob("*.yaml"))
    r = run("adopt", tree, "--services", tree / "own.csv", "--json", site=site)
    j = r.json()
    ok(j["recorded"] == ready and j["recipes"] == 0 and j["releases"] == 0 and j["new_services"] == 0, "again: what has a recipe is left alone", {k: v for k, v in j.items() if k != "drafts"})
    ok(before == sorted((str(p.relative_to(site)), p.stat().st_mtime_ns) for p in (site / "recipes").glob("*.yaml")), "and no recipe is touched")

    check(run("feed", "import", "drill.json", site=site, cwd=site), 0, "an advisory")
    r = run("respond", DRILL, "--yes", "--json", site=site, timeout=600)
    j = r.json()
    ok(j.get("proven") == 120, "120 engines that the facts suffice for are rebuilt and proven", {k: v for k, v in j.items() if not isinstance(v, list)})
    ok(j.get("blocked") == 40, "40 whose model is lost are blocked, not forgotten", {k: v for k, v in j.items() if not isinstance(v, list)})

    put(tree / "models/speech000.onnx", model(80 + 60 + 40 + 1))   # somebody finds a model
    r = run("adopt", tree, "--services", tree / "own.csv", "--json", site=site)
    ok(r.json()["recipes"] == 1 and (site / "recipes/speech000.yaml").exists() and not (site / "recipes/drafts/speech000.yaml").exists(),
       "a model that turns up makes its draft a recipe", {k: v for k, v in r.json().items() if k != "drafts"})

def small():
    if not os.access(MAKER, os.X_OK):
        return skip("adopting one folder", "the specimen maker is not built")
    site, d = site_of("small"), folder() / "plans"
    put(d / "a.plan", plan(0))
    check(run("adopt", d, "--service", "lab", "--owner", "me", "--contact", "#me", "--platform", "linux-x86_64", site=site), 3, "one folder by options", "lab", "not rebuildable", "next: ")
    check(run("adopt", folder() / "nowhere", site=site), 2, "a path that is not there", "nowhere")
    check(run("adopt", "k8s:here", site=site, env={"KUBECONFIG": "/nonexistent"}), 2, "a cluster that nobody knows", "k8s:here")
    put(folder() / "bad.csv", "folder,boss\nx,y\n")
    check(run("adopt", d, "--services", folder() / "bad.csv", site=site), 2, "a table with a column nobody knows", "boss", "known: folder")
    site = site_of("flow")
    put(site / "reforge.yaml", (site / "reforge.yaml").read_text().replace("services: {}", "services: {a: {owner: {name: x, contact: y}, environments: [production]}}"))
    whole = (site / "reforge.yaml").read_text()
    r = run("adopt", d, site=site)
    check(r, 2, "services in one line are not torn apart", "lines of its own")
    ok((site / "reforge.yaml").read_text() == whole, "reforge.yaml is as it was")

def what_breaks_a_rule():
    """As found is as found; but native code inside of an engine is said, with its rule, and nothing calls it clean."""
    if not os.access(MAKER, os.X_OK):
        return skip("adopting native code", "the specimen maker is not built")
    site, d = site_of("odd"), folder() / "odd-plans"
    subprocess.run([MAKER, "--library", "libmine.so", str(folder() / "libmine.so")], check=True)
    subprocess.run([MAKER, "--version", "10.3.0.26", "--size", "20000", str(folder() / "good.plan")], check=True)
    good, code = (folder() / "good.plan").read_bytes(), (folder() / "libmine.so").read_bytes()
    put(d / "good/1/model.plan", good)
    put(d / "odd/1/model.plan", good[:9000] + code + good[9000 + len(code):])
    args = ("adopt", d, "--service", "lab", "--owner", "me", "--contact", "#me", "--platform", "linux-x86_64", "--runtime", "tensorrt@10.3.0")
    check(run(*args, site=site), 3, "the summary names the engine and its rule", "odd/1/model.plan  host_code_elf  native code inside", "as found since they are what runs")
    text = (site / "adopt/questions.md").read_text()
    ok("holds native code (host\\_code\\_elf)" in text and "Take it out of service" in text, "the question names the rule, and what to do", text)
    ok(not (site / "recipes/odd.yaml").exists() and (site / "recipes/drafts/odd.yaml").exists(), "no recipe is made of it")
    s = run("status", "--json", site=site).json()
    lab, release = s["services"][0], s["releases"][0]
    ok(s["no_data"] and lab["builder"]["conflict"] == 1 and lab["builder"]["unknown"] == 1 and lab["builder"]["not_affected"] == lab["runtime"]["not_affected"] == 0,
       "without advisories nothing is not affected", lab)
    ok(not release["secure"] and {r["model"]: r["finding"] for r in release["rows"]} == {"good": "unknown", "odd": "conflict"}, "nor is its release clean", release)
    check(run("status", site=site), 3, "status says so", "no data", "conflict 1/2", absent=["clean "])
    put(site / "old.json", json.dumps({"schema_version": "1.6.0", "id": "CVE-2026-91", "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": "old",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "tensorrt"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "8.0"}]}]}]}))
    check(run("feed", "import", site / "old.json", site=site), 0, "an advisory that affects neither")
    s = run("status", "--json", site=site)
    lab, release = s.json()["services"][0], s.json()["releases"][0]
    ok(s.status == 3 and not s.json()["no_data"] and lab["builder"]["conflict"] == 1 and lab["builder"]["not_affected"] == 1 and not release["secure"],
       "native code stays a conflict", s)
    os.remove(d / "odd/1/model.plan")
    run("scan", site=site)
    lab = run("status", "--json", site=site).json()["services"][0]
    ok(lab["builder"]["conflict"] == 0 and lab["builder"]["not_affected"] == 1, "until it is gone", lab)

for group in (brownfield, small, what_breaks_a_rule):
    guarded(group)
done()
