/* RFC 4180 tables. */
#include "format/csv.h"

static struct span without_mark(struct span s)
{
	return span_starts(s, "\xef\xbb\xbf") ? span_from(s, 3) : s;
}

struct csv csv_begin(struct span bytes, char delimiter)
{
	return (struct csv){
		.rest = without_mark(bytes), .delimiter = delimiter, .next_line = 1, .buffer = STR_INIT(CSV_MAX_RECORD)
	};
}

void csv_end(struct csv *c)
{
	str_release(&c->buffer);
}

char csv_guess_delimiter(struct span bytes)
{
	static const char candidates[] = { ',', ';', '\t', '|' };
	size_t counts[RF_COUNT(candidates)] = { 0 }, best = 0;
	bool quoted = false;
	bytes = without_mark(bytes);
	for (size_t i = 0; i < bytes.n && (quoted || bytes.p[i] != '\n'); i++) {
		quoted ^= bytes.p[i] == '"';
		for (size_t k = 0; k < RF_COUNT(candidates) && !quoted; k++)
			counts[k] += bytes.p[i] == candidates[k];
	}
	for (size_t k = 1; k < RF_COUNT(candidates); k++)
		if (counts[k] > counts[best])
			best = k;
	return candidates[best];
}

/* Where the field at the front of @s ends: at a delimiter or line end. */
static size_t plain_end(struct span s, char delimiter)
{
	size_t i = 0;
	while (i < s.n && s.p[i] != delimiter && s.p[i] != '\n' &&
	       !(s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n'))
		i++;
	return i;
}

/* A quoted field: *ret_end is behind the closing quote. Doubled quotes go to the buffer, as one; *ret_offset is their
 * start. */
static int quoted_field(struct csv *c, struct span s, size_t *ret_end, struct span *ret, bool *ret_buffered,
			struct err *err)
{
	size_t start = c->buffer.n, from = 1, i = 1;
	bool doubled = false;
	for (;; i++) {
		if (i >= s.n) {
			(void)err_set(err, RF_EFORMAT, "a quote that is never closed (RFC 4180, 2.5)");
			return err ? err_at_line(err, c->line) : RF_EFORMAT;
		}
		c->next_line += s.p[i] == '\n';
		if (s.p[i] != '"')
			continue;
		if (i + 1 >= s.n || s.p[i + 1] != '"')
			break;
		str_add(&c->buffer, span_sub(s, from, i + 1 - from));
		doubled = true;
		from = ++i + 1;
	}
	if (doubled)
		str_add(&c->buffer, span_sub(s, from, i - from));
	if (c->buffer.failed)
		return err_set(err, c->buffer.failed, "a record of a table has too long quoted fields");
	/* an offset for now: the buffer may move */
	*ret = doubled ? (struct span){ (const char *)(uintptr_t)start, c->buffer.n - start } : span_sub(s, 1, i - 1);
	*ret_buffered = doubled;
	*ret_end = i + 1;
	return 0;
}

static int add_field(struct csv *c, bool *buffered, size_t *ret_used, struct err *err)
{
	struct span s = c->rest;
	size_t end = 0;
	if (c->count == CSV_MAX_FIELDS)
		return err_set(err, RF_ETOOMANY, "more than %d fields in line %llu of a table", CSV_MAX_FIELDS,
			       (unsigned long long)c->line);
	buffered[c->count] = false;
	if (s.n && s.p[0] == '"') {
		int rc = quoted_field(c, s, &end, &c->fields[c->count], &buffered[c->count], err);
		if (rc)
			return rc;
		if (plain_end(span_from(s, end), c->delimiter)) {
			(void)err_set(err, RF_EFORMAT, "bytes behind a closing quote (RFC 4180, 2.7)");
			return err ? err_at_line(err, c->line) : RF_EFORMAT;
		}
	} else {
		end = plain_end(s, c->delimiter);
		c->fields[c->count] = span_sub(s, 0, end);
	}
	c->count++;
	*ret_used = end;
	return 0;
}

static void skip_blank_lines(struct csv *c)
{
	while (c->rest.n && (c->rest.p[0] == '\n' || (c->rest.p[0] == '\r' && c->rest.n > 1 && c->rest.p[1] == '\n'))) {
		c->rest = span_from(c->rest, c->rest.p[0] == '\n' ? 1 : 2);
		c->next_line++;
	}
}

int csv_next(struct csv *c, struct err *err)
{
	bool buffered[CSV_MAX_FIELDS];
	skip_blank_lines(c);
	c->count = 0;
	c->line = c->next_line;
	str_reset(&c->buffer);
	if (!c->rest.n)
		return 0;
	for (bool more = true; more;) {
		size_t used = 0;
		int rc = add_field(c, buffered, &used, err);
		if (rc)
			return rc;
		c->rest = span_from(c->rest, used);
		more = c->rest.n && c->rest.p[0] == c->delimiter;
		if (more)
			c->rest = span_from(c->rest, 1);
	}
	if (c->rest.n) {
		c->rest = span_from(c->rest, c->rest.p[0] == '\r' ? 2 : 1);
		c->next_line++;
	}
	for (size_t i = 0; i < c->count; i++)
		if (buffered[i])
			c->fields[i].p = c->buffer.p + (size_t)(uintptr_t)c->fields[i].p;
	return 1;
}

void csv_put(struct str *to, struct span field)
{
	str_add_byte(to, '"');
	if (field.n && strchr("=+-@\t\r", field.p[0]))
		str_add_byte(to, '\'');
	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] == '"')
			str_add_byte(to, '"');
		str_add_byte(to, field.p[i]);
	}
	str_add_byte(to, '"');
}
