/*
 * fleet_store - what is kept of a fleet beside its placements: who reported when, what else is known of a placement, what
 * was found on a host or in a namespace, and which service a host belongs to by the CMDB.
 *
 * May use base/, format/, database/, crypto/. Tables: fleet_host, fleet_detail, fleet_finding, fleet_join. All calls work
 * inside the caller's transaction.
 */
#ifndef REFORGE_INVENTORY_FLEET_STORE_H
#define REFORGE_INVENTORY_FLEET_STORE_H

#include "base/arena.h"
#include "database/database.h"

extern const struct migration_set FLEET_MIGRATIONS;

/* ── Who reports ─────────────────────────────────────────────────────────────────────────────────────────────────── */

#define FLEET_SOURCE_HOST "host"
#define FLEET_SOURCE_KUBERNETES "kubernetes"

/* A machine, or a namespace of a cluster ("k8s:CLUSTER/NAMESPACE"), as of its last report. */
struct fleet_host {
	const char *host, *source;
	const char *machine; /* digest of the machine's id; "" none */
	const char *key_id;  /* of the key that its report was verified with; "" none */
	const char *digest;  /* of the report's content; "" to be recorded anew whatever it says */
	usec_t taken;        /* when the report was made, by the host's clock */
	usec_t recorded;     /* when its content last changed, by the database's */
	usec_t seen;         /* when it last came */
};
/* Texts in @a. RF_ENOTFOUND. */
RF_MUST_CHECK int fleet_host_get(struct transaction *tx, const char *host, struct arena *a, struct fleet_host *ret);
/* Adds or replaces; recorded and seen become now. */
RF_MUST_CHECK int fleet_host_put(struct transaction *tx, const struct fleet_host *h);
/* The same content again: moves `taken` and `seen`, and seen_last of all its placements. Few rows, whatever the host has. */
RF_MUST_CHECK int fleet_host_seen(struct transaction *tx, const char *host, usec_t taken);
/* Something else wrote the host's placements: its next report is recorded whatever it says. Nothing for a host that never
 * reported. */
RF_MUST_CHECK int fleet_host_overwritten(struct transaction *tx, const char *host);
/* Hosts of @source whose name starts with @prefix, by name. Spans live until @visit returns, which may not use @tx. */
RF_MUST_CHECK int fleet_each_host(struct transaction *tx, const char *source, const char *prefix,
				  int (*visit)(const struct fleet_host *, void *), void *data);
RF_MUST_CHECK int fleet_host_remove(struct transaction *tx, const char *host);

/* ── What else is known of a placement ───────────────────────────────────────────────────────────────────────────── */

struct fleet_detail {
	struct span path; /* bytes; of the placement */
	struct span json; /* one object (docs/inventory-fleet.md) */
};
/* Replaces all of the host's. */
RF_MUST_CHECK int fleet_details_put(struct transaction *tx, const char *host, const struct fleet_detail *list, size_t n);
/* Of these paths only; others keep theirs. */
RF_MUST_CHECK int fleet_details_add(struct transaction *tx, const char *host, const struct fleet_detail *list, size_t n);
/* RF_ENOTFOUND. */
RF_MUST_CHECK int fleet_detail_get(struct transaction *tx, struct span host, struct span path, struct arena *a,
				   struct span *ret);

/* ── Findings that belong to no content ──────────────────────────────────────────────────────────────────────────── */

struct fleet_finding {
	int64_t id;
	struct span host;
	struct span rule;         /* "shared_writable_volume", "deleted_library_mapped", ... */
	struct span subject;      /* a volume, a path, a workload */
	struct span text;         /* a sentence for people */
	usec_t since, gone_at;    /* gone_at USEC_NONE while it holds */
};
/* The host's findings are these now: new ones are opened, those that hold no more are closed. Only rule, subject and text
 * of @list are read. */
RF_MUST_CHECK int fleet_findings_put(struct transaction *tx, const char *host, const struct fleet_finding *list, size_t n);
/* These hold, too: none is closed. */
RF_MUST_CHECK int fleet_findings_add(struct transaction *tx, const char *host, const struct fleet_finding *list, size_t n);
/* By host, rule, subject. @host empty: all. */
RF_MUST_CHECK int fleet_each_finding(struct transaction *tx, struct span host, bool with_gone,
				     int (*visit)(const struct fleet_finding *, void *), void *data);

/* ── Whose a host is ─────────────────────────────────────────────────────────────────────────────────────────────── */

struct fleet_join {
	const char *host, *service, *environment;
	const char *ci;     /* the CMDB's own name of it; "" none */
	const char *source; /* "cmdb:NAME" */
};
/* Adds or replaces. *ret_changed (may be NULL): service or environment are others than before. */
RF_MUST_CHECK int fleet_join_put(struct transaction *tx, const struct fleet_join *j, bool *ret_changed);
/* RF_ENOTFOUND. */
RF_MUST_CHECK int fleet_join_get(struct transaction *tx, struct span host, struct arena *a, struct fleet_join *ret);
/* By host; of @source only when not NULL. */
RF_MUST_CHECK int fleet_each_join(struct transaction *tx, const char *source,
				  int (*visit)(const struct fleet_join *, void *), void *data);
RF_MUST_CHECK int fleet_join_remove(struct transaction *tx, const char *host);

#endif
