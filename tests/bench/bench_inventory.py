"""inventory: headers of many files, the digest of a large one."""
import os, subprocess
import bench

FILES = 100_000
LARGE = 4 << 30

def inventory_headers():
    """headers of 100,000 engine files, warm cache, one core"""
    where = bench.folder("headers")
    try:
        subprocess.run([bench.program("demo/specimen/reforge-specimen"), "--count", str(FILES), where], check=True)
        cpu = {sorted(os.sched_getaffinity(0))[0]}
        argv = [bench.program("reforge"), "scan", "--no-digest", "--threads", "1", "--json", where]
        bench.Run(argv, ok=(0, 3))                                   # warms the cache
        runs = [bench.Run(argv, cpus=cpu, ok=(0, 3)) for _ in range(5)]
        rate = FILES / bench.median([r.wall for r in runs])
        yield bench.at_least("headers of engine files", rate, "files/s", 100_000, "100,000 files/s a core", 1.0)
        yield bench.at_most("headers, peak memory", max(r.peak for r in runs) / 2**20, "MiB", 64, "64 MiB")
        tenth = [bench.Run(argv[:-1] + [os.path.join(where, f"{i:03d}")  for i in range(FILES // 10_000)], cpus=cpu, ok=(0, 3)).wall for _ in range(5)]
        growth = bench.median([r.wall for r in runs]) / 10 / bench.median(tenth)
        yield bench.at_most("headers, cost per file at 100,000 against 10,000", growth, "x", 1.3, "10,000 files")
    finally:
        bench.remove(where)

def inventory_digest():
    """a full scan of a 4 GiB file against openssl dgst -sha256"""
    where = bench.folder("digest")
    try:
        large = os.path.join(where, "large.plan")
        subprocess.run([bench.program("demo/specimen/reforge-specimen"), "--version", "10.13.3.9", "--size", str(LARGE), large], check=True)
        subprocess.run(["cat", large], stdout=subprocess.DEVNULL, check=True)
        scan = [bench.program("reforge"), "scan", "--json", large]
        ours, theirs = bench.in_turn(3, lambda: bench.Run(scan, ok=(0, 3)), lambda: bench.Run(["openssl", "dgst", "-sha256", large]))
        speed = LARGE / 2**20 / bench.median([r.wall for r in ours])
        peer = LARGE / 2**20 / bench.median([r.wall for r in theirs])
        yield bench.at_least("full scan of 4 GiB", speed, "MiB/s", peer, f"openssl dgst: {peer:,.0f} MiB/s", 0.9)
        yield bench.at_most("full scan of 4 GiB, peak memory", max(r.peak for r in ours) / 2**20, "MiB", 64, "64 MiB")
    finally:
        bench.remove(where)
