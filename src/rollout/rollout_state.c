/* The rollout machine's names and table; the diagram stands in rollout.h. Pure. */
#include "rollout/rollout.h"

static const char *const NAMES[ROLLOUT_STATES] = {
	[ROLLOUT_PUBLISHED] = "published", [ROLLOUT_SHADOW] = "shadow", [ROLLOUT_CANARY] = "canary",
	[ROLLOUT_PROMOTED] = "promoted",   [ROLLOUT_PAUSED] = "paused", [ROLLOUT_ROLLED_BACK] = "rolled_back",
};

static const bool MAY[ROLLOUT_STATES][ROLLOUT_STATES] = {
	[ROLLOUT_PUBLISHED] = { [ROLLOUT_SHADOW] = true,
				[ROLLOUT_CANARY] = true,
				[ROLLOUT_PAUSED] = true,
				[ROLLOUT_ROLLED_BACK] = true },
	[ROLLOUT_SHADOW] = { [ROLLOUT_CANARY] = true, [ROLLOUT_PAUSED] = true, [ROLLOUT_ROLLED_BACK] = true },
	[ROLLOUT_CANARY] = { [ROLLOUT_CANARY] = true,
			     [ROLLOUT_PROMOTED] = true,
			     [ROLLOUT_PAUSED] = true,
			     [ROLLOUT_ROLLED_BACK] = true },
	[ROLLOUT_PROMOTED] = { [ROLLOUT_ROLLED_BACK] = true },
	[ROLLOUT_PAUSED] = { [ROLLOUT_SHADOW] = true, [ROLLOUT_CANARY] = true, [ROLLOUT_ROLLED_BACK] = true },
};

const char *rollout_state_name(enum rollout_state state)
{
	return (unsigned)state < ROLLOUT_STATES ? NAMES[state] : "?";
}

bool rollout_state_read(struct span name, enum rollout_state *ret)
{
	for (unsigned i = 0; i < ROLLOUT_STATES; i++) {
		if (span_eq_text(name, NAMES[i])) {
			*ret = (enum rollout_state)i;
			return true;
		}
	}
	return false;
}

bool rollout_may(enum rollout_state from, enum rollout_state to)
{
	return (unsigned)from < ROLLOUT_STATES && (unsigned)to < ROLLOUT_STATES && MAY[from][to];
}
