/* The order of work. Points, table and order stand in priority.h. */
#include "exposure/priority.h"

#include "advisory/cvss.h"

const char *priority_action_name(enum priority_action a)
{
	static const char *const names[] = { "track", "track*", "attend", "act" };
	return (size_t)a < RF_COUNT(names) ? names[a] : "act";
}

const char *priority_mission_name(enum priority_mission m)
{
	static const char *const names[] = { "low", "medium", "high" };
	return (size_t)m < RF_COUNT(names) ? names[m] : "high";
}

/* CISA Coordinator 2.0.3, rows by exploitation, automatable, technical impact; columns by mission. */
static const enum priority_action table[3][2][2][3] = {
	{ { { PRIORITY_TRACK, PRIORITY_TRACK, PRIORITY_TRACK },
	    { PRIORITY_TRACK, PRIORITY_TRACK, PRIORITY_TRACK_STAR } },
	  { { PRIORITY_TRACK, PRIORITY_TRACK, PRIORITY_ATTEND },
	    { PRIORITY_TRACK, PRIORITY_TRACK, PRIORITY_ATTEND } } },
	{ { { PRIORITY_TRACK, PRIORITY_TRACK, PRIORITY_TRACK_STAR },
	    { PRIORITY_TRACK, PRIORITY_TRACK_STAR, PRIORITY_ATTEND } },
	  { { PRIORITY_TRACK, PRIORITY_TRACK, PRIORITY_ATTEND },
	    { PRIORITY_TRACK, PRIORITY_TRACK_STAR, PRIORITY_ATTEND } } },
	{ { { PRIORITY_TRACK, PRIORITY_TRACK, PRIORITY_ATTEND }, { PRIORITY_TRACK, PRIORITY_ATTEND, PRIORITY_ACT } },
	  { { PRIORITY_ATTEND, PRIORITY_ATTEND, PRIORITY_ACT }, { PRIORITY_ATTEND, PRIORITY_ACT, PRIORITY_ACT } } },
};

enum priority_action priority_decide(enum ssvc_exploitation e, enum ssvc_automatable a, enum ssvc_impact i,
				     enum priority_mission m)
{
	return table[e - SSVC_EXPLOITATION_NONE][a - SSVC_AUTOMATABLE_NO][i - SSVC_IMPACT_PARTIAL][m];
}

/* ── Facts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void take_score(struct priority_facts *f, const struct advisory *v)
{
	const struct advisory_severity *best = NULL;
	for (size_t i = 0; i < v->severity_count; i++) {
		const struct advisory_severity *s = &v->severities[i];
		if (advisory_severity_score(s) < 0)
			continue;
		bool old = span_eq_text(s->type, "CVSS_V2"), best_old = best && span_eq_text(best->type, "CVSS_V2");
		if (!best || (best_old && !old))
			best = s;
	}
	if (!best)
		return;
	f->cvss = advisory_severity_score(best);
	f->vector = best->vector;
	f->vector_source = best->source;
}

struct priority_facts priority_facts_of(const struct stored_advisory *v)
{
	struct priority_facts f = { .id = v->advisory.id,
				    .cvss = -1,
				    .epss = -1,
				    .kev_due = USEC_NONE,
				    .criticality = WORKSPACE_NORMAL,
				    .reach = WORKSPACE_REACH_INTERNAL };
	usec_t epss_at = USEC_NONE, ssvc_at = USEC_NONE;
	take_score(&f, &v->advisory);
	for (size_t i = 0; i < v->signal_count; i++) {
		const struct advisory_signal *s = &v->signals[i];
		if (s->kind == SIGNAL_KEV) {
			f.kev = true;
			f.kev_ransomware |= s->kev.ransomware;
			if (s->kev.due != USEC_NONE && (f.kev_due == USEC_NONE || s->kev.due < f.kev_due))
				f.kev_due = s->kev.due;
		} else if (s->kind == SIGNAL_EPSS && s->date >= epss_at) {
			f.epss = s->epss.score;
			epss_at = s->date;
		} else if (s->kind == SIGNAL_SSVC && s->date >= ssvc_at) {
			f.exploitation = s->ssvc.exploitation;
			f.automatable = s->ssvc.automatable;
			f.impact = s->ssvc.impact;
			ssvc_at = s->date;
		}
	}
	return f;
}

/* ── Points ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* True when the vector has the metric with this value: "AV:N". */
static bool has_metric(struct span vector, const char *metric)
{
	struct span rest = vector, part;
	while (span_split(&rest, '/', &part))
		if (span_eq_text(part, metric))
			return true;
	return false;
}

static bool has_all(struct span vector, const char *const *metrics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!has_metric(vector, metrics[i]))
			return false;
	return true;
}

static bool is_readable(struct span vector)
{
	struct cvss cvss;
	return vector.n && cvss_read(vector, &cvss, NULL) == 0 && cvss.version != CVSS_V2;
}

static void point_exploitation(struct priority *p)
{
	const struct priority_facts *f = &p->facts;
	struct reason *r = &p->reason;
	bool raises = f->epss >= PRIORITY_EPSS_RAISES;
	if (f->kev) {
		p->exploitation = SSVC_EXPLOITATION_ACTIVE;
		(void)reason_add(r, REASON_RECORD,
				 "exploitation active: it is in a list of known exploited vulnerabilities%s",
				 f->kev_ransomware ? ", used by ransomware" : "");
		return;
	}
	p->exploitation = f->exploitation != SSVC_EXPLOITATION_UNKNOWN ? f->exploitation : SSVC_EXPLOITATION_NONE;
	if (p->exploitation == SSVC_EXPLOITATION_NONE && raises) {
		p->exploitation = SSVC_EXPLOITATION_POC;
		(void)reason_add(r, REASON_RECORD,
				 "exploitation as with a public exploit: EPSS gives %.0f %% within 30 days",
				 100 * f->epss);
	} else if (f->exploitation != SSVC_EXPLOITATION_UNKNOWN) {
		(void)reason_add(r, REASON_RECORD, "exploitation %s, by SSVC", ssvc_exploitation_name(p->exploitation));
	} else {
		(void)reason_add(r, REASON_RECORD, "exploitation none: no list and no SSVC says otherwise%s",
				 f->epss >= 0 ? ", nor EPSS" : "; EPSS is not at hand");
	}
}

static void point_automatable(struct priority *p)
{
	static const char *const v3[] = { "AV:N", "AC:L", "PR:N", "UI:N" }, *const v4[] = { "AV:N", "AC:L", "AT:N",
											    "PR:N", "UI:N" };
	const struct priority_facts *f = &p->facts;
	const char *from = "by SSVC";
	if (f->automatable != SSVC_AUTOMATABLE_UNKNOWN) {
		p->automatable = f->automatable;
	} else if (is_readable(f->vector)) {
		bool four = span_starts(f->vector, "CVSS:4");
		bool yes = four ? has_all(f->vector, v4, RF_COUNT(v4)) : has_all(f->vector, v3, RF_COUNT(v3));
		p->automatable = yes ? SSVC_AUTOMATABLE_YES : SSVC_AUTOMATABLE_NO;
		from = "by the CVSS vector";
	} else {
		p->automatable = SSVC_AUTOMATABLE_YES;
		from = "for nobody says otherwise";
	}
	(void)reason_add(&p->reason, REASON_RECORD, "automatable %s, %s", ssvc_automatable_name(p->automatable), from);
}

static void point_impact(struct priority *p)
{
	static const char *const v3[] = { "C:H", "I:H", "A:H" }, *const v4[] = { "VC:H", "VI:H", "VA:H" };
	const struct priority_facts *f = &p->facts;
	const char *from = "by SSVC";
	if (f->impact != SSVC_IMPACT_UNKNOWN) {
		p->impact = f->impact;
	} else if (is_readable(f->vector)) {
		bool total = has_all(f->vector, span_starts(f->vector, "CVSS:4") ? v4 : v3, 3);
		p->impact = total ? SSVC_IMPACT_TOTAL : SSVC_IMPACT_PARTIAL;
		from = "by the CVSS vector";
	} else {
		p->impact = SSVC_IMPACT_TOTAL;
		from = "for nobody says otherwise";
	}
	(void)reason_add(&p->reason, REASON_RECORD, "technical impact %s, %s", ssvc_impact_name(p->impact), from);
}

static void point_mission(struct priority *p)
{
	static const enum priority_mission of[] = { [WORKSPACE_LOW] = PRIORITY_MISSION_LOW,
						    [WORKSPACE_NORMAL] = PRIORITY_MISSION_MEDIUM,
						    [WORKSPACE_HIGH] = PRIORITY_MISSION_HIGH,
						    [WORKSPACE_CRITICAL] = PRIORITY_MISSION_HIGH };
	p->mission = of[p->facts.criticality];
	if (p->facts.has_service)
		(void)reason_add(&p->reason, REASON_POLICY, "mission %s: the service's criticality is %s, its reach %s",
				 priority_mission_name(p->mission), workspace_criticality_name(p->facts.criticality),
				 workspace_reach_name(p->facts.reach));
	else
		(void)reason_add(&p->reason, REASON_POLICY, "mission %s: judged without a service",
				 priority_mission_name(p->mission));
}

int priority_of(struct arena *a, const struct priority_facts *facts, struct priority *ret, struct err *err)
{
	struct priority p = { .facts = *facts, .reason = { .a = a } };
	point_exploitation(&p);
	point_automatable(&p);
	point_impact(&p);
	point_mission(&p);
	p.action = priority_decide(p.exploitation, p.automatable, p.impact, p.mission);
	if (!reason_add(&p.reason, REASON_RESULT, "%s, by CISA's decision table", priority_action_name(p.action)))
		return err_set(err, RF_ENOMEM, "priority");
	*ret = p;
	return 0;
}

/* ── Order ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int descending(double a, double b)
{
	return a > b ? -1 : a < b;
}

int priority_compare(const struct priority *a, const struct priority *b)
{
	const struct priority_facts *x = &a->facts, *y = &b->facts;
	usec_t x_due = x->kev_due == USEC_NONE ? INT64_MAX : x->kev_due,
	       y_due = y->kev_due == USEC_NONE ? INT64_MAX : y->kev_due;
	int exposed = (y->finding != FINDING_NOT_AFFECTED) - (x->finding != FINDING_NOT_AFFECTED);
	int c = exposed ? exposed : (int)b->action - (int)a->action;
	if (!c)
		c = (int)y->finding - (int)x->finding;
	if (!c)
		c = x_due < y_due ? -1 : x_due > y_due;
	if (!c)
		c = (int)y->reach - (int)x->reach;
	if (!c)
		c = (int)y->criticality - (int)x->criticality;
	if (!c)
		c = descending(x->epss, y->epss);
	if (!c)
		c = descending(x->cvss, y->cvss);
	return c ? c : span_compare(x->id, y->id);
}

/* ── Both forms ─────────────────────────────────────────────────────────────────────────────────────────────────── */

void priority_words(const struct priority *p, struct str *to)
{
	str_addf(to, "%s: exploitation %s, automatable %s, impact %s, mission %s", priority_action_name(p->action),
		 ssvc_exploitation_name(p->exploitation), ssvc_automatable_name(p->automatable),
		 ssvc_impact_name(p->impact), priority_mission_name(p->mission));
}

void priority_json(const struct priority *p, struct json_out *o)
{
	const struct priority_facts *f = &p->facts;
	json_object(o);
	json_member(o, "action", priority_action_name(p->action));
	json_member(o, "exploitation", ssvc_exploitation_name(p->exploitation));
	json_member(o, "automatable", ssvc_automatable_name(p->automatable));
	json_member(o, "impact", ssvc_impact_name(p->impact));
	json_member(o, "mission", priority_mission_name(p->mission));
	if (f->cvss >= 0)
		json_member_double(o, "cvss", f->cvss);
	if (f->epss >= 0)
		json_member_double(o, "epss", f->epss);
	json_member_bool(o, "kev", f->kev);
	json_member_time(o, "due", f->kev_due);
	if (f->has_service) {
		json_member(o, "reach", workspace_reach_name(f->reach));
		json_member(o, "criticality", workspace_criticality_name(f->criticality));
	}
	json_key(o, "reason");
	reason_json(&p->reason, o);
	json_object_end(o);
}
