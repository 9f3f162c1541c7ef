/*
 * fix_path - which version of a toolchain cures, and what going there asks of a recipe.
 *
 * Pure. May use base, version.
 *
 * The version: the smallest one at hand, not below the engine's own builder, that no given advisory affects. A version
 * whose answer is UNSURE does not cure (law 2). Where none is at hand, the smallest stated fix that clears all of them is
 * named, with `at_hand` false: CVE-2026-24188 alone needs TensorRT 10.16.1, with CVE-2026-24268 beside it 11.0.
 *
 * The mark: what the recipe needs on the way (reference: tensorrt-lifecycle.md, NVIDIA's migration pages).
 */
#ifndef REFORGE_BUILD_FIX_PATH_H
#define REFORGE_BUILD_FIX_PATH_H

#include "base/arena.h"
#include "base/err.h"
#include "build/kind.h"

struct range;

#define FIX_PATH_MAX_ADVISORIES 256
#define FIX_PATH_MAX_VERSIONS 256

struct fix_advisory {
	const char *id;
	const struct range *affected;        /* of this product */
	const struct span *fixed;            /* versions stated as fixed, may be empty */
	size_t fixed_count;
};

enum fix_mark {
	FIX_AS_IS = 0,            /* rebuild with the same recipe */
	FIX_TRANSFORM_NEEDED,     /* what was a build option is a change of the model now: precision, calibration */
	FIX_PLUGIN_REBUILD,       /* plugins must be compiled against the new version */
	FIX_CODE_CHANGE,          /* inputs or interfaces that are gone: UFF, Caffe, implicit batch */
	FIX_NO_PATH,              /* no version with the fix exists for the target */
};
const char *fix_mark_name(enum fix_mark m);      /* "as-is", "transform needed", "plugin rebuild", "code change",
                                                  * "no path on this platform" */

struct fix_version {
	const char *from;         /* the engine's builder */
	const char *to;           /* NULL: neither at hand nor stated */
	bool at_hand;
	bool major_jump;          /* first part differs (ONNX Runtime stays 1.x: its minor is compatible by promise) */
	const char *needed;       /* the smallest stated fix that clears all advisories; NULL when none was stated */
	const char *why;          /* one line for people: "1.21.1 is the smallest at hand that DRILL-… does not affect;
	                           * passed over 1.20.1 (affected by DRILL-…)" */
};
/* @at_hand in any order, at most FIX_PATH_MAX_VERSIONS. @kind gives the scheme. Strings in @a.
 * RF_EINVALID: a version its scheme does not accept; RF_ETOOMANY; RF_ENOMEM. No cure is an answer (to NULL). */
RF_MUST_CHECK int fix_path_version(const struct toolchain_kind *kind, struct span from, const struct span *at_hand,
                                   size_t at_hand_count, const struct fix_advisory *advisories, size_t advisory_count,
                                   struct arena *a, struct fix_version *ret, struct err *err);

struct fix_recipe {                          /* the part of a recipe that decides */
	const char *const *args;
	size_t arg_count;
	struct span target;                  /* "linux-x86_64/sm_86" */
};
#define FIX_MAX_REASONS 16
struct fix_judgement {
	enum fix_mark mark;                  /* the hardest of the reasons */
	const char *reasons[FIX_MAX_REASONS];   /* in words, most serious first, each naming the arg or target */
	size_t reason_count;                 /* 0 only for FIX_AS_IS */
};
/* From @from to @to of @kind. RF_EINVALID for versions without a major part, RF_ENOMEM. */
RF_MUST_CHECK int fix_path_judge(const struct toolchain_kind *kind, struct span from, struct span to,
                                 const struct fix_recipe *recipe, struct arena *a, struct fix_judgement *ret, struct err *err);

#endif
