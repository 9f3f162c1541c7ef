/* Documents of container images; the first byte says which one. */
#include "format/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(64 * MIB);
	struct span text = span_bytes(data, size);
	char kind = text.n ? text.p[0] : 0;
	struct image_document d;
	struct image_config c;
	struct image_saved *saved;
	size_t n;
	text = span_from(text, 1);
	if (kind == 'c') {
		if (image_config_read(&a, text, &c, NULL) == 0)
			for (size_t i = 0; i < c.count; i++)
				if (!image_digest_is_valid(c.diff_ids[i]))
					abort();
	} else if (kind == 's') {
		(void)!image_saved_read(&a, text, &saved, &n, NULL);
	} else if (kind == 'l') {
		(void)!image_layout_check(text, NULL);
	} else if (image_document_read(&a, text, SPAN_NONE, &d, NULL) == 0) {
		struct image_platform here = image_platform_here();
		for (size_t i = 0; i < d.count; i++)
			if (!image_digest_is_valid(d.entries[i].digest))
				abort();
		if (d.kind == IMAGE_INDEX && image_platform_choose(&d, &here, &n, NULL) == 0 && n >= d.count)
			abort();
	}
	arena_release(&a);
	return 0;
}
