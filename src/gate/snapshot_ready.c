/*
 * Making a filled snapshot ready: artifacts by digest and what points at them moved along, references and rows sorted,
 * components judged, parts with something to say put in front of their sets.
 */
#include "gate/snapshot_int.h"

#include "exposure/priority.h"

#define JUDGE_BYTES (256 * MIB)

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "out of memory for the gate's snapshot");
}

/* ── contents ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct moving {
	uint64_t first; /* of the digest, as it sorts */
	uint32_t from;
};

static uint64_t first_bytes(const struct digest *d)
{
	return __builtin_bswap64(le64(d->bytes));
}

static int compare_moving(const void *x, const void *y, void *context)
{
	const struct moving *a = x, *b = y;
	const struct gate_snapshot *s = context;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return memcmp(&s->artifacts[a->from].digest, &s->artifacts[b->from].digest, sizeof(struct digest));
}

/* Puts the artifacts in the order of @m, following each cycle; @m is used up. */
static void permute(struct gate_snapshot *s, struct moving *m)
{
	for (size_t i = 0; i < s->artifact_count; i++) {
		if (m[i].from == i)
			continue;
		struct gate_artifact first = s->artifacts[i];
		size_t at = i;
		while (m[at].from != i) {
			size_t from = m[at].from;
			s->artifacts[at] = s->artifacts[from];
			m[at].from = (uint32_t)at;
			at = from;
		}
		s->artifacts[at] = first;
		m[at].from = (uint32_t)at;
	}
}

static int move_index(uint32_t *index, const uint32_t *to, size_t count, const char *what, struct err *err)
{
	if (*index == GATE_NONE)
		return 0;
	if (*index >= count)
		return err_set(err, RF_EINVALID, "the gate's snapshot: %s of content %u, of %zu", what, *index, count);
	*index = to[*index];
	return 0;
}

/* References and rows are always of a content, parts need not be. */
static int move_pointers(struct gate_snapshot *s, const uint32_t *to, struct err *err)
{
	size_t n = s->artifact_count;
	int rc = 0;
	for (size_t i = 0; i < s->part_count && !rc; i++)
		rc = move_index(&s->parts[i].artifact, to, n, "a part", err);
	struct gate_reference *lists[] = { s->images, s->models };
	const size_t counts[] = { s->image_count, s->model_count };
	for (size_t k = 0; k < RF_COUNT(lists) && !rc; k++)
		for (size_t i = 0; i < counts[k] && !rc; i++)
			rc = lists[k][i].artifact == GATE_NONE ?
				     err_set(err, RF_EINVALID, "the gate's snapshot: a reference of no content") :
				     move_index(&lists[k][i].artifact, to, n, "a reference", err);
	for (size_t i = 0; i < s->row_count && !rc; i++)
		rc = s->rows[i].artifact == GATE_NONE ? err_set(err, RF_EINVALID, "the gate's snapshot: a row of no content") :
							move_index(&s->rows[i].artifact, to, n, "a row", err);
	return rc;
}

static void set_flags(const struct gate_snapshot *s, struct gate_artifact *a)
{
	struct span kind = gate_snapshot_text_at(s, s->kinds[a->kind]);
	a->flags = 0;
	if (artifact_kind_is_engine(kind))
		a->flags |= GATE_ARTIFACT_IS_ENGINE;
	if (span_eq_text(kind, ARTIFACT_CONTAINER_IMAGE))
		a->flags |= GATE_ARTIFACT_IS_IMAGE;
}

static int check_artifacts(struct gate_snapshot *s, struct err *err)
{
	char hex[DIGEST_HEX];
	for (size_t i = 0; i < s->artifact_count; i++) {
		struct gate_artifact *a = &s->artifacts[i];
		set_flags(s, a);
		if (i && memcmp(&a->digest, &s->artifacts[i - 1].digest, sizeof a->digest) == 0)
			return err_set(err, RF_EEXISTS, "the gate's snapshot: content %s twice", digest_hex(&a->digest, hex));
		if ((a->set != GATE_NONE && a->set >= s->set_count) || (a->main != GATE_NONE && a->main >= s->component_count) ||
		    a->finding > ARTIFACT_CONFLICT)
			return err_set(err, RF_EINVALID, "the gate's snapshot: content %s has a set, a component or a finding that nothing has",
				       digest_hex(&a->digest, hex));
	}
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].component != GATE_NONE && s->parts[i].component >= s->component_count)
			return err_set(err, RF_EINVALID, "the gate's snapshot: a part of component %u, of %zu",
				       s->parts[i].component, s->component_count);
	return 0;
}

uint32_t gate_digest_bucket(const struct gate_lists *l, const struct digest *d)
{
	return l->bits ? (uint32_t)(first_bytes(d) >> (64 - l->bits)) : 0;
}

/* About four contents a bucket. */
static int index_artifacts(struct gate_snapshot *s, struct err *err)
{
	struct gate_lists *l = s->lists;
	while (l->bits < 22 && (s->artifact_count >> l->bits) > 4)
		l->bits++;
	size_t buckets = (size_t)1 << l->bits;
	l->starts = rf_realloc_array(NULL, buckets + 1, sizeof *l->starts);
	if (!l->starts)
		return no_memory(err);
	size_t at = 0;
	for (size_t b = 0; b < buckets; b++) {
		l->starts[b] = (uint32_t)at;
		while (at < s->artifact_count && gate_digest_bucket(l, &s->artifacts[at].digest) == b)
			at++;
	}
	l->starts[buckets] = (uint32_t)s->artifact_count;
	return 0;
}

static int sort_artifacts(struct gate_snapshot *s, struct err *err)
{
	size_t n = s->artifact_count;
	RF_AUTO_FREE struct moving *m = rf_realloc_array(NULL, n + 1, sizeof *m);
	RF_AUTO_FREE uint32_t *to = rf_realloc_array(NULL, n + 1, sizeof *to);
	if (!m || !to)
		return no_memory(err);
	for (size_t i = 0; i < n; i++)
		m[i] = (struct moving){ first_bytes(&s->artifacts[i].digest), (uint32_t)i };
	if (n > 1)
		qsort_r(m, n, sizeof *m, compare_moving, s);
	for (size_t i = 0; i < n; i++)
		to[m[i].from] = (uint32_t)i;
	permute(s, m);
	int rc = move_pointers(s, to, err);
	if (!rc)
		rc = check_artifacts(s, err);
	return rc ? rc : index_artifacts(s, err);
}

/* ── references, releases ───────────────────────────────────────────────────────────────────────────────────────── */

int gate_path_compare(struct span a, struct span b)
{
	size_t n = RF_MIN(a.n, b.n);
	for (size_t i = 0; i < n; i++) {
		if (a.p[i] == b.p[i])
			continue;
		int x = a.p[i] == '/' ? -1 : (unsigned char)a.p[i], y = b.p[i] == '/' ? -1 : (unsigned char)b.p[i];
		return x < y ? -1 : 1;
	}
	return (a.n > b.n) - (a.n < b.n);
}

static int compare_references(const void *x, const void *y, void *context)
{
	const struct gate_reference *a = x, *b = y;
	if (a->text == b->text && a->artifact == b->artifact)
		return a->holder == b->holder ? 0 : gate_path_compare(gate_snapshot_text_at(context, a->holder), gate_snapshot_text_at(context, b->holder));
	if (a->text == b->text)
		return a->artifact > b->artifact ? 1 : -1;
	return gate_path_compare(gate_snapshot_text_at(context, a->text), gate_snapshot_text_at(context, b->text));
}

/* A tag or a place is told once of each content and holder; once for all of them where it is of none. */
static size_t drop_repeated(struct gate_reference *list, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!kept || list[i].text != list[kept - 1].text || list[i].artifact != list[kept - 1].artifact ||
		    (list[kept - 1].holder && list[i].holder != list[kept - 1].holder))
			list[kept++] = list[i];
	return kept;
}

static int compare_rows(const void *x, const void *y)
{
	const struct gate_row *a = x, *b = y;
	if (a->release != b->release)
		return a->release < b->release ? -1 : 1;
	if (a->model != b->model)
		return a->model < b->model ? -1 : 1;
	return (a->target > b->target) - (a->target < b->target);
}

static int compare_by_artifact(const void *x, const void *y, void *context)
{
	const struct gate_row *rows = context;
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
	if (rows[a].artifact != rows[b].artifact)
		return rows[a].artifact < rows[b].artifact ? -1 : 1;
	return (a > b) - (a < b);
}

static int index_rows(struct gate_snapshot *s, struct err *err)
{
	size_t n = s->row_count;
	if (n > 1)
		qsort(s->rows, n, sizeof *s->rows, compare_rows);
	uint32_t *order = s->lists->rows_by_artifact = rf_realloc_array(NULL, n + 1, sizeof *order);
	if (!order)
		return no_memory(err);
	for (size_t i = 0; i < n; i++) {
		const struct gate_row *r = &s->rows[i];
		if (r->release >= s->release_count || (r->builder != GATE_NONE && r->builder >= s->component_count) ||
		    (r->runtime != GATE_NONE && r->runtime >= s->component_count))
			return err_set(err, RF_EINVALID, "the gate's snapshot: a row of a release or component that is not there");
		struct gate_release *release = &s->releases[r->release];
		if (!release->row_count++)
			release->row_from = (uint32_t)i;
		order[i] = (uint32_t)i;
	}
	if (n > 1)
		qsort_r(order, n, sizeof *order, compare_by_artifact, s->rows);
	return 0;
}

static int index_names(struct gate_snapshot *s, struct err *err)
{
	for (size_t i = 0; i < s->release_count; i++) {
		struct span service = gate_snapshot_text_at(s, s->releases[i].service),
			    name = gate_snapshot_text_at(s, s->releases[i].name);
		const char *key = arena_printf(&s->arena, "%.*s/%.*s", SPAN_ARG(service), SPAN_ARG(name));
		if (!key || map_set(&s->lists->releases, span_of(key), &s->releases[i]))
			return no_memory(err);
	}
	for (size_t i = 0; i < s->service_count; i++)
		if (map_set(&s->lists->services, s->services[i].name, &s->services[i]))
			return no_memory(err);
	return 0;
}

/* ── advisories ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static usec_t kev_since(const struct stored_advisory *v)
{
	usec_t since = USEC_NONE;
	for (size_t i = 0; i < v->signal_count; i++) {
		const struct advisory_signal *g = &v->signals[i];
		/* a list without a date: as long as we know of the flaw */
		usec_t date = g->date != USEC_NONE ? g->date : v->first_seen;
		if (g->kind == SIGNAL_KEV && (since == USEC_NONE || date < since))
			since = date != USEC_NONE ? date : 0;
	}
	return since;
}

static void advisory_facts(struct gate_advisory *a)
{
	const struct stored_advisory *v = a->stored;
	struct priority_facts f = priority_facts_of(v);
	a->severity = f.cvss < 0 ? -1 : (int)(f.cvss * 10 + 0.5);
	a->kev = kev_since(v);
	a->published = v->advisory.published;
	/* a date that lies ahead of when we had it would lengthen every grace */
	if (v->first_seen > 0 && (a->published == USEC_NONE || v->first_seen < a->published))
		a->published = v->first_seen;
	for (size_t i = 0; i < v->policy.decision_count; i++)
		a->has_scopes |= v->policy.decisions[i].service.n != 0;
}

static int about_add(struct gate_snapshot *s, const struct product *product, uint32_t advisory, struct err *err)
{
	struct map *m = &s->lists->about;
	struct gate_about *about = product ? map_get(m, span_of(product->purl)) : NULL;
	if (!product || (about && about->count && about->list[about->count - 1] == advisory))
		return 0;
	if (!about) {
		about = arena_alloc(&s->arena, sizeof *about);
		if (!about || map_set(m, span_of(product->purl), about))
			return no_memory(err);
	}
	if (about->count == about->room) {
		size_t room = about->room ? 2 * about->room : 16;
		uint32_t *more = arena_array(&s->arena, room, sizeof *more);
		if (!more)
			return no_memory(err);
		if (about->count)
			memcpy(more, about->list, about->count * sizeof *more);
		about->list = more;
		about->room = room;
	}
	about->list[about->count++] = advisory;
	return 0;
}

static int index_advisories(struct gate_snapshot *s, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < s->advisory_count && !rc; i++) {
		struct gate_advisory *a = &s->advisories[i];
		const struct stored_advisory *v = a->stored;
		bool counts = v->advisory.state == ADVISORY_PUBLISHED && !v->advisory.is_drill, compiles = false;
		advisory_facts(a);
		for (size_t k = 0; k < v->advisory.statement_count && !rc; k++) {
			const struct product *p = v->advisory.statements[k].product;
			compiles |= p && p->engine_affecting == ENGINE_AFFECTING_YES;
			rc = about_add(s, p, (uint32_t)i, err);
		}
		for (size_t k = 0; k < v->policy.decision_count && !rc; k++)
			rc = about_add(s, v->policy.decisions[k].product, (uint32_t)i, err);
		s->published_count += counts;
		s->compiler_count += counts && compiles;
	}
	return rc;
}

/* ── components ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static int hit_add(struct gate_snapshot *s, uint32_t advisory, const struct component *c, const struct finding *f,
		   struct err *err)
{
	struct gate_hit hit = { .advisory = advisory, .kind = (uint8_t)f->kind, .cause = (uint8_t)f->cause };
	const char *words = f->reason.count ? f->reason.steps[f->reason.count - 1].words : "";
	int rc = gate_snapshot_text(s, span_of(words), &hit.reason, err);
	if (!rc)
		rc = gate_snapshot_text(s, gate_nearest_fix(c, f->fixed, f->fixed_count), &hit.fixed, err);
	if (rc)
		return rc;
	if (s->hit_count == s->hit_room) {
		size_t room = s->hit_room ? s->hit_room + s->hit_room / 2 : 256;
		struct gate_hit *more = room < UINT32_MAX ? rf_realloc_array(s->hits, room, sizeof *more) : NULL;
		if (!more)
			return no_memory(err);
		s->hits = more;
		s->hit_room = room;
	}
	s->hits[s->hit_count++] = hit;
	return 0;
}

struct span gate_nearest_fix(const struct component *c, const struct span *fixed, size_t n)
{
	const struct scheme *scheme = c->product ? product_scheme(c->product) : NULL;
	for (size_t i = 0; i < n && scheme; i++)
		if (version_compare(scheme, fixed[i], c->version) == VERSION_GREATER)
			return fixed[i];
	return n ? fixed[n - 1] : SPAN_NONE;
}

static int judge_component(struct gate_snapshot *s, struct gate_component *c, struct arena *a, struct err *err)
{
	const uint32_t *about;
	size_t n = gate_snapshot_about(s, c->component.product, &about);
	const struct finding_subject subject = { .component = c->component, .carrier = c->carrier, .brief = true };
	int rc = 0;
	c->hit_from = (uint32_t)s->hit_count;
	for (size_t i = 0; i < n && !rc; i++) {
		const struct gate_advisory *v = &s->advisories[about[i]];
		struct finding f;
		arena_reset(a);
		rc = finding_judge(a, &subject, v->stored, &f, err);
		/* what one service's decision may turn stays in the list */
		if (!rc && (f.kind != FINDING_NOT_AFFECTED || v->has_scopes))
			rc = hit_add(s, about[i], &c->component, &f, err);
	}
	c->hit_count = (uint32_t)s->hit_count - c->hit_from;
	return rc;
}

static int judge_components(struct gate_snapshot *s, struct err *err)
{
	RF_AUTO(arena) a = ARENA_INIT(JUDGE_BYTES);
	int rc = 0;
	for (size_t i = 0; i < s->component_count && !rc; i++) {
		struct component *c = &s->components[i].component;
		/* whoever filled it may have been out of memory for a moment: that is no "no such product" */
		if (!c->product && c->purl.n)
			rc = product_find(c->purl, &c->product, err);
		if (!rc && c->product)
			rc = judge_component(s, &s->components[i], &a, err);
	}
	return rc;
}

/* A release's row may contradict what is inside. */
static bool is_hot(const struct gate_snapshot *s, const struct gate_part *p)
{
	const uint32_t *rows;
	if (p->component != GATE_NONE && s->components[p->component].hit_count)
		return true;
	return p->artifact != GATE_NONE && (s->artifacts[p->artifact].finding != ARTIFACT_CLEAR ||
					    gate_snapshot_rows_of(s, &s->artifacts[p->artifact], &rows));
}

/* Keeps the order of each half. */
static void sort_set(struct gate_snapshot *s, struct gate_set *set, struct gate_part *cold)
{
	struct gate_part *parts = s->parts + set->from;
	size_t rest = 0;
	for (size_t i = 0; i < set->count; i++) {
		if (is_hot(s, &parts[i]))
			parts[set->hot++] = parts[i];
		else
			cold[rest++] = parts[i];
	}
	if (rest)
		memcpy(parts + set->hot, cold, rest * sizeof *parts);
}

static int sort_sets(struct gate_snapshot *s, struct err *err)
{
	size_t largest = 1;
	for (size_t i = 0; i < s->set_count; i++)
		largest = RF_MAX(largest, (size_t)s->sets[i].count);
	RF_AUTO_FREE struct gate_part *cold = rf_realloc_array(NULL, largest, sizeof *cold);
	if (!cold)
		return no_memory(err);
	for (size_t i = 0; i < s->set_count; i++)
		sort_set(s, &s->sets[i], cold);
	return 0;
}

/* ── excuses ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int spread_waivers(struct gate_snapshot *s, struct err *err)
{
	size_t n = 0;
	for (size_t i = 0; i < s->waiver_count; i++)
		n += s->waivers[i].advisory_count;
	struct gate_covers *c = &s->covers;
	c->waivers = arena_array(&s->arena, n + 1, sizeof *c->waivers);
	if (!c->waivers)
		return no_memory(err);
	for (size_t i = 0; i < s->waiver_count; i++)
		for (size_t k = 0; k < s->waivers[i].advisory_count; k++) {
			struct waiver *w = &c->waivers[c->waiver_count++];
			*w = s->waivers[i];
			w->advisories += k;
			w->advisory_count = 1;
		}
	return 0;
}

static int collect_vex(struct gate_snapshot *s, struct err *err)
{
	struct gate_covers *c = &s->covers;
	size_t room = 0;
	for (size_t i = 0; i < s->advisory_count; i++) {
		struct vex_statement *list;
		size_t n;
		int rc = vex_of(&s->arena, s->advisories[i].stored, &list, &n, err);
		if (rc)
			return rc;
		if (c->vex_count + n > room) {
			room = 2 * (c->vex_count + n);
			struct vex_statement *more = arena_array(&s->arena, room, sizeof *more);
			if (!more)
				return no_memory(err);
			if (c->vex_count)
				memcpy(more, c->vex, c->vex_count * sizeof *more);
			c->vex = more;
		}
		if (n)
			memcpy(c->vex + c->vex_count, list, n * sizeof *list);
		c->vex_count += n;
	}
	return 0;
}

static int ready_covers(struct gate_snapshot *s, struct err *err)
{
	int rc = spread_waivers(s, err);
	/* nobody trusted: no statement can count */
	if (!rc && s->covers.vex_policy.trusted_count)
		rc = collect_vex(s, err);
	if (rc)
		return rc;
	gate_covers_sort(&s->covers);
	if (s->baseline.since != USEC_NONE) {
		baseline_sort(&s->baseline);
		s->covers.baseline = &s->baseline;
	}
	return 0;
}

/* ── all of it ──────────────────────────────────────────────────────────────────────────────────────────────────── */

static void forget_numbers(struct gate_numbers *n)
{
	rf_free(n->slots);
	*n = (struct gate_numbers){ 0 };
}

static void sort_references(struct gate_snapshot *s)
{
	if (s->image_count > 1)
		qsort_r(s->images, s->image_count, sizeof *s->images, compare_references, s);
	if (s->model_count > 1)
		qsort_r(s->models, s->model_count, sizeof *s->models, compare_references, s);
	s->image_count = drop_repeated(s->images, s->image_count);
	s->model_count = drop_repeated(s->models, s->model_count);
}

/* A request asks for an image by its whole name: one look, where a search would be seventeen, each at another place of
 * memory. */
static int index_images(struct gate_snapshot *s, struct err *err)
{
	struct gate_numbers *to = &s->lists->images;
	to->capacity = 16;
	while (to->capacity < 2 * s->image_count)
		to->capacity *= 2;
	to->slots = rf_realloc_array(NULL, to->capacity, sizeof *to->slots);
	if (!to->slots)
		return err_set(err, RF_ENOMEM, "no memory for the names of images");
	memset(to->slots, 0, to->capacity * sizeof *to->slots);
	for (size_t i = 0; i < s->image_count; i++) {
		if (i > 0 && s->images[i].text == s->images[i - 1].text)
			continue;
		struct span text = gate_snapshot_text_at(s, s->images[i].text);
		size_t at = (size_t)hash_bytes(text.p, text.n) & (to->capacity - 1);
		while (to->slots[at])
			at = (at + 1) & (to->capacity - 1);
		to->slots[at] = (uint32_t)i + 1;
		to->count++;
	}
	return 0;
}

/* Of the hosts that hold a model each name once. */
static int index_hosts(struct gate_snapshot *s, struct err *err)
{
	uint32_t last = 0;
	for (size_t i = 0; i < s->model_count; i++) {
		struct span name = gate_snapshot_text_at(s, s->models[i].holder);
		if (!name.n || s->models[i].holder == last || map_get(&s->lists->hosts, name))
			continue;
		last = s->models[i].holder;
		if (map_set(&s->lists->hosts, name, s) || map_set(&s->lists->hosts, span_sub(name, 0, span_find_byte(name, '.')), s))
			return no_memory(err);
	}
	return 0;
}

int gate_snapshot_ready(struct gate_snapshot *s, struct err *err)
{
	int rc = gate_policies_ready(&s->arena, s->policies, s->policy_count, &s->rules, err);
	if (!rc)
		rc = sort_artifacts(s, err);
	if (!rc)
		rc = index_rows(s, err);
	if (!rc)
		rc = index_names(s, err);
	if (!rc)
		rc = gate_homes_index(s, err);
	if (!rc)
		rc = index_advisories(s, err);
	if (!rc)
		rc = judge_components(s, err);
	if (!rc)
		rc = sort_sets(s, err);
	if (!rc)
		rc = ready_covers(s, err);
	if (rc)
		return rc;
	sort_references(s);
	rc = index_images(s, err);
	if (!rc)
		rc = index_hosts(s, err);
	if (rc)
		return rc;
	forget_numbers(&s->lists->texts);
	forget_numbers(&s->lists->components);
	forget_numbers(&s->lists->sets);
	return 0;
}
