/*
 * work - the queue of side effects (design 6.7): leases, fencing, retries, idempotency.
 *
 * May use base, format, database, ledger. Table: work_item.
 *
 * The intent is enqueued in the transaction of the state change that wants it; the effect is carried out with no
 * transaction open and can be repeated safely; its outcome is a second transaction that must hold the lease's fencing
 * token. Times are the database's clock. Killed anywhere, the lease runs out (or work_release_dead() sees that its owner
 * is dead) and the item goes on. A death is not a failure: attempts count work_retry() only, deaths count as `lost`.
 *
 *   waiting ──claim──► leased ──work_done──► done
 *      ▲                 │ ├───work_retry──► waiting (not before …, attempt + 1)
 *      └──lease ran out──┘ └───work_give_up─► failed
 */
#ifndef REFORGE_WORK_WORK_H
#define REFORGE_WORK_WORK_H

#include "base/arena.h"
#include "crypto/digest.h"
#include "database/database.h"

extern const struct migration_set WORK_MIGRATIONS;

#define WORK_MAX_PAYLOAD (256 * KIB)

struct work_request {
	const char *kind;          /* "build", "prove", "publish": a handler's name */
	const char *key;           /* idempotency: unique; enqueueing the same key again changes nothing */
	struct span payload;       /* JSON */
	int priority;              /* smaller first; within one, by the moment due. Few different ones: a claim asks for each
	                            * priority that has nothing due */
	usec_t not_before;         /* USEC_NONE: now */
	int max_attempts;          /* 0: 5 */
};
#define WORK_MAX_KEY 512           /* bytes of a key; a kind has at most 64 */
/* @ret_id and @ret_new may be NULL; *ret_new is false when the key was there, in whatever state. A present key with
 * another kind or payload digest is RF_ECONFLICT. Wakes database_wait(db, "work", …). */
RF_MUST_CHECK int work_enqueue(struct transaction *tx, const struct work_request *request, int64_t *ret_id, bool *ret_new);

struct work_item {
	int64_t id;
	int64_t fence;             /* token: grows with each claim */
	int attempt;               /* from 1; grows by work_retry() */
	int max_attempts;
	int lost;                  /* claims before this one whose worker died or overran its lease: a handler gives up
	                            * above a number it chooses, so that an item that kills its worker ends */
	char *kind, *key;          /* in the arena given */
	struct span payload;
};
/* Claims the first item that is due, of any of @kinds (at most 16), for @owner until now + @lease_usec. 1: *ret is set;
 * 0: nothing due; negative: error. @owner names a process life: work_owner(). An item whose lease ran out counts as due.
 * Cost grows with the logarithm of the queue. One durable commit. */
int work_claim(struct database *db, const char *owner, const char *const *kinds, size_t kind_count, int64_t lease_usec,
               struct arena *a, struct work_item *ret, struct err *err);
/* RF_EFENCED when another worker holds it now, or it has an outcome. A lease that ran out and that nobody took since is
 * still ours. */
RF_MUST_CHECK int work_renew(struct database *db, const struct work_item *item, int64_t lease_usec, struct err *err);

/* In the transaction of the outcome. RF_EFENCED (and the caller rolls back) when the token is no longer ours. */
RF_MUST_CHECK int work_done(struct transaction *tx, const struct work_item *item);
/* Again at @not_before (USEC_NONE: now), or failed when attempts are used up (*ret_failed, may be NULL). At most 1,000
 * bytes of @reason are kept, as str_add_visible() writes them. */
RF_MUST_CHECK int work_retry(struct transaction *tx, const struct work_item *item, usec_t not_before, const char *reason,
                             bool *ret_failed);
/* Puts the item aside until @until without counting an attempt: what it is for is not wanted now. @why, at most 1,000 bytes, is
 * what work_wake() finds it by. RF_EFENCED as above. */
RF_MUST_CHECK int work_rest(struct transaction *tx, const struct work_item *item, const char *why, usec_t until);
/* Makes all items put aside with this @why due at once. Cost grows with the unfinished items. */
RF_MUST_CHECK int work_wake(struct transaction *tx, const char *why);
RF_MUST_CHECK int work_give_up(struct transaction *tx, const struct work_item *item, const char *reason);

/* Leases of this host's owners whose process life has ended (pid gone, or started at another moment) are set free at once.
 * Owner names of other hosts are left alone. Safe at any time, beside running workers too, as long as all processes on
 * this host that share the database see each other's pids. @ret_freed may be NULL. */
RF_MUST_CHECK int work_release_dead(struct database *db, int64_t *ret_freed, struct err *err);
/* "host:pid:start-ticks" of this process (field 22 of /proc/self/stat); storage of the thread; right in a forked child too. */
const char *work_owner(void);
/* True when @owner is a name of this host whose process life has ended; false for others and for what cannot be told. */
bool work_owner_is_dead(const char *owner);

struct work_counts { int64_t waiting, leased, done, failed; };
/* Reads every row of the kind: for status pages, not for loops. */
RF_MUST_CHECK int work_count(struct transaction *tx, const char *kind /* NULL: all */, struct work_counts *ret);
/* Soonest not_before or lease end among unfinished items of @kinds; USEC_NONE when there are none. */
RF_MUST_CHECK int work_next_due(struct transaction *tx, const char *const *kinds, size_t kind_count, usec_t *ret);

#endif
