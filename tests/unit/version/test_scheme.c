/* Orders of versions: text tables, checked over all pairs. */
#include "testing.h"

#include "base/fs.h"
#include "version/scheme.h"

#define MAX_VERSIONS 256

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
static size_t check_order(const char *scheme_name, const char *file)
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
	return t.count;
}

static void orders(void **state)
{
	(void)state;
	static const char *const same[] = { "tensorrt", "release", "semver",    "pep440", "deb",    "rpm",
					    "cuda",     "driver",  "container", "triton", "dotted", "generic" };
	size_t rows = 0;
	for (size_t i = 0; i < RF_COUNT(same); i++)
		rows += check_order(same[i], same[i]);
	rows += check_order("triton", "triton-container");
	rows += check_order("triton", "triton-server");
	print_message("%zu versions in order, all pairs of each table compared\n", rows);
	assert_true(rows > 400);
}

/* What the map cannot place is not comparable, and never in order by its bare numbers. */
static void triton_outside_of_the_map(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		enum version_order want;
	} cases[] = {
		{ "2.72.0", "26.07", VERSION_GREATER },     { "2.72.0", "26.08", VERSION_INCOMPARABLE },
		{ "2.71.0", "26.08", VERSION_LESS },        { "2.72.0", "25.01", VERSION_GREATER },
		{ "2.6.5", "21.01", VERSION_INCOMPARABLE }, { "2.6.0", "21.01", VERSION_LESS },
		{ "2.7.0", "21.01", VERSION_GREATER },      { "1.12.0", "20.03", VERSION_INCOMPARABLE },
		{ "1.12.0", "20.06", VERSION_LESS },        { "2.59.0", "25.06.1", VERSION_LESS },
		{ "2.59.1", "25.06.1", VERSION_GREATER },   { "2.40.0", "22.12", VERSION_GREATER },
		{ "2.70.0", "25.07", VERSION_GREATER },
	};
	const struct scheme *s = scheme_find(SPAN("triton"));
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		enum version_order got = version_compare(s, span_of(cases[i].a), span_of(cases[i].b));
		if (got != cases[i].want)
			fail_msg("%s %s %s", cases[i].a, version_order_sign(got), cases[i].b);
		got = version_compare(s, span_of(cases[i].b), span_of(cases[i].a));
		assert_int_equal(got,
				 cases[i].want == VERSION_INCOMPARABLE ? VERSION_INCOMPARABLE : -(int)cases[i].want);
	}
}

static void triton_map_agrees_with_the_collected_one(void **state)
{
	(void)state;
	const char *shared = testing_shared_data();
	if (!shared)
		skip();
	char path[1024];
	snprintf(path, sizeof path, "%s/maps/triton-server-to-container.csv", shared);
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read(path, &text, &err), &err);
	struct span rest = str_span(&text), line, server, container;
	const struct scheme *s = scheme_find(SPAN("triton"));
	size_t rows = 0;
	(void)span_line(&rest, &line); /* the head */
	while (span_line(&rest, &line)) {
		if (!span_split(&line, ',', &server) || !span_split(&line, ',', &container))
			continue;
		if (version_compare(s, server, container) != VERSION_EQUAL)
			fail_msg("%.*s is not %.*s", SPAN_ARG(server), SPAN_ARG(container));
		rows++;
	}
	assert_true(rows > 50);
}

static void branches(void **state)
{
	(void)state;
	static const struct {
		const char *scheme, *branch, *version;
		bool on;
	} cases[] = {
		{ "driver", "R535", "535.288.01", true },  { "driver", "R535", "537.13", true },
		{ "driver", "R535", "545.1", false },      { "driver", "R470", "475.14", true },
		{ "driver", "R570", "573.48", true },      { "driver", "R570", "570.211.01", true },
		{ "driver", "R550", "570.211.01", false }, { "driver", "R590", "591.10", true },
		{ "generic", "35", "35.6.2", true },       { "generic", "35", "36.4.4", false },
		{ "generic", "5.8", "5.8-7.0.6.1", true }, { "driver", "535.288", "535.288.01", true },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct scheme *s = scheme_find(span_of(cases[i].scheme));
		struct version_key branch, version;
		assert_true(version_read(s, span_of(cases[i].branch), &branch) &&
			    version_read(s, span_of(cases[i].version), &version));
		if (version_on_branch(s, &branch, &version) != cases[i].on)
			fail_msg("%s, %s", cases[i].branch, cases[i].version);
	}
}

static void commits(void **state)
{
	(void)state;
	const struct scheme *s = scheme_find(SPAN("git"));
	assert_int_equal(version_compare(s, SPAN("9e95f50"), SPAN("9E95F50a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5")),
			 VERSION_EQUAL);
	assert_int_equal(version_compare(s, SPAN("9e95f50"), SPAN("8bf122f")), VERSION_INCOMPARABLE);
	assert_int_equal(version_compare(s, SPAN("9e95f"), SPAN("9e95f50")), VERSION_INCOMPARABLE);
	assert_ptr_equal(scheme_of_type(SPAN("python")), scheme_find(SPAN("pep440")));
	assert_null(scheme_of_type(SPAN("custom")));
	assert_null(scheme_of_type(SPAN("2024.3")));
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
		cmocka_unit_test(triton_outside_of_the_map),
		cmocka_unit_test(triton_map_agrees_with_the_collected_one),
		cmocka_unit_test(branches),
		cmocka_unit_test(commits),
		cmocka_unit_test(refused),
		cmocka_unit_test(plain_is_equal_or_not_comparable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
