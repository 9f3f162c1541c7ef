/*
 * From clauses to intervals: bounds joined with fixes, several bounds told apart by their branches, scopes.
 *
 * The fix is the exclusive upper bound where there is one: stated bounds are inclusive in one bulletin and exclusive in
 * the next, and leave out the build number ("to v10.16.1" means 10.16.1.11 too). A gap between bound and fix counts as
 * affected. A fix below the bound contradicts it, and the wider reading stays.
 */
#include "version/range_int.h"

struct joining {
	struct arena *a;
	struct range *r;
	const struct clause *c;
	const struct fixes *fixed;
	struct span branch;
	struct err *err;
};

static int no_memory(struct joining *j)
{
	return err_set(j->err, RF_ENOMEM, "version range");
}

/* The first note is kept: it is the words', or what happened to the only bound. */
static int note(struct joining *j, struct span fix, const char *how, struct span bound, const char *consequence)
{
	if (j->r->note.n)
		return 0;
	char *text = arena_printf(j->a, "the fix %.*s %s %.*s%s", SPAN_ARG(fix), how, SPAN_ARG(bound), consequence);
	if (!text)
		return no_memory(j);
	j->r->note = span_of(text);
	return 0;
}

static const char between[] = ": what is between counts as affected";

struct span range_family_text(struct arena *a, const struct scheme *scheme, struct span version)
{
	if (range_is_family(scheme, version))
		return version;
	return span_of(arena_printf(a, "%.*s.x", SPAN_ARG(version)));
}

struct span range_next_family(struct arena *a, const struct scheme *scheme, const struct version_key *key, size_t count)
{
	struct str text = STR_INIT(256);
	size_t first = scheme->epoch_first;
	if (first && key->parts[0])
		str_addf(&text, "%llu!", (unsigned long long)key->parts[0]);
	for (size_t i = first; i < count; i++)
		str_addf(&text, "%s%llu", i > first ? "." : "", (unsigned long long)key->parts[i] + (i + 1 == count));
	struct span copy = text.failed ? SPAN_NONE : arena_span(a, str_span(&text));
	str_release(&text);
	return copy;
}

static bool is_bottom(struct span version)
{
	return !version.n || prose_is_zero(version);
}

/* The smallest fix above @bound (equal to it too when @or_equal); empty when there is none. Without a bound the
 * largest: with fixes on several branches nothing tells which versions the smaller one cured. */
static struct span fix_above(const struct joining *j, struct span bound, bool or_equal)
{
	const struct scheme *scheme = j->r->scheme;
	struct span best = SPAN_NONE;
	bool family;
	bound = bound.n ? range_bound_version(scheme, bound, &family) : bound;
	for (size_t i = 0; i < j->fixed->count; i++) {
		struct span fix = range_bound_version(scheme, j->fixed->versions[i], &family);
		enum version_order o = bound.n ? version_compare(scheme, fix, bound) : VERSION_GREATER;
		if (o != VERSION_GREATER && !(or_equal && o == VERSION_EQUAL))
			continue;
		if (!best.n || version_compare(scheme, fix, best) == (bound.n ? VERSION_LESS : VERSION_GREATER))
			best = fix;
	}
	return best;
}

/* Upper bound of @v, which has the stated one (or none) in v->high. */
static int close_high(struct joining *j, enum bound_kind kind, struct range_interval *v)
{
	bool may_equal = kind == BOUND_EXCLUSIVE || kind == BOUND_UNCLEAR;
	struct span bound = kind == BOUND_NONE ? v->low : v->high;
	struct span fix = fix_above(j, bound, may_equal);
	if (kind == BOUND_EXCLUSIVE) {
		if (fix.n && version_compare(j->r->scheme, fix, v->high) == VERSION_GREATER) {
			struct span stated = v->high;
			v->high = fix; /* "prior to v12.4", fixed in v12.4U1: is 12.4 affected? */
			j->r->conservative = true;
			return note(j, fix, "is above the bound", stated, between);
		}
		return 0;
	}
	if (fix.n) {
		struct span stated = v->high;
		v->high = fix;
		v->high_inclusive = false;
		return stated.n && !span_eq(stated, fix) ? note(j, fix, "stands for the bound", stated, "") : 0;
	}
	if (kind != BOUND_NONE) {
		v->high_inclusive = true;
		j->r->conservative |= j->fixed->count > 0;
	}
	return 0;
}

/* The scope's branch as lower bound, where the statement has none of its own and its upper bound lies on the branch. */
static int add(struct joining *j, struct range_interval v)
{
	struct version_key branch, high;
	const struct scheme *scheme = j->r->scheme;
	bool family;
	if (is_bottom(v.low))
		v.low = SPAN_NONE;
	if (v.high.n && prose_is_zero(v.high))
		j->r->readable = false; /* "prior to 0" holds nothing */
	if (j->branch.n && !v.low.n && version_read(scheme, j->branch, &branch)) {
		if (!v.high.n) {
			v.high = range_family_text(j->a, scheme, j->branch);
			v.high_inclusive = true;
			if (!v.high.n)
				return no_memory(j);
		}
		bool read = version_read(scheme, range_bound_version(scheme, v.high, &family), &high);
		if (read && version_on_branch(scheme, &branch, &high) &&
		    (family || version_key_compare(scheme, &branch, &high) == VERSION_LESS)) {
			v.low = j->branch;
			j->r->scope.branch = j->branch;
		}
	}
	return range_add(j->a, j->r, &v, j->err);
}

/* Sorts bounds upwards; false when two do not compare. */
static bool sort_bounds(const struct scheme *scheme, const struct clause *c, struct version_key *keys, size_t *order)
{
	for (size_t i = 0; i < c->count; i++) {
		bool family;
		if (!version_read(scheme, range_bound_version(scheme, c->versions[i], &family), &keys[i]))
			return false;
		size_t at = i;
		for (; at > 0; at--) {
			enum version_order o = version_key_compare(scheme, &keys[order[at - 1]], &keys[i]);
			if (o == VERSION_INCOMPARABLE)
				return false;
			if (o != VERSION_GREATER)
				break;
			order[at] = order[at - 1];
		}
		order[at] = i;
	}
	return true;
}

/*
 * "prior to 3.5.1 and 3.1.7": everything below 3.1.7, and from the branch behind 3.1 up to 3.5.1 (3.2 and 3.3 have no
 * fix of their own). The branch of a bound is what it has up to the first part that differs from the next one.
 */
/* A fix for each bound, or no word about fixes at all: else "prior to 0.5.0 and 0.4.1", fixed in 0.5.0, would clear
 * 0.4.1. */
static bool each_has_a_fix(const struct joining *j)
{
	const struct clause *c = j->c;
	if (!j->fixed->count)
		return true;
	if (c->high != BOUND_EXCLUSIVE)
		return j->fixed->count >= c->count;
	for (size_t i = 0; i < c->count; i++) {
		bool found = false;
		for (size_t k = 0; k < j->fixed->count; k++)
			found |= version_compare(j->r->scheme, c->versions[i], j->fixed->versions[k]) == VERSION_EQUAL;
		if (!found)
			return false;
	}
	return true;
}

static int add_branches(struct joining *j)
{
	struct version_key keys[CLAUSE_MAX_VERSIONS];
	size_t order[CLAUSE_MAX_VERSIONS];
	if (j->r->scheme->opaque || !sort_bounds(j->r->scheme, j->c, keys, order)) {
		j->r->readable = false;
		return 0;
	}
	if (!each_has_a_fix(j)) {
		struct range_interval v = { .low = j->c->low, .high = j->c->versions[order[j->c->count - 1]] };
		j->r->conservative = true;
		int rc = close_high(j, j->c->high, &v);
		return rc ? rc : add(j, v);
	}
	struct span low = j->c->low;
	for (size_t i = 0; i < j->c->count; i++) {
		struct range_interval v = { .low = low, .high = j->c->versions[order[i]] };
		int rc = close_high(j, j->c->high, &v);
		/* "prior to 0.4.1 and 0.5.0": nothing of branch 0.5 */
		bool empty =
			low.n && i && version_compare(j->r->scheme, low, v.high) == VERSION_EQUAL && !v.high_inclusive;
		if (!rc && !empty)
			rc = add(j, v);
		if (rc || i + 1 == j->c->count)
			return rc;
		const struct version_key *own = &keys[order[i]], *next = &keys[order[i + 1]];
		size_t same = 0;
		while (same < own->part_count && same < next->part_count && own->parts[same] == next->parts[same])
			same++;
		if (same == own->part_count || same + 1 >= next->part_count)
			return err_set(j->err, RF_EUNREADABLE, "%.*s and %.*s are not bounds of two branches",
				       SPAN_ARG(own->text), SPAN_ARG(next->text));
		low = range_next_family(j->a, j->r->scheme, own, same + 1);
		if (!low.n)
			return no_memory(j);
	}
	return 0;
}

/* "24.11", fixed in "24.12": nothing is between. One more in the last part that either has. */
static bool is_next(const struct version_key *a, const struct version_key *b)
{
	size_t n = RF_MAX(a->part_count, b->part_count);
	if (a->tag_count || b->tag_count || a->line != b->line)
		return false;
	for (size_t i = 0; i + 1 < n; i++)
		if (a->parts[i] != b->parts[i])
			return false;
	return n > 0 && a->parts[n - 1] + 1 == b->parts[n - 1];
}

/* True when @key is on the family that @low names: the fix of a family ends it. */
static bool ends_family(const struct joining *j, struct span low, struct span fix)
{
	struct version_key family, key;
	bool ignored;
	return range_is_family(j->r->scheme, low) &&
	       version_read(j->r->scheme, range_bound_version(j->r->scheme, low, &ignored), &family) &&
	       version_read(j->r->scheme, fix, &key) && version_on_branch(j->r->scheme, &family, &key);
}

static bool is_highest(const struct joining *j, size_t i)
{
	for (size_t k = 0; k < j->c->count; k++)
		if (version_compare(j->r->scheme, j->c->versions[k], j->c->versions[i]) == VERSION_GREATER)
			return false;
	return true;
}

static bool is_fixed_itself(const struct joining *j, struct span version)
{
	for (size_t k = 0; k < j->fixed->count; k++)
		if (version_compare(j->r->scheme, j->fixed->versions[k], version) == VERSION_EQUAL)
			return true;
	return false;
}

/* @v is one version or a family; its end is moved up to the fix where that is not far away by name only. */
static int end_exact(struct joining *j, size_t i, const struct version_key *key, struct range_interval *v)
{
	const struct scheme *scheme = j->r->scheme;
	bool family = range_is_family(scheme, v->low), highest = is_highest(j, i);
	struct span fix = family || highest ? fix_above(j, v->low, false) : SPAN_NONE;
	struct version_key fixed;
	if (!fix.n || !version_read(scheme, fix, &fixed))
		return range_add(j->a, j->r, v, j->err);
	bool ends = family && ends_family(j, v->low, fix), next = is_next(key, &fixed);
	if (family && !ends) {
		struct span behind = range_next_family(j->a, scheme, key, key->part_count);
		if (!behind.n)
			return no_memory(j);
		next = version_compare(scheme, behind, fix) == VERSION_EQUAL;
	}
	bool ignored, gap = !ends && highest && !next;
	int rc = 0;
	if (gap && j->fixed->listed)
		rc = note(j, fix, "is not the next version behind", j->c->versions[i],
			  ": nothing is said of what is between");
	if (rc || (!ends && (!gap || j->fixed->listed)))
		return rc ? rc : range_add(j->a, j->r, v, j->err);
	*v = (struct range_interval){ .low = range_bound_version(scheme, v->low, &ignored), .high = fix };
	if (gap) {
		j->r->conservative = true;
		rc = note(j, fix, "is not the next version behind", j->c->versions[i], between);
	}
	return rc ? rc : range_add(j->a, j->r, v, j->err);
}

/*
 * Exact statements stay exact: publishers who list every affected version write so. Behind the highest of them, what
 * lies before a fix that is not the next version counts as affected, as with ranges; "10.x", fixed in 10.5, ends there.
 * A version that is affected and fixed at once ("11.2", fixed in 11.2) has lost its "prior to": all up to it, and the
 * contradiction is shown.
 */
static int add_exact(struct joining *j, size_t i)
{
	const struct clause *c = j->c;
	const struct scheme *scheme = j->r->scheme;
	struct span own = c->versions[i];
	struct range_interval v = { .low = own, .high = own, .high_inclusive = true, .exact = true };
	struct version_key key;
	bool family, known = version_read(scheme, range_bound_version(scheme, own, &family), &key);
	if (c->last[i].n) {
		v.high = c->last[i];
		v.exact = false;
		return range_add(j->a, j->r, &v, j->err);
	}
	if (!known || scheme->opaque)
		return range_add(j->a, j->r, &v, j->err);
	if (prose_is_zero(own)) { /* "0", "0.0": from the beginning, by those who leave the end out */
		struct range_interval all = { 0 };
		j->r->conservative = true;
		int rc = close_high(j, BOUND_NONE, &all);
		return rc ? rc : add(j, all);
	}
	if (is_fixed_itself(j, own)) {
		j->r->conflict = true;
		int rc = note(j, own, "is also what is affected:", own, " and all before it count as affected");
		return rc ? rc : add(j, (struct range_interval){ .high = own, .high_inclusive = true });
	}
	if (key.part_count - scheme->epoch_first == 1 && !key.tag_count) {
		v.low = v.high = range_family_text(j->a, scheme, own); /* "Base Command Manager 10" */
		if (!v.low.n)
			return no_memory(j);
	}
	return end_exact(j, i, &key, &v);
}

/* "5.12, 5.11, 5.9 and older": all of the newest branch and everything before it; fixes on older branches are not
 * applied. */
static int add_list_and_earlier(struct joining *j)
{
	struct version_key keys[CLAUSE_MAX_VERSIONS];
	size_t order[CLAUSE_MAX_VERSIONS];
	if (j->r->scheme->opaque || !sort_bounds(j->r->scheme, j->c, keys, order)) {
		j->r->readable = false;
		return 0;
	}
	struct span newest = range_family_text(j->a, j->r->scheme, j->c->versions[order[j->c->count - 1]]);
	if (!newest.n)
		return no_memory(j);
	j->r->conservative = true;
	return add(j, (struct range_interval){ .high = newest, .high_inclusive = true });
}

static int add_range(struct joining *j)
{
	const struct clause *c = j->c;
	if (c->count > 1)
		return add_branches(j);
	struct range_interval v = { .low = c->low, .low_exclusive = c->low_exclusive };
	if (c->count)
		v.high = c->versions[0];
	bool family;
	if (c->low.n && c->count && !is_bottom(c->low) &&
	    version_compare(j->r->scheme, range_bound_version(j->r->scheme, c->low, &family),
			    range_bound_version(j->r->scheme, v.high, &family)) == VERSION_GREATER)
		j->r->readable = false; /* "2.1.0-2.0.0": a fix above both would hide the slip */
	int rc = close_high(j, c->count ? c->high : BOUND_NONE, &v);
	return rc ? rc : add(j, v);
}

int range_add_clause(struct arena *a, struct range *r, const struct clause *c, const struct fixes *fixed,
		     struct span branch, struct err *err)
{
	struct joining j = { a, r, c, fixed, branch, err };
	r->conservative |= c->qualified;
	if (c->note.n && !r->note.n)
		r->note = c->note;
	switch (c->kind) {
	case CLAUSE_ALL: {
		struct range_interval v = { 0 };
		int rc = close_high(&j, BOUND_NONE, &v);
		return rc ? rc : add(&j, v);
	}
	case CLAUSE_COMMIT:
		return range_add(a, r, &(struct range_interval){ .high = c->versions[0] }, err);
	case CLAUSE_EXACT:
		for (size_t i = 0; i < c->count; i++) {
			int rc = add_exact(&j, i);
			if (rc)
				return rc;
		}
		return 0;
	case CLAUSE_LIST_AND_EARLIER:
		return add_list_and_earlier(&j);
	case CLAUSE_RANGE:
		break;
	}
	return add_range(&j);
}
