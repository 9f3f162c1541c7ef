/* Are judged files still what they were? See check_held.h. */
#include "cli/check_held.h"

#include "base/fs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* What has no content that was judged. */
struct unread {
	mode_t type; /* of itself: S_IFLNK, S_IFIFO...; 0: gone by then */
	bool folder; /* reported as a folder: a link that leads to one, or one that cannot be read */
	const char *target; /* of a link; "" */
};

static int no_memory(struct err *err)
{
	return err_set(err, RF_ENOMEM, "no memory to remember the files that were judged");
}

static int remember(struct check_held *h, struct map *m, const char *path, const void *what, size_t bytes, struct err *err)
{
	struct span key = arena_span(&h->a, span_of(path));
	void *value = arena_alloc(&h->a, bytes);
	if (!key.p || !value)
		return no_memory(err);
	memcpy(value, what, bytes);
	return map_set(m, key, value) == 0 ? 0 : no_memory(err);
}

/* The text of the link at @path; "" when it is none. */
static const char *target_of(const char *path, char text[FS_PATH_MAX])
{
	ssize_t n = readlink(path, text, FS_PATH_MAX - 1);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static int unread_remember(struct check_held *h, const struct scan_file *f, struct err *err)
{
	char text[FS_PATH_MAX];
	struct stat st;
	struct unread u = { .type = lstat(f->path, &st) == 0 ? st.st_mode & S_IFMT : 0, .folder = f->folder };
	/* a file that was not met as one has come; so have the members of a set, each of which is held */
	if (map_get(&h->files, span_of(f->path)) || (u.type == S_IFREG && !f->error))
		return 0;
	u.target = arena_text(&h->a, span_of(target_of(f->path, text)));
	return u.target ? remember(h, &h->unread, f->path, &u, sizeof u, err) : no_memory(err);
}

int check_held_add(struct check_held *h, const struct scan_file *f, struct err *err)
{
	int rc = 0;
	if (f->outer)
		return 0;
	if (h->files.count + h->unread.count >= CHECK_HELD_MAX)
		return err_set(err, RF_ETOOMANY, "more than %d files in front of one command", CHECK_HELD_MAX);
	if (strcmp(f->path, f->root) != 0 && !map_get(&h->folders, span_of(f->root)))
		rc = remember(h, &h->folders, f->root, "", 1, err);
	if (rc == 0)
		rc = f->identity.inode ? remember(h, &h->files, f->path, &f->identity, sizeof f->identity, err)
				       : unread_remember(h, f, err);
	return rc;
}

static int file_verify(const char *path, const struct scan_identity *id, struct err *err)
{
	struct stat st;
	struct scan_identity now;
	if (stat(path, &st) != 0)
		return errno == ENOENT ? err_set(err, RF_EDENIED, "%s went away after it was judged", path) :
					 err_set_errno(err, errno, "%s", path);
	scan_identity_of(&st, &now);
	return memcmp(&now, id, sizeof now) == 0 ? 0 : err_set(err, RF_EDENIED, "%s was changed after it was judged: check it again", path);
}

/* Neither is it something else now, nor does a link that led to nothing lead to something. */
static int unread_verify(const char *path, const struct unread *u, struct err *err)
{
	char text[FS_PATH_MAX];
	struct stat st;
	bool same = u->type == (lstat(path, &st) == 0 ? st.st_mode & S_IFMT : 0) && strcmp(target_of(path, text), u->target) == 0;
	if (same && u->type == S_IFLNK && stat(path, &st) == 0)
		same = u->folder ? S_ISDIR(st.st_mode) : !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode);
	return same ? 0 : err_set(err, RF_EDENIED, "%s was changed after it was judged: check it again", path);
}

struct folder_verify {
	const struct check_held *held;
	struct err *err;
	char real_root[PATH_MAX]; /* "" when it is no folder any more */
};

static int nobody_came(const struct fs_entry *e, void *data)
{
	struct folder_verify *v = data;
	struct stat st;
	struct span path = span_of(e->path);
	if (map_get(&v->held->files, path) || map_get(&v->held->unread, path))
		return 0;
	if (e->kind == FS_LINK && stat(e->path, &st) == 0 && S_ISDIR(st.st_mode) && fs_leads_below(v->real_root, e->path))
		return 0;
	return err_set(v->err, RF_EDENIED, "%s came after the folder was judged: check it again", e->path);
}

static int folder_verify(const struct check_held *h, const char *path, struct err *err)
{
	struct folder_verify v = { .held = h, .err = err };
	if (!fs_is_dir(path) || !realpath(path, v.real_root))
		v.real_root[0] = '\0';
	return fs_walk(path, nobody_came, &v, err);
}

int check_held_verify(const struct check_held *h, struct err *err)
{
	struct span path;
	void *value;
	int rc = 0;
	for (size_t i = 0; rc == 0 && map_next(&h->files, &i, &path, &value);)
		rc = file_verify(path.p, value, err);
	for (size_t i = 0; rc == 0 && map_next(&h->unread, &i, &path, &value);)
		rc = unread_verify(path.p, value, err);
	for (size_t i = 0; rc == 0 && map_next(&h->folders, &i, &path, &value);)
		rc = folder_verify(h, path.p, err);
	return rc;
}

void check_held_release(struct check_held *h)
{
	map_release(&h->files);
	map_release(&h->unread);
	map_release(&h->folders);
	arena_release(&h->a);
}
