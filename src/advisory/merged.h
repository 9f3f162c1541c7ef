/*
 * merged - one vulnerability over all its sources, each source's own words kept.
 *
 * Pure types. May use base, version and advisory.h. store.h fills them; exposure/ judges by them.
 */
#ifndef REFORGE_ADVISORY_MERGED_H
#define REFORGE_ADVISORY_MERGED_H

#include "advisory/advisory.h"

/* Where a statement comes from. */
struct advisory_origin {
	struct span document_digest; /* SHA-256, hex */
	struct span document_name;   /* path or URL at import */
	struct span document_id;     /* "5855" */
	struct span feed;
	usec_t imported_at;
	usec_t record_modified;
	enum advisory_state record_state;
};

/* One source's record of an advisory. */
struct advisory_source {
	struct advisory record; /* its statements are in stored.statements */
	struct advisory_origin origin;
	struct span publisher;
};

struct advisory_policy {
	bool decided; /* false: the product table's default holds */
	enum engine_affecting engine_affecting;
	struct span who, why;
	usec_t at;
};

/* The merged advisory: scalar fields from the newest published record (the newest of all when none is), statements of
 * all current records in the order of origins. State: REJECTED when any source says so, since that is the numbering
 * authority's word about the id itself; else PUBLISHED when any source publishes; else WITHDRAWN. Sources that
 * disagree with it stay visible in sources. */
struct stored_advisory {
	struct advisory advisory;
	struct advisory_origin *origins; /* one per statement, same order */
	struct advisory_source *sources;
	size_t source_count;
	usec_t first_seen; /* the database's clock when any of our feeds first had it */
	struct advisory_policy policy;
};

/* What counts for @product: the decision, else the product's default (unknown for NULL). */
enum engine_affecting advisory_engine_affecting(const struct advisory_policy *policy, const struct product *product);

#endif
