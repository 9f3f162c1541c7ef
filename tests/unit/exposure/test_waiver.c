/* Waivers: what they cover and until when, by a table; what is refused when one is made. */
#include "testing.h"

#include "base/fs.h"
#include "exposure/waiver.h"

static struct span word(struct span *rest)
{
	struct span w = SPAN_NONE;
	*rest = span_trim(*rest);
	assert_true(span_split(rest, ' ', &w));
	return span_eq_text(w, "-") ? SPAN_NONE : w;
}

static void scopes_and_days(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	RF_AUTO(str) text = STR_INIT(64 * KIB);
	assert_ok(fs_read("tests/data/exposure/waivers.txt", &text, &err), &err);
	struct span rest = str_span(&text), line;
	size_t rows = 0;
	while (span_line(&rest, &line)) {
		if (!line.n || line.p[0] == '#')
			continue;
		struct span scope, f, want, left = line, ids[4], list, day;
		assert_true(span_split(&left, '|', &scope) && span_split(&left, '|', &f) &&
			    span_split(&left, '|', &want));
		struct waiver w = { .id = 1,
				    .advisories = ids,
				    .created = 10 * USEC_PER_DAY,
				    .expires = 20 * USEC_PER_DAY,
				    .revoked = USEC_NONE };
		for (list = word(&scope); span_split(&list, ',', &ids[w.advisory_count]);)
			w.advisory_count++;
		w.scope.service = word(&scope);
		w.scope.environment = word(&scope);
		w.scope.product = word(&scope);
		w.scope.version = word(&scope);
		w.scope.digest = word(&scope);
		struct found found = { .advisory = word(&f), .service = word(&f) };
		found.environment = word(&f);
		found.purl = word(&f);
		found.version = word(&f);
		struct span digest = word(&f);
		(void)span_split(&digest, '/', &found.digest);
		found.outer = digest;
		day = word(&f);
		int64_t n = 0;
		assert_true(span_i64(day, &n));
		bool covered = waiver_covers(&w, &found, n * USEC_PER_DAY);
		if (covered != span_eq_text(span_trim(want), "yes"))
			fail_msg("%.*s: %s", SPAN_ARG(line), covered ? "covered" : "not covered");
		rows++;
	}
	assert_int_equal(rows, 25);
}

#define LONGEST (90 * USEC_PER_DAY)
static const struct span one[] = { { "CVE-2099-1", 10 } };
static const struct waiver good = { .id = 3,
				    .advisories = one,
				    .advisory_count = 1,
				    .scope.service = { "voice", 5 },
				    .owner = { "team", 4 },
				    .reason = { "the delivery", 12 },
				    .created_by = { "user:a@b", 8 },
				    .created = 10 * USEC_PER_DAY,
				    .expires = 20 * USEC_PER_DAY,
				    .revoked = USEC_NONE };

static void what_is_refused(void **state)
{
	(void)state;
	static const struct span many[WAIVER_MAX_ADVISORIES + 1] = { { "CVE-2099-1", 10 } };
	struct waiver none = good, crowd = good, wide = good, version = good, digest = good, owner = good,
		      reason = good, endless = good, past = good, far = good;
	none.advisory_count = 0;
	crowd.advisories = many;
	crowd.advisory_count = RF_COUNT(many);
	wide.scope.service = SPAN_NONE;
	version.scope.version = SPAN("10.1");
	digest.scope.digest = SPAN("abc");
	owner.owner = SPAN("  ");
	reason.reason = SPAN_NONE;
	endless.expires = USEC_NONE;
	past.expires = past.created;
	far.expires = far.created + LONGEST + 1;
	const struct {
		const struct waiver *w;
		const char *field, *text;
	} cases[] = {
		{ &none, "advisory", "names its advisories" },
		{ &crowd, "advisory", "more than 64" },
		{ &wide, "scope", "narrow it" },
		{ &version, "version", "name that too" },
		{ &digest, "digest", "64 hex" },
		{ &owner, "owner", "has an owner" },
		{ &reason, "reason", "has a reason" },
		{ &endless, "until", "a waiver ends" },
		{ &past, "until", "still to come" },
		{ &far, "until", "90 d" },
	};
	struct err err = ERR_INIT;
	assert_ok(waiver_check(&good, LONGEST, &err), &err);
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		err = ERR_INIT;
		assert_int_equal(waiver_check(cases[i].w, LONGEST, &err), RF_EINVALID);
		assert_string_equal(err.field, cases[i].field);
		if (!strstr(err.text, cases[i].text))
			fail_msg("%s: %s", cases[i].text, err.text);
	}
}

static void the_longest_of_several_counts(void **state)
{
	(void)state;
	struct waiver list[3] = { good, good, good };
	const struct found f = { .advisory = SPAN("CVE-2099-1"), .service = SPAN("voice") };
	list[1].id = 4;
	list[1].expires += USEC_PER_DAY;
	list[2].id = 5;
	list[2].expires += 2 * USEC_PER_DAY;
	list[2].revoked = 12 * USEC_PER_DAY;
	assert_int_equal(waiver_find(list, 3, &f, 11 * USEC_PER_DAY)->id, 5);
	assert_int_equal(waiver_find(list, 3, &f, 12 * USEC_PER_DAY)->id, 4);
	assert_null(waiver_find(list, 3, &f, 21 * USEC_PER_DAY));
	assert_int_equal(waiver_state_at(&list[2], 12 * USEC_PER_DAY), WAIVER_REVOKED);
	assert_int_equal(waiver_state_at(&list[0], 20 * USEC_PER_DAY), WAIVER_EXPIRED);
	assert_int_equal(waiver_state_at(&list[0], 11 * USEC_PER_DAY), WAIVER_IN_FORCE);
}

static void words(void **state)
{
	(void)state;
	RF_AUTO(str) text = STR_INIT(4 * KIB);
	struct waiver w = good;
	w.reason = SPAN("the\x1b[2Jdelivery");
	waiver_words(&w, &text);
	assert_string_equal(str_text(&text), "waiver 3 until 1970-01-21 by team: the\\x1b[2Jdelivery");
	str_reset(&text);
	w.scope.digest = SPAN("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	waiver_scope_words(&w.scope, &text);
	assert_string_equal(str_text(&text), "service voice, sha256 0123456789ab");
	str_reset(&text);
	struct json_out o = json_out(&text, false);
	w = good;
	w.kind = WAIVER_DEFERRAL;
	waiver_json(&w, 15 * USEC_PER_DAY, &o);
	assert_string_equal(
		str_text(&text),
		"{\"id\":3,\"kind\":\"deferral\",\"state\":\"in force\",\"advisories\":[\"CVE-2099-1\"],"
		"\"service\":\"voice\",\"owner\":\"team\",\"reason\":\"the delivery\",\"created_by\":\"user:a@b\","
		"\"created\":\"1970-01-11T00:00:00.000000Z\",\"expires\":\"1970-01-21T00:00:00.000000Z\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes_and_days),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(the_longest_of_several_counts),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
