/* incident_int - what the task machine and the engine of this room do to an incident's counts. Not for other rooms. */
#ifndef REFORGE_RESPONSE_INCIDENT_INT_H
#define REFORGE_RESPONSE_INCIDENT_INT_H

#include "response/incident.h"

/* The row of counts, made when absent. */
RF_MUST_CHECK int incident_environment_make(struct transaction *tx, int64_t incident, const char *environment);
/* The stage confirm is reached in @environment: it was judged whether the advisories concern it. Once; with its record. */
RF_MUST_CHECK int incident_confirm(struct transaction *tx, int64_t incident, const char *environment, const char *actor);
/* Looks at one row of counts and notes which stages became complete. Nothing while the plan is not complete: the first
 * task of a plan, alone, would be "1 of 1". */
RF_MUST_CHECK int incident_evaluate_stages(struct transaction *tx, int64_t incident, const char *environment, const char *actor);

#endif
