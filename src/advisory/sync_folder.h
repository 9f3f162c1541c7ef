/*
 * sync_folder - what the kinds of feed share that end in files. Private to advisory/.
 */
#ifndef REFORGE_ADVISORY_SYNC_FOLDER_H
#define REFORGE_ADVISORY_SYNC_FOLDER_H

#include "advisory/feed_int.h"

/* Takes in the file or folder @path: hashes beside documents are checked, then everything is imported. Sets the report. */
RF_MUST_CHECK int sync_tree(struct feed_run *r, const char *path, struct err *err);
/* The digest in a hash file: 64 or 128 hex digits, then nothing, a blank or a line's end. SPAN_NONE for other texts. */
struct span sync_hash_of(struct span text);
/* Tells that @name is not what @published says. */
void sync_hash_problem(const struct feed_run *r, const char *name, struct span published, const char *actual);

#endif
