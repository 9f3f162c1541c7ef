/*
 * Version ranges in vendors' prose: a grammar over words, versions and signs.
 *
 *   statement  = clause { ("," | "and" | "or" | "|" | ";" ...) clause }              their union
 *   clause     = lead ( commit | day | brackets | OP bounds [other side] | version ... | nothing ) { qualifier }
 *   lead       = words that say nothing, "all" among them, and labels ("JP5.x:")
 *   OP         = a row of the table ops: "prior to" is exclusive, "up to and including" is not, "up to" is read by the
 * fix qualifier  = words in parentheses, or behind "for", "when", "only" ...: they narrow, are not applied, and are
 * kept
 *
 * Every word has to be accepted by some rule. One that is not leaves the whole statement unread, and it answers UNSURE:
 * a widening that was overlooked would be a wrong "not affected". Bounds and fixes are joined in range_fix.c.
 */
#include "version/prose_int.h"
#include "version/range_int.h"

#include "version/scheme_int.h"

struct reader {
	struct prose *p;
	size_t at;
	size_t furthest; /* token that no rule got past */
};

static bool at_end(const struct reader *r)
{
	return r->at >= r->p->count;
}

static const struct token *peek(const struct reader *r)
{
	static const struct token none = { .kind = TOKEN_SIGN };
	return at_end(r) ? &none : &r->p->tokens[r->at];
}

static bool fail_at(struct reader *r, size_t back_to)
{
	r->furthest = RF_MAX(r->furthest, r->at);
	r->at = back_to;
	return false;
}

static bool take_among(struct reader *r, struct span words)
{
	if (at_end(r) || !token_is_among(peek(r), words)) {
		r->furthest = RF_MAX(r->furthest, r->at);
		return false;
	}
	r->at++;
	return true;
}

/* One token of "a/b/c". */
static bool take(struct reader *r, const char *words)
{
	return take_among(r, span_of(words));
}

/* "up to ,? but? not including/inclusive": all of the words, "?" marks those that may be missing. */
static bool take_phrase(struct reader *r, const char *phrase)
{
	size_t start = r->at;
	struct span rest = span_of(phrase), word;
	while (span_split(&rest, ' ', &word)) {
		bool optional = span_ends(word, "?");
		if (!take_among(r, span_sub(word, 0, word.n - optional)) && !optional)
			return fail_at(r, start);
	}
	return true;
}

static void skip_noise(struct reader *r)
{
	while (!at_end(r) && token_is_noise(r->p, r->at))
		r->at++;
}

/* ── Operators ──────────────────────────────────────────────────────────────────────────────────────────────────── */

enum op { OP_BELOW, OP_UP_TO_INCLUDING, OP_UP_TO, OP_FROM, OP_ABOVE, OP_BETWEEN };

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
	{ "up to ,? and including ,?", OP_UP_TO_INCLUDING, true },
	{ "up to ( and? including/inclusive )", OP_UP_TO_INCLUDING, true },
	{ "up to including", OP_UP_TO_INCLUDING, true },
	{ "up through", OP_UP_TO_INCLUDING, true },
	{ "up until", OP_UP_TO, true },
	{ "up to before", OP_BELOW, true },
	{ "up to/till", OP_UP_TO, true },
	{ "upto and including", OP_UP_TO_INCLUDING, true },
	{ "upto", OP_UP_TO, true },
	{ "prior to ,? and including ,?", OP_UP_TO_INCLUDING, true },
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

static bool take_op(struct reader *r, bool first, enum op *ret)
{
	for (size_t i = 0; i < RF_COUNT(ops); i++)
		if ((!first || ops[i].first) && take_phrase(r, ops[i].phrase)) {
			*ret = ops[i].op;
			return true;
		}
	return false;
}

static bool is_upper(enum op op)
{
	return op <= OP_UP_TO;
}

static bool is_lower(enum op op)
{
	return op == OP_FROM || op == OP_ABOVE;
}

static enum bound_kind bound_of(enum op op)
{
	return op == OP_BELOW ? BOUND_EXCLUSIVE : op == OP_UP_TO ? BOUND_UNCLEAR : BOUND_INCLUSIVE;
}

/* ── Versions in their place ────────────────────────────────────────────────────────────────────────────────────── */

/* "CUDA Toolkit 12.8", "JP5.x: 35.6.2", "release 25.07": noise and a label in front do not count. */
static bool take_version(struct reader *r, struct bound_text *ret)
{
	size_t start = r->at;
	for (;;) {
		size_t n = prose_version_at(r->p, r->at, ret);
		const struct token *behind = r->at + 1 < r->p->count ? &r->p->tokens[r->at + 1] : NULL;
		if (behind && peek(r)->kind == TOKEN_WORD && token_is(behind, ":")) {
			r->at += 2;
			continue;
		}
		if (n) {
			r->at += n;
			return true;
		}
		if (at_end(r) || !token_is_noise(r->p, r->at))
			return fail_at(r, start);
		r->at++;
	}
}

static bool version_follows(struct reader *r)
{
	size_t start = r->at;
	struct bound_text unused;
	bool follows = take_version(r, &unused);
	r->at = start;
	return follows;
}

/* Behind "earlier", "prior": a version follows, or "to" and a version, or "and including". */
static bool becomes_op(struct reader *r)
{
	size_t start = r->at;
	bool to = take(r, "to/than/then");
	bool op = version_follows(r) || take_phrase(r, "and including") || (to && !at_end(r));
	r->at = start;
	return op;
}

/* "and earlier", "or all prior versions", "(and older)", "and below"; what it says of the version in front. */
static bool take_postfix(struct reader *r, enum op *ret)
{
	size_t start = r->at;
	bool open = !at_end(r) && peek(r)->kind == TOKEN_OPEN && take(r, "(/[");
	bool joined = take_phrase(r, ",? and/or/&");
	skip_noise(r);
	bool upper = take(r, "earlier/older/prior/below/lower/before/previous/preceding/under/less/downward/downwards");
	bool lower = !upper &&
		     (take(r, "onward/onwards/upward/upwards/+") ||
		      ((joined || open) && take(r, "later/newer/above/higher/greater/up/after/beyond/subsequent")));
	if (!upper && !lower)
		return fail_at(r, start);
	if (!joined && !open && upper)
		return fail_at(r, start);
	(void)take_phrase(r, "to/than it/that/this/these");
	if (becomes_op(r)) /* "1.2 and prior to 1.1" */
		return fail_at(r, start);
	skip_noise(r);
	if (open && !take(r, ")/]"))
		return fail_at(r, start);
	*ret = upper ? OP_UP_TO_INCLUDING : OP_FROM;
	return true;
}

/* "inclusive", "(not including)": how the bound in front was meant. */
static void take_tail(struct reader *r, enum bound_kind *kind)
{
	static const char *const inclusive[] = { ",? inclusive/included", "( inclusive/included/including )" };
	static const char *const exclusive[] = { ",? exclusive/excluded", "( exclusive/excluded/excluding )",
						 "( not included/including/inclusive )", ",? not included" };
	for (size_t i = 0; i < RF_COUNT(inclusive); i++)
		if (take_phrase(r, inclusive[i]))
			*kind = BOUND_INCLUSIVE;
	for (size_t i = 0; i < RF_COUNT(exclusive); i++)
		if (take_phrase(r, exclusive[i]))
			*kind = BOUND_EXCLUSIVE;
}

static bool add_version(struct clause *c, const struct bound_text *v)
{
	if (c->count == CLAUSE_MAX_VERSIONS)
		return false;
	c->versions[c->count] = v->text;
	c->last[c->count++] = v->last;
	return true;
}

/* A version behind a comma belongs to another clause when an operator or a postfix of its own follows it. */
static bool take_list(struct reader *r, struct clause *c, bool postfix_ends_list)
{
	for (;;) {
		size_t start = r->at;
		struct bound_text v;
		enum op op;
		skip_noise(r); /* "0.5.0 release and 0.4.1" */
		if ((!take_phrase(r, ",? and/or/&") && !take(r, ",")) || !take_version(r, &v)) {
			r->at = start;
			return true;
		}
		size_t behind = r->at;
		bool own = take_op(r, false, &op) || (postfix_ends_list && take_postfix(r, &op));
		r->at = own ? start : behind;
		if (own)
			return true;
		if (!add_version(c, &v))
			return false;
	}
}

/* ── Qualifiers ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What these words begin makes a statement narrower, so leaving it out is the cautious reading. */
#define NARROWING                                                                                                 \
	"for/on/when/if/only/with/without/in/using/running/where/while/that/which/whose/except/excluding/unless/" \
	"under/as/"                                                                                               \
	"configured/deployed/via/due"

/* Words in parentheses that change nothing, and those of a restatement in another numbering. */
static bool is_neutral(const struct reader *r, size_t from, size_t to)
{
	static const char *const words =
		"latest/hotfix/release/releases/branch/branches/all/versions/version/platform/platforms/"
		"lts/ga/and/cdi/mode/production/new/feature/inclusive/recommended/current";
	for (size_t i = from; i < to; i++)
		if (!token_is_one_of(&r->p->tokens[i], words) && !span_starts_nocase(r->p->tokens[i].text, "prod"))
			return false;
	return true;
}

/* "(All versions prior to and including vGPU 16.13)": NVIDIA's way to say that V and all before it are meant. */
static bool names_itself(struct reader r, size_t from)
{
	r.at = from;
	return take_phrase(&r, "all driver? versions/releases prior/up to and including");
}

/* "prior to 520.56.06(All versions prior to the November 2022 release)": the same once more. */
static bool restates(struct reader r, size_t from)
{
	r.at = from;
	return take_phrase(&r, "all driver? versions/releases prior/up to");
}

static void note_words(struct reader *r, struct clause *c, size_t from, size_t to)
{
	if (to <= from)
		return;
	const struct token *first = &r->p->tokens[from], *last = &r->p->tokens[to - 1];
	if (!c->note.n)
		c->note = span_sub(r->p->text, first->offset, last->offset + last->bytes - first->offset);
}

static bool take_parentheses(struct reader *r, struct clause *c)
{
	size_t start = r->at, depth = 0, end = r->at;
	do {
		if (end == r->p->count)
			return fail_at(r, start);
		depth += r->p->tokens[end].kind == TOKEN_OPEN;
		depth -= r->p->tokens[end].kind == TOKEN_CLOSE;
		end++;
	} while (depth);
	bool itself = names_itself(*r, start + 1), neutral = is_neutral(r, start + 1, end - 1);
	if (start + 1 < end - 1 && token_is_one_of(&r->p->tokens[start + 1], "and/or/also/plus/,") && !neutral)
		return fail_at(r, start);
	if (c->kind == CLAUSE_EXACT && !neutral) {
		/* behind a version the words may widen: only what is known to do so, or to narrow, is taken */
		bool narrows = start + 1 < end - 1 && token_is_one_of(&r->p->tokens[start + 1], NARROWING);
		if (itself ? c->count > 1 : !narrows)
			return fail_at(r, start);
	}
	if (itself && c->kind == CLAUSE_EXACT) {
		c->kind = CLAUSE_RANGE;
		c->high = BOUND_INCLUSIVE;
		c->rule = "V and all before it";
		c->restated = true;
	} else if (itself &&
		   c->low.n) { /* "1.2 to 1.3 (All versions prior to and including x)": then also what is before 1.2 */
		c->low = SPAN_NONE;
		c->qualified = true;
	} else if (!neutral && !restates(*r, start + 1)) {
		c->qualified = true;
	}
	note_words(r, c, start + 1, end - 1);
	r->at = end;
	return true;
}

/*
 * To the end of what "for", "when" began. It must not hide a widening: "prior to 1.2 for Linux and prior to 1.5 for
 * Windows" goes on with another clause, and "for Linux, 1.5 for Windows" is not understood.
 */
static bool skip_condition(struct reader *r)
{
	while (!at_end(r) && !token_is_one_of(peek(r), ";/|")) {
		size_t here = r->at;
		bool joined = take_phrase(r, ",? and/or/&/also") || take(r, ",");
		struct bound_text v;
		enum op op;
		size_t behind = r->at;
		skip_noise(r);
		bool clause = take_op(r, true, &op) && take_version(r, &v);
		if (!clause) {
			r->at = behind;
			skip_noise(r);
			clause = take_version(r, &v) && take_op(r, false, &op) && take_version(r, &v);
		}
		if (clause) {
			r->at = here;
			return joined;
		}
		r->at = behind;
		if (joined && take_version(r, &v) && span_find_byte(v.text, '.') != SIZE_MAX)
			return fail_at(r, here);
		r->at = RF_MAX(behind, here + 1);
	}
	return true;
}

static bool take_qualifiers(struct reader *r, struct clause *c)
{
	for (;;) {
		size_t start = r->at;
		skip_noise(r);
		if (!at_end(r) && peek(r)->kind == TOKEN_OPEN) {
			if (!take_parentheses(r, c))
				return false;
			continue;
		}
		/* "prior 475.06 to for support of": the vendor's word order */
		if (c->kind == CLAUSE_RANGE && !at_end(r) && token_is(peek(r), "to") && r->at + 1 < r->p->count &&
		    token_is(&r->p->tokens[r->at + 1], "for"))
			r->at++;
		if (r->at + 1 < r->p->count && token_is(peek(r), ",") &&
		    token_is_one_of(&r->p->tokens[r->at + 1], NARROWING))
			r->at++;
		if (!take(r, NARROWING))
			return true;
		if (!skip_condition(r))
			return false;
		c->qualified = true;
		note_words(r, c, start, r->at);
	}
}

/* ── Clauses ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct lead {
	bool all, noun;
	struct bound_text family; /* "All 32.x versions prior to ..." */
};

static void read_lead(struct reader *r, struct lead *ret)
{
	*ret = (struct lead){ 0 };
	for (;;) {
		const struct token *behind = r->at + 1 < r->p->count ? &r->p->tokens[r->at + 1] : NULL;
		if (behind && peek(r)->kind == TOKEN_WORD && token_is(behind, ":")) {
			r->at += 2;
		} else if (!at_end(r) && token_is_noise(r->p, r->at)) {
			ret->all |= token_is_one_of(peek(r), "all/any/every/each");
			ret->noun |= token_is_one_of(peek(r),
						     "version/versions/release/releases/build/builds/drivers/driver");
			r->at++;
		} else {
			return;
		}
	}
}

static bool is_hash(struct span s)
{
	bool letter = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)(s.p[i] | 0x20);
		letter |= c >= 'a' && c <= 'f';
		if (!scheme_is_digit(s.p[i]) && !(c >= 'a' && c <= 'f'))
			return false;
	}
	return s.n >= 7 && s.n <= 64 && (letter || s.n >= 12);
}

/* "... that do not include code commit 9e95f50", "without commit H", "prior to commit H", "0 < 41b14d7" */
static bool read_commit(struct reader *r, struct clause *c)
{
	size_t start = r->at;
	bool words = (take_phrase(r, "that/which? do/does/did? not include/contain/have/including/containing the? fix? "
				     "code? commit/commits") ||
		      take_phrase(r, "not/without/lacking including? code? commit/commits") ||
		      take_phrase(r, "prior/before to? code? commit/commits") || take_phrase(r, "up to commit"));
	if (!words && (at_end(r) || !prose_is_zero(peek(r)->text) || (r->at++, !take(r, "</-/to/up"))))
		return fail_at(r, start);
	(void)take(r, "to");
	if (at_end(r) || !is_hash(peek(r)->text))
		return fail_at(r, start);
	c->kind = CLAUSE_COMMIT;
	c->rule = "commits before H";
	c->versions[c->count] = peek(r)->text;
	c->last[c->count++] = SPAN_NONE;
	r->at++;
	return true;
}

static bool is_month(struct span s)
{
	static const char *const months[] = { "jan", "feb", "mar", "apr", "may", "jun",
					      "jul", "aug", "sep", "oct", "nov", "dec" };
	for (size_t i = 0; i < RF_COUNT(months); i++)
		if (span_starts_nocase(s, months[i]))
			return true;
	return false;
}

/* "All commits on Main prior to March 11, 2026": a bound that no version compares with. */
static bool read_day(struct reader *r, struct clause *c)
{
	size_t start = r->at;
	if (!take(r, "commits/commit/checkouts"))
		return fail_at(r, start);
	(void)take(r, "on/in/to");
	skip_noise(r);
	(void)take(r, "master/trunk/head");
	skip_noise(r);
	enum op op;
	if (!take_op(r, true, &op) || !is_upper(op) || at_end(r) || !is_month(peek(r)->text))
		return fail_at(r, start);
	size_t from = r->at++;
	for (unsigned i = 0; i < 3 && !at_end(r) && (token_is(peek(r), ",") || scheme_is_digit(peek(r)->text.p[0]));
	     i++)
		r->at++;
	const struct token *first = &r->p->tokens[from], *last = &r->p->tokens[r->at - 1];
	c->kind = CLAUSE_COMMIT;
	c->rule = "commits before a day";
	c->versions[0] = span_sub(r->p->text, first->offset, last->offset + last->bytes - first->offset);
	c->count = 1;
	return true;
}

/* Interval notation, as Maven writes it: [1.0,1.4), (,1.4] */
static bool read_brackets(struct reader *r, struct clause *c)
{
	size_t start = r->at;
	struct bound_text v;
	bool low_exclusive = !at_end(r) && token_is(peek(r), "(");
	if (!take(r, "(/["))
		return fail_at(r, start);
	c->kind = CLAUSE_RANGE;
	c->rule = "interval";
	if (take_version(r, &v)) {
		c->low = v.text;
		c->low_exclusive = low_exclusive;
	}
	if (!take(r, ","))
		return fail_at(r, start);
	if (take_version(r, &v)) {
		c->high = BOUND_INCLUSIVE;
		(void)add_version(c, &v);
	}
	if (!at_end(r) && c->high != BOUND_NONE && token_is(peek(r), ")"))
		c->high = BOUND_EXCLUSIVE;
	return (c->low.n || c->high != BOUND_NONE) && take(r, ")/]") ? true : fail_at(r, start);
}

static const char *upper_rule(enum op op, bool sign)
{
	if (sign)
		return op == OP_BELOW ? "< V" : "<= V";
	return op == OP_BELOW ? "prior to V" : op == OP_UP_TO ? "up to V" : "up to and including V";
}

static const char *both_rule(enum op low, enum op high, bool sign, bool dash)
{
	if (sign)
		return low == OP_FROM     ? (high == OP_BELOW ? ">= A, < B" : ">= A, <= B")
		       : high == OP_BELOW ? "> A, < B"
					  : "> A, <= B";
	if (dash)
		return "A to B";
	return high == OP_BELOW ? "A up to B, B not" : high == OP_UP_TO ? "A up to B" : "A up to and including B";
}

static bool is_sign_op(const struct token *t)
{
	return token_is_one_of(t, "</<=/>/>=");
}

/* "to B", ", but before B", "and < B" behind a lower bound; the op says how B is meant. */
static bool read_upper_side(struct reader *r, struct clause *c, enum op low)
{
	size_t start = r->at;
	struct bound_text v;
	enum op op;
	/* ">=4.00|<4.04": vers' way, where a lower bound and the upper one behind it are one interval */
	if (r->at + 1 < r->p->count && token_is(peek(r), "|") && is_sign_op(&r->p->tokens[r->at + 1]))
		r->at++;
	(void)take(r, ",");
	(void)take(r, "and/but/&");
	skip_noise(r); /* "1.0 <= version < 1.4" */
	const struct token *t = peek(r);
	bool sign = !at_end(r) && is_sign_op(t),
	     dash = !at_end(r) && token_is_one_of(t, "to/-/through/thru/until/till");
	if (!take_op(r, false, &op) || !is_upper(op) || !take_version(r, &v))
		return fail_at(r, start);
	c->high = bound_of(op);
	/* NVIDIA and others mean either by "A through B": the fix decides */
	if (dash && op == OP_UP_TO_INCLUDING && token_is_one_of(t, "to/-/through/thru/until/till") &&
	    !token_is(t, "to"))
		c->high = BOUND_UNCLEAR;
	c->rule = both_rule(low, op, sign, dash && op != OP_BELOW && !(op == OP_UP_TO_INCLUDING && token_is(t, "to")));
	take_tail(r, &c->high);
	return add_version(c, &v);
}

/* "between A and B" */
static bool read_between(struct reader *r, struct clause *c)
{
	struct bound_text a, b;
	enum bound_kind low = BOUND_UNCLEAR;
	if (!take_version(r, &a))
		return false;
	take_tail(r, &low); /* "between V2.5 (including) and V2.7 (excluding)" */
	if (!take(r, "and/&/-/to") || !take_version(r, &b))
		return false;
	c->kind = CLAUSE_RANGE;
	c->rule = "A to B";
	c->low = a.text;
	c->low_exclusive = low == BOUND_EXCLUSIVE;
	c->high = BOUND_UNCLEAR;
	take_tail(r, &c->high);
	return add_version(c, &b);
}

/* "< 1.4, >= 1.0": the lower side behind the upper one. */
static void read_lower_side(struct reader *r, struct clause *c)
{
	size_t start = r->at;
	struct bound_text v;
	enum op op;
	(void)take(r, ",");
	(void)take(r, "and/but/&");
	bool sign = !at_end(r) && is_sign_op(peek(r));
	if (!take_op(r, true, &op) || !is_lower(op) || !take_version(r, &v) ||
	    version_compare(r->p->scheme, v.text, c->versions[0]) != VERSION_LESS) {
		(void)fail_at(r, start);
		return;
	}
	c->low = v.text;
	c->low_exclusive = op == OP_ABOVE;
	c->rule = both_rule(op, c->high == BOUND_EXCLUSIVE ? OP_BELOW : OP_UP_TO_INCLUDING, sign, false);
}

static bool read_with_op(struct reader *r, struct clause *c, const struct lead *lead)
{
	size_t start = r->at;
	bool sign = !at_end(r) && is_sign_op(peek(r));
	struct bound_text v;
	enum op op;
	if (!take_op(r, true, &op))
		return fail_at(r, start);
	c->kind = CLAUSE_RANGE;
	if (op == OP_BETWEEN)
		return read_between(r, c) ? true : fail_at(r, start);
	if (!take_version(r, &v))
		return fail_at(r, start);
	if (is_lower(op)) {
		c->low = v.text;
		c->low_exclusive = op == OP_ABOVE;
		c->rule = sign ? (op == OP_FROM ? ">= V" : "> V") : op == OP_FROM ? "V and later" : "after V";
		enum op postfix;
		(void)take_postfix(r, &postfix); /* "from 1.5 onwards" */
		(void)read_upper_side(r, c, op);
		return true;
	}
	c->high = bound_of(op);
	c->rule = upper_rule(op, sign);
	c->low = lead->family.text;
	if (c->low.n)
		c->rule = "of branch A, prior to B";
	if (!add_version(c, &v))
		return fail_at(r, start);
	take_tail(r, &c->high);
	read_lower_side(r, c);
	if (!c->low.n && !take_list(r, c, true))
		return fail_at(r, start);
	if (c->count > 1)
		c->rule = op == OP_BELOW ? "prior to V of several branches" : "up to V of several branches";
	return true;
}

/* "1.0 <= version < 1.4": to the second sign. True when the first one excludes 1.0. */
static bool skip_middle(struct reader *r)
{
	size_t start = r->at;
	bool exclusive = !at_end(r) && token_is(peek(r), "<");
	if (take(r, "</<=")) {
		skip_noise(r);
		(void)take(r, "x");
		if (!at_end(r) && token_is_one_of(peek(r), "</<="))
			return exclusive;
	}
	r->at = start;
	return false;
}

static bool read_with_version(struct reader *r, struct clause *c)
{
	size_t start = r->at;
	struct bound_text v;
	enum op op;
	(void)take(r, "=");
	(void)take(r, "only/just");
	if (!take_version(r, &v))
		return fail_at(r, start);
	skip_noise(r);
	c->kind = CLAUSE_RANGE;
	if (take_postfix(r, &op)) {
		c->rule = op == OP_FROM ? "V and later" : "V and earlier";
		if (op == OP_FROM) {
			c->low = v.text;
			(void)read_upper_side(r, c, op);
			return true;
		}
		c->high = BOUND_INCLUSIVE;
		return add_version(c, &v);
	}
	c->low = v.text;
	c->low_exclusive = skip_middle(r);
	if (read_upper_side(r, c, OP_FROM)) {
		if (c->low_exclusive)
			c->rule = c->high == BOUND_EXCLUSIVE ? "> A, < B" : "> A, <= B";
		else if (c->high == BOUND_EXCLUSIVE && c->rule[0] != '>')
			c->rule = range_is_family(r->p->scheme, v.text) ? "of branch A, prior to B" : "A to B, B not";
		return true;
	}
	c->low = SPAN_NONE;
	c->low_exclusive = false;
	c->kind = CLAUSE_EXACT;
	if (!add_version(c, &v) || !take_list(r, c, false))
		return fail_at(r, start);
	c->rule = c->count > 1                                        ? "list of versions"
		  : range_is_family(r->p->scheme, v.text) || v.last.n ? "all of V"
								      : "exactly V";
	if (take_postfix(r, &op) && op != OP_FROM) {
		c->kind = CLAUSE_LIST_AND_EARLIER;
		c->rule = "list of branches, and earlier";
	}
	return true;
}

/* "All 32.x versions prior to ...", "All 2.10 versions": the family stands where the lead is. */
static void read_family(struct reader *r, struct lead *lead)
{
	size_t start = r->at;
	if (!lead->all || lead->noun || r->p->scheme->opaque || !take_version(r, &lead->family)) {
		r->at = start;
		return;
	}
	size_t behind = r->at;
	skip_noise(r);
	if (r->at == behind) { /* "All 2.10": a version as such */
		r->at = start;
		lead->family = (struct bound_text){ 0 };
	}
}

static bool read_all(struct reader *r, struct clause *c, const struct lead *lead)
{
	bool star = take(r, "*");
	if (!star && !lead->all)
		return false;
	c->kind = CLAUSE_ALL;
	c->rule = "all versions";
	if (!lead->family.text.n)
		return true;
	c->kind = CLAUSE_EXACT;
	c->rule = "all of V";
	c->versions[0] = range_family_text(r->p->a, r->p->scheme, lead->family.text);
	c->count = 1;
	return c->versions[0].n > 0;
}

static bool read_clause(struct reader *r, struct clause *c)
{
	size_t start = r->at;
	struct lead lead;
	*c = (struct clause){ 0 };
	read_lead(r, &lead);
	read_family(r, &lead);
	bool read = read_commit(r, c) || read_day(r, c);
	if (!read) {
		*c = (struct clause){ 0 };
		read = read_brackets(r, c);
	}
	if (!read) {
		*c = (struct clause){ 0 };
		read = read_with_op(r, c, &lead);
	}
	if (!read && !lead.family.text.n) {
		*c = (struct clause){ 0 };
		read = read_with_version(r, c);
	}
	if (!read) {
		*c = (struct clause){ 0 };
		read = read_all(r, c, &lead);
	}
	return read && take_qualifiers(r, c) ? true : fail_at(r, start);
}

static bool take_separator(struct reader *r)
{
	size_t start = r->at;
	while (take(r, ";/|"))
		;
	if (r->at > start)
		return true;
	return take_phrase(r, ",? as well as") || take_phrase(r, ",? and/or/&/plus") || take(r, ",");
}

bool prose_read(struct prose *p, struct clause *clauses, size_t *count, size_t *ret_furthest)
{
	struct reader r = { .p = p };
	*count = 0;
	while (take(&r, ";/|"))
		;
	do {
		if (at_end(&r) && *count)
			break; /* "...<br>" at the end */
		if (*count == PROSE_MAX_CLAUSES || !read_clause(&r, &clauses[*count])) {
			*ret_furthest = r.furthest;
			return false;
		}
		/* "prior to 1.2 (Windows), 1.3": whether 1.3 is another bound or a version, nobody can tell */
		const struct clause *before = *count ? &clauses[*count - 1] : NULL;
		if (before && before->kind == CLAUSE_RANGE && before->note.n && clauses[*count].kind == CLAUSE_EXACT) {
			*ret_furthest = r.at - 1;
			return false;
		}
		++*count;
	} while (take_separator(&r));
	*ret_furthest = RF_MAX(r.furthest, r.at);
	return at_end(&r) && *count;
}

/* "v11.0", "1.2.3 and 1.3.1", "25.07 or later", "DLS v3.4", "Any code branch that includes commit H" */
void prose_read_fixed(struct prose *p, struct clause *c)
{
	struct reader r = { .p = p };
	struct bound_text v;
	enum op op;
	*c = (struct clause){ 0 };
	while (!at_end(&r)) {
		size_t before = c->count;
		bool is_commit = take_phrase(&r, "any code? branch/version that includes code? commit") ||
				 take_phrase(&r, "commit");
		if (is_commit && !at_end(&r) && is_hash(peek(&r)->text)) {
			c->kind = CLAUSE_COMMIT;
			v = (struct bound_text){ .text = peek(&r)->text };
			r.at++;
		} else if (!take_version(&r, &v)) {
			break;
		}
		if (!add_version(c, &v) || c->count == before)
			break;
		skip_noise(&r);
		while (!at_end(&r) && peek(&r)->kind == TOKEN_OPEN && take_parentheses(&r, &(struct clause){ 0 }))
			;
		if (take_postfix(&r, &op))
			while (!at_end(&r) && peek(&r)->kind == TOKEN_OPEN &&
			       take_parentheses(&r, &(struct clause){ 0 }))
				;
		skip_noise(&r);
		if (!take_separator(&r))
			break;
	}
	/* what is left must not be another number: "12.28.4704 to be published" names a fix, "June 29, 2023" names none
	 */
	if (!at_end(&r) && !take(&r, NARROWING "/to/or/available/planned/expected/pending"))
		c->count = 0;
}

struct span prose_only_commit(const struct prose *p)
{
	struct span found = SPAN_NONE;
	for (size_t i = 0; i < p->count; i++) {
		if (p->tokens[i].kind != TOKEN_WORD || !is_hash(p->tokens[i].text))
			continue;
		if (found.n)
			return SPAN_NONE;
		found = p->tokens[i].text;
	}
	return found;
}
