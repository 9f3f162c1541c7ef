/*
 * fleet - one scan of everything reforge.yaml calls a service: roots and overrides to placements.
 *
 * May use workspace/, scan.h, inventory.h. Reads the disk, writes the database in one transaction at the end.
 */
#ifndef REFORGE_INVENTORY_FLEET_H
#define REFORGE_INVENTORY_FLEET_H

#include "inventory/inventory.h"
#include "workspace/workspace.h"

struct fleet_scan {
	const char *host;                     /* name of this machine; NULL: gethostname() */
	unsigned threads;                     /* 0: as scan.h */
	/* As in scan_options; may be NULL. */
	void (*progress)(uint64_t files, uint64_t bytes, const char *path, void *data);
	/* Each report that is worth a line: engines, findings, errors. May be NULL. */
	int (*report)(const struct scan_file *f, const struct inventory_place *place, void *data);
	void *data;
};
struct fleet_result {
	struct scan_totals totals;
	struct inventory_changes changes;
	size_t roots, roots_absent;           /* an absent root closes nothing: what was not seen is not gone */
};
/*
 * Scans every root of every service (an engine override outside of all roots as well), for each of the service's
 * environments, and records what it saw. Unchanged files are not hashed again. Placements on this host that the
 * workspace no longer names (a service, root or environment taken out or renamed) are closed. @ret may be NULL.
 */
RF_MUST_CHECK int fleet_scan(struct database *db, const struct workspace *w, const struct fleet_scan *options,
                             struct fleet_result *ret, struct err *err);

#endif
