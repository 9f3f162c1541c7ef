"""Servers of advisories for tests: NVD's API 2.0 with its bad days, and any folder with ETags.

    server = Server(); server.nvd = Nvd(records); print(server.url)

All answers are made on the spot; @faults of Nvd maps the number of a request (from 1) to what goes wrong with it.
"""
import gzip, hashlib, http.server, json, pathlib, threading, time, urllib.parse

PAGE = 2000


def record(number, modified="2026-07-01T10:00:00.000", text="first", **more):
    return {"cve": {"id": f"CVE-2026-{number:05d}", "sourceIdentifier": "psirt@example.com", "published": "2026-06-01T10:00:00.000",
                    "lastModified": modified, "vulnStatus": "Received",
                    "descriptions": [{"lang": "en", "value": f"A flaw in tensorrt, {text} wording of {number}."}],
                    "metrics": {}, "references": [], **more}}


class Nvd:
    """The API over a list of records, in the order of publication. @clock is what its timestamps say."""

    def __init__(self, records, faults=None, key=None, clock="2026-07-02T00:00:00.000", changes=None):
        self.records, self.faults, self.key, self.clock = list(records), dict(faults or {}), key, clock
        self.changes = dict(changes or {})      # number of a request -> a function that changes the records after it
        self.requests, self.times, self.log = 0, [], []
        self.lock = threading.Lock()

    def find(self, query):
        found = self.records
        word = query.get("keywordSearch", [""])[0].lower()
        if word:
            found = [r for r in found if all(w in json.dumps(r).lower() for w in word.split())]
        start, end = query.get("lastModStartDate"), query.get("lastModEndDate")
        if start:
            found = [r for r in found if start[0] <= r["cve"]["lastModified"] <= end[0]]
        return found

    def page(self, query):
        start, size = int(query.get("startIndex", ["0"])[0]), int(query.get("resultsPerPage", [str(PAGE)])[0])
        found = self.find(query)
        part = found[start:start + size]
        return {"resultsPerPage": len(part), "startIndex": start, "totalResults": len(found), "format": "NVD_CVE", "version": "2.0",
                "timestamp": self.clock, "vulnerabilities": part}

    def answer(self, handler, query):
        with self.lock:
            self.requests += 1
            number = self.requests
            self.times.append(time.monotonic())
            self.log.append({k: v[0] for k, v in query.items()})
            if self.key and handler.headers.get("apiKey") != self.key:
                return handler.answer(403, b"", [("message", "Invalid apiKey.")])
            fault = self.faults.get(number)
            if callable(fault):
                fault = fault()
            page = self.page(query)
            if number in self.changes:
                self.changes[number](self)
        if fault == 403:
            return handler.answer(403, b"", [("message", "Request forbidden by administrative rules.")])
        if fault == 503:
            return handler.answer(503, b"<html>Service Unavailable</html>", [("Retry-After", "0")])
        if fault == "few":                      # a page that lacks records by its own figures
            page["vulnerabilities"] = page["vulnerabilities"][:-3]
            page["resultsPerPage"] = len(page["vulnerabilities"]) + 3
        if fault == "many":
            page["totalResults"] += 700
        if fault == "none":
            page["totalResults"] = 1
        if fault == "other":
            page["startIndex"] += 10
        if fault == "html":
            return handler.answer(200, b"<html>maintenance</html>")
        if fault == "slow":
            time.sleep(1.6)
        body = json.dumps(page).encode()
        if fault == "cut":                      # whole by its length, cut by its content
            return handler.answer(200, body[:len(body) // 2])
        if fault == "drop":                     # cut by its length
            return handler.promise(body[:len(body) // 2], len(body))
        if "gzip" in handler.headers.get("Accept-Encoding", ""):
            return handler.answer(200, gzip.compress(body), [("Content-Encoding", "gzip")])
        return handler.answer(200, body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True      # header and body are two writes: else each answer waits 40 ms for an acknowledgement

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

    def promise(self, body, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def do_GET(self):
        server = self.server.owner
        address = urllib.parse.urlsplit(self.path)
        with server.lock:
            server.paths.append(address.path)
        if server.nvd and address.path == "/rest/json/cves/2.0":
            return server.nvd.answer(self, urllib.parse.parse_qs(address.query))
        body = server.pages.get(address.path)
        if callable(body):
            body = body()
        if isinstance(body, int):
            return self.answer(body)
        if body is None and server.folder:
            path = (server.folder / address.path.lstrip("/")).resolve()
            body = path.read_bytes() if path.is_relative_to(server.folder) and path.is_file() else None
        if body is None:
            return self.answer(404)
        tag = '"%s"' % hashlib.sha256(body).hexdigest()[:16]
        if self.headers.get("If-None-Match") == tag:
            return self.answer(304, b"", [("ETag", tag)])
        self.answer(200, body, [("ETag", tag)])


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass                            # clients that are killed are what some tests are about


class Server:
    """@pages: path -> bytes, a status, or a function that gives one; @folder: files below it; @nvd: an Nvd."""

    def __init__(self, folder=None, context=None):
        self.folder = pathlib.Path(folder).resolve() if folder else None
        self.pages, self.nvd, self.paths, self.lock = {}, None, [], threading.Lock()
        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.http.owner = self
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
