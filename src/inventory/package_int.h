/*
 * package_int - shared by the files that read package databases; nobody else includes it.
 *
 * Pure. A reader collects packages in a package_list and ends it: the list becomes the artifact's components, those of
 * one product and version once (TensorRT is six packages), with the first package's own words kept beside them.
 */
#ifndef REFORGE_INVENTORY_PACKAGE_INT_H
#define REFORGE_INVENTORY_PACKAGE_INT_H

#include "inventory/artifact.h"
#include "inventory/package.h"

/* Databases of this size are nobody's (a desktop with 5,000 packages: 8 MB of dpkg's status, 250 MB of rpm's): what lies
 * behind is not read, and that is said. */
#define PACKAGE_MAX_BYTES (512 * MIB)

/* Of one database, so that a hostile one takes some MiB of memory and not a scan down: twice the components that are
 * kept (packages of one product are one), and names and versions of 64 bytes each. */
#define PACKAGE_LIST_MAX (2 * ARTIFACT_MAX_COMPONENTS)
#define PACKAGE_LIST_TEXT_BYTES ((size_t)64 * PACKAGE_LIST_MAX)

struct package_entry {
	struct purl purl;
	struct package_entry *next;
};
struct package_list {
	struct artifact_reading *r;
	const char *source; /* "dpkg": artifact_component.source; static */
	struct package_entry *first, **last;
	size_t count, text_bytes;
};
struct package_list package_list(struct artifact_reading *r, const char *source);
/* Spans are copied. What is more than the limits above is left out, and objected to ("too_many_packages"). A name of zero
 * bytes objects ("package_without_name"), as do texts past PACKAGE_TEXT_MAX
 * ("package_text_too_long"). Failures are in r->failed. */
void package_list_add(struct package_list *l, const struct purl *package);
/* Was a package of this name added? */
bool package_list_has(const struct package_list *l, const char *name);
/* Makes components of all, with @namespace_ (may be empty) where an entry has none. 0, or r->failed. */
RF_MUST_CHECK int package_list_end(struct package_list *l, struct span namespace_);

/* The facts' product and version themselves: for what is one package (a wheel's metadata, a release file). */
RF_MUST_CHECK int package_is(struct artifact_reading *r, const struct purl *package, const char *source);

/* A text that readers keep while they go on: cut one byte past what a list takes, so that the list sees it. */
struct package_text {
	char bytes[PACKAGE_TEXT_MAX + 2];
	size_t n;
	bool there;
};
void package_text_set(struct package_text *t, struct span value);
struct span package_text_span(const struct package_text *t);

/* Lines of a text of any size, by pieces. */
#define PACKAGE_LINE_BYTES 8192
struct package_lines {
	struct artifact_reading *r;
	uint64_t at; /* of the next byte to fetch */
	char *buffer;
	size_t from, to;
	bool cut;         /* the line at hand was longer than PACKAGE_LINE_BYTES: this is its beginning */
	bool cut_pending; /* its rest is passed over first */
};
struct package_lines package_lines(struct artifact_reading *r);
/* The next line without LF or CRLF; lives until the next call. False: the end, or r->failed. */
bool package_line(struct package_lines *l, struct span *ret);
/* "Version: 1.0": true when the line is the field @name (case does not matter), with its trimmed value. */
bool package_field(struct span line, const char *name, struct span *ret);

/* The whole file in the arena, at most @max bytes of it. SPAN_NONE: larger (said by an objection), or r->failed. */
struct span package_whole(struct artifact_reading *r, size_t max);
/* The last part of the folder that holds the file; empty at the top. "usr/lib/x.dist-info/METADATA": "x.dist-info". */
struct span package_folder(struct span path);
/* The path of that folder. */
struct span package_parent(struct span path);
/* Is @path @end, or @end below some root? Not "xlib/dpkg/status" for "lib/dpkg/status". */
bool package_path_ends(struct span path, const char *end);

/* An rpm header as the databases keep it: without the eight bytes of magic, a region inside
 * (rpm's manual, "RPM v4 package format: header"). */
struct rpm_header {
	struct span name, version, release; /* point into the bytes */
	uint32_t epoch;
	bool has_epoch;
};
/* @bytes: the first @bytes.n of @whole. RF_ETRUNCATED with *ret_need, the bytes that must be there; RF_EFORMAT with the
 * rule in *ret_rule (static). */
RF_MUST_CHECK int rpm_header_read(struct span bytes, uint64_t whole, struct rpm_header *ret, size_t *ret_need,
				  const char **ret_rule);
/* Adds what a header says to the list; keys ("gpg-pubkey") are no packages. @blob gives the first @n bytes (fewer at its
 * end) of a header of @whole bytes; false: damaged (an objection was made) or r->failed. */
void rpm_header_add(struct package_list *l, uint64_t whole,
		    bool (*blob)(struct artifact_reading *r, void *data, unsigned char *to, size_t n), void *data);
/* Ends a list of rpm packages: the distribution is told by its release package. */
RF_MUST_CHECK int rpm_list_end(struct package_list *l);

/* Big-endian reads; the caller has checked the bounds. */
static inline uint32_t be32(const void *p)
{
	const unsigned char *b = p;
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline uint16_t be16(const void *p)
{
	const unsigned char *b = p;
	return (uint16_t)(b[0] << 8 | b[1]);
}

#endif
