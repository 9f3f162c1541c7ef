/*
 * triton_repository - which files of a Triton model repository a server loads, and which only lie there.
 *
 *   REPOSITORY/MODEL/config.pbtxt
 *              MODEL/3/model.plan, model_sm86.plan      served when the version policy says so
 *              MODEL/labels.txt                         never loaded
 *
 * May use base/, format/. Reads folders and config.pbtxt files of the disk. Rules: triton-inference-server/server,
 * docs/user_guide/model_repository.md and model_configuration.md; file names by backend in triton_config.c.
 * A file that is not loaded stays a placement: the next change of the policy loads it.
 */
#ifndef REFORGE_INVENTORY_TRITON_REPOSITORY_H
#define REFORGE_INVENTORY_TRITON_REPOSITORY_H

#include "inventory/triton_config.h"

enum triton_load {
	TRITON_OUTSIDE = 0, /* in no model's folder: nothing is said */
	TRITON_LOADED,      /* a server of this repository loads it; on GPUs of some compute capabilities only: see words */
	TRITON_NOT_SERVED,  /* it would be, but the version policy leaves its folder out */
	TRITON_NEVER,       /* nothing names it */
	TRITON_UNTOLD,      /* cannot be told: unreadable configuration, a backend that chooses by itself */
};
const char *triton_load_text(enum triton_load l);          /* "", "loaded", "not_served", "never_loaded", "untold" */
enum triton_load triton_load_of(struct span text);         /* OUTSIDE for others */

struct triton_verdict {
	enum triton_load load;
	const char *model;              /* its folder's name: what clients ask for; NULL outside */
	int64_t version;                /* of the version folder; -1: in none */
	const char *words;              /* why: "version 2: the policy serves the newest (3)"; NULL outside */
	const struct triton_config *config; /* NULL: none, or unreadable */
};

/* Remembers the folders it has met: for one scan. Verdicts live until it is freed or, after 20,000 folders more, the next
 * call. One thread. */
struct triton_repositories;
struct triton_repositories *triton_repositories_new(void); /* NULL: out of memory */
void triton_repositories_free(struct triton_repositories *t);
void triton_repositories_freep(struct triton_repositories **t);

/*
 * The verdict on the file at @path. A model's folder is one that holds config.pbtxt, or, without, one in whose version
 * folder lies a file of the name that a backend loads by itself (a server completes such a configuration). What cannot be
 * read is a verdict (TRITON_UNTOLD), not an error. RF_ENOMEM.
 */
RF_MUST_CHECK int triton_look(struct triton_repositories *t, const char *path, struct triton_verdict *ret,
			      struct err *err);

#endif
