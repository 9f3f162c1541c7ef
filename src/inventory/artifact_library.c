/*
 * What a shared library says its version is, strongest first: its own version functions, a version symbol, its symbol
 * versions; then the name of its file (libnvinfer.so.10.3.0), which anybody can change. SONAMEs give the major alone.
 *
 * Version functions are read, not run: compilers make "load a constant, return" of them, which is decoded here for
 * x86-64 and AArch64. Of longer ones the constants are looked at; code with none, or with two, is no answer.
 *   getInferLibMajorVersion() and its three siblings, getInferLibVersion(): NvInferRuntime.h
 *   tensorrt_version_8_6_1_6, a symbol: TensorRT Developer Guide, "how do I determine the version from the library"
 *   cudaRuntimeGetVersion(), cublasLtGetVersion(), cudnnGetVersion(): NVIDIA's API references
 *   cudnn_ops_infer_version and the like: variables of cuDNN's parts, seen in 9.28
 *   VERS_1.20.1: the linker script of ONNX Runtime
 */
#include "inventory/artifact_int.h"

#define CODE_BYTES 64
/* cudaRuntimeGetVersion() has a few hundred bytes. */
#define CALLER_BYTES 4096
#define MAX_CALLS 64

static int library_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	const struct elf_window_source *s = data;
	uint64_t left = offset < s->bytes ? s->bytes - offset : 0;
	return artifact_source_read(s->src, buffer, (size_t)RF_MIN((uint64_t)n, left), s->at + offset, ret_n);
}

int library_open(struct artifact_reading *r, uint64_t at, uint64_t bytes, struct elf_window_source *source,
		 struct elf *ret, struct err *err)
{
	*source = (struct elf_window_source){ .src = r->src, .at = at, .bytes = bytes };
	struct elf_source s = { .pread = library_pread, .data = source, .size = bytes };
	int rc = elf_open(&s, r->a, ret, err);
	if (rc == RF_ENOMEM || rc == RF_EIO)
		r->failed = rc;
	return rc;
}

/* ── Constants in code ───────────────────────────────────────────────────────────────────────────────────────────── */

static bool starts(const unsigned char *p, size_t n, const char *bytes, size_t count)
{
	return n >= count && memcmp(p, bytes, count) == 0;
}

/* [endbr64] [push rbp; mov rbp, rsp] mov eax, imm | xor eax, eax [pop rbp] ret */
static bool returned_x86(const unsigned char *p, size_t n, uint64_t *ret)
{
	size_t i = 0;
	bool framed = false;
	if (starts(p, n, "\xf3\x0f\x1e\xfa", 4))
		i += 4;
	if (starts(p + i, n - i, "\x55\x48\x89\xe5", 4)) {
		i += 4;
		framed = true;
	}
	if (n - i >= 6 && p[i] == 0xb8) {
		*ret = le32(p + i + 1);
		i += 5;
	} else if (n - i >= 8 && starts(p + i, n - i, "\x48\xc7\xc0", 3)) {
		*ret = le32(p + i + 3);
		i += 7;
	} else if (starts(p + i, n - i, "\x31\xc0", 2) || starts(p + i, n - i, "\x33\xc0", 2)) {
		*ret = 0;
		i += 2;
	} else {
		return false;
	}
	if (framed && i < n && p[i] == 0x5d)
		i++;
	return i < n && p[i] == 0xc3;
}

/* [bti c] movz w0, imm [movk w0, imm, lsl 16] ret; with x0 as well */
static bool returned_aarch64(const unsigned char *p, size_t n, uint64_t *ret)
{
	size_t i = 0;
	if (n >= 4 && le32(p) == 0xd503245f)
		i += 4;
	if (n - i < 8 || (le32(p + i) & 0x7fe0001f) != 0x52800000)
		return false;
	*ret = le32(p + i) >> 5 & 0xffff;
	i += 4;
	if ((le32(p + i) & 0x7fe0001f) == 0x72a00000) {
		*ret |= (uint64_t)(le32(p + i) >> 5 & 0xffff) << 16;
		i += 4;
	}
	return n - i >= 4 && le32(p + i) == 0xd65f03c0;
}

static bool function_bytes(struct elf *e, const char *name, struct elf_symbol *ret, unsigned char *code, size_t room,
			   size_t *ret_n)
{
	if (elf_symbol_find(e, name, ret, NULL) < 0 || elf_loaded(e, ret->address, code, room, ret_n, NULL) < 0)
		return false;
	if (ret->bytes)
		*ret_n = (size_t)RF_MIN((uint64_t)*ret_n, ret->bytes);
	return *ret_n > 0;
}

/* What the function @name returns, when that is a constant. */
static bool returned(struct elf *e, const char *name, uint64_t *ret)
{
	struct elf_symbol s;
	unsigned char code[CODE_BYTES];
	size_t n;
	if (!function_bytes(e, name, &s, code, sizeof code, &n))
		return false;
	switch (e->header.machine) {
	case ELF_X86_64:
		return returned_x86(code, n, ret);
	case ELF_AARCH64:
		return returned_aarch64(code, n, ret);
	default:
		return false;
	}
}

/* NVIDIA's one number: major * 10000 + minor * 100 + patch, with 1000 and 100 up to some major; cudart's is major *
 * 1000
 * + minor * 10. The SONAME's major tells which. */
static bool number_text(uint64_t v, unsigned major, unsigned parts, char ret[LIBRARY_VERSION_BYTES])
{
	if (v == 0 || v > 9999999 || major == 0)
		return false;
	if (parts == 2 && v / 1000 == major && v % 10 == 0)
		snprintf(ret, LIBRARY_VERSION_BYTES, "%u.%u", major, (unsigned)(v % 1000 / 10));
	else if (parts != 2 && v / 10000 == major)
		snprintf(ret, LIBRARY_VERSION_BYTES, "%u.%u.%u", major, (unsigned)(v / 100 % 100), (unsigned)(v % 100));
	else if (parts != 2 && v / 1000 == major)
		snprintf(ret, LIBRARY_VERSION_BYTES, "%u.%u.%u", major, (unsigned)(v / 100 % 10), (unsigned)(v % 100));
	else
		return false;
	return true;
}

/* A version among the constants that code loads or stores. */
struct constant {
	unsigned major, parts;
	char version[LIBRARY_VERSION_BYTES];
	bool several; /* different ones: no answer */
};

static void constant_seen(struct constant *c, uint64_t v)
{
	char text[LIBRARY_VERSION_BYTES];
	if (!number_text(v, c->major, c->parts, text))
		return;
	c->several = c->several || (c->version[0] && strcmp(c->version, text) != 0);
	memcpy(c->version, text, sizeof text);
}

/* mov r32, imm (b8 to bf); mov dword [r], imm and mov dword [r + 8 bits], imm (c7). */
static void constants_x86(struct constant *c, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i + 7 <= n; i++) {
		if (p[i] >= 0xb8 && p[i] <= 0xbf)
			constant_seen(c, le32(p + i + 1));
		if (p[i] == 0xc7 && (p[i + 1] & 0xf8) == 0)
			constant_seen(c, le32(p + i + 2));
		if (p[i] == 0xc7 && (p[i + 1] & 0xf8) == 0x40)
			constant_seen(c, le32(p + i + 3));
	}
}

/* movz r, imm [movk r, imm, lsl 16] */
static void constants_aarch64(struct constant *c, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i + 8 <= n; i += 4) {
		uint32_t first = le32(p + i), next = le32(p + i + 4);
		if ((first & 0x7fe00000) != 0x52800000)
			continue;
		uint64_t v = first >> 5 & 0xffff;
		if ((next & 0x7fe0001f) == (0x72a00000 | (first & 31)))
			v |= (uint64_t)(next >> 5 & 0xffff) << 16;
		constant_seen(c, v);
	}
}

static void constants(const struct elf *e, struct constant *c, const unsigned char *p, size_t n)
{
	if (e->header.machine == ELF_X86_64)
		constants_x86(c, p, n);
	else if (e->header.machine == ELF_AARCH64)
		constants_aarch64(c, p, n);
}

/* Where the instruction at @i calls to; 0: it is no direct call. */
static uint64_t called(const struct elf *e, const unsigned char *p, size_t i, size_t n, uint64_t address)
{
	if (e->header.machine == ELF_X86_64)
		return n - i >= 5 && p[i] == 0xe8 ? address + i + 5 + (uint64_t)(int64_t)(int32_t)le32(p + i + 1) : 0;
	if (i % 4 || n - i < 4 || le32(p + i) >> 26 != 0x25)
		return 0;
	uint64_t words = le32(p + i) & 0x3ffffff;
	return address + i + 4 * (words & 0x2000000 ? words | ~(uint64_t)0x3ffffff : words);
}

/*
 * The version that the function @name gives: what it returns; else the only number in it, or in the heads of what it
 * calls (an exported function may tell profilers of the call first), that is a version of the SONAME's major.
 */
static bool function_version(struct elf *e, const char *name, unsigned major, unsigned parts,
			     char ret[LIBRARY_VERSION_BYTES])
{
	struct elf_symbol s;
	struct constant c = { .major = major, .parts = parts };
	unsigned char code[CALLER_BYTES], callee[CODE_BYTES];
	size_t n, have;
	uint64_t v;
	if (returned(e, name, &v))
		return number_text(v, major, parts, ret);
	if (!function_bytes(e, name, &s, code, sizeof code, &n) || s.bytes == 0)
		return false;
	constants(e, &c, code, n);
	for (size_t i = 0, calls = 0; i < n && !c.version[0] && calls < MAX_CALLS; i++) {
		uint64_t target = called(e, code, i, n, s.address);
		if (!target)
			continue;
		calls++;
		if (elf_loaded(e, target, callee, sizeof callee, &have, NULL) == 0)
			constants(e, &c, callee, have);
	}
	memcpy(ret, c.version, sizeof c.version);
	return c.version[0] && !c.several;
}

/* The version in a variable of four bytes: 0, major, minor, patch from the highest. */
static bool variable_version(struct elf *e, const char *name, unsigned major, char ret[LIBRARY_VERSION_BYTES])
{
	struct elf_symbol s;
	unsigned char v[4];
	size_t n;
	if (elf_symbol_find(e, name, &s, NULL) < 0 || s.bytes != 4 ||
	    elf_loaded(e, s.address, v, sizeof v, &n, NULL) < 0 || n != 4 || v[3] != 0 || v[2] != major)
		return false;
	snprintf(ret, LIBRARY_VERSION_BYTES, "%u.%u.%u", v[2], v[1], v[0]);
	return true;
}

/* ── Versions ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* "1.20.1" */
static bool is_version(struct span s)
{
	size_t dots = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.' || i + 1 == s.n))
			return false;
		if (s.p[i] == '.')
			dots++;
		else if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n >= 3 && s.n < LIBRARY_VERSION_BYTES && dots >= 1;
}

static void told(struct artifact_reading *r, struct library *l, struct span version, const char *source,
		 const char *what, uint64_t at)
{
	memcpy(l->version, version.p, version.n);
	l->version[version.n] = '\0';
	l->source = source;
	artifact_evidence(r, what, at, version.p, version.n, "%.*s", SPAN_ARG(version));
}

static unsigned major_of(struct span soname)
{
	size_t at = span_find(soname, SPAN(".so."));
	struct span number = at == SIZE_MAX ? SPAN_NONE : span_from(soname, at + 4), part;
	uint64_t v;
	return span_split(&number, '.', &part) && part.n <= 4 && span_u64(part, &v) ? (unsigned)v : 0;
}

struct symbol_version {
	const char *prefix;
	char version[LIBRARY_VERSION_BYTES];
	uint64_t at;
};

static int symbol_version(const struct elf_symbol_version *v, void *data)
{
	struct symbol_version *s = data;
	struct span rest = span_starts(v->name, s->prefix) ? span_from(v->name, strlen(s->prefix)) : SPAN_NONE;
	if (v->file.n || !is_version(rest))
		return 0;
	memcpy(s->version, rest.p, rest.n);
	s->version[rest.n] = '\0';
	s->at = v->at;
	return 1;
}

static void tensorrt_version(struct artifact_reading *r, struct elf *e, struct library *l, unsigned major)
{
	static const char *const names[] = { "getInferLibMajorVersion", "getInferLibMinorVersion",
					     "getInferLibPatchVersion", "getInferLibBuildVersion" };
	uint64_t v[4], at = 0;
	char text[LIBRARY_VERSION_BYTES];
	size_t n = 0;
	while (n < RF_COUNT(names) && returned(e, names[n], &v[n]) && v[n] < 10000)
		n++;
	if (n == RF_COUNT(names)) {
		snprintf(text, sizeof text, "%u.%u.%u.%u", (unsigned)v[0], (unsigned)v[1], (unsigned)v[2],
			 (unsigned)v[3]);
		told(r, l, span_of(text), "version-function", "what getInferLibMajorVersion() and the like return", 0);
		return;
	}
	struct span symbol;
	if (elf_string_find(e, "tensorrt_version_", &symbol, &at, NULL) == 0 && symbol.n > 17) {
		struct span digits = span_from(symbol, 17);
		char dotted[LIBRARY_VERSION_BYTES] = "";
		for (size_t i = 0; i < digits.n && digits.n < sizeof dotted; i++)
			dotted[i] = (char)(digits.p[i] == '_' ? '.' : digits.p[i]);
		if (is_version(span_of(dotted))) {
			told(r, l, span_of(dotted), "symbol", "symbol tensorrt_version_*", at);
			return;
		}
	}
	if (returned(e, "getInferLibVersion", &v[0]) && number_text(v[0], major, 3, text))
		told(r, l, span_of(text), "version-function", "what getInferLibVersion() returns", 0);
}

/* One is the beginning of the other, by whole parts. */
static bool agree(struct span a, struct span b)
{
	if (a.n > b.n) {
		struct span other = a;
		a = b;
		b = other;
	}
	return span_eq(a, span_sub(b, 0, a.n)) && (a.n == b.n || b.p[a.n] == '.');
}

/* The file's name: where nothing else speaks it is the version, else it must agree. */
static void name_check(struct artifact_reading *r, struct library *l)
{
	const struct library_row *row = library_row_of(r->name);
	size_t at = span_find(r->name, SPAN(".so."));
	if (!row || strcmp(row->product, l->row->product) != 0 || at == SIZE_MAX ||
	    span_eq(r->name, l->soname)) /* libcudart.so.11.0 is the name of the interface, not of the version */
		return;
	struct span version = span_from(r->name, at + 4);
	if (!is_version(version))
		return;
	if (l->row->parts == 2) { /* what follows is the library's own count, no part of the product's version */
		size_t first = span_find_byte(version, '.'),
		       second = span_find_byte(span_from(version, first + 1), '.');
		version = span_sub(version, 0, second == SIZE_MAX ? version.n : first + 1 + second);
	}
	if (!l->version[0]) {
		told(r, l, version, "name", "name of the file", 0);
		l->by_name = true;
	} else if (!agree(version, span_of(l->version))) {
		snprintf(l->disagree, sizeof l->disagree, "the library says %s (%s), its file's name %.*s", l->version,
			 l->source, SPAN_ARG(version));
	}
}

static void major_check(struct library *l, unsigned major)
{
	uint64_t v;
	struct span rest = span_of(l->version), part;
	/* ONNX Runtime's SONAME is libonnxruntime.so.1, and was the whole version before */
	if (l->disagree[0] || !major || !span_split(&rest, '.', &part) || !span_u64(part, &v) || v == major)
		return;
	snprintf(l->disagree, sizeof l->disagree, "the library says %s (%s), its SONAME %.*s", l->version, l->source,
		 SPAN_ARG(l->soname));
}

void library_version(struct artifact_reading *r, struct elf *e, struct library *l)
{
	unsigned major = major_of(l->soname);
	char text[LIBRARY_VERSION_BYTES];
	struct symbol_version s = { .prefix = l->row->key };
	if (major)
		snprintf(l->major, sizeof l->major, "%u", major);
	switch (l->row->how) {
	case LIBRARY_SYMBOL_VERSION:
		if (elf_each_version(e, symbol_version, &s, NULL) == 1)
			told(r, l, span_of(s.version), "symbol-version", "symbol version", s.at);
		break;
	case LIBRARY_TENSORRT:
		tensorrt_version(r, e, l, major);
		break;
	case LIBRARY_FUNCTION:
		if (function_version(e, l->row->key, major, l->row->parts, text))
			told(r, l, span_of(text), "version-function", l->row->key, 0);
		break;
	case LIBRARY_VARIABLE:
		if (variable_version(e, l->row->key, major, text))
			told(r, l, span_of(text), "version-variable", l->row->key, 0);
		break;
	case LIBRARY_BY_NAME:
		break;
	}
	name_check(r, l);
	major_check(l, major);
}
