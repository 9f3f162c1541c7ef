/*
 * command - the commands, one file each: command_NAME.c. Only cli.c includes this.
 */
#ifndef REFORGE_CLI_COMMAND_H
#define REFORGE_CLI_COMMAND_H

#include "cli/cli.h"

extern const struct command command_init, command_feed, command_advisory, command_scan, command_adopt, command_inventory, command_status,
	command_explain, command_check, command_gate, command_ready, command_recipe, command_plan, command_respond, command_incident, command_build,
	command_prove, command_publish, command_depot, command_ledger, command_report, command_waive, command_baseline, command_key, command_database, command_network,
	command_schema, command_help, command_completion, command_version;

#endif
