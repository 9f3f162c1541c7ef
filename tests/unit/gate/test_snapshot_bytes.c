/* A snapshot as bytes: read back it is the same in every table; hostile bytes are refused with place and rule. */
#include "testing.h"

#include "whole.h"

#include "format/wire.h"
#include "gate/snapshot_bytes.h"

static void write_whole(struct str *bytes)
{
	struct err err = ERR_INIT;
	RF_AUTO_PTR(gate_snapshot) s = whole_snapshot(100, 200);
	assert_ok(gate_snapshot_write(s, bytes, &err), &err);
}

static void there_and_back(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) once = STR_INIT(MIB);
	RF_AUTO(str) twice = STR_INIT(MIB);
	RF_AUTO_PTR(gate_snapshot) s = NULL;
	write_whole(&once);
	assert_ok(gate_snapshot_read(str_span(&once), &s, &err), &err);
	assert_ok(gate_snapshot_write(s, &twice, &err), &err);
	assert_true(span_eq(str_span(&once), str_span(&twice)));
	assert_true(span_eq_text(s->head.site, "shenzhen") && s->head.created == 100 && s->head.expires == 200);
	assert_true(span_eq_text(s->head.service_label, "site/service") && s->head.trusts_labels && s->head.only_count == 3);
	assert_true(gate_snapshot_covers(s, SPAN("/srv/models/a")) && !gate_snapshot_covers(s, SPAN("/srv")));
	assert_int_equal(gate_snapshot_homes(s, SPAN("east"), SPAN("speech")).count, 1);
	struct digest d = digest_no(1);
	const struct gate_artifact *a = gate_snapshot_find(s, &d);
	assert_non_null(a);
	assert_true(span_eq_text(gate_snapshot_text_at(s, a->target), "sm_86") && a->signatures == 3 && a->built_at == 5);
	/* its builder was judged anew */
	assert_int_equal(s->components[a->main].hit_count, 1);
	assert_int_equal(s->hits[s->components[a->main].hit_from].kind, FINDING_AFFECTED);
	const uint32_t *rows;
	assert_int_equal(gate_snapshot_rows_of(s, a, &rows), 1);
	assert_true(span_eq_text(gate_snapshot_text_at(s, s->rows[*rows].model), "asr"));
	struct gate_run run = gate_snapshot_images(s, SPAN("registry.example/site/app:1.2"));
	assert_int_equal(run.count, 1);
	const struct gate_artifact *image = &s->artifacts[run.first->artifact];
	assert_int_equal(s->sets[image->set].count, 2);
	assert_int_equal(gate_snapshot_models(s, SPAN("/srv/models"), true).count, 2);
	assert_true(gate_snapshot_has_host(s, SPAN("gpu-01.example")) && gate_snapshot_has_host(s, SPAN("gpu-01")));
	assert_false(gate_snapshot_has_host(s, SPAN("gpu-02")));
	assert_non_null(gate_snapshot_release_find(s, SPAN("voice"), SPAN("2026-07-15-a")));
	const struct gate_service *service = gate_snapshot_service_find(s, SPAN("voice"));
	assert_true(service && span_eq_text(service->owner, "voice-team"));
	struct gate_policy policy;
	gate_policy_of(&s->rules, SPAN("voice"), SPAN("production"), &policy);
	assert_true(span_eq_text(policy.name, "strict") && policy.deny_from == 70 && policy.warn_from == WORKSPACE_SCORE_NEVER);
	assert_true(policy.minimum_count == 1 && policy.registry_count == 1 && policy.grace_usec == USEC_PER_DAY);
	assert_true(s->waiver_count == 1 && s->waivers[0].advisory_count == 2 && s->waivers[0].id == 7);
	assert_true(s->baseline.holder_count == 1 && s->baseline.sets[0].count == 2 && s->baseline.due == 20);
	assert_int_equal(s->covers.vex_policy.trusted_count, 1);
}

/* Two sets that differ in order alone until what is hot stands first. */
static void sets_that_become_one(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) bytes = STR_INIT(MIB);
	RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(16 * MIB);
	RF_AUTO_PTR(gate_snapshot) again = NULL;
	const struct product *trt = product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT));
	struct component hit = { .product = trt, .purl = span_of(trt->purl), .version = SPAN("10.8") }, clean = hit;
	uint32_t c[2], set[2], number;
	clean.version = SPAN("11.1");
	whole_advisory(s, trt);
	assert_ok(gate_snapshot_component(s, &clean, CARRIER_RUNTIME, &c[0], &err), &err);
	assert_ok(gate_snapshot_component(s, &hit, CARRIER_RUNTIME, &c[1], &err), &err);
	for (uint32_t i = 0; i < 2; i++) {
		const struct gate_part parts[] = { { c[i], GATE_NONE, 0 }, { c[1 - i], GATE_NONE, 0 } };
		assert_ok(gate_snapshot_set(s, parts, 2, &set[i], &err), &err);
		const struct gate_artifact a = { .digest = digest_no(i), .set = set[i], .main = GATE_NONE };
		assert_ok(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_CONTAINER_IMAGE), &number, &err), &err);
	}
	assert_ok(gate_snapshot_ready(s, &err), &err);
	assert_ok(gate_snapshot_write(s, &bytes, &err), &err);
	assert_ok(gate_snapshot_read(str_span(&bytes), &again, &err), &err);
	for (uint32_t i = 0; i < 2; i++) {
		const struct digest d = digest_no(i);
		const struct gate_artifact *a = gate_snapshot_find(again, &d);
		assert_true(a && again->sets[a->set].count == 2 && again->sets[a->set].hot == 1);
	}
}

/* More rows than stand in one field. */
static void large_tables(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) bytes = STR_INIT(16 * MIB);
	RF_AUTO_PTR(gate_snapshot) s = gate_snapshot_new(16 * MIB);
	RF_AUTO_PTR(gate_snapshot) again = NULL;
	for (uint32_t i = 0; i < 5000; i++) {
		const struct gate_artifact a = { .digest = digest_no(i), .set = GATE_NONE, .main = GATE_NONE, .built_at = i };
		char path[32];
		uint32_t number;
		(void)snprintf(path, sizeof path, "/srv/%u", i);
		assert_ok(gate_snapshot_artifact(s, &a, SPAN(ARTIFACT_ONNX), &number, &err), &err);
		assert_ok(gate_snapshot_model(s, span_of(path), number, &err), &err);
	}
	assert_ok(gate_snapshot_ready(s, &err), &err);
	assert_ok(gate_snapshot_write(s, &bytes, &err), &err);
	assert_ok(gate_snapshot_read(str_span(&bytes), &again, &err), &err);
	assert_int_equal(again->artifact_count, 5000);
	for (uint32_t i = 0; i < 5000; i++) {
		const struct digest d = digest_no(i);
		const struct gate_artifact *a = gate_snapshot_find(again, &d);
		assert_true(a && a->built_at == i);
	}
	assert_int_equal(gate_snapshot_models(again, SPAN("/srv"), true).count, 5000);
}

static void damaged(void **state)
{
	(void)state;
	RF_AUTO(str) whole = STR_INIT(MIB);
	write_whole(&whole);
	for (size_t n = 0; n < whole.n; n++) {
		struct gate_snapshot *s = NULL;
		struct err err = ERR_INIT;
		char *cut = malloc(n ? n : 1);
		memcpy(cut, whole.p, n);
		int rc = gate_snapshot_read(span_bytes(cut, n), &s, &err);
		assert_true(rc == 0 || err.text[0]);
		gate_snapshot_free(s);
		free(cut);
	}
	for (size_t n = 0; n < whole.n; n++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct gate_snapshot *s = NULL;
			struct err err = ERR_INIT;
			whole.p[n] = (char)((unsigned char)whole.p[n] ^ (1u << bit));
			int rc = gate_snapshot_read(str_span(&whole), &s, &err);
			assert_true(rc == 0 || err.text[0]);
			gate_snapshot_free(s);
			whole.p[n] = (char)((unsigned char)whole.p[n] ^ (1u << bit));
		}
}

#define HEAD "\x08\x02\x1a\x09\x00\x00\x00\x00\x00\x00\x00\x00"
static void rules(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct span bytes;
		int code;
		const char *words;
	} cases[] = {
		{ "nothing", { "", 0 }, RF_EFORMAT, "no head" },
		{ "a later format", { "\x08\x07", 2 }, RF_EUNSUPPORTED, "format 7" },
		{ "no format", { "\x1a\x06\x00\x00\x00\x00\x00\x00", 8 }, RF_EFORMAT, "out of order" },
		{ "two heads", { HEAD "\x00\x1a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00", 24 }, RF_ETOOMANY, "more than 1 of head" },
		{ "an unknown field", { HEAD "\x00\xca\x01\x00", 16 }, RF_EFORMAT, "field 25" },
		{ "contents that do not come", { HEAD "\x01", 13 }, RF_EFORMAT, "the head says 1" },
		{ "contents without number", { HEAD "\x81\x80\x80\x80\x10", 17 }, RF_EFORMAT, "" },
		{ "a short row", { "\x08\x02\x1a\x01\x00", 5 }, RF_EFORMAT, "is missing" },
		{ "a reference of no content", { HEAD "\x00\x5a\x02\x00\x00", 17 }, RF_EFORMAT, "names none" },
		{ "a reference of a content that is not there", { HEAD "\x00\x5a\x02\x00\x01", 17 }, RF_EFORMAT, "larger than" },
		{ "a short digest", { HEAD "\x01\x52\x02\x00\x01", 17 }, RF_EFORMAT, "digest is missing" },
		{ "an empty set", { HEAD "\x00\x4a\x00", 15 }, RF_EFORMAT, "is empty" },
		{ "an earlier format", { "\x08\x01", 2 }, RF_EUNSUPPORTED, "format 1" },
		{ "a part of too many names", { "\x08\x02\x1a\x09\x00\x00\x00\x00\x00\x00\x00\x41\x00", 13 }, RF_EFORMAT, "names of a part" },
		{ "a home without namespace", { HEAD "\x00\xaa\x01\x02\x00\x00", 18 }, RF_EFORMAT, "namespace of a service" },
		{ "an advisory that is none", { HEAD "\x00\x3a\x02\x08\x01", 17 }, RF_EFORMAT, "no advisory" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct gate_snapshot *s = NULL;
		struct err err = ERR_INIT;
		int rc = gate_snapshot_read(cases[i].bytes, &s, &err);
		if (rc != cases[i].code || !strstr(err.text, cases[i].words))
			fail_msg("%s: %s, %s", cases[i].what, rf_error_name(rc), err.text);
	}
}

static void limits(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) small = STR_INIT(64);
	RF_AUTO_PTR(gate_snapshot) s = whole_snapshot(1, 2);
	assert_int_equal(gate_snapshot_write(s, &small, &err), RF_ETOOBIG);
	RF_AUTO(str) whole = STR_INIT(MIB);
	write_whole(&whole);
	for (long n = 1; n < 400; n++) {
		struct gate_snapshot *again = NULL;
		rf_alloc_fail_after(n);
		int rc = gate_snapshot_read(str_span(&whole), &again, &err);
		rf_alloc_fail_after(0);
		gate_snapshot_free(again);
		if (!rc)
			return;
		assert_int_equal(rc, RF_ENOMEM);
	}
	fail_msg("it takes more than 400 allocations");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(there_and_back), cmocka_unit_test(sets_that_become_one),
					    cmocka_unit_test(large_tables), cmocka_unit_test(damaged),
					    cmocka_unit_test(rules), cmocka_unit_test(limits) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
