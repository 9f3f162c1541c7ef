"""`gate serve` as a program of the tests, and what talks to it over TLS.

    certificates(folder())
    server = Server("--bundle", …)      # port, said(), stop()
    Client(server).answer(review)       # one connection, kept
"""
import json, re, shutil, signal, socket, ssl, subprocess, time
from tap import ENV, REFORGE, folder

def certificates(where):
    """NAME.pem and NAME.key: of the server first and second; of clients apiserver, user (both of one.pem) and foreign (of other.pem)."""
    script = """set -e; cd "$1"
ca() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.pem -days 2 -subj /CN=$1; }
leaf() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -out $1.csr -subj /CN=$3
  printf 'subjectAltName=IP:127.0.0.1\\nextendedKeyUsage=%s\\n' $4 >$1.ext
  openssl x509 -req -in $1.csr -CA $2.pem -CAkey $2.key -CAcreateserial -days 2 -extfile $1.ext -out $1.pem; }
ca one; ca other
leaf first one gate serverAuth; leaf second one gate serverAuth
leaf apiserver one kube-apiserver clientAuth; leaf user one alice clientAuth; leaf foreign other kube-apiserver clientAuth
"""
    subprocess.run(["bash", "-c", script, "bash", str(where)], check=True, capture_output=True)

class Server:
    def __init__(self, *options, site=None, certificate="first"):
        self.where = folder() / f"server{time.monotonic_ns()}"
        self.where.mkdir()
        for suffix in ("pem", "key"):
            shutil.copy(folder() / f"{certificate}.{suffix}", self.where / f"tls.{suffix}")
        self.log = open(self.where / "log", "w+")
        self.process = subprocess.Popen(
            [REFORGE, *(["-C", str(site)] if site else []), "gate", "serve", "--listen", "127.0.0.1:0", "--certificate", str(self.where / "tls.pem"),
             "--certificate-key", str(self.where / "tls.key"), "--drain", "1s", "--json", *map(str, options)],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=ENV, cwd=folder())
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("gate serve did not begin: " + self.said())
        self.port = json.loads(line)["port"]
    def said(self):
        self.log.flush()
        return (self.where / "log").read_text()
    def wait_for(self, text, seconds=20):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if text in self.said():
                return True
            time.sleep(0.05)
        return False
    def stop(self):
        """Its exit status."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(30)
        self.process.stdout.close()
        return status

def context(who=None):
    c = ssl.create_default_context(cafile=str(folder() / "one.pem"))
    if who:
        c.load_cert_chain(folder() / f"{who}.pem", folder() / f"{who}.key")
    return c

class Client:
    """One connection, kept."""
    def __init__(self, server, who=None, timeout=20):
        self.socket = context(who).wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout), server_hostname="127.0.0.1")
    def send(self, data):
        self.socket.sendall(data)
    def hear(self):
        """Status, head, body; None when the server closed."""
        got = b""
        while b"\r\n\r\n" not in got:
            piece = self.socket.recv(65536)
            if not piece:
                return None, "", b""
            got += piece
        head, body = got.split(b"\r\n\r\n", 1)
        n = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(body) < n:
            body += self.socket.recv(65536)
        return int(head.split()[1]), head.decode(), body
    def ask(self, method, path, body=b"", kind="application/json"):
        self.send(f"{method} {path} HTTP/1.1\r\nHost: gate\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        return self.hear()
    def answer(self, review):
        """To an AdmissionReview, as bytes: the response."""
        status, _, body = self.ask("POST", "/admission", review)
        return json.loads(body)["response"] if status == 200 else {"status": {"message": f"{status} {body}"}, "allowed": None}
