/*
 * cmdb_record - rows of a CMDB into the fleet: hosts get their service and environment, services their owners.
 *
 * May use workspace/, inventory.h, fleet_store.h. Services are written to services/SOURCE.yaml, where no person edits and
 * reforge.yaml wins; hosts to the table of joins. Open placements of a host whose service changed move at once: the old
 * ones are closed, new ones opened.
 */
#ifndef REFORGE_INVENTORY_CMDB_RECORD_H
#define REFORGE_INVENTORY_CMDB_RECORD_H

#include "database/database.h"
#include "inventory/cmdb.h"
#include "inventory/inventory.h"
#include "workspace/workspace.h"

struct cmdb_result {
	size_t hosts, services;        /* told of by the file */
	size_t changed, removed;       /* hosts with another service or environment; hosts it tells of no more */
	struct inventory_changes moved; /* placements */
};
/* @source names the CMDB (characters of a recipe's name); a later import of the same source replaces it. Rows of one host
 * must agree, so must those of one service about its owner, reach and criticality: RF_ECONFLICT with both lines. RF_EFORMAT
 * with the row's line: a service that is no name, an environment that reforge.yaml does not have, a service without owner. */
RF_MUST_CHECK int cmdb_record(struct database *db, const struct workspace *w, const char *source, const char *file,
			      const struct cmdb_row *rows, size_t n, struct cmdb_result *ret, struct err *err);

#endif
