/*
 * channel - names that point at releases: stable, baseline, candidate, fallback, per service and environment.
 *
 * The row in depot_channel is the truth; channels/<service>/<environment>/<channel> is a relative symbolic link that
 * follows it, switched by one rename. A move is compared with the generation the caller saw, so that two movers
 * cannot both win.
 */
#ifndef REFORGE_DEPOT_CHANNEL_H
#define REFORGE_DEPOT_CHANNEL_H

#include "depot/release.h"

struct channel {
	char release[RELEASE_NAME_MAX + 1]; /* "" when the channel has never been set */
	int64_t generation;                 /* counts from 1; 0: never set */
	usec_t at;                          /* USEC_NONE when never set */
};
/* Never RF_ENOTFOUND: a channel nobody set has generation 0. */
RF_MUST_CHECK int channel_get(struct transaction *tx, const char *service, const char *environment, const char *name,
			      struct channel *ret);

#define CHANNEL_ANY_GENERATION (-1)
/* Points @name at @release, which must have a row in depot_release for that service and environment (RF_ENOTFOUND),
 * with a ledger record "channel.moved". @expected: the generation seen, RF_ESTATE when it is another by now. Setting
 * what it says already changes nothing. @ret (may be NULL): the new state. */
RF_MUST_CHECK int channel_set(struct transaction *tx, const char *service, const char *environment, const char *name,
			      const char *release, int64_t expected, const char *actor, struct channel *ret);

/* Makes the links say what the rows say, for all channels of all services: sets, switches and removes links. Changes
 * only what differs; may be repeated, also beside others doing it. @ret_changed may be NULL. */
RF_MUST_CHECK int channel_project(struct depot *d, struct database *db, size_t *ret_changed, struct err *err);

#endif
