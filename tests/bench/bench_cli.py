"""cli: what it costs to start the program."""
import os, subprocess
import bench

def cli_startup():
    """reforge --help against an empty static program"""
    where = bench.folder("startup")
    try:
        source, empty = os.path.join(where, "empty.c"), os.path.join(where, "empty")
        open(source, "w").write("int main(void) { return 0; }\n")
        subprocess.run(["gcc", "-O2", "-static", "-o", empty, source], check=True)
        ours, theirs = bench.in_turn(150, lambda: bench.Run([bench.program("reforge"), "--help"]).wall, lambda: bench.Run([empty]).wall)
        more = (bench.median(ours) - bench.median(theirs)) * 1000
        yield bench.at_most("help, more than an empty static program", more, "ms", 10, f"empty: {bench.median(theirs) * 1000:.2f} ms")
    finally:
        bench.remove(where)
