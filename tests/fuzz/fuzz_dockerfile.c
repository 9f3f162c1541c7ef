/* Dockerfiles: instructions, arguments, expansions, references. */
#include "inventory/dockerfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct image_map images;
	static struct arena maps = ARENA_INIT(16 * MIB);
	struct arena a = ARENA_INIT(16 * MIB);
	struct artifact_facts f;
	if (!images.first && image_map_builtin(&images, &maps, NULL) < 0)
		abort();
	if (dockerfile_facts(span_bytes(data, size), &images, &a, &f, NULL) == 0 &&
	    (f.finding == ARTIFACT_CLEAR) != (f.cause[0] == '\0'))
		abort();
	struct span text = span_bytes(data, size);
	if (dockerfile_is(SPAN("Dockerfile.x"), text) && !dockerfile_is(SPAN("Dockerfile"), text))
		abort();
	arena_release(&a);
	return 0;
}
