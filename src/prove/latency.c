/* latency - old and new measured in turns until the interval is clear of the limit or the recipe's samples are used up. */
#include "prove/prove_int.h"

#include <math.h>
#include <pthread.h>

/* Pairs of blocks before the first judgement: twice what performance.h asks at least, so that the bootstrap has something to
 * draw from. */
#define FIRST_PAIRS 20
/* Not measured, at the beginning of each block: the other engine ran between, the caches are its. To a run that takes
 * milliseconds that matters for the first part of its first run only. */
#define WARMUP 2
#define SLOW_NS 2000000
/* Recipes that state no limit get figures for the report, not an hour of runs. */
#define UNJUDGED_SAMPLES 100
#define SCRATCH_BYTES (16 * MIB)

/* Two proofs measuring at once would measure each other. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

struct measuring {
	const struct prove_job *job;
	const struct golden *golden;
	struct runner *runners[2];
	struct performance *samples;
	struct performance_rule rule;
	size_t block;
	unsigned warmup;
	struct arena scratch;
	const char *broken;          /* an engine that stopped answering, in words */
};

static int run_block(struct measuring *m, enum performance_side side, const struct golden_case *c, struct toolchain_iteration *ret,
                     struct err *err)
{
	int rc = runner_run(m->runners[side], c, m->warmup, (unsigned)m->block, false, &m->scratch, ret, err);
	if (!rc && !ret->latency_count)
		rc = err_set(err, RF_EFORMAT, "the driver gave no latencies");
	return rc;
}

static int measure_pair(struct measuring *m, struct err *err)
{
	struct toolchain_iteration it[2] = { 0 };
	size_t k = performance_pairs(m->samples);
	const struct golden_case *c = &m->golden->cases[k % m->golden->cases_n];
	enum performance_side first = k % 2 ? PERFORMANCE_NEW : PERFORMANCE_OLD;
	arena_reset(&m->scratch);
	int rc = run_block(m, first, c, &it[first], err);
	if (!rc)
		rc = run_block(m, !first, c, &it[!first], err);
	if (rc)
		return rc;
	m->warmup = it[PERFORMANCE_OLD].latency_ns[0] > SLOW_NS ? 1 : WARMUP;
	rc = performance_add(m->samples, it[0].latency_ns, it[0].latency_count, it[1].latency_ns, it[1].latency_count);
	return rc ? err_set(err, rc, "latencies cannot be kept") : 0;
}

/* Up to @want samples a side, or until the time is over. */
static int measure(struct measuring *m, size_t want, struct err *err)
{
	while (performance_samples(m->samples, PERFORMANCE_OLD) < want && m->runners[1]->until - mono_usec() > 0) {
		struct err why = ERR_INIT;
		int rc = measure_pair(m, &why);
		if (rc == RF_ETIMEOUT)
			return 0;
		if (rc && !runner_error_is_theirs(rc))
			return *err = why, rc;
		if (rc) {
			m->broken = "an engine stopped answering while its latency was measured";
			return 0;
		}
		prove_tell(m->job, "latency", performance_samples(m->samples, PERFORMANCE_OLD), want);
	}
	return 0;
}

static int measure_until_clear(struct measuring *m, struct performance_result *timing, struct err *err)
{
	size_t want = m->rule.samples_min, most = m->rule.samples_max;
	for (;;) {
		int rc = measure(m, want, err);
		if (!rc)
			rc = performance_judge(m->samples, &m->rule, m->job->seed, timing, err);
		if (rc)
			return rc;
		bool short_of_time = performance_samples(m->samples, PERFORMANCE_OLD) < want;
		if (timing->judgement != JUDGEMENT_INCONCLUSIVE || short_of_time || want >= most)
			return 0;
		want = RF_MIN(want * 2, most);
	}
}

static void fill_latency(const struct performance *p, enum performance_side side, struct prove_latency *ret)
{
	ret->samples = performance_samples(p, side);
	ret->mean_ns = performance_mean_ns(p, side);
	ret->p50_ns = performance_quantile(p, side, 0.50);
	ret->p99_ns = performance_quantile(p, side, 0.99);
	for (size_t i = 0; i < PROVE_QUANTILES; i++)
		ret->quantiles_ns[i] = performance_quantile(p, side, (double)i / (PROVE_QUANTILES - 1));
}

const char *latency_text(struct arena *a, const struct performance_result *timing)
{
	char p50[160], p99[160], throughput[160];
	return arena_printf(a, "%s; %s; %s; %zu and %zu runs in %zu pairs of blocks", performance_interval_text("p50", &timing->p50, p50, sizeof p50),
	                    performance_interval_text("p99", &timing->p99, p99, sizeof p99),
	                    performance_interval_text("throughput", &timing->throughput, throughput, sizeof throughput), timing->old_samples,
	                    timing->new_samples, timing->pairs);
}

static void fill_latencies(const struct measuring *m, struct prove_result *result)
{
	fill_latency(m->samples, PERFORMANCE_OLD, &result->old_latency);
	fill_latency(m->samples, PERFORMANCE_NEW, &result->new_latency);
}

/* A burst of foreign load can outlast one measurement, and blocks that lie in it speak with one voice; an engine that is slower is
 * slower again. So a fail is measured a second time, from nothing: it stands when both say so, else it cannot be told. */
static int confirm(struct measuring *m, struct prove_result *result, struct err *err)
{
	RF_AUTO_PTR(performance) again = performance_new();
	struct performance *first = m->samples;
	struct performance_result second;
	if (!again)
		return err_set(err, RF_ENOMEM, "out of memory");
	m->samples = again;
	int rc = measure(m, performance_samples(first, PERFORMANCE_OLD), err);
	if (!rc)
		rc = performance_judge(again, &m->rule, m->job->seed, &second, err);
	if (!rc && second.judgement != JUDGEMENT_FAIL) {
		fill_latencies(m, result);
		result->timing = second;
		result->timing.judgement = JUDGEMENT_INCONCLUSIVE;
	}
	m->samples = first;
	return rc;
}

static int judge(struct measuring *m, struct arena *a, struct prove_result *result, struct err *err)
{
	int rc = measure_until_clear(m, &result->timing, err);
	if (rc)
		return rc;
	fill_latencies(m, result);
	if (result->timing.judgement == JUDGEMENT_FAIL && result->performance_asked)
		rc = confirm(m, result, err);
	if (rc)
		return rc;
	result->performance = result->timing.judgement;
	result->performance_text = latency_text(a, &result->timing);
	if (m->broken && result->performance_asked) {
		result->performance = judgement_worse(result->performance, JUDGEMENT_INCONCLUSIVE);
		result->performance_text = arena_printf(a, "%s; %s", m->broken, result->performance_text ? result->performance_text : "");
	}
	return result->performance_text ? 0 : err_set(err, RF_ENOMEM, "out of memory");
}

int latency_judge(const struct prove_job *job, const struct golden *g, struct runner *old_runner, struct runner *new_runner,
                  struct arena *a, struct prove_result *result, struct err *err)
{
	RF_AUTO_PTR(performance) samples = performance_new();
	if (!samples)
		return err_set(err, RF_ENOMEM, "out of memory");
	struct measuring m = { .job = job, .golden = g, .runners = { old_runner, new_runner }, .samples = samples,
		               .rule = prove_performance_rule(&job->recipe->performance), .scratch = ARENA_INIT(SCRATCH_BYTES) };
	if (!result->performance_asked)
		m.rule.samples_min = m.rule.samples_max = RF_MIN(m.rule.samples_min, (unsigned)UNJUDGED_SAMPLES);
	m.warmup = WARMUP;
	m.block = RF_MIN(RF_MAX((size_t)m.rule.samples_min / FIRST_PAIRS, (size_t)1), (size_t)TOOLCHAIN_MAX_ITERATIONS);
	/* Both may wait for others to come to rest, among them proofs that wait for the lock: so before it. */
	prove_tell(job, "latency", 0, m.rule.samples_min);
	if (job->quiet)
		job->quiet(true, job->data);
	(void)pthread_mutex_lock(&one_at_a_time);
	int rc = judge(&m, a, result, err);
	(void)pthread_mutex_unlock(&one_at_a_time);
	if (job->quiet)
		job->quiet(false, job->data);
	arena_release(&m.scratch);
	return rc;
}
