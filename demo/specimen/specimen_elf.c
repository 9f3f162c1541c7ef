/* Source of every table: System V gABI, chapters 4 and 5; LSB core, section 10.7. See specimen_elf.h. */
#include "specimen_elf.h"

#include "base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* ── Symbols ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct specimen_symbol *symbol_new(struct specimen_elf *s, const char *name)
{
	if (s->symbol_count == SPECIMEN_ELF_LIST)
		return NULL;
	struct specimen_symbol *symbol = &s->symbols[s->symbol_count++];
	symbol->name = name;
	return symbol;
}

void specimen_elf_returns(struct specimen_elf *s, const char *name, uint32_t value)
{
	struct specimen_symbol *f = symbol_new(s, name);
	if (!f)
		return;
	if (s->machine == 183) { /* movz w0, low; movk w0, high, lsl 16; ret */
		put_le32(f->bytes, 0x52800000 | (value & 0xffff) << 5);
		put_le32(f->bytes + 4, 0x72a00000 | value >> 16 << 5);
		put_le32(f->bytes + 8, 0xd65f03c0);
		f->count = 12;
	} else if (value == 0) { /* xor eax, eax; ret */
		memcpy(f->bytes, "\x31\xc0\xc3", 3);
		f->count = 3;
	} else { /* mov eax, value; ret */
		f->bytes[0] = 0xb8;
		put_le32(f->bytes + 1, value);
		f->bytes[5] = 0xc3;
		f->count = 6;
	}
}

void specimen_elf_stores(struct specimen_elf *s, const char *name, uint32_t value)
{
	struct specimen_symbol *f = symbol_new(s, name);
	if (!f)
		return;
	/* test rdi, rdi; je past the end; mov dword [rdi], value; xor eax, eax; ret */
	memcpy(f->bytes, "\x48\x85\xff\x74\x09\xc7\x07\0\0\0\0\x31\xc0\xc3", 14);
	put_le32(f->bytes + 7, value);
	f->count = 14;
}

void specimen_elf_variable(struct specimen_elf *s, const char *name, uint32_t value)
{
	struct specimen_symbol *v = symbol_new(s, name);
	if (!v)
		return;
	put_le32(v->bytes, value);
	v->count = 4;
}

void specimen_elf_states(struct specimen_elf *s, const unsigned version[4])
{
	static char text[32];
	struct span soname = span_of(s->soname);
	if (span_starts(soname, "libonnxruntime.so")) {
		snprintf(text, sizeof text, "VERS_%u.%u.%u", version[0], version[1], version[2]);
		s->defines[0] = text;
	} else if (span_starts(soname, "libnvinfer") && version[0] < 10) {
		snprintf(text, sizeof text, "tensorrt_version_%u_%u_%u_%u", version[0], version[1], version[2],
			 version[3]);
		specimen_elf_variable(s, text, 0);
	} else if (span_starts(soname, "libnvinfer")) {
		specimen_elf_returns(s, "getInferLibMajorVersion", version[0]);
		specimen_elf_returns(s, "getInferLibMinorVersion", version[1]);
		specimen_elf_returns(s, "getInferLibPatchVersion", version[2]);
		specimen_elf_returns(s, "getInferLibBuildVersion", version[3]);
	} else if (span_starts(soname, "libcudart")) {
		specimen_elf_stores(s, "cudaRuntimeGetVersion", 1000 * version[0] + 10 * version[1]);
	} else if (span_starts(soname, "libcudnn_ops")) {
		specimen_elf_variable(s, "cudnn_ops_infer_version", version[0] << 16 | version[1] << 8 | version[2]);
	}
}

/* ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct image {
	unsigned char *p;
	size_t n, room;
	bool full;
	bool is32;
};

static size_t put(struct image *i, const void *bytes, size_t n)
{
	size_t at = i->n;
	if (i->room - i->n < n) {
		i->full = true;
		return at;
	}
	if (bytes)
		memcpy(i->p + at, bytes, n);
	else
		memset(i->p + at, 0, n);
	i->n += n;
	return at;
}

static void put_u16(struct image *i, unsigned v)
{
	unsigned char b[2];
	put_le16(b, (uint16_t)v);
	put(i, b, sizeof b);
}

static void put_u32(struct image *i, uint64_t v)
{
	unsigned char b[4];
	put_le32(b, (uint32_t)v);
	put(i, b, sizeof b);
}

/* As wide as an address. */
static void put_word(struct image *i, uint64_t v)
{
	unsigned char b[8];
	put_le64(b, v);
	put(i, b, i->is32 ? 4 : 8);
}

static void align(struct image *i, size_t to)
{
	put(i, NULL, (to - i->n % to) % to);
}

/* Places in the string table, and of the tables in the file: addresses are offsets, one segment holds all. */
struct places {
	size_t soname, runpath, needed[SPECIMEN_ELF_LIST], defines[SPECIMEN_ELF_LIST], symbols[SPECIMEN_ELF_LIST];
	size_t strings, strings_bytes, symtab, hash, verdef, note, note_bytes, code[SPECIMEN_ELF_LIST], dynamic,
		dynamic_bytes, names, names_bytes, sections;
	unsigned defined;
};

static size_t put_name(struct image *i, const char *name, size_t table)
{
	return name ? put(i, name, strlen(name) + 1) - table : 0;
}

static void strings_put(struct image *i, const struct specimen_elf *s, struct places *p)
{
	p->strings = put(i, "", 1);
	p->soname = put_name(i, s->soname, p->strings);
	p->runpath = put_name(i, s->runpath, p->strings);
	for (size_t k = 0; k < SPECIMEN_ELF_LIST; k++) {
		p->needed[k] = put_name(i, s->needed[k], p->strings);
		p->defines[k] = put_name(i, s->defines[k], p->strings);
	}
	for (size_t k = 0; k < s->symbol_count; k++)
		p->symbols[k] = put_name(i, s->symbols[k].name, p->strings);
	put(i, SPECIMEN_MARK, sizeof SPECIMEN_MARK);
	p->strings_bytes = i->n - p->strings;
}

static void symbol_put(struct image *i, size_t name, size_t value, size_t bytes, unsigned section)
{
	put_u32(i, name);
	if (i->is32) {
		put_u32(i, value);
		put_u32(i, bytes);
	}
	put(i, section ? "\x12" : "\0", 1); /* global function */
	put(i, NULL, 1);
	put_u16(i, section);
	if (!i->is32) {
		put_word(i, value);
		put_word(i, bytes);
	}
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;
	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* One bucket holds all symbols. */
static void hash_put(struct image *i, const struct specimen_elf *s, struct places *p)
{
	size_t n = s->symbol_count;
	align(i, 8);
	p->hash = i->n;
	if (s->system_v_hash) {
		put_u32(i, 1);
		put_u32(i, n + 1);
		put_u32(i, n ? 1 : 0);
		put_u32(i, 0);
		for (size_t k = 0; k < n; k++)
			put_u32(i, k + 1 < n ? k + 2 : 0);
		return;
	}
	put_u32(i, 1);
	put_u32(i, 1);
	put_u32(i, 1);
	put_u32(i, 6);
	put_word(i, UINT64_MAX);
	put_u32(i, n ? 1 : 0);
	for (size_t k = 0; k < n; k++)
		put_u32(i, (gnu_hash(s->symbols[k].name) & ~1U) | (k + 1 == n));
}

static void versions_put(struct image *i, const struct specimen_elf *s, struct places *p)
{
	align(i, 8);
	p->verdef = i->n;
	while (p->defined < SPECIMEN_ELF_LIST && s->defines[p->defined])
		p->defined++;
	for (unsigned k = 0; k < p->defined; k++) {
		put_u16(i, 1);
		put_u16(i, 0);
		put_u16(i, k + 2);
		put_u16(i, 1);
		put_u32(i, 0);
		put_u32(i, 20);
		put_u32(i, k + 1 < p->defined ? 28 : 0);
		put_u32(i, p->defines[k]);
		put_u32(i, 0);
	}
}

static void note_put(struct image *i, const struct specimen_elf *s, struct places *p)
{
	align(i, 4);
	p->note = i->n;
	if (s->build_id) {
		put_u32(i, 4);
		put_u32(i, strlen(s->build_id));
		put_u32(i, 3);
		put(i, "GNU", 4);
		put(i, s->build_id, strlen(s->build_id));
		align(i, 4);
	}
	p->note_bytes = i->n - p->note;
}

static void dynamic_entry(struct image *i, uint64_t tag, uint64_t value)
{
	put_word(i, tag);
	put_word(i, value);
}

static void dynamic_put(struct image *i, const struct specimen_elf *s, struct places *p)
{
	align(i, 8);
	p->dynamic = i->n;
	for (size_t k = 0; k < SPECIMEN_ELF_LIST; k++)
		if (s->needed[k])
			dynamic_entry(i, 1, p->needed[k]);
	if (s->soname)
		dynamic_entry(i, 14, p->soname);
	if (s->runpath)
		dynamic_entry(i, 29, p->runpath);
	dynamic_entry(i, s->system_v_hash ? 4 : 0x6ffffef5, p->hash);
	dynamic_entry(i, 5, p->strings);
	dynamic_entry(i, 6, p->symtab);
	dynamic_entry(i, 10, p->strings_bytes);
	if (p->defined) {
		dynamic_entry(i, 0x6ffffffc, p->verdef);
		dynamic_entry(i, 0x6ffffffd, p->defined);
	}
	dynamic_entry(i, 0, 0);
	p->dynamic_bytes = i->n - p->dynamic;
}

static void section_put(struct image *i, size_t name, uint32_t type, size_t offset, size_t bytes)
{
	put_u32(i, name);
	put_u32(i, type);
	put_word(i, 0);
	put_word(i, 0);
	put_word(i, offset);
	put_word(i, bytes);
	put_u32(i, 0);
	put_u32(i, 0);
	put_word(i, 1);
	put_word(i, 0);
}

/* Null, the notes, the names of the sections. */
static void sections_put(struct image *i, struct places *p)
{
	static const char names[] = "\0.note\0.shstrtab";
	p->names = put(i, names, sizeof names);
	p->names_bytes = sizeof names;
	align(i, 8);
	p->sections = i->n;
	section_put(i, 0, 0, 0, 0);
	section_put(i, 1, 7, p->note, p->note_bytes);
	section_put(i, 7, 3, p->names, p->names_bytes);
}

static void segment_put(struct image *i, uint32_t type, size_t offset, size_t bytes)
{
	put_u32(i, type);
	if (!i->is32)
		put_u32(i, 5);
	put_word(i, offset);
	put_word(i, offset);
	put_word(i, offset);
	put_word(i, bytes);
	put_word(i, bytes);
	if (i->is32)
		put_u32(i, 5);
	put_word(i, type == 4 ? 4 : 4096);
}

static void header_put(struct image *i, const struct specimen_elf *s, const struct places *p, unsigned segments)
{
	unsigned char ident[16] = { 0x7f, 'E', 'L', 'F', s->is32 ? 1 : 2, 1, 1, s->os_abi };
	put(i, ident, sizeof ident);
	put_u16(i, s->type ? s->type : 3);
	put_u16(i, s->machine ? s->machine : 62);
	put_u32(i, s->version ? s->version : 1);
	put_word(i, 0);
	put_word(i, s->is32 ? 52 : 64);
	put_word(i, p->sections);
	put_u32(i, s->flags);
	put_u16(i, s->is32 ? 52 : 64);
	put_u16(i, s->is32 ? 32 : 56);
	put_u16(i, segments);
	put_u16(i, s->is32 ? 40 : 64);
	put_u16(i, 3);
	put_u16(i, 2);
}

int specimen_elf_make(const struct specimen_elf *s, unsigned char *p, size_t room, size_t *ret_n, struct err *err)
{
	struct image i = { .p = p, .room = room, .is32 = s->is32 };
	struct places at = { 0 };
	unsigned segments = 3 + s->interpreter;
	put(&i, NULL, (s->is32 ? 52 : 64) + segments * (s->is32 ? 32 : 56));
	strings_put(&i, s, &at);
	for (size_t k = 0; k < s->symbol_count; k++) {
		align(&i, 16);
		at.code[k] = put(&i, s->symbols[k].bytes, s->symbols[k].count);
	}
	align(&i, 8);
	at.symtab = i.n;
	symbol_put(&i, 0, 0, 0, 0);
	for (size_t k = 0; k < s->symbol_count; k++)
		symbol_put(&i, at.symbols[k], at.code[k], s->symbols[k].count, 1);
	hash_put(&i, s, &at);
	versions_put(&i, s, &at);
	note_put(&i, s, &at);
	dynamic_put(&i, s, &at);
	sections_put(&i, &at);
	*ret_n = i.n;
	struct image head = { .p = p, .room = room, .is32 = s->is32 };
	header_put(&head, s, &at, segments);
	segment_put(&head, 1, 0, i.n);
	segment_put(&head, 2, at.dynamic, at.dynamic_bytes);
	segment_put(&head, 4, at.note, at.note_bytes);
	if (s->interpreter)
		segment_put(&head, 3, at.strings, 1);
	return i.full ? err_set(err, RF_EINVALID, "a library of more than %zu bytes", room) : 0;
}

int specimen_elf_write(const struct specimen_elf *s, const char *path, struct err *err)
{
	unsigned char bytes[SPECIMEN_ELF_BYTES];
	size_t n;
	int rc = specimen_elf_make(s, bytes, sizeof bytes, &n, err);
	if (rc)
		return rc;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot write %s", path);
	rc = write(fd, bytes, n) == (ssize_t)n ? 0 : err_set_errno(err, errno, "cannot write %s", path);
	if (close(fd) != 0 && rc == 0)
		rc = err_set_errno(err, errno, "cannot write %s", path);
	return rc;
}
