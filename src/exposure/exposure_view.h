/*
 * exposure_view - what sums over exposures are made of, in memory. Private to exposure/.
 */
#ifndef REFORGE_EXPOSURE_VIEW_H
#define REFORGE_EXPOSURE_VIEW_H

#include "exposure/exposure_int.h"

struct view_service {
	int64_t id;
	struct span service, environment;
};
struct view_advisory {
	struct span id, title;
	bool is_drill;
	bool scoped; /* a service has findings of its own */
};
struct view_subject {
	int64_t id;
	struct span purl, version;
	enum platform_line line;
	enum carrier carrier;
	size_t first, count; /* its findings */
};
struct view_finding {
	int64_t id;
	size_t subject, advisory;
	struct span service; /* whose own; empty: of all that have none */
	enum finding_kind kind;
	enum finding_cause cause;
	usec_t since;
};
struct view_link {
	int64_t use, placements;
	size_t service, subject;
	/* for lists only */
	int64_t id, artifact, outer; /* outer: the use's own; of what is inside an image that */
	usec_t valid_from;
	struct span model, inside;
};

struct exposure_view {
	struct transaction *tx;
	struct arena a;
	struct view_service *services;
	size_t service_count, service_room;
	struct view_subject *subjects;
	size_t subject_count, subject_room;
	struct view_advisory *advisories;
	size_t advisory_count, advisory_room;
	struct view_finding *findings; /* by subject */
	size_t finding_count, finding_room;
	struct view_link *links; /* by use; of subjects with findings only */
	size_t link_count, link_room;
	struct map service_by_id, subject_by_id, advisory_by_id; /* index + 1 */
	struct map scopes;                                       /* "advisory service" */
	bool for_list;
};

/* Brings it in: of the filter at, advisory, product, service, environment, carrier, at_least, without_drills;
 * @for_list: with what lists need, and model, path and placement of the filter as far as they choose uses. To be
 * released also after a failure. */
RF_MUST_CHECK int exposure_view_load(struct transaction *tx, const struct exposure_filter *f, bool for_list,
				     struct exposure_view *ret);
void exposure_view_release(struct exposure_view *v);
/* Does the finding count in that service? */
bool exposure_view_applies(const struct exposure_view *v, const struct view_finding *f, const struct view_service *s);

#endif
