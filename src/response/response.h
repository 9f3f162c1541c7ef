/*
 * response - the engine of `respond`: the one room that knows the order of the steps (design 3).
 *
 *   confirm ──► plan ──► build ──► prove ──► publish
 *   (incident)  (tasks)  (work queue: N threads)   (per service × environment, when all its engines are proven)
 *
 * May use every lower room. Everything is idempotent: killed by SIGKILL anywhere and run again it goes on from the rows in
 * the database; two processes on one workspace share the queue by leases and fencing tokens.
 *
 * How the machine is shared out. Workers: workspace.build_jobs (reforge.yaml `build: jobs`), else one per processor.
 * Memory: each task claims what its recipe asks for out of workspace.build_memory_bytes (else what the machine has free at
 * the start); a task that asks for more than there is at all runs alone. Performance that a recipe judges is measured with
 * no other job of this process running: a measurement waits until builds and numeric proofs at work have ended, new ones
 * wait until it is over. (A reserved core was refused: neighbours on the same memory bus and the other half of a
 * hyper-thread still move p99.) A recipe that does not judge it is measured beside other work, for the record. Builds go
 * first in the queue, so that measuring comes when the machine is quietest.
 */
#ifndef REFORGE_RESPONSE_RESPONSE_H
#define REFORGE_RESPONSE_RESPONSE_H

#include "base/arena.h"
#include "crypto/sign.h"
#include "database/database.h"
#include "depot/depot.h"
#include "workspace/workspace.h"

/* What every function of this room works on. Borrowed; outlives the calls. */
struct response_context {
	struct database *db;                 /* migrated */
	const struct workspace *workspace;
	struct depot *depot;
	const struct signing_key *release_key;   /* NULL: nothing can be published (RF_EINVALID there) */
	const struct signing_key *ledger_key;    /* NULL: nothing is sealed */
	const char *actor;                   /* "user:root@host": who asked */
	bool isolate;                        /* run drivers in bubblewrap; false only where it is missing and the user said so */
};

enum response_step { RESPONSE_CONFIRM, RESPONSE_PLAN, RESPONSE_BUILD, RESPONSE_PROVE, RESPONSE_PUBLISH, RESPONSE_STEPS };
const char *response_step_name(enum response_step step);            /* "confirm", … "publish" */
bool response_step_read(struct span name, enum response_step *ret);

/* Counts of one moment, of the whole incident. */
struct response_progress {
	enum response_step step;             /* the earliest one that is not finished */
	int64_t tasks, planned, building, built, proven, failed, blocked;
	int64_t releases, published;
	int64_t done[RESPONSE_STEPS], total[RESPONSE_STEPS];   /* n of m for each step; blocked tasks are in neither */
	int64_t elapsed_usec;
	int64_t left_usec;                   /* from the measured durations of this run; -1: cannot be told yet */
	const char *what;                    /* last thing that ended: "reading/det proven"; "" at first. Borrowed for the call */
};

struct response_options {
	const char *const *advisories;       /* ids; or none with @incident set */
	size_t advisory_count;
	int64_t incident;                    /* 0: found or opened by advisory */
	enum response_step until;            /* stop after this one; RESPONSE_PUBLISH: all */
	unsigned threads;                    /* 0: as above */
	bool retry;                          /* failed engines get another attempt although nothing about them changed */
	void (*progress)(const struct response_progress *, void *data);   /* about ten times a second, caller's thread; may be NULL */
	void *data;
};

struct response_outcome {
	int64_t incident;
	char name[128];                      /* of the incident */
	bool is_drill;
	bool opened;                         /* by this call */
	bool nothing_exposed;                /* no incident was opened: nobody has what the advisories speak of */
	struct response_progress counts;     /* at the end; .what is "" */
	int64_t elapsed_usec;
	bool cancelled;                      /* SIGINT, SIGTERM: run it again to go on */
	int exit_status;                     /* 0 all published; 1 failed engines or a refused release; 3 blocked ones left */
};
/*
 * Runs the response. Blocks until every task came to rest (proven, failed, blocked) and every release that can be published
 * is, or @until is reached, or thread_stop_wanted(). Failed tasks and refused releases are outcomes, not errors.
 * Errors: RF_ENOTFOUND (advisory or incident), RF_ESTATE (incident dismissed or closed: reopen it), RF_ECONFLICT (advisories of
 * two open incidents), RF_EDATABASE, RF_EFULL, …
 */
RF_MUST_CHECK int response_run(const struct response_context *context, const struct response_options *options,
                               struct response_outcome *ret, struct err *err);

#endif
