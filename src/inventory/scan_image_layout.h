/*
 * scan_image_layout - what folders and tars with an OCI layout have in common (image-spec, "image-layout.md").
 *
 * May use base/, format/. Private to the scan_image files.
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_LAYOUT_H
#define REFORGE_INVENTORY_SCAN_IMAGE_LAYOUT_H

#include "inventory/scan_image_source.h"

/* "PLACE[:TAG][@sha256:…]" taken apart. A PLACE that is there as it stands has neither. */
struct layout_name {
	char place[4096];
	struct span tag, digest; /* in the argument; empty: all images */
};
/* RF_ETOOBIG, RF_EINVALID (a digest that is none). */
RF_MUST_CHECK int layout_name_read(const char *rest, struct layout_name *ret, struct err *err);

/* Takes those entries of index.json that @name means; RF_ENOTFOUND names what there is. */
RF_MUST_CHECK int layout_take(struct image_run *run, struct span index, const struct layout_name *name, struct err *err);

#endif
