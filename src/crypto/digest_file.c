/* Digests of files: pieces of 1 MiB, the next ones asked of the kernel ahead, memory the same whatever the size. */
#include "crypto/digest.h"

#include "base/arena.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE_BYTES (1 * MIB)

static void closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

int digest_fd(int fd, uint64_t offset, struct digest *ret, uint64_t *ret_bytes, struct err *err)
{
	__attribute__((cleanup(digest_stream_freep))) struct digest_stream *stream = digest_stream_new();
	RF_AUTO_FREE char *piece = rf_alloc(PIECE_BYTES);
	uint64_t at = offset;

	if (!stream || !piece)
		return err_set(err, RF_ENOMEM, "no memory to hash a file");
	/* Twice the read-ahead for one pass from front to back; a file system that does not care may refuse. */
	(void)posix_fadvise(fd, (off_t)offset, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		size_t n = 0;
		int rc = fs_pread(fd, piece, PIECE_BYTES, at, &n, err);

		if (rc != 0)
			return rc;
		if (n == 0)
			break;
		digest_stream_add(stream, piece, n);
		at += n;
	}
	digest_stream_end(stream, ret);
	if (ret_bytes)
		*ret_bytes = at - offset;
	return 0;
}

int digest_file(const char *path, struct digest *ret, uint64_t *ret_bytes, struct err *err)
{
	__attribute__((cleanup(closep))) int fd = -1;
	int rc = fs_open_regular(path, false, &fd, NULL, err);

	if (rc != 0)
		return rc;
	rc = digest_fd(fd, 0, ret, ret_bytes, err);
	return rc == 0 ? 0 : err_in_file(err, path);
}
