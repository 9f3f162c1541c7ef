/*
 * scan_image_form - files that are images or parts of one, told by name and content: for scans of folders.
 *
 * May use base/, format/. Private to the room.
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_FORM_H
#define REFORGE_INVENTORY_SCAN_IMAGE_FORM_H

#include "base/span.h"

/* "docker-archive:" or "oci-archive:", when the tar (compressed or not) that @fd is open on holds an image and nothing else: names
 * that `docker save`, podman, skopeo and the image-spec give, among them manifest.json, or oci-layout and index.json. NULL: none.
 * Reads headers up to the first other name. @head: the first bytes. Moves the place that @fd is read from. */
const char *scan_image_archive_form(int fd, struct span head);
/* Of a path "DIR/blobs/sha256/<64 hex>" the length of DIR; 0: the path is no such one. */
size_t scan_image_layout_length(struct span path);

#endif
