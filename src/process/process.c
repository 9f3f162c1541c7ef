/* Life of a child: options checked, started, fed, ended, accounted for. */
#include "process_int.h"

#include "base/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define DEFAULT_ERROR_LIMIT (64 * KIB)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* bubblewrap writes two short documents; with namespace numbers they are 300 bytes. */
#define STATUS_MAX_BYTES 4096
/* How much of stderr goes into an error's text. */
#define TAIL_IN_TEXT 400
/* After its pipe broke a child is usually ending: how long to wait for its exit status, for the message. */
#define END_GRACE_USEC (500 * USEC_PER_MS)
/* A sandbox whose first process was killed is gone in milliseconds. */
#define SANDBOX_END_USEC (5 * USEC_PER_SEC)
/* Set after the deadline of a program that ignores everything would be zero: the largest sensible one is ten years. */
#define DEADLINE_MAX_USEC (3660 * USEC_PER_DAY)

void process_result_release(struct process_result *r)
{
	str_release(&r->output);
	str_release(&r->error_output);
}

static int check_options(const struct process_options *o, struct err *err)
{
	if (!o->argv || !o->argv[0] || !o->argv[0][0])
		return err_set(err, RF_EINVALID, "no program given");
	if (o->deadline_usec <= 0 || o->deadline_usec > DEADLINE_MAX_USEC)
		return err_set(err, RF_EINVALID, "a program needs a deadline, at most ten years");
	if (o->output_limit_bytes == 0)
		return err_set(err, RF_EINVALID, "a program needs an output limit");
	if (o->isolation && o->isolation->bind_count > PROCESS_MAX_BINDS)
		return err_set(err, RF_EINVALID, "%zu binds, at most %d", o->isolation->bind_count, PROCESS_MAX_BINDS);
	return 0;
}

/* ---- starting ---- */

/* What the parent gives to the child; closed on every way out. */
struct launch {
	int child_fds[4];
	int group_fd;
	struct bubblewrap_arguments bubblewrap;
	char program[FS_PATH_MAX];
	char path_variable[FS_PATH_MAX + 8];
	const char *environment[3];
};

static void launch_release(struct launch *l)
{
	for (size_t i = 0; i < RF_COUNT(l->child_fds); i++)
		pump_close(&l->child_fds[i]);
	pump_close(&l->group_fd);
}

static int open_pipe(int *ret_ours, int *ret_theirs, bool we_read, struct err *err)
{
	int fds[2];
	int rc = spawn_pipe(fds, err);

	if (rc != 0)
		return rc;
	*ret_ours = fds[we_read ? 0 : 1];
	*ret_theirs = fds[we_read ? 1 : 0];
	(void)fcntl(*ret_ours, F_SETFL, O_NONBLOCK);
	return 0;
}

static int open_descriptors(struct process *p, struct launch *l, bool wants_input, struct err *err)
{
	int rc = open_pipe(&p->out_fd, &l->child_fds[1], true, err);

	if (rc == 0)
		rc = open_pipe(&p->err_fd, &l->child_fds[2], true, err);
	if (rc == 0 && p->isolated)
		rc = open_pipe(&p->status_fd, &l->child_fds[3], true, err);
	if (rc != 0)
		return rc;
	if (wants_input)
		return open_pipe(&p->in_fd, &l->child_fds[0], false, err);
	l->child_fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l->child_fds[0] >= 0 && l->child_fds[0] <= SPAWN_STATUS_FD) {
		int high = fcntl(l->child_fds[0], F_DUPFD_CLOEXEC, SPAWN_STATUS_FD + 2);

		(void)close(l->child_fds[0]);
		l->child_fds[0] = high;
	}
	return l->child_fds[0] >= 0 ? 0 : err_set(err, RF_EPROCESS, "/dev/null: %s", ERRNO_WORDS(errno));
}

/* PATH of @environment, or of what stands for it. */
static const char *search_path(const char *const *environment, bool isolated)
{
	const char *own = getenv("PATH");

	for (size_t i = 0; environment && environment[i]; i++)
		if (strncmp(environment[i], "PATH=", 5) == 0)
			return environment[i] + 5;
	return isolated || !own || strlen(own) >= FS_PATH_MAX ? DEFAULT_PATH : own;
}

/* Fixes the memory limit: a group, else RLIMIT_AS, else none; says which in p->isolation. */
static int limit_memory(struct process *p, const struct process_isolation *isolation, struct launch *l,
			uint64_t *ret_address_limit, struct err *err)
{
	char size[32];
	int rc;

	if (isolation->memory_bytes == 0) {
		(void)snprintf(p->isolation, sizeof p->isolation, "bubblewrap, no memory limit");
		return 0;
	}
	(void)text_bytes(isolation->memory_bytes, size);
	if (cgroup_available() > 0) {
		rc = cgroup_make(isolation->memory_bytes, &p->group, err);
		if (rc != 0)
			return rc;
		l->group_fd = cgroup_join_fd(&p->group);
		if (l->group_fd < 0)
			return err_set(err, RF_EPROCESS, "cannot open the memory cgroup: %s", ERRNO_WORDS(errno));
		(void)snprintf(p->isolation, sizeof p->isolation, "bubblewrap, memory cgroup v%d %s", p->group.version,
			       size);
	} else if (isolation->no_address_limit) {
		(void)snprintf(p->isolation, sizeof p->isolation,
			       "bubblewrap, no memory limit (no cgroup, no RLIMIT_AS)");
	} else {
		*ret_address_limit = isolation->memory_bytes;
		(void)snprintf(p->isolation, sizeof p->isolation, "bubblewrap, RLIMIT_AS %s", size);
	}
	return 0;
}

/* Puts the program behind bubblewrap's arguments. */
static int wrap(const struct process_options *o, struct launch *l, struct err *err)
{
	const struct isolation_host *host = isolation_host();

	if (!host->bubblewrap)
		return err_set(err, RF_ENOTFOUND, "isolation was asked for, and bubblewrap (bwrap) is not installed");
	bubblewrap_build(o->isolation, o->folder, host->system_paths, &l->bubblewrap);
	for (size_t i = 0; o->argv[i]; i++)
		bubblewrap_add(&l->bubblewrap, o->argv[i]);
	if (l->bubblewrap.full)
		return err_set(err, RF_ETOOMANY, "more than %d arguments for a program in isolation",
			       BUBBLEWRAP_MAX_ARGUMENTS);
	(void)snprintf(l->program, sizeof l->program, "%s", host->bubblewrap_path);
	return 0;
}

static int start(struct process *p, const struct process_options *o, bool wants_input, struct err *err)
{
	struct launch l __attribute__((cleanup(launch_release))) = { .child_fds = { -1, -1, -1, -1 }, .group_fd = -1 };
	const char *search = search_path(o->environment, p->isolated);
	struct spawn s = { .path = l.program, .argv = o->argv, .folder = o->folder };
	int rc;

	(void)snprintf(l.path_variable, sizeof l.path_variable, "PATH=%s", search);
	l.environment[0] = l.path_variable;
	l.environment[1] = "LANG=C.UTF-8";
	s.environment = o->environment ? o->environment : l.environment;
	if (p->isolated) {
		rc = wrap(o, &l, err);
		if (rc == 0)
			rc = limit_memory(p, o->isolation, &l, &s.address_limit_bytes, err);
		s.argv = l.bubblewrap.list;
		s.folder = NULL;
	} else {
		rc = spawn_find(o->argv[0], search, l.program, sizeof l.program, err);
		(void)snprintf(p->isolation, sizeof p->isolation, "none");
	}
	if (rc == 0)
		rc = open_descriptors(p, &l, wants_input, err);
	if (rc != 0)
		return rc;
	memcpy(s.fds, l.child_fds, sizeof s.fds);
	s.group_fd = l.group_fd;
	p->started = mono_usec();
	p->deadline = p->started + o->deadline_usec;
	rc = spawn_child(&s, &p->pid, err);
	if (rc == 0)
		p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0); /* close-on-exec by itself */
	return rc;
}

static void prepare(struct process *p, const struct process_options *o)
{
	*p = (struct process){ .pidfd = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1, .status_fd = -1 };
	p->isolated = o->isolation != NULL;
	p->output_limit = o->output_limit_bytes;
	p->error_limit = o->error_limit_bytes ? o->error_limit_bytes : DEFAULT_ERROR_LIMIT;
	/* a session holds a line given out and the next ones, each up to the limit and one piece of reading */
	p->output = STR_INIT(2 * o->output_limit_bytes + 256 * KIB);
	p->errors = STR_INIT(2 * p->error_limit + 192 * KIB);
	p->input = o->input;
}

/* ---- ending ---- */

static void wait_for_end(struct process *p)
{
	siginfo_t info;

	while (!p->exited && waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
		;
	p->exited = true;
}

static size_t read_status(struct process *p, char text[STATUS_MAX_BYTES], size_t n)
{
	ssize_t got =
		p->status_fd >= 0 && n < STATUS_MAX_BYTES ? read(p->status_fd, text + n, STATUS_MAX_BYTES - n) : 0;

	return got > 0 ? n + (size_t)got : n;
}

/* The sandbox's first process goes first: with it everything inside, and bubblewrap, which waits for it, ends by itself
 * and only then. Killed itself, bubblewrap would leave us with processes that are about to die. */
static size_t kill_sandbox(struct process *p, char status[STATUS_MAX_BYTES])
{
	size_t n = read_status(p, status, 0);
	mono_t until = mono_usec() + SANDBOX_END_USEC;
	struct err ignored = ERR_INIT;
	pid_t child;
	int code;

	bubblewrap_status((struct span){ status, n }, &child, &code);
	if (child > 0 && code < 0 && kill(child, SIGKILL) == 0)
		while (!p->exited && mono_usec() < until) {
			p->output_over = true; /* what it still writes is not wanted: no waiting for a full pipe */
			if (pump(p, until, &ignored) != 0)
				break;
		}
	return n;
}

static void set_exit(struct process_result *r, int status, bool isolated, bool own_kill, int sandbox_exit)
{
	int code = isolated ? sandbox_exit : WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (own_kill) { /* bubblewrap then tells of it in its own words: 137 */
		r->exit_status = -1;
		r->signal = SIGKILL;
		return;
	}
	r->exit_status = code;
	r->signal = 0;
	if (isolated && code > 128 && code <= 128 + 64)
		r->signal = code - 128;
	else if (code < 0 && WIFSIGNALED(status))
		r->signal = WTERMSIG(status);
	if (r->signal)
		r->exit_status = -1;
}

/* Kills what is left, reaps, fills @r. bubblewrap's own failure (program never started) is told by the return: false.
 */
static bool finish(struct process *p, struct process_result *r)
{
	char status_text[STATUS_MAX_BYTES];
	struct rusage usage = { .ru_maxrss = 0 };
	int status = 0, sandbox_exit = -1;
	size_t n = 0;
	pid_t child = 0;

	if (!p->exited && p->isolated)
		n = kill_sandbox(p, status_text);
	/* Not reaped yet, so the group is still ours. ESRCH is fine: the leader was alone. */
	(void)kill(-p->pid, SIGKILL);
	wait_for_end(p);
	r->duration_usec = mono_usec() - p->started;
	pump_rest(p);
	while (wait4(p->pid, &status, 0, &usage) < 0 && errno == EINTR)
		;
	if (p->isolated) {
		n = read_status(p, status_text, n);
		bubblewrap_status((struct span){ status_text, n }, &child, &sandbox_exit);
	}
	set_exit(r, status, p->isolated, p->own_kill, sandbox_exit);
	r->peak_memory_bytes = (uint64_t)RF_MAX(usage.ru_maxrss, 0) * KIB;
	cgroup_remove(&p->group, &r->peak_memory_bytes, &r->out_of_memory);
	memcpy(r->isolation, p->isolation, sizeof r->isolation);
	return !p->isolated || p->own_kill || sandbox_exit >= 0 || WIFSIGNALED(status);
}

static void move_output(struct process *p, struct process_result *r)
{
	if (p->errors.n > p->error_limit) {
		memmove(p->errors.p, p->errors.p + p->errors.n - p->error_limit, p->error_limit + 1);
		p->errors.n = p->error_limit;
	}
	r->output = p->output;
	r->error_output = p->errors;
	p->output = STR_INIT(0);
	p->errors = STR_INIT(0);
}

static void process_release(struct process *p)
{
	uint64_t peak;
	bool out_of_memory;

	pump_close(&p->pidfd);
	pump_close(&p->in_fd);
	pump_close(&p->out_fd);
	pump_close(&p->err_fd);
	pump_close(&p->status_fd);
	cgroup_remove(&p->group, &peak, &out_of_memory);
	str_release(&p->output);
	str_release(&p->errors);
}

/* The last of stderr, made safe for a terminal, in one line. */
static void error_tail(const struct str *errors, char *ret, size_t size)
{
	RF_AUTO(str) visible = STR_INIT(8 * KIB);
	struct span s = span_trim(str_span(errors));

	if (s.n > TAIL_IN_TEXT)
		s = span_from(s, s.n - TAIL_IN_TEXT);
	str_add_visible(&visible, s);
	(void)snprintf(ret, size, "%s%s", s.n ? ": " : " and said nothing", str_text(&visible));
}

static int sandbox_failed(const struct process_options *o, const struct process_result *r, struct err *err)
{
	char tail[2 * TAIL_IN_TEXT];
	bool no_program = span_find(str_span(&r->error_output), SPAN("execvp ")) != SIZE_MAX;

	error_tail(&r->error_output, tail, sizeof tail);
	if (no_program)
		return err_set(err, RF_ENOTFOUND, "'%s' cannot be executed inside the sandbox%s", o->argv[0], tail);
	if (r->out_of_memory)
		return err_set(err, RF_EPROCESS, "the memory limit is too small to start '%s'", o->argv[0]);
	return err_set(err, RF_EPROCESS, "bubblewrap could not make the sandbox%s", tail);
}

/* ---- one run ---- */

static int drive(struct process *p, const struct process_options *o, struct process_result *r, struct err *err)
{
	char duration[TIME_TEXT_BYTES];

	while (!p->exited) {
		int rc = 0;

		if (p->in_fd >= 0 && p->input.n == 0)
			pump_close(&p->in_fd);
		if (p->output_over)
			rc = err_set(err, RF_ETOOBIG, "'%s' wrote more than %zu bytes to stdout", o->argv[0],
				     p->output_limit);
		else if (thread_stop_wanted())
			rc = err_set(err, RF_ECANCELLED, "asked to stop while '%s' ran", o->argv[0]);
		else if (mono_usec() >= p->deadline) {
			r->timed_out = true;
			rc = err_set(err, RF_ETIMEOUT, "'%s' did not end within %s", o->argv[0],
				     duration_text(o->deadline_usec, duration));
		} else {
			rc = pump(p, p->deadline, err);
		}
		if (rc != 0) {
			p->own_kill = true;
			return rc;
		}
	}
	return 0;
}

int process_run(const struct process_options *options, struct process_result *ret, struct err *err)
{
	struct process p __attribute__((cleanup(process_release)));
	int rc = check_options(options, err);
	bool ran;

	*ret = (struct process_result){ .exit_status = -1 };
	prepare(&p, options);
	if (rc == 0)
		rc = start(&p, options, options->input.n > 0, err);
	if (rc != 0)
		return rc;
	rc = drive(&p, options, ret, err);
	ran = finish(&p, ret);
	if (rc == 0 && p.output_over)
		rc = err_set(err, RF_ETOOBIG, "'%s' wrote more than %zu bytes to stdout", options->argv[0],
			     p.output_limit);
	move_output(&p, ret);
	return rc == 0 && !ran ? sandbox_failed(options, ret, err) : rc;
}

/* ---- sessions ---- */

int process_start(const struct process_options *options, struct process **ret, struct err *err)
{
	struct process *p;
	int rc = check_options(options, err);

	if (rc != 0)
		return rc;
	p = rf_alloc(sizeof *p);
	if (!p)
		return err_set(err, RF_ENOMEM, "no memory for a process");
	prepare(p, options);
	p->session = true;
	p->input = SPAN_NONE;
	rc = start(p, options, true, err);
	if (rc != 0) {
		process_release(p);
		rf_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

/* Says how the child ended. It is not reaped: process_close() does that. */
static int child_gone(struct process *p, const char *what, struct err *err)
{
	char tail[2 * TAIL_IN_TEXT], how[64] = "it still runs";
	mono_t until = mono_usec() + END_GRACE_USEC;
	struct err ignored = ERR_INIT;
	siginfo_t info = { .si_pid = 0 };

	while (!p->exited && mono_usec() < until && pump(p, until, &ignored) == 0)
		;
	pump_rest(p);
	if (p->exited && waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		(void)snprintf(how, sizeof how, info.si_code == CLD_EXITED ? "exit status %d" : "killed by signal %d",
			       info.si_status);
	error_tail(&p->errors, tail, sizeof tail);
	return err_set(err, RF_EPROCESS, "%s (%s)%s", what, how, tail);
}

static int check_time(struct process *p, struct err *err)
{
	if (thread_stop_wanted())
		return err_set(err, RF_ECANCELLED, "asked to stop");
	char duration[TIME_TEXT_BYTES];
	if (mono_usec() >= p->deadline)
		return err_set(err, RF_ETIMEOUT, "not done within %s", duration_text(p->deadline - p->started, duration));
	return 0;
}

static int feed(struct process *p, struct span bytes, struct err *err)
{
	p->input = bytes;
	while (p->input.n > 0) {
		int rc = check_time(p, err);

		if (rc == 0 && (p->in_fd < 0 || p->exited))
			rc = child_gone(p, "the program does not read any more", err);
		if (rc == 0)
			rc = pump(p, p->deadline, err);
		if (rc != 0) {
			p->input = SPAN_NONE;
			return rc;
		}
	}
	return 0;
}

int process_write_line(struct process *p, struct span line, struct err *err)
{
	RF_AUTO(str) whole = STR_INIT(line.n + 1);
	int rc;

	if (span_find_byte(line, '\n') != SIZE_MAX)
		return err_set(err, RF_EINVALID, "a line holds no newline");
	str_add(&whole, line);
	str_add_byte(&whole, '\n');
	rc = str_check(&whole, "a line for a program", err);
	return rc != 0 ? rc : feed(p, str_span(&whole), err);
}

/* Forgets lines given out when they are most of the buffer. */
static void forget_lines(struct process *p)
{
	size_t left = p->output.n - p->line_start;

	if (p->line_start == 0 || (left > 0 && p->line_start < 64 * KIB))
		return;
	memmove(p->output.p, p->output.p + p->line_start, left);
	p->output.p[left] = '\0';
	p->output.n = left;
	p->line_scanned -= p->line_start;
	p->line_start = 0;
}

static bool next_line(struct process *p, struct span *ret)
{
	struct span fresh = span_from(str_span(&p->output), p->line_scanned);
	size_t at = span_find_byte(fresh, '\n');

	if (at == SIZE_MAX) {
		p->line_scanned = p->output.n;
		return false;
	}
	*ret = span_sub(str_span(&p->output), p->line_start, p->line_scanned + at - p->line_start);
	p->line_start = p->line_scanned = p->line_scanned + at + 1;
	p->output_over = false;
	return true;
}

int process_read_line(struct process *p, int64_t wait_usec, struct span *ret, struct err *err)
{
	mono_t begin = mono_usec(), until = RF_MIN(begin + wait_usec, p->deadline);
	char duration[TIME_TEXT_BYTES];

	forget_lines(p);
	for (;;) {
		int rc;

		if (next_line(p, ret))
			return 0;
		rc = check_time(p, err);
		if (rc == 0 && p->output_over) {
			process_kill(p);
			rc = err_set(err, RF_ETOOBIG, "a line of a program is over %zu bytes", p->output_limit);
		} else if (rc == 0 && (p->out_fd < 0 || p->exited)) {
			pump_rest(p);
			if (next_line(p, ret))
				return 0;
			return child_gone(p, "the program ended its output", err);
		} else if (rc == 0 && mono_usec() >= until) {
			if (until == p->deadline)      /* the limit that was given, not what the last call had left of it */
				rc = check_time(p, err);
			else
				rc = err_set(err, RF_ETIMEOUT, "no answer within %s", duration_text(until - begin, duration));
		} else if (rc == 0) {
			rc = pump(p, until, err);
		}
		if (rc != 0)
			return rc;
	}
}

struct span process_error_output(struct process *p)
{
	struct span s = str_span(&p->errors);

	return s.n > p->error_limit ? span_from(s, s.n - p->error_limit) : s;
}

void process_kill(struct process *p)
{
	char status[STATUS_MAX_BYTES];

	if (p->exited)
		return;
	p->own_kill = true;
	if (p->isolated)
		(void)kill_sandbox(p, status);
	(void)kill(-p->pid, SIGKILL);
	wait_for_end(p);
}

int process_close(struct process *p, int64_t wait_usec, struct process_result *ret, struct err *err)
{
	struct process_result unwanted = { .exit_status = -1 };
	struct process_result *r = ret ? ret : &unwanted;
	mono_t until = mono_usec() + wait_usec;
	int rc = 0;

	*r = unwanted;
	if (!p)
		return 0;
	pump_close(&p->in_fd);
	while (rc == 0 && !p->exited && mono_usec() < until && !thread_stop_wanted()) {
		p->output_over = false; /* its last words are read on, so that it can end */
		p->line_start = p->line_scanned = p->output.n = 0;
		rc = pump(p, until, err);
	}
	if (rc == 0 && !p->exited) {
		p->own_kill = true;
		r->timed_out = true;
		rc = err_set(err, RF_ETIMEOUT, "the program had to be killed at the end of its session");
	}
	(void)finish(p, r);
	move_output(p, r);
	if (!ret)
		process_result_release(r);
	process_release(p);
	rf_free(p);
	return rc;
}

void process_freep(struct process **p)
{
	if (*p)
		(void)process_close(*p, 0, NULL, NULL);
	*p = NULL;
}
