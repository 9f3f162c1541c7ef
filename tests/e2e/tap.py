"""What the end-to-end tests share: the program, a temporary folder, TAP.

A script calls ok()/check() as often as it likes and done() at its end. The environment (tests/run sets it): REFORGE, the
program; REFORGE_BUILD, the developers' build with the stand-in toolchain.
"""
import atexit, json, os, pathlib, shutil, subprocess, sys, tempfile, traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFORGE = os.path.abspath(os.environ.get("REFORGE", ROOT / "build/reforge"))
BUILD = os.path.abspath(os.environ.get("REFORGE_BUILD", ROOT / "build-dev"))
ENV = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
_count = _failed = _skipped = 0
_folder = None

def folder():
    """One temporary folder a script, removed at its end."""
    global _folder
    if _folder is None:
        _folder = pathlib.Path(tempfile.mkdtemp(prefix="reforge-e2e-"))
        atexit.register(shutil.rmtree, _folder, ignore_errors=True)
    return _folder

def ok(good, name, *details):
    global _count, _failed
    _count += 1
    print(f"{'ok' if good else 'not ok'} {_count} - {name}".replace("\n", " "), flush=True)
    if not good:
        _failed += 1
        for d in details:
            for line in str(d).splitlines() or [""]:
                print("# " + line, flush=True)
    return bool(good)

def skip(name, why):
    global _count, _skipped
    _count += 1
    _skipped += 1
    print(f"ok {_count} - {name} # skip {why}", flush=True)

def done():
    print(f"1..{_count}")
    sys.exit(1 if _failed else 0)

def counted():
    """done() of a script that stands alone: what tests/run says of many, the last line says of its own."""
    print(f"1..{_count}\n{_count - _failed - _skipped} passed, {_failed} failed, {_skipped} skipped")
    sys.exit(1 if _failed else 0)

class Result:
    """What a run of the program gave: status, out, err as text (bytes that are no UTF-8 are escaped)."""
    def __init__(self, p):
        self.status, self.raw = p.returncode, p.stdout
        self.out = p.stdout.decode(errors="backslashreplace")
        self.err = p.stderr.decode(errors="backslashreplace")
    def json(self):
        return json.loads(self.raw)
    def lines(self):
        """NDJSON."""
        return [json.loads(line) for line in self.raw.splitlines() if line]
    def __str__(self):
        return f"status {self.status}\nstdout: {self.out[-3000:]}\nstderr: {self.err[-3000:]}"

def run(*args, site=None, cwd=None, env=None, user=None, timeout=120, program=None):
    command = [program or REFORGE] + (["-C", str(site)] if site else []) + [str(a) if not isinstance(a, bytes) else a for a in args]
    if user is not None:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    try:
        p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=cwd or folder(),
                           env={**ENV, **(env or {})}, timeout=timeout)
    except subprocess.TimeoutExpired as e:
        p = subprocess.CompletedProcess(command, -1, e.stdout or b"", (e.stderr or b"") + b"\nout of time")
    return Result(p)

def check(result, status, name, *texts, absent=()):
    """The exit status, and that every text stands in stdout or stderr (none of @absent does)."""
    both = result.out + result.err
    missing = [t for t in texts if t not in both]
    wrong = [t for t in absent if t in both]
    broken = [t for t in ("AddressSanitizer", "runtime error:", "LeakSanitizer") if t in result.err]
    return ok(result.status == status and not missing and not wrong and not broken, name,
              f"expected status {status}, texts {list(texts)}", f"missing: {missing}; not wanted: {wrong}{broken}", result)

def guarded(function):
    """Runs one group of checks; what it raises is a failed check, and the rest goes on."""
    try:
        function()
    except Exception:
        ok(False, f"{function.__name__} ran to its end", traceback.format_exc())

def as_root():
    # "/" must let others pass: in a system unpacked into a private folder it does not
    return os.geteuid() == 0 and shutil.which("setpriv") is not None and os.stat("/").st_mode & 1
