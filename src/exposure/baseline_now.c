/*
 * What is owed now: holders and what is found of them, from the view.
 *
 *   links (use has a component) ─┐
 *   faults of content ───────────┴─► entries ──sort──► holders, each with its items
 */
#include "exposure/baseline_int.h"

const char *const baseline_causes[] = { ARTIFACT_CAUSE_HEADER_MISMATCH, ARTIFACT_CAUSE_UNKNOWN_BUILDER,
					ARTIFACT_CAUSE_UNREADABLE,      ARTIFACT_CAUSE_CONTENT_ABSENT,
					ARTIFACT_CAUSE_INCOMPLETE,      NULL };

/* One reason for a holder: a component, or a fault of its content (subject SIZE_MAX). */
struct entry {
	size_t service, subject;
	enum carrier carrier;
	int64_t artifact;
	struct span purl, version; /* of runtime and image: the key */
	uint64_t code;             /* of a fault */
};
struct gathering {
	struct baseline_now *to;
	struct entry *list;
	size_t count, room;
};

int baseline_grow(struct transaction *tx, void *list_pointer, size_t count, size_t *room, size_t size, size_t most)
{
	void **list = list_pointer;
	if (count < *room)
		return 0;
	if (count >= most)
		return err_set(tx_err(tx), RF_ETOOMANY, "more than %zu engines and components in the baseline", most);
	size_t more = *room ? 2 * *room : 256;
	void *to = rf_realloc_array(*list, more, size);
	if (!to)
		return err_set(tx_err(tx), RF_ENOMEM, "baseline");
	*list = to;
	*room = more;
	return 0;
}

static int add(struct gathering *g, const struct entry *e)
{
	int rc = baseline_grow(g->to->v.tx, &g->list, g->count, &g->room, sizeof *g->list, BASELINE_MAX_HOLDERS);
	if (!rc)
		g->list[g->count++] = *e;
	return rc;
}

static int add_links(struct gathering *g)
{
	const struct exposure_view *v = &g->to->v;
	int rc = 0;
	for (size_t i = 0; !rc && i < v->link_count; i++) {
		const struct view_link *l = &v->links[i];
		const struct view_subject *s = &v->subjects[l->subject];
		struct entry e = { .service = l->service, .subject = l->subject, .carrier = s->carrier };
		if (s->carrier == CARRIER_BUILDER) {
			e.artifact = l->artifact;
		} else {
			e.purl = s->purl;
			e.version = s->version;
		}
		rc = add(g, &e);
	}
	return rc;
}

/* Placed, or inside of what is placed. */
static const char faults[] =
	"SELECT u.service_id, a.id, a.finding, a.cause FROM inventory_use u JOIN inventory_artifact a"
	" ON a.id = u.artifact_id WHERE u.placements > 0 AND a.cause <> '' GROUP BY u.service_id, a.id, a.finding, "
	"a.cause"
	" UNION SELECT u.service_id, a.id, a.finding, a.cause FROM inventory_use u JOIN inventory_inside i"
	" ON i.outer_id = u.artifact_id JOIN inventory_artifact a ON a.id = i.inner_id"
	" WHERE u.placements > 0 AND a.cause <> '' GROUP BY u.service_id, a.id, a.finding, a.cause";

static int add_faults(struct gathering *g)
{
	struct exposure_view *v = &g->to->v;
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(v->tx, faults, NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		int64_t service = rows_i64(rows, 0);
		struct entry e = { .service = (size_t)(uintptr_t)map_get(&v->service_by_id,
									 span_bytes(&service, sizeof service)) -
					      1,
				   .subject = SIZE_MAX,
				   .carrier = CARRIER_BUILDER,
				   .artifact = rows_i64(rows, 1) };
		enum finding_kind kind = FINDING_UNKNOWN;
		(void)finding_kind_read(rows_text(rows, 2), &kind);
		rc = 0;
		for (size_t c = 0; baseline_causes[c] && e.service != SIZE_MAX; c++) {
			if (!span_eq_text(rows_text(rows, 3), baseline_causes[c]))
				continue;
			e.code = BASELINE_CODE(0, c, kind);
			rc = add(g, &e);
			break;
		}
	}
	return rc;
}

/* ── Holders ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_keys(const struct entry *a, const struct entry *b)
{
	if (a->service != b->service)
		return a->service < b->service ? -1 : 1;
	if (a->carrier != b->carrier)
		return a->carrier < b->carrier ? -1 : 1;
	if (a->artifact != b->artifact)
		return a->artifact < b->artifact ? -1 : 1;
	int c = span_compare(a->purl, b->purl);
	return c ? c : span_compare(a->version, b->version);
}

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int c = compare_keys(a, b);
	if (c)
		return c;
	if (a->subject != b->subject)
		return a->subject < b->subject ? -1 : 1;
	return a->code < b->code ? -1 : a->code > b->code;
}

static int compare_codes(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return a < b ? -1 : a > b;
}

/* An advisory once, at its worst: codes that differ only in kind stand together, the worst last. */
static size_t worst_of_each(uint64_t *codes, size_t n)
{
	size_t to = 0;
	if (n)
		qsort(codes, n, sizeof *codes, compare_codes);
	for (size_t i = 0; i < n; i++) {
		if (to && codes[to - 1] >> 8 == codes[i] >> 8)
			to--;
		codes[to++] = codes[i];
	}
	return to;
}

/* The entries [from, to) are of one key. */
static int holder_make(struct gathering *g, size_t from, size_t to, struct baseline_now_holder *ret)
{
	struct exposure_view *v = &g->to->v;
	const struct entry *first = &g->list[from];
	size_t most = 0;
	for (size_t i = from; i < to; i++)
		most += g->list[i].subject == SIZE_MAX ? 1 : v->subjects[g->list[i].subject].count;
	*ret = (struct baseline_now_holder){ .service = first->service,
					     .carrier = first->carrier,
					     .artifact = first->artifact };
	ret->items = arena_array(&v->a, most + 1, sizeof *ret->items);
	if (!ret->items)
		return err_set(tx_err(v->tx), RF_ENOMEM, "baseline");
	for (size_t i = from; i < to; i++) {
		const struct entry *e = &g->list[i];
		const struct view_subject *s = e->subject == SIZE_MAX ? NULL : &v->subjects[e->subject];
		if (i > from && e->subject == e[-1].subject && e->code == e[-1].code)
			continue; /* the same in another use */
		if (!s)
			ret->items[ret->count++] = e->code;
		for (size_t k = s ? s->first : 0; s && k < s->first + s->count; k++) {
			const struct view_finding *f = &v->findings[k];
			if (exposure_view_applies(v, f, &v->services[e->service]))
				ret->items[ret->count++] = BASELINE_CODE(f->advisory + 1, 0, f->kind);
		}
		if (s && !ret->subject) {
			ret->subject = s->id;
			ret->purl = s->purl;
			ret->version = s->version;
		}
	}
	ret->count = worst_of_each(ret->items, ret->count);
	return 0;
}

static int holders_make(struct gathering *g)
{
	struct baseline_now *n = g->to;
	size_t room = 0;
	int rc = 0;
	if (g->count)
		qsort(g->list, g->count, sizeof *g->list, compare_entries);
	for (size_t i = 0, to; !rc && i < g->count; i = to) {
		struct baseline_now_holder h;
		for (to = i + 1; to < g->count && !compare_keys(&g->list[i], &g->list[to]);)
			to++;
		rc = holder_make(g, i, to, &h);
		if (rc || !h.count)
			continue;
		rc = baseline_grow(n->v.tx, &n->holders, n->count, &room, sizeof *n->holders, BASELINE_MAX_HOLDERS);
		if (rc)
			break;
		n->holders[n->count++] = h;
		n->items += (int64_t)h.count;
	}
	return rc;
}

int baseline_now_load(struct transaction *tx, struct baseline_now *ret)
{
	struct gathering g = { .to = ret };
	*ret = (struct baseline_now){ .count = 0 };
	int rc = exposure_view_load(tx, &(struct exposure_filter){ .without_drills = true }, true, &ret->v);
	if (!rc)
		rc = add_links(&g);
	if (!rc)
		rc = add_faults(&g);
	if (!rc)
		rc = holders_make(&g);
	rf_free(g.list);
	return rc;
}

void baseline_now_release(struct baseline_now *n)
{
	exposure_view_release(&n->v);
	rf_free(n->holders);
}
