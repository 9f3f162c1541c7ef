/* The order of work over what is exposed: each advisory and service once, by priority.h. */
#include "exposure/exposure_view.h"

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

static struct span copy(struct ordering *o, struct span s)
{
	return s.n ? arena_span(o->a, s) : SPAN("");
}

/* An advisory's row for a service, made when it is first met; *ret: its place in the list. */
static int work_of(struct ordering *o, const struct exposure_view *v, struct map *rows, size_t advisory, size_t service,
		   size_t *ret)
{
	size_t key[2] = { advisory, service };
	size_t *at = map_get(rows, span_bytes(key, sizeof key));
	if (at) {
		*ret = at[2];
		return 0;
	}
	int rc = room(o);
	if (rc)
		return rc;
	struct exposure_work *to = &o->list[o->count];
	*to = (struct exposure_work){ .advisory = copy(o, v->advisories[advisory].id),
				      .service = copy(o, v->services[service].service),
				      .environment = copy(o, v->services[service].environment),
				      .title = copy(o, v->advisories[advisory].title),
				      .is_drill = v->advisories[advisory].is_drill };
	at = arena_array(o->a, 3, sizeof *at);
	if (!at || !to->advisory.p || !to->service.p || !to->environment.p || !to->title.p)
		return err_set(tx_err(o->tx), RF_ENOMEM, "order of work");
	at[0] = advisory;
	at[1] = service;
	at[2] = *ret = o->count++;
	return map_set(rows, span_bytes(at, sizeof key), at) ? err_set(tx_err(o->tx), RF_ENOMEM, "order of work") : 0;
}

/* A use's placements count once for an advisory, whatever of it is hit. @met: the use that last met each advisory. */
static int add_link(struct ordering *o, const struct exposure_view *v, const struct view_link *l, struct map *rows,
		    int64_t *met)
{
	const struct view_subject *subject = &v->subjects[l->subject];
	for (size_t i = subject->first; i < subject->first + subject->count; i++) {
		const struct view_finding *f = &v->findings[i];
		size_t at = 0;
		if (!exposure_view_applies(v, f, &v->services[l->service]))
			continue;
		int rc = work_of(o, v, rows, f->advisory, l->service, &at);
		if (rc)
			return rc;
		o->list[at].placements += met[f->advisory] == l->use ? 0 : l->placements;
		o->list[at].worst = RF_MAX(o->list[at].worst, f->kind);
		met[f->advisory] = l->use;
	}
	return 0;
}

static int collect_exposed(struct ordering *o)
{
	const struct exposure_filter f = { .advisory = o->filter->advisory,
					   .service = o->filter->service,
					   .without_drills = !o->filter->with_drills };
	struct exposure_view v;
	RF_AUTO(map) rows = MAP_INIT;
	int rc = exposure_view_load(o->tx, &f, false, &v);
	int64_t *met = rc ? NULL : arena_array(&v.a, v.advisory_count + 1, sizeof *met);
	if (!rc && !met)
		rc = err_set(tx_err(o->tx), RF_ENOMEM, "order of work");
	for (size_t i = 0; !rc && i < v.link_count; i++)
		rc = add_link(o, &v, &v.links[i], &rows, met);
	exposure_view_release(&v);
	return rc;
}

/* advisory_get() is asked once for each: rows of one advisory stand together. */
static int by_advisory(const void *left, const void *right)
{
	const struct exposure_work *a = left, *b = right;
	int c = span_compare(a->advisory, b->advisory);
	if (!c)
		c = span_compare(a->service, b->service);
	return c ? c : span_compare(a->environment, b->environment);
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
	if (!rc && o.count)
		qsort(o.list, o.count, sizeof *o.list, by_advisory);
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
