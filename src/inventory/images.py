"""Writes images.inc, the text of images.csv as a C array."""
import sys

with open(sys.argv[1], "rb") as f:
    data = f.read()
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write("/* made from images.csv by images.py */\nstatic const unsigned char images_csv[] = {\n")
    for at in range(0, len(data), 20):
        out.write("\t" + ", ".join(str(b) for b in data[at:at + 20]) + ",\n")
    out.write("};\n")
