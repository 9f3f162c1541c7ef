/* The judgement of one component by one advisory. The rules stand in finding.h; here is one function for each. */
#include "exposure/finding.h"

static const char *const kind_names[] = { "not_affected", "unknown", "conflict", "affected" };

const char *finding_kind_name(enum finding_kind k)
{
	return (size_t)k < RF_COUNT(kind_names) ? kind_names[k] : "unknown";
}

bool finding_kind_read(struct span name, enum finding_kind *ret)
{
	for (size_t i = 0; i < RF_COUNT(kind_names); i++)
		if (span_eq_text(name, kind_names[i])) {
			*ret = (enum finding_kind)i;
			return true;
		}
	return false;
}

static const struct {
	const char *name;
	const char *words;
} causes[] = {
#define X(name, text, words) [name] = { text, words },
	FINDING_CAUSES(X)
#undef X
};

const char *finding_cause_name(enum finding_cause c)
{
	return (size_t)c < RF_COUNT(causes) ? causes[c].name : "unknown_version";
}

const char *finding_cause_words(enum finding_cause c)
{
	return (size_t)c < RF_COUNT(causes) ? causes[c].words : "";
}

bool finding_cause_read(struct span name, enum finding_cause *ret)
{
	for (size_t i = 0; i < RF_COUNT(causes); i++)
		if (span_eq_text(name, causes[i].name)) {
			*ret = (enum finding_cause)i;
			return true;
		}
	return false;
}

static const char *const carrier_names[CARRIER_COUNT] = { "builder", "runtime", "image" };

const char *carrier_name(enum carrier c)
{
	return (size_t)c < CARRIER_COUNT ? carrier_names[c] : "builder";
}

bool carrier_read(struct span name, enum carrier *ret)
{
	for (size_t i = 0; i < CARRIER_COUNT; i++)
		if (span_eq_text(name, carrier_names[i])) {
			*ret = (enum carrier)i;
			return true;
		}
	return false;
}

/* What one publisher says with all its statements about the product. */
struct voice {
	struct span source;
	bool authoritative;
	enum range_answer answer;    /* of its "affected" statements together */
	const struct range **ranges; /* of those */
	size_t count;
	bool own_line;   /* it has statements about the component's own line: the others do not count */
	bool every_line; /* it has one that is about all platforms by its words */
	bool silent;     /* it speaks of others only: of this one nothing follows */
	bool unread;     /* one of them is no range */
	bool in;         /* one of them holds the version */
	bool affected;   /* it has one */
	bool denied;     /* it names the version as not affected */
	bool unreadable; /* UNSURE because a range could not be read, not because of the version */
	bool conservative;
};

struct judging {
	struct arena *a;
	const struct finding_subject *s;
	const struct stored_advisory *advisory;
	struct finding *to;
	struct voice *voices;
	size_t voice_count;
	size_t statements; /* about the product, of published records */
};

static int verdict(struct judging *j, enum finding_kind kind, enum finding_cause cause)
{
	struct reason *r = &j->to->reason;
	j->to->kind = kind;
	j->to->cause = cause;
	struct reason_step *step =
		reason_add(r, REASON_RESULT, "%s: %s", finding_kind_name(kind), finding_cause_words(cause));
	reason_fact(step, "finding", span_of(finding_kind_name(kind)));
	reason_fact(step, "cause", span_of(finding_cause_name(cause)));
	return 0;
}

static struct span digest_short(struct span digest)
{
	return span_sub(digest, 0, 12);
}

/* ── Sources ────────────────────────────────────────────────────────────────────────────────────────────────────── */

static void say_source(struct judging *j, const struct advisory_statement *s, const struct advisory_origin *o)
{
	j->to->contradiction |= s->contradiction.n > 0;
	if (j->s->brief)
		return;
	struct str range = STR_INIT(16 * KIB);
	if (s->range)
		range_words(s->range, &range);
	char fixed[512] = "";
	if (s->fixed_text.n)
		snprintf(fixed, sizeof fixed, ", fixed \"%.*s\"", SPAN_ARG(span_sub(s->fixed_text, 0, 400)));
	struct span read = span_of(arena_text(j->a, str_span(&range)));
	str_release(&range);
	struct reason_step *step = reason_add(
		&j->to->reason, REASON_SOURCE,
		"%.*s, document %.*s (sha256 %.*s...), says of %.*s%s%.*s: %s \"%.*s\"%s; %s%.*s (%.*s)",
		SPAN_ARG(s->source), SPAN_ARG(o->document_id), SPAN_ARG(digest_short(o->document_digest)),
		SPAN_ARG(s->product_name), s->platform.n ? " on " : "", SPAN_ARG(s->platform),
		s->status == STATEMENT_AFFECTED ? "affected" : "not affected",
		SPAN_ARG(span_sub(s->affected_text, 0, 1000)), fixed, s->range && s->range->readable ? "read as " : "",
		SPAN_ARG(read), SPAN_ARG(s->rule));
	reason_fact(step, "source", s->source);
	reason_fact(step, "document", o->document_id);
	reason_fact(step, "sha256", o->document_digest);
	reason_fact(step, "product", s->product_name);
	reason_fact(step, "platform", s->platform);
	reason_fact(step, "affected_text", s->affected_text);
	reason_fact(step, "fixed_text", s->fixed_text);
	reason_fact(step, "range", read);
	reason_fact(step, "rule", s->rule);
	reason_fact(step, "contradiction", s->contradiction);
	if (s->contradiction.n)
		step = reason_add(&j->to->reason, REASON_CLAIM, "%.*s contradicts itself: %.*s", SPAN_ARG(s->source),
				  SPAN_ARG(s->contradiction));
	if (s->contradiction.n)
		reason_fact(step, "contradiction", s->contradiction);
}

static void say_comparison(struct judging *j, const struct advisory_statement *s, enum range_answer answer)
{
	static const char *const words[] = { "outside", "inside", "cannot tell" };
	static const char *const answers[] = { "out", "in", "unsure" };
	if (j->s->brief)
		return;
	struct str text = STR_INIT(16 * KIB);
	range_comparison(s->range, j->s->component.version, &text);
	struct span comparison = span_of(arena_text(j->a, str_span(&text)));
	str_release(&text);
	struct reason_step *step = reason_add(&j->to->reason, REASON_COMPARISON, "%.*s: %s%s%s", SPAN_ARG(comparison),
					      words[answer], s->range->conservative ? ", by a cautious reading" : "",
					      s->status == STATEMENT_NOT_AFFECTED ? " of what is not affected" : "");
	reason_fact(step, "comparison", comparison);
	reason_fact(step, "answer", span_of(answers[answer]));
	reason_fact(step, "scheme", span_of(s->range->scheme->name));
}

static struct voice *voice_of(struct judging *j, const struct advisory_statement *s)
{
	for (size_t i = 0; i < j->voice_count; i++)
		if (span_eq(j->voices[i].source, s->source))
			return &j->voices[i];
	struct voice *v = &j->voices[j->voice_count++];
	*v = (struct voice){ .source = s->source, .answer = RANGE_OUT };
	return v;
}

/* A statement about another line than the component's, or about all where there is one about the component's own. */
static bool is_beside_the_line(const struct judging *j, const struct advisory_statement *s, const struct voice *v)
{
	enum platform_line line = j->s->component.line, of = platform_line_of(s->platform);
	return line != PLATFORM_ANY && of != line && (of != PLATFORM_ANY || v->own_line);
}

static void hear(struct judging *j, const struct advisory_statement *s, const struct advisory_origin *o)
{
	struct voice *v = voice_of(j, s);
	enum range_answer answer = s->range ? range_contains(s->range, j->s->component.version) : RANGE_UNSURE;
	say_source(j, s, o);
	if (is_beside_the_line(j, s, v)) {
		(void)reason_add(&j->to->reason, REASON_CLAIM, "the component runs on %s: this is not about it",
				 platform_line_name(j->s->component.line));
		return;
	}
	if (s->range)
		say_comparison(j, s, answer);
	v->authoritative |= s->authoritative;
	if (s->status == STATEMENT_NOT_AFFECTED) {
		v->denied |= answer == RANGE_IN;
		return;
	}
	v->affected = true;
	v->count += s->range != NULL;
	v->unread |= !s->range;
	if (answer == RANGE_UNSURE)
		v->unreadable |= !s->range || !s->range->readable;
	if (answer == RANGE_IN) {
		v->conservative = (!v->in || v->conservative) && s->range->conservative;
		v->in = true;
	}
}

/* A list of what is not affected says nothing of what is not on it. */
static bool is_silent(const struct voice *v)
{
	return v->answer == RANGE_OUT && (v->silent || (!v->affected && !v->denied));
}

static bool is_about(const struct judging *j, size_t i)
{
	const struct advisory_statement *s = &j->advisory->advisory.statements[i];
	return s->product && s->product == j->s->component.product &&
	       j->advisory->origins[i].record_state == ADVISORY_PUBLISHED;
}

/* What a source's statements say together: IN over UNSURE over OUT, and a branch that none speaks of is UNSURE. */
static int conclude_voice(struct judging *j, struct voice *v)
{
	const struct advisory *all = &j->advisory->advisory;
	size_t n = 0;
	v->ranges = arena_array(j->a, v->count + 1, sizeof *v->ranges);
	if (!v->ranges)
		return RF_ENOMEM;
	for (size_t i = 0; i < all->statement_count; i++) {
		const struct advisory_statement *s = &all->statements[i];
		if (is_about(j, i) && s->status == STATEMENT_AFFECTED && s->range && span_eq(s->source, v->source) &&
		    !is_beside_the_line(j, s, v))
			v->ranges[n++] = s->range;
	}
	v->answer = n ? ranges_contain(v->ranges, n, j->s->component.version) : RANGE_OUT;
	if (v->affected && v->answer == RANGE_OUT && j->s->component.line != PLATFORM_ANY && !v->own_line &&
	    !v->every_line) {
		(void)reason_add(&j->to->reason, REASON_CLAIM,
				 "%.*s does not speak of %s, whose versions are numbered apart: it cannot clear it",
				 SPAN_ARG(v->source), platform_line_name(j->s->component.line));
		v->silent = true;
	}
	if (v->unread && v->answer == RANGE_OUT)
		v->answer = RANGE_UNSURE;
	return 0;
}

static int hear_all(struct judging *j)
{
	const struct advisory *v = &j->advisory->advisory;
	j->voices = arena_array(j->a, j->advisory->source_count + v->statement_count + 1, sizeof *j->voices);
	if (!j->voices)
		return RF_ENOMEM;
	for (size_t i = 0; i < v->statement_count && j->s->component.line != PLATFORM_ANY; i++) {
		if (!is_about(j, i))
			continue;
		struct voice *voice = voice_of(j, &v->statements[i]);
		voice->own_line |= platform_line_of(v->statements[i].platform) == j->s->component.line;
		voice->every_line |= platform_is_every(v->statements[i].platform);
	}
	for (size_t i = 0; i < v->statement_count; i++) {
		if (!is_about(j, i))
			continue;
		j->statements++;
		hear(j, &v->statements[i], &j->advisory->origins[i]);
	}
	int rc = 0;
	for (size_t i = 0; !rc && i < j->voice_count; i++)
		rc = conclude_voice(j, &j->voices[i]);
	return rc;
}

/* ── Fixes ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static bool has_fix(const struct finding *f, const struct scheme *scheme, struct span version)
{
	for (size_t i = 0; i < f->fixed_count; i++)
		if (span_eq(f->fixed[i], version) || version_compare(scheme, f->fixed[i], version) == VERSION_EQUAL)
			return true;
	return false;
}

static void insert_fix(struct finding *f, const struct scheme *scheme, struct span version)
{
	size_t at = f->fixed_count++;
	while (at > 0 && version_compare(scheme, version, f->fixed[at - 1]) == VERSION_LESS) {
		f->fixed[at] = f->fixed[at - 1];
		at--;
	}
	f->fixed[at] = version;
}

/* The vendor's fixes; where the vendor names none, everybody's. */
static int collect_fixes(struct judging *j)
{
	const struct advisory *v = &j->advisory->advisory;
	size_t count = 0, vendor = 0;
	for (size_t i = 0; i < v->statement_count; i++)
		if (is_about(j, i)) {
			count += v->statements[i].fixed_count;
			vendor += v->statements[i].authoritative ? v->statements[i].fixed_count : 0;
		}
	struct finding *f = j->to;
	f->fixed = arena_array(j->a, count + 1, sizeof *f->fixed);
	if (!f->fixed)
		return RF_ENOMEM;
	const struct scheme *scheme = product_scheme(j->s->component.product);
	for (size_t i = 0; i < v->statement_count; i++) {
		const struct advisory_statement *s = &v->statements[i];
		for (size_t k = 0; is_about(j, i) && (s->authoritative || !vendor) && k < s->fixed_count; k++)
			if (!has_fix(f, scheme, s->fixed[k]))
				insert_fix(f, scheme, s->fixed[k]);
	}
	return 0;
}

/* ── Records and policy ─────────────────────────────────────────────────────────────────────────────────────────── */

static void say_record(struct judging *j, const struct advisory_source *source)
{
	const struct advisory *v = &source->record;
	struct reason_step *step = reason_add(
		&j->to->reason, REASON_RECORD, "%.*s, document %.*s (sha256 %.*s...), has %.*s as %s%s%.*s%s%.*s",
		SPAN_ARG(source->publisher), SPAN_ARG(source->origin.document_id),
		SPAN_ARG(digest_short(source->origin.document_digest)), SPAN_ARG(v->id), advisory_state_name(v->state),
		v->state_reason.n ? ": " : "", SPAN_ARG(v->state_reason),
		v->assigner.n ? "; the id was assigned by " : "", SPAN_ARG(v->assigner));
	reason_fact(step, "source", source->publisher);
	reason_fact(step, "document", source->origin.document_id);
	reason_fact(step, "sha256", source->origin.document_digest);
	reason_fact(step, "state", span_of(advisory_state_name(v->state)));
	reason_fact(step, "reason", v->state_reason);
	reason_fact(step, "assigner", v->assigner);
}

static void say_policy(struct judging *j, enum engine_affecting e)
{
	static const char *const words[] = { "it is not known whether a flaw there lives on in a built engine",
					     "a flaw there lives on in what it built until that is rebuilt",
					     "a flaw there does not live on in built engines" };
	const struct advisory_policy *p = &j->advisory->policy;
	struct reason_step *step;
	if (p->decided)
		step = reason_add(&j->to->reason, REASON_POLICY, "engine_affecting %s, decided by %.*s: %.*s",
				  engine_affecting_name(e), SPAN_ARG(p->who), SPAN_ARG(span_sub(p->why, 0, 1000)));
	else
		step = reason_add(&j->to->reason, REASON_POLICY, "engine_affecting %s, the default for %s: %s",
				  engine_affecting_name(e), j->s->component.product->name, words[e]);
	reason_fact(step, "engine_affecting", span_of(engine_affecting_name(e)));
	reason_fact(step, "who", p->decided ? p->who : SPAN("products.tsv"));
	reason_fact(step, "why", p->why);
}

static void say_decision(struct judging *j, const struct advisory_decision *d)
{
	struct reason_step *step;
	if (j->s->brief)
		return;
	struct str range = STR_INIT(16 * KIB);
	if (d->range)
		range_words(d->range, &range);
	if (d->kind == DECISION_RANGE)
		step = reason_add(&j->to->reason, REASON_POLICY,
				  "%.*s decided which versions are affected: \"%.*s\", read as %.*s, in place of what "
				  "the sources "
				  "say: %.*s",
				  SPAN_ARG(d->owner), SPAN_ARG(d->text), SPAN_ARG(str_span(&range)),
				  SPAN_ARG(span_sub(d->why, 0, 1000)));
	else
		step = reason_add(&j->to->reason, REASON_POLICY, "%.*s decided that it %s to %s%s%.*s: %.*s",
				  SPAN_ARG(d->owner), d->applies ? "applies" : "does not apply",
				  d->product ? d->product->name : "any product", d->service.n ? " in service " : "",
				  SPAN_ARG(d->service), SPAN_ARG(span_sub(d->why, 0, 1000)));
	str_release(&range);
	reason_fact(step, "decision", span_of(decision_kind_name(d->kind)));
	reason_fact(step, "owner", d->owner);
	reason_fact(step, "who", d->who);
	reason_fact(step, "why", d->why);
	reason_fact(step, "service", d->service);
	reason_fact(step, "range", d->text);
}

/* ── Rules ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

static int judge_unpublished(struct judging *j)
{
	bool rejected = j->advisory->advisory.state == ADVISORY_REJECTED;
	for (size_t i = 0; i < j->advisory->source_count; i++)
		say_record(j, &j->advisory->sources[i]);
	/* a published record beside a rejection is not silently dropped */
	int rc = rejected ? hear_all(j) : 0;
	for (size_t i = 0; !rc && i < j->voice_count; i++)
		if (j->voices[i].answer != RANGE_OUT) {
			j->to->source_conflict = true;
			return verdict(j, FINDING_CONFLICT, CAUSE_SOURCE_CONFLICT);
		}
	return rc ? rc : verdict(j, FINDING_NOT_AFFECTED, rejected ? CAUSE_REJECTED_RECORD : CAUSE_WITHDRAWN_RECORD);
}

/* What the file says of itself, when that is why the version is not known. */
static enum finding_cause unknown_cause(const struct judging *j, bool unreadable)
{
	enum finding_cause cause;
	if (j->s->claim != CLAIM_CLEAR && finding_cause_read(j->s->claim_cause, &cause))
		return cause;
	const struct component *c = &j->s->component;
	if (!c->version.n || !version_is_readable(product_scheme(c->product), c->version))
		return CAUSE_UNKNOWN_VERSION;
	return unreadable ? CAUSE_UNREADABLE_RANGE : CAUSE_NOT_COMPARABLE;
}

static int judge_in(struct judging *j, bool vendor_denies, enum engine_affecting policy)
{
	if (j->to->source_conflict && vendor_denies)
		return verdict(j, FINDING_CONFLICT, CAUSE_SOURCE_CONFLICT);
	if (j->s->carrier == CARRIER_BUILDER && policy == ENGINE_AFFECTING_UNKNOWN)
		return verdict(j, FINDING_UNKNOWN, CAUSE_ENGINE_AFFECTING_UNDECIDED);
	return verdict(j, FINDING_AFFECTED, CAUSE_IN_RANGE);
}

/* The operator's range speaks alone. */
static int judge_decided(struct judging *j, const struct advisory_decision *d, enum engine_affecting policy)
{
	say_decision(j, d);
	enum range_answer answer = range_contains(d->range, j->s->component.version);
	say_comparison(j, &(struct advisory_statement){ .range = d->range, .status = STATEMENT_AFFECTED }, answer);
	if (answer == RANGE_IN)
		return judge_in(j, false, policy);
	if (answer == RANGE_UNSURE || j->s->claim == CLAIM_UNKNOWN)
		return verdict(j, FINDING_UNKNOWN, unknown_cause(j, !d->range->readable));
	return verdict(j, FINDING_NOT_AFFECTED, CAUSE_OUT_OF_RANGE);
}

static int judge_voices(struct judging *j, enum engine_affecting policy)
{
	size_t in = 0, in_vendor = 0, out = 0, out_vendor = 0, unsure = 0, silent = 0;
	bool unreadable = false, conservative = true;
	for (size_t i = 0; i < j->voice_count; i++) {
		const struct voice *v = &j->voices[i];
		enum range_answer answer = v->answer;
		if (is_silent(v)) {
			silent++;
			continue;
		}
		in += answer == RANGE_IN;
		in_vendor += answer == RANGE_IN && v->authoritative;
		out += answer == RANGE_OUT;
		out_vendor += answer == RANGE_OUT && v->authoritative;
		unsure += answer == RANGE_UNSURE;
		unreadable |= v->unreadable;
		conservative &= answer != RANGE_IN || v->conservative;
	}
	j->to->source_conflict = in && out;
	j->to->conservative = in && conservative;
	if (j->to->source_conflict)
		(void)reason_add(&j->to->reason, REASON_CLAIM, "sources disagree: %zu say affected, %zu say not", in,
				 out);
	if (in)
		return judge_in(j, out_vendor && !in_vendor, policy);
	if (unsure || (silent && !out))
		return verdict(j, FINDING_UNKNOWN, unknown_cause(j, unreadable));
	if (j->s->claim == CLAIM_UNKNOWN)
		return verdict(j, FINDING_UNKNOWN, unknown_cause(j, false));
	return verdict(j, FINDING_NOT_AFFECTED, CAUSE_OUT_OF_RANGE);
}

/* With the product known and the advisory about it, or decided to be. */
static int judge_product(struct judging *j, const struct advisory_decision *range)
{
	const struct finding_subject *s = j->s;
	enum engine_affecting policy = advisory_engine_affecting(&j->advisory->policy, s->component.product);
	if (s->carrier == CARRIER_BUILDER)
		say_policy(j, policy);
	if (s->carrier == CARRIER_BUILDER && policy == ENGINE_AFFECTING_NO)
		return verdict(j, FINDING_NOT_AFFECTED, CAUSE_NOT_ENGINE_AFFECTING);
	if (s->claim == CLAIM_CONFLICT)
		return verdict(j, FINDING_CONFLICT, CAUSE_HEADER_MISMATCH);
	return range ? judge_decided(j, range, policy) : judge_voices(j, policy);
}

static int judge(struct judging *j)
{
	const struct finding_subject *s = j->s;
	const struct product *product = s->component.product;
	const struct advisory_decision *applies = advisory_applies_decision(&j->advisory->policy, product, s->service);
	if (applies)
		say_decision(j, applies);
	if (applies && !applies->applies)
		return verdict(j, FINDING_NOT_AFFECTED, CAUSE_NOT_APPLICABLE);
	if (!product) {
		enum finding_cause cause =
			s->carrier == CARRIER_RUNTIME ? CAUSE_UNKNOWN_RUNTIME : CAUSE_UNKNOWN_BUILDER;
		(void)(s->claim != CLAIM_CLEAR && finding_cause_read(s->claim_cause, &cause));
		return verdict(j, FINDING_UNKNOWN, cause);
	}
	const struct advisory_decision *range = advisory_range_decision(&j->advisory->policy, product);
	if (j->advisory->advisory.state != ADVISORY_PUBLISHED && !range)
		return judge_unpublished(j);
	int rc = hear_all(j);
	if (!rc)
		rc = collect_fixes(j);
	if (rc)
		return rc;
	if (!j->statements && !range)
		return verdict(j, FINDING_NOT_AFFECTED, CAUSE_OTHER_PRODUCT);
	return judge_product(j, range);
}

static void say_subject(struct judging *j)
{
	static const char *const carries[CARRIER_COUNT] = { "the engine was built by", "the engine is loaded by",
							    "the image holds" };
	const struct finding_subject *s = j->s;
	const struct component *c = &s->component;
	struct span purl = c->purl.n ? c->purl : SPAN("something unknown");
	struct span version = c->version.n ? c->version : SPAN("an unknown version");
	struct reason_step *step =
		reason_add(&j->to->reason, REASON_CLAIM, "%s: %.*s, %.*s%s%s%s%.*s%s",
			   carries[s->carrier < CARRIER_COUNT ? s->carrier : CARRIER_BUILDER], SPAN_ARG(purl),
			   SPAN_ARG(version), c->line == PLATFORM_ANY ? "" : " on ",
			   c->line == PLATFORM_ANY ? "" : platform_line_name(c->line), s->claim == CLAIM_CLEAR ? "" : " (the file: ", SPAN_ARG(s->claim_cause),
			   s->claim == CLAIM_CLEAR ? "" : ")");
	reason_fact(step, "carrier", span_of(carrier_name(s->carrier)));
	reason_fact(step, "product", c->purl);
	reason_fact(step, "version", c->version);
	reason_fact(step, "platform", c->line == PLATFORM_ANY ? SPAN_NONE : span_of(platform_line_name(c->line)));
	reason_fact(step, "claim", s->claim_cause);
}

int finding_judge(struct arena *a, const struct finding_subject *s, const struct stored_advisory *advisory,
		  struct finding *ret, struct err *err)
{
	struct finding f = { .reason = { .a = a, .brief = s->brief } };
	struct judging j = { .a = a, .s = s, .advisory = advisory, .to = &f };
	say_subject(&j);
	if (judge(&j))
		return err_set(err, RF_ENOMEM, "judgement of a component");
	/* a verdict always carries its result step: without it memory was out */
	if (!f.reason.count || f.reason.steps[f.reason.count - 1].kind != REASON_RESULT)
		return err_set(err, RF_ENOMEM, "chain of reasons");
	*ret = f;
	return 0;
}
