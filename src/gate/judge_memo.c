/* judge_memo - see the header. */
#include "gate/judge_memo.h"

#include "base/hash.h"

#define MAX_KEY_BYTES 1024 /* names beyond it are not kept */

struct kept {
	const struct gate_answer *answer; /* NULL: not known */
};

struct gate_memo {
	const struct gate_snapshot *snapshot;
	uint64_t turn;
	usec_t now;
	struct arena arena;
	struct map answers; /* struct kept, by key_of() */
};

struct gate_memo *gate_memo_new(void)
{
	struct gate_memo *m = rf_alloc(sizeof *m);
	if (m)
		*m = (struct gate_memo){ .arena = ARENA_INIT(GATE_MEMO_BYTES), .answers = MAP_INIT };
	return m;
}

void gate_memo_free(struct gate_memo *m)
{
	if (!m)
		return;
	map_release(&m->answers);
	arena_release(&m->arena);
	rf_free(m);
}

void gate_memo_begin(struct gate_memo *m, const struct gate_snapshot *s, uint64_t turn, usec_t now)
{
	if (turn && m->turn == turn && m->snapshot == s && m->now == now && !m->arena.full)
		return;
	m->snapshot = s;
	m->turn = turn;
	m->now = now;
	map_release(&m->answers);
	arena_reset(&m->arena);
}

/* Every part behind its length: no two questions have one key. Empty: too long. */
static struct span key_of(const struct gate_question *q, const struct gate_subject *s, bool only_if_known, char *to)
{
	const struct span parts[] = { s->name, q->service, q->environment, q->cluster, q->namespace_, s->node };
	size_t n = 0;
	to[n++] = (char)(2 * s->kind + only_if_known);
	for (size_t i = 0; i < RF_COUNT(parts); i++) {
		const uint32_t length = (uint32_t)parts[i].n;
		if (parts[i].n > MAX_KEY_BYTES - n - sizeof length || MAX_KEY_BYTES - n < sizeof length)
			return SPAN_NONE;
		memcpy(to + n, &length, sizeof length);
		n += sizeof length;
		if (length)
			memcpy(to + n, parts[i].p, length);
		n += length;
	}
	return span_bytes(to, n);
}

static int judge_into(struct arena *a, const struct gate_question *q, const struct gate_subject *s, bool only_if_known,
		      const struct gate_answer **ret, struct err *err)
{
	*ret = NULL;
	/* beside a part nothing is known to be none */
	if (only_if_known && !gate_model_is_known(q, s) && gate_snapshot_covers(q->snapshot, s->name))
		return 0;
	struct gate_answer *answer = arena_alloc(a, sizeof *answer);
	if (!answer)
		return err_set(err, RF_ENOMEM, "no memory for an answer");
	*ret = answer;
	return gate_judge(a, q, s, answer, err);
}

int gate_memo_judge(struct gate_memo *m, struct arena *a, const struct gate_question *q, const struct gate_subject *subject,
		    bool only_if_known, const struct gate_answer **ret, struct err *err)
{
	char text[MAX_KEY_BYTES];
	struct span key = key_of(q, subject, only_if_known, text);
	if (!key.n)
		return judge_into(a, q, subject, only_if_known, ret, err);
	const struct kept *known = map_get(&m->answers, key);
	if (known) {
		*ret = known->answer;
		return 0;
	}
	if (m->arena.full || m->answers.count == GATE_MEMO_ANSWERS)
		return judge_into(a, q, subject, only_if_known, ret, err);
	int rc = judge_into(&m->arena, q, subject, only_if_known, ret, err);
	if (rc == RF_ENOMEM && m->arena.full) /* more than is kept here: the review has room of its own */
		return judge_into(a, q, subject, only_if_known, ret, err);
	if (rc)
		return rc;
	struct kept *k = arena_alloc(&m->arena, sizeof *k);
	key = arena_span(&m->arena, key);
	if (!k || !key.p)
		return 0; /* the answer is whole, only not found again */
	k->answer = *ret;
	return map_set(&m->answers, key, k) == 0 ? 0 : err_set(err, RF_ENOMEM, "no memory for an answer");
}
