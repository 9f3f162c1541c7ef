/* Are judged files still what they were? See check_held.h. */
#include "cli/check_held.h"

#include "base/fs.h"

#include <errno.h>

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

int check_held_add(struct check_held *h, const struct scan_file *f, struct err *err)
{
	int rc = 0;
	if (f->outer || f->folder || !f->identity.inode)
		return 0;
	if (h->files.count >= CHECK_HELD_MAX)
		return err_set(err, RF_ETOOMANY, "more than %d files in front of one command", CHECK_HELD_MAX);
	if (strcmp(f->path, f->root) != 0 && !map_get(&h->folders, span_of(f->root)))
		rc = remember(h, &h->folders, f->root, "", 1, err);
	return rc ? rc : remember(h, &h->files, f->path, &f->identity, sizeof f->identity, err);
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

struct folder_verify {
	const struct check_held *held;
	struct err *err;
};

static int nobody_came(const struct fs_entry *e, void *data)
{
	struct folder_verify *v = data;
	if (e->kind != FS_FILE || map_get(&v->held->files, span_of(e->path)))
		return 0;
	return err_set(v->err, RF_EDENIED, "%s came after the folder was judged: check it again", e->path);
}

int check_held_verify(const struct check_held *h, struct err *err)
{
	struct span path;
	void *value;
	struct folder_verify v = { h, err };
	int rc = 0;
	for (size_t i = 0; rc == 0 && map_next(&h->files, &i, &path, &value);)
		rc = file_verify(path.p, value, err);
	for (size_t i = 0; rc == 0 && map_next(&h->folders, &i, &path, &value);)
		rc = fs_walk(path.p, nobody_came, &v, err);
	return rc;
}

void check_held_release(struct check_held *h)
{
	map_release(&h->files);
	map_release(&h->folders);
	arena_release(&h->a);
}
