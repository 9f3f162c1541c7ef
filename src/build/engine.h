/*
 * engine - one rebuild: from a recipe, a version and a target to a scanned engine file with its evidence.
 *
 * May use base, format, process, crypto, workspace, inventory and toolchain.h. Touches the task's folder only; no
 * database: response/ keeps the state and calls this.
 *
 *   recipe ──build_spec_make()──► struct build_spec ──build_engine()──► engine file + struct build_evidence
 */
#ifndef REFORGE_BUILD_ENGINE_H
#define REFORGE_BUILD_ENGINE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "build/toolchain.h"
#include "workspace/recipe.h"


/* Everything that decides the engine, nothing else: what is built of what, by what, for what. */
struct build_spec {
	const char *model;               /* the recipe's name */
	const struct toolchain_kind *kind;
	const char *version;             /* of the toolchain, to build with */
	const char *target;
	const char *source;              /* path as in the recipe, relative to the workspace */
	struct digest source_digest;
	struct digest build_digest;      /* the recipe's build digest (design 6.3) */
	const char *const *args;
	size_t arg_count;
	const char *engine_file;         /* "model.onnx" */
	int64_t timeout_usec;
	uint64_t memory_bytes;
};
/* Pure. Checks that @recipe is for @kind and has @target among its targets (RF_EINVALID), refuses transform steps that no
 * executor carries out yet (RF_EUNSUPPORTED). Borrows from @recipe; the rest in @a. */
RF_MUST_CHECK int build_spec_make(const struct recipe *recipe, const char *version, const char *target, struct arena *a,
                                  struct build_spec *ret, struct err *err);
/* Pure. The spec as one JSON object, members in fixed order: the input whose digest names a task's intent. */
RF_MUST_CHECK int build_spec_json(const struct build_spec *spec, struct str *ret, struct err *err);

/* Evidence of one build, for the task, the provenance and the report. Strings in the arena given. */
struct build_evidence {
	const char *engine_path;         /* <folder>/out/<engine_file>; published from there, then the folder goes */
	struct digest engine_digest;
	uint64_t engine_bytes;
	const char *kind;                /* what the scan says it is: "onnxruntime-optimised", "onnxruntime-ort", "tensorrt-plan" */
	const char *claimed_version;     /* read from the file by inventory/, equal to the spec's */
	const char *claimed_target;
	struct digest source_digest;
	struct digest library_digest;    /* of the toolchain that built */
	struct digest log_digest;        /* of <folder>/build.log */
	const char *log_path;
	char isolation[96];
	int64_t build_usec;              /* the toolchain's own time */
	int64_t process_usec;            /* with start and end of the process */
	uint64_t peak_memory_bytes;
	const char *driver_version;
};

struct build_job {
	const struct build_spec *spec;
	const struct toolchain *toolchain;    /* spec's version, loaded */
	const char *source_path;              /* absolute */
	const char *folder;                   /* absolute, this task's own; wiped first: a killed build leaves nothing behind */
	enum toolchain_isolation isolation;
};
/*
 * Verifies the source's digest, has the driver build into <folder>/out, writes <folder>/build.log, digests the file and
 * reads it with inventory's reader: version and target that it claims must be the spec's.
 *
 * RF_EVERIFY: source differs from the recipe's digest, or the driver's digest of the engine is not the file's; RF_ECONFLICT:
 * the file claims another version or target (the text names both); else what toolchain_build() returns. On failure the
 * engine is removed and the log stays (@ret->log_path set when there is one: zero @ret beforehand).
 */
RF_MUST_CHECK int build_engine(const struct build_job *job, struct arena *a, struct build_evidence *ret, struct err *err);
/* One JSON object, for ledger and report. */
RF_MUST_CHECK int build_evidence_json(const struct build_evidence *e, struct str *ret, struct err *err);

#endif
