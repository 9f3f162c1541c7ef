/* gate - the gate's other fronts, one verb each. What they do is in gate_*.c. */
#include "cli/command.h"
#include "cli/gate.h"
#include "cli/gate_bundle.h"
#include "cli/gate_report.h"
#include "cli/gate_serve.h"

const struct command command_gate = {
	"gate",
	"the gate in front of pods and of a cluster, what it knows as a signed file, and what it would deny today",
	(const struct verb[]){
		{ "bundle", "FILE", "write what the gate knows as one signed file, or say what is in one", 1, 1, gate_bundle_options,
		  run_gate_bundle, gate_bundle_details, false },
		{ "pod", GATE_POD_ARGUMENTS, GATE_POD_SUMMARY, 1, 1000, gate_pod_options, gate_pod_run, gate_pod_details, false },
		{ "report", "", GATE_REPORT_SUMMARY, 0, 0, gate_report_options, gate_report_run, gate_report_details, false },
		{ "serve", "", GATE_SERVE_SUMMARY, 0, 0, gate_serve_options, gate_serve_run, gate_serve_details, false },
		{ 0 } },
};
