/* rpm's database in SQLite: pages, b-trees, records, headers. */
#include "artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_artifact(data, size, "var/lib/rpm/rpmdb.sqlite");
	return 0;
}
