/* time - see time.h. Civil dates by the days-from-civil algorithm (proleptic Gregorian), no libc time zone. */
#include "base/time.h"

usec_t now_usec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (usec_t)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

mono_t mono_usec(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (mono_t)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + (int64_t)doe - 719468;
}

struct civil {
	int64_t year;
	unsigned month, day, hour, minute, second, usec;
};

static struct civil civil_of(usec_t t)
{
	int64_t days = t / USEC_PER_DAY, rest = t % USEC_PER_DAY;
	if (rest < 0) {
		rest += USEC_PER_DAY;
		days--;
	}
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;
	struct civil c = { .day = doy - (153 * mp + 2) / 5 + 1, .month = mp < 10 ? mp + 3 : mp - 9 };
	c.year = (int64_t)yoe + era * 400 + (c.month <= 2);
	int64_t seconds = rest / USEC_PER_SEC;
	c.hour = (unsigned)(seconds / 3600);
	c.minute = (unsigned)(seconds / 60 % 60);
	c.second = (unsigned)(seconds % 60);
	c.usec = (unsigned)(rest % USEC_PER_SEC);
	return c;
}

const char *time_text(usec_t t, char buffer[TIME_TEXT_BYTES])
{
	if (t == USEC_NONE)
		return memcpy(buffer, "-", 2);
	struct civil c = civil_of(t);
	snprintf(buffer, TIME_TEXT_BYTES, "%04lld-%02u-%02uT%02u:%02u:%02uZ", (long long)c.year, c.month, c.day, c.hour,
	         c.minute, c.second);
	return buffer;
}

const char *time_text_usec(usec_t t, char buffer[TIME_TEXT_BYTES])
{
	if (t == USEC_NONE)
		return time_text(t, buffer);
	struct civil c = civil_of(t);
	snprintf(buffer, TIME_TEXT_BYTES, "%04lld-%02u-%02uT%02u:%02u:%02u.%06uZ", (long long)c.year, c.month, c.day,
	         c.hour, c.minute, c.second, c.usec);
	return buffer;
}

const char *time_text_date(usec_t t, char buffer[TIME_TEXT_BYTES])
{
	if (t == USEC_NONE)
		return time_text(t, buffer);
	struct civil c = civil_of(t);
	snprintf(buffer, TIME_TEXT_BYTES, "%04lld-%02u-%02u", (long long)c.year, c.month, c.day);
	return buffer;
}

/* Exactly @n digits off the front of *s. */
static bool take_number(struct span *s, size_t n, unsigned *ret)
{
	uint64_t v;
	if (s->n < n || !span_u64(span_sub(*s, 0, n), &v))
		return false;
	*s = span_from(*s, n);
	*ret = (unsigned)v;
	return true;
}

static bool take_byte(struct span *s, const char *any_of)
{
	if (s->n == 0 || !strchr(any_of, s->p[0]) || s->p[0] == '\0')
		return false;
	*s = span_from(*s, 1);
	return true;
}

static bool take_date(struct span *s, struct civil *c)
{
	static const unsigned char length[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned year;
	if (!take_number(s, 4, &year) || !take_byte(s, "-") || !take_number(s, 2, &c->month) || !take_byte(s, "-") ||
	    !take_number(s, 2, &c->day))
		return false;
	c->year = year;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= length[c->month - 1] + (unsigned)(leap && c->month == 2);
}

static bool take_time(struct span *s, struct civil *c)
{
	if (!take_number(s, 2, &c->hour) || !take_byte(s, ":") || !take_number(s, 2, &c->minute) || !take_byte(s, ":") ||
	    !take_number(s, 2, &c->second))
		return false;
	if (c->hour > 23 || c->minute > 59 || c->second > 60)
		return false;
	if (take_byte(s, ".")) {
		unsigned scale = 100000, digits = 0;
		for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; *s = span_from(*s, 1), digits++) {
			c->usec += (unsigned)(s->p[0] - '0') * scale;
			scale /= 10;
		}
		return digits >= 1 && digits <= 9;
	}
	return true;
}

static bool take_zone(struct span *s, int64_t *ret_offset_usec)
{
	*ret_offset_usec = 0;
	if (s->n == 0 || take_byte(s, "Zz"))
		return true;
	bool minus = s->p[0] == '-';
	unsigned hours, minutes;
	if (!take_byte(s, "+-") || !take_number(s, 2, &hours) || !take_byte(s, ":") || !take_number(s, 2, &minutes) ||
	    hours > 23 || minutes > 59)
		return false;
	*ret_offset_usec = (int64_t)(hours * 60 + minutes) * USEC_PER_MIN * (minus ? -1 : 1);
	return true;
}

int time_read(struct span text, usec_t *ret, bool *ret_date_only, struct err *err)
{
	struct span s = span_trim(text);
	struct civil c = { 0 };
	int64_t offset = 0;
	bool good = take_date(&s, &c);
	bool date_only = good && s.n == 0;
	if (good && !date_only)
		good = take_byte(&s, "Tt ") && take_time(&s, &c) && take_zone(&s, &offset) && s.n == 0;
	if (!good)
		return err_set(err, RF_EFORMAT, "'%.*s' is no RFC 3339 date or date-time (2026-07-14T09:30:00Z)",
		               (int)RF_MIN(text.n, (size_t)60), text.p ? text.p : "");
	int64_t seconds = days_from_civil(c.year, c.month, c.day) * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
	*ret = seconds * USEC_PER_SEC + c.usec - offset;
	if (ret_date_only)
		*ret_date_only = date_only;
	return 0;
}

const char *duration_text(int64_t usec, char buffer[TIME_TEXT_BYTES])
{
	const char *sign = usec < 0 ? "-" : "";
	uint64_t u = usec < 0 ? (uint64_t)0 - (uint64_t)usec : (uint64_t)usec;
	unsigned long long ms = u / 1000, s = u / 1000000, m = s / 60, h = m / 60;
	if (u < 1000)
		snprintf(buffer, TIME_TEXT_BYTES, "%s%llu us", sign, (unsigned long long)u);
	else if (ms < 1000)
		snprintf(buffer, TIME_TEXT_BYTES, "%s%llu ms", sign, ms);
	else if (s < 60)
		snprintf(buffer, TIME_TEXT_BYTES, "%s%llu.%llu s", sign, s, ms % 1000 / 100);
	else if (m < 60)
		snprintf(buffer, TIME_TEXT_BYTES, "%s%llu min %02llu s", sign, m, s % 60);
	else if (h < 48)
		snprintf(buffer, TIME_TEXT_BYTES, "%s%llu h %02llu min", sign, h, m % 60);
	else
		snprintf(buffer, TIME_TEXT_BYTES, "%s%llu d %02llu h", sign, h / 24, h % 24);
	return buffer;
}

struct unit {
	const char *name;
	uint64_t value;
};

static const struct unit *unit_named(const struct unit *units, size_t n, struct span name)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_text(name, units[i].name))
			return &units[i];
	return NULL;
}

int duration_read(struct span text, int64_t *ret_usec, struct err *err)
{
	static const struct unit units[] = { { "us", 1 },         { "ms", 1000 },          { "s", USEC_PER_SEC },
		                             { "m", USEC_PER_MIN }, { "min", USEC_PER_MIN }, { "h", USEC_PER_HOUR },
		                             { "d", USEC_PER_DAY } };
	struct span rest = span_trim(text);
	uint64_t total = 0, most = (uint64_t)3653 * USEC_PER_DAY;
	if (rest.n == 0)
		return err_set(err, RF_EFORMAT, "an empty duration; write it as 30m, 4h, 90s, 250ms, 2d or 1h30m");
	while (rest.n) {
		size_t digits = 0, letters;
		while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
			digits++;
		letters = digits;
		while (letters < rest.n && rest.p[letters] >= 'a' && rest.p[letters] <= 'z')
			letters++;
		uint64_t v;
		const struct unit *unit = unit_named(units, RF_COUNT(units), span_sub(rest, digits, letters - digits));
		if (!unit || !span_u64(span_sub(rest, 0, digits), &v))
			return err_set(err, RF_EFORMAT, "'%.*s' is no duration; write it as 30m, 4h, 90s, 250ms, 2d or 1h30m",
			               (int)RF_MIN(text.n, (size_t)60), text.p);
		if (__builtin_mul_overflow(v, unit->value, &v) || __builtin_add_overflow(total, v, &total) || total > most)
			return err_set(err, RF_ETOOBIG, "'%.*s' is longer than 10 years", (int)RF_MIN(text.n, (size_t)60), text.p);
		rest = span_from(rest, letters);
	}
	*ret_usec = (int64_t)total;
	return 0;
}

int bytes_read(struct span text, uint64_t *ret, struct err *err)
{
	static const struct unit units[] = { { "", 1 },      { "B", 1 },        { "K", KIB }, { "KiB", KIB }, { "M", MIB },
		                             { "MiB", MIB }, { "G", GIB }, { "GiB", GIB },      { "T", 1024 * GIB }, { "TiB", 1024 * GIB } };
	struct span s = span_trim(text);
	size_t digits = 0;
	while (digits < s.n && s.p[digits] >= '0' && s.p[digits] <= '9')
		digits++;
	uint64_t v;
	const struct unit *unit = unit_named(units, RF_COUNT(units), span_trim(span_from(s, digits)));
	if (!unit || !span_u64(span_sub(s, 0, digits), &v))
		return err_set(err, RF_EFORMAT, "'%.*s' is no size; write it as 512MiB, 4GiB or a number of bytes",
		               (int)RF_MIN(text.n, (size_t)60), text.p ? text.p : "");
	if (__builtin_mul_overflow(v, unit->value, ret))
		return err_set(err, RF_ETOOBIG, "'%.*s' does not fit into 64 bits", (int)RF_MIN(text.n, (size_t)60), text.p);
	return 0;
}
