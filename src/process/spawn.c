/* vfork and exec.
 *
 * posix_spawn() cannot set the parent-death signal, a resource limit or join a cgroup; fork() copies page tables, which
 * costs milliseconds in a process with a large heap. So vfork(): the child borrows our memory until exec. It therefore
 * calls nothing but system calls, writes only to its own locals, and runs with every signal blocked until it has put
 * handlers back to their defaults -- a handler of ours run there would run in our memory. */
#include "process_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* Without close_range(2) (before Linux 5.9) descriptors up to this one are closed one by one. */
#define CLOSE_AT_MOST 65536

/* Which step of the child failed, for the message. */
enum child_step { STEP_FOLDER, STEP_GROUP, STEP_LIMIT, STEP_DESCRIPTORS, STEP_EXEC };
static const char *const STEP_WORDS[] = {
	[STEP_FOLDER] = "cannot change to the working folder",
	[STEP_GROUP] = "cannot join the memory cgroup",
	[STEP_LIMIT] = "cannot set a resource limit",
	[STEP_DESCRIPTORS] = "cannot set up descriptors",
	[STEP_EXEC] = "cannot execute",
};
struct child_failure {
	int step;
	int error;
};

static void close_from(int first)
{
	struct rlimit limit;
	int last;

	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
	last = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < CLOSE_AT_MOST ? (int)limit.rlim_cur
										       : CLOSE_AT_MOST;
	for (int fd = first; fd < last; fd++)
		(void)close(fd);
}

/* The kernel's own call: glibc's refuses 32 and 33, which a parent may have left ignored all the same. Zeroed is SIG_DFL without
 * flags in the kernel's struct of every architecture. */
static void default_signals(void)
{
	const uint64_t plain[4] = { 0 };

	for (int number = 1; number <= 64; number++)
		(void)syscall(SYS_rt_sigaction, number, plain, NULL, sizeof(uint64_t)); /* SIGKILL and SIGSTOP refuse, which is right */
}

/* Never returns. @report_fd is close-on-exec and above 3: the parent reads its end as success. */
__attribute__((noreturn)) static void child_fail(int report_fd, enum child_step step)
{
	struct child_failure failure = { (int)step, errno };
	ssize_t ignored = write(report_fd, &failure, sizeof failure);

	(void)ignored;
	_exit(127);
}

__attribute__((noreturn)) static void child_main(const struct spawn *s, pid_t parent, int report_fd)
{
	const struct rlimit no_core = { 0, 0 };
	sigset_t none;
	/* one above the last one we keep, so that a single close_range() spares it */
	int report = s->fds[3] >= 0 ? SPAWN_STATUS_FD + 1 : SPAWN_STATUS_FD;

	default_signals();
	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* it died before the line above */
		_exit(127);
	if (s->group_fd >= 0 && write(s->group_fd, "0", 1) != 1)
		child_fail(report_fd, STEP_GROUP);
	if (s->folder && chdir(s->folder) != 0)
		child_fail(report_fd, STEP_FOLDER);
	for (int i = 0; i < 4; i++)
		if (s->fds[i] >= 0 && dup2(s->fds[i], i) != i)
			child_fail(report_fd, STEP_DESCRIPTORS);
	if (report_fd != report && dup3(report_fd, report, O_CLOEXEC) != report)
		child_fail(report_fd, STEP_DESCRIPTORS);
	close_from(report + 1);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (s->address_limit_bytes > 0) {
		const struct rlimit limit = { s->address_limit_bytes, s->address_limit_bytes };

		if (setrlimit(RLIMIT_AS, &limit) != 0)
			child_fail(report, STEP_LIMIT);
	}
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execve(s->path, (char *const *)s->argv, (char *const *)s->environment);
	child_fail(report, STEP_EXEC);
}

/* Apart from its caller: nothing here lives in a register across vfork()'s two returns. */
__attribute__((noinline)) static pid_t start(const struct spawn *s, pid_t parent, int report_fd)
{
	pid_t pid = vfork();

	if (pid == 0)
		child_main(s, parent, report_fd);
	return pid;
}

static int failure_error(const struct spawn *s, const struct child_failure *failure, struct err *err)
{
	const char *what = STEP_WORDS[failure->step];

	if (failure->step == STEP_EXEC && (failure->error == ENOENT || failure->error == ENOTDIR))
		(void)err_set(err, RF_ENOTFOUND, "no such program, or its interpreter is missing");
	else
		(void)err_set(err, RF_EPROCESS, "%s: %s", what, ERRNO_WORDS(failure->error));
	(void)err_in_file(err, failure->step == STEP_FOLDER ? s->folder : s->path);
	return failure->step == STEP_EXEC && (failure->error == ENOENT || failure->error == ENOTDIR) ? RF_ENOTFOUND
												     : RF_EPROCESS;
}

int spawn_child(const struct spawn *s, pid_t *ret, struct err *err)
{
	struct child_failure failure;
	sigset_t all, before;
	int report[2], saved_errno;
	ssize_t n;
	pid_t pid;
	int rc = spawn_pipe(report, err);

	if (rc != 0)
		return rc;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = start(s, getpid(), report[1]);
	saved_errno = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)close(report[1]);
	if (pid < 0) {
		(void)close(report[0]);
		return err_set(err, RF_EPROCESS, "cannot make a process: %s", ERRNO_WORDS(saved_errno));
	}
	/* The end of the pipe says that exec closed it. Under emulators vfork() is fork(), so this may wait. */
	do
		n = read(report[0], &failure, sizeof failure);
	while (n < 0 && errno == EINTR);
	(void)close(report[0]);
	if (n == (ssize_t)sizeof failure) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return failure_error(s, &failure, err);
	}
	*ret = pid;
	return 0;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int spawn_find(const char *name, const char *search, char *ret, size_t size, struct err *err)
{
	struct span rest = span_of(search), part;

	if (strchr(name, '/')) {
		if (!is_program(name)) {
			(void)err_set(err, RF_ENOTFOUND, "no program that may be executed");
			(void)err_in_file(err, name);
			return RF_ENOTFOUND;
		}
		if ((size_t)snprintf(ret, size, "%s", name) >= size)
			return err_set(err, RF_ETOOBIG, "the path of the program is too long");
		return 0;
	}
	while (span_split(&rest, ':', &part)) {
		/* an empty part means the working folder to a shell; here it means nothing */
		if (part.n == 0 || (size_t)snprintf(ret, size, "%.*s/%s", SPAN_ARG(part), name) >= size)
			continue;
		if (is_program(ret))
			return 0;
	}
	(void)err_set(err, RF_ENOTFOUND, "program '%s' is not in PATH (%s)", name, search);
	return RF_ENOTFOUND;
}

/* 0..3 are where the child's own end up: a pipe made while one of them was closed would be in its way. */
static int lift(int *fd)
{
	int high;

	if (*fd > SPAWN_STATUS_FD + 1)
		return 0;
	high = fcntl(*fd, F_DUPFD_CLOEXEC, SPAWN_STATUS_FD + 2);
	if (high < 0)
		return -1;
	(void)close(*fd);
	*fd = high;
	return 0;
}

int spawn_pipe(int ret[2], struct err *err)
{
	if (pipe2(ret, O_CLOEXEC) != 0)
		return err_set(err, RF_EPROCESS, "cannot make a pipe: %s", ERRNO_WORDS(errno));
	if (lift(&ret[0]) != 0 || lift(&ret[1]) != 0) {
		(void)err_set(err, RF_EPROCESS, "cannot make a pipe: %s", ERRNO_WORDS(errno));
		(void)close(ret[0]);
		(void)close(ret[1]);
		return RF_EPROCESS;
	}
	return 0;
}
