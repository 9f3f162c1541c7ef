/* task_int - what the engine of this room needs from the task machine beside task.h. Not for other rooms. */
#ifndef REFORGE_RESPONSE_TASK_INT_H
#define REFORGE_RESPONSE_TASK_INT_H

#include "response/task.h"

/* Kinds of work items; their payload is {"task": id}, of publish {"incident", "service", "environment"}. */
#define WORK_BUILD "build"
#define WORK_PROVE "prove"
#define WORK_PUBLISH "publish"

/* Why an item of an incident that is not open rests, in words: work_rest() and work_wake(). */
#define INCIDENT_RESTS_BYTES 64
static inline const char *incident_rests(int64_t incident, char buffer[INCIDENT_RESTS_BYTES])
{
	snprintf(buffer, INCIDENT_RESTS_BYTES, "incident %lld is not open", (long long)incident);
	return buffer;
}
/* How long, unless it is reopened. */
#define INCIDENT_RESTS_USEC USEC_PER_HOUR

/*
 * The plan of @incident stands whole: stages are judged and releases may be published from now on (a part of a plan must not
 * look like all of it). Releases refused before are tried again, under a new name. Releases whose engines are all proven are
 * put into the queue. Idempotent.
 */
RF_MUST_CHECK int task_plan_complete(struct transaction *tx, int64_t incident, const char *actor);

/*
 * A failed or blocked current attempt whose engine is not exposed any more (taken out of the fleet, the advisory changed): it
 * holds its release no longer. Nothing for a task in another state. Ledger: `task.retired`. Call before task_plan_complete().
 */
RF_MUST_CHECK int task_retire(struct transaction *tx, int64_t id, const char *actor);

/* Counts what is published for one service × environment of an incident, from 1: engines added later, or a refused release,
 * make another one. */
RF_MUST_CHECK int release_plan_generation(struct transaction *tx, int64_t incident, struct span service, struct span environment,
                                          int64_t *ret);

/*
 * The publishing item at hand ended without a release: its engines are not all proven (any more), or are others than those it
 * was made of. The next one gets another generation, name and item; it is enqueued at once when all are proven by now. Call in
 * the transaction that ends the item. Nothing happens when it is published.
 */
RF_MUST_CHECK int release_plan_withdrawn(struct transaction *tx, int64_t incident, const char *service, const char *environment);

/* Whether a release named @name, made of @count current attempts of which @newest has the largest id, may be published now: not
 * published yet, still of that name, all proven, and no attempt was added or replaced since. */
RF_MUST_CHECK int release_plan_is_whole(struct transaction *tx, int64_t incident, const char *service, const char *environment,
                                        const char *name, int64_t count, int64_t newest, bool *ret);

#endif
