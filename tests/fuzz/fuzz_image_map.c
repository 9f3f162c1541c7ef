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
	static const char *const images[] = { "nvcr.io/nvidia/tensorrt:24.08-py3", "nvcr.io/nvidia/l4t-tensorrt:r8.5.2-devel", "a/b" };
	for (size_t i = 0; i < RF_COUNT(images); i++) {
		if (image_reference_read(span_of(images[i]), &ref, NULL) < 0)
			abort();
		image_contents(&m, &ref, &c);
		if (c.fact_count > IMAGE_MAX_FACTS || c.candidate_count > IMAGE_MAX_FACTS || (c.proven && c.candidate_count) ||
		    c.around_from > c.candidate_count)
			abort();
	}
	arena_release(&a);
	return 0;
}
