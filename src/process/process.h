/*
 * process - the one way to run a program: argv, deadline, output cap, isolation. Never a shell.
 *
 * May use base/ only. The child gets no descriptor but 0, 1, 2; its own session and process group; the environment
 * given and nothing else; no core dumps; default signal dispositions. The whole group gets SIGKILL at the deadline, on
 * release, and when the child has ended while others of its group live on. Thread-safe: handles are used by one thread
 * at a time.
 *
 * When the parent dies, by SIGKILL too, the child dies with it (PR_SET_PDEATHSIG). The kernel ties that to the thread
 * that started the child: a thread that starts a session must live as long as the session. Without isolation the
 * child's own children are only reached through the group, thus not after the parent's death, except that those in a
 * memory cgroup are found and killed by the next reforge. With isolation nothing survives: bubblewrap's pid namespace
 * dies as a whole.
 */
#ifndef REFORGE_PROCESS_PROCESS_H
#define REFORGE_PROCESS_PROCESS_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

/* One path made visible inside the sandbox. */
struct process_bind {
	const char *host_path;
	const char *inside_path; /* NULL: the same */
	bool writable;
	bool device; /* --dev-bind: GPUs */
};

/* Local isolation: bubblewrap (own mount, pid, network, ipc, uts, user namespaces, read-only system, private /tmp) and
 * a memory cgroup (v1 or v2) or, where none can be written, RLIMIT_AS -- said in process_result.isolation. */
struct process_isolation {
	const struct process_bind *binds;
	size_t bind_count;
	bool system_files;     /* /usr, /lib*, /bin, /etc/ld.so.* read-only: what a dynamic program needs */
	bool network;          /* keep the host's network; default none */
	uint64_t memory_bytes; /* 0: no limit */
	bool no_address_limit; /* never fall back to RLIMIT_AS (it kills CUDA): then no memory limit, and said so */
};
/* What is inside, in this order: the system's files when asked; fresh /proc, /dev (null, zero, full, random, urandom,
 * tty), an empty /tmp in memory; the binds, each later one over earlier ones, their parent folders made. No capability,
 * also for root; user and group ids are the caller's. No environment but the one given, PATH and LANG by default. At
 * most PROCESS_MAX_BINDS. */
#define PROCESS_MAX_BINDS 256

struct process_options {
	const char *const *argv;        /* argv[0] is looked up in PATH unless it has a slash; ends with NULL */
	const char *const *environment; /* "NAME=value", NULL-ended; NULL: PATH, LANG=C.UTF-8 only */
	const char *folder;             /* working folder; NULL: / inside isolation, else the parent's */
	struct span input;              /* given on stdin by process_run(), then closed */
	int64_t deadline_usec;          /* from the start; mandatory, > 0 */
	size_t output_limit_bytes;      /* stdout kept; past it the child is killed and RF_ETOOBIG. Mandatory, > 0 */
	size_t error_limit_bytes;       /* stderr kept (its tail); 0: 64 KiB */
	const struct process_isolation *isolation; /* NULL: none */
};

struct process_result {
	int exit_status; /* 0..255; -1 when a signal ended it */
	int signal;      /* 0 when it exited. Isolated: bubblewrap tells 128 + n for signal n, and so a
			  * program that itself exits with 129..192 is taken for one ended by a signal */
	bool timed_out;
	bool out_of_memory; /* the memory cgroup killed it */
	int64_t duration_usec;
	uint64_t peak_memory_bytes; /* of the memory cgroup; without one, of the largest single process */
	char isolation[96];         /* "bubblewrap, memory cgroup v1 512 MiB", "none", ... evidence */
	struct str output;
	struct str error_output; /* tail */
};
void process_result_release(struct process_result *r);

/* Starts, feeds, waits. Returns 0 when the program ended by itself or by a signal, whatever its exit status;
 * RF_ETIMEOUT; RF_ETOOBIG; RF_ECANCELLED (thread_stop_wanted()); RF_ENOTFOUND (no such program, also inside the
 * sandbox; isolation asked and bubblewrap missing); RF_EPROCESS (could not start, or bubblewrap could not make the
 * sandbox: its words are given); RF_EINVALID (options against the rules above). When it returns, no process of the
 * group or the sandbox runs any more. A program that does not read its input is no error. @ret is set in every case, so
 * that the log is not lost (all zero when nothing ran); release it always. */
RF_MUST_CHECK int process_run(const struct process_options *options, struct process_result *ret, struct err *err);

/* A session: a running child to which lines are written and from which lines are read (toolchain drivers). */
struct process;
RF_MUST_CHECK int process_start(const struct process_options *options, struct process **ret, struct err *err);
/* One line, newline added. @line holds none (RF_EINVALID). Reads meanwhile what the child writes, so that neither waits
 * for the other. RF_EPROCESS when the child is gone (the text has its stderr tail); RF_ETIMEOUT at the deadline, which
 * a session looks at in its calls only; RF_ECANCELLED. After an error only close. */
RF_MUST_CHECK int process_write_line(struct process *p, struct span line, struct err *err);
/* One line without newline, at most output_limit_bytes (RF_ETOOBIG, the child is killed), valid until the next call.
 * RF_ETIMEOUT after @wait_usec (may be tried again) or at the deadline; RF_ECANCELLED; RF_EPROCESS when stdout ended:
 * text names exit status and stderr tail. A last line without newline is not one: it counts as cut off. */
RF_MUST_CHECK int process_read_line(struct process *p, int64_t wait_usec, struct span *ret, struct err *err);
/* Closes stdin, waits up to @wait_usec, then kills; fills @ret (may be NULL; release it), frees @p. NULL is fine.
 * 0 when it ended by itself, RF_ETIMEOUT when it had to be killed here. */
int process_close(struct process *p, int64_t wait_usec, struct process_result *ret, struct err *err);
void process_kill(struct process *p);
void process_freep(struct process **p); /* kills and frees */

/* The tail of what the child wrote to stderr so far; valid until the next call. For a driver's log. */
struct span process_error_output(struct process *p);

/* What local isolation can do on this machine, in words ("bubblewrap, memory cgroup v1"; or what is missing), and
 * whether bubblewrap works here (it cannot in some containers). Measured once, cached. @ret_text may be NULL. */
bool process_isolation_available(char *ret_text, size_t size);

#endif
