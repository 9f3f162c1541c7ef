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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unseen_wording),
		cmocka_unit_test(nvidia_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
