/* Inside of cvss: the table of metrics, and the score of 4.0, which has a file of its own. */
#ifndef REFORGE_ADVISORY_CVSS_INT_H
#define REFORGE_ADVISORY_CVSS_INT_H

#include "advisory/cvss.h"

enum cvss_group { CVSS_BASE, CVSS_MORE };
#define CVSS_MAX_VALUES 6
#define CVSS_MAX_METRICS 40

struct cvss_metric {
	const char *name;
	const char *values; /* "N A L P", in the order of places */
	enum cvss_group group;
	double weights[CVSS_MAX_VALUES]; /* 2.0 and 3.x */
};

/* In the order that a vector must have; ends with a NULL name. */
extern const struct cvss_metric CVSS_METRICS_V4[];
/* @places: for each metric the place of its value, -1 when the vector has none. Sets base and score. */
void cvss4_score(const int *places, struct cvss *ret);

#endif
