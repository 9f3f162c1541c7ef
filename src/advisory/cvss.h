/*
 * cvss - base scores out of CVSS vectors: 2.0, 3.0, 3.1 and 4.0 of FIRST.
 *
 * Pure. May use base/ only. A feed's score is a claim; the vector is what it was made from, so the score is computed
 * again and a difference is shown. Never allocates. Sources: https://www.first.org/cvss/v2/guide,
 * /v3.0/specification-document, /v3.1/specification-document, /v4.0/specification-document.
 */
#ifndef REFORGE_ADVISORY_CVSS_H
#define REFORGE_ADVISORY_CVSS_H

#include "base/err.h"
#include "base/span.h"

/* A full 4.0 vector with all 32 metrics has 206 bytes. */
#define CVSS_MAX_BYTES 512

enum cvss_version { CVSS_V2, CVSS_V3_0, CVSS_V3_1, CVSS_V4_0 };
const char *cvss_version_name(enum cvss_version v); /* "2.0", "3.0", "3.1", "4.0"; static */

struct cvss {
	enum cvss_version version;
	double base; /* 0.0 .. 10.0, one decimal. 4.0: with the base metrics alone (CVSS-B) */
	/* Of the whole vector as given: 3.x and 2.0 temporal and environmental metrics, 4.0 threat and environmental
	 * ones; equal to base when the vector has none of them. */
	double score;
	bool has_more; /* metrics beyond the base group that are defined */
};

/*
 * Reads one vector: "CVSS:3.1/AV:N/AC:L/...", "AV:N/AC:L/Au:N/C:P/I:P/A:P" (2.0, perhaps in parentheses).
 * RF_EFORMAT with the offset: an unknown or repeated metric, an unknown value, a missing base metric, an order that 4.0
 * does not allow, bytes behind the end; RF_EUNSUPPORTED: another version; RF_ETOOBIG.
 */
RF_MUST_CHECK int cvss_read(struct span vector, struct cvss *ret, struct err *err);

/* The qualitative rating of a score, "NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL" (2.0 has no NONE and no CRITICAL).
 * Static. */
const char *cvss_rating(enum cvss_version v, double score);

#endif
