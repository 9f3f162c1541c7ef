"""gate_pod: what the gate in front of a pod costs, beside the hashing that it cannot do without; and what starting it costs."""
import os, pathlib, shutil, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import bench

ENGINES, ENGINE_BYTES = 20, 4 << 20

def static():
    """The program as it is shipped; built on demand."""
    program = pathlib.Path("build-gate/x86_64/reforge-gate").resolve()
    subprocess.run(["make", "--no-print-directory", "gate"], check=True, stdout=subprocess.DEVNULL)
    return str(program)

def make(where):
    """A site with its bundle, its signed release as a pod mounts it, and a mount of larger engines."""
    os.environ["REFORGE"], os.environ["REFORGE_BUILD"] = bench.program("reforge"), bench.BUILD
    import fleet, gate_site, tap
    site = gate_site.make(pathlib.Path(where), engines=2)
    mount = gate_site.mounted(site, pathlib.Path(where) / "release")
    engines = pathlib.Path(where) / "mount"
    for i in range(ENGINES):
        weights = fleet.field(9, os.urandom(ENGINE_BYTES))       # an initialiser, as far as a reader cares: bytes to hash
        fleet.put(engines / f"e{i:02}/1/model.onnx", fleet.stamped(fleet.model(1000 + i), **{
            "reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.22.0"}) + fleet.field(30, weights))
    return site, mount, engines

def gate_pod_engines():
    """20 engines of 4 MiB by the static program, against hashing the same files in one process; processor time on one processor"""
    where = bench.folder("gate-pod")
    try:
        program = static()
        site, mount, engines = make(where)
        files = sorted(str(p) for p in engines.rglob("model.onnx"))
        for f in files:
            pathlib.Path(f).read_bytes()
        by = ["--bundle", str(site.bundle), "--key", str(site.key), "--service", "service0", "--environment", "production", "--quiet"]
        one = {sorted(os.sched_getaffinity(0))[0]}                # hashing on one processor is what openssl does
        ours, theirs = bench.in_turn(
            30, lambda: bench.Run([program, "pod", str(engines), *by, "--allow-warnings"], cpus=one).cpu,
            lambda: bench.Run(["openssl", "dgst", "-sha256", *files], cpus=one).cpu)
        yield bench.at_most(f"gate pod, {ENGINES} engines, more than hashing", (bench.median(ours) - bench.median(theirs)) * 1000, "ms", 10,
                            f"openssl dgst: {bench.median(theirs) * 1000:.1f} ms")
        small = bench.median([bench.Run([program, "pod", str(mount), *by], cpus=one).cpu for _ in range(30)])
        yield bench.at_most("gate pod, a signed release of 2 small engines", small * 1000, "ms", 10, "start, bundle, papers, answers")
    finally:
        bench.remove(where)

def gate_pod_startup():
    """reforge-gate --help against an empty static program"""
    where = bench.folder("gate-startup")
    try:
        program = static()
        source, empty = os.path.join(where, "empty.c"), os.path.join(where, "empty")
        open(source, "w").write("int main(void) { return 0; }\n")
        subprocess.run(["gcc", "-O2", "-static", "-o", empty, source], check=True)
        ours, theirs = bench.in_turn(300, lambda: bench.Run([program, "--help"]).wall, lambda: bench.Run([empty]).wall)
        yield bench.at_most("reforge-gate --help, more than an empty static program", (bench.median(ours) - bench.median(theirs)) * 1000, "ms", 2,
                            f"empty: {bench.median(theirs) * 1000:.2f} ms")
        size = os.path.getsize(program) / (1 << 20)
        yield bench.at_most("size of reforge-gate", size, "MiB", 8, "not stripped")
    finally:
        bench.remove(where)
