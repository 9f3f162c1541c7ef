"""inventory: headers of many files, the digest of a large one, engines inside of a packed archive, models looked
through."""
import io, os, subprocess, tarfile
import bench

FILES = 100_000
LARGE = 4 << 30

def inventory_headers():
    """headers of 100,000 engine files, warm cache, one core"""
    where = bench.folder("headers")
    try:
        subprocess.run([bench.program("demo/specimen/reforge-specimen"), "--count", str(FILES), where], check=True)
        cpu = {sorted(os.sched_getaffinity(0))[0]}
        argv = [bench.program("reforge"), "scan", "--no-digest", "--threads", "1", "--json", where]
        bench.Run(argv, ok=(0, 3))                                   # warms the cache
        runs = [bench.Run(argv, cpus=cpu, ok=(0, 3)) for _ in range(5)]
        rate = FILES / bench.median([r.wall for r in runs])
        yield bench.at_least("headers of engine files", rate, "files/s", 100_000, "100,000 files/s a core", 1.0)
        yield bench.at_most("headers, peak memory", max(r.peak for r in runs) / 2**20, "MiB", 64, "64 MiB")
        tenth = [bench.Run(argv[:-1] + [os.path.join(where, f"{i:03d}")  for i in range(FILES // 10_000)], cpus=cpu, ok=(0, 3)).wall for _ in range(5)]
        growth = bench.median([r.wall for r in runs]) / 10 / bench.median(tenth)
        yield bench.at_most("headers, cost per file at 100,000 against 10,000", growth, "x", 1.3, "10,000 files")
    finally:
        bench.remove(where)

def inventory_digest():
    """a full scan of a 4 GiB file against openssl dgst -sha256"""
    where = bench.folder("digest")
    try:
        large = os.path.join(where, "large.plan")
        subprocess.run([bench.program("demo/specimen/reforge-specimen"), "--version", "10.13.3.9", "--size", str(LARGE), large], check=True)
        subprocess.run(["cat", large], stdout=subprocess.DEVNULL, check=True)
        scan = [bench.program("reforge"), "scan", "--json", large]
        ours, theirs = bench.in_turn(3, lambda: bench.Run(scan, ok=(0, 3)), lambda: bench.Run(["openssl", "dgst", "-sha256", large]))
        speed = LARGE / 2**20 / bench.median([r.wall for r in ours])
        peer = LARGE / 2**20 / bench.median([r.wall for r in theirs])
        yield bench.at_least("full scan of 4 GiB", speed, "MiB/s", peer, f"openssl dgst: {peer:,.0f} MiB/s", 0.9)
        yield bench.at_most("full scan of 4 GiB, peak memory", max(r.peak for r in ours) / 2**20, "MiB", 64, "64 MiB")
    finally:
        bench.remove(where)

def packed_engines(path, count, each):
    """A tar.zst of @count plans: the headers of specimens around five eighths of noise, which packs as real engines do."""
    plan = path + ".plan"
    subprocess.run([bench.program("demo/specimen/reforge-specimen"), "--version", "10.13.3.9", "--cc", "8.6", "--size", str(each), plan], check=True)
    with open(plan, "rb") as f:
        body = bytearray(f.read())
    os.unlink(plan)
    head, tail, noise = bytes(body[:4096]), bytes(body[-16:]), os.urandom(40 << 20)
    zstd = subprocess.Popen(["zstd", "-q", "-3", "-f", "-o", path], stdin=subprocess.PIPE)
    with tarfile.open(fileobj=zstd.stdin, mode="w|") as t:
        for i in range(count):
            for block in range(each >> 16):
                at = (block * 7 + i * 13) % 1024 * 40960
                body[block << 16:(block << 16) + 40960] = noise[at:at + 40960]
            body[:4096], body[-16:] = head, tail
            info = tarfile.TarInfo(f"models/m{i}/1/model.plan"); info.size = each
            t.addfile(info, io.BytesIO(body))
    zstd.stdin.close()
    if zstd.wait() != 0:
        raise RuntimeError("zstd failed")

def inventory_containers():
    """2 GiB of engines in a tar.zst, against zstd -dc into openssl dgst -sha256"""
    where = bench.folder("containers")
    count, each = 32, 64 << 20
    try:
        packed = os.path.join(where, "engines.tar.zst")
        pid = os.fork()                          # what it holds would count as a child's peak
        if pid == 0:
            try:
                packed_engines(packed, count, each)
                os._exit(0)
            finally:
                os._exit(1)
        if os.waitpid(pid, 0)[1] != 0:
            raise RuntimeError("the archive could not be made")
        subprocess.run(["cat", packed], stdout=subprocess.DEVNULL, check=True)
        scan = [bench.program("reforge"), "scan", "--json", packed]
        peer = ["sh", "-c", 'zstd -dc "$1" | openssl dgst -sha256', "sh", packed]
        ours, theirs = bench.in_turn(3, lambda: bench.Run(scan, ok=(0, 3)), lambda: bench.Run(peer))
        mib = count * each / 2**20
        speed, other = mib / bench.median([r.wall for r in ours]), mib / bench.median([r.wall for r in theirs])
        yield bench.at_least("engines inside of a tar.zst, unpacked", speed, "MiB/s", other, f"zstd -dc | openssl dgst: {other:,.0f} MiB/s", 0.8)
        yield bench.at_most("engines inside of a tar.zst, peak memory", max(r.peak for r in ours) / 2**20, "MiB", 128, "128 MiB")
    finally:
        bench.remove(where)

def _varint(v):
    out = bytearray()
    while True:
        out.append(v & 0x7F | (0x80 if v > 0x7F else 0))
        v >>= 7
        if not v:
            return bytes(out)

def _field(number, payload):
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload

def _write_model(path, parts):
    """ModelProto around a graph; parts() gives its fields, twice: this process must stay small, or its children's peaks are its own."""
    size = sum(len(p) for p in parts())
    with open(path, "wb") as f:
        f.write(b"\x08\x08" + _varint(7 << 3 | 2) + _varint(size))
        f.writelines(parts())
        f.write(_field(8, b"\x10\x11"))
    return os.path.getsize(path)

FLOATS = _field(2, _field(1, b"\x08\x01" + _field(2, _field(1, b"\x08\x01"))))              # TypeProto: float[1]

def _nodes(path, count):
    """A chain of @count nodes with names as exporters write them, a second input and an attribute."""
    def parts():
        yield _field(2, b"chain") + _field(11, _field(1, b"/model/layer.0/input") + FLOATS)
        for i in range(count):
            yield _field(1, _field(1, b"/model/layer.%d/input" % i) + _field(1, b"/model/weight") + _field(2, b"/model/layer.%d/input" % (i + 1))
                         + _field(3, b"/model/layer.%d/Concat" % i) + _field(4, b"Concat") + _field(5, _field(1, b"axis") + b"\x18\0\xa0\x01\x02"))
        yield _field(5, b"\x08\x01\x10\x01" + _field(8, b"/model/weight") + _field(9, b"\0" * 4))
        yield _field(12, _field(1, b"/model/layer.%d/input" % count) + FLOATS)
    return _write_model(path, parts)

def _weights(path, tensors):
    """@tensors initialisers of 1 MiB."""
    shape, data = b"\x08" + _varint(1 << 18) + b"\x10\x01", _field(9, b"\0" * (1 << 20))
    return _write_model(path, lambda: (_field(5, shape + _field(8, b"/model/weight.%d" % i) + data) for i in range(tensors)))

def inventory_models():
    """models looked through: against reading them, against onnx.checker, at ten times the nodes"""
    where = bench.folder("models")
    try:
        path = lambda name: os.path.join(where, name)
        scan = lambda name: bench.Run([bench.program("reforge"), "scan", "--no-digest", "--threads", "1", "--json", path(name)])
        size = _weights(path("weights.onnx"), 1024)
        ours, theirs = bench.in_turn(5, lambda: scan("weights.onnx"), lambda: bench.Run(["cat", path("weights.onnx")]))
        speed, peer = (size / 2**20 / bench.median([r.wall for r in runs]) for runs in (ours, theirs))
        yield bench.at_least("model with 1 GiB of weights, looked through", speed, "MiB/s", peer, f"cat: {peer:,.0f} MiB/s", 1.0)
        _nodes(path("small.onnx"), 100_000)
        size = _nodes(path("large.onnx"), 1_000_000)
        small, large = bench.in_turn(5, lambda: scan("small.onnx"), lambda: scan("large.onnx"))
        cpu = [bench.median([r.cpu for r in runs]) for runs in (small, large)]
        yield bench.at_most("cost per node at 1,000,000 against 100,000", cpu[1] / 10 / cpu[0], "x", 1.5, "100,000 nodes")
        yield bench.at_least("model of 1,000,000 nodes", 1_000_000 / cpu[1], "nodes/s", 500_000, f"500,000 nodes a processor second ({size / 2**20:,.0f} MiB)", 1.0)
        yield bench.at_most("model of 1,000,000 nodes, peak memory", max(r.peak for r in large) / 2**20, "MiB", 256, "256 MiB")
        check = ["/usr/bin/python3", "-c", "import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]))", path("small.onnx")]
        if subprocess.run(["/usr/bin/python3", "-c", "import onnx"], capture_output=True).returncode == 0:
            ours, theirs = bench.in_turn(3, lambda: scan("small.onnx"), lambda: bench.Run(check))
            theirs = bench.median([r.wall for r in theirs])
            yield bench.at_least("model of 100,000 nodes", 100_000 / bench.median([r.wall for r in ours]), "nodes/s", 100_000 / theirs,
                                 f"onnx.checker, loading included: {100_000 / theirs:,.0f} nodes/s", 1.0)
    finally:
        bench.remove(where)
