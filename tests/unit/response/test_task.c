/*
 * The doors of incidents and tasks on a real database: what a transition writes, counts, records and enqueues; what
 * planning again changes; that a part of a plan publishes nothing.
 */
#include "response/incident.h"
#include "response/incident_int.h"
#include "response/task.h"
#include "response/task_int.h"

#include "ledger/ledger.h"
#include "work/work.h"

#include "testing.h"

struct fixture {
	struct database *db;
	struct arena a;
	int64_t incident;
	int (*step)(struct transaction *tx, struct fixture *f);
};

static int run_step(struct transaction *tx, void *data)
{
	struct fixture *f = data;
	return f->step(tx, f);
}

static int try(struct fixture *f, int (*step)(struct transaction *, struct fixture *), struct err *err)
{
	f->step = step;
	*err = ERR_INIT;
	return database_transact(f->db, DB_WRITE, run_step, f, err);
}

static void must(struct fixture *f, int (*step)(struct transaction *, struct fixture *))
{
	struct err err;
	assert_ok(try(f, step, &err), &err);
}

static const char *const ADVISORIES[] = { "DRILL-2026-001", "DRILL-2026-002" };

static int open_one(struct transaction *tx, struct fixture *f)
{
	bool is_new;
	int rc = incident_open(tx,
			       &(struct incident_birth){ .advisories = ADVISORIES,
							 .advisory_count = 1,
							 .is_drill = true,
							 .t0 = 1000,
							 .t0_source = "published",
							 .published_at = 1000,
							 .actor = "user:test@host" },
			       &f->incident, &is_new);
	return rc ? rc : incident_confirm(tx, f->incident, "production", "user:test@host");
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct err err = ERR_INIT;
	f->a = ARENA_INIT(16 * MIB);
	static const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS, &WORK_MIGRATIONS,
							    &RESPONSE_MIGRATIONS };
	char folder[] = "/tmp/reforge-test-task-XXXXXX";
	if (!mkdtemp(folder))
		return -1;
	if (database_open("test.db", folder, &f->db, &err) || database_migrate(f->db, sets, RF_COUNT(sets), &err)) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	*state = f;
	must(f, open_one);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	database_close(f->db);
	arena_release(&f->a);
	free(f);
	return 0;
}

/* ── helpers ── */

static struct task_birth birth_of(const struct fixture *f, const char *model)
{
	return (struct task_birth){ .incident = f->incident,
				    .service = "reading",
				    .environment = "production",
				    .model = model,
				    .target = "linux-x86_64/cpu-avx512",
				    .toolchain = "onnxruntime",
				    .from_version = "1.20.1",
				    .to_version = "1.21.1",
				    .engine_path = "/srv/x.onnx",
				    .engine_digest = "aa",
				    .build_digest = "bb",
				    .proof_digest = "cc",
				    .actor = "user:test@host",
				    .is_drill = true };
}

static int64_t scalar(struct transaction *tx, const char *sql)
{
	int64_t v = -1;
	int rc = tx_one_i64(tx, &v, sql, NULL, 0);
	return rc ? -1 : v;
}

static int plan_two(struct transaction *tx, struct fixture *f)
{
	struct task_birth a = birth_of(f, "det"), b = birth_of(f, "rec");
	int64_t id;
	bool written;
	int rc = task_plan(tx, &a, &id, &written);
	if (!rc && (!written || id != 1))
		rc = RF_EINTERNAL;
	if (!rc)
		rc = task_plan(tx, &b, &id, &written);
	/* the same again writes nothing */
	if (!rc)
		rc = task_plan(tx, &a, &id, &written);
	if (!rc && (written || id != 1))
		rc = RF_EINTERNAL;
	return rc;
}

static int complete(struct transaction *tx, struct fixture *f)
{
	return task_plan_complete(tx, f->incident, "user:test@host");
}

static int move(struct transaction *tx, int64_t task, enum task_state to)
{
	struct task_change c = { .task = task,
				 .to = to,
				 .actor = "reforge:response",
				 .reason = "because",
				 .owner = "someone",
				 .new_digest = "dd",
				 .new_bytes = 5,
				 .duration_usec = 7,
				 .build_result = SPAN("{\"b\":1}"),
				 .proof_result = to == TASK_PROVEN ? SPAN("{\"p\":1}") : SPAN_NONE };
	return task_set_state(tx, &c);
}

static int to_proven(struct transaction *tx, int64_t task)
{
	int rc = move(tx, task, TASK_BUILDING);
	if (!rc)
		rc = move(tx, task, TASK_BUILT);
	return rc ? rc : move(tx, task, TASK_PROVEN);
}

static int prove_first(struct transaction *tx, struct fixture *f)
{
	(void)f;
	return to_proven(tx, 1);
}

static int prove_second(struct transaction *tx, struct fixture *f)
{
	(void)f;
	return to_proven(tx, 2);
}

static int publish_items(struct transaction *tx)
{
	struct work_counts c;
	return work_count(tx, WORK_PUBLISH, &c) ? -1 : (int)(c.waiting + c.leased + c.done + c.failed);
}

/* ── tests ── */

static int look_published(struct transaction *tx, struct fixture *f)
{
	struct incident i;
	int rc = incident_get(tx, f->incident, &f->a, &i);
	if (rc)
		return rc;
	assert_int_equal(i.environment_count, 1);
	const struct incident_environment *e = &i.environments[0];
	assert_int_equal(e->tasks, 2);
	assert_int_equal(e->proven, 2);
	assert_int_equal(e->planned + e->building + e->built + e->failed + e->blocked, 0);
	assert_int_equal(e->releases, 1);
	assert_true(e->reached[CLOCK_ENVIRONMENT] != USEC_NONE);
	assert_true(e->reached[CLOCK_REBUILD] != USEC_NONE);
	assert_true(e->reached[CLOCK_CANARY] == USEC_NONE);
	assert_int_equal(incident_stage(&i), CLOCK_CANARY);
	assert_int_equal(publish_items(tx), 1);
	/* opened, 4 stages… confirm, environment, rebuild; two births, six transitions */
	assert_int_equal(scalar(tx, "SELECT COUNT(*) FROM ledger_waiting WHERE kind = 'task.proven'"), 2);
	assert_int_equal(scalar(tx, "SELECT COUNT(*) FROM ledger_waiting WHERE kind = 'incident.stage_reached'"), 3);
	return 0;
}

static void the_last_proven_engine_publishes(void **state)
{
	struct fixture *f = *state;
	must(f, plan_two);
	must(f, complete);
	must(f, prove_first);
	must(f, prove_second);
	must(f, look_published);
}

static int look_nothing(struct transaction *tx, struct fixture *f)
{
	(void)f;
	assert_int_equal(publish_items(tx), 0);
	assert_int_equal(scalar(tx, "SELECT COUNT(*) FROM ledger_waiting WHERE kind = 'incident.stage_reached'"), 1);
	return 0;
}

static int look_one_item(struct transaction *tx, struct fixture *f)
{
	(void)f;
	assert_int_equal(publish_items(tx), 1);
	return 0;
}

static void a_part_of_a_plan_publishes_nothing(void **state)
{
	struct fixture *f = *state;
	must(f, plan_two);
	must(f, prove_first);
	must(f, prove_second);
	must(f, look_nothing);
	must(f, complete);
	must(f, look_one_item);
	must(f, complete);
	must(f, look_one_item);
}

static int publish_waiting(struct transaction *tx)
{
	struct work_counts c;
	return work_count(tx, WORK_PUBLISH, &c) ? -1 : (int)c.waiting;
}

/* Proven, and its release waiting; then the recipe changes before anybody publishes. */
static int plan_first_with_another_recipe(struct transaction *tx, struct fixture *f)
{
	struct task_birth b = birth_of(f, "det");
	b.build_digest = "b2";
	return task_plan(tx, &b, NULL, NULL);
}

static int withdraw(struct transaction *tx, struct fixture *f)
{
	char key[] = "";
	struct work_item item = { .id = scalar(tx, "SELECT id FROM work_item WHERE kind = 'publish' AND state = 0"), .fence = 1, .key = key };
	int rc = TX_RUN(tx, "UPDATE work_item SET state = 1, fence = 1 WHERE id = $1", DB_I(item.id));
	if (!rc)
		rc = work_done(tx, &item);
	return rc ? rc : release_plan_withdrawn(tx, f->incident, "reading", "production");
}

static int look_none_waits(struct transaction *tx, struct fixture *f)
{
	(void)f;
	assert_int_equal(publish_waiting(tx), 0);
	return 0;
}

static int look_one_waits(struct transaction *tx, struct fixture *f)
{
	(void)f;
	assert_int_equal(publish_waiting(tx), 1);
	return 0;
}

static int prove_third(struct transaction *tx, struct fixture *f)
{
	(void)f;
	return to_proven(tx, 3);
}

static void a_withdrawn_release_is_published_when_its_engines_are_proven_again(void **state)
{
	struct fixture *f = *state;
	must(f, plan_two);
	must(f, complete);
	must(f, prove_first);
	must(f, prove_second);
	must(f, look_one_waits);
	must(f, plan_first_with_another_recipe);
	must(f, withdraw);
	must(f, look_none_waits);
	must(f, prove_third);
	must(f, look_one_waits);
}

/* The last engine came back to proven while its release was being withdrawn. */
static void a_release_withdrawn_too_late_is_not_lost(void **state)
{
	struct fixture *f = *state;
	must(f, plan_two);
	must(f, complete);
	must(f, prove_first);
	must(f, prove_second);
	must(f, plan_first_with_another_recipe);
	must(f, prove_third);
	must(f, withdraw);
	must(f, look_one_waits);
}

static int64_t count_of_tasks, newest_task;
static int look_whole(struct transaction *tx, struct fixture *f)
{
	bool whole;
	int rc = release_plan_is_whole(tx, f->incident, "reading", "production", "", count_of_tasks, newest_task, &whole);
	return rc ? rc : whole ? 0 : RF_ESTATE;
}

/* What a release was made of is asked once more in the transaction that publishes it. */
static void a_release_made_of_older_attempts_is_not_whole(void **state)
{
	struct fixture *f = *state;
	struct err err;
	must(f, plan_two);
	must(f, complete);
	must(f, prove_first);
	must(f, prove_second);
	count_of_tasks = 2;
	newest_task = 2;
	must(f, look_whole);
	must(f, plan_first_with_another_recipe);
	assert_int_equal(try(f, look_whole, &err), RF_ESTATE);
	must(f, prove_third);
	assert_int_equal(try(f, look_whole, &err), RF_ESTATE); /* all proven, but not the ones it was made of */
	newest_task = 3;
	must(f, look_whole);
}

static int fail_first(struct transaction *tx, struct fixture *f)
{
	(void)f;
	int rc = move(tx, 1, TASK_BUILDING);
	return rc ? rc : move(tx, 1, TASK_FAILED);
}

static int plan_first_again(struct transaction *tx, struct fixture *f)
{
	struct task_birth b = birth_of(f, "det");
	bool written;
	int rc = task_plan(tx, &b, NULL, &written);
	assert_false(written);
	return rc;
}

static int plan_first_newer(struct transaction *tx, struct fixture *f)
{
	struct task_birth b = birth_of(f, "det");
	int64_t id;
	bool written;
	b.to_version = "1.22.0";
	int rc = task_plan(tx, &b, &id, &written);
	assert_true(rc || written);
	assert_true(rc || id == 3);
	return rc;
}

static int look_attempts(struct transaction *tx, struct fixture *f)
{
	struct task t;
	int rc = task_get(tx, 3, &f->a, &t);
	if (rc)
		return rc;
	assert_int_equal(t.attempt, 2);
	assert_int_equal(t.state, TASK_PLANNED);
	assert_int_equal(scalar(tx, "SELECT tasks FROM release_plan"), 2);
	assert_int_equal(scalar(tx, "SELECT failed FROM release_plan"), 0);
	assert_int_equal(scalar(tx, "SELECT planned FROM release_plan"), 1);
	assert_int_equal(scalar(tx, "SELECT proven FROM release_plan"), 1);
	assert_int_equal(scalar(tx, "SELECT COUNT(*) FROM task WHERE is_current = 1"), 2);
	return 0;
}

static int look_nothing_published(struct transaction *tx, struct fixture *f)
{
	(void)f;
	assert_int_equal(publish_items(tx), 0);
	return 0;
}

static void a_failed_engine_gets_another_attempt_when_something_changed(void **state)
{
	struct fixture *f = *state;
	must(f, plan_two);
	must(f, complete);
	must(f, fail_first);
	must(f, prove_second);
	must(f, plan_first_again);
	must(f, look_nothing_published);
	must(f, plan_first_newer);
	must(f, look_attempts);
}

static int plan_blocked(struct transaction *tx, struct fixture *f)
{
	struct task_birth b = birth_of(f, "det");
	b.blocked_reason = "no GPU";
	b.blocked_owner = "gpu-farm";
	return task_plan(tx, &b, NULL, NULL);
}

static int plan_blocked_otherwise(struct transaction *tx, struct fixture *f)
{
	struct task_birth b = birth_of(f, "det");
	b.blocked_reason = "no calibration set";
	b.blocked_owner = "vision";
	return task_plan(tx, &b, NULL, NULL);
}

static int look_replanned(struct transaction *tx, struct fixture *f)
{
	(void)f;
	assert_int_equal(scalar(tx, "SELECT COUNT(*) FROM ledger_waiting WHERE kind = 'task.replanned' AND body LIKE "
				    "'%no calibration set%' AND body LIKE '%vision%'"), 1);
	return 0;
}

static void another_reason_is_recorded(void **state)
{
	struct fixture *f = *state;
	must(f, plan_blocked);
	must(f, plan_blocked_otherwise);
	must(f, look_replanned);
	must(f, plan_blocked_otherwise);
	must(f, look_replanned);
}

static int plan_unblocked(struct transaction *tx, struct fixture *f)
{
	struct task_birth b = birth_of(f, "det");
	return task_plan(tx, &b, NULL, NULL);
}

static int look_blocked(struct transaction *tx, struct fixture *f)
{
	struct task t;
	struct work_counts c;
	int rc = task_get(tx, 1, &f->a, &t);
	if (!rc)
		rc = work_count(tx, NULL, &c);
	if (rc)
		return rc;
	assert_int_equal(t.state, TASK_BLOCKED);
	assert_true(span_eq_text(t.reason, "no GPU"));
	assert_true(span_eq_text(t.owner, "gpu-farm"));
	assert_int_equal(c.waiting, 0);
	return 0;
}

static int look_unblocked(struct transaction *tx, struct fixture *f)
{
	struct task t;
	struct work_counts c;
	int rc = task_get(tx, 1, &f->a, &t);
	if (!rc)
		rc = work_count(tx, WORK_BUILD, &c);
	if (rc)
		return rc;
	assert_int_equal(t.state, TASK_PLANNED);
	assert_int_equal(t.reason.n, 0);
	assert_int_equal(c.waiting, 1);
	assert_int_equal(scalar(tx, "SELECT blocked FROM incident_environment"), 0);
	assert_int_equal(scalar(tx, "SELECT planned FROM incident_environment"), 1);
	return 0;
}

static void blocked_goes_on_when_the_reason_is_gone(void **state)
{
	struct fixture *f = *state;
	must(f, plan_blocked);
	must(f, complete);
	must(f, look_blocked);
	must(f, plan_unblocked);
	must(f, look_unblocked);
}

static const char *wanted_model;
static int plan_wanted(struct transaction *tx, struct fixture *f)
{
	struct task_birth b = birth_of(f, wanted_model);
	return task_plan(tx, &b, NULL, NULL);
}

static int64_t wanted_task;
static enum task_state wanted_state;
static int move_wanted(struct transaction *tx, struct fixture *f)
{
	(void)f;
	return move(tx, wanted_task, wanted_state);
}

/* The door against the table, on the database: refused transitions change nothing. */
static void the_door_keeps_the_table(void **state)
{
	struct fixture *f = *state;
	static const enum task_state path[TASK_STATES][4] = {
		[TASK_PLANNED] = { TASK_STATES },
		[TASK_BUILDING] = { TASK_BUILDING, TASK_STATES },
		[TASK_BUILT] = { TASK_BUILDING, TASK_BUILT, TASK_STATES },
		[TASK_PROVEN] = { TASK_BUILDING, TASK_BUILT, TASK_PROVEN, TASK_STATES },
		[TASK_FAILED] = { TASK_BUILDING, TASK_FAILED, TASK_STATES },
		[TASK_BLOCKED] = { TASK_BLOCKED, TASK_STATES },
	};
	int64_t id = 0;
	for (int from = 0; from < TASK_STATES; from++) {
		for (int to = 0; to < TASK_STATES; to++) {
			char model[16];
			struct err err;
			snprintf(model, sizeof model, "m%d-%d", from, to);
			wanted_model = model;
			must(f, plan_wanted);
			wanted_task = ++id;
			for (int i = 0; i < 4 && path[from][i] != TASK_STATES; i++) {
				wanted_state = path[from][i];
				must(f, move_wanted);
			}
			wanted_state = (enum task_state)to;
			int rc = try(f, move_wanted, &err);
			if (rc != (task_may((enum task_state)from, (enum task_state)to) ? 0 : RF_ESTATE))
				fail_msg("%s -> %s: %s", task_state_name((enum task_state)from),
					 task_state_name((enum task_state)to), rf_error_name(rc));
		}
	}
}

static int no_reason(struct transaction *tx, struct fixture *f)
{
	(void)f;
	return task_set_state(tx,
			      &(struct task_change){ .task = 1, .to = TASK_BLOCKED, .actor = "x", .reason = "why" });
}

static int no_such_task(struct transaction *tx, struct fixture *f)
{
	(void)f;
	return move(tx, 99, TASK_BUILDING);
}

static void refusals(void **state)
{
	struct fixture *f = *state;
	struct err err;
	must(f, plan_two);
	assert_int_equal(try(f, no_reason, &err), RF_EINVALID);
	assert_int_equal(try(f, no_such_task, &err), RF_ENOTFOUND);
}

static int64_t second_incident;
static int open_both(struct transaction *tx, struct fixture *f)
{
	bool is_new;
	(void)f;
	int rc = incident_open(tx,
			       &(struct incident_birth){ .advisories = ADVISORIES,
							 .advisory_count = 2,
							 .is_drill = true,
							 .t0 = 1000,
							 .t0_source = "published",
							 .published_at = 1000,
							 .actor = "user:test@host" },
			       &second_incident, &is_new);
	assert_true(rc || !is_new);
	return rc;
}

static enum incident_state wanted_incident;
static int set_incident(struct transaction *tx, struct fixture *f)
{
	return incident_set_state(tx, &(struct incident_change){ .incident = f->incident,
								 .to = wanted_incident,
								 .reason = "reason",
								 .actor = "user:test@host" });
}

static int look_two_advisories(struct transaction *tx, struct fixture *f)
{
	struct incident i;
	int64_t found;
	int rc = incident_get(tx, f->incident, &f->a, &i);
	if (!rc)
		rc = incident_find(tx, SPAN("DRILL-2026-002"), &found);
	if (rc)
		return rc;
	assert_int_equal(i.advisory_count, 2);
	assert_int_equal(found, f->incident);
	assert_true(span_eq_text(i.name, "DRILL-2026-001"));
	return 0;
}

static void an_advisory_joins_the_open_incident(void **state)
{
	struct fixture *f = *state;
	must(f, open_both);
	assert_int_equal(second_incident, f->incident);
	must(f, look_two_advisories);
}

static int open_again(struct transaction *tx, struct fixture *f)
{
	bool is_new;
	(void)f;
	int rc = incident_open(tx,
			       &(struct incident_birth){ .advisories = ADVISORIES,
							 .advisory_count = 1,
							 .is_drill = true,
							 .t0 = 1000,
							 .t0_source = "published",
							 .published_at = 1000,
							 .actor = "user:test@host" },
			       &second_incident, &is_new);
	assert_true(rc || is_new);
	return rc;
}

static int look_numbered(struct transaction *tx, struct fixture *f)
{
	struct incident i;
	int rc = incident_get(tx, second_incident, &f->a, &i);
	assert_true(rc || span_eq_text(i.name, "DRILL-2026-001#2"));
	return rc;
}

static int close_unsaid(struct transaction *tx, struct fixture *f)
{
	return incident_set_state(
		tx, &(struct incident_change){ .incident = f->incident, .to = INCIDENT_CLOSED, .actor = "user:test@host" });
}

static void closing_what_is_not_done_needs_a_reason(void **state)
{
	struct fixture *f = *state;
	struct err err;
	must(f, plan_two);
	must(f, complete);
	assert_int_equal(try(f, close_unsaid, &err), RF_EINVALID);
	assert_non_null(strstr(err.text, "not proven"));
	wanted_incident = INCIDENT_CLOSED;
	must(f, set_incident);
}

static void a_closed_incident_makes_room_for_another(void **state)
{
	struct fixture *f = *state;
	struct err err;
	wanted_incident = INCIDENT_CLOSED;
	must(f, set_incident);
	assert_int_equal(try(f, set_incident, &err), RF_ESTATE);
	must(f, open_again);
	assert_int_not_equal(second_incident, f->incident);
	must(f, look_numbered);
	wanted_incident = INCIDENT_REOPENED;
	assert_int_equal(try(f, set_incident, &err), RF_ESTATE); /* the other one answers its advisory now */
}

static int find_nobody(struct transaction *tx, struct fixture *f)
{
	int64_t id;
	(void)f;
	return incident_find(tx, SPAN("CVE-1999-0001"), &id);
}

static void unknown_names(void **state)
{
	struct fixture *f = *state;
	struct err err;
	assert_int_equal(try(f, find_nobody, &err), RF_ENOTFOUND);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_last_proven_engine_publishes),
		T(a_part_of_a_plan_publishes_nothing),
		T(a_withdrawn_release_is_published_when_its_engines_are_proven_again),
		T(a_release_withdrawn_too_late_is_not_lost),
		T(a_release_made_of_older_attempts_is_not_whole),
		T(a_failed_engine_gets_another_attempt_when_something_changed),
		T(blocked_goes_on_when_the_reason_is_gone),
		T(another_reason_is_recorded),
		T(the_door_keeps_the_table),
		T(refusals),
		T(an_advisory_joins_the_open_incident),
		T(closing_what_is_not_done_needs_a_reason),
		T(a_closed_incident_makes_room_for_another),
		T(unknown_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
