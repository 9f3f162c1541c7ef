#!/usr/bin/env python3
"""A server of small wrongs, for tests of the HTTP client. Prints its port, serves until it is killed or its parent is gone."""
import gzip, http.server, os, socket, sys, threading, time

counts = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, kind):
        if kind == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"half of")
            self.close_connection = True
        elif kind == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif kind.startswith("after"):
            self.answer(503, b"", [("Retry-After", "1" if "1s" in kind else "0")])
        else:
            self.answer(int(kind[:3]), b"<html>error page</html>", [("message", "try later")])

    def do_GET(self):
        path = self.path.split("?")[0]
        parts = path.strip("/").split("/")
        port = self.server.server_address[1]
        if path == "/plain":
            self.answer(200, b"hello")
        elif path == "/gzip":
            self.answer(200, gzip.compress(b"x" * 50000), [("Content-Encoding", "gzip")])
        elif path == "/etag":
            if self.headers.get("If-None-Match") == '"v1"' and self.headers.get("If-Modified-Since"):
                self.answer(304)
            else:
                self.answer(200, b"body", [("ETag", '"v1"'), ("Last-Modified", "Tue, 14 Jul 2026 09:00:00 GMT")])
        elif path == "/key":
            self.answer(200, self.headers.get("apiKey", "none").encode())
        elif path == "/slow":
            time.sleep(1.5)
            self.answer(200, b"late")
        elif parts[0] == "redirect":
            to = {"plain": "/plain", "loop": "/redirect/loop", "file": "file:///etc/passwd",
                  "elsewhere": f"http://localhost:{port}/key"}[parts[1]]
            self.answer(302, b"moved", [("Location", to)])
        elif parts[0] == "fail":
            counts[path] = counts.get(path, 0) + 1
            if counts[path] <= int(parts[2]):
                self.fail(parts[1])
            else:
                self.answer(200, b"recovered")
        else:
            self.answer(404)

    def do_POST(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.split("?")[0]
        if path == "/echo":
            self.answer(200, self.headers.get("Content-Type", "none").encode() + b" " + content)
        elif path == "/redirect":
            self.answer(307, b"", [("Location", "/echo")])
        else:
            counts[path] = counts.get(path, 0) + 1
            self.answer(503 if counts[path] == 1 else 204)


def watch_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
sys.stdout.write(f"{server.server_address[1]}\n")   # in one piece, with PYTHONUNBUFFERED too
sys.stdout.flush()
server.serve_forever()
