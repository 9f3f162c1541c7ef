"""inventory: headers of many files, the digest of a large one, engines inside of a packed archive."""
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
        packed_engines(packed, count, each)
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
