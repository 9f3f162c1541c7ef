/* Every pair of states of the rollout machine against the diagram of rollout.h. */
#include "rollout/rollout.h"

#include "testing.h"

static void every_pair(void **state)
{
	(void)state;
	/* rows: from, columns: to; published shadow canary promoted paused rolled_back */
	static const char *const expected[ROLLOUT_STATES] = {
		"-xx-xx", "--x-xx", "--xxxx", "-----x", "-xx--x", "------",
	};
	for (int from = 0; from < ROLLOUT_STATES; from++)
		for (int to = 0; to < ROLLOUT_STATES; to++)
			if (rollout_may((enum rollout_state)from, (enum rollout_state)to) !=
			    (expected[from][to] == 'x'))
				fail_msg("%s -> %s", rollout_state_name((enum rollout_state)from),
					 rollout_state_name((enum rollout_state)to));
	assert_false(rollout_may((enum rollout_state) - 1, ROLLOUT_SHADOW));
	assert_false(rollout_may(ROLLOUT_SHADOW, ROLLOUT_STATES));
}

static void names_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < ROLLOUT_STATES; i++) {
		enum rollout_state s = ROLLOUT_STATES;
		assert_true(rollout_state_read(span_of(rollout_state_name((enum rollout_state)i)), &s));
		assert_int_equal(s, i);
	}
	enum rollout_state s;
	assert_false(rollout_state_read(SPAN("Published"), &s));
	assert_false(rollout_state_read(SPAN_NONE, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_pair),
		cmocka_unit_test(names_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
