/*
 * bundle - what the gate knows, as one signed file: for pods, hosts, vehicles and closed sites, and for admission
 * servers that are given no database.
 *
 * Reads and writes files, needs no database: a static program links it. A signed archive (advisory/bundle_archive.h):
 *
 *   manifest.json   {"reforge_gate_bundle": 1, site, created_at, expires_at, as_of, tlp, withheld, only, snapshot:
 *                   {sha256, bytes}, and how much is in it}
 *   manifest.dsse   DSSE over it, of type GATE_BUNDLE_TYPE, signed with the site's release key
 *   snapshot        snapshot_bytes.h
 *
 * Reading checks the signature before anything else is looked at, then the snapshot's digest, then that snapshot and
 * manifest name the same site and moments. An expired one is read: the judge says bundle_expired, and the policy in it
 * what that means. One that another key signed is refused.
 */
#ifndef REFORGE_GATE_BUNDLE_H
#define REFORGE_GATE_BUNDLE_H

#include "crypto/sign.h"
#include "format/json.h"
#include "gate/snapshot.h"

#define GATE_BUNDLE_TYPE "application/vnd.reforge.gate-bundle+json"

struct gate_bundle {
	struct span site;
	usec_t created, expires;
	usec_t as_of; /* USEC_NONE: a feed was never complete, or there is none */
	enum tlp tlp; /* the strictest mark that was let in */
	uint64_t withheld; /* advisories that are marked stricter */
	const struct span *only; /* of a part: what it was made for, for people; what counts is the snapshot's head */
	size_t only_count;
	struct digest snapshot;
	uint64_t bytes; /* of it */
	uint64_t contents, images, models, components, advisories, releases, policies, waivers, debts; /* for people */
};

/* What the manifest says of @s; its snapshot and bytes are not known yet. */
struct gate_bundle gate_bundle_of(const struct gate_snapshot *s, enum tlp tlp, uint64_t withheld);
/* Pretty JSON, appended to @to. */
void gate_bundle_manifest_write(const struct gate_bundle *b, struct str *to);
/* Pure; spans in @a. RF_EFORMAT with the field, RF_EUNSUPPORTED (a later format), RF_ETOOBIG. */
RF_MUST_CHECK int gate_bundle_manifest_read(struct arena *a, struct json root, struct gate_bundle *ret, struct err *err);

/* @s is ready, its head has an end. @path is replaced whole or not at all, mode 0644. @ret_bytes: of the file. */
RF_MUST_CHECK int gate_bundle_write(const struct gate_snapshot *s, const char *path, const struct signing_key *key,
				    struct gate_bundle *b, uint64_t *ret_bytes, struct err *err);

/*
 * @key  the site's release key; @ret_bundle (may be NULL) has its site in the snapshot's arena
 * RF_EVERIFY: signed by another key, or not, or the snapshot is not the one that was signed. RF_EFORMAT, RF_ETRUNCATED,
 * RF_ETOOBIG, RF_EUNSUPPORTED, RF_ENOTFOUND: @ret is not set. Errors name the file.
 */
RF_MUST_CHECK int gate_bundle_read(const char *path, const struct verify_key *key, struct gate_snapshot **ret,
				   struct gate_bundle *ret_bundle, struct err *err);

#endif
