/*
 * snapshot_build - what the gate knows, out of the database and the depot.
 *
 * May use exposure, inventory, advisory, depot, workspace, database. Contents with what they carry by the same rules as
 * exposures (exposure_carries_own(), _held()); tags of images with the contents of their last scan; places of models;
 * releases with their rows, signatures verified here and not at a request; advisories about products of ours; policies,
 * owners, waivers, whose VEX counts, the baseline, and how fresh the feeds are.
 *
 * All of it is of one moment: one transaction.
 */
#ifndef REFORGE_GATE_SNAPSHOT_BUILD_H
#define REFORGE_GATE_SNAPSHOT_BUILD_H

#include "crypto/sign.h"
#include "database/database.h"
#include "depot/release.h"
#include "gate/snapshot.h"
#include "workspace/workspace.h"

/* A part of it, for a question about few things: what any of these names, what is inside of it, the releases that hold
 * it, and advisories about the products that it carries or that @purls name, and about all that compile engines. A tag
 * or a place that is not named is not in it, also where a content of it is: half of a folder is no folder. */
struct gate_building_part {
	const struct digest *digests;
	size_t digest_count;
	const struct span *purls;
	size_t purl_count;
	const struct span *references; /* images, files, folders, URIs, "SERVICE/NAME" of a release */
	size_t reference_count;
	/* The snapshot says what it is a part of (gate_head.only): for those that are asked about other things too. */
	bool tells;
};

struct gate_building {
	const struct workspace *workspace;
	const struct depot *depot;      /* NULL: no releases */
	const struct verify_key *key;   /* of releases and attestations; NULL: none counts as signed */
	struct span release_key;        /* the same as PEM, for the snapshot's readers; empty: none */
	usec_t expires;                 /* USEC_NONE: a database's own, which does not end */
	enum tlp highest;               /* advisories marked stricter are withheld, and counted */
	const struct gate_building_part *part; /* NULL: everything */
};

/*
 * A new snapshot, ready; gate_snapshot_free() it. *ret_withheld may be NULL.
 * What was withheld makes a stale feed of the name "withheld": the silence of what is left out proves nothing.
 * An unreadable release is told to @problem (may be NULL) and left out; everything else that fails is the error returned.
 */
RF_MUST_CHECK int gate_snapshot_build(struct database *db, const struct gate_building *how,
				      void (*problem)(const struct err *err, void *data), void *data,
				      struct gate_snapshot **ret, uint64_t *ret_withheld, struct err *err);

#endif
