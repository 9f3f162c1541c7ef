/* Waivers and the baseline in both databases: made, ended, frozen once, settled, counted. */
#include "fleet.h"

#include "exposure/baseline_store.h"
#include "exposure/excuse.h"
#include "exposure/waiver_store.h"

#define LONGEST (90 * USEC_PER_DAY)

struct work {
	struct arena a;
	struct waiver waiver;
	int64_t id;
	const char *why;
	struct waiver *list;
	size_t count;
	usec_t at;
	bool all;
	struct baseline_freezing freezing;
	struct baseline_head head;
	struct baseline baseline;
	struct baseline_burndown burndown;
	struct excuse_counts counts;
	const struct workspace *workspace;
	const char *sql;
};

static int make(struct transaction *tx, void *data)
{
	struct work *w = data;
	w->waiver.expires = w->waiver.expires ? w->waiver.expires : tx_now(tx) + USEC_PER_DAY;
	return waiver_make(tx, &w->waiver, LONGEST, &w->id);
}

static int take_back(struct transaction *tx, void *data)
{
	struct work *w = data;
	return waiver_revoke(tx, w->id, "user:b@host", w->why);
}

static int waivers(struct transaction *tx, void *data)
{
	struct work *w = data;
	return waiver_list(tx, &w->a, w->at, w->all, &w->list, &w->count);
}

static int freeze(struct transaction *tx, void *data)
{
	struct work *w = data;
	return baseline_freeze(tx, &w->freezing, &w->head);
}

static int load(struct transaction *tx, void *data)
{
	struct work *w = data;
	int rc = baseline_load(tx, &w->a, &w->baseline);
	return rc || w->baseline.since == USEC_NONE ? rc : baseline_burndown(tx, &w->a, false, &w->burndown);
}

static int excused(struct transaction *tx, void *data)
{
	struct work *w = data;
	return excuse_count(tx, w->workspace, &w->counts);
}

static int run_sql(struct transaction *tx, void *data)
{
	return tx_exec(tx, ((struct work *)data)->sql, NULL, 0, NULL);
}

static void sql(struct fixture *f, const char *text)
{
	struct err err = ERR_INIT;
	struct work w = { .sql = text };
	assert_ok(database_transact(f->db, DB_WRITE, run_sql, &w, &err), &err);
}

static struct work begin_work(void)
{
	return (struct work){ .a = ARENA_INIT(16 * MIB), .freezing = { .due = USEC_NONE, .actor = "user:a@host" } };
}

/* "waived 1, debt 0, worse 0, due 0, new 3" */
static void assert_excused(struct fixture *f, const struct workspace *workspace, const char *want)
{
	struct err err = ERR_INIT;
	struct work w = begin_work();
	char got[160];
	w.workspace = workspace;
	assert_ok(database_transact(f->db, DB_READ, excused, &w, &err), &err);
	const int64_t *n = w.counts.of;
	snprintf(got, sizeof got, "new %lld waived %lld vex %lld debt %lld worse %lld due %lld",
		 (long long)n[EXCUSE_NONE], (long long)n[EXCUSE_WAIVER], (long long)n[EXCUSE_VEX],
		 (long long)n[EXCUSE_BASELINE], (long long)n[EXCUSE_WORSE], (long long)n[EXCUSE_DUE]);
	assert_string_equal(got, want);
}

static int find_kind(const struct ledger_record *r, void *data)
{
	struct work *w = data;
	w->count += span_eq_text(r->kind, w->why);
	return 0;
}

static int count_kind(struct transaction *tx, void *data)
{
	((struct work *)data)->count = 0;
	return ledger_each(tx, 0, NULL, 0, find_kind, data);
}

static void assert_records(struct fixture *f, const char *kind, size_t n)
{
	struct err err = ERR_INIT;
	struct work w = { .why = kind };
	assert_ok(database_transact(f->db, DB_READ, count_kind, &w, &err), &err);
	assert_int_equal(w.count, n);
}

/* ── Waivers ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const struct span aliases[] = { { "ghsa-xxxx-yyyy-zzzz", 19 } };
static const struct span unknown[] = { { "CVE-1999-1", 10 } };

static struct waiver some(const struct span *ids)
{
	return (struct waiver){ .advisories = ids,
				.advisory_count = 1,
				.scope.service = SPAN("voice"),
				.owner = SPAN("team"),
				.reason = SPAN("the delivery"),
				.created_by = SPAN("user:a@host") };
}

static void waivers_begin_and_end(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct work w = begin_work();
	import(f, OSV("CVE-2099-1", "2026-01-01T00:00:00Z",
		      "\"aliases\":[\"GHSA-xxxx-yyyy-zzzz\"]," PYPI("onnxruntime", "1.21.0")));
	report(f, "h1", "voice", SEEDS(1, 2));
	report(f, "h2", "reading", SEEDS(3));
	refresh(f);
	assert_excused(f, NULL,
		       "new 0 waived 0 vex 0 debt 0 worse 0 due 0"); /* nothing is counted where nothing excuses */
	w.waiver = some(unknown);
	assert_int_equal(database_transact(f->db, DB_WRITE, make, &w, &err), RF_ENOTFOUND);
	w.waiver = some(aliases);
	w.waiver.reason = SPAN_NONE;
	assert_int_equal(database_transact(f->db, DB_WRITE, make, &w, &err), RF_EINVALID);
	assert_string_equal(err.field, "reason");
	w.waiver = some(aliases);
	assert_ok(database_transact(f->db, DB_WRITE, make, &w, &err), &err);
	assert_records(f, "waiver.made", 1);
	assert_excused(f, NULL, "new 1 waived 2 vex 0 debt 0 worse 0 due 0");
	assert_ok(database_transact(f->db, DB_READ, waivers, &w, &err), &err);
	assert_int_equal(w.count, 1);
	assert_true(span_eq_text(w.list[0].advisories[0], "CVE-2099-1")); /* the alias' own */
	assert_true(span_eq_text(w.list[0].created_by, "user:a@host"));
	/* it ends by itself */
	sql(f, "UPDATE exposure_waiver SET expires = created + 1");
	assert_excused(f, NULL, "new 0 waived 0 vex 0 debt 0 worse 0 due 0");
	assert_ok(database_transact(f->db, DB_READ, waivers, &w, &err), &err);
	assert_int_equal(w.count, 0);
	w.all = true;
	assert_ok(database_transact(f->db, DB_READ, waivers, &w, &err), &err);
	assert_int_equal(w.count, 1);
	w.all = false;
	w.at = w.list[0].created; /* of that moment */
	assert_ok(database_transact(f->db, DB_READ, waivers, &w, &err), &err);
	assert_int_equal(w.count, 1);
	w.why = "too late";
	assert_int_equal(database_transact(f->db, DB_WRITE, take_back, &w, &err), RF_ESTATE);
	/* another is taken back */
	w.waiver = some(aliases);
	assert_ok(database_transact(f->db, DB_WRITE, make, &w, &err), &err);
	w.why = " ";
	assert_int_equal(database_transact(f->db, DB_WRITE, take_back, &w, &err), RF_EINVALID);
	w.why = "fixed after all";
	assert_ok(database_transact(f->db, DB_WRITE, take_back, &w, &err), &err);
	assert_records(f, "waiver.revoked", 1);
	assert_int_equal(database_transact(f->db, DB_WRITE, take_back, &w, &err), RF_ESTATE);
	w.id = 99;
	assert_int_equal(database_transact(f->db, DB_WRITE, take_back, &w, &err), RF_ENOTFOUND);
	w.at = 0;
	w.all = true;
	assert_ok(database_transact(f->db, DB_READ, waivers, &w, &err), &err);
	assert_int_equal(w.count, 2);
	assert_true(span_eq_text(w.list[1].revoked_why, "fixed after all"));
	assert_excused(f, NULL, "new 0 waived 0 vex 0 debt 0 worse 0 due 0");
	arena_release(&w.a);
}

/* ── VEX ─────────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define VEX(id, status, time)                                                                                          \
	"{\"@context\":\"https://openvex.dev/ns/v0.2.0\",\"@id\":\"https://acme.example/" id "\",\"author\":\"ACME\"," \
	"\"timestamp\":\"2026-01-01T00:00:00Z\",\"version\":1,\"statements\":[{\"vulnerability\":{\"name\":\"CVE-"     \
	"2099-1\"},"                                                                                                   \
	"\"timestamp\":\"" time                                                                                        \
	"\",\"products\":[{\"@id\":\"pkg:generic/microsoft/onnxruntime@1.20.1\"}],\"status\":\"" status                \
	"\",\"justification\":\"vulnerable_code_not_in_execute_path\"}]}"

static void vex_of_trusted_authors(void **state)
{
	struct fixture *f = begin(state);
	const struct workspace_vex_author acme[] = { { "ACME", NULL } }, other[] = { { "Mallory", NULL } };
	const struct workspace trusting = { .vex = { acme, 1, 3650 * USEC_PER_DAY } },
			       not_trusting = { .vex = { other, 1, 3650 * USEC_PER_DAY } },
			       soon = { .vex = { acme, 1, USEC_PER_DAY } };
	import(f, AFFECTED("CVE-2099-1"));
	import(f, VEX("1", "not_affected", "2026-02-01T00:00:00Z"));
	report(f, "h1", "voice", SEEDS(1));
	refresh(f);
	assert_excused(f, &trusting, "new 0 waived 0 vex 1 debt 0 worse 0 due 0");
	assert_excused(f, &not_trusting, "new 1 waived 0 vex 0 debt 0 worse 0 due 0");
	assert_excused(f, &soon, "new 1 waived 0 vex 0 debt 0 worse 0 due 0"); /* too old by now */
	/* its author takes it back */
	import(f, VEX("2", "affected", "2026-03-01T00:00:00Z"));
	assert_excused(f, &trusting, "new 1 waived 0 vex 0 debt 0 worse 0 due 0");
	/* the finding is the sources', whoever says otherwise */
	assert_list(f, (struct exposure_filter){ 0 }, "CVE-2099-1 /r/1 builder 1.20.1 affected in_range\n");
}

/* ── Baseline ────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define UNREADABLE(id, modified) \
	OSV(id, modified, "\"affected\":[{\"package\":{\"ecosystem\":\"PyPI\",\"name\":\"onnxruntime\"}}]")

static void assert_baseline(struct fixture *f, size_t holders, int64_t frozen, int64_t open)
{
	struct err err = ERR_INIT;
	struct work w = begin_work();
	int64_t owed = 0;
	assert_ok(database_transact(f->db, DB_READ, load, &w, &err), &err);
	assert_int_equal(w.baseline.holder_count, holders);
	for (size_t i = 0; i < w.baseline.holder_count; i++)
		owed += (int64_t)w.baseline.sets[w.baseline.holders[i].set].count;
	assert_int_equal(owed, open);
	assert_int_equal(w.burndown.all.frozen, frozen);
	assert_int_equal(w.burndown.all.open, open);
	assert_int_equal(w.burndown.all.points[w.burndown.time_count - 1], open);
	/* told by the second, no moment has two answers */
	for (size_t i = 1; i < w.burndown.time_count; i++)
		assert_true(w.burndown.times[i] / USEC_PER_SEC > w.burndown.times[i - 1] / USEC_PER_SEC);
	arena_release(&w.a);
}

static void frozen_once_and_settled(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct work w = begin_work();
	import(f, AFFECTED("CVE-2099-1"));
	import(f, OSV("CVE-2099-2", "2026-01-01T00:00:00Z", PYPI("onnxruntime", "1.22.0")));
	import(f, AFFECTED("DRILL-2099-1"));
	assert_int_equal(database_transact(f->db, DB_WRITE, freeze, &w, &err), RF_ESTATE); /* there is no fleet yet */
	report(f, "h1", "voice", SEEDS(1, 2));
	report(f, "h2", "voice", SEEDS(2));
	assert_ok(database_transact(f->db, DB_READ, load, &w, &err), &err);
	assert_int_equal(w.baseline.since, USEC_NONE);
	w.freezing.due = 1;
	assert_int_equal(database_transact(f->db, DB_WRITE, freeze, &w, &err), RF_EINVALID);
	w.freezing.due = now_usec() + 400 * USEC_PER_DAY;
	assert_int_equal(database_transact(f->db, DB_WRITE, freeze, &w, &err), RF_EINVALID);
	w.freezing.due = USEC_NONE;
	w.freezing.otherwise = "platform";
	assert_ok(database_transact(f->db, DB_WRITE, freeze, &w, &err), &err); /* refreshes first */
	assert_records(f, "baseline.frozen", 1);
	/* engines 1 and 2, two advisories each, wherever they are; the runtime 1.21.1 of the service, one */
	assert_int_equal(w.head.holders, 3);
	assert_int_equal(w.head.debts, 5);
	assert_int_equal(w.head.unowned, 0);
	assert_baseline(f, 3, 5, 5);
	assert_int_equal(number(f, "SELECT count(*) FROM exposure_debt_set"), 2); /* both engines share one */
	assert_excused(f, NULL, "new 0 waived 0 vex 0 debt 9 worse 0 due 0");
	/* not again, whatever came meanwhile */
	report(f, "h3", "voice", SEEDS(1, 3));
	refresh(f);
	assert_int_equal(database_transact(f->db, DB_WRITE, freeze, &w, &err), RF_ESTATE);
	assert_non_null(strstr(err.text, "reforge waive"));
	assert_baseline(f, 3, 5, 5);
	/* engine 1 on a third host is debt; engine 3 is new, but not the runtime under it */
	assert_excused(f, NULL, "new 2 waived 0 vex 0 debt 13 worse 0 due 0");
	/* engine 1 goes from one host: owed still; from all: gone */
	report(f, "h1", "voice", SEEDS(2));
	refresh(f);
	assert_baseline(f, 3, 5, 5);
	report(f, "h3", "voice", SEEDS(3));
	refresh(f);
	assert_records(f, "baseline.settled", 1);
	assert_baseline(f, 2, 5, 3);
	/* and what comes back is new */
	report(f, "h1", "voice", SEEDS(1, 2));
	refresh(f);
	assert_baseline(f, 2, 5, 3);
	assert_excused(f, NULL, "new 4 waived 0 vex 0 debt 8 worse 0 due 0");
	/* a record that is withdrawn is owed no more; published again it is new */
	import(f, OSV("CVE-2099-2", "2026-02-01T00:00:00Z",
		      "\"withdrawn\":\"2026-02-01T00:00:00Z\"," PYPI("onnxruntime", "1.22.0")));
	refresh(f);
	assert_baseline(f, 1, 5, 1);
	import(f, OSV("CVE-2099-2", "2026-03-01T00:00:00Z", PYPI("onnxruntime", "1.22.0")));
	refresh(f);
	assert_baseline(f, 1, 5, 1);
	/* its day is over by itself */
	sql(f, "UPDATE exposure_baseline SET due = since + 1");
	assert_excused(f, NULL, "new 10 waived 0 vex 0 debt 0 worse 0 due 2");
	arena_release(&w.a);
}

static void what_gets_worse(void **state)
{
	struct fixture *f = begin(state);
	struct err err = ERR_INIT;
	struct work w = begin_work();
	import(f, UNREADABLE("CVE-2099-3", "2026-01-01T00:00:00Z"));
	report(f, "h1", "", SEEDS(1));
	assert_ok(database_transact(f->db, DB_WRITE, freeze, &w, &err), &err);
	assert_int_equal(w.head.unowned, w.head.holders);
	assert_int_equal(w.head.debts, 2); /* builder and runtime: one set */
	assert_int_equal(number(f, "SELECT count(*) FROM exposure_debt_item WHERE kind = 1"), 1);
	assert_excused(f, NULL, "new 0 waived 0 vex 0 debt 2 worse 0 due 0");
	import(f, OSV("CVE-2099-3", "2026-02-01T00:00:00Z", PYPI("onnxruntime", "1.21.0")));
	refresh(f); /* the engine is affected now; what loads it is not any more */
	assert_excused(f, NULL, "new 0 waived 0 vex 0 debt 0 worse 1 due 0");
	arena_release(&w.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(waivers_begin_and_end, setup, teardown),
		cmocka_unit_test_setup_teardown(vex_of_trusted_authors, setup, teardown),
		cmocka_unit_test_setup_teardown(frozen_once_and_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(what_gets_worse, setup, teardown),
	};
	return ENGINES_RUN(tests);
}
