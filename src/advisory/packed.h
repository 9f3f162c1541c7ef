/*
 * packed - advisories in archives and compressed files: an ecosystem of OSV as zip, EPSS as gzip.
 *
 * May use what store.h uses, and format/archive.
 */
#ifndef REFORGE_ADVISORY_PACKED_H
#define REFORGE_ADVISORY_PACKED_H

#include "advisory/store.h"

/* True for a regular file that begins like an archive or a compressed file; false for everything else, and when it
 * cannot be read. */
bool advisory_is_packed(const char *path);
/* As advisory_import_path() does with a folder: members that are .json, .yaml, .yml and .csv, one after the other, never
 * all at once; @ret counts them. A compressed file on its own is one document: refused, its RF_E* is returned. A damaged
 * archive, or one past the limits (ADVISORY_MAX_BYTES a member, 64 GiB unpacked, 4,000,000 members), is RF_EFORMAT,
 * RF_ETOOBIG, RF_ETOOMANY; what came before stays imported. */
RF_MUST_CHECK int advisory_import_packed(struct database *db, const char *path, const struct advisory_import *options,
					 struct advisory_import_result *ret, struct err *err);

#endif
