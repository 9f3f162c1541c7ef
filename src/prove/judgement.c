/* judgement - words and the order of judgements; judgement.h is the manual. */
#include "prove/judgement.h"

const char *judgement_name(enum judgement j)
{
	switch (j) {
	case JUDGEMENT_PASS:
		return "pass";
	case JUDGEMENT_FAIL:
		return "fail";
	case JUDGEMENT_INCONCLUSIVE:
		return "inconclusive";
	}
	return "?";
}

enum judgement judgement_worse(enum judgement a, enum judgement b)
{
	if (a == JUDGEMENT_FAIL || b == JUDGEMENT_FAIL)
		return JUDGEMENT_FAIL;
	if (a == JUDGEMENT_INCONCLUSIVE || b == JUDGEMENT_INCONCLUSIVE)
		return JUDGEMENT_INCONCLUSIVE;
	return JUDGEMENT_PASS;
}

const char *doubt_policy_name(enum doubt_policy p)
{
	return p == DOUBT_HOLD ? "hold" : "accept";
}

bool prove_holds(enum judgement numeric, enum judgement performance, enum doubt_policy doubt)
{
	if (numeric != JUDGEMENT_PASS || performance == JUDGEMENT_FAIL)
		return true;
	return performance == JUDGEMENT_INCONCLUSIVE && doubt == DOUBT_HOLD;
}
