/*
 * depot_int - what the files of depot/ share. Not for other rooms.
 */
#ifndef REFORGE_DEPOT_INT_H
#define REFORGE_DEPOT_INT_H

#include "base/arena.h"
#include "base/fs.h"
#include "base/hash.h"
#include "depot/channel.h"
#include "depot/depot.h"
#include "depot/release.h"
#include "depot/statement.h"

#include <sys/stat.h>

/* Folders of a release being filled: releases/<service>/.publishing-<name>-<random>. */
#define PUBLISHING_PREFIX ".publishing-"

/* ---- pure ---- */

bool release_target_ok(struct span target);
/* Rows in the order of release.json: by target, then model. @ret: rf_free. */
RF_MUST_CHECK int release_sort_rows(const struct release *r, const struct release_row ***ret, struct err *err);

/* ---- place.c: paths, locks and durable steps ---- */

struct depot {
	char *folder;
	int fd; /* of the folder: what syncfs() is called on */
};

/* "<folder>/<format...>". RF_ETOOBIG. */
RF_MUST_CHECK int depot_pathf(const struct depot *d, char ret[FS_PATH_MAX], struct err *err, const char *format, ...)
	RF_PRINTF(4, 5);
/* An advisory lock on a file made at @path: shared or exclusive, waited for up to a minute (RF_EBUSY). Closing *ret_fd,
 * or the death of the process, gives it back. */
RF_MUST_CHECK int depot_lock(const char *path, bool exclusive, int *ret_fd, struct err *err);
/* Between a put that finds its blob there (shared) and gc that removes one (exclusive). */
RF_MUST_CHECK int depot_lock_blobs(const struct depot *d, bool exclusive, int *ret_fd, struct err *err);
/* fsync of a file or folder by its path. */
RF_MUST_CHECK int depot_fsync(const char *path, struct err *err);
/* Twelve random characters fit for a file name, with the NUL. */
#define DEPOT_UNIQUE_BYTES 13
RF_MUST_CHECK int depot_unique(char ret[DEPOT_UNIQUE_BYTES], struct err *err);
/* A copy of @from at the new path @to: reflink where the file system can, else bytes; 0444. Not synced. */
RF_MUST_CHECK int depot_copy(const char *from, const char *to, struct err *err);
void depot_close(int *fd);
#define AUTO_FD __attribute__((cleanup(depot_close))) int

/* Names in @folder in byte order, without "." and "..", in @a; RF_ENOTFOUND when it is not there. */
RF_MUST_CHECK int depot_names(const char *folder, struct arena *a, const char ***ret, size_t *ret_n, struct err *err);

/* ---- publish.c ---- */

/* releases/<service>/<name>/release.json's bytes. */
RF_MUST_CHECK int release_read_bytes(const struct depot *d, const char *service, const char *name, struct str *ret,
				     struct err *err);

/* ---- verify_release.c ---- */

struct verifier {
	struct depot *depot;
	const struct verify_key *key;
	void (*fault)(const struct depot_fault *, void *);
	void *data;
	bool blobs_hashed;       /* depot_verify() has hashed every blob: what shares an inode with one needs no second pass */
	struct map changed;      /* paths of blobs that do not hash to their names, in @arena */
	struct arena arena;
	const struct recorded *recorded; /* releases as published; NULL: nobody asked the database */
	uint64_t faults, rows;
};
/* Whether such a release was published. False without a database. */
bool verifier_has_recorded(const struct verifier *v, const char *service, const char *name);
void verifier_fault(struct verifier *v, enum depot_fault_kind kind, const char *path, const char *format, ...)
	RF_PRINTF(4, 5);
/* @service and @name stand on disk. Faults are reported; returns an error only where no verdict is possible at all. */
RF_MUST_CHECK int verify_one_release(struct verifier *v, const char *service, const char *name, struct err *err);

#endif
