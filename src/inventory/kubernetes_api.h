/*
 * kubernetes_api - the workloads of a live cluster: read-only lists, page by page.
 *
 * May use base/, format/, network/. GET and nothing else; of the kinds in kubernetes.h and no others, so no Secret is ever
 * asked for. What the API does not have (KServe is not installed) is no error; what it does not let us see is told by
 * kind, since what was not seen is not gone.
 */
#ifndef REFORGE_INVENTORY_KUBERNETES_API_H
#define REFORGE_INVENTORY_KUBERNETES_API_H

#include "inventory/kubernetes.h"
#include "inventory/kubernetes_config.h"

#define KUBE_PAGE 500                   /* objects a page, as kubectl asks for */
#define KUBE_PAGE_BYTES (256 * MIB)     /* 500 pods of 100 KB are 50 MB */
#define KUBE_MAX_PAGES 2000             /* of one kind */
#define KUBE_MAX_UNSEEN 16

struct kube_unseen {
	const char *kind;   /* "Deployment" */
	const char *reason;
};
struct kube_listing {
	uint64_t requests, bytes;
	struct kube_unseen unseen[KUBE_MAX_UNSEEN];
	size_t unseen_n;
	char version[64];   /* of the server: "v1.29.3"; "" not told */
};

/* Reads all kinds of one namespace, or of all (@namespace_ NULL), into @set; kube_set_join() is the caller's. @reason texts
 * live in the set's arena. RF_EPERM when nothing at all may be seen, RF_EVERIFY, RF_EIO, RF_ETIMEOUT, RF_EFORMAT,
 * RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM, RF_ECANCELLED. Nothing half: on an error @set holds no result to use. */
RF_MUST_CHECK int kube_list(const struct kube_access *access, const char *namespace_, struct kube_set *set,
			    struct kube_listing *ret, struct err *err);

#endif
