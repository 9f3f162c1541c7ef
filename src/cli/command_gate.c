/* gate - the gate's other fronts, one verb each. What they do is in gate_*.c. */
#include "cli/command.h"
#include "cli/gate.h"

const struct command command_gate = {
	"gate",
	"the gate in front of pods, offline",
	(const struct verb[]){
		{ "pod", GATE_POD_ARGUMENTS, GATE_POD_SUMMARY, 1, 1000, gate_pod_options, gate_pod_run, gate_pod_details, false },
		{ 0 } },
};
