/* The texts of /proc/self/cgroup and mountinfo, split at the first NUL of the input. */
#include "process/process_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data, size };
	size_t cut = span_find_byte(all, '\0');
	char path[256];
	pid_t child;
	int code;

	if (cut == SIZE_MAX)
		cut = size;
	(void)cgroup_own_path(span_sub(all, 0, cut), span_from(all, cut < size ? cut + 1 : cut), path, sizeof path);
	bubblewrap_status(all, &child, &code);
	return 0;
}
