/* judge_int - gathering the facts of one subject. Private to gate/judge*.c. */
#ifndef REFORGE_GATE_JUDGE_INT_H
#define REFORGE_GATE_JUDGE_INT_H

#include "gate/judge.h"
#include "gate/snapshot_int.h"

struct gate_judging {
	struct arena *a;
	const struct gate_question *q;
	const struct gate_snapshot *s;
	struct span service, environment;
	struct gate_policy policy;
	struct gate_fact *facts;
	size_t count, room;
	enum platform_line line; /* that components are judged on; ANY: each on its own */
	bool by_advisories; /* the answer stands on what advisories say */
	struct err *err;
	/* Of the facts that are added now: */
	struct digest artifact, outer;
	struct span where;
	const char *release; /* "release voice/2026-07-15: " of a row; NULL: none */
};

/* A content: what the snapshot's row says, what the file at hand says, or both. */
struct gate_content {
	const struct gate_artifact *row;    /* NULL: not known */
	const struct artifact_facts *facts; /* NULL: not at hand */
	const char *kind;
	bool is_engine;
	enum artifact_finding finding;
	struct component main; /* purl empty: none */
	enum carrier carrier;  /* of main and of its own finding */
	struct span target;
	usec_t built_at;     /* USEC_NONE */
	unsigned signatures; /* verified ones */
};

/* Adds @fact with what is set in @j. RF_ENOMEM. */
RF_MUST_CHECK int gate_fact_add(struct gate_judging *j, const struct gate_fact *fact);
/* A fact about the subject itself. @words NULL: the cause's own. */
RF_MUST_CHECK int gate_fact_own(struct gate_judging *j, enum gate_cause cause, const char *words);
RF_MUST_CHECK int gate_fact_of(struct gate_judging *j, enum gate_cause cause, const struct gate_content *c,
			       const char *words);

/* One component by every advisory about its product. @index: of the snapshot, whose verdicts are taken; GATE_NONE:
 * judged now. @claim: of the file that states it. */
struct gate_asked {
	struct component component;
	enum carrier carrier;
	uint32_t index;
	enum finding_claim claim;
	struct span claim_cause;
};
RF_MUST_CHECK int gate_judge_component(struct gate_judging *j, const struct gate_asked *asked);

/* What the file, or its row, says about itself: contradictions, unknown builders. */
RF_MUST_CHECK int gate_judge_own(struct gate_judging *j, const struct gate_content *c);
/* Its rows and attestations against it. Adds to its signatures and its age. */
RF_MUST_CHECK int gate_judge_claims(struct gate_judging *j, struct gate_content *c, const struct gate_subject *s);
/* Signatures, toolchain and age against the policy. */
RF_MUST_CHECK int gate_judge_policy(struct gate_judging *j, const struct gate_content *c);
/* The oldest toolchain that the policy allows. */
RF_MUST_CHECK int gate_judge_minimum(struct gate_judging *j, const struct component *builder, const struct gate_content *c);

#endif
