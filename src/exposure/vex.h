/*
 * vex - which statements of VEX documents the operator's policy lets speak for a component.
 *
 * Pure: no I/O, no clock, no globals. May use base, version, workspace's types, advisory (its pure part), finding.
 *
 *   advisory's statements that came as OpenVEX ──vex_of()──► statements ──vex_find(policy, found, now)──► the one that
 * counts
 *
 * finding_judge() takes a VEX statement as one source among others: it clears nothing that another source holds
 * affected. What this room adds is the operator's word: a statement `not_affected` or `fixed` of an author that the
 * policy trusts excuses the finding; the finding stays and is shown with the statement. The rules:
 *   1. its author is in the policy's list, by the whole name; where the entry names a feed, it came by that feed. The
 *      author is what the document says of itself: name a feed wherever others can write files. An empty list trusts
 * nobody.
 *   2. not_affected needs a justification or an impact statement (OpenVEX 0.2.0, "Status Labels")
 *   3. it is about the component's product, its versions hold the component's, and it is not narrowed to a part or a
 * platform
 *   4. it is not older than the policy's max_age, not from the future, and its record is not withdrawn
 *   5. the newest statement of trusted authors about the component counts: a newer `affected` or
 *      `under_investigation` takes an older `not_affected` back; of two of one moment the worse counts
 */
#ifndef REFORGE_EXPOSURE_VEX_H
#define REFORGE_EXPOSURE_VEX_H

#include "advisory/merged.h"
#include "base/str.h"
#include "base/time.h"
#include "exposure/found.h"
#include "format/json.h"
#include "workspace/policy.h"

/* Statements of one advisory that are looked at; more is no VEX that a person keeps. */
#define VEX_MAX_STATEMENTS 4096

struct vex_trusted {
	struct span author;
	struct span feed; /* empty: however it came in */
};
struct vex_policy {
	const struct vex_trusted *trusted;
	size_t trusted_count;
	int64_t max_age_usec;
};
/* What reforge.yaml says (`vex:`), in @a, pointing into @w. RF_ENOMEM. */
RF_MUST_CHECK int vex_policy_of(struct arena *a, const struct workspace_vex *w, struct vex_policy *ret,
				struct err *err);

enum vex_status { VEX_NOT_AFFECTED = 0, VEX_FIXED, VEX_UNDER_INVESTIGATION, VEX_AFFECTED }; /* the worse is greater */
const char *vex_status_name(enum vex_status s); /* "not_affected", "fixed", "under_investigation", "affected"; static */

struct vex_statement {
	struct span advisory;
	enum vex_status status;
	struct span author, feed;
	struct span product;       /* purl without version */
	const struct range *range; /* the versions it is about; NULL or unreadable: none */
	bool narrowed;             /* to a part or a platform */
	struct span justification; /* or the impact statement; empty: none */
	usec_t timestamp;          /* of the statement; USEC_NONE: undated, and never in force */
	struct span document, document_digest;
};

/* The VEX statements among @v's, in @a, pointing into @v. RF_ETOOMANY, RF_ENOMEM. */
RF_MUST_CHECK int vex_of(struct arena *a, const struct stored_advisory *v, struct vex_statement **ret,
			 size_t *ret_count, struct err *err);
/* The statement that excuses @f at @now; NULL: none does. @list: of one advisory or of many. */
const struct vex_statement *vex_find(const struct vex_policy *policy, const struct vex_statement *list, size_t count,
				     const struct found *f, usec_t now);
/* When it stops to count by its age; USEC_NONE: it never did. */
usec_t vex_expires(const struct vex_policy *policy, const struct vex_statement *s);
/* "VEX of ACME: not_affected, vulnerable_code_not_present, 2026-07-14, until 2027-01-10" */
void vex_words(const struct vex_policy *policy, const struct vex_statement *s, struct str *to);
/* {"author","status","justification","timestamp","expires","document"} */
void vex_json(const struct vex_policy *policy, const struct vex_statement *s, struct json_out *o);

#endif
