/* run - one response_run(): what response.c and supervise.c share. Not for other rooms. */
#ifndef REFORGE_RESPONSE_RUN_H
#define REFORGE_RESPONSE_RUN_H

#include "response/engine.h"
#include "response/incident.h"
#include "response/plan_int.h"

struct run {
	const struct response_context *context;
	const struct response_options *options;
	struct arena a;
	struct err *err;
	struct tools *tools;
	struct engine *engine;
	struct plan plan;
	struct incident incident;
	int64_t id;
	bool opened, changed;
	size_t batch_from, batch_to;
	struct response_progress counts;
	mono_t started;
};

/* Starts the workers. */
RF_MUST_CHECK int run_begin(struct run *r);
/* Progress, leases, sealing, until all came to rest, the step wanted is done, or a stop is wanted. */
RF_MUST_CHECK int run_supervise(struct run *r);
/* Ends the workers (each its present item) and counts; returns @rc, or the error that ended the run. */
RF_MUST_CHECK int run_end(struct run *r, int rc);
/* Seals the ledger's waiting records; another sealer at work is fine. */
RF_MUST_CHECK int run_seal(struct run *r);
/* Counts without workers: `--until confirm` and `--until plan`. */
RF_MUST_CHECK int run_count(struct run *r);

#endif
