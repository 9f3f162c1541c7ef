/* thread - see thread.h */
#include "base/thread.h"

#include "base/arena.h"
#include "base/span.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

/* cgroup v2's cpu.max of the own group: "200000 100000" is two processors; 0 when there is no limit. */
static unsigned quota_cpus(void)
{
	char text[64];
	int fd = open("/sys/fs/cgroup/cpu.max", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text);
	close(fd);
	struct span rest = span_trim(span_bytes(text, n > 0 ? (size_t)n : 0)), part;
	uint64_t quota, period;
	if (!span_split(&rest, ' ', &part) || !span_u64(part, &quota) || !span_u64(rest, &period) || period == 0)
		return 0;
	return (unsigned)RF_MIN((quota + period - 1) / period, (uint64_t)4096);
}

unsigned thread_cpus(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	unsigned cpus = n > 0 ? (unsigned)n : 1, quota = quota_cpus();
	return quota ? RF_MIN(cpus, RF_MAX(quota, 1u)) : cpus;
}

struct share {
	size_t count, next;
	int (*job)(size_t, void *);
	void *data;
	int result;
};

static void *run_share(void *p)
{
	struct share *s = p;
	for (;;) {
		size_t i = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
		if (i >= s->count || __atomic_load_n(&s->result, __ATOMIC_ACQUIRE) != 0)
			return NULL;
		int rc = s->job(i, s->data), none = 0;
		if (rc != 0)
			__atomic_compare_exchange_n(&s->result, &none, rc, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	}
}

int thread_each(size_t count, unsigned threads, int (*job)(size_t, void *), void *data)
{
	struct share share = { .count = count, .job = job, .data = data };
	unsigned wanted = threads ? threads : thread_cpus();
	if (wanted > count)
		wanted = (unsigned)count;
	if (wanted > 256)
		wanted = 256;
	pthread_t ids[256];
	unsigned started = 0;
	/* this thread is one of them: works even where no further one can be made */
	while (started + 1 < wanted && pthread_create(&ids[started], NULL, run_share, &share) == 0)
		started++;
	run_share(&share);
	while (started > 0)
		pthread_join(ids[--started], NULL);
	return share.result;
}

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	/* the second one ends the program the hard way: nothing is lost by that (work.h) */
	if (stop)
		_exit(130);
	stop = 1;
}

static const int caught[] = { SIGINT, SIGTERM, SIGPIPE };
static struct sigaction found[RF_COUNT(caught)];
static bool is_catching;

void thread_catch_signals(void)
{
	for (size_t i = 0; i < RF_COUNT(caught); i++) {
		struct sigaction action = { .sa_handler = caught[i] == SIGPIPE ? SIG_IGN : on_signal };
		sigemptyset(&action.sa_mask);
		sigaction(caught[i], &action, is_catching ? NULL : &found[i]);
	}
	is_catching = true;
}

void thread_restore_signals(void)
{
	for (size_t i = 0; is_catching && i < RF_COUNT(caught); i++)
		sigaction(caught[i], &found[i], NULL);
	is_catching = false;
}

static volatile sig_atomic_t hangup;

static void on_hangup(int number)
{
	(void)number;
	hangup = 1;
}

void thread_catch_hangup(void)
{
	struct sigaction action = { .sa_handler = on_hangup };
	sigemptyset(&action.sa_mask);
	sigaction(SIGHUP, &action, NULL);
}

bool thread_hangup_taken(void)
{
	bool taken = hangup != 0;
	hangup = 0;
	return taken;
}

bool thread_stop_wanted(void)
{
	return stop != 0;
}
