/*
 * prove - runs the old engine on its old runtime and the new one on the new runtime over the same golden inputs, and
 * judges: does it answer the same (numeric.h), is it no slower (performance.h)? Leaves proof.json as evidence.
 *
 * May use base, format, process, crypto, workspace, build (toolchain.h), and its own room. No database: response records
 * the outcome. Touches only the files named here. Thread-safe for different task folders; latencies are measured by one
 * caller at a time (a lock of the process), so that proofs side by side do not disturb each other. Builds on other
 * threads still do: they show as noise, and noise does not decide.
 *
 * Golden inputs, recipe `prove.inputs` (one folder a model; any program can write it):
 *
 *   FOLDER/inputs.json            {"format": 1, "model": "alexa", "inputs": ["input"], "note": "…"}
 *                                 the model's input names in the order of the file numbers; names may be any string
 *                                 (a real model has one with quotes and braces), so they are never used as file names
 *   FOLDER/<case>/<index>.npy     one tensor per input: <case> is 1-64 bytes of [A-Za-z0-9._-], not beginning with '.';
 *                                 <index> 0, 1, … in the order of "inputs". Cases are run in byte order of their names.
 *   FOLDER/<case>/expect/<index>.npy    optional: stored outputs of the engine in service, in the order of "outputs" in
 *                                 inputs.json. They stand in for the old engine when its toolchain is not at hand.
 *
 * Shapes may differ from case to case. At most PROVE_MAX_CASES cases and PROVE_MAX_INPUTS inputs.
 *
 * The task folder gets (everything is replaced on every call, so a call killed anywhere is simply made again):
 *   outputs/{old,new}/<case>-<index>.npy    what the engines answered; kept only for the first PROVE_MAX_KEPT cases that
 *                                 broke a rule, for people to look at
 *   proof.json                    canonical JSON, written last and in one step (not fsynced: the caller keeps it with the outcome);
 *                                 its SHA-256 is the proof evidence
 */
#ifndef REFORGE_PROVE_PROVE_H
#define REFORGE_PROVE_PROVE_H

#include "base/arena.h"
#include "build/toolchain.h"
#include "crypto/digest.h"
#include "prove/numeric.h"
#include "prove/performance.h"
#include "workspace/recipe.h"

#define PROVE_MAX_CASES 4096
#define PROVE_MAX_INPUTS 64
#define PROVE_MAX_OUTPUTS 256
#define PROVE_MAX_KEPT 16
#define PROVE_FILE "proof.json"
#define PROVE_MAX_PROOF_BYTES (4 * MIB)

/* One engine and the toolchain version that loads it: the service's runtime on the old side, the release's on the new. */
struct prove_side {
	const char *engine;                  /* absolute path; NULL on the old side: none at hand, stored outputs stand in */
	struct digest engine_digest;         /* the file must have it, else RF_EVERIFY */
	const struct toolchain *toolchain;   /* loaded; NULL on the old side: not at hand */
};

struct prove_progress {
	const char *step;            /* "inputs", "answers", "latency"; static */
	uint64_t done, total;        /* of that step: cases, or samples a side; total grows when "latency" needs more */
};

struct prove_job {
	const struct recipe *recipe;
	const char *inputs;          /* absolute path of the golden folder */
	const char *task_folder;     /* absolute, exists */
	const char *target;          /* "linux-x86_64/cpu-avx512" */
	struct prove_side old_side, new_side;
	uint64_t seed;               /* of the bootstrap; recorded. Take it from the task's id: the same again is the same */
	enum toolchain_isolation isolation;   /* of both drivers; what was got is recorded */
	uint64_t memory_bytes;       /* of each driver; 0: no limit */
	unsigned threads;            /* the engines' intra-op threads; 0: 1, which is steadier to measure */
	int64_t deadline_usec;       /* for the whole call; 0: one hour */
	/* Called with true before latencies are measured, and returns when the machine is as quiet as it can be made; with false when
	 * that is over. NULL: whatever else runs, runs. */
	void (*quiet)(bool wanted, void *data);
	/* May be NULL; called on the caller's thread. "latency" is told first before anything is measured and before the process's
	 * lock is taken: waiting there for other work to end is allowed. */
	void (*progress)(const struct prove_progress *, void *data);
	void *data;
};

struct prove_output {
	const char *name;            /* the output's own name, any bytes */
	struct numeric numeric;
	enum judgement judgement;
	enum numeric_cause cause;
	const char *text;            /* which rule decided, with figure and limit */
};

#define PROVE_QUANTILES 21       /* 0, 5, 10 … 95, 100 % */
struct prove_latency {
	size_t samples;
	double mean_ns;
	uint64_t p50_ns, p99_ns;
	uint64_t quantiles_ns[PROVE_QUANTILES];
};

/* What was found. All texts and arrays live in the arena given. */
struct prove_result {
	enum judgement numeric;
	enum judgement performance;
	bool performance_asked;      /* false: measured and shown, JUDGEMENT_PASS, nothing to hold */
	bool hold;                   /* prove_holds() */
	const char *reason;          /* one line for people: what decided, or "same within tolerance …" */
	const char *performance_text;     /* one line: the three intervals, or why there are none */
	const struct prove_output *outputs;
	size_t outputs_n;
	size_t cases;
	bool baseline_stored;        /* stored outputs stood in for the old engine */
	struct performance_result timing;
	struct prove_latency old_latency, new_latency;
	const char *isolation;       /* as process_result.isolation */
	struct digest inputs_digest; /* Merkle root over inputs.json and the tensors, in order */
	struct digest proof;         /* SHA-256 of proof.json */
	const char *proof_path;
};

/*
 * Proves one engine. @a: 4 MiB hold the results of a model with many outputs. Returns 0 when it came to a result, whatever the result says: a new engine that does not load or
 * crashes on an input is numeric fail with the driver's words as the reason (inconclusive when its driver cannot run
 * engines at all); an old one at which nothing can be had is
 * inconclusive, "baseline missing". Negative when it could not be done at all: golden inputs missing or malformed
 * (RF_ENOTFOUND, RF_EFORMAT … with the file), digest wrong (RF_EVERIFY), the new toolchain missing (RF_ENOTFOUND), no
 * space (RF_EFULL), RF_ETIMEOUT, RF_ECANCELLED (thread_stop_wanted()).
 */
RF_MUST_CHECK int prove_engine(const struct prove_job *job, struct arena *a, struct prove_result *ret, struct err *err);

/* Reads a proof.json back, for reports: judgements, reason, figures, latencies. Pure. The texts live in @a. @proof (may be
 * NULL) must be the digest of @json, else RF_EVERIFY. RF_EFORMAT naming the key. */
RF_MUST_CHECK int prove_read(struct arena *a, struct span json, const struct digest *proof, struct prove_result *ret,
                             struct err *err);

/* The rules of a recipe as this room's. @output NULL: NUMERIC_DEFAULT_RULE. */
struct numeric_rule prove_numeric_rule(const struct recipe_output *output);
struct performance_rule prove_performance_rule(const struct recipe_performance *performance);

/* Reads and checks inputs.json; names in @a. Pure. RF_EFORMAT, RF_ETOOMANY. */
struct prove_inputs {
	const char *model;           /* "" when not given */
	const char *const *inputs;
	size_t inputs_n;
	const char *const *outputs;  /* names of the stored outputs; none: no baseline is stored */
	size_t outputs_n;
};
RF_MUST_CHECK int prove_inputs_read(struct arena *a, struct span json, const char *file, struct prove_inputs *ret,
                                    struct err *err);

#endif
