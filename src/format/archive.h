/*
 * archive - the files inside archives and compressed files, one after the other, never all at once.
 *
 * May use base/ only. zip, tar and cpio, alone or behind gzip, bzip2, xz, zstd; a single compressed file is an archive
 * of one member without a name. libarchive does the work and is loaded with the first archive (archive_libarchive.h
 * says why).
 *
 * Input is hostile: every member and the whole are bounded (a bomb is RF_ETOOBIG, not a full memory), nothing is
 * written to disk, and names are only names: they are never opened.
 */
#ifndef REFORGE_FORMAT_ARCHIVE_H
#define REFORGE_FORMAT_ARCHIVE_H

#include "base/err.h"
#include "base/span.h"
#include "base/str.h"

struct archive_limits {
	size_t member_bytes;  /* largest member, unpacked */
	uint64_t total_bytes; /* of all members that are looked at, unpacked */
	uint64_t members;
};

struct archive_member {
	struct span name;  /* as stored, bytes; empty for a single compressed file */
	struct span bytes; /* until the visitor returns */
};

struct archive_walk {
	struct archive_limits limits;
	/* NULL: every file. False: the member is passed over without being unpacked where the format allows that. */
	bool (*want)(struct span name, void *data);
	/* A non-zero answer ends the walk and is returned. */
	int (*visit)(const struct archive_member *m, void *data);
	void *data;
};

/* True when the bytes begin like one of the formats above. The first 512 are looked at. */
bool archive_sniff(struct span bytes);
/* Visits the plain files in the order they are stored. RF_EFORMAT: damaged or cut off (what came before was visited);
 * RF_ETOOBIG, RF_ETOOMANY: a limit; RF_EUNSUPPORTED: encrypted, or libarchive is not installed; RF_EIO; RF_ENOMEM. */
RF_MUST_CHECK int archive_walk_bytes(struct span bytes, const struct archive_walk *walk, struct err *err);
RF_MUST_CHECK int archive_walk_file(const char *path, const struct archive_walk *walk, struct err *err);
/* Unpacks a single compressed file ("epss.csv.gz") into @ret, whose limit bounds it; an archive's first file likewise.
 */
RF_MUST_CHECK int archive_inflate(struct span bytes, struct str *ret, struct err *err);

#endif
