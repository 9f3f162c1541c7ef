/*
 * gate_bundle - the verb `reforge gate bundle`; command_gate.c has the table. Private to cli/.
 */
#ifndef REFORGE_CLI_GATE_BUNDLE_H
#define REFORGE_CLI_GATE_BUNDLE_H

#include "cli/cli.h"

extern const struct option_row gate_bundle_options[];
extern const char gate_bundle_details[];
int run_gate_bundle(const struct invocation *in, struct err *err);

#endif
