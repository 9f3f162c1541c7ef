/* span - see span.h */
#include "base/span.h"

#include <locale.h>
#include <math.h>

struct span span_of(const char *text)
{
	return (struct span){ text, text ? strlen(text) : 0 };
}

struct span span_bytes(const void *p, size_t n)
{
	return (struct span){ p, n };
}

bool span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_eq_text(struct span a, const char *text)
{
	return span_eq(a, span_of(text));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool span_eq_nocase(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

int span_compare(struct span a, struct span b)
{
	size_t n = RF_MIN(a.n, b.n);
	int order = n ? memcmp(a.p, b.p, n) : 0;
	if (order)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool span_starts(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.n >= n && memcmp(s.p ? s.p : "", prefix, n) == 0;
}

bool span_ends(struct span s, const char *suffix)
{
	size_t n = strlen(suffix);
	return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

bool span_starts_nocase(struct span s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.n >= n && span_eq_nocase((struct span){ s.p, n }, span_of(prefix));
}

size_t span_find(struct span s, struct span needle)
{
	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return SIZE_MAX;
	const char *hit = memmem(s.p, s.n, needle.p, needle.n);
	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t span_find_byte(struct span s, char c)
{
	const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

size_t span_rfind_byte(struct span s, char c)
{
	const char *hit = s.n ? memrchr(s.p, c, s.n) : NULL;
	return hit ? (size_t)(hit - s.p) : SIZE_MAX;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s)
{
	while (s.n && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct span span_sub(struct span s, size_t from, size_t n)
{
	from = RF_MIN(from, s.n);
	return (struct span){ s.p ? s.p + from : NULL, RF_MIN(n, s.n - from) };
}

struct span span_cut(struct span s, size_t most)
{
	size_t n = RF_MIN(s.n, most);
	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return span_sub(s, 0, n);
}

struct span span_from(struct span s, size_t from)
{
	return span_sub(s, from, SIZE_MAX);
}

bool span_split(struct span *rest, char separator, struct span *ret_part)
{
	if (!rest->p)
		return false;
	size_t at = span_find_byte(*rest, separator);
	if (at == SIZE_MAX) {
		*ret_part = *rest;
		*rest = SPAN_NONE;
		return true;
	}
	*ret_part = span_sub(*rest, 0, at);
	*rest = span_from(*rest, at + 1);
	return true;
}

bool span_line(struct span *rest, struct span *ret_line)
{
	if (rest->n == 0)
		return false;
	size_t at = span_find_byte(*rest, '\n');
	struct span line = span_sub(*rest, 0, at);
	*rest = at == SIZE_MAX ? SPAN_NONE : span_from(*rest, at + 1);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	*ret_line = line;
	return true;
}

bool span_u64(struct span s, uint64_t *ret)
{
	uint64_t v = 0;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

bool span_i64(struct span s, int64_t *ret)
{
	bool negative = s.n > 1 && s.p[0] == '-';
	uint64_t v;
	if (!span_u64(span_from(s, negative ? 1 : 0), &v))
		return false;
	if (v > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return false;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool span_double(struct span s, double *ret)
{
	/* only what a decimal number is made of: strtod alone would take hex, inf and nan */
	char text[64];
	if (s.n == 0 || s.n >= sizeof text)
		return false;
	bool digit = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c >= '0' && c <= '9')
			digit = true;
		else if (c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E')
			return false;
	}
	if (!digit)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	char *end;
	static locale_t plain; /* "C": the decimal point is a point */
	locale_t c = __atomic_load_n(&plain, __ATOMIC_ACQUIRE);
	if (!c) {
		locale_t made = newlocale(LC_ALL_MASK, "C", (locale_t)0), none = (locale_t)0;
		if (!made)
			return false;
		c = made;
		if (!__atomic_compare_exchange_n(&plain, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			freelocale(made);
			c = none;
		}
	}
	double v = strtod_l(text, &end, c);
	if (*end != '\0' || !isfinite(v))
		return false;
	*ret = v;
	return true;
}

bool span_is_utf8(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
	while (p < end) {
		unsigned char c = *p++;
		if (c < 0x80)
			continue;
		unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		if (c < 0xc2 || c > 0xf4 || (size_t)(end - p) < more)
			return false;
		/* second byte's range excludes overlong forms, surrogates and what is past U+10FFFF (RFC 3629) */
		unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
		if (*p < low || *p > high)
			return false;
		p++;
		for (unsigned i = 1; i < more; i++, p++)
			if ((*p & 0xc0) != 0x80)
				return false;
	}
	return true;
}

bool span_is_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return s.n > 0;
}

uint16_t le16(const void *p)
{
	const unsigned char *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}

uint32_t le32(const void *p)
{
	const unsigned char *b = p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

uint64_t le64(const void *p)
{
	const unsigned char *b = p;
	return (uint64_t)le32(b) | (uint64_t)le32(b + 4) << 32;
}

void put_le16(void *p, uint16_t v)
{
	unsigned char *b = p;
	b[0] = (unsigned char)(v & 0xff);
	b[1] = (unsigned char)(v >> 8);
}

void put_le32(void *p, uint32_t v)
{
	unsigned char *b = p;
	for (int i = 0; i < 4; i++)
		b[i] = (unsigned char)(v >> (8 * i) & 0xff);
}

void put_le64(void *p, uint64_t v)
{
	put_le32(p, (uint32_t)(v & 0xffffffffu));
	put_le32((unsigned char *)p + 4, (uint32_t)(v >> 32));
}
