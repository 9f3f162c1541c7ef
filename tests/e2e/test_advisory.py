#!/usr/bin/env python3
"""Know first, from outside: merged advisories, contradictions, decisions, the order of work, check, export."""
import io, json, re, tarfile
from tap import *

CSAF = {"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": "Security Bulletin: NVIDIA TensorRT - August 2026",
                     "publisher": {"category": "vendor", "name": "NVIDIA Product Security", "namespace": "https://www.nvidia.com"},
                     "tracking": {"id": "9100", "status": "final", "version": "1", "current_release_date": "2026-08-11T00:00:00.000Z",
                                  "initial_release_date": "2026-08-11T00:00:00.000Z", "revision_history": [{"number": "1", "date": "2026-08-11T00:00:00.000Z", "summary": "x"}]}},
        "product_tree": {"branches": [{"category": "vendor", "name": "NVIDIA", "branches": [
            {"category": "architecture", "name": "Linux", "branches": [
                {"category": "product_version", "name": "TensorRT", "product": {"name": "v0 - v10.17.0", "product_id": "a"}},
                {"category": "product_version", "name": "TensorRT", "product": {"name": "v11.1", "product_id": "f"}}]}]}]},
        "vulnerabilities": [{"cve": "CVE-2026-91001", "title": "made up", "product_status": {"known_affected": ["a"], "fixed": ["f"]},
                             "scores": [{"products": ["a"], "cvss_v3": {"version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
                                                                        "baseScore": 9.8, "baseSeverity": "CRITICAL"}}]}]}
NVD = {"id": "CVE-2026-91001", "sourceIdentifier": "psirt@nvidia.com", "published": "2026-08-11T10:00:00.000", "lastModified": "2026-08-12T10:00:00.000",
       "vulnStatus": "Received", "descriptions": [{"lang": "en", "value": "made up"}],
       "metrics": {"cvssMetricV31": [{"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"version": "3.1",
                   "vectorString": "CVSS:3.1/AV:L/AC:L/PR:L/UI:R/S:U/C:L/I:N/A:N", "baseScore": 2.8, "baseSeverity": "LOW"}}]},
       "affected": [{"source": "psirt@nvidia.com", "affectedData": [{"vendor": "NVIDIA", "product": "TensorRT", "versions": [
           {"version": "v0 - v10.17.0", "lessThanOrEqual": "v1.4.0 rc3", "versionType": "custom", "status": "affected"}]}]}]}
PAGE = {"resultsPerPage": 1, "startIndex": 0, "totalResults": 1, "format": "NVD_CVE", "version": "2.0", "timestamp": "2026-08-12T11:00:00.000",
        "vulnerabilities": [{"cve": NVD}]}
KEV = {"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.08.13", "dateReleased": "2026-08-13T00:00:00.000Z", "count": 1,
       "vulnerabilities": [{"cveID": "CVE-2026-91001", "vendorProject": "NVIDIA", "product": "TensorRT", "vulnerabilityName": "n", "dateAdded": "2026-08-13",
                            "shortDescription": "s", "requiredAction": "a", "dueDate": "2026-09-03", "knownRansomwareCampaignUse": "Unknown", "notes": "", "cwes": []}]}
TRT = "pkg:generic/nvidia/tensorrt@"

def kinds(r, cve):
    return {f["finding"] for f in r.json()["findings"] if f["advisory"] == cve}

def main():
    site = folder() / "site"
    run("init", site)
    r = lambda *a: run(*a, "--json", site=site)
    first = r("check", TRT + "10.16.1.11")
    ok(first.status == 3 and first.json()["findings"][0]["cause"] == "no_data", "without data nothing passes", first)
    for name, document in ("csaf", CSAF), ("page", PAGE), ("kev", KEV):
        (site / f"{name}.json").write_text(json.dumps(document))
        check(run("feed", "import", site / f"{name}.json", site=site), 0, f"{name} is imported", "1 new or changed")
    cve = "CVE-2026-91001"
    for version, status, kind in ("10.13.3.9", 1, "affected"), ("10.17.0.4", 1, "affected"), ("11.1.0", 0, "not_affected"), ("11.4.0.106", 0, "not_affected"):
        c = r("check", TRT + version)
        ok(c.status == status and kinds(c, cve) == {kind}, f"{version}: {kind}", c)
        ok(all(f["contradiction"] for f in c.json()["findings"]), f"{version}: the contradiction is in the JSON", c)
        check(run("check", TRT + version, site=site), status, f"{version}: and on the screen", "v1.4.0 rc3")
    check(run("explain", cve, site=site), 0, "explain shows it too", "contradiction", "v1.4.0 rc3", "9.8", "2.8")
    story = r("advisory", "show", cve).json()
    ok({c["kind"] for c in story["contradictions"]} >= {"within", "score"}, "scores that differ by a rating are told", story["contradictions"])
    ok(story["sources"][0]["authority"] == "vendor", "the vendor's word comes first", story["sources"])
    work = [w for w in r("advisory", "list", "--by-priority").lines() if w["advisory"] == cve]
    ok(work and work[0]["priority"]["exploitation"] == "active" and work[0]["priority"]["due"].startswith("2026-09-03"), "KEV orders the work", work)
    c = r("check", TRT + "10.13.3.9", "--fail-on", "unknown")
    ok(c.status == 0 and c.json()["decision"] == "warn", "--fail-on chooses", c)
    ok(r("check", "pkg:npm/of-nobody@1").status == 3, "a package without a row is no pass")
    check(run("check", "somewhere/file", site=site), 2, "files are scan's")
    check(run("advisory", "decide", cve, "--range", "vers:generic/<10.14", "--owner", "ann", "--reason", "tried it", site=site), 0, "a range is decided")
    c = r("check", TRT + "10.16.1.11")
    ok(c.status == 0 and "ann decided" in json.dumps(c.json()), "it stands above the sources, and is shown", c)
    check(run("explain", cve, site=site), 0, "and in explain", "ann decided", "tried it")
    check(run("advisory", "decide", cve, "--range", "sources", "--reason", "no", site=site), 0, "taken back")
    ok(r("check", TRT + "10.16.1.11").status == 1, "the sources count again")
    check(run("advisory", "decide", cve, "--not-applicable", "--reason", "no such parser here", site=site), 0, "it does not apply")
    c = r("check", TRT + "10.16.1.11")
    ok(c.status == 0 and c.json()["findings"][0]["cause"] == "not_applicable", "then it is not affected, by decision", c)
    check(run("advisory", "decide", cve, "--not-applicable", site=site), 2, "a decision needs a reason", "--reason")
    check(run("advisory", "decide", cve, "--range", "whatever", "--reason", "x", site=site), 2, "a range that no rule reads is refused")
    check(run("advisory", "decide", cve, "--not-applicable", "--service", "nobody", "--reason", "x", site=site), 2, "services are known", "nobody")
    ok("advisory.decided" in run("ledger", "show", "--json", site=site).out, "decisions stand in the ledger")
    run("advisory", "decide", cve, "--applicable", "--reason", "back", site=site)
    check(run("feed", "export", "--output", site / "osv", site=site), 0, "OSV is written", "1 advisories")
    other = folder() / "other"
    run("init", other)
    check(run("feed", "import", site / "osv", site=other), 0, "and read back", "1 new or changed")
    for version, status in ("10.17.0.4", 1), ("11.1.0", 0):
        ok(run("check", "pkg:pypi/tensorrt@" + version, "--json", site=other).status == status, f"{version}: the same answer")
    vex = run("feed", "export", "--format", "openvex", "--product", TRT[:-1], site=site)
    ok(vex.status == 0 and json.loads(vex.out)["statements"], "OpenVEX on stdout", vex)

def packages():
    """A package database that holds a product of ours is judged by it, in an archive too; other packages are the inventory's."""
    site = folder() / "packages"
    run("init", site)
    (site / "csaf.json").write_text(json.dumps(CSAF))
    run("feed", "import", site / "csaf.json", site=site)
    def asked(name, *packages):
        status = "".join(f"Package: {n}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {v}\n\n" for n, v in packages).encode()
        with tarfile.open(site / name, "w") as t:
            info = tarfile.TarInfo("var/lib/dpkg/status"); info.size = len(status)
            t.addfile(info, io.BytesIO(status))
        return run("check", "--json", site / name, site=site)
    old, new, other = asked("old.tar", ("libnvinfer10", "10.3.0.26-1+cuda12.5"), ("bash", "5.2.15-2")), asked("new.tar", ("libnvinfer10", "11.1.0.4-1+cuda13.0")), asked("other.tar", ("bash", "5.2.15-2"))
    ok(old.status == 1 and [(l["decision"], [(f["advisory"], f["product"], f["version"]) for f in l["findings"]]) for l in old.lines()][0] ==
       ("deny", [("CVE-2026-91001", TRT[:-1], "10.3.0.26")]), "a package database with a vulnerable TensorRT is denied", old)
    ok(new.status == 0 and [f["finding"] for l in new.lines() for f in l["findings"]] == ["not_affected"], "one with a fixed TensorRT is allowed, and asked about", new)
    ok(other.status == 0 and not any(l["findings"] for l in other.lines()), "one without any is not asked about", other)
    odd = asked("odd.tar", ("libnvinfer10", "10.3?x#y@z"))
    ok(odd.status == 3 and odd.lines()[0]["decision"] == "warn", "a version that no scheme reads is no pass", odd)

def stale():
    """A feed that shrinks taints what is not affected; it takes nothing away."""
    site = folder() / "stale"
    run("init", site)
    (site / "bulletins").mkdir()
    (site / "bulletins/a.json").write_text(json.dumps(CSAF))
    (site / "bulletins/b.json").write_text(json.dumps({**CSAF, "document": {**CSAF["document"], "tracking": {**CSAF["document"]["tracking"], "id": "9101"}},
                                                       "vulnerabilities": [{**CSAF["vulnerabilities"][0], "cve": "CVE-2026-91002"}]}))
    (site / "reforge.yaml").write_text(re.sub(r"(?m)^feeds:.*\n(?:[ #].*\n)*", "", (site / "reforge.yaml").read_text()) + "\nfeeds: {vendor: {path: bulletins}}\n")
    check(run("feed", "sync", site=site), 0, "a feed of two", "2 records")
    check(run("check", TRT + "11.1.0", site=site), 0, "nothing is stale")
    (site / "bulletins/b.json").unlink()
    check(run("feed", "sync", site=site), 3, "it shrinks", "shrunk")
    c = run("check", TRT + "11.1.0", "--json", site=site)
    ok(c.status == 3 and any(f["cause"] == "stale_feed" and "as of" in f["reason"] for f in c.json()["findings"]), "what is not affected is so as of then", c)
    c = run("check", TRT + "10.1", "--json", site=site)
    ok(c.status == 1 and kinds(c, "CVE-2026-91002") == {"affected"}, "what it said stays", c)
    check(run("explain", TRT + "11.1.0", site=site), 0, "explain says it", "feed vendor is stale")
    check(run("status", site=site), 0, "and status", "feed vendor is stale")
    check(run("feed", "accept", "vendor", "--reason", "taken back", site=site), 0, "accepted")
    check(run("check", TRT + "11.1.0", site=site), 0, "then it is not stale")

def never_synced():
    """A feed of reforge.yaml that never ran is no silence to rely on; one that was taken out counts no more."""
    site = folder() / "never"
    run("init", site)
    (site / "bulletins").mkdir()
    (site / "bulletins/a.json").write_text(json.dumps(CSAF))
    rest = re.sub(r"(?m)^feeds:.*\n(?:[ #].*\n)*", "", (site / "reforge.yaml").read_text())
    (site / "reforge.yaml").write_text(rest + "\nfeeds: {vendor: {path: bulletins}, more: {path: elsewhere}}\n")
    check(run("feed", "sync", "vendor", site=site), 0, "one of two feeds")
    check(run("check", TRT + "11.1.0", site=site), 3, "the other was never synced", "feed more is stale: never synced (reforge feed sync more)")
    check(run("explain", "pkg:generic/nvidia/dali@1.0", site=site), 0, "explain without an advisory says it too", "No advisory at hand", "feed more is stale")
    check(run("advisory", "show", "CVE-2026-91001", site=site), 0, "and advisory show", "feed more is stale")
    check(run("advisory", "list", site=site), 0, "and advisory list", "feed more is stale")
    ok(run("advisory", "show", "CVE-2026-91001", "--json", site=site).json()["stale_feeds"][0]["feed"] == "more", "in the JSON too")
    (site / "reforge.yaml").write_text(rest + "\nfeeds: {vendor: {path: bulletins}}\n")
    check(run("check", TRT + "11.1.0", site=site), 0, "taken out of reforge.yaml it counts no more")

def lines():
    """DriveOS numbers TensorRT apart: a fix there may be below the others'."""
    site = folder() / "lines"
    run("init", site)
    tree = json.loads(json.dumps(CSAF))
    tree["product_tree"]["branches"][0]["branches"].append({"category": "architecture", "name": "DriveOS 7.0", "branches": [
        {"category": "product_version", "name": "TensorRT", "product": {"name": "v0 - v10.14.3", "product_id": "da"}},
        {"category": "product_version", "name": "TensorRT", "product": {"name": "v10.14.4", "product_id": "df"}}]})
    tree["vulnerabilities"][0]["product_status"] = {"known_affected": ["a", "da"], "fixed": ["f", "df"]}
    (site / "a.json").write_text(json.dumps(tree))
    run("feed", "import", site / "a.json", site=site)
    for subject, status in ("10.14.4", 1), ("10.14.4?platform=driveos", 0), ("10.14.3?platform=driveos", 1), ("10.14.4?platform=jetpack-6", 1), ("11.1.0?platform=driveos", 0):
        ok(run("check", TRT + subject, site=site).status == status, f"{subject}: {status}", run("check", TRT + subject, site=site))

def postgres():
    """The same on PostgreSQL, out of a database of its own."""
    import postgresql
    url, why = postgresql.start()
    if not url: return skip("export from PostgreSQL", why)
    site, plain = folder() / "pg", folder() / "lite"
    for where in site, plain:
        run("init", where)
        (where / "csaf.json").write_text(json.dumps(CSAF))
    text = (site / "reforge.yaml").read_text()
    (site / "reforge.yaml").write_text(re.sub(r"(?m)^database:.*$", f'database: "{url}"', text) if re.search(r"(?m)^database:", text) else f'{text}\ndatabase: "{url}"\n')
    for where in site, plain:
        check(run("feed", "import", "csaf.json", site=where, cwd=where), 0, "imported", "1 new or changed")
        check(run("feed", "export", "--output", where / "osv", site=where), 0, "OSV is written", "1 advisories")
        ok(run("check", TRT + "10.16.1.11", site=where).status == 1, "and check answers")
    ok((site / "osv/CVE-2026-91001.json").read_text() == (plain / "osv/CVE-2026-91001.json").read_text(), "the same file from both databases")
    vex = [json.loads(run("feed", "export", "--format", "openvex", "--id", "https://example.org/1", "--author", "a", site=where).out) for where in (site, plain)]
    ok([v["statements"][0]["products"] for v in vex][0] == [v["statements"][0]["products"] for v in vex][1], "and the same OpenVEX")

guarded(main)
guarded(packages)
guarded(stale)
guarded(never_synced)
guarded(lines)
guarded(postgres)
done()
