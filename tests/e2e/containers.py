"""Containers that hold engines, made byte by byte where Python's library would not make them so: what the tests of scan share."""
import base64, gzip, io, lzma, pickle, shutil, struct, subprocess, tarfile, zipfile

def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128); n >>= 7
    return bytes(out) + bytes([n])
def field(n, b): return varint(n << 3 | 2) + varint(len(b)) + b
def number(n, v): return varint(n << 3) + varint(v)

def context_node(value, embed, name):
    """An EPContext node of ONNX Runtime: the engine itself, or the name of a file beside the model."""
    mode = field(1, b"embed_mode") + number(3, embed) + number(20, 2)
    context = field(1, b"ep_cache_context") + field(4, value) + number(20, 3)
    return (field(1, b"x") + field(2, name) + field(3, name) + field(4, b"EPContext") + field(5, mode) + field(5, context) +
            field(7, b"com.microsoft"))
def context_model(values, embed=1):
    nodes = b"".join(field(1, context_node(v, embed, b"y%d" % i)) for i, v in enumerate(values))
    opsets = field(8, field(1, b"") + number(2, 17)) + field(8, field(1, b"com.microsoft") + number(2, 1))
    return number(1, 8) + field(2, b"onnxruntime") + field(7, nodes + field(2, b"g") + field(11, field(1, b"x"))) + opsets

def script_pickle(strings):
    """As TorchScript's pickler writes a vector of strings: bytes of any kind, called a text."""
    return b"\x80\x02(" + b"".join(b"X" + struct.pack("<I", len(s)) + s for s in strings) + b"t."

def tar(files, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.GNU_FORMAT) as t:
        for name, data in files.items():
            info = tarfile.TarInfo(name); info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()
def zipped(files, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()
def streamed_zip(files):
    """Sizes behind the content, as a program writes that cannot seek."""
    class NoSeek(io.RawIOBase):
        def __init__(self): self.b = bytearray()
        def writable(self): return True
        def write(self, b): self.b += bytes(b); return len(b)
    out = NoSeek()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in files.items():
            z.writestr(name, data)
    return bytes(out.b)
def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout if shutil.which("zstd") else None

def wrappings(engines):
    """{file name: bytes}: every engine of @engines ({name: bytes}) in each kind of container. None: no program makes it here."""
    several = {f"models/{n}": b for n, b in engines.items()}
    numbered = {f"archive/data/{i}": b for i, b in enumerate(engines.values())}
    plain = tar(several)
    made = {
        "a.tar": plain, "a.tar.gz": gzip.compress(plain, 1), "a.tar.xz": lzma.compress(plain, preset=0), "a.tar.zst": zstd(plain),
        "a.zip": zipped(several), "streamed.zip": streamed_zip(several),
        "storages.pth": zipped(numbered, zipfile.ZIP_STORED),
        "script.ts": zipped({"model/data.pkl": script_pickle(engines.values()), "model/version": b"3\n"}, zipfile.ZIP_STORED),
        "base64.ts": zipped({"model/constants.pkl": script_pickle([base64.b64encode(b) for b in engines.values()])}),
        "model_ctx.onnx": context_model(list(engines.values())),
    }
    for protocol in (1, 2, 3, 4, 5):
        state = {str(i): bytearray(b) for i, b in enumerate(engines.values())}
        made[f"torch2trt-{protocol}.pth"] = zipped({"archive/data.pkl": pickle.dumps(state, protocol)}, zipfile.ZIP_STORED)
        made[f"bytes-{protocol}.pkl"] = pickle.dumps(list(engines.values()), protocol)
    inner = {n: made[n] for n in ("a.tar.gz", "storages.pth", "script.ts", "model_ctx.onnx", "torch2trt-2.pth")}
    nested = tar(inner)
    made["nested.zip"] = zipped({"in/nested.tar": nested})
    made["nested.tar.gz"] = gzip.compress(tar({"in/nested.tar": nested}), 1)
    return made, {"nested.zip": len(inner), "nested.tar.gz": len(inner)}
