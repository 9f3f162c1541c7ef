/*
 * kubernetes_detail - what is known of a workload's container beside its content, as one object of JSON: written with a
 * placement (docs/inventory-fleet.md), read by who asks what runs now.
 *
 * Pure. May use base/, format/, kubernetes.h.
 */
#ifndef REFORGE_INVENTORY_KUBERNETES_DETAIL_H
#define REFORGE_INVENTORY_KUBERNETES_DETAIL_H

#include "base/time.h"
#include "inventory/kubernetes.h"

/* What the last scan of a tag found. */
struct kube_scanned {
	char digest[DIGEST_HEX]; /* "" it was never scanned */
	usec_t at;
	bool is_fresh;           /* no longer than KUBE_SCANNED_USEC ago: it counts as the content */
};
/* @c NULL: of the workload alone, the placement of a model. @scanned NULL: nothing was looked up. */
void kube_detail_json(struct json_out *o, const struct kube_workload *w, const struct kube_container *c, size_t image,
		      const struct kube_scanned *scanned);

/* The workload of such an object, with the one container that it is about, or none; without namespace and labels, which
 * stand with the placement. Texts in @a. RF_EFORMAT when it is no object of ours; RF_ENOMEM. */
RF_MUST_CHECK int kube_detail_read(struct json detail, struct arena *a, struct kube_workload *ret, struct err *err);

#endif
