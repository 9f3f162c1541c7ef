/*
 * gate_report - `gate report`: the verb's row (command_gate.c), and what its two files share: what runs, judged
 * (gate_report.c), and how it is told (gate_report_tell.c).
 */
#ifndef REFORGE_CLI_GATE_REPORT_H
#define REFORGE_CLI_GATE_REPORT_H

#include "cli/site.h"
#include "gate/standing.h"

#define GATE_REPORT_SUMMARY "what runs now and would be denied today, and how to drain it"
extern const struct option_row gate_report_options[];
extern const char gate_report_details[];
int gate_report_run(const struct invocation *in, struct err *err);

struct gate_reporting {
	const struct invocation *in;
	struct site site;
	struct gate_snapshot *snapshot;
	struct standing *standing;
	struct standing_report report;
	int64_t keep;
	usec_t now;
	struct span service, environment; /* asked for; empty: all */
	uint64_t placements;              /* looked at */
	size_t unreadable;                /* workloads whose record could not be read: nothing is claimed about them */
};
RF_MUST_CHECK int gate_report_tell(const struct gate_reporting *r, struct err *err);

#endif
