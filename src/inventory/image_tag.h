/*
 * image_tag - what is proven about the content of a container image by its tag alone.
 *
 * Pure. May use base/, format/csv, format/image_reference, version/. The proofs are rows of a map: images.csv, built in, from NVIDIA's published
 * release notes, and files of the same form that a site writes. A tag that no row names is not guessed at: the answer is
 * "unknown", with candidates for the products that such an image is known to have, or else for all: what other images of the same release hold, and for a product that nothing is told of there, what
 * the nearest months before and after hold. They are no proof: images of one month differ (of Triton's
 * 25.08 one has CUDA 12.9, another 13.0).
 *
 * The tag of a row:
 *
 *   22.05-py3   one tag. Several rows may tell of it; where two contradict each other (what NVIDIA writes and what somebody
 *               measured, or what it is on two processors), the product is unknown and both are candidates
 *   22.05-*     the release, and no tag of it: candidates only
 *   {} r{}      the tag begins with the product's own version, r in front of it: 12.9.1-devel-ubuntu22.04, r8.5.2.2-devel
 */
#ifndef REFORGE_INVENTORY_IMAGE_TAG_H
#define REFORGE_INVENTORY_IMAGE_TAG_H

#include "format/image_reference.h"
#include "version/product.h"

struct image_fact {
	struct span image; /* "nvcr.io/nvidia/tensorrt", "docker.io/library/ubuntu" */
	struct span tag;
	const struct product *product;
	struct span version;
	struct span source; /* where it is published */
	struct image_fact *next;
};
struct image_map {
	struct image_fact *first, **last;
	size_t count;
};
#define IMAGE_MAP_MAX_BYTES (8 * MIB)
#define IMAGE_MAP_MAX_FACTS 100000
/* Adds the rows of a CSV: a header image,tag,PRODUCT...,source (source may be missing; a product is a purl, or the last
 * part of one: tensorrt, onnxruntime, cuda), lines that begin with # are passed over. RF_EFORMAT with the line and the
 * rule, also for a product that no row of products.tsv has; RF_ETOOBIG; RF_ETOOMANY; RF_ENOMEM. Texts are copied to @a. */
RF_MUST_CHECK int image_map_read(struct image_map *m, struct span csv, struct arena *a, struct err *err);
/* The map that is built in. RF_ENOMEM. */
RF_MUST_CHECK int image_map_builtin(struct image_map *m, struct arena *a, struct err *err);

#define IMAGE_MAX_FACTS 32
struct image_contents {
	bool proven; /* rows name this very tag, and tell of all that compiles engines in such an image (other tags of the image
		      * and the same variant, -py3, -trtllm-python-py3, have it) */
	const struct image_fact *facts[IMAGE_MAX_FACTS];
	struct span versions[IMAGE_MAX_FACTS]; /* of facts; read out of the tag where the row says so */
	size_t fact_count;
	const struct image_fact *candidates[IMAGE_MAX_FACTS]; /* each product and version once; products together, those that compile engines first */
	size_t candidate_count;
	size_t around_from; /* candidates from here on are of the months around, of which nothing is told */
};
/* How far away a month may be that stands for one of which nothing is told. */
#define IMAGE_MONTHS_AROUND 12
/* A reference with a digest is never proven: the digest says which image it is, and its tag's rows are candidates. */
void image_contents(const struct image_map *m, const struct image_reference *ref, struct image_contents *ret);

#endif
