"""Registries for tests: a stand-in with every way to ask for a login and its bad days, and Debian's docker-registry.

    r = Registry({"site/app": {"1.0": image}}); print(r.host)        # "127.0.0.1:PORT"
"""
import base64, hashlib, http.server, json, os, pathlib, socket, ssl, subprocess, threading, time, urllib.parse, urllib.request

from images import sha256


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=(), promise=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if promise is None else promise))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass
        if promise is not None:
            self.close_connection = True

    def do_GET(self):
        r = self.server.owner
        address = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(address.query).items()}
        with r.lock:
            r.requests.append((self.server.role, address.path, query, self.headers.get("Authorization"), self.headers.get("Accept-Encoding")))
        if self.server.role == "store":
            return self.answer(200, r.blobs["sha256:" + address.path.rsplit("/", 1)[1]])
        if address.path == "/token":
            return r.token(self, query)
        if not r.admits(self.headers.get("Authorization")):
            return self.answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', [("WWW-Authenticate", c) for c in r.challenges()])
        _, _, *name, kind, what = address.path.split("/")
        return r.give(self, "/".join(name), kind, what)


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class Registry:
    """@images: repository -> tag -> Image or Index. @auth: None, "token" (anyone gets one), "login" (a token for user and
    password), "basic". @faults: a digest, a tag or "token" -> what goes wrong. @redirect: blobs are kept at another port."""

    def __init__(self, images, auth=None, user="robot$ci", password="s3cret/ü", context=None, redirect=False, faults=None):
        self.auth, self.user, self.password, self.redirect, self.faults = auth, user, password, redirect, dict(faults or {})
        self.lock, self.requests, self.blobs, self.tags, self.types, self.tokens = threading.Lock(), [], {}, {}, {}, 0
        for name, tags in images.items():
            for tag, image in tags.items():
                self.tags[name, tag] = image.digest
                for i in [image] + list(getattr(image, "images", [])):
                    self.types[i.digest] = i.media_type
                for b in image.blobs():
                    self.blobs[sha256(b)] = b
        self.http, self.store = self.serve("registry", context), self.serve("store", context)
        self.scheme = "https" if context else "http"
        self.host = f"127.0.0.1:{self.http.server_address[1]}"
        self.store_host = f"127.0.0.1:{self.store.server_address[1]}"
        self.realm = f"{self.scheme}://{self.host}/token"

    def serve(self, role, context):
        s = Quiet(("127.0.0.1", 0), Handler)
        s.owner, s.role = self, role
        if context:
            s.socket = context.wrap_socket(s.socket, server_side=True)
        threading.Thread(target=s.serve_forever, daemon=True).start()
        return s

    def close(self):
        self.http.shutdown(), self.store.shutdown()

    def basic(self):
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def bearer(self):
        return f"Bearer tok-{self.tokens}"

    def challenges(self):
        if self.auth == "basic":
            return ['Basic realm="registry"']
        return [f'Bearer realm="{self.realm}",service="registry.test"', 'Basic realm="registry"']

    def admits(self, header):
        if not self.auth:
            return True
        return header == (self.basic() if self.auth == "basic" else self.bearer()) and self.tokens + (self.auth == "basic") > 0

    def token(self, handler, query):
        fault = self.faults.get("token")
        if fault:
            return handler.answer(*fault)
        if self.auth == "login" and handler.headers.get("Authorization") != self.basic():
            return handler.answer(401, b"{}", [("WWW-Authenticate", 'Basic realm="token"')])
        self.tokens += 1
        handler.answer(200, json.dumps({"token": f"tok-{self.tokens}", "expires_in": 60}).encode(), [("Content-Type", "application/json")])

    def give(self, handler, name, kind, what):
        digest = self.tags.get((name, what), what)
        fault = self.faults.get(what)
        if callable(fault):
            return fault(handler, self.blobs.get(digest, b""))
        body = self.blobs.get(digest)
        if body is None:
            return handler.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        if kind == "blobs" and self.redirect:
            return handler.answer(307, b"", [("Location", f"{self.scheme}://{self.store_host}/kept/{digest[7:]}")])
        media = self.types.get(digest, "application/octet-stream") if kind == "manifests" else "application/octet-stream"
        handler.answer(200, body, [("Content-Type", media), ("Docker-Content-Digest", digest)])

    def paths(self, kind):
        """How often each blob or manifest was asked for and given."""
        with self.lock:
            return [p for role, p, *_ in self.requests if f"/{kind}/" in p or (kind == "blobs" and "/kept/" in p)]

    def authorizations(self, role):
        with self.lock:
            return [a for r, _, _, a, _ in self.requests if r == role]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class DockerRegistry:
    """Debian's docker-registry, in @folder."""

    def __init__(self, folder):
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        config = pathlib.Path(folder) / "registry.yml"
        config.write_text(json.dumps({"version": 0.1, "log": {"level": "error"}, "storage": {"filesystem": {"rootdirectory": str(folder) + "/registry"}},
                                      "http": {"addr": self.host}}))
        self.process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/").read()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("docker-registry does not answer")

    def request(self, method, url, body=None, headers=None):
        q = urllib.request.Request(url if url.startswith("http") else f"http://{self.host}{url}", data=body, method=method, headers=headers or {})
        return urllib.request.urlopen(q)

    def push(self, name, tag, image):
        parts = getattr(image, "images", [image])
        for i in parts:
            for blob in [i.config] + [l.blob for l in i.layers]:
                where = self.request("POST", f"/v2/{name}/blobs/uploads/", b"").headers["Location"]
                where += ("&" if "?" in where else "?") + "digest=" + sha256(blob)
                self.request("PUT", where, blob, {"Content-Type": "application/octet-stream"})
            self.request("PUT", f"/v2/{name}/manifests/{tag if i is image else i.digest}", i.manifest, {"Content-Type": i.media_type})
        if image not in parts:
            self.request("PUT", f"/v2/{name}/manifests/{tag}", image.manifest, {"Content-Type": image.media_type})

    def close(self):
        self.process.terminate()
        self.process.wait()
