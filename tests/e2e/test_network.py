#!/usr/bin/env python3
"""reforge network: every address of reforge.yaml with its line, none left out; and no file opens a connection that the
list does not know."""
import os, pathlib, re, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tap import ROOT, done, folder, ok, run

YAML = """site: lab
database: postgresql://reforge:secret@db.example:5433,db2.example/reforge?sslmode=verify-full
depot: depot
network:
  proxy: http://user:word@proxy.example:3128
feeds:
  vendor: {kind: git, url: "https://token@code.example/vendor/advisories.git"}
  shell: {kind: git, url: "git@code.example:other.git"}
  copy: {kind: git, url: /srv/mirror.git}
  nvd: {kind: nvd, keywords: [tensorrt]}
  provider:
    kind: csaf-provider
    url: https://psirt.example
    proxy: none
  kev:
    kind: url
    url: https://kev.example/kev.json?key=abc
    proxy: http://other.example:8080
  ours: {path: feeds/ours}
registries:
  registry.example:5000:
    scheme: http
  docker.io:
    proxy: none
toolchains: {}
environments: {production: {}}
services: {}
"""
KUBECONFIG = """apiVersion: v1
kind: Config
current-context: prod
contexts: [{name: prod, context: {cluster: prod, user: me}}]
clusters: [{name: prod, cluster: {server: "https://10.9.8.7:6443"}}]
users: [{name: me, user: {token: secret-token}}]
"""

site = folder() / "site"
site.mkdir()
(site / "reforge.yaml").write_text(YAML)
(folder() / "kubeconfig").write_text(KUBECONFIG)
env = {"KUBECONFIG": str(folder() / "kubeconfig")}
r = run("network", "--json", site=site, env=env)
ok(r.status == 0, "the list needs neither database nor network", r)
listed = r.json()["addresses"]
lines = YAML.splitlines()

def at(part):
    return next(i for i, line in enumerate(lines, 1) if part in line)

EXPECTED = [
    # address, reached, line holds, proxy
    ("https://code.example/vendor/advisories.git", "configured", "vendor:", "http://proxy.example:3128"),
    ("https://services.nvd.nist.gov/rest/json/cves/2.0", "configured", "nvd:", "http://proxy.example:3128"),
    ("https://psirt.example", "configured", "url: https://psirt", None),
    ("https://csaf.data.security.psirt.example", "configured", "url: https://psirt", None),
    ("https://kev.example/kev.json?…", "configured", "url: https://kev", "http://other.example:8080"),
    ("http://other.example:8080", "configured", "proxy: http://other", None),
    ("http://proxy.example:3128", "configured", "proxy: http://user", None),
    ("http://registry.example:5000", "configured", "scheme: http", "http://proxy.example:3128"),
    ("https://registry-1.docker.io", "configured", "docker.io:", None),
    ("postgresql://db.example:5433,db2.example", "configured", "database:", None),
    ("https://10.9.8.7:6443", "named", None, None),
]
def same(address, wanted):
    return (address or "").rstrip("/") == wanted
for address, reached, holds, proxy in EXPECTED:
    rows = [a for a in listed if same(a["address"], address)]
    ok(len(rows) == 1, f"{address} is listed once", listed)
    if not rows:
        continue
    row = rows[0]
    ok(row["reached"] == reached, f"{address}: {reached}", row)
    ok((row["proxy"] or "").rstrip("/") == (proxy or ""), f"{address}: through {proxy}", row)
    if holds:
        ok(abs(row["line"] - at(holds)) <= (1 if address.endswith(("docker.io", ":5000")) else 0),
           f"{address}: line {row['line']}", row, at(holds))
ok(any("code.example" in (a["address"] or "") and a["key"] == "feeds.shell.url" for a in listed), "a repository behind ssh", listed)
ok(not any(a["key"] in ("feeds.copy.url", "feeds.ours.url") for a in listed), "what lies on the disk is no address", listed)
ok(sum(a["address"] is None for a in listed) == 3, "registries, clusters and receivers that only a command names", listed)
ok(not re.search(r"secret|word|token@|key=abc", r.out), "no password, token or query is shown", r.out)
w = run("network", site=site, env=env)
ok(w.status == 0 and "reforge.yaml:2 database" in w.out and "psirt.example" in w.out, "words name the line", w)

# Where libpq goes: a parameter before the host in front, the environment where the URL names none.
for url, more, address in (("postgresql:///reforge?host=db3.example&password=secret", {}, "postgresql://db3.example"),
                           ("postgresql://a@db1.example/reforge?hostaddr=10.0.0.9", {}, "postgresql://10.0.0.9"),
                           ("postgresql:///reforge", {"PGHOST": "db4.example"}, "postgresql://db4.example"),
                           ("postgresql://db1.example/reforge", {"PGHOST": "db4.example"}, "postgresql://db1.example"),
                           ("postgresql:///reforge", {}, "postgresql:// (this machine's socket)")):
    (site / "reforge.yaml").write_text(YAML.replace(YAML.splitlines()[1], f"database: {url}"))
    got = run("network", "--json", site=site, env={**env, **more})
    ok([a["address"] for a in got.json()["addresses"] if a["key"] == "database"] == [address] and "secret" not in got.out, f"{url}: {address}", got)

# Every file that opens a connection, or runs a program that does, is one of the doors.
OPENS = re.compile(r"\bPQconnect\w+\s*\(|(?<![.>\w])(http_client_new|curl_easy_perform|socket|connect|getaddrinfo|sendto)\s*\(")
RUNS = re.compile(r'argv\[[^\]]*\] = \{ "(git|ssh|curl|wget|skopeo|kubectl|docker|podman)"')
found = set()
for path in [*ROOT.glob("src/**/*.c"), *ROOT.glob("src/**/*.cpp"), *ROOT.glob("toolchains/**/*.c")]:
    name = str(path.relative_to(ROOT))
    # comments say what others do; network/ does what it is told, and its callers are looked at
    code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    if OPENS.search(code) and not name.startswith("src/network/"):
        found.add(name)
    if RUNS.search(code):
        found.add(name)
doors = {d["file"] for d in r.json()["doors"]}
# A door is opened by its callers: one more of them may reach what the list does not have. And what runs programs.
CALLERS = {
    "http_client_new": {"src/advisory/feed_sync.c", "src/inventory/kubernetes_api.c", "src/inventory/registry.c", "src/notify/webhook.c"},
    "feed_sync": {"src/cli/command_feed_sync.c"},
    "registry_open": {"src/inventory/scan_image_registry.c"},
    "kube_list": {"src/cli/kubernetes.c"},
    "webhook_enqueue": {"src/cli/inventory_writeback.c"},
    "webhook_deliver": {"src/cli/inventory_writeback.c"},
    "database_open": {"src/cli/command_network.c", "src/cli/site.c"},
    # the git program; bubblewrap's own test
    "process_run": {"src/advisory/sync_git.c", "src/process/isolation.c"},
}
for name, known in CALLERS.items():
    calls = {str(p.relative_to(ROOT)) for p in ROOT.glob("src/**/*.c")
             for code in [re.sub(r"/\*.*?\*/", "", p.read_text(), flags=re.S)]
             if re.search(rf"(?m)^(?!int ).*\b{name}\(", code) and not re.search(rf"(?m)^int {name}\(", code)}
    ok(calls == known, f"{name}() is called where the list knows of it", f"new: {sorted(calls - known)}", f"gone: {sorted(known - calls)}")
ok(found == doors, "every file that opens a connection is a door of the list", f"opens: {sorted(found - doors)}", f"does not: {sorted(doors - found)}")
done()
