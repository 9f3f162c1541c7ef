"""image: layers of an image of more than 2 GiB, streamed from an OCI layout."""
import hashlib, json, os, shutil, subprocess, tarfile
import bench

SIZE = 2200 << 20                     # unpacked
PLAN = 256 << 20                      # of it, one engine
ARCHIVES = (".gz", ".xz", ".zst", ".bz2", ".zip", ".whl", ".jar", ".tar", ".tgz", ".egg")
PACKERS = {"gzip": (["gzip", "-6c"], ["gzip", "-dc"]), "zstd": (["zstd", "-3qc"], ["zstd", "-dcq"])}

def files_of_a_system(size):
    """Regular files of /usr, again under another name until there are enough. No manuals, as in Debian's images, and no
    archives: what is in them is unpacked and looked into as well, which the peer does not do."""
    found = []
    for top, folders, names in os.walk("/usr"):
        folders[:] = sorted(f for f in folders if os.path.join(top, f) not in ("/usr/share/doc", "/usr/share/man", "/usr/share/info"))
        for name in sorted(names):
            path = os.path.join(top, name)
            try:
                if not name.endswith(ARCHIVES) and os.path.isfile(path) and not os.path.islink(path) and os.access(path, os.R_OK) and 0 < os.path.getsize(path) < 64 << 20:
                    found.append((path, os.path.getsize(path)))
            except OSError:
                pass
    done, turn = 0, 0
    while found and done < size:
        for path, bytes_ in found:
            yield path, f"{turn}{path}", bytes_
            done += bytes_
            if done >= size:
                return
        turn += 1

def pack(where, packing, members):
    """One layer into the layout: (descriptor, diff_id, unpacked bytes)."""
    raw = os.path.join(where, "layer")
    with open(raw, "wb") as out:
        packer = subprocess.Popen(PACKERS[packing][0], stdin=subprocess.PIPE, stdout=out)
        diff, count = hashlib.sha256(), [0]
        class Tee:
            def write(self, data):
                diff.update(data)
                count[0] += len(data)
                packer.stdin.write(data)
                return len(data)
        with tarfile.open(fileobj=Tee(), mode="w|", bufsize=1 << 20) as t:
            for path, name, _ in members:
                info = t.gettarinfo(path, name)
                if info.isreg():              # not a second name of a file that was packed
                    with open(path, "rb") as f:
                        t.addfile(info, f)
        packer.stdin.close()
        if packer.wait():
            raise RuntimeError(f"{packing} failed")
    digest = hashlib.file_digest(open(raw, "rb"), "sha256").hexdigest()
    size = os.path.getsize(raw)
    os.makedirs(os.path.join(where, "blobs/sha256"), exist_ok=True)
    os.rename(raw, os.path.join(where, "blobs/sha256", digest))
    return ({"mediaType": f"application/vnd.oci.image.layer.v1.tar+{packing}", "digest": "sha256:" + digest, "size": size}, "sha256:" + diff.hexdigest(), count[0])

def put(where, data):
    digest = hashlib.sha256(data).hexdigest()
    open(os.path.join(where, "blobs/sha256", digest), "wb").write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}

def layout(where, packing, plan):
    """An image of two layers. (unpacked bytes, blobs)."""
    files = list(files_of_a_system(SIZE - PLAN))
    half = len(files) // 2
    layers = [pack(where, packing, files[:half]), pack(where, packing, files[half:] + [(plan, "opt/large.plan", PLAN)])]
    config = put(where, json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [l[1] for l in layers]}}).encode())
    manifest = put(where, json.dumps({"schemaVersion": 2, "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
                                      "layers": [l[0] for l in layers]}).encode())
    open(os.path.join(where, "oci-layout"), "w").write('{"imageLayoutVersion": "1.0.0"}')
    json.dump({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest}]}, open(os.path.join(where, "index.json"), "w"))
    return sum(l[2] for l in layers), [os.path.join(where, "blobs/sha256", l[0]["digest"][7:]) for l in layers]

def image_layout():
    """an image of more than 2 GiB against its decompressor piped into openssl dgst -sha256"""
    for packing, (_, unpacker) in PACKERS.items():
        if not shutil.which(unpacker[0]):
            continue
        where = bench.folder("image")
        try:
            plan = os.path.join(where, "large.plan")
            subprocess.run([bench.program("demo/specimen/reforge-specimen"), "--version", "10.13.3.9", "--size", str(PLAN), plan], check=True)
            unpacked, blobs = layout(where, packing, plan)
            for blob in blobs:
                subprocess.run(["cat", blob], stdout=subprocess.DEVNULL, check=True)
            scan = [bench.program("reforge"), "scan", "--json", "oci:" + where]
            peer = ["sh", "-c", " && ".join(f"{' '.join(unpacker)} {b} | openssl dgst -sha256" for b in blobs)]
            ours, theirs = bench.in_turn(3, lambda: bench.Run(scan, ok=(0, 3)), lambda: bench.Run(peer))
            speed, other = (unpacked / 2**20 / bench.median([r.wall for r in runs]) for runs in (ours, theirs))
            yield bench.at_least(f"image of {unpacked / 2**30:.1f} GiB, {packing}", speed, "MiB/s", other, f"{unpacker[0]} | openssl: {other:,.0f} MiB/s", 0.8)
            yield bench.at_most(f"image, {packing}, peak memory", max(r.peak for r in ours) / 2**20, "MiB", 128, "128 MiB")
        finally:
            bench.remove(where)
