/* Reading tasks and release plans back, and the release plan's own few writes (task.h). */
#include "response/task.h"
#include "response/task_int.h"

#include "ledger/ledger.h"

#define COLUMNS                                                                                                    \
	"id, incident, attempt, state, service, environment, model, target, toolchain, from_version, to_version, " \
	"engine_path, "                                                                                            \
	"engine_digest, new_digest, engine_bytes, new_bytes, memory_bytes, build_digest, proof_digest, reason, "   \
	"owner, "                                                                                                  \
	"created_at, changed_at, built_at, proven_at, build_usec, prove_usec, is_drill"
#define RESULTS ", plan, build_result, proof_result"
#define NO_RESULTS ", '', '', ''"

static int read_task(struct transaction *tx, struct db_rows *rows, struct task *t)
{
	*t = (struct task){
		.id = rows_i64(rows, 0),
		.incident = rows_i64(rows, 1),
		.attempt = (int)rows_i64(rows, 2),
		.service = rows_text(rows, 4),
		.environment = rows_text(rows, 5),
		.model = rows_text(rows, 6),
		.target = rows_text(rows, 7),
		.toolchain = rows_text(rows, 8),
		.from_version = rows_text(rows, 9),
		.to_version = rows_text(rows, 10),
		.engine_path = rows_blob(rows, 11),
		.engine_digest = rows_text(rows, 12),
		.new_digest = rows_text(rows, 13),
		.engine_bytes = rows_i64(rows, 14),
		.new_bytes = rows_i64(rows, 15),
		.memory_bytes = rows_i64(rows, 16),
		.build_digest = rows_text(rows, 17),
		.proof_digest = rows_text(rows, 18),
		.reason = rows_text(rows, 19),
		.owner = rows_text(rows, 20),
		.created_at = rows_time(rows, 21),
		.changed_at = rows_time(rows, 22),
		.built_at = rows_time(rows, 23),
		.proven_at = rows_time(rows, 24),
		.build_usec = rows_i64(rows, 25),
		.prove_usec = rows_i64(rows, 26),
		.is_drill = rows_i64(rows, 27) != 0,
		.plan = rows_text(rows, 28),
		.build_result = rows_text(rows, 29),
		.proof_result = rows_text(rows, 30),
	};
	if (!task_state_read(rows_text(rows, 3), &t->state))
		return err_set(tx_err(tx), RF_EINTERNAL, "task %lld has an unknown state", (long long)t->id);
	return 0;
}

int task_copy(const struct task *t, struct arena *a, struct task *ret)
{
	*ret = *t;
	struct span *const texts[] = { &ret->service,       &ret->environment,  &ret->model,        &ret->target,
				       &ret->toolchain,     &ret->from_version, &ret->to_version,   &ret->engine_path,
				       &ret->engine_digest, &ret->new_digest,   &ret->build_digest, &ret->proof_digest,
				       &ret->reason,        &ret->owner,        &ret->plan,         &ret->build_result,
				       &ret->proof_result };
	for (size_t i = 0; i < RF_COUNT(texts); i++) {
		*texts[i] = arena_span(a, *texts[i]);
		if (!texts[i]->p)
			return RF_ENOMEM;
	}
	return 0;
}

int task_get(struct transaction *tx, int64_t id, struct arena *a, struct task *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, "SELECT " COLUMNS RESULTS " FROM task WHERE id = $1", DB_I(id));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "there is no task %lld", (long long)id);
	struct task t, copy;
	rc = read_task(tx, rows, &t);
	if (!rc && task_copy(&t, a, &copy))
		rc = err_set(tx_err(tx), RF_ENOMEM, "no memory for task %lld", (long long)id);
	if (!rc)
		*ret = copy;
	return rc;
}

int task_each(struct transaction *tx, const struct task_filter *f, int (*visit)(const struct task *, void *),
	      void *data)
{
	/* Two texts each, so that the common cases walk the index on (incident, environment, service, …). */
	const char *sql = f->without_results ? "SELECT " COLUMNS NO_RESULTS
					       " FROM task WHERE incident = $1 AND ($2 = 1 OR is_current = 1) AND "
					       "($3 = '' OR environment = $3) AND ($4 = '' OR service = $4) "
					       "ORDER BY environment, service, model, target, attempt"
					     : "SELECT " COLUMNS RESULTS
					       " FROM task WHERE incident = $1 AND ($2 = 1 OR is_current = 1) AND "
					       "($3 = '' OR environment = $3) AND ($4 = '' OR service = $4) "
					       "ORDER BY environment, service, model, target, attempt";
	if (f->service)
		sql = f->without_results ? "SELECT " COLUMNS NO_RESULTS
					   " FROM task WHERE incident = $1 AND ($2 = 1 OR is_current = 1) AND "
					   "environment = $3 AND service = $4 ORDER BY model, target, attempt"
					 : "SELECT " COLUMNS RESULTS
					   " FROM task WHERE incident = $1 AND ($2 = 1 OR is_current = 1) AND "
					   "environment = $3 AND service = $4 ORDER BY model, target, attempt";
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows, sql, DB_I(f->incident), DB_I(f->all_attempts),
			  DB_T(f->environment ? f->environment : ""), DB_T(f->service ? f->service : ""));
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) > 0) {
		struct task t;
		rc = read_task(tx, rows, &t);
		if (!rc)
			rc = visit(&t, data);
		if (rc)
			return rc;
	}
	return rc;
}

int task_each_stuck(struct transaction *tx, int64_t incident, int64_t limit, int (*visit)(const struct task *, void *),
		    void *data)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(
		tx, &rows,
		"SELECT " COLUMNS NO_RESULTS " FROM task WHERE incident = $1 AND is_current = 1 AND "
		"state IN ('blocked', 'failed') ORDER BY state DESC, environment, service, model, target LIMIT $2",
		DB_I(incident), DB_I(limit));
	if (rc)
		return rc;
	while ((rc = rows_next(rows)) > 0) {
		struct task t;
		rc = read_task(tx, rows, &t);
		if (!rc)
			rc = visit(&t, data);
		if (rc)
			return rc;
	}
	return rc;
}

/* ── release plans ── */

#define PLAN_COLUMNS                                                                                                  \
	"incident, service, environment, tasks, planned, building, built, proven, failed, blocked, release, parent, " \
	"published_at, held_reason, is_drill"

static int read_plan(struct transaction *tx, struct db_rows *rows, struct arena *a, struct release_plan *ret)
{
	*ret = (struct release_plan){ .incident = rows_i64(rows, 0),
				      .tasks = rows_i64(rows, 3),
				      .planned = rows_i64(rows, 4),
				      .building = rows_i64(rows, 5),
				      .built = rows_i64(rows, 6),
				      .proven = rows_i64(rows, 7),
				      .failed = rows_i64(rows, 8),
				      .blocked = rows_i64(rows, 9),
				      .published_at = rows_time(rows, 12),
				      .is_drill = rows_i64(rows, 14) != 0 };
	struct span *const texts[] = { &ret->service, &ret->environment, &ret->release, &ret->parent,
				       &ret->held_reason };
	static const int columns[] = { 1, 2, 10, 11, 13 };
	for (size_t i = 0; i < RF_COUNT(texts); i++) {
		*texts[i] = arena_span(a, rows_text(rows, columns[i]));
		if (!texts[i]->p)
			return err_set(tx_err(tx), RF_ENOMEM, "no memory for a release plan");
	}
	return 0;
}

int release_plan_list(struct transaction *tx, int64_t incident, struct arena *a, struct release_plan **ret,
		      size_t *ret_count)
{
	int64_t count;
	int rc = TX_I64(tx, &count, "SELECT COUNT(*) FROM release_plan WHERE incident = $1", DB_I(incident));
	if (rc)
		return rc;
	struct release_plan *list = arena_array(a, (size_t)count + 1, sizeof *list);
	if (!list)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for %lld release plans", (long long)count);
	RF_AUTO_ROWS rows = NULL;
	rc = TX_QUERY(tx, &rows,
		      "SELECT " PLAN_COLUMNS " FROM release_plan WHERE incident = $1 ORDER BY service, environment",
		      DB_I(incident));
	if (rc)
		return rc;
	size_t n = 0;
	while ((rc = rows_next(rows)) > 0 && n < (size_t)count) {
		rc = read_plan(tx, rows, a, &list[n]);
		if (rc)
			return rc;
		n++;
	}
	if (rc < 0)
		return rc;
	*ret = list;
	*ret_count = n;
	return 0;
}

int release_plan_get(struct transaction *tx, int64_t incident, struct span service, struct span environment,
		     struct arena *a, struct release_plan *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(tx, &rows,
			  "SELECT " PLAN_COLUMNS
			  " FROM release_plan WHERE incident = $1 AND service = $2 AND environment = $3",
			  DB_I(incident), DB_S(service), DB_S(environment));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "incident %lld plans no release for %.*s in %.*s",
			       (long long)incident, SPAN_ARG(service), SPAN_ARG(environment));
	return read_plan(tx, rows, a, ret);
}

int release_plan_generation(struct transaction *tx, int64_t incident, struct span service, struct span environment,
			    int64_t *ret)
{
	return TX_I64(tx, ret,
		      "SELECT generation FROM release_plan WHERE incident = $1 AND service = $2 AND environment = $3",
		      DB_I(incident), DB_S(service), DB_S(environment));
}

int release_plan_name(struct transaction *tx, int64_t incident, struct span service, struct span environment,
		      const char *name, const char *parent, struct arena *a, struct release_plan *ret)
{
	int rc = TX_RUN(tx,
			"UPDATE release_plan SET release = $4, parent = $5 WHERE incident = $1 AND service = $2 AND "
			"environment = $3 "
			"AND release = ''",
			DB_I(incident), DB_S(service), DB_S(environment), DB_T(name), DB_T(parent));
	return rc ? rc : release_plan_get(tx, incident, service, environment, a, ret);
}

int release_plan_published(struct transaction *tx, int64_t incident, struct span service, struct span environment)
{
	int64_t changed = 0;
	int rc = tx_exec(
		tx,
		"UPDATE release_plan SET published_at = $4, held_reason = '' WHERE incident = $1 AND service = $2 "
		"AND environment = $3 AND published_at IS NULL",
		(const struct db_value[]){ DB_I(incident), DB_S(service), DB_S(environment), DB_TIME(tx_now(tx)) }, 4,
		&changed);
	if (rc || !changed)
		return rc;
	return TX_RUN(
		tx,
		"UPDATE incident_environment SET published = published + 1 WHERE incident = $1 AND environment = $2",
		DB_I(incident), DB_S(environment));
}

int release_plan_held(struct transaction *tx, int64_t incident, struct span service, struct span environment,
		      const char *reason)
{
	return TX_RUN(
		tx,
		"UPDATE release_plan SET held_reason = $4 WHERE incident = $1 AND service = $2 AND environment = $3 "
		"AND published_at IS NULL",
		DB_I(incident), DB_S(service), DB_S(environment), DB_T(reason));
}
