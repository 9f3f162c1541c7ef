"""Reports of hosts: what the server spends on one that tells nothing new."""
import hashlib, json, os, time
from bench import *

def _report(path, files):
    content = json.dumps({"system": {}, "roots": ["/m"], "unread": [], "processes": [], "files": [
        {"path": f"/m/{i}/1/model.plan", "sha256": hashlib.sha256(str(i).encode()).hexdigest(), "size": 9, "kind": "tensorrt-plan",
         "product": "pkg:generic/nvidia/tensorrt", "version": "10.3.0.26", "version_source": "header", "target": "sm_86",
         "compute_capability": "8.6", "notes": []} for i in range(files)]}, separators=(",", ":"))
    header = json.dumps({"type": "reforge.host-report", "version": 1, "host": f"host-{files}", "machine": "b" * 64,
                         "taken": "2026-07-14T09:30:00.000000Z", "program": "bench", "content_bytes": len(content),
                         "content_sha256": hashlib.sha256(content.encode()).hexdigest()}, separators=(",", ":"))
    open(path, "w").write(header + "\n" + content + "\n")

def report_unchanged():
    """20 placements a host are what a fleet of 1,000,000 on 50,000 hosts has; 1,000 are a large one's."""
    place = folder("report")
    try:
        reforge, site = program("reforge"), os.path.join(place, "site")
        Run([reforge, "init", site])
        for files in (20, 1000):
            report = os.path.join(place, f"{files}.json")
            _report(report, files)
            go = lambda times: Run([reforge, "-C", site, "inventory", "import", "-q"] + [report] * times).wall
            go(1)
            one, many = in_turn(5, lambda: go(1), lambda: go(101))
            yield at_most(f"report unchanged, {files:,} files", 1000 * (median(many) - median(one)) / 100, "ms", 5, "5 ms of server time")
    finally:
        remove(place)
