/*
 * scan_image_source - where images come from: an OCI layout, a docker-archive, a registry. A source is a file and a row of
 * image_sources[].
 *
 * May use base/, crypto/, format/, network/, scan_image_layer.h. Private to the scan_image files.
 *
 *   open(argument) ──► images, each with the layers that it wants ──► feed: every wanted blob once, in the source's own order
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_SOURCE_H
#define REFORGE_INVENTORY_SCAN_IMAGE_SOURCE_H

#include "inventory/scan_image.h"
#include "inventory/scan_image_layer.h"

/* Documents of all images of one argument. */
#define IMAGE_RUN_ARENA_BYTES (128 * MIB)
/* Images that one argument may stand for. */
#define IMAGE_RUN_MAX_IMAGES 256
/* Lists within lists: an index of platforms in a layout's index is 2. */
#define IMAGE_MAX_INDEX_DEPTH 4

/* An image that was found, and which layers it wants, lowest first: positions in run.wanted. */
struct image_found {
	struct scan_image image;
	const char *layout;          /* "oci", "docker", "docker-archive": static */
	struct span platform_listed; /* in the index, "" unknown; what the config says must fit */
	size_t *layers;
	size_t layer_count;
	uint64_t bytes; /* of its blobs */
	const char *problem; /* of the image itself; NULL */
	enum layer_trouble trouble;
	struct image_found *next;
};

struct image_run {
	const struct scan_image_options *o;
	struct arena arena;
	struct image_found *images, **images_end;
	size_t image_count;
	struct image_wanted **wanted; /* of all arguments so far, each once */
	size_t wanted_count, wanted_room;
	size_t wanted_from; /* first of this argument */
	const char *prefix; /* in front of the references of this argument's images: "oci:DIR"; open() may set it */
	const struct image_source *source;
	void *source_data;
	struct err *err;
};

struct image_feed;
struct image_source {
	const char *scheme; /* "oci:" */
	/* Opens what @rest names (behind the scheme) and calls image_run_*() for what is there. *ret_data is handed to the
	 * others, also after a failure when it was set. */
	int (*open)(struct image_run *run, const char *rest, void **ret_data, struct err *err);
	/* A small blob by its digest, not verified. NULL: the source calls image_run_saved() only. RF_ENOTFOUND. */
	int (*document)(void *data, const struct image_descriptor *d, struct str *ret, struct err *err);
	/* In a thread of its own: every blob of @feed, see below. */
	int (*feed)(void *data, struct image_feed *feed, struct err *err);
	void (*close)(void *data);
};
extern const struct image_source image_source_oci, image_source_oci_archive, image_source_docker_archive, image_source_registry;
/* Told from the argument without a scheme: a folder that holds the file oci-layout; a reference to a registry. */
bool image_layout_is(const char *argument);
bool image_reference_is(const char *argument);

/* A document that was not reached by a digest (index.json, a registry's answer to a tag) or was: an index or a manifest.
 * @name: reference of the image behind run->prefix, "" none. Chooses platforms, fetches manifests and configs, verifies
 * them, adds images. @media_type as image_document_read(). */
RF_MUST_CHECK int image_run_document(struct image_run *run, struct span bytes, struct span media_type, const char *name,
				     struct err *err);
/* What a descriptor leads to. */
RF_MUST_CHECK int image_run_descriptor(struct image_run *run, const struct image_descriptor *d, const char *name,
				       struct err *err);
/* An image of a docker-archive without manifests; @config: its bytes. */
RF_MUST_CHECK int image_run_saved(struct image_run *run, const struct image_saved *saved, struct span config,
				  struct err *err);

/* ── For a source's feed() ──────────────────────────────────────────────────────────────────────────────────────── */

/* The blobs that are wanted: those not read yet. */
size_t image_feed_count(const struct image_feed *f);
const struct image_wanted *image_feed_wanted(const struct image_feed *f, size_t i);
/* Blob @i comes now: waits until it is taken. Then its bytes in order, then how it ended: @rc 0 at the blob's end, else what
 * went wrong (@err). Digest and size are judged here. RF_ECANCELLED: stop. One blob at a time; image_feed_end() in every
 * case once image_feed_begin() returned 0. */
RF_MUST_CHECK int image_feed_begin(struct image_feed *f, size_t i);
RF_MUST_CHECK int image_feed_add(struct image_feed *f, struct span bytes);
RF_MUST_CHECK int image_feed_room(struct image_feed *f, unsigned char **ret);          /* SCAN_PIPE_PIECE_BYTES to read into, */
RF_MUST_CHECK int image_feed_wrote(struct image_feed *f, unsigned char *room, size_t n); /* instead of image_feed_add() */
RF_MUST_CHECK int image_feed_end(struct image_feed *f, int rc, const struct err *err);
/* Instead of all that: the blob cannot be had. */
void image_feed_absent(struct image_feed *f, size_t i, int rc, const struct err *err);

#endif
