/* Addresses that servers and documents give: the base on the first line, a reference on the second. */
#include "base/arena.h"
#include "network/http_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_bytes(data, size), first = SPAN_NONE;
	char joined[HTTP_MAX_URL], shown[512];
	(void)span_line(&rest, &first);
	char *base = rf_text_span(first);
	if (!base)
		return 0;
	if (!http_url_join(base, rest, joined, sizeof joined, NULL) && !http_url_is_valid(joined))
		abort();
	(void)http_url_visible(base, shown, sizeof shown);
	rf_free(base);
	return 0;
}
