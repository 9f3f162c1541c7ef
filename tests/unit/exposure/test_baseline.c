/* The baseline in memory: whose debt something is, and what is worse than what was frozen. */
#include "testing.h"

#include "exposure/baseline.h"

#define TRT "pkg:generic/nvidia/tensorrt"
static const char A[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char B[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static struct baseline_item items[] = {
	{ .advisory = { "CVE-2", 5 }, .kind = FINDING_UNKNOWN, .severity = 53 },
	{ .advisory = { "CVE-1", 5 }, .kind = FINDING_AFFECTED, .severity = 78 },
	{ .advisory = { "CVE-3", 5 }, .kind = FINDING_CONFLICT, .severity = -1, .kev = true },
	{ .cause = { "header_mismatch", 15 }, .kind = FINDING_CONFLICT, .severity = -1 },
};
static struct baseline_set sets[] = { { items, RF_COUNT(items) } };

static struct baseline make(struct baseline_holder holders[3])
{
	holders[0] = (struct baseline_holder){ .service = SPAN("voice"),
					       .environment = SPAN("production"),
					       .carrier = CARRIER_RUNTIME,
					       .purl = SPAN(TRT),
					       .version = SPAN("10.1"),
					       .owner = SPAN("team") };
	holders[1] = (struct baseline_holder){ .service = SPAN("voice"),
					       .environment = SPAN("production"),
					       .carrier = CARRIER_BUILDER,
					       .digest = span_of(A),
					       .purl = SPAN(TRT),
					       .version = SPAN("10.1") };
	holders[2] = (struct baseline_holder){ .carrier = CARRIER_BUILDER, .digest = span_of(A) };
	struct baseline b = { .since = 10 * USEC_PER_DAY,
			      .due = 100 * USEC_PER_DAY,
			      .sets = sets,
			      .set_count = RF_COUNT(sets),
			      .holders = holders,
			      .holder_count = 3 };
	baseline_sort(&b);
	return b;
}

static const struct found engine = { .advisory = { "CVE-1", 5 },
				     .carrier = CARRIER_BUILDER,
				     .kind = FINDING_AFFECTED,
				     .severity = 78,
				     .service = { "voice", 5 },
				     .environment = { "production", 10 },
				     .purl = { TRT, sizeof TRT - 1 },
				     .version = { "10.1", 4 },
				     .digest = { A, sizeof A - 1 } };

static void whose_debt(void **state)
{
	(void)state;
	struct baseline_holder holders[3];
	struct baseline b = make(holders);
	struct found other_engine = engine, told_anew = engine, other_service = engine, of_none = engine,
		     runtime = engine, runtime_moved = engine, new_advisory = engine, image = engine,
		     other_environment = engine, nameless = engine, itself = engine, other_cause = engine;
	other_engine.digest = span_of(B);
	told_anew.version = SPAN("10.2");
	other_service.service = SPAN("reading");
	other_environment.environment = SPAN("test");
	of_none.service = of_none.environment = SPAN_NONE;
	runtime.carrier = CARRIER_RUNTIME;
	runtime.digest = span_of(B); /* a rebuilt engine under the runtime that was there */
	runtime_moved = runtime;
	runtime_moved.version = SPAN("10.2");
	new_advisory.advisory = SPAN("CVE-4");
	image.carrier = CARRIER_IMAGE;
	nameless.digest = SPAN_NONE;
	itself.advisory = SPAN_NONE;
	itself.cause = SPAN("header_mismatch");
	itself.kind = FINDING_CONFLICT;
	itself.severity = -1;
	other_cause = itself;
	other_cause.cause = SPAN("host_code");
	const struct {
		const char *name;
		const struct found *f;
		enum baseline_answer want;
	} cases[] = {
		{ "as frozen", &engine, BASELINE_COVERED },
		{ "another engine", &other_engine, BASELINE_NEW },
		{ "the same bytes, read better", &told_anew, BASELINE_COVERED },
		{ "another service", &other_service, BASELINE_NEW },
		{ "another environment", &other_environment, BASELINE_NEW },
		{ "of no service, frozen so", &of_none, BASELINE_COVERED },
		{ "the service's runtime under another engine", &runtime, BASELINE_COVERED },
		{ "another runtime", &runtime_moved, BASELINE_NEW },
		{ "another advisory", &new_advisory, BASELINE_NEW },
		{ "another carrier", &image, BASELINE_NEW },
		{ "content that nobody hashed", &nameless, BASELINE_NEW },
		{ "about the file itself", &itself, BASELINE_COVERED },
		{ "another cause", &other_cause, BASELINE_NEW },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		struct baseline_debt d = { 0 };
		enum baseline_answer got = baseline_judge(&b, cases[i].f, 50 * USEC_PER_DAY, &d);
		if (got != cases[i].want)
			fail_msg("%s: %s", cases[i].name, baseline_answer_name(got));
		if (got != BASELINE_NEW)
			assert_int_equal(d.due, b.due);
	}
	struct baseline_debt d;
	assert_int_equal(baseline_judge(&b, &engine, 100 * USEC_PER_DAY - 1, &d), BASELINE_COVERED);
	assert_int_equal(baseline_judge(&b, &engine, 100 * USEC_PER_DAY, &d), BASELINE_DUE);
	b.since = USEC_NONE;
	assert_int_equal(baseline_judge(&b, &engine, 50 * USEC_PER_DAY, &d), BASELINE_NEW);
	assert_int_equal(baseline_judge(&(struct baseline){ .since = USEC_NONE }, &engine, 0, &d), BASELINE_NEW);
}

static void worse(void **state)
{
	(void)state;
	const struct {
		enum finding_kind was, is;
		int severity_was, severity_is;
		bool kev_was, kev_is;
		const char *want; /* NULL: no worse */
	} cases[] = {
		{ FINDING_UNKNOWN, FINDING_UNKNOWN, -1, -1, false, false, NULL },
		{ FINDING_UNKNOWN, FINDING_AFFECTED, -1, -1, false, false, "was unknown and is affected" },
		{ FINDING_CONFLICT, FINDING_AFFECTED, 50, 50, false, false, "was conflict and is affected" },
		{ FINDING_UNKNOWN, FINDING_CONFLICT, -1, -1, false, false, NULL },
		{ FINDING_AFFECTED, FINDING_UNKNOWN, 98, 98, true, true, NULL },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 98, 98, false, true, "is known to be exploited now" },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 98, 98, true, false, NULL },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 20, 69, false, false, NULL },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 69, 70, false, false,
		  "was scored 6.9 (medium) and is scored 7.0 (high)" },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 70, 89, false, false, NULL },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 89, 90, false, false,
		  "was scored 8.9 (high) and is scored 9.0 (critical)" },
		{ FINDING_AFFECTED, FINDING_AFFECTED, -1, 69, false, false, NULL },
		{ FINDING_AFFECTED, FINDING_AFFECTED, -1, 98, false, false,
		  "was not scored and is scored 9.8 (critical)" },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 98, -1, false, false, NULL },
		{ FINDING_AFFECTED, FINDING_AFFECTED, 98, 75, false, false, NULL },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		const struct baseline_item item = { .kind = cases[i].was,
						    .severity = cases[i].severity_was,
						    .kev = cases[i].kev_was };
		const struct found f = { .kind = cases[i].is,
					 .severity = cases[i].severity_is,
					 .kev = cases[i].kev_is };
		RF_AUTO(str) text = STR_INIT(1 * KIB);
		assert_int_equal(baseline_worse(&item, &f, &text), cases[i].want != NULL);
		assert_int_equal(baseline_worse(&item, &f, NULL), cases[i].want != NULL);
		assert_string_equal(str_text(&text), cases[i].want ? cases[i].want : "");
	}
}

static void words(void **state)
{
	(void)state;
	struct baseline_debt d = { .since = 10 * USEC_PER_DAY, .due = 100 * USEC_PER_DAY };
	RF_AUTO(str) text = STR_INIT(1 * KIB);
	baseline_words(&d, &text);
	assert_string_equal(str_text(&text), "frozen on 1970-01-11, due 1970-04-11, owner nobody yet");
	str_reset(&text);
	d.owner = SPAN("a\tb");
	baseline_words(&d, &text);
	assert_string_equal(str_text(&text), "frozen on 1970-01-11, due 1970-04-11, owner a\\tb");
	str_reset(&text);
	struct json_out o = json_out(&text, false);
	baseline_json(&d, &o);
	assert_string_equal(str_text(&text), "{\"since\":\"1970-01-11T00:00:00.000000Z\","
					     "\"due\":\"1970-04-11T00:00:00.000000Z\",\"owner\":\"a\\tb\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_debt),
		cmocka_unit_test(worse),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
