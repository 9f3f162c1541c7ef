/* Maps from tags of images to what they hold. */
#include "inventory/image_tag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(16 * MIB);
	struct image_map m = { 0 };
	struct image_contents c;
	struct image_reference ref;
	(void)!image_map_read(&m, span_bytes(data, size), &a, NULL);
	if (image_reference_read(SPAN("nvcr.io/nvidia/tensorrt:24.08-py3"), &ref, NULL) < 0)
		abort();
	image_contents(&m, &ref, &c);
	if (c.fact_count > IMAGE_MAX_FACTS || (c.proven && c.candidate_count))
		abort();
	arena_release(&a);
	return 0;
}
