/* drain - see the header. */
#include "gate/drain.h"

#include "base/hash.h"

const char *drain_action_name(enum drain_action a)
{
	static const char *const names[] = { "stop", "replace", "remove", "hold" };
	return names[a];
}

const char *drain_hold_name(enum drain_hold h)
{
	static const char *const names[] = { "", "no_replacement", "no_room" };
	return names[h];
}

const char *drain_hold_words(enum drain_hold h)
{
	switch (h) {
	case DRAIN_HOLD_NO_REPLACEMENT:
		return "the service needs these replicas and nothing that may run is at hand: build a replacement first";
	case DRAIN_HOLD_NO_ROOM:
		return "none may be taken down before its replacement stands, and there is no place for one more: add a host, lower --keep, or "
		       "take a maintenance window";
	default:
		return "";
	}
}

/* One service in one environment. */
struct service {
	int64_t serving, keep;
	size_t *groups; /* in the order given */
	size_t count;
	struct service *next;
};

struct planning {
	struct arena *a;
	const struct drain_group *groups;
	size_t n;
	struct map services; /* "service\nenvironment" */
	struct service *first;
	struct drain_step *steps;
	size_t steps_n;
};

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory for the plan of a drain");
}

static struct service *service_of(struct planning *p, struct service ***end, const struct drain_group *g)
{
	char *key = arena_printf(p->a, "%.*s\n%.*s", SPAN_ARG(g->service), SPAN_ARG(g->environment));
	struct service *s = key ? map_get(&p->services, span_of(key)) : NULL;
	if (s || !key)
		return s;
	s = arena_alloc(p->a, sizeof *s);
	if (!s || map_set(&p->services, span_of(key), s))
		return NULL;
	**end = s;
	*end = &s->next;
	return s;
}

/* Groups to their services: counted, then placed. */
static int sort_out(struct planning *p, int64_t keep, struct err *err)
{
	struct service **end = &p->first;
	RF_AUTO_FREE struct service **of = rf_realloc_array(NULL, p->n + 1, sizeof(struct service *));
	if (!of)
		return no_memory(err);
	for (size_t i = 0; i < p->n; i++) {
		if (p->groups[i].replicas < 0)
			return err_set(err, RF_EINVALID, "a group of a drain has %lld replicas", (long long)p->groups[i].replicas);
		of[i] = service_of(p, &end, &p->groups[i]);
		if (!of[i])
			return no_memory(err);
		of[i]->serving += p->groups[i].replicas;
		of[i]->count++;
	}
	for (struct service *s = p->first; s; s = s->next) {
		s->groups = arena_array(p->a, s->count, sizeof *s->groups);
		s->keep = s->serving < keep ? s->serving : keep;
		s->count = 0;
		if (!s->groups)
			return no_memory(err);
	}
	for (size_t i = 0; i < p->n; i++)
		of[i]->groups[of[i]->count++] = i;
	return 0;
}

static void add(struct planning *p, struct drain_step step)
{
	p->steps[p->steps_n++] = step;
}

static void stop(struct planning *p, const struct service *s, size_t g)
{
	add(p, (struct drain_step){ .group = g, .action = DRAIN_STOP, .serving = s->serving, .serving_after = s->serving });
}

static void hold(struct planning *p, const struct service *s, size_t g, int64_t replicas, enum drain_hold why)
{
	add(p, (struct drain_step){ .group = g, .action = DRAIN_HOLD, .replicas = replicas, .serving = s->serving,
				    .serving_after = s->serving, .hold = why });
}

/* As many are down together as the rest can spare; where it can spare none, one is added first. */
static void replace(struct planning *p, const struct service *s, size_t g)
{
	const struct drain_group *group = &p->groups[g];
	int64_t spare = s->serving - s->keep;
	bool surge = spare == 0 && group->can_surge;
	int64_t at_once = surge ? 1 : spare < group->replicas ? spare : group->replicas;
	if (at_once == 0) {
		hold(p, s, g, group->replicas, DRAIN_HOLD_NO_ROOM);
		return;
	}
	add(p, (struct drain_step){ .group = g, .action = DRAIN_REPLACE, .replicas = group->replicas, .at_once = at_once, .surge = surge,
				    .serving = s->serving + surge - at_once, .serving_after = s->serving });
}

static void take_out(struct planning *p, struct service *s, size_t g)
{
	int64_t spare = s->serving - s->keep, replicas = p->groups[g].replicas, gone = spare < replicas ? spare : replicas;
	if (gone) {
		s->serving -= gone;
		add(p, (struct drain_step){ .group = g, .action = DRAIN_REMOVE, .replicas = gone, .serving = s->serving,
					    .serving_after = s->serving });
	}
	if (gone < replicas)
		hold(p, s, g, replicas - gone, DRAIN_HOLD_NO_REPLACEMENT);
}

static void plan_service(struct planning *p, struct service *s)
{
	const struct drain_group *all = p->groups;
	for (size_t i = 0; i < s->count; i++)
		if (all[s->groups[i]].denied && all[s->groups[i]].replicas == 0)
			stop(p, s, s->groups[i]);
	for (size_t i = 0; i < s->count; i++)
		if (all[s->groups[i]].denied && all[s->groups[i]].replicas && all[s->groups[i]].has_replacement)
			replace(p, s, s->groups[i]);
	for (size_t i = 0; i < s->count; i++)
		if (all[s->groups[i]].denied && all[s->groups[i]].replicas && !all[s->groups[i]].has_replacement)
			take_out(p, s, s->groups[i]);
}

int drain_plan(struct arena *a, const struct drain_group *groups, size_t n, int64_t keep, struct drain_step **ret, size_t *ret_n,
	       struct err *err)
{
	struct planning p = { .a = a, .groups = groups, .n = n, .steps = arena_array(a, 2 * n + 1, sizeof *p.steps) };
	int rc = p.steps ? 0 : no_memory(err);
	if (rc == 0 && keep < 0)
		rc = err_set(err, RF_EINVALID, "a drain cannot keep %lld replicas", (long long)keep);
	if (rc == 0)
		rc = sort_out(&p, keep, err);
	for (struct service *s = p.first; rc == 0 && s; s = s->next)
		plan_service(&p, s);
	map_release(&p.services);
	if (rc == 0) {
		*ret = p.steps;
		*ret_n = p.steps_n;
	}
	return rc;
}
