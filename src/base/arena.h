/*
 * arena - memory for a tree of things with one lifetime: a document, a request, a job.
 *
 * Everything allocated from it lives until arena_release() or arena_reset(). Not thread-safe: one arena, one
 * thread at a time. Growth stops at the limit given at the start; then allocations return NULL (callers
 * answer RF_ENOMEM), never abort.
 */
#ifndef REFORGE_BASE_ARENA_H
#define REFORGE_BASE_ARENA_H

#include "base/span.h"

struct arena_block;
struct arena {
	struct arena_block *blocks;
	size_t used_bytes;     /* handed out, all blocks */
	size_t limit_bytes;
	bool full;             /* since the last reset something was refused for the limit, not for want of memory */
};
#define ARENA_INIT(limit) ((struct arena){ .limit_bytes = (limit) })

void *arena_alloc(struct arena *a, size_t bytes);                    /* zeroed, aligned to 16; NULL at the limit */
void *arena_array(struct arena *a, size_t count, size_t element);    /* zeroed; NULL on overflow too */
char *arena_text(struct arena *a, struct span s);                    /* a terminated copy */
struct span arena_span(struct arena *a, struct span s);              /* a copy, terminated behind its end; p NULL on failure */
char *arena_printf(struct arena *a, const char *format, ...) RF_PRINTF(2, 3);
void arena_reset(struct arena *a);                                   /* forgets all, keeps one block */
void arena_release(struct arena *a);                                 /* frees all; usable again after */

/* The only doors to the heap outside base/: never return NULL for a size of 0; NULL when memory is out. */
void *rf_alloc(size_t bytes);                                        /* zeroed */
void *rf_realloc_array(void *p, size_t count, size_t element);       /* new part not zeroed; NULL on overflow */
char *rf_text(const char *s);
char *rf_text_span(struct span s);
void rf_free(void *p);                                               /* NULL is fine */
void rf_freep(void *pp);                                             /* for __attribute__((cleanup)) on pointers */
#define RF_AUTO_FREE __attribute__((cleanup(rf_freep)))

/* Test hook: the Nth allocation from now fails (heap and arena alike), 0 switches it off. */
void rf_alloc_fail_after(long n);

#endif
