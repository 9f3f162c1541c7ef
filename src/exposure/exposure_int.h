/*
 * exposure_int - what the store's files share. Private to exposure/.
 */
#ifndef REFORGE_EXPOSURE_EXPOSURE_INT_H
#define REFORGE_EXPOSURE_EXPOSURE_INT_H

#include "exposure/exposure.h"

/* Raised whenever finding_judge() judges differently: stored findings are then judged anew. */
#define FINDING_JUDGE_VERSION 2
/* Advisories about one product; TensorRT has 5, the CUDA Toolkit 46, all of NVIDIA's 625. */
#define EXPOSURE_MAX_ADVISORIES 100000

/* The subjects of a placement, at most one a carrier; @p must outlive them. Returns how many (0 to 2). They name its
 * service. */
size_t exposure_subjects(const struct inventory_placement *p, struct finding_subject subjects[2]);

/* Ids of the advisories that @s must be judged by, in @a: those about its product, rejected and withdrawn ones
 * included; for an unknown builder those about every product that compiles engines. */
struct exposure_ids {
	struct span *ids;
	size_t count, capacity;
	struct arena *a;
};
RF_MUST_CHECK int exposure_advisories_of(struct transaction *tx, const struct finding_subject *s,
					 struct exposure_ids *ret);

/* The steps in front of a finding's: which file, which bytes, what the service declares. */
void exposure_say_placement(struct reason *r, const struct inventory_placement *p, const struct finding_subject *s);

#endif
