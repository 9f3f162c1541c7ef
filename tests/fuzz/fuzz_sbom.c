/* Bills of materials: CycloneDX, SPDX in JSON and as tag-value. */
#include "inventory/sbom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct image_map images;
	static struct arena maps = ARENA_INIT(MIB);
	struct arena a = ARENA_INIT(64 * MIB);
	struct sbom s;
	if (!images.first && image_map_builtin(&images, &maps, NULL) < 0)
		abort();
	if (sbom_read(span_bytes(data, size), &images, &a, &s, NULL) == 0) {
		size_t versionless = 0;
		for (size_t i = 0; i < s.facts.component_count; i++) {
			versionless += !s.facts.components[i].version.n;
			if (!s.facts.components[i].product.n)
				abort();
		}
		if (versionless != s.versionless || (s.facts.finding == ARTIFACT_CLEAR) != (s.facts.cause[0] == '\0'))
			abort();
	}
	arena_release(&a);
	return 0;
}
