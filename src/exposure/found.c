/* What was found, rated as waivers' and debts' neighbours rate it. See found.h. */
#include "exposure/found.h"

#include "exposure/priority.h"

enum severity_rating severity_rating_of(int severity)
{
	return severity >= 90   ? SEVERITY_CRITICAL
	       : severity >= 70 ? SEVERITY_HIGH
	       : severity >= 40 ? SEVERITY_MEDIUM
	       : severity > 0   ? SEVERITY_LOW
				: SEVERITY_NONE;
}

const char *severity_rating_name(enum severity_rating r)
{
	static const char *const names[] = { "none", "low", "medium", "high", "critical" };
	return (size_t)r < RF_COUNT(names) ? names[r] : "none";
}

void found_rate(const struct stored_advisory *v, int *ret_severity, bool *ret_kev)
{
	const struct priority_facts f = priority_facts_of(v);
	*ret_severity = f.cvss < 0 ? -1 : (int)(f.cvss * 10 + 0.5);
	*ret_kev = f.kev;
}
