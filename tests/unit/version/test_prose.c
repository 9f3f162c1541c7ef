/* NVIDIA's real statements, and wording that nobody has sent yet. */
#include "testing.h"

#include "base/fs.h"
#include "version/product.h"
#include "version/range.h"

static const char *const answers[] = { "out", "in", "unsure" };

static struct span field(struct span *line)
{
	size_t at = span_find(*line, SPAN(" |"));
	struct span f = span_trim(span_sub(*line, 0, at));
	*line = at == SIZE_MAX ? SPAN_NONE : span_from(*line, at + 2);
	return f;
}

/* The number of things that are not as the line says; they are printed. */
static int check_line(struct span line)
{
	struct arena a = ARENA_INIT(4 * MIB);
	struct err err = ERR_INIT;
	struct span whole = line;
	const struct scheme *scheme = scheme_find(field(&line));
	assert_non_null(scheme);
	struct range_words_of row = { 0 };
	row.product = field(&line);
	row.platform = field(&line);
	row.affected = field(&line);
	row.fixed = field(&line);
	struct span rule = field(&line), words = field(&line);
	struct range *r = NULL;
	int rc = range_read_row(&a, scheme, &row, &r, &err), wrong = 0;
	assert_non_null(r);
	bool unread = span_eq_text(rule, "-"), careful = span_starts(rule, "!");
	if (careful)
		rule = span_from(rule, 1);
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	range_words(r, &text);
	if (rc != (unread ? RF_EUNREADABLE : 0) || (!unread && !span_eq_text(rule, range_rule(r))) ||
	    !span_eq(words, str_span(&text)) || (!unread && r->conservative != careful)) {
		print_message("%.*s\n\tis \"%s\", %s%s; %s\n", SPAN_ARG(whole), range_rule(r), str_text(&text),
			      r->conservative ? ", cautious" : "", rc ? err.text : "");
		wrong++;
	}
	struct span checks = span_trim(line), one;
	while (checks.n && span_split(&checks, ' ', &one)) {
		size_t colon = span_rfind_byte(one, ':');
		enum range_answer got = range_contains(r, span_sub(one, 0, colon));
		if (!span_eq_text(span_from(one, colon + 1), answers[got])) {
			print_message("%.*s\n\t%.*s is %s\n", SPAN_ARG(whole), SPAN_ARG(one), answers[got]);
			wrong++;
		}
	}
	arena_release(&a);
	return wrong;
}

static void unseen_wording(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/version/prose.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	int wrong = 0, lines = 0;
	while (span_line(&rest, &line))
		if (line.n && line.p[0] != '#') {
			wrong += check_line(line);
			lines++;
		}
	print_message("%d statements of our own\n", lines);
	assert_int_equal(wrong, 0);
}

/* What the machine that serves models is made of: every row of these must be read. */
static const char *const inference[] = {
	"tensorrt",
	"tensorrt-llm",
	"triton-inference-server",
	"cuda-toolkit",
	"container-toolkit",
	"gpu-operator",
	"dynamo",
	"dali",
	"nvjpeg",
	"nvjpeg2000",
	"nvtiff",
	"dcgm",
	"dcgm-exporter",
	"k8s-device-plugin",
	"mig-manager",
	"model-optimizer",
	"cudnn",
	"cv-cuda",
	"riva",
	"nim",
	"nemo",
	"tao",
};

static bool is_inference(const struct product *p)
{
	if (!p)
		return false;
	struct span purl = span_of(p->purl);
	struct span name = span_from(purl, span_rfind_byte(purl, '/') + 1);
	for (size_t i = 0; i < RF_COUNT(inference); i++)
		if (span_eq_text(name, inference[i]))
			return true;
	return false;
}

static void nvidia_rows(void **state)
{
	(void)state;
	const char *shared = testing_shared_data();
	if (!shared)
		skip();
	char path[1024];
	snprintf(path, sizeof path, "%s/advisories/nvidia-ranges.tsv", shared);
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	assert_ok(fs_read(path, &text, &err), &err);
	struct span rest = str_span(&text), line;
	size_t rows = 0, read = 0, ours = 0, ours_read = 0;
	(void)span_line(&rest, &line);
	while (span_line(&rest, &line)) {
		struct arena a = ARENA_INIT(4 * MIB);
		struct range_words_of row = { 0 };
		struct range *r = NULL;
		(void)span_split(&line, '\t', &row.product);
		(void)span_split(&line, '\t', &row.platform);
		/* some texts have a tab in them: the count and the first record stand at the end */
		size_t end = span_rfind_byte(line, '\t');
		line = span_sub(line, 0, end);
		line = span_sub(line, 0, span_rfind_byte(line, '\t'));
		end = span_rfind_byte(line, '\t');
		row.affected = span_sub(line, 0, end);
		row.fixed = span_from(line, end + 1);
		const struct product *product = product_by_csaf_name(row.product);
		const struct scheme *scheme = product ? product_scheme(product) : scheme_find(SPAN("generic"));
		int rc = range_read_row(&a, scheme, &row, &r, &err);
		assert_true(rc == 0 || rc == RF_EUNREADABLE);
		rows++;
		read += rc == 0;
		ours += is_inference(product);
		ours_read += is_inference(product) && rc == 0;
		RF_AUTO(str) words = STR_INIT(4 * KIB);
		range_words(r, &words);
		if (getenv("REFORGE_SHOW_ROWS"))
			print_message("%.*s ¦ %.*s ¦ %.*s ¦ %.*s => %s ¦ %s%s\n", SPAN_ARG(row.product),
				      SPAN_ARG(row.platform), SPAN_ARG(row.affected), SPAN_ARG(row.fixed),
				      str_text(&words), range_rule(r), r->conservative ? " ¦ !" : "");
		if (rc) {
			/* review: every version is in question, none is cleared */
			assert_int_equal(range_contains(r, SPAN("1.0")), RANGE_UNSURE);
			print_message("review: %.*s: %s\n", SPAN_ARG(row.product), err.text);
		} else {
			assert_true(r->count > 0);
		}
		if (rc && is_inference(product))
			fail_msg("a row of the inference stack is not read: %s", err.text);
		arena_release(&a);
	}
	print_message("%zu of %zu rows read (%.2f %%), %zu of %zu of the inference stack\n", read, rows,
		      100.0 * (double)read / (double)rows, ours_read, ours);
	assert_true(read * 100 >= rows * 97);
	assert_true(rows > 600 && ours > 40);
}

/* ── Another reader of the same bulletins ───────────────────────────────────────────────────────────────────────── */

/* The file is written in Python's notation: quoted texts, None, brackets. The next text or sign. */
static struct span next_item(struct span *rest)
{
	while (rest->n && (rest->p[0] == ' ' || rest->p[0] == ','))
		*rest = span_from(*rest, 1);
	if (!rest->n)
		return SPAN_NONE;
	char c = rest->p[0];
	size_t n = 1;
	if (c == '\'' || c == '"') {
		while (n < rest->n && rest->p[n] != c)
			n++;
		struct span text = span_sub(*rest, 1, n - 1);
		*rest = span_from(*rest, n + 1);
		return text;
	}
	while ((c | 0x20) >= 'a' && (c | 0x20) <= 'z' && n < rest->n && rest->p[n] != ',' && rest->p[n] != ')')
		n++;
	struct span item = span_sub(*rest, 0, n);
	*rest = span_from(*rest, n);
	return item;
}

#define ORACLE_MAX_GROUPS 64
#define ORACLE_MAX_PROBES 4096

struct oracle {
	struct arena a;
	struct {
		const struct product *product;
		struct span version;
	} probes[ORACLE_MAX_PROBES]; /* every bound that either side has in the whole file */
	size_t probe_count;
	size_t agreed, disagreed, excused;
	struct str conflicts;
};

struct oracle_side {
	const struct product *product;
	struct range *range;
};

static struct range *side_range(struct oracle *o, struct oracle_side *sides, size_t *count, const struct product *p)
{
	for (size_t i = 0; i < *count; i++)
		if (sides[i].product == p)
			return sides[i].range;
	assert_true(*count < ORACLE_MAX_GROUPS);
	sides[*count] = (struct oracle_side){ p, range_new(&o->a, product_scheme(p), "") };
	return sides[(*count)++].range;
}

static void add_probes(struct oracle *o, const struct product *p, const struct range *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct span both[] = { r->intervals[i].low, r->intervals[i].high };
		for (size_t k = 0; k < 2; k++)
			if (both[k].n && o->probe_count < ORACLE_MAX_PROBES) {
				o->probes[o->probe_count].product = p;
				o->probes[o->probe_count++].version = both[k];
			}
	}
}

/* {('product', 'platform'): (['affected', ...], ['fixed', ...]), ...} */
static size_t read_bulletin(struct oracle *o, struct span text, struct oracle_side *sides)
{
	size_t count = 0;
	struct err err = ERR_INIT;
	while (text.n) {
		struct span item = next_item(&text);
		if (!span_eq_text(item, "("))
			continue;
		struct range_words_of row = { .product = next_item(&text), .platform = next_item(&text) };
		struct span lists[2][8];
		size_t n[2] = { 0, 0 };
		for (int which = 0; which < 2; which++) {
			while (text.n && !span_eq_text(next_item(&text), "["))
				;
			for (struct span one; !span_eq_text(one = next_item(&text), "]");)
				lists[which][n[which]++] = one;
		}
		(void)next_item(&text); /* the ")" behind the lists */
		const struct product *p = product_by_csaf_name(row.product);
		if (!p)
			continue;
		row.affected = lists[0][0];
		row.fixed = n[1] ? lists[1][0] : SPAN_NONE;
		struct range *r = NULL;
		if (range_read_row(&o->a, product_scheme(p), &row, &r, &err))
			fail_msg("%s", err.text);
		struct range *to = side_range(o, sides, &count, p);
		to->scheme = r->scheme;
		assert_ok(range_join(&o->a, to, r, &err), &err);
	}
	return count;
}

static struct span or_none(struct span item)
{
	return span_eq_text(item, "None") ? SPAN_NONE : item;
}

/* [('product', 'version' or '*', from, below, up to, vulnerable), ...] */
static size_t read_other(struct oracle *o, struct span text, struct oracle_side *sides)
{
	size_t count = 0;
	struct err err = ERR_INIT;
	while (text.n) {
		if (!span_eq_text(next_item(&text), "("))
			continue;
		struct span name = next_item(&text), version = next_item(&text), from = or_none(next_item(&text)),
			    below = or_none(next_item(&text)), through = or_none(next_item(&text)),
			    vulnerable = next_item(&text);
		const struct product *p = product_by_cpe(SPAN("nvidia"), name);
		if (!p || !span_eq_text(vulnerable, "True"))
			continue;
		struct range *to = side_range(o, sides, &count, p);
		if (below.n && !version_is_readable(to->scheme, below)) /* lower case, a commit */
			to->scheme = scheme_find(SPAN("git"));
		struct range_interval v = { .low = from,
					    .high = below.n ? below : through,
					    .high_inclusive = through.n > 0 };
		if (!span_eq_text(version, "*"))
			v = (struct range_interval){
				.low = version, .high = version, .high_inclusive = true, .exact = true
			};
		assert_ok(range_add(&o->a, to, &v, &err), &err);
	}
	return count;
}

static bool is_excused(struct oracle *o, struct span cve, const struct product *p)
{
	struct span rest = str_span(&o->conflicts), line, purl = span_of(p->purl);
	while (span_line(&rest, &line))
		if (span_eq(field(&line), cve) &&
		    span_eq(field(&line), span_from(purl, span_rfind_byte(purl, '/') + 1)))
			return true;
	return false;
}

static void compare_sides(struct oracle *o, struct span cve, const struct product *p, const struct range *own,
			  const struct range *other)
{
	for (size_t i = 0; i < o->probe_count; i++) {
		struct span version = o->probes[i].version;
		if (o->probes[i].product != p || range_contains(own, version) == range_contains(other, version))
			continue;
		if (is_excused(o, cve, p)) {
			o->excused++;
			return;
		}
		print_message("%.*s, %s: %.*s is %s here and %s there\n", SPAN_ARG(cve), p->name, SPAN_ARG(version),
			      answers[range_contains(own, version)], answers[range_contains(other, version)]);
		o->disagreed++;
		return;
	}
	if (is_excused(o, cve, p))
		fail_msg("%.*s, %s: agrees, but is in the table of conflicts", SPAN_ARG(cve), p->name);
	o->agreed++;
}

static void read_oracle_line(struct oracle *o, struct span line, bool compare)
{
	struct span number, cve;
	size_t at = span_find(line, SPAN(" | ANCHORE "));
	struct span left = span_sub(line, 0, at), right = span_from(line, at + 11);
	if (at == SIZE_MAX || !span_split(&left, ' ', &number) || !span_split(&left, ' ', &cve))
		return;
	struct oracle_side own[ORACLE_MAX_GROUPS], other[ORACLE_MAX_GROUPS];
	size_t own_count = read_bulletin(o, left, own), other_count = read_other(o, right, other);
	for (size_t i = 0; i < own_count; i++)
		for (size_t k = 0; k < other_count; k++) {
			if (own[i].product != other[k].product)
				continue;
			if (compare) {
				compare_sides(o, cve, own[i].product, own[i].range, other[k].range);
			} else {
				add_probes(o, own[i].product, own[i].range);
				add_probes(o, own[i].product, other[k].range);
			}
		}
}

static void agrees_with_another_reader(void **state)
{
	(void)state;
	const char *shared = testing_shared_data();
	if (!shared)
		skip();
	char path[1024];
	snprintf(path, sizeof path, "%s/advisories/nvidia-ranges-oracle.txt", shared);
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	assert_ok(fs_read(path, &text, &err), &err);
	struct oracle *o = rf_alloc(sizeof *o);
	assert_non_null(o);
	o->a = (struct arena)ARENA_INIT(512 * MIB);
	o->conflicts = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/version/oracle-conflicts.txt", &o->conflicts, &err), &err);
	for (int pass = 0; pass < 2; pass++) {
		struct span rest = str_span(&text), line;
		while (span_line(&rest, &line))
			read_oracle_line(o, line, pass == 1);
	}
	print_message("%zu products of CVEs agree, %zu do not, %zu are conflicts with a reason; %zu versions asked\n",
		      o->agreed, o->disagreed, o->excused, o->probe_count);
	assert_int_equal(o->disagreed, 0);
	assert_true(o->agreed > 100);
	str_release(&o->conflicts);
	arena_release(&o->a);
	rf_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unseen_wording),
		cmocka_unit_test(nvidia_rows),
		cmocka_unit_test(agrees_with_another_reader),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
