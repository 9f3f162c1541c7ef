/* A vendor's statement, read: grammar, then intervals, then what to say about it. */
#include "version/range_int.h"

#include "version/scheme_int.h"

/* What reading takes and nothing keeps: off the arena, which lives as long as the document. */
struct desk {
	struct prose prose;
	struct clause clauses[PROSE_MAX_CLAUSES];
};

struct statement {
	struct arena *a;
	struct desk *desk;
	const struct range_words_of *row;
	struct range *r;
	struct span *fixes;
	size_t fix_count;
	struct err *err;
};

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "version range");
}

/* What a platform's words, or a product's, name as a branch, where it is written otherwise. The third column is the branch
 * of Jetson Linux that a JetPack brings; JetPack 5 brings two (34, 35). */
static struct span word_branch(const struct scheme *scheme, struct span word)
{
	static const struct {
		const char *word, *branch;
	} jetpacks[] = { { "JP4", "32" }, { "JP6", "36" }, { "JP7", "38" } };
	bool driver = word.n == 4 && (word.p[0] | 0x20) == 'r' && span_is_digits(span_from(word, 1));
	if (driver)
		return span_from(word, 1);
	if (scheme->branch)
		return SPAN_NONE;
	for (size_t i = 0; i < RF_COUNT(jetpacks); i++)
		if (span_eq_nocase(word, span_of(jetpacks[i].word)))
			return span_of(jetpacks[i].branch);
	if (span_starts_nocase(word, "rel") && span_is_digits(span_from(word, 3)))
		return span_from(word, 3);
	struct span bare = scheme_skip_prefix(word, false);
	return bare.n && scheme_is_digit(bare.p[0]) && version_is_readable(scheme, bare) ? bare : SPAN_NONE;
}

static struct span next_word(struct span *words, const char *signs)
{
	size_t n = 0;
	while (words->n && strchr(signs, words->p[0]))
		*words = span_from(*words, 1);
	while (n < words->n && !strchr(signs, words->p[n]))
		n++;
	struct span word = span_sub(*words, 0, n);
	*words = span_from(*words, n);
	return word;
}

/* The driver branch in @words, wherever it stands; empty when there are several. */
static struct span driver_branch(struct span words)
{
	struct span word, found = SPAN_NONE;
	while ((word = next_word(&words, " ,()-/")).n) {
		if (word.n != 4 || (word.p[0] | 0x20) != 'r' || !span_is_digits(span_from(word, 1)))
			continue;
		if (found.n)
			return SPAN_NONE;
		found = span_from(word, 1);
	}
	return found;
}

/* "Linux(R535 vGPU 16)" gives 535, "Jetson Linux(35)" and "Jetson Linux-35" 35, "Linux(OFED 5.8)" 5.8: the first version
 * in the last parentheses or behind the last hyphen, or the driver branch wherever it stands. "Gaming" names no version;
 * two branches ("Linux(R580, R570)") are none. */
static struct span branch_of(const struct scheme *scheme, struct span platform)
{
	size_t open = span_rfind_byte(platform, '('), close = span_rfind_byte(platform, ')'),
	       hyphen = span_rfind_byte(platform, '-');
	struct span driver = driver_branch(platform), words = SPAN_NONE, word, first = SPAN_NONE;
	if (driver.n)
		return driver;
	if (open != SIZE_MAX && close != SIZE_MAX && close > open)
		words = span_sub(platform, open + 1, close - open - 1);
	else if (hyphen != SIZE_MAX && span_is_digits(span_from(platform, hyphen + 1)))
		words = span_from(platform, hyphen + 1);
	while (!first.n && (word = next_word(&words, " ")).n)
		first = word_branch(scheme, word);
	return scheme->branch ? SPAN_NONE : first;
}

/* "Jetson AGX Orin Series (rel36)": the branch that a product's name brings, where the platform brings none. */
static struct span product_branch(const struct scheme *scheme, struct span product)
{
	size_t open = span_rfind_byte(product, '('), close = span_rfind_byte(product, ')');
	if (open == SIZE_MAX || close == SIZE_MAX || close < open)
		return SPAN_NONE;
	struct span word = span_sub(product, open + 1, close - open - 1);
	return span_starts_nocase(word, "rel") ? word_branch(scheme, word) : SPAN_NONE;
}

static bool is_driver_branch(struct span branch)
{
	return branch.n == 3 && span_is_digits(branch) && branch.p[0] >= '3';
}

static int read_fixes(struct statement *s, const struct scheme *scheme)
{
	struct prose *p = &s->desk->prose;
	struct clause *c = &s->desk->clauses[0];
	struct span fixed = span_trim(s->row->fixed);
	s->fix_count = 0;
	if (!fixed.n || fixed.n > RANGE_MAX_TEXT || (scheme->equality_only && !scheme->compare))
		return 0;
	*p = (struct prose){ .a = s->a, .scheme = scheme, .text = fixed, .product = s->row->product };
	prose_tokenise(p);
	if (p->too_many)
		return 0;
	prose_read_fixed(p, c);
	if (!c->count)
		return 0;
	s->fixes = arena_array(s->a, c->count, sizeof *s->fixes);
	if (!s->fixes)
		return no_memory(s->err);
	memcpy(s->fixes, c->versions, c->count * sizeof *s->fixes);
	s->fix_count = c->count;
	return 0;
}

static int unread(struct statement *s, const struct prose *p, size_t furthest)
{
	struct token none = { .text = SPAN("the end"), .offset = p->text.n };
	const struct token *at = furthest < p->count ? &p->tokens[furthest] : &none;
	(void)err_set(s->err, RF_EUNREADABLE, "no rule reads \"%.*s\" at \"%.*s\"", SPAN_ARG(p->text),
		      SPAN_ARG(at->text));
	return s->err ? err_at_offset(s->err, at->offset) : RF_EUNREADABLE;
}

/* "prior to V", or "prior to V + exactly V"; a rule is named once. */
static int name_rules(struct statement *s, const struct clause *clauses, size_t count)
{
	struct str text = STR_INIT(1 * KIB);
	s->r->rule = clauses[0].rule;
	for (size_t i = 1; i < count; i++) {
		bool named = false;
		for (size_t k = 0; k < i; k++)
			named |= !strcmp(clauses[k].rule, clauses[i].rule);
		if (!named)
			str_addf(&text, " + %s", clauses[i].rule);
	}
	if (text.n)
		s->r->rule = arena_printf(s->a, "%s%s", clauses[0].rule, str_text(&text));
	str_release(&text);
	return s->r->rule ? 0 : no_memory(s->err);
}

static bool has_commit(const struct clause *clauses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (clauses[i].kind == CLAUSE_COMMIT)
			return true;
	return false;
}

static bool has_bound(const struct clause *clauses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (clauses[i].kind == CLAUSE_RANGE || clauses[i].kind == CLAUSE_LIST_AND_EARLIER)
			return true;
	return false;
}

static int read_statement(struct statement *s, const struct scheme *scheme, struct span branch)
{
	struct prose *p = &s->desk->prose;
	struct clause *clauses = s->desk->clauses;
	size_t count = 0, furthest = 0;
	*p = (struct prose){
		.a = s->a, .scheme = scheme, .text = span_trim(s->row->affected), .product = s->row->product
	};
	prose_tokenise(p);
	if (p->too_many || !prose_read(p, clauses, &count, &furthest) ||
	    (scheme->equality_only && has_bound(clauses, count)))
		return unread(s, p, furthest);
	if (has_commit(clauses, count)) {
		if (count > 1) /* commits and versions do not share an order */
			return unread(s, p, furthest);
		s->r->scheme = scheme_find(SPAN("git"));
		/* "0 < 41b14d7", fixed in 8bf122f: the fix is the bound, as with versions */
		*p = (struct prose){ .a = s->a, .scheme = scheme, .text = span_trim(s->row->fixed) };
		if (p->text.n <= RANGE_MAX_TEXT)
			prose_tokenise(p);
		struct span fix = prose_only_commit(p);
		if (fix.n)
			clauses[0].versions[0] = fix;
	}
	int rc = name_rules(s, clauses, count);
	s->r->readable = true;
	for (size_t i = 0; i < count && !rc; i++)
		rc = range_add_clause(s->a, s->r, &clauses[i], &(struct fixes){ s->fixes, s->fix_count, s->row->listed },
				      branch,
				      s->err);
	if (!rc && !s->r->readable)
		rc = err_set(s->err, RF_EUNREADABLE, "\"%.*s\" (fixed \"%.*s\") holds no version: its bounds cross",
			     SPAN_ARG(s->row->affected), SPAN_ARG(s->row->fixed));
	return rc;
}

int range_read_row(struct arena *a, const struct scheme *scheme, const struct range_words_of *row, struct range **ret,
		   struct err *err)
{
	struct span affected = span_trim(row->affected), branch = branch_of(scheme, row->platform);
	if (!branch.n)
		branch = product_branch(scheme, row->product);
	if (span_starts_nocase(affected, "vers:"))
		return range_read_vers(a, scheme, affected, ret, err);
	if (is_driver_branch(branch) && !strcmp(scheme->name, "generic"))
		scheme = scheme_find(SPAN("driver"));
	struct range *r = range_new(a, scheme, "not read");
	if (!r)
		return no_memory(err);
	RF_AUTO_FREE struct desk *desk = rf_alloc(sizeof *desk);
	if (!desk)
		return no_memory(err);
	struct statement s = { .a = a, .desk = desk, .row = row, .r = r, .err = err };
	int rc = read_fixes(&s, scheme);
	if (rc)
		return rc;
	*ret = r;
	r->readable = false;
	r->scope.platform = row->platform;
	if (!affected.n || affected.n > RANGE_MAX_TEXT)
		return err_set(err, RF_EUNREADABLE, "the statement is empty or longer than %zu bytes",
			       (size_t)RANGE_MAX_TEXT);
	rc = read_statement(&s, scheme, branch);
	if (rc == RF_EUNREADABLE)
		r->readable = false;
	return rc;
}

int range_read(struct arena *a, const struct scheme *scheme, struct span affected, struct span fixed,
	       struct range **ret, struct err *err)
{
	return range_read_row(a, scheme, &(struct range_words_of){ .affected = affected, .fixed = fixed }, ret, err);
}

int range_read_fixed(struct arena *a, const struct scheme *scheme, struct span fixed, struct span **ret,
		     size_t *ret_count)
{
	RF_AUTO_FREE struct desk *desk = rf_alloc(sizeof *desk);
	*ret = NULL;
	*ret_count = 0;
	if (!desk)
		return RF_ENOMEM;
	struct statement s = { .a = a, .desk = desk, .row = &(struct range_words_of){ .fixed = fixed } };
	int rc = read_fixes(&s, scheme);
	*ret = s.fix_count ? s.fixes : NULL;
	*ret_count = s.fix_count;
	return rc;
}

void range_explain(const struct range *r, struct str *to)
{
	str_add_text(to, r->rule);
	if (r->note.n)
		str_addf(to, "; %.*s", SPAN_ARG(r->note));
	if (r->scope.branch.n)
		str_addf(to, "; only branch %.*s", SPAN_ARG(r->scope.branch));
	else if (r->scope.platform.n)
		str_addf(to, "; on %.*s", SPAN_ARG(r->scope.platform));
	if (r->conflict)
		str_add_text(to, "; its bounds contradict each other");
}
