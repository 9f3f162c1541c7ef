/*
 * work - what several commands show alike: the order of work as a table, feeds whose silence proves nothing.
 */
#ifndef REFORGE_CLI_WORK_H
#define REFORGE_CLI_WORK_H

#include "cli/output.h"
#include "exposure/exposure.h"

/* Columns: priority, advisory, finding, service, environment, engines, CVSS, EPSS, KEV, why. */
void work_table_init(struct table *t);
void work_table_row(struct table *t, const struct exposure_work *work);

/* "feed nvidia is stale: as of 3 d 02 h ago, limit 24 h", a line each, behind @indent. */
void out_stale(const struct exposure_stale *stale, size_t count, const char *indent);

#endif
