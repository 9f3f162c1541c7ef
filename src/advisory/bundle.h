/*
 * bundle - what one site knows, as one signed file for sites without internet.
 *
 * May use what store.h uses, crypto and workspace. A bundle is a signed archive (bundle_archive.h); `tar tf` opens it:
 *
 *   manifest.json        {"reforge_bundle": 1, site, created_at, expires_at, as_of, tlp, documents: [...]}
 *   manifest.dsse        DSSE envelope whose payload is manifest.json, signed with the site's release key
 *   documents/SHA256     one a document, ascending
 *
 * The signature is checked before the manifest is read, every digest before anything is imported.
 */
#ifndef REFORGE_ADVISORY_BUNDLE_H
#define REFORGE_ADVISORY_BUNDLE_H

#include "advisory/bundle_archive.h"
#include "advisory/store.h"
#include "base/arena.h"
#include "crypto/sign.h"
#include "format/json.h"
#include "workspace/workspace.h"

#define BUNDLE_PAYLOAD_TYPE "application/vnd.reforge.feed-bundle+json"
#define BUNDLE_MAX_DOCUMENTS 1000000
#define BUNDLE_NAME_BYTES 80 /* "documents/", 64 digits, NUL */

struct bundle_entry {
	struct digest digest;
	uint64_t bytes;      /* at most ADVISORY_MAX_BYTES */
	struct span feed;    /* as the site called it */
	struct span source;  /* as the document was called there */
	enum tlp tlp;
	usec_t imported;     /* there; USEC_NONE: made for the bundle, from signals */
};
struct bundle_manifest {
	struct span site;
	usec_t created, expires;
	usec_t as_of;        /* oldest last complete run of the site's feeds; USEC_NONE: one never had any */
	struct bundle_entry *entries; /* strictly ascending by digest */
	size_t count;
	bool expired;        /* when it was read */
};
/* Pure; everything in @a. RF_EFORMAT with the field, RF_EUNSUPPORTED (a later format), RF_ETOOMANY, RF_ETOOBIG. */
RF_MUST_CHECK int bundle_manifest_read(struct arena *a, struct json root, struct bundle_manifest *ret, struct err *err);
/* Pretty JSON, appended to @to; @highest is the strictest mark that was let in. */
void bundle_manifest_write(const struct bundle_manifest *m, enum tlp highest, struct str *to);
const char *bundle_entry_name(const struct bundle_entry *e, char ret[BUNDLE_NAME_BYTES]);

struct bundle_writing {
	const struct workspace *workspace;
	const struct signing_key *key;
	enum tlp highest;
	int64_t valid_usec;
};
struct bundle_written {
	int64_t documents, withheld; /* withheld: marked stricter */
	uint64_t bytes;
	usec_t created, expires, as_of;
};
/* Every current document whose bytes are kept, and KEV's and EPSS's signals as documents of their formats; never drills.
 * @path is replaced whole or not at all, mode 0644. */
RF_MUST_CHECK int bundle_write(struct database *db, const char *path, const struct bundle_writing *how,
			       struct bundle_written *ret, struct err *err);

/* Verifies all of @path against @key, then imports; no document comes in with a looser mark than the manifest gives it.
 * RF_EVERIFY (signature, digest), RF_EFORMAT, RF_ETOOBIG: nothing was imported. An expired one is imported:
 * @manifest->expired says so. @manifest's spans live in @a. */
RF_MUST_CHECK int bundle_import(struct database *db, const char *path, const struct verify_key *key,
				const struct advisory_import *options, struct arena *a, struct bundle_manifest *manifest,
				struct advisory_import_result *ret, struct err *err);

#endif
