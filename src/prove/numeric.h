/*
 * numeric - does the new engine answer as the old one did? One output of a model, over many inputs.
 *
 * Pure: no I/O, no allocation, no globals. May use base/, format/npy.h and its own room.
 *
 *   numeric_start ──► numeric_add (baseline, candidate) × inputs ──► numeric_judge ──► pass, fail, inconclusive
 *
 * a is the candidate's element, b the baseline's (the engine in service). Every rule below must hold:
 *
 *   type       same element type
 *   shape      same shape
 *   nan, inf   NaN at the same positions; infinities at the same positions with the same sign. Where both have them,
 *              the element counts as equal and takes no part in the figures.
 *   tolerance  |a - b| <= atol + rtol·|b| for every element, or for all but max_outliers of them (a share).
 *              Integers: |a - b| <= atol, exactly, rtol is not used: a token id is not 0.1 % right. Bool: equal.
 *   cosine     where the recipe states a minimum: of each tensor with two elements or more, and of all inputs' elements
 *              taken as one vector.
 *   top1       where stated: share of rows (last axis) whose largest element is at the same index, NaN left out. A tie
 *              is no disagreement: the candidate's choice counts when the baseline holds it within
 *              1e-6 + 1e-5·|best| of its own best (rounding, whatever tolerance the recipe grants). Counted only
 *              where it is asked.
 *
 * The elements are read as they lie in the file (little-endian, not aligned); f16 is widened, 64-bit integers are compared
 * as integers.
 *
 * The tolerance is the judge; cosine is a second opinion that knows nothing of magnitude. A detector shown a blank page
 * answers with 1e-7 everywhere; a change in the last digit then turns that vector far (cosine 0.9999, relative error
 * 14 were measured on such an output between two ONNX Runtime versions) and means nothing. So cosine says nothing
 * about a tensor whose baseline has a root mean square of at most atol, and the relative error is taken only over
 * elements with |b| > atol. When no tensor was large enough for the cosine to be judged, the tolerance alone decides
 * (it saw every element) and the figure is absent; without a tolerance (atol NAN) NUMERIC_NEAR_ZERO stands in for atol
 * here, and a cosine that could not be judged is inconclusive.
 *
 * No data is no pass: no inputs, or not one finite pair of elements, is inconclusive.
 */
#ifndef REFORGE_PROVE_NUMERIC_H
#define REFORGE_PROVE_NUMERIC_H

#include "format/npy.h"
#include "prove/judgement.h"

/* What counts as nothing where a recipe states no tolerance: float32 has 24 bits, 1e-7 of a value near 1. */
#define NUMERIC_NEAR_ZERO 1e-6

struct numeric_rule {
	double atol;             /* >= 0; NAN (then both): no tolerance asked */
	double rtol;             /* >= 0 */
	double max_outliers;     /* share of elements that may be out of tolerance, 0..1; 0 unless a recipe says more */
	double min_cosine;       /* -1..1; NAN: not asked */
	double min_top1;         /* 0..1; NAN: not asked */
};
/* For an output that the recipe does not name: float32 rounding across kernels, no cosine, no top-1. */
extern const struct numeric_rule NUMERIC_DEFAULT_RULE;

/* In the order in which they are looked at; the first that breaks is the one named. */
enum numeric_cause {
	NUMERIC_OK = 0,
	NUMERIC_NO_DATA,
	NUMERIC_ABSENT,          /* said by prove_engine() only: the new engine lacks the output, or does not run */
	NUMERIC_TYPE, NUMERIC_SHAPE, NUMERIC_NAN, NUMERIC_INF, NUMERIC_TOLERANCE, NUMERIC_COSINE, NUMERIC_TOP1
};
const char *numeric_cause_name(enum numeric_cause cause);   /* "tolerance"; static */

/* All public figures; written by numeric_add() only. */
struct numeric {
	struct numeric_rule rule;
	uint64_t inputs;              /* pairs added */
	uint64_t type_mismatches, shape_mismatches;   /* pairs that could not be compared element by element */
	enum npy_type type;           /* of the baseline's last tensor */
	uint64_t elements;            /* compared, finite on both sides */
	uint64_t identical;           /* of these, equal in value (0.0 == -0.0) */
	uint64_t outliers;            /* out of tolerance */
	uint64_t nan_both, nan_differs;               /* positions */
	uint64_t inf_both, inf_differs;
	double max_abs;               /* largest |a - b| */
	double max_rel;               /* largest |a - b| / |b| over |b| > atol; 0 when there is none */
	uint64_t rel_elements;        /* how many had |b| > atol */
	double min_cosine;            /* smallest of the tensors judged; NAN when none was */
	uint64_t cosine_tensors;      /* judged */
	uint64_t near_zero_tensors;   /* about which cosine says nothing */
	double dot, norm_a, norm_b;   /* sums over all elements, for the cosine of all as one vector */
	uint64_t rows, rows_agree, rows_tied;         /* top-1; tied ones are among those that agree */
	uint64_t first_bad_input;     /* from 0: the first pair that broke a rule; UINT64_MAX when none */
	uint64_t first_bad_element;   /* flat index there, of the first outlier or NaN or infinity; UINT64_MAX */
};

void numeric_start(struct numeric *n, const struct numeric_rule *rule);
/* Adds one pair. A pair of different type or shape is counted as such and not compared. */
void numeric_add(struct numeric *n, const struct npy *baseline, const struct npy *candidate);
/* @ret_cause and @ret_text (both may be NULL): the rule that decided, and the figure against the limit in words. The text is
 * cut at @size, always terminated; 256 bytes hold any. */
enum judgement numeric_judge(const struct numeric *n, enum numeric_cause *ret_cause, char *ret_text, size_t size);

/* Derived figures. */
double numeric_outlier_share(const struct numeric *n);      /* 0..1; 0 without elements */
double numeric_cosine(const struct numeric *n);             /* of all inputs as one vector; NAN when near zero or overflown */
double numeric_top1(const struct numeric *n);               /* share of rows that agree; NAN without rows */

#endif
