/*
 * inventory_int - the batch's inside, shared by the file that collects and the one that writes; nobody else includes
 * it.
 */
#ifndef REFORGE_INVENTORY_INVENTORY_INT_H
#define REFORGE_INVENTORY_INVENTORY_INT_H

#include "base/hash.h"
#include "inventory/inventory.h"
#include "inventory/scan_member.h"

/* A number of the sources that decide what is read out of a file (reader.py): facts and remembered digests of any other
 * are made anew, whether somebody thought of that or not. */
int64_t inventory_reader(void);
/* Below any reader: what others claim of a content (reports of machines, bills of materials). What was read here takes
 * its place whatever it says, and it takes the place of nothing that was read. */
#define INVENTORY_CLAIM 1

/* How long a digest is believed: everything is read again now and then. */
#define INVENTORY_KNOWN_KEEP_USEC (90 * USEC_PER_DAY)

/* Notes, evidence, texts of a batch. 250,000 files of 3 KiB, evidence included. */
#define BATCH_ARENA_BYTES (768 * MIB)

/* Fields under "run" are set anew by each run of the transaction. */
struct batch_component {
	const char *product, *version;
	/* run */
	int64_t id;
	bool wanted;
};

/* What an artifact holds beside its main component. */
struct batch_held {
	struct batch_component *component;
	const char *role, *source, *location;
	struct batch_held *next;
};

struct batch_inside {
	const char *path;
	struct batch_artifact *artifact;
	struct batch_inside *next;
};

struct batch_artifact {
	struct digest digest;
	uint64_t size;
	const char *kind, *layout, *product, *version, *version_source, *target, *compute_capability, *finding, *cause;
	const char *notes, *evidence;      /* JSON */
	const char *rules;                 /* names, by commas */
	struct batch_component *component; /* NULL: none */
	const char *role;                  /* of the main component; NULL: none */
	struct batch_held *held;
	struct batch_inside *insides; /* of an outer one: all of them */
	bool placed_only;             /* no facts were given: what the database has of it stays */
	bool claimed;                 /* somebody says so, it was not read here */
	bool corrects;                /* ... and takes back what he said before */
	bool alone;                   /* of a call of its own: no group's report speaks for it */
	/* run */
	int64_t id;
	bool wanted, fresh; /* to be looked at; facts to be written */
	bool known_whole;   /* the database's facts stay, and they have no finding */
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
	size_t item_count, root_count;
	struct batch_group *next;
	/* run */
	int64_t id, host_id, service_id;
	usec_t seen_before; /* the group's last report until now; USEC_NONE: none */
	bool is_as_before;  /* reported just as the last time */
	bool is_alone;      /* no other service of the host had anything before this report */
	enum platform_line line; /* of the host */
	bool line_changes;       /* another than until now */
	char report[DIGEST_HEX];
};

struct batch_line {
	const char *host;
	enum platform_line line;
	struct batch_line *next;
};

struct batch_known {
	struct scan_identity identity;
	struct digest digest;
	struct span second_look, members;
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
	struct batch_line *lines; /* of hosts; the last said stands first */
	size_t items;
	const char *whole_host; /* NULL: the batch speaks for its roots only */
	bool (*named)(const char *path, struct span service, struct span environment, void *data);
	void *named_data;
};

/* How many placements of a use were opened and closed in this transaction. */
struct use_change {
	int64_t id, change;
	struct use_change *next;
};

/* Rows of inventory_placement that wait to be written together. */
#define RECORD_PLACEMENTS 200
#define RECORD_PLACEMENT_COLUMNS 5

struct record {
	const struct inventory_batch *batch;
	struct transaction *tx;
	struct arena arena;       /* of one group at a time */
	struct arena whole;       /* of all of it */
	struct map path_ids;      /* path -> int64_t: asked for once, hosts have the same ones */
	struct map use_ids;       /* "artifact service runtime line model" -> int64_t */
	struct db_value *waiting; /* RECORD_PLACEMENTS rows */
	size_t waiting_count;
	struct map use_changes; /* id's bytes -> struct use_change */
	struct use_change *use_list;
	struct inventory_changes changes;
	usec_t now;
};
int inventory_record_no_memory(struct record *r);
/* The wanted artifacts, with their components and insides, and every wanted component: ids are known afterwards. */
RF_MUST_CHECK int inventory_contents_write(struct record *r);

/* Name of this machine, for the scan cache. */
const char *inventory_machine(char buffer[65]);

#endif
