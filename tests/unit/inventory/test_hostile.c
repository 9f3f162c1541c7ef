/* Crafted files: every length that lies is found by a rule, nothing is read outside of the file, nothing runs away. */
#include "reading.h"

static const enum specimen_layout layouts[] = { SPECIMEN_FLATBUFFER, SPECIMEN_P1,      SPECIMEN_P2,     SPECIMEN_P3,
						SPECIMEN_P4,         SPECIMEN_FTRT_P3, SPECIMEN_FTRT_P4 };

static struct specimen specimen_in(enum specimen_layout layout)
{
	return (struct specimen){ .version = { layout == SPECIMEN_FLATBUFFER ? 5 : 10, 3, 0, 26 },
				  .cc_major = 8,
				  .cc_minor = 6,
				  .layout = layout };
}

/* ── One field, one lie ──────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	enum specimen_layout layout;
	size_t offset;
	unsigned bytes; /* 4 or 8 */
	uint64_t value;
	enum artifact_finding finding;
	const char *note; /* the rule, in its own words */
} lies[] = {
	/* container: serialization version, section count, size */
	{ SPECIMEN_FTRT_P3, 4, 4, 7, ARTIFACT_UNKNOWN, "container serialization version 7" },
	{ SPECIMEN_FTRT_P3, 8, 8, 0, ARTIFACT_UNKNOWN, "no ENGN section" },
	{ SPECIMEN_FTRT_P3, 8, 8, 1000000, ARTIFACT_CONFLICT, "sections cannot fit" },
	{ SPECIMEN_FTRT_P3, 8, 8, UINT64_MAX, ARTIFACT_CONFLICT, "sections cannot fit" },
	{ SPECIMEN_FTRT_P3, 16, 8, 0, ARTIFACT_CONFLICT, "does not account for" },
	{ SPECIMEN_FTRT_P3, 16, 8, 100, ARTIFACT_CONFLICT, "does not account for" },
	{ SPECIMEN_FTRT_P3, 16, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "which no file has" },
	{ SPECIMEN_FTRT_P3, 16, 8, UINT64_MAX, ARTIFACT_CONFLICT, "which no file has" },
	{ SPECIMEN_FTRT_P3, 16, 8, 100000, ARTIFACT_CLEAR, "truncated: the container declares 100000" },
	/* section table: tag, offset, size (the fields that public proofs of concept change) */
	{ SPECIMEN_FTRT_P3, 32, 4, 0x58585858, ARTIFACT_UNKNOWN, "unknown tag XXXX" },
	{ SPECIMEN_FTRT_P3, 40, 8, 0, ARTIFACT_CONFLICT, "inside the section table" },
	{ SPECIMEN_FTRT_P3, 40, 8, 1 << 20, ARTIFACT_CONFLICT, "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 40, 8, UINT64_MAX, ARTIFACT_CONFLICT, "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 40, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 48, 8, UINT64_MAX, ARTIFACT_CONFLICT, "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 48, 8, 0, ARTIFACT_CONFLICT, "section ENGN has 0 bytes" },
	{ SPECIMEN_FTRT_P4, 64, 8, 100, ARTIFACT_CONFLICT, "sections ENGN and WGHT overlap" },
	{ SPECIMEN_FTRT_P4, 72, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "section WGHT" },
	{ SPECIMEN_FTRT_P4, 56, 4, 0x454e474e, ARTIFACT_UNKNOWN, "another ENGN section" },
	/* archive inside */
	{ SPECIMEN_FTRT_P3, 56, 4, 0, ARTIFACT_UNKNOWN, "the archive inside could not be read" },
	{ SPECIMEN_FTRT_P3, 72, 8, 5, ARTIFACT_CONFLICT, "the archive in it declares 29" },
	{ SPECIMEN_FTRT_P3, 72, 8, UINT64_MAX, ARTIFACT_CONFLICT, "the archive in it declares" },
	/* bare archives */
	{ SPECIMEN_P1, 12, 4, 40, ARTIFACT_CONFLICT, "does not account for" },
	{ SPECIMEN_P3, 16, 8, UINT64_MAX, ARTIFACT_CONFLICT, "which no file has" },
	{ SPECIMEN_P3, 16, 8, 90000, ARTIFACT_CLEAR, "truncated: the archive declares" },
	{ SPECIMEN_P4, 8, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "which no file has" },
	{ SPECIMEN_P2, 12, 4, 0x12345678, ARTIFACT_CONFLICT, "CRC-32" },
	{ SPECIMEN_P3, 24, 4, 0x77777777, ARTIFACT_UNKNOWN, "in a layout that no rule reads" },
	{ SPECIMEN_P3, 29, 4, 0x77777777, ARTIFACT_UNKNOWN, "version" },
};

static void test_lies(void **state)
{
	(void)state;
	static struct image image;
	for (size_t i = 0; i < RF_COUNT(lies); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_in(lies[i].layout);
		image_make(&s, &image);
		if (lies[i].bytes == 8)
			put_le64(image.bytes + lies[i].offset, lies[i].value);
		else
			put_le32(image.bytes + lies[i].offset, (uint32_t)lies[i].value);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.engine", &a);
		assert_string_equal(f.kind, ARTIFACT_TENSORRT_PLAN);
		if (f.finding != lies[i].finding || !has_note(&f, lies[i].note))
			fail_msg("row %zu: finding \"%s\", first note: %s", i, artifact_finding_text(f.finding),
				 f.note_count ? f.notes[0] : "none");
	}
}

/* ── Every cut, every bit ────────────────────────────────────────────────────────────────────────────────────────── */

/* A cut file never reads as sound. With the header whole it still gives its version. */
static void test_cut_anywhere(void **state)
{
	(void)state;
	static struct image image;
	for (size_t l = 0; l < RF_COUNT(layouts); l++) {
		struct specimen s = specimen_in(layouts[l]);
		image_make(&s, &image);
		for (size_t n = 0; n < image.n; n++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			struct artifact_facts f = facts_of(image.bytes, n, "x.engine", &a);
			if (n < 4)
				assert_string_equal(f.kind, ARTIFACT_OTHER);
			else if (f.finding == ARTIFACT_CLEAR && !f.truncated)
				fail_msg("layout %d cut at %zu of %zu reads as whole", (int)layouts[l], n, image.n);
			if (n >= 160)
				assert_string_equal(f.version,
						    layouts[l] == SPECIMEN_FLATBUFFER ? "5.3.0.26" : "10.3.0.26");
		}
	}
}

/* Any changed bit is read without harm; facts stay consistent. */
static void test_any_bit(void **state)
{
	(void)state;
	static struct image image;
	for (size_t l = 0; l < RF_COUNT(layouts); l++) {
		struct specimen s = specimen_in(layouts[l]);
		image_make(&s, &image);
		for (size_t bit = 0; bit < 8 * RF_MIN(image.n, (size_t)320); bit++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			image.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
			struct artifact_facts f = facts_of(image.bytes, image.n, "x.engine", &a);
			image.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
			assert_true((f.version[0] == '\0') == (f.version_source == ARTIFACT_VERSION_UNKNOWN));
			assert_true((f.finding == ARTIFACT_CLEAR) == (f.cause[0] == '\0'));
			if (f.finding != ARTIFACT_CLEAR)
				assert_true(f.note_count > 0);
		}
	}
}

/* Either copy of the version changed: a conflict, whichever bit. */
static void test_version_bits(void **state)
{
	(void)state;
	static struct image image;
	struct specimen s = specimen_in(SPECIMEN_FTRT_P4);
	image_make(&s, &image);
	static const size_t outer[] = { 24, 25, 26, 27 }, inner[] = { 80 + 24, 80 + 29, 80 + 34, 80 + 39 };
	for (size_t i = 0; i < 64; i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		size_t at = i < 32 ? outer[i / 8] : inner[(i - 32) / 8];
		image.bytes[at] ^= (unsigned char)(1 << i % 8);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.engine", &a);
		image.bytes[at] ^= (unsigned char)(1 << i % 8);
		assert_int_equal(f.finding, ARTIFACT_CONFLICT);
	}
}

/* ── Sources that fail, shrink, or are huge ──────────────────────────────────────────────────────────────────────── */

struct fake {
	const struct specimen_image *ends;
	size_t reads, bytes;
	int fail_at; /* this read fails; 0: none */
	uint64_t shrunk_to;
};

static int fake_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct fake *f = data;
	f->reads++;
	if (f->fail_at && f->reads == (size_t)f->fail_at)
		return RF_EIO;
	uint64_t end = f->shrunk_to ? f->shrunk_to : f->ends->size_bytes;
	*ret_n = offset >= end ? 0 : (size_t)RF_MIN((uint64_t)n, end - offset);
	f->bytes += *ret_n;
	memset(buffer, 0, n);
	for (size_t i = 0; i < *ret_n; i++) {
		uint64_t at = offset + i, tail = f->ends->size_bytes - f->ends->tail_bytes;
		if (at < f->ends->head_bytes)
			((unsigned char *)buffer)[i] = f->ends->head[at];
		else if (at >= tail)
			((unsigned char *)buffer)[i] = f->ends->tail[at - tail];
	}
	return 0;
}

static int read_fake(struct fake *f, struct arena *a, struct artifact_facts *ret)
{
	struct err err = ERR_INIT;
	struct artifact_source src = { .pread = fake_pread, .data = f, .size = f->ends->size_bytes };
	return artifact_read(&src, SPAN("x.plan"), ARTIFACT_WITH_EVIDENCE, a, ret, &err);
}

static void test_sources(void **state)
{
	(void)state;
	static struct specimen_image ends;
	struct err err = ERR_INIT;
	struct artifact_facts f;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct specimen s = specimen_in(SPECIMEN_FTRT_P4);
	s.size_bytes = 4 * GIB;
	assert_ok(specimen_make(&s, &ends, &err), &err);

	struct fake whole = { .ends = &ends };
	assert_int_equal(read_fake(&whole, &a, &f), 0);
	assert_string_equal(f.version, "10.3.0.26");
	assert_int_equal(f.finding, ARTIFACT_CLEAR);
	assert_true(whole.reads <= 4 && whole.bytes <= 16 * KIB); /* of 4 GiB */

	for (int at = 1; at <= (int)whole.reads; at++) {
		struct fake broken = { .ends = &ends, .fail_at = at };
		assert_int_equal(read_fake(&broken, &a, &f), RF_EIO);
	}
	for (uint64_t n = 1; n < 400; n++) {
		struct fake shrunk = { .ends = &ends, .shrunk_to = n };
		arena_reset(&a);
		assert_int_equal(read_fake(&shrunk, &a, &f), 0);
	}
}

/* Each allocation fails in turn: RF_ENOMEM or a result, never a crash. */
static void test_no_memory(void **state)
{
	(void)state;
	static struct image image;
	struct err err = ERR_INIT;
	struct artifact_facts f;
	struct specimen s = specimen_in(SPECIMEN_FTRT_P4);
	s.prefix_json = "{}";
	image_make(&s, &image);
	struct artifact_source src = artifact_source_bytes(span_bytes(image.bytes, image.n));
	int rc = RF_ENOMEM;
	for (long n = 1; n < 200 && rc == RF_ENOMEM; n++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		rf_alloc_fail_after(n);
		rc = artifact_read(&src, SPAN("x.plan"), ARTIFACT_WITH_EVIDENCE, &a, &f, &err);
		rf_alloc_fail_after(0);
	}
	assert_int_equal(rc, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies),    cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_any_bit), cmocka_unit_test(test_version_bits),
		cmocka_unit_test(test_sources), cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
