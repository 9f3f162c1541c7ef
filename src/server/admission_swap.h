/*
 * admission_swap - one snapshot for many readers, exchanged under them.
 *
 * A reader says in a slot of its own that it reads, takes the pointer, and says when it is done: two stores and a load,
 * no lock, nothing shared that is written. The writer puts the new pointer in place and waits until every slot that was
 * reading has been left once; then nobody has the old one.
 */
#ifndef REFORGE_SERVER_ADMISSION_SWAP_H
#define REFORGE_SERVER_ADMISSION_SWAP_H

#include "gate/snapshot.h"

#include <stdatomic.h>

#define SWAP_SLOTS 128 /* threads at once */

struct swap_slot {                             /* a cache line each */
	_Alignas(64) _Atomic uint64_t reading; /* the turn it began in; 0: not reading */
	atomic_bool taken;
};
struct swap {
	_Atomic(struct gate_snapshot *) current; /* NULL before the first */
	_Atomic uint64_t turn;                   /* from 1 */
	struct swap_slot slots[SWAP_SLOTS];
};

void swap_init(struct swap *s);
/* A slot for the calling thread until swap_leave(); NULL when all are taken. */
struct swap_slot *swap_join(struct swap *s);
void swap_leave(struct swap_slot *slot); /* NULL is fine */

/* What stands now; it stays until swap_end() of the same slot. NULL before the first. */
const struct gate_snapshot *swap_begin(struct swap *s, struct swap_slot *slot);
/* While it stays: a number that this snapshot shares with no other that stood, or will stand, at its address. */
uint64_t swap_turn(const struct swap_slot *slot);
void swap_end(struct swap_slot *slot);

/* Puts @fresh in place and frees what stood there once nobody reads it. One thread at a time. */
void swap_set(struct swap *s, struct gate_snapshot *fresh);

#endif
