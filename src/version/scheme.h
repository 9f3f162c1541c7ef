/*
 * scheme - how the versions of a product are read and ordered.
 *
 * Pure: no I/O, no clock, no globals. May use base/ only. Adding a scheme: one file scheme_NAME.c and one row of the
 * table in scheme.c.
 *
 * A scheme reads a text into a key (struct version_key) or refuses it. Two keys compare by their numbers; parts left
 * out count as zero, so "11.0" equals "11.0.0.0". A refused text is not comparable with anything: "cannot tell" is an
 * answer, and never "not affected" (design, law 2).
 *
 *   tensorrt   10.16.1.11, v11.0, 8.6.0 EA, 10.0.0b6, 10.16.1.11-1+cuda13.0 (Debian's revision is ignored)
 *   release    1.20.1, 1.3.0rc14 = 1.3.0 rc14 = v1.3.0-rc.14, 1.20.0.dev20241001, 1.2.0.post1: PEP 440's order, its
 *              spellings and SemVer's for the same pre-releases: dev < alpha < beta < rc < final < post
 *   semver     SemVer 2.0.0 with any pre-release identifiers (Go, npm)
 *   cuda       12.6U1 = 12.6 Update 1 = 12.6.1 < 12.6U2 < 12.8
 *   triton     2.40.0 (server) and 25.07, r26.03 (container): two numberings that do not compare with each other
 *   dotted     numbers with dots, 1.17.8, v0.17.2, 25.3.1
 *   plain      anything; equal or not comparable
 */
#ifndef REFORGE_VERSION_SCHEME_H
#define REFORGE_VERSION_SCHEME_H

#include "base/err.h"
#include "base/span.h"

/* The longest version text taken; the longest in 181 bulletins and 44,130 CVE records that a scheme reads is 40. */
#define VERSION_MAX_BYTES 128
/* Numeric parts; four in TensorRT, drivers have three. */
#define VERSION_MAX_PARTS 6
/* Pre-release and post-release words with their numbers; PEP 440 allows three (rc1.post2.dev3). */
#define VERSION_MAX_TAGS 8

enum version_order { VERSION_LESS = -1, VERSION_EQUAL = 0, VERSION_GREATER = 1, VERSION_INCOMPARABLE = 2 };

/* One piece behind the numbers: rank orders it among others at the same place, then number, then word (semver). */
struct version_tag {
	int rank; /* 0 is "nothing more": below it sort pre-releases, above it post-releases */
	uint64_t number;
	struct span word; /* semver's identifier, points into the text; empty else */
};

struct version_key {
	unsigned line;     /* numbering of a product with several (triton); keys of different lines do not compare */
	size_t part_count; /* as written, at least 1 */
	uint64_t parts[VERSION_MAX_PARTS];
	size_t tag_count;
	struct version_tag tags[VERSION_MAX_TAGS];
	struct span text; /* what was read, trimmed */
};

struct scheme {
	const char *name; /* "tensorrt"; as in products.tsv */
	const char *help; /* one line with examples */
	/* Reads the whole of @text (trimmed); false when it does not belong to the scheme. */
	bool (*read)(struct span text, struct version_key *ret);
	/* True where a version with fewer parts names a family: "10.16.1" as an inclusive bound or an exact statement
	 * covers 10.16.1.11, since bulletins leave out the build number. */
	bool short_is_family;
	bool equality_only; /* plain */
};

/* The table; ends with a row whose name is NULL. */
extern const struct scheme SCHEMES[];
/* NULL when there is none of that name. */
const struct scheme *scheme_find(struct span name);

/* True when @scheme reads @text. Empty, too long and foreign texts: false. */
bool version_read(const struct scheme *scheme, struct span text, struct version_key *ret);
bool version_is_readable(const struct scheme *scheme, struct span text);
/* VERSION_INCOMPARABLE when either text cannot be read or the lines differ. Total over the readable texts of one line:
 * antisymmetric and transitive. Never fails, never allocates. */
enum version_order version_compare(const struct scheme *scheme, struct span a, struct span b);
enum version_order version_key_compare(const struct scheme *scheme, const struct version_key *a,
				       const struct version_key *b);
/* True when @longer begins with all written parts of @family, has no pre-release the family lacks, and the scheme takes
 * short versions for families: 10.16.1 covers 10.16.1.11 and 10.16.1 itself. */
bool version_key_in_family(const struct scheme *scheme, const struct version_key *family,
			   const struct version_key *longer);
/* "<", "=", ">", "?" */
const char *version_order_sign(enum version_order o);

#endif
