/*
 * scan_member_int - shared by the files that walk containers (scan_member*.c, scan_inside.c) and the scan of files;
 * nobody else includes it.
 */
#ifndef REFORGE_INVENTORY_SCAN_MEMBER_INT_H
#define REFORGE_INVENTORY_SCAN_MEMBER_INT_H

#include "inventory/scan_int.h"
#include "inventory/scan_member.h"

#include <pthread.h>

/* ── The walk: one outermost container with everything inside ───────────────────────────────────────────────────── */

struct scan_walk {
	const struct scan_container *outermost;
	const struct scan_options *o;
	int (*report)(const struct scan_file *, void *);
	void *data;
	int rc; /* ends everything: the report's, RF_ENOMEM, RF_ECANCELLED; set by the caller's thread and pumps */
	struct err *err;
	/* limits; any thread */
	uint64_t members, bytes, consumed;
	uint64_t files_done; /* for progress */
	mono_t progress_at;
};

bool scan_walk_stopped(struct scan_walk *w); /* w->rc is set, or the program is to end: sets it */
int scan_walk_fail(struct scan_walk *w, int rc, const char *what);

/* ── One level: a container and its ring ─────────────────────────────────────────────────────────────────────────── */

enum scan_event_kind { SCAN_BEGIN, SCAN_BYTES, SCAN_END, SCAN_CUT, SCAN_UNREAD, SCAN_OVER };
#define SCAN_RING_PIECE_BYTES (64 * KIB)
#define SCAN_RING_PIECES 64
/* A small file is three events. Whoever waits for some is woken for that many, and the reader for half a ring: a switch
 * between threads costs more than a small file. */
#define SCAN_RING_WAKE 16
struct scan_event {
	enum scan_event_kind kind;
	enum scan_unread why;
	size_t n;      /* of bytes[]: content, or the name with what follows it */
	size_t name_n; /* SCAN_UNREAD: the name's part of it */
	uint64_t size; /* SCAN_BEGIN */
	unsigned char *bytes;
};

struct scan_members {
	struct scan_walk *walk;
	const struct scan_container *c;
	unsigned depth; /* 1: outermost */
	struct scan_inside *inside;
	/* the ring */
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct scan_event ring[SCAN_RING_PIECES];
	size_t first, count;
	bool deaf; /* nobody takes events any more */
	/* the reader's side */
	bool open;    /* between begin and end */
	bool ignored; /* the open member's name is too long */
	int read_rc;
	struct err read_err;
	const char *rule;
	/* the taker's side, kept from member to member */
	char *head;
	size_t head_room;
	struct str path;
	struct arena arena;
	struct digest_stream *stream;
};

/* The next event; blocks. Lives until scan_event_pop(). SCAN_OVER stays. */
const struct scan_event *scan_event_front(struct scan_members *m);
void scan_event_pop(struct scan_members *m);

/* Walks a container inside of a walk. */
RF_MUST_CHECK int scan_level(struct scan_walk *w, const struct scan_container *c, unsigned depth,
			     struct scan_inside *ret);

/* The member whose SCAN_BEGIN is at the front: takes its events, reports it and what is inside. 0, or walk->rc. */
RF_MUST_CHECK int scan_member_take(struct scan_members *m);
/* The same for a SCAN_UNREAD. */
RF_MUST_CHECK int scan_member_take_unread(struct scan_members *m);

/* ── What can lie inside ────────────────────────────────────────────────────────────────────────────────────────── */

/* A container's own bytes. */
struct scan_inside_input {
	const struct artifact_source *src; /* may go forward only */
	int fd;                            /* a file of its own; -1 */
	bool in_memory;                    /* src->head is all of it */
	const char *name;                  /* last part of its path */
};
struct scan_inside_row {
	const char *kind; /* ARTIFACT_* */
	bool always; /* it has no other purpose than to hold */
	/* Is there anything inside? Asked of what can be read more than once. NULL: always. */
	bool (*worth)(const struct scan_inside_input *in);
	/* As scan_container.read, @data a struct scan_inside_input. */
	int (*read)(struct scan_members *m, void *data, struct err *err);
	/* Fills ret->beside alone, by headers, of a file that was looked into before. NULL: there is never any. */
	void (*beside)(const struct scan_inside_input *in, struct scan_inside *ret);
};
void scan_inside_beside_add(struct scan_inside *i, struct span name);
/* NULL: nothing is ever inside of such a file. */
const struct scan_inside_row *scan_inside_row_of(const struct artifact_facts *facts);

/* Raises a finding with its note on facts that are read already. RF_ENOMEM. */
RF_MUST_CHECK int scan_object(struct artifact_facts *facts, struct arena *a, enum artifact_finding f, const char *cause,
			      const char *rule, const char *format, ...) RF_PRINTF(6, 7);
RF_MUST_CHECK int scan_note(struct artifact_facts *facts, struct arena *a, const char *format, ...) RF_PRINTF(3, 4);

#endif
