/*
 * process - the one way to run a program: argv, deadline, output cap, isolation. Never a shell.
 *
 * May use base/ only. The child gets no descriptor but 0, 1, 2; its own process group; the environment given and
 * nothing else; SIGKILL for the whole group at the deadline, when the parent dies, and on release. Thread-safe.
 */
#ifndef REFORGE_PROCESS_PROCESS_H
#define REFORGE_PROCESS_PROCESS_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

/* One path made visible inside the sandbox. */
struct process_bind {
	const char *host_path;
	const char *inside_path;   /* NULL: the same */
	bool writable;
	bool device;               /* --dev-bind: GPUs */
};

/* Local isolation: bubblewrap (own mount, pid, network, ipc, uts, user namespaces, read-only system, private /tmp) and a
 * memory cgroup (v1 or v2) or, where none can be written, RLIMIT_AS -- said in process_result.isolation. */
struct process_isolation {
	const struct process_bind *binds;
	size_t bind_count;
	bool system_files;         /* /usr, /lib*, /bin, /etc/ld.so.* read-only: what a dynamic program needs */
	bool network;              /* keep the host's network; default none */
	uint64_t memory_bytes;     /* 0: no limit */
	bool no_address_limit;     /* never fall back to RLIMIT_AS (it kills CUDA): then no memory limit, and said so */
};

struct process_options {
	const char *const *argv;            /* argv[0] is looked up in PATH unless it has a slash; ends with NULL */
	const char *const *environment;     /* "NAME=value", NULL-ended; NULL: PATH, LANG=C.UTF-8 only */
	const char *folder;                 /* working folder; NULL: / inside isolation, else the parent's */
	struct span input;                  /* given on stdin by process_run(), then closed */
	int64_t deadline_usec;              /* from the start; mandatory, > 0 */
	size_t output_limit_bytes;          /* stdout kept; past it the child is killed and RF_ETOOBIG. Mandatory, > 0 */
	size_t error_limit_bytes;           /* stderr kept (its tail); 0: 64 KiB */
	const struct process_isolation *isolation;  /* NULL: none */
};

struct process_result {
	int exit_status;                    /* 0..255; -1 when a signal ended it */
	int signal;                         /* 0 when it exited */
	bool timed_out;
	bool out_of_memory;                 /* the memory cgroup killed it */
	int64_t duration_usec;
	uint64_t peak_memory_bytes;         /* 0 when not known */
	char isolation[96];                 /* "bubblewrap, memory cgroup v1 512 MiB", "none", ... evidence */
	struct str output;
	struct str error_output;            /* tail */
};
void process_result_release(struct process_result *r);

/* Starts, feeds, waits. Returns 0 when the program ended by itself, whatever its exit status; RF_ETIMEOUT, RF_ETOOBIG,
 * RF_ENOTFOUND (no such program; isolation asked and bubblewrap missing), RF_EPROCESS (could not start).
 * @ret is set on RF_ETIMEOUT and RF_ETOOBIG as well, so that the log is not lost; release it always. */
RF_MUST_CHECK int process_run(const struct process_options *options, struct process_result *ret, struct err *err);

/* A session: a running child to which lines are written and from which lines are read (toolchain drivers). */
struct process;
RF_MUST_CHECK int process_start(const struct process_options *options, struct process **ret, struct err *err);
/* One line, newline added. RF_EPROCESS when the child is gone (the text has its stderr tail). */
RF_MUST_CHECK int process_write_line(struct process *p, struct span line, struct err *err);
/* One line without newline, at most output_limit_bytes, valid until the next call. RF_ETIMEOUT after @wait_usec or at the
 * deadline; RF_EPROCESS when stdout ended: text names exit status and stderr tail. */
RF_MUST_CHECK int process_read_line(struct process *p, int64_t wait_usec, struct span *ret, struct err *err);
/* Closes stdin, waits up to @wait_usec, then kills; fills @ret (may be NULL), frees @p. NULL is fine. */
int process_close(struct process *p, int64_t wait_usec, struct process_result *ret, struct err *err);
void process_kill(struct process *p);
void process_freep(struct process **p);             /* kills and frees */

/* What local isolation can do on this machine, in words, and whether bubblewrap works (measured once, cached). */
bool process_isolation_available(char *ret_text, size_t size);

#endif
