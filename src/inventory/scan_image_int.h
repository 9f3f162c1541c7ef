/*
 * scan_image_int - a run over images, step by step: shared by the files that make it, nobody else includes it.
 *
 *   source ─documents─► what is wanted ─feed─► layers ─report─► files, images
 */
#ifndef REFORGE_INVENTORY_SCAN_IMAGE_INT_H
#define REFORGE_INVENTORY_SCAN_IMAGE_INT_H

#include "inventory/scan_image_source.h"

/* Position of @w among what is wanted; @w is copied when it is new. RF_ENOMEM. */
RF_MUST_CHECK int image_want(struct image_run *run, const struct image_wanted *w, size_t *ret, struct err *err);
/* A new image of the argument, behind its others: "PREFIX" and @name. NULL with @err: no memory, too many. */
struct image_found *image_found_new(struct image_run *run, const char *name, struct err *err);

/* Reads what is wanted and was not read yet, through the run's source. What is wrong with a layer is its result. RF_ENOMEM,
 * RF_ECANCELLED, RF_EIO. */
RF_MUST_CHECK int image_run_read(struct image_run *run, struct err *err);

/* Reports the argument's images with what is in them; adds to @totals. RF_ENOMEM, or what @report returned. */
RF_MUST_CHECK int image_run_report(struct image_run *run, scan_image_report *report, void *data, struct scan_totals *totals,
				   struct err *err);

#endif
