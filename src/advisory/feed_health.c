/* feed_health - what a run says about its feed. Pure. */
#include "advisory/feed_int.h"

static const struct {
	const char *name;
	bool taints;
} ALARMS[FEED_ALARM_KINDS] = {
	[FEED_ALARM_STALLED] = { "stalled", true },       [FEED_ALARM_EMPTY] = { "empty", true },
	[FEED_ALARM_SHRUNK] = { "shrunk", true },         [FEED_ALARM_UNREADABLE] = { "unreadable", true },
	[FEED_ALARM_FAILED] = { "failed", false },        [FEED_ALARM_HASH] = { "hash", false },
	[FEED_ALARM_KEYS] = { "keys", false },
};

const char *feed_alarm_name(enum feed_alarm_kind kind)
{
	return ALARMS[kind].name;
}

bool feed_alarm_taints(enum feed_alarm_kind kind)
{
	return ALARMS[kind].taints;
}

static void raise_alarm(struct feed_verdict *v, enum feed_alarm_kind kind, const char *format, ...) RF_PRINTF(3, 4);
static void raise_alarm(struct feed_verdict *v, enum feed_alarm_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	v->raised[kind] = true;
	(void)vsnprintf(v->text[kind], sizeof v->text[kind], format, args);
	va_end(args);
}

static void judge_count(const struct feed_report *p, int64_t expected, struct feed_verdict *v)
{
	if (p->records == 0 && expected > 0)
		raise_alarm(v, FEED_ALARM_EMPTY, "nothing where %lld records were; what they said stays", (long long)expected);
	else if (p->records == 0)
		raise_alarm(v, FEED_ALARM_EMPTY, "nothing in it");
	else if (p->records < expected)
		raise_alarm(v, FEED_ALARM_SHRUNK, "%lld records where %lld were; what the others said stays", (long long)p->records,
		            (long long)expected);
}

static void judge_keys(const struct drift *d, struct feed_verdict *v)
{
	RF_AUTO(str) names = STR_INIT(4 * KIB);
	if (!d->count)
		return;
	for (size_t i = 0; i < d->count && names.n < 100; i++)
		str_addf(&names, "%s%s", i ? ", " : "", d->keys[i]);
	raise_alarm(v, FEED_ALARM_KEYS, "members its format does not name: %s", str_text(&names));
}

void feed_judge(const struct feed_report *p, const struct drift *drift, int64_t expected, int64_t age_usec, int64_t max_age_usec,
                struct feed_verdict *ret)
{
	char age[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
	*ret = (struct feed_verdict){ 0 };
	if (p->failed) {
		raise_alarm(ret, FEED_ALARM_FAILED, "%s", rf_error_text(p->failed));
		if (age_usec < 0)
			raise_alarm(ret, FEED_ALARM_STALLED, "no complete run yet");
		else if (age_usec > max_age_usec)
			raise_alarm(ret, FEED_ALARM_STALLED, "no complete run for %s, limit %s", duration_text(age_usec, age),
			            duration_text(max_age_usec, limit));
	} else {
		judge_count(p, expected, ret);
	}
	if (p->expired)
		raise_alarm(ret, FEED_ALARM_STALLED, "the bundle has expired; what it says was taken in");
	else if (p->source_age_usec == INT64_MAX)
		raise_alarm(ret, FEED_ALARM_STALLED, "a feed of the bundle's site has had no complete run");
	else if (p->source_age_usec > max_age_usec)
		raise_alarm(ret, FEED_ALARM_STALLED, "what the bundle holds is %s old, limit %s",
		            duration_text(p->source_age_usec, age), duration_text(max_age_usec, limit));
	/* one document of fifty may be broken: it is told, and counted */
	int64_t all = RF_MAX(p->looked_at, p->records);
	if (p->refused * 50 > all)
		raise_alarm(ret, FEED_ALARM_UNREADABLE, "%lld of %lld documents cannot be read", (long long)p->refused, (long long)all);
	if (p->wrong_hashes)
		raise_alarm(ret, FEED_ALARM_HASH, "%lld documents are not what their published hash says; kept", (long long)p->wrong_hashes);
	judge_keys(drift, ret);
}
