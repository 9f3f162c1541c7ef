#!/usr/bin/env python3
"""scan IMAGE: layouts, archives, root file systems; whiteouts, links, platforms; what is damaged, forged or hostile. TAP."""
import bz2, csv, gzip, io, json, lzma, os, pathlib, shutil, sqlite3, struct, subprocess, sys, tarfile, zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from containers import context_model
from images import *
from tap import *

PROGRAM = os.path.join(BUILD, "reforge") if os.access(os.path.join(BUILD, "reforge"), os.X_OK) else REFORGE
MAKER = os.path.join(BUILD, "demo/specimen/reforge-specimen")
PACKINGS = ["", "gzip"] + (["zstd"] if shutil.which("zstd") else [])


def scan(*args, **more):
    return run("scan", *args, program=PROGRAM, **more)


def specimen(*args):
    path = folder() / "specimen.plan"
    subprocess.run([MAKER, *args, str(path)], check=True)
    data = path.read_bytes()
    path.unlink()
    return data


A = B = C = b""


def inside(result):
    """path within the image -> the report; "" is the image."""
    found = {}
    for f in result.lines():
        ref, mark, path = f["path"].partition("!/")
        assert path not in found, f"{f['path']} twice"
        found[path] = f
    return found


def one_image(name, layers, **more):
    return write_oci(folder() / name, {"1": Image(layers, **more)})


def the_file_system():
    deep = io.BytesIO()
    with zipfile.ZipFile(deep, "w") as z:
        z.writestr("m/c.plan", C)
    lower = tar_of([Folder("./"), Folder("./opt"), ("./opt/a.plan", A), ("/opt/deleted.plan", B), ("opt/replaced.plan", B), ("opt/gone/x.plan", B),
                    ("opt/opaque/x.plan", B), ("opt/opaque/y/z.plan", B), ("srv/bundle.zip", deep.getvalue()), ("srv/lost.zip", deep.getvalue()),
                    ("etc/text", b"nothing"), Link("opt/link.plan", "/opt/a.plan"), Link("opt/cut.plan", "deleted.plan"), Hard("opt/hard.plan", "opt/a.plan"),
                    Link("opt/loop.plan", "loop.plan"), Link("opt/out.plan", "../../../../../etc/passwd"), Special("dev/null"), ("opt/back.plan", A)])
    upper = tar_of([("opt/.wh.deleted.plan", b""), ("opt/.wh.gone", b""), ("opt/replaced.plan", C), Folder("opt/opaque"), ("opt/opaque/.wh..wh..opq", b""),
                    ("opt/opaque/new.plan", A), ("srv/.wh.lost.zip", b""), ("opt/.wh.back.plan", b""), ("etc/.wh..wh.aufs", b"")])
    top = tar_of([("opt/back.plan", C), ("naïve/模型.plan", A), ("odd!/name.plan", A)])
    want = {"opt/a.plan": A, "opt/hard.plan": A, "opt/link.plan": A, "opt/replaced.plan": C, "opt/opaque/new.plan": A, "srv/bundle.zip!/m/c.plan": C,
            "opt/back.plan": C, "naïve/模型.plan": A, "odd!/name.plan": A}
    for packing in PACKINGS:
        where = one_image("fs-" + (packing or "plain"), [Layer(t, packing) for t in (lower, upper, top)])
        result = scan("--json", f"oci:{where}:1")
        got = inside(result)
        plans = {p: f["sha256"] for p, f in got.items() if f["kind"] == "tensorrt-plan"}
        ok(plans == {p: sha256(d)[7:] for p, d in want.items()} and result.status == 0, f"what three layers hold in the end, {packing or 'plain'}", plans, result)
        manifest = json.loads((where / "index.json").read_text())["manifests"][0]["digest"][7:]
        image = got[""]
        ok(image["sha256"] == manifest and image["kind"] == "container-image" and image["target"] == "linux-x86_64" and image["layout"] == "oci",
           "the image is known by its manifest's digest", image)
        ok(any("deleted or replaced by layers above" in n for n in image["notes"]), "what lower layers had and is gone is noted", image["notes"])
    ok(any("symbolic link to opt/a.plan" in n for n in got["opt/link.plan"]["notes"]), "a link says what it leads to", got["opt/link.plan"])
    bare = scan("--json", where)
    ok([f["sha256"] for f in bare.lines()] == [f["sha256"] for f in result.lines()], "a folder that is a layout is scanned as one", bare)
    people = scan(f"oci:{where}:1")
    check(people, 0, "and for people", "opt/a.plan", "container-image", "10.13.3.9", absent=("etc/text",))


def libraries():
    """What links and names say of a library holds in an image as on a disk."""
    library = b"\x7fELF" + bytes(60)
    where = one_image("libraries", [Layer(tar_of([("usr/lib/libnvinfer.so.10.3.0", library), Link("usr/lib/libnvinfer.so.10", "libnvinfer.so.10.3.0"),
                                                  Link("usr/local/tensorrt", "/opt/tensorrt"), Link("usr/lib/libnvinfer.so", "libnvinfer.so.10")])),
                                    Layer(tar_of([("opt/model.plan", A), Link("opt/current", "models/v2"), ("opt/models/v2/m.plan", B),
                                                  Link("srv/m.plan", "/opt/current/m.plan")]))])
    got = inside(scan("--json", f"oci:{where}:1"))
    ok(got["srv/m.plan"]["sha256"] == sha256(B)[7:], "a link through a linked folder", got)


def sets():
    """Files that are one thing together, whichever layers they come from."""
    config = json.dumps({"version": "0.16.0", "pretrained_config": {"mapping": {"world_size": 2}}, "build_config": {}}).encode()
    plugin = pathlib.Path(folder() / "plugin.so")
    subprocess.run([MAKER, "--library", "libnvinfer_plugin.so.10", str(plugin)], check=True)
    packed = tar_of([("in/config.json", config), ("in/rank0.engine", A), ("in/rank1.engine", A)])
    lower = tar_of([("llm/config.json", config), ("llm/rank0.engine", A), ("cut/config.json", config), ("cut/rank0.engine", A), ("cut/rank1.engine", A),
                    ("ep/sub/e.engine", A), ("m/1/model.plan", A), ("all.tar", packed), ("old/config.json", config)])
    upper = tar_of([("llm/rank1.engine", A), ("cut/.wh.rank1.engine", b""), ("ep/ctx.onnx", context_model([b"./sub/e.engine"], 0)), ("m/1/libplugin.so", plugin.read_bytes()),
                    ("old/gpt_float16_tp2_rank0.engine", A), ("old/gpt_float16_tp2_rank1.engine", A)])
    where = one_image("sets", [Layer(lower), Layer(upper)])
    result = scan("--json", f"oci:{where}:1")
    got = inside(result)
    sets = {p: (f["kind"], f["version"], f["rules"]) for p, f in got.items() if "set of" in " ".join(f["notes"]) and f["sha256"]}
    llm = ("tensorrt-llm-engine", "0.16.0", [])
    ok(sets == {"llm": llm, "all.tar!/in": llm, "old": llm, "cut": (*llm[:2], ["set_incomplete"]), "ep/ctx.onnx!set": ("engine-set", None, []), "m/1": ("engine-set", None, [])},
       "sets of an image", sets, result)
    told = [c["product"] for c in got["llm/config.json"]["components"] if c["role"] == "builder"]
    ok(told == ["pkg:generic/nvidia/tensorrt-llm"], "what built the engines is told by the configuration", got["llm/config.json"])
    ok(got["llm"]["sha256"] == got["all.tar!/in"]["sha256"] == got["all.tar!/in"]["sha256"], "the same files are the same set", sets)


def packages():
    """Package databases, Python and npm packages: the facts of a layer are those of the same files on a disk."""
    files = {"var/lib/dpkg/status": b"Package: libnvinfer10\nStatus: install ok installed\nArchitecture: amd64\nVersion: 10.3.0.26-1+cuda12.5\n\n"
                                    b"Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2.15-2\n\n",
             "usr/lib/python3/dist-packages/onnxruntime-1.20.1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: onnxruntime\nVersion: 1.20.1\n\n",
             "srv/node_modules/left-pad/package.json": b'{"name": "left-pad", "version": "1.3.0"}'}
    for i in range(300):
        files[f"usr/lib/python3/dist-packages/p{i}-1.{i}.dist-info/METADATA"] = b"Metadata-Version: 2.1\nName: p%d\nVersion: 1.%d\n\n" % (i, i)
    got = inside(scan("--json", "oci:%s:1" % one_image("packages", [Layer(tar_of(files.items()))])))
    disk = folder() / "packages-disk"
    for name, data in files.items():
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_bytes(data)
    want = {f["path"][len(str(disk)) + 1:]: {k: v for k, v in f.items() if k != "path"} for f in scan("--json", disk).lines()}
    wrong = [(n, got.get(n), f) for n, f in want.items() if f["kind"] != "other" and {k: v for k, v in got.get(n, {}).items() if k != "path"} != f]
    ok(len(want) > 300 and not wrong, f"{len(want)} package files: facts as on a disk", *wrong[:3])


def docker_archives():
    base, app = Layer(tar_of([("opt/a.plan", A), ("opt/b.plan", B)]), ""), Layer(tar_of([("opt/.wh.b.plan", b""), ("srv/c.plan", C)]), "")
    images = {"site/app:1.0": Image([base, app], docker=True), "site/base:2.0": Image([base], docker=True)}
    plain = write_docker_archive(folder() / "saved.tar", images)
    packed = folder() / "saved.tar.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes(), 1))
    linked = write_docker_archive(folder() / "linked.tar", images, linked=True)
    newer = write_oci_archive(folder() / "newer.tar", {t: i for t, i in images.items()},
                              [{"Config": "blobs/sha256/" + sha256(i.config)[7:], "RepoTags": [t], "Layers": ["blobs/sha256/" + sha256(l.blob)[7:] for l in i.layers]}
                               for t, i in images.items()])
    for path, what in ((plain, "an older one"), (packed, "compressed"), (linked, "with links to layers"), (newer, "a newer one, with a layout")):
        result = scan("--json", f"docker-archive:{path}")
        by = {}
        for f in result.lines():
            ref, _, inner = f["path"].partition("!/")
            by.setdefault(ref.split(":", 2)[2], {})[inner] = f["sha256"]
        plans = {t: {p: d for p, d in i.items() if p} for t, i in by.items()}
        want = {"site/app:1.0": {"opt/a.plan": sha256(A)[7:], "srv/c.plan": sha256(C)[7:]},
                "site/base:2.0": {"opt/a.plan": sha256(A)[7:], "opt/b.plan": sha256(B)[7:]}}
        ok(plans == want and result.status == 0, f"docker save, {what}: both images", plans, result)
        i = images["site/app:1.0"]
        ok(by["site/app:1.0"][""] == (i.digest if path == newer else sha256(i.config))[7:], f"docker save, {what}: known by manifest or image ID", by)
    one = scan("--json", f"docker-archive:{plain}:2.0")
    ok({f["path"].partition("!/")[0] for f in one.lines()} == {f"docker-archive:{plain}:site/base:2.0"}, "one of them by its tag", one)
    check(scan(f"docker-archive:{plain}:3.0"), 2, "a tag that is not there", "no image 3.0")
    archive = write_oci_archive(folder() / "layout.tar", {"1": images["site/app:1.0"]})
    ok(set(inside(scan("--json", f"oci-archive:{archive}:1"))) == {"", "opt/a.plan", "srv/c.plan"}, "a layout in a tar")
    broken = folder() / "broken.tar"
    broken.write_bytes(plain.read_bytes()[:len(base.tar) + 2000])
    check(scan(f"docker-archive:{broken}"), 2, "a docker-archive that is cut off before its manifest", "archive")
    no_config = folder() / "no-config.tar"
    no_config.write_bytes(tar_of([("manifest.json", b'[{"Config":"c.json","RepoTags":["a:1"],"Layers":[]}]')]))
    check(scan(f"docker-archive:{no_config}"), 2, "a docker-archive without its config", "names the config c.json, which is not in the archive")
    no_layer = folder() / "no-layer.tar"
    config = images["site/base:2.0"].config
    no_layer.write_bytes(tar_of([("manifest.json", json.dumps([{"Config": sha256(config)[7:] + ".json", "RepoTags": ["a:1"], "Layers": ["x/layer.tar"]}]).encode()),
                                 (sha256(config)[7:] + ".json", config)]))
    check(scan("--json", f"docker-archive:{no_layer}"), 3, "a docker-archive without its layer", "is not in the archive", "image_layer_absent")
    forged = folder() / "forged.tar"
    forged.write_bytes(plain.read_bytes().replace(b'"architecture": "amd64"', b'"architecture": "arm64"'))
    check(scan("--json", f"docker-archive:{forged}"), 3, "a config that is not what its name says", "image_config_mismatch", '"conflict"')
    told, lying = [Image([Layer(tar_of([("opt/a.plan", d)]), "", diff_id=sha256(tar_of([("opt/a.plan", A)])))], docker=True) for d in (A, B)]
    archives = [write_docker_archive(folder() / n, {"a:1": i}) for n, i in (("told.tar", told), ("lying.tar", lying))]
    both = scan("--json", *(f"docker-archive:{a}" for a in archives))
    ok([f["sha256"] for f in both.lines() if "!/" in f["path"]] == [sha256(A)[7:], sha256(B)[7:]] and both.status == 3 and "image_layer_digest" in both.out,
       "an archive beside another with the same diff_id is read, and its claim seen through", both)
    mixed = write_docker_archive(folder() / "mixed.tar", {"a:1": told, "b:1": lying})
    both = scan("--json", f"docker-archive:{mixed}")
    ok([f["sha256"] for f in both.lines() if "!/" in f["path"]] == [sha256(A)[7:], sha256(B)[7:]] and both.status == 3, "and so are two images of one archive", both)
    dangling = folder() / "dangling.tar"
    dangling.write_bytes(tar_of([("manifest.json", json.dumps([{"Config": sha256(told.config)[7:] + ".json", "RepoTags": ["a:1"], "Layers": ["./x//layer.tar"]}]).encode()),
                                 (sha256(told.config)[7:] + ".json", told.config)]))
    check(scan("--json", f"docker-archive:{dangling}"), 3, "a name that is not written plainly", "layer 1 of 1 (x/layer.tar): is not in the archive")
    other = folder() / "other.tar"
    other.write_bytes(tar_of([("a", b"b")]))
    check(scan(f"docker-archive:{other}"), 2, "a tar of other things", "no archive of images")


def platforms():
    amd = Image([Layer(tar_of([("opt/amd.plan", A)]))])
    arm = Image([Layer(tar_of([("opt/arm.plan", B)]))], architecture="arm64", variant="v8")
    note = {"mediaType": OCI_MANIFEST, "digest": sha256(b"attestation"), "size": 11, "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    where = write_oci(folder() / "platforms", {"1": Index([amd, arm], more=[note]), "2": Index([amd, arm], docker=True)})
    for tag in "12":
        ref = f"oci:{where}:{tag}"
        ok(set(inside(scan("--json", "--platform", "linux/arm64", ref))) == {"", "opt/arm.plan"}, "the platform that is asked for")
        machine = os.uname().machine
        if machine in ("x86_64", "aarch64"):
            ok(set(inside(scan("--json", ref))) == {"", "opt/amd.plan" if machine == "x86_64" else "opt/arm.plan"}, "this machine's platform unless told")
        every = scan("--json", "--platform", "all", ref)
        ok(sorted(f["path"].partition("!/")[2] for f in every.lines()) == ["", "", "opt/amd.plan", "opt/arm.plan"] and
           {f["path"].partition("!/")[0] for f in every.lines()} == {f"{ref}@{i.digest}" for i in (amd, arm)}, "all of them, told apart by digest", every)
        check(scan("--platform", "linux/riscv64", ref), 2, "one that is not there", "no image for linux/riscv64; there are: linux/amd64, linux/arm64/v8")
    check(scan("--platform", "Linux", f"oci:{where}:1"), 2, "no platform", "is no platform")
    only = write_oci(folder() / "only", {"1": Index([Image([Layer(tar_of([("x.plan", A)]))], architecture="riscv64")])})
    ok(set(inside(scan("--json", f"oci:{only}:1"))) == {"", "x.plan"}, "the only one there is, whatever its platform")
    lies = Image([Layer(tar_of([("x.plan", A)]))], architecture="arm64")
    index = Index([lies])
    index.manifest = index.manifest.replace(b'"arm64"', b'"amd64"')
    check(scan("--json", "oci:%s:1" % write_oci(folder() / "lies", {"1": index})), 3, "a list and a config that name different platforms",
          "image_config_mismatch", '"conflict"')
    deep = Index([amd])
    for _ in range(6):
        deep = Index([deep])
    check(scan("oci:%s:1" % write_oci(folder() / "deep", {"1": deep})), 2, "indexes within indexes", "more than 4 deep")


def blob_of(where, data):
    return where / "blobs/sha256" / sha256(data)[7:]


def forged_and_damaged():
    plan = tar_of([("opt/a.plan", A)])
    good = Layer(tar_of([("opt/good.plan", B)]))

    def case(name, status, layers, *texts, change=None, absent=(), keeps=("opt/good.plan",)):
        where = one_image("bad-" + name.replace(" ", "-"), layers)
        if change:
            change(where)
        result = scan("--json", f"oci:{where}:1")
        check(result, status, name, *texts, absent=absent)
        if status == 3:
            got = inside(result)
            ok(all(k in got for k in keeps), f"{name}: the other layers are read", list(got))

    layer = Layer(plan)
    flipped = bytearray(layer.blob)
    flipped[60] ^= 0x55
    case("another blob than its digest", 3, [layer, good], "image_layer_digest", '"conflict"', "layer 1 of 2",
         change=lambda w: blob_of(w, layer.blob).write_bytes(Layer(tar_of([("opt/a.plan", C)])).blob[:len(layer.blob)].ljust(len(layer.blob), b"\0")))
    for name, blob in ("bzip2", bz2.compress(plan)), ("xz", lzma.compress(plan)):
        case(f"a layer in {name}", 3, [Layer(plan, blob=blob, diff_id=sha256(blob)), good], "image_layer_unreadable", f"the layer is {name}: runtimes unpack")
    case("a flipped bit", 3, [layer, good], "image_layer_digest", change=lambda w: blob_of(w, layer.blob).write_bytes(bytes(flipped)))
    case("a blob cut short", 3, [layer, good], "image_layer_unreadable", "the manifest says", '"unknown"',
         change=lambda w: blob_of(w, layer.blob).write_bytes(layer.blob[:-100]))
    case("a blob with more behind", 3, [layer, good], "image_layer_digest", change=lambda w: blob_of(w, layer.blob).write_bytes(layer.blob + b"x"))
    case("an empty blob", 3, [layer, good], "image_layer_unreadable", change=lambda w: blob_of(w, layer.blob).write_bytes(b""))
    case("a blob that is not there", 3, [layer, good], "image_layer_absent", "content_absent", change=lambda w: blob_of(w, layer.blob).unlink())
    case("another content than its diff_id", 3, [Layer(plan, diff_id=sha256(b"x")), good], "diff_id", "image_layer_digest")
    case("another content than its diff_id, plain", 3, [Layer(plan, "", diff_id=sha256(b"x")), good], "diff_id", "image_layer_digest")
    case("gzip that is damaged", 3, [Layer(plan, blob=bytes(flipped)), good], "image_layer_unreadable")
    case("gzip that ends too soon", 3, [Layer(plan, blob=layer.blob[:len(layer.blob) // 2]), good], "image_layer_unreadable")
    case("a tar that ends too soon", 3, [Layer(plan[:700], ""), good], "ends inside of a member", "image_layer_unreadable")
    case("no tar", 3, [Layer(b"no tar at all" * 100), good], "no tar archive", "image_layer_unreadable")
    case("an encrypted layer", 3, [Layer(plan, media_type="application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), good], "is encrypted", "image_layer_unreadable")
    foreign = Layer(plan, media_type="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    case("a foreign layer that is elsewhere", 3, [foreign, good], "image_layer_absent", change=lambda w: blob_of(w, foreign.blob).unlink())
    case("a path out of the image", 3, [Layer(tar_of([("../../etc/x.plan", A), ("opt/../../y.plan", A)])), good], "leads out of the image", "runtimes refuse it",
         absent=("etc/x.plan\",\"sha256",))
    case("a hard link out of the image", 3, [Layer(tar_of([Hard("opt/h.plan", "../../etc/shadow")])), good], "leads out of the image")
    case("a whiteout of nothing", 3, [Layer(tar_of([("opt/.wh.", b""), ("opt/.wh...", b"")])), good], "names nothing that can be deleted")
    sparse = folder() / "sparse.tar"
    holes = folder() / "holes.plan"
    with open(holes, "wb") as f:
        f.write(A), f.seek(1 << 20), f.write(b"end")
    subprocess.run(["tar", "--sparse", "--format=gnu", "-C", str(folder()), "-cf", str(sparse), "holes.plan"], check=True)
    case("a sparse member", 3, [Layer(sparse.read_bytes()), good], "sparse", "image_layer_incomplete")
    bomb = tar_of([("opt/zeros", bytes(400 << 20))])
    case("a bomb", 3, [Layer(bomb, blob=gzip.compress(bomb, 9)), good], "image_layer_incomplete", "250 bytes unpacked")
    one_layer, two = [layer, good], Image([layer, good])
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]}}).encode()
    two.manifest = two.manifest.replace(sha256(two.config).encode(), sha256(config).encode()).replace(b'"size": %d}, "layers"' % len(two.config), b'"size": %d}, "layers"' % len(config))
    two.config = config
    check(scan("--json", "oci:%s:1" % write_oci(folder() / "count", {"1": two})), 3, "fewer diff_ids than layers", "2 layers, the config 1 diff_ids", "image_config_mismatch")
    where = one_image("no-config-blob", one_layer)
    blob_of(where, Image(one_layer).config).unlink()
    check(scan("--json", f"oci:{where}:1"), 3, "no config: the layers are read all the same", "image_config_unreadable", "opt/good.plan")


def documents():
    where = one_image("documents", [Layer(tar_of([("opt/a.plan", A)]))])
    index = json.loads((where / "index.json").read_text())
    manifest = where / "blobs/sha256" / index["manifests"][0]["digest"][7:]
    for name, text, words in (("no JSON", "{", "index.json"), ("ambiguous", json.dumps({**index, "layers": []}), "both manifests and layers"),
                              ("a digest that climbs", json.dumps(index).replace(index["manifests"][0]["digest"], "sha256:../../../../etc/passwd"), "64 lower case"),
                              ("a list of nothing", json.dumps({"schemaVersion": 2, "manifests": []}), "no image")):
        copy = folder() / ("doc-" + name.replace(" ", "-"))
        shutil.copytree(where, copy)
        (copy / "index.json").write_text(text)
        check(scan(f"oci:{copy}:1"), 2, f"index.json: {name}", words)
    check(scan(f"oci:{where}:2"), 2, "a tag that is not there", "no image 2", "there are: 1")
    check(scan(f"oci:{where}@{sha256(b'')}"), 2, "a digest that is not there", "no image")
    ok(set(inside(scan("--json", f"oci:{where}@{index['manifests'][0]['digest']}"))) == {"", "opt/a.plan"}, "an image by its digest")
    check(scan(f"oci:{folder()}"), 2, "a folder that is no layout", "no OCI image layout")
    check(scan("oci:/nowhere:1"), 2, "a folder that is not there", "/nowhere")
    check(scan("--no-digest", f"oci:{where}:1"), 2, "an image is not scanned without digests", "cannot be scanned without them")
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(b'"size"', b'"size" '))
    check(scan(f"oci:{where}:1"), 1, "a manifest that is not what the index names", "it was changed or damaged")
    manifest.write_bytes(whole)
    (where / "oci-layout").write_text('{"imageLayoutVersion": "3.0.0"}')
    check(scan(f"oci:{where}:1"), 2, "a layout of another version", "3.0.0")


def artifacts():
    """Models and engines pushed as they are: a blob a file."""
    blob = Layer(A, "", blob=A, media_type="application/vnd.example.engine", annotations={"org.opencontainers.image.title": "asr/1/model.plan"})
    image = Image([blob])
    image.manifest = image.manifest.replace(OCI_CONFIG.encode(), b"application/vnd.oci.empty.v1+json")
    got = inside(scan("--json", "oci:%s:1" % write_oci(folder() / "artifact", {"1": image})))
    ok(got.get("asr/1/model.plan", {}).get("sha256") == sha256(A)[7:] and got[""]["finding"] is None, "an OCI artifact's blob is a file", got)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as z:
        z.writestr("c.plan", C)
    titled = lambda data, title: Layer(data, "", blob=data, media_type="application/vnd.example.engine", annotations={"org.opencontainers.image.title": title})
    image = Image([titled(A, "asr/1/model.plan"), titled(A, "asr/2/model.plan"), titled(inner.getvalue(), "x.zip"), titled(inner.getvalue(), "y.zip"), titled(A, "../out.plan")])
    image.manifest = image.manifest.replace(OCI_CONFIG.encode(), b"application/vnd.oci.empty.v1+json")
    where = write_oci(folder() / "titles", {"1": image})
    with tarfile.open(folder() / "titles.tar", "w") as t:
        t.add(where, arcname=".")
    for name in (f"oci:{where}:1", f"oci-archive:{folder() / 'titles.tar'}:1"):
        got = inside(scan("--json", name))
        ok({p: f["sha256"] for p, f in got.items() if f["kind"] == "tensorrt-plan"} == {"asr/1/model.plan": sha256(A)[7:], "asr/2/model.plan": sha256(A)[7:],
           "x.zip!/c.plan": sha256(C)[7:], "y.zip!/c.plan": sha256(C)[7:]} and got[""]["finding"] == "unknown", "one blob under two titles is two files", got)


def triton_repositories():
    """What a server of the image's file system loads, by what its layers leave of configurations and version folders."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        z.writestr("det/1/model.plan", C)
    lower = tar_of([Folder("m"), ("m/det/config.pbtxt", b"version_policy: { all: {} }"), ("m/det/1/model.plan", A), ("m/det/2/model.plan", B),
                    ("m/det/10/model.plan", C), Folder("m/det/11"), ("m/auto/1/model.plan", A), ("m/linked/1/model.plan", A), Link("m/linked/config.pbtxt", "../det/config.pbtxt"),
                    ("m/large/config.pbtxt", b"#" * (1 << 20) + b"#"), ("m/large/1/model.plan", A), ("m/empty/config.pbtxt", b""), ("m/empty/1/model.plan", A),
                    ("m/gone/config.pbtxt", b"name: 'other'"), ("m/gone/1/model.plan", A), ("packed/m.zip", packed.getvalue()), ("opt/x.plan", A)])
    upper = tar_of([("m/det/config.pbtxt", b'backend: "tensorrt" version_policy: { latest: { num_versions: 1 } }'), ("m/det/.wh.10", b""), ("m/det/.wh.11", b""),
                    ("m/det/2/other.plan", A), ("m/gone/.wh.config.pbtxt", b"")])
    want = {"m/det/1/model.plan": ("not_served", "version 1; the policy serves latest 1 of the 2 that are there"), "m/det/2/model.plan": ("loaded", "the version's model file"),
            "m/det/2/other.plan": ("never_loaded", "the version's model file is model.plan"), "m/auto/1/model.plan": ("loaded", "the version's model file"),
            "m/linked/1/model.plan": ("untold", "config.pbtxt is a link"), "m/large/1/model.plan": ("untold", "larger than any"), "m/empty/1/model.plan": ("loaded", ""),
            "m/gone/1/model.plan": ("loaded", ""), "packed/m.zip!/det/1/model.plan": None, "opt/x.plan": None}
    root = folder() / "triton-root"
    (root / "m/det/3").mkdir(parents=True)
    (root / "m/det/3/model.plan").write_bytes(A)
    (root / "m/det/config.pbtxt").write_text("version_policy: { specific: { versions: [1] } }")
    for name in (f"oci:{one_image('triton', [Layer(lower), Layer(upper, 'gzip')])}:1",):
        got = {p: f.get("triton") for p, f in inside(scan("--json", name)).items() if f["kind"] == "tensorrt-plan"}
        ok(got.keys() == want.keys() and all((got[p] is None) if w is None else got[p] and got[p]["load"] == w[0] and w[1] in got[p]["why"] for p, w in want.items()),
           "Triton's verdicts on the files of an image", {p: g for p, g in got.items()})
    got = inside(scan("--json", f"rootfs:{root}"))["m/det/3/model.plan"]["triton"]
    ok(got["load"] == "not_served" and got["model"] == "det" and got["version"] == 3, "and of a root file system", got)


def found_in_a_folder():
    """A layout or a saved archive among other files, or given by its bare name, is read as an image: as with its prefix."""
    d = folder() / "found"; (d / "models").mkdir(parents=True)
    layers = [Layer(tar_of([("opt/a.plan", A), ("opt/b.plan", B)])), Layer(tar_of([("opt/.wh.b.plan", b""), ("srv/c.plan", C)]))]
    write_oci(d / "build/layout", {"1": Image(layers)})
    saved = write_docker_archive(d / "saved.tar", {"site/app:1.0": Image(layers, docker=True)})
    write_oci_archive(d / "layout.tar", {"1": Image(layers)})
    (d / "packed.tar.gz").write_bytes(gzip.compress(saved.read_bytes(), 1))
    (d / "models/d.plan").write_bytes(B)
    loose = d / "loose.tar"; loose.write_bytes(tar_of([("manifest.json", b"[]"), ("x/e.plan", B)]))

    def plans(result):
        return sorted(f["path"] for f in result.lines() if f["kind"] == "tensorrt-plan")
    want, images = [], {"oci:": "build/layout", "docker-archive:": "saved.tar", "oci-archive:": "layout.tar"}
    for form, name in [*images.items(), ("docker-archive:", "packed.tar.gz")]:
        given = scan("--json", f"{form}{d / name}")
        want += plans(given)
        if name != "build/layout":
            bare = scan("--json", d / name)
            ok(plans(bare) == plans(given) and [f for f in bare.lines() if f["kind"] == "container-image"] == [f for f in given.lines() if f["kind"] == "container-image"] and
               bare.status == 0, f"{name} by its bare name is that image", bare)
    ok(len(want) == 8, "two engines in each", want)
    got = scan("--json", d)
    ok(plans(got) == sorted(want + [f"{d}/models/d.plan", f"{loose}!/x/e.plan"]) and got.status == 0, "in a folder too; another tar is an archive like others", got)
    ok(sum(f["kind"] == "container-image" for f in got.lines()) == 4 and not any(".wh." in f["path"] for f in got.lines()), "with a line for each image, none for a whiteout", got)
    site = folder() / "found-site"
    check(run("init", site, "--site", "found", program=PROGRAM), 0, "a workspace")
    r = run("check", "--json", "--fail-on", "none", d / "saved.tar", program=PROGRAM, cwd=site)
    ok(sorted(a["subject"].partition("!/")[2] for a in r.lines()) == ["", "opt/a.plan", "srv/c.plan"], "check asks about the image and what it holds", r)
    blob_of(d / "build/layout", layers[0].blob).unlink()
    (d / "layout.tar").write_bytes(tar_of([("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'), ("index.json", b"{")]))
    got = scan("--json", d)
    by = {f["path"]: f for f in got.lines()}
    ok(got.status == 3 and by[f"oci:{d}/build/layout:1"]["finding"] == "unknown" and by[f"{d}/layout.tar"]["finding"] == "unknown", "what is damaged is unknown, and ends nothing", got)


def root_file_systems():
    root = folder() / "root"
    (root / "opt/models").mkdir(parents=True)
    (root / "usr/lib").mkdir(parents=True)
    (root / "opt/models/a.plan").write_bytes(A)
    (root / "opt/abs.plan").symlink_to("/opt/models/a.plan")
    (root / "opt/escape.plan").symlink_to(folder() / "outside.plan")
    (folder() / "outside.plan").write_bytes(B)
    os.mkfifo(root / "opt/fifo.plan")
    os.link(root / "opt/models/a.plan", root / "opt/hard.plan")
    result = scan("--json", f"rootfs:{root}", timeout=30)
    got = inside(result)
    plans = {p: f["sha256"] for p, f in got.items() if p}
    ok(plans == {p: sha256(A)[7:] for p in ("opt/models/a.plan", "opt/abs.plan", "opt/hard.plan")}, "links lead to the root of the folder, never out of it", plans, result)
    ok(got[""]["layout"] == "rootfs" and len(got[""]["sha256"]) == 64, "it has a digest of its own", got[""])
    again = scan("--json", f"rootfs:{root}")
    (root / "opt/models/b.plan").write_bytes(B)
    changed = scan("--json", f"rootfs:{root}")
    ok(inside(again)[""]["sha256"] == got[""]["sha256"] != inside(changed)[""]["sha256"], "which says whether anything of interest changed")
    check(scan("rootfs:/nowhere"), 2, "a folder that is not there", "no folder")


def every_engine():
    data = ROOT.parent / "shared/data/engines"
    if not (data / "expected.csv").exists():
        return skip("engines in a layer as expected.csv says", "no data folder beside the repository")
    rows = list(csv.DictReader(open(data / "expected.csv")))
    names = [r["file"] for r in rows]
    half = len(names) // 2
    for packing in PACKINGS:
        where = one_image("engines-" + packing, [Layer(tar_of([(f"models/{n}", data / n) for n in part]), packing) for part in (names[:half], names[half:])])
        result = scan("--json", f"oci:{where}:1", timeout=600)
        got = inside(result)
        disk = {pathlib.Path(f["path"]).name: f for f in scan("--json", data, timeout=600).lines() if "!/" not in f["path"]}
        wrong = []
        for r in rows:
            f = got.get("models/" + r["file"], {})
            is_ = (f.get("kind"), f.get("version") or "", f.get("compute_capability") or "", f.get("sha256"))
            want = (r["kind"], r["version"] if r["version"] != "none" else "", r["compute_capability"], r["sha256"])
            if is_ != want:
                wrong.append(f"{r['file']}: {is_}, expected {want}")
            same = ("kind", "version", "version_source", "finding", "cause", "target", "layout", "size", "rules", "components")
            if any(f.get(k) != disk[r["file"]].get(k) for k in same):
                wrong.append(f"{r['file']}: {f} against {disk[r['file']]}")
        ok(len(rows) > 30 and not wrong, f"{len(rows)} real engines in a layer ({packing or 'plain'}): the facts of expected.csv and of a scan on the disk", *wrong)
        shutil.rmtree(where)


def recorded():
    site = folder() / "site"
    check(run("init", site, "--site", "images", program=PROGRAM), 0, "a workspace")
    layer = Layer(tar_of([("opt/a.plan", A), ("opt/b.plan", B)]))
    one, index = Image([layer]), Index([Image([layer, Layer(tar_of([("opt/c.plan", C)]))])])
    one.layers.append(Layer(tar_of([("lib/x-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\nName: x\nVersion: 1.0\n\n")])))
    one = Image(one.layers)
    where = write_oci(folder() / "recorded", {"1": one, "2": index})
    check(scan(f"oci:{where}:1", f"oci:{where}:2", site=site), 0, "two images in a workspace")
    db = sqlite3.connect(f"file:{site}/reforge.db?mode=ro", uri=True)
    hosts = run("inventory", "list", "--all", "--json", site=site, program=PROGRAM).lines()
    got = sorted((p["host"], p["path"], p["kind"], p["sha256"]) for p in hosts)
    manifests = {i["annotations"]["org.opencontainers.image.ref.name"]: i["digest"][7:] for i in json.loads((where / "index.json").read_text())["manifests"]}
    ok(got == [(f"image:oci:{where}:1", "/", "container-image", manifests["1"]), (f"image:oci:{where}:2", "/", "container-image", index.images[0].digest[7:])],
       "each image is one placement", got)
    tables = [t for t, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'inventory_%'")]
    ok(any("inside" in t for t in tables), "what they hold is recorded beside", tables)
    db.close()
    report = scan(f"oci:{where}:1")
    ok(report.status == 0, "outside of a workspace nothing is recorded", report)


def deployed(name, image, tag="1", workload=None):
    """A workspace whose cluster runs @image, with an advisory that B is affected by; where the image is, what scans it, what is known."""
    site, where = folder() / name, write_oci(folder() / (name + "-layout"), {tag: image})
    check(run("init", site, "--site", "images", program=PROGRAM), 0, "a workspace")
    advisory = {"schema_version": "1.6.0", "id": "OSV-T-1", "modified": "2026-01-01T10:00:00Z", "published": "2026-01-01T10:00:00Z", "summary": "t",
                "affected": [{"package": {"ecosystem": "PyPI", "name": "tensorrt", "purl": "pkg:generic/nvidia/tensorrt"},
                              "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "10.9.0"}]}]}]}
    (site / "a.json").write_text(json.dumps(advisory))
    check(run("feed", "import", site / "a.json", site=site, program=PROGRAM), 0, "an advisory")
    (site / "reforge.yaml").write_text("site: images\nenvironments: {production: {}}\nservices:\n  svc: {owner: {name: o, contact: '#o'}, environments: [production]}\n"
                                       "kubernetes: {namespaces: {speech: production}}\n")
    workload = workload or {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "asr", "namespace": "speech"},
                "spec": {"template": {"spec": {"containers": [{"name": "s", "image": "r/asr@" + image.digest}]}}}}
    (site / "k").mkdir()
    (site / "k/d.json").write_text(json.dumps(workload))
    run("scan", f"k8s:{site}/k", "--cluster", "eu", site=site, program=PROGRAM)

    def look(*options):
        return scan(*options, f"oci:{where}:{tag}", site=site)

    def status(*options):
        return run("status", *options, site=site, program=PROGRAM)
    return where, look, status


def seen_in_part():
    """A scan that saw less takes nothing away; one that saw all of it stands."""
    image = Image([Layer(tar_of([("opt/a.plan", A)])), Layer(tar_of([("opt/b.plan", B)]))])
    where, look, status = deployed("less", image)
    check(look(), 0, "an image that is read whole")
    check(status(), 1, "an engine in it is affected")
    blob = blob_of(where, image.layers[1].blob)
    blob.unlink()
    check(look(), 3, "a layer is missing now")
    check(status(), 1, "what was known to be in it is still there", "affected 1/1")
    harmless = Image([Layer(tar_of([("opt/a.plan", A)])), Layer(tar_of([("opt/c.plan", C)]))])
    where, look, status = deployed("more", harmless)
    blob = blob_of(where, harmless.layers[1].blob)
    kept = blob.read_bytes()
    blob.unlink()
    check(look(), 3, "a layer is missing")
    check(status(), 3, "the image is unknown until it is read whole")
    blob.write_bytes(kept)
    check(look(), 0, "it is there again")
    check(status(), 0, "an image that was read whole is known")
    under = Image([Layer(tar_of([("opt/b.plan", B)])), Layer(tar_of([("opt/a.plan", A), ("opt/.wh.b.plan", b"")]))])
    where, look, status = deployed("deleted", under)
    check(look(), 0, "an image whose affected engine is deleted by a layer above")
    check(status(), 0, "it is clean")
    blob_of(where, under.layers[1].blob).unlink()
    check(look(), 3, "the layer that deletes it is missing")
    check(status(), 0, "what is known whole is not changed by that")


def served():
    """What KServe would run by a runtime is exposed like what a Deployment runs, under the service and its owner."""
    image = Image([Layer(tar_of([("opt/b.plan", B)]))])
    runtime = {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "ServingRuntime", "metadata": {"name": "triton", "namespace": "speech"},
               "spec": {"supportedModelFormats": [{"name": "tensorrt", "autoSelect": True}], "containers": [{"name": "kserve-container", "image": "r/triton@" + image.digest}]}}
    service = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
               "metadata": {"name": "ocr", "namespace": "speech", "labels": {"app.kubernetes.io/name": "svc"}},
               "spec": {"predictor": {"model": {"modelFormat": {"name": "tensorrt"}, "storageUri": "s3://b/ocr"}}}}
    where, look, status = deployed("served", image, workload={"apiVersion": "v1", "kind": "List", "items": [service, runtime]})
    check(look(), 0, "the runtime's image")
    got = status("--json")
    mine = next(s for s in json.loads(got.out)["services"] if s["service"] == "svc")
    ok(got.status == 1 and mine["builder"]["affected"] == 1 and mine["environment"] == "production", "an engine in it affects the service of KServe", got)


def lists_of_platforms():
    """What runs by a list's digest is known when all that the list names is."""
    amd, arm = Image([Layer(tar_of([("opt/amd.plan", B)]))]), Image([Layer(tar_of([("opt/arm.plan", A)]))], architecture="arm64", variant="v8")

    def workload(status):
        s, = [s for s in json.loads(status.out)["services"] if s["environment"] == "production"]
        return s["builder"]["affected"], s["image"]["unknown"]

    def case(name, index, steps):
        where, look, status = deployed(name, index)
        for platform, want in steps:
            look(*(["--platform", platform] if platform else []))
            got = status("--json")
            ok(workload(got) == want, f"{name}, {platform}: affected engines, unknown images", got)
        return where, look, status
    note = {"mediaType": OCI_MANIFEST, "digest": sha256(b"attestation"), "size": 11, "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    case("one-by-one", Index([amd, arm]), [("linux/amd64", (1, 1)), ("linux/arm64", (1, 1)), ("all", (1, 0)), ("linux/arm64", (1, 0))])
    case("clean-one", Index([amd, arm]), [("linux/arm64", (0, 1)), ("all", (1, 0))])
    case("single", Index([arm], more=[note]), [(None, (0, 0))])
    case("single-asked", Index([arm], more=[note]), [("linux/arm64", (0, 0))])
    case("nested", Index([arm, Index([amd])]), [("all", (0, 1))])
    for name, lost in ("first", amd), ("second", arm):
        where, look, status = deployed(name + "-lost", Index([amd, arm]))
        blob_of(where, lost.layers[0].blob).unlink()
        check(look("--platform", "all"), 3, "a platform's layer is missing")
        got = status("--json")
        ok(workload(got)[1] == 1, f"the {name} platform is not whole, so the list is not", got)
    where, look, status = deployed("noted", Index([amd, arm]))
    look("--platform", "linux/arm64")
    db = sqlite3.connect(f"file:{folder()}/noted/reforge.db?mode=ro", uri=True)
    got = db.execute("SELECT finding, cause, notes FROM inventory_artifact WHERE digest = ?", (Index([amd, arm]).digest[7:],)).fetchall()
    db.close()
    ok(len(got) == 1 and got[0][:2] == ("unknown", "content_absent") and "not looked at: linux/amd64 (`--platform all` looks at all)" in got[0][2],
       "the list says what was not looked at", got)


if not os.access(MAKER, os.X_OK):
    skip("scan IMAGE", "the specimen maker is not built")
else:
    A, B, C = specimen("--version", "10.13.3.9", "--cc", "8.6"), specimen("--version", "8.6.1.6", "--cc", "7.5"), specimen("--version", "10.9.0.34", "--cc", "8.9")
    for group in (the_file_system, libraries, sets, packages, docker_archives, found_in_a_folder, platforms, forged_and_damaged, documents, artifacts, triton_repositories, root_file_systems, recorded, seen_in_part, served, lists_of_platforms, every_engine):
        guarded(group)
done()
