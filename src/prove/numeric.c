/* numeric - comparing tensors. Elements are widened to double in chunks that stay in the first-level cache, so that one
 * loop serves all types; only 64-bit integers, which a double cannot hold, are compared apart. */
#include "prove/numeric.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>

/* 2 × 2,048 doubles are 32 KiB. */
#define CHUNK 2048
/* Independent sums, so that the compiler may use vector registers without changing the order of any of them. */
#define LANES 4

#define TIE_ABSOLUTE 1e-6
#define TIE_RELATIVE 1e-5
/* A cosine is a quotient of sums; its own rounding is not the model's. */
#define COSINE_SLACK 1e-12

const struct numeric_rule NUMERIC_DEFAULT_RULE = {
	.atol = 1e-4, .rtol = 1e-3, .max_outliers = 0, .min_cosine = (double)NAN, .min_top1 = (double)NAN,
};

static const char *const CAUSES[] = {
	[NUMERIC_OK] = "ok", [NUMERIC_NO_DATA] = "no data", [NUMERIC_ABSENT] = "absent", [NUMERIC_TYPE] = "type", [NUMERIC_SHAPE] = "shape", [NUMERIC_NAN] = "nan",
	[NUMERIC_INF] = "inf", [NUMERIC_TOLERANCE] = "tolerance", [NUMERIC_COSINE] = "cosine", [NUMERIC_TOP1] = "top1",
};

const char *numeric_cause_name(enum numeric_cause cause)
{
	return (size_t)cause < RF_COUNT(CAUSES) ? CAUSES[cause] : "?";
}

void numeric_start(struct numeric *n, const struct numeric_rule *rule)
{
	*n = (struct numeric){ .rule = *rule, .min_cosine = (double)NAN, .first_bad_input = UINT64_MAX, .first_bad_element = UINT64_MAX };
}

/* One tensor pair while it is being added. */
struct pair {
	double atol, rtol;       /* what this element type is held to; NAN: no tolerance */
	double negligible;
	uint64_t elements;
	uint64_t bad_element;    /* first outlier, NaN or infinity that differs */
	double dot, norm_a, norm_b;
};

static bool is_integer(enum npy_type type)
{
	switch (type) {
	case NPY_I8: case NPY_I16: case NPY_I32: case NPY_I64: case NPY_U8: case NPY_U16: case NPY_U32: case NPY_U64: case NPY_BOOL:
		return true;
	default:
		return false;
	}
}

/* IEEE 754 half to double without a branch, so that the loop uses vector registers: the exponent is moved by multiplying
 * with 2^(127-15), which is exact and turns subnormals right too; infinities and NaN get their exponent back. */
static inline double half(uint16_t bits)
{
	uint32_t magnitude = bits & 0x7fffu, moved = magnitude << 13, special = magnitude >= 0x7c00 ? 0x7f800000u : 0;
	float f;
	memcpy(&f, &moved, sizeof f);
	f *= 0x1p112f;
	memcpy(&moved, &f, sizeof f);
	moved |= special | (uint32_t)(bits & 0x8000u) << 16;
	memcpy(&f, &moved, sizeof f);
	return (double)f;
}

#define WIDEN(ctype)                                                        \
	for (size_t i = 0; i < n; i++) {                                    \
		ctype v_;                                                   \
		memcpy(&v_, from + i * sizeof v_, sizeof v_);               \
		to[i] = (double)v_;                                         \
	}                                                                   \
	break

/* @n elements from element @at on. The file is little-endian and so are the machines reforge is built for. */
static void widen(const struct npy *t, uint64_t at, size_t n, double *restrict to)
{
	const char *restrict from = t->data.p + at * npy_type_size(t->type);
	switch (t->type) {
	case NPY_F32: WIDEN(float);
	case NPY_F64: WIDEN(double);
	case NPY_I8: WIDEN(int8_t);
	case NPY_U8: WIDEN(uint8_t);
	case NPY_I16: WIDEN(int16_t);
	case NPY_U16: WIDEN(uint16_t);
	case NPY_I32: WIDEN(int32_t);
	case NPY_U32: WIDEN(uint32_t);
	case NPY_I64: WIDEN(int64_t);
	case NPY_U64: WIDEN(uint64_t);
	case NPY_F16:
		for (size_t i = 0; i < n; i++) {
			uint16_t bits;
			memcpy(&bits, from + 2 * i, sizeof bits);
			to[i] = half(bits);
		}
		break;
	case NPY_BOOL:
		for (size_t i = 0; i < n; i++)
			to[i] = from[i] ? 1.0 : 0.0;
		break;
	case NPY_NONE:
		for (size_t i = 0; i < n; i++)
			to[i] = 0.0;
		break;
	}
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "widen() reads files as they lie in memory");

static bool all_finite(const double *a, size_t n)
{
	double sum[LANES] = { 0 };          /* x - x is 0, or NaN when x is not finite */
	size_t i = 0;
	for (; i + LANES <= n; i += LANES)
		for (size_t l = 0; l < LANES; l++)
			sum[l] += a[i + l] - a[i + l];
	for (; i < n; i++)
		sum[0] += a[i] - a[i];
	return sum[0] + sum[1] + sum[2] + sum[3] == 0.0;
}

static void mark_bad(struct pair *p, uint64_t element)
{
	if (element < p->bad_element)
		p->bad_element = element;
}

/* Takes what is not finite out of both arrays; returns how many pairs are left. */
static size_t take_out_not_finite(struct numeric *n, struct pair *p, uint64_t at, double *a, double *b, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		if (isfinite(a[i]) && isfinite(b[i])) {
			a[kept] = a[i];
			b[kept++] = b[i];
		} else if (isnan(a[i]) || isnan(b[i])) {
			if (isnan(a[i]) && isnan(b[i])) {
				n->nan_both++;
			} else {
				n->nan_differs++;
				mark_bad(p, at + i);
			}
		} else if (a[i] == b[i]) {       /* both infinite, same sign */
			n->inf_both++;
		} else {
			n->inf_differs++;
			mark_bad(p, at + i);
		}
	}
	return kept;
}

/* The sums of one chunk, per lane. */
struct sums {
	double outliers[LANES], identical[LANES], max_abs[LANES], max_rel[LANES], rel[LANES];
	double dot[LANES], norm_a[LANES], norm_b[LANES];
};

static inline void add_element(struct sums *s, size_t lane, double a, double b, double atol, double rtol, double negligible)
{
	double d = fabs(a - b), size = fabs(b);
	double counts = size > negligible ? 1.0 : 0.0;
	double rel = counts * (d / (size > negligible ? size : 1.0));
	s->outliers[lane] += d > atol + rtol * size ? 1.0 : 0.0;
	s->identical[lane] += d == 0.0 ? 1.0 : 0.0;
	s->max_abs[lane] = d > s->max_abs[lane] ? d : s->max_abs[lane];
	s->max_rel[lane] = rel > s->max_rel[lane] ? rel : s->max_rel[lane];
	s->rel[lane] += counts;
	s->dot[lane] += a * b;
	s->norm_a[lane] += a * a;
	s->norm_b[lane] += b * b;
}

static double sum(const double *lanes)
{
	return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

static double largest(const double *lanes)
{
	double m = lanes[0];
	for (size_t l = 1; l < LANES; l++)
		m = lanes[l] > m ? lanes[l] : m;
	return m;
}

/* All finite. @integers64: outliers and identical are counted elsewhere, doubles would round them. */
static void add_chunk(struct numeric *n, struct pair *p, const double *restrict a, const double *restrict b, size_t count,
                      bool integers64)
{
	struct sums s = { 0 };
	double atol = p->atol, rtol = p->rtol, negligible = p->negligible;
	size_t i = 0;
	for (; i + LANES <= count; i += LANES)
		for (size_t l = 0; l < LANES; l++)
			add_element(&s, l, a[i + l], b[i + l], atol, rtol, negligible);
	for (; i < count; i++)
		add_element(&s, 0, a[i], b[i], atol, rtol, negligible);
	n->elements += count;
	p->elements += count;
	if (!integers64) {
		n->outliers += (uint64_t)sum(s.outliers);
		n->identical += (uint64_t)sum(s.identical);
		n->max_abs = fmax(n->max_abs, largest(s.max_abs));
	}
	n->max_rel = fmax(n->max_rel, largest(s.max_rel));
	n->rel_elements += (uint64_t)sum(s.rel);
	p->dot += sum(s.dot);
	p->norm_a += sum(s.norm_a);
	p->norm_b += sum(s.norm_b);
}

/* First element out of tolerance in a chunk that is known to have one; the arrays as they were before anything was taken out. */
static void find_outlier(struct pair *p, uint64_t at, const double *a, const double *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (isfinite(a[i]) && isfinite(b[i]) && fabs(a[i] - b[i]) > p->atol + p->rtol * fabs(b[i])) {
			mark_bad(p, at + i);
			return;
		}
}

/* Distance of two 64-bit integers, exactly. */
static uint64_t distance64(const struct npy *t, const char *a, const char *b)
{
	uint64_t x = le64(a), y = le64(b);
	bool larger = t->type == NPY_I64 ? (int64_t)x > (int64_t)y : x > y;
	return larger ? x - y : y - x;
}

static void add_integers64(struct numeric *n, struct pair *p, const struct npy *baseline, const struct npy *candidate, uint64_t at,
                           size_t count)
{
	bool asked = !isnan(p->atol);
	uint64_t limit = !asked || p->atol >= 0x1p64 ? UINT64_MAX : (uint64_t)p->atol;
	for (size_t i = 0; i < count; i++) {
		size_t offset = (size_t)(at + i) * 8;
		uint64_t d = distance64(baseline, candidate->data.p + offset, baseline->data.p + offset);
		n->identical += d == 0;
		n->max_abs = fmax(n->max_abs, (double)d);
		if (d > limit) {
			n->outliers++;
			mark_bad(p, at + i);
		}
	}
}

struct best { double value; uint64_t index; bool any; };

static struct best best_of_row(const struct npy *t, uint64_t at, uint64_t width)
{
	double v[CHUNK];
	struct best best = { 0 };
	for (uint64_t done = 0; done < width; done += CHUNK) {
		size_t count = (size_t)RF_MIN((uint64_t)CHUNK, width - done);
		widen(t, at + done, count, v);
		for (size_t i = 0; i < count; i++)
			if (!isnan(v[i]) && (!best.any || v[i] > best.value))
				best = (struct best){ v[i], done + i, true };
	}
	return best;
}

static void add_rows(struct numeric *n, const struct npy *baseline, const struct npy *candidate, uint64_t count)
{
	uint64_t width = baseline->ndim ? baseline->shape[baseline->ndim - 1] : 1;
	for (uint64_t at = 0; width && at < count; at += width) {
		struct best b = best_of_row(baseline, at, width), a = best_of_row(candidate, at, width);
		if (!a.any && !b.any)
			continue;
		n->rows++;
		if (a.any && b.any && a.index == b.index) {
			n->rows_agree++;
		} else if (a.any && b.any) {
			double choice = npy_at(baseline, at + a.index);
			if (b.value - choice <= TIE_ABSOLUTE + TIE_RELATIVE * fabs(b.value)) {
				n->rows_agree++;
				n->rows_tied++;
			}
		}
	}
}

static double cosine(double dot, double norm_a, double norm_b)
{
	if (norm_b <= 0 || !isfinite(dot) || !isfinite(norm_a) || !isfinite(norm_b))
		return (double)NAN;
	if (norm_a <= 0)
		return 0;
	double c = dot / (sqrt(norm_a) * sqrt(norm_b));
	return c > 1 ? 1 : c < -1 ? -1 : c;
}

static double near_zero(const struct numeric_rule *rule)
{
	return isnan(rule->atol) ? NUMERIC_NEAR_ZERO : fmax(rule->atol, DBL_MIN);
}

static bool near_zero_vector(const struct numeric *n, double norm_b, uint64_t elements)
{
	double z = near_zero(&n->rule);
	return norm_b <= z * z * (double)elements;
}

static void end_pair(struct numeric *n, const struct pair *p, bool broke)
{
	n->dot += p->dot;
	n->norm_a += p->norm_a;
	n->norm_b += p->norm_b;
	if (p->elements && near_zero_vector(n, p->norm_b, p->elements)) {
		n->near_zero_tensors++;
	} else if (p->elements >= 2) {
		double c = cosine(p->dot, p->norm_a, p->norm_b);
		if (!isnan(c)) {
			n->cosine_tensors++;
			n->min_cosine = isnan(n->min_cosine) ? c : fmin(n->min_cosine, c);
			broke = broke || c < n->rule.min_cosine - COSINE_SLACK;
		}
	}
	if (broke && n->first_bad_input == UINT64_MAX) {
		n->first_bad_input = n->inputs;
		n->first_bad_element = p->bad_element;
	}
}

static struct pair start_pair(const struct numeric_rule *rule, enum npy_type type)
{
	struct pair p = { .atol = rule->atol, .rtol = isnan(rule->rtol) ? 0 : rule->rtol, .negligible = near_zero(rule), .bad_element = UINT64_MAX };
	if (is_integer(type) && !isnan(p.atol)) {
		p.rtol = 0;
		p.atol = type == NPY_BOOL ? 0 : p.atol;
	}
	return p;
}

static void compare(struct numeric *n, struct pair *p, const struct npy *baseline, const struct npy *candidate, uint64_t total)
{
	double a[CHUNK], b[CHUNK];
	bool integers64 = baseline->type == NPY_I64 || baseline->type == NPY_U64;
	for (uint64_t at = 0; at < total; at += CHUNK) {
		size_t count = (size_t)RF_MIN((uint64_t)CHUNK, total - at), kept = count;
		widen(candidate, at, count, a);
		widen(baseline, at, count, b);
		if (!all_finite(a, count) || !all_finite(b, count))
			kept = take_out_not_finite(n, p, at, a, b, count);
		uint64_t outliers = n->outliers;
		add_chunk(n, p, a, b, kept, integers64);
		if (integers64) {
			add_integers64(n, p, baseline, candidate, at, count);
		} else if (n->outliers != outliers && n->first_bad_input == UINT64_MAX && p->bad_element == UINT64_MAX) {
			widen(candidate, at, count, a);
			widen(baseline, at, count, b);
			find_outlier(p, at, a, b, count);
		}
	}
}

void numeric_add(struct numeric *n, const struct npy *baseline, const struct npy *candidate)
{
	n->type = baseline->type;
	struct pair p = start_pair(&n->rule, baseline->type);
	bool broke = true;
	if (baseline->type != candidate->type) {
		n->type_mismatches++;
	} else if (!npy_same_shape(baseline, candidate)) {
		n->shape_mismatches++;
	} else {
		uint64_t differs = n->nan_differs + n->inf_differs + n->outliers, rows_off = n->rows - n->rows_agree;
		uint64_t total = npy_count(baseline);
		compare(n, &p, baseline, candidate, total);
		if (!isnan(n->rule.min_top1))
			add_rows(n, baseline, candidate, total);
		broke = n->nan_differs + n->inf_differs + n->outliers != differs || n->rows - n->rows_agree != rows_off;
	}
	end_pair(n, &p, broke);
	n->inputs++;
}

double numeric_outlier_share(const struct numeric *n)
{
	return n->elements ? (double)n->outliers / (double)n->elements : 0;
}

double numeric_cosine(const struct numeric *n)
{
	if (!n->elements || near_zero_vector(n, n->norm_b, n->elements))
		return (double)NAN;
	return cosine(n->dot, n->norm_a, n->norm_b);
}

double numeric_top1(const struct numeric *n)
{
	return n->rows ? (double)n->rows_agree / (double)n->rows : (double)NAN;
}

struct words { char *p; size_t n; enum numeric_cause cause; };

static enum judgement say(struct words *w, enum judgement j, enum numeric_cause cause, const char *format, ...) RF_PRINTF(4, 5);
static enum judgement say(struct words *w, enum judgement j, enum numeric_cause cause, const char *format, ...)
{
	w->cause = cause;
	if (w->p && w->n) {
		va_list args;
		va_start(args, format);
		(void)vsnprintf(w->p, w->n, format, args);
		va_end(args);
	}
	return j;
}

#define U(v) ((unsigned long long)(v))

/* Rules about what can be compared at all, in their order; JUDGEMENT_PASS goes on. */
static enum judgement judge_positions(const struct numeric *n, struct words *w)
{
	if (!n->inputs)
		return say(w, JUDGEMENT_INCONCLUSIVE, NUMERIC_NO_DATA, "no inputs were compared");
	if (n->type_mismatches)
		return say(w, JUDGEMENT_FAIL, NUMERIC_TYPE, "element type differs in %llu of %llu inputs", U(n->type_mismatches), U(n->inputs));
	if (n->shape_mismatches)
		return say(w, JUDGEMENT_FAIL, NUMERIC_SHAPE, "shape differs in %llu of %llu inputs", U(n->shape_mismatches), U(n->inputs));
	if (n->nan_differs)
		return say(w, JUDGEMENT_FAIL, NUMERIC_NAN, "NaN at other positions: %llu elements", U(n->nan_differs));
	if (n->inf_differs)
		return say(w, JUDGEMENT_FAIL, NUMERIC_INF, "infinities differ in %llu elements", U(n->inf_differs));
	if (!n->elements)
		return say(w, JUDGEMENT_INCONCLUSIVE, NUMERIC_NO_DATA, "not one finite element in %llu inputs", U(n->inputs));
	return JUDGEMENT_PASS;
}

static enum judgement judge_cosine(const struct numeric *n, struct words *w)
{
	double all = numeric_cosine(n), limit = n->rule.min_cosine - COSINE_SLACK;
	if (n->cosine_tensors && n->min_cosine < limit)
		return say(w, JUDGEMENT_FAIL, NUMERIC_COSINE, "smallest cosine %.6f, at least %g asked", n->min_cosine, n->rule.min_cosine);
	if (!isnan(all) && all < limit)
		return say(w, JUDGEMENT_FAIL, NUMERIC_COSINE, "cosine over all inputs %.6f, at least %g asked", all, n->rule.min_cosine);
	if (!n->cosine_tensors && isnan(all) && isnan(n->rule.atol))
		return say(w, JUDGEMENT_INCONCLUSIVE, NUMERIC_NO_DATA, "the output is near zero for every input: cosine says nothing and no tolerance is asked");
	return JUDGEMENT_PASS;
}

enum judgement numeric_judge(const struct numeric *n, enum numeric_cause *ret_cause, char *ret_text, size_t size)
{
	struct words w = { ret_text, size, NUMERIC_OK };
	enum judgement j = judge_positions(n, &w);
	bool tolerance = !isnan(n->rule.atol);
	double share = numeric_outlier_share(n), top1 = numeric_top1(n);
	if (j == JUDGEMENT_PASS && tolerance && share > n->rule.max_outliers)
		j = say(&w, JUDGEMENT_FAIL, NUMERIC_TOLERANCE,
		        "%llu of %llu elements (%.3g %%) beyond atol %g + rtol %g, largest difference %.3g", U(n->outliers),
		        U(n->elements), share * 100, n->rule.atol, n->rule.rtol, n->max_abs);
	if (j == JUDGEMENT_PASS && !isnan(n->rule.min_cosine))
		j = judge_cosine(n, &w);
	if (j == JUDGEMENT_PASS && !isnan(n->rule.min_top1)) {
		if (!n->rows)
			j = say(&w, JUDGEMENT_INCONCLUSIVE, NUMERIC_NO_DATA, "top-1 is asked, and no row has a value");
		else if (top1 < n->rule.min_top1)
			j = say(&w, JUDGEMENT_FAIL, NUMERIC_TOP1, "top-1 agrees in %llu of %llu rows (%.4f), at least %g asked",
			        U(n->rows_agree), U(n->rows), top1, n->rule.min_top1);
	}
	if (j == JUDGEMENT_PASS && n->identical == n->elements)
		(void)say(&w, j, NUMERIC_OK, "identical in all %llu elements", U(n->elements));
	else if (j == JUDGEMENT_PASS && tolerance)
		(void)say(&w, j, NUMERIC_OK, "%llu of %llu elements differ, by at most %.3g: within atol %g + rtol %g",
		          U(n->elements - n->identical), U(n->elements), n->max_abs, n->rule.atol, n->rule.rtol);
	else if (j == JUDGEMENT_PASS)
		(void)say(&w, j, NUMERIC_OK, "%llu of %llu elements differ, by at most %.3g; no tolerance asked",
		          U(n->elements - n->identical), U(n->elements), n->max_abs);
	if (ret_cause)
		*ret_cause = w.cause;
	return j;
}
