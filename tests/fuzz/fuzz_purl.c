/* Package URLs and product names from outside. */
#include "version/product.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(256 * KIB);
	struct component c;
	struct span text = span_bytes(data, size);
	(void)!component_read(&a, text, &c, NULL);
	(void)product_by_any(text);
	(void)product_by_osv(SPAN("PyPI"), text);
	arena_release(&a);
	return 0;
}
