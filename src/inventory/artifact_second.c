/*
 * The second look as text, to be kept for a file that is not read again. See artifact.h.
 *
 * Lines of a word and its value: finding, cause, rule, cubins, sm, component (five values, tabs between them), note.
 * Texts of ours only, but read back as if they were not: a line that is none of these adds nothing.
 */
#include "inventory/artifact_int.h"

#include "base/str.h"

/* Notes of 400 bytes, as many components as there are toolkits. */
#define SECOND_LOOK_BYTES (64 * KIB)

static const char *const causes[] = {
	ARTIFACT_CAUSE_HEADER_MISMATCH, ARTIFACT_CAUSE_UNKNOWN_BUILDER, ARTIFACT_CAUSE_UNREADABLE,
	ARTIFACT_CAUSE_CONTENT_ABSENT,  ARTIFACT_CAUSE_HOST_CODE,       ARTIFACT_CAUSE_HOSTILE_MODEL,
	ARTIFACT_CAUSE_INCOMPLETE,      ARTIFACT_CAUSE_UNSAFE_NAME,     ARTIFACT_CAUSE_LEAN_RUNTIME,
};
/* Rules of the second look, and of what lies inside of a container (one that could not be read whole is not
 * remembered). */
static const char *const rules[] = { "checksum_mismatch",      "host_code_elf",	      "host_code_pe",
				     "too_many_pe_candidates", "context_name_leaves", "too_many_contexts" };
static const char *const roles[] = { ARTIFACT_ROLE_BUILDER, ARTIFACT_ROLE_RUNTIME, ARTIFACT_ROLE_PACKAGE };

static const char *text_of(const char *const *list, size_t n, struct span text)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq_text(text, list[i]))
			return list[i];
	return NULL;
}

static bool nothing_found(const struct artifact_facts *f)
{
	return f->second_look_from >= f->note_count && f->second_rules_from >= f->rule_count &&
	       f->second_components_from >= f->component_count && f->cubin_count == 0;
}

int artifact_second_look(const struct artifact_facts *f, struct arena *a, struct span *ret)
{
	*ret = SPAN_NONE;
	if (nothing_found(f))
		return 0;
	RF_AUTO(str) s = STR_INIT(SECOND_LOOK_BYTES);
	if (f->finding != ARTIFACT_CLEAR)
		str_addf(&s, "finding %s\ncause %s\n", artifact_finding_text(f->finding), f->cause);
	for (size_t i = f->second_rules_from; i < f->rule_count; i++)
		str_addf(&s, "rule %s\n", f->rules[i]);
	if (f->cubin_count)
		str_addf(&s, "cubins %llu\n", (unsigned long long)f->cubin_count);
	for (size_t i = 0; i < f->cubin_sm_count; i++)
		str_addf(&s, "sm %u\n", f->cubin_sm[i]);
	for (size_t i = f->second_components_from; i < f->component_count; i++) {
		const struct artifact_component *c = &f->components[i];
		str_addf(&s, "component %.*s\t%.*s\t%s\t%s\t%.*s\n", SPAN_ARG(c->product), SPAN_ARG(c->version),
			 c->role, c->source, SPAN_ARG(c->where));
	}
	for (size_t i = f->second_look_from; i < f->note_count; i++)
		str_addf(&s, "note %s\n", f->notes[i]);
	*ret = s.failed ? SPAN_NONE : arena_span(a, str_span(&s));
	return ret->p ? 0 : RF_ENOMEM;
}

static int note_apply(struct artifact_facts *f, struct span value, struct arena *a)
{
	if (f->note_count == ARTIFACT_MAX_NOTES)
		return 0;
	const char *note = arena_text(a, value);
	if (!note)
		return RF_ENOMEM;
	f->notes[f->note_count++] = note;
	return 0;
}

static void rule_apply(struct artifact_facts *f, struct span value)
{
	const char *rule = text_of(rules, RF_COUNT(rules), value);
	if (rule && f->rule_count < ARTIFACT_MAX_RULES && !text_of(f->rules, f->rule_count, value))
		f->rules[f->rule_count++] = rule;
}

static int component_apply(struct artifact_facts *f, struct span value, struct arena *a)
{
	struct span part[5] = { 0 };
	for (size_t i = 0; i < RF_COUNT(part); i++)
		if (!span_split(&value, '\t', &part[i]))
			return 0;
	struct artifact_component c = { .product = part[0],
					.version = part[1],
					.role = text_of(roles, RF_COUNT(roles), part[2]),
					.where = part[4] };
	if (!c.product.n || !c.role)
		return 0;
	c.source = arena_text(a, part[3]);
	return c.source ? artifact_component_add(f, a, &c) : RF_ENOMEM;
}

static void number_apply(struct artifact_facts *f, struct span word, struct span value)
{
	uint64_t n;
	if (!span_u64(value, &n))
		return;
	if (span_eq_text(word, "cubins"))
		f->cubin_count = n;
	else if (n <= UINT16_MAX && f->cubin_sm_count < ARTIFACT_MAX_SM)
		f->cubin_sm[f->cubin_sm_count++] = (uint16_t)n;
}

int artifact_second_look_apply(struct artifact_facts *f, struct span text, struct arena *a)
{
	struct span line;
	enum artifact_finding finding = ARTIFACT_CLEAR;
	int rc = 0;
	while (rc == 0 && span_line(&text, &line)) {
		size_t blank = span_find_byte(line, ' ');
		struct span word = span_sub(line, 0, blank),
			    value = span_from(line, blank == SIZE_MAX ? line.n : blank + 1);
		if (span_eq_text(word, "finding"))
			finding = artifact_finding_of(value);
		else if (span_eq_text(word, "cause") && finding > f->finding &&
			 text_of(causes, RF_COUNT(causes), value)) {
			f->finding = finding;
			f->cause = text_of(causes, RF_COUNT(causes), value);
		} else if (span_eq_text(word, "rule"))
			rule_apply(f, value);
		else if (span_eq_text(word, "cubins") || span_eq_text(word, "sm"))
			number_apply(f, word, value);
		else if (span_eq_text(word, "component"))
			rc = component_apply(f, value, a);
		else if (span_eq_text(word, "note"))
			rc = note_apply(f, value, a);
	}
	return rc;
}
