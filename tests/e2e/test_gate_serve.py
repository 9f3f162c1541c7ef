#!/usr/bin/env python3
"""`gate serve`: reviews over TLS by a bundle and by a workspace, certificates of both sides, what hostile clients get, and that
others do not notice them. The bundle is the world of the table of decisions (program gate-world)."""
import json, os, pathlib, re, resource, shutil, signal, socket, ssl, subprocess, sys, threading, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import gate_server
from gate_server import Server, certificates, context
from tap import BUILD, ROOT, check, done, folder, guarded, ok, run, skip

WORLD = pathlib.Path(BUILD, "tests/unit/gate/gate-world")
BAD, CLEAN = "registry.example/site/engine:1", "registry.example/site/clean:1"

class Client(gate_server.Client):
    def review(self, *args, **more):
        return self.answer(review(*args, **more))

def pod(image, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "prod"}, "spec":
            {"containers": [{"name": "server", "image": image, "env": [{"name": "TOKEN", "value": "very-secret"}]}], **spec}}

def review(image, operation="CREATE", namespace="prod", old=None, dry=False):
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "705ab4f5", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": namespace, "name": "p", "operation": operation, "userInfo": {"username": "alice"}, "dryRun": dry,
        "object": pod(image) if operation != "DELETE" else None, "oldObject": pod(old) if old else None}}).encode()

def bundle_options():
    return ["--bundle", folder() / "world/bundle", "--key", folder() / "world/release.pub.pem", "--environment", "production"]

# ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

def usage():
    tls = ["--certificate", folder() / "first.pem", "--certificate-key", folder() / "first.key"]
    for options, text in (([], "--certificate"), (tls + ["--listen", "8443"], "ADDRESS:PORT"), (tls + ["--listen", "somewhere:1"], "no address"),
                          (tls + ["--client-name", "a"], "--client-ca"), (tls + ["--every", "10ms"], "--every")):
        check(run("gate", "serve", *bundle_options(), *options), 2, f"gate serve {' '.join(map(str, options[-2:]))} is refused", text)
    for wrong in ("prodution", "lab=prodution"):
        check(run("gate", "serve", *tls, "--listen", "127.0.0.1:0", *bundle_options(), "--environment", wrong), 2, f"--environment {wrong} is refused",
              'nobody knows "prodution"', "production")
    check(run("gate", "serve", *tls, "--bundle", folder() / "world/bundle"), 2, "a bundle without its key is refused", "go together")
    check(run("gate", "serve", *tls, "--listen", "127.0.0.1:0", "--bundle", folder() / "first.pem", "--key", folder() / "world/release.pub.pem"), 2,
          "what is no bundle is refused at the start")

def answers():
    s = Server(*bundle_options(), "--exempt", "lab")
    c = Client(s)
    ok(c.ask("GET", "/healthz")[0] == 200 and c.ask("GET", "/readyz")[0] == 200, "healthy and ready")
    a = c.review(CLEAN)
    ok(a["allowed"] and a["uid"] == "705ab4f5", "a clean image is admitted", a)
    a = c.review(BAD)
    message = a["status"]["message"]
    ok(a["allowed"] is False and a["status"]["code"] == 403, "an image with a vulnerable engine is denied", a)
    ok(all(t in message for t in ("Pod prod/p", "container server", BAD, "CVE-2099-", "affects tensorrt 10.", "(what built it)", "Next: ")),
       "the message names container, image, advisory, builder and next step", message)
    ok(a["auditAnnotations"]["decision"] == "deny" and "CVE-2099-" in a["auditAnnotations"]["advisories"], "audit annotations", a)
    a = c.review(BAD, dry=True)
    ok(a["allowed"] is False, "a dry run is answered the same", a)
    a = c.review(BAD, "UPDATE", old=BAD)
    ok(a["allowed"] and any("runs already" in w for w in a["warnings"]) and all(len(w) <= 120 for w in a["warnings"]),
       "an update that changes no image is admitted with a warning", a)
    ok(c.review(BAD, "UPDATE", old=CLEAN)["allowed"] is False, "an update to a vulnerable image is denied")
    ok(c.review(CLEAN, "UPDATE", old=BAD)["allowed"] is True, "an update away from it is admitted")
    ok(c.review(BAD, "DELETE", old=BAD)["allowed"] is True, "deleting it is admitted")
    ok(c.review(BAD, namespace="kube-system")["allowed"] and c.review(BAD, namespace="lab")["allowed"], "exempt namespaces are not judged")
    a = c.review("registry.example/never:seen")
    ok("unknown_subject" in json.dumps(a), "an image that was never seen says so", a)
    ok(s.wait_for("deny: CREATE Pod prod/p by alice: "), "denials are logged", s.said())
    ok("very-secret" not in s.said(), "the log holds no environment variable")
    metrics = c.ask("GET", "/metrics")[2].decode()
    ok('reviews_total{decision="deny"} 3' in metrics and "snapshot_ready 1" in metrics, "metrics count", metrics)
    if shutil.which("promtool"):
        p = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True)
        ok(p.returncode == 0, "promtool reads the metrics", p.stdout + p.stderr)
    begin = time.monotonic()
    s.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    ok(c.ask("GET", "/readyz")[0] == 503 and c.review(CLEAN)["allowed"], "while it drains it is not ready, and still answers")
    ok(s.process.wait(20) == 0 and time.monotonic() - begin > 0.9, "it ends with 0 after the drain")

def kserve():
    """Every way in which a service of KServe, and a pod made for it, names an image or a model."""
    s = Server(*bundle_options())
    c = Client(s)
    def told(kind, spec, **meta):
        r = json.loads(review(CLEAN))
        r["request"]["kind"]["kind"] = kind
        r["request"]["object"] = {"apiVersion": "v1" if kind == "Pod" else "serving.kserve.io/v1beta1", "kind": kind,
                                  "metadata": {"name": "p", "namespace": "prod", **meta}, "spec": spec}
        return json.loads(c.ask("POST", "/admission", json.dumps(r).encode())[2])["response"]
    def model(**more):
        return {"predictor": {"model": {"image": CLEAN, **more}}}
    for spec in (model(image=BAD), {"predictor": {"triton": {"image": BAD}}}, {"predictor": {"workerSpec": {"containers": [{"name": "w", "image": BAD}]}}},
                 {"transformer": {"containers": [{"name": "t", "image": BAD}]}}, model(storageUri="oci://" + BAD)):
        a = told("InferenceService", spec)
        ok(a["allowed"] is False and "CVE-2099-" in a["status"]["message"], f"a vulnerable image in {json.dumps(spec)[:60]} is denied", a)
    a = told("InferenceService", model())
    ok(a["allowed"] and not a.get("warnings"), "a clean one is admitted without a word", a)
    never = "s3://never/seen"
    fetch = [{"name": "storage-initializer", "image": CLEAN, "args": ["s3://other/x", "/mnt/x", never, "/mnt/models"]}]
    for where, kind, spec, meta in (
            ("storageUri", "InferenceService", model(storageUri=never), {}), ("storageUri", "InferenceService", model(storage={"path": "seen", "parameters": {"type": "s3", "bucket": "never"}}), {}),
            ("storageUri", "InferenceService", {"predictor": {"storageUris": [{"uri": never}]}}, {}), ("argument --model", "InferenceService", model(args=["--model=" + never]), {}),
            ("env MODEL", "InferenceService", model(env=[{"name": "MODEL", "value": never}]), {}),
            ("argument --engine", "InferenceService", {"predictor": {"workerSpec": {"containers": [{"name": "w", "image": CLEAN, "args": ["--engine", never]}]}}}, {}),
            ("annotation x/model", "InferenceService", {"predictor": {"annotations": {"x/model": never}}}, {}),
            ("argument of storage-initializer", "Pod", {"containers": [{"name": "c", "image": CLEAN}], "initContainers": fetch}, {}),
            ("annotation internal.serving.kserve.io/storage-initializer-sourceuri", "Pod", {"containers": [{"name": "c", "image": CLEAN}]}, {"annotations": {"internal.serving.kserve.io/storage-initializer-sourceuri": never}})):
        a = told(kind, spec, **meta)
        ok(f"reforge: {where}: unknown_subject" in a.get("warnings", []), f"a model that nobody knows, by {where} of {json.dumps(spec)[:50]}, is told", a)
    def pod(volume, *containers, **more):
        return {"containers": [{"name": f"c{i}", "image": CLEAN, **x} for i, x in enumerate(containers)], "volumes": [{"name": "v", **volume}, {"name": "e", "emptyDir": {}}], **more}
    at, claim = {"volumeMounts": [{"name": "v", "mountPath": "/m"}]}, {"persistentVolumeClaim": {"claimName": "never"}}
    a_plan, tokens = ["--engine=/m/a.plan"], {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    for what, spec, unknown in (
            ("on a claim", pod(claim, {"args": a_plan, **at}), True), ("on a disk of any kind", pod({"rbd": {"image": "x"}}, {"args": a_plan, **at}), True),
            ("by a variable", pod(claim, {"args": ["--engine=$(D)/a.plan"], "env": [{"name": "D", "value": "/m"}], **at}), True),
            ("by a variable that a Secret gives", pod(claim, {"args": ["--engine=$(D)"], "env": [{"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}), True),
            ("in a folder that a variable names", pod(claim, {"args": a_plan, "volumeMounts": [{"name": "v", "mountPath": "/m", "subPathExpr": "$(X)"}]}), True),
            ("in a line for a shell", pod(claim, {"command": ["sh", "-c", "exec tritonserver --model-repository=s3://never/seen"]}), True),
            ("beside another container's mounts", pod(claim, {"args": a_plan, **at}, {"volumeMounts": [{"name": "e", "mountPath": "/m/a.plan"}]}), True),
            ("on its own scratch", pod({"emptyDir": {}}, {"args": a_plan, **at}), False), ("beside its token", pod(tokens, {"args": ["--engine=/opt/a.plan"], **at}), False),
            ("in its image", pod(claim, {"args": ["--engine=/opt/a.plan"], **at}), False),
            ("a server of models with its key", pod({"secret": {"secretName": "tls"}}, {"args": ["--model-server-key-file=/m/tls.key"], **at}), False)):
        a = told("Pod", spec)
        ok(a["allowed"] and any("unknown_subject" in w for w in a.get("warnings", [])) is unknown, f"a model {what} is {'told as unknown' if unknown else 'nothing to tell'}", a)
    ok(s.stop() == 0, "it ends with 0")

def audit():
    s = Server(*bundle_options(), "--audit")
    a = Client(s).review(BAD)
    ok(a["allowed"] and any("audit" in w for w in a["warnings"]) and a["auditAnnotations"]["judged"] == "deny", "audit mode warns of what it would deny", a)
    ok(s.stop() == 0, "it ends with 0")

# ── hostile clients ──────────────────────────────────────────────────────────────────────────────────────────────────

class Records:
    """A connection whose TLS records are sent in pieces of any size."""
    def __init__(self, server, small=False):
        self.socket = socket.socket()
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", server.port))
        self.came, self.goes, self.waits, self.heard = ssl.MemoryBIO(), ssl.MemoryBIO(), b"", b""
        self.tls = context().wrap_bio(self.came, self.goes, server_hostname="127.0.0.1")
        while True:
            try:
                self.tls.do_handshake()
                self.socket.sendall(self.goes.read())
                return
            except ssl.SSLWantReadError:
                self.socket.sendall(self.goes.read())
                self.came.write(self.socket.recv(65536))
    def write(self, data):
        self.tls.write(data)
        self.waits += self.goes.read()
    def send(self, n):
        """The next @n bytes of what was written; whether that was not all."""
        self.socket.sendall(self.waits[:n])
        self.waits = self.waits[n:]
        return bool(self.waits)
    def hear(self, n):
        """The bodies of the next @n answers."""
        found = []
        while len(found) < n:
            head = re.match(rb"(?is)HTTP/1.1 (\d+).*?content-length: (\d+).*?\r\n\r\n", self.heard)
            if head and len(self.heard) >= head.end() + int(head[2]):
                found.append(self.heard[head.end():head.end() + int(head[2])])
                self.heard = self.heard[head.end() + int(head[2]):]
                continue
            try:
                self.heard += self.tls.read(65536)
            except ssl.SSLWantReadError:
                self.came.write(self.socket.recv(65536))
        return found

def request(body):
    return b"POST /admission HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

def records():
    """Several requests in one segment, one in several, of many connections in turn: whatever was received ahead of what is
    being answered is answered too, each connection's own."""
    s = Server(*bundle_options(), "--threads", "1")
    several = [Records(s) for _ in range(8)]
    for size in (1, 7, 100, 1500, 5000, 100000):
        for i, c in enumerate(several):
            for k in range(1 if size == 1 else 3):
                image = BAD if (i + k) % 2 else CLEAN
                filler = b" " * (0 if size == 1 else 300 * i + 20000 * (k == 1))
                c.write(request(review(image).replace(b"705ab4f5", b"%d-%d-%d" % (size, i, k)) + filler))
        while any([c.send(size) for c in several if c.waits]):
            pass
        wrong = []
        for i, c in enumerate(several):
            for k, body in enumerate(c.hear(1 if size == 1 else 3)):
                a = json.loads(body)["response"]
                if a["uid"] != f"{size}-{i}-{k}" or a["allowed"] == bool((i + k) % 2):
                    wrong.append((i, k, a))
        ok(not wrong, f"records in segments of {size} bytes, of eight connections in turn", wrong[:2])
    c, n = Records(s, small=True), 3000
    for k in range(n):
        c.write(request(review(BAD if k % 3 else CLEAN).replace(b"705ab4f5", b"%d" % k)))
    writer = threading.Thread(target=lambda: c.send(len(c.waits)), daemon=True)
    writer.start()
    time.sleep(1)   # its answers fill what there is of buffers
    got = [json.loads(b)["response"] for b in c.hear(n)]
    ok([a["uid"] for a in got] == [str(k) for k in range(n)] and all(a["allowed"] == (k % 3 == 0) for k, a in enumerate(got)),
       "answers that wait for a slow reader are whole, in order")
    writer.join(20)
    c = Client(s)
    c.send(b"HEAD /healthz HTTP/1.1\r\nHost: gate\r\n\r\nGET /healthz HTTP/1.1\r\nHost: gate\r\n\r\n")
    got = b""
    while not got.endswith(b"ok\n"):
        got += c.socket.recv(65536)
    ok(got.count(b"HTTP/1.1 200") == 2, "an answer without a body waits for none", got)
    ok(s.stop() == 0, "it ends with 0")

def malformed():
    s = Server(*bundle_options())
    for name, body, kind, status in (("nothing", b"", "application/json", 400), ("no JSON", b"{", "application/json", 400),
                                     ("another kind", b'{"kind":"Pod"}', "application/json", 400), ("text", review(CLEAN), "text/plain", 415),
                                     ("bytes", bytes(range(256)), "application/json", 400), ("a deep one", b"[" * 100000, "application/json", 400),
                                     ("over 3 MiB", b" " * (3 * 2**20 + 1), "application/json", 413)):
        c = Client(s)
        got = c.ask("POST", "/admission", body, kind)
        ok(got[0] == status, f"a review that is {name} is answered with {status}", got)
        ok(c.review(CLEAN)["allowed"], f"the connection still serves after {name}")
    c = Client(s)
    c.send(b"POST /admission HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(50):
        c.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
    c.send(b"0\r\n\r\n")
    ok(c.hear()[0] == 413, "a chunked body over 3 MiB too")
    c = Client(s)
    c.send(b"POST /admission HTTP/1.1\r\nHost: gate\r\nContent-Length: 99999999999999999999\r\n\r\n")
    ok(c.hear()[0] in (400, 413, None), "a length past 64 bits is refused")
    c = Client(s)
    try:
        c.send(b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n")
        status = c.hear()[0]
    except OSError:
        status = None
    ok(status in (414, 431, None), "an endless request line is refused", status)
    for path, status in (("/", 404), ("/admission", 405), ("/metrics/x", 404), ("/../etc/passwd", 404)):
        ok(Client(s).ask("GET", path)[0] == status, f"GET {path} is {status}")
    big = json.loads(review(CLEAN))
    big["request"]["object"]["spec"]["containers"] *= 65
    got = Client(s).ask("POST", "/admission", json.dumps(big).encode())
    ok(b"more than 64 containers" in got[2] and b'"allowed":false' in got[2], "a pod with too many containers is denied by name", got)
    ok(s.stop() == 0, "it ends with 0")

class Others:
    """A client that asks all the time; what it saw."""
    def __init__(self, server, who=None, new=True):
        self.server, self.who, self.new, self.failures, self.slowest, self.count, self.over = server, who, new, [], 0, 0, False
        self.thread = threading.Thread(target=self.go)
        self.thread.start()
    def go(self):
        kept = Client(self.server, self.who)
        while not self.over:
            begin = time.monotonic()
            try:
                if not kept.review(CLEAN)["allowed"]:
                    self.failures.append("denied")
                if self.new and self.count % 10 == 9 and not Client(self.server, self.who).review(CLEAN)["allowed"]:
                    self.failures.append("a new connection is not served")
            except Exception as e:
                self.failures.append(repr(e))
                kept = Client(self.server, self.who)
            self.slowest = max(self.slowest, time.monotonic() - begin)
            self.count += 1
            time.sleep(0.01)
    def end(self):
        self.over = True
        self.thread.join()
        return self

def slow():
    s = Server(*bundle_options())
    others = Others(s)
    head, body, silent = Client(s), Client(s), socket.create_connection(("127.0.0.1", s.port))
    head.send(b"POST /admission HTTP/1.1\r\n")
    body.send(b"POST /admission HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n")
    begin, closed = time.monotonic(), {}
    while time.monotonic() - begin < 14 and len(closed) < 3:
        for name, c in (("header", head), ("body", body)):
            try:
                c.send(b"x")
            except OSError:
                closed.setdefault(name, time.monotonic() - begin)
        silent.setblocking(False)
        try:
            if silent.recv(1) == b"":
                closed.setdefault("handshake", time.monotonic() - begin)
        except BlockingIOError:
            pass
        except OSError:
            closed.setdefault("handshake", time.monotonic() - begin)
        time.sleep(0.2)
    ok(len(closed) == 3 and all(8 < t < 13.5 for t in closed.values()), "slow headers, bodies and handshakes are cut off after 10 s", closed)
    others.end()
    ok(not others.failures and others.count > 100, "others were served meanwhile", others.count, others.failures[:3])
    metrics = Client(s).ask("GET", "/metrics")[2].decode()
    ok('closed_total{reason="slow"} 3' in metrics, "and it is counted", [l for l in metrics.splitlines() if "closed" in l])
    ok(s.stop() == 0, "it ends with 0")

def clients():
    s = Server(*bundle_options(), "--client-ca", folder() / "one.pem", "--client-name", "kube-apiserver")
    ok(Client(s, "apiserver").review(CLEAN)["allowed"], "the API server's certificate is served")
    ok(Client(s).ask("GET", "/healthz")[0] == 200, "a probe needs none")
    got = Client(s).ask("POST", "/admission", review(CLEAN))
    ok(got[0] == 403, "a review without a certificate is refused", got)
    for who in ("user", "foreign"):
        try:
            got = Client(s, who).ask("POST", "/admission", review(CLEAN))[0]
        except (OSError, ssl.SSLError) as e:
            got = None
        ok(got is None, f"the certificate of {who} ends the handshake", got)
    ok(s.stop() == 0, "it ends with 0")

def crowd():
    many, cap = 10000, 512
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < many + 1000:
        return skip("10,000 idle connections", f"at most {hard} descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (many + 1000, hard))
    s = Server(*bundle_options(), "--connections", cap)
    others = Others(s, new=False)   # while the flood comes a new one may be displaced before it has asked
    held = []
    for i in range(many):
        c = socket.create_connection(("127.0.0.1", s.port), 20)
        if i % 100 == 0:   # some finish the handshake too
            c = context().wrap_socket(c, server_hostname="127.0.0.1")
        held.append(c)
    time.sleep(1)
    others.end()
    ok(not others.failures and others.count > 20, "10,000 idle connections shut nobody out", others.count, others.failures[:3])
    metrics = Client(s).ask("GET", "/metrics")[2].decode()
    value = lambda name: float(re.search(rf"^reforge_gate_{re.escape(name)} (\S+)$", metrics, re.M)[1])
    ok(all(Client(s).review(CLEAN)["allowed"] for _ in range(20)), "new connections are served beside them")
    ok(value("connections") <= cap + 1, f"{cap} are kept", value("connections"))
    ok(value('connections_closed_total{reason="displaced"}') > many - 2 * cap, "the others gave way")
    memory = next(int(l.split()[1]) for l in open(f"/proc/{s.process.pid}/status") if l.startswith("VmRSS"))
    print(f"# {others.count} reviews meanwhile, slowest {others.slowest * 1000:.0f} ms; {memory // 1024} MiB")
    for c in held:
        c.close()
    ok(s.stop() == 0, "it ends with 0")

# ── changes while serving ────────────────────────────────────────────────────────────────────────────────────────────

def serial(server):
    with context().wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname="127.0.0.1") as c:
        return c.getpeercert()["serialNumber"]

def replace(server, certificate, suffixes=("key", "pem")):
    for suffix in suffixes:
        shutil.copy(folder() / f"{certificate}.{suffix}", server.where / f"new.{suffix}")
        os.replace(server.where / f"new.{suffix}", server.where / f"tls.{suffix}")

def rotation():
    s = Server(*bundle_options())
    first, others = serial(s), Others(s)
    replace(s, "second")
    ok(s.wait_for("new certificate in force"), "a new certificate comes into force", s.said())
    ok(serial(s) != first, "new connections get it")
    replace(s, "first", ("pem",))
    ok(s.wait_for("the certificate in force stays"), "one that does not fit its key is refused", s.said())
    others.end()
    ok(not others.failures and others.count > 20, "nobody noticed", others.failures[:3])
    replace(s, "first")
    s.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        if serial(s) == first:
            break
        time.sleep(0.1)
    ok(serial(s) == first, "SIGHUP reads it too")
    ok(s.stop() == 0, "it ends with 0")

def exchange():
    path = folder() / "exchanged.bundle"
    shutil.copy(folder() / "world/bundle", path)
    s = Server("--bundle", path, "--key", folder() / "world/release.pub.pem")
    others = Others(s)
    for _ in range(3):
        shutil.copy(folder() / "world/bundle", folder() / "fresh.bundle")
        os.replace(folder() / "fresh.bundle", path)
        time.sleep(0.7)
    ok(s.said().count("snapshot in force") >= 3, "a changed bundle comes into force", s.said())
    (folder() / "fresh.bundle").write_bytes(b"no bundle")
    os.replace(folder() / "fresh.bundle", path)
    ok(s.wait_for("the snapshot in force stays"), "one that cannot be read does not", s.said())
    others.end()
    ok(not others.failures and others.count > 20, "nobody noticed", others.failures[:3])
    ok(Client(s).review(BAD)["allowed"] is False, "the last good one still judges")
    ok(s.stop() == 0, "it ends with 0")

def workspace():
    site = folder() / "site"
    check(run("init", site), 0, "a workspace")
    s = Server("--environment", "production", site=site)
    a = Client(s).review("registry.example/never:seen")
    ok("unknown_subject" in json.dumps(a), "a workspace's database is judged by", a)
    ok(s.stop() == 0, "it ends with 0")
    result = run("ledger", "show", "--json", site=site)
    ok('"gate.decided"' in result.out and '"alice"' in result.out and "very-secret" not in result.out, "its decisions are in the ledger", result)
    check(run("ledger", "verify", site=site), 0, "which verifies")

HOMES = """
site: homes
environments: {production: {}}
kubernetes: {service_label: site/service}
services:
  voice: {owner: {name: voice, contact: "#voice"}, environments: [production], namespaces: [speech]}
  vision: {owner: {name: vision, contact: "#vision"}, environments: [production], namespaces: [cameras]}
policies:
  site: {environments: [production], unknown_subject: warn}
  voice: {services: [voice], unknown_subject: allow}
  vision: {services: [vision], unknown_subject: deny}
"""

def labelled(namespace, service, before=None):
    def one(name):
        return {**pod("registry.example/never:seen"), "metadata": {"name": "p", "namespace": namespace, "labels": {"site/service": name} if name else {}}}
    request = json.loads(review("", operation="UPDATE" if before is not None else "CREATE", namespace=namespace))
    request["request"]["object"] = one(service)
    request["request"]["oldObject"] = one(before) if before is not None else None
    return json.dumps(request).encode()

def labels():
    """Who may write a pod may write its label: it counts where the service lives, by a bundle as by the workspace."""
    site, b = folder() / "homes", folder() / "homes.bundle"
    check(run("init", site), 0, "a workspace with services that live in namespaces")
    (site / "reforge.yaml").write_text(HOMES)
    check(run("gate", "bundle", b, site=site), 0, "its bundle")
    for name, options, where in (("bundle", ["--bundle", b, "--key", site / "keys/release.pub.pem"], None), ("workspace", [], site)):
        s = Server("--environment", "production", *options, site=where)
        c = Client(s)
        def ask(*args):
            return json.loads(c.ask("POST", "/admission", labelled(*args))[2])["response"]
        a = ask("speech", "voice")
        ok(a["allowed"] and not a.get("warnings"), f"{name}: the label that reforge.yaml names, where its service lives, has the service's policy", a)
        a = ask("cameras", "voice")
        ok(not a["allowed"] and "service voice is not known in namespace cameras" in a["status"]["message"],
           f"{name}: elsewhere it is no way out of the policy that holds there, and the answer says why", a)
        a = ask("elsewhere", "voice")
        ok(a["allowed"] and any("service voice is not known in namespace elsewhere" in w for w in a["warnings"]),
           f"{name}: where nobody lives the environment's policy holds", a)
        ok(not ask("cameras", "")["allowed"], f"{name}: to name no service is no way out either")
        ok(not ask("speech", "vision", "voice")["allowed"], f"{name}: let in as one service, it does not become another")
        ok(ask("speech", "vision", "vision")["allowed"], f"{name}: what runs already goes on")
        ok(s.stop() == 0, f"{name}: it ends with 0")

if not WORLD.exists():
    skip("gate serve", "gate-world is not built: meson -Dtests=true")
else:
    certificates(folder())
    subprocess.run([str(WORLD), str(ROOT / "tests/data/gate/decisions.txt"), str(folder() / "world"), str(int(time.time()))], check=True, cwd=ROOT)
    for group in (usage, answers, kserve, audit, records, malformed, clients, rotation, exchange, workspace, labels, slow, crowd):
        guarded(group)
done()
