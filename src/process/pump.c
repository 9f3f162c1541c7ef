/* Moving bytes between a child and us: one poll(2) over everything, no call that can block on the child. */
#include "process_int.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Longest sleep: how late a request to stop (thread.h) is seen when the signal went to another thread. */
#define SLICE_USEC (250 * USEC_PER_MS)
/* The same without pidfd_open(2): how late the end of a child is seen. */
#define SLICE_WITHOUT_PIDFD_USEC (2 * USEC_PER_MS)
#define PIECE_BYTES (64 * KIB)

void pump_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Writing to a pipe whose reader is gone raises SIGPIPE in this thread. Whether the program ignores that signal is its
 * main()'s choice, not a library's: it is blocked for the call, and one that we caused is taken away. */
static ssize_t write_quietly(int fd, struct span bytes)
{
	sigset_t broken, before, pending;
	ssize_t n;
	int saved_errno;

	(void)sigemptyset(&broken);
	(void)sigaddset(&broken, SIGPIPE);
	(void)sigpending(&pending);
	(void)pthread_sigmask(SIG_BLOCK, &broken, &before);
	n = write(fd, bytes.p, bytes.n);
	saved_errno = errno;
	if (n < 0 && saved_errno == EPIPE && !sigismember(&pending, SIGPIPE)) {
		const struct timespec now = { 0, 0 };

		while (sigtimedwait(&broken, NULL, &now) < 0 && errno == EINTR)
			;
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved_errno;
	return n;
}

static void write_input(struct process *p)
{
	ssize_t n = write_quietly(p->in_fd, p->input);

	if (n >= 0)
		p->input = span_from(p->input, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		pump_close(&p->in_fd); /* it does not want to read: its choice */
}

/* A session may hold several lines, together longer than one may be: they are kept, and nothing is read until they are
 * fetched. A run's output over the limit is cut: the run has failed by that. */
static void keep_output(struct process *p, struct span bytes)
{
	size_t held = p->output.n - p->line_start;
	size_t room = p->output_limit > held ? p->output_limit - held : 0;

	if (bytes.n > room) {
		p->output_over = true;
		if (!p->session)
			bytes.n = room;
	}
	str_add(&p->output, bytes);
}

/* The tail: twice the limit is held before it is cut back, so that cutting costs little per byte. */
static void keep_errors(struct process *p, struct span bytes)
{
	if (p->errors.n + bytes.n > 2 * p->error_limit + PIECE_BYTES && p->errors.n > p->error_limit) {
		memmove(p->errors.p, p->errors.p + p->errors.n - p->error_limit, p->error_limit);
		p->errors.n = p->error_limit;
		p->errors.p[p->errors.n] = '\0';
	}
	str_add(&p->errors, bytes);
}

/* One read. False when nothing came: would block, or the end (then closed). */
static bool read_some(struct process *p, int *fd, void (*keep)(struct process *, struct span))
{
	char piece[PIECE_BYTES];
	ssize_t n = read(*fd, piece, sizeof piece);

	if (n > 0) {
		keep(p, (struct span){ piece, (size_t)n });
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		pump_close(fd);
	return false;
}

static void look_for_end(struct process *p)
{
	siginfo_t info = { .si_pid = 0 };

	/* WNOWAIT: as long as it is not reaped, its number and its group's cannot become another's */
	if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == p->pid)
		p->exited = true;
}

int pump(struct process *p, mono_t until, struct err *err)
{
	struct pollfd fds[4] = {
		{ .fd = p->pidfd, .events = POLLIN },
		{ .fd = p->output_over ? -1 : p->out_fd, .events = POLLIN },
		{ .fd = p->err_fd, .events = POLLIN },
		{ .fd = p->input.n > 0 ? p->in_fd : -1, .events = POLLOUT },
	};
	int64_t left = RF_MIN(until - mono_usec(), p->pidfd >= 0 ? SLICE_USEC : SLICE_WITHOUT_PIDFD_USEC);
	struct timespec wait = { .tv_sec = 0, .tv_nsec = RF_MAX(left, 0) * 1000 };
	int n = ppoll(fds, RF_COUNT(fds), &wait, NULL);

	if (n < 0 && errno != EINTR)
		return err_set(err, RF_EPROCESS, "poll: %s", ERRNO_WORDS(errno));
	if (n > 0 && fds[3].revents)
		write_input(p);
	if (n > 0 && fds[1].revents)
		(void)read_some(p, &p->out_fd, keep_output);
	if (n > 0 && fds[2].revents)
		(void)read_some(p, &p->err_fd, keep_errors);
	if (p->pidfd < 0 || (n > 0 && fds[0].revents))
		look_for_end(p);
	if (p->output.failed || p->errors.failed)
		return err_set(err, RF_ENOMEM, "no memory for what a program writes");
	return 0;
}

void pump_rest(struct process *p)
{
	while (p->out_fd >= 0 && !p->output_over && read_some(p, &p->out_fd, keep_output))
		;
	while (p->err_fd >= 0 && read_some(p, &p->err_fd, keep_errors))
		;
}
