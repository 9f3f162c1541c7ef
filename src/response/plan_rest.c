/* Services that stay exposed through their runtime or their image, whatever is rebuilt (plan.h, law 1). */
#include "response/plan_int.h"

#include "exposure/exposure.h"

/* Services × advisories × components. */
#define REST_MAX 100000

struct collecting {
	const struct workspace *workspace;
	struct arena *a;
	struct err *err;
	struct plan_rest *list;
	size_t count, capacity;
};

static int out_of_memory(struct collecting *c)
{
	return err_set(c->err, RF_ENOMEM, "no memory for the runtimes that stay exposed");
}

const char *plan_service_owner(const struct workspace *w, struct span service, struct arena *a)
{
	const struct workspace_service *s = workspace_service(w, service);
	const char *text = s ? arena_printf(a, "%s (%s)", s->owner.name, s->owner.contact) : NULL;
	return text ? text : "the keeper of reforge.yaml";
}

static bool same_place(struct span name, const char *text)
{
	return span_eq_text(name.n ? name : SPAN(PLAN_UNASSIGNED), text);
}

static bool same_rest(const struct plan_rest *r, const struct exposure_sum *row, const char *component)
{
	return same_place(row->service, r->service) && same_place(row->environment, r->environment) &&
	       span_eq_text(row->advisory, r->advisory) && !strcmp(component, r->component) &&
	       !strcmp(carrier_name(row->carrier), r->carrier);
}

static int add_rest(struct collecting *c, const struct plan_rest *rest)
{
	if (c->count >= REST_MAX)
		return err_set(c->err, RF_ETOOMANY, "more than %d services exposed through their runtime", REST_MAX);
	if (c->count == c->capacity) {
		size_t capacity = c->capacity ? c->capacity * 2 : 64;
		struct plan_rest *grown = arena_array(c->a, capacity, sizeof *grown);
		if (!grown)
			return out_of_memory(c);
		if (c->count)
			memcpy(grown, c->list, c->count * sizeof *grown);
		c->list = grown;
		c->capacity = capacity;
	}
	c->list[c->count++] = *rest;
	return 0;
}

static const char *text_of(struct collecting *c, const struct exposure_sum *row)
{
	bool image = row->carrier == CARRIER_IMAGE;
	if (row->kind != FINDING_AFFECTED)
		return arena_printf(c->a, "whether the %s is affected cannot be told: %s", image ? "image" : "runtime",
				    finding_cause_words(row->cause));
	if (image)
		return "the image holds it: it stays until an image with a fixed one is built and rolled out";
	return "the runtime that loads the engines is affected itself: it moves together with the rebuilt engines when the "
	       "release is rolled out";
}

/* Sums come by advisory, service, environment: those of one rest stand near each other. */
static int visit(const struct exposure_sum *row, void *data)
{
	struct collecting *c = data;
	char component[1200];
	snprintf(component, sizeof component, "%.*s@%.*s", SPAN_ARG(row->purl), SPAN_ARG(row->version));
	for (size_t i = c->count; i-- > 0 && c->count - i <= 8;)
		if (same_rest(&c->list[i], row, component))
			return 0;
	struct plan_rest r = {
		.service = row->service.n ? arena_text(c->a, row->service) : PLAN_UNASSIGNED,
		.environment = row->environment.n ? arena_text(c->a, row->environment) : PLAN_UNASSIGNED,
		.carrier = carrier_name(row->carrier),
		.component = arena_text(c->a, span_of(component)),
		.advisory = arena_text(c->a, row->advisory),
		.owner = plan_service_owner(c->workspace, row->service, c->a),
		.text = text_of(c, row),
	};
	if (!r.service || !r.environment || !r.component || !r.advisory || !r.text)
		return out_of_memory(c);
	return add_rest(c, &r);
}

int plan_rests(struct transaction *tx, const struct workspace *workspace, const char *const *advisories, size_t n,
	       struct arena *a, struct plan_rest **ret, size_t *ret_count)
{
	struct collecting c = { .workspace = workspace, .a = a, .err = tx_err(tx) };
	static const enum carrier carriers[] = { CARRIER_RUNTIME, CARRIER_IMAGE };
	for (size_t i = 0; i < n * RF_COUNT(carriers); i++) {
		struct exposure_filter f = { .advisory = span_of(advisories[i / RF_COUNT(carriers)]),
					     .by_carrier = true,
					     .carrier = carriers[i % RF_COUNT(carriers)],
					     .at_least = FINDING_UNKNOWN };
		int rc = exposure_sums(tx, &f, visit, &c);
		if (rc)
			return rc;
	}
	*ret = c.list;
	*ret_count = c.count;
	return 0;
}
