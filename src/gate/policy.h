/*
 * policy - from `policies:` of reforge.yaml to what holds for one service and environment.
 *
 * Pure. The ranks and what is built in stand in workspace/policy.h.
 */
#ifndef REFORGE_GATE_POLICY_H
#define REFORGE_GATE_POLICY_H

#include "base/hash.h"
#include "gate/decision.h"

/* Policies made ready: products looked up, versions read. Immutable after; any number of threads. */
struct gate_policies {
	const struct workspace_policy *list;
	size_t count;
	const struct gate_minimum **minimum; /* of each policy */
	struct map by_scope;                 /* "service\nenvironment", "service\n", "\nenvironment", "\n" -> policy */
	struct arena *a;
};
/*
 * @list must outlive @ret; what is made lies in @a. RF_EINVALID with the policy's name: a minimum of a product that the
 * table does not have, or a version that its scheme does not read; two policies of one rank for the same scope. RF_ENOMEM.
 */
RF_MUST_CHECK int gate_policies_ready(struct arena *a, const struct workspace_policy *list, size_t n,
				      struct gate_policies *ret, struct err *err);
void gate_policies_release(struct gate_policies *p); /* takes a zeroed one */
/* Makes @to as strict as @other too, key by key: what either denies is denied, what either asks for is asked for. Lists in
 * @a. RF_ENOMEM. */
RF_MUST_CHECK int gate_policy_stricter(struct arena *a, struct gate_policy *to, const struct gate_policy *other);
/* Does @allowed, a row of registries, hold for an image at @place ("registry.example/site/app")? */
bool gate_registry_holds(const char *allowed, struct span place);
/* Four look-ups, no allocation. Empty spans: no service, no environment. */
void gate_policy_of(const struct gate_policies *p, struct span service, struct span environment,
		    struct gate_policy *ret);

#endif
