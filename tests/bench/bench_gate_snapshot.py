"""gate_snapshot: what the gate knows, from 1,000 to 1,000,000 contents: a request, memory, bytes, loading, building."""
import os, subprocess, sys
import bench

SIZES = (1_000, 10_000, 100_000, 1_000_000)
TIMES = 3

def run(*words):
    p = subprocess.run([bench.program("tests/bench/bench_gate_snapshot"), *words], capture_output=True, text=True)
    if p.returncode != 0:
        raise RuntimeError(p.stderr.strip())
    return {name: float(number) for name, number, _ in (line.split() for line in p.stdout.splitlines())}

def gate_snapshot_sizes():
    """a request as fast among a million as among a thousand"""
    where = bench.folder("gate")
    try:
        file = os.path.join(where, "snapshot")
        runs = bench.in_turn(TIMES, *[lambda n=n: run("size", str(n), file) for n in SIZES])
        value = {n: {k: bench.median([r[k] for r in runs[i]]) for k in runs[i][0]} for i, n in enumerate(SIZES)}
        for n in SIZES:
            print(f"   {n:,}: " + ", ".join(f"{k} {v:.4g}" for k, v in value[n].items()), file=sys.stderr, flush=True)
        small, large = value[SIZES[0]], value[SIZES[-1]]
        def each(key, unit):
            return "; ".join(f"{n // 1000:,} k: {value[n][key]:,.3g} {unit}" for n in SIZES[:-1])
        # Bars in us of p50 and p99, a part of a request's few hundred. A thousand contents lie in the processor's cache, a
        # million do not: that may add no more than a tenth of what TLS and the object cost.
        for kind, what, p50, p99 in (("content", "a digest", 10, 100), ("image", "an image by tag, 40 parts", 100, 150), ("model", "a place", 15, 30)):
            found = f"{large[kind + '_findings']:.0f} findings; "
            yield bench.at_most(f"{what}, p50 at 1,000,000", large[kind + "_p50"], "us", p50, found + each(kind + "_p50", "us"))
            yield bench.at_most(f"{what}, p99 at 1,000,000", large[kind + "_p99"], "us", p99, each(kind + "_p99", "us"))
            for q, most in (("p50", 10), ("p99", 20)):
                yield bench.at_most(f"{what}, {q}: what a million contents add", large[f"{kind}_{q}"] - small[f"{kind}_{q}"], "us", most,
                                    "against 1,000")
        yield bench.at_most("memory, a content with its place", large["memory"], "B", 256, each("memory", "B"))
        yield bench.at_most("bytes, a content with its place", large["bytes"], "B", 160, each("bytes", "B"))
        yield bench.at_most("loading 1,000,000 contents, judged anew", large["read"] / 1e3, "s", 3, each("read", "ms"))
        yield bench.at_most("writing 1,000,000 contents", large["write"] / 1e3, "s", 5, each("write", "ms"))
    finally:
        bench.remove(where)

def gate_snapshot_build():
    """out of a database, all and a part"""
    where = bench.folder("gate")
    try:
        value = {}
        for n in (100_000, 1_000_000):
            path = os.path.join(where, f"{n}.db")
            run("fill", "sqlite:" + path, str(n))
            value[n] = run("build", "sqlite:" + path, where)
            print(f"   {n:,}: " + ", ".join(f"{k} {v:.4g}" for k, v in value[n].items()), file=sys.stderr, flush=True)
            os.remove(path)
        large, small = value[1_000_000], value[100_000]
        yield bench.at_most("building 1,000,000 contents out of SQLite", large["build"] / 1e3, "s", 20, f"100 k: {small['build']:,.0f} ms")
        yield bench.at_most("building a part: one digest of 1,000,000", large["part"], "ms", 50, f"100 k: {small['part']:,.1f} ms")
    finally:
        bench.remove(where)
