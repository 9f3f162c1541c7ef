/*
 * process_int - what the files of process/ share. Not for other rooms.
 *
 *   process.c      options, life and end of a child
 *   pump.c         moving bytes between it and us
 *   spawn.c        vfork and exec
 *   isolation.c    what isolation this machine can do
 *   bubblewrap.c   the argument list of bwrap (pure)
 *   cgroup.c       memory groups;  cgroup_path.c finds where ours is (pure)
 */
#ifndef REFORGE_PROCESS_INT_H
#define REFORGE_PROCESS_INT_H

#include "base/fs.h"
#include "base/arena.h"
#include "process/process.h"

#include <inttypes.h>
#include <signal.h>

/* errno in words, in a buffer of the calling block; err_set_errno() would choose codes that process.h does not promise.
 */
#define ERRNO_WORDS(number) strerror_r((number), (char[128]){ 0 }, 128)

/* ---- spawn.c ---- */

#define SPAWN_STATUS_FD 3 /* bubblewrap's --json-status-fd; closed by it before the program starts */

struct spawn {
	const char *path; /* what to execute: a path, never looked up */
	const char *const *argv;
	const char *const *environment;
	const char *folder;           /* NULL: the parent's */
	int fds[4];                   /* become 0, 1, 2 and SPAWN_STATUS_FD (-1: none); all above 3 */
	int group_fd;                 /* cgroup file to write "0" to, -1: none */
	uint64_t address_limit_bytes; /* RLIMIT_AS, 0: none */
};
/* RF_EPROCESS, RF_ENOTFOUND when the program or its interpreter is not there; the child is then gone. */
RF_MUST_CHECK int spawn_child(const struct spawn *s, pid_t *ret, struct err *err);
/* @name with a slash as it is, else looked up in @search ("a:b:c"): a regular file that may be executed. RF_ENOTFOUND.
 */
RF_MUST_CHECK int spawn_find(const char *name, const char *search, char *ret, size_t size, struct err *err);
/* A pipe, both ends above 3 and close-on-exec. */
RF_MUST_CHECK int spawn_pipe(int ret[2], struct err *err);

/* ---- bubblewrap.c ---- */

#define BUBBLEWRAP_MAX_ARGUMENTS (64 + 3 * PROCESS_MAX_BINDS)

/* One folder of the system as found on this machine. */
struct system_path {
	const char *path;
	char link[64]; /* target when it is a symbolic link (merged /usr), "" else */
	bool present;
};
#define SYSTEM_PATHS 12

struct bubblewrap_arguments {
	const char *list[BUBBLEWRAP_MAX_ARGUMENTS + 1];
	size_t n;
	bool full;
};
/* "bwrap" and its options for @isolation, up to and with "--"; the caller adds the program. All pointers are borrowed.
 */
void bubblewrap_build(const struct process_isolation *isolation, const char *folder,
		      const struct system_path system_paths[SYSTEM_PATHS], struct bubblewrap_arguments *ret);
void bubblewrap_add(struct bubblewrap_arguments *a, const char *argument);
/* Reads bubblewrap's status documents: child's pid (0: not told) and exit code (-1: the program was never started, or
 * still runs). */
void bubblewrap_status(struct span documents, pid_t *ret_child, int *ret_exit);

/* ---- cgroup_path.c, cgroup.c ---- */

/* Folder of this process's memory group, from the texts of /proc/self/cgroup and /proc/self/mountinfo.
 * Returns the cgroup version, 1 or 2; 0 when there is no memory controller's hierarchy. */
int cgroup_own_path(struct span cgroup, struct span mountinfo, char *ret, size_t size);

struct cgroup {
	char path[FS_PATH_MAX]; /* "" : none */
	int version;
};
/* Version of memory groups that can be made here, 0: none. Looked at once; groups of dead owners are removed then. */
int cgroup_available(void);
/* Makes a group with that limit. RF_EUNSUPPORTED when this machine cannot. */
RF_MUST_CHECK int cgroup_make(uint64_t memory_bytes, struct cgroup *ret, struct err *err);
/* For spawn.group_fd; -1 on failure. */
int cgroup_join_fd(const struct cgroup *g);
/* Reads what it recorded, kills what is left in it, removes it. */
void cgroup_remove(struct cgroup *g, uint64_t *ret_peak_bytes, bool *ret_out_of_memory);

/* ---- isolation.c ---- */

struct isolation_host {
	bool bubblewrap; /* there, not necessarily working */
	char bubblewrap_path[FS_PATH_MAX];
	struct system_path system_paths[SYSTEM_PATHS];
};
const struct isolation_host *isolation_host(void);

/* ---- process.c, pump.c ---- */

struct process {
	pid_t pid;
	int pidfd;                            /* -1: kernel older than 5.3, polled */
	int in_fd, out_fd, err_fd, status_fd; /* -1: closed */
	bool isolated;
	bool session;     /* stdout is read only as far as it can be held; else what is over the limit is dropped */
	bool exited;      /* not reaped yet: its number and group stay ours */
	bool own_kill;    /* we killed it */
	bool output_over; /* more stdout than allowed is there: not read on */
	mono_t started, deadline;
	size_t output_limit, error_limit;
	struct str output; /* read from stdout; a session's lines before @line_start were given out */
	size_t line_start;
	size_t line_scanned;
	struct str errors;
	struct span input; /* left to write */
	struct cgroup group;
	char isolation[96];
};
/* Waits until something can be moved, the child ended, or @until, at most 250 ms; moves it. */
RF_MUST_CHECK int pump(struct process *p, mono_t until, struct err *err);
/* After the end: takes what is left in the pipes, without waiting. */
void pump_rest(struct process *p);
void pump_close(int *fd);

#endif
