/* Tables: with our own column names, and with a mapping. */
#include "advisory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct advisory_mapping mapping = { .id = "编号",
							 .product = "产品",
							 .affected = "影响版本",
							 .fixed = "修复版本",
							 .published = "发布日期",
							 .tlp = "密级",
							 .aliases = "其他编号",
							 .delimiter = ';' };
	fuzz_format("table", NULL, data, size);
	fuzz_format("table", &mapping, data, size);
	return 0;
}
