/*
 * bom - the inventory as a bill of materials: CycloneDX 1.6 with the models and engines (ML-BOM), and CSV.
 *
 *   bom_collect()  (database: placements, contents, what they hold)  ──► struct bom ──► bom_write_cyclonedx()  (pure)
 *   bom_builds_read()  (depot: signed provenance of what was built here)  ──┘
 *
 * What is written are identities, digests, versions and places. No advisory is in it (nothing of a TLP mark leaves this
 * way), no recipe's text, no options, no evidence bytes, no contact of a person.
 */
#ifndef REFORGE_INVENTORY_BOM_H
#define REFORGE_INVENTORY_BOM_H

#include "base/hash.h"
#include "depot/depot.h"
#include "inventory/inventory.h"

/* Places of one content that are listed; the number of all is said beside them. */
#define BOM_MAX_PLACES 64
/* The text of a bill: a fleet of some hundred thousand different contents. */
#define BOM_MAX_BYTES ((size_t)2 * GIB)
#define BOM_ARENA_BYTES ((size_t)4 * GIB)

/* product@version; bom-ref is the package URL with its version. */
struct bom_component {
	const char *ref; /* "pkg:generic/nvidia/tensorrt@10.13.3.9" */
	const char *purl, *name, *version; /* version "" unknown */
};

struct bom_material {
	const char *name; /* "source model" */
	struct digest digest;
};
/* How an engine was built, by a release of the depot. */
struct bom_build {
	const char *model, *target; /* not the release's name: it carries the advisory's */
	struct digest build, proof, library, provenance; /* all zero: not known */
	const char *toolchain, *toolchain_version;
	const char *builder_id, *invocation; /* of the provenance; "" none */
	const char *started, *finished;      /* RFC 3339; "" none */
	bool verified;                       /* the provenance is signed by the release key, and about this engine */
	struct bom_material *materials;
	size_t material_count;
};

struct bom_held {
	size_t component; /* index */
	const char *role;
};
struct bom_artifact {
	struct inventory_artifact a; /* spans in the arena */
	const char *name;            /* of the model, else the file's */
	struct bom_held *held;
	size_t held_count, held_room;
	size_t *inside; /* indices of artifacts */
	size_t inside_count, inside_room;
	const char *places[BOM_MAX_PLACES]; /* "host:path" */
	size_t place_count;                 /* of all */
	bool in_service;
	const struct bom_build *build;      /* NULL: not built here, or its provenance is gone */
};
struct bom_service {
	const char *name, *environment; /* bom-ref "service:NAME/ENVIRONMENT" */
	size_t *uses; /* artifacts */
	size_t use_count, use_room;
	size_t *runtimes; /* components */
	size_t runtime_count, runtime_room;
	struct map seen; /* of both, while collecting */
};

struct bom {
	struct arena *arena; /* everything lives in it */
	struct map builds;   /* engine digest (32 bytes) to struct bom_build */
	struct map by_digest, by_ref, by_service;
	struct bom_artifact **artifacts;
	size_t artifact_count, artifact_room;
	struct bom_component **components;
	size_t component_count, component_room;
	struct bom_service **services;
	size_t service_count, service_room;
	const char *site;
};

void bom_release(struct bom *b); /* the maps; NULL-safe parts; the arena is the caller's */

struct verify_key;
/* Provenance of every engine in the releases of the depot. @key NULL: nothing is verified. A release that cannot be read
 * is passed over: its engines have no build here. RF_ENOMEM, RF_EDATABASE. */
RF_MUST_CHECK int bom_builds_read(struct bom *b, struct database *db, const struct depot *depot,
				  const struct verify_key *key, struct err *err);
/* Placements that @f lets through, what they are, hold, and have inside. Run it in a reading transaction. */
RF_MUST_CHECK int bom_collect(struct transaction *tx, const struct inventory_filter *f, struct bom *b);

/* ── Writing; pure ──────────────────────────────────────────────────────────────────────────────────────────────── */

struct bom_head {
	const char *serial; /* "urn:uuid:…" */
	const char *timestamp; /* RFC 3339 */
	const char *version;   /* of this program */
};
/* Appends the document. Valid by cyclonedx.org/schema/bom-1.6.schema.json. RF_ETOOBIG, RF_ENOMEM of @to. */
RF_MUST_CHECK int bom_write_cyclonedx(const struct bom *b, const struct bom_head *head, struct str *to, struct err *err);

/* Appends the header line, and one line a placement; RFC 4180. Columns: docs/inventory-sbom.md. A field that a
 * spreadsheet would take for a formula (= + - @ in front) gets a single quote in front. */
void bom_csv_header(struct str *to);
void bom_csv_row(const struct bom *b, const struct inventory_placement *p, struct str *to);

#endif
