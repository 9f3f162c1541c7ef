/* Paths, locks and durable steps under the depot's folder. */
#include "depot_int.h"

#include "base/random.h"
#include "base/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The longest a publisher or a collector holds a lock is a release of 100,000 engines, some ten seconds. */
#define LOCK_WAIT_USEC (60 * USEC_PER_SEC)
#define LOCK_POLL_USEC 10000
#define COPY_PIECE_BYTES (1 * MIB)

void depot_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int depot_pathf(const struct depot *d, char ret[FS_PATH_MAX], struct err *err, const char *format, ...)
{
	int n = snprintf(ret, FS_PATH_MAX, "%s/", d->folder), m = 0;
	va_list args;

	if (n > 0 && n < FS_PATH_MAX) {
		va_start(args, format);
		m = vsnprintf(ret + n, (size_t)(FS_PATH_MAX - n), format, args);
		va_end(args);
	}
	if (n < 0 || m < 0 || n + m >= FS_PATH_MAX) {
		(void)err_set(err, RF_ETOOBIG, "a path in the depot is over %d bytes", FS_PATH_MAX - 1);
		(void)err_in_file(err, d->folder);
		return RF_ETOOBIG;
	}
	return 0;
}

int depot_lock(const char *path, bool exclusive, int *ret_fd, struct err *err)
{
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	mono_t until = mono_usec() + LOCK_WAIT_USEC;
	int rc = 0;

	if (fd < 0)
		rc = err_set_errno(err, errno, "cannot open the lock");
	while (rc == 0 && flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			rc = err_set_errno(err, errno, "cannot lock");
		else if (thread_stop_wanted())
			rc = err_set(err, RF_ECANCELLED, "asked to stop while another process held the lock");
		else if (mono_usec() >= until)
			rc = err_set(err, RF_EBUSY, "another process has held this lock for a minute");
		else
			(void)usleep(LOCK_POLL_USEC);
	}
	if (rc != 0) {
		(void)err_in_file(err, path);
		return rc;
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int depot_lock_blobs(const struct depot *d, bool exclusive, int *ret_fd, struct err *err)
{
	char path[FS_PATH_MAX];
	int rc = depot_pathf(d, path, err, "blobs/.lock");

	return rc != 0 ? rc : depot_lock(path, exclusive, ret_fd, err);
}

int depot_fsync(const char *path, struct err *err)
{
	AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = 0;

	if (fd < 0)
		rc = err_set_errno(err, errno, "cannot open to make it durable");
	else if (fsync(fd) != 0)
		rc = err_set_errno(err, errno, "fsync");
	if (rc != 0)
		(void)err_in_file(err, path);
	return rc;
}

int depot_unique(char ret[DEPOT_UNIQUE_BYTES], struct err *err)
{
	unsigned char bytes[(DEPOT_UNIQUE_BYTES - 1) / 2];
	int rc = random_bytes(bytes, sizeof bytes, err);

	if (rc == 0)
		hex_write(bytes, sizeof bytes, ret);
	return rc;
}

static int copy_bytes(int in, int out, struct err *err)
{
	RF_AUTO_FREE char *piece = rf_alloc(COPY_PIECE_BYTES);
	uint64_t at = 0;

	if (!piece)
		return err_set(err, RF_ENOMEM, "no memory to copy a file");
	for (;;) {
		size_t n = 0;
		int rc = fs_pread(in, piece, COPY_PIECE_BYTES, at, &n, err);

		if (rc == 0 && n > 0)
			rc = fs_write_all(out, piece, n, err);
		if (rc != 0 || n == 0)
			return rc;
		at += n;
	}
}

int depot_copy(const char *from, const char *to, struct err *err)
{
	AUTO_FD in = -1;
	int rc = fs_open_regular(from, true, &in, NULL, err);

	if (rc != 0)
		return rc;
	AUTO_FD out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		rc = err_set_errno(err, errno, "cannot make a file");
	else if (ioctl(out, FICLONE, in) != 0)
		rc = copy_bytes(in, out, err);
	if (rc == 0 && fchmod(out, 0444) != 0)
		rc = err_set_errno(err, errno, "chmod 0444");
	if (rc != 0)
		(void)err_in_file(err, to);
	return rc;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_name(struct arena *a, const char *name, const char ***names, size_t *n, size_t *room, struct err *err)
{
	if (*n == *room) {
		size_t larger = *room ? 2 * *room : 64;
		const char **grown = arena_array(a, larger, sizeof(*grown));

		if (!grown)
			return err_set(err, RF_ENOMEM, "a folder of the depot holds too many names");
		if (*n > 0)
			memcpy(grown, *names, *n * sizeof(*grown));
		*names = grown;
		*room = larger;
	}
	(*names)[*n] = arena_text(a, span_of(name));
	if (!(*names)[*n])
		return err_set(err, RF_ENOMEM, "a folder of the depot holds too many names");
	(*n)++;
	return 0;
}

int depot_names(const char *folder, struct arena *a, const char ***ret, size_t *ret_n, struct err *err)
{
	DIR *dir = opendir(folder);
	const char **names = NULL;
	size_t n = 0, room = 0;
	int rc = 0;

	if (!dir) {
		rc = err_set_errno(err, errno, "cannot read the folder");
		(void)err_in_file(err, folder);
		return rc;
	}
	errno = 0;
	for (struct dirent *e; rc == 0 && (e = readdir(dir)) != NULL;)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = add_name(a, e->d_name, &names, &n, &room, err);
	if (rc == 0 && errno != 0)
		rc = err_set_errno(err, errno, "cannot read the folder");
	(void)closedir(dir);
	if (rc != 0) {
		(void)err_in_file(err, folder);
		return rc;
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	*ret = names;
	*ret_n = n;
	return 0;
}
