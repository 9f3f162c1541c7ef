/*
 * options - a recipe's build args for the trtexec of one major version.
 *
 * Pure. A recipe keeps its args over years; trtexec does not: what only changed its name is translated, what became
 * meaningless is dropped with a word in the log, what is gone is refused with what takes its place.
 * Source: NVIDIA, "Migrating trtexec usage from TensorRT 8.x to 10.x" and "from 10.x to 11.x".
 */
#ifndef REFORGE_TRT_OPTIONS_H
#define REFORGE_TRT_OPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define OPTIONS_MAX 128

struct trtexec_version {
	unsigned major, minor, patch, build;    /* build 0: not printed (8.x, early 10.x) */
};
/* From the banner, "&&&& RUNNING TensorRT.trtexec [TensorRT v101600] [b72] # …": 8601 is 8.6.1, 101602 is 10.16.2. False when
 * there is none. */
bool trtexec_version_read(struct span output, struct trtexec_version *ret);
/* "10.16.0.72", "8.6.1"; @buffer of 32 bytes. Returns @buffer. */
const char *trtexec_version_text(const struct trtexec_version *v, char buffer[32]);
/* 8, 10 and 11 have rows here (9 was only for large language models); others cannot be built with. */
bool trtexec_version_is_served(const struct trtexec_version *v);

/*
 * Fills @ret with the options for trtexec, NULL-ended: --onnx, --saveEngine, building only, then the recipe's.
 * @ret_log gets a line for each arg that was translated or dropped.
 * RF_EUNSUPPORTED: an arg that this version no longer has ("transform needed: …", "code change: …"); RF_EINVALID: an arg that
 * is not an option, or names what the driver decides (model, engine, exports); RF_ETOOMANY; RF_ENOMEM. Field: args[i].
 */
RF_MUST_CHECK int options_make(const struct trtexec_version *version, const char *source, const char *engine,
			       const struct span *args, size_t arg_count, struct arena *a, const char *ret[OPTIONS_MAX + 1],
			       struct str *ret_log, struct err *err);

#endif
