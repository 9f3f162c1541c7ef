/*
 * incident - the response to one advisory, or to several handled together: the machine, the stage, the rows.
 *
 * May use base, format, database, ledger, work, workspace. Tables: incident, incident_advisory, incident_environment.
 *
 *   (birth) ──► open ──────► dismissed      "does not concern us", with a reason
 *                │  ▲            │
 *                │  └ (birth)    ▼
 *                │            reopened ──► dismissed, closed
 *                ▼               ▲
 *              closed ───────────┘          a second advisory, a fix that regressed
 *
 * One door: incident_set_state(). An advisory belongs to at most one incident that is open or reopened.
 *
 * The stage (confirm, environment, rebuild, canary, whole fleet) is no state: it is derived per environment from counts
 * of tasks and rollouts, which the task machine keeps up to date row by row (no scan of all tasks on any event), and the
 * moment a stage was first complete is kept: it never moves back, whatever attempts are added later.
 */
#ifndef REFORGE_RESPONSE_INCIDENT_H
#define REFORGE_RESPONSE_INCIDENT_H

#include "base/arena.h"
#include "database/database.h"
#include "response/clock.h"

extern const struct migration_set RESPONSE_MIGRATIONS;

enum incident_state { INCIDENT_OPEN, INCIDENT_DISMISSED, INCIDENT_CLOSED, INCIDENT_REOPENED, INCIDENT_STATES };
const char *incident_state_name(enum incident_state state);       /* "open", …; static */
bool incident_state_read(struct span name, enum incident_state *ret);
bool incident_may(enum incident_state from, enum incident_state to);

/* One response is to at most this many advisories: the largest monthly bulletin of the vendor names 31 CVEs. */
#define INCIDENT_MAX_ADVISORIES 64

/* Borrowed for the call. */
struct incident_birth {
	const char *const *advisories;   /* ids; the first one names the incident */
	size_t advisory_count;
	bool is_drill;                   /* any of them is a drill */
	bool is_backlog;                 /* found by importing history: counted from the import */
	usec_t t0;                       /* clock.h */
	const char *t0_source;           /* "published", "first seen", "placement", "import" */
	usec_t published_at;             /* as the source says; USEC_NONE when it does not */
	const char *actor;
	struct span evidence;            /* JSON object; empty: {} */
};
/*
 * Opens an incident, or finds the open (or reopened) one of any of the advisories and adds the others to it. Its name is
 * "<id>", for several "<id>+<n-1>"; a second incident of the same name gets "#2". Ledger: `incident.opened`,
 * `incident.advisory_added`. Idempotent. RF_ECONFLICT when the advisories already belong to two different open incidents.
 */
RF_MUST_CHECK int incident_open(struct transaction *tx, const struct incident_birth *birth, int64_t *ret_id, bool *ret_new);

struct incident_change {
	int64_t incident;
	enum incident_state to;
	const char *reason;              /* mandatory for dismissed, reopened, and closed with engines not proven or
					  * services not published */
	const char *actor;
	struct span evidence;
};
/* The one door. RF_ESTATE, RF_ENOTFOUND, RF_EINVALID (no reason). Ledger: `incident.<state>`. */
RF_MUST_CHECK int incident_set_state(struct transaction *tx, const struct incident_change *change);

/* The counts of one environment; n of m of each stage comes from these (incident_stage_counts). */
struct incident_environment {
	struct span environment;
	int64_t tasks;                   /* engines × targets (current attempts) */
	int64_t planned, building, built, proven, failed, blocked;
	int64_t releases;                /* services with tasks */
	int64_t published, canary, promoted;
	usec_t reached[CLOCK_STAGES];    /* when first complete; USEC_NONE: not yet */
};
/* *n of *m of @stage. confirm: 1 of 1 once reached; environment: tasks not blocked; rebuild: tasks proven; canary and
 * fleet: services at that or a later state. m == 0: nothing to do there, and nothing is claimed. Pure. */
void incident_stage_counts(const struct incident_environment *e, enum clock_stage stage, int64_t *n, int64_t *m);

struct incident {
	int64_t id;
	struct span name;
	enum incident_state state;
	bool is_drill, is_backlog;
	usec_t t0, published_at, opened_at, changed_at;
	struct span t0_source, opened_by, reason;
	struct span *advisories;
	size_t advisory_count;
	struct incident_environment *environments;     /* by name */
	size_t environment_count;
};
/* The stage the incident is at: the first one not reached in every environment that has work; CLOCK_STAGES: all done.
 * Without any task no stage behind confirm is reached: not planned yet, or only runtimes are exposed, which nothing here cures. */
enum clock_stage incident_stage(const struct incident *incident);

/* All in @a. RF_ENOTFOUND. */
RF_MUST_CHECK int incident_get(struct transaction *tx, int64_t id, struct arena *a, struct incident *ret);
/* By number ("3"), name, or advisory id (the newest one). RF_ENOTFOUND. */
RF_MUST_CHECK int incident_find(struct transaction *tx, struct span what, int64_t *ret_id);
/* Newest first, at most @limit. @open_only: open and reopened. */
RF_MUST_CHECK int incident_list(struct transaction *tx, bool open_only, int64_t limit, struct arena *a, struct incident **ret,
                                size_t *ret_count);

#endif
