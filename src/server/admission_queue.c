/* admission_queue - see the header. */
#include "server/admission_queue.h"

#include "base/arena.h"

_Static_assert((ADMISSION_QUEUE & (ADMISSION_QUEUE - 1)) == 0, "positions wrap by a mask");

int queue_init(struct queue *q, struct err *err)
{
	memset(q, 0, sizeof *q);
	q->cells = rf_alloc(ADMISSION_QUEUE * sizeof *q->cells);
	for (size_t i = 0; q->cells && i < ADMISSION_QUEUE; i++)
		atomic_init(&q->cells[i].sequence, i);
	return q->cells ? 0 : err_set(err, RF_ENOMEM, "no memory for decisions");
}

void queue_release(struct queue *q)
{
	rf_free(q->cells);
	q->cells = NULL;
}

/* A cell at position p is free when its sequence is p, full when it is p + 1. */
struct queue_cell *queue_take_cell(struct queue *q)
{
	uint64_t at = atomic_load_explicit(&q->head, memory_order_relaxed);
	for (;;) {
		struct queue_cell *cell = &q->cells[at & (ADMISSION_QUEUE - 1)];
		uint64_t sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);
		if (sequence == at && atomic_compare_exchange_weak_explicit(&q->head, &at, at + 1, memory_order_relaxed,
									    memory_order_relaxed))
			return cell;
		if (sequence < at) {
			atomic_fetch_add_explicit(&q->dropped, 1, memory_order_relaxed);
			return NULL;
		}
		if (sequence != at)
			at = atomic_load_explicit(&q->head, memory_order_relaxed);
	}
}

void queue_put(struct queue_cell *cell)
{
	uint64_t at = atomic_load_explicit(&cell->sequence, memory_order_relaxed);
	atomic_store_explicit(&cell->sequence, at + 1, memory_order_release);
}

bool queue_get(struct queue *q, struct admission_record *ret)
{
	struct queue_cell *cell = &q->cells[q->tail & (ADMISSION_QUEUE - 1)];
	if (atomic_load_explicit(&cell->sequence, memory_order_acquire) != q->tail + 1)
		return false;
	*ret = cell->record;
	atomic_store_explicit(&cell->sequence, q->tail + ADMISSION_QUEUE, memory_order_release);
	q->tail++;
	return true;
}
