/*
 * run - a session: one engine kept open, inputs from .npy files, latencies, outputs to .npy files.
 */
#ifndef REFORGE_ORT_RUN_H
#define REFORGE_ORT_RUN_H

#include "engine.h"

#define RUN_MAX_ITERATIONS 100000
/* Inputs kept between iterate messages, so that interleaved single iterations do not read files. */
#define RUN_MAX_CACHED 256
#define RUN_MAX_CACHED_BYTES (256 * MIB)
#define RUN_MAX_INPUT_BYTES (1 * GIB)

struct run_input;
struct run {
	const struct ort *ort;
	bool open;
	struct engine engine;
	struct run_input *cache[RUN_MAX_CACHED];
	size_t cached;
	uint64_t cached_bytes;
};

/* The operations run-open, run, run-close of docs/toolchain-driver.md. RF_ESTATE: opened twice, or not open. */
RF_MUST_CHECK int run_open(struct run *r, const struct ort *ort, struct json request, struct json_out *reply, struct err *err);
RF_MUST_CHECK int run_iterate(struct run *r, struct json request, struct json_out *reply, struct err *err);
RF_MUST_CHECK int run_close(struct run *r, struct err *err);
void run_release(struct run *r);

#endif
