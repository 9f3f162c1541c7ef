/* snapshot_int - what the files of the snapshot share. Private to gate/snapshot*.c. */
#ifndef REFORGE_GATE_SNAPSHOT_INT_H
#define REFORGE_GATE_SNAPSHOT_INT_H

#include "gate/snapshot.h"

/* Numbers by hash, for interning: open addressing, a slot holds number + 1. */
struct gate_numbers {
	uint32_t *slots;
	size_t capacity, count;
};

/* Indexes of advisories about one product. */
struct gate_about {
	uint32_t *list;
	size_t count, room;
};

/* Services at home in one namespace, those that a policy names first. */
struct gate_home_list {
	struct span *services;
	size_t count, ruled, room;
};

struct gate_lists {
	/* only while it is filled */
	struct gate_numbers texts, components, sets;
	/* made by ready */
	uint32_t *starts; /* first artifact whose digest begins with these bits, and one more */
	unsigned bits;
	uint32_t *rows_by_artifact;
	struct gate_numbers images; /* the first entry of each reference in the sorted list */
	struct map about;    /* purl of a product -> struct gate_about in the arena */
	struct map releases; /* "service/name" -> struct gate_release */
	struct map services; /* name -> struct gate_service */
	struct map bound;    /* services that a policy, a waiver or a debt is of -> something */
	struct map homes;    /* "cluster\nnamespace", "*\nnamespace" of any -> struct gate_home_list in the arena */
	struct map hosts;    /* of models: name, and name up to its first dot -> this */
};

#define GATE_TEXT_BLOCK ((uint32_t)(1024 * 1024))

/* '/' before every other byte, so that what lies in a folder follows the folder itself. */
int gate_path_compare(struct span a, struct span b);
/* The artifacts with these first bits. */
uint32_t gate_digest_bucket(const struct gate_lists *l, const struct digest *d);

/* By cluster and namespace. RF_ENOMEM, RF_ETOOBIG. */
RF_MUST_CHECK int gate_homes_index(struct gate_snapshot *s, struct err *err);

/* Of the versions that cure the first above the component's, else the last; empty: none is known. */
struct span gate_nearest_fix(const struct component *c, const struct span *fixed, size_t n);

#endif
