/*
 * pod - the gate in front of a container: what is mounted, judged offline (`gate pod`).
 *
 *   folders of engines ─┐
 *   roots of images ────┴─ walk ─► files ─ read, hash, gate_judge() on all processors ─► subjects ─► worst of all
 *   attestations beside engines, release.json with release.dsse ─ opened with the site's release key ─┘
 *
 * Pure but for reading files: no database, no network, no clock (the question has the moment), no program is run. May use
 * base, crypto, inventory (its pure part), depot (statements, releases), build/kind.h, judge.h.
 *
 * Below a folder of engines every file is read that is in a format of ours (inventory/artifact.h) or named like an
 * engine, papers by their names included; others are counted. Links that are named like engines, and links to files
 * elsewhere, are read under the link's name; other links to files below the same folder are no news; to folders
 * elsewhere, they are `unknown`, as is what cannot be read. Below a root only shared libraries are looked at, by their
 * names or by those of links that lead to them within the root, and those kept that are runtimes or plugins; all is judged
 * on the line that the roots are of (inventory/line.h), without one on what the inventory knows. Nothing below containers (archives) is looked at: the snapshot may know them.
 */
#ifndef REFORGE_GATE_POD_H
#define REFORGE_GATE_POD_H

#include "crypto/sign.h"
#include "gate/judge.h"

/* Files that are looked at; more is refused (RF_ETOOMANY). */
#define GATE_POD_MAX_FILES 200000
/* Texts of paths and releases. */
#define GATE_POD_ARENA_BYTES (1 * GIB)

struct gate_pod_options {
	const char *const *engines; /* files or folders */
	size_t engine_count;
	const char *const *roots; /* of images: where libraries are looked for; may be none */
	size_t root_count;
	const struct verify_key *key;  /* releases and attestations are signed with; NULL: they cannot be opened, and count as
					* not there */
	struct gate_question question; /* snapshot, service, environment, moment */
	unsigned threads;              /* 0: thread_cpus() */
};

struct gate_pod_subject {
	const char *path;
	bool is_library;             /* found below a root */
	struct gate_subject subject; /* facts and attestations are set; a zero digest: it could not be read, facts say why */
	struct gate_answer answer;
	struct arena arena; /* of all the above */
};

struct gate_pod {
	struct gate_pod_subject *subjects; /* engines first, each in the order of the walk */
	size_t count;
	size_t engines, libraries; /* of them */
	size_t others;             /* files that are none of ours */
	size_t unread_folders;     /* below roots: what lies there is not known */
	size_t releases, signed_releases; /* found beside engines; those whose signature verified */
	enum gate_decision decision;      /* the worst; of nothing GATE_WARN */
	int status;                       /* design 6.1: of nothing found 3, no data is no pass */
	struct arena arena;
};

/*
 * What lies beside files and speaks of them: a release's row, statements, by the names that stand in pod_attest.c. For
 * fronts that walk by themselves, so that all of them open the same papers. One thread. @key as above, must outlive it.
 */
struct gate_papers;
RF_MUST_CHECK int gate_papers_new(const struct verify_key *key, struct gate_papers **ret, struct err *err);
void gate_papers_free(struct gate_papers *p); /* NULL is fine */
/* Into @s: attestations, and what its release's row says will load it (NULL: that does not say). In @a, or as long as @p.
 * RF_ENOMEM. */
RF_MUST_CHECK int gate_papers_of(struct gate_papers *p, const char *path, struct arena *a, struct gate_subject *s, struct err *err);

/* RF_ENOTFOUND when a path is not there, RF_ETOOMANY, RF_ENOMEM, RF_ECANCELLED, RF_EIO. @ret is to be released in every
 * case. */
RF_MUST_CHECK int gate_pod_judge(const struct gate_pod_options *o, struct gate_pod *ret, struct err *err);
void gate_pod_release(struct gate_pod *p); /* takes a zeroed one */

#endif
