/* main - wiring only: hands the arguments to cli/, with what cli/ uses of the room beside it. */
#include "cli/cli.h"
#include "server/admission.h"

static const struct admission_server admission = {
	.begin = admission_new,
	.port = admission_port,
	.snapshot_set = admission_snapshot_set,
	.load_failed = admission_load_failed,
	.reload_certificate = admission_reload_certificate,
	.take = admission_take,
	.unready = admission_unready,
	.free = admission_free,
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv, &(struct cli_wiring){ .admission = &admission });
}
