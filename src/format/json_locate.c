/*
 * Where JSON breaks RFC 8259. Runs only after simdjson refused a text; a plain scanner without recursion that keeps
 * one bit a level. Its own verdict is not used, only its place: where both disagree, no offset is told.
 */
#include "format/json.h"
#include "format/json_int.h"

struct scan {
	struct span s;
	size_t at;
	unsigned depth;
	bool object[JSON_MAX_DEPTH + 1];
};

static bool at_end(const struct scan *c)
{
	return c->at >= c->s.n;
}

static char peek(const struct scan *c)
{
	return at_end(c) ? '\0' : c->s.p[c->at];
}

static void blanks(struct scan *c)
{
	while (!at_end(c) && (peek(c) == ' ' || peek(c) == '\t' || peek(c) == '\n' || peek(c) == '\r'))
		c->at++;
}

static bool take(struct scan *c, char wanted)
{
	if (at_end(c) || peek(c) != wanted)
		return false;
	c->at++;
	return true;
}

static bool literal(struct scan *c, const char *word)
{
	for (; *word; word++)
		if (!take(c, *word))
			return false;
	return true;
}

static bool digits(struct scan *c)
{
	size_t start = c->at;
	while (peek(c) >= '0' && peek(c) <= '9')
		c->at++;
	return c->at > start;
}

static bool number(struct scan *c)
{
	(void)take(c, '-');
	if (!take(c, '0') && !digits(c))
		return false;
	if (take(c, '.') && !digits(c))
		return false;
	if (take(c, 'e') || take(c, 'E')) {
		if (!take(c, '+'))
			(void)take(c, '-');
		return digits(c);
	}
	return true;
}

static bool is_hex(char ch)
{
	return (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
}

static bool escape(struct scan *c)
{
	char ch = peek(c);
	if (at_end(c) || ch == '\0' || !strchr("\"\\/bfnrtu", ch))
		return false;
	c->at++;
	for (int i = 0; ch == 'u' && i < 4; i++, c->at++)
		if (!is_hex(peek(c)))
			return false;
	return true;
}

/* One character, so that a bad UTF-8 sequence is told at its first byte. */
static bool character(struct scan *c)
{
	unsigned char lead = (unsigned char)peek(c);
	if (lead < 0x20)
		return false;
	size_t n = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (!span_is_utf8(span_sub(c->s, c->at, n)))
		return false;
	c->at += n;
	return true;
}

static bool string(struct scan *c)
{
	if (!take(c, '"'))
		return false;
	while (!at_end(c) && peek(c) != '"') {
		if (take(c, '\\') ? !escape(c) : !character(c))
			return false;
	}
	return take(c, '"');
}

static bool scalar(struct scan *c)
{
	switch (peek(c)) {
	case '"':
		return string(c);
	case 't':
		return literal(c, "true");
	case 'f':
		return literal(c, "false");
	case 'n':
		return literal(c, "null");
	default:
		return number(c);
	}
}

static bool key(struct scan *c)
{
	blanks(c);
	if (!string(c))
		return false;
	blanks(c);
	return take(c, ':');
}

/* Opens a container; *closed when it is empty and was closed at once. False: too deep. */
static bool open_container(struct scan *c, bool *closed)
{
	bool object = peek(c) == '{';
	if (c->depth == JSON_MAX_DEPTH)
		return false;
	c->at++;
	blanks(c);
	*closed = take(c, object ? '}' : ']');
	if (!*closed)
		c->object[++c->depth] = object;
	return *closed || !object || key(c);
}

/* After a value: closes what ends here, or steps over a comma to the next value. */
static bool after_value(struct scan *c)
{
	for (blanks(c); c->depth > 0; blanks(c)) {
		if (take(c, ','))
			return !c->object[c->depth] || key(c);
		if (!take(c, c->object[c->depth] ? '}' : ']'))
			return false;
		c->depth--;
	}
	return true;
}

/* True when all of it is one value; else scan.at is the first wrong byte. */
static bool scan_document(struct scan *c)
{
	do {
		blanks(c);
		bool closed = true;
		if (peek(c) == '{' || peek(c) == '[') {
			if (!open_container(c, &closed))
				return false;
		} else if (!scalar(c)) {
			return false;
		}
		if (closed && !after_value(c))
			return false;
	} while (c->depth > 0);
	return at_end(c);
}

int json_fail(struct span bytes, const char *words, struct err *err)
{
	struct scan c = { .s = bytes, .at = span_starts(bytes, "\xef\xbb\xbf") ? 3 : 0 };
	blanks(&c);
	if (at_end(&c))
		return err_set(err, RF_EFORMAT, "no JSON: the text is empty");
	if (scan_document(&c))
		return err_set(err, RF_EFORMAT, "not JSON (RFC 8259): %s", words);
	if (c.depth == JSON_MAX_DEPTH && !at_end(&c) && (peek(&c) == '{' || peek(&c) == '['))
		(void)err_set(err, RF_EFORMAT, "JSON nested deeper than %d levels", JSON_MAX_DEPTH);
	else if (at_end(&c))
		(void)err_set(err, RF_EFORMAT, "JSON ends in the middle of a value (RFC 8259)");
	else
		(void)err_set(err, RF_EFORMAT, "not JSON (RFC 8259): unexpected byte 0x%02x", (unsigned char)peek(&c));
	uint64_t line = 1;
	for (size_t i = 0; i < c.at; i++)
		line += bytes.p[i] == '\n';
	(void)err_at_line(err, line);
	return err ? err_at_offset(err, c.at) : RF_EFORMAT;
}
