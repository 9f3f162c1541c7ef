/*
 * artifact_int - shared by the files that read artifact formats; nobody else includes it.
 *
 * Pure. Little-endian reads by pieces (a table may lie anywhere in a 4 GiB file), every position checked against the
 * end of the file, every walk bounded.
 */
#ifndef REFORGE_INVENTORY_ARTIFACT_INT_H
#define REFORGE_INVENTORY_ARTIFACT_INT_H

#include "inventory/artifact.h"

/* ── TensorRT ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A "ptrt" archive (tensorrt-plan-format, section 2b), standing alone or in an ENGN section. */
struct tensorrt_archive {
	const char *layout; /* "P1".."P4"; NULL: no rule reads it */
	bool cache;         /* a timing cache: its first item is of type 0x18 */
	bool has_version;
	unsigned char version[4];
	uint64_t archive_bytes; /* header and body as the header declares, UINT64_MAX on overflow */
	uint32_t tag;           /* stdTag: a hint only, never a version */
	int cc_major, cc_minor; /* -1: no rule found it */
};
/* Reads the archive at @at; @room: how many bytes its container gives it. Notes what is wrong inside. */
void tensorrt_archive_read(struct artifact_reading *r, uint64_t at, uint64_t room, struct tensorrt_archive *ret);
/* A native host executable begins with these bytes: "ELF x86-64", "PE", ...; NULL: none (a cubin is none: e_machine
 * 190).
 * @n: 64 bytes decide ELF; a PE needs up to 1 KiB. */
const char *artifact_host_code(const unsigned char *p, size_t n);
/* The flatbuffer of TensorRT 5.x at offset @at ... RF_EUNREADABLE when it is none. */
int tensorrt_flatbuffer_read(struct artifact_reading *r, uint64_t base, uint64_t room);
#define TENSORRT_VERSION_BYTES 16 /* "255.255.255.255" and the NUL */
void tensorrt_version_text(const unsigned char v[4], char ret[TENSORRT_VERSION_BYTES]);

/* ── Flatbuffers by pieces ───────────────────────────────────────────────────────────────────────────────────────── */

/* A table: where it lies, where its vtable lies. All positions are absolute in the file. */
struct flat_table {
	uint64_t at;
	uint64_t vtable;
	uint16_t vtable_bytes;
	uint16_t table_bytes;
};
/* The root table of a buffer that starts at @base. False: out of bounds or malformed. */
bool flat_root(struct artifact_reading *r, uint64_t base, struct flat_table *ret);
/* Position of field @index; 0: absent (its default). */
uint64_t flat_field(struct artifact_reading *r, const struct flat_table *t, unsigned index);
bool flat_u32(struct artifact_reading *r, const struct flat_table *t, unsigned index, uint32_t absent, uint32_t *ret);
/* Follows the offset at field @index. False: absent or malformed. */
bool flat_child(struct artifact_reading *r, const struct flat_table *t, unsigned index, struct flat_table *ret);
/* A string into the arena; at most @max bytes of it. SPAN_NONE: absent or malformed. */
struct span flat_string(struct artifact_reading *r, const struct flat_table *t, unsigned index, size_t max);
/* A vector of tables: position of its first element's offset, and the count (bounds checked). */
bool flat_vector(struct artifact_reading *r, const struct flat_table *t, unsigned index, uint64_t *ret_first,
		 uint32_t *ret_count);
bool flat_element(struct artifact_reading *r, uint64_t first, uint32_t i, struct flat_table *ret);

/* ── The stamp ───────────────────────────────────────────────────────────────────────────────────────────────────── */

#define ARTIFACT_STAMP_VALUE_BYTES 256
/* One pair of metadata_props: kept when the key is one of the stamp's. A second, different value is a conflict. Both
 * live only during the call. */
void artifact_stamp_add(struct artifact_reading *r, struct span key, struct span value, uint64_t offset);
/* Turns a stamp into product, version, target; says what is missing. @engine_by: other evidence that ONNX Runtime wrote
 * the file, or NULL. */
void artifact_stamp_apply(struct artifact_reading *r);

#endif
