/* The task machine's names and table; the diagram stands in task.h. Pure. */
#include "response/task.h"

static const char *const NAMES[TASK_STATES] = {
	[TASK_PLANNED] = "planned", [TASK_BUILDING] = "building", [TASK_BUILT] = "built",
	[TASK_PROVEN] = "proven",   [TASK_FAILED] = "failed",     [TASK_BLOCKED] = "blocked",
};

static const bool MAY[TASK_STATES][TASK_STATES] = {
	[TASK_PLANNED] = { [TASK_BUILDING] = true, [TASK_BLOCKED] = true },
	[TASK_BUILDING] = { [TASK_BUILT] = true, [TASK_FAILED] = true, [TASK_BLOCKED] = true },
	[TASK_BUILT] = { [TASK_PROVEN] = true, [TASK_FAILED] = true, [TASK_BLOCKED] = true },
	[TASK_BLOCKED] = { [TASK_PLANNED] = true },
};

const char *task_state_name(enum task_state state)
{
	return (unsigned)state < TASK_STATES ? NAMES[state] : "?";
}

bool task_state_read(struct span name, enum task_state *ret)
{
	for (unsigned i = 0; i < TASK_STATES; i++) {
		if (span_eq_text(name, NAMES[i])) {
			*ret = (enum task_state)i;
			return true;
		}
	}
	return false;
}

bool task_may(enum task_state from, enum task_state to)
{
	return (unsigned)from < TASK_STATES && (unsigned)to < TASK_STATES && MAY[from][to];
}
