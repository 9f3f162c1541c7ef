/* time: RFC 3339 in and out, durations, sizes */
#include "testing.h"

#include "base/time.h"

static void moments(void **state)
{
	(void)state;
	static const struct { const char *text, *out; bool date_only; } cases[] = {
		{ "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z", false },
		{ "2026-07-14T00:00:00.000Z", "2026-07-14T00:00:00.000000Z", false },
		{ "2024-02-29T23:59:59.123456789+02:00", "2024-02-29T21:59:59.123456Z", false },
		{ "2026-07-15T10:20:30.5", "2026-07-15T10:20:30.500000Z", false },
		{ "2026-07-14", "2026-07-14T00:00:00.000000Z", true },
		{ "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000000Z", false },
		{ "0001-01-01", "0001-01-01T00:00:00.000000Z", true },
		{ "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z", false },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		usec_t t;
		bool date_only;
		struct err err = ERR_INIT;
		assert_ok(time_read(span_of(cases[i].text), &t, &date_only, &err), &err);
		char out[TIME_TEXT_BYTES];
		assert_string_equal(time_text_usec(t, out), cases[i].out);
		assert_int_equal(date_only, cases[i].date_only);
	}
	static const char *const bad[] = { "", "2026", "2026-02-30", "2025-02-29", "2026-13-01", "2026-07-14T25:00:00Z", "2026-07-14T00:00:00Zx",
		                           "2026-07-14T00:00:00+99:00", "14.07.2026", "2026-07-14T00:00:00.Z" };
	for (size_t i = 0; i < RF_COUNT(bad); i++) {
		usec_t t;
		assert_int_equal(time_read(span_of(bad[i]), &t, NULL, NULL), RF_EFORMAT);
	}
	char out[TIME_TEXT_BYTES];
	assert_string_equal(time_text(USEC_NONE, out), "-");
}

static void every_day_reads_back(void **state)
{
	(void)state;
	for (usec_t t = -800000 * USEC_PER_DAY / 10; t < 40000 * USEC_PER_DAY; t += 11 * USEC_PER_DAY + 12345 * USEC_PER_SEC) {
		if (t < -62135596800 * USEC_PER_SEC)
			continue;
		char out[TIME_TEXT_BYTES];
		usec_t back;
		struct err err = ERR_INIT;
		assert_ok(time_read(span_of(time_text(t, out)), &back, NULL, &err), &err);
		assert_true(t == back);
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct { const char *text; int64_t usec; int code; } cases[] = {
		{ "30m", 30 * USEC_PER_MIN, 0 }, { "1h30m", 90 * USEC_PER_MIN, 0 }, { "250ms", 250000, 0 }, { "2d", 2 * USEC_PER_DAY, 0 }, { "0s", 0, 0 },
		{ "", 0, RF_EFORMAT }, { "5", 0, RF_EFORMAT }, { "h", 0, RF_EFORMAT }, { "5 m", 0, RF_EFORMAT }, { "99999999d", 0, RF_ETOOBIG },
		{ "999999999999999999999s", 0, RF_EFORMAT },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		int64_t usec = 0;
		assert_int_equal(duration_read(span_of(cases[i].text), &usec, NULL), cases[i].code);
		assert_true(usec == cases[i].usec);
	}
	char t[TIME_TEXT_BYTES];
	assert_string_equal(duration_text(850000, t), "850 ms");
	assert_string_equal(duration_text(12300000, t), "12.3 s");
	assert_string_equal(duration_text(250 * USEC_PER_SEC, t), "4 min 10 s");
	assert_string_equal(duration_text(185 * USEC_PER_MIN, t), "3 h 05 min");
	assert_string_equal(duration_text(-52 * USEC_PER_HOUR, t), "-2 d 04 h");
}

static void sizes(void **state)
{
	(void)state;
	static const struct { const char *text; uint64_t bytes; int code; } cases[] = {
		{ "4GiB", 4 * GIB, 0 }, { "512 MiB", 512 * MIB, 0 }, { "1000", 1000, 0 }, { "64K", 65536, 0 }, { "", 0, RF_EFORMAT }, { "4 gigs", 0, RF_EFORMAT },
		{ "99999999999999TiB", 0, RF_ETOOBIG },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		uint64_t v = 0;
		int rc = bytes_read(span_of(cases[i].text), &v, NULL);
		assert_int_equal(rc, cases[i].code);
		if (rc == 0)
			assert_true(v == cases[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(moments), cmocka_unit_test(every_day_reads_back), cmocka_unit_test(durations), cmocka_unit_test(sizes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
