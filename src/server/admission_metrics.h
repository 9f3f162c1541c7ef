/* admission_metrics - what the server counts, and its text for Prometheus. Private to the admission server. */
#ifndef REFORGE_SERVER_ADMISSION_METRICS_H
#define REFORGE_SERVER_ADMISSION_METRICS_H

#include "gate/review.h"
#include "network/http_server.h"

#include <stdatomic.h>

#define METRICS_BUCKETS 10
/* Upper ends of the buckets of review times; one more is without end. */
extern const int64_t metrics_bucket_usec[METRICS_BUCKETS];

struct metrics {
	_Atomic uint64_t decisions[3]; /* enum gate_decision, of what was judged */
	_Atomic uint64_t would_deny;   /* allowed by mode audit alone, or because it ran already */
	_Atomic uint64_t passed;       /* not to be judged */
	_Atomic uint64_t malformed;    /* answered with 400 or 415 */
	_Atomic uint64_t failed;       /* answered with 500 */
	_Atomic uint64_t buckets[METRICS_BUCKETS + 1];
	_Atomic uint64_t usec;
	_Atomic uint64_t loads, load_failures;
	_Atomic int64_t loaded_at; /* of the snapshot in force; 0: none */
};

void metrics_review(struct metrics *m, const struct review *r, const struct review_verdict *v, int64_t usec);
/* @snapshot may be NULL. */
void metrics_write(struct metrics *m, const struct http_server_counts *http, const struct gate_snapshot *snapshot,
		   uint64_t dropped, usec_t now, struct str *to);

#endif
