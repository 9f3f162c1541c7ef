/* The store: one scan is one consistent update; what was not seen is not gone. */
#include "reading.h"

#include "store.h"

#include "base/fs.h"

static const struct inventory_place voice = { .host = "h1",
					      .service = "voice",
					      .environment = "production",
					      .model = "m",
					      .runtime_product = ARTIFACT_PRODUCT_ONNXRUNTIME,
					      .runtime_version = "1.20.1" };

/* A report as a scan would give it. @seed makes the content; 0: unreadable; from 200 on: changed a moment ago. */
static void add(struct inventory_batch *b, const char *path, const char *version, unsigned char seed,
		const struct inventory_place *place)
{
	struct err err = ERR_INIT;
	struct artifact_facts f = { .kind = ARTIFACT_TENSORRT_PLAN,
				    .layout = "ftrt/P4",
				    .product = ARTIFACT_PRODUCT_TENSORRT,
				    .version_source = ARTIFACT_VERSION_HEADER,
				    .cause = "",
				    .cc_major = 8,
				    .cc_minor = 6,
				    .target = "sm_86",
				    .size = 100,
				    .notes = { "a note" },
				    .note_count = 1 };
	snprintf(f.version, sizeof f.version, "%s", version);
	if (!version[0]) {
		f.version_source = ARTIFACT_VERSION_UNKNOWN;
		f.finding = ARTIFACT_UNKNOWN;
		f.cause = ARTIFACT_CAUSE_UNKNOWN_BUILDER;
	}
	struct scan_file file = { .path = path,
				  .root = "/r",
				  .identity = { 1, seed, 100, 5, 6 },
				  .settled = seed < 200,
				  .has_digest = seed != 0,
				  .digest = { { seed } },
				  .error = seed == 0,
				  .facts = &f };
	assert_ok(inventory_batch_add(b, &file, place, &err), &err);
}

static struct inventory_batch *batch(const char *root, const struct inventory_place *place)
{
	struct err err = ERR_INIT;
	struct inventory_batch *b = inventory_batch_new();
	assert_non_null(b);
	assert_ok(inventory_batch_root(b, root, place, &err), &err);
	return b;
}

static struct inventory_changes record(struct fixture *x, struct inventory_batch *b)
{
	struct err err = ERR_INIT;
	struct inventory_changes c;
	assert_ok(inventory_record(x->db, b, &c, &err), &err);
	inventory_batch_free(b);
	return c;
}

struct listing {
	const struct inventory_filter *filter;
	struct str lines;
};

static int on_placement(const struct inventory_placement *p, void *data)
{
	struct listing *l = data;
	str_addf(&l->lines, "%.*s %.*s %s%s\n", SPAN_ARG(p->path), SPAN_ARG(p->artifact.version),
		 p->runtime_id ? "run" : "-", p->gone_at == USEC_NONE ? "" : " gone");
	assert_true(p->artifact.builder_id > 0);
	assert_true(span_eq_text(p->artifact.notes_json, "[\"a note\"]"));
	assert_true(span_eq_text(p->artifact.target, "sm_86"));
	return 0;
}

static int list(struct transaction *tx, void *data)
{
	struct listing *l = data;
	str_reset(&l->lines);
	return inventory_each_placement(tx, l->filter, on_placement, l);
}

static void expect(struct fixture *x, struct inventory_filter f, const char *lines)
{
	struct err err = ERR_INIT;
	struct listing l = { .filter = &f, .lines = STR_INIT(64 * KIB) };
	assert_ok(database_transact(x->db, DB_READ, list, &l, &err), &err);
	assert_string_equal(str_text(&l.lines), lines);
	str_release(&l.lines);
}

static void expect_changes(struct inventory_changes c, uint64_t added, uint64_t unchanged, uint64_t replaced,
			   uint64_t vanished)
{
	assert_int_equal(c.added, added);
	assert_int_equal(c.unchanged, unchanged);
	assert_int_equal(c.replaced, replaced);
	assert_int_equal(c.vanished, vanished);
}

static void test_life_of_placements(void **state)
{
	struct fixture *x = fixture(state);
	struct inventory_batch *b = batch("/r", &voice);
	add(b, "/r/a.plan", "10.1.0.27", 1, &voice);
	add(b, "/r/b.plan", "10.1.0.27", 2, &voice);
	add(b, "/r/copy.plan", "10.1.0.27", 2, &voice);
	expect_changes(record(x, b), 3, 0, 0, 0);

	b = batch("/r", &voice); /* a changed, b the same, copy gone, c new */
	add(b, "/r/a.plan", "10.3.0.26", 3, &voice);
	add(b, "/r/b.plan", "10.1.0.27", 2, &voice);
	add(b, "/r/c.plan", "", 4, &voice);
	struct inventory_changes c = record(x, b);
	expect_changes(c, 1, 1, 1, 1);
	assert_int_equal(c.artifacts, 2);
	expect(x, (struct inventory_filter){ 0 }, "/r/a.plan 10.3.0.26 run\n/r/b.plan 10.1.0.27 run\n/r/c.plan  run\n");
	expect(x, (struct inventory_filter){ .with_gone = true, .path = SPAN("/r/a.plan") },
	       "/r/a.plan 10.1.0.27 run gone\n/r/a.plan 10.3.0.26 run\n");
	expect(x, (struct inventory_filter){ .version = SPAN("10.1.0.27") }, "/r/b.plan 10.1.0.27 run\n");
	expect(x, (struct inventory_filter){ .service = SPAN("reading") }, "");
}

static void test_unseen_is_not_gone(void **state)
{
	struct fixture *x = fixture(state);
	struct inventory_batch *b = batch("/r", &voice);
	add(b, "/r/a.plan", "10.1.0.27", 1, &voice);
	add(b, "/r/locked/b.plan", "10.1.0.27", 2, &voice);
	add(b, "/r2/other.plan", "10.1.0.27", 3, &voice);
	record(x, b);
	b = batch("/r", &voice); /* the folder cannot be read; /r2 was not scanned */
	add(b, "/r/locked", "", 0, &voice);
	expect_changes(record(x, b), 0, 0, 0, 1);
	expect(x, (struct inventory_filter){ 0 }, "/r/locked/b.plan 10.1.0.27 run\n/r2/other.plan 10.1.0.27 run\n");
	b = batch("/r", &voice);
	expect_changes(record(x, b), 0, 0, 0, 1);
	expect(x, (struct inventory_filter){ 0 }, "/r2/other.plan 10.1.0.27 run\n");
}

/* Another runtime under the same file is another placement: what ran there on a day must stay answerable. */
static void test_runtime_moves(void **state)
{
	struct fixture *x = fixture(state);
	struct inventory_batch *b = batch("/r", &voice);
	add(b, "/r/a.plan", "10.1.0.27", 1, &voice);
	record(x, b);
	struct inventory_place upgraded = voice;
	upgraded.runtime_version = "1.21.1";
	b = batch("/r", &upgraded);
	add(b, "/r/a.plan", "10.1.0.27", 1, &upgraded);
	expect_changes(record(x, b), 0, 0, 1, 0);
	expect(x, (struct inventory_filter){ .with_gone = true },
	       "/r/a.plan 10.1.0.27 run gone\n/r/a.plan 10.1.0.27 run\n");
}

struct components {
	struct str lines;
	int64_t first;
};

static int on_component(const struct inventory_component *c, void *data)
{
	struct components *l = data;
	if (!l->first)
		l->first = c->id;
	str_addf(&l->lines, "%.*s@%.*s %lld\n", SPAN_ARG(c->product), SPAN_ARG(c->version), (long long)c->placements);
	return 0;
}

static int components(struct transaction *tx, void *data)
{
	return inventory_each_component(tx, on_component, data);
}

static void test_components(void **state)
{
	struct fixture *x = fixture(state);
	struct err err = ERR_INIT;
	struct inventory_batch *b = batch("/r", &voice);
	add(b, "/r/a.plan", "10.1.0.27", 1, &voice);
	add(b, "/r/b.plan", "10.1.0.27", 2, &voice);
	add(b, "/r/c.plan", "", 3, &voice);
	record(x, b);
	struct components l = { .lines = STR_INIT(4096) };
	assert_ok(database_transact(x->db, DB_READ, components, &l, &err), &err);
	assert_string_equal(str_text(&l.lines),
			    "pkg:generic/microsoft/onnxruntime@1.20.1 3\n"
			    "pkg:generic/nvidia/tensorrt@ 1\npkg:generic/nvidia/tensorrt@10.1.0.27 2\n");
	expect(x, (struct inventory_filter){ .component_id = l.first },
	       "/r/a.plan 10.1.0.27 run\n/r/b.plan 10.1.0.27 run\n/r/c.plan  run\n");
	str_release(&l.lines);
}

/* What only one of a content's names says counts for all of them, in whichever order and scan they are met. */
static void test_names_of_one_content(void **state)
{
	struct fixture *x = fixture(state);
	struct inventory_batch *b = batch("/r", &voice);
	add(b, "/r/a", "", 1, &voice);
	add(b, "/r/b", "10.3.0.26", 1, &voice);
	add(b, "/r/c", "", 1, &voice);
	add(b, "/r/d", "", 2, &voice);
	record(x, b);
	expect(x, (struct inventory_filter){ 0 },
	       "/r/a 10.3.0.26 run\n/r/b 10.3.0.26 run\n/r/c 10.3.0.26 run\n/r/d  run\n");
	b = batch("/r/d", &voice);
	add(b, "/r/d", "10.4.0.26", 2, &voice);
	record(x, b);
	b = batch("/r/d", &voice);
	add(b, "/r/d", "", 2, &voice);
	record(x, b);
	expect(x, (struct inventory_filter){ 0 },
	       "/r/a 10.3.0.26 run\n/r/b 10.3.0.26 run\n/r/c 10.3.0.26 run\n/r/d 10.4.0.26 run\n");
}

struct subject {
	const char *text;
	struct arena arena;
	struct inventory_placement *list;
	size_t n;
};

static int of_subject(struct transaction *tx, void *data)
{
	struct subject *s = data;
	return inventory_placements_of(tx, s->text, 0, &s->arena, &s->list, &s->n);
}

static void test_subjects(void **state)
{
	struct fixture *x = fixture(state);
	static const struct {
		const char *text;
		int rc;
		size_t n;
	} rows[] = {
		{ "/r/a\n\"b\".plan", 0, 1 },
		{ "02000000", 0, 2 },
		{ "sha256:0200000000000000000000000000000000000000000000000000000000000000", 0, 2 },
		{ "0200000000000000000000000000000000000000000000000000000000000001", RF_ENOTFOUND, 0 },
		{ "0200", RF_ENOTFOUND, 0 },
		{ "/r/none", RF_ENOTFOUND, 0 },
	};
	struct inventory_batch *b = batch("/r", &voice);
	add(b, "/r/a\n\"b\".plan", "10.1.0.27", 1, &voice);
	add(b, "/r/\xff\xfe.plan", "10.1.0.27", 2, &voice);
	add(b, "/r/c.plan", "10.1.0.27", 2, &voice);
	record(x, b);
	for (size_t i = 0; i < RF_COUNT(rows); i++) {
		struct err err = ERR_INIT;
		struct subject s = { .text = rows[i].text, .arena = ARENA_INIT(MIB) };
		assert_int_equal(database_transact(x->db, DB_READ, of_subject, &s, &err), rows[i].rc);
		assert_int_equal(s.n, rows[i].n);
		arena_release(&s.arena);
	}
}

static void test_known(void **state)
{
	struct fixture *x = fixture(state);
	struct err err = ERR_INIT;
	struct inventory_batch *b = batch("/r", &voice);
	add(b, "/r/a.plan", "10.1.0.27", 1, &voice);
	add(b, "/r/fresh.plan", "10.1.0.27", 200, &voice);
	record(x, b);
	RF_AUTO_PTR(inventory_known) k = NULL;
	assert_ok(inventory_known_load(x->db, &k, &err), &err);
	struct scan_identity id = { 1, 1, 100, 5, 6 };
	struct scan_known got;
	assert_true(inventory_known_find(&id, &got, k));
	assert_int_equal(got.digest.bytes[0], 1);
	struct scan_identity others[] = { { 1, 200, 100, 5, 6 },
					  { 1, 1, 101, 5, 6 },
					  { 1, 1, 100, 4, 6 },
					  { 1, 1, 100, 5, 7 },
					  { 2, 1, 100, 5, 6 } };
	for (size_t i = 0; i < RF_COUNT(others); i++)
		assert_false(inventory_known_find(&others[i], &got, k));
}

static int by_other_readers(struct transaction *tx, void *data)
{
	struct db_value change = DB_I(*(const int64_t *)data);
	int rc = TX_RUN(tx, "UPDATE inventory_known SET reader = reader + $1", change);
	if (rc == 0)
		rc = TX_RUN(tx, "UPDATE inventory_artifact SET reader = reader + $1, kind = 'other'", change);
	/* the digest of a report holds the readers as well */
	return rc ? rc : tx_exec(tx, "UPDATE inventory_group SET report = ''", NULL, 0, NULL);
}

static int plans_count(struct transaction *tx, void *data)
{
	return TX_I64(tx, data, "SELECT COUNT(*) FROM inventory_artifact WHERE kind = '" ARTIFACT_TENSORRT_PLAN "'");
}

/* What other readers read, older or newer ones, is not taken over: neither its facts nor its digest. */
static void test_other_readers(void **state)
{
	struct fixture *x = fixture(state);
	struct err err = ERR_INIT;
	struct scan_identity id = { 1, 1, 100, 5, 6 };
	static const int64_t changes[] = { -1, 1, -1000000 };
	for (size_t i = 0; i < RF_COUNT(changes); i++) {
		RF_AUTO_PTR(inventory_known) k = NULL;
		struct scan_known got;
		int64_t plans = 0;
		struct inventory_batch *b = batch("/r", &voice);
		add(b, "/r/a.plan", "10.1.0.27", 1, &voice);
		record(x, b);
		assert_ok(database_transact(x->db, DB_READ, plans_count, &plans, &err), &err);
		assert_int_equal(plans, 1);
		assert_ok(database_transact(x->db, DB_WRITE, by_other_readers, (void *)(uintptr_t)&changes[i], &err), &err);
		assert_ok(inventory_known_load(x->db, &k, &err), &err);
		assert_false(inventory_known_find(&id, &got, k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_life_of_placements),
		EACH(test_unseen_is_not_gone),
		EACH(test_runtime_moves),
		EACH(test_components),
		EACH(test_names_of_one_content),
		EACH(test_subjects),
		EACH(test_known),
		EACH(test_other_readers),
	};
	return ENGINES_RUN(tests);
}
