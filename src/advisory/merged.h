/*
 * merged - one vulnerability over all its sources, each source's own words kept.
 *
 * Pure types. May use base, version and advisory.h. store.h fills them; exposure/ judges by them.
 *
 * Whose word counts, highest first (enum advisory_authority); of equals the newest record:
 *   the operator's decision   above all sources: engine_affecting, applies or not, another range
 *   vendor                    the product's own vendor (CSAF, its CNA's record), or the site's own record
 *   CNA                       the record in the CVE list by whoever assigned the id
 *   NVD                       added later, by third hand
 *   others                    OSV's databases, national databases, tables
 * Authority chooses what stands at the top (title, dates, score) and who wins a contradiction about a version; it hides
 * nothing: every source's statement, score and state is kept and shown, and where they differ that is shown too.
 */
#ifndef REFORGE_ADVISORY_MERGED_H
#define REFORGE_ADVISORY_MERGED_H

#include "advisory/advisory.h"

enum advisory_authority { AUTHORITY_OTHER = 0, AUTHORITY_NVD, AUTHORITY_CNA, AUTHORITY_VENDOR };
const char *advisory_authority_name(enum advisory_authority a); /* "vendor", "cna", "nvd", "other"; static */
/* Of a record: VENDOR when any of its statements is authoritative, else by the format it came in. */
enum advisory_authority advisory_authority_of(const struct advisory *record, const char *format);

/* Where a statement comes from. */
struct advisory_origin {
	struct span document_digest; /* SHA-256, hex */
	struct span document_name;   /* path or URL at import */
	struct span document_id;     /* "5855" */
	struct span feed;
	struct span format;          /* it was read as: "openvex"; static */
	usec_t imported_at;
	usec_t record_modified;
	enum advisory_state record_state;
	enum advisory_authority authority;
};

/* One source's record of an advisory. */
struct advisory_source {
	struct advisory record; /* its statements are in stored.statements */
	struct advisory_origin origin;
	struct span publisher;
};

/* What the operator decided beside engine_affecting. */
enum decision_kind {
	DECISION_APPLIES, /* applies: false takes the advisory away from the product or the service in scope */
	DECISION_RANGE,   /* the versions of @product that are affected, in place of what the sources say */
};
const char *decision_kind_name(enum decision_kind k); /* "applies", "range"; static */

struct advisory_decision {
	enum decision_kind kind;
	const struct product *product; /* NULL: every product (DECISION_APPLIES only) */
	struct span service;           /* empty: every service (always with DECISION_RANGE) */
	bool applies;
	struct span
		text; /* the range as typed: "vers:generic/<11.0", "prior to 11.0"; empty: the sources' count again */
	struct range *range; /* NULL when @text is empty */
	struct span owner;   /* who answers for it */
	struct span who;     /* who typed it */
	struct span why;
	usec_t at;
};
/* Decisions of one advisory in force: products x services that anyone scoped. */
#define ADVISORY_MAX_DECISIONS 1024

struct advisory_policy {
	bool decided; /* engine_affecting; false: the product table's default holds */
	enum engine_affecting engine_affecting;
	struct span who, why;
	usec_t at;
	struct advisory_decision *decisions; /* the newest of each kind and scope, in the order of their making */
	size_t decision_count;
};
/* The decision that says whether the advisory applies to @product in @service: the narrowest scope, of equals the
 * newest; NULL: none, it applies. Either may be NULL or empty (not known): then only wider scopes match. */
const struct advisory_decision *advisory_applies_decision(const struct advisory_policy *policy,
							  const struct product *product, struct span service);
/* The range in force for @product; NULL: the sources'. */
const struct advisory_decision *advisory_range_decision(const struct advisory_policy *policy,
							const struct product *product);

/* The merged advisory: scalar fields from the published record of the highest authority (of any state when none is
 * published), the newest of equals; statements of all current records in the order of origins. State: REJECTED when any
 * source says so, since that is the numbering authority's word about the id itself; else PUBLISHED when any source
 * publishes; else WITHDRAWN. Sources that disagree with it stay visible in sources. */
struct stored_advisory {
	struct advisory advisory;
	struct advisory_origin *origins; /* one per statement, same order */
	struct advisory_source *sources; /* in the order of authority */
	size_t source_count;
	struct advisory_signal *signals; /* about the id or an alias of it */
	size_t signal_count;
	usec_t first_seen; /* the database's clock when any of our feeds first had it */
	struct advisory_policy policy;
};

/* What counts for @product: the decision, else the product's default (unknown for NULL). */
enum engine_affecting advisory_engine_affecting(const struct advisory_policy *policy, const struct product *product);

/* What contradicts what. For people; texts in the arena given. */
enum contradiction_kind {
	CONTRADICTION_WITHIN = 0, /* one source's statement against itself */
	CONTRADICTION_STATE,      /* one source rejects or withdraws what another publishes */
	CONTRADICTION_RANGE,      /* two sources differ about which versions of a product are affected */
	CONTRADICTION_SCORE,      /* two sources' scores, recomputed, differ by a rating */
	CONTRADICTION_VECTOR,     /* a stated score that its vector does not give */
	CONTRADICTION_ASSIGNER,   /* the id was assigned by someone else than the product's vendor, who does not confirm
				     it */
};
const char *contradiction_kind_name(enum contradiction_kind k); /* "within", "state", ...; static */
struct contradiction {
	enum contradiction_kind kind;
	struct span words;             /* one sentence without full stop */
	struct span source;            /* who */
	struct span against;           /* whom; empty: itself */
	const struct product *product; /* of a range; NULL else */
};
/* More are counted by nobody: a screen shows fewer. */
#define ADVISORY_MAX_CONTRADICTIONS 64
/* All of @v in @a, the most telling first. Two sources' ranges are compared by what they answer to each other's bounds.
 * RF_ENOMEM. */
RF_MUST_CHECK int advisory_contradictions(struct arena *a, const struct stored_advisory *v, struct contradiction **ret,
					  size_t *ret_count, struct err *err);

#endif
