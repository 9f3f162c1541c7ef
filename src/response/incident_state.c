/* The incident machine's names and table, and the stage that is derived from counts; incident.h is the manual. Pure. */
#include "response/incident.h"

static const char *const NAMES[INCIDENT_STATES] = {
	[INCIDENT_OPEN] = "open",
	[INCIDENT_DISMISSED] = "dismissed",
	[INCIDENT_CLOSED] = "closed",
	[INCIDENT_REOPENED] = "reopened",
};

static const bool MAY[INCIDENT_STATES][INCIDENT_STATES] = {
	[INCIDENT_OPEN] = { [INCIDENT_DISMISSED] = true, [INCIDENT_CLOSED] = true },
	[INCIDENT_DISMISSED] = { [INCIDENT_REOPENED] = true },
	[INCIDENT_CLOSED] = { [INCIDENT_REOPENED] = true },
	[INCIDENT_REOPENED] = { [INCIDENT_DISMISSED] = true, [INCIDENT_CLOSED] = true },
};

const char *incident_state_name(enum incident_state state)
{
	return (unsigned)state < INCIDENT_STATES ? NAMES[state] : "?";
}

bool incident_state_read(struct span name, enum incident_state *ret)
{
	for (unsigned i = 0; i < INCIDENT_STATES; i++) {
		if (span_eq_text(name, NAMES[i])) {
			*ret = (enum incident_state)i;
			return true;
		}
	}
	return false;
}

bool incident_may(enum incident_state from, enum incident_state to)
{
	return (unsigned)from < INCIDENT_STATES && (unsigned)to < INCIDENT_STATES && MAY[from][to];
}

void incident_stage_counts(const struct incident_environment *e, enum clock_stage stage, int64_t *n, int64_t *m)
{
	switch (stage) {
	case CLOCK_CONFIRM:
		*n = e->reached[CLOCK_CONFIRM] != USEC_NONE;
		*m = 1;
		return;
	case CLOCK_ENVIRONMENT:
		*n = e->tasks - e->blocked;
		*m = e->tasks;
		return;
	case CLOCK_REBUILD:
		*n = e->proven;
		*m = e->tasks;
		return;
	case CLOCK_CANARY:
		*n = e->canary + e->promoted;
		*m = e->releases;
		return;
	case CLOCK_FLEET:
		*n = e->promoted;
		*m = e->releases;
		return;
	case CLOCK_STAGES:
		break;
	}
	*n = *m = 0;
}

/* Reached now or ever: a stage never moves back. */
static bool environment_reached(const struct incident_environment *e, enum clock_stage stage)
{
	int64_t n, m;
	if (e->reached[stage] != USEC_NONE)
		return true;
	incident_stage_counts(e, stage, &n, &m);
	return m == 0 || n >= m;
}

static bool environment_has_work(const struct incident_environment *e, enum clock_stage stage)
{
	int64_t n, m;
	incident_stage_counts(e, stage, &n, &m);
	return m > 0 || e->reached[stage] != USEC_NONE;
}

enum clock_stage incident_stage(const struct incident *incident)
{
	for (int s = CLOCK_STAGES - 1; s >= 0; s--) {
		bool all = incident->environment_count > 0, any = false;
		for (size_t i = 0; i < incident->environment_count && all; i++) {
			all = environment_reached(&incident->environments[i], (enum clock_stage)s);
			any |= environment_has_work(&incident->environments[i], (enum clock_stage)s);
		}
		if (all && any)
			return (enum clock_stage)(s + 1);
	}
	return CLOCK_CONFIRM;
}
