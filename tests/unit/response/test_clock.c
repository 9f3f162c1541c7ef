/* T0 and the verdicts of the clock, as tables. Moments are in minutes. */
#include "response/clock.h"

#include "testing.h"

#define MIN(m) ((usec_t)(m)*USEC_PER_MIN)
#define NEVER USEC_NONE

static const struct {
	const char *what;
	struct clock_source sources[2];
	size_t n;
	usec_t placement;
	usec_t t0;
	const char *source;
} T0_CASES[] = {
	{ "a time of day counts", { { MIN(100), false, MIN(130), false, 0 } }, 1, MIN(5), MIN(100), "published" },
	{ "a date alone does not", { { MIN(0), true, MIN(130), false, 0 } }, 1, MIN(5), MIN(130), "first seen" },
	{ "no date at all", { { NEVER, false, MIN(130), false, 0 } }, 1, MIN(5), MIN(130), "first seen" },
	{ "never before the placement",
	  { { MIN(100), false, MIN(130), false, 0 } },
	  1,
	  MIN(500),
	  MIN(500),
	  "placement" },
	{ "no placement known", { { MIN(100), false, MIN(130), false, 0 } }, 1, NEVER, MIN(100), "published" },
	{ "published in the future is not believed",
	  { { MIN(900), false, MIN(130), false, 0 } },
	  1,
	  MIN(5),
	  MIN(130),
	  "first seen" },
	{ "backlog from the import", { { MIN(100), false, MIN(130), true, MIN(700) } }, 1, MIN(5), MIN(700), "import" },
	{ "the earliest of several",
	  { { MIN(100), false, MIN(130), false, 0 }, { MIN(50), false, MIN(60), false, 0 } },
	  2,
	  MIN(5),
	  MIN(50),
	  "published" },
	{ "backlog and new together: the new one's clock",
	  { { MIN(1), false, MIN(2), true, MIN(700) }, { MIN(300), true, MIN(310), false, 0 } },
	  2,
	  MIN(5),
	  MIN(310),
	  "first seen" },
};

static void t0(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(T0_CASES); i++) {
		const char *source = NULL;
		usec_t t = clock_t0(T0_CASES[i].sources, T0_CASES[i].n, T0_CASES[i].placement, &source);
		if (t != T0_CASES[i].t0 || strcmp(source, T0_CASES[i].source))
			fail_msg("%s: %lld min, %s", T0_CASES[i].what, (long long)(t / USEC_PER_MIN), source);
	}
	assert_int_equal(clock_t0(T0_CASES[0].sources, 1, NEVER, NULL), MIN(100));
}

static const struct {
	const char *what;
	usec_t reached;
	int64_t n, m;
	usec_t now;
	enum clock_result result;
	int64_t elapsed_min;
} ROW_CASES[] = {
	/* rebuild: due at T0 + 240 min, T0 = 1000 min */
	{ "in time", MIN(1100), 5, 5, MIN(2000), CLOCK_MET, 100 },
	{ "to the microsecond", MIN(1240), 5, 5, MIN(2000), CLOCK_MET, 240 },
	{ "too late", MIN(1241), 5, 5, MIN(2000), CLOCK_MISSED, 241 },
	{ "still time", NEVER, 3, 5, MIN(1240), CLOCK_RUNNING, 240 },
	{ "late", NEVER, 3, 5, MIN(1241), CLOCK_LATE, 241 },
	{ "nothing to do", NEVER, 0, 0, MIN(9000), CLOCK_NOTHING, 8000 },
	{ "reached, then its work went away", MIN(1100), 0, 0, MIN(9000), CLOCK_MET, 100 },
};

static void rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(ROW_CASES); i++) {
		usec_t reached[CLOCK_STAGES] = { NEVER, NEVER, ROW_CASES[i].reached, NEVER, NEVER };
		int64_t n[CLOCK_STAGES] = { 0, 0, ROW_CASES[i].n, 0, 0 },
			m[CLOCK_STAGES] = { 0, 0, ROW_CASES[i].m, 0, 0 };
		struct clock_row row[CLOCK_STAGES];
		clock_evaluate(MIN(1000), &CLOCK_DEFAULT_LIMITS, reached, n, m, ROW_CASES[i].now, row);
		const struct clock_row *r = &row[CLOCK_REBUILD];
		assert_int_equal(r->due_at, MIN(1240));
		if (r->result != ROW_CASES[i].result || r->elapsed_usec != MIN(ROW_CASES[i].elapsed_min))
			fail_msg("%s: %s, %lld min", ROW_CASES[i].what, clock_result_name(r->result),
				 (long long)(r->elapsed_usec / USEC_PER_MIN));
	}
}

static void limits_are_the_design_s(void **state)
{
	(void)state;
	static const int minutes[CLOCK_STAGES] = { 30, 60, 240, 480, 1440 };
	for (int s = 0; s < CLOCK_STAGES; s++)
		assert_int_equal(CLOCK_DEFAULT_LIMITS.usec[s], MIN(minutes[s]));
	assert_string_equal(clock_stage_name(CLOCK_FLEET), "fleet");
	assert_string_equal(clock_stage_title(CLOCK_CANARY, true), "灰度");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t0),
		cmocka_unit_test(rows),
		cmocka_unit_test(limits_are_the_design_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
