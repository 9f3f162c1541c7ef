/* carried_write - a merged advisory into the form of carried.h. */
#include "advisory/carried.h"

#include "advisory/carried_int.h"
#include "base/hash.h"
#include "format/protobuf.h"

struct writing {
	struct map numbers; /* text -> its number */
	struct map origins; /* digest and id of a document -> index + 1 */
	struct arena keys;  /* of origins */
	size_t text_count, origin_count;
	struct str texts; /* field 2, finished */
	struct str rows;  /* fields 3 to 11, finished */
	struct str row;   /* the one at hand */
	int failed;
};

static void number(struct writing *w, uint64_t value)
{
	protobuf_put_raw_varint(&w->row, value);
}

static void moment(struct writing *w, usec_t t)
{
	number(w, ((uint64_t)t << 1) ^ (t < 0 ? UINT64_MAX : 0));
}

static void real(struct writing *w, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	number(w, bits);
}

static void text(struct writing *w, struct span s)
{
	if (!s.n) {
		number(w, 0);
		return;
	}
	uintptr_t n = (uintptr_t)map_get(&w->numbers, s);
	if (!n) {
		n = ++w->text_count;
		protobuf_put_bytes(&w->texts, CARRIED_TEXT, s);
		if (map_set(&w->numbers, s, (void *)n))
			w->failed = RF_ENOMEM;
	}
	number(w, n);
}

static void end_row(struct writing *w, enum carried_field field)
{
	protobuf_put_bytes(&w->rows, field, str_span(&w->row));
	if (w->row.failed)
		w->failed = w->row.failed;
	str_reset(&w->row);
}

static void put_advisory(struct writing *w, const struct stored_advisory *v)
{
	const struct advisory *a = &v->advisory;
	text(w, a->id);
	text(w, a->title);
	text(w, a->url);
	text(w, a->cwe);
	number(w, a->state);
	number(w, (a->is_drill ? CARRIED_DRILL : 0) | (a->published_has_time ? CARRIED_HAS_TIME : 0));
	number(w, a->tlp);
	moment(w, a->published);
	moment(w, a->modified);
	moment(w, v->first_seen);
	end_row(w, CARRIED_ADVISORY);
	for (size_t i = 0; i < a->alias_count; i++) {
		text(w, a->aliases[i]);
		end_row(w, CARRIED_ALIAS);
	}
	for (size_t i = 0; i < a->severity_count; i++) {
		const struct advisory_severity *s = &a->severities[i];
		text(w, s->source);
		text(w, s->type);
		text(w, s->vector);
		text(w, s->rating);
		real(w, s->score);
		real(w, s->computed);
		end_row(w, CARRIED_SEVERITY);
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
	text(w, o->document_digest);
	text(w, o->document_id);
	text(w, o->feed);
	text(w, o->format);
	number(w, o->record_state);
	number(w, o->authority);
	moment(w, o->record_modified);
	moment(w, o->imported_at);
	end_row(w, CARRIED_ORIGIN);
	return n - 1;
}

static void put_range(struct writing *w, const struct range *r)
{
	text(w, span_of(r->scheme->name));
	number(w, (r->readable ? CARRIED_READABLE : 0) | (r->conservative ? CARRIED_CONSERVATIVE : 0) |
			  (r->conflict ? CARRIED_CONFLICT : 0));
	text(w, span_of(r->rule));
	text(w, r->scope.platform);
	text(w, r->scope.branch);
	text(w, r->note);
	number(w, r->count);
	for (size_t i = 0; i < r->count; i++) {
		const struct range_interval *v = &r->intervals[i];
		text(w, v->low);
		text(w, v->high);
		number(w, (v->low_exclusive ? CARRIED_LOW_EXCLUSIVE : 0) |
				  (v->high_inclusive ? CARRIED_HIGH_INCLUSIVE : 0) | (v->exact ? CARRIED_EXACT : 0));
	}
}

static void put_statement(struct writing *w, const struct advisory_statement *s, uint64_t from)
{
	number(w, from);
	number(w, (s->status == STATEMENT_NOT_AFFECTED ? CARRIED_NOT_AFFECTED : 0) |
			  (s->authoritative ? CARRIED_AUTHORITATIVE : 0) | (s->review ? CARRIED_REVIEW : 0) |
			  (s->range ? CARRIED_HAS_RANGE : 0));
	text(w, s->source);
	text(w, span_of(s->product->purl));
	text(w, s->product_name);
	text(w, s->platform);
	text(w, s->affected_text);
	text(w, s->fixed_text);
	text(w, s->rule);
	text(w, s->contradiction);
	text(w, s->justification);
	moment(w, s->stated);
	number(w, s->fixed_count);
	for (size_t i = 0; i < s->fixed_count; i++)
		text(w, s->fixed[i]);
	if (s->range)
		put_range(w, s->range);
	end_row(w, CARRIED_STATEMENT);
}

static void put_source(struct writing *w, const struct advisory_source *s, uint64_t from)
{
	number(w, from);
	text(w, s->publisher);
	text(w, s->record.id);
	number(w, s->record.state);
	text(w, s->record.state_reason);
	text(w, s->record.assigner);
	end_row(w, CARRIED_SOURCE);
}

static void put_signal(struct writing *w, const struct advisory_signal *s)
{
	number(w, s->kind);
	text(w, s->cve);
	text(w, s->source);
	moment(w, s->date);
	if (s->kind == SIGNAL_KEV) {
		moment(w, s->kev.due);
		number(w, s->kev.ransomware);
		text(w, s->kev.name);
		text(w, s->kev.action);
	} else if (s->kind == SIGNAL_EPSS) {
		real(w, s->epss.score);
		real(w, s->epss.percentile);
	} else {
		number(w, s->ssvc.exploitation);
		number(w, s->ssvc.automatable);
		number(w, s->ssvc.impact);
	}
	end_row(w, CARRIED_SIGNAL);
}

static void put_policy(struct writing *w, const struct advisory_policy *p)
{
	if (p->decided) {
		number(w, p->engine_affecting);
		text(w, p->who);
		text(w, p->why);
		moment(w, p->at);
		end_row(w, CARRIED_POLICY);
	}
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct advisory_decision *d = &p->decisions[i];
		number(w, d->kind);
		number(w, (d->applies ? CARRIED_APPLIES : 0) | (d->range ? CARRIED_DECISION_RANGE : 0));
		text(w, d->product ? span_of(d->product->purl) : SPAN_NONE);
		text(w, d->service);
		text(w, d->text);
		text(w, d->owner);
		text(w, d->who);
		text(w, d->why);
		moment(w, d->at);
		if (d->range)
			put_range(w, d->range);
		end_row(w, CARRIED_DECISION);
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
	if (w->failed == RF_ENOMEM)
		return err_set(err, RF_ENOMEM, "advisory to carry");
	int rc = str_check(&w->texts, "texts of an advisory", err);
	if (!rc)
		rc = str_check(&w->rows, "rows of an advisory", err);
	return rc || !w->failed ? rc : err_set(err, w->failed, "a row of an advisory");
}

int carried_write(const struct stored_advisory *v, struct str *to, struct err *err)
{
	struct writing w = { .numbers = MAP_INIT,
			     .origins = MAP_INIT,
			     .keys = ARENA_INIT(64 * MIB),
			     .texts = STR_INIT(CARRIED_MAX_BYTES),
			     .rows = STR_INIT(CARRIED_MAX_BYTES),
			     .row = STR_INIT(CARRIED_MAX_BYTES) };
	int rc = put_all(&w, v, err);
	if (!rc && w.texts.n + w.rows.n > CARRIED_MAX_BYTES - 16)
		rc = err_set(err, RF_ETOOBIG, "%.*s takes more than %llu bytes", SPAN_ARG(v->advisory.id),
			     (unsigned long long)CARRIED_MAX_BYTES);
	if (!rc) {
		protobuf_put_varint(to, CARRIED_FORMAT_FIELD, CARRIED_FORMAT);
		str_add(to, str_span(&w.texts));
		str_add(to, str_span(&w.rows));
		rc = str_check(to, "advisory to carry", err);
	}
	map_release(&w.numbers);
	map_release(&w.origins);
	arena_release(&w.keys);
	str_release(&w.texts);
	str_release(&w.rows);
	str_release(&w.row);
	return rc;
}
