/*
 * waiver - a recorded acceptance of named advisories within a scope, by an owner, until a day (design, section 1).
 *
 * Pure: no I/O, no clock, no globals. May use base, format, finding. waiver_store.h keeps them.
 *
 * A waiver ends by itself: whether it covers something is asked with the moment, and no job has to run. It never covers
 * what has no advisory (host code, a missing signature), never everything (a scope narrows by one field at least), and
 * never without an end. A deferral ("not before the delivery") is one too, marked so.
 *
 *   advisory id     exact, as the merged advisory has it (an alias is resolved when the waiver is made)
 *   service, environment, product   exact; product is the purl without version
 *   version         exact text, with a product only
 *   digest          of the content that carries the component, or of the image it lies in
 */
#ifndef REFORGE_EXPOSURE_WAIVER_H
#define REFORGE_EXPOSURE_WAIVER_H

#include "base/str.h"
#include "base/time.h"
#include "exposure/found.h"
#include "format/json.h"

/* One delivery's list; more is a baseline. */
#define WAIVER_MAX_ADVISORIES 64
/* Of owner, reason and the scope's fields, each. */
#define WAIVER_MAX_TEXT 2000

enum waiver_kind { WAIVER_ACCEPTANCE = 0, WAIVER_DEFERRAL };
const char *waiver_kind_name(enum waiver_kind k); /* "acceptance", "deferral"; static */

struct waiver_scope {
	struct span service, environment; /* empty: any */
	struct span product, version;
	struct span digest; /* 64 hex digits */
};

struct waiver {
	int64_t id;
	enum waiver_kind kind;
	const struct span *advisories;
	size_t advisory_count;
	struct waiver_scope scope;
	struct span owner; /* who answers for it */
	struct span reason;
	struct span created_by; /* "user:root@host" */
	usec_t created, expires;
	usec_t revoked; /* USEC_NONE: not */
	struct span revoked_by, revoked_why;
};

/* The rules above, and that it ends after @w->created and at most @longest later (reforge.yaml `waivers: longest`).
 * RF_EINVALID with the field and the rule. */
RF_MUST_CHECK int waiver_check(const struct waiver *w, int64_t longest, struct err *err);

enum waiver_state { WAIVER_IN_FORCE = 0, WAIVER_EXPIRED, WAIVER_REVOKED };
enum waiver_state waiver_state_at(const struct waiver *w, usec_t now);
const char *waiver_state_name(enum waiver_state s); /* "in force", "expired", "revoked"; static */

/* Is @f covered at @now? From created (inclusive) to expires or revoked (exclusive). */
bool waiver_covers(const struct waiver *w, const struct found *f, usec_t now);
/* Of those that cover @f the one that ends last, of equals the first; NULL: none. */
const struct waiver *waiver_find(const struct waiver *list, size_t count, const struct found *f, usec_t now);

/* "waiver 3 until 2026-09-01 by vision-team: REASON", control characters escaped. */
void waiver_words(const struct waiver *w, struct str *to);
/* "service voice, environment production, sha256 0123456789ab" */
void waiver_scope_words(const struct waiver_scope *s, struct str *to);
/* {"id","kind","state","advisories":[…],"service","environment","product","version","digest","owner","reason",
 * "created_by","created","expires","revoked","revoked_by","revoked_why"}: fields that are empty are left out. */
void waiver_json(const struct waiver *w, usec_t now, struct json_out *o);

#endif
