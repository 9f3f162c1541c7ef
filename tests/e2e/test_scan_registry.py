#!/usr/bin/env python3
"""scan IMAGE at registries: tokens, logins, redirects, platforms, TLS, bad days; Debian's docker-registry. TAP."""
import base64, json, os, pathlib, shutil, ssl, subprocess, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from images import *
from registry_server import DockerRegistry, Registry
from tap import *

PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE
MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")
CLEAN = {"HOME": "/nonexistent", "DOCKER_CONFIG": "", "REGISTRY_AUTH_FILE": "", "REFORGE_REGISTRY_USER": "", "REFORGE_REGISTRY_PASSWORD": ""}


def scan(*args, env=None, **more):
    return run("scan", "--json", *args, program=PROGRAM, env={**CLEAN, **(env or {})}, **more)


def specimen(*args):
    path = folder() / "specimen.plan"
    subprocess.run([MAKER, *args, str(path)], check=True)
    return path.read_bytes()


def paths(result):
    return sorted(f["path"].partition("!/")[2] for f in result.lines())


def docker_config(name, auths, **more):
    path = folder() / name
    path.write_text(json.dumps({"auths": auths, **more}))
    return path


def login_of(r):
    return {"auth": base64.b64encode(f"{r.user}:{r.password}".encode()).decode()}


def without_login():
    for auth in (None, "token"):
        r = Registry({"site/app": {"1.0": IMAGE}}, auth)
        ref = f"{r.host}/site/app:1.0"
        result = scan(ref)
        ok(result.status == 0 and paths(result) == ["", "opt/a.plan", "srv/b.plan"], f"an image at a registry, login: {auth}", result)
        image = result.lines()[-1]
        ok(image["path"] == ref and image["sha256"] == IMAGE.digest[7:], "its reference and its digest", image)
        ok(len(r.paths("blobs")) == len(set(r.paths("blobs"))), "no blob is asked for twice", r.paths("blobs"))
        ok(paths(scan(f"registry:{r.host}/site/app@{IMAGE.digest}")) == ["", "opt/a.plan", "srv/b.plan"], "the same by its digest")
        encodings = {e for role, p, q, a, e in r.requests if "/blobs/" in p}
        ok(encodings == {None}, "blobs are asked for as they are stored", encodings)
        if auth:
            asked = [(p, q) for role, p, q, a, e in r.requests if p == "/token"]
            ok(asked and asked[0][1] == {"service": "registry.test", "scope": "repository:site/app:pull"}, "a token for pulling this repository and no more", asked)
        check(scan(f"{r.host}/site/app:2.0"), 2, "a tag that is not there", "answers 404")
        r.close()
    check(scan("127.0.0.1:1/site/app:1"), 2, "nobody answers", "127.0.0.1:1")
    check(scan("registry:Site/App"), 2, "no reference", "lower case")


def with_login():
    r = Registry({"site/app": {"1.0": IMAGE}}, "login")
    ref = f"{r.host}/site/app:1.0"
    secret = [r.password, login_of(r)["auth"], "tok-"]
    good = {"REFORGE_REGISTRY_USER": r.user, "REFORGE_REGISTRY_PASSWORD": r.password}
    check(scan(ref), 2, "no login where one is needed", f"the login for {r.host} is missing", absent=secret)
    check(scan(ref, env={**good, "REFORGE_REGISTRY_PASSWORD": "wrong-one"}), 2, "a wrong one", f"the login for {r.host} is refused", absent=secret + ["wrong-one"])
    for name, env in (("the environment", good),
                      ("a Docker config.json", {"DOCKER_CONFIG": str(docker_config("config.json", {r.host: login_of(r)}).parent)}),
                      ("a file of containers' tools", {"REGISTRY_AUTH_FILE": str(docker_config("auth.json", {f"{r.host}/site": login_of(r), r.host: {"auth": "bm86bm8="}}))}),
                      ("the home folder", {"HOME": str(folder() / "home")})):
        if name == "the home folder":
            (folder() / "home/.docker").mkdir(parents=True)
            shutil.copy(folder() / "config.json", folder() / "home/.docker/config.json")
        check(scan(ref, env=env), 0, f"a login from {name}", "opt/a.plan", absent=secret)
    helper = docker_config("helper.json", {}, credsStore="desktop")
    check(scan(ref, env={"REGISTRY_AUTH_FILE": str(helper)}), 2, "a credential helper is not run", "is missing", absent=secret)
    check(scan(ref, env={"REGISTRY_AUTH_FILE": str(docker_config("bad.json", {r.host: {"auth": "?s3cret?"}}))}), 2, "a damaged login", "bad.json", "no base64",
          absent=secret + ["?s3cret?"])
    r.close()
    b = Registry({"site/app": {"1.0": IMAGE}}, "basic")
    ref = f"{b.host}/site/app:1.0"
    check(scan(ref), 2, "basic: no login", "wants a login", absent=secret)
    check(scan(ref, env=good), 0, "basic: a login", "opt/a.plan", absent=secret)
    check(scan(ref, env={**good, "REFORGE_REGISTRY_PASSWORD": "wrong-one"}), 2, "basic: a wrong one", "401", absent=secret + ["wrong-one"])
    b.close()


def redirects():
    for auth in ("login", "basic"):
        r = Registry({"site/app": {"1.0": IMAGE}}, auth, redirect=True)
        result = scan(f"{r.host}/site/app:1.0", env={"REFORGE_REGISTRY_USER": r.user, "REFORGE_REGISTRY_PASSWORD": r.password})
        ok(result.status == 0 and paths(result) == ["", "opt/a.plan", "srv/b.plan"], f"blobs kept elsewhere, {auth}", result)
        ok(r.authorizations("store") and set(r.authorizations("store")) == {None}, "where they are kept hears neither login nor token", r.authorizations("store"))
        r.close()


def platforms_and_shared_layers():
    arm = Image([BASE, Layer(tar_of([("srv/arm.plan", B)]))], architecture="arm64")
    for docker in (False, True):
        index = Index([IMAGE, arm], docker=docker)
        r = Registry({"site/app": {"1.0": index, "2.0": arm}}, "token")
        ok(paths(scan("--platform", "linux/arm64", f"{r.host}/site/app:1.0")) == ["", "opt/a.plan", "opt/x.plan", "srv/arm.plan"], "a platform of a list")
        with r.lock:
            r.requests.clear()
        result = scan("--platform", "all", f"{r.host}/site/app:1.0", f"{r.host}/site/app:2.0")
        ok(result.status == 0 and len([f for f in result.lines() if f["kind"] == "container-image"]) == 3, "all platforms, and one of them by its own tag", result)
        layer = [p for p in r.paths("blobs") if p.endswith(sha256(BASE.blob))]
        ok(len(layer) == 1, "a layer that three images share is fetched once", layer)
        r.close()


def bad_days():
    layer, digest = IMAGE.layers[0], sha256(IMAGE.layers[0].blob)
    manifest = IMAGE.digest

    def day(name, status, *texts, faults, auth=None, absent=(), **more):
        r = Registry({"site/app": {"1.0": IMAGE}}, auth, faults=faults, **more)
        result = scan(f"{r.host}/site/app:1.0")
        check(result, status, name, *texts, absent=absent)
        r.close()
        return result

    result = day("a blob that breaks off", 3, "image_layer_unreadable", "the manifest says", faults={digest: lambda h, b: h.answer(200, b[:len(b) // 2])})
    ok("srv/b.plan" in paths(result), "the other layers are read", result)
    day("a connection that breaks off", 3, "image_layer_unreadable", faults={digest: lambda h, b: h.answer(200, b[:len(b) // 2], promise=len(b))})
    day("another blob", 3, "image_layer_digest", '"conflict"', faults={digest: lambda h, b: h.answer(200, b[:-1] + b"!")})
    day("a blob with more behind", 3, "image_layer_digest", "more than the", faults={digest: lambda h, b: h.answer(200, b + b"more")})
    day("a blob that is gone", 3, "image_layer_absent", faults={digest: lambda h, b: h.answer(404)})
    tries = []
    day("a registry that is busy", 0, faults={digest: lambda h, b: (tries.append(1), h.answer(503) if len(tries) == 1 else h.answer(200, b))})
    day("no manifest but a page", 2, "manifest", faults={"1.0": lambda h, b: h.answer(200, b"<html>", [("Content-Type", "text/html")])})
    day("a manifest of schema 1", 2, "schema 1", faults={"1.0": lambda h, b: h.answer(200, b'{"schemaVersion":1}')})
    day("a manifest that is called a list", 2, "is called", faults={"1.0": lambda h, b: h.answer(200, b, [("Content-Type", OCI_INDEX)])})
    day("a manifest of 9 MiB", 2, "8.0 MiB", faults={"1.0": lambda h, b: h.answer(200, bytes(9 << 20))})
    day("no token", 2, "answers with none", auth="token", faults={"token": (200, b"{}")})
    day("a token that breaks headers", 2, "answers with none", auth="token", faults={"token": (200, b'{"token":"a\\r\\nX: y"}')})
    day("a page for a token", 2, "does not answer with JSON", auth="token", faults={"token": (200, b"<html>")})
    r = Registry({"site/app": {"1.0": IMAGE}}, "token")
    r.tags["site/app", IMAGE.digest] = sha256(IMAGE.config)
    check(scan(f"{r.host}/site/app@{IMAGE.digest}"), 1, "another document than the digest that was asked for", "answers with sha256:")
    r.realm = "file:///etc/passwd"
    check(scan(f"{r.host}/site/app:1.0"), 2, "tokens from a file", "no address that gives tokens")
    r.close()


def expired_tokens():
    r = Registry({"site/app": {"1.0": IMAGE}}, "token")
    digest = sha256(IMAGE.layers[1].blob)
    seen = []

    def expire(handler, body):
        if not seen:
            seen.append(1)
            r.tokens += 1                       # the one that is in use is old now
            return handler.answer(401, b"{}", [("WWW-Authenticate", c) for c in r.challenges()])
        handler.answer(200, body)
    r.faults[digest] = expire
    result = scan(f"{r.host}/site/app:1.0")
    ok(result.status == 0 and "srv/b.plan" in paths(result), "a token that runs out on the way is fetched anew", result)
    r.close()


def certificate(name):
    key, cert = folder() / f"{name}.key", folder() / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert


def encrypted():
    context, cert = certificate("registry")
    r = Registry({"site/app": {"1.0": IMAGE}}, "login", context=context)
    site = folder() / "site"
    check(run("init", site, "--site", "registries"), 0, "a workspace")
    auth = docker_config("docker.json", {r.host: login_of(r)})
    ref = f"{r.host}/site/app:1.0"

    def configure(**more):
        (site / "reforge.yaml").write_text("site: registries\n" + json.dumps({"registries": {r.host: more}})[1:-1] + "\n")
    configure(ca_file=str(cert), credentials=str(auth))
    check(scan(ref, site=site), 0, "https with the authority and the login of reforge.yaml", "opt/a.plan", absent=[r.password])
    listed = run("inventory", "list", "--all", "--json", site=site, program=PROGRAM).lines()
    ok([(p["host"], p["kind"], p["sha256"]) for p in listed] == [(f"image:{ref}", "container-image", IMAGE.digest[7:])], "and recorded", listed)
    configure(credentials=str(auth))
    check(scan(ref, site=site), 1, "an authority that nobody vouches for", "ca_file")
    r.realm = f"http://{r.host}/token"
    configure(ca_file=str(cert), credentials=str(auth))
    before = len(r.requests)
    check(scan(ref, site=site), 2, "tokens over plain http from an encrypted registry", "over plain http: refused")
    ok(all(a is None for _, _, _, a, _ in r.requests[before:]), "and no login is sent there", r.requests[before:])
    r.close()
    check(scan("registry.invalid/site/app:1"), 2, "without a word in reforge.yaml: https", "https://registry.invalid")
    plain = Registry({"site/app": {"1.0": IMAGE}})
    (site / "reforge.yaml").write_text(f"site: registries\nregistries: {{\"{plain.host}\": {{scheme: https}}}}\n")
    check(scan(f"{plain.host}/site/app:1.0", site=site), 2, "https where it is asked for, never plain http instead", "https://")
    plain.close()


def a_real_one():
    if not shutil.which("docker-registry"):
        return skip("Debian's docker-registry", "not installed")
    where = folder() / "docker-registry"
    where.mkdir()
    r = DockerRegistry(where)
    try:
        arm = Image([BASE, Layer(tar_of([("srv/arm.plan", B)]), "zstd" if shutil.which("zstd") else "gzip")], architecture="arm64")
        docker = Image([Layer(l.tar, docker=True) for l in IMAGE.layers], docker=True)
        r.push("site/app", "oci", IMAGE)
        r.push("site/app", "docker", docker)
        r.push("site/app", "list", Index([IMAGE, arm]))
        r.push("site/app", "docker-list", Index([docker], docker=True))
        for tag, args, want in (("oci", (), ["", "opt/a.plan", "srv/b.plan"]), ("docker", (), ["", "opt/a.plan", "srv/b.plan"]),
                                ("list", ("--platform", "arm64"), ["", "opt/a.plan", "opt/x.plan", "srv/arm.plan"]), ("docker-list", (), ["", "opt/a.plan", "srv/b.plan"])):
            result = scan(*args, f"{r.host}/site/app:{tag}")
            ok(result.status == 0 and paths(result) == want, f"docker-registry: {tag}", result)
        check(scan(f"{r.host}/site/app:none"), 2, "docker-registry: no such tag", "404")
    finally:
        r.close()


if not os.access(MAKER, os.X_OK):
    skip("scan IMAGE at registries", "the specimen maker is not built")
else:
    A, B = specimen("--version", "10.13.3.9", "--cc", "8.6"), specimen("--version", "8.6.1.6", "--cc", "7.5")
    BASE = Layer(tar_of([("opt/a.plan", A), ("opt/x.plan", B)]))
    IMAGE = Image([BASE, Layer(tar_of([("opt/.wh.x.plan", b""), ("srv/b.plan", B)]))])
    for group in (without_login, with_login, redirects, platforms_and_shared_layers, bad_days, expired_tokens, encrypted, a_real_one):
        guarded(group)
done()
