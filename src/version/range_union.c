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
		return range_next_family(a, key, key->part_count);
	struct version_key next = *key;
	while (scheme->branch(&next) == scheme->branch(key) && next.parts[0] < key->parts[0] + 100)
		next.parts[0]++;
	next.parts[0]--;
	return range_next_family(a, &next, 1);
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
