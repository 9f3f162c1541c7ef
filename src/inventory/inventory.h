/*
 * inventory - what runs where: components, artifacts, placements, in the database.
 *
 * May use base/, format/, database/, crypto/. Tables: inventory_component, inventory_artifact,
 * inventory_artifact_component, inventory_placement, inventory_unseen, inventory_known (scan cache).
 *
 *   component (product@version) ◄─ contains ─ artifact (digest) ◄─ holds ─ placement (host, path, service, environment,
 *        ▲                                                                  model, seen from-to)
 *        └────────────────────────────── loads it: runtime ────────────────────┘
 *
 * Rows are added and closed (gone_at), never edited into something else: a file that changed is a new placement beside
 * a closed one, so that "what ran there on that day" can be answered.
 */
#ifndef REFORGE_INVENTORY_INVENTORY_H
#define REFORGE_INVENTORY_INVENTORY_H

#include "crypto/digest.h"
#include "database/database.h"
#include "inventory/scan.h"
#include "version/platform.h"

extern const struct migration_set INVENTORY_MIGRATIONS;

/* How an artifact or a placement holds a component; carriers (design section 1) are derived from it. */
#define INVENTORY_ROLE_BUILDER ARTIFACT_ROLE_BUILDER /* the toolchain that made the artifact */
#define INVENTORY_ROLE_RUNTIME ARTIFACT_ROLE_RUNTIME /* what loads it in that service, or what a runtime library is */
#define INVENTORY_ROLE_PACKAGE ARTIFACT_ROLE_PACKAGE /* an entry of a package database or bill of materials */

/* ── Writing: one scan of roots is one consistent update ────────────────────────────────────────────────────────── */

/* Where a file belongs; the caller (inventory_scan_workspace(), or adopt) derives it. Texts are copied. */
struct inventory_place {
	const char *host;            /* not NULL */
	const char *service;         /* "" when it belongs to none */
	const char *environment;     /* "" */
	const char *model;           /* recipe name; "" */
	const char *runtime_product; /* purl of what loads it; NULL unknown */
	const char *runtime_version; /* NULL unknown */
};

/* Collects reports of a scan until they are recorded. At most INVENTORY_MAX_FILES files a batch: RF_ETOOMANY; about 3
 * KiB of memory each, evidence included. */
#define INVENTORY_MAX_FILES 250000
struct inventory_batch;
struct inventory_batch *inventory_batch_new(void); /* NULL: out of memory */
void inventory_batch_free(struct inventory_batch *b);
void inventory_batch_freep(struct inventory_batch **b);
/* A folder or file whose placements this batch speaks for in (host, service, environment): those not seen below it are
 * closed. "" stands for everything there, whatever its path: a cluster's workloads, a bill of materials. */
RF_MUST_CHECK int inventory_batch_root(struct inventory_batch *b, const char *root, const struct inventory_place *place,
				       struct err *err);
/* The batch is of everything that is named on @host: an open placement there, and a path that could not be read, for
 * which @named says no (service, root or environment were taken out of the workspace, or the path is another service's
 * now) is closed, seen or not. Its history stays. @named and @data are kept until the batch is freed; may be called
 * again when the transaction is. RF_ENOMEM. */
RF_MUST_CHECK int inventory_batch_whole_host(struct inventory_batch *b, const char *host,
					     bool (*named)(const char *path, struct span service,
							   struct span environment, void *data),
					     void *data, struct err *err);
/* @host is a machine of @line (line.h), or of none: PLATFORM_ANY. What is placed there is judged as being of it, from this
 * batch on. Hosts of which no batch says so keep what was said last; the last call about a host counts. RF_ENOMEM. */
RF_MUST_CHECK int inventory_batch_line(struct inventory_batch *b, const char *host, enum platform_line line,
				       struct err *err);
/* Adds one report: engines, models, timing caches, pointers, runtime libraries and everything with a finding; kind
 * other without a finding is left out. A file that could not be read, and a folder, keep the placements there open:
 * what was not seen is not gone. RF_EINVALID for a report without a digest that is no error (a --no-digest scan is
 * report-only). */
RF_MUST_CHECK int inventory_batch_add(struct inventory_batch *b, const struct scan_file *f,
				      const struct inventory_place *place, struct err *err);

/* Content without a file of its own: images and what is inside of them, bills of materials, what another machine
 * reports. The four calls below may be mixed with the one above, in any order. Content that several reports tell of is
 * kept once; of its facts those with a version count, of an image's those that were read whole. */

/* Makes content known, with its components, without placing it anywhere. */
RF_MUST_CHECK int inventory_batch_content(struct inventory_batch *b, const struct digest *digest,
					  const struct artifact_facts *facts, struct err *err);
/* The same of what was not read here: others say so. Whatever we read ourselves, before or later, stands instead of it,
 * also when that is less: a claim never makes a version known, or a finding go, that a reading of ours left open. Of
 * claims the first stays, until one knows a version where none did, or finds worse (conflict before unknown): a finding
 * is not claimed away. */
RF_MUST_CHECK int inventory_batch_claim(struct inventory_batch *b, const struct digest *digest,
					const struct artifact_facts *facts, struct err *err);
/* The claim of @digest in this batch takes the place of an earlier one whatever that said: it is its author's own. */
RF_MUST_CHECK int inventory_batch_correct(struct inventory_batch *b, const struct digest *digest, struct err *err);
/* @outer (an image) holds @inner at @path: bytes without a leading '/', "opt/models/a.plan", "srv/b.tar!/c.plan". All
 * that is known of an outer's inside goes into one batch. When @outer's facts in it are clear, that replaces what was
 * known; when they are not, it only adds to it, and to nothing that is known whole. Both contents must be in the batch or
 * the database (RF_EINVALID when it is recorded). Stored once, however many workloads run the image. */
RF_MUST_CHECK int inventory_batch_inside(struct inventory_batch *b, const struct digest *outer, const char *path,
					 const struct digest *inner, struct err *err);
/* @digest is at @path (bytes; "Deployment/asr/container/server") in @place. Content that nobody has looked into is
 * recorded as @kind (static), finding unknown, cause content_absent, and judged so until it was scanned.
 * RF_ETOOMANY as inventory_batch_add(). */
RF_MUST_CHECK int inventory_batch_place(struct inventory_batch *b, const char *path, const struct digest *digest,
					const char *kind, const struct inventory_place *place, struct err *err);

struct inventory_changes {
	uint64_t added;     /* new placements */
	uint64_t unchanged; /* seen again: seen_last moved, once for all of a service's placements on the host */
	uint64_t
		replaced; /* another content at the same path: old one closed, new one opened (both not in the above) */
	uint64_t vanished;  /* closed */
	uint64_t artifacts; /* contents not known before */
};
/* Writes the batch in one transaction (or inside @tx's). @ret may be NULL. Of a service's placements on a host that are
 * reported just as they were the last time, no row is read or written but the one of the report itself. */
RF_MUST_CHECK int inventory_record(struct database *db, const struct inventory_batch *b, struct inventory_changes *ret,
				   struct err *err);
RF_MUST_CHECK int inventory_record_tx(struct transaction *tx, const struct inventory_batch *b,
				      struct inventory_changes *ret);

/* Both for who places a host's contents anew because they are another's now, behind inventory_record_tx(): nobody has
 * looked at the host. What could not be read still cannot, since when it could not. */
struct inventory_unseen;
RF_MUST_CHECK int inventory_unseen_keep(struct transaction *tx, const struct inventory_unseen *u);
/* The host's placements of this service were seen then, and not when they were placed anew. */
RF_MUST_CHECK int inventory_seen_keep(struct transaction *tx, struct span host, struct span service, struct span environment,
				      usec_t seen_last);

/* ── The scan cache ─────────────────────────────────────────────────────────────────────────────────────────────── */

/* Digests of this machine's files by identity, loaded at the start of a scan; give inventory_known_find as
 * scan_options.known. inventory_record() fills the cache; a file that changed in the second before is not kept (a
 * second change in the same tick of its clock would not show), nor is anything longer than 90 days: everything is read
 * again now and then. */
struct inventory_known;
RF_MUST_CHECK int inventory_known_load(struct database *db, struct inventory_known **ret, struct err *err);
void inventory_known_free(struct inventory_known *k);
void inventory_known_freep(struct inventory_known **k);
bool inventory_known_find(const struct scan_identity *id, struct scan_known *ret, void *known);

/* ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────── */

struct inventory_component {
	int64_t id;
	struct span product; /* purl */
	struct span version; /* "" unknown: judged as unknown, never skipped */
	int64_t placements;  /* open placements that have it, either role */
};

struct inventory_artifact {
	int64_t id;
	char digest[DIGEST_HEX];
	uint64_t size;
	struct span kind; /* ARTIFACT_* */
	struct span layout;
	struct span product;            /* of the builder; empty when none */
	struct span version;            /* empty unknown */
	struct span version_source;     /* artifact_version_source_text() */
	struct span target;             /* empty unknown */
	struct span compute_capability; /* "8.6"; empty unknown */
	struct span finding;            /* artifact_finding_text(): "", "unknown", "conflict" */
	struct span cause;
	struct span rules;         /* names of the rules that objected, by commas */
	struct span notes_json;    /* array of strings */
	struct span evidence_json; /* array, see artifact_evidence_json() */
	int64_t builder_id;        /* component; 0 none */
};

struct inventory_placement {
	int64_t id, use_id;
	struct span host;
	struct span path;                        /* bytes */
	struct span service, environment, model; /* empty: none */
	struct inventory_artifact artifact;
	int64_t runtime_id; /* component; 0 unknown */
	struct span runtime_product, runtime_version;
	enum platform_line line; /* of its host */
	usec_t seen_from, seen_last;
	usec_t gone_at; /* USEC_NONE while it is there */
	/* Since when its content is at that host and path without a gap: another service, model or runtime makes
	 * another placement of the same content, which began before it. At most seen_from. */
	usec_t content_from;
};

/* What is used, in which service, loaded by what, on which line. Every placement is of one use; there are as many of them as there are
 * different things, however large the fleet, so that judging and counting go by uses. */
struct inventory_use {
	int64_t id;
	int64_t placements; /* open */
	int64_t revision;   /* of the artifact: counts up whenever it, or its inside, is told anew */
	struct span service, environment, model; /* empty: none */
	struct inventory_artifact artifact;
	int64_t runtime_id; /* component; 0 unknown */
	struct span runtime_product, runtime_version;
	enum platform_line line; /* of its placements' hosts */
};
/* Into @a. RF_ENOTFOUND. */
RF_MUST_CHECK int inventory_use_get(struct transaction *tx, int64_t id, struct arena *a, struct inventory_use *ret);

/* Empty fields do not filter. */
struct inventory_filter {
	usec_t at; /* the fleet of that moment: seen from then or before, not gone by then; 0: of now */
	struct span service, environment, model, host;
	struct span path;   /* exact */
	struct span digest; /* hex */
	struct span kind, product, version;
	int64_t component_id; /* of the artifact, or the runtime */
	bool engines_only;    /* kinds that a toolchain built */
	bool with_gone;       /* closed ones too; no meaning with @at */
};

/* Visits placements by service, environment, model, path, seen_from. Spans live until the callback returns; a non-zero
 * from it ends the walk and is returned. The callback may not use @tx: collect first. */
RF_MUST_CHECK int inventory_each_placement(struct transaction *tx, const struct inventory_filter *f,
					   int (*visit)(const struct inventory_placement *, void *), void *data);
/* Visits every component with an open placement, by product and version. */
RF_MUST_CHECK int inventory_each_component(struct transaction *tx,
					   int (*visit)(const struct inventory_component *, void *), void *data);
/* What an artifact holds: its own components first, then those of what is inside of it, by path. */
struct inventory_held {
	int64_t component_id;
	struct span product, version; /* version empty: unknown */
	struct span role;             /* INVENTORY_ROLE_* */
	struct span source, where;    /* how it was told, and where in the content; may be empty */
	struct span path;             /* of the artifact inside that holds it; empty: the artifact itself */
	struct span digest;           /* of that artifact */
};
RF_MUST_CHECK int inventory_each_held(struct transaction *tx, struct span digest_hex,
				      int (*visit)(const struct inventory_held *, void *), void *data);
/* What is inside of an artifact, by path. */
struct inventory_inside {
	struct span path; /* bytes */
	struct inventory_artifact artifact;
};
RF_MUST_CHECK int inventory_each_inside(struct transaction *tx, struct span digest_hex,
					int (*visit)(const struct inventory_inside *, void *), void *data);
/* What the last scan of its roots could not read: no data is no pass (law 2), so somebody has to be told. */
struct inventory_unseen {
	struct span host, service, environment;
	struct span path; /* bytes; a file, or a folder with everything below it */
	struct span reason;
	usec_t since; /* first scan in a row that could not */
};
RF_MUST_CHECK int inventory_each_unseen(struct transaction *tx, int (*visit)(const struct inventory_unseen *, void *),
					void *data);
/* One placement into @a. RF_ENOTFOUND. */
RF_MUST_CHECK int inventory_placement_get(struct transaction *tx, int64_t id, struct arena *a,
					  struct inventory_placement *ret);
/* Placements of now (@at 0) or of that moment that @subject names: a path (exact, or resolved against the working folder), a digest (64 hex,
 * "sha256:" or not, a prefix of 8 or more), into an array in @a. RF_ENOTFOUND when none. */
RF_MUST_CHECK int inventory_placements_of(struct transaction *tx, const char *subject, usec_t at, struct arena *a,
					  struct inventory_placement **ret, size_t *ret_n);
RF_MUST_CHECK int inventory_artifact_get(struct transaction *tx, struct span digest_hex, struct arena *a,
					 struct inventory_artifact *ret);
/* Was the content read here? Else all that is known of it is what others claim. RF_ENOTFOUND. */
RF_MUST_CHECK int inventory_artifact_is_read(struct transaction *tx, struct span digest_hex, bool *ret);
/* Deep copy of a visited placement into @a: for callbacks that collect. RF_ENOMEM. */
RF_MUST_CHECK int inventory_placement_copy(const struct inventory_placement *p, struct arena *a,
					   struct inventory_placement *ret);

/* ── History ────────────────────────────────────────────────────────────────────────────────────────────────────── */

enum inventory_event {
	INVENTORY_CAME,     /* content that was at no other place the day before */
	INVENTORY_REPLACED, /* other content, model or runtime at the same place */
	INVENTORY_MOVED,    /* the same content at another path or host, within INVENTORY_MOVE_USEC of its going */
	INVENTORY_WENT,
};
const char *inventory_event_name(enum inventory_event e); /* "came", "replaced", "moved", "went"; static */
/* Reports of two hosts come apart: what went there and came here within this time is taken for moved. */
#define INVENTORY_MOVE_USEC USEC_PER_DAY
struct inventory_change {
	enum inventory_event event;
	usec_t at;
	const struct inventory_placement *placement; /* that came, or went */
	const struct inventory_placement *before;    /* of replaced and moved: what was there, where it was; NULL else */
};
/* What happened to the placements of the filter (with_gone and at do not matter), the oldest first. A move out of what
 * the filter names is seen as going. At most 100,000 placements: RF_ETOOMANY. Spans live until this returns. */
RF_MUST_CHECK int inventory_each_change(struct transaction *tx, const struct inventory_filter *f,
					int (*visit)(const struct inventory_change *, void *), void *data);

#endif
