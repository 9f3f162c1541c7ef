/*
 * triton_repository - which files of a Triton model repository a server loads, and which only lie there.
 *
 *   REPOSITORY/MODEL/config.pbtxt
 *              MODEL/3/model.plan, model_sm86.plan      served when the version policy says so
 *              MODEL/labels.txt                         never loaded
 *
 * May use base/, format/. Reads folders and config.pbtxt files of the disk, or of an image. Rules: triton-inference-server/server,
 * docs/user_guide/model_repository.md and model_configuration.md; file names by backend in triton_config.c.
 * No server loads out of an archive: what lies in one is told of where it is unpacked.
 * A file that is not loaded stays a placement: the next change of the policy loads it.
 */
#ifndef REFORGE_INVENTORY_TRITON_REPOSITORY_H
#define REFORGE_INVENTORY_TRITON_REPOSITORY_H

#include "inventory/triton_config.h"

/* Where a repository lies when it is not on the disk: in the file system that an image's layers give. */
struct triton_source {
	/* Appends the text of the file at @path to @to. RF_ENOTFOUND: there is none; others with a sentence in @err. */
	int (*read)(void *data, const char *path, struct str *to, struct err *err);
	/* Names each folder in @folder. What @visit returns other than 0 ends it and is returned; RF_ENOTFOUND: no such folder. */
	int (*folders)(void *data, const char *folder, int (*visit)(struct span name, void *visit_data), void *visit_data);
	void *data;
};

/* Remembers the folders it has met: for one scan. Verdicts live until it is freed or, after 20,000 folders more, the next
 * call. One thread. */
struct triton_repositories;
struct triton_repositories *triton_repositories_new(void); /* of the disk. NULL: out of memory */
/* @source is copied; its data must outlive what is returned. */
struct triton_repositories *triton_repositories_new_in(const struct triton_source *source);
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
