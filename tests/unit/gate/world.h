/*
 * world - the small world of tests/data/gate/decisions.txt: advisories, contents, releases, policies, excuses, and the
 * rows that ask about them. For the table's unit test, and for the program that writes it as a bundle with its files.
 */
#ifndef REFORGE_TESTS_GATE_WORLD_H
#define REFORGE_TESTS_GATE_WORLD_H

#include "gate/judge.h"

#define WORLD_MAX_CONTENTS 200
#define WORLD_MAX_ROWS 2000
#define WORLD_MAX_NAMED 100

struct content {
	struct span name;
	bool is_unseen, is_row_only, is_file_only;
	struct digest digest;
	struct artifact_facts *facts;
	struct gate_attestation attestations[4];
	size_t attestation_count;
	uint32_t row;
};
struct named {
	struct span name, text;
};
struct row {
	unsigned line;
	struct span name, subject, policy, excuse, environment, fail_on, decision, cause, by;
	usec_t now;
};
struct world {
	struct arena a;
	struct gate_snapshot *s;
	usec_t now;         /* the table's days are counted from it */
	const char *folder; /* where contents are written that can be made; NULL: nowhere, digests are of their names */
	struct span release_key;
	unsigned line, failures;
	unsigned ends; /* answers that said when they end */
	struct content contents[WORLD_MAX_CONTENTS];
	size_t content_count;
	struct named policies[WORLD_MAX_NAMED], excuses[WORLD_MAX_NAMED];
	size_t policy_count, excuse_count;
	struct row rows[WORLD_MAX_ROWS];
	size_t row_count;
	struct span pairs[WORLD_MAX_ROWS]; /* "POLICY.EXCUSE": each is a service with that policy and those excuses */
	size_t pair_count;
	struct baseline baseline;
};

/* What is wrong with the table ends the program with its line. */
struct world *world_new(const char *path, usec_t now, const char *folder, struct span release_key);
void world_free(struct world *w);
struct content *world_content(struct world *w, struct span name);
struct span world_pair(struct world *w, struct span policy, struct span excuse);
/* The part of *text in front of @separator, cut off; empty at the end. */
struct span world_word(struct span *text, char separator);
void world_wrong(const struct world *w, const char *what) __attribute__((noreturn));

#endif
