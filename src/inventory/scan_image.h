/*
 * scan_image - container images: what of interest their file systems hold, without unpacking them to disk.
 *
 * May use base/, crypto/, format/, network/, scan.h. Arguments:
 *
 *   oci:DIR[:TAG|@DIGEST]        an OCI image layout, a folder
 *   oci-archive:FILE[:TAG]       the same as a tar, which may be compressed
 *   docker-archive:FILE[:TAG]    what `docker save` writes, either form; may be compressed
 *   registry:REF                 HOST[:PORT]/NAME[:TAG][@DIGEST] at a registry (distribution-spec 1.1)
 *   rootfs:DIR                   a folder that is a root file system
 *
 * Each layer is streamed once, verified against its digest and diff_id, its members recognised, then the layers are laid over
 * each other (scan_image_tree.h): only what is there in the end is reported, as "REFERENCE!/path", and behind it the image,
 * kind container-image, whose digest is its manifest's. A layer that several images of one run share is read once.
 *
 * What is wrong with an image is its finding: a layer that is not what its digest says is `conflict`; one that is damaged,
 * absent, or over a limit makes it `unknown`, since what was not seen may be there.
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_H
#define REFORGE_INVENTORY_SCAN_IMAGE_H

#include "format/image.h"
#include "inventory/scan.h"
#include "version/platform.h"

struct registry_settings;
struct scan_image_options {
	const struct scan_options *scan; /* evidence and progress count; no_digest is RF_EINVALID; threads do not count */
	struct image_platform platform;  /* architecture empty: this machine's, or the only one that there is */
	bool all_platforms;
	/* Of the registry @host ("registry.example:5000"); NULL: defaults. */
	const struct registry_settings *(*registry)(struct span host, void *data);
	void *registry_data;
};

struct scan_image {
	const char *reference; /* the argument, with what tells the image from others in it */
	struct digest digest;  /* of the manifest; docker-archive without one: of the config (the image's ID); rootfs: the Merkle
				* root over what was found */
	bool has_index;
	struct digest index; /* the list of platforms that names it, if there is one: what runs may be known by that digest */
	const char *index_unseen; /* what of that list was not read, or not whole: a sentence; NULL: nothing */
	char platform[112];  /* "linux/arm64/v8"; "" unknown */
	enum platform_line line; /* that its own release file or packages name (line.h) */
};

/* @f->path is REFERENCE!/inside, or REFERENCE for the image itself; @inside NULL then. Everything lives until it returns. */
typedef int scan_image_report(const struct scan_image *image, const struct scan_file *f, const char *inside, void *data);

struct scan_images; /* a run: layers that were read already */
struct scan_images *scan_images_new(const struct scan_image_options *o); /* NULL: out of memory; @o is copied */
void scan_images_free(struct scan_images *s);
void scan_images_freep(struct scan_images **s);

/* True for the forms above, for a folder that is an OCI layout, and for a reference to a registry that cannot be taken for
 * anything else: a host with a dot or a port, a tag or a digest, and no file of that name. */
bool scan_image_is(const char *argument);
/* Reads the images that @argument names. RF_ENOTFOUND, RF_EFORMAT, RF_EUNSUPPORTED, RF_EIO, RF_EPERM and the like when it
 * cannot be read at all; else findings. Non-zero from @report ends it and is returned. @ret_totals may be NULL. */
RF_MUST_CHECK int scan_image(struct scan_images *s, const char *argument, scan_image_report *report, void *data,
			     struct scan_totals *ret_totals, struct err *err);
/* The same for an image that was found among other files (scan_options.image): when it cannot be read at all RF_EUNREADABLE. */
RF_MUST_CHECK int scan_image_found(struct scan_images *s, const char *argument, scan_image_report *report, void *data,
				   struct scan_totals *ret_totals, struct err *err);

#endif
