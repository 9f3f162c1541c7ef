/*
 * kubernetes - what stands behind "k8s:" in an argument: a file or folder of manifests, or a context of a kubeconfig. Private
 * to cli/.
 */
#ifndef REFORGE_CLI_KUBERNETES_H
#define REFORGE_CLI_KUBERNETES_H

#include "cli/cli.h"
#include "inventory/kubernetes_api.h"
#include "workspace/workspace.h"

#define KUBERNETES_PREFIX "k8s:"

struct kubernetes_source {
	const struct invocation *in;       /* its options "cluster" and "namespace" */
	const char *name;                  /* behind the prefix; "" is the current context */
	const struct workspace *workspace; /* what labels mean; NULL: the usual ones */
	/* A file that is no manifest; what it returns ends the reading when it is not 0. */
	int (*unread)(const char *path, const struct err *why, void *data);
	void *data;
};
struct kubernetes_taken {
	struct kube_set set;         /* joined */
	struct kube_listing listing; /* of an API: what could not be seen */
	const char *cluster;         /* --cluster, else the context's, else "manifests" */
	const char *namespace_;      /* --namespace; NULL: all */
	bool manifests;
	struct arena arena;          /* texts of the access */
	struct kube_access access;
};
/* Reads all of it. Release always. Errors as of kube_config_open(), kube_list(), kube_read(). */
RF_MUST_CHECK int kubernetes_take(const struct kubernetes_source *s, struct kubernetes_taken *ret, struct err *err);
void kubernetes_release(struct kubernetes_taken *t);

#endif
