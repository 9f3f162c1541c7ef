"""A real control plane on this machine: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and hollow nodes
(kubelets whose containers only pretend to run). Free ports of 127.0.0.1, a temporary folder, ended by process id.

The programs come from tests/kubernetes/build; KUBERNETES_BIN is their folder.
"""
import atexit, http.client, json, os, pathlib, re, socket, ssl, subprocess, time
from tap import folder

BIN = pathlib.Path(os.environ["KUBERNETES_BIN"])
ADMIN = "admin-token"

def openssl(cwd, *args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=cwd)

def authority(d, name="ca"):
    """A certificate authority of our own: NAME.pem, NAME.key."""
    openssl(d, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-days", "2", "-subj", f"/CN={name}")

def certificate(d, name, addresses, ca="ca"):
    """NAME.pem and NAME.key for a server at @addresses ("IP:127.0.0.1,DNS:localhost")."""
    openssl(d, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (d / f"{name}.ext").write_text(f"subjectAltName={addresses}\n")
    openssl(d, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2",
            "-extfile", f"{name}.ext")

def free_ports(n):
    taken = [socket.socket() for _ in range(n)]
    for s in taken:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in taken]
    for s in taken:
        s.close()
    return ports

def wait_for(what, seconds, text, step=0.1):
    """Until what() is true; its value. TimeoutError with @text."""
    until = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > until:
            raise TimeoutError(f"{text}: not within {seconds} s; last: {value!r}")
        time.sleep(step)

class Answer:
    """What kubectl gave: status, out, err as text."""
    def __init__(self, p):
        self.status, self.out, self.err = p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    def json(self):
        return json.loads(self.out)
    def __str__(self):
        return f"status {self.status}\nstdout: {self.out[-3000:]}\nstderr: {self.err[-3000:]}"

class Cluster:
    def __init__(self, nodes=0):
        """@nodes > 0: with controllers and scheduler, and as many hollow nodes."""
        self.folder = folder() / "cluster"
        self.folder.mkdir()
        self.programs = []
        self.port, etcd, peer = free_ports(3)
        self.server = f"https://127.0.0.1:{self.port}"
        d = self.folder
        authority(d)
        certificate(d, "api", "IP:127.0.0.1,DNS:localhost")
        openssl(d, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "accounts.key")
        (d / "tokens.csv").write_text(f'{ADMIN},admin,1,"system:masters"\nscheduler-token,system:kube-scheduler,2\n' +
                                      "".join(f'node-token-{i},system:node:hollow-{i},{10 + i},"system:nodes"\n' for i in range(nodes)))
        (d / "audit.yaml").write_text("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n")
        os.chmod(d / "tokens.csv", 0o600)
        self.start("etcd", "--data-dir", d / "etcd", "--listen-client-urls", f"http://127.0.0.1:{etcd}", "--advertise-client-urls",
                   f"http://127.0.0.1:{etcd}", "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls",
                   f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}")
        self.start("kube-apiserver", f"--etcd-servers=http://127.0.0.1:{etcd}", "--bind-address=127.0.0.1", f"--secure-port={self.port}",
                   f"--tls-cert-file={d}/api.pem", f"--tls-private-key-file={d}/api.key", f"--cert-dir={d}/api-certs",
                   f"--token-auth-file={d}/tokens.csv", "--authorization-mode=Node,RBAC", "--service-account-issuer=https://kubernetes.default.svc",
                   f"--service-account-signing-key-file={d}/accounts.key", f"--service-account-key-file={d}/accounts.key",
                   "--service-cluster-ip-range=10.0.0.0/24", "--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none",
                   f"--audit-log-path={d}/audit.log", f"--audit-policy-file={d}/audit.yaml", "--allow-privileged=true", "--feature-gates=EphemeralContainers=true", "--v=1")
        self.admin = self.kubeconfig("admin", ADMIN)
        wait_for(lambda: self.ready(), 60, "kube-apiserver is ready")
        if nodes:
            self.controllers(nodes)

    def start(self, name, *args, log=None):
        """A program that runs until stop() or our end; its log is NAME.log in the cluster's folder."""
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        with open(self.folder / f"{log or name}.log", "ab") as out:
            p = subprocess.Popen([str(BIN / name), *map(str, args)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.folder,
                                 env={**os.environ, "TMPDIR": str(temporary)})
        self.programs.append(p)
        atexit.register(self.stop, p)
        return p

    def stop(self, p, hard=True):
        if p.poll() is None:
            p.kill() if hard else p.terminate()
            p.wait(20)

    def log(self, name, lines=20):
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def ready(self):
        for p in self.programs:
            if p.poll() is not None:
                raise RuntimeError(f"{p.args[0]} ended with {p.returncode}: {self.log(pathlib.Path(p.args[0]).name)}")
        try:
            return self.call("GET", "/readyz")[0] == 200 and self.call("GET", "/api/v1/namespaces/default")[0] == 200
        except OSError:
            return False

    def controllers(self, nodes):
        kcm, scheduler = free_ports(2)
        self.start("kube-controller-manager", f"--kubeconfig={self.admin}", "--leader-elect=false", "--port=0",
                   f"--secure-port={kcm}", "--bind-address=127.0.0.1", f"--cert-dir={self.folder}/kcm-certs",
                   f"--service-account-private-key-file={self.folder}/accounts.key", f"--root-ca-file={self.folder}/ca.pem",
                   "--use-service-account-credentials=false", "--node-monitor-grace-period=120s")
        self.start("kube-scheduler", f"--kubeconfig={self.kubeconfig('scheduler', 'scheduler-token')}", "--leader-elect=false", "--port=0",
                   f"--secure-port={scheduler}", "--bind-address=127.0.0.1", f"--cert-dir={self.folder}/scheduler-certs")
        for i in range(nodes):
            port, read = free_ports(2)
            self.start("kubemark", "--morph=kubelet", f"--name=hollow-{i}", f"--kubeconfig={self.kubeconfig(f'hollow-{i}', f'node-token-{i}')}",
                       f"--kubelet-port={port}", f"--kubelet-read-only-port={read}", log=f"hollow-{i}")
        self.nodes = nodes

    def wait_nodes(self):
        def ready():
            _, body = self.call("GET", "/api/v1/nodes")
            return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in n["status"].get("conditions", [])) for n in body["items"]) == self.nodes
        wait_for(ready, 120, "the hollow nodes are ready", 0.5)

    def kubeconfig(self, name, token, cluster="test"):
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": cluster, "user": name}}],
            "clusters": [{"name": cluster, "cluster": {"server": self.server, "certificate-authority": str(self.folder / "ca.pem")}}],
            "users": [{"name": name, "user": {"token": token}}]}))
        os.chmod(path, 0o600)
        return path

    def connection(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=ssl.create_default_context(cafile=str(self.folder / "ca.pem")))

    def call(self, method, path, body=None, token=ADMIN, kind="application/json", connection=None):
        """One request to the API: status, parsed answer (text where it is no JSON)."""
        c = connection or self.connection()
        try:
            c.request(method, path, None if body is None else json.dumps(body), {"Authorization": f"Bearer {token}", "Content-Type": kind})
            r = c.getresponse()
            data = r.read()
        finally:
            if not connection:
                c.close()
        try:
            return r.status, json.loads(data)
        except ValueError:
            return r.status, data.decode(errors="replace")

    def kubectl(self, *args, stdin=None, config=None, timeout=120):
        env = {**os.environ, "KUBECONFIG": str(config or self.admin), "HOME": str(self.folder)}
        p = subprocess.run([str(BIN / "kubectl"), *map(str, args)], input=None if stdin is None else (stdin if isinstance(stdin, bytes) else stdin.encode()),
                           stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True, env=env, timeout=timeout, cwd=self.folder)
        return Answer(p)

    def apply(self, *objects, namespace=None):
        """kubectl apply of objects, as a List."""
        a = self.kubectl("apply", *(["-n", namespace] if namespace else []), "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))
        if a.status:
            raise RuntimeError(f"kubectl apply: {a}")
        return a

    def account_token(self, namespace, name):
        """A token of a service account, as a pod would be given one."""
        status, body = self.call("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
                                 {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}})
        if status != 201:
            raise RuntimeError(f"no token for {namespace}/{name}: {status} {body}")
        return body["status"]["token"]

    def audited(self, user):
        """What @user asked the API for, by its audit log."""
        found = []
        for line in (self.folder / "audit.log").read_text().splitlines():
            e = json.loads(line)
            if e["user"].get("username") == user:
                found.append(e)
        return found

    def end(self):
        for p in reversed(self.programs):
            self.stop(p)
