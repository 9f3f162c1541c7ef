/*
 * admission_queue - decisions on their way to the ledger: many writers that never wait, one reader.
 *
 * A ring of cells with a sequence number each (Vyukov's bounded queue): a writer takes a cell by one compare-and-swap,
 * fills it and hands it over by a store. Full: the record is dropped and counted, the request goes on.
 */
#ifndef REFORGE_SERVER_ADMISSION_QUEUE_H
#define REFORGE_SERVER_ADMISSION_QUEUE_H

#include "server/admission.h"

#include <stdatomic.h>

struct queue_cell {
	_Atomic uint64_t sequence;
	struct admission_record record;
};
struct queue {
	struct queue_cell *cells;           /* ADMISSION_QUEUE */
	_Alignas(64) _Atomic uint64_t head; /* where the next writer goes */
	_Alignas(64) uint64_t tail;
	_Atomic uint64_t dropped;
};

RF_MUST_CHECK int queue_init(struct queue *q, struct err *err); /* RF_ENOMEM */
void queue_release(struct queue *q);
/* A cell to fill and pass to queue_put(); NULL, counted, when the queue is full. Any thread. */
struct queue_cell *queue_take_cell(struct queue *q);
void queue_put(struct queue_cell *cell);
/* False when nothing waits. One thread. */
bool queue_get(struct queue *q, struct admission_record *ret);

#endif
