/* CPE names: a name that is read covers itself. */
#include "version/cpe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpe c;
	struct span text = span_bytes(data, size);
	char plain[64];
	if (cpe_read(text, &c, NULL))
		return 0;
	for (size_t i = 0; i < CPE_ATTRIBUTES; i++)
		if (cpe_plain(c.at[i], plain, sizeof plain).n >= sizeof plain || c.at[i].n > text.n + 1)
			abort();
	(void)cpe_product(&c);
	(void)cpe_matches(&c, &c);
	return 0;
}
