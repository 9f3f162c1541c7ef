/*
 * work - the order of work as a table: what advisory list --by-priority, status and plan show.
 */
#ifndef REFORGE_CLI_WORK_H
#define REFORGE_CLI_WORK_H

#include "cli/output.h"
#include "exposure/exposure.h"

/* Columns: priority, advisory, finding, service, environment, engines, CVSS, EPSS, KEV, why. */
void work_table_init(struct table *t);
void work_table_row(struct table *t, const struct exposure_work *work);

#endif
