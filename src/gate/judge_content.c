/* One content against what is claimed about it: by itself, its rows, its attestations, and what the policy wants. */
#include "gate/judge_int.h"

#include "build/quarantine.h"
#include "inventory/model.h"

/* ── itself ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

static const char *cause_words(const char *cause)
{
	static const struct {
		const char *cause, *words;
	} rows[] = {
		{ ARTIFACT_CAUSE_UNSAFE_NAME, "a member's name leads out of its container" },
		{ ARTIFACT_CAUSE_INCOMPLETE, "a limit was met: a part of the content was not looked at" },
		{ ARTIFACT_CAUSE_LEAN_RUNTIME, "native code that says it is a lean runtime is inside: loading the plan runs it" },
		{ ARTIFACT_CAUSE_HOST_CODE, "native code for a CPU is inside: loading it runs that code" },
	};
	enum finding_cause known;
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (strcmp(rows[i].cause, cause) == 0)
			return rows[i].words;
	return finding_cause_read(span_of(cause), &known) ? finding_cause_words(known) : cause;
}

static const char *own_words(struct gate_judging *j, const struct gate_content *c, const char *cause)
{
	bool absent = c->carrier == CARRIER_IMAGE && strcmp(cause, ARTIFACT_CAUSE_CONTENT_ABSENT) == 0;
	const char *words = absent ? "what the image holds is not known" : cause_words(cause);
	if (c->facts && c->facts->rule_count)
		words = arena_printf(j->a, "%s (%s: %s)", words, c->facts->rules[0],
				     quarantine_found(c->facts, c->facts->rules[0]));
	else if (c->facts && strcmp(c->facts->kind, ARTIFACT_OTHER) == 0 && c->facts->note_count &&
		 strcmp(cause, ARTIFACT_CAUSE_UNREADABLE) == 0)
		words = arena_printf(j->a, "%s: %s", words, c->facts->notes[0]);
	else if (!c->facts && c->row && c->row->rules)
		words = arena_printf(j->a, "%s (%.*s)", words, SPAN_ARG(gate_snapshot_text_at(j->s, c->row->rules)));
	if (words && strcmp(cause, ARTIFACT_CAUSE_UNKNOWN_BUILDER) == 0 && j->s->compiler_count)
		words = arena_printf(j->a, "%s, so that any of %zu advisories about what compiles engines may hit it", words,
				     j->s->compiler_count);
	return words;
}

/* The facts that a row keeps of a model, as far as the quarantine asks for them. */
static int facts_of_row(struct gate_judging *j, const struct gate_content *c, const struct artifact_facts **ret)
{
	struct artifact_facts *f = arena_alloc(j->a, sizeof *f);
	struct span rest = gate_snapshot_text_at(j->s, c->row->rules), name;
	if (!f)
		return err_set(j->err, RF_ENOMEM, "facts about a model");
	f->kind = c->kind;
	f->finding = c->finding;
	/* texts of the snapshot are terminated */
	f->cause = c->row->cause ? gate_snapshot_text_at(j->s, c->row->cause).p : "";
	while (f->rule_count < ARTIFACT_MAX_RULES && span_split(&rest, ',', &name))
		if (!(f->rules[f->rule_count++] = arena_text(j->a, name)))
			return err_set(j->err, RF_ENOMEM, "facts about a model");
	*ret = f;
	return 0;
}

/* NULL: it passes, or is no model. */
static int quarantined_by(struct gate_judging *j, const struct gate_content *c, const char **ret)
{
	const struct artifact_facts *f = c->facts;
	int rc = 0;
	*ret = NULL;
	if (!c->kind || !model_kind(c->kind) || (!f && c->finding == ARTIFACT_CLEAR))
		return 0;
	if (!f)
		rc = facts_of_row(j, c, &f);
	if (!rc)
		*ret = quarantine_rule(NULL, f);
	return rc;
}

static int judge_quarantine(struct gate_judging *j, const struct gate_content *c, const char *rule)
{
	const struct model_rule *row = model_rule_find(rule);
	const char *words = arena_printf(j->a, "the model is in quarantine by the rule %s%s%s", rule, c->facts ? ": " : "",
					 c->facts ? quarantine_found(c->facts, rule) : "");
	int rc = words ? gate_fact_of(j, GATE_CAUSE_HOSTILE_MODEL, c, words) :
			 err_set(j->err, RF_ENOMEM, "facts about a model");
	if (!rc && row && row->next)
		j->facts[j->count - 1].next = span_of(row->next);
	return rc;
}

static bool breaks_rule(const struct gate_judging *j, const struct gate_content *c, const char *rule)
{
	struct span rest = SPAN_NONE, name;
	for (size_t i = 0; c->facts && i < c->facts->rule_count; i++)
		if (strcmp(c->facts->rules[i], rule) == 0)
			return true;
	if (!c->facts && c->row->rules)
		rest = gate_snapshot_text_at(j->s, c->row->rules);
	while (span_split(&rest, ',', &name))
		if (span_eq_text(name, rule))
			return true;
	return false;
}

/* A plan that was made to say another version, in its header or in every place. What is compiled into it says what built it. */
static int judge_versions(struct gate_judging *j, const struct gate_content *c)
{
	const char *rule = gate_cause_name(GATE_CAUSE_VERSION_MISMATCH), *words = gate_cause_words(GATE_CAUSE_VERSION_MISMATCH);
	if (c->facts)
		words = arena_printf(j->a, "%s (%s)", words, quarantine_found(c->facts, rule));
	return words ? gate_fact_of(j, GATE_CAUSE_VERSION_MISMATCH, c, words) :
		       err_set(j->err, RF_ENOMEM, "facts about a content");
}

int gate_judge_own(struct gate_judging *j, const struct gate_content *c)
{
	const char *rule;
	int rc = quarantined_by(j, c, &rule);
	if (rc || rule)
		return rc ? rc : judge_quarantine(j, c, rule);
	if (c->finding == ARTIFACT_CLEAR)
		return c->facts && strcmp(c->kind, ARTIFACT_OTHER) == 0 ? gate_fact_of(j, GATE_CAUSE_UNKNOWN_FORMAT, c, NULL)
									: 0;
	if (c->kind && strcmp(c->kind, ARTIFACT_TENSORRT_PLAN) == 0 &&
	    breaks_rule(j, c, gate_cause_name(GATE_CAUSE_VERSION_MISMATCH)))
		return judge_versions(j, c);
	/* texts of the snapshot are terminated */
	const char *cause = c->facts ? c->facts->cause : gate_snapshot_text_at(j->s, c->row->cause).p;
	if (!cause || !cause[0])
		cause = c->finding == ARTIFACT_CONFLICT ? ARTIFACT_CAUSE_HEADER_MISMATCH : ARTIFACT_CAUSE_UNREADABLE;
	const char *words = own_words(j, c, cause);
	if (!words)
		return err_set(j->err, RF_ENOMEM, "facts about a content");
	const struct gate_fact fact = { .has_carrier = true,
					.carrier = c->carrier,
					.purl = c->main.purl,
					.version = c->main.version,
					.kind = c->finding == ARTIFACT_CONFLICT ? FINDING_CONFLICT : FINDING_UNKNOWN,
					.cause = cause,
					.severity = -1,
					.published = USEC_NONE,
					.kev = USEC_NONE,
					.reason = span_of(words) };
	return gate_fact_add(j, &fact);
}

/* ── what others say of it ──────────────────────────────────────────────────────────────────────────────────────── */

/* Two claims about one version. A text that is no version of the product, or is short, contradicts nothing. */
static bool versions_differ(const struct component *a, const struct product *product, struct span version)
{
	if (!a->version.n || !version.n || !product || !a->product)
		return false;
	if (product != a->product)
		return true;
	enum version_order order = version_compare(product_scheme(product), a->version, version);
	return order == VERSION_LESS || order == VERSION_GREATER;
}

/* A plan says "sm_86", a recipe "linux-x86_64/sm_86". */
static bool targets_differ(struct span a, struct span b)
{
	size_t x = span_rfind_byte(a, '/'), y = span_rfind_byte(b, '/');
	if (!a.n || !b.n)
		return false;
	if (x != SIZE_MAX && y != SIZE_MAX)
		return !span_eq(a, b);
	return !span_eq(x == SIZE_MAX ? a : span_from(a, x + 1), y == SIZE_MAX ? b : span_from(b, y + 1));
}

/* Who speaks about the same digest, and what: it must be what the file itself says. */
struct claim {
	const char *who;
	struct span purl, version, target;
};

static int compare_claim(struct gate_judging *j, const struct gate_content *c, const struct claim *k)
{
	const char *words = NULL;
	const struct product *product;
	bool differs = true;
	int rc = product_find(k->purl, &product, j->err);
	if (rc)
		return rc;
	if (versions_differ(&c->main, product, k->version))
		words = arena_printf(j->a, "%s says %.*s %.*s, the %s says %.*s %.*s", k->who, SPAN_ARG(k->purl),
				     SPAN_ARG(k->version), c->facts ? "file" : "row of its digest", SPAN_ARG(c->main.purl),
				     SPAN_ARG(c->main.version));
	else if (targets_differ(c->target, k->target))
		words = arena_printf(j->a, "%s says target %.*s, the %s says %.*s", k->who, SPAN_ARG(k->target),
				     c->facts ? "file" : "row of its digest", SPAN_ARG(c->target));
	else
		differs = false;
	if (!differs)
		return 0;
	return words ? gate_fact_of(j, GATE_CAUSE_HEADER_MISMATCH, c, words) :
		       err_set(j->err, RF_ENOMEM, "claims about a content");
}

static int judge_row(struct gate_judging *j, const struct gate_content *c)
{
	const struct gate_artifact *row = c->row;
	if (!row || !c->facts || row->main == GATE_NONE)
		return 0;
	const struct component *main = &j->s->components[row->main].component;
	const struct claim k = { "what is recorded of its digest", main->purl, main->version,
				 gate_snapshot_text_at(j->s, row->target) };
	return compare_claim(j, c, &k);
}

static int judge_release_rows(struct gate_judging *j, struct gate_content *c)
{
	const uint32_t *rows;
	size_t n = c->row ? gate_snapshot_rows_of(j->s, c->row, &rows) : 0;
	int rc = 0;
	for (size_t i = 0; i < n && !rc; i++) {
		const struct gate_row *row = &j->s->rows[rows[i]];
		const struct gate_release *r = &j->s->releases[row->release];
		const char *who = arena_printf(j->a, "the row of release %.*s/%.*s",
					       SPAN_ARG(gate_snapshot_text_at(j->s, r->service)),
					       SPAN_ARG(gate_snapshot_text_at(j->s, r->name)));
		if (!who)
			return err_set(j->err, RF_ENOMEM, "claims about a content");
		struct claim k = { .who = who, .target = gate_snapshot_text_at(j->s, row->target) };
		if (row->builder != GATE_NONE) {
			k.purl = j->s->components[row->builder].component.purl;
			k.version = j->s->components[row->builder].component.version;
		}
		if (r->is_signed)
			c->signatures |= workspace_signature_bit(WORKSPACE_SIGNATURE_RELEASE);
		rc = compare_claim(j, c, &k);
	}
	return rc;
}

static int judge_attestation(struct gate_judging *j, struct gate_content *c, const struct gate_attestation *t,
			     const struct digest *digest)
{
	char named[DIGEST_HEX], own[DIGEST_HEX];
	const char *what = workspace_signature_name(t->kind), *words;
	if (!t->is_verified && !t->is_claim) {
		words = arena_printf(j->a, "the %s %.*s is not signed by the site's release key", what, SPAN_ARG(t->name));
		return words ? gate_fact_of(j, GATE_CAUSE_BAD_SIGNATURE, c, words) :
			       err_set(j->err, RF_ENOMEM, "claims about a content");
	}
	if (!digest_eq(&t->subject, digest)) {
		words = digest_is_zero(&t->subject) ?
				arena_printf(j->a, "the %s %.*s names no file by its digest", what, SPAN_ARG(t->name)) :
				arena_printf(j->a, "the %s %.*s is about sha256 %.12s..., the file is %.12s...", what,
					     SPAN_ARG(t->name), digest_hex(&t->subject, named), digest_hex(digest, own));
		return words ? gate_fact_of(j, GATE_CAUSE_FOREIGN_ATTESTATION, c, words) :
			       err_set(j->err, RF_ENOMEM, "claims about a content");
	}
	if (!t->is_claim)
		c->signatures |= workspace_signature_bit(t->kind);
	if (!t->is_claim && t->built_at != USEC_NONE && t->kind == WORKSPACE_SIGNATURE_PROVENANCE)
		c->built_at = t->built_at;
	const char *who = arena_printf(j->a, "its %s", what);
	const struct claim k = { who, t->product, t->version, t->target };
	return who ? compare_claim(j, c, &k) : err_set(j->err, RF_ENOMEM, "claims about a content");
}

int gate_judge_claims(struct gate_judging *j, struct gate_content *c, const struct gate_subject *s)
{
	int rc = judge_row(j, c);
	if (!rc)
		rc = judge_release_rows(j, c);
	for (size_t i = 0; s && i < s->attestation_count && !rc; i++)
		rc = judge_attestation(j, c, &s->attestations[i], &s->digest);
	return rc;
}

/* ── the policy's wishes ────────────────────────────────────────────────────────────────────────────────────────── */

static int judge_signatures(struct gate_judging *j, const struct gate_content *c)
{
	unsigned missing = j->policy.signatures & ~c->signatures;
	RF_AUTO(str) names = STR_INIT(KIB);
	for (enum workspace_signature s = WORKSPACE_SIGNATURE_RELEASE; s <= WORKSPACE_SIGNATURE_PROOF; s++)
		if (missing & workspace_signature_bit(s))
			str_addf(&names, "%s%s", names.n ? ", " : "", workspace_signature_name(s));
	if (!missing)
		return 0;
	const char *words = arena_printf(j->a, "no signed %s is there, which policy %.*s requires", str_text(&names),
					 SPAN_ARG(j->policy.name));
	return words ? gate_fact_of(j, GATE_CAUSE_UNSIGNED, c, words) : err_set(j->err, RF_ENOMEM, "what the policy wants");
}

int gate_judge_minimum(struct gate_judging *j, const struct component *builder, const struct gate_content *c)
{
	const struct gate_minimum *m = NULL;
	for (size_t i = 0; i < j->policy.minimum_count; i++)
		if (j->policy.minimum[i].product == builder->product)
			m = &j->policy.minimum[i];
	if (!m || !builder->product)
		return 0;
	enum version_order order = version_compare(product_scheme(m->product), builder->version, m->version);
	if (order == VERSION_EQUAL || order == VERSION_GREATER)
		return 0;
	const char *words = arena_printf(j->a, "built by %s %.*s, policy %.*s wants %.*s or newer", m->product->name,
					 SPAN_ARG(builder->version.n ? builder->version : SPAN("of an unknown version")),
					 SPAN_ARG(j->policy.name), SPAN_ARG(m->version));
	if (!words)
		return err_set(j->err, RF_ENOMEM, "what the policy wants");
	return gate_fact_of(j, order == VERSION_LESS ? GATE_CAUSE_TOOLCHAIN_TOO_OLD : GATE_CAUSE_TOOLCHAIN_NOT_COMPARABLE, c,
			    words);
}

static int judge_age(struct gate_judging *j, const struct gate_content *c)
{
	int64_t most = j->policy.engine_max_age_usec;
	usec_t since = c->built_at, seen = USEC_NONE;
	char age[TIME_TEXT_BYTES], limit[TIME_TEXT_BYTES];
	if (!most)
		return 0;
	if (c->row && c->row->first_seen)
		seen = (usec_t)c->row->first_seen * USEC_PER_SEC;
	/* it is at least as old as we have known it */
	bool by_sight = since == USEC_NONE && seen != USEC_NONE && j->q->now - seen > most;
	if (by_sight)
		since = seen;
	if (since == USEC_NONE)
		return gate_fact_of(j, GATE_CAUSE_ENGINE_AGE_UNKNOWN, c, NULL);
	if (j->q->now - since <= most)
		return 0;
	const char *words = arena_printf(j->a, "%s %s ago, policy %.*s allows %s", by_sight ? "first seen" : "built",
					 duration_text(j->q->now - since, age), SPAN_ARG(j->policy.name),
					 duration_text(most, limit));
	return words ? gate_fact_of(j, GATE_CAUSE_ENGINE_TOO_OLD, c, words) : err_set(j->err, RF_ENOMEM, "what the policy wants");
}

int gate_judge_policy(struct gate_judging *j, const struct gate_content *c)
{
	int rc = judge_signatures(j, c);
	if (!rc && c->main.purl.n)
		rc = gate_judge_minimum(j, &c->main, c);
	return rc ? rc : judge_age(j, c);
}
