"""Writes products.inc, the rows of products.tsv as C initialisers; refuses a file that breaks its own rules."""
import re
import sys

SCHEMES = {"tensorrt", "release", "semver", "pep440", "deb", "rpm", "cuda", "driver", "container", "triton", "dotted", "generic", "git", "plain"}
AFFECTING = {"yes": "ENGINE_AFFECTING_YES", "no": "ENGINE_AFFECTING_NO", "unknown": "ENGINE_AFFECTING_UNKNOWN"}
KINDS = ["purl", "osv", "csaf", "cpe"]
LINES = {"DriveOS": "PLATFORM_DRIVEOS", "JetPack": "PLATFORM_JETPACK"}


def fail(line, text):
    sys.exit(f"{sys.argv[1]}:{line}: {text}")


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def canonical(kind, alias):
    """The form that product.c looks up: what does not matter in a name is gone."""
    if kind == "csaf":
        return " ".join(alias.lower().split())
    if kind == "cpe":
        return alias.lower()
    if kind == "osv":
        ecosystem, name = alias.split("/", 1)
        return ecosystem + "/" + (re.sub(r"[-_.]+", "-", name.lower()) if ecosystem == "PyPI" else name)
    type_, rest = alias[len("pkg:"):].split("/", 1)
    if type_ == "pypi":
        rest = re.sub(r"[-_.]+", "-", rest.lower())
    elif type_ in ("github", "deb", "golang", "bitbucket"):
        rest = rest.lower()
    return f"pkg:{type_}/{rest}"


def read(path):
    products, aliases, lines = {}, {}, {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            fields = line.split("\t")
            if len(fields) != 5 or not all(fields):
                fail(number, "five columns, none empty")
            purl, scheme, affecting, kind, alias = fields
            if scheme not in SCHEMES or affecting not in AFFECTING or kind not in KINDS + ["name", "line"]:
                fail(number, "unknown scheme, engine_affecting or alias kind")
            if (kind == "name") != (purl not in products):
                fail(number, "the first row of a product, and only it, is its name")
            if kind == "name":
                products[purl] = (alias, scheme, affecting)
                kind, alias = "purl", purl
            if products[purl][1:] != (scheme, affecting):
                fail(number, "scheme and engine_affecting are the same in all rows of a product")
            if kind == "line":
                if alias not in LINES or alias in lines.setdefault(purl, []):
                    fail(number, f"a line is one of {', '.join(LINES)}, once")
                lines[purl].append(alias)
                continue
            if aliases.setdefault((kind, canonical(kind, alias)), purl) != purl:
                fail(number, f"{alias} names two products")
    return products, aliases, lines


def main():
    products, aliases, lines = read(sys.argv[1])
    places = {purl: i for i, purl in enumerate(products)}
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        out.write("/* made from products.tsv by products.py */\nstatic const struct product products[] = {\n")
        for purl, (name, scheme, affecting) in products.items():
            out.write(f"\t{{ {quote(purl)}, {quote(name)}, {quote(scheme)}, {AFFECTING[affecting]}, "
                      f"{' | '.join(f'1u << {LINES[line]}' for line in lines.get(purl, [])) or '0'} }},\n")
        out.write("};\n\n/* sorted by kind and alias, for the binary search */\nstatic const struct alias aliases[] = {\n")
        for (kind, alias), purl in sorted(aliases.items(), key=lambda e: (KINDS.index(e[0][0]), e[0][1].encode())):
            out.write(f"\t{{ PRODUCT_ALIAS_{kind.upper()}, {quote(alias)}, {places[purl]} }},\n")
        out.write("};\n")


main()
