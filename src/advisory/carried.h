/*
 * carried - a merged advisory as bytes, for those who judge without a database: pods, hosts, vehicles.
 *
 * Pure. May use base, format, version, merged.h. What is read back is judged as the original is, reasons included
 * (exposure/finding.h): carried is everything that a judgement reads, and what people are told of an advisory beside it
 * (title, dates, scores, signals). Left out are summaries, remedies, notes of who could not be mapped to a product, and
 * where documents came from.
 *
 * The form is one message of format/wire.h, whose rows are:
 *
 *   3  the advisory    4  alias        5  severity     6  origin of statements     7  source
 *   8  statement with its range        9  signal      10  policy                  11  decision
 *
 * Products are written as their canonical purl. Whatever is else is refused: a gate that misreads an advisory would
 * let a vulnerable engine pass.
 */
#ifndef REFORGE_ADVISORY_CARRIED_H
#define REFORGE_ADVISORY_CARRIED_H

#include "advisory/merged.h"
#include "base/str.h"

#define CARRIED_FORMAT 1
/* One advisory. The largest of 52,000 in the corpora at hand has 5 KB. */
#define CARRIED_MAX_BYTES (32 * MIB)
/* Statements about products of ours, over all sources of one advisory. */
#define CARRIED_MAX_STATEMENTS 65536

/* Appends @v to @to. Statements about no product of ours are left out: nothing is judged by them. RF_ETOOMANY,
 * RF_ETOOBIG (also the limit of @to), RF_ENOMEM. */
RF_MUST_CHECK int carried_write(const struct stored_advisory *v, struct str *to, struct err *err);

/*
 * @bytes  exactly one advisory; @ret points into them, they must outlive it
 * @ret    lives in @a; on failure it is not set
 *
 * A product that this program has no row for is no product of ours. A scheme that it has not makes the range unreadable:
 * what lies in it cannot be told. RF_EFORMAT with offset and rule, RF_EUNSUPPORTED (a later format), RF_ETOOBIG,
 * RF_ETOOMANY, RF_ENOMEM.
 */
RF_MUST_CHECK int carried_read(struct arena *a, struct span bytes, struct stored_advisory *ret, struct err *err);

#endif
