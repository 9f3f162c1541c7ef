/* Crafted files: every length that lies is found by a rule, nothing is read outside of the file, nothing runs away. */
#include "reading.h"

#include "base/fs.h"
#include "base/str.h"
#include "specimen_elf.h"

static const enum specimen_layout layouts[] = { SPECIMEN_FLATBUFFER, SPECIMEN_P1,      SPECIMEN_P2,     SPECIMEN_P3,
						SPECIMEN_P4,         SPECIMEN_FTRT_P3, SPECIMEN_FTRT_P4 };

/* One that has this layout; a bare P4 has none that was measured. */
static const char *version_in(enum specimen_layout layout)
{
	static const char *const versions[] = {
		[SPECIMEN_FLATBUFFER] = "5.3.0.26", [SPECIMEN_P1] = "7.1.3.4",        [SPECIMEN_P2] = "8.0.1.6",
		[SPECIMEN_P3] = "8.4.1.5",          [SPECIMEN_P4] = "12.3.0.26",      [SPECIMEN_FTRT_P3] = "10.3.0.26",
		[SPECIMEN_FTRT_P4] = "10.9.0.34",
	};
	return versions[layout];
}

static struct specimen specimen_in(enum specimen_layout layout)
{
	struct specimen s = { .cc_major = 8, .cc_minor = 6, .layout = layout };
	struct err err = ERR_INIT;
	assert_ok(specimen_version_read(version_in(layout), s.version, &err), &err);
	return s;
}

/* ── One field, one lie ──────────────────────────────────────────────────────────────────────────────────────────── */

static const struct {
	enum specimen_layout layout;
	size_t offset;
	unsigned bytes; /* 4 or 8 */
	uint64_t value;
	enum artifact_finding finding;
	const char *rule; /* its name; "" none */
	const char *note; /* and words */
} lies[] = {
	/* container: serialization version, section count, size */
	{ SPECIMEN_FTRT_P3, 4, 4, 7, ARTIFACT_UNKNOWN, "container_version_unknown",
	  "container serialization version 7" },
	{ SPECIMEN_FTRT_P3, 8, 8, 0, ARTIFACT_UNKNOWN, "engine_section_absent", "no ENGN section" },
	{ SPECIMEN_FTRT_P3, 8, 8, 1000000, ARTIFACT_CONFLICT, "section_count_impossible", "sections cannot fit" },
	{ SPECIMEN_FTRT_P3, 8, 8, UINT64_MAX, ARTIFACT_CONFLICT, "section_count_impossible", "sections cannot fit" },
	{ SPECIMEN_FTRT_P3, 16, 8, 0, ARTIFACT_CONFLICT, "size_mismatch", "does not account for" },
	{ SPECIMEN_FTRT_P3, 16, 8, 100, ARTIFACT_CONFLICT, "size_mismatch", "does not account for" },
	{ SPECIMEN_FTRT_P3, 16, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "size_impossible", "which no file has" },
	{ SPECIMEN_FTRT_P3, 16, 8, UINT64_MAX, ARTIFACT_CONFLICT, "size_impossible", "which no file has" },
	{ SPECIMEN_FTRT_P3, 16, 8, 100000, ARTIFACT_CONFLICT, "truncated", "truncated: the container declares 100000" },
	/* section table: tag, offset, size (the fields that public proofs of concept change) */
	{ SPECIMEN_FTRT_P3, 32, 4, 0x58585858, ARTIFACT_UNKNOWN, "engine_section_absent", "unknown tag XXXX" },
	{ SPECIMEN_FTRT_P3, 40, 8, 0, ARTIFACT_CONFLICT, "section_in_table", "inside the section table" },
	{ SPECIMEN_FTRT_P3, 40, 8, 1 << 20, ARTIFACT_CONFLICT, "section_past_end", "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 40, 8, UINT64_MAX, ARTIFACT_CONFLICT, "section_past_end", "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 40, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "section_past_end",
	  "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 48, 8, UINT64_MAX, ARTIFACT_CONFLICT, "section_past_end", "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 48, 8, 0, ARTIFACT_CONFLICT, "archive_size_mismatch", "section ENGN has 0 bytes" },
	/* two public proofs of concept: the upper halves of the first section's offset and size */
	{ SPECIMEN_FTRT_P3, 0x2c, 4, 0x41414141, ARTIFACT_CONFLICT, "section_past_end", "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 0x34, 4, 0x41414141, ARTIFACT_CONFLICT, "section_past_end", "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 0x2c, 4, 1, ARTIFACT_CONFLICT, "section_past_end", "ends behind the container" },
	{ SPECIMEN_FTRT_P3, 0x34, 4, 0xffffffff, ARTIFACT_CONFLICT, "section_past_end", "ends behind the container" },
	{ SPECIMEN_FTRT_P4, 64, 8, 100, ARTIFACT_CONFLICT, "section_overlap", "sections ENGN and WGHT overlap" },
	{ SPECIMEN_FTRT_P4, 72, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "section_past_end", "section WGHT" },
	{ SPECIMEN_FTRT_P4, 56, 4, 0x454e474e, ARTIFACT_UNKNOWN, "second_engine_section", "another ENGN section" },
	/* archive inside */
	{ SPECIMEN_FTRT_P3, 56, 4, 0, ARTIFACT_UNKNOWN, "archive_unreadable", "the archive inside could not be read" },
	{ SPECIMEN_FTRT_P3, 72, 8, 5, ARTIFACT_CONFLICT, "archive_size_mismatch", "the archive in it declares 29" },
	{ SPECIMEN_FTRT_P3, 72, 8, UINT64_MAX, ARTIFACT_CONFLICT, "archive_size_mismatch",
	  "the archive in it declares" },
	/* bare archives */
	{ SPECIMEN_P1, 12, 4, 40, ARTIFACT_CONFLICT, "size_mismatch", "does not account for" },
	{ SPECIMEN_P3, 16, 8, UINT64_MAX, ARTIFACT_CONFLICT, "size_impossible", "which no file has" },
	{ SPECIMEN_P3, 16, 8, 90000, ARTIFACT_CONFLICT, "truncated", "truncated: the archive declares" },
	{ SPECIMEN_P4, 8, 8, (uint64_t)1 << 63, ARTIFACT_CONFLICT, "size_impossible", "which no file has" },
	{ SPECIMEN_P2, 12, 4, 0x12345678, ARTIFACT_CONFLICT, "checksum_mismatch", "CRC-32" },
	{ SPECIMEN_P3, 24, 4, 0x77777777, ARTIFACT_UNKNOWN, "archive_unreadable", "in a layout that no rule reads" },
	{ SPECIMEN_P3, 29, 4, 0x77777777, ARTIFACT_UNKNOWN, "archive_unreadable", "version" },
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
		if (f.finding != lies[i].finding || !has_note(&f, lies[i].note) ||
		    (lies[i].rule[0] ? !has_rule(&f, lies[i].rule) : f.rule_count != 0))
			fail_msg("row %zu: finding \"%s\", first rule %s, first note: %s", i,
				 artifact_finding_text(f.finding), f.rule_count ? f.rules[0] : "none",
				 f.note_count ? f.notes[0] : "none");
	}
}

/* ── Lengths inside the archive ──────────────────────────────────────────────────────────────────────────────────── */

static size_t put_item(unsigned char *p, uint16_t type, uint64_t v, size_t bytes)
{
	put_le16(p, type);
	put_le16(p + 2, 1);
	unsigned char value[8];
	put_le64(value, v);
	memcpy(p + 4, value, bytes);
	return 4 + bytes;
}

#define WEIGHTS_BYTES 1000
#define NAME "Unnamed Network 0"

/* A plan of 10.3 with what stands behind the device properties: a bool, the weights, the name. @bools and @i32s stand
 * in front of the weights, so that their length can be had at any offset. */
static void plan_with_lengths(struct image *image, size_t bools, size_t i32s, size_t *ret_weights, size_t *ret_name)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P3);
	image_make(&s, image);
	size_t at = span_find(span_bytes(image->bytes, image->n), span_bytes("\xef\x7f\xed\x7f", 4)) + 4;
	unsigned char *p = image->bytes;
	while (bools--)
		at += put_item(p + at, 0x800a, 0, 1);
	while (i32s--)
		at += put_item(p + at, 0x8007, 0, 4);
	at += put_item(p + at, 0x809e, 0, 0);
	*ret_weights = at + 4;
	at += put_item(p + at, 0x8009, WEIGHTS_BYTES, 8);
	memset(p + at, 0xab, WEIGHTS_BYTES);
	at += WEIGHTS_BYTES;
	put_le16(p + at, 0x7f61);
	at += 2;
	at += put_item(p + at, 0x8018, 0, 0);
	*ret_name = at;
	put_le64(p + at, sizeof NAME - 1);
	memcpy(p + at + 8, "\x01\x80\x0c\x80\x01\0", 6);
	put_le64(p + at + 14, sizeof NAME - 1);
	memcpy(p + at + 22, NAME, sizeof NAME - 1);
	at += 22 + sizeof NAME - 1;
	size_t total = ((at + 7) & ~(size_t)7) + 4;
	memset(p + at, 0, total - at);
	memcpy(p + total - 4, "\x99\x8b\x8d\x8b", 4);
	put_le64(p + 16, total);
	put_le64(p + 48, at - 56);
	put_le64(p + 72, at - 56 - 24);
	image->n = total;
}

static void test_lengths(void **state)
{
	(void)state;
	static struct image image;
	static const uint64_t values[] = { UINT64_MAX, (uint64_t)1 << 63, (uint64_t)1 << 40, 100000, 0x41414141 };
	bool at_144 = false;
	for (size_t bools = 0; bools < 9; bools++)
		for (size_t i32s = 0; i32s < 9; i32s++) {
			RF_AUTO(arena) a = ARENA_INIT(4 * MIB);
			size_t places[3];
			plan_with_lengths(&image, bools, i32s, &places[0], &places[1]);
			places[2] = places[1] + 14;
			at_144 = at_144 || places[0] == 0x144; /* the place of a public proof of concept */
			struct artifact_facts f = facts_of(image.bytes, image.n, "x.engine", &a);
			if (f.finding != ARTIFACT_CLEAR)
				fail_msg("%zu, %zu: %s", bools, i32s, f.notes[0]);
			for (size_t i = 0; i < RF_COUNT(places); i++)
				for (size_t k = 0; k < RF_COUNT(values); k++) {
					uint64_t was = le64(image.bytes + places[i]);
					put_le64(image.bytes + places[i], values[k]);
					f = facts_of(image.bytes, image.n, "x.engine", &a);
					put_le64(image.bytes + places[i], was);
					if (f.finding != ARTIFACT_CONFLICT || !has_rule(&f, "length_past_end"))
						fail_msg("length at 0x%zx: %llx is not refused", places[i],
							 (unsigned long long)values[k]);
				}
		}
	assert_true(at_144);
}

/* ── One file for each other rule ────────────────────────────────────────────────────────────────────────────────── */

static void make_prefixed(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P4);
	s.prefix_json = "{\"a\": 1}";
	image_make(&s, image);
	put_le32(image->bytes, 7);
}

static void make_prefix_alone(struct image *image)
{
	make_prefixed(image);
	image->n = 12;
}

static void make_many_sections(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P3);
	s.size_bytes = 8000;
	image_make(&s, image);
	put_le64(image->bytes + 8, 100);
}

static void make_cache_inside(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P3);
	image_make(&s, image);
	put_le16(image->bytes + 80, 0x8018);
}

static void make_forged(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P3);
	s.inner_version[0] = 8;
	image_make(&s, image);
}

/* Every statement of the version was edited alike: 8.6.1.6 became 11.2.0.1, and the format stayed. */
static void make_forged_alike(struct image *image)
{
	struct specimen s = { .version = { 11, 2, 0, 1 }, .cc_major = 8, .cc_minor = 6, .layout = SPECIMEN_FTRT_P3, .tag = 236 };
	image_make(&s, image);
}

/* All that is declared agrees, and is not there. */
static void make_declared_huge(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P3);
	image_make(&s, image);
	put_le64(image->bytes + 0x10, (uint64_t)1 << 40);
	put_le64(image->bytes + 0x30, ((uint64_t)1 << 40) - 0x3c);
	put_le64(image->bytes + 0x48, ((uint64_t)1 << 40) - 0x3c - 24);
}

static void make_section_behind(struct image *image)
{
	make_declared_huge(image);
	put_le64(image->bytes + 0x30, (uint64_t)1 << 40);
}

static void make_names_disagree(struct image *image)
{
	size_t weights, name;
	plan_with_lengths(image, 0, 0, &weights, &name);
	put_le64(image->bytes + name, sizeof NAME - 2);
}

/* The type of a number between others; the archive ends with its last item. */
static void make_item_malformed(struct image *image)
{
	size_t weights, name;
	plan_with_lengths(image, 2, 3, &weights, &name);
	put_le32(image->bytes + weights - 4 - 4 - 16, 0x41414141);
}

static void make_versionless(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_P3);
	memset(s.version, 0, sizeof s.version);
	image_make(&s, image);
}

/* Code for a CPU behind what the headers describe: @at in the weights, or in a section of its own. */
static void put_code(struct image *image, bool section, const struct specimen_elf *e)
{
	struct err err = ERR_INIT;
	struct specimen s = specimen_in(section ? SPECIMEN_FTRT_P4 : SPECIMEN_FTRT_P3);
	s.size_bytes = 20000;
	image_make(&s, image);
	size_t n, at = section ? (size_t)le64(image->bytes + 64) : 7001;
	assert_ok(specimen_elf_make(e, image->bytes + at, SPECIMEN_ELF_BYTES, &n, &err), &err);
}

static void make_elf(struct image *image)
{
	struct specimen_elf e = { .soname = "libplugin.so", .needed = { "libnvinfer.so.10" } };
	put_code(image, false, &e);
}

static void make_elf_section(struct image *image)
{
	struct specimen_elf e = { .machine = 183, .soname = "libplugin.so" };
	put_code(image, true, &e);
}

static void make_elf_unusual(struct image *image)
{
	struct specimen_elf e = { .is32 = true, .machine = 40, .soname = "libplugin.so" };
	put_code(image, false, &e);
	put_le16(image->bytes + 7001 + 40, 0); /* e_ehsize: no loader asks for it */
}

/* Named like a lean runtime, and nothing of one. */
static void make_false_lean(struct image *image)
{
	struct specimen_elf e = { .soname = "libnvinfer_lean.so.10" };
	put_code(image, true, &e);
}

static void make_pe(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P3);
	s.size_bytes = 40000;
	image_make(&s, image);
	memcpy(image->bytes + 1999, "MZ", 2);
	put_le32(image->bytes + 1999 + 0x3c, 30000);
	memcpy(image->bytes + 1999 + 30000, "PE\0\0\x64\x86", 6);
}

static void make_pe_flood(struct image *image)
{
	struct specimen s = specimen_in(SPECIMEN_FTRT_P3);
	s.size_bytes = 40000;
	image_make(&s, image);
	for (size_t i = 0; i < 100; i++) {
		memcpy(image->bytes + 2000 + 64 * i, "MZ", 2);
		put_le32(image->bytes + 2000 + 64 * i + 0x3c, 30000);
	}
}

static const struct {
	const char *rule, *cause;
	void (*make)(struct image *image);
	enum artifact_finding finding;
} crafted[] = {
	{ "prefix_length_mismatch", ARTIFACT_CAUSE_HEADER_MISMATCH, make_prefixed, ARTIFACT_CONFLICT },
	{ "prefix_without_plan", ARTIFACT_CAUSE_UNREADABLE, make_prefix_alone, ARTIFACT_UNKNOWN },
	{ "too_many_sections", ARTIFACT_CAUSE_UNREADABLE, make_many_sections, ARTIFACT_CONFLICT },
	{ "timing_cache_in_plan", ARTIFACT_CAUSE_HEADER_MISMATCH, make_cache_inside, ARTIFACT_CONFLICT },
	{ "version_mismatch", ARTIFACT_CAUSE_HEADER_MISMATCH, make_forged, ARTIFACT_CONFLICT },
	{ "version_mismatch", ARTIFACT_CAUSE_HEADER_MISMATCH, make_forged_alike, ARTIFACT_CONFLICT },
	{ "truncated", ARTIFACT_CAUSE_HEADER_MISMATCH, make_declared_huge, ARTIFACT_CONFLICT },
	{ "section_past_end", ARTIFACT_CAUSE_HEADER_MISMATCH, make_section_behind, ARTIFACT_CONFLICT },
	{ "length_mismatch", ARTIFACT_CAUSE_HEADER_MISMATCH, make_names_disagree, ARTIFACT_CONFLICT },
	{ "item_malformed", ARTIFACT_CAUSE_HEADER_MISMATCH, make_item_malformed, ARTIFACT_CONFLICT },
	{ "version_not_stated", ARTIFACT_CAUSE_UNKNOWN_BUILDER, make_versionless, ARTIFACT_UNKNOWN },
	{ "host_code_elf", ARTIFACT_CAUSE_HOST_CODE, make_elf, ARTIFACT_CONFLICT },
	{ "host_code_elf", ARTIFACT_CAUSE_HOST_CODE, make_elf_section, ARTIFACT_CONFLICT },
	{ "host_code_elf", ARTIFACT_CAUSE_HOST_CODE, make_elf_unusual, ARTIFACT_CONFLICT },
	{ "host_code_elf", ARTIFACT_CAUSE_HOST_CODE, make_false_lean, ARTIFACT_CONFLICT },
	{ "host_code_pe", ARTIFACT_CAUSE_HOST_CODE, make_pe, ARTIFACT_CONFLICT },
	{ "too_many_pe_candidates", ARTIFACT_CAUSE_INCOMPLETE, make_pe_flood, ARTIFACT_UNKNOWN },
};

static void test_crafted(void **state)
{
	(void)state;
	static struct image image;
	for (size_t i = 0; i < RF_COUNT(crafted); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		crafted[i].make(&image);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.engine", &a);
		/* of several findings the highest one's cause stands */
		bool cause = strcmp(f.cause, crafted[i].cause) == 0 || f.rule_count > 1;
		if (f.finding != crafted[i].finding || !cause || !has_rule(&f, crafted[i].rule))
			fail_msg("row %zu, %s: finding \"%s\", cause \"%s\", first rule %s", i, crafted[i].rule,
				 artifact_finding_text(f.finding), f.cause, f.rule_count ? f.rules[0] : "none");
	}
}

/* Every rule that this page tries is one that people can read about. */
static void test_documented(void **state)
{
	(void)state;
	RF_AUTO(str) page = STR_INIT(MIB);
	struct err err = ERR_INIT;
	assert_ok(fs_read("docs/inventory-engines.md", &page, &err), &err);
	char name[64];
	for (size_t i = 0; i < RF_COUNT(lies) + RF_COUNT(crafted); i++) {
		const char *rule = i < RF_COUNT(lies) ? lies[i].rule : crafted[i - RF_COUNT(lies)].rule;
		snprintf(name, sizeof name, "`%s`", rule[0] ? rule : "length_past_end");
		if (span_find(str_span(&page), span_of(name)) == SIZE_MAX)
			fail_msg("docs/inventory-engines.md does not name the rule %s", name);
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
			else if (f.finding == ARTIFACT_CLEAR || f.truncated != has_rule(&f, "truncated"))
				fail_msg("layout %d cut at %zu of %zu reads as whole", (int)layouts[l], n, image.n);
			else if (n >= 160)
				assert_true(f.rule_count == 1 && f.truncated); /* and of nothing else is it accused */
			if (n >= 160)
				assert_string_equal(f.version, version_in(layouts[l]));
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

/* Tag, layout and container against the version, which every statement gives alike. */
static void test_version_fits(void **state)
{
	(void)state;
	static const struct {
		const char *version;
		enum specimen_layout layout;
		uint32_t tag;
		bool fits;
	} rows[] = {
		{ "8.6.1.6", SPECIMEN_FTRT_P3, 236, true },
		/* measured for other versions only */
		{ "11.2.0.1", SPECIMEN_FTRT_P4, 236, false },
		{ "11.2.0.1", SPECIMEN_FTRT_P4, 240, false },
		{ "8.6.1.6", SPECIMEN_FTRT_P3, 239, false },
		{ "10.15.1.29", SPECIMEN_FTRT_P4, 239, false },
		{ "7.1.3.4", SPECIMEN_P1, 170, false },
		{ "6.0.1.10", SPECIMEN_P1, 211, false },
		{ "8.0.3.4", SPECIMEN_P3, 232, false },
		/* one tag of two versions */
		{ "8.5.0.9", SPECIMEN_P3, 237, true },
		{ "10.0.1.6", SPECIMEN_FTRT_P3, 237, true },
		{ "8.5.2.2", SPECIMEN_P3, 237, false },
		/* between two: either's, and not a third's */
		{ "10.1.0.27", SPECIMEN_FTRT_P3, 237, true },
		{ "10.1.0.27", SPECIMEN_FTRT_P3, 239, true },
		{ "10.1.0.27", SPECIMEN_FTRT_P3, 236, false },
		{ "10.13.3.9", SPECIMEN_FTRT_P4, 239, true },
		{ "10.13.3.9", SPECIMEN_FTRT_P4, 240, true },
		{ "10.13.3.9", SPECIMEN_FTRT_P4, 243, false },
		{ "9.1.0.4", SPECIMEN_FTRT_P3, 226, true },
		{ "9.3.0.1", SPECIMEN_FTRT_P3, 237, true },
		{ "9.3.0.1", SPECIMEN_FTRT_P3, 239, false },
		{ "7.2.3.4", SPECIMEN_P1, 211, true },
		/* a tag that nobody measured */
		{ "11.2.0.1", SPECIMEN_FTRT_P4, 250, true },
		{ "7.2.3.4", SPECIMEN_P1, 213, true },
		/* newer than all: the last tag or an unknown one, in any layout */
		{ "11.4.0.106", SPECIMEN_FTRT_P4, 243, true },
		{ "12.0.0.1", SPECIMEN_FTRT_P3, 250, true },
		{ "12.0.0.1", SPECIMEN_P4, 250, true },
		{ "12.0.0.1", SPECIMEN_FTRT_P4, 236, false },
		/* the layout, and the container */
		{ "11.2.0.1", SPECIMEN_FTRT_P3, 250, false },
		{ "10.5.0.18", SPECIMEN_FTRT_P4, 239, false },
		{ "10.6.0.26", SPECIMEN_FTRT_P3, 239, false },
		{ "8.4.1.5", SPECIMEN_P2, 0x100, false },
		{ "8.4.1.5", SPECIMEN_P1, 211, false },
		{ "8.5.2.2", SPECIMEN_FTRT_P3, 232, false },
		{ "8.6.1.6", SPECIMEN_P3, 236, false },
	};
	static struct image image;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_in(rows[i].layout);
		struct err err = ERR_INIT;
		assert_ok(specimen_version_read(rows[i].version, s.version, &err), &err);
		s.tag = rows[i].tag;
		image_make(&s, &image);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.engine", &a);
		assert_string_equal(f.version, rows[i].version);
		if (f.finding != (rows[i].fits ? ARTIFACT_CLEAR : ARTIFACT_CONFLICT) ||
		    has_rule(&f, "version_mismatch") == rows[i].fits)
			fail_msg("row %zu, %s with tag %u: finding \"%s\", first note %s", i, rows[i].version, rows[i].tag,
				 artifact_finding_text(f.finding), f.note_count ? f.notes[0] : "none");
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
	assert_string_equal(f.version, "10.9.0.34");
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
		cmocka_unit_test(test_lies),         cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_lengths),      cmocka_unit_test(test_crafted),
		cmocka_unit_test(test_documented),   cmocka_unit_test(test_any_bit),
		cmocka_unit_test(test_version_bits), cmocka_unit_test(test_version_fits),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
