/* Shared by the artifact targets: reads a file as a full scan does, and checks what must hold for any bytes. */
#ifndef REFORGE_FUZZ_ARTIFACT_H
#define REFORGE_FUZZ_ARTIFACT_H

#include "inventory/artifact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_artifact(const uint8_t *data, size_t size, const char *name)
{
	struct arena a = ARENA_INIT(4 * MIB);
	struct artifact_source src = artifact_source_bytes(span_bytes(data, size));
	struct artifact_facts f;
	if (artifact_read(&src, span_of(name), ARTIFACT_WITH_EVIDENCE, &a, &f, NULL) == 0) {
		if (artifact_pass_wanted(&f)) {
			struct artifact_pass pass;
			artifact_pass_begin(&pass, &f);
			artifact_pass_add(&pass, data, size / 2);
			artifact_pass_add(&pass, data + size / 2, size - size / 2);
			if (artifact_pass_end(&pass, &a, &f, NULL) < 0)
				abort();
		}
		/* unknown is said, never left out; a finding has a cause and a sentence */
		if ((f.version[0] == '\0') != (f.version_source == ARTIFACT_VERSION_UNKNOWN) ||
		    (f.finding == ARTIFACT_CLEAR) != (f.cause[0] == '\0') ||
		    (f.finding != ARTIFACT_CLEAR && f.note_count == 0))
			abort();
		if (artifact_kind_is_engine(span_of(f.kind)) && !f.version[0] && f.finding == ARTIFACT_CLEAR)
			abort();
	}
	arena_release(&a);
}

#endif
