/* Signals as JSON, the form they are stored in: {"due":…}, {"score":…,"percentile":…}, {"exploitation":"poc",…}. */
#include "advisory/store_int.h"

#include "format/json.h"

static void write_kev(const struct advisory_signal *s, struct json_out *o)
{
	json_member_time(o, "due", s->kev.due);
	json_member_bool(o, "ransomware", s->kev.ransomware);
	json_member_span(o, "name", s->kev.name);
	json_member_span(o, "action", s->kev.action);
}

static void write_ssvc(const struct advisory_signal *s, struct json_out *o)
{
	json_member(o, "exploitation", ssvc_exploitation_name(s->ssvc.exploitation));
	json_member(o, "automatable", ssvc_automatable_name(s->ssvc.automatable));
	json_member(o, "impact", ssvc_impact_name(s->ssvc.impact));
}

void store_signal_write(const struct advisory_signal *s, struct str *to)
{
	struct json_out o = json_out(to, false);
	json_object(&o);
	if (s->kind == SIGNAL_KEV) {
		write_kev(s, &o);
	} else if (s->kind == SIGNAL_EPSS) {
		json_member_double(&o, "score", s->epss.score);
		json_member_double(&o, "percentile", s->epss.percentile);
	} else {
		write_ssvc(s, &o);
	}
	json_object_end(&o);
}

/* Names back to numbers; a word that a later program wrote is "unknown". */
static void read_ssvc(struct json root, struct advisory_signal *ret)
{
	struct span exploitation = json_string(json_get(root, "exploitation"));
	struct span automatable = json_string(json_get(root, "automatable")),
		    impact = json_string(json_get(root, "impact"));
	for (enum ssvc_exploitation e = SSVC_EXPLOITATION_UNKNOWN; e <= SSVC_EXPLOITATION_ACTIVE; e++)
		if (span_eq_text(exploitation, ssvc_exploitation_name(e)))
			ret->ssvc.exploitation = e;
	for (enum ssvc_automatable e = SSVC_AUTOMATABLE_UNKNOWN; e <= SSVC_AUTOMATABLE_YES; e++)
		if (span_eq_text(automatable, ssvc_automatable_name(e)))
			ret->ssvc.automatable = e;
	for (enum ssvc_impact e = SSVC_IMPACT_UNKNOWN; e <= SSVC_IMPACT_TOTAL; e++)
		if (span_eq_text(impact, ssvc_impact_name(e)))
			ret->ssvc.impact = e;
}

static int copy(struct arena *a, struct json v, struct span *ret, struct err *err)
{
	struct span s = json_string(v);
	*ret = s.n ? arena_span(a, s) : SPAN_NONE;
	return s.n && !ret->p ? err_set(err, RF_ENOMEM, "signal") : 0;
}

int store_signal_read(struct arena *a, struct json_doc *doc, enum advisory_signal_kind kind, struct span value,
		      struct advisory_signal *ret, struct err *err)
{
	struct json root;
	int rc = json_parse(doc, value, &root, err);
	if (rc)
		return rc;
	*ret = (struct advisory_signal){ .kind = kind, .date = USEC_NONE };
	if (kind == SIGNAL_EPSS) {
		ret->epss.score = ret->epss.percentile = -1;
		(void)json_double(json_get(root, "score"), &ret->epss.score);
		(void)json_double(json_get(root, "percentile"), &ret->epss.percentile);
		return 0;
	}
	if (kind == SIGNAL_SSVC) {
		read_ssvc(root, ret);
		return 0;
	}
	struct span due = json_string(json_get(root, "due"));
	if (!due.n || time_read(due, &ret->kev.due, NULL, NULL))
		ret->kev.due = USEC_NONE;
	(void)json_bool(json_get(root, "ransomware"), &ret->kev.ransomware);
	rc = copy(a, json_get(root, "name"), &ret->kev.name, err);
	return rc ? rc : copy(a, json_get(root, "action"), &ret->kev.action, err);
}
