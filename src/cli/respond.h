/*
 * respond - running the response from a command: shared by respond and the single steps build, prove, publish.
 */
#ifndef REFORGE_CLI_RESPOND_H
#define REFORGE_CLI_RESPOND_H

#include "cli/site.h"

/* Runs the response to what the arguments name up to @until, with progress, summary and report. Exit status by contract. */
int respond_run(const struct invocation *in, enum response_step until, struct err *err);
/* Options threads, retry, no-isolation: what respond_run() reads. */
extern const struct option_row respond_step_options[];
/* Incident or advisories from the arguments. */
RF_MUST_CHECK int respond_options_of(const struct invocation *in, struct site *site, struct response_options *ret, struct err *err);

#endif
