#!/usr/bin/env python3
"""What other readers read is read again: the number that facts and remembered digests carry is one of the sources. TAP."""
import pathlib, shutil, subprocess, sys
from tap import *

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src"

def number(tree):
    out = tree / "reader.inc"
    subprocess.run([sys.executable, str(tree / "inventory/reader.py"), str(out), str(tree / "reader.d"), str(tree / "inventory")], check=True)
    return out.read_text()

def changed(tree, name, text="\n"):
    path = tree / name
    before = path.read_bytes() if path.exists() else None
    path.write_bytes((before or b"") + text.encode())
    got = number(tree)
    path.write_bytes(before) if before is not None else path.unlink()
    return got

tree = folder() / "src"
for room in ("inventory", "format", "version"):
    shutil.copytree(SOURCE / room, tree / room)
first = number(tree)
ok("READER INT64_C(0x4" in first and number(tree) == first, "the same sources, the same number", first)
for name in ("inventory/artifact_tensorrt.c", "inventory/package_dpkg.c", "inventory/model_rules.c", "inventory/carve_onnx.c", "inventory/scan_set.c", "format/protobuf.c",
             "version/products.tsv", "inventory/artifact_new.c"):
    ok(changed(tree, name) != first, f"{name} decides what is read")
for name in ("inventory/kubernetes_join.c", "inventory/inventory_record.c"):
    ok(changed(tree, name) == first, f"{name} does not")
ok(number(tree) == first and "package_dpkg.c" in (tree / "reader.d").read_text(), "the build is told what it depends on")
done()
