/*
 * decision - facts, policy, covers and time in; allow, warn or deny out, with the reason and the next step.
 *
 * Pure: no I/O, no clock (now is an argument), no globals. May use base, crypto's digest, workspace's types, exposure's pure part.
 * All fronts of the gate ask judge.h, which gathers the facts and asks this; nobody decides anywhere else.
 *
 * One fact is decided by these rules, in this order:
 *   1. a drill's advisory is shown and decides nothing                               allow  drill
 *   2. a cover (waiver, VEX statement, baseline debt) that holds now                 allow  waiver, vex, baseline
 *      Waivers and VEX are about advisories. A debt may be about the content itself (an unknown builder, a header that
 *      contradicts itself), never about what the table below says may not be covered
 *   3. the cause has a decision of its own (the table below)                         deny, or what the policy says
 *   4. affected: listed as exploited (KEV)                                           deny
 *      severity below warn_from: allow; below deny_from: warn; from there: deny      policy
 *      no severity is known: as the highest (law 2)
 *   5. conflict, unknown: as the policy says
 *   6. not affected                                                                  allow
 *   7. what 4 and 5 would deny, for an advisory younger than the policy's grace      warn   grace, until its end
 *      never for what is exploited, never when no moment of publication is known
 * --fail-on stands in place of 4, 5, 7 and of what the policy says about unknown subjects, stale feeds and other causes
 * that are unknown: kinds that it names are denied, other kinds warn. Covers still hold, and what is always denied is.
 * It is a person's word at the moment, so mode audit does not soften it.
 *
 * The answer's decision is the worst of its findings'. In mode audit the findings say deny and the answer says warn.
 */
#ifndef REFORGE_GATE_DECISION_H
#define REFORGE_GATE_DECISION_H

#include "crypto/digest.h"
#include "exposure/baseline.h"
#include "exposure/vex.h"
#include "exposure/waiver.h"
#include "workspace/policy.h"

/* Ascending: the worst of several is the maximum. */
enum gate_decision { GATE_ALLOW = 0, GATE_WARN, GATE_DENY };
const char *gate_decision_name(enum gate_decision d); /* "allow", "warn", "deny"; static */

/* ── facts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Which key of the policy decides about a cause; NONE: the finding's kind does. */
enum gate_rule {
	GATE_RULE_KIND = 0,
	GATE_RULE_DENY,            /* always */
	GATE_RULE_CONFLICT,
	GATE_RULE_UNKNOWN,
	GATE_RULE_UNKNOWN_SUBJECT,
	GATE_RULE_STALE,
	GATE_RULE_EXPIRED,
	GATE_RULE_UNSIGNED
};
/* The gate's own causes, beside finding_cause_name() and ARTIFACT_CAUSE_* (whose rows are here where a rule of their own
 * or another next step holds).
 * name, text, rule, kind, may be covered, words, next step */
#define GATE_CAUSES(X)                                                                                                      \
	X(GATE_CAUSE_HOST_CODE, "host_code", GATE_RULE_DENY, FINDING_CONFLICT, false,                                        \
	  "native code for a CPU is inside: loading it runs that code",                                                     \
	  "rebuild the engine from its model, without plugins and lean runtime inside")   \
	X(GATE_CAUSE_LEAN_RUNTIME, "lean_runtime", GATE_RULE_UNKNOWN, FINDING_UNKNOWN, true,                                 \
	  "native code that says it is a lean runtime is inside: loading the plan runs it, and nothing proves whose it is", \
	  "build it again with the lean runtime excluded (trtexec --excludeLeanRuntime), or sign it as one that you built") \
	X(GATE_CAUSE_HEADER_MISMATCH, "header_mismatch", GATE_RULE_CONFLICT, FINDING_CONFLICT, true,                         \
	  "header, inner header, provenance and digest do not agree",                                                       \
	  "take the engine from a signed release, or rebuild it from its model")                                            \
	X(GATE_CAUSE_VERSION_MISMATCH, "version_mismatch", GATE_RULE_DENY, FINDING_CONFLICT, false,                          \
	  "what the plan states of its version and what it is made of disagree: it was edited",                        \
	  "take the engine from a signed release, or rebuild it from its model")                                            \
	X(GATE_CAUSE_FOREIGN_ATTESTATION, "foreign_attestation", GATE_RULE_DENY, FINDING_CONFLICT, false,                    \
	  "its attestation or release row is about another file",                                                           \
	  "publish the engine with its own attestation (reforge publish), or put back the file the row names")               \
	X(GATE_CAUSE_BAD_SIGNATURE, "bad_signature", GATE_RULE_DENY, FINDING_CONFLICT, false,                                \
	  "a signature does not verify with the site's release key",                                                        \
	  "find out who wrote the file; take it from the depot again (reforge depot verify)")                               \
	X(GATE_CAUSE_HOSTILE_MODEL, "hostile_model", GATE_RULE_DENY, FINDING_CONFLICT, false,                                \
	  "the model breaks a rule of inspection: it is in quarantine", "export the model again from a source you trust")    \
	X(GATE_CAUSE_UNSIGNED, "unsigned", GATE_RULE_UNSIGNED, FINDING_UNKNOWN, true,                                        \
	  "a signature that the policy requires is not there", "publish it through reforge, which signs what it built")      \
	X(GATE_CAUSE_RELEASE_HIT, "release_hit", GATE_RULE_KIND, FINDING_AFFECTED, true,                                     \
	  "an advisory has hit an engine of the release", "rebuild the release: reforge respond with the advisory's id")     \
	X(GATE_CAUSE_TOOLCHAIN_TOO_OLD, "toolchain_too_old", GATE_RULE_DENY, FINDING_AFFECTED, true,                         \
	  "what built it is older than the policy's minimum", "rebuild it with the policy's minimum or newer")               \
	X(GATE_CAUSE_TOOLCHAIN_NOT_COMPARABLE, "toolchain_not_comparable", GATE_RULE_UNKNOWN, FINDING_UNKNOWN, true,         \
	  "what built it cannot be compared with the policy's minimum", "rebuild it with a toolchain whose version is known") \
	X(GATE_CAUSE_REGISTRY_NOT_ALLOWED, "registry_not_allowed", GATE_RULE_DENY, FINDING_AFFECTED, true,                   \
	  "the image's registry is not one that the policy allows", "copy the image to a registry that the policy allows")   \
	X(GATE_CAUSE_ENGINE_TOO_OLD, "engine_too_old", GATE_RULE_DENY, FINDING_AFFECTED, true,                               \
	  "the engine is older than the policy allows", "rebuild it: reforge build")                                        \
	X(GATE_CAUSE_ENGINE_AGE_UNKNOWN, "engine_age_unknown", GATE_RULE_UNKNOWN, FINDING_UNKNOWN, true,                     \
	  "when the engine was built is not known, and the policy sets a maximum age",                                      \
	  "publish it through reforge, whose provenance says when it was built")                                            \
	X(GATE_CAUSE_UNKNOWN_SUBJECT, "unknown_subject", GATE_RULE_UNKNOWN_SUBJECT, FINDING_UNKNOWN, true,                   \
	  "it was never seen here: nothing is known about it", "scan it first: reforge scan")                                \
	X(GATE_CAUSE_UNKNOWN_FORMAT, "unknown_format", GATE_RULE_UNKNOWN, FINDING_UNKNOWN, true,                             \
	  "no model, engine or library in a format that is read here", "check the file that the service loads")              \
	X(GATE_CAUSE_UNKNOWN_PRODUCT, "unknown_product", GATE_RULE_UNKNOWN, FINDING_UNKNOWN, true,                           \
	  "no row of the product table has this package: ranges about it are not read", "ask about a product of the table")  \
	X(GATE_CAUSE_NO_DATA, "no_data", GATE_RULE_UNKNOWN, FINDING_UNKNOWN, true,                                           \
	  "no advisory is at hand", "import or sync a feed: reforge feed sync")                                              \
	X(GATE_CAUSE_STALE_FEED, "stale_feed", GATE_RULE_STALE, FINDING_UNKNOWN, true,                                       \
	  "a feed is stale: its silence proves nothing", "sync it: reforge feed sync")                                       \
	X(GATE_CAUSE_BUNDLE_EXPIRED, "bundle_expired", GATE_RULE_EXPIRED, FINDING_UNKNOWN, false,                            \
	  "the bundle that is judged by has ended", "bring a new one: reforge gate bundle")                                  \
	X(GATE_CAUSE_CLOCK_BEHIND, "clock_behind", GATE_RULE_EXPIRED, FINDING_UNKNOWN, false,                                \
	  "this machine's clock is before the moment the bundle was made: nothing that ends can be judged",                 \
	  "set the clock")
enum gate_cause {
#define X(name, text, rule, kind, covered, words, next) name,
	GATE_CAUSES(X)
#undef X
		GATE_CAUSE_COUNT
};
/* Static texts. */
const char *gate_cause_name(enum gate_cause c);
const char *gate_cause_words(enum gate_cause c);
enum finding_kind gate_cause_kind(enum gate_cause c);

/* One thing found. Spans and pointers live in the snapshot or in the arena of the judgement. */
struct gate_fact {
	struct span advisory; /* id; empty: about the subject itself */
	struct span title;    /* of the advisory; may be empty */
	bool has_carrier;
	enum carrier carrier;
	struct span purl, version; /* the component; empty: none, or not known */
	enum finding_kind kind;
	const char *cause;    /* gate_cause_name(), finding_cause_name() or an ARTIFACT_CAUSE_* */
	int severity;         /* CVSS x 10; -1: not known, decided as the highest */
	usec_t published;     /* from which grace counts; USEC_NONE: not known, no grace */
	usec_t kev;           /* listed as exploited since; USEC_NONE: not listed */
	bool is_drill;        /* shown, never decides */
	struct digest artifact; /* the content it is about; all zero: none */
	struct digest outer;    /* the content that holds it (an image); all zero: none */
	struct span where;      /* "opt/models/a.plan", "row asr on linux-x86_64/sm_86"; may be empty */
	struct span reason;     /* one sentence without full stop */
	struct span next;       /* what to do; empty: gate_decide() says the usual */
	struct span fix;          /* the nearest version that cures; empty: none is known */
	const struct span *fixed; /* all that cure, ascending; only when the question was to explain */
	size_t fixed_count;
	/* Only when the question was to explain: the whole chain, and the record. NULL else. */
	const struct finding *finding;
	const struct stored_advisory *record;
};

/* ── what excuses a fact, for a time ────────────────────────────────────────────────────────────────────────────── */

/* Waivers, VEX statements and the baseline, findable by advisory. Their rules are in their own headers; of several that
 * hold the one that ends last counts, of equals in this order: VEX, waiver, baseline. */
struct gate_covers {
	struct waiver *waivers; /* one entry for each of a waiver's advisories: each names one */
	size_t waiver_count;
	struct vex_statement *vex;
	size_t vex_count;
	struct vex_policy vex_policy;
	const struct baseline *baseline; /* sorted (baseline_sort()); NULL: none */
};
/* Sorts waivers and statements in place. */
void gate_covers_sort(struct gate_covers *c);

/* ── policy ─────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct gate_minimum {
	const struct product *product;
	struct span version; /* readable in the product's scheme */
};
/* What holds for one service and environment (gate/policy.h makes it). Spans live where the policies do. */
struct gate_policy {
	struct span name; /* of the narrowest one that holds; "built in" */
	bool audit;
	enum gate_decision unknown, conflict, unknown_subject, stale, expired, unsigned_;
	int warn_from, deny_from; /* CVSS x 10; WORKSPACE_SCORE_NEVER */
	int64_t grace_usec;          /* 0: none */
	int64_t engine_max_age_usec; /* 0: none */
	const struct gate_minimum *minimum;
	size_t minimum_count;
	unsigned signatures;           /* workspace_signature_bit()s */
	const char *const *registries; /* none: from anywhere */
	size_t registry_count;
};
/* --fail-on of a command: in place of the policy's answer to findings of a kind, [FINDING_NOT_AFFECTED] unused. */
struct gate_fail_on {
	bool deny[4];
};

/* ── answers ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What an answer to a fact was made by. */
enum gate_use {
	GATE_BY_POLICY = 0,
	GATE_BY_FAIL_ON,
	GATE_BY_GRACE,
	GATE_BY_DRILL,
	GATE_BY_WAIVER,
	GATE_BY_VEX,
	GATE_BY_BASELINE
};
const char *gate_use_name(enum gate_use u); /* "policy", "fail_on", "grace", ...; static */

struct gate_finding {
	struct gate_fact fact;
	enum gate_decision decision;
	enum gate_use by;
	const struct waiver *waiver;     /* with GATE_BY_WAIVER */
	const struct vex_statement *vex; /* with GATE_BY_VEX */
	/* With GATE_BY_BASELINE; and of a debt that covers no more, being worse than what was frozen, or due. */
	enum baseline_answer baseline;
	struct baseline_debt debt; /* unless BASELINE_NEW */
	usec_t until;     /* the decision holds until then, and is another from then on; USEC_NONE: does not end by itself */
	struct span why;  /* one sentence without full stop: "CVE-… affects tensorrt 10.16.0 (what built it): CVSS 7.8: policy production denies it from 7.0 on" */
	struct span next; /* what to do; empty where nothing is to be done */
};

#define GATE_MAX_FINDINGS 1000
struct gate_answer {
	enum gate_decision decision; /* what the front does */
	enum gate_decision judged;   /* before mode audit: what it would do */
	bool audit;
	struct span policy;            /* name */
	const char *not_at_home;       /* why the service that a workload names does not count; NULL: it does, or makes no difference */
	struct gate_finding *findings; /* worst first; then KEV, severity, advisory, cause, where */
	size_t count;
	size_t left_out;  /* beyond GATE_MAX_FINDINGS; decided all the same */
	size_t kinds[4];  /* findings by kind, those left out and drills included */
	bool uncertain;   /* one that is conflict or unknown warns, or is denied */
	struct span why;  /* of the worst; "nothing was found" */
	struct span next; /* its next step */
	usec_t until;     /* earliest moment at which a finding's decision changes by itself; USEC_NONE: none */
};

struct gate_deciding {
	const struct gate_policy *policy;
	const struct gate_fail_on *fail_on; /* NULL: the policy */
	const struct gate_covers *covers;   /* NULL: none */
	struct span service, environment;
	usec_t now;
};

/* Decides about @facts together; everything of @ret in @a or where the facts' is. RF_ENOMEM. */
RF_MUST_CHECK int gate_decide(struct arena *a, const struct gate_deciding *d, const struct gate_fact *facts, size_t n,
			      struct gate_answer *ret, struct err *err);
/* Design 6.1: 1 denied; else 3 something is in conflict or unknown and not excused; else 0. */
int gate_answer_exit_status(const struct gate_answer *answer);
/* The worse of two statuses in the order of design 6.1: 2, 1, 3, 0. */
int gate_worse_status(int a, int b);

#endif
