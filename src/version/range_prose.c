/*
 * Version ranges in vendors' prose: NVIDIA's statements of 2022-2026, and the operators of others.
 *
 * A text becomes words and versions (what the scheme reads, the longest run of words that it does); one row of the rule
 * table must match all of them. There is no "contains": a word that no rule accepts leaves the whole text unread, and
 * it answers UNSURE. Bounds and fixes are joined by close_high(), where the rule about fixes stands.
 */
#include "version/range.h"

#define PROSE_MAX_TOKENS 64

enum token_kind { TOKEN_WORD, TOKEN_OPEN, TOKEN_CLOSE };
struct token {
	enum token_kind kind;
	struct span text;
	size_t offset;
};

struct prose {
	const struct scheme *scheme;
	struct span text;
	struct token tokens[PROSE_MAX_TOKENS];
	size_t count;
	bool too_many;
};

struct captures {
	struct span versions[PROSE_MAX_TOKENS];
	size_t count;
	bool qualified;     /* words in parentheses behind the version narrow the statement */
	bool self_included; /* "V(All versions prior to and including ...)": V itself is affected */
	size_t furthest;    /* token that no rule got past */
};

/* A blank at the front of @s: how many bytes, 0 for none. NVIDIA's text has U+00A0 too. */
static size_t blank_at(struct span s)
{
	if (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\n' || s.p[0] == '\r')
		return 1;
	return s.n >= 2 && (unsigned char)s.p[0] == 0xC2 && (unsigned char)s.p[1] == 0xA0 ? 2 : 0;
}

/* Bytes of a token of its own at the front of @s: ( ) , ; < <= > >= = and U+2013, the dash of word processors. */
static size_t sign_at(struct span s)
{
	char c = s.p[0];
	if (c == '(' || c == ')' || c == ',' || c == ';' || c == '=')
		return 1;
	if (c == '<' || c == '>')
		return s.n > 1 && s.p[1] == '=' ? 2 : 1;
	return s.n >= 3 && (unsigned char)c == 0xE2 && (unsigned char)s.p[1] == 0x80 && (unsigned char)s.p[2] == 0x93
		       ? 3
		       : 0;
}

static void push(struct prose *p, struct span text)
{
	if (p->count == PROSE_MAX_TOKENS) {
		p->too_many = true;
		return;
	}
	enum token_kind kind = span_eq_text(text, "(")   ? TOKEN_OPEN
			       : span_eq_text(text, ")") ? TOKEN_CLOSE
							 : TOKEN_WORD;
	p->tokens[p->count++] = (struct token){ kind, text, (size_t)(text.p - p->text.p) };
}

static bool is_zero(struct span s);

static bool is_version_or_zero(const struct scheme *scheme, struct span s)
{
	return is_zero(s) || version_is_readable(scheme, s);
}

/* "0.0-26.05" is two versions with a dash; "1.3.0-rc1" is one. */
static void push_word(struct prose *p, struct span word)
{
	if (!version_is_readable(p->scheme, word))
		for (size_t i = 1; i + 1 < word.n; i++)
			if (word.p[i] == '-' && is_version_or_zero(p->scheme, span_sub(word, 0, i)) &&
			    is_version_or_zero(p->scheme, span_from(word, i + 1))) {
				push(p, span_sub(word, 0, i));
				push(p, span_sub(word, i, 1));
				push(p, span_from(word, i + 1));
				return;
			}
	push(p, word);
}

static void tokenise(struct prose *p)
{
	struct span s = p->text;
	size_t i = 0, start = 0;
	while (i < s.n) {
		struct span at = span_from(s, i);
		size_t blank = blank_at(at), sign = blank ? 0 : sign_at(at);
		if (!blank && !sign) {
			i++;
			continue;
		}
		if (i > start)
			push_word(p, span_sub(s, start, i - start));
		if (sign)
			push(p, span_sub(s, i, sign));
		i += blank + sign;
		start = i;
	}
	if (i > start)
		push_word(p, span_sub(s, start, i - start));
}

/* "0", "0.0", "v0": from the beginning, whatever the scheme thinks of it. */
static bool is_zero(struct span s)
{
	if (s.n > 1 && (s.p[0] == 'v' || s.p[0] == 'V'))
		s = span_from(s, 1);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != (i % 2 ? '.' : '0'))
			return false;
	return s.n % 2 == 1;
}

/* Words that stand before a version and say nothing about it. */
static const char *const noise[] = {
	"all",        "any",          "the",      "of",        "version", "versions", "release", "releases",
	"driver",     "drivers",      "firmware", "software",  "library", "nvidia",   "cuda",    "toolkit",
	"tensorrt",   "tensorrt-llm", "triton",   "inference", "server",  "onnx",     "runtime", "nvjpeg",
	"nvjpeg2000", "nvtiff",       "dali",     "dcgm",      "vgpu",
};

static bool is_noise(const struct token *t)
{
	for (size_t i = 0; t->kind == TOKEN_WORD && i < RF_COUNT(noise); i++)
		if (span_eq_nocase(t->text, span_of(noise[i])))
			return true;
	return false;
}

/* The longest version that begins at token @at ("12.9 Update 1", "1.3.0 rc14"); 0 tokens when none does. */
static size_t version_at(const struct prose *p, size_t at, struct span *ret)
{
	for (size_t n = RF_MIN(p->count - at, (size_t)3); n > 0; n--) {
		const struct token *last = &p->tokens[at + n - 1];
		struct span text =
			span_sub(p->text, p->tokens[at].offset, last->offset + last->text.n - p->tokens[at].offset);
		if (version_is_readable(p->scheme, text) || (n == 1 && is_zero(text))) {
			*ret = text;
			return n;
		}
	}
	return 0;
}

/* ── Patterns ───────────────────────────────────────────────────────────────────────────────────────────────────────
 * Words of a pattern: literal alternatives "to|through|-"; a "?" behind makes them optional; "~" skips noise; "V" takes
 * noise and a version; "Q" takes the rest in parentheses, if any; "V+" takes a list of versions. */

static bool match(const struct prose *p, struct span pattern, size_t at, struct captures *c);

static bool literal_is(struct span alternatives, struct span word)
{
	struct span one;
	while (span_split(&alternatives, '|', &one))
		if (span_eq_nocase(one, word))
			return true;
	return false;
}

static bool match_version(const struct prose *p, struct span pattern, size_t at, struct captures *c)
{
	while (at < p->count) {
		struct span version;
		size_t n = version_at(p, at, &version);
		if (n) {
			c->versions[c->count++] = version;
			if (match(p, pattern, at + n, c))
				return true;
			c->count--;
			return false;
		}
		if (!is_noise(&p->tokens[at]))
			break;
		at++;
	}
	c->furthest = RF_MAX(c->furthest, at);
	return false;
}

static bool match_list(const struct prose *p, struct span pattern, size_t at, struct captures *c)
{
	size_t kept = c->count;
	for (;;) {
		size_t comma = at;
		while (at < p->count && literal_is(SPAN(",|and|or|/|;"), p->tokens[at].text))
			at++;
		while (at < p->count && at > comma && is_noise(&p->tokens[at]))
			at++;
		struct span version;
		size_t n = at < p->count && (at > comma || c->count == kept) ? version_at(p, at, &version) : 0;
		if (!n || is_zero(version)) {
			if (at == comma && c->count > kept && match(p, pattern, at, c))
				return true;
			c->furthest = RF_MAX(c->furthest, at);
			c->count = kept;
			return false;
		}
		c->versions[c->count++] = version;
		at += n;
	}
}

/* "(All versions prior to and including vGPU 16.13)", "up to": NVIDIA's way to say that V and all before it are meant.
 */
static bool names_itself(const struct prose *p, size_t at)
{
	static const char *const words[] = { "all", "versions", "prior|up", "to", "and", "including" };
	for (size_t i = 0; i < RF_COUNT(words); i++)
		if (at + i >= p->count || !literal_is(span_of(words[i]), p->tokens[at + i].text))
			return false;
	return true;
}

static bool match_qualifier(const struct prose *p, struct span pattern, size_t at, struct captures *c)
{
	if (at == p->count || p->tokens[at].kind != TOKEN_OPEN)
		return match(p, pattern, at, c);
	if (p->tokens[p->count - 1].kind != TOKEN_CLOSE)
		return false;
	c->self_included = names_itself(p, at + 1);
	c->qualified = true;
	return match(p, pattern, p->count, c);
}

static bool match(const struct prose *p, struct span pattern, size_t at, struct captures *c)
{
	struct span word;
	pattern = span_trim(pattern);
	if (!pattern.n) {
		if (at == p->count)
			return true;
		c->furthest = RF_MAX(c->furthest, at);
		return false;
	}
	(void)span_split(&pattern, ' ', &word);
	if (span_eq_text(word, "~")) {
		while (at < p->count && is_noise(&p->tokens[at]))
			at++;
		return match(p, pattern, at, c);
	}
	if (span_eq_text(word, "V"))
		return match_version(p, pattern, at, c);
	if (span_eq_text(word, "V+"))
		return match_list(p, pattern, at, c);
	if (span_eq_text(word, "Q"))
		return match_qualifier(p, pattern, at, c);
	bool optional = span_ends(word, "?");
	if (optional)
		word = span_sub(word, 0, word.n - 1);
	if (at < p->count && p->tokens[at].kind == TOKEN_WORD && literal_is(word, p->tokens[at].text) &&
	    match(p, pattern, at + 1, c))
		return true;
	if (optional)
		return match(p, pattern, at, c);
	c->furthest = RF_MAX(c->furthest, at);
	return false;
}

/* ── Rules ──────────────────────────────────────────────────────────────────────────────────────────────────────────
 */

enum bound { BOUND_NONE, BOUND_EXCLUSIVE, BOUND_INCLUSIVE, BOUND_UNCLEAR /* "to B", "up to B": read by the fix */ };

/* Captures in their order: low first where there is one. */
struct rule {
	const char *name;
	const char *pattern;
	bool low;
	bool low_exclusive;
	enum bound high;
	bool exact;
};

static const struct rule rules[] = {
	{ "all versions", "all version|versions|releases Q" },
	{ "up to and including V", "~ up|prior to and including V Q", .high = BOUND_INCLUSIVE },
	{ "up to and including V", "~ up to V inclusive", .high = BOUND_INCLUSIVE },
	{ "prior to V", "~ prior|earlier|lower|older to|than? V Q", .high = BOUND_EXCLUSIVE },
	{ "prior to V", "~ before|below V Q", .high = BOUND_EXCLUSIVE },
	{ "up to V", "~ up to V Q", .high = BOUND_UNCLEAR },
	{ "up to V", "~ through V Q", .high = BOUND_INCLUSIVE },
	{ "A to B", "~ from? V to|through|until|-|\xE2\x80\x93 V Q", .low = true, .high = BOUND_UNCLEAR },
	{ "A to B", "~ between V and V Q", .low = true, .high = BOUND_UNCLEAR },
	{ "A up to B", "~ from? V up to V Q", .low = true, .high = BOUND_UNCLEAR },
	{ "A up to and including B", "~ from? V up to and including V Q", .low = true, .high = BOUND_INCLUSIVE },
	{ "V and earlier", "V and|or earlier|older|prior|below|lower|before version|versions|release|releases? Q",
	  .high = BOUND_INCLUSIVE },
	{ "V and later", "V and|or later|newer|above|higher version|versions|release|releases? Q", .low = true },
	{ "after V", "~ after|newer|later than? V Q", .low = true, .low_exclusive = true },
	{ "< V", "~ < V Q", .high = BOUND_EXCLUSIVE },
	{ "<= V", "~ <= V Q", .high = BOUND_INCLUSIVE },
	{ "> V", "~ > V Q", .low = true, .low_exclusive = true },
	{ ">= V", "~ >= V Q", .low = true },
	{ ">= A, < B", "~ >= V ,|and? < V Q", .low = true, .high = BOUND_EXCLUSIVE },
	{ ">= A, <= B", "~ >= V ,|and? <= V Q", .low = true, .high = BOUND_INCLUSIVE },
	{ "> A, < B", "~ > V ,|and? < V Q", .low = true, .low_exclusive = true, .high = BOUND_EXCLUSIVE },
	{ "> A, <= B", "~ > V ,|and? <= V Q", .low = true, .low_exclusive = true, .high = BOUND_INCLUSIVE },
	{ "exactly V", "~ =? V Q", .exact = true },
	{ "list of versions", "~ V+ Q", .exact = true },
};

/* The smallest fix above @bound (equal to it too when @or_equal); empty when there is none. Without a bound the
 * largest: with fixes on several branches nothing tells which versions the smaller one cured. */
static struct span fix_above(const struct scheme *scheme, struct span bound, bool or_equal, const struct span *fixed,
			     size_t n)
{
	struct span best = SPAN_NONE;
	for (size_t i = 0; i < n; i++) {
		enum version_order o = bound.n ? version_compare(scheme, fixed[i], bound) : VERSION_GREATER;
		if (o != VERSION_GREATER && !(or_equal && o == VERSION_EQUAL))
			continue;
		if (!best.n || version_compare(scheme, fixed[i], best) == (bound.n ? VERSION_LESS : VERSION_GREATER))
			best = fixed[i];
	}
	return best;
}

/*
 * The fix is the exclusive upper bound where there is one: stated bounds are inclusive in one bulletin and exclusive in
 * the next, and leave out the build number ("to v10.16.1" means 10.16.1.11 too). A gap between bound and fix counts as
 * affected. A fix below the bound contradicts it, and the wider reading stays.
 */
static void close_high(const struct scheme *scheme, const struct rule *rule, const struct span *fixed, size_t n,
		       struct range_interval *v, struct range *r)
{
	bool may_equal = rule->high == BOUND_EXCLUSIVE || rule->high == BOUND_UNCLEAR || rule->high == BOUND_NONE;
	struct span bound = rule->high == BOUND_NONE ? v->low : v->high;
	struct span fix = fix_above(scheme, bound, may_equal && rule->high != BOUND_NONE, fixed, n);
	if (rule->high == BOUND_EXCLUSIVE) {
		if (fix.n && version_compare(scheme, fix, v->high) == VERSION_GREATER) {
			v->high = fix; /* "prior to v12.4", fixed in v12.4U1: is 12.4 affected? */
			r->conservative = true;
		}
	} else if (fix.n) {
		v->high = fix;
		v->high_inclusive = false;
	} else if (rule->high != BOUND_NONE) {
		v->high_inclusive = true;
		r->conservative |= n > 0;
	}
}

static int apply(struct arena *a, struct range *r, const struct rule *rule, const struct captures *c,
		 const struct span *fixed, size_t fixed_count, struct err *err)
{
	r->rule = rule->name;
	bool up_to_itself = c->self_included && c->count == 1;
	r->conservative = c->qualified && !up_to_itself;
	if (rule->exact && !up_to_itself) {
		int rc = 0;
		for (size_t i = 0; i < c->count && !rc; i++)
			rc = range_add(a, r,
				       &(struct range_interval){ .low = c->versions[i],
								 .high = c->versions[i],
								 .high_inclusive = true,
								 .exact = true },
				       err);
		return rc;
	}
	struct rule effective = *rule;
	if (up_to_itself)
		effective = (struct rule){ rule->name, rule->pattern, .high = BOUND_INCLUSIVE };
	struct range_interval v = { .low_exclusive = effective.low_exclusive };
	size_t next = 0;
	if (effective.low && !is_zero(c->versions[next++]))
		v.low = c->versions[0];
	if (effective.high != BOUND_NONE)
		v.high = c->versions[next];
	close_high(r->scheme, &effective, fixed, fixed_count, &v, r);
	if (v.high.n && is_zero(v.high))
		r->readable = false; /* "prior to 0" holds nothing */
	return range_add(a, r, &v, err);
}

/* Qualified or odd statements have several readings; the first row that matches wins, so order matters only where
 * patterns overlap, and the exact ones stand last. */
static const struct rule *find_rule(const struct prose *p, struct captures *c)
{
	size_t furthest = 0;
	for (size_t i = 0; i < RF_COUNT(rules); i++) {
		*c = (struct captures){ .furthest = furthest };
		bool matched = match(p, span_of(rules[i].pattern), 0, c);
		/* "V(...)" may mean more than V: only where the words say what is it read */
		if (matched && (!rules[i].exact || !c->qualified || (c->self_included && c->count == 1)))
			return &rules[i];
		furthest = c->furthest;
	}
	return NULL;
}

int range_read(struct arena *a, const struct scheme *scheme, struct span affected, struct span fixed,
	       struct range **ret, struct err *err)
{
	struct range *r = range_new(a, scheme, "not read");
	struct span *fixes = NULL;
	size_t fix_count = 0;
	if (!r || range_read_fixed(a, scheme, fixed, &fixes, &fix_count))
		return err_set(err, RF_ENOMEM, "version range");
	*ret = r;
	r->readable = false;
	affected = span_trim(affected);
	if (!affected.n || affected.n > RANGE_MAX_TEXT)
		return err_set(err, RF_EUNREADABLE, "the statement is empty or longer than %zu bytes",
			       (size_t)RANGE_MAX_TEXT);
	struct prose p = { .scheme = scheme, .text = affected };
	tokenise(&p);
	struct captures c = { 0 };
	const struct rule *rule = p.too_many ? NULL : find_rule(&p, &c);
	if (!rule || (scheme->equality_only && rule->high != BOUND_NONE)) {
		struct token none = { .text = SPAN("the end"), .offset = affected.n };
		const struct token *at = c.furthest < p.count ? &p.tokens[c.furthest] : &none;
		(void)err_set(err, RF_EUNREADABLE, "no rule reads \"%.*s\" at \"%.*s\"", SPAN_ARG(affected),
			      SPAN_ARG(at->text));
		return err ? err_at_offset(err, at->offset) : RF_EUNREADABLE;
	}
	r->readable = true;
	int rc = apply(a, r, rule, &c, fixes, fix_count, err);
	if (!rc && !r->readable)
		rc = err_set(err, RF_EUNREADABLE, "\"%.*s\" (fixed \"%.*s\") holds no version: its bounds cross",
			     SPAN_ARG(affected), SPAN_ARG(fixed));
	return rc;
}

int range_read_fixed(struct arena *a, const struct scheme *scheme, struct span fixed, struct span **ret,
		     size_t *ret_count)
{
	*ret = NULL;
	*ret_count = 0;
	fixed = span_trim(fixed);
	if (!fixed.n || fixed.n > RANGE_MAX_TEXT || scheme->equality_only)
		return 0;
	struct prose p = { .scheme = scheme, .text = fixed };
	tokenise(&p);
	static const char *const patterns[] = { "~ V+ Q", "~ V and|or later|newer|above|higher versions? Q" };
	for (size_t i = 0; i < RF_COUNT(patterns) && !p.too_many; i++) {
		struct captures c = { 0 };
		if (!match(&p, span_of(patterns[i]), 0, &c))
			continue;
		struct span *found = arena_array(a, c.count, sizeof *found);
		if (!found)
			return RF_ENOMEM;
		memcpy(found, c.versions, c.count * sizeof *found);
		*ret = found;
		*ret_count = c.count;
		return 0;
	}
	return 0;
}
