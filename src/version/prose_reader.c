/* What the grammar takes from the words: operators, versions in their place, what may stand behind one. */
#include "version/prose_reader.h"

#include "version/scheme_int.h"

bool reader_at_end(const struct reader *r)
{
	return r->at >= r->p->count;
}

const struct token *reader_peek(const struct reader *r)
{
	static const struct token none = { .kind = TOKEN_SIGN };
	return reader_at_end(r) ? &none : &r->p->tokens[r->at];
}

bool reader_back(struct reader *r, size_t back_to)
{
	r->furthest = RF_MAX(r->furthest, r->at);
	r->at = back_to;
	return false;
}

static bool take_among(struct reader *r, struct span words)
{
	if (reader_at_end(r) || !token_is_among(reader_peek(r), words)) {
		r->furthest = RF_MAX(r->furthest, r->at);
		return false;
	}
	r->at++;
	return true;
}

/* One token of "a/b/c". */
bool reader_take(struct reader *r, const char *words)
{
	return take_among(r, span_of(words));
}

/* "up to ,? but? not including/inclusive": all of the words, "?" marks those that may be missing. */
bool reader_phrase(struct reader *r, const char *phrase)
{
	size_t start = r->at;
	struct span rest = span_of(phrase), word;
	while (span_split(&rest, ' ', &word)) {
		bool optional = span_ends(word, "?");
		if (!take_among(r, span_sub(word, 0, word.n - optional)) && !optional)
			return reader_back(r, start);
	}
	return true;
}

void reader_skip_noise(struct reader *r)
{
	while (!reader_at_end(r) && token_is_noise(r->p, r->at))
		r->at++;
}

/* ── Operators ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Longer phrases first where one begins another. */
static const struct {
	const char *phrase;
	enum op op;
	bool first; /* may begin a clause: "to B" may not */
} ops[] = {
	{ "up to ,? but? not including/inclusive ,?", OP_BELOW, true },
	{ "up to ,? but excluding/exclusive ,?", OP_BELOW, true },
	{ "up to ( but? not including/inclusive )", OP_BELOW, true },
	{ "up to ( excluding/exclusive )", OP_BELOW, true },
	{ "up to excluding", OP_BELOW, true },
	{ "up to ,? and including/incl ,?", OP_UP_TO_INCLUDING, true },
	{ "up to ( and? including/inclusive/incl )", OP_UP_TO_INCLUDING, true },
	{ "up to including/incl", OP_UP_TO_INCLUDING, true },
	{ "up through", OP_UP_TO_INCLUDING, true },
	{ "up until", OP_UP_TO, true },
	{ "up to before", OP_BELOW, true },
	{ "up to/till", OP_UP_TO, true },
	{ "upto and including", OP_UP_TO_INCLUDING, true },
	{ "upto", OP_UP_TO, true },
	{ "prior to ,? and including/incl ,?", OP_UP_TO_INCLUDING, true },
	{ "prior to ( and? including/inclusive )", OP_UP_TO_INCLUDING, true },
	{ "including and prior to", OP_UP_TO_INCLUDING, true },
	{ "before/until/till/to ,? and including", OP_UP_TO_INCLUDING, true },
	{ "until/to ,? but not including", OP_BELOW, false },
	{ "until/to ,? but excluding", OP_BELOW, false },
	{ "earlier/older/lower/less/prior than ,? and including ,?", OP_UP_TO_INCLUDING, true },
	{ "to before", OP_BELOW, false },
	{ "earlier/older/lower/less/smaller/prior than or equal to", OP_UP_TO_INCLUDING, true },
	{ "earlier/older/lower/less/smaller/prior than/then", OP_BELOW, true },
	{ "no/not later/newer/higher/greater than", OP_UP_TO_INCLUDING, true },
	{ "at or below/before", OP_UP_TO_INCLUDING, true },
	{ "at most", OP_UP_TO_INCLUDING, true },
	{ "prior/previous to", OP_BELOW, true },
	{ "prior/before/below/preceding/under/predating", OP_BELOW, true },
	{ "through/thru", OP_UP_TO_INCLUDING, true },
	{ "until/till", OP_UP_TO, true },
	{ "to/-", OP_UP_TO, false },
	{ "<=", OP_UP_TO_INCLUDING, true },
	{ "<", OP_BELOW, true },
	{ "starting/beginning/commencing with/from/at/in", OP_FROM, true },
	{ "from and including", OP_FROM, true },
	{ "later/newer/higher/greater than or equal to", OP_FROM, true },
	{ "at or above/after", OP_FROM, true },
	{ "at least", OP_FROM, true },
	{ "introduced/added in", OP_FROM, true },
	{ "as of", OP_FROM, true },
	{ "from/since", OP_FROM, true },
	{ ">=", OP_FROM, true },
	{ "more recent than", OP_ABOVE, true },
	{ "later/newer/higher/greater than/then", OP_ABOVE, true },
	{ "after/above", OP_ABOVE, true },
	{ ">", OP_ABOVE, true },
	{ "between", OP_BETWEEN, true },
};

bool reader_op(struct reader *r, bool first, enum op *ret)
{
	for (size_t i = 0; i < RF_COUNT(ops); i++)
		if ((!first || ops[i].first) && reader_phrase(r, ops[i].phrase)) {
			*ret = ops[i].op;
			return true;
		}
	return false;
}

bool op_is_upper(enum op op)
{
	return op <= OP_UP_TO;
}

bool op_is_lower(enum op op)
{
	return op == OP_FROM || op == OP_ABOVE;
}

enum bound_kind op_bound(enum op op)
{
	return op == OP_BELOW ? BOUND_EXCLUSIVE : op == OP_UP_TO ? BOUND_UNCLEAR : BOUND_INCLUSIVE;
}

/* ── Versions in their place ────────────────────────────────────────────────────────────────────────────────────── */

/* "CUDA Toolkit 12.8", "JP5.x: 35.6.2", "release 25.07": noise and a label in front do not count. */
bool reader_version(struct reader *r, struct bound_text *ret)
{
	size_t start = r->at;
	for (;;) {
		size_t n = prose_version_at(r->p, r->at, ret);
		const struct token *behind = r->at + 1 < r->p->count ? &r->p->tokens[r->at + 1] : NULL;
		if (behind && reader_peek(r)->kind == TOKEN_WORD && token_is(behind, ":")) {
			r->at += 2;
			continue;
		}
		if (n) {
			r->at += n;
			return true;
		}
		if (reader_at_end(r) || !token_is_noise(r->p, r->at))
			return reader_back(r, start);
		r->at++;
	}
}

static bool version_follows(struct reader *r)
{
	size_t start = r->at;
	struct bound_text unused;
	bool follows = reader_version(r, &unused);
	r->at = start;
	return follows;
}

/* Behind "earlier", "prior": a version follows, or "to" and a version, or "and including". */
static bool becomes_op(struct reader *r)
{
	size_t start = r->at;
	bool to = reader_take(r, "to/than/then");
	bool op = version_follows(r) || reader_phrase(r, "and including") || (to && !reader_at_end(r));
	r->at = start;
	return op;
}

/* "11.2之前版本" is below 11.2, "11.2及之前版本" is with it; "以下" (below) is meant either way. */
static bool chinese_postfix(struct reader *r, bool joined, enum op *ret)
{
	bool before = reader_take(r, "zh-before");
	if (!before && !reader_take(r, "zh-below"))
		return false;
	reader_skip_noise(r);
	*ret = joined ? OP_UP_TO_INCLUDING : before ? OP_BELOW : OP_UP_TO;
	return true;
}

/* "and earlier", "or all prior versions", "(and older)", "and below"; what it says of the version in front. */
bool reader_postfix(struct reader *r, enum op *ret)
{
	size_t start = r->at;
	bool open = !reader_at_end(r) && reader_peek(r)->kind == TOKEN_OPEN && reader_take(r, "(/[");
	bool joined = reader_phrase(r, ",? and/or/&");
	reader_skip_noise(r);
	if (!open && chinese_postfix(r, joined, ret))
		return true;
	bool upper = reader_take(
		r, "earlier/older/prior/below/lower/before/previous/preceding/under/less/downward/downwards");
	bool lower =
		!upper &&
		(reader_take(r, "onward/onwards/upward/upwards/+") ||
		 ((joined || open) && reader_take(r, "later/newer/above/higher/greater/up/after/beyond/subsequent")));
	if (!upper && !lower)
		return reader_back(r, start);
	if (!joined && !open && upper)
		return reader_back(r, start);
	(void)reader_phrase(r, "to/than it/that/this/these");
	if (becomes_op(r)) /* "1.2 and prior to 1.1" */
		return reader_back(r, start);
	reader_skip_noise(r);
	if (open && !reader_take(r, ")/]"))
		return reader_back(r, start);
	*ret = upper ? OP_UP_TO_INCLUDING : OP_FROM;
	return true;
}

/* "inclusive", "(not including)": how the bound in front was meant. */
void reader_tail(struct reader *r, enum bound_kind *kind)
{
	static const char *const inclusive[] = { ",? inclusive/inclusively/included/incl", "( inclusive/inclusively/included/including/incl )" };
	static const char *const exclusive[] = { ",? exclusive/excluded", "( exclusive/excluded/excluding )",
						 "( not included/including/inclusive )", ",? not included" };
	for (size_t i = 0; i < RF_COUNT(inclusive); i++)
		if (reader_phrase(r, inclusive[i]))
			*kind = BOUND_INCLUSIVE;
	for (size_t i = 0; i < RF_COUNT(exclusive); i++)
		if (reader_phrase(r, exclusive[i]))
			*kind = BOUND_EXCLUSIVE;
}

bool clause_add(struct clause *c, const struct bound_text *v)
{
	if (c->count == CLAUSE_MAX_VERSIONS)
		return false;
	c->versions[c->count] = v->text;
	c->last[c->count++] = v->last;
	return true;
}

/* A version behind a comma belongs to another clause when an operator or a postfix of its own follows it. */
bool reader_list(struct reader *r, struct clause *c, bool postfix_ends_list)
{
	for (;;) {
		size_t start = r->at;
		struct bound_text v;
		enum op op;
		reader_skip_noise(r); /* "0.5.0 release and 0.4.1" */
		if ((!reader_phrase(r, ",? and/or/&") && !reader_take(r, ",")) || !reader_version(r, &v)) {
			r->at = start;
			return true;
		}
		size_t behind = r->at;
		bool own = reader_op(r, false, &op) || (postfix_ends_list && reader_postfix(r, &op));
		r->at = own ? start : behind;
		if (own)
			return true;
		if (!clause_add(c, &v))
			return false;
	}
}
