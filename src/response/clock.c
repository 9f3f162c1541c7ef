/* The clock: T0, limits, what was met and what was missed. Pure; clock.h is the manual. */
#include "response/clock.h"

const struct clock_limits CLOCK_DEFAULT_LIMITS = { {
	[CLOCK_CONFIRM] = 30 * USEC_PER_MIN,
	[CLOCK_ENVIRONMENT] = 1 * USEC_PER_HOUR,
	[CLOCK_REBUILD] = 4 * USEC_PER_HOUR,
	[CLOCK_CANARY] = 8 * USEC_PER_HOUR,
	[CLOCK_FLEET] = 24 * USEC_PER_HOUR,
} };

static const struct {
	const char *name, *title, *chinese;
} STAGES[CLOCK_STAGES + 1] = {
	[CLOCK_CONFIRM] = { "confirm", "Confirm", "确认" },
	[CLOCK_ENVIRONMENT] = { "environment", "Build environment", "构建环境" },
	[CLOCK_REBUILD] = { "rebuild", "Rebuild and test", "重建与测试" },
	[CLOCK_CANARY] = { "canary", "Canary", "灰度" },
	[CLOCK_FLEET] = { "fleet", "Whole fleet", "全量" },
	[CLOCK_STAGES] = { "done", "Done", "完成" },
};

const char *clock_stage_name(enum clock_stage stage)
{
	return (unsigned)stage <= CLOCK_STAGES ? STAGES[stage].name : "?";
}

const char *clock_stage_title(enum clock_stage stage, bool chinese)
{
	if ((unsigned)stage > CLOCK_STAGES)
		return "?";
	return chinese ? STAGES[stage].chinese : STAGES[stage].title;
}

const char *clock_result_name(enum clock_result result)
{
	static const char *const NAMES[] = { "nothing", "running", "late", "met", "missed" };
	return (unsigned)result < RF_COUNT(NAMES) ? NAMES[result] : "?";
}

/* Of one advisory, without regard to placements. */
static usec_t source_t0(const struct clock_source *s, const char **ret_why)
{
	if (s->is_backlog) {
		*ret_why = "import";
		return s->imported_at;
	}
	if (s->published_at != USEC_NONE && !s->published_date_only && s->published_at <= s->first_seen_at) {
		*ret_why = "published";
		return s->published_at;
	}
	*ret_why = "first seen";
	return s->first_seen_at;
}

usec_t clock_t0(const struct clock_source *sources, size_t n, usec_t placement_since, const char **ret_source)
{
	usec_t t0 = USEC_NONE;
	const char *source = "first seen";
	for (size_t i = 0; i < n; i++) {
		const char *why;
		usec_t t = source_t0(&sources[i], &why);
		if (t0 == USEC_NONE || t < t0) {
			t0 = t;
			source = why;
		}
	}
	if (placement_since != USEC_NONE && placement_since > t0) {
		t0 = placement_since;
		source = "placement";
	}
	if (ret_source)
		*ret_source = source;
	return t0;
}

static enum clock_result judge(const struct clock_row *row, usec_t now)
{
	if (row->reached_at != USEC_NONE)
		return row->reached_at <= row->due_at ? CLOCK_MET : CLOCK_MISSED;
	if (row->m == 0)
		return CLOCK_NOTHING;
	return now <= row->due_at ? CLOCK_RUNNING : CLOCK_LATE;
}

void clock_evaluate(usec_t t0, const struct clock_limits *limits, const usec_t *reached, const int64_t *n,
		    const int64_t *m, usec_t now, struct clock_row ret[CLOCK_STAGES])
{
	for (int s = 0; s < CLOCK_STAGES; s++) {
		struct clock_row *row = &ret[s];
		*row = (struct clock_row){ .stage = (enum clock_stage)s,
					   .due_at = t0 + limits->usec[s],
					   .reached_at = reached[s],
					   .limit_usec = limits->usec[s],
					   .n = n[s],
					   .m = m[s] };
		row->elapsed_usec = (row->reached_at != USEC_NONE ? row->reached_at : now) - t0;
		row->result = judge(row, now);
	}
}
