"""sbom: a bill of materials of 100,000 components, from the file into the database."""
import hashlib, json, os, shutil, subprocess
import bench

COMPONENTS = 100_000

def bill(path, n):
    """As scanners of images write them: package URL, CPE, licence, properties, some 500 bytes each."""
    kinds = [("deb/ubuntu", "arch=amd64&distro=ubuntu-22.04"), ("pypi", ""), ("npm", ""), ("rpm/redhat", "arch=x86_64")]
    with open(path, "w") as f:
        f.write('{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","bomFormat":"CycloneDX","specVersion":"1.6","version":1,'
                '"metadata":{"component":{"type":"container","name":"bench","version":"%d"}},"components":[' % n)
        for i in range(n):
            kind, qualifiers = kinds[i % 4]
            name, version = ("libnvinfer10", f"10.{i % 17}.{i % 5}.{i}-1+cuda12.9") if i % 1000 == 0 else (f"package-{i}", f"{i % 7}.{i % 31}.{i % 97}")
            purl = f"pkg:{kind}/{name}@{version.replace('+', '%2B')}" + (f"?{qualifiers}" if qualifiers else "")
            f.write(("," if i else "") + json.dumps({
                "bom-ref": f"{purl}&package-id={i:016x}", "type": "library", "name": name, "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}], "cpe": f"cpe:2.3:a:{name}:{name}:{version.replace('+', chr(92) + '+')}:*:*:*:*:*:*:*", "purl": purl,
                "properties": [{"name": "syft:package:type", "value": kind.split("/")[0]}, {"name": "syft:location:0:path", "value": f"/usr/share/doc/{name}/copyright"}]},
                separators=(",", ":")))
        f.write("]}")
    return os.path.getsize(path)

def sbom_import():
    """inventory import of 100,000 components, and of ten times as many"""
    where = bench.folder("sbom")
    try:
        files = {n: os.path.join(where, f"{n}.cdx.json") for n in (COMPONENTS, 10 * COMPONENTS)}
        sizes = {n: bill(path, n) for n, path in files.items()}
        def run(n):
            site = os.path.join(where, "site")
            shutil.rmtree(site, ignore_errors=True)
            os.mkdir(site)
            subprocess.run([bench.program("reforge"), "-C", site, "init", "--quiet"], check=True, stdout=subprocess.DEVNULL)
            return bench.Run([bench.program("reforge"), "-C", site, "inventory", "import", "--json", files[n]], ok=(0, 3))
        runs = [run(COMPONENTS) for _ in range(5)]
        ten = [run(10 * COMPONENTS) for _ in range(2)]
        wall = bench.median([r.wall for r in runs])
        growth = bench.median([r.cpu for r in ten]) / 10 / bench.median([r.cpu for r in runs])
        yield bench.at_most(f"bill of {COMPONENTS:,} components ({sizes[COMPONENTS] / 2**20:.0f} MiB), file to database", wall, "s", 2, "2 s")
        yield bench.at_most("bill of materials, processor time per component at ten times as many", growth, "x", 1.3, f"{COMPONENTS:,} components")
        yield bench.at_most("bill of materials, peak memory", max(r.peak for r in runs) / 2**20, "MiB", 512, "512 MiB")
        yield bench.at_most("bill of materials, peak memory at ten times as many", max(r.peak for r in ten) / 2**20, "MiB", 5120, "5 GiB")
    finally:
        bench.remove(where)
