#!/usr/bin/env python3
"""reforge gate pod: everything that a pod can have mounted, offline against a signed bundle."""
import json, pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import gate_pod_cases, gate_site
from tap import BUILD, done, folder, ok, run, skip

ORDER = ["allow", "warn", "deny"]

def worst(documents):
    return max((d["decision"] for d in documents), key=ORDER.index, default=None)

PAPERS = {"foreign_attestation", "bad_signature", "unsigned", "release"}

def by_check(case, documents):
    """`check` of the same files by the same bundle says the same of each, what lies beside them included."""
    if any(str(a) in ("--root", "--fail-on", "--at", "--allow-warnings") for a in case.args) or not documents:
        return None
    r = run("check", *case.args, "--json")
    if r.status == 2:
        return None
    said = {d["subject"]: d for d in r.lines()}
    def told(d):
        return d["decision"], sorted((f["finding"], f["cause"]) for f in d["findings"] if f["finding"] != "not_affected" and f["cause"] in PAPERS)
    both = [d for d in documents if d["subject"] in said]
    differ = [(told(d), told(said[d["subject"]])) for d in both if told(d)[1] != told(said[d["subject"]])[1] or
              (told(d)[1] and told(d)[0] != told(said[d["subject"]])[0])]
    return len(both), differ, r

def main():
    if not (pathlib.Path(BUILD) / "tests/bench/reforge-stand-in-copy-driver").exists():
        return skip("the gate in front of a pod", "the stand-in toolchain is not built")
    site = gate_site.make(folder())
    papers = 0
    for case in gate_pod_cases.cases(site, folder() / "mounts"):
        r = run("gate", "pod", *case.args, "--json")
        ok(r.status == case.status, f"{case.name}: status {case.status}", r)
        documents = r.lines() if r.status != 2 else []
        if case.decision:
            ok(worst(documents) == case.decision, f"{case.name}: {case.decision}", r)
        if case.subjects is not None:
            ok(len(documents) == case.subjects, f"{case.name}: {case.subjects} subjects", r)
        for text in case.holds:
            ok(text in r.out, f"{case.name}: says {text}", r)
        same = by_check(case, documents)
        if same and same[0]:
            ok(not same[1], f"{case.name}: check says the same of {same[0]}", *same[1][:3], same[2])
            papers += bool(PAPERS & set(case.holds))
    ok(papers >= 4, f"{papers} of them by what lies beside", papers)
    words = run("gate", "pod", site.engine, "--bundle", site.bundle, "--key", site.key)
    ok(words.status == 1 and "deny" in words.out and gate_site.CVE in words.out and "next" in words.out, "words: what, why, what to do next", words)
    ok("bundle of fleet" in words.err and "1 denied" in words.err, "the log says by what was judged, and the sum", words)
    sarif = folder() / "pod.sarif"
    r = run("gate", "pod", site.engine, "--bundle", site.bundle, "--key", site.key, "--format", f"sarif={sarif}", "--quiet")
    ok(r.status == 1 and json.loads(sarif.read_text())["version"] == "2.1.0" and not r.err, "check's forms are its own", r)

main()
done()
