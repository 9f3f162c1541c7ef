/*
 * tar - the members of a tar archive, handed over while its bytes come in.
 *
 * Pure. May use base/ only. POSIX.1-2001 (ustar, pax), GNU long names and base-256 numbers, the old V7 form. Sparse members
 * are told, their data is not put together.
 *
 * For layers of container images, where what counts is what a container runtime unpacks: those read tar with Go's
 * archive/tar, so this follows its rules to the letter (where the archive ends, which types have data, what a pax record
 * may say) and refuses what it refuses. format/archive.h reads any archive, through libarchive, which repairs and guesses.
 *
 *   bytes ──tar_add()──► begin(member), bytes(piece)..., end() ... ──tar_finish()──► cut off?
 *
 * Nothing of a member is kept but its names: memory is bounded by TAR_MAX_SPECIAL_BYTES, whatever the archive says.
 */
#ifndef REFORGE_FORMAT_TAR_H
#define REFORGE_FORMAT_TAR_H

#include "base/err.h"
#include "base/span.h"

/* A pax header or a GNU long name; Go's limit is the same. */
#define TAR_MAX_SPECIAL_BYTES (1 * MIB)
/* No file system that images are unpacked to takes more. */
#define TAR_MAX_NAME_BYTES 4096

enum tar_type { TAR_FILE, TAR_HARD_LINK, TAR_SYMLINK, TAR_FOLDER, TAR_OTHER /* device, FIFO, a type of somebody's own */ };
struct tar_member {
	struct span name; /* as stored, bytes: may be absolute, hold "..", end in '/'; never empty, no NUL */
	struct span link; /* of links: the target as stored */
	enum tar_type type;
	uint64_t size;   /* of the data that follow */
	bool sparse;     /* the data are a map and parts: not the file's content */
	uint64_t offset; /* of its header in the archive */
};

struct tar_visitor {
	/* Spans live until it returns. Non-zero from any of them ends the reading and is returned by tar_add(). */
	int (*begin)(const struct tar_member *m, void *data);
	int (*bytes)(struct span piece, void *data); /* in order, none empty */
	int (*end)(void *data);                      /* all of the member's bytes were given */
	void *data;
};

struct tar;
/* @visitor is copied. @members: how many at most (RF_ETOOMANY). NULL: out of memory. */
struct tar *tar_new(const struct tar_visitor *visitor, uint64_t members);
void tar_free(struct tar *t);
void tar_freep(struct tar **t);
/* RF_EFORMAT with the offset in the archive, RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM, what a visitor returned. After a failure
 * no more may be added. Bytes behind the archive's end are passed over, as runtimes do. */
RF_MUST_CHECK int tar_add(struct tar *t, struct span bytes, struct err *err);
/* No more comes. RF_ETRUNCATED inside of a member or header. An archive without its two blocks of zeros is whole when it
 * ends where a header could start. */
RF_MUST_CHECK int tar_finish(struct tar *t, struct err *err);

#endif
