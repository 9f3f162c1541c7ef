/*
 * scan - files and folders to artifacts: walks, reads facts, hashes; reports each file once, in path order.
 *
 * May use base/, crypto/, format/json. Touches the disk; of the database it only asks which files are its own, which it
 * does not open: the caller gives a cache of known digests
 * (inventory.h fills one) and takes the reports.
 *
 *   roots ─► walk, open ─► batches of 128: read + hash on all processors ─► report, in the order of the walk
 *
 * Files are opened once, without blocking (FIFOs, devices, sockets are reported, never opened); facts and digest are of
 * the same open file. Links to regular files are read under the link's own path; links to folders inside the root are
 * skipped (the folder itself is met), outside of it they are reported as unread: `unknown`. Memory: about 16 MiB plus 2
 * MiB per worker, whatever the files' sizes; a worker that looks through a model takes what its nodes need beside it, at
 * most MODEL_MAX_MEMORY_BYTES, and an .ort of up to ARTIFACT_HOLD_BYTES whole.
 */
#ifndef REFORGE_INVENTORY_SCAN_H
#define REFORGE_INVENTORY_SCAN_H

#include "base/time.h"
#include "crypto/digest.h"
#include "format/json.h"
#include "inventory/artifact.h"

/* What makes a file "unchanged": all five equal. ctime cannot be set back by touch(1). */
struct scan_identity {
	uint64_t device;
	uint64_t inode;
	uint64_t size;
	int64_t mtime_ns;
	int64_t ctime_ns;
};
struct stat;
void scan_identity_of(const struct stat *st, struct scan_identity *ret);

/* What is known of an unchanged file. */
struct scan_known {
	struct digest digest;
	struct span second_look; /* artifact_second_look() of that time; lives until the scan ends */
	struct span members;     /* scan_file.members of that time; as long */
};

struct scan_inside;

struct triton_verdict;

/* One report. Everything lives until the callback returns. */
struct scan_file {
	const char *path; /* as reached from the root given; bytes, may hold newlines */
	const char *root; /* the root it was reached from */
	struct scan_identity identity;
	bool has_digest;
	struct digest digest;
	bool digest_cached;      /* unchanged since it was hashed */
	bool settled;            /* last changed more than a second before it was opened: a change behind the digest's
				  * back would show in ctime, so the digest may be remembered */
	struct span second_look; /* to keep beside the digest */
	bool error;              /* could not be read: facts are kind other, finding unknown, a note says why */
	bool folder;             /* an unreadable folder: everything below it is unseen */
	/* Of what lies inside of a container (scan_member.h); path is then "OUTER!/inner" and identity is empty. */
	const char *outer;       /* path of the outermost container; NULL: this is a file of its own */
	const char *inner;       /* the part of path behind outer and "!/"; NULL */
	const struct digest *outer_digest; /* NULL: not known */
	/* Of a container: those of its members that are worth keeping (scan_member_next()), to be kept beside the
	 * digest. When digest_cached, it was not read again, and they are not reported. */
	struct span members;
	const struct scan_inside *inside; /* of a container that was read: what was met; NULL */
	bool in_image; /* an archive that is an image, or a layer of a layout: what it holds was told as the image's */
	bool inside_partly; /* not all that lies inside could be read: what was known to be there is not gone */
	const struct artifact_facts *facts; /* never NULL */
	const struct triton_verdict *triton; /* what a Triton server makes of it (triton_repository.h); NULL: not looked at */
};

struct image_map;

struct scan_options {
	/* What tags of images prove: a file that is a Dockerfile (dockerfile_is()) becomes one, with what its images bring. NULL:
	 * Dockerfiles are files like others. */
	const struct image_map *images;
	/* An image was found among the files: reads what @argument names ("oci:DIR", "docker-archive:FILE"), reports it. RF_EUNREADABLE
	 * with @err: that cannot be done, and is the file's finding; other failures end the scan. In the caller's thread. NULL: archives
	 * of images and layers are archives like others. */
	int (*image)(const char *argument, void *data, struct err *err);
	void *image_data;
	bool no_digest;   /* headers only: report-only, a second look over all bytes is not taken */
	bool evidence;    /* fill facts->evidence */
	bool skip_other;  /* members of containers: what is none of the formats that are read here gets no digest */
	unsigned threads; /* workers; 0: thread_cpus(), one without digests; 1: the caller's alone */
	/* True with @ret set when a file of this identity was hashed before. NULL: hash everything. Called from the
	 * caller's thread. */
	bool (*known)(const struct scan_identity *id, struct scan_known *ret, void *data);
	void *known_data;
	/* Every 100 ms at most, one call at a time but from any thread; may be NULL. */
	void (*progress)(uint64_t files, uint64_t bytes, const char *path, void *data);
	void *progress_data;
};

struct scan_totals {
	uint64_t files;   /* reported */
	uint64_t engines; /* of kinds that a toolchain built */
	uint64_t bytes_hashed;
	uint64_t cached;              /* not hashed again */
	uint64_t conflicts, unknowns; /* findings */
	uint64_t errors;              /* files and folders that could not be read */
};
void scan_totals_add(struct scan_totals *to, const struct scan_totals *more);

/*
 * Scans @n roots (files or folders), one after the other. A root that is not there is RF_ENOTFOUND before anything is
 * reported. A non-zero from @report ends the scan and is returned. thread_stop_wanted() ends it with RF_ECANCELLED.
 * @ret_totals may be NULL; it is set on success only.
 */
RF_MUST_CHECK int scan_files(const char *const *roots, size_t n, const struct scan_options *o,
			     int (*report)(const struct scan_file *, void *), void *data,
			     struct scan_totals *ret_totals, struct err *err);

/* One file, in the caller's thread: for `explain`, for the check after a build (design 6.4), for the gate in a pod. What lies
 * inside of it is not looked for. @a holds the facts'
 * texts. RF_ENOTFOUND, RF_EINVALID (not a regular file), RF_EPERM, RF_EIO, RF_ENOMEM. */
RF_MUST_CHECK int scan_one(const char *path, const struct scan_options *o, struct arena *a,
			   struct artifact_facts *ret_facts, struct digest *ret_digest /* may be NULL: no hash */,
			   struct err *err);

/* One object of `scan --json` (design 6.1): path, sha256, size, kind, product, version, version_source, target,
 * compute_capability, finding, cause, rules[], notes[]; components[] and evidence[] when the facts hold any. What is
 * unknown is null. Its schema is docs/schema/scan.schema.json. A path that is not UTF-8 is written with U+FFFD, and
 * path_hex beside it. */
void scan_file_json(struct json_out *o, const struct scan_file *f);
/* The object's members only, for those who add their own (explain). */
void artifact_facts_json(struct json_out *o, const struct artifact_facts *f);

/* [{"what":…,"offset":…,"bytes":"66747274","value":…}], as stored with the artifact and shown by explain. */
void artifact_evidence_json(struct json_out *o, const struct artifact_facts *f);
void artifact_notes_json(struct json_out *o, const struct artifact_facts *f);
/* [{"product":…,"version":… or null,"role":…,"source":…,"where":…}] */
void artifact_components_json(struct json_out *o, const struct artifact_facts *f);

#endif
