/* ELF: specimens of both classes read right; every table that lies is refused by its rule; no bit of them does harm. */
#include "testing.h"

#include "format/elf.h"
#include "specimen_elf.h"

struct file {
	unsigned char bytes[SPECIMEN_ELF_BYTES];
	size_t n;
	int fail_at; /* this read fails; 0: none */
	int reads;
};

static int file_pread(void *data, void *buffer, size_t n, uint64_t offset, size_t *ret_n)
{
	struct file *f = data;
	*ret_n = 0;
	if (f->fail_at && ++f->reads == f->fail_at)
		return RF_EIO;
	if (offset < f->n) {
		*ret_n = RF_MIN(n, f->n - (size_t)offset);
		memcpy(buffer, f->bytes + offset, *ret_n);
	}
	return 0;
}

static struct specimen_elf specimen(bool is32, bool system_v)
{
	struct specimen_elf s = { .is32 = is32,
				  .machine = is32 ? ELF_ARM : ELF_AARCH64,
				  .system_v_hash = system_v,
				  .soname = "libexample.so.4",
				  .runpath = "$ORIGIN",
				  .needed = { "libnvinfer.so.10", "libc.so.6" },
				  .defines = { "VERS_1.20.1", "VERS_2.0" },
				  .build_id = "0123456789abcdef0123" };
	specimen_elf_returns(&s, "first", 7);
	specimen_elf_returns(&s, "second", 0x12345);
	specimen_elf_variable(&s, "third", 99);
	return s;
}

static void make(const struct specimen_elf *s, struct file *ret)
{
	struct err err = ERR_INIT;
	memset(ret, 0, sizeof *ret);
	assert_ok(specimen_elf_make(s, ret->bytes, sizeof ret->bytes, &ret->n, &err), &err);
}

static int open_file(struct file *f, struct arena *a, struct elf *e, struct err *err)
{
	struct elf_source source = { .pread = file_pread, .data = f, .size = f->n };
	return elf_open(&source, a, e, err);
}

struct seen {
	char text[512];
	size_t n;
};

static int see_version(const struct elf_symbol_version *v, void *data)
{
	struct seen *s = data;
	s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%.*s ", SPAN_ARG(v->name));
	return 0;
}

static int see_section(const struct elf_section *section, void *data)
{
	struct seen *s = data;
	s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%.*s ", SPAN_ARG(section->name));
	return 0;
}

static int see_note(const struct elf_note *note, void *data)
{
	struct seen *s = data;
	s->n += (size_t)snprintf(s->text + s->n, sizeof s->text - s->n, "%.*s %u %.*s ", SPAN_ARG(note->owner),
				 note->type, SPAN_ARG(note->description));
	return 0;
}

static void check_symbols(struct elf *e)
{
	struct err err = ERR_INIT;
	struct elf_symbol symbol;
	unsigned char bytes[64];
	size_t n;
	assert_ok(elf_symbol_find(e, "third", &symbol, &err), &err);
	assert_int_equal(symbol.bytes, 4);
	assert_ok(elf_loaded(e, symbol.address, bytes, sizeof bytes, &n, &err), &err);
	assert_int_equal(n, sizeof bytes);
	assert_int_equal(le32(bytes), 99);
	assert_ok(elf_symbol_find(e, "second", &symbol, &err), &err);
	assert_int_equal(symbol.bytes, e->header.machine == ELF_AARCH64 ? 12 : 6);
	assert_int_equal(elf_symbol_find(e, "secon", &symbol, &err), RF_ENOTFOUND);
	assert_int_equal(elf_symbol_find(e, "second2", &symbol, &err), RF_ENOTFOUND);
	assert_ok(elf_loaded(e, UINT64_MAX, bytes, sizeof bytes, &n, &err), &err);
	assert_int_equal(n, 0);
}

static void test_reads(void **state)
{
	(void)state;
	static struct file f;
	for (int i = 0; i < 4; i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct specimen_elf s = specimen(i & 1, i & 2);
		struct err err = ERR_INIT;
		struct elf e;
		struct seen versions = { .n = 0 }, sections = { .n = 0 }, notes = { .n = 0 };
		struct span text;
		uint64_t at, end;
		make(&s, &f);
		assert_ok(open_file(&f, &a, &e, &err), &err);
		assert_int_equal(e.header.is64, !(i & 1));
		assert_int_equal(e.header.type, ELF_TYPE_SHARED);
		assert_true(span_eq_text(e.soname, "libexample.so.4"));
		assert_true(span_eq_text(e.runpath, "$ORIGIN"));
		assert_int_equal(e.rpath.n, 0);
		assert_int_equal(e.needed_count, 2);
		assert_true(span_eq_text(e.needed[1], "libc.so.6"));
		assert_false(e.has_interpreter);
		assert_ok(elf_each_version(&e, see_version, &versions, &err), &err);
		assert_string_equal(versions.text, "VERS_1.20.1 VERS_2.0 ");
		assert_ok(elf_each_section(&e, see_section, &sections, &err), &err);
		assert_string_equal(sections.text, " .note .shstrtab ");
		assert_ok(elf_each_note(&e, see_note, &notes, &err), &err);
		assert_string_equal(notes.text, "GNU 3 0123456789abcdef0123 ");
		assert_ok(elf_build_id(&e, &text, &err), &err);
		assert_true(span_eq_text(text, "3031323334353637383961626364656630313233"));
		assert_ok(elf_string_find(&e, "secon", &text, &at, &err), &err);
		assert_true(span_eq_text(text, "second"));
		assert_memory_equal(f.bytes + at, "second", 7);
		assert_ok(elf_string_find(&e, "fourth", &text, &at, &err), &err);
		assert_int_equal(text.n, 0);
		assert_ok(elf_extent(&e, &end, &err), &err);
		assert_int_equal(end, f.n);
		check_symbols(&e);
	}
}

/* ── One field, one lie ──────────────────────────────────────────────────────────────────────────────────────────── */

/* Offsets into the 64-bit specimen: the header, its three segments at 64, the rest as its own tables say. */
enum where { HEADER, DYNAMIC, VERSIONS, NOTES, GNU_HASH, SECTIONS };

static const struct {
	enum where where;
	size_t offset;
	unsigned bytes;
	uint64_t value;
	const char *field, *rule;
} lies[] = {
	{ HEADER, 0, 4, 0, "e_ident", "no magic" },
	{ HEADER, 4, 1, 3, "EI_CLASS", "neither 32-bit nor 64-bit" },
	{ HEADER, 5, 1, 0, "EI_DATA", "data encoding" },
	{ HEADER, 5, 1, 2, "", "big-endian" },
	{ HEADER, 6, 1, 2, "EI_DATA", "version" },
	{ HEADER, 16, 2, 77, "e_type", "no type" },
	{ HEADER, 32, 8, UINT64_MAX, "program header", "behind the end" },
	{ HEADER, 32, 8, 1 << 20, "program header", "behind the end" },
	{ HEADER, 54, 2, 57, "e_phentsize", "not the size" },
	{ HEADER, 56, 2, 0xffff, "e_phnum", "more program headers" },
	{ HEADER, 56, 2, 200, "p_filesz", "ends behind" },
	{ HEADER, 58, 2, 63, "e_shentsize", "not the size" },
	{ HEADER, 40, 8, 1 << 30, "section header", "behind the end" },
	{ HEADER, 60, 2, 0xfff0, "section header", "behind the end" },
	{ HEADER, 64 + 32, 8, UINT64_MAX, "p_filesz", "ends behind" },
	{ HEADER, 64 + 8, 8, UINT64_MAX, "p_filesz", "ends behind" },
	{ HEADER, 176, 4, 2, "PT_DYNAMIC", "two dynamic tables" },
	{ DYNAMIC, 8, 4, 0x7fffff, "DT_NEEDED", "outside the string table" },
	{ DYNAMIC, 5 * 16 + 8, 8, 0x100000, "DT_STRTAB", "not in the file" },
	{ DYNAMIC, 7 * 16 + 8, 8, UINT64_MAX, "DT_STRSZ", "ends behind its segment" },
	{ VERSIONS, 16, 4, UINT32_MAX, "DT_VERDEF", "behind the end" },
	{ VERSIONS, 12, 4, UINT32_MAX, "vd_aux", "behind the end" },
	{ VERSIONS, 20, 4, UINT32_MAX, "vda_name", "outside the string table" },
	{ NOTES, 0, 4, UINT32_MAX, "n_descsz", "a note ends" },
	{ NOTES, 4, 4, UINT32_MAX, "n_descsz", "a note ends" },
	{ GNU_HASH, 0, 4, UINT32_MAX, "DT_GNU_HASH bucket", "behind the end" },
	{ GNU_HASH, 8, 4, UINT32_MAX, "DT_GNU_HASH bucket", "behind the end" },
	{ GNU_HASH, 4, 4, 5, "DT_GNU_HASH bucket", "not hashed" },
	{ GNU_HASH, 24, 4, 0x7fffff, "DT_GNU_HASH chain", "behind the end" },
	{ SECTIONS, 64 + 32, 8, UINT64_MAX, "sh_size", "ends behind" },
	{ SECTIONS, 64 + 24, 8, UINT64_MAX, "sh_size", "ends behind" },
};

/* Everything that reads; the first failure. */
static int read_all(struct file *f, struct arena *a, struct err *err)
{
	struct elf e;
	struct seen seen = { .n = 0 };
	struct elf_symbol symbol;
	struct span text;
	uint64_t at;
	int rc = open_file(f, a, &e, err);
	if (rc < 0)
		return rc;
	static const char *const names[] = { "first", "third", "absent" };
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		rc = elf_symbol_find(&e, names[i], &symbol, err);
		unsigned char code[16];
		size_t n;
		if (rc == 0)
			rc = elf_loaded(&e, symbol.address, code, sizeof code, &n, err);
		if (rc < 0 && rc != RF_ENOTFOUND)
			return rc;
	}
	if ((rc = elf_each_version(&e, see_version, &seen, err)) < 0)
		return rc;
	seen.n = 0;
	if ((rc = elf_each_note(&e, see_note, &seen, err)) < 0 || (rc = elf_build_id(&e, &text, err)) < 0 ||
	    (rc = elf_string_find(&e, "thir", &text, &at, err)) < 0)
		return rc;
	return elf_extent(&e, &at, err);
}

static size_t place_of(const struct elf *e, enum where where)
{
	switch (where) {
	case DYNAMIC:
		return 0; /* told by its segment */
	case VERSIONS:
		return (size_t)e->definitions_at;
	case GNU_HASH:
		return (size_t)e->gnu_hash_at;
	case SECTIONS:
		return (size_t)e->header.section_at;
	default:
		return 0;
	}
}

static void test_lies(void **state)
{
	(void)state;
	static struct file f;
	for (size_t i = 0; i < RF_COUNT(lies); i++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		struct err err = ERR_INIT;
		struct specimen_elf s = specimen(false, false);
		struct elf e;
		unsigned char value[8];
		make(&s, &f);
		assert_int_equal(open_file(&f, &a, &e, &err), 0);
		size_t base = lies[i].where == DYNAMIC ? (size_t)le64(f.bytes + 64 + 56 + 8)
			      : lies[i].where == NOTES ? (size_t)le64(f.bytes + 64 + 2 * 56 + 8)
						       : place_of(&e, lies[i].where);
		put_le64(value, lies[i].value);
		memcpy(f.bytes + base + lies[i].offset, value, lies[i].bytes);
		int rc = read_all(&f, &a, &err);
		if ((rc != RF_EFORMAT && rc != RF_EUNSUPPORTED) || strcmp(err.field, lies[i].field) != 0 ||
		    !strstr(err.text, lies[i].rule))
			fail_msg("row %zu: rc %d, field \"%s\": %s", i, rc, err.field, err.text);
	}
}

/* ── Every cut, every bit ────────────────────────────────────────────────────────────────────────────────────────── */

static void test_damage(void **state)
{
	(void)state;
	static struct file whole, f;
	for (int i = 0; i < 4; i++) {
		struct specimen_elf s = specimen(i & 1, i & 2);
		make(&s, &whole);
		for (size_t n = 0; n < whole.n; n++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			f = whole;
			f.n = n;
			assert_true(read_all(&f, &a, NULL) < 0);
		}
		for (size_t bit = 0; bit < 8 * whole.n; bit++) {
			RF_AUTO(arena) a = ARENA_INIT(MIB);
			struct err err = ERR_INIT;
			f = whole;
			f.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
			int rc = read_all(&f, &a, &err);
			if (rc < 0 && (err.code != rc || !err.text[0]))
				fail_msg("bit %zu: %d without a word", bit, rc);
		}
	}
}

/* Walks that would not end: chains that lead back, counts without a limit. */
static void test_bounded(void **state)
{
	(void)state;
	static struct file f;
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct err err = ERR_INIT;
	struct elf e;
	struct elf_symbol symbol;
	struct specimen_elf s = specimen(false, true);
	make(&s, &f);
	assert_int_equal(open_file(&f, &a, &e, &err), 0);
	/* the System V chain of symbol 1 leads to itself */
	put_le32(f.bytes + e.hash_at + 8 + 4 + 4, 1);
	assert_int_equal(open_file(&f, &a, &e, &err), 0);
	assert_int_equal(elf_symbol_find(&e, "absent", &symbol, &err), RF_EFORMAT);
	assert_string_equal(err.field, "DT_HASH chain");
	/* a Verdef of which each is a byte further */
	s = specimen(false, false);
	make(&s, &f);
	assert_int_equal(open_file(&f, &a, &e, &err), 0);
	e.definition_count = UINT64_MAX;
	e.need_count = UINT64_MAX;
	e.needs_at = 1;
	memset(f.bytes + 64, 0, 64);
	struct seen seen = { .n = 0 };
	assert_true(elf_each_version(&e, see_version, &seen, &err) < 0 || seen.n > 0);
}

static void test_failures(void **state)
{
	(void)state;
	static struct file f;
	struct specimen_elf s = specimen(false, false);
	struct err err = ERR_INIT;
	make(&s, &f);
	for (int at = 1; at <= 2; at++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		f.reads = 0;
		f.fail_at = at;
		int rc = read_all(&f, &a, &err);
		assert_true(rc == RF_EIO || (at > 1 && rc == 0));
	}
	f.fail_at = 0;
	int rc = RF_ENOMEM;
	for (long n = 1; n < 100 && rc == RF_ENOMEM; n++) {
		RF_AUTO(arena) a = ARENA_INIT(MIB);
		rf_alloc_fail_after(n);
		rc = read_all(&f, &a, &err);
		rf_alloc_fail_after(0);
	}
	assert_int_equal(rc, 0);
	RF_AUTO(arena) small = ARENA_INIT(3 * ELF_PIECE_BYTES);
	assert_true(read_all(&f, &small, &err) == 0 || err.code == RF_ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),   cmocka_unit_test(test_lies),     cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bounded), cmocka_unit_test(test_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
