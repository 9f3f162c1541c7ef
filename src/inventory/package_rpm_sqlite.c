/*
 * rpm's database since 4.16, var/lib/rpm/rpmdb.sqlite (usr/lib/sysimage/rpm): the table Packages(hnum, blob) holds a header a
 * row. SQLite's file format (sqlite.org/fileformat2.html) is read here, by pages, so that a hostile file meets bounds
 * checks and no SQL. What is not yet checkpointed out of a write-ahead log is not seen.
 */
#include "inventory/package_int.h"

#define PAGE_MAX 65536
/* A b-tree of 2^32 pages has fewer levels. */
#define DEPTH_MAX 12

enum { PAGE_INTERIOR = 5, PAGE_LEAF = 13 };

struct sqlite_file {
	struct artifact_reading *r;
	struct package_list *list;
	size_t page_bytes, usable;
	uint64_t pages;
	uint64_t visited; /* of the b-trees: no more than there are */
	uint32_t root;    /* of Packages; 0 not found */
	unsigned char *levels[DEPTH_MAX];
};

/* Bytes of a row: the part in the leaf, then a chain of overflow pages. */
struct payload {
	struct sqlite_file *f;
	const unsigned char *local;
	size_t local_bytes;
	uint64_t bytes, skip; /* in all; the record's header, in front of what is asked */
	uint32_t overflow;    /* 0: none */
};

static void damaged(struct sqlite_file *f, const char *rule)
{
	artifact_object(f->r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "sqlite_malformed", "rpm database: %s", rule);
}

static bool page_read(struct sqlite_file *f, uint32_t number, unsigned char *to)
{
	if (number < 1 || number > f->pages) {
		damaged(f, "a page number behind the end of the file");
		return false;
	}
	uint64_t at = (uint64_t)(number - 1) * f->page_bytes;
	for (size_t have = 0; have < f->page_bytes;) {
		size_t n = RF_MIN(f->page_bytes - have, (size_t)ARTIFACT_PIECE_BYTES);
		const unsigned char *p = artifact_at(f->r, at + have, n);
		if (!p) {
			if (!f->r->failed)
				damaged(f, "a page could not be read whole");
			return false;
		}
		memcpy(to + have, p, n);
		have += n;
	}
	return true;
}

/* Section 1.6; 0: it does not end before @end. */
static size_t varint(const unsigned char *p, const unsigned char *end, uint64_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < 9 && p + i < end; i++) {
		if (i == 8) {
			*ret = v << 8 | p[i];
			return 9;
		}
		v = v << 7 | (p[i] & 0x7f);
		if (!(p[i] & 0x80)) {
			*ret = v;
			return i + 1;
		}
	}
	return 0;
}

/* A leaf's cell, section 1.6: payload bytes, row number, payload, the first overflow page. */
static bool cell_read(struct sqlite_file *f, const unsigned char *page, size_t at, struct payload *ret)
{
	const unsigned char *end = page + f->usable, *p = page + at;
	uint64_t bytes, row;
	size_t n = varint(p, end, &bytes);
	size_t m = n ? varint(p + n, end, &row) : 0;
	if (!m)
		return false;
	p += n + m;
	uint64_t local = bytes, most = f->usable - 35;
	if (bytes > most) {
		uint64_t least = (f->usable - 12) * 32 / 255 - 23, k = least + (bytes - least) % (f->usable - 4);
		local = k <= most ? k : least;
	}
	size_t room = (size_t)(end - p);
	if (local > room || (local < bytes && room - local < 4))
		return false;
	*ret = (struct payload){ .f = f, .local = p, .local_bytes = (size_t)local, .bytes = bytes };
	if (local < bytes)
		ret->overflow = be32(p + local);
	return true;
}

/* The first @n bytes behind skip. Fits rpm_header_add(). */
static bool payload_prefix(struct artifact_reading *r, void *data, unsigned char *to, size_t n)
{
	struct payload *p = data;
	struct sqlite_file *f = p->f;
	uint64_t skip = p->skip;
	size_t have = 0, local = skip < p->local_bytes ? p->local_bytes - (size_t)skip : 0;
	have = RF_MIN(local, n);
	if (have)
		memcpy(to, p->local + skip, have);
	skip = skip > p->local_bytes ? skip - p->local_bytes : 0;
	uint32_t next = p->overflow;
	for (uint64_t i = 0; have < n; i++) {
		if (!next || next > f->pages || i > f->pages) {
			damaged(f, "a chain of overflow pages that ends too early");
			return false;
		}
		uint64_t at = (uint64_t)(next - 1) * f->page_bytes, from = 4 + RF_MIN(skip, (uint64_t)f->usable - 4);
		const unsigned char *head = artifact_at(r, at, 4);
		if (!head)
			return false;
		next = be32(head);
		skip -= from - 4;
		while (have < n && from < f->usable) {
			size_t piece = RF_MIN(RF_MIN(n - have, f->usable - (size_t)from), (size_t)ARTIFACT_PIECE_BYTES);
			const unsigned char *b = artifact_at(r, at + from, piece);
			if (!b) {
				if (!r->failed)
					damaged(f, "an overflow page could not be read whole");
				return false;
			}
			memcpy(to + have, b, piece);
			have += piece;
			from += piece;
		}
	}
	return true;
}

/* Serial types of a record's columns, section 2.1. */
static uint64_t serial_bytes(uint64_t type)
{
	static const unsigned char fixed[] = { 0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0 };
	return type < RF_COUNT(fixed) ? fixed[type] : (type - 12) / 2;
}

struct record {
	unsigned count;
	uint64_t types[8], offsets[8]; /* of columns; offsets from the payload's start */
};

static bool record_read(const struct payload *p, struct record *ret)
{
	const unsigned char *end = p->local + p->local_bytes;
	uint64_t header;
	size_t n = varint(p->local, end, &header);
	if (!n || header > p->local_bytes || header < n)
		return false;
	uint64_t at = header;
	*ret = (struct record){ 0 };
	for (size_t i = n; i < header && ret->count < RF_COUNT(ret->types);) {
		uint64_t type;
		size_t m = varint(p->local + i, p->local + header, &type);
		if (!m)
			return false;
		ret->types[ret->count] = type;
		ret->offsets[ret->count++] = at;
		if (serial_bytes(type) > p->bytes || at > p->bytes - serial_bytes(type))
			return false;
		at += serial_bytes(type);
		i += m;
	}
	return true;
}

static struct span column_text(const struct payload *p, const struct record *c, unsigned i)
{
	uint64_t n = serial_bytes(c->types[i]);
	if (i >= c->count || c->types[i] < 13 || c->offsets[i] + n > p->local_bytes)
		return SPAN_NONE;
	return span_bytes(p->local + c->offsets[i], (size_t)n);
}

/* sqlite_schema(type, name, tbl_name, rootpage, sql). */
static void schema_row(struct sqlite_file *f, struct payload *p)
{
	struct record c;
	if (!record_read(p, &c) || c.count < 4 || !span_eq_text(column_text(p, &c, 0), "table") ||
	    !span_eq_text(column_text(p, &c, 1), "Packages"))
		return;
	uint64_t n = serial_bytes(c.types[3]), root = 0;
	if (c.types[3] < 1 || c.types[3] > 6 || c.offsets[3] + n > p->local_bytes) {
		root = c.types[3] == 9;
	} else {
		for (uint64_t i = 0; i < n; i++)
			root = root << 8 | p->local[c.offsets[3] + i];
	}
	f->root = root <= f->pages ? (uint32_t)root : 0;
}

/* Packages(hnum INTEGER PRIMARY KEY, blob). */
static void package_row(struct sqlite_file *f, struct payload *p)
{
	struct record c;
	if (!record_read(p, &c) || c.count < 2 || c.types[1] < 12 || c.types[1] % 2) {
		damaged(f, "a row of Packages that holds no header");
		return;
	}
	p->skip = c.offsets[1];
	rpm_header_add(f->list, serial_bytes(c.types[1]), payload_prefix, p);
}

typedef void row_take(struct sqlite_file *f, struct payload *p);

static void leaf_walk(struct sqlite_file *f, const unsigned char *page, size_t header, row_take *take)
{
	unsigned cells = be16(page + header + 3);
	for (unsigned i = 0; i < cells && !f->r->failed; i++) {
		size_t slot = header + 8 + 2 * (size_t)i;
		struct payload p;
		if (slot + 2 > f->usable || be16(page + slot) >= f->usable ||
		    !cell_read(f, page, be16(page + slot), &p)) {
			damaged(f, "a cell outside of its page");
			return;
		}
		take(f, &p);
	}
}

static void tree_walk(struct sqlite_file *f, uint32_t number, unsigned depth, row_take *take)
{
	if (depth == DEPTH_MAX || f->visited++ >= f->pages) {
		damaged(f, "a b-tree that is deeper or larger than the file");
		return;
	}
	if (!f->levels[depth] && !(f->levels[depth] = arena_alloc(f->r->a, f->page_bytes))) {
		f->r->failed = RF_ENOMEM;
		return;
	}
	unsigned char *page = f->levels[depth];
	size_t header = number == 1 ? 100 : 0;
	if (!page_read(f, number, page))
		return;
	if (page[header] == PAGE_LEAF) {
		leaf_walk(f, page, header, take);
		return;
	}
	if (page[header] != PAGE_INTERIOR) {
		damaged(f, "a page that is no table's");
		return;
	}
	unsigned cells = be16(page + header + 3);
	for (unsigned i = 0; i <= cells && !f->r->failed; i++) {
		size_t slot = header + 12 + 2 * (size_t)i;
		size_t at = i == cells ? header + 8 : slot + 2 <= f->usable ? be16(page + slot) : f->usable;
		if (at + 4 > f->usable) {
			damaged(f, "a cell outside of its page");
			return;
		}
		tree_walk(f, be32(page + at), depth + 1, take);
	}
}

static bool sqlite_sniff(const struct artifact_reading *r)
{
	return span_eq_text(r->name, "rpmdb.sqlite") && r->head.n >= 100 &&
	       memcmp(r->head.p, "SQLite format 3", 16) == 0;
}

static int sqlite_read(struct artifact_reading *r)
{
	const unsigned char *h = (const unsigned char *)r->head.p;
	struct package_list list = package_list(r, "rpm");
	struct sqlite_file f = { .r = r, .list = &list };
	r->facts->kind = ARTIFACT_PACKAGE_DATABASE;
	r->facts->layout = "rpm sqlite";
	f.page_bytes = be16(h + 16) == 1 ? PAGE_MAX : be16(h + 16);
	f.usable = f.page_bytes - h[20];
	if (f.page_bytes < 512 || (f.page_bytes & (f.page_bytes - 1)) || h[20] > 32) {
		damaged(&f, "a page size that SQLite does not have");
		return 0;
	}
	f.pages = RF_MIN(r->src->size / f.page_bytes, (uint64_t)UINT32_MAX);
	tree_walk(&f, 1, 0, schema_row);
	f.visited = 0;
	if (f.root)
		tree_walk(&f, f.root, 0, package_row);
	else if (!r->failed)
		damaged(&f, "no table Packages");
	return r->failed ? r->failed : rpm_list_end(&list);
}

const struct artifact_format artifact_format_rpm_sqlite = {
	.name = "rpm-sqlite", .sniff = sqlite_sniff, .read = sqlite_read
};
