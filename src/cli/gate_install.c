/* install of reforge-gate - puts this program into a folder that another image mounts: its own image has no shell and no cp. */
#include "cli/cli.h"
#include "cli/output.h"

#include "base/fs.h"

/* The static program has a few MiB. */
#define PROGRAM_MAX_BYTES (64 * MIB)

static int run_install(const struct invocation *in, struct err *err)
{
	RF_AUTO(str) program = STR_INIT(PROGRAM_MAX_BYTES);
	char path[FS_PATH_MAX];
	int rc = fs_join(path, sizeof path, in->arguments[0], cli_program.name, err);
	if (rc == 0)
		rc = fs_read("/proc/self/exe", &program, err);
	if (rc == 0)
		rc = fs_write_atomic(path, str_span(&program), 0755, err);
	if (rc == 0 && in->json)
		return out_members(err, "path", path, NULL);
	if (rc == 0 && !in->quiet)
		out("%s\n", path);
	return rc;
}

const struct command command_gate_install = {
	"install",
	"puts this program into a folder, for another container to run",
	(const struct verb[]){
		{ "", "FOLDER", "puts this program into a folder, for another container to run", 1, 1, NULL, run_install,
		  "An init container of a service's own image sees the runtime libraries of that image, and has no gate; this puts the\n"
		  "gate into a volume that both mount.",
		  false },
		{ 0 } },
};
