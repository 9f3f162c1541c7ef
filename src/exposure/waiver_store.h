/*
 * waiver_store - waivers in the database: made, revoked, listed. Each change has its ledger record.
 *
 * May use base, database, ledger, advisory, waiver.h. Tables: exposure_waiver, exposure_waiver_advisory. Nothing is
 * deleted and nothing is edited but the revocation, once: what was accepted on a day can be shown ever after.
 */
#ifndef REFORGE_EXPOSURE_WAIVER_STORE_H
#define REFORGE_EXPOSURE_WAIVER_STORE_H

#include "database/database.h"
#include "exposure/waiver.h"

/* Ever made. */
#define WAIVER_MAX 100000

/* Writes @w as of now, by @w->created_by; id, created and revoked are not read. Its advisories are ids or aliases of
 * advisories at hand (RF_ENOTFOUND); kept is the id. waiver_check() by @longest. */
RF_MUST_CHECK int waiver_make(struct transaction *tx, const struct waiver *w, int64_t longest, int64_t *ret_id);
/* Ends it now. @why must not be empty (RF_EINVALID). RF_ENOTFOUND; RF_ESTATE when it has ended already. */
RF_MUST_CHECK int waiver_revoke(struct transaction *tx, int64_t id, const char *who, const char *why);
/* RF_ENOTFOUND. */
RF_MUST_CHECK int waiver_get(struct transaction *tx, struct arena *a, int64_t id, struct waiver *ret);
/* In @a, by id: those in force at @at (0: now), and with @all the others made until then as well. */
RF_MUST_CHECK int waiver_list(struct transaction *tx, struct arena *a, usec_t at, bool all, struct waiver **ret,
			      size_t *ret_count);

#endif
