/* cli - the table of reforge's commands. See cli.h */
#include "cli/command.h"

const struct program cli_program = {
	.name = "reforge",
	.summary = "from a security bulletin to every inference engine rebuilt, proven and published",
	.start = "Start with 'reforge init DIR'.",
	.workspace = true,
};

const struct command *const cli_commands[] = {
	&command_init,    &command_feed,   &command_advisory, &command_scan,     &command_adopt,     &command_inventory, &command_status,
	&command_explain, &command_waive,  &command_baseline, &command_check,   &command_gate,   &command_ready,  &command_recipe,   &command_plan,     &command_respond,   &command_incident,
	&command_build,   &command_prove,  &command_publish,  &command_depot,    &command_ledger,    &command_report,
	&command_key,     &command_database, &command_network, &command_schema, &command_help,     &command_completion, &command_version,
	NULL,
};
