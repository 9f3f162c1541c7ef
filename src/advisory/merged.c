/* What of a merged advisory needs no database: whose word counts, and who contradicts whom. */
#include "advisory/merged.h"

#include "advisory/advisory_int.h"
#include "advisory/cvss.h"

const char *advisory_authority_name(enum advisory_authority a)
{
	static const char *const names[] = { "other", "nvd", "cna", "vendor" };
	return (size_t)a < RF_COUNT(names) ? names[a] : "other";
}

enum advisory_authority advisory_authority_of(const struct advisory *record, const char *format)
{
	for (size_t i = 0; i < record->statement_count; i++)
		if (record->statements[i].authoritative)
			return AUTHORITY_VENDOR;
	if (!strcmp(format, "cve"))
		return AUTHORITY_CNA;
	return !strcmp(format, "nvd") ? AUTHORITY_NVD : AUTHORITY_OTHER;
}

const char *decision_kind_name(enum decision_kind k)
{
	return k == DECISION_RANGE ? "range" : "applies";
}

const struct advisory_decision *advisory_applies_decision(const struct advisory_policy *policy,
							  const struct product *product, struct span service)
{
	const struct advisory_decision *best = NULL;
	int best_width = -1;
	for (size_t i = 0; i < policy->decision_count; i++) {
		const struct advisory_decision *d = &policy->decisions[i];
		if (d->kind != DECISION_APPLIES || (d->product && d->product != product) ||
		    (d->service.n && !span_eq(d->service, service)))
			continue;
		int width = 2 * (d->service.n > 0) + (d->product != NULL);
		if (width >= best_width) {
			best = d;
			best_width = width;
		}
	}
	return best;
}

const struct advisory_decision *advisory_range_decision(const struct advisory_policy *policy,
							const struct product *product)
{
	const struct advisory_decision *last = NULL;
	for (size_t i = 0; i < policy->decision_count; i++)
		if (policy->decisions[i].kind == DECISION_RANGE && policy->decisions[i].product == product)
			last = &policy->decisions[i];
	return last && last->range ? last : NULL;
}

enum engine_affecting advisory_engine_affecting(const struct advisory_policy *policy, const struct product *product)
{
	if (policy->decided)
		return policy->engine_affecting;
	return product ? product->engine_affecting : ENGINE_AFFECTING_UNKNOWN;
}

/* ── Contradictions ─────────────────────────────────────────────────────────────────────────────────────────────── */

const char *contradiction_kind_name(enum contradiction_kind k)
{
	static const char *const names[] = { "within", "state", "range", "score", "vector", "assigner" };
	return (size_t)k < RF_COUNT(names) ? names[k] : "within";
}

struct comparing {
	struct arena *a;
	const struct stored_advisory *v;
	struct contradiction *list;
	size_t count;
	struct err *err;
	int failed;
};

static void add(struct comparing *c, enum contradiction_kind kind, struct span source, struct span against,
		const struct product *product, const char *words)
{
	if (c->count == ADVISORY_MAX_CONTRADICTIONS)
		return;
	if (!words) {
		c->failed = err_set(c->err, RF_ENOMEM, "contradictions of an advisory");
		return;
	}
	c->list[c->count++] = (struct contradiction){ kind, span_of(words), source, against, product };
}

static void compare_within(struct comparing *c)
{
	const struct advisory *v = &c->v->advisory;
	for (size_t i = 0; i < v->statement_count; i++) {
		const struct advisory_statement *s = &v->statements[i];
		if (s->contradiction.n)
			add(c, CONTRADICTION_WITHIN, s->source, SPAN_NONE, s->product,
			    arena_printf(c->a, "%.*s contradicts itself about %.*s: %.*s", SPAN_ARG(s->source),
					 SPAN_ARG(s->product_name), SPAN_ARG(s->contradiction)));
	}
}

static void compare_states(struct comparing *c)
{
	const struct advisory_source *published = NULL;
	for (size_t i = 0; i < c->v->source_count; i++)
		if (!published && c->v->sources[i].record.state == ADVISORY_PUBLISHED)
			published = &c->v->sources[i];
	for (size_t i = 0; published && i < c->v->source_count; i++) {
		const struct advisory_source *s = &c->v->sources[i];
		if (s->record.state != ADVISORY_PUBLISHED)
			add(c, CONTRADICTION_STATE, s->publisher, published->publisher, NULL,
			    arena_printf(c->a, "%.*s has the record as %s, %.*s publishes it", SPAN_ARG(s->publisher),
					 advisory_state_name(s->record.state), SPAN_ARG(published->publisher)));
	}
}

static bool is_spoken(const struct comparing *c, size_t i)
{
	const struct advisory_statement *s = &c->v->advisory.statements[i];
	return s->product && s->status == STATEMENT_AFFECTED && s->range && s->range->readable &&
	       c->v->origins[i].record_state == ADVISORY_PUBLISHED;
}

/* What all statements of @source about @product answer to @version. */
static enum range_answer answer_of(const struct comparing *c, struct span source, const struct product *product,
				   struct span version)
{
	enum range_answer answer = RANGE_OUT;
	const struct advisory *v = &c->v->advisory;
	for (size_t i = 0; i < v->statement_count; i++) {
		if (!is_spoken(c, i) || v->statements[i].product != product ||
		    !span_eq(v->statements[i].source, source))
			continue;
		enum range_answer one = range_contains(v->statements[i].range, version);
		if (one == RANGE_IN)
			return one;
		if (one == RANGE_UNSURE)
			answer = one;
	}
	return answer;
}

/* A bound of one source where the two answer differently, and no other one does not know. */
static bool differ_at(const struct comparing *c, const struct advisory_statement *a, const struct advisory_statement *b,
		      struct span *ret)
{
	for (size_t i = 0; i < a->range->count; i++)
		for (int end = 0; end < 2; end++) {
			struct span version = end ? a->range->intervals[i].high : a->range->intervals[i].low;
			if (!version.n)
				continue;
			enum range_answer x = answer_of(c, a->source, a->product, version);
			enum range_answer y = answer_of(c, b->source, b->product, version);
			if (x != RANGE_UNSURE && y != RANGE_UNSURE && x != y) {
				*ret = version;
				return true;
			}
		}
	return false;
}

static void compare_pair(struct comparing *c, const struct advisory_statement *a, const struct advisory_statement *b)
{
	struct span at;
	if (!differ_at(c, a, b, &at) && !differ_at(c, b, a, &at))
		return;
	struct str left = STR_INIT(1 * MIB), right = STR_INIT(1 * MIB);
	range_words(a->range, &left);
	range_words(b->range, &right);
	bool a_holds = answer_of(c, a->source, a->product, at) == RANGE_IN;
	const struct advisory_statement *in = a_holds ? a : b, *out = a_holds ? b : a;
	add(c, CONTRADICTION_RANGE, a->source, b->source, a->product,
	    arena_printf(c->a,
			 "%.*s says %.*s (\"%.*s\"), %.*s says %.*s (\"%.*s\") of %s: %.*s is affected for %.*s, not "
			 "for %.*s",
			 SPAN_ARG(a->source), SPAN_ARG(str_span(&left)), SPAN_ARG(span_sub(a->affected_text, 0, 200)),
			 SPAN_ARG(b->source), SPAN_ARG(str_span(&right)), SPAN_ARG(span_sub(b->affected_text, 0, 200)),
			 a->product->name, SPAN_ARG(at), SPAN_ARG(in->source), SPAN_ARG(out->source)));
	str_release(&left);
	str_release(&right);
}

/* Each pair of sources once a product: at their first statements. */
static bool is_first_of(const struct comparing *c, size_t i)
{
	const struct advisory_statement *s = &c->v->advisory.statements[i];
	if (!is_spoken(c, i))
		return false;
	for (size_t k = 0; k < i; k++)
		if (is_spoken(c, k) && c->v->advisory.statements[k].product == s->product &&
		    span_eq(c->v->advisory.statements[k].source, s->source))
			return false;
	return true;
}

/* Sources with many rows are compared by their firsts; bounds of all rows answer (answer_of()). */
#define COMPARED_STATEMENTS 64

static void compare_ranges(struct comparing *c)
{
	const struct advisory *v = &c->v->advisory;
	size_t first[COMPARED_STATEMENTS], n = 0;
	for (size_t i = 0; i < v->statement_count && n < COMPARED_STATEMENTS; i++)
		if (is_first_of(c, i))
			first[n++] = i;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (v->statements[first[i]].product == v->statements[first[k]].product)
				compare_pair(c, &v->statements[first[i]], &v->statements[first[k]]);
}

/* The best score of a source that is of a version's family: a 2.0 score is on another scale than a 3.1 one. */
static const struct advisory_severity *score_of(const struct advisory_source *s, struct span *ret_rating)
{
	const struct advisory_severity *best = NULL;
	for (size_t i = 0; i < s->record.severity_count; i++) {
		const struct advisory_severity *x = &s->record.severities[i];
		if (span_eq_text(x->type, "CVSS_V3") &&
		    (!best || advisory_severity_score(x) > advisory_severity_score(best)))
			best = x;
	}
	if (!best || advisory_severity_score(best) < 0)
		return NULL;
	*ret_rating = span_of(cvss_rating(CVSS_V3_1, advisory_severity_score(best)));
	return best;
}

static void compare_scores(struct comparing *c)
{
	const struct advisory_severity *first = NULL;
	struct span rating, other;
	for (size_t i = 0; i < c->v->source_count; i++) {
		const struct advisory_source *s = &c->v->sources[i];
		const struct advisory_severity *x = s->record.state == ADVISORY_PUBLISHED ? score_of(s, &other) : NULL;
		if (x && !first) {
			first = x;
			rating = other;
		} else if (x && !span_eq(rating, other)) {
			add(c, CONTRADICTION_SCORE, first->source, x->source, NULL,
			    arena_printf(c->a, "%.*s scores %.1f (%.*s), %.*s scores %.1f (%.*s)",
					 SPAN_ARG(first->source), advisory_severity_score(first), SPAN_ARG(rating),
					 SPAN_ARG(x->source), advisory_severity_score(x), SPAN_ARG(other)));
		}
	}
}

static void compare_vectors(struct comparing *c)
{
	for (size_t i = 0; i < c->v->source_count; i++)
		for (size_t k = 0; k < c->v->sources[i].record.severity_count; k++) {
			const struct advisory_severity *s = &c->v->sources[i].record.severities[k];
			if (advisory_severity_disagrees(s))
				add(c, CONTRADICTION_VECTOR, s->source, SPAN_NONE, NULL,
				    arena_printf(c->a,
						 "%.*s states %.1f, its vector %.*s gives %.1f: the vector counts",
						 SPAN_ARG(s->source), s->score, SPAN_ARG(s->vector), s->computed));
		}
}

/* Vendors of products of ours that number their flaws themselves (CNAs): an id from somebody else that they do not
 * speak of is worth a look. */
static bool numbers_itself(const struct product *p)
{
	static const char *const vendors[] = { "nvidia", "microsoft" };
	for (size_t i = 0; i < RF_COUNT(vendors); i++)
		if (advisory_is_own_vendor(p, span_of(vendors[i])))
			return true;
	return false;
}

static void compare_assigner(struct comparing *c)
{
	const struct advisory *v = &c->v->advisory;
	for (size_t i = 0; i < v->statement_count; i++)
		if (v->statements[i].authoritative)
			return;
	for (size_t i = 0; v->assigner.n && i < v->statement_count; i++) {
		const struct advisory_statement *s = &v->statements[i];
		if (!s->product || !numbers_itself(s->product) || advisory_is_own_vendor(s->product, v->assigner))
			continue;
		add(c, CONTRADICTION_ASSIGNER, s->source, v->assigner, s->product,
		    arena_printf(c->a,
				 "%.*s names %s, but the id was assigned by %.*s, and its vendor does not speak of it",
				 SPAN_ARG(s->source), s->product->name, SPAN_ARG(v->assigner)));
		return;
	}
}

int advisory_contradictions(struct arena *a, const struct stored_advisory *v, struct contradiction **ret,
			    size_t *ret_count, struct err *err)
{
	struct comparing c = { .a = a, .v = v, .err = err };
	c.list = arena_array(a, ADVISORY_MAX_CONTRADICTIONS, sizeof *c.list);
	if (!c.list)
		return err_set(err, RF_ENOMEM, "contradictions of an advisory");
	compare_within(&c);
	compare_states(&c);
	compare_ranges(&c);
	compare_scores(&c);
	compare_vectors(&c);
	compare_assigner(&c);
	if (c.failed)
		return c.failed;
	*ret = c.list;
	*ret_count = c.count;
	return 0;
}
