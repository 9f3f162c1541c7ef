/*
 * scan_int - one open file: facts and digest. Shared by scan_files.c (many) and scan_one.c; nobody else includes it.
 */
#ifndef REFORGE_INVENTORY_SCAN_INT_H
#define REFORGE_INVENTORY_SCAN_INT_H

#include "inventory/scan.h"

#include <sys/stat.h>

#define SCAN_PIECE_BYTES (1 * MIB)
/* Facts of one file: a few KiB, of a package database some MiB; notes, evidence and components have their own limits. */
#define SCAN_ARENA_BYTES (32 * MIB)

struct scan_inside_row;

/* Buffers and a digest, lent to a worker for one file. */
struct scan_hasher {
	unsigned char *pieces[2];
	struct digest_stream *stream;
};
RF_MUST_CHECK int scan_hasher_open(struct scan_hasher *h, struct err *err);
void scan_hasher_release(struct scan_hasher *h);

/* One file on its way: opened by the walk, read by a worker, reported. */
struct scan_slot {
	char path[4096];
	size_t name_at; /* of the last part, in path */
	int fd;         /* -1: not opened, facts are made already */
	bool want_digest;
	bool through_link;
	struct scan_known known;
	struct scan_file file;
	struct artifact_facts facts;
	struct arena arena;
	const struct image_map *images; /* as in struct scan_options */
	/* What may lie inside of such a file; NULL: nobody looks there. */
	const struct scan_inside_row *(*inside_of)(const struct artifact_facts *facts);
	const struct scan_inside_row *inside; /* fd is open still: what lies inside is to be read. NULL: nothing */
	bool images_apart;        /* an archive that is an image is not looked into */
	const char *image_form;   /* an image was found: "oci:", static; NULL */
	size_t image_length;      /* of its path, in path */
	bool digest_beside; /* large: the digest is taken beside the reading of what lies inside */
	struct str members;                   /* what scan_file.members is made of */
	char head[ARTIFACT_HEAD_BYTES];
	int rc; /* failure that is not the file's: ends the scan */
	struct err err;
};

/* Called after each piece with its bytes; true: stop (RF_ECANCELLED). */
typedef bool scan_tick(size_t bytes, void *data);

/* A slot for @path (at most 4,095 bytes), whose last part begins at @name_at: nothing is opened, nothing looked for. */
void scan_slot_begin(struct scan_slot *s, const char *path, size_t name_at);
/* Reads facts, and the digest when wanted (@hasher then not NULL), of slot->fd; closes it unless slot->inside is set. What
 * is wrong with the file becomes a fact. */
void scan_slot_read(struct scan_slot *s, unsigned flags, struct scan_hasher *hasher, scan_tick *tick, void *tick_data);
/* The facts of a Dockerfile, when slot->fd is one and slot->images are known; else those that are there stay. @head_n: how
 * many bytes of it are in slot->head. RF_EIO, RF_ENOMEM. */
RF_MUST_CHECK int scan_slot_dockerfile(struct scan_slot *s, size_t head_n, struct err *err);
/* The digest of slot->fd alone, when slot->digest_beside. Uses the slot's arena. */
void scan_slot_digest(struct scan_slot *s, struct scan_hasher *hasher, scan_tick *tick, void *tick_data);
/* Another identity than at open, or @hashed bytes instead of as many as it has, is a finding. */
void scan_slot_change_check(struct scan_slot *s, uint64_t hashed);
/* Reads what lies inside (slot->inside), reports it, says on the slot's facts what was met; adds to @totals. Unchanged since
 * it was read, it is not read again. 0; RF_ENOMEM, RF_ECANCELLED, RF_EIO, or what @report returned. */
RF_MUST_CHECK int scan_slot_inside(struct scan_slot *s, const struct scan_options *o,
				   int (*report)(const struct scan_file *, void *), void *data,
				   struct scan_totals *totals, struct err *err);
/* The image that slot->image_form tells of could not be read: @text says why. */
void scan_slot_image_unread(struct scan_slot *s, const char *text);
/* Facts for what was not opened. @text: a sentence. */
void scan_slot_unread(struct scan_slot *s, bool error, enum artifact_finding finding, const char *text);

#endif
