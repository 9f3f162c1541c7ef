/* fs - see fs.h */
#include "base/fs.h"

#include "base/arena.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#define WALK_MAX_DEPTH 128

static int fail(struct err *err, int saved_errno, const char *what, const char *path)
{
	err_set_errno(err, saved_errno, "%s", what);
	if (err)
		return err_in_file(err, path);
	return err_set_errno(NULL, saved_errno, "%s", what);
}

/* close() in an error path must not lose the errno that is being reported */
static void close_keeping_errno(int fd)
{
	int saved = errno;
	close(fd);
	errno = saved;
}

int fs_open_regular(const char *path, bool nofollow, int *ret_fd, struct stat *ret_stat, struct err *err)
{
	struct stat st;
	/* O_NONBLOCK: opening a FIFO without a writer would wait for ever */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (nofollow ? O_NOFOLLOW : 0));
	if (fd < 0)
		return fail(err, errno, "cannot open", path);
	if (fstat(fd, &st) != 0) {
		close_keeping_errno(fd);
		return fail(err, errno, "cannot stat", path);
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		(void)err_set(err, RF_EINVALID, "not a regular file (%s)",
		              S_ISDIR(st.st_mode) ? "a folder" : S_ISFIFO(st.st_mode) ? "a FIFO" : "a device or socket");
		if (err)
			(void)err_in_file(err, path);
		return RF_EINVALID;
	}
	if (ret_stat)
		*ret_stat = st;
	*ret_fd = fd;
	return 0;
}

int fs_pread(int fd, void *buffer, size_t n, uint64_t offset, size_t *ret_n, struct err *err)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = pread(fd, (char *)buffer + done, n - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, errno, "cannot read at offset %llu", (unsigned long long)(offset + done));
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret_n = done;
	return 0;
}

bool fs_head(const char *path, void *buffer, size_t n, size_t *ret_n)
{
	int fd = -1;
	struct err ignored = ERR_INIT;
	if (fs_open_regular(path, false, &fd, NULL, &ignored))
		return false;
	int rc = fs_pread(fd, buffer, n, 0, ret_n, &ignored);
	(void)close(fd);
	return rc == 0;
}

int fs_write_all(int fd, const void *bytes, size_t n, struct err *err)
{
	for (size_t done = 0; done < n;) {
		ssize_t put = write(fd, (const char *)bytes + done, n - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_set_errno(err, errno, "cannot write");
		done += (size_t)put;
	}
	return 0;
}

int fs_read(const char *path, struct str *ret, struct err *err)
{
	int fd;
	struct stat st;
	int rc = fs_open_regular(path, false, &fd, &st, err);
	if (rc != 0)
		return rc;
	if (st.st_size > 0 && (uint64_t)st.st_size > ret->limit) {
		close(fd);
		(void)err_set(err, RF_ETOOBIG, "%lld bytes, more than the limit of %zu", (long long)st.st_size, ret->limit);
		if (err)
			(void)err_in_file(err, path);
		return RF_ETOOBIG;
	}
	char buffer[64 * 1024];
	for (;;) {
		ssize_t got = read(fd, buffer, sizeof buffer);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			close_keeping_errno(fd);
			return fail(err, errno, "cannot read", path);
		}
		if (got == 0)
			break;
		str_add(ret, (struct span){ buffer, (size_t)got });
	}
	close(fd);
	rc = str_check(ret, "file", err);
	if (rc != 0 && err)
		(void)err_in_file(err, path);
	return rc;
}

static int parent_of(const char *path, char parent[FS_PATH_MAX], struct err *err)
{
	size_t n = strlen(path);
	if (n >= FS_PATH_MAX)
		return err_set(err, RF_ETOOBIG, "a path of %zu bytes, more than %d", n, FS_PATH_MAX - 1);
	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n == 0) {
		parent[0] = '.';
		parent[1] = '\0';
		return 0;
	}
	memcpy(parent, path, n);
	parent[n] = '\0';
	return 0;
}

int fs_sync_dir(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(err, errno, "cannot open folder", path);
	int rc = fsync(fd) == 0 || errno == EINVAL ? 0 : fail(err, errno, "cannot sync folder", path);
	close(fd);
	return rc;
}

/* A synced temporary file beside @path; its name in @temporary. */
static int write_beside(const char *path, struct span bytes, mode_t mode, char temporary[FS_PATH_MAX], struct err *err)
{
	uint64_t salt;
	int rc = random_bytes(&salt, sizeof salt, err);
	if (rc != 0)
		return rc;
	int n = snprintf(temporary, FS_PATH_MAX, "%s.tmp-%016llx", path, (unsigned long long)salt);
	if (n < 0 || n >= FS_PATH_MAX)
		return err_set(err, RF_ETOOBIG, "path too long");
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return fail(err, errno, "cannot create a file in the folder", path);
	rc = fs_write_all(fd, bytes.p, bytes.n, err);
	/* the umask does not decide who may read a key or a report */
	if (rc == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		rc = err_set_errno(err, errno, "cannot write");
	if (close(fd) != 0 && rc == 0)
		rc = err_set_errno(err, errno, "cannot write");
	if (rc != 0) {
		unlink(temporary);
		if (err)
			(void)err_in_file(err, path);
	}
	return rc;
}

static int write_file(const char *path, struct span bytes, mode_t mode, bool replace, struct err *err)
{
	char temporary[FS_PATH_MAX], parent[FS_PATH_MAX];
	int rc = parent_of(path, parent, err);
	if (rc == 0)
		rc = write_beside(path, bytes, mode, temporary, err);
	if (rc != 0)
		return rc;
	/* link() never replaces, rename() always does */
	if ((replace ? rename(temporary, path) : link(temporary, path)) != 0)
		rc = fail(err, errno, "cannot put the file in place", path);
	if (rc != 0 || !replace)
		unlink(temporary);
	return rc != 0 ? rc : fs_sync_dir(parent, err);
}

int fs_write_atomic(const char *path, struct span bytes, mode_t mode, struct err *err)
{
	return write_file(path, bytes, mode, true, err);
}

int fs_write_new(const char *path, struct span bytes, mode_t mode, struct err *err)
{
	return write_file(path, bytes, mode, false, err);
}

int fs_make_dirs(const char *path, mode_t mode, struct err *err)
{
	char part[FS_PATH_MAX];
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof part)
		return err_set(err, RF_ETOOBIG, "a path of %zu bytes", n);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		char kept = part[i];
		part[i] = '\0';
		if (mkdir(part, mode) != 0 && errno != EEXIST)
			return fail(err, errno, "cannot make the folder", part);
		part[i] = kept;
	}
	struct stat st;
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return fail(err, ENOTDIR, "there, but no folder", path);
	return 0;
}

static int remove_at(int dir_fd, const char *name, unsigned depth, struct err *err)
{
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return fail(err, errno, "cannot remove", name);
	if (depth > WALK_MAX_DEPTH)
		return err_set(err, RF_ETOOMANY, "folders nested deeper than %d", WALK_MAX_DEPTH);
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(err, errno, "cannot remove", name);
	DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_set(err, RF_ENOMEM, "out of memory");
	}
	int rc = 0;
	for (struct dirent *e; rc == 0 && (e = readdir(dir));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = remove_at(fd, e->d_name, depth + 1, err);
	closedir(dir);
	if (rc == 0 && unlinkat(dir_fd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		rc = fail(err, errno, "cannot remove", name);
	return rc;
}

int fs_remove_tree(const char *path, struct err *err)
{
	return remove_at(AT_FDCWD, path, 0, err);
}

bool fs_exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

bool fs_is_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int fs_join(char *buffer, size_t size, const char *folder, const char *name, struct err *err)
{
	int n = name[0] == '/' ? snprintf(buffer, size, "%s", name)
	                       : snprintf(buffer, size, "%s%s%s", folder, folder[0] && folder[strlen(folder) - 1] == '/' ? "" : "/", name);
	if (n < 0 || (size_t)n >= size)
		return err_set(err, RF_ETOOBIG, "a path longer than %zu bytes", size - 1);
	return 0;
}

int fs_temporary_dir(const char *prefix, char *ret_path, size_t size, struct err *err)
{
	const char *base = getenv("TMPDIR");
	int n = snprintf(ret_path, size, "%s/%s.XXXXXX", base && base[0] ? base : "/tmp", prefix);
	if (n < 0 || (size_t)n >= size)
		return err_set(err, RF_ETOOBIG, "TMPDIR is too long");
	if (!mkdtemp(ret_path))
		return fail(err, errno, "cannot make a temporary folder", ret_path);
	return 0;
}

bool fs_leads_below(const char *real_root, const char *path)
{
	char real[PATH_MAX];
	size_t n = strlen(real_root);
	if (n == 0 || !realpath(path, real))
		return false;
	return strncmp(real, real_root, n) == 0 && (real[n] == '/' || real[n] == '\0' || real_root[n - 1] == '/');
}

bool fs_is_plain_relative(struct span path)
{
	struct span rest = path, part;
	if (path.n == 0 || path.n >= FS_PATH_MAX)
		return false;
	for (size_t i = 0; i < path.n; i++)
		if ((unsigned char)path.p[i] < 0x20 || path.p[i] == 0x7f)
			return false;
	while (span_split(&rest, '/', &part))
		if (part.n == 0 || span_eq_text(part, ".") || span_eq_text(part, ".."))
			return false;
	return true;
}

struct walk {
	int (*visit)(const struct fs_entry *, void *);
	void *data;
	struct err *err;
	dev_t device; /* of the folder at hand */
	char path[FS_PATH_MAX];
};

/* linux/magic.h */
static const struct {
	unsigned long type;
	const char *name;
} pseudo[] = {
	{ 0x9fa0, "proc" },	    { 0x62656572, "sysfs" },	{ 0x27e0eb, "cgroup" },	    { 0x63677270, "cgroup2" },
	{ 0x64626720, "debugfs" },  { 0x74726163, "tracefs" },	{ 0x73636673, "securityfs" }, { 0x62656570, "configfs" },
	{ 0xcafe4a11, "bpf" },	    { 0x6165676c, "pstore" },	{ 0x65735543, "fusectl" },  { 0xde5e81e4, "efivarfs" },
	{ 0x1cd1, "devpts" },	    { 0x42494e4d, "binfmt_misc" }, { 0x19800202, "mqueue" }, { 0xf97cff8c, "selinuxfs" },
};

/* The kernel's own file system that the open folder lies in; NULL: none. */
static const char *pseudo_of(int fd)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) != 0)
		return NULL;
	for (size_t i = 0; i < RF_COUNT(pseudo); i++)
		if (((unsigned long)fs.f_type & 0xffffffffUL) == pseudo[i].type)
			return pseudo[i].name;
	return NULL;
}

struct names {
	char **list;
	size_t count, capacity;
};

static void names_free(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		rf_free(n->list[i]);
	rf_free(n->list);
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;
	/* the type stands in front of the name */
	return strcmp(*x + 1, *y + 1);
}

/* 0, RF_ENOMEM, or RF_EIO with errno set: half a folder is not a folder. */
static int names_read(DIR *dir, struct names *names)
{
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(dir);
		if (!e && errno != 0)
			return RF_EIO;
		if (!e)
			break;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (names->count == names->capacity) {
			size_t capacity = names->capacity ? names->capacity * 2 : 64;
			char **list = rf_realloc_array(names->list, capacity, sizeof *list);
			if (!list)
				return RF_ENOMEM;
			names->list = list;
			names->capacity = capacity;
		}
		size_t n = strlen(e->d_name);
		char *copy = rf_alloc(n + 2);
		if (!copy)
			return RF_ENOMEM;
		copy[0] = (char)e->d_type;
		memcpy(copy + 1, e->d_name, n + 1);
		names->list[names->count++] = copy;
	}
	if (names->count > 0)   /* qsort may not be given NULL, an empty folder's list */
		qsort(names->list, names->count, sizeof *names->list, by_name);
	return 0;
}

static enum fs_entry_kind kind_of(unsigned char type, int dir_fd, const char *name)
{
	if (type == DT_UNKNOWN) {
		struct stat st;
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return FS_UNREADABLE;
		return S_ISREG(st.st_mode) ? FS_FILE : S_ISDIR(st.st_mode) ? FS_DIR : S_ISLNK(st.st_mode) ? FS_LINK : FS_OTHER;
	}
	return type == DT_REG ? FS_FILE : type == DT_DIR ? FS_DIR : type == DT_LNK ? FS_LINK : FS_OTHER;
}

static int unreadable(struct walk *w, int dir_fd, const char *name, unsigned depth, const char *why)
{
	struct fs_entry entry = { .path = w->path, .name = name, .dir_fd = dir_fd, .kind = FS_UNREADABLE, .error_text = why, .depth = depth };
	return w->visit(&entry, w->data);
}

static int walk_dir(struct walk *w, int parent_fd, const char *name, size_t length, unsigned depth);

static int walk_names(struct walk *w, int fd, const struct names *names, size_t length, unsigned depth)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->list[i] + 1;
		size_t n = strlen(name), slash = length > 0 && w->path[length - 1] == '/' ? 0 : 1;
		if (length + slash + n >= FS_PATH_MAX) {
			int rc = unreadable(w, fd, name, depth, "path longer than 4,095 bytes");
			if (rc != 0)
				return rc;
			continue;
		}
		if (slash)
			w->path[length] = '/';
		memcpy(w->path + length + slash, name, n + 1);
		enum fs_entry_kind kind = kind_of((unsigned char)names->list[i][0], fd, name);
		const char *last = w->path + length + slash;
		int rc;
		if (kind == FS_DIR) {
			rc = walk_dir(w, fd, last, length + slash + n, depth);
		} else {
			struct fs_entry entry = { .path = w->path, .name = last, .dir_fd = fd, .kind = kind, .depth = depth };
			if (kind == FS_UNREADABLE)
				entry.error_text = "cannot stat";
			rc = w->visit(&entry, w->data);
		}
		w->path[length] = '\0';
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* A folder of another device may be one of the kernel's file systems: 1, with the entry visited; 0 it is none. */
static int device_look(struct walk *w, int fd, int parent_fd, const char *name, unsigned depth, int *ret_rc)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || (depth && st.st_dev == w->device))
		return 0;
	w->device = st.st_dev;
	const char *which = pseudo_of(fd);
	struct fs_entry entry = { .path = w->path, .name = name, .dir_fd = depth ? parent_fd : -1, .kind = FS_PSEUDO,
				  .error_text = which, .depth = depth };
	*ret_rc = which ? w->visit(&entry, w->data) : 0;
	return which != NULL;
}

static int walk_dir(struct walk *w, int parent_fd, const char *name, size_t length, unsigned depth)
{
	if (depth >= WALK_MAX_DEPTH)
		return unreadable(w, parent_fd, name, depth, "folders nested deeper than 128");
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		char words[128];
		const char *why = strerror_r(errno, words, sizeof words);
		if (fd >= 0)
			close(fd);
		return unreadable(w, parent_fd, name, depth, why);
	}
	struct names names = { 0 };
	const dev_t device = w->device;
	int rc = 0;
	if (device_look(w, fd, parent_fd, name, depth, &rc)) {
		closedir(dir);
		w->device = device;
		return rc;
	}
	rc = names_read(dir, &names);
	if (rc == RF_EIO) {
		char words[128];
		rc = unreadable(w, parent_fd, name, depth, strerror_r(errno, words, sizeof words));
	} else if (rc == 0)
		rc = walk_names(w, fd, &names, length, depth + 1);
	else
		(void)err_set(w->err, rc, "out of memory");
	names_free(&names);
	closedir(dir);
	w->device = device;
	return rc;
}

int fs_walk(const char *root, int (*visit)(const struct fs_entry *, void *), void *data, struct err *err)
{
	struct walk w = { .visit = visit, .data = data, .err = err };
	size_t n = strlen(root);
	struct stat st;
	if (n == 0 || n >= sizeof w.path)
		return err_set(err, RF_EINVALID, "an empty or overlong path");
	if (stat(root, &st) != 0)
		return fail(err, errno, "cannot scan", root);
	memcpy(w.path, root, n + 1);
	if (S_ISDIR(st.st_mode))
		return walk_dir(&w, AT_FDCWD, root, n, 0);
	const char *slash = strrchr(w.path, '/');
	struct fs_entry entry = { .path = w.path, .name = slash ? slash + 1 : w.path, .dir_fd = -1,
		                  .kind = S_ISREG(st.st_mode) ? FS_FILE : FS_OTHER };
	return visit(&entry, data);
}
