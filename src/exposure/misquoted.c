/* Ids that articles quote as flaws of a product and that describe nothing. A row needs a public record to point at. */
#include "exposure/exposure.h"

static const struct misquoted rows[] = {
	{ "CVE-2023-46721", "pkg:generic/nvidia/tensorrt", "a heap overflow in the ONNX parser of TensorRT 8.5.3",
	  "REJECTED on 2025-03-17, \"Not used\"; it was reserved on 2023-10-25 and never described anything",
	  "fortinet", "https://www.cve.org/CVERecord?id=CVE-2023-46721" },
};

const struct misquoted *misquoted_find(struct span id)
{
	for (size_t i = 0; i < RF_COUNT(rows); i++)
		if (span_eq_nocase(id, span_of(rows[i].id)))
			return &rows[i];
	return NULL;
}
