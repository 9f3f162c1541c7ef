/*
 * found - one thing that was found, as waivers, VEX statements and the baseline are looked up for it.
 *
 * Pure. Whoever asks (the gate, status, explain) fills it; spans are borrowed.
 */
#ifndef REFORGE_EXPOSURE_FOUND_H
#define REFORGE_EXPOSURE_FOUND_H

#include "exposure/finding.h"

struct found {
	struct span advisory; /* id; empty: about the content itself, then @cause says what */
	struct span cause;    /* by name: "in_range", "header_mismatch" */
	enum carrier carrier;
	enum finding_kind kind;
	int severity;                     /* CVSS x 10, 0 to 100; -1: not scored */
	bool kev;                         /* known to be exploited */
	struct span service, environment; /* empty: of none */
	struct span purl, version;        /* the component; empty: not known */
	struct span digest;               /* hex, of the content that carries it; empty: not known */
	struct span outer;                /* hex, of the image that the content lies in; empty: in none */
};

/* CVSS's qualitative ratings (specification 3.1, section 5; the same in 4.0). */
enum severity_rating { SEVERITY_NONE = 0, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };
enum severity_rating severity_rating_of(int severity);    /* CVSS x 10; negative: NONE */
const char *severity_rating_name(enum severity_rating r); /* "none", "low", "medium", "high", "critical"; static */
/* Severity and KEV of an advisory as priority_facts_of() tells them: the same for what is frozen and what is found. */
void found_rate(const struct stored_advisory *v, int *ret_severity, bool *ret_kev);

#endif
