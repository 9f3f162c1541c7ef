/* What excuses exposures, and how many it excuses. See excuse.h. */
#include "exposure/excuse.h"

#include "exposure/baseline_store.h"
#include "exposure/exposure_view.h"
#include "exposure/waiver_store.h"

int excuses_load(struct transaction *tx, struct arena *a, const struct workspace *w, usec_t at, struct excuses *ret)
{
	*ret = (struct excuses){ .now = at ? at : tx_now(tx), .baseline = { .since = USEC_NONE } };
	int rc = w ? vex_policy_of(a, &w->vex, &ret->vex, tx_err(tx)) : 0;
	if (!rc)
		rc = waiver_list(tx, a, at, false, &ret->waivers, &ret->waiver_count);
	return rc || at ? rc : baseline_load(tx, a, &ret->baseline);
}

static int find_vex(const struct excuses *x, struct arena *a, const struct stored_advisory *v, const struct found *f,
		    struct excuse *ret, struct err *err)
{
	struct vex_statement *list = NULL;
	size_t count = 0;
	int rc = x->vex.trusted_count ? vex_of(a, v, &list, &count, err) : 0;
	if (rc || !count)
		return rc;
	ret->vex = vex_find(&x->vex, list, count, f, x->now);
	ret->kind = ret->vex ? EXCUSE_VEX : EXCUSE_NONE;
	return 0;
}

static int find_debt(const struct excuses *x, struct arena *a, const struct found *f, struct excuse *ret,
		     struct err *err)
{
	static const enum excuse_kind kinds[] = { [BASELINE_NEW] = EXCUSE_NONE,
						  [BASELINE_COVERED] = EXCUSE_BASELINE,
						  [BASELINE_WORSE] = EXCUSE_WORSE,
						  [BASELINE_DUE] = EXCUSE_DUE };
	RF_AUTO(str) worse = STR_INIT(1 * KIB);
	ret->kind = kinds[baseline_judge(&x->baseline, f, x->now, &ret->debt)];
	if (ret->kind == EXCUSE_WORSE && baseline_worse(ret->debt.item, f, &worse))
		ret->worse = arena_span(a, str_span(&worse));
	return ret->kind == EXCUSE_WORSE && !ret->worse.p ? err_set(err, RF_ENOMEM, "what excuses an exposure") : 0;
}

int excuse_find(const struct excuses *x, struct arena *a, const struct stored_advisory *v, const struct found *f,
		struct excuse *ret, struct err *err)
{
	*ret = (struct excuse){ .waiver = waiver_find(x->waivers, x->waiver_count, f, x->now) };
	if (f->kind == FINDING_NOT_AFFECTED)
		ret->waiver = NULL;
	ret->kind = ret->waiver ? EXCUSE_WAIVER : EXCUSE_NONE;
	int rc = ret->waiver || f->kind == FINDING_NOT_AFFECTED ? 0 : find_vex(x, a, v, f, ret, err);
	return rc || ret->kind || f->kind == FINDING_NOT_AFFECTED ? rc : find_debt(x, a, f, ret, err);
}

/* ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

void excuse_words(const struct excuses *x, const struct excuse *e, struct str *to)
{
	switch (e->kind) {
	case EXCUSE_WAIVER:
		str_add_text(to, "waived: ");
		waiver_words(e->waiver, to);
		break;
	case EXCUSE_VEX:
		str_add_text(to, "excused: ");
		vex_words(&x->vex, e->vex, to);
		break;
	case EXCUSE_BASELINE:
	case EXCUSE_WORSE:
	case EXCUSE_DUE:
		str_add_text(to,
			     e->kind == EXCUSE_DUE ? "baseline debt, due and no excuse any more: " : "baseline debt: ");
		baseline_words(&e->debt, to);
		if (e->kind == EXCUSE_WORSE)
			str_addf(to, "; no excuse any more: it %.*s", SPAN_ARG(e->worse));
		break;
	case EXCUSE_NONE:
	case EXCUSE_KINDS:
		break;
	}
}

void excuse_json(const struct excuses *x, const struct excuse *e, struct json_out *o)
{
	if (e->kind == EXCUSE_WAIVER) {
		json_key(o, "waiver");
		waiver_json(e->waiver, x->now, o);
	} else if (e->kind == EXCUSE_VEX) {
		json_key(o, "vex");
		vex_json(&x->vex, e->vex, o);
	} else if (e->kind != EXCUSE_NONE) {
		json_key(o, "baseline");
		json_object(o);
		json_member(o, "state",
			    e->kind == EXCUSE_BASELINE ? "covered"
			    : e->kind == EXCUSE_WORSE  ? "worse"
						       : "due");
		if (e->kind == EXCUSE_WORSE)
			json_member_span(o, "worse", e->worse);
		json_member_time(o, "since", e->debt.since);
		json_member_time(o, "due", e->debt.due);
		json_member_span(o, "owner", e->debt.owner);
		json_object_end(o);
	}
}

bool excuse_counts_any(const struct excuse_counts *c)
{
	for (size_t i = 0; i < EXCUSE_KINDS; i++)
		if (c->of[i])
			return true;
	return false;
}

void excuse_counts_words(const struct excuse_counts *c, struct str *to)
{
	char due[TIME_TEXT_BYTES];
	const char *between = "of these ";
	static const struct {
		enum excuse_kind kind;
		const char *words;
	} parts[] = {
		{ EXCUSE_WAIVER, "waived" },
		{ EXCUSE_VEX, "excused by VEX" },
		{ EXCUSE_BASELINE, "baseline debt" },
		{ EXCUSE_WORSE, "baseline debt that got worse" },
		{ EXCUSE_DUE, "baseline debt that was due" },
		{ EXCUSE_NONE, "excused by nothing" },
	};
	for (size_t i = 0; i < RF_COUNT(parts); i++) {
		if (!c->of[parts[i].kind])
			continue;
		str_addf(to, "%s%lld %s", between, (long long)c->of[parts[i].kind], parts[i].words);
		if (parts[i].kind == EXCUSE_BASELINE)
			str_addf(to, " until %s", time_text_date(c->due, due));
		between = ", ";
	}
}

void excuse_counts_json(const struct excuse_counts *c, struct json_out *o)
{
	static const char *const names[EXCUSE_KINDS] = { "new", "waived", "vex", "baseline", "worse", "due" };
	json_object(o);
	for (size_t i = 0; i < EXCUSE_KINDS; i++)
		json_member_i64(o, names[i], c->of[i]);
	json_member_time(o, "baseline_due", c->due);
	json_object_end(o);
}

/* ── Counts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct counting {
	struct transaction *tx;
	struct exposure_view v;
	struct excuses x;
	struct arena a, advisories, one; /* excuses; all advisories; one exposure */
	struct view_rate {
		struct stored_advisory *stored;
		int severity;
		bool kev;
	} * rates;
	struct map digests; /* artifact id -> span */
	struct excuse_counts *to;
};

static int out_of_memory(struct counting *c)
{
	return err_set(tx_err(c->tx), RF_ENOMEM, "excuses of exposures");
}

static int rates_load(struct counting *c)
{
	c->rates = arena_array(&c->a, c->v.advisory_count + 1, sizeof *c->rates);
	int rc = c->rates ? 0 : out_of_memory(c);
	for (size_t i = 0; !rc && i < c->v.advisory_count; i++) {
		struct view_rate *r = &c->rates[i];
		r->stored = arena_alloc(&c->advisories, sizeof *r->stored);
		rc = r->stored ? advisory_get(c->tx, &c->advisories, c->v.advisories[i].id, r->stored)
			       : out_of_memory(c);
		if (!rc)
			found_rate(r->stored, &r->severity, &r->kev);
	}
	return rc;
}

static int digests_load(struct counting *c)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = tx_query(
		c->tx,
		"SELECT id, digest FROM inventory_artifact WHERE id IN (SELECT artifact_id FROM exposure_link WHERE"
		" valid_to IS NULL) OR id IN (SELECT artifact_id FROM inventory_use WHERE placements > 0)",
		NULL, 0, &rows);
	while (!rc && (rc = rows_next(rows)) == 1) {
		struct {
			int64_t id;
			struct span digest;
		} *own = arena_alloc(&c->a, sizeof *own);
		if (!own || !(own->digest = arena_span(&c->a, rows_text(rows, 1))).p)
			return out_of_memory(c);
		own->id = rows_i64(rows, 0);
		rc = map_set(&c->digests, span_bytes(&own->id, sizeof own->id), &own->digest) ? out_of_memory(c) : 0;
	}
	return rc;
}

static int count_finding(struct counting *c, const struct view_link *l, const struct view_finding *f)
{
	const struct view_service *s = &c->v.services[l->service];
	const struct view_subject *k = &c->v.subjects[l->subject];
	const struct view_rate *r = &c->rates[f->advisory];
	const struct span *digest = map_get(&c->digests, span_bytes(&l->artifact, sizeof l->artifact)),
			  *outer = map_get(&c->digests, span_bytes(&l->outer, sizeof l->outer));
	const struct found found = { .advisory = c->v.advisories[f->advisory].id,
				     .cause = span_of(finding_cause_name(f->cause)),
				     .carrier = k->carrier,
				     .kind = f->kind,
				     .severity = r->severity,
				     .kev = r->kev,
				     .service = s->service,
				     .environment = s->environment,
				     .purl = k->purl,
				     .version = k->version,
				     .digest = digest ? *digest : SPAN_NONE,
				     .outer = outer && l->outer != l->artifact ? *outer : SPAN_NONE };
	struct excuse e;
	arena_reset(&c->one);
	int rc = excuse_find(&c->x, &c->one, r->stored, &found, &e, tx_err(c->tx));
	if (!rc)
		c->to->of[e.kind] += l->placements;
	return rc;
}

static int count_all(struct counting *c, const struct workspace *w)
{
	int rc = excuses_load(c->tx, &c->a, w, 0, &c->x);
	bool any = !rc && (c->x.waiver_count || c->x.vex.trusted_count || c->x.baseline.since != USEC_NONE);
	c->to->due = rc ? USEC_NONE : c->x.baseline.due;
	if (rc || !any)
		return rc;
	rc = exposure_view_load(c->tx, &(struct exposure_filter){ .without_drills = true }, true, &c->v);
	if (!rc)
		rc = rates_load(c);
	if (!rc)
		rc = digests_load(c);
	for (size_t i = 0; !rc && i < c->v.link_count; i++) {
		const struct view_link *l = &c->v.links[i];
		const struct view_subject *s = &c->v.subjects[l->subject];
		for (size_t k = s->first; !rc && k < s->first + s->count; k++)
			if (exposure_view_applies(&c->v, &c->v.findings[k], &c->v.services[l->service]))
				rc = count_finding(c, l, &c->v.findings[k]);
	}
	return rc;
}

int excuse_count(struct transaction *tx, const struct workspace *w, struct excuse_counts *ret)
{
	struct counting c = { .tx = tx,
			      .a = ARENA_INIT(1024 * MIB),
			      .advisories = ARENA_INIT(1024 * MIB),
			      .one = ARENA_INIT(64 * MIB),
			      .to = ret };
	*ret = (struct excuse_counts){ .due = USEC_NONE };
	int rc = count_all(&c, w);
	exposure_view_release(&c.v);
	map_release(&c.digests);
	arena_release(&c.a);
	arena_release(&c.advisories);
	arena_release(&c.one);
	return rc;
}
