/*
 * rollout - how one release reaches one service in one environment (design 6.6): the machine and its rows.
 *
 * May use base, format, database, ledger, work, depot. Table: rollout.
 *
 *   (birth) ──► published ──► shadow ──► canary ──► promoted
 *                  │  │          │      ▲ │   ▲        │
 *                  │  └──────────┼──────┘ └───┘        │      canary -> canary: the next step
 *                  │             ▼        ▼            │
 *                  │           paused ◄──────          │      paused -> shadow, canary: resumed
 *                  ▼             ▼        ▼            ▼
 *                  └───────► rolled_back ◄─────────────┘      final: a new attempt is a new rollout
 *
 * published   the release stands in the depot, channel `candidate` points at it, no traffic sees it
 * shadow      copies of production requests go to it, answers are compared and dropped
 * canary      a stated part of the traffic (step, in hundredths of a percent) is answered by it
 * promoted    channel `stable` points at it
 * paused      held by a person or a judge; the traffic stays where it was
 * rolled_back `stable` points elsewhere; `candidate` is free again
 *
 * One door: rollout_set_state(). Today only the birth into `published` is reached; the rest of the table stands because
 * status, report and the database's rows already speak its words.
 */
#ifndef REFORGE_ROLLOUT_ROLLOUT_H
#define REFORGE_ROLLOUT_ROLLOUT_H

#include "base/arena.h"
#include "database/database.h"

extern const struct migration_set ROLLOUT_MIGRATIONS;

enum rollout_state {
	ROLLOUT_PUBLISHED, ROLLOUT_SHADOW, ROLLOUT_CANARY, ROLLOUT_PROMOTED, ROLLOUT_PAUSED, ROLLOUT_ROLLED_BACK,
	ROLLOUT_STATES
};
/* "published", … "rolled_back": the words of the database, JSON and the ledger. Static. */
const char *rollout_state_name(enum rollout_state state);
/* False when @name is none of them. */
bool rollout_state_read(struct span name, enum rollout_state *ret);
/* The table of the diagram above. Pure. */
bool rollout_may(enum rollout_state from, enum rollout_state to);

/* Everything is borrowed for the call. */
struct rollout_birth {
	const char *service, *environment, *release;
	int64_t incident;          /* the response that made the release; 0: none */
	const char *actor;         /* "user:…" or "reforge:…" */
	bool is_drill;
	struct span evidence;      /* JSON object for the ledger; empty: {} */
};
/*
 * The birth of a rollout in `published`, with its ledger record (`rollout.published`), in the caller's transaction. The
 * caller sets channel `candidate` in the same one (depot.h). Idempotent: a service × environment × release has one
 * rollout; when it is there, nothing is written and *ret_new (may be NULL) is false.
 */
RF_MUST_CHECK int rollout_create(struct transaction *tx, const struct rollout_birth *birth, int64_t *ret_id, bool *ret_new);

struct rollout_change {
	int64_t rollout;
	enum rollout_state to;
	int step;                  /* canary: hundredths of a percent of the traffic, 1..10000; else 0 */
	const char *actor;
	struct span evidence;      /* JSON object; empty: {} */
};
/* The one door: checks the transition (RF_ESTATE names both states), writes state and ledger record (`rollout.<state>`).
 * RF_ENOTFOUND. */
RF_MUST_CHECK int rollout_set_state(struct transaction *tx, const struct rollout_change *change);

struct rollout {
	int64_t id, incident;
	struct span service, environment, release;    /* in the arena given */
	enum rollout_state state;
	int step;
	bool is_drill;
	usec_t created_at, changed_at;
};
/* Rollouts of @incident (0: all), oldest first, at most 100,000 (RF_ETOOMANY), in @a. */
RF_MUST_CHECK int rollout_list(struct transaction *tx, int64_t incident, struct arena *a, struct rollout **ret, size_t *ret_count);

#endif
