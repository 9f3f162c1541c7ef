/* entry - from main() to a command and back: the boundary where errors are printed. See cli.h */
#include "cli/cli.h"

#include "base/log.h"
#include "base/thread.h"
#include "cli/output.h"

#include <unistd.h>

static int print_error(const struct invocation *in, int rc, const struct err *err)
{
	char text[4096];
	fflush(stdout);
	fprintf(stderr, "%s%s%s: %s\n", cli_program.name, in->command ? " " : "", in->command ? in->command->name : "", err_render(err, text, sizeof text));
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
