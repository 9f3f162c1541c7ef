/*
 * packed - documents in archives and compressed files: an ecosystem of OSV as zip, EPSS as gzip. Private.
 *
 * The one way in, for imports and feeds: the content tells whether a file is packed, members are visited one after the
 * other, never all at once, and are called PATH!/MEMBER. May use base and format/archive.
 */
#ifndef REFORGE_ADVISORY_PACKED_H
#define REFORGE_ADVISORY_PACKED_H

#include "base/err.h"
#include "base/span.h"

/* True for a regular file that begins like an archive or a compressed file; false for everything else, and when it
 * cannot be read. */
bool packed_is(const char *path);
/* True for names that are worth a look among others in a folder: .zip, .gz, .tgz, .tar, .xz, .zst, .bz2. */
bool packed_is_candidate(struct span name);
/* True for names of documents: .json, .yaml, .yml, .csv. */
bool packed_is_document(struct span name);

struct packed_document {
	struct span bytes; /* until the visitor returns */
	const char *name;  /* PATH!/MEMBER, visible characters; PATH where @alone */
	bool alone;        /* the file is this one document, compressed */
};
/* Every document in @path, in the order they are stored; a non-zero answer of @take ends the walk and is returned. At
 * most ADVISORY_MAX_BYTES a document, 64 GiB unpacked, 4,000,000 members. RF_EFORMAT: damaged, or cut short (what came
 * before was visited); RF_ETOOBIG, RF_ETOOMANY, RF_EUNSUPPORTED, RF_EIO, RF_ENOMEM (format/archive.h); RF_ECANCELLED
 * when the program is to stop. */
RF_MUST_CHECK int packed_each(const char *path, int (*take)(const struct packed_document *d, void *data), void *data,
			      struct err *err);

#endif
