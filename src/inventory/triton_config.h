/*
 * triton_config - what a Triton model's config.pbtxt says (model_config.proto of triton-inference-server/common): the
 * part of it that decides which files are loaded, by what, for which GPU; and what a recipe can be drafted from.
 *
 * Pure. May use base/ and format/. Fields that are not read here are counted by name, not refused: newer servers have
 * more. A field that is read and has the wrong shape is refused with its line.
 */
#ifndef REFORGE_INVENTORY_TRITON_CONFIG_H
#define REFORGE_INVENTORY_TRITON_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "format/json.h"

#define TRITON_CONFIG_MAX_BYTES (1 * MIB) /* the largest met has 60 KB: 4,000 tensors */

enum triton_policy { TRITON_LATEST = 0, TRITON_ALL, TRITON_SPECIFIC };

struct triton_pair { /* cc_model_filenames: "8.6" -> "model_a10.plan"; parameters: key -> string_value */
	const char *key, *value;
};
struct triton_tensor {
	const char *name, *data_type; /* "TYPE_FP32" */
	const int64_t *dims;          /* -1: any */
	size_t dims_n;
};
struct triton_instances {
	const char *kind; /* "KIND_GPU", "KIND_CPU", "KIND_AUTO", "KIND_MODEL"; "" not said */
	int64_t count;    /* 0: not said */
	const int64_t *gpus;
	size_t gpus_n;
};
struct triton_step { /* of an ensemble */
	const char *model;
	int64_t version; /* -1: the newest */
};

struct triton_config {
	const char *name, *platform, *backend, *default_model_filename; /* "" not said */
	int64_t max_batch_size;
	enum triton_policy policy;
	int64_t latest_n; /* TRITON_LATEST; 1 unless said otherwise */
	const int64_t *versions; /* TRITON_SPECIFIC */
	size_t versions_n;
	const struct triton_pair *cc_files, *parameters;
	size_t cc_files_n, parameters_n;
	const struct triton_tensor *inputs, *outputs;
	size_t inputs_n, outputs_n;
	const struct triton_instances *instances;
	size_t instances_n;
	const struct triton_step *steps;
	size_t steps_n;
	const char *const *op_libraries; /* model_operations: libraries that Triton opens for this model */
	size_t op_libraries_n;
	const char *optimization; /* gpu_execution_accelerator of the ONNX Runtime backend: "tensorrt"; "" none */
	size_t others; /* fields of the top that are not read here */
};

/* Texts and arrays live in @a. RF_EFORMAT with file, line and field; RF_ETRUNCATED, RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM. */
RF_MUST_CHECK int triton_config_read(struct span text, const char *file, struct arena *a, struct triton_config *ret,
				     struct err *err);
/* What a model without config.pbtxt has: all empty, the newest version is served. */
struct triton_config triton_config_default(void);

/* The backend by name: as said, else told from the platform ("tensorrt_plan" is "tensorrt"); "" unknown; "ensemble". */
const char *triton_backend(const struct triton_config *c);
/* What the backend loads when the configuration names no file: "model.plan"; NULL when it loads none by name. */
const char *triton_default_file(const char *backend);
/* The backend whose default file that is; NULL. */
const char *triton_backend_of_file(struct span name);
/* Does the policy serve @version, of the @n versions (ascending) that are there? */
bool triton_serves(const struct triton_config *c, int64_t version, const int64_t *versions, size_t n);

/* ── What is said of a file in a repository (triton_repository.h finds it) ───────────────────────────────────────── */

enum triton_load {
	TRITON_OUTSIDE = 0, /* in no model's folder: nothing is said */
	TRITON_LOADED,      /* a server of this repository loads it; on GPUs of some compute capabilities only: see words */
	TRITON_NOT_SERVED,  /* it would be, but the version policy leaves its folder out */
	TRITON_NEVER,       /* nothing names it */
	TRITON_UNTOLD,      /* cannot be told: unreadable configuration, a backend that chooses by itself */
};
const char *triton_load_text(enum triton_load l);  /* "", "loaded", "not_served", "never_loaded", "untold" */
enum triton_load triton_load_of(struct span text); /* OUTSIDE for others */

struct triton_verdict {
	enum triton_load load;
	const char *model;                  /* its folder's name: what clients ask for; NULL outside */
	int64_t version;                    /* of the version folder; -1: in none */
	const char *words;                  /* why: "version 2; the policy serves latest 1 of the 3 that are there"; NULL outside */
	const struct triton_config *config; /* NULL: none, or unreadable */
};
/* "triton":{"load","model","version","why"}, a member of an open object; nothing outside, and for NULL. */
void triton_verdict_json(struct json_out *o, const struct triton_verdict *v);

#endif
