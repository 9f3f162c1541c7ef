/* Ranges together: of several statements, for other programs. */
#include "version/range_int.h"

/* Does the statement speak of the branch that @key is on, and if not, is its branch a later one? */
static bool branch_is_later(const struct range *r, const struct version_key *key, bool *ret_own)
{
	struct version_key branch;
	if (!r->scope.branch.n || !version_read(r->scheme, r->scope.branch, &branch))
		return false;
	if (version_on_branch(r->scheme, &branch, key)) {
		*ret_own = true;
		return false;
	}
	return version_key_compare(r->scheme, key, &branch) == VERSION_LESS;
}

enum range_answer ranges_contain(const struct range *const *ranges, size_t count, struct span version)
{
	bool unsure = false, own = false, later = false;
	for (size_t i = 0; i < count; i++) {
		const struct range *r = ranges[i];
		enum range_answer one = range_contains(r, version);
		struct version_key key;
		if (one == RANGE_IN)
			return RANGE_IN;
		unsure |= one == RANGE_UNSURE;
		if (!r->scope.branch.n && r->readable && one == RANGE_OUT)
			own = true; /* a statement about all branches has answered */
		else if (version_read(r->scheme, version, &key))
			later |= branch_is_later(r, &key, &own);
	}
	return unsure || (later && !own) ? RANGE_UNSURE : RANGE_OUT;
}

int range_join(struct arena *a, struct range *to, const struct range *from, struct err *err)
{
	for (size_t i = 0; i < from->count; i++) {
		int rc = range_add(a, to, &from->intervals[i], err);
		if (rc)
			return rc;
	}
	to->readable &= from->readable && from->scheme == to->scheme;
	to->conservative |= from->conservative;
	to->conflict |= from->conflict;
	return 0;
}

/* The first version behind the family of @key; a driver's branch ends where the next one begins. */
static struct span behind_family(struct arena *a, const struct scheme *scheme, const struct version_key *key)
{
	if (!scheme->branch || key->part_count > 1)
		return range_next_family(a, scheme, key, key->part_count);
	struct version_key next = *key;
	while (scheme->branch(&next) == scheme->branch(key) && next.parts[0] < key->parts[0] + 100)
		next.parts[0]++;
	next.parts[0]--;
	return range_next_family(a, scheme, &next, 1);
}

int range_bounds(struct arena *a, const struct range *r, size_t i, struct range_bounds *ret)
{
	if (!r->readable || i >= r->count)
		return RF_EUNREADABLE;
	const struct range_interval *v = &r->intervals[i];
	bool low_family, high_family;
	struct version_key key;
	*ret = (struct range_bounds){ .low = range_bound_version(r->scheme, v->low, &low_family),
				      .low_inclusive = !v->low_exclusive,
				      .high = range_bound_version(r->scheme, v->high, &high_family),
				      .high_inclusive = v->high_inclusive };
	if (!v->high_inclusive || !version_read(r->scheme, ret->high, &key))
		return 0;
	/* the last part may still be the build number: "10.16.1" is a family of TensorRT, "10.16.1.11" is not */
	bool family = high_family || (r->scheme->short_is_family && !key.tag_count && key.part_count < 4);
	if (!family)
		return 0;
	ret->high = behind_family(a, r->scheme, &key);
	ret->high_inclusive = false;
	return ret->high.n ? 0 : RF_ENOMEM;
}

/* Sorted by their lower bounds; those without one first, those that begin at the bound before those that begin behind
 * it. */
static bool place(const struct scheme *scheme, struct range_bounds *list, size_t at, struct range_bounds own)
{
	for (; at > 0; at--) {
		struct range_bounds *before = &list[at - 1];
		enum version_order o = !before->low.n ? VERSION_LESS
				       : !own.low.n   ? VERSION_GREATER
						      : version_compare(scheme, before->low, own.low);
		if (o == VERSION_INCOMPARABLE)
			return false;
		if (o == VERSION_LESS || (o == VERSION_EQUAL && (before->low_inclusive || !own.low_inclusive)))
			break;
		list[at] = *before;
	}
	list[at] = own;
	return true;
}

/* True when @next goes on where @own ends, or before; then @own ends where the later of the two does. */
static bool absorb(const struct scheme *scheme, struct range_bounds *own, const struct range_bounds *next)
{
	if (own->high.n && next->low.n) {
		enum version_order o = version_compare(scheme, next->low, own->high);
		if (o == VERSION_GREATER || (o == VERSION_EQUAL && !own->high_inclusive && !next->low_inclusive))
			return false;
	}
	enum version_order end = !own->high.n    ? VERSION_LESS
				 : !next->high.n ? VERSION_GREATER
						 : version_compare(scheme, next->high, own->high);
	if (end == VERSION_GREATER || (end == VERSION_EQUAL && next->high_inclusive)) {
		own->high = next->high;
		own->high_inclusive = next->high_inclusive;
	}
	return true;
}

int range_disjoint(struct arena *a, const struct range *r, struct range_bounds **ret, size_t *ret_count,
		   struct err *err)
{
	if (!r->readable)
		return err_set(err, RF_EUNREADABLE, "a range that could not be read has no intervals");
	struct range_bounds *list = arena_array(a, r->count + 1, sizeof *list);
	size_t count = 0;
	if (!list)
		return err_set(err, RF_ENOMEM, "%zu intervals", r->count);
	for (size_t i = 0; i < r->count; i++) {
		struct range_bounds one;
		int rc = range_bounds(a, r, i, &one);
		if (rc)
			return err_set(err, rc, "bounds of a range");
		if (!place(r->scheme, list, i, one))
			return err_set(err, RF_EUNREADABLE, "bounds that do not compare: \"%.*s\"", SPAN_ARG(one.low));
	}
	for (size_t i = 0; i < r->count; i++)
		if (!count || !absorb(r->scheme, &list[count - 1], &list[i]))
			list[count++] = list[i];
	*ret = list;
	*ret_count = count;
	return 0;
}
