#!/usr/bin/env python3
"""Waivers, VEX and the baseline. The brownfield of 400 engines on day one, through check, a pod's gate and the admission webhook: everything is
counted, nothing is blocked, then one new vulnerable engine is. Then the debt shrinks as engines are replaced, and never grows."""
import csv, datetime, io, json, os, pathlib
from brownfield import DRIVER, MAKER, grow, site_of
from fleet import TARGET, model, put, stamped
from gate_server import Client, Server, certificates
from tap import *

CVE = "CVE-2026-24268"
FLAW = "CVE-2026-30001"

def advisory(id, package, purl, fixed, score=None):
    j = {"schema_version": "1.6.0", "id": id, "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": f"{id}: a flaw",
         "affected": [{"package": {"ecosystem": "npm", "name": package, "purl": purl},
                       "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}
    if score:
        j["severity"] = [{"type": "CVSS_V3", "score": score}]
    return json.dumps(j)

def vex(author, status, when, number):
    return json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "@id": f"https://{author}.example/vex/{number}", "author": author, "timestamp": when, "version": 1,
                       "statements": [{"vulnerability": {"name": FLAW}, "products": [{"@id": "pkg:generic/microsoft/onnxruntime@1.20.1"}], "status": status,
                                       "justification": "vulnerable_code_not_in_execute_path"}]})

def ledger_kinds(site):
    return [r["kind"] for r in run("ledger", "show", "--json", site=site).lines()]

SERVICES = ("vision0", "vision1", "vision2", "vision3", "cameras", "speech", "legacy")
def gate(site, tree, *services):
    """What the gate says of every engine: {decision: [subject]}, what it denies by what else than policy, the worst status."""
    said, by, status = {}, {}, 0
    for s in services or SERVICES:
        r = run("check", tree / s, "--service", s, "--environment", "production", "--json", site=site, timeout=300)
        status = 1 if 1 in (status, r.status) else max(status, r.status)
        for j in r.lines():
            said.setdefault(j["decision"], []).append(j["subject"])
            for f in j["findings"]: by[f.get("decided_by")] = by.get(f.get("decided_by"), 0) + 1
    return said, by, status

def by_bundle(site, tree, name):
    """The same from the signed bundle alone: what check and a pod's gate deny of service speech."""
    bundle = [folder() / f"{name}.bundle", "--key", site / "keys/release.pub.pem"]
    check(run("gate", "bundle", bundle[0], site=site), 0, f"{name}: a bundle holds waivers and debts")
    judged = ["--bundle", *bundle, "--service", "speech", "--environment", "production", "--json"]
    return [(r.status, sorted(j["subject"] for j in r.lines() if j["decision"] == "deny"))
            for r in (run("check", tree / "speech", *judged, timeout=300, cwd=folder()), run("gate", "pod", tree / "speech", *judged, timeout=300, cwd=folder()))]

def pod_of(engine, tree):
    """A review of a pod that loads @engine from its node."""
    service = engine.relative_to(tree).parts[0]
    return json.dumps({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {
        "uid": "1", "kind": {"group": "", "version": "v1", "kind": "Pod"}, "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "fleet",
        "name": service, "operation": "CREATE", "userInfo": {"username": "ann"}, "object": {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": service, "namespace": "fleet", "labels": {"app.kubernetes.io/name": service}},
            "spec": {"containers": [{"name": "server", "image": "registry.example/server:1", "env": [{"name": "MODEL_PATH", "value": f"/models/{engine.name}"}],
                                     "volumeMounts": [{"name": "models", "mountPath": "/models", "readOnly": True}]}],
                     "volumes": [{"name": "models", "hostPath": {"path": str(engine.parent)}}]}}}}).encode()

def by_webhook(site, tree, engines, name):
    """What the admission webhook denies of a pod for each engine, by the signed bundle: {engine: its response}."""
    bundle = folder() / f"{name}.bundle"
    check(run("gate", "bundle", bundle, site=site), 0, f"{name}: a bundle for the webhook")
    server = Server("--bundle", bundle, "--key", site / "keys/release.pub.pem", "--environment", "production")
    client = Client(server)
    said = {e: client.answer(pod_of(e, tree)) for e in engines}
    ok(len(said) == len(engines) and all("auditAnnotations" in a for a in said.values()) and server.stop() == 0, f"{name}: {len(said)} pods are judged", list(said.values())[:3])
    return {str(e): a for e, a in said.items() if not a["allowed"]}

def same_words(site, engine, denied):
    """What is denied for which reason and what to do is told alike by a pod's gate and by the webhook."""
    r = run("gate", "pod", engine, "--bundle", folder() / "webhook-day-two.bundle", "--key", site / "keys/release.pub.pem", "--service", "speech", "--environment", "production", "--json",
            cwd=folder())
    findings = [f for j in r.lines() for f in j["findings"] if f["decision"] == "deny"]
    message = denied["status"]["message"]
    # the webhook says where it was found between what and why
    words = [w for f in findings for w in (*f["why"].split("(what built it)", 1), f"Next: {f['next']}")]
    ok(r.status == 1 and findings and all(w in message for w in words), "and in the same words", message, findings)
    print("# " + message.replace("\n", "\n# "))

def brownfield():
    if not os.access(MAKER, os.X_OK) or not DRIVER.exists():
        return skip("a brownfield", "specimen maker or stand-in driver is not built")
    tree, site = folder() / "tree", site_of("brown")
    grown = [pathlib.Path(e) for e in grow(tree)]
    certificates(folder())
    put(site / "one.json", advisory(FLAW, "onnxruntime-node", "pkg:generic/microsoft/onnxruntime", "1.21.0"))
    put(site / "two.json", advisory(CVE, "tensorrt", "pkg:generic/nvidia/tensorrt", "10.16.1"))
    check(run("baseline", "freeze", site=site), 2, "nothing is frozen before there is a fleet", "reforge adopt")
    run("feed", "import", "one.json", "two.json", site=site, cwd=site)
    r = run("adopt", tree, "--services", tree / "own.csv", "--json", site=site)
    ok(r.status == 3 and r.json()["released_engines"] == 400, "400 engines are adopted", r)
    before = run("status", "--json", site=site).json()
    ok("excused" not in before and before["exposures"]["affected"] >= 400, "before the freeze nothing is excused", before["exposures"])
    said, by, status = gate(site, tree)
    ok(status == 1 and len(said["deny"]) >= 160, "the gate would deny most of it", {k: len(v) for k, v in said.items()})
    denied = by_webhook(site, tree, grown, "webhook-before")
    ok(len(grown) == 400 and len(denied) >= 160, "so would the webhook", len(denied))

    r = run("baseline", "freeze", "--owner", "platform", "--until", "60d", "--json", site=site)
    j = r.json()
    # 160 engines of ONNX Runtime are 160 contents; 240 plans are 4, in 6 services
    ok(r.status == 0 and 160 < j["debts"] < sum(before["exposures"].values()) and j["unowned"] == 0, "day one is frozen, by content and component", r)
    ok(ledger_kinds(site).count("baseline.frozen") == 1, "the ledger has it")
    after = run("status", "--json", site=site).json()
    ok(after["exposures"] == before["exposures"], "everything is counted as before", after["exposures"], before["exposures"])
    e = after["excused"]
    ok(e["baseline"] == sum(before["exposures"].values()) and e["new"] == e["worse"] == e["due"] == 0, "and all of it is debt: nothing is new", e)
    check(run("status", site=site), 1, "status says so in words", "baseline debt until")
    said, by, status = gate(site, tree)
    ok(status in (0, 3) and "deny" not in said and sum(map(len, said.values())) >= 400 and by.get("baseline", 0) >= 400, "check: everything is counted, nothing blocked",
       {k: len(v) for k, v in said.items()}, said.get("deny", [])[:5], by, status)
    fronts = by_bundle(site, tree, "day-one")
    ok(all(status in (0, 3) and not denied for status, denied in fronts), "check and a pod's gate by the bundle: nothing blocked", fronts)
    denied = by_webhook(site, tree, grown, "webhook-day-one")
    ok(not denied, "the webhook: nothing blocked", list(denied.items())[:3])
    show = run("baseline", "show", "--json", site=site).json()
    ok(show["frozen"] == show["open"] == j["debts"] and show["gone"] == 0, "all of it is open", show)
    check(run("baseline", "freeze", site=site), 2, "a second freeze is refused, with what to do", "shrinks and never grows", "reforge waive")
    rows = run("baseline", "list", "--json", site=site).lines()
    ok(sum(len(h["debts"]) for h in rows) == j["debts"] and {h["owner"] for h in rows} == {"vision-team", "camera-team", "speech-team", "unassigned"},
       "each debt has an owner", {h["owner"] for h in rows})
    engines = [h for h in rows if h["carrier"] == "builder"]
    ok(all(len(h["sha256"]) == 64 for h in engines) and not any("sha256" in h for h in rows if h["carrier"] != "builder"), "an engine's debt is its content's")

    new = tree / "speech/newcomer/1/model.onnx"
    put(new, stamped(model(9999), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.20.1", "reforge.target": TARGET, "reforge.recipe": "newcomer"}))
    run("adopt", tree, "--services", tree / "own.csv", site=site)
    e = run("status", "--json", site=site).json()["excused"]
    ok(e["new"] == 1, "one new vulnerable engine is new, and the runtime under it is not", e)
    said, by, status = gate(site, tree, "speech")
    ok(status == 1 and said.get("deny") == [str(new)], "check denies it, and nothing else", said.get("deny"), status)
    fronts = by_bundle(site, tree, "day-two")
    ok(all(status == 1 and denied == [str(new)] for status, denied in fronts), "both deny it by the bundle, and nothing else", fronts)
    denied = by_webhook(site, tree, [*grown, new], "webhook-day-two")
    if ok(list(denied) == [str(new)], "the webhook denies it, and nothing else", list(denied.items())[:3]):
        same_words(site, new, denied[str(new)])
    r = run("explain", new, "--json", site=site)
    found = {x["carrier"]: x for x in r.json() if x["advisory"] == FLAW}
    ok("baseline" not in found["builder"] and found["runtime"]["baseline"]["state"] == "covered", "explain tells them apart", found)
    check(run("explain", tree / "speech/speech001/1/model.onnx", site=site), 1, "an old one's chain ends with its debt", "baseline debt: frozen on", "owner speech-team")

    old = tree / "speech/speech002/1/model.onnx"
    bytes_before = old.read_bytes()
    put(old, stamped(model(9998), **{"reforge.toolchain": "onnxruntime", "reforge.toolchain.version": "1.21.1", "reforge.target": TARGET, "reforge.recipe": "speech002"}))
    run("adopt", tree, "--services", tree / "own.csv", site=site)
    gone = run("baseline", "show", "--json", site=site).json()
    ok(gone["gone"] == 1 and gone["frozen"] == j["debts"], "a rebuilt engine takes its debt along", gone)
    put(old, bytes_before)
    run("adopt", tree, "--services", tree / "own.csv", site=site)
    e = run("status", "--json", site=site).json()["excused"]
    ok(e["new"] == 2 and run("baseline", "show", "--json", site=site).json()["gone"] == 1, "brought back it is new: gone debt does not come back", e)
    ok("baseline.settled" in ledger_kinds(site), "the ledger has the settling")
    b = run("baseline", "burndown", "--json", site=site).json()
    speech = [g for g in b["groups"] if g["owner"] == "speech-team"][0]
    ok(b["open"] == b["frozen"] - 1 and speech["open"] == speech["frozen"] - 1 and b["points"][-1] == b["open"], "the burn-down has it, by owner", speech)
    rows = list(csv.DictReader(io.StringIO(run("baseline", "burndown", "--csv", site=site).out)))
    ok(sum(int(r["open"]) for r in rows if r["time"] == rows[-1]["time"]) == b["open"], "so has the CSV", rows[-3:])
    check(run("baseline", "burndown", "--by", "owner", site=site), 0, "and the words", "vision-team", "debts open")
    check(run("ledger", "verify", site=site), 0, "the ledger is whole")

    waivers(site, new)
    statements(site, new)

def future(days):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")

def waivers(site, new):
    args = ["waive", FLAW, "--service", "speech", "--owner", "speech-team", "--reason", "the delivery comes first"]
    check(run(*args, site=site), 2, "a waiver ends", "until")
    check(run(*args, "--until", "2020-01-01", site=site), 2, "on a day to come", "is over")
    check(run(*args, "--until", "91d", site=site), 2, "not beyond the policy", "90 d")
    check(run("waive", FLAW, "--until", "30d", "--owner", "x", "--reason", "y", site=site), 2, "it is for something", "narrow it")
    check(run("waive", FLAW, "--service", "nobody", "--until", "30d", "--owner", "x", "--reason", "y", site=site), 2, "that there is", "no service 'nobody'")
    check(run("waive", "CVE-1999-0001", "--service", "speech", "--until", "30d", "--owner", "x", "--reason", "y", site=site), 2, "of an advisory at hand", "CVE-1999-0001")
    check(run("waive", FLAW, "--product", "no such thing", "--until", "30d", "--owner", "x", "--reason", "y", site=site), 2, "a product of the table", "no product")
    r = run(*args, "--until", "30d", "--defer", "--product", "pkg:generic/microsoft/onnxruntime@1.20.1", "--json", site=site)
    j = r.json()
    ok(r.status == 0 and j["id"] == 1 and j["kind"] == "deferral" and j["state"] == "in force" and j["version"] == "1.20.1", "a deferral is one too", r)
    ok(ledger_kinds(site).count("waiver.made") == 1, "the ledger has it")
    e = run("status", "--json", site=site).json()["excused"]
    ok(e["new"] == 0 and e["waived"] > 0, "what it covers is waived", e)
    check(run("status", site=site), 1, "status says so", "waived")
    check(run("check", new, "--service", "speech", "--environment", "production", site=site), 0, "the gate lets it through, and says why", "deferral 1 until", "speech-team")
    check(run("check", new, "--service", "speech", "--environment", "production", "--at", future(31), site=site), 1, "not when it has ended", FLAW)
    check(run("explain", new, site=site), 1, "so does explain", "waived: deferral 1 until", "the delivery comes first")
    check(run("waive", "list", site=site), 0, "it is listed", "deferral", "in force", "service speech")
    check(run("waive", "show", "1", site=site), 0, "and shown", "speech-team", "made by")
    check(run("waive", "revoke", "1", site=site), 2, "it is not revoked without a reason", "reason")
    check(run("waive", "revoke", "1", "--reason", "delivered", site=site), 0, "it is revoked", "revoked", "delivered")
    check(run("waive", "revoke", "1", "--reason", "again", site=site), 2, "once", "has ended already")
    ok(run("waive", "list", "--json", site=site).json() == [] and len(run("waive", "list", "--all", "--json", site=site).json()) == 1, "and kept")
    ok(run("status", "--json", site=site).json()["excused"]["new"] == 2, "what it covered is not any more")

def statements(site, new):
    day = lambda n: (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=n)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for author in ("acme", "mallory"):
        put(site / f"{author}.json", vex(author, "not_affected", day(10), 1))
        run("feed", "import", f"{author}.json", site=site, cwd=site)
    e = run("status", "--json", site=site).json()
    ok(e["excused"]["vex"] == 0 and e["excused"]["new"] == 2, "a statement excuses nothing while nobody is trusted", e["excused"])
    yaml = (site / "reforge.yaml").read_text()
    put(site / "reforge.yaml", yaml + "vex: {trusted: [{author: acme}], max_age: 30d}\n")
    ok(run("status", "--json", site=site).json()["excused"]["new"] == 0, "that of a trusted author does")
    check(run("check", new, "--service", "speech", "--environment", "production", site=site), 0, "so does the gate", "VEX", "acme")
    check(run("explain", new, site=site), 1, "explain names author, justification and end; the finding stays", "excused: VEX of acme: not_affected, vulnerable_code_not_in_execute_path", "affected  " + FLAW)
    put(site / "reforge.yaml", yaml + "vex: {trusted: [{author: acme}], max_age: 5d}\n")
    ok(run("status", "--json", site=site).json()["excused"]["new"] == 2, "it is too old by another policy")
    put(site / "reforge.yaml", yaml + "vex: {trusted: [{author: acme}], max_age: 30d}\n")
    put(site / "later.json", vex("acme", "affected", day(1), 2))
    run("feed", "import", "later.json", site=site, cwd=site)
    ok(run("status", "--json", site=site).json()["excused"]["new"] == 2, "its author can take it back")

guarded(brownfield)
done()
