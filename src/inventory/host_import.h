/*
 * host_import - a machine's report into the inventory.
 *
 * May use inventory.h, fleet_store.h, host_report.h. One report is one transaction: all of it, or nothing.
 *
 * A report is its machine's word, and stands for all of that machine: what it does not tell of is gone. Refused are: an
 * older report than the one at hand, one from the future, one of another machine under a known name, one under the name of
 * a machine that a workspace scans, and one that is unsigned or signed by another key once the host's reports were
 * verified. A report whose content is the one at hand costs a few rows.
 *
 * One that says of a known content that another version made it is taken in: what was read here stands, of two claims
 * the content becomes a conflict (source_conflict), unless no other machine has it and this one corrects itself. Both
 * are findings of the host: claim_contradicts_reading, claims_contradict.
 */
#ifndef REFORGE_INVENTORY_HOST_IMPORT_H
#define REFORGE_INVENTORY_HOST_IMPORT_H

#include "inventory/host_report.h"
#include "inventory/inventory.h"

struct host_import {
	const struct verify_key *const *keys; /* one of them must have signed; none: signatures are not looked at */
	size_t keys_n;
	bool replace;                         /* the host's name now belongs to this machine, or key */
};
struct host_imported {
	struct host_header header;
	bool unchanged;                       /* the content at hand */
	bool verified;
	struct inventory_changes changes;
	size_t files, processes, findings;
};
/* @ret is set on success. RF_ESTATE (older, or taken in the future), RF_ECONFLICT (another machine; a scanned one),
 * RF_EVERIFY, and what host_report.h says. */
RF_MUST_CHECK int host_import(struct database *db, struct span report, const struct host_import *o,
			      struct host_imported *ret, struct err *err);

#endif
