/*
 * drain - how what may not run is taken out of service without taking the service with it.
 *
 * Pure. May use base/. A function of what runs, what of it is denied, and how many replicas must go on serving.
 *
 *   groups of one service and environment ──► drain_plan() ──► steps, in order
 *
 * While every step is carried out as written, at no moment fewer than min(@keep, what serves now) replicas of the service and
 * environment serve, and when all are done, no denied replica runs but those that a step holds back. Nothing is held back that
 * could go without adding to another group. What does not serve (a job) goes first; then what can be replaced is replaced, since that takes no capacity away;
 * then what is left goes as far as the others carry the service.
 */
#ifndef REFORGE_GATE_DRAIN_H
#define REFORGE_GATE_DRAIN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* What is run, replaced and stopped as one: a workload of a cluster, a service's processes on one host. */
struct drain_group {
	struct span service, environment; /* empty: none; groups without a service are one service of the environment */
	struct span name;                 /* "k8s:prod/speech Deployment/asr", "gpu-17" */
	int64_t replicas;                 /* that serve now; 0 for what does not: a job, a template, one scaled to nothing */
	bool denied;                      /* it may not run */
	bool has_replacement;             /* something at hand may run in its place */
	bool can_surge;                   /* one replica more may be added for a while: not a host, not one a node */
};

enum drain_action {
	DRAIN_STOP = 0, /* serves nobody: suspend it, or do not start it again */
	DRAIN_REPLACE,  /* by what may run, `at_once` replicas at a time; with `surge` that many are added first */
	DRAIN_REMOVE,   /* the others carry the service */
	DRAIN_HOLD      /* they stay until `hold` is dealt with */
};
const char *drain_action_name(enum drain_action a); /* "stop", "replace", "remove", "hold"; static */

enum drain_hold {
	DRAIN_HOLD_NONE = 0,
	DRAIN_HOLD_NO_REPLACEMENT, /* the service needs them, and nothing that may run is at hand */
	DRAIN_HOLD_NO_ROOM         /* a replacement is at hand, and none may be taken down before it stands */
};
const char *drain_hold_name(enum drain_hold h);  /* "", "no_replacement", "no_room"; static */
const char *drain_hold_words(enum drain_hold h); /* a sentence without full stop; static */

struct drain_step {
	size_t group; /* index */
	enum drain_action action;
	int64_t replicas;      /* that the step is about */
	int64_t at_once;       /* REPLACE: at most so many are down together; else 0 */
	int64_t surge;         /* REPLACE: added first, and taken away at its end; else 0 */
	int64_t serving;       /* of the service and environment, the least while the step is carried out */
	int64_t serving_after;
	enum drain_hold hold;  /* HOLD; else NONE */
};

/* Steps for all denied groups, by service and environment in the order of their first group, in each in the order given: the
 * caller puts the worst first. @keep >= 0. In @a. RF_EINVALID (a negative count), RF_ENOMEM. */
RF_MUST_CHECK int drain_plan(struct arena *a, const struct drain_group *groups, size_t n, int64_t keep,
			     struct drain_step **ret, size_t *ret_n, struct err *err);

#endif
