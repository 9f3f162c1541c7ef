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

/* ── the stricter of two ────────────────────────────────────────────────────────────────────────────────────────── */

/* The shorter of two periods of which 0 is none. @none_is_strict: none is the strictest, as with grace. */
static int64_t shorter(int64_t a, int64_t b, bool none_is_strict)
{
	if (!a || !b)
		return none_is_strict ? 0 : a + b;
	return RF_MIN(a, b);
}

static int minimum_stricter(struct arena *a, struct gate_policy *to, const struct gate_policy *other)
{
	struct gate_minimum *list = arena_array(a, to->minimum_count + other->minimum_count + 1, sizeof *list);
	size_t n = to->minimum_count;
	if (!list)
		return RF_ENOMEM;
	if (n)
		memcpy(list, to->minimum, n * sizeof *list);
	for (size_t i = 0; i < other->minimum_count; i++) {
		const struct gate_minimum *m = &other->minimum[i];
		size_t k = 0;
		while (k < n && list[k].product != m->product)
			k++;
		if (k == n)
			list[n++] = *m;
		else if (version_compare(product_scheme(m->product), m->version, list[k].version) == VERSION_GREATER)
			list[k] = *m;
	}
	to->minimum = list;
	to->minimum_count = n;
	return 0;
}

bool gate_registry_holds(const char *allowed, struct span place)
{
	struct span name = span_of(allowed);
	if (span_eq_text(name, "*"))
		return true;
	/* whole parts: registry.example/site is not registry.example/site-b */
	return place.n > name.n && name.n && place.p[name.n] == '/' && span_eq_nocase(span_sub(place, 0, name.n), name);
}

static bool is_within(const char *place, const struct gate_policy *p)
{
	for (size_t i = 0; i < p->registry_count; i++)
		if (gate_registry_holds(p->registries[i], span_of(place)) ||
		    span_eq_nocase(span_of(place), span_of(p->registries[i])))
			return true;
	return p->registry_count == 0;
}

/* What both allow. Where that is nothing, a name that no image has stands for it: an empty list is "from anywhere". */
static int registries_stricter(struct arena *a, struct gate_policy *to, const struct gate_policy *other)
{
	static const char nothing[] = "";
	const char **list = arena_array(a, to->registry_count + other->registry_count + 1, sizeof *list);
	size_t n = 0;
	if (!list)
		return RF_ENOMEM;
	for (size_t i = 0; i < to->registry_count; i++)
		if (is_within(to->registries[i], other))
			list[n++] = to->registries[i];
	for (size_t i = 0; i < other->registry_count; i++)
		if (is_within(other->registries[i], to))
			list[n++] = other->registries[i];
	if (n == 0 && (to->registry_count || other->registry_count))
		list[n++] = nothing;
	to->registries = list;
	to->registry_count = n;
	return 0;
}

int gate_policy_stricter(struct arena *a, struct gate_policy *to, const struct gate_policy *other)
{
	if (!span_eq(to->name, other->name)) {
		const char *name = arena_printf(a, "%.*s, %.*s", SPAN_ARG(to->name), SPAN_ARG(other->name));
		if (!name)
			return RF_ENOMEM;
		to->name = span_of(name);
	}
	to->audit = to->audit && other->audit;
	to->unknown = RF_MAX(to->unknown, other->unknown);
	to->conflict = RF_MAX(to->conflict, other->conflict);
	to->unknown_subject = RF_MAX(to->unknown_subject, other->unknown_subject);
	to->stale = RF_MAX(to->stale, other->stale);
	to->expired = RF_MAX(to->expired, other->expired);
	to->unsigned_ = RF_MAX(to->unsigned_, other->unsigned_);
	to->warn_from = RF_MIN(to->warn_from, other->warn_from);
	to->deny_from = RF_MIN(to->deny_from, other->deny_from);
	to->grace_usec = shorter(to->grace_usec, other->grace_usec, true);
	to->engine_max_age_usec = shorter(to->engine_max_age_usec, other->engine_max_age_usec, false);
	to->signatures |= other->signatures;
	int rc = minimum_stricter(a, to, other);
	return rc ? rc : registries_stricter(a, to, other);
}
