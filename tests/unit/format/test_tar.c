/* tar, pushed in pieces of every size: what the members are, what is refused, where the archive ends. */
#include "testing.h"

#include "base/str.h"
#include "format/tar.h"

#define BLOCK 512

/* ── Writing archives ────────────────────────────────────────────────────────────────────────────────────────────── */

static void octal(char *to, size_t n, uint64_t v)
{
	(void)snprintf(to, n, "%0*llo", (int)n - 1, (unsigned long long)v);
}

static void checksum(char *b)
{
	unsigned sum = 0;
	memset(b + 148, ' ', 8);
	for (int i = 0; i < BLOCK; i++)
		sum += (unsigned char)b[i];
	(void)snprintf(b + 148, 8, "%06o", sum);
	b[155] = ' ';
}

static void header(struct str *to, const char *name, char type, uint64_t size, const char *link)
{
	char b[BLOCK] = { 0 };
	(void)snprintf(b, 100, "%s", name);
	octal(b + 100, 8, 0644);
	octal(b + 124, 12, size);
	b[156] = type;
	(void)snprintf(b + 157, 100, "%s", link);
	memcpy(b + 257, "ustar\00000", 8);
	checksum(b);
	str_add(to, span_bytes(b, BLOCK));
}

static void data(struct str *to, const char *text, size_t n)
{
	str_add(to, span_bytes(text, n));
	while (to->n % BLOCK)
		str_add_byte(to, '\0');
}

static void file(struct str *to, const char *name, const char *text)
{
	header(to, name, '0', strlen(text), "");
	data(to, text, strlen(text));
}

static void pax(struct str *to, const char *records, size_t n)
{
	header(to, "PaxHeaders/x", 'x', n, "");
	data(to, records, n);
}

static void end(struct str *to)
{
	for (int i = 0; i < 2 * BLOCK; i++)
		str_add_byte(to, '\0');
}

/* ── Reading them ────────────────────────────────────────────────────────────────────────────────────────────────── */

struct seen {
	struct str text; /* "name type size link|content;" */
	bool open;
};

static int on_begin(const struct tar_member *m, void *d)
{
	struct seen *s = d;
	assert_false(s->open);
	s->open = true;
	str_addf(&s->text, "%.*s %c%s %llu", SPAN_ARG(m->name), "fhldo"[m->type], m->sparse ? "s" : "", (unsigned long long)m->size);
	if (m->link.n)
		str_addf(&s->text, " %.*s", SPAN_ARG(m->link));
	str_add_byte(&s->text, '|');
	return 0;
}

static int on_bytes(struct span piece, void *d)
{
	struct seen *s = d;
	assert_true(piece.n > 0 && s->open);
	str_add(&s->text, piece);
	return 0;
}

static int on_end(void *d)
{
	struct seen *s = d;
	s->open = false;
	str_add_byte(&s->text, ';');
	return 0;
}

/* Reads @archive in pieces of @piece bytes. */
static int read_in(struct span archive, size_t piece, uint64_t members, struct seen *s, struct err *err)
{
	struct tar_visitor v = { on_begin, on_bytes, on_end, s };
	RF_AUTO_PTR(tar) t = tar_new(&v, members);
	str_reset(&s->text);
	s->open = false;
	int rc = 0;
	for (size_t at = 0; at < archive.n && rc == 0; at += piece)
		rc = tar_add(t, span_sub(archive, at, piece), err);
	return rc ? rc : tar_finish(t, err);
}

static void expect(const struct str *archive, const char *want)
{
	static const size_t pieces[] = { 1, 7, 511, 512, 513, 4096, 1 << 20 };
	struct seen s = { .text = STR_INIT(1 * MIB) };
	for (size_t i = 0; i < RF_COUNT(pieces); i++) {
		struct err err = ERR_INIT;
		assert_ok(read_in(str_span(archive), pieces[i], 100, &s, &err), &err);
		assert_string_equal(str_text(&s.text), want);
	}
	str_release(&s.text);
}

static void expect_error(const struct str *archive, int code, const char *words, int64_t offset)
{
	static const size_t pieces[] = { 1, 512, 1 << 20 };
	struct seen s = { .text = STR_INIT(1 * MIB) };
	for (size_t i = 0; i < RF_COUNT(pieces); i++) {
		struct err err = ERR_INIT;
		int rc = read_in(str_span(archive), pieces[i], 100, &s, &err);
		if (rc != code || !strstr(err.text, words) || err.offset != offset)
			fail_msg("%s: %s \"%s\" at %lld", words, rf_error_name(rc), err.text, (long long)err.offset);
	}
	str_release(&s.text);
}

static void members(void **state)
{
	(void)state;
	RF_AUTO(str) a = STR_INIT(1 * MIB);
	char big[1300];
	memset(big, 'x', sizeof big);
	big[sizeof big - 1] = 0;
	file(&a, "a.plan", "one");
	header(&a, "dir/", '5', 0, "");
	header(&a, "old-dir/", '\0', 0, "");
	file(&a, "dir/empty", "");
	header(&a, "link", '2', 999, "../x"); /* links have no data, whatever the size says */
	header(&a, "hard", '1', 3, "a.plan");
	header(&a, "null", '3', 0, "");
	file(&a, "big", big);
	end(&a);
	str_add_text(&a, "what stands behind the end is passed over");
	RF_AUTO(str) want = STR_INIT(8 * KIB);
	str_addf(&want, "a.plan f 3|one;dir/ d 0|;old-dir/ d 0|;dir/empty f 0|;link l 0 ../x|;hard h 0 a.plan|;null o 0|;big f 1299|%s;", big);
	expect(&a, str_text(&want));
}

static void long_names(void **state)
{
	(void)state;
	RF_AUTO(str) a = STR_INIT(1 * MIB);
	char name[300];
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = 0;
	header(&a, "././@LongLink", 'L', 300, "");
	data(&a, name, 300);
	header(&a, "././@LongLink", 'K', 7, "");
	data(&a, "target", 7);
	header(&a, "short", '2', 0, "not this");
	pax(&a, "18 path=\xc3\xa4/b.plan\n13 linkpath=\n", 31);
	file(&a, "ascii", "z");
	pax(&a, "12 size=3\n", 0); /* replaced below */
	a.n -= BLOCK;
	pax(&a, "10 size=3\n14 comment=x=\n", 24);
	header(&a, "sized", '0', 0, "");
	data(&a, "abc", 3);
	header(&a, "global", 'g', 15, "");
	data(&a, "15 path=ignored", 15); /* even malformed: no runtime reads it */
	file(&a, "last", "l");
	end(&a);
	RF_AUTO(str) want = STR_INIT(8 * KIB);
	str_addf(&want, "%s l 0 target|;\xc3\xa4/b.plan f 1|z;sized f 3|abc;last f 1|l;", name);
	expect(&a, str_text(&want));
}

static void prefix_and_base256(void **state)
{
	(void)state;
	RF_AUTO(str) a = STR_INIT(1 * MIB);
	header(&a, "name", '0', 0, "");
	char *b = a.p;
	memcpy(b + 345, "pre/fix", 7);
	memset(b + 124, 0, 12);
	b[124] = (char)0x80;
	b[135] = 2;
	checksum(b);
	data(&a, "ab", 2);
	header(&a, "gnu", '0', 0, "");
	b = a.p + a.n - BLOCK;
	memcpy(b + 257, "ustar  ", 8); /* GNU: no prefix, what is there is something else */
	memcpy(b + 345, "atime", 5);
	checksum(b);
	expect(&a, "pre/fix/name f 2|ab;gnu f 0|;");
}

static void sparse(void **state)
{
	(void)state;
	RF_AUTO(str) a = STR_INIT(1 * MIB);
	header(&a, "gnu-sparse", 'S', 3, "");
	a.p[482] = 1; /* extension blocks follow */
	checksum(a.p);
	for (int i = 0; i < 2; i++) {
		size_t at = a.n;
		for (int k = 0; k < BLOCK; k++)
			str_add_byte(&a, '\0');
		a.p[at + 504] = i == 0;
	}
	data(&a, "abc", 3);
	pax(&a, "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n28 GNU.sparse.name=real.bin\n", 72);
	file(&a, "GNUSparseFile.1/real.bin", "map");
	file(&a, "plain", "p");
	end(&a);
	expect(&a, "gnu-sparse fs 3|abc;real.bin fs 3|map;plain f 1|p;");
}

static void refusals(void **state)
{
	(void)state;
	RF_AUTO(str) a = STR_INIT(4 * MIB);
	file(&a, "good", "x");
	size_t good = a.n;

	header(&a, "bad", '0', 0, "");
	a.p[good]++;
	expect_error(&a, RF_EFORMAT, "checksum", (int64_t)good);

	a.n = good;
	header(&a, "bad", '0', 0, "");
	a.p[good + 124] = '9';
	checksum(a.p + good);
	expect_error(&a, RF_EFORMAT, "size is no number", (int64_t)good);

	a.n = good;
	header(&a, "bad", '0', 0, "");
	memset(a.p + good + 124, 0xff, 12); /* -1 in base 256 */
	checksum(a.p + good);
	expect_error(&a, RF_EFORMAT, "size is no number", (int64_t)good);

	a.n = good;
	header(&a, "", '0', 0, "");
	expect_error(&a, RF_EFORMAT, "without a name", (int64_t)good);

	a.n = good;
	for (int i = 0; i < BLOCK; i++)
		str_add_byte(&a, '\0');
	file(&a, "behind one block of zeros", "x");
	expect_error(&a, RF_EFORMAT, "ends nothing", (int64_t)good + BLOCK);

	a.n = good;
	header(&a, "big", 'x', 2 * MIB, "");
	expect_error(&a, RF_ETOOBIG, "at most 1 MiB", (int64_t)good);

	static const char *const records[] = { "x", "5 a=b", "99 path=a\n", "3 \n", "8 pathx\n", "9 =abcde\n", "11 size=-1\n", "28 size=9999999999999999999\n",
					       "0 path=a\n", "999999999999999999999 path=a\n" };
	for (size_t i = 0; i < RF_COUNT(records); i++) {
		a.n = good;
		pax(&a, records[i], strlen(records[i]));
		file(&a, "n", "x");
		expect_error(&a, RF_EFORMAT, "pax", (int64_t)good);
	}
	a.n = good;
	pax(&a, "10 path=\0\n", 10);
	expect_error(&a, RF_EFORMAT, "NUL", (int64_t)good);

	a.n = good;
	pax(&a, "10 path=a\n", 10);
	end(&a);
	expect_error(&a, RF_EFORMAT, "without a member", (int64_t)good + 2 * BLOCK);
}

static void truncation(void **state)
{
	(void)state;
	RF_AUTO(str) a = STR_INIT(1 * MIB);
	struct seen s = { .text = STR_INIT(1 * MIB) };
	pax(&a, "12 path=abc\n", 12);
	file(&a, "first", "0123456789");
	file(&a, "second", "");
	for (size_t n = 0; n <= a.n; n++) {
		struct err err = ERR_INIT;
		int rc = read_in(span_sub(str_span(&a), 0, n), 100, 100, &s, &err);
		/* whole: nothing at all, behind the data of the first (its padding may be missing), behind the second's header */
		bool whole = n == 0 || (n >= 3 * BLOCK + 10 && n <= 4 * BLOCK) || n == 5 * BLOCK;
		if ((rc == 0) != whole || (rc && rc != RF_ETRUNCATED))
			fail_msg("cut at %zu: %s \"%s\"", n, rf_error_name(rc), err.text);
	}
	str_release(&s.text);
}

static void limits(void **state)
{
	(void)state;
	RF_AUTO(str) a = STR_INIT(1 * MIB);
	struct seen s = { .text = STR_INIT(1 * MIB) };
	struct err err = ERR_INIT;
	file(&a, "a", "");
	file(&a, "b", "");
	assert_int_equal(read_in(str_span(&a), 512, 1, &s, &err), RF_ETOOMANY);
	RF_AUTO(str) b = STR_INIT(1 * MIB);
	RF_AUTO(str) record = STR_INIT(1 * MIB);
	str_addf(&record, "5011 path=%05000d\n", 0);
	pax(&b, str_text(&record), record.n);
	file(&b, "n", "");
	expect_error(&b, RF_ETOOBIG, "at most 4096", (int64_t)(BLOCK + (record.n + 511) / 512 * 512));
	str_release(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(members), cmocka_unit_test(long_names), cmocka_unit_test(prefix_and_base256),
					    cmocka_unit_test(sparse), cmocka_unit_test(refusals), cmocka_unit_test(truncation), cmocka_unit_test(limits) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
