/* A document as text lines, so that tests compare files and failures show what changed. */
#ifndef TEST_ADVISORY_RENDER_H
#define TEST_ADVISORY_RENDER_H

#include "advisory/advisory.h"

static inline void render_statement(const struct advisory_statement *s, struct str *to)
{
	str_addf(to, "  %s%s %s", s->status == STATEMENT_NOT_AFFECTED ? "NOT " : "",
		 s->product ? s->product->purl : "-", s->authoritative ? "vendor" : "other");
	str_addf(to, " | %.*s | %.*s | %.*s -> %.*s | ", SPAN_ARG(s->product_name), SPAN_ARG(s->platform),
		 SPAN_ARG(s->affected_text), SPAN_ARG(s->fixed_text));
	if (s->range)
		range_words(s->range, to);
	str_addf(to, " | %.*s%s", SPAN_ARG(s->rule), s->review ? " | review" : "");
	for (size_t i = 0; i < s->fixed_count; i++)
		str_addf(to, "%s%.*s", i ? ", " : " | fixed ", SPAN_ARG(s->fixed[i]));
	if (s->contradiction.n)
		str_addf(to, " | contradiction %.*s", SPAN_ARG(s->contradiction));
	if (s->justification.n)
		str_addf(to, " | because %.*s", SPAN_ARG(s->justification));
	if (s->remedy.n)
		str_addf(to, " | remedy %.*s", SPAN_ARG(s->remedy));
	str_add_byte(to, '\n');
}

static inline void render_signal(const struct advisory_signal *s, struct str *to)
{
	char time[TIME_TEXT_BYTES];
	str_addf(to, "%s %.*s by %.*s %s", advisory_signal_name(s->kind), SPAN_ARG(s->cve), SPAN_ARG(s->source),
		 time_text(s->date, time));
	if (s->kind == SIGNAL_KEV)
		str_addf(to, " due %s%s | %.*s | %.*s\n", time_text(s->kev.due, time),
			 s->kev.ransomware ? " ransomware" : "", SPAN_ARG(s->kev.name), SPAN_ARG(s->kev.action));
	if (s->kind == SIGNAL_EPSS)
		str_addf(to, " %.5f %.5f\n", s->epss.score, s->epss.percentile);
	if (s->kind == SIGNAL_SSVC)
		str_addf(to, " %s %s %s\n", ssvc_exploitation_name(s->ssvc.exploitation),
			 ssvc_automatable_name(s->ssvc.automatable), ssvc_impact_name(s->ssvc.impact));
}

static inline void render_document(const struct advisory_document *d, struct str *to)
{
	char time[TIME_TEXT_BYTES];
	str_addf(to, "%s %.*s by %.*s: %.*s\n", d->format->name, SPAN_ARG(d->id), SPAN_ARG(d->publisher),
		 SPAN_ARG(d->title));
	if (d->page.present)
		str_addf(to, "page %llu + %llu of %llu\n", (unsigned long long)d->page.start_index,
			 (unsigned long long)d->page.results_per_page, (unsigned long long)d->page.total_results);
	for (size_t i = 0; i < d->signal_count; i++)
		render_signal(&d->signals[i], to);
	for (size_t i = 0; i < d->warning_count; i++)
		str_addf(to, "! %.*s\n", SPAN_ARG(d->warnings[i]));
	for (size_t i = 0; i < d->count; i++) {
		const struct advisory *v = &d->advisories[i];
		str_addf(to, "%.*s (%.*s) %s%s %s %s%s %.*s %.*s\n", SPAN_ARG(v->id), SPAN_ARG(v->record_id),
			 advisory_state_name(v->state), v->is_drill ? " DRILL" : "", tlp_name(v->tlp),
			 time_text(v->published, time), v->published_has_time ? "" : " (date)", SPAN_ARG(v->cwe),
			 SPAN_ARG(v->url));
		str_addf(to, " %.*s. %.*s\n", SPAN_ARG(v->title), SPAN_ARG(v->summary));
		if (v->state_reason.n || v->assigner.n)
			str_addf(to, " reason %.*s, assigner %.*s\n", SPAN_ARG(v->state_reason), SPAN_ARG(v->assigner));
		for (size_t k = 0; k < v->alias_count; k++)
			str_addf(to, " alias %.*s\n", SPAN_ARG(v->aliases[k]));
		for (size_t k = 0; k < v->severity_count; k++)
			str_addf(to, " %.*s %.*s %.1f %.*s\n", SPAN_ARG(v->severities[k].type),
				 SPAN_ARG(v->severities[k].vector), v->severities[k].score,
				 SPAN_ARG(v->severities[k].rating));
		for (size_t k = 0; k < v->severity_count; k++)
			if (advisory_severity_disagrees(&v->severities[k]))
				str_addf(to, " the vector of %.*s gives %.1f\n", SPAN_ARG(v->severities[k].source),
					 v->severities[k].computed);
		for (size_t k = 0; k < v->statement_count; k++)
			render_statement(&v->statements[k], to);
	}
}

#endif
