#!/usr/bin/env python3
"""Models in quarantine: check and scan name the rule, no toolchain is shown them, and the rest of a response goes on."""
import hashlib, os, pathlib, re
from tap import *
import fleet
from fleet import field, number

def external(location):
    """ModelProto whose initialiser lies outside, at @location."""
    entry = field(13, field(1, b"location") + field(2, location.encode()))
    tensor = number(1, 4) + number(2, 1) + field(8, b"w") + entry + number(14, 1)
    node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
    graph = field(1, node) + field(5, tensor) + field(11, fleet.value_info("x")) + field(12, fleet.value_info("y"))
    return number(1, 8) + field(7, graph) + field(8, number(2, 13))

def files():
    """check and scan of single files, without a workspace."""
    d = folder() / "files"
    fleet.put(d / "good.onnx", fleet.model(1))
    fleet.put(d / "hostile.onnx", external("../../etc/shadow"))
    fleet.put(d / "lonely.onnx", external("weights.bin"))
    fleet.put(d / "whole/model.onnx", external("weights.bin"))
    fleet.put(d / "whole/weights.bin", b"0" * 16)
    fleet.put(d / "notes.txt", "nothing of ours")
    os.symlink("whole/weights.bin", d / "linked.bin")
    fleet.put(d / "linked.onnx", external("linked.bin"))
    check(run("check", d / "good.onnx", cwd=d), 0, "a model that passes is allowed", "allow", "onnx")
    r = check(run("check", d / "hostile.onnx", cwd=d), 1, "external data outside of its folder: denied, rule, next step, CVEs",
              "deny", "external_data_escapes", "next:", "CVE-2024-27318")
    rows = {pathlib.Path(c["subject"]).name: c for c in run("check", "--json", "--fail-on", "affected", *sorted(d.glob("*.*")), cwd=d).lines()}
    want = {"good.onnx": ("allow", None), "hostile.onnx": ("deny", "external_data_escapes"), "lonely.onnx": ("deny", "external_data_missing"),
            "linked.onnx": ("deny", "external_data_link"), "notes.txt": ("warn", None), "linked.bin": ("warn", None)}
    got = {name: (c["decision"], c["quarantine"]) for name, c in rows.items()}
    ok(got == want, "each file's decision and rule", got)
    f = rows["hostile.onnx"]["findings"][0]
    ok((f["finding"], f["cause"], f["rule"]) == ("conflict", "hostile_model", "external_data_escapes") and "etc/shadow" in f["reason"], "the finding has rule, cause and reason", f)
    check(run("check", d / "whole/model.onnx", cwd=d), 0, "with its weights beside it it passes")
    fleet.put(d / "hard/model.onnx", external("weights.bin"))
    os.link(d / "whole/weights.bin", d / "hard/weights.bin")
    noted = run("check", "--json", d / "hard/model.onnx", cwd=d)
    ok(noted.status == 0 and [(f["rule"], f["finding"], f["cause"]) for f in noted.json()["findings"]] == [("external_data_hardlink", None, None)],
       "what is only noted is no finding, and has no cause", noted)
    check(run("check", d / "absent.onnx", cwd=d), 2, "a file that is not there", "absent.onnx")
    check(run("check", d, cwd=d), 1, "a folder: the models in it", "hostile.onnx", "external_data_escapes", absent=("notes.txt",))
    lines = {pathlib.Path(f["path"]).name: f for f in run("scan", "--json", d).lines()}
    ok(lines["hostile.onnx"]["rules"] == ["external_data_escapes"] and lines["hostile.onnx"]["finding"] == "conflict", "scan names the rule too", lines["hostile.onnx"])
    check(run("scan", d / "hostile.onnx"), 3, "and shows it", "external_data_escapes")

def repin(site, model, source):
    (site / f"models/{model}.onnx").write_bytes(source)
    recipe = site / f"recipes/{model}.yaml"
    recipe.write_text(re.sub("sha256: [0-9a-f]{64}", f"sha256: {hashlib.sha256(source).hexdigest()}", recipe.read_text(), count=1))

def response():
    """A source in quarantine blocks its own task, with the rule and the owner; once it passes, its engine is built."""
    if not (pathlib.Path(BUILD) / "tests/bench/reforge-stand-in-copy-driver").exists():
        return skip("a response around a model in quarantine", "the stand-in toolchain is not built")
    site = fleet.make(folder() / "site", REFORGE, BUILD, 3, services=3)
    good = (site / "models/m00001.onnx").read_bytes()
    repin(site, "m00001", external("/etc/passwd"))
    r = run("ready", site=site)
    ok(r.status == 3 and "external_data_escapes" in r.out, "the lane is closed beforehand, with the rule's name", r)
    r = run("respond", fleet.DRILL, "--yes", "--json", site=site)
    o = r.json()
    ok(o["blocked"] == 1 and o["published"] == 2, "its task is blocked, the others are published", r)
    t = {t["model"]: t for t in run("report", fleet.DRILL, "--json", site=site).json()["engines"]}["m00001"]
    ok(t["state"] == "blocked" and "external_data_escapes" in t["reason"] and "next:" in t["reason"] and t["owner"], "the report says which rule, what to do, whose", t)
    repin(site, "m00001", good)
    r = run("respond", fleet.DRILL, "--yes", "--json", site=site)
    ok(r.status == 0 and r.json()["published"] == 3 and r.json()["blocked"] == 0, "a source that passes: its release is published", r)
    check(run("ledger", "verify", site=site), 0, "and the ledger is whole")

for part in (files, response):
    part()
done()
