/* host_process - see the header. */
#include "inventory/host_process.h"

#include "base/fs.h"
#include "base/hash.h"
#include "inventory/kubernetes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define ARENA_BYTES (512 * MIB)
#define MAX_COMMAND_BYTES (2 * MIB) /* ARG_MAX of Linux */
#define DELETED " (deleted)"

/* ── Lines of /proc ──────────────────────────────────────────────────────────────────────────────────────────────── */

static bool hex_u64(struct span s, uint64_t *ret)
{
	uint64_t v = 0;
	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
		if (d < 0)
			return false;
		v = v << 4 | (uint64_t)d;
	}
	*ret = v;
	return true;
}

/* The next word of a line; blanks before it are skipped. */
static struct span word(struct span *line)
{
	while (line->n && line->p[0] == ' ')
		*line = span_from(*line, 1);
	size_t end = RF_MIN(span_find_byte(*line, ' '), line->n);
	struct span w = span_sub(*line, 0, end);
	*line = span_from(*line, end);
	return w;
}

static bool pair(struct span text, char separator, uint64_t *a, uint64_t *b)
{
	size_t at = span_find_byte(text, separator);
	return at != SIZE_MAX && hex_u64(span_sub(text, 0, at), a) && hex_u64(span_from(text, at + 1), b);
}

/* "7f1e…-7f1e… r-xp 00000000 fe:00 247278    /usr/lib/libx.so (deleted)" */
static bool map_line(struct span line, struct host_map *ret)
{
	struct span addresses = word(&line), rights = word(&line);
	(void)word(&line); /* offset */
	struct span device = word(&line), inode = word(&line);
	uint64_t major_, minor_;
	if (!pair(addresses, '-', &ret->from, &ret->to) || rights.n != 4 || !pair(device, ':', &major_, &minor_) ||
	    !span_u64(inode, &ret->inode) || ret->inode == 0)
		return false;
	while (line.n && line.p[0] == ' ')
		line = span_from(line, 1);
	ret->device = makedev((unsigned)major_, (unsigned)minor_);
	ret->executable = rights.p[2] == 'x';
	ret->deleted = span_ends(line, DELETED);
	ret->path = span_sub(line, 0, line.n - (ret->deleted ? sizeof DELETED - 1 : 0));
	return span_starts(ret->path, "/") && !span_starts(ret->path, "/dev/") && !span_starts(ret->path, "/memfd:") &&
	       !span_starts(ret->path, "/SYSV") && !span_starts(ret->path, "/[");
}

bool host_map_next(struct span *rest, struct host_map *ret)
{
	struct span line;
	while (span_line(rest, &line))
		if (map_line(line, ret))
			return true;
	return false;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

struct span host_container_of(struct span cgroup)
{
	struct span found = SPAN_NONE;
	for (size_t i = 0; i < cgroup.n;) {
		size_t n = 0;
		while (i + n < cgroup.n && is_hex(cgroup.p[i + n]))
			n++;
		if (n == 64)
			found = span_sub(cgroup, i, 12);
		i += n + 1;
	}
	return found;
}

/* ── One process ─────────────────────────────────────────────────────────────────────────────────────────────────── */

struct reading {
	struct host_processes *to;
	const char *proc;
	int dir;                 /* of /proc */
	struct str text;         /* scratch */
	struct map by_file;      /* "container dev ino" -> place + 1 */
	size_t list_room, files_room;
	char own_root[64];       /* mnt:[4026531840] */
	struct err *err;
};

static int no_memory(struct reading *r)
{
	return err_set(r->err, RF_ENOMEM, "no memory for the processes of this machine");
}

/* A file of /proc has no size: read until its end. 0; RF_ENOTFOUND for a process that is gone, RF_EPERM closed to us. */
static int proc_read(struct reading *r, const char *pid, const char *name, size_t most)
{
	char path[128], piece[16384];
	(void)snprintf(path, sizeof path, "%s/%s", pid, name);
	str_reset(&r->text);
	int fd = openat(r->dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES || errno == EPERM ? RF_EPERM : RF_ENOTFOUND;
	ssize_t n;
	while ((n = read(fd, piece, sizeof piece)) > 0 && r->text.n + (size_t)n <= most)
		str_add(&r->text, span_bytes(piece, (size_t)n));
	int saved = errno;
	(void)close(fd);
	if (n < 0)
		return saved == EACCES || saved == EPERM ? RF_EPERM : RF_ENOTFOUND;
	return r->text.failed == RF_ENOMEM ? RF_ENOMEM : n > 0 ? RF_ETOOBIG : 0;
}

static bool link_read(struct reading *r, const char *pid, const char *name, char *ret, size_t size)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", pid, name);
	ssize_t n = readlinkat(r->dir, path, ret, size - 1);
	ret[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

/* How this machine opens what the process has mapped: the mapping itself when the name is gone, else through its root. */
static const char *open_path(struct reading *r, const char *pid, const struct host_map *m, bool other_root)
{
	struct arena *a = &r->to->arena;
	if (m->deleted)
		return arena_printf(a, "%s/%s/map_files/%llx-%llx", r->proc, pid, (unsigned long long)m->from,
				    (unsigned long long)m->to);
	return other_root ? arena_printf(a, "%s/%s/root%.*s", r->proc, pid, SPAN_ARG(m->path)) : arena_text(a, m->path);
}

/* The place of the mapped file, made when it is met first. */
static int file_place(struct reading *r, const char *pid, const char *container, bool other_root,
		      const struct host_map *m, size_t *ret)
{
	struct host_processes *to = r->to;
	char *key = arena_printf(&to->arena, "%s %llx %llx", container, (unsigned long long)m->device,
				 (unsigned long long)m->inode);
	if (!key)
		return no_memory(r);
	void *known = map_get(&r->by_file, span_of(key));
	if (known) {
		*ret = (size_t)(uintptr_t)known - 1;
		return 0;
	}
	if (to->files_n == HOST_MAX_MAPPED)
		return err_set(r->err, RF_ETOOMANY, "more than %d different files are mapped on this machine",
			       HOST_MAX_MAPPED);
	if (to->files_n == r->files_room) {
		size_t room = r->files_room ? 2 * r->files_room : 256;
		struct host_mapped *more = rf_realloc_array(to->files, room, sizeof *more);
		if (!more)
			return no_memory(r);
		to->files = more;
		r->files_room = room;
	}
	struct host_mapped *f = &to->files[to->files_n];
	*f = (struct host_mapped){ .path = arena_text(&to->arena, m->path),
				   .container = container,
				   .open = open_path(r, pid, m, other_root),
				   .deleted = m->deleted };
	*ret = to->files_n++;
	if (!f->path || !f->open || map_set(&r->by_file, span_of(key), (void *)(uintptr_t)(*ret + 1)))
		return no_memory(r);
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return (x > y) - (x < y);
}

/* Files of r->text (maps) into the process, each once. */
static int maps_take(struct reading *r, const char *pid, bool other_root, struct host_process *p)
{
	struct span rest = str_span(&r->text);
	struct host_map m;
	size_t n = 0, room = 64;
	size_t *places = rf_alloc(room * sizeof *places);
	int rc = places ? 0 : no_memory(r);
	struct host_map last = { 0 };
	while (rc == 0 && host_map_next(&rest, &m)) {
		if (m.inode == last.inode && m.device == last.device)
			continue; /* the segments of one library follow each other */
		last = m;
		if (n == room) {
			size_t *more = rf_realloc_array(places, 2 * room, sizeof *more);
			if (!more) {
				rc = no_memory(r);
				break;
			}
			places = more;
			room *= 2;
		}
		rc = file_place(r, pid, p->container, other_root, &m, &places[n]);
		n += rc == 0;
	}
	if (rc == 0 && n)
		qsort(places, n, sizeof *places, compare_places);
	size_t unique = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (i == 0 || places[i] != places[i - 1])
			places[unique++] = places[i];
	for (size_t i = 0; rc == 0 && i < unique; i++)
		r->to->files[places[i]].users++;
	size_t *kept = rc ? NULL : arena_array(&r->to->arena, unique + 1, sizeof *kept);
	if (kept && unique)
		memcpy(kept, places, unique * sizeof *kept);
	rf_free(places);
	p->mapped = kept;
	p->mapped_n = unique;
	return rc ? rc : kept ? 0 : no_memory(r);
}

/* Arguments that name a model: "--model-repository=/models", or the one behind "--model-repository". */
static int arguments_take(struct reading *r, struct host_process *p)
{
	const char **list = arena_array(&r->to->arena, HOST_MAX_ARGUMENTS, sizeof *list);
	struct span rest = str_span(&r->text), text, before = SPAN("");
	if (!list)
		return no_memory(r);
	for (bool first = true; p->arguments_n < HOST_MAX_ARGUMENTS && span_split(&rest, '\0', &text); first = false) {
		size_t equals = span_find_byte(text, '=');
		bool option = span_starts(text, "-");
		struct span holder = option && equals != SIZE_MAX ? span_sub(text, 0, equals) : before;
		struct span value = option && equals != SIZE_MAX ? span_from(text, equals + 1) : text;
		before = option && equals == SIZE_MAX ? text : SPAN("");
		/* addresses may hold passwords, and say nothing of this machine's files */
		if (first || !kube_names_model(holder, value) || span_find(value, SPAN("://")) != SIZE_MAX ||
		    value.n >= FS_PATH_MAX || !span_is_utf8(value))
			continue;
		list[p->arguments_n] = arena_text(&r->to->arena, value);
		if (!list[p->arguments_n++])
			return no_memory(r);
	}
	p->arguments = list;
	return 0;
}

static int process_add(struct reading *r, const struct host_process *p)
{
	struct host_processes *to = r->to;
	if (to->count == HOST_MAX_PROCESSES)
		return err_set(r->err, RF_ETOOMANY, "more than %d processes", HOST_MAX_PROCESSES);
	if (to->count == r->list_room) {
		size_t room = r->list_room ? 2 * r->list_room : 256;
		struct host_process *more = rf_realloc_array(to->list, room, sizeof *more);
		if (!more)
			return no_memory(r);
		to->list = more;
		r->list_room = room;
	}
	to->list[to->count++] = *p;
	return 0;
}

/* One process into the list; one that cannot be looked into is counted, one that is gone is left out. */
static int process_take(struct reading *r, const char *pid)
{
	struct host_process p = { .exe = "", .container = "" };
	char exe[FS_PATH_MAX], root[64];
	if (!link_read(r, pid, "exe", exe, sizeof exe)) {
		r->to->closed += errno == EACCES || errno == EPERM;
		return 0; /* a thread of the kernel has none */
	}
	/* a cgroup alone makes no container: what counts is whether its paths are ours */
	bool other_root = link_read(r, pid, "ns/mnt", root, sizeof root) && strcmp(root, r->own_root) != 0;
	if (other_root) {
		struct span id = proc_read(r, pid, "cgroup", 64 * KIB) == 0 ? host_container_of(str_span(&r->text)) : SPAN_NONE;
		p.container = arena_text(&r->to->arena, id.n ? id : span_of(root));
	}
	struct span program = span_of(exe);
	if (span_ends(program, DELETED))
		program.n -= sizeof DELETED - 1;
	p.exe = arena_text(&r->to->arena, program);
	if (!p.exe || !p.container)
		return no_memory(r);
	int rc = proc_read(r, pid, "cmdline", MAX_COMMAND_BYTES);
	rc = rc == 0 ? arguments_take(r, &p) : rc == RF_ENOMEM ? no_memory(r) : 0;
	if (rc == 0)
		rc = proc_read(r, pid, "maps", HOST_MAX_MAPS_BYTES);
	if (rc == RF_EPERM || rc == RF_ETOOBIG) {
		r->to->closed++;
		return 0;
	}
	if (rc == RF_ENOTFOUND)
		return 0;
	rc = rc == 0 ? maps_take(r, pid, other_root, &p) : no_memory(r);
	return rc || !p.mapped_n ? rc : process_add(r, &p);
}

/* ── All of them ─────────────────────────────────────────────────────────────────────────────────────────────────── */

static int compare_processes(const void *a, const void *b)
{
	const struct host_process *x = a, *y = b;
	int c = strcmp(x->exe, y->exe);
	c = c ? c : strcmp(x->container, y->container);
	if (c || !x->arguments_n || !y->arguments_n)
		return c ? c : (x->arguments_n > y->arguments_n) - (x->arguments_n < y->arguments_n);
	return strcmp(x->arguments[0], y->arguments[0]);
}

int host_processes_read(const char *proc, struct host_processes *ret, struct err *err)
{
	struct host_processes to = { .arena = ARENA_INIT(ARENA_BYTES) };
	struct reading r = { .to = &to, .proc = proc, .dir = -1, .text = STR_INIT(HOST_MAX_MAPS_BYTES), .err = err };
	DIR *d = opendir(proc);
	int rc = d ? 0 : err_set_errno(err, errno, "%s cannot be listed", proc);
	if (d) {
		r.dir = dirfd(d);
		(void)link_read(&r, "self", "ns/mnt", r.own_root, sizeof r.own_root);
	}
	for (struct dirent *e; rc == 0 && d && (e = readdir(d));)
		if (span_is_digits(span_of(e->d_name)))
			rc = process_take(&r, e->d_name);
	if (d)
		(void)closedir(d);
	if (rc == 0 && to.count)
		qsort(to.list, to.count, sizeof *to.list, compare_processes);
	map_release(&r.by_file);
	str_release(&r.text);
	if (rc == 0)
		*ret = to;
	else
		host_processes_release(&to);
	return rc;
}

void host_processes_release(struct host_processes *p)
{
	rf_free(p->list);
	rf_free(p->files);
	arena_release(&p->arena);
	*p = (struct host_processes){ 0 };
}
