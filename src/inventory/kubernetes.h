/*
 * kubernetes - workloads of a cluster, from its API or from manifests: which images run where, as how many, with which
 * volumes and models, and whose they are.
 *
 *   manifests (YAML, JSON, folders) ─┐
 *                                    ├─► kube_set: objects ─► kube_set_join() ─► workloads, images by digest, findings
 *   API, read-only lists ────────────┘
 *
 * Pure but for kubernetes_api.h and kubernetes_record.h. May use base/, format/. Kinds read: Pod, Deployment, StatefulSet,
 * DaemonSet, ReplicaSet, ReplicationController, Job, CronJob, EphemeralContainers (no workload: what reviews up to
 * Kubernetes 1.21 hold of `kubectl debug`); KServe's InferenceService, LLMInferenceService, TrainedModel, ServingRuntime,
 * ClusterServingRuntime; lists of them. Everything else is counted and skipped; a Secret is never looked into, and of
 * environment variables only what is written in the manifest itself and names a model.
 *
 * What a controller made (the ReplicaSet and pods of a Deployment) is counted once, as the controller; its pods tell which
 * digests really run. A service of KServe has the server that its pods run, else the one of its runtime: the runtime that
 * it names, or the one that KServe would choose for its model's format. Where that cannot be told the image's reference is a
 * text in parentheses that says why, with the runtimes that it may be. One thread.
 */
#ifndef REFORGE_INVENTORY_KUBERNETES_H
#define REFORGE_INVENTORY_KUBERNETES_H

#include "base/arena.h"
#include "base/hash.h"
#include "crypto/digest.h"
#include "format/json.h"

#define KUBE_MAX_OBJECTS 500000   /* of one cluster; the project's own limit is 150,000 pods */
#define KUBE_MAX_DOCUMENTS 20000  /* of one file */
#define KUBE_MAX_FILE_BYTES (64 * MIB)
#define KUBE_MAX_CONTAINERS 64    /* of one pod template; more are refused with the workload */
#define KUBE_MAX_MODELS 64        /* model references of one workload; more are left out and said */

/* Label keys that say whose a workload is. A key that is absent leaves the service empty. */
struct kube_labels {
	const char *service; /* "app.kubernetes.io/name" */
	const char *owner;   /* "" none */
	const char *contact; /* label or annotation; "" none */
};

/* An image reference and what is known of it. */
struct kube_image {
	const char *reference;   /* as written; "" none */
	const char *digest;      /* 64 hex digits of the manifest, from the reference or a pod's status; "" unknown */
	const char *source;      /* "reference", "status", "" */
	int64_t pods;            /* that run it, by their status */
};

enum kube_role { KUBE_CONTAINER, KUBE_INIT, KUBE_EPHEMERAL, KUBE_VOLUME /* an OCI image mounted as files */ };
const char *kube_role_text(enum kube_role r); /* "container", "init", "ephemeral", "volume" */

struct kube_container {
	const char *name;
	enum kube_role role;
	struct kube_image *images; /* one; more while pods of two releases run; most pods first */
	size_t images_n;
};

struct kube_volume {
	const char *name;
	const char *kind;       /* "persistentVolumeClaim", "hostPath", "nfs", "configMap", "image", "csi", ... */
	/* What is the same volume in two workloads: "persistentVolumeClaim:models", "nfs:server:/export",
	 * "azureFile:share", ...; "" when each pod has its own. */
	const char *identity;
	const char *sub_path;   /* of the mount; "" whole */
	const char *mounted_at; /* "" not mounted */
	const char *container;  /* that mounts it; two pods of one workload may have containers of one name */
	unsigned pod;           /* of an InferenceService the predictor's is 1, a further one's 2, ... */
	const char *node;       /* hostPath: the node that its pod is bound to; "" the object does not say */
	bool writable;
	/* What is on it came with the pod: emptyDir, configMap, tokens; no model that the object does not name lies there. */
	bool is_own;
	bool is_open; /* sub_path holds $(NAME) that the object does not give */
};

struct kube_model { /* a model or engine that the workload is told to load */
	const char *where; /* "storageUri", "env MODEL_PATH", "argument --model-repository", "annotation site/model" */
	/* Without user, password and query. $(NAME) is filled in; a path that the container's working folder stands before
	 * has that. */
	const char *uri;
	const char *container; /* whose it is: a path is one among its mounts; "" the whole workload's */
	unsigned pod;
	bool is_open; /* it holds a $(NAME), or is a reference (valueFrom), whose value the object does not give */
};

struct kube_workload {
	const char *kind, *name, *namespace_; /* namespace "" for cluster-wide ones */
	const char *uid;                      /* "" in manifests */
	const char *owner_kind, *owner_name, *owner_uid; /* the controller's; "" none */
	const char *served_kind, *served_name, *component; /* the service of KServe that it was made for; name "" none */
	const char *service, *service_owner, *contact;   /* from labels; "" none */
	const char *runtime;                  /* a service of KServe: the ServingRuntime that it has; "" none, or not told */
	struct kube_serving *serving;         /* of KServe's kinds: for kube_set_join(); NULL others */
	int64_t replicas;                     /* wanted, or run by status where the API tells; 0 for templates */
	struct kube_container *containers;
	size_t containers_n;
	struct kube_volume *volumes;
	size_t volumes_n;
	struct kube_model *models;
	size_t models_n, models_left_out;
	unsigned pods;                        /* specifications read: 1 but for an InferenceService */
	bool owned;                           /* by one of the set: not to be counted */
	bool made;                            /* one of the set was made by it */
};

struct kube_finding {
	const char *namespace_, *rule, *subject, *text; /* rule: "shared_writable_volume", "two_releases_run" */
};

struct kube_set {
	struct arena arena;
	struct kube_labels labels;
	const char *default_namespace;
	struct kube_workload *workloads;
	size_t count, room;
	size_t skipped;                       /* objects of other kinds */
	struct kube_finding *findings;
	size_t findings_n, findings_room;
	struct json_doc *doc;                 /* NULL: nothing was parsed yet */
};

RF_MUST_CHECK int kube_set_init(struct kube_set *s, const struct kube_labels *labels, const char *default_namespace,
				struct err *err);
/* As after kube_set_init() with the same labels, keeping its memory: for one object after another. RF_ENOMEM. */
RF_MUST_CHECK int kube_set_reset(struct kube_set *s, struct span default_namespace, struct err *err);
void kube_set_release(struct kube_set *s); /* takes a zeroed one */

/* One file of manifests: YAML documents, or a JSON value. @file for messages. All of it is added or nothing: RF_EFORMAT
 * with file, line or document, and the rule; RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM. */
RF_MUST_CHECK int kube_read(struct kube_set *s, struct span bytes, const char *file, struct err *err);
/* One object or list, as the API gives it. Items of a typed list take the list's kind. */
RF_MUST_CHECK int kube_add(struct kube_set *s, struct json object, struct err *err);

/* Once, after everything was added: what belongs to whom, digests of running pods, findings. RF_ENOMEM. */
RF_MUST_CHECK int kube_set_join(struct kube_set *s, struct err *err);

/* It answers somebody: neither what runs to its end nor what is a template or a model of others. */
bool kube_serves(const char *kind);

/* The parts of an image reference: "registry/repo:tag@sha256:hex". The digest's hex, or SPAN_NONE. */
struct span kube_reference_digest(struct span reference);
/* "docker-pullable://repo@sha256:hex" and the like, of status.containerStatuses.imageID. SPAN_NONE when it names an image's
 * configuration ("sha256:hex" alone), which is not the manifest's digest. */
struct span kube_image_id_digest(struct span image_id);
/* The text names a model or engine: an address in a store (s3://, gs://, pvc://, ...) whatever holds it; another URI or path
 * by its end, or by the name of what holds it. */
bool kube_names_model(struct span holder, struct span value);
/* The address begins with a store's scheme. */
bool kube_stores_models(struct span value);
/* The container that names @m has @v mounted; a model of the whole workload is looked for in all of them. */
bool kube_sees(const struct kube_model *m, const struct kube_volume *v);
/* What holds a text says that it is where a model is ("--model-repository", "MODEL_PATH", "modelFile") and not what it is
 * called, how many, how large. */
bool kube_names_place(struct span holder);

#endif
