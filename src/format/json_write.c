/*
 * json.h's writer (RFC 8259) and the canonical form. One byte of state a level: what the level is, whether it holds
 * something, whether a key waits for its value.
 */
#include "format/json.h"

#include "base/arena.h"
#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

enum { IN_OBJECT = 1, HAS_VALUE = 2, KEY_WAITS = 4 };

/* Integers up to here are exact in a double, and written as integers. */
static const double exact_integers = 9007199254740992.0;

struct json_out json_out(struct str *to, bool pretty)
{
	return (struct json_out){ .to = to, .pretty = pretty };
}

static unsigned char *state(struct json_out *o)
{
	return &o->state[RF_MIN(o->depth, (unsigned)JSON_MAX_DEPTH)];
}

static void new_line(struct json_out *o)
{
	if (!o->pretty || o->depth == 0)
		return;
	str_add_byte(o->to, '\n');
	for (unsigned i = 0; i < o->depth; i++)
		str_add_text(o->to, "  ");
}

/* What stands before a value: a comma in arrays, nothing behind a key. */
static void before_value(struct json_out *o)
{
	unsigned char *s = state(o);
	if (*s & IN_OBJECT) {
		assert((*s & KEY_WAITS) || o->to->failed);
		*s = (unsigned char)(*s & ~KEY_WAITS);
		return;
	}
	assert(o->depth > 0 || !(*s & HAS_VALUE) || o->to->failed);
	if (*s & HAS_VALUE)
		str_add_byte(o->to, ',');
	new_line(o);
	*s |= HAS_VALUE;
}

static void open_level(struct json_out *o, char bracket, unsigned char kind)
{
	before_value(o);
	str_add_byte(o->to, bracket);
	o->depth++;
	/* Deeper than anyone may read: an error of the whole, found by str_check(). */
	if (o->depth > JSON_MAX_DEPTH && !o->to->failed)
		o->to->failed = RF_ETOOBIG;
	*state(o) = kind;
}

static void close_level(struct json_out *o, char bracket)
{
	assert(o->depth > 0);
	assert(!(*state(o) & KEY_WAITS) || o->to->failed);
	bool any = *state(o) & HAS_VALUE;
	o->depth--;
	if (any && o->pretty) {
		str_add_byte(o->to, '\n');
		for (unsigned i = 0; i < o->depth; i++)
			str_add_text(o->to, "  ");
	}
	str_add_byte(o->to, bracket);
}

void json_object(struct json_out *o)
{
	open_level(o, '{', IN_OBJECT);
}

void json_object_end(struct json_out *o)
{
	close_level(o, '}');
}

void json_array(struct json_out *o)
{
	open_level(o, '[', 0);
}

void json_array_end(struct json_out *o)
{
	close_level(o, ']');
}

/* Bytes of the UTF-8 character at @p (RFC 3629), 0 when it is none. */
static size_t character_bytes(const unsigned char *p, size_t n)
{
	size_t length = p[0] < 0x80                   ? 1
			: p[0] >= 0xc2 && p[0] < 0xe0 ? 2
			: p[0] >= 0xe0 && p[0] < 0xf0 ? 3
			: p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						      : 0;
	return length > 0 && length <= n && span_is_utf8(span_bytes(p, length)) ? length : 0;
}

static void escape(struct str *to, unsigned char c)
{
	static const char *const shorthand[0x20] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"
	};
	if (c == '"')
		str_add_text(to, "\\\"");
	else if (c == '\\')
		str_add_text(to, "\\\\");
	else if (shorthand[c])
		str_add_text(to, shorthand[c]);
	else
		str_addf(to, "\\u%04x", c);
}

/* Eight bytes at once: none of them below 0x20, a quote, a backslash or above 0x7f. */
static bool eight_plain(const unsigned char *p)
{
	const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
	uint64_t w;
	memcpy(&w, p, sizeof w);
	uint64_t quote = w ^ ones * '"', backslash = w ^ ones * '\\';
	return ((w | ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) &
		high) == 0;
}

static void quoted(struct str *to, struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	str_add_byte(to, '"');
	for (size_t i = 0; i < s.n;) {
		size_t run = i;
		while (s.n - run >= 8 && eight_plain(p + run))
			run += 8;
		while (run < s.n && p[run] >= 0x20 && p[run] < 0x80 && p[run] != '"' && p[run] != '\\')
			run++;
		str_add(to, span_sub(s, i, run - i));
		i = run;
		if (i == s.n)
			break;
		if (p[i] < 0x80) {
			escape(to, p[i++]);
			continue;
		}
		size_t n = character_bytes(p + i, s.n - i);
		str_add(to, n ? span_sub(s, i, n) : SPAN("\xef\xbf\xbd"));
		i += n ? n : 1;
	}
	str_add_byte(to, '"');
}

void json_key_span(struct json_out *o, struct span key)
{
	unsigned char *s = state(o);
	assert(((*s & IN_OBJECT) && !(*s & KEY_WAITS)) || o->to->failed);
	if (*s & HAS_VALUE)
		str_add_byte(o->to, ',');
	new_line(o);
	*s |= HAS_VALUE | KEY_WAITS;
	quoted(o->to, key);
	str_add_text(o->to, o->pretty ? ": " : ":");
}

void json_key(struct json_out *o, const char *key)
{
	json_key_span(o, span_of(key));
}

void json_put_span(struct json_out *o, struct span s)
{
	before_value(o);
	quoted(o->to, s);
}

void json_put_text(struct json_out *o, const char *s)
{
	if (s)
		json_put_span(o, span_of(s));
	else
		json_put_null(o);
}

void json_putf(struct json_out *o, const char *format, ...)
{
	RF_AUTO(str) text = STR_INIT(o->to->limit);
	va_list args;
	va_start(args, format);
	str_vaddf(&text, format, args);
	va_end(args);
	if (text.failed && !o->to->failed)
		o->to->failed = text.failed;
	json_put_span(o, str_span(&text));
}

void json_put_i64(struct json_out *o, int64_t v)
{
	before_value(o);
	str_addf(o->to, "%" PRId64, v);
}

void json_put_u64(struct json_out *o, uint64_t v)
{
	char digits[20];
	size_t i = sizeof digits;
	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	before_value(o);
	str_add(o->to, (struct span){ digits + i, sizeof digits - i });
}

void json_put_double(struct json_out *o, double v)
{
	if (!isfinite(v)) {
		json_put_null(o);
		return;
	}
	char text[40];
	if (v == 0 && signbit(v))
		(void)snprintf(text, sizeof text, "-0.0"); /* "-0" would read back as the integer 0 */
	else if (v == floor(v) && fabs(v) < exact_integers)
		(void)snprintf(text, sizeof text, "%.0f", v);
	else
		for (int digits = 15; digits <= 17; digits++) {
			(void)snprintf(text, sizeof text, "%.*g", digits, v);
			if (strtod(text, NULL) == v)
				break;
		}
	before_value(o);
	str_add_text(o->to, text);
}

void json_put_bool(struct json_out *o, bool v)
{
	before_value(o);
	str_add_text(o->to, v ? "true" : "false");
}

void json_put_null(struct json_out *o)
{
	before_value(o);
	str_add_text(o->to, "null");
}

void json_put_time(struct json_out *o, int64_t usec)
{
	char text[TIME_TEXT_BYTES];
	if (usec == USEC_NONE)
		json_put_null(o);
	else
		json_put_text(o, time_text_usec(usec, text));
}

void json_put_raw(struct json_out *o, struct span json)
{
	before_value(o);
	str_add(o->to, json);
}

static void put_number(struct json_out *o, struct json v)
{
	int64_t i;
	uint64_t u;
	double d;
	if (json_i64(v, &i))
		json_put_i64(o, i);
	else if (json_u64(v, &u))
		json_put_u64(o, u);
	else if (json_double(v, &d))
		json_put_double(o, d);
}

/* Everything but containers. Absent values are written as null. */
static void put_scalar(struct json_out *o, struct json v)
{
	bool b = false;
	switch (json_kind(v)) {
	case JSON_BOOL:
		(void)json_bool(v, &b);
		json_put_bool(o, b);
		break;
	case JSON_INT:
	case JSON_UINT:
	case JSON_DOUBLE:
		put_number(o, v);
		break;
	case JSON_STRING:
		json_put_span(o, json_string(v));
		break;
	default:
		json_put_null(o);
	}
}

/* Recursion ends with the document's depth, at most JSON_MAX_DEPTH. */
void json_put_value(struct json_out *o, struct json v)
{
	enum json_kind kind = json_kind(v);
	if (kind != JSON_ARRAY && kind != JSON_OBJECT) {
		put_scalar(o, v);
		return;
	}
	open_level(o, kind == JSON_OBJECT ? '{' : '[', kind == JSON_OBJECT ? IN_OBJECT : 0);
	for (struct json_each it = json_each(v); json_next(&it);) {
		if (it.object)
			json_key_span(o, it.key);
		json_put_value(o, it.value);
	}
	close_level(o, kind == JSON_OBJECT ? '}' : ']');
}

void json_member(struct json_out *o, const char *key, const char *text)
{
	json_key(o, key);
	json_put_text(o, text);
}

void json_member_span(struct json_out *o, const char *key, struct span s)
{
	json_key(o, key);
	json_put_span(o, s);
}

void json_member_i64(struct json_out *o, const char *key, int64_t v)
{
	json_key(o, key);
	json_put_i64(o, v);
}

void json_member_u64(struct json_out *o, const char *key, uint64_t v)
{
	json_key(o, key);
	json_put_u64(o, v);
}

void json_member_double(struct json_out *o, const char *key, double v)
{
	json_key(o, key);
	json_put_double(o, v);
}

void json_member_bool(struct json_out *o, const char *key, bool v)
{
	json_key(o, key);
	json_put_bool(o, v);
}

void json_member_time(struct json_out *o, const char *key, int64_t usec)
{
	json_key(o, key);
	json_put_time(o, usec);
}

struct member {
	struct span key;
	struct json value;
};

static int by_key(const void *a, const void *b)
{
	return span_compare(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static int canonical_value(struct json_out *o, struct json v, struct err *err);

static int canonical_object(struct json_out *o, struct json v, struct err *err)
{
	size_t n = json_count(v);
	RF_AUTO_FREE struct member *members = rf_realloc_array(NULL, n + 1, sizeof *members);
	if (!members)
		return err_set(err, RF_ENOMEM, "out of memory for an object of %zu members", n);
	size_t i = 0;
	for (struct json_each it = json_each(v); json_next(&it); i++)
		members[i] = (struct member){ it.key, it.value };
	qsort(members, n, sizeof *members, by_key);
	json_object(o);
	for (i = 0; i < n; i++) {
		if (i > 0 && span_eq(members[i - 1].key, members[i].key)) {
			(void)err_set(err, RF_EFORMAT, "a member given twice has no canonical form (RFC 8785, 3.1)");
			return err_in_field(err, "%.*s", SPAN_ARG(members[i].key));
		}
		json_key_span(o, members[i].key);
		int rc = canonical_value(o, members[i].value, err);
		if (rc)
			return rc;
	}
	json_object_end(o);
	return 0;
}

static int canonical_value(struct json_out *o, struct json v, struct err *err)
{
	double d;
	switch (json_kind(v)) {
	case JSON_OBJECT:
		return canonical_object(o, v, err);
	case JSON_ARRAY:
		json_array(o);
		for (struct json_each it = json_each(v); json_next(&it);) {
			int rc = canonical_value(o, it.value, err);
			if (rc)
				return rc;
		}
		json_array_end(o);
		return 0;
	case JSON_DOUBLE: /* RFC 8785, 3.2.2.3: no negative zero */
		json_put_double(o, json_double(v, &d) && d == 0 ? 0 : d);
		return 0;
	default:
		put_scalar(o, v);
		return 0;
	}
}

int json_canonical(struct json v, struct str *ret, struct err *err)
{
	struct json_out o = json_out(ret, false);
	int rc = canonical_value(&o, v, err);
	return rc ? rc : str_check(ret, "canonical JSON", err);
}
