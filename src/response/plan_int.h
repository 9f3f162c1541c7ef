/* plan_int - a plan with toolchains that are loaded already, and the lane of one recipe. Not for other rooms. */
#ifndef REFORGE_RESPONSE_PLAN_INT_H
#define REFORGE_RESPONSE_PLAN_INT_H

#include "base/hash.h"
#include "base/thread.h"
#include "response/plan.h"
#include "response/tools.h"

/* What cures one builder version. */
struct plan_cure {
	const struct toolchain_kind *kind;
	struct fix_version fix;
	const char *error;                 /* why no fix path could be looked for; NULL: it was */
};
/* The cures of one plan. A version counts as a cure only when no published advisory at hand affects it, drills of other plans
 * left out: a rebuild into the next known flaw would be no cure. */
struct plan_cures {
	const struct response_context *context;
	struct arena *a;
	struct err *err;
	const char *const *advisories;     /* of the plan */
	size_t advisory_count;
	struct map by_product, by_version;
};
void plan_cures_release(struct plan_cures *cures);
/* For engines that @from of @kind (product @purl) built; lives in the arena. */
RF_MUST_CHECK int plan_cure(struct plan_cures *cures, const struct toolchain_kind *kind, const char *purl, struct span from,
                            const struct plan_cure **ret);

/* As plan_make(). */
RF_MUST_CHECK int plan_make_with(const struct response_context *context, struct tools *tools, const char *const *advisories, size_t n,
                                 struct arena *a, struct plan *ret, struct err *err);
/* The lane of @recipe for @target with @version of @kind (NULL version: none cures; NULL kind: unknown toolchain). @judgement
 * may be NULL: the recipe goes as it is. RF_ENOMEM. */
RF_MUST_CHECK int plan_check_lane(const struct response_context *context, struct tools *tools, const struct toolchain_kind *kind,
                                  const struct recipe *recipe, const char *target, const char *version,
                                  const struct fix_judgement *judgement, struct arena *a, struct lane *ret, struct err *err);

/* Exposures of the runtime and the image carrier to any of @advisories, one per service × environment × component × advisory, in @a. */
RF_MUST_CHECK int plan_rests(struct transaction *tx, const struct workspace *workspace, const char *const *advisories, size_t n,
                             struct arena *a, struct plan_rest **ret, size_t *ret_count);
/* "name (contact)" of the service's owner, in @a; static words when no such service is known. */
const char *plan_service_owner(const struct workspace *workspace, struct span service, struct arena *a);

#endif
