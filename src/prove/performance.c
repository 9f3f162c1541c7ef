/* performance - see the header for the method. The samples of each side are sorted once, each with the number of its pair;
 * a draw gives every pair a weight, and one walk along the sorted samples finds its quantiles: no draw sorts anything. */
#include "prove/performance.h"

#include "base/arena.h"
#include "base/random.h"

#include <math.h>

const struct performance_rule PERFORMANCE_DEFAULT_RULE = {
	.p50_growth = 0.05, .p99_growth = 0.25, .throughput_loss = 0.05, .samples_min = 500, .samples_max = 5000, .doubt = DOUBT_ACCEPT,
};

struct sample { uint64_t ns; uint32_t pair; };
struct side { struct sample *samples; size_t n, capacity; };
struct performance { struct side side[2]; uint32_t pairs; };

struct performance *performance_new(void)
{
	return rf_alloc(sizeof(struct performance));
}

void performance_free(struct performance *p)
{
	if (!p)
		return;
	rf_free(p->side[0].samples);
	rf_free(p->side[1].samples);
	rf_free(p);
}

void performance_freep(struct performance **p)
{
	performance_free(*p);
	*p = NULL;
}

static int make_room(struct side *s, size_t more)
{
	if (s->n + more > PERFORMANCE_MAX_SAMPLES)
		return RF_ETOOMANY;
	if (s->n + more <= s->capacity)
		return 0;
	size_t capacity = RF_MAX(s->capacity * 2, s->n + more);
	struct sample *grown = rf_realloc_array(s->samples, capacity, sizeof *grown);
	if (!grown)
		return RF_ENOMEM;
	s->samples = grown;
	s->capacity = capacity;
	return 0;
}

static void append(struct side *s, uint32_t pair, const uint64_t *ns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		s->samples[s->n++] = (struct sample){ RF_MAX(ns[i], (uint64_t)1), pair };
}

int performance_add(struct performance *p, const uint64_t *old_ns, size_t old_count, const uint64_t *new_ns, size_t new_count)
{
	if (!old_count || !new_count)
		return RF_EINVALID;
	int rc = make_room(&p->side[PERFORMANCE_OLD], old_count);
	if (!rc)
		rc = make_room(&p->side[PERFORMANCE_NEW], new_count);
	if (rc)
		return rc;
	append(&p->side[PERFORMANCE_OLD], p->pairs, old_ns, old_count);
	append(&p->side[PERFORMANCE_NEW], p->pairs, new_ns, new_count);
	p->pairs++;
	return 0;
}

size_t performance_pairs(const struct performance *p)
{
	return p->pairs;
}

size_t performance_samples(const struct performance *p, enum performance_side side)
{
	return p->side[side].n;
}

static int by_ns(const void *x, const void *y)
{
	const struct sample *a = x, *b = y;
	return a->ns < b->ns ? -1 : a->ns > b->ns;
}

/* Nearest rank: the smallest sample with at least q·n samples up to it. */
static uint64_t rank_of(double q, uint64_t n)
{
	uint64_t rank = (uint64_t)ceil(q * (double)n);
	return rank < 1 ? 1 : rank > n ? n : rank;
}

uint64_t performance_quantile(const struct performance *p, enum performance_side side, double q)
{
	const struct side *s = &p->side[side];
	if (!s->n)
		return 0;
	/* Order does not matter to anyone else: pairs are told by number. */
	qsort(s->samples, s->n, sizeof *s->samples, by_ns);
	return s->samples[rank_of(q, s->n) - 1].ns;
}

double performance_mean_ns(const struct performance *p, enum performance_side side)
{
	const struct side *s = &p->side[side];
	double total = 0;
	for (size_t i = 0; i < s->n; i++)
		total += (double)s->samples[i].ns;
	return s->n ? total / (double)s->n : 0;
}

/* What one draw (or the whole measurement) says of one side. */
struct figures { double p50, p99, mean; };

static struct figures figures_of(const struct side *s, const uint32_t *weight)
{
	uint64_t total = 0, passed = 0;
	double time = 0;
	for (size_t i = 0; i < s->n; i++)
		total += weight[s->samples[i].pair];
	uint64_t rank50 = rank_of(0.50, total), rank99 = rank_of(0.99, total);
	struct figures f = { 0 };
	for (size_t i = 0; i < s->n; i++) {
		uint32_t w = weight[s->samples[i].pair];
		double ns = (double)s->samples[i].ns;
		time += w * ns;
		if (passed < rank50 && passed + w >= rank50)
			f.p50 = ns;
		if (passed < rank99 && passed + w >= rank99)
			f.p99 = ns;
		passed += w;
	}
	f.mean = time / (double)total;
	return f;
}

struct ratios { double p50, p99, throughput; };

static struct ratios ratios_of(const struct performance *p, const uint32_t *weight)
{
	struct figures o = figures_of(&p->side[PERFORMANCE_OLD], weight), n = figures_of(&p->side[PERFORMANCE_NEW], weight);
	return (struct ratios){ n.p50 / o.p50, n.p99 / o.p99, o.mean / n.mean };
}

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return a < b ? -1 : a > b;
}

/* @growing: more is worse. */
static struct performance_interval judge_interval(double ratio, double *draws, double allowed, bool growing, bool enough)
{
	struct performance_interval i = { .ratio = ratio, .low = (double)NAN, .high = (double)NAN, .asked = !isnan(allowed) };
	i.limit = !i.asked ? (double)NAN : growing ? 1 + allowed : 1 - allowed;
	if (draws) {
		qsort(draws, PERFORMANCE_RESAMPLES, sizeof *draws, by_value);
		size_t cut = (size_t)((1 - PERFORMANCE_CONFIDENCE) / 2 * PERFORMANCE_RESAMPLES);
		i.low = draws[cut];
		i.high = draws[PERFORMANCE_RESAMPLES - 1 - cut];
	}
	if (!i.asked)
		i.judgement = JUDGEMENT_PASS;
	else if (!draws || !enough)
		i.judgement = JUDGEMENT_INCONCLUSIVE;
	else if (growing ? i.high <= i.limit : i.low >= i.limit)
		i.judgement = JUDGEMENT_PASS;
	else if (growing ? i.low > i.limit : i.high < i.limit)
		i.judgement = JUDGEMENT_FAIL;
	else
		i.judgement = JUDGEMENT_INCONCLUSIVE;
	return i;
}

static void draw_all(const struct performance *p, uint64_t seed, uint32_t *weight, double *p50, double *p99, double *throughput)
{
	struct random_stream random = { seed };
	for (size_t r = 0; r < PERFORMANCE_RESAMPLES; r++) {
		memset(weight, 0, p->pairs * sizeof *weight);
		for (uint32_t i = 0; i < p->pairs; i++)
			weight[random_below(&random, p->pairs)]++;
		struct ratios one = ratios_of(p, weight);
		p50[r] = one.p50;
		p99[r] = one.p99;
		throughput[r] = one.throughput;
	}
}

static bool share_is_valid(double v)
{
	return isnan(v) || (v >= 0 && v <= 1000);
}

static int check_rule(const struct performance_rule *rule, struct err *err)
{
	if (!share_is_valid(rule->p50_growth) || !share_is_valid(rule->p99_growth) || !share_is_valid(rule->throughput_loss) ||
	    rule->throughput_loss > 1)
		return err_set(err, RF_EINVALID, "performance limits must be shares: growth 0 and more, loss 0 to 1");
	if (!rule->samples_min || rule->samples_min > rule->samples_max || rule->samples_max > PERFORMANCE_MAX_SAMPLES)
		return err_set(err, RF_EINVALID, "samples must be 1 <= min <= max <= %d", PERFORMANCE_MAX_SAMPLES);
	return 0;
}

static void find_worst(struct performance_result *r, bool enough_pairs)
{
	const struct { const char *name; const struct performance_interval *i; } all[] = {
		{ "p50", &r->p50 }, { "p99", &r->p99 }, { "throughput", &r->throughput } };
	r->judgement = JUDGEMENT_PASS;
	r->worst = "none";
	for (size_t k = 0; k < RF_COUNT(all); k++) {
		if (!all[k].i->asked)
			continue;
		enum judgement with = judgement_worse(r->judgement, all[k].i->judgement);
		if (with != r->judgement || strcmp(r->worst, "none") == 0)
			r->worst = all[k].name;
		r->judgement = with;
	}
	if (!enough_pairs && r->judgement == JUDGEMENT_INCONCLUSIVE)
		r->worst = "samples";
}

int performance_judge(const struct performance *p, const struct performance_rule *rule, uint64_t seed,
                      struct performance_result *ret, struct err *err)
{
	int rc = check_rule(rule, err);
	if (rc)
		return rc;
	RF_AUTO_FREE uint32_t *weight = rf_alloc((p->pairs + 1) * sizeof *weight);
	RF_AUTO_FREE double *draws = rf_alloc(3 * PERFORMANCE_RESAMPLES * sizeof *draws);
	if (!weight || !draws)
		return err_set(err, RF_ENOMEM, "out of memory for the bootstrap");
	struct performance_result r = { .pairs = p->pairs, .old_samples = p->side[0].n, .new_samples = p->side[1].n };
	bool enough = p->pairs >= PERFORMANCE_MIN_PAIRS, any = p->pairs > 0;
	struct ratios all = { (double)NAN, (double)NAN, (double)NAN };
	double *p50 = draws, *p99 = draws + PERFORMANCE_RESAMPLES, *throughput = draws + 2 * (size_t)PERFORMANCE_RESAMPLES;
	if (any) {
		for (size_t k = 0; k < 2; k++)
			qsort(p->side[k].samples, p->side[k].n, sizeof(struct sample), by_ns);
		for (uint32_t i = 0; i < p->pairs; i++)
			weight[i] = 1;
		all = ratios_of(p, weight);
		draw_all(p, seed, weight, p50, p99, throughput);
	}
	bool tail = enough && RF_MIN(r.old_samples, r.new_samples) >= PERFORMANCE_MIN_P99;
	r.p50 = judge_interval(all.p50, any ? p50 : NULL, rule->p50_growth, true, enough);
	r.p99 = judge_interval(all.p99, any ? p99 : NULL, rule->p99_growth, true, tail);
	r.throughput = judge_interval(all.throughput, any ? throughput : NULL, rule->throughput_loss, false, enough);
	find_worst(&r, enough);
	*ret = r;
	return 0;
}

const char *performance_interval_text(const char *name, const struct performance_interval *i, char *buffer, size_t size)
{
	if (isnan(i->ratio))
		(void)snprintf(buffer, size, "%s not measured", name);
	else if (!i->asked)
		(void)snprintf(buffer, size, "%s %+.1f %% [%+.1f %%, %+.1f %%], no limit", name, (i->ratio - 1) * 100, (i->low - 1) * 100,
		               (i->high - 1) * 100);
	else
		(void)snprintf(buffer, size, "%s %+.1f %% [%+.1f %%, %+.1f %%], limit %+.10g %%: %s", name, (i->ratio - 1) * 100,
		               (i->low - 1) * 100, (i->high - 1) * 100, (i->limit - 1) * 100,
		               i->judgement == JUDGEMENT_INCONCLUSIVE ? "cannot tell" : judgement_name(i->judgement));
	return buffer;
}
