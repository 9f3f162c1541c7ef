/* work_owner - names of process lives, and whether one has ended. */
#include "work/work.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * State letter and start of a process, from /proc/<pid>/stat (proc(5)): fields 3 and 22, counted behind the last ')',
 * because the name before it may hold anything. 1; 0 when there is no such process; -1 when it cannot be told.
 */
static int process_life(const char *pid, char *ret_state, uint64_t *ret_start)
{
	char path[64], text[1024];
	(void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	ssize_t n = read(fd, text, sizeof text);
	int saved = errno;
	(void)close(fd);
	if (n <= 0)
		return n < 0 && saved == ESRCH ? 0 : -1;
	struct span rest = span_bytes(text, (size_t)n), part;
	size_t name_end = span_rfind_byte(rest, ')');
	if (name_end == SIZE_MAX || name_end + 2 >= rest.n)
		return -1;
	rest = span_from(rest, name_end + 2);
	*ret_state = rest.p[0];
	for (int field = 3; span_split(&rest, ' ', &part); field++) {
		if (field == 22)
			return span_u64(part, ret_start) ? 1 : -1;
	}
	return -1;
}

static void host_name(char *buffer, size_t size)
{
	if (gethostname(buffer, size) != 0)
		(void)snprintf(buffer, size, "localhost");
	buffer[size - 1] = '\0';
	for (char *p = buffer; *p; p++) {
		if (*p == ':' || *p < ' ' || (unsigned char)*p > 126)
			*p = '_';
	}
}

const char *work_owner(void)
{
	static _Thread_local char name[160];
	static _Thread_local pid_t made_for;
	if (made_for == getpid())
		return name;
	char host[65], state = 0;
	uint64_t start = 0;
	host_name(host, sizeof host);
	(void)process_life("self", &state, &start);
	made_for = getpid();
	(void)snprintf(name, sizeof name, "%s:%ld:%llu", host, (long)made_for, (unsigned long long)start);
	return name;
}

bool work_owner_is_dead(const char *owner)
{
	char host[65], pid[24], state = 0;
	struct span all = span_of(owner);
	size_t second = span_rfind_byte(all, ':');
	size_t first = span_rfind_byte(span_sub(all, 0, second), ':');
	uint64_t started = 0, number = 0, start = 0;
	if (second == SIZE_MAX || first == SIZE_MAX || !span_u64(span_from(all, second + 1), &started) ||
	    !span_u64(span_sub(all, first + 1, second - first - 1), &number))
		return false;
	host_name(host, sizeof host);
	if (!span_eq_text(span_sub(all, 0, first), host))
		return false;
	(void)snprintf(pid, sizeof pid, "%llu", (unsigned long long)number);
	int life = process_life(pid, &state, &start);
	/* a zombie does nothing any more: it waits for its parent to look */
	return life == 0 || (life == 1 && (start != started || state == 'Z' || state == 'X'));
}
