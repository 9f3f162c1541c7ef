"""What the benches share: running programs as whole processes, medians, figures."""
import os, platform, resource, shutil, statistics, subprocess, tempfile, time

BUILD = None

def program(name):
    return os.path.join(BUILD, name)

def machine():
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    return f"machine: {model}, {os.cpu_count()} processors, Linux {platform.release().split('-')[0]}"

class Run:
    """One finished process: wall and processor seconds, peak memory in bytes."""
    def __init__(self, argv, cwd=None, env=None, cpus=None, ok=(0,), stdout=subprocess.DEVNULL):
        start = time.monotonic()
        p = subprocess.Popen(argv, cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=stdout,
                             stderr=subprocess.PIPE if stdout is subprocess.DEVNULL else None,
                             preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None)
        errors = p.stderr.read() if p.stderr else b""
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        self.wall = time.monotonic() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss * 1024
        self.status = p.returncode
        if ok is not None and p.returncode not in ok:
            raise RuntimeError(f"{argv[0]} {' '.join(argv[1:4])}… ended with {p.returncode}: {errors.decode(errors='replace')[-300:]}")

def in_turn(times, *functions):
    """Calls the functions A B A B … and gives a list of results for each: a slow moment hits both."""
    results = [[] for _ in functions]
    for _ in range(times):
        for i, function in enumerate(functions):
            results[i].append(function())
    return results

def median(values):
    return statistics.median(values)

def folder(prefix):
    base = os.environ.get("REFORGE_BENCH_DIR")
    return tempfile.mkdtemp(prefix=f"reforge-{prefix}-", dir=base)

def remove(path):
    shutil.rmtree(path, ignore_errors=True)

def at_least(name, value, unit, peer, peer_text, bar):
    """A ratio value / peer that must not fall below @bar."""
    ratio = value / peer
    return (name, f"{value:,.1f} {unit}", peer_text, f"{ratio:.2f}", f">= {bar}", ratio >= bar)

def at_most(name, value, unit, limit, limit_text):
    """A value that must not exceed @limit (same unit)."""
    return (name, f"{value:,.2f} {unit}", limit_text, f"{value / limit:.2f}", f"<= {limit:g} {unit}", value <= limit)
