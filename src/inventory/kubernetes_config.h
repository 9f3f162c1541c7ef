/*
 * kubernetes_config - where a cluster's API is and how one is let in: a kubeconfig file, or a pod's service account.
 *
 * May use base/, format/, crypto/, network/. Reads files that the kubeconfig names; starts no program: exec plugins and
 * auth providers are refused with a word on what to do instead, and so is a server whose certificate is not to be
 * verified.
 */
#ifndef REFORGE_INVENTORY_KUBERNETES_CONFIG_H
#define REFORGE_INVENTORY_KUBERNETES_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define KUBE_CONFIG_MAX_BYTES (4 * MIB)
#define KUBE_IN_CLUSTER "in-cluster" /* the context of a pod that looks at its own cluster */

struct kube_access {
	const char *context, *cluster; /* names; the cluster's stands in hosts of placements */
	const char *namespace_;        /* of the context; "default" */
	const char *server;            /* "https://10.0.0.1:6443", without a slash at its end */
	const char *proxy;             /* NULL: none */
	struct span ca;                /* PEM; empty: the system's authorities */
	struct span certificate, key;  /* PEM; empty: none */
	const char *token;             /* NULL: none. Never shown */
};

/* Reads a kubeconfig (pure but for the files it names, relative ones to @folder). @context NULL: its current-context.
 * RF_EFORMAT with file, line and field; RF_ENOTFOUND (no such context: the text names those that are there);
 * RF_EUNSUPPORTED (exec, auth-provider, basic auth, tls-server-name); RF_EVERIFY (insecure-skip-tls-verify; plain http to
 * another machine); RF_EPERM (a key or token file that others may read); RF_EIO; RF_ENOMEM. */
RF_MUST_CHECK int kube_config_read(struct span text, const char *file, const char *folder, const char *context,
				   struct arena *a, struct kube_access *ret, struct err *err);
/* The same for the first of $KUBECONFIG's files that holds @context, or ~/.kube/config; KUBE_IN_CLUSTER: the service
 * account of the pod. */
RF_MUST_CHECK int kube_config_open(const char *context, struct arena *a, struct kube_access *ret, struct err *err);
/* @name is a context of a kubeconfig that can be read, or KUBE_IN_CLUSTER: for telling it from a file. */
bool kube_config_has(const char *name);

#endif
