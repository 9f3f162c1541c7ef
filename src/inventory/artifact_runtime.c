/*
 * Runtime libraries: an ELF shared object whose SONAME is ONNX Runtime's or TensorRT's.
 * ONNX Runtime's version is in its symbol versions (VERS_1.20.1), written by its linker script; TensorRT's full version
 * is only in the name of the file (libnvinfer.so.10.3.0). ELF: System V gABI, chapter 5; symbol versions: LSB core,
 * section 10.7.
 */
#include "inventory/artifact_int.h"

#define PT_LOAD 1
#define PT_DYNAMIC 2
#define DT_STRTAB 5
#define DT_SONAME 14
#define DT_VERDEF 0x6ffffffcULL
#define DT_VERDEFNUM 0x6ffffffdULL

/* ld.so itself refuses none of these; real libraries have about a dozen headers, forty entries, a few definitions. */
#define MAX_PROGRAM_HEADERS 64
#define MAX_DYNAMIC 256
#define MAX_VERSIONS 64

static const struct {
	const char *soname; /* with what follows: ".so", ".so.1" */
	const char *product;
} libraries[] = {
	{ "libonnxruntime.so", ARTIFACT_PRODUCT_ONNXRUNTIME },
	{ "libnvinfer.so", ARTIFACT_PRODUCT_TENSORRT },
};

struct elf {
	uint64_t phoff;
	unsigned phnum;
	uint64_t dynamic, dynamic_bytes;
	uint64_t strtab, soname, verdef, verdefnum;
};

static bool runtime_sniff(const struct artifact_reading *r)
{
	const unsigned char *p = (const unsigned char *)r->head.p;
	/* 64-bit, little-endian, ET_DYN, for the two machines that engines run on */
	return r->head.n >= 64 &&
	       memcmp(p,
		      "\x7f"
		      "ELF\2\1\1",
		      7) == 0 &&
	       le16(p + 16) == 3 && (le16(p + 18) == 62 || le16(p + 18) == 183);
}

/* Virtual address to file offset by the PT_LOAD headers. */
static bool file_offset(struct artifact_reading *r, const struct elf *e, uint64_t address, uint64_t *ret)
{
	for (unsigned i = 0; i < e->phnum; i++) {
		const unsigned char *p = artifact_at(r, e->phoff + 56 * (uint64_t)i, 56);
		if (!p)
			return false;
		uint64_t start = le64(p + 16), bytes = le64(p + 32);
		if (le32(p) == PT_LOAD && address >= start && address - start < bytes) {
			*ret = le64(p + 8) + (address - start);
			return true;
		}
	}
	return false;
}

static bool headers_read(struct artifact_reading *r, struct elf *e)
{
	const unsigned char *h = (const unsigned char *)r->head.p;
	e->phoff = le64(h + 32);
	e->phnum = RF_MIN((unsigned)le16(h + 56), (unsigned)MAX_PROGRAM_HEADERS);
	if (le16(h + 54) != 56 || e->phoff > r->src->size)
		return false;
	for (unsigned i = 0; i < e->phnum; i++) {
		const unsigned char *p = artifact_at(r, e->phoff + 56 * (uint64_t)i, 56);
		if (!p)
			return false;
		if (le32(p) == PT_DYNAMIC) {
			e->dynamic = le64(p + 8);
			e->dynamic_bytes = le64(p + 32);
			return true;
		}
	}
	return false;
}

static void dynamic_read(struct artifact_reading *r, struct elf *e)
{
	uint64_t n = RF_MIN(e->dynamic_bytes / 16, (uint64_t)MAX_DYNAMIC);
	for (uint64_t i = 0; i < n && e->dynamic <= r->src->size; i++) {
		const unsigned char *p = artifact_at(r, e->dynamic + 16 * i, 16);
		if (!p || le64(p) == 0)
			return;
		switch (le64(p)) {
		case DT_STRTAB:
			e->strtab = le64(p + 8);
			break;
		case DT_SONAME:
			e->soname = le64(p + 8);
			break;
		case DT_VERDEF:
			e->verdef = le64(p + 8);
			break;
		case DT_VERDEFNUM:
			e->verdefnum = le64(p + 8);
			break;
		default:
			break;
		}
	}
}

/* The terminated string at @at, cut at 128 bytes, in the arena. */
static struct span string_at(struct artifact_reading *r, uint64_t at)
{
	size_t n;
	const unsigned char *p = artifact_upto(r, at, 128, &n);
	if (!p)
		return SPAN_NONE;
	const unsigned char *end = memchr(p, 0, n);
	struct span copy = arena_span(r->a, span_bytes(p, end ? (size_t)(end - p) : n));
	if (!copy.p)
		r->failed = RF_ENOMEM;
	return copy;
}

/* "1.20.1" out of "VERS_1.20.1" */
static bool is_version(struct span s)
{
	size_t dots = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.')
			dots++;
		else if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n >= 3 && s.n < 32 && dots >= 1 && s.p[0] != '.' && s.p[s.n - 1] != '.';
}

static void version_set(struct artifact_reading *r, struct span version, enum artifact_version_source source)
{
	memcpy(r->facts->version, version.p, version.n);
	r->facts->version_source = source;
}

static void verdef_read(struct artifact_reading *r, const struct elf *e, uint64_t strings)
{
	uint64_t at;
	if (!e->verdef || !file_offset(r, e, e->verdef, &at))
		return;
	for (uint64_t i = 0; i < e->verdefnum && i < MAX_VERSIONS; i++) {
		const unsigned char *p = artifact_at(r, at, 20);
		if (!p)
			return;
		uint32_t aux = le32(p + 12), next = le32(p + 16);
		p = artifact_at(r, at + aux, 8);
		if (!p)
			return;
		uint64_t name_at = strings + le32(p);
		struct span name = string_at(r, name_at);
		if (span_starts(name, "VERS_") && is_version(span_from(name, 5))) {
			version_set(r, span_from(name, 5), ARTIFACT_VERSION_PACKAGE);
			artifact_evidence(r, "symbol version", name_at, name.p, name.n, "%.*s", SPAN_ARG(name));
			return;
		}
		if (next == 0)
			return;
		at += next;
	}
}

static int runtime_read(struct artifact_reading *r)
{
	struct artifact_facts *f = r->facts;
	struct elf e = { 0 };
	uint64_t strings;
	if (!headers_read(r, &e))
		return RF_EUNREADABLE;
	dynamic_read(r, &e);
	if (!e.soname || !file_offset(r, &e, e.strtab, &strings))
		return RF_EUNREADABLE;
	struct span soname = string_at(r, strings + e.soname);
	for (size_t i = 0; i < RF_COUNT(libraries); i++) {
		if (!span_starts(soname, libraries[i].soname))
			continue;
		size_t n = strlen(libraries[i].soname);
		f->kind = ARTIFACT_RUNTIME_LIBRARY;
		f->layout = "ELF";
		f->product = libraries[i].product;
		artifact_evidence(r, "SONAME", strings + e.soname, soname.p, soname.n, "%.*s", SPAN_ARG(soname));
		verdef_read(r, &e, strings);
		struct span named = span_starts(r->name, libraries[i].soname) ? span_from(r->name, n) : SPAN_NONE;
		if (!f->version[0] && named.n > 1 && is_version(span_from(named, 1)))
			version_set(r, span_from(named, 1), ARTIFACT_VERSION_NAME);
		if (!f->version[0])
			artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNKNOWN_BUILDER, "version_not_stated",
					"a runtime library (%.*s) that does not state its version", SPAN_ARG(soname));
		return 0;
	}
	return RF_EUNREADABLE;
}

const struct artifact_format artifact_format_runtime = {
	.name = "runtime",
	.sniff = runtime_sniff,
	.read = runtime_read,
};
