/*
 * store_packed - import of archives and compressed files: "all.zip" of an ecosystem, "epss_scores.csv.gz". Private.
 */
#ifndef REFORGE_ADVISORY_STORE_PACKED_H
#define REFORGE_ADVISORY_STORE_PACKED_H

#include "advisory/packed.h"
#include "advisory/store.h"

/* Every document in the archive, written in batches; adds to @result what came of them (files: members). Members that
 * are refused are told and counted as a folder's are; *ret_problems: how many. RF_EFORMAT, RF_ETOOBIG, ... of the
 * archive itself: what came before stays. A single compressed file that is refused is the error returned. */
RF_MUST_CHECK int store_packed_import(struct database *db, const struct advisory_import *options, const char *path,
				      struct advisory_import_result *result, int64_t *ret_problems, struct err *err);

#endif
