/* Lines of /proc/PID/maps and cgroup: names in them are chosen by others. */
#include "inventory/host_process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_bytes(data, size);
	struct host_map m;
	size_t sum = host_container_of(rest).n;
	while (host_map_next(&rest, &m))
		for (size_t i = 0; i < m.path.n; i++)
			sum += (unsigned char)m.path.p[i];
	return sum == SIZE_MAX;
}
