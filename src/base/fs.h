/*
 * fs - files and folders: bounded reads, durable and atomic writes, walks that cannot be led astray.
 *
 * Paths are bytes with a NUL; at most 4,095. Every function that opens sets O_CLOEXEC. Errors name the path.
 */
#ifndef REFORGE_BASE_FS_H
#define REFORGE_BASE_FS_H

#include "base/err.h"
#include "base/str.h"

#include <sys/stat.h>

/* Whole file into @ret (limit of @ret). Refuses what is not a regular file (RF_EINVALID): a FIFO never blocks it. */
RF_MUST_CHECK int fs_read(const char *path, struct str *ret, struct err *err);
/* Opens a regular file for reading without following a last link when @nofollow; fills @ret_stat (may be NULL).
 * FIFOs, devices, sockets, folders: RF_EINVALID, without blocking. */
RF_MUST_CHECK int fs_open_regular(const char *path, bool nofollow, int *ret_fd, struct stat *ret_stat, struct err *err);
/* The first @n bytes of a regular file, or all of a smaller one; *ret_n says how many. Of what is none, or cannot be read:
 * false. For those who ask what a file could be. */
bool fs_head(const char *path, void *buffer, size_t n, size_t *ret_n);
/* pread until @n bytes or the end; *ret_n says how many. */
RF_MUST_CHECK int fs_pread(int fd, void *buffer, size_t n, uint64_t offset, size_t *ret_n, struct err *err);
RF_MUST_CHECK int fs_write_all(int fd, const void *bytes, size_t n, struct err *err);
/* Temporary file beside @path, written, fsynced, renamed over it, folder fsynced: readers see old or new, never half. */
RF_MUST_CHECK int fs_write_atomic(const char *path, struct span bytes, mode_t mode, struct err *err);
/* The same but RF_EEXISTS when @path is there; never replaces. */
RF_MUST_CHECK int fs_write_new(const char *path, struct span bytes, mode_t mode, struct err *err);
RF_MUST_CHECK int fs_make_dirs(const char *path, mode_t mode, struct err *err);      /* 0 too when there */
RF_MUST_CHECK int fs_sync_dir(const char *path, struct err *err);
RF_MUST_CHECK int fs_remove_tree(const char *path, struct err *err);                 /* absent is 0; never follows links */
bool fs_exists(const char *path);                                                    /* anything, links not followed */
bool fs_is_dir(const char *path);
/* "a", "b/c" -> "a/b/c" into @buffer of @size; an absolute @name is returned as it is. RF_ETOOBIG. */
RF_MUST_CHECK int fs_join(char *buffer, size_t size, const char *folder, const char *name, struct err *err);
/* A new private folder (0700) under $TMPDIR or /tmp; @prefix without slash. */
RF_MUST_CHECK int fs_temporary_dir(const char *prefix, char *ret_path, size_t size, struct err *err);
/* Does @path, its links followed, end at @real_root (as realpath(3) gives it; "": false) or below? */
bool fs_leads_below(const char *real_root, const char *path);
/* True for a relative path without "..", empty parts, NUL or control characters: safe to join below a folder. */
bool fs_is_plain_relative(struct span path);

#define FS_PATH_MAX 4096

enum fs_entry_kind { FS_FILE, FS_DIR, FS_LINK, FS_OTHER, FS_UNREADABLE, FS_PSEUDO };
struct fs_entry {
	const char *path;        /* as reached from the root given, root included */
	const char *name;        /* last part, inside path */
	int dir_fd;              /* folder that holds it, for openat(); -1 for the root itself */
	enum fs_entry_kind kind; /* of the entry itself, links not followed; FS_UNREADABLE: an unreadable folder or a
	                          * name too long, with error_text */
	const char *error_text;  /* FS_PSEUDO: which one, "proc" */
	unsigned depth;
};
/* Depth first, names in byte order within a folder; symbolic links are reported, not followed (a link loop cannot
 * trap it), except that @root itself may be one. Calls @visit for every entry but folders; folders are announced
 * only when unreadable, or FS_PSEUDO: the kernel's own file systems (proc, sysfs, cgroup and the like) hold no files
 * of anybody, have no end, and are not entered, @root included. A non-zero from @visit ends the walk and is returned. Depth limit 128: RF_ETOOMANY entry as
 * FS_UNREADABLE. @root may be a file. */
RF_MUST_CHECK int fs_walk(const char *root, int (*visit)(const struct fs_entry *, void *), void *data, struct err *err);

#endif
