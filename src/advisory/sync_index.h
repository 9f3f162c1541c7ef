/*
 * sync_index - what a CSAF provider publishes about its documents: provider-metadata.json, ROLIE feeds, index.txt,
 * changes.csv (CSAF 2.0, section 7.1; RFC 8322).
 *
 * Pure. Everything lives in the arena given. Private to advisory/.
 */
#ifndef REFORGE_ADVISORY_SYNC_INDEX_H
#define REFORGE_ADVISORY_SYNC_INDEX_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "format/json.h"

/* CISA lists 2,380 documents, the largest providers some 40,000. */
#define CSAF_MAX_ENTRIES 400000
/* A provider has one for each TLP mark and kind; 8 and more are seen. */
#define CSAF_MAX_DISTRIBUTIONS 64

struct csaf_distribution {
	bool rolie;
	struct span url;           /* of the ROLIE feed, or of the folder */
};
struct csaf_provider {
	struct span publisher;
	struct csaf_distribution *distributions;   /* ROLIE feeds before folders: 7.3 prefers them */
	size_t count;
};
/* RF_EFORMAT when it is no provider-metadata.json; one without distributions has count 0. */
RF_MUST_CHECK int csaf_provider_read(struct arena *a, struct json root, struct csaf_provider *ret, struct err *err);

struct csaf_entry {
	struct span path;          /* address of the document: absolute, or relative to the listing's folder */
	struct span version;       /* when it changed last, as written; empty: not said */
	struct span hash;          /* address of its hash file; empty: not said */
};
struct csaf_listing {
	struct span self;          /* ROLIE: where the feed itself says it stands; empty: not said */
	struct csaf_entry *entries;
	size_t count;
};
/* Entries of categories other than csaf are kept: the import tells what they are. RF_EFORMAT, RF_ETOOMANY, RF_ENOMEM. */
RF_MUST_CHECK int csaf_rolie_read(struct arena *a, struct json root, struct csaf_listing *ret, struct err *err);
/* One path a line, blank ones passed over. Paths that leave the folder or are no paths are RF_EFORMAT with their line: a listing
 * is taken whole or not at all. */
RF_MUST_CHECK int csaf_index_read(struct arena *a, struct span text, struct csaf_listing *ret, struct err *err);
/* "path","date" or path,date a line, no header (7.1.14; CISA leaves the quotes out): sets the version of those entries of @listing
 * that it names, pointing into @text; of several lines of one path the first, newest one counts. */
RF_MUST_CHECK int csaf_changes_read(struct span text, struct csaf_listing *listing, struct err *err);

/* The "CSAF:" fields of a security.txt (RFC 9116; CSAF 2.0, 7.1.8), the first with https; SPAN_NONE: none. Points into @text. */
struct span csaf_security_txt(struct span text);

#endif
