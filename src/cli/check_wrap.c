/* From the gate to the command. See check_wrap.h. */
#include "cli/check_wrap.h"

#include "base/span.h"
#include "base/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Calls @each for every descriptor but the one that lists them. */
static int each_fd(void (*each)(int fd, void *data), void *data, struct err *err)
{
	DIR *d = opendir("/proc/self/fd");
	if (!d)
		return err_set_errno(err, errno, "/proc/self/fd: the descriptors that a command inherits are not known");
	for (struct dirent *e; (e = readdir(d));) {
		uint64_t fd;
		if (span_u64(span_of(e->d_name), &fd) && fd <= INT32_MAX && (int)fd != dirfd(d))
			each((int)fd, data);
	}
	closedir(d);
	return 0;
}

static void remember(int fd, void *data)
{
	struct check_wrap *w = data;
	if (fd < CHECK_WRAP_MAX_FD)
		w->inherited[fd / 8] |= (unsigned char)(1u << (fd % 8));
}

static void close_ours(int fd, void *data)
{
	const struct check_wrap *w = data;
	if (fd >= CHECK_WRAP_MAX_FD || !(w->inherited[fd / 8] & (1u << (fd % 8))))
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int check_wrap_begin(struct check_wrap *w, struct err *err)
{
	*w = (struct check_wrap){ 0 };
	return each_fd(remember, w, err);
}

int check_wrap_exec(const struct check_wrap *w, const char *const *argv, struct err *err)
{
	int rc = each_fd(close_ours, (void *)(uintptr_t)w, err);
	if (rc != 0)
		return rc;
	fflush(stdout);
	fflush(stderr);
	thread_restore_signals();
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	rc = err_set_errno(err, errno, "cannot start %s", argv[0]);
	thread_catch_signals();
	return rc;
}
