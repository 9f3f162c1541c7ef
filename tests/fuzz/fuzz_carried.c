/* A carried advisory: what is read is read the same again when written, and can be judged. */
#include "advisory/carried.h"
#include "exposure/finding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(struct arena *a, const struct stored_advisory *v)
{
	struct finding f;
	for (size_t i = 0; i < v->advisory.statement_count && i < 8; i++) {
		struct finding_subject s = { .component = { .product = v->advisory.statements[i].product,
							    .version = SPAN("10.13.3.9") } };
		if (finding_judge(a, &s, v, &f, NULL))
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT(256 * MIB);
	RF_AUTO(str) once = STR_INIT(64 * MIB);
	RF_AUTO(str) twice = STR_INIT(64 * MIB);
	struct stored_advisory v, again;
	if (!carried_read(&a, span_bytes(data, size), &v, NULL)) {
		judge(&a, &v);
		if (!carried_write(&v, &once, NULL) && (carried_read(&a, str_span(&once), &again, NULL) ||
							carried_write(&again, &twice, NULL) ||
							!span_eq(str_span(&once), str_span(&twice))))
			abort();
	}
	arena_release(&a);
	return 0;
}
