/*
 * recipe - the versioned instructions that rebuild one engine: recipes/NAME.yaml (design 6.3).
 *
 * Pure. May use base/, format/, crypto/. A recipe is checked against the table of options that
 * docs/schema/recipe.schema.json is made from; whoever holds a struct recipe never sees YAML. It never changes after
 * recipe_read().
 *
 * Two digests. The build digest covers what decides the engine's bytes: source, toolchain, targets, transform, build.
 * The proof digest covers what decides the judgement: prove. Owner, comments, order of keys and layout are in neither;
 * a value that is left out counts as its default, so that writing the default down changes nothing.
 */
#ifndef REFORGE_WORKSPACE_RECIPE_H
#define REFORGE_WORKSPACE_RECIPE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A recipe is about a kilobyte; the widest model met has 230 outputs. */
#define RECIPE_MAX_BYTES (1 * MIB)
#define RECIPE_NAME_MAX 128

#define RECIPE_DEFAULT_TIMEOUT_USEC (30 * (int64_t)60 * 1000000)
#define RECIPE_DEFAULT_MEMORY_BYTES ((uint64_t)4 << 30)
#define RECIPE_DEFAULT_SAMPLES_MIN 500
#define RECIPE_DEFAULT_SAMPLES_MAX 5000

/* Someone who answers for a thing. */
struct owner {
	const char *name;    /* never NULL or empty */
	const char *contact; /* channel, mail, pager: as written; never NULL or empty */
	const char *deputy;  /* who answers when the first does not; "" when none is named */
};

/* A file or folder with the digest it must have. */
struct recipe_source {
	const char *path;   /* as written: relative to the workspace, or absolute */
	const char *sha256; /* 64 lower-case hex digits; of a folder: see recipe_step.calibration */
};

/* A step before the build, in a sandbox of its own. */
struct recipe_step {
	const char *run; /* name of the step: "quantize-static" */
	const char *const *args;
	size_t args_n;
	struct recipe_source calibration; /* path NULL: none. sha256 may be NULL: not pinned. */
	uint32_t calibration_samples;     /* 0: all */
};

/* How near an output must stay. NAN: not asked. At least one thing is asked. */
struct recipe_output {
	const char *name;  /* the output's own name; "*": every output that no other entry names */
	double atol, rtol; /* |new - old| <= atol + rtol * |old|, every value; both NAN or both numbers >= 0 */
	double min_cosine; /* -1..1 */
	double top1;       /* share of equal arg-max along the last axis, 0..1 */
};

enum { RECIPE_CANNOT_TELL_ACCEPT = 0, RECIPE_CANNOT_TELL_HOLD = 1 };
/* How much worse the new engine may be, as a share of the old: 0.05 is five percent. NAN: not asked. */
struct recipe_performance {
	bool given;                        /* false: performance is measured and reported, never judged */
	double p50, p99;                   /* most growth of latency */
	double throughput;                 /* most loss */
	uint32_t samples_min, samples_max; /* pairs of runs, 1 <= min <= max */
	int cannot_tell; /* what noise that hides the answer does: RECIPE_CANNOT_TELL_*; prove/judgement.h argues the
			    default */
};

struct recipe_metric {
	const char *name;
	double min;
};

struct recipe {
	const char *model; /* the recipe's name and its file's, RECIPE_NAME_MAX bytes of [A-Za-z0-9._-] */
	struct owner owner;
	struct recipe_source source;
	const char *toolchain;      /* onnxruntime, tensorrt, command */
	const char *const *targets; /* "linux-x86_64/cpu-avx512"; at least one, sorted, no duplicates */
	size_t targets_n;
	const struct recipe_step *transform;
	size_t transform_n;
	const char *const *build_args; /* to the toolchain, in order */
	size_t build_args_n;
	int64_t build_timeout_usec;
	uint64_t build_memory_bytes;
	const char *inputs;                  /* folder of golden inputs, as written */
	const struct recipe_output *outputs; /* at least one */
	size_t outputs_n;
	struct recipe_performance performance;
	const char *external_run; /* task-level judgement; NULL: none */
	const struct recipe_metric *external_min;
	size_t external_min_n;
	char build_digest[65]; /* SHA-256 in lower-case hex */
	char proof_digest[65];
	const char *file; /* where it was read from, for messages */
};

/*
 * Reads one recipe.
 *
 * @a     holds the result; nothing of @yaml is borrowed
 * @name  what `model` must say; NULL: whatever it says
 * @file  for messages and recipe.file
 *
 * RF_EFORMAT with file, line, key path and the accepted values: YAML that is none, an unknown key (with the nearest
 * known one), a wrong type, a value outside its range, a missing owner. RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM.
 */
RF_MUST_CHECK int recipe_read(struct arena *a, struct span yaml, const char *file, const char *name,
			      const struct recipe **ret, struct err *err);

/* What is asked of the output @name: its own entry, else "*", else NULL. */
const struct recipe_output *recipe_output(const struct recipe *r, struct span name);
bool recipe_has_target(const struct recipe *r, const char *target);

/* The canonical JSON that each digest is taken over; for `recipe show`, `recipe diff` and provenance. Appends. */
void recipe_build_json(const struct recipe *r, struct str *to);
void recipe_proof_json(const struct recipe *r, struct str *to);

/* 1..RECIPE_NAME_MAX bytes of [A-Za-z0-9._-], not beginning with '.' or '-': safe as a file name, a URL part, a purl
 * part. */
bool recipe_name_is_valid(struct span name);

#endif
