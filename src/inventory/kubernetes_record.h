/*
 * kubernetes_record - workloads of a cluster into the inventory: one host a namespace ("k8s:CLUSTER/NAMESPACE"), one
 * placement a container ("Deployment/asr/container/server").
 *
 * May use workspace/, inventory.h, fleet_store.h. Writes the database in one transaction.
 *
 * The content of a placement is the image's manifest, by its digest: from a running pod's status, the reference, or what a
 * scan of that reference found (host "image:REFERENCE") no longer than KUBE_SCANNED_USEC ago: a tag may have moved since, so
 * that an older scan is a candidate and no proof. A reference whose digest nobody knows stands as content of its own,
 * unknown, whose digest is that of its text: it is judged as what it is, content that nobody has looked into.
 */
#ifndef REFORGE_INVENTORY_KUBERNETES_RECORD_H
#define REFORGE_INVENTORY_KUBERNETES_RECORD_H

#include "database/database.h"
#include "inventory/inventory.h"
#include "inventory/kubernetes.h"
#include "inventory/kubernetes_api.h"
#include "inventory/kubernetes_detail.h"
#include "workspace/workspace.h"

/* As old as a feed may be before its silence proves nothing. */
#define KUBE_SCANNED_USEC USEC_PER_DAY

struct kube_record {
	const char *cluster;
	const struct workspace *workspace;
	const struct kube_listing *listing; /* what could not be seen; NULL: manifests */
	bool whole_cluster;                 /* @set is all that runs there: namespaces that are not in it are gone */
	bool some;                          /* @set is some of what runs there: nothing is gone, in its namespaces neither */
};
struct kube_result {
	struct inventory_changes changes;
	size_t namespaces, workloads, containers, unknown_images, findings;
	int64_t replicas; /* pods wanted, of all workloads */
};
/* @set is joined. @ret may be NULL. */
RF_MUST_CHECK int kube_record(struct database *db, const struct kube_set *set, const struct kube_record *o,
			      struct kube_result *ret, struct err *err);

/* "k8s:CLUSTER/NAMESPACE"; cluster-wide objects have the namespace "". */
const char *kube_host(const char *cluster, const char *namespace_, struct arena *a); /* NULL: out of memory */
/* "Deployment/asr/container/server", the further image @i of a container with "@" and the digest's first 12 digits behind. */
const char *kube_path(const struct kube_workload *w, const struct kube_container *c, size_t i, struct arena *a);
/* The digest of a reference's text, for content whose own is not known. */
void kube_reference_identity(struct span reference, struct digest *ret);

/* Services that labels name and reforge.yaml does not, as workspace_services_write() takes them; "{}" when there are none.
 * A service needs an owner by label and a namespace that has an environment: others are left to reforge.yaml. */
RF_MUST_CHECK int kube_services_json(const struct kube_set *set, const struct kube_record *o, struct str *ret,
				     struct err *err);

#endif
