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
 *   pep440     PEP 440 to the letter: epochs (1!2.0), 1.0-1 = 1.0.post1, local versions counted (1.0 < 1.0+cu118)
 *   deb, rpm   epoch:version-revision, compared as dpkg and rpm do, with ~ (and ^ in rpm)
 *   cuda       12.6U1 = 12.6 Update 1 = 12.6.1 < 12.6U2 < 12.8
 *   driver     535.288.01; R535 is a branch, and the numbers of a branch run on: 573.48 belongs to R570
 *   container  25.07, r26.03, 24.04.1, 25.07-py3: NVIDIA's images by year and month
 *   triton     2.40.0 (server) and 25.07, r26.03 (container): joined by the map of triton.tsv; what the map cannot
 * place is not comparable dotted     numbers with dots, 1.17.8, v0.17.2, 25.3.1 generic    what others
 * write: 2.8.2-46, 23.10-5.1.4.0, 10.24.09a, 3.40 R5 build 571848, 4.1 SP2, 1.0-rc1 git        commits: equal (a short
 * hash names what it begins, 7 digits at least) or not comparable plain      anything; equal or not comparable
 */
#ifndef REFORGE_VERSION_SCHEME_H
#define REFORGE_VERSION_SCHEME_H

#include "base/err.h"
#include "base/span.h"

/* The longest version text taken; the longest in 181 bulletins and 44,130 CVE records that a scheme reads is 40. */
#define VERSION_MAX_BYTES 128
/* Numeric parts; four in TensorRT, drivers have three, OFED's "23.10-5.1.4.0" six. PEP 440's epoch takes one. */
#define VERSION_MAX_PARTS 8
/* Pre-release and post-release words with their numbers; PEP 440 allows three (rc1.post2.dev3). */
#define VERSION_MAX_TAGS 8

enum version_order { VERSION_LESS = -1, VERSION_EQUAL = 0, VERSION_GREATER = 1, VERSION_INCOMPARABLE = 2 };

/* One piece behind the numbers: rank orders it among others at the same place, then the number, then the word (semver).
 */
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
	bool equality_only; /* git, plain */
	bool opaque;        /* the parts say nothing of families and branches: deb, rpm, git, plain */
	bool epoch_first;   /* the first part is an epoch (pep440) */
	/* Compares two readable texts where parts and tags cannot say the order (deb, rpm, git, triton); NULL: the
	 * keys' numbers do. */
	enum version_order (*compare)(const struct version_key *a, const struct version_key *b);
	/* The release branch that a version belongs to (driver: 573.48 -> 570); NULL: its leading parts. */
	uint64_t (*branch)(const struct version_key *key);
	const char *vers; /* versioning scheme of "vers:TYPE/..." (range.h); NULL: generic */
};

/* The table; ends with a row whose name is NULL. */
extern const struct scheme SCHEMES[];
/* NULL when there is none of that name. */
const struct scheme *scheme_find(struct span name);
/* The scheme of a vers type, a purl type or a CVE record's versionType ("pypi", "python", "rpm", "dpkg", "semver",
 * "git", "golang"); NULL when the word says nothing of how versions compare ("custom", "generic", "patch", "2024.3").
 */
const struct scheme *scheme_of_type(struct span type);

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
/* True when @version lies on the branch that @branch names: R535 holds 535.288.01 and 537.13, 2.9 holds 2.9.3. Both
 * readable. */
bool version_on_branch(const struct scheme *scheme, const struct version_key *branch,
		       const struct version_key *version);
/* "<", "=", ">", "?" */
const char *version_order_sign(enum version_order o);

#endif
