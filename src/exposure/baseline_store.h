/*
 * baseline_store - the baseline in the database: frozen once, settled as debts go, counted.
 *
 * May use base, database, crypto, ledger, workspace, inventory, baseline.h. Tables: exposure_baseline,
 * exposure_debt_set, exposure_debt_item, exposure_debt_holder, exposure_debt_gone.
 *
 *   baseline_freeze()            once; a second time is refused: a debt never grows and never lasts longer
 *   exposure_refresh() settles   what is not exposed any more is gone from then on; it never comes back
 *   baseline_load()              what is still owed, for baseline_find()
 *   baseline_burndown()          how it shrank, by owner and service
 */
#ifndef REFORGE_EXPOSURE_BASELINE_STORE_H
#define REFORGE_EXPOSURE_BASELINE_STORE_H

#include "database/database.h"
#include "exposure/baseline.h"
#include "workspace/workspace.h"

struct baseline_freezing {
	usec_t due; /* after now, at most BASELINE_LONGEST_USEC after it; USEC_NONE: now + BASELINE_USEC */
	const struct workspace *owners; /* services' owners; NULL: nobody's are known */
	const char *otherwise; /* who owns what is of no service, or of one without an owner; NULL: nobody yet */
	const char *actor;     /* for the ledger */
};
/* What the row says. */
struct baseline_head {
	usec_t since, due;
	struct span actor;
	int64_t holders, debts; /* at the freeze */
	int64_t unowned;        /* holders without an owner */
};
/* Freezes all exposures open now, drills left out, and what files say against themselves. RF_ESTATE when that was done
 * before, or nothing is exposed, with what to do instead; RF_EINVALID for a day that is none. Refreshes exposures
 * first. @ret's actor is
 * @f's. */
RF_MUST_CHECK int baseline_freeze(struct transaction *tx, const struct baseline_freezing *f, struct baseline_head *ret);
/* In @a. RF_ENOTFOUND: nothing was frozen, with what to do. */
RF_MUST_CHECK int baseline_head(struct transaction *tx, struct arena *a, struct baseline_head *ret);
/* What is still owed, sorted, in @a; since USEC_NONE when nothing was frozen. */
RF_MUST_CHECK int baseline_load(struct transaction *tx, struct arena *a, struct baseline *ret);

/* Debts of one owner in one service and environment. */
struct baseline_group {
	struct span owner, service, environment; /* empty: nobody yet, of none */
	int64_t frozen, open;
	int64_t *points; /* open at each of times */
};
struct baseline_burndown {
	usec_t since, due, now;
	usec_t *times; /* from since to now, at most BASELINE_MAX_POINTS, in steps of whole days, each in a second of its
			* own; the last is now */
	size_t time_count;
	struct baseline_group *groups; /* by owner, service, environment */
	size_t group_count;
	struct baseline_group all;
};
#define BASELINE_MAX_POINTS 64
/* In @a. @by_owner: a group an owner, service and environment empty. RF_ENOTFOUND as baseline_head(). */
RF_MUST_CHECK int baseline_burndown(struct transaction *tx, struct arena *a, bool by_owner,
				    struct baseline_burndown *ret);

#endif
