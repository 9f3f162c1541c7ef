/* How the debt shrank: what was frozen, less what was gone at each moment, by owner and service. */
#include "exposure/baseline_int.h"

#define MAX_GROUPS 200000

struct counting {
	struct transaction *tx;
	struct arena *a;
	struct baseline_burndown *to;
	bool by_owner;
	struct map groups; /* "owner service environment" -> struct baseline_group */
	struct baseline_group **list;
	size_t count, room;
};

static int out_of_memory(struct counting *c)
{
	return err_set(tx_err(c->tx), RF_ENOMEM, "burn-down");
}

/* Whole days between points, so that there are at most BASELINE_MAX_POINTS; the first is the freeze, the last is now.
 * Times are told by the second: of two in one second only the last is a point. */
static int times_make(struct counting *c)
{
	struct baseline_burndown *b = c->to;
	usec_t span = RF_MAX(b->now - b->since, (usec_t)0);
	usec_t days = span / USEC_PER_DAY / (BASELINE_MAX_POINTS - 2) + 1;
	b->times = arena_array(c->a, BASELINE_MAX_POINTS, sizeof *b->times);
	if (!b->times)
		return out_of_memory(c);
	for (usec_t t = b->since; t / USEC_PER_SEC < b->now / USEC_PER_SEC && b->time_count < BASELINE_MAX_POINTS - 1; t += days * USEC_PER_DAY)
		b->times[b->time_count++] = t;
	b->times[b->time_count++] = b->now;
	return 0;
}

static struct span keep(struct counting *c, struct span s)
{
	return s.n ? arena_span(c->a, s) : SPAN_NONE;
}

static int group_of(struct counting *c, const struct db_rows *rows, struct baseline_group **ret)
{
	struct span owner = rows_text(rows, 0), service = c->by_owner ? SPAN_NONE : rows_text(rows, 1),
		    environment = c->by_owner ? SPAN_NONE : rows_text(rows, 2);
	const char *key =
		arena_printf(c->a, "%.*s\x1f%.*s\x1f%.*s", SPAN_ARG(owner), SPAN_ARG(service), SPAN_ARG(environment));
	if (!key)
		return out_of_memory(c);
	*ret = map_get(&c->groups, span_of(key));
	if (*ret)
		return 0;
	int rc = baseline_grow(c->tx, &c->list, c->count, &c->room, sizeof *c->list, MAX_GROUPS);
	struct baseline_group *g = rc ? NULL : arena_alloc(c->a, sizeof *g);
	if (!g || !(g->points = arena_array(c->a, c->to->time_count, sizeof *g->points)))
		return rc ? rc : out_of_memory(c);
	g->owner = keep(c, owner);
	g->service = keep(c, service);
	g->environment = keep(c, environment);
	c->list[c->count++] = *ret = g;
	return map_set(&c->groups, span_of(key), g) ? out_of_memory(c) : 0;
}

/* @n debts of @g that were frozen, or were gone from @at on when negative. */
static void count(struct counting *c, struct baseline_group *g, int64_t n, usec_t at)
{
	for (size_t i = 0; i < c->to->time_count; i++)
		if (c->to->times[i] >= at) {
			g->points[i] += n;
			c->to->all.points[i] += n;
		}
	g->frozen += RF_MAX(n, (int64_t)0);
	g->open += n;
	c->to->all.frozen += RF_MAX(n, (int64_t)0);
	c->to->all.open += n;
}

static int rows_count(struct counting *c, const char *sql)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(c->tx, sql, NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct baseline_group *g = NULL;
		rc = group_of(c, rows, &g);
		if (!rc)
			count(c, g, rows_i64(rows, 3), rows_i64(rows, 4));
	}
	return rc;
}

#define GROUP "SELECT h.owner, s.service, s.environment, "
#define OF                                                                                                      \
	" FROM exposure_debt_holder h JOIN inventory_service s ON s.id = h.service_id JOIN exposure_debt_set k" \
	" ON k.id = h.set_id"
#define BY " GROUP BY h.owner, s.service, s.environment"
/* A holder that is gone takes what was left of it along: what was gone before has rows of its own. */
static const char *const questions[] = {
	GROUP "CAST(SUM(k.items) AS BIGINT), 0" OF BY,
	GROUP "-CAST(SUM(k.items - (SELECT COUNT(*) FROM exposure_debt_gone g WHERE g.holder_id = h.id)) AS BIGINT), "
	      "h.gone_at" OF " WHERE h.gone_at IS NOT NULL" BY ", h.gone_at",
	GROUP "-COUNT(*), g.gone_at" OF " JOIN exposure_debt_gone g ON g.holder_id = h.id" BY ", g.gone_at",
};

static int compare_groups(const void *left, const void *right)
{
	const struct baseline_group *a = left, *b = right;
	int c = span_compare(a->owner, b->owner);
	if (!c)
		c = span_compare(a->service, b->service);
	return c ? c : span_compare(a->environment, b->environment);
}

static int burndown(struct counting *c)
{
	int rc = times_make(c);
	if (!rc && !(c->to->all.points = arena_array(c->a, c->to->time_count, sizeof *c->to->all.points)))
		rc = out_of_memory(c);
	for (size_t i = 0; !rc && i < RF_COUNT(questions); i++)
		rc = rows_count(c, questions[i]);
	if (rc)
		return rc;
	struct baseline_group *groups = c->to->groups = arena_array(c->a, c->count + 1, sizeof *groups);
	if (!groups)
		return out_of_memory(c);
	for (size_t i = 0; i < c->count; i++)
		groups[i] = *c->list[i];
	c->to->group_count = c->count;
	qsort(groups, c->count, sizeof *groups, compare_groups);
	return 0;
}

int baseline_burndown(struct transaction *tx, struct arena *a, bool by_owner, struct baseline_burndown *ret)
{
	struct baseline_head head;
	int rc = baseline_head(tx, a, &head);
	if (rc)
		return rc;
	*ret = (struct baseline_burndown){ .since = head.since, .due = head.due, .now = tx_now(tx) };
	struct counting c = { .tx = tx, .a = a, .to = ret, .by_owner = by_owner };
	rc = burndown(&c);
	map_release(&c.groups);
	rf_free(c.list);
	return rc;
}
