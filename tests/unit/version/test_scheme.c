/* Orders of versions: text tables, checked over all pairs. */
#include "testing.h"

#include "base/fs.h"
#include "version/scheme.h"

#define MAX_VERSIONS 128

struct table {
	struct str text;
	struct span versions[MAX_VERSIONS];
	size_t rank[MAX_VERSIONS];
	size_t count;
};

static void load(struct table *t, const char *name)
{
	char path[256];
	struct err err = ERR_INIT;
	snprintf(path, sizeof path, "tests/data/version/order-%s.txt", name);
	t->text = STR_INIT(64 * KIB);
	assert_ok(fs_read(path, &t->text, &err), &err);
	struct span rest = str_span(&t->text), line;
	for (size_t rank = 0; span_line(&rest, &line); rank++) {
		if (!line.n || line.p[0] == '#')
			continue;
		while (line.n) {
			size_t at = span_find(line, SPAN(" = "));
			assert_true(t->count < MAX_VERSIONS);
			t->versions[t->count] = span_sub(line, 0, at);
			t->rank[t->count++] = rank;
			line = at == SIZE_MAX ? SPAN_NONE : span_from(line, at + 3);
		}
	}
	assert_true(t->count > 3);
}

/* The rank in the file is a total order, so agreeing with it on all pairs is antisymmetry and transitivity. */
static void check_order(const char *scheme_name, const char *file)
{
	struct table t = { .count = 0 };
	const struct scheme *s = scheme_find(span_of(scheme_name));
	assert_non_null(s);
	load(&t, file);
	for (size_t i = 0; i < t.count; i++)
		for (size_t j = 0; j < t.count; j++) {
			enum version_order want = t.rank[i] < t.rank[j]   ? VERSION_LESS
						  : t.rank[i] > t.rank[j] ? VERSION_GREATER
									  : VERSION_EQUAL;
			enum version_order got = version_compare(s, t.versions[i], t.versions[j]);
			if (got != want)
				fail_msg("%s: %.*s %s %.*s, want %s", file, SPAN_ARG(t.versions[i]),
					 version_order_sign(got), SPAN_ARG(t.versions[j]), version_order_sign(want));
		}
	str_release(&t.text);
}

static void orders(void **state)
{
	(void)state;
	check_order("tensorrt", "tensorrt");
	check_order("release", "release");
	check_order("semver", "semver");
	check_order("cuda", "cuda");
	check_order("triton", "triton-container");
	check_order("triton", "triton-server");
	check_order("dotted", "dotted");
}

static void two_numberings_of_triton_do_not_compare(void **state)
{
	(void)state;
	struct table a = { .count = 0 }, b = { .count = 0 };
	const struct scheme *s = scheme_find(SPAN("triton"));
	load(&a, "triton-container");
	load(&b, "triton-server");
	for (size_t i = 0; i < a.count; i++)
		for (size_t j = 0; j < b.count; j++) {
			assert_int_equal(version_compare(s, a.versions[i], b.versions[j]), VERSION_INCOMPARABLE);
			assert_int_equal(version_compare(s, b.versions[j], a.versions[i]), VERSION_INCOMPARABLE);
		}
	str_release(&a.text);
	str_release(&b.text);
}

static void refused(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/version/unreadable.txt", &text, &err), &err);
	struct span rest = str_span(&text), line, name;
	while (span_line(&rest, &line)) {
		if (!line.n || line.p[0] == '#')
			continue;
		assert_true(span_split(&line, '\t', &name));
		const struct scheme *s = scheme_find(name);
		assert_non_null(s);
		if (version_is_readable(s, line))
			fail_msg("%.*s reads \"%.*s\"", SPAN_ARG(name), SPAN_ARG(line));
		assert_int_equal(version_compare(s, line, SPAN("1.2")), VERSION_INCOMPARABLE);
	}
	char longer[VERSION_MAX_BYTES + 2];
	memset(longer, '1', sizeof longer);
	assert_false(version_is_readable(scheme_find(SPAN("plain")), (struct span){ longer, sizeof longer }));
	assert_false(version_is_readable(scheme_find(SPAN("plain")), SPAN("  ")));
}

static void plain_is_equal_or_not_comparable(void **state)
{
	(void)state;
	const struct scheme *s = scheme_find(SPAN("plain"));
	assert_int_equal(version_compare(s, SPAN("9e95f50"), SPAN(" 9e95f50 ")), VERSION_EQUAL);
	assert_int_equal(version_compare(s, SPAN("1"), SPAN("2")), VERSION_INCOMPARABLE);
	assert_null(scheme_find(SPAN("nothing")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders),
		cmocka_unit_test(two_numberings_of_triton_do_not_compare),
		cmocka_unit_test(refused),
		cmocka_unit_test(plain_is_equal_or_not_comparable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
