/* policy.h: four ranks of policies, put together key by key. */
#include "gate/policy.h"

#include "inventory/artifact.h"

/* "service\nenvironment": names have no control characters. */
#define SCOPE_BYTES 600

static struct span scope_key(char buffer[SCOPE_BYTES], struct span service, struct span environment)
{
	if (service.n + environment.n + 1 > SCOPE_BYTES)
		return SPAN_NONE;
	if (service.n)
		memcpy(buffer, service.p, service.n);
	buffer[service.n] = '\n';
	if (environment.n)
		memcpy(buffer + service.n + 1, environment.p, environment.n);
	return (struct span){ buffer, service.n + 1 + environment.n };
}

/* The toolchains' own names stand for their products. */
static const struct product *product_named(const char *name)
{
	if (strcmp(name, "tensorrt") == 0)
		return product_by_purl(SPAN(ARTIFACT_PRODUCT_TENSORRT));
	if (strcmp(name, "onnxruntime") == 0)
		return product_by_purl(SPAN(ARTIFACT_PRODUCT_ONNXRUNTIME));
	return product_by_any(span_of(name));
}

static int minimum_ready(struct arena *a, const struct workspace_policy *p, const struct gate_minimum **ret,
			 struct err *err)
{
	struct gate_minimum *list = arena_array(a, p->minimum_n + 1, sizeof *list);
	if (!list)
		return err_set(err, RF_ENOMEM, "policies");
	for (size_t i = 0; i < p->minimum_n; i++) {
		const struct workspace_minimum *m = &p->minimum[i];
		list[i] = (struct gate_minimum){ product_named(m->product), span_of(m->version) };
		if (!list[i].product)
			return err_set(err, RF_EINVALID,
				       "policy %s: minimum_toolchain names %s, which is no product that is known here; a toolchain's name or a "
				       "purl is",
				       p->name, m->product);
		if (!version_is_readable(product_scheme(list[i].product), list[i].version))
			return err_set(err, RF_EINVALID, "policy %s: minimum_toolchain: %s is no version of %s", p->name,
				       m->version, list[i].product->name);
	}
	*ret = list;
	return 0;
}

static int scope_add(struct gate_policies *to, const char *service, const char *environment,
		     const struct workspace_policy *p, struct err *err)
{
	char buffer[SCOPE_BYTES];
	struct span key = scope_key(buffer, span_of(service), span_of(environment));
	const struct workspace_policy *other = key.n ? map_get(&to->by_scope, key) : NULL;
	if (!key.n)
		return err_set(err, RF_EINVALID, "policy %s: a name of a service or environment is too long", p->name);
	if (other)
		return err_set(err, RF_EINVALID,
			       "policies %s and %s both hold for %s%s%s%s%s: one of them has to be narrower", other->name, p->name,
			       service[0] ? "service " : "", service, service[0] && environment[0] ? " in " : "",
			       environment[0] ? environment : "", service[0] || environment[0] ? "" : "everything");
	key = arena_span(to->a, key);
	if (!key.p || map_set(&to->by_scope, key, (void *)(uintptr_t)p))
		return err_set(err, RF_ENOMEM, "policies");
	return 0;
}

static int scopes_add(struct gate_policies *to, const struct workspace_policy *p, struct err *err)
{
	size_t services = RF_MAX(p->services_n, (size_t)1), environments = RF_MAX(p->environments_n, (size_t)1);
	int rc = 0;
	for (size_t i = 0; i < services && !rc; i++)
		for (size_t k = 0; k < environments && !rc; k++)
			rc = scope_add(to, p->services_n ? p->services[i] : "",
				       p->environments_n ? p->environments[k] : "", p, err);
	return rc;
}

int gate_policies_ready(struct arena *a, const struct workspace_policy *list, size_t n, struct gate_policies *ret,
			struct err *err)
{
	struct gate_policies p = { .list = list, .count = n, .a = a };
	p.minimum = arena_array(a, n + 1, sizeof *p.minimum);
	int rc = p.minimum ? 0 : err_set(err, RF_ENOMEM, "policies");
	for (size_t i = 0; i < n && !rc; i++) {
		rc = minimum_ready(a, &list[i], &p.minimum[i], err);
		if (!rc)
			rc = scopes_add(&p, &list[i], err);
	}
	if (rc) {
		gate_policies_release(&p);
		return rc;
	}
	*ret = p;
	return 0;
}

void gate_policies_release(struct gate_policies *p)
{
	map_release(&p->by_scope);
	*p = (struct gate_policies){ 0 };
}

static void take_action(enum workspace_action from, enum gate_decision *to)
{
	if (from != WORKSPACE_ACTION_UNSET)
		*to = (enum gate_decision)((int)from - 1);
}

static void take(const struct gate_policies *all, const struct workspace_policy *p, struct gate_policy *to)
{
	to->name = span_of(p->name);
	if (p->mode != WORKSPACE_MODE_UNSET)
		to->audit = p->mode == WORKSPACE_MODE_AUDIT;
	take_action(p->unknown, &to->unknown);
	take_action(p->conflict, &to->conflict);
	take_action(p->unknown_subject, &to->unknown_subject);
	take_action(p->stale, &to->stale);
	take_action(p->expired, &to->expired);
	take_action(p->unsigned_, &to->unsigned_);
	if (p->warn_from.is_set)
		to->warn_from = p->warn_from.tenths;
	if (p->deny_from.is_set)
		to->deny_from = p->deny_from.tenths;
	if (p->grace.is_set)
		to->grace_usec = p->grace.usec;
	if (p->engine_max_age.is_set)
		to->engine_max_age_usec = p->engine_max_age.usec;
	if (p->minimum_n) {
		to->minimum = all->minimum[p - all->list];
		to->minimum_count = p->minimum_n;
	}
	if (p->signatures_n)
		to->signatures = 0;
	for (size_t i = 0; i < p->signatures_n; i++)
		to->signatures |= workspace_signature_bit(p->signatures[i]);
	if (p->registries_n) {
		to->registries = p->registries;
		to->registry_count = p->registries_n;
	}
}

static const struct gate_policy built_in = {
	.name = { "built in", 8 },
	.audit = WORKSPACE_POLICY_MODE == WORKSPACE_MODE_AUDIT,
	.unknown = (enum gate_decision)(WORKSPACE_POLICY_UNKNOWN - 1),
	.conflict = (enum gate_decision)(WORKSPACE_POLICY_CONFLICT - 1),
	.unknown_subject = (enum gate_decision)(WORKSPACE_POLICY_UNKNOWN_SUBJECT - 1),
	.stale = (enum gate_decision)(WORKSPACE_POLICY_STALE - 1),
	.expired = (enum gate_decision)(WORKSPACE_POLICY_EXPIRED - 1),
	.unsigned_ = (enum gate_decision)(WORKSPACE_POLICY_UNSIGNED - 1),
	.warn_from = WORKSPACE_POLICY_WARN_FROM,
	.deny_from = WORKSPACE_POLICY_DENY_FROM,
};
_Static_assert((int)WORKSPACE_ACTION_ALLOW - 1 == (int)GATE_ALLOW && (int)WORKSPACE_ACTION_DENY - 1 == (int)GATE_DENY,
	       "what is built in is written as actions");

void gate_policy_of(const struct gate_policies *p, struct span service, struct span environment, struct gate_policy *ret)
{
	const struct span ranks[4][2] = { { SPAN_NONE, SPAN_NONE },
					  { SPAN_NONE, environment },
					  { service, SPAN_NONE },
					  { service, environment } };
	*ret = built_in;
	for (size_t i = 0; i < RF_COUNT(ranks) && p->count; i++) {
		char buffer[SCOPE_BYTES];
		struct span key = scope_key(buffer, ranks[i][0], ranks[i][1]);
		/* without a service or an environment a narrower rank is a wider one over again */
		if ((i & 1 && !environment.n) || (i & 2 && !service.n) || !key.n)
			continue;
		const struct workspace_policy *found = map_get(&p->by_scope, key);
		if (found)
			take(p, found, ret);
	}
}
