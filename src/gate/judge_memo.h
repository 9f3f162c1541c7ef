/*
 * judge_memo - answers of the judge kept while they are the answers: what one serving thread was told of an image or a
 * model it need not work out again for the next pod that has it.
 *
 * Exact by its key, which is the whole question: the snapshot, the moment, service, environment and place, kind and name of
 * the subject. gate_judge() is a function of these, so an answer from here is what it would say now, to the letter; nothing
 * that ends or begins with time (waivers, grace, age, stale feeds) has to be followed. All of it is forgotten with the
 * first review of another snapshot or moment. Whoever serves many asks with whole seconds, in which all that ends is
 * given, and so judges each subject once a second, however often it is asked about: a node that is drained or a
 * Deployment that is rolled out brings the same few images hundreds of times.
 *
 * One thread. At most GATE_MEMO_BYTES and GATE_MEMO_ANSWERS; what does not fit is judged each time.
 */
#ifndef REFORGE_GATE_JUDGE_MEMO_H
#define REFORGE_GATE_JUDGE_MEMO_H

#include "gate/judge.h"

#define GATE_MEMO_BYTES (2 * MIB)
#define GATE_MEMO_ANSWERS 2048

struct gate_memo;

struct gate_memo *gate_memo_new(void); /* NULL: out of memory */
void gate_memo_free(struct gate_memo *m); /* NULL is fine */

/*
 * Before the questions of one review, which all name @s and @now. @turn tells one snapshot from another that later
 * stands at the same address: never the same for two that were served from there; 0: nobody can tell, nothing is kept
 * from before. @s may be NULL: then nothing is asked.
 */
void gate_memo_begin(struct gate_memo *m, const struct gate_snapshot *s, uint64_t turn, usec_t now);

/*
 * As gate_judge() of an image or a model, the question's @explain and @fail_on unset. *@ret stands until the next
 * gate_memo_begin(), or lies in @a. @only_if_known: of a model below whose name nothing is known *@ret is NULL.
 */
RF_MUST_CHECK int gate_memo_judge(struct gate_memo *m, struct arena *a, const struct gate_question *q,
				  const struct gate_subject *subject, bool only_if_known,
				  const struct gate_answer **ret, struct err *err);

#endif
