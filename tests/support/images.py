"""Container images for tests: layers, OCI layouts, docker-archives, made here and now.

    layer = tar_of([("opt/a.plan", b"..."), Link("lib/x", "y"), Hard("b", "a"), Folder("d"), Special("null")])
    image = Image([Layer(layer, "gzip"), ...]);  image.write_oci(folder, "1.0")
"""
import gzip, hashlib, io, json, pathlib, subprocess, tarfile

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Entry:
    def __init__(self, name, kind, link=""):
        self.name, self.kind, self.link = name, kind, link

def Link(name, to): return Entry(name, tarfile.SYMTYPE, to)
def Hard(name, to): return Entry(name, tarfile.LNKTYPE, to)
def Folder(name): return Entry(name, tarfile.DIRTYPE)
def Special(name): return Entry(name, tarfile.CHRTYPE)


def tar_of(entries, format=tarfile.PAX_FORMAT):
    """@entries: (name, bytes or path) or one of the above, in order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as t:
        for e in entries:
            if isinstance(e, Entry):
                info = tarfile.TarInfo(e.name)
                info.type, info.linkname = e.kind, e.link
                t.addfile(info)
            else:
                name, data = e
                data = data.read_bytes() if isinstance(data, pathlib.Path) else data
                info = tarfile.TarInfo(name)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, stdout=subprocess.PIPE, check=True).stdout


class Layer:
    def __init__(self, tar, packing="gzip", docker=False, blob=None, media_type=None, diff_id=None, annotations=None):
        self.tar = tar
        self.blob = blob if blob is not None else {"": lambda t: t, "gzip": lambda t: gzip.compress(t, 1), "zstd": zstd}[packing](tar)
        oci = "application/vnd.oci.image.layer.v1.tar" + ("+" + packing if packing else "")
        self.media_type = media_type or ("application/vnd.docker.image.rootfs.diff.tar" + (".gzip" if packing == "gzip" else "") if docker else oci)
        self.diff_id = diff_id or sha256(tar)
        self.annotations = annotations

    def descriptor(self):
        d = {"mediaType": self.media_type, "digest": sha256(self.blob), "size": len(self.blob)}
        return {**d, "annotations": self.annotations} if self.annotations else d


class Image:
    def __init__(self, layers, os="linux", architecture="amd64", variant=None, docker=False, config=None):
        self.layers, self.os, self.architecture, self.variant, self.docker = layers, os, architecture, variant, docker
        self.config = json.dumps({"architecture": architecture, "os": os, **({"variant": variant} if variant else {}), "config": {},
                                  "rootfs": {"type": "layers", "diff_ids": [l.diff_id for l in layers]}, **(config or {})}).encode()
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": self.media_type,
            "config": {"mediaType": DOCKER_CONFIG if docker else OCI_CONFIG, "digest": sha256(self.config), "size": len(self.config)},
            "layers": [l.descriptor() for l in layers]}).encode()

    media_type = property(lambda self: DOCKER_MANIFEST if self.docker else OCI_MANIFEST)
    digest = property(lambda self: sha256(self.manifest))

    def blobs(self):
        return [self.config, self.manifest] + [l.blob for l in self.layers]

    def descriptor(self, platform=False, **annotations):
        d = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}
        if platform:
            d["platform"] = {"os": self.os, "architecture": self.architecture, **({"variant": self.variant} if self.variant else {})}
        return {**d, "annotations": annotations} if annotations else d


class Index:
    """A list of platforms."""
    def __init__(self, images, docker=False, more=()):
        self.images, self.docker = images, docker
        self.manifest = json.dumps({"schemaVersion": 2, "mediaType": self.media_type,
                                    "manifests": [i.descriptor(platform=True) for i in images] + list(more)}).encode()

    media_type = property(lambda self: DOCKER_LIST if self.docker else OCI_INDEX)
    digest = property(lambda self: sha256(self.manifest))

    def blobs(self):
        return [self.manifest] + [b for i in self.images for b in i.blobs()]

    def descriptor(self, platform=False, **annotations):
        d = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.manifest)}
        return {**d, "annotations": annotations} if annotations else d


def oci_files(images):
    """@images: tag ("" none) -> Image or Index. The files of a layout: name -> bytes."""
    entries = [i.descriptor(**({"org.opencontainers.image.ref.name": tag} if tag else {})) for tag, i in images.items()]
    files = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
             "index.json": json.dumps({"schemaVersion": 2, "manifests": entries}).encode()}
    for i in images.values():
        for b in i.blobs():
            files["blobs/sha256/" + sha256(b)[7:]] = b
    return files


def write_oci(folder, images):
    for name, data in oci_files(images).items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def write_oci_archive(path, images, manifest_json=None):
    """@manifest_json: a list as newer `docker save` writes it beside the layout."""
    files = list(oci_files(images).items())
    if manifest_json is not None:
        files.append(("manifest.json", json.dumps(manifest_json).encode()))
    pathlib.Path(path).write_bytes(tar_of(files))
    return path


def write_docker_archive(path, images, linked=False):
    """What older `docker save` writes. @images: tag -> Image. @linked: a layer that is there already is a link to it."""
    entries, files, seen = [], [], {}
    for n, (tag, image) in enumerate(images.items()):
        layers = []
        for k, l in enumerate(image.layers):
            name = hashlib.sha256(f"{n}/{k}".encode()).hexdigest() + "/layer.tar"
            if linked and l.diff_id in seen:
                files.append(Link(name, "../" + seen[l.diff_id]))
            else:
                files.append((name, l.tar))
                seen.setdefault(l.diff_id, name)
            layers.append(name)
        config = sha256(image.config)[7:] + ".json"
        files.append((config, image.config))
        entries.append({"Config": config, "RepoTags": [tag] if tag else None, "Layers": layers})
    files.append(("manifest.json", json.dumps(entries).encode()))
    pathlib.Path(path).write_bytes(tar_of(files))
    return path
