/*
 * snapshot_bytes - a snapshot as bytes: what a signed bundle holds (gate/bundle.h).
 *
 * Pure. The form is one message of format/wire.h; texts stand in it once each. Its rows, indexes counted from 0 and
 * written + 1 (0: GATE_NONE):
 *
 *   3  head, with the number of contents   10  contents, any number a field      17  whose VEX statements are trusted
 *   4  policy                              11  images                            18  baseline: since, due
 *   5  stale feed                          12  models                            19  its sets of items
 *   6  service                             13  release                           20  its holders
 *   7  advisory (advisory/carried.h)       14  rows of releases
 *   8  components                          15  waiver
 *   9  set of parts                        16  VEX policy                        21  homes of services
 *
 * Contents ascend by digest. Verdicts are not in it: whoever reads it judges its components anew when it is made ready,
 * so that a corrected judgement needs a new program and no new bundle.
 */
#ifndef REFORGE_GATE_SNAPSHOT_BYTES_H
#define REFORGE_GATE_SNAPSHOT_BYTES_H

#include "gate/snapshot.h"

#define GATE_SNAPSHOT_FORMAT 2
/* A million contents with a path each take about 110 MB. */
#define GATE_SNAPSHOT_MAX_BYTES (1 * GIB)
/* Arena of a snapshot: texts of policies, advisories, a baseline. */
#define GATE_SNAPSHOT_ARENA_BYTES (2 * GIB)

/* Appends @s, which is ready, to @to. RF_ETOOBIG (also the limit of @to), RF_ENOMEM. */
RF_MUST_CHECK int gate_snapshot_write(const struct gate_snapshot *s, struct str *to, struct err *err);

/*
 * A new snapshot, filled and ready; gate_snapshot_free() it. Nothing of it points into @bytes.
 * RF_EFORMAT with offset, field and rule: a number that cannot be, an index of nothing, contents out of order, a row too
 * short or too long; RF_EUNSUPPORTED (a later format), RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM; RF_EINVALID as
 * gate_snapshot_ready().
 */
RF_MUST_CHECK int gate_snapshot_read(struct span bytes, struct gate_snapshot **ret, struct err *err);

#endif
