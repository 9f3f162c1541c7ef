#include "testing.h"

#include "base/random.h"
#include "base/arena.h"
#include "prove/performance.h"

#include <math.h>

/* A synthetic machine: latencies around 1 ms with a long tail, and disturbances that last for many runs, as those of other
 * jobs do. */
struct machine {
	struct random_stream random;
	double level;            /* factor of the disturbance at hand */
	unsigned left;           /* runs that it lasts */
	double noise;            /* 0.5: disturbances of up to +50 % */
};

static uint64_t one_run(struct machine *m, double factor)
{
	if (!m->left) {
		m->left = 1 + (unsigned)random_below(&m->random, 200);
		m->level = random_below(&m->random, 3) == 0 ? 1 + m->noise * random_unit(&m->random) : 1;
	}
	m->left--;
	double tail = -log(1 - random_unit(&m->random)) * 0.03;
	if (random_below(&m->random, 100) == 0)
		tail += 0.5 * random_unit(&m->random);
	return (uint64_t)(1e6 * factor * m->level * (1 + tail));
}

static void measure(struct machine *m, struct performance *p, double factor, size_t pairs, size_t block)
{
	uint64_t o[256], n[256];
	for (size_t k = 0; k < pairs; k++) {
		for (unsigned turn = 0; turn < 2; turn++) {
			bool new_one = (turn + performance_pairs(p)) % 2 == 1;
			for (size_t i = 0; i < block; i++)
				*(new_one ? &n[i] : &o[i]) = one_run(m, new_one ? factor : 1);
		}
		assert_int_equal(performance_add(p, o, block, n, block), 0);
	}
}

/* As prove_engine() does it: judge at the minimum, double up to the maximum. */
static enum judgement whole(uint64_t seed, double factor, double noise, const struct performance_rule *rule)
{
	struct machine m = { .random = { seed * 7919 + 1 }, .noise = noise };
	RF_AUTO_PTR(performance) p = performance_new();
	struct performance_result r = { 0 };
	struct err err = ERR_INIT;
	size_t block = 25;
	for (size_t want = rule->samples_min; want <= rule->samples_max; want *= 2) {
		measure(&m, p, factor, (want - performance_samples(p, PERFORMANCE_OLD)) / block, block);
		assert_ok(performance_judge(p, rule, seed, &r, &err), &err);
		if (r.judgement != JUDGEMENT_INCONCLUSIVE)
			break;
	}
	return r.judgement;
}

static void count(double factor, double noise, unsigned rounds, unsigned ret[3])
{
	ret[0] = ret[1] = ret[2] = 0;
	for (unsigned i = 0; i < rounds; i++)
		ret[whole(i + 1, factor, noise, &PERFORMANCE_DEFAULT_RULE)]++;
	print_message("new/old %.2f, disturbances up to +%.0f %%: pass %u, fail %u, cannot tell %u of %u\n", factor, noise * 100, ret[0],
	              ret[1], ret[2], rounds);
}

static unsigned rounds(void)
{
	const char *given = getenv("REFORGE_TEST_ROUNDS");
	uint64_t n;
	return given && span_u64(span_of(given), &n) && n > 0 && n < 100000 ? (unsigned)n : 20;
}

static void same_engine_never_fails(void **state)
{
	(void)state;
	unsigned r[3];
	static const double noises[] = { 0, 0.2, 0.5, 1 };
	for (size_t i = 0; i < RF_COUNT(noises); i++) {
		count(1, noises[i], rounds(), r);
		assert_true(r[JUDGEMENT_FAIL] <= rounds() / 200);
	}
	count(1, 0, rounds(), r);
	assert_true(r[JUDGEMENT_PASS] >= rounds() * 9 / 10);
}

static void true_regressions_are_found(void **state)
{
	(void)state;
	unsigned r[3];
	count(1.5, 0, rounds(), r);
	assert_int_equal(r[JUDGEMENT_FAIL], rounds());
	count(1.5, 0.5, rounds(), r);
	assert_int_equal(r[JUDGEMENT_PASS], 0);
	assert_true(r[JUDGEMENT_FAIL] >= rounds() * 9 / 10);
	count(3, 1, rounds(), r);
	assert_int_equal(r[JUDGEMENT_FAIL], rounds());
	count(0.6, 0.2, rounds(), r);          /* faster is fine */
	assert_true(r[JUDGEMENT_PASS] >= rounds() * 9 / 10);
}

static void same_samples_same_answer(void **state)
{
	(void)state;
	struct machine m = { .random = { 5 }, .noise = 0.3 };
	RF_AUTO_PTR(performance) p = performance_new();
	measure(&m, p, 1.02, 20, 25);
	struct performance_result x, y;
	struct err err = ERR_INIT;
	assert_ok(performance_judge(p, &PERFORMANCE_DEFAULT_RULE, 42, &x, &err), &err);
	assert_ok(performance_judge(p, &PERFORMANCE_DEFAULT_RULE, 42, &y, &err), &err);
	assert_true(x.p50.low == y.p50.low && x.p50.high == y.p50.high && x.p99.high == y.p99.high);
	assert_true(x.p50.low <= x.p50.ratio && x.p50.ratio <= x.p50.high);
	char text[160];
	assert_non_null(strstr(performance_interval_text("p50", &x.p50, text, sizeof text), "limit +5 %"));
}

static void too_little_is_inconclusive(void **state)
{
	(void)state;
	RF_AUTO_PTR(performance) p = performance_new();
	struct performance_result r;
	struct err err = ERR_INIT;
	assert_ok(performance_judge(p, &PERFORMANCE_DEFAULT_RULE, 1, &r, &err), &err);
	assert_int_equal(r.judgement, JUDGEMENT_INCONCLUSIVE);
	static const uint64_t v[3] = { 0, 10, 11 };
	for (size_t i = 0; i < PERFORMANCE_MIN_PAIRS - 1; i++)
		assert_int_equal(performance_add(p, v, 3, v, 3), 0);
	assert_ok(performance_judge(p, &PERFORMANCE_DEFAULT_RULE, 1, &r, &err), &err);
	assert_int_equal(r.judgement, JUDGEMENT_INCONCLUSIVE);
	assert_string_equal(r.worst, "samples");
	assert_int_equal(performance_add(p, v, 3, v, 3), 0);
	assert_ok(performance_judge(p, &PERFORMANCE_DEFAULT_RULE, 1, &r, &err), &err);
	assert_int_equal(r.p50.judgement, JUDGEMENT_PASS);
	assert_int_equal(r.p99.judgement, JUDGEMENT_INCONCLUSIVE);      /* no tail in 30 samples */
	struct performance_rule rule = PERFORMANCE_DEFAULT_RULE;
	rule.p99_growth = (double)NAN;
	assert_ok(performance_judge(p, &rule, 1, &r, &err), &err);
	assert_int_equal(r.judgement, JUDGEMENT_PASS);
	assert_int_equal(performance_add(p, v, 0, v, 3), RF_EINVALID);
	rule.samples_min = 0;
	assert_int_equal(performance_judge(p, &rule, 1, &r, &err), RF_EINVALID);
}

static void quantiles_are_ranks(void **state)
{
	(void)state;
	RF_AUTO_PTR(performance) p = performance_new();
	assert_int_equal(performance_quantile(p, PERFORMANCE_OLD, 0.5), 0);
	static const uint64_t v[4] = { 40, 10, 30, 20 };
	assert_int_equal(performance_add(p, v, 4, v, 1), 0);
	assert_int_equal(performance_quantile(p, PERFORMANCE_OLD, 0), 10);
	assert_int_equal(performance_quantile(p, PERFORMANCE_OLD, 0.5), 20);
	assert_int_equal(performance_quantile(p, PERFORMANCE_OLD, 0.51), 30);
	assert_int_equal(performance_quantile(p, PERFORMANCE_OLD, 1), 40);
	assert_int_equal(performance_quantile(p, PERFORMANCE_NEW, 0.99), 40);
	assert_true(performance_mean_ns(p, PERFORMANCE_OLD) == 25);
}

static void doubt_is_a_decision(void **state)
{
	(void)state;
	static const struct { enum judgement numeric, performance; enum doubt_policy doubt; bool holds; } rows[] = {
		{ JUDGEMENT_PASS, JUDGEMENT_PASS, DOUBT_HOLD, false },
		{ JUDGEMENT_PASS, JUDGEMENT_INCONCLUSIVE, DOUBT_ACCEPT, false },
		{ JUDGEMENT_PASS, JUDGEMENT_INCONCLUSIVE, DOUBT_HOLD, true },
		{ JUDGEMENT_PASS, JUDGEMENT_FAIL, DOUBT_ACCEPT, true },
		{ JUDGEMENT_INCONCLUSIVE, JUDGEMENT_PASS, DOUBT_ACCEPT, true },
		{ JUDGEMENT_FAIL, JUDGEMENT_PASS, DOUBT_ACCEPT, true },
	};
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		assert_int_equal(prove_holds(rows[i].numeric, rows[i].performance, rows[i].doubt), rows[i].holds);
	assert_int_equal(judgement_worse(JUDGEMENT_INCONCLUSIVE, JUDGEMENT_PASS), JUDGEMENT_INCONCLUSIVE);
	assert_int_equal(judgement_worse(JUDGEMENT_INCONCLUSIVE, JUDGEMENT_FAIL), JUDGEMENT_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_engine_never_fails), cmocka_unit_test(true_regressions_are_found),
		cmocka_unit_test(same_samples_same_answer), cmocka_unit_test(too_little_is_inconclusive),
		cmocka_unit_test(quantiles_are_ranks), cmocka_unit_test(doubt_is_a_decision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
