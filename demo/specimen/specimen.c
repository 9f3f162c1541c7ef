/* Source of every layout: reference/tensorrt-plan-format, sections 2a to 2d. See specimen.h. */
#include "specimen.h"

#include "base/hash.h"
#include "base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define OUTER_BYTES 32
#define SECTION_BYTES 24
#define WEIGHT_BYTES 64

struct writer {
	unsigned char *p;
	size_t n, capacity;
	bool full;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	if (w->capacity - w->n < n) {
		w->full = true;
		return;
	}
	memcpy(w->p + w->n, bytes, n);
	w->n += n;
}

static void put_u16(struct writer *w, uint16_t v)
{
	unsigned char b[2];
	put_le16(b, v);
	put(w, b, 2);
}

static void put_u32(struct writer *w, uint32_t v)
{
	unsigned char b[4];
	put_le32(b, v);
	put(w, b, 4);
}

static void put_u64(struct writer *w, uint64_t v)
{
	unsigned char b[8];
	put_le64(b, v);
	put(w, b, 8);
}

/* ── Choices by version ──────────────────────────────────────────────────────────────────────────────────────────── */

static bool at_least(const unsigned v[4], unsigned major, unsigned minor)
{
	return v[0] > major || (v[0] == major && v[1] >= minor);
}

static enum specimen_layout layout_of(const struct specimen *s)
{
	if (s->layout != SPECIMEN_BY_VERSION)
		return s->layout;
	const unsigned *v = s->version;
	if (at_least(v, 10, 6))
		return s->timing_cache ? SPECIMEN_P4 : SPECIMEN_FTRT_P4;
	if (at_least(v, 8, 6))
		return s->timing_cache ? SPECIMEN_P3 : SPECIMEN_FTRT_P3;
	if (at_least(v, 8, 2))
		return SPECIMEN_P3;
	if (at_least(v, 8, 0))
		return SPECIMEN_P2;
	return at_least(v, 6, 0) ? SPECIMEN_P1 : SPECIMEN_FLATBUFFER;
}

static bool sizes_first(const struct specimen *s)
{
	if (s->device != SPECIMEN_DEVICE_BY_VERSION)
		return s->device == SPECIMEN_DEVICE_NEW;
	return at_least(s->version, 10, 9);
}

int specimen_layout_read(const char *text, enum specimen_layout *ret, struct err *err)
{
	static const char *const names[] = { "auto", "flatbuffer", "p1", "p2", "p3", "p4", "ftrt-p3", "ftrt-p4" };
	for (size_t i = 0; i < RF_COUNT(names); i++)
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum specimen_layout)i;
			return 0;
		}
	return err_set(err, RF_EINVALID, "\"%s\" is no layout: auto, flatbuffer, p1, p2, p3, p4, ftrt-p3, ftrt-p4",
		       text);
}

int specimen_version_read(const char *text, unsigned ret[4], struct err *err)
{
	struct span rest = span_of(text), part;
	uint64_t v;
	size_t n = 0;
	memset(ret, 0, 4 * sizeof *ret);
	while (span_split(&rest, '.', &part)) {
		if (n == 4 || !span_u64(part, &v) || v > 9999)
			return err_set(err, RF_EINVALID, "\"%s\" is no TensorRT version (10.13.3.9)", text);
		ret[n++] = (unsigned)v;
	}
	return n ? 0 : err_set(err, RF_EINVALID, "empty version");
}

/* ── The archive's body ──────────────────────────────────────────────────────────────────────────────────────────── */

struct items {
	struct writer *w;
	uint16_t payload_bit, marker_bit;
};

static void item(struct items *i, uint16_t type, uint64_t v, size_t bytes)
{
	unsigned char b[8];
	put_u16(i->w, type | i->payload_bit);
	put_u16(i->w, 1);
	put_le64(b, v);
	put(i->w, b, bytes);
}

static void u8(struct items *i, unsigned v)
{
	item(i, 2, v, 1);
}
static void i32(struct items *i, uint32_t v)
{
	item(i, 7, v, 4);
}
static void u64(struct items *i, uint64_t v)
{
	item(i, 8, v, 8);
}

static void marker(struct items *i, uint16_t type)
{
	put_u16(i->w, type | i->marker_bit);
	put_u16(i->w, 1);
}

/* Order and kinds of the items as in real plans, figures of a middling board. */
static void device_old(struct items *i, const struct specimen *s)
{
	static const uint32_t clocks[] = { 1770000, 9501000, 256 };
	i32(i, s->cc_major);
	i32(i, s->cc_minor);
	for (size_t k = 0; k < RF_COUNT(clocks); k++)
		i32(i, clocks[k]);
	u64(i, 4194304);
	if (at_least(s->version, 8, 5)) {
		u64(i, 2883584);
		i32(i, 49152);
		i32(i, 102400);
		i32(i, 512);
	} else {
		u64(i, 49152);
		u64(i, 65536);
		u64(i, 512);
	}
	i32(i, 48);
	item(i, 0x0a, 0, 1);
	i32(i, 1024);
}

static void device_new(struct items *i, const struct specimen *s)
{
	static const uint32_t figures[] = { 1807000, 7501000, 192, 49152, 102400, 28, 0, 1024, 1024 };
	item(i, 9, 12496666624, 8);
	u64(i, 2359296);
	u64(i, 1622016);
	for (size_t k = 0; k < RF_COUNT(figures); k++)
		i32(i, figures[k]);
	i32(i, s->cc_major);
	i32(i, s->cc_minor);
	i32(i, 512);
}

static void body_engine(struct items *i, const struct specimen *s)
{
	bool forged = s->inner_version[0] | s->inner_version[1] | s->inner_version[2] | s->inner_version[3];
	const unsigned *v = forged ? s->inner_version : s->version;
	for (size_t k = 0; k < 4; k++)
		u8(i, v[k]);
	if (at_least(s->version, 8, 6)) {
		marker(i, at_least(s->version, 9, 0) ? 0xd2 : 0xe5);
		i32(i, 0);
	}
	if (i->payload_bit) {
		marker(i, 0x12);
		marker(i, 0x10);
	} else if (i->marker_bit) {
		marker(i, 0x48);
		marker(i, 0xa5);
	} else {
		marker(i, 0x21);
	}
	if (sizes_first(s))
		device_new(i, s);
	else
		device_old(i, s);
}

static void body(struct writer *w, const struct specimen *s, enum specimen_layout archive)
{
	struct items i = { .w = w,
			   .payload_bit = archive >= SPECIMEN_P3 ? 0x8000 : 0,
			   .marker_bit = archive >= SPECIMEN_P2 ? 0x8000 : 0 };
	if (s->timing_cache) {
		marker(&i, 0x18);
		put_u32(w, 16);
		put(w, "0123456789abcdef", 16);
	} else {
		body_engine(&i, s);
	}
	put(w, "\xef\x7f\xed\x7f", 4);
	put(w, SPECIMEN_MARK, sizeof SPECIMEN_MARK);
}

/* ── The archive ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static uint32_t crc_with_zeros(const unsigned char *head, size_t n, uint64_t zeros)
{
	static const unsigned char nothing[4096];
	uint32_t crc = crc32_add(0, head, n);
	for (; zeros > 0; zeros -= RF_MIN(zeros, (uint64_t)sizeof nothing))
		crc = crc32_add(crc, nothing, (size_t)RF_MIN(zeros, (uint64_t)sizeof nothing));
	return crc;
}

/* As measured on real plans. */
static uint32_t tag_of(const unsigned *v, enum specimen_layout archive)
{
	static const struct {
		unsigned major, minor;
		uint32_t tag;
	} rows[] = { { 11, 0, 243 }, { 10, 15, 240 }, { 10, 3, 239 }, { 10, 0, 237 }, { 9, 0, 228 },
		     { 8, 6, 236 },  { 8, 5, 232 },   { 8, 4, 213 },  { 8, 2, 205 } };
	if (archive == SPECIMEN_P2)
		return 0x100;
	if (archive == SPECIMEN_P1 && !at_least(v, 7, 1))
		return at_least(v, 7, 0) ? 194 : 170;
	if (archive == SPECIMEN_P1)
		return v[1] == 1 && v[2] < 3 ? 209 : 211;
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (at_least(v, rows[i].major, rows[i].minor))
			return rows[i].tag;
	return 205;
}

static void archive_header(unsigned char *h, const struct specimen *s, enum specimen_layout archive,
			   uint64_t body_bytes)
{
	uint32_t tag = s->tag ? s->tag : tag_of(s->version, archive);
	memcpy(h, "ptrt", 4);
	switch (archive) {
	case SPECIMEN_P1:
		put_le32(h + 4, 0x61);
		put_le32(h + 8, tag);
		put_le64(h + 12, body_bytes);
		break;
	case SPECIMEN_P2:
		put_le32(h + 4, 0x2b);
		put_le32(h + 8, tag);
		put_le64(h + 16, body_bytes);
		break;
	case SPECIMEN_P3:
		put_le32(h + 8, tag);
		put_le64(h + 16, body_bytes);
		break;
	default:
		put_le32(h + 4, tag);
		put_le64(h + 8, body_bytes);
		break;
	}
}

/* Writes header and body; @zeros more bytes belong to the body. Returns the archive's size. */
static uint64_t archive_put(struct writer *w, const struct specimen *s, enum specimen_layout archive, uint64_t zeros)
{
	size_t start = w->n, header = archive == SPECIMEN_P4 ? 20 : 24;
	unsigned char h[24] = { 0 };
	put(w, h, header);
	body(w, s, archive);
	if (w->full)
		return 0;
	uint64_t body_bytes = w->n - start - header + zeros;
	archive_header(h, s, archive, body_bytes);
	if (archive == SPECIMEN_P1)
		put_le32(h + 20, crc_with_zeros(w->p + start + header, w->n - start - header, zeros));
	if (archive == SPECIMEN_P2)
		put_le32(h + 12, crc_with_zeros(w->p + start + header, w->n - start - header, zeros));
	memcpy(w->p + start, h, header);
	return header + body_bytes;
}

/* ── Whole files ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static void outer_put(unsigned char *h, const struct specimen *s, unsigned sections, uint64_t total)
{
	memcpy(h, "ftrt", 4);
	put_le64(h + 8, sections);
	put_le64(h + 16, total);
	for (size_t i = 0; i < 4; i++)
		h[24 + i] = (unsigned char)s->version[i];
	if (s->version[0] >= 9)
		memcpy(h + 28, "rtrt", 4);
}

static void section_put(unsigned char *h, const char *tag, uint64_t offset, uint64_t size)
{
	memcpy(h, tag, 4);
	put_le64(h + 8, offset);
	put_le64(h + 16, size);
}

static uint64_t align8(uint64_t v)
{
	return (v + 7) & ~(uint64_t)7;
}

/* One section: the engine, padded to 8, trailer. Two: the weights follow the engine and take the filling. */
static void ftrt_make(struct writer *w, const struct specimen *s, bool two, struct specimen_image *ret)
{
	size_t start = w->n, table = OUTER_BYTES + SECTION_BYTES * (two ? 2 : 1);
	unsigned char h[OUTER_BYTES + 2 * SECTION_BYTES] = { 0 };
	put(w, h, table);
	uint64_t wanted = s->size_bytes > start ? s->size_bytes - start : 0, zeros = 0;
	struct writer probe = *w;
	uint64_t engine = archive_put(&probe, s, two ? SPECIMEN_P4 : SPECIMEN_P3, 0);
	uint64_t least = two ? align8(align8(table + engine) + WEIGHT_BYTES) + 4 : align8(table + engine) + 4;
	if (wanted > least)
		zeros = wanted - least;
	engine = archive_put(w, s, two ? SPECIMEN_P4 : SPECIMEN_P3, two ? 0 : zeros);
	uint64_t weights_at = align8(table + engine), weights = WEIGHT_BYTES + zeros;
	uint64_t total = two ? align8(weights_at + weights) + 4 : align8(table + engine) + 4;
	outer_put(h, s, two ? 2 : 1, total);
	section_put(h + OUTER_BYTES, "NGNE", table, engine);
	if (two)
		section_put(h + OUTER_BYTES + SECTION_BYTES, "THGW", weights_at, weights);
	if (w->full)
		return;
	memcpy(w->p + start, h, table);
	memcpy(ret->tail, "\x99\x8b\x8d\x8b", 4);
	ret->tail_bytes = 4;
	ret->size_bytes = start + total;
}

static void bare_make(struct writer *w, const struct specimen *s, enum specimen_layout archive,
		      struct specimen_image *ret)
{
	struct writer probe = *w;
	uint64_t start = w->n, least = start + archive_put(&probe, s, archive, 0);
	uint64_t zeros = s->size_bytes > least ? s->size_bytes - least : 0;
	ret->size_bytes = start + archive_put(w, s, archive, zeros);
}

/* Root table with fields 1 (version) and 2 (device); offsets are laid out by hand: a vtable stands in front of its
 * table. */
static void flatbuffer_make(struct writer *w, const struct specimen *s, struct specimen_image *ret)
{
	static const char name[] = "TITAN V";
	size_t start = w->n;
	put_u64(w, 0);
	put_u32(w, 16); /* 0: root table at base + 16 */
	put_u16(w, 10);
	put_u16(w, 12); /* 4: its vtable: fields 0..2 */
	put_u16(w, 0);
	put_u16(w, 4);
	put_u16(w, 8);
	put_u16(w, 0);  /* 14: padding */
	put_u32(w, 12); /* 16: root: vtable at 16 - 12 */
	put_u32(w, 20); /* 20: field 1: version table at 40 */
	put_u32(w, 48); /* 24: field 2: device table at 72 */
	put_u16(w, 12);
	put_u16(w, 20); /* 28: version vtable */
	for (uint16_t i = 0; i < 4; i++)
		put_u16(w, (uint16_t)(4 + 4 * i));
	put_u32(w, 12); /* 40: version table */
	for (size_t i = 0; i < 4; i++)
		put_u32(w, s->version[i]);
	put_u16(w, 10);
	put_u16(w, 16); /* 60: device vtable */
	put_u16(w, 4);
	put_u16(w, 8);
	put_u16(w, 12);
	put_u16(w, 0);  /* 70: padding */
	put_u32(w, 12); /* 72: device table */
	put_u32(w, 12); /* 76: name at 88 */
	put_u32(w, s->cc_major);
	put_u32(w, s->cc_minor);
	put_u32(w, sizeof name - 1); /* 88 */
	put(w, name, sizeof name);
	put(w, SPECIMEN_MARK, sizeof SPECIMEN_MARK);
	if (w->full)
		return;
	ret->size_bytes = RF_MAX((uint64_t)w->n, s->size_bytes);
	put_le64(w->p + start, ret->size_bytes - start);
}

static int prefix_put(struct writer *w, const char *json, struct err *err)
{
	size_t n = json ? strlen(json) : 0;
	if (!n)
		return 0;
	if (n > SPECIMEN_END_BYTES / 2)
		return err_set(err, RF_EINVALID, "a prefix of %zu bytes; a specimen's is at most %d", n,
			       SPECIMEN_END_BYTES / 2);
	put_u32(w, (uint32_t)n);
	put(w, json, n);
	return 0;
}

int specimen_make(const struct specimen *s, struct specimen_image *ret, struct err *err)
{
	memset(ret, 0, sizeof *ret);
	struct writer w = { .p = ret->head, .capacity = sizeof ret->head };
	enum specimen_layout layout = layout_of(s);
	for (size_t i = 0; i < 4; i++)
		if (layout != SPECIMEN_FLATBUFFER && (s->version[i] > 255 || s->inner_version[i] > 255))
			return err_set(err, RF_EINVALID, "version part %u: the headers hold one byte for each",
				       s->version[i]);
	if (s->timing_cache && (layout == SPECIMEN_FLATBUFFER || layout >= SPECIMEN_FTRT_P3))
		return err_set(err, RF_EINVALID, "timing caches are bare archives: layouts p1 to p4");
	int rc = prefix_put(&w, s->prefix_json, err);
	if (rc)
		return rc;
	if (layout == SPECIMEN_FLATBUFFER)
		flatbuffer_make(&w, s, ret);
	else if (layout >= SPECIMEN_FTRT_P3)
		ftrt_make(&w, s, layout == SPECIMEN_FTRT_P4, ret);
	else
		bare_make(&w, s, layout, ret);
	if (w.full)
		return err_set(err, RF_EINVALID, "the headers do not fit in %d bytes", SPECIMEN_END_BYTES);
	ret->head_bytes = w.n;
	return 0;
}

int specimen_write(const struct specimen *s, const char *path, struct err *err)
{
	struct specimen_image image;
	int rc = specimen_make(s, &image, err);
	if (rc)
		return rc;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set_errno(err, errno, "cannot write %s", path);
	uint64_t tail_at = image.size_bytes - image.tail_bytes;
	bool ok = pwrite(fd, image.head, image.head_bytes, 0) == (ssize_t)image.head_bytes &&
		  ftruncate(fd, (off_t)image.size_bytes) == 0 &&
		  pwrite(fd, image.tail, image.tail_bytes, (off_t)tail_at) == (ssize_t)image.tail_bytes;
	rc = ok ? 0 : err_set_errno(err, errno, "cannot write %s", path);
	if (close(fd) != 0 && rc == 0)
		rc = err_set_errno(err, errno, "cannot write %s", path);
	return rc;
}
