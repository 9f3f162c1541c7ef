/* prove_int - what the files of prove_engine() share; nobody outside this room includes it. */
#ifndef REFORGE_PROVE_PROVE_INT_H
#define REFORGE_PROVE_PROVE_INT_H

#include "base/fs.h"
#include "prove/prove.h"

/* ── golden.c ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct golden_case {
	const char *name;
	const char *const *paths;            /* one .npy per input */
	const char *const *expected;         /* one per stored output; NULL: none stored for this case */
};
struct golden {
	const char *folder;
	struct prove_inputs names;
	const struct golden_case *cases;
	size_t cases_n;
	bool all_stored;                     /* every case has stored outputs */
	struct digest digest;
};
/* Lists, checks and digests a folder of golden inputs. Everything in @a. */
RF_MUST_CHECK int golden_open(struct arena *a, const char *folder, struct golden *ret, struct err *err);

/* ── run.c: one engine in its driver ────────────────────────────────────────────────────────────────────────────── */

struct runner {
	const struct prove_job *job;
	const struct prove_side *side;
	const struct golden *golden;
	const char *label;                   /* "old", "new" */
	char folder[FS_PATH_MAX];            /* of its outputs */
	struct toolchain_session *session;   /* NULL: closed */
	bool blocks;                         /* a driver without sessions: opened for each call and closed after it */
	int64_t load_usec;
	char isolation[96];
	mono_t until;
};
RF_MUST_CHECK int runner_start(struct runner *r, struct arena *a, struct err *err);
/* Runs a case @iterations times; outputs of the last are kept when @keep. */
RF_MUST_CHECK int runner_run(struct runner *r, const struct golden_case *c, unsigned warmup, unsigned iterations, bool keep,
                             struct arena *a, struct toolchain_iteration *ret, struct err *err);
void runner_stop(struct runner *r, struct arena *a);
/* An error that is the engine's or its toolchain's own, not ours: it becomes a judgement. */
bool runner_error_is_theirs(int code);

/* ── answers.c: all cases through both engines, judged as they come ─────────────────────────────────────────────── */

/* Fills numeric, reason, outputs, outputs_n, cases, baseline_stored. @old_runner NULL: only what is stored, @old_missing says
 * why. */
RF_MUST_CHECK int answers_judge(const struct prove_job *job, const struct golden *g, struct runner *old_runner, const char *old_missing,
                                struct runner *new_runner, struct arena *a, struct prove_result *result, struct err *err);

/* ── latency.c ──────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Measures until it is judged; fills performance, timing, the latencies, performance_text. */
RF_MUST_CHECK int latency_judge(const struct prove_job *job, const struct golden *g, struct runner *old_runner, struct runner *new_runner,
                                struct arena *a, struct prove_result *result, struct err *err);
/* The line of @timing; in @a, NULL when out of memory. */
const char *latency_text(struct arena *a, const struct performance_result *timing);

/* ── proof.c ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct proof_side { const char *toolchain, *version, *engine, *library, *isolation; int64_t load_usec; };
/* Canonical JSON of the result into @ret. */
RF_MUST_CHECK int proof_write(const struct prove_job *job, const struct golden *g, const struct runner *old_runner,
                              const struct runner *new_runner, const struct prove_result *result, struct str *ret, struct err *err);

static inline void prove_tell(const struct prove_job *job, const char *step, uint64_t done, uint64_t total)
{
	if (job->progress)
		job->progress(&(struct prove_progress){ step, done, total }, job->data);
}

#endif
