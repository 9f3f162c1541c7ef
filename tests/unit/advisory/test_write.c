/* Export: written, valid by hand-checked structure, read back by our parsers to the same versions; marks are respected.
 */
#include "testing.h"

#include "corpus.h"

#include "advisory/advisory_write.h"
#include "base/fs.h"

#define NOW ((usec_t)4087000000 * USEC_PER_SEC)

static const struct advisory_writing how = {
	.highest = TLP_CLEAR, .author = "Example Ltd. (reforge)", .id = "https://example.org/vex/1", .now = NOW
};

/* A merged advisory of one record. */
static struct stored_advisory alone(struct arena *a, const struct advisory *record)
{
	struct stored_advisory v = { .advisory = *record };
	v.origins = arena_array(a, record->statement_count + 1, sizeof *v.origins);
	v.sources = arena_array(a, 1, sizeof *v.sources);
	v.source_count = 1;
	v.sources[0] = (struct advisory_source){ .record = *record };
	return v;
}

/* What of @product is said to be affected; NULL when nothing that could be read is. */
static struct range *affected_of(struct arena *a, const struct advisory *v, const struct product *product,
				 bool vendor_only, bool osv)
{
	struct range *all = NULL;
	struct err err = ERR_INIT;
	for (size_t i = 0; i < v->statement_count; i++) {
		const struct advisory_statement *s = &v->statements[i];
		if (s->product != product || s->status != STATEMENT_AFFECTED || !s->range->readable ||
		    (vendor_only && !s->authoritative))
			continue;
		if (!all)
			all = range_new(a, s->range->scheme, "");
		for (size_t k = 0; all->scheme == s->range->scheme && k < s->range->count; k++) {
			struct range_interval one = s->range->intervals[k];
			one.low_exclusive &= !osv; /* OSV has no exclusive lower bound */
			assert_ok(range_add(a, all, &one, &err), &err);
		}
	}
	return all && all->count ? all : NULL;
}

static bool same_bound(const struct scheme *scheme, struct span x, struct span y)
{
	return x.n && y.n ? version_compare(scheme, x, y) == VERSION_EQUAL : !x.n && !y.n;
}

/* The same versions: bounds are equal, however they are spelled. */
static bool same_range(struct arena *a, const struct range *x, const struct range *y)
{
	struct range_bounds *b, *c;
	size_t n, m;
	if (!y || range_disjoint(a, x, &b, &n, NULL) || range_disjoint(a, y, &c, &m, NULL) || n != m)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool low = b[i].low_inclusive == c[i].low_inclusive || !b[i].low.n;
		bool high = b[i].high_inclusive == c[i].high_inclusive || !b[i].high.n;
		if (!low || !high || !same_bound(x->scheme, b[i].low, c[i].low) ||
		    !same_bound(x->scheme, b[i].high, c[i].high))
			return false;
	}
	return true;
}

static bool vendor_speaks(const struct advisory *v, const struct product *product)
{
	for (size_t i = 0; i < v->statement_count; i++)
		if (v->statements[i].product == product && v->statements[i].authoritative)
			return true;
	return false;
}

static const struct advisory *find(const struct advisory_document *d, struct span id)
{
	for (size_t i = 0; i < d->count; i++)
		if (span_eq(d->advisories[i].id, id))
			return &d->advisories[i];
	return NULL;
}

static size_t compared;

static void compare(struct arena *a, const struct advisory *want, const struct advisory *got, const char *format)
{
	bool osv = !strcmp(format, "osv");
	for (size_t i = 0; i < want->statement_count; i++) {
		const struct product *p = want->statements[i].product;
		const struct range *versions = p ? affected_of(a, want, p, vendor_speaks(want, p), osv) : NULL;
		struct range_bounds *bounds;
		size_t n;
		if (!versions || !strcmp(versions->scheme->name, "git") ||
		    range_disjoint(a, versions, &bounds, &n, NULL))
			continue;
		if (!got)
			fail_msg("%s: %.*s is not there", format, SPAN_ARG(want->id));
		const struct range *back = affected_of(a, got, p, false, osv);
		if (!same_range(a, versions, back)) {
			RF_AUTO(str) text = STR_INIT(64 * KIB);
			range_words(versions, &text);
			str_add_text(&text, " came back as ");
			if (back)
				range_words(back, &text);
			fail_msg("%s: %.*s, %s: %s", format, SPAN_ARG(want->id), p->purl, str_text(&text));
		}
		compared++;
	}
}

static void round_trip(const struct advisory *record)
{
	struct arena a = ARENA_INIT(ADVISORY_ARENA_BYTES);
	RF_AUTO(str) osv = STR_INIT(16 * MIB);
	RF_AUTO(str) vex = STR_INIT(16 * MIB);
	struct stored_advisory v = alone(&a, record);
	struct advisory_writing any = how;
	struct advisory_document d;
	struct openvex_writer w;
	struct err err = ERR_INIT;
	any.highest = TLP_RED;
	assert_ok(advisory_write_osv(&a, &v, &any, &osv, &err), &err);
	assert_ok(advisory_parse(&a, NULL, str_span(&osv), &d, &err), &err);
	assert_string_equal(d.format->name, "osv");
	if (record->state == ADVISORY_PUBLISHED)
		compare(&a, record, find(&d, record->id), "osv");
	else
		assert_int_not_equal(d.advisories[0].state, ADVISORY_PUBLISHED);
	advisory_openvex_begin(&w, &any, &vex);
	assert_ok(advisory_openvex_add(&w, &a, &v, &err), &err);
	int rc = advisory_openvex_end(&w, &err);
	if (!rc) {
		assert_ok(advisory_parse(&a, NULL, str_span(&vex), &d, &err), &err);
		assert_string_equal(d.format->name, "openvex");
		compare(&a, record, find(&d, record->id), "openvex");
	} else {
		assert_int_equal(rc, RF_ENOTFOUND);
	}
	arena_release(&a);
}

static int trip_file(const struct fs_entry *e, void *data)
{
	struct arena a = ARENA_INIT(ADVISORY_ARENA_BYTES);
	RF_AUTO(str) bytes = STR_INIT(ADVISORY_MAX_BYTES);
	struct advisory_document d;
	struct err err = ERR_INIT;
	(void)data;
	if (e->kind == FS_FILE && (span_ends(span_of(e->name), ".json") || span_ends(span_of(e->name), ".yaml"))) {
		assert_ok(fs_read(e->path, &bytes, &err), &err);
		if (!advisory_parse(&a, NULL, str_span(&bytes), &d, NULL))
			for (size_t i = 0; i < d.count; i++)
				if (span_starts(d.advisories[i].id, "CVE-"))
					round_trip(&d.advisories[i]);
	}
	arena_release(&a);
	return 0;
}

static void ours(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	assert_ok(fs_walk("tests/data/advisory", trip_file, NULL, &err), &err);
	assert_ok(fs_walk("tests/data/advisory-formats", trip_file, NULL, &err), &err);
	assert_true(compared > 20);
}

static void theirs(void **state)
{
	(void)state;
	char folder[256], path[512];
	struct err err = ERR_INIT;
	if (!testing_shared_data())
		skip();
	assert_ok(fs_temporary_dir("reforge-write", folder, sizeof folder, &err), &err);
	static const char *const archives[] = { "nvidia-csaf.tar.xz", "format-samples.tar.xz" };
	for (size_t i = 0; i < RF_COUNT(archives); i++) {
		snprintf(path, sizeof path, "%s/advisories/%s", testing_shared_data(), archives[i]);
		assert_int_equal(testing_unpack(path, folder), 0);
	}
	size_t before = compared;
	assert_ok(fs_walk(folder, trip_file, NULL, &err), &err);
	print_message("%zu ranges written and read back\n", compared - before);
	assert_ok(fs_remove_tree(folder, &err), &err);
	assert_true(compared - before > 400);
}

static const char record_text[] =
	"id,product,affected,fixed,tlp,summary\n"
	"CVE-2099-1,pkg:generic/nvidia/tensorrt,\"v0 - v10.16.1\",v11.0,CLEAR,\"Public \"\"words\"\" & <more>\"\n"
	"CVE-2099-2,pkg:generic/nvidia/cuda-toolkit,some versions,,CLEAR,Unread\n"
	"CVE-2099-3,pkg:generic/nvidia/tensorrt,< 10.0,,AMBER,Secret\n"
	"DRILL-1,pkg:generic/nvidia/tensorrt,< 10.0,,,A drill\n";

static void shapes_and_marks(void **state)
{
	(void)state;
	struct arena a = ARENA_INIT(16 * MIB);
	struct advisory_document d;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	assert_ok(advisory_parse(&a, NULL, SPAN(record_text), &d, &err), &err);
	assert_int_equal(d.count, 4);
	struct stored_advisory v = alone(&a, &d.advisories[0]);
	assert_ok(advisory_write_osv(&a, &v, &how, &text, &err), &err);
	assert_non_null(strstr(str_text(&text), "\"fixed\": \"11.0\""));
	assert_non_null(strstr(str_text(&text), "\"ecosystem\": \"PyPI\""));
	assert_non_null(strstr(str_text(&text), "\"introduced\": \"0\""));
	/* what was not read is not a range, and is not silence either */
	str_reset(&text);
	v = alone(&a, &d.advisories[1]);
	assert_ok(advisory_write_osv(&a, &v, &how, &text, &err), &err);
	assert_non_null(strstr(str_text(&text), "\"review\": [\n      \"pkg:generic/nvidia/cuda-toolkit\""));
	assert_null(strstr(str_text(&text), "introduced"));
	struct openvex_writer w;
	str_reset(&text);
	advisory_openvex_begin(&w, &how, &text);
	assert_ok(advisory_openvex_add(&w, &a, &v, &err), &err);
	assert_ok(advisory_openvex_end(&w, &err), &err);
	assert_non_null(strstr(str_text(&text), "\"status\": \"under_investigation\""));
	/* what is marked stays in the house */
	str_reset(&text);
	v = alone(&a, &d.advisories[2]);
	assert_int_equal(advisory_write_osv(&a, &v, &how, &text, &err), RF_EDENIED);
	assert_int_equal(text.n, 0);
	advisory_openvex_begin(&w, &how, &text);
	assert_int_equal(advisory_openvex_add(&w, &a, &v, &err), RF_EDENIED);
	assert_int_equal(advisory_openvex_end(&w, &err), RF_ENOTFOUND);
	assert_null(strstr(str_text(&text), "Secret"));
	/* a drill stays one */
	str_reset(&text);
	v = alone(&a, &d.advisories[3]);
	assert_ok(advisory_write_osv(&a, &v, &how, &text, &err), &err);
	assert_ok(advisory_parse(&a, NULL, str_span(&text), &d, &err), &err);
	assert_true(d.advisories[0].is_drill);
	assert_string_equal(d.advisories[0].id.p, "DRILL-1");
	arena_release(&a);
}

/* A source above the mark is left out, its texts and its statements; the others are written. */
static void mixed_marks(void **state)
{
	(void)state;
	static const char secret[] = "id,product,affected,fixed,tlp,summary\nCVE-2099-1,pkg:generic/nvidia/tensorrt,< "
				     "12.0,12.0,RED,Secret\n";
	struct arena a = ARENA_INIT(16 * MIB);
	struct advisory_document open, hidden;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(1 * MIB);
	assert_ok(advisory_parse(&a, NULL, SPAN(record_text), &open, &err), &err);
	assert_ok(advisory_parse(&a, NULL, SPAN(secret), &hidden, &err), &err);
	struct stored_advisory v = { .advisory = hidden.advisories[0] };
	struct advisory_statement both[] = { hidden.advisories[0].statements[0], open.advisories[0].statements[0] };
	struct advisory_origin origins[] = { { .document_digest = SPAN("b") }, { .document_digest = SPAN("a") } };
	struct advisory_source sources[] = { { .record = hidden.advisories[0], .origin = origins[0] },
					     { .record = open.advisories[0], .origin = origins[1] } };
	v.advisory.statements = both;
	v.advisory.statement_count = 2;
	v.origins = origins;
	v.sources = sources;
	v.source_count = 2;
	assert_ok(advisory_write_osv(&a, &v, &how, &text, &err), &err);
	assert_null(strstr(str_text(&text), "Secret"));
	assert_null(strstr(str_text(&text), "12.0"));
	assert_non_null(strstr(str_text(&text), "\"fixed\": \"11.0\""));
	/* the operator's word is above all sources */
	struct range *range;
	assert_ok(range_read(&a, scheme_find(SPAN("tensorrt")), SPAN("< 10.5"), SPAN_NONE, &range, &err), &err);
	struct advisory_decision decision = {
		.kind = DECISION_RANGE, .product = both[1].product, .text = SPAN("< 10.5"), .range = range
	};
	v.policy = (struct advisory_policy){ .decisions = &decision, .decision_count = 1 };
	str_reset(&text);
	assert_ok(advisory_write_osv(&a, &v, &how, &text, &err), &err);
	assert_non_null(strstr(str_text(&text), "\"fixed\": \"10.5\""));
	assert_null(strstr(str_text(&text), "11.0\""));
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ours),
		cmocka_unit_test(shapes_and_marks),
		cmocka_unit_test(mixed_marks),
		cmocka_unit_test(theirs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
