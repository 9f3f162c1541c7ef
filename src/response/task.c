/* Task rows and the one door of their machine (task.h). */
#include "response/task.h"

#include "format/json.h"
#include "ledger/ledger.h"
#include "response/incident_int.h"
#include "response/task_int.h"
#include "work/work.h"

/* Failures of the passing kind (out of time, an I/O error) before a task counts as failed. */
#define TASK_ATTEMPTS 3

/* Names of services, environments, models and targets; a model without a recipe goes by its path, cut at the front. */
#define TASK_TEXT (TASK_NAME_MAX + 1)

/* What the door looks at. */
struct row {
	int64_t id, incident, attempt, round;
	char service[TASK_TEXT], environment[TASK_TEXT], model[TASK_TEXT], target[TASK_TEXT];
	enum task_state state;
	bool is_current, is_drill;
};

/* ── counts ── */

/* Adds @delta to the count of @state in both rows of counts. */
static int count(struct transaction *tx, const struct row *r, enum task_state state, int delta, int tasks_delta)
{
	char sql[256];
	const char *s = task_state_name(state);
	snprintf(sql, sizeof sql,
		 "UPDATE release_plan SET %s = %s + $4, tasks = tasks + $5 WHERE incident = $1 AND service = $2 AND "
		 "environment = $3",
		 s, s);
	int rc = TX_RUN(tx, sql, DB_I(r->incident), DB_T(r->service), DB_T(r->environment), DB_I(delta),
			DB_I(tasks_delta));
	if (rc)
		return rc;
	snprintf(sql, sizeof sql,
		 "UPDATE incident_environment SET %s = %s + $3, tasks = tasks + $4 WHERE incident = $1 AND environment "
		 "= $2",
		 s, s);
	return TX_RUN(tx, sql, DB_I(r->incident), DB_T(r->environment), DB_I(delta), DB_I(tasks_delta));
}

/* One statement a table for a change of state: what happens most often. */
static int count_move(struct transaction *tx, const struct row *r, enum task_state to)
{
	char sql[256];
	const char *f = task_state_name(r->state), *t = task_state_name(to);
	snprintf(sql, sizeof sql,
		 "UPDATE release_plan SET %s = %s - 1, %s = %s + 1 WHERE incident = $1 AND service = $2 AND "
		 "environment = $3",
		 f, f, t, t);
	int rc = TX_RUN(tx, sql, DB_I(r->incident), DB_T(r->service), DB_T(r->environment));
	if (rc)
		return rc;
	snprintf(sql, sizeof sql,
		 "UPDATE incident_environment SET %s = %s - 1, %s = %s + 1 WHERE incident = $1 AND environment = $2", f,
		 f, t, t);
	return TX_RUN(tx, sql, DB_I(r->incident), DB_T(r->environment));
}

/* ── what a state wants done ── */

static int enqueue_task(struct transaction *tx, const struct row *r, const char *kind, int priority)
{
	char key[96], payload[64];
	snprintf(key, sizeof key, "%s/%lld/%lld", kind, (long long)r->id, (long long)r->round);
	snprintf(payload, sizeof payload, "{\"task\":%lld}", (long long)r->id);
	return work_enqueue(tx,
			    &(struct work_request){ .kind = kind,
						    .key = key,
						    .payload = span_of(payload),
						    .priority = priority,
						    .not_before = USEC_NONE,
						    .max_attempts = TASK_ATTEMPTS },
			    NULL, NULL);
}

/* Publishing waits for the last engine of its release: all proven, none blocked or failed, and the plan whole. */
static int enqueue_publish_if_complete(struct transaction *tx, int64_t incident, const char *service,
				       const char *environment)
{
	int64_t generation;
	int rc = TX_I64(tx, &generation,
			"SELECT generation FROM release_plan WHERE incident = $1 AND service = $2 AND environment = $3 "
			"AND plan_complete = 1 AND tasks > 0 AND proven = tasks AND published_at IS NULL",
			DB_I(incident), DB_T(service), DB_T(environment));
	if (rc)
		return rc == RF_ENOTFOUND ? 0 : rc;
	char key[640];
	snprintf(key, sizeof key, WORK_PUBLISH "/%lld/%s/%s/%lld", (long long)incident, service, environment,
		 (long long)generation);
	RF_AUTO(str) payload = STR_INIT(4 * KIB);
	struct json_out o = json_out(&payload, false);
	json_object(&o);
	json_member_i64(&o, "incident", incident);
	json_member(&o, "service", service);
	json_member(&o, "environment", environment);
	json_object_end(&o);
	rc = str_check(&payload, "publish item", tx_err(tx));
	if (rc)
		return rc;
	return work_enqueue(tx,
			    &(struct work_request){ .kind = WORK_PUBLISH,
						    .key = key,
						    .payload = str_span(&payload),
						    .priority = 5,
						    .not_before = USEC_NONE,
						    .max_attempts = TASK_ATTEMPTS },
			    NULL, NULL);
}

int release_plan_withdrawn(struct transaction *tx, int64_t incident, const char *service, const char *environment)
{
	int rc = TX_RUN(tx,
			"UPDATE release_plan SET release = '', parent = '', generation = generation + 1 WHERE incident = $1 "
			"AND service = $2 AND environment = $3 AND published_at IS NULL",
			DB_I(incident), DB_T(service), DB_T(environment));
	return rc ? rc : enqueue_publish_if_complete(tx, incident, service, environment);
}

int release_plan_is_whole(struct transaction *tx, int64_t incident, const char *service, const char *environment,
			  const char *name, int64_t count, int64_t newest, bool *ret)
{
	int64_t n, found, last = 0;
	int rc = TX_I64(tx, &n,
			"SELECT COUNT(*) FROM release_plan WHERE incident = $1 AND service = $2 AND environment = $3 AND "
			"release = $4 AND proven = tasks AND tasks = $5 AND published_at IS NULL",
			DB_I(incident), DB_T(service), DB_T(environment), DB_T(name), DB_I(count));
	if (!rc)
		rc = TX_I64(tx, &found,
			    "SELECT COUNT(*) FROM task WHERE incident = $1 AND environment = $2 AND service = $3 AND "
			    "is_current = 1",
			    DB_I(incident), DB_T(environment), DB_T(service));
	if (!rc)
		rc = TX_I64(tx, &last,
			    "SELECT COALESCE(MAX(id), 0) FROM task WHERE incident = $1 AND environment = $2 AND service "
			    "= $3 AND is_current = 1",
			    DB_I(incident), DB_T(environment), DB_T(service));
	*ret = !rc && n == 1 && found == count && last == newest;
	return rc;
}

static int enter(struct transaction *tx, const struct row *r, enum task_state to, const char *actor)
{
	int rc = 0;
	if (to == TASK_PLANNED)
		rc = enqueue_task(tx, r, WORK_BUILD, 10);
	else if (to == TASK_BUILT)
		rc = enqueue_task(tx, r, WORK_PROVE, 20);
	else if (to == TASK_PROVEN)
		rc = enqueue_publish_if_complete(tx, r->incident, r->service, r->environment);
	if (!rc && (to == TASK_PROVEN || to == TASK_PLANNED))
		rc = incident_evaluate_stages(tx, r->incident, r->environment, actor);
	return rc;
}

/* ── the ledger ── */

struct task_record {
	const char *verb, *actor, *reason, *owner;
	struct span evidence;
	bool birth;
};

static int record(struct transaction *tx, const struct row *r, const struct task_record *t)
{
	RF_AUTO(str) body = STR_INIT(LEDGER_MAX_BODY);
	struct json_out o = json_out(&body, false);
	json_object(&o);
	json_member_i64(&o, "incident", r->incident);
	json_member(&o, "service", r->service);
	json_member(&o, "environment", r->environment);
	json_member(&o, "model", r->model);
	json_member(&o, "target", r->target);
	json_member_i64(&o, "attempt", r->attempt);
	if (!t->birth)
		json_member(&o, "from", task_state_name(r->state));
	if (r->is_drill)
		json_member_bool(&o, "drill", true);
	if (t->reason)
		json_member(&o, "reason", t->reason);
	if (t->owner)
		json_member(&o, "owner", t->owner);
	json_key(&o, "evidence");
	json_put_raw(&o, t->evidence.n ? t->evidence : SPAN("{}"));
	json_object_end(&o);
	int rc = str_check(&body, "task record", tx_err(tx));
	if (rc)
		return rc;
	char kind[64], subject[64];
	snprintf(kind, sizeof kind, "task.%s", t->verb);
	snprintf(subject, sizeof subject, "task/%lld", (long long)r->id);
	return ledger_append(tx, &(struct ledger_entry){ kind, subject, t->actor, str_span(&body) });
}

/* ── the door ── */

static void copy_text(char *to, size_t size, struct span from)
{
	snprintf(to, size, "%.*s", SPAN_ARG(from));
}

static int load_row(struct transaction *tx, int64_t id, struct row *ret)
{
	RF_AUTO_ROWS rows = NULL;
	int rc = TX_QUERY(
		tx, &rows,
		"SELECT incident, service, environment, model, target, attempt, state, round, is_current, is_drill "
		"FROM task WHERE id = $1",
		DB_I(id));
	if (rc)
		return rc;
	rc = rows_next(rows);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(tx_err(tx), RF_ENOTFOUND, "there is no task %lld", (long long)id);
	*ret = (struct row){ .id = id,
			     .incident = rows_i64(rows, 0),
			     .attempt = rows_i64(rows, 5),
			     .round = rows_i64(rows, 7),
			     .is_current = rows_i64(rows, 8) != 0,
			     .is_drill = rows_i64(rows, 9) != 0 };
	copy_text(ret->service, sizeof ret->service, rows_text(rows, 1));
	copy_text(ret->environment, sizeof ret->environment, rows_text(rows, 2));
	copy_text(ret->model, sizeof ret->model, rows_text(rows, 3));
	copy_text(ret->target, sizeof ret->target, rows_text(rows, 4));
	if (!task_state_read(rows_text(rows, 6), &ret->state))
		return err_set(tx_err(tx), RF_EINTERNAL, "task %lld has an unknown state", (long long)id);
	return 0;
}

static int write_state(struct transaction *tx, const struct row *r, const struct task_change *c)
{
	usec_t now = tx_now(tx);
	int rc = TX_RUN(
		tx, "UPDATE task SET state = $2, changed_at = $3, reason = $4, owner = $5, round = $6 WHERE id = $1",
		DB_I(r->id), DB_T(task_state_name(c->to)), DB_TIME(now), DB_T(c->reason ? c->reason : ""),
		DB_T(c->owner ? c->owner : ""), DB_I(r->round));
	if (!rc && c->to == TASK_BUILT)
		rc = TX_RUN(tx,
			    "UPDATE task SET new_digest = $2, new_bytes = $3, built_at = $4, build_usec = $5, "
			    "build_result = $6 "
			    "WHERE id = $1",
			    DB_I(r->id), DB_T(c->new_digest ? c->new_digest : ""), DB_I(c->new_bytes), DB_TIME(now),
			    DB_I(c->duration_usec), DB_S(c->build_result.n ? c->build_result : SPAN("")));
	if (!rc && c->proof_result.n)
		rc = TX_RUN(tx, "UPDATE task SET proof_result = $2, prove_usec = $3 WHERE id = $1", DB_I(r->id),
			    DB_S(c->proof_result), DB_I(c->duration_usec));
	if (!rc && c->to == TASK_PROVEN)
		rc = TX_RUN(tx, "UPDATE task SET proven_at = $2 WHERE id = $1", DB_I(r->id), DB_TIME(now));
	return rc;
}

static int check_words(struct transaction *tx, enum task_state to, const char *reason, const char *owner)
{
	if ((to == TASK_FAILED || to == TASK_BLOCKED) && (!reason || !*reason))
		return err_set(tx_err(tx), RF_EINVALID, "a task is %s for a reason; none was given",
			       task_state_name(to));
	if (to == TASK_BLOCKED && (!owner || !*owner))
		return err_set(tx_err(tx), RF_EINVALID, "a blocked task has an owner who acts; none was given");
	return 0;
}

int task_set_state(struct transaction *tx, const struct task_change *c)
{
	struct row r;
	int rc = load_row(tx, c->task, &r);
	if (rc)
		return rc;
	if (!task_may(r.state, c->to))
		return err_set(tx_err(tx), RF_ESTATE, "task %lld (%s/%s) is %s and cannot become %s", (long long)r.id,
			       r.service, r.model, task_state_name(r.state), task_state_name(c->to));
	rc = check_words(tx, c->to, c->reason, c->owner);
	if (rc)
		return rc;
	if (c->to == TASK_PLANNED)
		r.round++;
	rc = write_state(tx, &r, c);
	if (!rc && r.is_current)
		rc = count_move(tx, &r, c->to);
	if (!rc)
		rc = record(tx, &r,
			    &(struct task_record){ task_state_name(c->to), c->actor, c->reason, c->owner, c->evidence,
						   false });
	if (!rc)
		rc = enter(tx, &r, c->to, c->actor);
	return rc;
}

/* ── planning ── */

static int check_names(struct transaction *tx, const struct task_birth *b)
{
	const char *const names[] = { b->service, b->environment, b->model, b->target };
	for (size_t i = 0; i < RF_COUNT(names); i++)
		if (strlen(names[i]) > TASK_NAME_MAX)
			return err_set(tx_err(tx), RF_ETOOBIG,
				       "a task's service, environment, model and target have at most %d bytes: "
				       "%.64s…",
				       TASK_NAME_MAX, names[i]);
	return 0;
}

/* The current attempt as task_plan() compares it. */
struct current {
	bool exists, same, same_engine, same_proof;
	struct row row;
};

static bool equal(const struct db_rows *rows, int column, const char *text)
{
	return span_eq_text(rows_text(rows, column), text);
}

static int load_current(struct transaction *tx, const struct task_birth *b, struct current *ret)
{
	*ret = (struct current){ 0 };
	int64_t id = 0;
	{
		RF_AUTO_ROWS rows = NULL;
		int rc = TX_QUERY(
			tx, &rows,
			"SELECT id, to_version, build_digest, engine_digest, proof_digest, reason, owner FROM task "
			"WHERE incident = $1 "
			"AND environment = $2 AND service = $3 AND model = $4 AND target = $5 AND is_current = 1",
			DB_I(b->incident), DB_T(b->environment), DB_T(b->service), DB_T(b->model), DB_T(b->target));
		if (rc)
			return rc;
		rc = rows_next(rows);
		if (rc <= 0)
			return rc;
		id = rows_i64(rows, 0);
		ret->exists = true;
		ret->same_proof = equal(rows, 4, b->proof_digest);
		ret->same_engine = equal(rows, 1, b->to_version) && equal(rows, 2, b->build_digest) &&
				   equal(rows, 3, b->engine_digest);
		ret->same = ret->same_engine && ret->same_proof &&
			    equal(rows, 5, b->blocked_reason ? b->blocked_reason : "") &&
			    equal(rows, 6, b->blocked_reason ? b->blocked_owner : "");
	}
	return load_row(tx, id, &ret->row);
}

/* The release's row; engines added behind a published release make another one. */
static int prepare_release(struct transaction *tx, const struct task_birth *b)
{
	int64_t inserted = 0;
	int rc = tx_exec(tx,
			 "INSERT INTO release_plan (incident, service, environment, is_drill, plan_complete, "
			 "generation, tasks, planned, "
			 "building, built, proven, failed, blocked, release, parent, held_reason) "
			 "VALUES ($1, $2, $3, $4, 0, 1, 0, 0, 0, 0, 0, 0, 0, '', '', '') ON CONFLICT DO NOTHING",
			 (const struct db_value[]){ DB_I(b->incident), DB_T(b->service), DB_T(b->environment),
						    DB_I(b->is_drill) },
			 4, &inserted);
	if (!rc && inserted)
		return TX_RUN(tx,
			      "UPDATE incident_environment SET releases = releases + 1 WHERE incident = $1 AND "
			      "environment = $2",
			      DB_I(b->incident), DB_T(b->environment));
	int64_t again = 0;
	if (!rc)
		rc = tx_exec(tx,
			     "UPDATE release_plan SET published_at = NULL, release = '', parent = '', generation = "
			     "generation + 1 "
			     "WHERE incident = $1 AND service = $2 AND environment = $3 AND published_at IS NOT NULL",
			     (const struct db_value[]){ DB_I(b->incident), DB_T(b->service), DB_T(b->environment) }, 3,
			     &again);
	if (!rc && again)
		rc = TX_RUN(tx,
			    "UPDATE incident_environment SET published = published - 1 WHERE incident = $1 AND "
			    "environment = $2",
			    DB_I(b->incident), DB_T(b->environment));
	return rc;
}

static int insert_task(struct transaction *tx, const struct task_birth *b, int64_t attempt, int64_t *ret_id)
{
	enum task_state state = b->blocked_reason ? TASK_BLOCKED : TASK_PLANNED;
	return TX_I64(tx, ret_id,
		      "INSERT INTO task (incident, service, environment, model, target, attempt, is_current, state, "
		      "round, is_drill, "
		      "toolchain, from_version, to_version, engine_path, engine_digest, engine_bytes, new_digest, "
		      "new_bytes, build_digest, "
		      "proof_digest, memory_bytes, reason, owner, created_at, changed_at, build_usec, prove_usec, "
		      "plan, build_result, "
		      "proof_result) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, 1, $8, $9, $10, $11, $12, $13, $14, '', 0, "
		      "$15, $16, $17, "
		      "$18, $19, $20, $20, 0, 0, $21, '', '') RETURNING id",
		      DB_I(b->incident), DB_T(b->service), DB_T(b->environment), DB_T(b->model), DB_T(b->target),
		      DB_I(attempt), DB_T(task_state_name(state)), DB_I(b->is_drill), DB_T(b->toolchain),
		      DB_T(b->from_version), DB_T(b->to_version), DB_B(span_of(b->engine_path)), DB_T(b->engine_digest),
		      DB_I(b->engine_bytes), DB_T(b->build_digest), DB_T(b->proof_digest), DB_I(b->memory_bytes),
		      DB_T(b->blocked_reason ? b->blocked_reason : ""), DB_T(b->blocked_reason ? b->blocked_owner : ""),
		      DB_TIME(tx_now(tx)), DB_S(b->plan.n ? b->plan : SPAN("{}")));
}

/* The birth of an attempt, with its counts, record and work. */
static int give_birth(struct transaction *tx, const struct task_birth *b, int64_t attempt, int64_t *ret_id)
{
	enum task_state state = b->blocked_reason ? TASK_BLOCKED : TASK_PLANNED;
	int rc = incident_environment_make(tx, b->incident, b->environment);
	if (!rc)
		rc = prepare_release(tx, b);
	struct row r = { .incident = b->incident,
			 .attempt = attempt,
			 .round = 1,
			 .state = state,
			 .is_current = true,
			 .is_drill = b->is_drill };
	if (!rc)
		rc = insert_task(tx, b, attempt, &r.id);
	if (rc)
		return rc;
	copy_text(r.service, sizeof r.service, span_of(b->service));
	copy_text(r.environment, sizeof r.environment, span_of(b->environment));
	copy_text(r.model, sizeof r.model, span_of(b->model));
	copy_text(r.target, sizeof r.target, span_of(b->target));
	rc = count(tx, &r, state, 1, 1);
	if (!rc)
		rc = record(tx, &r,
			    &(struct task_record){ task_state_name(state), b->actor, b->blocked_reason,
						   b->blocked_reason ? b->blocked_owner : NULL, b->plan, true });
	if (!rc)
		rc = enter(tx, &r, state, b->actor);
	if (!rc)
		*ret_id = r.id;
	return rc;
}

/* A release of no engine is none. */
static int drop_empty_release(struct transaction *tx, const struct row *r)
{
	int64_t gone = 0;
	int rc = tx_exec(tx,
			 "DELETE FROM release_plan WHERE incident = $1 AND service = $2 AND environment = $3 AND tasks = 0 "
			 "AND published_at IS NULL",
			 (const struct db_value[]){ DB_I(r->incident), DB_T(r->service), DB_T(r->environment) }, 3, &gone);
	if (rc || !gone)
		return rc;
	return TX_RUN(tx,
		      "UPDATE incident_environment SET releases = releases - 1 WHERE incident = $1 AND environment = $2",
		      DB_I(r->incident), DB_T(r->environment));
}

int task_retire(struct transaction *tx, int64_t id, const char *actor)
{
	struct row r;
	int rc = load_row(tx, id, &r);
	if (rc || !r.is_current || (r.state != TASK_FAILED && r.state != TASK_BLOCKED))
		return rc;
	rc = TX_RUN(tx, "UPDATE task SET is_current = 0 WHERE id = $1", DB_I(id));
	if (!rc)
		rc = count(tx, &r, r.state, -1, -1);
	if (!rc)
		rc = record(tx, &r,
			    &(struct task_record){ "retired", actor, "its engine is not exposed any more", NULL, SPAN_NONE,
						   false });
	return rc ? rc : drop_empty_release(tx, &r);
}

static int next_attempt(struct transaction *tx, const struct task_birth *b, const struct row *old, int64_t *ret_id)
{
	int rc = TX_RUN(tx, "UPDATE task SET is_current = 0 WHERE id = $1", DB_I(old->id));
	if (!rc)
		rc = count(tx, old, old->state, -1, -1);
	return rc ? rc : give_birth(tx, b, old->attempt + 1, ret_id);
}

/* A task that has not begun takes what the plan says now. */
static int refresh(struct transaction *tx, const struct task_birth *b, const struct row *r)
{
	int rc = TX_RUN(
		tx,
		"UPDATE task SET toolchain = $2, from_version = $3, to_version = $4, engine_path = $5, engine_digest = "
		"$6, "
		"engine_bytes = $7, build_digest = $8, proof_digest = $9, memory_bytes = $10, plan = $11 WHERE id = $1",
		DB_I(r->id), DB_T(b->toolchain), DB_T(b->from_version), DB_T(b->to_version),
		DB_B(span_of(b->engine_path)), DB_T(b->engine_digest), DB_I(b->engine_bytes), DB_T(b->build_digest),
		DB_T(b->proof_digest), DB_I(b->memory_bytes), DB_S(b->plan.n ? b->plan : SPAN("{}")));
	if (rc)
		return rc;
	if (r->state == TASK_BLOCKED && b->blocked_reason)
		rc = TX_RUN(tx, "UPDATE task SET reason = $2, owner = $3, changed_at = $4 WHERE id = $1", DB_I(r->id),
			    DB_T(b->blocked_reason), DB_T(b->blocked_owner), DB_TIME(tx_now(tx)));
	if (rc)
		return rc;
	if ((r->state == TASK_BLOCKED) == (b->blocked_reason != NULL))
		return record(tx, r,
			      &(struct task_record){ "replanned", b->actor, b->blocked_reason,
						     b->blocked_reason ? b->blocked_owner : NULL, b->plan, false });
	return task_set_state(tx, &(struct task_change){ .task = r->id,
							 .to = b->blocked_reason ? TASK_BLOCKED : TASK_PLANNED,
							 .actor = b->actor,
							 .reason = b->blocked_reason,
							 .owner = b->blocked_owner,
							 .evidence = b->plan });
}

int task_plan(struct transaction *tx, const struct task_birth *b, int64_t *ret_id, bool *ret_new)
{
	int rc = check_words(tx, b->blocked_reason ? TASK_BLOCKED : TASK_PLANNED, b->blocked_reason, b->blocked_owner);
	if (!rc)
		rc = check_names(tx, b);
	if (rc)
		return rc;
	struct current c;
	rc = load_current(tx, b, &c);
	if (rc)
		return rc;
	int64_t id = c.row.id;
	bool written = true;
	enum task_state s = c.row.state;
	if (!c.exists)
		rc = give_birth(tx, b, 1, &id);
	else if ((s == TASK_PLANNED || s == TASK_BLOCKED) && !c.same)
		rc = refresh(tx, b, &c.row);
	else if ((s == TASK_PROVEN && !c.same_engine) ||
		 (s == TASK_FAILED && (!c.same_engine || !c.same_proof || b->retry)))
		rc = next_attempt(tx, b, &c.row, &id);
	else
		written = false;
	if (rc)
		return rc;
	if (ret_id)
		*ret_id = id;
	if (ret_new)
		*ret_new = written;
	return 0;
}

/* Services of an incident: few, beside its tasks. */
struct group {
	char service[TASK_TEXT], environment[TASK_TEXT];
};

static int list_groups(struct transaction *tx, int64_t incident, struct arena *a, struct group **ret, size_t *ret_count)
{
	int64_t count;
	int rc = TX_I64(tx, &count, "SELECT COUNT(*) FROM release_plan WHERE incident = $1", DB_I(incident));
	if (rc)
		return rc;
	struct group *list = arena_array(a, (size_t)count + 1, sizeof *list);
	if (!list)
		return err_set(tx_err(tx), RF_ENOMEM, "no memory for %lld releases", (long long)count);
	RF_AUTO_ROWS rows = NULL;
	rc = TX_QUERY(tx, &rows,
		      "SELECT service, environment FROM release_plan WHERE incident = $1 ORDER BY service, environment",
		      DB_I(incident));
	if (rc)
		return rc;
	size_t n = 0;
	while ((rc = rows_next(rows)) > 0 && n < (size_t)count) {
		copy_text(list[n].service, sizeof list[n].service, rows_text(rows, 0));
		copy_text(list[n].environment, sizeof list[n].environment, rows_text(rows, 1));
		n++;
	}
	*ret = list;
	*ret_count = n;
	return rc < 0 ? rc : 0;
}

int task_plan_complete(struct transaction *tx, int64_t incident, const char *actor)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	int rc = TX_RUN(tx, "UPDATE release_plan SET plan_complete = 1 WHERE incident = $1", DB_I(incident));
	if (!rc)
		rc = TX_RUN(tx, "UPDATE incident_environment SET plan_complete = 1 WHERE incident = $1",
			    DB_I(incident));
	if (!rc)
		rc = TX_RUN(tx,
			    "UPDATE release_plan SET held_reason = '', release = '', parent = '', generation = "
			    "generation + 1 "
			    "WHERE incident = $1 AND held_reason <> '' AND published_at IS NULL",
			    DB_I(incident));
	struct group *groups = NULL;
	size_t n = 0;
	if (!rc)
		rc = list_groups(tx, incident, &a, &groups, &n);
	for (size_t i = 0; !rc && i < n; i++) {
		rc = enqueue_publish_if_complete(tx, incident, groups[i].service, groups[i].environment);
		if (!rc && (i == 0 || strcmp(groups[i].environment, groups[i - 1].environment)))
			rc = incident_evaluate_stages(tx, incident, groups[i].environment, actor);
	}
	return rc;
}
