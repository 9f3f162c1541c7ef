/*
 * scan_image_pipe - bytes from one thread to the next, in order, through a ring of pieces.
 *
 * May use base/ only. One writer, one reader; memory is SCAN_PIPE_PIECES pieces of SCAN_PIPE_PIECE_BYTES, touched
 * when bytes come. A pipe carries one stream after the other: the writer ends each with how it went.
 *
 *   writer   scan_pipe_add()... scan_pipe_end(rc)         scan_pipe_room() gives the piece itself to read a file into
 *   reader   scan_pipe_next() ... 0 at the end            scan_pipe_close() when it wants no more
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_PIPE_H
#define REFORGE_INVENTORY_SCAN_IMAGE_PIPE_H

#include "base/err.h"
#include "base/span.h"

#include <pthread.h>

#define SCAN_PIPE_PIECES 16
#define SCAN_PIPE_PIECE_BYTES (512 * KIB)
/* A reader that waits is woken for that many, or for the end; a writer for half of them: on a busy machine each waking costs
 * a turn of somebody else's. */
#define SCAN_PIPE_WAKE 4

struct scan_pipe {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned char *pieces[SCAN_PIPE_PIECES];
	size_t filled[SCAN_PIPE_PIECES];
	uint64_t written, read; /* pieces so far; the one at hand is not among `read` */
	size_t open_bytes;      /* in the writer's piece, not handed over yet */
	bool at_hand;           /* the reader has one */
	bool ended, closed;
	int rc;
	struct err err; /* the writer's, with rc */
};

/* RF_ENOMEM. */
RF_MUST_CHECK int scan_pipe_init(struct scan_pipe *p, struct err *err);
void scan_pipe_release(struct scan_pipe *p);
/* For the next stream; neither side may be at work. */
void scan_pipe_reset(struct scan_pipe *p);

/* Each waits for room. RF_ECANCELLED once the reader closed. */
RF_MUST_CHECK int scan_pipe_add(struct scan_pipe *p, struct span bytes);
/* A whole piece to write into; scan_pipe_wrote() hands it over. Not mixed with scan_pipe_add() in one stream. */
RF_MUST_CHECK int scan_pipe_room(struct scan_pipe *p, unsigned char **ret);
void scan_pipe_wrote(struct scan_pipe *p, size_t n);
/* @rc 0: whole. @err may be NULL; copied. */
void scan_pipe_end(struct scan_pipe *p, int rc, const struct err *err);

/* 1 with the next piece, which lives until the next call; 0 at the end of a whole stream; what the writer ended with. */
RF_MUST_CHECK int scan_pipe_next(struct scan_pipe *p, struct span *ret, struct err *err);
void scan_pipe_close(struct scan_pipe *p);

#endif
