/* entry - from main() to a command and back: the boundary where errors are printed. See cli.h */
#include "cli/cli.h"

#include "base/log.h"
#include "base/thread.h"
#include "cli/output.h"

#include <unistd.h>

/* In front of a command the statuses are those that env, timeout and nohup leave it (design 6.1). */
static int error_status(const struct invocation *in, int argc, char **argv, int rc)
{
	bool wraps = false;
	for (int i = 1; i < argc && in->verb && in->verb->wraps; i++)
		wraps |= strcmp(argv[i], "--") == 0;
	return !wraps ? rf_error_exit_status(rc) : rc == RF_EDENIED ? CLI_STATUS_WRAP_DENIED : CLI_STATUS_WRAP_FAILED;
}

static void print_error(const struct invocation *in, const struct err *err)
{
	char text[4096];
	fflush(stdout);
	fprintf(stderr, "%s%s%s: %s\n", cli_program.name, in->command ? " " : "", in->command ? in->command->name : "", err_render(err, text, sizeof text));
}

int cli_main(int argc, char **argv, const struct cli_wiring *wiring)
{
	struct invocation in;
	struct err err = ERR_INIT;
	thread_catch_signals();
	int rc = invocation_read(argc, argv, &in, &err);
	in.wiring = wiring;
	if (rc == 0 && in.command && !in.verb->run)
		rc = RF_EINTERNAL;
	if (rc == 0 && in.command)
		rc = in.verb->run(&in, &err);
	if (rc >= 0) {
		int flushed = out_end(&err);
		if (flushed != 0)
			rc = flushed;
	}
	if (rc >= 0)
		return rc;
	print_error(&in, &err);
	return error_status(&in, argc, argv, rc);
}
