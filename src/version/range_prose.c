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
#include "version/prose_reader.h"

#include "version/scheme_int.h"

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
		"latest/hotfix/release/releases/branch/branches/all/versions/version/platform/platforms/build/builds/"
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
	return reader_phrase(&r, "all driver? versions/releases prior/up to and including");
}

/* "prior to 520.56.06(All versions prior to the November 2022 release)": the same once more. */
static bool restates(struct reader r, size_t from)
{
	r.at = from;
	return reader_phrase(&r, "all driver? versions/releases prior/up to");
}

static void note_words(struct reader *r, struct clause *c, size_t from, size_t to)
{
	if (to <= from)
		return;
	const struct token *first = &r->p->tokens[from], *last = &r->p->tokens[to - 1];
	if (!c->note.n)
		c->note = span_sub(r->p->text, first->offset, last->offset + last->bytes - first->offset);
}

/* A name of something else, as "CUDA", "vGPU", "Ubuntu" are: names have a capital, the words of a statement have none. */
static bool is_foreign_name(const struct reader *r, size_t at)
{
	const struct token *t = &r->p->tokens[at];
	bool capital = false;
	for (size_t i = 0; i < t->text.n; i++)
		capital |= t->text.p[i] >= 'A' && t->text.p[i] <= 'Z';
	return t->kind == TOKEN_WORD && capital && !token_is_noise(r->p, at) &&
	       !token_is_one_of(t, NARROWING "/to/before/prior/and/or/including/includes/through/until/than");
}

/*
 * True when the words name a version above the clause's bounds that no name of another product stands before: "prior to
 * 2.1 on Windows (3.0 on Linux)" is about more than 2.1, "prior to 1.17.8 (CUDA 12.8)" is not.
 */
static bool names_wider(const struct reader *r, const struct clause *c, size_t from, size_t to)
{
	if (c->kind != CLAUSE_RANGE || c->high == BOUND_NONE)
		return false;
	for (size_t i = from; i < to; i++) {
		struct bound_text v;
		if (is_foreign_name(r, i - 1) || !prose_version_at(r->p, i, &v) || span_find_byte(v.text, '.') == SIZE_MAX)
			continue;
		bool above = true;
		for (size_t k = 0; k < c->count; k++) {
			enum version_order o = version_compare(r->p->scheme, v.text, c->versions[k]);
			above &= o == VERSION_GREATER || o == VERSION_INCOMPARABLE;
		}
		if (above)
			return true;
	}
	return false;
}

static bool take_parentheses(struct reader *r, struct clause *c)
{
	size_t start = r->at, depth = 0, end = r->at;
	do {
		if (end == r->p->count)
			return reader_back(r, start);
		depth += r->p->tokens[end].kind == TOKEN_OPEN;
		depth -= r->p->tokens[end].kind == TOKEN_CLOSE;
		end++;
	} while (depth);
	bool itself = names_itself(*r, start + 1), neutral = is_neutral(r, start + 1, end - 1);
	if (start + 1 < end - 1 && token_is_one_of(&r->p->tokens[start + 1], "and/or/also/plus/,") && !neutral)
		return reader_back(r, start);
	if (names_wider(r, c, start + 1, end - 1))
		return reader_back(r, start);
	if (c->kind == CLAUSE_EXACT && !neutral) {
		/* behind a version the words may widen: only what is known to do so, or to narrow, is taken */
		bool narrows = start + 1 < end - 1 && token_is_one_of(&r->p->tokens[start + 1], NARROWING);
		if (itself ? c->count > 1 : !narrows)
			return reader_back(r, start);
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
	while (!reader_at_end(r) && !token_is_one_of(reader_peek(r), ";/|")) {
		size_t here = r->at;
		bool joined = reader_phrase(r, ",? and/or/&/also") || reader_take(r, ",");
		struct bound_text v;
		enum op op;
		size_t behind = r->at;
		reader_skip_noise(r);
		bool clause = reader_op(r, true, &op) && reader_version(r, &v);
		if (!clause) {
			r->at = behind;
			reader_skip_noise(r);
			clause = reader_version(r, &v) && reader_op(r, false, &op) && reader_version(r, &v);
		}
		if (clause) {
			r->at = here;
			return joined;
		}
		r->at = behind;
		if (joined && reader_version(r, &v) && span_find_byte(v.text, '.') != SIZE_MAX)
			return reader_back(r, here);
		r->at = RF_MAX(behind, here + 1);
	}
	return true;
}

static bool take_qualifiers(struct reader *r, struct clause *c)
{
	for (;;) {
		size_t start = r->at;
		reader_skip_noise(r);
		if (!reader_at_end(r) && reader_peek(r)->kind == TOKEN_OPEN) {
			if (!take_parentheses(r, c))
				return false;
			continue;
		}
		/* "prior 475.06 to for support of": the vendor's word order */
		if (c->kind == CLAUSE_RANGE && !reader_at_end(r) && token_is(reader_peek(r), "to") &&
		    r->at + 1 < r->p->count && token_is(&r->p->tokens[r->at + 1], "for"))
			r->at++;
		if (r->at + 1 < r->p->count && token_is(reader_peek(r), ",") &&
		    token_is_one_of(&r->p->tokens[r->at + 1], NARROWING) &&
		    !(r->at + 2 < r->p->count && token_is(&r->p->tokens[r->at + 2], "well")))
			r->at++;
		bool as_well = r->at + 1 < r->p->count && token_is(&r->p->tokens[r->at + 1], "well");
		if (as_well || !reader_take(r, NARROWING)) /* "as well as" goes on with another clause */
			return true;
		if (!skip_condition(r) || names_wider(r, c, start + 1, r->at))
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
		if (behind && reader_peek(r)->kind == TOKEN_WORD && token_is(behind, ":")) {
			r->at += 2;
		} else if (!reader_at_end(r) && token_is_noise(r->p, r->at)) {
			ret->all |= token_is_one_of(reader_peek(r), "all/any/every/each");
			ret->noun |= token_is_one_of(reader_peek(r),
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
	bool words =
		(reader_phrase(r, "that/which? do/does/did? not include/contain/have/including/containing the? fix? "
				  "code? commit/commits") ||
		 reader_phrase(r, "not/without/lacking including? code? commit/commits") ||
		 reader_phrase(r, "prior/before to? code? commit/commits") || reader_phrase(r, "up to commit"));
	if (!words &&
	    (reader_at_end(r) || !prose_is_zero(reader_peek(r)->text) || (r->at++, !reader_take(r, "</-/to/up"))))
		return reader_back(r, start);
	(void)reader_take(r, "to");
	if (reader_at_end(r) || !is_hash(reader_peek(r)->text))
		return reader_back(r, start);
	c->kind = CLAUSE_COMMIT;
	c->rule = "commits before H";
	c->versions[c->count] = reader_peek(r)->text;
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
	if (!reader_take(r, "commits/commit/checkouts"))
		return reader_back(r, start);
	(void)reader_take(r, "on/in/to");
	reader_skip_noise(r);
	(void)reader_take(r, "master/trunk/head");
	reader_skip_noise(r);
	enum op op;
	if (!reader_op(r, true, &op) || !op_is_upper(op) || reader_at_end(r) || !is_month(reader_peek(r)->text))
		return reader_back(r, start);
	size_t from = r->at++;
	for (unsigned i = 0; i < 3 && !reader_at_end(r) &&
			     (token_is(reader_peek(r), ",") || scheme_is_digit(reader_peek(r)->text.p[0]));
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
	bool low_exclusive = !reader_at_end(r) && token_is(reader_peek(r), "(");
	if (!reader_take(r, "(/["))
		return reader_back(r, start);
	c->kind = CLAUSE_RANGE;
	c->rule = "interval";
	if (reader_version(r, &v)) {
		c->low = v.text;
		c->low_exclusive = low_exclusive;
	}
	if (!reader_take(r, ","))
		return reader_back(r, start);
	if (reader_version(r, &v)) {
		c->high = BOUND_INCLUSIVE;
		(void)clause_add(c, &v);
	}
	if (!reader_at_end(r) && c->high != BOUND_NONE && token_is(reader_peek(r), ")"))
		c->high = BOUND_EXCLUSIVE;
	return (c->low.n || c->high != BOUND_NONE) && reader_take(r, ")/]") ? true : reader_back(r, start);
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
	if (r->at + 1 < r->p->count && token_is(reader_peek(r), "|") && is_sign_op(&r->p->tokens[r->at + 1]))
		r->at++;
	(void)reader_take(r, ",");
	(void)reader_take(r, "and/but/&");
	reader_skip_noise(r); /* "1.0 <= version < 1.4" */
	const struct token *t = reader_peek(r);
	bool sign = !reader_at_end(r) && is_sign_op(t),
	     dash = !reader_at_end(r) && token_is_one_of(t, "to/-/through/thru/until/till");
	if (!reader_op(r, false, &op) || !op_is_upper(op) || !reader_version(r, &v))
		return reader_back(r, start);
	c->high = op_bound(op);
	/* NVIDIA and others mean either by "A through B": the fix decides */
	if (dash && op == OP_UP_TO_INCLUDING && token_is_one_of(t, "to/-/through/thru/until/till") &&
	    !token_is(t, "to"))
		c->high = BOUND_UNCLEAR;
	c->rule = both_rule(low, op, sign, dash && op != OP_BELOW && !(op == OP_UP_TO_INCLUDING && token_is(t, "to")));
	reader_tail(r, &c->high);
	return clause_add(c, &v);
}

/* "between A and B" */
static bool read_between(struct reader *r, struct clause *c)
{
	struct bound_text a, b;
	enum bound_kind low = BOUND_UNCLEAR;
	if (!reader_version(r, &a))
		return false;
	reader_tail(r, &low); /* "between V2.5 (including) and V2.7 (excluding)" */
	if (!reader_take(r, "and/&/-/to") || !reader_version(r, &b))
		return false;
	c->kind = CLAUSE_RANGE;
	c->rule = "A to B";
	c->low = a.text;
	c->low_exclusive = low == BOUND_EXCLUSIVE;
	c->high = BOUND_UNCLEAR;
	reader_tail(r, &c->high);
	return clause_add(c, &b);
}

/* "< 1.4, >= 1.0": the lower side behind the upper one. */
static void read_lower_side(struct reader *r, struct clause *c)
{
	size_t start = r->at;
	struct bound_text v;
	enum op op;
	(void)reader_take(r, ",");
	(void)reader_take(r, "and/but/&");
	bool sign = !reader_at_end(r) && is_sign_op(reader_peek(r));
	if (!reader_op(r, true, &op) || !op_is_lower(op) || !reader_version(r, &v) ||
	    version_compare(r->p->scheme, v.text, c->versions[0]) != VERSION_LESS) {
		(void)reader_back(r, start);
		return;
	}
	c->low = v.text;
	c->low_exclusive = op == OP_ABOVE;
	c->rule = both_rule(op, c->high == BOUND_EXCLUSIVE ? OP_BELOW : OP_UP_TO_INCLUDING, sign, false);
}

static bool read_with_op(struct reader *r, struct clause *c, const struct lead *lead)
{
	size_t start = r->at;
	bool sign = !reader_at_end(r) && is_sign_op(reader_peek(r));
	struct bound_text v;
	enum op op;
	if (!reader_op(r, true, &op))
		return reader_back(r, start);
	c->kind = CLAUSE_RANGE;
	if (op == OP_BETWEEN)
		return read_between(r, c) ? true : reader_back(r, start);
	if (!reader_version(r, &v))
		return reader_back(r, start);
	if (op_is_lower(op)) {
		c->low = v.text;
		c->low_exclusive = op == OP_ABOVE;
		c->rule = sign ? (op == OP_FROM ? ">= V" : "> V") : op == OP_FROM ? "V and later" : "after V";
		enum op postfix;
		if (reader_postfix(r, &postfix) && postfix != OP_FROM) /* "from 1.5 onwards", but not "or earlier" */
			return reader_back(r, start);
		(void)read_upper_side(r, c, op);
		return true;
	}
	c->high = op_bound(op);
	c->rule = upper_rule(op, sign);
	c->low = lead->family.text;
	if (c->low.n)
		c->rule = "of branch A, prior to B";
	if (!clause_add(c, &v))
		return reader_back(r, start);
	reader_tail(r, &c->high);
	read_lower_side(r, c);
	if (!c->low.n && !reader_list(r, c, true))
		return reader_back(r, start);
	if (c->count > 1)
		c->rule = op == OP_BELOW ? "prior to V of several branches" : "up to V of several branches";
	return true;
}

/* "1.0 <= version < 1.4": to the second sign. True when the first one excludes 1.0. */
static bool skip_middle(struct reader *r)
{
	size_t start = r->at;
	bool exclusive = !reader_at_end(r) && token_is(reader_peek(r), "<");
	if (reader_take(r, "</<=")) {
		reader_skip_noise(r);
		(void)reader_take(r, "x");
		if (!reader_at_end(r) && token_is_one_of(reader_peek(r), "</<="))
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
	(void)reader_take(r, "=");
	(void)reader_take(r, "only/just");
	if (!reader_version(r, &v))
		return reader_back(r, start);
	reader_skip_noise(r);
	c->kind = CLAUSE_RANGE;
	if (reader_postfix(r, &op)) {
		c->rule = op == OP_FROM ? "V and later" : "V and earlier";
		if (op == OP_FROM) {
			c->low = v.text;
			(void)read_upper_side(r, c, op);
			return true;
		}
		c->high = op_bound(op);
		if (op != OP_UP_TO_INCLUDING)
			c->rule = upper_rule(op, false);
		return clause_add(c, &v);
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
	if (!clause_add(c, &v) || !reader_list(r, c, false))
		return reader_back(r, start);
	c->rule = c->count > 1                                        ? "list of versions"
		  : range_is_family(r->p->scheme, v.text) || v.last.n ? "all of V"
								      : "exactly V";
	if (reader_postfix(r, &op)) {
		if (op == OP_FROM) /* "1.0, 1.1 and later": from which on, nobody can tell */
			return reader_back(r, start);
		c->kind = CLAUSE_LIST_AND_EARLIER;
		c->rule = "list of branches, and earlier";
	}
	return true;
}

/* "All 32.x versions prior to ...", "All 2.10 versions": the family stands where the lead is. */
static void read_family(struct reader *r, struct lead *lead)
{
	size_t start = r->at;
	if (!lead->all || lead->noun || r->p->scheme->opaque || !reader_version(r, &lead->family)) {
		r->at = start;
		return;
	}
	size_t behind = r->at;
	reader_skip_noise(r);
	if (r->at == behind) { /* "All 2.10": a version as such */
		r->at = start;
		lead->family = (struct bound_text){ 0 };
	}
}

static bool read_all(struct reader *r, struct clause *c, const struct lead *lead)
{
	bool star = reader_take(r, "*");
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
	return read && take_qualifiers(r, c) ? true : reader_back(r, start);
}

static bool take_separator(struct reader *r)
{
	size_t start = r->at;
	while (reader_take(r, ";/|"))
		;
	if (r->at > start)
		return true;
	return reader_phrase(r, ",? as well as") || reader_phrase(r, ",? and/or/&/plus") || reader_take(r, ",");
}

bool prose_read(struct prose *p, struct clause *clauses, size_t *count, size_t *ret_furthest)
{
	struct reader r = { .p = p };
	*count = 0;
	while (reader_take(&r, ";/|"))
		;
	do {
		if (reader_at_end(&r) && *count)
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
	return reader_at_end(&r) && *count;
}

/* "v11.0", "1.2.3 and 1.3.1", "25.07 or later", "DLS v3.4", "Any code branch that includes commit H" */
void prose_read_fixed(struct prose *p, struct clause *c)
{
	struct reader r = { .p = p };
	struct bound_text v;
	enum op op;
	*c = (struct clause){ 0 };
	while (!reader_at_end(&r)) {
		size_t before = c->count;
		bool is_commit = reader_phrase(&r, "any code? branch/version that includes code? commit") ||
				 reader_phrase(&r, "commit");
		if (is_commit && !reader_at_end(&r) && is_hash(reader_peek(&r)->text)) {
			c->kind = CLAUSE_COMMIT;
			v = (struct bound_text){ .text = reader_peek(&r)->text };
			r.at++;
		} else if (!reader_version(&r, &v)) {
			break;
		}
		if (!clause_add(c, &v) || c->count == before)
			break;
		reader_skip_noise(&r);
		while (!reader_at_end(&r) && reader_peek(&r)->kind == TOKEN_OPEN &&
		       take_parentheses(&r, &(struct clause){ 0 }))
			;
		if (reader_postfix(&r, &op)) {
			if (op != OP_FROM) { /* "1.2 and earlier" is no fix */
				c->count = 0;
				return;
			}
			while (!reader_at_end(&r) && reader_peek(&r)->kind == TOKEN_OPEN &&
			       take_parentheses(&r, &(struct clause){ 0 }))
				;
		}
		reader_skip_noise(&r);
		if (!take_separator(&r))
			break;
	}
	/* what is left must not be another number: "12.28.4704 to be published" names a fix, "June 29, 2023" names none
	 */
	if (!reader_at_end(&r) && !reader_take(&r, NARROWING "/to/or/available/planned/expected/pending"))
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
