/* CVSS vectors: a score that is read lies between 0 and 10. */
#include "advisory/cvss.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cvss v;
	if (!cvss_read(span_bytes(data, size), &v, NULL) &&
	    !(v.base >= 0 && v.base <= 10 && v.score >= 0 && v.score <= 10))
		abort();
	return 0;
}
