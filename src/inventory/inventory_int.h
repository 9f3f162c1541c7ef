/*
 * inventory_int - the batch's inside, shared by the file that collects and the one that writes; nobody else includes
 * it.
 */
#ifndef REFORGE_INVENTORY_INVENTORY_INT_H
#define REFORGE_INVENTORY_INVENTORY_INT_H

#include "base/hash.h"
#include "inventory/inventory.h"

/* Goes up when the readers learn to see more: stored facts and remembered digests of older readers are made anew. */
#define INVENTORY_READER 1

/* Notes, evidence, texts of a batch. 250,000 files of 3 KiB, evidence included. */
#define BATCH_ARENA_BYTES (768 * MIB)

struct batch_component {
	const char *product, *version;
	int64_t id; /* set by each run of the transaction */
};

struct batch_artifact {
	struct digest digest;
	uint64_t size;
	const char *kind, *layout, *product, *version, *version_source, *target, *compute_capability, *finding, *cause;
	const char *notes, *evidence;      /* JSON */
	struct batch_component *component; /* NULL: none */
	const char *role;
};

struct batch_item {
	const char *path;
	const char *model;
	struct batch_artifact *artifact;
	struct batch_component *runtime; /* what the service loads it with; NULL: unknown. Not of runtime libraries */
	struct batch_item *next;
};

struct batch_path {
	const char *path;
	const char *reason; /* of what could not be read; NULL for roots */
	struct batch_path *next;
};

/* Placements of one host, service and environment: what is compared with what is there. */
struct batch_group {
	const char *host, *service, *environment;
	struct batch_item *items, **items_end;
	struct batch_path *roots;
	struct batch_path *unseen; /* files and folders that could not be read */
	struct batch_group *next;
};

struct batch_known {
	struct scan_identity identity;
	struct digest digest;
	struct span second_look;
	struct batch_known *next;
};

struct inventory_batch {
	struct arena arena;
	struct map artifacts, components, groups; /* values live in the arena, keys too */
	struct batch_component **component_list;
	struct batch_artifact **artifact_list;
	size_t component_count, component_room, artifact_count, artifact_room;
	struct batch_group *group_list;
	struct batch_known *known;
	size_t items;
	const char *whole_host; /* NULL: the batch speaks for its roots only */
	bool (*named)(const char *path, struct span service, struct span environment, void *data);
	void *named_data;
};

/* Name of this machine, for the scan cache. */
const char *inventory_machine(char buffer[65]);

#endif
