/* job - one task at work in one worker: what worker.c, job_build.c and job_prove.c share. Not for other rooms. */
#ifndef REFORGE_RESPONSE_JOB_H
#define REFORGE_RESPONSE_JOB_H

#include "base/fs.h"
#include "response/engine.h"

#define JOB_ACTOR "reforge:response"

/* One task at work. */
struct job {
	struct worker *w;
	struct task task;
	bool incident_open;
	const struct recipe *recipe;
	const struct toolchain_kind *kind;
	char folder[FS_PATH_MAX]; /* of this claim alone; not made yet */
	/* the outcome */
	enum task_state to;
	bool done_only; /* the task moved on without this item */
	bool retry;     /* a failure of the passing kind */
	usec_t retry_at;
	const char *reason, *owner;
	const char *new_digest;
	int64_t new_bytes, duration_usec;
	struct span build_result, proof_result, evidence;
};

/* Each carries out one item and fills the outcome. An error ends the run and leaves the task where it is. */
RF_MUST_CHECK int job_build(struct job *j, struct err *err);
RF_MUST_CHECK int job_prove(struct job *j, struct err *err);

/* The outcome: failed, or blocked with the nearest owner. @reason lives in the worker's arena; NULL or empty gets
 * words. */
void job_failed(struct job *j, const char *reason);
void job_blocked(struct job *j, const char *reason);
/* What an error of a step means for the task: 0 with the outcome set, or the error when the whole run must end. */
RF_MUST_CHECK int job_judge_error(struct job *j, int rc, struct err *err);
/* Recipe and toolchain kind; a recipe that changed after the plan blocks. False: the outcome is set. */
bool job_prepare(struct job *j, bool proving);
/*
 * The folder of task @task for the claim @item: <work>/task-<id>/<item>-<fence>. Of the claim, not of the task: who overran its lease
 * and wakes up must not wipe or fill the folder of who has the task now. Folders of earlier claims are removed here.
 */
RF_MUST_CHECK int job_folder(const char *work, int64_t task, const struct work_item *item, char ret[FS_PATH_MAX], struct err *err);
/* Removes it, and the task's when that is empty. */
RF_MUST_CHECK int job_folder_remove(const char *folder, struct err *err);
/* A terminated copy in the worker's arena; "" when memory is out. */
const char *job_text(struct worker *w, struct span s);

#endif
