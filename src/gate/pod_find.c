/* pod_find - which files a pod's front looks at. See pod.h */
#include "gate/pod_int.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

struct finding_walk {
	struct pod_found *f;
	struct err *err;
	const char *root; /* of an image, whose shared libraries alone are looked for; NULL: a folder of engines */
	char real_root[PATH_MAX]; /* "" when it is no folder */
	char done[FS_PATH_MAX];       /* of a link below a root: the way that was gone, no links in it */
	char rest[2 * FS_PATH_MAX];   /* what is still to go */
	char target[FS_PATH_MAX];
};

void pod_found_release(struct pod_found *f)
{
	struct span key;
	void *value;
	for (size_t i = 0; map_next(&f->releases, &i, &key, &value);)
		map_release(&((struct pod_release *)value)->rows);
	map_release(&f->releases);
	rf_free(f->files);
	f->files = NULL;
}

static int file_add(struct finding_walk *w, const char *path, const char *unread)
{
	struct pod_found *f = w->f;
	if (f->count == GATE_POD_MAX_FILES)
		return err_set(w->err, RF_ETOOMANY, "more than %d files to look at", GATE_POD_MAX_FILES);
	if (f->count == f->room) {
		size_t room = f->room ? f->room * 2 : 64;
		struct pod_file *files = rf_realloc_array(f->files, room, sizeof *files);
		if (!files)
			return err_set(w->err, RF_ENOMEM, "no memory for a list of files");
		f->files = files;
		f->room = room;
	}
	struct pod_file file = { .path = arena_text(f->arena, span_of(path)), .is_library = w->root != NULL };
	file.unread = unread ? arena_text(f->arena, span_of(unread)) : NULL;
	if (!file.path || (unread && !file.unread))
		return err_set(w->err, RF_ENOMEM, "no memory for a list of files");
	f->files[f->count++] = file;
	return 0;
}

/* "libX.so", "libX.so.1.2", "x.cpython-310.so" */
static bool is_library_name(struct span name)
{
	size_t at = span_find(name, SPAN(".so"));
	while (at != SIZE_MAX && at + 3 < name.n && name.p[at + 3] != '.') {
		size_t more = span_find(span_from(name, at + 3), SPAN(".so"));
		at = more == SIZE_MAX ? SIZE_MAX : at + 3 + more;
	}
	return at != SIZE_MAX;
}

/* Below a folder of engines, where it is met as an engine. */
static bool is_below_engines(const struct pod_found *f, const char *path)
{
	for (size_t i = 0; i < f->o->engine_count; i++) {
		struct span engines = span_of(f->o->engines[i]);
		while (engines.n > 1 && engines.p[engines.n - 1] == '/')
			engines.n--;
		if (strncmp(path, engines.p, engines.n) == 0 && (path[engines.n] == '/' || path[engines.n] == '\0'))
			return true;
	}
	return false;
}

#define MAX_LINKS 40

/* Puts the text of the link at w->done in front of *@pos. 1: it is a link; 0: none; -1: it leads nowhere. */
static int link_follow(struct finding_walk *w, char **pos)
{
	ssize_t n = readlink(w->done, w->target, sizeof w->target - 1);
	size_t more = strlen(*pos);
	if (n < 0)
		return errno == EINVAL ? 0 : -1;
	if (n == 0 || (size_t)n == sizeof w->target - 1 || (size_t)n + 1 + more + 1 > sizeof w->rest)
		return -1;
	memmove(w->rest + n + 1, *pos, more + 1);
	memcpy(w->rest, w->target, (size_t)n);
	w->rest[n] = '/';
	*pos = w->rest;
	return 1;
}

/* Where @path below the root ends for a program that has it as "/", into w->done. False: nowhere. */
static bool resolve_in_root(struct finding_walk *w, const char *path)
{
	size_t base = strlen(w->root), n;
	unsigned links = 0;
	while (base > 0 && w->root[base - 1] == '/')
		base--;
	if (base >= sizeof w->done || strlen(path) >= sizeof w->rest)
		return false;
	memcpy(w->done, w->root, n = base);
	memcpy(w->rest, path, strlen(path) + 1);
	for (char *pos = w->rest; *(pos += strspn(pos, "/"));) {
		size_t part = strcspn(pos, "/"), before = n;
		bool up = part == 2 && memcmp(pos, "..", 2) == 0;
		if (n + 1 + part >= sizeof w->done)
			return false;
		if (up)
			while (n > base && w->done[--n] != '/')
				;
		else if (part != 1 || pos[0] != '.') {
			w->done[n++] = '/';
			memcpy(w->done + n, pos, part);
			n += part;
		}
		w->done[n] = '\0';
		pos += part;
		int is_link = n > before ? link_follow(w, &pos) : 0;
		if (is_link < 0 || (is_link && ++links > MAX_LINKS))
			return false;
		if (is_link)
			n = w->target[0] == '/' ? base : before;
	}
	w->done[n] = '\0';
	return true;
}

/* The loader asks for the link's name: what it leads to is met there only when it has a library's name itself. Read by the
 * link's name where that leads to the same file. */
static int on_library_link(struct finding_walk *w, const struct fs_entry *e)
{
	struct stat st, own;
	if (!resolve_in_root(w, e->path + strlen(w->root)) || lstat(w->done, &st) != 0 || !S_ISREG(st.st_mode) ||
	    is_library_name(span_of(strrchr(w->done, '/') + 1)))
		return 0;
	bool same = stat(e->path, &own) == 0 && own.st_dev == st.st_dev && own.st_ino == st.st_ino;
	return file_add(w, same ? e->path : w->done, NULL);
}

static int on_link(struct finding_walk *w, const struct fs_entry *e)
{
	struct stat st;
	bool engine = artifact_named_like_engine(span_of(e->name));
	if (w->root)
		return on_library_link(w, e);
	if (stat(e->path, &st) != 0)
		return engine ? file_add(w, e->path, errno == ENOENT ? "a symbolic link to something that is not there" :
								      "a symbolic link that cannot be followed") : 0;
	/* what it leads to below the same folder is met there, but by its own name: the link's is what is loaded */
	if (S_ISREG(st.st_mode))
		return engine || !fs_leads_below(w->real_root, e->path) ? file_add(w, e->path, NULL) : 0;
	if (S_ISDIR(st.st_mode))
		return fs_leads_below(w->real_root, e->path)
			       ? 0
			       : file_add(w, e->path, "a symbolic link to a folder elsewhere: not followed; name that folder to look at it");
	return engine ? file_add(w, e->path, "a symbolic link to something that is no regular file: not opened") : 0;
}

static int on_entry(const struct fs_entry *e, void *data)
{
	struct finding_walk *w = data;
	struct span name = span_of(e->name);
	if (e->kind == FS_UNREADABLE && w->root) {
		w->f->unread_folders++;
		return 0;
	}
	if (w->root && (!is_library_name(name) || is_below_engines(w->f, e->path)))
		return 0;
	switch (e->kind) {
	case FS_FILE:
		return file_add(w, e->path, NULL);
	case FS_LINK:
		return on_link(w, e);
	case FS_UNREADABLE:
		return file_add(w, e->path, e->error_text ? e->error_text : "cannot be read");
	default:
		/* asked for by name: not to have looked is no pass */
		if (w->root || (e->dir_fd >= 0 && !artifact_named_like_engine(name)))
			return 0;
		return file_add(w, e->path, "no regular file (FIFO, socket or device): not opened");
	}
}

static int walk_begin(struct finding_walk *w, const char *path)
{
	w->real_root[0] = '\0';
	if (fs_is_dir(path) && !realpath(path, w->real_root))
		w->real_root[0] = '\0';
	return fs_walk(path, on_entry, w, w->err);
}

/* Of a root's own entries: "/" holds the kernel's file systems too, which hold no libraries and never end. */
static bool is_of_kernel(const char *name)
{
	return strcmp(name, "proc") == 0 || strcmp(name, "sys") == 0 || strcmp(name, "dev") == 0;
}

static int entry_walk(struct finding_walk *w, const char *root, const char *name)
{
	char path[FS_PATH_MAX];
	struct stat st;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_of_kernel(name))
		return 0;
	int rc = fs_join(path, sizeof path, root, name, w->err);
	/* "lib" leads to "usr/lib", which is met there; what is gone meanwhile holds nothing */
	return rc || lstat(path, &st) != 0 || S_ISLNK(st.st_mode) ? rc : fs_walk(path, on_entry, w, w->err);
}

static int root_walk(struct finding_walk *w, const char *root)
{
	struct dirent **entries = NULL; /* the C library's heap: scandir(3) */
	int n = scandir(root, &entries, NULL, alphasort), rc = 0;
	if (n < 0)
		return err_set_errno(w->err, errno, "cannot look at the root %s", root);
	w->root = root;
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = entry_walk(w, root, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return rc;
}

int pod_find(struct pod_found *f, struct err *err)
{
	struct finding_walk *w = rf_alloc(sizeof *w);
	if (!w)
		return err_set(err, RF_ENOMEM, "no memory to look at a pod");
	w->f = f;
	w->err = err;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < f->o->engine_count; i++)
		rc = walk_begin(w, f->o->engines[i]);
	f->engines = f->count;
	for (size_t i = 0; rc == 0 && i < f->o->root_count; i++)
		rc = root_walk(w, f->o->roots[i]);
	rf_free(w);
	return rc;
}
