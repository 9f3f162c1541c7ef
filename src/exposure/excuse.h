/*
 * excuse - what the operator said about something that was found: a waiver, a VEX statement, a debt of the baseline.
 *
 * May use base, database, workspace, waiver.h, vex.h, baseline.h. For whoever shows exposures; the gate decides by its
 * own snapshot of the same things.
 */
#ifndef REFORGE_EXPOSURE_EXCUSE_H
#define REFORGE_EXPOSURE_EXCUSE_H

#include "database/database.h"
#include "exposure/baseline.h"
#include "exposure/vex.h"
#include "exposure/waiver.h"
#include "workspace/workspace.h"

enum excuse_kind {
	EXCUSE_NONE = 0,
	EXCUSE_WAIVER,
	EXCUSE_VEX,
	EXCUSE_BASELINE,
	EXCUSE_WORSE, /* a debt that got worse: it excuses nothing */
	EXCUSE_DUE,   /* a debt whose day is over: nor does that */
	EXCUSE_KINDS
};
struct excuse {
	enum excuse_kind kind;
	const struct waiver *waiver;
	const struct vex_statement *vex;
	struct baseline_debt debt; /* of the last three */
	struct span worse;         /* how */
};

/* What there is to excuse with. */
struct excuses {
	usec_t now;
	struct waiver *waivers;
	size_t waiver_count;
	struct baseline baseline;
	struct vex_policy vex;
};
/* In @a. @w NULL: no VEX. @at: waivers and VEX as of that moment, no debts, which are known of now only; 0: now. */
RF_MUST_CHECK int excuses_load(struct transaction *tx, struct arena *a, const struct workspace *w, usec_t at,
			       struct excuses *ret);
/* What excuses @f, which is about @v; of several in the order of the enum. Into @a. RF_ENOMEM. */
RF_MUST_CHECK int excuse_find(const struct excuses *x, struct arena *a, const struct stored_advisory *v,
			      const struct found *f, struct excuse *ret, struct err *err);
/* "waived: waiver 3 until …", "baseline debt: frozen on …"; nothing for NONE. */
void excuse_words(const struct excuses *x, const struct excuse *e, struct str *to);
/* "waiver":{…}, "vex":{…} or "baseline":{"since","due","owner","state"}, a member of an open object; nothing for NONE.
 */
void excuse_json(const struct excuses *x, const struct excuse *e, struct json_out *o);

/* Exposures open now, drills left out, by what excuses them. */
struct excuse_counts {
	int64_t of[EXCUSE_KINDS];
	usec_t due; /* of the baseline; USEC_NONE: none */
};
/* False where there is neither a waiver nor a trusted author nor a baseline: then nothing was counted. */
bool excuse_counts_any(const struct excuse_counts *c);
/* "of these 12 are waived, 3 excused by VEX, 4,000 baseline debt until 2026-10-12, 2 debts got worse, 5 new", a line.
 */
void excuse_counts_words(const struct excuse_counts *c, struct str *to);
/* {"new","waived","vex","baseline","worse","due","baseline_due"} */
void excuse_counts_json(const struct excuse_counts *c, struct json_out *o);
/* Where nothing excuses anything nothing is counted. */
RF_MUST_CHECK int excuse_count(struct transaction *tx, const struct workspace *w, struct excuse_counts *ret);

#endif
