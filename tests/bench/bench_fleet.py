"""fleet: 10,000, 100,000 and 1,000,000 placements, judged by the advisories of the corpora."""
import glob, os, shutil, subprocess, sys
import bench

SHARED = os.environ.get("REFORGE_DATA") or os.path.join("..", "shared", "data")
SIZES = (10_000, 100_000, 1_000_000)

def corpora():
    """What the shared data have; without them the fleet is judged by the bench's own advisories only."""
    found = sorted(glob.glob(os.path.join(SHARED, "corpora", "*.tar.xz")))
    csaf = os.path.join(SHARED, "advisories", "nvidia-csaf.tar.xz")
    return found + ([csaf] if os.path.exists(csaf) else [])

def run(*words):
    p = subprocess.run([bench.program("tests/bench/bench_fleet"), *words], capture_output=True, text=True)
    if p.returncode != 0:
        raise RuntimeError(p.stderr.strip())
    return {name: float(number) for name, number, _ in (line.split() for line in p.stdout.splitlines())}

def fleet_sqlite():
    """what a fleet costs, at three sizes"""
    where = bench.folder("fleet")
    try:
        base = os.path.join(where, "base.db")
        documents = corpora()
        run("import", "sqlite:" + base, *documents)
        values = {}
        for n in SIZES:
            path = os.path.join(where, f"{n}.db")
            shutil.copy(base, path)
            values[n] = run("fleet", "sqlite:" + path, str(n))
            print(f"   {n:,}: " + ", ".join(f"{k} {v:g}" for k, v in values[n].items()), file=sys.stderr, flush=True)
            os.remove(path)
        large, small = values[SIZES[-1]], values[SIZES[0]]
        said = "all corpora" if documents else "no corpora at hand"
        def each(key, unit):
            return "; ".join(f"{n // 1000:,} k: {values[n][key]:,.3g} {unit}" for n in SIZES[:-1])
        yield bench.at_most("1,000,000 placements, a placement", large["bytes"], "B", 1024, each("bytes", "B"))
        yield bench.at_most("exposure of all, first time", large["exposure_first"] / 1e3, "s", 5, f"{said}; " + each("exposure_first", "ms"))
        yield bench.at_most("one new advisory", large["one_advisory"], "ms", 200, each("one_advisory", "ms"))
        yield bench.at_most("report of an unchanged host", large["report_unchanged"], "ms", 5, each("report_unchanged", "ms"))
        yield bench.at_most("report of a changed host", large["report_changed"], "ms", 20, each("report_changed", "ms"))
        yield bench.at_most("affected placements of a product, by service", large["product_sums"], "ms", 200,
                            f"{large['product_exposures']:,.0f} exposures; " + each("product_sums", "ms"))
        yield bench.at_most("affected placements, each", large["affected_list"], "ms", 200,
                            f"{large['affected_rows']:,.0f} rows; " + each("affected_list", "ms"))
        yield bench.at_most("state of all services", large["services"], "ms", 200, each("services", "ms"))
        yield bench.at_most("freezing the baseline", large["baseline_freeze"] / 1e3, "s", 5,
                            f"{large['baseline_debts']:,.0f} debts of {large['baseline_holders']:,.0f} engines and components; " + each("baseline_freeze", "ms"))
        yield bench.at_most("the baseline, a placement", large["baseline_bytes"], "B", 64, each("baseline_bytes", "B"))
        yield bench.at_most("reading the baseline", large["baseline_load"], "ms", 500, each("baseline_load", "ms"))
        yield bench.at_most("what excuses each exposure", large["excuse_count"], "ms", 2000, each("excuse_count", "ms"))
        yield bench.at_most("a refresh that settles debts, 50 hosts changed", large["refresh_settling"], "ms", 1000, each("refresh_settling", "ms"))
        # what does not grow with the fleet is compared as it is: judged once, not per placement
        growth = large["one_advisory"] / small["one_advisory"]
        yield bench.at_most("one new advisory, at 1,000,000 against 10,000", growth, "x", 3, "100 times the placements")
    finally:
        bench.remove(where)

def fleet_postgresql():
    """the same on a PostgreSQL of its own, 100,000 placements, by the bench's own advisories"""
    value = run("postgresql", "100000")
    if not value:
        raise RuntimeError("no PostgreSQL is installed")
    yield bench.at_most("PostgreSQL: 100,000 placements, a placement", value["bytes"], "B", 1024, "1 KiB")
    yield bench.at_most("PostgreSQL: one new advisory", value["one_advisory"], "ms", 200, "200 ms")
    yield bench.at_most("PostgreSQL: report of an unchanged host", value["report_unchanged"], "ms", 5, "5 ms")
    yield bench.at_most("PostgreSQL: affected placements of a product, by service", value["product_sums"], "ms", 200, "200 ms")
