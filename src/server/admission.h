/*
 * admission - the gate as a validating admission webhook: POST /admission over TLS, an AdmissionReview in, one out.
 *
 * May use network/, gate/ and what stands below. A request costs reading its object, look-ups in a snapshot in memory,
 * and writing the answer; no lock, no disk, no database, no other request. Whoever loads snapshots exchanges them here while requests are
 * under way; the contract with him is gate/admission.h.
 *
 *   API server ──► http_server ──► review_read ──► review_judge(snapshot) ──► answer
 *                                                        ▲          └─► queue ──► admission_take(): ledger, log
 *                             admission_snapshot_set() ──┘
 *
 *   POST /admission   reviews; a client certificate is wanted when authorities for clients are set
 *   GET  /healthz     200 as long as the process serves
 *   GET  /readyz      200 once there is a snapshot, until a stop begins; 503 before and after
 *   GET  /metrics     Prometheus' text format 0.0.4
 */
#ifndef REFORGE_SERVER_ADMISSION_H
#define REFORGE_SERVER_ADMISSION_H

#include "gate/admission.h"

#define ADMISSION_QUEUE 1024 /* decisions that wait to be recorded; more are dropped and counted */

/* Serves when it returns 0; everything that is to be judged is denied until the first snapshot. Errors of
 * http_server_new(). */
RF_MUST_CHECK int admission_new(const struct admission_settings *settings, struct admission **ret, struct err *err);
/* Begins a stop: /readyz says so, while everything else goes on; load balancers look away. */
void admission_unready(struct admission *a);
/* Ends what runs (http_server_free()) and frees the snapshot. NULL is fine. */
void admission_free(struct admission *a);

/* Takes the ready @s over. Requests that began before end with the old one; it is freed when the last has, here. One
 * thread at a time. */
void admission_snapshot_set(struct admission *a, struct gate_snapshot *s);
/* A load that failed: counted, told by /metrics. */
void admission_load_failed(struct admission *a);
uint16_t admission_port(const struct admission *a);
void admission_reload_certificate(struct admission *a);
/* The next decision to record; false when none waits. One thread at a time. */
bool admission_take(struct admission *a, struct admission_record *ret);
/* How many did not fit into the queue, since the start. */
uint64_t admission_dropped(const struct admission *a);

#endif
