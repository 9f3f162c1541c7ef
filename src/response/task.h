/*
 * task - one engine × target × attempt to be rebuilt: the machine and its rows (design 6.6).
 *
 * May use base, format, database, ledger, work, workspace. Tables: task, release_plan.
 *
 *   (birth) ──► planned ──► building ──► built ──► proven
 *                │  ▲          │ │         │ │
 *   (birth)      ▼  │          │ └─────────┼─┴──► failed
 *      └─────► blocked ◄───────┴───────────┘
 *
 * planned     a build waits in the work queue
 * building    a worker has it; killed and claimed again it stays here
 * built       the new engine stands in the depot as a blob, its claims checked; a proof waits in the queue
 * proven      numbers and speed judged as good; final
 * failed      the build or the judgement failed; final for this attempt: another one is a new row (attempt + 1)
 * blocked     cannot go on without a person: a reason and an owner, always both; goes to planned when the reason is gone
 *
 * One door: task_set_state(). It keeps the counts of the release and of the environment (release_plan,
 * incident_environment), which stage was reached when, and enqueues what the new state wants: planned → build, built →
 * prove, the last proven one of a service × environment → publish. Each transition is one short transaction that touches
 * a fixed number of rows, so that a task costs the same whether there are ten or 20,000.
 */
#ifndef REFORGE_RESPONSE_TASK_H
#define REFORGE_RESPONSE_TASK_H

#include "base/arena.h"
#include "database/database.h"

enum task_state { TASK_PLANNED, TASK_BUILDING, TASK_BUILT, TASK_PROVEN, TASK_FAILED, TASK_BLOCKED, TASK_STATES };
const char *task_state_name(enum task_state state);
bool task_state_read(struct span name, enum task_state *ret);
bool task_may(enum task_state from, enum task_state to);

/* Bytes of the name of a service, environment, model or target. Longer is RF_ETOOBIG. */
#define TASK_NAME_MAX 255

/* Everything is borrowed for the call; texts are UTF-8 or bytes of a file system, NUL-ended. */
struct task_birth {
	int64_t incident;
	const char *service, *environment, *model, *target;
	const char *toolchain;           /* "onnxruntime" */
	const char *from_version;        /* of the engine in service; "" when unknown */
	const char *to_version;          /* what to build with; "" when there is no fix at hand */
	const char *engine_path;         /* of the placement that the new engine is judged against */
	const char *engine_digest;       /* hex */
	int64_t engine_bytes;
	const char *build_digest;        /* hex, of the recipe's build part; "" without a recipe */
	const char *proof_digest;
	int64_t memory_bytes;            /* what the recipe asks for */
	const char *blocked_reason;      /* NULL: born planned; else born blocked */
	const char *blocked_owner;       /* mandatory with a reason */
	const char *actor;
	struct span plan;                /* JSON object: what else changes, choice of version. Ledger evidence */
	bool is_drill;
	bool retry;                      /* a failed current attempt gets a new one although nothing about it changed */
};
/*
 * Inserts the task, or brings the current attempt up to date: nothing when it is under way, proven, or as before; blocked
 * → planned when the plan has no reason any more; a new attempt when the last one failed and the versions or digests changed
 * (or @retry). What a task that has not begun is to become may change without a change of state: ledger `task.replanned`.
 * *ret_new (may be NULL) tells whether anything was written. Idempotent; safe from two processes at once.
 */
RF_MUST_CHECK int task_plan(struct transaction *tx, const struct task_birth *birth, int64_t *ret_id, bool *ret_new);

struct task_change {
	int64_t task;
	enum task_state to;
	const char *actor;
	const char *reason;              /* failed, blocked: mandatory */
	const char *owner;               /* blocked: mandatory */
	struct span evidence;            /* JSON object for the ledger: digests, versions, figures; empty: {} */
	/* built */
	const char *new_digest;          /* hex; else NULL */
	int64_t new_bytes;
	int64_t duration_usec;           /* built: of the build; proven, failed, blocked: of the proof; 0: keep */
	struct span build_result;        /* JSON kept with the task; empty: keep */
	struct span proof_result;        /* JSON kept with the task; empty: keep */
};
/* The one door. RF_ESTATE names both states; RF_ENOTFOUND; RF_EINVALID without reason or owner.
 * Ledger: `task.<state>`, subject "task/<id>". */
RF_MUST_CHECK int task_set_state(struct transaction *tx, const struct task_change *change);

struct task {
	int64_t id, incident;
	int attempt;                     /* from 1 */
	enum task_state state;
	struct span service, environment, model, target, toolchain, from_version, to_version;
	struct span engine_path, engine_digest, new_digest;
	int64_t engine_bytes, new_bytes, memory_bytes;
	struct span build_digest, proof_digest;
	struct span reason, owner;       /* failed, blocked */
	struct span plan, build_result, proof_result;   /* JSON, may be empty */
	usec_t created_at, changed_at, built_at, proven_at;
	int64_t build_usec, prove_usec;
	bool is_drill;
};
RF_MUST_CHECK int task_get(struct transaction *tx, int64_t id, struct arena *a, struct task *ret);

struct task_filter {
	int64_t incident;                /* mandatory */
	const char *service, *environment;   /* NULL: any; a service only together with an environment */
	bool all_attempts;               /* false: the current one of each engine × target */
	bool without_results;            /* leave plan, build_result and proof_result empty: lists */
};
/* Visits in order of environment, service, model, target, attempt; the spans live until @visit returns. Non-zero from it ends. */
RF_MUST_CHECK int task_each(struct transaction *tx, const struct task_filter *filter,
                            int (*visit)(const struct task *task, void *data), void *data);
/* Current attempts that wait for a person, failed ones first; without results; at most @limit. */
RF_MUST_CHECK int task_each_stuck(struct transaction *tx, int64_t incident, int64_t limit,
                                  int (*visit)(const struct task *task, void *data), void *data);
/* A deep copy of a visited task into @a: for callbacks that collect. RF_ENOMEM. */
RF_MUST_CHECK int task_copy(const struct task *task, struct arena *a, struct task *ret);

/* One service × environment of an incident: what will be one release. */
struct release_plan {
	int64_t incident;
	struct span service, environment;
	int64_t tasks, planned, building, built, proven, failed, blocked;
	struct span release;             /* its name, chosen once; empty before */
	struct span parent;              /* the stable release at that moment; empty: none */
	usec_t published_at;             /* USEC_NONE: not yet */
	struct span held_reason;         /* why publishing was refused; empty: it was not */
	bool is_drill;
};
RF_MUST_CHECK int release_plan_list(struct transaction *tx, int64_t incident, struct arena *a, struct release_plan **ret,
                                    size_t *ret_count);
RF_MUST_CHECK int release_plan_get(struct transaction *tx, int64_t incident, struct span service, struct span environment,
                                   struct arena *a, struct release_plan *ret);
/* Chooses the release's name and parent, once: later calls keep what was chosen. Returns the row as it is after. */
RF_MUST_CHECK int release_plan_name(struct transaction *tx, int64_t incident, struct span service, struct span environment,
                                    const char *name, const char *parent, struct arena *a, struct release_plan *ret);
/* Published: the row, the environment's counts. Idempotent. */
RF_MUST_CHECK int release_plan_published(struct transaction *tx, int64_t incident, struct span service, struct span environment);
/* Publishing was refused, with the reason; cleared by release_plan_published(). */
RF_MUST_CHECK int release_plan_held(struct transaction *tx, int64_t incident, struct span service, struct span environment,
                                    const char *reason);

#endif
