/* TensorRT files: specimens of every layout and of versions between and beyond the known ones; the real samples. */
#include "reading.h"

#include "base/fs.h"
#include "specimen_elf.h"

static const struct {
	const char *version;
	const char *cc;
	const char *layout;
} versions[] = {
	{ "5.0.2.6", "7.0", "flatbuffer 5.x" },
	{ "5.1.5.0", "6.2", "flatbuffer 5.x" },
	{ "6.0.1.10", "6.2", "P1" },
	{ "7.0.0.11", "6.1", "P1" },
	{ "7.2.3.4", "8.0", "P1" },
	{ "8.0.1.6", "7.2", "P2" },
	{ "8.1.0.1", "7.5", "P2" },
	{ "8.2.5.1", "5.3", "P3" },
	{ "8.4.1.5", "8.7", "P3" },
	{ "8.5.3.1", "8.6", "P3" },
	{ "8.6.0.12", "8.9", "ftrt/P3" },
	{ "8.6.2.3", "8.7", "ftrt/P3" },
	{ "9.3.0.1", "9.0", "ftrt/P3" },
	{ "10.1.0.27", "8.6", "ftrt/P3" },
	{ "10.4.0.26", "9.0", "ftrt/P3" },
	{ "10.6.0.26", "8.6", "ftrt/P4" },
	{ "10.8.0.43", "12.0", "ftrt/P4" },
	{ "10.9.0.34", "8.6", "ftrt/P4" },
	{ "10.13.3.9", "10.0", "ftrt/P4" },
	{ "10.16.1.11", "8.9", "ftrt/P4" },
	{ "11.0.0.114", "10.3", "ftrt/P4" },
	{ "11.4.1.200", "12.1", "ftrt/P4" },
	{ "12.7.0.1", "13.0", "ftrt/P4" },
};

static struct specimen specimen_of(const char *version, const char *cc)
{
	struct specimen s = { 0 };
	struct err err = ERR_INIT;
	unsigned parts[4];
	assert_ok(specimen_version_read(version, s.version, &err), &err);
	assert_ok(specimen_version_read(cc, parts, &err), &err);
	s.cc_major = parts[0];
	s.cc_minor = parts[1];
	return s;
}

static void check_clean(const struct artifact_facts *f, const char *version, const char *cc)
{
	char text[32];
	assert_string_equal(f->kind, ARTIFACT_TENSORRT_PLAN);
	assert_string_equal(f->product, ARTIFACT_PRODUCT_TENSORRT);
	assert_string_equal(f->version, version);
	assert_int_equal(f->version_source, ARTIFACT_VERSION_HEADER);
	snprintf(text, sizeof text, "%d.%d", f->cc_major, f->cc_minor);
	assert_string_equal(text, cc);
	if (f->finding)
		fail_msg("%s: %s: %s", version, artifact_finding_text(f->finding), f->note_count ? f->notes[0] : "?");
	assert_false(f->truncated);
}

static void test_every_version(void **state)
{
	(void)state;
	static struct image image;
	for (size_t i = 0; i < RF_COUNT(versions); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_of(versions[i].version, versions[i].cc);
		s.size_bytes = i % 2 ? 20000 : 0;
		image_make(&s, &image);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x", &a);
		check_clean(&f, versions[i].version, versions[i].cc);
		assert_string_equal(f.layout, versions[i].layout);
		assert_int_equal(f.declared_size, image.n);
		assert_true(f.evidence_count >= 3);
	}
}

/* Tags that nobody measured say nothing: any value reads the same. So does either order of the device properties. */
static void test_structure_decides(void **state)
{
	(void)state;
	static struct image image;
	static const uint32_t tags[] = { 1, 20, 0x2b, 0x57, 206, 238, 244, 1000, 0x80018002 };
	static const struct {
		enum specimen_layout layout;
		const char *version;
	} layouts[] = { { SPECIMEN_P1, "7.2.2.3" },  { SPECIMEN_P2, "8.0.3.4" },      { SPECIMEN_P3, "8.4.3.1" },
			{ SPECIMEN_P4, "12.1.2.3" }, { SPECIMEN_FTRT_P3, "9.1.2.3" }, { SPECIMEN_FTRT_P4, "10.13.2.3" } };
	for (size_t t = 0; t < RF_COUNT(tags); t++)
		for (size_t l = 0; l < RF_COUNT(layouts); l++)
			for (int d = SPECIMEN_DEVICE_OLD; d <= SPECIMEN_DEVICE_NEW; d++) {
				RF_AUTO(arena) a = ARENA_INIT(MIB);
				struct specimen s = specimen_of(layouts[l].version, "8.7");
				s.tag = tags[t];
				s.layout = layouts[l].layout;
				s.device = (enum specimen_device)d;
				image_make(&s, &image);
				struct artifact_facts f = facts_of(image.bytes, image.n, "x.bin", &a);
				check_clean(&f, layouts[l].version, "8.7");
			}
}

/* An item of a type that nobody knows yet, in front of the device properties, does not hide them. */
static void test_unknown_item(void **state)
{
	(void)state;
	static struct image image;
	for (int d = SPECIMEN_DEVICE_OLD; d <= SPECIMEN_DEVICE_NEW; d++)
		for (size_t extra = 1; extra < 20; extra++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			struct specimen s = specimen_of("12.1.0.3", "13.1");
			s.layout = SPECIMEN_P4;
			s.device = (enum specimen_device)d;
			image_make(&s, &image);
			size_t at = 20 + 20 + 4; /* header, version, the first marker */
			memmove(image.bytes + at + extra, image.bytes + at, image.n - at);
			memset(image.bytes + at, 0xab, extra);
			image.n += extra;
			put_le64(image.bytes + 8, image.n - 20);
			struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
			check_clean(&f, "12.1.0.3", "13.1");
		}
}

/* A section of no bytes lies nowhere: its offset contradicts nothing. */
static void test_empty_section(void **state)
{
	(void)state;
	static struct image image;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct specimen s = specimen_of("10.13.3.9", "12.0");
	image_make(&s, &image);
	put_le64(image.bytes + 64, 0); /* WGHT: offset, size */
	put_le64(image.bytes + 72, 0);
	struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
	check_clean(&f, "10.13.3.9", "12.0");
}

static size_t put_items(unsigned char *p, const char *items)
{
	size_t n = 0;
	struct span rest = span_of(items), word;
	while (span_split(&rest, ' ', &word)) {
		char kind = word.p[0];
		uint64_t v = 0;
		(void)span_u64(span_from(word, 1), &v);
		put_le16(p + n, kind == 'i' ? 0x8007 : kind == 'L' ? 0x8008 : kind == 'M' ? 0x8009 : 0x8012);
		put_le16(p + n + 2, 1);
		n += 4;
		if (kind == 'i')
			put_le32(p + n, (uint32_t)v);
		else if (kind != '<')
			put_le64(p + n, v);
		n += kind == 'i' ? 4 : kind == '<' ? 0 : 8;
	}
	return n;
}

/* Layouts of the device properties that nobody has seen: the right capability or none, never another number. */
static void test_strange_device(void **state)
{
	(void)state;
	static const struct {
		const char *items, *cc; /* i: i32, L, M: u64, <: a marker */
	} rows[] = {
#define OLD " i1770000 i9501000 i256 L4194304 L2883584 i49152 i102400 i512 i48 i1024"
#define SIZES "M12496666624 L2359296 L1622016 "
#define CLOCKS "i1807000 i7501000 i192 i49152 i102400 "
		{ "< i10 i0" OLD, "10.0" },
		{ "< i12 i0 i0 i0 i0 L4194304 i49152", "12.0" },
		{ "< M12496666624 i8 i7" OLD, "8.7" },
		{ "< i3 i0 i1 i0 i5 < i9 i0" OLD, "9.0" },
		{ "< i3 i0 < i9 i0" OLD, "9.0" },
		{ "< i3 i0 i1 i2 i5 <", "" },
		{ "< i3 i0 <", "" },
		{ "< " SIZES CLOCKS "i28 i0 i1024 i1024 i8 i6 i512", "8.6" },
		{ "< " SIZES CLOCKS "i8 i0 i1024 i1024 i8 i7", "8.7" },
		{ "< " SIZES "i0 i0 i0 i49152 i102400 i12 i0 i1024 i1024 i12 i1 i512", "12.1" },
		{ "< " SIZES "i1 i1 i1 " CLOCKS "i12 i0 i1024 i1024 i8 i6", "" },
		{ "< " SIZES "i1 i1 i1 " CLOCKS "i12 i0 i1024 i1024 i8 i6 i512", "8.6" },
		{ "< i4 i0 i1 i0 i5 < " SIZES CLOCKS "i28 i0 i1024 i1024 i8 i6 i512", "8.6" },
	};
	static struct image image;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_of("11.3.0.9", "5.3");
		char cc[16] = "";
		s.layout = SPECIMEN_P4;
		image_make(&s, &image);
		size_t n = 20 + 20; /* header, version */
		n += put_items(image.bytes + n, rows[i].items);
		memset(image.bytes + n, 0xab, 700);
		image.n = n + 700;
		put_le64(image.bytes + 8, image.n - 20);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
		if (f.cc_major >= 0)
			snprintf(cc, sizeof cc, "%d.%d", f.cc_major, f.cc_minor);
		assert_string_equal(f.version, "11.3.0.9");
		if (strcmp(cc, rows[i].cc) != 0)
			fail_msg("%s: \"%s\"", rows[i].items, cc);
	}
}

static void test_timing_caches(void **state)
{
	(void)state;
	static struct image image;
	static const char *const with[] = { "8.0.1.6", "8.4.1.5", "8.6.1.6", "10.3.0.26", "10.13.0.35", "11.2.0.1" };
	for (size_t i = 0; i < RF_COUNT(with); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_of(with[i], "8.6");
		s.timing_cache = true;
		image_make(&s, &image);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.engine", &a);
		assert_string_equal(f.kind, ARTIFACT_TENSORRT_TIMING_CACHE);
		assert_string_equal(f.version, "");
		assert_int_equal(f.cc_major, -1);
		assert_int_equal(f.finding, ARTIFACT_CLEAR);
	}
}

static void test_prefix(void **state)
{
	(void)state;
	static struct image image;
	static const char *const jsons[] = {
		"{\"a\": 1}", "{\"names\": {\"0\": \"a}b\", \"1\": \"\\\"{\"}, \"n\": [1, {\"x\": {}}]}"
	};
	static const char *const with[] = { "8.5.3.1", "8.6.1.6", "10.13.3.9", "7.1.3.0" };
	for (size_t i = 0; i < RF_COUNT(with); i++)
		for (size_t j = 0; j < RF_COUNT(jsons); j++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			struct specimen s = specimen_of(with[i], "8.6");
			s.prefix_json = jsons[j];
			image_make(&s, &image);
			struct artifact_facts f = facts_of(image.bytes, image.n, "yolo.engine", &a);
			check_clean(&f, with[i], "8.6");
			assert_int_equal(f.prefix_bytes, 4 + strlen(jsons[j]));
			assert_true(has_note(&f, "JSON prefix"));
		}
}

/* The length lies: the plan is found where the JSON really ends, and that is said. */
static void test_prefix_lies(void **state)
{
	(void)state;
	static struct image image;
	static const uint32_t lies[] = { 0, 1, 7, 9, 100, 0x7fffffff, 0xffffffff };
	for (size_t i = 0; i < RF_COUNT(lies); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_of("10.13.3.9", "8.6");
		s.prefix_json = "{\"a\": 1}";
		image_make(&s, &image);
		put_le32(image.bytes, lies[i]);
		struct artifact_facts f = facts_of(image.bytes, image.n, "yolo.engine", &a);
		assert_string_equal(f.version, "10.13.3.9");
		assert_int_equal(f.finding, ARTIFACT_CONFLICT);
		/* and with nothing behind it */
		f = facts_of(image.bytes, 12, "yolo.engine", &a);
		assert_string_equal(f.kind, ARTIFACT_OTHER);
		assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
	}
}

static void test_forged_versions(void **state)
{
	(void)state;
	static struct image image;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct specimen s = specimen_of("11.0.0.114", "8.6");
	s.inner_version[0] = 10;
	s.inner_version[1] = 15;
	image_make(&s, &image);
	struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
	assert_int_equal(f.finding, ARTIFACT_CONFLICT);
	assert_string_equal(f.cause, ARTIFACT_CAUSE_HEADER_MISMATCH);
	assert_string_equal(f.version, "11.0.0.114");
	assert_string_equal(f.inner_version, "10.15.0.0");
	/* no outer version: the inner one, said so */
	s = specimen_of("10.3.0.26", "8.6");
	image_make(&s, &image);
	memset(image.bytes + 24, 0, 4);
	f = facts_of(image.bytes, image.n, "x.plan", &a);
	assert_string_equal(f.version, "10.3.0.26");
	assert_int_equal(f.version_source, ARTIFACT_VERSION_INNER);
}

/* The checksum of P1 and P2 is only known after a full read; one changed byte of the body is a conflict. */
static void test_checksum(void **state)
{
	(void)state;
	static struct image image;
	static const char *const with[] = { "7.1.3.4", "8.0.1.6" };
	for (size_t i = 0; i < RF_COUNT(with); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_of(with[i], "7.5");
		s.size_bytes = 9000;
		image_make(&s, &image);
		image.bytes[8000] ^= 1;
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
		assert_int_equal(f.finding, ARTIFACT_CONFLICT);
		assert_true(has_note(&f, "CRC-32"));
	}
}

/* Native code in a plan is found wherever it lies between two pieces; a cubin (machine 190) is none. */
static void test_host_code(void **state)
{
	(void)state;
	static struct image image;
	for (size_t at = 2890; at < 3010; at++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_of("10.3.0.26", "8.6");
		s.size_bytes = 9000;
		image_make(&s, &image);
		memcpy(image.bytes + at,
		       "\x7f"
		       "ELF\2\1\1",
		       7);
		image.bytes[at + 16] = 2;
		image.bytes[at + 18] = 190;
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
		assert_false(has_note(&f, "native host code"));
		assert_int_equal(f.finding, ARTIFACT_CLEAR);
		image.bytes[at + 18] = 62;
		f = facts_of(image.bytes, image.n, "x.plan", &a);
		assert_true(has_note(&f, "ELF x86-64 at offset"));
		assert_int_equal(f.finding, ARTIFACT_CONFLICT);
		assert_string_equal(f.cause, ARTIFACT_CAUSE_HOST_CODE);
		assert_int_equal(f.rule_count, 1);
		assert_string_equal(f.rules[0], "host_code_elf");
	}
}

/* What an ELF header gives when LZ4 compresses it: ten literals, zeros, the rest as it is. */
static size_t lz4_of_header(const unsigned char *h, unsigned char *ret)
{
	size_t n = 0;
	ret[n++] = 0xa2; /* 10 literals, a match of 6 */
	memcpy(ret + n, h, 10);
	n += 10;
	put_le16(ret + n, 1); /* one back: zeros */
	n += 2;
	ret[n++] = 0xf0; /* 48 literals */
	ret[n++] = 48 - 15;
	memcpy(ret + n, h + 16, 48);
	return n + 48;
}

/* Cubins in both ABIs, plain and compressed, anywhere between two pieces: SMs, and the toolkits as components. */
static void test_cubins(void **state)
{
	(void)state;
	static struct image image;
	static const char tools[] = "Cuda compilation tools, release 13.2, V13.2.78";
	for (size_t at = 2890; at < 3010; at++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct err err = ERR_INIT;
		struct specimen s = specimen_of("10.13.3.9", "12.0");
		struct specimen_elf old = {
			.machine = 190, .type = 2, .os_abi = 0x33, .version = 129, .flags = 0x560556
		};
		struct specimen_elf fresh = { .machine = 190, .type = 2, .os_abi = 0x41, .flags = 0x6006402 };
		unsigned char bytes[SPECIMEN_ELF_BYTES];
		size_t n;
		s.size_bytes = 20000;
		image_make(&s, &image);
		assert_ok(specimen_elf_make(&old, image.bytes + at, 4000, &n, &err), &err);
		old.flags = 0x500550;
		old.version = 121;
		assert_ok(specimen_elf_make(&old, bytes, sizeof bytes, &n, &err), &err);
		(void)lz4_of_header(bytes, image.bytes + at + 1000);
		assert_ok(specimen_elf_make(&fresh, image.bytes + at + 2000, 4000, &n, &err), &err);
		memcpy(image.bytes + at + 2000 + 96, tools, sizeof tools);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
		assert_int_equal(f.finding, ARTIFACT_CLEAR);
		assert_int_equal(f.cubin_count, 3);
		assert_int_equal(f.cubin_sm_count, 3);
		assert_int_equal(f.cubin_sm[0], 80);
		assert_int_equal(f.cubin_sm[1], 86);
		assert_int_equal(f.cubin_sm[2], 100);
		assert_int_equal(f.component_count, 3);
		static const char *const toolkits[] = { "12.1", "12.9", "13.2" };
		for (size_t i = 0; i < 3; i++) {
			assert_true(span_eq_text(f.components[i].product, ARTIFACT_PRODUCT_CUDA));
			assert_true(span_eq_text(f.components[i].version, toolkits[i]));
			assert_string_equal(f.components[i].role, ARTIFACT_ROLE_BUILDER);
			assert_string_equal(f.components[i].source, "cubin");
		}
	}
}

/* What the second look found survives as text: a cached scan says the same. */
static void test_second_look(void **state)
{
	(void)state;
	static struct image image;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct err err = ERR_INIT;
	struct specimen s = specimen_of("10.13.3.9", "12.0");
	struct specimen_elf cubin = { .machine = 190, .type = 2, .os_abi = 0x33, .version = 129, .flags = 0x560556 };
	struct specimen_elf host = { .soname = "libplugin.so" };
	size_t n;
	s.size_bytes = 20000;
	image_make(&s, &image);
	assert_ok(specimen_elf_make(&cubin, image.bytes + 3000, 4000, &n, &err), &err);
	assert_ok(specimen_elf_make(&host, image.bytes + 9000, 4000, &n, &err), &err);
	struct artifact_facts full = facts_of(image.bytes, image.n, "x.plan", &a), again;
	struct artifact_source src = artifact_source_bytes(span_bytes(image.bytes, image.n));
	struct span text;
	assert_int_equal(artifact_second_look(&full, &a, &text), 0);
	assert_ok(artifact_read(&src, SPAN("x.plan"), 0, &a, &again, &err), &err);
	assert_int_equal(again.finding, ARTIFACT_CLEAR);
	assert_int_equal(artifact_second_look_apply(&again, text, &a), 0);
	assert_int_equal(again.finding, ARTIFACT_CONFLICT);
	assert_string_equal(again.cause, ARTIFACT_CAUSE_HOST_CODE);
	assert_int_equal(again.rule_count, 1);
	assert_string_equal(again.rules[0], "host_code_elf");
	assert_int_equal(again.cubin_count, 1);
	assert_int_equal(again.cubin_sm_count, 1);
	assert_int_equal(again.cubin_sm[0], 86);
	assert_int_equal(again.component_count, 1);
	assert_true(span_eq_text(again.components[0].version, "12.9"));
	assert_int_equal(again.note_count, full.note_count);
	assert_string_equal(again.notes[again.note_count - 1], full.notes[full.note_count - 1]);
	/* nothing found, nothing kept; and no text does harm */
	struct artifact_facts plain = again;
	plain.note_count = plain.rule_count = plain.component_count = 0;
	plain.second_look_from = plain.second_rules_from = plain.second_components_from = 0;
	plain.cubin_count = 0;
	assert_int_equal(artifact_second_look(&plain, &a, &text), 0);
	assert_int_equal(text.n, 0);
	assert_int_equal(artifact_second_look_apply(&plain, SPAN("conflict\nrule x\ncomponent a\tb\nsm 9999999\n"), &a),
			 0);
	assert_int_equal(plain.rule_count + plain.component_count + plain.note_count, 0);
}

/* A lean runtime in a section of its own is a component and an objection of its own: any code can call itself so. */
static void test_lean_runtime(void **state)
{
	(void)state;
	static struct image image;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct err err = ERR_INIT;
	struct specimen s = specimen_of("10.13.3.9", "8.6");
	struct specimen_elf lean = { .soname = "libnvinfer_lean.so.10" };
	static const unsigned version[] = { 10, 13, 3, 9 };
	size_t n;
	specimen_elf_states(&lean, version);
	specimen_elf_returns(&lean, "createLeanRuntime", 0);
	s.size_bytes = 20000;
	image_make(&s, &image);
	size_t at = (size_t)le64(image.bytes + 64);
	memcpy(image.bytes + 56, "NAEL", 4); /* the second section's tag */
	assert_ok(specimen_elf_make(&lean, image.bytes + at, 8000, &n, &err), &err);
	struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
	assert_int_equal(f.finding, ARTIFACT_UNKNOWN);
	assert_string_equal(f.cause, ARTIFACT_CAUSE_LEAN_RUNTIME);
	assert_int_equal(f.rule_count, 1);
	assert_string_equal(f.rules[0], "lean_runtime");
	assert_string_equal(f.version, "10.13.3.9"); /* what built it is as clear as ever */
	assert_int_equal(f.component_count, 1);
	assert_true(span_eq_text(f.components[0].product, ARTIFACT_PRODUCT_TENSORRT));
	assert_true(span_eq_text(f.components[0].version, "10.13.3.9"));
	assert_string_equal(f.components[0].source, "lean-runtime");
	assert_string_equal(f.components[0].role, ARTIFACT_ROLE_RUNTIME);
	assert_true(span_eq_text(f.components[0].where, "section LEAN"));
	assert_true(has_note(&f, "says it is a lean runtime"));
	/* what hides behind it in the same section is found */
	struct specimen_elf other = { .soname = "libplugin.so" };
	assert_ok(specimen_elf_make(&other, image.bytes + at + n + 100, 8000, &n, &err), &err);
	f = facts_of(image.bytes, image.n, "x.plan", &a);
	assert_int_equal(f.finding, ARTIFACT_CONFLICT);
	assert_string_equal(f.cause, ARTIFACT_CAUSE_HOST_CODE);
}

/* The figures beside the capability, in both orders of the properties. */
static void test_build_device(void **state)
{
	(void)state;
	static struct image image;
	for (int d = SPECIMEN_DEVICE_OLD; d <= SPECIMEN_DEVICE_NEW; d++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen s = specimen_of("10.3.0.26", "8.6");
		s.device = (enum specimen_device)d;
		image_make(&s, &image);
		struct artifact_facts f = facts_of(image.bytes, image.n, "x.plan", &a);
		assert_int_equal(f.clock_khz, d == SPECIMEN_DEVICE_OLD ? 1770000 : 1807000);
		assert_int_equal(f.memory_clock_khz, d == SPECIMEN_DEVICE_OLD ? 9501000 : 7501000);
		assert_int_equal(f.multiprocessors, d == SPECIMEN_DEVICE_OLD ? 48 : 28);
	}
}

/* ── The real samples ────────────────────────────────────────────────────────────────────────────────────────────── */

/* Files with kernels, those of them whose toolkit and SM are told, plans that tell the clock of their device. */
struct kernels {
	size_t files, told, clocks;
};

static void check_row(const char *folder, struct span line, struct kernels *k)
{
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	RF_AUTO(str) bytes = STR_INIT(8 * MIB);
	struct err err = ERR_INIT;
	struct span columns[4];
	char path[FS_PATH_MAX], cc[32] = "";
	for (size_t i = 0; i < 4; i++)
		assert_true(span_split(&line, ',', &columns[i]));
	snprintf(path, sizeof path, "%s/engines/%.*s", folder, SPAN_ARG(columns[0]));
	assert_ok(fs_read(path, &bytes, &err), &err);
	struct artifact_facts f = facts_of(bytes.p, bytes.n, "", &a);
	if (f.cc_major >= 0)
		snprintf(cc, sizeof cc, "%d.%d", f.cc_major, f.cc_minor);
	if (!span_eq_text(columns[1], f.kind) || !span_eq_text(columns[2], f.version) ||
	    !span_eq_text(columns[3], cc) || f.finding || f.rule_count)
		fail_msg("%s: %s %s cc %s %s (%s)", path, f.kind, f.version, cc, artifact_finding_text(f.finding),
			 f.note_count ? f.notes[0] : "");
	k->files += f.cubin_count > 0;
	k->told += f.cubin_count > 0 && f.cubin_sm_count > 0 && f.component_count > 0;
	k->clocks += f.clock_khz >= 500000 && f.clock_khz <= 3000000 && f.multiprocessors > 0;
}

static void test_real_samples(void **state)
{
	(void)state;
	const char *folder = testing_shared_data();
	if (!folder)
		skip();
	RF_AUTO(str) table = STR_INIT(MIB);
	struct err err = ERR_INIT;
	char path[FS_PATH_MAX];
	snprintf(path, sizeof path, "%s/engines/expected.csv", folder);
	assert_ok(fs_read(path, &table, &err), &err);
	struct span rest = str_span(&table), line;
	assert_true(span_line(&rest, &line));
	size_t rows = 0;
	struct kernels k = { 0 };
	while (span_line(&rest, &line) && line.n) {
		check_row(folder, line, &k);
		rows++;
	}
	assert_int_equal(rows, 36);
	assert_int_equal(k.files, 17); /* the others hold what TensorRT brings itself, and no kernel */
	assert_int_equal(k.told, 17);
	assert_int_equal(k.clocks, 31); /* every plan */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_version),   cmocka_unit_test(test_structure_decides),
		cmocka_unit_test(test_unknown_item),    cmocka_unit_test(test_strange_device),
		cmocka_unit_test(test_empty_section),   cmocka_unit_test(test_timing_caches),
		cmocka_unit_test(test_prefix),          cmocka_unit_test(test_prefix_lies),
		cmocka_unit_test(test_forged_versions), cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_host_code),       cmocka_unit_test(test_cubins),
		cmocka_unit_test(test_second_look),     cmocka_unit_test(test_lean_runtime),
		cmocka_unit_test(test_build_device),    cmocka_unit_test(test_real_samples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
