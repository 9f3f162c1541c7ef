/* The corpora of others: unpacked into a temporary folder for a test, which skips without them. */
#ifndef TEST_ADVISORY_CORPUS_H
#define TEST_ADVISORY_CORPUS_H

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

#endif
