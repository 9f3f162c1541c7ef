/*
 * judgement - the three answers of prove/: pass, fail, and "cannot tell".
 *
 * Cannot tell (inconclusive) is an answer of its own (design, law 2): what was not measured, or was measured without a
 * clear outcome, is never reported as pass. What to do about it is a decision, taken apart from the judgement and
 * recorded beside it: prove_holds().
 */
#ifndef REFORGE_PROVE_JUDGEMENT_H
#define REFORGE_PROVE_JUDGEMENT_H

#include "base/macros.h"

enum judgement { JUDGEMENT_PASS = 0, JUDGEMENT_FAIL = 1, JUDGEMENT_INCONCLUSIVE = 2 };

/* "pass", "fail", "inconclusive"; static. */
const char *judgement_name(enum judgement j);
/* The worse of two: fail, then inconclusive, then pass. */
enum judgement judgement_worse(enum judgement a, enum judgement b);

/* What a recipe wants done when performance cannot be told: prove.performance.cannot_tell: accept | hold. */
enum doubt_policy { DOUBT_ACCEPT = 0, DOUBT_HOLD = 1 };
const char *doubt_policy_name(enum doubt_policy p);

/*
 * Whether a release must wait. The judgements stay what they are whatever this says.
 *
 * numeric: anything but pass holds. A model whose answers could not be compared may be wrong, and nothing later in the
 * pipeline looks at every answer.
 *
 * performance: fail holds. Inconclusive holds only under DOUBT_HOLD. The default is DOUBT_ACCEPT: inconclusive means
 * that after the most samples the recipe allows the interval still covers the limit -- the machine was too noisy, or
 * the change is close to the limit; a change clearly beyond it would have been a fail. Keeping an engine with a known
 * code-execution flaw in service for a latency that may be 5 % higher is the worse risk, the canary measures latency
 * again under real traffic, and the figures with the words "cannot tell" go into proof, report and status as a
 * warning. Who owns a hard deadline (a vehicle) says `cannot_tell: hold`.
 */
bool prove_holds(enum judgement numeric, enum judgement performance, enum doubt_policy doubt);

#endif
