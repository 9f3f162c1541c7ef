/*
 * rpm's database before 4.16, var/lib/rpm/Packages: a Berkeley DB hash whose values are headers: in chains of overflow
 * pages, or small ones in the page itself (Berkeley DB's dbinc/db_page.h: DBMETA, PAGE, HKEYDATA, HOFFPAGE). Files of the
 * other byte order are not read, and say so.
 */
#include "inventory/package_int.h"

#define HASH_MAGIC 0x00061561U
#define HASH_MAGIC_SWAPPED 0x61150600U
#define PAGE_HEAD_BYTES 26
#define PAGE_MAX 65536

enum { PAGE_HASH_UNSORTED = 2, PAGE_OVERFLOW = 7, PAGE_HASH = 13 };
enum { ITEM_KEYDATA = 1, ITEM_OFFPAGE = 3, ITEM_OFFPAGE_BYTES = 12 };

struct bdb_file {
	struct artifact_reading *r;
	size_t page_bytes;
	uint64_t pages;
};
struct bdb_blob {
	const struct bdb_file *f;
	uint32_t first;
};

static bool bdb_sniff(const struct artifact_reading *r)
{
	if (!span_eq_text(r->name, "Packages") || r->head.n < 72)
		return false;
	uint32_t magic = le32(r->head.p + 12);
	return magic == HASH_MAGIC || magic == HASH_MAGIC_SWAPPED;
}

static void damaged(struct artifact_reading *r, const char *rule)
{
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "bdb_malformed", "rpm database: %s", rule);
}

static bool blob_prefix(struct artifact_reading *r, void *data, unsigned char *to, size_t n)
{
	const struct bdb_blob *b = data;
	uint32_t number = b->first;
	size_t have = 0;
	for (uint64_t i = 0; have < n; i++) {
		uint64_t at = (uint64_t)number * b->f->page_bytes;
		const unsigned char *p =
			number && number < b->f->pages && i < b->f->pages ? artifact_at(r, at, PAGE_HEAD_BYTES) : NULL;
		if (!p || p[25] != PAGE_OVERFLOW) {
			if (!r->failed)
				damaged(r, "a chain of overflow pages that ends too early");
			return false;
		}
		uint32_t next = le32(p + 16);
		size_t left = RF_MIN((size_t)le16(p + 22), b->f->page_bytes - PAGE_HEAD_BYTES);
		for (size_t from = PAGE_HEAD_BYTES; left && have < n;) {
			size_t piece = RF_MIN(RF_MIN(left, n - have), (size_t)ARTIFACT_PIECE_BYTES);
			p = artifact_at(r, at + from, piece);
			if (!p)
				return false;
			memcpy(to + have, p, piece);
			have += piece;
			from += piece;
			left -= piece;
		}
		number = next;
	}
	return true;
}

/* Fits rpm_header_add(): the whole header is at hand. */
static bool item_prefix(struct artifact_reading *r, void *data, unsigned char *to, size_t n)
{
	const struct span *item = data;
	(void)r;
	memcpy(to, item->p, RF_MIN(n, item->n));
	return true;
}

/* Items lie from the page's end downwards, in the order of their slots: each ends where the one before it begins. */
static bool item_at(const struct bdb_file *f, const unsigned char *page, unsigned i, struct span *ret)
{
	size_t slot = PAGE_HEAD_BYTES + 2 * (size_t)i;
	if (slot + 2 > f->page_bytes)
		return false;
	size_t at = le16(page + slot), end = i ? le16(page + slot - 2) : f->page_bytes;
	if (at >= end || end > f->page_bytes)
		return false;
	*ret = span_bytes(page + at, end - at);
	return true;
}

/* rpm keeps the number of the next package under the key 0. */
static bool is_counter(struct span key, struct span value)
{
	return key.n == 5 && key.p[0] == ITEM_KEYDATA && le32(key.p + 1) == 0 && value.n == 5;
}

/* Keys and values take turns. An item begins with its type. */
static void page_take(struct package_list *l, const struct bdb_file *f, const unsigned char *page)
{
	unsigned entries = le16(page + 20);
	for (unsigned i = 1; i < entries && !f->r->failed; i += 2) {
		struct span key, value;
		if (!item_at(f, page, i - 1, &key) || !item_at(f, page, i, &value) ||
		    (value.p[0] == ITEM_OFFPAGE && value.n < ITEM_OFFPAGE_BYTES)) {
			damaged(f->r, "an item outside of its page");
			return;
		}
		if (value.p[0] == ITEM_OFFPAGE) {
			struct bdb_blob blob = { f, le32(value.p + 4) };
			rpm_header_add(l, le32(value.p + 8), blob_prefix, &blob);
		} else if (value.p[0] != ITEM_KEYDATA) {
			damaged(f->r, "a value of a kind that rpm does not write");
		} else if (!is_counter(key, value)) {
			struct span header = span_from(value, 1);
			rpm_header_add(l, header.n, item_prefix, &header);
		}
	}
}

static bool page_read(const struct bdb_file *f, uint64_t number, unsigned char *to)
{
	for (size_t have = 0; have < f->page_bytes;) {
		size_t n = RF_MIN(f->page_bytes - have, (size_t)ARTIFACT_PIECE_BYTES);
		const unsigned char *p = artifact_at(f->r, number * f->page_bytes + have, n);
		if (!p)
			return false;
		memcpy(to + have, p, n);
		have += n;
	}
	return true;
}

static int bdb_read(struct artifact_reading *r)
{
	const unsigned char *h = (const unsigned char *)r->head.p;
	struct package_list list = package_list(r, "rpm");
	struct bdb_file f = { .r = r, .page_bytes = le32(h + 20) };
	r->facts->kind = ARTIFACT_PACKAGE_DATABASE;
	r->facts->layout = "rpm Berkeley DB";
	if (le32(h + 12) != HASH_MAGIC) {
		damaged(r, "written on a machine of the other byte order");
		return 0;
	}
	if (f.page_bytes < 512 || f.page_bytes > PAGE_MAX || (f.page_bytes & (f.page_bytes - 1)) || h[24]) {
		damaged(r, "a page size that Berkeley DB does not have, or encrypted");
		return 0;
	}
	f.pages = RF_MIN(r->src->size / f.page_bytes, (uint64_t)UINT32_MAX);
	unsigned char *page = arena_alloc(r->a, f.page_bytes);
	if (!page)
		return r->failed = RF_ENOMEM;
	for (uint64_t i = 1; i < f.pages && !r->failed; i++) {
		const unsigned char *head = artifact_at(r, i * f.page_bytes, PAGE_HEAD_BYTES);
		if (!head)
			break;
		if (head[25] != PAGE_HASH && head[25] != PAGE_HASH_UNSORTED)
			continue;
		if (!page_read(&f, i, page))
			break;
		page_take(&list, &f, page);
	}
	return r->failed ? r->failed : rpm_list_end(&list);
}

const struct artifact_format artifact_format_rpm_bdb = { .name = "rpm-bdb", .sniff = bdb_sniff, .read = bdb_read };
