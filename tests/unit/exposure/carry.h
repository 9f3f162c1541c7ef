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

static inline void assert_judged_alike(const struct finding_subject *s, const struct stored_advisory *v,
				       const struct stored_advisory *carried)
{
	struct arena a = ARENA_INIT(64 * MIB);
	struct str here = STR_INIT(64 * MIB), there = STR_INIT(64 * MIB);
	struct finding f, g;
	struct err err = ERR_INIT;
	assert_ok(finding_judge(&a, s, v, &f, &err), &err);
	assert_ok(finding_judge(&a, s, carried, &g, &err), &err);
	render_finding(&f, &here);
	render_finding(&g, &there);
	if (!span_eq(str_span(&here), str_span(&there)))
		fail_msg("%.*s: %.*s %.*s: %s\ncarried: %s", SPAN_ARG(v->advisory.id), SPAN_ARG(s->component.purl),
			 SPAN_ARG(s->component.version), str_text(&here), str_text(&there));
	str_release(&here);
	str_release(&there);
	arena_release(&a);
}

#endif
