/*
 * scan_forward - a stream that several read at once, each at his own place, forward only.
 *
 *   pump ──add()──► [ head, kept ] ... [ window, slides ]  ◄── readers, each in a thread
 *
 * The pump waits until every reader has read what there is, so that nobody misses a byte; a reader that is through says
 * so, and is waited for no more. Used for members too large to be held: facts are read by one, what lies inside by the
 * other. Private to the room.
 */
#ifndef REFORGE_INVENTORY_SCAN_FORWARD_H
#define REFORGE_INVENTORY_SCAN_FORWARD_H

#include "base/err.h"
#include "base/span.h"

#define SCAN_FORWARD_READERS 2

struct scan_forward;
/* @head: the stream's first bytes, which must outlive it. NULL: out of memory. */
struct scan_forward *scan_forward_new(struct span head);
void scan_forward_free(struct scan_forward *f);

/* Before its first read, and before the pump's first add: the reader is to be waited for. */
void scan_forward_join(struct scan_forward *f, unsigned reader);
void scan_forward_leave(struct scan_forward *f, unsigned reader); /* it reads no more */

/* The pump: bytes behind those given so far. Blocks until every reader that has joined waits for them. */
void scan_forward_add(struct scan_forward *f, const void *bytes, size_t n);
void scan_forward_end(struct scan_forward *f); /* nothing follows */

/* A reader: up to @n bytes from @offset, fewer only at the end; blocks until they came. RF_EIO when they have gone by:
 * neither in the head nor in the window. */
RF_MUST_CHECK int scan_forward_read(struct scan_forward *f, unsigned reader, void *buffer, size_t n, uint64_t offset,
				    size_t *ret_n);
bool scan_forward_lost(const struct scan_forward *f, unsigned reader); /* that has happened */

#endif
