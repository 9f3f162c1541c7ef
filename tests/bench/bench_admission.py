"""admission: the gate's webhook beside nginx that answers a fixed 200 of the same size."""
import json, os, pathlib, resource, shutil, signal, socket, ssl, statistics, subprocess, sys, time
import bench

HERE = pathlib.Path(__file__).parent
ARTIFACTS = 100_000
BODIES = 64
SECONDS = 4
SERVER_CPU, CLIENT_CPU = {0}, {1}

# ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────────

def fields_of(value):
    """managedFields, as the API server keeps them."""
    if isinstance(value, dict):
        return {"f:" + k: fields_of(v) for k, v in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict) and "name" in value[0]:
        return {f'k:{{"name":"{v["name"]}"}}': {".": {}, **fields_of(v)} for v in value}
    return {}

def is_denied(n):
    """One pod in four runs an image with an affected engine (bench_admission.c: a multiple of 64)."""
    return n % 4 == 1

def known(n, k):
    """Of an image with a fixed engine; below 1,000, so that the smallest fleet knows it."""
    number = 15 * n + k
    return number + (number % 64 == 0)

def pod(n, environment):
    """A pod as a Deployment's controller makes it: server, side-car, init container, claims, probes, what admission has added."""
    name = f"asr-{n}-6d4cf56db6"
    labels = {"app.kubernetes.io/name": f"asr-{n}", "app.kubernetes.io/part-of": "speech", "pod-template-hash": "6d4cf56db6"}
    token = {"name": "kube-api-access-x7lqd", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
    def container(name, image, **more):
        return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File", "resources": {"limits": {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"},
                "requests": {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": "1"}}, **more}
    probe = {"httpGet": {"path": "/v2/health/ready", "port": 8000, "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
             "successThreshold": 1, "failureThreshold": 3}
    which = 64 * (1 + n % 15) if is_denied(n) else known(n, 1)
    image = f"registry.example/team/app-{which}:1"
    spec = {"containers": [
                container("server", image, args=["tritonserver", "--model-repository=/models/asr", "--strict-readiness=true"],
                          env=[{"name": f"SETTING_{i}", "value": f"a value of some length, number {i}"} for i in range(environment)],
                          ports=[{"containerPort": 8000, "protocol": "TCP"}, {"containerPort": 8001, "protocol": "TCP"}],
                          livenessProbe=probe, readinessProbe=probe,
                          volumeMounts=[{"name": "models", "mountPath": "/models", "readOnly": True}, token]),
                container("proxy", f"registry.example/team/app-{known(n, 3)}:1", volumeMounts=[token])],
            "initContainers": [container("fetch", f"registry.example/team/app-{known(n, 5)}:1", volumeMounts=[token])],
            "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": f"models-{which}"}},
                        {"name": "kube-api-access-x7lqd", "projected": {"sources": [{"serviceAccountToken": {"expirationSeconds":
                         3607, "path": "token"}}, {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path":
                         "ca.crt"}]}}], "defaultMode": 420}}],
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "serviceAccountName":
            "asr", "serviceAccount": "asr", "securityContext": {}, "schedulerName": "default-scheduler", "priority": 0,
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
                             "tolerationSeconds": 300}, {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority"}
    meta = {"name": name + f"-{n:05d}", "generateName": name + "-", "namespace": "speech", "uid":
            f"0b1e5a1c-2f0b-4a7c-9d3e-{n:012d}", "creationTimestamp": "2026-07-14T09:30:00Z", "labels": labels, "annotations":
            {"prometheus.io/scrape": "true", "prometheus.io/port": "8002"}, "ownerReferences": [{"apiVersion": "apps/v1", "kind":
            "ReplicaSet", "name": name, "uid": "5f3a9c1d-1111-4222-8333-444455556666", "controller": True, "blockOwnerDeletion":
            True}], "managedFields": [{"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "v1", "time":
            "2026-07-14T09:30:00Z", "fieldsType": "FieldsV1", "fieldsV1": fields_of({"metadata": {"labels": labels}, "spec": spec})}]}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": meta, "spec": spec, "status": {"phase": "Pending", "qosClass": "Burstable"}}

def review(n):
    """2 to 20 KB each: the number of settings grows."""
    small = n % 8 == 0
    one = pod(n, 0 if small else 2 + 7 * (n % 8))
    if small:   # what people write by hand
        del one["metadata"]["managedFields"], one["spec"]["initContainers"], one["spec"]["containers"][1:]
    request = {"uid": f"705ab4f5-6393-11e8-b7cc-{n:012d}", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource":
               {"group": "", "version": "v1", "resource": "pods"}, "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
               "requestResource": {"group": "", "version": "v1", "resource": "pods"}, "name": one["metadata"]["name"], "namespace":
               "speech", "operation": "CREATE", "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller",
               "uid": "a7e0ab33-5f29-11e8-8a3c-36e6bb280816", "groups": ["system:serviceaccounts", "system:authenticated"]},
               "object": one, "oldObject": None, "dryRun": False, "options": {"kind": "CreateOptions", "apiVersion":
               "meta.k8s.io/v1"}}
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}, separators=(",", ":"))

# ── who is asked ─────────────────────────────────────────────────────────────────────────────────────────────────────

class Server:
    def __init__(self, argv, where, cpus=SERVER_CPU):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=where,
                                        preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    def cpu(self):
        f = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")
    def rss(self):
        return next(int(l.split()[1]) for l in open(f"/proc/{self.process.pid}/status") if l.startswith("VmRSS")) * 1024
    def line(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())
    def stop(self):
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

def gate(where, artifacts=ARTIFACTS, connections=1024, cpus=SERVER_CPU):
    s = Server([bench.program("tests/bench/bench_admission"), where + "/server.pem", where + "/server.key", str(artifacts), "1",
                str(connections)], where, cpus)
    s.port = int(s.process.stdout.readline())
    return s

def nginx(where, answer):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    text = (HERE / "admission_nginx.conf").read_text()
    for name, value in (("FOLDER", where), ("PORT", str(port)), ("ANSWER", answer)):
        text = text.replace(f"@{name}@", value)
    pathlib.Path(where, "nginx.conf").write_text(text)
    s = Server([shutil.which("nginx") or "/usr/sbin/nginx", "-p", where, "-c", where + "/nginx.conf"], where)
    s.port = port
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return s
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("nginx does not answer: " + pathlib.Path(where, "nginx.log").read_text()[-300:])

# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

class Load:
    """One run of wrk: requests a second, latencies in ms, failures; the server's processor time a request in µs."""
    def __init__(self, where, server, connections, seconds=SECONDS, delay_ms=0, meanwhile=None):
        env = {**os.environ, "BODIES": where, "COUNT": str(BODIES), "DELAY_MS": str(delay_ms)}
        cpu = server.cpu()
        p = subprocess.Popen(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s",
                              str(HERE / "admission_wrk.lua"), f"https://127.0.0.1:{server.port}/admission"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
                             preexec_fn=lambda: os.sched_setaffinity(0, CLIENT_CPU))
        self.meanwhile = meanwhile(p) if meanwhile else None
        out = p.communicate()[0]
        found = [l.split()[1:] for l in out.splitlines() if l.startswith("RESULT")]
        if not found:
            raise RuntimeError("wrk: " + out[-300:])
        requests, duration, p50, p99, most, broken, status = (int(v) for v in found[0])
        self.rate = requests / (duration / 1e6)
        self.p50, self.p99, self.most = p50 / 1e3, p99 / 1e3, most / 1e3
        self.failures = broken + status
        self.cpu_usec = (server.cpu() - cpu) / max(requests, 1) * 1e6

def say(text):
    print("   " + text, file=sys.stderr, flush=True)

def prepare(where):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    where + "/server.key", "-out", where + "/server.pem", "-days", "2", "-subj", "/CN=gate", "-addext",
                    "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    sizes = []
    for i in range(1, BODIES + 1):
        text = review(i)
        sizes.append(len(text))
        pathlib.Path(where, f"{i}.json").write_text(text)
    say(f"{BODIES} reviews of {min(sizes):,} to {max(sizes):,} bytes, {sum(sizes) // len(sizes):,} in the mean")

def tls():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

def ask(connection, body):
    connection.sendall(b"POST /admission HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                       % (len(body), body))
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, rest = got.split(b"\r\n\r\n", 1)
    n = int(next(l.split(b":")[1] for l in head.split(b"\r\n") if l.lower().startswith(b"content-length")))
    while len(rest) < n:
        rest += connection.recv(65536)
    return head, rest

def connected(context, port):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)   # as Go's clients
    return context.wrap_socket(s)

def admission_beside_nginx():
    """requests a second and latency, TLS 1.3, keep-alive, 64 connections, each server on one core, the load on the other"""
    if os.cpu_count() < 2:
        raise RuntimeError("two processors are needed")
    where = bench.folder("admission")
    ours = peer = None
    try:
        prepare(where)
        ours = gate(where)
        body = pathlib.Path(where, "2.json").read_bytes()
        head, answer = ask(connected(tls(), ours.port), body)
        if b'"allowed":true' not in answer:
            raise RuntimeError(f"not allowed: {answer[:400]}")
        for i in range(1, BODIES + 1):
            told = ask(connected(tls(), ours.port), pathlib.Path(where, f"{i}.json").read_bytes())[1]
            if (b'"allowed":false' in told) != is_denied(i):
                raise RuntimeError(f"review {i} is judged otherwise: {told[:400]}")
        peer = nginx(where, answer.decode())
        Load(where, ours, 64, 1), Load(where, peer, 64, 1)
        a, b = bench.in_turn(5, lambda: Load(where, ours, 64), lambda: Load(where, peer, 64))
        rate, peers = bench.median([l.rate for l in a]), bench.median([l.rate for l in b])
        cpu, peer_cpu = bench.median([l.cpu_usec for l in a]), bench.median([l.cpu_usec for l in b])
        say(f"gate {rate:,.0f}/s ({cpu:.1f} us of processor a request), nginx {peers:,.0f}/s ({peer_cpu:.1f} us)")
        yield bench.at_least("reviews a second", rate, "/s", peers, f"nginx {peers:,.0f} /s", 0.7)
        yield bench.at_least("reviews a second of processor time", 1e6 / cpu, "/s", 1e6 / peer_cpu, f"nginx {1e6 / peer_cpu:,.0f} /s", 0.7)
        delay = 64 / (rate / 2) * 1e3
        half = Load(where, ours, 64, 2 * SECONDS, delay)
        say(f"half: {half.rate:,.0f}/s, p50 {half.p50:.2f} ms, p99 {half.p99:.2f} ms, most {half.most:.1f} ms")
        yield bench.at_most("p99 at half of the maximum", half.p99, "ms", 5, f"{half.rate:,.0f}/s, p50 {half.p50:.2f} ms")
        def swaps(process):
            taken = []
            while process.poll() is None and len(taken) < 5:
                time.sleep(0.5)
                taken.append(ours.line("swap"))
            return taken
        swapped = Load(where, ours, 64, 3 * SECONDS, delay, swaps)
        say(f"{len(swapped.meanwhile)} swaps of {swapped.meanwhile} ms, most {swapped.most:.1f} ms, {swapped.failures} failures")
        yield bench.at_most("snapshot exchanged under load: failed requests", swapped.failures, "", 0.5, f"{len(swapped.meanwhile)} exchanges")
        yield bench.at_most("snapshot exchanged under load: slowest request", swapped.most, "ms", 20, f"p99 {swapped.p99:.2f} ms")
        full = Load(where, ours, 256)
        yield bench.at_most("memory after load on 256 connections", ours.rss() / 2**20, "MiB", 64, f"{ARTIFACTS:,} artifacts, {full.rate:,.0f}/s")
    finally:
        for s in (ours, peer):
            if s:
                s.stop()
        bench.remove(where)

def admission_idle():
    """memory of idle connections that have asked once"""
    where = bench.folder("admission")
    ours = None
    many = 1000
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 65536), limit[1]))
    try:
        prepare(where)
        ours = gate(where, 1000, 4 * many)
        context, body = tls(), pathlib.Path(where, "2.json").read_bytes()
        held = []
        for i in range(2 * many):
            c = connected(context, ours.port)
            ask(c, body)
            held.append(c)
            if i == many - 1:
                before = ours.rss()   # the first ones are warm-up: threads, allocator
        each = (ours.rss() - before) / many
        yield bench.at_most("memory of an idle connection, TLS included", each / 1024, "KiB", 24, f"{2 * many:,} connections")
        for c in held:
            c.close()
    finally:
        if ours:
            ours.stop()
        bench.remove(where)

def admission_flat():
    """reviews a second with 1,000 and with 1,000,000 artifacts"""
    where = bench.folder("admission")
    small = large = None
    try:
        prepare(where)
        small, large = gate(where, 1000), gate(where, 1_000_000)
        a, b = bench.in_turn(5, lambda: Load(where, small, 64, 2), lambda: Load(where, large, 64, 2))
        few, many = bench.median([l.cpu_usec for l in a]), bench.median([l.cpu_usec for l in b])
        yield bench.at_most("processor time of a review, 1,000,000 artifacts", many, "us", 1.25 * few, f"1,000: {few:.1f} us")
    finally:
        for s in (small, large):
            if s:
                s.stop()
        bench.remove(where)
