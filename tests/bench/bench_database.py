"""Durable commits beside the disk's own speed; claims, appends and sealing beside themselves on a long history."""
import os, subprocess, tempfile
from bench import at_least, folder, program, remove

def database_steps():
    """commits, claims and ledger records on SQLite"""
    disk = folder("database")
    memory = tempfile.mkdtemp(prefix="reforge-database-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    try:
        run = subprocess.run([program("tests/bench/bench_database"), disk, memory], capture_output=True, text=True)
    finally:
        remove(disk)
        remove(memory)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip())
    value = {name: float(number) for name, number, _ in (line.split() for line in run.stdout.splitlines())}
    # a commit is one append to the WAL and one sync, now and then a checkpoint of 1,000 pages
    yield at_least("durable commits", value["sqlite_commits"], "/s", value["disk_syncs"],
                   f"{value['disk_syncs']:,.0f}/s write 4 KiB + fdatasync", 0.5)
    for name, long, short in (("claim, 200,000 rows", "claim_at_200k", "claim_at_1k"),
                              ("outcome, 200,000 rows", "outcome_at_200k", "outcome_at_1k"),
                              ("8 records, 160,000 waiting", "step_waiting_long", "step_waiting_short"),
                              ("8 records, 160,000 sealed", "step_sealed_long", "step_sealed_short"),
                              ("seal of 4,000, 160,000 sealed", "seal_step_long", "seal_step_short")):
        ratio = value[long] / value[short]
        yield (name, f"{value[long]:,.0f} us", f"{value[short]:,.0f} us on a short history", f"{ratio:.2f}", "<= 1.5", ratio <= 1.5)
    yield at_least("seal", value["seal"], "records/s", 20000, "20,000 engines x 8 in 8 s", 1.0)
    yield at_least("verify", value["verify"], "records/s", 50000, "20,000 engines x 8 in 3 s", 1.0)
