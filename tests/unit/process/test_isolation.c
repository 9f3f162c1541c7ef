/* Isolation on this machine: skipped where bubblewrap cannot work, the memory part where no group can be made. */
#include "testing.h"

#include "base/fs.h"
#include "base/thread.h"
#include "process/process_int.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[FS_PATH_MAX];

static int make_dir(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	assert_ok(fs_temporary_dir("isolation", dir, sizeof dir, &err), &err);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	return fs_remove_tree(dir, &err);
}

#define NEEDS_BUBBLEWRAP()                                             \
	do {                                                           \
		char why_[256];                                        \
		if (!process_isolation_available(why_, sizeof why_)) { \
			print_message("skipped: %s\n", why_);          \
			skip();                                        \
		}                                                      \
	} while (0)

static int run(const char *script, const struct process_isolation *isolation, struct process_result *r, struct err *err)
{
	struct process_options o = { .argv = (const char *const[]){ "sh", "-c", script, NULL },
				     .deadline_usec = 30 * USEC_PER_SEC,
				     .output_limit_bytes = 1 * MIB,
				     .isolation = isolation };

	return process_run(&o, r, err);
}

static const struct process_isolation PLAIN = { .system_files = true };

static void ends_as_without(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	NEEDS_BUBBLEWRAP();
	RF_AUTO(process_result) r = { 0 };
	assert_ok(run("echo out; echo err >&2; exit 7", &PLAIN, &r, &err), &err);
	assert_int_equal(r.exit_status, 7);
	assert_string_equal(str_text(&r.output), "out\n");
	assert_string_equal(str_text(&r.error_output), "err\n");
	assert_string_equal(r.isolation, "bubblewrap, no memory limit");
	RF_AUTO(process_result) killed = { 0 };
	assert_ok(run("kill -SEGV $$", &PLAIN, &killed, &err), &err);
	assert_int_equal(killed.signal, SIGSEGV);
	assert_int_equal(killed.exit_status, -1);
}

static void sees_nothing_of_the_host(void **state)
{
	(void)state;
	struct err err = ERR_INIT;

	NEEDS_BUBBLEWRAP();
	static const struct {
		const char *script, *output;
	} cases[] = {
		{ "ls -A /tmp /home /root /work /var 2>/dev/null | grep -v '^/tmp:' | grep -v '^$'", "" },
		{ "test -e /etc/shadow && echo seen", "" },
		{ "test $(ls /proc | grep -c '^[0-9]') -lt 8 && echo few", "few\n" },
		{ "grep ^CapEff /proc/self/status", "CapEff:\t0000000000000000\n" },
		{ "grep ^CapBnd /proc/self/status", "CapBnd:\t0000000000000000\n" },
		{ "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 " }, /* 3 is ls reading the folder */
		{ "pwd", "/\n" },
		{ "env | grep -v ^PWD= | grep -v ^SHLVL= | grep -v ^_= | cut -d= -f1 | sort | tr '\\n' ' '",
		  "LANG PATH " },
		{ "cat /proc/net/route | wc -l; ls /sys 2>/dev/null", "1\n" },
		{ "touch /usr/x /lib/x /bin/x /etc/ld.so.cache 2>/dev/null && echo wrote", "" },
		{ "echo x > /tmp/mine && cat /tmp/mine", "x\n" },
		{ "touch /new 2>/dev/null; mknod /tmp/n b 8 0 2>/dev/null && echo made", "" },
		{ "mount -t tmpfs none /mnt 2>/dev/null && echo mounted", "" },
	};
	for (size_t i = 0; i < RF_COUNT(cases); i++) {
		RF_AUTO(process_result) r = { 0 };

		assert_ok(run(cases[i].script, &PLAIN, &r, &err), &err);
		if (strcmp(str_text(&r.output), cases[i].output) != 0)
			fail_msg("%s: %s", cases[i].script, str_text(&r.output));
	}
}

static void has_no_network(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof address;
	char script[256];
	int fd;

	NEEDS_BUBBLEWRAP();
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	snprintf(script, sizeof script, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/%u' 2>/dev/null && echo connected",
		 (unsigned)ntohs(address.sin_port));
	for (int network = 0; network < 2; network++) {
		RF_AUTO(process_result) r = { 0 };
		struct process_isolation isolation = { .system_files = true, .network = network };

		assert_ok(run(script, &isolation, &r, &err), &err);
		assert_string_equal(str_text(&r.output), network ? "connected\n" : "");
	}
	close(fd);
}

static void binds(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	char in[FS_PATH_MAX + 16], out[FS_PATH_MAX + 16], path[FS_PATH_MAX + 32];
	struct process_bind list[] = { { .host_path = in, .inside_path = "/given/in" },
				       { .host_path = out, .inside_path = "/given/out", .writable = true } };
	struct process_isolation isolation = { .system_files = true, .binds = list, .bind_count = 2 };
	RF_AUTO(str) text = STR_INIT(100);

	NEEDS_BUBBLEWRAP();
	snprintf(in, sizeof in, "%s/in", dir);
	snprintf(out, sizeof out, "%s/out", dir);
	assert_ok(fs_make_dirs(in, 0755, &err), &err);
	assert_ok(fs_make_dirs(out, 0755, &err), &err);
	snprintf(path, sizeof path, "%s/model", in);
	assert_ok(fs_write_new(path, SPAN("model"), 0644, &err), &err);
	RF_AUTO(process_result) r = { 0 };
	assert_ok(run("cp /given/in/model /given/out/engine; echo x > /given/in/model", &isolation, &r, &err), &err);
	assert_int_not_equal(r.exit_status, 0);
	snprintf(path, sizeof path, "%s/engine", out);
	assert_ok(fs_read(path, &text, &err), &err);
	assert_string_equal(str_text(&text), "model");
	list[0].host_path = "/no/such/place";
	RF_AUTO(process_result) bad = { 0 };
	assert_int_equal(run("true", &isolation, &bad, &err), RF_EPROCESS);
	assert_non_null(strstr(err.text, "/no/such/place"));
}

static void a_program_missing_inside(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct process_options o = { .argv = (const char *const[]){ "no-such-program", NULL },
				     .deadline_usec = 30 * USEC_PER_SEC,
				     .output_limit_bytes = 1 * MIB,
				     .isolation = &PLAIN };

	NEEDS_BUBBLEWRAP();
	RF_AUTO(process_result) r = { 0 };
	assert_int_equal(process_run(&o, &r, &err), RF_ENOTFOUND);
	struct process_isolation nothing = { .system_files = false };
	RF_AUTO(process_result) s = { 0 };
	assert_int_equal(run("true", &nothing, &s, &err), RF_ENOTFOUND);
}

static void killed_as_a_whole(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct process_options o = {
		.argv = (const char *const[]){ "sh", "-c", "(setsid sleep 7421.5 &) ; trap '' TERM; sleep 7421.5",
					       NULL },
		.deadline_usec = 300 * USEC_PER_MS,
		.output_limit_bytes = 1 * MIB,
		.isolation = &PLAIN
	};
	struct process_options look = {
		.argv =
			(const char *const[]){
				"sh", "-c",
				"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -cx '7421[.]5'", NULL },
		.deadline_usec = 30 * USEC_PER_SEC,
		.output_limit_bytes = 1 * MIB
	};

	NEEDS_BUBBLEWRAP();
	RF_AUTO(process_result) r = { 0 };
	assert_int_equal(process_run(&o, &r, &err), RF_ETIMEOUT);
	assert_int_equal(r.signal, SIGKILL);
	RF_AUTO(process_result) seen = { 0 };
	assert_ok(process_run(&look, &seen, &err), &err); /* at once: none runs when process_run() returned */
	assert_string_equal(str_text(&seen.output), "0\n");
}

static void a_session_inside(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct process_options o = {
		.argv = (const char *const[]){ "sh", "-c", "while read -r x; do echo \"$x!\"; done; exit 4", NULL },
		.deadline_usec = 30 * USEC_PER_SEC,
		.output_limit_bytes = 1 * MIB,
		.isolation = &PLAIN
	};
	RF_AUTO_PTR(process) p = NULL;
	struct span line;

	NEEDS_BUBBLEWRAP();
	assert_ok(process_start(&o, &p, &err), &err);
	assert_ok(process_write_line(p, SPAN("hello"), &err), &err);
	assert_ok(process_read_line(p, 5 * USEC_PER_SEC, &line, &err), &err);
	assert_true(span_eq_text(line, "hello!"));
	RF_AUTO(process_result) r = { 0 };
	assert_ok(process_close(p, 5 * USEC_PER_SEC, &r, &err), &err);
	p = NULL;
	assert_int_equal(r.exit_status, 4);
}

static void memory_limit(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct process_isolation isolation = { .system_files = true, .memory_bytes = 100 * MIB };

	NEEDS_BUBBLEWRAP();
	RF_AUTO(process_result) r = { 0 };
	RF_AUTO(process_result) fits = { 0 };
	assert_ok(run("x=$(head -c 250000000 /dev/zero | tr '\\0' a); echo ${#x}", &isolation, &r, &err), &err);
	if (cgroup_available() == 0) {
		assert_non_null(strstr(r.isolation, "RLIMIT_AS 100.0 MiB"));
		assert_null(strstr(str_text(&r.output), "250000000"));
		return;
	}
	assert_non_null(strstr(r.isolation, "memory cgroup v"));
	assert_true(r.out_of_memory);
	assert_null(strstr(str_text(&r.output), "250000000"));
	assert_true(r.peak_memory_bytes > 90 * MIB && r.peak_memory_bytes <= 101 * MIB);
	isolation.memory_bytes = 1 * GIB;
	assert_ok(run("echo fine", &isolation, &fits, &err), &err);
	assert_false(fits.out_of_memory);
	assert_true(fits.peak_memory_bytes > 0 && fits.peak_memory_bytes < 200 * MIB);
}

/* What is below our own group, by name. */
static size_t groups_of(const char *own_prefix)
{
	char cgroup[4096], folder[FS_PATH_MAX], command[3 * FS_PATH_MAX];
	static char mountinfo[256 * 1024];
	struct err err = ERR_INIT;
	uint64_t n = 0;

	FILE *f = fopen("/proc/self/cgroup", "r");
	cgroup[fread(cgroup, 1, sizeof cgroup - 1, f)] = '\0';
	fclose(f);
	f = fopen("/proc/self/mountinfo", "r");
	mountinfo[fread(mountinfo, 1, sizeof mountinfo - 1, f)] = '\0';
	fclose(f);
	assert_true(cgroup_own_path(span_of(cgroup), span_of(mountinfo), folder, sizeof folder) > 0);
	snprintf(command, sizeof command, "ls -d %s/%s* %s/../%s* 2>/dev/null | wc -l", folder, own_prefix, folder,
		 own_prefix);
	RF_AUTO(process_result) r = { 0 };
	assert_ok(run(command, NULL, &r, &err), &err);
	assert_true(span_u64(span_trim(str_span(&r.output)), &n));
	return n;
}

static void groups_are_removed(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct process_isolation isolation = { .system_files = true, .memory_bytes = 100 * MIB };
	char own[64];

	NEEDS_BUBBLEWRAP();
	if (cgroup_available() == 0)
		skip();
	snprintf(own, sizeof own, "reforge-%d-", (int)getpid());
	for (int i = 0; i < 5; i++) {
		RF_AUTO(process_result) r = { 0 };
		assert_ok(run("exit 1", &isolation, &r, &err), &err);
	}
	assert_int_equal(groups_of(own), 0);
}

/* SIGKILL of the one that runs it: the sandbox dies with it, and the next one removes its group. */
static void the_runner_is_killed(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	int ready[2];
	char c, own[64];

	NEEDS_BUBBLEWRAP();
	if (cgroup_available() == 0)
		skip();
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t runner = fork();
	if (runner == 0) {
		/* a new life with its own looks at the groups: exec ourselves with a word */
		char fd_text[16];

		snprintf(fd_text, sizeof fd_text, "%d", ready[1]);
		fcntl(ready[1], F_SETFD, 0);
		execl("/proc/self/exe", "runner", fd_text, (char *)NULL);
		_exit(1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	snprintf(own, sizeof own, "reforge-%d-", (int)runner);
	assert_int_equal(groups_of(own), 1);
	kill(runner, SIGKILL);
	waitpid(runner, NULL, 0);
	for (int i = 0; i < 100; i++) {
		RF_AUTO(process_result) r = { 0 };

		assert_ok(run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -cx '7422[.]5'", NULL, &r,
			      &err),
			  &err);
		if (strcmp(str_text(&r.output), "0\n") == 0)
			break;
		assert_int_not_equal(i, 99);
		usleep(10000);
	}
	assert_int_equal(groups_of(own), 1);
	pid_t next = fork();
	if (next == 0) {
		execl("/proc/self/exe", "looker", (char *)NULL);
		_exit(1);
	}
	waitpid(next, NULL, 0);
	assert_int_equal(groups_of(own), 0);
	close(ready[0]);
	close(ready[1]);
}

static int be_runner(int ready)
{
	struct process_isolation isolation = { .system_files = true, .memory_bytes = 100 * MIB };
	struct process_options o = {
		.argv = (const char *const[]){ "sh", "-c", "echo up; (setsid sleep 7422.5 &); sleep 7422.5", NULL },
		.deadline_usec = 60 * USEC_PER_SEC,
		.output_limit_bytes = 1 * MIB,
		.isolation = &isolation
	};
	struct process *p;
	struct err err = ERR_INIT;
	struct span line;

	if (process_start(&o, &p, &err) != 0 || process_read_line(p, 5 * USEC_PER_SEC, &line, &err) != 0 ||
	    write(ready, "x", 1) != 1)
		return 1;
	alarm(60); /* should the test fail, nothing of it stays */
	pause();
	return 0;
}

static int isolated_one(size_t index, void *data)
{
	struct process_isolation isolation = { .system_files = true, .memory_bytes = 100 * MIB };
	RF_AUTO(process_result) r = { 0 };
	struct err err = ERR_INIT;
	int rc = run("echo fine", &isolation, &r, &err);

	(void)index, (void)data;
	return rc ? rc : strcmp(str_text(&r.output), "fine\n") ? RF_EINTERNAL : 0;
}

static void many_at_once(void **state)
{
	(void)state;
	NEEDS_BUBBLEWRAP();
	assert_int_equal(thread_each(60, 6, isolated_one, NULL), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(int argc, char **argv)
{
	if (strcmp(argv[0], "runner") == 0 && argc == 2) {
		uint64_t fd = 0;

		return span_u64(span_of(argv[1]), &fd) ? be_runner((int)fd) : 1;
	}
	if (strcmp(argv[0], "looker") == 0)
		return cgroup_available() > 0 ? 0 : 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_as_without),
		cmocka_unit_test(sees_nothing_of_the_host),
		cmocka_unit_test(has_no_network),
		cmocka_unit_test(binds),
		cmocka_unit_test(a_program_missing_inside),
		cmocka_unit_test(killed_as_a_whole),
		cmocka_unit_test(a_session_inside),
		cmocka_unit_test(memory_limit),
		cmocka_unit_test(groups_are_removed),
		cmocka_unit_test(the_runner_is_killed),
		cmocka_unit_test(many_at_once),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
