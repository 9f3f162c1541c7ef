/*
 * exposure - placement x advisory x carrier: what is exposed, since when, until when, and why.
 *
 * May use base, format, database, crypto, ledger, workspace, version, advisory, inventory. Tables: exposure_subject (a
 * component in its role), exposure_finding (an advisory hits it, from-to), exposure_link (a use has it, from-to),
 * exposure_scope, exposure_use, exposure_judged, exposure_state.
 *
 *   placement (seen from - gone) ── of a use ── link (from - to) ──► component ── finding (from - to) ──► advisory
 *   └──────────────── exposure: where the three overlap; from the last beginning to the first end ────────────┘
 *
 * Exposures are derived and never stored: a component is judged once, however many placements have it, and a placement
 * that comes or goes is exposed, or not any more, at that moment. exposure_refresh() judges what is new: components of
 * uses that came, advisories that changed.
 *
 * Only affected, conflict and unknown are exposures. A finding that changes ends one and begins another; nothing is
 * deleted, so that any past moment can be asked for.
 *
 * Carriers of a placement:
 *   builder   what a toolchain built: the product and version its file claims. Content that is not there or not
 *             readable and is named like an engine: unknown, for every advisory about a product that compiles engines
 *   runtime   what the service declares to load its engines with; a runtime library is one itself. A service that
 *             declares none: unknown_runtime, for the product that built the engine. What else a file holds: a lean
 *             runtime, the packages of a package database
 *   image     packages and runtimes inside a container image. An image that nobody looked into: unknown, as above.
 *             What is inside is shown at placement!/path/inside
 */
#ifndef REFORGE_EXPOSURE_EXPOSURE_H
#define REFORGE_EXPOSURE_EXPOSURE_H

#include "advisory/store.h"
#include "database/database.h"
#include "exposure/excuse.h"
#include "exposure/finding.h"
#include "exposure/priority.h"
#include "inventory/inventory.h"

extern const struct migration_set EXPOSURE_MIGRATIONS;

struct exposure_changes {
	int64_t components; /* component x carrier x advisory judged in this run (others were known) */
	/* Since the last refresh. Of one use those that came and those that went on other hosts are set off. */
	int64_t opened;
	int64_t cleared;
	int64_t open; /* after */
};
/* Judges what changed in inventory and advisories since the last time, in one transaction; writes a ledger record when
 * anything opened or cleared. @actor for the ledger. @ret may be NULL. */
RF_MUST_CHECK int exposure_refresh(struct database *db, const char *actor, struct exposure_changes *ret,
				   struct err *err);
RF_MUST_CHECK int exposure_refresh_tx(struct transaction *tx, const char *actor, struct exposure_changes *ret);

struct exposure_row {
	int64_t placement_id, finding_id;
	struct span advisory, advisory_title;
	bool is_drill;
	enum carrier carrier;
	enum finding_kind kind;
	enum finding_cause cause;
	struct span purl, version; /* component; version empty: unknown */
	enum platform_line line;   /* that it is judged on; ANY where versions are the same everywhere */
	struct span path;          /* "placement" or "placement!/inside" */
	struct span inside;        /* where in the placement it is; empty: it is the placement itself */
	struct span service, environment, model, host;
	struct span artifact_digest, artifact_kind, artifact_target; /* of the one that carries it */
	usec_t opened_at, cleared_at;                                /* cleared_at USEC_NONE while open */
	struct span cleared_reason; /* "gone", "moved" (the content stayed: exposed under another service, model or
				     * runtime, since the same moment), "finding_changed", "advisory_withdrawn", "advisory_rejected",
				     * "not_affected"; empty while open */
};
/* Empty and zero fields do not filter. */
struct exposure_filter {
	usec_t at;            /* those of that moment, as they were judged then; 0: of now */
	struct span advisory; /* id */
	struct span product;  /* purl of the component */
	struct span service, environment, model, path;
	int64_t placement_id;
	bool by_carrier;
	enum carrier carrier;       /* with by_carrier */
	enum finding_kind at_least; /* FINDING_NOT_AFFECTED: all */
	bool with_cleared;          /* all that ever were; no meaning with @at */
	bool without_drills;
	int64_t limit; /* 0: no limit */
};
/* By advisory, service, environment, model, path, placement, carrier, opened_at. Spans live until @visit returns; it
 * may not use @tx. */
RF_MUST_CHECK int exposure_list(struct transaction *tx, const struct exposure_filter *filter,
				int (*visit)(const struct exposure_row *, void *), void *data);

/* Many exposures in one: of one component in one service, to one advisory. Counted by uses, so that it takes as long as
 * there are different things, not as there are placements. */
struct exposure_sum {
	struct span advisory;
	bool is_drill;
	struct span service, environment;
	enum carrier carrier;
	enum finding_kind kind;
	enum finding_cause cause;
	struct span purl, version;
	enum platform_line line;
	int64_t exposures; /* a placement that has the component in several places counts for each */
};
/* By advisory, service, environment, carrier, component. Of the filter: at (as far as findings go back), advisory,
 * product, service, environment, carrier, at_least, without_drills, limit. */
RF_MUST_CHECK int exposure_sums(struct transaction *tx, const struct exposure_filter *filter,
				int (*visit)(const struct exposure_sum *, void *), void *data);

/* A service's state for people: carriers apart, so that "runtime clean, engine still vulnerable" shows (law 1). */
struct exposure_service {
	struct span service, environment;
	int64_t placements; /* open, engines; what has a finding of its own and is no part of a runtime or image, too */
	int64_t images;     /* open, container images */
	/* Open exposures [carrier][finding kind], counted in placements: one placement counts once, at its worst. Over all
	 * advisories a content's own finding (conflict: it contradicts itself, or holds native code; unknown) counts too. */
	int64_t counts[CARRIER_COUNT][4];
	enum finding_kind worst[CARRIER_COUNT];
};
/* By service, environment; services with open placements of what can carry a component. @advisory empty: over all but
 * drills; where none is known (advisory_any_known()), all that is not worse is unknown. @at as in the filter. */
RF_MUST_CHECK int exposure_services(struct transaction *tx, struct span advisory, usec_t at,
				    int (*visit)(const struct exposure_service *, void *), void *data);
/* "runtime clean, engine still vulnerable", "runtime and engine vulnerable", "clean", "runtime clean, engine not
 * known", …; with images "…, image vulnerable"; of a service that has nothing else "image clean, engine inside vulnerable" */
const char *exposure_service_words(const struct exposure_service *s, char *buffer, size_t size);

/* ── what carries what ── */

/* By which component a content reaches a service by itself: what built it, which library it is. False: by none (models,
 * caches, images that were read whole). @in_image: it lies in one. The product may be unknown. Spans are @f's. */
bool exposure_carries_own(const struct inventory_artifact *f, bool in_image, struct finding_subject *ret);
/* By one that it holds beside that: its carrier. False: of no product of ours, or the one above. Spans are @held's. */
bool exposure_carries_held(const struct inventory_artifact *f, const struct inventory_held *held, bool in_image,
			   struct finding_subject *ret);

/* ── stale feeds ────────────────────────────────────────────────────────────────────────────────────────────────── */

/* A feed that brings records and has been silent, shrunk or emptied (feed.h), or has never been complete: what is not
 * affected by it is so as of then. Nothing is cleared by it: what it once said stays. */
struct exposure_stale {
	struct span feed, words; /* "stale: as of 3 d 02 h ago, limit 24 h" */
	usec_t as_of;            /* its last complete run; USEC_NONE: none */
	usec_t from;             /* counts from then on; 0: already */
};
/* Every feed that brings records, with the moment from which on it is stale when nothing comes by it any more: for those
 * who judge later by what is known now. In @a; otherwise as below. */
RF_MUST_CHECK int exposure_feed_limits(struct transaction *tx, struct arena *a, const struct workspace *w,
				       struct exposure_stale **ret, size_t *ret_count);
/* Those that are stale. In @a. The feeds that @w names; those of signals only (EPSS, KEV) say nothing about products and are left out. @w NULL:
 * those that the database remembers. Files given by hand are no feeds. */
RF_MUST_CHECK int exposure_stale_feeds(struct transaction *tx, struct arena *a, const struct workspace *w,
				       struct exposure_stale **ret, size_t *ret_count);
/* "feed nvidia is stale: as of 3 d 02 h ago, limit 24 h", a line each behind @indent. */
void exposure_stale_words(const struct exposure_stale *stale, size_t count, const char *indent, struct str *to);
/* "stale_feeds":[{"feed","as_of","text"}], a member of an open object. */
void exposure_stale_json(const struct exposure_stale *stale, size_t count, struct json_out *o);

/* ── order of work ──────────────────────────────────────────────────────────────────────────────────────────────── */

/* What is exposed to one advisory in one service and environment, and how soon it is to be dealt with (priority.h). */
struct exposure_work {
	struct span advisory, title;
	struct span service, environment; /* empty: of no service, or nothing is exposed */
	bool is_drill;
	enum finding_kind worst; /* NOT_AFFECTED: nothing is exposed */
	int64_t placements;
	struct priority priority;
};
struct exposure_work_filter {
	struct span advisory, service; /* empty: all */
	bool with_drills;
	bool with_unexposed; /* advisories about products of ours that expose nothing too, behind the others */
};
/* The order of work, first things first, in @a. @w gives the services' criticality and reach; NULL: judged without. */
RF_MUST_CHECK int exposure_order_work(struct transaction *tx, struct arena *a, const struct workspace *w,
				      const struct exposure_work_filter *filter, struct exposure_work **ret,
				      size_t *ret_count);
void exposure_work_json(const struct exposure_work *work, struct json_out *o);

/* ── explain ────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Full chain for one placement, carrier and advisory, judged anew: file and header steps first. */
struct exposure_explanation {
	struct inventory_placement placement; /* id 0 when the subject is a component, not a file */
	struct finding_subject subject;
	struct stored_advisory advisory;
	struct finding finding;
	usec_t opened_at;                   /* of the open exposure; USEC_NONE when there is none */
	const struct excuses *excuses;      /* of all explanations of one call the same */
	struct excuse excuse;               /* of one that was found and is about a placement */
	usec_t at;                          /* the past moment that was asked for, judged as it was then; 0: now */
	const struct exposure_stale *stale; /* feeds that are; of all explanations of one call the same */
	size_t stale_count;
};
/* Placements by path or digest (inventory_placements_of); "placement!/inside" for a part of an image. Every advisory
 * about its components, worst first, in @a. @w as in exposure_stale_feeds(). @advisory empty: all. RF_ENOTFOUND when no placement has that name.
 * @at: what the placements of that moment were exposed to, with the reasons of that time (what was not affected is not
 * kept); 0: now. */
RF_MUST_CHECK int exposure_explain_path(struct transaction *tx, struct arena *a, const struct workspace *w,
					const char *path, struct span advisory, usec_t at,
					struct exposure_explanation **ret, size_t *ret_count);
RF_MUST_CHECK int exposure_explain_placement(struct transaction *tx, struct arena *a, const struct workspace *w,
					     int64_t placement_id, struct span advisory,
					     struct exposure_explanation **ret, size_t *ret_count);
/* "pkg:pypi/tensorrt@10.13.3.9", both carriers. RF_EFORMAT; a product without a row gives count 0. */
RF_MUST_CHECK int exposure_explain_purl(struct transaction *tx, struct arena *a, const struct workspace *w,
					struct span purl, struct span advisory, struct exposure_explanation **ret,
					size_t *ret_count);
/* What is known about ids that are quoted as flaws of a product and are none, fed or not (law 7). */
struct misquoted {
	const char *id;
	const char *purl; /* the product it is quoted with */
	const char *quoted_as;
	const char *truth; /* what the record says, and since when */
	const char *assigner;
	const char *source; /* where that can be read */
};
/* NULL when @id is none of them. Static. */
const struct misquoted *misquoted_find(struct span id);

/* RF_ENOTFOUND for an id that no source at hand and no row of misquoted has. One advisory: its story. Every source with
 * state, assigner, words; the policy; what is exposed; and for a record that is no vulnerability the real advisories of
 * the products it is quoted with. */
struct exposure_story {
	struct stored_advisory advisory;   /* source_count 0: known from misquoted alone */
	const struct misquoted *misquoted; /* NULL for most */
	struct reason reason;              /* the story in steps */
	struct advisory_row *instead;      /* published advisories of those products, newest first; in @a */
	size_t instead_count;
	struct span *quoted_products; /* purls */
	size_t quoted_count;
	int64_t open[4];                      /* open exposures by finding kind */
	struct contradiction *contradictions; /* of sources, each other and themselves; also steps of the reason */
	size_t contradiction_count;
	struct exposure_stale *stale; /* feeds whose silence about it proves nothing */
	size_t stale_count;
};
RF_MUST_CHECK int exposure_explain_advisory(struct transaction *tx, struct arena *a, const struct workspace *w,
					    struct span id, struct exposure_story *ret);

/* Rendering, both forms of the same facts. @o is inside nothing: one object is written. */
void exposure_explanation_json(const struct exposure_explanation *e, struct json_out *o);
void exposure_explanation_words(const struct exposure_explanation *e, struct str *to);
void exposure_story_json(const struct exposure_story *s, struct json_out *o);
void exposure_story_words(const struct exposure_story *s, struct str *to);

#endif
