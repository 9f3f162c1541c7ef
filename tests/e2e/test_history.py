#!/usr/bin/env python3
"""history: the fleet of past moments, what happened to placements; a scan that is killed leaves the fleet before it or after it."""
import datetime, json, os, random, shutil, signal, sqlite3, subprocess, time
from tap import *
import fleet

def stamp():
    """A moment between two commands, and a little air on both sides of it."""
    time.sleep(0.01)
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="microseconds")
    time.sleep(0.01)
    return now

def paths(result):
    return sorted(os.path.relpath(line["path"], folder() / "site") for line in result.lines())

def listed(*more):
    return paths(run("inventory", "list", "--json", *more, site=folder() / "site"))

def past_moments():
    before = stamp()
    site = fleet.make(folder() / "site", REFORGE, BUILD, 3)                  # scanned, and the drill is in
    root = site / "fleet/service0"
    engines = [f"fleet/service0/m{i:05d}/1/model.onnx" for i in range(3)]
    first = stamp()
    shutil.rmtree(root / "m00000")                                           # rebuilt, moved, gone
    (root / "m00001").rename(root / "moved")
    source = fleet.stamped(fleet.model(2), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.22.0",
                                              "reforge.target": fleet.TARGET, "reforge.recipe": "m00002"})
    (root / "m00002/1/model.onnx").write_bytes(source)
    check(run("scan", site=site), 0, "it is another a while later", "1 new, 1 replaced, 2 gone")
    second = stamp()
    now = ["fleet/service0/m00002/1/model.onnx", "fleet/service0/moved/1/model.onnx"]
    ok(listed() == now, "what is there now", listed())
    ok(listed("--at", first) == engines, "what was there then", listed("--at", first))
    ok(listed("--at", second) == now and listed("--at", before) == [] and listed("--at", "365d") == [], "after it, before it, a year ago")
    old = [p["version"] for p in run("inventory", "list", "--json", "--at", first, site=site).lines()]
    ok(old == ["1.20.1"] * 3, "with the versions of that time", old)
    events = [(e["event"], os.path.relpath(e["path"], site)) for e in run("inventory", "list", "--history", "--json", site=site).lines()]
    ok(sorted(events) == sorted([("came", p) for p in engines] + [("went", engines[0]), ("moved", now[1]), ("replaced", engines[2])]),
       "what happened: came, replaced, moved, went", events)
    moved = [e for e in run("inventory", "list", "--history", "--json", site=site).lines() if e["event"] == "moved"][0]
    ok(moved["before"]["path"].endswith("m00001/1/model.onnx") and moved["before"]["sha256"] == moved["sha256"], "a move says from where", moved)
    check(run("inventory", "list", "--history", site=site), 0, "the same for people", "moved", "replaced", "was 1.20.1")
    # status and explain of then
    status = lambda *more: run("status", "--json", *more, site=site).json()
    drills = lambda s: [v["builder_drill"] for v in s["services"]]
    ok(drills(status("--at", first)) == [3] and drills(status("--at", before)) == [], "status of then: three exposed, and none before", status("--at", first))
    ok(drills(status()) == [1], "status of now: one is left", status())
    engine = site / engines[0]
    gone = run("explain", engine, "--at", first, "--json", site=site)
    ok(gone.status == 1 and [x["finding"] for x in gone.json()][0] == "affected", "explain says what a file was exposed to that is gone", gone)
    check(run("explain", engine, site=site), 2, "which is not there now", "nothing in the inventory")
    check(run("explain", engine, "--at", before, site=site), 2, "and was not there before", "nothing in the inventory was")
    shown = run("inventory", "show", site / engines[2], "--json", site=site).json()[0]
    ok([e["event"] for e in shown["history"]] == ["came", "replaced"] and shown["components"][0]["version"] == "1.22.0" and shown["inside"] == [],
       "show: what it holds and what happened there", shown)
    then = run("inventory", "show", site / engines[2], "--at", first, "--json", site=site).json()[0]
    ok(then["version"] == "1.20.1" and then["gone_at"], "show of then", then)
    check(run("inventory", "show", site / engines[2], site=site), 0, "show for people", "built by", "history", "replaced")
    # an unchanged fleet: the same answers, and nothing written for the placements
    database = sqlite3.connect(site / "reforge.db")
    rows = lambda: database.execute("SELECT * FROM inventory_placement ORDER BY id").fetchall()
    was = rows()
    check(run("scan", site=site), 0, "a scan of what is as before", "2 unchanged")
    ok(rows() == was, "writes no placement")
    database.close()

def wrong_moments():
    site = folder() / "site"
    for words, text in ((["--at", "tomorrow"], "is no moment"), (["--at", "2999-01-01"], "is still to come"),
                        (["--history", "--at", "1d"], "leave out --at")):
        check(run("inventory", "list", *words, site=site), 2, f"inventory list {' '.join(words)}", text)
    check(run("status", "--at", "x", site=site), 2, "status --at x", "is no moment")

def killed():
    """kill -9 at any moment: the placements are those of before or those of after, and counts agree with them."""
    site = fleet.make(folder() / "killed", REFORGE, BUILD, 150)
    random.seed(7)
    strange = []
    def state():
        db = sqlite3.connect(site / "reforge.db")
        open_ = sorted(db.execute("SELECT a.version, COUNT(*) FROM inventory_placement p JOIN inventory_use u ON u.id = p.use_id JOIN "
                                  "inventory_artifact a ON a.id = u.artifact_id WHERE p.gone_at IS NULL GROUP BY a.version").fetchall())
        drift = db.execute("SELECT COUNT(*) FROM inventory_use u WHERE placements <> (SELECT COUNT(*) FROM inventory_placement p WHERE "
                           "p.use_id = u.id AND p.gone_at IS NULL)").fetchone()[0]
        sound = db.execute("PRAGMA integrity_check").fetchone()[0]
        db.close()
        return open_, drift, sound
    for turn in range(12):
        version = f"1.{turn}.0"
        for i in range(150):
            path = site / f"fleet/service0/m{i:05d}/1/model.onnx"
            path.write_bytes(fleet.stamped(fleet.model(i), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": version,
                                                              "reforge.target": fleet.TARGET, "reforge.recipe": f"m{i:05d}"}))
        before = state()[0]
        p = subprocess.Popen([REFORGE, "-C", str(site), "scan"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
        time.sleep(random.uniform(0.0, 0.25))
        p.send_signal(signal.SIGKILL)
        p.wait()
        after, drift, sound = state()
        if after not in (before, [(version, 150)]) or drift or sound != "ok":
            strange.append((turn, before, after, drift, sound))
    ok(not strange, "a scan that is killed is whole or not at all", *strange)
    check(run("scan", site=site), 0, "and the next one brings it up to date", "150 engines")
    ok(state()[0] == [("1.11.0", 150)], "all of it", state())

for group in (past_moments, wrong_moments, killed):
    guarded(group)
done()
