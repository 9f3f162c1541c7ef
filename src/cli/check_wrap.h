/*
 * check_wrap - `check SUBJECT... -- CMD ARGS`: the command takes this program's place when nothing denies it. Private to
 * cli/.
 *
 * It is executed, not started: process id, parent, terminal, signals, working folder, environment, limits, standard files
 * and every file descriptor that was handed to us (a socket of systemd) are the command's as if nothing had stood in front.
 * What we opened ourselves is closed, signals that we caught do again what they did.
 */
#ifndef REFORGE_CLI_CHECK_WRAP_H
#define REFORGE_CLI_CHECK_WRAP_H

#include "base/err.h"

/* Descriptors that are open now, below this number: more are not remembered, and so closed. */
#define CHECK_WRAP_MAX_FD 65536
struct check_wrap {
	unsigned char inherited[CHECK_WRAP_MAX_FD / 8];
};
/* Before anything is opened. RF_EIO: /proc is not there. */
RF_MUST_CHECK int check_wrap_begin(struct check_wrap *w, struct err *err);
/* Becomes @argv (looked for in $PATH like a shell does); returns only when that fails: RF_ENOTFOUND, RF_EPERM, RF_EIO. */
RF_MUST_CHECK int check_wrap_exec(const struct check_wrap *w, const char *const *argv, struct err *err);

#endif
