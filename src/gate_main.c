/* gate_main - the program reforge-gate: wiring only. A static binary of pure archives: no database, no network. */
#include "cli/gate.h"

extern const struct command command_gate_check, command_gate_install, command_help, command_version;

static const struct command command_pod = {
	"pod",
	GATE_POD_SUMMARY,
	(const struct verb[]){
		{ "", GATE_POD_ARGUMENTS, GATE_POD_SUMMARY, 1, 1000, gate_pod_options, gate_pod_run, gate_pod_details, false }, { 0 } },
};

const struct program cli_program = {
	.name = "reforge-gate",
	.summary = "may these engines run here? Asked offline, of a signed bundle",
	.start = "Start with 'reforge-gate pod --help'.",
};

const struct command *const cli_commands[] = { &command_pod, &command_gate_check, &command_gate_install, &command_help, &command_version,
						NULL };

int main(int argc, char **argv)
{
	return cli_main(argc, argv, &(struct cli_wiring){ 0 });
}
