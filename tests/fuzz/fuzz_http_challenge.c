/* WWW-Authenticate. */
#include "network/http_challenge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_challenge c;
	if (http_challenge_read(span_bytes(data, size), &c, NULL) == 0 && c.scheme > HTTP_CHALLENGE_BEARER)
		abort();
	return 0;
}
