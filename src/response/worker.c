/*
 * A worker: claims an item, does its work with no transaction open, writes the outcome in a second one that must still
 * hold the item's lease. What can be repeated safely is repeated after a kill: the task's folder is wiped before a
 * build, blobs are put under their digest, a proof is simply made again.
 */
#include "response/job.h"

#include "base/thread.h"
#include "format/json.h"
#include "response/incident.h"
#include "response/task_int.h"

/* ── outcome ── */

static int write_outcome(struct transaction *tx, void *data)
{
	struct job *j = data;
	int rc;
	if (j->retry) {
		bool failed = false;
		rc = work_retry(tx, &j->w->item, j->retry_at, j->reason, &failed);
		if (rc || !failed)
			return rc;
	} else {
		rc = work_done(tx, &j->w->item);
	}
	if (rc || j->done_only)
		return rc;
	return task_set_state(tx, &(struct task_change){ .task = j->task.id,
							 .to = j->to,
							 .actor = JOB_ACTOR,
							 .reason = j->reason,
							 .owner = j->owner,
							 .evidence = j->evidence,
							 .new_digest = j->new_digest,
							 .new_bytes = j->new_bytes,
							 .duration_usec = j->duration_usec,
							 .build_result = j->build_result,
							 .proof_result = j->proof_result });
}

void job_failed(struct job *j, const char *reason)
{
	j->to = TASK_FAILED;
	j->reason = reason && *reason ? reason : "failed without a word";
	j->owner = engine_owner(j->w->engine, j->recipe, j->task.service, &j->w->a);
}

void job_blocked(struct job *j, const char *reason)
{
	j->to = TASK_BLOCKED;
	j->reason = reason && *reason ? reason : "blocked without a word";
	j->owner = engine_owner(j->w->engine, j->recipe, j->task.service, &j->w->a);
}

/* What an error of a step means for the task. RF_EFULL and RF_ECANCELLED end the run and leave the task where it is. */
int job_judge_error(struct job *j, int rc, struct err *err)
{
	char text[2048];
	const char *words = arena_text(&j->w->a, span_of(err_render(err, text, sizeof text)));
	switch (rc) {
	case RF_ENOMEM:
	case RF_EFULL:
	case RF_EDATABASE:
	case RF_ECANCELLED:
		return rc;
	case RF_EIO:
	case RF_EBUSY:
	case RF_ETIMEOUT:
		job_failed(j, words);
		/* a step that ran out of its time took all of it: once more, in case the machine was busy */
		j->retry = rc != RF_ETIMEOUT || j->w->item.attempt == 1;
		j->retry_at = now_usec() + (USEC_PER_SEC << RF_MIN(j->w->item.attempt, 6));
		return 0;
	case RF_ENOTFOUND:
	case RF_EPERM:
	case RF_EUNSUPPORTED:
	case RF_EDENIED: /* in quarantine */
		job_blocked(j, words);
		return 0;
	default:
		job_failed(j, words);
		return 0;
	}
}

/* ── preparing ── */

struct load {
	struct job *j;
	int64_t id, round;
};

static int load_task(struct transaction *tx, void *data)
{
	struct load *l = data;
	int rc = task_get(tx, l->id, &l->j->w->a, &l->j->task);
	if (rc)
		return rc;
	rc = TX_I64(tx, &l->round, "SELECT round FROM task WHERE id = $1", DB_I(l->id));
	if (rc)
		return rc;
	int64_t open;
	rc = TX_I64(tx, &open, "SELECT COUNT(*) FROM incident WHERE id = $1 AND state IN ('open', 'reopened')",
		    DB_I(l->j->task.incident));
	l->j->incident_open = open == 1;
	return rc;
}

static int item_task(const struct work_item *item, int64_t *ret, struct err *err)
{
	struct json_doc *doc = json_doc_new();
	struct json root;
	int rc = doc ? json_parse(doc, item->payload, &root, err) : err_set(err, RF_ENOMEM, "no memory");
	if (!rc && !json_i64(json_get(root, "task"), ret))
		rc = err_set(err, RF_EINTERNAL, "work item %s names no task", item->key);
	json_doc_free(doc);
	return rc;
}

/* A task that was blocked and planned again has an item of each round in the queue: only the last one is its work. The
 * round stands at the end of the key (enqueue_task()). */
static bool is_of_round(const struct work_item *item, int64_t round)
{
	const char *slash = strrchr(item->key, '/');
	int64_t of;
	return !slash || !span_i64(span_of(slash + 1), &of) || of == round;
}

const char *job_text(struct worker *w, struct span s)
{
	const char *t = arena_text(&w->a, s);
	return t ? t : "";
}

/* Recipe, toolchain kind. False: the outcome is set. */
bool job_prepare(struct job *j, bool proving)
{
	struct worker *w = j->w;
	const struct workspace *ws = w->engine->context->workspace;
	struct err err = ERR_INIT;
	char text[2048];
	int rc = workspace_recipe(ws, job_text(w, j->task.model), &j->recipe, &err);
	if (rc) {
		j->recipe = NULL;
		job_blocked(j, arena_text(&w->a, span_of(err_render(&err, text, sizeof text))));
		return false;
	}
	if (!span_eq_text(j->task.build_digest, j->recipe->build_digest) ||
	    (proving && !span_eq_text(j->task.proof_digest, j->recipe->proof_digest))) {
		job_blocked(j, arena_printf(&w->a, "recipe %s changed after the plan: run respond again",
					    j->recipe->model));
		return false;
	}
	j->kind = toolchain_kind_find(span_of(j->recipe->toolchain));
	if (!j->kind) {
		job_blocked(j, arena_printf(&w->a, "no toolchain is called %s", j->recipe->toolchain));
		return false;
	}
	return true;
}

/* ── items ── */

/* Dismissed or closed meanwhile: kept for the case that it is reopened. */
static int put_aside(struct transaction *tx, void *data)
{
	struct job *j = data;
	char why[INCIDENT_RESTS_BYTES];
	return work_rest(tx, &j->w->item, incident_rests(j->task.incident, why), tx_now(tx) + INCIDENT_RESTS_USEC);
}

static int task_item(struct worker *w, struct err *err)
{
	struct engine *e = w->engine;
	struct job j = { .w = w };
	struct load l = { .j = &j };
	bool is_build = !strcmp(w->item.kind, WORK_BUILD);
	int rc = item_task(&w->item, &l.id, err);
	if (!rc)
		rc = database_transact(e->context->db, DB_READ, load_task, &l, err);
	if (rc)
		return rc;
	if (!j.incident_open)
		return database_transact(e->context->db, DB_WRITE, put_aside, &j, err);
	if (!is_of_round(&w->item, l.round))
		j.done_only = true;
	else if (w->item.lost > ENGINE_MAX_LOST)
		job_failed(&j, arena_printf(&w->a, "its worker died %d times", w->item.lost));
	else
		rc = is_build ? job_build(&j, err) : job_prove(&j, err);
	if (rc)
		return rc;
	rc = database_transact(e->context->db, DB_WRITE, write_outcome, &j, err);
	if (rc == RF_EFENCED) {
		*err = ERR_INIT;
		return 0;
	}
	if (!rc && !j.done_only && !j.retry)
		engine_note(e, "%.*s/%.*s %s", SPAN_ARG(j.task.service), SPAN_ARG(j.task.model), task_state_name(j.to));
	return rc;
}

/* The supervisor renews at its own moment: what it reads must not lie in the arena of an item that may have ended. */
static void set_busy(struct worker *w, bool busy)
{
	pthread_mutex_lock(&w->engine->lock);
	w->busy = busy;
	if (busy) {
		w->leased = w->item;
		snprintf(w->leased_key, sizeof w->leased_key, "%s", w->item.key);
	}
	pthread_cond_broadcast(&w->engine->wake);
	pthread_mutex_unlock(&w->engine->lock);
}

/* Until an item ended (it may have enqueued another) or a moment passed (a retry may be due). */
static void idle(struct engine *e)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 200 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&e->lock);
	if (!e->stop)
		pthread_cond_timedwait(&e->wake, &e->lock, &until);
	pthread_mutex_unlock(&e->lock);
}

void *worker_main(void *data)
{
	struct worker *w = data;
	struct engine *e = w->engine;
	while (!engine_stopping(e)) {
		struct err err = ERR_INIT;
		struct work_item item;
		arena_reset(&w->a);
		int rc = work_claim(e->context->db, work_owner(), e->kinds, e->kind_count, ENGINE_LEASE_USEC, &w->a,
				    &item, &err);
		if (rc == 0) {
			idle(e);
			continue;
		}
		if (rc > 0) {
			w->item = item;
			set_busy(w, true);
			rc = !strcmp(item.kind, WORK_PUBLISH) ? publish_item(w, &err) : task_item(w, &err);
			set_busy(w, false);
		}
		if (rc < 0 && rc != RF_EFENCED && rc != RF_EBUSY)
			engine_fail(e, &err);
	}
	return NULL;
}
