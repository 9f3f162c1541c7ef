/*
 * cmdb_findings - what is open on a CMDB's hosts, to be written back to it: a row an exposure, with the CMDB's own name of
 * the host.
 *
 * May use exposure/, inventory/, advisory/, workspace/. Reads inside the caller's transaction. Drills are left out: a CMDB
 * would take them for real; and so is, counted, what is marked stricter than the caller lets out (design, law 9).
 */
#ifndef REFORGE_NOTIFY_CMDB_FINDINGS_H
#define REFORGE_NOTIFY_CMDB_FINDINGS_H

#include "advisory/advisory.h"
#include "database/database.h"
#include "format/json.h"
#include "workspace/workspace.h"

struct cmdb_finding {
	struct span ci;                        /* empty: the CMDB does not know the host */
	struct span host, path, service, environment, model;
	struct span owner, contact;            /* of the service; empty: none */
	struct span advisory, carrier, finding, cause;
	struct span product, version;          /* of the component; version empty: unknown */
	struct span sha256, kind;              /* of the artifact */
	usec_t since;
};
struct cmdb_findings_filter {
	const struct workspace *workspace;
	enum tlp highest;                      /* nothing marked stricter is visited */
	bool known_only;                       /* hosts of the CMDB only */
};
/* By advisory, service, environment, path. Spans live until @visit returns, which may not use @tx. *ret_withheld (may be
 * NULL): exposures whose advisory is marked stricter. */
RF_MUST_CHECK int cmdb_findings_each(struct transaction *tx, const struct cmdb_findings_filter *f,
				     int (*visit)(const struct cmdb_finding *, void *), void *data, uint64_t *ret_withheld);

/* The first line of the CSV, and one row: RFC 4180, every field in quotes. A field that a spreadsheet would take for a
 * formula gets a ' in front. */
void cmdb_finding_csv_head(struct str *to);
void cmdb_finding_csv(const struct cmdb_finding *f, struct str *to);
void cmdb_finding_json(const struct cmdb_finding *f, struct json_out *o);

#endif
