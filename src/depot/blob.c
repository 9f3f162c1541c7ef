/* Blobs: in by way of temporary/, under their digest by one rename. */
#include "depot_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIECE_BYTES (1 * MIB)

static const char *const FOLDERS[] = { "blobs/sha256", "releases", "channels", "temporary" };

int depot_open(const char *folder, struct depot **ret, struct err *err)
{
	RF_AUTO_PTR(depot) d = rf_alloc(sizeof *d);
	char path[FS_PATH_MAX];
	int rc = 0;

	if (!d || !(d->folder = rf_text(folder)))
		return err_set(err, RF_ENOMEM, "no memory for a depot");
	d->fd = -1;
	for (size_t i = 0; rc == 0 && i < RF_COUNT(FOLDERS); i++) {
		rc = depot_pathf(d, path, err, "%s", FOLDERS[i]);
		if (rc == 0 && !fs_is_dir(path))
			rc = fs_make_dirs(path, 0755, err);
	}
	if (rc != 0)
		return rc;
	d->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0) {
		rc = err_set_errno(err, errno, "cannot open the depot");
		(void)err_in_file(err, folder);
		return rc;
	}
	*ret = d;
	d = NULL;
	return 0;
}

void depot_free(struct depot *d)
{
	if (!d)
		return;
	depot_close(&d->fd);
	rf_free(d->folder);
	rf_free(d);
}

void depot_freep(struct depot **d)
{
	depot_free(*d);
	*d = NULL;
}

const char *depot_folder(const struct depot *d)
{
	return d->folder;
}

int depot_sync(struct depot *d, struct err *err)
{
	if (syncfs(d->fd) == 0)
		return 0;
	(void)err_set_errno(err, errno, "syncfs");
	return err_in_file(err, d->folder);
}

static int shard_path(const struct depot *d, const struct digest *digest, char ret[FS_PATH_MAX], struct err *err)
{
	return depot_pathf(d, ret, err, "blobs/sha256/%02x", digest->bytes[0]);
}

int depot_path(const struct depot *d, const struct digest *digest, char *ret, size_t size, struct err *err)
{
	char path[FS_PATH_MAX], hex[DIGEST_HEX];
	int rc = depot_pathf(d, path, err, "blobs/sha256/%02x/%s", digest->bytes[0], digest_hex(digest, hex));

	if (rc == 0 && (size_t)snprintf(ret, size, "%s", path) >= size)
		rc = err_set(err, RF_ETOOBIG, "the path of a blob is over %zu bytes", size - 1);
	return rc;
}

bool depot_has(const struct depot *d, const struct digest *digest)
{
	char path[FS_PATH_MAX];
	struct stat st;

	return depot_path(d, digest, path, sizeof path, NULL) == 0 && lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int depot_open_blob(const struct depot *d, const struct digest *digest, int *ret_fd, uint64_t *ret_bytes,
		    struct err *err)
{
	char path[FS_PATH_MAX];
	struct stat st;
	int rc = depot_path(d, digest, path, sizeof path, err);

	if (rc == 0)
		rc = fs_open_regular(path, true, ret_fd, &st, err);
	if (rc == 0 && ret_bytes)
		*ret_bytes = (uint64_t)st.st_size;
	return rc;
}

int depot_read_blob(const struct depot *d, const struct digest *digest, struct str *ret, struct err *err)
{
	RF_AUTO(str) bytes = STR_INIT(ret->limit);
	char path[FS_PATH_MAX];
	struct digest found;
	int rc = depot_path(d, digest, path, sizeof path, err);

	if (rc == 0)
		rc = fs_read(path, &bytes, err);
	if (rc != 0)
		return rc;
	digest_of(str_span(&bytes), &found);
	if (!digest_eq(&found, digest)) {
		rc = err_set(err, RF_EVERIFY, "the blob does not hash to its name");
		(void)err_in_file(err, path);
		return rc;
	}
	str_add(ret, str_span(&bytes));
	return str_check(ret, "a blob", err);
}

/* ---- putting ---- */

/* A file on its way in; what is left of it goes when the function that holds it returns. */
struct incoming {
	char path[FS_PATH_MAX];
	int fd;
};

static void incoming_release(struct incoming *in)
{
	depot_close(&in->fd);
	if (in->path[0])
		(void)unlink(in->path);
}

static int incoming_open(const struct depot *d, struct incoming *in, struct err *err)
{
	char unique[DEPOT_UNIQUE_BYTES], path[FS_PATH_MAX];
	int rc = depot_unique(unique, err);

	if (rc == 0)
		rc = depot_pathf(d, path, err, "temporary/%s", unique);
	if (rc != 0)
		return rc;
	in->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in->fd < 0) {
		rc = err_set_errno(err, errno, "cannot store a file in the depot");
		(void)err_in_file(err, path);
		return rc;
	}
	memcpy(in->path, path, sizeof path);
	return 0;
}

/* Copies and hashes in one pass over the source. */
static int take_bytes(int source, int fd, struct digest *ret, uint64_t *ret_bytes, struct err *err)
{
	__attribute__((cleanup(digest_stream_freep))) struct digest_stream *stream = digest_stream_new();
	RF_AUTO_FREE char *piece = rf_alloc(PIECE_BYTES);
	uint64_t at = 0;

	if (!stream || !piece)
		return err_set(err, RF_ENOMEM, "no memory to store a file");
	(void)posix_fadvise(source, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		size_t n = 0;
		int rc = fs_pread(source, piece, PIECE_BYTES, at, &n, err);

		if (rc == 0 && n > 0)
			rc = fs_write_all(fd, piece, n, err);
		if (rc != 0)
			return rc;
		if (n == 0)
			break;
		digest_stream_add(stream, piece, n);
		at += n;
	}
	digest_stream_end(stream, ret);
	*ret_bytes = at;
	return 0;
}

/* Where the file system shares extents (btrfs, XFS) the copy costs nothing, and what is hashed is the copy. */
static int take_file(int source, int fd, struct digest *ret, uint64_t *ret_bytes, struct err *err)
{
	if (ioctl(fd, FICLONE, source) == 0)
		return digest_fd(fd, 0, ret, ret_bytes, err);
	return take_bytes(source, fd, ret, ret_bytes, err);
}

static int make_shard(const struct depot *d, const struct digest *digest, char shard[FS_PATH_MAX], bool durable,
		      struct err *err)
{
	char parent[FS_PATH_MAX];
	int rc = shard_path(d, digest, shard, err);

	if (rc != 0)
		return rc;
	if (mkdir(shard, 0755) != 0) {
		if (errno == EEXIST)
			return 0;
		(void)err_set_errno(err, errno, "cannot make a folder in the depot");
		return err_in_file(err, shard);
	}
	rc = depot_pathf(d, parent, err, "blobs/sha256");
	return rc != 0 || !durable ? rc : depot_fsync(parent, err);
}

/* True when the blob is there and good; then made young, so that a collector at work leaves it to us. */
static bool is_there(const char *path, const struct digest *digest)
{
	struct digest found;

	return fs_exists(path) && digest_file(path, &found, NULL, NULL) == 0 && digest_eq(&found, digest) &&
	       utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Gives @in the name of @digest, unless that is there: its bytes are synced before when @durable. */
static int install(struct depot *d, struct incoming *in, const struct digest *digest, bool durable, struct err *err)
{
	char shard[FS_PATH_MAX], path[FS_PATH_MAX];
	AUTO_FD lock = -1;
	int rc = make_shard(d, digest, shard, durable, err);

	if (rc == 0)
		rc = depot_path(d, digest, path, sizeof path, err);
	if (rc == 0 && (fchmod(in->fd, 0444) != 0 || (durable && fsync(in->fd) != 0))) {
		rc = err_set_errno(err, errno, "cannot make a blob durable");
		(void)err_in_file(err, in->path);
	}
	if (rc == 0)
		rc = depot_lock_blobs(d, false, &lock, err);
	if (rc != 0)
		return rc;
	if (is_there(path, digest)) {
		/* it may be another's that is not synced yet */
		rc = durable ? depot_fsync(path, err) : 0;
	} else if (rename(in->path, path) != 0) {
		rc = err_set_errno(err, errno, "cannot give a blob its name");
		(void)err_in_file(err, path);
	} else {
		in->path[0] = '\0';
	}
	return rc != 0 || !durable ? rc : depot_fsync(shard, err);
}

static int check_expected(const struct digest *expected, const struct digest *found, struct err *err)
{
	char want[DIGEST_HEX], got[DIGEST_HEX];

	if (!expected || digest_eq(expected, found))
		return 0;
	return err_set(err, RF_EVERIFY, "the file hashes to %s, %s was expected; not stored", digest_hex(found, got),
		       digest_hex(expected, want));
}

int depot_put_file(struct depot *d, const char *path, const struct digest *expected, struct digest *ret,
		   uint64_t *ret_bytes, struct err *err)
{
	struct incoming in __attribute__((cleanup(incoming_release))) = { .fd = -1 };
	AUTO_FD source = -1;
	struct digest digest;
	uint64_t bytes = 0;
	int rc = fs_open_regular(path, false, &source, NULL, err);

	if (rc == 0)
		rc = incoming_open(d, &in, err);
	if (rc != 0)
		return rc;
	rc = take_file(source, in.fd, &digest, &bytes, err);
	if (rc == 0)
		rc = check_expected(expected, &digest, err);
	if (rc != 0) {
		(void)err_in_file(err, path);
		return rc;
	}
	rc = install(d, &in, &digest, true, err);
	if (rc != 0)
		return rc;
	*ret = digest;
	if (ret_bytes)
		*ret_bytes = bytes;
	return 0;
}

static int put_bytes(struct depot *d, struct span bytes, const struct digest *expected, bool durable,
		     struct digest *ret, struct err *err)
{
	struct incoming in __attribute__((cleanup(incoming_release))) = { .fd = -1 };
	struct digest digest;
	int rc;

	digest_of(bytes, &digest);
	rc = check_expected(expected, &digest, err);
	if (rc == 0)
		rc = incoming_open(d, &in, err);
	if (rc == 0) {
		rc = fs_write_all(in.fd, bytes.p, bytes.n, err);
		if (rc != 0)
			(void)err_in_file(err, in.path);
	}
	if (rc == 0)
		rc = install(d, &in, &digest, durable, err);
	if (rc == 0)
		*ret = digest;
	return rc;
}

int depot_put_bytes(struct depot *d, struct span bytes, const struct digest *expected, struct digest *ret,
		    struct err *err)
{
	return put_bytes(d, bytes, expected, true, ret, err);
}

int depot_put_bytes_unsynced(struct depot *d, struct span bytes, struct digest *ret, struct err *err)
{
	return put_bytes(d, bytes, NULL, false, ret, err);
}
