/*
 * depot - the content-addressed store of engines (design 6.5): one folder, blobs named by what they hold.
 *
 * May use base, format, process, database, crypto, workspace, ledger. This header is about blobs; releases stand in
 * release.h, the statements about engines in statement.h, the pointers to releases in channel.h.
 *
 *   <folder>/blobs/sha256/ab/<64 hex>     content; mode 0444, never written again
 *   <folder>/releases/...                 release.h: hard links to blobs
 *   <folder>/channels/...                 channel.h
 *   <folder>/temporary/                   files on their way in; a killed process leaves them, depot_gc() takes them
 *
 * A file gets its name by rename, after its bytes were hashed and fsynced: a reader never sees half a blob, and two
 * writers of the same content do no harm. A handle may be used by several threads. All of <folder> must be one file
 * system. Errors name the path; a full disk is RF_EFULL, a read-only one RF_EPERM, and nothing is left
 * under a final name.
 */
#ifndef REFORGE_DEPOT_DEPOT_H
#define REFORGE_DEPOT_DEPOT_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "database/database.h"

struct depot;

/* Tables depot_release and depot_channel. */
extern const struct migration_set DEPOT_MIGRATIONS;

/* Opens, and makes what is missing of, the layout above under @folder (made too, 0755). RF_EPERM, RF_EIO, RF_EINVALID
 * when @folder is something else than a folder. */
RF_MUST_CHECK int depot_open(const char *folder, struct depot **ret, struct err *err);
void depot_free(struct depot *d); /* NULL is fine */
void depot_freep(struct depot **d);
const char *depot_folder(const struct depot *d); /* as given; lives as long as @d */

/*
 * Takes a copy of the regular file @path (links are followed; FIFOs and devices are RF_EINVALID): hashed while it is
 * copied, so that what is stored is what was hashed even when the file changes meanwhile.
 *
 * @expected   NULL, or what the bytes must hash to: RF_EVERIFY otherwise, nothing stored
 * @ret        digest, set on success;  @ret_bytes (may be NULL) size
 *
 * Content that is there already is hashed again and kept; a damaged blob is replaced. Durable when it returns.
 */
RF_MUST_CHECK int depot_put_file(struct depot *d, const char *path, const struct digest *expected, struct digest *ret,
				 uint64_t *ret_bytes, struct err *err);
/* The same for bytes in memory. */
RF_MUST_CHECK int depot_put_bytes(struct depot *d, struct span bytes, const struct digest *expected, struct digest *ret,
				  struct err *err);
/* depot_put_bytes() without its two fsyncs, for many small files in a row: survives a killed process, not a power cut,
 * until depot_sync() or release_publish() returned. Do not write its digest to the database before that. */
RF_MUST_CHECK int depot_put_bytes_unsynced(struct depot *d, struct span bytes, struct digest *ret, struct err *err);
/* Makes all that was put durable with one syncfs(2) of the depot's file system. */
RF_MUST_CHECK int depot_sync(struct depot *d, struct err *err);

bool depot_has(const struct depot *d, const struct digest *digest);
/* Absolute or relative as the depot's folder is. Does not look whether the blob is there. RF_ETOOBIG. */
RF_MUST_CHECK int depot_path(const struct depot *d, const struct digest *digest, char *ret, size_t size,
			     struct err *err);
/* A descriptor for reading (caller closes), RF_ENOTFOUND when absent. Does not hash. */
RF_MUST_CHECK int depot_open_blob(const struct depot *d, const struct digest *digest, int *ret_fd, uint64_t *ret_bytes,
				  struct err *err);
/* Reads a blob whole into @ret (its limit holds) and hashes it: RF_EVERIFY when it is not what its name says. */
RF_MUST_CHECK int depot_read_blob(const struct depot *d, const struct digest *digest, struct str *ret, struct err *err);

/* What depot_verify() finds. */
enum depot_fault_kind {
	DEPOT_CHANGED,    /* bytes do not hash to the name, or a release's file is not what its row says */
	DEPOT_MISSING,    /* a release names it, or it is a release that was published, and it is not there */
	DEPOT_EXTRA,      /* a file the layout has no place for, or in a release and in no row */
	DEPOT_UNREADABLE, /* could not be read: no verdict, and never counted as good */
	DEPOT_UNSIGNED,   /* release.dsse or an attestation absent or not signed by the key given */
};
const char *depot_fault_kind_name(enum depot_fault_kind kind); /* "changed", ...; static */
struct depot_fault {
	enum depot_fault_kind kind;
	const char *path; /* below the depot's folder; borrowed for the call */
	const char *text; /* one line; borrowed for the call */
};
struct depot_verify_report {
	uint64_t blobs, blob_bytes; /* hashed, good ones and bad */
	uint64_t releases, release_rows;
	uint64_t faults; /* all, whatever @fault returned */
};
struct verify_key; /* crypto/sign.h */
/*
 * Hashes every blob again and every release file that is not a hard link of a blob hashed; checks each release's rows,
 * and with @key (may be NULL: not checked) its signatures. With @db (may be NULL: not checked) each release that was
 * published must be there with the release.json of that time. @fault (may be NULL) is called for each fault.
 * 0 with faults > 0 when something is wrong: the caller turns that into its exit status. Safe beside writers.
 */
RF_MUST_CHECK int depot_verify(struct depot *d, const struct verify_key *key, struct database *db,
			       void (*fault)(const struct depot_fault *, void *), void *data,
			       struct depot_verify_report *ret, struct err *err);

struct depot_gc_options {
	const struct digest *keep; /* blobs that tasks, artifacts or queued work still name */
	size_t keep_count;
	int64_t min_age_usec;      /* younger ones stay: a task at work has not said yet that it needs them; < 0: 1 h */
	struct database *database; /* may be NULL: releases without a row then stay. With it, a release folder that
				    * no row of depot_release names (publish killed or refused afterwards) goes too */
	bool dry_run;              /* only count and call @visit */
	void (*visit)(const char *path, uint64_t bytes, void *data); /* each thing that goes; may be NULL */
	void *data;
};
struct depot_gc_report {
	uint64_t blobs_kept, blobs_removed, bytes_removed, temporary_removed, releases_removed;
};
/* Removes blobs that no release on disk and nothing in @options names, and leftovers of killed writers. An unreadable
 * release.json stops it before anything is removed (what it names is not known). */
RF_MUST_CHECK int depot_gc(struct depot *d, const struct depot_gc_options *options, struct depot_gc_report *ret,
			   struct err *err);

#endif
