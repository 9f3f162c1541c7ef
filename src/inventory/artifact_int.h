/*
 * artifact_int - shared by the files that read artifact formats; nobody else includes it.
 *
 * Pure. Little-endian reads by pieces (a table may lie anywhere in a 4 GiB file), every position checked against the
 * end of the file, every walk bounded.
 */
#ifndef REFORGE_INVENTORY_ARTIFACT_INT_H
#define REFORGE_INVENTORY_ARTIFACT_INT_H

#include "format/elf.h"
#include "inventory/artifact.h"

/* ── TensorRT ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A "ptrt" archive (tensorrt-plan-format, section 2b), standing alone or in an ENGN section. */
struct tensorrt_archive {
	const char *layout; /* "P1".."P4"; NULL: no rule reads it */
	bool cache;         /* a timing cache: its first item is of type 0x18 */
	bool has_version;
	unsigned char version[4];
	uint64_t archive_bytes; /* header and body as the header declares, UINT64_MAX on overflow */
	uint32_t tag;           /* stdTag: contradicts a version, never gives one */
	int cc_major, cc_minor; /* -1: no rule found it */
};
/* Reads the archive at @at; @room: how many bytes its container gives it. Notes what is wrong inside. */
void tensorrt_archive_read(struct artifact_reading *r, uint64_t at, uint64_t room, struct tensorrt_archive *ret);
/* The rule `version_mismatch`: the archive's format is that of other versions than the one it states.
 * @contained: it lies in an "ftrt" container. */
void tensorrt_version_check(struct artifact_reading *r, const struct tensorrt_archive *archive, bool contained);
/* Types of the items of an archive's body, without bit 15. */
enum {
	TENSORRT_ITEM_ARRAY = 0x01,
	TENSORRT_ITEM_U8 = 0x02,
	TENSORRT_ITEM_BYTE = 0x03,
	TENSORRT_ITEM_U32 = 0x06,
	TENSORRT_ITEM_I32 = 0x07,
	TENSORRT_ITEM_U64 = 0x08,
	TENSORRT_ITEM_U64_TOO = 0x09,
	TENSORRT_ITEM_BOOL = 0x0a,
	TENSORRT_ITEM_F32 = 0x0b,
};
/* The bytes of a number's value; 0: a type that is no number. */
size_t tensorrt_item_bytes(uint16_t type);
/* Objects to the lengths in the body at @at, up to @end where the archive says that it ends (the file may end before). */
void tensorrt_items_walk(struct artifact_reading *r, const struct tensorrt_archive *archive, uint64_t at, uint64_t end);
/* The rule `truncated`: @what declares more bytes than there are. */
void tensorrt_truncated(struct artifact_reading *r, const char *what, uint64_t declared, uint64_t real);
/* The flatbuffer of TensorRT 5.x at offset @at ... RF_EUNREADABLE when it is none. */
int tensorrt_flatbuffer_read(struct artifact_reading *r, uint64_t base, uint64_t room);
#define TENSORRT_VERSION_BYTES 16 /* "255.255.255.255" and the NUL */
void tensorrt_version_text(const unsigned char v[4], char ret[TENSORRT_VERSION_BYTES]);

/* ── Code inside ─────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A native executable for a CPU begins with these bytes: "ELF x86-64", ...; NULL: none (a cubin is none). 20 bytes. */
const char *artifact_host_elf(const unsigned char *p, size_t n);

struct artifact_cubin {
	uint16_t sm;
	unsigned toolkit;     /* CUDA release times ten; 0: its header does not say */
	bool toolkit_in_note; /* the newer ABI writes it into .note.nv.tkinfo */
	uint64_t bytes;       /* up to its section table */
};
/* Reads what begins like an ELF file as a cubin, plain or compressed. ELF_HEADER_BYTES and half as many again decide.
 * @token_in_front  p[-1] may be read: where the cubin is compressed, it is LZ4's */
bool artifact_cubin_read(const unsigned char *p, size_t n, bool token_in_front, struct artifact_cubin *ret);

/* ── Shared libraries ────────────────────────────────────────────────────────────────────────────────────────────── */

enum library_how {
	LIBRARY_BY_NAME,        /* nothing inside is known to state it */
	LIBRARY_SYMBOL_VERSION, /* @key: prefix of a symbol version that it defines */
	LIBRARY_TENSORRT,       /* version functions or a symbol of TensorRT's */
	LIBRARY_FUNCTION,       /* @key: a function that returns or stores one number */
	LIBRARY_VARIABLE,       /* @key: a variable that holds it */
};
struct library_row {
	const char *stem;
	const char *product;
	enum library_how how;
	const char *key;
	unsigned parts;   /* 2: the product's version has no more of it than major and minor; 0: three */
	const char *also; /* another product that it holds, of the same version; NULL */
};
/* The row of a file name or SONAME; NULL: none of ours. */
const struct library_row *library_row_of(struct span name);

#define LIBRARY_VERSION_BYTES 32
struct library {
	const struct library_row *row;       /* in */
	struct span soname;                  /* in */
	char version[LIBRARY_VERSION_BYTES]; /* "" unknown */
	const char *source;                  /* "version-function", "version-variable", "symbol",
					      * "symbol-version", "name" */
	bool by_name;
	char major[16];     /* of the SONAME; "" none */
	char disagree[192]; /* two statements that contradict each other; "" */
};
/* Finds out l->version and what contradicts it; records evidence. */
void library_version(struct artifact_reading *r, struct elf *e, struct library *l);

/* An ELF file of @bytes at @at of what is read; @source and the reading must outlive @ret. RF_EIO and RF_ENOMEM are
 * kept in r->failed too. */
struct elf_window_source {
	const struct artifact_source *src;
	uint64_t at, bytes;
};
int library_open(struct artifact_reading *r, uint64_t at, uint64_t bytes, struct elf_window_source *source,
		 struct elf *ret, struct err *err);

/* The source's own read, for those who keep windows of their own. */
int artifact_source_read(const struct artifact_source *src, void *buffer, size_t n, uint64_t offset, size_t *ret_n);

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

/* ── Names ───────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* What the name says beside the facts: a version where the content states none, who names files so. */
void artifact_name_read(struct artifact_reading *r);

/* ── The stamp ───────────────────────────────────────────────────────────────────────────────────────────────────── */

#define ARTIFACT_STAMP_VALUE_BYTES 256
/* One pair of metadata_props: kept when the key is one of the stamp's. A second, different value is a conflict. Both
 * live only during the call. */
void artifact_stamp_add(struct artifact_reading *r, struct span key, struct span value, uint64_t offset);
/* Turns a stamp into product, version, target; says what is missing. @engine_by: other evidence that ONNX Runtime wrote
 * the file, or NULL. */
void artifact_stamp_apply(struct artifact_reading *r);

#endif
