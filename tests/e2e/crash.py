#!/usr/bin/env python3
"""Kills the real program at random moments of a response and checks that the end is right.

    tests/e2e/crash.py [--rounds N] [--engines N] [--services N] [--seed N]      REFORGE, REFORGE_BUILD as in tests/run

A round: the same fresh workspace; respond is started and killed by SIGKILL one to four times, at moments drawn evenly over
the time that it takes undisturbed (every fifth round a second respond runs beside it); then it runs to its end. Checked:
every engine proven with one attempt, one release a service and no other folder, the channel on it, every published file and
signature good, the ledger whole with one record of each publication, no work left, no task's folder left. Prints TAP.
"""
import argparse, os, pathlib, random, shutil, signal, sqlite3, subprocess, sys, tempfile, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fleet

ROOT = fleet.ROOT
REFORGE = os.environ.get("REFORGE", str(ROOT / "build/reforge"))
BUILD = os.environ.get("REFORGE_BUILD", str(ROOT / "build"))

class Wrong(Exception):
    pass

def start(site):
    return subprocess.Popen([REFORGE, "-C", str(site), "respond", fleet.DRILL, "--quiet"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

def wait(process):
    errors = process.stderr.read().decode(errors="replace")
    return process.wait(), errors

def restore(template, site):
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(template, site, symlinks=True)

def kill_some(site, duration, draw, beside):
    for _ in range(draw.randint(1, 4)):
        victims = [start(site) for _ in range(2 if beside else 1)]
        time.sleep(draw.uniform(0, duration))
        for v in victims[:1 if draw.random() < 0.5 else 2]:
            v.send_signal(signal.SIGKILL)
        for v in victims:
            status, errors = wait(v)
            if status not in (0, -signal.SIGKILL):
                raise Wrong(f"a response beside a killed one ended with {status}: {errors}")
        half = subprocess.run([REFORGE, "-C", str(site), "depot", "verify"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if half.returncode not in (0,):
            raise Wrong(f"after a kill depot verify says {half.returncode}: {half.stdout.decode(errors='replace')}")

def one(db, sql):
    return db.execute(sql).fetchone()[0]

def expect(what, found, wanted):
    if found != wanted:
        raise Wrong(f"{what}: {found!r}, not {wanted!r}")

def check(site, engines, services):
    for command in (["depot", "verify"], ["ledger", "verify"]):
        p = subprocess.run([REFORGE, "-C", str(site), *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode:
            raise Wrong(f"{' '.join(command)} ended with {p.returncode}: {p.stdout.decode(errors='replace')}")
    db = sqlite3.connect(f"file:{site}/reforge.db?mode=ro", uri=True)
    expect("incidents", one(db, "SELECT COUNT(*) FROM incident"), 1)
    expect("tasks", one(db, "SELECT COUNT(*) FROM task"), engines)
    expect("proven", one(db, "SELECT COUNT(*) FROM task WHERE state = 'proven' AND attempt = 1"), engines)
    expect("counted as proven", one(db, "SELECT SUM(proven) FROM incident_environment"), engines)
    expect("counts of other states", one(db, "SELECT SUM(planned + building + built + failed + blocked) FROM release_plan"), 0)
    expect("published", one(db, "SELECT COUNT(*) FROM release_plan WHERE published_at IS NOT NULL"), services)
    expect("rollouts", one(db, "SELECT COUNT(*) FROM rollout WHERE state = 'published'"), services)
    expect("unfinished work", one(db, "SELECT COUNT(*) FROM work_item WHERE state <> 2"), 0)
    expect("records of publications", one(db, "SELECT COUNT(*) FROM ledger_record WHERE kind = 'release.published'"), services)
    expect("records of proofs", one(db, "SELECT COUNT(*) FROM ledger_record WHERE kind = 'task.proven'"), engines)
    expect("records waiting", one(db, "SELECT COUNT(*) FROM ledger_waiting"), 0)
    names = {r[0]: r[1] for r in db.execute("SELECT service, release FROM release_plan")}
    for service, name in names.items():
        folder = site / "depot/releases" / service
        expect(f"releases of {service}", sorted(p.name for p in folder.iterdir() if not p.name.startswith(".lock")), [name])
        expect(f"candidate of {service}", (site / "depot/channels" / service / "production/candidate").resolve().name, name)
        expect(f"engines of {service}", len(list((folder / name).glob("*/*/*/1/model.onnx"))),
               sum(1 for i in range(engines) if f"service{i % services}" == service))
    expect("folders of tasks", [p.name for p in (site / "work").iterdir()], [])
    db.close()

def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--engines", type=int, default=8)
    options.add_argument("--services", type=int, default=2)
    options.add_argument("--seed", type=int, default=int(time.time()))
    o = options.parse_args()
    draw = random.Random(o.seed)
    where = pathlib.Path(tempfile.mkdtemp(prefix="reforge-crash-"))
    site, template = where / "site", where / "template"
    fleet.make(site, REFORGE, BUILD, o.engines, o.services)
    shutil.copytree(site, template, symlinks=True)
    begin = time.monotonic()
    status, errors = wait(start(site))
    duration = time.monotonic() - begin
    print(f"1..{o.rounds + 1}\n# seed {o.seed}, undisturbed {duration:.2f} s", flush=True)
    bad = 0
    for i in range(o.rounds + 1):
        try:
            if i > 0:
                restore(template, site)
                kill_some(site, duration, draw, i % 5 == 0)
                status, errors = wait(start(site))
            if status:
                raise Wrong(f"the last response ended with {status}: {errors}")
            check(site, o.engines, o.services)
            print(f"ok {i + 1} - {'killed and run again' if i else 'undisturbed'}", flush=True)
        except Wrong as wrong:
            bad += 1
            kept = where / f"round-{i}"
            shutil.copytree(site, kept, symlinks=True)
            print(f"not ok {i + 1} - round {i}\n# {wrong}\n# workspace kept in {kept}", flush=True)
    if not bad:
        shutil.rmtree(where)
    sys.exit(1 if bad else 0)

if __name__ == "__main__":
    main()
