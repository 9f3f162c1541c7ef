/*
 * check_held - the files that were judged, held to what they were until a command takes over. Private to cli/.
 *
 * Between the judgement and the command's start a file can be changed or another be put in its place. Each file is kept
 * with the identity (device, inode, size, mtime, ctime) that it had while it was hashed; before the command starts every
 * path must still lead to that identity. Nothing may have come to a folder that was judged but links to folders within
 * it, which show no file that was not judged: no file, link, FIFO or unreadable folder. What was met and not read (links to
 * nothing, FIFOs, folders elsewhere) must be as it was. A ctime cannot be set
 * back, so content that is not the judged one shows. What happens after the command has started nobody here sees: see
 * docs/gate-check.md for what closes that.
 */
#ifndef REFORGE_CLI_CHECK_HELD_H
#define REFORGE_CLI_CHECK_HELD_H

#include "base/arena.h"
#include "base/hash.h"
#include "inventory/scan.h"

/* A file of a folder takes about 200 bytes; INVENTORY_MAX_FILES of a scan. */
#define CHECK_HELD_MAX 250000

struct check_held {
	struct arena a;
	struct map files;   /* path -> struct scan_identity */
	struct map unread;  /* path -> what was there: check_held.c */
	struct map folders; /* roots that are folders: path -> itself */
};
#define CHECK_HELD_INIT ((struct check_held){ .a = ARENA_INIT(256 * MIB) })

/* Remembers @f, a report of scan_files(); members of containers have no identity and are not kept. RF_ETOOMANY; RF_ENOMEM. */
RF_MUST_CHECK int check_held_add(struct check_held *h, const struct scan_file *f, struct err *err);
/* 0: all are what they were. RF_EDENIED naming the file that changed, went or came. Others: it could not be looked at. */
RF_MUST_CHECK int check_held_verify(const struct check_held *h, struct err *err);
void check_held_release(struct check_held *h);

#endif
