/*
 * random - names and seeds. Keys are crypto/'s.
 */
#ifndef REFORGE_BASE_RANDOM_H
#define REFORGE_BASE_RANDOM_H

#include "base/err.h"

/* @n bytes (at most 256) from the kernel. RF_EIO. */
RF_MUST_CHECK int random_bytes(void *bytes, size_t n, struct err *err);

/* A reproducible stream (SplitMix64) for tests, bootstrap intervals and jitter; never for secrets. */
struct random_stream { uint64_t state; };
uint64_t random_next(struct random_stream *r);
uint64_t random_below(struct random_stream *r, uint64_t bound);   /* 0..bound-1, unbiased; bound > 0 */
double random_unit(struct random_stream *r);                      /* [0, 1) */

#endif
