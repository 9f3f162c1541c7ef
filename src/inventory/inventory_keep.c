/* What stays as it was when a host's placements are placed anew, under another service. See inventory.h. */
#include "inventory/inventory_int.h"

int inventory_unseen_keep(struct transaction *tx, const struct inventory_unseen *u)
{
	return TX_RUN(tx,
		      "INSERT INTO inventory_unseen(host, service, environment, path, reason, since, last)"
		      " VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(host, service, environment, path) DO UPDATE SET"
		      " since = excluded.since",
		      DB_S(u->host), DB_S(u->service), DB_S(u->environment), DB_B(u->path), DB_S(u->reason), DB_TIME(u->since),
		      DB_TIME(tx_now(tx)));
}

int inventory_seen_keep(struct transaction *tx, struct span host, struct span service, struct span environment, usec_t seen_last)
{
	return TX_RUN(tx,
		      "UPDATE inventory_group SET seen_last = $1 WHERE host_id IN (SELECT id FROM inventory_host WHERE name = $2)"
		      " AND service_id IN (SELECT id FROM inventory_service WHERE service = $3 AND environment = $4)",
		      DB_TIME(seen_last), DB_S(host), DB_S(service), DB_S(environment));
}
