/* textproto - see the header. One pass, a recursion a message, never deeper than TEXTPROTO_MAX_DEPTH. */
#include "format/textproto.h"

struct reader {
	const char *p, *end;
	uint64_t line;
	unsigned depth;
	size_t fields;
	struct arena *a;
	const char *file;
	struct err *err;
};

struct list {
	const struct textproto *first;
	struct textproto *last;
};

static int refuse(struct reader *r, int code, const char *text)
{
	(void)err_set(r->err, code, "%s", text);
	if (r->file)
		(void)err_in_file(r->err, r->file);
	(void)err_at_line(r->err, r->line);
	return code;
}

static int no_memory(struct reader *r)
{
	return refuse(r, RF_ENOMEM, "out of memory");
}

static void skip_blanks(struct reader *r)
{
	for (; r->p < r->end; r->p++) {
		if (*r->p == '#')
			while (r->p < r->end && *r->p != '\n')
				r->p++;
		if (r->p == r->end)
			return;
		if (*r->p == '\n')
			r->line++;
		else if (*r->p != ' ' && *r->p != '\t' && *r->p != '\r' && *r->p != '\v' && *r->p != '\f')
			return;
	}
}

static bool at(const struct reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (!at(r, c))
		return false;
	r->p++;
	return true;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ── Strings ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static size_t utf8_put(char *to, uint32_t c)
{
	if (c < 0x80)
		return to[0] = (char)c, 1;
	if (c < 0x800)
		return to[0] = (char)(0xC0 | c >> 6), to[1] = (char)(0x80 | (c & 0x3F)), 2;
	if (c < 0x10000)
		return to[0] = (char)(0xE0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 0x3F)),
		       to[2] = (char)(0x80 | (c & 0x3F)), 3;
	to[0] = (char)(0xF0 | c >> 18), to[1] = (char)(0x80 | (c >> 12 & 0x3F));
	to[2] = (char)(0x80 | (c >> 6 & 0x3F)), to[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

/* Up to @most digits of @base at r->p; *ret_n says how many there were. */
static uint32_t digits(struct reader *r, int base, unsigned most, unsigned *ret_n)
{
	uint32_t value = 0;
	unsigned n = 0;
	for (int v; n < most && r->p < r->end && (v = hex_value(*r->p)) >= 0 && v < base; n++, r->p++)
		value = value * (uint32_t)base + (uint32_t)v;
	*ret_n = n;
	return value;
}

/* Behind a backslash; at most four bytes into @to. */
static int escape(struct reader *r, char *to, size_t *ret_n)
{
	static const char letters[] = "abfnrtv?\\'\"", values[] = "\a\b\f\n\r\t\v?\\'\"";
	if (r->p == r->end)
		return refuse(r, RF_ETRUNCATED, "the text ends inside a string");
	char c = *r->p;
	const char *simple = c ? strchr(letters, c) : NULL;
	unsigned n = 0;
	*ret_n = 1;
	if (simple) {
		r->p++;
		to[0] = values[simple - letters];
		return 0;
	}
	if (hex_value(c) >= 0 && hex_value(c) < 8) {
		uint32_t v = digits(r, 8, 3, &n);
		to[0] = (char)v;
		return v > 255 ? refuse(r, RF_EFORMAT, "an octal escape above \\377") : 0;
	}
	r->p++;
	if (c == 'x' || c == 'X') {
		to[0] = (char)digits(r, 16, 2, &n);
		return n ? 0 : refuse(r, RF_EFORMAT, "\\x without hexadecimal digits");
	}
	if (c != 'u' && c != 'U')
		return refuse(r, RF_EFORMAT, "an escape that the text format does not have");
	uint32_t v = digits(r, 16, c == 'u' ? 4 : 8, &n);
	if (n != (c == 'u' ? 4u : 8u) || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
		return refuse(r, RF_EFORMAT, "\\u wants 4, \\U 8 hexadecimal digits of one character");
	*ret_n = utf8_put(to, v);
	return 0;
}

/* One literal, appended at @to (room for all that is left of the text). */
static int literal(struct reader *r, char *to, size_t *n)
{
	char quote = *r->p++;
	while (r->p < r->end && *r->p != quote) {
		size_t more = 1;
		if (*r->p == '\n')
			return refuse(r, RF_EFORMAT, "a line end inside a string; write \\n");
		if (*r->p != '\\') {
			to[(*n)++] = *r->p++;
			continue;
		}
		r->p++;
		int rc = escape(r, to + *n, &more);
		if (rc)
			return rc;
		*n += more;
	}
	if (r->p == r->end)
		return refuse(r, RF_ETRUNCATED, "the text ends inside a string");
	r->p++;
	return 0;
}

/* Where the literals from r->p on end, at the latest: escapes only make them shorter. */
static size_t literals_room(const struct reader *r)
{
	char quote = 0;
	const char *p = r->p;
	for (; p < r->end; p++) {
		if (quote && *p == '\\' && p + 1 < r->end)
			p++;
		else if (quote)
			quote = *p == quote || *p == '\n' ? 0 : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '#')
			while (p + 1 < r->end && p[1] != '\n')
				p++;
		else if (*p != ' ' && *p != '\t' && *p != '\r' && *p != '\n' && *p != '\v' && *p != '\f')
			break;
	}
	return (size_t)(p - r->p);
}

static int string(struct reader *r, struct span *ret)
{
	char *to = arena_alloc(r->a, literals_room(r) + 4);
	size_t n = 0;
	if (!to)
		return no_memory(r);
	do {
		int rc = literal(r, to, &n);
		if (rc)
			return rc;
		skip_blanks(r);
	} while (at(r, '"') || at(r, '\''));
	*ret = span_bytes(to, n);
	return 0;
}

/* ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool is_token_byte(char c)
{
	return is_letter(c) || is_digit(c) || c == '.';
}

static int keep(struct reader *r, const char *from, struct span *ret)
{
	*ret = arena_span(r->a, span_bytes(from, (size_t)(r->p - from)));
	return ret->p ? 0 : no_memory(r);
}

/* A number or an identifier; the sign may stand apart from it. */
static int token(struct reader *r, struct span *ret)
{
	bool minus = take(r, '-');
	skip_blanks(r);
	const char *from = r->p;
	while (r->p < r->end && (is_token_byte(*r->p) ||
				 ((*r->p == '+' || *r->p == '-') && r->p > from && (r->p[-1] == 'e' || r->p[-1] == 'E') &&
				  (is_digit(*from) || *from == '.'))))
		r->p++;
	if (r->p == from)
		return refuse(r, r->p == r->end ? RF_ETRUNCATED : RF_EFORMAT,
			      "a value is missing: a string, a number, a word, { } or [ ]");
	int rc = keep(r, from, ret);
	if (rc == 0 && minus) {
		char *text = arena_printf(r->a, "-%.*s", SPAN_ARG(*ret));
		*ret = span_of(text);
		rc = text ? 0 : no_memory(r);
	}
	return rc;
}

static int field_name(struct reader *r, struct span *ret)
{
	const char *from = r->p;
	if (at(r, '[')) {
		while (r->p < r->end && *r->p != ']' && *r->p != '\n')
			r->p++;
		if (!at(r, ']'))
			return refuse(r, RF_EFORMAT, "an extension's name without its closing ]");
		r->p++;
		return keep(r, from, ret);
	}
	if (!is_letter(*r->p))
		return refuse(r, RF_EFORMAT, "a field's name is missing");
	while (r->p < r->end && (is_letter(*r->p) || is_digit(*r->p)))
		r->p++;
	return keep(r, from, ret);
}

/* ── Fields ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int message(struct reader *r, char closing, const struct textproto **ret);

static int add(struct reader *r, struct list *to, const struct textproto *field)
{
	if (r->fields == TEXTPROTO_MAX_FIELDS)
		return refuse(r, RF_ETOOMANY, "more than 200,000 fields");
	r->fields++;
	struct textproto *f = arena_alloc(r->a, sizeof *f);
	if (!f)
		return no_memory(r);
	*f = *field;
	if (to->last)
		to->last->next = f;
	else
		to->first = f;
	to->last = f;
	return 0;
}

/* One value: a string, a token or a message. */
static int value(struct reader *r, struct span name, struct list *to)
{
	struct textproto f = { .name = name, .line = r->line };
	int rc;
	skip_blanks(r);
	f.line = r->line;
	if (at(r, '"') || at(r, '\'')) {
		f.kind = TEXTPROTO_STRING;
		rc = string(r, &f.text);
	} else if (at(r, '{') || at(r, '<')) {
		f.kind = TEXTPROTO_MESSAGE;
		rc = message(r, *r->p++ == '{' ? '}' : '>', &f.fields);
	} else {
		f.kind = TEXTPROTO_TOKEN;
		rc = token(r, &f.text);
	}
	return rc ? rc : add(r, to, &f);
}

static const char no_colon[] = "a : is missing behind a field's name (only messages may go without)";

/* Behind "[": values with commas between. @colon stood before it. */
static int values(struct reader *r, struct span name, bool colon, struct list *to)
{
	if (take(r, ']'))
		return 0;
	for (;;) {
		skip_blanks(r);
		if (at(r, '['))
			return refuse(r, RF_EFORMAT, "a list inside a list; the text format has none");
		if (!colon && !at(r, '{') && !at(r, '<'))
			return refuse(r, r->p == r->end ? RF_ETRUNCATED : RF_EFORMAT, no_colon);
		int rc = value(r, name, to);
		if (rc)
			return rc;
		if (take(r, ']'))
			return 0;
		if (!take(r, ','))
			return refuse(r, r->p == r->end ? RF_ETRUNCATED : RF_EFORMAT, "a list wants , or ] here");
	}
}

static int field(struct reader *r, struct list *to)
{
	struct span name = SPAN_NONE;
	int rc = field_name(r, &name);
	if (rc)
		return rc;
	bool colon = take(r, ':');
	skip_blanks(r);
	if (!colon && !at(r, '{') && !at(r, '<') && !at(r, '['))
		return refuse(r, r->p == r->end ? RF_ETRUNCATED : RF_EFORMAT, no_colon);
	rc = take(r, '[') ? values(r, name, colon, to) : value(r, name, to);
	if (rc == 0 && !take(r, ';'))
		(void)take(r, ',');
	return rc;
}

/* Fields until @closing, or until the end of the text when it is 0. */
static int message(struct reader *r, char closing, const struct textproto **ret)
{
	struct list list = { 0 };
	int rc = 0;
	if (++r->depth > TEXTPROTO_MAX_DEPTH)
		return refuse(r, RF_ETOOBIG, "messages nested deeper than 32");
	for (;;) {
		skip_blanks(r);
		if (r->p == r->end && closing)
			return refuse(r, RF_ETRUNCATED, "the text ends inside a message");
		if (r->p == r->end || (closing && at(r, closing)))
			break;
		rc = field(r, &list);
		if (rc)
			return rc;
	}
	r->p += closing != 0;
	r->depth--;
	*ret = list.first;
	return 0;
}

int textproto_parse(struct span bytes, const char *file, struct arena *a, const struct textproto **ret, struct err *err)
{
	struct reader r = { .line = 1, .a = a, .file = file, .err = err };
	if (bytes.n > TEXTPROTO_MAX_BYTES)
		return refuse(&r, RF_ETOOBIG, "larger than 16 MiB");
	if (span_starts(bytes, "\xEF\xBB\xBF"))
		bytes = span_from(bytes, 3);
	r.p = bytes.n ? bytes.p : "";
	r.end = r.p + bytes.n;
	const struct textproto *first = NULL;
	int rc = message(&r, 0, &first);
	if (rc == 0)
		*ret = first;
	return rc;
}

const struct textproto *textproto_get(const struct textproto *list, const char *name)
{
	while (list && !span_eq_text(list->name, name))
		list = list->next;
	return list;
}

bool textproto_i64(const struct textproto *f, int64_t *ret)
{
	if (!f || f->kind != TEXTPROTO_TOKEN)
		return false;
	struct span s = f->text;
	bool minus = s.n && s.p[0] == '-';
	s = span_from(s, minus);
	int base = 10;
	if (s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X'))
		base = 16, s = span_from(s, 2);
	else if (s.n > 1 && s.p[0] == '0')
		base = 8, s = span_from(s, 1);
	uint64_t v = 0, most = (uint64_t)INT64_MAX + minus;
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int d = hex_value(s.p[i]);
		if (d < 0 || d >= base || v > (most - (uint64_t)d) / (uint64_t)base)
			return false;
		v = v * (uint64_t)base + (uint64_t)d;
	}
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool textproto_bool(const struct textproto *f, bool *ret)
{
	static const char *const words[2][4] = { { "false", "False", "f", "0" }, { "true", "True", "t", "1" } };
	for (size_t i = 0; f && f->kind == TEXTPROTO_TOKEN && i < 8; i++)
		if (span_eq_text(f->text, words[i / 4][i % 4])) {
			*ret = i / 4;
			return true;
		}
	return false;
}
