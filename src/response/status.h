/*
 * status - the state of everything as one model: what is exposed through which carrier, which incidents run against which
 * clock, what was published and whether it is still clean. Live: findings are derived at the moment of asking.
 *
 * May use every lower room. The cli renders it; status_json() is its documented JSON (docs/response.md).
 */
#ifndef REFORGE_RESPONSE_STATUS_H
#define REFORGE_RESPONSE_STATUS_H

#include "exposure/exposure.h"
#include "format/json.h"
#include "response/incident.h"
#include "response/task.h"
#include "rollout/rollout.h"

struct response_context;
struct workspace;

/* One service × environment × carrier. */
struct status_carrier {
	int64_t placements;                  /* judged */
	int64_t affected, conflict, unknown, not_affected;   /* placements, by their worst finding */
};
struct status_service {
	const char *service, *environment, *owner;
	struct status_carrier runtime, builder, image;
	/* Placements that the worst open drill hits, by carrier: an exercise is shown beside the real state, never in it. */
	int64_t runtime_drill, builder_drill, image_drill;
	bool runtime_clean_engine_vulnerable;   /* law 1: people must see this state */
	const char *stable, *candidate;      /* releases; "" when the channel was never set */
	const char *const *advisories;       /* affecting or unsure ids, sorted */
	size_t advisory_count;
};
/* A release row judged now: "secure" is a live finding, not a tag (design 6.5). */
struct status_release_row {
	const char *model, *target, *toolchain, *version, *digest;
	bool carried_over;
	const char *finding;                 /* affected, conflict, unknown, not_affected; its content's own counts too */
	const char *const *advisories;       /* that hit it, sorted */
	size_t advisory_count;
};
struct status_release {
	const char *service, *environment, *name, *rollout_state;   /* "" without a rollout */
	bool is_drill;
	bool secure;                         /* no row affected, conflict or unknown; false without rows: it cannot be read */
	struct status_release_row *rows;
	size_t row_count;
};
struct status_incident {
	struct incident incident;
	struct clock_row (*clocks)[CLOCK_STAGES];   /* one per incident.environments[] */
	struct release_plan *releases;
	size_t release_count;
	struct task *blocked;                /* without results; failed ones too: what waits for a person */
	size_t blocked_count;
};
#define STATUS_MAX_BLOCKED 1000              /* shown per incident; the counts are whole */

struct status {
	const char *site;
	usec_t at;
	bool is_past;                        /* asked for a moment that is over: services and exposures only */
	struct status_service *services;
	size_t service_count;
	struct status_incident *incidents;   /* open and reopened, newest first, at most 100 */
	size_t incident_count;
	struct status_release *releases;     /* stable and candidate of every service */
	size_t release_count;
	bool no_data;                        /* no advisory is known: every placement that is not worse is unknown (law 2) */
	int64_t exposures_affected, exposures_conflict, exposures_unknown;
	struct excuse_counts excused;        /* of them; of a past moment nothing */
	struct exposure_work *work;          /* the order of work, first things first; without drills */
	size_t work_count;
	struct exposure_stale *stale;        /* feeds whose silence proves nothing */
	size_t stale_count;
};
/* All in @a. @at: the services as they were at that moment, judged as it was judged then, and nothing else; 0: now. */
RF_MUST_CHECK int status_make(const struct response_context *context, usec_t at, struct arena *a, struct status *ret, struct err *err);
void status_json(struct json_out *o, const struct status *status);
/* 0; 1 when something is affected or a task failed; 3 when only conflicts, unknowns or blocked ones are left, or no advisory
 * is known (design 6.1). */
int status_exit_status(const struct status *status);
/* One incident's clocks, as status_make() fills them. Limits are the environments' of the workspace. */
RF_MUST_CHECK int status_incident_clocks(const struct workspace *workspace, const struct incident *incident, usec_t now,
                                         struct arena *a, struct clock_row (**ret)[CLOCK_STAGES]);

#endif
