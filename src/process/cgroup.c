/* Memory cgroups, version 1 and 2 (Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst).
 *
 * A group "reforge-<pid>-<start ticks>-<n>" is made for each program under the group of this process, so that whatever
 * limits us limits it too. Under version 2 a group with processes in it cannot give controllers to its children: then
 * the sibling place, below our parent, is tried, and if that is not allowed either there is no memory group.
 *
 * The name says who owns it: groups of owners that are gone are emptied and removed when this process first looks. */
#include "process_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "reforge-"
/* Killed processes leave a group within milliseconds; one stuck in the kernel longer than this keeps it, and the next
 * start removes it. */
#define REMOVE_WAIT_USEC (2 * USEC_PER_SEC)
/* Nothing of what is read here is larger: memory.events, memory.oom_control, a list of process numbers. */
#define FILE_MAX_BYTES (64 * KIB)

static struct {
	int version;
	char folder[FS_PATH_MAX];
	char own[64]; /* "<pid>-<start ticks>" */
	atomic_uint next;
} place;

/* cgroup and proc files: not regular in size, one read gives all of what we need. */
static size_t read_file(const char *folder, const char *name, char *ret, size_t size)
{
	char path[FS_PATH_MAX + 64];
	ssize_t n = -1;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, ret, size - 1);
		(void)close(fd);
	}
	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static int write_file(const char *folder, const char *name, const char *text)
{
	char path[FS_PATH_MAX + 64];
	size_t n = strlen(text);
	int fd, error = 0;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, text, n) != (ssize_t)n)
		error = errno;
	(void)close(fd);
	return error;
}

/* Field 22 of /proc/<pid>/stat: with the number it names one life of a process. 0: no such process. */
static uint64_t start_ticks(const char *pid)
{
	char folder[64], text[1024];
	struct span rest, part;
	uint64_t ticks = 0;
	size_t close_at;

	(void)snprintf(folder, sizeof folder, "/proc/%.20s", pid);
	rest = (struct span){ text, read_file(folder, "stat", text, sizeof text) };
	close_at = span_rfind_byte(rest, ')'); /* the name before it may hold anything */
	if (close_at == SIZE_MAX)
		return 0;
	rest = span_from(rest, close_at + 2);
	for (int field = 3; field <= 22; field++)
		if (!span_split(&rest, ' ', &part))
			return 0;
	return span_u64(part, &ticks) ? ticks : 0;
}

/* Kills what is in the group; false when it was empty. */
static bool kill_members(const char *group)
{
	char text[4096];
	struct span rest = { text, 0 }, line;
	uint64_t pid;
	bool any = false;

	rest.n = read_file(group, "cgroup.procs", text, sizeof text);
	while (span_line(&rest, &line))
		if (span_u64(line, &pid) && pid > 1 && pid <= INT32_MAX) {
			(void)kill((pid_t)pid, SIGKILL);
			any = true;
		}
	return any;
}

static void remove_group(const char *group)
{
	mono_t until = mono_usec() + REMOVE_WAIT_USEC;
	useconds_t pause = 100;

	while (rmdir(group) != 0 && errno == EBUSY && mono_usec() < until) {
		(void)kill_members(group);
		(void)usleep(pause);
		pause = RF_MIN(pause * 2, (useconds_t)20000);
	}
}

static bool owner_lives(const char *name)
{
	char pid[24], ticks[24];
	struct span rest = span_of(name + strlen(PREFIX)), first, second;

	if (!span_split(&rest, '-', &first) || !span_split(&rest, '-', &second) || !span_is_digits(first) ||
	    !span_is_digits(second) || first.n >= sizeof pid || second.n >= sizeof ticks)
		return true; /* not a name of ours: left alone */
	(void)snprintf(pid, sizeof pid, "%.*s", SPAN_ARG(first));
	(void)snprintf(ticks, sizeof ticks, "%" PRIu64, start_ticks(pid));
	return span_eq_text(second, ticks);
}

static void remove_stale(const char *folder)
{
	DIR *dir = opendir(folder);
	char path[FS_PATH_MAX];

	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 || owner_lives(entry->d_name) ||
		    (size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= sizeof path)
			continue;
		remove_group(path);
	}
	(void)closedir(dir);
}

static bool set_limit(const char *group, int version, uint64_t bytes)
{
	char number[24];

	(void)snprintf(number, sizeof number, "%" PRIu64, bytes);
	if (version == 1) {
		if (write_file(group, "memory.limit_in_bytes", number) != 0)
			return false;
		/* with swap counted; absent when the kernel does not count swap */
		(void)write_file(group, "memory.memsw.limit_in_bytes", number);
		return true;
	}
	if (write_file(group, "memory.max", number) != 0)
		return false;
	(void)write_file(group, "memory.swap.max", "0");
	(void)write_file(group, "memory.oom.group", "1");
	return true;
}

/* Whether a group with a limit can be made below @folder: tried, since permissions, delegation and read-only mounts all
 * have a say. */
static bool works_below(const char *folder, int version)
{
	char probe[FS_PATH_MAX];
	bool good;

	if (version == 2)
		(void)write_file(folder, "cgroup.subtree_control", "+memory");
	if ((size_t)snprintf(probe, sizeof probe, "%s/" PREFIX "%s-probe", folder, place.own) >= sizeof probe ||
	    mkdir(probe, 0755) != 0)
		return false;
	good = set_limit(probe, version, 64 * MIB) && kill_members(probe) == false;
	(void)rmdir(probe);
	return good;
}

static void find_place(void)
{
	char cgroup[4096], pid[24];
	RF_AUTO_FREE char *mountinfo = rf_alloc(FILE_MAX_BYTES * 4);
	struct span groups = { cgroup, read_file("/proc/self", "cgroup", cgroup, sizeof cgroup) };
	size_t n = 0;
	ssize_t got = 0;
	char *slash;
	int fd, version;

	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	(void)snprintf(place.own, sizeof place.own, "%s-%" PRIu64, pid, start_ticks(pid));
	fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (!mountinfo || fd < 0)
		return;
	/* given out in pieces of a page */
	while (n < FILE_MAX_BYTES * 4 && (got = read(fd, mountinfo + n, FILE_MAX_BYTES * 4 - n)) > 0)
		n += (size_t)got;
	(void)close(fd);
	version = cgroup_own_path(groups, (struct span){ mountinfo, n }, place.folder, sizeof place.folder);
	if (version == 0)
		return;
	remove_stale(place.folder);
	if (works_below(place.folder, version)) {
		place.version = version;
		return;
	}
	slash = strrchr(place.folder, '/');
	if (version == 1 || !slash || slash == place.folder)
		return;
	*slash = '\0';
	remove_stale(place.folder);
	if (works_below(place.folder, version))
		place.version = version;
}

int cgroup_available(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, find_place);
	return place.version;
}

int cgroup_make(uint64_t memory_bytes, struct cgroup *ret, struct err *err)
{
	struct cgroup g = { .version = cgroup_available() };

	if (g.version == 0)
		return err_set(err, RF_EUNSUPPORTED, "no memory cgroup can be made here");
	if ((size_t)snprintf(g.path, sizeof g.path, "%s/" PREFIX "%s-%u", place.folder, place.own,
			     atomic_fetch_add(&place.next, 1)) >= sizeof g.path)
		return err_set(err, RF_ETOOBIG, "the path of the memory cgroup is too long");
	if (mkdir(g.path, 0755) != 0) {
		(void)err_set(err, RF_EPROCESS, "cannot make a memory cgroup: %s", ERRNO_WORDS(errno));
		(void)err_in_file(err, g.path);
		return RF_EPROCESS;
	}
	if (!set_limit(g.path, g.version, memory_bytes)) {
		(void)rmdir(g.path);
		(void)err_set(err, RF_EPROCESS, "cannot limit a memory cgroup to %" PRIu64 " bytes", memory_bytes);
		(void)err_in_file(err, g.path);
		return RF_EPROCESS;
	}
	*ret = g;
	return 0;
}

int cgroup_join_fd(const struct cgroup *g)
{
	char path[FS_PATH_MAX + 32];

	/* Version 1: a "0" to "tasks" moves the calling thread, which is all the new child has, and does not take the
	 * lock over all thread groups of the machine that cgroup.procs takes. */
	(void)snprintf(path, sizeof path, "%s/%s", g->path, g->version == 1 ? "tasks" : "cgroup.procs");
	return open(path, O_WRONLY | O_CLOEXEC);
}

/* The number behind "@key " at the start of a line. */
static uint64_t keyed(struct span text, const char *key)
{
	struct span line, word;
	uint64_t v = 0;

	while (span_line(&text, &line))
		if (span_split(&line, ' ', &word) && span_eq_text(word, key) && span_u64(line, &v))
			return v;
	return 0;
}

void cgroup_remove(struct cgroup *g, uint64_t *ret_peak_bytes, bool *ret_out_of_memory)
{
	char text[4096];
	struct span s = { text, 0 };
	uint64_t peak = 0;

	if (!g->path[0])
		return;
	s.n = read_file(g->path, g->version == 1 ? "memory.oom_control" : "memory.events", text, sizeof text);
	*ret_out_of_memory = keyed(s, "oom_kill") > 0;
	s.n = read_file(g->path, g->version == 1 ? "memory.max_usage_in_bytes" : "memory.peak", text, sizeof text);
	if (span_u64(span_trim(s), &peak))
		*ret_peak_bytes = peak;
	remove_group(g->path);
	g->path[0] = '\0';
}
