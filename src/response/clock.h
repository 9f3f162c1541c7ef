/*
 * clock - the times a response is measured by (design 6.8). Pure: the caller gives every moment, also "now".
 *
 *   T0 ──► confirm 30 min ──► environment 1 h ──► rebuild and test 4 h ──► canary 8 h ──► whole fleet 24 h
 *
 * T0 is the publication time when the source gave a time of day, else the moment any of our feeds first had it; never
 * before the placement existed; for a historic backfill the import. All limits count from T0, and each environment may
 * have its own (reforge.yaml).
 */
#ifndef REFORGE_RESPONSE_CLOCK_H
#define REFORGE_RESPONSE_CLOCK_H

#include "base/time.h"

enum clock_stage { CLOCK_CONFIRM, CLOCK_ENVIRONMENT, CLOCK_REBUILD, CLOCK_CANARY, CLOCK_FLEET, CLOCK_STAGES };
const char *clock_stage_name(enum clock_stage stage);         /* "confirm", "environment", "rebuild", "canary", "fleet" */
const char *clock_stage_title(enum clock_stage stage, bool chinese);   /* for people */

struct clock_limits { int64_t usec[CLOCK_STAGES]; };          /* from T0; > 0, ascending is not required */
extern const struct clock_limits CLOCK_DEFAULT_LIMITS;        /* design section 1 */

/* One advisory as the clock sees it. */
struct clock_source {
	usec_t published_at;       /* USEC_NONE: the source does not say */
	bool published_date_only;  /* a date without a time of day starts no clock */
	usec_t first_seen_at;      /* any of our feeds; mandatory */
	bool is_backlog;           /* imported history */
	usec_t imported_at;        /* backlog only; else ignored */
};
/*
 * T0 of a response: the earliest over @sources (at least one), then not before @placement_since, the moment the first
 * affected placement was seen (USEC_NONE: no placement). *ret_source (may be NULL): "published", "first seen", "import"
 * or "placement". A publication time after first_seen_at (a wrong source) is not believed: first seen counts.
 */
usec_t clock_t0(const struct clock_source *sources, size_t n, usec_t placement_since, const char **ret_source);

enum clock_result {
	CLOCK_NOTHING,             /* no work in this stage */
	CLOCK_RUNNING,             /* not reached, not due */
	CLOCK_LATE,                /* not reached, past due */
	CLOCK_MET,
	CLOCK_MISSED,              /* reached after it was due */
};
const char *clock_result_name(enum clock_result result);      /* "nothing", "running", "late", "met", "missed" */

struct clock_row {
	enum clock_stage stage;
	usec_t due_at;
	usec_t reached_at;         /* USEC_NONE: not yet */
	int64_t elapsed_usec;      /* T0 to reached_at, or to now */
	int64_t limit_usec;
	int64_t n, m;              /* as given */
	enum clock_result result;
};
/* @reached and @n, @m: CLOCK_STAGES values each (incident.h derives them); m == 0 gives CLOCK_NOTHING unless reached. */
void clock_evaluate(usec_t t0, const struct clock_limits *limits, const usec_t *reached, const int64_t *n, const int64_t *m,
                    usec_t now, struct clock_row ret[CLOCK_STAGES]);

#endif
