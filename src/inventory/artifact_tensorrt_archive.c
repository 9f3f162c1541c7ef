/*
 * The "ptrt" archive: the whole file up to TensorRT 8.5, the ENGN section after, and every timing cache.
 * Source of the format: tensorrt-plan-format, section 2b.
 *
 * Everything is told from structure. The serialization tag (stdTag) is neither monotonic nor unique (237 is 8.5.0 and
 * 10.0.1), so no table of tags is consulted here: versions that did not exist when this was written read the same way.
 * Whether the tag contradicts the version is tensorrt_version_check()'s.
 */
#include "inventory/artifact_int.h"

/* The head of the body: version, markers, device properties. 46 items of at most 12 bytes. */
#define BODY_HEAD_BYTES 640
#define RUN_ITEMS 32
/* Device properties have 15 to 22 items; shorter runs are something else. */
#define DEVICE_ITEMS 5

#define ITEM_PLAIN 0x7fff
#define ITEM_CACHE 0x18
#define ITEM_MAX_BYTES 12 /* with its type */

struct item {
	uint16_t type; /* without bit 15 */
	uint64_t value;
	uint64_t at; /* in the file, of the payload */
	unsigned char raw[8];
	size_t bytes; /* payload; 0: a marker */
};

struct cursor {
	const unsigned char *p;
	size_t n, at;
	uint64_t file_at; /* of p[0] */
};

void tensorrt_version_text(const unsigned char v[4], char ret[TENSORRT_VERSION_BYTES])
{
	/* by hand: a scan of 100,000 headers spends a tenth of its time in printf otherwise */
	char *p = ret;
	for (size_t i = 0; i < 4; i++) {
		if (i)
			*p++ = '.';
		if (v[i] >= 100)
			*p++ = (char)('0' + v[i] / 100);
		if (v[i] >= 10)
			*p++ = (char)('0' + v[i] / 10 % 10);
		*p++ = (char)('0' + v[i] % 10);
	}
	*p = '\0';
}

/* u16 type, u16 1, payload; a type without a payload is a bare marker of a struct. */
static bool item_next(struct cursor *c, struct item *ret)
{
	if (c->n - c->at < 4 || le16(c->p + c->at + 2) != 1)
		return false;
	*ret = (struct item){ .type = le16(c->p + c->at) & ITEM_PLAIN };
	ret->bytes = tensorrt_item_bytes(ret->type);
	if (c->n - c->at - 4 < ret->bytes)
		return false;
	const unsigned char *payload = c->p + c->at + 4;
	ret->at = c->file_at + c->at + 4;
	memcpy(ret->raw, payload, ret->bytes);
	for (size_t i = 0; i < ret->bytes; i++)
		ret->value |= (uint64_t)payload[i] << (8 * i);
	c->at += 4 + ret->bytes;
	return true;
}

/* "02 00 01 00" or "02 80 01 00" */
static bool is_guard(const unsigned char *p, uint16_t type)
{
	return (le16(p) & ITEM_PLAIN) == type && le16(p + 2) == 1;
}

/* ── Which header ────────────────────────────────────────────────────────────────────────────────────────────────── */

struct header {
	const char *layout;
	size_t bytes;
	uint64_t body;
	uint32_t tag;
	bool has_crc;
	uint32_t crc;
};

/* P1 and P2 have the same body; the size lies at 12 in one and at 16 in the other. What fits the container decides; for
 * a damaged one, where the upper half of a size (0 below 4 GiB) would be. */
static struct header header_plain(const unsigned char *h, uint64_t room)
{
	struct header p1 = { "P1", 24, le64(h + 12), le32(h + 8), true, le32(h + 20) };
	struct header p2 = { "P2", 24, le64(h + 16), le32(h + 4), true, le32(h + 12) };
	bool fits1 = room >= 24 && p1.body == room - 24, fits2 = room >= 24 && p2.body == room - 24;
	if (fits1 != fits2)
		return fits1 ? p1 : p2;
	bool small1 = le32(h + 16) == 0, small2 = le32(h + 20) == 0;
	if (small1 != small2)
		return small1 ? p1 : p2;
	return le32(h + 4) == 0x2b ? p2 : p1;
}

static struct header header_of(const unsigned char *h, size_t n, uint64_t room)
{
	bool at20 = n >= 24 && (is_guard(h + 20, TENSORRT_ITEM_U8) || is_guard(h + 20, ITEM_CACHE));
	bool at24 = n >= 28 && (is_guard(h + 24, TENSORRT_ITEM_U8) || is_guard(h + 24, ITEM_CACHE));
	/* Offset 20 first: in a P3 header these four bytes are the upper half of a size, never that of a guard. */
	if (at20)
		return (struct header){ "P4", 20, le64(h + 8), le32(h + 4), false, 0 };
	if (at24 && (le16(h + 24) & 0x8000))
		return (struct header){ "P3", 24, le64(h + 16), le32(h + 8), false, 0 };
	if (at24)
		return header_plain(h, room);
	return (struct header){ 0 };
}

/* ── Device properties ───────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_cc(const struct item *major, const struct item *minor)
{
	return major->type == TENSORRT_ITEM_I32 && minor->type == TENSORRT_ITEM_I32 && major->value >= 2 && major->value <= 32 &&
	       minor->value <= 9;
}

static bool is_i32s(const struct item *run, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (run[i].type != TENSORRT_ITEM_I32)
			return false;
	return true;
}

static bool is_u64(const struct item *item)
{
	return item->type == TENSORRT_ITEM_U64 || item->type == TENSORRT_ITEM_U64_TOO;
}

/* Up to 10.6: the properties begin with compute capability, core clock, memory clock, bus width, L2 size (u64). A run
 * of five is one that the file's end cut. A struct of small numbers has the first, and not the last, of this form. */
static size_t cc_in_front(const struct item *run, size_t n, bool cut)
{
	size_t first = 0;
	while (first < n && is_u64(&run[first]))
		first++; /* none in any sample; the total memory moved to the front at some time between 10.6 and 10.9
			  */
	const struct item *p = run + first;
	n -= first;
	if (n >= 5 && is_i32s(p, 5) && is_cc(&p[0], &p[1]) && (n == 5 ? cut : is_u64(&p[5])))
		return first;
	return SIZE_MAX;
}

/* From 10.9 at the latest: memory sizes (u64) come first, then i32s; the capability stands before the texture alignment
 * (512), the last of them. Where that end has moved, the one place that reads "capability, 512"; else, without any 512,
 * the tenth i32, when what is in front of it are the two limits of 1,024 threads that always are. */
static size_t cc_behind_sizes(const struct item *run, size_t n)
{
	size_t first = 0, found = SIZE_MAX, hits = 0;
	while (first < n && is_u64(&run[first]))
		first++;
	if (first == 0)
		return SIZE_MAX;
	for (size_t i = first; i + 2 < n; i++)
		if (is_cc(&run[i], &run[i + 1]) && run[i + 2].type == TENSORRT_ITEM_I32 && run[i + 2].value == 512) {
			found = i;
			hits++;
		}
	if (hits == 1)
		return found;
	const struct item *p = run + first;
	if (hits == 0 && n >= first + 11 && is_i32s(p, 11) && p[7].value == 1024 && p[8].value == 1024 &&
	    is_cc(&p[9], &p[10]))
		return first + 9;
	return SIZE_MAX;
}

/* The next items up to a marker, or to bytes that are no item (a type of a later version): those are stepped over, byte
 * by byte, until items begin again. 0: nothing is left. */
static size_t run_read(struct cursor *c, struct item run[RUN_ITEMS])
{
	size_t n = 0;
	struct item item;
	while (c->n - c->at >= 4) {
		if (!item_next(c, &item)) {
			if (n)
				return n;
			c->at++;
		} else if (item.bytes == 0) {
			if (n)
				return n;
		} else if (n < RUN_ITEMS) {
			run[n++] = item;
		}
	}
	return n;
}

/* The figures beside the capability: shown, and what a person tells two boards of one capability apart by. */
static uint32_t figure(const struct item *item, uint64_t least, uint64_t most)
{
	return item->type == TENSORRT_ITEM_I32 && item->value >= least && item->value <= most ? (uint32_t)item->value : 0;
}

/* Capability, core clock, memory clock, ...; the number of multiprocessors stands before the first bool, the total
 * memory behind it. */
static void figures_in_front(struct artifact_facts *f, const struct item *run, size_t n, size_t cc)
{
	if (n < cc + 4)
		return;
	f->clock_khz = figure(&run[cc + 2], 10000, 10000000);
	f->memory_clock_khz = figure(&run[cc + 3], 10000, 100000000);
	for (size_t i = cc + 4; i < n; i++) {
		if (run[i].type == TENSORRT_ITEM_BOOL && !f->multiprocessors)
			f->multiprocessors = figure(&run[i - 1], 1, 4096);
		else if (is_u64(&run[i]) && f->multiprocessors && !f->memory_bytes)
			f->memory_bytes = run[i].value;
	}
}

/* Memory sizes, then core clock, memory clock, bus width, two limits of shared memory, multiprocessors. */
static void figures_behind_sizes(struct artifact_facts *f, const struct item *run, size_t n)
{
	size_t first = 0;
	while (first < n && is_u64(&run[first]))
		first++;
	if (first == 0 || n < first + 6)
		return;
	f->memory_bytes = run[0].value;
	f->clock_khz = figure(&run[first], 10000, 10000000);
	f->memory_clock_khz = figure(&run[first + 1], 10000, 100000000);
	f->multiprocessors = figure(&run[first + 5], 1, 4096);
}

static void take_cc(struct artifact_reading *r, const struct item *run, size_t n, size_t i,
		    struct tensorrt_archive *ret)
{
	ret->cc_major = (int)run[i].value;
	ret->cc_minor = (int)run[i + 1].value;
	if (is_u64(&run[0]) && i > 3)
		figures_behind_sizes(r->facts, run, n);
	else
		figures_in_front(r->facts, run, n, i);
	artifact_evidence(r, "compute capability of the build device, major", run[i].at, run[i].raw, 4, "%d",
			  ret->cc_major);
	artifact_evidence(r, "compute capability of the build device, minor", run[i + 1].at, run[i + 1].raw, 4, "%d",
			  ret->cc_minor);
}

/* @cut: the run is the last of what is there. Then no more than the capability itself need be left of it. */
static size_t cc_of(const struct item *run, size_t n, bool cut)
{
	if (n < DEVICE_ITEMS)
		return cut && n >= 2 && is_i32s(run, n) && is_cc(&run[0], &run[1]) ? 0 : SIZE_MAX;
	size_t at = cc_in_front(run, n, cut);
	return at == SIZE_MAX ? cc_behind_sizes(run, n) : at;
}

/* The device properties are the first run of items that reads like them. A single i32 between markers before it is
 * taken for the hardware compatibility level: 0 in every sample, so only another value is worth a word. */
static void device_read(struct artifact_reading *r, struct cursor *c, struct tensorrt_archive *ret)
{
	struct item run[RUN_ITEMS];
	size_t n, at = SIZE_MAX;
	bool level = true;
	while (at == SIZE_MAX && (n = run_read(c, run)) != 0) {
		level = level && n < DEVICE_ITEMS;
		if (level && n == 1 && run[0].type == TENSORRT_ITEM_I32 && run[0].value != 0 && run[0].value <= 2)
			artifact_note(r,
				      "hardware compatibility level %u (inferred from its place): may run on other "
				      "devices than the one it was built on",
				      (unsigned)run[0].value);
		at = cc_of(run, n, c->n - c->at < ITEM_MAX_BYTES);
	}
	if (at != SIZE_MAX)
		take_cc(r, run, n, at, ret);
	else
		artifact_note(r, "compute capability not found: no rule reads these device properties");
}

/* ── The archive ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool version_read(struct artifact_reading *r, struct cursor *c, struct tensorrt_archive *ret)
{
	for (size_t i = 0; i < 4; i++) {
		struct item item;
		if (!item_next(c, &item) || item.type != TENSORRT_ITEM_U8)
			return false;
		ret->version[i] = (unsigned char)item.value;
	}
	char text[TENSORRT_VERSION_BYTES];
	tensorrt_version_text(ret->version, text);
	artifact_evidence(r, "archive version items (u8 major, minor, patch, build)", c->file_at, c->p, 20, "%s", text);
	return true;
}

static void body_read(struct artifact_reading *r, uint64_t at, const struct header *h, struct tensorrt_archive *ret)
{
	/* A copy: the window moves. */
	unsigned char head[BODY_HEAD_BYTES];
	size_t n;
	const unsigned char *p = artifact_upto(r, at + h->bytes, sizeof head, &n);
	if (!p)
		return;
	memcpy(head, p, n);
	struct cursor c = { .p = head, .n = n, .file_at = at + h->bytes };
	uint64_t end = at + RF_MIN(ret->archive_bytes, UINT64_MAX - at);
	if (n >= 4 && is_guard(head, ITEM_CACHE)) {
		ret->cache = true;
		artifact_evidence(r, "first item of the archive", c.file_at, head, 4, "type 0x18: a timing cache");
		tensorrt_items_walk(r, ret, c.file_at, end);
		return;
	}
	if (!version_read(r, &c, ret)) {
		artifact_note(r,
			      "the archive's first four items are not all its version (u8 major, minor, patch, build)");
		return;
	}
	ret->has_version = true;
	device_read(r, &c, ret);
	tensorrt_items_walk(r, ret, c.file_at, end);
}

void tensorrt_archive_read(struct artifact_reading *r, uint64_t at, uint64_t room, struct tensorrt_archive *ret)
{
	*ret = (struct tensorrt_archive){ .cc_major = -1, .cc_minor = -1 };
	unsigned char head[28];
	size_t n;
	const unsigned char *p = artifact_upto(r, at, sizeof head, &n);
	if (!p || n < 4 || memcmp(p, "ptrt", 4) != 0)
		return;
	memcpy(head, p, n);
	artifact_evidence(r, "archive magic", at, head, 4, "ptrt");
	struct header h = header_of(head, n, room);
	if (!h.layout)
		return;
	ret->layout = h.layout;
	ret->tag = h.tag;
	ret->archive_bytes = h.body > UINT64_MAX - h.bytes ? UINT64_MAX : h.body + h.bytes;
	artifact_evidence(r, "archive header", at, head, h.bytes, "layout %s, tag %u, body of %llu bytes", h.layout,
			  h.tag, (unsigned long long)h.body);
	if (h.has_crc) {
		struct artifact_facts *f = r->facts;
		f->has_crc = true;
		f->crc = h.crc;
		f->crc_from = at + h.bytes;
		f->crc_bytes = h.body;
	}
	body_read(r, at, &h, ret);
}
