/* Pages of NVD's API as a sync looks at them. */
#include "advisory/sync_nvd.h"

#include "advisory/feed_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	RF_AUTO_PTR(json_doc) doc = json_doc_new();
	struct json root;
	struct nvd_page page;
	struct drift drift = { .count = 0 };
	if (!doc || json_parse(doc, span_bytes(data, size), &root, NULL) || nvd_page_read(root, &page, NULL))
		return 0;
	(void)!nvd_page_check(&page, 0, 2000, NULL);
	for (struct json_each e = json_each(page.records); json_next(&e);) {
		if (!nvd_record_id(e.value).n)
			abort();
		drift_look_nvd(&drift, json_get(e.value, "cve"));
	}
	return 0;
}
