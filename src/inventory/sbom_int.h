/*
 * sbom_int - shared by the files that read bills of materials; nobody else includes it.
 */
#ifndef REFORGE_INVENTORY_SBOM_INT_H
#define REFORGE_INVENTORY_SBOM_INT_H

#include "format/json.h"
#include "inventory/sbom.h"

struct sbom_reading {
	struct sbom *sbom;
	const struct image_map *images; /* may be NULL */
	struct arena *a;
	struct arena scratch; /* of one entry */
	struct err *err;
	struct artifact_reading objections; /* for artifact_object(): only facts, a, err are set */
	struct json_doc *doc;
};

/* An entry as its format states it. Spans live until the call returns. */
struct sbom_entry {
	struct span ref, type, group, name, version, purl, cpe, supplier;
	struct span sha256; /* hex, any case; empty */
};
/* Adds it. RF_ENOMEM, RF_ETOOMANY. */
RF_MUST_CHECK int sbom_entry_add(struct sbom_reading *r, const struct sbom_entry *e);
/* What the bill is of. RF_ENOMEM. */
RF_MUST_CHECK int sbom_subject_set(struct sbom_reading *r, struct span name, struct span version, struct span sha256);

RF_MUST_CHECK int sbom_read_cyclonedx(struct sbom_reading *r, struct span text);
RF_MUST_CHECK int sbom_read_spdx(struct sbom_reading *r, struct span text);
/* @line: the number of @text's first, that of SPDXVersion. */
RF_MUST_CHECK int sbom_read_spdx_tags(struct sbom_reading *r, struct span text, uint64_t line);

/* RF_EFORMAT when the object @v has one of @names more than once: two readers would see two bills. @what: "a component". */
RF_MUST_CHECK int sbom_members_once(struct sbom_reading *r, struct json v, const char *const *names, size_t n,
				    const char *what);
/* The same for a list's name met a second time. */
RF_MUST_CHECK int sbom_once(struct sbom_reading *r, bool *seen, const char *what);

/* The string that raw JSON is; SPAN_NONE for others and for those with escapes. */
struct span sbom_raw_string(struct span raw);

#endif
