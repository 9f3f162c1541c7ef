/* The argument list of bwrap, and the reading of its status documents. Options used exist since bubblewrap 0.4 (Ubuntu
 * 20.04); see bwrap(1). */
#include "process_int.h"

void bubblewrap_add(struct bubblewrap_arguments *a, const char *argument)
{
	if (a->n == BUBBLEWRAP_MAX_ARGUMENTS) {
		a->full = true;
		return;
	}
	a->list[a->n++] = argument;
	a->list[a->n] = NULL;
}

static void add3(struct bubblewrap_arguments *a, const char *option, const char *from, const char *to)
{
	bubblewrap_add(a, option);
	bubblewrap_add(a, from);
	bubblewrap_add(a, to);
}

static void add2(struct bubblewrap_arguments *a, const char *option, const char *value)
{
	bubblewrap_add(a, option);
	bubblewrap_add(a, value);
}

void bubblewrap_build(const struct process_isolation *isolation, const char *folder,
		      const struct system_path system_paths[SYSTEM_PATHS], struct bubblewrap_arguments *ret)
{
	*ret = (struct bubblewrap_arguments){ .n = 0 };
	bubblewrap_add(ret, "bwrap");
	bubblewrap_add(ret, "--unshare-all");
	if (isolation->network)
		bubblewrap_add(ret, "--share-net");
	/* its own terminal session: no TIOCSTI into ours */
	bubblewrap_add(ret, "--new-session");
	bubblewrap_add(ret, "--die-with-parent");
	add2(ret, "--cap-drop", "ALL");
	add2(ret, "--hostname", "sandbox");
	add2(ret, "--json-status-fd", "3");
	for (size_t i = 0; isolation->system_files && i < SYSTEM_PATHS; i++) {
		const struct system_path *s = &system_paths[i];

		if (!s->present)
			continue;
		if (s->link[0])
			add3(ret, "--symlink", s->link, s->path);
		else
			add3(ret, "--ro-bind", s->path, s->path);
	}
	add2(ret, "--proc", "/proc");
	add2(ret, "--dev", "/dev");
	add2(ret, "--tmpfs", "/tmp");
	for (size_t i = 0; i < isolation->bind_count; i++) {
		const struct process_bind *b = &isolation->binds[i];
		const char *option = b->device ? "--dev-bind" : b->writable ? "--bind" : "--ro-bind";

		add3(ret, option, b->host_path, b->inside_path ? b->inside_path : b->host_path);
	}
	add2(ret, "--chdir", folder ? folder : "/");
	bubblewrap_add(ret, "--");
}

/* The number behind "@key": in @documents; -1 when there is none. The writer is bwrap, with a fixed form: blanks may
 * stand behind the colon, nothing is quoted or nested but the namespace numbers. */
static int64_t number_of(struct span documents, const char *key)
{
	size_t at = span_find(documents, span_of(key));
	struct span rest;
	uint64_t v;
	size_t n = 0;

	if (at == SIZE_MAX)
		return -1;
	rest = span_trim(span_from(documents, at + strlen(key)));
	while (n < rest.n && rest.p[n] >= '0' && rest.p[n] <= '9')
		n++;
	return span_u64(span_sub(rest, 0, n), &v) && v <= INT32_MAX ? (int64_t)v : -1;
}

void bubblewrap_status(struct span documents, pid_t *ret_child, int *ret_exit)
{
	int64_t child = number_of(documents, "\"child-pid\":");

	*ret_child = child > 1 ? (pid_t)child : 0;
	*ret_exit = (int)number_of(documents, "\"exit-code\":");
}
