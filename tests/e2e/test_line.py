#!/usr/bin/env python3
"""The whole small line on real models and real toolchains: init, scan, feed, status, plan, respond, report, verify; and again."""
import json, os, pathlib, re, shutil, subprocess, time
from tap import *
import line

why = line.missing(BUILD)
if why:
    skip("the line on real models", why)
    done()
site, target = line.make(folder() / "line", REFORGE, BUILD)

def before():
    r = run("scan", "--json", site=site)
    files = {f["path"].split("/fleet/")[1]: f for f in r.lines()}
    engine = files["voice/hey_rhasspy/1/model.onnx"]
    ok(r.status in (0, 3) and engine["kind"] == "onnxruntime-optimised" and engine["version"] == "1.20.1" and engine["target"] == target and
       engine["version_source"] == "provenance", "scan reads our stamp from real engines", engine)
    plan = files["specimen/lane/1/model.plan"]
    ok(plan["kind"] == "tensorrt-plan" and plan["version"] == "10.13.3.9" and plan["target"] == "sm_86", "and the plan's header", plan)
    time.sleep(2.2)                                    # younger files may change within the clock's grain: they are hashed again
    run("scan", site=site)
    again = run("scan", site=site)
    check(again, again.status, "an unchanged fleet is not hashed again", "0 B hashed")
    check(run("status", site=site), 3, "without advisories nothing is exposed, and nothing passes", "0 affected", "no data", absent=["clean"])
    r = run("feed", "sync", "--json", site=site)
    ok(r.status == 0 and r.json()["advisories"] == 1 and r.json()["exposures_opened"] == 6, "the advisory hits three engines and their runtimes", r)
    s = run("status", "--json", site=site)
    ok(s.status == 1 or s.status == 3 or s.json()["services"], "status is told in JSON", s)
    check(run("explain", site / "fleet/voice/hey_rhasspy/1/model.onnx", site=site), 1, "explain: file, header bytes, source, comparison", "bytes",
          "1.20.1 < 1.21.0", "sha256", "engine_affecting")
    check(run("explain", "pkg:npm/onnxruntime-node@1.30.0", site=site), 0, "explain: a version that is not affected", "not_affected")
    p = run("plan", line.DRILL, "--json", site=site)
    tasks = {t["model"]: t for t in p.json()["tasks"]}
    ok(p.status == 0 and all(t["to_version"] == "1.21.1" for t in tasks.values()) and len(tasks) == 3, "plan: the smallest fixed version, 1.21.1, not 1.30.0", p)
    check(run("incident", "list", "--json", site=site), 0, "plan opens no incident", "[]")

def response():
    r = run("respond", line.DRILL, "--yes", "--json", site=site, timeout=170)
    o = r.json()
    engines = {e["model"]: e for e in run("report", line.DRILL, "--json", site=site).json()["engines"]}
    ok(engines["hey_rhasspy"]["state"] == engines["timer"]["state"] == "proven", "voice: both engines rebuilt and proven", r, engines["hey_rhasspy"]["reason"], engines["timer"]["reason"])
    ok(engines["timer"]["proof"] and engines["timer"]["proof"]["outputs"][0]["name"].startswith('{"1": "1_minute_timer"'), "an output named by a JSON string is judged by its name")
    voice = sorted(p for p in (site / "depot/releases/voice").iterdir() if p.name[0] != ".")
    ok(len(voice) == 1 and voice[0].name.endswith(line.DRILL), "voice is published", voice)
    if engines["det"]["state"] == "failed":
        ok(r.status == 1 and o["failed"] == 1 and o["published"] == 1 and not (site / "depot/releases/strict").exists(),
           "det under a tolerance of nothing fails: its release is held, the other is out", r)
        ok("output" in engines["det"]["reason"] and engines["det"]["proof"]["numeric"] == "fail", "with its figures", engines["det"]["reason"])
    else:
        skip("det under a tolerance of nothing fails", "on this processor both versions answer alike")
    link = site / "depot/channels/voice/production/candidate"
    ok(link.is_symlink() and link.resolve() == voice[0].resolve(), "the channel candidate points at it; stable stays")
    ok(not (site / "depot/channels/voice/production/stable").exists(), "no rollout is pretended")
    check(run("depot", "verify", site=site), 0, "depot verify", "all good")
    check(run("ledger", "verify", site=site), 0, "ledger verify", "whole")
    left = {p.name for p in (site / "work").iterdir() if p.name.startswith("task")}
    ok(left <= {f"task-{e['task']}" for e in engines.values() if e["state"] == "failed"}, "only the folder of the failed engine stays, to be looked at", left)
    for e in voice[0].rglob("model.onnx"):
        f = run("scan", "--json", e).lines()[0]
        ok(f["version"] == "1.21.1" and f["stamp"]["recipe"] in ("hey_rhasspy", "timer"), f"{e.parent.parent.name}: the published engine says what built it", f)
    before_files = sorted((str(p), p.stat().st_mtime_ns) for p in (site / "depot/releases").rglob("*"))
    r2 = run("respond", line.DRILL, "--yes", "--json", site=site)
    ok(r2.status == r.status and r2.json()["published"] == o["published"] and
       before_files == sorted((str(p), p.stat().st_mtime_ns) for p in (site / "depot/releases").rglob("*")), "the same again publishes nothing twice", r2)

def outside():
    """As a stranger, with the page's own openssl commands."""
    script = ROOT / "tests/e2e/verify_release.sh"
    missing = [p for p in ("openssl", "jq", "sha256sum", "base64") if not shutil.which(p)]
    if missing:
        return skip("docs/verify.md", f"{missing} not installed")
    key = site / "keys/release.pub.pem"
    p = subprocess.run([script, site / "depot", key], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ok(p.returncode == 0 and b"good: voice/" in p.stdout, "every published file verifies by the commands of docs/verify.md", p.stdout.decode())
    copy = folder() / "copy"; shutil.copytree(site / "depot", copy, symlinks=True)
    engine = next((copy / "releases/voice").rglob("model.onnx")); engine.chmod(0o644)
    with open(engine, "r+b") as f: f.seek(100); f.write(b"!")
    p = subprocess.run([script, copy, key], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ok(p.returncode == 1 and b"FAILED engines" in p.stdout, "and a changed engine does not", p.stdout.decode())
    p = subprocess.run([script, site / "depot", site / "keys/ledger.pub.pem"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ok(p.returncode == 1 and b"FAILED release-signature" in p.stdout, "nor anything under another key", p.stdout.decode())

def reports():
    r = run("report", line.DRILL, site=site)
    path = pathlib.Path(r.out.strip())
    page = path.read_text()
    ok(r.status == 0 and path.parent == site / "reports" and page.lower().startswith("<!doctype html>"), "report writes one HTML file and prints its path", r)
    outside = re.findall(r'(?:src|href)\s*=\s*"(?!#|data:)[^"]*"|url\((?!data:)[^)]*\)|@import', page)
    ok(not outside and "<script" not in page, "it loads nothing from elsewhere", outside)
    for text in (line.DRILL, "hey_rhasspy", "1.20.1", "1.21.1", "voice-team", "1_minute_timer", "<svg"):
        ok(text in page, f"it holds {text}")
    zh = run("report", line.DRILL, "--lang", "zh-CN", "--stdout", site=site)
    ok(zh.status == 0 and "响应单" in zh.out and "应急演练" in zh.out, "in Chinese, with the words of the field")
    md = run("report", line.DRILL, "--format", "md", "--stdout", site=site)
    ok(md.status == 0 and md.out.startswith("#") and "hey\\_rhasspy" in md.out and "|" in md.out, "as Markdown")
    js = run("report", line.DRILL, "--json", site=site).json()
    ok(js["format"] == "reforge.report/1" and js["drill"] is True and js["ledger"]["size"] > 0 and
       js["release_key"] == run("key", "list", "--json", site=site).json()[0]["keyid"], "as JSON, with the ledger's head and the key's id")
    s = run("status", site=site)
    check(s, s.status, "status: a drill is told as one, the candidate release is named", "DRILL", line.DRILL)

def gpu():
    evil = {"schema_version": "1.6.0", "id": "CVE-2026-9999", "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": "TensorRT",
            "affected": [{"package": {"ecosystem": "PyPI", "name": "tensorrt", "purl": "pkg:generic/nvidia/tensorrt"},
                          "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "10.16.1"}]}]}]}
    (site / "trt.json").write_text(json.dumps(evil))
    check(run("feed", "import", site / "trt.json", site=site), 0, "a TensorRT advisory arrives", "1 new")
    r = run("respond", "CVE-2026-9999", "--yes", "--json", site=site)
    ok(r.status == 3 and r.json()["blocked"] == 1 and r.json()["failed"] == 0, "no GPU: blocked, not failed, status 3", r)
    t = run("report", "CVE-2026-9999", "--json", site=site).json()["engines"][0]
    ok(t["state"] == "blocked" and "specimen-team" in t["owner"] and t["reason"], "the reason and the owner are told", t["reason"])
    check(run("ledger", "verify", site=site), 0, "the ledger is whole at the end", "whole")

for group in (before, response, outside, reports, gpu):
    guarded(group)
done()
