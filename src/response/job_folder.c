/* Folders that workers build and prove in (job.h). */
#include "response/job.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

/* Whatever is not a later claim's, nor this one's: names are "<item>-<fence>", both growing. */
static bool is_earlier(const char *name, const struct work_item *item)
{
	int64_t id, fence;
	struct span rest = span_of(name), first;
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	if (!span_split(&rest, '-', &first) || !span_i64(first, &id) || !span_i64(rest, &fence))
		return true;
	return id != item->id ? id < item->id : fence < item->fence;
}

static int remove_earlier(const char *folder, const struct work_item *item, struct err *err)
{
	DIR *dir = opendir(folder);
	if (!dir) {
		if (errno == ENOENT)
			return 0;
		(void)err_set_errno(err, errno, "a task's folder cannot be listed");
		return err_in_file(err, folder);
	}
	int rc = 0;
	for (struct dirent *e; !rc && (e = readdir(dir)) != NULL;) {
		char path[FS_PATH_MAX];
		if (!is_earlier(e->d_name, item))
			continue;
		rc = fs_join(path, sizeof path, folder, e->d_name, err);
		if (!rc)
			rc = fs_remove_tree(path, err);
	}
	(void)closedir(dir);
	return rc;
}

int job_folder(const char *work, int64_t task, const struct work_item *item, char ret[FS_PATH_MAX], struct err *err)
{
	char folder[FS_PATH_MAX];
	int n = snprintf(folder, sizeof folder, "%s/task-%lld", work, (long long)task);
	int m = snprintf(ret, FS_PATH_MAX, "%s/task-%lld/%lld-%lld", work, (long long)task, (long long)item->id,
			 (long long)item->fence);
	if (n < 0 || m < 0 || (size_t)RF_MAX(n, m) >= sizeof folder)
		return err_set(err, RF_ETOOBIG, "the path of the folder work is too long");
	return remove_earlier(folder, item, err);
}

int job_folder_remove(const char *folder, struct err *err)
{
	char parent[FS_PATH_MAX];
	int rc = fs_remove_tree(folder, err);
	(void)snprintf(parent, sizeof parent, "%s", folder);
	char *slash = strrchr(parent, '/');
	if (!rc && slash) {
		*slash = '\0';
		(void)rmdir(parent);                    /* another claim's folder keeps it */
	}
	return rc;
}
