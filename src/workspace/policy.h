/*
 * policy - `policies:` of reforge.yaml: what the gate does about what it finds, per service and environment.
 *
 * Pure types; workspace.c's tables fill them. The gate (gate/policy.h) puts the ones that hold for a service and an
 * environment together: each key is taken from the narrowest policy that states it, in this order:
 *
 *   1. names the service and the environment      2. names the service      3. names the environment
 *   4. names neither                              5. built in: WORKSPACE_POLICY_* below
 *
 * Two policies of one rank that hold for the same service and environment are refused (gate_policies_ready()), so that
 * the order of the file never matters. What a policy does not state is "not stated", never a default: only rank 5 has
 * defaults.
 */
#ifndef REFORGE_WORKSPACE_POLICY_H
#define REFORGE_WORKSPACE_POLICY_H

#include "base/span.h"

#define WORKSPACE_MAX_POLICIES 1000
#define WORKSPACE_POLICY_MAX_NAMES 1000 /* services or environments of one policy */

/* Zero is "not stated" in each of these. */
enum workspace_action { WORKSPACE_ACTION_UNSET = 0, WORKSPACE_ACTION_ALLOW, WORKSPACE_ACTION_WARN, WORKSPACE_ACTION_DENY };
enum workspace_mode { WORKSPACE_MODE_UNSET = 0, WORKSPACE_MODE_ENFORCE, WORKSPACE_MODE_AUDIT };
struct workspace_period {
	bool is_set;
	int64_t usec; /* 0: "none" was written */
};
struct workspace_score {
	bool is_set;
	int tenths; /* CVSS x 10, 0..100; 101: "never" was written */
};
#define WORKSPACE_SCORE_NEVER 101

/* What must be signed by the site's release key. */
enum workspace_signature {
	WORKSPACE_SIGNATURE_NONE = 0,   /* "none": nothing, whatever wider policies say */
	WORKSPACE_SIGNATURE_RELEASE,    /* a release that holds the engine */
	WORKSPACE_SIGNATURE_PROVENANCE, /* how the engine was built */
	WORKSPACE_SIGNATURE_PROOF       /* that it was proven */
};
const char *workspace_signature_name(enum workspace_signature s); /* "provenance"; static */
/* Of several together; 0 for NONE. */
unsigned workspace_signature_bit(enum workspace_signature s);

struct workspace_minimum {
	const char *product; /* a toolchain's name, a purl or a product's name, as written */
	const char *version;
};

struct workspace_policy {
	const char *name;
	const char *const *services; /* empty: every service */
	size_t services_n;
	const char *const *environments; /* empty: every environment */
	size_t environments_n;
	enum workspace_mode mode;
	enum workspace_action unknown;         /* findings that are unknown */
	enum workspace_action conflict;        /* findings that are in conflict */
	enum workspace_action unknown_subject; /* never seen: neither file nor row */
	enum workspace_action stale;           /* a feed is stale: its silence proves nothing */
	enum workspace_action expired;         /* the bundle that is judged by has ended */
	enum workspace_action unsigned_;       /* a signature that is required is not there */
	struct workspace_score warn_from, deny_from; /* affected: below both allowed */
	struct workspace_period grace;               /* after publication: warn instead of deny */
	struct workspace_period engine_max_age;      /* since the engine was built */
	const struct workspace_minimum *minimum;     /* oldest toolchain that may have built an engine */
	size_t minimum_n;
	const enum workspace_signature *signatures;
	size_t signatures_n;
	const char *const *registries; /* images may come from; "*": from anywhere */
	size_t registries_n;
};

/* Whose VEX statements excuse a finding. */
#define WORKSPACE_VEX_MAX_TRUSTED 256
struct workspace_vex_author {
	const char *author; /* whole name, as the documents have it */
	const char *feed;   /* only when it came by that feed; NULL: however */
};
struct workspace_vex {
	const struct workspace_vex_author *trusted; /* none: nobody's */
	size_t trusted_n;
	int64_t max_age_usec; /* older statements excuse nothing */
};

/* Built in, for what no policy states. */
#define WORKSPACE_POLICY_MODE WORKSPACE_MODE_ENFORCE
#define WORKSPACE_POLICY_UNKNOWN WORKSPACE_ACTION_WARN
#define WORKSPACE_POLICY_CONFLICT WORKSPACE_ACTION_DENY
#define WORKSPACE_POLICY_UNKNOWN_SUBJECT WORKSPACE_ACTION_WARN
#define WORKSPACE_POLICY_STALE WORKSPACE_ACTION_WARN
#define WORKSPACE_POLICY_EXPIRED WORKSPACE_ACTION_DENY
#define WORKSPACE_POLICY_UNSIGNED WORKSPACE_ACTION_DENY
#define WORKSPACE_POLICY_WARN_FROM 0 /* CVSS x 10 */
#define WORKSPACE_POLICY_DENY_FROM 0

#endif
