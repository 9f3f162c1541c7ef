/*
 * pod_int - what the files of the pod's front share. Nobody else includes it.
 */
#ifndef REFORGE_GATE_POD_INT_H
#define REFORGE_GATE_POD_INT_H

#include "base/hash.h"
#include "depot/release.h"
#include "gate/pod.h"

/* A file on its way. */
struct pod_file {
	const char *path;
	bool is_library;
	const char *unread; /* why it is not to be opened; NULL: it is */
	const struct pod_release *release; /* whose folder it lies in; NULL: none */
};

/* A release.json that was found, read once. */
struct pod_release {
	const char *folder;
	bool is_verified;   /* release.dsse says the same, signed by the key */
	bool is_readable;
	struct release release;
	struct map rows; /* "target/model/version/file" -> struct release_row */
};

struct pod_found {
	const struct gate_pod_options *o;
	struct arena *arena;
	struct pod_file *files; /* heap */
	size_t count, room;
	size_t engines; /* of them, first */
	size_t unread_folders;
	struct map releases; /* folder -> struct pod_release; &pod_no_release where there is none */
	size_t release_count, verified_count;
};
void pod_found_release(struct pod_found *f);

/* pod_find.c: fills files, engines first. */
RF_MUST_CHECK int pod_find(struct pod_found *f, struct err *err);

/* pod_attest.c: the release that @file lies in by the depot's layout, into file->release. RF_ENOMEM. */
RF_MUST_CHECK int pod_release_of(struct pod_found *f, struct pod_file *file, struct err *err);
/* What is attested of @file: its release's row, the statements beside it. In @a. RF_ENOMEM. */
RF_MUST_CHECK int pod_attestations(const struct pod_file *file, const struct verify_key *key, struct arena *a,
				   const struct gate_attestation **ret, size_t *ret_n, struct err *err);
/* What will load it by its release's row; NULL in *ret: that does not say. In @a. RF_ENOMEM. */
RF_MUST_CHECK int pod_runtime(const struct pod_file *file, struct arena *a, const struct component **ret,
			      struct err *err);

#endif
