/* The order of work over what is exposed: each advisory and service once, by priority.h. */
#include "exposure/exposure_int.h"

/* Advisories times services that are shown in one order; more is a backlog, not an order. */
#define WORK_MAX 100000

struct ordering {
	struct transaction *tx;
	struct arena *a;
	const struct workspace *w;
	const struct exposure_work_filter *filter;
	struct exposure_work *list;
	size_t count, capacity;
	struct stored_advisory advisory; /* the last one read; rows come by advisory */
};

static int room(struct ordering *o)
{
	if (o->count == WORK_MAX)
		return err_set(tx_err(o->tx), RF_ETOOMANY, "more than %d advisories and services to order", WORK_MAX);
	if (o->count < o->capacity)
		return 0;
	size_t capacity = o->capacity ? 2 * o->capacity : 64;
	struct exposure_work *more = arena_array(o->a, capacity, sizeof *more);
	if (!more)
		return err_set(tx_err(o->tx), RF_ENOMEM, "order of work");
	if (o->count)
		memcpy(more, o->list, o->count * sizeof *more);
	o->list = more;
	o->capacity = capacity;
	return 0;
}

static int collect_exposed(struct ordering *o)
{
	RF_AUTO_ROWS rows = NULL;
	const struct exposure_work_filter *f = o->filter;
	int rc = TX_QUERY(
		o->tx, &rows,
		"SELECT w.advisory, w.service, w.environment, MAX(w.worst), CAST(SUM(w.placements) AS BIGINT), "
		"MAX(w.is_drill), MAX(w.title) FROM (SELECT f.advisory AS advisory, s.service AS service,"
		" s.environment AS environment, u.id, u.placements AS placements, MAX(f.kind) AS worst,"
		" MAX(COALESCE(v.is_drill, 0)) AS is_drill, MAX(COALESCE(v.title, '')) AS title FROM exposure_finding f"
		" JOIN exposure_link l ON l.subject = f.subject JOIN inventory_use u ON u.id = l.use_id"
		" JOIN inventory_service s ON s.id = u.service_id LEFT JOIN advisory v ON v.id = f.advisory"
		" WHERE f.valid_to IS NULL AND l.valid_to IS NULL AND u.placements > 0"
		" AND f.service = CASE WHEN EXISTS (SELECT 1 FROM exposure_scope c WHERE c.advisory = f.advisory"
		"  AND c.service = s.service) THEN s.service ELSE '' END"
		" AND ($1 = '' OR f.advisory = $1) AND ($2 = '' OR s.service = $2) AND ($3 = 1 OR COALESCE(v.is_drill, "
		"0) = "
		"0)"
		" GROUP BY f.advisory, s.service, s.environment, u.id, u.placements) w"
		" GROUP BY w.advisory, w.service, w.environment ORDER BY w.advisory, w.service, w.environment",
		DB_S(f->advisory.n ? f->advisory : SPAN("")), DB_S(f->service.n ? f->service : SPAN("")),
		DB_I(f->with_drills));
	while (!rc && (rc = rows_next(rows)) == 1) {
		rc = room(o);
		if (rc)
			return rc;
		struct exposure_work *to = &o->list[o->count++];
		*to = (struct exposure_work){ .advisory = arena_span(o->a, rows_text(rows, 0)),
					      .service = arena_span(o->a, rows_text(rows, 1)),
					      .environment = arena_span(o->a, rows_text(rows, 2)),
					      .worst = (enum finding_kind)rows_i64(rows, 3),
					      .placements = rows_i64(rows, 4),
					      .is_drill = rows_i64(rows, 5),
					      .title = arena_span(o->a, rows_text(rows, 6)) };
		if (!to->advisory.p || !to->service.p || !to->environment.p || !to->title.p)
			return err_set(tx_err(o->tx), RF_ENOMEM, "order of work");
	}
	return rc;
}

static int take_rest(const struct advisory_row *row, void *data)
{
	struct ordering *o = data;
	size_t exposed = o->count;
	if (row->is_drill && !o->filter->with_drills)
		return 0;
	for (size_t i = 0; i < exposed; i++)
		if (span_eq(o->list[i].advisory, row->id))
			return 0;
	int rc = room(o);
	if (rc)
		return rc;
	o->list[o->count++] = (struct exposure_work){ .advisory = arena_span(o->a, row->id),
						      .title = arena_span(o->a, row->title),
						      .is_drill = row->is_drill };
	return o->list[o->count - 1].advisory.p ? 0 : err_set(tx_err(o->tx), RF_ENOMEM, "order of work");
}

/* Advisories about products of ours that expose nothing. */
static int collect_rest(struct ordering *o)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < product_count(); i++)
		rc = advisory_list(o->tx,
				   &(struct advisory_filter){ .purl = span_of(product_at(i)->purl), .limit = WORK_MAX },
				   take_rest, o);
	return rc;
}

static const struct workspace_service *service_of(const struct workspace *w, struct span name)
{
	for (size_t i = 0; w && name.n && i < w->services_n; i++)
		if (span_eq_text(name, w->services[i].name))
			return &w->services[i];
	return NULL;
}

static int judge(struct ordering *o, struct exposure_work *work)
{
	int rc = 0;
	if (!span_eq(o->advisory.advisory.id, work->advisory))
		rc = advisory_get(o->tx, o->a, work->advisory, &o->advisory);
	if (rc)
		return rc;
	struct priority_facts facts = priority_facts_of(&o->advisory);
	const struct workspace_service *service = service_of(o->w, work->service);
	facts.finding = work->worst;
	if (service) {
		facts.has_service = true;
		facts.criticality = service->criticality;
		facts.reach = service->reach;
	}
	return priority_of(o->a, &facts, &work->priority, tx_err(o->tx));
}

static int by_priority(const void *left, const void *right)
{
	const struct exposure_work *a = left, *b = right;
	int c = priority_compare(&a->priority, &b->priority);
	if (!c)
		c = span_compare(a->service, b->service);
	return c ? c : span_compare(a->environment, b->environment);
}

int exposure_order_work(struct transaction *tx, struct arena *a, const struct workspace *w,
			const struct exposure_work_filter *filter, struct exposure_work **ret, size_t *ret_count)
{
	struct ordering o = { .tx = tx, .a = a, .w = w, .filter = filter };
	int rc = collect_exposed(&o);
	if (!rc && filter->with_unexposed)
		rc = collect_rest(&o);
	for (size_t i = 0; !rc && i < o.count; i++)
		rc = judge(&o, &o.list[i]);
	if (rc)
		return rc;
	if (o.count)
		qsort(o.list, o.count, sizeof *o.list, by_priority);
	*ret = o.list;
	*ret_count = o.count;
	return 0;
}

void exposure_work_json(const struct exposure_work *work, struct json_out *o)
{
	json_object(o);
	json_member_span(o, "advisory", work->advisory);
	json_member_span(o, "title", work->title);
	json_member_bool(o, "drill", work->is_drill);
	json_member_span(o, "service", work->service);
	json_member_span(o, "environment", work->environment);
	json_member(o, "finding", finding_kind_name(work->worst));
	json_member_i64(o, "placements", work->placements);
	json_key(o, "priority");
	priority_json(&work->priority, o);
	json_object_end(o);
}
