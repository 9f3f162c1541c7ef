/* str - see str.h */
#include "base/str.h"

#include "base/arena.h"

static bool reserve(struct str *s, size_t more)
{
	if (s->failed)
		return false;
	if (more > s->limit || s->n > s->limit - more) {
		s->failed = RF_ETOOBIG;
		return false;
	}
	size_t need = s->n + more + 1;
	if (need <= s->capacity)
		return true;
	size_t capacity = RF_MAX(need, RF_MIN(s->capacity * 2, s->limit + 1));
	capacity = RF_MAX(capacity, (size_t)64);
	char *p = rf_realloc_array(s->p, capacity, 1);
	if (!p) {
		s->failed = RF_ENOMEM;
		return false;
	}
	s->p = p;
	s->capacity = capacity;
	s->p[s->n] = '\0';
	return true;
}

void str_add(struct str *s, struct span bytes)
{
	if (bytes.n == 0 || !reserve(s, bytes.n))
		return;
	memcpy(s->p + s->n, bytes.p, bytes.n);
	s->n += bytes.n;
	s->p[s->n] = '\0';
}

void str_add_text(struct str *s, const char *text)
{
	str_add(s, span_of(text));
}

void str_add_byte(struct str *s, char c)
{
	/* half of what JSON is written of */
	if (s->failed || s->n + 2 > s->capacity || s->n >= s->limit) {
		str_add(s, (struct span){ &c, 1 });
		return;
	}
	s->p[s->n++] = c;
	s->p[s->n] = '\0';
}

void str_vaddf(struct str *s, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	char small[256];
	int n = vsnprintf(small, sizeof small, format, args);
	if (n >= 0 && (size_t)n < sizeof small) {
		str_add(s, (struct span){ small, (size_t)n });
	} else if (n >= 0 && reserve(s, (size_t)n)) {
		vsnprintf(s->p + s->n, (size_t)n + 1, format, again);
		s->n += (size_t)n;
	}
	va_end(again);
}

void str_addf(struct str *s, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	str_vaddf(s, format, args);
	va_end(args);
}

void str_add_hex(struct str *s, const void *bytes, size_t n)
{
	if (n > SIZE_MAX / 2 || !reserve(s, 2 * n))
		return;
	hex_write(bytes, n, s->p + s->n);
	s->n += 2 * n;
}

/* One UTF-8 character at *p: its length and code point, or length 1 and UINT32_MAX where it is none. */
static size_t decode(struct span s, size_t at, uint32_t *ret)
{
	for (size_t n = 1; n <= 4 && at + n <= s.n; n++) {
		struct span one = span_sub(s, at, n);
		if (!span_is_utf8(one))
			continue;
		const unsigned char *b = (const unsigned char *)one.p;
		uint32_t c = n == 1 ? b[0] : b[0] & (0xffu >> (n + 1));
		for (size_t i = 1; i < n; i++)
			c = c << 6 | (b[i] & 0x3fu);
		*ret = c;
		return n;
	}
	*ret = UINT32_MAX;
	return 1;
}

static bool moves_cursor(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x061c || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

static bool is_letter(struct span s, size_t at)
{
	return at < s.n && ((s.p[at] >= 'a' && s.p[at] <= 'z') || (s.p[at] >= 'A' && s.p[at] <= 'Z'));
}

/* The first ':' of "::error" with nothing or blanks before it, the second '#' of "##[" and "##vso[". */
static bool begins_command(struct span s, size_t at)
{
	size_t before = at, behind = at + 1;
	if (s.p[at] == '#') {
		while (at > 0 && s.p[at - 1] == '#' && is_letter(s, behind))
			behind++;
		return at > 0 && s.p[at - 1] == '#' && behind < s.n && s.p[behind] == '[';
	}
	while (before > 0 && s.p[before - 1] == ' ')
		before--;
	return s.p[at] == ':' && before == 0 && at + 1 < s.n && s.p[at + 1] == ':' && is_letter(s, at + 2);
}

void str_add_visible(struct str *s, struct span bytes)
{
	size_t from = 0, at = 0;
	while (at < bytes.n) {
		uint32_t c;
		/* most of most texts */
		if (bytes.p[at] >= 0x20 && bytes.p[at] < 0x7f && bytes.p[at] != '#' && bytes.p[at] != ':') {
			at++;
			continue;
		}
		size_t n = decode(bytes, at, &c);
		if (c != UINT32_MAX && !moves_cursor(c) && !begins_command(bytes, at)) {
			at += n;
			continue;
		}
		str_add(s, span_sub(bytes, from, at - from));
		if (c == '\n')
			str_add_text(s, "\\n");
		else if (c == '\t')
			str_add_text(s, "\\t");
		else if (c == '\r')
			str_add_text(s, "\\r");
		else if (c == UINT32_MAX || c < 0x100)
			str_addf(s, "\\x%02x", (unsigned char)bytes.p[at + n - 1]);
		else
			str_addf(s, "\\u{%04x}", c);
		at += n;
		from = at;
	}
	str_add(s, span_sub(bytes, from, at - from));
}

void str_add_html(struct str *s, struct span bytes)
{
	size_t from = 0, at = 0;
	while (at < bytes.n) {
		uint32_t c;
		size_t n = decode(bytes, at, &c);
		const char *instead = NULL;
		if (c == '&')
			instead = "&amp;";
		else if (c == '<')
			instead = "&lt;";
		else if (c == '>')
			instead = "&gt;";
		else if (c == '"')
			instead = "&quot;";
		else if (c == '\'')
			instead = "&#39;";
		else if (c == UINT32_MAX || (moves_cursor(c) && c != '\n' && c != '\t'))
			instead = "\xef\xbf\xbd";
		if (instead) {
			str_add(s, span_sub(bytes, from, at - from));
			str_add_text(s, instead);
			from = at + n;
		}
		at += n;
	}
	str_add(s, span_sub(bytes, from, at - from));
}

void str_reset(struct str *s)
{
	s->n = 0;
	s->failed = 0;
	if (s->p)
		s->p[0] = '\0';
}

void str_release(struct str *s)
{
	rf_free(s->p);
	*s = (struct str){ .limit = s->limit };
}

const char *str_text(const struct str *s)
{
	return s->p ? s->p : "";
}

struct span str_span(const struct str *s)
{
	return (struct span){ str_text(s), s->n };
}

int str_check(const struct str *s, const char *what, struct err *err)
{
	if (!s->failed)
		return 0;
	if (s->failed == RF_ENOMEM)
		return err_set(err, RF_ENOMEM, "%s: out of memory", what);
	return err_set(err, s->failed, "%s: larger than the limit of %zu bytes", what, s->limit);
}

char *str_take(struct str *s)
{
	char *p = s->failed ? NULL : s->p ? s->p : rf_text("");
	if (s->failed)
		rf_free(s->p);
	*s = (struct str){ .limit = s->limit };
	return p;
}

const char *text_bytes(uint64_t bytes, char buffer[32])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	size_t unit = 0;
	while (v >= 1024 && unit + 1 < RF_COUNT(units)) {
		v /= 1024;
		unit++;
	}
	snprintf(buffer, 32, unit ? "%.1f %s" : "%.0f %s", v, units[unit]);
	return buffer;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_read(struct span hex, void *bytes, size_t n)
{
	unsigned char *to = bytes;
	if (n > SIZE_MAX / 2 || hex.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit_of(hex.p[2 * i]), low = digit_of(hex.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		to[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

void hex_write(const void *bytes, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = bytes;
	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[from[i] >> 4];
		ret[2 * i + 1] = digits[from[i] & 15];
	}
	ret[2 * n] = '\0';
}
