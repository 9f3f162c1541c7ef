/* carried_write - a merged advisory into the form of carried.h. */
#include "advisory/carried.h"

#include "advisory/carried_int.h"
#include "format/wire.h"

struct writing {
	struct wire_out out;
	struct map origins; /* digest and id of a document -> index + 1 */
	struct arena keys;  /* of origins */
	size_t origin_count;
	int failed;
};

static void put_advisory(struct writing *w, const struct stored_advisory *v)
{
	const struct advisory *a = &v->advisory;
	wire_put_text(&w->out, a->id);
	wire_put_text(&w->out, a->title);
	wire_put_text(&w->out, a->url);
	wire_put_text(&w->out, a->cwe);
	wire_put_number(&w->out, a->state);
	wire_put_number(&w->out, (a->is_drill ? CARRIED_DRILL : 0) | (a->published_has_time ? CARRIED_HAS_TIME : 0));
	wire_put_number(&w->out, a->tlp);
	wire_put_moment(&w->out, a->published);
	wire_put_moment(&w->out, a->modified);
	wire_put_moment(&w->out, v->first_seen);
	wire_put_end(&w->out, CARRIED_ADVISORY);
	for (size_t i = 0; i < a->alias_count; i++) {
		wire_put_text(&w->out, a->aliases[i]);
		wire_put_end(&w->out, CARRIED_ALIAS);
	}
	for (size_t i = 0; i < a->severity_count; i++) {
		const struct advisory_severity *s = &a->severities[i];
		wire_put_text(&w->out, s->source);
		wire_put_text(&w->out, s->type);
		wire_put_text(&w->out, s->vector);
		wire_put_text(&w->out, s->rating);
		wire_put_real(&w->out, s->score);
		wire_put_real(&w->out, s->computed);
		wire_put_end(&w->out, CARRIED_SEVERITY);
	}
}

/* Statements of one record have one origin: it is carried once. Its row must not be begun while another is. */
static uint64_t origin(struct writing *w, const struct advisory_origin *o)
{
	char *key = arena_printf(&w->keys, "%.*s %.*s %.*s %.*s %d %d %lld %lld", SPAN_ARG(o->document_digest),
				 SPAN_ARG(o->document_id), SPAN_ARG(o->feed), SPAN_ARG(o->format), (int)o->record_state, (int)o->authority,
				 (long long)o->record_modified, (long long)o->imported_at);
	uintptr_t n = key ? (uintptr_t)map_get(&w->origins, span_of(key)) : 0;
	if (n)
		return n - 1;
	n = ++w->origin_count;
	if (!key || map_set(&w->origins, span_of(key), (void *)n))
		w->failed = RF_ENOMEM;
	wire_put_text(&w->out, o->document_digest);
	wire_put_text(&w->out, o->document_id);
	wire_put_text(&w->out, o->feed);
	wire_put_text(&w->out, o->format);
	wire_put_number(&w->out, o->record_state);
	wire_put_number(&w->out, o->authority);
	wire_put_moment(&w->out, o->record_modified);
	wire_put_moment(&w->out, o->imported_at);
	wire_put_end(&w->out, CARRIED_ORIGIN);
	return n - 1;
}

static void put_range(struct writing *w, const struct range *r)
{
	wire_put_text(&w->out, span_of(r->scheme->name));
	wire_put_number(&w->out, (r->readable ? CARRIED_READABLE : 0) | (r->conservative ? CARRIED_CONSERVATIVE : 0) |
			  (r->conflict ? CARRIED_CONFLICT : 0));
	wire_put_text(&w->out, span_of(r->rule));
	wire_put_text(&w->out, r->scope.platform);
	wire_put_text(&w->out, r->scope.branch);
	wire_put_text(&w->out, r->note);
	wire_put_number(&w->out, r->count);
	for (size_t i = 0; i < r->count; i++) {
		const struct range_interval *v = &r->intervals[i];
		wire_put_text(&w->out, v->low);
		wire_put_text(&w->out, v->high);
		wire_put_number(&w->out, (v->low_exclusive ? CARRIED_LOW_EXCLUSIVE : 0) |
				  (v->high_inclusive ? CARRIED_HIGH_INCLUSIVE : 0) | (v->exact ? CARRIED_EXACT : 0));
	}
}

static void put_statement(struct writing *w, const struct advisory_statement *s, uint64_t from)
{
	wire_put_number(&w->out, from);
	wire_put_number(&w->out, (s->status == STATEMENT_NOT_AFFECTED ? CARRIED_NOT_AFFECTED : 0) |
			  (s->authoritative ? CARRIED_AUTHORITATIVE : 0) | (s->review ? CARRIED_REVIEW : 0) |
			  (s->range ? CARRIED_HAS_RANGE : 0));
	wire_put_text(&w->out, s->source);
	wire_put_text(&w->out, span_of(s->product->purl));
	wire_put_text(&w->out, s->product_name);
	wire_put_text(&w->out, s->platform);
	wire_put_text(&w->out, s->affected_text);
	wire_put_text(&w->out, s->fixed_text);
	wire_put_text(&w->out, s->rule);
	wire_put_text(&w->out, s->contradiction);
	wire_put_text(&w->out, s->justification);
	wire_put_moment(&w->out, s->stated);
	wire_put_number(&w->out, s->fixed_count);
	for (size_t i = 0; i < s->fixed_count; i++)
		wire_put_text(&w->out, s->fixed[i]);
	if (s->range)
		put_range(w, s->range);
	wire_put_end(&w->out, CARRIED_STATEMENT);
}

static void put_source(struct writing *w, const struct advisory_source *s, uint64_t from)
{
	wire_put_number(&w->out, from);
	wire_put_text(&w->out, s->publisher);
	wire_put_text(&w->out, s->record.id);
	wire_put_number(&w->out, s->record.state);
	wire_put_text(&w->out, s->record.state_reason);
	wire_put_text(&w->out, s->record.assigner);
	wire_put_end(&w->out, CARRIED_SOURCE);
}

static void put_signal(struct writing *w, const struct advisory_signal *s)
{
	wire_put_number(&w->out, s->kind);
	wire_put_text(&w->out, s->cve);
	wire_put_text(&w->out, s->source);
	wire_put_moment(&w->out, s->date);
	if (s->kind == SIGNAL_KEV) {
		wire_put_moment(&w->out, s->kev.due);
		wire_put_number(&w->out, s->kev.ransomware);
		wire_put_text(&w->out, s->kev.name);
		wire_put_text(&w->out, s->kev.action);
	} else if (s->kind == SIGNAL_EPSS) {
		wire_put_real(&w->out, s->epss.score);
		wire_put_real(&w->out, s->epss.percentile);
	} else {
		wire_put_number(&w->out, s->ssvc.exploitation);
		wire_put_number(&w->out, s->ssvc.automatable);
		wire_put_number(&w->out, s->ssvc.impact);
	}
	wire_put_end(&w->out, CARRIED_SIGNAL);
}

static void put_policy(struct writing *w, const struct advisory_policy *p)
{
	if (p->decided) {
		wire_put_number(&w->out, p->engine_affecting);
		wire_put_text(&w->out, p->who);
		wire_put_text(&w->out, p->why);
		wire_put_moment(&w->out, p->at);
		wire_put_end(&w->out, CARRIED_POLICY);
	}
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct advisory_decision *d = &p->decisions[i];
		wire_put_number(&w->out, d->kind);
		wire_put_number(&w->out, (d->applies ? CARRIED_APPLIES : 0) | (d->range ? CARRIED_DECISION_RANGE : 0));
		wire_put_text(&w->out, d->product ? span_of(d->product->purl) : SPAN_NONE);
		wire_put_text(&w->out, d->service);
		wire_put_text(&w->out, d->text);
		wire_put_text(&w->out, d->owner);
		wire_put_text(&w->out, d->who);
		wire_put_text(&w->out, d->why);
		wire_put_moment(&w->out, d->at);
		if (d->range)
			put_range(w, d->range);
		wire_put_end(&w->out, CARRIED_DECISION);
	}
}

/* Fields in the order of their numbers: origins of statements and sources stand before both. */
static void put_sources(struct writing *w, const struct stored_advisory *v, uint64_t *from_statement,
			uint64_t *from_source)
{
	for (size_t i = 0; i < v->advisory.statement_count; i++)
		if (v->advisory.statements[i].product)
			from_statement[i] = origin(w, &v->origins[i]);
	for (size_t i = 0; i < v->source_count; i++)
		from_source[i] = origin(w, &v->sources[i].origin);
	for (size_t i = 0; i < v->source_count; i++)
		put_source(w, &v->sources[i], from_source[i]);
	for (size_t i = 0; i < v->advisory.statement_count; i++)
		if (v->advisory.statements[i].product)
			put_statement(w, &v->advisory.statements[i], from_statement[i]);
}

static int put_all(struct writing *w, const struct stored_advisory *v, struct err *err)
{
	size_t ours = 0;
	for (size_t i = 0; i < v->advisory.statement_count; i++)
		ours += v->advisory.statements[i].product != NULL;
	if (ours > CARRIED_MAX_STATEMENTS)
		return err_set(err, RF_ETOOMANY, "%.*s has %zu statements about products of ours, at most %d",
			       SPAN_ARG(v->advisory.id), ours, CARRIED_MAX_STATEMENTS);
	uint64_t *from = arena_array(&w->keys, v->advisory.statement_count + v->source_count + 1, sizeof *from);
	if (!from)
		return err_set(err, RF_ENOMEM, "advisory to carry");
	put_advisory(w, v);
	put_sources(w, v, from, from + v->advisory.statement_count);
	for (size_t i = 0; i < v->signal_count; i++)
		put_signal(w, &v->signals[i]);
	put_policy(w, &v->policy);
	return w->failed ? err_set(err, w->failed, "advisory to carry") : 0;
}

int carried_write(const struct stored_advisory *v, struct str *to, struct err *err)
{
	struct writing w = { .out = wire_out(CARRIED_MAX_BYTES / 2 - 16),
			     .origins = MAP_INIT,
			     .keys = ARENA_INIT(64 * MIB) };
	int rc = put_all(&w, v, err);
	if (!rc)
		rc = wire_write(&w.out, CARRIED_FORMAT, to, "advisory to carry", err);
	wire_out_release(&w.out);
	map_release(&w.origins);
	arena_release(&w.keys);
	return rc;
}
