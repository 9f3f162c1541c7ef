/*
 * priority - which work comes first, and why: one order over advisories and services.
 *
 * Pure: no I/O, no clock, no globals. May use base, advisory (its pure part), workspace's types.
 *
 *   signals (KEV, EPSS, SSVC), CVSS vector ─┐
 *   service's criticality and reach ────────┴─► priority_of() ─► Track, Track*, Attend, Act, with the steps
 *
 * The action is CISA's: the decision table "CISA Coordinator 2.0.3" (github.com/CERTCC/SSVC, data/csv/cisa) over four
 * points: exploitation     none, poc, active   KEV says active, whatever else is said; then SSVC as CISA gives it; an
 * EPSS score of PRIORITY_EPSS_RAISES or more raises none to poc automatable      no, yes             SSVC; else the
 * CVSS vector: over the network, without effort, rights or a user technical impact partial, total      SSVC; else the
 * vector: confidentiality, integrity and availability all high mission          low, medium, high   the service's
 * criticality: low, normal, high or critical What nobody says and no vector tells is taken for the worse (design, law
 * 2), and the steps say so.
 *
 * Within one action the order is: finding (affected, conflict, unknown), KEV's due date, reach (public first),
 * criticality, EPSS, CVSS, id.
 */
#ifndef REFORGE_EXPOSURE_PRIORITY_H
#define REFORGE_EXPOSURE_PRIORITY_H

#include "exposure/finding.h"
#include "workspace/workspace.h"

enum priority_action { PRIORITY_TRACK = 0, PRIORITY_TRACK_STAR, PRIORITY_ATTEND, PRIORITY_ACT };
const char *priority_action_name(enum priority_action a); /* "track", "track*", "attend", "act"; static */

enum priority_mission { PRIORITY_MISSION_LOW = 0, PRIORITY_MISSION_MEDIUM, PRIORITY_MISSION_HIGH };
const char *priority_mission_name(enum priority_mission m); /* "low", "medium", "high"; static */

/* Probability of exploitation within 30 days from which on a flaw is treated as if an exploit were public: EPSS's
 * highest few in a hundred. */
#define PRIORITY_EPSS_RAISES 0.2

/* The table itself. Neither point may be UNKNOWN. */
enum priority_action priority_decide(enum ssvc_exploitation e, enum ssvc_automatable a, enum ssvc_impact i,
				     enum priority_mission m);

struct priority_facts {
	struct span id;                    /* the advisory */
	enum finding_kind finding;         /* of the worst exposure; NOT_AFFECTED: nothing is exposed */
	double cvss;                       /* -1: none */
	struct span vector, vector_source; /* it was made from; empty: none */
	bool kev, kev_ransomware;
	usec_t kev_due;                      /* USEC_NONE: none */
	double epss;                         /* -1: none */
	enum ssvc_exploitation exploitation; /* as given, or UNKNOWN */
	enum ssvc_automatable automatable;
	enum ssvc_impact impact;
	bool has_service; /* false: judged without one: criticality normal, reach internal */
	enum workspace_criticality criticality;
	enum workspace_reach reach;
};
/* What @v's signals and scores say; the service's part and the finding are left for the caller. The score is that of
 * the highest authority that gives one, CVSS 4.0 and 3.x before 2.0; of several EPSS or SSVC signals the newest; KEV
 * from any. */
struct priority_facts priority_facts_of(const struct stored_advisory *v);

struct priority {
	struct priority_facts facts;
	enum priority_action action;
	enum ssvc_exploitation exploitation; /* as decided upon: never UNKNOWN */
	enum ssvc_automatable automatable;
	enum ssvc_impact impact;
	enum priority_mission mission;
	struct reason reason; /* one step a point and the result */
};
/* Everything of @ret lives in @a and points into @facts' spans. RF_ENOMEM. */
RF_MUST_CHECK int priority_of(struct arena *a, const struct priority_facts *facts, struct priority *ret,
			      struct err *err);
/* Which comes first: negative @a, positive @b. Total. */
int priority_compare(const struct priority *a, const struct priority *b);
/* "act: exploitation active, automatable yes, impact total, mission high": one line, without the steps. */
void priority_words(const struct priority *p, struct str *to);
/* {"action","exploitation","automatable","impact","mission","cvss","epss","kev","due","reach","criticality","reason":[…]}
 */
void priority_json(const struct priority *p, struct json_out *o);

#endif
