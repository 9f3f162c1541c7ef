/*
 * image - what the documents of a container image say: indexes, manifests, configs, the list in a docker-archive.
 *
 * Pure. May use base/ and format/json. Read: OCI image index, manifest and config (image-spec 1.1), Docker's manifest
 * list, image manifest version 2 schema 2 and config, manifest.json of `docker save`. Docker schema 1 (no digests of
 * layers that could be relied on) is RF_EUNSUPPORTED.
 *
 *   index ──image_platform_choose()──► manifest ──► config (platform, diff_ids)
 *                                         └───────► layers, lowest first
 *
 * Documents come from registries and files that anyone may have written: sizes, counts, digests and media types are
 * checked here, so that what is past this header holds "sha256:" and 64 lower case digits wherever a digest stands.
 * Errors name the field. Everything returned lives in the caller's arena.
 */
#ifndef REFORGE_FORMAT_IMAGE_H
#define REFORGE_FORMAT_IMAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* Registries accept manifests of 4 MiB (distribution-spec 1.1, "pushing manifests"); configs carry histories too. */
#define IMAGE_MAX_DOCUMENT_BYTES (8 * MIB)
/* Docker's own limit is 127 layers; an index names platforms and attestations. */
#define IMAGE_MAX_LAYERS 512
#define IMAGE_MAX_MANIFESTS 1024
/* Images in one docker-archive, and names of one. */
#define IMAGE_MAX_SAVED 1024

struct image_platform {
	struct span os, architecture, variant; /* "linux", "arm64", "v8"; empty: not said */
};
/* "linux/arm64/v8" of the parts that are there; "" when none. Returns @buffer. */
const char *image_platform_text(const struct image_platform *p, char *buffer, size_t size);
/* "linux/arm64", "linux/arm64/v8", "arm64". RF_EINVALID with what is accepted. Spans lie in @text. */
RF_MUST_CHECK int image_platform_read(struct span text, struct image_platform *ret, struct err *err);
/* The machine this runs on. Static texts. */
struct image_platform image_platform_here(void);

/* How a blob holds its layer. */
enum image_layer_kind {
	IMAGE_LAYER_OTHER = 0, /* no layer of files: a blob of its own (an OCI artifact's model, engine, ...) */
	IMAGE_LAYER_TAR,       /* tar: plain, gzip or zstd; which one its first bytes tell */
	IMAGE_LAYER_ENCRYPTED, /* "+encrypted" (ocicrypt): cannot be looked into */
};
struct image_descriptor {
	struct span media_type; /* empty: not said */
	struct span digest;     /* "sha256:<64 hex>" */
	uint64_t size;
	struct span name;  /* org.opencontainers.image.ref.name, or io.containerd.image.name; empty */
	struct span title; /* org.opencontainers.image.title: file name of an artifact's blob; empty */
	struct image_platform platform;
	bool attestation;      /* of the image, not an image: unknown/unknown, vnd.docker.reference.type */
	bool foreign;          /* may be kept elsewhere (foreign, nondistributable): absent from layouts and archives */
	enum image_layer_kind layer; /* of a manifest's layers */
};

enum image_document_kind { IMAGE_INDEX = 1, IMAGE_MANIFEST };
struct image_document {
	enum image_document_kind kind;
	struct span media_type;             /* as said in the document; empty */
	struct image_descriptor config;     /* manifest */
	struct image_descriptor *entries;   /* index: manifests; manifest: layers, lowest first */
	size_t count;
};
/* An index or a manifest; members decide. @media_type: what it was called where it came from (Content-Type, descriptor;
 * empty: nothing known). One that holds both `manifests` and `layers`, or whose own mediaType, @media_type or members
 * disagree, is refused: what a tool sees in it would depend on the tool (OCI image-spec 1.0.2; CVE-2021-41190).
 * RF_EFORMAT, RF_ETOOBIG, RF_ETOOMANY, RF_EUNSUPPORTED, RF_ENOMEM. */
RF_MUST_CHECK int image_document_read(struct arena *a, struct span bytes, struct span media_type, struct image_document *ret,
				      struct err *err);

/* Position in an index of the entry that @wanted names: same os and architecture, same variant, else one without a
 * variant, else the first. Attestations and other indexes are no candidates; entries without a platform are, when there
 * is nothing else. RF_ENOTFOUND names those that there are. */
RF_MUST_CHECK int image_platform_choose(const struct image_document *index, const struct image_platform *wanted,
					size_t *ret, struct err *err);
/* The two name the same platform; arm64 is v8 unless it says otherwise; a part that is not said fits any. */
bool image_platform_fits(const struct image_platform *a, const struct image_platform *b);

struct image_config {
	struct image_platform platform;
	struct span *diff_ids; /* of the layers uncompressed, lowest first: "sha256:…" */
	size_t count;
};
RF_MUST_CHECK int image_config_read(struct arena *a, struct span bytes, struct image_config *ret, struct err *err);

/* manifest.json of a docker-archive: names are members of the archive. */
struct image_saved {
	struct span config; /* "<hex>.json", "blobs/sha256/<hex>" */
	struct span *tags;  /* "site/app:1.2"; may be none */
	size_t tag_count;
	struct span *layers; /* "<hex>/layer.tar", "blobs/sha256/<hex>", lowest first */
	size_t layer_count;
};
RF_MUST_CHECK int image_saved_read(struct arena *a, struct span bytes, struct image_saved **ret, size_t *ret_n,
				   struct err *err);

/* The file oci-layout: {"imageLayoutVersion": "1.0.0"}; other major versions are RF_EUNSUPPORTED. */
RF_MUST_CHECK int image_layout_check(struct span bytes, struct err *err);

/* "sha256:" and 64 lower case hex digits. */
bool image_digest_is_valid(struct span text);

#endif
