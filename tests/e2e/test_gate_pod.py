#!/usr/bin/env python3
"""reforge gate pod: everything that a pod can have mounted, offline against a signed bundle."""
import json, pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import gate_pod_cases, gate_site
from tap import BUILD, done, folder, ok, run, skip

ORDER = ["allow", "warn", "deny"]

def worst(documents):
    return max((d["decision"] for d in documents), key=ORDER.index, default=None)

def main():
    if not (pathlib.Path(BUILD) / "tests/bench/reforge-stand-in-copy-driver").exists():
        return skip("the gate in front of a pod", "the stand-in toolchain is not built")
    site = gate_site.make(folder())
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
    words = run("gate", "pod", site.engine, "--bundle", site.bundle, "--key", site.key)
    ok(words.status == 1 and "deny" in words.out and gate_site.CVE in words.out and "next" in words.out, "words: what, why, what to do next", words)
    ok("bundle of fleet" in words.err and "1 denied" in words.err, "the log says by what was judged, and the sum", words)
    sarif = folder() / "pod.sarif"
    r = run("gate", "pod", site.engine, "--bundle", site.bundle, "--key", site.key, "--format", f"sarif={sarif}", "--quiet")
    ok(r.status == 1 and json.loads(sarif.read_text())["version"] == "2.1.0" and not r.err, "check's forms are its own", r)

main()
done()
