/* cli - the table of commands, the entry, the boundary where errors are printed. See cli.h */
#include "cli/cli.h"

#include "base/log.h"
#include "base/thread.h"
#include "cli/command.h"
#include "cli/output.h"

#include <unistd.h>

const struct command *const cli_commands[] = {
	&command_init,    &command_feed,   &command_advisory, &command_scan,     &command_adopt,     &command_inventory, &command_status,
	&command_explain, &command_check,   &command_ready,  &command_recipe,   &command_plan,     &command_respond,   &command_incident,
	&command_build,   &command_prove,  &command_publish,  &command_depot,    &command_ledger,    &command_report,
	&command_key,     &command_database, &command_schema, &command_help,     &command_completion, &command_version,
	NULL,
};

static int print_error(const struct invocation *in, int rc, const struct err *err)
{
	char text[4096];
	fflush(stdout);
	fprintf(stderr, "reforge%s%s: %s\n", in->command ? " " : "", in->command ? in->command->name : "", err_render(err, text, sizeof text));
	return rf_error_exit_status(rc);
}

int cli_main(int argc, char **argv)
{
	struct invocation in;
	struct err err = ERR_INIT;
	thread_catch_signals();
	int rc = invocation_read(argc, argv, &in, &err);
	if (rc == 0 && in.command && !in.verb->run)
		rc = RF_EINTERNAL;
	if (rc == 0 && in.command)
		rc = in.verb->run(&in, &err);
	if (rc >= 0) {
		int flushed = out_end(&err);
		if (flushed != 0)
			rc = flushed;
	}
	return rc < 0 ? print_error(&in, rc, &err) : rc;
}
