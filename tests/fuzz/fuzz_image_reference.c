/* References to images: what is taken is written back as something that reads the same. */
#include "format/image_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char first[IMAGE_REFERENCE_MAX], second[IMAGE_REFERENCE_MAX];
	struct image_reference r;
	(void)image_registry_is_loopback(span_bytes(data, size));
	if (image_reference_read(span_bytes(data, size), &r, NULL) < 0)
		return 0;
	image_reference_text(&r, first);
	/* a name may be as long as is read only without what stands for its parts that are left out */
	if (strlen(first) + 1 >= IMAGE_REFERENCE_MAX)
		return 0;
	if (image_reference_read(span_of(first), &r, NULL) < 0 || strcmp(image_reference_text(&r, second), first) != 0)
		abort();
	return 0;
}
