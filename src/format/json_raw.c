/* Long documents in pieces: members and elements by their quotes and brackets. See json.h. */
#include "format/json.h"

#define BATCH_BYTES (256 * KIB)

struct cut {
	struct span text;
	size_t at;
	struct err *err;
};

static int refuse(struct cut *c, const char *rule)
{
	(void)err_set(c->err, RF_EFORMAT, "%s", rule);
	return c->err ? err_at_offset(c->err, c->at) : RF_EFORMAT;
}

static char peek(const struct cut *c)
{
	return c->at < c->text.n ? c->text.p[c->at] : '\0';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void blanks(struct cut *c)
{
	while (c->at < c->text.n && is_blank(c->text.p[c->at]))
		c->at++;
}

/* From an opening quote to behind the closing one. */
static int string_skip(struct cut *c)
{
	size_t from = ++c->at;
	for (;;) {
		const char *start = c->text.p + c->at;
		const char *quote = c->at < c->text.n ? memchr(start, '"', c->text.n - c->at) : NULL;
		if (!quote)
			return refuse(c, "a string that does not end");
		c->at = (size_t)(quote - c->text.p);
		size_t slashes = 0;
		while (c->at - slashes > from && c->text.p[c->at - slashes - 1] == '\\')
			slashes++;
		c->at++;
		if (slashes % 2 == 0)
			return 0;
	}
}

/* A number, true, false, null: up to what may follow one. */
static int scalar_skip(struct cut *c)
{
	size_t from = c->at;
	while (c->at < c->text.n && !is_blank(c->text.p[c->at]) && !memchr(",]}[{\":", c->text.p[c->at], 7))
		c->at++;
	return c->at > from ? 0 : refuse(c, "a value is missing");
}

/* An array or object: its brackets pair up; what is between is left to the parser. */
static int nested_skip(struct cut *c)
{
	char closers[JSON_RAW_MAX_DEPTH];
	size_t depth = 0;
	do {
		char b = peek(c);
		if (c->at >= c->text.n)
			return refuse(c, "an array or object that does not end");
		if (b == '"') {
			int rc = string_skip(c);
			if (rc < 0)
				return rc;
			continue;
		}
		if (b == '[' || b == '{') {
			if (depth == JSON_RAW_MAX_DEPTH)
				return refuse(c, "arrays and objects more than 256 deep");
			closers[depth++] = b == '[' ? ']' : '}';
		} else if (b == ']' || b == '}') {
			if (closers[--depth] != b)
				return refuse(c, "brackets that do not pair up");
		}
		c->at++;
	} while (depth);
	return 0;
}

static int value_skip(struct cut *c, struct span *ret)
{
	blanks(c);
	size_t from = c->at;
	char first = peek(c);
	int rc = first == '"' ? string_skip(c) : first == '[' || first == '{' ? nested_skip(c) : scalar_skip(c);
	*ret = span_sub(c->text, from, c->at - from);
	return rc;
}

static int member_take(struct cut *c, struct span *ret_key, struct span *ret_value)
{
	if (peek(c) != '"')
		return refuse(c, "the name of a member stands in quotes");
	size_t from = c->at;
	int rc = string_skip(c);
	if (rc < 0)
		return rc;
	*ret_key = span_sub(c->text, from + 1, c->at - from - 2);
	if (span_find_byte(*ret_key, '\\') != SIZE_MAX)
		return refuse(c, "a member's name with an escape: it could hide what the member is");
	blanks(c);
	if (peek(c) != ':')
		return refuse(c, "a colon stands behind the name of a member");
	c->at++;
	return value_skip(c, ret_value);
}

/* A comma (0), or @close (1). */
static int separator_take(struct cut *c, char close)
{
	blanks(c);
	char b = peek(c);
	if (b != ',' && b != close)
		return refuse(c, "a comma, or the closing bracket");
	c->at++;
	blanks(c);
	if (b == ',' && peek(c) == close)
		return refuse(c, "a comma in front of the closing bracket");
	return b == close;
}

int json_raw_members(struct span text, int (*visit)(struct span key, struct span value, void *data), void *data,
		     struct err *err)
{
	struct cut c = { .text = text, .err = err, .at = span_starts(text, "\xef\xbb\xbf") ? 3 : 0 };
	blanks(&c);
	if (peek(&c) != '{')
		return refuse(&c, "an object begins with {");
	c.at++;
	blanks(&c);
	bool end = peek(&c) == '}';
	c.at += end;
	while (!end) {
		struct span key, value;
		int rc = member_take(&c, &key, &value);
		if (rc == 0)
			rc = visit(key, value, data);
		if (rc)
			return rc;
		rc = separator_take(&c, '}');
		if (rc < 0)
			return rc;
		end = rc == 1;
	}
	blanks(&c);
	return c.at < text.n ? refuse(&c, "bytes behind the object") : 0;
}

struct batch {
	struct span array;
	struct str text; /* "[" elements "]" */
	struct json_doc *doc;
	int (*visit)(struct json element, void *data);
	void *data;
	struct err *err;
};

static int batch_run(struct batch *b, size_t from, size_t to)
{
	struct json root;
	str_reset(&b->text);
	str_add_byte(&b->text, '[');
	str_add(&b->text, span_sub(b->array, from, to - from));
	str_add_byte(&b->text, ']');
	if (b->text.failed)
		return err_set(b->err, b->text.failed, "an element of a list");
	int rc = json_parse(b->doc, str_span(&b->text), &root, b->err);
	if (rc < 0) {
		if (b->err && b->err->offset > 0)
			b->err->offset += (int64_t)from - 1;
		return rc;
	}
	struct json_each it = json_each(root);
	while (rc == 0 && json_next(&it))
		rc = b->visit(it.value, b->data);
	return rc;
}

static int elements_walk(struct batch *b, struct cut *c)
{
	size_t from = c->at;
	bool end = peek(c) == ']';
	while (!end) {
		struct span value;
		int rc = value_skip(c, &value);
		size_t to = c->at;
		if (rc == 0)
			rc = separator_take(c, ']');
		if (rc < 0)
			return rc;
		end = rc == 1;
		if (!end && to - from < BATCH_BYTES)
			continue;
		rc = batch_run(b, from, to);
		if (rc)
			return rc;
		from = c->at;
	}
	return 0;
}

int json_raw_elements(struct span array, struct json_doc *doc, int (*visit)(struct json element, void *data), void *data,
		      struct err *err)
{
	struct cut c = { .text = array, .err = err };
	struct batch b = { .array = array, .text = STR_INIT(JSON_MAX_BYTES), .doc = doc, .visit = visit, .data = data, .err = err };
	if (peek(&c) != '[')
		return refuse(&c, "an array begins with [");
	c.at++;
	blanks(&c);
	int rc = elements_walk(&b, &c);
	str_release(&b.text);
	return rc;
}
