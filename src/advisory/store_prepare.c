/* From a parsed document to the texts of its rows: no database, so that it runs beside the writer. */
#include "advisory/advisory_range.h"
#include "advisory/store_int.h"

#include "format/json.h"

/* Texts of one record; the largest record of ours, a CISA bulletin's, has 60 KiB. */
#define PREPARE_MAX_TEXT (64 * MIB)

struct preparing {
	struct arena *a;
	struct store_document *d;
	struct str text; /* reused */
	struct err *err;
	bool ours; /* a record is about a product of ours, or a person must look at it */
};

static int take_text(struct preparing *p, struct span *ret)
{
	int rc = str_check(&p->text, "texts of an advisory", p->err);
	if (rc)
		return rc;
	*ret = arena_span(p->a, str_span(&p->text));
	str_reset(&p->text);
	return ret->p ? 0 : err_set(p->err, RF_ENOMEM, "texts of an advisory");
}

/* ["name","given purl","platform","affected","fixed",status,review,"source"], trailing empty ones left out. */
static void write_foreign(const struct advisory_statement *s, struct json_out *o)
{
	json_array(o);
	json_put_span(o, s->product_name);
	json_put_span(o, s->purl);
	json_put_span(o, s->platform);
	json_put_span(o, s->affected_text);
	json_put_span(o, s->fixed_text);
	json_put_i64(o, s->status);
	json_put_bool(o, s->review);
	json_put_span(o, s->source);
	json_array_end(o);
}

static int prepare_statements(struct preparing *p, const struct advisory *v, struct store_record *to)
{
	struct json_out o = json_out(&p->text, false);
	to->kept = arena_array(p->a, v->statement_count + 1, sizeof *to->kept);
	if (!to->kept)
		return err_set(p->err, RF_ENOMEM, "statements of an advisory");
	json_array(&o);
	for (size_t i = 0; i < v->statement_count; i++) {
		to->review += v->statements[i].review;
		if (v->statements[i].product)
			to->kept[to->kept_count++] = i;
		else
			write_foreign(&v->statements[i], &o);
	}
	json_array_end(&o);
	int rc = take_text(p, &to->foreign);
	p->ours |= to->kept_count || to->review || v->is_drill;
	if (rc || !to->kept_count)
		return rc;
	to->ranges = arena_array(p->a, to->kept_count, sizeof *to->ranges);
	to->fixed = arena_array(p->a, to->kept_count, sizeof *to->fixed);
	if (!to->ranges || !to->fixed)
		return err_set(p->err, RF_ENOMEM, "statements of an advisory");
	for (size_t i = 0; !rc && i < to->kept_count; i++) {
		const struct advisory_statement *s = &v->statements[to->kept[i]];
		advisory_range_write(s->range, &p->text);
		rc = take_text(p, &to->ranges[i]);
		if (rc)
			break;
		advisory_texts_write(s->fixed, s->fixed_count, &p->text);
		rc = take_text(p, &to->fixed[i]);
	}
	return rc;
}

static double highest_score(const struct advisory *v)
{
	double best = -1;
	for (size_t i = 0; i < v->severity_count; i++)
		best = RF_MAX(best, advisory_severity_score(&v->severities[i]));
	return best;
}

static int prepare_record(struct preparing *p, const struct advisory *v, struct store_record *to)
{
	to->authority = advisory_authority_of(v, p->d->parsed.format->name);
	to->score = highest_score(v);
	advisory_severities_write(v->severities, v->severity_count, &p->text);
	int rc = take_text(p, &to->severities);
	if (rc)
		return rc;
	advisory_texts_write(v->aliases, v->alias_count, &p->text);
	rc = take_text(p, &to->aliases);
	return rc ? rc : prepare_statements(p, v, to);
}

static int prepare_signals(struct preparing *p)
{
	struct store_document *d = p->d;
	int rc = 0;
	d->signals = arena_array(p->a, d->parsed.signal_count + 1, sizeof *d->signals);
	if (!d->signals)
		return err_set(p->err, RF_ENOMEM, "signals");
	for (size_t i = 0; !rc && i < d->parsed.signal_count; i++) {
		store_signal_write(&d->parsed.signals[i], &p->text);
		rc = take_text(p, &d->signals[i]);
	}
	return rc;
}

static int prepare(struct preparing *p, struct span bytes)
{
	struct store_document *d = p->d;
	int rc = 0;
	d->records = arena_array(p->a, d->parsed.count + 1, sizeof *d->records);
	if (!d->records)
		return err_set(p->err, RF_ENOMEM, "records of a document");
	for (size_t i = 0; !rc && i < d->parsed.count; i++) {
		rc = prepare_record(p, &d->parsed.advisories[i], &d->records[i]);
		d->review += d->records[i].review;
		d->modified = RF_MAX(d->modified, d->parsed.advisories[i].modified);
	}
	if (!rc)
		rc = prepare_signals(p);
	if (rc)
		return rc;
	str_addf(&p->text, "%.*s %.*s", SPAN_ARG(d->parsed.id), SPAN_ARG(d->parsed.publisher));
	rc = take_text(p, &d->identity);
	if (rc)
		return rc;
	advisory_texts_write(d->parsed.warnings, d->parsed.warning_count, &p->text);
	rc = take_text(p, &d->warnings);
	if (rc || !p->ours || bytes.n > STORE_MAX_CONTENT)
		return rc;
	d->bytes = arena_span(p->a, bytes);
	return d->bytes.p ? 0 : err_set(p->err, RF_ENOMEM, "document of %zu bytes", bytes.n);
}

int store_prepare(struct arena *a, struct store_document *d, struct span bytes, struct err *err)
{
	struct preparing p = { .a = a, .d = d, .text = STR_INIT(PREPARE_MAX_TEXT), .err = err };
	int rc = prepare(&p, bytes);
	str_release(&p.text);
	return rc;
}
