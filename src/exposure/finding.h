/*
 * finding - what one advisory means for one component: a fact with its cause and the chain of reasons.
 *
 * Pure: no I/O, no clock, no globals. May use base, format, version, advisory (its pure part).
 *
 *   component + claim + carrier ─┐
 *   merged advisory, policy ─────┴─► finding_judge() ─► kind, cause, steps
 *
 * The rules, in this order (design, section 2):
 *   1. the operator decided that it does not apply here              not_affected  not_applicable
 *   2. the product is not known                                      unknown       unknown_builder, unknown_runtime
 *   3. a rejected or withdrawn record describes nothing              not_affected  rejected_record, withdrawn_record
 *      (a rejected one that another source publishes with a range that holds the version: conflict, source_conflict)
 *   4. no statement is about the product                             not_affected  other_product
 *   5. carrier builder, and the flaw does not live on in engines     not_affected  not_engine_affecting
 *   6. what stands in the file contradicts itself                    conflict      header_mismatch
 *   7. a source's range holds the version                            affected      in_range
 *      - another source says otherwise: shown as source_conflict; when it is the product's vendor, and no vendor says
 *        affected                                                    conflict      source_conflict
 *      - but carrier builder, and nobody decided whether it lives on   unknown       engine_affecting_undecided
 *   8. a range is not readable, the version not known or readable, or of a branch, a platform or a numbering that no
 *      source speaks of                                            unknown       unreadable_range, unknown_version,
 *      not_comparable, or the claim's own cause (content_absent, unreadable, unknown_builder)
 *   9. all sources say the version is outside                        not_affected  out_of_range
 *      (one that only lists what is not affected, as VEX does, says nothing of a version that is not on its list)
 * A range that the operator decided stands in place of all sources (rules 3, 4, 7 to 9); theirs are shown all the same.
 * A source (publisher) speaks with all its statements about the product: one that holds the version is enough; a
 * version on a branch that none of them speaks of is not outside (ranges_contain()). Where the component is known to run
 * on a line of its own (version/platform.h), the source's statements about that line speak alone; without any, its others
 * can hold the version, but not clear it: unless one says that it is about all platforms, the source is silent. "not
 * affected" needs every statement about the product to have been read, a claim that is clear, and a source that is not
 * silent.
 */
#ifndef REFORGE_EXPOSURE_FINDING_H
#define REFORGE_EXPOSURE_FINDING_H

#include "advisory/merged.h"
#include "base/arena.h"
#include "base/str.h"
#include "format/json.h"

/* Ascending seriousness: the worst of several is the maximum. */
enum finding_kind { FINDING_NOT_AFFECTED = 0, FINDING_UNKNOWN, FINDING_CONFLICT, FINDING_AFFECTED };
const char *finding_kind_name(enum finding_kind k); /* "not_affected", "affected", ...; static */
bool finding_kind_read(struct span name, enum finding_kind *ret);

/* name, text in JSON and database, words */
#define FINDING_CAUSES(X)                                                                                   \
	X(CAUSE_IN_RANGE, "in_range", "the version is in an affected range")                                \
	X(CAUSE_OUT_OF_RANGE, "out_of_range", "the version is outside of every affected range")             \
	X(CAUSE_UNREADABLE_RANGE, "unreadable_range", "no rule reads the affected range: a person must")    \
	X(CAUSE_UNKNOWN_BUILDER, "unknown_builder", "it is not known what built the engine")                \
	X(CAUSE_UNKNOWN_VERSION, "unknown_version", "the version is not known or not readable")             \
	X(CAUSE_NOT_COMPARABLE, "not_comparable",                                                           \
	  "no source decides about the version: it is of another branch, platform or numbering, or short")  \
	X(CAUSE_UNKNOWN_RUNTIME, "unknown_runtime", "it is not known what loads the engine")                \
	X(CAUSE_SOURCE_CONFLICT, "source_conflict", "sources disagree")                                     \
	X(CAUSE_HEADER_MISMATCH, "header_mismatch", "statements within the file disagree")                  \
	X(CAUSE_CONTENT_ABSENT, "content_absent", "the file only points at content that is elsewhere")      \
	X(CAUSE_UNREADABLE, "unreadable", "the file could not be read")                                     \
	X(CAUSE_WITHDRAWN_RECORD, "withdrawn_record", "the record was withdrawn: not a vulnerability")      \
	X(CAUSE_REJECTED_RECORD, "rejected_record", "the record was rejected: not a vulnerability")         \
	X(CAUSE_NOT_ENGINE_AFFECTING, "not_engine_affecting", "the flaw does not live on in built engines") \
	X(CAUSE_ENGINE_AFFECTING_UNDECIDED, "engine_affecting_undecided",                                   \
	  "nobody decided whether the flaw lives on in built engines")                                      \
	X(CAUSE_OTHER_PRODUCT, "other_product", "no statement is about this product")                       \
	X(CAUSE_NOT_APPLICABLE, "not_applicable", "the operator decided that it does not apply here")
enum finding_cause {
#define X(name, text, words) name,
	FINDING_CAUSES(X)
#undef X
		CAUSE_COUNT
};
const char *finding_cause_name(enum finding_cause c); /* "in_range"; static */
const char *finding_cause_words(enum finding_cause c);
bool finding_cause_read(struct span name, enum finding_cause *ret);

enum carrier { CARRIER_BUILDER = 0, CARRIER_RUNTIME, CARRIER_IMAGE, CARRIER_COUNT };
const char *carrier_name(enum carrier c); /* "builder", "runtime", "image" */
bool carrier_read(struct span name, enum carrier *ret);

/* What the thing that carries the component says about itself (inventory's finding). */
enum finding_claim { CLAIM_CLEAR = 0, CLAIM_UNKNOWN, CLAIM_CONFLICT };

struct finding_subject {
	struct component component;
	enum carrier carrier;
	enum finding_claim claim;
	struct span claim_cause; /* inventory's: "header_mismatch", "unknown_builder", ...; empty when clear */
	struct span service;     /* whose; empty: of none, or it makes no difference (decisions have services) */
	bool brief;              /* the same verdict with its last step alone: for those who judge much and show little */
};

/* One step of the reason chain: a kind, a sentence, and the facts behind the sentence. */
enum reason_kind {
	REASON_FILE,
	REASON_HEADER,
	REASON_CLAIM,
	REASON_RECORD,
	REASON_SOURCE,
	REASON_COMPARISON,
	REASON_POLICY,
	REASON_RESULT
};
const char *reason_kind_name(enum reason_kind k); /* "file", "header", ... */
#define REASON_MAX_FACTS 10
struct reason_fact {
	const char *key;   /* static */
	struct span value; /* empty: left out */
	bool is_number;    /* value is a JSON number */
};
struct reason_step {
	enum reason_kind kind;
	const char *words; /* English, one sentence without full stop; in the arena */
	struct reason_fact facts[REASON_MAX_FACTS];
	size_t fact_count;
};
/* Beyond it the chain says how many were left out; the verdict never is. */
#define REASON_MAX_STEPS 512
struct reason {
	struct arena *a;
	struct reason_step *steps;
	size_t count, capacity, left_out;
	bool brief; /* only REASON_RESULT is kept, the others are not even worded */
};
/* Adds a step; NULL when memory is out or the chain is full. Facts are added with reason_fact(). */
struct reason_step *reason_add(struct reason *r, enum reason_kind kind, const char *format, ...) RF_PRINTF(3, 4);
void reason_fact(struct reason_step *step, const char *key, struct span value); /* NULL step: nothing */
void reason_fact_u64(struct reason *r, struct reason_step *step, const char *key, uint64_t value);
/* Array of {"step":"source","text":"…",…facts}. */
void reason_json(const struct reason *r, struct json_out *o);
/* What reason_json() wrote, as far as words and facts go; a text that is none gives no step. @r's arena is set. */
void reason_read(struct reason *r, struct span json);
/* Numbered lines "  1. …\n", control characters escaped. */
void reason_words(const struct reason *r, struct str *to);

struct finding {
	enum finding_kind kind;
	enum finding_cause cause;
	struct reason reason;
	struct span *fixed; /* versions that cure, as authoritative sources name them, ascending */
	size_t fixed_count;
	bool source_conflict; /* sources disagree, whatever the verdict */
	bool contradiction;   /* a source contradicts itself about the product, whatever the verdict */
	bool conservative;    /* affected only by a cautious reading (range.h) */
};

/* @s may carry an unknown product or version: that is an answer (law 2). Everything of @ret lives in @a and points into
 * @s and @advisory. RF_ENOMEM. */
RF_MUST_CHECK int finding_judge(struct arena *a, const struct finding_subject *s,
				const struct stored_advisory *advisory, struct finding *ret, struct err *err);

#endif
