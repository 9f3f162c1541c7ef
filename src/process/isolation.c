/* What this machine has for isolation: bubblewrap, the system's folders, and whether namespaces may be made at all. */
#include "process_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a dynamic program needs to start, and no more of /etc than the loader reads, the alternatives' links (BLAS,
 * java) and the names of the users: many programs fail without. Order: parents first. */
static const char *const SYSTEM_NAMES[SYSTEM_PATHS] = {
	"/usr",
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/libx32",
	"/etc/ld.so.cache",
	"/etc/ld.so.conf",
	"/etc/ld.so.conf.d",
	"/etc/alternatives",
	"/etc/passwd",
};

static void look(struct isolation_host *host)
{
	struct err err = ERR_INIT;
	const char *path = getenv("PATH");

	host->bubblewrap = spawn_find("bwrap", path ? path : "/usr/bin:/bin", host->bubblewrap_path,
				      sizeof host->bubblewrap_path, &err) == 0;
	for (size_t i = 0; i < SYSTEM_PATHS; i++) {
		struct system_path *s = &host->system_paths[i];
		struct stat st;
		ssize_t n;

		s->path = SYSTEM_NAMES[i];
		if (lstat(s->path, &st) != 0)
			continue;
		s->present = true;
		if (!S_ISLNK(st.st_mode))
			continue;
		n = readlink(s->path, s->link, sizeof s->link - 1);
		/* a link that does not fit is no merged /usr: what it points at is bound instead */
		s->link[n > 0 && (size_t)n < sizeof s->link - 1 ? n : 0] = '\0';
	}
}

static struct isolation_host the_host;

static void look_once(void)
{
	look(&the_host);
}

const struct isolation_host *isolation_host(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, look_once);
	return &the_host;
}

static struct {
	bool works;
	char text[512];
} found;

static void probe(void)
{
	static const char *const argv[] = { "true", NULL };
	const struct process_isolation isolation = { .system_files = true };
	const struct process_options options = {
		.argv = argv,
		.deadline_usec = 10 * USEC_PER_SEC,
		.output_limit_bytes = 4 * KIB,
		.isolation = &isolation,
	};
	struct process_result result;
	struct err err = ERR_INIT;
	int rc = process_run(&options, &result, &err);

	if (rc == 0 && result.exit_status == 0) {
		int version = cgroup_available();

		found.works = true;
		if (version)
			(void)snprintf(found.text, sizeof found.text, "bubblewrap, memory cgroup v%d", version);
		else
			(void)snprintf(found.text, sizeof found.text,
				       "bubblewrap, RLIMIT_AS (no memory cgroup can be made here)");
	} else if (rc != 0) {
		(void)snprintf(found.text, sizeof found.text, "no isolation: %.400s", err.text);
	} else {
		(void)snprintf(found.text, sizeof found.text,
			       "no isolation: a program in bubblewrap ended with status %d", result.exit_status);
	}
	process_result_release(&result);
}

bool process_isolation_available(char *ret_text, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, probe);
	if (ret_text && size > 0)
		(void)snprintf(ret_text, size, "%s", found.text);
	return found.works;
}
