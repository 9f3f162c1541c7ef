/*
 * archive - the files inside archives and compressed files, one after the other, never all at once.
 *
 * May use base/ only. zip, tar and cpio, alone or behind gzip, bzip2, xz, zstd; a single compressed file is an archive
 * of one member without a name. libarchive does the work and is loaded with the first archive (archive_libarchive.h
 * says why).
 *
 * Input is hostile: every member and the whole are bounded (a bomb is RF_ETOOBIG, not a full memory), nothing is
 * written to disk, and names are only names: they are never opened.
 */
#ifndef REFORGE_FORMAT_ARCHIVE_H
#define REFORGE_FORMAT_ARCHIVE_H

#include "base/err.h"
#include "base/span.h"
#include "base/str.h"

struct archive_limits {
	size_t member_bytes;  /* largest member, unpacked */
	uint64_t total_bytes; /* of all members that are looked at, unpacked */
	uint64_t members;
};

struct archive_member {
	struct span name;  /* as stored, bytes; empty for a single compressed file */
	struct span bytes; /* until the visitor returns */
};

struct archive_walk {
	struct archive_limits limits;
	/* NULL: every file. False: the member is passed over without being unpacked where the format allows that. */
	bool (*want)(struct span name, void *data);
	/* A non-zero answer ends the walk and is returned. */
	int (*visit)(const struct archive_member *m, void *data);
	void *data;
};

/* "zip", "tar", "cpio", "gzip", "bzip2", "xz", "zstd" when the bytes begin like one of the formats above, else NULL. The first
 * ARCHIVE_SNIFF_BYTES are looked at; a tar without "ustar" (UNIX v7) is known by its checksum. */
#define ARCHIVE_SNIFF_BYTES 512
const char *archive_sniff_format(struct span bytes);
bool archive_sniff(struct span bytes); /* archive_sniff_format() says something */
/* Visits the plain files in the order they are stored. RF_EFORMAT: damaged or cut off (what came before was visited);
 * RF_ETOOBIG, RF_ETOOMANY: a limit; RF_EUNSUPPORTED: encrypted, or libarchive is not installed; RF_EIO; RF_ENOMEM. */
RF_MUST_CHECK int archive_walk_bytes(struct span bytes, const struct archive_walk *walk, struct err *err);
RF_MUST_CHECK int archive_walk_file(const char *path, const struct archive_walk *walk, struct err *err);
/* Unpacks a single compressed file ("epss.csv.gz") into @ret, whose limit bounds it; an archive's first file likewise.
 */
RF_MUST_CHECK int archive_inflate(struct span bytes, struct str *ret, struct err *err);

/* ── Forward, in pieces: for members of any size ────────────────────────────────────────────────────────────────── */

enum archive_item_kind {
	ARCHIVE_ITEM_FILE,
	ARCHIVE_ITEM_FOLDER,
	ARCHIVE_ITEM_SYMLINK,
	ARCHIVE_ITEM_HARDLINK,
	ARCHIVE_ITEM_SPECIAL, /* device, FIFO, socket */
};
#define ARCHIVE_SIZE_UNKNOWN UINT64_MAX
struct archive_item { /* spans live until the next call of archive_reader_next() */
	enum archive_item_kind kind;
	struct span name;   /* as stored, bytes; empty for a single compressed file */
	struct span target; /* of links */
	uint64_t size;      /* as stated, or ARCHIVE_SIZE_UNKNOWN */
	uint64_t offset;    /* of its header, in the unpacked archive */
	bool encrypted;     /* its bytes cannot be had */
};

struct archive_reader;
/* @fd is borrowed, read from where it stands, and seeked in (a zip's directory is at its end). */
RF_MUST_CHECK int archive_reader_open_fd(int fd, struct archive_reader **ret, struct err *err);
RF_MUST_CHECK int archive_reader_open_bytes(struct span bytes, struct archive_reader **ret, struct err *err);
/* Reads what @pull gives: the number of bytes at *ret_bytes, which live until the next call; 0 at the end; a negative
 * error. Never seeks: a zip is read by its local headers, which state neither links nor, often, sizes. */
typedef int64_t archive_pull(void *data, const void **ret_bytes);
RF_MUST_CHECK int archive_reader_open_pull(archive_pull *pull, void *data, struct archive_reader **ret,
					   struct err *err);
/* The same, but nothing is taken apart: one item without a name, what is left when the compression is taken off. For who
 * needs the unpacked bytes themselves: a digest is over them. */
RF_MUST_CHECK int archive_reader_open_packed(archive_pull *pull, void *data, struct archive_reader **ret,
					     struct err *err);
/* 1: *ret is the next item; 0: the end. RF_EFORMAT with offset: damaged or cut off, nothing more can be read;
 * RF_ENOMEM. */
RF_MUST_CHECK int archive_reader_next(struct archive_reader *r, struct archive_item *ret, struct err *err);
/* 1: *ret is the next piece of the item's content, until the next call; 0: its end. RF_EUNREADABLE: this item's content
 * is damaged, the next item may be fine; RF_EFORMAT with offset, RF_ENOMEM as above. */
RF_MUST_CHECK int archive_reader_read(struct archive_reader *r, struct span *ret, struct err *err);
uint64_t archive_reader_consumed(const struct archive_reader *r); /* bytes of the packed file taken so far */
void archive_reader_free(struct archive_reader *r);               /* NULL is fine */
void archive_reader_freep(struct archive_reader **r);

#endif
