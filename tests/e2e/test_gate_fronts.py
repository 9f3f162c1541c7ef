#!/usr/bin/env python3
"""The table of decisions (tests/data/gate/decisions.txt) through the fronts of the gate: `check`, `gate pod`, `gate serve`.

The program gate-world writes the table's world as a signed bundle, with every content that can be made as a file. Each front is
asked each row that it has a way to ask: a path, a digest, an image, a package URL or a release by `check`; a file by
`gate pod`; an image, or a place of models, in a Pod by `gate serve`. What they answer is what the table says, so they never
disagree. Rows whose content is attested are asked by the unit test only: the table's attestations are structs, no files.
"""
import collections, datetime, hashlib, http.client, json, os, pathlib, re, shutil, socket, ssl, subprocess, sys, time
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tap import BUILD, ENV, REFORGE, ROOT, Result, done, folder, ok, run, skip

TABLE = ROOT / "tests/data/gate/decisions.txt"
Row = collections.namedtuple("Row", "line name kind subject policy excuse environment days decision cause by fail_on")

def table():
    """Rows, and the flags of each content."""
    rows, contents = [], {}
    for number, line in enumerate(TABLE.read_text().splitlines(), 1):
        keyword, _, rest = line.partition(" ")
        fields = [f.strip() for f in rest.split(" | ")]
        if keyword == "content":
            contents[fields[0]] = fields[4].split() if len(fields) > 4 else []
        elif keyword == "row":
            kind, _, subject = fields[1].partition(" ")
            rows.append(Row(number, fields[0], kind, subject, fields[2], fields[3], fields[4], int(fields[5].rstrip("d")), fields[6],
                            fields[7], fields[8], fields[9] if len(fields) > 9 else None))
    return rows, contents

ROWS, CONTENTS = table()
KNOWN = ("production", "staging") # environments that the bundle's policies name: commands refuse others as slips of the pen
asked = collections.Counter()
NOW = int(time.time())

def world(days=0):
    """The world of @days ago or to come, so that its rows of that day are asked today."""
    place = folder() / f"world{days}"
    if not place.exists():
        subprocess.run([BUILD + "/tests/unit/gate/gate-world", TABLE, place, str(NOW - days * 86400)], check=True, cwd=ROOT)
    return place

def file_of(place, name):
    for suffix in (".plan", ".txt"):
        if (place / "files" / (name + suffix)).exists():
            return place / "files" / (name + suffix)
    return None

def attested(row):
    return row.kind == "content" and any(f.startswith("att:") for f in CONTENTS.get(row.subject, []))

def digest_of(place, name):
    f = file_of(place, name)
    return hashlib.sha256(f.read_bytes() if f else name.encode()).hexdigest()

def first(answer):
    """What the table has: the decision, and the cause of what stands first and how it was decided."""
    findings = [f for f in answer["findings"] if f.get("decided_by") and f["finding"] != "not_affected"]
    if not findings:
        return answer["decision"], "-", "-"
    return answer["decision"], findings[0]["cause"], findings[0]["decided_by"]

def compare(front, rows, answers):
    wrong = []
    for row, answer in zip(rows, answers):
        asked[front] += 1
        wanted = (row.decision, row.cause, row.by)
        if first(answer) != wanted:
            wrong.append(f"line {row.line} ({row.kind} {row.subject}): wanted {wanted}, is {first(answer)}: {answer.get('why')}")
    if len(rows) != len(answers):
        wrong.append(f"{len(rows)} asked, {len(answers)} answered")
    return wrong

def grouped(rows):
    groups = collections.defaultdict(list)
    for r in rows:
        groups[(r.policy, r.excuse, r.environment, r.days, r.fail_on)].append(r)
    return groups

def place_of(days):
    """Whoever asks of the past with --at means no clock that is behind: those days are asked as today's."""
    return world(days if days < -90 else 0)

def options(group):
    policy, excuse, environment, days, fail_on = group
    place, at = place_of(days), datetime.datetime.fromtimestamp(NOW + days * 86400, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ["--bundle", place / "bundle", "--key", place / "release.pub.pem", "--service", f"{policy}.{excuse}", "--environment",
            environment] + (["--at", at] if days >= -90 else []) + (["--fail-on", fail_on] if fail_on else [])

def report(front, wrong):
    ok(not wrong and asked[front], f"{front}: {asked[front]} rows are decided as the table says", *wrong[:40])

# ── check ────────────────────────────────────────────────────────────────────────────────────────────────────────────

def check_name(place, row):
    """How the row's subject is named on the command line; None: check has no name for it."""
    if row.kind == "content":
        f = file_of(place, row.subject)
        if f:
            return f
        return None if "unseen" in CONTENTS[row.subject] else "sha256:" + digest_of(place, row.subject)
    if row.kind == "digest":
        return "sha256:" + digest_of(place, row.subject)
    if row.kind == "image":
        return None if "UPPER" in row.subject else "registry:" + by_digest(place, row.subject)
    if row.kind == "release":
        return "release:" + row.subject
    return row.subject if row.kind == "purl" else None

def by_digest(place, reference):
    """References by digest are of contents' names in the table; of those that are files here the digest is another."""
    m = re.search(r"sha256:([0-9a-f]{64})$", reference)
    for name in CONTENTS if m else ():
        if hashlib.sha256(name.encode()).hexdigest() == m[1]:
            return reference.replace(m[1], digest_of(place, name))
    return reference

def test_check():
    wrong = []
    for group, rows in grouped(r for r in ROWS if not attested(r) and r.environment in KNOWN).items():
        place = place_of(group[3])
        rows = [r for r in rows if check_name(place, r) is not None]
        if not rows:
            continue
        r = run("check", "--json", *options(group), *[check_name(place, x) for x in rows], timeout=300)
        if r.status not in (0, 1, 3):
            wrong.append(str(r))
            continue
        wrong += compare("check", rows, r.lines() if len(rows) > 1 else [r.json()])
    report("check", wrong)

# ── gate pod ─────────────────────────────────────────────────────────────────────────────────────────────────────────

def test_pod():
    wrong = []
    # what is none of ours is counted by a pod's gate and not judged
    rows = [r for r in ROWS if r.kind == "content" and not attested(r) and r.environment in KNOWN
            and (file_of(world(), r.subject) or TABLE).suffix == ".plan"]
    for group, rows in grouped(rows).items():
        files = {r.subject: file_of(place_of(group[3]), r.subject) for r in rows}
        r = run("gate", "pod", "--json", *options(group), *files.values(), timeout=300)
        if r.status not in (0, 1, 3):
            wrong.append(str(r))
            continue
        answers = r.lines() if len(files) > 1 else [r.json()]
        found = {os.path.basename(a["subject"]): a for a in answers}
        wrong += compare("gate pod", rows, [found.get(files[x.subject].name, {"decision": "not answered", "findings": []}) for x in rows])
    report("gate pod", wrong)

# ── gate serve ───────────────────────────────────────────────────────────────────────────────────────────────────────

NAMESPACES = ["production", "staging", "elsewhere"]

class Server:
    """`gate serve` over one world."""
    def __init__(self, place, days):
        self.place, self.days = place, days
        self.log = open(place / "log", "wb")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        command = [REFORGE, "gate", "serve", "--listen", f"127.0.0.1:{self.port}", "--certificate", folder() / "tls.pem", "--certificate-key",
                   folder() / "tls.key", "--bundle", place / "bundle", "--key", place / "release.pub.pem", "--drain", "0s"]
        for n in ("production", "staging"): # a third would be refused: no policy and no release names it
            command += ["--environment", f"{n}={n}"]
        self.p = subprocess.Popen([str(c) for c in command], stdout=self.log, stderr=self.log, env=ENV, cwd=folder())
        self.context = ssl.create_default_context(cafile=folder() / "tls.pem")
        self.wait()
        self.c = self.connect()
    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=30)
    def wait(self):
        for _ in range(300):
            try:
                c = self.connect()
                c.request("GET", "/readyz")
                if c.getresponse().status == 200:
                    return
            except OSError:
                pass
            if self.p.poll() is not None:
                break
            time.sleep(0.1)
        raise RuntimeError("gate serve did not begin: " + (self.place / "log").read_text())
    def ask(self, row, pod):
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
            "uid": f"row-{row.line}", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource": {"group": "", "version": "v1", "resource": "pods"},
            "namespace": row.environment, "operation": "CREATE", "userInfo": {"username": "tester"}, "object": pod}}
        self.c.request("POST", "/admission", json.dumps(review), {"Content-Type": "application/json"})
        return json.loads(self.c.getresponse().read())["response"]
    def end(self):
        self.c.close()
        self.p.terminate()
        self.p.wait(20)
        self.log.close()

def pod_of(place, row):
    """A Pod whose only subject is the row's; None: a Pod cannot name it."""
    image, environment = "registry.example/site/empty:1", []
    if row.kind == "image":
        image = by_digest(place, row.subject)
    elif row.kind == "model" and "://" in row.subject:
        environment = [{"name": "MODEL_URI", "value": row.subject}]
    elif row.kind == "content" and not {"unseen"} & set(CONTENTS[row.subject]) and not any(f.startswith(("recorded:", "row-only")) for f in CONTENTS[row.subject]):
        environment = [{"name": "MODEL_URI", "value": "s3://gate/" + row.subject}]
    else:
        return None
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": row.environment,
            "labels": {"app.kubernetes.io/name": f"{row.policy}.{row.excuse}"}}, "spec": {"containers": [
                {"name": "server", "image": image, "env": environment}]}}

def answer_wrong(row, response):
    """The review's answer has the decision, and the words name what stands first."""
    said = " ".join([response.get("status", {}).get("message", "")] + response.get("warnings", []))
    is_denied, is_warned = not response["allowed"], bool(response.get("warnings"))
    decision = "deny" if is_denied else "warn" if is_warned else "allow"
    return None if decision == row.decision else f"line {row.line} ({row.kind} {row.subject}): wanted {row.decision}, is {decision}: {said}"

def test_serve():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder() / "tls.key", "-out", folder() / "tls.pem"],
                   check=True, capture_output=True)
    wrong, days = [], collections.defaultdict(list)
    for r in ROWS:
        # reviews have no --fail-on; and "today" has gone on for a moment, so that the very end of a limit cannot be met
        if r.fail_on is None and not attested(r) and "grows old" not in r.name:
            days[r.days].append(r)
    for d, rows in sorted(days.items()):
        place = world(d)
        rows = [(r, pod_of(place, r)) for r in rows]
        rows = [(r, p) for r, p in rows if p]
        if not rows:
            continue
        server = Server(place, d)
        try:
            for r, p in rows:
                asked["gate serve"] += 1
                w = answer_wrong(r, server.ask(r, p))
                if w:
                    wrong.append(w)
        finally:
            server.end()
    report("gate serve", wrong)

if __name__ == "__main__":
    if not pathlib.Path(BUILD + "/tests/unit/gate/gate-world").exists():
        skip("the fronts", "gate-world is not built: meson -Dtests=true")
        done()
    test_check()
    test_pod()
    test_serve()
    done()
