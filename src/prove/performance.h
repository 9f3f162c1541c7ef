/*
 * performance - is the new engine slower than the old one, beyond what the recipe allows, and beyond noise?
 *
 * Pure: no I/O, no clock; the random stream is seeded from the caller, so the same latencies give the same answer.
 * May use base/ and its own room.
 *
 * Old and new are measured in turns: a block of runs of one, a block of the other, the order swapped every pair
 * (old new, new old, …) so that a drift of the machine hits both alike. Neighbouring runs resemble each other (a
 * frequency step, another job on the core last longer than one run), so runs are not independent and an interval from
 * them would be too narrow. The bootstrap therefore draws whole pairs of blocks: block pairs with replacement, as many
 * as there are, PERFORMANCE_RESAMPLES times; each draw gives new/old of p50, of p99 and of throughput; the interval
 * holds the middle PERFORMANCE_CONFIDENCE of them.
 *
 *   whole interval within the limit     pass
 *   whole interval beyond the limit     fail
 *   else                                inconclusive: more samples, up to the recipe's maximum; then "cannot tell"
 *
 * So noise does not decide: it widens the interval. With few blocks the bootstrap itself is too sure of itself, so less
 * than PERFORMANCE_MIN_PAIRS pairs are always inconclusive.
 *
 * p99 needs a tail: of n samples about n/100 lie beyond it. Below PERFORMANCE_MIN_P99 samples a side, p99 is
 * inconclusive.
 */
#ifndef REFORGE_PROVE_PERFORMANCE_H
#define REFORGE_PROVE_PERFORMANCE_H

#include "base/err.h"
#include "prove/judgement.h"

#define PERFORMANCE_RESAMPLES 1000
#define PERFORMANCE_CONFIDENCE 0.99
#define PERFORMANCE_MIN_PAIRS 10
#define PERFORMANCE_MIN_P99 200
/* One recipe may ask for at most this many samples a side: 100,000 runs of 10 ms are half an hour. */
#define PERFORMANCE_MAX_SAMPLES 100000

struct performance_rule {
	double p50_growth;         /* most growth of the median latency, as a share: 0.05 is +5 %; NAN: not asked */
	double p99_growth;         /* 0.25 is +25 %; NAN: not asked */
	double throughput_loss;    /* most loss, as a share: 0.05 is -5 %; NAN: not asked */
	unsigned samples_min;      /* a side, measured before the first judgement */
	unsigned samples_max;      /* a side; still inconclusive there is "cannot tell" */
	enum doubt_policy doubt;   /* cannot_tell */
};
/* p50 +5 %, p99 +25 %, throughput -5 %, samples 500..5000, accept (judgement.h says why). */
extern const struct performance_rule PERFORMANCE_DEFAULT_RULE;

enum performance_side { PERFORMANCE_OLD = 0, PERFORMANCE_NEW = 1 };

/* The latencies of one measurement, one thread at a time (asking sorts them). Opaque; grows to PERFORMANCE_MAX_SAMPLES a side. */
struct performance;
struct performance *performance_new(void);                 /* NULL: out of memory */
void performance_free(struct performance *p);
void performance_freep(struct performance **p);
/* Adds one pair of blocks measured next to each other, in nanoseconds (> 0; a reading of 0 counts as 1). Blocks need not
 * be of one size. RF_EINVALID for an empty block, RF_ETOOMANY, RF_ENOMEM. The arrays are copied. */
RF_MUST_CHECK int performance_add(struct performance *p, const uint64_t *old_ns, size_t old_count, const uint64_t *new_ns,
                                  size_t new_count);
size_t performance_pairs(const struct performance *p);
size_t performance_samples(const struct performance *p, enum performance_side side);
/* Quantile 0..1 in nanoseconds (nearest rank); 0 without samples. */
uint64_t performance_quantile(const struct performance *p, enum performance_side side, double q);
double performance_mean_ns(const struct performance *p, enum performance_side side);

struct performance_interval {
	double ratio;              /* new / old of all samples */
	double low, high;          /* the interval; both NAN when it could not be made */
	double limit;              /* as a ratio: 1.05, 1.25, 0.95 */
	enum judgement judgement;  /* JUDGEMENT_PASS where it was not asked */
	bool asked;
};
struct performance_result {
	struct performance_interval p50, p99, throughput;
	size_t pairs, old_samples, new_samples;
	enum judgement judgement;  /* the worst of the three */
	const char *worst;         /* "p50", "p99", "throughput", "samples" (too few), "none" (nothing asked); static */
};
/* Judges what was added so far. RF_ENOMEM, RF_EINVALID (a rule out of its range). */
RF_MUST_CHECK int performance_judge(const struct performance *p, const struct performance_rule *rule, uint64_t seed,
                                    struct performance_result *ret, struct err *err);
/* "p50 +1.2 % [-0.4 %, +2.9 %], limit +5 %: pass"; always terminated. Returns @buffer; 160 bytes hold any. */
const char *performance_interval_text(const char *name, const struct performance_interval *i, char *buffer, size_t size);

#endif
