/* Layers over each other: whiteouts of every kind, replaced files and folders, links, archives' insides. */
#include "testing.h"

#include "inventory/scan_image_tree.h"

/* A layer is a text: one act a line.
 *   + PATH          a file that is kept       - PATH     a file of no interest
 *   d PATH          a folder                  w PATH     whiteout of PATH
 *   o PATH          PATH is opaque            l PATH TO  symbolic link     h PATH TO  hard link
 *   i PLACE!/PATH   kept, inside of an archive at PLACE
 */
static void act(struct image_layer *l, struct span line)
{
	struct artifact_facts facts = { .kind = ARTIFACT_TENSORRT_PLAN, .layout = "", .cause = "" };
	struct scan_file f = { .facts = &facts, .has_digest = true };
	char what = line.p[0];
	struct span rest = span_from(line, 2), path = SPAN_NONE, target = SPAN_NONE;
	(void)span_split(&rest, ' ', &path);
	target = rest;
	size_t mark = span_find(path, SPAN("!/"));
	struct span place = span_sub(path, 0, mark);
	memcpy(facts.version, path.p + (path.n > 60 ? path.n - 60 : 0), RF_MIN(path.n, (size_t)60));
	switch (what) {
	case '+':
		assert_int_equal(layer_mark(l, path, LAYER_FILE), 0);
		assert_int_equal(layer_report(l, path, path.n, &f), 0);
		break;
	case 'i':
		assert_int_equal(layer_report(l, path, place.n, &f), 0);
		break;
	case '-':
		assert_int_equal(layer_mark(l, path, LAYER_FILE), 0);
		assert_int_equal(layer_report(l, path, path.n, NULL), 0);
		break;
	case 'd':
		assert_int_equal(layer_mark(l, path, LAYER_FOLDER), 0);
		break;
	case 'w':
		assert_int_equal(layer_mark(l, path, LAYER_WHITEOUT), 0);
		break;
	case 'o':
		assert_int_equal(layer_mark(l, path, LAYER_OPAQUE), 0);
		break;
	default:
		assert_int_equal(layer_link(l, path, target, what == 'h'), 0);
	}
}

static const struct {
	const char *what;
	const char *layers[4];
	const char *want; /* "path" or "path>link", parted by blanks, in order */
	unsigned hidden;
} rows[] = {
	{ "one layer", { "+ opt/a\n+ opt/b\n- opt/c\n" }, "opt/a opt/b", 0 },
	{ "a file is replaced by one of no interest", { "+ opt/a\n", "- opt/a\n" }, "", 1 },
	{ "a file is replaced by another", { "+ opt/a\n", "+ opt/a\n" }, "opt/a", 1 },
	{ "a whiteout", { "+ opt/a\n+ opt/b\n", "w opt/a\n" }, "opt/b", 1 },
	{ "a whiteout of a folder", { "+ opt/x/a\n+ opt/x/y/b\n+ opt/xa\n", "w opt/x\n" }, "opt/xa", 2 },
	{ "a whiteout does not touch its own layer", { "+ opt/a\n", "w opt/a\n+ opt/a\n" }, "opt/a", 1 },
	{ "a whiteout does not touch its own layer, the other way", { "+ opt/a\n", "+ opt/a\nw opt/a\n" }, "opt/a", 1 },
	{ "deleted and put back above", { "+ opt/a\n", "w opt/a\n", "+ opt/a\n" }, "opt/a", 1 },
	{ "an opaque folder", { "+ opt/x/a\n+ opt/x/y/b\n+ opt/c\n", "d opt/x\no opt/x\n+ opt/x/new\n" }, "opt/c opt/x/new", 2 },
	{ "an opaque root", { "+ a\n+ opt/b\n", "o \n+ c\n" }, "c", 2 },
	{ "a folder keeps what is in it", { "+ opt/x/a\n", "d opt\nd opt/x\n" }, "opt/x/a", 0 },
	{ "a file in place of a folder", { "+ opt/x/a\n", "- opt/x\n" }, "", 1 },
	{ "a folder in place of a file", { "+ opt/x\n", "d opt/x\n+ opt/x/a\n" }, "opt/x/a", 1 },
	{ "a link in place of a folder", { "+ opt/x/a\n+ srv/a\n", "l opt/x /srv\n" }, "srv/a", 1 },
	{ "a symbolic link", { "+ lib/n.so.10.3\nl lib/n.so.10 n.so.10.3\nl lib/n.so n.so.10\n" },
	  "lib/n.so>lib/n.so.10.3 lib/n.so.10>lib/n.so.10.3 lib/n.so.10.3", 0 },
	{ "a link of a lower layer to a file above", { "l lib/n.so n.so.10\n", "+ lib/n.so.10\n" }, "lib/n.so>lib/n.so.10 lib/n.so.10", 0 },
	{ "an absolute link", { "+ opt/trt/lib/n.so.10\nl usr/lib/n.so /opt/trt/lib/n.so.10\n" },
	  "opt/trt/lib/n.so.10 usr/lib/n.so>opt/trt/lib/n.so.10", 0 },
	{ "a link through a linked folder", { "+ opt/trt-10/lib/n.so\nl opt/trt trt-10\nl usr/n.so ../opt/trt/lib/n.so\n" },
	  "opt/trt-10/lib/n.so usr/n.so>opt/trt-10/lib/n.so", 0 },
	{ "a link that climbs out stays inside", { "+ a\nl x/y ../../../../a\n" }, "a x/y>a", 0 },
	{ "a link to itself", { "l a a\nl b c\nl c b\n+ d\n" }, "d", 0 },
	{ "a dangling link", { "l a nothing\nl b /x/../../y\n+ d\n" }, "d", 0 },
	{ "what a link leads to is deleted above", { "+ lib/n.so.10\nl lib/n.so n.so.10\n", "w lib/n.so.10\n" }, "", 1 },
	{ "a link is deleted above", { "+ lib/n.so.10\nl lib/n.so n.so.10\n", "w lib/n.so\n" }, "lib/n.so.10", 0 },
	{ "a hard link", { "+ a\nh b a\n" }, "a b", 0 },
	{ "a hard link to a lower layer's file", { "+ a\n", "h b a\n" }, "a b", 0 },
	{ "a hard link to a file that its layer deletes", { "+ a\n", "h b a\nw a\n" }, "b", 1 },
	{ "a hard link outlives its target", { "+ a\nh b a\n", "w a\n" }, "b", 1 },
	{ "a hard link to what is of no interest", { "+ a\n- b\n", "h a b\n" }, "", 1 },
	{ "hard links in a chain", { "+ a\nh b a\nh c b\n" }, "a b c", 0 },
	{ "an archive's inside", { "i opt/m.zip!/x\ni opt/m.zip!/y.tar!/z\n+ opt/m.zip\n" }, "opt/m.zip!/x opt/m.zip!/y.tar!/z opt/m.zip", 0 },
	{ "an archive of no interest with an inside", { "i opt/m.zip!/x\n- opt/m.zip\n" }, "opt/m.zip!/x", 0 },
	{ "an archive is deleted with its inside", { "i opt/m.zip!/x\n+ opt/m.zip\n", "w opt/m.zip\n" }, "", 2 },
	{ "an archive is replaced", { "i opt/m.zip!/x\n+ opt/m.zip\n", "i opt/m.zip!/y\n+ opt/m.zip\n" }, "opt/m.zip!/y opt/m.zip", 2 },
	{ "a link to an archive", { "i m.zip!/x\n+ m.zip\nl k.zip m.zip\n" }, "k.zip!/x>m.zip k.zip>m.zip m.zip!/x m.zip", 0 },
	{ "twice in a layer: the later", { "+ a\n- a\n" }, "", 0 },
	{ "twice in a layer, an archive", { "i a!/x\n+ a\ni a!/y\n+ a\n" }, "a!/y a", 0 },
	{ "twice in a layer, a link: what is of interest stays", { "l a b\n+ a\n+ b\n" }, "a b", 0 },
	{ "names like others'", { "+ a\n+ a/b\n+ ab\n+ a-b\n", "w a-b\n" }, "a a/b ab", 1 },
};

static int on_visit(const struct scan_file *f, const char *link, void *data)
{
	struct str *s = data;
	str_addf(s, "%s%s%s%s", s->n ? " " : "", f->path, link ? ">" : "", link ? link : "");
	assert_true(f->facts && strcmp(f->facts->kind, ARTIFACT_TENSORRT_PLAN) == 0);
	return 0;
}

static void overlays(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct image_layer *layers[4] = { NULL };
		struct image_tree *t = image_tree_new();
		RF_AUTO(str) got = STR_INIT(64 * KIB);
		for (size_t k = 0; k < 4 && rows[i].layers[k]; k++) {
			struct span rest = span_of(rows[i].layers[k]), line;
			layers[k] = image_layer_new();
			while (span_line(&rest, &line))
				act(layers[k], line);
			assert_int_equal(image_layer_close(layers[k]), 0);
			assert_int_equal(image_tree_lay(t, layers[k]), 0);
		}
		assert_int_equal(image_tree_each(t, on_visit, &got), 0);
		if (strcmp(str_text(&got), rows[i].want) != 0 || image_tree_hidden(t) != rows[i].hidden)
			fail_msg("%s: \"%s\", %llu hidden; expected \"%s\", %u", rows[i].what, str_text(&got),
				 (unsigned long long)image_tree_hidden(t), rows[i].want, rows[i].hidden);
		image_tree_free(t);
		for (size_t k = 0; k < 4; k++)
			image_layer_free(layers[k]);
	}
}

/* ── Texts, numbered folders ─────────────────────────────────────────────────────────────────────────────────────── */

static int name_add(struct span name, void *data)
{
	str_addf(data, "%.*s ", SPAN_ARG(name));
	return 0;
}

static void expect_beside(const struct image_tree *t, const char *folder, const char *numbers, const char *text, const char *problem)
{
	RF_AUTO(str) s = STR_INIT(KIB);
	char path[256];
	struct span got = SPAN_NONE;
	const char *why = NULL;
	assert_int_equal(image_tree_folders(t, span_of(folder), name_add, &s), 0);
	snprintf(path, sizeof path, "%s/config.pbtxt", folder);
	int rc = image_tree_text(t, span_of(path), &got, &why);
	assert_string_equal(str_text(&s), numbers);
	assert_int_equal(rc, problem ? RF_EUNREADABLE : text ? 0 : RF_ENOTFOUND);
	if (problem)
		assert_string_equal(why, problem);
	else if (text)
		assert_true(span_eq_text(got, text));
}

static void models(void **state)
{
	(void)state;
	struct image_layer *lower = image_layer_new(), *upper = image_layer_new(), *other = NULL;
	static const char *const members[] = { "m/1/model.plan", "m/1/labels.txt", "m/2/model.plan", "m/30/x/y", "m/007/x", "m/old/x", "n/4/x", "12" };
	for (size_t i = 0; i < RF_COUNT(members); i++)
		assert_int_equal(layer_numbers(lower, span_of(members[i]), false), 0);
	assert_int_equal(layer_numbers(lower, SPAN("m/5"), true), 0);
	assert_int_equal(layer_numbers(lower, SPAN("m/6"), false), 0); /* a file */
	assert_int_equal(layer_text(lower, SPAN("m/config.pbtxt"), SPAN("old"), NULL), 0);
	assert_int_equal(layer_text(lower, SPAN("n/config.pbtxt"), SPAN_NONE, "too large"), 0);
	assert_int_equal(layer_text(upper, SPAN("m/config.pbtxt"), SPAN("new"), NULL), 0);
	assert_int_equal(layer_mark(upper, SPAN("m/config.pbtxt"), LAYER_FILE), 0);
	assert_int_equal(layer_mark(upper, SPAN("m/2"), LAYER_WHITEOUT), 0);
	assert_int_equal(layer_mark(upper, SPAN("m/1"), LAYER_FOLDER), 0);
	assert_int_equal(layer_numbers(upper, SPAN("m/1"), true), 0);
	assert_int_equal(image_layer_close(lower), 0);
	assert_int_equal(image_layer_close(upper), 0);
	struct image_tree *t = image_tree_new();
	assert_int_equal(image_tree_lay(t, lower), 0);
	expect_beside(t, "m", "5 30 2 1 ", "old", NULL);
	expect_beside(t, "n", "4 ", NULL, "too large");
	expect_beside(t, "", "", NULL, NULL);
	assert_int_equal(image_tree_lay(t, upper), 0);
	expect_beside(t, "m", "5 30 1 ", "new", NULL);
	image_tree_free(t);
	assert_int_equal(image_layer_renamed(upper, SPAN("r/config.pbtxt"), &other), 0);
	t = image_tree_new();
	assert_int_equal(image_tree_lay(t, other), 0);
	expect_beside(t, "r", "", "new", NULL);
	image_tree_free(t);
	image_layer_free(other);
	image_layer_free(lower);
	image_layer_free(upper);
}

/* More numbered folders than are kept: which there are is not told. */
static void numbers(void **state)
{
	(void)state;
	struct image_layer *l = image_layer_new();
	struct image_tree *t = image_tree_new();
	char path[64];
	for (unsigned i = 1; i <= IMAGE_LAYER_MAX_NUMBERS + 1; i++) {
		snprintf(path, sizeof path, "m/%u/x", i);
		assert_int_equal(layer_numbers(l, span_of(path), false), 0);
	}
	RF_AUTO(str) s = STR_INIT(KIB);
	assert_int_equal(image_layer_close(l), 0);
	assert_int_equal(image_tree_lay(t, l), 0);
	assert_int_equal(image_tree_folders(t, SPAN("m"), name_add, &s), RF_ETOOMANY);
	image_tree_free(t);
	image_layer_free(l);
}

static const struct {
	const char *name, *want; /* NULL: refused */
} names[] = {
	{ "opt/a", "opt/a" }, { "./opt/a", "opt/a" }, { "/opt//a/", "opt/a" }, { "opt/./a", "opt/a" }, { "opt/x/../a", "opt/a" }, { "./", "" },
	{ "", "" },	      { "/", "" },	      { "../a", NULL },		{ "opt/../../a", NULL },   { "..", NULL },		  { "...", "..." },
	{ "a/..", "" },	      { "a\\..\\b", "a\\..\\b" }, { "/../a", NULL },
};

static void paths(void **state)
{
	(void)state;
	char buffer[64], longer[200];
	for (size_t i = 0; i < RF_COUNT(names); i++) {
		int rc = image_path_normal(span_of(names[i].name), buffer, sizeof buffer, NULL);
		if (names[i].want ? rc != 0 || strcmp(buffer, names[i].want) != 0 : rc != RF_EINVALID)
			fail_msg("\"%s\": %d \"%s\"", names[i].name, rc, buffer);
	}
	memset(longer, 'x', sizeof longer);
	assert_int_equal(image_path_normal(span_bytes(longer, sizeof longer), buffer, sizeof buffer, NULL), RF_ETOOBIG);
	assert_int_equal(image_path_normal(span_bytes(longer, 62), buffer, sizeof buffer, NULL), 0);
	assert_int_equal(image_path_normal(span_bytes(longer, 63), buffer, sizeof buffer, NULL), RF_ETOOBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(overlays), cmocka_unit_test(models), cmocka_unit_test(numbers), cmocka_unit_test(paths) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
