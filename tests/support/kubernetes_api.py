#!/usr/bin/env python3
"""A stand-in for a cluster's API: lists of workloads over TLS, page by page, with the answers that a real one (Kubernetes
1.20 to 1.30) gives to limit, continue, expired tokens, missing groups and missing rights. Not Kubernetes: no watch, no writes,
no authorisation but one token.

kubernetes_api.py FOLDER OBJECTS.json [--forbid KIND] [--expire-once]    certificate.pem, key.pem in FOLDER; prints its port
"""
import http.server, json, os, ssl, sys, threading, time, urllib.parse

folder, objects = sys.argv[1], json.load(open(sys.argv[2]))
forbidden = sys.argv[sys.argv.index("--forbid") + 1].split(",") if "--forbid" in sys.argv else []
expire = {"left": 1 if "--expire-once" in sys.argv else 0}
PATHS = {"/apis/apps/v1": {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet", "replicasets": "ReplicaSet"},
         "/api/v1": {"pods": "Pod", "replicationcontrollers": "ReplicationController", "secrets": "Secret"},
         "/apis/batch/v1": {"jobs": "Job"}, "/apis/batch/v1beta1": {"cronjobs": "CronJob"},
         "/apis/serving.kserve.io/v1beta1": {"inferenceservices": "InferenceService"} if any(
             o["kind"] == "InferenceService" for o in objects) else {},
         "/apis/serving.kserve.io/v1alpha1": {"servingruntimes": "ServingRuntime", "clusterservingruntimes": "ClusterServingRuntime"} if any(
             o["kind"].endswith("ServingRuntime") for o in objects) else {}}
log = open(os.path.join(folder, "requests.log"), "a", buffering=1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        log.write(f"{self.command} {self.path}\n")

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def status(self, code, reason):
        self.answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code})

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        if self.headers.get("Authorization") != "Bearer let-me-in":
            return self.status(401, "Unauthorized")
        if url.path == "/version":
            return self.answer(200, {"gitVersion": "v1.20.2-stand-in"})
        parts = url.path.split("/")
        namespace = None
        if "namespaces" in parts:
            i = parts.index("namespaces")
            namespace = urllib.parse.unquote(parts[i + 1])
            del parts[i:i + 2]
        group, name = "/".join(parts[:-1]), parts[-1]
        kind = PATHS.get(group, {}).get(name)
        if not kind:
            return self.status(404, "NotFound")
        if kind in forbidden:
            return self.status(403, "Forbidden")
        token = query.get("continue", [""])[0]
        if token and expire["left"]:
            expire["left"] -= 1
            return self.status(410, "Expired")
        limit = min(int(query["limit"][0]), 2)  # smaller pages than asked for are allowed, and tested
        chosen = [o for o in objects if o["kind"] == kind and (not namespace or o["metadata"].get("namespace") == namespace)]
        start = int(token or 0)
        items = [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in chosen[start:start + limit]]
        more = str(start + limit) if start + limit < len(chosen) else ""
        self.answer(200, {"kind": kind + "List", "apiVersion": group.split("/", 2)[-1].replace("api/", ""),
                          "metadata": {"resourceVersion": "1", "continue": more}, "items": items})


def watch_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem"))
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=watch_parent, args=(os.getppid(),), daemon=True).start()
sys.stdout.write(f"{server.server_address[1]}\n")
sys.stdout.flush()
server.serve_forever()
