"""A real PostgreSQL for end-to-end tests: in a folder of its own, on a unix socket only, stopped at the script's end.

start() gives its URL, or None and why there is none. initdb refuses root, so as root all of it runs as user nobody; where "/"
keeps others out, with the one capability that lets it read (as tests/unit/postgresql.h does it).
"""
import atexit, glob, os, pathlib, pwd, shutil, signal, subprocess, tempfile, time

def as_server(folder):
    if os.geteuid() != 0: return []
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    closed = [] if os.stat("/").st_mode & 1 else ["--securebits=+no_setuid_fixup", "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
                                                  "--bounding-set=-all,+dac_read_search"]
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *closed]

def start():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    if not found: return None, "no PostgreSQL is installed (setup/packages)"
    if os.geteuid() == 0 and not shutil.which("setpriv"): return None, "setpriv is not installed"
    bin, where = found[-1], pathlib.Path(tempfile.mkdtemp(prefix="reforge-pg-"))
    atexit.register(shutil.rmtree, where, ignore_errors=True)
    user = as_server(where)
    run = lambda *a: subprocess.run([*user, *a], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=where)
    p = run(f"{bin}/initdb", "-D", where / "data", "-U", "reforge", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    if p.returncode: return None, "initdb: " + p.stdout.decode(errors="replace").strip().splitlines()[-1]
    server = subprocess.Popen([*user, f"{bin}/postgres", "-D", where / "data", "-k", where, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=where)
    def stop():
        server.send_signal(signal.SIGINT)
        server.wait()
    atexit.register(stop)
    for _ in range(600):
        if server.poll() is not None: return None, f"postgres ended with {server.returncode}"
        if run(f"{bin}/pg_isready", "-q", "-h", where).returncode == 0: return f"postgresql://reforge@/postgres?host={where}", None
        time.sleep(0.05)
    return None, "postgres does not answer"
