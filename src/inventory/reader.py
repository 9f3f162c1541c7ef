"""Writes reader.inc, a number for all that decides what is read out of a file: it is another one when a line of that changes."""
import hashlib, os, sys

out, depfile, here = sys.argv[1:4]
ROOMS = {".": ("artifact", "carve", "model", "package", "scan"), "../format": ("",), "../version": ("",)}

digest = hashlib.sha256()
read = []
for room, beginnings in ROOMS.items():
    folder = os.path.join(here, room)
    for name in sorted(os.listdir(folder)):
        if name != "meson.build" and not name.startswith(beginnings):
            continue
        path = os.path.join(folder, name)
        with open(path, "rb") as f:
            digest.update(f"{room}/{name}".encode() + b"\0" + hashlib.sha256(f.read()).digest())
        read.append(os.path.abspath(path))
with open(out, "w", encoding="utf-8") as f:
    # positive, and above any number of former builds and of INVENTORY_CLAIM
    f.write("/* made by reader.py */\n#define READER INT64_C(0x4%s)\n" % digest.hexdigest()[:15])
with open(depfile, "w", encoding="utf-8") as f:
    f.write(os.path.basename(out) + ": " + " ".join(p.replace(" ", "\\ ") for p in read) + "\n")
