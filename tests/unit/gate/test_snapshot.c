/* The snapshot in memory: filled in any order, found by digest, reference, place and release; what is refused. */
#include "testing.h"

#include "gate/snapshot.h"

/* Digests spread like real ones, and told by their number. */
static struct digest digest_no(uint32_t n)
{
	struct digest d;
	digest_of(span_bytes(&n, sizeof n), &d);
	return d;
}

static uint32_t add(struct gate_snapshot *s, uint32_t n)
{
	struct err err = ERR_INIT;
	struct gate_artifact a = { .digest = digest_no(n), .set = GATE_NONE, .main = GATE_NONE, .built_at = n };
	uint32_t number;
	assert_ok(gate_snapshot_artifact(s, &a, n % 2 ? SPAN(ARTIFACT_TENSORRT_PLAN) : SPAN(ARTIFACT_ONNX), &number, &err),
		  &err);
	return number;
}

static void finds_every_content(void **state)
{
	(void)state;
	static const uint32_t counts[] = { 0, 1, 2, 5, 1000, 50000 };
	for (size_t i = 0; i < RF_COUNT(counts); i++) {
		struct err err = ERR_INIT;
		RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(64 * MIB);
		for (uint32_t n = 0; n < counts[i]; n++)
			assert_int_equal(add(s, n), n);
		assert_ok(gate_snapshot_ready(s, &err), &err);
		for (uint32_t n = 0; n < counts[i]; n++) {
			struct digest d = digest_no(n);
			const struct gate_artifact *a = gate_snapshot_find(s, &d);
			assert_non_null(a);
			assert_int_equal(a->built_at, n);
			struct span kind = gate_snapshot_text_at(s, s->kinds[a->kind]);
			assert_true(span_eq_text(kind, n % 2 ? ARTIFACT_TENSORRT_PLAN : ARTIFACT_ONNX));
		}
		struct digest other = digest_no(counts[i]);
		assert_null(gate_snapshot_find(s, &other));
	}
}

static void references_follow_their_contents(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(64 * MIB);
	static const char *const places[] = { "/srv/b", "/srv/a-b", "/srv/a/y", "/srv/a/x/1", "/srv/a", "/srv/ab/c", "/srv/a/y" };
	for (uint32_t i = 0; i < RF_COUNT(places); i++) {
		uint32_t n = add(s, i == 6 ? 100 : i);
		assert_ok(gate_snapshot_model(s, span_of(places[i]), n, &err), &err);
		assert_ok(gate_snapshot_image(s, SPAN("registry.example/app:1"), n, &err), &err);
	}
	/* told twice */
	assert_ok(gate_snapshot_model(s, SPAN("/srv/b"), 0, &err), &err);
	assert_ok(gate_snapshot_ready(s, &err), &err);
	struct gate_run run = gate_snapshot_models(s, SPAN("/srv/a"), true);
	assert_int_equal(run.count, 4);
	for (size_t i = 0; i < run.count; i++)
		assert_true(span_starts(gate_snapshot_text_at(s, run.first[i].text), "/srv/a"));
	assert_int_equal(gate_snapshot_models(s, SPAN("/srv/a"), false).count, 1);
	assert_int_equal(gate_snapshot_models(s, SPAN("/srv/a/y"), false).count, 2);
	run = gate_snapshot_models(s, SPAN("/srv/b"), false);
	assert_int_equal(run.count, 1);
	assert_int_equal(s->artifacts[run.first->artifact].built_at, 0);
	assert_int_equal(gate_snapshot_models(s, SPAN("/srv"), false).count, 0);
	assert_int_equal(gate_snapshot_models(s, SPAN("/srv"), true).count, 7);
	assert_int_equal(gate_snapshot_images(s, SPAN("registry.example/app:1")).count, 7);
	assert_int_equal(gate_snapshot_images(s, SPAN("registry.example/app")).count, 0);
}

/* A path is one of each host; of none it is everywhere, and no host is told then. */
static void references_of_hosts(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(64 * MIB);
	static const struct {
		const char *place, *host;
		uint32_t content;
	} rows[] = { { "/a", "h1", 0 }, { "/a", "h2", 0 }, { "/a", "h1", 0 }, { "/a", "h1", 1 }, { "/b", "h1", 0 }, { "/b", "", 0 }, { "/b", "h3", 0 } };
	assert_int_equal(add(s, 0), 0);
	assert_int_equal(add(s, 1), 1);
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		assert_ok(gate_snapshot_model_of(s, span_of(rows[i].place), span_of(rows[i].host), rows[i].content, &err), &err);
	assert_ok(gate_snapshot_ready(s, &err), &err);
	assert_int_equal(gate_snapshot_models(s, SPAN("/a"), false).count, 3);
	assert_int_equal(gate_snapshot_models(s, SPAN("/b"), false).count, 1);
	assert_true(gate_snapshot_has_host(s, SPAN("h2")) && !gate_snapshot_has_host(s, SPAN("h4")));
}

static void components_and_sets_are_kept_once(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(64 * MIB);
	uint32_t a, b, c, set, other;
	char version[16];
	struct component k = { .product = product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT)),
			       .purl = SPAN(ARTIFACT_PRODUCT_TENSORRT) };
	for (int i = 0; i < 3000; i++) {
		k.version = (struct span){ version, (size_t)snprintf(version, sizeof version, "10.%d", i) };
		assert_ok(gate_snapshot_component(s, &k, CARRIER_BUILDER, &a, &err), &err);
		assert_int_equal(a, i);
	}
	assert_ok(gate_snapshot_component(s, &k, CARRIER_BUILDER, &b, &err), &err);
	assert_ok(gate_snapshot_component(s, &k, CARRIER_RUNTIME, &c, &err), &err);
	assert_true(a == b && c == 3000);
	const struct gate_part parts[] = { { a, GATE_NONE, 0 }, { c, GATE_NONE, 0 } };
	assert_ok(gate_snapshot_set(s, parts, 2, &set, &err), &err);
	assert_ok(gate_snapshot_set(s, parts, 2, &other, &err), &err);
	assert_int_equal(set, other);
	assert_ok(gate_snapshot_set(s, parts, 1, &other, &err), &err);
	assert_int_not_equal(set, other);
	assert_ok(gate_snapshot_set(s, parts, 0, &other, &err), &err);
	assert_true(other == GATE_NONE && s->part_count == 3);
	uint32_t text;
	assert_ok(gate_snapshot_text(s, SPAN(""), &text, &err), &err);
	assert_int_equal(text, 0);
	RF_AUTO_FREE char *long_text = rf_alloc(GATE_MAX_TEXT + 1);
	memset(long_text, 'x', GATE_MAX_TEXT + 1);
	assert_int_equal(gate_snapshot_text(s, (struct span){ long_text, GATE_MAX_TEXT + 1 }, &text, NULL), RF_ETOOBIG);
	/* texts of many blocks are what they were */
	uint32_t first, last = 0;
	assert_ok(gate_snapshot_text(s, (struct span){ long_text, GATE_MAX_TEXT }, &first, &err), &err);
	for (char letter = 'a'; letter < 'z'; letter++) {
		memset(long_text, letter, GATE_MAX_TEXT);
		assert_ok(gate_snapshot_text(s, (struct span){ long_text, GATE_MAX_TEXT }, &last, &err), &err);
	}
	assert_true(s->text_block_count > 1);
	assert_int_equal(gate_snapshot_text_at(s, first).p[GATE_MAX_TEXT - 1], 'x');
	assert_int_equal(gate_snapshot_text_at(s, last).p[0], 'y');
}

static void releases_and_rows(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(64 * MIB);
	uint32_t names[4], one, two;
	static const char *const texts[] = { "voice", "production", "2026-07-15-a", "2026-07-16-b" };
	for (size_t i = 0; i < 4; i++)
		assert_ok(gate_snapshot_text(s, span_of(texts[i]), &names[i], &err), &err);
	const struct gate_release a = { .service = names[0], .environment = names[1], .name = names[2], .is_signed = true };
	const struct gate_release b = { .service = names[0], .environment = names[1], .name = names[3] };
	assert_ok(gate_snapshot_release(s, &a, &one, &err), &err);
	assert_ok(gate_snapshot_release(s, &b, &two, &err), &err);
	for (uint32_t i = 0; i < 6; i++) {
		/* each content is in both */
		const struct gate_row row = { .release = i % 2 ? two : one,
					      .artifact = i % 2 ? i / 2 : add(s, i / 2),
					      .model = names[i % 4],
					      .builder = GATE_NONE,
					      .runtime = GATE_NONE };
		assert_ok(gate_snapshot_row(s, &row, &err), &err);
	}
	assert_ok(gate_snapshot_ready(s, &err), &err);
	const struct gate_release *r = gate_snapshot_release_find(s, SPAN("voice"), SPAN("2026-07-16-b"));
	assert_non_null(r);
	assert_int_equal(r->row_count, 3);
	for (size_t i = 0; i < r->row_count; i++)
		assert_int_equal(s->rows[r->row_from + i].release, two);
	assert_null(gate_snapshot_release_find(s, SPAN("voice"), SPAN("")));
	for (uint32_t i = 0; i < 3; i++) {
		struct digest d = digest_no(i);
		const uint32_t *rows;
		const struct gate_artifact *artifact = gate_snapshot_find(s, &d);
		assert_int_equal(gate_snapshot_rows_of(s, artifact, &rows), 2);
		assert_ptr_equal(&s->artifacts[s->rows[rows[0]].artifact], artifact);
	}
}

static void refuses_what_does_not_fit_together(void **state)
{
	(void)state;
	for (int i = 0; i < 7; i++) {
		struct err err = ERR_INIT;
		RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(64 * MIB);
		int wanted = RF_EINVALID;
		(void)add(s, 1);
		struct gate_artifact a = { .digest = digest_no(2), .set = GATE_NONE, .main = GATE_NONE };
		uint32_t n;
		const struct gate_part part = { 5, GATE_NONE, 0 };
		const struct workspace_minimum minimum = { "tensorrt", "new" };
		const struct workspace_policy same[] = { { .name = "a" }, { .name = "b" } };
		const struct workspace_policy old = { .name = "c", .minimum = &minimum, .minimum_n = 1 };
		if (i == 0) {
			(void)add(s, 1);
			wanted = RF_EEXISTS;
		} else if (i == 1) {
			a.set = 3;
			assert_ok(gate_snapshot_artifact(s, &a, SPAN("x"), &n, &err), &err);
		} else if (i == 2) {
			assert_ok(gate_snapshot_image(s, SPAN("a/b:c"), 7, &err), &err);
		} else if (i == 3) {
			assert_ok(gate_snapshot_set(s, &part, 1, &n, &err), &err);
		} else if (i == 4) {
			const struct gate_row row = { .release = 0, .artifact = 0, .builder = GATE_NONE, .runtime = GATE_NONE };
			assert_ok(gate_snapshot_row(s, &row, &err), &err);
		} else if (i == 5) {
			assert_ok(gate_snapshot_policy(s, &same[0], &err), &err);
			assert_ok(gate_snapshot_policy(s, &same[1], &err), &err);
		} else {
			assert_ok(gate_snapshot_policy(s, &old, &err), &err);
		}
		int rc = gate_snapshot_ready(s, &err);
		if (rc != wanted)
			fail_msg("case %d: %d, wanted %d: %s", i, rc, wanted, err.text);
	}
}

/* Whatever allocation fails, it says so and nothing leaks. */
static void survives_want_of_memory(void **state)
{
	(void)state;
	for (long n = 1; n < 400; n++) {
		struct err err = ERR_INIT;
		rf_alloc_fail_after(n);
		struct gate_snapshot *s = gate_snapshot_new(64 * MIB);
		int rc = s ? 0 : RF_ENOMEM;
		for (uint32_t i = 0; i < 200 && !rc; i++) {
			struct gate_artifact a = { .digest = digest_no(i), .set = GATE_NONE, .main = GATE_NONE };
			uint32_t number;
			rc = gate_snapshot_artifact(s, &a, SPAN("onnx"), &number, &err);
			if (!rc)
				rc = gate_snapshot_model(s, SPAN("/srv/x"), number, &err);
		}
		if (!rc)
			rc = gate_snapshot_ready(s, &err);
		rf_alloc_fail_after(0);
		gate_snapshot_free(s);
		if (!rc)
			return;
		assert_int_equal(rc, RF_ENOMEM);
	}
	fail_msg("400 allocations were not enough");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_content),
		cmocka_unit_test(references_follow_their_contents), cmocka_unit_test(references_of_hosts),
		cmocka_unit_test(components_and_sets_are_kept_once),
		cmocka_unit_test(releases_and_rows),
		cmocka_unit_test(refuses_what_does_not_fit_together),
		cmocka_unit_test(survives_want_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
