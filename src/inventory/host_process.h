/*
 * host_process - the running processes of this machine and the files they have mapped: what really runs, which may not be
 * what lies on the disk. A library that was replaced runs on until its last process ends.
 *
 * May use base/. Reads /proc (proc(5)); other users' processes only as far as the kernel lets us: how many were closed to
 * us is told. Nothing of a process is kept but its program, its container, the files it mapped and those arguments that
 * name a model; a command line may hold secrets.
 */
#ifndef REFORGE_INVENTORY_HOST_PROCESS_H
#define REFORGE_INVENTORY_HOST_PROCESS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define HOST_MAX_PROCESSES 65536
#define HOST_MAX_MAPPED 100000       /* different files */
#define HOST_MAX_MAPS_BYTES (32 * MIB) /* of one process; the kernel allows 65,530 maps by default */
#define HOST_MAX_ARGUMENTS 32

/* One line of /proc/PID/maps. */
struct host_map {
	uint64_t from, to;      /* addresses */
	uint64_t device;        /* as st_dev has it */
	uint64_t inode;
	bool executable;
	bool deleted;           /* the file has no name any more */
	struct span path;       /* without " (deleted)"; "\012" stands for a line end, as the kernel writes it */
};
/* The next mapping of a file with an absolute path; false at the end. Lines of another form are skipped: memory without a
 * file, devices, shared memory. Pure. */
bool host_map_next(struct span *rest, struct host_map *ret);
/* The container of a cgroup path: the last run of 64 hex digits in /proc/PID/cgroup, cut to 12; SPAN_NONE when there is
 * none. Pure. */
struct span host_container_of(struct span cgroup);

struct host_mapped {             /* one file, however many processes map it */
	const char *path;        /* as the process sees it */
	const char *container;   /* "" on the host itself */
	const char *open;        /* where this machine can open it: through /proc */
	bool deleted;
	size_t users;            /* processes */
};
struct host_process {
	const char *exe;         /* "" unreadable */
	const char *container;   /* "" it sees this machine's own files; else its id, or that of its mount namespace */
	const char *const *arguments; /* that name a model or engine */
	size_t arguments_n;
	const size_t *mapped;    /* places in host_processes.files, ascending */
	size_t mapped_n;
};
struct host_processes {
	struct arena arena;
	struct host_process *list; /* by exe, container */
	size_t count;
	struct host_mapped *files; /* by container, path */
	size_t files_n;
	size_t closed;             /* processes that could not be looked into */
};

/* @proc: "/proc". A process that ends meanwhile is left out. RF_ETOOMANY, RF_EIO, RF_ENOMEM. */
RF_MUST_CHECK int host_processes_read(const char *proc, struct host_processes *ret, struct err *err);
void host_processes_release(struct host_processes *p); /* takes a zeroed one */

#endif
