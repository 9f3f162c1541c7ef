/*
 * The decisions, as a table: tests/data/gate/decisions.txt holds a small world and a row for each question. Every row is
 * asked by the file at hand and by the snapshot's row where both are there, in short and explained: the same each time.
 */
#include "testing.h"

#include "gate/judge_memo.h"
#include "world.h"

#define NOW ((usec_t)1784000000 * USEC_PER_SEC) /* 2026-07-14 */

/* ── asking ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static struct gate_memo *memo;

struct asking {
	struct world *w;
	const struct row *r;
	struct gate_question q;
	struct gate_subject s;
	const char *way;
};

static void expect(const struct asking *k, const struct gate_answer *answer)
{
	const struct gate_finding *f = answer->count ? &answer->findings[0] : NULL;
	bool shown = f && f->fact.kind != FINDING_NOT_AFFECTED;
	const char *cause = shown ? f->fact.cause : "-", *by = shown ? gate_use_name(f->by) : "-";
	if (span_eq_text(k->r->decision, gate_decision_name(answer->decision)) && span_eq_text(k->r->cause, cause) &&
	    span_eq_text(k->r->by, by) && answer->why.n && (answer->decision != GATE_DENY || answer->next.n))
		return;
	k->w->failures++;
	print_error("decisions.txt line %u, %.*s (%s): wanted %.*s %.*s by %.*s, is %s %s by %s: %.*s\n", k->r->line,
		 SPAN_ARG(k->r->name), k->way, SPAN_ARG(k->r->decision), SPAN_ARG(k->r->cause), SPAN_ARG(k->r->by),
		 gate_decision_name(answer->decision), cause, by, SPAN_ARG(answer->why));
}

/* Whether anything in the answers was decided in another way. */
static bool is_same(const struct gate_answer *a, const struct gate_answer *b)
{
	if (a->count != b->count || a->decision != b->decision)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->findings[i].decision != b->findings[i].decision || a->findings[i].by != b->findings[i].by)
			return false;
	return true;
}

static void judge_at(struct arena *a, const struct asking *k, usec_t now, struct gate_answer *ret)
{
	struct err err = ERR_INIT;
	struct gate_question q = k->q;
	q.now = now;
	q.explain = false;
	assert_ok(gate_judge(a, &q, &k->s, ret, &err), &err);
}

/* What an answer says of its end is so: a moment before nothing of it has changed, at the moment it is another. */
static void check_end(struct asking *k)
{
	struct gate_answer now, before, then;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	judge_at(&a, k, k->q.now, &now);
	if (now.until == USEC_NONE)
		return;
	k->w->ends++;
	judge_at(&a, k, now.until - 1, &before);
	judge_at(&a, k, now.until, &then);
	bool ends_later = before.until == now.until;
	if (now.until > k->q.now && ends_later && !is_same(&before, &then))
		return;
	k->w->failures++;
	print_error("decisions.txt line %u, %.*s: it does not end when it says\n", k->r->line, SPAN_ARG(k->r->name));
}

/* What is kept of answers is what the judge says, the second time too, and nothing of it outlasts its moment. */
static void check_memo(struct asking *k, const struct gate_answer *first)
{
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	struct err err = ERR_INIT;
	const usec_t moments[] = { k->q.now, k->q.now, first->until, k->q.now };
	struct gate_question q = k->q;
	if (k->q.fail_on || k->s.facts || (k->s.kind != GATE_IMAGE && k->s.kind != GATE_MODEL))
		return;
	for (size_t i = 0; i < RF_COUNT(moments); i++) {
		struct gate_answer want;
		const struct gate_answer *kept = NULL;
		q.now = moments[i];
		if (q.now == USEC_NONE)
			continue;
		judge_at(&a, k, q.now, &want);
		gate_memo_begin(memo, q.snapshot, 1, q.now);
		assert_ok(gate_memo_judge(memo, &a, &q, &k->s, false, &kept, &err), &err);
		bool same = is_same(&want, kept) && span_eq(want.why, kept->why) && span_eq(want.next, kept->next) &&
			    span_eq(want.policy, kept->policy) && want.until == kept->until &&
			    want.judged == kept->judged && want.audit == kept->audit;
		for (size_t n = 0; same && n < want.count; n++)
			same = span_eq(want.findings[n].why, kept->findings[n].why) &&
			       span_eq(want.findings[n].fact.advisory, kept->findings[n].fact.advisory);
		if (same)
			continue;
		k->w->failures++;
		print_error("decisions.txt line %u, %.*s: remembered otherwise\n", k->r->line, SPAN_ARG(k->r->name));
	}
}

static void ask(struct asking *k, const char *way)
{
	struct err err = ERR_INIT;
	struct gate_answer first, second;
	RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
	k->way = way;
	k->q.explain = false;
	assert_ok(gate_judge(&a, &k->q, &k->s, &first, &err), &err);
	expect(k, &first);
	k->q.explain = true;
	assert_ok(gate_judge(&a, &k->q, &k->s, &second, &err), &err);
	expect(k, &second);
	check_end(k);
	k->q.explain = false;
	check_memo(k, &first);
	/* the words too, and how long it holds */
	bool same = first.decision == GATE_ALLOW || (span_eq(first.why, second.why) && span_eq(first.next, second.next));
	if (same && first.until == second.until)
		return;
	k->w->failures++;
	print_error("decisions.txt line %u, %.*s (%s): explained otherwise: %.*s; %.*s / %.*s; %.*s\n", k->r->line,
		    SPAN_ARG(k->r->name), way, SPAN_ARG(first.why), SPAN_ARG(first.next), SPAN_ARG(second.why),
		    SPAN_ARG(second.next));
}

static void ask_content(struct asking *k, struct span name)
{
	struct content *c = world_content(k->w, name);
	k->s.kind = GATE_CONTENT;
	k->s.digest = c->digest;
	k->s.attestations = c->attestations;
	k->s.attestation_count = c->attestation_count;
	if (!c->is_row_only) {
		k->s.facts = c->facts;
		ask(k, "file at hand");
	}
	k->s.facts = NULL;
	if (!c->is_unseen && !c->is_file_only)
		ask(k, "by its row");
}

/* What the row asks, but for the file of a content. */
static void asking_of(struct world *w, const struct row *r, struct gate_fail_on *fail_on, struct asking *ret)
{
	static const char *const kinds[] = { "content", "image", "purl", "release", "model", "digest" };
	struct span name = r->subject, kind = world_word(&name, ' '), words = r->fail_on;
	*fail_on = (struct gate_fail_on){ .deny = { false } };
	*ret = (struct asking){ .w = w, .r = r };
	w->line = r->line;
	ret->q = (struct gate_question){ .snapshot = w->s,
					 .service = world_pair(w, r->policy, r->excuse),
					 .environment = r->environment,
					 .now = r->now };
	for (struct span f; (f = world_word(&words, ',')).n;) {
		enum finding_kind wanted;
		assert_true(finding_kind_read(f, &wanted));
		fail_on->deny[wanted] = true;
		ret->q.fail_on = fail_on;
	}
	size_t i = 0;
	while (i < RF_COUNT(kinds) && !span_eq_text(kind, kinds[i]))
		i++;
	assert_true(i < RF_COUNT(kinds));
	ret->s = (struct gate_subject){ .kind = i == 5 ? GATE_CONTENT : (enum gate_subject_kind)i, .name = name };
	if (i == 5)
		digest_of(name, &ret->s.digest);
}

static void ask_row(struct world *w, const struct row *r)
{
	struct gate_fail_on fail_on;
	struct asking k;
	asking_of(w, r, &fail_on, &k);
	if (span_starts(r->subject, "content "))
		ask_content(&k, k.s.name);
	else
		ask(&k, "by name");
}

static void every_row_is_decided_as_written(void **state)
{
	(void)state;
	struct world *w = world_new("tests/data/gate/decisions.txt", NOW, NULL, SPAN_NONE);
	assert_non_null(memo = gate_memo_new());
	for (size_t i = 0; i < w->row_count; i++)
		ask_row(w, &w->rows[i]);
	gate_memo_free(memo);
	print_message("%zu rows, %zu services, %u answers that end\n", w->row_count, w->pair_count, w->ends);
	assert_true(w->ends > 50);
	assert_int_equal(w->failures, 0);
	assert_true(w->row_count >= 1000);
	world_free(w);
}

/* Whatever allocation fails, no answer is given rather than a milder one. */
static void want_of_memory_is_no_answer(void **state)
{
	(void)state;
	struct world *w = world_new("tests/data/gate/decisions.txt", NOW, NULL, SPAN_NONE);
	for (size_t i = 0; i < w->row_count; i += 29) {
		struct gate_fail_on fail_on;
		struct asking k;
		asking_of(w, &w->rows[i], &fail_on, &k);
		if (span_starts(w->rows[i].subject, "content ")) {
			const struct content *c = world_content(w, k.s.name);
			k.s.digest = c->digest;
			k.s.facts = c->is_row_only ? NULL : c->facts;
			k.s.attestations = c->attestations;
			k.s.attestation_count = c->attestation_count;
		}
		int rc = RF_ENOMEM;
		for (long n = 1; n < 5000 && rc; n++) {
			struct gate_answer answer;
			struct err err = ERR_INIT;
			RF_AUTO(arena) a = ARENA_INIT(64 * MIB);
			k.q.explain = i % 2;
			rf_alloc_fail_after(n);
			rc = gate_judge(&a, &k.q, &k.s, &answer, &err);
			rf_alloc_fail_after(0);
			if (rc == 0)
				expect(&k, &answer);
			else
				assert_int_equal(rc, RF_ENOMEM);
		}
		assert_int_equal(rc, 0);
	}
	assert_int_equal(w->failures, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_decided_as_written),
		cmocka_unit_test(want_of_memory_is_no_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
