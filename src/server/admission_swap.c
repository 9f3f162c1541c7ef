/* admission_swap - see the header. */
#include "server/admission_swap.h"

void swap_init(struct swap *s)
{
	memset(s, 0, sizeof *s);
	atomic_init(&s->turn, 1);
}

struct swap_slot *swap_join(struct swap *s)
{
	for (size_t i = 0; i < SWAP_SLOTS; i++) {
		bool is_free = false;
		if (atomic_compare_exchange_strong(&s->slots[i].taken, &is_free, true))
			return &s->slots[i];
	}
	return NULL;
}

void swap_leave(struct swap_slot *slot)
{
	if (slot)
		atomic_store(&slot->taken, false);
}

/* Sequentially consistent on both sides: either the writer sees that we read, or we see what it has put there. */
const struct gate_snapshot *swap_begin(struct swap *s, struct swap_slot *slot)
{
	atomic_store(&slot->reading, atomic_load(&s->turn));
	return atomic_load(&s->current);
}

/* What began in one turn ends before the next one's snapshot is freed, and its address is given out again only then. */
uint64_t swap_turn(const struct swap_slot *slot)
{
	return atomic_load_explicit(&slot->reading, memory_order_relaxed);
}

void swap_end(struct swap_slot *slot)
{
	atomic_store_explicit(&slot->reading, 0, memory_order_release);
}

void swap_set(struct swap *s, struct gate_snapshot *fresh)
{
	struct gate_snapshot *old = atomic_exchange(&s->current, fresh);
	uint64_t turn = atomic_fetch_add(&s->turn, 1) + 1;
	for (size_t i = 0; i < SWAP_SLOTS; i++) {
		uint64_t reading;
		while ((reading = atomic_load(&s->slots[i].reading)) != 0 && reading < turn)
			(void)nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	gate_snapshot_free(old);
}
