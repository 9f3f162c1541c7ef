/* The header, the segments, the dynamic table, and reading by pieces. See elf.h. */
#include "format/elf_int.h"

#define PT_INTERP 3
#define DT_NULL 0
#define DT_NEEDED 1
#define DT_HASH 4
#define DT_STRTAB 5
#define DT_SYMTAB 6
#define DT_STRSZ 10
#define DT_SONAME 14
#define DT_RPATH 15
#define DT_RUNPATH 29
#define DT_GNU_HASH 0x6ffffef5U
#define DT_VERDEF 0x6ffffffcU
#define DT_VERDEFNUM 0x6ffffffdU
#define DT_VERNEED 0x6ffffffeU
#define DT_VERNEEDNUM 0x6fffffffU

int elf_broken(struct err *err, uint64_t offset, const char *field, const char *rule)
{
	err_set(err, RF_EFORMAT, "ELF: %s", rule);
	(void)err_in_field(err, "%s", field);
	(void)err_at_offset(err, offset);
	return RF_EFORMAT;
}

/* ── The header ──────────────────────────────────────────────────────────────────────────────────────────────────── */

const char *elf_machine_text(uint16_t machine)
{
	switch (machine) {
	case ELF_X86:
		return "x86";
	case ELF_ARM:
		return "ARM";
	case ELF_X86_64:
		return "x86-64";
	case ELF_AARCH64:
		return "AArch64";
	case ELF_CUDA:
		return "CUDA";
	case ELF_RISCV:
		return "RISC-V";
	default:
		return "another machine";
	}
}

static void header_decode(const unsigned char *p, struct elf_header *h)
{
	const unsigned char *tail = p + (h->is64 ? 48 : 36); /* e_flags, then the same halfwords */
	h->os_abi = p[7];
	h->abi_version = p[8];
	h->type = le16(p + 16);
	h->machine = le16(p + 18);
	h->version = le32(p + 20);
	h->program_at = h->is64 ? le64(p + 32) : le32(p + 28);
	h->section_at = h->is64 ? le64(p + 40) : le32(p + 32);
	h->flags = le32(tail);
	h->program_bytes = le16(tail + 6);
	h->program_count = le16(tail + 8);
	h->section_bytes = le16(tail + 10);
	h->section_count = le16(tail + 12);
	h->section_names = le16(tail + 14);
}

int elf_header_read(const unsigned char *p, size_t n, struct elf_header *ret, struct err *err)
{
	static const unsigned char magic[4] = { 0x7f, 'E', 'L', 'F' };
	if (n < 20 || memcmp(p, magic, sizeof magic) != 0)
		return elf_broken(err, 0, "e_ident", "no magic");
	if (p[4] != 1 && p[4] != 2)
		return elf_broken(err, 4, "EI_CLASS", "neither 32-bit nor 64-bit");
	if (p[5] == 2)
		return err_set(err, RF_EUNSUPPORTED, "ELF: big-endian files are not read here");
	if (p[5] != 1 || p[6] != 1)
		return elf_broken(err, 5, "EI_DATA", "no known data encoding and version");
	struct elf_header h = { .is64 = p[4] == 2 };
	unsigned header = h.is64 ? 64 : 52, program = h.is64 ? 56 : 32;
	if (n < header)
		return elf_broken(err, n, "e_ehsize", "the file ends inside its header");
	header_decode(p, &h);
	if (h.type == 0 || (h.type > 4 && h.type < 0xfe00))
		return elf_broken(err, 16, "e_type", "no type of the gABI");
	if (h.program_count && h.program_bytes != program)
		return elf_broken(err, h.is64 ? 54 : 42, "e_phentsize", "not the size that the class has");
	*ret = h;
	return 0;
}

/* ── Reading by pieces ───────────────────────────────────────────────────────────────────────────────────────────── */

/* Two windows: walks go back and forth between a table and its strings. */
static int window_of(struct elf *e, uint64_t at, size_t n, struct elf_window **ret, struct err *err)
{
	for (unsigned i = 0; i < RF_COUNT(e->windows); i++) {
		struct elf_window *w = &e->windows[i];
		if (at >= w->at && at - w->at <= w->n && n <= w->n - (size_t)(at - w->at)) {
			e->last_window = i;
			*ret = w;
			return 0;
		}
	}
	if (++e->reads > ELF_MAX_READS)
		return elf_broken(err, at, "tables", "more pieces would have to be read than any real file needs");
	e->last_window ^= 1;
	struct elf_window *w = &e->windows[e->last_window];
	w->n = 0;
	w->at = at;
	int rc = e->source.pread(e->source.data, w->bytes, ELF_PIECE_BYTES, at, &w->n);
	if (rc < 0)
		return err_set(err, rc, "ELF: reading failed");
	*ret = w;
	return 0;
}

/* As many of @n bytes at @at as the file has. */
int elf_upto(struct elf *e, uint64_t at, size_t n, const unsigned char **ret, size_t *ret_n, struct err *err)
{
	*ret_n = 0;
	if (at >= e->source.size)
		return 0;
	struct elf_window *w = NULL;
	n = (size_t)RF_MIN((uint64_t)n, e->source.size - at);
	int rc = window_of(e, at, n, &w, err);
	if (rc < 0)
		return rc;
	size_t from = (size_t)(at - w->at);
	*ret = w->bytes + from;
	*ret_n = RF_MIN(n, w->n - from); /* the file may have shrunk */
	return 0;
}

/* @n bytes at @at, all of them, until the next read. */
int elf_need(struct elf *e, uint64_t at, size_t n, const char *field, const unsigned char **ret, struct err *err)
{
	size_t have;
	int rc = elf_upto(e, at, n, ret, &have, err);
	if (rc < 0)
		return rc;
	return have == n ? 0 : elf_broken(err, at, field, "lies behind the end of the file");
}

/* The terminated string at @at, until the next read. */
int elf_text_seen(struct elf *e, uint64_t at, const char *field, struct span *ret, struct err *err)
{
	const unsigned char *p = NULL;
	size_t n;
	int rc = elf_upto(e, at, ELF_MAX_NAME + 1, &p, &n, err);
	if (rc < 0)
		return rc;
	const unsigned char *end = n ? memchr(p, 0, n) : NULL;
	if (!end)
		return elf_broken(err, at, field, "a name without an end, or behind the end of the file");
	*ret = span_bytes(p, (size_t)(end - p));
	return 0;
}

int elf_text_keep(struct elf *e, struct span text, struct span *ret, struct err *err)
{
	struct span copy = arena_span(e->arena, text);
	if (!copy.p)
		return err_set(err, RF_ENOMEM, "ELF: no memory for a name");
	*ret = copy;
	return 0;
}

/* The same in the arena. */
int elf_text_at(struct elf *e, uint64_t at, const char *field, struct span *ret, struct err *err)
{
	struct span seen;
	int rc = elf_text_seen(e, at, field, &seen, err);
	return rc < 0 ? rc : elf_text_keep(e, seen, ret, err);
}

/* ── Program headers ─────────────────────────────────────────────────────────────────────────────────────────────── */

int elf_segment_at(struct elf *e, unsigned i, struct elf_segment *ret, struct err *err)
{
	const unsigned char *p = NULL;
	bool is64 = e->header.is64;
	uint64_t at = e->header.program_at;
	uint64_t place = (uint64_t)i * e->header.program_bytes;
	if (place > UINT64_MAX - at)
		return elf_broken(err, at, "e_phoff", "the program headers lie behind the end of the file");
	int rc = elf_need(e, at + place, e->header.program_bytes, "program header", &p, err);
	if (rc < 0)
		return rc;
	*ret = (struct elf_segment){ .type = le32(p),
				     .offset = is64 ? le64(p + 8) : le32(p + 4),
				     .address = is64 ? le64(p + 16) : le32(p + 8),
				     .bytes = is64 ? le64(p + 32) : le32(p + 16),
				     .align = is64 ? le64(p + 48) : le32(p + 28) };
	if (ret->type == PT_LOAD || ret->type == PT_DYNAMIC || ret->type == PT_NOTE) {
		if (ret->bytes > UINT64_MAX - ret->offset || ret->offset + ret->bytes > e->source.size)
			return elf_broken(err, at + place, "p_filesz", "a segment ends behind the end of the file");
	}
	return 0;
}

/* Address to offset by the PT_LOAD headers. *ret_room: how many bytes follow in that segment; 0: not in the file. */
static int place_of(struct elf *e, uint64_t address, uint64_t *ret, uint64_t *ret_room, struct err *err)
{
	*ret_room = 0;
	for (unsigned i = 0; i < e->header.program_count; i++) {
		struct elf_segment s;
		int rc = elf_segment_at(e, i, &s, err);
		if (rc < 0)
			return rc;
		if (s.type == PT_LOAD && address >= s.address && address - s.address < s.bytes) {
			*ret = s.offset + (address - s.address);
			*ret_room = s.bytes - (address - s.address);
			return 0;
		}
	}
	return 0;
}

int elf_loaded(struct elf *e, uint64_t address, void *buffer, size_t n, size_t *ret_n, struct err *err)
{
	uint64_t at = 0, room;
	*ret_n = 0;
	int rc = place_of(e, address, &at, &room, err);
	if (rc < 0 || room == 0)
		return rc;
	const unsigned char *p = NULL;
	size_t have;
	rc = elf_upto(e, at, (size_t)RF_MIN((uint64_t)RF_MIN(n, (size_t)ELF_PIECE_BYTES), room), &p, &have, err);
	if (rc < 0)
		return rc;
	if (have)
		memcpy(buffer, p, have);
	*ret_n = have;
	return 0;
}

/* ── The dynamic table ───────────────────────────────────────────────────────────────────────────────────────────── */

struct dynamic {
	uint64_t strings, strings_bytes, symbols, gnu_hash, hash, definitions, needs;
	uint64_t soname, rpath, runpath; /* UINT64_MAX: absent; places in the string table */
	uint64_t needed[ELF_MAX_NEEDED];
};

static int dynamic_entry(struct elf *e, struct dynamic *d, uint64_t at, uint64_t tag, uint64_t value, struct err *err)
{
	switch (tag) {
	case DT_NEEDED:
		if (e->needed_count == ELF_MAX_NEEDED)
			return elf_broken(err, at, "DT_NEEDED", "more needed libraries than any real file has");
		d->needed[e->needed_count++] = value;
		break;
	case DT_STRTAB:
		d->strings = value;
		break;
	case DT_STRSZ:
		d->strings_bytes = value;
		break;
	case DT_SYMTAB:
		d->symbols = value;
		break;
	case DT_SONAME:
		d->soname = value;
		break;
	case DT_RPATH:
		d->rpath = value;
		break;
	case DT_RUNPATH:
		d->runpath = value;
		break;
	case DT_HASH:
		d->hash = value;
		break;
	case DT_GNU_HASH:
		d->gnu_hash = value;
		break;
	case DT_VERDEF:
		d->definitions = value;
		break;
	case DT_VERDEFNUM:
		e->definition_count = value;
		break;
	case DT_VERNEED:
		d->needs = value;
		break;
	case DT_VERNEEDNUM:
		e->need_count = value;
		break;
	default:
		break;
	}
	return 0;
}

static int dynamic_walk(struct elf *e, const struct elf_segment *s, struct dynamic *d, struct err *err)
{
	bool is64 = e->header.is64;
	size_t entry = is64 ? 16 : 8;
	for (uint64_t i = 0; i < s->bytes / entry; i++) {
		const unsigned char *p = NULL;
		uint64_t at = s->offset + i * entry;
		if (i == ELF_MAX_DYNAMIC)
			return elf_broken(err, at, "PT_DYNAMIC", "more entries than any real file has");
		int rc = elf_need(e, at, entry, "PT_DYNAMIC", &p, err);
		if (rc < 0)
			return rc;
		uint64_t tag = is64 ? le64(p) : le32(p), value = is64 ? le64(p + 8) : le32(p + 4);
		if (tag == DT_NULL)
			return 0;
		rc = dynamic_entry(e, d, at, tag, value, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int table_place(struct elf *e, uint64_t address, uint64_t *ret, struct err *err)
{
	uint64_t room;
	*ret = 0;
	if (!address)
		return 0;
	int rc = place_of(e, address, ret, &room, err);
	return rc < 0 || room ? rc : (*ret = 0, 0);
}

static int dynamic_text(struct elf *e, uint64_t place, const char *field, struct span *ret, struct err *err)
{
	if (place == UINT64_MAX)
		return 0;
	if (place >= e->strings_bytes)
		return elf_broken(err, e->strings_at, field, "its name lies outside the string table");
	return elf_text_at(e, e->strings_at + place, field, ret, err);
}

static int dynamic_texts(struct elf *e, const struct dynamic *d, struct err *err)
{
	uint64_t room = 0;
	int rc = d->strings ? place_of(e, d->strings, &e->strings_at, &room, err) : 0;
	if (rc < 0)
		return rc;
	bool named = e->needed_count || d->soname != UINT64_MAX;
	if (room == 0 && named)
		return elf_broken(err, 0, "DT_STRTAB", "the string table is not in the file");
	if (d->strings_bytes > room)
		return elf_broken(err, e->strings_at, "DT_STRSZ", "the string table ends behind its segment");
	e->strings_bytes = d->strings_bytes;
	if ((rc = dynamic_text(e, d->soname, "DT_SONAME", &e->soname, err)) < 0 ||
	    (rc = dynamic_text(e, d->rpath, "DT_RPATH", &e->rpath, err)) < 0 ||
	    (rc = dynamic_text(e, d->runpath, "DT_RUNPATH", &e->runpath, err)) < 0)
		return rc;
	for (size_t i = 0; i < e->needed_count && rc == 0; i++)
		rc = dynamic_text(e, d->needed[i], "DT_NEEDED", &e->needed[i], err);
	return rc;
}

static int dynamic_read(struct elf *e, const struct elf_segment *s, struct err *err)
{
	struct dynamic d = { .soname = UINT64_MAX, .rpath = UINT64_MAX, .runpath = UINT64_MAX };
	int rc = dynamic_walk(e, s, &d, err);
	if (rc == 0)
		rc = dynamic_texts(e, &d, err);
	e->has_dynamic = true;
	const struct {
		uint64_t address, *place;
	} tables[] = {
		{ d.symbols, &e->symbols_at },         { d.gnu_hash, &e->gnu_hash_at }, { d.hash, &e->hash_at },
		{ d.definitions, &e->definitions_at }, { d.needs, &e->needs_at },
	};
	for (size_t i = 0; i < RF_COUNT(tables) && rc == 0; i++)
		rc = table_place(e, tables[i].address, tables[i].place, err);
	return rc;
}

int elf_open(const struct elf_source *source, struct arena *a, struct elf *ret, struct err *err)
{
	struct elf e = { .source = *source, .arena = a };
	for (size_t i = 0; i < RF_COUNT(e.windows); i++)
		if (!(e.windows[i].bytes = arena_alloc(a, ELF_PIECE_BYTES)))
			return err_set(err, RF_ENOMEM, "ELF: no memory for a piece");
	const unsigned char *p = NULL;
	size_t n;
	int rc = elf_upto(&e, 0, ELF_HEADER_BYTES, &p, &n, err);
	if (rc == 0)
		rc = elf_header_read(p, n, &e.header, err);
	if (rc < 0)
		return rc;
	if (e.header.program_count > ELF_MAX_PROGRAM_HEADERS)
		return elf_broken(err, e.header.is64 ? 56 : 44, "e_phnum",
				  "more program headers than any real file has");
	for (unsigned i = 0; i < e.header.program_count; i++) {
		struct elf_segment s;
		rc = elf_segment_at(&e, i, &s, err);
		e.has_interpreter = e.has_interpreter || (rc == 0 && s.type == PT_INTERP);
		if (rc == 0 && s.type == PT_DYNAMIC) {
			if (e.has_dynamic)
				return elf_broken(err, e.header.program_at, "PT_DYNAMIC", "two dynamic tables");
			rc = dynamic_read(&e, &s, err);
		}
		if (rc < 0)
			return rc;
	}
	*ret = e;
	return 0;
}
