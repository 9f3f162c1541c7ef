/*
 * scan - what `scan ARG` can be given: paths, images, bills of materials, clusters, hosts. Private to cli/.
 *
 * A kind of argument is a file and a row of scan_sources[].
 */
#ifndef REFORGE_CLI_SCAN_H
#define REFORGE_CLI_SCAN_H

#include "cli/output.h"
#include "inventory/scan.h"
#include "inventory/triton_repository.h"

/* A line of JSON: a bill of materials lists its components in it. */
#define SCANNING_LINE_MAX (1 * GIB)

/* One run of `scan`: where reports go. */
struct scanning {
	struct progress progress;
	struct table table;
	struct str line;
	bool json, all;
	size_t roots_absent;
	struct triton_repositories *triton; /* of what was met; made on first use */
	struct err *err;
};
/* Takes one report: a row of the table, or a line of JSON. Fits scan_files(); data is the struct scanning. */
int scanning_take(const struct scan_file *f, void *data);
/* Fits scan_options.progress; data is the struct scanning. */
void scanning_progress(uint64_t files, uint64_t bytes, const char *path, void *data);
/* Options of the command line (--no-digest, --evidence, --threads). */
struct scan_options scanning_options(const struct invocation *in, struct scanning *s);

/* A row of the table for one component, or one more note, of what is at @path. */
void scanning_component(struct scanning *s, const char *path, const struct artifact_component *c);
void scanning_note(struct scanning *s, const char *path, const char *note);
/* What tags of images prove: the map that is built in, and that of --image-map. Lives in @a. */
struct image_map;
#define SCANNING_MAP_BYTES (64 * MIB)
RF_MUST_CHECK int scanning_images(const struct invocation *in, struct arena *a, struct image_map *ret, struct err *err);

/* How the registry @host is reached: what reforge.yaml says of it; what that does not say is the network's. @w may be NULL. */
struct workspace;
struct registry_settings;
struct registry_settings scanning_registry(const struct workspace *w, struct span host);

struct scan_source {
	const char *name; /* "path" */
	/* Is @arg such a one? Asked in the table's order; may look at the file. */
	bool (*is)(const char *arg);
	/* Scans @n arguments that stood together, adds to @totals. */
	int (*run)(const struct invocation *in, const char *const *args, size_t n, struct scanning *s, struct scan_totals *totals,
	           struct err *err);
};
extern const struct scan_source scan_source_sbom;
extern const struct scan_source scan_source_dockerfile;
extern const struct scan_source scan_source_image;
extern const struct scan_source scan_source_kubernetes;
extern const struct scan_source scan_source_path;
/* The last row takes every argument; NULL at the end. */
extern const struct scan_source *const scan_sources[];
/* `scan --host`: the report of this machine. */
int scan_host(const struct invocation *in, struct err *err);
/* Every argument to its source, in order. */
int scan_arguments(const struct invocation *in, struct scanning *s, struct scan_totals *totals, struct err *err);

#endif
