/*
 * rpm's own database, Packages.db (openSUSE, SLE): a table of slots, each the place of one header, in blocks of 16 bytes
 * (rpm's lib/backend/ndb/rpmpkg.c). Little-endian.
 */
#include "inventory/package_int.h"

#define HEADER_MAGIC "RpmP"
#define SLOT_MAGIC "Slot"
#define BLOB_MAGIC "BlbS"
#define SLOT_PAGE_BYTES 4096
#define SLOT_BYTES 16
#define BLOCK_BYTES 16
#define BLOB_HEAD_BYTES 16
/* A slot each: more packages than any distribution has. */
#define SLOTS_MAX 262144

struct ndb_blob {
	uint64_t at;
};

static bool ndb_sniff(const struct artifact_reading *r)
{
	return span_eq_text(r->name, "Packages.db") && r->head.n >= 32 && span_starts(r->head, HEADER_MAGIC);
}

static void damaged(struct artifact_reading *r, uint64_t at, const char *rule)
{
	artifact_object(r, ARTIFACT_UNKNOWN, ARTIFACT_CAUSE_UNREADABLE, "ndb_malformed",
			"rpm database, offset %llu: %s", (unsigned long long)at, rule);
}

static bool blob_prefix(struct artifact_reading *r, void *data, unsigned char *to, size_t n)
{
	const struct ndb_blob *b = data;
	for (size_t have = 0; have < n;) {
		size_t piece = RF_MIN(n - have, (size_t)ARTIFACT_PIECE_BYTES);
		const unsigned char *p = artifact_at(r, b->at + have, piece);
		if (!p) {
			if (!r->failed)
				damaged(r, b->at + have, "a header that lies behind the end of the file");
			return false;
		}
		memcpy(to + have, p, piece);
		have += piece;
	}
	return true;
}

static void slot_take(struct package_list *l, uint64_t block)
{
	struct artifact_reading *r = l->r;
	uint64_t at = block * BLOCK_BYTES;
	const unsigned char *p = artifact_at(r, at, BLOB_HEAD_BYTES);
	if (!p || memcmp(p, BLOB_MAGIC, 4) != 0) {
		if (!r->failed)
			damaged(r, at, "a slot that leads to no header (BlbS)");
		return;
	}
	struct ndb_blob blob = { at + BLOB_HEAD_BYTES };
	rpm_header_add(l, le32(p + 12), blob_prefix, &blob);
}

static int ndb_read(struct artifact_reading *r)
{
	struct package_list list = package_list(r, "rpm");
	const unsigned char *h = (const unsigned char *)r->head.p;
	uint64_t slots = (uint64_t)le32(h + 12) * (SLOT_PAGE_BYTES / SLOT_BYTES);
	r->facts->kind = ARTIFACT_PACKAGE_DATABASE;
	r->facts->layout = "rpm ndb";
	if (le32(h + 4) != 0 || slots > SLOTS_MAX) {
		damaged(r, 4, "a version of the format, or a table of slots, that rpm does not write");
		return 0;
	}
	for (uint64_t i = 2; i < slots && !r->failed; i++) { /* the first two are the file's header */
		const unsigned char *s = artifact_at(r, i * SLOT_BYTES, SLOT_BYTES);
		if (!s || memcmp(s, SLOT_MAGIC, 4) != 0) {
			if (!r->failed)
				damaged(r, i * SLOT_BYTES, "the table of slots is cut off or overwritten");
			break;
		}
		if (le32(s + 4))
			slot_take(&list, le32(s + 8));
	}
	return r->failed ? r->failed : rpm_list_end(&list);
}

const struct artifact_format artifact_format_rpm_ndb = { .name = "rpm-ndb", .sniff = ndb_sniff, .read = ndb_read };
