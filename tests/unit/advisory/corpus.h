/* The corpora of others: unpacked into a temporary folder for a test, which skips without them. */
#ifndef TEST_ADVISORY_CORPUS_H
#define TEST_ADVISORY_CORPUS_H

#include "base/fs.h"

#include "testing.h"

#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

/* 0 when tar was content. */
static inline int testing_unpack(const char *archive, const char *folder)
{
	pid_t pid;
	int status = 0;
	const char *argv[] = { "tar", "xf", archive, "-C", folder, NULL };
	if (posix_spawnp(&pid, "tar", NULL, NULL, (char **)(uintptr_t)argv, environ) || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

/* The same of an archive of the shared data ("corpora/nvd-overrides.tar.xz") into a new folder, the caller's to remove;
 * false: it is not at hand. */
static inline bool testing_unpack_shared(const char *archive, char *folder, size_t size)
{
	char path[512];
	struct err err = ERR_INIT;
	if (!testing_shared_data())
		return false;
	snprintf(path, sizeof path, "%s/%s", testing_shared_data(), archive);
	if (!fs_exists(path))
		return false;
	assert_ok(fs_temporary_dir("reforge-corpus", folder, size, &err), &err);
	assert_int_equal(testing_unpack(path, folder), 0);
	return true;
}

#endif
