#!/usr/bin/env python3
"""Feeds over the network: NVD on its bad days, a killed sync, a CSAF provider, git, single documents; health and alarms. TAP."""
import gzip, hashlib, io, json, os, pathlib, shutil, signal, sqlite3, ssl, subprocess, sys, tarfile, time, zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from feed_server import Nvd, Server, record
from tap import *

COUNT = 730


def site(name, **feeds):
    """A workspace with these feeds (dicts, written as JSON, which is YAML)."""
    path = folder() / name
    run("init", path, "--site", "feeds")
    configure(path, **feeds)
    return path


def configure(path, network=None, **feeds):
    text = "site: feeds\nfeeds: " + json.dumps(feeds) + "\n"
    if network:
        text += "network: " + json.dumps(network) + "\n"
    (path / "reforge.yaml").write_text(text)


def nvd_feed(server, **more):
    return {"kind": "nvd", "url": server.url + "/rest/json/cves/2.0", "page": 100, "requests_per_30s": 100000, "retry_wait": "10ms",
            "timeout": "1s", **more}


def rows(path, sql):
    db = sqlite3.connect(f"file:{path}/reforge.db?mode=ro", uri=True)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


def held(path, feed):
    """Id -> version of what the feed lists now."""
    return dict(rows(path, f"SELECT name, version FROM feed_item WHERE feed = '{feed}' AND missing = 0"))


def advisories(path):
    return {a["id"] for a in run("advisory", "list", "--all", "--json", site=path).lines()}


def exact(path, nvd, name):
    """The store has every record of the server in the server's version, and no other."""
    want = {r["cve"]["id"]: r["cve"]["lastModified"] for r in nvd.records}
    got, known = held(path, "nvd"), advisories(path)
    wrong = [i for i in want if got.get(i) != want[i]]
    return ok(got == want and set(want) <= known, name, f"{len(got)} of {len(want)} held, wrong: {wrong[:5]}",
              f"not in the store: {sorted(set(want) - known)[:5]}")


def standing(path, feed):
    r = run("feed", "status", feed, "--json", site=path)
    return r.json()["feeds"][0]


def alarms(path, feed):
    return {a["alarm"] for a in standing(path, feed)["alarms"]}


# ---------------------------------------------------------------- NVD

def records(count=COUNT):
    return [record(i) for i in range(1, count + 1)]


def nvd_plain():
    server = Server()
    server.nvd = Nvd(records())
    path = site("nvd", nvd=nvd_feed(server))
    check(run("feed", "sync", "--json", site=path), 0, "nvd: a first sync")
    exact(path, server.nvd, "nvd: the first sync is exact")
    before = server.nvd.requests
    # what changes, comes and is rejected later
    server.nvd.records[40] = record(41, modified="2026-07-03T08:00:00.000", text="second")
    server.nvd.records.append(record(COUNT + 1, modified="2026-07-03T09:00:00.000"))
    server.nvd.clock = "2026-07-04T00:00:00.000"
    r = run("feed", "sync", "--json", site=path)
    check(r, 0, "nvd: a second sync")
    exact(path, server.nvd, "nvd: what changed is taken in")
    windows = [q for q in server.nvd.log[before:] if "lastModStartDate" in q]
    ok(len(windows) == len(server.nvd.log[before:]) - 1 and windows, "nvd: only windows and one count are asked for", server.nvd.log[before:])
    ok(r.json()["changed" if "changed" in r.json() else "documents"] == 2, "nvd: two documents are new or changed", r)
    # years later: windows of 120 days at most
    server.nvd.records.append(record(COUNT + 2, modified="2026-11-20T09:00:00.000"))
    server.nvd.clock = time.strftime("%Y-%m-%dT%H:%M:%S.000", time.gmtime())
    db = sqlite3.connect(path / "reforge.db")
    db.execute("UPDATE feed_cursor SET through = through - 400 * 86400000000")
    db.commit()
    db.close()
    before = server.nvd.requests
    check(run("feed", "sync", site=path), 0, "nvd: a sync after more than a year")
    day = lambda t: time.mktime(time.strptime(t[:19], "%Y-%m-%dT%H:%M:%S")) / 86400
    spans = [day(q["lastModEndDate"]) - day(q["lastModStartDate"]) for q in server.nvd.log[before:] if "lastModStartDate" in q]
    ok(len(spans) >= 4 and max(spans) <= 120.01, "nvd: windows have at most 120 days", spans)
    exact(path, server.nvd, "nvd: exact after a long silence")
    server.close()


def nvd_faults():
    for name, faults, changes in [
        ("403 on the first and third request", {1: 403, 3: 403, 4: 403}, {}),
        ("503 with Retry-After", {2: 503, 3: 503, 7: 503}, {}),
        ("a page that lacks records", {2: "few", 3: "few", 8: "few"}, {}),
        ("a page cut within its JSON", {1: "cut", 5: "cut"}, {}),
        ("a connection cut", {1: "drop", 2: "drop", 6: "drop"}, {}),
        ("too large a total on one page", {1: "many"}, {}),
        ("too large a total amid", {4: "many"}, {}),
        ("too large a total in the end", {8: "many", 9: "many"}, {}),
        ("too small a total at first", {1: "none"}, {}),
        ("too small a total amid", {4: "none"}, {}),
        ("another page than asked for", {3: "other"}, {}),
        ("a page of HTML with 200", {2: "html"}, {}),
        ("slower than the limit", {2: "slow"}, {}),
        ("everything at once", {1: 403, 2: "few", 3: "drop", 4: "html", 5: 503, 6: "cut", 8: "many", 9: "other", 12: "none"}, {}),
        ("a record goes between pages", {}, {2: lambda n: n.records.pop(20)}),
        ("forty records go between pages", {}, {3: lambda n: n.records.__delitem__(slice(0, 40))}),
        ("records come between pages", {}, {2: lambda n: n.records.insert(0, record(9001, modified=n.clock)),
                                            5: lambda n: n.records.append(record(9002, modified=n.clock))}),
        ("one goes, one comes, the total stays", {}, {3: lambda n: (n.records.pop(5), n.records.append(record(9003, modified=n.clock)))}),
        ("a record changes behind the walk", {}, {4: lambda n: n.records.__setitem__(3, record(4, modified=n.clock, text="late"))}),
    ]:
        server = Server()
        server.nvd = Nvd(records(), faults=faults, changes=changes)
        path = site("nvd-fault", nvd=nvd_feed(server))
        r = run("feed", "sync", "--json", site=path)
        good = r.status == 0 and set(faults) <= set(range(1, server.nvd.requests + 1))
        exact(path, server.nvd, f"nvd: {name}: exact") and good or ok(good, f"nvd: {name}: complete, every fault met", r)
        server.close()
        shutil.rmtree(path)


def nvd_hopeless():
    """What cannot be had is told, nothing is lost."""
    server = Server()
    server.nvd = Nvd(records(250))
    path = site("nvd-hopeless", nvd=nvd_feed(server, attempts=2))
    check(run("feed", "sync", site=path), 0, "nvd: a good sync first")
    server.nvd.faults = {n: 503 for n in range(1, 1000)}
    check(run("feed", "sync", site=path), 3, "nvd: a server that answers 503 only", "not complete", "503", "stays")
    exact(path, server.nvd, "nvd: what was known stays")
    s = standing(path, "nvd")
    ok(s["failures"] == 1 and not s["stale"] and alarms(path, "nvd") == {"failed"}, "nvd: one failed run is an alarm, not yet stale", s)
    server.nvd.faults = {n: "few" for n in range(1, 1000)}
    check(run("feed", "sync", site=path), 3, "nvd: pages that always lack records", "totalResults")
    configure(path, nvd=nvd_feed(server, attempts=2, max_age="1s"))
    time.sleep(1.1)
    check(run("feed", "sync", site=path), 3, "nvd: failing past max_age")
    s = standing(path, "nvd")
    ok(s["stale"] and "stalled" in alarms(path, "nvd"), "nvd: then it is stale", s)
    server.nvd.faults = {}
    configure(path, nvd=nvd_feed(server))
    check(run("feed", "sync", site=path), 0, "nvd: back again")
    ok(not standing(path, "nvd")["stale"] and not alarms(path, "nvd"), "nvd: no alarm is left")
    # it shrinks: what it said stays, until someone says that it is right so
    kept = advisories(path)
    del server.nvd.records[100:]
    check(run("feed", "sync", site=path), 3, "nvd: it shrinks", "alarm: shrunk")
    s = standing(path, "nvd")
    ok(s["stale"] and s["missing"] == 150 and advisories(path) == kept, "nvd: shrunk is stale, and nothing is taken away", s)
    check(run("feed", "accept", "nvd", site=path), 2, "accepting wants a reason", "--reason")
    check(run("feed", "accept", "nvd", "--reason", "duplicates were merged", site=path), 0, "the shrinking is accepted")
    check(run("feed", "sync", site=path), 0, "nvd: and counts from there")
    del server.nvd.records[:]
    check(run("feed", "sync", site=path), 3, "nvd: it turns empty", "alarm: empty")
    ok(standing(path, "nvd")["stale"] and advisories(path) == kept, "nvd: empty is stale, and nothing is taken away")
    kinds = [k for (k,) in rows(path, "SELECT kind FROM ledger_record ORDER BY sequence") if k.startswith("feed.")]
    ok(kinds.count("feed.alarm") >= 3 and "feed.recovered" in kinds and "feed.accepted" in kinds, "alarms stand in the ledger", kinds)
    check(run("ledger", "verify", site=path), 0, "the ledger is in order")
    server.close()


def nvd_killed():
    """Killed with SIGKILL after some pages: the next run goes on there."""
    for after in (1, 3, 6):
        server = Server()
        server.nvd = Nvd(records())
        path = site("nvd-killed", nvd=nvd_feed(server, timeout="30s"))
        hold = {"until": after}
        process = None

        def stop():
            process.send_signal(signal.SIGKILL)
            return None
        server.nvd.faults = {after + 1: stop}
        process = subprocess.Popen([REFORGE, "-C", str(path), "feed", "sync"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
        process.wait(timeout=30)
        first = len(held(path, "nvd"))
        before = server.nvd.requests
        r = run("feed", "sync", "--json", site=path)
        again = [q for q in server.nvd.log[before:] if "lastModStartDate" not in q and int(q["resultsPerPage"]) > 1]
        exact(path, server.nvd, f"nvd: killed after page {after}: exact in the end")
        ok(process.returncode == -9 and r.status == 0 and first >= (after - 1) * 99 and int(again[0]["startIndex"]) == max(0, first - 1)
           and len(again) < 9 - after + 1, f"nvd: killed after page {after}: went on where it was ({first} records)", r, again)
        server.close()
        shutil.rmtree(path)


def nvd_limits():
    server = Server()
    server.nvd = Nvd(records(300), key="0f0f-secret")
    path = site("nvd-key", nvd=nvd_feed(server, api_key_file="keys/nvd", attempts=1, keywords=["tensorrt", "wording of 7."]))
    (path / "keys/nvd").write_text("wrong-secret\n")
    r = run("feed", "sync", site=path)
    check(r, 3, "nvd: a wrong key is told, not shown", "403", "Invalid apiKey", absent=("wrong-secret",))
    (path / "keys/nvd").write_text("0f0f-secret\n")
    check(run("feed", "sync", site=path), 0, "nvd: the right key, two queries")
    ok(len(held(path, "nvd")) == 300 and {q.get("keywordSearch") for q in server.nvd.log} == {"tensorrt", "wording of 7."},
       "nvd: each keyword is a query")
    # 6 requests in 3 s of a window of 30 s: the seventh waits. The window is long, so the wait is cut short by a signal.
    configure(path, nvd=nvd_feed(server, api_key_file="keys/nvd", requests_per_30s=3, page=50))
    db = sqlite3.connect(path / "reforge.db")
    db.execute("DELETE FROM feed_request")
    db.execute("DELETE FROM feed_cursor")
    db.commit()
    db.close()
    before, process = server.nvd.requests, None
    process = subprocess.Popen([REFORGE, "-C", str(path), "feed", "sync"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENV)
    time.sleep(2.5)
    asked = server.nvd.requests - before
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=10)
    ok(asked == 3, "nvd: no more requests than the window allows", f"{asked} requests")
    process = subprocess.Popen([REFORGE, "-C", str(path), "feed", "sync"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENV)
    time.sleep(1.0)
    asked = server.nvd.requests - before
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=10)
    ok(asked == 3, "nvd: also after a restart", f"{asked} requests")
    server.close()


# ---------------------------------------------------------------- CSAF provider

def csaf(number, title="t"):
    return json.dumps({"document": {"category": "csaf_security_advisory", "csaf_version": "2.0", "title": title,
        "publisher": {"category": "vendor", "name": "Example", "namespace": "https://example.com"},
        "tracking": {"id": f"EX-{number}", "status": "final", "version": "1", "initial_release_date": "2026-07-01T00:00:00Z",
                     "current_release_date": "2026-07-01T00:00:00Z", "revision_history": []}},
        "product_tree": {"branches": [{"category": "vendor", "name": "Example", "branches": [{"category": "product_name", "name": "Box",
            "branches": [{"category": "product_version", "name": "1.0", "product": {"name": "Box 1.0", "product_id": "P1"}}]}]}]},
        "vulnerabilities": [{"cve": f"CVE-2026-{40000 + number}", "product_status": {"known_affected": ["P1"]}}]}).encode()


def provider(server, count=30):
    for i in range(count):
        server.pages[f"/csaf/2026/ex-{i}.json"] = csaf(i)
        server.pages[f"/csaf/2026/ex-{i}.json.sha512"] = hashlib.sha512(csaf(i)).hexdigest().encode() + f"  ex-{i}.json\n".encode()
    relist(server, range(count))


def relist(server, numbers, day=1):
    server.pages["/csaf/index.txt"] = "".join(f"2026/ex-{i}.json\n" for i in numbers).encode()
    server.pages["/csaf/changes.csv"] = "".join(f'"2026/ex-{i}.json","2026-07-{day:02}T00:00:00Z"\n' for i in numbers).encode()
    server.pages["/.well-known/csaf/provider-metadata.json"] = json.dumps({"metadata_version": "2.0", "canonical_url": server.url,
        "publisher": {"name": "Example"}, "distributions": [{"directory_url": server.url + "/csaf/"}]}).encode()


def csaf_provider():
    server = Server()
    provider(server)
    server.pages["/csaf/2026/ex-3.json.sha512"] = b"0" * 128
    path = site("csaf", ex={"kind": "csaf-provider", "url": server.url, "retry_wait": "10ms", "attempts": 3})
    r = run("feed", "sync", site=path)
    check(r, 0, "csaf: a first sync, found by its host", "30 records", "ex-3.json", "not what its published hash says")
    s = standing(path, "ex")
    ok(len(s["wrong_hashes"]) == 1 and alarms(path, "ex") == {"hash"} and not s["stale"], "csaf: a wrong hash is kept, told and no reason to doubt", s)
    ok({f"CVE-2026-{40000 + i}" for i in range(30)} <= advisories(path), "csaf: all are in the store, that one too")
    server.paths.clear()
    check(run("feed", "sync", site=path), 0, "csaf: a second sync")
    ok(not [p for p in server.paths if "/2026/" in p], "csaf: nothing that the listing does not call changed is fetched", server.paths)
    server.pages["/csaf/2026/ex-3.json.sha512"] = hashlib.sha512(csaf(3)).hexdigest().encode()
    server.pages["/csaf/2026/ex-4.json"] = csaf(4, "new title")
    server.pages["/csaf/2026/ex-4.json.sha512"] = 404
    server.pages["/csaf/2026/ex-4.json.sha256"] = hashlib.sha256(csaf(4, "new title")).hexdigest().encode()
    relist(server, range(30), day=2)
    check(run("feed", "sync", site=path), 0, "csaf: dates changed")
    ok(not standing(path, "ex")["wrong_hashes"], "csaf: the hash was put right, SHA-256 does as well")
    # a document that is listed and cannot be had, then one that leaves the listing
    server.pages["/csaf/2026/ex-30.json"] = 500
    relist(server, range(31), day=2)
    check(run("feed", "sync", site=path), 3, "csaf: one document answers 500", "not complete", "ex-30.json")
    server.pages["/csaf/2026/ex-30.json"] = csaf(30)
    check(run("feed", "sync", site=path), 0, "csaf: the next run fetches it", "31 records")
    relist(server, range(20), day=2)
    check(run("feed", "sync", site=path), 3, "csaf: the listing shrinks", "alarm: shrunk")
    ok(f"CVE-2026-{40029}" in advisories(path) and standing(path, "ex")["missing"] == 11, "csaf: what it said stays")
    relist(server, range(31), day=2)
    check(run("feed", "sync", site=path), 0, "csaf: whole again")
    ok(not alarms(path, "ex"), "csaf: the alarm ended by itself")
    server.pages["/csaf/index.txt"] = b"../../etc/passwd\n"
    check(run("feed", "sync", site=path), 3, "csaf: a path that leaves the folder", "index.txt:1")
    server.close()


def csaf_rolie():
    server = Server()
    provider(server, 12)
    there = "https://csaf.example.invalid/csaf/"
    entry = lambda i: {"id": f"EX-{i}", "updated": "2026-07-01T00:00:00Z", "content": {"src": f"{there}2026/ex-{i}.json", "type": "application/json"},
                       "link": [{"rel": "self", "href": f"{there}2026/ex-{i}.json"}, {"rel": "hash", "href": f"{there}2026/ex-{i}.json.sha512"}]}
    server.pages["/csaf/feed.json"] = json.dumps({"feed": {"id": "f", "link": [{"rel": "self", "href": there + "feed.json"}],
                                                           "entry": [entry(i) for i in range(12)]}}).encode()
    server.pages["/meta/provider-metadata.json"] = json.dumps({"metadata_version": "2.0", "distributions": [
        {"directory_url": "../csaf"}, {"rolie": {"feeds": [{"url": "../csaf/feed.json", "tlp_label": "WHITE"}]}}]}).encode()
    path = site("rolie", ex={"kind": "csaf-provider", "url": server.url + "/meta/provider-metadata.json", "retry_wait": "10ms", "attempts": 2})
    check(run("feed", "sync", site=path), 0, "rolie: a mirror is served from the mirror", "12 records")
    ok("/csaf/index.txt" not in server.paths and "/csaf/2026/ex-1.json.sha512" in server.paths, "rolie: preferred to the folder, with its hashes")
    server.pages["/csaf/feed.json"] = b"{}"
    check(run("feed", "sync", site=path), 0, "rolie: a feed that is none, the folder does", "12 records")
    server.close()


def csaf_cisa():
    data = next((p for p in (os.environ.get("REFORGE_DATA"), ROOT / "../shared/data", ROOT / "../../shared/data")
                 if p and (pathlib.Path(p) / "corpora/csaf-cisa.tar.xz").exists()), None)
    if not data:
        return skip("csaf: CISA's own tree", "no ../shared/data")
    tree = folder() / "cisa"
    with tarfile.open(pathlib.Path(data) / "corpora/csaf-cisa.tar.xz") as t:
        t.extractall(tree, filter="data") if hasattr(tarfile, "data_filter") else t.extractall(tree)
    root = tree / "cisa-csaf"
    documents = {p for part in ("OT", "IT") for p in (root / f"csaf_files/{part}/white").rglob("*.json") if "-feed-" not in p.name}
    for name, distributions in [
        ("index.txt and changes.csv", lambda u: [{"directory_url": f"{u}/csaf_files/{part}/white/"} for part in ("OT", "IT")]),
        ("ROLIE", lambda u: [{"rolie": {"feeds": [{"url": f"{u}/csaf_files/{part}/white/cisa-csaf-{part.lower()}-feed-tlp-white.json"}]}}
                             for part in ("OT", "IT")])]:
        server = Server(folder=root)
        server.pages["/provider-metadata.json"] = json.dumps({"metadata_version": "2.0", "distributions": distributions(server.url)}).encode()
        path = site("cisa-" + name[:5].strip().lower(), cisa={"kind": "csaf-provider", "url": server.url + "/provider-metadata.json"})
        started = time.monotonic()
        r = run("feed", "sync", "--json", site=path, timeout=300)
        f = r.json()["feeds"][0]
        ok(f["complete"] and f["records"] == len(documents) and f["missing"] == 0, f"csaf: CISA's tree by {name}: all {len(documents)} documents "
           f"in {time.monotonic() - started:.1f} s, {f['requests']} requests", r)
        bad = sorted(p.name for p in documents if (h := p.with_name(p.name + ".sha512")).exists()
                     and h.read_text().split()[0] != hashlib.sha512(p.read_bytes()).hexdigest())
        ok(sorted(w["name"].split("/")[-1] for w in standing(path, "cisa")["wrong_hashes"]) == bad, f"csaf: {len(bad)} wrong hashes of CISA's shown")
        server.close()


# ---------------------------------------------------------------- git, single documents, folders

def osv(number, modified="2026-07-01T00:00:00Z"):
    return json.dumps({"schema_version": "1.6.0", "id": f"SITE-2026-{number}", "modified": modified, "summary": "s",
                       "affected": [{"package": {"ecosystem": "PyPI", "name": "onnx"}, "versions": ["1.0"]}]})


def git_feed():
    source = folder() / "upstream"
    source.mkdir()
    git = lambda *a: subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "core.hooksPath=/dev/null", "-C", source, *a], check=True,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    git("init", "-q", "-b", "main")
    for i in range(5):
        d = source / f"2026/{i}"
        d.mkdir(parents=True)
        (d / f"{i}.json").write_bytes(csaf(100 + i))
        (d / f"{i}.json.sha256").write_text(hashlib.sha256(csaf(100 + i) + (b"!" if i == 2 else b"")).hexdigest())
        (d / "README.md").write_text("for people\n")
    os.symlink("/etc/passwd", source / "2026/leak.json")        # comes as a file that names the target: one more, of no known format
    git("add", "-A")
    git("commit", "-qm", "one")
    path = site("git", vendor={"kind": "git", "url": str(source), "attempts": 2, "retry_wait": "10ms"})
    r = run("feed", "sync", site=path)
    check(r, 0, "git: a first sync", "6 records", "2026/2/2.json")
    ok([w["name"] for w in standing(path, "vendor")["wrong_hashes"]] == ["2026/2/2.json"], "git: the wrong hash is shown", standing(path, "vendor"))
    ok("CVE-2026-40102" in advisories(path), "git: and its advisory kept")
    (source / "2026/2/2.json.sha256").write_text(hashlib.sha256(csaf(102)).hexdigest())
    (source / "2026/5.json").write_bytes(csaf(105))
    git("add", "-A")
    git("commit", "-qm", "two")
    (path / "work/feeds/vendor/tree/.git/index.lock").write_text("")       # as a killed git leaves it
    check(run("feed", "sync", site=path), 0, "git: a second sync, over the lock of a killed one", "7 records")
    ok(not standing(path, "vendor")["wrong_hashes"] and "CVE-2026-40105" in advisories(path), "git: put right, and more")
    git("rm", "-rq", "2026/0", "2026/1")
    git("commit", "-qm", "three", "--amend")
    check(run("feed", "sync", site=path), 3, "git: files go, history is rewritten", "alarm: shrunk")
    ok("CVE-2026-40100" in advisories(path), "git: what they said stays")
    shutil.rmtree(path / "work/feeds/vendor/tree/.git/objects")
    check(run("feed", "sync", site=path), 3, "git: a broken clone is made anew", "alarm: shrunk", absent=("not complete",))
    shutil.rmtree(source)
    check(run("feed", "sync", site=path), 3, "git: the repository is gone", "not complete", "stays")


def single_document():
    server = Server()
    server.pages["/one.json"] = osv(1).encode()
    path = site("url", one={"kind": "url", "url": server.url + "/one.json?token=hunter2", "retry_wait": "10ms", "attempts": 2})
    check(run("feed", "sync", site=path), 0, "url: fetched", "1 records")
    r = run("feed", "sync", "--json", site=path)
    f = r.json()["feeds"][0]
    ok(f["bytes"] == 0 and f["records"] == 1 and r.status == 0, "url: unchanged by its ETag", r)
    server.pages["/one.json"] = b"<html>sign in to the hotel's network</html>"
    check(run("feed", "sync", site=path), 3, "url: another page than the document", absent=("hunter2",))
    server.pages["/one.json"] = b""
    check(run("feed", "sync", site=path), 3, "url: it turns empty", "alarm: empty", absent=("hunter2",))
    ok("SITE-2026-1" in advisories(path), "url: what it said stays")
    server.pages["/one.json"] = osv(1, "2026-07-02T00:00:00Z").encode()
    check(run("feed", "sync", site=path), 0, "url: back again")
    ok(not alarms(path, "one"), "url: no alarm is left")
    hosts = rows(path, "SELECT feed, origin FROM feed_host")
    ok(hosts == [("one", server.url)], "url: what was reached is remembered", hosts)
    server.pages["/one.json"] = 404
    check(run("feed", "sync", site=path), 3, "url: 404 is told without its secret", "404", absent=("hunter2",))
    server.close()


def packed_documents():
    """KEV, EPSS behind gzip, a zip of records: counted by what they list."""
    server = Server()
    kev = lambda n: json.dumps({"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.07.01",
        "dateReleased": "2026-07-01T00:00:00Z", "count": n, "vulnerabilities": [{"cveID": f"CVE-2026-{2000 + i}", "vendorProject": "v",
        "product": "p", "vulnerabilityName": "n", "dateAdded": "2026-07-01", "shortDescription": "s", "requiredAction": "r",
        "dueDate": "2026-08-01", "knownRansomwareCampaignUse": "Unknown", "notes": "", "cwes": []} for i in range(n)]}).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("README.md", "for people")
        for i in range(9):
            z.writestr(f"SITE-2026-{50 + i}.json", osv(50 + i))
    server.pages["/kev.json"] = kev(20)
    server.pages["/epss.csv.gz"] = gzip.compress(b"#model_version:v2025.03.14,score_date:2026-07-01T00:00:00+0000\ncve,epss,percentile\n"
                                                 b"CVE-2026-2000,0.00042,0.05\nCVE-2026-2001,0.5,0.9\n")
    server.pages["/all.zip"] = packed.getvalue()
    feeds = {n: {"kind": "url", "url": f"{server.url}/{f}", "retry_wait": "10ms", "attempts": 2}
             for n, f in (("kev", "kev.json"), ("epss", "epss.csv.gz"), ("osv", "all.zip"))}
    path = site("packed", **feeds)
    r = run("feed", "sync", "--json", site=path)
    counts = {f["feed"]: f["records"] for f in r.json()["feeds"]}
    ok(r.status == 0 and counts == {"kev": 20, "epss": 2, "osv": 9}, "packed: KEV, EPSS as gzip, OSV as zip", r)
    ok({f"SITE-2026-{50 + i}" for i in range(9)} <= advisories(path), "packed: the records of the zip are in the store")
    server.pages["/kev.json"] = kev(12)
    server.pages["/all.zip"] = packed.getvalue()[:700]
    r = run("feed", "sync", site=path)
    check(r, 3, "packed: KEV shrinks, the zip is cut short", "alarm: shrunk", "not complete")
    ok(alarms(path, "kev") == {"shrunk"} and standing(path, "kev")["stale"] and not alarms(path, "epss"), "packed: which one is stale is told")
    server.close()


def folders():
    path = site("folder", ours={"path": "feeds/ours"})
    check(run("feed", "sync", site=path), 3, "folder: not there", "not complete", "is not there")
    (path / "feeds/ours").mkdir(parents=True)
    check(run("feed", "sync", site=path), 3, "folder: empty", "alarm: empty")
    for i in range(4):
        (path / f"feeds/ours/{i}.json").write_text(osv(10 + i))
    check(run("feed", "sync", site=path), 0, "folder: filled", "4 records")
    (path / "feeds/ours/broken.json").write_text("{")
    check(run("feed", "sync", site=path), 3, "folder: one of five is broken", "alarm: unreadable", "broken.json")
    check(run("feed", "sync", "nobody", site=path), 2, "a feed that is not configured", "nobody")
    check(run("feed", "status", site=path), 3, "status for people", "ours", "stale", "unreadable", "as of", "limit")


def tls():
    if not shutil.which("openssl"):
        return skip("tls", "no openssl")
    d = folder()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", d / "tls.key",
                    "-out", d / "tls.pem", "-days", "2", "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(d / "tls.pem", d / "tls.key")
    server = Server(context=context)
    server.pages["/one.json"] = osv(1).encode()
    feed = {"kind": "url", "url": server.url + "/one.json", "retry_wait": "10ms", "attempts": 2}
    path = site("tls", one=feed)
    check(run("feed", "sync", site=path), 3, "tls: a certificate that nobody signed is refused", "not complete", "ca_file")
    configure(path, one=feed, network={"ca_file": str(d / "tls.pem")})
    check(run("feed", "sync", site=path), 0, "tls: with its authority it is taken", "1 records")
    configure(path, one={**feed, "url": feed["url"].replace("127.0.0.1", "localhost")}, network={"ca_file": str(d / "tls.pem")})
    check(run("feed", "sync", site=path), 3, "tls: another host than the certificate's is refused", "not complete")
    # a proxy of the configuration is used, one of the environment is not
    configure(path, one=feed, network={"ca_file": str(d / "tls.pem"), "proxy": "http://127.0.0.1:1"})
    check(run("feed", "sync", site=path), 3, "tls: through the proxy only", "not complete")
    configure(path, one={**feed, "proxy": "none"}, network={"ca_file": str(d / "tls.pem"), "proxy": "http://127.0.0.1:1"})
    check(run("feed", "sync", site=path, env={"https_proxy": "http://127.0.0.1:1"}), 0, "tls: proxy none, and the environment's is not looked at")
    server.close()


for group in (nvd_plain, nvd_faults, nvd_hopeless, nvd_killed, nvd_limits, csaf_provider, csaf_rolie, git_feed, single_document, packed_documents, folders, tls,
              csaf_cisa):
    if len(sys.argv) < 2 or group.__name__ in sys.argv[1:]:
        guarded(group)
done()
