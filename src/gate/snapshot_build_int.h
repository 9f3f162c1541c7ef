/* snapshot_build_int - what the files that build a snapshot share. Private to gate/snapshot_build*.c. */
#ifndef REFORGE_GATE_SNAPSHOT_BUILD_INT_H
#define REFORGE_GATE_SNAPSHOT_BUILD_INT_H

#include "base/hash.h"
#include "format/json.h"
#include "gate/snapshot_build.h"

/* A content of the inventory and what it carries: alone, and as a part of an image. */
struct gate_built {
	int64_t id;
	uint32_t artifact;
	uint32_t own, own_inside; /* components; GATE_NONE */
	enum platform_line line;  /* of every host that has it; ANY: of several, of none */
	bool speaks;              /* it has a finding of its own, or is an engine: a part even without a component */
	size_t held_from, held_count;
};
struct gate_held {
	uint32_t alone, inside; /* components */
};

struct gate_builder {
	struct transaction *tx;
	const struct gate_building *how;
	void (*problem)(const struct err *err, void *data);
	void *data;
	struct gate_snapshot *s;
	struct arena a;
	/* Of a part: ids of contents, ascending. */
	int64_t *ids;
	size_t id_count, id_room;
	struct gate_built *contents; /* by id */
	size_t content_count, content_room;
	struct gate_held *held;
	size_t held_count, held_room;
	struct map by_digest; /* digest -> index of the artifact + 1 */
	struct json_doc *doc; /* of one workload at a time */
	struct map scanned;   /* tags that a scan has seen */
	uint64_t withheld;
	/* The path and content that rows tell of now, and how many hosts have it so far; 0: none yet. */
	struct {
		int64_t path, content;
		size_t hosts;
	} place;
};

RF_MUST_CHECK int gate_build_no_memory(struct gate_builder *b);
/* Room for one more. */
RF_MUST_CHECK int gate_build_room(struct gate_builder *b, void **table, size_t count, size_t *room, size_t bytes);
#define GATE_BUILD_ROOM(b, table, number, room) \
	gate_build_room((b), (void **)&(b)->table, (b)->number, &(b)->room, sizeof *(b)->table)

/* Runs @sql, whose condition is "%s", over all rows or, of a part, for each of its ids as $1. */
RF_MUST_CHECK int gate_build_each(struct gate_builder *b, const char *sql, const char *condition, const char *order,
				  int (*take)(struct gate_builder *b, const struct db_rows *row));
/* The content of an inventory id; NULL. */
struct gate_built *gate_build_content(const struct gate_builder *b, int64_t id);

/* In this order. */
RF_MUST_CHECK int gate_build_choose(struct gate_builder *b); /* ids of a part */
RF_MUST_CHECK int gate_build_contents(struct gate_builder *b);
RF_MUST_CHECK int gate_build_places(struct gate_builder *b);
RF_MUST_CHECK int gate_build_releases(struct gate_builder *b);
RF_MUST_CHECK int gate_build_advisories(struct gate_builder *b);
RF_MUST_CHECK int gate_build_homes(struct gate_builder *b);

/* Is the release one that the part names? */
bool gate_build_names_release(const struct gate_builder *b, struct span service, struct span name);
/* Is the image, file or URI one that the part names, or below it? True of the whole. */
bool gate_build_names(const struct gate_builder *b, struct span reference);
/* Every release, by service and name, read and its signature looked at; those that cannot be read are told and left out. */
RF_MUST_CHECK int gate_build_each_release(struct gate_builder *b,
					  int (*visit)(struct gate_builder *b, const struct release *r, bool is_signed));

#endif
