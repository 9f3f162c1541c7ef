/*
 * sbom - bills of materials of others: CycloneDX 1.4 to 1.6 in JSON, SPDX 2.3 in JSON and as tag-value.
 *
 * Pure. May use base/, format/json, version/, artifact.h, package.h. Whatever is listed, nested or not, is a component:
 * by its package URL, else by its CPE, else by the whole name its vendor gives it, else under a URL of its own. What has
 * no version has an unknown one; nothing is skipped but files that are no product of anything. Entries with a SHA-256 (an engine, a model, a library) are listed
 * by themselves: the digest joins them with what was scanned.
 *
 * Read piece by piece (json_raw_elements()): memory is the text, and about 250 bytes a component.
 */
#ifndef REFORGE_INVENTORY_SBOM_H
#define REFORGE_INVENTORY_SBOM_H

#include "crypto/digest.h"
#include "inventory/artifact.h"
#include "inventory/image_tag.h"

#define SBOM_MAX_BYTES ((size_t)2 * GIB)
#define SBOM_MAX_COMPONENTS 4000000
/* Memory that the components of a bill take at most; what the arena given to sbom_read() should be limited to. */
#define SBOM_ARENA_BYTES ((size_t)2 * GIB)

struct sbom_content {
	struct digest digest; /* SHA-256 that the bill states */
	struct span ref;      /* bom-ref, SPDXID; else the name */
	struct span name;
	struct span type; /* CycloneDX: "file", "machine-learning-model", "library"; SPDX: "file", "package" */
	size_t component; /* index into facts.components; SIZE_MAX: a file, of no product and no version */
};

struct sbom {
	/* Kind ARTIFACT_BILL_OF_MATERIALS; layout "CycloneDX 1.6"; all components, their source "sbom-purl", "sbom-cpe",
	 * "sbom-name" or "image-tag", and in `where` the words of the bill when they became a product. */
	struct artifact_facts facts;
	struct sbom_content *contents;
	size_t content_count, content_room;
	struct span subject; /* name, or name@version, of what the bill is of; empty: it does not say */
	struct span subject_digest; /* SHA-256 hex of it; empty */
	size_t versionless;         /* components of unknown version */
};

/* Is it one? By bomFormat or spdxVersion among the members of the object that it is, SPDXVersion behind comments, or the
 * namespace of an XML bill. @text: all, or its beginning; of one that is damaged or cut off, the names anywhere. */
bool sbom_sniff(struct span text);
/*
 * Reads all of @text. @m: what tags of images prove, for entries that are images; may be NULL.
 *
 * RF_EFORMAT with offset and rule: no JSON, no bill of materials, a member given twice; RF_EUNSUPPORTED: another version of
 * the specification, or XML, naming what is read; RF_ETOOBIG, RF_ETOOMANY, RF_ENOMEM. What is wrong with single entries is
 * a finding of facts: a malformed package URL, versions that disagree.
 */
RF_MUST_CHECK int sbom_read(struct span text, const struct image_map *m, struct arena *a, struct sbom *ret,
			    struct err *err);

/* ── In the database ─────────────────────────────────────────────────────────────────────────────────────────────── */

struct database;
struct inventory_place;
struct inventory_changes;
/*
 * Records a bill as an artifact that holds its components, placed at @path in @place (whose host is the bill's subject:
 * sbom_host()). Files and models that it lists with a SHA-256 are recorded as its inside, so that an engine which was
 * scanned elsewhere is found here by its digest. What the host's placement in that service and environment was before is
 * closed. @digest: of the bill's bytes. @changes may be NULL. Touches the database (sbom_record.c).
 */
RF_MUST_CHECK int sbom_record(struct database *db, const struct sbom *s, const struct digest *digest, const char *path,
			      const struct inventory_place *place, struct inventory_changes *changes, struct err *err);
/* "sbom:SUBJECT", or "sbom:" and the last part of @path when the bill names none; into @buffer of SBOM_HOST_BYTES. */
#define SBOM_HOST_BYTES 256
const char *sbom_host(const struct sbom *s, const char *path, char *buffer);

#endif
