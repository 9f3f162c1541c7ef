/*
 * release - an immutable, signed set of engines with the runtime that loads each, for one service and environment.
 *
 * Two halves: release_write_json() and release_read_json() are pure; release_publish() and the rest touch the depot
 * and the tables.
 *
 *   releases/<service>/<name>/release.json                          rows, below
 *   releases/<service>/<name>/release.dsse                          DSSE over the bytes of release.json
 *   releases/<service>/<name>/<os-arch>/<accelerator>/              a Triton model repository:
 *       <model>/<version>/<file>                                    hard link to a blob, or a copy
 *       <model>.provenance.dsse  <model>.proof.dsse                 statement.h; hard links too
 *
 * How to publish, in an order that may be killed anywhere and run again:
 *
 *   1. transaction (read)   release_check_parent()      refuses early
 *   2. files                attestation_put() per new engine, then release_publish()
 *   3. transaction (write)  release_record(), channel_set("candidate"), the caller's own outcome
 *   4. files                channel_project()
 *
 * release_publish() run again with the same content finds its work done. "Same content": everything but created_at,
 * created_by, the ledger head and the attestation digests, which a second run cannot repeat.
 */
#ifndef REFORGE_DEPOT_RELEASE_H
#define REFORGE_DEPOT_RELEASE_H

#include "base/arena.h"
#include "crypto/sign.h"
#include "base/fs.h"
#include "depot/depot.h"

/* Names of services, environments, releases, channels, models, files: [A-Za-z0-9._+-], 1 to 128 bytes, no dot first.
 * They become file names and symbolic links. */
#define RELEASE_NAME_MAX 128
bool release_name_ok(struct span name);

/* A fleet of 20,000 engines in one service is the largest planned for; release.json stays below 128 MiB. */
#define RELEASE_MAX_ROWS 100000
#define RELEASE_MAX_BYTES (128 * MIB)
#define RELEASE_MAX_ADVISORIES 1000

/* Files of a release. An attestation's name is the model's with the suffix, beside the model's folder. */
#define RELEASE_FILE "release.json"
#define RELEASE_SIGNATURE_FILE "release.dsse"
#define RELEASE_PROVENANCE_SUFFIX ".provenance.dsse"
#define RELEASE_PROOF_SUFFIX ".proof.dsse"

#define RELEASE_MEDIA_TYPE "application/vnd.reforge.release.v1+json" /* DSSE payloadType of release.dsse */

/* A toolchain version; the digest is of the library file. */
struct release_toolchain {
	const char *name;      /* "onnxruntime"; NULL or "": not known */
	const char *version;   /* "1.21.1" */
	struct digest library; /* all zero: not known */
};

struct release_row {
	const char *model;    /* recipe name; with target unique in a release */
	const char *target;   /* "linux-x86_64/cpu-avx512": exactly one slash */
	uint32_t version;     /* Triton's version folder, from 1 */
	const char *file;     /* "model.onnx", "model.ort", "model.plan" */
	struct digest engine; /* a blob of the depot */
	uint64_t engine_bytes;
	struct digest build;              /* recipe's build digest; all zero: not known (an engine found in service) */
	struct digest proof;              /* recipe's proof digest; all zero: not proven by us */
	struct release_toolchain builder; /* what made the engine */
	struct release_toolchain runtime; /* what loads it: engine and runtime move together (law 5) */
	bool carried_over;                /* taken unchanged from the parent or from the placements */
	struct digest provenance;         /* blob of the DSSE envelope; all zero: none, for carried-over rows only */
	struct digest proof_statement;
};

struct release {
	const char *service, *environment, *name;
	const char *parent;            /* NULL or "": the first */
	bool drill;                    /* answers drills only */
	bool as_found;                 /* engines as they were in service when reforge came: what made them is only what
					* they claim, so the release is not signed and no row has attestations; what
					* holds it is its row in the database (depot_verify()) */
	const char *const *advisories; /* ids answered, e.g. "CVE-2026-24188" */
	size_t advisory_count;
	usec_t created_at;
	const char *created_by; /* actor */
	int64_t ledger_size;    /* checkpoint at publishing; 0 and zero digest: none yet */
	struct digest ledger_head;
	const struct release_row *rows; /* any order: written sorted by (target, model) */
	size_t row_count;               /* 1..RELEASE_MAX_ROWS */
};

/* RF_EINVALID naming the row and the rule: bad name, duplicate (target, model), zero engine digest, an engine not
 * carried over without a provenance, counts; of an as-found release a row that is not carried over or has
 * attestations. */
RF_MUST_CHECK int release_check(const struct release *r, struct err *err);
/* "reforge.release/1"; pretty JSON with a newline at its end; the schema stands in docs/depot.md. Checks first. */
RF_MUST_CHECK int release_write_json(const struct release *r, struct str *ret, struct err *err);
/* Reads what release_write_json() writes, all in @a. An unknown member, a missing one, a wrong type: RF_EFORMAT with
 * the field. Fuzzed. */
RF_MUST_CHECK int release_read_json(struct arena *a, struct span bytes, struct release *ret, struct err *err);
/* What makes two releases the same (see top). */
RF_MUST_CHECK int release_content_digest(const struct release *r, struct digest *ret, struct err *err);

/* "releases/<service>/<name>/<os-arch>/<accelerator>/<model>/<version>/<file>" below the depot's folder. RF_ETOOBIG. */
RF_MUST_CHECK int release_row_path(const struct release *r, const struct release_row *row, char *ret, size_t size,
				   struct err *err);

struct release_published {
	char folder[FS_PATH_MAX]; /* as the depot's folder is, absolute or relative */
	struct digest digest;     /* of release.json */
	struct digest content;
	bool existed; /* an earlier call had done it */
};
/*
 * Puts the release on disk: a folder beside its place is filled, made durable by one syncfs(2), and renamed; then the
 * parent folder is fsynced. Before, leftovers of killed attempts at the same release are removed. Cost is linear in
 * rows, three links and two folders each, no fsync per row.
 *
 * All engines and attestations must be blobs (RF_ENOTFOUND names the row), engines durable ones (depot_put_file());
 * sizes must agree (RF_ECONFLICT). Publishers of one service take turns (RF_EBUSY after a minute). RF_ECONFLICT when a
 * release of that name holds other content, or its files are not what it says. @key may be NULL for an as-found release
 * and is not used for one.
 */
RF_MUST_CHECK int release_publish(struct depot *d, const struct signing_key *key, const struct release *r,
				  struct release_published *ret, struct err *err);

/* release.json of a published release, checked against its content digest only; all in @a. RF_ENOTFOUND. */
RF_MUST_CHECK int release_read(const struct depot *d, struct arena *a, const char *service, const char *name,
			       struct release *ret, struct err *err);
/* Signature, every row's file, every attestation (signed, and its subject the row's engine); @fault as in
 * depot_verify(). An as-found release has no signature: DEPOT_UNSIGNED, always; depot_verify() can ask its row. */
RF_MUST_CHECK int release_verify(struct depot *d, const char *service, const char *name, const struct verify_key *key,
				 void (*fault)(const struct depot_fault *, void *), void *data, uint64_t *ret_faults,
				 struct err *err);

/* RF_ESTATE when @parent (NULL or "": none) is not what the channel `stable` says (no row: none). */
RF_MUST_CHECK int release_check_parent(struct transaction *tx, const char *service, const char *environment,
				       const char *parent);
/* The row that makes the release real, with a ledger record "release.published". Checks the parent again. Again with
 * the same content: 0, nothing is added, whatever stable says by now. Another content under the name: RF_ECONFLICT. */
RF_MUST_CHECK int release_record(struct transaction *tx, const struct release *r,
				 const struct release_published *published, const char *actor);
/* Visits every release that has a row, by service and name; a non-zero from @visit ends it and is returned. */
RF_MUST_CHECK int release_each(struct transaction *tx,
			       int (*visit)(struct span service, struct span name, void *data), void *data);
/* First free of "<date>-<cause>", "<date>-<cause>-2", ... by the rows of @service. @cause is cut to fit, other bytes
 * than a name's become '-'. RF_ETOOMANY after 1,000. */
RF_MUST_CHECK int release_name_free(struct transaction *tx, const char *service, usec_t at, const char *cause,
				    char ret[RELEASE_NAME_MAX + 1]);

#endif
