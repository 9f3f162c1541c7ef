/* Explain: the chain for a placement, a component, and the story of an advisory, all judged anew from what is stored.
 */
#include "exposure/exposure_int.h"

/* Placements that one path or digest names, times advisories: more is no explanation any more. */
#define EXPLAIN_MAX 10000
/* Real advisories shown beside a record that is none. */
#define STORY_MAX_INSTEAD 50
/* Statements about products without a row that a story shows. */
#define STORY_MAX_FOREIGN 10

struct explaining {
	struct transaction *tx;
	struct arena *a;
	struct span only; /* advisory id as given; empty: all */
	usec_t at;        /* what it was exposed to then; 0: now */
	struct exposure_stale *stale;
	size_t stale_count;
	struct excuses *excuses;
	struct span outer; /* digest of the image at hand */
	struct exposure_explanation *list;
	size_t count, capacity;
};

static int out_of_memory(struct explaining *e)
{
	return err_set(tx_err(e->tx), RF_ENOMEM, "explanation");
}

static int add(struct explaining *e, const struct exposure_explanation *x)
{
	if (e->count == EXPLAIN_MAX)
		return err_set(tx_err(e->tx), RF_ETOOMANY, "more than %d explanations: name an advisory", EXPLAIN_MAX);
	if (e->count == e->capacity) {
		size_t capacity = e->capacity ? 2 * e->capacity : 16;
		struct exposure_explanation *more = arena_array(e->a, capacity, sizeof *more);
		if (!more)
			return out_of_memory(e);
		if (e->count)
			memcpy(more, e->list, e->count * sizeof *more);
		e->list = more;
		e->capacity = capacity;
	}
	e->list[e->count++] = *x;
	return 0;
}

/* The finding's steps behind those about the file. */
static int prepend_placement(struct explaining *e, struct exposure_explanation *x)
{
	struct reason whole = { .a = e->a };
	exposure_say_placement(&whole, &x->placement, &x->subject);
	const struct reason *own = &x->finding.reason;
	struct reason_step *steps = arena_array(e->a, whole.count + own->count + 1, sizeof *steps);
	if (!steps)
		return out_of_memory(e);
	if (whole.count)
		memcpy(steps, whole.steps, whole.count * sizeof *steps);
	memcpy(steps + whole.count, own->steps, own->count * sizeof *steps);
	x->finding.reason.steps = steps;
	x->finding.reason.count = x->finding.reason.capacity = whole.count + own->count;
	x->finding.reason.left_out += whole.left_out;
	return 0;
}

static int take_opened(const struct exposure_row *row, void *data)
{
	struct exposure_explanation *x = data;
	const struct component *c = &x->subject.component;
	if (span_eq(row->purl, c->purl) && span_eq(row->version, c->version) && span_eq(row->path, x->placement.path))
		x->opened_at = row->opened_at;
	return 0;
}

static int opened_at(struct explaining *e, struct exposure_explanation *x)
{
	x->opened_at = USEC_NONE;
	if (!x->placement.id)
		return 0;
	struct exposure_filter f = { .placement_id = x->placement.id,
				     .advisory = x->advisory.advisory.id,
				     .by_carrier = true,
				     .carrier = x->subject.carrier };
	return exposure_list(e->tx, &f, take_opened, x);
}

static int load_excuses(struct explaining *e, const struct workspace *w)
{
	e->excuses = arena_alloc(e->a, sizeof *e->excuses);
	return e->excuses ? excuses_load(e->tx, e->a, w, e->at, e->excuses) : out_of_memory(e);
}

/* What the operator said about it. */
static int excuse_one(struct explaining *e, struct exposure_explanation *x)
{
	const struct inventory_placement *p = &x->placement;
	struct found f = { .advisory = x->advisory.advisory.id,
			   .cause = span_of(finding_cause_name(x->finding.cause)),
			   .carrier = x->subject.carrier,
			   .kind = x->finding.kind,
			   .service = p->service,
			   .environment = p->environment,
			   .purl = x->subject.component.purl,
			   .version = x->subject.component.version,
			   .digest = span_of(p->artifact.digest) };
	x->excuses = e->excuses;
	f.outer = span_eq(e->outer, f.digest) ? SPAN_NONE : e->outer;
	found_rate(&x->advisory, &f.severity, &f.kev);
	return excuse_find(e->excuses, e->a, &x->advisory, &f, &x->excuse, tx_err(e->tx));
}

static int explain_one(struct explaining *e, const struct inventory_placement *p, const struct finding_subject *s,
		       struct span id)
{
	struct exposure_explanation x = { .subject = *s, .stale = e->stale, .stale_count = e->stale_count };
	if (p)
		x.placement = *p;
	int rc = advisory_get(e->tx, e->a, id, &x.advisory);
	if (!rc)
		rc = finding_judge(e->a, s, &x.advisory, &x.finding, tx_err(e->tx));
	if (!rc && p)
		rc = prepend_placement(e, &x);
	if (!rc)
		rc = opened_at(e, &x);
	if (!rc && p)
		rc = excuse_one(e, &x);
	return rc ? rc : add(e, &x);
}

/* One advisory is judged also when it is about something else: "other_product" is the answer then. */
static int explain_subject(struct explaining *e, const struct inventory_placement *p, const struct finding_subject *s)
{
	struct exposure_ids ids = { .a = e->a };
	if (e->only.n)
		return explain_one(e, p, s, e->only);
	int rc = exposure_advisories_of(e->tx, s, &ids);
	for (size_t i = 0; !rc && i < ids.count; i++)
		rc = explain_one(e, p, s, ids.ids[i]);
	return rc;
}

static int worst_first(const void *left, const void *right)
{
	const struct exposure_explanation *a = left, *b = right;
	if (a->finding.kind != b->finding.kind)
		return a->finding.kind > b->finding.kind ? -1 : 1;
	int c = span_compare(a->advisory.advisory.id, b->advisory.advisory.id);
	if (!c)
		c = (int)a->subject.carrier - (int)b->subject.carrier;
	return c ? c : a->placement.id < b->placement.id ? -1 : a->placement.id > b->placement.id;
}

static int finish(struct explaining *e, int rc, struct exposure_explanation **ret, size_t *ret_count)
{
	if (rc)
		return rc;
	if (e->count)
		qsort(e->list, e->count, sizeof *e->list, worst_first);
	*ret = e->list;
	*ret_count = e->count;
	return 0;
}

/* The placement of what carries the component: itself, or a part of it. */
static const struct inventory_placement *carrying(struct explaining *e, const struct inventory_placement *p,
						  const struct exposure_carried *c)
{
	struct inventory_placement *part;
	if (!c->inside.n)
		return p;
	part = arena_alloc(e->a, sizeof *part);
	if (!part)
		return NULL;
	*part = *p;
	part->artifact = *c->artifact;
	part->path = span_of(arena_printf(e->a, "%.*s!/%.*s", SPAN_ARG(p->path), SPAN_ARG(c->inside)));
	return part->path.p ? part : NULL;
}

/* @inside empty: all of it. */
static int explain_placement(struct explaining *e, const struct inventory_placement *p, struct span inside)
{
	struct exposure_carries c = { .a = e->a };
	int rc = exposure_carried_by(e->tx, &p->artifact, p->line, &c);
	if (!rc)
		rc = exposure_carried_runtime(e->tx, &p->artifact, p->service, p->runtime_product, p->runtime_version,
					      p->line, &c);
	e->outer = span_of(p->artifact.digest);
	for (size_t i = 0; !rc && i < c.count; i++) {
		if (inside.n && !span_eq(c.list[i].inside, inside))
			continue;
		const struct inventory_placement *part = carrying(e, p, &c.list[i]);
		c.list[i].subject.service = p->service;
		rc = part ? explain_subject(e, part, &c.list[i].subject) : out_of_memory(e);
	}
	return rc;
}

/* ── What it was exposed to ──────────────────────────────────────────────────────────────────────────────────────── */

struct past {
	struct explaining *e;
	const struct inventory_placement *p;
	struct span inside;
	struct exposure_row *rows; /* texts in the arena */
	size_t count, capacity;
};

static int take_past(const struct exposure_row *row, void *data)
{
	struct past *past = data;
	struct arena *a = past->e->a;
	if (past->inside.n && !span_eq(row->inside, past->inside))
		return 0;
	if (past->count == past->capacity) {
		size_t capacity = past->capacity ? 2 * past->capacity : 16;
		struct exposure_row *more = arena_array(a, capacity, sizeof *more);
		if (!more)
			return out_of_memory(past->e);
		if (past->count)
			memcpy(more, past->rows, past->count * sizeof *more);
		past->rows = more;
		past->capacity = capacity;
	}
	struct exposure_row *to = &past->rows[past->count++];
	*to = *row;
	to->advisory = arena_span(a, row->advisory);
	to->purl = row->purl.n ? arena_span(a, row->purl) : SPAN_NONE;
	to->version = row->version.n ? arena_span(a, row->version) : SPAN_NONE;
	to->path = arena_span(a, row->path);
	to->inside = row->inside.n ? arena_span(a, row->inside) : SPAN_NONE;
	to->artifact_digest = arena_span(a, row->artifact_digest);
	return to->advisory.p && to->path.p && to->artifact_digest.p ? 0 : out_of_memory(past->e);
}

/* The chain as it was written when it was judged. */
static int reason_load(struct explaining *e, int64_t finding, struct reason *ret)
{
	RF_AUTO_ROWS rows = NULL;
	*ret = (struct reason){ .a = e->a };
	int rc = TX_QUERY(e->tx, &rows, "SELECT reason FROM exposure_finding WHERE id = $1", DB_I(finding));
	if (!rc)
		rc = rows_next(rows);
	if (rc == 1)
		reason_read(ret, rows_text(rows, 0));
	return rc < 0 ? rc : 0;
}

static int explain_row(struct past *past, const struct exposure_row *row)
{
	struct explaining *e = past->e;
	struct exposure_explanation x = {
		.placement = *past->p,
		.subject = { .component = { .product = row->purl.n ? product_by_purl(row->purl) : NULL,
					    .purl = row->purl,
					    .version = row->version,
					    .line = row->line },
			     .carrier = row->carrier,
			     .service = past->p->service },
		.finding = { .kind = row->kind, .cause = row->cause },
		.opened_at = row->opened_at,
		.at = e->at,
	};
	int rc = advisory_get(e->tx, e->a, row->advisory, &x.advisory);
	if (!rc && row->inside.n)
		rc = inventory_artifact_get(e->tx, row->artifact_digest, e->a, &x.placement.artifact);
	if (rc)
		return rc;
	x.placement.path = row->path;
	rc = reason_load(e, row->finding_id, &x.finding.reason);
	if (!rc)
		rc = prepend_placement(e, &x);
	if (!rc)
		rc = excuse_one(e, &x);
	return rc ? rc : add(e, &x);
}

static int explain_past(struct explaining *e, const struct inventory_placement *p, struct span inside)
{
	struct past past = { .e = e, .p = p, .inside = inside };
	struct stored_advisory only;
	struct exposure_filter f = { .at = e->at, .placement_id = p->id };
	int rc = e->only.n ? advisory_get(e->tx, e->a, e->only, &only) : 0;
	if (rc)
		return rc;
	if (e->only.n)
		f.advisory = only.advisory.id;
	e->outer = span_of(p->artifact.digest);
	rc = exposure_list(e->tx, &f, take_past, &past);
	for (size_t i = 0; !rc && i < past.count; i++)
		rc = explain_row(&past, &past.rows[i]);
	return rc;
}

/* Placements that @path names. "placement!/inside" names a part of one: *ret_inside then. */
static int placements_named(struct explaining *e, const char *path, struct inventory_placement **ret, size_t *ret_n,
			    struct span *ret_inside)
{
	const char *cut = path;
	*ret_inside = SPAN_NONE;
	int rc = inventory_placements_of(e->tx, path, e->at, e->a, ret, ret_n);
	while (rc == RF_ENOTFOUND && (cut = strstr(cut, "!/")) != NULL) {
		const char *outer = arena_text(e->a, (struct span){ path, (size_t)(cut - path) });
		cut += 2;
		*ret_inside = span_of(cut);
		rc = outer ? inventory_placements_of(e->tx, outer, e->at, e->a, ret, ret_n) : out_of_memory(e);
	}
	return rc;
}

int exposure_explain_path(struct transaction *tx, struct arena *a, const struct workspace *w, const char *path,
			  struct span advisory, usec_t at, struct exposure_explanation **ret, size_t *ret_count)
{
	struct explaining e = { .tx = tx, .a = a, .only = advisory, .at = at };
	struct inventory_placement *places = NULL;
	struct span inside;
	size_t n = 0;
	int rc = exposure_stale_feeds(tx, a, w, &e.stale, &e.stale_count);
	if (!rc)
		rc = load_excuses(&e, w);
	if (!rc)
		rc = placements_named(&e, path, &places, &n, &inside);
	for (size_t i = 0; !rc && i < n; i++)
		rc = at ? explain_past(&e, &places[i], inside) : explain_placement(&e, &places[i], inside);
	return finish(&e, rc, ret, ret_count);
}

int exposure_explain_placement(struct transaction *tx, struct arena *a, const struct workspace *w, int64_t placement_id,
			       struct span advisory, struct exposure_explanation **ret, size_t *ret_count)
{
	struct explaining e = { .tx = tx, .a = a, .only = advisory };
	struct inventory_placement *p = arena_alloc(a, sizeof *p);
	int rc = p ? exposure_stale_feeds(tx, a, w, &e.stale, &e.stale_count) : out_of_memory(&e);
	if (!rc)
		rc = load_excuses(&e, w);
	if (!rc)
		rc = inventory_placement_get(tx, placement_id, a, p);
	if (!rc)
		rc = explain_placement(&e, p, SPAN_NONE);
	return finish(&e, rc, ret, ret_count);
}

int exposure_explain_purl(struct transaction *tx, struct arena *a, const struct workspace *w, struct span purl,
			  struct span advisory, struct exposure_explanation **ret, size_t *ret_count)
{
	struct explaining e = { .tx = tx, .a = a, .only = advisory };
	struct component c;
	int rc = component_read(a, purl, &c, tx_err(tx));
	if (!rc)
		rc = exposure_stale_feeds(tx, a, w, &e.stale, &e.stale_count);
	/* a product that no row knows has no advisories here, and is not therefore safe: the caller says that none is
	 * at hand */
	for (enum carrier carrier = CARRIER_BUILDER; !rc && c.product && carrier <= CARRIER_RUNTIME; carrier++)
		rc = explain_subject(&e, NULL, &(struct finding_subject){ .component = c, .carrier = carrier });
	return finish(&e, rc, ret, ret_count);
}

/* ── The story of an advisory ────────────────────────────────────────────────────────────────────────────────────── */

struct telling {
	struct transaction *tx;
	struct arena *a;
	struct exposure_story *to;
	size_t instead_capacity;
};

static void say_sources(struct telling *t)
{
	struct exposure_story *s = t->to;
	struct reason *r = &s->reason;
	for (size_t i = 0; i < s->advisory.source_count; i++) {
		const struct advisory_source *from = &s->advisory.sources[i];
		const struct advisory *v = &from->record;
		struct reason_step *step = reason_add(
			r, REASON_RECORD, "%.*s, document %.*s (sha256 %.*s...), has it as %s%s%.*s%s%.*s",
			SPAN_ARG(from->publisher), SPAN_ARG(from->origin.document_id),
			SPAN_ARG(span_sub(from->origin.document_digest, 0, 12)), advisory_state_name(v->state),
			v->state_reason.n ? ": " : "", SPAN_ARG(v->state_reason),
			v->assigner.n ? "; the id was assigned by " : "", SPAN_ARG(v->assigner));
		reason_fact(step, "source", from->publisher);
		reason_fact(step, "document", from->origin.document_id);
		reason_fact(step, "sha256", from->origin.document_digest);
		reason_fact(step, "file", from->origin.document_name);
		reason_fact(step, "state", span_of(advisory_state_name(v->state)));
		reason_fact(step, "reason", v->state_reason);
		reason_fact(step, "assigner", v->assigner);
	}
}

static void say_statements(struct telling *t)
{
	const struct stored_advisory *v = &t->to->advisory;
	size_t foreign = 0;
	for (size_t i = 0; i < v->advisory.statement_count; i++) {
		const struct advisory_statement *s = &v->advisory.statements[i];
		if (v->origins[i].record_state != ADVISORY_PUBLISHED)
			continue;
		/* of products that nobody here has, the first few show what the record is about */
		if (!s->product && ++foreign > STORY_MAX_FOREIGN)
			continue;
		struct str range = STR_INIT(16 * KIB);
		if (s->range)
			range_words(s->range, &range);
		struct reason_step *step = reason_add(
			&t->to->reason, REASON_SOURCE,
			"%.*s says of %.*s%s%.*s: %s \"%.*s\", fixed \"%.*s\"; %s%s (%.*s)%s", SPAN_ARG(s->source),
			SPAN_ARG(s->product_name), s->platform.n ? " on " : "", SPAN_ARG(s->platform),
			s->status == STATEMENT_AFFECTED ? "affected" : "not affected",
			SPAN_ARG(span_sub(s->affected_text, 0, 1000)), SPAN_ARG(span_sub(s->fixed_text, 0, 400)),
			s->range && s->range->readable ? "read as "
			: s->range                     ? ""
						       : "not read",
			str_text(&range), SPAN_ARG(s->rule), s->review ? ": for review" : "");
		reason_fact(step, "source", s->source);
		reason_fact(step, "sha256", v->origins[i].document_digest);
		reason_fact(step, "product", s->product ? span_of(s->product->purl) : s->product_name);
		reason_fact(step, "platform", s->platform);
		reason_fact(step, "affected_text", s->affected_text);
		reason_fact(step, "fixed_text", s->fixed_text);
		reason_fact(step, "rule", s->rule);
		reason_fact(step, "range", arena_span(t->a, str_span(&range)));
		reason_fact(step, "contradiction", s->contradiction);
		str_release(&range);
	}
	if (foreign > STORY_MAX_FOREIGN)
		(void)reason_add(&t->to->reason, REASON_SOURCE, "and %zu statements more about products without a row",
				 foreign - STORY_MAX_FOREIGN);
}

static void say_misquoted(struct telling *t)
{
	const struct misquoted *m = t->to->misquoted;
	const struct product *p = m ? product_by_purl(span_of(m->purl)) : NULL;
	if (!m)
		return;
	struct reason_step *step =
		reason_add(&t->to->reason, REASON_RECORD, "articles quote %s as %s; the record is %s", m->id,
			   m->quoted_as, m->truth);
	reason_fact(step, "source", span_of(m->source));
	reason_fact(step, "quoted_as", span_of(m->quoted_as));
	reason_fact(step, "truth", span_of(m->truth));
	step = reason_add(&t->to->reason, REASON_RECORD, "its id was assigned by %s, which is not the vendor of %s",
			  m->assigner, p ? p->name : m->purl);
	reason_fact(step, "assigner", span_of(m->assigner));
	reason_fact(step, "product", span_of(m->purl));
}

/* Products that the record, or those who quote it, name. */
static int collect_quoted(struct telling *t)
{
	struct exposure_story *s = t->to;
	const struct advisory *v = &s->advisory.advisory;
	s->quoted_products = arena_array(t->a, v->statement_count + 1, sizeof *s->quoted_products);
	if (!s->quoted_products)
		return err_set(tx_err(t->tx), RF_ENOMEM, "story of an advisory");
	if (s->misquoted)
		s->quoted_products[s->quoted_count++] = span_of(s->misquoted->purl);
	for (size_t i = 0; i < v->statement_count; i++) {
		bool known = !v->statements[i].product;
		for (size_t k = 0; !known && k < s->quoted_count; k++)
			known = span_eq_text(s->quoted_products[k], v->statements[i].product->purl);
		if (!known)
			s->quoted_products[s->quoted_count++] = span_of(v->statements[i].product->purl);
	}
	return 0;
}

static int take_instead(const struct advisory_row *row, void *data)
{
	struct telling *t = data;
	struct exposure_story *s = t->to;
	if (row->is_drill || span_eq(row->id, s->advisory.advisory.id))
		return 0;
	for (size_t i = 0; i < s->instead_count; i++)
		if (span_eq(s->instead[i].id, row->id))
			return 0;
	if (s->instead_count == t->instead_capacity) {
		size_t capacity = t->instead_capacity ? 2 * t->instead_capacity : 16;
		struct advisory_row *more = arena_array(t->a, capacity, sizeof *more);
		if (!more)
			return err_set(tx_err(t->tx), RF_ENOMEM, "story of an advisory");
		if (s->instead_count)
			memcpy(more, s->instead, s->instead_count * sizeof *more);
		s->instead = more;
		t->instead_capacity = capacity;
	}
	struct advisory_row *to = &s->instead[s->instead_count++];
	*to = *row;
	to->id = arena_span(t->a, row->id);
	to->title = arena_span(t->a, row->title);
	return 0;
}

static int newest_first(const void *left, const void *right)
{
	const struct advisory_row *a = left, *b = right;
	if (a->published != b->published)
		return a->published > b->published ? -1 : 1;
	return span_compare(a->id, b->id);
}

static int collect_instead(struct telling *t)
{
	struct exposure_story *s = t->to;
	int rc = 0;
	for (size_t i = 0; !rc && i < s->quoted_count; i++) {
		struct advisory_filter filter = { .purl = s->quoted_products[i], .limit = EXPOSURE_MAX_ADVISORIES };
		rc = advisory_list(t->tx, &filter, take_instead, t);
	}
	if (rc)
		return rc;
	if (s->instead_count)
		qsort(s->instead, s->instead_count, sizeof *s->instead, newest_first);
	size_t all = s->instead_count;
	s->instead_count = RF_MIN(all, (size_t)STORY_MAX_INSTEAD);
	for (size_t i = 0; i < s->quoted_count; i++) {
		const struct product *p = product_by_purl(s->quoted_products[i]);
		struct reason_step *step = reason_add(
			&s->reason, REASON_CLAIM, "the advisories at hand about %s (%zu, newest first) stand beside",
			p ? p->name : "the product", all);
		reason_fact(step, "product", s->quoted_products[i]);
	}
	return 0;
}

static int add_open(const struct exposure_sum *sum, void *data)
{
	struct exposure_story *s = data;
	s->open[sum->kind] += sum->exposures;
	return 0;
}

static int count_open(struct telling *t)
{
	struct exposure_story *s = t->to;
	const struct exposure_filter f = { .advisory = s->advisory.advisory.id };
	return exposure_sums(t->tx, &f, add_open, s);
}

static void say_policy(struct telling *t)
{
	const struct advisory_policy *p = &t->to->advisory.policy;
	if (!p->decided)
		return;
	struct reason_step *step =
		reason_add(&t->to->reason, REASON_POLICY, "engine_affecting %s, decided by %.*s: %.*s",
			   engine_affecting_name(p->engine_affecting), SPAN_ARG(p->who), SPAN_ARG(p->why));
	reason_fact(step, "engine_affecting", span_of(engine_affecting_name(p->engine_affecting)));
	reason_fact(step, "who", p->who);
	reason_fact(step, "why", p->why);
}

static void say_decisions(struct telling *t)
{
	const struct advisory_policy *p = &t->to->advisory.policy;
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct advisory_decision *d = &p->decisions[i];
		struct reason_step *step;
		if (d->kind == DECISION_RANGE && !d->text.n)
			continue; /* taken back: the sources count again */
		if (d->kind == DECISION_RANGE)
			step = reason_add(&t->to->reason, REASON_POLICY,
					  "%.*s decided that of %s \"%.*s\" is affected: %.*s", SPAN_ARG(d->owner),
					  d->product ? d->product->name : "?", SPAN_ARG(d->text), SPAN_ARG(d->why));
		else
			step = reason_add(&t->to->reason, REASON_POLICY, "%.*s decided that it %s to %s%s%.*s: %.*s",
					  SPAN_ARG(d->owner), d->applies ? "applies" : "does not apply",
					  d->product ? d->product->name : "any product",
					  d->service.n ? " in service " : "", SPAN_ARG(d->service), SPAN_ARG(d->why));
		reason_fact(step, "decision", span_of(decision_kind_name(d->kind)));
		reason_fact(step, "product", d->product ? span_of(d->product->purl) : SPAN_NONE);
		reason_fact(step, "service", d->service);
		reason_fact(step, "range", d->text);
		reason_fact(step, "owner", d->owner);
		reason_fact(step, "who", d->who);
		reason_fact(step, "why", d->why);
	}
}

static int say_contradictions(struct telling *t)
{
	struct exposure_story *s = t->to;
	int rc =
		advisory_contradictions(t->a, &s->advisory, &s->contradictions, &s->contradiction_count, tx_err(t->tx));
	for (size_t i = 0; !rc && i < s->contradiction_count; i++) {
		const struct contradiction *c = &s->contradictions[i];
		struct reason_step *step =
			reason_add(&s->reason, REASON_CLAIM, "contradiction: %.*s", SPAN_ARG(c->words));
		reason_fact(step, "contradiction", span_of(contradiction_kind_name(c->kind)));
		reason_fact(step, "source", c->source);
		reason_fact(step, "against", c->against);
	}
	return rc;
}

static void say_result(struct telling *t)
{
	struct exposure_story *s = t->to;
	struct reason *r = &s->reason;
	const struct advisory *v = &s->advisory.advisory;
	if (v->state == ADVISORY_REJECTED)
		(void)reason_add(r, REASON_RESULT,
				 "%.*s is not a vulnerability: the record is rejected, it names no product and no "
				 "version, and nothing "
				 "is exposed to it",
				 SPAN_ARG(v->id));
	else if (v->state == ADVISORY_WITHDRAWN)
		(void)reason_add(r, REASON_RESULT,
				 "%.*s is not a vulnerability: its record was withdrawn, and nothing is exposed to it",
				 SPAN_ARG(v->id));
	else
		(void)reason_add(r, REASON_RESULT, "open exposures: %lld affected, %lld conflict, %lld unknown",
				 (long long)s->open[FINDING_AFFECTED], (long long)s->open[FINDING_CONFLICT],
				 (long long)s->open[FINDING_UNKNOWN]);
}

/* Known from misquoted.c alone: no feed at hand has the record. */
static void fill_misquoted(struct exposure_story *s)
{
	struct advisory *v = &s->advisory.advisory;
	*v = (struct advisory){ .id = span_of(s->misquoted->id),
				.state = ADVISORY_REJECTED,
				.assigner = span_of(s->misquoted->assigner),
				.title = SPAN("quoted as a vulnerability; no feed at hand has a record of it"),
				.url = span_of(s->misquoted->source),
				.published = USEC_NONE,
				.modified = USEC_NONE };
	s->advisory.first_seen = USEC_NONE;
}

int exposure_explain_advisory(struct transaction *tx, struct arena *a, const struct workspace *w, struct span id,
			      struct exposure_story *ret)
{
	struct exposure_story story = { .misquoted = misquoted_find(id), .reason = { .a = a } };
	struct telling t = { .tx = tx, .a = a, .to = &story };
	int rc = advisory_get(tx, a, id, &story.advisory);
	if (rc == RF_ENOTFOUND && story.misquoted) {
		fill_misquoted(&story);
		rc = 0;
	}
	if (rc)
		return rc;
	say_sources(&t);
	say_misquoted(&t);
	say_statements(&t);
	rc = say_contradictions(&t);
	say_policy(&t);
	say_decisions(&t);
	bool none = story.advisory.advisory.state != ADVISORY_PUBLISHED;
	if (!rc && none)
		rc = collect_quoted(&t);
	if (!rc && none)
		rc = collect_instead(&t);
	if (!rc)
		rc = count_open(&t);
	if (!rc)
		rc = exposure_stale_feeds(tx, a, w, &story.stale, &story.stale_count);
	if (rc)
		return rc;
	say_result(&t);
	*ret = story;
	return 0;
}
