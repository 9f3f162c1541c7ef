/*
 * bundle_archive - the container of signed bundles: a ustar archive whose first two members are a manifest and its
 * signature.
 *
 * May use base, format, crypto, depot's envelopes. Needs no database: feed bundles (bundle.h) and bundles of the gate
 * (gate/bundle.h) are both such archives, and a static program reads them.
 *
 *   manifest.json, manifest.dsse (DSSE over it), then the members that the manifest names, in its order
 *
 * Reading is strict: each member's header is the one that bundle_header() makes, with nothing between, behind or beside.
 * Links, other names, other sizes, compression cannot be in one; nothing is unpacked to disk.
 */
#ifndef REFORGE_ADVISORY_BUNDLE_ARCHIVE_H
#define REFORGE_ADVISORY_BUNDLE_ARCHIVE_H

#include "base/arena.h"
#include "base/fs.h"
#include "base/time.h"
#include "crypto/sign.h"
#include "format/json.h"

#define BUNDLE_BLOCK 512
#define BUNDLE_MAX_MANIFEST (64 * MIB)

/* The one header that a member of this name (at most 99 bytes) and size has (POSIX.1-1988 ustar). */
void bundle_header(const char *name, uint64_t bytes, unsigned char ret[BUNDLE_BLOCK]);
/* True for a file that begins as a bundle does. */
bool bundle_sniff(const char *path);

struct bundle_reader {
	int fd; /* -1: none */
	uint64_t size, at;
	struct str bytes; /* of the member read last */
	struct err *err;  /* not NULL */
};
/* @limit: of a member. RF_ENOTFOUND, RF_EINVALID as fs_open_regular(). Release it also after a failure. */
RF_MUST_CHECK int bundle_reader_open(const char *path, uint64_t limit, struct bundle_reader *ret, struct err *err);
void bundle_reader_release(struct bundle_reader *r);
/* The member @name, of @bytes or (0) as many as it says up to @limit, into r->bytes. RF_EFORMAT, RF_ETRUNCATED,
 * RF_ETOOBIG. */
RF_MUST_CHECK int bundle_read_member(struct bundle_reader *r, const char *name, uint64_t bytes, uint64_t limit);
/* Both first members: manifest.json appended to @ret, once its signature of @payload_type by @key is good; RF_EVERIFY. */
RF_MUST_CHECK int bundle_read_manifest(struct bundle_reader *r, const struct verify_key *key, const char *payload_type,
				       struct str *ret);
/* Members of a manifest. A text goes into names and messages: at most 4,096 bytes, without control bytes; in @a. A moment
 * that is null: USEC_NONE where it is optional. RF_EFORMAT with the member, RF_ENOMEM. */
RF_MUST_CHECK int bundle_manifest_text(struct arena *a, struct json root, const char *key, struct span *ret,
				       struct err *err);
RF_MUST_CHECK int bundle_manifest_time(struct json root, const char *key, bool optional, usec_t *ret, struct err *err);
/* The archive must end here. */
RF_MUST_CHECK int bundle_read_end(struct bundle_reader *r);

/* A bundle being written beside its place. */
struct bundle_file {
	const char *path;
	char temporary[FS_PATH_MAX];
	int fd;
};
/* RF_EEXISTS and what open(2) says. On success bundle_file_end() must follow. */
RF_MUST_CHECK int bundle_file_begin(const char *path, struct bundle_file *ret, struct err *err);
/* Empties it: to be written from the start. */
RF_MUST_CHECK int bundle_file_again(struct bundle_file *f, struct err *err);
/* @rc 0: durable and renamed over the path, mode 0644; *ret_bytes its size. Else (and on failure) it is taken away, and
 * @rc returned. */
RF_MUST_CHECK int bundle_file_end(struct bundle_file *f, int rc, uint64_t *ret_bytes, struct err *err);
RF_MUST_CHECK int bundle_put(struct bundle_file *f, const char *name, struct span bytes, struct err *err);
/* manifest.json and manifest.dsse. */
RF_MUST_CHECK int bundle_put_manifest(struct bundle_file *f, const struct signing_key *key, const char *payload_type,
				      struct span manifest, struct err *err);
RF_MUST_CHECK int bundle_put_end(struct bundle_file *f, struct err *err);

#endif
