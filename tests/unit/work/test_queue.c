/* work: leases, fencing, retries, idempotency, on both engines */
#include "engines.h"

#include "ledger/ledger.h"
#include "work/work.h"

#include <pthread.h>

static const char *const kinds[] = { "build", "prove" };

static struct database *open_migrated(void **state)
{
	static const struct migration_set *const sets[] = { &LEDGER_MIGRATIONS, &WORK_MIGRATIONS };
	struct database *db = engine_open(state);
	struct err err = ERR_INIT;
	assert_ok(database_migrate(db, sets, RF_COUNT(sets), &err), &err);
	return db;
}

static int empty(struct transaction *tx, void *data)
{
	(void)data;
	return TX_RUN(tx, "DELETE FROM work_item");
}

static struct database *open_empty(void **state)
{
	struct database *db = open_migrated(state);
	struct err err = ERR_INIT;
	assert_ok(database_transact(db, DB_WRITE, empty, NULL, &err), &err);
	return db;
}

/* ---------------------------------------------------------------- small steps */

struct enqueue {
	struct work_request request;
	int64_t id;
	bool is_new;
};

static int enqueue_tx(struct transaction *tx, void *data)
{
	struct enqueue *e = data;
	return work_enqueue(tx, &e->request, &e->id, &e->is_new);
}

static int enqueue(struct database *db, struct enqueue *e)
{
	struct err err = ERR_INIT;
	return database_transact(db, DB_WRITE, enqueue_tx, e, &err);
}

static void put(struct database *db, const char *kind, const char *key, int priority, usec_t not_before)
{
	struct enqueue e = { .request = { .kind = kind, .key = key, .payload = SPAN("{\"n\":1}"), .priority = priority,
		                          .not_before = not_before } };
	assert_int_equal(enqueue(db, &e), 0);
	assert_true(e.is_new);
}

struct outcome {
	const struct work_item *item;
	usec_t again;
	bool failed;
};

static int done_tx(struct transaction *tx, void *data)
{
	return work_done(tx, ((struct outcome *)data)->item);
}

static int retry_tx(struct transaction *tx, void *data)
{
	struct outcome *o = data;
	return work_retry(tx, o->item, o->again, "the \xff driver\nsaid \"no\"", &o->failed);
}

static int give_up_tx(struct transaction *tx, void *data)
{
	return work_give_up(tx, ((struct outcome *)data)->item, "no toolchain");
}

static int end(struct database *db, int (*how)(struct transaction *, void *), struct outcome *o)
{
	struct err err = ERR_INIT;
	return database_transact(db, DB_WRITE, how, o, &err);
}

static int claim(struct database *db, const char *owner, int64_t lease, struct arena *a, struct work_item *ret)
{
	struct err err = ERR_INIT;
	int rc = work_claim(db, owner, kinds, RF_COUNT(kinds), lease, a, ret, &err);
	if (rc < 0)
		assert_ok(rc, &err);
	return rc;
}

static int count_tx(struct transaction *tx, void *data)
{
	return work_count(tx, NULL, data);
}

static struct work_counts counts(struct database *db)
{
	struct work_counts c = { 0 };
	struct err err = ERR_INIT;
	assert_ok(database_transact(db, DB_READ, count_tx, &c, &err), &err);
	return c;
}

static int next_due_tx(struct transaction *tx, void *data)
{
	return work_next_due(tx, kinds, RF_COUNT(kinds), data);
}

/* ---------------------------------------------------------------- tests */

static void a_key_is_enqueued_once(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	struct enqueue e = { .request = { .kind = "build", .key = "build/1", .payload = SPAN("{}"), .not_before = USEC_NONE } };
	assert_int_equal(enqueue(db, &e), 0);
	assert_true(e.is_new);
	int64_t id = e.id;
	assert_int_equal(enqueue(db, &e), 0);
	assert_false(e.is_new);
	assert_int_equal(e.id, id);
	e.request.payload = SPAN("{ }");
	assert_int_equal(enqueue(db, &e), RF_ECONFLICT);
	e.request.payload = SPAN("{}");
	e.request.kind = "prove";
	assert_int_equal(enqueue(db, &e), RF_ECONFLICT);
	e.request.key = "";
	assert_int_equal(enqueue(db, &e), RF_EINVALID);
	assert_int_equal(counts(db).waiting, 1);
}

static void claims_go_by_priority_then_time(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct work_item item;
	usec_t past = now_usec() - USEC_PER_HOUR, future = now_usec() + USEC_PER_HOUR;
	put(db, "prove", "later", 5, past);
	put(db, "build", "not-yet", 1, future);
	put(db, "build", "second", 2, past + 1);
	put(db, "prove", "first", 2, past);
	put(db, "message", "of-others", 0, past);
	put(db, "build", "third", 3, USEC_NONE);
	static const char *const order[] = { "first", "second", "third", "later" };
	for (size_t i = 0; i < RF_COUNT(order); i++) {
		assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 1);
		assert_string_equal(item.key, order[i]);
		assert_true(span_eq_text(item.payload, "{\"n\":1}"));
		assert_int_equal(item.attempt, 1);
		assert_int_equal(item.lost, 0);
	}
	assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 0);
	usec_t due = 0;
	struct err err = ERR_INIT;
	assert_ok(database_transact(db, DB_READ, next_due_tx, &due, &err), &err);
	assert_true(due > now_usec() && due < future);          /* the leases end before not-yet begins */
}

static void an_outcome_needs_the_last_claim(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct work_item old, new, none;
	struct err err = ERR_INIT;
	put(db, "build", "fenced", 0, USEC_NONE);
	assert_int_equal(claim(db, "a:1:1", 20 * USEC_PER_MS, &a, &old), 1);
	assert_int_equal(claim(db, "b:1:1", USEC_PER_MIN, &a, &none), 0);
	assert_ok(work_renew(db, &old, 20 * USEC_PER_MS, &err), &err);
	(void)usleep(40000);
	assert_ok(work_renew(db, &old, USEC_PER_MS, &err), &err);        /* nobody took it: still ours */
	(void)usleep(20000);
	assert_int_equal(claim(db, "b:1:1", USEC_PER_MIN, &a, &new), 1);
	assert_int_equal(new.id, old.id);
	assert_true(new.fence > old.fence);
	assert_int_equal(new.attempt, 1);
	assert_int_equal(new.lost, 1);
	struct outcome o = { .item = &old, .again = USEC_NONE };
	assert_int_equal(work_renew(db, &old, USEC_PER_MIN, &err), RF_EFENCED);
	assert_int_equal(end(db, done_tx, &o), RF_EFENCED);
	assert_int_equal(end(db, retry_tx, &o), RF_EFENCED);
	assert_int_equal(end(db, give_up_tx, &o), RF_EFENCED);
	o.item = &new;
	assert_int_equal(end(db, done_tx, &o), 0);
	assert_int_equal(end(db, done_tx, &o), RF_EFENCED);
	assert_int_equal(counts(db).done, 1);
}

static int record_then_done(struct transaction *tx, void *data)
{
	struct ledger_entry entry = { "task.built", "task/1", "reforge:test", SPAN("{\"who\":\"the slow one\"}") };
	int rc = ledger_append(tx, &entry);
	return rc == 0 ? done_tx(tx, data) : rc;
}

static int count_records(struct transaction *tx, void *data)
{
	return TX_I64(tx, (int64_t *)data, "SELECT COUNT(*) FROM ledger_waiting WHERE subject = 'task/1'");
}

static void what_a_fenced_worker_wrote_is_rolled_back(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct work_item old, new;
	struct err err = ERR_INIT;
	put(db, "build", "slow", 0, USEC_NONE);
	assert_int_equal(claim(db, "a:1:1", 1, &a, &old), 1);
	(void)usleep(2000);
	assert_int_equal(claim(db, "b:1:1", USEC_PER_MIN, &a, &new), 1);
	struct outcome o = { .item = &old };
	int64_t n = -1;
	assert_int_equal(end(db, record_then_done, &o), RF_EFENCED);
	assert_ok(database_transact(db, DB_READ, count_records, &n, &err), &err);
	assert_int_equal(n, 0);
	o.item = &new;
	assert_int_equal(end(db, record_then_done, &o), 0);
	assert_ok(database_transact(db, DB_READ, count_records, &n, &err), &err);
	assert_int_equal(n, 1);
}

static void attempts_are_used_up_by_failures_only(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct work_item item;
	struct enqueue e = { .request = { .kind = "build", .key = "flaky", .payload = SPAN("{}"), .not_before = USEC_NONE,
		                          .max_attempts = 3 } };
	assert_int_equal(enqueue(db, &e), 0);
	for (int attempt = 1; attempt <= 3; attempt++) {
		for (int death = 0; death < 2; death++) {
			assert_int_equal(claim(db, "a:1:1", 1, &a, &item), 1);
			(void)usleep(1000);
		}
		assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 1);
		assert_int_equal(item.attempt, attempt);
		assert_int_equal(item.lost, attempt * 2);
		struct outcome o = { .item = &item, .again = attempt == 1 ? now_usec() + 30 * USEC_PER_MS : USEC_NONE };
		assert_int_equal(end(db, retry_tx, &o), 0);
		assert_int_equal(o.failed, attempt == 3);
		if (attempt == 1) {
			assert_int_equal(claim(db, "a:1:1", 1, &a, &item), 0);
			(void)usleep(40000);
		}
	}
	assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 0);
	assert_int_equal(counts(db).failed, 1);
	assert_int_equal(enqueue(db, &e), 0);           /* a failed item's key is taken too */
	assert_false(e.is_new);
}

static int rest_tx(struct transaction *tx, void *data)
{
	struct outcome *o = data;
	return work_rest(tx, o->item, "incident 1 is not open", o->again);
}

static int wake_tx(struct transaction *tx, void *data)
{
	return work_wake(tx, data);
}

static void resting_costs_no_attempt_and_ends_by_a_word(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct work_item item;
	struct err err = ERR_INIT;
	put(db, "build", "aside", 0, USEC_NONE);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 1);
		assert_int_equal(item.attempt, 1);
		struct outcome o = { .item = &item, .again = now_usec() + USEC_PER_HOUR };
		assert_int_equal(end(db, rest_tx, &o), 0);
		assert_int_equal(end(db, rest_tx, &o), RF_EFENCED);
		assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 0);
		assert_ok(database_transact(db, DB_WRITE, wake_tx, (char[]){ "incident 2 is not open" }, &err), &err);
		assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 0);
		assert_ok(database_transact(db, DB_WRITE, wake_tx, (char[]){ "incident 1 is not open" }, &err), &err);
	}
	assert_int_equal(counts(db).waiting, 1);
}

static void giving_up_ends_an_item(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct work_item item;
	put(db, "build", "hopeless", 0, USEC_NONE);
	assert_int_equal(claim(db, "a:1:1", USEC_PER_MIN, &a, &item), 1);
	struct outcome o = { .item = &item };
	assert_int_equal(end(db, give_up_tx, &o), 0);
	struct work_counts c = counts(db);
	assert_int_equal(c.failed, 1);
	assert_int_equal(c.waiting + c.leased + c.done, 0);
}

/* ---------------------------------------------------------------- side by side */

#define ITEMS 240

static void put_many(struct database *db, int n)
{
	for (int i = 0; i < n; i++) {
		char key[32];
		(void)snprintf(key, sizeof key, "item/%d", i);
		put(db, kinds[i % 2], key, i % 3, USEC_NONE);
	}
}

static struct database *shared;
static int given[1 << 20];              /* how often each id was given; ids start where earlier tests ended */

static void *claim_all(void *data)
{
	RF_AUTO(arena) a = ARENA_INIT(16 * MIB);
	struct work_item item;
	int64_t *mine = data;
	struct err err = ERR_INIT;
	while (work_claim(shared, work_owner(), kinds, 2, USEC_PER_MIN, &a, &item, &err) == 1) {
		__atomic_add_fetch(&given[item.id % (1 << 20)], 1, __ATOMIC_SEQ_CST);
		struct outcome o = { .item = &item };
		err = ERR_INIT;
		if (database_transact(shared, DB_WRITE, done_tx, &o, &err) != 0)
			return NULL;
		++*mine;
	}
	return NULL;
}

static void threads_never_get_the_same_item(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	pthread_t threads[6];
	int64_t taken[6] = { 0 }, sum = 0;
	memset(given, 0, sizeof given);
	put_many(db, ITEMS);
	shared = db;
	for (size_t i = 0; i < RF_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, claim_all, &taken[i]), 0);
	for (size_t i = 0; i < RF_COUNT(threads); i++) {
		(void)pthread_join(threads[i], NULL);
		sum += taken[i];
	}
	for (size_t i = 0; i < RF_COUNT(given); i++)
		assert_true(given[i] <= 1);
	assert_int_equal(sum, ITEMS);
	assert_int_equal(counts(db).done, ITEMS);
}

/* One worker process: claims, tells the parent, lets some time pass, writes the outcome with a record. */
static int outcome_tx(struct transaction *tx, void *data)
{
	const struct outcome *o = data;
	char subject[64];
	(void)snprintf(subject, sizeof subject, "killed/%lld", (long long)o->item->id);
	struct ledger_entry entry = { "task.built", subject, "reforge:test", SPAN_NONE };
	int rc = ledger_append(tx, &entry);
	return rc == 0 ? work_done(tx, o->item) : rc;
}

static void work_until_killed(const char *url)
{
	struct database *db = NULL;
	struct err err = ERR_INIT;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	struct work_item item;
	if (database_open(url, NULL, &db, &err) != 0 || work_release_dead(db, NULL, &err) != 0)
		_exit(1);
	int rc;
	while ((rc = work_claim(db, work_owner(), kinds, 2, USEC_PER_HOUR, &a, &item, &err)) == 1) {
		struct outcome o = { .item = &item };
		(void)usleep(1500);
		if (database_transact(db, DB_WRITE, outcome_tx, &o, &err) != 0)
			_exit(2);
	}
	_exit(rc == 0 ? 0 : 3);
}

static int count_killed(struct transaction *tx, void *data)
{
	int64_t *n = data;
	int rc = TX_I64(tx, &n[0], "SELECT COUNT(*) FROM ledger_waiting WHERE subject LIKE 'killed/%'");
	if (rc == 0)
		rc = TX_I64(tx, &n[1], "SELECT COUNT(DISTINCT subject) FROM ledger_waiting WHERE subject LIKE 'killed/%'");
	return rc;
}

/* Leases of an hour: only work_release_dead() can bring the items of a killed process back. */
static void killed_processes_lose_nothing_and_do_nothing_twice(void **state)
{
	struct engine *e = *state;
	struct err err = ERR_INIT;
	struct random { unsigned state; } r = { 4711 };
	{
		RF_AUTO_PTR(database) db = open_empty(state);
		put_many(db, 2 * ITEMS);
	}
	for (int round = 0; round < 20; round++) {
		pid_t pids[2];
		for (size_t i = 0; i < 2; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				work_until_killed(e->url);
		}
		for (size_t i = 0; i < 2; i++) {
			r.state = r.state * 1103515245u + 12345u;
			(void)usleep(5000 + (r.state >> 16) % 25000);
			(void)kill(pids[i], SIGKILL);
			(void)waitpid(pids[i], NULL, 0);
		}
	}
	{
		RF_AUTO_PTR(database) db = open_migrated(state);
		int64_t done = counts(db).done;
		assert_true(done > 0);
		print_message("# %lld of %d done by killed processes\n", (long long)done, 2 * ITEMS);
	}
	int status = -1;
	for (int tries = 0; tries < 50 && status != 0; tries++) {
		pid_t pid = fork();
		if (pid == 0)
			work_until_killed(e->url);
		(void)waitpid(pid, &status, 0);
	}
	assert_int_equal(status, 0);
	RF_AUTO_PTR(database) db = open_migrated(state);
	int64_t n[2] = { 0 };
	assert_int_equal(counts(db).done, 2 * ITEMS);
	assert_ok(database_transact(db, DB_READ, count_killed, n, &err), &err);
	assert_int_equal(n[0], 2 * ITEMS);
	assert_int_equal(n[1], 2 * ITEMS);
}

static void the_dead_are_told_from_the_living(void **state)
{
	RF_AUTO_PTR(database) db = open_empty(state);
	RF_AUTO(arena) a = ARENA_INIT(MIB);
	struct work_item item;
	struct err err = ERR_INIT;
	char host[160], other[200], reborn[200];
	(void)snprintf(host, sizeof host, "%.*s", (int)(strchr(work_owner(), ':') - work_owner()), work_owner());
	(void)snprintf(other, sizeof other, "%s-elsewhere:999999999:1", host);
	(void)snprintf(reborn, sizeof reborn, "%s:%ld:1", host, (long)getpid());
	const struct {
		const char *owner;
		bool dead;
	} cases[] = { { work_owner(), false }, { other, false }, { reborn, true }, { "nonsense", false }, { "", false }, { "::", false } };
	int64_t dead = 0;
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		char key[32];
		assert_int_equal(work_owner_is_dead(cases[i].owner), cases[i].dead);
		(void)snprintf(key, sizeof key, "owned/%zu", i);
		put(db, "build", key, 0, USEC_NONE);
		assert_int_equal(claim(db, cases[i].owner, USEC_PER_HOUR, &a, &item), 1);
		dead += cases[i].dead;
	}
	put(db, "prove", "owned by a zombie", 0, USEC_NONE);
	pid_t pid = fork();
	if (pid == 0) {
		struct database *own = NULL;
		if (database_open(((struct engine *)*state)->url, NULL, &own, &err) == 0)
			(void)claim(own, work_owner(), USEC_PER_HOUR, &a, &item);
		_exit(0);
	}
	siginfo_t info;
	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	int64_t freed = -1;
	assert_int_equal(counts(db).leased, (int64_t)RF_COUNT(cases) + 1);
	assert_ok(work_release_dead(db, &freed, &err), &err);
	assert_int_equal(freed, dead + 1);
	assert_ok(work_release_dead(db, &freed, &err), &err);
	assert_int_equal(freed, 0);
	(void)waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_enqueued_once),
		cmocka_unit_test(claims_go_by_priority_then_time),
		cmocka_unit_test(an_outcome_needs_the_last_claim),
		cmocka_unit_test(what_a_fenced_worker_wrote_is_rolled_back),
		cmocka_unit_test(attempts_are_used_up_by_failures_only),
		cmocka_unit_test(resting_costs_no_attempt_and_ends_by_a_word),
		cmocka_unit_test(giving_up_ends_an_item),
		cmocka_unit_test(threads_never_get_the_same_item),
		cmocka_unit_test(killed_processes_lose_nothing_and_do_nothing_twice),
		cmocka_unit_test(the_dead_are_told_from_the_living),
	};
	return ENGINES_RUN(tests);
}
