/* kubernetes_int - what the files that read objects share; nobody else includes it. */
#ifndef REFORGE_INVENTORY_KUBERNETES_INT_H
#define REFORGE_INVENTORY_KUBERNETES_INT_H

#include "inventory/kubernetes.h"

/* A terminated copy of a string; "" when absent or no string. NULL: out of memory. */
const char *kube_text(struct kube_set *s, struct json v);
/* A new workload at the end of the set. NULL: out of memory. */
struct kube_workload *kube_new(struct kube_set *s);
int kube_no_memory(struct err *err);
/* Fills containers, volumes, models of @w from a pod's spec. RF_ETOOMANY, RF_ENOMEM. */
RF_MUST_CHECK int kube_pod_spec(struct kube_set *s, struct json spec, struct kube_workload *w, struct err *err);
/* One more container with the image @reference. */
RF_MUST_CHECK int kube_container_add(struct kube_set *s, struct kube_workload *w, const char *name, enum kube_role role,
				     struct json image, struct err *err);
RF_MUST_CHECK int kube_model_add(struct kube_set *s, struct kube_workload *w, const char *where, struct span uri,
				 struct err *err);

#endif
