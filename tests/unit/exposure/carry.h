/* An advisory that was carried (advisory/carried.h) is judged as the one that was not, reasons included. */
#ifndef REFORGE_TEST_EXPOSURE_CARRY_H
#define REFORGE_TEST_EXPOSURE_CARRY_H

#include "advisory/carried.h"
#include "exposure/finding.h"

/* @bytes must outlive what is returned. */
static inline struct stored_advisory carry(struct arena *a, const struct stored_advisory *v, struct str *bytes)
{
	struct stored_advisory carried;
	struct err err = ERR_INIT;
	str_reset(bytes);
	assert_ok(carried_write(v, bytes, &err), &err);
	assert_ok(carried_read(a, str_span(bytes), &carried, &err), &err);
	return carried;
}

static inline void render_finding(const struct finding *f, struct str *to)
{
	str_reset(to);
	str_addf(to, "%s %s%s%s%s fixed", finding_kind_name(f->kind), finding_cause_name(f->cause),
		 f->source_conflict ? " source_conflict" : "", f->contradiction ? " contradiction" : "",
		 f->conservative ? " conservative" : "");
	for (size_t i = 0; i < f->fixed_count; i++)
		str_addf(to, " %.*s", SPAN_ARG(f->fixed[i]));
	str_add_byte(to, '\n');
	struct json_out o = json_out(to, false);
	reason_json(&f->reason, &o);
}

static inline void assert_same_verdict(const struct finding *f, const struct finding *g)
{
	assert_true(f->kind == g->kind && f->cause == g->cause && f->source_conflict == g->source_conflict &&
		    f->contradiction == g->contradiction && f->conservative == g->conservative &&
		    f->fixed_count == g->fixed_count);
	for (size_t i = 0; i < f->fixed_count; i++)
		assert_true(span_eq(f->fixed[i], g->fixed[i]));
	/* the last step says it in words, in short and in full */
	assert_string_equal(f->reason.steps[f->reason.count - 1].words, g->reason.steps[g->reason.count - 1].words);
}

/* @whole: with the chain of reasons, byte by byte; else in short, which takes a tenth of the time. */
static inline void assert_judged_alike(const struct finding_subject *s, const struct stored_advisory *v,
				       const struct stored_advisory *carried, bool whole)
{
	struct arena a = ARENA_INIT(64 * MIB);
	struct finding_subject brief = *s;
	struct finding f, g;
	struct err err = ERR_INIT;
	brief.brief = true;
	assert_ok(finding_judge(&a, &brief, v, &f, &err), &err);
	assert_ok(finding_judge(&a, &brief, carried, &g, &err), &err);
	assert_int_equal(f.reason.count, 1);
	assert_same_verdict(&f, &g);
	if (whole) {
		struct str here = STR_INIT(64 * MIB), there = STR_INIT(64 * MIB);
		assert_ok(finding_judge(&a, s, v, &g, &err), &err);
		assert_same_verdict(&f, &g);
		render_finding(&g, &here);
		assert_ok(finding_judge(&a, s, carried, &g, &err), &err);
		render_finding(&g, &there);
		if (!span_eq(str_span(&here), str_span(&there)))
			fail_msg("%.*s: %.*s %.*s: %s\ncarried: %s", SPAN_ARG(v->advisory.id), SPAN_ARG(s->component.purl),
				 SPAN_ARG(s->component.version), str_text(&here), str_text(&there));
		str_release(&here);
		str_release(&there);
	}
	arena_release(&a);
}

#endif
