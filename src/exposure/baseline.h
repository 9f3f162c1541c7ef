/*
 * baseline - the exposures present on the day of adoption, frozen as dated debt: they do not block until they are due.
 *
 * Pure: no I/O, no clock, no globals. May use base, format, finding. baseline_store.h freezes, keeps and counts them.
 *
 *   holder (service, environment, carrier, content or component, owner) ── set ──► items (advisory, how bad it was)
 *
 * A debt is a holder and an item. What is kept grows with the different things of a fleet and not with its placements:
 * all engines of one builder version share one set.
 *
 * Whose debt it is, is told by
 *   builder          the digest of the engine: another engine with the same fault is new, and only a rebuild clears it
 *   runtime, image   the component (product and version) in that service and environment: a rebuilt engine or a new
 * image does not make a fault new that the service had already, else the cure itself would be held up An item without
 * an advisory is about the content itself: an unknown builder, a contradiction in a file. Host code is never one.
 *
 * A debt excuses nothing any more when it is due, or when what was found is worse than what was frozen
 * (baseline_worse()):
 *   - it was unknown or a conflict and is affected now
 *   - it is in a list of exploited vulnerabilities (KEV) and was not
 *   - its CVSS rating rose to high (7.0) or critical (9.0), or it is scored so for the first time
 * A debt that is gone (the engine replaced, the finding cleared) is not here: what comes back is new.
 */
#ifndef REFORGE_EXPOSURE_BASELINE_H
#define REFORGE_EXPOSURE_BASELINE_H

#include "base/str.h"
#include "base/time.h"
#include "exposure/found.h"
#include "format/json.h"

/* Holders: engines and components of services. 1,000,000 engines, none like another. */
#define BASELINE_MAX_HOLDERS 4000000
/* Items of one set: advisories about one component. */
#define BASELINE_MAX_ITEMS 100000
/* Where `baseline freeze` is not told; and the furthest day that it takes. */
#define BASELINE_USEC (90 * USEC_PER_DAY)
#define BASELINE_LONGEST_USEC (366 * USEC_PER_DAY)

struct baseline_item {
	struct span advisory; /* empty: about the content itself */
	struct span cause;    /* by name */
	enum finding_kind kind;
	int severity; /* CVSS x 10; -1: not scored */
	bool kev;
};
struct baseline_set {
	struct baseline_item *items; /* sorted by baseline_sort() */
	size_t count;
};
struct baseline_holder {
	struct span service, environment; /* empty: of none */
	enum carrier carrier;
	struct span digest;        /* builder: hex; empty else */
	struct span purl, version; /* runtime and image: the component; of a builder for people */
	struct span owner;         /* empty: nobody yet */
	uint32_t set;              /* index */
};
struct baseline {
	usec_t since, due; /* since USEC_NONE: there is no baseline */
	struct baseline_set *sets;
	size_t set_count;
	struct baseline_holder *holders; /* sorted by baseline_sort() */
	size_t holder_count;
};
/* Makes it ready for baseline_find(): sorts holders and items where they stand. Holders of one key must not repeat. */
void baseline_sort(struct baseline *b);

/* One debt, for answers: what found it points into the baseline. */
struct baseline_debt {
	struct span advisory;
	enum carrier carrier;
	struct span service, environment;
	struct span digest, purl, version;
	struct span owner;
	usec_t since, due;
	const struct baseline_item *item;
};
/* The debt that @f is, whatever the day and however much worse; false: @f is new. */
bool baseline_find(const struct baseline *b, const struct found *f, struct baseline_debt *ret);

enum baseline_answer {
	BASELINE_NEW = 0, /* no debt: @f is new */
	BASELINE_COVERED, /* frozen, not due, no worse */
	BASELINE_WORSE,   /* frozen, but worse since */
	BASELINE_DUE      /* frozen, and its day is over */
};
const char *baseline_answer_name(enum baseline_answer a); /* "new", "covered", "worse", "due"; static */
/* @ret is set unless the answer is NEW. */
enum baseline_answer baseline_judge(const struct baseline *b, const struct found *f, usec_t now,
				    struct baseline_debt *ret);
/* How @f is worse than what was frozen, appended to @to ("was unknown and is affected"); false: it is not. @to may be
 * NULL. */
bool baseline_worse(const struct baseline_item *item, const struct found *f, struct str *to);

/* "frozen on 2026-07-14, due 2026-10-12, owner vision-team", control characters escaped. */
void baseline_words(const struct baseline_debt *d, struct str *to);
/* {"since","due","owner"} */
void baseline_json(const struct baseline_debt *d, struct json_out *o);

#endif
