/* thread: every job once, the first failure stops the rest; signals are caught and given back */
#include "testing.h"

#include "base/thread.h"

#include <signal.h>

static int count_once(size_t i, void *data)
{
	unsigned *counts = data;
	__atomic_fetch_add(&counts[i], 1, __ATOMIC_RELAXED);
	return 0;
}

static void each_job_runs_once(void **state)
{
	(void)state;
	static unsigned counts[10000];
	assert_int_equal(thread_each(RF_COUNT(counts), 4, count_once, counts), 0);
	for (size_t i = 0; i < RF_COUNT(counts); i++)
		assert_int_equal(counts[i], 1);
	assert_int_equal(thread_each(0, 4, count_once, counts), 0);
}

static int fail_at_ten(size_t i, void *data)
{
	__atomic_fetch_add((unsigned *)data, 1, __ATOMIC_RELAXED);
	return i == 10 ? RF_EIO : 0;
}

static void a_failure_stops_the_rest(void **state)
{
	(void)state;
	unsigned ran = 0;
	assert_int_equal(thread_each(1000000, 2, fail_at_ten, &ran), RF_EIO);
	assert_true(ran < 1000000);
	assert_true(thread_cpus() >= 1);
}

/* A program that takes this one's place has what its parent set: a server's broken pipes are not silently ignored. */
static void signals_are_given_back(void **state)
{
	struct sigaction now;
	(void)state;
	signal(SIGINT, SIG_IGN); /* as nohup and a shell's "&" do */
	signal(SIGPIPE, SIG_DFL);
	thread_restore_signals(); /* nothing was caught */
	thread_catch_signals();
	thread_catch_signals();
	sigaction(SIGPIPE, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	thread_restore_signals();
	sigaction(SIGPIPE, NULL, &now);
	assert_true(now.sa_handler == SIG_DFL);
	sigaction(SIGINT, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	sigaction(SIGTERM, NULL, &now);
	assert_true(now.sa_handler == SIG_DFL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_job_runs_once), cmocka_unit_test(a_failure_stops_the_rest),
					    cmocka_unit_test(signals_are_given_back) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
