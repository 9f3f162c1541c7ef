/*
 * adopt - engines that are in service without recipes: what can be told of how they were built, and whom to ask for
 * the rest.
 *
 * Steps, of which these are pure (bytes and values in, values out; no I/O, no clock):
 *
 *   logs, scripts ──adopt_log_read()──► commands ─┐
 *   engines, models, golden inputs ───────────────┴─adopt_draft()──► drafts, questions ──adopt_recipe_yaml()──► YAML
 *
 * Every field of a draft carries its source ("build.log, line 12"); a guess is never written as a fact: it becomes a
 * question with its candidates. An engine whose model nobody has is "not rebuildable".
 *
 * May use base, format, crypto, workspace, depot, ledger, database, scan.h.
 *
 * trtexec's log lines: NVIDIA TensorRT, samples/trtexec and samples/common/logger.h (public source, Apache-2.0):
 *   &&&& RUNNING TensorRT.trtexec [TensorRT v8601] # trtexec --onnx=det.onnx --saveEngine=det.plan --fp16
 *   [08/23/2025-12:00:00] [I] Compute Capability: 8.6
 *   &&&& PASSED TensorRT.trtexec [TensorRT v8601] # ...
 * The number is NV_TENSORRT_MAJOR * 1000 + MINOR * 100 + PATCH, from 10.0 on MAJOR * 10000 + MINOR * 100 + PATCH.
 */
#ifndef REFORGE_INVENTORY_ADOPT_H
#define REFORGE_INVENTORY_ADOPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "format/json.h"

/* ── What logs and scripts say ───────────────────────────────────────────────────────────────────────────────────── */

/* A log is read up to here; what stands behind is not looked at, and said so. */
#define ADOPT_MAX_LOG_BYTES (64 * MIB)
#define ADOPT_MAX_COMMANDS 100000
#define ADOPT_MAX_ARGS 256

/* One build by trtexec. Everything lives in the arena. */
struct adopt_command {
	const char *model;       /* --onnx, as written; "" none */
	const char *engine;      /* --saveEngine, as written; "" none */
	const char *calibration; /* --calib; "" none */
	const char *plugins;     /* --staticPlugins, --dynamicPlugins, --plugins, as written; "" none */
	const char **args;       /* what decides the engine, in order: neither paths above nor what only measures */
	size_t args_n;
	bool int8;                   /* --int8 or --best */
	bool half;                   /* --fp16, --bf16, --best */
	char version[16];            /* "8.6.1"; "" not told */
	char compute_capability[16]; /* "8.6"; "" not told */
	const char *device;          /* "NVIDIA A10"; "" */
	bool from_log;               /* trtexec's own log; else a script's text */
	bool passed, failed;         /* as the log's last line says */
	const char *unresolved;      /* "$MODEL": a variable that only the script's run knew; NULL none */
	const char *file;
	uint64_t line;
};
struct adopt_commands {
	struct adopt_command *list;
	size_t count, capacity;
	struct arena *a;
};
/* Adds every build that @text speaks of. Text of any kind: what is no command adds nothing; runs that only load an
 * engine (--loadEngine) add nothing either. RF_ENOMEM; RF_ETOOMANY beyond ADOPT_MAX_COMMANDS. */
RF_MUST_CHECK int adopt_log_read(struct adopt_commands *to, struct span text, const char *file, struct err *err);

/* ── Drafts ──────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* An engine in service. Borrowed for adopt_draft(). */
struct adopt_engine {
	const char *path;               /* absolute */
	const char *service;            /* never "" */
	const char *model;              /* by its folder or name: "det"; never "" */
	const char *kind, *product;     /* ARTIFACT_*; product NULL: unknown */
	const char *version;            /* of the toolchain; "" unknown */
	const char *target;             /* "linux-x86_64/cpu-avx512", "sm_86"; "" unknown */
	const char *compute_capability; /* "8.6"; "" unknown */
	const char *digest;             /* hex */
	const char *source_digest;      /* our stamp's: the model it was built from; "" none */
	const char *folder;             /* of a Triton model: what else lies there may be its source; "" none */
	const char *config;             /* config.pbtxt that names the file, for sources; "" none */
	const char *config_target;      /* "sm_86" by its cc_model_filenames; "" not said */
	const char *config_backend;     /* "tensorrt", "onnxruntime"; "" not said */
	const char *shapes;             /* options that its inputs and max_batch_size would need; "" cannot be told */
	bool conflict;                  /* the file breaks a rule: nothing of it is taken over */
	const char *cause, *rule;       /* ARTIFACT_CAUSE_*, the first rule that objected ("host_code_elf"); "" no conflict */
};
/* A model that is at hand. */
struct adopt_model {
	const char *path, *digest;
	bool refused; /* inspection found something: no toolchain gets it */
};
struct adopt_service {
	const char *name;
	const char *owner, *contact, *deputy; /* owner "": not known */
	const char *platform;                 /* "linux-x86_64", "linux-aarch64": where its engines run; "" not known */
};
struct adopt_golden {
	const char *model; /* folder's name */
	const char *path;
};
struct adopt_facts {
	const struct adopt_engine *engines;
	size_t engines_n;
	const struct adopt_model *models;
	size_t models_n;
	const struct adopt_command *commands;
	size_t commands_n;
	const struct adopt_service *services;
	size_t services_n;
	const struct adopt_golden *golden;
	size_t golden_n;
	const char *const *taken; /* names of recipes that exist; may be NULL */
	size_t taken_n;
};

enum adopt_state {
	ADOPT_READY,           /* every field known: a recipe */
	ADOPT_ASKS,            /* rebuildable when the questions are answered */
	ADOPT_NOT_REBUILDABLE, /* no model for it */
	ADOPT_STATES
};
const char *adopt_state_name(enum adopt_state s); /* "ready", "asks", "not rebuildable" */

struct adopt_field {
	const char *value;  /* "" unknown */
	const char *source; /* where it was read; "" unknown */
	bool proposed;      /* nobody said so: a usual value, to be confirmed */
};
#define ADOPT_MAX_CANDIDATES 8
struct adopt_question {
	const char *what; /* "source", "target", "arguments", "calibration", "plugins", "inputs", "owner", "toolchain" */
	const char *text; /* one sentence that a person can answer */
	const char *candidates[ADOPT_MAX_CANDIDATES];
	size_t candidates_n;
	bool blocks; /* without an answer it can't be built */
};
#define ADOPT_MAX_QUESTIONS 8
struct adopt_draft {
	const char *name;           /* of the recipe */
	enum adopt_state state;
	const struct adopt_engine **engines; /* that it rebuilds: one a target, or several placements of one file */
	size_t engines_n;
	const struct adopt_service *service;
	struct adopt_field toolchain, source_path, source_digest, arguments, inputs, tolerance;
	const char **args;
	size_t args_n;
	struct adopt_field *targets;
	size_t targets_n;
	const struct adopt_command *command; /* NULL: no log speaks of it */
	struct adopt_question questions[ADOPT_MAX_QUESTIONS];
	size_t questions_n;
};
/* One draft a model and service: engines of one model folder that differ in their target only share it. In @a, in the
 * order of service and name. RF_ENOMEM. */
RF_MUST_CHECK int adopt_draft(struct arena *a, const struct adopt_facts *facts, struct adopt_draft **ret,
			      size_t *ret_count, struct err *err);

/* recipes/NAME.yaml, each value with its source behind it, questions as comments on top. What is unknown is left out:
 * recipe_read() takes the text when the state is ADOPT_READY. */
void adopt_recipe_yaml(const struct adopt_draft *d, struct str *to);
/* The questions of all drafts by owner, for people. */
void adopt_questions_markdown(const struct adopt_draft *drafts, size_t count, struct str *to);
/* {"name","state","engines","fields","questions"}, an object. */
void adopt_draft_json(const struct adopt_draft *d, struct json_out *o);

/* ── A fleet on a disk ───────────────────────────────────────────────────────────────────────────────────────────── */

struct workspace;
struct database;
struct depot;

/* Whose the engines below a folder are: a row of --services, or the options of the command. "" where not told. */
struct adopt_assignment {
	const char *folder; /* absolute and normal */
	const char *service, *environment, *owner, *contact, *deputy, *platform;
	const char *runtime; /* "tensorrt@10.3.0" */
};
#define ADOPT_MAX_ASSIGNMENTS 20000
/* CSV with a header; columns folder, service, environment, owner, contact, deputy, platform, runtime in any order, folder
 * mandatory. @base: what relative folders are relative to. RF_EFORMAT with line and column. */
RF_MUST_CHECK int adopt_assignments_read(struct arena *a, struct span csv, const char *file, const char *base,
					 struct adopt_assignment **ret, size_t *ret_count, struct err *err);

/* ── A cluster ───────────────────────────────────────────────────────────────────────────────────────────────────── */

struct kube_set;
/* Where a volume of a cluster can be read here. */
struct adopt_volume {
	const char *volume; /* "NAMESPACE/CLAIM", or as scan tells others: "hostPath:/srv/models", "nfs:server:/export" */
	const char *folder; /* absolute and normal */
};
/* What a workload loads and is not at hand here: a question to its owner. */
struct adopt_elsewhere {
	const char *namespace_, *workload; /* "Deployment/asr" */
	const char *service, *owner, *contact; /* "" not told */
	const char *what;                  /* "/models/asr.plan", "s3://models/asr" */
	const char *text;                  /* one sentence that says where it lies and what to do */
};
/*
 * Pure. Whose the engines on a cluster's volumes are, by its joined set: each volume of @volumes that a workload mounts is a
 * folder (with the mount's sub path) of the workload's service (its label's, else its name), owner and contact by label,
 * environment by namespace (reforge.yaml). The same folder under two services: the first counts, the second is a question.
 * Models that lie on no volume given are questions, each once. In @a. RF_ENOMEM.
 */
RF_MUST_CHECK int adopt_cluster(struct arena *a, const struct kube_set *set, const struct workspace *w, const char *cluster,
				const struct adopt_volume *volumes, size_t volumes_n, struct adopt_assignment **ret, size_t *ret_count,
				struct adopt_elsewhere **ret_elsewhere, size_t *ret_elsewhere_count, struct err *err);

struct adopt_options {
	const char *const *paths; /* absolute and normal; everything below them is looked at */
	size_t paths_n;
	const struct adopt_assignment *assignments; /* the longest folder that holds an engine counts */
	size_t assignments_n;
	const char *environment; /* where no assignment says: a name of reforge.yaml */
	void (*progress)(uint64_t files, uint64_t bytes, const char *path, void *data);
	void *data;
};

/* A service that reforge.yaml does not name yet. */
struct adopt_new_service {
	struct adopt_service service;
	const char *root, *environment, *runtime;
};
struct adopt_found {
	struct adopt_facts facts;
	struct adopt_new_service *new_services; /* by name */
	size_t new_services_n;
	size_t recorded; /* engines that have a recipe already: left alone */
	size_t logs;     /* texts that speak of trtexec */
	size_t unread;   /* files that could not be read: nothing is claimed about them */
	size_t packed;   /* engines inside of archives and other containers: only a file of its own is adopted */
};
/*
 * Looks for engines, models, logs, scripts and golden inputs. An engine belongs to the service of reforge.yaml whose
 * root holds it; else to what its assignment says; else to a service named like the folder directly below the path
 * given (the path itself, when the engine lies in it directly). Links are not followed out of a path.
 * All in @a. RF_ENOTFOUND (a path), RF_ENOMEM, RF_ETOOMANY.
 */
RF_MUST_CHECK int adopt_find(const struct workspace *w, const struct adopt_options *o, struct arena *a,
			     struct adopt_found *ret, struct err *err);

/* reforge.yaml with the new services in it: @yaml's own bytes stay as they are. RF_EUNSUPPORTED when `services` is
 * written in flow style, with what to do. @drafts tell which engines need a line of their own. */
RF_MUST_CHECK int adopt_services_yaml(const struct adopt_found *found, const struct adopt_draft *drafts, size_t count,
				      struct span yaml, struct str *ret, struct err *err);

struct adopt_written {
	size_t recipes, drafts; /* files */
	size_t releases;        /* as-found ones, recorded and made stable where nothing was */
	size_t engines;         /* in them */
	uint64_t bytes;
};
/*
 * Writes what adopt_find() and adopt_draft() found: recipes/NAME.yaml for what is ready (never over a file that is
 * there), recipes/drafts/NAME.yaml for the rest, adopt/questions.md; reforge.yaml last. Killed anywhere, it may be run
 * again.
 */
RF_MUST_CHECK int adopt_write(const struct workspace *w, const struct adopt_found *found, const struct adopt_draft *drafts,
			      size_t count, struct adopt_written *ret, struct err *err);
/*
 * The as-found release of each service and environment of @w (read again after adopt_write()): every engine of the
 * drafts, copied into the depot, provenance unknown, not signed (release.h). Services that have a stable release get
 * none. Ledger: `release.published`, `channel.moved`. @now gives the release its date.
 */
RF_MUST_CHECK int adopt_release(const struct workspace *w, struct database *db, struct depot *depot,
				const struct adopt_draft *drafts, size_t count, const char *actor, int64_t now_usec,
				struct adopt_written *ret, struct err *err);

#endif
