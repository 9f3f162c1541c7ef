/*
 * A real PostgreSQL for tests: made in a folder of its own, on a unix socket only, stopped by its pid.
 *
 * NULL from postgresql_start() when no server is installed (/usr/lib/postgresql/<n>/bin): the test says skip(). initdb
 * refuses root, so as root all of it runs as user nobody.
 */
#ifndef REFORGE_TESTS_POSTGRESQL_H
#define REFORGE_TESTS_POSTGRESQL_H

#include "base/fs.h"
#include "base/time.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

struct postgresql {
	char bin[256];
	char folder[256];
	char url[512];
	pid_t pid;
	pid_t owner;            /* forked children of a test must not stop it */
};

/* May others than root pass "/"? In a system unpacked into a private folder they may not. */
static inline bool postgresql_root_is_open(void)
{
	struct stat st;
	return stat("/", &st) == 0 && (st.st_mode & S_IXOTH);
}

/* Keeps CAP_DAC_READ_SEARCH and nothing else over exec, so that the server's user can reach its own program there. */
static inline bool postgresql_keep_reading(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = 1u << CAP_DAC_READ_SEARCH, .permitted = 1u << CAP_DAC_READ_SEARCH,
		                                    .inheritable = 1u << CAP_DAC_READ_SEARCH } };
	return syscall(SYS_capset, &header, data) == 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0) == 0;
}

/* Runs @argv as the server's user with its output in @folder/log; returns the pid. */
static inline pid_t postgresql_spawn(const char *folder, const char *const argv[])
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct passwd *user = geteuid() == 0 ? getpwnam("nobody") : NULL;
	bool closed = user && !postgresql_root_is_open();
	/* access(2), by which the server looks for itself, forgets capabilities of other users unless told not to */
	if (closed && prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) != 0)
		_exit(126);
	if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		_exit(126);
	if (closed && !postgresql_keep_reading())
		_exit(126);
	char log[300];
	(void)snprintf(log, sizeof log, "%s/log", folder);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || chdir(folder) != 0)
		_exit(126);
	(void)dup2(fd, 1);
	(void)dup2(fd, 2);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static inline bool postgresql_find(char bin[256])
{
	glob_t found;
	bool there = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0 && found.gl_pathc > 0;
	if (there) {
		const char *path = found.gl_pathv[found.gl_pathc - 1];
		(void)snprintf(bin, 256, "%.*s", (int)(strlen(path) - strlen("/initdb")), path);
		globfree(&found);
	}
	return there;
}

static inline void postgresql_stop(struct postgresql *p)
{
	struct err err = ERR_INIT;
	if (!p || p->owner != getpid())
		return;
	if (p->pid > 0) {
		(void)kill(p->pid, SIGINT);     /* "fast": sessions are ended */
		(void)waitpid(p->pid, NULL, 0);
	}
	if (fs_remove_tree(p->folder, &err) != 0)
		fprintf(stderr, "left behind: %s\n", p->folder);
	p->pid = 0;
}

static inline bool postgresql_answers(const struct postgresql *p)
{
	char program[300];
	(void)snprintf(program, sizeof program, "%s/pg_isready", p->bin);
	const char *argv[] = { program, "-q", "-h", p->folder, "-p", "5432", NULL };
	int status = 0;
	pid_t pid = postgresql_spawn(p->folder, argv);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static inline struct postgresql *postgresql_start(void)
{
	static struct postgresql p;
	p = (struct postgresql){ .owner = getpid() };
	struct err err = ERR_INIT;
	if (!postgresql_find(p.bin) || fs_temporary_dir("reforge-pg", p.folder, sizeof p.folder, &err) != 0)
		return NULL;
	struct passwd *user = geteuid() == 0 ? getpwnam("nobody") : NULL;
	if (user && chown(p.folder, user->pw_uid, user->pw_gid) != 0)
		return NULL;
	char program[300], data[300];
	(void)snprintf(data, sizeof data, "%s/data", p.folder);
	(void)snprintf(program, sizeof program, "%s/initdb", p.bin);
	const char *initdb[] = { program, "-D", data, "-U", "reforge", "-A", "trust", "-E", "UTF8", "--locale=C",
		                 "--no-sync", NULL };
	int status = 0;
	pid_t pid = postgresql_spawn(p.folder, initdb);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		postgresql_stop(&p);
		return NULL;
	}
	(void)snprintf(program, sizeof program, "%s/postgres", p.bin);
	/* fsync off: what is tested is the contract, not this server's disk; small, for many tests at a time */
	const char *server[] = { program, "-D", data, "-k", p.folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c",
		           "shared_buffers=16MB", "-c", "max_connections=60", NULL };
	p.pid = postgresql_spawn(p.folder, server);
	for (mono_t until = mono_usec() + 30 * USEC_PER_SEC; !postgresql_answers(&p);) {
		if (mono_usec() > until || waitpid(p.pid, NULL, WNOHANG) == p.pid) {
			postgresql_stop(&p);
			return NULL;
		}
		(void)usleep(20000);
	}
	(void)snprintf(p.url, sizeof p.url, "postgresql://reforge@/postgres?host=%s", p.folder);
	return &p;
}

#endif
