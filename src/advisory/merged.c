/* What of a merged advisory needs no database. */
#include "advisory/merged.h"

enum engine_affecting advisory_engine_affecting(const struct advisory_policy *policy, const struct product *product)
{
	if (policy->decided)
		return policy->engine_affecting;
	return product ? product->engine_affecting : ENGINE_AFFECTING_UNKNOWN;
}
