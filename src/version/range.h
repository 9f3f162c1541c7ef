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
 * The version asked about may be a family too, "10.x": the answer is one that holds for all of it, or UNSURE.
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
/* A bound may name a family by ".x" or ".*" behind it: "6.15.x" as an inclusive upper bound (and as an exact one) holds
 * all of 6.15, as a lower or exclusive upper bound it is 6.15. With a scheme that has branches "535.x" is the branch
 * R535. */
struct range_interval {
	struct span low;  /* empty: from the beginning */
	struct span high; /* empty: without end */
	bool low_exclusive;
	bool high_inclusive; /* only where no fix was stated; covers the family (scheme.h) */
	bool exact;          /* low == high: this version, or its family */
};

/* What a statement speaks of, where it does not speak of all versions everywhere. */
struct range_scope {
	struct span platform; /* the source's words: "Linux(R535 vGPU 16)", "Jetson Linux(35)"; empty: all */
	/* The branch or line whose versions the row is about, where the platform names one that its bound lies on:
	 * "535", "35". It is also the lower bound of the intervals, so range_contains() says OUT for other branches;
	 * whether another row speaks of them is for ranges_contain() to see. */
	struct span branch;
};

struct range {
	const struct scheme *scheme;      /* never NULL; git where the words speak of commits */
	struct range_interval *intervals; /* their union; none and readable: the empty set */
	size_t count;
	size_t capacity;
	bool readable;     /* false: every version is UNSURE */
	bool conservative; /* reads more than the words do: shown, see range_rule() */
	const char *rule;  /* which rule read it; static or in the arena */
	struct range_scope scope;
	struct span note; /* words that narrow the statement and were not applied, or how bounds were joined; may be
			     empty */
	bool conflict;    /* two bounds of one statement contradict each other; their union is what it holds */
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
 * Source: NVIDIA's statements of 2022-2026; the grammar stands in range_prose.c.
 */
RF_MUST_CHECK int range_read(struct arena *a, const struct scheme *scheme, struct span affected, struct span fixed,
			     struct range **ret, struct err *err);

/* A row of a bulletin: the words and what they are about. */
struct range_words_of {
	struct span product;  /* as the source writes it: its words may stand before a version ("CUDA Toolkit 12.8") */
	struct span platform; /* "Linux(R535)"; empty: all */
	struct span affected;
	struct span fixed;
	bool listed; /* the source lists every version in a row of its own: what lies behind this one is another row's */
};
/* range_read() with product and platform: the first keeps "prior to CUDA 12.4" in TensorRT's row from being read as
 * TensorRT's version, the second gives the scope. A platform that names a driver branch brings the driver scheme where
 * @scheme is generic. */
RF_MUST_CHECK int range_read_row(struct arena *a, const struct scheme *scheme, const struct range_words_of *row,
				 struct range **ret, struct err *err);

/* The fixed versions that a vendor's words name: "v11.0", "1.2.3 and 1.3.1", "CUDA Toolkit 12.4U1"; none when the words
 * hold no version. *ret lives in @a. RF_ENOMEM. */
RF_MUST_CHECK int range_read_fixed(struct arena *a, const struct scheme *scheme, struct span fixed, struct span **ret,
				   size_t *ret_count);

/* Which rule read the range: "A to B"; "prior to V + exactly V" for several clauses. Lives as long as the range. */
const char *range_rule(const struct range *r);
/* The rule with what else was done, for people: "A to B; the fix v11.0 stands for the bound v10.16.1; only R535". */
void range_explain(const struct range *r, struct str *to);
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

/*
 * What several statements of one source say together about @version: IN if one holds it; UNSURE if one cannot tell, and
 * also if the version is on a branch that no statement speaks of while there are statements about later branches
 * ("Earlier software branch releases that support this product are also affected" stands in NVIDIA's bulletins); else
 * OUT.
 */
enum range_answer ranges_contain(const struct range *const *ranges, size_t count, struct span version);

/* An interval for other programs: no families, no bounds that need this room to be understood. */
struct range_bounds {
	struct span low;  /* empty: from the beginning */
	struct span high; /* empty: without end */
	bool low_inclusive, high_inclusive;
};
/* Interval @i; "<= 10.16.1" of a scheme with families becomes "< 10.16.2", "6.15.x" becomes ">= 6.15, < 6.16". New
 * texts live in @a. RF_ENOMEM; RF_EUNREADABLE when the range is. */
RF_MUST_CHECK int range_bounds(struct arena *a, const struct range *r, size_t i, struct range_bounds *ret);
/* All of @r's intervals as bounds, in ascending order and none touching another: what a file for other programs takes.
 * *ret lives in @a. RF_EUNREADABLE for ranges that could not be read and for bounds that do not compare; RF_ENOMEM. */
RF_MUST_CHECK int range_disjoint(struct arena *a, const struct range *r, struct range_bounds **ret, size_t *ret_count,
				 struct err *err);
/*
 * "vers:pypi/>=1.0|<1.4|!=1.2" (package-url/vers-spec), with CISA's "vers:all/<V7.0.3" and the star for all versions.
 * @scheme the product's; NULL, generic or plain: that of the vers type, generic where it has none.
 * As range_read(); RF_EFORMAT without "vers:" in front. range_read() itself takes such texts too.
 */
RF_MUST_CHECK int range_read_vers(struct arena *a, const struct scheme *scheme, struct span text, struct range **ret,
				  struct err *err);
/* The range as vers, appended to @to; read back it holds the same versions. RF_EUNREADABLE, RF_ENOMEM as
 * range_disjoint(). */
RF_MUST_CHECK int range_write_vers(struct arena *a, const struct range *r, struct str *to, struct err *err);
/* Adds everything @from holds to @to, of the same scheme; what could not be read makes @to unreadable. RF_ETOOMANY,
 * RF_ENOMEM. */
RF_MUST_CHECK int range_join(struct arena *a, struct range *to, const struct range *from, struct err *err);
/* True when the text is a family bound ("6.15.x", "v0.7.*") of the scheme. */
bool range_is_family(const struct scheme *scheme, struct span bound);

#endif
