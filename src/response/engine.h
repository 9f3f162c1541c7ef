/*
 * engine - the workers of one response and what they share: the queue's items at work, memory, quiet. Not for other rooms.
 *
 *   response.c   confirm, plan, and the supervisor: progress, leases, sealing, the end
 *   worker.c     claims items, builds, proves
 *   publish.c    makes the release of one service × environment
 *   budget.c     memory and quiet
 */
#ifndef REFORGE_RESPONSE_ENGINE_H
#define REFORGE_RESPONSE_ENGINE_H

#include "response/response.h"
#include "response/task.h"
#include "response/tools.h"
#include "work/work.h"

#include <pthread.h>

/* A lease that is not renewed for this long is free for others: a killed process on another host holds its tasks so long. */
#define ENGINE_LEASE_USEC (60 * USEC_PER_SEC)
#define ENGINE_RENEW_USEC (15 * USEC_PER_SEC)
#define ENGINE_MAX_THREADS 256
/* A task whose worker died this often ends as failed: what kills its worker must not do so for ever. Kills by people count
 * too, so the number is high. */
#define ENGINE_MAX_LOST 200

/* ── budget.c ── */

/* Memory that tasks claimed, and quiet for measuring: while one measures, nothing else of this process runs. */
struct budget {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t total_bytes, used_bytes;
	unsigned running;
	unsigned want_quiet;
	bool measuring;
};
void budget_init(struct budget *b, uint64_t total_bytes);
void budget_release(struct budget *b);
/* Waits until @bytes are free (or nothing runs at all: a task larger than the whole runs alone) and nobody measures. */
void budget_take(struct budget *b, uint64_t bytes);
void budget_give(struct budget *b, uint64_t bytes);
/* Between take and give: waits until nothing else runs, and keeps it so until budget_measured(). */
void budget_measure(struct budget *b);
void budget_measured(struct budget *b);
/* What the machine has free now (MemAvailable); 1 GiB when it cannot be told. */
uint64_t budget_machine_bytes(void);

/* ── shared by the workers ── */

struct engine;
struct worker {
	struct engine *engine;
	pthread_t thread;
	bool started;
	struct work_item item;             /* its texts live in the worker's arena */
	bool busy;                         /* it holds @leased; under engine.lock, as what follows */
	struct work_item leased;           /* what the supervisor renews: the item with a key of its own */
	char leased_key[WORK_MAX_KEY + 1];
	struct arena a;                    /* of one item */
};

struct engine {
	const struct response_context *context;
	struct tools *tools;
	struct budget budget;
	const char *kinds[3];
	size_t kind_count;
	struct worker workers[ENGINE_MAX_THREADS];
	unsigned threads;
	pthread_mutex_t lock;              /* what follows */
	pthread_cond_t wake;               /* an item ended, or the end came */
	bool stop;
	int fatal;                         /* first error that ends the run */
	struct err fatal_err;
	int64_t built, build_usec, proven, prove_usec;   /* measured in this run */
	char what[256];
};
bool engine_stopping(struct engine *e);
/* The whole run ends with this error (the first one counts). */
void engine_fail(struct engine *e, const struct err *err);
/* Tells the supervisor what ended. */
void engine_note(struct engine *e, const char *format, ...) RF_PRINTF(2, 3);

/* worker.c: the thread's body. */
void *worker_main(void *worker);
/* publish.c: carries out one publish item. */
int publish_item(struct worker *w, struct err *err);

/* Owner for blocked tasks: "name (contact)" of the recipe, else of the service, else the keeper of reforge.yaml; in @a. */
const char *engine_owner(const struct engine *e, const struct recipe *recipe, struct span service, struct arena *a);

#endif
