"""response: what reforge itself costs for each engine, when the toolchain only copies."""
import os, shutil, sqlite3, sys, time
import bench

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import fleet

def bwrap_seconds(times=100):
    """The isolation's own cost: bubblewrap with everything unshared, starting `true`."""
    argv = ["bwrap", "--unshare-all", "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
            "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev", "--die-with-parent", "true"]
    return bench.median([bench.Run(argv).wall for _ in range(times)])

def engine_seconds(where, engines):
    """Seconds an engine of one response, isolated, every transition durable; and the cost of bwrap around it. The recipes do
    not judge speed (a copy has none), so that latencies are measured for the record, beside other work."""
    site = fleet.make(os.path.join(where, f"fleet-{engines}"), bench.program("reforge"), bench.BUILD, engines, services=4, performance=False)
    before = bwrap_seconds()
    start = time.monotonic()
    bench.Run([bench.program("reforge"), "-C", str(site), "respond", fleet.DRILL, "--quiet"])
    took = (time.monotonic() - start) / engines
    after = bwrap_seconds()
    db = sqlite3.connect(f"file:{site}/reforge.db?mode=ro", uri=True)
    proven, published = db.execute("SELECT SUM(proven), SUM(published) FROM incident_environment").fetchone()
    db.close()
    shutil.rmtree(site)
    if (proven, published) != (engines, 4):
        raise RuntimeError(f"{proven} of {engines} engines were proven, {published} of 4 releases published")
    return took, (before + after) / 2

def response_engines():
    """a response over 2,000 engines and over 20,000 (REFORGE_BENCH_ENGINES: other numbers, "2000,20000")"""
    where = bench.folder("response")
    try:
        numbers = [int(n) for n in os.environ.get("REFORGE_BENCH_ENGINES", "2000,20000").split(",")]
        first, bwrap = engine_seconds(where, numbers[0])
        yield bench.at_most(f"respond, {numbers[0]:,} engines, each", first * 1000, "ms", 4 * bwrap * 1000 + 8,
                            f"4 x bwrap true ({bwrap * 1000:.1f} ms) + 8 ms")
        for n in numbers[1:]:
            more, now = engine_seconds(where, n)
            # the machine may have been slower meanwhile: what bwrap cost then and now says by how much
            yield bench.at_most(f"respond, {n:,} engines, each", more * 1000, "ms", 1.3 * first * 1000 * max(1, now / bwrap),
                                f"1.3 x that of {numbers[0]:,}")
    finally:
        bench.remove(where)
