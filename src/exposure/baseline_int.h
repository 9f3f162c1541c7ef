/*
 * baseline_int - what there is to freeze, or to settle against, now. Private to exposure/.
 */
#ifndef REFORGE_EXPOSURE_BASELINE_INT_H
#define REFORGE_EXPOSURE_BASELINE_INT_H

#include "exposure/baseline_store.h"
#include "exposure/exposure_view.h"

/* An item in one number: the advisory's index in the view + 1 (0: the content itself), the cause's index in
 * baseline_causes (of the content itself), the finding's kind. Ascending within a holder, an advisory once, at its
 * worst. */
#define BASELINE_CODE(advisory, cause, kind) \
	(((uint64_t)(advisory) << 16) | ((uint64_t)(cause) << 8) | (uint64_t)(kind))
#define BASELINE_CODE_ADVISORY(code) ((size_t)((code) >> 16))
#define BASELINE_CODE_CAUSE(code) ((size_t)(((code) >> 8) & 0xFF))
#define BASELINE_CODE_KIND(code) ((enum finding_kind)((code)&0xFF))

/* Faults of content that are debts, NULL-ended: what nobody could read or told. What is hostile is none. */
extern const char *const baseline_causes[];

struct baseline_now_holder {
	size_t service; /* index in the view */
	enum carrier carrier;
	int64_t artifact; /* builder; 0 else */
	int64_t subject;  /* the first of them; 0: none */
	struct span purl, version;
	uint64_t *items;
	size_t count;
};
struct baseline_now {
	struct exposure_view v;
	struct baseline_now_holder *holders;
	size_t count;
	int64_t items; /* of all holders */
};
/* To be released also after a failure. */
RF_MUST_CHECK int baseline_now_load(struct transaction *tx, struct baseline_now *ret);
void baseline_now_release(struct baseline_now *n);

/* Marks as gone what is open and not exposed any more; a ledger record when there is any. */
RF_MUST_CHECK int baseline_settle(struct transaction *tx, const char *actor);

/* Heap arrays that double. RF_ENOMEM, RF_ETOOMANY beyond @most. */
RF_MUST_CHECK int baseline_grow(struct transaction *tx, void *list_pointer, size_t count, size_t *room, size_t size,
				size_t most);

#endif
