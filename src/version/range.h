/*
 * range - sets of versions, as advisories state them.
 *
 * Pure: no I/O, no clock, no globals. May use base/ only.
 * A range belongs to one scheme.
 *
 *   prose text ──range_read()──┐
 *   events     ──range_add()───┴──► struct range ──range_contains()──► IN, OUT, UNSURE
 *
 * UNSURE is an answer. A range whose text could not be read is kept with that text and contains every
 * version UNSUREly: callers turn it into "review", never into "not affected" (design, law 2).
 */
#ifndef REFORGE_VERSION_RANGE_H
#define REFORGE_VERSION_RANGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/str.h"
#include "version/scheme.h"

/* One source states at most this many intervals for one product. More is RF_ETOOMANY: never a silent cut.
 * The longest list in 7,444 OSV records has 1,100 exact versions; those with ranges besides have 20. */
#define RANGE_MAX_INTERVALS 4096
/* The longest statement in 181 bulletins has 170 bytes. */
#define RANGE_MAX_TEXT (4 * KIB)

enum range_answer { RANGE_OUT = 0, RANGE_IN = 1, RANGE_UNSURE = 2 };

/* Half-open where both ends are known: low <= v < high. An inclusive upper bound from a source that also
 * names the fix is replaced by the fix, exclusive: "v0 - v10.16.1, fixed in v11.0" contains 10.16.1.11,
 * which a literal reading would miss. */
struct range_interval {
	struct span low;  /* empty: from the beginning */
	struct span high; /* empty: without end */
	bool low_exclusive;
	bool high_inclusive; /* only where no fix was stated; covers the family (scheme.h) */
	bool exact;          /* low == high: this version, or its family */
};

struct range {
	const struct scheme *scheme;      /* never NULL */
	struct range_interval *intervals; /* their union; none and readable: the empty set */
	size_t count;
	size_t capacity;
	bool readable;     /* false: every version is UNSURE */
	bool conservative; /* reads more than the words do: shown, see range_rule() */
	const char *rule;  /* which rule read it; static */
};

/* The empty set, readable. NULL: out of memory. */
struct range *range_new(struct arena *a, const struct scheme *scheme, const char *rule);
/* Adds one interval (copied; the spans' bytes must outlive the range). A bound that the scheme cannot read makes the
 * range unreadable. RF_ETOOMANY, RF_ENOMEM. */
RF_MUST_CHECK int range_add(struct arena *a, struct range *r, const struct range_interval *interval, struct err *err);

/*
 * Reads one vendor statement.
 *
 * @affected  the vendor's words, UTF-8, not terminated, at most RANGE_MAX_TEXT; "All versions prior to v10.16.1"
 * @fixed     the vendor's words for the fix, may be empty
 * @ret       set unless memory is out; lives in @a, points into @affected and @fixed, which must outlive it
 *
 * Returns 0; RF_EUNREADABLE with @err naming the first token no rule accepts (offset in bytes) -- the
 * range is set all the same and answers UNSURE; RF_ETOOMANY; RF_ENOMEM.
 * Source: NVIDIA's statements of 2022-2026; one rule per row of the table in range_prose.c.
 */
RF_MUST_CHECK int range_read(struct arena *a, const struct scheme *scheme, struct span affected, struct span fixed,
			     struct range **ret, struct err *err);
/* The fixed versions that a vendor's words name: "v11.0", "1.2.3 and 1.3.1", "CUDA Toolkit 12.4U1"; none when the words
 * hold no version. *ret lives in @a. RF_ENOMEM. */
RF_MUST_CHECK int range_read_fixed(struct arena *a, const struct scheme *scheme, struct span fixed, struct span **ret,
				   size_t *ret_count);

/* Which rule read the range, for people: "A to B, bound replaced by fix". Static storage. */
const char *range_rule(const struct range *r);
/* "0 <= v < 11.0"; "any version"; "could not be read". For people; appended to @to. */
void range_words(const struct range *r, struct str *to);

/* @version is one the scheme accepts; anything else answers UNSURE, except in "any version". Never fails, never
 * allocates. */
enum range_answer range_contains(const struct range *r, struct span version);
/* The interval that holds @version; NULL unless the answer is RANGE_IN. */
const struct range_interval *range_interval_of(const struct range *r, struct span version);
/* The comparison that decided, for people and the reason chain: "10.13.3.9 < 11.0", "11.4.0.106 >= 11.0"; appended to
 * @to. */
void range_comparison(const struct range *r, struct span version, struct str *to);

#endif
