/* A CMDB's files: a line === parts the mapping from the rows. */
#include "inventory/cmdb.h"
#include "libfyaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	struct span all = span_bytes(data, size);
	size_t cut = span_find(all, SPAN("\n===\n")), n = 0, left_out, sum = 0;
	struct span yaml = span_sub(all, 0, cut == SIZE_MAX ? 0 : cut), rest = span_from(all, cut == SIZE_MAX ? 0 : cut + 5);
	struct cmdb_mapping m = { .columns = { [CMDB_HOST] = "host", [CMDB_SERVICE] = "service" }, .records = "" };
	struct cmdb_row *rows = NULL;
	if (yaml.n && cmdb_mapping_read(yaml, "mapping", &a, &m, NULL))
		m = (struct cmdb_mapping){ .columns = { [CMDB_HOST] = "host" }, .records = "" };
	if (cmdb_read(&m, rest, "rows", &a, &rows, &n, &left_out, NULL) == 0)
		for (size_t i = 0; i < n; i++)
			for (int k = 0; k < CMDB_FIELDS; k++)
				sum += strlen(rows[i].fields[k]);
	arena_release(&a);
	return sum == SIZE_MAX;
}
