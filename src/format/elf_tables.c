/* Sections, notes, symbol versions, symbols. See elf.h. */
#include "format/elf_int.h"

#define SHT_NOTE 7
#define SHT_NOBITS 8
#define NT_GNU_BUILD_ID 3

/* ── Sections ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int section_at(struct elf *e, unsigned i, struct elf_section *ret, uint32_t *ret_name, struct err *err)
{
	const unsigned char *p = NULL;
	bool is64 = e->header.is64;
	uint64_t at = e->header.section_at, place = (uint64_t)i * e->header.section_bytes;
	if (place > UINT64_MAX - at)
		return elf_broken(err, at, "e_shoff", "the section headers lie behind the end of the file");
	int rc = elf_need(e, at + place, e->header.section_bytes, "section header", &p, err);
	if (rc < 0)
		return rc;
	*ret_name = le32(p);
	*ret = (struct elf_section){ .type = le32(p + 4),
				     .flags = is64 ? le64(p + 8) : le32(p + 8),
				     .address = is64 ? le64(p + 16) : le32(p + 12),
				     .offset = is64 ? le64(p + 24) : le32(p + 16),
				     .bytes = is64 ? le64(p + 32) : le32(p + 20),
				     .link = le32(p + (is64 ? 40 : 24)) };
	if (ret->type != 0 && ret->type != SHT_NOBITS &&
	    (ret->bytes > UINT64_MAX - ret->offset || ret->offset + ret->bytes > e->source.size))
		return elf_broken(err, at + place, "sh_size", "a section ends behind the end of the file");
	return 0;
}

int elf_each_section(struct elf *e, int (*visit)(const struct elf_section *, void *), void *data, struct err *err)
{
	struct elf_section names = { 0 };
	uint32_t name = 0;
	int rc = 0;
	if (!e->header.section_at)
		return 0;
	if (e->header.section_count && e->header.section_bytes != (e->header.is64 ? 64 : 40))
		return elf_broken(err, e->header.is64 ? 58 : 46, "e_shentsize", "not the size that the class has");
	if (e->header.section_names && e->header.section_names < e->header.section_count)
		rc = section_at(e, e->header.section_names, &names, &name, err);
	for (unsigned i = 0; i < e->header.section_count && rc == 0; i++) {
		struct elf_section s;
		char text[ELF_MAX_NAME + 1];
		rc = section_at(e, i, &s, &name, err);
		if (rc == 0 && name < names.bytes) {
			const unsigned char *p = NULL;
			size_t n;
			rc = elf_upto(e, names.offset + name,
				      (size_t)RF_MIN((uint64_t)ELF_MAX_NAME, names.bytes - name), &p, &n, err);
			const unsigned char *end = rc == 0 && n ? memchr(p, 0, n) : NULL;
			if (end) {
				memcpy(text, p, (size_t)(end - p));
				s.name = span_bytes(text, (size_t)(end - p));
			}
		}
		if (rc == 0)
			rc = visit(&s, data);
	}
	return rc;
}

struct extent {
	uint64_t end;
};

static int extent_section(const struct elf_section *s, void *data)
{
	struct extent *x = data;
	if (s->type != 0 && s->type != SHT_NOBITS)
		x->end = RF_MAX(x->end, s->offset + s->bytes);
	return 0;
}

int elf_extent(struct elf *e, uint64_t *ret, struct err *err)
{
	const struct elf_header *h = &e->header;
	struct extent x = { .end = h->is64 ? 64 : 52 };
	for (unsigned i = 0; i < h->program_count; i++) {
		struct elf_segment s;
		int rc = elf_segment_at(e, i, &s, err);
		if (rc < 0)
			return rc;
		if (s.bytes <= UINT64_MAX - s.offset && s.offset + s.bytes <= e->source.size)
			x.end = RF_MAX(x.end, s.offset + s.bytes);
	}
	if (h->program_count)
		x.end = RF_MAX(x.end, h->program_at + (uint64_t)h->program_count * h->program_bytes);
	int rc = elf_each_section(e, extent_section, &x, err);
	if (rc < 0)
		return rc;
	if (h->section_at && h->section_count)
		x.end = RF_MAX(x.end, h->section_at + (uint64_t)h->section_count * h->section_bytes);
	*ret = x.end;
	return 0;
}

/* ── Notes ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct notes {
	struct elf *e;
	int (*visit)(const struct elf_note *, void *);
	void *data;
	struct err *err;
	unsigned count;
};

static uint64_t aligned(uint64_t n, uint64_t align)
{
	return (n + align - 1) & ~(align - 1);
}

/* namesz, descsz, type, name, description, both filled up to 4 bytes (8 in segments that say so). */
static int notes_walk(struct notes *w, uint64_t at, uint64_t bytes, uint64_t align)
{
	char owner[64], description[ELF_MAX_DESCRIPTION];
	uint64_t end = at + bytes;
	while (end - at >= 12) {
		const unsigned char *p = NULL;
		if (w->count++ == ELF_MAX_NOTES)
			return elf_broken(w->err, at, "PT_NOTE", "more notes than any real file has");
		int rc = elf_need(w->e, at, 12, "PT_NOTE", &p, w->err);
		if (rc < 0)
			return rc;
		uint32_t name_bytes = le32(p), bytes_of = le32(p + 4), type = le32(p + 8);
		uint64_t description_at = at + 12 + aligned(name_bytes, align);
		if (description_at > end || bytes_of > end - description_at)
			return elf_broken(w->err, at, "n_descsz", "a note ends behind its segment");
		size_t n = 0;
		rc = elf_upto(w->e, at + 12, RF_MIN((size_t)name_bytes, sizeof owner), &p, &n, w->err);
		if (rc < 0)
			return rc;
		if (n)
			memcpy(owner, p, n);
		while (n && owner[n - 1] == '\0')
			n--;
		struct elf_note note = { .owner = span_bytes(owner, n), .type = type, .at = description_at };
		rc = elf_upto(w->e, description_at, RF_MIN((size_t)bytes_of, sizeof description), &p, &n, w->err);
		if (rc < 0)
			return rc;
		if (n)
			memcpy(description, p, n);
		note.description = span_bytes(description, n);
		rc = w->visit(&note, w->data);
		if (rc)
			return rc;
		uint64_t next = aligned(description_at + bytes_of, align);
		if (next >= end)
			return 0;
		at = next;
	}
	return 0;
}

static int notes_section(const struct elf_section *s, void *data)
{
	struct notes *w = data;
	/* the walk of sections reads again what this one moved away */
	return s->type == SHT_NOTE ? notes_walk(w, s->offset, s->bytes, 4) : 0;
}

int elf_each_note(struct elf *e, int (*visit)(const struct elf_note *, void *), void *data, struct err *err)
{
	struct notes w = { .e = e, .visit = visit, .data = data, .err = err };
	bool segments = false;
	for (unsigned i = 0; i < e->header.program_count; i++) {
		struct elf_segment s;
		int rc = elf_segment_at(e, i, &s, err);
		if (rc == 0 && s.type == PT_NOTE) {
			segments = true;
			rc = notes_walk(&w, s.offset, s.bytes, s.align == 8 ? 8 : 4);
		}
		if (rc)
			return rc;
	}
	return segments ? 0 : elf_each_section(e, notes_section, &w, err);
}

struct build_id {
	char hex[2 * 64 + 1];
	size_t n;
};

static int build_id_note(const struct elf_note *note, void *data)
{
	static const char digits[] = "0123456789abcdef";
	struct build_id *id = data;
	if (note->type != NT_GNU_BUILD_ID || !span_eq_text(note->owner, "GNU") || note->description.n > 64 || id->n)
		return 0;
	for (size_t i = 0; i < note->description.n; i++) {
		unsigned char c = (unsigned char)note->description.p[i];
		id->hex[id->n++] = digits[c >> 4];
		id->hex[id->n++] = digits[c & 15];
	}
	return 0;
}

int elf_build_id(struct elf *e, struct span *ret, struct err *err)
{
	struct build_id id = { .n = 0 };
	int rc = elf_each_note(e, build_id_note, &id, err);
	if (rc < 0)
		return rc;
	return elf_text_keep(e, span_bytes(id.hex, id.n), ret, err);
}

/* ── Symbol versions ─────────────────────────────────────────────────────────────────────────────────────────────── */

struct versions {
	struct elf *e;
	int (*visit)(const struct elf_symbol_version *, void *);
	void *data;
	struct err *err;
	unsigned count; /* of definitions, files and names together */
	char name[ELF_MAX_NAME], file[ELF_MAX_NAME];
};

static int versions_count(struct versions *w, uint64_t at, const char *field)
{
	return w->count++ < ELF_MAX_VERSIONS
		       ? 0
		       : elf_broken(w->err, at, field, "more symbol versions than any real file has");
}

static int version_text(struct versions *w, uint32_t place, const char *field, char *buffer, struct span *ret)
{
	struct elf *e = w->e;
	struct span seen;
	if (place >= e->strings_bytes)
		return elf_broken(w->err, e->strings_at, field, "its name lies outside the string table");
	int rc = elf_text_seen(e, e->strings_at + place, field, &seen, w->err);
	if (rc < 0)
		return rc;
	memcpy(buffer, seen.p, seen.n);
	*ret = span_bytes(buffer, seen.n);
	return 0;
}

static int version_visit(struct versions *w, uint32_t name, struct span file, const char *field)
{
	struct elf *e = w->e;
	struct elf_symbol_version v = { .file = file, .at = e->strings_at + name };
	int rc = version_text(w, name, field, w->name, &v.name);
	return rc < 0 ? rc : w->visit(&v, w->data);
}

/* Verdef: version, flags, index, count (u16), hash, aux, next (u32); Verdaux: name, next. The first name is the
 * definition's own, the others are what it inherits from. */
static int definitions_walk(struct versions *w)
{
	struct elf *e = w->e;
	uint64_t at = e->definitions_at;
	for (uint64_t i = 0; at && i < e->definition_count; i++) {
		const unsigned char *p = NULL;
		int rc = versions_count(w, at, "DT_VERDEF");
		if (rc == 0)
			rc = elf_need(e, at, 20, "DT_VERDEF", &p, w->err);
		if (rc < 0)
			return rc;
		uint32_t aux = le32(p + 12), next = le32(p + 16);
		if ((rc = elf_need(e, at + aux, 8, "vd_aux", &p, w->err)) < 0 ||
		    (rc = version_visit(w, le32(p), SPAN_NONE, "vda_name")) != 0)
			return rc;
		if (next == 0)
			return 0;
		at += next;
	}
	return 0;
}

/* Vernaux: hash (u32), flags, other (u16), name, next (u32). */
static int need_walk(struct versions *w, uint64_t at, unsigned count, struct span file)
{
	for (unsigned i = 0; i < count; i++) {
		const unsigned char *p = NULL;
		int rc = versions_count(w, at, "vn_aux");
		if (rc == 0)
			rc = elf_need(w->e, at, 16, "vn_aux", &p, w->err);
		if (rc < 0)
			return rc;
		uint32_t name = le32(p + 8), next = le32(p + 12);
		rc = version_visit(w, name, file, "vna_name");
		if (rc)
			return rc;
		if (next == 0)
			return 0;
		at += next;
	}
	return 0;
}

/* Verneed: version, count (u16), file, aux, next (u32). */
static int needs_walk(struct versions *w)
{
	struct elf *e = w->e;
	uint64_t at = e->needs_at;
	for (uint64_t i = 0; at && i < e->need_count; i++) {
		const unsigned char *p = NULL;
		struct span file;
		int rc = versions_count(w, at, "DT_VERNEED");
		if (rc == 0)
			rc = elf_need(e, at, 16, "DT_VERNEED", &p, w->err);
		if (rc < 0)
			return rc;
		unsigned count = le16(p + 2);
		uint32_t name = le32(p + 4), aux = le32(p + 8), next = le32(p + 12);
		if ((rc = version_text(w, name, "vn_file", w->file, &file)) < 0 ||
		    (rc = need_walk(w, at + aux, count, file)) != 0)
			return rc;
		if (next == 0)
			return 0;
		at += next;
	}
	return 0;
}

int elf_each_version(struct elf *e, int (*visit)(const struct elf_symbol_version *, void *), void *data,
		     struct err *err)
{
	struct versions w = { .e = e, .visit = visit, .data = data, .err = err };
	int rc = definitions_walk(&w);
	return rc ? rc : needs_walk(&w);
}

/* ── Symbols ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int u32_at(struct elf *e, uint64_t at, const char *field, uint32_t *ret, struct err *err)
{
	const unsigned char *p = NULL;
	int rc = elf_need(e, at, 4, field, &p, err);
	if (rc == 0)
		*ret = le32(p);
	return rc;
}

/* 1: this is it; 0: another name, or undefined. */
static int symbol_is(struct elf *e, uint32_t index, const char *name, struct elf_symbol *ret, struct err *err)
{
	const unsigned char *p = NULL;
	bool is64 = e->header.is64;
	size_t bytes = is64 ? 24 : 16, n = strlen(name) + 1, have;
	int rc = elf_need(e, e->symbols_at + (uint64_t)index * bytes, bytes, "DT_SYMTAB", &p, err);
	if (rc < 0)
		return rc;
	uint32_t place = le32(p);
	struct elf_symbol s = { .info = p[is64 ? 4 : 12],
				.section = le16(p + (is64 ? 6 : 14)),
				.address = is64 ? le64(p + 8) : le32(p + 4),
				.bytes = is64 ? le64(p + 16) : le32(p + 8) };
	if (place >= e->strings_bytes)
		return elf_broken(err, e->symbols_at, "st_name", "its name lies outside the string table");
	rc = elf_upto(e, e->strings_at + place, n, &p, &have, err);
	if (rc < 0)
		return rc;
	if (have != n || memcmp(p, name, n) != 0 || s.section == 0)
		return 0;
	*ret = s;
	return 1;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		h = h * 33 + *p;
	return h;
}

/* nbuckets, first symbol, bloom words, shift (u32); bloom filter; buckets; chains, whose last entry has bit 0 set. */
static int gnu_find(struct elf *e, const char *name, struct elf_symbol *ret, struct err *err)
{
	uint32_t head[3];
	for (size_t i = 0; i < RF_COUNT(head); i++) {
		int rc = u32_at(e, e->gnu_hash_at + 4 * i, "DT_GNU_HASH", &head[i], err);
		if (rc < 0)
			return rc;
	}
	uint32_t buckets = head[0], first = head[1], bloom = head[2], hash = gnu_hash(name), index = 0, entry = 0;
	if (buckets == 0)
		return 0;
	uint64_t bucket_at = e->gnu_hash_at + 16 + (uint64_t)bloom * (e->header.is64 ? 8 : 4);
	uint64_t chain_at = bucket_at + 4 * (uint64_t)buckets;
	int rc = u32_at(e, bucket_at + 4 * (uint64_t)(hash % buckets), "DT_GNU_HASH bucket", &index, err);
	if (rc < 0 || index == 0)
		return rc;
	if (index < first)
		return elf_broken(err, bucket_at, "DT_GNU_HASH bucket", "names a symbol that is not hashed");
	for (uint32_t i = 0; i < ELF_MAX_CHAIN && index <= UINT32_MAX - i; i++) {
		rc = u32_at(e, chain_at + 4 * ((uint64_t)index + i - first), "DT_GNU_HASH chain", &entry, err);
		if (rc < 0)
			return rc;
		if ((entry | 1) == (hash | 1)) {
			rc = symbol_is(e, index + i, name, ret, err);
			if (rc)
				return rc;
		}
		if (entry & 1)
			return 0;
	}
	return elf_broken(err, chain_at, "DT_GNU_HASH chain", "has no end");
}

static uint32_t system_v_hash(const char *name)
{
	uint32_t h = 0;
	for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
		h = (h << 4) + *p;
		uint32_t top = h & 0xf0000000;
		h = (h ^ top >> 24) & ~top;
	}
	return h;
}

/* nbucket, nchain; buckets; chains by symbol index. */
static int system_v_find(struct elf *e, const char *name, struct elf_symbol *ret, struct err *err)
{
	uint32_t buckets = 0, index = 0;
	int rc = u32_at(e, e->hash_at, "DT_HASH", &buckets, err);
	if (rc < 0 || buckets == 0)
		return rc;
	uint64_t chain_at = e->hash_at + 8 + 4 * (uint64_t)buckets;
	rc = u32_at(e, e->hash_at + 8 + 4 * (uint64_t)(system_v_hash(name) % buckets), "DT_HASH bucket", &index, err);
	for (uint32_t i = 0; rc == 0 && index != 0; i++) {
		if (i == ELF_MAX_CHAIN)
			return elf_broken(err, chain_at, "DT_HASH chain", "has no end");
		rc = symbol_is(e, index, name, ret, err);
		if (rc)
			return rc;
		rc = u32_at(e, chain_at + 4 * (uint64_t)index, "DT_HASH chain", &index, err);
	}
	return rc;
}

int elf_symbol_find(struct elf *e, const char *name, struct elf_symbol *ret, struct err *err)
{
	int rc = 0;
	if (e->symbols_at && e->strings_at && e->gnu_hash_at)
		rc = gnu_find(e, name, ret, err);
	else if (e->symbols_at && e->strings_at && e->hash_at)
		rc = system_v_find(e, name, ret, err);
	return rc < 0 ? rc : rc == 1 ? 0 : RF_ENOTFOUND;
}

int elf_string_find(struct elf *e, const char *prefix, struct span *ret, uint64_t *ret_at, struct err *err)
{
	size_t n = strlen(prefix);
	uint64_t end = e->strings_at + RF_MIN(e->strings_bytes, (uint64_t)ELF_MAX_STRINGS);
	*ret = SPAN_NONE;
	/* every name but the first is behind a NUL; pieces overlap by the length of what is looked for */
	for (uint64_t at = e->strings_at; at < end;) {
		const unsigned char *p = NULL;
		size_t have;
		int rc = elf_upto(e, at, (size_t)RF_MIN((uint64_t)ELF_PIECE_BYTES, end - at), &p, &have, err);
		if (rc < 0 || have <= n)
			return rc;
		for (size_t i = 0; i + n < have; i++) {
			const unsigned char *nul = memchr(p + i, 0, have - n - i);
			if (!nul)
				break;
			i = (size_t)(nul - p);
			if (memcmp(nul + 1, prefix, n) == 0) {
				*ret_at = at + i + 1;
				return elf_text_at(e, *ret_at, "DT_STRTAB", ret, err);
			}
		}
		at += have - n;
	}
	return 0;
}
