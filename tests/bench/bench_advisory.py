"""advisory: tens of thousands of records into a fresh database, once more unchanged, and ten times as many."""
import json, os, shutil, subprocess, tarfile, time
import bench

SHARED = os.environ.get("REFORGE_DATA") or os.path.join("..", "shared", "data")
SYNTHETIC = 340_000

def corpus(name, where):
    """Unpacks one of the corpora."""
    path = os.path.join(SHARED, "corpora", name + ".tar.xz")
    if not os.path.exists(path):
        raise RuntimeError(f"{path} is not there")
    with tarfile.open(path) as t:
        t.extractall(where, filter="data") if hasattr(tarfile, "data_filter") else t.extractall(where)
    return os.path.join(where, name)

def warm(folder):
    for path, _, files in os.walk(folder):
        for f in files:
            with open(os.path.join(path, f), "rb") as h:
                while h.read(1 << 20): pass

def two_cpus():
    return set(sorted(os.sched_getaffinity(0))[:2])

def site(where, name):
    path = os.path.join(where, name)
    subprocess.run([bench.program("reforge"), "init", path], check=True, stdout=subprocess.DEVNULL)
    return path

def load(path, folder):
    return bench.Run([bench.program("reforge"), "-C", path, "feed", "import", folder], cpus=two_cpus(), ok=(0, 3))

def fresh(where, folder, times=3):
    """Imports into fresh databases; the last one's path stays."""
    runs = []
    for i in range(times):
        path = site(where, f"site-{os.path.basename(folder)}-{i}")
        runs.append(load(path, folder))
        if i < times - 1:
            shutil.rmtree(path)
    return runs, path

def bare(folder):
    """The same files, read and parsed on two processors, and nothing kept: what no import can beat."""
    return bench.Run([bench.program("tests/bench/bench_parse"), folder], cpus=two_cpus()).wall

def advisory_cve():
    """44,130 CVE 5 records (276 MB): fresh SQLite, two processors; again unchanged; beside it the bare parse"""
    where = bench.folder("cve")
    try:
        folder = corpus("vulnrichment", where)
        warm(folder)
        time.sleep(1)                                                # what changed just now is read again
        runs, path = fresh(where, folder)
        limits = [bare(folder) for _ in range(3)]
        wall = bench.median([r.wall for r in runs])
        yield bench.at_most("44,130 CVE records, fresh", wall, "s", 4, f"bare read and parse: {bench.median(limits):.2f} s")
        yield bench.at_most("44,130 CVE records, processor time", bench.median([r.cpu for r in runs]), "s", 8, "two processors for 4 s")
        yield bench.at_most("44,130 CVE records, peak memory", max(r.peak for r in runs) / 2**20, "MiB", 256, "256 MiB")
        again = [load(path, folder).wall for _ in range(3)]
        yield bench.at_most("44,130 CVE records, unchanged", bench.median(again), "s", 1, "1 s")
        check = [bench.Run([bench.program("reforge"), "-C", path, "check", "pkg:generic/nvidia/triton-inference-server@24.01"], ok=(0, 1, 3)).wall for _ in range(5)]
        yield bench.at_most("check one package among them", bench.median(check), "s", 0.2, "0.2 s")
    finally:
        bench.remove(where)

def advisory_nvd():
    """32,000 NVD configurations, a file each as the corpus has them, and as pages of NVD's API"""
    where = bench.folder("nvd")
    try:
        folder = os.path.join(corpus("nvd-overrides", where), "data")
        warm(folder)
        time.sleep(1)
        runs, path = fresh(where, folder)
        yield bench.at_most("32,000 NVD configurations, fresh", bench.median([r.wall for r in runs]), "s", 3, f"bare read and parse: {bare(folder):.2f} s")
        yield bench.at_most("32,000 NVD configurations, peak memory", max(r.peak for r in runs) / 2**20, "MiB", 256, "256 MiB")
        yield bench.at_most("32,000 NVD configurations, unchanged", load(path, folder).wall, "s", 1, "1 s")
        pages = os.path.join(where, "pages")
        os.mkdir(pages)
        write_pages(folder, pages)
        time.sleep(1)
        runs, path = fresh(where, pages)
        yield bench.at_most("32,000 NVD configurations in pages, fresh", bench.median([r.wall for r in runs]), "s", 3, f"bare read and parse: {bare(pages):.2f} s")
        yield bench.at_most("32,000 NVD configurations in pages, unchanged", load(path, pages).wall, "s", 1, "1 s")
    finally:
        bench.remove(where)

def write_pages(folder, pages):
    records = []
    for path, _, files in sorted(os.walk(folder)):
        for f in sorted(files):
            if not f.endswith(".json"): continue
            with open(os.path.join(path, f)) as h: d = json.load(h)
            records.append({"cve": {"id": d["_annotation"]["cve_id"], "sourceIdentifier": "nvd@nist.gov", "published": "2024-01-01T00:00:00.000",
                                    "lastModified": "2024-01-02T00:00:00.000", "vulnStatus": "Analyzed",
                                    "descriptions": [{"lang": "en", "value": d["_annotation"].get("reason", "x")}], **d["cve"]}})
    for i in range(0, len(records), 2000):
        with open(os.path.join(pages, f"{i:06d}.json"), "w") as h:
            json.dump({"resultsPerPage": len(records[i:i + 2000]), "startIndex": i, "totalResults": len(records), "format": "NVD_CVE",
                       "version": "2.0", "timestamp": "2024-01-03T00:00:00.000", "vulnerabilities": records[i:i + 2000]}, h)

def advisory_large():
    """340,000 synthetic CVE records, all of NVD, against a tenth of them: time a record stays the same"""
    where = bench.folder("large")
    try:
        whole, tenth = os.path.join(where, "whole"), os.path.join(where, "tenth")
        write_synthetic(whole, SYNTHETIC)
        write_synthetic(tenth, SYNTHETIC // 10)
        warm(whole); warm(tenth)
        time.sleep(1)
        small, _ = fresh(where, tenth)
        large, path = fresh(where, whole, 1)
        growth = large[0].wall / 10 / bench.median([r.wall for r in small])
        yield bench.at_most("340,000 records, time a record against 34,000", growth, "x", 1.3, f"{large[0].wall:.1f} s whole")
        # what the disk and other work make of it is in the figure above; this one is what the program makes of it
        cpu = large[0].cpu / 10 / bench.median([r.cpu for r in small])
        yield bench.at_most("340,000 records, processor time a record against 34,000", cpu, "x", 1.3, f"{large[0].cpu:.1f} s whole")
        yield bench.at_most("340,000 records, peak memory", large[0].peak / 2**20, "MiB", 512, "512 MiB")
        again = load(path, whole)
        yield bench.at_most("340,000 records, unchanged", again.wall, "s", 8, "8 s")
    finally:
        bench.remove(where)

def write_synthetic(folder, n):
    """Records as the CVE list has them, of products of others but one in a thousand."""
    for i in range(n):
        year, number = 2000 + i % 27, 1000000 + i
        cve = f"CVE-{year}-{number}"
        d = os.path.join(folder, str(year), f"{number // 1000}xxx")
        if i % 1000 < 27: os.makedirs(d, exist_ok=True)
        ours = i % 1000 == 0
        record = {"dataType": "CVE_RECORD", "dataVersion": "5.1",
                  "cveMetadata": {"cveId": cve, "assignerOrgId": "9576f279-3576-44b5-a4af-b9a8644b2de6", "state": "PUBLISHED",
                                  "assignerShortName": "nvidia" if ours else "example", "datePublished": "2024-06-13T21:16:51.975Z", "dateUpdated": "2024-08-01T17:41:15.986Z"},
                  "containers": {"cna": {"providerMetadata": {"orgId": "9576f279-3576-44b5-a4af-b9a8644b2de6", "shortName": "nvidia" if ours else "example", "dateUpdated": "2024-06-13T21:16:51.975Z"},
                      "affected": [{"vendor": "nvidia" if ours else f"vendor{i % 997}", "product": "TensorRT" if ours else f"product{i % 4999}",
                                    "versions": [{"version": "0", "lessThan": f"{i % 20}.{i % 7}", "status": "affected", "versionType": "custom"}], "defaultStatus": "unaffected"}],
                      "descriptions": [{"lang": "en", "value": "A made-up flaw in a made-up product lets nobody do anything. " * 6}],
                      "metrics": [{"format": "CVSS", "cvssV3_1": {"version": "3.1", "baseScore": 9.8, "baseSeverity": "CRITICAL", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}],
                      "problemTypes": [{"descriptions": [{"lang": "en", "type": "CWE", "cweId": "CWE-117", "description": "CWE-117"}]}],
                      "references": [{"url": f"https://example.org/{cve}"}]},
                  "adp": [{"title": "CISA ADP Vulnrichment", "providerMetadata": {"orgId": "134c704f-9b21-4f2e-91b3-4a467353bcc0", "shortName": "CISA-ADP", "dateUpdated": "2024-06-14T22:28:28.839Z"},
                           "metrics": [{"other": {"type": "ssvc", "content": {"id": cve, "role": "CISA Coordinator", "version": "2.0.3", "timestamp": "2024-06-14T22:27:23.859191Z",
                                        "options": [{"Exploitation": "none"}, {"Automatable": "no"}, {"Technical Impact": "total"}]}}}]}]}}
        os.makedirs(d, exist_ok=True)
        with open(os.path.join(d, cve + ".json"), "w") as h: json.dump(record, h)
