/* Explanations and stories as words and as JSON: two forms of the same facts. */
#include "exposure/exposure_int.h"

static void advisory_json(const struct stored_advisory *v, struct json_out *o)
{
	json_member_span(o, "advisory", v->advisory.id);
	json_member_span(o, "title", v->advisory.title);
	json_member(o, "state", advisory_state_name(v->advisory.state));
	json_member_bool(o, "is_drill", v->advisory.is_drill);
	json_member(o, "tlp", tlp_name(v->advisory.tlp));
	json_member_time(o, "published", v->advisory.published);
	json_member_bool(o, "published_has_time", v->advisory.published_has_time);
	json_member_time(o, "first_seen", v->first_seen);
}

static void texts_json(const char *key, const struct span *texts, size_t n, struct json_out *o)
{
	json_key(o, key);
	json_array(o);
	for (size_t i = 0; i < n; i++)
		json_put_span(o, texts[i]);
	json_array_end(o);
}

void exposure_explanation_json(const struct exposure_explanation *e, struct json_out *o)
{
	json_object(o);
	advisory_json(&e->advisory, o);
	json_member(o, "carrier", carrier_name(e->subject.carrier));
	json_member_span(o, "product", e->subject.component.purl);
	json_member_span(o, "version", e->subject.component.version);
	enum platform_line line = e->subject.component.line;
	json_member(o, "platform", line == PLATFORM_ANY ? NULL : platform_line_name(line));
	if (e->placement.id) {
		json_member_i64(o, "placement", e->placement.id);
		json_member_span(o, "path", e->placement.path);
		json_member_span(o, "service", e->placement.service);
		json_member_span(o, "environment", e->placement.environment);
		json_member_span(o, "model", e->placement.model);
		json_member(o, "sha256", e->placement.artifact.digest);
	}
	json_member(o, "finding", finding_kind_name(e->finding.kind));
	json_member(o, "cause", finding_cause_name(e->finding.cause));
	json_member_bool(o, "source_conflict", e->finding.source_conflict);
	json_member_bool(o, "contradiction", e->finding.contradiction);
	json_member_bool(o, "cautious_reading", e->finding.conservative);
	texts_json("fixed", e->finding.fixed, e->finding.fixed_count, o);
	json_member_time(o, "opened_at", e->opened_at);
	if (e->at)
		json_member_time(o, "at", e->at);
	exposure_stale_json(e->stale, e->stale_count, o);
	if (e->excuses)
		excuse_json(e->excuses, &e->excuse, o);
	json_key(o, "reason");
	reason_json(&e->finding.reason, o);
	json_object_end(o);
}

/* A title line's text; ids and titles come from outside. */
static void visible(struct str *to, struct span s)
{
	str_add_visible(to, s);
}

void exposure_explanation_words(const struct exposure_explanation *e, struct str *to)
{
	const struct advisory *v = &e->advisory.advisory;
	str_addf(to, "%s  ", finding_kind_name(e->finding.kind));
	if (v->is_drill)
		str_add_text(to, "DRILL  ");
	visible(to, v->id);
	str_addf(to, "  %s  ", carrier_name(e->subject.carrier));
	visible(to, e->subject.component.purl);
	str_add_byte(to, '@');
	visible(to, e->subject.component.version.n ? e->subject.component.version : SPAN("?"));
	if (e->subject.component.line != PLATFORM_ANY)
		str_addf(to, " on %s", platform_line_name(e->subject.component.line));
	if (e->placement.id) {
		str_add_text(to, "  ");
		visible(to, e->placement.path);
	}
	str_add_text(to, "\n  ");
	visible(to, v->title);
	str_add_byte(to, '\n');
	reason_words(&e->finding.reason, to);
	if (e->finding.fixed_count) {
		str_add_text(to, "  fixed in ");
		for (size_t i = 0; i < e->finding.fixed_count; i++) {
			str_add_text(to, i ? ", " : "");
			visible(to, e->finding.fixed[i]);
		}
		str_add_byte(to, '\n');
	}
	char time[TIME_TEXT_BYTES];
	if (e->opened_at != USEC_NONE)
		str_addf(to, "  exposed since %s\n", time_text(e->opened_at, time));
	if (e->excuses && e->excuse.kind != EXCUSE_NONE) {
		str_add_text(to, "  ");
		excuse_words(e->excuses, &e->excuse, to);
		str_add_byte(to, '\n');
	}
	if (e->at)
		str_addf(to, "  as of %s, as it was judged then\n", time_text(e->at, time));
	exposure_stale_words(e->stale, e->stale_count, "  ", to);
}

static void severities_json(const struct advisory *v, struct json_out *o)
{
	json_key(o, "severities");
	json_array(o);
	for (size_t i = 0; i < v->severity_count; i++) {
		const struct advisory_severity *x = &v->severities[i];
		json_object(o);
		json_member_span(o, "source", x->source);
		json_member_span(o, "type", x->type);
		json_member_span(o, "vector", x->vector);
		if (x->score >= 0)
			json_member_double(o, "score", x->score);
		if (x->computed >= 0)
			json_member_double(o, "computed", x->computed);
		json_member_bool(o, "disagrees", advisory_severity_disagrees(x));
		json_member_span(o, "rating", x->rating);
		json_object_end(o);
	}
	json_array_end(o);
}

static void signals_json(const struct stored_advisory *v, struct json_out *o)
{
	json_key(o, "signals");
	json_array(o);
	for (size_t i = 0; i < v->signal_count; i++) {
		const struct advisory_signal *s = &v->signals[i];
		json_object(o);
		json_member(o, "kind", advisory_signal_name(s->kind));
		json_member_span(o, "source", s->source);
		json_member_time(o, "date", s->date);
		if (s->kind == SIGNAL_KEV) {
			json_member_time(o, "due", s->kev.due);
			json_member_bool(o, "ransomware", s->kev.ransomware);
			json_member_span(o, "action", s->kev.action);
		} else if (s->kind == SIGNAL_EPSS) {
			json_member_double(o, "score", s->epss.score);
			if (s->epss.percentile >= 0)
				json_member_double(o, "percentile", s->epss.percentile);
		} else {
			json_member(o, "exploitation", ssvc_exploitation_name(s->ssvc.exploitation));
			json_member(o, "automatable", ssvc_automatable_name(s->ssvc.automatable));
			json_member(o, "impact", ssvc_impact_name(s->ssvc.impact));
		}
		json_object_end(o);
	}
	json_array_end(o);
}

static void contradictions_json(const struct exposure_story *s, struct json_out *o)
{
	json_key(o, "contradictions");
	json_array(o);
	for (size_t i = 0; i < s->contradiction_count; i++) {
		const struct contradiction *c = &s->contradictions[i];
		json_object(o);
		json_member(o, "kind", contradiction_kind_name(c->kind));
		json_member_span(o, "text", c->words);
		json_member_span(o, "source", c->source);
		json_member_span(o, "against", c->against);
		json_member(o, "product", c->product ? c->product->purl : NULL);
		json_object_end(o);
	}
	json_array_end(o);
}

static void decisions_json(const struct advisory_policy *p, struct json_out *o)
{
	json_key(o, "decisions");
	json_array(o);
	for (size_t i = 0; i < p->decision_count; i++) {
		const struct advisory_decision *d = &p->decisions[i];
		json_object(o);
		json_member(o, "kind", decision_kind_name(d->kind));
		json_member(o, "product", d->product ? d->product->purl : NULL);
		json_member_span(o, "service", d->service);
		if (d->kind == DECISION_APPLIES)
			json_member_bool(o, "applies", d->applies);
		else
			json_member_span(o, "range", d->text);
		json_member_span(o, "owner", d->owner);
		json_member_span(o, "who", d->who);
		json_member_span(o, "why", d->why);
		json_member_time(o, "at", d->at);
		json_object_end(o);
	}
	json_array_end(o);
}

static void sources_json(const struct exposure_story *s, struct json_out *o)
{
	json_key(o, "sources");
	json_array(o);
	for (size_t i = 0; i < s->advisory.source_count; i++) {
		const struct advisory_source *from = &s->advisory.sources[i];
		json_object(o);
		json_member_span(o, "publisher", from->publisher);
		json_member_span(o, "document", from->origin.document_id);
		json_member_span(o, "sha256", from->origin.document_digest);
		json_member_span(o, "name", from->origin.document_name);
		json_member_span(o, "feed", from->origin.feed);
		json_member_time(o, "imported_at", from->origin.imported_at);
		json_member(o, "state", advisory_state_name(from->record.state));
		json_member_span(o, "state_reason", from->record.state_reason);
		json_member_span(o, "assigner", from->record.assigner);
		json_member(o, "authority", advisory_authority_name(from->origin.authority));
		json_member_time(o, "modified", from->record.modified);
		severities_json(&from->record, o);
		json_object_end(o);
	}
	json_array_end(o);
}

static void statement_json(const struct advisory_statement *s, const struct advisory_origin *from, struct json_out *o)
{
	struct str range = STR_INIT(16 * KIB);
	if (s->range)
		range_words(s->range, &range);
	json_object(o);
	json_member_span(o, "source", s->source);
	json_member_span(o, "sha256", from->document_digest);
	json_member_bool(o, "authoritative", s->authoritative);
	json_member(o, "status", s->status == STATEMENT_AFFECTED ? "affected" : "not_affected");
	json_member(o, "product", s->product ? s->product->purl : NULL);
	json_member_span(o, "product_name", s->product_name);
	json_member_span(o, "platform", s->platform);
	json_member_span(o, "affected_text", s->affected_text);
	json_member_span(o, "fixed_text", s->fixed_text);
	json_member(o, "range", s->range ? str_text(&range) : NULL);
	json_member_span(o, "rule", s->rule);
	json_member_bool(o, "review", s->review);
	json_member_span(o, "contradiction", s->contradiction);
	json_member_span(o, "justification", s->justification);
	json_member_span(o, "remedy", s->remedy);
	json_member_time(o, "modified", from->record_modified);
	texts_json("fixed", s->fixed, s->fixed_count, o);
	json_object_end(o);
	str_release(&range);
}

static void instead_json(const struct exposure_story *s, struct json_out *o)
{
	json_key(o, "instead");
	json_array(o);
	for (size_t i = 0; i < s->instead_count; i++) {
		const struct advisory_row *row = &s->instead[i];
		json_object(o);
		json_member_span(o, "advisory", row->id);
		json_member_span(o, "title", row->title);
		json_member_time(o, "published", row->published);
		if (row->score >= 0)
			json_member_double(o, "score", row->score);
		json_object_end(o);
	}
	json_array_end(o);
}

void exposure_story_json(const struct exposure_story *s, struct json_out *o)
{
	const struct advisory *v = &s->advisory.advisory;
	json_object(o);
	advisory_json(&s->advisory, o);
	json_member_span(o, "summary", v->summary);
	json_member_span(o, "state_reason", v->state_reason);
	json_member_span(o, "assigner", v->assigner);
	json_member_span(o, "url", v->url);
	texts_json("aliases", v->aliases, v->alias_count, o);
	sources_json(s, o);
	json_key(o, "statements");
	json_array(o);
	for (size_t i = 0; i < v->statement_count; i++)
		statement_json(&v->statements[i], &s->advisory.origins[i], o);
	json_array_end(o);
	json_key(o, "policy");
	json_object(o);
	json_member_bool(o, "decided", s->advisory.policy.decided);
	json_member(o, "engine_affecting",
		    s->advisory.policy.decided ? engine_affecting_name(s->advisory.policy.engine_affecting) : NULL);
	json_member_span(o, "who", s->advisory.policy.who);
	json_member_span(o, "why", s->advisory.policy.why);
	json_object_end(o);
	decisions_json(&s->advisory.policy, o);
	signals_json(&s->advisory, o);
	contradictions_json(s, o);
	json_key(o, "open");
	json_object(o);
	for (size_t i = FINDING_UNKNOWN; i <= FINDING_AFFECTED; i++)
		json_member_i64(o, finding_kind_name((enum finding_kind)i), s->open[i]);
	json_object_end(o);
	exposure_stale_json(s->stale, s->stale_count, o);
	texts_json("quoted_products", s->quoted_products, s->quoted_count, o);
	instead_json(s, o);
	json_key(o, "reason");
	reason_json(&s->reason, o);
	json_object_end(o);
}

static void instead_words(const struct exposure_story *s, struct str *to)
{
	char time[TIME_TEXT_BYTES];
	if (!s->quoted_count)
		return;
	str_add_text(to, s->instead_count ? "Advisories at hand about what it is quoted with:\n"
					  : "No advisory at hand is about what it is quoted with.\n");
	for (size_t i = 0; i < s->instead_count; i++) {
		const struct advisory_row *row = &s->instead[i];
		str_addf(to, "  %s  ",
			 row->published == USEC_NONE ? "-         " : time_text_date(row->published, time));
		visible(to, row->id);
		if (row->score >= 0)
			str_addf(to, "  %.1f", row->score);
		str_add_text(to, "  ");
		visible(to, row->title);
		str_add_byte(to, '\n');
	}
}

static void severity_words(const struct advisory_severity *x, struct str *to)
{
	str_add_text(to, "  ");
	visible(to, x->source);
	str_add_text(to, ": ");
	visible(to, x->vector);
	if (advisory_severity_score(x) >= 0)
		str_addf(to, "  %.1f", advisory_severity_score(x));
	if (advisory_severity_disagrees(x))
		str_addf(to, " (it states %.1f)", x->score);
	str_add_byte(to, '\n');
}

static void signal_words(const struct advisory_signal *s, struct str *to)
{
	char time[TIME_TEXT_BYTES];
	str_add_text(to, "  ");
	visible(to, s->source);
	if (s->kind == SIGNAL_KEV) {
		str_addf(to, ": known to be exploited%s", s->kev.ransomware ? ", by ransomware too" : "");
		if (s->kev.due != USEC_NONE)
			str_addf(to, ", due %s", time_text_date(s->kev.due, time));
	} else if (s->kind == SIGNAL_EPSS) {
		str_addf(to, ": exploited within 30 days with a probability of %.1f %%", 100 * s->epss.score);
	} else {
		str_addf(to, ": exploitation %s, automatable %s, impact %s",
			 ssvc_exploitation_name(s->ssvc.exploitation), ssvc_automatable_name(s->ssvc.automatable),
			 ssvc_impact_name(s->ssvc.impact));
	}
	if (s->date != USEC_NONE)
		str_addf(to, " (%s)", time_text_date(s->date, time));
	str_add_byte(to, '\n');
}

void exposure_story_words(const struct exposure_story *s, struct str *to)
{
	const struct advisory *v = &s->advisory.advisory;
	char time[TIME_TEXT_BYTES];
	visible(to, v->id);
	str_addf(to, "  %s%s%s%s\n",
		 v->state == ADVISORY_REJECTED    ? "REJECTED"
		 : v->state == ADVISORY_WITHDRAWN ? "WITHDRAWN"
						  : "published",
		 v->is_drill ? "  DRILL" : "", v->tlp == TLP_CLEAR ? "" : "  ",
		 v->tlp == TLP_CLEAR ? "" : tlp_name(v->tlp));
	str_add_text(to, "  ");
	visible(to, v->title);
	str_add_byte(to, '\n');
	if (v->published != USEC_NONE)
		str_addf(to, "  published %s%s\n",
			 v->published_has_time ? time_text(v->published, time) : time_text_date(v->published, time),
			 v->published_has_time ? "" : " (no time of day)");
	if (s->advisory.first_seen != USEC_NONE)
		str_addf(to, "  first seen here %s\n", time_text(s->advisory.first_seen, time));
	for (size_t i = 0; i < v->severity_count; i++)
		severity_words(&v->severities[i], to);
	for (size_t i = 0; i < s->advisory.signal_count; i++)
		signal_words(&s->advisory.signals[i], to);
	reason_words(&s->reason, to);
	exposure_stale_words(s->stale, s->stale_count, "  ", to);
	instead_words(s, to);
}
