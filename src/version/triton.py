"""Writes triton.inc, the rows of triton.tsv as C initialisers; refuses a file that is not ascending in both columns."""
import re
import sys

rows = []
with open(sys.argv[1], encoding="utf-8") as f:
    for number, line in enumerate(f, 1):
        if line.startswith("#") or not line.strip():
            continue
        match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)\t(\d\d)\.(\d\d)\n?", line)
        if not match:
            sys.exit(f"{sys.argv[1]}:{number}: SERVER tab YY.MM")
        row = [int(part) for part in match.groups()]
        if rows and not (rows[-1][:3] < row[:3] and rows[-1][3:] < row[3:]):
            sys.exit(f"{sys.argv[1]}:{number}: not above the row before it")
        rows.append(row)
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write("/* made from triton.tsv by triton.py */\nstatic const struct triton_row triton_rows[] = {\n")
    for a, b, c, year, month in rows:
        out.write(f"\t{{ {{ {a}, {b}, {c} }}, {{ {year}, {month} }} }},\n")
    out.write("};\n")
