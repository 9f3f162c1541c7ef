/* Every pair of states of the task and incident machines against the diagrams of their headers, and the derived stage.
 */
#include "response/incident.h"
#include "response/task.h"

#include "testing.h"

static void task_every_pair(void **state)
{
	(void)state;
	/* rows: from, columns: to; planned building built proven failed blocked */
	static const char *const expected[TASK_STATES] = { "-x---x", "--x-xx", "---xxx", "------", "------", "x-----" };
	for (int from = 0; from < TASK_STATES; from++)
		for (int to = 0; to < TASK_STATES; to++)
			if (task_may((enum task_state)from, (enum task_state)to) != (expected[from][to] == 'x'))
				fail_msg("%s -> %s", task_state_name((enum task_state)from),
					 task_state_name((enum task_state)to));
	assert_false(task_may((enum task_state) - 1, TASK_BUILT));
	assert_false(task_may(TASK_PLANNED, TASK_STATES));
}

static void incident_every_pair(void **state)
{
	(void)state;
	/* open dismissed closed reopened */
	static const char *const expected[INCIDENT_STATES] = { "-xx-", "---x", "---x", "-xx-" };
	for (int from = 0; from < INCIDENT_STATES; from++)
		for (int to = 0; to < INCIDENT_STATES; to++)
			if (incident_may((enum incident_state)from, (enum incident_state)to) !=
			    (expected[from][to] == 'x'))
				fail_msg("%s -> %s", incident_state_name((enum incident_state)from),
					 incident_state_name((enum incident_state)to));
	assert_false(incident_may(INCIDENT_STATES, INCIDENT_OPEN));
}

static void names_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < TASK_STATES; i++) {
		enum task_state s = TASK_STATES;
		assert_true(task_state_read(span_of(task_state_name((enum task_state)i)), &s));
		assert_int_equal(s, i);
	}
	for (int i = 0; i < INCIDENT_STATES; i++) {
		enum incident_state s = INCIDENT_STATES;
		assert_true(incident_state_read(span_of(incident_state_name((enum incident_state)i)), &s));
		assert_int_equal(s, i);
	}
	enum task_state t;
	assert_false(task_state_read(SPAN("PLANNED"), &t));
}

/* One environment: counts, which stages were ever reached, and the stage that follows. */
static const struct {
	const char *what;
	int64_t tasks, blocked, proven, releases, canary, promoted;
	const char *reached; /* c e r a f */
	enum clock_stage stage;
} STAGE_CASES[] = {
	{ "nothing judged yet", 0, 0, 0, 0, 0, 0, "", CLOCK_CONFIRM },
	{ "confirmed, not planned, or only runtimes exposed: not done", 0, 0, 0, 0, 0, 0, "c", CLOCK_ENVIRONMENT },
	{ "tasks, not confirmed", 3, 1, 0, 1, 0, 0, "", CLOCK_CONFIRM },
	{ "confirmed, one blocked", 3, 1, 2, 1, 0, 0, "c", CLOCK_ENVIRONMENT },
	{ "all can be built", 3, 0, 2, 1, 0, 0, "ce", CLOCK_REBUILD },
	{ "all proven", 3, 0, 3, 1, 0, 0, "cer", CLOCK_CANARY },
	{ "canary runs", 3, 0, 3, 2, 1, 1, "cer", CLOCK_FLEET },
	{ "whole fleet", 3, 0, 3, 2, 0, 2, "cera", CLOCK_STAGES },
	{ "an engine is added behind a proven plan: never back", 4, 1, 3, 1, 0, 0, "cer", CLOCK_CANARY },
	{ "a rollback behind the canary: never back", 3, 0, 3, 1, 0, 0, "cera", CLOCK_FLEET },
};

static void stage_is_derived_and_never_moves_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < RF_COUNT(STAGE_CASES); i++) {
		struct incident_environment e = { .environment = SPAN("production"),
						  .tasks = STAGE_CASES[i].tasks,
						  .blocked = STAGE_CASES[i].blocked,
						  .proven = STAGE_CASES[i].proven,
						  .releases = STAGE_CASES[i].releases,
						  .canary = STAGE_CASES[i].canary,
						  .promoted = STAGE_CASES[i].promoted };
		for (int s = 0; s < CLOCK_STAGES; s++)
			e.reached[s] = strchr(STAGE_CASES[i].reached, "ceraf"[s]) ? 1000 : USEC_NONE;
		struct incident incident = { .environments = &e, .environment_count = 1 };
		if (incident_stage(&incident) != STAGE_CASES[i].stage)
			fail_msg("%s: %s, not %s", STAGE_CASES[i].what, clock_stage_name(incident_stage(&incident)),
				 clock_stage_name(STAGE_CASES[i].stage));
	}
	struct incident none = { 0 };
	assert_int_equal(incident_stage(&none), CLOCK_CONFIRM);
}

static void the_slowest_environment_gives_the_stage(void **state)
{
	(void)state;
	struct incident_environment e[2] = {
		{ .tasks = 2, .proven = 2, .releases = 1, .reached = { 1, 1, 1, USEC_NONE, USEC_NONE } },
		{ .tasks = 2, .proven = 1, .releases = 1, .reached = { 1, 1, USEC_NONE, USEC_NONE, USEC_NONE } },
	};
	struct incident incident = { .environments = e, .environment_count = 2 };
	assert_int_equal(incident_stage(&incident), CLOCK_REBUILD);
	int64_t n, m;
	/* an environment without engines to rebuild does not hold the others back */
	e[1] = (struct incident_environment){ .reached = { 1, USEC_NONE, USEC_NONE, USEC_NONE, USEC_NONE } };
	assert_int_equal(incident_stage(&incident), CLOCK_CANARY);
	e[1] = (struct incident_environment){ .tasks = 2, .proven = 1, .releases = 1, .reached = { 1, 1, USEC_NONE, USEC_NONE, USEC_NONE } };
	incident_stage_counts(&e[1], CLOCK_REBUILD, &n, &m);
	assert_int_equal(n, 1);
	assert_int_equal(m, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(task_every_pair),
		cmocka_unit_test(incident_every_pair),
		cmocka_unit_test(names_read_back),
		cmocka_unit_test(stage_is_derived_and_never_moves_back),
		cmocka_unit_test(the_slowest_environment_gives_the_stage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
