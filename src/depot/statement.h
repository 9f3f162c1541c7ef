/*
 * statement - what is said about one engine, in words others read: in-toto Statement v1, signed as DSSE.
 *
 * Pure builders of JSON bytes, and one function that signs and stores. Sources: in-toto attestation spec v1
 * (Statement), SLSA provenance v1 (predicate). Docs: docs/verify.md shows how a stranger checks them.
 */
#ifndef REFORGE_DEPOT_STATEMENT_H
#define REFORGE_DEPOT_STATEMENT_H

#include "base/arena.h"
#include "crypto/sign.h"
#include "depot/depot.h"

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define STATEMENT_MEDIA_TYPE "application/vnd.in-toto+json" /* DSSE payloadType */
#define PREDICATE_PROVENANCE "https://slsa.dev/provenance/v1"
#define PREDICATE_PROOF "urn:reforge:proof:v1"
#define BUILD_TYPE "urn:reforge:build:v1"
#define STATEMENT_MAX_BYTES (1 * MIB)
/* An attestation is a base64 of a statement of at most STATEMENT_MAX_BYTES. */
#define ATTESTATION_MAX_BYTES (2 * MIB)

/* One thing the build used: the source model, the toolchain's library, calibration data. */
struct statement_material {
	const char *name; /* "source model", "toolchain library", "calibration" */
	const char *uri;  /* path in the workspace or purl; NULL: none */
	struct digest digest;
};

/* The subject of both statements: name is "<model>/<target>/<file>". */
struct statement_subject {
	const char *model, *target, *file;
	struct digest engine;
};

struct provenance {
	struct statement_subject subject;
	struct span recipe;   /* JSON value: externalParameters.recipe */
	struct span internal; /* JSON value or empty: internalParameters (threads, isolation used) */
	struct digest build;  /* the recipe's build digest; externalParameters.buildDigest */
	const char *toolchain, *toolchain_version;
	const struct statement_material *materials;
	size_t material_count;     /* at most 1,000 */
	const char *builder_id;    /* URI of who built: "reforge://<site>/<host>" */
	const char *invocation_id; /* the task and attempt */
	usec_t started_at, finished_at;
};
/* RF_EINVALID when a mandatory text is missing or @recipe or @internal is no JSON. */
RF_MUST_CHECK int statement_provenance(const struct provenance *p, struct str *ret, struct err *err);

struct proof_statement {
	struct statement_subject subject;
	struct digest proof;    /* the recipe's proof digest */
	struct digest baseline; /* the engine it was judged against; all zero: none */
	const char *verdict;    /* "pass"; others may be stated, only passes are published */
	struct span evidence;   /* JSON value: numeric and performance figures as prove/ wrote them */
	const char *prover_id;
	const char *invocation_id;
	usec_t started_at, finished_at;
};
RF_MUST_CHECK int statement_proof(const struct proof_statement *p, struct str *ret, struct err *err);

/* Signs @statement and puts the envelope into the depot without fsync (depot_put_bytes_unsynced() says what that
 * means);
 * @ret: the blob's digest, for release_row.provenance or .proof_statement. Ed25519 is deterministic: the same statement
 * gives the same blob. */
RF_MUST_CHECK int attestation_put(struct depot *d, const struct signing_key *key, struct span statement,
				  struct digest *ret, struct err *err);

/* Opens a DSSE envelope (its JSON bytes) of @payload_type signed by @key: payload into @ret. RF_EVERIFY, RF_EFORMAT. */
RF_MUST_CHECK int envelope_open(const struct verify_key *key, const char *payload_type, struct span envelope,
				struct str *ret, struct err *err);

/* What a statement says of its engine. Spans live in the arena; empty: it does not say. */
struct statement_facts {
	struct digest engine;                      /* the subject */
	struct span model, target;                 /* of the subject's name */
	struct span toolchain, toolchain_version;  /* of a provenance */
	usec_t finished_at;                        /* of a provenance; USEC_NONE: it does not say */
};
/* @statement: bytes of an envelope that was opened, with one subject and @predicate_type (PREDICATE_*). RF_EFORMAT;
 * RF_ENOMEM. */
RF_MUST_CHECK int statement_read(struct arena *a, struct span statement, const char *predicate_type,
				 struct statement_facts *ret, struct err *err);

#endif
