/* kubernetes_int - what the files that read objects share; nobody else includes it. */
#ifndef REFORGE_INVENTORY_KUBERNETES_INT_H
#define REFORGE_INVENTORY_KUBERNETES_INT_H

#include "base/time.h"
#include "inventory/kubernetes.h"

#define KUBE_MAX_VOLUMES 256 /* of one pod */
#define KUBE_MAX_MOUNTS 1024 /* of one workload, of all its containers */

/* A terminated copy of a string; "" when absent or no string. NULL: out of memory. */
const char *kube_text(struct kube_set *s, struct json v);
/* A new workload at the end of the set. NULL: out of memory. */
struct kube_workload *kube_new(struct kube_set *s);
int kube_no_memory(struct err *err);
/* A pod's spec, and containers that its lists do not hold: KServe's model servers stand beside them. */
struct kube_pod {
	struct json spec;
	const struct json *beside;
	size_t beside_n;
	const char *beside_name;
	bool has_no_volumes; /* another object holds them: what a mount names is a volume of which nothing is known */
};
/* Adds containers, volumes, models of a pod to @w's. RF_ETOOMANY, RF_ETOOBIG, RF_ENOMEM. */
RF_MUST_CHECK int kube_pod_read(struct kube_set *s, const struct kube_pod *pod, struct kube_workload *w, struct err *err);
/* One more container with the image @reference. */
RF_MUST_CHECK int kube_container_add(struct kube_set *s, struct kube_workload *w, const char *name, enum kube_role role,
				     struct json image, struct err *err);
/* One more mount; one whose container is NULL or "" is every container's. RF_ETOOMANY, RF_ETOOBIG, RF_ENOMEM. */
RF_MUST_CHECK int kube_volume_add(struct kube_set *s, struct kube_workload *w, const struct kube_volume *v, struct err *err);
/* A model of the whole workload. A URI that is there already is one model. RF_ENOMEM. */
RF_MUST_CHECK int kube_model_add(struct kube_set *s, struct kube_workload *w, const char *where, struct span uri,
				 struct err *err);
/* The same of one container: all of @m but its uri. */
RF_MUST_CHECK int kube_model_put(struct kube_set *s, struct kube_workload *w, const struct kube_model *m, struct span uri,
				 struct err *err);
/* Those of a workload's annotations that name models. */
RF_MUST_CHECK int kube_annotation_models(struct kube_set *s, struct json annotations, struct kube_workload *w,
					 struct err *err);
/* With the set's parser, which is made when it is first used: reviews bring objects parsed. As json_parse(). */
RF_MUST_CHECK int kube_parse(struct kube_set *s, struct span text, struct json *ret, struct err *err);

/* ── Variables (kubernetes_variables.c) ─────────────────────────────────────────────────────────────────────────── */

struct kube_variable;
struct kube_variables { /* begins with `env` alone; the rest is made when a text needs it */
	struct json env;
	const struct kube_variable *list; /* one for each entry of env */
	uint32_t *slots;                  /* by name: number in the list, from 1 */
	size_t slot_count;
};
/* @text with $(NAME) filled in; with @shell instead a shell's $NAME and ${NAME}. @ret_open: something in it is not given by
 * the object, and stands there as it was. @ret in the set's arena, or @text. RF_ENOMEM. */
RF_MUST_CHECK int kube_expand(struct kube_set *s, struct kube_variables *v, struct span text, bool shell, struct span *ret,
			      bool *ret_open, struct err *err);
/* The same of the value @text of entry @i of env: with what stands before it. */
RF_MUST_CHECK int kube_variable_value(struct kube_set *s, struct kube_variables *v, size_t i, struct span text,
				      struct span *ret, bool *ret_open, struct err *err);

/* ── Mounts and texts of a container (kubernetes_pod.c, kubernetes_text.c) ──────────────────────────────────────── */

struct kube_mount {
	struct span volume;
	const char *at, *sub_path, *container;
	bool read_only, is_open, is_found;
};
/* What one container mounts. */
struct kube_mounted {
	const char *container;
	unsigned pod;
	const struct kube_mount *list;
	size_t n;
};
/* The folder may lie on one of the mounts. */
bool kube_is_mounted(const struct kube_mounted *m, struct span folder);
/* Adds the models that the container's texts name. */
RF_MUST_CHECK int kube_texts_read(struct kube_set *s, struct kube_workload *w, struct json container,
				  const struct kube_mounted *in, struct kube_variables *variables, struct err *err);

/* ── KServe ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

#define KUBE_SOURCE_URI "internal.serving.kserve.io/storage-initializer-sourceuri" /* what KServe's webhook fetches */
#define KUBE_MAX_FORMATS 64 /* of one runtime; further ones are left out of the choice */

struct kube_format { /* one of supportedModelFormats */
	const char *name, *version; /* version "" any */
	bool auto_select;
	int64_t priority;           /* -1: none, which comes last */
};
/* What a runtime offers. */
struct kube_offer {
	struct kube_format *formats;
	size_t formats_n;
	bool disabled, multi_model, multi_node;
	unsigned protocols;         /* 1 << number of kube_protocol(); 0: all */
	usec_t created;             /* USEC_NONE: not told */
	size_t workers_from;        /* containers from this one on are of workers */
};
/* What a service wants its server from. */
struct kube_ask {
	const char *part;            /* the container that is wanted: "predictor", "main", "explainer" */
	const char *runtime;         /* by name; "" the one that fits */
	const char *format, *version, *protocol, *runtime_version; /* "" not said; format "": no runtime, KServe's settings */
	const char *otherwise;       /* what else its image may come from; "" nothing */
	bool multi_node, multi_model;
};
#define KUBE_MAX_ASKS 4
struct kube_serving {
	struct kube_offer *offer;    /* NULL: no runtime */
	struct kube_ask asks[KUBE_MAX_ASKS];
	size_t asks_n;
};

/* "v1" 1, "v2" 2, "grpc-v1" 3, "grpc-v2" 4; 5 others. */
unsigned kube_protocol(struct span name);
/* Readers of serving.kserve.io's kinds. RF_ETOOMANY, RF_ETOOBIG, RF_ENOMEM. */
RF_MUST_CHECK int kube_read_inference_service(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err);
RF_MUST_CHECK int kube_read_llm_service(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err);
RF_MUST_CHECK int kube_read_trained_model(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err);
RF_MUST_CHECK int kube_read_serving_runtime(struct kube_set *s, struct json object, struct kube_workload *w, struct err *err);
/* What KServe's init container is told to fetch: pairs of address and folder. */
RF_MUST_CHECK int kube_fetched_models(struct kube_set *s, struct json args, struct kube_workload *w, struct err *err);
/* The name under which a service has a container of what KServe made for it. */
const char *kube_served_container(const struct kube_workload *made, const char *name);
/* Gives services what their runtimes bring, where nothing that runs tells it. @by_name: index + 1 by
 * kube_name_key(). RF_ENOMEM. */
RF_MUST_CHECK int kube_runtimes_resolve(struct kube_set *s, const struct map *by_name, struct err *err);
/* Under which a set's workloads are found; p NULL: out of memory. */
struct span kube_name_key(struct kube_set *s, const char *namespace_, const char *kind, const char *name);
/* What another workload has too is added once. RF_ENOMEM. */
RF_MUST_CHECK int kube_volumes_take(struct kube_set *s, struct kube_workload *to, const struct kube_workload *from, struct err *err);
RF_MUST_CHECK int kube_models_take(struct kube_set *s, struct kube_workload *to, const struct kube_workload *from, struct err *err);

#endif
