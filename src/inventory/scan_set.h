/*
 * scan_set - files that are one thing together: seen one by one as reports pass, reported as one artifact behind them.
 *
 *   TensorRT-LLM folder    config.json and rankN.engine               kind tensorrt-llm-engine  at the folder's path
 *   plans and libraries    in one folder: plugins, a lean runtime     kind engine-set           at the folder's path
 *   EPContext and engines  embed_mode 0: the model names its engines  kind engine-set           at the model's path!set
 *
 * A set's digest is the Merkle root over its files' digests by name; each file keeps its own report. Private to the
 * room.
 */
#ifndef REFORGE_INVENTORY_SCAN_SET_H
#define REFORGE_INVENTORY_SCAN_SET_H

#include "base/hash.h"
#include "inventory/scan_member.h"

/* Of one root, one outermost container, or an image's file system. 100,000 engines beside each other need some 20 MiB;
 * what is beyond makes no sets. */
#define SCAN_SET_BYTES (32 * MIB)
#define SCAN_SET_MAX_PARTS 256 /* a folder with more engines and libraries is a store, not a thing */
#define SCAN_SET_MARK "!set"

struct scan_sets {
	struct arena arena;
	struct map folders, parts; /* by path */
	struct set_folder *first, **end;
	struct set_model *models;
};
void scan_sets_init(struct scan_sets *s);
void scan_sets_release(struct scan_sets *s);
/* Remembers what may be a part of a set. RF_ENOMEM. */
RF_MUST_CHECK int scan_sets_add(struct scan_sets *s, const struct scan_file *f);
/* Reports the sets that are complete, and forgets everything. @totals: their findings are added. 0, RF_ENOMEM, or
 * what @report returned. */
RF_MUST_CHECK int scan_sets_report(struct scan_sets *s, const char *root, const struct scan_container *container,
				   int (*report)(const struct scan_file *, void *), void *data,
				   struct scan_totals *totals);

#endif
