/*
 * lane - what a rebuild of an engine needs, and whether it is there (design section 1: lane 应急通道).
 *
 * May use base, format, crypto, workspace, toolchain.h, quarantine.h. Reads files; no database, starts nothing: what a probe found is
 * handed in (so 2,000 lanes cost one probe for each version). An item that could not be looked at is closed with the reason: no data is no pass (law 2).
 */
#ifndef REFORGE_BUILD_LANE_H
#define REFORGE_BUILD_LANE_H

#include "base/arena.h"
#include "base/err.h"
#include "build/toolchain.h"
#include "workspace/recipe.h"

enum lane_part {
	LANE_RECIPE = 0,     /* there is one, frozen in a form this program reads */
	LANE_OWNER,          /* name, contact */
	LANE_TOOLCHAIN,      /* version in the cache, right digest, its driver there */
	LANE_SOURCE,         /* source model, right digest, passed inspection */
	LANE_CALIBRATION,    /* calibration set of a transform, right digest; absent item when the recipe has none */
	LANE_GOLDEN,         /* at least one golden input */
	LANE_TARGET,         /* this machine serves the target */
	LANE_PATH,           /* the recipe goes the fix path as it is */
	LANE_PART_COUNT,
};
const char *lane_part_name(enum lane_part part);   /* "recipe", "owner", "toolchain", ... */

struct lane_item {
	enum lane_part part;
	bool ok;
	const char *reason;      /* in words; for ok items what was found: "1.21.1, sha256 ab12…" */
	const char *owner;       /* who opens a closed item; "" only when nobody is known */
};
struct lane {
	const char *model, *target, *version;
	struct lane_item items[LANE_PART_COUNT];
	size_t item_count;
	bool open;               /* all items ok */
};

struct lane_question {
	const char *model;                   /* recipe name wanted */
	const struct recipe *recipe;         /* NULL: there is none: only that item, closed, is answered */
	const char *target;
	const char *version;                 /* the fix path's; NULL: no version cures */
	const char *workspace;               /* absolute; relative paths of the recipe start here */
	/* The toolchain in that version: loaded, or NULL with the words of toolchain_load()'s error (may be NULL: "not in
	 * reforge.yaml"). */
	const struct toolchain *toolchain;
	const char *toolchain_error;
	/* Of that toolchain on this machine, or of its driver alone when the version is not at hand; NULL: not probed, closed. */
	const struct toolchain_probe *probe;
	const char *fix_mark;                /* fix_mark_name() when it is not as-is; NULL: as it is */
	const char *fix_reason;
	const char *toolchain_owner;         /* who keeps the cache and the machines; NULL: the recipe's owner */
};
/* Strings in @a. A closed lane is an answer: errors are RF_ENOMEM only. */
RF_MUST_CHECK int lane_check(const struct lane_question *question, struct arena *a, struct lane *ret, struct err *err);
/* What a calibration set's sha256 means: of a file its digest; of a folder the Merkle root (RFC 6962) over its files in byte
 * order of their paths, each leaf the SHA-256 of relative path, NUL, and the 32 bytes of the file's SHA-256. */
RF_MUST_CHECK int lane_set_digest(const char *path, struct digest *ret, size_t *ret_files, struct err *err);
/* "toolchain: tensorrt 11.0.0 is not in reforge.yaml; target: …" of the closed items into @buffer; "open" when all are ok. */
const char *lane_text(const struct lane *lane, char *buffer, size_t size);

#endif
