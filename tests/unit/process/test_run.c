/* process_run() without isolation: what the child gets, how it ends, what is kept. */
#include "testing.h"

#include "base/fs.h"
#include "base/thread.h"
#include "base/arena.h"
#include "process/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL(text) ((const char *const[]){ "sh", "-c", (text), NULL })

static struct process_options shell(const char *const *argv)
{
	return (struct process_options){ .argv = argv,
					 .deadline_usec = 20 * USEC_PER_SEC,
					 .output_limit_bytes = 1 * MIB };
}

static void plain(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct process_options o = shell(SHELL("cat; echo to-stderr >&2; exit 7"));

	o.input = SPAN("in and out\n");
	assert_ok(process_run(&o, &r, &err), &err);
	assert_int_equal(r.exit_status, 7);
	assert_int_equal(r.signal, 0);
	assert_string_equal(str_text(&r.output), "in and out\n");
	assert_string_equal(str_text(&r.error_output), "to-stderr\n");
	assert_string_equal(r.isolation, "none");
	assert_true(r.duration_usec > 0 && r.peak_memory_bytes > 0);
	assert_false(r.timed_out);
}

static void environment_is_what_is_given(void **state)
{
	(void)state;
	static const char *const only[] = { "ONLY=this", NULL };
	struct err err = ERR_INIT;

	setenv("SECRET_OF_THE_PARENT", "x", 1);
	for (int given = 0; given < 2; given++) {
		RF_AUTO(process_result) r;
		struct process_options o = shell((const char *const[]){ "/usr/bin/env", NULL });

		o.environment = given ? only : NULL;
		assert_ok(process_run(&o, &r, &err), &err);
		if (given)
			assert_string_equal(str_text(&r.output), "ONLY=this\n");
		else
			assert_true(span_starts(str_span(&r.output), "PATH=") &&
				    strstr(str_text(&r.output), "\nLANG=C.UTF-8\n"));
		assert_null(strstr(str_text(&r.output), "SECRET"));
	}
}

static void missing_programs(void **state)
{
	(void)state;
	static const char *const names[] = { "no-such-program-here", "/no/such/program", "/etc/passwd", "/usr", "" };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < RF_COUNT(names); i++) {
		RF_AUTO(process_result) r;
		struct process_options o = shell((const char *const[]){ names[i], NULL });

		assert_int_equal(process_run(&o, &r, &err), names[i][0] ? RF_ENOTFOUND : RF_EINVALID);
	}
}

static void a_script_whose_interpreter_is_missing(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	char dir[FS_PATH_MAX], path[FS_PATH_MAX + 16];
	struct process_options o = shell((const char *const[]){ path, NULL });

	assert_ok(fs_temporary_dir("run", dir, sizeof dir, &err), &err);
	snprintf(path, sizeof path, "%s/script", dir);
	assert_ok(fs_write_new(path, SPAN("#!/no/such/interpreter\n"), 0755, &err), &err);
	assert_int_equal(process_run(&o, &r, &err), RF_ENOTFOUND);
	assert_string_equal(err.file, path);
	o.argv = SHELL("true");
	o.folder = "/no/such/folder";
	assert_int_equal(process_run(&o, &r, &err), RF_EPROCESS);
	assert_string_equal(err.file, "/no/such/folder");
	assert_ok(fs_remove_tree(dir, &err), &err);
}

static void signals_end_it(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct process_options o = shell(SHELL("kill -SEGV $$"));

	assert_ok(process_run(&o, &r, &err), &err);
	assert_int_equal(r.exit_status, -1);
	assert_int_equal(r.signal, SIGSEGV);
}

/* Whether a process whose arguments have @marker is there. */
static bool lives(const char *marker)
{
	DIR *dir = opendir("/proc");
	bool found = false;

	for (struct dirent *e; !found && (e = readdir(dir)) != NULL;) {
		char path[300], text[512];
		ssize_t n;
		int fd;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? 0 : read(fd, text, sizeof text);
		if (fd >= 0)
			close(fd);
		found = n > 0 && span_find((struct span){ text, (size_t)n }, span_of(marker)) != SIZE_MAX;
	}
	closedir(dir);
	return found;
}

static void gone_soon(const char *marker)
{
	for (int i = 0; i < 1500 && lives(marker); i++)
		usleep(10000);
	assert_false(lives(marker));
}

static void out_of_time_with_its_whole_group(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct process_options o = shell(SHELL("trap '' TERM INT HUP; sleep 7411.5 & echo started; sleep 7411.5"));

	o.deadline_usec = 1 * USEC_PER_SEC;
	assert_int_equal(process_run(&o, &r, &err), RF_ETIMEOUT);
	assert_true(r.timed_out);
	assert_int_equal(r.signal, SIGKILL);
	assert_string_equal(str_text(&r.output), "started\n"); /* the log is not lost */
	assert_true(r.duration_usec >= 1 * USEC_PER_SEC && r.duration_usec < 15 * USEC_PER_SEC);
	gone_soon("7411.5");
}

static void those_left_behind_do_not_hold_it_up(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct process_options o = shell(SHELL("sleep 7412.5 & echo done")); /* it holds our pipe open */

	assert_ok(process_run(&o, &r, &err), &err);
	assert_string_equal(str_text(&r.output), "done\n");
	assert_true(r.duration_usec < 18 * USEC_PER_SEC);
	gone_soon("7412.5");
}

static void output_cap(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	static const struct {
		size_t limit, written;
		int rc;
	} cases[] = { { 10, 9, 0 },
		      { 10, 10, 0 },
		      { 10, 11, RF_ETOOBIG },
		      { 100000, 100000, 0 },
		      { 100000, 100001, RF_ETOOBIG } };

	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(process_result) r;
		char text[64];
		struct process_options o = shell(SHELL(text));

		snprintf(text, sizeof text, "head -c %zu /dev/zero", cases[i].written);
		o.output_limit_bytes = cases[i].limit;
		assert_int_equal(process_run(&o, &r, &err), cases[i].rc);
		assert_int_equal(r.output.n, RF_MIN(cases[i].limit, cases[i].written));
	}
	RF_AUTO(process_result) r;
	struct process_options endless = shell(SHELL("yes"));
	assert_int_equal(process_run(&endless, &r, &err), RF_ETOOBIG);
	assert_int_equal(r.output.n, 1 * MIB);
}

static void the_tail_of_stderr(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct process_options o = shell(SHELL("i=0; while [ $i -lt 40000 ]; do echo line $i; i=$((i+1)); done >&2"));

	o.error_limit_bytes = 100;
	assert_ok(process_run(&o, &r, &err), &err);
	assert_int_equal(r.error_output.n, 100);
	assert_true(span_ends(str_span(&r.error_output), "line 39998\nline 39999\n"));
}

static void large_input_not_read(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	RF_AUTO(process_result) all;
	struct err err = ERR_INIT;
	char *big = rf_alloc(4 * MIB);
	struct process_options o = shell(SHELL("head -c 1; exit 3"));

	memset(big, 'a', 4 * MIB);
	o.input = (struct span){ big, 4 * MIB };
	assert_ok(process_run(&o, &r, &err), &err); /* and SIGPIPE did not end this test */
	assert_int_equal(r.exit_status, 3);
	o.argv = SHELL("cat");
	o.output_limit_bytes = 4 * MIB;
	assert_ok(process_run(&o, &all, &err), &err);
	assert_int_equal(all.output.n, 4 * MIB);
	rf_free(big);
}

static void only_three_descriptors(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	int leaky[20];

	for (size_t i = 0; i < RF_COUNT(leaky); i++)
		leaky[i] = open("/dev/null", O_RDONLY); /* not close-on-exec: as some library would */
	for (int closed_stdin = 0; closed_stdin < 2; closed_stdin++) {
		RF_AUTO(process_result) r;
		struct process_options o = shell(SHELL("ls /proc/$$/fd; true")); /* no pipe: the shell would hold its end */
		int kept = dup(0);

		if (closed_stdin)
			close(0);
		o.input = closed_stdin ? SPAN("x") : SPAN_NONE;
		int rc = process_run(&o, &r, &err);
		if (closed_stdin)
			dup2(kept, 0);
		close(kept);
		assert_ok(rc, &err);
		assert_string_equal(str_text(&r.output), "0\n1\n2\n");
	}
	for (size_t i = 0; i < RF_COUNT(leaky); i++)
		close(leaky[i]);
}

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int one_of_many(size_t index, void *data)
{
	char text[64];
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct process_options o = shell(SHELL(text));

	(void)data;
	snprintf(text, sizeof text, "echo %zu", index);
	int rc = process_run(&o, &r, &err);
	snprintf(text, sizeof text, "%zu\n", index);
	return rc ? rc : strcmp(str_text(&r.output), text) ? RF_EINTERNAL : 0;
}

static void many_at_once_leak_nothing(void **state)
{
	(void)state;
	size_t before = open_descriptors();

	assert_int_equal(thread_each(200, 8, one_of_many, NULL), 0);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no zombies either */
}

static void signals_and_session_of_the_child(void **state)
{
	(void)state;
	RF_AUTO(process_result) r;
	struct err err = ERR_INIT;
	struct process_options o =
		shell(SHELL("grep -E '^Sig(Blk|Ign)' /proc/self/status; ulimit -c; ps -o pid=,sid=,pgid= -p $$"));
	void (*before)(int) = signal(SIGHUP, SIG_IGN);

	assert_ok(process_run(&o, &r, &err), &err);
	signal(SIGHUP, before);
	assert_non_null(strstr(str_text(&r.output), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0\n"));
}

/* A parent of ours is killed: what it started goes too. */
static void dies_with_the_parent(void **state)
{
	(void)state;
	int ready[2];
	char c;

	assert_int_equal(pipe(ready), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct process_options o = shell((const char *const[]){ "sleep", "7413.5", NULL });
		struct process *p;
		struct err err = ERR_INIT;

		if (process_start(&o, &p, &err) != 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		alarm(60); /* should the test fail, nothing of it stays */
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	/* exec closes our pipe a moment before /proc shows the new arguments */
	for (int i = 0; i < 1500 && !lives("7413.5"); i++)
		usleep(10000);
	assert_true(lives("7413.5"));
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
	gone_soon("7413.5");
	close(ready[0]);
	close(ready[1]);
}

static void refused_options(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct process_options good = shell(SHELL("true"));

	for (int i = 0; i < 4; i++) {
		RF_AUTO(process_result) r;
		static const char *const nothing[] = { NULL };
		struct process_options o = good;

		if (i == 0)
			o.deadline_usec = 0;
		else if (i == 1)
			o.output_limit_bytes = 0;
		else if (i == 2)
			o.argv = NULL;
		else
			o.argv = nothing;
		assert_int_equal(process_run(&o, &r, &err), RF_EINVALID);
	}
}

/* Every allocation on the way fails once: an error each time, nothing leaks (the sanitizer looks), no child stays. */
static void without_memory(void **state)
{
	(void)state;
	size_t before = open_descriptors();

	for (long n = 1; n < 50; n++) {
		RF_AUTO(process_result) r;
		struct err err = ERR_INIT;
		struct process_options o = shell(SHELL("echo out; echo err >&2"));

		rf_alloc_fail_after(n);
		int rc = process_run(&o, &r, &err);
		rf_alloc_fail_after(0);
		if (rc == 0 && n > 10)
			break;
		assert_true(rc == 0 || rc == RF_ENOMEM);
	}
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(environment_is_what_is_given),
		cmocka_unit_test(missing_programs),
		cmocka_unit_test(a_script_whose_interpreter_is_missing),
		cmocka_unit_test(signals_end_it),
		cmocka_unit_test(out_of_time_with_its_whole_group),
		cmocka_unit_test(those_left_behind_do_not_hold_it_up),
		cmocka_unit_test(output_cap),
		cmocka_unit_test(the_tail_of_stderr),
		cmocka_unit_test(large_input_not_read),
		cmocka_unit_test(only_three_descriptors),
		cmocka_unit_test(many_at_once_leak_nothing),
		cmocka_unit_test(signals_and_session_of_the_child),
		cmocka_unit_test(dies_with_the_parent),
		cmocka_unit_test(refused_options),
		cmocka_unit_test(without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
