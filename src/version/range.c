/* Sets of versions: intervals of one scheme, with "cannot tell" as an answer. */
#include "version/range_int.h"

struct range *range_new(struct arena *a, const struct scheme *scheme, const char *rule)
{
	struct range *r = arena_alloc(a, sizeof *r);
	if (r)
		*r = (struct range){ .scheme = scheme, .readable = true, .rule = rule };
	return r;
}

struct span range_bound_version(const struct scheme *scheme, struct span bound, bool *ret_family)
{
	bound = span_trim(bound);
	*ret_family = false;
	size_t n = bound.n;
	while (n > 2 && ((bound.p[n - 1] | 0x20) == 'x' || bound.p[n - 1] == '*') && bound.p[n - 2] == '.')
		n -= 2;
	if (n == bound.n || scheme->opaque)
		return bound;
	*ret_family = true;
	return span_sub(bound, 0, n);
}

bool range_is_family(const struct scheme *scheme, struct span bound)
{
	bool family;
	struct span version = range_bound_version(scheme, bound, &family);
	return family && version_is_readable(scheme, version);
}

static bool read_bound(const struct scheme *scheme, struct span bound, struct version_key *ret, bool *ret_family)
{
	return version_read(scheme, range_bound_version(scheme, bound, ret_family), ret);
}

static bool bounds_make_sense(const struct scheme *scheme, const struct range_interval *v)
{
	struct version_key low, high;
	bool family;
	if (v->low.n && !read_bound(scheme, v->low, &low, &family))
		return false;
	if (v->high.n && !read_bound(scheme, v->high, &high, &family))
		return false;
	if (!v->low.n || !v->high.n)
		return true;
	/* an interval that holds nothing would say "not affected" of everything: it is a slip of the source */
	enum version_order o = version_key_compare(scheme, &low, &high);
	return o == VERSION_LESS || (o == VERSION_EQUAL && v->high_inclusive) ||
	       (o == VERSION_INCOMPARABLE && scheme->equality_only);
}

static int grow(struct arena *a, struct range *r, struct err *err)
{
	if (r->count == RANGE_MAX_INTERVALS)
		return err_set(err, RF_ETOOMANY, "more than %d intervals in one range", RANGE_MAX_INTERVALS);
	if (r->count < r->capacity)
		return 0;
	size_t capacity = r->capacity ? 2 * r->capacity : 4;
	struct range_interval *more = arena_array(a, capacity, sizeof *more);
	if (!more)
		return err_set(err, RF_ENOMEM, "range of %zu intervals", capacity);
	if (r->count)
		memcpy(more, r->intervals, r->count * sizeof *more);
	r->intervals = more;
	r->capacity = capacity;
	return 0;
}

int range_add(struct arena *a, struct range *r, const struct range_interval *interval, struct err *err)
{
	int rc = grow(a, r, err);
	if (rc)
		return rc;
	r->intervals[r->count++] = *interval;
	if (!bounds_make_sense(r->scheme, interval))
		r->readable = false;
	return 0;
}

const char *range_rule(const struct range *r)
{
	return r->rule;
}

static enum range_answer above_low(const struct scheme *s, const struct range_interval *v, const struct version_key *k)
{
	if (!v->low.n)
		return RANGE_IN;
	struct version_key low;
	bool family;
	if (!read_bound(s, v->low, &low, &family))
		return RANGE_UNSURE;
	enum version_order o = version_key_compare(s, k, &low);
	if (o == VERSION_INCOMPARABLE)
		return RANGE_UNSURE;
	if (o == VERSION_GREATER || (o == VERSION_EQUAL && !v->low_exclusive))
		return RANGE_IN;
	/* "10.16" may be any 10.16.x: not surely below 10.16.1 */
	return k->part_count < low.part_count && version_key_in_family(s, k, &low) ? RANGE_UNSURE : RANGE_OUT;
}

static enum range_answer below_high(const struct scheme *s, const struct range_interval *v, const struct version_key *k)
{
	if (!v->high.n)
		return RANGE_IN;
	struct version_key high;
	bool family;
	if (!read_bound(s, v->high, &high, &family))
		return RANGE_UNSURE;
	enum version_order o = version_key_compare(s, k, &high);
	if (o == VERSION_INCOMPARABLE)
		return RANGE_UNSURE;
	if (o == VERSION_LESS)
		return RANGE_IN;
	if (!v->high_inclusive)
		return RANGE_OUT;
	return version_key_in_family(s, &high, k) || (family && version_on_branch(s, &high, k)) ? RANGE_IN : RANGE_OUT;
}

static enum range_answer interval_contains(const struct scheme *s, const struct range_interval *v,
					   const struct version_key *k)
{
	enum range_answer low = above_low(s, v, k), high = below_high(s, v, k);
	if (low == RANGE_OUT || high == RANGE_OUT)
		return RANGE_OUT;
	return low == RANGE_IN && high == RANGE_IN ? RANGE_IN : RANGE_UNSURE;
}

/* ── Versions of which only the beginning is known ───────────────────────────────────────────────────────────────── */

/* "10.x", as a library that links TensorRT 10 knows it: no member of it is told from the others, so that only an answer
 * that holds for all of them is one. */
static bool read_family(const struct scheme *s, struct span version, struct version_key *ret)
{
	bool family = false;
	if (s->opaque || s->equality_only || s->compare || s->epoch_first)
		return false;
	struct span begin = range_bound_version(s, version, &family);
	return family && version_read(s, begin, ret) && ret->tag_count == 0;
}

/* Where the whole family lies: below the bound (-1), above it (1), or around it (0). */
static int family_order(const struct version_key *f, const struct version_key *bound)
{
	for (size_t i = 0; i < f->part_count; i++) {
		uint64_t part = i < bound->part_count ? bound->parts[i] : 0;
		if (f->parts[i] != part)
			return f->parts[i] < part ? -1 : 1;
	}
	return 0;
}

/* The bound is the first version of the family: 11.0 of 11.x. */
static bool family_begins(const struct version_key *f, const struct version_key *bound)
{
	for (size_t i = f->part_count; i < bound->part_count; i++)
		if (bound->parts[i] != 0)
			return false;
	return bound->tag_count == 0;
}

static enum range_answer family_contained(const struct scheme *s, const struct range_interval *v,
					  const struct version_key *f)
{
	struct version_key bound;
	bool open;
	enum range_answer answer = RANGE_IN;
	if (v->low.n) {
		if (!read_bound(s, v->low, &bound, &open) || bound.line != f->line)
			return RANGE_UNSURE;
		int order = family_order(f, &bound);
		if (order < 0)
			return RANGE_OUT;
		if (order == 0 && (v->low_exclusive || !family_begins(f, &bound)))
			answer = RANGE_UNSURE;
	}
	if (v->high.n) {
		if (!read_bound(s, v->high, &bound, &open) || bound.line != f->line)
			return RANGE_UNSURE;
		int order = family_order(f, &bound);
		if (order > 0 || (order == 0 && !v->high_inclusive && family_begins(f, &bound)))
			return RANGE_OUT;
		bool whole = v->high_inclusive && bound.part_count <= f->part_count && (open || s->short_is_family);
		if (order == 0 && !whole)
			answer = RANGE_UNSURE;
	}
	return answer;
}

static enum range_answer ask(const struct range *r, struct span version, const struct range_interval **ret_interval)
{
	struct version_key key;
	bool known = version_read(r->scheme, version, &key);
	bool family = !known && read_family(r->scheme, version, &key);
	enum range_answer answer = RANGE_OUT;
	for (size_t i = 0; i < r->count; i++) {
		const struct range_interval *v = &r->intervals[i];
		enum range_answer one = RANGE_UNSURE;
		if (!v->low.n && !v->high.n)
			one = RANGE_IN; /* any version, also one that we do not know */
		else if (known)
			one = interval_contains(r->scheme, v, &key);
		else if (family)
			one = family_contained(r->scheme, v, &key);
		if (one == RANGE_IN) {
			*ret_interval = v;
			return RANGE_IN;
		}
		if (one == RANGE_UNSURE)
			answer = RANGE_UNSURE;
	}
	return answer;
}

enum range_answer range_contains(const struct range *r, struct span version)
{
	const struct range_interval *unused = NULL;
	return r->readable ? ask(r, version, &unused) : RANGE_UNSURE;
}

const struct range_interval *range_interval_of(const struct range *r, struct span version)
{
	const struct range_interval *v = NULL;
	return r->readable && ask(r, version, &v) == RANGE_IN ? v : NULL;
}

static void interval_words(const struct range_interval *v, struct str *to)
{
	if (v->exact) {
		str_addf(to, "v = %.*s", SPAN_ARG(v->low));
		return;
	}
	if (!v->low.n && !v->high.n) {
		str_add_text(to, "any version");
		return;
	}
	if (v->low.n)
		str_addf(to, "%.*s %s ", SPAN_ARG(v->low), v->low_exclusive ? "<" : "<=");
	str_add_text(to, "v");
	if (v->high.n)
		str_addf(to, " %s %.*s", v->high_inclusive ? "<=" : "<", SPAN_ARG(v->high));
}

/* A list of hundreds of exact versions is not for reading. */
#define RANGE_WORDS_MAX 12

void range_words(const struct range *r, struct str *to)
{
	if (!r->readable) {
		str_add_text(to, "could not be read");
		return;
	}
	if (!r->count)
		str_add_text(to, "no version");
	for (size_t i = 0; i < r->count; i++) {
		if (i)
			str_add_text(to, ", or ");
		if (i == RANGE_WORDS_MAX) {
			str_addf(to, "one of %zu more", r->count - i);
			return;
		}
		interval_words(&r->intervals[i], to);
	}
}

static void comparison_in(const struct range_interval *v, struct span version, struct str *to)
{
	if (v->exact) {
		str_addf(to, "%.*s = %.*s", SPAN_ARG(version), SPAN_ARG(v->low));
		return;
	}
	if (!v->low.n && !v->high.n) {
		str_add_text(to, "any version");
		return;
	}
	if (v->low.n)
		str_addf(to, "%.*s %s ", SPAN_ARG(v->low), v->low_exclusive ? "<" : "<=");
	str_add(to, version);
	if (v->high.n)
		str_addf(to, " %s %.*s", v->high_inclusive ? "<=" : "<", SPAN_ARG(v->high));
}

static void comparison_out(const struct scheme *s, const struct range_interval *v, struct span version, struct str *to)
{
	bool family;
	struct span begin = range_bound_version(s, version, &family);
	enum version_order low = v->low.n ? version_compare(s, begin, v->low) : VERSION_GREATER;
	if (v->exact)
		str_addf(to, "%.*s is not %.*s", SPAN_ARG(version), SPAN_ARG(v->low));
	else if (low == VERSION_LESS || (low == VERSION_EQUAL && v->low_exclusive))
		str_addf(to, "%.*s %s %.*s", SPAN_ARG(version), v->low_exclusive ? "<=" : "<", SPAN_ARG(v->low));
	else
		str_addf(to, "%.*s %s %.*s", SPAN_ARG(version), v->high_inclusive ? ">" : ">=", SPAN_ARG(v->high));
}

void range_comparison(const struct range *r, struct span version, struct str *to)
{
	const struct range_interval *v = range_interval_of(r, version);
	if (v) {
		comparison_in(v, version, to);
		return;
	}
	if (range_contains(r, version) == RANGE_UNSURE) {
		str_addf(to, "%.*s ? (", SPAN_ARG(version.n ? version : SPAN("no version")));
		range_words(r, to);
		str_add_text(to, ")");
		return;
	}
	if (!r->count)
		str_add_text(to, "no version is affected");
	for (size_t i = 0; i < r->count; i++) {
		if (i)
			str_add_text(to, ", ");
		if (i == RANGE_WORDS_MAX) {
			str_addf(to, "and outside of %zu more", r->count - i);
			return;
		}
		comparison_out(r->scheme, &r->intervals[i], version, to);
	}
}
