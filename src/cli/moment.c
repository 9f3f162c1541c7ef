/* Moments of options. See moment.h. */
#include "cli/moment.h"

int moment_judged(struct span text, usec_t now, usec_t *ret, struct err *err)
{
	struct err ignored = ERR_INIT;
	int64_t ago;
	usec_t at;
	if (time_read(text, &at, NULL, &ignored) != 0) {
		if (duration_read(text, &ago, &ignored) != 0)
			return err_set(err, RF_EUSAGE, "'%.*s' is no moment: 2026-07-14, 2026-07-14T09:30:00Z, or 3d for three days ago",
			               SPAN_ARG(span_sub(text, 0, 100)));
		at = now - ago;
	}
	if (at <= 0)
		return err_set(err, RF_EUSAGE, "'%.*s' is before 1970", SPAN_ARG(span_sub(text, 0, 100)));
	*ret = at;
	return 0;
}

int moment_read(struct span text, usec_t now, usec_t *ret, struct err *err)
{
	usec_t at;
	int rc = moment_judged(text, now, &at, err);
	if (rc)
		return rc;
	if (at > now)
		return err_set(err, RF_EUSAGE, "'%.*s' is still to come: only what was can be shown", SPAN_ARG(span_sub(text, 0, 100)));
	*ret = at;
	return 0;
}

int moment_ahead(struct span text, usec_t now, usec_t *ret, struct err *err)
{
	struct err ignored = ERR_INIT;
	int64_t later;
	usec_t at;
	if (time_read(text, &at, NULL, &ignored) != 0) {
		if (duration_read(text, &later, &ignored) != 0)
			return err_set(err, RF_EUSAGE, "'%.*s' is no moment: 2026-12-01, 2026-12-01T09:30:00Z, or 30d for in thirty days",
			               SPAN_ARG(span_sub(text, 0, 100)));
		at = now + later;
	}
	if (at <= now)
		return err_set(err, RF_EUSAGE, "'%.*s' is over: a moment that is still to come is needed", SPAN_ARG(span_sub(text, 0, 100)));
	*ret = at;
	return 0;
}

int moment_option(const struct invocation *in, usec_t *ret, struct err *err)
{
	const char *text = option_text(in, "at", NULL);
	*ret = 0;
	return text ? moment_read(span_of(text), now_usec(), ret, err) : 0;
}
